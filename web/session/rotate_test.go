package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"pgregory.net/rapid"

	"tokenplayground/web/secret"
	"tokenplayground/web/store"
	"tokenplayground/web/store/redisstore"
	"tokenplayground/web/store/storetest"
)

// rotated signs in and brings a new token under a new ticket. The visitor is the browser that the answer
// reaches, the one that is returned has the ticket from before.
func (v *visitor) rotated(t testing.TB, token string) (before *visitor) {
	t.Helper()
	before = &visitor{m: v.m, cookie: v.cookie}
	v.mustUpdate(t, func(s *Session) {
		s.Rotate()
		s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: secret.Text(token)})
	})
	if v.cookie.Value == before.cookie.Value {
		t.Fatal("the ticket is the same")
	}
	return before
}

// opens is the token that a cookie opens, "" if it opens no session at all.
func opens(t testing.TB, v *visitor) string {
	t.Helper()
	s, err := v.m.Load(v.request("GET"))
	if errors.Is(err, ErrRotated) || err == nil && s.New {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	if slot := s.State.Slot("p", "t"); slot != nil {
		return slot.Access.Reveal()
	}
	return "nothing"
}

func nothing(context.Context, *Session) error { return nil }

func TestLostAnswer(t *testing.T) {
	ctx := context.Background()
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, advance func(time.Duration)) {
		m := manager(t, Config{Store: s, Now: now})
		in := func(t *testing.T) (reached, missed *visitor) {
			t.Helper()
			v := &visitor{m: m}
			v.signIn(t, "one")
			v.mustUpdate(t, func(s *Session) {
				if err := s.Attach(ctx, "note", []byte("kept")); err != nil {
					t.Fatal(err)
				}
			})
			return v, v.rotated(t, "two")
		}
		t.Run("the old ticket opens what was there before, whole, and nothing of what came", func(t *testing.T) {
			_, missed := in(t)
			session := missed.load(t)
			if note, err := session.Attachment(ctx, "note"); opens(t, missed) != "one" || string(note) != "kept" {
				t.Errorf("got %q and the note %q, %v", opens(t, missed), note, err)
			}
		})
		t.Run("while the answer may be on its way, nothing is changed with it", func(t *testing.T) {
			_, missed := in(t)
			ran := false
			set, err := missed.update(func(context.Context, *Session) error { ran = true; return nil })
			if !errors.Is(err, ErrRotated) || ran || set != "" {
				t.Errorf("got %v, ran %v, cookie %q", err, ran, set)
			}
			advance(RepeatAfter)
			if missed.signIn(t, "three"); opens(t, missed) != "three" {
				t.Errorf("repeated, it left %q", opens(t, missed))
			}
		})
		t.Run("who goes on with it keeps the session to its ordinary end", func(t *testing.T) {
			_, missed := in(t)
			advance(graceFor - time.Second)
			missed.signIn(t, "three")
			for range 5 {
				advance(time.Hour)
				if opens(t, missed) != "three" {
					t.Fatal("it is gone")
				}
				missed.mustUpdate(t, func(s *Session) { s.State.Next++ })
			}
		})
		t.Run("who does not is signed out after the grace", func(t *testing.T) {
			_, missed := in(t)
			advance(graceFor)
			if got := opens(t, missed); got != "" {
				t.Errorf("it opens %q", got)
			}
			if missed.signIn(t, "three"); opens(t, missed) != "three" {
				t.Error("no new session takes its place")
			}
		})
		t.Run("the new ticket counts however late it comes, and ends the old one by being read", func(t *testing.T) {
			reached, missed := in(t)
			advance(graceFor - time.Second)
			missed.signIn(t, "three")
			advance(time.Hour)
			if got := opens(t, reached); got != "two" {
				t.Errorf("the new one opens %q", got)
			}
			if got := opens(t, missed); got != "" {
				t.Errorf("the old one opens %q", got)
			}
			if _, err := missed.update(nothing); !errors.Is(err, ErrRotated) {
				t.Errorf("an update with it: %v", err)
			}
			advance(tombstoneFor)
			if got := opens(t, missed); got != "" {
				t.Errorf("later it opens %q", got)
			}
		})
		t.Run("a change that began with the old ticket fails once the new one is presented", func(t *testing.T) {
			reached, missed := in(t)
			advance(RepeatAfter)
			set, err := missed.update(func(_ context.Context, s *Session) error {
				s.State.Next++
				s.Rotate()
				if opens(t, reached) != "two" {
					t.Error("the new ticket does not open")
				}
				return nil
			})
			if !errors.Is(err, store.ErrConflict) || set != "" || opens(t, missed) != "" || opens(t, reached) != "two" {
				t.Errorf("got %v and cookie %q; the old one opens %q, the new one %q", err, set, opens(t, missed), opens(t, reached))
			}
		})
		t.Run("of tickets that nobody presented only the last counts", func(t *testing.T) {
			first, missed := in(t)
			advance(RepeatAfter)
			second := &visitor{m: m, cookie: missed.cookie}
			second.rotated(t, "three")
			if got := opens(t, first); got != "" {
				t.Errorf("the one before opens %q", got)
			}
			if opens(t, second) != "three" || opens(t, missed) != "" {
				t.Errorf("the last opens %q, the old one %q", opens(t, second), opens(t, missed))
			}
		})
		for name, end := range map[string]func(*Session){"forgetting": (*Session).Forget, "logging out": (*Session).EndOthers} {
			t.Run(name+" with the old ticket ends both", func(t *testing.T) {
				reached, missed := in(t)
				advance(RepeatAfter)
				missed.mustUpdate(t, end)
				if got := opens(t, reached); got != "" {
					t.Errorf("the new one opens %q", got)
				}
			})
			t.Run(name+" with the new ticket ends both", func(t *testing.T) {
				reached, missed := in(t)
				reached.mustUpdate(t, end)
				if got := opens(t, missed); got != "" {
					t.Errorf("the old one opens %q", got)
				}
			})
		}
		t.Run("what was attached under the old ticket goes when the new one has been used", func(t *testing.T) {
			reached, missed := in(t)
			old := missed.load(t)
			key := old.sealer.attachmentKey("note", old.ties.Attached["note"])
			reached.mustUpdate(t, func(s *Session) { s.State.Next++ })
			if _, _, err := s.Get(ctx, key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			if note, err := reached.load(t).Attachment(ctx, "note"); string(note) != "kept" {
				t.Errorf("the new one's note: %q, %v", note, err)
			}
		})
	})
	t.Run("a full store lets the new ticket end the old one", func(t *testing.T) {
		full := &faulty{Store: store.NewMemory(storetest.NewClock().Now)}
		reached := &visitor{m: manager(t, Config{Store: full})}
		reached.signIn(t, "one")
		missed := reached.rotated(t, "two")
		full.err, full.at = store.ErrFull, full.writes+1
		if opens(t, reached) != "two" || opens(t, missed) != "" {
			t.Errorf("the new one opens %q, the old one %q", opens(t, reached), opens(t, missed))
		}
	})
	t.Run("a store that cannot end the old ticket does not open the new one", func(t *testing.T) {
		broken := &faulty{Store: store.NewMemory(storetest.NewClock().Now)}
		reached := &visitor{m: manager(t, Config{Store: broken})}
		reached.signIn(t, "one")
		reached.rotated(t, "two")
		broken.err, broken.at = store.ErrUnavailable, broken.writes+1
		if _, err := reached.m.Load(reached.request("GET")); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		broken.err = nil
		if got := opens(t, reached); got != "two" {
			t.Errorf("when it is back: %q", got)
		}
	})
}

// faulty fails one write, and those after it if it is told so: before or after the write is made.
type faulty struct {
	store.Store
	writes, at    int
	applied, last bool
	err           error
}

func (f *faulty) fails() bool {
	f.writes++
	return f.err != nil && (f.writes == f.at || f.last && f.writes > f.at)
}

func (f *faulty) Put(ctx context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error) {
	fails := f.fails()
	if fails && !f.applied {
		return 0, f.err
	}
	next, err := f.Store.Put(ctx, key, value, version, ttl)
	if fails && err == nil {
		return 0, f.err
	}
	return next, err
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	if f.err == nil || errors.Is(f.err, store.ErrFull) {
		return f.Store.Delete(ctx, key)
	}
	fails := f.fails()
	if fails && !f.applied {
		return f.err
	}
	if err := f.Store.Delete(ctx, key); err != nil || !fails {
		return err
	}
	return f.err
}

// TestRotationThatFails: whichever write of a sign-in fails, made or not made, alone or with all that follow,
// the visitor's ticket still opens the session, and goes on to.
func TestRotationThatFails(t *testing.T) {
	for _, applied := range []bool{false, true} {
		for _, last := range []bool{false, true} {
			t.Run(fmt.Sprintf("made %v, all that follow too %v", applied, last), func(t *testing.T) {
				failed := 0
				for at := 1; ; at++ {
					clock := storetest.NewClock()
					broken := &faulty{Store: store.NewMemory(clock.Now), applied: applied, last: last}
					v := &visitor{m: manager(t, Config{Store: broken, Now: clock.Now})}
					v.signIn(t, "one")
					v.mustUpdate(t, func(s *Session) {
						if err := s.Attach(context.Background(), "note", []byte("kept")); err != nil {
							t.Fatal(err)
						}
					})
					before := v.cookie.Value
					broken.err, broken.at = store.ErrUnavailable, broken.writes+at
					_, err := v.update(func(_ context.Context, s *Session) error {
						s.Rotate()
						s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "two"})
						return nil
					})
					done := broken.writes < broken.at
					broken.err = nil
					if done {
						if err != nil || opens(t, v) != "two" || failed < 3 {
							t.Fatalf("without a fault: %v after %d faults", err, failed)
						}
						return
					}
					failed++
					if err == nil {
						continue // only what nothing points to was not deleted
					}
					if v.cookie.Value != before || opens(t, v) != "one" {
						t.Fatalf("write %d failed: the cookie opens %q", at, opens(t, v))
					}
					clock.Advance(graceFor - time.Second)
					v.mustUpdate(t, func(s *Session) { s.State.Next++ })
					clock.Advance(time.Hour)
					if note, err := v.load(t).Attachment(context.Background(), "note"); opens(t, v) != "one" || string(note) != "kept" {
						t.Fatalf("write %d failed: an hour later the cookie opens %q, and the note %q, %v", at, opens(t, v), note, err)
					}
				}
			})
		}
	}
}

// TestKilledBeforeTheAnswer: a process that dies with a sign-in saved and not answered leaves its visitor the
// session.
func TestKilledBeforeTheAnswer(t *testing.T) {
	keys := newKeyring(t)
	check := func(t *testing.T, address string, with func(v *visitor, do func())) {
		v := new(visitor)
		with(v, func() { v.mustUpdate(t, signedIn) })
		kills := storetest.Times(2, 20)
		for range kills {
			killInFlight(t, aSignIn, address, keys, v)
			with(v, func() {
				if got := opens(t, v); got != "old access" {
					t.Fatalf("the cookie opens %q", got)
				}
				repeat(t, v, func() error { _, err := v.update(nothing); return err })
			})
		}
		t.Logf("kills between save and answer: %d, sessions lost: 0", kills)
	}
	t.Run("bolt", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store")
		check(t, path, func(v *visitor, do func()) {
			s, shut, err := openStore(path)
			if err != nil {
				t.Fatal(err)
			}
			v.m = manager(t, Config{Store: s, Keyring: keys, Now: time.Now})
			do()
			if err := shut(); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("redis", func(t *testing.T) {
		r := storetest.StartRedis(t)
		m := replicas(t, r, keys, 1)[0]
		check(t, r.URL(), func(v *visitor, do func()) { v.m = m; do() })
	})
}

// repeat is what a browser does that met ErrRotated; here its clock is what passes.
func repeat(t *testing.T, v *visitor, update func() error) {
	t.Helper()
	err := update()
	if errors.Is(err, ErrRotated) {
		real := v.m.now
		v.m.now = func() time.Time { return real().Add(RepeatAfter) }
		err = update()
	}
	if err != nil {
		t.Errorf("going on with the old ticket: %v", err)
	}
}

// TestTicketsHoldUnderAnyOrder drives two replicas with whatever a browser and somebody who has seen its
// earlier tickets may do, in any order.
func TestTicketsHoldUnderAnyOrder(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			clock := storetest.NewClock()
			anyOrder(t, r, store.NewMemory(clock.Now), clock, clock.Advance)
		})
	})
	t.Run("redis", func(t *testing.T) {
		mr := miniredis.RunT(t)
		s, err := redisstore.Open("redis://"+mr.Addr(), redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		rapid.Check(t, func(r *rapid.T) {
			clock := storetest.NewClock()
			mr.FlushAll()
			anyOrder(t, r, s, clock, func(d time.Duration) { clock.Advance(d); mr.FastForward(d) })
		})
	})
}

func anyOrder(t *testing.T, r *rapid.T, s store.Store, clock *storetest.Clock, advance func(time.Duration)) {
	keys := newKeyring(t)
	two := []*Manager{manager(t, Config{Store: s, Keyring: keys, Now: clock.Now}), manager(t, Config{Store: s, Keyring: keys, Now: clock.Now})}
	browser := &visitor{m: two[0]}
	browser.signIn(t, "0")
	held := "0" // what was last answered to the browser
	presented := true
	var seen []*http.Cookie        // the browser's earlier tickets
	born := map[string]int{"0": 0} // by token, the generation of the ticket that it came under
	last, n := clock.Now(), 0
	somewhere := func() *Manager { return two[rapid.IntRange(0, 1).Draw(r, "replica")] }
	sign := func(v *visitor, rotate bool) error {
		n++
		_, err := v.update(func(_ context.Context, s *Session) error {
			if rotate {
				s.Rotate()
			}
			s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: secret.Text(fmt.Sprint(n))})
			return nil
		})
		if err == nil {
			born[fmt.Sprint(n)] = len(seen)
			if rotate {
				born[fmt.Sprint(n)]++
			}
		}
		return err
	}
	// change is what the browser does, with the one repetition that the pages make.
	change := func(rotate, arrives bool) {
		browser.m = somewhere()
		v := &visitor{m: browser.m, cookie: browser.cookie}
		err := sign(v, rotate)
		if errors.Is(err, ErrRotated) {
			advance(RepeatAfter)
			err = sign(v, rotate)
		}
		if err != nil {
			r.Fatalf("a change of the browser's: %v", err)
		}
		last = clock.Now()
		switch {
		case rotate && arrives:
			seen = append(seen, browser.cookie)
			browser.cookie, held, presented = v.cookie, fmt.Sprint(n), false
		case !rotate:
			held, presented = fmt.Sprint(n), true
		default:
			presented = true // the one that it still has
		}
	}
	r.Repeat(map[string]func(*rapid.T){
		"change":               func(*rapid.T) { change(false, true) },
		"sign in":              func(*rapid.T) { change(true, true) },
		"sign in, answer lost": func(*rapid.T) { change(true, false) },
		"read": func(*rapid.T) {
			browser.m = somewhere()
			if got := opens(t, browser); got != held {
				r.Fatalf("the browser opens %q, want %q", got, held)
			}
			presented = true
		},
		"wait": func(r *rapid.T) {
			d := rapid.SampledFrom([]time.Duration{time.Second, RepeatAfter, time.Minute}).Draw(r, "time")
			if clock.Now().Add(d).Before(last.Add(graceFor)) {
				advance(d)
			}
		},
		"somebody else reads": func(r *rapid.T) {
			for i, c := range seen {
				got := opens(t, &visitor{m: somewhere(), cookie: c})
				if got != "" && (presented || i < len(seen)-1) {
					r.Fatalf("ticket %d of %d opens %q", i, len(seen), got)
				}
				if born[got] > i {
					r.Fatalf("ticket %d opens %q, which came under %d", i, got, born[got])
				}
			}
		},
		"somebody else changes": func(r *rapid.T) {
			if len(seen) == 0 {
				r.Skip()
			}
			v := &visitor{m: somewhere(), cookie: rapid.SampledFrom(seen).Draw(r, "ticket")}
			set, err := v.update(func(_ context.Context, s *Session) error {
				if s.New {
					return errors.New("it opens nothing")
				}
				s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "theirs"})
				return nil
			})
			if set != "" || err == nil && presented {
				r.Fatalf("got the cookie %q, %v", set, err)
			}
		},
	})
	if opens(t, browser) != held {
		r.Fatalf("in the end the browser opens %q, want %q", opens(t, browser), held)
	}
}
