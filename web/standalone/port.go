package standalone

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/sandbox/control"
)

// port is one listener and the products behind it.
type port struct {
	s        *Server
	products []*dialect.Dialect
	ln       net.Listener
	http     *http.Server
}

// ServeHTTP plays the product that a request means, in the world that its path
// names.
func (p *port) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	world, prefix := "", ""
	if rest, ok := strings.CutPrefix(r.URL.Path, "/w/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		if name == "" || sandbox.CheckWorld(name) != nil {
			http.Error(w, "/w/ and the name of a world lead to it: at most 64 letters, digits, _ and -, then the product's own path.", http.StatusNotFound)
			return
		}
		prefix = "/w/" + name
		if name != control.Shared {
			world = name
		}
	}
	path := strings.TrimPrefix(r.URL.Path, prefix)
	d := p.products[0]
	if len(p.products) > 1 {
		d = p.choose(w, r, path, world)
	}
	if p.parting(r.Context()) {
		w.Header().Set("Connection", "close")
	}
	http.StripPrefix(prefix, p.s.sandbox.Handler(d, world)).ServeHTTP(w, r)
}

// meet is the certificate that a new connection meets: nil for the usual one,
// another while the shared world has that fault armed for a product here. A
// connection is made before any path names a world.
func (p *port) meet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	for _, d := range p.products {
		met, err := p.s.sandbox.TakeConnection(hello.Context(), d, "")
		if err != nil {
			p.s.log.Error("sandbox: the faults of a connection cannot be read; it meets none", "product", d.ID, "err", err)
		}
		if slices.Contains(met, sandbox.CertificateChanged) {
			return p.s.other()
		}
	}
	return nil, nil
}

// otherCertificate is the configuration of a server that was set up anew: an
// authority that nobody trusts vouches for it. Without tickets, since a client
// that resumes a session looks at no certificate.
func otherCertificate(config *tls.Config, names []string, now time.Time) (*tls.Config, error) {
	nobodys, err := newAuthority(names, now)
	if err != nil {
		return nil, err
	}
	cert, err := nobodys.issue(names, now)
	if err != nil {
		return nil, err
	}
	other := config.Clone()
	other.Certificates, other.SessionTicketsDisabled = []tls.Certificate{cert}, true
	return other, nil
}

// parting says that the next connection will meet another certificate, so that
// clients must not keep the one they have.
func (p *port) parting(ctx context.Context) bool {
	w, err := p.s.sandbox.World(ctx, "")
	return err == nil && slices.ContainsFunc(w.Armed, func(a sandbox.Armed) bool {
		return a.Fault == sandbox.CertificateChanged &&
			(a.Product == "" || slices.ContainsFunc(p.products, func(d *dialect.Dialect) bool { return d.ID == a.Product }))
	})
}

// maxBody is more than the sandbox reads of any request.
const maxBody = 128 << 10

// choose tells products on one port apart: by method and path; where two have
// the same token call, by how its body spells the grant field; where they have
// the same protected call, by whose token it carries. A request that fits
// several or none is the first one's to answer.
func (p *port) choose(w http.ResponseWriter, r *http.Request, path, world string) *dialect.Dialect {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var fit, near []*dialect.Dialect
	var ops []*dialect.Operation
	for _, d := range p.products {
		op, _, err := d.Match(method, path)
		var mismatch *dialect.Mismatch
		switch {
		case err == nil:
			fit, ops = append(fit, d), append(ops, op)
		case errors.As(err, &mismatch) && mismatch.Fault == dialect.BadMethod:
			near = append(near, d)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0]
	case len(fit) == 0 && len(near) > 0:
		return near[0]
	case len(fit) == 0:
		return p.products[0]
	}
	if ops[0].Purpose == dialect.Obtain {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			// What could be read is too much for any product.
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
			return fit[0]
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		for i, d := range fit {
			if d.NamesGrant(ops[i], r.Header, body) {
				return d
			}
		}
		return fit[0]
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, d := range fit {
		if _, err := p.s.sandbox.Expiry(r.Context(), d, world, strings.TrimSpace(token)); err == nil {
			return d
		}
	}
	return fit[0]
}

// checkShared names every pair of products on one port that [port.choose]
// could not tell apart.
func (c *Config) checkShared(played []*dialect.Dialect) error {
	var bad []error
	for i, a := range played {
		for _, b := range played[i+1:] {
			if n := c.port(a); n != 0 && n == c.port(b) {
				if call := confused(a, b); call != "" {
					bad = append(bad, fmt.Errorf("port %d is for %s and %s, whose %s cannot be told apart; give one of them another with --ports %s=PORT", n, a.ID, b.ID, call, b.ID))
				}
			}
		}
	}
	return errors.Join(bad...)
}

// confused is a call that two products take alike; empty if there is none.
func confused(a, b *dialect.Dialect) string {
	for i := range a.Operations {
		op := &a.Operations[i]
		for _, pattern := range append([]string{op.Path}, op.Also...) {
			for _, v := range a.Versions.All {
				path := strings.ReplaceAll(pattern, "{version}", v.ID)
				other, _, err := b.Match(op.Method, path)
				if err != nil {
					continue
				}
				both := op.Purpose == dialect.Obtain && other.Purpose == dialect.Obtain
				if both && !strings.EqualFold(op.GrantField.Wire, other.GrantField.Wire) || !op.Anonymous && !other.Anonymous {
					continue
				}
				return op.Method + " " + path
			}
		}
	}
	return ""
}
