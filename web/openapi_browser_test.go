package web

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tokenplayground/web/dialect"
)

// TestSwaggerUI drives Swagger UI as a person does, under the policy that it
// is served with: for every product it opens the token call, finds it filled in
// for a person of the sandbox, and gets a token.
func TestSwaggerUI(t *testing.T) {
	t.Parallel()
	base := describedServer(t)
	browser := chromium(t)
	for _, d := range dialect.All() {
		t.Run(d.ID+" gives a token to Execute", func(t *testing.T) {
			tab := &listener{site: base}
			ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.hear))
			defer closeTab()
			patient, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()

			section := chromedp.CSS(`.opblock-tag[data-tag="Sandbox: ` + d.Short + `"]`)
			block := `[id$="-` + d.ID + `\\.token"]` // Swagger UI escapes the dot in the id
			steps := []chromedp.Action[chromedp.Void]{
				chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
					_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
						Source: `addEventListener("securitypolicyviolation", (e) => console.error("blocked by the policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sample))`})
					return err
				}),
				chromedp.Navigate(base + "/swagger/"),
				chromedp.Click(section),
				chromedp.Click(chromedp.CSS(block + " .opblock-summary-control")),
				chromedp.Click(chromedp.CSS(block + " .try-out__btn")),
			}
			const answer = " .live-responses-table tbody "
			steps = append(steps,
				chromedp.Click(chromedp.CSS(block+" .execute")),
				chromedp.WaitVisible(chromedp.CSS(block+answer+".response-col_status")))
			err := chromedp.Do(patient, steps...)
			if dir := os.Getenv("PLAYGROUND_TEST_SHOTS"); dir != "" {
				png, err := chromedp.Run(patient, chromedp.FullScreenshot(100))
				if err == nil {
					err = os.WriteFile(dir+"/swagger-"+d.ID+".png", png, 0o600)
				}
				if err != nil {
					t.Error(err)
				}
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, tab.complaints())
			}
			status, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(block+answer+".response-col_status")))
			if err != nil {
				t.Fatal(err)
			}
			body, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(block+answer+".response-col_description")))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(strings.TrimSpace(status), "200") {
				t.Errorf("got status %q, want 200: %s", status, body)
			}
			for _, f := range d.Operation(dialect.Obtain).Gives {
				if f.Term == dialect.AccessToken && !strings.Contains(body, `"`+f.Wire+`"`) {
					t.Errorf("the answer has no %s: %s", f.Wire, body)
				}
			}
			if got := tab.complaints(); got != "" {
				t.Errorf("the browser complains:\n%s", got)
			}
		})
	}
}

// chromium starts a browser that reaches this machine only.
func chromium(t *testing.T) context.Context {
	t.Helper()
	program := os.Getenv("PLAYGROUND_TEST_CHROMIUM")
	if program == "" {
		program = "/usr/bin/chromium"
	}
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("PLAYGROUND_TEST_REQUIRE") == "1" {
			t.Fatalf("no Chromium here (%v): install it, or set PLAYGROUND_TEST_CHROMIUM to its path", err)
		}
		t.Skipf("no Chromium here (%v)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.DisableGPU, chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.Flag("disable-component-update", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(ctx)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return ctx
}

// listener gathers what a tab complains of.
type listener struct {
	site string

	mu    sync.Mutex
	lines []string
}

func (l *listener) hear(ev any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		line := string(ev.Type) + ":"
		for _, a := range ev.Args {
			line += " " + string(a.Value) + a.Description
		}
		l.lines = append(l.lines, line)
	case *runtime.EventExceptionThrown:
		line := "a script threw: " + ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			line += " " + e.Description
		}
		l.lines = append(l.lines, line)
	case *log.EventEntryAdded:
		if ev.Entry.Level != log.EntryLevelError && ev.Entry.Level != log.EntryLevelWarning {
			return // advice
		}
		l.lines = append(l.lines, "the browser logs: "+ev.Entry.Text+" "+ev.Entry.URL)
	case *network.EventRequestWillBeSent:
		if u := ev.Request.URL; !strings.HasPrefix(u, l.site+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") {
			l.lines = append(l.lines, "a request left the site: "+u)
		}
	}
}

func (l *listener) complaints() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
