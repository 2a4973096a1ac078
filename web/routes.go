package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tokenplayground/handlers"
	"tokenplayground/openapi"
	"tokenplayground/static"
	"tokenplayground/web/dialect"
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
		{"POST", "/{product}/clock", p.Clock},
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
	ui := echo.WrapHandler(http.StripPrefix("/swagger", openapi.UI()))
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

// playSandbox serves the products as they are, behind a prefix: no session, no
// page headers, no cross-origin check, since it is for curl and libraries.
//
//	/sandbox/{product}/…           the world that everybody shares
//	/sandbox/w/{world}/{product}/… a visitor's own
func (s *Server) playSandbox(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(r.URL.Path, "/sandbox/")
	world, prefix := "", "/sandbox/"
	if own, ok := strings.CutPrefix(rest, "w/"); ok {
		name, more, found := strings.Cut(own, "/")
		if !found || !worldName(name) {
			s.noSandbox(w, r)
			return
		}
		world, rest, prefix = name, more, prefix+"w/"+name+"/"
	}
	id, _, _ := strings.Cut(rest, "/")
	d, ok := s.cfg.products.Find(id)
	if !ok {
		s.noSandbox(w, r)
		return
	}
	noteRoute(w, "/sandbox/"+d.ID)
	http.StripPrefix(prefix+id, s.sandbox.Handler(d, world)).ServeHTTP(w, r)
}

func worldName(name string) bool {
	return len(name) == 26 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

func (s *Server) noSandbox(w http.ResponseWriter, r *http.Request) {
	pr := handlers.NotFound(nil)
	first := s.cfg.products.All()[0]
	pr.Detail = "The sandbox plays the products " + productIDs(s.cfg.products) + ". Their paths follow, for example /sandbox/" + first.ID + first.Operation(dialect.Obtain).Path + "."
	writeProblem(w, r, pr)
}
