// Package inspect reads what is written in a token. It checks no signature and
// trusts nothing that it reads: what a token says about itself is for people to
// look at, never for the program to act on.
package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
)

// Kind is what a token is for.
type Kind string

// The kinds. A token that does not say is of neither.
const (
	Access  Kind = "access"
	Refresh Kind = "refresh"
)

// Token is what can be read in a token. The zero value is an opaque one.
type Token struct {
	// JWT says that the token has the three parts of a signed JWT (RFC 7519);
	// otherwise it is opaque and carries nothing that can be read.
	JWT bool
	// Header and Claims are the members of the first two parts, in order.
	Header, Claims []Claim
	Kind           Kind
	// Fits says that the audience is one that the dialect names.
	Fits bool
	// Issued and Expires are zero if the token does not say.
	Issued, Expires time.Time
	// Problem is what is wrong with the token's form, in a sentence; empty if
	// nothing is. It holds nothing of the token.
	Problem string
}

// Claim is one member of a token.
type Claim struct {
	Name string
	// Value is the text of a string, compact JSON of anything else.
	Value string
	// Term is the shared meaning, if there is one.
	Term dialect.Term
	// Meaning explains the claim in a sentence, if it is known.
	Meaning string
	// When is the time that the claim names; zero if it names none.
	When time.Time
}

// limit is the length of the longest token that is read. Servers accept about
// 16 KiB of headers in all.
const limit = 64 << 10

// Read reads a token of one of several products.
func Read(products []*dialect.Dialect, token string) Token { return read(nil, products, token) }

// ReadFor reads a token of one product: its claims mean what the product says.
func ReadFor(d *dialect.Dialect, token string) Token { return read(d, []*dialect.Dialect{d}, token) }

func read(d *dialect.Dialect, audiences []*dialect.Dialect, token string) Token {
	token = strings.TrimSpace(token)
	parts := strings.Split(token, ".")
	switch {
	case token == "":
		return Token{Problem: "There is no token."}
	case len(token) > limit:
		return Token{Problem: "The token is longer than 64 KiB, so it was not read."}
	case len(parts) == 5:
		if header, err := members(parts[0]); err == nil {
			return Token{Header: claims(header, headerClaim), Problem: "The token is encrypted: only the server can read its claims."}
		}
		return Token{}
	case len(parts) != 3:
		return Token{}
	}
	header, headerErr := members(parts[0])
	payload, payloadErr := members(parts[1])
	switch {
	case headerErr != nil && payloadErr != nil:
		return Token{} // dots alone make no JWT
	case headerErr != nil:
		return Token{Problem: "The token has the three parts of a JWT, but its header cannot be read."}
	case payloadErr != nil:
		return Token{Header: claims(header, headerClaim), Problem: "The token has the three parts of a JWT, but its claims cannot be read."}
	}
	t := Token{
		JWT:    true,
		Header: claims(header, headerClaim),
		Claims: claims(payload, func(name string) (dialect.Term, string) { return claimOf(d, name) }),
	}
	t.Expires, t.Issued = t.when(dialect.ExpiresAt), t.when(dialect.IssuedAt)
	t.Kind, t.Fits = kindByAudience(audiences, payload)
	if t.Kind == "" {
		t.Kind = t.kindByClaims()
	}
	t.Problem = t.problem(parts[2])
	return t
}

// Claim returns the first claim with a meaning.
func (t Token) Claim(term dialect.Term) (Claim, bool) {
	for _, c := range t.Claims {
		if c.Term == term {
			return c, true
		}
	}
	return Claim{}, false
}

// Life is how long the token lives from its issue on; zero if it does not say.
func (t Token) Life() time.Duration {
	if t.Issued.IsZero() || t.Expires.IsZero() {
		return 0
	}
	return t.Expires.Sub(t.Issued)
}

func (t Token) when(term dialect.Term) time.Time {
	c, _ := t.Claim(term)
	return c.When
}

func (t Token) problem(signature string) string {
	alg := ""
	for _, c := range t.Header {
		if c.Name == "alg" {
			alg = c.Value
		}
	}
	switch {
	case strings.EqualFold(alg, "none") || signature == "":
		return "The token is not signed: anyone could have written it."
	case repeated(t.Header) || repeated(t.Claims):
		return "The token says one thing twice, and programs differ in which they believe."
	}
	for _, c := range t.Claims {
		if isDate(c.Term) && c.When.IsZero() {
			return "The token's " + dateWords[c.Term] + " is not a date: JWT dates are seconds since 1970."
		}
	}
	if t.Life() < 0 {
		return "The token expires before it was issued."
	}
	return ""
}

var dateWords = map[dialect.Term]string{
	dialect.ExpiresAt: "time of expiry",
	dialect.IssuedAt:  "time of issue",
	dialect.NotBefore: "first moment",
}

func isDate(t dialect.Term) bool { return dateWords[t] != "" }

func repeated(list []Claim) bool {
	seen := map[string]bool{}
	for _, c := range list {
		if seen[c.Name] {
			return true
		}
		seen[c.Name] = true
	}
	return false
}

type member struct {
	name string
	raw  json.RawMessage
}

var errNotObject = errors.New("not the base64url of one JSON object")

// members reads one part of a token.
func members(part string) ([]member, error) {
	text, err := decode(part)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errNotObject
	}
	var out []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errNotObject
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errNotObject
		}
		out = append(out, member{name.(string), raw})
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNotObject
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNotObject
	}
	return out, nil
}

// decode takes both alphabets of base64, with and without padding: people paste
// what other tools have written.
func decode(part string) ([]byte, error) {
	part = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(part, "="))
	return base64.RawURLEncoding.DecodeString(part)
}

func claims(list []member, meaning func(string) (dialect.Term, string)) []Claim {
	out := make([]Claim, len(list))
	for i, m := range list {
		c := Claim{Name: m.name, Value: text(m.raw)}
		c.Term, c.Meaning = meaning(m.name)
		if isDate(c.Term) || m.name == "auth_time" {
			c.When = date(m.raw)
		}
		out[i] = c
	}
	return out
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && raw[0] == '"' {
		return s
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// date reads a NumericDate: seconds since 1970, possibly with a fraction. Out
// of the years 1 to 9999 there is none, since nobody could write it.
func date(raw json.RawMessage) time.Time {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < -62135596800 || seconds >= 253402300800 {
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e3)*1e6).UTC()
}

// kindByAudience says which of the dialects' tokens has this audience.
func kindByAudience(dialects []*dialect.Dialect, payload []member) (Kind, bool) {
	var audience []string
	for _, m := range payload {
		if m.name != "aud" {
			continue
		}
		var one string
		if json.Unmarshal(m.raw, &one) == nil {
			audience = append(audience, one)
			continue
		}
		var many []string
		if json.Unmarshal(m.raw, &many) == nil {
			audience = append(audience, many...)
		}
	}
	for _, d := range dialects {
		switch {
		case slices.ContainsFunc(audience, func(a string) bool { return fits(d.Access.Audience, a) }):
			return Access, true
		case slices.ContainsFunc(audience, func(a string) bool { return fits(d.Refresh.Audience, a) }):
			return Refresh, true
		}
	}
	return "", false
}

// fits matches an audience with a dialect's pattern, whose {installation}
// stands for a UUID.
func fits(pattern, audience string) bool {
	head, tail, installation := strings.Cut(pattern, "{installation}")
	if !installation {
		return pattern != "" && pattern == audience
	}
	if len(audience) < len(head)+len(tail) || !strings.HasPrefix(audience, head) || !strings.HasSuffix(audience, tail) {
		return false
	}
	id := audience[len(head) : len(audience)-len(tail)]
	return id != "" && strings.Trim(strings.ToLower(id), "0123456789abcdef-") == ""
}

// kindByClaims guesses from words that other issuers use: the audience, the
// typ of RFC 9068, token_use and typ claims.
func (t Token) kindByClaims() Kind {
	for _, c := range slices.Concat(t.Header, t.Claims) {
		switch value := strings.ToLower(c.Value); c.Name {
		case "typ", "token_use", "token_type", "aud":
			switch {
			case strings.Contains(value, "refresh"):
				return Refresh
			case strings.Contains(value, "access"), value == "at+jwt", value == "bearer":
				return Access
			}
		}
	}
	return ""
}
