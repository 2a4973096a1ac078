package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"tokenplayground/web/dialect"
)

// odd has every character that real names and passwords must survive with.
var odd = Person{Name: `DOM\jo e+@&%2B=é?;`, Password: `\p w+@&%2B=é?;`}

// raw is a request written by hand, without the dialect's encoder.
type raw struct {
	path   string
	header http.Header
	body   string
}

// form of the product's password grant, with words changed by spell.
func form(d *dialect.Dialect, spell func(string) string, name, password string) string {
	op := d.Operation(dialect.Obtain)
	grant, _ := d.Grant(dialect.PasswordGrant)
	body := spell(op.GrantField.Wire) + "=" + spell(grant.Wire)
	for _, f := range grant.Takes {
		switch f.Term {
		case dialect.Username:
			body += "&" + spell(f.Wire) + "=" + name
		case dialect.Password:
			body += "&" + spell(f.Wire) + "=" + password
		}
	}
	return body
}

// foreign are the fields of all grants of all products that a password does
// not come with.
func foreign(d *dialect.Dialect, value string) string {
	own := strings.ToLower("&" + form(d, same, "", ""))
	var b strings.Builder
	for _, e := range dialect.All() {
		for _, g := range e.Operation(dialect.Obtain).Grants {
			for _, f := range g.Takes {
				if !strings.Contains(own, "&"+strings.ToLower(f.Wire)+"=") {
					b.WriteString(f.Wire + "=" + value + "&")
				}
			}
		}
	}
	return b.String()
}

func same(s string) string { return s }

// documented is the request as the product's pages print it.
func documented(d *dialect.Dialect) raw {
	h := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	if d.Versions.Header != "" {
		h.Set(d.Versions.Header, d.Versions.Default)
	}
	return raw{d.Path(d.Operation(dialect.Obtain), ""), h, form(d, same, "administrator", "Password1")}
}

func (c client) send(q raw) result {
	r := httptest.NewRequest("POST", q.path, strings.NewReader(q.body))
	r.Header = q.header
	return c.do(r, dialect.Obtain)
}

func TestWhatCarelessClientsSend(t *testing.T) {
	people := append(People(), odd, Person{Name: "semi", Password: `pa;ss\word`})
	s := newServer(t, Config{People: people})
	strict := newServer(t, Config{People: people, Strict: true})
	cases := []struct {
		name   string
		change func(*raw, *dialect.Dialect)
		// fault in strict mode; empty if the request is good there too
		fault dialect.Fault
		// only says whether the case applies
		only func(*dialect.Dialect) bool
	}{
		{name: "as documented", change: func(*raw, *dialect.Dialect) {}},
		{name: "words in lower case", change: func(q *raw, d *dialect.Dialect) { q.body = form(d, strings.ToLower, "administrator", "Password1") },
			fault: "any", only: func(d *dialect.Dialect) bool { return form(d, strings.ToLower, "", "") != form(d, same, "", "") }},
		{name: "words in upper case", change: func(q *raw, d *dialect.Dialect) { q.body = form(d, strings.ToUpper, "administrator", "Password1") }, fault: "any"},
		{name: "path in upper case", change: func(q *raw, d *dialect.Dialect) { q.path = strings.ToUpper(q.path) }},
		{name: "fields of other grants", change: func(q *raw, d *dialect.Dialect) {
			q.body += "&refresh_token=''&mfa_token=&mfa_code=&rememberMe=&asCurrentUser=&disable_antiforgery_token=true&client_id=cli"
		}},
		{name: "fields of other grants, filled in by a generator", change: func(q *raw, d *dialect.Dialect) {
			q.body = foreign(d, "string") + q.body
		}},
		{name: "fields of other grants, empty", change: func(q *raw, d *dialect.Dialect) {
			q.body = foreign(d, "") + q.body
		}},
		{name: "an old bearer", change: func(q *raw, d *dialect.Dialect) { q.header.Set("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.") }},
		{name: "an empty bearer", change: func(q *raw, d *dialect.Dialect) { q.header.Set("Authorization", "Bearer") }},
		{name: "basic authentication of nobody", change: func(q *raw, d *dialect.Dialect) { q.header.Set("Authorization", "Basic Og==") }},
		{name: "no version header", change: func(q *raw, d *dialect.Dialect) { q.header.Del(d.Versions.Header) },
			fault: dialect.MissingVersion, only: func(d *dialect.Dialect) bool { return d.Versions.Header != "" && !d.Versions.Optional }},
		{name: "an empty version header", change: func(q *raw, d *dialect.Dialect) { q.header.Set(d.Versions.Header, "") },
			fault: dialect.MissingVersion, only: func(d *dialect.Dialect) bool { return d.Versions.Header != "" && !d.Versions.Optional }},
		{name: "no optional version header", change: func(q *raw, d *dialect.Dialect) { q.header.Del(d.Versions.Header) },
			only: func(d *dialect.Dialect) bool { return d.Versions.Optional }},
		{name: "an optional version that nobody knows", change: func(q *raw, d *dialect.Dialect) { q.header.Set(d.Versions.Header, "3.2") },
			fault: dialect.UnsupportedVersion, only: func(d *dialect.Dialect) bool { return d.Versions.Optional }},
		{name: "no Accept", change: func(q *raw, d *dialect.Dialect) { q.header.Del("Accept") }},
		{name: "a charset", change: func(q *raw, d *dialect.Dialect) {
			q.header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
		}},
		{name: "Content-Type twice", change: func(q *raw, d *dialect.Dialect) {
			q.header.Add("Content-Type", "application/x-www-form-urlencoded")
		}},
		{name: "a form that is called JSON", change: func(q *raw, d *dialect.Dialect) { q.header.Set("Content-Type", "application/json") }, fault: "any"},
		{name: "no Content-Type", change: func(q *raw, d *dialect.Dialect) { q.header.Del("Content-Type") }, fault: "any"},
		{name: "raw semicolon and backslash", change: func(q *raw, d *dialect.Dialect) { q.body = form(d, same, "semi", `pa;ss\word`) }},
		{name: "odd characters, escaped", change: func(q *raw, d *dialect.Dialect) {
			q.body = form(d, same, url.QueryEscape(odd.Name), url.QueryEscape(odd.Password))
		}},
		{name: "odd characters, escaped no more than needed", change: func(q *raw, d *dialect.Dialect) {
			least := strings.NewReplacer("%", "%25", "&", "%26", "+", "%2b", " ", "+")
			q.body = form(d, same, least.Replace(odd.Name), least.Replace(odd.Password))
		}},
	}
	product(t, func(t *testing.T, d *dialect.Dialect) {
		if e := d.Operation(dialect.Obtain).Encodings; e != nil && !slices.Contains(e, dialect.Form) {
			t.Skip("these clients send forms, which the product does not take")
		}
		for _, tc := range cases {
			if tc.only != nil && !tc.only(d) {
				continue
			}
			t.Run(tc.name, func(t *testing.T) {
				q := documented(d)
				tc.change(&q, d)
				c := s.client(t, d, "")
				token, _ := c.pair(c.send(q))
				c.accepted(c.explore(token), dialect.Explore)

				c = strict.client(t, d, "")
				switch r := c.send(q); tc.fault {
				case "":
					c.pair(r)
				case "any":
					if !r.Refused || r.Status >= 500 {
						t.Errorf("strict: got %d %s", r.Status, r.body)
					}
				default:
					c.refused(r, tc.fault, dialect.Obtain)
				}
			})
		}
	})
}

func TestBrokenRequests(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		send := func(body string) result {
			q := documented(d)
			q.body = body
			return c.send(q)
		}
		grant := d.Operation(dialect.Obtain).GrantField
		t.Run("an unknown grant", func(t *testing.T) {
			c.refused(send(grant.Wire+"=implicit"), dialect.UnknownGrant, dialect.Obtain)
		})
		t.Run("no password", func(t *testing.T) {
			c.refused(send(form(d, same, "administrator", "")), dialect.MissingField, dialect.Obtain)
		})
		t.Run("nothing", func(t *testing.T) {
			c.refused(send(""), dialect.MissingField, dialect.Obtain)
		})
		t.Run("rubbish", func(t *testing.T) {
			if r := send("\x00\xff%zz&&&=;=%"); !r.Refused || r.Status >= 500 {
				t.Errorf("got %d %s", r.Status, r.body)
			}
		})
		t.Run("an unknown version", func(t *testing.T) {
			if d.Versions.Header == "" || d.Versions.Optional {
				t.Skip("no version header that counts")
			}
			q := documented(d)
			q.header.Set(d.Versions.Header, "99.0-rev9")
			r := c.send(q)
			c.refused(r, dialect.UnsupportedVersion, dialect.Obtain)
			if !strings.Contains(r.body, "v"+d.Versions.Default) {
				t.Errorf("the versions are not listed: %s", r.body)
			}
		})
		t.Run("what depends on the call is in the answer", func(t *testing.T) {
			r := c.signIn("administrator", "x")
			ref, _ := d.Refusal(dialect.BadCredentials, dialect.Obtain)
			for _, f := range ref.Shape {
				if r.Values[f.Term] == "" && f.As != dialect.Null {
					t.Errorf("%s is missing: %s", f.Wire, r.body)
				}
			}
		})
	})
}

func TestSessionOutlastsRefresh(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		v, err := s.visit(t.Context(), d, "")
		if err != nil {
			t.Fatal(err)
		}
		c := s.client(t, d, "")
		a1, r1 := c.admin()
		a2, r2 := c.pair(c.refresh(r1))
		if d.Access.Opaque > 0 {
			t.Skip("opaque")
		}
		first := v.claims(access, segment(t, a1, 1))[dialect.SessionID]
		for u, token := range map[use]string{refresh: r2, access: a2} {
			if got := v.claims(u, segment(t, token, 1))[dialect.SessionID]; got != first {
				t.Errorf("%s: session %q, want %q", u, got, first)
			}
		}
	})
}

// standard says that the product's wire words are those of RFC 6749, so that
// a generic client can be expected to get on with it.
func standard(d *dialect.Dialect) bool {
	op := d.Operation(dialect.Obtain)
	word := func(fields []dialect.Field, t dialect.Term, wire string) bool {
		for _, f := range fields {
			if f.Term == t {
				return strings.EqualFold(f.Wire, wire)
			}
		}
		return false
	}
	p, _ := d.Grant(dialect.PasswordGrant)
	r, _ := d.Grant(dialect.RefreshGrant)
	return op.GrantField.Wire == "grant_type" && strings.EqualFold(p.Wire, "password") && strings.EqualFold(r.Wire, "refresh_token") &&
		word(p.Takes, dialect.Username, "username") && word(p.Takes, dialect.Password, "password") && word(r.Takes, dialect.RefreshToken, "refresh_token") &&
		word(op.Gives, dialect.AccessToken, "access_token") && word(op.Gives, dialect.TokenType, "token_type") &&
		word(op.Gives, dialect.RefreshToken, "refresh_token") && word(op.Gives, dialect.ExpiresIn, "expires_in")
}

func TestForeignClientOAuth2(t *testing.T) {
	spoken := 0
	for _, d := range dialect.All() {
		if !standard(d) {
			continue
		}
		spoken++
		for _, style := range map[string]oauth2.AuthStyle{"detect": oauth2.AuthStyleAutoDetect, "header": oauth2.AuthStyleInHeader, "params": oauth2.AuthStyleInParams} {
			t.Run(d.ID, func(t *testing.T) {
				s := newServer(t, Config{Now: time.Now})
				srv := httptest.NewServer(s.Handler(d, ""))
				defer srv.Close()
				cfg := oauth2.Config{ClientID: "cli", ClientSecret: "x", Endpoint: oauth2.Endpoint{TokenURL: srv.URL + d.Path(d.Operation(dialect.Obtain), ""), AuthStyle: style}}
				ctx := context.Background()
				if _, err := cfg.PasswordCredentialsToken(ctx, "administrator", "wrong"); err == nil {
					t.Error("a wrong password got a token")
				}
				tok, err := cfg.PasswordCredentialsToken(ctx, "administrator", "Password1")
				if err != nil {
					t.Fatal(err)
				}
				if left := time.Until(tok.Expiry); left < d.Lifetimes.Access-time.Minute || left > d.Lifetimes.Access {
					t.Errorf("expires in %v", left)
				}
				old := *tok
				tok.Expiry = time.Now().Add(-time.Second)
				next, err := cfg.TokenSource(ctx, tok).Token()
				if err != nil {
					t.Fatal(err)
				}
				if next.AccessToken == old.AccessToken || next.RefreshToken == old.RefreshToken {
					t.Error("the refresh gave back an old token")
				}
				res, err := cfg.Client(ctx, next).Get(srv.URL + d.Path(d.Operation(dialect.Explore), ""))
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != 200 {
					t.Errorf("explore: got %d", res.StatusCode)
				}
				old.Expiry = time.Now().Add(-time.Second)
				if _, err := cfg.TokenSource(ctx, &old).Token(); err == nil {
					t.Error("a spent refresh token got a pair")
				}
			})
		}
	}
	if spoken < 2 {
		t.Errorf("a generic client gets on with %d products, want two at the least", spoken)
	}
}

func TestForeignClientCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	s := newServer(t, Config{Now: time.Now, People: append(People(), odd)})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		srv := httptest.NewUnstartedServer(s.Handler(d, ""))
		srv.EnableHTTP2 = true
		srv.StartTLS()
		defer srv.Close()
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := writePEM(ca, srv.Certificate().Raw); err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) (body, status string) {
			t.Helper()
			// -q: not with the options of whoever runs the test
			args = append([]string{"-q", "-sS", "--noproxy", "*", "--max-time", "30", "--cacert", ca, "-w", "\n%{http_code}"}, args...)
			out, err := exec.CommandContext(t.Context(), curl, args...).Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			i := strings.LastIndexByte(string(out), '\n')
			return string(out[:i]), string(out[i+1:])
		}
		op := d.Operation(dialect.Obtain)
		grant, _ := d.Grant(dialect.PasswordGrant)
		for _, p := range []string{"--http1.1", "--http2"} {
			args := []string{p, srv.URL + d.Path(op, ""), "--data-urlencode", op.GrantField.Wire + "=" + grant.Wire}
			for _, f := range grant.Takes {
				switch f.Term {
				case dialect.Username:
					args = append(args, "--data-urlencode", f.Wire+"="+odd.Name)
				case dialect.Password:
					args = append(args, "--data-urlencode", f.Wire+"="+odd.Password)
				}
			}
			body, status := run(args...)
			a := d.Decode(dialect.Obtain, "", 200, []byte(body))
			if status != "200" || a.Values[dialect.AccessToken] == "" {
				t.Fatalf("%s: got %s %s", p, status, body)
			}
			bearer := "Authorization: Bearer " + a.Values[dialect.AccessToken]
			if body, status := run(p, "-H", bearer, srv.URL+d.Path(d.Operation(dialect.Explore), "")); status != "200" || !json.Valid([]byte(body)) {
				t.Errorf("%s explore: got %s %s", p, status, body)
			}
			call := dialect.Call{Purpose: dialect.Logout, Bearer: a.Values[dialect.AccessToken]}
			if me := d.Operation(dialect.WhoAmI); me != nil {
				body, _ := run(p, "-H", bearer, srv.URL+d.Path(me, ""))
				call.Values = d.Decode(dialect.WhoAmI, "", 200, []byte(body)).Values
			}
			out, err := d.Encode(call)
			if err != nil {
				t.Fatal(err)
			}
			args = []string{p, "-X", out.Method, srv.URL + out.Path, "-H", bearer}
			if out.Body != "" {
				args = append(args, "--data-raw", out.Body)
			}
			for _, want := range []bool{true, false} {
				body, status := run(args...)
				if (status[0] == '2') != want || want && body != d.Operation(dialect.Logout).Body {
					t.Errorf("%s log out: got %s %q", p, status, body)
				}
			}
		}
	})
}

func TestOverTheNetwork(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		for _, h2 := range []bool{false, true} {
			srv := httptest.NewUnstartedServer(s.Handler(d, ""))
			srv.EnableHTTP2 = h2
			srv.StartTLS()
			q := documented(d)
			r, err := http.NewRequest("POST", srv.URL+q.path, strings.NewReader(q.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = q.header
			res, err := srv.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			srv.Close()
			if err != nil || res.StatusCode != 200 || (res.ProtoMajor == 2) != h2 {
				t.Errorf("HTTP/2 %v: got %s %s %v", h2, res.Proto, res.Status, err)
			}
			want := map[string]string{"Content-Type": "application/json; charset=utf-8", "X-Sandbox": "Token Playground", "Date": "", "Content-Length": ""}
			for _, p := range d.Headers {
				want[p.Name] = p.Value
			}
			for name, value := range want {
				got := res.Header.Values(name)
				if len(got) != 1 || value != "" && got[0] != value {
					t.Errorf("got %s %q, want %q once", name, got, value)
				}
				delete(res.Header, http.CanonicalHeaderKey(name))
			}
			if name := d.Antiforgery.Cookie; name != "" {
				if got := res.Header.Get("Set-Cookie"); !strings.HasPrefix(got, name+"=") {
					t.Errorf("got cookie %q, want %s", got, name)
				}
				delete(res.Header, "Set-Cookie")
			}
			if len(res.Header) > 0 {
				t.Errorf("more headers than documented: %v", res.Header)
			}
			if len(body) == 0 {
				t.Error("no body")
			}
		}
	})
}
