package dialect

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Call is what somebody wants from a product, in meanings.
type Call struct {
	Purpose Purpose
	Version string // empty for the default
	Kind    Kind   // of grant, for Obtain
	Values  Values
	Bearer  string // the access token, if the call carries one
	// Encoding of the body; empty for the first of the operation's.
	Encoding Encoding
	// Operation is the one that is called; nil for the one of Purpose. First
	// calls share theirs.
	Operation *Operation
	// Segments fill those {names} of the path that stand for no term.
	Segments map[string]string
}

// Request is a call in the product's words, ready to be sent to any host.
type Request struct {
	Method string
	Path   string // with the query, if there is one
	Header Pairs  // in the order of the vendor's examples
	Body   string
}

// Mismatch is the error for a call or a request that the product would refuse
// before it looks at any credentials.
type Mismatch struct {
	Fault Fault
	// Name of what is at fault: a field, a grant, a version, a method, a path.
	Name string
}

func (e *Mismatch) Error() string { return fmt.Sprintf("%s: %.40q", e.Fault, e.Name) }

// Encode words a call. The error is a [*Mismatch] with [MissingField],
// [UnknownGrant], [UnsupportedVersion], or [NotFound] for a call that the
// version lacks; then nothing should be sent.
func (d *Dialect) Encode(c Call) (*Request, error) {
	if _, ok := d.Version(c.Version); !ok {
		return nil, &Mismatch{UnsupportedVersion, c.Version}
	}
	op := c.Operation
	if op == nil {
		op = d.Operation(c.Purpose)
	}
	if op == nil {
		return nil, &Mismatch{NotFound, string(c.Purpose)}
	}
	r := &Request{Method: op.Method, Path: d.Path(op, c.Version)}
	if !d.Speaks(c.Version, op.Since, op.Until) {
		return nil, &Mismatch{NotFound, r.Path}
	}
	r.Header = append(r.Header, Pair{"Accept", "application/json"})
	if h := d.Versions.Header; h != "" && (c.Version != "" || !d.Versions.Optional) {
		v, _ := d.Version(c.Version)
		r.Header = append(r.Header, Pair{h, v.ID})
	}
	if !op.Anonymous {
		r.Header = append(r.Header, Pair{"Authorization", "Bearer " + c.Bearer})
	}
	if a, v := d.Antiforgery, c.Values[AntiforgeryToken]; a.Cookie != "" && v != "" && d.Speaks(c.Version, a.Since, "") {
		r.Header = append(r.Header, Pair{"Cookie", a.Cookie + "=" + v}, Pair{a.Header, v})
	}
	takes := op.Takes
	var sent []sentField
	if c.Purpose == Obtain {
		grant, ok := d.Grant(c.Kind)
		if !ok || !d.Speaks(c.Version, grant.Since, grant.Until) {
			return nil, &Mismatch{UnknownGrant, string(c.Kind)}
		}
		takes, sent = grant.Takes, append(sent, sentField{op.GrantField, grant.Wire})
	}
	body := c.Purpose == Obtain
	for _, f := range d.Fields(takes, c.Version) {
		v := c.Values[f.Term]
		if v == "" && f.Term == AccessToken && c.Values[UserSID] == "" {
			v = c.Bearer
		}
		hole := "{" + f.Wire + "}"
		inPath := strings.Contains(r.Path, hole)
		body = body || !inPath
		switch {
		case v == "" && f.Required:
			return nil, &Mismatch{MissingField, f.Wire}
		case inPath:
			r.Path = strings.ReplaceAll(r.Path, hole, url.PathEscape(v))
		case v != "":
			sent = append(sent, sentField{f, v})
		}
	}
	for name, v := range c.Segments {
		r.Path = strings.ReplaceAll(r.Path, "{"+name+"}", url.PathEscape(v))
	}
	if f := d.Versions.Field; c.Purpose == Obtain && f.Wire != "" && c.Version != "" && !strings.EqualFold(c.Version, d.Versions.Default) {
		sent = append(sent, sentField{f, c.Version})
	}
	if body {
		e := c.Encoding
		if e == "" {
			e = op.Accepts()[0]
		}
		var media string
		media, r.Body = writeBody(e, sent)
		r.Header = append(r.Header, Pair{"Content-Type", media})
	}
	return r, nil
}

// Reading says how patient [Dialect.ReadCall] is.
type Reading struct {
	// Strict accepts only what the documents print: exact case, the version
	// header present, the right media type. Otherwise a request is read as
	// patiently as the most careless public client needs.
	Strict bool
}

// Match finds the operation for a method and path, in any case of letters, and
// the version that the path names, which is there with an error, too. The error
// is a [*Mismatch] with [NotFound] or [BadMethod].
func (d *Dialect) Match(method, path string) (op *Operation, version string, err error) {
	path = strings.TrimSuffix(path, "/")
	var other bool
	var said string
	for i := range d.Operations {
		o := &d.Operations[i]
		for j := -1; j < len(o.Also); j++ {
			pattern := o.Path
			if j >= 0 {
				pattern = o.Also[j]
			}
			v, ok := d.matchPath(pattern, path)
			said = cmp.Or(v, said)
			// A version in a header is not known yet: ReadCall looks.
			if !ok || (v != "" || d.Versions.Header == "") && !d.Speaks(v, o.Since, o.Until) {
				continue
			}
			if o.Method == method {
				return o, v, nil
			}
			other = true
		}
	}
	if other {
		return nil, said, &Mismatch{BadMethod, method}
	}
	return nil, said, &Mismatch{NotFound, path}
}

// matchPath holds a path to a pattern. The version is the one that the path
// names where the pattern has one, even if the rest does not fit.
func (d *Dialect) matchPath(pattern, path string) (version string, ok bool) {
	for {
		want, moreWant, w := strings.Cut(pattern, "/")
		got, moreGot, g := strings.Cut(path, "/")
		switch {
		case want == "{version}":
			v, known := d.Version(got)
			if !known || got == "" {
				return "", false
			}
			version = v.ID
		case strings.HasPrefix(want, "{"):
			if got == "" {
				return version, false
			}
		case !strings.EqualFold(want, got):
			return version, false
		}
		if w != g {
			return version, false
		}
		if !w {
			return version, true
		}
		pattern, path = moreWant, moreGot
	}
}

// ReadPath returns what a path says of an operation that [Dialect.Match] found
// for it.
func (d *Dialect) ReadPath(op *Operation, path string) Values {
	out := Values{}
	got := strings.Split(path, "/")
	for _, pattern := range append([]string{op.Path}, op.Also...) {
		if _, ok := d.matchPath(pattern, strings.TrimSuffix(path, "/")); !ok {
			continue
		}
		for i, want := range strings.Split(pattern, "/") {
			for _, f := range op.Takes {
				if want == "{"+f.Wire+"}" {
					out[f.Term] = got[i]
				}
			}
		}
		break
	}
	return out
}

// ReadCall understands a client's request for an operation that
// [Dialect.Match] found; pathVersion is the version that it returned. The
// error is a [*Mismatch].
func (d *Dialect) ReadCall(op *Operation, pathVersion string, header http.Header, body []byte, how Reading) (Call, error) {
	c := Call{Purpose: op.Purpose, Version: pathVersion, Values: Values{}}
	if h := d.Versions.Header; h != "" {
		id := strings.TrimSpace(header.Get(h))
		v, ok := d.Version(id)
		switch {
		case id == "" && d.Versions.Optional:
		case id == "" && how.Strict:
			return c, &Mismatch{MissingVersion, h}
		case !ok && d.Versions.Optional && !how.Strict:
			v, _ = d.Version("")
		case !ok || how.Strict && v.ID != id:
			return c, &Mismatch{UnsupportedVersion, id}
		}
		if id != "" || !d.Versions.Optional {
			c.Version = v.ID
		}
		if (id != "" || how.Strict) && !d.Speaks(c.Version, op.Since, op.Until) {
			return c, &Mismatch{NotFound, op.Path}
		}
	}
	if name := d.Antiforgery.Cookie; name != "" {
		if cookie, err := (&http.Request{Header: header}).Cookie(name); err == nil {
			c.Values[AntiforgeryToken] = cookie.Value
		}
	}
	// The token call ignores the header: libraries send Basic, an empty bearer
	// or the old token with it.
	if op.Purpose != Obtain {
		scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
		if strings.EqualFold(scheme, "bearer") {
			c.Bearer = strings.TrimSpace(token)
		}
	}
	form, err := c.readBody(op, header, body, how)
	if err != nil {
		return c, err
	}
	if op.Purpose != Obtain {
		for _, f := range op.Takes {
			if v, _ := form.Get(f.Wire); v != "" {
				c.Values[f.Term] = v
			}
		}
		return c, nil
	}
	if f := d.Versions.Field; f.Wire != "" {
		if id, ok := form.Get(f.Wire); ok && id != "" {
			v, known := d.Version(id)
			if !known {
				return c, &Mismatch{UnsupportedVersion, id}
			}
			c.Version = v.ID
		}
	}
	return d.readGrant(op, c, form, how)
}

// ReadForm understands a form whose fields carry the product's wire names,
// whoever filled it in: a person on the page or a client of the sandbox. The
// grant may be missing where the product does not require it. The error is a
// [*Mismatch] with [UnknownGrant] or [MissingField]; the call is filled in as
// far as it was understood.
func (d *Dialect) ReadForm(version string, form Pairs) (Call, error) {
	return d.readGrant(d.Operation(Obtain), Call{Purpose: Obtain, Version: version, Values: Values{}}, form, Reading{})
}

func (d *Dialect) readGrant(op *Operation, c Call, form Pairs, how Reading) (Call, error) {
	get := form.Get
	if how.Strict {
		get = form.getExact
	}
	wire, named := get(op.GrantField.Wire)
	grant, ok := d.GrantByWire(wire)
	if how.Strict && ok && (grant.Wire != wire || !d.Speaks(c.Version, grant.Since, grant.Until)) {
		ok = false
	}
	if !named || wire == "" {
		if op.GrantField.Required {
			return c, &Mismatch{MissingField, op.GrantField.Wire}
		}
		grant, ok = d.guessGrant(op, get)
	}
	if !ok {
		return c, &Mismatch{UnknownGrant, wire}
	}
	c.Kind = grant.Kind
	var missing error
	for _, f := range grant.Takes {
		// Clients send the fields of their version and often no version: the
		// call is read as the sum of all versions, unless strictly.
		spoken := d.Speaks(c.Version, f.Since, f.Until)
		if !spoken && how.Strict {
			continue
		}
		v, found := get(f.Wire)
		for _, also := range f.Also {
			if !found && !how.Strict {
				v, found = get(also)
			}
		}
		if v == "" {
			if f.Required && spoken && missing == nil {
				missing = &Mismatch{MissingField, f.Wire}
			}
			continue
		}
		c.Values[f.Term] = v
	}
	return c, missing
}

// guessGrant takes the grant whose required fields are all there, where a
// product does not insist on the grant field. The later grants are the more
// special ones: documented examples send a name and password beside the
// refresh token that they mean.
func (d *Dialect) guessGrant(op *Operation, get func(string) (string, bool)) (*Grant, bool) {
	for i := len(op.Grants) - 1; i > 0; i-- {
		complete := true
		for _, f := range op.Grants[i].Takes {
			v, _ := get(f.Wire)
			complete = complete && (v != "" || !f.Required)
		}
		if complete {
			return &op.Grants[i], true
		}
	}
	return &op.Grants[0], true
}

func (p Pairs) getExact(name string) (string, bool) {
	for _, kv := range p {
		if kv.Name == name {
			return kv.Value, true
		}
	}
	return "", false
}

// writeObject words values as a JSON object, in the order of the fields. A
// field without a value is left out.
func writeObject(fields []Field, values Values) (string, error) {
	var b strings.Builder
	b.WriteByte('{')
	for _, f := range fields {
		v := values[f.Term]
		if f.Fixed != "" {
			v = f.Fixed
		}
		if f.ReadOnly || v == "" && f.As != Null {
			continue
		}
		raw, err := f.As.Write(v)
		if err != nil {
			return "", fmt.Errorf("%s: %w", f.Wire, err)
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(quote(f.Wire))
		b.WriteByte(':')
		b.Write(raw)
	}
	b.WriteByte('}')
	return b.String(), nil
}
