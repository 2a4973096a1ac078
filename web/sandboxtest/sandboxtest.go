// Package sandboxtest starts a sandbox for a test of Go code that talks to one
// of the products.
//
//	sb := sandboxtest.Start(t)
//	client := mything.New(sb.URL(id), sb.Client())
//
// Each sandbox has ports, a certificate and worlds of its own, so tests may run
// in parallel, and ends with its test.
package sandboxtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/sandbox/control"
	"tokenplayground/web/standalone"
)

// Sandbox is one that runs. Its methods end the test if they cannot do what
// they are asked.
type Sandbox struct {
	t     testing.TB
	s     *standalone.Server
	world string
	roots *x509.CertPool
}

// Start plays the products with these ids, or all, on free ports of the
// loopback interface until the test ends.
func Start(t testing.TB, products ...string) *Sandbox {
	t.Helper()
	cfg := standalone.Config{Products: products, Ports: map[string]int{}, Control: "127.0.0.1:0"}
	for _, d := range dialect.All() {
		cfg.Ports[d.ID] = 0
	}
	if len(products) > 0 {
		clear(cfg.Ports)
		for _, id := range products {
			cfg.Ports[id] = 0
		}
	}
	s, err := standalone.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("sandboxtest: %v", err)
	}
	ctx, end := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-served; err != nil {
			t.Errorf("sandboxtest: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("sandboxtest: %v", err)
		}
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	return &Sandbox{t: t, s: s, roots: roots}
}

// World is the same sandbox as the world of a name has it: other tokens, other
// faults, another clock. It is a subtest's own if the name is; t is the test
// that its methods end.
func (sb *Sandbox) World(t testing.TB, name string) *Sandbox {
	t.Helper()
	if err := sandbox.CheckWorld(name); err != nil {
		t.Fatalf("sandboxtest: %v", err)
	}
	other := *sb
	other.t, other.world = t, name
	return &other
}

// URL is the address of a product, without a slash at its end.
func (sb *Sandbox) URL(product string) string {
	sb.t.Helper()
	at := sb.s.URL(product)
	if at == "" {
		sb.t.Fatalf("sandboxtest: the product %q is not played", product)
	}
	if sb.world != "" {
		at += "/w/" + sb.world
	}
	return at
}

// Client trusts the sandbox and speaks HTTP/2. Each call returns a new one, with
// connections of its own.
func (sb *Sandbox) Client() *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: sb.roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	sb.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// CA is the certificate to trust, as PEM, for clients that take it from a file.
func (sb *Sandbox) CA() []byte { return sb.s.CA() }

// ControlURL is the address of the control API, without a slash at its end, for
// what has no method here.
func (sb *Sandbox) ControlURL() string { return sb.s.ControlURL() }

// Advance moves the clock on, or back if d is negative.
func (sb *Sandbox) Advance(d time.Duration) {
	sb.t.Helper()
	if err := sb.s.Sandbox().Advance(context.Background(), sb.world, d); err != nil {
		sb.t.Fatalf("sandboxtest: %v", err)
	}
}

// Now is the time that the sandbox's clock shows.
func (sb *Sandbox) Now() time.Time { return sb.s.Sandbox().Clock(context.Background(), sb.world) }

// Fault arms one for the next calls of a product that it fits, so many times;
// 0 means until [Sandbox.Reset]. An empty product means all. What was armed
// before stays. Package sandbox lists the faults.
func (sb *Sandbox) Fault(product, fault string, times int) {
	sb.t.Helper()
	w, err := sb.s.Sandbox().World(context.Background(), sb.world)
	if err == nil {
		armed := append(w.Armed, sandbox.Armed{Fault: fault, Product: product, Times: times})
		_, err = sb.s.Sandbox().Set(context.Background(), sb.world, sandbox.Setting{Armed: &armed})
	}
	if err != nil {
		sb.t.Fatalf("sandboxtest: %v", err)
	}
}

// Set changes how the world behaves; see [sandbox.Setting].
func (sb *Sandbox) Set(s sandbox.Setting) {
	sb.t.Helper()
	if _, err := sb.s.Sandbox().Set(context.Background(), sb.world, s); err != nil {
		sb.t.Fatalf("sandboxtest: %v", err)
	}
}

// Reset brings back the real time, without faults, and ends all tokens.
func (sb *Sandbox) Reset() {
	sb.t.Helper()
	if err := sb.s.Sandbox().Reset(context.Background(), sb.world); err != nil {
		sb.t.Fatalf("sandboxtest: %v", err)
	}
}

// Calls are those that came to this world, the oldest first, at most the last
// 1,000 of all worlds.
func (sb *Sandbox) Calls() []control.Call {
	calls, _, _ := sb.s.Calls().After(0, func(e sandbox.Entry) bool { return e.World == sb.world })
	return calls
}
