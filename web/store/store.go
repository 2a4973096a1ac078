// Package store owns the one interface through which state outlives a request: bytes under a key for a time.
//
// Sessions, sandbox worlds, class rooms and rate limits go through it, so a replica holds nothing that
// another one lacks. It knows nothing about what the bytes mean; whoever stores a secret seals it first.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The ways in which a store says no. They are never mixed up: a store that cannot answer is
// [ErrUnavailable], because taking it for [ErrNotFound] would sign people out when a network blinks.
var (
	// ErrNotFound: the store answered, and there is nothing (or nothing any more) under the key.
	ErrNotFound = errors.New("nothing is stored under this key")

	// ErrConflict: something else is under the key than the version that was named. Load again, then decide.
	ErrConflict = errors.New("the stored value has changed in the meantime")

	// ErrUnavailable: the store could not be asked. Whether a write was made is unknown.
	ErrUnavailable = errors.New("the store is not available")

	// ErrFull: there is no room for the write. Reading and deleting still work.
	ErrFull = errors.New("the store is full")
)

// Any, as the version of a Put, replaces whatever is there.
const Any = ^uint64(0)

// MaxKey is the longest key in bytes. It leaves room below every backend's own limit.
const MaxKey = 512

// What a backend keeps beside values begins like this, so no value may: its leases, and what it counts by.
const (
	leasePrefix = "lease:"
	countPrefix = "count:"
)

// A Store keeps bytes under a key for a time. It is safe for concurrent use.
//
// Keys are 1 to [MaxKey] bytes and begin with neither "lease:" nor "count:". Values belong to the caller: the store
// copies what it is given, and what it returns may be written to.
type Store interface {
	// Get returns the value and its version, which is never 0 and never [Any]. Errors: ErrNotFound (also
	// once the time is over), ErrUnavailable.
	Get(ctx context.Context, key string) (value []byte, version uint64, err error)

	// Put stores value for ttl, provided that version is what the store holds: 0 means that there must be
	// nothing, Any that it does not matter. It returns the new version. No version is given out twice for
	// one key, not even after a Delete. A ttl of zero or less is refused: nothing is kept for ever.
	// Errors: ErrConflict, ErrFull, ErrUnavailable.
	Put(ctx context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error)

	// Delete removes what is under key. That there is nothing is not an error. Errors: ErrUnavailable.
	Delete(ctx context.Context, key string) error

	// Lease waits until nobody else holds the lease on key, or until ctx ends (the error then wraps
	// ctx.Err()). Should the holder's process die, the lease is free again after ttl at the latest. A
	// lease says nothing about values: Get and Put work without it. Errors: ErrUnavailable.
	Lease(ctx context.Context, key string, ttl time.Duration) (Lease, error)
}

// A Counter is a [Store] that can tell how much it keeps without looking at any value. All of ours are.
type Counter interface {
	// Count says how many values live under keys that begin with prefix. It is meant to be asked every few
	// seconds, not with every request, and may be off by what is written meanwhile. Errors: ErrUnavailable.
	Count(ctx context.Context, prefix string) (int, error)
}

// A Purger is a [Store] that can be emptied. All of ours are.
type Purger interface {
	// Purge deletes every value whose key begins with prefix, "" for all, and says how many there were. It may
	// miss what is written meanwhile; a Put that names a version from before fails. It looks through all
	// keys, so it is for an operator and not for a request. Errors: ErrUnavailable, with the number until then.
	Purge(ctx context.Context, prefix string) (int, error)
}

// Pace is how often something may happen under a key: one more after each Every, and Burst at once after a pause.
// The key is none that is Put.
type Pace struct {
	Key   string
	Every time.Duration
	Burst int
}

// A Pacer is a [Store] that keeps a pace by itself, in one step for all replicas. Redis is one.
type Pacer interface {
	// Take lets one more happen under each of the paces' keys in turn, up to the first where that is too
	// much, and says how long it would have to wait there; zero if there is none. now is what the caller's
	// clock says. Errors: ErrFull, ErrUnavailable.
	Take(ctx context.Context, now time.Time, paces []Pace) (wait time.Duration, err error)
}

// A Lease is held until it is released: while its process lives it renews itself every third of its ttl.
type Lease interface {
	// Release lets the next one in. Releasing twice does nothing.
	Release()
}

// Check reports what is wrong with a key and a time to live, for use by backends.
func Check(key string, ttl time.Duration) error {
	switch {
	case key == "":
		return errors.New("the key is empty")
	case len(key) > MaxKey:
		return fmt.Errorf("the key has %d bytes; at most %d are allowed", len(key), MaxKey)
	case strings.HasPrefix(key, leasePrefix):
		return fmt.Errorf("the key %q begins with %q, which is kept for leases", key, leasePrefix)
	case strings.HasPrefix(key, countPrefix):
		return fmt.Errorf("the key %q begins with %q, which is kept for counting", key, countPrefix)
	case ttl <= 0:
		return fmt.Errorf("the time to live is %v; it must be more than zero", ttl)
	}
	return nil
}
