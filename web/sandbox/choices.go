package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
		} else if op.Members == dialect.Choice {
			var names []string
			for _, f := range op.Gives {
				names = append(names, f.Wire)
			}
			rows = append(rows, Row{"Members of the answer to " + op.Method + " " + op.Path, strings.Join(names, ", "), op.Reason})
		}
	}
	if a := d.Antiforgery; a.Cookie != "" && a.Basis == dialect.Choice {
		rows = append(rows, Row{"The antiforgery cookie", a.Cookie + ", repeated in " + a.Header, a.Reason})
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
	if d.Lifetimes.CodeBasis == dialect.Choice {
		rows = append(rows, Row{"Life of a one-time code", fmt.Sprintf("%d minutes", int(d.Lifetimes.Code.Minutes())), d.Lifetimes.Note})
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
		{"The grace of a refresh token", "None at first, up to " + MaxGrace.String() + " if the world is set so: until then the token that was spent last gives another pair. Pairs of one refresh token are siblings: whichever is refreshed first spends the others, and they end together.", "A client that refreshes in parallel keeps one pair and drops the rest."},
		{"Very many sign-ins", fmt.Sprintf("A world remembers %d that were refreshed or ended, the shared one %d of each product. Beyond it, those idle longest are refused, and with them older ones of which nothing is remembered.", ledgerRoom, ledgerRoom*sharedLedgers), "Memory stays level, and nothing that was spent or ended becomes good again."},
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
	rows = append(rows, faultRows(d)...)
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
	if d.Versions.Optional {
		rows = append(rows, Row{"A " + d.Versions.Header + " that nobody knows", "Taken for " + d.Versions.Default + ". Refused in strict mode.", "Clients of other releases send their own."})
	}
	return append(rows, grantRows(d)...)
}

// faultRows are the choices about faults on demand.
func faultRows(d *dialect.Dialect) []Row {
	var rows []Row
	for _, f := range []dialect.Fault{dialect.TooManyRequests, dialect.Unavailable} {
		if _, own := d.Refusal(f, dialect.Obtain); own {
			continue
		}
		if r, ok := d.Later(f, dialect.Obtain); ok {
			rows = append(rows, Row{strings.ReplaceAll(string(f), "_", " "), status(r.Status) + " in the form of a server error.", r.Reason})
		}
	}
	return append(rows,
		Row{"Retry-After", "In seconds, with every refusal for now; 5 where the body names no other time.", "RFC 9110, 10.2.3; nobody should have to wait long."},
		Row{"A refusal on demand", "Comes before anything is done, so it spends, ends and locks nothing.", "The next call can be the right one."},
		Row{"A fault that cannot befall the call", "400 by the sandbox itself, as problem details that name the faults it knows.", "A test that asks in vain must not pass."},
		Row{"A slow answer on demand", "The work is done after 10 seconds, and not at all if the client leaves before.", "A client that gives up and tries again finds nothing spent; a lost answer shows the other case."},
		Row{"A hanging call on demand", "Nothing is done; the connection breaks after 60 seconds. Of more than " + strconv.Itoa(maxWaiting) + " calls that wait at once, the rest are refused as unavailable.", "A client's own limit should end it long before."},
		Row{"A lost or truncated answer on demand", "The work is done. A lost answer breaks the connection; a truncated one is half the body, with its length.", "That is what hurts: a refresh token is spent and its pair never seen."},
		Row{"An HTML page on demand", "502 from a gateway, before the product is asked.", "So it is with a proxy whose server is down."},
		Row{"A clock that is ahead, on demand", "Date, dates and claims of that answer are 7 minutes ahead; what the call sends is checked by the right clock. The tokens are refused as not valid yet until the clock reaches them.", "So it is with one wrong machine among several."},
		Row{"Chance", "Brings what the product documents and a good client recovers from: an expired or ended token, too many requests, a server that fails; where it documents none of them, a server error.", "A rehearsal must be survivable."},
	)
}

// grantRows are the choices about grants that not every product has.
func grantRows(d *dialect.Dialect) []Row {
	var rows []Row
	_, keys := d.Grant(dialect.PublicKeyGrant)
	codes := keys || d.Operation(dialect.MakeCode) != nil
	for _, one := range []struct {
		kind           dialect.Kind
		known          bool
		answer, reason string
	}{
		{dialect.CodeGrant, codes, "Takes a code of this sandbox once.", "That is what a one-time code is for."},
		{dialect.CodeGrant, !codes, "Always refused.", "No call gives out codes."},
		{dialect.ComponentGrant, true, "Always refused.", "The sandbox knows nobody who could have issued what it takes."},
		{dialect.ClientGrant, true, "Takes the clients that people of this sandbox made, for 60 days, with the rights of whoever made them.", "How long a client lasts is not documented."},
		{dialect.AssertionGrant, true, "Believes a JWT with EdDSA of the sandbox's own key, whose iss is the client_id and whose sub is a person.", "The real issuer is another company's server."},
		{dialect.OperatorGrant, true, "Like an assertion; it must name an operator.", "The real issuer is another company's server."},
		{dialect.PublicKeyGrant, true, "Any RSA key is the administrator's. The code is encrypted with OAEP and SHA-256.", "The padding is not documented, and every visitor may try it."},
		{dialect.ActAsGrant, true, "Open to administrators. The refresh token is not spent.", "Acting as another user must not end one's own session."},
	} {
		if g, ok := d.Grant(one.kind); ok && one.known {
			rows = append(rows, Row{"Grant " + g.Wire, one.answer, one.reason})
		}
	}
	out := d.Operation(dialect.Logout)
	if takes(out.Takes, dialect.UserID) {
		rows = append(rows, Row{"The user in the path of the log-out call", "Must be the token's own; only that token's pair ends.", "A learner may log nobody else out."})
	}
	if takes(out.Takes, dialect.UserSID) {
		rows = append(rows,
			Row{"Whose tokens may be revoked by " + wire(out.Takes, dialect.UserSID), "An administrator may name anybody, others themselves; nobody known is a 404. A user's SID stands in their tokens.", "Neither is documented, nor where a client learns the SID."},
			Row{"A token of a user whose tokens were revoked", "Refused like any other that was revoked; a new sign-in is good.", "That is what revoking is for."},
		)
	}
	for i := range d.Operations {
		if grants := d.Operations[i].Grants; len(grants) > 0 && takes(grants[0].Takes, dialect.ReadOnlyToken) {
			rows = append(rows, Row{"A read-only access token", "Refused with 403 on every call but GET and logging out.", "Which calls change something is not listed."})
		}
	}
	if !named(d, &d.Access) {
		rows = append(rows, Row{"Two sign-ins of one account in one second", "The payload of each access token ends in white space that names its pair.", "Without it both tokens would be the same, and one log-out would end both."})
	}
	return rows
}

// wire is how fields spell a term.
func wire(fields []dialect.Field, t dialect.Term) string {
	i := slices.IndexFunc(fields, func(f dialect.Field) bool { return f.Term == t })
	return fields[i].Wire
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
