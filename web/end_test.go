package web_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
)

// TestEnd: a call that runs when the end begins is finished and kept, new
// visitors are served until the listener closes, and readiness says at once
// that it will.
func TestEnd(t *testing.T) {
	t.Parallel()
	d := dialect.All()[0]
	held, let := make(chan struct{}), make(chan struct{})
	play := realSandbox(t, nil)
	target := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		close(held)
		<-let
		play.Handler(d, "").ServeHTTP(rw, r)
	}))
	release := sync.OnceFunc(func() { close(let) })
	dir := t.TempDir()
	cfg := configure(t, dir)
	// Long enough to come in between, on a machine that is busy.
	cfg.Drain = 2 * time.Second
	w := start(t, dir, cfg)
	t.Cleanup(release) // the end waits for the call
	v := w.visitor(t)
	at := "&x.target=" + target.address
	v.call("/"+d.ID+"/target", "x.host="+target.address)
	v.call("/"+d.ID+"/trust", "x.fingerprint="+target.fingerprint()+at)
	running := make(chan answer, 1)
	go func() {
		defer close(running)
		running <- v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+at)
	}()
	<-held

	ended := make(chan struct{})
	go func() { defer close(ended); w.stop() }()
	other := w.visitor(t)
	for got := other.get("/readyz"); ; got = other.get("/readyz") {
		if got.status == 503 {
			got.problem(503, "stopping")
			break
		}
	}
	other.get("/livez").want(200)
	other.get("/"+d.ID, asPage).want(200)
	for { // until the listener has closed, before which nobody is cut off
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	release()
	got := <-running
	if got.Session.State != "valid" || got.Exchange.Response.Status != 200 {
		t.Errorf("the call that ran: got %s", got.raw)
	}
	cookie := v.cookies()
	<-ended
	if conn, err := net.DialTimeout("tcp", strings.TrimPrefix(w.url, "http://"), time.Second); err == nil {
		conn.Close()
		t.Error("the listener is open after the end")
	}

	u := start(t, dir, configure(t, dir)).visitor(t)
	after := u.get("/"+d.ID+"?target="+target.address, asJSON, []string{"Cookie", cookie}).want(200)
	after.has(`"state":"valid"`)
}

// TestReadyIsRemembered: whoever asks often does not become the store's load,
// and liveness does not ask it at all.
func TestReadyIsRemembered(t *testing.T) { // OBS-1
	t.Parallel()
	for _, tc := range []struct {
		name  string
		later time.Duration
		asks  bool
	}{
		{"at once", 0, false},
		{"within the second", time.Second - 1, false},
		{"after a second", time.Second, true},
		{"by a clock that was put back", -time.Hour, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := configure(t, t.TempDir())
			var at atomic.Int64
			at.Store(time.Now().UnixNano())
			cfg.Now = func() time.Time { return time.Unix(0, at.Load()) }
			s, err := web.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ask := func(path string) *reply {
				rec := httptest.NewRecorder()
				s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil))
				return &reply{t: t, call: "GET " + path, status: rec.Code, header: rec.Header(), body: rec.Body.String()}
			}
			ask("/readyz").want(200)
			s.CloseStore()
			ask("/livez").want(200)
			at.Add(int64(tc.later))
			if !tc.asks {
				ask("/readyz").want(200)
				return
			}
			ask("/readyz").problem(503, "store-unavailable")
			ask("/livez").want(200)
		})
	}
}
