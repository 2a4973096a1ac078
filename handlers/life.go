package handlers

import (
	"strconv"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/inspect"
)

// accessLife says how long a new access token lives and when it expires. It
// believes, in this order, the seconds of the answer, the token's own claims,
// and the date of the answer: seconds are right whatever the two clocks say.
func accessLife(d *dialect.Dialect, ans *dialect.Answer, token string, now time.Time) (time.Duration, time.Time) {
	if s, err := strconv.ParseInt(ans.Values[dialect.ExpiresIn], 10, 32); err == nil && s > 0 {
		life := time.Duration(s) * time.Second
		return life, now.Add(life)
	}
	if life, at := claimedLife(d, token, now); !at.IsZero() {
		return life, at
	}
	if at, err := dialect.ParseTime(ans.Values[dialect.ExpiresAt]); err == nil && at.After(now) {
		return at.Sub(now).Round(time.Second), at
	}
	return 0, time.Time{}
}

// refreshLife is accessLife for the refresh token. An opaque one without a
// date is taken to live as long as the product's documents say.
func refreshLife(d *dialect.Dialect, call dialect.Call, ans *dialect.Answer, token string, now time.Time) (time.Duration, time.Time) {
	if at, err := dialect.ParseTime(ans.Values[dialect.RefreshExpiresAt]); err == nil && at.After(now) {
		return at.Sub(now).Round(time.Second), at
	}
	if life, at := claimedLife(d, token, now); !at.IsZero() {
		return life, at
	}
	life := d.Lifetimes.Refresh
	if call.Values[dialect.ShortRefresh] == "true" && d.Lifetimes.ShortRefresh > 0 {
		life = d.Lifetimes.ShortRefresh
	}
	if life == 0 {
		return 0, time.Time{}
	}
	return life, now.Add(life)
}

// claimedLife reads exp and iat. A token that was issued just now is dated by
// our clock, so that a target's clock that is minutes off does no harm.
func claimedLife(d *dialect.Dialect, token string, now time.Time) (time.Duration, time.Time) {
	t := inspect.ReadFor(d, token)
	if t.Expires.IsZero() {
		return 0, time.Time{}
	}
	if t.Issued.IsZero() || !t.Expires.After(t.Issued) {
		return 0, t.Expires
	}
	life := t.Expires.Sub(t.Issued)
	if skew := now.Sub(t.Issued); skew.Abs() < maxSkew {
		return life, now.Add(life)
	}
	return life, t.Expires
}

// maxSkew is how far two clocks may differ before the token is taken to be an
// old one, rather than a new one of a wrong clock.
const maxSkew = 10 * time.Minute
