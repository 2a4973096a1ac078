package web_test

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"tokenplayground/web"

	"tokenplayground/web/dialect"
)

// TestPasswordsOfAnyEncoding: a password is in nothing that is kept or shown,
// however the product wants it written.
func TestPasswordsOfAnyEncoding(t *testing.T) {
	t.Parallel()
	w := open(t, "--dialects", ownExamples)
	everyProductAndOwn(t, func(t *testing.T, d *dialect.Dialect) {
		for _, password := range []string{`s3cr"et\w1se`, "s3crét&w1se", "s3cr%22et+w1se", "s3cr<et>w1se", "s3cr\u2028etw1se"} {
			v := w.visitor(t)
			v.call("/"+d.ID+"/token", form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: password}))
			pages := v.state("/"+d.ID) + v.get("/"+d.ID+"/exchanges/1", asPage).want(200).body + v.get("/"+d.ID+"/exchanges/1", asJSON).want(200).body
			for _, part := range []string{"body", "headers", "request", "curl"} {
				pages += v.get("/"+d.ID+"/exchanges/1?part="+part, asPage).want(200).body
			}
			for _, trace := range []string{"s3cr", "w1se"} {
				if i := strings.Index(pages, trace); i >= 0 {
					t.Errorf("of the password %q this is shown: …%s…", password, pages[max(0, i-100):min(len(pages), i+60)])
				}
			}
		}
	})
}

// TestOwnProducts: whatever lists the products lists the operator's, too, and
// says whose they are.
func TestOwnProducts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	targets := writeFile(t, filepath.Join(dir, "targets.json"), []byte(`{"targets":[{"name":"Pier 4","product":"harbour","host":"srv.lab.local","port":8443}]}`))
	v := open(t, "--dialects", ownExamples, "--targets", targets).visitor(t)

	home := v.get("/", asPage).want(200).has("Harbour Inventory", "Lab Backup", "POST /auth/v2/sessions")
	if n := strings.Count(home.body, "this server&#39;s operator"); n != 2 {
		t.Errorf("%d cards say that the operator described them, want 2", n)
	}
	var list []struct {
		ID  string
		Own bool
	}
	if err := json.Unmarshal([]byte(v.get("/", asJSON).want(200).body), &list); err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if _, builtIn := dialect.Find(p.ID); p.Own == builtIn {
			t.Errorf("%s: own is %v", p.ID, p.Own)
		}
	}
	if len(list) != len(dialect.All())+2 {
		t.Errorf("the API lists %d products", len(list))
	}

	v.get("/harbour", asPage).want(200).has("Harbour Inventory API", "The operator of this server described this product", "Pier 4", "Pass phrase", "JSON member").lacks("form field")
	v.get("/"+dialect.All()[0].ID, asPage).want(200).has("/harbour").lacks("The operator of this server described this product")
	v.get("/people", asPage).want(200)
	v.get("/fidelity", asPage).want(200)
	v.get("/nope", asPage).want(404).has("/harbour")
	v.get("/sandbox/nope/x").want(404).has("harbour")
	v.get("/sandbox/harbour/openapi.json").want(200).has(`"/auth/v2/sessions"`, `"goodUntil"`)

	// The raw sandbox, by hand.
	raw := func(method, path, token, body string, status int) map[string]map[string]any {
		t.Helper()
		var headers []string
		if body != "" {
			headers = append(headers, "Content-Type", "application/json")
		}
		if token != "" {
			headers = append(headers, "Authorization", "Bearer "+token)
		}
		got := v.do(method, "/sandbox/harbour"+path, body, headers).want(status)
		out := map[string]map[string]any{}
		_ = json.Unmarshal([]byte(got.body), &out) // the ships are a list
		return out
	}
	pair := raw("POST", "/auth/v1/sessions", "", `{"how":"person","name":"administrator","phrase":"Password1"}`, 200)["data"]
	if len(pair) != 4 || pair["scheme"] != "bearer" {
		t.Errorf("sign in by v1: got %v", pair)
	}
	raw("GET", "/inventory/v1/ships", pair["access"].(string), "", 200)
	next := raw("POST", "/auth/v2/sessions", "", `{"how":"renewal","renewal":"`+pair["renewal"].(string)+`"}`, 200)["data"]
	if next["role"] != "Harbour master" {
		t.Errorf("renew by v2: got %v", next)
	}
	if got := raw("POST", "/auth/v2/sessions", "", `{"how":"renewal","renewal":"`+pair["renewal"].(string)+`"}`, 401)["error"]; got["code"] != "SPENT" {
		t.Errorf("renew again: got %v", got)
	}
	if got := raw("GET", "/inventory/v2/ships", "", "", 401)["error"]; got["code"] != "NO_TOKEN" {
		t.Errorf("no token: got %v", got)
	}
	raw("DELETE", "/auth/v2/sessions/current", next["access"].(string), "", 204)
	if got := raw("GET", "/inventory/v2/ships", next["access"].(string), "", 401)["error"]; got["code"] != "SIGNED_OUT" {
		t.Errorf("signed out: got %v", got)
	}
	raw("GET", "/inventory/v3/ships", "x", "", 404)
}

func TestWrongDialectsStopTheStart(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.yaml"), []byte("like: vbr\nid: a\nport: x\n"))
	writeFile(t, filepath.Join(dir, "b.yaml"), []byte("like: vbr\nid: people\n\nprot: 1\n"))
	_, err := web.ParseConfig([]string{"--store", "memory:", "--dialects", dir, "--profile", "odd"}, func(string) string { return "" }, io.Discard)
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"--dialects", "a.yaml:3: port: ", "b.yaml:4: prot: ", "--profile"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
