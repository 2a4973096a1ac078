package sandbox

import (
	"testing"
	"time"

	"tokenplayground/web/dialect"
)

func TestRevokingAUser(t *testing.T) {
	ctx := t.Context()
	clk := &clock{now: start}
	s := newServer(t, Config{Now: clk.Now})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		if !takes(d.Operation(dialect.Logout).Takes, dialect.UserSID) {
			t.Skip("revokes single tokens only")
		}
		c, neighbour := s.client(t, d, "w"), s.client(t, d, "v")
		sid := func(token string) string {
			t.Helper()
			v, err := s.visit(ctx, d, "w")
			if err != nil {
				t.Fatal(err)
			}
			_, claims, _, _ := split(token)
			return v.claims(access, claims)[dialect.UserSID]
		}
		revoke := func(token, sid string) result {
			t.Helper()
			clk.Add(time.Second)
			defer clk.Add(time.Second)
			return c.call(dialect.Call{Purpose: dialect.Logout, Bearer: token, Values: dialect.Values{dialect.UserSID: sid}})
		}
		first, fresh := c.admin()
		second, _ := c.pair(c.refresh(fresh))
		mine, _ := c.admin()
		theirs, theirFresh := c.pair(c.signIn("operator", "Password1"))
		next, _ := neighbour.admin()
		if sid(mine) == sid(theirs) || sid(mine) != sid(first) {
			t.Fatalf("SIDs %q, %q and %q", sid(first), sid(mine), sid(theirs))
		}

		c.refused(revoke(theirs, sid(mine)), dialect.TooFewRights, dialect.Logout)
		c.refused(revoke(mine, "S-1-5-18"), dialect.NotFound, dialect.Logout)
		c.accepted(c.explore(mine), dialect.Explore)

		c.accepted(revoke(mine, sid(theirs)), dialect.Logout)
		c.refused(c.explore(theirs), dialect.RevokedToken, dialect.Explore)
		c.refused(c.refresh(theirFresh), dialect.RevokedToken, dialect.Obtain)
		c.refused(revoke(theirs, sid(theirs)), dialect.RevokedToken, dialect.Logout)
		c.refused(c.logout(theirs), dialect.RevokedToken, dialect.Logout)

		again, _ := c.pair(c.signIn("operator", "Password1"))
		c.accepted(revoke(mine, sid(mine)), dialect.Logout)
		for _, token := range []string{first, second, mine} {
			c.refused(c.explore(token), dialect.RevokedToken, dialect.Explore)
		}
		neighbour.accepted(neighbour.explore(next), dialect.Explore)
		c.accepted(c.logout(again), dialect.Logout) // the operator's new sign-in lived
		token, _ := c.admin()
		c.accepted(c.explore(token), dialect.Explore)
	})
}
