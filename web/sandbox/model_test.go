package sandbox

import (
	"slices"
	"strconv"
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
	// heirs came of it by refresh, the first of them at a time; more than one
	// only by a grace.
	heirs []*modelPair
	spent time.Time
	// brood holds those that came of the same refresh token.
	brood *[]*modelPair
	ended bool
}

// used says that one of those that came of the same refresh token has been
// refreshed.
func (p *modelPair) used() bool {
	return slices.ContainsFunc(*p.brood, func(q *modelPair) bool { return len(q.heirs) > 0 })
}

// graced says that a refresh token may be used once more at a time: only its
// brood was refreshed, a moment ago, and nothing that came of it was refreshed
// or has ended.
func (p *modelPair) graced(now time.Time, grace time.Duration) bool {
	for _, q := range *p.brood {
		for _, heir := range q.heirs {
			if heir.used() || heir.ended {
				return false
			}
		}
	}
	for _, q := range *p.brood {
		if len(q.heirs) > 0 {
			since := now.Sub(q.spent)
			return since >= 0 && since < grace
		}
	}
	return true
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
		world := "m" + strconv.Itoa(worlds)
		d := rapid.SampledFrom(dialect.All()).Draw(rt, "product")
		strict := rapid.Bool().Draw(rt, "strict")
		grace := rapid.SampledFrom([]time.Duration{0, 0, 2 * time.Second, MaxGrace}).Draw(rt, "grace")
		set := func() {
			if _, err := s.Set(ctx, world, Setting{Strict: &strict, Grace: &grace}); err != nil {
				rt.Fatal(err)
			}
		}
		set()
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
			p.brood = &[]*modelPair{p}
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
		// The brood ends together.
		var end func(p *modelPair)
		end = func(p *modelPair) {
			for _, q := range *p.brood {
				q.ended = true
				if len(q.heirs) > 0 {
					end(q.heirs[0])
				}
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
				case !p.graced(s.Clock(ctx, world), grace):
					check(r, dialect.SpentRefreshToken, dialect.Obtain)
					if strict {
						end(p)
					}
				default:
					heir := whole(c, r)
					p.spent = s.Clock(ctx, world)
					for _, q := range *p.brood { // siblings of the heir, if there are any
						if len(q.heirs) > 0 {
							p.spent = q.spent
							heir.brood = q.heirs[0].brood
							*heir.brood = append(*heir.brood, heir)
							break
						}
					}
					p.heirs = append(p.heirs, heir)
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
				by := rapid.SampledFrom([]time.Duration{time.Second, time.Second, 30 * time.Second, time.Minute, d.Lifetimes.Access - time.Second, d.Lifetimes.Access, d.Lifetimes.Refresh - d.Lifetimes.Access, d.Lifetimes.Refresh}).Draw(rt, "by")
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
				set()
				era++
			},
		})
	})
}
