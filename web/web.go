// Package web puts the program together: configuration, stores, sessions, the
// sandbox, the guard of outgoing calls, and every route with what stands
// before it.
package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/handlers"
	"tokenplayground/static"
	"tokenplayground/templates"
	"tokenplayground/web/certificate"
	"tokenplayground/web/limit"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/sandbox/control"
	"tokenplayground/web/secret"
	"tokenplayground/web/session"
	"tokenplayground/web/store"
	"tokenplayground/web/store/boltstore"
	"tokenplayground/web/store/redisstore"
	"tokenplayground/web/target"
)

// Server is the whole application, ready to listen.
type Server struct {
	cfg     Config
	log     *slog.Logger
	echo    *echo.Echo
	pages   *handlers.Playground
	sandbox *sandbox.Server
	worlds  http.Handler // the control API of worlds that have a name
	store   store.Store
	note    string
	// ending says that Serve has been told to end.
	ending    atomic.Bool
	readiness readiness
	visitors  *visitors
	meters    *meters
	// metricsAddr is where metrics are; empty if nowhere.
	metricsAddr string
	close       []func() error
	handler     http.Handler
	hosts       map[string]bool
	cookie      string // name of the session's
	ln          net.Listener
	http        *http.Server
	url         string
	// fingerprint is the SHA-256 of our own certificate, in hex; empty without
	// TLS.
	fingerprint string
}

// Open makes the server and takes its port, so that a port that is taken is an
// error at once. cfg must have passed [Config.Validate]. Call Close in the end.
func Open(ctx context.Context, cfg Config) (s *Server, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s = &Server{cfg: cfg, log: cfg.Log, meters: newMeters()}
	defer func() {
		if err != nil {
			_ = s.Close() // the first error is the one to show
		}
	}()

	s.ln, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return s, fmt.Errorf("cannot listen on %s: %w; is another playground running? choose another port with --listen", cfg.Listen, err)
	}
	if cfg.Visitors.Connections > 0 {
		s.ln = limit.Listener(s.ln, cfg.Visitors.Connections)
	}
	scheme := "http"
	if cfg.Profile == Class && (cfg.public == nil || cfg.public.Scheme == "https") {
		if err := s.speakTLS(); err != nil {
			return s, err
		}
		scheme = "https"
	}
	s.url = s.address(scheme)
	s.hosts = s.names()

	keys, err := s.openStore() //nolint:contextcheck // a store outlives the start; its check has a limit of its own
	if err != nil {
		return s, err
	}
	if s.sandbox, err = sandbox.New(sandbox.Config{Store: s.store, Root: keys.Lasting(session.LabelSandbox), Products: cfg.products, Now: cfg.Now, Log: s.log}); err != nil {
		return s, err
	}
	s.close = append(s.close, func() error { s.sandbox.Close(); return nil })
	var played []control.Product
	for _, d := range cfg.products.All() {
		played = append(played, control.Product{Dialect: d})
	}
	// A world that somebody makes up is a record in the store, so who changes
	// one keeps to the pace of the pages.
	s.worlds = s.paced(control.Worlds(control.Config{Sandbox: s.sandbox, Products: played, Now: cfg.Now, Log: s.log}))
	// Sessions do not end with their tokens: a person who comes back to tokens
	// that are over should be told so, and see the history that explains it.
	sessions, err := session.New(session.Config{Store: s.store, Keyring: keys, Secure: strings.HasPrefix(s.url, "https:"), Most: cfg.Sessions, Now: cfg.Now, Log: s.log})
	if err != nil {
		return s, err
	}
	s.close = append(s.close, sessions.Close)
	if cfg.Keyring != "" {
		s.background(func(ctx context.Context) { sessions.Follow(ctx, cfg.Keyring, cfg.LookAgain) }) //nolint:contextcheck // it lives as long as the server
	}
	s.cookie = sessions.CookieName()
	trust := target.TrustVisitors
	if cfg.Profile != Local {
		trust = target.TrustOperator
	}
	client := &target.Client{
		Policy: target.Policy{Mode: cfg.mode, Listed: cfg.listed, Own: s.own(ctx)},
		Trust:  trust, Limits: cfg.Limits, Now: cfg.Now, Log: slog.New(traced{s.log.Handler(), keys.Derive(labelLog)}),
	}
	var shared *limit.Shared
	if _, replicas := s.store.(*redisstore.Store); replicas {
		shared = &limit.Shared{Store: s.store, Secret: keys.Lasting(labelLimit), Now: cfg.Now, Log: s.log}
	}
	s.pages = handlers.New(handlers.Config{
		Products: cfg.products, Sessions: sessions, Sandbox: s.sandbox,
		Client:   &caller{client: client, gate: &limit.Gate{All: cfg.Visitors.Calls, Each: cfg.Visitors.CallsEach}, turn: cfg.Visitors.Turn, calls: s.meters.calls},
		Failures: limit.NewBudget(cfg.Visitors.Failures, cfg.Visitors.FailuresWithin, cfg.Now, shared),
		Masker:   secret.NewMasker(keys.Lasting(session.LabelMask)), Targets: cfg.listed,
		Own: cfg.mode == target.Open, Trust: cfg.Profile == Local, Reveal: cfg.Profile == Local,
		Profile: cfg.Profile, Egress: cfg.mode.String(), PublicURL: publicURL(cfg.public),
		Assets: templates.Assets{CSS: static.URL("app.css"), Script: static.URL("app.js"), Htmx: static.URL("htmx.min.js"), Icon: static.URL("favicon.svg")},
		Now:    cfg.Now, Log: s.log, Ready: s.ready,
	})
	s.echo = echo.New()
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = s.handleError
	s.visitors = newVisitors(&cfg, shared)
	s.echo.IPExtractor = s.visitors.address
	s.mount()

	pages := s.hosted(s.guarded(s.paced(limited(compressed(s.echo)))))
	play := s.hosted(limited(http.HandlerFunc(s.playSandbox)))
	s.handler = identified(s.logged(s.hardened(s.recovered(s.bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/sandbox/") {
			play.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}))))))
	s.http = &http.Server{
		Handler: s.handler, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		// Longer than a call to a target may take.
		WriteTimeout: 45 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(s.sandbox.Release)
	if cfg.Metrics != "" {
		return s, s.serveMetrics(ctx)
	}
	return s, nil
}

func publicURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}

// background runs fn until Close, which waits for it.
func (s *Server) background(fn func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); fn(ctx) }()
	s.close = append(s.close, func() error { cancel(); <-done; return nil })
}

// openStore opens store and keyring.
func (s *Server) openStore() (*session.Keyring, error) {
	opened, err := openStore(&s.cfg, s.log)
	if err != nil {
		return nil, err
	}
	s.store = opened
	if c, ok := opened.(io.Closer); ok {
		s.close = append(s.close, c.Close)
	}
	switch st := opened.(type) {
	case *boltstore.Store:
		s.note = st.Note()
	case *redisstore.Store:
		s.background(func(ctx context.Context) { warnOfEviction(ctx, st, s.log) })
	}
	if s.cfg.Keyring == "" {
		return session.GenerateKeyring(rand.Reader)
	}
	if _, shared := opened.(*redisstore.Store); !shared {
		keys, _, err := session.LoadOrCreateKeyring(s.cfg.Keyring, rand.Reader)
		return keys, err
	}
	keys, err := session.LoadKeyring(s.cfg.Keyring)
	if errors.Is(err, session.ErrNoKeyring) {
		return nil, fmt.Errorf("%w; replicas must share one: make it once with playground keys add --keyring %s, and copy it to all", err, s.cfg.Keyring)
	}
	return keys, err
}

// openStore opens the store that cfg names.
func openStore(cfg *Config, log *slog.Logger) (store.Store, error) {
	switch kind, rest, _ := strings.Cut(cfg.Store, ":"); kind {
	case "memory":
		return store.NewMemory(cfg.Now), nil
	case "bolt":
		return boltstore.Open(rest, boltstore.Options{Now: cfg.Now, Log: log, CheckArgs: cfg.CheckArgs})
	}
	return redisstore.Open(cfg.Store, redisstore.Options{Log: log})
}

const (
	// policyAgain is how long a Redis that does not answer is left alone
	// before it is asked for its policy again.
	policyAgain = 5 * time.Second
	// policyTries is how often that is done: a Redis whose user may not ask
	// answers like one that is not there.
	policyTries = 24
)

// warnOfEviction says once if Redis would drop sessions when it is full.
func warnOfEviction(ctx context.Context, r *redisstore.Store, log *slog.Logger) {
	const remedy = "set maxmemory-policy noeviction in Redis"
	again := time.NewTicker(policyAgain)
	defer again.Stop()
	var policy string
	var err error
	for range policyTries {
		if policy, err = r.Policy(ctx); err == nil {
			if policy != redisstore.NoEviction {
				log.Warn("Redis drops sessions without a word when its memory is full", "policy", policy, "remedy", remedy)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
	log.Warn("Redis does not say what it does when its memory is full", "error", err, "remedy", remedy+", or let the user of --store call INFO")
}

// Note tells what an operator should know about how the store was opened:
// that it was damaged, is empty now, and where the damaged file is. It is
// empty if there is nothing to tell.
func (s *Server) Note() string { return s.note }

// readyFor is how long an answer of the store counts, so that whoever asks
// often does not become its load.
const readyFor = time.Second

// readiness is what the store answered last.
type readiness struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// ready asks the store for something that is not there, at most once a second.
func (s *Server) ready(ctx context.Context) error {
	if s.ending.Load() {
		return &handlers.Problem{Kind: "stopping", Status: http.StatusServiceUnavailable, Title: "This playground is about to stop",
			Detail: "It finishes what it has begun. Another one may be ready in a few seconds."}
	}
	r := &s.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	now := s.cfg.Now()
	if age := now.Sub(r.at); !r.at.IsZero() && age >= 0 && age < readyFor {
		return r.err
	}
	// The answer is everybody's, so one who goes away does not end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _, err := s.store.Get(ctx, "ready")
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	r.at, r.err = now, err
	return err
}

// address is what a person on this machine opens.
func (s *Server) address(scheme string) string {
	if s.cfg.public != nil {
		return s.cfg.public.String()
	}
	addr := s.ln.Addr().(*net.TCPAddr)
	host, port := addr.IP.String(), fmt.Sprint(addr.Port)
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// names are the hosts that requests may name: this machine's own, the public
// one, and, in a class room, this machine's name and addresses.
func (s *Server) names() map[string]bool {
	names := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	if s.cfg.public != nil {
		names[strings.ToLower(s.cfg.public.Hostname())] = true
	}
	if host, _, err := net.SplitHostPort(s.cfg.Listen); err == nil && host != "" {
		names[strings.ToLower(host)] = true
	}
	if s.cfg.Profile == Class {
		for _, n := range append(certificate.HostNames(), certificate.Addresses()...) {
			names[n] = true
		}
	}
	return names
}

// own are the addresses that no target may lead back to.
func (s *Server) own(ctx context.Context) []netip.AddrPort {
	var out []netip.AddrPort
	if a, err := netip.ParseAddrPort(s.ln.Addr().String()); err == nil {
		out = append(out, a)
	}
	if u, err := url.Parse(s.cfg.Store); err == nil && strings.HasPrefix(u.Scheme, "redis") {
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		addrs, _ := net.DefaultResolver.LookupHost(ctx, u.Hostname()) // unknown now is unreachable then
		for _, a := range addrs {
			if ap, err := netip.ParseAddrPort(net.JoinHostPort(a, port)); err == nil {
				out = append(out, ap)
			}
		}
	}
	return out
}

// ServeHTTP answers one request, without the listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// URL is the address to open.
func (s *Server) URL() string { return s.url }

// Fingerprint is the SHA-256 of the server's own certificate in hexadecimal
// digits, for people to compare; empty without TLS.
func (s *Server) Fingerprint() string { return s.fingerprint }

// endLimit is how long requests may go on after the listener has closed: a
// call to a target, its wait for a turn, and the save.
const endLimit = 25 * time.Second

// Serve answers requests until ctx ends. Then /readyz says so at once, the
// listener closes after Config.Drain, and requests that run may finish within
// 25 seconds more.
func (s *Server) Serve(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.http.Serve(s.ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	s.ending.Store(true)
	s.http.SetKeepAlivesEnabled(false) // so that connections go elsewhere
	if s.cfg.Drain > 0 {
		wait := time.NewTimer(s.cfg.Drain)
		defer wait.Stop()
		select {
		case err := <-done:
			return err
		case <-wait.C:
		}
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil {
		return fmt.Errorf("some requests did not end in time: %w", err)
	}
	return nil
}

// Close frees what Open took. Serve must have returned.
func (s *Server) Close() error {
	var errs []error
	if s.ln != nil {
		if err := s.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for i := len(s.close) - 1; i >= 0; i-- {
		errs = append(errs, s.close[i]())
	}
	return errors.Join(errs...)
}
