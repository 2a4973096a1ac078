package session

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokenplayground/web/secret"
	"tokenplayground/web/store"
	"tokenplayground/web/store/boltstore"
	"tokenplayground/web/store/redisstore"
	"tokenplayground/web/store/storetest"
)

// childEnv tells a copy of this test program to begin something and never to end it: what store it is in, the
// keyring in hexadecimal digits, the cookie's value, and what.
const childEnv = "SESSION_TEST_UNTIL_KILLED"

// What a copy may begin.
const (
	aRefresh = "refresh" // up to the target's answer
	aSignIn  = "sign-in" // up to our own
)

// leaseInTests is how long a dead process keeps a session from others here.
const leaseInTests = 600 * time.Millisecond

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv(childEnv)); len(words) == 4 {
		if err := untilKilled(words[0], words[1], words[2], words[3]); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	// A program with the race detector waits for a second before it ends, and so would every copy.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

func openStore(address string) (store.Store, func() error, error) {
	if strings.HasPrefix(address, "redis:") {
		s, err := redisstore.Open(address, redisstore.Options{})
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
	s, err := boltstore.Open(address, boltstore.Options{})
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

func untilKilled(address, keyring, cookie, what string) error {
	text, err := hex.DecodeString(keyring)
	if err != nil {
		return err
	}
	keys, err := ParseKeyring(text)
	if err != nil {
		return err
	}
	s, _, err := openStore(address)
	if err != nil {
		return err
	}
	m, err := New(Config{Store: s, Keyring: keys})
	if err != nil {
		return err
	}
	m.leaseFor = leaseInTests
	v := &visitor{m: m, cookie: &http.Cookie{Name: m.name, Value: cookie}}
	_, err = v.update(func(ctx context.Context, s *Session) error {
		slot := s.State.Slot("p", "t")
		if slot == nil {
			return errors.New("there is no session")
		}
		if what == aSignIn {
			s.Rotate()
			s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "new access", Refresh: "new refresh"})
			return nil
		}
		slot.InFlight = time.Now()
		if err := s.Checkpoint(ctx); err != nil {
			return err
		}
		// The target has answered, the old refresh token is spent, and nothing of it is saved yet.
		slot.Access, slot.Refresh = "new access", "new refresh"
		fmt.Println("in flight")
		<-time.After(time.Minute)
		return errors.New("not killed")
	})
	if err != nil {
		return err
	}
	// All is saved and nothing is answered.
	fmt.Println("in flight")
	<-time.After(time.Minute)
	return errors.New("not killed")
}

// killInFlight lets another process begin something in the visitor's session and kills it before it can end.
func killInFlight(t *testing.T, what, address string, keys *Keyring, v *visitor) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childEnv+"="+address+" "+hex.EncodeToString(keys.Encode())+" "+v.cookie.Value+" "+what)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "in flight\n" {
		t.Errorf("the other process says %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("it was not killed")
	}
}

func signedIn(s *Session) {
	s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "old access", Refresh: "old refresh"})
}

// told checks what the next request sees after a crash, and that it can go on.
func told(t *testing.T, v *visitor) {
	t.Helper()
	slot := v.load(t).State.Slot("p", "t")
	if slot == nil || slot.InFlight.IsZero() || slot.Refresh != "old refresh" || slot.Access != "old access" {
		t.Fatal("a refresh in flight is not known, or it left a mixed pair")
	}
	v.mustUpdate(t, func(s *Session) { s.State.Slot("p", "t").InFlight = time.Time{} })
	if !v.load(t).State.Slot("p", "t").InFlight.IsZero() {
		t.Error("the note stays")
	}
}

func TestREF6CrashInTheWindow(t *testing.T) { // R05
	path, keys := filepath.Join(t.TempDir(), "store"), newKeyring(t)
	v := new(visitor)
	with := func(do func()) {
		s, shut, err := openStore(path)
		if err != nil {
			t.Fatal(err)
		}
		v.m = manager(t, Config{Store: s, Keyring: keys, Now: time.Now})
		do()
		if err := shut(); err != nil {
			t.Error(err)
		}
	}
	with(func() { v.mustUpdate(t, signedIn) })
	kills := storetest.Times(3, 20)
	for range kills {
		killInFlight(t, aRefresh, path, keys, v)
		with(func() { told(t, v) })
	}
	t.Logf("kills between the target's answer and the save: %d, sessions that were not told: 0, mixed pairs: 0", kills)
}

func TestREF6Checkpoint(t *testing.T) {
	ctx := context.Background()
	boom := errors.New("boom")

	t.Run("it stays saved when the update fails, and what follows does not", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		v.mustUpdate(t, signedIn)
		if _, err := v.update(func(ctx context.Context, s *Session) error {
			slot := s.State.Slot("p", "t")
			slot.InFlight = time.Unix(1, 0)
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			slot.Access = "new access"
			return boom
		}); !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
		if slot := v.load(t).State.Slot("p", "t"); slot.InFlight.IsZero() || slot.Access != "old access" {
			t.Errorf("in flight since %v, access %q", slot.InFlight, slot.Access.Reveal())
		}
	})
	t.Run("the update goes on after it, as often as it likes", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		v.mustUpdate(t, signedIn)
		set := v.mustUpdate(t, func(s *Session) {
			for range 3 {
				s.State.Slot("p", "t").Refreshes++
				if err := s.Attach(ctx, "note", []byte("n")); err != nil {
					t.Fatal(err)
				}
				if err := s.Checkpoint(ctx); err != nil {
					t.Fatal(err)
				}
			}
			s.State.Slot("p", "t").Refreshes++
		})
		if n := v.load(t).State.Slot("p", "t").Refreshes; n != 4 || set != "" {
			t.Errorf("%d refreshes and cookie %q, want 4 and none", n, set)
		}
	})
	t.Run("it does not rotate, the end of the update does", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		v.mustUpdate(t, signedIn)
		before := &visitor{m: v.m, cookie: v.cookie}
		set := v.mustUpdate(t, func(s *Session) {
			s.Rotate()
			s.State.Slot("p", "t").Refreshes = 7
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			if n := before.load(t).State.Slot("p", "t").Refreshes; n != 7 {
				t.Errorf("under the old ticket: %d", n)
			}
		})
		v.load(t)
		if _, err := v.m.Load(before.request("GET")); !errors.Is(err, ErrRotated) || set == "" {
			t.Errorf("got %v and cookie %q, want ErrRotated and a new one", err, set)
		}
	})
	t.Run("a new session is not saved by it, nor one to be forgotten", func(t *testing.T) {
		mem := &counting{Store: store.NewMemory(storetest.NewClock().Now)}
		v := &visitor{m: manager(t, Config{Store: mem})}
		v.mustUpdate(t, func(s *Session) {
			if err := s.Checkpoint(ctx); err != nil || mem.puts.Load() != 0 || !s.New {
				t.Errorf("%v, %d writes", err, mem.puts.Load())
			}
		})
		puts := mem.puts.Load()
		v.mustUpdate(t, func(s *Session) {
			s.Forget()
			signedIn(s)
			if err := s.Checkpoint(ctx); err != nil || mem.puts.Load() != puts {
				t.Errorf("%v, %d writes", err, mem.puts.Load()-puts)
			}
		})
	})
	t.Run("one that meets another save is told", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{Store: &counting{Store: store.NewMemory(storetest.NewClock().Now), noLease: true}})}
		v.mustUpdate(t, signedIn)
		_, err := v.update(func(ctx context.Context, s *Session) error {
			(&visitor{m: v.m, cookie: v.cookie}).signIn(t, "other")
			s.State.Slot("p", "t").InFlight = time.Unix(1, 0)
			return s.Checkpoint(ctx)
		})
		if !errors.Is(err, store.ErrConflict) || v.token(t) != "other" {
			t.Errorf("got %v, token %q; want ErrConflict and %q", err, v.token(t), "other")
		}
	})
	t.Run("the cookie of a rotated key is set at the end", func(t *testing.T) {
		first, second := newKeyring(t), newKeyring(t)
		v := &visitor{m: manager(t, Config{Keyring: first})}
		v.mustUpdate(t, signedIn)
		if err := v.m.Rekey(together(second, first)); err != nil {
			t.Fatal(err)
		}
		set := v.mustUpdate(t, func(s *Session) {
			s.State.Slot("p", "t").Refreshes = 1
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		})
		if set == "" {
			t.Error("it was not")
		}
	})
}

func TestSES8EndWithTokens(t *testing.T) {
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, advance func(time.Duration)) {
		v := &visitor{m: manager(t, Config{Store: s, Now: now, EndWithTokens: true})}
		v.mustUpdate(t, func(s *Session) {
			s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "a", AccessExpires: now().Add(5 * time.Minute), Refresh: "r", RefreshExpires: now().Add(30 * time.Minute)})
		})
		advance(30*time.Minute - time.Second)
		if v.load(t).New {
			t.Error("dead a second early")
		}
		advance(2 * time.Second)
		if !v.load(t).New {
			t.Error("alive a second late")
		}
	})
	t.Run("without the setting it goes on", func(t *testing.T) {
		clock := storetest.NewClock()
		v := &visitor{m: manager(t, Config{Now: clock.Now})}
		v.mustUpdate(t, func(s *Session) {
			s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "a", AccessExpires: clock.Now().Add(time.Minute)})
		})
		clock.Advance(time.Hour)
		if v.load(t).New {
			t.Error("it ended")
		}
	})
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		name string
		slot *Slot
		want time.Time
	}{
		{"no token", &Slot{}, time.Time{}},
		{"a token without an end", &Slot{Access: "a", AccessExpires: now, Refresh: secret.Text("r")}, time.Time{}},
		{"the last end counts", &Slot{Access: "a", AccessExpires: now, MFA: "m", MFAExpires: now.Add(time.Hour)}, now.Add(time.Hour)},
		{"an end without its token does not", &Slot{Access: "a", AccessExpires: now, RefreshExpires: now.Add(time.Hour)}, now},
	} {
		st := new(State)
		st.SetSlot(c.slot)
		if got := st.TokensEnd(); !got.Equal(c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	t.Run("a token that is over when it comes can still be shown", func(t *testing.T) {
		clock := storetest.NewClock()
		v := &visitor{m: manager(t, Config{Now: clock.Now, EndWithTokens: true})}
		v.mustUpdate(t, func(s *Session) {
			s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "a", AccessExpires: clock.Now().Add(-time.Hour)})
		})
		if v.token(t) != "a" {
			t.Error("it is gone")
		}
	})
}

func TestClockJumps(t *testing.T) { // S10
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, advance func(time.Duration)) {
		for _, jump := range []time.Duration{-24 * time.Hour, -10 * time.Minute, -time.Minute, time.Minute, 24 * time.Hour} {
			v := &visitor{m: manager(t, Config{Store: s, Now: func() time.Time { return now() }})}
			v.signIn(t, "one")
			key := v.load(t).sealer.storeKey()
			shift := jump
			v.m.now = func() time.Time { return now().Add(shift) }
			if got := v.load(t); jump.Abs() > time.Hour && !got.New {
				t.Errorf("after %v it still opens", jump)
			}
			v.signIn(t, "two") // in the old session or in a new one
			if v.token(t) != "two" {
				t.Errorf("after %v nothing can be kept", jump)
			}
			// However the clock went, the record does not outlive the absolute limit by more than the skew.
			advance(12*time.Hour + skew + time.Second)
			for _, k := range []string{key, v.load(t).sealer.storeKey()} {
				if _, _, err := s.Get(context.Background(), k); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("after %v a record lives for ever: %v", jump, err)
				}
			}
		}
	})
}
