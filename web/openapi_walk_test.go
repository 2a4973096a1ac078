package web

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/getkin/kin-openapi/openapi3"

	"tokenplayground/openapi"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// hands are what a person does in Swagger UI: they wait until something is
// there, type, choose and click.
const hands = `
const wait = (f) => new Promise((ok, no) => {
	let n = 300;
	const look = () => {
		let v;
		try { v = f(); } catch { }
		if (v) ok(v);
		else if (n-- == 0) no(new Error("there is never " + f));
		else setTimeout(look, 50);
	};
	look();
});
const one = (css, within = document) => within.querySelector(css);
const type = (field, value) => {
	const kind = field instanceof HTMLSelectElement ? HTMLSelectElement : field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
	Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value);
	// A field tells after a while, or when it is left.
	for (const event of ["input", "change", "focusout"]) field.dispatchEvent(new Event(event, { bubbles: true }));
};
const shown = (url) => wait(() => one(".info .link")?.innerText.includes(url) && one(".download-url-wrapper select").value == url);
const execute = async (tag, id, fields) => {
	const section = await wait(() => [...document.querySelectorAll(".opblock-tag")].find((e) => e.dataset.tag == tag));
	if (section.dataset.isOpen != "true") section.click();
	const block = await wait(() => one('[id$="-' + id + '"]'));
	if (!block.classList.contains("is-open")) one(".opblock-summary-control", block).click();
	const start = await wait(() => one(".try-out__btn", block));
	if (!start.classList.contains("cancel")) start.click();
	await wait(() => one(".execute", block));
	for (const [name, value] of Object.entries(fields))
		type(await wait(() => one('[data-property-name="' + name + '"] :is(input, select, textarea), [data-param-name="' + name + '"] :is(input, select)', block)), value);
	one(".btn-clear", block)?.click();
	await wait(() => !one(".live-responses-table", block));
	one(".execute", block).click();
	const answer = await wait(() => one(".live-responses-table tbody", block));
	return {
		status: one(".response-col_status", answer).innerText.trim(),
		body: one(".response-col_description .highlight-code pre", answer)?.innerText ?? "",
	};
};
const authorize = async (scheme, value) => {
	(await wait(() => one(".auth-wrapper > .authorize"))).click();
	const part = () => [...document.querySelectorAll(".auth-container")].find((e) => one("h4 code", e).innerText == scheme);
	await wait(part);
	[...part().querySelectorAll("button")].find((e) => e.innerText == "Logout")?.click();
	type(await wait(() => one("input", part())), value);
	one("button.authorize", part()).click();
	await wait(() => !one("input", part()));
	one(".btn-done", part()).click();
	await wait(() => !one(".auth-container"));
};
`

// walker is one tab with the document of one product.
type walker struct {
	t   *testing.T
	ctx context.Context
	d   *dialect.Dialect
	doc *openapi3.T
}

// do runs one of the hands' movements.
func do[T any](w *walker, call string, args ...any) T {
	w.t.Helper()
	var words []string
	for _, a := range args {
		raw, err := json.Marshal(a)
		if err != nil {
			w.t.Fatal(err)
		}
		words = append(words, string(raw))
	}
	got, err := chromedp.Run(w.ctx, chromedp.Evaluate[T]("(async () => {"+hands+"return await "+call+"("+strings.Join(words, ", ")+")})()", chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%s(%s): %v", call, strings.Join(words, ", "), err)
	}
	return got
}

// execute opens an operation, fills in its fields and sends it.
func (w *walker) execute(p dialect.Purpose, status int, values dialect.Values, fields map[string]string) dialect.Values {
	w.t.Helper()
	op := w.d.Operation(p)
	if fields == nil {
		fields = map[string]string{}
	}
	for _, f := range op.Takes {
		fields[f.Wire] = values[f.Term]
	}
	described := w.doc.Paths.Value(w.d.Path(op, "")).GetOperation(op.Method)
	got := do[struct{ Status, Body string }](w, "execute", described.Tags[0], described.OperationID, fields)
	if !strings.HasPrefix(got.Status, strconv.Itoa(status)) {
		w.t.Fatalf("%s: got %q, want %d: %s", p, got.Status, status, got.Body)
	}
	return w.d.Decode(p, "", status, []byte(got.Body)).Values
}

func (w *walker) authorize(token string) {
	w.t.Helper()
	scheme := w.d.Authorize.Scheme
	if scheme == "" {
		scheme = "Bearer"
	}
	if w.d.TypesWord("") {
		token = "Bearer " + token
	}
	do[any](w, "authorize", scheme, token)
}

// TestSwaggerUIWalksTheProcedure is what the products' documents tell people to
// do on the product's own page: sign in, authorize, call, refresh, log out. The
// page is Swagger UI with the document that was made of the product.
func TestSwaggerUIWalksTheProcedure(t *testing.T) {
	t.Parallel()
	base := describedServer(t)
	browser := chromium(t)
	for _, d := range dialect.All() {
		t.Run(d.ID, func(t *testing.T) {
			tab := &listener{site: base}
			ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.hear))
			defer closeTab()
			ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
			defer cancel()
			raw, err := openapi.Product(d, "", "/")
			if err != nil {
				t.Fatal(err)
			}
			doc, err := openapi3.NewLoader().LoadFromData(raw)
			if err != nil {
				t.Fatal(err)
			}
			w := &walker{t, ctx, d, doc}
			defer func() {
				if dir := os.Getenv("PLAYGROUND_TEST_SHOTS"); dir != "" {
					if png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err != nil || os.WriteFile(dir+"/walk-"+d.ID+".png", png, 0o600) != nil {
						t.Error("no picture", err)
					}
				}
				if t.Failed() {
					t.Log(tab.complaints())
				}
			}()
			if err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
					Source: `addEventListener("securitypolicyviolation", (e) => console.error("blocked by the policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sample))`})
				return err
			}), chromedp.Navigate(base+"/swagger/?urls.primaryName="+url.QueryEscape(d.Name))); err != nil {
				t.Fatal(err)
			}
			do[any](w, "shown", "/sandbox/"+d.ID+"/openapi.json")

			op := d.Operation(dialect.Obtain)
			sign, _ := d.Grant(dialect.PasswordGrant)
			again, _ := d.Grant(dialect.RefreshGrant)
			fields := map[string]string{op.GrantField.Wire: sign.Wire}
			for _, f := range sign.Takes {
				switch f.Term {
				case dialect.Username:
					fields[f.Wire] = sandbox.People()[0].Name
				case dialect.Password:
					fields[f.Wire] = sandbox.People()[0].Password
				}
			}
			w.execute(dialect.Explore, 401, nil, nil)
			first := w.execute(dialect.Obtain, 200, nil, fields)
			w.authorize(first[dialect.AccessToken])
			w.execute(dialect.Explore, 200, nil, nil)

			fields = map[string]string{op.GrantField.Wire: again.Wire}
			for _, f := range again.Takes {
				if f.Term == dialect.RefreshToken {
					fields[f.Wire] = first[dialect.RefreshToken]
				}
			}
			second := w.execute(dialect.Obtain, 200, nil, fields)
			if second[dialect.AccessToken] == first[dialect.AccessToken] {
				t.Fatal("the refresh gave the old token")
			}
			w.authorize(second[dialect.AccessToken])
			w.execute(dialect.Explore, 200, nil, nil)

			if d.Operation(dialect.WhoAmI) != nil {
				second[dialect.UserID] = w.execute(dialect.WhoAmI, 200, nil, nil)[dialect.UserID]
			}
			w.execute(dialect.Logout, d.Status(d.Operation(dialect.Logout), ""), second, nil)
			w.execute(dialect.Explore, 401, nil, nil)
			for line := range strings.SplitSeq(tab.complaints(), "\n") {
				// Each refusal above is a line of the browser's own.
				if line != "" && !strings.Contains(line, "the server responded with a status of 401") {
					t.Error(line)
				}
			}
		})
	}
}
