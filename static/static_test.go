package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// packedHandler is the handler once every file is compressed.
func packedHandler(t *testing.T) http.Handler {
	t.Helper()
	h := Handler()
	<-compressed
	return h
}

func get(h http.Handler, method, target, accept string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestURLIsTheHashOfTheContent(t *testing.T) {
	h := packedHandler(t)
	for name, mime := range map[string]string{
		"app.css":     "text/css; charset=utf-8",
		"app.js":      "text/javascript; charset=utf-8",
		"htmx.min.js": "text/javascript; charset=utf-8",
		"favicon.svg": "image/svg+xml",
	} {
		t.Run(name, func(t *testing.T) {
			res := get(h, "GET", URL(name), "")
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(body)
			if want := hex.EncodeToString(sum[:4]); !strings.Contains(URL(name), "."+want+".") {
				t.Errorf("URL(%q) = %q, want the hash %s in it", name, URL(name), want)
			}
			for header, want := range map[string]string{
				"Content-Type":           mime,
				"Cache-Control":          "public, max-age=31536000, immutable",
				"X-Content-Type-Options": "nosniff",
				"Vary":                   "Accept-Encoding",
				"Content-Encoding":       "",
			} {
				if got := res.Header.Get(header); got != want {
					t.Errorf("%s: got %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestURLPanicsForAFileThatIsNotEmbedded(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("URL of an unknown name did not panic")
		}
	}()
	URL("static.go")
}

func TestNegotiation(t *testing.T) {
	h := packedHandler(t)
	for accept, want := range map[string]string{
		"":                            "",
		"identity":                    "",
		"gzip":                        "gzip",
		"gzip, deflate, br, zstd":     "br",
		"GZIP":                        "gzip",
		"br;q=0, gzip":                "gzip",
		"br;q=0.0, gzip;q=0":          "",
		"br; q=0.1, gzip; q=1.0":      "br",
		"*":                           "br",
		"*;q=0":                       "",
		"br;q=0, *":                   "gzip",
		"br;q=many, gzip":             "gzip",
		"brotli":                      "",
		"deflate, compress, identity": "",
	} {
		t.Run(accept, func(t *testing.T) {
			res := get(h, "GET", URL("app.css"), accept)
			if got := res.Header.Get("Content-Encoding"); got != want {
				t.Fatalf("Content-Encoding: got %q, want %q", got, want)
			}
			var body io.Reader = res.Body
			switch want {
			case "br":
				body = brotli.NewReader(res.Body)
			case "gzip":
				zr, err := gzip.NewReader(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				body = zr
			}
			got, err := io.ReadAll(body)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, appCSS) {
				t.Error("the bytes are not those of the file")
			}
		})
	}
}

func TestHeadCarriesTheHeadersOnly(t *testing.T) {
	h := packedHandler(t)
	res := get(h, "HEAD", URL("app.js"), "br")
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || len(body) != 0 || res.Header.Get("Content-Encoding") != "br" || res.Header.Get("Content-Length") == "0" {
		t.Errorf("got %d, %d bytes, %v", res.StatusCode, len(body), res.Header)
	}
}

func TestNothingElseIsServed(t *testing.T) {
	h := packedHandler(t)
	for _, target := range []string{
		"/static/", "/static/app.css", "/static/static.go", "/static/app.00000000.css",
		"/static/../static.go", "/static/%2e%2e/static.go",
		strings.Replace(URL("app.css"), "/app", "%2fapp", 1),
		strings.Replace(URL("app.css"), "app", "%61pp", 1),
		URL("app.css") + "/", "/static/LICENSES.md",
	} {
		t.Run(target, func(t *testing.T) {
			res := get(h, "GET", target, "br")
			if res.StatusCode != 404 {
				t.Errorf("got %d, want 404", res.StatusCode)
			}
			if got := res.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control: got %q, want no-store", got)
			}
		})
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	res := get(packedHandler(t), "POST", URL("app.css"), "")
	if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("got %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
}

// The first page is at most 40 KB in all; the page itself may take 9 of them.
func TestFilesFitTheBudget(t *testing.T) {
	packedHandler(t)
	total := 0
	for name, f := range byName {
		n := len(f.packed.Load().brotli)
		t.Logf("%-12s %6d bytes, %6d with brotli", name, len(f.body), n)
		total += n
	}
	if limit := 30_000; total > limit {
		t.Errorf("the files are %d bytes with brotli, more than %d", total, limit)
	}
	if len(appJS) > 4096 {
		t.Errorf("app.js is %d bytes, more than 4 KB", len(appJS))
	}
}
