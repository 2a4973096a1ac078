package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

var ledgerShapes = cmp.AllowUnexported(shelf{}, record{}, family{})

func TestPairsNameTheirFamily(t *testing.T) {
	s := newServer(t, Config{})
	v, err := s.visit(t.Context(), dialect.All()[0], "w")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		f := family{rapid.Uint64Max(1<<40-1).Draw(rt, "began"), rapid.Uint32().Draw(rt, "salt")}
		g := generation(rapid.Uint32Max(uint32(maxGeneration)).Draw(rt, "generation"))
		id := v.pairID(f, g, rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(rt, "chance"))
		if id.Version() != 4 || id.Variant() != uuid.RFC4122 {
			rt.Fatalf("%v is no random UUID", id)
		}
		if gotF, gotG := v.lineage(id); gotF != f || gotG != g {
			rt.Fatalf("got %v %d, want %v %d", gotF, gotG, f, g)
		}
		if got, err := readBlank(append([]byte(`{"a":1}`), blank(id)...)); err != nil || got != id {
			rt.Fatalf("in white space: got %v, %v, want %v", got, err, id)
		}
	})
}

func TestLedgerRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hundredths := rapid.Uint64Max(1<<40 - 1)
		records := rapid.Custom(func(rt *rapid.T) record {
			return record{family{hundredths.Draw(rt, "began"), rapid.Uint32().Draw(rt, "salt")}, generation(rapid.Uint32().Draw(rt, "last")),
				generation(rapid.Uint32().Draw(rt, "ended")), hundredths.Draw(rt, "spent"), rapid.Uint32().Draw(rt, "ends")}
		})
		want := ledger(rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) shelf {
			return shelf{rapid.StringN(0, 10, 20).Draw(rt, "product"), hundredths.Draw(rt, "horizon"), rapid.Uint32().Draw(rt, "until"),
				rapid.SliceOfN(records, 1, 5).Draw(rt, "records")}
		}), 1, 4).Draw(rt, "shelves"))
		got, err := readLedger(want.encode())
		if diff := cmp.Diff(want, got, ledgerShapes); err != nil || diff != "" {
			rt.Fatalf("%v\n%s", err, diff)
		}
	})
}

func FuzzReadLedger(f *testing.F) {
	f.Add([]byte{})
	f.Add(ledger{{"vbr", 5, 6, []record{{family{1, 2}, 3, 4, 5, 6}}}, {"vac", 0, 0, nil}}.encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := readLedger(raw)
		if err != nil {
			return
		}
		if again := l.encode(); !bytes.Equal(again, raw) {
			t.Errorf("%x is written again as %x", raw, again)
		}
		l.tidy(0, ledgerRoom)
	})
}

// measured is a store that knows what it holds.
type measured struct {
	store.Store
	mu    sync.Mutex
	sizes map[string]int
}

func (m *measured) Put(ctx context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error) {
	now, err := m.Store.Put(ctx, key, value, version, ttl)
	if err == nil {
		m.mu.Lock()
		m.sizes[key] = len(key) + len(value)
		m.mu.Unlock()
	}
	return now, err
}

// size of what lives under a prefix, if nothing expires.
func (m *measured) size(prefix string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, size := range m.sizes {
		if strings.HasPrefix(key, prefix) {
			n += size
		}
	}
	return n
}

// hasty is the product whose tokens cost the least.
func hasty(t testing.TB) *dialect.Dialect {
	for _, d := range dialect.All() {
		if d.Access.Alg == "HS256" && d.Refresh.Alg == "HS256" {
			return d
		}
	}
	t.Skip("every product's tokens are costly")
	return nil
}

func TestAWorldStaysSmall(t *testing.T) {
	ctx := t.Context()
	clk := &clock{now: start}
	mem := &measured{Store: newStore(t, clk.Now), sizes: map[string]int{}}
	s := newServer(t, Config{Store: mem, Now: clk.Now, Rand: rand.Reader})
	var people []Person
	for i := range MaxPeople {
		people = append(people, Person{Name: "user" + string(rune('A'+i%26)) + string(rune('a'+i/26)), Password: "Password1"})
	}
	var armed []Armed
	for range maxArmed {
		armed = append(armed, Armed{Fault: "missing-refresh-token", Purpose: dialect.Obtain, Times: maxTimes})
	}
	seed, grace, strict := uint64(1<<64-1), MaxGrace, true
	if err := s.Reset(ctx, "w"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Set(ctx, "w", Setting{Strict: &strict, Grace: &grace, Seed: &seed, People: &people}); err != nil {
		t.Fatal(err)
	}
	for range 3 * ledgerRoom {
		for _, d := range dialect.All() {
			if algorithms[d.Access.Alg].rsa {
				continue // its signatures take long
			}
			c := s.client(t, d, "w")
			_, fresh := c.pair(c.signIn(people[0].Name, "Password1"))
			c.pair(c.refresh(fresh))
			clk.Add(10 * time.Millisecond)
		}
	}
	if _, err := s.Set(ctx, "w", Setting{Armed: &armed}); err != nil {
		t.Fatal(err)
	}
	if got := mem.size("w/w"); got < 4<<10 || got > 8<<10 {
		t.Errorf("the world takes %d bytes", got)
	}
}

func TestTheSharedWorldStaysSmall(t *testing.T) {
	clk := &clock{now: start}
	mem := &measured{Store: newStore(t, clk.Now), sizes: map[string]int{}}
	s := newServer(t, Config{Store: mem, Now: clk.Now, Rand: rand.Reader})
	s.room = 5
	d := hasty(t)
	c, neighbour := s.client(t, d, ""), s.client(t, d, "w")
	theirs, theirFresh := neighbour.admin()
	for range 3 * sharedLedgers * s.room {
		_, fresh := c.admin()
		c.refresh(fresh)
		clk.Add(10 * time.Millisecond)
	}
	if now := mem.size("w/"); now < 10_000 || now > sharedLedgers*(s.room*recordSize+100) {
		t.Errorf("the ledgers take %d bytes", now)
	}
	// Nobody else was pushed out.
	neighbour.accepted(neighbour.explore(theirs), dialect.Explore)
	neighbour.pair(neighbour.refresh(theirFresh))
}

func TestOneProductDoesNotPushOutAnother(t *testing.T) {
	clk := &clock{now: start}
	s := newServer(t, Config{Now: clk.Now})
	s.room = 4
	all := dialect.All()
	quiet, busy := s.client(t, all[0], "w"), s.client(t, hasty(t), "w")
	token, fresh := quiet.admin()
	token2, fresh2 := quiet.pair(quiet.refresh(fresh))
	for range 10 {
		clk.Add(time.Second)
		_, r := busy.admin()
		busy.pair(busy.refresh(r))
	}
	quiet.accepted(quiet.explore(token), dialect.Explore)
	quiet.accepted(quiet.explore(token2), dialect.Explore)
	quiet.pair(quiet.refresh(fresh2))
}

// TestWhatIsForgottenIsRefused lets families come and go in a world with little
// room. What a careful person would refuse must be refused; what they would
// accept may be, and must be for the newest sign-in.
func TestWhatIsForgottenIsRefused(t *testing.T) {
	ctx := t.Context()
	clk := &clock{now: start}
	s := newServer(t, Config{Now: clk.Now})
	s.room = 2
	d := hasty(t)
	worlds := 0
	type pair struct {
		access, refresh string
		gone            bool
		next            *pair
	}
	rapid.Check(t, func(rt *rapid.T) {
		worlds++
		world := "f" + time.Duration(worlds).String()
		c := s.client(t, d, world)
		var pairs []*pair
		keep := func(r result) *pair {
			p := &pair{access: r.Values[dialect.AccessToken], refresh: r.Values[dialect.RefreshToken]}
			pairs = append(pairs, p)
			clk.Add(10 * time.Millisecond)
			return p
		}
		pick := func(rt *rapid.T) *pair {
			if len(pairs) == 0 {
				rt.Skip()
			}
			return rapid.SampledFrom(pairs).Draw(rt, "pair")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"sign in": func(rt *rapid.T) {
				p := keep(c.signIn("administrator", "Password1"))
				if r := c.explore(p.access); r.Status != 200 {
					rt.Fatalf("a new token is refused: %s", r.body)
				}
			},
			"refresh": func(rt *rapid.T) {
				p := pick(rt)
				r := c.refresh(p.refresh)
				if !r.Refused && (p.gone || p.next != nil) {
					rt.Fatal("a spent or ended refresh token is good again")
				}
				if !r.Refused {
					p.next = keep(r)
				}
			},
			"explore": func(rt *rapid.T) {
				p := pick(rt)
				if r := c.explore(p.access); !r.Refused && p.gone {
					rt.Fatal("an ended access token is good again")
				}
			},
			"log out": func(rt *rapid.T) {
				p := pick(rt)
				r := c.logout(p.access)
				if !r.Refused && p.gone {
					rt.Fatal("an ended access token ends twice")
				}
				for q := p; !r.Refused && q != nil; q = q.next {
					q.gone = true
				}
			},
			"move the clock": func(rt *rapid.T) {
				to := rapid.SampledFrom([]time.Duration{0, time.Minute, MaxAhead}).Draw(rt, "ahead")
				if err := s.MoveTo(ctx, world, clk.Now().Add(to)); err != nil {
					rt.Fatal(err)
				}
			},
		})
	})
}

func TestGrace(t *testing.T) {
	ctx := t.Context()
	product(t, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now, Rand: rand.Reader})
		for name, strict := range map[string]bool{"patiently": false, "strictly": true} {
			t.Run(name, func(t *testing.T) {
				c := s.client(t, d, name)
				grace := 10 * time.Second
				if _, err := s.Set(ctx, name, Setting{Strict: &strict, Grace: &grace}); err != nil {
					t.Fatal(err)
				}
				_, r1 := c.admin()
				a2, r2 := c.pair(c.refresh(r1))
				clk.Add(grace - 10*time.Millisecond)
				a3, r3 := c.pair(c.refresh(r1))
				if a2 == a3 || r2 == r3 {
					t.Error("the second pair is the first")
				}
				c.accepted(c.explore(a2), dialect.Explore)
				c.accepted(c.explore(a3), dialect.Explore)
				// Whichever is refreshed first spends the other, after the grace.
				c.pair(c.refresh(r3))
				clk.Add(grace - 10*time.Millisecond)
				_, r4 := c.pair(c.refresh(r2))
				clk.Add(10 * time.Millisecond)
				c.refused(c.refresh(r2), dialect.SpentRefreshToken, dialect.Obtain)
				if strict { // all that came of it has ended
					c.refused(c.refresh(r4), dialect.RevokedToken, dialect.Obtain)
				} else {
					c.pair(c.refresh(r4))
				}
			})
		}
		t.Run("only the last one spent", func(t *testing.T) {
			c := s.client(t, d, "last")
			grace := MaxGrace
			if _, err := s.Set(ctx, "last", Setting{Grace: &grace}); err != nil {
				t.Fatal(err)
			}
			_, r1 := c.admin()
			_, r2 := c.pair(c.refresh(r1))
			_, r3 := c.pair(c.refresh(r2))
			c.refused(c.refresh(r1), dialect.SpentRefreshToken, dialect.Obtain)
			c.pair(c.refresh(r3))
		})
		t.Run("not before it was spent", func(t *testing.T) {
			c := s.client(t, d, "back")
			grace := MaxGrace
			if _, err := s.Set(ctx, "back", Setting{Grace: &grace}); err != nil {
				t.Fatal(err)
			}
			_, fresh := c.admin()
			if err := s.Advance(ctx, "back", time.Minute); err != nil {
				t.Fatal(err)
			}
			c.pair(c.refresh(fresh))
			if err := s.Advance(ctx, "back", -time.Minute); err != nil {
				t.Fatal(err)
			}
			c.refused(c.refresh(fresh), dialect.SpentRefreshToken, dialect.Obtain)
		})
	})
}

func TestGraceForManyAtOnce(t *testing.T) {
	ctx := t.Context()
	s := newServer(t, Config{Rand: rand.Reader})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		grace := time.Second
		if _, err := s.Set(ctx, d.ID, Setting{Grace: &grace}); err != nil {
			t.Fatal(err)
		}
		c := s.client(t, d, d.ID)
		_, fresh := c.admin()
		var mu sync.Mutex
		seen := map[string]bool{}
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				r := c.refresh(fresh)
				mu.Lock()
				seen[r.Values[dialect.RefreshToken]] = true
				mu.Unlock()
			})
		}
		wg.Wait()
		if len(seen) != 64 || seen[""] {
			t.Errorf("%d different refresh tokens, none among them: %v", len(seen), seen[""])
		}
	})
}

func TestResetForgetsFamilies(t *testing.T) {
	ctx := t.Context()
	mem := newStore(t, (&clock{now: start}).Now)
	s := newServer(t, Config{Store: mem})
	c := s.client(t, hasty(t), "w")
	_, fresh := c.admin()
	c.pair(c.refresh(fresh))
	if err := s.Reset(ctx, "w"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := mem.Get(ctx, "w/w/f"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	c.refused(c.refresh(fresh), dialect.BadRefreshToken, dialect.Obtain)
}

func TestADamagedLedgerIsAServerFault(t *testing.T) {
	ctx := t.Context()
	mem := newStore(t, (&clock{now: start}).Now)
	s := newServer(t, Config{Store: mem})
	d := dialect.All()[0]
	c := s.client(t, d, "w")
	token, fresh := c.admin()
	if _, err := mem.Put(ctx, "w/w/f", []byte{200}, store.Any, time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, r := range []result{c.explore(token), c.refresh(fresh), c.logout(token)} {
		if r.Status != 500 {
			t.Errorf("got %d %s", r.Status, r.body)
		}
	}
	v, err := s.visit(ctx, d, "w")
	if err != nil {
		t.Fatal(err)
	}
	tk, err := v.decipher(ctx, access, token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.family(ctx, tk); !errors.Is(err, errLedger) {
		t.Errorf("got %v", err)
	}
}
