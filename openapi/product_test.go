package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"tokenplayground/openapi"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// everyVersion runs a test with the document of each product in each version.
func everyVersion(t *testing.T, test func(*testing.T, *dialect.Dialect, string, *openapi3.T)) {
	t.Helper()
	for _, d := range dialect.All() {
		for _, v := range d.Versions.All {
			t.Run(d.ID+" "+v.ID, func(t *testing.T) {
				raw, err := openapi.Product(d, v.ID, "/sandbox/"+d.ID)
				if err != nil {
					t.Fatal(err)
				}
				doc, err := openapi3.NewLoader().LoadFromData(raw)
				if err != nil {
					t.Fatal(err)
				}
				test(t, d, v.ID, doc)
			})
		}
	}
}

func TestProduct(t *testing.T) {
	everyVersion(t, func(t *testing.T, d *dialect.Dialect, version string, doc *openapi3.T) {
		if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
			t.Error(err)
		}
		if doc.Info.Title != d.Title || doc.Info.Version != version || doc.Servers[0].URL != "/sandbox/"+d.ID {
			t.Errorf("got title %q, version %q, server %q", doc.Info.Title, doc.Info.Version, doc.Servers[0].URL)
		}
		var want, got []string
		for _, op := range d.Operations {
			if !d.Speaks(version, op.Since, op.Until) {
				continue
			}
			for _, path := range append([]string{op.Path}, op.Also...) {
				want = append(want, op.Method+" "+strings.ReplaceAll(path, "{version}", version)+" "+op.Group)
			}
		}
		ids := map[string]bool{}
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				got = append(got, method+" "+path+" "+op.Tags[0])
				if ids[op.OperationID] || !regexp.MustCompile(`^[a-z][A-Za-z0-9]+$`).MatchString(op.OperationID) {
					t.Errorf("%s %s: %q is no name for a method, or is used twice", method, path, op.OperationID)
				}
				ids[op.OperationID] = true
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the dialect (-) and the document (+) differ:\n%s", diff)
		}
	})
}

func TestProductTakesEveryGrant(t *testing.T) {
	everyVersion(t, func(t *testing.T, d *dialect.Dialect, version string, doc *openapi3.T) {
		op := d.Operation(dialect.Obtain)
		content := doc.Paths.Value(d.Path(op, version)).GetOperation(op.Method).RequestBody.Value.Content
		var types []string
		for _, e := range op.Accepts() {
			types = append(types, string(e))
		}
		for media := range content {
			if !slices.Contains(types, media) {
				t.Errorf("%s is not taken", media)
			}
		}
		for _, media := range types {
			if content[media] == nil {
				t.Fatalf("%s is missing", media)
			}
			form := content[media].Schema.Value
			var grants []any
			fields := map[string]string{op.GrantField.Wire: ""}
			required := map[string]bool{}
			var all []dialect.Grant
			for _, g := range op.Grants {
				if !d.Speaks(version, g.Since, g.Until) {
					continue
				}
				all = append(all, g)
				grants = append(grants, g.Wire)
				for _, f := range d.Fields(g.Takes, version) {
					fields[f.Wire] = ""
					if f.Term == dialect.Password {
						fields[f.Wire] = "password"
					}
				}
			}
			for _, name := range form.Required {
				required[name] = true
			}
			for name := range fields {
				everywhere := name == op.GrantField.Wire && op.GrantField.Required || name != op.GrantField.Wire && !slices.ContainsFunc(all, func(g dialect.Grant) bool {
					return !slices.ContainsFunc(g.Takes, func(f dialect.Field) bool { return f.Wire == name && f.Required })
				})
				if required[name] != everywhere {
					t.Errorf("%s: required is %t", name, required[name])
				}
			}
			if f := d.Versions.Field.Wire; f != "" {
				fields[f] = ""
				if required[f] != (version != d.Versions.Default) {
					t.Errorf("%s: required is %t in version %s", f, required[f], version)
				}
			}
			for name, format := range fields {
				if p := form.Properties[name]; p == nil || format != "" && p.Value.Format != format {
					t.Errorf("%s is missing, or is no %s", name, format)
				}
			}
			if len(form.Properties) != len(fields) {
				t.Errorf("%d fields are described, there are %d", len(form.Properties), len(fields))
			}
			if diff := cmp.Diff(grants, form.Properties[op.GrantField.Wire].Value.Enum); diff != "" {
				t.Errorf("grants differ (-dialect +document):\n%s", diff)
			}
			if len(content[media].Examples) != len(grants) {
				t.Errorf("%d examples for %d grants", len(content[media].Examples), len(grants))
			}
		}
	})
}

func TestProductAsksForItsVersion(t *testing.T) {
	everyVersion(t, func(t *testing.T, d *dialect.Dialect, version string, doc *openapi3.T) {
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				p := op.Parameters.GetByInAndName("header", d.Versions.Header)
				switch {
				case d.Versions.Header == "":
				case p == nil || p.Required == d.Versions.Optional:
					t.Errorf("%s %s: the header is missing or wrongly required: %+v", method, path, p)
				case p.Schema.Value.Default != version || len(p.Schema.Value.Enum) != 1:
					t.Errorf("%s %s: got default %v of %v", method, path, p.Schema.Value.Default, p.Schema.Value.Enum)
				}
			}
		}
	})
}

func TestProductAuthorizes(t *testing.T) {
	for _, tc := range []struct{ id, version, name, typ string }{
		{"vbr", "1.2-rev0", "Bearer", "apiKey"},
		{"vbr", "1.2-rev1", "Bearer", "http"},
		{"vac", "", "api_key", "http"},
		{"vbazure", "v8.1", "Bearer", "apiKey"},
		{"vb365", "v8", "Bearer", "http"},
	} {
		t.Run(tc.id+" "+tc.version+" as its own page does", func(t *testing.T) {
			d, _ := dialect.Find(tc.id)
			raw, err := openapi.Product(d, tc.version, "/")
			if err != nil {
				t.Fatal(err)
			}
			doc, err := openapi3.NewLoader().LoadFromData(raw)
			if err != nil {
				t.Fatal(err)
			}
			s := doc.Components.SecuritySchemes[tc.name]
			if s == nil || s.Value.Type != tc.typ {
				t.Fatalf("got %+v", s)
			}
			if len(doc.Security[0][tc.name]) != 0 || doc.Security[0] == nil {
				t.Errorf("calls ask for %v", doc.Security)
			}
		})
	}
}

func TestProductDocumentsAreKept(t *testing.T) {
	d := dialect.All()[0]
	get := func(version, at string) []byte {
		t.Helper()
		raw, err := openapi.Product(d, version, at)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	t.Run("one address does not stay for the next", func(t *testing.T) {
		a, b := get("", "/sandbox/a"), get("", `https://host/"b"`)
		var doc struct{ Servers []struct{ URL string } }
		if err := json.Unmarshal(b, &doc); err != nil || doc.Servers[0].URL != `https://host/"b"` {
			t.Errorf("got %v %v", doc, err)
		}
		if !bytes.Equal(a, get("", "/sandbox/a")) {
			t.Error("the document has changed")
		}
	})
	t.Run("no version means the default", func(t *testing.T) {
		if !bytes.Equal(get("", "/"), get(d.Versions.Default, "/")) {
			t.Error("the documents differ")
		}
	})
	t.Run("an unknown version is an error", func(t *testing.T) {
		if _, err := openapi.Product(d, "v99", "/"); err == nil || !strings.Contains(err.Error(), `"v99"`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the account of the examples can sign in", func(t *testing.T) {
		p := sandbox.People()[0]
		if raw := string(get("", "/")); !strings.Contains(raw, `"`+p.Name+`"`) || !strings.Contains(raw, `"`+p.Password+`"`) {
			t.Errorf("%s and %s are not in it", p.Name, p.Password)
		}
	})
}
