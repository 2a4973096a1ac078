package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
	"tokenplayground/web/store/boltstore"
)

// between opens the store of a playground that has ended and changes the
// session of a cookie, as a process that died in the middle would have left
// it.
func between(t *testing.T, cfg web.Config, cookie string, change func(*session.State)) {
	t.Helper()
	st, err := boltstore.Open(cfg.Store[len("bolt:"):], boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	keys, err := session.LoadKeyring(cfg.Keyring)
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.New(session.Config{Store: st, Keyring: keys})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Header.Set("Cookie", cookie)
	err = m.Update(httptest.NewRecorder(), r, func(_ context.Context, s *session.Session) error {
		if s.New {
			t.Error("the cookie opens nothing")
		}
		change(s.State)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

const crashed = "A refresh was under way when the server stopped"

// TestRefreshThatNobodyHeardOf: the process died between the product's answer
// and the save, so the kept refresh token is spent; or before the product got
// it, so the token is good.
func TestRefreshThatNobodyHeardOf(t *testing.T) {
	t.Parallel()
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		for _, tc := range []struct {
			name    string
			counted bool
			state   string
		}{{"counted", true, "dead"}, {"did not count", false, "valid"}} {
			t.Run(tc.name, func(t *testing.T) {
				dir := t.TempDir()
				w := start(t, dir, configure(t, dir))
				v := w.visitor(t)
				path := "/" + d.ID
				v.call(path+"/token", signIn(t, d, "administrator"))
				cookie := v.cookies()
				w.stop()
				var old session.Slot
				between(t, w.cfg, cookie, func(st *session.State) { old = *st.Slot(d.ID, "sandbox") })
				if tc.counted {
					w = start(t, dir, configure(t, dir))
					w.visitor(t).post(path+"/refresh", "", asJSON, []string{"Cookie", cookie}).answer()
					w.stop()
				}
				old.InFlight = time.Now().Add(-time.Second)
				between(t, w.cfg, cookie, func(st *session.State) { st.SetSlot(&old) })

				w = start(t, dir, configure(t, dir))
				v = w.visitor(t)
				kept := []string{"Cookie", cookie}
				v.get(path, asPage, kept).want(200).has(crashed, "Refresh tries the old token once")

				got := v.post(path+"/refresh", "", asJSON, kept).answer()
				if got.Session.State != tc.state {
					t.Errorf("got %s", got.raw)
				}
				page := v.get(path, asPage, kept).want(200)
				page.lacks("Refresh tries the old token once")
				if !tc.counted {
					page.lacks(crashed)
					return
				}
				page.has("Sign in again", "did count")
				v.post(path+"/refresh", "", asJSON, kept).problem(409, "no-token")
				if got := v.post(path+"/token", signIn(t, d, "administrator"), asJSON, kept).answer(); got.Session.State != "valid" {
					t.Errorf("after signing in again: got %s", got.raw)
				}
			})
		}
	})
}

// TestRefreshUnderWayIsNoted: while the product has the token, the store says
// so; a page that is read meanwhile does not call it a crash; and what the
// product answered clears the note.
func TestRefreshUnderWayIsNoted(t *testing.T) {
	t.Parallel()
	d := dialect.All()[0]
	held, let := make(chan struct{}), make(chan struct{})
	play := realSandbox(t, nil)
	calls := 0
	s := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if calls++; calls == 2 { // one after the other: the sign-in, the refresh
			close(held)
			<-let
		}
		play.Handler(d, "").ServeHTTP(rw, r)
	}))
	dir := t.TempDir()
	cfg := configure(t, dir)
	w := start(t, dir, cfg)
	v := w.visitor(t)
	at := "&x.target=" + s.address
	v.call("/"+d.ID+"/target", "x.host="+s.address)
	v.call("/"+d.ID+"/trust", "x.fingerprint="+s.fingerprint()+at)
	if got := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+at); got.Session.State != "valid" {
		t.Fatalf("got %s", got.raw)
	}
	done := make(chan answer)
	go func() { done <- v.call("/"+d.ID+"/refresh", at[1:]) }()
	<-held
	copied := filepath.Join(t.TempDir(), "copy.db")
	data, err := os.ReadFile(cfg.Store[len("bolt:"):])
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, copied, data)
	v.get("/"+d.ID+"?target="+s.address, asPage).want(200).lacks(crashed)
	close(let)
	if got := <-done; got.Session.State != "valid" {
		t.Errorf("got %s", got.raw)
	}

	// What a crash at that moment would have left.
	note := func(path string) (at time.Time) {
		between(t, web.Config{Store: "bolt:" + path, Keyring: cfg.Keyring}, v.cookies(), func(st *session.State) {
			at = st.Slot(d.ID, s.address).InFlight
		})
		return at
	}
	if note(copied).IsZero() {
		t.Error("the store does not say that a refresh is under way")
	}
	w.stop()
	if at := note(cfg.Store[len("bolt:"):]); !at.IsZero() {
		t.Errorf("the note of %v outlives the answer", at)
	}
}
