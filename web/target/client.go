package target

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Client makes calls. The zero value is ready: it reaches the sandbox only,
// with the default limits. It may be used by many at once and holds no
// connection of its own.
type Client struct {
	Policy Policy
	// Trust says whether visitors may trust certificates.
	Trust Trust
	// Limits of every call.
	Limits Limits
	// Now dates exchanges and decides whether certificates are in time. Nil
	// means time.Now. Durations are measured, not taken from it.
	Now func() time.Time
	// Log gets one line for each call, without secrets. Nil means none.
	Log *slog.Logger
	// UserAgent is sent where the request has none; "token-playground" by
	// default.
	UserAgent string
	// Lookup finds the addresses of a name. Nil means the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	// pinnedKeys holds the key pins of pinned leaves that were seen, by the
	// leaf's SHA-256: no more than the operator pinned.
	pinnedKeys sync.Map
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Do sends req to t and returns what went to and fro. trusted is the leaf that
// this visitor trusts for t's host and port, if there is one. The body of req
// is read whole before anything is dialled.
//
// Host, path and headers come from req; on the network its URL must name t.
// For a target with Via the URL is only what is shown.
//
// The exchange is never nil. The error is a *[Failure], and then the exchange
// holds as much as happened. A refusal by the target, whatever its status, is
// no error.
func (c *Client) Do(ctx context.Context, t Target, trusted Leaf, req *http.Request) (*Exchange, error) {
	limits := c.Limits.orDefaults()
	begun := time.Now()
	ex := &Exchange{Started: c.now(), Method: req.Method, Proto: "HTTP/1.1"}
	if ex.Method == "" {
		ex.Method = http.MethodGet
	}
	if req.Body != nil {
		defer req.Body.Close()
	}
	if req.URL != nil {
		ex.URL = req.URL.Redacted()
	}
	ctx, cancel := context.WithTimeout(ctx, limits.Whole)
	defer cancel()

	var f *Failure
	if l, ok := c.Policy.listed(t); ok && t.Via == nil {
		t.CA, t.Pin = l.CA, l.Pin
	}
	if err := c.Policy.Allow(t); err != nil {
		f = failure(ctx, t, PhaseResolve, err)
	} else if wire, err := c.render(t, req, limits); err != nil {
		f = &Failure{Kind: BadRequest, Phase: PhaseResolve, Address: t.Address(), Err: err,
			Sentence: "this request cannot be sent: " + err.Error(), Remedy: "correct it and send it again"}
	} else if phase, err := c.carry(ctx, limits, t, trusted, req, wire, ex); err != nil {
		f = failure(ctx, t, phase, err)
	}
	ex.Took = time.Since(begun)
	ex.Timing.Total = ex.Took
	c.report(ctx, t, ex, f)
	if f != nil {
		return ex, f
	}
	return ex, nil
}

// report writes the line that tells an operator who was called and why not.
func (c *Client) report(ctx context.Context, t Target, ex *Exchange, f *Failure) {
	if c.Log == nil {
		return
	}
	decision, rule, kind := "allowed", c.Policy.Mode.String(), ""
	if t.Via != nil {
		rule = "in-process"
	}
	if f != nil {
		kind = string(f.Kind)
		if f.Kind == RefusedByPolicy {
			decision, rule = "refused", f.Rule
		}
	}
	c.Log.LogAttrs(ctx, slog.LevelInfo, "target call",
		slog.String("product", t.Product), slog.String("host", t.Host), slog.Int("port", t.Port),
		slog.String("decision", decision), slog.String("rule", rule), slog.String("failure", kind),
		slog.Int("status", ex.Status), slog.Int("sent_bytes", len(ex.Sent)), slog.Int("body_bytes", len(ex.Body)),
		slog.Duration("took", ex.Took))
}

// carry picks the way: in process by real bytes, in process by a strange
// RoundTripper, or the network. The phase is the one that err happened in.
func (c *Client) carry(ctx context.Context, limits Limits, t Target, trusted Leaf, req *http.Request, wire []byte, ex *Exchange) (Phase, error) {
	switch via := t.Via.(type) {
	case *Memory:
		return via.carry(ctx, limits, wire, ex)
	case nil:
		return c.network(ctx, limits, t, trusted, wire, ex)
	default:
		ex.setSent(wire)
		return strange(ctx, via, limits, req, wire, ex)
	}
}

// strange uses a RoundTripper that shows no bytes. Sent is what would be on
// the wire.
func strange(ctx context.Context, via http.RoundTripper, limits Limits, req *http.Request, wire []byte, ex *Exchange) (Phase, error) {
	r := req.Clone(ctx)
	_, body, _ := bytes.Cut(wire, []byte("\r\n\r\n"))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	begun := time.Now()
	resp, err := via.RoundTrip(r)
	ex.Timing.FirstByte = time.Since(begun)
	if err != nil {
		return PhaseAnswer, err
	}
	defer resp.Body.Close()
	ex.setResponse(resp)
	return PhaseRead, ex.readBody(resp.Body, resp.Header.Get("Content-Encoding"), limits.Body)
}

func (c *Client) network(ctx context.Context, limits Limits, t Target, trusted Leaf, wire []byte, ex *Exchange) (Phase, error) {
	raw, phase, err := c.dial(ctx, limits, t, ex)
	if err != nil {
		return phase, err
	}
	// Only the bare connection is closed: the farewell of TLS could wait for
	// a peer that no longer reads.
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()

	begun := time.Now()
	hctx, cancel := context.WithTimeout(ctx, limits.TLS)
	defer cancel()
	conn := tls.Client(raw, c.tlsConfig(t, trusted, &ex.Certificate))
	err = conn.HandshakeContext(hctx)
	ex.Timing.TLS = time.Since(begun)
	if err != nil {
		return PhaseTLS, err
	}
	_, phase, err = talk(ctx, limits, conn, bufio.NewReader(conn), raw.Close, wire, ex)
	return phase, err
}

// maxAddresses of one name are tried; a name with more is hostile or has
// enough with these.
const maxAddresses = 8

// dial looks the name up once and connects to the first of its addresses that
// both the policy and the network allow. The policy is asked by the dialer
// about the address that the socket is about to be connected to.
func (c *Client) dial(ctx context.Context, limits Limits, t Target, ex *Exchange) (net.Conn, Phase, error) {
	ctx, cancel := context.WithTimeout(ctx, limits.Dial)
	defer cancel()

	begun := time.Now()
	addrs, err := c.lookup(ctx, t.Host)
	ex.Timing.Resolve = time.Since(begun)
	if err != nil {
		return nil, PhaseResolve, err
	}
	if len(addrs) == 0 {
		return nil, PhaseResolve, &net.DNSError{Err: "no address", Name: t.Host, IsNotFound: true}
	}
	addrs = addrs[:min(len(addrs), maxAddresses)]

	begun = time.Now()
	defer func() { ex.Timing.Connect = time.Since(begun) }()
	dialer := net.Dialer{
		KeepAlive: -1,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return c.Policy.Check(t, at)
		},
	}
	var refused, failed error
	for i, a := range addrs {
		// Each address gets a fair share of what is left, so that a silent one
		// does not use up the time of a good one.
		deadline, _ := ctx.Deadline()
		share := time.Until(deadline) / time.Duration(len(addrs)-i)
		actx, cancel := context.WithTimeout(ctx, share)
		conn, err := dialer.DialContext(actx, "tcp", netip.AddrPortFrom(a, uint16(t.Port)).String())
		cancel()
		if err == nil {
			return conn, PhaseConnect, nil
		}
		var f *Failure
		switch {
		case errors.As(err, &f):
			refused = f
		case failed == nil:
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	// A machine that was really tried says more than a rule about another.
	if failed != nil {
		return nil, PhaseConnect, failed
	}
	return nil, PhaseConnect, refused
}

func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if c.Lookup != nil {
		return c.Lookup(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// written is how sending ended.
type written struct {
	n   int
	err error
}

// talk sends wire over conn and reads one answer into ex. It writes and reads
// at the same time, because a server may answer, and stop reading, before it
// has everything. clean says that the connection could carry another exchange.
//
// cut must end every operation of conn at once; the caller calls it too when
// ctx ends.
func talk(ctx context.Context, limits Limits, conn net.Conn, br *bufio.Reader, cut func() error, wire []byte, ex *Exchange) (clean bool, phase Phase, err error) {
	begun := time.Now()
	sending := make(chan written, 1)
	go func() {
		n, err := conn.Write(wire)
		sending <- written{n, err}
	}()
	defer func() {
		if clean {
			// The server took the whole request, or it would have said that
			// it closes.
			select {
			case w := <-sending:
				ex.setSent(wire[:w.n])
				clean = w.err == nil
				return
			case <-ctx.Done():
				clean = false
			}
		}
		_ = cut()
		w := <-sending
		ex.setSent(wire[:w.n])
	}()

	// A deadline fails to be set only on a connection that has ended, and a
	// pipe can have ended while its last bytes are still in br: reading tells.
	_ = conn.SetReadDeadline(begun.Add(limits.FirstByte))
	_, err = br.Peek(1)
	ex.Timing.FirstByte = time.Since(begun)
	if err != nil {
		return false, PhaseAnswer, err
	}
	_ = conn.SetReadDeadline(time.Time{})

	budget := limits.Header
	var raw []byte
	for {
		raw, err = readHead(br, &budget)
		if err != nil {
			return false, PhaseRead, err
		}
		if !interim(raw) {
			break
		}
	}
	ex.setHead(raw)
	rest := bufio.NewReader(io.MultiReader(bytes.NewReader(raw), br))
	// The body is never closed: closing would read an endless one to its end.
	// The connection is closed instead.
	resp, err := http.ReadResponse(rest, &http.Request{Method: ex.Method}) //nolint:bodyclose // see above
	if err != nil {
		return false, PhaseRead, &notHTTP{first: raw[:min(len(raw), maxQuoted+1)]}
	}
	err = ex.readBody(resp.Body, strings.Join(resp.Header.Values("Content-Encoding"), ", "), limits.Body)
	clean = err == nil && !ex.Truncated && !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols &&
		rest.Buffered() == 0 && br.Buffered() == 0
	return clean, PhaseRead, err
}

// render turns req into the bytes for the wire, or says why it cannot be sent.
// Errors never repeat a value: it may be a secret.
func (c *Client) render(t Target, req *http.Request, limits Limits) ([]byte, error) {
	switch {
	case req.URL == nil || req.URL.Host == "":
		return nil, errors.New("it has no URL")
	case req.URL.User != nil:
		return nil, errors.New("its URL carries a user name")
	case req.Method != "" && !isToken(req.Method):
		return nil, errors.New("its method is no HTTP word")
	}
	// What the standard library cannot write as a host it leaves empty.
	for _, h := range []string{req.URL.Host, req.Host} {
		if _, _, err := ParseAddress(h, 443); err != nil && h != "" {
			return nil, errors.New("its host is not valid")
		}
	}
	if t.Via == nil {
		host, port, err := ParseAddress(req.URL.Host, 443)
		if err != nil || host != t.Host || port != t.Port || req.URL.Scheme != "https" {
			return nil, fmt.Errorf("its URL does not lead to %s", t.BaseURL())
		}
	}
	out := &http.Request{
		Method: req.Method, URL: req.URL, Host: req.Host, Header: req.Header.Clone(),
		Body: http.NoBody, Close: t.Via == nil,
	}
	if out.Header == nil {
		out.Header = http.Header{}
	}
	for name, values := range out.Header {
		if !isToken(name) {
			return nil, fmt.Errorf("%q is no name of a header", clip(name, 40))
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return nil, fmt.Errorf("the value of header %q holds a line break or another control character", clip(name, 40))
			}
		}
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		agent := c.UserAgent
		if agent == "" {
			agent = "token-playground"
		}
		out.Header.Set("User-Agent", agent)
	}
	if req.Body != nil && req.Body != http.NoBody {
		body, err := io.ReadAll(io.LimitReader(req.Body, int64(limits.Request)+1))
		if err != nil {
			return nil, fmt.Errorf("its body could not be read: %w", err)
		}
		if len(body) > limits.Request {
			return nil, fmt.Errorf("its body is larger than %d bytes", limits.Request)
		}
		if len(body) > 0 {
			out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
	}
	var wire bytes.Buffer
	if err := out.Write(&wire); err != nil {
		return nil, errors.New("its URL or its host is not valid")
	}
	return wire.Bytes(), nil
}

// isToken is the token of RFC 9110 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
