// Package storetest owns the contract that every [store.Store] must pass.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokenplayground/web/store"
)

// Clock is a clock that stands still until it is told otherwise. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock starts at a fixed instant.
func NewClock() *Clock { return &Clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Advance moves the clock; backwards if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Run holds the stores that open makes to the contract. Each call of open returns an empty store, closed by
// t.Cleanup if need be, and a function that makes time pass for it; one that is nil skips the cases that
// need it, for a backend whose clock cannot be moved.
func Run(t *testing.T, open func(t *testing.T) (s store.Store, advance func(time.Duration))) {
	ctx := context.Background()
	cases := []struct {
		name string
		run  func(t *testing.T, s store.Store)
	}{
		{"an unknown key is not found", func(t *testing.T, s store.Store) {
			if _, _, err := s.Get(ctx, "nobody"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		}},
		{"what was put comes back whole", func(t *testing.T, s store.Store) {
			for _, want := range [][]byte{{}, []byte("text"), {0, 1, 0xff, '\n', 0}, bytes.Repeat([]byte("x"), 1<<20)} {
				put(t, s, "k", want, store.Any)
				if got, _ := get(t, s, "k"); !bytes.Equal(got, want) {
					t.Errorf("%d bytes came back for %d", len(got), len(want))
				}
			}
		}},
		{"keys do not share values", func(t *testing.T, s store.Store) {
			put(t, s, "s:a", []byte("1"), 0)
			put(t, s, "s:ab", []byte("2"), 0)
			if err := s.Delete(ctx, "s:a"); err != nil {
				t.Fatal(err)
			}
			if got, _ := get(t, s, "s:ab"); string(got) != "2" {
				t.Errorf("got %q, want %q", got, "2")
			}
		}},
		{"the store keeps its own copy", func(t *testing.T, s store.Store) {
			for _, n := range []int{5, 20_000} { // stores may treat small and big values differently
				want := bytes.Repeat([]byte("g"), n)
				in := bytes.Clone(want)
				put(t, s, "k", in, store.Any)
				in[0] = 'X'
				out, _ := get(t, s, "k")
				if !bytes.Equal(out, want) {
					t.Errorf("writing to the %d bytes that were given changed them", n)
				}
				out[0] = 'Y'
				if again, _ := get(t, s, "k"); !bytes.Equal(again, want) {
					t.Errorf("writing to the %d bytes that were returned changed them", n)
				}
			}
		}},
		{"the version of a put is the version of the next get", func(t *testing.T, s store.Store) {
			v := put(t, s, "k", []byte("1"), 0)
			if _, got := get(t, s, "k"); got != v || v == 0 || v == store.Any {
				t.Errorf("put said %d, get says %d", v, got)
			}
		}},
		{"version 0 refuses to replace", func(t *testing.T, s store.Store) {
			put(t, s, "k", []byte("1"), 0)
			refuse(t, s, "k", 0)
			if got, _ := get(t, s, "k"); string(got) != "1" {
				t.Errorf("the refused put wrote %q", got)
			}
		}},
		{"the current version replaces, an older one is refused", func(t *testing.T, s store.Store) {
			v1 := put(t, s, "k", []byte("1"), 0)
			v2 := put(t, s, "k", []byte("2"), v1)
			if v1 == v2 {
				t.Errorf("version %d twice", v1)
			}
			refuse(t, s, "k", v1)
			if got, _ := get(t, s, "k"); string(got) != "2" {
				t.Errorf("got %q, want %q", got, "2")
			}
		}},
		{"a version of something gone is refused", func(t *testing.T, s store.Store) {
			v := put(t, s, "k", []byte("1"), 0)
			if err := s.Delete(ctx, "k"); err != nil {
				t.Fatal(err)
			}
			refuse(t, s, "k", v)
			if _, _, err := s.Get(ctx, "k"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the late put brought it back: %v", err)
			}
		}},
		{"a key that was deleted and made again has a new version", func(t *testing.T, s store.Store) {
			seen := map[uint64]bool{}
			for range 20 {
				v := put(t, s, "k", []byte("1"), 0)
				if seen[v] {
					t.Fatalf("version %d came again", v)
				}
				seen[v] = true
				if err := s.Delete(ctx, "k"); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"Any replaces whatever is there", func(t *testing.T, s store.Store) {
			put(t, s, "k", []byte("1"), store.Any)
			put(t, s, "k", []byte("2"), store.Any)
			if got, _ := get(t, s, "k"); string(got) != "2" {
				t.Errorf("got %q, want %q", got, "2")
			}
		}},
		{"deleting twice is no error", func(t *testing.T, s store.Store) {
			put(t, s, "k", []byte("1"), 0)
			for range 2 {
				if err := s.Delete(ctx, "k"); err != nil {
					t.Error(err)
				}
			}
			if _, _, err := s.Get(ctx, "k"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		}},
		{"bad keys and times are refused", func(t *testing.T, s store.Store) {
			for _, key := range []string{"", strings.Repeat("k", store.MaxKey+1), "lease:k", "count:k"} {
				if _, err := s.Put(ctx, key, []byte("1"), store.Any, time.Minute); err == nil {
					t.Errorf("key %.20q was taken", key)
				}
			}
			for _, ttl := range []time.Duration{0, -time.Second} {
				if _, err := s.Put(ctx, "k", []byte("1"), store.Any, ttl); err == nil {
					t.Errorf("ttl %v was taken", ttl)
				}
			}
			put(t, s, strings.Repeat("k", store.MaxKey), []byte("1"), 0)
		}},
		{"values are counted by the beginning of their key", func(t *testing.T, s store.Store) { // SES-13
			put(t, s, "s:1", []byte("1"), 0)
			put(t, s, "s:2", []byte("1"), 0)
			put(t, s, "s:2", []byte("2"), store.Any)
			put(t, s, "s:3", []byte("1"), 0)
			put(t, s, "s*", []byte("1"), 0)
			put(t, s, "t:1", []byte("1"), 0)
			if err := s.Delete(ctx, "s:3"); err != nil {
				t.Fatal(err)
			}
			defer lease(t, s, "s:1", time.Minute).Release()
			for prefix, want := range map[string]int{"s:": 2, "s:2": 1, "s*": 1, "t:": 1, "u:": 0, "": 4} {
				count(t, s, prefix, want)
			}
		}},
		{"a purge takes what begins alike, the rest stays, and a late put does not bring it back", func(t *testing.T, s store.Store) { // SES-13
			v := put(t, s, "s:1", []byte("1"), 0)
			var wg sync.WaitGroup
			for worker := range 12 {
				wg.Go(func() {
					for i := range 50 {
						if _, err := s.Put(ctx, fmt.Sprintf("a:%d/%d", worker, i), nil, 0, time.Minute); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			put(t, s, "t:1", []byte("1"), 0)
			purger, ok := s.(store.Purger)
			if !ok {
				t.Fatal("it cannot be purged")
			}
			for prefix, want := range map[string]int{"s:": 1, "a:": 600} {
				if n, err := purger.Purge(ctx, prefix); err != nil || n != want {
					t.Errorf("purging %q removed %d, %v; want %d", prefix, n, err, want)
				}
				count(t, s, prefix, 0)
			}
			refuse(t, s, "s:1", v)
			get(t, s, "t:1")
		}},
		{"of twenty racing puts on one version one wins", func(t *testing.T, s store.Store) {
			v := put(t, s, "k", []byte("0"), 0)
			var won, lost atomic.Int32
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					switch _, err := s.Put(ctx, "k", fmt.Append(nil, i), v, time.Minute); {
					case err == nil:
						won.Add(1)
					case errors.Is(err, store.ErrConflict):
						lost.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 || lost.Load() != 19 {
				t.Errorf("%d won and %d got ErrConflict, want 1 and 19", won.Load(), lost.Load())
			}
		}},
		{"puts on many keys at once are all kept", func(t *testing.T, s store.Store) {
			var wg sync.WaitGroup
			for i := range 32 {
				wg.Go(func() {
					key := fmt.Sprintf("k%d", i)
					var v uint64
					for n := range 5 {
						var err error
						if v, err = s.Put(ctx, key, fmt.Append(nil, i, n), v, time.Minute); err != nil {
							t.Errorf("%s: %v", key, err)
							return
						}
					}
				})
			}
			wg.Wait()
			for i := range 32 {
				if got, _ := get(t, s, fmt.Sprintf("k%d", i)); string(got) != fmt.Sprint(i, 4) {
					t.Errorf("k%d holds %q", i, got)
				}
			}
		}},
		{"a lease lets one in at a time", func(t *testing.T, s store.Store) {
			var wg sync.WaitGroup
			inside, n := atomic.Int32{}, 0
			for range 20 {
				wg.Go(func() {
					l, err := s.Lease(ctx, "k", time.Minute)
					if err != nil {
						t.Error(err)
						return
					}
					defer l.Release()
					if inside.Add(1) != 1 {
						t.Error("two hold the lease")
					}
					n++ // the race detector sees it if the lease does not order its holders
					inside.Add(-1)
				})
			}
			wg.Wait()
			if n != 20 {
				t.Errorf("%d went through, want 20", n)
			}
		}},
		{"leases on different keys do not wait for each other", func(t *testing.T, s store.Store) {
			a := lease(t, s, "a", time.Minute)
			b := lease(t, s, "b", time.Minute)
			a.Release()
			b.Release()
		}},
		{"waiting for a lease ends with the context", func(t *testing.T, s store.Store) {
			defer lease(t, s, "k", time.Minute).Release()
			short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			defer cancel()
			if _, err := s.Lease(short, "k", time.Minute); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want context.DeadlineExceeded", err)
			}
		}},
		{"releasing twice frees nobody else's lease", func(t *testing.T, s store.Store) {
			a := lease(t, s, "k", time.Minute)
			a.Release()
			b := lease(t, s, "k", time.Minute)
			defer b.Release()
			a.Release()
			short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			defer cancel()
			if _, err := s.Lease(short, "k", time.Minute); err == nil {
				t.Error("the second release let a third one in")
			}
		}},
		{"a lease and a value may share a key", func(t *testing.T, s store.Store) {
			defer lease(t, s, "k", time.Minute).Release()
			put(t, s, "k", []byte("1"), 0)
			if got, _ := get(t, s, "k"); string(got) != "1" {
				t.Errorf("got %q, want %q", got, "1")
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, _ := open(t)
			c.run(t, s)
		})
	}

	timed := []struct {
		name string
		run  func(t *testing.T, s store.Store, advance func(time.Duration))
	}{
		{"a value is there to its last second and gone at once after it", func(t *testing.T, s store.Store, advance func(time.Duration)) {
			v := put(t, s, "k", []byte("1"), 0) // for one minute
			advance(59 * time.Second)
			get(t, s, "k")
			advance(time.Second)
			if _, _, err := s.Get(ctx, "k"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
			refuse(t, s, "k", v)
			put(t, s, "k", []byte("2"), 0)
		}},
		{"a put starts the time anew", func(t *testing.T, s store.Store, advance func(time.Duration)) {
			v := put(t, s, "k", []byte("1"), 0)
			advance(50 * time.Second)
			put(t, s, "k", []byte("2"), v)
			advance(50 * time.Second)
			if got, _ := get(t, s, "k"); string(got) != "2" {
				t.Errorf("got %q, want %q", got, "2")
			}
		}},
		{"what is over is not counted", func(t *testing.T, s store.Store, advance func(time.Duration)) {
			put(t, s, "s:1", []byte("1"), 0)
			advance(30 * time.Second)
			put(t, s, "s:2", []byte("1"), 0)
			count(t, s, "s:", 2)
			advance(45 * time.Second)
			count(t, s, "s:", 1)
		}},
		{"only what is over goes", func(t *testing.T, s store.Store, advance func(time.Duration)) {
			put(t, s, "early", []byte("1"), 0)
			advance(30 * time.Second)
			put(t, s, "late", []byte("2"), 0)
			advance(45 * time.Second)
			if _, _, err := s.Get(ctx, "early"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
			get(t, s, "late")
		}},
	}
	for _, c := range timed {
		t.Run(c.name, func(t *testing.T) {
			s, advance := open(t)
			if advance == nil {
				t.Skip("this backend's clock cannot be moved")
			}
			c.run(t, s, advance)
		})
	}
}

func put(t *testing.T, s store.Store, key string, value []byte, version uint64) uint64 {
	t.Helper()
	v, err := s.Put(context.Background(), key, value, version, time.Minute)
	if err != nil {
		t.Fatalf("putting %.20q at version %d: %v", key, version, err)
	}
	return v
}

func get(t *testing.T, s store.Store, key string) ([]byte, uint64) {
	t.Helper()
	value, v, err := s.Get(context.Background(), key)
	if err != nil {
		t.Fatalf("getting %.20q: %v", key, err)
	}
	return value, v
}

func count(t *testing.T, s store.Store, prefix string, want int) {
	t.Helper()
	counter, ok := s.(store.Counter)
	if !ok {
		t.Fatal("it cannot count")
	}
	if n, err := counter.Count(context.Background(), prefix); err != nil || n != want {
		t.Errorf("%q counts %d, %v; want %d", prefix, n, err, want)
	}
}

func refuse(t *testing.T, s store.Store, key string, version uint64) {
	t.Helper()
	if _, err := s.Put(context.Background(), key, []byte("late"), version, time.Minute); !errors.Is(err, store.ErrConflict) {
		t.Errorf("putting %q at version %d: got %v, want ErrConflict", key, version, err)
	}
}

func lease(t *testing.T, s store.Store, key string, ttl time.Duration) store.Lease {
	t.Helper()
	l, err := s.Lease(context.Background(), key, ttl)
	if err != nil {
		t.Fatalf("leasing %q: %v", key, err)
	}
	return l
}
