package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tokenplayground/web/dialect"
)

// TestCallsAreTraced: the line of each call names its request and, by a name
// that is nowhere else, its session.
func TestCallsAreTraced(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	s := realServer(t, d)
	call := func(v *visitor, path, body, id string) {
		t.Helper()
		v.post(path, body, asJSON, []string{"X-Request-Id", id}).want(200)
	}
	one, other := w.visitor(t), w.visitor(t)
	at := atServer(t, one, d, s)
	call(one, "/"+d.ID+"/token", signIn(t, d, "administrator")+at, "request-one")
	call(one, "/"+d.ID+"/explore", at[1:], "request-two")
	call(other, "/"+d.ID+"/token", signIn(t, d, "administrator"), "request-three")
	world := ""
	if page := other.get("/"+d.ID, asPage).body; strings.Contains(page, "/sandbox/w/") {
		_, rest, _ := strings.Cut(page, "/sandbox/w/")
		world = rest[:26]
	}

	sessions := map[string]string{}
	for line := range strings.Lines(w.log.String()) {
		var l struct{ Msg, ID, Session, Host, Decision, Rule string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg != "target call" {
			continue
		}
		if l.ID == "" || len(l.Session) != 12 || l.Host == "" || l.Decision == "" || l.Rule == "" {
			t.Errorf("got the line %s", line)
		}
		sessions[l.ID] = l.Session
		if world != "" && strings.Contains(line, world) {
			t.Errorf("the line names the world: %s", line)
		}
	}
	if a, b, c := sessions["request-one"], sessions["request-two"], sessions["request-three"]; a == "" || a != b || c == "" || c == a {
		t.Errorf("got the sessions %v", sessions)
	}
}
