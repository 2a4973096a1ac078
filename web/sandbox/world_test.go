package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

func TestRestartKeepsTokens(t *testing.T) {
	clk := &clock{now: start}
	mem := newStore(t, clk.Now)
	one := newServer(t, Config{Store: mem, Now: clk.Now})
	other := newServer(t, Config{Store: mem, Now: clk.Now}) // started later, or a replica
	product(t, func(t *testing.T, d *dialect.Dialect) {
		a, b := one.client(t, d, "w"), other.client(t, d, "w")
		token, fresh := a.admin()
		b.accepted(b.explore(token), dialect.Explore)
		next, _ := b.pair(b.refresh(fresh))
		a.refused(a.refresh(fresh), dialect.SpentRefreshToken, dialect.Obtain)
		a.accepted(a.logout(next), dialect.Logout)
		b.refused(b.explore(next), dialect.RevokedToken, dialect.Explore)
	})
}

func TestStartersTogetherMakeOneKey(t *testing.T) {
	mem := store.NewMemory(time.Now)
	var servers []*Server
	for range 4 {
		s, err := New(Config{Store: mem, Root: testRoot})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		servers = append(servers, s)
	}
	first, err := servers[0].keys.get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range servers[1:] {
		key, err := s.keys.get(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !key.Equal(first) {
			t.Error("two keys")
		}
	}
}

func TestKeyInTheStore(t *testing.T) {
	ctx := context.Background()
	name, sealed := madeKey()
	mem := store.NewMemory(time.Now)
	start := func(root byte) *Server {
		t.Helper()
		secret := append([]byte(nil), testRoot...)
		secret[0] = root
		s, err := New(Config{Store: mem, Root: secret})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if err := s.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("a damaged one is replaced", func(t *testing.T) {
		damaged := append([]byte(nil), sealed...)
		damaged[40] ^= 1
		if _, err := mem.Put(ctx, name, damaged, store.Any, keyLife); err != nil {
			t.Fatal(err)
		}
		start(7)
		if now, _, err := mem.Get(ctx, name); err != nil || string(now) == string(damaged) {
			t.Errorf("it is still there: %v", err)
		}
	})
	t.Run("another root leaves it alone", func(t *testing.T) {
		before, _, err := mem.Get(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		start(8)
		if after, _, err := mem.Get(ctx, name); err != nil || string(after) != string(before) {
			t.Errorf("it was written: %v", err)
		}
	})
	t.Run("a store that comes back is asked again", func(t *testing.T) {
		down := &outage{Store: mem}
		down.set(true)
		s, err := New(Config{Store: down, Root: testRoot})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if err := s.Ready(ctx); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		down.set(false)
		if err := s.Ready(ctx); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a closed sandbox has none", func(t *testing.T) {
		s, err := New(Config{Store: failing{}, Root: testRoot})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		if err := s.Ready(ctx); err == nil {
			t.Error("got no error")
		}
	})
}

// outage is a store that can be down.
type outage struct {
	store.Store
	mu   sync.Mutex
	down bool
}

func (o *outage) set(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func (o *outage) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	o.mu.Lock()
	down := o.down
	o.mu.Unlock()
	if down {
		return nil, 0, store.ErrUnavailable
	}
	return o.Store.Get(ctx, key)
}

func TestWorldsAndProductsAreApart(t *testing.T) {
	s := newServer(t, Config{})
	kids := map[string]bool{}
	for _, d := range dialect.All() {
		for _, world := range []string{"", "here", "there"} {
			v, err := s.visit(t.Context(), d, world)
			if err != nil {
				t.Fatal(err)
			}
			if kids[v.kid()] {
				t.Errorf("%s in world %q shares its kid", d.ID, world)
			}
			kids[v.kid()] = true
		}
		here := s.client(t, d, "here")
		token, fresh := here.admin()
		others := []client{s.client(t, d, ""), s.client(t, d, "there")}
		for _, e := range dialect.All() {
			if e != d {
				others = append(others, s.client(t, e, "here"))
			}
		}
		for _, c := range others {
			c.refused(c.explore(token), dialect.BadToken, dialect.Explore)
			c.refused(c.logout(token), dialect.BadToken, dialect.Logout)
			c.refused(c.refresh(fresh), dialect.BadRefreshToken, dialect.Obtain)
		}
		here.accepted(here.explore(token), dialect.Explore)
	}
}

func TestClock(t *testing.T) {
	ctx := context.Background()
	product(t, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now})
		c, neighbour := s.client(t, d, "w"), s.client(t, d, "v")
		advance := func(by time.Duration) {
			t.Helper()
			if err := s.Advance(ctx, "w", by); err != nil {
				t.Fatal(err)
			}
		}
		token, fresh := c.admin()
		theirs, _ := neighbour.admin()

		advance(d.Lifetimes.Access - time.Second)
		c.accepted(c.explore(token), dialect.Explore)
		advance(time.Second)
		c.refused(c.explore(token), dialect.ExpiredToken, dialect.Explore)
		c.refused(c.logout(token), dialect.ExpiredToken, dialect.Logout)
		neighbour.accepted(neighbour.explore(theirs), dialect.Explore)
		if got, want := s.Clock(ctx, "w"), start.Add(d.Lifetimes.Access); !got.Equal(want) {
			t.Errorf("the world's clock shows %v, want %v", got, want)
		}

		next, last := c.pair(c.refresh(fresh))
		c.accepted(c.explore(next), dialect.Explore)
		advance(d.Lifetimes.Refresh)
		c.refused(c.refresh(last), dialect.ExpiredRefresh, dialect.Obtain)

		// Back to now: what was spent stays spent, what is from the future is
		// not valid yet, and time that passes passes here too.
		advance(-(d.Lifetimes.Access + d.Lifetimes.Refresh))
		c.accepted(c.explore(token), dialect.Explore)
		c.refused(c.refresh(fresh), dialect.SpentRefreshToken, dialect.Obtain)
		if beginsLater(d) {
			c.refused(c.explore(next), dialect.BadToken, dialect.Explore)
		}
		clk.Add(d.Lifetimes.Access)
		c.refused(c.explore(token), dialect.ExpiredToken, dialect.Explore)
	})
}

func TestExceptionsOutliveTheTokens(t *testing.T) {
	ctx := context.Background()
	product(t, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now})
		c := s.client(t, d, "w")
		if err := s.Advance(ctx, "w", MaxAhead); err != nil {
			t.Fatal(err)
		}
		_, fresh := c.admin()
		c.pair(c.refresh(fresh))
		if err := s.Advance(ctx, "w", -MaxAhead); err != nil {
			t.Fatal(err)
		}
		// The day on which the token from the future has become valid.
		clk.Add(MaxAhead + d.Lifetimes.Refresh - 2*time.Second)
		c.refused(c.refresh(fresh), dialect.SpentRefreshToken, dialect.Obtain)
	})
}

func TestWorldOutlivesItsTokens(t *testing.T) {
	for _, d := range dialect.All() {
		l := d.Lifetimes
		if longest := MaxAhead + max(l.Access, l.Refresh, l.ShortRefresh, l.LongRefresh); longest >= worldLife-keepEvery {
			t.Errorf("%s: a token may be needed for %v and the world's record lives %v", d.ID, longest, worldLife)
		}
	}
}

func TestAWorldInUseDoesNotEnd(t *testing.T) {
	ctx := context.Background()
	clk := &clock{now: start}
	s := newServer(t, Config{Now: clk.Now})
	if err := s.Advance(ctx, "w", time.Hour); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		clk.Add(worldLife - time.Hour)
		if got := s.Clock(ctx, "w").Sub(clk.Now()); got != time.Hour {
			t.Fatalf("it is %v ahead", got)
		}
	}
}

func TestAdvanceHasLimits(t *testing.T) {
	ctx := context.Background()
	s := newServer(t, Config{})
	for _, by := range []time.Duration{-time.Second, MaxAhead + 1, 1<<63 - 1, -1 << 63} {
		if err := s.Advance(ctx, "w", by); !errors.Is(err, ErrAhead) {
			t.Errorf("%v: got %v", by, err)
		}
	}
	if err := s.Advance(ctx, "w w", 0); err == nil {
		t.Error("a world without a name was moved")
	}
}

func TestReset(t *testing.T) {
	ctx := context.Background()
	product(t, func(t *testing.T, d *dialect.Dialect) {
		s := newServer(t, Config{})
		c, neighbour := s.client(t, d, "w"), s.client(t, d, "")
		token, fresh := c.admin()
		theirs, _ := neighbour.admin()
		if err := s.SetStrict(ctx, "w", true); err != nil {
			t.Fatal(err)
		}
		if err := s.Advance(ctx, "w", time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := s.Reset(ctx, "w"); err != nil {
			t.Fatal(err)
		}
		if got := s.Clock(ctx, "w"); !got.Equal(start) {
			t.Errorf("the clock shows %v", got)
		}
		c.refused(c.explore(token), dialect.BadToken, dialect.Explore)
		c.refused(c.refresh(fresh), dialect.BadRefreshToken, dialect.Obtain)
		neighbour.accepted(neighbour.explore(theirs), dialect.Explore)
		again, _ := c.admin()
		c.accepted(c.explore(again), dialect.Explore)
		if w, err := s.world(ctx, "w"); err != nil || w.Strict {
			t.Errorf("the world is %+v, %v", w, err)
		}
	})
}

func TestStrict(t *testing.T) {
	ctx := context.Background()
	s := newServer(t, Config{})
	if err := s.SetStrict(ctx, "strict", true); err != nil {
		t.Fatal(err)
	}
	always := newServer(t, Config{Strict: true})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		for name, c := range map[string]client{"a world": s.client(t, d, "strict"), "all worlds": always.client(t, d, "")} {
			t.Run(name, func(t *testing.T) {
				_, r1 := c.admin()
				a2, r2 := c.pair(c.refresh(r1))
				a3, r3 := c.pair(c.refresh(r2))
				stranger, _ := c.admin()
				c.refused(c.refresh(r1), dialect.SpentRefreshToken, dialect.Obtain)
				c.refused(c.refresh(r3), dialect.RevokedToken, dialect.Obtain)
				c.refused(c.explore(a2), dialect.RevokedToken, dialect.Explore)
				c.refused(c.explore(a3), dialect.RevokedToken, dialect.Explore)
				c.refused(c.refresh(r1), dialect.RevokedToken, dialect.Obtain)
				c.accepted(c.explore(stranger), dialect.Explore)
			})
		}
	})
}

func TestLogoutEndsWhatCameOfIt(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		a1, r1 := c.admin()
		a2, r2 := c.pair(c.refresh(r1))
		a3, r3 := c.pair(c.refresh(r2))
		c.accepted(c.logout(a2), dialect.Logout)
		c.refused(c.explore(a3), dialect.RevokedToken, dialect.Explore)
		c.refused(c.refresh(r3), dialect.RevokedToken, dialect.Obtain)
		c.accepted(c.explore(a1), dialect.Explore)
		c.accepted(c.logout(a1), dialect.Logout)
	})
}

func TestWorldRecordIsSmall(t *testing.T) {
	ctx := context.Background()
	mem := newStore(t, time.Now)
	s := newServer(t, Config{Store: mem, Now: time.Now, Rand: rand.Reader})
	for _, change := range []func() error{
		func() error { return s.Reset(ctx, "w") },
		func() error { return s.Advance(ctx, "w", MaxAhead) },
		func() error { return s.SetStrict(ctx, "w", true) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if len(mem.value) > 200 {
			t.Errorf("%d bytes", len(mem.value))
		}
	}
}
