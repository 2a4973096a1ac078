package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"tokenplayground/handlers"
	"tokenplayground/openapi"
	"tokenplayground/static"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/sandbox/control"
)

// route is one line of the table. Paths are OpenAPI's, with {name}.
type route struct {
	method, path string
	handler      echo.HandlerFunc
}

// routes is every address that the program has, but for those of the products
// that the sandbox plays. A test holds it equal to the OpenAPI document.
func (s *Server) routes() []route {
	p := s.pages
	return []route{
		{"GET", "/", p.Index},
		{"GET", "/{product}", p.Product},
		{"POST", "/{product}/token", p.Token},
		{"POST", "/{product}/refresh", p.Refresh},
		{"POST", "/{product}/explore", p.Explore},
		{"POST", "/{product}/accounts/logout", p.Logout},
		{"POST", "/{product}/forget", p.Forget},
		{"POST", "/{product}/key", p.Key},
		{"POST", "/{product}/target", p.OwnTarget},
		{"POST", "/{product}/trust", p.Trust},
		{"POST", "/{product}/calls/{call}", p.Call},
		{"POST", "/{product}/clock", p.Clock},
		{"POST", "/{product}/world", p.World},
		{"GET", "/{product}/exchanges/{n}", p.Exchange},
		{"POST", "/forget", p.ForgetAll},
		{"GET", "/people", p.People},
		{"GET", "/fidelity", p.Fidelity},
		{"GET", "/livez", p.Live},
		{"GET", "/readyz", p.IsReady},
		{"GET", "/swagger.json", document(openapi.Swagger2)},
		{"GET", "/openapi.json", document(openapi.OpenAPI3)},
	}
}

func (s *Server) mount() {
	for _, r := range s.routes() {
		path := strings.NewReplacer("{", ":", "}", "").Replace(r.path)
		handler := noted(r.path, r.handler)
		s.echo.Add(r.method, path, handler)
		if r.method == http.MethodGet {
			s.echo.HEAD(path, handler)
		}
	}
	files := echo.WrapHandler(static.Handler())
	s.echo.GET("/static/*", noted("/static/*", files))
	s.echo.HEAD("/static/*", noted("/static/*", files))
	ui := echo.WrapHandler(http.StripPrefix("/swagger", openapi.UI(s.productDocuments()...)))
	s.echo.GET("/swagger", noted("/swagger/*", func(c echo.Context) error { return c.Redirect(http.StatusMovedPermanently, "/swagger/") }))
	s.echo.GET("/swagger/*", noted("/swagger/*", ui))
	s.echo.HEAD("/swagger/*", noted("/swagger/*", ui))
}

func noted(path string, h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		noteRoute(c.Response().Writer, path)
		return h(c)
	}
}

// document serves one form of the API description. It changes with the
// program only, but a proxy must not keep it past an update.
func document(body []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.JSONBlob(http.StatusOK, body)
	}
}

// documentName is where the sandbox of a product describes itself.
const documentName = "openapi.json"

// productDocuments are those of the shared world, for Swagger UI.
func (s *Server) productDocuments() []openapi.Listed {
	var out []openapi.Listed
	for _, d := range s.cfg.products.All() {
		out = append(out, openapi.Listed{Name: d.Name, URL: "/sandbox/" + d.ID + "/" + documentName})
	}
	return out
}

// productDocument serves the description of one product behind a prefix, in
// the version that the query names.
func (s *Server) productDocument(d *dialect.Dialect, prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version := r.URL.Query().Get("version")
		if _, ok := d.Version(version); !ok {
			pr := handlers.NotFound(nil)
			pr.Detail = d.Name + " has no such version. It has " + versionIDs(d) + "."
			writeProblem(w, r, pr)
			return
		}
		doc, err := openapi.Product(d, version, prefix)
		if err != nil {
			s.log.Error("a product cannot be described", "product", d.ID, "err", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Length", strconv.Itoa(len(doc)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(doc) //nolint:gosec // JSON, never sniffed, in which the prefix is encoded; an error means that the client has gone
		}
	})
}

func versionIDs(d *dialect.Dialect) string {
	var ids []string
	for _, v := range d.Versions.All {
		ids = append(ids, v.ID)
	}
	return strings.Join(ids, ", ")
}

// playSandbox serves the products as they are, behind a prefix: no session, no
// page headers, no cross-origin check, since it is for curl and libraries. What
// is refused before a product plays is ours and has our headers.
//
//	/sandbox/{product}/…           the world that everybody shares
//	/sandbox/w/{world}/{product}/… a visitor's own
//
// Behind each prefix, openapi.json describes the product. A world has any name
// that [sandbox.CheckWorld] allows; /sandbox/w/{world}/control/… steers it. The
// one that everybody shares cannot be steered from here.
func (s *Server) playSandbox(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(r.URL.Path, "/sandbox/")
	world, prefix := "", "/sandbox/"
	if own, ok := strings.CutPrefix(rest, "w/"); ok {
		name, more, found := strings.Cut(own, "/")
		if !found || name == "" || sandbox.CheckWorld(name) != nil {
			s.noSandbox(w, r)
			return
		}
		if more == "control" || strings.HasPrefix(more, "control/") {
			noteRoute(w, "/sandbox/w/{world}/control")
			s.steer(name, strings.TrimPrefix(more, "control")).ServeHTTP(w, r)
			return
		}
		rest, prefix = more, prefix+"w/"+name+"/"
		if name != control.Shared {
			world = name
		}
	}
	id, path, _ := strings.Cut(rest, "/")
	d, ok := s.cfg.products.Find(id)
	if !ok {
		s.noSandbox(w, r)
		return
	}
	noteRoute(w, "/sandbox/"+d.ID)
	if path == documentName && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		compressed(s.productDocument(d, prefix+id)).ServeHTTP(w, r)
		return
	}
	// The product's own headers, and nothing of ours beside them.
	clear(w.Header())
	http.StripPrefix(prefix+id, s.sandbox.Handler(d, world)).ServeHTTP(w, r)
}

// steer is the control API of a world at a path of it.
func (s *Server) steer(world, path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The part of the API is one for all worlds, and takes the name from
		// its path.
		inner := r.Clone(r.Context())
		inner.URL.Path, inner.URL.RawPath = strings.TrimSuffix("/worlds/"+world+path, "/"), ""
		s.worlds.ServeHTTP(w, inner)
	})
}

func (s *Server) noSandbox(w http.ResponseWriter, r *http.Request) {
	pr := handlers.NotFound(nil)
	first := s.cfg.products.All()[0]
	pr.Detail = "The sandbox plays the products " + productIDs(s.cfg.products) + ". Their paths follow, for example /sandbox/" + first.ID + first.Operation(dialect.Obtain).Path + "."
	writeProblem(w, r, pr)
}
