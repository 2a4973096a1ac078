package standalone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tokenplayground/web/dialect"
)

// start opens a sandbox and serves it until the test ends.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Control == "" {
		cfg.Control = "127.0.0.1:0"
	}
	if cfg.Ports == nil {
		cfg.Ports = map[string]int{}
		for _, d := range cfg.played() {
			cfg.Ports[d.ID] = 0
		}
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// client trusts the CA and speaks the protocols that the server offers, or only
// HTTP/1.1.
func (s *Server) client(t *testing.T, onlyHTTP1 bool) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA()) {
		t.Fatal("the CA is no PEM")
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: !onlyHTTP1}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

type answer struct {
	*http.Response
	body string
}

func (a answer) member(t *testing.T, names ...string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	for _, n := range names {
		if text, ok := m[n].(string); ok {
			return text
		}
	}
	t.Fatalf("the answer has none of %v: %s", names, a.body)
	return ""
}

func send(t *testing.T, c *http.Client, method, address, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(text)}
}

// request sends what a dialect words.
func request(t *testing.T, c *http.Client, at string, d *dialect.Dialect, call dialect.Call) answer {
	t.Helper()
	r, err := d.Encode(call)
	if err != nil {
		t.Fatal(err)
	}
	var header []string
	for _, p := range r.Header {
		header = append(header, p.Name, p.Value)
	}
	return send(t, c, r.Method, at+r.Path, r.Body, header...)
}

func find(t *testing.T, id string) *dialect.Dialect {
	t.Helper()
	d, ok := dialect.Find(id)
	if !ok {
		t.Fatalf("there is no product %s", id)
	}
	return d
}

var signIn = dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Values: dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"}}

// life obtains, explores, refreshes and logs out at one product, as its own
// clients do.
func life(t *testing.T, c *http.Client, at string, d *dialect.Dialect) {
	t.Helper()
	read := func(a answer, call dialect.Call) dialect.Values {
		t.Helper()
		if a.StatusCode/100 != 2 {
			t.Fatalf("%s: got %s: %s", call.Purpose, a.Status, a.body)
		}
		got := d.Decode(call.Purpose, call.Version, a.StatusCode, []byte(a.body)).Values
		maps.Copy(got, d.DecodeHeader(a.Header))
		return got
	}
	said := read(request(t, c, at, d, signIn), signIn)
	explore := dialect.Call{Purpose: dialect.Explore, Bearer: said[dialect.AccessToken], Values: said}
	who := read(request(t, c, at, d, explore), explore)
	if d.Operation(dialect.WhoAmI) != nil {
		call := dialect.Call{Purpose: dialect.WhoAmI, Bearer: said[dialect.AccessToken]}
		maps.Copy(who, read(request(t, c, at, d, call), call))
	}
	again := dialect.Call{Purpose: dialect.Obtain, Kind: dialect.RefreshGrant, Values: said}
	said = read(request(t, c, at, d, again), again)
	maps.Copy(who, said)
	said = who
	out := dialect.Call{Purpose: dialect.Logout, Bearer: said[dialect.AccessToken], Values: said}
	if a := request(t, c, at, d, out); a.StatusCode/100 != 2 {
		t.Fatalf("log out: got %s: %s", a.Status, a.body)
	}
	explore.Bearer = said[dialect.AccessToken]
	if a := request(t, c, at, d, explore); a.StatusCode != 401 {
		t.Errorf("explore after log-out: got %s, want 401: %s", a.Status, a.body)
	}
}

func TestEveryProductLives(t *testing.T) {
	s := start(t, Config{})
	for _, d := range s.Products() {
		for proto, http1 := range map[string]bool{"HTTP/2.0": false, "HTTP/1.1": true} {
			t.Run(d.ID+" over "+proto, func(t *testing.T) {
				c := s.client(t, http1)
				if got := request(t, c, s.URL(d.ID), d, signIn); got.Proto != proto {
					t.Errorf("got %s, want %s", got.Proto, proto)
				}
				life(t, c, s.URL(d.ID), d)
			})
		}
	}
}

func TestOwnProductsLive(t *testing.T) {
	own, err := dialect.Own(filepath.Join("..", "dialect", "testdata", "own"))
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := dialect.NewCatalog(own...)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(own))
	for i, d := range own {
		ids[i] = d.ID
	}
	s := start(t, Config{Catalog: catalog, Products: ids})
	for _, d := range own {
		t.Run(d.ID, func(t *testing.T) { life(t, s.client(t, false), s.URL(d.ID), d) })
	}
}
