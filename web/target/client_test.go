package target

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// short are limits under which a hostile server is given up quickly. What is
// not under test stays generous, because the machine may be busy.
var short = Limits{Header: 8 << 10, Body: 64 << 10}

// listen runs handle for every connection on a loopback port, after a TLS
// handshake where conf is given, and waits for all of them at the end.
func listen(t testing.TB, conf *tls.Config, handle func(net.Conn)) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	quit := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				go func() { <-quit; c.Close() }()
				if conf != nil {
					s := tls.Server(c, conf)
					if s.Handshake() != nil {
						return
					}
					handle(s)
					_ = s.CloseWrite()
					// Let the client read what was sent before the reset that
					// closing with unread bytes would cause.
					_ = c.SetReadDeadline(time.Now().Add(time.Second))
					_, _ = io.Copy(io.Discard, c)
					return
				}
				handle(c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); close(quit); <-done })
	return Target{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
}

// hostile is a TLS target that reads a whole request and then says bytes.
func hostile(t testing.TB, say func(w io.Writer)) Target {
	ca := newAuthority(t)
	target := listen(t, &tls.Config{Certificates: []tls.Certificate{issue(t, ca, nil)}}, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		say(c)
	})
	target.CA = ca.pool()
	return target
}

func says(s string) func(io.Writer) { return func(w io.Writer) { _, _ = io.WriteString(w, s) } }

func openClient() *Client { return &Client{Policy: Policy{Mode: Open}, Limits: short} }

const form = "grant_type=password&username=administrator&password=Password1"

func tokenRequest(t testing.TB, base string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, base+"/api/oauth2/token", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header["x-api-version"] = []string{"1.1-rev1"}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

func call(t testing.TB, c *Client, target Target, trusted string) (*Exchange, error) {
	t.Helper()
	ex, err := c.Do(context.Background(), target, Leaf{SHA256: trusted}, tokenRequest(t, target.BaseURL()))
	if ex == nil {
		t.Fatal("no exchange")
	}
	return ex, err
}

func wantKind(t testing.TB, err error, kind Kind, phase Phase) *Failure {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("got error %v, want a failure of kind %s", err, kind)
	}
	if f.Kind != kind || f.Phase != phase {
		t.Fatalf("got %s in phase %q (%v: %v), want %s in %q", f.Kind, f.Phase, f, f.Err, kind, phase)
	}
	if f.Sentence == "" || f.Remedy == "" || strings.Contains(f.Error(), "Password1") {
		t.Errorf("poor words: %q", f)
	}
	if !errors.Is(err, &Failure{Kind: kind}) {
		t.Error("errors.Is does not know the kind")
	}
	return f
}

func TestExchangeIsWhatWentOverTheWire(t *testing.T) {
	var got []byte
	ca := newAuthority(t)
	target := listen(t, &tls.Config{Certificates: []tls.Certificate{issue(t, ca, nil)}}, func(c net.Conn) {
		var tape bytes.Buffer
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &tape)))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		got = bytes.Clone(tape.Bytes())
		_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+
			"HTTP/1.1 400 Bad  Request\r\nserver: Kestrel\r\nX-Z: 1\r\nx-a:  two \r\nX-Z: 3\r\nX-Fold: a\r\n  b\r\nContent-Length: 5\r\n\r\nhello")
	})
	target.CA = ca.pool()
	started := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	c := openClient()
	calls := 0
	c.Now = func() time.Time {
		if calls++; calls == 1 {
			return started
		}
		return time.Now()
	}
	ex, err := call(t, c, target, "")
	if err != nil {
		t.Fatal(err)
	}
	host := target.Address()
	want := "POST /api/oauth2/token HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: token-playground\r\nConnection: close\r\n" +
		"Content-Length: 61\r\nContent-Type: application/x-www-form-urlencoded\r\nx-api-version: 1.1-rev1\r\n\r\n" + form
	if diff := cmp.Diff(want, string(ex.Sent)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(string(got), string(ex.Sent)); diff != "" {
		t.Errorf("the server read something else: %s", diff)
	}
	if diff := cmp.Diff([][2]string{{"Host", host}, {"User-Agent", "token-playground"}, {"Connection", "close"}, {"Content-Length", "61"},
		{"Content-Type", "application/x-www-form-urlencoded"}, {"x-api-version", "1.1-rev1"}}, ex.RequestHeader); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][2]string{{"server", "Kestrel"}, {"X-Z", "1"}, {"x-a", "two"}, {"X-Z", "3"}, {"X-Fold", "a b"}, {"Content-Length", "5"}}, ex.ResponseHeader); diff != "" {
		t.Error(diff)
	}
	if ex.Status != 400 || ex.StatusText != "Bad  Request" || ex.Proto != "HTTP/1.1" || string(ex.Body) != "hello" || ex.Truncated ||
		string(ex.RequestBody) != form || ex.Method != "POST" || ex.URL != target.BaseURL()+"/api/oauth2/token" || !ex.Started.Equal(started) {
		t.Errorf("got %+v", *ex)
	}
	if tm := ex.Timing; tm.Connect <= 0 || tm.TLS <= 0 || tm.FirstByte <= 0 || tm.Total < tm.Connect+tm.TLS+tm.FirstByte || ex.Took != tm.Total {
		t.Errorf("odd timing %+v", tm)
	}
	if ex.Certificate == nil || ex.Certificate.Trusted != "ca" {
		t.Errorf("got certificate %+v", ex.Certificate)
	}
}

func TestHostileServers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	forever := func(head, more string) func(io.Writer) {
		return func(w io.Writer) {
			_, err := io.WriteString(w, head)
			for err == nil {
				_, err = io.WriteString(w, more)
			}
		}
	}
	silence := func(first string) func(io.Writer) {
		return func(w io.Writer) {
			_, _ = io.WriteString(w, first)
			_, _ = io.Copy(io.Discard, w.(io.Reader))
		}
	}
	zipped := func(plain []byte) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(plain)
		_ = z.Close()
		return b.String()
	}
	deflated := func(plain string) string {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		_, _ = io.WriteString(z, plain)
		_ = z.Close()
		return b.String()
	}
	sized := func(head, body string) func(io.Writer) {
		return says(fmt.Sprintf("%s%sContent-Length: %d\r\n\r\n%s", ok, head, len(body), body))
	}
	first, whole := short, short
	first.FirstByte = 60 * time.Millisecond
	whole.Whole = 700 * time.Millisecond
	bomb := zipped(make([]byte, 32<<20))

	for _, c := range []struct {
		name      string
		say       func(io.Writer)
		limits    Limits
		kind      Kind
		phase     Phase
		status    int
		body      string // "" means not looked at
		truncated bool
		encoding  string
	}{
		{"silence", silence(""), first, TimedOut, PhaseAnswer, 0, "", false, ""},
		{"a head that stops", silence(ok + "X-A: "), whole, TimedOut, PhaseRead, 0, "", false, ""},
		{"a body that stops", silence(ok + "Content-Length: 100\r\n\r\nhalf"), whole, TimedOut, PhaseRead, 200, "half", true, ""},
		{"endless body", forever(ok+"\r\n", strings.Repeat("x", 4096)), short, "", "", 200, strings.Repeat("x", 64<<10), true, ""},
		{"endless chunks", forever(ok+"Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n"), short, "", "", 200, "", true, ""},
		{"endless headers", forever(ok, "X-A: "+strings.Repeat("x", 1000)+"\r\n"), short, TooLargeHeader, PhaseRead, 0, "", false, ""},
		{"one endless header line", forever(ok+"X-A: ", strings.Repeat("x", 1000)), short, TooLargeHeader, PhaseRead, 0, "", false, ""},
		{"an endless status line", forever("HTTP/1.1 200 ", "OK "), short, TooLargeHeader, PhaseRead, 0, "", false, ""},
		{"endless 1xx", forever("", "HTTP/1.1 103 Early Hints\r\n\r\n"), short, TooLargeHeader, PhaseRead, 0, "", false, ""},
		{"a gzip bomb", sized("Content-Encoding: gzip\r\n", bomb), short, "", "", 200, strings.Repeat("\x00", 64<<10), true, ""},
		{"gzip inside gzip is undone once", sized("Content-Encoding: gzip\r\n", zipped([]byte(zipped([]byte("x"))))), short, "", "", 200, zipped([]byte("x")), false, ""},
		{"honest gzip", sized("Content-Encoding: GZIP\r\n", zipped([]byte("hello"))), short, "", "", 200, "hello", false, ""},
		{"honest deflate", sized("Content-Encoding: deflate\r\n", deflated("hello")), short, "", "", 200, "hello", false, ""},
		{"gzip that is none is shown as it came", sized("Content-Encoding: gzip\r\n", "plain words"), short, "", "", 200, "plain words", false, "gzip"},
		{"gzip that is cut", sized("Content-Encoding: gzip\r\n", zipped(bytes.Repeat([]byte("hello, you there; "), 999))[:60]), short, "", "", 200, "", true, ""},
		{"empty gzip blocks without end", forever(ok+"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", strings.Repeat("\x00\x00\x00\xff\xff", 100)), short, "", "", 200, "", true, "gzip"},
		{"br is shown as it came", sized("Content-Encoding: br\r\n", "\x0b\x02\x80"), short, "", "", 200, "\x0b\x02\x80", false, "br"},
		{"two encodings are shown as they came", sized("Content-Encoding: gzip, gzip\r\n", "zz"), short, "", "", 200, "zz", false, "gzip, gzip"},
		{"identity", sized("Content-Encoding: identity\r\n", "hello"), short, "", "", 200, "hello", false, ""},
		{"nothing at all", says(""), short, BrokenOff, PhaseAnswer, 0, "", false, ""},
		{"half a word", says("HTT"), short, BrokenOff, PhaseRead, 0, "", false, ""},
		{"half a head", says(ok + "X-A: b\r\n"), short, BrokenOff, PhaseRead, 0, "", false, ""},
		{"half an answer", says(ok + "Content-Length: 100\r\n\r\nhalf"), short, BrokenOff, PhaseRead, 200, "half", true, ""},
		{"half a chunk", says(ok + "Transfer-Encoding: chunked\r\n\r\n64\r\nhalf"), short, BrokenOff, PhaseRead, 200, "half", true, ""},
		{"a chunk of nonsense", says(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), short, BrokenOff, PhaseRead, 200, "", true, ""},
		{"a body without a length", says(ok + "\r\nhello"), short, "", "", 200, "hello", false, ""},
		{"both lengths: chunked wins", says(ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), short, "", "", 200, "hello", false, ""},
		{"two different lengths", says(ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"), short, NotHTTP, PhaseRead, 200, "", false, ""},
		{"a line that is no header", says(ok + "nonsense\r\n\r\n"), short, NotHTTP, PhaseRead, 200, "", false, ""},
		{"an SSH banner", says("SSH-2.0-OpenSSH_9.6\r\n"), short, NotHTTP, PhaseRead, 0, "", false, ""},
		{"HTTP/2", says("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), short, NotHTTP, PhaseRead, 0, "", false, ""},
		{"garbage without an end", silence("\x00\xff\x1b[31m{{"), short, NotHTTP, PhaseRead, 0, "", false, ""},
		{"bytes that are no text", sized("", "\xff\xfe\x00h\x00i"), short, "", "", 200, "\xff\xfe\x00h\x00i", false, ""},
		{"HTTP/1.0", says("HTTP/1.0 200 OK\r\n\r\nold"), short, "", "", 200, "old", false, ""},
		{"bare line feeds", says("HTTP/1.1 200 OK\nX-A: b\n\nhello"), short, "", "", 200, "hello", false, ""},
		{"no content", says("HTTP/1.1 204 No Content\r\n\r\n"), short, "", "", 204, "", false, ""},
		{"a switch of protocols is an answer", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nzzz"), short, "", "", 101, "", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := hostile(t, c.say)
			client := openClient()
			client.Limits = c.limits
			ex, err := call(t, client, target, "")
			if c.kind != "" {
				wantKind(t, err, c.kind, c.phase)
			} else if err != nil {
				t.Fatal(err)
			}
			if ex.Status != c.status || ex.Truncated != c.truncated || ex.Encoding != c.encoding {
				t.Errorf("got status %d, truncated %v, encoding %q; want %d, %v, %q", ex.Status, ex.Truncated, ex.Encoding, c.status, c.truncated, c.encoding)
			}
			if c.body != "" && string(ex.Body) != c.body {
				t.Errorf("got body of %d bytes %.40q, want %d bytes %.40q", len(ex.Body), ex.Body, len(c.body), c.body)
			}
			if ex.Took > 10*time.Second {
				t.Errorf("it took %s", ex.Took)
			}
			if len(ex.Body) > c.limits.Body {
				t.Errorf("body of %d bytes is over the limit", len(ex.Body))
			}
			if !strings.HasSuffix(string(ex.Sent), form) {
				t.Errorf("got sent %q", ex.Sent)
			}
		})
	}
}

func TestNotHTTPQuotesLittleAndEscaped(t *testing.T) {
	target := hostile(t, says("\x1b[31m\u202e"+strings.Repeat("x", 4000)))
	_, err := call(t, openClient(), target, "")
	f := wantKind(t, err, NotHTTP, PhaseRead)
	if !strings.Contains(f.Sentence, `"\x1b[31m\u202exx`) || len(f.Sentence) > 300 {
		t.Errorf("got %q", f.Sentence)
	}
}

func TestRedirectsAreTheAnswer(t *testing.T) {
	var seen atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{other.URL + "/", "/api/oauth2/token", "file:///etc/passwd", ":::", strings.Repeat("a", 4000)} {
			t.Run(fmt.Sprintf("%d to %.20s", status, to), func(t *testing.T) {
				target := hostile(t, says(fmt.Sprintf("HTTP/1.1 %d Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, to)))
				ex, err := call(t, openClient(), target, "")
				if err != nil || ex.Status != status || ex.ResponseHeader[0] != [2]string{"Location", to} {
					t.Errorf("got %v, %v", ex, err)
				}
			})
		}
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("the other host saw %d requests", n)
	}
}

func TestAnswerBeforeTheRequestIsRead(t *testing.T) {
	ca := newAuthority(t)
	target := listen(t, &tls.Config{Certificates: []tls.Certificate{issue(t, ca, nil)}}, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 10))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
	})
	target.CA = ca.pool()
	c := openClient()
	c.Limits.Request = 8 << 20
	req, _ := http.NewRequest("POST", target.BaseURL(), bytes.NewReader(make([]byte, 8<<20)))
	ex, err := c.Do(context.Background(), target, Leaf{}, req)
	if err != nil || ex.Status != 413 || string(ex.Body) != "no" {
		t.Fatalf("got %v, %v", ex, err)
	}
	if len(ex.Sent) == 0 || len(ex.Sent) > 8<<20+1000 {
		t.Errorf("got %d bytes sent", len(ex.Sent))
	}
}

func TestEnvironmentProxiesAreIgnored(t *testing.T) {
	var trapped atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	defer trap.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"} {
		t.Setenv(name, trap.URL)
	}
	if ex, err := call(t, openClient(), hostile(t, says("HTTP/1.1 200 OK\r\n\r\n")), ""); err != nil || ex.Status != 200 {
		t.Errorf("got %v, %v", ex, err)
	}
	if trapped.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func TestConnectFailures(t *testing.T) {
	t.Run("nothing listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		ex, err := call(t, openClient(), Target{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}, "")
		wantKind(t, err, ConnRefused, PhaseConnect)
		if len(ex.Sent) != 0 || ex.Took <= 0 {
			t.Errorf("got %v", ex)
		}
	})
	lookup := func(c *Client, addrs []netip.Addr, err error) *Client {
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return addrs, err }
		return c
	}
	name := Target{Host: "srv.lab", Port: 9419}
	t.Run("a name that is not known", func(t *testing.T) {
		_, err := call(t, lookup(openClient(), nil, &net.DNSError{Name: "srv.lab", IsNotFound: true}), name, "")
		wantKind(t, err, BadName, PhaseResolve)
	})
	t.Run("a name without an address", func(t *testing.T) {
		_, err := call(t, lookup(openClient(), nil, nil), name, "")
		wantKind(t, err, BadName, PhaseResolve)
	})
	t.Run("a resolver that fails", func(t *testing.T) {
		_, err := call(t, lookup(openClient(), nil, errors.New("boom")), name, "")
		wantKind(t, err, BadName, PhaseResolve)
	})
	t.Run("a resolver that hangs", func(t *testing.T) {
		c := openClient()
		c.Limits.Dial = 20 * time.Millisecond
		c.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }
		_, err := call(t, c, name, "")
		wantKind(t, err, TimedOut, PhaseResolve)
	})
	t.Run("an address that is no address", func(t *testing.T) {
		_, err := call(t, lookup(openClient(), []netip.Addr{{}}, nil), name, "")
		wantKind(t, err, Unreachable, PhaseConnect)
	})
	t.Run("a handshake that stalls", func(t *testing.T) {
		c := openClient()
		c.Limits.TLS = 50 * time.Millisecond
		ex, err := call(t, c, listen(t, nil, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), "")
		wantKind(t, err, TimedOut, PhaseTLS)
		if len(ex.Sent) != 0 {
			t.Error("something was sent")
		}
	})
	t.Run("a handshake that breaks off", func(t *testing.T) {
		_, err := call(t, openClient(), listen(t, nil, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }), "")
		wantKind(t, err, BrokenOff, PhaseTLS)
	})
	t.Run("a port that speaks no TLS", func(t *testing.T) {
		_, err := call(t, openClient(), listen(t, nil, func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH\r\n")
			_, _ = io.Copy(io.Discard, c)
		}), "")
		if f := wantKind(t, err, NotHTTP, PhaseTLS); !strings.Contains(f.Sentence, `"SSH-2"`) {
			t.Errorf("got %q", f.Sentence)
		}
	})
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		target := hostile(t, func(w io.Writer) { cancel(); _, _ = io.Copy(io.Discard, w.(io.Reader)) })
		ex, err := openClient().Do(ctx, target, Leaf{}, tokenRequest(t, target.BaseURL()))
		wantKind(t, err, Canceled, PhaseAnswer)
		if !strings.HasSuffix(string(ex.Sent), form) {
			t.Error("what was sent is lost")
		}
	})
}

func TestPolicyComesBeforeTheLookup(t *testing.T) {
	var lookups atomic.Int32
	c := &Client{
		Policy: Policy{Mode: Allowlist, Listed: []Target{{Host: "srv.lab", Port: 9419}}},
		Lookup: func(context.Context, string) ([]netip.Addr, error) { lookups.Add(1); return nil, nil },
	}
	for _, host := range []string{"localhost", "missing.invalid", "evil.example", "127.0.0.1"} {
		ex, err := call(t, c, Target{Host: host, Port: 9419}, "")
		wantKind(t, err, RefusedByPolicy, PhaseResolve)
		if len(ex.Sent) != 0 {
			t.Error("something was sent")
		}
	}
	c.Policy.Mode = Sandbox
	_, err := call(t, c, Target{Host: "srv.lab", Port: 9419}, "")
	wantKind(t, err, RefusedByPolicy, PhaseResolve)
	if n := lookups.Load(); n != 0 {
		t.Errorf("%d lookups", n)
	}
}

func TestRebinding(t *testing.T) {
	var reached atomic.Int32
	ca := newAuthority(t)
	at := listen(t, &tls.Config{Certificates: []tls.Certificate{issue(t, ca, nil)}}, func(c net.Conn) {
		reached.Add(1)
		says("HTTP/1.1 200 OK\r\n\r\n")(c)
	})
	loopback, bad := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254")
	target := Target{Host: "srv.lab", Port: at.Port, CA: ca.pool()}

	t.Run("each call looks up once and checks what it dials", func(t *testing.T) {
		answers := []netip.Addr{loopback, bad, netip.MustParseAddr("::ffff:169.254.169.254"), netip.MustParseAddr("fe80::1%lo"), loopback}
		var n int
		c := openClient()
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { n++; return answers[n-1 : n], nil }
		for i := range answers {
			ex, err := call(t, c, target, "")
			if i == 0 || i == len(answers)-1 {
				if err != nil {
					t.Errorf("call %d: %v", i, err)
				}
				continue
			}
			wantKind(t, err, RefusedByPolicy, PhaseResolve)
			if len(ex.Sent) != 0 {
				t.Error("something was sent")
			}
		}
		if n != len(answers) || reached.Load() != 2 {
			t.Errorf("%d lookups, %d connections", n, reached.Load())
		}
	})
	t.Run("a mixed answer leads to the allowed address only", func(t *testing.T) {
		c := openClient()
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{bad, loopback}, nil }
		if ex, err := call(t, c, target, ""); err != nil || ex.Status != 200 {
			t.Errorf("got %v, %v", ex, err)
		}
	})
	t.Run("a listed name that flips to loopback is refused", func(t *testing.T) {
		c := openClient()
		c.Policy = Policy{Mode: Allowlist, Listed: []Target{target}}
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{loopback}, nil }
		before := reached.Load()
		_, err := call(t, c, target, "")
		if f := wantKind(t, err, RefusedByPolicy, PhaseResolve); f.Rule != "listed-name-is-loopback" || reached.Load() != before {
			t.Errorf("got rule %q", f.Rule)
		}
	})
	t.Run("our own listener is refused when dialled", func(t *testing.T) {
		c := openClient()
		c.Policy.Own = []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(at.Port))}
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{loopback}, nil }
		_, err := call(t, c, target, "")
		if f := wantKind(t, err, RefusedByPolicy, PhaseResolve); f.Rule != "own-listener" {
			t.Errorf("got rule %q", f.Rule)
		}
	})
}

func TestCertificates(t *testing.T) {
	ca := newAuthority(t)
	year := 365 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		by     *authority
		change func(*x509.Certificate)
		want   Reason
	}{
		{"self-signed", nil, nil, SelfSigned},
		{"unknown authority", newAuthority(t), nil, UnknownAuthority},
		{"wrong name", ca, func(c *x509.Certificate) { c.IPAddresses = nil }, WrongName},
		{"expired", ca, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*year), time.Now().Add(-year)
		}, Expired},
		{"not yet valid", ca, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(year), time.Now().Add(2*year)
		}, NotYetValid},
		{"for clients only", ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, Invalid},
		{"a thousand names", nil, func(c *x509.Certificate) {
			for i := range 1000 {
				c.DNSNames = append(c.DNSNames, fmt.Sprintf("n%d.example", i))
			}
		}, SelfSigned},
		{"a subject that plays tricks", nil, func(c *x509.Certificate) { c.Subject.CommonName = "a\u202e\x1b[0m" + strings.Repeat("é", 500) }, SelfSigned},
	} {
		t.Run(c.name, func(t *testing.T) {
			var read atomic.Int64
			target := listen(t, &tls.Config{Certificates: []tls.Certificate{issue(t, c.by, c.change)}}, func(c net.Conn) {
				n, _ := io.Copy(io.Discard, c)
				read.Add(n)
			})
			target.CA = ca.pool()
			ex, err := call(t, openClient(), target, "")
			f := wantKind(t, err, TLSUntrusted, PhaseTLS)
			var u *Untrusted
			if !errors.As(err, &u) || u.Reason != c.want || !u.MayTrust {
				t.Fatalf("got %#v, want reason %s", u, c.want)
			}
			if len(ex.Sent) != 0 || read.Load() != 0 {
				t.Error("something was sent before trust")
			}
			cert := u.Certificate
			if ex.Certificate != cert || len(cert.SHA256) != 64 || len(cert.SHA1) != 40 || !strings.HasPrefix(cert.KeyPin, "sha256//") ||
				cert.SelfSigned != (c.by == nil) || cert.Trusted != "" || len(cert.Names) > maxNames || len(cert.Subject) > 2000 {
				t.Errorf("got %+v", cert)
			}
			if strings.ContainsAny(cert.Subject+cert.Issuer, "\u202e\x1b") || !strings.Contains(f.Sentence, "nothing was sent") {
				t.Errorf("got %q, %q", cert.Subject, f.Sentence)
			}
		})
	}
}

func TestTrustLikeSSH(t *testing.T) {
	one, two := issue(t, nil, nil), issue(t, nil, nil)
	var current atomic.Pointer[tls.Certificate]
	current.Store(&one)
	var served atomic.Int32
	target := listen(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil }}, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			served.Add(1)
			says("HTTP/1.1 200 OK\r\n\r\n")(c)
		}
	})
	c := openClient()

	_, err := call(t, c, target, "")
	var shown *Untrusted
	if wantKind(t, err, TLSUntrusted, PhaseTLS); !errors.As(err, &shown) {
		t.Fatal(err)
	}
	print := shown.Certificate.SHA256

	ex, err := call(t, c, target, print)
	if err != nil || ex.Status != 200 || ex.Certificate.Trusted != "visitor" {
		t.Fatalf("trusted: got %v, %v", ex, err)
	}
	// The neighbour has not trusted: the same client asks again.
	_, err = call(t, c, target, "")
	wantKind(t, err, TLSUntrusted, PhaseTLS)

	current.Store(&two)
	ex, err = call(t, c, target, strings.ToUpper(print))
	wantKind(t, err, TLSChanged, PhaseTLS)
	var changed *Changed
	if !errors.As(err, &changed) || changed.Old != print || changed.New != describe(two.Leaf).SHA256 || changed.Pinned || len(ex.Sent) != 0 {
		t.Errorf("got %#v", changed)
	}
	if n := served.Load(); n != 1 {
		t.Errorf("%d requests were served, want the trusted one", n)
	}

	t.Run("an expired certificate may be trusted by fingerprint", func(t *testing.T) {
		old := issue(t, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute); c.IPAddresses = nil })
		current.Store(&old)
		if _, err := call(t, c, target, describe(old.Leaf).SHA256); err != nil {
			t.Error(err)
		}
	})
	t.Run("a visitor cannot trust where the operator decides", func(t *testing.T) {
		current.Store(&one)
		c := openClient()
		c.Trust = TrustOperator
		_, err := call(t, c, target, print)
		wantKind(t, err, TLSUntrusted, PhaseTLS)
		if !errors.As(err, &shown) || shown.MayTrust {
			t.Errorf("got %#v", shown)
		}
	})
	t.Run("a pin is exact", func(t *testing.T) {
		current.Store(&one)
		pinned := target
		pinned.Pin = print
		if ex, err := call(t, c, pinned, ""); err != nil || ex.Certificate.Trusted != "pin" {
			t.Errorf("right pin: %v", err)
		}
		pinned.Pin = strings.Repeat("0", 64)
		_, err := call(t, c, pinned, print)
		wantKind(t, err, TLSChanged, PhaseTLS)
		if !errors.As(err, &changed) || !changed.Pinned {
			t.Errorf("got %#v", changed)
		}
		pinned.CA = x509.NewCertPool()
		pinned.CA.AddCert(one.Leaf)
		_, err = call(t, c, pinned, "")
		wantKind(t, err, TLSChanged, PhaseTLS)
	})
	t.Run("the operator's pin applies whoever calls", func(t *testing.T) {
		current.Store(&one)
		c := openClient()
		listed := target
		listed.Pin = strings.Repeat("0", 64)
		c.Policy.Listed = []Target{listed}
		_, err := call(t, c, target, print)
		wantKind(t, err, TLSChanged, PhaseTLS)
	})
}

func TestChangedCertificateTellsWhetherTheKeyIsNew(t *testing.T) {
	old := issue(t, nil, nil)
	renewed := issueFor(t, old.PrivateKey.(*ecdsa.PrivateKey), nil, nil)
	other := issue(t, nil, nil)
	by := newAuthority(t)
	signedByAnother := issueFor(t, old.PrivateKey.(*ecdsa.PrivateKey), by, nil)
	var current atomic.Pointer[tls.Certificate]
	target := listen(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil }}, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			says("HTTP/1.1 200 OK\r\n\r\n")(c)
		}
	})
	was := describe(old.Leaf)
	pinned := target
	pinned.Pin = was.SHA256
	seen := openClient()
	current.Store(&old)
	if _, err := call(t, seen, pinned, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		client  *Client
		target  Target
		trusted Leaf
		now     tls.Certificate
		want    KeyChange
		says    []string
	}{
		{"trusted, renewed with its key", openClient(), target, Leaf{was.SHA256, was.KeyPin}, renewed, KeySame, []string{"the one you trusted, but has the same public key, so nothing was sent", "looks renewed"}},
		{"trusted, its key signed by somebody", openClient(), target, Leaf{was.SHA256, was.KeyPin}, signedByAnother, KeySame, []string{"same public key"}},
		{"trusted, another key", openClient(), target, Leaf{was.SHA256, was.KeyPin}, other, KeyOther, []string{"the one you trusted, and has another public key, so nothing was sent", "somebody in between"}},
		{"trusted, in a record from before keys were kept", openClient(), target, Leaf{SHA256: was.SHA256}, renewed, KeyUnknown, []string{"is not the one you trusted, so nothing was sent", "find out why"}},
		{"pinned, renewed with its key", seen, pinned, Leaf{}, renewed, KeySame, []string{"the pinned one, but has the same public key", "the operator has to change the pin"}},
		{"pinned, another key", seen, pinned, Leaf{}, other, KeyOther, []string{"the pinned one, and has another public key"}},
		{"pinned, never seen here", openClient(), pinned, Leaf{}, renewed, KeyUnknown, []string{"is not the pinned one, so nothing was sent"}},
		{"pinned, a visitor's key is not asked", openClient(), pinned, Leaf{was.SHA256, was.KeyPin}, renewed, KeyUnknown, []string{"is not the pinned one, so nothing was sent"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			current.Store(&c.now)
			ex, err := c.client.Do(context.Background(), c.target, c.trusted, tokenRequest(t, c.target.BaseURL()))
			f := wantKind(t, err, TLSChanged, PhaseTLS)
			var changed *Changed
			if !errors.As(err, &changed) || changed.Key != c.want || changed.Old != was.SHA256 || changed.New == was.SHA256 || len(ex.Sent) != 0 {
				t.Errorf("got %#v, %d bytes sent, want the key %q and nothing sent", changed, len(ex.Sent), c.want)
			}
			for _, words := range c.says {
				if !strings.Contains(f.Error(), words) {
					t.Errorf("got %q, want %q", f.Error(), words)
				}
			}
		})
	}
}

func TestRefusedCertificateEndsTheConnection(t *testing.T) {
	cert := issue(t, nil, nil)
	ended := make(chan struct{})
	target := listen(t, nil, func(c net.Conn) {
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
		_, _ = io.Copy(io.Discard, c)
		close(ended)
	})
	_, err := call(t, openClient(), target, "")
	wantKind(t, err, TLSUntrusted, PhaseTLS)
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the connection is still open")
	}
}

func TestOldTLS(t *testing.T) {
	cert := issue(t, nil, nil)
	target := listen(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, func(net.Conn) {})
	_, err := call(t, openClient(), target, "")
	wantKind(t, err, TLSTooOld, PhaseTLS)
	t.Run("a server that picks an old version by itself", func(t *testing.T) {
		target := listen(t, nil, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			// ServerHello of TLS 1.0, with a null session.
			hello := append([]byte{2, 0, 0, 38, 3, 1}, make([]byte, 32)...)
			hello = append(hello, 0, 0, 0x2f, 0)
			_, _ = c.Write(append([]byte{22, 3, 1, 0, byte(len(hello))}, hello...))
			_, _ = io.Copy(io.Discard, c)
		})
		_, err := call(t, openClient(), target, "")
		wantKind(t, err, TLSTooOld, PhaseTLS)
	})
	t.Run("a server that wants a client certificate", func(t *testing.T) {
		ca := newAuthority(t)
		target := listen(t, &tls.Config{Certificates: []tls.Certificate{issue(t, ca, nil)}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, func(net.Conn) {})
		target.CA = ca.pool()
		_, err := call(t, openClient(), target, "")
		wantKind(t, err, TLSFailed, PhaseTLS)
	})
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	target := Target{Host: "srv.lab", Port: 9419}
	for name, change := range map[string]func(*http.Request){
		"a line break in a header":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer Password1\r\nX: y") },
		"a NUL in a header":            func(r *http.Request) { r.Header.Set("Authorization", "Password1\x00") },
		"a header name with a space":   func(r *http.Request) { r.Header["a b"] = []string{"Password1"} },
		"a method with a space":        func(r *http.Request) { r.Method = "GET /" },
		"a body over the limit":        func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(make([]byte, 64<<10+1))) },
		"another host":                 func(r *http.Request) { r.URL.Host = "evil.lab:9419" },
		"another port":                 func(r *http.Request) { r.URL.Host = "srv.lab" },
		"plain http":                   func(r *http.Request) { r.URL.Scheme = "http" },
		"a password in the URL":        func(r *http.Request) { r.URL.User = nil; r.URL.Host = "u:Password1@srv.lab:9419" },
		"no URL":                       func(r *http.Request) { r.URL = nil },
		"a host header with a newline": func(r *http.Request) { r.Host = "a\r\nb" },
	} {
		t.Run(name, func(t *testing.T) {
			req := tokenRequest(t, target.BaseURL())
			change(req)
			c := openClient()
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				t.Error("looked up")
				return nil, nil
			}
			ex, err := c.Do(context.Background(), target, Leaf{}, req)
			wantKind(t, err, BadRequest, PhaseResolve)
			if len(ex.Sent) != 0 {
				t.Error("something was sent")
			}
		})
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	var out bytes.Buffer
	c := openClient()
	c.Log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	target := hostile(t, says("HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"canary\"}"))
	ex, err := call(t, c, target, "")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = call(t, c, Target{Host: "169.254.169.254", Port: 80}, "")
	fmt.Fprintf(&out, "%v %+v %#v %s %v", ex, *ex, ex, ex, []any{*ex})
	c.Log.Info("x", "exchange", ex)
	for _, secret := range []string{"Password1", "canary", "administrator"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was told: %s", secret, out.String())
		}
	}
	for _, want := range []string{`"decision":"allowed"`, `"decision":"refused"`, `"rule":"metadata"`, `"status":200`, `"host":"127.0.0.1"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
}

func TestAbortedCallsLeaveNothingBehind(t *testing.T) {
	entered := make(chan struct{}, 1)
	target := hostile(t, func(w io.Writer) { entered <- struct{}{}; _, _ = io.Copy(io.Discard, w.(io.Reader)) })
	handlerDone := make(chan struct{})
	mem := NewMemory(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-handlerDone:
		}
	}))
	c := openClient()
	before := runtime.NumGoroutine()
	for i := range 200 {
		way := target
		if i%2 == 1 {
			way = Target{Host: "srv.lab", Port: 9419, Via: mem}
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-entered; cancel() }()
		_, err := c.Do(ctx, way, Leaf{}, tokenRequest(t, way.BaseURL()))
		wantKind(t, err, Canceled, PhaseAnswer)
		cancel()
	}
	close(handlerDone)
	mem.Close()
	// The servers notice in their own time; ours must be gone at once. Each of
	// the test server's connections keeps one watcher until the end.
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		n := runtime.NumGoroutine() - 100
		if n <= before+3 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before, %d after\n%s", before, n, buf[:runtime.Stack(buf, true)])
		}
	}
}
