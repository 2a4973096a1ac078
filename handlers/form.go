package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"tokenplayground/web/dialect"
)

// The names of our own fields. They begin with x. so that no product's wire
// name can be mistaken for one.
const (
	fieldTarget      = "x.target"
	fieldVersion     = "x.version"
	fieldOperation   = "x.op"
	fieldTheme       = "x.theme"
	fieldChange      = "x.change"
	fieldKey         = "x.key"
	fieldHost        = "x.host"
	fieldPort        = "x.port"
	fieldFingerprint = "x.fingerprint"
	fieldFault       = "x.fault"
	fieldEncoding    = "x.encoding"
)

const maxFields = 64

// readBody reads a posted form, or a flat JSON object, in the order in which
// it came. The error is a [*Problem].
func readBody(r *http.Request) (dialect.Pairs, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, BodyTooLarge()
		}
		return nil, brokenForm("The request broke off before its body was complete.").because(err)
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
		return nil, nil
	case err != nil:
		return nil, wrongMediaType()
	case media == "application/x-www-form-urlencoded":
		return readForm(string(body))
	case media == "application/json":
		return readJSON(body)
	}
	return nil, wrongMediaType()
}

func readForm(body string) (dialect.Pairs, error) {
	for i := 0; i < len(body); i++ {
		if body[i] == '%' && (i+2 >= len(body) || !isHex(body[i+1]) || !isHex(body[i+2])) {
			return nil, brokenForm("At byte " + strconv.Itoa(i+1) + " a % is not followed by two hexadecimal digits.")
		}
	}
	pairs := dialect.ParsePairs(body)
	if len(pairs) > maxFields {
		return nil, brokenForm("It has more than " + strconv.Itoa(maxFields) + " fields.")
	}
	for _, p := range pairs {
		if !utf8.ValidString(p.Name) || !utf8.ValidString(p.Value) {
			return nil, brokenForm("The field " + quoteName(strings.ToValidUTF8(p.Name, "?")) + " is not UTF-8.")
		}
	}
	return withoutZero(pairs)
}

// withoutZero refuses zero bytes: no product's value holds one, and whatever
// is written in C would read less than was sent.
func withoutZero(pairs dialect.Pairs) (dialect.Pairs, error) {
	for _, p := range pairs {
		if strings.ContainsRune(p.Name+p.Value, 0) {
			return nil, brokenForm("The field " + quoteName(p.Name) + " holds a zero byte.")
		}
	}
	return pairs, nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func readJSON(body []byte) (dialect.Pairs, error) {
	if !utf8.Valid(body) { // the decoder would put U+FFFD in a password
		return nil, brokenForm("The JSON is not UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, brokenForm("The body is not one JSON object.")
	}
	var pairs dialect.Pairs
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, brokenForm("The JSON is broken at byte " + strconv.FormatInt(dec.InputOffset(), 10) + ".")
		}
		value, err := dec.Token()
		if err != nil {
			return nil, brokenForm("The JSON is broken at byte " + strconv.FormatInt(dec.InputOffset(), 10) + ".")
		}
		var text string
		switch v := value.(type) {
		case string:
			text = v
		case json.Number:
			text = v.String()
		case bool:
			text = strconv.FormatBool(v)
		case nil:
			continue
		default:
			return nil, brokenForm("The member " + quoteName(name.(string)) + " is nested. Every field is a plain value.")
		}
		pairs = append(pairs, dialect.Pair{Name: name.(string), Value: text})
		if len(pairs) > maxFields {
			return nil, brokenForm("It has more than " + strconv.Itoa(maxFields) + " fields.")
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, brokenForm("The JSON object is not closed.")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, brokenForm("Something follows the JSON object.")
	}
	return withoutZero(pairs)
}

// Form is what a person typed, to be shown again. Secrets are not in it.
type Form struct {
	Product string
	query   query
	typed   map[string]string
	problem map[string]string
	// encoding is how the body was to be written; empty for the usual one.
	encoding dialect.Encoding
	// notice is what went wrong, where no field is to blame.
	notice string
}

// keep returns what may be shown again: fields of ours and those of the
// product's that are no secret in any grant.
func keep(d *dialect.Dialect, pairs dialect.Pairs) map[string]string {
	secret := map[string]bool{}
	for _, g := range d.Operation(dialect.Obtain).Grants {
		for _, f := range g.Takes {
			secret[strings.ToLower(f.Wire)] = secret[strings.ToLower(f.Wire)] || f.Secret
		}
	}
	typed := map[string]string{}
	for _, p := range pairs {
		name := strings.ToLower(p.Name)
		known, isField := secret[name]
		if isField && !known {
			if _, have := typed[name]; !have {
				typed[name] = p.Value
			}
		}
	}
	return typed
}
