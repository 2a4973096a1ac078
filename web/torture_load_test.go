package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/limit"
	"tokenplayground/web/store/storetest"
	"tokenplayground/web/target"
)

// used is what this process holds at the moment.
type used struct{ goroutines, descriptors, heap int }

func (u used) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d KB of heap", u.goroutines, u.descriptors, u.heap>>10)
}

func inUse(t *testing.T) used {
	t.Helper()
	debug.FreeOSMemory() // collects garbage first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors cannot be counted here: %v", err)
	}
	return used{runtime.NumGoroutine(), len(files), int(m.HeapAlloc)}
}

// givenBack waits until what was in use before is all that is, give or take
// five in a hundred or a handful, and a MB of what is kept for reuse.
func givenBack(t *testing.T, before used) used {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	near := func(now, then, slack int) bool { return now <= then+max(then/20, slack) }
	for {
		now := inUse(t)
		if near(now.goroutines, before.goroutines, 3) && near(now.descriptors, before.descriptors, 3) && near(now.heap, before.heap, 4<<20) {
			return now
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<18)
			t.Fatalf("30 seconds later there are %v, before there were %v\n%s", now, before, buf[:runtime.Stack(buf, true)])
		}
		<-tick.C
	}
}

// percentile of durations, which it sorts.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*p/100)].Round(time.Millisecond)
}

// TestSlowClients opens hundreds of connections that never get anywhere: with
// the head, with the body, or with reading the answer.
func TestSlowClients(t *testing.T) { // B01, B02, LIM-7
	if !storetest.Long() {
		t.Skip("it takes a minute; PLAYGROUND_TEST_LONG=1 runs it")
	}
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	address := strings.TrimPrefix(w.url, "http://")
	before := inUse(t)

	type client struct {
		kind   string
		conn   net.Conn
		opened time.Time
	}
	var slow []*client
	began := time.Now()
	for kind, n := range map[string]int{"head": 300, "body": 100, "reader": 50} {
		for range n {
			conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			first := "GET /" + d.ID + " HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
			switch kind {
			case "body":
				first = "POST /" + d.ID + "/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\ngrant_type="
			case "reader":
				if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
					t.Fatal(err)
				}
				first = strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)
			}
			if _, err := io.WriteString(conn, first); err != nil {
				t.Fatal(err)
			}
			slow = append(slow, &client{kind, conn, time.Now()})
		}
	}
	during := inUse(t)
	longest := map[string]time.Duration{}
	var waits []time.Duration
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	buf := make([]byte, 512)
	for len(slow) > 0 {
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("%d connections are still open, of the kind %s", len(slow), slow[0].kind)
		}
		start := time.Now()
		v.get("/"+d.ID, asPage).want(200)
		waits = append(waits, time.Since(start))
		slow = slices.DeleteFunc(slow, func(c *client) bool {
			_, err := c.conn.Write([]byte("x"))
			if err == nil && c.kind != "reader" {
				if err = c.conn.SetReadDeadline(time.Now().Add(100 * time.Microsecond)); err == nil {
					_, err = c.conn.Read(buf)
				}
				if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
					err = nil
				}
			}
			if err != nil {
				longest[c.kind] = max(longest[c.kind], time.Since(c.opened))
				c.conn.Close()
			}
			return err != nil
		})
		<-tick.C
	}
	for kind, most := range map[string]time.Duration{"head": 5 * time.Second, "body": 15 * time.Second, "reader": 45 * time.Second} {
		if got := longest[kind]; got > most+10*time.Second {
			t.Errorf("slow with the %s: the last of them was served for %v, want about %v", kind, got, most)
		}
	}
	if got := percentile(waits, 99); got > 3*time.Second {
		t.Errorf("an honest visitor waited for %v", got)
	}
	after := givenBack(t, before)
	t.Logf("slow clients: 450; dropped after: head %v, body %v, reader %v; an honest visitor's page meanwhile: p50 %v, p99 %v; before: %v; during: %v; after: %v",
		longest["head"].Round(time.Second), longest["body"].Round(time.Second), longest["reader"].Round(time.Second), percentile(waits, 50), percentile(waits, 99), before, during, after)
}

// TestHungAndAbortedCalls lets targets hang at every point, and visitors go
// away while they do.
func TestHungAndAbortedCalls(t *testing.T) { // M02, LIM-10, H01, H15
	calls := storetest.Times(60, 1000)
	d := dialect.All()[1]
	dir := t.TempDir()
	cfg := configure(t, dir)
	cfg.Limits = target.Limits{Dial: time.Second, TLS: 150 * time.Millisecond, FirstByte: 150 * time.Millisecond, Whole: 300 * time.Millisecond}
	w := start(t, dir, cfg)
	hangs := make(chan struct{})
	hung := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if rw.Header().Set("Content-Length", "1000"); strings.HasSuffix(r.URL.Path, "/token") {
			rw.WriteHeader(200)
			_, _ = io.WriteString(rw, `{"access_token":`)
			_ = http.NewResponseController(rw).Flush()
		}
		select {
		case <-r.Context().Done():
		case <-hangs:
		}
	}))
	t.Cleanup(func() { close(hangs) })
	silent := tcp(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	reset := tcp(t, func(c net.Conn) {
		_ = c.(*net.TCPConn).SetLinger(0) // so that closing resets
		_, _ = io.ReadFull(c, make([]byte, 100))
	})
	guests := make([]*visitor, 30)
	for i := range guests {
		guests[i] = w.visitor(t)
		guests[i].call("/"+d.ID+"/trust", "x.fingerprint="+hung.fingerprint()+"&x.target="+url.QueryEscape(hung.address))
	}
	w.visitor(t).call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	for _, v := range guests {
		v.http.CloseIdleConnections()
	}
	before := inUse(t)

	var mu sync.Mutex
	outcomes := map[string]int{}
	queue := make(chan int)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := range queue {
				v := guests[i%len(guests)]
				address := []string{hung.address, silent, reset, "127.0.0.1:1"}[i%4]
				body := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: fmt.Sprintf("nobody%d", i), dialect.Password: "x"}) + "&x.target=" + url.QueryEscape(address)
				outcome := "the visitor left"
				if i%5 == 0 {
					leaveEarly(t, v, "/"+d.ID+"/token", body)
				} else {
					outcome = fmt.Sprint(v.post("/"+d.ID+"/token", body, asJSON).status)
				}
				mu.Lock()
				outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	for i := range calls {
		queue <- i
	}
	close(queue)
	all.Wait()
	for _, v := range guests {
		v.http.CloseIdleConnections()
	}
	after := givenBack(t, before)
	for outcome := range outcomes {
		// 409: another tab of the same visitor has signed in meanwhile.
		if !slices.Contains([]string{"200", "409", "429", "the visitor left"}, outcome) {
			t.Errorf("%d calls ended with %s", outcomes[outcome], outcome)
		}
	}
	if outcomes["200"] < calls/4 {
		t.Errorf("too few calls reached a target: %v", outcomes)
	}
	t.Logf("hung, reset and left calls: %d (%v); before: %v; after: %v", calls, outcomes, before, after)
}

// leaveEarly sends a form and closes the connection before the answer.
func leaveEarly(t *testing.T, v *visitor, path, body string) {
	u, err := url.Parse(v.base)
	if err != nil {
		t.Error(err)
		return
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path, u.Host, v.cookies(), len(body), body)
	if err != nil {
		t.Error(err)
	}
}

// heard tells each line that is logged to a channel, as its message and
// attributes.
type heard struct {
	slog.Handler
	lines chan map[string]string
}

func (h heard) Handle(_ context.Context, r slog.Record) error {
	line := map[string]string{"msg": r.Message, "level": r.Level.String()}
	r.Attrs(func(a slog.Attr) bool { line[a.Key] = a.Value.String(); return true })
	h.lines <- line
	return nil
}

func (h heard) Enabled(context.Context, slog.Level) bool { return true }

// TestEvictionIsWarnedOf: a Redis that would drop sessions when it is full is
// named at the start, with what to do.
func TestEvictionIsWarnedOf(t *testing.T) { // RDS-4, D09
	t.Parallel()
	r := storetest.StartRedis(t, "--maxmemory-policy", "allkeys-lru")
	dir := t.TempDir()
	cfg := configure(t, dir, "--store", r.URL(), "--keyring", keyringIn(t, dir))
	h := heard{slog.DiscardHandler, make(chan map[string]string, 1000)}
	cfg.Log = slog.New(h)
	s, err := web.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	patience := time.After(30 * time.Second)
	for policy := ""; policy == ""; {
		select {
		case line := <-h.lines:
			if policy = line["policy"]; policy != "" && (line["level"] != "WARN" || policy != "allkeys-lru" || line["remedy"] != "set maxmemory-policy noeviction in Redis") {
				t.Errorf("got the line %v", line)
			}
		case <-patience:
			t.Fatal("nothing was said of the policy")
		}
	}

	t.Run("a Redis that keeps what it has gives no cause", func(t *testing.T) {
		h := heard{slog.DiscardHandler, make(chan map[string]string, 10)}
		if err := web.WarnOfEviction(t.Context(), storetest.StartRedis(t, "--maxmemory-policy", "noeviction").URL(), slog.New(h)); err != nil {
			t.Fatal(err)
		}
		if n := len(h.lines); n > 0 {
			t.Errorf("got the line %v", <-h.lines)
		}
	})
}

// TestRedisTrouble: whatever happens to Redis, a visitor is asked to wait and
// never signed out.
func TestRedisTrouble(t *testing.T) { // RDS-1, RDS-2, D06
	r := storetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	dir := t.TempDir()
	cfg := configure(t, dir, "--store", r.URL(), "--keyring", keyringIn(t, dir))
	cfg.Visitors.Session = limit.Rate{Burst: 1000, Every: time.Millisecond} // counted in Redis too
	w := start(t, dir, cfg)
	d := dialect.All()[0]
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	cookie, before := v.cookies(), v.state("/"+d.ID)
	var slowest time.Duration
	asked := 0
	trouble := func(t *testing.T) {
		t.Helper()
		for range storetest.Times(1, 5) {
			for _, res := range []func() *reply{
				func() *reply { return v.get("/"+d.ID, asJSON) },
				func() *reply { return v.get("/"+d.ID, asPage) },
				func() *reply { return v.post("/"+d.ID+"/explore", "", asJSON) },
				func() *reply { return v.post("/"+d.ID+"/refresh", "", asJSON) },
				func() *reply { return v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON) },
				func() *reply { return v.post("/forget", "", asJSON) },
			} {
				start := time.Now()
				got := res()
				asked++
				slowest = max(slowest, time.Since(start))
				if got.status != http.StatusServiceUnavailable || len(got.setter) > 0 || v.cookies() != cookie {
					t.Errorf("%s: got %d and the cookies %v: %.300s", got.call, got.status, got.setter, got.body)
				}
				if got.header.Get("Retry-After") == "" {
					t.Errorf("%s: got no Retry-After", got.call)
				}
			}
			v.get("/livez").want(200)
		}
		// What is ready is asked once a second at the most.
		start := time.Now()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for v.get("/readyz").status != http.StatusServiceUnavailable {
			if time.Since(start) > 5*time.Second {
				t.Fatal("it says that it is ready")
			}
			<-tick.C
		}
	}
	back := func(t *testing.T) {
		t.Helper()
		start := time.Now()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for v.get("/readyz").status != 200 || v.get("/"+d.ID, asJSON).status != 200 {
			if time.Since(start) > 5*time.Second {
				t.Fatal("it is not ready after 5 seconds")
			}
			<-tick.C
		}
		t.Logf("ready again after %v", time.Since(start).Round(time.Millisecond))
		if got := v.state("/" + d.ID); got != before {
			t.Errorf("the session changed: %s", got)
		}
		if v.cookies() != cookie {
			t.Error("the cookie changed")
		}
	}
	t.Run("a Redis that hangs", func(t *testing.T) {
		r.Hang()
		trouble(t)
		r.Resume()
		// What was sent and not answered may still be done; only then is the
		// session looked at.
		back(t)
	})
	t.Run("a Redis that is killed", func(t *testing.T) {
		r.Kill()
		trouble(t)
		r.Restart()
		back(t)
	})
	if slowest > 4*time.Second {
		t.Errorf("a request took %v", slowest)
	}
	t.Logf("requests during the trouble: %d, sessions lost: 0, the slowest took %v", asked, slowest.Round(time.Millisecond))
}
