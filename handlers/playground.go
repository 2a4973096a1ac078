// Package handlers turns requests into calls of products, and what came of
// them into views. Every route has one handler and one view in three
// representations: a page, an htmx fragment, JSON.
package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/limit"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/secret"
	"tokenplayground/web/session"
	"tokenplayground/web/target"
)

// sandboxName is the target that is always there.
const sandboxName = "sandbox"

// administrator is the sandbox person that the page fills in.
var administrator = sandbox.People()[0]

// operator is the sandbox person with too few rights.
var operator = func() sandbox.Person {
	people := sandbox.People()
	return people[slices.IndexFunc(people, func(p sandbox.Person) bool { return p.Operator })]
}()

// Exchanger makes one call. The exchange is never nil; the error is a
// [*target.Failure].
type Exchanger interface {
	Do(ctx context.Context, t target.Target, trusted target.Leaf, req *http.Request) (*target.Exchange, error)
}

// Config is what a Playground needs. All fields without another word are
// required.
type Config struct {
	// Products are what there is to choose from; nil means the built-in ones.
	Products *dialect.Catalog
	Sessions *session.Manager
	Sandbox  *sandbox.Server
	Client   Exchanger
	// Failures is how many sign-ins of one person may fail at one real target.
	Failures *limit.Budget
	// Masker shortens the tokens of real targets.
	Masker *secret.Masker
	// Targets are the operator's, for every product.
	Targets []target.Target
	// Own allows a person to type a target of their own.
	Own bool
	// Trust allows a person to trust a certificate by its fingerprint.
	Trust bool
	// Reveal allows showing whole tokens of real targets.
	Reveal bool
	// Profile and Egress are the names that every page shows.
	Profile, Egress string
	// PublicURL is where a person's curl finds the sandbox: scheme, host and
	// port without a trailing slash. Empty means the address of the request.
	PublicURL string
	Assets    templates.Assets
	Now       func() time.Time
	Log       *slog.Logger
	// Ready tells whether the store answers.
	Ready func(context.Context) error
}

// Playground holds the handlers of every page.
type Playground struct {
	cfg     Config
	started time.Time
}

// New returns the handlers.
func New(cfg Config) *Playground { return &Playground{cfg: cfg, started: cfg.Now()} }

// product finds the dialect that the path names.
func (p *Playground) product(c echo.Context) (*dialect.Dialect, error) {
	d, ok := p.cfg.Products.Find(c.Param("product"))
	if !ok {
		return nil, unknownProduct(c.Param("product"), p.ProductChoices())
	}
	return d, nil
}

// ProductChoices lists the products for a problem's page.
func (p *Playground) ProductChoices() []Choice {
	var out []Choice
	for _, d := range p.cfg.Products.All() {
		out = append(out, Choice{d.Name, "/" + d.ID})
	}
	return out
}

func operationChoices(d *dialect.Dialect) []Choice {
	var out []Choice
	for i := range d.Operations {
		op := &d.Operations[i]
		out = append(out, Choice{op.Method + " " + op.Path, query{op: callKey(d, op)}.address(d, nil)})
	}
	return out
}

func unknownGrant(d *dialect.Dialect, wire string) *Problem {
	op := d.Operation(dialect.Obtain)
	var offer []Choice
	var words []string
	for i := range op.Grants {
		g := &op.Grants[i]
		offer = append(offer, Choice{g.Wire, query{op: dialect.Obtain, grant: g.Kind}.address(d, nil)})
		words = append(words, g.Wire)
	}
	detail := op.GrantField.Wire + " is one of " + strings.Join(words, ", ") + ". Nothing was sent."
	title := "No such grant"
	if wire == "" {
		title = "No grant was chosen"
	}
	return &Problem{Kind: "unknown-grant", Status: http.StatusUnprocessableEntity, Title: title, Detail: detail,
		Fields:     []FieldProblem{{op.GrantField.Wire, "Choose one of " + strings.Join(words, ", ") + "."}},
		OfferTitle: "Grants", Offer: offer}
}

func unknownVersion(d *dialect.Dialect) *Problem {
	var offer []Choice
	var words []string
	for i := range d.Versions.All {
		v := d.Versions.All[len(d.Versions.All)-1-i]
		offer = append(offer, Choice{v.ID + ", " + v.Note, query{version: v.ID}.address(d, nil)})
		words = append(words, v.ID)
	}
	return &Problem{Kind: "unknown-version", Status: http.StatusUnprocessableEntity, Title: "No such version",
		Detail:     "The versions are " + strings.Join(words, ", ") + ". Nothing was sent.",
		Fields:     []FieldProblem{{fieldVersion, "Choose one of the listed versions."}},
		OfferTitle: "Versions", Offer: offer}
}

// aim is where a call goes: the sandbox, a listed target, or one that a person
// typed.
type aim struct {
	Name string // as in the query
	Real bool
	// Fault is what the sandbox is asked to do wrong; empty for nothing.
	Fault string
	target.Target
}

// aimAt finds the target of a name. s may be nil. A server that nobody listed
// must have been typed in this session: a link alone must not decide where a
// password goes.
func (p *Playground) aimAt(d *dialect.Dialect, name string, s *session.State) (aim, error) {
	if name == "" || strings.EqualFold(name, sandboxName) {
		return aim{Name: sandboxName, Target: target.Target{Name: "Sandbox", Product: d.ID, Host: sandboxName, Port: d.Port, Plain: true}}, nil
	}
	for _, t := range p.cfg.Targets {
		if t.Product == d.ID && strings.EqualFold(t.Name, name) {
			return aim{Name: t.Name, Real: true, Target: t}, nil
		}
	}
	if p.cfg.Own {
		if t, ok := ownTarget(d, name); ok {
			if !typed(s, d.ID, t.Name) {
				return aim{}, newTarget(d, t)
			}
			return aim{Name: t.Name, Real: true, Target: t}, nil
		}
	}
	return aim{}, unknownTarget(p.targetChoices(d))
}

// ownTarget reads an address that a person typed.
func ownTarget(d *dialect.Dialect, name string) (target.Target, bool) {
	host, port, err := target.ParseAddress(name, d.Port)
	t := target.Target{Product: d.ID, Host: host, Port: port}
	t.Name = t.Address()
	return t, err == nil && strings.ContainsAny(name, ".:")
}

// aimFor is aimAt for a form. A client that names the server in the form has
// typed it.
func (p *Playground) aimFor(f *posted, s *session.State) (aim, error) {
	a, err := p.aimAt(f.d, f.q.target, s)
	var pr *Problem
	if errors.As(err, &pr) && pr.Kind == kindNewTarget && f.own(fieldTarget) != "" {
		t, _ := ownTarget(f.d, f.own(fieldTarget))
		remember(s, t)
		return p.aimAt(f.d, t.Name, s)
	}
	return a, err
}

// remember keeps a typed target in the session.
func remember(s *session.State, t target.Target) {
	if typed(s, t.Product, t.Address()) {
		return
	}
	s.Targets = append(s.Targets, session.TypedTarget{Product: t.Product, Name: t.Address(), Host: t.Host, Port: t.Port})
	if n := len(s.Targets); n > maxOwnTargets {
		s.Targets = s.Targets[n-maxOwnTargets:]
	}
}

func typed(s *session.State, product, name string) bool {
	if s != nil {
		for _, t := range s.Targets {
			if t.Product == product && t.Name == name {
				return true
			}
		}
	}
	return false
}

func (p *Playground) targetChoices(d *dialect.Dialect) []Choice {
	out := []Choice{{"Sandbox", query{}.address(d, nil)}}
	for _, t := range p.cfg.Targets {
		if t.Product == d.ID {
			out = append(out, Choice{t.Name, query{target: t.Name}.address(d, nil)})
		}
	}
	return out
}

// clock is the time that an aim's tokens live by.
func (p *Playground) clock(ctx context.Context, a aim, s *session.State) time.Time {
	if a.Real || s == nil || s.World == "" {
		return p.cfg.Now()
	}
	return p.cfg.Sandbox.Clock(ctx, s.World)
}

// base is scheme, host and port that a person's own client can reach us at.
func (p *Playground) base(c echo.Context) string {
	if p.cfg.PublicURL != "" {
		return p.cfg.PublicURL
	}
	scheme := "http"
	if c.Request().TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.Request().Host
}
