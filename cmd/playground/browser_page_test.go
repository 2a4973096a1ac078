package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// eachRitual is one product for each way of clicking.
func eachRitual() []*dialect.Dialect {
	var out []*dialect.Dialect
	for _, d := range dialect.All() {
		if !slices.ContainsFunc(out, func(o *dialect.Dialect) bool { return o.Ritual == d.Ritual }) {
			out = append(out, d)
		}
	}
	return out
}

// focused is where the keyboard is.
type focused struct {
	Index           int // among all elements of the page; body is less than 10
	HTML            string
	Outlined, Clear bool
}

func (v *visitor) focused() focused {
	v.t.Helper()
	return read[focused](v, `(() => {
		const e = document.activeElement, s = getComputedStyle(e), r = e.getClientRects()[0];
		const hit = r && document.elementFromPoint(r.left + Math.min(r.width / 2, 40), r.top + Math.min(r.height / 2, 20));
		return { Index: [...document.querySelectorAll('*')].indexOf(e), HTML: e.outerHTML.slice(0, 110),
			Outlined: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, Clear: Boolean(hit && (e.contains(hit) || hit.contains(e))) };
	})()`)
}

// tabTo presses Tab until the focused element fits the condition on e.
func (v *visitor) tabTo(condition string) {
	v.t.Helper()
	for range 150 {
		v.press(kb.Tab)
		if read[bool](v, "((e) => Boolean("+condition+"))(document.activeElement)") {
			return
		}
	}
	v.t.Fatalf("%s: Tab never comes to where %s", v.at.name, condition)
}

// testKeyboard goes without the mouse.
func testKeyboard(t *testing.T, browser context.Context) {
	site := start(t)
	for _, d := range eachRitual() {
		t.Run("Tab reaches everything on "+d.ID, func(t *testing.T) {
			v := visit(t, browser, site, desk)
			v.open("/" + d.ID)
			v.tabThrough("no token")
			v.signIn(d)
			v.tabThrough("first pair")
			v.use(phone)
			v.tabThrough("first pair on a phone")
		})
		t.Run("life without a mouse on "+d.ID, func(t *testing.T) { typeLife(t, visit(t, browser, site, desk), d) })
	}
	for _, at := range []device{desk, desk.withoutScript()} {
		t.Run("Enter in a field sends "+at.name, func(t *testing.T) {
			v, d := visit(t, browser, site, at), eachRitual()[0]
			v.open("/" + d.ID)
			v.fill("token", wire(grant(t, d, dialect.PasswordGrant), dialect.Username), sandbox.People()[0].Name)
			v.fill("token", v.password(d), sandbox.People()[0].Password)
			v.press(kb.Enter)
			v.answered(1, success(d.Operation(dialect.Obtain)))
		})
	}
	t.Run("Escape closes a menu", func(t *testing.T) {
		v := visit(t, browser, site, desk)
		v.open("/" + dialect.All()[0].ID)
		for _, menu := range []string{"Product", "Target", "Theme"} {
			v.tabTo("e.matches('.menu > summary') && text(e).startsWith('" + menu + "')")
			v.press(kb.Enter)
			v.see("the open menu "+menu, "$('.menu[open]').length === 1")
			v.press(kb.Tab)
			v.press(kb.Escape)
			v.see("no menu", "!$('.menu[open]').length && document.activeElement.matches('.menu > summary')")
		}
	})
}

// tabThrough presses Tab from the first control to the last. Each must come,
// stand out, and not lie under the bars that stay.
func (v *visitor) tabThrough(state string) {
	v.t.Helper()
	v.see("nothing focused", "document.activeElement.blur() ?? (scrollTo(0, 0) ?? true)")
	want := read[[]int](v, `$('a[href], button, input, select, textarea, summary, [tabindex="0"]').filter((e) => !e.disabled && e.tabIndex >= 0).map((e) => [...document.querySelectorAll('*')].indexOf(e))`)
	missing := map[int]bool{}
	for _, i := range want {
		missing[i] = true
	}
	for range 2*len(want) + 5 {
		v.press(kb.Tab)
		f := v.focused()
		if !missing[f.Index] {
			continue // the document itself, or the second round
		}
		delete(missing, f.Index)
		if !f.Outlined {
			v.t.Errorf("%s: %s: the focus cannot be seen on %s", v.at.name, state, f.HTML)
		}
		if !f.Clear {
			v.t.Errorf("%s: %s: the focus is covered on %s", v.at.name, state, f.HTML)
		}
	}
	for i := range missing {
		v.t.Errorf("%s: %s: Tab never comes to %s", v.at.name, state, read[string](v, fmt.Sprintf("document.querySelectorAll('*')[%d].outerHTML.slice(0, 110)", i)))
	}
}

// typeLife obtains, explores, refreshes and logs out with keys alone.
func typeLife(t *testing.T, v *visitor, d *dialect.Dialect) {
	var (
		token, explore, logout = d.Operation(dialect.Obtain), d.Operation(dialect.Explore), d.Operation(dialect.Logout)
		refresh                = grant(t, d, dialect.RefreshGrant)
		onHeading              = "document.activeElement.id === 'h-answer'"
		insert                 = wire(refresh, dialect.RefreshToken)
	)
	v.open("/" + d.ID)
	v.tabTo("text(e) === 'Fill in the sandbox account'")
	v.press(kb.Enter)
	v.see("focus on what sends", "document.activeElement.id === 'send-token'")
	v.press(kb.Enter)
	v.answered(1, success(token))
	v.see("focus on the answer", onHeading)
	first := v.tokens(d)

	v.tabTo("text(e) === 'Explore'")
	v.press(" ")
	v.answered(2, success(explore))
	v.see("focus on the answer", onHeading)

	v.tabTo("e.matches('#op-token > summary')")
	v.press(kb.Enter)
	v.see("the open operation", "$('#op-token .send .btn').length")
	if d.Ritual == dialect.Modern && read[bool](v, "$('#op-token .send .btn').some((b) => text(b) === 'Try it out')") {
		v.tabTo("e.closest('#op-token .send') && text(e) === 'Try it out'")
		v.press(kb.Enter)
		v.see("open fields", "!field('token', "+quoteJS(token.GrantField.Wire)+").disabled")
	}
	v.tabTo("e === field('token', " + quoteJS(token.GrantField.Wire) + ")")
	v.press(kb.ArrowDown)
	v.see("the field "+insert, "field('token', "+quoteJS(insert)+")?.disabled === false")
	v.tabTo("e === field('token', " + quoteJS(insert) + ")")
	v.paste(first.refresh)
	v.press(kb.Enter)
	v.answered(3, success(token))
	v.see("focus on the answer", onHeading)

	v.tabTo("e.matches('#op-logout > summary')")
	v.press(kb.Enter)
	v.see("the open operation", "$('#op-logout .send .btn').length")
	if d.Ritual == dialect.Modern {
		v.tabTo("e.closest('#op-logout .send') && text(e) === 'Try it out'")
		v.press(kb.Enter)
	}
	v.see("what sends", "$('#send-logout').length")
	if !read[bool](v, "document.activeElement.id === 'send-logout'") {
		v.tabTo("e.id === 'send-logout'")
	}
	v.press(kb.Enter)
	v.answered(4, success(logout))
}

// testClock lets a token expire before the person's eyes. The server's clock
// stands still, so the page begins its countdown with the same few seconds
// however slow the machine is.
func testClock(t *testing.T, browser context.Context) {
	c, d := newClock(), dialect.All()[0]
	v := visit(t, browser, startAt(t, c), desk)
	v.signIn(d)
	v.see("a long countdown", `/^Valid for 5\d min \d+ s$/.test(text($('.state strong')[0]))`)
	began := read[string](v, "text($('.state strong')[0])")
	v.see("a countdown that runs", "text($('.state strong')[0]) !== "+quoteJS(began))

	c.advance(d.Lifetimes.Access - 5*time.Second)
	v.reload()
	c.advance(10 * time.Second)
	v.see("the same document", "window.same = true")
	// The page's own clock runs down; the page then asks what is so now.
	v.see("the end of the token, without a click", `text($('.state strong')[0]).startsWith('Access token expired') && window.same`)
	v.look("expired")
	if got := read[[]string](v, "$('.btn.next').map(text)"); !slices.Equal(got, []string{"Refresh"}) {
		t.Errorf("when the token has expired, the buttons that stand out are %q, want Refresh", got)
	}
	v.click(".state .btn.next", "Refresh")
	v.answered(2, success(d.Operation(dialect.Obtain)))
	v.see("a valid state", "$('.state.is-valid').length")
}

// testAddresses goes by the address bar and the browser's own buttons.
// otherSignIn signs in with the browser's cookie from outside, and presents
// the new one. The browser keeps the old.
func (v *visitor) otherSignIn(t *testing.T, d *dialect.Dialect) *http.Cookie {
	t.Helper()
	g := newGuest(t)
	v.call("cookies", func(ctx context.Context) error {
		all, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{})
		if err != nil {
			return err
		}
		u, err := url.Parse(v.site)
		if err != nil {
			return err
		}
		for _, c := range all.Cookies {
			g.Jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value}})
		}
		p := &patient{guest: g, d: d, site: v.site}
		if _, status, err := p.try(ctx, "/token", passwordForm(t, d, "Password1")); err != nil || status != http.StatusOK {
			return fmt.Errorf("signing in from outside: %d, %w", status, err)
		}
		p.look(t)
		return nil
	})
	u, err := url.Parse(v.site)
	if err != nil || len(g.Jar.Cookies(u)) != 1 {
		t.Fatalf("the cookies are %v, %v", g.Jar.Cookies(u), err)
	}
	return g.Jar.Cookies(u)[0]
}

func testAddresses(t *testing.T, browser context.Context) {
	site, d := start(t), dialect.All()[0]
	token := d.Operation(dialect.Obtain)
	for _, at := range []device{desk, desk.withoutScript()} {
		t.Run("reload, back and a second tab "+at.name, func(t *testing.T) {
			v := visit(t, browser, site, at)
			v.signIn(d)
			sent := v.posts()
			v.reload()
			v.answered(1, success(token))
			if got := v.posts(); got != sent {
				t.Errorf("a reload sent %d more calls", got-sent)
			}
			v.click("#answer .tabs a", "Headers")
			v.see("the headers", "$('#answer-headers').length")
			v.back()
			v.see("the body", "$('#answer-code').length && !$('#answer-headers').length")

			other := v.secondTab()
			other.open("/" + d.ID)
			other.see("the same token", "text($('#api_key')[0]).endsWith('from exchange 1') && $('.state.is-valid').length")
			other.click(".state button", "Refresh")
			other.answered(2, success(token))
			v.reload()
			v.see("what the other tab did", "$('.history tbody tr').length === 2")
		})
	}
	for _, at := range []device{desk, desk.withoutScript()} {
		t.Run("a click while another tab signs in "+at.name, func(t *testing.T) {
			v := visit(t, browser, site, at)
			v.signIn(d)
			explore := d.Operation(dialect.Explore)
			v.open("/" + d.ID + "?op=explore&try=explore")
			other := v.otherSignIn(t, d) // has the new ticket, which this browser does not have yet
			sent := v.posts()
			v.send(d, explore)
			v.until("the click is sent", func() string {
				if v.posts() == sent {
					return "nothing is sent"
				}
				return ""
			})
			v.call("cookie", func(ctx context.Context) error {
				_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: other.Name, Value: other.Value, URL: site})
				return err
			})
			v.answered(3, success(explore))
			v.mu.Lock()
			defer v.mu.Unlock()
			if v.again != 1 {
				t.Errorf("the click was repeated %d times", v.again)
			}
		})
	}
	t.Run("deep links", func(t *testing.T) {
		v := visit(t, browser, site, desk)
		for _, d := range dialect.All() {
			refresh := grant(t, d, dialect.RefreshGrant)
			v.open("/" + d.ID + "?op=token&grant=" + url.QueryEscape(refresh.Wire))
			if got := v.chosen("token", d.Operation(dialect.Obtain).GrantField.Wire); got != refresh.Label() {
				t.Errorf("%s: the link to %s shows %s", d.Name, refresh.Wire, got)
			}
			v.see("the field", "field('token', "+quoteJS(wire(refresh, dialect.RefreshToken))+")")
			v.open("/" + d.ID + "?op=logout")
			v.see("the log-out alone", "document.getElementById('op-logout').open && !document.getElementById('op-token').open")
		}
		v.open("/" + d.ID + "?theme=dark")
		v.see("a dark page", "getComputedStyle(document.documentElement).colorScheme === 'dark'")
		v.signIn(d)
		v.open("/" + d.ID + "?op=token&view=headers")
		v.see("the headers", "$('#answer-headers').length")
	})
	t.Run("a secret in the address is refused", func(t *testing.T) {
		v := visit(t, browser, site, desk)
		v.expect("400")
		const word = "correct-horse"
		v.open("/" + d.ID + "?username=me&password=" + word)
		v.see("the refusal", "document.querySelector('#h-problem') && text(document.body).includes('Status 400')")
		if words := read[string](v, "document.documentElement.outerHTML"); strings.Contains(words, word) {
			t.Error("the page repeats the secret")
		}
		v.look("secret in the address")
	})
}

// testEffort counts what a person does for a validated token.
func testEffort(t *testing.T, browser context.Context) {
	site := start(t)
	for _, d := range dialect.All() {
		t.Run(d.ID, func(t *testing.T) {
			v := visit(t, browser, site, desk)
			v.open("/" + d.ID)
			v.inSight("#op-token .send .btn")
			v.click("#op-token .send .btn", "Fill in the sandbox account")
			v.see("the filled form", "field('token', "+quoteJS(v.password(d))+")?.value")
			v.inSight("#send-token")
			v.click("#send-token", "")
			v.answered(1, success(d.Operation(dialect.Obtain)))
			v.inSight("#answer .verdict strong")
			v.click(".key button", "Explore")
			v.answered(2, success(d.Operation(dialect.Explore)))
			v.inSight("#answer .verdict strong")
			t.Logf("a validated pair takes %d clicks, %d keys, %d scrolls", v.clicks, v.keys, v.scrolls)
			if v.clicks > 3 || v.keys > 0 || v.scrolls > 0 {
				t.Errorf("a validated pair takes %d clicks, %d keys, %d scrolls; want at most 3, 0, 0", v.clicks, v.keys, v.scrolls)
			}
		})
	}
}

// inSight checks that an element can be read without scrolling.
func (v *visitor) inSight(css string) {
	v.t.Helper()
	where := read[string](v, `(() => {
		const r = $(`+quoteJS(css)+`)[0].getClientRects()[0], hit = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
		return r.top >= 0 && r.bottom <= innerHeight && hit && $(`+quoteJS(css)+`)[0].contains(hit) ? '' : 'from ' + r.top + ' to ' + r.bottom + ' of ' + innerHeight + ', under ' + hit?.outerHTML.slice(0, 80);
	})()`)
	if where != "" {
		v.t.Errorf("%s: %s is not in sight: %s", v.at.name, css, where)
	}
}

// testWeight measures the first visit, with nothing in the cache.
func testWeight(t *testing.T, browser context.Context) {
	const (
		mostBytes    = 40_000
		mostRequests = 5
	)
	site := start(t)
	paths := []string{"/"}
	for _, d := range dialect.All() {
		paths = append(paths, "/"+d.ID)
	}
	for _, path := range paths {
		v := visit(t, browser, site, desk)
		v.open(path)
		requests, bytes := v.loaded()
		t.Logf("%s: %d bytes in %d requests", path, bytes, requests)
		if bytes > mostBytes || requests > mostRequests {
			t.Errorf("%s: %d bytes in %d requests; want at most %d in %d", path, bytes, requests, mostBytes, mostRequests)
		}
		if bytes == 0 || requests < 4 {
			t.Errorf("%s: %d bytes in %d requests is not the whole page", path, bytes, requests)
		}
	}
}

// loaded sums up what came over the wire, headers included.
func (v *visitor) loaded() (requests, bytes int) {
	v.t.Helper()
	// The browser reports every load before it answers what comes after.
	if err := chromedp.Do(v.ctx, chromedp.Evaluate[chromedp.Void]("0")); err != nil {
		v.t.Fatal(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range v.got {
		if !strings.HasPrefix(r.url, "data:") {
			requests++
			bytes += int(r.bytes)
		}
	}
	return requests, bytes
}
