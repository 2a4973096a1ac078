package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
)

// waiting counts the goroutines that are inside a function.
func waiting(t *testing.T, function string) int {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range strings.Split(b.String(), "\n\n") {
		if strings.Contains(g, function+"(") {
			n++
		}
	}
	return n
}

func TestFiftyRefreshesAreOneCall(t *testing.T) {
	const many = 50
	w := open(t)
	d := dialect.All()[1]
	real := realServer(t, d)
	// Once it is held, the server answers when all fifty wait for it.
	var held atomic.Bool
	arrived, gate := make(chan bool, many), make(chan struct{})
	inner := real.Config.Handler
	real.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if held.Load() {
			arrived <- true
			<-gate
		}
		inner.ServeHTTP(rw, r)
	})
	v := w.visitor(t)
	at := "x.target=" + url.QueryEscape(real.address)
	v.call("/"+d.ID+"/trust", "x.fingerprint="+real.fingerprint()+"&"+at)
	before := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+"&"+at).Session

	held.Store(true)
	answers := make([]answer, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			res := v.post("/"+d.ID+"/refresh", at, asJSON)
			answers[i].raw = res.body
			if err := json.Unmarshal([]byte(res.body), &answers[i]); err != nil || res.status != 200 {
				t.Errorf("got %d: %s", res.status, res.body)
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for waiting(t, "session.(*Manager).Update") < many {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the requests never met")
		}
	}
	close(gate)
	all.Wait()

	if n := len(arrived); n != 1 {
		t.Errorf("the server received %d refreshes: %q", n, real.received())
	}
	for i := range answers {
		if answers[i].raw != answers[0].raw {
			t.Fatalf("the answers differ: %s", cmp.Diff(answers[0].raw, answers[i].raw))
		}
	}
	after := answers[0].Session
	if after.State != "valid" || after.AccessToken == before.AccessToken || after.RefreshToken == before.RefreshToken {
		t.Errorf("got the session %+v after %+v", after, before)
	}
	if got := v.call("/"+d.ID+"/explore", at); got.Exchange.Response.Status != 200 {
		t.Errorf("the pair that was kept does not work: %s", got.raw)
	}
}

// TestParallelTabs: what several tabs of one visitor do at the same time is
// all kept.
func TestParallelTabs(t *testing.T) {
	w := open(t)
	v := w.visitor(t)
	const rounds = 4 // a session lists fifty exchanges
	for _, d := range dialect.All() {
		v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	}
	var tabs sync.WaitGroup
	for _, d := range dialect.All() {
		for range rounds {
			tabs.Go(func() {
				if got := v.post("/"+d.ID+"/explore", "", asJSON); got.status != 200 {
					t.Errorf("%s: got %d: %s", d.ID, got.status, got.body)
				}
				if got := v.get("/"+d.ID, asPage); got.status != 200 {
					t.Errorf("%s: got %d", d.ID, got.status)
				}
			})
		}
	}
	tabs.Wait()
	seen := map[int]bool{}
	for _, d := range dialect.All() {
		var page struct {
			Session struct{ State string }
			History []struct{ ID int }
		}
		if err := json.Unmarshal([]byte(v.state("/"+d.ID)), &page); err != nil {
			t.Fatal(err)
		}
		if page.Session.State != "valid" || len(page.History) != rounds+1 {
			t.Errorf("%s: got state %s and %d exchanges, want valid and %d", d.ID, page.Session.State, len(page.History), rounds+1)
		}
		for _, e := range page.History {
			if seen[e.ID] {
				t.Errorf("two exchanges have the number %d", e.ID)
			}
			seen[e.ID] = true
		}
	}
}

func TestRotatedTicket(t *testing.T) {
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	old := []string{"Cookie", v.cookies()}
	v.call("/"+d.ID+"/refresh", "")
	if v.cookies() != old[1] {
		t.Error("a refresh changed the ticket")
	}
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	if v.cookies() == old[1] {
		t.Fatal("a new sign-in left the ticket as it was")
	}
	kept := v.state("/" + d.ID)

	other := w.visitor(t) // the same browser's slow tab
	for _, res := range []*reply{
		other.post("/"+d.ID+"/explore", "", asJSON, old),
		other.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON, old),
		other.get("/"+d.ID, asJSON, old),
	} {
		res.problem(http.StatusConflict, "session-rotated")
		if len(res.setter) > 0 {
			t.Errorf("%s: the cookie is touched", res.call)
		}
	}
	again := other.post("/"+d.ID+"/explore?theme=dark", "", asPage, old).want(http.StatusTemporaryRedirect)
	if to := again.header.Get("Location"); to != "?again=1&theme=dark" {
		t.Errorf("the browser is sent to %q", to)
	}
	other.post("/"+d.ID+"/explore?again=1&theme=dark", "", asPage, old).want(409).has("Another tab has just signed in")
	if v.state("/"+d.ID) != kept {
		t.Error("the old ticket changed the session")
	}
	w.advance(2 * time.Minute)
	if got := other.get("/"+d.ID, asJSON, old).want(200); !strings.Contains(got.body, `"state":"none"`) {
		t.Errorf("later, the old ticket opens %s", got.body)
	}
}

// TestTicketFollowsCredentials: the ticket changes when credentials have come,
// and only then.
func TestTicketFollowsCredentials(t *testing.T) {
	w := open(t)
	all := dialect.All()
	d := all[slices.IndexFunc(all, func(d *dialect.Dialect) bool { _, ok := d.Grant(dialect.MFAGrant); return ok })]
	for _, tc := range []struct {
		name    string
		form    func(kept answer) string
		rotates bool
	}{
		{"a sign-in that succeeds", func(answer) string { return signIn(t, d, "administrator") }, true},
		{"one that asks for a second factor", func(answer) string { return signIn(t, d, "mfa") }, true},
		{"one that is refused", func(answer) string {
			return form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: "wrong"})
		}, false},
		{"a refresh with the kept token", func(kept answer) string {
			return form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: kept.Session.RefreshToken})
		}, false},
		{"a refresh that is refused", func(answer) string {
			return form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: "nobody's"})
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := w.visitor(t)
			kept := v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
			before := v.cookies()
			v.call("/"+d.ID+"/token", tc.form(kept))
			if got := v.cookies() != before; got != tc.rotates {
				t.Errorf("rotated: %v, want %v", got, tc.rotates)
			}
		})
	}
	t.Run("a refresh token from elsewhere", func(t *testing.T) {
		v := w.visitor(t)
		kept := v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
		v.call("/"+d.ID+"/forget", "")
		before := v.cookies()
		got := v.call("/"+d.ID+"/token", form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: kept.Session.RefreshToken}))
		if got.Session.State != "valid" || v.cookies() == before {
			t.Errorf("got %s, rotated: %v", got.Session.State, v.cookies() != before)
		}
	})
}

// TestAnswerThatNeverArrived: who signed in and heard nothing goes on with the
// session from before, and log-out ends what the lost answer brought too.
func TestAnswerThatNeverArrived(t *testing.T) {
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	first := v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	old := []string{"Cookie", v.cookies()}
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	lost := []string{"Cookie", v.cookies()}

	u := w.visitor(t) // the same browser, whose answer was lost
	if got := u.get("/"+d.ID, asJSON, old).want(200); !strings.Contains(got.body, first.Session.AccessToken) {
		t.Errorf("it sees %s", got.body)
	}
	u.post("/"+d.ID+"/explore", "", asJSON, old).problem(http.StatusConflict, "session-rotated")
	w.advance(session.RepeatAfter)
	if got := u.post("/"+d.ID+"/explore", "", asJSON, old).answer(); got.Session != first.Session || got.Exchange.Response.Status != 200 || got.Exchange.ID != first.Exchange.ID+1 {
		t.Errorf("it explores %s", got.raw)
	}
	if got := u.post("/"+d.ID+"/accounts/logout", "", asJSON, old).answer(); got.Session.State != "none" {
		t.Errorf("it logs out: %s", got.raw)
	}
	if got := u.get("/"+d.ID, asJSON, lost).want(200); !strings.Contains(got.body, `"state":"none"`) {
		t.Errorf("the ticket of the lost answer opens %s", got.body)
	}
}

func TestForeignCookies(t *testing.T) {
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	name, value, _ := strings.Cut(v.cookies(), "=")
	for what, cookie := range map[string]string{
		"another value":   name + "=" + strings.Repeat("A", len(value)),
		"an empty value":  name + "=",
		"a changed value": name + "=" + value[:len(value)-2] + "AA",
		"a huge value":    name + "=" + strings.Repeat("x", 6000),
		"another playground's": func() string {
			u := open(t).visitor(t)
			u.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
			return u.cookies()
		}(),
	} {
		t.Run(what+" opens nothing and is not adopted", func(t *testing.T) {
			u := w.visitor(t)
			if got := u.get("/"+d.ID, asJSON, []string{"Cookie", cookie}).want(200); !strings.Contains(got.body, `"state":"none"`) {
				t.Errorf("got %s", got.body)
			}
			res := u.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON, []string{"Cookie", cookie}).want(200)
			if len(res.setter) != 1 || res.setter[0].Value == strings.TrimPrefix(cookie, name+"=") {
				t.Errorf("got the cookies %v", res.setter)
			}
		})
	}
}
