package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tokenplayground/openapi/shape"
	"tokenplayground/web/dialect"
)

// server stands for the address of the product in a document that is kept.
const server = "SERVER"

// products keeps documents by description and version.
var products sync.Map // of productKey to []byte

type productKey struct {
	d       *dialect.Dialect
	version string
}

// Product is the OpenAPI 3.0 document of one product in one version, as the
// sandbox plays it; an empty version is the product's default. at is the
// address that the paths stand behind: a URL, or an absolute path on the host
// that serves the document. The error says that the version is unknown.
func Product(d *dialect.Dialect, version, at string) ([]byte, error) {
	v, ok := d.Version(version)
	if !ok {
		return nil, fmt.Errorf("%s has no version %.40q", d.Name, version)
	}
	address, err := json.Marshal(at)
	if err != nil {
		return nil, err
	}
	key := productKey{d, v.ID}
	kept, ok := products.Load(key)
	if !ok {
		doc, err := describe(d, v)
		if err != nil {
			return nil, fmt.Errorf("describing %s %s: %w", d.ID, v.ID, err)
		}
		kept, _ = products.LoadOrStore(key, doc)
	}
	return bytes.Replace(kept.([]byte), []byte(`"url": "`+server+`"`), append([]byte(`"url": `), address...), 1), nil
}

// document is an OpenAPI 3.0 document, as far as it is used here.
type document struct {
	OpenAPI    string     `json:"openapi"`
	Info       info       `json:"info"`
	Servers    []host     `json:"servers"`
	Tags       []tag      `json:"tags"`
	Security   []object   `json:"security"`
	Paths      object     `json:"paths"`
	Components components `json:"components"`
}

type info struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

type host struct {
	URL         string `json:"url"`
	Description string `json:"description"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type components struct {
	Schemas         object `json:"schemas"`
	Headers         object `json:"headers"`
	SecuritySchemes object `json:"securitySchemes"`
}

type operation struct {
	Tags        []string  `json:"tags"`
	Summary     string    `json:"summary"`
	Description string    `json:"description,omitempty"`
	ID          string    `json:"operationId"`
	Security    *[]object `json:"security,omitempty"`
	Parameters  []param   `json:"parameters,omitempty"`
	Body        *body     `json:"requestBody,omitempty"`
	Responses   object    `json:"responses"`
}

type param struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description"`
	Required    bool    `json:"required,omitempty"`
	Schema      *schema `json:"schema"`
}

type body struct {
	Required bool   `json:"required"`
	Content  object `json:"content"`
}

type media struct {
	Schema   *schema `json:"schema"`
	Examples object  `json:"examples,omitempty"`
}

type example struct {
	Summary string `json:"summary,omitempty"`
	Value   any    `json:"value"`
}

type response struct {
	Description string `json:"description"`
	Headers     object `json:"headers,omitempty"`
	Content     object `json:"content,omitempty"`
}

type header struct {
	Description string  `json:"description"`
	Required    bool    `json:"required,omitempty"`
	Schema      *schema `json:"schema"`
}

type schema struct {
	Ref         string   `json:"$ref,omitempty"`
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type,omitempty"`
	Format      string   `json:"format,omitempty"`
	Nullable    bool     `json:"nullable,omitempty"`
	Enum        []string `json:"enum,omitempty"`
	Default     any      `json:"default,omitempty"`
	Example     any      `json:"example,omitempty"`
	Required    []string `json:"required,omitempty"`
	Properties  object   `json:"properties,omitempty"`
	Items       *schema  `json:"items,omitempty"`
}

// object is a JSON object whose members keep their order.
type object []entry

type entry struct {
	name  string
	value any
}

func (o *object) set(name string, value any) { *o = append(*o, entry{name, value}) }

func (o object) get(name string) (value any, ok bool) {
	i := slices.IndexFunc(o, func(e entry) bool { return e.name == name })
	if i < 0 {
		return nil, false
	}
	return o[i].value, true
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(e.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(e.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// writer makes the document of one product in one version.
type writer struct {
	d       *dialect.Dialect
	version dialect.Version
	ids     map[string]bool
	headers object
	schemas object
}

func describe(d *dialect.Dialect, v dialect.Version) ([]byte, error) {
	p, err := shape.Of(d, v.ID)
	if err != nil {
		return nil, err
	}
	w := &writer{d: d, version: v, ids: map[string]bool{}}
	w.headers.set("X-Sandbox", header{"Names the sandbox. The product's own answers have no such header.", true, &schema{Type: "string", Example: "Token Playground"}})
	doc := document{
		OpenAPI: "3.0.3",
		Info: info{Title: d.Title, Version: v.ID, Description: d.About + "\n\nThis is what the sandbox of Token Playground answers, in version " + v.ID + " (" + v.Note + "). " +
			"It is an independent project and not affiliated with Veeam. Sign in as `administrator` with the password `Password1`."},
		Servers: []host{{server, "The sandbox"}},
	}
	for _, c := range p.Calls {
		op, err := w.operation(c)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.Op.Method, c.Path, err)
		}
		path := strings.ReplaceAll(c.Path, "{version}", v.ID)
		item, ok := doc.Paths.get(path)
		if !ok {
			item = &object{}
			doc.Paths.set(path, item)
		}
		item.(*object).set(strings.ToLower(c.Op.Method), op)
		if !slices.ContainsFunc(doc.Tags, func(t tag) bool { return t.Name == c.Op.Group }) {
			doc.Tags = append(doc.Tags, w.tag(c.Op.Group))
		}
	}
	for _, s := range p.Types {
		w.schemas.set(s.Name, w.definition(s))
	}
	doc.Components = components{w.schemas, w.headers, w.schemes()}
	doc.Security = w.security()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(doc)
	return out.Bytes(), err
}

func (w *writer) tag(group string) tag {
	for _, g := range w.d.Groups {
		if g.Name == group {
			return tag{g.Name, g.About}
		}
	}
	return tag{group, ""}
}

const antiforgery = "Antiforgery"

// guarded says that a cookie guards the pair in this version.
func (w *writer) guarded() bool {
	a := w.d.Antiforgery
	return a.Cookie != "" && w.d.Speaks(w.version.ID, a.Since, "")
}

func (w *writer) scheme() string { return cmp.Or(w.d.Authorize.Scheme, "Bearer") }

// schemes are what the dialog named Authorize asks for.
func (w *writer) schemes() object {
	var out object
	token := securityScheme{Type: "http", Scheme: "bearer", Description: "An access token."}
	if w.d.TypesWord(w.version.ID) {
		token = securityScheme{Type: "apiKey", In: "header", Name: "Authorization", Description: "An access token, after the word Bearer and a space."}
	} else if w.d.Access.Opaque == 0 {
		token.Format = "JWT"
	}
	out.set(w.scheme(), token)
	if w.guarded() {
		out.set(antiforgery, securityScheme{Type: "apiKey", In: "cookie", Name: w.d.Antiforgery.Cookie, Description: dialect.AntiforgeryToken.Meaning()})
	}
	return out
}

type securityScheme struct {
	Type        string `json:"type"`
	Description string `json:"description"`
	Scheme      string `json:"scheme,omitempty"`
	Format      string `json:"bearerFormat,omitempty"`
	In          string `json:"in,omitempty"`
	Name        string `json:"name,omitempty"`
}

// security is what a protected call carries: the token, and beside it the
// cookie if the product has given one.
func (w *writer) security() []object {
	out := []object{{{w.scheme(), []string{}}}}
	if w.guarded() {
		out = append(out, object{{w.scheme(), []string{}}, {antiforgery, []string{}}})
	}
	return out
}

// id is a good name for a method.
func (w *writer) id(op *dialect.Operation, path string) string {
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "set", http.MethodDelete: "delete", http.MethodPatch: "change"}[op.Method]
	name := verb + camel(shape.LastWord(path))
	switch op.Purpose {
	case dialect.Obtain:
		name = "createToken"
	case dialect.Logout:
		name = "logout"
	}
	return shape.Unique(w.ids, name)
}

// camel joins words with capitals.
func camel(text string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z') }) {
		b.WriteString(shape.Upper(word))
	}
	return b.String()
}

func (w *writer) operation(c *shape.Call) (*operation, error) {
	op := c.Op
	out := &operation{Tags: []string{op.Group}, Summary: op.Summary, Description: op.Help, ID: w.id(op, c.Path), Parameters: w.parameters(c)}
	if op.Anonymous {
		out.Security = &[]object{}
	}
	if op.HasBody() {
		b, err := w.body(op)
		if err != nil {
			return nil, err
		}
		out.Body = b
	}
	for _, a := range c.Answers {
		r := response{Description: a.About, Headers: w.answerHeaders(op, a)}
		if a.Body != nil {
			for _, m := range a.Media {
				examples, err := w.examples(op, c.Path, a, m)
				if err != nil {
					return nil, err
				}
				r.Content.set(m, media{w.schema(a.Body), examples})
			}
		}
		out.Responses.set(strconv.Itoa(a.Status), r)
	}
	return out, nil
}

// parameters are those of the path and the headers.
func (w *writer) parameters(c *shape.Call) []param {
	var out []param
	for segment := range strings.SplitSeq(c.Path, "/") {
		name, ok := strings.CutPrefix(segment, "{")
		name = strings.TrimSuffix(name, "}")
		if !ok || name == "version" {
			continue
		}
		p := param{Name: name, In: "path", Required: true, Description: "Any; the sandbox answers the same for all.", Schema: &schema{Type: "string", Example: "1"}}
		for _, f := range c.Op.Takes {
			if f.Wire == name {
				p.Description, p.Schema = f.Term.Meaning(), &schema{Type: f.As.Type, Format: f.As.Format}
			}
		}
		out = append(out, p)
	}
	if h := w.d.Versions.Header; h != "" {
		out = append(out, param{Name: h, In: "header", Required: !w.d.Versions.Optional, Description: w.others(),
			Schema: &schema{Type: "string", Enum: []string{w.version.ID}, Default: w.version.ID}})
	}
	if w.guarded() && !c.Op.Anonymous {
		out = append(out, param{Name: w.d.Antiforgery.Header, In: "header", Description: "Repeats the antiforgery cookie.", Schema: &schema{Type: "string"}})
	}
	return out
}

// others says which versions have documents of their own.
func (w *writer) others() string {
	var ids []string
	for _, v := range w.d.Versions.All {
		if v.ID != w.version.ID {
			ids = append(ids, v.ID)
		}
	}
	text := "The version of the API that this document describes."
	if len(ids) > 0 {
		text += " Others are " + strings.Join(ids, ", ") + ": add ?version= and one of them to the address of this document."
	}
	return text
}

// fieldsOf lists the fields of a call's body in this version, each wire name
// once, with the grants that take it.
func (w *writer) fieldsOf(op *dialect.Operation) (fields []dialect.Field, grants map[string][]*dialect.Grant) {
	grants = map[string][]*dialect.Grant{}
	if op.Purpose != dialect.Obtain {
		return w.d.Fields(op.Takes, w.version.ID), grants
	}
	for _, g := range w.grants(op) {
		for _, f := range w.d.Fields(g.Takes, w.version.ID) {
			if grants[f.Wire] == nil {
				fields = append(fields, f)
			}
			grants[f.Wire] = append(grants[f.Wire], g)
		}
	}
	return fields, grants
}

func (w *writer) grants(op *dialect.Operation) []*dialect.Grant {
	var out []*dialect.Grant
	for i := range op.Grants {
		if g := &op.Grants[i]; w.d.Speaks(w.version.ID, g.Since, g.Until) {
			out = append(out, g)
		}
	}
	return out
}

// account is somebody who can sign in to the sandbox.
var account = dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"}

// body is the form of a call. That of the token call is one object for all
// grants: hardly any generator of clients copes with a form that is one of
// several.
func (w *writer) body(op *dialect.Operation) (*body, error) {
	s := &schema{Type: "object"}
	fields, takers := w.fieldsOf(op)
	all := w.grants(op)
	var examples object
	if op.Purpose == dialect.Obtain {
		f := op.GrantField
		p := &schema{Type: "string", Description: f.Help}
		for _, g := range all {
			p.Enum = append(p.Enum, g.Wire)
			value, err := w.filled(op, g)
			if err != nil {
				return nil, err
			}
			examples.set(camel(g.Wire), example{g.Label(), value})
		}
		if f.Default != "" && f.Required {
			p.Default = f.Default
		}
		p.Example = all[0].Wire // Swagger UI begins with it
		s.Properties.set(f.Wire, p)
		if f.Required {
			s.Required = append(s.Required, f.Wire)
		}
	}
	for _, f := range fields {
		// A token need not be named where something else can be.
		required := len(takers[f.Wire]) == len(all) && (f.Required || f.Term == dialect.AccessToken && len(fields) == 1)
		p := &schema{Type: f.As.Type, Format: f.As.Format, Description: cmp.Or(f.Help, f.Term.Meaning())}
		if op.Purpose == dialect.Obtain {
			p.Description = w.who(f, takers[f.Wire], all) + " " + f.Help
			required = required && !slices.ContainsFunc(all, func(g *dialect.Grant) bool {
				return !slices.ContainsFunc(g.Takes, func(o dialect.Field) bool { return o.Wire == f.Wire && o.Required })
			})
		}
		if f.Term == dialect.Password || f.Term == dialect.ClientSecret {
			p.Format = "password"
		}
		if v := account[f.Term]; v != "" {
			p.Example = v
		}
		if f.Default != "" {
			// As prose: openapi-typescript takes a field with a default for one
			// that is always there, and demands it.
			p.Description += " Left out, it is " + f.Default + "."
		}
		if p.Type == "string" && p.Format == "" && p.Example == nil {
			p.Example = "" // where Swagger UI would send the word string
		}
		s.Properties.set(f.Wire, p)
		if required {
			s.Required = append(s.Required, f.Wire)
		}
	}
	if f := w.d.Versions.Field; op.Purpose == dialect.Obtain && f.Wire != "" {
		p := &schema{Type: "string", Description: f.Help + " " + w.others(), Enum: []string{w.version.ID}, Example: w.version.ID}
		s.Properties.set(f.Wire, p)
		if w.version.ID != w.d.Versions.Default {
			// Without it the answer is that of another version.
			p.Default, s.Required = w.version.ID, append(s.Required, f.Wire)
		}
	}
	name := shape.Upper(camel(string(op.Purpose))) + "Request"
	if _, ok := w.schemas.get(name); !ok { // another path of the same call
		w.schemas.set(name, s)
	}
	out := &body{Required: true}
	for _, e := range op.Accepts() {
		out.Content.set(string(e), media{&schema{Ref: "#/components/schemas/" + name}, examples})
	}
	return out, nil
}

// who says which grants take a field.
func (w *writer) who(f dialect.Field, takers, all []*dialect.Grant) string {
	if len(takers) == len(all) {
		return "With any grant."
	}
	var names []string
	for _, g := range takers {
		names = append(names, g.Wire)
	}
	text := "With " + strings.Join(names, ", ")
	if f.Required {
		text += ", required"
	}
	return text + "."
}

// filled is the body of a grant as an example.
func (w *writer) filled(op *dialect.Operation, g *dialect.Grant) (object, error) {
	out := object{{op.GrantField.Wire, g.Wire}}
	for _, f := range w.d.Fields(g.Takes, w.version.ID) {
		if !f.Required {
			continue
		}
		text := cmp.Or(account[f.Term], "…")
		if f.As == dialect.UUID {
			text = sampleID
		}
		out.set(f.Wire, text)
	}
	if f := w.d.Versions.Field; f.Wire != "" {
		out.set(f.Wire, w.version.ID)
	}
	return out, nil
}

// answerHeaders are what an answer carries beside its body.
func (w *writer) answerHeaders(op *dialect.Operation, a *shape.Answer) object {
	out := object{{"X-Sandbox", schema{Ref: "#/components/headers/X-Sandbox"}}}
	if a.Status == http.StatusRequestEntityTooLarge {
		return out
	}
	add := func(p dialect.Pair, always bool) {
		if _, ok := out.get(p.Name); ok {
			return
		}
		out.set(p.Name, header{Description: "As the product sends it.", Required: always, Schema: &schema{Type: "string", Example: p.Value}})
	}
	for _, p := range w.d.Headers {
		add(p, true)
	}
	for _, fault := range a.Faults {
		if r, ok := w.d.Refusal(fault, op.Purpose); ok {
			for _, p := range r.Header {
				add(p, false)
			}
		}
	}
	if op.Purpose == dialect.Obtain && a.Faults == nil && w.guarded() {
		out.set("Set-Cookie", header{Description: dialect.AntiforgeryToken.Meaning(), Schema: &schema{Type: "string", Example: w.d.Antiforgery.Cookie + "=…; path=/; secure; samesite=strict"}})
	}
	return out
}

const sampleID = "7b9e0b7e-0c5e-4d2a-9d5a-3f1f2d6c8a10"

// examples are whole bodies of an answer with one media type, worded as the
// sandbox words them.
func (w *writer) examples(op *dialect.Operation, path string, a *shape.Answer, media string) (object, error) {
	var out object
	add := func(name, summary string, r *dialect.Reply) {
		if t, _ := r.Header.Get("Content-Type"); !strings.HasPrefix(t, media+";") {
			return
		}
		for _, e := range out {
			if string(e.value.(example).Value.(json.RawMessage)) == r.Body {
				return
			}
		}
		out.set(name, example{summary, json.RawMessage(r.Body)})
	}
	for _, fault := range a.Faults {
		r, err := w.d.EncodeRefusal(fault, op.Purpose, w.version.ID, dialect.Values{
			dialect.ErrorInstance: strings.ReplaceAll(path, "{version}", w.version.ID), dialect.ErrorTrace: "00-" + strings.Repeat("0", 31) + "1-" + strings.Repeat("0", 15) + "1-00"})
		if err != nil {
			return nil, err
		}
		add(string(fault), strings.ReplaceAll(string(fault), "_", " "), r)
	}
	if a.Faults != nil {
		return out, nil
	}
	now, err := time.Parse(time.RFC3339Nano, shape.Moment)
	if err != nil {
		return nil, err
	}
	said := dialect.Values{}
	for _, f := range slices.Concat(op.Gives, op.Tells, op.Challenge.Gives) {
		said[f.Term] = w.sample(f)
	}
	half := dialect.Values{dialect.MFAToken: said[dialect.MFAToken]}
	for _, missing := range []dialect.Term{dialect.MFAToken, dialect.EncryptedCode, dialect.RedirectTo} {
		delete(said, missing)
	}
	if op.Challenge.Status == a.Status {
		said = half
	}
	r, err := w.d.EncodeAnswer(op, w.version.ID, said, now)
	if err != nil {
		return nil, err
	}
	add("done", op.Summary, r)
	return out, nil
}

// sample is any value of a field.
func (w *writer) sample(f dialect.Field) string {
	switch {
	case f.Term == dialect.ExpiresIn:
		return strconv.Itoa(int(cmp.Or(w.d.Lifetimes.Reported, w.d.Lifetimes.Access) / time.Second))
	case f.Term == dialect.TokenType:
		return "bearer"
	case f.Term == dialect.Username, f.Term == dialect.Account:
		return account[dialect.Username]
	case f.Term == dialect.Role:
		admin, _ := w.d.Roles(w.version.ID)
		return admin
	case f.Term == dialect.UserID:
		return sampleID
	case f.As.Format == "date-time":
		return shape.Moment
	case f.As.Type == "boolean":
		return "false"
	case f.As.Type == "integer":
		return "0"
	}
	return "…"
}

// schema refers to an object by its name, and writes out everything else. An
// object that may be null is written out too: OpenAPI 3.0 allows nothing
// beside a reference.
func (w *writer) schema(s *shape.Shape) *schema {
	switch {
	case s == nil:
		return &schema{Type: "string"} // of an array that was never seen filled
	case s.Kind == "object" && !s.Nullable:
		return &schema{Ref: "#/components/schemas/" + s.Name}
	case s.Kind == "object":
		return w.definition(s)
	case s.Kind == "array":
		return &schema{Type: "array", Items: w.schema(s.Item), Nullable: s.Nullable}
	}
	return &schema{Type: cmp.Or(s.Kind, "string"), Format: s.Format, Nullable: s.Nullable, Enum: s.Enum}
}

func (w *writer) definition(s *shape.Shape) *schema {
	out := &schema{Type: "object", Nullable: s.Nullable, Description: shape.Upper(strings.TrimPrefix(s.About, "is "))}
	for _, m := range s.Members {
		p := w.schema(m.Shape)
		if p.Ref == "" {
			p.Description = cmp.Or(m.About, p.Description)
		}
		out.Properties.set(m.Name, p)
		if !m.Optional {
			out.Required = append(out.Required, m.Name)
		}
	}
	return out
}
