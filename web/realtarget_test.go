package web_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/store"
	"tokenplayground/web/target"
)

// server stands for a real product: the sandbox's own play of it, in another
// world, behind TLS on a port. It remembers what reached it.
type server struct {
	*httptest.Server
	address string

	mu    sync.Mutex
	calls []string // method, path and body
}

func (s *server) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// fingerprint is the leaf's SHA-256 in hexadecimal digits.
func (s *server) fingerprint() string {
	sum := sha256.Sum256(s.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

// swap shows another certificate from the next handshake on.
func (s *server) swap(cert tls.Certificate) { s.TLS.Certificates = []tls.Certificate{cert} }

// certificate makes one that is signed by itself.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certificateFor(t, key)
}

func certificateFor(t testing.TB, key *ecdsa.PrivateKey) tls.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "backup.lab.local"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// serve starts a TLS server with a certificate of its own.
func serve(t testing.TB, h http.Handler) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		s.mu.Lock()
		s.calls = append(s.calls, r.Method+" "+r.URL.Path+" "+string(body))
		s.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	}))
	cert := certificate(t)
	s.TLS = &tls.Config{}
	// The certificate is looked up anew for each connection.
	s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return &tls.Config{Certificates: s.TLS.Certificates}, nil
	}
	s.TLS.Certificates = []tls.Certificate{cert}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.StartTLS()
	t.Cleanup(s.Close)
	s.address = s.Listener.Addr().String()
	return s
}

// realServer is a server of a product.
func realServer(t testing.TB, d *dialect.Dialect) *server {
	t.Helper()
	return serve(t, realSandbox(t, nil).Handler(d, ""))
}

// realSandbox knows the sandbox's people, or others.
func realSandbox(t testing.TB, people []sandbox.Person) *sandbox.Server {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{Store: store.NewMemory(time.Now), Root: bytes.Repeat([]byte{7}, 32), People: people})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Close)
	return box
}

func TestRealTarget(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		s := realServer(t, d)
		v := w.visitor(t)
		base, at := "/"+d.ID, "&x.target="+url.QueryEscape(s.address)
		token := signIn(t, d, "administrator") + at

		got := v.call(base+"/token", token)
		f := got.Exchange.Failure
		if f == nil || f.Kind != "tls-untrusted" || f.Detail == "" || f.Remedy == "" || got.Exchange.Response.Status != 0 || got.Session.State != "none" {
			t.Fatalf("first call: got %s", got.raw)
		}
		if c := f.Certificate; c == nil || c.SHA256 != s.fingerprint() || !strings.Contains(c.Subject, "backup.lab.local") || c.NotAfter.IsZero() {
			t.Errorf("first call: got the certificate %+v", f.Certificate)
		}
		if calls := s.received(); len(calls) > 0 {
			t.Fatalf("the server received %q before it was trusted", calls)
		}
		page := v.get(base+"?target="+url.QueryEscape(s.address)+"&op=token", asPage).want(200).
			has("The certificate that the server showed", `name="x.fingerprint"`, s.fingerprint())
		page.lacks("Password1")

		v.call(base+"/trust", "x.fingerprint="+strings.Repeat("00", 32)+at)
		if got := v.call(base+"/token", token); got.Exchange.Failure == nil || got.Exchange.Failure.Kind != "tls-changed" || len(s.received()) > 0 {
			t.Fatalf("another fingerprint is trusted: got %s", got.raw)
		}
		v.post(base+"/trust", "x.fingerprint="+strings.ToUpper(s.fingerprint())+at, asPage).want(303)
		got = v.call(base+"/token", token)
		if got.Exchange.Failure != nil || got.Exchange.Response.Status != 200 || got.Session.State != "valid" || got.Exchange.Target != s.address {
			t.Fatalf("after trust: got %s", got.raw)
		}

		whole := reveal(t, v, d, s.address, "access")
		refresh := reveal(t, v, d, s.address, "refresh")
		for what, text := range everywhere(v, d, s.address) {
			for name, secret := range map[string]string{"access": whole, "refresh": refresh} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: the %s token is whole", what, name)
				}
			}
		}
		if strings.Contains(got.raw, whole) || strings.Contains(got.raw, refresh) {
			t.Errorf("the answer has a whole token: %s", got.raw)
		}
		if m := got.Session.AccessToken; !strings.Contains(m, "…·") || len(m) > 24 {
			t.Errorf("got the mask %q", m)
		}

		t.Run("tokens do not cross targets", func(t *testing.T) {
			other := realServer(t, d)
			there := "x.target=" + url.QueryEscape(other.address)
			v.call(base+"/trust", "x.fingerprint="+other.fingerprint()+"&"+there)
			for _, route := range []string{"/explore", "/refresh", "/accounts/logout"} {
				v.post(base+route, there, asJSON).problem(409, "no-token")
				v.post(base+route, "", asJSON).problem(409, "no-token")
			}
			if calls := other.received(); len(calls) > 0 {
				t.Errorf("the other server received %q", calls)
			}
			v.call(base+"/token", signIn(t, d, "administrator"))
			if reveal(t, v, d, "", "access") == whole {
				t.Error("the sandbox's slot holds the server's token")
			}
		})

		if got := v.call(base+"/explore", at); got.Exchange.Response.Status != 200 || strings.Contains(got.raw, whole) {
			t.Errorf("explore: got %s", got.raw)
		}
		got = v.call(base+"/refresh", at)
		if got.Session.State != "valid" || got.Exchange.Response.Status != 200 || strings.Contains(got.raw, refresh) {
			t.Errorf("refresh: got %s", got.raw)
		}
		if next := reveal(t, v, d, s.address, "access"); next == whole || strings.Contains(got.raw, next) {
			t.Errorf("refresh: got %s", got.raw)
		}

		t.Run("a changed certificate is a hard stop", func(t *testing.T) {
			before := len(s.received())
			old, was := s.TLS.Certificates[0], s.fingerprint()
			swap := func(cert tls.Certificate) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.swap(cert)
			}
			defer swap(old)
			for _, c := range []struct {
				key  string
				cert tls.Certificate
				says []string
			}{
				{"same", certificateFor(t, old.PrivateKey.(*ecdsa.PrivateKey)), []string{"with the same public key.", "It looks renewed"}},
				{"other", certificate(t), []string{"with another public key.", "somebody in between"}},
			} {
				swap(c.cert)
				got := v.call(base+"/explore", at)
				f := got.Exchange.Failure
				if f == nil || f.Kind != "tls-changed" || got.Session.State != "valid" {
					t.Fatalf("got %s", got.raw)
				}
				if cert := f.Certificate; cert == nil || cert.Key != c.key || cert.Before != was || cert.SHA256 == was {
					t.Errorf("%s key: got the certificate %+v", c.key, cert)
				}
				if len(s.received()) != before {
					t.Error("the server received the token")
				}
				v.get(base+"?op=explore&target="+url.QueryEscape(s.address), asPage).want(200).
					has(append(c.says, "The certificate has changed", "Trust this certificate for this server")...)
			}
			// The key of the one before says nothing about the one after.
			v.call(base+"/trust", "x.fingerprint="+strings.Repeat("00", 32)+at)
			if got := v.call(base+"/explore", at); got.Exchange.Failure == nil || got.Exchange.Failure.Certificate.Key != "" {
				t.Errorf("after another certificate was trusted: got %s", got.raw)
			}
			v.call(base+"/trust", "x.fingerprint="+was+at)
		})

		got = v.call(base+"/accounts/logout", at)
		if got.Session.State != "none" || got.Exchange.Response.Status != d.Operation(dialect.Logout).Status {
			t.Errorf("logout: got %s", got.raw)
		}
		calls := 4
		if d.Operation(dialect.WhoAmI) != nil {
			calls++ // who logs out is asked first
		}
		if n := len(s.received()); n != calls {
			t.Errorf("the server received %d calls, want token, explore, refresh, logout: %q", n, s.received())
		}

		t.Run("another visitor trusts nothing", func(t *testing.T) {
			before := len(s.received())
			if got := w.visitor(t).call(base+"/token", token); got.Exchange.Failure == nil || got.Exchange.Failure.Kind != "tls-untrusted" || len(s.received()) != before {
				t.Errorf("got %s", got.raw)
			}
		})
	})
}

// reveal reads a whole token where a person does: on the page that they asked
// to show it.
func reveal(t *testing.T, v *visitor, d *dialect.Dialect, address, which string) string {
	t.Helper()
	q := "?op=token&reveal=" + which
	if address != "" {
		q += "&target=" + url.QueryEscape(address)
	}
	page := v.get("/"+d.ID+q, asPage).want(200)
	found := ""
	for _, m := range longToken.FindAllString(page.body, -1) {
		if len(m) > len(found) {
			found = m
		}
	}
	if len(found) < 100 {
		t.Fatalf("reveal=%s shows no token: %s", which, page.body)
	}
	return found
}

// everywhere fetches all that shows a session's exchanges, without asking for
// a token to be shown.
func everywhere(v *visitor, d *dialect.Dialect, address string) map[string]string {
	v.t.Helper()
	out := map[string]string{}
	at := "target=" + url.QueryEscape(address)
	base := "/" + d.ID
	for _, view := range []string{"body", "headers", "request", "curl", "decoded"} {
		for _, op := range []string{"token", "explore", "logout"} {
			path := base + "?" + at + "&op=" + op + "&view=" + view
			out[path] = v.get(path, asPage).want(200).body
		}
	}
	out["data"] = v.state(base + "?" + at)
	out["fragment"] = v.get(base+"?"+at+"&op=token", asFragment).want(200).body
	out["home"] = v.get("/", asPage).want(200).body
	var page struct{ History []struct{ ID int } }
	if err := json.Unmarshal([]byte(out["data"]), &page); err != nil {
		v.t.Fatal(err)
	}
	for i, e := range page.History {
		if i > 3 && i < len(page.History)-6 {
			continue // more of the same
		}
		path := base + "/exchanges/" + strconv.Itoa(e.ID)
		out[path] = v.get(path, asPage).want(200).body
		out["data of "+path] = v.get(path, asJSON).want(200).body
		for _, part := range []string{"body", "headers", "request", "curl"} {
			out[path+" "+part] = v.get(path+"?part="+part, asPage).want(200).body
		}
	}
	return out
}

func writeFile(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestListedTargets(t *testing.T) {
	d := dialect.All()[1]
	byCA, byPin, wrongPin := realServer(t, d), realServer(t, d), realServer(t, d)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: byCA.Certificate().Raw}))
	entry := func(name string, s *server, more map[string]any) map[string]any {
		host, port, err := net.SplitHostPort(s.address)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		e := map[string]any{"name": name, "product": d.ID, "host": host, "port": n}
		for k, v := range more {
			e[k] = v
		}
		return e
	}
	list, err := json.Marshal(map[string]any{"targets": []any{
		entry("Lab by CA", byCA, map[string]any{"ca": "ca.pem"}),
		entry("Lab by pin", byPin, map[string]any{"pin": byPin.fingerprint()}),
		entry("Lab by a wrong pin", wrongPin, map[string]any{"pin": strings.Repeat("ab", 32)}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, filepath.Join(dir, "targets.json"), list)
	w := open(t, "--egress", "allowlist", "--targets", file)
	v := w.visitor(t)
	base := "/" + d.ID
	v.get(base, asPage).want(200).has("Lab by CA", "Lab by pin").lacks("A server of your own")
	for _, name := range []string{"Lab by CA", "Lab by pin", "lab by ca"} {
		got := v.call(base+"/token", signIn(t, d, "administrator")+"&x.target="+url.QueryEscape(name))
		if got.Exchange.Failure != nil || got.Session.State != "valid" || !strings.Contains(got.Session.AccessToken, "…·") {
			t.Errorf("%s: got %s", name, got.raw)
		}
	}
	got := v.call(base+"/token", signIn(t, d, "administrator")+"&x.target="+url.QueryEscape("Lab by a wrong pin"))
	if f := got.Exchange.Failure; f == nil || f.Kind != "tls-changed" || len(wrongPin.received()) > 0 {
		t.Errorf("a wrong pin: got %s", got.raw)
	}
	v.get(base+"?op=token&target="+url.QueryEscape("Lab by a wrong pin"), asPage).want(200).lacks(`name="x.fingerprint"`)

	stranger := realServer(t, d)
	v.post(base+"/token", signIn(t, d, "administrator")+"&x.target="+url.QueryEscape(stranger.address), asJSON).problem(422, "unknown-target")
	v.post(base+"/target", "x.host="+url.QueryEscape(stranger.address), asJSON).problem(403, "targets-are-listed")
	if len(stranger.received()) > 0 {
		t.Error("a server that is not listed was called")
	}
}

// TestOtherProfiles holds what only a person at their own machine may do.
func TestOtherProfiles(t *testing.T) {
	d := dialect.All()[1]
	s := realServer(t, d)
	w := open(t, "--profile", "demo")
	v := w.visitor(t)
	v.post("/"+d.ID+"/token", signIn(t, d, "administrator")+"&x.target="+url.QueryEscape(s.address), asJSON).problem(422, "unknown-target")
	v.post("/"+d.ID+"/target", "x.host="+url.QueryEscape(s.address), asJSON).problem(403, "targets-are-listed")
	v.post("/"+d.ID+"/trust", "x.fingerprint="+s.fingerprint()+"&x.target="+url.QueryEscape(s.address), asJSON).problem(403, "trust-is-pinned")
	if got := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")); got.Session.State != "valid" {
		t.Errorf("the sandbox of a demo: got %s", got.raw)
	}
	if len(s.received()) > 0 {
		t.Errorf("a demo called a server: %q", s.received())
	}
}

func TestOwnTargetIsRemembered(t *testing.T) {
	w := open(t)
	d := dialect.All()[1]
	v := w.visitor(t)
	for typed, want := range map[string]string{
		"x.host=srv.lab.local":                      "srv.lab.local:" + strconv.Itoa(d.Port),
		"x.host=SRV2.Lab.Local.&x.port=1234":        "srv2.lab.local:1234",
		"x.host=srv3.lab.local%3A8443&x.port=9":     "srv3.lab.local:8443",
		"x.host=https%3A%2F%2Fsrv4.lab.local%3A443": "srv4.lab.local:443",
		"x.host=fd00%3A%3A1&x.port=9419":            "[fd00::1]:9419",
	} {
		res := v.post("/"+d.ID+"/target", typed, asPage).want(303)
		u, err := url.Parse(res.header.Get("Location"))
		if err != nil || u.Query().Get("target") != want {
			t.Errorf("%s: got Location %s, want target %s", typed, res.header.Get("Location"), want)
		}
		v.get(res.header.Get("Location"), asPage).want(200).has(want)
	}
	v.get("/"+d.ID, asPage).want(200).has("srv.lab.local", "srv4.lab.local")
	v.get("/"+dialect.All()[0].ID, asPage).want(200).lacks("srv.lab.local")
}

// tcp listens and hands each connection to a function.
func tcp(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				talk(c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return ln.Addr().String()
}

func TestFailures(t *testing.T) {
	t.Parallel()
	d := dialect.All()[1]
	dir := t.TempDir()
	cfg := configure(t, dir)
	cfg.Limits = target.Limits{Dial: time.Second, TLS: 200 * time.Millisecond, FirstByte: 200 * time.Millisecond, Whole: time.Second}
	w := start(t, dir, cfg)

	closed := func() string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		return ln.Addr().String()
	}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	slow := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	const htmlPage = "<!doctype html><title>502 Bad Gateway</title><h1>proxy <script>alert(1)</script></h1>"
	redirected := serve(t, http.NotFoundHandler())
	cases := []struct {
		name, address string
		kind          string   // of the failure; empty if the server answered
		status        int      // of the answer
		page          []string // what the page says
		data          func(t *testing.T, a answer)
	}{
		{name: "nothing listens", address: closed(), kind: "refused", page: []string{"Nothing listens at", "check the port"}},
		{name: "no TLS", address: tcp(t, func(c net.Conn) {
			io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n")
			_, _ = bufio.NewReader(c).ReadByte()
		}), kind: "not-http", page: []string{"does not speak TLS", "SSH-2"}},
		{name: "silence", address: tcp(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), kind: "timed-out", page: []string{"did not finish the TLS handshake in time"}},
		{name: "a hang-up", address: tcp(t, func(net.Conn) {}), kind: "broken-off", page: []string{"closed the connection"}},
		{name: "no HTTP behind TLS", address: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, "220 mail.lab.local ESMTP\r\n")
		})).address, kind: "not-http", page: []string{"is not HTTP", "220 mail"}},
		{name: "no answer in time", address: slow.address, kind: "timed-out", page: []string{"did not answer in time"}},
		{name: "an HTML page", address: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			io.WriteString(w, htmlPage)
		})).address, status: 502, page: []string{"The server has a fault of its own", "502 Bad Gateway", "proxy &lt;script&gt;"},
			data: func(t *testing.T, a answer) {
				if a.Exchange.Response.Body != htmlPage {
					t.Errorf("the body is not raw: %q", a.Exchange.Response.Body)
				}
			}},
		{name: "a redirect", address: serve(t, http.RedirectHandler(redirected.URL+"/elsewhere", http.StatusTemporaryRedirect)).address, status: 307,
			page: []string{"The server points elsewhere", "never followed"},
			data: func(t *testing.T, a answer) {
				if calls := redirected.received(); len(calls) > 0 {
					t.Errorf("it was followed: %q", calls)
				}
			}},
		{name: "a large body", address: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("x"), 3<<20))
		})).address, status: 200, page: []string{"longer than 1 MB"},
			data: func(t *testing.T, a answer) {
				if n := len(a.Exchange.Response.Body); n != 1<<20 {
					t.Errorf("got %d bytes of the body, want %d", n, 1<<20)
				}
			}},
		{name: "JSON without a token", address: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"hello":"there"}`)
		})).address, status: 200, page: []string{"carries no token"}},
		{name: "an unknown refusal", address: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(418)
			io.WriteString(w, `{"teapot":true}`)
		})).address, status: 418, page: []string{"The server refused the call"}},
		{name: "the playground itself", address: strings.TrimPrefix(w.url, "http://"), kind: "refused-by-policy", page: []string{"never calls"}},
		{name: "a metadata service", address: "169.254.169.254:80", kind: "refused-by-policy", page: []string{"never calls"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := w.visitor(t)
			base, at := "/"+d.ID, "x.target="+url.QueryEscape(tc.address)
			got := v.call(base+"/token", signIn(t, d, "administrator")+"&"+at)
			if f := got.Exchange.Failure; f != nil && f.Kind == "tls-untrusted" {
				v.call(base+"/trust", "x.fingerprint="+f.Certificate.SHA256+"&"+at)
				got = v.call(base+"/token", signIn(t, d, "administrator")+"&"+at)
			}
			kind := ""
			if f := got.Exchange.Failure; f != nil {
				kind = f.Kind
				if f.Detail == "" || f.Remedy == "" || strings.ToUpper(f.Detail[:1]) != f.Detail[:1] && f.Detail[0] != '1' || !strings.HasSuffix(f.Detail, ".") {
					t.Errorf("got the sentences %q and %q", f.Detail, f.Remedy)
				}
			}
			if kind != tc.kind || got.Exchange.Response.Status != tc.status || got.Session.State != "none" {
				t.Fatalf("got failure %q, status %d: %.700s", kind, got.Exchange.Response.Status, got.raw)
			}
			if tc.data != nil {
				tc.data(t, got)
			}
			page := v.get(base+"?op=token&target="+url.QueryEscape(tc.address), asPage).want(200)
			low := strings.ToLower(page.body)
			for _, text := range tc.page {
				if !strings.Contains(low, strings.ToLower(text)) {
					_, part, _ := strings.Cut(page.body, `id="answer"`)
					t.Errorf("the page does not say %q: %.1500s", text, part)
				}
			}
			page.lacks("<script>alert", "Password1")
		})
	}
}

// A link must not decide where a password goes: a server that nobody typed is
// asked about first, whatever the profile allows.
func TestALinkAloneChoosesNoServer(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	page := "/" + d.ID + "?target=127.0.0.1%3A9"
	v.get(page, asPage).want(409).has("This link points to 127.0.0.1:9")
	if got := v.get(page, asJSON).want(409); !strings.Contains(got.body, "new-target") {
		t.Errorf("got %s", got.body)
	}
	v.do("POST", "/"+d.ID+"/token?target=127.0.0.1%3A9", signIn(t, d, "administrator"), theForm, asPage).want(409)
	v.do("POST", "/"+d.ID+"/target", "x.host=127.0.0.1%3A9", theForm, asPage).want(303)
	v.get(page, asPage).want(200).has("Real server: 127.0.0.1:9")
}
