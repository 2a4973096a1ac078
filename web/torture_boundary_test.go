package web_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"tokenplayground/openapi"
	"tokenplayground/static"
	"tokenplayground/web/dialect"
)

// ways are a method and a path of every route that the API description has, for
// one product, but for those of the sandbox, which has the products' own
// headers. What no document names stands beside them.
func ways(t *testing.T, product string) [][2]string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(openapi.OpenAPI3, &doc); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{product}", product, "{n}", "1")
	var out [][2]string
	for path, methods := range doc.Paths {
		if strings.HasPrefix(path, "/sandbox/") {
			continue
		}
		for method := range methods {
			out = append(out, [2]string{strings.ToUpper(method), fill.Replace(path)})
		}
	}
	if len(out) < 15 {
		t.Fatalf("the API description has %d routes only", len(out))
	}
	for _, path := range []string{static.URL("app.css"), "/swagger", "/swagger/", "/swagger/index.html"} {
		out = append(out, [2]string{"GET", path})
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[1]+a[0], b[1]+b[0]) })
	return out
}

// TestEveryAnswerIsGuarded walks every route with every method, and every way
// in which a request can be refused, with an Origin that would like to read
// the answer.
func TestEveryAnswerIsGuarded(t *testing.T) { // X10, HDR-1, HDR-2, EMB-1, CSR-6, SES-4
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	all := ways(t, d.ID)
	for _, way := range ways(t, "nope") {
		if strings.Contains(way[1], "nope") {
			all = append(all, way)
		}
	}
	for _, path := range []string{"/nope", "/a/b/c", "/static/nope", "/swagger/nope", "/" + d.ID + "/nope", "/sandbox/", "/sandbox/nope"} {
		all = append(all, [2]string{"GET", path})
	}
	paths := map[string]bool{}
	for _, way := range all {
		paths[way[1]] = true
	}
	for path := range paths {
		for _, method := range []string{"HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"} {
			all = append(all, [2]string{method, path})
		}
	}
	statuses := map[int]int{}
	for _, way := range all {
		for what, header := range map[string][]string{
			"as it is":          {"Origin", "https://evil.example"},
			"for another host":  {"Origin", "https://evil.example", "Host", "evil.example"},
			"a preflight":       {"Origin", "https://evil.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x"},
			"with a huge query": {"Origin", "null", "Accept", "text/html"},
		} {
			path := way[1]
			if what == "with a huge query" {
				path += "?x=" + strings.Repeat("a", 2000)
			}
			res := v.do(way[0], path, "", asPage, header)
			statuses[res.status]++
			guarded(t, what, res)
			if len(res.setter) > 0 {
				t.Errorf("%s %s: got the cookies %v before anything was kept", res.call, what, res.setter)
			}
		}
	}
	big := v.post("/"+d.ID+"/token", strings.Repeat("a", 70<<10), asPage).want(413)
	guarded(t, "a body that is too large", big)
	token := "/sandbox/" + d.ID + d.Path(d.Operation(dialect.Obtain), "")
	guarded(t, "the sandbox by another name", v.get(token, asPage, []string{"Host", "evil.example"}).want(421))
	t.Logf("answers looked at: %d, by status: %v", len(all)*4+1, statuses)
	for _, status := range []int{200, 403, 404, 405, 421} {
		if statuses[status] == 0 {
			t.Errorf("no answer had the status %d", status)
		}
	}
}

// guarded holds an answer to the headers that all have.
func guarded(t *testing.T, what string, res *reply) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := res.header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s %s: got %s %q, want %q once", res.call, what, name, got, want)
		}
	}
	policy := res.header.Values("Content-Security-Policy")
	if len(policy) != 1 || !strings.Contains(policy[0], "default-src 'none'") || !strings.Contains(policy[0], "frame-ancestors 'none'") ||
		!strings.Contains(policy[0], "base-uri 'none'") || strings.Contains(policy[0], "unsafe-") {
		t.Errorf("%s %s: got the policy %q", res.call, what, policy)
	}
	if !strings.Contains(res.header.Get("Permissions-Policy"), "camera=()") {
		t.Errorf("%s %s: got the permissions %q", res.call, what, res.header.Get("Permissions-Policy"))
	}
	for name := range res.header {
		if strings.HasPrefix(name, "Access-Control-") || slices.Contains([]string{"Server", "X-Powered-By", "X-Xss-Protection", "X-Frame-Options", "Via"}, name) {
			t.Errorf("%s %s: got the header %s", res.call, what, name)
		}
	}
	if strings.Contains(fmt.Sprint(res.header, res.body), "evil.example") {
		t.Errorf("%s %s: the answer repeats a foreign name", res.call, what)
	}
}

// raw sends bytes and reads the answers until the server has nothing to add.
func raw(t *testing.T, address, request string) []*http.Response {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	var all []*http.Response
	in := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(in, nil)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("after %q the server neither answers nor hangs up", request)
		}
		if err != nil {
			return all
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body = io.NopCloser(strings.NewReader(string(body)))
		all = append(all, res)
	}
}

// TestHostSpellings writes requests by hand, since clients tidy up what they
// send.
func TestHostSpellings(t *testing.T) { // X01, X02, CSR-1
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	port := w.url[strings.LastIndex(w.url, ":"):]
	get := func(line, headers string) string {
		return "GET " + line + " HTTP/1.1\r\n" + headers + "Accept: text/html\r\nConnection: close\r\n\r\n"
	}
	for _, tc := range []struct {
		name, request string
		status        int
	}{
		{"the loopback address", get("/"+d.ID, "Host: 127.0.0.1"+port+"\r\n"), 200},
		{"capitals", get("/"+d.ID, "Host: LocalHost"+port+"\r\n"), 200},
		{"an IPv6 loopback", get("/"+d.ID, "Host: [::1]"+port+"\r\n"), 200},
		{"a rebound name", get("/"+d.ID, "Host: evil.test"+port+"\r\n"), 421},
		{"a rebound name without a port", get("/"+d.ID, "Host: evil.test\r\n"), 421},
		{"our name with a trailing dot", get("/"+d.ID, "Host: localhost."+port+"\r\n"), 421},
		{"our name before another", get("/"+d.ID, "Host: localhost.evil.test"+port+"\r\n"), 421},
		{"our name after another", get("/"+d.ID, "Host: evil.test.localhost"+port+"\r\n"), 421},
		{"our address before another", get("/"+d.ID, "Host: 127.0.0.1.evil.test"+port+"\r\n"), 421},
		{"a short address", get("/"+d.ID, "Host: 127.1"+port+"\r\n"), 421},
		{"an address as one number", get("/"+d.ID, "Host: 2130706433"+port+"\r\n"), 421},
		{"an address in hexadecimal", get("/"+d.ID, "Host: 0x7f000001"+port+"\r\n"), 421},
		{"another loopback address", get("/"+d.ID, "Host: 127.0.0.2"+port+"\r\n"), 421},
		{"the unspecified address", get("/"+d.ID, "Host: 0.0.0.0"+port+"\r\n"), 421},
		{"the unspecified IPv6 address", get("/"+d.ID, "Host: [::]"+port+"\r\n"), 421},
		{"a mapped address", get("/"+d.ID, "Host: [::ffff:127.0.0.1]"+port+"\r\n"), 421},
		{"our name before an at sign", get("/"+d.ID, "Host: localhost@evil.test"+port+"\r\n"), 400},
		{"no host in an old request", "GET /" + d.ID + " HTTP/1.0\r\nAccept: text/html\r\n\r\n", 421},
		{"an empty host", get("/"+d.ID, "Host: \r\n"), 421},
		{"no host", get("/"+d.ID, ""), 400},
		{"two hosts", get("/"+d.ID, "Host: localhost"+port+"\r\nHost: evil.test\r\n"), 400},
		{"two hosts the other way round", get("/"+d.ID, "Host: evil.test\r\nHost: localhost"+port+"\r\n"), 400},
		{"an absolute address of another", get("http://evil.test/"+d.ID, "Host: localhost"+port+"\r\n"), 421},
		{"a forwarded host does not help", get("/"+d.ID, "Host: evil.test\r\nX-Forwarded-Host: localhost"+port+"\r\nForwarded: host=localhost\r\n"), 421},
		{"a forwarded host does not harm", get("/"+d.ID, "Host: localhost"+port+"\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nX_Forwarded_Host: evil.test\r\n"), 200},
		{"a rebound name for the sandbox", get("/sandbox/"+d.ID+"/", "Host: evil.test"+port+"\r\n"), 421},
		{"a rebound name for a file", get("/static/x", "Host: evil.test"+port+"\r\n"), 421},
		{"a rebound name for the health", get("/livez", "Host: evil.test"+port+"\r\n"), 421},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all := raw(t, w.url, tc.request)
			if len(all) != 1 || all[0].StatusCode != tc.status {
				t.Fatalf("got %d answers, want one with the status %d: %+v", len(all), tc.status, all)
			}
			body, err := io.ReadAll(all[0].Body)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(fmt.Sprint(all[0].Header, string(body)), "evil.test") {
				t.Errorf("the answer repeats the foreign name: %s", body)
			}
			if len(all[0].Cookies()) > 0 {
				t.Errorf("got the cookies %v", all[0].Cookies())
			}
		})
	}
	t.Run("a form on a rebound name reaches no session", func(t *testing.T) {
		u := settled(t, w, d)
		form := signIn(t, d, "administrator")
		all := raw(t, w.url, fmt.Sprintf("POST /%s/forget HTTP/1.1\r\nHost: evil.test%s\r\nOrigin: http://evil.test%s\r\nSec-Fetch-Site: same-origin\r\nCookie: %s\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", d.ID, port, port, u.cookie, len(form), form))
		if len(all) != 1 || all[0].StatusCode != 421 {
			t.Fatalf("got %+v, want one 421", all)
		}
		if got := u.visitor.state("/" + d.ID); got != u.before {
			t.Error("the session changed")
		}
	})
}

// inRedis starts a playground whose whole store can be read as a text.
func inRedis(t *testing.T) (*site, *miniredis.Miniredis) {
	t.Helper()
	m := miniredis.RunT(t)
	dir := t.TempDir()
	keyringIn(t, dir)
	return start(t, dir, configure(t, dir, "--store", "redis://"+m.Addr(), "--keyring", filepath.Join(dir, "keyring"))), m
}

// contents are all keys and values but for the sandbox's signing keys, which
// it makes by itself after the start.
func contents(m *miniredis.Miniredis) string {
	var out strings.Builder
	skip := false
	for line := range strings.Lines(m.Dump()) {
		if strings.HasPrefix(line, "- ") {
			skip = strings.HasPrefix(line, "- pg:sandbox/key/")
		}
		if !skip {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestCrossOriginTable sends every unsafe request of the program as other
// sites can, with the session's cookie.
func TestCrossOriginTable(t *testing.T) { // X03–X05, CSR-2
	t.Parallel()
	w, m := inRedis(t)
	d := dialect.All()[0]
	s := realServer(t, d)
	at := "x.target=" + url.QueryEscape(s.address)
	v := w.visitor(t)
	v.call("/"+d.ID+"/trust", "x.fingerprint="+s.fingerprint()+"&"+at)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+"&"+at)
	before, calls := contents(m), len(s.received())
	refused := 0
	for _, way := range ways(t, d.ID) {
		if way[0] != "POST" {
			continue
		}
		for what, header := range map[string][]string{
			"a cross-site form":          {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Sec-Fetch-Mode", "navigate"},
			"a cross-site form of ours":  {"Sec-Fetch-Site", "cross-site", "Origin", w.url},
			"a sibling":                  {"Sec-Fetch-Site", "same-site", "Origin", "http://sibling.localhost"},
			"another port":               {"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1"},
			"an old browser":             {"Origin", "https://evil.example"},
			"an old browser's port":      {"Origin", "http://127.0.0.1:1"},
			"an opaque origin":           {"Origin", "null"},
			"an opaque origin that says": {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
			"an origin that is none":     {"Origin", "127.0.0.1"},
			"a fetch without credentials": {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors",
				"Sec-Fetch-Dest", "empty", "Origin", "https://evil.example"},
		} {
			res := v.post(way[1], signIn(t, d, "administrator")+"&"+at, asJSON, header)
			if res.status != http.StatusForbidden || len(res.setter) > 0 {
				t.Errorf("%s by %s: got %d and the cookies %v", way[1], what, res.status, res.setter)
			}
			refused++
		}
	}
	if diff := cmp.Diff(before, contents(m)); diff != "" {
		t.Errorf("the store changed: %s", diff)
	}
	if n := len(s.received()); n != calls {
		t.Errorf("the target was called %d times", n-calls)
	}
	for what, header := range map[string][]string{
		"our own form":              {"Sec-Fetch-Site", "same-origin", "Origin", w.url},
		"a person who typed":        {"Sec-Fetch-Site", "none"},
		"an old browser's own form": {"Origin", w.url},
		"a script without a cookie": nil,
	} {
		if got := w.visitor(t).post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON, header); got.status != 200 {
			t.Errorf("%s: got %d: %s", what, got.status, got.body)
		}
	}
	if refused < 80 {
		t.Errorf("%d requests were tried only", refused)
	}
	t.Logf("requests of other sites: %d, let through: 0", refused)
}

// TestReadingWritesNothing asks for every address with every safe method and
// compares the whole store.
func TestReadingWritesNothing(t *testing.T) { // CSR-4
	t.Parallel()
	w, m := inRedis(t)
	d := dialect.All()[0]
	s := realServer(t, d)
	at := "x.target=" + url.QueryEscape(s.address)
	v := w.visitor(t)
	v.call("/"+d.ID+"/trust", "x.fingerprint="+s.fingerprint()+"&"+at)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+"&"+at)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	v.state("/" + d.ID) // the new ticket is presented, which ends the one before the sign-in
	before, calls := contents(m), len(s.received())
	asked := 0
	for _, way := range ways(t, d.ID) {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			for _, query := range []string{"", "?" + strings.Replace(at, "x.target", "target", 1), "?op=token&grant=" + grantWire(t, d, dialect.PasswordGrant) + "&try=token&fill=1&reveal=access"} {
				for _, accept := range [][]string{asPage, asJSON, asFragment} {
					v.do(method, way[1]+query, "", accept)
					asked++
				}
			}
		}
	}
	if diff := cmp.Diff(before, contents(m)); diff != "" {
		t.Errorf("the store changed: %s", diff)
	}
	if n := len(s.received()); n != calls {
		t.Errorf("the target was called %d times", n-calls)
	}
	t.Logf("requests: %d, bytes of the store that changed: 0", asked)
}

// TestPathTricks sends paths that clients would tidy up.
func TestPathTricks(t *testing.T) { // HDR-3
	t.Parallel()
	w := open(t)
	for _, path := range []string{
		"/static/../static.go", "/static/..%2fstatic.go", "/static/%2e%2e/static.go", "/static/%2e%2e%2fstatic.go", "/static/..%5cstatic.go", "/static/%5c..%5c..%5cetc%5cpasswd",
		"/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/%2f%2fevil.test", "/static/....//....//etc/passwd", "/static/..;/static.go", "/static/%00", "/static/app.css%00.js",
		"/static", "/static/", "/static/.", "/static/%2e", "/static%2fapp.css", "/static/%c0%ae%c0%ae/static.go", "/static/%252e%252e/static.go",
		"/swagger/../openapi.go", "/swagger/..%2fopenapi.go", "/swagger/%2e%2e/openapi.json.go", "/swagger//evil.test", "/swagger/%5cevil.test", "/swagger%2f",
		"//evil.test/", "//evil.test/%2f..", "/%2fevil.test", "/%5cevil.test", "/\\evil.test", "/..//evil.test", "/./", "/%2e%2e/", "/%2e%2e%2f%2e%2e%2fetc/passwd",
		"/vbr%2ftoken", "/vbr/", "//vbr", "/vbr//token", "/sandbox/../vbr", "/sandbox/%2e%2e/vbr", "/sandbox/w/../../vbr", "/sandbox/w/%2e%2e/vbr/", "/livez/", "/readyz/..%2f",
	} {
		t.Run(path, func(t *testing.T) {
			for _, res := range raw(t, w.url, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n") {
				body, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				switch to := res.Header.Get("Location"); {
				case res.StatusCode >= 300 && res.StatusCode < 400:
					u, err := url.Parse(to)
					if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
						t.Errorf("got %d to %q", res.StatusCode, to)
					}
				case res.StatusCode == 200 && !strings.Contains(string(body), "<html"):
					t.Errorf("got %d: %.200s", res.StatusCode, body)
				case res.StatusCode >= 500:
					t.Errorf("got %d: %.200s", res.StatusCode, body)
				}
				for _, text := range []string{"package static", "package openapi", "root:x:0", "<pre>", "Index of"} {
					if strings.Contains(string(body), text) {
						t.Errorf("the answer has %q", text)
					}
				}
			}
		})
	}
}

// insides are texts of the program itself, which tell an attacker about it and
// a person nothing. Each begins with plain text, so that looking for it in a
// page is quick.
var insides = func() (all []*regexp.Regexp) {
	for _, text := range []string{
		`goroutine \d`, `\.go:\d`, `tokenplayground/`, `runtime error`, `runtime\.`, `0xc0[0-9a-f]{6}`, `\*(echo|errors|http|url|fmt|json)\.`,
		`echo\.`, `code=\d+, message`, `bbolt`, `go-redis`, `net/http`, `context (deadline|canceled)`, `unexpected EOF`, `invalid character`,
		`strconv\.`, `panic:`, `/playground\.db`, `syscall`, `dial tcp`,
	} {
		all = append(all, regexp.MustCompile(text))
	}
	return all
}()

// TestNothingOfTheInsideIsTold looks at every refusal of junk.
func TestNothingOfTheInsideIsTold(t *testing.T) { // ERR-1
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	looked := 0
	look := func(res *reply) {
		looked++
		body := res.body
		if res.header.Get("Content-Type") == "application/problem+json" {
			var p problemJSON
			if err := json.Unmarshal([]byte(body), &p); err != nil || p.Instance != res.header.Get("X-Request-Id") || !strings.HasPrefix(p.Type, "/problems/") {
				t.Errorf("%s: got the problem %s, %v", res.call, body, err)
			}
		}
		said := body + fmt.Sprint(res.header)
		for _, inside := range insides {
			if m := inside.FindString(said); m != "" {
				t.Errorf("%s: got %q in: %.600s", res.call, m, body)
			}
		}
	}
	junk := []string{"", "%zz", "a=%00", "a=b;c=d", strings.Repeat("a=b&", 100), strings.Repeat("x", 70<<10), "{", `{"a":`, `{"a":1e999}`, `[]`, "null", "\xff\xfe", strings.Repeat(`{"a":`, 2000), "--x\r\n"}
	for _, way := range ways(t, d.ID) {
		if way[0] == "GET" {
			if strings.HasPrefix(way[1], "/swagger") || strings.HasSuffix(way[1], ".json") || strings.HasPrefix(way[1], "/static/") {
				continue
			}
			for _, q := range []string{"?%zz", "?x=%00", "?x=;", "?target=%ff", "?version=" + strings.Repeat("9", 3000), "?op=../..", "?x=18446744073709551616"} {
				look(v.get(way[1]+q, asJSON))
				look(v.get(way[1]+q, asPage))
			}
			continue
		}
		if way[1] == "/forget" || strings.HasSuffix(way[1], "/forget") || strings.HasSuffix(way[1], "/logout") {
			continue
		}
		for _, body := range junk {
			for _, kind := range []string{"application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "text/plain", "application/json; charset=\"", ""} {
				look(v.do("POST", way[1], body, asJSON, []string{"Content-Type", kind}))
			}
			look(v.post(way[1], body, asPage))
		}
	}
	for _, n := range []string{"0", "-1", "99999999999999999999", "1.5", "%00", "a"} {
		look(v.get("/"+d.ID+"/exchanges/"+n, asJSON))
	}
	if looked < 300 {
		t.Errorf("%d answers were looked at only", looked)
	}
	t.Logf("answers to junk: %d, with something of the inside: 0", looked)
}

// TestLogLinesStayWhole writes into everything that a client can write.
func TestLogLinesStayWhole(t *testing.T) { // C05, SCR-8, SCR-9
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	evil := []string{"a\r\nINJECTED", "\x1b[31mINJECTED", "\u202eINJECTED", "\xff\xfeINJECTED", `","INJECTED":"`, strings.Repeat("INJECTED", 1000)}
	for _, text := range evil {
		q := url.QueryEscape(text)
		v.get("/"+d.ID+"?op="+q, asPage)
		v.get("/"+url.PathEscape(text), asPage)
		v.get("/"+d.ID+"/exchanges/"+url.PathEscape(text), asJSON)
		v.post("/"+d.ID+"/token", "grant_type="+q+"&username="+q+"&password="+q+"&x.target="+q, asJSON)
		v.post("/"+d.ID+"/target", "x.host="+q, asJSON)
		v.post("/"+d.ID+"/token", form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: text, dialect.Password: text}), asJSON)
		if !strings.ContainsAny(text, "\r\n\x1b") {
			v.get("/livez", []string{"X-Request-Id", text, "User-Agent", text, "Referer", text, "X-Forwarded-For", text})
		}
		v.get("/sandbox/"+d.ID+"/"+url.PathEscape(text), asJSON)
	}
	own := v.get("/livez", []string{"X-Request-Id", "my-own-reference-1"})
	if own.header.Get("X-Request-Id") != "my-own-reference-1" {
		t.Errorf("a harmless reference became %q", own.header.Get("X-Request-Id"))
	}
	w.stop()
	lines := 0
	for line := range strings.Lines(w.log.String()) {
		lines++
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Errorf("a line is no JSON: %v: %.200q", err, line)
		}
		if strings.Contains(line, "INJECTED") {
			t.Errorf("a line has what a client wrote: %.300q", line)
		}
	}
	if lines < 40 {
		t.Errorf("there are %d lines only", lines)
	}
	t.Logf("lines: %d, with a client's text: 0", lines)
}
