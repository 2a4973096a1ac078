package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"tokenplayground/web/dialect"
)

// TestProductAnswersAreDescribed holds what the sandbox answers, granted and
// refused, to the document that each product has of each version: no member
// more, none less.
func TestProductAnswersAreDescribed(t *testing.T) {
	t.Parallel()
	base := describedServer(t)
	for _, d := range dialect.All() {
		for _, v := range d.Versions.All {
			t.Run(d.ID+" "+v.ID, func(t *testing.T) {
				resp, err := http.Get(base + "/sandbox/" + d.ID + "/openapi.json?version=" + v.ID)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				doc, err := openapi3.NewLoader().LoadFromIoReader(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				w := newWitness(t, base, doc)
				w.product, w.version = d, v.ID
				w.play(d, v.ID)
				for path, item := range w.doc.Paths.Map() {
					for method, op := range item.Operations() {
						for status := range op.Responses.Map() {
							if !strings.HasPrefix(status, "5") && status != "415" && w.seen[method+" "+path+" "+status] == 0 {
								t.Errorf("%s %s never answered %s", method, path, status)
							}
						}
					}
				}
			})
		}
	}
}

func TestProductDocument(t *testing.T) {
	s := openServer(t)
	get := func(method, target string) *http.Response {
		r := httptest.NewRequest(method, target, nil)
		r.Host = "127.0.0.1"
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result()
	}
	for _, d := range dialect.All() {
		for _, prefix := range []string{"/sandbox/" + d.ID, "/sandbox/w/" + strings.Repeat("a2", 13) + "/" + d.ID} {
			t.Run(prefix+" describes itself", func(t *testing.T) {
				r := httptest.NewRequest(http.MethodGet, prefix+"/openapi.json", nil)
				r.Host = "127.0.0.1"
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code != 200 || w.Header().Get("Content-Type") != "application/json; charset=utf-8" || w.Header().Get("Set-Cookie") != "" {
					t.Fatalf("got %d %v", w.Code, w.Header())
				}
				var doc struct {
					Info    struct{ Version string }
					Servers []struct{ URL string }
				}
				if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
					t.Fatal(err)
				}
				if len(doc.Servers) != 1 || doc.Servers[0].URL != prefix || doc.Info.Version != d.Versions.Default {
					t.Errorf("got %+v", doc)
				}
			})
		}
	}
	d := dialect.All()[0]
	at := "/sandbox/" + d.ID + "/openapi.json"
	t.Run("an unknown version is not there", func(t *testing.T) {
		if got := get(http.MethodGet, at+"?version=v99"); got.StatusCode != 404 || got.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("got %d %v", got.StatusCode, got.Header)
		}
	})
	t.Run("it travels packed", func(t *testing.T) {
		if got := get(http.MethodGet, at); got.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("got %v", got.Header)
		}
	})
	t.Run("HEAD has no body", func(t *testing.T) {
		if got := get(http.MethodHead, at); got.StatusCode != 200 || got.ContentLength <= 0 {
			t.Errorf("got %d with %d bytes", got.StatusCode, got.ContentLength)
		}
	})
	t.Run("other methods are the product's to refuse", func(t *testing.T) {
		if got := get(http.MethodPost, at); got.StatusCode != 404 || got.Header.Get("X-Sandbox") == "" {
			t.Errorf("got %d %v", got.StatusCode, got.Header)
		}
	})
}
