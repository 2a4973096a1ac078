package lesson

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

// made is a product that no one sells: every proof once, in the usual order.
var made = &dialect.Dialect{
	Lifetimes: dialect.Lifetimes{Access: time.Hour, Refresh: 24 * time.Hour},
	Procedure: []dialect.Step{
		{Text: "open"},
		{Text: "sign in", Proof: dialect.ProofPair},
		{Text: "look at the authenticator", Optional: true},
		{Text: "code", Proof: dialect.ProofMFA, Optional: true},
		{Text: "save", Proof: dialect.ProofSaved},
		{Text: "filled", Proof: dialect.ProofFilled},
		{Text: "explore", Proof: dialect.ProofExplored},
		{Text: "wait"},
		{Text: "refresh", Proof: dialect.ProofRefreshed},
		{Text: "log out", Proof: dialect.ProofLoggedOut},
	},
}

var (
	pair   = []dialect.Term{dialect.AccessToken, dialect.RefreshToken, dialect.ExpiresIn}
	half   = []dialect.Term{dialect.MFAToken, dialect.MFAEnabled}
	signIn = Fact{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Status: 200, Said: pair}
	asked  = Fact{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Status: 200, Said: half}
	code   = Fact{Purpose: dialect.Obtain, Kind: dialect.MFAGrant, Status: 200, Said: pair}
	renew  = Fact{Purpose: dialect.Obtain, Kind: dialect.RefreshGrant, Status: 200, Said: pair}
	look   = Fact{Purpose: dialect.Explore, Status: 200}
	leave  = Fact{Purpose: dialect.Logout, Status: 204}
	call   = Fact{Purpose: dialect.FirstCall, Status: 200}
)

func refused(f Fact, status int, fault dialect.Fault) Fact {
	f.Status, f.Fault, f.Said = status, fault, []dialect.Term{dialect.ErrorCode}
	return f
}

// numbered gives the facts the numbers 1, 2, 3 …
func numbered(facts ...Fact) []Fact {
	for i := range facts {
		facts[i].N = i + 1
	}
	return facts
}

// shown writes a step as its text, with + for done, the exchange, * for the
// current one and - for a skipped one.
func shown(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.Text)
		if s.Done {
			b.WriteByte('+')
		}
		if s.By != 0 {
			fmt.Fprint(&b, s.By)
		}
		if s.Current {
			b.WriteByte('*')
		}
		if s.Skipped {
			b.WriteByte('-')
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestProgress(t *testing.T) {
	const auth = "look at the authenticator"
	for _, test := range []struct {
		name  string
		facts []Fact
		kept  Kept
		want  string
	}{
		{
			name: "nothing happened, so the first step is current",
			want: "open*; sign in; " + auth + "; code; save; filled; explore; wait; refresh; log out",
		},
		{
			name:  "a pair proves the sign-in and fills api_key, and the code was not needed",
			facts: numbered(signIn),
			want:  "open+; sign in+1; " + auth + "-; code-; save*; filled+1; explore; wait; refresh; log out",
		},
		{
			name:  "a refused exchange proves nothing",
			facts: numbered(refused(signIn, 401, dialect.BadCredentials), refused(look, 401, dialect.NoToken), refused(leave, 401, ""), Fact{Purpose: dialect.Explore}),
			want:  "open*; sign in; " + auth + "; code; save; filled; explore; wait; refresh; log out",
		},
		{
			name:  "a success that carries a fault proves nothing",
			facts: numbered(Fact{Purpose: dialect.Explore, Status: 200, Fault: dialect.TooFewRights}),
			want:  "open*; sign in; " + auth + "; code; save; filled; explore; wait; refresh; log out",
		},
		{
			name:  "half a pair fills api_key and is no pair",
			facts: numbered(Fact{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Status: 200, Said: pair[:1]}),
			want:  "open+; sign in*; " + auth + "-; code-; save; filled+1; explore; wait; refresh; log out",
		},
		{
			name:  "a challenge makes the code current",
			facts: numbered(refused(signIn, 401, dialect.BadCredentials), asked),
			want:  "open+; sign in+2; " + auth + "*; code; save; filled; explore; wait; refresh; log out",
		},
		{
			name:  "the code proves itself, the challenge the sign-in",
			facts: numbered(asked, refused(code, 401, dialect.BadMFACode), code),
			want:  "open+; sign in+1; " + auth + "+; code+3; save*; filled+3; explore; wait; refresh; log out",
		},
		{
			name:  "a challenge that was given up does not block",
			facts: numbered(asked, signIn),
			want:  "open+; sign in+2; " + auth + "-; code-; save*; filled+2; explore; wait; refresh; log out",
		},
		{
			name:  "a second account with a code comes back to the step",
			facts: numbered(signIn, look, asked),
			kept:  Kept{Saved: true},
			want:  "open+; sign in+1; " + auth + "*; code; save+; filled+1; explore+2; wait; refresh; log out",
		},
		{
			name:  "saving needs no traffic",
			facts: numbered(signIn),
			kept:  Kept{Saved: true, Filled: 1},
			want:  "open+; sign in+1; " + auth + "-; code-; save+; filled+1; explore*; wait; refresh; log out",
		},
		{
			name:  "a refresh proves the saving and ticks the quiet step before it",
			facts: numbered(signIn, look, call, refused(look, 401, dialect.ExpiredToken), renew),
			kept:  Kept{Filled: 5},
			want:  "open+; sign in+1; " + auth + "-; code-; save+5; filled+5; explore+2; wait+; refresh+5; log out*",
		},
		{
			name:  "the whole life leaves nothing current",
			facts: numbered(signIn, look, renew, leave),
			want:  "open+; sign in+1; " + auth + "-; code-; save+3; filled+1; explore+2; wait+; refresh+3; log out+4",
		},
		{
			name:  "after an early log-out nothing is current",
			facts: numbered(signIn, leave),
			want:  "open+; sign in+1; " + auth + "-; code-; save; filled+1; explore; wait+; refresh; log out+2",
		},
		{
			name:  "a sign-in after the log-out starts over",
			facts: numbered(signIn, look, renew, leave, signIn),
			kept:  Kept{Filled: 5},
			want:  "open+; sign in+5; " + auth + "-; code-; save*; filled+5; explore; wait; refresh; log out",
		},
		{
			name:  "a challenge after the log-out starts over too",
			facts: numbered(signIn, look, renew, leave, asked),
			want:  "open+; sign in+5; " + auth + "*; code; save; filled; explore; wait; refresh; log out",
		},
		{
			name:  "what is refused after the log-out does not start over",
			facts: numbered(signIn, look, renew, leave, refused(renew, 401, dialect.RevokedToken), refused(signIn, 401, dialect.BadCredentials), refused(look, 401, dialect.RevokedToken)),
			want:  "open+; sign in+1; " + auth + "-; code-; save+3; filled+1; explore+2; wait+; refresh+3; log out+4",
		},
		{
			name:  "a refresh after the log-out is no sign-in",
			facts: numbered(signIn, look, renew, leave, renew),
			want:  "open+; sign in+1; " + auth + "-; code-; save+3; filled+1; explore+2; wait+; refresh+3; log out+4",
		},
		{
			name:  "an api_key of the life before is not this one's",
			facts: numbered(signIn, leave, signIn),
			kept:  Kept{Filled: 1},
			want:  "open+; sign in+3; " + auth + "-; code-; save*; filled+3; explore; wait; refresh; log out",
		},
		{
			name:  "a refresh token from elsewhere fills api_key and leaves the sign-in open",
			facts: numbered(renew),
			want:  "open+; sign in*; " + auth + "-; code-; save+1; filled+1; explore; wait+; refresh+1; log out",
		},
		{
			name:  "the first proof stays",
			facts: numbered(signIn, signIn, look, look),
			kept:  Kept{Saved: true},
			want:  "open+; sign in+1; " + auth + "-; code-; save+; filled+1; explore+3; wait*; refresh; log out",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, shown(Progress(made, test.facts, test.kept))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChallengeWithoutAStepForTheCode(t *testing.T) {
	d := &dialect.Dialect{Procedure: []dialect.Step{
		{Text: "sign in", Proof: dialect.ProofPair},
		{Text: "explore", Proof: dialect.ProofExplored},
	}}
	if got, want := shown(Progress(d, numbered(asked), Kept{})), "sign in*; explore"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestChallengeProof(t *testing.T) {
	d := &dialect.Dialect{Procedure: []dialect.Step{
		{Text: "asked", Proof: dialect.ProofChallenge, Optional: true},
		{Text: "code", Proof: dialect.ProofMFA, Optional: true},
	}}
	for name, test := range map[string]struct {
		facts []Fact
		want  string
	}{
		"is given by the challenge": {numbered(asked), "asked+1; code*"},
		"is not needed without one": {numbered(signIn), "asked-; code-"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shown(Progress(d, test.facts, Kept{})); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryProduct(t *testing.T) {
	for _, d := range dialect.All() {
		t.Run(d.ID, func(t *testing.T) {
			lives := map[string][]Fact{"a plain account": numbered(signIn, look, renew, leave)}
			if slices.ContainsFunc(d.Procedure, func(s dialect.Step) bool { return s.Proof == dialect.ProofMFA }) {
				lives["an account with a code"] = numbered(asked, code, look, renew, leave)
			}
			for name, facts := range lives {
				t.Run(name+" can be followed to the end", func(t *testing.T) {
					for n := range len(facts) + 1 {
						checkOrder(t, Progress(d, facts[:n], Kept{Saved: n > 0}), n == len(facts))
					}
				})
			}
			t.Run("a sign-in after the end starts over", func(t *testing.T) {
				again := numbered(signIn, look, renew, leave, signIn)
				for _, s := range Progress(d, again, Kept{}) {
					if s.By != 0 && s.By != 5 {
						t.Errorf("step %q is proven by exchange %d, of the life before", s.Text, s.By)
					}
				}
			})
		})
	}
}

// checkOrder holds the steps of a person who skips nothing to their order: done
// ones, the current one, open ones.
func checkOrder(t *testing.T, steps []Step, end bool) {
	t.Helper()
	current := -1
	for i, s := range steps {
		switch {
		case s.Current && current >= 0:
			t.Errorf("steps %d and %d are both current", current+1, i+1)
		case s.Current && (s.Done || s.Skipped):
			t.Errorf("step %d is current, done %v, skipped %v", i+1, s.Done, s.Skipped)
		case s.Current:
			current = i
		case s.Done && s.Skipped:
			t.Errorf("step %d is done and skipped", i+1)
		case end && !s.Done && !s.Skipped:
			t.Errorf("step %d (%s) is open at the end", i+1, s.Text)
		case current < 0 && !s.Done && !s.Skipped && !s.Optional:
			t.Errorf("step %d (%s) is open before the current one", i+1, s.Text)
		case current >= 0 && s.Done && s.Proof != dialect.ProofSaved:
			t.Errorf("step %d (%s) is done after the current one", i+1, s.Text)
		}
	}
	if end != (current < 0) {
		t.Errorf("the current step is %d of %d, at the end %v", current+1, len(steps), end)
	}
}
