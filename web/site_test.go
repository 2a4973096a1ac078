package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// site is a whole playground on a port of its own, with a store in a folder
// of the test's.
type site struct {
	t   testing.TB
	s   *web.Server
	cfg web.Config
	url string
	dir string
	log *journal
	*clock
	stop func()
}

// clock is a time that a test moves.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// journal keeps what is logged.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// configure is what the program's main does with flags, for a free port and a
// folder of the test's.
func configure(t testing.TB, dir string, args ...string) web.Config {
	t.Helper()
	args = append([]string{"--listen", "127.0.0.1:0", "--store", "bolt:" + filepath.Join(dir, "playground.db")}, args...)
	cfg, err := web.ParseConfig(args, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// open starts a playground with flags.
func open(t testing.TB, args ...string) *site {
	t.Helper()
	dir := t.TempDir()
	return start(t, dir, configure(t, dir, args...))
}

// start starts a playground, and stops it when the test ends, if nobody did
// before.
func start(t testing.TB, dir string, cfg web.Config) *site {
	t.Helper()
	w := &site{t: t, dir: dir, log: &journal{}, clock: &clock{}}
	cfg.Now, cfg.Log = w.Now, slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := web.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.s, w.cfg, w.url = s, cfg, s.URL()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Cleanup(w.stop)
	return w
}

// visitor is one browser: cookies of its own, and no redirect followed, so
// that each can be looked at.
type visitor struct {
	t    testing.TB
	base string
	http *http.Client
	// heard, if set, is told every answer.
	heard func(*reply)
}

// visitor comes for the first time; t is the test that its calls may end.
func (w *site) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: t, base: w.url, http: &http.Client{Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// cookies are those that the visitor sends to the playground.
func (v *visitor) cookies() string {
	u, err := url.Parse(v.base)
	if err != nil {
		v.t.Fatal(err)
	}
	var all []string
	for _, c := range v.http.Jar.Cookies(u) {
		all = append(all, c.String())
	}
	return strings.Join(all, "; ")
}

// reply is an answer that was read whole.
type reply struct {
	t      testing.TB
	call   string
	status int
	header http.Header
	body   string
	setter []*http.Cookie
}

// The headers with which a client says what it wants.
var (
	asJSON     = []string{"Accept", "application/json"}
	asPage     = []string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}
	asFragment = []string{"Accept", "text/html, */*", "HX-Request", "true"}
	theForm    = []string{"Content-Type", "application/x-www-form-urlencoded"}
)

// do sends one request. headers are lists of names and values; the name Host
// sets the host.
func (v *visitor) do(method, path, body string, headers ...[]string) *reply {
	v.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, v.base+path, content)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, list := range headers {
		for i := 0; i+1 < len(list); i += 2 {
			if list[i] == "Host" {
				req.Host = list[i+1]
				continue
			}
			req.Header.Set(list[i], list[i+1])
		}
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	r := &reply{t: v.t, call: method + " " + path, status: res.StatusCode, header: res.Header, body: string(data), setter: res.Cookies()}
	if v.heard != nil {
		v.heard(r)
	}
	return r
}

func (v *visitor) get(path string, headers ...[]string) *reply {
	v.t.Helper()
	return v.do(http.MethodGet, path, "", headers...)
}

// post sends a form.
func (v *visitor) post(path, form string, headers ...[]string) *reply {
	v.t.Helper()
	return v.do(http.MethodPost, path, form, append([][]string{theForm}, headers...)...)
}

// call posts a form and takes the answer as JSON.
func (v *visitor) call(path, form string) answer {
	v.t.Helper()
	return v.post(path, form, asJSON).answer()
}

// state is what the page of a product shows, as data.
func (v *visitor) state(path string) string {
	v.t.Helper()
	return v.get(path, asJSON).want(http.StatusOK).body
}

// want fails the test at another status.
func (r *reply) want(status int) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: got status %d, want %d: %.600s", r.call, r.status, status, r.body)
	}
	return r
}

// has fails the test unless the body holds every text.
func (r *reply) has(texts ...string) *reply {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.body, text) {
			r.t.Errorf("%s: got no %q in: %.3000s", r.call, text, r.body)
		}
	}
	return r
}

// lacks fails the test if the body holds one of the texts.
func (r *reply) lacks(texts ...string) *reply {
	r.t.Helper()
	for _, text := range texts {
		if text == "" {
			r.t.Fatalf("%s: an empty text is in every body", r.call)
		}
		if strings.Contains(r.body, text) {
			r.t.Errorf("%s: got %.20q in the body", r.call, text)
		}
	}
	return r
}

// problem reads application/problem+json and holds it to its kind.
func (r *reply) problem(status int, kind string) problemJSON {
	r.t.Helper()
	r.want(status)
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		r.t.Errorf("%s: got Content-Type %q", r.call, got)
	}
	var p problemJSON
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		r.t.Fatalf("%s: %v: %s", r.call, err, r.body)
	}
	if p.Type != "/problems/"+kind || p.Status != status || p.Title == "" || p.Detail == "" || p.Instance == "" {
		r.t.Errorf("%s: got problem %+v, want kind %s", r.call, p, kind)
	}
	return p
}

type problemJSON struct {
	Type, Title, Detail, Instance string
	Status                        int
	Errors                        []struct{ Field, Detail string }
	Choices                       []string
}

// answer is the JSON of a POST, spelt here a second time so that a change of
// the program's own is noticed.
type answer struct {
	Exchange *struct {
		ID        int    `json:"id"`
		Operation string `json:"operation"`
		Request   struct {
			Method, URL, Body string
			Headers           [][2]string
		}
		Response struct {
			Status  int
			Headers [][2]string
			Body    string
		}
		DurationMS *float64 `json:"duration_ms"`
		Target     string
		Failure    *struct {
			Kind, Detail, Remedy string
			Certificate          *struct {
				Subject, Issuer, SHA256 string
				Names                   []string
				NotBefore               time.Time `json:"not_before"`
				NotAfter                time.Time `json:"not_after"`
				Before, Key             string
			}
		}
		Fault      string
		AskedFault string `json:"asked_fault"`
		Checks     []struct{ Name, Verdict, Text string }
	}
	Session struct {
		State            string
		TokenType        string `json:"token_type"`
		AccessToken      string `json:"access_token"`
		RefreshToken     string `json:"refresh_token"`
		ExpiresAt        string `json:"expires_at"`
		RefreshExpiresAt string `json:"refresh_expires_at"`
		Username         string
	}
	Clock *struct {
		Now          time.Time
		AheadSeconds int64 `json:"ahead_seconds"`
	}
	World *struct {
		Strict       bool
		GraceSeconds int `json:"grace_seconds"`
		Chance       int
		Seed         uint64
	}
	raw string
}

func (r *reply) answer() answer {
	r.t.Helper()
	r.want(http.StatusOK)
	a := answer{raw: r.body}
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		r.t.Fatalf("%s: %v: %s", r.call, err, r.body)
	}
	return a
}

// form writes the fields of a grant in the product's own names; values that
// are not given are left out.
func form(t testing.TB, d *dialect.Dialect, k dialect.Kind, values dialect.Values) string {
	t.Helper()
	g, ok := d.Grant(k)
	if !ok {
		t.Fatalf("%s has no grant %s", d.ID, k)
	}
	text := url.QueryEscape(d.Operation(dialect.Obtain).GrantField.Wire) + "=" + url.QueryEscape(g.Wire)
	for _, f := range g.Takes {
		if v, ok := values[f.Term]; ok {
			text += "&" + url.QueryEscape(f.Wire) + "=" + url.QueryEscape(v)
		}
	}
	return text
}

func signIn(t testing.TB, d *dialect.Dialect, name string) string {
	t.Helper()
	return form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: name, dialect.Password: sandbox.People()[0].Password})
}

// wire is the product's word for a term of a grant.
func wire(t testing.TB, d *dialect.Dialect, k dialect.Kind, term dialect.Term) string {
	t.Helper()
	g, ok := d.Grant(k)
	if !ok {
		t.Fatalf("%s has no grant %s", d.ID, k)
	}
	for _, f := range g.Takes {
		if f.Term == term {
			return f.Wire
		}
	}
	t.Fatalf("%s has no field for %s in %s", d.ID, term, k)
	return ""
}

// everyProduct runs a test for each product.
func everyProduct(t *testing.T, run func(t *testing.T, d *dialect.Dialect)) {
	for _, d := range dialect.All() {
		t.Run(d.ID, func(t *testing.T) { run(t, d) })
	}
}

// ownExamples is a folder of products for --dialects.
const ownExamples = "dialect/testdata/own"

// everyProductAndOwn runs a test for each product, the operator's too.
func everyProductAndOwn(t *testing.T, run func(t *testing.T, d *dialect.Dialect)) {
	everyProduct(t, run)
	own, err := dialect.Own(ownExamples)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range own {
		t.Run(d.ID, func(t *testing.T) { run(t, d) })
	}
}
