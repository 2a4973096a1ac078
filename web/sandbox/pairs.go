package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

// exception is what is no longer true of a pair of tokens. A pair without one
// is as good as its tokens say.
type exception struct {
	// Next is the pair that the refresh token was spent on.
	Next *uuid.UUID `json:"n,omitempty"`
	// NextEnds is when the refresh token of Next expires.
	NextEnds int64 `json:"e,omitempty"`
	// Ended says that neither token is good any more.
	Ended bool `json:"x,omitempty"`
}

func (v *visit) exception(ctx context.Context, pair uuid.UUID) (exception, error) {
	raw, _, err := v.s.store.Get(ctx, v.record("p", pair.String()))
	if errors.Is(err, store.ErrNotFound) {
		return exception{}, nil
	}
	if err != nil {
		return exception{}, err
	}
	return readException(pair, raw)
}

func readException(pair uuid.UUID, raw []byte) (exception, error) {
	var x exception
	if raw == nil {
		return x, nil
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return x, fmt.Errorf("the exception of pair %s: %w", pair, err)
	}
	return x, nil
}

// except changes a pair's exception and keeps it until the time, of the world,
// at which the pair's refresh token expires.
func (v *visit) except(ctx context.Context, pair uuid.UUID, ends time.Time, f func(*exception) error) error {
	return v.s.change(ctx, v.record("p", pair.String()), func(old []byte) ([]byte, time.Duration, error) {
		x, err := readException(pair, old)
		if err != nil {
			return nil, 0, err
		}
		if err := f(&x); err != nil {
			return nil, 0, err
		}
		raw, err := json.Marshal(x)
		return raw, v.until(ends), err
	})
}

// spend exchanges a pair's refresh token for the next pair. Of several that
// try at once exactly one may; the others are refused.
func (v *visit) spend(ctx context.Context, t *ticket, next *draft) error {
	return v.except(ctx, t.pair, t.expires, func(x *exception) error {
		switch {
		case x.Ended:
			return refused(dialect.RevokedToken)
		case x.Next != nil:
			return refused(dialect.SpentRefreshToken)
		}
		x.Next, x.NextEnds = &next.pair, next.refreshEnd.Unix()+1
		return nil
	})
}

// end ends a pair and all that came from it. The error is a [refused] with
// RevokedToken if the first has been ended already.
func (v *visit) end(ctx context.Context, pair uuid.UUID, ends time.Time) error {
	for first := true; ; first = false {
		var next *uuid.UUID
		var nextEnds int64
		err := v.except(ctx, pair, ends, func(x *exception) error {
			if x.Ended && first {
				return refused(dialect.RevokedToken)
			}
			x.Ended = true
			next, nextEnds = x.Next, x.NextEnds
			return nil
		})
		if err != nil || next == nil {
			return err
		}
		pair, ends = *next, time.Unix(nextEnds, 0)
	}
}

// lastEnds is when the refresh token of an access token's pair has expired at
// the latest: the access token does not say which term was asked for.
func (v *visit) lastEnds(t *ticket) time.Time {
	l := v.d.Lifetimes
	return t.notBefore.Add(max(l.Access, l.Refresh, l.ShortRefresh, l.LongRefresh))
}
