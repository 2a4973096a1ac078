package secret

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// MinLength is the length in bytes below which a known value is not looked for: one so short stands all over
// ordinary text, and replacing it there would both shred the text and give the value away.
const MinLength = 4

// passesMost bounds how often the text is gone over. Two do for all but texts made to resist.
const passesMost = 4

// layersMost bounds how many texts come out of undoing escapes, each kind in what the others made of the text. The
// escapes of JSON in a page in a URL make eight. A text with more of them wants to hide something, and is withheld.
const layersMost = 16

// encodedMost is the same for what was in base64, where escapes are rare and most of what looks like one is chance.
const encodedMost = 8

// withheld stands for a whole text that cannot be made safe. It is shorter than MinLength, so it can hold no
// known value.
const withheld = "***"

// jwtShaped finds tokens that nobody told us about: two to five parts of base64url, of which the first opens
// a JSON object.
var jwtShaped = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}`)

// Redactor takes secrets out of text: the ones that it knows, as they are and under any mixture of the escapes of
// JSON, HTML and URLs, also repeated, and of base64 around it, and in hexadecimal digits; and everything that is
// shaped like a JWT. It is the one redaction function: pages, history, snippets, exports and logs all use it. Make
// one with [NewRedactor]. It is safe for concurrent use.
type Redactor struct {
	masker *Masker
	known  []spelling // longest first, since a password may be the beginning of a token
}

// spelling is one way in which a known value may stand in a text without escapes, and what takes its place.
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
	// A value that is both is not shown by its beginning.
	for _, t := range others {
		add(t.Reveal(), Redacted)
	}
	for _, t := range tokens {
		add(t.Reveal(), m.Mask(t.Reveal()))
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
		found, all := r.find(s)
		if !all {
			return withheld
		}
		if len(found) == 0 {
			return s
		}
		s = replace(s, found)
	}
	return withheld
}

// place is where something stands in a text, and what takes its place. Among those that overlap, the heaviest
// says what.
type place struct {
	from, to int
	instead  string
	weight   int
}

// find looks through s and everything that it may be an encoding of. It is not all where s has more layers of
// escapes than are undone.
func (r *Redactor) find(s string) (found []place, all bool) {
	lowest, found, all := r.search(layer{text: s}, layersMost, nil)
	if len(r.known) == 0 {
		return found, all
	}
	// Base64 is not changed by undoing escapes, only joined to what stands beside it.
	for skip := range groups {
		_, found, _ = r.search(lowest.unbase64(skip), encodedMost, found)
	}
	return found, all
}

// search adds what stands in a layer and in those below it, which are at most a number. It gives the lowest, which
// is the shortest since escapes are longer than what they stand for, and whether it saw them all.
func (r *Redactor) search(l layer, most int, found []place) (lowest layer, _ []place, all bool) {
	seen := map[string]bool{l.text: true}
	layers := []layer{l}
	lowest = l
	for i := 0; i < len(layers); i++ {
		found = r.among(layers[i], found)
		for _, e := range escapes {
			next, more := layers[i].unescape(e.sign, e.read)
			if !more || seen[next.text] {
				continue
			}
			if len(layers) == most {
				return lowest, found, false
			}
			seen[next.text] = true
			layers = append(layers, next)
			if len(next.text) < len(lowest.text) {
				lowest = next
			}
		}
	}
	return lowest, found, true
}

// among adds what stands in one layer.
func (r *Redactor) among(l layer, found []place) []place {
	text := fold(l.text)
	for _, k := range r.known {
		// Linear in the text even for a hostile one.
		for at := 0; ; {
			i := strings.Index(text[at:], k.find)
			if i < 0 {
				break
			}
			from, to := l.source(at+i, at+i+len(k.find))
			found = append(found, place{from, to, k.instead, len(k.find)})
			at += i + len(k.find)
		}
	}
	if strings.Contains(l.text, "eyJ") {
		for _, m := range jwtShaped.FindAllStringIndex(l.text, -1) {
			from, to := l.source(m[0], m[1])
			found = append(found, place{from, to, r.masker.Mask(l.text[m[0]:m[1]]), 0})
		}
	}
	return found
}

// replace puts into each place what belongs there; places that overlap are one.
func replace(s string, places []place) string {
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	end := 0
	for i := 0; i < len(places); {
		p := places[i]
		for i++; i < len(places) && places[i].from < p.to; i++ {
			q := places[i]
			p.to = max(p.to, q.to)
			if q.weight > p.weight {
				p.instead, p.weight = q.instead, q.weight
			}
		}
		b.WriteString(s[end:p.from])
		b.WriteString(p.instead)
		end = p.to
	}
	return b.String() + s[end:]
}

// Format keeps the known values out of whatever prints a redactor.
func (*Redactor) Format(f fmt.State, _ rune) { io.WriteString(f, "secret.Redactor") }

// spellings returns how value may stand in a text without escapes: itself, and its bytes in hexadecimal digits.
func spellings(value string) []string {
	digits := hex.EncodeToString([]byte(value))
	return []string{fold(value), digits, strings.ToUpper(digits)}
}

// fold makes no difference between a space and the plus sign by which forms write it.
func fold(s string) string { return strings.ReplaceAll(s, "+", " ") }
