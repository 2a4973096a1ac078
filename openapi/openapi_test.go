package openapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"tokenplayground/openapi"
	"tokenplayground/web/dialect"
)

func TestDocumentsAreValid(t *testing.T) {
	t.Run("OpenAPI 3 passes its own rules", func(t *testing.T) {
		doc, err := openapi3.NewLoader().LoadFromData(openapi.OpenAPI3)
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Validate(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Run("Swagger 2 loads", func(t *testing.T) {
		var doc openapi2.T
		if err := json.Unmarshal(openapi.Swagger2, &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Swagger != "2.0" || len(doc.Paths) == 0 {
			t.Errorf("got version %q with %d paths", doc.Swagger, len(doc.Paths))
		}
	})
	t.Run("operations have names of their own", func(t *testing.T) {
		seen := map[string]bool{}
		for _, item := range load(t).Paths.Map() {
			for _, op := range item.Operations() {
				if op.OperationID == "" || seen[op.OperationID] {
					t.Errorf("operation id %q is missing or used twice", op.OperationID)
				}
				seen[op.OperationID] = true
			}
		}
	})
}

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.OpenAPI3)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSandboxIsDescribed(t *testing.T) {
	var want, got []string
	for _, d := range dialect.All() {
		for _, op := range d.Operations {
			for _, path := range append([]string{op.Path}, op.Also...) {
				want = append(want, op.Method+" /sandbox/"+d.ID+path)
			}
		}
	}
	doc := load(t)
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if strings.HasPrefix(path, "/sandbox/") {
				got = append(got, method+" "+path)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the dialects (-) and the description (+) differ; run go generate ./openapi:\n%s", diff)
	}
	for _, d := range dialect.All() {
		op := d.Operation(dialect.Obtain)
		t.Run(d.ID+" takes a form with its own words", func(t *testing.T) {
			form := doc.Paths.Value("/sandbox/" + d.ID + op.Path).Post.RequestBody.Value.Content["application/x-www-form-urlencoded"].Schema.Value
			names := map[string]bool{op.GrantField.Wire: true}
			if f := d.Versions.Field.Wire; f != "" {
				names[f] = true
			}
			var grants []any
			for _, g := range op.Grants {
				grants = append(grants, g.Wire)
				for _, f := range g.Takes {
					names[f.Wire] = true
				}
			}
			described := map[string]bool{}
			for name := range form.Properties {
				described[name] = true
			}
			if diff := cmp.Diff(names, described); diff != "" {
				t.Errorf("fields differ (-dialect +description):\n%s", diff)
			}
			if diff := cmp.Diff(grants, form.Properties[op.GrantField.Wire].Value.Enum); diff != "" {
				t.Errorf("grants differ (-dialect +description):\n%s", diff)
			}
		})
		if h := d.Versions.Header; h != "" {
			t.Run(d.ID+" asks for its version in every call", func(t *testing.T) {
				for path, item := range doc.Paths.Map() {
					for method, op := range item.Operations() {
						if strings.HasPrefix(path, "/sandbox/"+d.ID+"/") && op.Parameters.GetByInAndName("header", h) == nil {
							t.Errorf("%s %s has no header %s", method, path, h)
						}
					}
				}
			})
		}
	}
}

func TestProductsAreListed(t *testing.T) {
	var want []any
	for _, d := range dialect.All() {
		want = append(want, d.ID)
	}
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			if p := op.Parameters.GetByInAndName("path", "product"); p != nil {
				if diff := cmp.Diff(want, p.Schema.Value.Enum); diff != "" {
					t.Errorf("%s %s (-want +got):\n%s", method, path, diff)
				}
			}
		}
	}
}

// TestGeneratedFilesAreCurrent generates them anew beside the tree.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the generator and swag")
	}
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "run", "gen.go", "convert.go", "-o", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"sandbox_swag.go", "swagger.json", "openapi.json"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s is not current; run go generate ./openapi", name)
		}
	}
}

func get(path string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	openapi.UI().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) []byte {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUI(t *testing.T) {
	index := get("/")
	page := body(t, index)
	files := regexp.MustCompile(`(?:src|href)="([^"/]+)"`).FindAllSubmatch(page, -1)

	t.Run("the page has no script or style of its own in it", func(t *testing.T) {
		for _, m := range regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script>`).FindAll(page, -1) {
			t.Errorf("the page holds %q", m)
		}
	})
	t.Run("the policy allows nothing unsafe", func(t *testing.T) {
		policy := index.Header.Get("Content-Security-Policy")
		if policy == "" || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "require-trusted-types-for 'script'") {
			t.Errorf("got policy %q", policy)
		}
	})
	t.Run("the page names seven files by content", func(t *testing.T) {
		if len(files) != 7 || bytes.Contains(page, []byte("{{")) {
			t.Errorf("got %q in\n%s", files, page)
		}
	})
	for _, m := range files {
		name := "/" + string(m[1])
		t.Run(name+" is kept for ever, packed or not", func(t *testing.T) {
			plain, packed := get(name), get(name, "Accept-Encoding", "br, gzip")
			if plain.StatusCode != http.StatusOK || !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") {
				t.Fatalf("got %d with %v", plain.StatusCode, plain.Header)
			}
			a, b := body(t, plain), body(t, packed)
			if plain.Header.Get("Content-Encoding") != "" {
				t.Error("a client that did not ask got a packed file")
			}
			if packed.Header.Get("Content-Encoding") == "gzip" {
				r, err := gzip.NewReader(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				if b, err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			} else if len(a) > 10_000 {
				t.Errorf("%d bytes are sent as they are", len(a))
			}
			if !bytes.Equal(a, b) {
				t.Error("the packed file is another one")
			}
		})
	}
	t.Run("gzip with weight zero is refused", func(t *testing.T) {
		if got := get("/"+string(files[1][1]), "Accept-Encoding", "gzip;q=0").Header.Get("Content-Encoding"); got != "" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("nothing else is there", func(t *testing.T) {
		for _, path := range []string{"/swagger-ui-bundle.js", "/index.html", "/../openapi.json", "/ui/own.css", ""} {
			if got := get(path).StatusCode; got != http.StatusNotFound {
				t.Errorf("%q: got %d, want 404", path, got)
			}
		}
	})
}
