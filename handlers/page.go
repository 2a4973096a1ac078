package handlers

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/session"
)

// What a page says happened, by the query's done. Sentences never come from
// an address.
const (
	noticeForgotten = "forgotten"
	noticePasted    = "pasted"
	noticeTrusted   = "trusted"
)

var notices = map[string]string{
	noticeForgotten: "Forgotten. Nothing of it is kept here any more.",
	noticePasted:    "Your token is in api_key. Click Explore to find out what it is good for.",
	noticeTrusted:   "This certificate is trusted for this target, until your session ends. Type the password again and send the call.",
}

// page is everything that a product's page is drawn from.
type page struct {
	q      query
	aim    aim
	state  *session.State
	record *record // the answer to show; nil for none
	form   *Form   // what was typed, with what was wrong; nil for none
}

// Index offers the products.
//
//	@ID				products
//	@Summary	Choose a product
//	@Tags		Pages
//	@Produce	json,html
//	@Success	200	{array}		ProductJSON
//	@Failure	400,421,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router		/ [get]
func (p *Playground) Index(c echo.Context) error {
	q, err := readQuery(c.QueryParams(), nil)
	if err != nil {
		return err
	}
	if WantsJSON(c.Request()) {
		return c.JSON(http.StatusOK, productsJSON(p.cfg.Products))
	}
	s, err := p.cfg.Sessions.Load(c.Request())
	if err != nil {
		return sessionProblem(err)
	}
	return p.Render(c, http.StatusOK, templates.Home(p.homeView(c, q, s)))
}

// ProductJSON is one product, as the API lists it.
type ProductJSON struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Port     int      `json:"port"`
	Ritual   string   `json:"ritual" enums:"classic,modern"`
	Versions []string `json:"versions"`
	Grants   []string `json:"grants"`
	// Own says that the operator described the product.
	Own bool `json:"own"`
	// Sandbox is the path that the sandbox answers under.
	Sandbox string `json:"sandbox"`
}

func productsJSON(products *dialect.Catalog) []ProductJSON {
	var out []ProductJSON
	for _, d := range products.All() {
		out = append(out, productJSON(products, d))
	}
	return out
}

func productJSON(products *dialect.Catalog, d *dialect.Dialect) ProductJSON {
	pj := ProductJSON{ID: d.ID, Name: d.Name, Port: d.Port, Ritual: string(d.Ritual), Sandbox: "/sandbox/" + d.ID, Own: products.IsOwn(d)}
	for _, v := range d.Versions.All {
		pj.Versions = append(pj.Versions, v.ID)
	}
	for _, g := range d.Operation(dialect.Obtain).Grants {
		pj.Grants = append(pj.Grants, g.Wire)
	}
	return pj
}

// StateJSON is a product's page as data: the tokens that are kept and the
// history.
type StateJSON struct {
	Product ProductJSON    `json:"product"`
	Session SessionJSON    `json:"session"`
	History []ExchangeLine `json:"history"`
	Steps   []StepJSON     `json:"steps"`
}

// ExchangeLine is one line of the history.
type ExchangeLine struct {
	ID         int     `json:"id"`
	Operation  string  `json:"operation"`
	Method     string  `json:"method"`
	Path       string  `json:"path"`
	Status     int     `json:"status"`
	Fault      string  `json:"fault,omitempty"`
	Failure    string  `json:"failure,omitempty"`
	At         string  `json:"at" format:"date-time"`
	DurationMS float64 `json:"duration_ms"`
}

// StepJSON is one step of the documented procedure.
type StepJSON struct {
	Text    string `json:"text"`
	Done    bool   `json:"done"`
	Current bool   `json:"current"`
	// Exchange proved the step; 0 where nothing of the wire does.
	Exchange int `json:"exchange"`
}

// Product is the playground page of one product.
//
//	@ID				state
//	@Summary		The playground of one product
//	@Description	The page, or with Accept: application/json the state of the session: tokens, history, steps of the documented procedure.
//	@Tags			Pages
//	@Produce		json,html
//	@Param			product	path		string	true	"Product"
//	@Param			op		query		string	false	"Operation to open: token, explore, logout, or another call"
//	@Param			grant	query		string	false	"Grant to show, in the product's own spelling"
//	@Param			target	query		string	false	"Target"	default(sandbox)
//	@Param			version	query		string	false	"API version"
//	@Param			fault	query		string	false	"Fault of the sandbox to choose in the form"
//	@Param			view	query		string	false	"View of the answer"	Enums(body, headers, request, curl, decoded)
//	@Param			theme	query		string	false	"Theme"	Enums(auto, light, dark)
//	@Success		200		{object}	StateJSON
//	@Failure		400,404,421,422,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product} [get]
func (p *Playground) Product(c echo.Context) error {
	d, q, s, err := p.opened(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	a, err := p.aimAt(d, q.target, s.State)
	if err != nil {
		return err
	}
	if q.fault != "" {
		if a.Real {
			return faultAtRealServer()
		}
		q = openFault(d, q)
	}
	if WantsJSON(c.Request()) {
		return c.JSON(http.StatusOK, p.stateJSON(ctx, d, a, s.State))
	}
	pg := page{q: q, aim: a, state: s.State}
	if pg.record, err = p.shown(ctx, d, q, s); err != nil {
		return sessionProblem(err)
	}
	return p.drawProduct(c, d, pg, http.StatusOK)
}

// opened reads what every page of a product begins with.
func (p *Playground) opened(c echo.Context) (*dialect.Dialect, query, *session.Session, error) {
	d, err := p.product(c)
	if err != nil {
		return nil, query{}, nil, err
	}
	q, err := readQuery(c.QueryParams(), d)
	if err != nil {
		return nil, query{}, nil, err
	}
	s, err := p.cfg.Sessions.Load(c.Request())
	if err != nil {
		return nil, query{}, nil, sessionProblem(err)
	}
	return d, q, s, nil
}

func (p *Playground) stateJSON(ctx context.Context, d *dialect.Dialect, a aim, s *session.State) StateJSON {
	out := StateJSON{Product: productJSON(p.cfg.Products, d), Session: p.sessionJSON(slotOf(s, d, a), a, p.clock(ctx, a, s)), History: []ExchangeLine{}}
	for _, e := range ownHistory(s, d, a) {
		out.History = append(out.History, ExchangeLine{
			ID: e.N, Operation: e.Operation, Method: e.Method, Path: e.Path, Status: e.Status, Fault: e.Fault, Failure: e.Failure,
			At: e.At.UTC().Format(time.RFC3339), DurationMS: float64(e.Took.Microseconds()) / 1000,
		})
	}
	for _, st := range progress(d, a, s) {
		out.Steps = append(out.Steps, StepJSON{st.Text, st.Done, st.Current, st.By})
	}
	return out
}

// shown is the exchange that a page shows; nil for none.
func (p *Playground) shown(ctx context.Context, d *dialect.Dialect, q query, s *session.Session) (*record, error) {
	a, err := p.aimAt(d, q.target, s.State)
	if err != nil {
		return nil, err
	}
	n := shownExchange(d, a, q, s.State)
	if n == 0 {
		return nil, nil
	}
	out, err := p.kept(ctx, s, n)
	if out == nil {
		return nil, err
	}
	return out.record, err
}

// shownExchange picks the exchange that the page shows: the one that the
// address names, or else the newest of the operation that it opens.
func shownExchange(d *dialect.Dialect, a aim, q query, s *session.State) int {
	list := ownHistory(s, d, a)
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case q.x > 0 && list[i].N == q.x:
			return q.x
		case q.x == 0 && q.op != "" && list[i].Operation == string(q.op) && q.grant == "" && !q.fill:
			return list[i].N
		}
	}
	return 0
}

// ownHistory is the history of one product at one target, oldest first.
func ownHistory(s *session.State, d *dialect.Dialect, a aim) []session.Entry {
	if s == nil {
		return nil
	}
	var out []session.Entry
	for _, e := range s.History {
		if e.Product == d.ID && e.Target == a.Name {
			out = append(out, e)
		}
	}
	return out
}

// drawProduct answers with the page, or with its inner part for htmx.
func (p *Playground) drawProduct(c echo.Context, d *dialect.Dialect, pg page, status int) error {
	v := p.productView(c, d, pg)
	if IsFragment(c.Request()) {
		return p.Render(c, status, templates.ProductFragment(v))
	}
	return p.Render(c, status, templates.Product(v))
}

// Exchange is one recorded exchange.
//
//	@ID				exchange
//	@Summary	One recorded exchange
//	@Tags		Pages
//	@Produce	json,html
//	@Param		product	path		string	true	"Product"
//	@Param		n		path		int		true	"Number of the exchange"
//	@Param		part	query		string	false	"One part alone, as text to keep"	Enums(body, headers, request, curl, certificate)
//	@Success	200		{object}	ExchangeJSON
//	@Failure	400,404,421,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router		/{product}/exchanges/{n} [get]
func (p *Playground) Exchange(c echo.Context) error {
	d, q, s, err := p.opened(c)
	if err != nil {
		return err
	}
	rec, err := p.find(c.Request().Context(), s, d, c.Param("n"))
	if err != nil {
		return err
	}
	if WantsJSON(c.Request()) {
		return c.JSON(http.StatusOK, rec.json())
	}
	if part := c.QueryParam("part"); part != "" {
		return download(c, rec, part)
	}
	return p.Render(c, http.StatusOK, templates.ExchangePage(p.exchangeView(c, d, q, s.State, rec)))
}

func (p *Playground) find(ctx context.Context, s *session.Session, d *dialect.Dialect, number string) (*record, error) {
	if s.New {
		return nil, unknownExchange()
	}
	for _, e := range s.State.History {
		if e.Product == d.ID && number == itoa(e.N) {
			out, err := p.kept(ctx, s, e.N)
			if err != nil {
				return nil, sessionProblem(err)
			}
			if out != nil {
				return out.record, nil
			}
		}
	}
	return nil, unknownExchange()
}

// download answers with one part of an exchange as a file.
func download(c echo.Context, r *record, part string) error {
	var text, name string
	switch part {
	case "body":
		text, name = r.Body, "body.json"
		if r.Raw {
			name = "body.txt"
		}
	case "headers":
		text, name = headerText(r), "headers.txt"
	case "request":
		text, name = r.Sent, "request.http"
	case "curl":
		text, name = r.Curl, "request.sh"
	case "certificate":
		if r.Certificate == nil {
			return unknownPart()
		}
		text, name = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate.DER})), "target.pem"
	default:
		return unknownPart()
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="exchange-`+itoa(r.N)+"-"+name+`"`)
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

func unknownPart() *Problem {
	return &Problem{Kind: "unknown-part", Status: http.StatusNotFound, Title: "No such part",
		Detail: "An exchange has the parts body, headers, request and curl, and certificate where the target showed one."}
}

func headerText(r *record) string {
	var b strings.Builder
	for _, h := range r.ResponseHeaders {
		b.WriteString(h[0] + ": " + h[1] + "\n")
	}
	return b.String()
}

// People lists the sandbox's people.
//
//	@ID				people
//	@Summary	The sandbox's people
//	@Tags		Pages
//	@Produce	json,html
//	@Success	200	{array}		PersonJSON
//	@Failure	400,421,500	{object}	ProblemJSON
//	@Router		/people [get]
func (p *Playground) People(c echo.Context) error {
	q, err := readQuery(c.QueryParams(), nil)
	if err != nil {
		return err
	}
	if WantsJSON(c.Request()) {
		var out []PersonJSON
		for _, person := range sandbox.People() {
			out = append(out, PersonJSON{person.Name, person.Password, person.About})
		}
		return c.JSON(http.StatusOK, out)
	}
	return p.Render(c, http.StatusOK, templates.People(p.peopleView(c, q)))
}

// PersonJSON is one person of the sandbox.
type PersonJSON struct {
	Username string `json:"username"`
	Password string `json:"password"`
	About    string `json:"about"`
}

// Live says that the process runs. It never asks the store.
//
//	@ID				live
//	@Summary	Is the process alive?
//	@Tags		Health
//	@Produce	plain
//	@Success	200	{string}	string	"ok"
//	@Failure		421	{object}	ProblemJSON
//	@Router		/livez [get]
func (p *Playground) Live(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// IsReady says whether the store answers.
//
//	@ID				ready
//	@Summary	Can it serve?
//	@Tags		Health
//	@Produce	plain
//	@Success	200	{string}	string	"ok"
//	@Failure	421,503	{object}	ProblemJSON
//	@Router		/readyz [get]
func (p *Playground) IsReady(c echo.Context) error {
	if err := p.cfg.Ready(c.Request().Context()); err != nil {
		var pr *Problem
		if errors.As(err, &pr) {
			return pr
		}
		return storeUnavailable(err)
	}
	return c.String(http.StatusOK, "ok\n")
}

// Render draws a component into memory first, so that an error can still
// become a problem and the status is right.
func (p *Playground) Render(c echo.Context, status int, view templ.Component) error {
	b := templ.GetBuffer()
	defer templ.ReleaseBuffer(b)
	if err := view.Render(c.Request().Context(), b); err != nil {
		return err
	}
	return c.HTMLBlob(status, b.Bytes())
}

// ShowProblem draws a problem as a page, or on the form that it is about.
func (p *Playground) ShowProblem(c echo.Context, pr *Problem, reference string) error {
	if pr.Form != nil {
		if d, ok := p.cfg.Products.Find(pr.Form.Product); ok {
			if s, err := p.cfg.Sessions.Load(c.Request()); err == nil {
				if a, err := p.aimAt(d, pr.Form.query.target, s.State); err == nil {
					return p.drawProduct(c, d, page{q: pr.Form.query, aim: a, state: s.State, form: pr.Form}, pr.Status)
				}
			}
		}
	}
	v := p.problemView(c, pr, reference)
	if IsFragment(c.Request()) {
		return p.Render(c, pr.Status, templates.ProblemMain(v))
	}
	return p.Render(c, pr.Status, templates.Problem(v))
}
