package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"tokenplayground/web/dialect"
)

// asProgram makes the test's own binary behave like the program, so that tests
// can kill it.
const asProgram = "PLAYGROUND_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is the program, running by itself.
type process struct {
	cmd    *exec.Cmd
	url    string
	stderr bytes.Buffer
	ended  func() error // waits for the end, once
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	// Nothing of the tester's own settings.
	cmd.Env = []string{asProgram + "=1", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

var readyLine = regexp.MustCompile(`^Token Playground is ready: (http://127\.0\.0\.1:\d+)/$`)

// launchProgram starts the program and waits for its line.
func launchProgram(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: command(t, append(args, "--listen", "127.0.0.1:0")...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.ended = sync.OnceValue(p.cmd.Wait)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended already, or it ends now
		_ = p.ended()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	m := readyLine.FindStringSubmatch(strings.TrimSpace(line))
	if err != nil || m == nil {
		_ = p.cmd.Process.Kill()
		_ = p.ended()
		t.Fatalf("got the line %q, %v: %s", line, err, p.stderr.String())
	}
	p.url = m[1]
	return p
}

// guest is somebody with a cookie jar.
type guest struct{ *http.Client }

func newGuest(t *testing.T) guest {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return guest{&http.Client{Transport: transport, Jar: jar}}
}

// result is what these tests read of an answer.
type result struct {
	Exchange struct {
		ID       int
		Response struct{ Status int }
	}
	Session struct {
		State        string
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
}

func (g guest) post(t *testing.T, address string, form url.Values) result {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := g.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var r result
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || json.Unmarshal(body, &r) != nil {
		t.Fatalf("POST %s: got %s, %v: %s", address, res.Status, err, body)
	}
	return r
}

// passwordForm is the administrator's sign-in, in the product's own words.
func passwordForm(t *testing.T, d *dialect.Dialect, password string) url.Values {
	t.Helper()
	g, ok := d.Grant(dialect.PasswordGrant)
	if !ok {
		t.Fatalf("%s has no password grant", d.ID)
	}
	form := url.Values{d.Operation(dialect.Obtain).GrantField.Wire: {g.Wire}}
	for _, f := range g.Takes {
		switch f.Term {
		case dialect.Username:
			form.Set(f.Wire, "administrator")
		case dialect.Password:
			form.Set(f.Wire, password)
		}
	}
	return form
}

// TestKilledPlaygroundKeepsItsSessions: SIGKILL gives no time to tidy up, so
// all that was answered must have been kept by then.
func TestKilledPlaygroundKeepsItsSessions(t *testing.T) {
	store := "bolt:" + filepath.Join(t.TempDir(), "state", "playground.db")
	g := newGuest(t)
	var jar []*http.Cookie
	last := map[string]result{}
	const rounds = 3
	for round := range rounds {
		p := launchProgram(t, "--store", store)
		u, err := url.Parse(p.url)
		if err != nil {
			t.Fatal(err)
		}
		g.Jar.SetCookies(u, jar)
		for _, d := range dialect.All() {
			base := p.url + "/" + d.ID
			if round == 0 {
				last[d.ID] = g.post(t, base+"/token", passwordForm(t, d, "Password1"))
				continue
			}
			got := g.post(t, base+"/explore", nil)
			if got.Exchange.Response.Status != 200 || got.Session != last[d.ID].Session || got.Exchange.ID <= last[d.ID].Exchange.ID {
				t.Errorf("round %d, %s: explore got %+v after %+v", round, d.ID, got, last[d.ID])
			}
			got = g.post(t, base+"/refresh", nil)
			if got.Exchange.Response.Status != 200 || got.Session.State != "valid" || got.Session.AccessToken == last[d.ID].Session.AccessToken {
				t.Errorf("round %d, %s: refresh got %+v", round, d.ID, got)
			}
			last[d.ID] = got
		}
		jar = g.Jar.Cookies(u)
		if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := p.ended(); !errors.As(err, &exit) {
			t.Errorf("got %v from a killed program", err)
		}
		g.CloseIdleConnections()
	}
}

func TestStopOnSignal(t *testing.T) {
	p := launchProgram(t, "--store", "memory:")
	res, err := newGuest(t).Get(p.url + "/readyz")
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("got %v, %v", res, err)
	}
	res.Body.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.ended(); err != nil {
		t.Errorf("got %v: %s", err, p.stderr.String())
	}
	if p.stderr.Len() > 0 {
		t.Errorf("it says %s", p.stderr.String())
	}
}

func TestProgramRefuses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for _, tc := range []struct {
		name string
		args []string
		says []string
	}{
		{"a port that is taken", []string{"--listen", taken, "--store", "memory:"}, []string{"cannot listen on " + taken, "--listen"}},
		{"wrong settings, all at once", []string{"serve", "--profile", "prod", "--store", "x", "--listen", "y"}, []string{"--profile", "--store", "--listen"}},
		{"an unknown command", []string{"nope"}, []string{`"nope"`, "serve, sandbox, healthcheck or version"}},
		{"a health check of nothing", []string{"healthcheck", "--store", "memory:", "--listen", "127.0.0.1:1"}, []string{"127.0.0.1:1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := command(t, tc.args...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			var exit *exec.ExitError
			if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("got %v, want exit status 1", err)
			}
			for _, text := range tc.says {
				if !strings.Contains(stderr.String(), text) {
					t.Errorf("got %q, which does not say %q", stderr.String(), text)
				}
			}
			for line := range strings.Lines(stderr.String()) {
				if !strings.HasPrefix(line, "playground: ") {
					t.Errorf("got the line %q", line)
				}
			}
			if stdout.Len() > 0 {
				t.Errorf("got %q on stdout", stdout.String())
			}
		})
	}
	t.Run("but help and version are answers", func(t *testing.T) {
		for arg, want := range map[string]string{"version": "playground ", "--help": "-listen"} {
			out, err := command(t, arg).CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%s: got %v: %s", arg, err, out)
			}
		}
	})
	t.Run("and a healthy playground is", func(t *testing.T) {
		p := launchProgram(t, "--store", "memory:")
		out, err := command(t, "healthcheck", "--store", "memory:", "--listen", strings.TrimPrefix(p.url, "http://")).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("got %v: %s", err, out)
		}
	})
}

// speaksOAuth says that the product's words are those of RFC 6749, but for
// their case, so that a generic client can be expected to get on with it.
func speaksOAuth(d *dialect.Dialect) bool {
	op := d.Operation(dialect.Obtain)
	want := map[dialect.Term]string{dialect.Username: "username", dialect.Password: "password", dialect.RefreshToken: "refresh_token",
		dialect.AccessToken: "access_token", dialect.TokenType: "token_type", dialect.ExpiresIn: "expires_in"}
	fields := op.Gives
	for _, g := range op.Grants {
		switch g.Kind {
		case dialect.PasswordGrant, dialect.RefreshGrant:
			if !strings.EqualFold(g.Wire, map[dialect.Kind]string{dialect.PasswordGrant: "password", dialect.RefreshGrant: "refresh_token"}[g.Kind]) {
				return false
			}
			fields = append(fields[:len(fields):len(fields)], g.Takes...)
		}
	}
	found := map[dialect.Term]bool{}
	for _, f := range fields {
		if w := want[f.Term]; w != "" {
			if !strings.EqualFold(f.Wire, w) {
				return false
			}
			found[f.Term] = true
		}
	}
	return op.GrantField.Wire == "grant_type" && len(found) == len(want)
}

func TestForeignClients(t *testing.T) {
	p := launchProgram(t, "--store", "memory:")
	spoken := 0
	for _, d := range dialect.All() {
		base := p.url + "/sandbox/" + d.ID
		if speaksOAuth(d) {
			spoken++
			t.Run("golang.org/x/oauth2 and "+d.ID, func(t *testing.T) {
				ctx := context.WithValue(t.Context(), oauth2.HTTPClient, newGuest(t).Client)
				cfg := oauth2.Config{ClientID: "x", Endpoint: oauth2.Endpoint{TokenURL: base + d.Path(d.Operation(dialect.Obtain), "")}}
				if _, err := cfg.PasswordCredentialsToken(ctx, "administrator", "nope"); err == nil {
					t.Error("a wrong password got a token")
				}
				first, err := cfg.PasswordCredentialsToken(ctx, "administrator", "Password1")
				if err != nil {
					t.Fatal(err)
				}
				if !first.Valid() || first.RefreshToken == "" || time.Until(first.Expiry) < d.Lifetimes.Access-time.Minute {
					t.Errorf("got a token until %v", first.Expiry)
				}
				old := *first
				old.Expiry = time.Now().Add(-time.Minute)
				next, err := cfg.TokenSource(ctx, &old).Token()
				if err != nil {
					t.Fatal(err)
				}
				if next.AccessToken == first.AccessToken || next.RefreshToken == first.RefreshToken {
					t.Error("the refresh gave an old token")
				}
				explore := base + d.Path(d.Operation(dialect.Explore), "")
				res, err := cfg.Client(ctx, next).Get(explore)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != 200 {
					t.Errorf("explore: got %s", res.Status)
				}
			})
		}
		t.Run("curl and "+d.ID, func(t *testing.T) {
			curl, err := exec.LookPath("curl")
			if err != nil {
				t.Skip("curl is not installed")
			}
			call := func(args ...string) (body, status string) {
				t.Helper()
				args = append([]string{"-q", "-sS", "--noproxy", "*", "--max-time", "30", "-w", "\n%{http_code}"}, args...)
				out, err := exec.CommandContext(t.Context(), curl, args...).Output()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				i := bytes.LastIndexByte(out, '\n')
				return string(out[:i]), string(out[i+1:])
			}
			args := []string{base + d.Path(d.Operation(dialect.Obtain), "")}
			for name, values := range passwordForm(t, d, "Password1") {
				args = append(args, "--data-urlencode", name+"="+values[0])
			}
			body, status := call(args...)
			token := d.Decode(dialect.Obtain, "", 200, []byte(body)).Values[dialect.AccessToken]
			if status != "200" || token == "" {
				t.Fatalf("got %s: %s", status, body)
			}
			bearer := "Authorization: Bearer " + token
			out := dialect.Call{Purpose: dialect.Logout, Bearer: token}
			if me := d.Operation(dialect.WhoAmI); me != nil {
				body, _ := call("-H", bearer, base+d.Path(me, ""))
				out.Values = d.Decode(dialect.WhoAmI, "", 200, []byte(body)).Values
			}
			logout, err := d.Encode(out)
			if err != nil {
				t.Fatal(err)
			}
			explore := d.Path(d.Operation(dialect.Explore), "")
			for _, step := range []struct {
				method, path, body, status string
			}{
				{"GET", explore, "", "200"},
				{logout.Method, logout.Path, logout.Body, strconv.Itoa(d.Operation(dialect.Logout).Status)},
				{"GET", explore, "", "401"},
			} {
				args := []string{"-X", step.method, "-H", bearer, base + step.path}
				if step.body != "" {
					args = append(args, "--data-raw", step.body)
				}
				body, status := call(args...)
				if status != step.status {
					t.Errorf("%s %s: got %s: %s", step.method, step.path, status, body)
				}
			}
		})
	}
	if spoken < 3 {
		t.Errorf("a generic client speaks with %d products, want 3", spoken)
	}
}
