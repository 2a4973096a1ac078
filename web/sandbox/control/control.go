// Package control is the API with which scripts steer a sandbox: they move
// clocks, arm faults, change people and read which calls came.
//
// It has no accounts. It answers requests that name this machine only, takes
// bodies of application/json only, and changes nothing that a browser asks for
// another site's page.
package control

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/store"
)

// Shared is how this API and paths call the world that everybody shares, whose
// name is empty.
const Shared = "shared"

// Description is the OpenAPI document of [New].
//
//go:embed openapi.json
var Description []byte

// Config is what the API is made of.
type Config struct {
	// Sandbox is what is steered. Required.
	Sandbox *sandbox.Server
	// Products are those that it plays.
	Products []Product
	// Calls is the journal; nil for none.
	Calls *Calls
	// Describe returns the OpenAPI document of a product in a version, behind
	// an address; nil for none.
	Describe func(d *dialect.Dialect, version, at string) ([]byte, error)
	// CA is the certificate that clients must trust, as PEM; empty for none.
	CA []byte
	// Ready says why the sandbox is not ready; nil means that it is.
	Ready func(context.Context) error
	// Now tells the real time; nil means [time.Now].
	Now func() time.Time
	// Log takes failures of the store; nil means none.
	Log *slog.Logger
}

// Product is one that the sandbox plays.
type Product struct {
	*dialect.Dialect
	// URL is where, without a slash at its end.
	URL string
}

// api answers requests. With own it steers one visitor's worlds: not the
// shared one, and not its people.
type api struct {
	Config
	own bool
}

// New returns the whole API, for a listener of its own.
func New(cfg Config) http.Handler {
	a := &api{Config: cfg.filled()}
	return local(a.guarded(a.mux(a.routes())))
}

func (a *api) routes() []route {
	return append(a.worlds(),
		route{"GET", "/products", a.products},
		route{"GET", "/products/{product}/openapi.json", a.productDescription},
		route{"GET", "/faults", a.faults},
		route{"PUT", "/worlds/{world}/people", a.putPeople},
		route{"GET", "/calls", a.calls},
		route{"DELETE", "/calls", a.forgetCalls},
		route{"GET", "/ca.pem", a.ca},
		route{"GET", "/readyz", a.ready},
		route{"GET", "/openapi.json", a.description},
	)
}

// Worlds returns the part below /worlds/{world} for worlds that have a name,
// without their people. It looks at no host: what stands before it does.
func Worlds(cfg Config) http.Handler {
	a := &api{Config: cfg.filled(), own: true}
	return a.guarded(a.mux(a.worlds()))
}

func (cfg Config) filled() Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return cfg
}

func (a *api) worlds() []route {
	return []route{
		{"GET", "/worlds/{world}", a.world},
		{"PATCH", "/worlds/{world}", a.patchWorld},
		{"POST", "/worlds/{world}/clock", a.clock},
		{"PUT", "/worlds/{world}/faults", a.putFaults},
		{"DELETE", "/worlds/{world}/faults", a.clearFaults},
		{"POST", "/worlds/{world}/reset", a.reset},
	}
}

// route is one line of the table. Paths are OpenAPI's.
type route struct {
	method, path string
	// handle returns what is written as JSON, unless it has written itself and
	// returns nil.
	handle func(w http.ResponseWriter, r *http.Request) (any, error)
}

// mux routes by path first, so that what is missing is told in JSON too.
func (a *api) mux(routes []route) http.Handler {
	byPath := map[string]map[string]route{}
	for _, r := range routes {
		if byPath[r.path] == nil {
			byPath[r.path] = map[string]route{}
		}
		byPath[r.path][r.method] = r
	}
	mux := http.NewServeMux()
	for pattern, methods := range byPath {
		allow := slices.Collect(maps.Keys(methods))
		if methods["GET"].handle != nil {
			allow = append(allow, "HEAD")
		}
		slices.Sort(allow)
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			method := r.Method
			if method == http.MethodHead {
				method = http.MethodGet
			}
			found, ok := methods[method]
			if !ok {
				w.Header().Set("Allow", strings.Join(allow, ", "))
				a.fail(w, r, &problem{Kind: "method-not-allowed", Status: http.StatusMethodNotAllowed, Title: "That is not done here with this method",
					Detail: "This address takes " + strings.Join(allow, ", ") + "."})
				return
			}
			answer, err := found.handle(w, r)
			if err != nil {
				a.fail(w, r, err)
			} else if answer != nil {
				write(w, http.StatusOK, "application/json", answer)
			}
		})
	}
	nothing := func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, &problem{Kind: "not-found", Status: http.StatusNotFound, Title: "There is nothing here",
			Detail: "The addresses of this API are " + strings.Join(slices.Sorted(maps.Keys(byPath)), ", ") + "."})
	}
	mux.HandleFunc("/", nothing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect, to where this API is not if it stands behind
		// a prefix.
		if r.URL.Path != path.Clean(r.URL.Path) {
			nothing(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// local refuses requests that name another machine: a web page whose name was
// pointed at this one gets no further than here.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if !strings.EqualFold(host, "localhost") && (err != nil || !addr.IsLoopback()) {
			writeProblem(w, &problem{Kind: "wrong-host", Status: http.StatusMisdirectedRequest, Title: "This server has another name",
				Detail: "The control API answers requests for localhost, 127.0.0.1 and ::1 only."})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guarded refuses changes that another site asks a browser for. Programs that
// are no browsers say nothing of sites and pass.
func (a *api) guarded(next http.Handler) http.Handler {
	var protection http.CrossOriginProtection
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, &problem{Kind: "cross-origin", Status: http.StatusForbidden, Title: "Another site asked for this", Detail: "Nothing was changed."})
	}))
	return protection.Handler(next)
}

// problem is a refusal of ours (RFC 9457).
type problem struct {
	Kind   string // the last segment of the type; never changes
	Status int
	Title  string
	Detail string
	Errors []string // each wrong value by itself, if there are several
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

// wrong is a request that cannot be done as it is.
func wrong(err error) error {
	p := &problem{Kind: "wrong-value", Status: http.StatusUnprocessableEntity, Title: "That cannot be done"}
	p.Errors = strings.Split(err.Error(), "\n")
	p.Detail = strings.Join(p.Errors, "; ")
	if len(p.Errors) == 1 {
		p.Errors = nil
	}
	return p
}

// fail words an error.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, store.ErrUnavailable):
		p = &problem{Kind: "store", Status: http.StatusServiceUnavailable, Title: "The store does not answer", Detail: "Nothing was changed, as far as is known. Try again in a few seconds."}
	default:
		p = &problem{Kind: "internal", Status: http.StatusInternalServerError, Title: "Something went wrong here", Detail: "This is a fault of the sandbox, not of yours. Its log says more."}
	}
	if p.Status >= 500 {
		a.Log.Error("sandbox control: a request failed", "method", r.Method, "path", r.Pattern, "err", err)
	}
	writeProblem(w, p)
}

func writeProblem(w http.ResponseWriter, p *problem) {
	write(w, p.Status, "application/problem+json", struct {
		Type   string   `json:"type"`
		Title  string   `json:"title"`
		Status int      `json:"status"`
		Detail string   `json:"detail"`
		Errors []string `json:"errors,omitempty"`
	}{"/problems/" + p.Kind, p.Title, p.Status, p.Detail, p.Errors})
}

func write(w http.ResponseWriter, status int, media string, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // for people at a terminal; no browser takes this for a page
	if err := enc.Encode(v); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	writeBytes(w, status, media, body.Bytes())
}

func writeBytes(w http.ResponseWriter, status int, media string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// maxBody fits fifty people and every fault of every product.
const maxBody = 64 << 10

// read decodes a body of exactly one object. It refuses every other media type,
// since a form or plain text may come from any web page, and names every
// member that it does not know.
func read(w http.ResponseWriter, r *http.Request, into any, members ...string) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return &problem{Kind: "media-type", Status: http.StatusUnsupportedMediaType, Title: "The body must be JSON",
			Detail: "Send it with Content-Type: application/json."}
	}
	malformed := func(why string) error {
		return &problem{Kind: "malformed", Status: http.StatusBadRequest, Title: "The body cannot be read", Detail: why}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	var raw map[string]json.RawMessage
	err := dec.Decode(&raw)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &problem{Kind: "too-large", Status: http.StatusRequestEntityTooLarge, Title: "The body is too large", Detail: fmt.Sprintf("It may have %d bytes.", maxBody)}
	case err != nil:
		return malformed("It is not a JSON object: " + err.Error() + ".")
	case raw == nil || dec.More():
		return malformed("It must be exactly one JSON object.")
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(members, name) {
			unknown = append(unknown, fmt.Sprintf("%.40q", name))
		}
	}
	if unknown != nil {
		return malformed("It has the unknown members " + strings.Join(unknown, ", ") + "; use " + strings.Join(members, ", ") + ".")
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return malformed(err.Error())
	}
	strict := json.NewDecoder(strings.NewReader(string(text)))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		return malformed(strings.TrimPrefix(err.Error(), "json: ") + ".")
	}
	return nil
}
