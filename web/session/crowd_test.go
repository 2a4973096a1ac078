package session

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

	"tokenplayground/web/secret"
	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

func TestSES12Cap(t *testing.T) {
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, advance func(time.Duration)) {
		m := manager(t, Config{Store: s, Now: now, Most: 5})
		var all []*visitor
		for range 5 {
			v := &visitor{m: m}
			v.signIn(t, "one")
			all = append(all, v)
		}
		refused := func(m *Manager) {
			t.Helper()
			ran := false
			set, err := (&visitor{m: m}).update(func(context.Context, *Session) error { ran = true; return nil })
			if !errors.Is(err, ErrCrowded) || set != "" || ran {
				t.Errorf("got %v, cookie %q, ran %v; want ErrCrowded, none, false", err, set, ran)
			}
		}
		refused(m)
		refused(manager(t, Config{Store: s, Now: now, Most: 5})) // another replica
		for _, v := range all {
			v.signIn(t, "two")
			if v.token(t) != "two" {
				t.Error("somebody was put out")
			}
		}
		if s := (&visitor{m: m}).load(t); !s.New {
			t.Error("looking needs no room")
		}

		// Who leaves makes room, here and, once it has counted again, on other replicas.
		all[0].mustUpdate(t, func(s *Session) { s.Forget() })
		newcomer := &visitor{m: m}
		newcomer.signIn(t, "three")
		refused(m)
		if n, err := Count(context.Background(), s); n != 5 || err != nil {
			t.Errorf("count %d, %v; want 5", n, err)
		}

		// So does who is over.
		advance(3 * time.Hour)
		(&visitor{m: m}).signIn(t, "four")
	})
	t.Run("an update that keeps nothing takes no room", func(t *testing.T) {
		m := manager(t, Config{Most: 1})
		boom := errors.New("boom")
		for range 3 {
			if _, err := (&visitor{m: m}).update(func(context.Context, *Session) error { return boom }); !errors.Is(err, boom) {
				t.Fatal(err)
			}
			if _, err := (&visitor{m: m}).update(func(_ context.Context, s *Session) error { s.Forget(); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		(&visitor{m: m}).signIn(t, "one")
	})
	t.Run("of fifty at once as many get in as there is room for", func(t *testing.T) {
		m := manager(t, Config{Most: 20})
		var wg sync.WaitGroup
		var in, out atomic.Int32
		for range 50 {
			wg.Go(func() {
				switch _, err := (&visitor{m: m}).update(func(context.Context, *Session) error { return nil }); {
				case err == nil:
					in.Add(1)
				case errors.Is(err, ErrCrowded):
					out.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if in.Load() != 20 || out.Load() != 30 {
			t.Errorf("%d in and %d out, want 20 and 30", in.Load(), out.Load())
		}
	})
	t.Run("a store is counted every ten seconds and not with every visitor", func(t *testing.T) {
		clock := storetest.NewClock()
		counts := &countedStore{Memory: store.NewMemory(clock.Now)}
		m := manager(t, Config{Store: counts, Now: clock.Now})
		for range 100 {
			(&visitor{m: m}).signIn(t, "one")
			clock.Advance(200 * time.Millisecond)
		}
		if n := counts.n.Load(); n != 2 {
			t.Errorf("counted %d times in twenty seconds, want 2", n)
		}
	})
	t.Run("below zero there is no limit", func(t *testing.T) {
		m := manager(t, Config{Most: -1})
		for range 10 {
			(&visitor{m: m}).signIn(t, "one")
		}
	})
}

type countedStore struct {
	*store.Memory
	n atomic.Int32
}

func (c *countedStore) Count(ctx context.Context, prefix string) (int, error) {
	c.n.Add(1)
	return c.Memory.Count(ctx, prefix)
}

func TestSES13CountAndPurge(t *testing.T) {
	ctx := context.Background()
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, _ func(time.Duration)) {
		m := manager(t, Config{Store: s, Now: now})
		var all []*visitor
		for i := range 7 {
			v := &visitor{m: m}
			v.mustUpdate(t, func(s *Session) {
				if err := s.Attach(ctx, fmt.Sprint("note", i), []byte("n")); err != nil {
					t.Fatal(err)
				}
			})
			all = append(all, v)
		}
		if _, err := s.Put(ctx, "w:world", []byte("1"), 0, time.Hour); err != nil {
			t.Fatal(err)
		}
		if n, err := Count(ctx, s); n != 7 || err != nil {
			t.Errorf("count %d, %v; want 7", n, err)
		}
		// One that is under way while they are ended does not come back.
		_, err := all[0].update(func(_ context.Context, open *Session) error {
			if n, err := Purge(ctx, s); n != 7 || err != nil {
				t.Errorf("purge %d, %v; want 7", n, err)
			}
			open.State.Record(Entry{})
			return nil
		})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("the late save: got %v, want ErrConflict", err)
		}
		for _, v := range all {
			if !v.load(t).New {
				t.Error("a session is still there")
			}
		}
		for prefix, want := range map[string]int{statePrefix: 0, attachmentPrefix: 0, "w:": 1} {
			if n, err := s.(store.Counter).Count(ctx, prefix); n != want || err != nil {
				t.Errorf("%s counts %d, %v; want %d", prefix, n, err, want)
			}
		}
	})
}

func TestKEY4OneLineWithTheCount(t *testing.T) { // K02
	gone, kept := newKeyring(t), newKeyring(t)
	mem := store.NewMemory(storetest.NewClock().Now)
	var log bytes.Buffer
	m := manager(t, Config{Keyring: together(kept, gone), Store: mem, Log: slog.New(slog.NewTextHandler(&log, nil))})
	old := manager(t, Config{Keyring: gone, Store: mem})
	var lost, others []*visitor
	for i := range 30 {
		v := &visitor{m: m}
		if i%3 == 0 {
			v.m = old
			lost = append(lost, v)
		} else {
			others = append(others, v)
		}
		v.signIn(t, "one")
		if v.m == old {
			// A replica that lacks nothing signs the cookie anew; the record stays as it is.
			ticket, _, _ := old.ticket(v.request("GET"))
			value, err := m.ring.Load().codecs[0].Encode(m.name, ticket[:])
			if err != nil {
				t.Fatal(err)
			}
			v.cookie.Value = value
		}
		v.m = m
		if v.token(t) != "one" {
			t.Fatal("with both keys it does not open")
		}
	}
	if err := m.Rekey(kept); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, v := range lost {
			if !v.load(t).New {
				t.Error("a session of the removed key opens")
			}
		}
	}
	for _, v := range lost {
		v.signIn(t, "anew")
	}
	for _, v := range others {
		if v.token(t) != "one" {
			t.Error("a session of the other key is gone")
		}
	}
	m.Close()
	m.Close()
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "sessions=10 ") && !strings.Contains(got, "sessions=10\n") {
		t.Errorf("want one line with sessions=10, got:\n%s", got)
	}
	t.Logf("sessions ended with their key: %d, others lost: 0", len(lost))
}

func TestKEY3RotationUnderLoad(t *testing.T) { // K01
	first, second := newKeyring(t), newKeyring(t)
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, _ func(time.Duration)) {
		a := manager(t, Config{Keyring: first, Store: s, Now: now})
		b := manager(t, Config{Keyring: first, Store: s, Now: now})
		users := 30
		updates := storetest.Times(12, 120) // of each user, in the three steps of the rotation
		var all []*visitor
		for range users {
			v := &visitor{m: a}
			v.signIn(t, "0")
			all = append(all, v)
		}
		var wg sync.WaitGroup
		var done atomic.Int64
		for _, v := range all {
			wg.Go(func() {
				for i := range updates {
					v.m = []*Manager{a, b}[i%2]
					_, err := v.update(func(_ context.Context, s *Session) error {
						slot := s.State.Slot("p", "t")
						if slot == nil || slot.Access.Reveal() != fmt.Sprint(i) {
							return errors.New("the session is lost")
						}
						slot.Access = secret.Text(fmt.Sprint(i + 1))
						return nil
					})
					if err != nil {
						t.Errorf("update %d: %v", i, err)
						return
					}
					// The steps come when a sixth, two sixths … of the load is through, one replica before the other.
					switch done.Add(1) {
					case int64(users*updates) / 6:
						a.Rekey(together(first, second))
					case int64(users*updates) * 2 / 6:
						b.Rekey(together(first, second))
					case int64(users*updates) * 3 / 6:
						a.Rekey(together(second, first))
					case int64(users*updates) * 4 / 6:
						b.Rekey(together(second, first))
					}
				}
			})
		}
		wg.Wait()
		for _, v := range all {
			v.mustUpdate(t, func(s *Session) { s.State.Slot("p", "t").Refreshes++ })
		}
		for _, m := range []*Manager{a, b} {
			if err := m.Rekey(second); err != nil {
				t.Fatal(err)
			}
		}
		lost := 0
		for _, v := range all {
			if v.token(t) != fmt.Sprint(updates) {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%d sessions did not survive the rotation", lost)
		}
		t.Logf("%d updates of %d users during a rotation; sessions lost: %d", done.Load(), users, lost)
	})
}
