package web_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"flag"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string {
		if v, ok := pairs[name]; ok {
			return v
		}
		if name == "HOME" {
			return "/home/somebody"
		}
		return ""
	}
}

func TestSettingsAndTheirDefaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		args   []string
		env    map[string]string
		want   web.Config // the fields that are compared
		remedy string
	}{
		{name: "nothing said", want: web.Config{Profile: "local", Listen: "127.0.0.1:8080", Egress: "open",
			Store: "bolt:/home/somebody/.local/state/tokenplayground/playground.db", Keyring: "/home/somebody/.local/state/tokenplayground/keyring"}},
		{name: "a state folder of the user's", env: map[string]string{"XDG_STATE_HOME": "/state"}, want: web.Config{Profile: "local", Listen: "127.0.0.1:8080", Egress: "open",
			Store: "bolt:/state/tokenplayground/playground.db", Keyring: "/state/tokenplayground/keyring"}},
		{name: "a class", args: []string{"--profile", "class", "--store", "memory:"}, want: web.Config{Profile: "class", Listen: "0.0.0.0:8443", Egress: "allowlist", Store: "memory:"}},
		{name: "a demo", args: []string{"--profile=demo", "--store=memory:"}, want: web.Config{Profile: "demo", Listen: "127.0.0.1:8080", Egress: "sandbox", Store: "memory:"}},
		{name: "the environment", env: map[string]string{"PLAYGROUND_PROFILE": "demo", "PLAYGROUND_LISTEN": "127.0.0.1:1", "PLAYGROUND_STORE": "bolt:/x/y.db",
			"PLAYGROUND_PUBLIC_URL": "https://playground.example", "PLAYGROUND_EGRESS": "sandbox", "PLAYGROUND_KEYRING": "/k", "PLAYGROUND_INSECURE_HTTP": "true"},
			want: web.Config{Profile: "demo", Listen: "127.0.0.1:1", Egress: "sandbox", Store: "bolt:/x/y.db", Keyring: "/k", PublicURL: "https://playground.example", InsecureHTTP: true}},
		{name: "a flag counts more than the environment", args: []string{"--profile", "local", "--store", "memory:"}, env: map[string]string{"PLAYGROUND_PROFILE": "demo"},
			want: web.Config{Profile: "local", Listen: "127.0.0.1:8080", Egress: "open", Store: "memory:"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := web.ParseConfig(tc.args, environment(tc.env), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if got.Profile != tc.want.Profile || got.Listen != tc.want.Listen || got.Egress != tc.want.Egress || got.Store != filepath.FromSlash(tc.want.Store) ||
				got.Keyring != filepath.FromSlash(tc.want.Keyring) || got.PublicURL != tc.want.PublicURL || got.InsecureHTTP != tc.want.InsecureHTTP {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// TestWrongSettings: every fault is named at once, with the flag and a remedy.
func TestWrongSettings(t *testing.T) {
	dir := t.TempDir()
	targets := writeFile(t, filepath.Join(dir, "targets.json"), []byte(`{"targets":[{"name":"Lab","product":"nope","host":"srv.lab.local","port":9419}]}`))
	broken := writeFile(t, filepath.Join(dir, "broken.json"), []byte(`{"targets":[{"name":"","host":"http://x","port":0}]}`))
	good := writeFile(t, filepath.Join(dir, "good.json"), []byte(`{"targets":[{"name":"Lab","product":"vbr","host":"srv.lab.local","port":9419}]}`))
	for _, tc := range []struct {
		name string
		args []string
		env  map[string]string
		says []string // each in the error
	}{
		{"a profile", []string{"--profile", "prod"}, nil, []string{`--profile is "prod"`, "local, class or demo"}},
		{"an egress", []string{"--egress", "all"}, nil, []string{"--egress", "sandbox", "allowlist", "open"}},
		{"no port", []string{"--listen", "127.0.0.1"}, nil, []string{`--listen is "127.0.0.1"`, "host:port"}},
		{"a port that is none", []string{"--listen", "127.0.0.1:99999"}, nil, []string{`--listen has the port "99999"`, "0 to 65535"}},
		{"a store", []string{"--store", "mysql://x"}, nil, []string{`--store is "mysql://x"`, "bolt:PATH", "redis://"}},
		{"bolt without a path", []string{"--store", "bolt:"}, nil, []string{"--store", "bolt:PATH"}},
		{"memory with a path", []string{"--store", "memory:x"}, nil, []string{"--store"}},
		{"redis without keys", []string{"--store", "redis://user:hunter2@127.0.0.1/0"}, nil, []string{"--keyring", "replicas"}},
		{"a public URL without a scheme", []string{"--public-url", "playground.example"}, nil, []string{"--public-url", "https://"}},
		{"a public URL with a path", []string{"--public-url", "https://playground.example/pg"}, nil, []string{"--public-url", "root"}},
		{"a public URL in plain http", []string{"--profile", "demo", "--public-url", "http://playground.example"}, nil, []string{"plain http", "--insecure-http"}},
		{"a network in plain http", []string{"--listen", "0.0.0.0:80", "--egress", "sandbox"}, nil, []string{"plain http on a network", "--public-url"}},
		{"open to a network", []string{"--listen", "0.0.0.0:80", "--insecure-http"}, nil, []string{"--egress open", "--egress allowlist"}},
		{"an open class", []string{"--profile", "class", "--egress", "open"}, nil, []string{"--egress open"}},
		{"a demo that calls", []string{"--profile", "demo", "--egress", "allowlist"}, nil, []string{"--profile demo"}},
		{"targets for a sandbox", []string{"--egress", "sandbox", "--targets", good}, nil, []string{"--targets", "--egress allowlist"}},
		{"targets of an unknown product", []string{"--targets", targets}, nil, []string{`"Lab"`, `"nope"`, "vbr"}},
		{"broken targets", []string{"--targets", broken}, nil, []string{"broken.json:1", `"name"`, "product", "0 is not a port"}},
		{"targets that are not there", []string{"--targets", filepath.Join(dir, "none.json")}, nil, []string{"none.json"}},
		{"an argument", []string{"--store", "memory:", "now"}, nil, []string{`"now" is no flag`}},
		{"an unknown flag", []string{"--verbose"}, nil, []string{"-verbose"}},
		{"wrong switches in the environment", nil, map[string]string{"PLAYGROUND_INSECURE_HTTP": "perhaps", "PLAYGROUND_INSECURE_REDIS": "y", "PLAYGROUND_BEHIND_LOOPBACK": "on"},
			[]string{"PLAYGROUND_INSECURE_HTTP is", "PLAYGROUND_INSECURE_REDIS is", "PLAYGROUND_BEHIND_LOOPBACK is", "true or false"}},
		{"no home", nil, map[string]string{"HOME": ""}, []string{"HOME", "--store bolt:PATH"}},
		{"a name of a store with a password", []string{"--store", "redi://user:hunter2@redis.example:6379/0"}, nil, []string{`--store is "…@redis.example:6379/0"`}},
		{"an address of Redis that cannot be read", []string{"--store", "redis://user:hunter2@redis.example/x", "--keyring", "k"}, nil, []string{"--store: ", "redis://user:password@host:6379/0"}},
		{"products that are not there", []string{"--dialects", filepath.Join(dir, "none")}, nil, []string{"--dialects", "none", "one .yaml file for each product"}},
		{"everything", []string{"--profile", "prod", "--egress", "all", "--listen", "x", "--store", "y", "--public-url", "z", "--targets", broken, "extra"},
			map[string]string{"PLAYGROUND_INSECURE_HTTP": "perhaps"},
			[]string{"--profile", "--egress", "--listen", "--store", "--public-url", "--targets", `"extra"`, "PLAYGROUND_INSECURE_HTTP"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := web.ParseConfig(tc.args, environment(tc.env), io.Discard)
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, text := range tc.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("got %q, which does not say %q", err, text)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a password: %q", err)
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if line == "" || len(line) > 400 {
					t.Errorf("got the line %q", line)
				}
			}
		})
	}
	t.Run("help is no fault", func(t *testing.T) {
		var usage bytes.Buffer
		if _, err := web.ParseConfig([]string{"--help"}, environment(nil), &usage); !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-listen") {
			t.Errorf("got %v and %q", err, usage.String())
		}
	})
}

// TestMatrixOfSettings: of every combination of the settings that bear on each
// other it is known what is wrong with it, and each fault is a line of its own
// that names a flag and a remedy.
func TestMatrixOfSettings(t *testing.T) { // PRO-2, PRO-3
	type setting struct {
		args []string
		is   string
	}
	sets := [][]setting{
		{{nil, "local"}, {[]string{"--profile", "class"}, "class"}, {[]string{"--profile", "demo"}, "demo"}},
		{{nil, "usual calls"}, {[]string{"--egress", "sandbox"}, "no calls"}, {[]string{"--egress", "allowlist"}, "listed calls"}, {[]string{"--egress", "open"}, "open calls"}},
		{{nil, "usual listener"}, {[]string{"--listen", "127.0.0.1:8080"}, "listens here"}, {[]string{"--listen", "0.0.0.0:8080"}, "listens to all"}, {[]string{"--listen", "192.0.2.7:80"}, "listens to some"}},
		{{nil, "no URL"}, {[]string{"--public-url", "http://localhost:8080"}, "URL here"}, {[]string{"--public-url", "http://playground.example"}, "URL in clear"}, {[]string{"--public-url", "https://playground.example"}, "URL elsewhere"}},
		{{[]string{"--store", "memory:"}, "memory"}, {[]string{"--store", "redis://u:hunter2@127.0.0.1:6379/0", "--keyring", "k"}, "Redis here"},
			{[]string{"--store", "redis://u:hunter2@redis.example:6379/0", "--keyring", "k"}, "Redis in clear"}, {[]string{"--store", "rediss://u:hunter2@redis.example:6379/0"}, "Redis without keys"}},
		{{nil, ""}, {[]string{"--insecure-http"}, "insecure http"}},
		{{nil, ""}, {[]string{"--insecure-redis"}, "insecure Redis"}},
		{{nil, ""}, {[]string{"--behind-loopback"}, "behind loopback"}},
	}
	rules := []struct {
		when func(is map[string]bool) bool
		says []string // all in one line
	}{
		{func(is map[string]bool) bool {
			return is["open calls"] && is["listens to others"] && !(is["behind loopback"] && is["URL here"])
		}, []string{"--egress open lets everybody", "--egress allowlist", "--listen 127.0.0.1:8080", "--behind-loopback"}},
		{func(is map[string]bool) bool {
			return is["open calls"] && !is["listens to others"] && (is["URL in clear"] || is["URL elsewhere"])
		}, []string{"--egress open lets everybody", "playground.example", "leave --public-url out"}},
		{func(is map[string]bool) bool { return is["demo"] && !is["no calls"] }, []string{"--profile demo calls its sandbox only", "leave --egress out"}},
		{func(is map[string]bool) bool { return is["URL in clear"] && !is["insecure http"] }, []string{"--public-url http://playground.example is plain http", "use https", "--insecure-http"}},
		{func(is map[string]bool) bool {
			return is["no URL"] && is["listens to others"] && !is["class"] && !is["insecure http"]
		}, []string{"--listen", "plain http on a network", "--public-url", "--insecure-http"}},
		{func(is map[string]bool) bool {
			return is["class"] && is["URL here"] && is["listens to others"] && !is["insecure http"] && !is["behind loopback"]
		}, []string{"--public-url http://localhost:8080 makes a class room speak plain http", "https://localhost:8080", "--insecure-http"}},
		{func(is map[string]bool) bool { return is["behind loopback"] && !is["URL here"] }, []string{"--behind-loopback says", "set it to http://localhost:8080"}},
		{func(is map[string]bool) bool { return is["Redis in clear"] && !is["insecure Redis"] }, []string{`--store redis: sends everything to "redis.example"`, "rediss://", "--insecure-redis"}},
		{func(is map[string]bool) bool { return is["Redis without keys"] }, []string{"--store rediss:", "--keyring"}},
	}
	combinations, refused, used := 0, 0, make([]int, len(rules))
	var try func(rest [][]setting, args []string, is map[string]bool)
	try = func(rest [][]setting, args []string, is map[string]bool) {
		if len(rest) > 0 {
			for _, s := range rest[0] {
				with := maps.Clone(is)
				with[s.is] = true
				try(rest[1:], append(slices.Clip(args), s.args...), with)
			}
			return
		}
		// What the profile carries.
		is["open calls"] = is["open calls"] || is["local"] && is["usual calls"]
		is["no calls"] = is["no calls"] || is["demo"] && is["usual calls"]
		is["listens to others"] = is["listens to all"] || is["listens to some"] || is["class"] && is["usual listener"]
		combinations++
		_, err := web.ParseConfig(args, environment(nil), io.Discard)
		var lines []string
		if err != nil {
			refused++
			lines = strings.Split(err.Error(), "\n")
		}
		for i, r := range rules {
			if !r.when(is) {
				continue
			}
			used[i]++
			at := slices.IndexFunc(lines, func(line string) bool {
				return !slices.ContainsFunc(r.says, func(text string) bool { return !strings.Contains(line, text) })
			})
			if at < 0 {
				t.Errorf("%q: no line says %q: %v", args, r.says, err)
				continue
			}
			lines = slices.Delete(lines, at, at+1)
		}
		if len(lines) > 0 {
			t.Errorf("%q: nothing is known to be wrong with it, but: %q", args, lines)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the password is told", args)
		}
	}
	try(sets, nil, map[string]bool{})
	for i, n := range used {
		if n == 0 {
			t.Errorf("no combination has the fault %q", rules[i].says)
		}
	}
	t.Logf("combinations: %d, refused: %d", combinations, refused)
}

// TestContainerOnLoopback: the image's own settings and the two that the README
// adds make a container whose people may call real servers.
func TestContainerOnLoopback(t *testing.T) { // PRO-3
	image := map[string]string{"PLAYGROUND_PROFILE": "local", "PLAYGROUND_LISTEN": "0.0.0.0:8080", "PLAYGROUND_PUBLIC_URL": "http://localhost:8080", "PLAYGROUND_STORE": "memory:"}
	if _, err := web.ParseConfig(nil, environment(image), io.Discard); err == nil || !strings.Contains(err.Error(), "--behind-loopback") {
		t.Errorf("without the second flag: %v", err)
	}
	image["PLAYGROUND_BEHIND_LOOPBACK"] = "true"
	cfg, err := web.ParseConfig(nil, environment(image), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen = "0.0.0.0:0"
	w := start(t, t.TempDir(), cfg)
	for host, want := range map[string]int{"localhost:8080": 200, "192.0.2.7:8080": http.StatusMisdirectedRequest} {
		r, answer := httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil), httptest.NewRecorder()
		r.Header.Set("Accept", asPage[1])
		w.s.ServeHTTP(answer, r)
		if answer.Code != want || want == 200 && !strings.Contains(answer.Body.String(), "any server that you name") {
			t.Errorf("%s: got %d: %s", host, answer.Code, answer.Body)
		}
	}
}

func TestWhatOpenRefuses(t *testing.T) {
	t.Run("a port that is taken", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		cfg := configure(t, t.TempDir())
		cfg.Listen = ln.Addr().String()
		_, err = web.Open(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), cfg.Listen) || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a store that is open already", func(t *testing.T) {
		w := open(t)
		_, err := web.Open(t.Context(), configure(t, w.dir))
		if err == nil || !strings.Contains(err.Error(), "playground.db") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a keyring that is none", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "keyring"), []byte("swordfish\n"))
		_, err := web.Open(t.Context(), configure(t, dir))
		if err == nil || !strings.Contains(err.Error(), "keyring") || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what was refused leaves nothing behind", func(t *testing.T) {
		dir := t.TempDir()
		cfg := configure(t, dir)
		writeFile(t, filepath.Join(dir, "keyring"), []byte("swordfish\n"))
		if _, err := web.Open(t.Context(), cfg); err == nil {
			t.Fatal("it opened")
		}
		cfg.Keyring = filepath.Join(dir, "other")
		start(t, dir, cfg).visitor(t).get("/readyz").want(200)
	})
}

// TestRestart: what was there before is there after, with the same cookie.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, configure(t, dir))
	d := "vbr"
	v := first.visitor(t)
	before := v.call("/"+d+"/token", "grant_type=password&username=administrator&password=Password1").Session
	cookie := []string{"Cookie", v.cookies()}
	first.stop()

	u := start(t, dir, configure(t, dir)).visitor(t)
	if got := u.post("/"+d+"/explore", "", asJSON, cookie).answer(); got.Session != before || got.Exchange.Response.Status != 200 || got.Exchange.ID != 2 {
		t.Errorf("explore: got %s", got.raw)
	}
	if got := u.post("/"+d+"/refresh", "", asJSON, cookie).answer(); got.Session.State != "valid" || got.Session.AccessToken == before.AccessToken {
		t.Errorf("refresh: got %s", got.raw)
	}
}

// TestKeysThatAreGone: when every key of the start has been replaced and the
// programs were restarted one by one, sandbox tokens still work on all of them
// and tokens of a real server still have the same short form.
func TestKeysThatAreGone(t *testing.T) {
	m := miniredis.RunT(t)
	d := dialect.All()[0]
	real := realServer(t, d)
	at := "x.target=" + url.QueryEscape(real.address)
	var rings []string
	var cfgs []web.Config
	for range 2 {
		dir := t.TempDir()
		rings = append(rings, filepath.Join(dir, "keyring"))
		cfgs = append(cfgs, configure(t, dir, "--store", "redis://"+m.Addr(), "--keyring", rings[len(rings)-1]))
	}
	copied := func() {
		text, err := os.ReadFile(rings[0])
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, rings[1], text)
	}
	first, err := session.GenerateKeyring(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, rings[0], first.Encode())
	copied()
	sites := []*site{start(t, filepath.Dir(rings[0]), cfgs[0]), start(t, filepath.Dir(rings[1]), cfgs[1])}
	v := sites[0].visitor(t)
	v.call("/"+d.ID+"/trust", "x.fingerprint="+real.fingerprint()+"&"+at)
	masked := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")+"&"+at).Session
	plain := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")).Session
	check := func(step string) {
		t.Helper()
		for i, w := range sites {
			v.base = w.url // cookies are for a host, whatever its port
			if got := v.call("/"+d.ID+"/explore", ""); got.Exchange.Response.Status != 200 || got.Session != plain {
				t.Errorf("%s, replica %d: the sandbox answers %s", step, i, got.raw)
			}
			if got := v.call("/"+d.ID+"/explore", at); got.Session != masked {
				t.Errorf("%s, replica %d: the real server's token is %v, want %v", step, i, got.Session.AccessToken, masked.AccessToken)
			}
		}
	}
	restart := func(i int) {
		sites[i].stop()
		sites[i] = start(t, filepath.Dir(rings[i]), cfgs[i])
	}
	old, added := first.Keys()[0].ID, ""
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"a key is added", func() (err error) { added, err = session.AddKey(rings[0], rand.Reader); return err }},
		{"it is activated", func() error { return session.ActivateKey(rings[0], added) }},
		{"the old one is removed", func() error { return session.RemoveKey(rings[0], old) }},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		restart(0)
		if added != "" && step.name != "the old one is removed" {
			check(step.name + " on one")
		}
		copied()
		restart(1)
		check(step.name)
	}
}

func TestHealthCheck(t *testing.T) {
	for _, profile := range []string{"local", "class"} {
		t.Run(profile, func(t *testing.T) {
			w := open(t, "--profile", profile)
			cfg := w.cfg
			cfg.Listen = strings.TrimPrefix(strings.TrimPrefix(w.url, "https://"), "http://")
			if err := web.CheckHealth(t.Context(), cfg); err != nil {
				t.Error(err)
			}
			w.stop()
			if err := web.CheckHealth(t.Context(), cfg); err == nil {
				t.Error("it is ready after its end")
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if err := web.CheckHealth(gone, cfg); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a plain request to a class room gets no page", func(t *testing.T) {
		w := open(t, "--profile", "class")
		res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}}).Get(w.url)
		if err == nil {
			res.Body.Close()
			t.Error("a certificate that nobody vouches for is accepted")
		}
	})
}
