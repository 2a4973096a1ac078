// Package standalone runs the sandbox by itself, as a test double: every
// product over TLS on its own port, with a certificate of the sandbox's own
// authority, and a control API beside them.
package standalone

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tokenplayground/openapi"
	"tokenplayground/web/certificate"
	"tokenplayground/web/dialect"
	"tokenplayground/web/limit"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/sandbox/control"
	"tokenplayground/web/session"
	"tokenplayground/web/store"
	"tokenplayground/web/store/boltstore"
	"tokenplayground/web/wholefile"
)

const (
	// connections of one port at once; more wait.
	connections = 1024
	// writeLimit is more than the longest that a fault makes a client wait.
	writeLimit = 90 * time.Second
	// endLimit is how long requests may go on after the end has begun. Those
	// that hang on purpose are cut off.
	endLimit = 3 * time.Second
)

// Server is a sandbox that listens.
type Server struct {
	cfg     Config
	log     *slog.Logger
	played  []*dialect.Dialect
	sandbox *sandbox.Server
	ca      *authority
	calls   *control.Calls
	other   func() (*tls.Config, error) // see otherCertificate
	ports   []*port
	urls    map[string]string
	control struct {
		ln   net.Listener
		http *http.Server
		url  string
	}
	note   string
	ending atomic.Bool
	close  []func() error
}

// Open takes all ports and writes the certificate of the authority. The error
// holds everything that stands in the way at once: each port that is taken or
// needs rights, each file that cannot be written. Connections wait until
// [Server.Serve] runs. Call Close in the end.
func Open(ctx context.Context, cfg Config) (s *Server, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s = &Server{cfg: cfg, log: cfg.Log, played: cfg.played(), urls: map[string]string{}}
	defer func() {
		if err != nil {
			_ = s.Close() // the first error is the one to show
			s = nil
		}
	}()
	listening := s.listen(ctx)
	names := s.names()
	var caErr error
	if listening == nil {
		// Not before the ports are ours: another sandbox may be running, and
		// its clients trust this file.
		s.ca, caErr = openAuthority(cfg.CA, cfg.CAKey, names, cfg.Now())
	}
	if err := errors.Join(listening, caErr); err != nil {
		return s, err
	}
	cert, err := s.ca.issue(names, cfg.Now())
	if err != nil {
		return s, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	s.other = sync.OnceValues(func() (*tls.Config, error) { return otherCertificate(config, names, cfg.Now()) })

	s.calls = control.NewCalls()
	if err := s.play(s.calls.Add); err != nil { //nolint:contextcheck // a store outlives the start
		return s, err
	}
	var products []control.Product
	for _, d := range s.played {
		products = append(products, control.Product{Dialect: d, URL: s.urls[d.ID]})
	}
	s.control.http = s.server(control.New(control.Config{
		Sandbox: s.sandbox, Products: products, Calls: s.calls, Describe: openapi.Product, CA: s.CA(), Now: cfg.Now, Log: s.log,
		Ready: func(ctx context.Context) error {
			if s.ending.Load() {
				return errors.New("the sandbox is about to stop")
			}
			return s.sandbox.Ready(ctx)
		},
	}))
	for _, p := range s.ports {
		p.http = s.server(p)
		p.http.TLSConfig = config.Clone()
		p.http.TLSConfig.GetConfigForClient = p.meet
	}
	if cfg.ReadyFile != "" {
		return s, s.writeReady()
	}
	return s, nil
}

// listen takes every port. Products that share one share its listener.
func (s *Server) listen(ctx context.Context) error {
	var all []*port
	shared := map[int]*port{}
	for _, d := range s.played {
		n := s.cfg.port(d)
		p := shared[n]
		if p == nil || n == 0 {
			p = &port{s: s}
			shared[n], all = p, append(all, p)
		}
		p.products = append(p.products, d)
	}
	var bad []error
	var lc net.ListenConfig
	for _, p := range all {
		n := s.cfg.port(p.products[0])
		ln, err := lc.Listen(ctx, "tcp", net.JoinHostPort(s.cfg.host(), strconv.Itoa(n)))
		if err != nil {
			bad = append(bad, cannotListen(p.products, n, err))
			continue
		}
		p.ln = limit.Listener(ln, connections)
		s.ports = append(s.ports, p)
		for _, d := range p.products {
			s.urls[d.ID] = "https://" + s.address(p.ln)
		}
	}
	ln, err := lc.Listen(ctx, "tcp", s.cfg.control())
	if err != nil {
		return errors.Join(append(bad, fmt.Errorf("the control API cannot listen: %w; is another sandbox running? choose another port with --control 127.0.0.1:0", err))...)
	}
	s.control.ln = limit.Listener(ln, connections)
	s.control.url = "http://" + ln.Addr().String()
	return errors.Join(bad...)
}

func cannotListen(products []*dialect.Dialect, port int, err error) error {
	ids := idsOf(products)
	instead := func(port string) string {
		var flags []string
		for _, d := range products {
			flags = append(flags, d.ID+"="+port)
		}
		return "--ports " + strings.Join(flags, ",")
	}
	switch {
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %w; ports this low need rights here: choose another with %s, or any free one with %s", ids, err, instead(strconv.Itoa(8000+port)), instead("0"))
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %w; is another sandbox running? end what listens there, choose another port with %s, or any free one with %s", ids, err, instead(strconv.Itoa(otherPort(port))), instead("0"))
	}
	return fmt.Errorf("%s: %w; choose the address with --host and the port with %s", ids, err, instead("PORT"))
}

func otherPort(port int) int {
	if port < 50000 {
		return port + 10000
	}
	return port - 10000
}

// address is where a client on this machine finds a listener.
func (s *Server) address(ln net.Listener) string {
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return ln.Addr().String()
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// names are what the certificate is good for.
func (s *Server) names() []string {
	names := certificate.HostNames()
	add := func(n string) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if addr, err := netip.ParseAddr(s.cfg.host()); err == nil && !addr.IsUnspecified() {
		add(addr.String())
	} else {
		names = append(names, certificate.Addresses()...)
	}
	for _, n := range s.cfg.Names {
		add(strings.ToLower(n))
	}
	return names
}

// play opens the store and begins the sandbox over it.
func (s *Server) play(journal func(sandbox.Entry)) error {
	root := make([]byte, 32)
	var kept store.Store
	if path, ok := strings.CutPrefix(s.cfg.Store, "bolt:"); ok {
		file, err := boltstore.Open(path, boltstore.Options{Now: s.cfg.Now, Log: s.log, CheckArgs: s.cfg.CheckArgs})
		if err != nil {
			return fmt.Errorf("--store: %w", err)
		}
		s.close, s.note, kept = append(s.close, file.Close), file.Note(), file
		keys, _, err := session.LoadOrCreateKeyring(filepath.Join(filepath.Dir(path), "keyring"), rand.Reader)
		if err != nil {
			return err
		}
		root = keys.Lasting(session.LabelSandbox)
	} else {
		if _, err := rand.Read(root); err != nil {
			return err
		}
		kept = store.NewMemory(s.cfg.Now)
	}
	var err error
	s.sandbox, err = sandbox.New(sandbox.Config{Store: kept, Root: root, Products: s.cfg.Catalog, Now: s.cfg.Now, Log: s.log, Strict: s.cfg.Strict, Journal: journal})
	if err == nil {
		s.close = append(s.close, func() error { s.sandbox.Close(); return nil })
	}
	return err
}

func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, MaxHeaderBytes: 32 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: writeLimit, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) writeReady() error {
	ca := s.cfg.CA
	if full, err := filepath.Abs(ca); ca != "" && err == nil {
		ca = full
	}
	text, err := json.MarshalIndent(Ready{Control: s.control.url, CA: ca, Products: s.urls}, "", "  ")
	if err != nil {
		return err
	}
	if err := wholefile.Replace(s.cfg.ReadyFile, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("the ready file cannot be written: %w; name another with --ready-file", err)
	}
	s.close = append(s.close, func() error { return os.Remove(s.cfg.ReadyFile) })
	return nil
}

// Products are those that are played, in the order of the catalog.
func (s *Server) Products() []*dialect.Dialect { return slices.Clone(s.played) }

// URL is the address of a product, without a slash at its end; empty if it is
// not played.
func (s *Server) URL(id string) string { return s.urls[id] }

// ControlURL is the address of the control API, without a slash at its end.
func (s *Server) ControlURL() string { return s.control.url }

// CA is the certificate that clients must trust, as PEM.
func (s *Server) CA() []byte { return s.ca.pem() }

// Sandbox is what the ports play.
func (s *Server) Sandbox() *sandbox.Server { return s.sandbox }

// Calls is the journal of those that came.
func (s *Server) Calls() *control.Calls { return s.calls }

// Note tells what an operator should know about how the store was opened;
// empty if there is nothing to tell.
func (s *Server) Note() string { return s.note }

// Serve answers until ctx ends. Then the listeners close, and requests that run
// may finish within seconds.
func (s *Server) Serve(ctx context.Context) error {
	type running struct {
		http *http.Server
		run  func() error
	}
	all := []running{{s.control.http, func() error { return s.control.http.Serve(s.control.ln) }}}
	for _, p := range s.ports {
		all = append(all, running{p.http, func() error { return p.http.ServeTLS(p.ln, "", "") }})
	}
	failed := make(chan error, len(all))
	var wg sync.WaitGroup
	for _, r := range all {
		wg.Go(func() {
			if err := r.run(); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.ending.Store(true)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	for _, r := range all {
		wg.Go(func() {
			if r.http.Shutdown(grace) != nil {
				_ = r.http.Close() // what hangs on purpose has had its time
			}
		})
	}
	wg.Wait()
	return err
}

// Close frees what Open took. Serve must have returned.
func (s *Server) Close() error {
	var errs []error
	listeners := []net.Listener{s.control.ln}
	for _, p := range s.ports {
		listeners = append(listeners, p.ln)
	}
	for _, ln := range listeners {
		if ln == nil {
			continue
		}
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for i := len(s.close) - 1; i >= 0; i-- {
		errs = append(errs, s.close[i]())
	}
	return errors.Join(errs...)
}

// Print writes one line for each product, and the ready line behind them.
func (s *Server) Print(w io.Writer) error {
	var b strings.Builder
	for _, d := range s.played {
		fmt.Fprintf(&b, "%-8s %-25s %s\n", d.ID, s.urls[d.ID], d.Name)
	}
	if s.note != "" {
		b.WriteString(s.note + "\n")
	}
	fmt.Fprintf(&b, "Sandbox is ready: control API %s, CA certificate %s\n", s.control.url, s.cfg.CA)
	_, err := io.WriteString(w, b.String())
	return err
}
