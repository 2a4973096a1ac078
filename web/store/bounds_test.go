package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestMemoryIsBounded(t *testing.T) {
	ctx := context.Background()
	now := time.Unix(1_000_000, 0)
	m := NewMemory(func() time.Time { return now })
	m.limit = 1000

	t.Run("a write beyond the limit is refused and nobody is evicted", func(t *testing.T) {
		for i := range 9 {
			if _, err := m.Put(ctx, fmt.Sprintf("k%d", i), make([]byte, 98), 0, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Put(ctx, "big", make([]byte, 200), 0, time.Minute); !errors.Is(err, ErrFull) {
			t.Errorf("got %v, want ErrFull", err)
		}
		if got, want := len(m.items), 9; got != want {
			t.Errorf("%d entries left, want %d", got, want)
		}
	})
	t.Run("deleting works when full and makes room", func(t *testing.T) {
		if err := m.Delete(ctx, "k0"); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Put(ctx, "big", make([]byte, 197), 0, time.Minute); err != nil {
			t.Errorf("after a delete: %v", err)
		}
	})
	t.Run("the dead make room for the living", func(t *testing.T) {
		now = now.Add(time.Hour)
		if _, err := m.Put(ctx, "new", make([]byte, 900), 0, time.Minute); err != nil {
			t.Errorf("after everything expired: %v", err)
		}
		if len(m.items) != 1 || len(m.queue) != 1 || m.size != 903 {
			t.Errorf("left: %d entries, %d queued, %d bytes; want 1, 1, 903", len(m.items), len(m.queue), m.size)
		}
	})
}

func TestLocksForgetFreeKeys(t *testing.T) {
	var l Locks
	a, err := l.Lease(context.Background(), "k")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Lease(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	a.Release()
	if len(l.held) != 0 {
		t.Errorf("%d keys kept after the last release, want 0", len(l.held))
	}
}
