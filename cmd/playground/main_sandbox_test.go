package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tokenplayground/web/dialect"
	"tokenplayground/web/standalone"
)

// double is playground sandbox, running by itself.
type double struct {
	*process
	lines []string // up to the ready line
	ready standalone.Ready
	ca    string
}

// launchSandbox starts it on free ports and waits for its ready line.
func launchSandbox(t *testing.T, args ...string) *double {
	t.Helper()
	dir := t.TempDir()
	s := &double{process: &process{}, ca: filepath.Join(dir, "ca.pem")}
	file := filepath.Join(dir, "ready.json")
	args = append([]string{"sandbox", "--ports", "0", "--control", "127.0.0.1:0", "--ca", s.ca, "--ready-file", file}, args...)
	s.cmd = command(t, args...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended = sync.OnceValue(s.cmd.Wait)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has ended already, or it ends now
		_ = s.ended()
	})
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			_ = s.ended()
			t.Fatalf("got the lines %q, %v: %s", s.lines, err, s.stderr.String())
		}
		s.lines = append(s.lines, strings.TrimSuffix(line, "\n"))
		if strings.HasPrefix(line, "Sandbox is ready: ") {
			break
		}
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &s.ready)
	}
	if err != nil {
		t.Fatalf("the ready file: %v: %s", err, text)
	}
	return s
}

// client trusts what the sandbox wrote into its file.
func (s *double) client(t *testing.T) *http.Client {
	t.Helper()
	text, err := os.ReadFile(s.ready.CA)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("the CA certificate: %v: %s", err, text)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (s *double) signIn(t *testing.T, id string) dialect.Values {
	t.Helper()
	d, ok := dialect.Find(id)
	if !ok {
		t.Fatalf("there is no product %s", id)
	}
	res, err := s.client(t).PostForm(s.ready.Products[id]+d.Path(d.Operation(dialect.Obtain), ""), passwordForm(t, d, "Password1"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s: got %s, %v: %s", id, res.Status, err, body)
	}
	return d.Decode(dialect.Obtain, "", 200, body).Values
}

func (s *double) explore(t *testing.T, id, token string) int {
	t.Helper()
	d, _ := dialect.Find(id)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.ready.Products[id]+d.Path(d.Operation(dialect.Explore), ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := s.client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func (s *double) end(t *testing.T, by os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(by); err != nil {
		t.Fatal(err)
	}
	if err := s.ended(); err != nil {
		t.Errorf("got %v: %s", err, s.stderr.String())
	}
	if s.stderr.Len() > 0 {
		t.Errorf("it says %s", s.stderr.String())
	}
}

func TestSandboxAlone(t *testing.T) {
	for name, by := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run("it says where everything is, and ends at "+name, func(t *testing.T) {
			s := launchSandbox(t)
			all := dialect.All()
			if len(s.lines) != len(all)+1 {
				t.Fatalf("got the lines %q", s.lines)
			}
			for i, d := range all {
				if f := strings.Fields(s.lines[i]); len(f) < 3 || f[0] != d.ID || f[1] != s.ready.Products[d.ID] || !strings.HasSuffix(s.lines[i], d.Name) {
					t.Errorf("%s: got the line %q", d.ID, s.lines[i])
				}
				s.signIn(t, d.ID)
			}
			if last := s.lines[len(all)]; !strings.Contains(last, s.ready.Control) || !strings.Contains(last, s.ca) {
				t.Errorf("got the ready line %q", last)
			}
			res, err := http.Get(s.ready.Control + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("/readyz: got %s", res.Status)
			}
			s.end(t, by)
			if _, err := os.Stat(filepath.Join(filepath.Dir(s.ca), "ready.json")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the ready file is still there: %v", err)
			}
		})
	}

	t.Run("nothing hangs the end", func(t *testing.T) {
		s := launchSandbox(t, "--products", "vbr")
		s.signIn(t, "vbr")
		began, gone := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(gone)
			req, _ := http.NewRequest("GET", s.ready.Products["vbr"]+"/api/v1/serverTime?fault=hanging", nil)
			conn := s.client(t)
			close(began)
			if res, err := conn.Do(req); err == nil {
				res.Body.Close()
			}
		}()
		<-began
		s.end(t, syscall.SIGTERM)
		<-gone
	})

	t.Run("a store in a file keeps keys, tokens and clocks", func(t *testing.T) {
		dir := t.TempDir()
		args := []string{"--store", "bolt:" + filepath.Join(dir, "sandbox.db"), "--ca-key", filepath.Join(dir, "ca.key"), "--products", "vbr,vac"}
		s := launchSandbox(t, append(args, "--ca", filepath.Join(dir, "ca.pem"))...)
		ca, err := os.ReadFile(s.ready.CA)
		if err != nil {
			t.Fatal(err)
		}
		tokens := map[string]string{"vbr": s.signIn(t, "vbr")[dialect.AccessToken], "vac": s.signIn(t, "vac")[dialect.AccessToken]}
		res, err := http.Post(s.ready.Control+"/worlds/shared/clock", "application/json", strings.NewReader(`{"move":"2m"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		s.end(t, syscall.SIGTERM)

		s = launchSandbox(t, append(args, "--ca", filepath.Join(dir, "ca.pem"))...)
		for id, token := range tokens {
			if got := s.explore(t, id, token); got != 200 {
				t.Errorf("%s: a token from before: got %d", id, got)
			}
		}
		if again, err := os.ReadFile(s.ready.CA); err != nil || !bytes.Equal(ca, again) {
			t.Errorf("the CA is another: %v", err)
		}
		res, err = http.Get(s.ready.Control + "/worlds/shared")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var w struct {
			Ahead int `json:"ahead_seconds"`
		}
		if err := json.NewDecoder(res.Body).Decode(&w); err != nil || w.Ahead != 120 {
			t.Errorf("the clock is %d s ahead, %v; want 120", w.Ahead, err)
		}
	})
}

func TestSandboxRefuses(t *testing.T) {
	held := map[string]string{}
	for _, name := range []string{"one", "two", "control"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		held[name] = strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	for _, tc := range []struct {
		name string
		args []string
		says []string
	}{
		{"ports that are taken, all at once", []string{"--products", "vbr,vac", "--ports", "vbr=" + held["one"] + ",vac=" + held["two"], "--control", "127.0.0.1:" + held["control"], "--ca", ca},
			[]string{held["one"], held["two"], held["control"], "--ports vbr=", "--ports vac=", "--control"}},
		{"wrong flags, all at once", []string{"--products", "nosuch", "--ports", "x", "--host", "y z", "--control", "0.0.0.0:1", "--store", "z"},
			[]string{"--products", "--ports", "--host", "--control", "--store"}},
		{"a flag that there is not", []string{"--port", "1"}, []string{"-port"}},
		{"a folder of products that is not there", []string{"--dialects", filepath.Join(t.TempDir(), "nosuch")}, []string{"--dialects"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := command(t, append([]string{"sandbox"}, tc.args...)...)
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
			if stdout.Len() > 0 {
				t.Errorf("got %q on stdout", stdout.String())
			}
		})
	}
	if _, err := os.Stat(ca); err == nil {
		t.Error("a start that failed wrote the CA certificate")
	}
}

// TestREADMESandbox runs what the README tells people to type about the test
// double, on free ports.
func TestREADMESandbox(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## The sandbox as a test double in CI\n")
	if !ok {
		t.Fatal("the README has no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	// What stands indented is to be typed.
	var blocks []string
	for _, m := range regexp.MustCompile(`(?m)(^    .*\n|^\n)+`).FindAllString(section, -1) {
		if m = strings.ReplaceAll("\n"+strings.Trim(m, "\n"), "\n    ", "\n"); strings.TrimSpace(m) != "" {
			blocks = append(blocks, strings.TrimSpace(m)+"\n")
		}
	}
	find := func(beginning string) string {
		t.Helper()
		for _, b := range blocks {
			if strings.HasPrefix(b, beginning) {
				return b
			}
		}
		t.Fatalf("the README has nothing to type that begins with %q", beginning)
		return ""
	}
	start, python, control := find("go build"), find("import json"), find("at=")
	_, start, _ = strings.Cut(start, "\n") // the program is built already

	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "playground"), fmt.Appendf(nil, "#!/bin/sh\n%s=1 exec %s \"$@\"\n", asProgram, self), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ask.py"), []byte(python), 0o600); err != nil {
		t.Fatal(err)
	}
	port := func() string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	}
	product, steered := port(), port()
	script := "set -eu\n" + strings.Replace(start, "--ca sandbox-ca.pem &", "--ca sandbox-ca.pem --ports vbr=9419 --control 127.0.0.1:9191 >ready &\ntrap 'kill $!; wait' EXIT", 1) +
		"echo\necho ---\npython3 ask.py\necho ---\n" + control
	script = strings.ReplaceAll(script, "curl -sS", "curl -q -sS --fail-with-body --noproxy '*' --max-time 30")
	ports := strings.NewReplacer("9419", product, "9191", steered)
	script = ports.Replace(script)
	if err := os.WriteFile(filepath.Join(dir, "ask.py"), []byte(ports.Replace(python)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, stderr.String())
	}
	parts := strings.Split(string(out), "---\n")
	if len(parts) != 3 || !strings.Contains(parts[0], `"access_token"`) || strings.TrimSpace(parts[1]) != "900" {
		t.Fatalf("got %s", out)
	}
	if n := strings.Count(parts[2], "\n"); n != strings.Count(control, "curl ") {
		t.Errorf("%d calls gave %d answers: %s", strings.Count(control, "curl "), n, parts[2])
	}
	for _, want := range []string{`"fault":"too-many-requests","product":"vbr","times":2`, `"ahead_seconds":300`, `"chance":20,"seed":7`, `"name":"backup"`, `"status":200`} {
		if !strings.Contains(parts[2], want) {
			t.Errorf("no answer has %s: %s", want, parts[2])
		}
	}
}
