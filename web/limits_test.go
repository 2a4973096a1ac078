package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/limit"
	"tokenplayground/web/store/storetest"
)

// room is a playground with the limits of a class, to which a proxy says who
// its visitors are.
func room(t *testing.T, change func(*web.Config)) *site {
	t.Helper()
	dir := t.TempDir()
	class, err := web.ParseConfig([]string{"--profile", "class", "--store", "memory:"}, environment(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := configure(t, dir, "--store", "memory:")
	cfg.Visitors = class.Visitors
	cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if change != nil {
		change(&cfg)
	}
	return start(t, dir, cfg)
}

var behindNAT = []string{"X-Forwarded-For", "203.0.113.7"}

// TestThirtyPeopleAndABully: thirty people behind one address who click every
// two seconds are never sent away, whatever one of the neighbours does.
func TestThirtyPeopleAndABully(t *testing.T) {
	t.Parallel()
	w := room(t, nil)
	d := dialect.All()[0]
	var people []*visitor
	for range 31 {
		v := w.visitor(t)
		v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON, behindNAT).answer()
		people = append(people, v)
	}
	bully, people := people[30], people[:30]
	refused := 0
	for range 60 {
		for range 40 {
			got := bully.post("/"+d.ID+"/forget", "", asJSON, behindNAT)
			if got.status != 200 {
				got.problem(429, "too-many-requests")
				if s, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || s < 1 || s > 5 {
					t.Errorf("got Retry-After %q", got.header.Get("Retry-After"))
				}
				refused++
			}
		}
		for _, v := range people {
			v.post("/"+d.ID+"/forget", "", asJSON, behindNAT).answer()
		}
		w.clock.advance(2 * time.Second)
	}
	if want := 60*40 - 60 - 60*5; refused < want {
		t.Errorf("the bully was refused %d times, want %d or more", refused, want)
	}
}

func TestBeginningsOfOneAddress(t *testing.T) {
	t.Parallel()
	w := room(t, func(c *web.Config) { c.Visitors.Beginnings.Burst = 3 })
	path := "/" + dialect.All()[0].ID + "/forget"
	begin := func(from string) *reply {
		return w.visitor(t).post(path, "", asJSON, []string{"X-Forwarded-For", from})
	}
	for range 3 {
		begin("2001:db8:1:2::1").want(200)
	}
	for _, tc := range []struct {
		name, from string
		status     int
	}{
		{"another address of the same network", "2001:db8:1:2:ffff::9", 429},
		{"another network", "2001:db8:1:3::1", 200},
		{"what the visitor claims before the proxy's word", "198.51.100.1, 2001:db8:1:2::1", 429},
	} {
		t.Run(tc.name, func(t *testing.T) { begin(tc.from).want(tc.status) })
	}
	t.Run("reading is not limited", func(t *testing.T) {
		w.visitor(t).get("/", asPage, []string{"X-Forwarded-For", "2001:db8:1:2::1"}).want(200)
	})
	t.Run("the sandbox is not either", func(t *testing.T) {
		d := dialect.All()[0]
		for range 5 {
			w.visitor(t).post("/sandbox/"+d.ID+d.Path(d.Operation(dialect.Obtain), ""), signIn(t, d, "administrator"), []string{"X-Forwarded-For", "2001:db8:1:2::1"}).want(d.Operation(dialect.Obtain).Status)
		}
	})
	t.Run("without a proxy nobody is believed", func(t *testing.T) {
		w := room(t, func(c *web.Config) { c.Visitors.Beginnings.Burst, c.Proxies = 1, nil })
		for range 3 {
			w.visitor(t).post(path, "", asJSON, behindNAT).want(200) // from this machine itself, which is not limited
		}
	})
}

func TestNeighbourhood(t *testing.T) {
	for ip, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "2001:db8::1": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
		"127.0.0.9": "", "::1": "", "::ffff:127.0.0.1": "", "": "?", "nonsense": "?",
	} {
		if got := web.Neighbourhood(ip); got != want {
			t.Errorf("%q: got %q, want %q", ip, got, want)
		}
	}
}

// atServer lets a visitor trust a server and returns the field that names it.
func atServer(t *testing.T, v *visitor, d *dialect.Dialect, s *server) string {
	t.Helper()
	at := "&x.target=" + s.address
	v.call("/"+d.ID+"/target", "x.host="+s.address)
	v.call("/"+d.ID+"/trust", "x.fingerprint="+s.fingerprint()+at)
	return at
}

// TestSpray: the eleventh wrong password in ten minutes does not reach the
// server, whichever session it comes from.
func TestSpray(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		s := realServer(t, d)
		one, other := w.visitor(t), w.visitor(t)
		at := atServer(t, one, d, s)
		atServer(t, other, d, s)
		path := "/" + d.ID + "/token"
		wrong := func(name string) string {
			return form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: name, dialect.Password: "wrong"}) + at
		}
		for i := range 10 {
			v := []*visitor{one, other}[i%2]
			if got := v.call(path, wrong("Administrator")); got.Exchange.Response.Status < 400 {
				t.Fatalf("got %s", got.raw)
			}
		}
		got := one.post(path, wrong("administrator"), asJSON)
		got.problem(429, "too-many-failures")
		if wait, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || wait < 1 || wait > 600 {
			t.Errorf("got Retry-After %q", got.header.Get("Retry-After"))
		}
		other.post(path, signIn(t, d, "administrator")+at, asJSON).problem(429, "too-many-failures")
		other.post(path, signIn(t, d, "administrator")+at, asPage, []string{"Origin", w.url}).want(429).has("Too many sign-ins")
		if n := len(s.received()); n != 10 {
			t.Errorf("the server saw %d calls, want 10", n)
		}
		if got := one.call(path, wrong("operator")); got.Exchange.Response.Status < 400 {
			t.Errorf("another user: got %s", got.raw)
		}
		w.clock.advance(10*time.Minute + time.Second)
		if got := one.call(path, signIn(t, d, "administrator")+at); got.Exchange.Response.Status != d.Operation(dialect.Obtain).Status {
			t.Errorf("ten minutes later: got %s", got.raw)
		}
		for range 12 {
			one.call(path, form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: "operator", dialect.Password: "wrong"})) // the sandbox
		}
	})
}

// TestReplicasLimitTogether: what one visitor may have does not grow with the
// number of replicas.
func TestReplicasLimitTogether(t *testing.T) {
	t.Parallel()
	d := dialect.All()[0]
	s := realServer(t, d)
	r := storetest.StartRedis(t)
	ring := keyringIn(t, t.TempDir())
	var sites []*site
	for range 2 {
		dir := t.TempDir()
		cfg := configure(t, dir, "--store", r.URL(), "--keyring", ring)
		cfg.Visitors.Session = limit.Rate{Burst: 4, Every: time.Minute}
		cfg.Visitors.Failures = 3
		sites = append(sites, start(t, dir, cfg))
	}
	// Cookies are for a host, whatever its port.
	use := func(v *visitor, i int) *visitor { v.base = sites[i%2].url; return v }

	t.Run("a session's pace", func(t *testing.T) {
		v := sites[0].visitor(t)
		v.call("/"+d.ID+"/token", signIn(t, d, "administrator")) // begins the session
		for i := range 4 {
			use(v, i).call("/"+d.ID+"/explore", "")
		}
		for i := range 2 {
			use(v, i).post("/"+d.ID+"/explore", "", asJSON).problem(429, "too-many-requests")
		}
		use(sites[1].visitor(t), 1).call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	})
	t.Run("the failures of a user", func(t *testing.T) {
		wrong := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: "wrong"})
		for i := range 3 {
			v := use(sites[i%2].visitor(t), i)
			at := atServer(t, v, d, s)
			if got := v.call("/"+d.ID+"/token", wrong+at); got.Exchange.Response.Status < 400 {
				t.Fatalf("got %s", got.raw)
			}
		}
		before := len(s.received())
		for i := range 2 {
			v := use(sites[i].visitor(t), i)
			at := atServer(t, v, d, s)
			v.post("/"+d.ID+"/token", signIn(t, d, "administrator")+at, asJSON).problem(429, "too-many-failures")
		}
		if n := len(s.received()); n != before {
			t.Errorf("the server was called %d times", n-before)
		}
	})
}

// TestFanOut: a slow server gets four calls at once, and who waits too long
// for a turn is told so.
func TestFanOut(t *testing.T) {
	t.Parallel()
	d := dialect.All()[0]
	let := make(chan struct{})
	var mu sync.Mutex
	inside, most := 0, 0
	s := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		inside++
		most = max(most, inside)
		mu.Unlock()
		<-let
		mu.Lock()
		inside--
		mu.Unlock()
		rw.WriteHeader(http.StatusTeapot)
	}))
	dir := t.TempDir()
	cfg := configure(t, dir, "--store", "memory:")
	cfg.Visitors.Turn = 50 * time.Millisecond
	w := start(t, dir, cfg)
	release := sync.OnceFunc(func() { close(let) })
	t.Cleanup(release)
	replies := make(chan *reply, 9)
	for range 9 {
		v := w.visitor(t)
		at := atServer(t, v, d, s)
		go func() { replies <- v.post("/"+d.ID+"/token", signIn(t, d, "administrator")+at, asJSON) }()
	}
	for range 5 {
		got := <-replies
		got.problem(429, "target-busy")
		if got.header.Get("Retry-After") != "5" {
			t.Errorf("got Retry-After %q", got.header.Get("Retry-After"))
		}
	}
	release()
	for range 4 {
		if got := (<-replies).answer(); got.Exchange.Response.Status != http.StatusTeapot {
			t.Errorf("got %s", got.raw)
		}
	}
	if most != 4 {
		t.Errorf("%d calls at once, want 4", most)
	}
}

// TestTooBusy: beyond the requests that may be under way all are sent away,
// but for whoever watches the process.
func TestTooBusy(t *testing.T) {
	t.Parallel()
	d := dialect.All()[0]
	held, let := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(held); <-let }))
	dir := t.TempDir()
	cfg := configure(t, dir, "--store", "memory:")
	cfg.Visitors.Requests = 1
	w := start(t, dir, cfg)
	release := sync.OnceFunc(func() { close(let) })
	t.Cleanup(release)
	v, other := w.visitor(t), w.visitor(t)
	at := atServer(t, v, d, s)
	done := make(chan *reply)
	go func() { done <- v.post("/"+d.ID+"/token", signIn(t, d, "administrator")+at, asJSON) }()
	<-held
	for _, path := range []string{"/", "/" + d.ID, "/sandbox/" + d.ID + "/x", "/static/app.css"} {
		got := other.get(path)
		got.problem(503, "too-busy")
		guarded(t, "too busy", got)
		if got.header.Get("Retry-After") != "5" {
			t.Errorf("%s: got Retry-After %q", path, got.header.Get("Retry-After"))
		}
	}
	other.get("/livez").want(200)
	other.get("/readyz").want(200)
	release()
	(<-done).want(200)
	other.get("/", asPage).want(200)
}

// TestTooManyConnections: one connection more than may be open waits until
// another ends, and then gets its answer.
func TestTooManyConnections(t *testing.T) { // LIM-8
	t.Parallel()
	dir := t.TempDir()
	cfg := configure(t, dir, "--store", "memory:")
	cfg.Visitors.Connections = 1
	w := start(t, dir, cfg)
	first := w.visitor(t)
	first.get("/livez").want(200)

	late, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if _, err := io.WriteString(late, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		text, err := io.ReadAll(late)
		answered <- fmt.Sprintf("%.15s %v", text, err)
	}()
	for range 100 {
		first.get("/livez").want(200)
		select {
		case got := <-answered:
			t.Fatalf("a second connection was served beside the first: %s", got)
		default:
		}
	}
	first.http.CloseIdleConnections()
	if got, want := <-answered, "HTTP/1.1 200 OK <nil>"; got != want {
		t.Errorf("after the first has ended: got %q, want %q", got, want)
	}
}

// TestFairLoad: sixty-four people at once behind one address, each with a
// connection of their own and at the pace of a person, are all served.
func TestFairLoad(t *testing.T) { // B08, B12, LIM-2, LIM-8
	t.Parallel()
	w := room(t, nil)
	products := dialect.All()
	ready, begin := sync.WaitGroup{}, make(chan struct{})
	var crowd sync.WaitGroup
	answers := make(chan string, 64)
	for i := range 64 {
		v, d := w.visitor(t), products[i%len(products)]
		ready.Add(1)
		crowd.Go(func() {
			ready.Done()
			<-begin
			page := func(path string) { v.get(path, asPage, behindNAT).want(200) }
			change := func(path, form string) string {
				return v.post("/"+d.ID+path, form, asJSON, behindNAT).answer().Session.State
			}
			page("/")
			page("/" + d.ID)
			if got := change("/token", signIn(t, d, "administrator")); got != "valid" {
				t.Errorf("%s: signed in: got %s", d.ID, got)
			}
			if got := change("/explore", ""); got != "valid" {
				t.Errorf("%s: explored: got %s", d.ID, got)
			}
			page("/" + d.ID)
			if got := change("/forget", ""); got != "none" {
				t.Errorf("%s: forgotten: got %s", d.ID, got)
			}
			answers <- d.ID
		})
	}
	ready.Wait()
	close(begin)
	crowd.Wait()
	if n := len(answers); n != 64 {
		t.Errorf("%d of 64 came to the end", n)
	}
	for _, word := range []string{"too-busy", "too-many-requests", `"status":5`, `"status":429`} {
		if strings.Contains(w.log.String(), word) {
			t.Errorf("the log holds %s", word)
		}
	}
}

func TestProxiesSetting(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "10.0.0.5": "10.0.0.5/32", "10.0.0.5/24, 2001:db8::1": "10.0.0.0/24 2001:db8::1/128",
	} {
		cfg, err := web.ParseConfig([]string{"--store", "memory:", "--proxies", text}, environment(nil), nil)
		var got []string
		for _, p := range cfg.Proxies {
			got = append(got, p.String())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	_, err := web.ParseConfig([]string{"--store", "memory:", "--proxies", "proxy.example"}, environment(nil), nil)
	if err == nil || !strings.Contains(err.Error(), `"proxy.example"`) || !strings.Contains(err.Error(), "10.0.0.0/24") {
		t.Errorf("got %v", err)
	}
}

// FuzzParseProxies: what is taken means the same when it is written out, and
// whoever is in it is believed.
func FuzzParseProxies(f *testing.F) {
	for _, s := range []string{"", ",", "10.0.0.5", "10.0.0.5/24, 2001:db8::1", "::ffff:10.0.0.0/104", "fe80::1%eth0", "0.0.0.0/0", "10.0.0.0/33", "proxy.example", "10.0.0.5 10.0.0.6", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := web.ParseProxies(text)
		if err != nil {
			if got != nil || len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\n\x1b") || !utf8.ValidString(err.Error()) || !strings.Contains(err.Error(), "10.0.0.0/24") {
				t.Errorf("%q: got %v and the error %q", text, got, err)
			}
			return
		}
		if most := 1 + strings.Count(text, ","); len(got) > most {
			t.Errorf("%q: got %d ranges of %d words", text, len(got), most)
		}
		var words []string
		for _, p := range got {
			if !p.IsValid() || p != p.Masked() || p.Addr().Zone() != "" {
				t.Errorf("%q: got the range %v", text, p)
			}
			words = append(words, p.String())
		}
		again, err := web.ParseProxies(strings.Join(words, ","))
		if err != nil || !slices.Equal(again, got) {
			t.Errorf("%q is %v, and that is %v, %v", text, got, again, err)
		}
	})
}
