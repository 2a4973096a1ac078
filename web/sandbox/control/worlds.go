package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// WorldJSON is a world as the API shows it.
type WorldJSON struct {
	World string `json:"world"`
	// Now is the world's time; AheadSeconds is how far that is ahead of the
	// real one.
	Now          time.Time `json:"now"`
	AheadSeconds int64     `json:"ahead_seconds"`
	Strict       bool      `json:"strict"`
	GraceSeconds int64     `json:"grace_seconds"`
	// Chance in percent that a call meets a fault, in an order that Seed fixes.
	Chance int          `json:"chance"`
	Seed   uint64       `json:"seed"`
	Faults []ArmedJSON  `json:"faults"`
	People []PersonJSON `json:"people"`
}

// ArmedJSON is a fault that waits for a call.
type ArmedJSON struct {
	Fault string `json:"fault"`
	// Product is empty for every product, Purpose for every call that the
	// fault fits, and Times 0 for until it is cleared.
	Product string          `json:"product,omitempty"`
	Purpose dialect.Purpose `json:"purpose,omitempty"`
	Times   int             `json:"times"`
}

// PersonJSON is somebody who can sign in. The password is written and never
// shown.
type PersonJSON struct {
	Name         string `json:"name"`
	Password     string `json:"password,omitempty"`
	SecondFactor bool   `json:"second_factor,omitempty"`
	Operator     bool   `json:"operator,omitempty"`
	Locked       bool   `json:"locked,omitempty"`
	About        string `json:"about,omitempty"`
}

// named is the world of a path, as the sandbox calls it.
func (a *api) named(r *http.Request) (string, error) {
	name := r.PathValue("world")
	switch {
	case name == Shared && a.own:
		return "", &problem{Kind: "shared-world", Status: http.StatusForbidden, Title: "The shared world stays as it is",
			Detail: "Everybody uses it. Choose a world of your own: any name of letters, digits, _ and - will do."}
	case name == Shared:
		return "", nil
	case name == "":
		return "", wrong(errors.New("a world needs a name; " + Shared + " is the one that everybody uses"))
	}
	if err := sandbox.CheckWorld(name); err != nil {
		return "", wrong(err)
	}
	return name, nil
}

func (a *api) world(_ http.ResponseWriter, r *http.Request) (any, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	return a.show(r.Context(), name)
}

func (a *api) show(ctx context.Context, name string) (any, error) {
	w, err := a.Sandbox.World(ctx, name)
	if err != nil {
		return nil, err
	}
	return a.shown(w), nil
}

func (a *api) shown(w sandbox.World) WorldJSON {
	out := WorldJSON{
		World: w.Name, Now: w.Now, AheadSeconds: int64(w.Ahead / time.Second), Strict: w.Strict, GraceSeconds: int64(w.Grace / time.Second),
		Chance: w.Chance, Seed: w.Seed, Faults: []ArmedJSON{}, People: []PersonJSON{},
	}
	if out.World == "" {
		out.World = Shared
	}
	for _, f := range w.Armed {
		out.Faults = append(out.Faults, ArmedJSON{f.Fault, f.Product, f.Purpose, f.Times})
	}
	for _, p := range w.People {
		out.People = append(out.People, PersonJSON{Name: p.Name, SecondFactor: p.SecondFactor, Operator: p.Operator, Locked: p.Locked, About: p.About})
	}
	return out
}

func (a *api) set(ctx context.Context, name string, s sandbox.Setting) (any, error) {
	w, err := a.Sandbox.Set(ctx, name, s)
	if err != nil {
		return nil, callers(err)
	}
	return a.shown(w), nil
}

// callers makes what the sandbox refuses the caller's to mend.
func callers(err error) error {
	for _, theirs := range []error{sandbox.ErrSetting, sandbox.ErrAhead, sandbox.ErrToken} {
		if errors.Is(err, theirs) {
			return wrong(errors.New(strings.TrimPrefix(err.Error(), sandbox.ErrSetting.Error()+": ")))
		}
	}
	return err
}

func (a *api) patchWorld(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	var body struct {
		Strict *bool   `json:"strict"`
		Grace  *string `json:"grace"`
		Chance *int    `json:"chance"`
		Seed   *uint64 `json:"seed"`
	}
	if err := read(w, r, &body, "strict", "grace", "chance", "seed"); err != nil {
		return nil, err
	}
	s := sandbox.Setting{Strict: body.Strict, Chance: body.Chance, Seed: body.Seed}
	if body.Grace != nil {
		grace, err := duration("grace", *body.Grace)
		if err != nil {
			return nil, wrong(err)
		}
		s.Grace = &grace
	}
	return a.set(r.Context(), name, s)
}

func duration(member, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s is %.40q; write a number and a unit, like 90s, 5m or 1h30m", member, text)
	}
	return d, nil
}

func (a *api) putFaults(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	var body struct {
		Faults []ArmedJSON `json:"faults"`
	}
	if err := read(w, r, &body, "faults"); err != nil {
		return nil, err
	}
	armed := []sandbox.Armed{}
	var bad []error
	for _, f := range body.Faults {
		if f.Product != "" {
			if _, err := a.product(f.Product); err != nil {
				bad = append(bad, err)
			}
		}
		if name != "" && a.connection(f.Fault) {
			bad = append(bad, fmt.Errorf("%s befalls a connection, before any world is named; arm it in the world %s", f.Fault, Shared))
		}
		armed = append(armed, sandbox.Armed{Fault: f.Fault, Product: f.Product, Purpose: f.Purpose, Times: f.Times})
	}
	if err := errors.Join(bad...); err != nil {
		return nil, wrong(err)
	}
	return a.set(r.Context(), name, sandbox.Setting{Armed: &armed})
}

func (a *api) connection(fault string) bool {
	return slices.ContainsFunc(sandbox.Faults(nil), func(f sandbox.Fault) bool { return f.ID == fault && f.Connection })
}

func (a *api) clearFaults(_ http.ResponseWriter, r *http.Request) (any, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	return a.set(r.Context(), name, sandbox.Setting{Armed: &[]sandbox.Armed{}})
}

func (a *api) putPeople(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	var body struct {
		People []PersonJSON `json:"people"`
	}
	if err := read(w, r, &body, "people"); err != nil {
		return nil, err
	}
	people := []sandbox.Person{}
	for _, p := range body.People {
		people = append(people, sandbox.Person{Name: p.Name, Password: p.Password, SecondFactor: p.SecondFactor, Operator: p.Operator, Locked: p.Locked, About: p.About})
	}
	return a.set(r.Context(), name, sandbox.Setting{People: &people})
}

func (a *api) reset(_ http.ResponseWriter, r *http.Request) (any, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	if err := a.Sandbox.Reset(r.Context(), name); err != nil {
		return nil, err
	}
	return a.show(r.Context(), name)
}

// clockBody asks for exactly one move. Product and Token say whose expiry is
// meant: that of the token, or of one that the product issues now.
type clockBody struct {
	Move         string    `json:"move"`
	To           time.Time `json:"to"`
	BeforeExpiry string    `json:"before_expiry"`
	Expire       string    `json:"expire"`
	Now          bool      `json:"now"`
	Product      string    `json:"product"`
	Token        string    `json:"token"`
}

func (a *api) clock(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	var body clockBody
	if err := read(w, r, &body, "move", "to", "before_expiry", "expire", "now", "product", "token"); err != nil {
		return nil, err
	}
	if err := a.moveClock(r.Context(), name, &body); err != nil {
		return nil, err
	}
	return a.show(r.Context(), name)
}

func (a *api) moveClock(ctx context.Context, world string, b *clockBody) error {
	var asked []string
	for _, m := range []struct {
		name string
		is   bool
	}{{"move", b.Move != ""}, {"to", !b.To.IsZero()}, {"before_expiry", b.BeforeExpiry != ""}, {"expire", b.Expire != ""}, {"now", b.Now}} {
		if m.is {
			asked = append(asked, m.name)
		}
	}
	if len(asked) != 1 {
		if asked == nil {
			asked = []string{"none"}
		}
		return wrong(fmt.Errorf("use exactly one of move, to, before_expiry, expire and now; this has %s", strings.Join(asked, " and ")))
	}
	switch asked[0] {
	case "move":
		by, err := duration("move", b.Move)
		if err != nil {
			return wrong(err)
		}
		return callers(a.Sandbox.Advance(ctx, world, by))
	case "to":
		return callers(a.Sandbox.MoveTo(ctx, world, b.To))
	case "now":
		return callers(a.Sandbox.MoveTo(ctx, world, a.Now()))
	}
	before := -time.Second // past the moment, whatever is rounded
	if b.BeforeExpiry != "" {
		var err error
		if before, err = duration("before_expiry", b.BeforeExpiry); err != nil {
			return wrong(err)
		}
	} else if b.Expire != "access" && b.Expire != "refresh" {
		return wrong(fmt.Errorf("expire is %.40q; use access or refresh", b.Expire))
	}
	end, err := a.expiry(ctx, world, b)
	if err != nil {
		return err
	}
	return callers(a.Sandbox.MoveTo(ctx, world, end.Add(-before)))
}

// expiry is when the token ends that the body means.
func (a *api) expiry(ctx context.Context, world string, b *clockBody) (time.Time, error) {
	products := a.Products
	if b.Product != "" {
		p, err := a.product(b.Product)
		if err != nil {
			return time.Time{}, wrong(err)
		}
		products = []Product{p}
	}
	if b.Token == "" {
		if b.Product == "" {
			return time.Time{}, wrong(errors.New("say whose expiry: name the product, a token, or both"))
		}
		d := products[0].Dialect
		life := d.Lifetimes.Access
		if b.Expire == "refresh" {
			life = d.Lifetimes.Refresh
		}
		if life == 0 {
			return time.Time{}, wrong(fmt.Errorf("%s has no such token", d.ID))
		}
		return a.Sandbox.Clock(ctx, world).Add(life), nil
	}
	for _, p := range products {
		end, err := a.Sandbox.Expiry(ctx, p.Dialect, world, b.Token)
		if !errors.Is(err, sandbox.ErrToken) {
			return end, err
		}
	}
	return time.Time{}, wrong(sandbox.ErrToken)
}

func (a *api) product(id string) (Product, error) {
	var ids []string
	for _, p := range a.Products {
		if p.ID == id {
			return p, nil
		}
		ids = append(ids, p.ID)
	}
	return Product{}, fmt.Errorf("there is no product %.40q here; use one of %s", id, strings.Join(ids, ", "))
}

func (a *api) products(http.ResponseWriter, *http.Request) (any, error) {
	type product struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		URL  string `json:"url"`
		Port int    `json:"port"`
		// OpenAPI is the path of its description here.
		OpenAPI string `json:"openapi"`
	}
	out := []product{}
	for _, p := range a.Products {
		out = append(out, product{p.ID, p.Name, p.URL, portOf(p.URL), "/products/" + p.ID + "/openapi.json"})
	}
	return map[string]any{"products": out}, nil
}

// productDescription describes a product as a world's clients reach it.
func (a *api) productDescription(w http.ResponseWriter, r *http.Request) (any, error) {
	p, err := a.product(r.PathValue("product"))
	if err != nil || a.Describe == nil {
		return nil, &problem{Kind: "not-found", Status: http.StatusNotFound, Title: "There is no such description", Detail: "GET /products lists those that there are."}
	}
	version, world := r.URL.Query().Get("version"), r.URL.Query().Get("world")
	var ids []string
	for _, v := range p.Versions.All {
		ids = append(ids, v.ID)
	}
	_, known := p.Version(version)
	if !known {
		err = fmt.Errorf("%s has no version %.40q; use one of %s", p.ID, version, strings.Join(ids, ", "))
	}
	if err := errors.Join(err, sandbox.CheckWorld(world)); err != nil {
		return nil, wrong(err)
	}
	at := p.URL
	if world != "" && world != Shared {
		at += "/w/" + world
	}
	doc, err := a.Describe(p.Dialect, version, at)
	if err != nil {
		return nil, err
	}
	writeBytes(w, http.StatusOK, "application/json", doc)
	return nil, nil
}

func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(u.Port()) // 0 where there is none
	return port
}

func (a *api) faults(_ http.ResponseWriter, r *http.Request) (any, error) {
	var d *dialect.Dialect
	if id := r.URL.Query().Get("product"); id != "" {
		p, err := a.product(id)
		if err != nil {
			return nil, wrong(err)
		}
		d = p.Dialect
	}
	type fault struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		About string `json:"about"`
		// Connection faults can be armed, and not asked for by one call.
		Connection bool `json:"connection"`
	}
	out := []fault{}
	for _, f := range sandbox.Faults(d) {
		out = append(out, fault{f.ID, f.Name, f.About, f.Connection})
	}
	return map[string]any{"faults": out}, nil
}

func (a *api) ca(w http.ResponseWriter, _ *http.Request) (any, error) {
	if len(a.CA) == 0 {
		return nil, &problem{Kind: "not-found", Status: http.StatusNotFound, Title: "There is no certificate", Detail: "This sandbox speaks without TLS."}
	}
	writeBytes(w, http.StatusOK, "application/x-pem-file", a.CA)
	return nil, nil
}

// readyWait is how long a start may make whoever asks wait.
const readyWait = 2 * time.Second

func (a *api) ready(_ http.ResponseWriter, r *http.Request) (any, error) {
	if a.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyWait)
		defer cancel()
		if err := a.Ready(ctx); err != nil {
			return nil, &problem{Kind: "not-ready", Status: http.StatusServiceUnavailable, Title: "The sandbox is not ready", Detail: "It is starting, about to stop, or without its store. Its log says more."}
		}
	}
	return map[string]string{"status": "ready"}, nil
}

func (a *api) description(w http.ResponseWriter, _ *http.Request) (any, error) {
	writeBytes(w, http.StatusOK, "application/json", Description)
	return nil, nil
}
