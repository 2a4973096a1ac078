package sandboxtest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/sandboxtest"
)

// source signs in as any OAuth client does.
func source(t *testing.T, sb *sandboxtest.Sandbox) (oauth2.TokenSource, *oauth2.Token) {
	t.Helper()
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, sb.Client())
	cfg := oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: sb.URL("vbr") + "/api/oauth2/token", AuthStyle: oauth2.AuthStyleInParams}}
	token, err := cfg.PasswordCredentialsToken(ctx, "administrator", "Password1")
	if err != nil {
		t.Fatal(err)
	}
	return cfg.TokenSource(ctx, token), token
}

func explore(t *testing.T, sb *sandboxtest.Sandbox, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, sb.URL("vbr")+"/api/v1/jobs/states", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := sb.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	sb := sandboxtest.Start(t, "vbr")

	t.Run("a library signs in over HTTP/2", func(t *testing.T) {
		_, token := source(t, sb)
		if res := explore(t, sb, token.AccessToken); res.StatusCode != 200 || res.Proto != "HTTP/2.0" {
			t.Errorf("got %s over %s", res.Status, res.Proto)
		}
	})

	t.Run("time passes at once", func(t *testing.T) {
		w := sb.World(t, "time")
		_, token := source(t, w)
		w.Advance(15*time.Minute + time.Second)
		if ahead := w.Now().Sub(sb.Now()); ahead < 15*time.Minute {
			t.Errorf("the clock is %v ahead", ahead)
		}
		if res := explore(t, w, token.AccessToken); res.StatusCode != 401 {
			t.Errorf("got %s, want 401", res.Status)
		}
		w.Reset()
		if ahead := w.Now().Sub(sb.Now()); ahead > time.Minute {
			t.Errorf("after the reset the clock is %v ahead", ahead)
		}
	})

	t.Run("faults befall the next calls", func(t *testing.T) {
		w := sb.World(t, "faults")
		_, token := source(t, w)
		w.Fault("vbr", "server-error", 1)
		w.Fault("", "too-many-requests", 1)
		var got []int
		for range 3 {
			got = append(got, explore(t, w, token.AccessToken).StatusCode)
		}
		if got[2] != 200 || got[0]+got[1] != 500+429 {
			t.Errorf("got %v, want 500 and 429, then 200", got)
		}
		if res := explore(t, sb, token.AccessToken); res.StatusCode != 401 {
			t.Errorf("in another world: got %s, want 401", res.Status)
		}
	})

	t.Run("a world is strict if told", func(t *testing.T) {
		w := sb.World(t, "strict")
		strict := true
		w.Set(sandbox.Setting{Strict: &strict})
		res, err := w.Client().PostForm(w.URL("vbr")+"/api/oauth2/token", map[string][]string{"grant_type": {"password"}, "username": {"administrator"}, "password": {"Password1"}})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 400 {
			t.Errorf("without a version: got %s, want 400", res.Status)
		}
	})

	t.Run("calls are written down without secrets", func(t *testing.T) {
		w := sb.World(t, "calls")
		_, token := source(t, w)
		explore(t, w, token.AccessToken)
		calls := w.Calls()
		if len(calls) != 2 || calls[0].Kind != dialect.PasswordGrant || calls[0].User != "administrator" || calls[1].Purpose != dialect.FirstCall || calls[1].Status != 200 {
			t.Errorf("got %+v", calls)
		}
	})

	t.Run("the control API is there too", func(t *testing.T) {
		res, err := http.Get(sb.ControlURL() + "/ca.pem")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || string(text) != string(sb.CA()) {
			t.Errorf("got %s, %v", text, err)
		}
	})
}

// TestManyAtOnce: each sandbox is a test's own.
func TestManyAtOnce(t *testing.T) {
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sb := sandboxtest.Start(t, "vbr", "vac")
			_, token := source(t, sb)
			if res := explore(t, sb, token.AccessToken); res.StatusCode != 200 {
				t.Errorf("got %s", res.Status)
			}
			if n := len(sb.Calls()); n != 2 {
				t.Errorf("got %d calls, want its own two", n)
			}
		})
	}
}

func TestAllProducts(t *testing.T) {
	t.Parallel()
	sb := sandboxtest.Start(t)
	for _, d := range dialect.All() {
		if at := sb.URL(d.ID); !strings.HasPrefix(at, "https://127.0.0.1:") {
			t.Errorf("%s: got %s", d.ID, at)
		}
	}
}
