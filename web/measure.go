package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"time"

	"tokenplayground/web/metrics"
	"tokenplayground/web/session"
)

// meters are what the program counts. They are kept whether or not anybody
// reads them.
type meters struct {
	requests, calls *metrics.Counter
}

func newMeters() *meters {
	return &meters{
		requests: metrics.NewCounter("playground_requests", "Requests by method, route and status", "method", "route", "status"),
		calls:    metrics.NewCounter("playground_target_calls", "Calls to real targets and the sandbox by what came of them", "kind", "outcome"),
	}
}

// methods are those that are told apart; a visitor may send any word.
var methods = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "DELETE": true, "OPTIONS": true, "PATCH": true}

func (m *meters) request(method, route string, status int, took time.Duration) {
	if !methods[method] {
		method = "other"
	}
	m.requests.Add(took, method, route, strconv.Itoa(status))
}

// checkMetrics says whether address is of this machine's own.
func checkMetrics(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !a.Addr().IsLoopback() {
		return fmt.Errorf("--metrics is %.60q; metrics are for this machine only, for example 127.0.0.1:9464", address)
	}
	return nil
}

// serveMetrics answers on a listener of its own, until Close.
func (s *Server) serveMetrics(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Metrics)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another port with --metrics", s.cfg.Metrics, err)
	}
	s.metricsAddr = ln.Addr().String()
	server := &http.Server{Handler: metrics.Handler(s.writeMetrics), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ln) }() // it ends by Close only
	s.close = append(s.close, func() error { err := server.Close(); <-done; return err })
	return nil
}

// MetricsAddress is where metrics are, host:port; empty if nowhere.
func (s *Server) MetricsAddress() string { return s.metricsAddr }

func (s *Server) writeMetrics(w io.Writer) {
	s.meters.requests.Write(w)
	s.meters.calls.Write(w)
	metrics.Gauge(w, "playground_requests_running", "Requests that are under way.", float64(s.visitors.running.Load()))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if n, err := session.Count(ctx, s.store); err == nil {
		metrics.Gauge(w, "playground_sessions", "Sessions in the store, those of all replicas.", float64(n))
	}
	version, language := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, language = info.Main.Version, info.GoVersion
	}
	metrics.Gauge(w, "playground_build_info", "Which build this is.", 1, "version", version, "go", language, "profile", s.cfg.Profile)
	metrics.Process(w)
}
