package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tokenplayground/web/dialect"
)

// TestWhatTheServerRepeats lets a server say the password that it was just
// sent, at every place of an answer that a page shows. Within a token it would
// be shown: that is kept as it came, and decoded long after the password is gone.
func TestWhatTheServerRepeats(t *testing.T) { // SCR-1, SCR-6, H12
	t.Parallel()
	w := open(t)
	const password = "Canary8c07pass"
	escaped := ""
	for _, c := range password {
		escaped += fmt.Sprintf(`\u%04x`, c)
	}
	jwt := "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.x"
	pair := func(more string) string {
		return `{"access_token":"` + jwt + `","token_type":"bearer","expires_in":900,"refresh_token":"r-` + jwt + `"` + more + `}`
	}
	ok := func(body string) string { return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body }
	for name, answer := range map[string]string{
		"as the reason":                   "HTTP/1.1 499 " + password + "\r\nConnection: close\r\n\r\n{}",
		"as a header's name":              "HTTP/1.1 401 No\r\nConnection: close\r\nX-" + password + ": 1\r\n\r\n{}",
		"instead of HTTP":                 password + "\r\n",
		"instead of HTTP, in digits":      fmt.Sprintf("%x\r\n", password),
		"as a name in the answer":         ok(pair(`,"` + password + `":1`)),
		"as an escaped name":              ok(pair(`,"` + escaped + `":1`)),
		"as the user's name":              ok(pair(`,"username":"` + password + `"`)),
		"as the escaped user's name":      ok(pair(`,"username":"` + escaped + `"`)),
		"as the type of the token":        ok(strings.Replace(pair(""), "bearer", escaped, 1)),
		"as the access token":             ok(strings.Replace(pair(""), jwt, password, 1)),
		"as the escaped refresh token":    ok(strings.Replace(pair(""), "r-"+jwt, escaped, 1)),
		"as dates":                        ok(pair(`,".issued":"` + escaped + `",".expires":"` + password + `"`)),
		"as a message":                    "HTTP/1.1 400 No\r\nConnection: close\r\n\r\n" + `{"errorCode":"` + escaped + `","message":"` + escaped + `","error":"` + escaped + `"}`,
		"as text":                         ok(escaped + " " + url.QueryEscape(escaped)),
		"as a status that breaks off":     "HTTP/1.1 " + password,
		"as a header that breaks off":     "HTTP/1.1 200 OK\r\n" + password,
		"as what is beside the challenge": "HTTP/1.1 401 No\r\nConnection: close\r\nWww-Authenticate: Bearer realm=\"" + escaped + "\"\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dialect.All()[1]
			s := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				conn, out, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = out.WriteString(answer)
				_ = out.Flush()
			}))
			v := w.visitor(t)
			base, at := "/"+d.ID, "&x.target="+url.QueryEscape(s.address)
			v.call(base+"/trust", "x.fingerprint="+s.fingerprint()+at)
			typed := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: password}) + at
			texts := map[string]string{"the answer": v.call(base+"/token", typed).raw}
			for _, accept := range [][]string{asPage, asFragment} {
				texts["the answer as "+accept[1]] = v.post(base+"/token", typed, accept).body
			}
			for what, text := range everywhere(v, d, s.address) {
				texts[what] = text
			}
			for what, text := range texts {
				for _, spelled := range []string{password, escaped, fmt.Sprintf("%x", password)} {
					if i := strings.Index(text, spelled); i >= 0 {
						t.Errorf("%s has the password: …%s…", what, text[max(0, i-150):min(len(text), i+len(spelled)+30)])
					}
				}
			}
			if len(s.received()) == 0 {
				t.Error("the server was not asked")
			}
		})
	}
	t.Cleanup(func() {
		if log := w.log.String(); strings.Contains(log, password) || strings.Contains(log, escaped) {
			t.Error("the log has the password")
		}
	})
}

// TestPoisonedTokens lets a server give tokens that would end the header in
// which they are sent back, or are no words of one.
func TestPoisonedTokens(t *testing.T) { // H13
	t.Parallel()
	w := open(t)
	d := dialect.All()[1]
	for name, token := range map[string]string{
		"a line break":           `a\r\nX-Evil: 1`,
		"a line feed":            `a\nX-Evil: 1`,
		"a NUL":                  `a\u0000X-Evil`,
		"a byte order mark":      `\ufeffX-Evil`,
		"letters outside ASCII":  `X-Evil\u00e9`,
		"a type with line break": `a","token_type":"Bearer\r\nX-Evil: 1`,
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var heard []http.Header
			s := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Header.Get("Authorization") != "" || r.Header.Get("X-Evil") != "" {
					heard = append(heard, r.Header.Clone())
				}
				_, _ = fmt.Fprintf(rw, `{"access_token":"%s","expires_in":900,"refresh_token":"r%s"}`, token, token)
			}))
			v := w.visitor(t)
			at := atServer(t, v, d, s)
			v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+at)
			for _, step := range []string{"/explore", "/refresh", "/accounts/logout"} {
				v.post("/"+d.ID+step, strings.TrimPrefix(at, "&"), asJSON).lacks("panic")
			}
			v.get("/"+d.ID+"?target="+url.QueryEscape(s.address), asPage).want(200)
			mu.Lock()
			defer mu.Unlock()
			for _, h := range heard {
				if len(h["X-Evil"]) > 0 || len(h["Authorization"]) > 1 {
					t.Errorf("the token became a header of its own: %v", h)
				}
			}
		})
	}
}
