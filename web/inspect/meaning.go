package inspect

import (
	"slices"

	"tokenplayground/web/dialect"
)

type entry struct {
	term    dialect.Term
	meaning string
}

// known are the claims of RFC 7519, 4.1, and those that .NET servers add. A
// meaning that is empty is the term's.
var known = map[string]entry{
	"iss":         {dialect.Issuer, ""},
	"sub":         {"", "Who the token is about: an identifier, often not a name."},
	"aud":         {dialect.Audience, ""},
	"exp":         {dialect.ExpiresAt, ""},
	"nbf":         {dialect.NotBefore, ""},
	"iat":         {dialect.IssuedAt, ""},
	"jti":         {dialect.PairID, "Names this token, so that it can be told from every other."},
	"unique_name": {dialect.Username, ""},
	"nameid":      {dialect.UserID, ""},
	"role":        {dialect.Role, ""},
	"sid":         {dialect.SessionID, ""},
	"typ":         {"", "What kind of token this is."},
	"scope":       {"", "What the token may be used for."},
	"client_id":   {"", "The client that the token was given to."},
	"azp":         {"", "The client that the token was given to."},
	"auth_time":   {"", "When the account signed in."},
}

// headers are those of RFC 7515, 4.1.
var headers = map[string]string{
	"alg":  "How the token is signed. A server must decide that by itself, not by this.",
	"kid":  "Which of the server's keys signed the token.",
	"typ":  "What the whole is: JWT.",
	"cty":  "What the content is.",
	"x5t":  "The thumbprint of the certificate whose key signed the token.",
	"jku":  "Where the issuer says its keys are. Never fetch them from there unasked.",
	"jwk":  "The key itself. A key that comes with the token proves nothing.",
	"x5c":  "The certificate itself. One that comes with the token proves nothing by itself.",
	"crit": "Header members that a reader must understand.",
	"enc":  "How the content is encrypted.",
}

func headerClaim(name string) (dialect.Term, string) { return "", headers[name] }

// claimOf says what a claim means to a product; failing that, to everybody.
func claimOf(d *dialect.Dialect, name string) (dialect.Term, string) {
	if d != nil {
		for _, f := range slices.Concat(d.Access.Claims, d.Refresh.Claims) {
			if f.Wire == name || slices.Contains(f.Also, name) {
				if f.Help != "" {
					return f.Term, f.Help
				}
				return f.Term, f.Term.Meaning()
			}
		}
	}
	e := known[name]
	if e.meaning == "" {
		e.meaning = e.term.Meaning()
	}
	return e.term, e.meaning
}
