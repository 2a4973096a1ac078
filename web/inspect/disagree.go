package inspect

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
)

// Answer is what an answer says around its tokens, and what is in them.
type Answer struct {
	// Values of the answer, in canonical text.
	Values dialect.Values
	// Access and Refresh are the tokens that it carried; zero if it had none.
	Access, Refresh Token
	// Date is the server's clock, from the answer's Date header; zero if it
	// sent none.
	Date time.Time
}

// Two times that are at most slack apart agree: claims have no fractions, and
// some servers count expires_in a second short. A clock may be a minute off.
const (
	slack = time.Second
	skew  = time.Minute
)

// Disagree compares the answer with the claims of its tokens, and gives one
// sentence for each contradiction. What either side does not say cannot
// contradict.
func Disagree(a Answer) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }

	if a.Access.Kind == Refresh {
		say("The answer calls it the access token, but its claims are those of a refresh token.")
	}
	if a.Refresh.Kind == Access {
		say("The answer calls it the refresh token, but its claims are those of an access token.")
	}
	if said, err := strconv.ParseInt(a.Values[dialect.ExpiresIn], 10, 64); err == nil && a.Access.Life() != 0 {
		// In seconds, since a hostile count would overflow a Duration.
		lives := int64(a.Access.Life() / time.Second)
		if off := said - lives; off < -1 || off > 1 {
			say("The answer says that the access token lives %d s, its claims say %d s.", said, lives)
		}
	}
	for _, c := range []struct {
		term  dialect.Term
		claim time.Time
		what  string
	}{
		{dialect.IssuedAt, a.Access.Issued, "access token was issued"},
		{dialect.ExpiresAt, a.Access.Expires, "access token expires"},
		{dialect.RefreshExpiresAt, a.Refresh.Expires, "refresh token expires"},
	} {
		said, err := dialect.ParseTime(a.Values[c.term])
		if err == nil && !said.IsZero() && !c.claim.IsZero() && apart(said, c.claim) > slack {
			say("The answer says that the %s at %s, its claims say %s.", c.what, moment(said), moment(c.claim))
		}
	}
	if said := a.Values[dialect.Username]; said != "" {
		if c, ok := a.Access.Claim(dialect.Username); ok && !sameName(said, c.Value) {
			say("The answer is for the account %.64q, the access token for %.64q.", said, c.Value)
		}
	}
	if issued := a.Access.Issued; !a.Date.IsZero() && !issued.IsZero() && apart(a.Date, issued) > skew {
		which := "behind"
		if issued.After(a.Date) {
			which = "ahead of"
		}
		say("The token's time of issue is %s %s the server's own clock.", words(apart(a.Date, issued)), which)
	}
	return out
}

func apart(a, b time.Time) time.Duration { return a.Sub(b).Abs() }

// words rounds a time of more than a minute.
func words(d time.Duration) string {
	if d < 2*time.Hour {
		return fmt.Sprintf("%d min", int64(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d h", int64(d.Round(time.Hour)/time.Hour))
}

// moment is a time as people read it.
func moment(t time.Time) string { return t.UTC().Format("15:04:05 UTC, 2 January 2006") }

// sameName compares account names without regard to case, and without the
// domain if only one of them has it.
func sameName(a, b string) bool {
	bareA, bareB := bare(a), bare(b)
	if bareA != a && bareB != b {
		return strings.EqualFold(a, b)
	}
	return strings.EqualFold(bareA, bareB)
}

func bare(name string) string { return name[strings.LastIndexByte(name, '\\')+1:] }
