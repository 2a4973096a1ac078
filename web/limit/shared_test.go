package limit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"pgregory.net/rapid"

	"tokenplayground/web/store"
	"tokenplayground/web/store/redisstore"
	"tokenplayground/web/store/storetest"
)

// stores runs a test for two replicas over one store of each kind.
func stores(t *testing.T, run func(t *testing.T, c *clock, two []*Shared)) {
	t.Run("over one memory store", func(t *testing.T) {
		c := &clock{time.Unix(1e9, 0)}
		s := store.NewMemory(c.now)
		run(t, c, []*Shared{share(c, s), share(c, s)})
	})
	t.Run("over a real Redis", func(t *testing.T) {
		r := storetest.StartRedis(t)
		c := &clock{time.Unix(1e9, 0)}
		run(t, c, []*Shared{share(c, inRedis(t, r.URL())), share(c, inRedis(t, r.URL()))})
	})
}

func share(c *clock, s store.Store) *Shared {
	return &Shared{Store: s, Secret: []byte("secret"), Now: c.now, Log: slog.New(slog.DiscardHandler), askFor: time.Minute}
}

func inRedis(t *testing.T, url string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(url, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestReplicasAreOne: however visitors change between two replicas, they get
// what one process alone would give.
func TestReplicasAreOne(t *testing.T) {
	mr := miniredis.RunT(t)
	redis := inRedis(t, "redis://"+mr.Addr())
	rapid.Check(t, func(r *rapid.T) {
		c := &clock{time.Unix(1e9, 0)}
		mr.FlushAll()
		memory := store.NewMemory(c.now)
		rate := Rate{Burst: rapid.IntRange(1, 4).Draw(r, "burst"), Every: time.Duration(rapid.IntRange(1, 3).Draw(r, "every")) * time.Second}
		fresh := func() *Buckets { return NewBuckets("x", rate, c.now) }
		one := fresh()
		type replica struct {
			shared  *Shared
			buckets *Buckets
		}
		var kinds [][]replica
		for _, s := range []store.Store{memory, redis} {
			kinds = append(kinds, []replica{{share(c, s), fresh()}, {share(c, s), fresh()}})
		}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			d := time.Duration(rapid.IntRange(0, 3).Draw(r, "pause")) * 700 * time.Millisecond
			c.at = c.at.Add(d)
			mr.FastForward(d)
			key, at := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "key"), rapid.IntRange(0, 1).Draw(r, "replica")
			want, wantOK := one.Take(key)
			for i, two := range kinds {
				wait, ok := Take(context.Background(), two[at].shared, Claim{two[at].buckets, key})
				// A replica that refuses by what it knows itself may promise too much.
				if ok != wantOK || !ok && (wait <= 0 || wait > want) {
					r.Fatalf("store %d, replica %d: got %v, %v; one process gives %v, %v", i, at, wait, ok, want, wantOK)
				}
			}
		}
	})
}

func TestRaceOfReplicas(t *testing.T) {
	stores(t, func(t *testing.T, c *clock, two []*Shared) {
		t.Run("of many at once as many may as from one", func(t *testing.T) { raceForPace(t, c, two) })
		t.Run("of many attempts at once as many are made as the budget has", func(t *testing.T) {
			const most = 10
			budgets := []*Budget{NewBudget(most, time.Minute, c.now, two[0]), NewBudget(most, time.Minute, c.now, two[1])}
			var all sync.WaitGroup
			var may atomic.Int32
			for i := range 64 {
				all.Go(func() {
					done, _, err := budgets[i%2].Try(t.Context(), "somebody")
					if err != nil {
						t.Error(err)
					} else if done != nil {
						may.Add(1)
						done(Failed)
					}
				})
			}
			all.Wait()
			if n := may.Load(); n != most {
				t.Errorf("%d are made, want %d", n, most)
			}
		})
	})
}

func raceForPace(t *testing.T, c *clock, two []*Shared) {
	const burst = 20
	var all sync.WaitGroup
	var may atomic.Int32
	buckets := []*Buckets{NewBuckets("x", Rate{burst, time.Minute}, c.now), NewBuckets("x", Rate{burst, time.Minute}, c.now)}
	for i := range 50 {
		all.Go(func() {
			if _, ok := Take(t.Context(), two[i%2], Claim{buckets[i%2], "a"}); ok {
				may.Add(1)
			}
		})
	}
	all.Wait()
	if n := may.Load(); n != burst {
		t.Errorf("%d may, want %d", n, burst)
	}
}

// asked counts what a store is asked, and fails if it is told to.
type asked struct {
	store.Store
	paces, others int
	keys          []string
	err           error
}

func (a *asked) Take(_ context.Context, _ time.Time, paces []store.Pace) (time.Duration, error) {
	a.paces++
	for _, p := range paces {
		a.keys = append(a.keys, p.Key)
	}
	return 0, a.err
}

func (a *asked) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	a.others++
	a.keys = append(a.keys, key)
	if a.err != nil {
		return nil, 0, a.err
	}
	return a.Store.Get(ctx, key)
}

func TestSharedStore(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	var log bytes.Buffer
	in := func() (*asked, *Shared) {
		a := &asked{Store: store.NewMemory(c.now)}
		s := share(c, a)
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		return a, s
	}
	session, address := NewBuckets("session", Rate{2, time.Minute}, c.now), NewBuckets("address", Rate{9, time.Minute}, c.now)
	none := NewBuckets("none", Rate{}, c.now)
	t.Run("is asked once for all paces of a request, and not for what this process refuses", func(t *testing.T) {
		a, s := in()
		for range 5 {
			Take(t.Context(), s, Claim{session, "one"}, Claim{none, "one"}, Claim{address, "192.0.2.7"})
		}
		if a.paces != 2 || len(a.keys) != 4 || a.others != 0 {
			t.Errorf("%d times for %d keys, and %d others", a.paces, len(a.keys), a.others)
		}
		Take(t.Context(), s, Claim{none, "one"})
		if a.paces != 2 {
			t.Error("it is asked for what has no pace")
		}
	})
	t.Run("hears nobody's name, and two of one name apart", func(t *testing.T) {
		a, s := in()
		Take(t.Context(), s, Claim{address, "somebody"}, Claim{NewBuckets("other", Rate{1, time.Minute}, c.now), "somebody"})
		if _, _, err := NewBudget(1, time.Minute, c.now, s).Try(t.Context(), "somebody"); err != nil {
			t.Fatal(err)
		}
		other := share(c, a)
		other.Secret = []byte("another")
		Take(t.Context(), other, Claim{NewBuckets("address", Rate{9, time.Minute}, c.now), "somebody"})
		seen := map[string]bool{}
		for _, key := range a.keys {
			seen[key] = true
			if strings.Contains(key, "somebody") || len(key) != len("limit:")+32 {
				t.Errorf("it hears %q", key)
			}
		}
		if len(seen) != 4 {
			t.Errorf("%d different keys of 4: %q", len(seen), a.keys)
		}
	})
	t.Run("that does not answer leaves visitors to this process, and is left alone for a second", func(t *testing.T) {
		a, s := in()
		a.err = fmt.Errorf("%w: it is away", store.ErrUnavailable)
		b := NewBuckets("session", Rate{2, time.Minute}, c.now)
		var may []bool
		for range 3 {
			_, ok := Take(t.Context(), s, Claim{b, "one"})
			may = append(may, ok)
		}
		if fmt.Sprint(may) != "[true true false]" || a.paces != 1 || strings.Count(log.String(), "it is away") != 1 {
			t.Errorf("got %v, asked %d times, logged %q", may, a.paces, log.String())
		}
		c.at = c.at.Add(restFor)
		if _, ok := Take(t.Context(), s, Claim{b, "two"}); !ok || a.paces != 2 {
			t.Errorf("a second later: %v, asked %d times", ok, a.paces)
		}
	})
	t.Run("that does not answer lets nobody try a password", func(t *testing.T) {
		a, s := in()
		a.err = store.ErrUnavailable
		if done, _, err := NewBudget(1, time.Minute, c.now, s).Try(t.Context(), "somebody"); done != nil || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("that goes away during an attempt counts it as failed", func(t *testing.T) {
		a, s := in()
		b := NewBudget(1, time.Minute, c.now, s)
		done, _, err := b.Try(t.Context(), "somebody")
		if err != nil {
			t.Fatal(err)
		}
		a.err = store.ErrUnavailable
		done(Passed)
		a.err = nil
		if done, wait, err := b.Try(t.Context(), "somebody"); done != nil || wait != time.Minute || err != nil {
			t.Errorf("got %v, %v", wait, err)
		}
	})
}
