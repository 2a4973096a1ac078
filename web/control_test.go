package web_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"tokenplayground/web/dialect"
)

// TestScriptsSteerTheirWorlds: the control API of worlds beside their products.
func TestScriptsSteerTheirWorlds(t *testing.T) {
	t.Parallel()
	v := open(t).visitor(t)
	d := dialect.All()[0]
	asked := []string{"Content-Type", "application/json"}
	signIn := func(prefix string) string {
		t.Helper()
		r, err := d.Encode(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Values: dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"}})
		if err != nil {
			t.Fatal(err)
		}
		body := v.post(prefix+"/"+d.ID+r.Path, r.Body).want(200).body
		return d.Decode(dialect.Obtain, "", 200, []byte(body)).Values[dialect.AccessToken]
	}
	explore := func(prefix, token string) int {
		t.Helper()
		r, err := d.Encode(dialect.Call{Purpose: dialect.Explore, Bearer: token})
		if err != nil {
			t.Fatal(err)
		}
		return v.do(r.Method, prefix+"/"+d.ID+r.Path, "", []string{"Authorization", "Bearer " + token}).status
	}

	t.Run("a clock moves, and one only", func(t *testing.T) {
		mine, other, shared := signIn("/sandbox/w/build-7"), signIn("/sandbox/w/build-8"), signIn("/sandbox")
		r := v.do("POST", "/sandbox/w/build-7/control/clock", `{"expire":"access","product":"`+d.ID+`","token":"`+mine+`"}`, asked).want(200)
		var w struct {
			World string
			Ahead int64 `json:"ahead_seconds"`
		}
		if err := json.Unmarshal([]byte(r.body), &w); err != nil || w.World != "build-7" || w.Ahead == 0 {
			t.Errorf("got %v, %s", err, r.body)
		}
		if got := explore("/sandbox/w/build-7", mine); got != 401 {
			t.Errorf("past its end: got %d", got)
		}
		if got := explore("/sandbox/w/build-8", other); got != 200 {
			t.Errorf("in another world: got %d", got)
		}
		if got := explore("/sandbox", shared); got != 200 {
			t.Errorf("in the shared world: got %d", got)
		}
	})

	t.Run("a fault befalls the next call", func(t *testing.T) {
		v.do("PUT", "/sandbox/w/build-9/control/faults", `{"faults":[{"fault":"unavailable","times":1}]}`, asked).want(200)
		for _, want := range []int{503, 401} {
			if got := explore("/sandbox/w/build-9", "x"); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		}
	})

	for name, tt := range map[string]struct {
		method, path, body string
		header             []string
		want               int
	}{
		"a world shows itself":                       {"GET", "/sandbox/w/build-7/control", "", nil, 200},
		"with a slash too":                           {"GET", "/sandbox/w/build-7/control/", "", nil, 200},
		"not the shared one":                         {"POST", "/sandbox/w/shared/control/reset", "", nil, 403},
		"not without a world":                        {"GET", "/sandbox/control/", "", nil, 404},
		"not people":                                 {"PUT", "/sandbox/w/build-7/control/people", `{"people":[]}`, asked, 404},
		"not calls":                                  {"GET", "/sandbox/w/build-7/control/calls", "", nil, 404},
		"not the rest of the API by a way around":    {"GET", "/sandbox/w/build-7/control/../../calls", "", nil, 404},
		"not by a form":                              {"POST", "/sandbox/w/build-7/control/clock", "move=5m", theForm, 415},
		"not by another site":                        {"POST", "/sandbox/w/build-7/control/reset", "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"not at another name":                        {"GET", "/sandbox/w/build-7/control", "", []string{"Host", "evil.example"}, 421},
		"not a world of a name that there cannot be": {"GET", "/sandbox/w/a.b/control", "", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			got := v.do(tt.method, tt.path, tt.body, tt.header)
			if got.status != tt.want {
				t.Errorf("got %d, want %d: %s", got.status, tt.want, got.body)
			}
			if c := got.header.Get("Set-Cookie"); c != "" {
				t.Errorf("it sets a cookie: %s", c)
			}
		})
	}

	t.Run("the world that is called shared is the one", func(t *testing.T) {
		if got := explore("/sandbox/w/shared", signIn("/sandbox")); got != 200 {
			t.Errorf("got %d", got)
		}
	})

	if got := v.get("/sandbox/w/"+strings.Repeat("x", 65)+"/"+d.ID, asJSON).status; got != 404 {
		t.Errorf("a name that is too long: got %d", got)
	}
}

// TestWorldsAreNotMadeUpEndlessly: a public site keeps scripts to a pace.
func TestWorldsAreNotMadeUpEndlessly(t *testing.T) {
	t.Parallel()
	v := open(t, "--profile", "demo", "--proxies", "127.0.0.1").visitor(t)
	asked := []string{"Content-Type", "application/json", "X-Forwarded-For", "203.0.113.9"}
	for i := range 1000 {
		r := v.do("POST", "/sandbox/w/flood-"+strconv.Itoa(i)+"/control/clock", `{"move":"1m"}`, asked)
		if r.status == 429 {
			if r.header.Get("Retry-After") == "" {
				t.Error("it does not say how long to wait")
			}
			return
		}
		r.want(200)
	}
	t.Error("1,000 worlds were made at once")
}
