package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

func TestLifeOverJSON(t *testing.T) {
	t.Parallel()
	w := open(t, "--dialects", ownExamples)
	everyProductAndOwn(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		base := "/" + d.ID
		obtain := d.Operation(dialect.Obtain)

		got := v.call(base+"/token", signIn(t, d, "administrator"))
		if got.Exchange == nil || got.Exchange.Response.Status != obtain.Status || got.Exchange.ID != 1 {
			t.Fatalf("obtain: got %s", got.raw)
		}
		if x := got.Exchange; x.Operation != "token" || x.Target != "sandbox" || x.Request.Method != obtain.Method ||
			!strings.HasSuffix(x.Request.URL, d.Path(obtain, "")) || x.DurationMS == nil || *x.DurationMS <= 0 {
			t.Errorf("obtain: got the exchange %+v", x)
		}
		if s := got.Session; s.State != "valid" || s.AccessToken == "" || s.RefreshToken == "" || !strings.EqualFold(s.Username, "administrator") {
			t.Errorf("obtain: got the session %+v", s)
		}
		for _, at := range []string{got.Session.ExpiresAt, got.Session.RefreshExpiresAt} {
			if when, err := time.Parse(time.RFC3339, at); err != nil || when.Before(time.Now()) {
				t.Errorf("obtain: got the expiry %q", at)
			}
		}
		if !strings.Contains(got.Exchange.Response.Body, got.Session.AccessToken) {
			t.Error("obtain: the sandbox's token is not whole in the body")
		}
		if strings.Contains(got.raw, "Password1") || !strings.Contains(got.Exchange.Request.Body, "[redacted]") {
			t.Errorf("obtain: the request shows its password: %s", got.Exchange.Request.Body)
		}
		first := got.Session

		got = v.call(base+"/explore", "")
		if got.Exchange.Response.Status != 200 || got.Session != first {
			t.Errorf("explore: got %s", got.raw)
		}
		var checks []string
		for _, c := range got.Exchange.Checks {
			checks = append(checks, c.Name+" "+c.Verdict)
		}
		if diff := cmp.Diff([]string{"well_formed passed", "in_time passed", "meant_for_this passed", "accepted passed"}, checks); diff != "" {
			t.Errorf("explore: checks (-want +got):\n%s", diff)
		}

		got = v.call(base+"/refresh", "")
		second := got.Session
		if second.State != "valid" || second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
			t.Errorf("refresh with the kept token: got %s", got.raw)
		}
		if !strings.Contains(got.Exchange.Request.Body, url.QueryEscape(first.RefreshToken)) {
			t.Errorf("refresh with the kept token: sent %s", got.Exchange.Request.Body)
		}

		got = v.call(base+"/token", form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: second.RefreshToken}))
		third := got.Session
		if third.State != "valid" || third.AccessToken == second.AccessToken {
			t.Errorf("refresh with a typed token: got %s", got.raw)
		}

		got = v.call(base+"/token", form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: first.RefreshToken}))
		if got.Exchange.Response.Status < 400 || got.Exchange.Fault == "" || got.Session != third {
			t.Errorf("refresh with a spent token: got %s", got.raw)
		}

		got = v.call(base+"/accounts/logout", "")
		out := d.Operation(dialect.Logout)
		if got.Exchange.Response.Status != out.Status || got.Exchange.Response.Body != out.Body || got.Exchange.Request.Method != out.Method || got.Session.State != "none" {
			t.Errorf("logout: got %s", got.raw)
		}
		v.post(base+"/explore", "", asJSON).problem(http.StatusConflict, "no-token")

		v.call(base+"/token", signIn(t, d, "operator"))
		got = v.call(base+"/explore", "")
		if got.Exchange.Response.Status != 403 || got.Session.State != "valid" {
			t.Errorf("explore with too few rights: got %s", got.raw)
		}
		got = v.call(base+"/forget", "")
		if got.Exchange != nil || got.Session.State != "none" || got.Session.AccessToken != "" {
			t.Errorf("forget: got %s", got.raw)
		}

		var page struct {
			History []struct{ ID, Status int }
			Steps   []struct{ Done bool }
		}
		if err := json.Unmarshal([]byte(v.state(base)), &page); err != nil {
			t.Fatal(err)
		}
		if len(page.History) != 8 || page.History[0].ID != 1 || len(page.Steps) == 0 {
			t.Errorf("got the page's state %+v, want 8 exchanges from 1", page)
		}
	})
}

// TestShapeOfAnAnswer holds the members and their order to what scripts are
// promised.
func TestShapeOfAnAnswer(t *testing.T) {
	v := open(t).visitor(t)
	d := dialect.All()[0]
	members := func(raw json.RawMessage) []string {
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		var names []string
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name.(string))
			var skip json.RawMessage
			if err := dec.Decode(&skip); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(names)
		return names
	}
	body := v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON).want(200).body
	var top struct{ Exchange, Session json.RawMessage }
	if err := json.Unmarshal([]byte(body), &top); err != nil {
		t.Fatal(err)
	}
	var inner struct{ Request, Response json.RawMessage }
	if err := json.Unmarshal(top.Exchange, &inner); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		raw  json.RawMessage
		want []string
	}{
		"answer":   {json.RawMessage(body), []string{"exchange", "session"}},
		"exchange": {top.Exchange, []string{"duration_ms", "id", "operation", "request", "response", "target"}},
		"request":  {inner.Request, []string{"body", "headers", "method", "url"}},
		"response": {inner.Response, []string{"body", "headers", "status"}},
		"session":  {top.Session, []string{"access_token", "expires_at", "refresh_expires_at", "refresh_token", "state", "token_type", "username"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, members(tc.raw)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a session without tokens says null, not nothing", func(t *testing.T) {
		body := v.post("/"+d.ID+"/forget", "", asJSON).want(200).body
		want := `{"exchange":null,"session":{"state":"none","token_type":null,"access_token":null,"refresh_token":null,"expires_at":null,"refresh_expires_at":null,"username":null}}`
		if strings.TrimSpace(body) != want {
			t.Errorf("got %s, want %s", body, want)
		}
	})
	t.Run("a JSON body says the same as a form", func(t *testing.T) {
		fields, err := url.ParseQuery(signIn(t, d, "administrator"))
		if err != nil {
			t.Fatal(err)
		}
		object := map[string]string{}
		for k := range fields {
			object[k] = fields.Get(k)
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.do("POST", "/"+d.ID+"/token", string(text), asJSON, []string{"Content-Type", "application/json; charset=utf-8"}).answer(); got.Session.State != "valid" {
			t.Errorf("got %s", got.raw)
		}
	})
}

func TestExpiryFollowsTheClock(t *testing.T) {
	w := open(t, "--dialects", ownExamples)
	everyProductAndOwn(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		base := "/" + d.ID
		v.call(base+"/token", signIn(t, d, "administrator"))
		w.advance(d.Lifetimes.Access + time.Second)
		state := func() string {
			var s struct{ Session struct{ State string } }
			if err := json.Unmarshal([]byte(v.state(base)), &s); err != nil {
				t.Fatal(err)
			}
			return s.Session.State
		}
		if got := state(); got != "expired_refreshable" {
			t.Errorf("got state %s after the access token's life", got)
		}
		if got := v.call(base+"/explore", ""); got.Exchange.Response.Status != 401 || got.Exchange.Fault != "expired_token" || got.Session.State != "expired_refreshable" {
			t.Errorf("explore: got %s", got.raw)
		}
		v.get(base, asPage).want(200).has("expired")
		if got := v.call(base+"/refresh", ""); got.Session.State != "valid" {
			t.Errorf("refresh: got %s", got.raw)
		}
	})
}

var (
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	longToken = regexp.MustCompile(`[A-Za-z0-9._~+/=-]{100,}`)
)

// code reads the page's authenticator, as a person does.
func code(t *testing.T, v *visitor, d *dialect.Dialect) string {
	t.Helper()
	page := v.get("/"+d.ID+"?op=token&grant="+grantWire(t, d, dialect.MFAGrant)+"&try=token&fill=1", asPage).want(200)
	name := regexp.QuoteMeta(wire(t, d, dialect.MFAGrant, dialect.MFACode))
	m := regexp.MustCompile(`<input[^>]*name="` + name + `"[^>]*value="(\d{6})"`).FindStringSubmatch(page.body)
	if m == nil {
		t.Fatalf("no code is filled in: %s", page.body)
	}
	if !slices.Contains(sixDigits.FindAllString(page.body, -1), m[1]) {
		t.Error("the authenticator shows another code")
	}
	return m[1]
}

func grantWire(t *testing.T, d *dialect.Dialect, k dialect.Kind) string {
	g, ok := d.Grant(k)
	if !ok {
		t.Fatalf("%s has no grant %s", d.ID, k)
	}
	return g.Wire
}

func TestSecondFactor(t *testing.T) {
	w := open(t, "--dialects", ownExamples)
	challenged := 0
	everyProductAndOwn(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		base := "/" + d.ID
		got := v.call(base+"/token", signIn(t, d, "mfa"))
		switch d.SecondFactor {
		case dialect.Ignores:
			if got.Session.State != "valid" {
				t.Errorf("got %s", got.raw)
			}
			return
		case dialect.Refuses:
			if got.Session.State != "none" || got.Exchange.Response.Status != 401 {
				t.Errorf("got %s", got.raw)
			}
			return
		}
		challenged++
		status := max(d.Operation(dialect.Obtain).Challenge.Status, d.Operation(dialect.Obtain).Status)
		if got.Session.State != "mfa_pending" || got.Session.AccessToken != "" || got.Exchange.Response.Status != status {
			t.Fatalf("half way: got %s", got.raw)
		}
		if p := v.post(base+"/explore", "", asJSON).problem(409, "no-token"); !strings.Contains(p.Detail, "code") {
			t.Errorf("explore half way: got %q", p.Detail)
		}
		c := code(t, v, d)
		wrong := "000000"
		if wrong == c {
			wrong = "000001"
		}
		got = v.call(base+"/token", form(t, d, dialect.MFAGrant, dialect.Values{dialect.MFACode: wrong}))
		if got.Session.State != "mfa_pending" || got.Exchange.Fault != "bad_mfa_code" {
			t.Errorf("wrong code: got %s", got.raw)
		}
		got = v.call(base+"/token", form(t, d, dialect.MFAGrant, dialect.Values{dialect.MFACode: c}))
		if got.Session.State != "valid" || got.Session.Username != "mfa" {
			t.Errorf("right code: got %s", got.raw)
		}
		if strings.Contains(got.raw, wire(t, d, dialect.MFAGrant, dialect.MFACode)+"="+c) {
			t.Error("the code is in the answer")
		}
	})
	if challenged == 0 {
		t.Error("no product challenges")
	}
}

// TestFormsWithoutScript follows the pages as a browser without script does:
// POST, 303, GET, with what the page itself offers.
func TestFormsWithoutScript(t *testing.T) {
	t.Parallel()
	w := open(t, "--dialects", ownExamples)
	everyProductAndOwn(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		page := v.get("/"+d.ID+"?op=token&try=token&fill=1", asPage).want(200).has(html.EscapeString(d.Title), "administrator")
		if v.cookies() != "" {
			t.Error("a cookie before the first submit")
		}
		action, fields := formOf(t, page.body, "form-token")
		fields.Set(d.Operation(dialect.Obtain).GrantField.Wire, grantWire(t, d, dialect.PasswordGrant))
		res := v.post(action, fields.Encode(), asPage).want(http.StatusSeeOther)
		if v.cookies() == "" {
			t.Fatal("no cookie after the first submit")
		}
		to := res.header.Get("Location")
		if !strings.HasPrefix(to, "/"+d.ID+"?") || !strings.HasSuffix(to, "#answer") || !strings.Contains(to, "x=1") {
			t.Errorf("got Location %q", to)
		}
		answered := v.get(strings.TrimSuffix(to, "#answer"), asPage).want(200).
			has(`id="answer"`, "Valid for", fmt.Sprintf("%d ", d.Operation(dialect.Obtain).Status), "api_key")
		if strings.Count(answered.body, "<h1") != 1 {
			t.Error("the page has not exactly one heading of the first rank")
		}
		for _, step := range []string{"/explore", "/refresh", "/accounts/logout"} {
			res := v.post("/"+d.ID+step, "", asPage).want(http.StatusSeeOther)
			v.get(strings.TrimSuffix(res.header.Get("Location"), "#answer"), asPage).want(200).has(`id="answer"`)
		}
		v.get("/"+d.ID, asPage).want(200).has("Logged out")
		v.get("/"+d.ID+"/exchanges/2", asPage).want(200).has("Exchange 2")
		if got := v.get("/"+d.ID+"/exchanges/2", asJSON).want(200); !strings.Contains(got.body, `"operation":"explore"`) {
			t.Errorf("got %s", got.body)
		}
		for part, want := range map[string]string{"body": "", "headers": "X-Sandbox: ", "request": d.Operation(dialect.Explore).Method + " ", "curl": "curl "} {
			got := v.get("/"+d.ID+"/exchanges/2?part="+part, asPage).want(200).has(want)
			if !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment; ") || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("part %s: got the headers %v", part, got.header)
			}
		}
		res = v.post("/forget", "", asPage).want(http.StatusSeeOther)
		if v.cookies() != "" || res.header.Get("Clear-Site-Data") == "" {
			t.Error("the cookie outlives Forget everything")
		}
		v.get("/"+d.ID+"/exchanges/1", asPage).want(404)
	})
}

var (
	input    = regexp.MustCompile(`<(input|button)\b[^>]*>`)
	attr     = regexp.MustCompile(`\b(name|value|type)="([^"]*)"`)
	noAction = regexp.MustCompile(`action="([^"]*)"`)
)

// formOf reads a form's action and the fields that it would send if nobody
// typed anything.
func formOf(t *testing.T, page, id string) (action string, fields url.Values) {
	t.Helper()
	_, rest, ok := strings.Cut(page, `id="`+id+`"`)
	if !ok {
		t.Fatalf("there is no form %s in %s", id, page)
	}
	body, _, _ := strings.Cut(rest, "</form>")
	m := noAction.FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("the form %s has no action: %s", id, body)
	}
	fields = url.Values{}
	for _, tag := range input.FindAllString(body, -1) {
		at := map[string]string{}
		for _, a := range attr.FindAllStringSubmatch(tag, -1) {
			at[a[1]] = html.UnescapeString(a[2])
		}
		if at["name"] != "" && strings.HasPrefix(tag, "<input") {
			fields.Set(at["name"], at["value"])
		}
	}
	return html.UnescapeString(m[1]), fields
}

func TestFragments(t *testing.T) {
	t.Parallel()
	w := open(t, "--dialects", ownExamples)
	everyProductAndOwn(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		fragment := func(r *reply) {
			t.Helper()
			r.has(`id="play"`).lacks("<html", "<head>", "<body", "<!DOCTYPE")
			if strings.Count(r.body, `id="play"`) != 1 {
				t.Errorf("%s: the swapped part is there more than once", r.call)
			}
		}
		fragment(v.get("/"+d.ID, asFragment).want(200))
		fragment(v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asFragment).want(200).has(`id="answer"`, "Valid for"))
		fragment(v.post("/"+d.ID+"/explore", "", asFragment).want(200).has(`id="answer"`))
		fragment(v.post("/"+d.ID+"/refresh", "", asFragment).want(200).has(`id="answer"`))
		fragment(v.post("/"+d.ID+"/accounts/logout", "", asFragment).want(200).has(`id="answer"`))
		fragment(v.post("/"+d.ID+"/forget", "", asFragment).want(200))
		fragment(v.post("/"+d.ID+"/token", "", asFragment).want(422))
		fragment(v.post("/"+d.ID+"/explore", "", asFragment).want(409))
		fragment(v.get("/"+d.ID+"?op=nope", asFragment).want(404))
		if !strings.Contains(v.get("/"+d.ID, asFragment, []string{"HX-History-Restore-Request", "true"}).want(200).body, "<!") {
			t.Error("htmx restores its history from a fragment")
		}
		whole := v.get("/"+d.ID, asPage).want(200)
		if !strings.Contains(strings.ToLower(whole.body), "<!doctype html>") || !strings.Contains(whole.body, `id="play"`) {
			t.Error("the whole page is no page")
		}
	})
}
