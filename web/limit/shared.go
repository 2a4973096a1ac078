package limit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tokenplayground/web/store"
)

const (
	// askFor is how long a request may wait for the pace that replicas share.
	// With what the session's own reading may take, a store that hangs still
	// costs it less than a second.
	askFor = 100 * time.Millisecond

	// restFor is how long a store that did not answer is left alone: each
	// replica then keeps the pace by itself.
	restFor = time.Second

	// settleFor bounds what is written after an attempt.
	settleFor = 2 * time.Second

	// swaps is how often a value is swapped at most. Each time somebody else
	// was faster, and a budget lets only so many be.
	swaps = 100
)

// Shared is what replicas count together: a store, in which keys are hashed
// under a secret that all of them have, so that it names nobody.
type Shared struct {
	// Store is the one of all replicas. One that is a [store.Pacer] is asked
	// once for all paces of a request.
	Store store.Store
	// Secret is the same on all replicas.
	Secret []byte
	// Now tells the time.
	Now func() time.Time
	// Log is told when a store does not answer.
	Log *slog.Logger

	rests  atomic.Int64  // until when; Unix nanoseconds
	askFor time.Duration // of tests; zero means askFor
}

// key is where something is counted. kind tells apart what has the same key.
func (s *Shared) key(kind, key string) string {
	h := hmac.New(sha256.New, s.Secret)
	h.Write([]byte(kind + "\x00" + key))
	return "limit:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// take takes one token of each claim's bucket, up to the first that is empty.
// Without an answer of the store ok is true: who is paced is a visitor, and
// this process has paced them already.
func (s *Shared) take(ctx context.Context, claims []Claim) (wait time.Duration, ok bool) {
	now := s.Now()
	if now.UnixNano() < s.rests.Load() {
		return 0, true
	}
	var paces []store.Pace
	for _, c := range claims {
		if r := c.Of.rate; r.Burst > 0 {
			paces = append(paces, store.Pace{Key: s.key(c.Of.kind, c.Key), Every: r.Every, Burst: r.Burst})
		}
	}
	if paces == nil {
		return 0, true
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.askFor, askFor))
	defer cancel()
	wait, err := s.pace(ctx, now, paces)
	if err != nil && !errors.Is(err, context.Canceled) { // the visitor has gone
		s.rests.Store(now.Add(restFor).UnixNano())
		s.Log.Warn("the pace of visitors is kept by each replica alone for a second, because the store does not answer", "error", err)
	}
	return wait, err != nil || wait == 0
}

func (s *Shared) pace(ctx context.Context, now time.Time, paces []store.Pace) (wait time.Duration, err error) {
	if p, ok := s.Store.(store.Pacer); ok {
		return p.Take(ctx, now, paces)
	}
	for _, p := range paces {
		err := s.swap(ctx, p.Key, func(old []byte) ([]byte, time.Duration) {
			full := now.UnixNano()
			if len(old) == 8 {
				full = max(full, int64(binary.BigEndian.Uint64(old)))
			}
			after := full + int64(p.Every)
			if wait = time.Duration(after - now.UnixNano() - int64(p.Burst)*int64(p.Every)); wait > 0 {
				return old, 0
			}
			wait = 0
			return binary.BigEndian.AppendUint64(nil, uint64(after)), time.Duration(after - now.UnixNano())
		})
		if err != nil || wait > 0 {
			return wait, err
		}
	}
	return 0, nil
}

// swap replaces a value, nil where there is none, by what change makes of it,
// which may be asked several times. What it leaves as it is is not written.
func (s *Shared) swap(ctx context.Context, key string, change func(old []byte) (value []byte, ttl time.Duration)) error {
	for try := range swaps {
		old, version, err := s.Store.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			version = 0
		} else if err != nil {
			return err
		}
		value, ttl := change(old)
		if bytes.Equal(value, old) {
			return nil
		}
		if _, err := s.Store.Put(ctx, key, value, version, ttl); !errors.Is(err, store.ErrConflict) {
			return err
		}
		// So that those who met do not meet again.
		wait := time.NewTimer(rand.N(time.Duration(min(try+1, 10)) * time.Millisecond)) //nolint:gosec // no secret
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
	return store.ErrConflict
}

// times are the failures of a key as they are stored.
func times(value []byte) (all []int64) {
	for ; len(value) >= 8; value = value[8:] {
		all = append(all, int64(binary.BigEndian.Uint64(value)))
	}
	return all
}

func encodeTimes(all []int64) (value []byte) {
	for _, at := range all {
		value = binary.BigEndian.AppendUint64(value, uint64(at))
	}
	return value
}

// try is Budget.Try for all replicas.
func (s *Shared) try(ctx context.Context, b *Budget, key string) (done func(Result), wait time.Duration, err error) {
	key = s.key("failures", key)
	var at int64
	err = s.swap(ctx, key, func(old []byte) ([]byte, time.Duration) {
		now := s.Now().UnixNano()
		failed := b.recent(times(old), now)
		if len(failed) >= b.most {
			wait = time.Duration(failed[0] + int64(b.within) - now)
			return old, 0
		}
		at, wait = now, 0
		return encodeTimes(append(failed, at)), b.within
	})
	if err != nil || wait > 0 {
		return nil, wait, err
	}
	var once sync.Once
	return func(r Result) { once.Do(func() { s.settle(ctx, b, key, at, r) }) }, 0, nil
}

// settle is Budget.settle for all replicas. The attempt was made, whether or
// not who made it is still there.
func (s *Shared) settle(ctx context.Context, b *Budget, key string, at int64, r Result) {
	if r == Failed {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleFor)
	defer cancel()
	err := s.swap(ctx, key, func(old []byte) ([]byte, time.Duration) {
		if r == Passed {
			return nil, b.within
		}
		failed := times(old)
		if i := slices.Index(failed, at); i >= 0 {
			failed = slices.Delete(failed, i, i+1)
		}
		return encodeTimes(failed), b.within
	})
	if err != nil {
		s.Log.Warn("an attempt to sign in counts as failed, because the store does not answer", "error", err)
	}
}
