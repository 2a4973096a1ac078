package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
	"tokenplayground/web/target"
)

// with asks for something in every call's query.
func (c client) with(query string) client {
	h := c.h
	c.h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = query
		h.ServeHTTP(w, r)
	})
	return c
}

// worded is the refusal that a product shows for a fault.
func worded(t *testing.T, d *dialect.Dialect, f dialect.Fault, on dialect.Purpose) *dialect.Refusal {
	t.Helper()
	for ; f != ""; f = nearest[f] {
		if r, ok := d.Refusal(f, on); ok {
			return r
		}
		if r, ok := d.Later(f, on); ok {
			return r
		}
	}
	t.Fatalf("%s: nothing is worded", d.ID)
	return nil
}

// rehearsal is one call of each kind that faults fit, made anew each time with
// what a good client would send.
type rehearsal struct {
	on   dialect.Purpose
	kind dialect.Kind
	make func(asking client) result
}

func rehearsals(s *Server, c client) []rehearsal {
	list := []rehearsal{
		{dialect.Obtain, dialect.PasswordGrant, func(a client) result { return a.signIn("administrator", "Password1") }},
		{dialect.Obtain, dialect.RefreshGrant, func(a client) result { _, fresh := c.admin(); return a.refresh(fresh) }},
		{dialect.Explore, "", func(a client) result { token, _ := c.admin(); return a.explore(token) }},
		{dialect.Logout, "", func(a client) result {
			token, _ := c.admin()
			return a.call(dialect.Call{Purpose: dialect.Logout, Bearer: token, Values: c.whoami(token)})
		}},
	}
	if c.d.SecondFactor == dialect.Challenges {
		list = append(list, rehearsal{dialect.Obtain, dialect.MFAGrant, func(a client) result {
			code, _, _, _ := s.Authenticator(c.t.Context(), "", c.d)
			return a.code(c.challenge(), code)
		}})
	}
	return list
}

func TestEveryFaultIsWhatTheProductAnswers(t *testing.T) {
	s := newServer(t, Config{After: at(nil)})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		met := map[string]bool{}
		for _, call := range rehearsals(s, c) {
			op := d.Operation(call.on)
			for _, f := range Faults(d) {
				if f.Connection || !f.Fits(op, call.kind) || f.ID == hanging || f.ID == lostAnswer {
					continue
				}
				met[f.ID] = true
				t.Run(fmt.Sprintf("%s %s %s", f.ID, call.on, call.kind), func(t *testing.T) {
					a := c
					a.t = t
					r := call.make(a.with("fault=" + f.ID))
					switch {
					case f.refusal != "":
						ref := worded(t, d, f.refusal, call.on)
						if r.Status != ref.Status || !r.Refused {
							t.Fatalf("got %d %s, want %d", r.Status, r.body, ref.Status)
						}
						for term, want := range ref.Says {
							if got := r.Values[term]; got != want && !strings.Contains(want, "${") {
								t.Errorf("%s: got %q, want %q", term, got, want)
							}
						}
						if _, later := d.Later(f.refusal, call.on); later && r.header.Get("Retry-After") == "" {
							t.Error("no Retry-After")
						}
					case f.omits != "":
						if r.Refused || r.Values[f.omits] != "" || r.Values[dialect.AccessToken] == "" {
							t.Errorf("got %d %s", r.Status, r.body)
						}
					case f.ID == htmlError:
						if r.Status != 502 || !strings.Contains(r.body, "<html>") || r.header.Get("Content-Type") != "text/html" {
							t.Errorf("got %d %v %s", r.Status, r.header, r.body)
						}
					case f.ID == truncatedJSON:
						if r.Refused || json.Valid([]byte(r.body)) || r.header.Get("Content-Length") != fmt.Sprint(len(r.body)) {
							t.Errorf("got %d %v %s", r.Status, r.header, r.body)
						}
					case f.ID == clockAhead:
						a.accepted(r, call.on)
						if got, want := r.header.Get("Date"), s.Clock(t.Context(), "").Add(skew).Format(http.TimeFormat); got != want {
							t.Errorf("got Date %s, want %s", got, want)
						}
					default:
						a.accepted(r, call.on)
					}
					// It was one call's fault: the same call is good again.
					a.accepted(call.make(a), call.on)
				})
			}
		}
		for _, f := range Faults(d) {
			if !met[f.ID] && !f.Connection && f.ID != hanging && f.ID != lostAnswer {
				t.Errorf("%s is offered and fits no call", f.ID)
			}
		}
	})
}

// at is an [Config.After] that is over at once, and notes how long it was to be.
func at(asked chan<- time.Duration) func(time.Duration) <-chan time.Time {
	return func(d time.Duration) <-chan time.Time {
		if asked != nil {
			asked <- d
		}
		over := make(chan time.Time, 1)
		over <- time.Time{}
		return over
	}
}

// never is an After that is never over.
func never(time.Duration) <-chan time.Time { return nil }

func TestRefusedOnDemandCostsNothing(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		token, fresh := c.admin()
		for _, id := range []string{"revoked", "spent-refresh", "server-error", htmlError} {
			c.with("fault=" + id).refresh(fresh)
		}
		for _, id := range []string{"revoked", "expired-access"} {
			c.with("fault=" + id).explore(token)
		}
		c.accepted(c.explore(token), dialect.Explore)
		c.pair(c.refresh(fresh))
	})
}

func TestAClockThatIsAhead(t *testing.T) {
	clk := &clock{now: start}
	s := newServer(t, Config{Now: clk.Now})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, d.ID)
		token, fresh := c.pair(c.with("fault=clock-ahead").signIn("administrator", "Password1"))
		ends, err := s.Expiry(t.Context(), d, d.ID, token)
		if want := clk.Now().Add(skew + d.Lifetimes.Access).Truncate(time.Second); err != nil || !ends.Equal(want) {
			t.Errorf("it ends %v, %v, want %v", ends, err, want)
		}
		if beginsLater(d) {
			c.refused(c.explore(token), dialect.BadToken, dialect.Explore)
			c.refused(c.refresh(fresh), dialect.BadRefreshToken, dialect.Obtain)
		}
		if err := s.Advance(t.Context(), d.ID, skew); err != nil {
			t.Fatal(err)
		}
		c.accepted(c.explore(token), dialect.Explore)
		c.pair(c.refresh(fresh))
	})
}

func TestAskingForFaults(t *testing.T) {
	s := newServer(t, Config{After: at(nil)})
	d, ok := dialect.Find("vbr")
	if !ok {
		t.Fatal("no product to try it at")
	}
	c := s.client(t, d, "")
	token, _ := c.admin()
	for name, one := range map[string]struct {
		query  string
		status int
		says   string
	}{
		"one that nobody knows":             {"fault=gremlin", 400, `\"gremlin\" is no fault. Known here: wrong-password`},
		"an empty one":                      {"fault=", 400, `\"\" is no fault`},
		"one of another call":               {"fault=wrong-password", 400, "wrong-password cannot befall this call"},
		"one that the product has not":      {"fault=mfa-wrong", 400, "mfa-wrong cannot befall this call"},
		"one of connections":                {"fault=certificate-changed", 400, "befalls a connection"},
		"two that contradict each other":    {"fault=server-error,expired-access", 400, "expired-access and server-error cannot befall one call"},
		"hanging and anything":              {"fault=hanging&fault=slow", 400, "slow and hanging cannot befall one call"},
		"a query that cannot be read":       {"fault=server-error&%zz", 400, "not well-formed"},
		"an odd strictness":                 {"strict=yes", 400, "strict is 1"},
		"two that go together":              {"fault=slow,expired-access", 401, "ExpiredToken"},
		"the same twice":                    {"fault=server-error&fault=server-error", 500, "UnknownError"},
		"a query of the product's or a CDN": {"limit=1&%zz", 200, "vbrId"},
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			c.t = t
			r := c.with(one.query).explore(token)
			if r.Status != one.status || !strings.Contains(r.body, one.says) {
				t.Errorf("got %d %s", r.Status, r.body)
			}
			problem := strings.Contains(r.body, "/problems/sandbox-fault")
			if problem != (one.status == 400) || problem != (r.header.Get("Content-Type") == "application/problem+json") {
				t.Errorf("got %v %s", r.header, r.body)
			}
		})
	}
	t.Run("a strict call in a patient world", func(t *testing.T) {
		path := d.Path(d.Operation(dialect.Explore), "")
		for query, want := range map[string]int{"": 200, "?strict=1": 400} {
			r := httptest.NewRequest(http.MethodGet, path+query, nil)
			r.Header.Set("Authorization", "Bearer "+token) // and no version
			if got := c.do(r, dialect.Explore); got.Status != want {
				t.Errorf("%q: got %d %s, want %d", query, got.Status, got.body, want)
			}
		}
	})
	t.Run("a call that cannot be read", func(t *testing.T) {
		path := d.Path(d.Operation(dialect.Obtain), "")
		for query, want := range map[string]int{"fault=wrong-password": 400, "fault=unavailable": 500} {
			r := httptest.NewRequest(http.MethodPost, path+"?"+query, strings.NewReader("grant_type=nonsense"))
			r.Header.Set("Content-Type", string(dialect.Form))
			r.Header.Set(d.Versions.Header, d.Versions.Default)
			if got := c.do(r, dialect.Obtain); got.Status != want || strings.Contains(got.body, "/problems/") {
				t.Errorf("%q: got %d %s, want %d", query, got.Status, got.body, want)
			}
		}
	})
}

func TestWaiting(t *testing.T) {
	d := dialect.All()[0]
	t.Run("a slow answer is ten seconds late", func(t *testing.T) {
		asked := make(chan time.Duration, 1)
		c := newServer(t, Config{After: at(asked)}).client(t, d, "")
		c.pair(c.with("fault=slow").signIn("administrator", "Password1"))
		if got := <-asked; got != 10*time.Second {
			t.Errorf("it waited %v", got)
		}
	})
	t.Run("a hanging one breaks the connection after a minute", func(t *testing.T) {
		asked := make(chan time.Duration, 1)
		c := newServer(t, Config{After: at(asked)}).client(t, d, "")
		if got := aborted(func() { c.with("fault=hanging").signIn("administrator", "Password1") }); !got {
			t.Error("it was answered")
		}
		if got := <-asked; got != time.Minute {
			t.Errorf("it waited %v", got)
		}
	})
	for _, id := range []string{slow, hanging} {
		t.Run(id+" ends when the client leaves", func(t *testing.T) {
			s := newServer(t, Config{After: never})
			front := httptest.NewServer(s.Handler(d, ""))
			defer front.Close() // waits for the handler
			ctx := t.Context()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, front.URL+d.Path(d.Operation(dialect.Explore), "")+"?fault="+id, nil)
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Timeout: 20 * time.Millisecond}
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
				t.Errorf("got %d", resp.StatusCode)
			}
		})
	}
	t.Run("both end when the server does", func(t *testing.T) {
		s := newServer(t, Config{After: never})
		c := s.client(t, d, "")
		done := make(chan bool)
		for _, id := range []string{slow, hanging} {
			go func() { done <- aborted(func() { c.with("fault="+id).signIn("administrator", "Password1") }) }()
		}
		s.Release()
		for range 2 {
			if !<-done {
				t.Error("it was answered")
			}
		}
	})
	t.Run("so many wait and no more", func(t *testing.T) {
		s := newServer(t, Config{After: never})
		for range maxWaiting {
			s.waiting <- struct{}{}
		}
		c := s.client(t, d, "")
		if r := c.with("fault=hanging").signIn("administrator", "Password1"); r.Status != 503 {
			t.Errorf("got %d %s", r.Status, r.body)
		}
	})
}

// aborted says that f ended as a handler does that breaks the connection.
func aborted(f func()) (yes bool) {
	defer func() {
		if p := recover(); p != nil {
			err, ok := p.(error)
			if !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			yes = true
		}
	}()
	f()
	return false
}

func TestALostAnswer(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		token, fresh := c.admin()
		if !aborted(func() { c.with("fault=lost-answer").refresh(fresh) }) {
			t.Fatal("it was answered")
		}
		c.refused(c.refresh(fresh), dialect.SpentRefreshToken, dialect.Obtain)
		c.accepted(c.explore(token), dialect.Explore)
		front := httptest.NewServer(c.h)
		defer front.Close()
		req, err := c.d.Encode(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant,
			Values: dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"}})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(front.URL+req.Path+"?fault=lost-answer", string(dialect.Form), strings.NewReader(req.Body))
		if err == nil {
			resp.Body.Close()
			t.Errorf("got %d", resp.StatusCode)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
	})
}

// TestBrokenOffInMemory: the page reaches its sandbox without a socket, and must
// take a lost answer for a failure of the connection there too, on a kept
// connection as on a new one, without sending the call again.
func TestBrokenOffInMemory(t *testing.T) {
	var calls atomic.Int32
	s := newServer(t, Config{After: at(nil), Journal: func(Entry) { calls.Add(1) }})
	d := dialect.All()[0]
	memory := target.NewMemory(s.Handler(d, ""))
	defer memory.Close()
	to := target.Target{Host: "sandbox.invalid", Port: 443, Via: memory}
	ask := func(query string) (*target.Exchange, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://sandbox.invalid"+d.Path(d.Operation(dialect.Explore), "")+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		return (&target.Client{}).Do(t.Context(), to, target.Leaf{}, req)
	}
	if _, err := ask(""); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{lostAnswer, hanging} {
		for range 2 {
			_, err := ask("?fault=" + id)
			var failure *target.Failure
			if !errors.As(err, &failure) || failure.Kind != target.BrokenOff {
				t.Errorf("%s: got %v", id, err)
			}
		}
	}
	if got := calls.Load(); got != 5 {
		t.Errorf("%d calls arrived", got)
	}
}

func TestArmedFaults(t *testing.T) {
	ctx := t.Context()
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c, neighbour := s.client(t, d, d.ID), s.client(t, d, "next-door")
		elsewhere := dialect.All()[0].ID
		if elsewhere == d.ID {
			elsewhere = dialect.All()[1].ID
		}
		arm := func(armed ...Armed) {
			t.Helper()
			if _, err := s.Set(ctx, d.ID, Setting{Armed: &armed}); err != nil {
				t.Fatal(err)
			}
		}
		left := func() []Armed {
			t.Helper()
			w, err := s.World(ctx, d.ID)
			if err != nil {
				t.Fatal(err)
			}
			return w.Armed
		}
		failed := worded(t, d, dialect.ServerFault, dialect.Explore).Status
		token, _ := c.admin()

		// The next two fitting calls, and nobody else's.
		arm(Armed{Fault: "expired-access", Times: 2}, Armed{Fault: "wrong-password", Product: elsewhere, Times: 1})
		c.admin()
		theirs, _ := neighbour.admin()
		neighbour.accepted(neighbour.explore(theirs), dialect.Explore)
		for range 2 {
			c.refused(c.explore(token), dialect.ExpiredToken, dialect.Explore)
		}
		c.accepted(c.explore(token), dialect.Explore)
		if diff := cmp.Diff([]Armed{{Fault: "wrong-password", Product: elsewhere, Times: 1}}, left()); diff != "" {
			t.Error(diff)
		}

		// Until it is taken away; one purpose only.
		arm(Armed{Fault: "server-error", Product: d.ID, Purpose: dialect.Explore})
		for range 3 {
			if r := c.explore(token); r.Status != failed {
				t.Errorf("got %d %s", r.Status, r.body)
			}
		}
		c.admin()
		// What the call asks for itself comes first, and costs no armed one.
		c.refused(c.with("fault=expired-access").explore(token), dialect.ExpiredToken, dialect.Explore)
		arm()
		c.accepted(c.explore(token), dialect.Explore)

		// Two of one stage befall two calls.
		arm(Armed{Fault: "expired-access", Times: 1}, Armed{Fault: "server-error", Times: 1})
		c.refused(c.explore(token), dialect.ExpiredToken, dialect.Explore)
		if r := c.explore(token); r.Status != failed {
			t.Errorf("got %d %s", r.Status, r.body)
		}
		c.accepted(c.explore(token), dialect.Explore)
		if got := left(); len(got) != 0 {
			t.Errorf("%v are left", got)
		}
	})
}

func TestArmedOnceBefallsOneOfManyAtOnce(t *testing.T) {
	s := newServer(t, Config{})
	d := dialect.All()[0]
	c := s.client(t, d, "w")
	token, _ := c.admin()
	if _, err := s.Set(t.Context(), "w", Setting{Armed: &[]Armed{{Fault: "server-error", Times: 3}}}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 32 {
		wg.Go(func() {
			if r := c.explore(token); r.Refused {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if refused != 3 {
		t.Errorf("%d calls were refused", refused)
	}
}

func TestConnectionFaultsAreTakenByConnections(t *testing.T) {
	ctx := t.Context()
	s := newServer(t, Config{})
	d := dialect.All()[0]
	armed := []Armed{{Fault: CertificateChanged, Product: d.ID, Times: 1}, {Fault: "server-error", Times: 1}}
	if _, err := s.Set(ctx, "", Setting{Armed: &armed}); err != nil {
		t.Fatal(err)
	}
	s.client(t, d, "").signIn("administrator", "Password1")
	if got, err := s.TakeConnection(ctx, dialect.All()[1], ""); err != nil || got != nil {
		t.Errorf("another product's: %v, %v", got, err)
	}
	for _, want := range [][]string{{CertificateChanged}, nil} {
		got, err := s.TakeConnection(ctx, d, "")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

// TestTheSameSeedIsTheSameRun also holds chance to about what it is set to.
func TestTheSameSeedIsTheSameRun(t *testing.T) {
	ctx := t.Context()
	one, other := newServer(t, Config{}), newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		run := func(s *Server, world string, seed uint64) (statuses []int, met int) {
			world += d.ID
			c := s.client(t, d, world)
			token, _ := c.admin()
			chance := 20
			if _, err := s.Set(ctx, world, Setting{Chance: &chance, Seed: &seed}); err != nil {
				t.Fatal(err)
			}
			for range 200 {
				r := c.explore(token)
				statuses = append(statuses, r.Status)
				if r.Refused {
					met++
				}
			}
			return statuses, met
		}
		first, met := run(one, "w", 7)
		if met < 15 || met > 70 {
			t.Errorf("%d of 200 calls met a fault", met)
		}
		second, _ := run(other, "elsewhere", 7)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Error(diff)
		}
		if third, _ := run(one, "v", 8); cmp.Equal(first, third) {
			t.Error("another seed is the same run")
		}
		again, _ := run(one, "u", 7)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Error(diff)
		}
	})
}

func TestChanceBringsWhatIsDocumented(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		for i := range d.Operations {
			op := &d.Operations[i]
			kinds := []dialect.Kind{""}
			for _, g := range op.Grants {
				kinds = append(kinds, g.Kind)
			}
			for _, kind := range kinds {
				v := &visit{s: s, d: d, op: op, kind: kind}
				list := v.rehearsed()
				if len(list) == 0 {
					t.Fatalf("%s %s: nothing can happen", op.Purpose, kind)
				}
				for _, f := range list {
					ref, ok := d.Refusal(f.refusal, op.Purpose)
					if documented := ok && ref.Basis != dialect.Choice; !documented && len(list) > 1 {
						t.Errorf("%s %s: %s is not documented", op.Purpose, kind, f.ID)
					}
				}
			}
		}
	})
}

func TestSetSaysAllThatIsWrong(t *testing.T) {
	ctx := t.Context()
	s := newServer(t, Config{})
	grace, chance := 2*time.Minute, 101
	armed := []Armed{
		{Fault: "gremlin"}, {Fault: "server-error", Times: -1}, {Fault: "server-error", Product: "No Product"},
		{Fault: "mfa-late", Product: "vbr"}, {Fault: "wrong-password", Purpose: dialect.Explore},
	}
	people := make([]Person, MaxPeople+1)
	for i := range people {
		people[i] = Person{Name: fmt.Sprintf("user%02d", i), Password: strings.Repeat("x", 100)}
	}
	_, err := s.Set(ctx, "w w", Setting{Grace: &grace, Chance: &chance, Armed: &armed, People: &people})
	if !errors.Is(err, ErrSetting) {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{`"w w" names no world`, "2m0s", "101 percent", `"gremlin" is no fault; use one of wrong-password`, "-1 times",
		`"No Product" is no product`, "mfa-late cannot happen at vbr", `wrong-password cannot befall a call for "explore"`, "51 people", "bytes of JSON"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestFaultsOfAnOwnProduct(t *testing.T) {
	ctx := t.Context()
	s := newServer(t, Config{})
	d, ok := catalog(t).Find("harbour")
	if !ok {
		t.Fatal("the example is missing")
	}
	for name, tc := range map[string]struct {
		armed Armed
		want  string
	}{
		"one that it can show":              {Armed{Fault: "wrong-password", Product: d.ID, Purpose: dialect.Obtain}, ""},
		"one that it cannot show":           {Armed{Fault: "mfa-late", Product: d.ID}, "mfa-late cannot happen at harbour; use one of wrong-password"},
		"one at a call that it cannot meet": {Armed{Fault: "spent-refresh", Product: d.ID, Purpose: dialect.Explore}, `spent-refresh cannot befall a call of harbour for "explore"`},
		"one at a call that it has not":     {Armed{Fault: "server-error", Product: d.ID, Purpose: dialect.MakeCode}, `server-error cannot befall a call of harbour`},
		"one at nobody":                     {Armed{Fault: "server-error", Product: "harbor"}, `"harbor" is no product here`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Set(ctx, "w", Setting{Armed: &[]Armed{tc.armed}})
			if tc.want == "" && err != nil || tc.want != "" && (!errors.Is(err, ErrSetting) || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
	builtIn, err := dialect.NewCatalog()
	if err != nil {
		t.Fatal(err)
	}
	plain := newServer(t, Config{Products: builtIn})
	if _, err := plain.Set(ctx, "w", Setting{Armed: &[]Armed{{Fault: "server-error", Product: d.ID}}}); !errors.Is(err, ErrSetting) {
		t.Errorf("a sandbox that has not the product: got %v", err)
	}
}

func TestSetAndWorld(t *testing.T) {
	ctx := t.Context()
	clk := &clock{now: start}
	s := newServer(t, Config{Now: clk.Now})
	w, err := s.World(ctx, "w")
	if diff := cmp.Diff(World{Name: "w", Now: start, People: People()}, w); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	strict, grace, chance, seed := true, 10*time.Second, 5, uint64(9)
	armed := []Armed{{Fault: "slow", Times: 3}}
	people := []Person{{Name: "ann", Password: "secret"}}
	want := World{Name: "w", Now: start.Add(time.Hour), Ahead: time.Hour, Strict: true, Grace: grace, Armed: armed, Chance: 5, Seed: 9, People: people}
	if err := s.MoveTo(ctx, "w", start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	set, err := s.Set(ctx, "w", Setting{&strict, &grace, &armed, &chance, &seed, &people})
	if diff := cmp.Diff(want, set); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	w, err = s.World(ctx, "w")
	if diff := cmp.Diff(want, w); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := s.Reset(ctx, "w"); err != nil {
		t.Fatal(err)
	}
	w, err = s.World(ctx, "w")
	if diff := cmp.Diff(World{Name: "w", Now: start, People: People()}, w); err != nil || diff != "" {
		t.Errorf("after a reset: %v\n%s", err, diff)
	}
}

func TestMoveToHasLimits(t *testing.T) {
	ctx := t.Context()
	s := newServer(t, Config{})
	for _, to := range []time.Time{start.Add(-2 * time.Second), start.Add(MaxAhead + time.Second), {}} {
		if err := s.MoveTo(ctx, "w", to); !errors.Is(err, ErrAhead) {
			t.Errorf("%v: got %v", to, err)
		}
	}
	if err := s.MoveTo(ctx, "w", start.Add(-time.Second/2)); err != nil {
		t.Error(err)
	}
}

func TestPeopleOfAWorld(t *testing.T) {
	ctx := t.Context()
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c, neighbour := s.client(t, d, d.ID), s.client(t, d, "next-door")
		old, _ := c.admin()
		people := []Person{{Name: "ann", Password: "secret"}, {Name: "second", Password: "x", SecondFactor: true}}
		if _, err := s.Set(ctx, d.ID, Setting{People: &people}); err != nil {
			t.Fatal(err)
		}
		token, _ := c.pair(c.signIn("Ann", "secret"))
		c.accepted(c.explore(token), dialect.Explore)
		c.refused(c.signIn("administrator", "Password1"), dialect.BadCredentials, dialect.Obtain)
		c.refused(c.explore(old), dialect.BadToken, dialect.Explore)
		neighbour.admin()
		neighbour.refused(neighbour.signIn("ann", "secret"), dialect.BadCredentials, dialect.Obtain)
		if d.SecondFactor == dialect.Challenges {
			code, _, link, _ := s.Authenticator(ctx, d.ID, d)
			r := c.signIn("second", "x")
			c.pair(c.code(r.Values[dialect.MFAToken], code))
			if !strings.Contains(link, "second") {
				t.Errorf("the authenticator is another's: %s", link)
			}
		}
	})
}

func TestExpiry(t *testing.T) {
	ctx := t.Context()
	product(t, func(t *testing.T, d *dialect.Dialect) {
		s := newServer(t, Config{})
		c := s.client(t, d, "w")
		token, fresh := c.admin()
		ends := map[string]time.Time{token: start.Truncate(time.Second).Add(d.Lifetimes.Access), fresh: start.Truncate(time.Second).Add(d.Lifetimes.Refresh)}
		for range 2 {
			for token, want := range ends {
				if got, err := s.Expiry(ctx, d, "w", token); err != nil || !got.Equal(want) {
					t.Errorf("got %v, %v, want %v", got, err, want)
				}
			}
			// The same when it is over.
			if err := s.MoveTo(ctx, "w", ends[fresh].Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		for name, one := range map[string]struct{ world, token string }{
			"of another world": {"v", token}, "none": {"w", "nonsense"}, "empty": {"w", ""}, "damaged": {"w", token[:len(token)-2] + "AA"},
		} {
			if got, err := s.Expiry(ctx, d, one.world, one.token); !errors.Is(err, ErrToken) {
				t.Errorf("%s: got %v, %v", name, got, err)
			}
		}
		// Ten seconds before the end.
		if err := s.Reset(ctx, "w"); err != nil {
			t.Fatal(err)
		}
		token, _ = c.admin()
		end, err := s.Expiry(ctx, d, "w", token)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.MoveTo(ctx, "w", end.Add(-10*time.Second)); err != nil {
			t.Fatal(err)
		}
		c.accepted(c.explore(token), dialect.Explore)
		if err := s.Advance(ctx, "w", 10*time.Second); err != nil {
			t.Fatal(err)
		}
		c.refused(c.explore(token), dialect.ExpiredToken, dialect.Explore)
	})
}

func TestJournal(t *testing.T) {
	clk := &clock{now: start}
	var entries []Entry
	s := newServer(t, Config{Now: clk.Now, Journal: func(e Entry) { entries = append(entries, e) }})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		entries = nil
		c := s.client(t, d, "w")
		token, fresh := c.admin()
		c.signIn("administrator", "wrong-secret")
		c.signIn("nobody-known", "wrong-secret")
		c.explore(token)
		c.refresh(fresh)
		c.with("fault=server-error").explore(token)
		aborted(func() { c.with("fault=lost-answer").explore(token) })
		c.do(httptest.NewRequest(http.MethodGet, "/nowhere/"+url.PathEscape(token), nil), dialect.Explore)
		obtain, explore := d.Operation(dialect.Obtain), d.Operation(dialect.Explore)
		version := func(op *dialect.Operation) Entry {
			return Entry{Time: start, World: "w", Product: d.ID, Purpose: op.Purpose, Method: op.Method, Path: d.Path(op, "")}
		}
		entry := func(op *dialect.Operation, kind dialect.Kind, status int, no dialect.Fault, user string, asked ...string) Entry {
			e := version(op)
			e.Kind, e.Status, e.Refused, e.User, e.Asked = kind, status, no, user, asked
			return e
		}
		wrong := worded(t, d, dialect.BadCredentials, dialect.Obtain)
		failed := worded(t, d, dialect.ServerFault, dialect.Explore)
		want := []Entry{
			entry(obtain, dialect.PasswordGrant, 200, "", "administrator"),
			entry(obtain, dialect.PasswordGrant, wrong.Status, wrong.Fault, "administrator"),
			entry(obtain, dialect.PasswordGrant, wrong.Status, wrong.Fault, ""),
			entry(explore, "", 200, "", "administrator"),
			entry(obtain, dialect.RefreshGrant, 200, "", "administrator"),
			entry(explore, "", failed.Status, failed.Fault, "", "server-error"),
			entry(explore, "", 0, "", "administrator", "lost-answer"),
			{Time: start, World: "w", Product: d.ID, Method: "GET", Path: "/nowhere/…", Status: worded(t, d, dialect.NotFound, "").Status, Refused: dialect.NotFound},
		}
		for i := range entries {
			entries[i].Version = ""
		}
		if diff := cmp.Diff(want, entries); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		text := fmt.Sprintf("%+v", entries)
		for _, secret := range []string{token, fresh, "Password1", "wrong-secret", "nobody-known"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in the journal", secret)
			}
		}
	})
}

func FuzzAsk(f *testing.F) {
	for _, seed := range []string{"fault=slow,server-error", "fault=%zz", "strict=1&fault=", "fault=a&fault=b;c", "fault=" + strings.Repeat(",", 99)} {
		f.Add(seed)
	}
	d := dialect.All()[0]
	f.Fuzz(func(t *testing.T, query string) {
		a, err := readAsk(query, d)
		var bad *badAsk
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("got %v", err)
		}
		if bad != nil && !json.Valid([]byte(bad.reply().Body)) {
			t.Errorf("got %s", bad.reply().Body)
		}
		if len(a.faults) > len(faults) {
			t.Errorf("%d faults", len(a.faults))
		}
	})
}
