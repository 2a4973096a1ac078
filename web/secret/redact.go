package secret

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MinLength is the length in bytes below which a known value is not looked for: one so short stands all over
// ordinary text, and replacing it there would both shred the text and give the value away.
const MinLength = 4

// encodedLeast is the shortest piece of base64 that is looked for; shorter ones turn up by chance.
const encodedLeast = 8

// passesMost bounds how often the text is gone over. Two do for all but texts made to resist.
const passesMost = 8

// withheld stands for a whole text that cannot be made safe. It is shorter than MinLength, so it can hold no
// known value.
const withheld = "***"

// jwtShaped finds tokens that nobody told us about: two to five parts of base64url, of which the first opens
// a JSON object.
var jwtShaped = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}`)

// Redactor takes secrets out of text: the ones that it knows, in their own spelling and as they look in a
// URL, a JSON or HTML text or in base64, and everything that is shaped like a JWT. It is the one redaction
// function: pages, history, snippets, exports and logs all use it. Make one with [NewRedactor]. It is safe
// for concurrent use.
type Redactor struct {
	masker *Masker
	known  []spelling // longest first, since a password may be the beginning of a token
}

// spelling is one way in which a known value may stand in a text, and what takes its place.
type spelling struct{ find, instead string }

// NewRedactor makes a redactor for known values: tokens become their mask, others (passwords, codes)
// "[redacted]". Values shorter than [MinLength] are not looked for.
func NewRedactor(m *Masker, tokens, others []Text) *Redactor {
	with := make(map[string]string)
	add := func(value, instead string) {
		if len(value) < MinLength {
			return
		}
		for _, f := range spellings(value) {
			if _, ok := with[f]; !ok {
				with[f] = instead
			}
		}
	}
	for _, t := range tokens {
		add(t.Reveal(), m.Mask(t.Reveal()))
	}
	for _, t := range others {
		add(t.Reveal(), Redacted)
	}
	r := &Redactor{masker: m}
	for find, instead := range with {
		r.known = append(r.known, spelling{find, instead})
	}
	slices.SortFunc(r.known, func(a, b spelling) int {
		return cmp.Or(cmp.Compare(len(b.find), len(a.find)), cmp.Compare(a.find, b.find))
	})
	return r
}

// Replace returns s without its secrets. Replacing again changes nothing. A text in which a secret would
// survive, because what stands in its place spells it again together with its surroundings, is withheld whole.
func (r *Redactor) Replace(s string) string {
	for range passesMost {
		next := s
		for _, k := range r.known {
			// Linear in the text even for a hostile one, which strings.Replacer is not.
			next = strings.ReplaceAll(next, k.find, k.instead)
		}
		if strings.Contains(next, "eyJ") {
			next = jwtShaped.ReplaceAllStringFunc(next, r.masker.Mask)
		}
		if next == s {
			return s
		}
		s = next
	}
	return withheld
}

// Format keeps the known values out of whatever prints a redactor.
func (*Redactor) Format(f fmt.State, _ rune) { io.WriteString(f, "secret.Redactor") }

// spellings returns the ways in which value may stand in a text, its own first.
func spellings(value string) []string {
	all := []string{
		value,
		url.QueryEscape(value),
		url.PathEscape(value),
		strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
		percentAll(value),
		html.EscapeString(value),
		jsonEscape(value, true),
		jsonEscape(value, false),
		strings.ReplaceAll(jsonEscape(value, false), "/", `\/`),
		asciiEscape(value),
	}
	for _, f := range all[1:] {
		// %2B is %2b to others, \u002B is \u002b.
		all = append(all, lowerEscapes(f))
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		all = append(all, encoded(value, enc)...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(f string) bool { return len(f) < MinLength })
}

// encoded returns the characters that base64 of any text around value must contain: one run for each of the
// three ways in which value can lie across the groups of three bytes.
func encoded(value string, enc *base64.Encoding) []string {
	var all []string
	for offset := range 3 {
		e := enc.EncodeToString(append(make([]byte, offset), value...))
		// The first characters also carry bits of what is before, the last one may carry bits of what follows.
		e = e[(offset*8+5)/6:]
		if (offset+len(value))%3 != 0 {
			e = e[:len(e)-1]
		}
		if len(e) >= encodedLeast {
			all = append(all, e)
		}
	}
	// All of it by itself, so that the padding goes as well.
	for _, enc := range []*base64.Encoding{enc, enc.WithPadding(base64.StdPadding)} {
		if e := enc.EncodeToString([]byte(value)); len(e) >= encodedLeast {
			all = append(all, e)
		}
	}
	return all
}

func jsonEscape(s string, forHTML bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(forHTML)
	if err := e.Encode(s); err != nil {
		return s // a string always encodes
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// asciiEscape spells s as .NET does by default: everything outside ASCII and the signs that mean something to
// HTML as \uXXXX, plus among them.
func asciiEscape(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\\':
			b.WriteString(`\\`)
		case c < 0x20 || c > 0x7e || strings.ContainsRune("\"&'+<>`", c):
			for _, u := range utf16.Encode([]rune{c}) {
				fmt.Fprintf(&b, `\u%04X`, u)
			}
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// percentAll escapes all but letters and digits, as cautious clients do.
func percentAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf && readable(c) && c != '-' && c != '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// lowerEscapes writes the digits of %2B and \u002B small.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); i++ {
		n := 0
		switch {
		case b[i] == '%':
			n = 2
		case b[i] == '\\' && i+1 < len(b) && b[i+1] == 'u':
			n = 5
		}
		for end := min(i+n, len(b)-1); i < end; i++ {
			if c := b[i+1]; c >= 'A' && c <= 'F' {
				b[i+1] = c + 'a' - 'A'
			}
		}
	}
	return string(b)
}
