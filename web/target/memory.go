package target

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Memory is an HTTP server without a socket, and the way to it: real HTTP
// bytes flow through pipes inside the process. Connections are kept and used
// again, which a network target's never are; there is nobody to confuse them
// with. Close it when done.
type Memory struct {
	// Log gets what net/http has to say, such as a panic of the handler. Nil
	// means nothing. Set it before the first call.
	Log *slog.Logger

	handler   http.Handler
	start     sync.Once
	server    *http.Server
	transport *http.Transport
	accept    chan net.Conn
	closed    chan struct{}
	close     sync.Once

	mu   sync.Mutex
	idle []*memoryLink
}

// maxIdle bounds the kept connections: more calls than this at once are served
// all the same.
const maxIdle = 64

type memoryLink struct {
	net.Conn
	br *bufio.Reader
}

// NewMemory serves handler. A handler sees the remote address "memory:0" and
// no TLS.
func NewMemory(handler http.Handler) *Memory {
	return &Memory{handler: handler, accept: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *Memory) begin() {
	m.start.Do(func() {
		m.server = &http.Server{Handler: m.handler, MaxHeaderBytes: defaults.Header}
		log := m.Log
		if log == nil {
			log = slog.New(slog.DiscardHandler)
		}
		m.server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelError)
		m.transport = &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return m.dial(ctx) },
			DisableCompression: true, MaxIdleConnsPerHost: maxIdle,
		}
		go func() { _ = m.server.Serve((*memoryListener)(m)) }()
	})
}

// RoundTrip makes Memory an [http.RoundTripper] for any client. The scheme and
// the host of the URL say nothing about the way: all lead to the handler.
func (m *Memory) RoundTrip(req *http.Request) (*http.Response, error) {
	m.begin()
	if req.URL == nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, errors.New("request without a URL")
	}
	select {
	case <-m.closed:
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, net.ErrClosed
	default:
	}
	r := req.WithContext(req.Context())
	u := *req.URL
	u.Scheme = "http"
	r.URL = &u
	resp, err := m.transport.RoundTrip(r)
	if err == nil {
		resp.Request = req
	}
	return resp, err
}

// Close ends the server and every connection. Calls after it fail.
func (m *Memory) Close() error {
	m.close.Do(func() {
		close(m.closed)
		m.start.Do(func() {}) // never started: nothing to end
		m.mu.Lock()
		idle := m.idle
		m.idle = nil
		m.mu.Unlock()
		for _, l := range idle {
			_ = l.Close()
		}
		if m.server != nil {
			_ = m.server.Close()
			m.transport.CloseIdleConnections()
		}
	})
	return nil
}

func (m *Memory) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case m.accept <- memoryConn{server}:
		return client, nil
	case <-m.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *Memory) take() *memoryLink {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.idle)
	if n == 0 {
		return nil
	}
	l := m.idle[n-1]
	m.idle[n-1] = nil
	m.idle = m.idle[:n-1]
	return l
}

func (m *Memory) give(l *memoryLink) {
	m.mu.Lock()
	select {
	case <-m.closed:
	default:
		if len(m.idle) < maxIdle {
			m.idle = append(m.idle, l)
			l = nil
		}
	}
	m.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
}

// carry makes one exchange. A kept connection that the server ended in the
// meantime took nothing, so that one try with a new one is safe.
func (m *Memory) carry(ctx context.Context, limits Limits, wire []byte, ex *Exchange) (Phase, error) {
	m.begin()
	for {
		l := m.take()
		kept := l != nil
		if !kept {
			conn, err := m.dial(ctx)
			if err != nil {
				return PhaseConnect, err
			}
			l = &memoryLink{conn, bufio.NewReader(conn)}
		}
		stop := context.AfterFunc(ctx, func() { _ = l.Close() })
		clean, phase, err := talk(ctx, limits, l, l.br, l.Close, wire, ex)
		if stop() && clean {
			m.give(l)
		} else {
			_ = l.Close()
		}
		if kept && err != nil && phase == PhaseAnswer && len(ex.Sent) == 0 && errors.Is(err, io.EOF) && ctx.Err() == nil {
			continue
		}
		return phase, err
	}
}

// memoryListener hands the server its ends of the pipes.
type memoryListener Memory

func (m *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-m.accept:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memoryListener) Close() error   { return nil }
func (m *memoryListener) Addr() net.Addr { return memoryAddr{} }

// memoryConn gives a pipe an address that net.SplitHostPort can read.
type memoryConn struct{ net.Conn }

func (memoryConn) LocalAddr() net.Addr  { return memoryAddr{} }
func (memoryConn) RemoteAddr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory:0" }
