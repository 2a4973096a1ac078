package openapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"
)

// uiPolicy is the pages' own policy but for Trusted Types: Swagger UI cleans
// descriptions with DOMPurify, which makes a policy of that name.
const uiPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default dompurify"

//go:embed ui
var own embed.FS

// asset is one file of the page, addressed by its content.
type asset struct {
	name, mime string
	body       []byte
	packed     []byte // gzip; nil if it would not be shorter
}

// readAssets reads the files of Swagger UI, which come packed, and our own,
// which offers the listed documents.
func readAssets(listed []Listed) (map[string]*asset, error) {
	names, err := json.Marshal(listed)
	if err != nil {
		return nil, err
	}
	byName := map[string]*asset{}
	load := func(from fs.FS, name, file string) error {
		raw, err := fs.ReadFile(from, file)
		if err != nil {
			return err
		}
		a := &asset{name: name, body: bytes.ReplaceAll(raw, []byte("{{listed}}"), names)}
		if strings.HasSuffix(file, ".gz") {
			a.packed = raw
			r, err := gzip.NewReader(bytes.NewReader(raw))
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if a.body, err = io.ReadAll(r); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		if a.mime = mime.TypeByExtension(path.Ext(name)); path.Ext(name) == ".js" {
			a.mime = "text/javascript; charset=utf-8"
		}
		byName[name] = a
		return nil
	}
	for _, name := range []string{"swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css"} {
		if err := load(static.FS, name, name+".gz"); err != nil {
			return nil, err
		}
	}
	if err := load(static.FS, "favicon-32x32.png", "favicon-32x32.png"); err != nil {
		return nil, err
	}
	for _, name := range []string{"own.css", "initialiser.js", "policy.js"} {
		if err := load(own, name, "ui/"+name); err != nil {
			return nil, err
		}
	}
	page, err := own.ReadFile("ui/index.html")
	if err != nil {
		return nil, err
	}
	byPath := map[string]*asset{}
	for name, a := range byName {
		sum := sha256.Sum256(a.body)
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
		byPath["/"+hashed] = a
		page = bytes.ReplaceAll(page, []byte("{{"+name+"}}"), []byte(hashed))
	}
	byPath["/"] = &asset{name: "index.html", mime: "text/html; charset=utf-8", body: page}
	return byPath, nil
}

// Listed is a document that Swagger UI offers beside our own, by an address on
// the same host.
type Listed struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// UI serves Swagger UI with our own documents and those listed, below any
// prefix that is stripped and ends before a slash. It sets a policy of its own
// for scripts and styles, under which it reads documents of this host only.
func UI(listed ...Listed) http.Handler {
	// Reading costs a few milliseconds and some memory, so it waits for the
	// first visitor.
	assets := sync.OnceValues(func() (map[string]*asset, error) { return readAssets(listed) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files, err := assets()
		if err != nil { // an embedded file is broken: the build is
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		a, ok := files[r.URL.Path]
		if !ok {
			h.Set("Cache-Control", "no-store")
			http.Error(w, "no such file", http.StatusNotFound)
			return
		}
		h.Set("Content-Type", a.mime)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", uiPolicy)
		if r.URL.Path == "/" {
			h.Set("Cache-Control", "no-cache")
		} else {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		body := a.body
		if a.packed != nil {
			h.Set("Vary", "Accept-Encoding")
			if acceptsGzip(r.Header.Get("Accept-Encoding")) {
				h.Set("Content-Encoding", "gzip")
				body = a.packed
			}
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // an error means that the client has gone
		}
	})
}

// acceptsGzip looks for gzip with a weight above zero (RFC 9110, 12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, weighed := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, value, _ := strings.Cut(weight, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return !weighed || err == nil && q > 0
	}
	return false
}
