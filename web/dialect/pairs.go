package dialect

import (
	"net/url"
	"strings"
)

// Pair is one name and value of a form, a header or an object.
type Pair struct{ Name, Value string }

// Pairs is a form in the order in which it travels.
type Pairs []Pair

// ParsePairs reads application/x-www-form-urlencoded as .NET does, which is
// more patient than [net/url.ParseQuery]: only & separates pairs, so a raw ;
// or backslash is part of its value, and a % that begins no escape stands for
// itself.
func ParsePairs(body string) Pairs {
	var out Pairs
	for part := range strings.SplitSeq(body, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		out = append(out, Pair{unescape(name), unescape(value)})
	}
	return out
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "+%") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			b.WriteByte(byte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2])))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// Encode writes the form in its own order. [net/url.Values.Encode] would sort
// it, and the vendors' examples are not sorted.
func (p Pairs) Encode() string {
	var b strings.Builder
	for i, kv := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(kv.Name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(kv.Value))
	}
	return b.String()
}

// Get returns the first value under a name, in any case: clients of one
// product send username, Username and userName.
func (p Pairs) Get(name string) (string, bool) {
	for _, kv := range p {
		if strings.EqualFold(kv.Name, name) {
			return kv.Value, true
		}
	}
	return "", false
}
