package web_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

// upright is a visitor with tokens, and what proves that a request left the
// session as it was.
type upright struct {
	*visitor
	d      *dialect.Dialect
	cookie string
	before string
}

func settled(t *testing.T, w *site, d *dialect.Dialect) *upright {
	t.Helper()
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	return &upright{visitor: v, d: d, cookie: v.cookies(), before: v.state("/" + d.ID)}
}

// untouched fails the test if tokens, history, steps or cookie changed.
func (u *upright) untouched(t *testing.T, after *reply) {
	t.Helper()
	if len(after.setter) > 0 || u.cookies() != u.cookie {
		t.Errorf("%s: the cookie changed", after.call)
	}
	if got := u.visitor.state("/" + u.d.ID); got != u.before {
		t.Errorf("%s: the session changed: %.1500s", after.call, cmp.Diff(u.before, got))
	}
}

const (
	typedPassword = "Tr0ub4dor-typed-once"
	typedName     = "somebody@example.net"
)

// TestBadInput sends each bad request as a script and as a browser. Every one
// is refused as a problem, sends nothing and changes nothing: the history,
// which every call would lengthen, stays as it was.
func TestBadInput(t *testing.T) {
	t.Parallel()
	w := open(t)
	d, _ := dialect.Find("vbr")
	good := signIn(t, d, "administrator")
	jsonBody := []string{"Content-Type", "application/json"}
	token := "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiIxIn0.c2ln"
	cases := []struct {
		name         string
		method, path string
		body         string
		header       []string
		status       int
		kind         string
		says         []string // in the page
	}{
		{"an unknown product", "GET", "/nope", "", nil, 404, "unknown-product", []string{`href="/vac"`, `href="/vbr"`, "Veeam Backup &amp; Replication"}},
		{"a call of an unknown product", "POST", "/nope/token", good, nil, 404, "unknown-product", []string{`href="/vbr"`}},
		{"a product in capitals", "GET", "/VBR", "", nil, 404, "unknown-product", nil},
		{"an unknown operation", "GET", "/vbr?op=nope", "", nil, 404, "unknown-operation", []string{"/api/oauth2/token", "/api/oauth2/logout"}},
		{"an unknown route of a product", "POST", "/vbr/nope", "a=b", nil, 404, "not-found", nil},
		{"an unknown exchange", "GET", "/vbr/exchanges/99", "", nil, 404, "unknown-exchange", nil},
		{"an exchange of another product", "GET", "/vac/exchanges/1", "", nil, 404, "unknown-exchange", nil},
		{"an exchange that is no number", "GET", "/vbr/exchanges/01", "", nil, 404, "unknown-exchange", nil},
		{"an unknown address", "GET", "/a/b/c", "", nil, 404, "not-found", []string{`href="/vbr"`}},

		{"a missing password", "POST", "/vbr/token", "grant_type=password&username=" + typedName, nil, 422, "missing-field", []string{"Fill in password.", typedName}},
		{"everything missing", "POST", "/vbr/token", "grant_type=password", nil, 422, "missing-field", []string{"Fill in username.", "Fill in password."}},
		{"an empty user name", "POST", "/vbr/token", "grant_type=password&username=&password=" + typedPassword, nil, 422, "missing-field", []string{"Fill in username."}},
		{"no body", "POST", "/vbr/token", "", nil, 422, "unknown-grant", []string{"grant_type"}},
		{"a wrong grant", "POST", "/vbr/token", "grant_type=client_credentials&username=" + typedName + "&password=" + typedPassword, nil, 422, "unknown-grant", []string{"refresh_token", typedName}},
		{"a wrong grant in the query", "GET", "/vbr?grant=nope", "", nil, 422, "unknown-grant", nil},
		{"an unknown version", "POST", "/vbr/token", good + "&x.version=9.9", nil, 422, "unknown-version", []string{"Choose one of the listed versions."}},
		{"an unknown version by the header's name", "POST", "/vbr/token", good + "&x-api-version=9.9", nil, 422, "unknown-version", []string{"Choose one of the listed versions."}},
		{"an unknown version in the query", "GET", "/vbr?version=9.9", "", nil, 422, "unknown-version", []string{"1.3-rev2"}},
		{"an unknown target", "POST", "/vbr/token", good + "&x.target=nowhere", nil, 422, "unknown-target", []string{"Sandbox"}},
		{"an unknown target of Explore", "POST", "/vbr/explore", "x.target=nowhere", nil, 422, "unknown-target", nil},
		{"an unknown target of the page", "GET", "/vbr?target=nowhere", "", nil, 422, "unknown-target", nil},
		{"no address of a server", "POST", "/vbr/target", "x.host=user:secret@host", nil, 422, "bad-address", []string{"own-e"}},
		{"an empty address", "POST", "/vbr/target", "x.host=", nil, 422, "bad-address", []string{"own-e"}},
		{"a port that is none", "POST", "/vbr/target", "x.host=srv.lab.local&x.port=99999", nil, 422, "bad-address", []string{"srv.lab.local"}},
		{"no fingerprint", "POST", "/vbr/trust", "x.fingerprint=abcd&x.target=srv.lab.local", nil, 422, "bad-fingerprint", nil},
		{"a fingerprint for the sandbox", "POST", "/vbr/trust", "x.fingerprint=" + strings.Repeat("ab", 32), nil, 422, "unknown-target", nil},
		{"a pasted key in two lines", "POST", "/vbr/key", "x.key=" + url.QueryEscape(typedPassword+"\n"+typedPassword), nil, 422, "bad-key", []string{"Paste only the value, in one line."}},
		{"an empty pasted key", "POST", "/vbr/key", "x.key=", nil, 422, "bad-key", []string{"Paste only the value, in one line."}},
		{"an unknown grant to change to", "POST", "/vbr/token", "x.change=1&grant_type=nope&password=" + typedPassword, nil, 422, "unknown-grant", nil},

		{"an oversized body", "POST", "/vbr/token", "password=" + strings.Repeat("x", 70<<10), nil, 413, "body-too-large", nil},
		{"too many fields", "POST", "/vbr/token", strings.Repeat("a=b&", 70), nil, 400, "broken-form", nil},
		{"a broken percent escape", "POST", "/vbr/token", "grant_type=password&username=%zz", nil, 400, "broken-form", nil},
		{"a percent escape cut off", "POST", "/vbr/token", "grant_type=password&username=%4", nil, 400, "broken-form", nil},
		{"a zero byte", "POST", "/vbr/token", "grant_type=password&username=a%00b", nil, 400, "broken-form", nil},
		{"bad UTF-8", "POST", "/vbr/token", "grant_type=password&username=%ff%fe", nil, 400, "broken-form", nil},
		{"nested JSON", "POST", "/vbr/token", `{"grant_type":"password","username":{"a":1}}`, jsonBody, 400, "broken-form", nil},
		{"a list in JSON", "POST", "/vbr/token", `["password"]`, jsonBody, 400, "broken-form", nil},
		{"JSON that ends early", "POST", "/vbr/token", `{"grant_type":"password"`, jsonBody, 400, "broken-form", nil},
		{"two JSON objects", "POST", "/vbr/token", `{"grant_type":"password"}{}`, jsonBody, 400, "broken-form", nil},
		{"JSON with a zero byte", "POST", "/vbr/token", `{"grant_type":"password","username":"a\u0000b","password":"x"}`, jsonBody, 400, "broken-form", nil},
		{"JSON in bad UTF-8", "POST", "/vbr/token", "{\"grant_type\":\"password\",\"username\":\"\xff\",\"password\":\"x\"}", jsonBody, 400, "broken-form", nil},
		{"a multipart body", "POST", "/vbr/token", "--x\r\n\r\n--x--", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "unsupported-media-type", nil},
		{"plain text", "POST", "/vbr/token", good, []string{"Content-Type", "text/plain"}, 415, "unsupported-media-type", nil},
		{"no type", "POST", "/vbr/token", good, []string{"Content-Type", ""}, 415, "unsupported-media-type", nil},

		{"a password in the query", "GET", "/vbr?password=hunter2", "", nil, 400, "secret-in-query", nil},
		{"a token in the query", "GET", "/vbr?access_token=abc", "", nil, 400, "secret-in-query", nil},
		{"a code in the query", "GET", "/vbr?mfa_code=123456", "", nil, 400, "secret-in-query", nil},
		{"a JWT as the target", "GET", "/vbr?target=" + token, "", nil, 400, "secret-in-query", nil},
		{"a JWT under a harmless name", "GET", "/vbr?grant=" + token, "", nil, 400, "secret-in-query", nil},
		{"a JWT as a name", "GET", "/vbr?" + token + "=1", "", nil, 400, "secret-in-query", nil},
		{"a value that nobody would type", "GET", "/vbr?ref=q7Zp0LxV3mTnB8cYw1KdEu5RgHs2JfAo9QiC", "", nil, 400, "secret-in-query", nil},
		{"a bearer", "GET", "/vbr?target=" + url.QueryEscape("Bearer abc"), "", nil, 400, "secret-in-query", nil},
		{"a secret in the query of a form", "POST", "/vbr/token?password=hunter2", good, nil, 400, "secret-in-query", nil},
		{"a secret in the query of the home page", "GET", "/?token=" + token, "", nil, 400, "secret-in-query", nil},
		{"a secret in the query of an exchange", "GET", "/vbr/exchanges/1?token=abc", "", nil, 400, "secret-in-query", nil},
		{"a secret in the query of the people", "GET", "/people?password=abc", "", nil, 400, "secret-in-query", nil},

		{"another method of a page", "DELETE", "/vbr", "", nil, 405, "method-not-allowed", nil},
		{"a GET of a call", "GET", "/vbr/token", "", nil, 405, "method-not-allowed", nil},
		{"a PUT of a call", "PUT", "/vbr/token", good, nil, 405, "method-not-allowed", nil},
		{"another host", "GET", "/vbr", "", []string{"Host", "evil.example"}, 421, "wrong-host", nil},
		{"another host of a form", "POST", "/vbr/token", good, []string{"Host", "evil.example:8080"}, 421, "wrong-host", nil},
		{"our name as a part of another", "GET", "/vbr", "", []string{"Host", "localhost.evil.example"}, 421, "wrong-host", nil},
		{"a form of another site", "POST", "/vbr/forget", "", []string{"Sec-Fetch-Site", "cross-site"}, 403, "cross-origin", nil},
		{"a form of a sibling", "POST", "/vbr/forget", "", []string{"Sec-Fetch-Site", "same-site"}, 403, "cross-origin", nil},
		{"a form of another origin", "POST", "/forget", "", []string{"Origin", "https://evil.example"}, 403, "cross-origin", nil},
		{"a form of the null origin", "POST", "/vbr/refresh", "", []string{"Origin", "null"}, 403, "cross-origin", nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			u := settled(t, w, d)
			kind := theForm
			if tc.body == "" {
				kind = nil
			}
			script := u.do(tc.method, tc.path, tc.body, kind, asJSON, tc.header)
			p := script.problem(tc.status, tc.kind)
			if strings.Contains(script.body, typedPassword) || strings.Contains(script.body, "hunter2") || strings.Contains(script.body, token) {
				t.Errorf("the problem repeats a secret: %s", script.body)
			}
			u.untouched(t, script)

			page := u.do(tc.method, tc.path, tc.body, kind, asPage, tc.header).want(tc.status).has(tc.says...)
			if got := page.header.Get("Content-Type"); got != "text/html; charset=UTF-8" {
				t.Errorf("page: got Content-Type %q", got)
			}
			page.lacks(typedPassword, "hunter2", token)
			if tc.says == nil && !strings.Contains(page.body, html.EscapeString(p.Title)) {
				t.Errorf("the page does not say %q: %s", p.Title, page.body)
			}
			u.untouched(t, page)
		})
	}
}

// TestMissingField looks closer: the sentence is beside its field, what was
// typed is there again, and the secret is not.
func TestMissingField(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		u := settled(t, w, d)
		pass := wire(t, d, dialect.PasswordGrant, dialect.Password)
		name := wire(t, d, dialect.PasswordGrant, dialect.Username)

		t.Run("the password", func(t *testing.T) {
			body := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: typedName})
			p := u.post("/"+d.ID+"/token", body, asJSON).problem(422, "missing-field")
			if len(p.Errors) != 1 || p.Errors[0].Field != pass || p.Errors[0].Detail == "" {
				t.Errorf("got %+v", p.Errors)
			}
			page := u.post("/"+d.ID+"/token", body, asPage).want(422).has(`value="`+typedName+`"`, `role="alert"`)
			beside(t, page.body, "Fill in "+pass+".")
			u.untouched(t, page)
		})
		t.Run("the user name", func(t *testing.T) {
			body := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Password: typedPassword})
			for _, accept := range [][]string{asPage, asFragment, asJSON} {
				page := u.post("/"+d.ID+"/token", body, accept).want(422).has("Fill in " + name + ".").lacks(typedPassword)
				u.untouched(t, page)
			}
		})
		t.Run("the refresh token of somebody who has none", func(t *testing.T) {
			v := w.visitor(t)
			v.post("/"+d.ID+"/token", form(t, d, dialect.RefreshGrant, nil), asJSON).problem(422, "missing-field")
			v.post("/"+d.ID+"/refresh", "", asJSON).problem(409, "no-token")
			v.post("/"+d.ID+"/token", form(t, d, dialect.RefreshGrant, nil), asPage).want(422).has("No refresh token is kept here yet")
			if v.cookies() != "" {
				t.Error("a refusal made a session")
			}
		})
		t.Run("a grant that is asked for keeps the password out of the address", func(t *testing.T) {
			body := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: typedName, dialect.Password: typedPassword})
			body = strings.Replace(body, grantWire(t, d, dialect.PasswordGrant), grantWire(t, d, dialect.RefreshGrant), 1) + "&x.change=1"
			page := u.post("/"+d.ID+"/token", body, asPage).want(303)
			if to := page.header.Get("Location"); strings.Contains(to, typedPassword) || !strings.Contains(to, "grant="+grantWire(t, d, dialect.RefreshGrant)) {
				t.Errorf("got Location %q", to)
			}
			u.post("/"+d.ID+"/token", body, asFragment).want(200).lacks(typedPassword)
			u.untouched(t, page)
		})
	})
}

// beside finds the sentence in the part of the page that belongs to one field.
func beside(t *testing.T, page, sentence string) {
	t.Helper()
	for _, part := range strings.Split(page, `<div class="field`)[1:] {
		if strings.Contains(part, html.EscapeString(sentence)) && strings.Contains(part, `aria-invalid="true"`) && strings.Contains(part, "aria-describedby") {
			return
		}
	}
	t.Errorf("%q is beside no field that is marked", sentence)
}

func TestHarmlessQueries(t *testing.T) {
	w := open(t)
	for _, q := range []string{
		"utm_source=newsletter&utm_campaign=getting-started-with-the-rest-api-of-backup",
		"target=sandbox", "op=token&grant=refresh_token&try=token", "view=decoded&theme=dark", "x=7", "x=-1", "x=99999999999999999999",
		"done=forgotten", "reveal=access", "reveal=refresh", "fill=1", "version=1.0-rev1",
		"ref=" + url.QueryEscape("How do I get an access pass to the documentation of this product, please?"),
		"ref=https%3A%2F%2Fexample.com%2Fa-page-about-something%2Fand-a-longer-name-of-it.html",
		"ref=" + strings.Repeat("a", 200), "password=", "unknown=1&unknown=2",
	} {
		t.Run(q, func(t *testing.T) {
			w.visitor(t).get("/vbr?"+q, asPage).want(200)
		})
	}
	t.Run("an unknown part is a problem of its own", func(t *testing.T) {
		u := settled(t, open(t), dialect.All()[0])
		u.get("/"+u.d.ID+"/exchanges/1?part=cookie", asPage).want(404).has("body, headers, request and curl")
	})
	t.Run("an unknown view is the first one", func(t *testing.T) {
		w.visitor(t).get("/vbr?view=nope&theme=nope", asPage).want(200)
	})
}

// TestGETChangesNothing asks for every address, and more than once.
func TestGETChangesNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, d := range dialect.All() {
		u := settled(t, w, d)
		for _, path := range []string{
			"/", "/" + d.ID, "/" + d.ID + "?op=explore&try=explore", "/" + d.ID + "?op=logout&try=logout", "/" + d.ID + "?fill=1", "/" + d.ID + "?reveal=access",
			"/" + d.ID + "/exchanges/1", "/" + d.ID + "/exchanges/1?part=body", "/people", "/livez", "/readyz", "/openapi.json", "/swagger.json",
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				res := u.do(method, path, "", asPage)
				if res.status != 200 {
					t.Errorf("%s %s: got %d", method, path, res.status)
				}
				if method == http.MethodHead && res.body != "" {
					t.Errorf("%s %s: got a body", method, path)
				}
				u.untouched(t, res)
			}
		}
		for _, path := range []string{"/token", "/refresh", "/explore", "/accounts/logout", "/forget", "/key", "/target", "/trust"} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch} {
				res := u.do(method, "/"+d.ID+path, "", asPage)
				if res.status < 400 && method != http.MethodOptions {
					t.Errorf("%s %s: got %d", method, path, res.status)
				}
				if res.status == 405 && res.header.Get("Allow") == "" {
					t.Errorf("%s %s: a 405 without Allow", method, path)
				}
				u.untouched(t, res)
			}
		}
	}
}

func TestHostsThatAreOurs(t *testing.T) {
	w := open(t)
	v := w.visitor(t)
	port := w.url[strings.LastIndex(w.url, ":"):]
	for _, host := range []string{"localhost", "localhost" + port, "LOCALHOST", "127.0.0.1", "127.0.0.1" + port, "[::1]", "[::1]" + port} {
		if got := v.get("/vbr", asPage, []string{"Host", host}); got.status != 200 {
			t.Errorf("host %s: got %d", host, got.status)
		}
	}
	for _, path := range []string{"/", "/static/x", "/livez", "/sandbox/vbr/api/v1/serverInfo", "/openapi.json", "/swagger/"} {
		if got := v.get(path, asPage, []string{"Host", "evil.example"}); got.status != 421 || len(got.setter) > 0 {
			t.Errorf("%s of another host: got %d", path, got.status)
		}
	}
	own := []string{"Origin", w.url, "Sec-Fetch-Site", "same-origin"}
	v.post("/vbr/token", signIn(t, dialect.All()[1], "administrator"), asPage, own).want(303)
}
