package web

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"

	"tokenplayground/handlers"
)

// maxBody bounds every request's body.
const maxBody = 64 << 10

// contentSecurityPolicy allows what the pages use and nothing inline.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"

type requestIDKey struct{}

// requestID is the id of the request that a context belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// identified gives each request an id. A client's own is kept if it is
// harmless.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !goodID.MatchString(id) {
			id = rand.Text()[:16]
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// logged writes one line for each request: neither query nor body nor cookie.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		lw := &watched{ResponseWriter: w}
		next.ServeHTTP(lw, r)
		s.meters.request(r.Method, lw.route(r), lw.status(), time.Since(began))
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("id", requestID(r.Context())), slog.String("method", r.Method), slog.String("route", lw.route(r)),
			slog.Int("status", lw.status()), slog.Int64("bytes", lw.bytes), slog.Duration("took", time.Since(began)))
	})
}

// watched remembers what was written.
type watched struct {
	http.ResponseWriter
	code  int
	bytes int64
	path  string
}

func (w *watched) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}

// route is the template of the path, which no value of a visitor's is in. A
// path without a route may hold anything, so it is not logged.
func (w *watched) route(*http.Request) string {
	if w.path == "" {
		return "-"
	}
	return w.path
}

// noteRoute tells the log which route a request took.
func noteRoute(w http.ResponseWriter, path string) {
	for {
		if lw, ok := w.(*watched); ok {
			lw.path = path
			return
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}

// recovered turns a panic into a problem and a line of the log.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // r carries it
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			// The type of the panic's value, not the value: it may quote
			// what a visitor typed.
			s.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("id", requestID(r.Context())),
				slog.String("kind", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
			s.harden(w.Header(), r) // a product of the sandbox may have had the word
			s.fail(w, r, internal(nil))
		}()
		next.ServeHTTP(w, r)
	})
}

// hardened sets the headers that every page and problem has.
func (s *Server) hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.harden(w.Header(), r)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) harden(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	// A page without a session has nothing that another window could
	// learn, and there this header would cost half of the first visit: the
	// browser has to begin a new process once it has seen it.
	if len(r.CookiesNamed(s.cookie)) > 0 || r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), clipboard-read=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, HX-Request")
}

// hosted refuses requests that name a host that is not ours: a web page whose
// name was pointed at this machine gets no further than here.
func (s *Server) hosted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ours(r.Host) {
			s.fail(w, r, &handlers.Problem{Kind: "wrong-host", Status: http.StatusMisdirectedRequest, Title: "This server has another name",
				Detail: "The request names a host that this playground does not answer for. Open it at the address that it printed when it started, or set --public-url to this one."})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) ours(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return s.hosts[strings.ToLower(strings.Trim(name, "[]"))]
}

// guarded refuses changes that another site asks the visitor's browser for.
func (s *Server) guarded(next http.Handler) http.Handler {
	var protection http.CrossOriginProtection
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &handlers.Problem{Kind: "cross-origin", Status: http.StatusForbidden, Title: "Another site asked for this",
			Detail: "A form or script of another site sent this request, so nothing was done. Use the forms of the playground itself."})
	}))
	return protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.nameless(r) {
			s.fail(w, r, &handlers.Problem{Kind: "no-origin", Status: http.StatusForbidden, Title: "Nothing says where this form came from",
				Detail: "The request carries a session and asks for a page, but neither Origin nor Sec-Fetch-Site. A browser sends at least one; something on the way may have removed them. Nothing was done. A script should send Accept: application/json."})
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// nameless says that a change comes with a session and looks like a form of a
// browser that does not tell where the form was. The protection lets requests
// through that have neither header, because tools send neither; browsers that
// are older than both headers, or behind something that removes them, do too,
// and there another site's form would act with the visitor's session.
//
// Such a form always says that it takes text/html and that it comes from a
// Mozilla, as all browsers do, and the other site can change neither: scripts
// could, but every browser that has scripts across sites sends Origin with
// theirs. Tools with a cookie jar do not call themselves that, so they go on
// working, whatever they accept.
func (s *Server) nameless(r *http.Request) bool {
	return !safe(r.Method) && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" &&
		strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/") &&
		strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/html") && len(r.CookiesNamed(s.cookie)) > 0
}

// limited bounds the body.
func limited(next http.Handler) http.Handler { return http.MaxBytesHandler(next, maxBody) }

// encoder is a compressor that can be used again.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

// encoders are kept for reuse: each has tables of its own.
var encoders = map[string]*sync.Pool{
	"br":   {New: func() any { return brotli.NewWriterV2(nil, 4) }},
	"gzip": {New: func() any { w, _ := gzip.NewWriterLevel(nil, 5); return w }}, // the level is valid
}

// compressed packs text on its way out. Pages are drawn whole before they are
// written, so the first write shows whether packing is worth while.
func compressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		accepted := r.Header.Get("Accept-Encoding")
		pw := &packer{ResponseWriter: w}
		switch {
		case accepts(accepted, "br"):
			pw.encoding = "br"
		case accepts(accepted, "gzip"):
			pw.encoding = "gzip"
		}
		defer pw.close()
		next.ServeHTTP(pw, r)
	})
}

// accepts looks for an encoding that is not refused by q=0.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, encoding) {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

type packer struct {
	http.ResponseWriter
	encoding string
	code     int
	begun    bool
	out      encoder
}

// worthPacking is below a packet's payload: shorter answers travel in one
// packet whatever is done to them.
const worthPacking = 1024

func (p *packer) WriteHeader(code int) {
	if code >= 100 && code < 200 {
		p.ResponseWriter.WriteHeader(code)
		return
	}
	if p.code == 0 {
		p.code = code
	}
}

func (p *packer) begin(first []byte) {
	p.begun = true
	h := p.Header()
	h.Add("Vary", "Accept-Encoding")
	kind := h.Get("Content-Type")
	text := strings.HasPrefix(kind, "text/") || strings.Contains(kind, "json") || strings.Contains(kind, "javascript")
	if p.encoding != "" && text && len(first) >= worthPacking && h.Get("Content-Encoding") == "" {
		h.Set("Content-Encoding", p.encoding)
		h.Del("Content-Length")
		p.out = encoders[p.encoding].Get().(encoder)
		p.out.Reset(p.ResponseWriter)
	}
	if p.code == 0 {
		p.code = http.StatusOK
	}
	p.ResponseWriter.WriteHeader(p.code)
}

func (p *packer) Write(b []byte) (int, error) {
	if !p.begun {
		p.begin(b)
	}
	if p.out != nil {
		return p.out.Write(b)
	}
	return p.ResponseWriter.Write(b)
}

func (p *packer) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *packer) close() {
	if !p.begun && p.code != 0 {
		p.begin(nil)
	}
	if p.out == nil {
		return
	}
	_ = p.out.Close() // the connection is gone; there is nobody to tell
	encoders[p.encoding].Put(p.out)
}
