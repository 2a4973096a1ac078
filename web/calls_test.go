package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tokenplayground/web/dialect"
)

// Every call of every product has a form on its page, and the form works.
func TestEveryCallIsOnThePage(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		for _, version := range d.Versions.All {
			v := w.visitor(t)
			v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+"&x.version="+version.ID)
			at := "/" + d.ID + "?version=" + url.QueryEscape(version.ID)
			p := page(t, v.get(at, asPage).want(http.StatusOK))
			var shown, has int
			for i := range d.Operations {
				if op := &d.Operations[i]; d.Speaks(version.ID, op.Since, op.Until) {
					has++
				}
			}
			for _, s := range p.Find(".op").EachIter() {
				shown++
				id := strings.TrimPrefix(s.AttrOr("id", ""), "op-")
				if id == "token" || id == "logout" {
					continue
				}
				open := page(t, v.get(at+"&op="+id+"&try="+id, asPage).want(http.StatusOK))
				form := open.Find("#form-" + id)
				fields := url.Values{}
				for _, in := range form.Find("input, select").EachIter() {
					fields.Set(in.AttrOr("name", ""), in.AttrOr("value", in.Find("[selected]").AttrOr("value", "")))
				}
				got := v.call(form.AttrOr("action", ""), fields.Encode())
				if got.Exchange == nil || got.Exchange.Response.Status >= 300 || got.Exchange.Operation != id {
					t.Errorf("%s %s: got %s", version.ID, id, got.raw)
				}
				if open := page(t, v.get(at+"&op="+id, asPage)); open.Find("#op-"+id+" #answer").Length() != 1 {
					t.Errorf("%s %s: the page does not show the answer", version.ID, id)
				}
			}
			if shown != has {
				t.Errorf("%s: the page shows %d calls of %d", version.ID, shown, has)
			}
		}
	})
}

// filled posts the form of a grant as the button of the page fills it in.
func filled(t *testing.T, v *visitor, d *dialect.Dialect, kind dialect.Kind, version string) answer {
	t.Helper()
	g, ok := d.Grant(kind)
	if !ok {
		t.Fatalf("%s has no grant %s", d.ID, kind)
	}
	at := "/" + d.ID + "?op=token&try=token&fill=1&grant=" + url.QueryEscape(g.Wire) + "&version=" + url.QueryEscape(version)
	form := page(t, v.get(at, asPage).want(http.StatusOK)).Find("#form-token")
	fields := url.Values{d.Operation(dialect.Obtain).GrantField.Wire: {g.Wire}, "x.version": {version}}
	for _, f := range g.Takes {
		if value := form.Find(`[name="`+f.Wire+`"]`).AttrOr("value", ""); value != "" {
			fields.Set(f.Wire, value)
		}
	}
	return v.call("/"+d.ID+"/token", fields.Encode())
}

// The grants that need something first find it in the session or at a button.
func TestOtherGrantsFromThePage(t *testing.T) {
	t.Parallel()
	w := open(t)
	good := func(t *testing.T, got answer) {
		t.Helper()
		if got.Exchange.Response.Status >= 300 || got.Session.State != "valid" {
			t.Errorf("got %s", got.raw)
		}
	}
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		obtain := d.Operation(dialect.Obtain)
		latest := func(since, until string) string {
			for i := len(d.Versions.All) - 1; i >= 0; i-- {
				if id := d.Versions.All[i].ID; d.Speaks(id, since, until) {
					return id
				}
			}
			return ""
		}
		for _, g := range obtain.Grants {
			version := latest(g.Since, g.Until)
			v := w.visitor(t)
			signedIn := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+"&x.version="+version)
			t.Run(string(g.Kind), func(t *testing.T) {
				switch g.Kind {
				case dialect.CodeGrant:
					if op := d.Operation(dialect.MakeCode); op != nil {
						version = latest(op.Since, op.Until)
						if made := v.call("/"+d.ID+"/calls/code", "x.version="+version); made.Exchange.Response.Status != op.Status {
							t.Fatalf("making a code: got %s", made.raw)
						}
						if href := page(t, v.get("/"+d.ID+"?op=code&version="+version, asPage)).Find("#answer .did a").AttrOr("href", ""); !strings.Contains(href, "grant="+url.QueryEscape(g.Wire)) {
							t.Errorf("the way on leads to %q", href)
						}
					} else if _, ok := d.Grant(dialect.PublicKeyGrant); ok {
						if made := filled(t, v, d, dialect.PublicKeyGrant, version); made.Exchange.Response.Status >= 300 {
							t.Fatalf("asking for an encrypted code: got %s", made.raw)
						}
					} else {
						return // nothing gives codes
					}
					got := filled(t, v, d, g.Kind, version)
					good(t, got)
					v.post("/"+d.ID+"/token", obtain.GrantField.Wire+"="+g.Wire+"&x.version="+version, asJSON).problem(http.StatusUnprocessableEntity, "missing-field")
				case dialect.ClientGrant:
					if made := v.call("/"+d.ID+"/calls/client", ""); made.Exchange.Response.Status >= 300 {
						t.Fatalf("making a client: got %s", made.raw)
					}
					v.call("/"+d.ID+"/accounts/logout", "")
					good(t, filled(t, v, d, g.Kind, version))
					v.call("/"+d.ID+"/forget", "")
					v.post("/"+d.ID+"/token", obtain.GrantField.Wire+"="+g.Wire, asJSON).problem(http.StatusUnprocessableEntity, "missing-field")
				case dialect.AssertionGrant, dialect.OperatorGrant, dialect.ActAsGrant:
					got := filled(t, v, d, g.Kind, version)
					good(t, got)
					if got.Session.AccessToken == signedIn.Session.AccessToken {
						t.Error("the pair is the old one")
					}
				}
			})
		}
	})
}

// A form that asks for what another answer brings says where to get it, and
// names no account that it cannot take.
func TestFormsLeadToWhatTheyAskFor(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		for _, g := range d.Operation(dialect.Obtain).Grants {
			p := page(t, v.get("/"+d.ID+"?op=token&grant="+url.QueryEscape(g.Wire), asPage).want(http.StatusOK))
			intro := p.Find("#op-token p.small").First()
			if names, takes := strings.Contains(intro.Text(), "In the sandbox:"), g.Kind == dialect.PasswordGrant; names != takes {
				t.Errorf("%s: the form says %q", g.Kind, intro.Text())
			}
			made := map[dialect.Kind]*dialect.Operation{dialect.CodeGrant: d.Operation(dialect.MakeCode), dialect.ClientGrant: d.Operation(dialect.MakeClient)}[g.Kind]
			if made == nil {
				continue
			}
			to := intro.Find("a")
			opened := page(t, v.get(to.AttrOr("href", "/nowhere"), asPage).want(http.StatusOK)).Find("#op-" + string(made.Purpose) + "[open]")
			if opened.Length() != 1 || !strings.Contains(to.Text(), opened.Find("summary code").Text()) {
				t.Errorf("%s: %q leads to %q", g.Kind, to.Text(), opened.Find("summary").Text())
			}
		}
	})
}

// A body can be written in every way that the product documents, and no
// password is kept of it.
func TestBodiesAreWrittenAsChosen(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		list := d.Operation(dialect.Obtain).Accepts()
		for _, e := range list {
			v := w.visitor(t)
			got := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+"&x.encoding="+url.QueryEscape(string(e)))
			var sent string
			for _, h := range got.Exchange.Request.Headers {
				if h[0] == "Content-Type" {
					sent = h[1]
				}
			}
			if got.Session.State != "valid" || !strings.HasPrefix(sent, string(e)) {
				t.Errorf("%s: sent as %s: %s", e, sent, got.raw)
			}
			if strings.Contains(got.raw, "Password1") || !strings.Contains(got.Exchange.Request.Body, "[redacted]") {
				t.Errorf("%s: the request shows its password: %s", e, got.Exchange.Request.Body)
			}
			p := page(t, v.get("/"+d.ID+"?op=token&x=1&try=token", asPage))
			if n := p.Find(`[name="x.encoding"]`).Length(); (n == 1) != (len(list) > 1) {
				t.Errorf("%s: the page offers the choice %d times", e, n)
			}
			if text := p.Text(); strings.Count(text, "Password1") > 1 { // the hint beside the form
				t.Errorf("%s: the page shows the password", e)
			}
		}
		w.visitor(t).post("/"+d.ID+"/token", signIn(t, d, "administrator")+"&x.encoding=text/plain", asJSON).problem(http.StatusUnprocessableEntity, "unknown-encoding")
	})
}

// TestARefusedSignInCanBeCorrected: the form stands there again with the name
// that was sent and without the password, however the body was written.
func TestARefusedSignInCanBeCorrected(t *testing.T) {
	t.Parallel()
	w := open(t, "--dialects", ownExamples)
	everyProductAndOwn(t, func(t *testing.T, d *dialect.Dialect) {
		const name, password = `lab\Åsa "A" O'Neil;+&=%41`, "wr0ng-one"
		field := wire(t, d, dialect.PasswordGrant, dialect.Username)
		for _, e := range d.Operation(dialect.Obtain).Accepts() {
			t.Run(string(e), func(t *testing.T) {
				v := w.visitor(t)
				sent := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: name, dialect.Password: password})
				if got := v.call("/"+d.ID+"/token", sent+"&x.encoding="+url.QueryEscape(string(e))); got.Session.State != "none" {
					t.Fatalf("got %s", got.raw)
				}
				res := v.get("/"+d.ID+"?op=token&try=token&x=1", asPage).lacks(password)
				if got, _ := page(t, res).Find(`#op-token [name="` + field + `"]`).Attr("value"); got != name {
					t.Errorf("the field %s holds %q, want %q", field, got, name)
				}
			})
		}
	})
}

// The account of an Explore that is refused for its rights has a token that is
// good, and the verdict says both.
func TestTooFewRightsHaveARow(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		v.call("/"+d.ID+"/token", signIn(t, d, "operator"))
		got := v.call("/"+d.ID+"/explore", "")
		var rows []string
		for _, c := range got.Exchange.Checks {
			rows = append(rows, c.Name+" "+c.Verdict)
		}
		if n := len(rows); got.Exchange.Response.Status != http.StatusForbidden || n != 5 || rows[3] != "accepted passed" || rows[4] != "rights failed" {
			t.Errorf("got %d with %v", got.Exchange.Response.Status, rows)
		}
		v.get("/"+d.ID+"?op=explore", asPage).has("Rights", "Too few: the account may not make this call.")
	})
}

// On a phone the strip is all that stays in sight, so it has the next step.
func TestStripOffersExploreFirst(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	p := page(t, v.get("/"+d.ID, asPage))
	if narrow, wide := p.Find(".state .only-narrow button").Text(), p.Find(".state .only-wide button").Text(); narrow != "Explore" || wide != "Refresh" {
		t.Errorf("before Explore: got %q on a phone and %q else", narrow, wide)
	}
	v.call("/"+d.ID+"/explore", "")
	if p := page(t, v.get("/"+d.ID, asPage)); p.Find(".state .only-narrow").Length() > 0 || p.Find(".state button").Text() != "Refresh" {
		t.Errorf("after Explore: got %q", p.Find(".state button").Text())
	}
}

// The foot of a product's page leads to the description of its API, in the
// version that the page has, and to Swagger UI with the same.
func TestPageLeadsToTheDescription(t *testing.T) {
	t.Parallel()
	w := open(t)
	v := w.visitor(t)
	script := page(t, v.get("/swagger/", asPage).want(http.StatusOK)).Find(`script[src^="initialiser."]`).AttrOr("src", "")
	list := v.get("/swagger/" + script).want(http.StatusOK).body
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		last := d.Versions.All[len(d.Versions.All)-1].ID
		for query, version := range map[string]string{"": d.Versions.Default, "?version=" + url.QueryEscape(last): last} {
			foot := page(t, v.get("/"+d.ID+query, asPage).want(http.StatusOK)).Find(".foot")
			document := foot.Find(`a[href^="/sandbox/"]`).AttrOr("href", "")
			var doc struct{ Info struct{ Version string } }
			if err := json.Unmarshal([]byte(v.get(document).want(http.StatusOK).body), &doc); err != nil || doc.Info.Version != version {
				t.Errorf("%s describes version %q (%v), want %q", document, doc.Info.Version, err, version)
			}
			u, err := url.Parse(foot.Find(`a[href^="/swagger/?"]`).AttrOr("href", ""))
			if err != nil {
				t.Fatal(err)
			}
			name, err := json.Marshal(u.Query().Get("urls.primaryName"))
			if err != nil {
				t.Fatal(err)
			}
			v.get(u.Path).want(http.StatusOK)
			if !strings.Contains(list, string(name)) || len(name) < 4 {
				t.Errorf("Swagger UI has no document with the name %s:\n%.600s", name, list)
			}
		}
	})
	if got := page(t, v.get("/", asPage)).Find(`.foot a[href^="/sandbox/"]`); got.Length() > 0 {
		t.Errorf("the home page leads to the description of one product: %s", got.AttrOr("href", ""))
	}
}
