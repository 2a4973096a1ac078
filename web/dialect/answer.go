package dialect

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
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
		within, fields := d.errorFields(p, status, body)
		a.read(body, within, fields)
		a.Fault = d.fault(p, &a)
		return a
	}
	switch {
	case op == nil:
		a.Raw = true
	case len(body) == 0:
		a.Raw = len(op.Gives) > 0
	case len(op.Gives) > 0:
		fields := append(d.Fields(op.Gives, version), d.Fields(op.Challenge.Gives, version)...)
		a.read(body, op.Within, fields)
	case len(op.Tells) > 0:
		a.read(body, op.Within, d.Fields(op.Tells, version))
		a.Left = nil // the rest of a collection is content, not news
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

// DecodeHeader understands what an answer says beside its body.
func (d *Dialect) DecodeHeader(header http.Header) Values {
	out := Values{}
	if name := d.Antiforgery.Cookie; name != "" {
		for _, c := range (&http.Response{Header: header}).Cookies() {
			if c.Name == name && c.Value != "" {
				out[AntiforgeryToken] = c.Value
			}
		}
	}
	return out
}

func (a *Answer) read(body []byte, within Within, fields []Field) {
	members, beside, err := within.open(body)
	if err != nil {
		a.Raw = true
		return
	}
	a.Left = append(a.Left, beside...)
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

// open splits the object that stands within a body into its members. Members
// around it are beside.
func (w Within) open(body []byte) (members, beside Pairs, err error) {
	if len(w) == 0 {
		members, err = object(body)
		return members, nil, err
	}
	if w[0] == "[]" {
		var elements []json.RawMessage
		if err := json.Unmarshal(body, &elements); err != nil || len(elements) == 0 {
			return nil, nil, errNotObject
		}
		for i, e := range elements[1:] {
			beside = append(beside, Pair{strconv.Itoa(i + 1), string(e)})
		}
		members, more, err := w[1:].open(elements[0])
		return members, append(beside, more...), err
	}
	around, err := object(body)
	if err != nil {
		return nil, nil, err
	}
	found := false
	for _, m := range around {
		if found || m.Name != w[0] {
			beside = append(beside, m)
			continue
		}
		found = true
		inner, more, err := w[1:].open([]byte(m.Value))
		if err != nil {
			return nil, nil, err
		}
		members, beside = inner, append(beside, more...)
	}
	if !found {
		return nil, nil, errNotObject
	}
	return members, beside, nil
}

// wrap puts an object where it stands.
func (w Within) wrap(object string) string {
	for i := len(w) - 1; i >= 0; i-- {
		if w[i] == "[]" {
			object = "[" + object + "]"
		} else {
			object = "{" + quote(w[i]) + ":" + object + "}"
		}
	}
	return object
}

// errorFields gathers every field that a refusal with this status may have, of
// those refusals that stand where the body has an object.
func (d *Dialect) errorFields(p Purpose, status int, body []byte) (within Within, out []Field) {
	for _, any := range []bool{false, true} {
		for i := range d.Refusals {
			r := &d.Refusals[i]
			if !any && (r.Status != status || r.On != "" && r.On != p) || len(r.Shape) == 0 {
				continue
			}
			// The deepest place that fits: a flat reading fits every object.
			if _, _, err := r.Within.open(body); err != nil || out != nil && len(r.Within) < len(within) {
				continue
			}
			if len(r.Within) > len(within) {
				out = nil
			}
			within, out = r.Within, append(out, r.Shape...)
		}
		if out != nil {
			break
		}
	}
	return within, out
}

// fault finds the refusal that an answer looks most like: all that the refusal
// says is said, word for word; failing that, its code alone; failing that, the
// status, if only one refusal of this purpose has it; failing that, what HTTP
// itself says of the status.
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
	case faults == 0:
		for f, l := range laters {
			if l.status == a.Status {
				return f
			}
		}
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

// fill puts values in the place of a body's placeholders.
func fill(body string, values Values, now time.Time) string {
	return placeholder.ReplaceAllStringFunc(body, func(hole string) string {
		term := hole[len("${") : len(hole)-len("}")]
		if term == "now" {
			return now.UTC().Format("2006-01-02T15:04:05.0000000Z")
		}
		text := quote(values[Term(term)])
		return text[1 : len(text)-1]
	})
}

var placeholder = regexp.MustCompile(`\$\{[a-z_]+\}`)

// Reply is an answer in the product's words.
type Reply struct {
	Status int
	Header Pairs
	Body   string // empty for an answer without a body
}

// EncodeAnswer words a success. Values that the product does not say in this
// version are dropped. now fills the placeholder of fixed bodies.
func (d *Dialect) EncodeAnswer(op *Operation, version string, values Values, now time.Time) (*Reply, error) {
	r := &Reply{Status: d.Status(op, version), Header: slices.Clone(d.Headers)}
	gives := op.Gives
	if values[MFAToken] != "" && values[AccessToken] == "" {
		if op.Challenge.Status != 0 {
			r.Status = op.Challenge.Status
		}
		if op.Challenge.Gives != nil {
			gives = op.Challenge.Gives
		}
	}
	switch {
	case len(gives) > 0:
		body, err := writeObject(d.Fields(gives, version), values)
		if err != nil {
			return nil, err
		}
		r.Body = op.Within.wrap(body)
	default:
		r.Body = fill(d.Body(op, version), values, now)
	}
	if a := d.Antiforgery; values[AntiforgeryToken] != "" && d.Speaks(version, a.Since, "") {
		r.Header = append(r.Header, Pair{"Set-Cookie", a.Cookie + "=" + values[AntiforgeryToken] + "; path=/; secure; samesite=strict"})
	}
	if r.Body != "" {
		r.Header = append(r.Header, Pair{"Content-Type", "application/json; charset=utf-8"})
	}
	return r, nil
}

// EncodeRefusal words a refusal. values fill what depends on the call, such as
// its path; a refusal for now carries Retry-After; in a refusal's text ${versions} becomes the list of versions, and
// ${path} the path. A shape that repeats the status gets it.
func (d *Dialect) EncodeRefusal(f Fault, on Purpose, version string, values Values) (*Reply, error) {
	ref, ok := d.Refusal(f, on)
	if !ok {
		ref, ok = d.Later(f, on)
	}
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
		said[t] = strings.NewReplacer("${versions}", d.versionList(), "${path}", values[ErrorInstance]).Replace(v)
	}
	r := &Reply{Status: ref.Status, Header: append(slices.Clone(d.Headers), ref.Header...)}
	if _, ok := laters[f]; ok {
		after := ref.Says[RetryAfter]
		if after == "" {
			after = retryAfter
		}
		r.Header = append(r.Header, Pair{"Retry-After", after})
	}
	if len(ref.Shape) == 0 {
		return r, nil
	}
	body, err := writeObject(d.Fields(ref.Shape, version), said)
	if err != nil {
		return nil, err
	}
	media := ref.Type
	if media == "" {
		media = "application/json"
	}
	r.Header = append(r.Header, Pair{"Content-Type", media + "; charset=utf-8"})
	r.Body = ref.Within.wrap(body)
	return r, nil
}

// retryAfter is in seconds, where no document names another: a script that
// obeys it waits, and nobody has to wait long.
const retryAfter = "5"

// laters are the answers of RFC 6585, 4 and RFC 9110, 15.6.4.
var laters = map[Fault]struct {
	status int
	text   string
}{
	TooManyRequests: {http.StatusTooManyRequests, "Too many requests. Try again later."},
	Unavailable:     {http.StatusServiceUnavailable, "The service is not available. Try again later."},
}

// Later words a fault that asks for another try, where the product documents
// no answer: in the form of its server error.
func (d *Dialect) Later(f Fault, on Purpose) (*Refusal, bool) {
	l, ok := laters[f]
	model, has := d.Refusal(ServerFault, on)
	if !ok || !has {
		return nil, false
	}
	r := *model
	r.Fault, r.Status, r.Basis = f, l.status, Choice
	r.Reason = "No document shows one. The form is that of a server error."
	r.Says = Values{}
	for t, text := range model.Says {
		switch t {
		case ErrorTitle:
			text = http.StatusText(l.status)
		case ErrorDetail:
			text = l.text
		case ErrorType:
			if strings.Contains(text, "://") { // names the status of the other
				text = "about:blank"
			}
		}
		r.Says[t] = text
	}
	return &r, true
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
