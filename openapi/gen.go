//go:build ignore

// Gen writes the descriptions of the API:
//
//	sandbox_swag.go   comments for swag about what the sandbox plays, from the dialects
//	swagger.json      Swagger 2.0, by swag from those and the handlers' comments
//	openapi.json      OpenAPI 3.0, converted from the latter
//
// With -o the files go to another directory.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
)

func main() {
	out := flag.String("o", ".", "`directory` to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintf(os.Stderr, "gen: %v\n", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	var products []*product
	for _, d := range dialect.All() {
		p, err := describe(d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.ID, err)
		}
		products = append(products, p)
	}
	source, err := format.Source(write(products))
	if err != nil {
		return fmt.Errorf("the written comments are no Go: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sandbox_swag.go"), source, 0o644); err != nil {
		return err
	}
	raw, err := swag(source)
	if err != nil {
		return err
	}
	swagger, err := amend(raw, products)
	if err != nil {
		return fmt.Errorf("swagger.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "swagger.json"), swagger, 0o644); err != nil {
		return err
	}
	openapi, err := convert(swagger, products)
	if err != nil {
		return fmt.Errorf("openapi.json: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "openapi.json"), openapi, 0o644)
}

// swag makes a Swagger 2.0 document of the comments, those of the products
// from source instead of the file that may be there.
func swag(source []byte) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "openapi")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	products := filepath.Join(tmp, "products")
	if err := os.Mkdir(products, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(products, "sandbox_swag.go"), source, 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "tool", "swag", "init", "--quiet", "--parseGoList=false", "--requiredByDefault",
		"--generalInfo", "main.go", "--dir", "../cmd/playground,../handlers,.,"+products, "--exclude", "sandbox_swag.go", "--outputTypes", "json", "--output", tmp)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go tool swag: %w\n%s", err, log.String())
	}
	return os.ReadFile(filepath.Join(tmp, "swagger.json"))
}

// product is what one dialect adds to the description.
type product struct {
	d     *dialect.Dialect
	calls []*call
	// types are named objects, in the order in which they are written.
	types []*shape
	named map[string]bool
}

// tag groups the product's calls.
func (p *product) tag() string { return "Sandbox: " + p.d.Short }

// scheme names the product's kind of bearer token.
func (p *product) scheme() string { return p.d.ID + ".bearer" }

// call is one method on one path.
type call struct {
	p       *product
	op      *dialect.Operation
	id      string
	path    string // below the sandbox's prefix
	answers []*answer
}

func (c *call) route() string { return "/sandbox/" + c.p.d.ID + c.path }

// answer is what a call may answer with one status.
type answer struct {
	status int
	about  string
	media  []string
	body   *shape // nil for none
	sample any    // of the body; nil for none
}

// shape is a JSON value.
type shape struct {
	// kind is a JSON Schema type; empty where only null was seen.
	kind     string
	format   string
	nullable bool
	name     string // of an object's definition
	about    string
	members  []*member // of an object
	item     *shape    // of an array; nil if only empty ones were seen
}

type member struct {
	name     string
	about    string
	optional bool
	*shape
}

// describe turns a dialect into calls.
func describe(d *dialect.Dialect) (*product, error) {
	p := &product{d: d, named: map[string]bool{}}
	refusals, err := p.refusals()
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for i := range d.Operations {
		op := &d.Operations[i]
		good, err := p.successes(op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Method, op.Path, err)
		}
		for _, path := range append([]string{op.Path}, op.Also...) {
			c := &call{p: p, op: op, path: path, answers: slices.Clone(good)}
			c.id = d.ID + "." + unique(ids, callName(op))
			for _, status := range slices.Sorted(maps.Keys(refusals[class(op)])) {
				if r := refusals[class(op)][status].of(c); r != nil {
					c.answers = append(c.answers, r)
				}
			}
			if op.HasBody() {
				c.answers = append(c.answers, &answer{status: http.StatusRequestEntityTooLarge, about: "The body has more than 64 KB."})
			}
			slices.SortStableFunc(c.answers, func(a, b *answer) int { return cmp.Compare(a.status, b.status) })
			p.calls = append(p.calls, c)
		}
	}
	return p, nil
}

func unique(seen map[string]bool, name string) string {
	out := name
	for n := 2; seen[out]; n++ {
		out = name + strconv.Itoa(n)
	}
	seen[out] = true
	return out
}

func callName(op *dialect.Operation) string {
	if op.Purpose != dialect.FirstCall {
		return string(op.Purpose)
	}
	return lastWord(op.Path)
}

// lastWord is the last segment of a path that is not a parameter.
func lastWord(path string) string {
	segments := strings.Split(path, "/")
	for i := len(segments) - 1; i >= 0; i-- {
		if !strings.HasPrefix(segments[i], "{") {
			return segments[i]
		}
	}
	return "root"
}

// successes are the answers of a call that was not refused: in most versions,
// in those that say it with another status, and half way.
func (p *product) successes(op *dialect.Operation) ([]*answer, error) {
	good, err := p.success(op)
	if err != nil {
		return nil, err
	}
	out := []*answer{good}
	for _, older := range op.Older {
		if older.Status != 0 {
			other := *good
			other.status, other.about = older.Status, "Done, up to "+older.Until+". "+op.Summary+"."
			out = append(out, &other)
		}
	}
	if c := op.Challenge; c.Status != 0 {
		half := *op
		if c.Gives != nil {
			half.Gives = c.Gives
		}
		body, err := p.said(&half)
		if err != nil {
			return nil, err
		}
		for _, m := range body.members {
			m.optional = false
		}
		a := &answer{status: c.Status, about: "The token of a sign-in that is half done.", media: good.media, body: p.wrap(op.Within, body)}
		p.name(a.body, upper(lastWord(op.Path))+"Challenge")
		out = append(out, a)
	}
	return out, nil
}

// wrap puts an object where it stands.
func (p *product) wrap(within dialect.Within, s *shape) *shape {
	for i := len(within) - 1; i >= 0; i-- {
		if within[i] == "[]" {
			s = &shape{kind: "array", item: s}
		} else {
			s = &shape{kind: "object", members: []*member{{name: within[i], shape: s}}}
		}
	}
	return s
}

// success is the answer of a call that was not refused.
func (p *product) success(op *dialect.Operation) (*answer, error) {
	a := &answer{status: op.Status, about: cmp.Or(op.Reason, op.Summary+".")}
	if op.Basis == dialect.Choice {
		a.about = "The sandbox's choice. " + a.about
	}
	word := lastWord(op.Path)
	if op.Purpose == dialect.Obtain {
		a.about = "A new pair of tokens."
		if p.d.SecondFactor == dialect.Challenges {
			a.about = "A new pair of tokens, or the token of a sign-in that is half done."
		}
		if op.Challenge.Status != 0 {
			a.about = "A new pair of tokens."
		}
	}
	switch {
	case len(op.Gives) > 0:
		body, err := p.said(op)
		if err != nil {
			return nil, err
		}
		a.body = p.wrap(op.Within, body)
	case op.Body == "":
		a.about = "Done; there is no body. " + a.about
		return a, nil
	default:
		for _, older := range op.Older {
			if older.Body == "" {
				continue
			}
			s, _, err := observe(older.Body)
			if err != nil {
				return nil, err
			}
			a.body = merge(a.body, s)
		}
		s, sample, err := observe(op.Body)
		if err != nil {
			return nil, err
		}
		a.body, a.sample = merge(a.body, s), sample
	}
	a.media = []string{"application/json"}
	p.name(a.body, upper(word))
	return a, nil
}

// said is the object of an answer's fields, in all versions together.
func (p *product) said(op *dialect.Operation) (*shape, error) {
	out := &shape{kind: "object", about: "is what " + op.Method + " " + op.Path + " answers."}
	var names []string
	for _, f := range op.Gives {
		if !f.ReadOnly && !slices.Contains(names, f.Wire) {
			names = append(names, f.Wire)
		}
	}
	for _, name := range names {
		m := &member{name: name}
		for _, f := range op.Gives {
			if f.Wire != name || f.ReadOnly {
				continue
			}
			s, err := value(f)
			if err != nil {
				return nil, err
			}
			m.shape = merge(m.shape, s)
			m.about = f.Term.Meaning()
			m.optional = m.optional || p.sometimes(f.Term)
		}
		for _, v := range p.d.Versions.All {
			if !slices.ContainsFunc(p.d.Fields(op.Gives, v.ID), func(f dialect.Field) bool { return f.Wire == name && !f.ReadOnly }) {
				m.optional = true
			}
		}
		if since := onlySince(op.Gives, name); since != "" {
			m.about += " Since " + since + "."
		}
		out.members = append(out.members, m)
	}
	return out, nil
}

func onlySince(fields []dialect.Field, wire string) string {
	since := ""
	for _, f := range fields {
		if f.Wire == wire && f.Since == "" {
			return ""
		}
		if f.Wire == wire {
			since = f.Since
		}
	}
	return since
}

// sometimes says that not every answer has the meaning.
func (p *product) sometimes(t dialect.Term) bool {
	switch t {
	case dialect.MFAToken, dialect.RedirectTo, dialect.EncryptedCode:
		return true
	case dialect.AccessToken, dialect.RefreshToken, dialect.RefreshExpiresAt:
		half := p.d.SecondFactor == dialect.Challenges && p.d.Operation(dialect.Obtain).Challenge.Gives == nil
		return half || p.encrypts()
	case dialect.TokenType, dialect.ExpiresIn:
		return p.encrypts()
	}
	return false
}

// encrypts says that the token call may answer with an encrypted code alone.
func (p *product) encrypts() bool {
	_, ok := p.d.Grant(dialect.PublicKeyGrant)
	return ok
}

// moment is any time, to see how a codec writes it.
const moment = "2026-01-02T03:04:05.0067Z"

// value is the JSON of a field. A format is promised only if the codec keeps
// it: not every date has the zone that RFC 3339 asks for.
func value(f dialect.Field) (*shape, error) {
	s := &shape{kind: f.As.Type, format: f.As.Format, nullable: f.As == dialect.Null}
	if s.format != "date-time" {
		return s, nil
	}
	raw, err := f.As.Write(moment)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Wire, err)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Wire, err)
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		s.format = ""
	}
	return s, nil
}

// observe reads the shape of a JSON text.
func observe(body string) (*shape, any, error) {
	text := strings.ReplaceAll(body, "${now}", moment)
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	s, err := read(dec)
	if err != nil {
		return nil, nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("something follows the JSON of %.40q", body)
	}
	var sample any
	return s, sample, json.Unmarshal([]byte(text), &sample)
}

// read keeps the order of members, which a map would lose.
func read(dec *json.Decoder) (*shape, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case nil:
		return &shape{nullable: true}, nil
	case bool:
		return &shape{kind: "boolean"}, nil
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return &shape{kind: "number", format: "double"}, nil
		}
		return &shape{kind: "integer", format: "int32"}, nil
	case string:
		if v == moment {
			return &shape{kind: "string", format: "date-time"}, nil
		}
		return &shape{kind: "string"}, nil
	case json.Delim:
		if v == '[' {
			return readArray(dec)
		}
	}
	s := &shape{kind: "object"}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m, err := read(dec)
		if err != nil {
			return nil, err
		}
		s.members = append(s.members, &member{name: name.(string), shape: m})
	}
	_, err = dec.Token()
	return s, err
}

func readArray(dec *json.Decoder) (*shape, error) {
	s := &shape{kind: "array"}
	for dec.More() {
		item, err := read(dec)
		if err != nil {
			return nil, err
		}
		s.item = merge(s.item, item)
	}
	_, err := dec.Token()
	return s, err
}

// merge is the shape of a value that has one of two shapes. Either may be nil.
func merge(a, b *shape) *shape {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.kind == "":
		a, b = b, a
	}
	out := *a
	out.nullable = a.nullable || b.nullable
	if b.kind == "" {
		return &out
	}
	if a.kind != b.kind {
		out.kind = "number" // of all pairs only integer and number meet here; checks of live answers would find others
	}
	if a.format != b.format {
		out.format = ""
	}
	out.item = merge(a.item, b.item)
	out.members = nil
	for _, m := range a.members {
		both := *m
		if other := b.member(m.name); other != nil {
			both.shape, both.optional = merge(m.shape, other.shape), m.optional || other.optional
		} else {
			both.optional = true
		}
		out.members = append(out.members, &both)
	}
	for _, m := range b.members {
		if a.member(m.name) == nil {
			one := *m
			one.optional = true
			out.members = append(out.members, &one)
		}
	}
	return &out
}

func (s *shape) member(name string) *member {
	for _, m := range s.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// name gives every object in a shape a definition.
func (p *product) name(s *shape, name string) {
	switch {
	case s == nil || s.name != "":
	case s.kind == "array":
		p.name(s.item, name)
	case s.kind == "object":
		s.name = unique(p.named, name)
		s.about = cmp.Or(s.about, "is a part of what the sandbox answers.")
		p.types = append(p.types, s)
		for _, m := range s.members {
			p.name(m.shape, s.name+upper(m.name))
		}
	}
}

// class tells the refusals of the token call from all others.
func class(op *dialect.Operation) string {
	if op.Purpose == dialect.Obtain {
		return "TokenError"
	}
	return "Error"
}

// refusal is every refusal of one class with one status.
type refusal struct {
	status int
	body   *shape
	all    []*dialect.Refusal
	faults []dialect.Fault
}

// of is the refusal as an answer to one call; nil if the call has none such.
func (r *refusal) of(c *call) *answer {
	a := &answer{status: r.status, body: r.body}
	var texts []string
	for i, ref := range r.all {
		if !slices.Contains(faults(c.p.d, c.op, c.path), r.faults[i]) {
			continue
		}
		text := cmp.Or(ref.Says[dialect.ErrorDetail], ref.Says[dialect.ErrorTitle], ref.Says[dialect.ErrorCode], http.StatusText(r.status))
		text = strings.TrimRight(strings.NewReplacer("${versions}", "…", "${path}", "…").Replace(text), ".")
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		media := cmp.Or(ref.Type, "application/json")
		if len(ref.Shape) > 0 && !slices.Contains(a.media, media) {
			a.media = append(a.media, media)
		}
	}
	if texts == nil {
		return nil
	}
	slices.Sort(a.media)
	a.about = strings.Join(texts, " · ") + "."
	return a
}

// faults are the reasons for which the sandbox may refuse a call.
func faults(d *dialect.Dialect, op *dialect.Operation, path string) []dialect.Fault {
	out := []dialect.Fault{dialect.ServerFault}
	if d.Versions.Header != "" && !d.Versions.Optional {
		out = append(out, dialect.UnsupportedVersion, dialect.MissingVersion)
	}
	if strings.Contains(path, "{version}") || op.Since != "" || op.Until != "" {
		out = append(out, dialect.NotFound)
	}
	if op.Purpose == dialect.Obtain {
		if d.Versions.Field.Wire != "" {
			out = append(out, dialect.UnsupportedVersion)
		}
		for _, r := range d.Refusals {
			if r.On == dialect.Obtain {
				out = append(out, r.Fault)
			}
		}
		return out
	}
	if !op.Anonymous {
		out = append(out, dialect.NoToken, dialect.BadToken, dialect.ExpiredToken, dialect.RevokedToken)
	}
	if op.Admin || op.Purpose == dialect.MakeClient {
		out = append(out, dialect.TooFewRights)
	}
	for _, f := range op.Takes {
		switch f.Term {
		case dialect.AccessToken:
			out = append(out, dialect.MissingField)
		case dialect.UserID:
			out = append(out, dialect.NotFound)
		}
	}
	return out
}

// refusals gathers the refusals of all calls by class and status, and names
// their bodies: one name if all are alike, one for each class, or one for each
// status.
func (p *product) refusals() (map[string]map[int]*refusal, error) {
	out := map[string]map[int]*refusal{}
	for i := range p.d.Operations {
		op := &p.d.Operations[i]
		of := out[class(op)]
		if of == nil {
			of = map[int]*refusal{}
			out[class(op)] = of
		}
		for _, path := range append([]string{op.Path}, op.Also...) {
			for _, fault := range faults(p.d, op, path) {
				ref, ok := p.d.Refusal(fault, op.Purpose)
				if !ok {
					continue
				}
				r := of[ref.Status]
				if r == nil {
					r = &refusal{status: ref.Status}
					of[ref.Status] = r
				}
				if slices.Contains(r.faults, fault) {
					continue
				}
				s, err := p.worded(ref)
				if err != nil {
					return nil, err
				}
				r.body = merge(r.body, s)
				r.all, r.faults = append(r.all, ref), append(r.faults, fault)
			}
		}
	}
	var alike *shape
	same := true
	for _, kind := range slices.Sorted(maps.Keys(out)) {
		var first *shape
		one := true
		for _, status := range slices.Sorted(maps.Keys(out[kind])) {
			body := out[kind][status].body
			first, alike = cmp.Or(first, body), cmp.Or(alike, body)
			one = one && equal(first, body)
			same = same && equal(alike, body)
		}
		for _, status := range slices.Sorted(maps.Keys(out[kind])) {
			r := out[kind][status]
			switch {
			case r.body == nil:
			case one:
				r.body = first
				p.name(r.body, kind)
			default:
				p.name(r.body, kind+strconv.Itoa(status))
			}
			if r.body != nil {
				r.body.about = "is how the product words a refusal."
			}
		}
	}
	if same && alike != nil {
		for _, t := range p.types {
			delete(p.named, t.name)
		}
		alike.name, p.types = "", nil
		p.name(alike, "Error")
		for _, of := range out {
			for _, r := range of {
				r.body = alike
			}
		}
	}
	return out, nil
}

// worded is the body of a refusal. Members that it has no value for are left
// out on the wire.
func (p *product) worded(r *dialect.Refusal) (*shape, error) {
	if len(r.Shape) == 0 {
		return nil, nil
	}
	out := &shape{kind: "object"}
	for _, f := range r.Shape {
		s, err := value(f)
		if err != nil {
			return nil, err
		}
		_, said := r.Says[f.Term]
		switch f.Term {
		case dialect.ErrorStatus, dialect.ErrorInstance, dialect.ErrorTrace:
			said = true
		}
		if said || f.Fixed != "" || f.As == dialect.Null {
			out.members = append(out.members, &member{name: f.Wire, about: f.Term.Meaning(), shape: s, optional: f.Since != "" || f.Until != ""})
		}
	}
	return p.wrap(r.Within, out), nil
}

func equal(a, b *shape) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.kind != b.kind || a.format != b.format || a.nullable != b.nullable || len(a.members) != len(b.members) || !equal(a.item, b.item) {
		return false
	}
	for i, m := range a.members {
		o := b.members[i]
		if m.name != o.name || m.optional != o.optional || !equal(m.shape, o.shape) {
			return false
		}
	}
	return true
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// write puts the products into Go declarations with comments for swag.
func write(products []*product) []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated by gen.go from the dialects. DO NOT EDIT.\n\n//go:build swag\n\npackage openapi\n")
	for _, p := range products {
		for _, c := range p.calls {
			c.write(&b)
		}
		for _, t := range p.types {
			p.writeType(&b, t)
		}
	}
	return b.Bytes()
}

// ident turns a dotted name into a Go identifier.
func ident(name string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z') }) {
		b.WriteString(upper(part))
	}
	return b.String()
}

func (p *product) writeType(b *bytes.Buffer, t *shape) {
	name := ident(p.d.ID + "." + t.name)
	fmt.Fprintf(b, "\n// %s %s\ntype %s struct {\n", name, t.about, name)
	for _, m := range t.members {
		if m.about != "" {
			fmt.Fprintf(b, "// %s\n", m.about)
		}
		tag := "json:" + strconv.Quote(m.name)
		if m.optional {
			tag = "json:" + strconv.Quote(m.name+",omitempty")
		}
		if m.format != "" {
			tag += " format:" + strconv.Quote(m.format)
		}
		if m.nullable {
			tag += ` extensions:"x-nullable"`
		}
		fmt.Fprintf(b, "%s %s `%s`\n", ident("m."+m.name), p.goType(m.shape), tag)
	}
	fmt.Fprintf(b, "} // @name %s.%s\n", p.d.ID, t.name)
}

func (p *product) goType(s *shape) string {
	switch {
	case s == nil:
		return "string" // of an array that was never seen filled
	case s.kind == "array":
		return "[]" + p.goType(s.item)
	case s.kind == "object":
		return ident(p.d.ID + "." + s.name)
	}
	return map[string]string{"integer": "int", "number": "float64", "boolean": "bool"}[s.kind] + map[string]string{"string": "string", "": "string"}[s.kind]
}

func (c *call) write(b *bytes.Buffer) {
	d, op := c.p.d, c.op
	line := func(format string, args ...any) { fmt.Fprintf(b, "//\t"+format+"\n", args...) }
	fmt.Fprintf(b, "\n// %s is %s %s.\n//\n", ident(c.id), op.Method, c.path)
	line("@ID %s", c.id)
	line("@Summary %s", op.Summary)
	if op.Help != "" {
		line("@Description %s", op.Help)
	}
	line("@Tags %s", c.p.tag())
	if op.HasBody() {
		line("@Accept x-www-form-urlencoded")
	}
	var media []string
	for _, a := range c.answers {
		for _, m := range a.media {
			if !slices.Contains(media, m) {
				media = append(media, m)
			}
		}
	}
	line("@Produce %s", strings.Join(media, ","))
	var versions []string
	for _, v := range d.Versions.All {
		if d.Speaks(v.ID, op.Since, op.Until) {
			versions = append(versions, v.ID)
		}
	}
	preset := d.Versions.Default
	if !slices.Contains(versions, preset) {
		preset = versions[len(versions)-1]
	}
	choice := fmt.Sprintf("Enums(%s) default(%s)", strings.Join(versions, ", "), preset)
	for segment := range strings.SplitSeq(c.path, "/") {
		name, ok := strings.CutPrefix(segment, "{")
		name = strings.TrimSuffix(name, "}")
		switch {
		case !ok:
		case name == "version":
			line("@Param version path string true \"API version\" %s", choice)
		default:
			about, more := "Any; the sandbox answers the same for all", ""
			for _, f := range op.Takes {
				if f.Wire == name {
					about = f.Term.Meaning()
				}
				if f.Wire == name && f.As.Format != "" {
					more = " format(" + f.As.Format + ")"
				}
			}
			line("@Param %s path string true %s%s", name, quote(about), more)
		}
	}
	if h := d.Versions.Header; h != "" {
		line("@Param %s header string %t \"API revision\" %s", h, !d.Versions.Optional, choice)
	}
	if op.Purpose == dialect.Obtain {
		c.writeForm(line)
		if f := d.Versions.Field; f.Wire != "" {
			line("@Param %s formData string false %s %s", f.Wire, quote(f.Help), choice)
		}
	} else if op.HasBody() {
		for _, f := range op.Takes {
			line("@Param %s formData %s %t %s", f.Wire, f.As.Type, f.Required || f.Term == dialect.AccessToken, quote(cmp.Or(f.Help, f.Term.Meaning())))
		}
	}
	for _, a := range c.answers {
		verb := "@Failure"
		if a.status < 300 {
			verb = "@Success"
		}
		switch {
		case a.body == nil:
			line("%s %d %s", verb, a.status, quote(a.about))
		case a.body.kind == "object":
			line("%s %d {object} %s %s", verb, a.status, c.p.goType(a.body), quote(a.about))
		case a.body.kind == "array":
			line("%s %d {array} %s %s", verb, a.status, c.p.goType(a.body.item), quote(a.about))
		default:
			line("%s %d {%s} %s %s", verb, a.status, a.body.kind, c.p.goType(a.body), quote(a.about))
		}
	}
	line("@Header all {string} X-Sandbox \"Names the sandbox, which the product's own answers do not have\"")
	if !op.Anonymous {
		line("@Security %s", c.p.scheme())
	}
	line("@Router %s [%s]", c.route(), strings.ToLower(op.Method))
	fmt.Fprintf(b, "func %s() {}\n", ident("call."+c.id))
}

// quote makes a text fit for one of swag's comments, which know no escapes.
func quote(text string) string {
	return `"` + strings.ReplaceAll(text, `"`, "'") + `"`
}

// field is a form field with the grants that take it.
type field struct {
	dialect.Field
	grants []string
}

// form lists the fields of all grants, each wire name once.
func form(op *dialect.Operation) []*field {
	var out []*field
	for i := range op.Grants {
		g := &op.Grants[i]
		for _, f := range g.Takes {
			if j := slices.IndexFunc(out, func(o *field) bool { return o.Wire == f.Wire }); j >= 0 {
				out[j].grants = append(out[j].grants, g.Wire)
				continue
			}
			out = append(out, &field{f, []string{g.Wire}})
		}
	}
	return out
}

func (c *call) writeForm(line func(string, ...any)) {
	op := c.op
	var grants []string
	for _, g := range op.Grants {
		grants = append(grants, g.Wire)
	}
	preset := ""
	if op.GrantField.Default != "" {
		preset = " default(" + op.GrantField.Default + ")"
	}
	line("@Param %s formData string %t %s Enums(%s)%s", op.GrantField.Wire, op.GrantField.Required, quote(op.GrantField.Help), strings.Join(grants, ", "), preset)
	for _, f := range form(op) {
		about := "With " + strings.Join(f.grants, ", ")
		if len(f.grants) == len(grants) {
			about = "With any grant"
		}
		if f.Required {
			about += ", required"
		}
		about += ". " + f.Help
		more := ""
		if f.Term == dialect.Password {
			more = " format(password)"
		}
		if f.Default != "" {
			more += " default(" + f.Default + ")"
		}
		if f.Since != "" {
			about += " Since " + f.Since + "."
		}
		line("@Param %s formData %s false %s%s", f.Wire, f.As.Type, quote(about), more)
	}
}
