// Package static holds the files that a browser fetches besides the page: one
// style sheet, one script of our own, htmx and the icon. They are embedded,
// addressed by their content and never change under an address.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // the files below
	"encoding/hex"
	"fmt"
	"math/bits"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/andybalholm/brotli"
)

// Prefix is where Handler expects to be mounted, unstripped.
const Prefix = "/static/"

var (
	//go:embed app.css
	appCSS []byte
	//go:embed app.js
	appJS []byte
	//go:embed htmx.min.js
	htmxJS []byte
	//go:embed favicon.svg
	favicon []byte
)

// file is one embedded file with its encodings.
type file struct {
	url  string
	mime string
	body []byte
	// packed is nil until the background has compressed the file; until then
	// the plain body is sent.
	packed atomic.Pointer[packed]
}

type packed struct {
	brotli, gzip []byte
}

// byName and byURL are complete before main runs and never written again.
var (
	byName = map[string]*file{}
	byURL  = map[string]*file{}
)

func init() {
	add("app.css", "text/css; charset=utf-8", appCSS)
	add("app.js", "text/javascript; charset=utf-8", appJS)
	add("htmx.min.js", "text/javascript; charset=utf-8", htmxJS)
	add("favicon.svg", "image/svg+xml", favicon)
}

func add(name, mime string, body []byte) {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	f := &file{
		url:  Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext,
		mime: mime,
		body: body,
	}
	byName[name] = f
	byURL[f.url] = f
}

// URL gives the address of a file: "app.css" is /static/app.<8 hex digits of
// its SHA-256>.css. A name that is not embedded is a mistake of the program,
// and panics.
func URL(name string) string {
	f, ok := byName[name]
	if !ok {
		panic(fmt.Sprintf("static: no file %q is embedded", name))
	}
	return f.url
}

// compressed is closed when every file has its encodings.
var compressed = make(chan struct{})

// startCompressing packs every file once for the process. Brotli's best level
// takes a good part of a second over all files, too long to hold a start up.
var startCompressing = sync.OnceFunc(func() {
	go func() {
		defer close(compressed)
		for _, f := range byName {
			f.packed.Store(&packed{brotli: brotliOf(f.body), gzip: gzipOf(f.body)})
		}
	}()
})

func brotliOf(b []byte) []byte {
	var out bytes.Buffer
	// The encoder sets up memory for the whole window, 4 MB unless told: one
	// that holds the file packs it as well (RFC 7932, 9.1: 16 is 64 KB less 16).
	window := max(16, bits.Len(uint(len(b)+16)))
	w := brotli.NewWriterOptions(&out, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: window})
	// Writes to a buffer have no error to give.
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func gzipOf(b []byte) []byte {
	var out bytes.Buffer
	// The level is a valid constant and a buffer has no error to give.
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// Handler serves the files at the addresses that URL gives, and nothing else.
// It begins to compress them in the background; a request that comes before
// that is done gets the plain bytes.
func Handler() http.Handler {
	startCompressing()
	return http.HandlerFunc(serve)
}

func serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	// The escaped path, so that no second spelling of an address exists.
	f, ok := byURL[r.URL.EscapedPath()]
	if !ok {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		h.Set("Cache-Control", "no-store")
		http.Error(w, "only GET and HEAD are served here", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", f.mime)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.body
	if p := f.packed.Load(); p != nil {
		accept := strings.Join(r.Header.Values("Accept-Encoding"), ",")
		switch {
		case accepts(accept, "br"):
			h.Set("Content-Encoding", "br")
			body = p.brotli
		case accepts(accept, "gzip"):
			h.Set("Content-Encoding", "gzip")
			body = p.gzip
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	// The only error is a reader who went away.
	_, _ = w.Write(body)
}

// accepts reports whether an Accept-Encoding header allows the coding, by name
// or by "*", with a weight above zero (RFC 9110 section 12.5.3).
func accepts(header, coding string) bool {
	star := false
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != coding && name != "*" {
			continue
		}
		weight := 1.0
		if k, v, ok := strings.Cut(params, "="); ok && strings.EqualFold(strings.TrimSpace(k), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				q = 0
			}
			weight = q
		}
		if name == coding {
			return weight > 0
		}
		star = weight > 0
	}
	return star
}
