package web_test

import (
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"tokenplayground/static"
	"tokenplayground/web/dialect"
)

// The first visit is fast because nothing has to be kept apart yet.
func TestOpenerPolicyComesWithTheSession(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	opener := func() string { return v.get("/"+d.ID, asPage).want(200).header.Get("Cross-Origin-Opener-Policy") }
	if got := opener(); got != "" {
		t.Errorf("got %q without a session", got)
	}
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	if got := opener(); got != "same-origin" {
		t.Errorf("got %q with a session", got)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	base := "/" + d.ID
	v := w.visitor(t)
	v.call(base+"/token", signIn(t, d, "administrator"))
	css := static.URL("app.css")
	for _, tc := range []struct {
		method, path, body string
		header             []string
		status             int
		cache              string
	}{
		{"GET", "/", "", asPage, 200, "no-store"},
		{"GET", "/", "", asJSON, 200, "no-store"},
		{"GET", base, "", asPage, 200, "no-store"},
		{"GET", base, "", asFragment, 200, "no-store"},
		{"GET", base, "", asJSON, 200, "no-store"},
		{"HEAD", base, "", asPage, 200, "no-store"},
		{"GET", base + "/exchanges/1", "", asPage, 200, "no-store"},
		{"GET", base + "/exchanges/1?part=body", "", asPage, 200, "no-store"},
		{"GET", "/people", "", asPage, 200, "no-store"},
		{"GET", "/livez", "", nil, 200, "no-store"},
		{"GET", "/readyz", "", nil, 200, "no-store"},
		{"GET", "/openapi.json", "", asJSON, 200, "no-cache"},
		{"GET", "/swagger.json", "", asJSON, 200, "no-cache"},
		{"GET", css, "", nil, 200, "public, max-age=31536000, immutable"},
		{"POST", base + "/token", signIn(t, d, "administrator"), asPage, 303, "no-store"},
		{"POST", base + "/explore", "", asJSON, 200, "no-store"},
		{"POST", base + "/token", "", asPage, 422, "no-store"},
		{"POST", base + "/token", strings.Repeat("x", 70<<10), asPage, 413, "no-store"},
		{"GET", "/nope", "", asPage, 404, "no-store"},
		{"GET", "/nope", "", asJSON, 404, "no-store"},
		{"GET", "/static/nope.css", "", nil, 404, "no-store"},
		{"DELETE", base, "", asPage, 405, "no-store"},
		{"GET", base, "", []string{"Host", "evil.example"}, 421, "no-store"},
		{"POST", base + "/forget", "", []string{"Sec-Fetch-Site", "cross-site"}, 403, "no-store"},
	} {
		t.Run(tc.method+" "+tc.path[:min(len(tc.path), 40)]+" "+http.StatusText(tc.status), func(t *testing.T) {
			kind := theForm
			if tc.body == "" {
				kind = nil
			}
			h := v.do(tc.method, tc.path, tc.body, kind, tc.header).want(tc.status).header
			for name, want := range map[string]string{
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Cache-Control":                tc.cache,
			} {
				if name == "Cross-Origin-Opener-Policy" && tc.status == http.StatusMisdirectedRequest {
					continue // another host gets no cookie, so it has no session
				}
				if got := h.Values(name); len(got) != 1 || got[0] != want {
					t.Errorf("got %s %q, want %q once", name, got, want)
				}
			}
			csp := h.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'self'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("the policy has no %q: %q", part, csp)
				}
			}
			for _, never := range []string{"unsafe-", "*", "http:", "https:"} {
				if strings.Contains(csp, never) {
					t.Errorf("the policy has %q: %q", never, csp)
				}
			}
			for name := range h {
				if strings.HasPrefix(name, "Access-Control-") || name == "Server" || name == "X-Powered-By" || name == "X-Frame-Options" {
					t.Errorf("got the header %s", name)
				}
			}
			if !regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`).MatchString(h.Get("X-Request-Id")) {
				t.Errorf("got X-Request-Id %q", h.Get("X-Request-Id"))
			}
			if h.Get("Permissions-Policy") == "" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Accept") {
				t.Errorf("got the headers %v", h)
			}
		})
	}
	t.Run("the sandbox has the product's headers and none of the page's", func(t *testing.T) {
		h := v.get("/sandbox" + base + d.Path(d.Operation(dialect.Explore), "")).want(401).header
		for _, name := range []string{"Content-Security-Policy", "X-Request-Id", "Set-Cookie"} {
			if h.Get(name) != "" {
				t.Errorf("got %s %q", name, h.Get(name))
			}
		}
		if h.Get("X-Sandbox") == "" {
			t.Error("it does not name itself")
		}
	})
	t.Run("a request's id is kept if it is harmless", func(t *testing.T) {
		for id, kept := range map[string]bool{"abcdef-0123": true, "short": false, "<script>alert(1)": false, strings.Repeat("a", 65): false} {
			if got := v.get("/livez", []string{"X-Request-Id", id}).header.Get("X-Request-Id"); (got == id) != kept {
				t.Errorf("%q became %q", id, got)
			}
		}
	})
	t.Run("the pages hold nothing that the policy forbids", func(t *testing.T) {
		for _, path := range []string{"/", base, base + "?op=token&view=decoded", base + "/exchanges/1", "/people", "/nope"} {
			body := v.get(path, asPage).body
			for what, re := range map[string]string{
				"an inline script": `<script(\s+defer)?>`, "an inline style": `<style|\sstyle="`, "an event handler": `\son[a-z]+="`,
				"another origin": `(src|href|action)="(https?:)?//`,
			} {
				if m := regexp.MustCompile(re).FindString(body); m != "" {
					t.Errorf("%s has %s: %q", path, what, m)
				}
			}
		}
	})
}

func TestCookie(t *testing.T) {
	t.Parallel()
	d := dialect.All()[0]
	t.Run("plain http on this machine", func(t *testing.T) {
		v := open(t).visitor(t)
		for _, path := range []string{"/", "/" + d.ID, "/" + d.ID + "?op=token&try=token&fill=1", "/people", "/nope", "/swagger/", static.URL("app.js")} {
			if got := v.get(path, asPage); len(got.setter) > 0 {
				t.Errorf("%s sets %v", path, got.setter)
			}
		}
		// Neither a refusal nor a Forget of nothing needs a session.
		for _, path := range []string{"/token", "/refresh", "/explore", "/accounts/logout", "/forget"} {
			if got := v.post("/"+d.ID+path, "", asPage); len(got.setter) > 0 {
				t.Errorf("%s sets %v", path, got.setter)
			}
		}
		if got := v.post("/forget", "", asPage); len(got.setter) > 0 {
			t.Errorf("forgetting nothing sets %v", got.setter)
		}
		got := v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asPage)
		if len(got.setter) != 1 {
			t.Fatalf("got the cookies %v", got.setter)
		}
		c := got.setter[0]
		if c.Name != "pg" || c.Path != "/" || !c.HttpOnly || c.Secure || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() || len(c.Value) > 300 {
			t.Errorf("got the cookie %s", c)
		}
		if got := v.call("/"+d.ID+"/explore", ""); got.Session.State != "valid" {
			t.Errorf("got %s", got.raw)
		}
		gone := v.post("/forget", "", asJSON).want(200)
		if len(gone.setter) != 1 || gone.setter[0].MaxAge >= 0 || v.cookies() != "" {
			t.Errorf("after Forget everything: got the cookies %v", gone.setter)
		}
	})
	t.Run("a class room has TLS of its own", func(t *testing.T) {
		w := open(t, "--profile", "class")
		sum := w.s.Fingerprint()
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, // the fingerprint is compared instead, as people do
			VerifyConnection: func(s tls.ConnectionState) error {
				got := sha256.Sum256(s.PeerCertificates[0].Raw)
				if hex.EncodeToString(got[:]) != sum {
					return x509.UnknownAuthorityError{Cert: s.PeerCertificates[0]}
				}
				return s.PeerCertificates[0].VerifyHostname("localhost")
			},
		}}
		t.Cleanup(transport.CloseIdleConnections)
		v := &visitor{t: t, base: w.url, http: &http.Client{Transport: transport, Jar: jar}}
		got := v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON).want(200)
		if len(got.setter) != 1 {
			t.Fatalf("got the cookies %v", got.setter)
		}
		if c := got.setter[0]; c.Name != "__Host-pg" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("got the cookie %s", c)
		}
	})
}

func TestCompression(t *testing.T) {
	t.Parallel()
	w := open(t)
	v := w.visitor(t)
	// DisableCompression keeps the client from asking by itself.
	v.http.Transport.(*http.Transport).DisableCompression = true
	d := dialect.All()[0]
	// Files are packed in the background; until then they travel as they are.
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for v.get(static.URL("favicon.svg"), []string{"Accept-Encoding", "br"}).header.Get("Content-Encoding") == "" ||
		v.get(static.URL("htmx.min.js"), []string{"Accept-Encoding", "br"}).header.Get("Content-Encoding") == "" ||
		v.get(static.URL("app.css"), []string{"Accept-Encoding", "br"}).header.Get("Content-Encoding") == "" {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the files are never packed")
		}
	}
	for _, path := range []string{"/" + d.ID, "/openapi.json", static.URL("app.css"), static.URL("htmx.min.js")} {
		plain := v.get(path, asPage).want(200)
		if plain.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: got encoding %q unasked", path, plain.header.Get("Content-Encoding"))
		}
		for accept, want := range map[string]string{
			"br": "br", "gzip": "gzip", "gzip, deflate, br, zstd": "br", "gzip;q=1.0, br;q=0": "gzip", "br;q=0, gzip;q=0": "",
			"identity": "", "deflate": "", "GZIP": "gzip",
		} {
			t.Run(path+" for "+accept, func(t *testing.T) {
				res := v.get(path, asPage, []string{"Accept-Encoding", accept}).want(200)
				if got := res.header.Get("Content-Encoding"); got != want {
					t.Fatalf("got encoding %q, want %q", got, want)
				}
				if !strings.Contains(strings.Join(res.header.Values("Vary"), ", "), "Accept-Encoding") {
					t.Errorf("got Vary %q", res.header.Values("Vary"))
				}
				if got := unpack(t, want, res.body); masked(got) != masked(plain.body) {
					t.Errorf("unpacked, it is another text of %d bytes instead of %d", len(got), len(plain.body))
				}
				if want != "" && len(res.body) > len(plain.body)/2 {
					t.Errorf("packed, it has %d of %d bytes", len(res.body), len(plain.body))
				}
			})
		}
	}
	t.Run("a HEAD has no body, whatever it accepts", func(t *testing.T) {
		if got := v.do("HEAD", "/"+d.ID, "", asPage, []string{"Accept-Encoding", "br"}).want(200); got.body != "" {
			t.Errorf("got %d bytes", len(got.body))
		}
	})
	t.Run("what is short travels as it is", func(t *testing.T) {
		if got := v.get("/livez", []string{"Accept-Encoding", "br"}); got.header.Get("Content-Encoding") != "" || got.body != "ok\n" {
			t.Errorf("got %q, encoded %q", got.body, got.header.Get("Content-Encoding"))
		}
	})
	t.Run("the first page is small", func(t *testing.T) {
		total, requests := 0, 0
		for _, path := range []string{"/" + d.ID, static.URL("app.css"), static.URL("app.js"), static.URL("htmx.min.js"), static.URL("favicon.svg")} {
			total += len(v.get(path, asPage, []string{"Accept-Encoding", "br"}).want(200).body)
			requests++
		}
		if total > 40_000 || requests > 5 {
			t.Errorf("got %d bytes in %d requests, want 40000 in 5 at the most", total, requests)
		}
	})
}

// masked leaves out what differs between two readings of one page.
func masked(page string) string {
	return regexp.MustCompile(`\d+`).ReplaceAllString(page, "0")
}

func unpack(t *testing.T, encoding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	switch encoding {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
