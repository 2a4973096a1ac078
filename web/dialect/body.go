package dialect

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// sentField is one field of a body with its value.
type sentField struct {
	field Field
	value string
}

// writeBody returns the media type and the body of a request.
func writeBody(e Encoding, fields []sentField) (media, body string) {
	switch e {
	case JSON:
		return string(JSON), writeJSON(fields)
	case Multipart:
		return writeMultipart(fields)
	}
	var form Pairs
	for _, f := range fields {
		form = append(form, Pair{f.field.Wire, f.value})
	}
	return string(Form), form.Encode()
}

func writeJSON(fields []sentField) string {
	var b strings.Builder
	for i, f := range fields {
		b.WriteByte("{,"[min(i, 1)])
		raw, err := f.field.As.Write(f.value)
		if err != nil { // what somebody typed: the product says what is wrong with it
			raw = json.RawMessage(quote(f.value))
		}
		b.WriteString(quote(f.field.Wire) + ":")
		b.Write(raw)
	}
	return b.String() + "}"
}

// writeMultipart is the same each time for the same fields, so that what is
// shown is what was sent.
func writeMultipart(fields []sentField) (media, body string) {
	boundary := "----TokenPlayground"
	for i := 1; slices.ContainsFunc(fields, func(f sentField) bool { return strings.Contains(f.value, boundary) }); i++ {
		boundary = "----TokenPlayground" + strconv.Itoa(i)
	}
	var b strings.Builder
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		panic(err) // our own
	}
	for _, f := range fields {
		_ = w.WriteField(f.field.Wire, f.value) // a Builder takes everything
	}
	_ = w.Close()
	return w.FormDataContentType(), b.String()
}

// Fields splits the body of a request for the operation into its fields, as its
// media type says. A body that is not what its header says is read as a form.
func (op *Operation) Fields(media, body string) Pairs {
	fields, err := new(Call).readBody(op, http.Header{"Content-Type": {media}}, []byte(body), Reading{})
	if err != nil { // only a strict reading fails
		return nil
	}
	return fields
}

// readBody splits a request's body into its fields. The error is a
// [*Mismatch]. A body that is not what its header says is read as a form: a
// documented example calls a form JSON.
func (c *Call) readBody(op *Operation, header http.Header, body []byte, how Reading) (Pairs, error) {
	if op.Purpose != Obtain && len(body) == 0 {
		return nil, nil
	}
	media, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	e := Encoding(media)
	takes := op.Accepts()
	if !slices.Contains(takes, e) {
		if how.Strict && (op.Purpose == Obtain || len(op.Takes) > 0) {
			return nil, &Mismatch{BadMediaType, media}
		}
		e = Form
	}
	var fields Pairs
	var err error
	switch e {
	case JSON:
		fields, err = readJSON(body)
	case Multipart:
		fields, err = readMultipart(body, params["boundary"])
	default:
		if media == string(Form) && takes[0] != Form {
			c.Encoding = Form
		}
		return ParsePairs(string(body)), nil
	}
	if err != nil {
		if how.Strict {
			return nil, &Mismatch{BadMediaType, media}
		}
		return ParsePairs(string(body)), nil
	}
	if e != takes[0] {
		c.Encoding = e
	}
	return fields, nil
}

func readJSON(body []byte) (Pairs, error) {
	members, err := object(body)
	if err != nil {
		return nil, err
	}
	for i, m := range members {
		var text string
		switch {
		case m.Value == "null":
			members[i].Value = ""
		case json.Unmarshal([]byte(m.Value), &text) == nil:
			members[i].Value = text
		}
	}
	return members, nil
}

// maxParts is many times what any token call has.
const maxParts = 64

func readMultipart(body []byte, boundary string) (Pairs, error) {
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	var out Pairs
	for range maxParts {
		part, err := r.NextPart()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		out = append(out, Pair{part.FormName(), string(value)})
	}
	return nil, errTooManyParts
}

// NamesGrant says whether the body of a token call holds the product's own
// grant field, in any case of letters. It tells products apart that share a
// path and spell this field differently.
func (d *Dialect) NamesGrant(op *Operation, header http.Header, body []byte) bool {
	form, err := new(Call).readBody(op, header, body, Reading{})
	_, ok := form.Get(op.GrantField.Wire)
	return ok && err == nil
}
