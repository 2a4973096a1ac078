package sandbox

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

func TestParallelClientsOfOneAccount(t *testing.T) {
	const clients = 64
	clk := &clock{now: start}
	mem := newStore(t, clk.Now)
	replicas := []*Server{newServer(t, Config{Store: mem, Now: clk.Now}), newServer(t, Config{Store: mem, Now: clk.Now})}
	product(t, func(t *testing.T, d *dialect.Dialect) {
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				c, other := replicas[i%2].client(t, d, ""), replicas[(i+1)%2].client(t, d, "")
				r := c.signIn("administrator", "Password1")
				token, fresh := r.Values[dialect.AccessToken], r.Values[dialect.RefreshToken]
				steps := []struct {
					name string
					do   func() result
					want int
				}{
					{"sign in", func() result { return r }, d.Operation(dialect.Obtain).Status},
					{"explore", func() result { return other.explore(token) }, 200},
					{"refresh", func() result {
						r := other.refresh(fresh)
						token, fresh = r.Values[dialect.AccessToken], r.Values[dialect.RefreshToken]
						return r
					}, d.Operation(dialect.Obtain).Status},
					{"explore again", func() result { return c.explore(token) }, 200},
					{"log out", func() result { return c.logout(token) }, d.Operation(dialect.Logout).Status},
					{"explore afterwards", func() result { return other.explore(token) }, 401},
				}
				for _, s := range steps {
					if r := s.do(); r.Status != s.want {
						t.Errorf("client %d: %s: got %d %s", i, s.name, r.Status, r.body)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestParallelRefreshHasOneWinner(t *testing.T) {
	clk := &clock{now: start}
	mem := newStore(t, clk.Now)
	replicas := []*Server{newServer(t, Config{Store: mem, Now: clk.Now}), newServer(t, Config{Store: mem, Now: clk.Now})}
	product(t, func(t *testing.T, d *dialect.Dialect) {
		_, fresh := replicas[0].client(t, d, "").admin()
		results := make([]result, 32)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i] = replicas[i%2].client(t, d, "").refresh(fresh) })
		}
		wg.Wait()
		c := replicas[0].client(t, d, "")
		var winners []result
		for _, r := range results {
			if r.Status == d.Operation(dialect.Obtain).Status {
				winners = append(winners, r)
			} else {
				c.refused(r, dialect.SpentRefreshToken, dialect.Obtain)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("%d winners", len(winners))
		}
		// The losers have not hurt the winner.
		token, next := c.pair(winners[0])
		c.accepted(c.explore(token), dialect.Explore)
		c.pair(c.refresh(next))
	})
}

// meanwhile is a store in which something happens right after the first look at
// a family.
type meanwhile struct {
	store.Store
	do func()
}

func (m *meanwhile) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	value, version, err := m.Store.Get(ctx, key)
	if strings.Contains(key, "/f/") && m.do != nil {
		do := m.do
		m.do = nil
		do()
	}
	return value, version, err
}

func TestRefreshIsOvertaken(t *testing.T) {
	product(t, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		mem := newStore(t, clk.Now)
		slow := &meanwhile{Store: mem}
		c := newServer(t, Config{Store: slow, Now: clk.Now}).client(t, d, "")
		fast := newServer(t, Config{Store: mem, Now: clk.Now}).client(t, d, "")
		t.Run("by a refresh", func(t *testing.T) {
			_, fresh := fast.admin()
			var won string
			slow.do = func() { won, _ = fast.pair(fast.refresh(fresh)) }
			c.refused(c.refresh(fresh), dialect.SpentRefreshToken, dialect.Obtain)
			fast.accepted(fast.explore(won), dialect.Explore)
		})
		t.Run("by a log-out", func(t *testing.T) {
			token, fresh := fast.admin()
			slow.do = func() { fast.accepted(fast.logout(token), dialect.Logout) }
			c.refused(c.refresh(fresh), dialect.RevokedToken, dialect.Obtain)
		})
	})
}

func TestLogoutIsOvertaken(t *testing.T) {
	product(t, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		mem := newStore(t, clk.Now)
		slow := &meanwhile{Store: mem}
		c := newServer(t, Config{Store: slow, Now: clk.Now}).client(t, d, "")
		fast := newServer(t, Config{Store: mem, Now: clk.Now}).client(t, d, "")
		t.Run("by a refresh, whose pair ends too", func(t *testing.T) {
			token, fresh := fast.admin()
			var next string
			slow.do = func() { next, _ = fast.pair(fast.refresh(fresh)) }
			c.accepted(c.logout(token), dialect.Logout)
			c.refused(c.explore(next), dialect.RevokedToken, dialect.Explore)
		})
		t.Run("by a log-out", func(t *testing.T) {
			token, _ := fast.admin()
			slow.do = func() { fast.accepted(fast.logout(token), dialect.Logout) }
			c.refused(c.logout(token), dialect.RevokedToken, dialect.Logout)
		})
	})
}

func TestPoolServesInTurn(t *testing.T) {
	p := &pool{most: 1}
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { p.do(func() { close(held); <-hold }) })
	<-held
	var order []int
	for i := range 5 {
		wg.Go(func() { p.do(func() { order = append(order, i) }) })
		for queued := 0; queued != i+1; { // in line before the next one comes
			p.mu.Lock()
			queued = len(p.queue)
			p.mu.Unlock()
		}
	}
	close(hold)
	wg.Wait()
	for i, got := range order {
		if got != i {
			t.Fatalf("served in the order %v", order)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(order) != 5 || len(p.queue) != 0 {
		t.Errorf("%d served, %d left", len(order), len(p.queue))
	}
}

func TestParallelCodesHaveOneWinner(t *testing.T) {
	challenging(t, func(t *testing.T, d *dialect.Dialect) {
		s := newServer(t, Config{})
		c := s.client(t, d, "")
		half := c.challenge()
		code, _, _, _ := s.Authenticator(t.Context(), "", d)
		var mu sync.Mutex
		won := 0
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if r := c.code(half, code); r.Status == 200 {
					mu.Lock()
					won++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d winners", won)
		}
	})
}

func TestALongFamilyEndsWhole(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		a, r := c.admin()
		first := a
		for range 20 {
			a, r = c.pair(c.refresh(r))
		}
		begin := time.Now()
		c.accepted(c.logout(first), dialect.Logout)
		c.refused(c.explore(a), dialect.RevokedToken, dialect.Explore)
		c.refused(c.refresh(r), dialect.RevokedToken, dialect.Obtain)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
