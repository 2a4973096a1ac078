package web_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tokenplayground/web/dialect"
)

func TestPagesNameTheProfile(t *testing.T) { // PRO-4
	t.Parallel()
	for profile, egress := range map[string]string{"local": "any server that you name", "demo": "its own sandbox only"} {
		v := open(t, "--profile", profile).visitor(t)
		for _, path := range []string{"/", "/" + dialect.All()[0].ID, "/people", "/nope"} {
			body := v.get(path, asPage).body
			if !strings.Contains(body, "Profile "+profile+".") || !strings.Contains(body, egress) {
				t.Errorf("%s in %s: the page names neither profile nor egress", path, profile)
			}
		}
	}
}

func TestPagesSayWhatIsNotVerified(t *testing.T) { // SCR-11
	t.Parallel()
	w := open(t)
	said := 0
	for _, d := range dialect.All() {
		v := w.visitor(t)
		token := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")).Session.AccessToken
		if strings.Count(token, ".") != 2 {
			continue // an opaque token is not decoded
		}
		said++
		v.get("/"+d.ID+"?op=token&view=decoded", asPage).want(200).has("not verified")
	}
	if said == 0 {
		t.Error("no product gives a token that can be decoded")
	}
}

// TestTargetsHearNothingOfTheBrowser sends everything that a browser and the
// proxies before us may add.
func TestTargetsHearNothingOfTheBrowser(t *testing.T) { // EGR-11
	t.Parallel()
	w := open(t)
	d := dialect.All()[1]
	var mu sync.Mutex
	var heard []http.Header
	play := realSandbox(t, nil).Handler(d, "")
	s := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		heard = append(heard, r.Header.Clone())
		mu.Unlock()
		play.ServeHTTP(rw, r)
	}))
	v := w.visitor(t)
	at := "x.target=" + url.QueryEscape(s.address)
	browser := []string{"Origin", w.url, "Sec-Fetch-Site", "same-origin", "User-Agent", "xz!agent", "Referer", w.url + "/xz!", "X-Forwarded-For", "192.0.2.7", "X-Forwarded-Host", "xz!example",
		"X-Real-Ip", "192.0.2.7", "Forwarded", "for=192.0.2.7", "X_Forwarded_For", "192.0.2.7", "Authorization", "Bearer xz!", "X-Xz", "xz!", "Accept-Language", "xz!", "Via", "1.1 xz!", "Dnt", "1"}
	v.call("/"+d.ID+"/trust", "x.fingerprint="+s.fingerprint()+"&"+at)
	for _, step := range []string{"/token", "/explore", "/refresh", "/accounts/logout"} {
		body := at
		if step == "/token" {
			body = signIn(t, d, "administrator") + "&" + at
		}
		v.post("/"+d.ID+step, body, asJSON, browser).want(200)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(heard) < 4 {
		t.Fatalf("the target heard %d calls only", len(heard))
	}
	_, ticket, _ := strings.Cut(v.cookies(), "=")
	for _, h := range heard {
		for name := range h {
			switch name {
			case "Accept", "Accept-Encoding", "Authorization", "Content-Type", "Content-Length", "Connection", "User-Agent", "X-Api-Version":
			default:
				t.Errorf("the target heard %s: %q", name, h[name])
			}
		}
		// No token of a product's has an exclamation mark.
		for _, never := range []string{"xz!", "192.0.2.7", w.url} {
			if strings.Contains(fmt.Sprint(h), never) {
				t.Errorf("the target heard %q: %v", never, h)
			}
		}
		if ticket != "" && strings.Contains(fmt.Sprint(h), ticket) {
			t.Error("the target heard the ticket")
		}
	}
}

func TestForwardedHeadersAreIgnored(t *testing.T) { // B07, LIM-1
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	forged := []string{"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "https", "X-Forwarded-Protocol", "https", "X-Forwarded-Ssl", "on", "X-Url-Scheme", "https", "X-Forwarded-Host", "evil.example",
		"X-Real-Ip", "6.6.6.6", "Forwarded", "for=6.6.6.6;proto=https;host=evil.example", "X-Http-Method-Override", "DELETE", "X-Original-Url", "/forget", "X-Rewrite-Url", "/forget"}
	v := w.visitor(t)
	got := v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asPage, forged).want(http.StatusSeeOther)
	if len(got.setter) != 1 || got.setter[0].Secure || got.setter[0].Name != "pg" {
		t.Errorf("got the cookies %v: a client's word on its scheme counts", got.setter)
	}
	if to := got.header.Get("Location"); !strings.HasPrefix(to, "/"+d.ID+"?") {
		t.Errorf("got Location %q", to)
	}
	page := v.get("/"+d.ID, asPage, forged).want(200).lacks("evil.example", "6.6.6.6")
	if page.header.Get("Strict-Transport-Security") != "" {
		t.Error("a client's word on its scheme counts")
	}
	if strings.Contains(v.state("/"+d.ID), `"state":"none"`) {
		t.Error("a header chose another route")
	}
	w.stop()
	if strings.Contains(w.log.String(), "6.6.6.6") {
		t.Error("the log has an address that a client made up")
	}
}

func TestLargeHeads(t *testing.T) { // B04, X12, LIM-6
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	for name, header := range map[string][]string{
		"one long header": {"X-Long", strings.Repeat("a", 40<<10)},
		"a long address":  nil,
		"many cookies":    {"Cookie", strings.Repeat("c="+strings.Repeat("x", 4000)+"; ", 60)},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/" + d.ID
			if header == nil {
				path += "?x=" + strings.Repeat("a", 40<<10)
			}
			if got := w.visitor(t).get(path, header); got.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("got %d, want 431", got.status)
			}
		})
	}
	t.Run("ten thousand headers", func(t *testing.T) {
		var b strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&b, "X-%d: 1\r\n", i)
		}
		all := raw(t, w.url, "GET / HTTP/1.1\r\nHost: localhost\r\n"+b.String()+"\r\n")
		if len(all) != 1 || all[0].StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %+v, want 431", all)
		}
	})
	t.Run("a visitor is served all the while", func(t *testing.T) {
		w.visitor(t).get("/"+d.ID, asPage).want(200)
	})
}

func TestNoDebugRoutes(t *testing.T) { // SCR-10
	t.Parallel()
	v := open(t).visitor(t)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/metrics", "/admin", "/.env", "/.git/config", "/config", "/keyring", "/playground.db", "/server-status", "/actuator",
		"/healthz", "/status", "/env", "/trace", "/console", "/swagger/pprof", "/static/keyring", "/robots.txt.bak"} {
		v.get(path, asPage).want(http.StatusNotFound)
	}
}

func TestClassRoomsRefuseOldTLS(t *testing.T) { // TLS-9
	t.Parallel()
	w := open(t, "--profile", "class")
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		address := strings.TrimPrefix(w.url, "https://")
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}}).DialContext(t.Context(), "tcp", address)
		if (err == nil) != want {
			t.Errorf("%s: got %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// TestNoHTTP2: nothing is shared between the requests of a connection, so what
// only HTTP/2 can be flooded with is not there.
func TestNoHTTP2(t *testing.T) { // B13
	t.Parallel()
	w := open(t, "--profile", "class")
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("a class room speaks %q", got)
	}
	for what, request := range map[string]string{
		"with knowledge before": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"by an upgrade":         "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
	} {
		for _, res := range raw(t, open(t).url, request) {
			if res.StatusCode == http.StatusSwitchingProtocols || res.ProtoMajor != 1 {
				t.Errorf("%s: got %s %s", what, res.Proto, res.Status)
			}
		}
	}
}
