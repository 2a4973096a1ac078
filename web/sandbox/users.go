package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

// Some products revoke all tokens of a user at once. Families that began no
// later than that are ended, so one short record for each product and world
// says it of all its people.

// revoked is when all tokens of a person were revoked.
type revoked struct {
	tag []byte // [visit.tag]
	at  uint64 // in hundredths of a second of real time
}

// tagSize is what [visit.tag] returns, in bytes.
const tagSize = 6

func readRevoked(raw []byte) (list []revoked) {
	r := reader{b: raw}
	for len(r.b) >= tagSize+5 {
		list = append(list, revoked{r.next(tagSize), r.number(5)})
	}
	return list
}

// checkUser refuses a token of somebody whose tokens were revoked after they
// signed in.
func (v *visit) checkUser(ctx context.Context, t *ticket) error {
	if !takes(v.d.Operation(dialect.Logout).Takes, dialect.UserSID) {
		return nil
	}
	raw, _, err := v.s.store.Get(ctx, v.record("u", ""))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f, _ := v.lineage(t.pair)
	tag := v.tag(Person{Name: t.person})
	for _, r := range readRevoked(raw) {
		if bytes.Equal(r.tag, tag) && f.began <= r.at {
			return refused(dialect.RevokedToken)
		}
	}
	return nil
}

// logoutUser revokes all tokens of the person with a SID. Whoever may not
// administer others may name themselves.
func (v *visit) logoutUser(ctx context.Context, t *ticket, sid string) error {
	if _, err := v.family(ctx, t); err != nil {
		return err
	}
	me, ok := v.person(t.person)
	if !ok {
		return refused(dialect.BadToken)
	}
	people := v.people()
	i := slices.IndexFunc(people, func(p Person) bool { return strings.EqualFold(v.userSID(p), sid) })
	switch {
	case me.Operator && (i < 0 || people[i].Name != me.Name):
		return refused(dialect.TooFewRights)
	case i < 0:
		return refused(dialect.NotFound)
	}
	tag := v.tag(people[i])
	return v.s.change(ctx, v.record("u", ""), func(old []byte) ([]byte, time.Duration, error) {
		// People who are gone have no tokens that are good.
		list := slices.DeleteFunc(readRevoked(old), func(r revoked) bool {
			return bytes.Equal(r.tag, tag) || !slices.ContainsFunc(people, func(p Person) bool { return bytes.Equal(r.tag, v.tag(p)) })
		})
		var raw []byte
		for _, r := range append(list, revoked{tag, hundredths(v.s.now())}) {
			raw = appendHundredths(append(raw, r.tag...), r.at)
		}
		// A token from ahead of the clock ends as much later.
		return raw, v.until(v.s.now().Add(MaxAhead + v.longest())), nil
	})
}

// longest is how long a token of the product can live.
func (v *visit) longest() time.Duration {
	l := v.d.Lifetimes
	return max(l.Access, l.Refresh, l.ShortRefresh, l.LongRefresh)
}

// userSID looks like that of an account of one Windows server.
func (v *visit) userSID(p Person) string {
	b := v.s.derive(12, "sid", v.world, v.d.ID)
	part := func(i int) uint32 { return binary.BigEndian.Uint32(b[i:]) }
	return fmt.Sprintf("S-1-5-21-%d-%d-%d-%d", part(0), part(4), part(8), v.number(p))
}
