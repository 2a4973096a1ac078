package sandbox

import (
	"fmt"
	"net/http"
	"strings"

	"tokenplayground/web/dialect"
)

// Row is one thing that no document says, and what the sandbox does.
type Row struct{ What, Answer, Reason string }

// Choices lists all that the sandbox answers for a product without a document:
// first what the product's dialect marks as a choice, then its own.
func Choices(d *dialect.Dialect) []Row {
	var rows []Row
	for i := range d.Operations {
		if op := &d.Operations[i]; op.Basis == dialect.Choice {
			rows = append(rows, Row{op.Method + " " + op.Path, status(op.Status), op.Reason})
		}
	}
	for i := range d.Refusals {
		r := &d.Refusals[i]
		if r.Basis != dialect.Choice {
			continue
		}
		what := strings.ReplaceAll(string(r.Fault), "_", " ")
		if r.On != "" {
			what += " (" + string(r.On) + ")"
		}
		var says []string
		for _, t := range []dialect.Term{dialect.ErrorCode, dialect.ErrorTitle, dialect.ErrorDetail} {
			if text := r.Says[t]; text != "" {
				says = append(says, text)
			}
		}
		rows = append(rows, Row{what, strings.TrimSuffix(status(r.Status)+": "+strings.Join(says, ": "), ": "), r.Reason})
	}
	for _, u := range []use{access, refresh} {
		if t := u.of(d); t.Basis == dialect.Choice {
			answer := fmt.Sprintf("A JWT signed with %s", t.Alg)
			if t.Opaque > 0 {
				answer = fmt.Sprintf("%d characters that say nothing", t.Opaque)
			}
			rows = append(rows, Row{"The " + u.String() + " token", answer, "No document shows one; the other token of the pair is the model."})
		}
	}
	if d.Lifetimes.RefreshBasis == dialect.Choice {
		rows = append(rows, Row{"Life of the refresh token", fmt.Sprintf("%d days", int(d.Lifetimes.Refresh.Hours()/24)), d.Lifetimes.Note})
	}
	return append(rows, own(d)...)
}

func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// own choices, which the code of this package makes.
func own(d *dialect.Dialect) []Row {
	rows := []Row{
		{"A refresh token is used twice", "The second call is refused and the new pair stays alive. In strict mode all pairs that came from it end.", "A client that refreshes from parallel requests recovers only if its new pair lives."},
		{"The old access token after a refresh", "Good until it expires.", "Calls that are under way must not fail because another one refreshed."},
		{"Logging out", "Ends the pair of that access token and all pairs that came from it by refresh. The same token cannot log out again.", "The person has left, whichever token they left with."},
		{"A second sign-in", "Leaves the first alone.", "Many learners share the sandbox's few accounts."},
		{"Wrong passwords in a row", "Never lock an account. The account named locked is locked always.", "No product documents its limit on the wire, and a learner may lock nobody out."},
		{"Case of names", "User names in any case, passwords exactly. Tokens and answers carry the name as the list of people has it.", "So do the accounts of Windows."},
		{"A body over 64 KiB", status(http.StatusRequestEntityTooLarge) + ", no body.", "No form of the product comes near it."},
		{"The Date header", "Follows the world's clock.", "It must agree with the dates of the tokens."},
		{"OPTIONS", "204 with the methods of the path.", "RFC 9110, 9.3.7."},
		{"A token from before the world's reset, or of another world or product", "Not valid.", "Nothing of one world is known in another."},
	}
	if d.Versions.Header != "" {
		rows = append(rows, Row{"A call without " + d.Versions.Header, "Taken for " + d.Versions.Default + ". Refused in strict mode.", "Several public clients leave it out of the token call."})
	}
	if d.SecondFactor == dialect.Challenges {
		rows = append(rows,
			Row{"Life of the MFA token", "5 minutes, one success, at most five wrong codes.", "Long enough to find a telephone."},
			Row{"The code of the second factor", "Good one step of 30 seconds early or late, and more than once.", "The page's authenticator shows one code for 30 seconds, and nobody should have to wait for the next."},
			Row{"Scratch codes", "There are none.", "The page's authenticator cannot be lost."},
		)
	}
	for _, k := range []dialect.Kind{dialect.CodeGrant, dialect.ComponentGrant} {
		if g, ok := d.Grant(k); ok {
			rows = append(rows, Row{"Grant " + g.Wire, "Always refused.", "The sandbox knows nobody who could have issued what it takes."})
		}
	}
	if !named(d, &d.Access) {
		rows = append(rows, Row{"Two sign-ins of one account in one second", "The payload of each access token ends in white space of its own.", "Without it both tokens would be the same, and one log-out would end both."})
	}
	return rows
}

// named says that tokens name their pair, in the default version, or are opaque.
func named(d *dialect.Dialect, t *dialect.Token) bool {
	if t.Opaque > 0 {
		return true
	}
	for _, f := range d.Fields(t.Claims, "") {
		if f.Term == dialect.PairID {
			return true
		}
	}
	return false
}
