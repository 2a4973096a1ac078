package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"tokenplayground/web/dialect"
)

// stranger is another site that the browser knows as evil.test. Its pages are
// written by say, which gets the path.
func stranger(t *testing.T, say func(path string) string) (sameSite, crossSite string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><title>elsewhere</title>`+say(r.URL.Path))
	}))
	t.Cleanup(s.Close)
	return s.URL, strings.Replace(s.URL, "127.0.0.1", "evil.test", 1)
}

// goTo types the whole address of another site.
func (v *visitor) goTo(address string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		v.t.Fatalf("%s: opening %s: %v", v.at.name, address, err)
	}
	v.see(address, "location.href === "+quoteJS(address))
}

// testFrames puts every kind of answer into a frame on another origin. The
// browser shows an error of its own in its place. What the sandbox plays has
// the product's headers and is JSON. X07, EMB-1.
func testFrames(t *testing.T, browser context.Context) {
	site, d := start(t), dialect.All()[0]
	var framed []string
	other, _ := stranger(t, func(path string) string {
		if path != "/" {
			return "what a frame may show"
		}
		out := `<iframe src="/inside"></iframe>`
		for _, src := range framed {
			out += `<iframe src="` + html.EscapeString(site+src) + `"></iframe>`
		}
		return out
	})
	framed = []string{
		"/", "/" + d.ID, "/" + d.ID + "?op=token", "/people", "/swagger/", "/openapi.json", "/nowhere", "/" + d.ID + "?op=nothing", "/" + d.ID + "?password=hunter2",
		"/" + d.ID + "/exchanges/7", "/static/nothing.js", "/livez", "/readyz", "/sandbox/nowhere", "/" + d.ID + "/token",
	}
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	defer closeTab()
	if err := chromedp.Do(ctx); err != nil { // the tab must not end with a deadline
		t.Fatal(err)
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := chromedp.Do(within, chromedp.Navigate(other+"/")); err != nil {
		t.Fatal(err)
	}
	tree, err := chromedp.Call(within, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	frames := tree.FrameTree.ChildFrames
	if len(frames) != len(framed)+1 {
		t.Fatalf("the page has %d frames, want %d", len(frames), len(framed)+1)
	}
	if f := frames[0].Frame; f.URL != other+"/inside" {
		t.Errorf("the stranger's own frame shows %q, so this test sees nothing", f.URL)
	}
	for i, f := range frames[1:] {
		if want := site + framed[i]; f.Frame.URL != "chrome-error://chromewebdata/" || f.Frame.UnreachableURL != want {
			t.Errorf("the frame of %s shows %q instead of %q", want, f.Frame.URL, f.Frame.UnreachableURL)
		}
	}
}

// testLinksAndForms comes from another site by a link, which opens the session,
// and by a form, which changes nothing. SES-3, X03.
func testLinksAndForms(t *testing.T, browser context.Context) {
	site, d := start(t), dialect.All()[0]
	_, other := stranger(t, func(path string) string {
		switch path {
		case "/link":
			return `<a href="` + site + "/" + d.ID + `">the exercise</a>`
		}
		return `<form method="post" action="` + site + path + `"><button>win a prize</button></form>`
	})
	v := visit(t, browser, site, desk)
	v.beside = other
	v.signIn(d)
	v.goTo(other + "/link")
	v.click("a", "the exercise")
	v.see("the live session", "location.href.startsWith("+quoteJS(site)+") && $('.state.is-valid').length")
	v.expect("403")
	for _, path := range []string{"/forget", "/" + d.ID + "/accounts/logout", "/" + d.ID + "/refresh"} {
		v.goTo(other + path)
		v.click("button", "win a prize")
		v.see("the refusal of "+path, "location.href === "+quoteJS(site+path)+" && performance.getEntriesByType('navigation')[0].responseStatus === 403")
	}
	v.open("/" + d.ID)
	v.see("the session as it was", "$('.state.is-valid').length && $('.history tbody tr').length === 1")
}

// testForgotten signs in, forgets everything, and then walks through all that
// the browser remembers. C03, SCR-5.
func testForgotten(t *testing.T, browser context.Context) {
	site, d := start(t), dialect.All()[0]
	for _, at := range []device{desk, desk.withoutScript()} {
		t.Run(at.name, func(t *testing.T) {
			v := visit(t, browser, site, at)
			v.signIn(d)
			tokens := v.tokens(d)
			v.open("/" + d.ID + "/exchanges/1")
			v.open("/" + d.ID + "?op=token")
			if !read[bool](v, "document.documentElement.outerHTML.includes("+quoteJS(tokens.access)+")") {
				t.Fatal("the page shows no token, so this test sees nothing")
			}
			v.open("/")
			v.click(".link", "Forget everything")
			v.see("the notice", "$('#notice').length && !$('.resume').length")
			var history page.GetNavigationHistoryResult
			v.call("the history", func(ctx context.Context) (err error) {
				history, err = chromedp.Call(ctx, page.GetNavigationHistory, cdp.Empty{})
				return err
			})
			entries := slices.DeleteFunc(slices.Clone(history.Entries), func(e *page.NavigationEntry) bool { return !strings.HasPrefix(e.URL, site) })
			if len(entries) < 4 {
				t.Fatalf("the browser remembers %d pages only", len(entries))
			}
			v.expect("404")
			look := func(how string) {
				for what, where := range map[string]string{
					"the page": "document.documentElement.outerHTML", "a field": "[...document.querySelectorAll('input, textarea')].map((e) => e.value).join(' ')",
					"the storage": "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state])", "a cookie": "document.cookie",
				} {
					text := ""
					v.until(what, func() string {
						got, err := ask[string](v, where)
						if err != nil {
							return err.Error() // between two documents
						}
						text = got
						return ""
					})
					for _, token := range []string{tokens.access, tokens.refresh} {
						if strings.Contains(text, token) {
							t.Errorf("%s: %s has a token", how, what)
						}
					}
				}
			}
			// Back to the first, then forward to the last.
			walk := slices.Clone(entries)
			slices.Reverse(walk)
			for _, e := range append(walk[1:], entries[1:]...) {
				v.call("the history", func(ctx context.Context) error {
					_, err := chromedp.Call(ctx, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: e.ID})
					return err
				})
				v.see("the page from before", "location.href === "+quoteJS(e.URL))
				look("back at " + e.URL)
			}
			again := v.secondTab()
			again.open("/" + d.ID + "?op=token")
			again.see("an empty key", "text($('#api_key')[0]).startsWith('Empty')")
		})
	}
}

// testHostileText lets a server and the person type everything that could
// become a script. Whatever the browser would have run, loaded or blocked is a
// fault of the visit. X09, H12.
func testHostileText(t *testing.T, browser context.Context) {
	site, d := start(t), dialect.All()[0]
	hostile := []string{
		`"'><script>alert(1)</script></script><script>alert(2)</script><img src=x onerror=alert(3)><svg onload=alert(4)></textarea></title></style></select><iframe srcdoc="<script>alert(5)</script>"></iframe>` +
			`<a href="javascript:alert(6)" autofocus onfocus=alert(7)>x</a><base href="//evil.test/"><meta http-equiv="refresh" content="0;url=//evil.test"><form action="//evil.test"><style>*{background:url(//evil.test/x)}</style>` +
			`<div hx-get="//evil.test/" hx-trigger="load" hx-on:click="alert(8)" hx-on::load="alert(9)"></div><object data="data:text/html,<script>alert(10)</script>"></object>`,
		`javascript:alert(1)//" onfocus=alert(2) autofocus x="' onfocus=alert(3) autofocus x='`,
	}
	var says atomic.Value
	says.Store("")
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text := says.Load().(string)
		w.Header().Set("Content-Type", "text/html")
		w.Header()["X-"+"Said"], w.Header()["Set-Cookie"], w.Header()["Link"] = []string{text}, []string{text}, []string{`</x.css>; rel=stylesheet`}
		q := quoteJS(text)
		_, _ = fmt.Fprintf(w, `{"access_token":%s,"token_type":%s,"refresh_token":%s,"expires_in":%s,"username":%s,%s:%s}`, quoteJS("a"+text), q, quoteJS("r"+text), q, q, q, q)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	host, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	v := visit(t, browser, site, desk)
	base := "/" + d.ID
	v.open(base)
	v.aimAt(host, port)
	v.see("the warning", "$('.real').length")
	// submit sends a form as a page of ours would without script.
	submit := func(path string, fields map[string]string) {
		t.Helper()
		form, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		v.open("/people")
		if _, err := ask[bool](v, `(() => {
			const form = document.createElement('form');
			form.method = 'post'; form.action = `+quoteJS(path)+`; form.setAttribute('hx-disable', '');
			for (const [name, value] of Object.entries(`+string(form)+`)) { const i = document.createElement('textarea'); i.name = name; i.value = value; form.append(i) }
			document.body.append(form); form.submit(); return true })()`); err != nil {
			t.Fatal(err)
		}
		v.see("what came of "+path, "!location.pathname.startsWith('/people')")
	}
	shown := 0
	look := func() {
		t.Helper()
		if made := read[[]string](v, `[...document.querySelectorAll('iframe, base, object, img, style, script:not([src^="/static/"]), meta[http-equiv="refresh" i], [onerror], [onload], [onfocus], [href^="javascript:"], [hx-get*="evil"]')].map((e) => e.outerHTML.slice(0, 100))`); len(made) > 0 {
			t.Errorf("a text became %q", made)
		}
		if read[bool](v, `document.body.innerText.includes('alert(1)') || $('input, textarea').some((e) => e.value.includes('alert(1)'))`) {
			shown++
		}
	}
	v.expect("400", "404", "409", "422")
	name := wire(grant(t, d, dialect.PasswordGrant), dialect.Username)
	for i, text := range hostile {
		says.Store(text)
		fields := map[string]string{"x.target": net.JoinHostPort(host, port), "grant_type": "password", name: text, v.password(d): "x"}
		submit(base+"/token", fields)
		if i == 0 {
			v.click(".cert .btn", "Trust this certificate for this server")
			v.see("the notice", "$('#notice').length")
			submit(base+"/token", fields)
		}
		v.see("the answer", "$('#answer .verdict strong').length")
		look()
		for _, view := range []string{"body", "headers", "request", "curl", "decoded"} {
			v.open(base + "?op=token&target=" + net.JoinHostPort(host, port) + "&view=" + view)
			look()
		}
		v.open("/")
		look()
		for _, f := range []map[string]string{{"x.host": text}, {"x.host": "a", "x.port": text}} {
			submit(base+"/target", f)
			look()
		}
		delete(fields, v.password(d))
		submit(base+"/token", fields)
		look()
		fields["x.target"] = text
		submit(base+"/token", fields)
		look()
		submit(base+"/key", map[string]string{"x.key": text})
		look()
		for _, part := range []string{"op", "grant", "target", "version", "view", "theme", "done", "anything"} {
			v.open(base + "?" + part + "=" + strings.NewReplacer("%", "%25", "&", "%26", "#", "%23", "+", "%2B", " ", "%20", `"`, "%22", "<", "%3C", ">", "%3E").Replace(text))
			look()
		}
	}
	if shown < 10 {
		t.Errorf("the texts were shown on %d pages only, so this test sees little", shown)
	}
	t.Logf("pages that showed a hostile text: %d", shown)
}
