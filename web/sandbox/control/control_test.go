package control

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/store"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// kept holds the signing key, which takes long to make; no two tests run at a
// time.
var kept = store.NewMemory(func() time.Time { return noon })

// bench is a sandbox with its control API, at noon.
type bench struct {
	t       testing.TB
	sandbox *sandbox.Server
	api     http.Handler
	calls   *Calls
	doc     *openapi3.T
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, calls: NewCalls()}
	now := func() time.Time { return noon }
	var err error
	b.sandbox, err = sandbox.New(sandbox.Config{Store: kept, Root: make([]byte, 32), Now: now, Journal: b.calls.Add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.sandbox.Close)
	for _, world := range []string{"", "mine"} {
		if err := b.sandbox.Reset(t.Context(), world); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Sandbox: b.sandbox, Calls: b.calls, CA: []byte("-----BEGIN CERTIFICATE-----\n"), Now: now, Ready: b.sandbox.Ready,
		Describe: func(_ *dialect.Dialect, version, at string) ([]byte, error) {
			return json.Marshal(map[string]string{"version": version, "at": at})
		}}
	for _, d := range dialect.All() {
		cfg.Products = append(cfg.Products, Product{d, "https://127.0.0.1:4430"})
	}
	b.api = New(cfg)
	if b.doc, err = openapi3.NewLoader().LoadFromData(Description); err != nil {
		t.Fatal(err)
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *bench) send(method, path, body string, header ...string) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, "http://127.0.0.1:9191"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	a := answer{w.Code, w.Header(), w.Body.String()}
	b.described(r, a)
	return a
}

// described holds an answer to the document.
func (b *bench) described(r *http.Request, a answer) {
	b.t.Helper()
	item := b.pathOf(r.URL.Path)
	if item == nil || item.GetOperation(r.Method) == nil {
		return // neither has an operation to describe
	}
	res := item.GetOperation(r.Method).Responses.Status(a.status)
	if res == nil {
		b.t.Errorf("%s %s: the document has no %d: %s", r.Method, r.URL.Path, a.status, a.body)
		return
	}
	if len(res.Value.Content) == 0 {
		if a.body != "" {
			b.t.Errorf("%s %s: the document has no body for %d: %s", r.Method, r.URL.Path, a.status, a.body)
		}
		return
	}
	media := res.Value.Content[a.header.Get("Content-Type")]
	if media == nil {
		b.t.Errorf("%s %s: the document has no %q for %d", r.Method, r.URL.Path, a.header.Get("Content-Type"), a.status)
		return
	}
	var v any = a.body
	if strings.HasSuffix(a.header.Get("Content-Type"), "json") {
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			b.t.Errorf("%s %s: %v: %s", r.Method, r.URL.Path, err, a.body)
			return
		}
	}
	if err := media.Schema.Value.VisitJSON(v); err != nil {
		b.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
}

// pathOf finds the document's path for an address.
func (b *bench) pathOf(path string) *openapi3.PathItem {
	parts := strings.Split(path, "/")
next:
	for pattern, item := range b.doc.Paths.Map() {
		want := strings.Split(pattern, "/")
		if len(want) != len(parts) {
			continue
		}
		for i, w := range want {
			if !strings.HasPrefix(w, "{") && w != parts[i] {
				continue next
			}
		}
		return item
	}
	return nil
}

// must reads a 200.
func must[T any](b *bench, a answer) T {
	b.t.Helper()
	var v T
	if a.status != 200 {
		b.t.Fatalf("got %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		b.t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

func (b *bench) world(a answer) WorldJSON { b.t.Helper(); return must[WorldJSON](b, a) }

// token signs in to a product in a world.
func (b *bench) token(id, world string) dialect.Values {
	b.t.Helper()
	d, ok := dialect.Find(id)
	if !ok {
		b.t.Fatalf("there is no product %s", id)
	}
	call := dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Values: dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"}}
	a := b.ask(d, world, call)
	return d.Decode(dialect.Obtain, "", a.status, []byte(a.body)).Values
}

func (b *bench) ask(d *dialect.Dialect, world string, call dialect.Call) answer {
	b.t.Helper()
	q, err := d.Encode(call)
	if err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.t.Context(), q.Method, q.Path, strings.NewReader(q.Body))
	for _, p := range q.Header {
		r.Header.Set(p.Name, p.Value)
	}
	w := httptest.NewRecorder()
	b.sandbox.Handler(d, world).ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func (b *bench) explore(id, world, token string) int {
	b.t.Helper()
	d, _ := dialect.Find(id)
	return b.ask(d, world, dialect.Call{Purpose: dialect.Explore, Bearer: token}).status
}

func TestDescription(t *testing.T) {
	b := newBench(t)
	if err := b.doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	var documented, served []string
	for path, item := range b.doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	a := &api{}
	for _, r := range a.routes() {
		served = append(served, r.method+" "+r.path)
	}
	slices.Sort(documented)
	slices.Sort(served)
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("routes (-served +documented):\n%s", diff)
	}
	if got := b.send("GET", "/openapi.json", ""); got.body != string(Description) {
		t.Error("another document is served")
	}
	// Its own examples are taken.
	for path, item := range b.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			for name, ex := range op.RequestBody.Value.Content["application/json"].Examples {
				body, err := json.Marshal(ex.Value.Value)
				if err != nil {
					t.Fatal(err)
				}
				text := strings.ReplaceAll(string(body), "eyJ…", b.token("vbr", "")[dialect.AccessToken])
				if a := b.send(method, strings.ReplaceAll(path, "{world}", Shared), text); a.status != 200 && name != "to" {
					t.Errorf("%s %s, example %s: got %d: %s", method, path, name, a.status, a.body)
				}
				b.send("POST", "/worlds/shared/reset", "")
			}
		}
	}
}

func TestClock(t *testing.T) {
	type move func(b *bench) string
	say := func(text string) move { return func(*bench) string { return text } }
	for name, tt := range map[string]struct {
		body move
		want time.Duration // ahead
	}{
		"forward":             {say(`{"move":"5m"}`), 5 * time.Minute},
		"to a time":           {say(`{"to":"2026-06-01T13:00:00+00:00"}`), time.Hour},
		"to a time elsewhere": {say(`{"to":"2026-06-01T15:00:00+02:00"}`), time.Hour},
		"before the end of a token": {func(b *bench) string {
			return `{"before_expiry":"10s","token":"` + b.token("vbr", "mine")[dialect.AccessToken] + `"}`
		}, 15*time.Minute - 10*time.Second},
		"before the end of a token to be": {say(`{"before_expiry":"1m","product":"vbr"}`), 14 * time.Minute},
		"past the end of a token": {func(b *bench) string {
			return `{"expire":"access","product":"vbr","token":"` + b.token("vbr", "mine")[dialect.AccessToken] + `"}`
		}, 15*time.Minute + time.Second},
		"past the end of a refresh token to be": {say(`{"expire":"refresh","product":"vbahv"}`), 24*time.Hour + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if got := b.world(b.send("POST", "/worlds/mine/clock", tt.body(b))); time.Duration(got.AheadSeconds)*time.Second != tt.want || !got.Now.Equal(noon.Add(tt.want)) {
				t.Errorf("got %d s ahead, %v; want %v", got.AheadSeconds, got.Now, tt.want)
			}
			if got := b.world(b.send("GET", "/worlds/shared", "")); got.AheadSeconds != 0 {
				t.Errorf("the shared world is %d s ahead too", got.AheadSeconds)
			}
			if got := b.world(b.send("POST", "/worlds/mine/clock", `{"now":true}`)); got.AheadSeconds != 0 {
				t.Errorf("back to now: got %d s ahead", got.AheadSeconds)
			}
		})
	}

	t.Run("tokens follow", func(t *testing.T) {
		b := newBench(t)
		token := b.token("vbr", "mine")[dialect.AccessToken]
		b.send("POST", "/worlds/mine/clock", `{"before_expiry":"1s","token":"`+token+`"}`)
		if got := b.explore("vbr", "mine", token); got != 200 {
			t.Errorf("a second before its end: got %d", got)
		}
		b.send("POST", "/worlds/mine/clock", `{"expire":"access","token":"`+token+`"}`)
		if got := b.explore("vbr", "mine", token); got != 401 {
			t.Errorf("past its end: got %d", got)
		}
	})

	for name, body := range map[string]string{
		"nothing":                        `{}`,
		"two moves at once":              `{"move":"5m","now":true}`,
		"no duration":                    `{"move":"soon"}`,
		"a clock before the real one":    `{"move":"-1h"}`,
		"a clock too far ahead":          `{"move":"9000h"}`,
		"an end without whose":           `{"expire":"access"}`,
		"an end of nothing":              `{"expire":"password","product":"vbr"}`,
		"an end at no product":           `{"expire":"access","product":"nosuch"}`,
		"the end of a token from nobody": `{"expire":"access","token":"x.y.z"}`,
		"an end at another product":      `{"before_expiry":"x","product":"vbr"}`,
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			b := newBench(t)
			if got := b.send("POST", "/worlds/mine/clock", body); got.status != 422 {
				t.Errorf("got %d: %s", got.status, got.body)
			}
		})
	}
}

func TestWorld(t *testing.T) {
	b := newBench(t)
	t.Run("it is strict and gracious if told", func(t *testing.T) {
		got := b.world(b.send("PATCH", "/worlds/mine", `{"strict":true,"grace":"10s","chance":5,"seed":18446744073709551615}`))
		if !got.Strict || got.GraceSeconds != 10 || got.Chance != 5 || got.Seed != 1<<64-1 || got.World != "mine" {
			t.Errorf("got %+v", got)
		}
		if got := b.world(b.send("PATCH", "/worlds/mine", `{"chance":0}`)); !got.Strict || got.Chance != 0 {
			t.Errorf("what is left out does not stay: %+v", got)
		}
		if got := b.world(b.send("GET", "/worlds/shared", "")); got.Strict || got.World != Shared {
			t.Errorf("the shared world: got %+v", got)
		}
	})
	t.Run("its faults are armed and disarmed", func(t *testing.T) {
		got := b.world(b.send("PUT", "/worlds/mine/faults", `{"faults":[{"fault":"too-many-requests","product":"vbr","purpose":"token","times":2},{"fault":"slow"}]}`))
		want := []ArmedJSON{{"too-many-requests", "vbr", dialect.Obtain, 2}, {"slow", "", "", 0}}
		if diff := cmp.Diff(want, got.Faults); diff != "" {
			t.Error(diff)
		}
		if got := b.world(b.send("DELETE", "/worlds/mine/faults", "")); len(got.Faults) != 0 {
			t.Errorf("got %+v", got.Faults)
		}
	})
	t.Run("its people replace the sandbox's, and show no password", func(t *testing.T) {
		a := b.send("PUT", "/worlds/mine/people", `{"people":[{"name":"backup","password":"s3cret","operator":true}]}`)
		if got := b.world(a); len(got.People) != 1 || got.People[0] != (PersonJSON{Name: "backup", Operator: true}) || strings.Contains(a.body, "s3cret") {
			t.Errorf("got %s", a.body)
		}
		if got := b.world(b.send("PUT", "/worlds/mine/people", `{"people":[]}`)); len(got.People) != len(sandbox.People()) {
			t.Errorf("got %+v", got.People)
		}
	})
	t.Run("a reset ends it all", func(t *testing.T) {
		token := b.token("vbr", "mine")[dialect.AccessToken]
		b.send("POST", "/worlds/mine/clock", `{"move":"1m"}`)
		if got := b.world(b.send("POST", "/worlds/mine/reset", "")); got.AheadSeconds != 0 || got.Strict {
			t.Errorf("got %+v", got)
		}
		if got := b.explore("vbr", "mine", token); got != 401 {
			t.Errorf("a token from before: got %d", got)
		}
	})
	t.Run("every wrong value is told at once", func(t *testing.T) {
		a := b.send("PATCH", "/worlds/mine", `{"grace":"2h","chance":101}`)
		var p struct{ Errors []string }
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != 422 || len(p.Errors) != 2 {
			t.Errorf("got %d: %s", a.status, a.body)
		}
		a = b.send("PUT", "/worlds/mine/faults", `{"faults":[{"fault":"slow","product":"nosuch"},{"fault":"certificate-changed"}]}`)
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != 422 || len(p.Errors) != 2 {
			t.Errorf("got %d: %s", a.status, a.body)
		}
	})
}

func TestCalls(t *testing.T) {
	type list struct {
		Calls        []CallJSON
		Last, Missed int64
	}
	b := newBench(t)
	token := b.token("vbr", "mine")[dialect.AccessToken]
	b.explore("vbr", "mine", token)
	b.token("vac", "")

	t.Run("they say who called what", func(t *testing.T) {
		got := must[list](b, b.send("GET", "/calls?world=mine", ""))
		if len(got.Calls) != 2 || got.Last != 3 {
			t.Fatalf("got %+v", got)
		}
		first := got.Calls[0]
		first.DurationMS = 0
		want := CallJSON{N: 1, Time: noon, World: "mine", Product: "vbr", Purpose: dialect.Obtain, Grant: dialect.PasswordGrant, Method: "POST", Path: "/api/oauth2/token",
			Version: first.Version, Status: 200, User: "administrator"}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("they can be asked for by world, product and number", func(t *testing.T) {
		for query, want := range map[string]int{"": 3, "?world=shared": 1, "?product=vac": 1, "?product=vac&world=mine": 0, "?after=2": 1, "?after=99": 0} {
			if got := must[list](b, b.send("GET", "/calls"+query, "")); len(got.Calls) != want {
				t.Errorf("%s: got %d, want %d", query, len(got.Calls), want)
			}
		}
		for _, query := range []string{"?world=a.b", "?product=nosuch", "?after=x", "?after=-1", "?since=1"} {
			if got := b.send("GET", "/calls"+query, ""); got.status != 422 {
				t.Errorf("%s: got %d", query, got.status)
			}
		}
	})
	t.Run("they hold no secret", func(t *testing.T) {
		b.explore("vbr", "mine", token)
		if got := b.send("GET", "/calls", ""); strings.Contains(got.body, token) || strings.Contains(got.body, "Password1") {
			t.Errorf("got %s", got.body)
		}
	})
	t.Run("they are forgotten", func(t *testing.T) {
		if got := b.send("DELETE", "/calls", ""); got.status != 204 {
			t.Errorf("got %d", got.status)
		}
		if got := must[list](b, b.send("GET", "/calls", "")); len(got.Calls) != 0 || got.Last != 4 || got.Missed != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestRing(t *testing.T) {
	c := NewCalls()
	for range remembered + 10 {
		c.Add(sandbox.Entry{})
	}
	calls, last, missed := c.After(0, nil)
	if len(calls) != remembered || calls[0].N != 11 || last != remembered+10 || missed != 10 {
		t.Errorf("got %d calls from %d, last %d, missed %d", len(calls), calls[0].N, last, missed)
	}
	if calls, _, missed := c.After(remembered+9, nil); len(calls) != 1 || missed != 0 {
		t.Errorf("got %d calls, missed %d", len(calls), missed)
	}
}

func TestOnlyThisMachineIsAnswered(t *testing.T) {
	b := newBench(t)
	for host, want := range map[string]int{
		"127.0.0.1:9191": 200, "localhost:9191": 200, "LOCALHOST": 200, "[::1]:9191": 200, "127.0.0.2": 200, "[::1]": 200,
		"evil.example:9191": 421, "10.0.0.1": 421, "localhost.evil.example": 421, "": 421, "127.0.0.1.evil.example": 421, "0.0.0.0:9191": 421,
	} {
		for _, path := range []string{"/products", "/worlds/shared", "/calls", "/ca.pem"} {
			if got := b.send("GET", path, "", "Host", host); got.status != want {
				t.Errorf("%s at %q: got %d, want %d", path, host, got.status, want)
			}
		}
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	b := newBench(t)
	for name, tt := range map[string]struct {
		header []string
		want   int
	}{
		"a program":                    {nil, 200},
		"another site's form":          {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"another port of this machine": {[]string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:3000"}, 403},
		"an old browser":               {[]string{"Origin", "https://evil.example"}, 403},
		"a page without an origin":     {[]string{"Origin", "null"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"POST /worlds/mine/reset", "DELETE /worlds/mine/faults"} {
				method, address, _ := strings.Cut(path, " ")
				if a := b.send(method, address, "", tt.header...); a.status != tt.want {
					t.Errorf("%s: got %d: %s", path, a.status, a.body)
				}
			}
		})
	}
}

func TestBodies(t *testing.T) {
	b := newBench(t)
	for name, tt := range map[string]struct {
		body, media string
		want        int
		say         string
	}{
		"a form":                {"move=5m", "application/x-www-form-urlencoded", 415, "application/json"},
		"plain text":            {`{"move":"5m"}`, "text/plain", 415, "application/json"},
		"no media type":         {`{"move":"5m"}`, "", 415, "application/json"},
		"a look-alike":          {`{"move":"5m"}`, "text/plain; application/json", 415, "application/json"},
		"JSON with a charset":   {`{"move":"5m"}`, "application/json; charset=utf-8", 200, ""},
		"unknown members":       {`{"move":"5m","speed":2,"colour":1}`, "application/json", 400, `\"colour\", \"speed\"`},
		"another case":          {`{"Move":"5m"}`, "application/json", 400, "Move"},
		"another type":          {`{"move":5}`, "application/json", 400, "move"},
		"an array":              {`[]`, "application/json", 400, "object"},
		"null":                  {`null`, "application/json", 400, "object"},
		"two objects":           {`{"move":"5m"}{}`, "application/json", 400, "one JSON object"},
		"half an object":        {`{"move":`, "application/json", 400, "object"},
		"more than it may have": {`{"move":"` + strings.Repeat("x", maxBody) + `"}`, "application/json", 413, "bytes"},
		"nothing":               {"", "application/json", 400, "object"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.send("POST", "/worlds/mine/clock", tt.body, "Content-Type", tt.media)
			if a.status != tt.want || !strings.Contains(a.body, tt.say) {
				t.Errorf("got %d, want %d and %q: %s", a.status, tt.want, tt.say, a.body)
			}
		})
	}
	t.Run("unknown members of a fault", func(t *testing.T) {
		if a := b.send("PUT", "/worlds/mine/faults", `{"faults":[{"fault":"slow","often":1}]}`); a.status != 400 || !strings.Contains(a.body, "often") {
			t.Errorf("got %d: %s", a.status, a.body)
		}
	})
}

func TestWhatIsMissing(t *testing.T) {
	b := newBench(t)
	if a := b.send("GET", "/nothing", ""); a.status != 404 || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %s", a.status, a.header.Get("Content-Type"))
	}
	if a := b.send("POST", "/worlds/mine", `{}`); a.status != 405 || a.header.Get("Allow") != "GET, HEAD, PATCH" {
		t.Errorf("got %d, Allow %q", a.status, a.header.Get("Allow"))
	}
	for _, world := range []string{"a.b", strings.Repeat("x", 65), "%20", "%2F"} {
		if a := b.send("GET", "/worlds/"+world, ""); a.status != 422 && a.status != 404 {
			t.Errorf("world %q: got %d: %s", world, a.status, a.body)
		}
	}
	if a := b.send("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("got %d: %s", a.status, a.body)
	}
	if a := b.send("GET", "/faults?product=nosuch", ""); a.status != 422 {
		t.Errorf("got %d: %s", a.status, a.body)
	}
	for _, d := range dialect.All() {
		if a := b.send("GET", "/faults?product="+d.ID, ""); a.status != 200 {
			t.Errorf("got %d: %s", a.status, a.body)
		}
	}
	if a := b.send("GET", "/ca.pem", ""); a.status != 200 || !strings.HasPrefix(a.body, "-----BEGIN") {
		t.Errorf("got %d: %s", a.status, a.body)
	}
	if a := b.send("GET", "/products", ""); a.status != 200 || !strings.Contains(a.body, `"port":4430`) {
		t.Errorf("got %d: %s", a.status, a.body)
	}
}

func TestProductDescription(t *testing.T) {
	b := newBench(t)
	for query, want := range map[string]string{
		"":                               `{"at":"https://127.0.0.1:4430","version":""}`,
		"?world=mine":                    `{"at":"https://127.0.0.1:4430/w/mine","version":""}`,
		"?world=shared&version=1.0-rev1": `{"at":"https://127.0.0.1:4430","version":"1.0-rev1"}`,
	} {
		if a := b.send("GET", "/products/vbr/openapi.json"+query, ""); a.status != 200 || a.body != want {
			t.Errorf("%q: got %d: %s", query, a.status, a.body)
		}
	}
	for path, want := range map[string]int{"vbr/openapi.json?version=0": 422, "vbr/openapi.json?world=a.b": 422, "nosuch/openapi.json": 404} {
		if a := b.send("GET", "/products/"+path, ""); a.status != want {
			t.Errorf("%s: got %d: %s", path, a.status, a.body)
		}
	}
}

// TestWorldsAlone: the part that a visitor's worlds have.
func TestWorldsAlone(t *testing.T) {
	b := newBench(t)
	b.api = Worlds(Config{Sandbox: b.sandbox})
	for path, want := range map[string]int{
		"GET /worlds/mine": 200, "POST /worlds/mine/reset": 200, "GET /worlds/shared": 403, "POST /worlds/shared/reset": 403, "GET /worlds/": 404,
		"GET /calls": 404, "PUT /worlds/mine/people": 404, "GET /ca.pem": 404,
	} {
		method, address, _ := strings.Cut(path, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, address, nil)
		w := httptest.NewRecorder()
		b.api.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: got %d, want %d: %s", path, w.Code, want, w.Body)
		}
	}
}

// FuzzBodies: whatever is sent, the answer is one that the document has, and
// what is taken is a JSON object of known members.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"move":"5m"}`, `{"to":"2026-06-01T13:00:00Z"}`, `{"before_expiry":"10s","product":"vbr"}`, `{"expire":"refresh","product":"vac"}`, `{"now":true}`,
		`{"strict":true,"grace":"1s","chance":3,"seed":4}`, `{"faults":[{"fault":"slow","product":"vbr","purpose":"token","times":1}]}`,
		`{"people":[{"name":"a","password":"b","locked":true}]}`, `{}`, `null`, `[1]`, `{"move":null}`, `{"faults":null}`, `{"a":{"b":[{}]}}`,
	} {
		for i := range uint8(4) {
			f.Add(i, seed)
		}
	}
	b := newBench(f)
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		b.t = t
		at := []struct{ method, path string }{
			{"POST", "/worlds/mine/clock"}, {"PATCH", "/worlds/mine"}, {"PUT", "/worlds/mine/faults"}, {"PUT", "/worlds/mine/people"},
		}[which%4]
		a := b.send(at.method, at.path, body, "Content-Type", "application/json")
		if a.status >= 500 {
			t.Errorf("got %d: %s", a.status, a.body)
		}
		var members map[string]any
		if err := json.NewDecoder(strings.NewReader(body)).Decode(&members); a.status == 200 && (err != nil || members == nil) {
			t.Errorf("%q was taken", body)
		}
		if got := b.send("POST", "/worlds/mine/reset", ""); got.status != 200 {
			t.Errorf("then the world: got %d: %s", got.status, got.body)
		}
	})
}
