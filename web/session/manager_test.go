package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/sessions"

	"tokenplayground/web/secret"
	"tokenplayground/web/store"
	"tokenplayground/web/store/boltstore"
	"tokenplayground/web/store/redisstore"
	"tokenplayground/web/store/storetest"
)

// manager fills in what a test does not care about.
func manager(t testing.TB, c Config) *Manager {
	t.Helper()
	if c.Now == nil {
		c.Now = storetest.NewClock().Now
	}
	if c.Store == nil {
		c.Store = store.NewMemory(c.Now)
	}
	if c.Keyring == nil {
		c.Keyring = newKeyring(t)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// visitor is a browser with a cookie jar of one.
type visitor struct {
	m      *Manager
	cookie *http.Cookie
}

func (v *visitor) request(method string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	if v.cookie != nil {
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
	}
	return r
}

// update runs fn and returns the Set-Cookie of the answer, "" for none.
func (v *visitor) update(fn func(ctx context.Context, s *Session) error) (string, error) {
	w := httptest.NewRecorder()
	err := v.m.Update(w, v.request("POST"), fn)
	for _, c := range w.Result().Cookies() {
		v.cookie = c
		if c.MaxAge < 0 {
			v.cookie = nil
		}
	}
	return w.Header().Get("Set-Cookie"), err
}

func (v *visitor) mustUpdate(t testing.TB, fn func(s *Session)) string {
	t.Helper()
	set, err := v.update(func(_ context.Context, s *Session) error { fn(s); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (v *visitor) load(t testing.TB) *Session {
	t.Helper()
	s, err := v.m.Load(v.request("GET"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signIn fills a slot with a token.
func (v *visitor) signIn(t testing.TB, token string) string {
	t.Helper()
	return v.mustUpdate(t, func(s *Session) {
		s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: secret.Text(token)})
	})
}

func (v *visitor) token(t testing.TB) string {
	t.Helper()
	slot := v.load(t).State.Slot("p", "t")
	if slot == nil {
		return ""
	}
	return slot.Access.Reveal()
}

// counting counts what is asked of a store and can be told to fail or to hand out leases to everybody.
type counting struct {
	store.Store
	gets, puts atomic.Int32
	noLease    bool
	fail       error
	mu         sync.Mutex
	keys       map[string]bool // that were put
}

func (c *counting) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	c.gets.Add(1)
	if c.fail != nil {
		return nil, 0, c.fail
	}
	return c.Store.Get(ctx, key)
}

func (c *counting) Put(ctx context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error) {
	c.puts.Add(1)
	c.mu.Lock()
	if c.keys == nil {
		c.keys = make(map[string]bool)
	}
	c.keys[key] = true
	c.mu.Unlock()
	if c.fail != nil {
		return 0, c.fail
	}
	return c.Store.Put(ctx, key, value, version, ttl)
}

func (c *counting) Lease(ctx context.Context, key string, ttl time.Duration) (store.Lease, error) {
	if c.fail != nil {
		return nil, c.fail
	}
	if c.noLease {
		return free{}, nil
	}
	return c.Store.Lease(ctx, key, ttl)
}

type free struct{}

func (free) Release() {}

func TestCookie(t *testing.T) {
	t.Run("reading sets none", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		if s := v.load(t); !s.New || len(s.State.World) != 26 {
			t.Errorf("new %v, world %q", s.New, s.State.World)
		}
	})
	t.Run("the first save sets one of less than 512 bytes, however much is kept", func(t *testing.T) {
		for _, secure := range []bool{true, false} {
			v := &visitor{m: manager(t, Config{Secure: secure})}
			set := v.mustUpdate(t, func(s *Session) {
				for i := range 5 {
					big := secret.Text(strings.Repeat("x", 6<<10))
					s.State.SetSlot(&Slot{Product: fmt.Sprint(i), Access: big, Refresh: big})
				}
			})
			name, rest, _ := strings.Cut(set, "=")
			_, attributes, _ := strings.Cut(rest, "; ")
			wantName, want := "pg", "Path=/; HttpOnly; SameSite=Lax"
			if secure {
				wantName, want = "__Host-pg", "Path=/; HttpOnly; Secure; SameSite=Lax"
			}
			if name != wantName || attributes != want || len(set) >= 512 {
				t.Errorf("%d bytes: %s", len(set), set)
			}
			if n := len(v.load(t).State.Slots); n != 5 {
				t.Errorf("%d slots came back", n)
			}
		}
	})
	t.Run("a second save sets none", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		v.signIn(t, "one")
		if set := v.signIn(t, "two"); set != "" {
			t.Errorf("got %s", set)
		}
		if got := v.token(t); got != "two" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("tickets are distinct", func(t *testing.T) { // S02, less often
		m := manager(t, Config{})
		seen := map[[ticketLen]byte]bool{}
		for range 2000 {
			s, err := m.begin()
			if err != nil {
				t.Fatal(err)
			}
			if seen[s.sealer.ticket] {
				t.Fatal("a ticket came twice")
			}
			seen[s.sealer.ticket] = true
		}
	})
}

func TestNothingPresentedIsAdopted(t *testing.T) { // S03, SES-5
	keys := newKeyring(t)
	clock := storetest.NewClock()
	mem := &counting{Store: store.NewMemory(clock.Now)}
	m := manager(t, Config{Keyring: keys, Store: mem, Now: clock.Now})

	gone := &visitor{m: m}
	gone.signIn(t, "gone")
	clock.Advance(3 * time.Hour)
	forger := &visitor{m: manager(t, Config{})}
	forger.signIn(t, "forged")
	otherName := &visitor{m: manager(t, Config{Keyring: keys, Secure: true})}
	otherName.signIn(t, "other name")

	cases := []struct{ name, value string }{
		{"a value of one's own", "c2Vzc2lvbg"},
		{"an empty value", ""},
		{"an expired session's value", gone.cookie.Value},
		{"a value signed with another key", forger.cookie.Value},
		{"a value signed for another name", otherName.cookie.Value},
		{"a spoilt value", "A" + gone.cookie.Value[1:]},
		{"a long value", strings.Repeat("x", 8<<10)},
		{"a plain ticket", base64.URLEncoding.EncodeToString(make([]byte, 32))},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := &visitor{m: m, cookie: &http.Cookie{Name: "pg", Value: c.value}}
			mem.gets.Store(0)
			if s := v.load(t); !s.New || len(s.State.Slots) != 0 {
				t.Errorf("it opened a session")
			}
			if n := mem.gets.Load(); n > 1 {
				t.Errorf("%d reads, want at most one", n)
			}
			set := v.signIn(t, "new")
			if set == "" || c.value != "" && strings.Contains(set, c.value) {
				t.Errorf("Set-Cookie: %s", set)
			}
			if v.token(t) != "new" {
				t.Error("the new session does not open")
			}
		})
	}
	t.Run("sixty cookies", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/", nil)
		for i := range 60 {
			r.AddCookie(&http.Cookie{Name: "pg", Value: fmt.Sprint("planted", i)})
		}
		if s, err := m.Load(r); err != nil || !s.New {
			t.Errorf("new %v, %v", s.New, err)
		}
	})
	t.Run("a planted cookie before the real one does not hide it", func(t *testing.T) {
		v := &visitor{m: m}
		v.signIn(t, "mine")
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "pg", Value: "planted"})
		r.AddCookie(&http.Cookie{Name: "pg", Value: v.cookie.Value})
		if s, err := m.Load(r); err != nil || s.New {
			t.Errorf("new %v, %v", s.New, err)
		}
	})
}

func FuzzCookie(f *testing.F) {
	m := manager(f, Config{})
	v := &visitor{m: m}
	v.signIn(f, "t")
	f.Add(v.cookie.Value[:len(v.cookie.Value)-1])
	f.Add("")
	good := v.cookie.Value
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "pg="+value)
		s, err := m.Load(r)
		if err != nil || !s.New && strings.Trim(value, " \t\"") != good && !strings.Contains(value, good) {
			t.Errorf("%q: new %v, %v", value, s.New, err)
		}
	})
}

func TestRotate(t *testing.T) {
	t.Run("a planted ticket never opens what signing in brought, and ends when the new one is presented", func(t *testing.T) { // S04, SES-6
		mem := store.NewMemory(storetest.NewClock().Now)
		m := manager(t, Config{Store: mem})
		attacker := &visitor{m: m}
		attacker.signIn(t, "bait")
		victim := &visitor{m: m, cookie: attacker.cookie}
		world := victim.load(t).State.World
		victim.mustUpdate(t, func(s *Session) {
			if err := s.Attach(context.Background(), "note", []byte("kept")); err != nil {
				t.Fatal(err)
			}
		})
		set := victim.mustUpdate(t, func(s *Session) {
			s.Rotate()
			s.State.Slot("p", "t").Access = "victim-token"
		})
		if set == "" || victim.cookie.Value == attacker.cookie.Value {
			t.Fatal("the ticket is the same")
		}
		if got := attacker.token(t); got != "bait" {
			t.Errorf("the old ticket, before the new one is presented, opens %q, want what it opened before", got)
		}
		if got := victim.token(t); got != "victim-token" {
			t.Errorf("the new ticket opens %q", got)
		}
		if _, err := m.Load(attacker.request("GET")); !errors.Is(err, ErrRotated) {
			t.Errorf("the old ticket: got %v, want ErrRotated", err)
		}
		if set, err := attacker.update(func(context.Context, *Session) error { return nil }); !errors.Is(err, ErrRotated) || set != "" {
			t.Errorf("an update with it: %q, %v; want ErrRotated and no cookie", set, err)
		}
		s := victim.load(t)
		if got := s.State.Slot("p", "t").Access.Reveal(); got != "victim-token" || s.State.World != world {
			t.Errorf("under the new ticket: %q, world %q", got, s.State.World)
		}
		if data, err := s.Attachment(context.Background(), "note"); string(data) != "kept" {
			t.Errorf("the attachment: %q, %v", data, err)
		}
	})
	t.Run("a minute after its end the old ticket is just unknown", func(t *testing.T) { // SES-7
		clock := storetest.NewClock()
		v := &visitor{m: manager(t, Config{Now: clock.Now})}
		v.signIn(t, "one")
		old := &visitor{m: v.m, cookie: v.cookie}
		v.mustUpdate(t, func(s *Session) { s.Rotate() })
		v.load(t)
		clock.Advance(time.Minute)
		if s := old.load(t); !s.New {
			t.Error("it still opens")
		}
	})
	t.Run("a rotation that meets another save changes nothing", func(t *testing.T) {
		mem := &counting{Store: store.NewMemory(storetest.NewClock().Now), noLease: true}
		v := &visitor{m: manager(t, Config{Store: mem})}
		v.signIn(t, "one")
		before := v.cookie.Value
		set, err := v.update(func(_ context.Context, s *Session) error {
			s.Rotate()
			(&visitor{m: v.m, cookie: v.cookie}).signIn(t, "other")
			return nil
		})
		if !errors.Is(err, store.ErrConflict) || set != "" || v.cookie.Value != before {
			t.Errorf("got %v and %q, want ErrConflict and no cookie", err, set)
		}
		if got := v.token(t); got != "other" {
			t.Errorf("got %q, want %q", got, "other")
		}
		if len(mem.keys) != 2 {
			t.Errorf("%d keys were written, want the old and the new", len(mem.keys))
		}
		delete(mem.keys, v.load(t).sealer.storeKey())
		for key := range mem.keys {
			if _, _, err := mem.Store.Get(context.Background(), key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the new record was left behind: %v", err)
			}
		}
	})
	t.Run("a save without new credentials keeps the ticket", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		v.signIn(t, "one")
		before := v.cookie.Value
		v.signIn(t, "two")
		if v.cookie.Value != before {
			t.Error("the ticket changed")
		}
	})
}

func TestDump(t *testing.T) { // S05, CRY-3
	path := filepath.Join(t.TempDir(), "store")
	b, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := manager(t, Config{Store: b, Now: time.Now})
	v := &visitor{m: m}
	canaries := [][]byte{[]byte("canary-access"), []byte("canary-refresh"), []byte("canary-mfa"), []byte("canary-user"), []byte("canary-body"), []byte("canary.host")}
	var tickets [][]byte
	for range 3 {
		v.mustUpdate(t, func(s *Session) {
			s.Rotate()
			s.State.SetSlot(&Slot{Product: "p", Username: "canary-user", Access: "canary-access", Refresh: "canary-refresh", MFA: "canary-mfa"})
			s.State.Targets = []TypedTarget{{Host: "canary.host"}}
			n := s.State.Record(Entry{})
			if err := s.Attach(context.Background(), AttachmentName(n), []byte("canary-body")); err != nil {
				t.Fatal(err)
			}
		})
		ticket, _, _ := m.ticket(v.request("GET"))
		tickets = append(tickets, ticket[:])
		if err := b.Delete(context.Background(), "nothing"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(dump, []byte("s:")) {
		t.Fatal("this is not the store")
	}
	for _, secret := range append(canaries, tickets...) {
		backwards := bytes.Clone(secret)
		slices.Reverse(backwards)
		for _, form := range [][]byte{
			secret, backwards, []byte(hex.EncodeToString(secret)),
			[]byte(base64.RawStdEncoding.EncodeToString(secret)), []byte(base64.RawURLEncoding.EncodeToString(secret)),
		} {
			if bytes.Contains(dump, form) {
				t.Errorf("%q is in the file", form)
			}
		}
	}
}

func TestKeyringAndStoreOpenNothing(t *testing.T) { // S06, CRY-4
	keys := newKeyring(t)
	mem := store.NewMemory(storetest.NewClock().Now)
	v := &visitor{m: manager(t, Config{Keyring: keys, Store: mem})}
	v.signIn(t, "one")
	ticket, _, _ := v.m.ticket(v.request("GET"))
	mine := newSealer(keys, ticket)
	record, _, err := mem.Get(context.Background(), mine.storeKey())
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		foreign := newTestSealer(t, keys)
		if _, _, err := mem.Get(context.Background(), foreign.storeKey()); err == nil {
			t.Fatal("a foreign ticket found a record")
		}
		if _, _, err := foreign.open(record, ""); err == nil {
			t.Fatal("a foreign ticket opened the record")
		}
	}
}

func TestForget(t *testing.T) { // SES-9, SES-10, S07
	ctx := context.Background()
	open := func(t *testing.T) (*visitor, *counting) {
		mem := &counting{Store: store.NewMemory(storetest.NewClock().Now)}
		v := &visitor{m: manager(t, Config{Store: mem})}
		v.mustUpdate(t, func(s *Session) {
			if err := s.Attach(ctx, "note", []byte("n")); err != nil {
				t.Fatal(err)
			}
		})
		return v, mem
	}
	t.Run("record, attachments and cookie are gone", func(t *testing.T) {
		v, mem := open(t)
		s, old := v.load(t), v.cookie
		set := v.mustUpdate(t, func(s *Session) { s.Forget() })
		if !strings.HasPrefix(set, "pg=; ") || !strings.Contains(set, "Max-Age=0") {
			t.Errorf("Set-Cookie: %s", set)
		}
		for _, key := range []string{s.sealer.storeKey(), s.sealer.attachmentKey("note", s.ties.Attached["note"])} {
			if _, _, err := mem.Store.Get(ctx, key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%.10s… is still there: %v", key, err)
			}
		}
		if s := (&visitor{m: v.m, cookie: old}).load(t); !s.New {
			t.Error("the old cookie still opens it")
		}
	})
	t.Run("a save that started before cannot bring it back", func(t *testing.T) {
		v, mem := open(t)
		mem.noLease = true // with it the late save would simply be first
		late := &visitor{m: v.m, cookie: v.cookie}
		key := v.load(t).sealer.storeKey()
		_, err := late.update(func(_ context.Context, s *Session) error {
			s.State.Record(Entry{})
			v.mustUpdate(t, func(s *Session) { s.Forget() })
			return nil
		})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("got %v, want ErrConflict", err)
		}
		if _, _, err := mem.Store.Get(ctx, key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the record is back: %v", err)
		}
	})
	t.Run("forgetting what was never kept sets no cookie", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		if set := v.mustUpdate(t, func(s *Session) { s.Forget() }); set != "" {
			t.Errorf("Set-Cookie: %s", set)
		}
	})
}

func TestSwappedRecords(t *testing.T) { // S08, CRY-2
	ctx := context.Background()
	mem := store.NewMemory(storetest.NewClock().Now)
	m := manager(t, Config{Store: mem})
	a, b := &visitor{m: m}, &visitor{m: m}
	a.signIn(t, "a")
	b.signIn(t, "b")
	ka, kb := a.load(t).sealer.storeKey(), b.load(t).sealer.storeKey()
	ra, _, _ := mem.Get(ctx, ka)
	rb, _, _ := mem.Get(ctx, kb)
	for key, record := range map[string][]byte{ka: rb, kb: ra} {
		if _, err := mem.Put(ctx, key, record, store.Any, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if s := a.load(t); !s.New {
		t.Errorf("a opens b's session: %q", s.State.Slot("p", "t").Access.Reveal())
	}
	old := *a
	if a.signIn(t, "new"); a.cookie.Value == old.cookie.Value {
		t.Error("the ticket of a spoilt record was used again")
	}
	if _, _, err := mem.Get(ctx, ka); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the spoilt record is still there: %v", err)
	}
	for i := range headerLen {
		bad := bytes.Clone(rb)
		bad[i] ^= 1
		if _, err := mem.Put(ctx, kb, bad, store.Any, time.Hour); err != nil {
			t.Fatal(err)
		}
		if s := b.load(t); !s.New {
			t.Errorf("header byte %d does not matter", i)
		}
	}
}

// backends are the stores with the clock that they and the manager share.
func backends(t *testing.T, run func(t *testing.T, s store.Store, now func() time.Time, advance func(time.Duration))) {
	t.Run("memory", func(t *testing.T) {
		clock := storetest.NewClock()
		run(t, store.NewMemory(clock.Now), clock.Now, clock.Advance)
	})
	t.Run("bolt", func(t *testing.T) {
		clock := storetest.NewClock()
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "store"), boltstore.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		run(t, s, clock.Now, clock.Advance)
	})
	t.Run("redis", func(t *testing.T) {
		clock, mr := storetest.NewClock(), miniredis.RunT(t)
		s, err := redisstore.Open("redis://"+mr.Addr(), redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		run(t, s, clock.Now, func(d time.Duration) { clock.Advance(d); mr.FastForward(d) })
	})
}

func TestExpiry(t *testing.T) { // S09, SES-8
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, advance func(time.Duration)) {
		m := manager(t, Config{Store: s, Now: now})
		t.Run("idle", func(t *testing.T) {
			v := &visitor{m: m}
			v.signIn(t, "one")
			advance(2*time.Hour - time.Second)
			if v.token(t) != "one" {
				t.Error("dead a second early")
			}
			advance(2 * time.Second)
			if !v.load(t).New {
				t.Error("alive a second late")
			}
		})
		t.Run("a write starts the idle time anew, reading does not", func(t *testing.T) {
			v := &visitor{m: m}
			v.signIn(t, "one")
			advance(90 * time.Minute)
			v.mustUpdate(t, func(*Session) {}) // changes nothing but the time
			advance(90 * time.Minute)
			if v.token(t) != "one" {
				t.Error("the write did not count")
			}
			advance(31 * time.Minute)
			if !v.load(t).New {
				t.Error("the reading counted")
			}
		})
		t.Run("absolute", func(t *testing.T) {
			v := &visitor{m: m}
			v.signIn(t, "one")
			for range 11 {
				advance(time.Hour)
				v.signIn(t, "more")
			}
			advance(time.Hour - time.Second)
			if v.token(t) != "more" {
				t.Error("dead a second early")
			}
			advance(2 * time.Second)
			if !v.load(t).New {
				t.Error("alive a second late")
			}
		})
	})
	t.Run("a clock that jumps back ends the session rather than giving it a day more", func(t *testing.T) { // S10
		clock := storetest.NewClock()
		v := &visitor{m: manager(t, Config{Now: clock.Now})}
		v.signIn(t, "one")
		clock.Advance(-24 * time.Hour)
		if !v.load(t).New {
			t.Error("still alive")
		}
	})
}

func TestParallelUpdates(t *testing.T) {
	backends(t, func(t *testing.T, s store.Store, now func() time.Time, _ func(time.Duration)) {
		t.Run("fifty are serial and none is lost", func(t *testing.T) { // R01
			v := &visitor{m: manager(t, Config{Store: s, Now: now})}
			v.mustUpdate(t, func(*Session) {})
			var wg sync.WaitGroup
			var inside, upstream atomic.Int32
			for range 50 {
				wg.Go(func() {
					_, err := (&visitor{m: v.m, cookie: v.cookie}).update(func(_ context.Context, s *Session) error {
						if inside.Add(1) != 1 {
							t.Error("two at once")
						}
						defer inside.Add(-1)
						if s.State.Slot("p", "t") == nil {
							upstream.Add(1)
							s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "one"})
						}
						s.State.Record(Entry{})
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if upstream.Load() != 1 {
				t.Errorf("%d upstream calls, want 1", upstream.Load())
			}
			if n := v.load(t).State.Next; n != 51 {
				t.Errorf("next exchange is %d, want 51", n)
			}
		})
		t.Run("without the lease one of twenty wins and the others are told", func(t *testing.T) { // R03, SES-11
			v := &visitor{m: manager(t, Config{Store: &counting{Store: s, noLease: true}, Now: now})}
			v.mustUpdate(t, func(*Session) {})
			var wg, loaded sync.WaitGroup
			loaded.Add(20)
			var won, lost atomic.Int32
			for range 20 {
				wg.Go(func() {
					_, err := (&visitor{m: v.m, cookie: v.cookie}).update(func(_ context.Context, s *Session) error {
						loaded.Done()
						loaded.Wait()
						s.State.Record(Entry{})
						return s.Attach(context.Background(), AttachmentName(1), []byte(rand.Text()))
					})
					switch {
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
				t.Errorf("%d won and %d lost, want 1 and 19", won.Load(), lost.Load())
			}
			if _, err := v.load(t).Attachment(context.Background(), AttachmentName(1)); err != nil {
				t.Errorf("the winner's attachment: %v", err)
			}
		})
	})
}

func TestRestart(t *testing.T) { // SES-12
	dir := t.TempDir()
	start := func() (*Manager, *boltstore.Store) {
		keys, _, err := LoadOrCreateKeyring(filepath.Join(dir, "keyring"), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := boltstore.Open(filepath.Join(dir, "store"), boltstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return manager(t, Config{Keyring: keys, Store: b, Now: time.Now}), b
	}
	m, b := start()
	v := &visitor{m: m}
	v.signIn(t, "one")
	want := v.load(t).State
	b.Close()
	m, b = start()
	defer b.Close()
	v.m = m
	if diff := cmp.Diff(want, v.load(t).State); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	if got := v.token(t); got != "one" {
		t.Errorf("got %q", got)
	}
}

func TestRotatedKeys(t *testing.T) { // KEY-3, KEY-4
	first, second := newKeyring(t), newKeyring(t)
	mem := store.NewMemory(storetest.NewClock().Now)
	with := func(keys *Keyring) *Manager { return manager(t, Config{Keyring: keys, Store: mem}) }
	busy := &visitor{m: with(first)}
	busy.signIn(t, "busy")
	idle := &visitor{m: busy.m}
	idle.signIn(t, "idle")

	for _, step := range []*Keyring{together(first, second), together(second, first)} {
		busy.m, idle.m = with(step), with(step)
		if busy.token(t) != "busy" || idle.token(t) != "idle" {
			t.Fatal("a session was lost on the way")
		}
	}
	if set := busy.mustUpdate(t, func(*Session) {}); set == "" {
		t.Error("the cookie was not signed anew")
	}
	busy.m, idle.m = with(second), with(second)
	if busy.token(t) != "busy" {
		t.Error("a session that was used after the rotation ended with the old key")
	}
	if !idle.load(t).New {
		t.Error("a session of a removed key opens")
	}
}

func TestRecordUnderAnotherKeyThanTheCookie(t *testing.T) { // KEY-3, while replicas are rolled
	first, second := newKeyring(t), newKeyring(t)
	mem := store.NewMemory(storetest.NewClock().Now)
	with := func(keys *Keyring) *Manager { return manager(t, Config{Keyring: keys, Store: mem}) }
	v := &visitor{m: with(together(second, first))}
	v.signIn(t, "one")
	before := v.cookie
	v.m = with(together(first, second)) // a replica that is not there yet seals anew, and its answer is lost
	v.signIn(t, "two")
	v.cookie = before
	v.m = with(together(second, first))
	v.mustUpdate(t, func(*Session) {})
	v.m = with(second)
	if got := v.token(t); got != "two" {
		t.Errorf("got %q, want %q", got, "two")
	}

	v = &visitor{m: with(first)}
	v.signIn(t, "one")
	before = v.cookie
	v.m = with(together(second, first))
	v.signIn(t, "two") // and this answer is lost
	v.cookie = before
	if set := v.mustUpdate(t, func(*Session) {}); set == "" {
		t.Error("the cookie was not signed anew")
	}
}

func TestUnavailableStore(t *testing.T) { // RDS-1
	mem := &counting{Store: store.NewMemory(storetest.NewClock().Now)}
	m := manager(t, Config{Store: mem})
	v := &visitor{m: m}
	v.signIn(t, "one")
	mem.fail = store.ErrUnavailable
	if _, err := m.Load(v.request("GET")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("load: got %v, want ErrUnavailable", err)
	}
	for _, v := range []*visitor{v, {m: m}} {
		ran := false
		set, err := v.update(func(context.Context, *Session) error { ran = true; return nil })
		if !errors.Is(err, store.ErrUnavailable) || set != "" || ran {
			t.Errorf("update: %v, cookie %q, ran %v; want ErrUnavailable, none, false", err, set, ran)
		}
	}
	mem.fail = nil
	if v.token(t) != "one" {
		t.Error("the session is gone although only the store was away")
	}
}

func TestUpdate(t *testing.T) {
	ctx := context.Background()
	boom := errors.New("boom")

	t.Run("an error saves nothing and sets no cookie", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		set, err := v.update(func(_ context.Context, s *Session) error { return boom })
		if err != boom || set != "" {
			t.Errorf("got %v and %q", err, set)
		}
		v.signIn(t, "one")
		if _, err := v.update(func(_ context.Context, s *Session) error {
			s.State.Slot("p", "t").Access = "two"
			return boom
		}); err != boom || v.token(t) != "one" {
			t.Errorf("got %v, token %q", err, v.token(t))
		}
	})
	t.Run("SaveAnd saves and returns the error", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		set, err := v.update(func(_ context.Context, s *Session) error {
			s.State.SetSlot(&Slot{Product: "p", Target: "t", Access: "one"})
			return SaveAnd(boom)
		})
		if !errors.Is(err, boom) || set == "" || v.token(t) != "one" {
			t.Errorf("got %v and %q", err, set)
		}
	})
	t.Run("it goes on when the browser goes away", func(t *testing.T) { // R04
		v := &visitor{m: manager(t, Config{})}
		v.signIn(t, "one")
		gone, cancel := context.WithCancel(ctx)
		err := v.m.Update(httptest.NewRecorder(), v.request("POST").WithContext(gone), func(ctx context.Context, s *Session) error {
			cancel()
			if ctx.Err() != nil {
				t.Error("the call's context ended with the browser's")
			}
			s.State.Slot("p", "t").Access = "two"
			return nil
		})
		if err != nil || v.token(t) != "two" {
			t.Errorf("got %v, token %q", err, v.token(t))
		}
	})
	t.Run("a browser that goes away while waiting does not run", func(t *testing.T) {
		v := &visitor{m: manager(t, Config{})}
		v.signIn(t, "one")
		if _, err := v.update(func(context.Context, *Session) error {
			gone, cancel := context.WithCancel(ctx)
			cancel()
			err := v.m.Update(httptest.NewRecorder(), v.request("POST").WithContext(gone), func(context.Context, *Session) error {
				t.Error("it ran beside the holder")
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	t.Run("what changes nothing is written once a minute", func(t *testing.T) {
		clock := storetest.NewClock()
		mem := &counting{Store: store.NewMemory(clock.Now)}
		v := &visitor{m: manager(t, Config{Store: mem, Now: clock.Now})}
		v.signIn(t, "one")
		mem.puts.Store(0)
		for range 120 {
			clock.Advance(time.Second)
			v.mustUpdate(t, func(*Session) {})
		}
		if n := mem.puts.Load(); n != 2 {
			t.Errorf("%d writes in two minutes, want 2", n)
		}
	})
	t.Run("loading is one read and no write", func(t *testing.T) {
		mem := &counting{Store: store.NewMemory(storetest.NewClock().Now)}
		v := &visitor{m: manager(t, Config{Store: mem})}
		v.signIn(t, "one")
		mem.gets.Store(0)
		mem.puts.Store(0)
		v.load(t)
		if g, p := mem.gets.Load(), mem.puts.Load(); g != 1 || p != 0 {
			t.Errorf("%d reads and %d writes, want 1 and 0", g, p)
		}
	})
}

func TestAttachments(t *testing.T) {
	ctx := context.Background()
	v := &visitor{m: manager(t, Config{})}
	step := func(n int) {
		v.mustUpdate(t, func(s *Session) {
			if err := s.Attach(ctx, AttachmentName(s.State.Record(Entry{})), fmt.Append(nil, "body ", n)); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("it comes back in a later request", func(t *testing.T) {
		step(1)
		if got, err := v.load(t).Attachment(ctx, AttachmentName(1)); string(got) != "body 1" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("an unknown one is told apart", func(t *testing.T) {
		if _, err := v.load(t).Attachment(ctx, "other"); !errors.Is(err, ErrNoAttachment) {
			t.Errorf("got %v, want ErrNoAttachment", err)
		}
	})
	t.Run("it goes with its exchange", func(t *testing.T) {
		first := v.load(t)
		key := first.sealer.attachmentKey(AttachmentName(1), first.ties.Attached[AttachmentName(1)])
		for n := 2; n <= 51; n++ {
			step(n)
		}
		s := v.load(t)
		if len(s.ties.Attached) != 50 {
			t.Errorf("%d attachments, want 50", len(s.ties.Attached))
		}
		if _, err := s.Attachment(ctx, AttachmentName(1)); !errors.Is(err, ErrNoAttachment) {
			t.Errorf("got %v, want ErrNoAttachment", err)
		}
		if _, _, err := v.m.store.Get(ctx, key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it is still in the store: %v", err)
		}
		if got, err := s.Attachment(ctx, AttachmentName(51)); string(got) != "body 51" {
			t.Errorf("the newest: %q, %v", got, err)
		}
	})
	t.Run("one put in place of another does not open", func(t *testing.T) {
		s := v.load(t)
		a, b := AttachmentName(50), AttachmentName(51)
		record, _, err := v.m.store.Get(ctx, s.sealer.attachmentKey(a, s.ties.Attached[a]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.m.store.Put(ctx, s.sealer.attachmentKey(b, s.ties.Attached[b]), record, store.Any, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Attachment(ctx, b); !errors.Is(err, ErrNoAttachment) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestGorilla(t *testing.T) {
	v := &visitor{m: manager(t, Config{})}
	v.signIn(t, "one")
	r := v.request("GET")
	var s sessions.Store = v.m
	a, err := s.Get(r, v.m.CookieName())
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := s.Get(r, v.m.CookieName()); a != b {
		t.Error("one request got two sessions")
	}
	a.Options.MaxAge = -1
	w := httptest.NewRecorder()
	if err := a.Save(r, w); err != nil || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("got %v and %q", err, w.Header().Get("Set-Cookie"))
	}
	if !v.load(t).New {
		t.Error("the session is still there")
	}
}

func TestNew(t *testing.T) {
	mem, keys := store.NewMemory(time.Now), newKeyring(t)
	for name, c := range map[string]Config{
		"no store":        {Keyring: keys},
		"no keyring":      {Store: mem},
		"an empty one":    {Store: mem, Keyring: &Keyring{}},
		"negative limits": {Store: mem, Keyring: keys, Idle: -1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func BenchmarkUpdateBolt(b *testing.B) {
	s, err := boltstore.Open(filepath.Join(b.TempDir(), "store"), boltstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	v := &visitor{m: manager(b, Config{Store: s, Now: time.Now})}
	v.signIn(b, strings.Repeat("x", 9<<10))
	n := 0
	for b.Loop() {
		n++
		v.mustUpdate(b, func(s *Session) { s.State.Slot("p", "t").Refreshes = n })
	}
}

func BenchmarkLoadBolt(b *testing.B) {
	s, err := boltstore.Open(filepath.Join(b.TempDir(), "store"), boltstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	v := &visitor{m: manager(b, Config{Store: s, Now: time.Now})}
	v.signIn(b, strings.Repeat("x", 9<<10))
	for b.Loop() {
		v.load(b)
	}
}
