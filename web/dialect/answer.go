package dialect

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Answer is what a product answered, in meanings.
type Answer struct {
	Status int
	Values Values
	// Refused says that the product said no; Fault is why, or empty if the
	// refusal is none that the dialect knows.
	Refused bool
	Fault   Fault
	// Left holds members that the dialect does not know or could not read, as
	// raw JSON. They are shown, never dropped.
	Left Pairs
	// Raw says that the body is not the JSON that was expected.
	Raw bool
}

// Challenge says that the product asks for a second factor: it gave an MFA
// token and no access token.
func (a *Answer) Challenge() bool {
	return a.Values[MFAToken] != "" && a.Values[AccessToken] == ""
}

// Decode understands an answer to a call. It never fails: what it does not
// understand is in Left, or marked Raw.
func (d *Dialect) Decode(p Purpose, version string, status int, body []byte) Answer {
	a := Answer{Status: status, Values: Values{}, Refused: status < 200 || status > 299}
	op := d.Operation(p)
	body = bytes.TrimSpace(body)
	if a.Refused {
		a.read(body, d.errorFields(p, status))
		a.Fault = d.fault(p, &a)
		return a
	}
	switch {
	case op == nil:
		a.Raw = true
	case len(body) == 0:
		a.Raw = len(op.Gives) > 0
	case len(op.Gives) > 0:
		a.read(body, d.Fields(op.Gives, version))
	default:
		var text string
		if json.Unmarshal(body, &text) == nil {
			a.Values[Message] = text
		} else if !json.Valid(body) {
			a.Raw = true
			a.Values[Message] = string(body)
		}
	}
	return a
}

func (a *Answer) read(body []byte, fields []Field) {
	members, err := object(body)
	if err != nil {
		a.Raw = true
		return
	}
	for _, m := range members {
		f, ok := findField(fields, m.Name)
		switch {
		case !ok:
			a.Left = append(a.Left, m)
		case m.Value == "null": // the product did not say
		default:
			v, err := f.As.Read(json.RawMessage(m.Value))
			if err != nil {
				a.Left = append(a.Left, m)
				continue
			}
			a.Values[f.Term] = v
		}
	}
}

// findField prefers the exact name; failing that, any case and any of the
// other spellings, since the documents of one product disagree on them.
func findField(fields []Field, name string) (Field, bool) {
	for _, f := range fields {
		if f.Wire == name {
			return f, true
		}
	}
	for _, f := range fields {
		if strings.EqualFold(f.Wire, name) || slices.Contains(f.Also, name) {
			return f, true
		}
	}
	return Field{}, false
}

// object splits a JSON object into its members in order, values raw.
func object(body []byte) (Pairs, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if tok != json.Delim('{') {
		return nil, errNotObject
	}
	var out Pairs
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		out = append(out, Pair{name.(string), string(raw)})
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNotObject
	}
	return out, nil
}

// errorFields gathers every field that a refusal with this status may have.
func (d *Dialect) errorFields(p Purpose, status int) []Field {
	var out []Field
	for i := range d.Refusals {
		if r := &d.Refusals[i]; r.Status == status && (r.On == "" || r.On == p) {
			out = append(out, r.Shape...)
		}
	}
	if out == nil {
		for i := range d.Refusals {
			out = append(out, d.Refusals[i].Shape...)
		}
	}
	return out
}

// fault finds the refusal that an answer looks most like: all that the refusal
// says is said, word for word; failing that, its code alone; failing that, the
// status, if only one refusal of this purpose has it.
func (d *Dialect) fault(p Purpose, a *Answer) Fault {
	var byCode, byStatus Fault
	faults := 0
	for i := range d.Refusals {
		r := &d.Refusals[i]
		if r.Status != a.Status || r.On != "" && r.On != p {
			continue
		}
		if len(r.Says) > 0 && says(a.Values, r.Says) {
			return r.Fault
		}
		if code := r.Says[ErrorCode]; code != "" && code == a.Values[ErrorCode] && byCode == "" {
			byCode = r.Fault
		}
		if byStatus == "" || r.Fault != byStatus {
			faults++
		}
		byStatus = r.Fault
	}
	switch {
	case byCode != "":
		return byCode
	case faults == 1:
		return byStatus
	}
	return ""
}

func says(got, want Values) bool {
	for term, v := range want {
		if !strings.Contains(v, "${") && got[term] != v {
			return false
		}
	}
	return true
}

// Reply is an answer in the product's words.
type Reply struct {
	Status int
	Header Pairs
	Body   string // empty for an answer without a body
}

// EncodeAnswer words a success. Values that the product does not say in this
// version are dropped. now fills the placeholder of fixed bodies.
func (d *Dialect) EncodeAnswer(op *Operation, version string, values Values, now time.Time) (*Reply, error) {
	r := &Reply{Status: op.Status, Header: slices.Clone(d.Headers)}
	switch {
	case len(op.Gives) > 0:
		body, err := writeObject(d.Fields(op.Gives, version), values)
		if err != nil {
			return nil, err
		}
		r.Body = body
	default:
		r.Body = strings.ReplaceAll(d.Body(op, version), "${now}", now.UTC().Format("2006-01-02T15:04:05.0000000Z"))
	}
	if r.Body != "" {
		r.Header = append(r.Header, Pair{"Content-Type", "application/json; charset=utf-8"})
	}
	return r, nil
}

// EncodeRefusal words a refusal. values fill what depends on the call, such as
// its path; ${versions} in a refusal's text becomes the list of versions. A
// shape that repeats the status gets it.
func (d *Dialect) EncodeRefusal(f Fault, on Purpose, values Values) (*Reply, error) {
	ref, ok := d.Refusal(f, on)
	if !ok {
		ref, ok = d.Refusal(ServerFault, on)
	}
	if !ok {
		return &Reply{Status: 500, Header: slices.Clone(d.Headers)}, nil
	}
	said := Values{ErrorStatus: strconv.Itoa(ref.Status)}
	for t, v := range values {
		said[t] = v
	}
	for t, v := range ref.Says {
		said[t] = strings.ReplaceAll(v, "${versions}", d.versionList())
	}
	r := &Reply{Status: ref.Status, Header: append(slices.Clone(d.Headers), ref.Header...)}
	if len(ref.Shape) == 0 {
		return r, nil
	}
	body, err := writeObject(ref.Shape, said)
	if err != nil {
		return nil, err
	}
	media := ref.Type
	if media == "" {
		media = "application/json"
	}
	r.Header = append(r.Header, Pair{"Content-Type", media + "; charset=utf-8"})
	r.Body = body
	return r, nil
}

// versionList names the versions as servers do in refusals: with a leading v,
// oldest first.
func (d *Dialect) versionList() string {
	ids := make([]string, 0, len(d.Versions.All))
	for _, v := range d.Versions.All {
		ids = append(ids, "v"+strings.TrimPrefix(v.ID, "v"))
	}
	return strings.Join(ids, ", ")
}
