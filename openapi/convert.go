//go:build ignore

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// amend puts into swag's document what its comments cannot say: everything
// that depends on the products.
func amend(raw []byte, products []*product) ([]byte, error) {
	// Definitions are named by what they are, not by their Go types.
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	definitions := object(doc, "definitions")
	for name, d := range maps.Clone(definitions) {
		delete(definitions, name)
		definitions[shortName(name)] = d
	}
	var ids []any
	tags, _ := doc["tags"].([]any)
	schemes := object(doc, "securityDefinitions")
	for _, p := range products {
		ids = append(ids, p.d.ID)
		tags = append(tags, map[string]any{"name": p.tag(), "description": p.d.Name + ", played by the sandbox. " + p.d.About})
		schemes[p.scheme()] = map[string]any{"type": "apiKey", "in": "header", "name": "Authorization",
			"description": "An access token of " + p.d.Name + ", after the word Bearer and a space."}
	}
	doc["tags"] = tags
	delete(object(doc, "info"), "contact") // there is none, and swag leaves a hole
	orders(doc, definitions, products)
	if err := markNullable(definitions); err != nil {
		return nil, err
	}
	walk(doc, func(node map[string]any) {
		if ref, ok := node["$ref"].(string); ok {
			at := strings.LastIndexByte(ref, '/') + 1
			node["$ref"] = ref[:at] + shortName(ref[at:])
		}
		if node["in"] == "path" && node["name"] == "product" {
			node["enum"] = ids
			node["description"] = "Product"
		}
	})
	return pretty(doc)
}

// markNullable marks the members that our own answers may hold null in: Go
// pointers that are not left out when they are nil, of which swag knows nothing.
func markNullable(definitions map[string]any) error {
	files, err := filepath.Glob("../handlers/*.go")
	if err != nil {
		return err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			definition, described := definitions[shortName(spec.Name.Name)].(map[string]any)
			if !ok || !described {
				return true
			}
			for _, f := range fields.Fields.List {
				if _, pointer := f.Type.(*ast.StarExpr); !pointer || f.Tag == nil {
					continue
				}
				tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
				member, options, _ := strings.Cut(tag.Get("json"), ",")
				if options == "" {
					object(object(definition, "properties"), member)["x-nullable"] = true
				}
			}
			return true
		})
	}
	return nil
}

func shortName(definition string) string {
	return strings.TrimSuffix(strings.TrimPrefix(definition, "handlers."), "JSON")
}

// orders are the places where the order of names is not that of the alphabet.
func orders(doc, definitions map[string]any, products []*product) {
	var paths []any
	for _, path := range slices.Sorted(maps.Keys(object(doc, "paths"))) {
		if !strings.HasPrefix(path, "/sandbox/") {
			paths = append(paths, path)
		}
	}
	for _, p := range products {
		for _, c := range p.calls {
			paths = append(paths, c.route())
		}
		for _, t := range p.Types {
			var names []any
			for _, m := range t.Members {
				names = append(names, m.Name)
			}
			object(definitions, p.d.ID+"."+t.Name)[orderKey] = names
		}
	}
	doc[orderKey] = paths
}

// object is a member that is an object, made if it is missing.
func object(m map[string]any, name string) map[string]any {
	o, ok := m[name].(map[string]any)
	if !ok {
		o = map[string]any{}
		m[name] = o
	}
	return o
}

func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, member := range v {
			walk(member, visit)
		}
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	}
}

// orderKey holds the order of an object's members, until they are written.
const orderKey = "x-order"

// pretty writes objects with their names sorted, or as [orderKey] says: of an
// object's own members, or of those of its properties.
func pretty(v any) ([]byte, error) {
	var raw bytes.Buffer
	if err := encode(&raw, v, nil); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := json.Indent(&b, raw.Bytes(), "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

func encode(b *bytes.Buffer, v any, order []any) error {
	switch v := v.(type) {
	case map[string]any:
		inner, _ := v[orderKey].([]any)
		names := slices.Collect(maps.Keys(v))
		rank := func(name string) int {
			if i := slices.Index(order, any(name)); i >= 0 {
				return i
			}
			return len(order)
		}
		slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y)) })
		b.WriteByte('{')
		comma := false
		for _, name := range names {
			if name == orderKey {
				continue
			}
			if comma {
				b.WriteByte(',')
			}
			comma = true
			if err := encode(b, name, nil); err != nil {
				return err
			}
			b.WriteByte(':')
			var of []any
			switch name {
			case "properties", "paths":
				of = inner
			case "content":
				of = []any{typeForm} // Swagger UI offers the first
			}
			if err := encode(b, v[name], of); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := encode(b, item, nil); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// ordered puts [orderKey] into a schema.
func ordered(s *openapi3.Schema, names []string) {
	if s.Extensions == nil {
		s.Extensions = map[string]any{}
	}
	s.Extensions[orderKey] = names
}

const (
	typeForm    = "application/x-www-form-urlencoded"
	typeJSON    = "application/json"
	typeProblem = "application/problem+json"
	typeHTML    = "text/html"
)

// convert makes OpenAPI 3 of Swagger 2.0 and says what the latter cannot.
func convert(swagger []byte, products []*product) ([]byte, error) {
	var doc2 openapi2.T
	if err := json.Unmarshal(swagger, &doc2); err != nil {
		return nil, err
	}
	forms := map[string][]string{}
	for _, item := range doc2.Paths {
		for _, op := range item.Operations() {
			for _, p := range op.Parameters {
				if p.In == "formData" {
					forms[op.OperationID] = append(forms[op.OperationID], p.Name)
				}
			}
		}
	}
	doc, err := openapi2conv.ToV3(&doc2)
	if err != nil {
		return nil, err
	}
	calls := map[string]*call{}
	for _, p := range products {
		for _, c := range p.calls {
			calls[c.id] = c
		}
	}
	doc.Components.Headers, doc.Components.Responses = openapi3.Headers{}, openapi3.ResponseBodies{}
	doc.Servers = openapi3.Servers{{URL: "/", Description: "This playground"}}
	secure(doc, products)
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		for method, op := range item.Operations() {
			if c, ok := calls[op.OperationID]; ok {
				err = c.refine(doc, op)
			} else {
				err = refine(doc, op)
			}
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			if op.RequestBody != nil {
				ordered(op.RequestBody.Value.Content[typeForm].Schema.Value, forms[op.OperationID])
			}
		}
	}
	nullable(doc)
	for _, s := range doc.Components.Schemas {
		tidy(s)
	}
	if err := openapi3.NewLoader().ResolveRefsIn(doc, nil); err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, err
	}
	orders(plain, object(object(plain, "components"), "schemas"), products)
	return pretty(plain)
}

// secure describes the bearer tokens and the cookie, which are headers in
// Swagger 2.0.
func secure(doc *openapi3.T, products []*product) {
	schemes := doc.Components.SecuritySchemes
	for _, p := range products {
		s := openapi3.NewJWTSecurityScheme()
		s.BearerFormat = ""
		if p.d.Access.Alg != "" {
			s.BearerFormat = "JWT"
		}
		s.Description = "An access token of " + p.d.Name + "."
		schemes[p.scheme()] = &openapi3.SecuritySchemeRef{Value: s}
	}
	cookie := openapi3.NewSecurityScheme().WithType("apiKey").WithIn("cookie").WithName("pg")
	cookie.Description = "The ticket of a session. It comes with the first answer that keeps something; on HTTPS its name is __Host-pg."
	schemes["Session"] = &openapi3.SecuritySchemeRef{Value: cookie}
}

// refine completes an operation of the playground's own.
func refine(doc *openapi3.T, op *openapi3.Operation) error {
	if op.Security != nil {
		// Nobody needs a session beforehand.
		*op.Security = append(*op.Security, openapi3.SecurityRequirement{})
	} else {
		op.Security = &openapi3.SecurityRequirements{}
	}
	html := false
	for status, ref := range op.Responses.Map() {
		r := ref.Value
		html = html || r.Content[typeHTML] != nil
		delete(r.Content, typeHTML)
		if status[0] != '2' && r.Content != nil {
			r.Content = openapi3.Content{typeProblem: r.Content[firstKey(r.Content)]}
		}
	}
	if html {
		page := openapi3.NewMediaType().WithSchema(openapi3.NewStringSchema().WithFormat("html"))
		for status, ref := range op.Responses.Map() {
			if status[0] != '3' {
				ref.Value.Content[typeHTML] = page
			}
		}
	}
	for status, ref := range op.Responses.Map() {
		if status[0] < '4' {
			continue
		}
		// Ours are all alike: each is written once.
		name := "Problem" + status
		if html {
			name = "Page" + status
		}
		doc.Components.Responses[name] = &openapi3.ResponseRef{Value: ref.Value}
		op.Responses.Set(status, &openapi3.ResponseRef{Ref: "#/components/responses/" + name, Value: ref.Value})
	}
	if op.RequestBody == nil {
		return nil
	}
	body := op.RequestBody.Value
	media := body.Content[typeForm]
	if media == nil {
		return fmt.Errorf("the body is no form: add @Accept x-www-form-urlencoded")
	}
	s := media.Schema.Value
	body.Required = len(s.Required) > 0
	tidy(media.Schema)
	// Products name their fields as they like, and so does what is sent.
	s.AdditionalProperties = openapi3.AdditionalProperties{Schema: openapi3.NewSchemaRef("", openapi3.NewStringSchema())}
	media.Example = sample(s, account)
	prefill(s, media.Example)
	body.Content[typeJSON] = media
	return nil
}

// account is somebody who can sign in to the sandbox, by our names.
var account = map[string]any{"grant_type": "password", "username": sandbox.People()[0].Name, "password": sandbox.People()[0].Password}

// prefill puts the values of a sample to the fields themselves, which is where
// Swagger UI looks for what a form begins with.
func prefill(s *openapi3.Schema, sample any) {
	values, _ := sample.(map[string]any)
	for name, p := range s.Properties {
		if v, ok := values[name]; ok && p.Value.Default == nil {
			p.Value.Example = v
		}
	}
}

// sample fills in a form: a field that is not known is its default, or empty,
// where Swagger UI would put the word string.
func sample(s *openapi3.Schema, known map[string]any) map[string]any {
	out := map[string]any{}
	for name, p := range s.Properties {
		v, ok := known[name]
		switch {
		case ok:
			out[name] = v
		case p.Value.Default != nil:
			out[name] = p.Value.Default
		case len(p.Value.Enum) > 0:
			out[name] = p.Value.Enum[0]
		case p.Value.Type.Is("string"):
			out[name] = ""
		}
	}
	return out
}

func firstKey(c openapi3.Content) string { return slices.Sorted(maps.Keys(c))[0] }

// refine completes an operation of a product.
func (c *call) refine(doc *openapi3.T, op *openapi3.Operation) error {
	if op.Security == nil {
		op.Security = &openapi3.SecurityRequirements{}
	}
	for _, a := range c.Answers {
		ref := op.Responses.Value(strconv.Itoa(a.Status))
		if ref == nil {
			return fmt.Errorf("status %d is missing", a.Status)
		}
		r := ref.Value
		for name, h := range r.Headers {
			doc.Components.Headers[name] = &openapi3.HeaderRef{Value: h.Value}
			r.Headers[name] = &openapi3.HeaderRef{Ref: "#/components/headers/" + name, Value: h.Value}
		}
		if a.Body == nil {
			r.Content = nil
			continue
		}
		schema := r.Content[firstKey(r.Content)].Schema
		r.Content = openapi3.Content{}
		for _, media := range a.Media {
			mt := openapi3.NewMediaType().WithSchemaRef(schema)
			if a.Sample != nil {
				mt.Example = a.Sample
			}
			r.Content[media] = mt
		}
	}
	if op.RequestBody == nil {
		return nil
	}
	body := op.RequestBody.Value
	body.Required = true
	schema := body.Content[typeForm].Schema
	tidy(schema)
	grant := c.Op.GrantField
	var examples openapi3.Examples
	if len(c.Op.Grants) > 0 {
		examples = openapi3.Examples{}
	}
	body.Content[typeForm].Examples = examples
	var first any
	for i := range c.Op.Grants {
		g := &c.Op.Grants[i]
		one := openapi3.NewObjectSchema()
		one.Title, one.Description = g.Wire, g.Help
		one.Properties = openapi3.Schemas{grant.Wire: openapi3.NewSchemaRef("", openapi3.NewStringSchema().WithEnum(g.Wire))}
		if grant.Required {
			one.Required = append(one.Required, grant.Wire)
		}
		for _, f := range g.Takes {
			if f.Required && f.Since == "" {
				one.Required = append(one.Required, f.Wire)
			}
		}
		known := map[string]any{grant.Wire: g.Wire}
		for _, f := range g.Takes {
			switch f.Term {
			case dialect.Username:
				known[f.Wire] = account["username"]
			case dialect.Password:
				known[f.Wire] = account["password"]
			}
		}
		filled := sample(schema.Value, known)
		if first == nil {
			first = filled
		}
		examples[g.Wire] = &openapi3.ExampleRef{Value: &openapi3.Example{Summary: g.Label(), Value: filled}}
		schema.Value.AnyOf = append(schema.Value.AnyOf, openapi3.NewSchemaRef("", one))
	}
	if first != nil {
		prefill(schema.Value, first)
	}
	for _, e := range c.Op.Encodings {
		if string(e) != typeForm {
			body.Content[string(e)] = openapi3.NewMediaType().WithSchemaRef(schema)
			body.Content[string(e)].Examples = body.Content[typeForm].Examples
		}
	}
	return nil
}

// nullable makes a nullable reference what OpenAPI 3.0 means by it: either the
// object or null, since null is not allowed where one of allOf forbids it.
func nullable(doc *openapi3.T) {
	for _, s := range doc.Components.Schemas {
		for name, p := range s.Value.Properties {
			v := p.Value
			if p.Ref != "" || v == nil || len(v.AllOf) != 1 || !v.Nullable {
				continue
			}
			null := openapi3.NewObjectSchema().WithNullable()
			null.Enum = []any{nil}
			s.Value.Properties[name] = openapi3.NewSchemaRef("", &openapi3.Schema{
				Description: v.Description, Type: &openapi3.Types{"object"}, Nullable: true, AnyOf: openapi3.SchemaRefs{v.AllOf[0], openapi3.NewSchemaRef("", null)},
			})
		}
	}
}

// tidy drops what only a converter back to Swagger 2.0 would read.
func tidy(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil || ref.Ref != "" {
		return
	}
	delete(ref.Value.Extensions, "x-formData-name")
	for _, p := range ref.Value.Properties {
		if p.Value != nil {
			delete(p.Value.Extensions, "x-formData-name")
			if p.Value.Type != nil && !p.Value.Type.Is("object") {
				p.Value.Required = nil
			}
		}
	}
}
