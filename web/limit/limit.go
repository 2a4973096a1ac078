// Package limit owns how much of the server one visitor may have: how often,
// how many at once, and how many failures. Keys are hashed, so what is limited
// can be a person's name, and memory is bounded whatever comes. Replicas count
// how often and how many failures together; see [Shared].
package limit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// keysMost is how many keys a limiter remembers at once: with them it takes
// some 4 MiB. Beyond it the keys that have nothing left to forget go first,
// and then any: a flood of addresses forgets others' debts, but costs no
// memory.
const keysMost = 1 << 16

// seed makes the hashes of this process unlike those of any other, so nobody
// can choose keys that collide.
var seed = maphash.MakeSeed()

// Rate is how often something may happen.
type Rate struct {
	// Burst is how often at once, after a pause; zero means any number.
	Burst int
	// Every is how long it takes until one more may happen.
	Every time.Duration
}

// Buckets hold one token bucket per key. It is safe for concurrent use.
type Buckets struct {
	kind string
	rate Rate
	now  func() time.Time

	mu sync.Mutex
	// full says, by the hash of a key, when its bucket will be full again.
	full map[uint64]int64 // Unix nanoseconds
}

// NewBuckets returns full buckets. kind tells them apart from others that have
// the same keys, now tells the time.
func NewBuckets(kind string, r Rate, now func() time.Time) *Buckets {
	return &Buckets{kind: kind, rate: r, now: now, full: make(map[uint64]int64)}
}

// Claim is one token of a key's bucket.
type Claim struct {
	Of  *Buckets
	Key string
}

// Take takes one token for each claim in turn, up to the first whose bucket is
// empty; then ok is false and wait is how long it takes until there is one.
// Replicas that share a store take from it too, with one call in all: an empty
// bucket of this process alone refuses without it, and if it does not answer
// this process's alone count for a second. shared may be nil.
func Take(ctx context.Context, shared *Shared, claims ...Claim) (wait time.Duration, ok bool) {
	for _, c := range claims {
		if wait, ok := c.Of.Take(c.Key); !ok {
			return wait, false
		}
	}
	if shared == nil {
		return 0, true
	}
	if wait, ok = shared.take(ctx, claims); !ok {
		for _, c := range claims {
			c.Of.giveBack(c.Key) // a refusal costs nothing
		}
	}
	return wait, ok
}

// Take takes one token of a key's bucket. If it is empty, ok is false and wait
// is how long it takes until there is one.
func (b *Buckets) Take(key string) (wait time.Duration, ok bool) {
	if b.rate.Burst <= 0 {
		return 0, true
	}
	h, now := maphash.String(seed, key), b.now().UnixNano()
	b.mu.Lock()
	defer b.mu.Unlock()
	full, known := b.full[h]
	next := max(full, now) + int64(b.rate.Every)
	if over := next - now - int64(b.rate.Burst)*int64(b.rate.Every); over > 0 {
		return time.Duration(over), false
	}
	if !known && len(b.full) >= keysMost {
		b.forget(now)
	}
	b.full[h] = next
	return 0, true
}

// giveBack puts a token back that was taken.
func (b *Buckets) giveBack(key string) {
	h := maphash.String(seed, key)
	b.mu.Lock()
	defer b.mu.Unlock()
	if full, known := b.full[h]; known {
		b.full[h] = full - int64(b.rate.Every)
	}
}

// forgetAtOnce bounds the work of one request that comes as a key too many.
const forgetAtOnce = 8

// forget makes room for one key. Go's maps begin at a random place, so keys
// are looked at in turn.
func (b *Buckets) forget(now int64) {
	looked := 0
	var any uint64
	for h, full := range b.full {
		any = h
		if full <= now {
			delete(b.full, h)
		}
		if looked++; looked == forgetAtOnce {
			break
		}
	}
	if len(b.full) >= keysMost {
		delete(b.full, any)
	}
}

// Budget counts the failures of keys, at most so many within a time. It is
// safe for concurrent use.
type Budget struct {
	most   int
	within time.Duration
	now    func() time.Time
	shared *Shared // nil for this process alone

	mu     sync.Mutex
	failed map[uint64][]int64 // when; Unix nanoseconds, the oldest first
}

// NewBudget returns a budget of most failures within a time; most of zero
// means any number. Replicas have one budget together; shared is nil for this
// process alone.
func NewBudget(most int, within time.Duration, now func() time.Time, shared *Shared) *Budget {
	return &Budget{most: most, within: within, now: now, shared: shared, failed: make(map[uint64][]int64)}
}

// Try spends one failure in advance, so that attempts at the same time cannot
// exceed the budget together. The caller says with done what came of it: a
// failure stays spent, a success gives all of the key's back, and what is
// neither gives back this one. If nothing is left, done is nil and wait is how
// long it takes until something is. An error, which only a shared store has,
// means that nobody knows: then nothing must be tried, because an account may
// be at stake.
func (b *Budget) Try(ctx context.Context, key string) (done func(Result), wait time.Duration, err error) {
	if b.most <= 0 {
		return func(Result) {}, 0, nil
	}
	if b.shared != nil {
		return b.shared.try(ctx, b, key)
	}
	h, now := maphash.String(seed, key), b.now().UnixNano()
	b.mu.Lock()
	defer b.mu.Unlock()
	times := b.recent(b.failed[h], now)
	if len(times) >= b.most {
		b.failed[h] = times
		return nil, time.Duration(times[0] + int64(b.within) - now), nil
	}
	if len(times) == 0 && len(b.failed) >= keysMost {
		b.forget(now)
	}
	b.failed[h] = append(times[:len(times):len(times)], now)
	var once sync.Once
	return func(r Result) { once.Do(func() { b.settle(h, now, r) }) }, 0, nil
}

// recent are the failures that still count.
func (b *Budget) recent(times []int64, now int64) []int64 {
	for len(times) > 0 && times[0] <= now-int64(b.within) {
		times = times[1:]
	}
	return times
}

// Result is what came of an attempt.
type Result int

// What may come of an attempt.
const (
	Failed  Result = iota // it counts
	Passed                // it shows that the person knows how
	Unknown               // no answer, or one that says nothing
)

func (b *Budget) settle(h uint64, at int64, r Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch times := b.failed[h]; r {
	case Passed:
		delete(b.failed, h)
	case Unknown:
		for i, when := range times {
			if when == at {
				times = append(times[:i:i], times[i+1:]...)
				break
			}
		}
		if b.failed[h] = times; len(times) == 0 {
			delete(b.failed, h)
		}
	}
}

// forget is Buckets.forget for failures.
func (b *Budget) forget(now int64) {
	looked := 0
	var any uint64
	for h, times := range b.failed {
		any = h
		if len(times) == 0 || times[len(times)-1] <= now-int64(b.within) {
			delete(b.failed, h)
		}
		if looked++; looked == forgetAtOnce {
			break
		}
	}
	if len(b.failed) >= keysMost {
		delete(b.failed, any)
	}
}
