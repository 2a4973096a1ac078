package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/handlers"
	"tokenplayground/web/limit"
	"tokenplayground/web/metrics"
	"tokenplayground/web/target"
)

// labelLimit derives the key under which replicas hash whom they count.
const labelLimit = "pg-limit-v1"

// VisitorLimits bound what one visitor may have of the server, so that all
// others still get theirs.
type VisitorLimits struct {
	// Session is how often one session may change something: a person clicks
	// every two seconds at the most, a script that follows a lesson has some
	// thirty calls.
	Session limit.Rate
	// Address is how often one address may, all its sessions together: a room
	// of thirty people who click every two seconds needs 15 a second.
	Address limit.Rate
	// Beginnings is how often an address may begin without a session: each
	// makes one, and there are only so many.
	Beginnings limit.Rate
	// Failures is how many sign-ins of one user name may fail at one real
	// target within FailuresWithin: fewer than products lock an account
	// after, many times over, and enough for somebody who mistypes.
	Failures       int
	FailuresWithin time.Duration
	// CallsEach and Calls are how many calls may be under way to one real
	// target and to all: an appliance's sign-in costs it a second of its
	// processor.
	CallsEach, Calls int
	// Turn is how long a call waits for its turn: the two seconds that a person
	// waits for a page without doubting it. With the 20 seconds of the call
	// itself it stays within what a request may take.
	Turn time.Duration
	// Requests is how many may be under way, the sandbox's included: what a
	// program of 256 MiB has room for. Health checks do not count.
	Requests int
	// Connections is how many may be open, idle ones included: each costs a
	// descriptor, of which many systems give a process 1,024 unless asked.
	Connections int
}

// visitorLimits are those of the profile.
func (c *Config) visitorLimits() VisitorLimits {
	l := VisitorLimits{
		Failures: 10, FailuresWithin: 10 * time.Minute, CallsEach: 4, Calls: 64, Turn: 2 * time.Second,
		Requests: 256, Connections: 1024,
	}
	if c.Profile != Local {
		// A laptop has one person, whose scripts need no pace.
		l.Session = limit.Rate{Burst: 60, Every: 500 * time.Millisecond}
		l.Address = limit.Rate{Burst: 300, Every: time.Second / 40}
		l.Beginnings = limit.Rate{Burst: 120, Every: 5 * time.Second}
	}
	return l
}

// parseProxies reads addresses and ranges.
func parseProxies(text string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		p, err := netip.ParsePrefix(word)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(word); err == nil {
				p = netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("--proxies has %.40q; write addresses like 10.0.0.5 or ranges like 10.0.0.0/24, with commas between them", word)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// visitors counts what each visitor has.
type visitors struct {
	limits                       VisitorLimits
	sessions, addresses, strange *limit.Buckets
	shared                       *limit.Shared // nil without replicas
	address                      echo.IPExtractor
	running                      atomic.Int64
}

func newVisitors(cfg *Config, shared *limit.Shared) *visitors {
	v := &visitors{limits: cfg.Visitors, address: echo.ExtractIPDirect(), shared: shared}
	v.sessions = limit.NewBuckets("session", cfg.Visitors.Session, cfg.Now)
	v.addresses = limit.NewBuckets("address", cfg.Visitors.Address, cfg.Now)
	v.strange = limit.NewBuckets("beginning", cfg.Visitors.Beginnings, cfg.Now)
	if len(cfg.Proxies) > 0 {
		trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
		for _, p := range cfg.Proxies {
			bits := p.Addr().BitLen()
			trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), bits)}))
		}
		v.address = echo.ExtractIPFromXFFHeader(trust...)
	}
	return v
}

// neighbourhood is what is counted as one address: an IPv6 site has a /64 of its own
// and would not run out of addresses. It is empty for this machine itself,
// which is a proxy that --proxies does not name, or somebody who has the
// machine anyway: all that come by it would be counted as one.
func neighbourhood(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "?"
	}
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback():
		return ""
	case a.Is4():
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return "?"
	}
	return p.String()
}

// safe says that a method changes nothing.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// paced keeps those who change something to their pace. The session comes
// first, so that one who is refused costs the neighbours behind the same
// address nothing.
func (s *Server) paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if safe(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		v := s.visitors
		var claims []limit.Claim
		cookie, err := r.Cookie(s.cookie)
		if err == nil {
			claims = append(claims, limit.Claim{Of: v.sessions, Key: cookie.Value})
		}
		if from := neighbourhood(v.address(r)); from != "" {
			// A cookie that nobody issued begins a session like none does, but
			// telling them apart would cost a read of the store; the address
			// bounds both.
			if err != nil {
				claims = append(claims, limit.Claim{Of: v.strange, Key: from})
			}
			claims = append(claims, limit.Claim{Of: v.addresses, Key: from})
		}
		wait, ok := limit.Take(r.Context(), v.shared, claims...)
		if !ok {
			s.fail(w, r, &handlers.Problem{Kind: "too-many-requests", Status: http.StatusTooManyRequests, Title: "That was too fast",
				Detail: "Nothing was done and nothing was sent, and your session is as it was. Wait a few seconds, then try again.", RetryAfter: max(wait, time.Second)})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bounded refuses requests while too many are under way, at once and without
// reading them. Whoever watches the process is always let in.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/livez" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		n := s.visitors.running.Add(1)
		defer s.visitors.running.Add(-1)
		if most := s.visitors.limits.Requests; most > 0 && n > int64(most) {
			w.Header().Set("Connection", "close")
			pr := &handlers.Problem{Kind: "too-busy", Status: http.StatusServiceUnavailable, Title: "Too much is under way here",
				Detail: "Nothing was done and nothing was sent. Try again in a few seconds."}
			retryAfter(w.Header(), pr)
			writeProblem(w, r, pr)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// caller makes calls for many people: real targets get few at once.
type caller struct {
	client *target.Client
	gate   *limit.Gate
	turn   time.Duration
	calls  *metrics.Counter
}

// Do implements handlers.Exchanger. While a call waits for its turn, nothing
// of it has been sent.
func (c *caller) Do(ctx context.Context, t target.Target, trusted target.Leaf, req *http.Request) (*target.Exchange, error) {
	if t.Via != nil {
		return c.do(ctx, "sandbox", t, trusted, req)
	}
	wait, cancel := context.WithTimeout(ctx, c.turn)
	leave, err := c.gate.Enter(wait, t.Address())
	cancel()
	if err != nil {
		c.calls.Add(0, "target", "busy")
		busy := &handlers.Problem{Kind: "target-busy", Status: http.StatusTooManyRequests, Title: "Others are calling this server",
			Detail: "So many calls to it are under way that yours did not get its turn. Nothing was sent. Try again in a few seconds.", RetryAfter: 5 * time.Second}
		if !errors.Is(err, context.DeadlineExceeded) {
			busy.Cause = err
		}
		return &target.Exchange{}, busy
	}
	defer leave()
	return c.do(ctx, "target", t, trusted, req)
}

// do makes the call and counts it.
func (c *caller) do(ctx context.Context, kind string, t target.Target, trusted target.Leaf, req *http.Request) (*target.Exchange, error) {
	ex, err := c.client.Do(ctx, t, trusted, req)
	outcome := "answered"
	var f *target.Failure
	switch {
	case errors.As(err, &f):
		outcome = string(f.Kind)
	case err != nil:
		outcome = "failed"
	}
	c.calls.Add(ex.Took, kind, outcome)
	return ex, err
}
