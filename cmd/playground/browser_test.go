package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What the browser tests need beside Go, and what they leave behind.
const (
	envChromium = "PLAYGROUND_TEST_CHROMIUM" // path of the browser
	envAxe      = "PLAYGROUND_TEST_AXE"      // path of axe.min.js
	envRequire  = "PLAYGROUND_TEST_REQUIRE"  // 1: what is missing fails the test
	envShots    = "PLAYGROUND_TEST_SHOTS"    // directory for a PNG of every state
)

// patience is how long a condition may take to come true on a machine that is
// busy with other things.
const patience = 30 * time.Second

// lack ends a test that cannot run here.
func lack(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv(envRequire) == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// TestBrowser is everything that a person does in a browser. One browser
// serves all of it; each visit has cookies and a cache of its own.
func TestBrowser(t *testing.T) {
	b := launch(t)
	t.Run("the documented procedure", func(t *testing.T) { testDocumentedProcedure(t, b) })
	t.Run("the life of a pair", func(t *testing.T) { testLives(t, b) })
	t.Run("accessibility", func(t *testing.T) { testAccessibility(t, b) })
	t.Run("keyboard", func(t *testing.T) { testKeyboard(t, b) })
	t.Run("clock", func(t *testing.T) { testClock(t, b) })
	t.Run("sandbox", func(t *testing.T) { testSandbox(t, b) })
	t.Run("addresses", func(t *testing.T) { testAddresses(t, b) })
	t.Run("effort", func(t *testing.T) { testEffort(t, b) })
	t.Run("weight", func(t *testing.T) { testWeight(t, b) })
	t.Run("frames", func(t *testing.T) { testFrames(t, b) })
	t.Run("links and forms of another site", func(t *testing.T) { testLinksAndForms(t, b) })
	t.Run("what is forgotten", func(t *testing.T) { testForgotten(t, b) })
	t.Run("hostile text", func(t *testing.T) { testHostileText(t, b) })
}

// launch starts a browser that reaches this machine only, also as evil.test,
// and ends it with the test.
func launch(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv(envChromium)
	if path == "" {
		path = "/usr/bin/chromium"
	}
	if _, err := exec.LookPath(path); err != nil {
		lack(t, "no Chromium here (%v): install it, or set %s to its path", err, envChromium)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP evil.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("lang", "en-GB"))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(ctx)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return ctx
}

// start runs the program and returns the address that it prints, without the
// last slash. It ends with the test.
func start(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var errs lockedBuffer
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--store", "memory:"}, args...), func(string) string { return "" }, in, &errs)
		in.CloseWithError(err)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the program ended with %v", err)
		}
		if t.Failed() && errs.String() != "" {
			t.Logf("the program said:\n%s", errs.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the program printed %q and no address: %v\n%s", line, err, errs.String())
	}
	_, address, ok := strings.Cut(strings.TrimSpace(line), "ready: ")
	if !ok {
		t.Fatalf("the program printed %q, which names no address", line)
	}
	return strings.TrimSuffix(address, "/")
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// device is what a visit looks at the page with.
type device struct {
	name          string
	width, height int64
	dark          bool
	noScript      bool
}

var (
	desk      = device{name: "1280 light", width: 1280, height: 900}
	deskDark  = device{name: "1280 dark", width: 1280, height: 900, dark: true}
	phone     = device{name: "360 light", width: 360, height: 800}
	phoneDark = device{name: "360 dark", width: 360, height: 800, dark: true}
)

func (d device) withoutScript() device {
	d.noScript = true
	d.name += " without script"
	return d
}

// visitor is one person with one browser profile and one tab.
type visitor struct {
	t    *testing.T
	ctx  context.Context
	site string
	// beside is another site that the walk leads to; empty for none.
	beside string
	at     device
	// clicks, keys and scrolls are what the person has done so far.
	clicks, keys, scrolls int

	mu     sync.Mutex
	faults []string
	// refusals are the statuses of ours that the walk provokes; the browser
	// logs each as an error.
	refusals map[string]bool
	got      map[network.RequestID]*transfer
	again    int // calls that the browser was told to repeat
}

// transfer is one request that the browser made.
type transfer struct {
	url, method string
	bytes       float64
}

// visit opens a tab with empty cookies. When the test ends, anything that the
// browser complained of is a failure: script errors, blocked content, requests
// that leave the site.
func visit(t *testing.T, browser context.Context, site string, at device) *visitor {
	t.Helper()
	v := &visitor{t: t, site: site, at: at, refusals: map[string]bool{}, got: map[network.RequestID]*transfer{}}
	v.tab(browser, chromedp.WithNewBrowserContext())
	return v
}

// secondTab opens another tab of the same person.
func (v *visitor) secondTab() *visitor {
	v.t.Helper()
	w := &visitor{t: v.t, site: v.site, at: v.at, refusals: map[string]bool{}, got: map[network.RequestID]*transfer{}}
	w.tab(v.ctx)
	return w
}

func (v *visitor) tab(parent context.Context, opts ...chromedp.ContextOption) {
	v.t.Helper()
	ctx, closeTab := chromedp.NewContext(parent, append(opts, chromedp.WithListener(v.hear))...)
	v.ctx = ctx
	v.t.Cleanup(func() {
		v.t.Helper()
		if v.t.Failed() && os.Getenv(envShots) != "" {
			v.shoot("failed")
		}
		closeTab()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, f := range v.faults {
			v.t.Errorf("%s: %s", v.at.name, f)
		}
	})
	v.call("audits", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, audits.Enable, cdp.Empty{})
		return err
	})
	v.call("focus", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	})
	v.call("listener", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `addEventListener('securitypolicyviolation', (e) => console.error('blocked by the policy: ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample))`})
		return err
	})
	v.use(v.at)
}

// use changes the device in the hand.
func (v *visitor) use(d device) {
	v.t.Helper()
	v.at = d
	v.call("device", func(ctx context.Context) error {
		narrow := d.width < 700
		if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: d.width, Height: d.height, DeviceScaleFactor: 1, Mobile: narrow}); err != nil {
			return err
		}
		if _, err := chromedp.Call(ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: narrow}); err != nil {
			return err
		}
		scheme := "light"
		if d.dark {
			scheme = "dark"
		}
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}); err != nil {
			return err
		}
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: d.noScript})
		return err
	})
}

// hear collects what the browser complains of, and what it loads.
func (v *visitor) hear(ev any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fault := func(format string, args ...any) { v.faults = append(v.faults, fmt.Sprintf(format, args...)) }
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, a := range ev.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			fault("the console says: %s", strings.Join(words, " "))
		}
	case *runtime.EventExceptionThrown:
		what := ev.ExceptionDetails.Text
		if ev.ExceptionDetails.Exception != nil {
			what += " " + ev.ExceptionDetails.Exception.Description
		}
		fault("a script threw: %s", what)
	case *log.EventEntryAdded:
		if ev.Entry.Level != log.EntryLevelError && ev.Entry.Level != log.EntryLevelWarning {
			return
		}
		for status := range v.refusals {
			if ev.Entry.Source == log.EntrySourceNetwork && strings.Contains(ev.Entry.Text, "status of "+status) {
				return
			}
		}
		fault("the browser logs: %s %s", ev.Entry.Text, ev.Entry.URL)
	case *page.EventJavascriptDialogOpening:
		fault("a dialog opened: %s", ev.Message)
	case *audits.EventIssueAdded:
		if ev.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			what, _ := json.Marshal(ev.Issue.Details) // for the report only
			fault("the policy blocked something: %s", what)
		}
	case *network.EventRequestWillBeSent:
		if u := ev.Request.URL; !strings.HasPrefix(u, v.site+"/") && (v.beside == "" || !strings.HasPrefix(u, v.beside+"/")) && !strings.HasPrefix(u, "data:") && u != "about:blank" {
			fault("a request left the site: %s", u)
		}
		if ev.Request.Method == "POST" && strings.HasSuffix(ev.Request.URL, "again=1") {
			v.again++
		}
		v.got[ev.RequestID] = &transfer{url: ev.Request.URL, method: ev.Request.Method}
	case *network.EventLoadingFinished:
		if r := v.got[ev.RequestID]; r != nil {
			r.bytes = ev.EncodedDataLength
		}
	}
}

// expect says that the walk provokes refusals of ours.
func (v *visitor) expect(statuses ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range statuses {
		v.refusals[s] = true
	}
}

// posts counts the calls that changed something.
func (v *visitor) posts() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, r := range v.got {
		if r.method == "POST" {
			n++
		}
	}
	return n
}

func (v *visitor) call(what string, f func(ctx context.Context) error) {
	v.t.Helper()
	// The first call opens the tab, which must not end with a deadline.
	if err := f(v.ctx); err != nil {
		v.t.Fatalf("%s: %s: %v", v.at.name, what, err)
	}
}

// lens are the words that the expressions below are written in: what a person
// can see and read.
const lens = `
const $ = (q, in_ = document) => [...in_.querySelectorAll(q)].filter((e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length);
const text = (e) => e.innerText.replace(/\s+/g, ' ').trim();
const quiet = () => document.readyState === 'complete' && !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added');
const field = (op, wire) => document.getElementById($('#op-' + op + ' .field label').find((l) => text(l.querySelector('code')) === wire)?.htmlFor);
`

func quoteJS(s string) string {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return string(b)
}

// ask evaluates an expression of the lens in the page.
func ask[T any](v *visitor, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T]("(() => {"+lens+"return ("+expression+")})()"))
}

// read is ask for what must be there at once.
func read[T any](v *visitor, expression string) T {
	v.t.Helper()
	got, err := ask[T](v, expression)
	if err != nil {
		v.t.Fatalf("%s: reading %s: %v", v.at.name, expression, err)
	}
	return got
}

// until waits for try to answer "", which otherwise says what is not right yet.
func (v *visitor) until(what string, try func() string) {
	v.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	often := time.NewTicker(15 * time.Millisecond)
	defer often.Stop()
	for {
		problem := try()
		if problem == "" {
			return
		}
		select {
		case <-deadline.C:
			where, _ := ask[string](v, "location.href") // for the report only
			v.t.Fatalf("%s: waiting for %s: %s\nat %s", v.at.name, what, problem, where)
		case <-v.ctx.Done():
			v.t.Fatalf("%s: waiting for %s: the tab is gone", v.at.name, what)
		case <-often.C:
		}
	}
}

// see waits until the page is at rest and the condition holds.
func (v *visitor) see(what, condition string) {
	v.t.Helper()
	v.until(what, func() string {
		ok, err := ask[bool](v, "quiet() && Boolean("+condition+")")
		switch {
		case err != nil:
			return err.Error() // between two documents
		case !ok:
			return "not so: " + condition
		}
		return ""
	})
}

// seeText waits until exactly one visible element reads so.
func (v *visitor) seeText(css, want string) {
	v.t.Helper()
	v.until(css, func() string {
		got, err := ask[[]string](v, "quiet() ? $("+quoteJS(css)+").map(text) : ['the page is busy']")
		switch {
		case err != nil:
			return err.Error()
		case len(got) != 1 || got[0] != want:
			return fmt.Sprintf("got %q, want %q", got, want)
		}
		return ""
	})
}

// open types an address into the bar.
func (v *visitor) open(path string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(v.site+path)); err != nil {
		v.t.Fatalf("%s: opening %s: %v", v.at.name, path, err)
	}
	v.see(path, "true")
}

// spot is where a click goes.
type spot struct {
	X, Y     float64
	Problem  string
	Scrolled bool
}

// click presses the mouse over the one visible element that the selector and,
// unless it is empty, the exact text describe. An element that something else
// covers cannot be clicked, just as a person could not.
func (v *visitor) click(css, words string) {
	v.t.Helper()
	v.clickOn(fmt.Sprintf("$(%s).filter((e) => !%[2]s || text(e) === %[2]s)", quoteJS(css), quoteJS(words)), css+" "+words)
}

func (v *visitor) clickOn(found, what string) {
	v.t.Helper()
	var at spot
	v.until("a click on "+what, func() string {
		var err error
		at, err = ask[spot](v, `(() => {
			const found = `+found+`;
			if (!quiet()) return { Problem: 'the page is busy' };
			if (found.length !== 1) return { Problem: found.length + ' such elements are visible: ' + found.map((e) => e.outerHTML.slice(0, 90)).join(' | ') };
			const e = found[0];
			if (e.disabled) return { Problem: 'it is disabled' };
			const place = () => {
				const r = e.getClientRects()[0], X = r.left + r.width / 2, Y = r.top + r.height / 2;
				const hit = document.elementFromPoint(X, Y);
				return hit && (e.contains(hit) || hit.contains(e) && hit.localName === 'label') ? { X, Y, Problem: '' } : { X, Y, Problem: 'covered by ' + (hit ? hit.outerHTML.slice(0, 90) : 'nothing, out of sight') };
			};
			let p = place(), Scrolled = false;
			for (const block of ['nearest', 'center', 'end']) {
				if (!p.Problem) break;
				e.scrollIntoView({ block, behavior: 'instant' });
				Scrolled = true;
				p = place();
			}
			return { ...p, Scrolled };
		})()`)
		if err != nil {
			return err.Error()
		}
		return at.Problem
	})
	if at.Scrolled {
		v.scrolls++
	}
	v.clicks++
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y)); err != nil {
		v.t.Fatalf("%s: clicking %s: %v", v.at.name, what, err)
	}
}

// press sends keys, one after the other.
func (v *visitor) press(keys string, mods ...chromedp.Modifier) {
	v.t.Helper()
	v.keys += utf8.RuneCountInString(keys)
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys, chromedp.KeyModifiers(mods...))); err != nil {
		v.t.Fatalf("%s: pressing %q: %v", v.at.name, keys, err)
	}
}

// paste inserts text at the cursor as the clipboard would.
func (v *visitor) paste(text string) {
	v.t.Helper()
	v.keys++
	v.call("pasting", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// fill clicks a field of an operation, by its name on the wire, and types over
// what it holds.
func (v *visitor) fill(op, wire, text string) {
	v.t.Helper()
	v.clickOn(fmt.Sprintf("[field(%s, %s)].filter((e) => e)", quoteJS(op), quoteJS(wire)), "the field "+wire)
	v.press("a", chromedp.ModifierCtrl)
	switch {
	case text == "":
		v.press(kb.Backspace)
	case len(text) > 40:
		v.paste(text)
	default:
		v.press(text)
	}
	v.see("what was typed into "+wire, fmt.Sprintf("field(%s, %s).value === %s", quoteJS(op), quoteJS(wire), quoteJS(text)))
}

// choose picks an option of a drop-down with the keyboard. Without script, the
// person then clicks Change.
func (v *visitor) choose(op, wire, option string) {
	v.t.Helper()
	v.clickOn(fmt.Sprintf("$('#op-%s .field label').filter((l) => text(l.querySelector('code')) === %s)", op, quoteJS(wire)), "the label "+wire)
	v.see("focus on "+wire, fmt.Sprintf("document.activeElement === field(%s, %s)", quoteJS(op), quoteJS(wire)))
	v.press(option[:1])
	v.see("the choice of "+option, fmt.Sprintf("field(%s, %s).selectedOptions[0].text === %s", quoteJS(op), quoteJS(wire), quoteJS(option)))
	if v.at.noScript {
		v.click("#op-"+op+" .field button", "Change")
		v.see("the form again", "location.hash === '#op-"+op+"'")
	}
}

// chosen reads what a drop-down shows.
func (v *visitor) chosen(op, wire string) string {
	v.t.Helper()
	return read[string](v, fmt.Sprintf("field(%s, %s).selectedOptions[0].text", quoteJS(op), quoteJS(wire)))
}

// look is a pause to look at the page: nothing may reach past its right edge,
// and at most one button stands out. It leaves a picture if one is asked for.
func (v *visitor) look(state string) {
	v.t.Helper()
	wide := read[[]string](v, `document.scrollingElement.scrollWidth <= innerWidth && innerWidth <= `+fmt.Sprint(v.at.width)+` ? [] :
		['the page is ' + document.scrollingElement.scrollWidth + ' wide in ' + innerWidth, ...$('body *').filter((e) => e.getBoundingClientRect().right > `+fmt.Sprint(v.at.width)+` + .5 && !e.closest('.scroll, .tabs')).slice(-3).map((e) => e.outerHTML.slice(0, 120))]`)
	if len(wide) > 0 {
		v.t.Errorf("%s: %s: it scrolls sideways: %s", v.at.name, state, strings.Join(wide, " | "))
	}
	if next := read[[]string](v, "$('.btn.next').map(text)"); len(next) > 1 {
		v.t.Errorf("%s: %s: more than one button stands out: %q", v.at.name, state, next)
	}
	v.shoot(state)
}

func (v *visitor) shoot(state string) {
	dir := os.Getenv(envShots)
	if dir == "" {
		return
	}
	name := strings.NewReplacer(" ", "-", "/", "_", ",", "", "=", "-", "?", "_", "#", "_").Replace(v.t.Name() + "--" + state + "--" + v.at.name)
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
	}
	if err != nil {
		v.t.Logf("no picture of %s: %v", state, err)
	}
}

// back presses the browser's button. A page that comes from the browser's memory
// loads nothing, so there is nothing to wait for but what it shows.
func (v *visitor) back() {
	v.t.Helper()
	v.call("going back", func(ctx context.Context) error {
		h, err := chromedp.Call(ctx, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err
		}
		_, err = chromedp.Call(ctx, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[h.CurrentIndex-1].ID})
		return err
	})
}

// reload presses the browser's button.
func (v *visitor) reload() {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Reload()); err != nil {
		v.t.Fatalf("%s: reloading: %v", v.at.name, err)
	}
	v.see("the page again", "true")
}
