package standalone

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"tokenplayground/web/dialect"
)

// freePort is one that nothing listened on just now.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func TestProductsShareAPort(t *testing.T) {
	n := freePort(t)
	s := start(t, Config{Products: []string{"vbazure", "vbahv"}, Ports: map[string]int{"vbazure": n, "vbahv": n}})
	azure, ahv := find(t, "vbazure"), find(t, "vbahv")
	c := s.client(t, false)
	at := s.URL("vbazure")
	if s.URL("vbahv") != at {
		t.Fatalf("got %s and %s, want one address", at, s.URL("vbahv"))
	}

	t.Run("each lives as if it were alone", func(t *testing.T) {
		life(t, c, at, azure)
		life(t, c, at, ahv)
	})

	// Which product answered is seen by the names of its members.
	for name, tt := range map[string]struct{ media, path, body, member string }{
		"a grant in capitals":                    {"application/x-www-form-urlencoded", "/api/oauth2/token", "grant_type=Password&Username=administrator&Password=Password1", "expires_in"},
		"a grant in small letters":               {"application/x-www-form-urlencoded", "/api/oauth2/token", "grant_type=password&username=administrator&password=Password1", "expires_in"},
		"no grant, which one of them allows":     {"application/x-www-form-urlencoded", "/api/oauth2/token", "username=administrator&password=Password1", "expires_in"},
		"a grant in camel case":                  {"application/x-www-form-urlencoded", "/api/oauth2/token", "grantType=Password&userName=administrator&password=Password1", "accessTokenExpiresAt"},
		"a grant at the end of the form":         {"application/x-www-form-urlencoded", "/api/oauth2/token", "userName=administrator&password=Password1&granttype=Password", "accessTokenExpiresAt"},
		"a path that only one of them has":       {"application/x-www-form-urlencoded", "/api/v4/token", "grantType=Password&userName=administrator&password=Password1", "accessTokenExpiresAt"},
		"a path in other letters":                {"application/x-www-form-urlencoded", "/API/OAuth2/Token", "grantType=Password&userName=administrator&password=Password1", "accessTokenExpiresAt"},
		"a world before the path":                {"application/x-www-form-urlencoded", "/w/mine/api/oauth2/token", "grantType=Password&userName=administrator&password=Password1", "accessTokenExpiresAt"},
		"a media type that neither of them told": {"", "/api/oauth2/token", "grantType=Password&userName=administrator&password=Password1", "accessTokenExpiresAt"},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, c, "POST", at+tt.path, tt.body, "Content-Type", tt.media)
			if a.StatusCode != 200 || !strings.Contains(a.body, `"`+tt.member+`"`) {
				t.Errorf("got %s, want a 200 with %s: %s", a.Status, tt.member, a.body)
			}
		})
	}

	t.Run("a log-out is its token's", func(t *testing.T) {
		for _, d := range []*dialect.Dialect{azure, ahv} {
			for _, at := range []string{at, at + "/w/theirs"} {
				token := request(t, c, at, d, signIn).member(t, "access_token")
				if a := send(t, c, "DELETE", at+"/api/oauth2/token", "", "Authorization", "Bearer "+token); a.StatusCode != 204 {
					t.Errorf("%s: got %s, want 204: %s", d.ID, a.Status, a.body)
				}
				if a := send(t, c, "DELETE", at+"/api/oauth2/token", "", "Authorization", "Bearer "+token); a.StatusCode != 401 {
					t.Errorf("%s, again: got %s, want 401: %s", d.ID, a.Status, a.body)
				}
			}
		}
		if a := send(t, c, "DELETE", at+"/api/oauth2/token", "", "Authorization", "Bearer x.y.z"); a.StatusCode != 401 {
			t.Errorf("a foreign token: got %s, want 401", a.Status)
		}
	})

	t.Run("a wrong method is told", func(t *testing.T) {
		if a := send(t, c, "GET", at+"/api/v4/token", ""); a.StatusCode != 405 {
			t.Errorf("got %s, want 405", a.Status)
		}
	})

	t.Run("a body that is too large is refused", func(t *testing.T) {
		a := send(t, c, "POST", at+"/api/oauth2/token", "grant_type="+strings.Repeat("x", 1<<20), "Content-Type", "application/x-www-form-urlencoded")
		if a.StatusCode != 413 {
			t.Errorf("got %s, want 413", a.Status)
		}
	})
}

func TestWorldsAreApart(t *testing.T) {
	s := start(t, Config{Products: []string{"vbr"}})
	d, c, at := find(t, "vbr"), s.client(t, false), s.URL("vbr")
	token := request(t, c, at+"/w/one", d, signIn).member(t, "access_token")
	shared := request(t, c, at, d, signIn).member(t, "access_token")
	for path, tt := range map[string]struct {
		token string
		want  int
	}{
		"/w/one":                        {token, 200},
		"/w/two":                        {token, 401},
		"":                              {token, 401},
		"/w/shared":                     {shared, 200},
		"/w/one?":                       {shared, 401},
		"/w/a.b":                        {token, 404},
		"/w/":                           {token, 404},
		"/w":                            {token, 404},
		"/w/" + strings.Repeat("x", 65): {token, 404},
	} {
		t.Run("a token in "+path, func(t *testing.T) {
			call := dialect.Call{Purpose: dialect.Explore, Bearer: tt.token}
			if a := request(t, c, at+strings.TrimSuffix(path, "?"), d, call); a.StatusCode != tt.want {
				t.Errorf("got %s, want %d: %s", a.Status, tt.want, a.body)
			}
		})
	}
}

func TestHeadersAreTheProducts(t *testing.T) {
	s := start(t, Config{Products: []string{"vac"}})
	a := request(t, s.client(t, false), s.URL("vac"), find(t, "vac"), signIn)
	for _, name := range []string{"X-Request-Id", "Server", "Alt-Svc", "Content-Security-Policy", "Set-Cookie"} {
		if v := a.Header.Get(name); v != "" {
			t.Errorf("the answer has %s: %s", name, v)
		}
	}
	if a.Header.Get("X-Sandbox") == "" {
		t.Error("the answer does not name the sandbox")
	}
}

// fault arms one by the control API.
func arm(t *testing.T, s *Server, world, body string) answer {
	t.Helper()
	return send(t, http.DefaultClient, "PUT", s.ControlURL()+"/worlds/"+world+"/faults", body, "Content-Type", "application/json")
}

func TestCertificateChanges(t *testing.T) {
	for proto, http1 := range map[string]bool{"HTTP/2.0": false, "HTTP/1.1": true} {
		t.Run("over "+proto, func(t *testing.T) {
			s := start(t, Config{Products: []string{"vbr", "vac"}})
			d, c := find(t, "vbr"), s.client(t, http1)
			// Sessions would be resumed, as real clients do.
			c.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(8)
			request(t, c, s.URL("vbr"), d, signIn)
			if a := arm(t, s, "shared", `{"faults":[{"fault":"certificate-changed","product":"vbr","times":1}]}`); a.StatusCode != 200 {
				t.Fatalf("got %s: %s", a.Status, a.body)
			}
			// This one goes over the old connection, and ends it.
			if a := request(t, c, s.URL("vbr"), d, signIn); a.StatusCode != 200 {
				t.Errorf("over the old connection: got %s", a.Status)
			}
			_, err := c.Get(s.URL("vbr") + "/api/v1/serverTime")
			if stranger := (x509.UnknownAuthorityError{}); !errors.As(err, &stranger) {
				t.Errorf("over a new connection: got %v, want an unknown authority", err)
			}
			if a := request(t, c, s.URL("vbr"), d, signIn); a.StatusCode != 200 {
				t.Errorf("after that: got %s", a.Status)
			}
			request(t, c, s.URL("vac"), find(t, "vac"), signIn)
		})
	}

	t.Run("not in a world that a connection cannot name", func(t *testing.T) {
		s := start(t, Config{Products: []string{"vbr"}})
		a := arm(t, s, "mine", `{"faults":[{"fault":"certificate-changed"}]}`)
		if a.StatusCode != 422 || !strings.Contains(a.body, "shared") {
			t.Errorf("got %s, want a 422 that names the shared world: %s", a.Status, a.body)
		}
	})
}

func TestBounds(t *testing.T) {
	s := start(t, Config{Products: []string{"vbr"}})
	c := s.client(t, true)
	if a := send(t, c, "GET", s.URL("vbr")+"/api/v1/serverTime", "", "X-Long", strings.Repeat("x", 64<<10)); a.StatusCode != 431 {
		t.Errorf("a header of 64 KB: got %s, want 431", a.Status)
	}
	if a := send(t, c, "POST", s.URL("vbr")+"/api/oauth2/token", strings.Repeat("x", 1<<20)); a.StatusCode != 413 {
		t.Errorf("a body of 1 MB: got %s, want 413", a.Status)
	}
	for _, p := range s.ports {
		if h := p.http; h.ReadHeaderTimeout == 0 || h.ReadTimeout == 0 || h.WriteTimeout == 0 || h.IdleTimeout == 0 {
			t.Error("a slow client may hold a connection for ever")
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := start(t, Config{Products: []string{"vbr"}})
	addr := strings.TrimPrefix(s.URL("vbr"), "https://")
	if conn, err := tls.Dial("tcp", addr, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true}); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// TestConfusion holds the rule for shared ports to the products that there are.
func TestConfusion(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		can  bool
	}{{"vbazure", "vbahv", true}, {"vbr", "vbaws", true}, {"vac", "vbr", true}, {"vbr", "vbazure", false}} {
		cfg := Config{Products: []string{tt.a, tt.b}, Ports: map[string]int{tt.a: 9999, tt.b: 9999}}
		err := cfg.Validate()
		if (err == nil) != tt.can {
			t.Errorf("%s and %s on one port: got %v", tt.a, tt.b, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--ports "+tt.b+"=") {
			t.Errorf("no remedy: %v", err)
		}
	}
	if err := (&Config{}).Validate(); err != nil {
		t.Errorf("all products on their own ports: %v", err)
	}
}
