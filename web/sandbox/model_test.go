package sandbox

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tokenplayground/web/dialect"
)

// modelPair is what a careful person would write down about one pair.
type modelPair struct {
	access, refresh         string
	accessEnds, refreshEnds time.Time
	era                     int
	next                    *modelPair
	ended                   bool
}

// TestModel lets a world live at random and compares each answer with a model
// that knows nothing of keys, records or seals.
func TestModel(t *testing.T) {
	ctx := t.Context()
	clk := &clock{now: start.Truncate(time.Second)}
	mem := newStore(t, clk.Now)
	s := newServer(t, Config{Store: mem, Now: clk.Now})
	other := newServer(t, Config{Store: mem, Now: clk.Now})
	worlds := 0
	rapid.Check(t, func(rt *rapid.T) {
		worlds++
		world := "m" + time.Duration(worlds).String()
		d := rapid.SampledFrom(dialect.All()).Draw(rt, "product")
		strict := rapid.Bool().Draw(rt, "strict")
		if err := s.SetStrict(ctx, world, strict); err != nil {
			rt.Fatal(err)
		}
		servers := []client{s.client(t, d, world), other.client(t, d, world)}
		var pairs []*modelPair
		era := 0
		now := func() time.Time { return s.Clock(ctx, world).Truncate(time.Second) }
		whole := func(c client, r result) *modelPair {
			if r.Status != 200 {
				rt.Fatalf("got %d %s", r.Status, r.body)
			}
			p := &modelPair{access: r.Values[dialect.AccessToken], refresh: r.Values[dialect.RefreshToken],
				accessEnds: now().Add(d.Lifetimes.Access), refreshEnds: now().Add(d.Lifetimes.Refresh), era: era}
			pairs = append(pairs, p)
			return p
		}
		check := func(r result, want dialect.Fault, on dialect.Purpose) {
			rt.Helper()
			ref, ok := d.Refusal(want, on)
			if !ok {
				rt.Fatalf("%s is not worded", want)
			}
			if r.Status != ref.Status {
				rt.Fatalf("got %d %s, want %d for %s", r.Status, r.body, ref.Status, want)
			}
			for term, text := range ref.Says {
				if r.Values[term] != text {
					rt.Fatalf("got %s, want %q for %s", r.body, text, want)
				}
			}
		}
		end := func(p *modelPair) {
			for ; p != nil; p = p.next {
				p.ended = true
			}
		}
		pick := func(rt *rapid.T) (client, *modelPair) {
			if len(pairs) == 0 {
				rt.Skip("no pair yet")
			}
			return rapid.SampledFrom(servers).Draw(rt, "server"), rapid.SampledFrom(pairs).Draw(rt, "pair")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"sign in": func(rt *rapid.T) {
				c := rapid.SampledFrom(servers).Draw(rt, "server")
				whole(c, c.signIn("administrator", "Password1"))
			},
			"refresh": func(rt *rapid.T) {
				c, p := pick(rt)
				r := c.refresh(p.refresh)
				switch {
				case p.era != era:
					check(r, dialect.BadRefreshToken, dialect.Obtain)
				case !now().Before(p.refreshEnds):
					check(r, dialect.ExpiredRefresh, dialect.Obtain)
				case p.ended:
					check(r, dialect.RevokedToken, dialect.Obtain)
				case p.next != nil:
					check(r, dialect.SpentRefreshToken, dialect.Obtain)
					if strict {
						end(p)
					}
				default:
					p.next = whole(c, r)
				}
			},
			"explore": func(rt *rapid.T) {
				c, p := pick(rt)
				r := c.explore(p.access)
				switch {
				case p.era != era:
					check(r, dialect.BadToken, dialect.Explore)
				case !now().Before(p.accessEnds):
					check(r, dialect.ExpiredToken, dialect.Explore)
				case p.ended:
					check(r, dialect.RevokedToken, dialect.Explore)
				case r.Status != 200:
					rt.Fatalf("got %d %s", r.Status, r.body)
				}
			},
			"log out": func(rt *rapid.T) {
				c, p := pick(rt)
				r := c.logout(p.access)
				switch {
				case p.era != era:
					check(r, dialect.BadToken, dialect.Logout)
				case !now().Before(p.accessEnds):
					check(r, dialect.ExpiredToken, dialect.Logout)
				case p.ended:
					check(r, dialect.RevokedToken, dialect.Logout)
				case r.Refused:
					rt.Fatalf("got %d %s", r.Status, r.body)
				default:
					end(p)
				}
			},
			"let time pass": func(rt *rapid.T) {
				by := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, d.Lifetimes.Access - time.Second, d.Lifetimes.Access, d.Lifetimes.Refresh - d.Lifetimes.Access, d.Lifetimes.Refresh}).Draw(rt, "by")
				if rapid.Bool().Draw(rt, "for all") || s.Advance(ctx, world, by) != nil {
					clk.Add(by)
				}
			},
			"reset": func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "seldom") > 0 {
					rt.Skip()
				}
				if err := s.Reset(ctx, world); err != nil {
					rt.Fatal(err)
				}
				if err := s.SetStrict(ctx, world, strict); err != nil {
					rt.Fatal(err)
				}
				era++
			},
		})
	})
}
