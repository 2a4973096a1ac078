package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tokenplayground/openapi"
	"tokenplayground/web/dialect"
)

// TestNoOwnProductHidesAnAddress: whatever the program answers, no product of
// an operator's can be named like the first segment of its path.
func TestNoOwnProductHidesAnAddress(t *testing.T) {
	var doc struct{ Paths map[string]any }
	if err := json.Unmarshal(openapi.Swagger2, &doc); err != nil {
		t.Fatal(err)
	}
	paths := []string{"/sandbox", "/sandbox/w/", "/sandbox/control/", "/swagger/", "/static/app.css"}
	for path := range doc.Paths {
		paths = append(paths, path)
	}
	for _, path := range paths {
		for _, path := range []string{path, strings.TrimPrefix(path, "/sandbox")} {
			first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
			if first == "" || strings.ContainsAny(first, "{.") {
				continue // an id has letters and digits only
			}
			d := *dialect.All()[0]
			d.ID = first
			if _, err := dialect.NewCatalog(&d); err == nil {
				t.Errorf("a product may be named %q, which hides %s", first, path)
			}
		}
	}
}
