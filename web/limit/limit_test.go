package limit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// clock stands until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestBuckets(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	b := NewBuckets("x", Rate{Burst: 3, Every: 2 * time.Second}, c.now)
	for i, step := range []struct {
		pause time.Duration
		key   string
		wait  time.Duration // zero if it may
	}{
		{0, "a", 0}, {0, "a", 0}, {0, "a", 0},
		{0, "a", 2 * time.Second},
		{0, "b", 0}, // has a bucket of its own
		{500 * time.Millisecond, "a", 1500 * time.Millisecond}, // a refusal costs nothing
		{1500 * time.Millisecond, "a", 0},
		{0, "a", 2 * time.Second},
		{time.Hour, "a", 0}, {0, "a", 0}, {0, "a", 0}, {0, "a", 2 * time.Second}, // no more than full
	} {
		c.at = c.at.Add(step.pause)
		if wait, ok := b.Take(step.key); wait != step.wait || ok != (step.wait == 0) {
			t.Errorf("step %d: got %v, %v, want %v", i, wait, ok, step.wait)
		}
	}
	t.Run("without a rate all may", func(t *testing.T) {
		b := NewBuckets("x", Rate{}, c.now)
		for range 1000 {
			if _, ok := b.Take("a"); !ok {
				t.Fatal("refused")
			}
		}
	})
}

// TestAddressFlood: a million addresses cost no more than 32 MiB.
func TestAddressFlood(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	buckets := NewBuckets("x", Rate{Burst: 3, Every: time.Second}, c.now)
	budget := NewBudget(3, time.Minute, c.now, nil)
	for i := range 1_000_000 {
		key := fmt.Sprint("2001:db8::", i)
		if _, ok := buckets.Take(key); !ok {
			t.Fatal("a new address was refused")
		}
		if done, _, err := budget.Try(t.Context(), key); done == nil || err != nil {
			t.Fatal("a new name was refused")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := int64(after.HeapAlloc) - int64(before.HeapAlloc); got > 32<<20 {
		t.Errorf("got %d MiB", got>>20)
	} else {
		t.Logf("%d KiB after a million addresses", got>>10)
	}
	if len(buckets.full) > keysMost || len(budget.failed) > keysMost {
		t.Errorf("got %d and %d keys", len(buckets.full), len(budget.failed))
	}
	runtime.KeepAlive(buckets)
	runtime.KeepAlive(budget)
}

func TestBudget(t *testing.T) {
	t.Run("of this process", func(t *testing.T) {
		c := &clock{time.Unix(1e9, 0)}
		b := NewBudget(2, time.Minute, c.now, nil)
		testBudget(t, c, func() *Budget { return b })
	})
	stores(t, func(t *testing.T, c *clock, two []*Shared) {
		budgets, turn := []*Budget{NewBudget(2, time.Minute, c.now, two[0]), NewBudget(2, time.Minute, c.now, two[1])}, 0
		testBudget(t, c, func() *Budget { turn++; return budgets[turn%2] })
	})
}

// testBudget asks whichever budget next gives.
func testBudget(t *testing.T, c *clock, next func() *Budget) {
	try := func(want time.Duration) func(Result) {
		t.Helper()
		done, wait, err := next().Try(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if (done == nil) != (want > 0) || wait != want {
			t.Fatalf("got %v, want %v", wait, want)
		}
		return done
	}
	first, second := try(0), try(0)
	try(time.Minute) // both are still under way, and count
	first(Unknown)
	first(Failed) // is settled already
	third := try(0)
	second(Failed)
	third(Failed)
	c.at = c.at.Add(45 * time.Second)
	try(15 * time.Second)
	c.at = c.at.Add(15 * time.Second)
	try(0)(Passed)
	try(0)(Failed)
	try(0)(Passed) // gives the failure back
	try(0)(Failed)
	try(0)(Failed)
	try(time.Minute)
	if done, _, err := next().Try(t.Context(), "y"); done == nil || err != nil {
		t.Error("another key is refused")
	}
}

func TestGate(t *testing.T) {
	g := &Gate{All: 3, Each: 2}
	ctx, enough := context.WithTimeout(t.Context(), 20*time.Second)
	defer enough()
	over, cancel := context.WithCancel(ctx)
	cancel()
	enter := func(key string) func() {
		t.Helper()
		leave, err := g.Enter(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		return leave
	}
	leave := enter("a")
	enter("a")
	if _, err := g.Enter(over, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third of one key: got %v", err)
	}
	enter("b")
	if _, err := g.Enter(over, "c"); !errors.Is(err, context.Canceled) {
		t.Errorf("a fourth of all: got %v", err)
	}
	waiting := make(chan error)
	go func() { _, err := g.Enter(ctx, "a"); waiting <- err }()
	leave()
	if err := <-waiting; err != nil {
		t.Errorf("after one left: got %v", err)
	}
}

func TestGateUnderLoad(t *testing.T) {
	g := &Gate{All: 4, Each: 2}
	var mu sync.Mutex
	inside, most := 0, 0
	var wg sync.WaitGroup
	ctx, enough := context.WithTimeout(t.Context(), 20*time.Second)
	defer enough()
	for i := range 64 {
		wg.Go(func() {
			leave, err := g.Enter(ctx, fmt.Sprint(i%3))
			if err != nil {
				t.Error(err)
				return
			}
			defer leave()
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	wg.Wait()
	if most > 4 || g.inside != 0 || len(g.keys) != 0 {
		t.Errorf("got %d at once, %d and %v in the end", most, g.inside, g.keys)
	}
}

func TestListener(t *testing.T) {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := Listener(raw, 1)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := ln.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", raw.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Error("a second connection was accepted")
	default:
	}
	if half, ok := first.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		t.Error("a connection cannot end what it sends")
	}
	first.Close()
	first.Close() // counts once
	second := <-accepted
	ln.Close()
	if _, more := <-accepted; more {
		t.Error("a third connection")
	}
	second.Close()
}
