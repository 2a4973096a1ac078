package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// clock stands still until the test moves it.
type clock struct{ unixNano atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.unixNano.Store(time.Now().UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.unixNano.Load()) }
func (c *clock) advance(d time.Duration) { c.unixNano.Add(int64(d)) }

// startAt is start with a clock of the test's. The program takes no clock from
// outside, so this opens what it opens.
func startAt(t *testing.T, c *clock) string {
	t.Helper()
	cfg, err := web.ParseConfig([]string{"--listen", "127.0.0.1:0", "--store", "memory:"}, func(string) string { return "" }, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Now = c.Now
	ctx, cancel := context.WithCancel(context.Background())
	s, err := web.Open(ctx, cfg)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	return s.URL()
}

// finding is a rule that a page breaks.
type finding struct {
	ID, Help string
	Nodes    []struct {
		Target         []any
		FailureSummary string
	}
}

// auditor looks at pages with axe.
type auditor struct {
	*visitor
	axe string
}

func audit(t *testing.T, browser context.Context, site, axe string) *auditor {
	t.Helper()
	a := &auditor{visit(t, browser, site, desk), axe}
	// axe adds a style of its own, which the pages' policy forbids.
	a.call("policy", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
		return err
	})
	return a
}

// check holds the state of the page against every rule, in both sizes and
// themes.
func (a *auditor) check(state string) {
	a.t.Helper()
	a.checkOn(state, desk, phoneDark)
}

// checkUnfolded is check with everything open, in each size with each theme.
func (a *auditor) checkUnfolded(state string) {
	a.t.Helper()
	a.checkUnfoldedOn(state, desk, deskDark, phone, phoneDark)
}

func (a *auditor) checkUnfoldedOn(state string, devices ...device) {
	a.t.Helper()
	read[bool](a.visitor, "document.querySelectorAll('details').forEach((d) => { d.open = true }) ?? true")
	a.checkOn(state+", unfolded", devices...)
}

func (a *auditor) checkOn(state string, devices ...device) {
	a.t.Helper()
	defer a.use(desk)
	for _, at := range devices {
		a.use(at)
		a.look(state)
		for _, f := range a.run() {
			for _, n := range f.Nodes {
				a.t.Errorf("%s: %s: %s (%s) at %v: %s", at.name, state, f.Help, f.ID, n.Target, strings.ReplaceAll(n.FailureSummary, "\n", " "))
			}
		}
	}
}

func (a *auditor) run() []finding {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.ctx, 2*patience)
	defer cancel()
	if !read[bool](a.visitor, "'axe' in window") {
		if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](a.axe)); err != nil {
			a.t.Fatalf("loading axe: %v", err)
		}
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]finding]("axe.run({ resultTypes: ['violations'], preload: false }).then((r) => r.violations)",
		func(p *runtime.EvaluateParams) { yes := true; p.AwaitPromise = &yes }))
	if err != nil {
		a.t.Fatalf("running axe: %v", err)
	}
	return found
}

// testAccessibility holds every page and every state against axe.
func testAccessibility(t *testing.T, browser context.Context) {
	path := os.Getenv(envAxe)
	if path == "" {
		path = "../../.ci/node_modules/axe-core/axe.min.js"
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		lack(t, "no axe-core here (%v): run npm ci in .ci, or set %s to the path of axe.min.js", err, envAxe)
	}
	site := start(t)
	walk := func(name string, f func(a *auditor)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(audit(t, browser, site, string(axe)))
		})
	}
	drawn := map[string]bool{}
	for _, d := range dialect.All() {
		// The pages of two products with the same ritual and the same kind of
		// token differ in words only.
		kind := fmt.Sprint(d.Ritual, d.Access.Opaque > 0)
		again := drawn[kind]
		drawn[kind] = true
		walk(d.ID, func(a *auditor) {
			a.firstSight(d)
			if !again {
				a.signInStates(d)
			}
			if d.SecondFactor == dialect.Challenges {
				a.secondFactorStates(d)
			}
		})
	}
	first := dialect.All()[0]
	walk("other pages", func(a *auditor) { a.otherPages(first) })
	walk("sandbox", func(a *auditor) { a.sandboxStates(first) })
	walk("real server", func(a *auditor) { a.realServer(first) })
	t.Run("old tokens", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		audit(t, browser, startAt(t, c), string(axe)).oldTokens(first, c)
	})
}

// signIn opens the product's page and signs in by the button that fills the
// form.
func (v *visitor) signIn(d *dialect.Dialect) {
	v.t.Helper()
	v.open("/" + d.ID)
	v.click("#op-token .send .btn", "Fill in the sandbox account")
	password := v.password(d)
	v.see("the filled form", "field('token', "+quoteJS(password)+")?.value")
	v.send(d, d.Operation(dialect.Obtain))
	v.seeText("#answer .verdict strong", success(d.Operation(dialect.Obtain)))
}

func (v *visitor) password(d *dialect.Dialect) string {
	v.t.Helper()
	return wire(grant(v.t, d, dialect.PasswordGrant), dialect.Password)
}

func (a *auditor) firstSight(d *dialect.Dialect) {
	a.open("/" + d.ID)
	a.check("no token")
	a.checkUnfolded("no token")
}

func (a *auditor) signInStates(d *dialect.Dialect) {
	token := d.Operation(dialect.Obtain)
	user, password := wire(grant(a.t, d, dialect.PasswordGrant), dialect.Username), a.password(d)
	a.open("/" + d.ID)
	if d.Ritual == dialect.Modern {
		a.click("#op-token .send .btn", "Try it out")
		a.see("open fields", "!field('token', "+quoteJS(user)+").disabled")
		a.check("tried")
	}

	a.expect("422")
	a.fill("token", user, "")
	a.fill("token", password, "")
	a.send(d, token)
	a.see("what is wrong", "$('#errors').length")
	a.check("missing fields")

	a.fill("token", user, sandbox.People()[0].Name)
	a.fill("token", password, "wrong")
	a.send(d, token)
	a.see("the refusal", "$('#answer .why').length")
	a.check("refused")

	a.signIn(d)
	a.check("first pair")
	for _, tab := range read[[]string](a.visitor, "$('#answer .tabs a:not([aria-current])').map(text)") {
		a.click("#answer .tabs a", tab)
		a.see("the view "+tab, "text($('#answer .tabs [aria-current]')[0]) === "+quoteJS(tab))
		a.check("view " + tab)
	}
	a.click("#save .btn", "Show to copy")
	a.see("the whole token", "$('#whole-refresh').length")
	a.checkUnfolded("first pair")
	a.click("#h-answer a", "")
	a.see("the exchange", "location.pathname.includes('/exchanges/')")
	a.check("exchange")

	a.open("/" + d.ID)
	a.click(".key button", "Explore")
	a.see("the checks", "$('#answer .checks').length")
	a.check("explored")
}

func (a *auditor) secondFactorStates(d *dialect.Dialect) {
	a.signIn(d)
	n := len(read[[]string](a.visitor, "$('.history tbody tr').map(text)"))
	a.click("#tokens .link", "Forget both")
	a.see("no token", "text($('#api_key')[0]).startsWith('Empty')")
	a.check("forgotten")
	a.secondFactorUntil(d, n+1)
	a.check("half way")
	a.checkUnfolded("half way")
}

// secondFactorUntil signs in up to the question for the code.
func (v *visitor) secondFactorUntil(d *dialect.Dialect, exchange int) {
	v.t.Helper()
	password := grant(v.t, d, dialect.PasswordGrant)
	person := sandbox.People()[slices.IndexFunc(sandbox.People(), func(p sandbox.Person) bool { return p.SecondFactor })]
	user := wire(password, dialect.Username)
	if read[bool](v, "$('#op-token .send .btn').some((b) => text(b) === 'Try it out')") && d.Ritual == dialect.Modern {
		v.click("#op-token .send .btn", "Try it out")
	}
	v.see("open fields", "field('token', "+quoteJS(user)+")?.disabled === false")
	v.fill("token", user, person.Name)
	v.fill("token", wire(password, dialect.Password), person.Password)
	v.send(d, d.Operation(dialect.Obtain))
	v.answered(exchange, challenged(d.Operation(dialect.Obtain)))
	v.see("the state half way", "$('.state.is-mfa').length && $('#authenticator').length")
}

func (a *auditor) otherPages(d *dialect.Dialect) {
	a.open("/")
	a.check("home")
	a.expect("400", "404", "422")
	for _, p := range []string{"/people", "/nowhere", "/" + d.ID + "?op=nothing", "/" + d.ID + "?grant=nothing", "/" + d.ID + "/exchanges/7", "/" + d.ID + "?password=hunter2", "/people?theme=dark"} {
		a.open(p)
		a.check("page " + p)
	}
	a.signIn(d)
	a.open("/")
	a.see("the way back in", "$('.resume li').length")
	a.check("home again")
	a.click(".link", "Forget everything")
	a.see("the notice", "$('#notice').length && !$('.resume').length")
	a.check("all forgotten")
}

func (a *auditor) realServer(d *dialect.Dialect) {
	product := httptest.NewUnstartedServer(http.NotFoundHandler())
	product.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of calls that end when the certificate is seen
	product.StartTLS()
	a.t.Cleanup(product.Close)
	host, port, _ := net.SplitHostPort(product.Listener.Addr().String())

	a.expect("422")
	a.open("/" + d.ID)
	a.aimAt("no address", port)
	a.see("what is wrong with it", "$('#own-e').length")
	a.check("bad address")
	a.open("/" + d.ID)
	a.aimAt(host, port)
	a.see("the warning", "$('.real').length")
	a.check("real server")

	user := wire(grant(a.t, d, dialect.PasswordGrant), dialect.Username)
	if d.Ritual == dialect.Modern {
		a.click("#op-token .send .btn", "Try it out")
	}
	a.fill("token", user, "somebody")
	a.fill("token", a.password(d), "something")
	a.send(d, d.Operation(dialect.Obtain))
	a.see("the certificate", "$('.cert').length")
	a.check("certificate not trusted")
	a.click(".cert .btn", "Trust this certificate for this server")
	a.see("the notice", "$('#notice').length")
	a.check("certificate trusted")
	if d.Ritual == dialect.Modern {
		a.click("#op-token .send .btn", "Try it out")
	}
	a.fill("token", user, "somebody")
	a.fill("token", a.password(d), "something")
	a.send(d, d.Operation(dialect.Obtain))
	a.see("the answer of the server", "text($('#answer .verdict strong')[0]).startsWith('404')")
	a.check("answer of another program")
}

// aimAt types a server into the menu of targets.
func (v *visitor) aimAt(host, port string) {
	v.t.Helper()
	v.clickOn("$('.menu > summary').filter((s) => text(s).startsWith('Target'))", "Target")
	v.click("[name='x.host']", "")
	v.press(host)
	v.click("[name='x.port']", "")
	v.press("a", chromedp.ModifierCtrl)
	v.press(port)
	v.click(".own .btn", "Use this server")
}

func (a *auditor) oldTokens(d *dialect.Dialect, c *clock) {
	a.signIn(d)
	c.advance(d.Lifetimes.Access + time.Minute)
	a.reload()
	a.see("the way to a new pair", "$('.state.is-expired .btn.next').length")
	a.check("expired")
	a.click(".key button", "Explore")
	a.see("the refusal", "$('#answer .checks').length")
	a.check("expired, explored")
	a.click("#tokens .link", "Forget both")
	a.see("no token", "text($('#api_key')[0]).startsWith('Empty')")

	a.click("#paste > summary", "")
	a.click("#x-key", "")
	a.paste(strings.Repeat("not-a-token.", 8))
	a.click("#paste .btn", "Use it")
	a.see("the pasted key", "text($('#api_key')[0]).includes('pasted by you')")
	a.check("pasted")
	a.click(".key button", "Explore")
	a.see("the end", "$('.state.is-dead').length")
	a.check("dead")
}
