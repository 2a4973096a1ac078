package main

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

// said runs a command to its end and returns what it says, to people and to
// itself.
func said(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := command(t, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) || (err == nil) != (complaints.Len() == 0) {
		t.Fatalf("%v: got %v: %s", args, err, complaints.String())
	}
	return out.String(), complaints.String()
}

func TestKeys(t *testing.T) {
	ring := filepath.Join(t.TempDir(), "keys", "keyring")
	keys := func(args ...string) (string, string) {
		t.Helper()
		return said(t, append(append([]string{"keys"}, args...), "--keyring", ring)...)
	}
	ids := func() []string {
		t.Helper()
		out, complaint := keys("list")
		if complaint != "" {
			t.Fatal(complaint)
		}
		var ids []string
		for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
			id, state, _ := strings.Cut(line, "  ")
			if (state == "active") != (i == 0) {
				t.Errorf("got the line %q at %d", line, i)
			}
			ids = append(ids, id)
		}
		return ids
	}

	if _, complaint := keys("list"); !strings.Contains(complaint, ring) {
		t.Errorf("a keyring that is not there: got %q", complaint)
	}
	out, _ := keys("add")
	first := ids()
	if len(first) != 1 || !strings.HasPrefix(out, first[0]+" is the first key") {
		t.Fatalf("got %q and the keys %v", out, first)
	}
	keys("add")
	two := ids()
	if len(two) != 2 || two[0] != first[0] {
		t.Fatalf("got the keys %v after %v", two, first)
	}
	keys("activate", two[1])
	if diff := cmp.Diff([]string{two[1], two[0]}, ids()); diff != "" {
		t.Errorf("activate (-want +got):\n%s", diff)
	}
	for _, tc := range []struct {
		name string
		args []string
		says string
	}{
		{"the active key stays", []string{"remove", two[1]}, "active"},
		{"an id that is none", []string{"activate", "00000000"}, two[0]},
		{"no id", []string{"remove"}, "takes 1 ids, not 0"},
		{"an id too many", []string{"list", two[0]}, "takes 0 ids, not 1"},
		{"an action that is none", []string{"rotate"}, `"rotate"; use list, add`},
		{"no action", nil, "use list, add"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, complaint := keys(tc.args...)
			if out != "" || !strings.Contains(complaint, tc.says) {
				t.Errorf("got %q and %q", out, complaint)
			}
		})
	}
	keys("remove", two[0])
	if diff := cmp.Diff([]string{two[1]}, ids()); diff != "" {
		t.Errorf("remove (-want +got):\n%s", diff)
	}
	text, err := os.ReadFile(ring)
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if out, _ := keys("list"); strings.Contains(out, key) {
		t.Error("list shows the key itself")
	}
	if _, complaint := said(t, "keys", "list", "--store", "memory:"); !strings.Contains(complaint, "--keyring") {
		t.Errorf("no keyring: got %q", complaint)
	}
}

func TestSessionsCommand(t *testing.T) {
	store := "bolt:" + filepath.Join(t.TempDir(), "playground.db")
	if _, complaint := said(t, "sessions", "count", "--store", store); !strings.Contains(complaint, "no store at") {
		t.Errorf("a store that is not there: got %q", complaint)
	}
	p := launchProgram(t, "--store", store)
	g, d := newGuest(t), dialect.All()[0]
	g.post(t, p.url+"/"+d.ID+"/token", passwordForm(t, d, "Password1"))
	if _, complaint := said(t, "sessions", "count", "--store", store); !strings.Contains(complaint, "another process holds") {
		t.Errorf("a store in use: got %q", complaint)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.ended(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ action, says string }{{"count", "1 sessions\n"}, {"purge", "1 sessions ended\n"}, {"count", "0 sessions\n"}} {
		if out, complaint := said(t, "sessions", step.action, "--store", store); out != step.says {
			t.Errorf("%s: got %q and %q", step.action, out, complaint)
		}
	}
	for _, args := range [][]string{{"sessions"}, {"sessions", "end"}, {"sessions", "count", "--store", "memory:"}} {
		if out, complaint := said(t, args...); out != "" || complaint == "" {
			t.Errorf("%v: got %q and %q", args, out, complaint)
		}
	}
}

func TestDialectCommand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"lab", "harbour"} {
		text, complaint := said(t, "dialect", name)
		if complaint != "" {
			t.Fatal(complaint)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, complaint := said(t, "dialect", "check", dir); complaint != "" || strings.Count(out, ": right\n") != 2 {
		t.Errorf("the examples: got %q and %q", out, complaint)
	}
	list, _ := said(t, "dialect")
	for _, d := range dialect.All() {
		text, complaint := said(t, "dialect", d.ID)
		if !strings.HasPrefix(text, "id: "+d.ID+"\n") || !strings.Contains(list, d.ID+" ") {
			t.Errorf("%s: got %.60q and %q", d.ID, text, complaint)
		}
	}

	broken := t.TempDir()
	for name, text := range map[string]string{"a.yaml": "like: vbr\nid: a\nport: x\n", "b.yaml": "like: nothing\nid: people\n"} {
		if err := os.WriteFile(filepath.Join(broken, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"dialect", "check", broken}, {"serve", "--store", "memory:", "--listen", "127.0.0.1:0", "--dialects", broken}} {
		out, complaint := said(t, args...)
		for _, want := range []string{"a.yaml:3: port: ", "b.yaml:1: like: "} {
			if out != "" || !strings.Contains(complaint, want) {
				t.Errorf("%v: got %q and %q, want %q", args, out, complaint, want)
			}
		}
	}
	for _, args := range [][]string{{"dialect", "nope"}, {"dialect", "check"}, {"dialect", "lab", "harbour"}, {"dialect", "check", filepath.Join(dir, "none")}} {
		if out, complaint := said(t, args...); out != "" || complaint == "" {
			t.Errorf("%v: got %q and %q", args, out, complaint)
		}
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	out, _ := said(t, "help")
	for _, name := range []string{"[serve]", "healthcheck", "keys list", "keys add", "keys activate ID", "keys remove ID", "sessions count", "sessions purge", "dialect [NAME]", "dialect check DIR", "version", "help"} {
		if !strings.Contains(out, "\nplayground "+name+" ") {
			t.Errorf("got no %q in %s", name, out)
		}
	}
	if strings.Contains(out, checkStore) {
		t.Error("it names the command that is not for people")
	}
}

// TestRotatedKeyringIsFollowed: the playground goes on with the session of
// before and signs its cookie anew, without being started again.
func TestRotatedKeyringIsFollowed(t *testing.T) {
	dir := t.TempDir()
	ring := filepath.Join(dir, "keyring")
	said(t, "keys", "add", "--keyring", ring)
	p := launchProgram(t, "--store", "bolt:"+filepath.Join(dir, "playground.db"), "--keyring", ring)
	g, d := newGuest(t), dialect.All()[0]
	before := g.post(t, p.url+"/"+d.ID+"/token", passwordForm(t, d, "Password1"))
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	cookie := func() string {
		var b strings.Builder
		for _, c := range g.Jar.Cookies(u) {
			b.WriteString(c.String())
		}
		return b.String()
	}
	old := cookie()
	out, _ := said(t, "keys", "add", "--keyring", ring)
	id, _, _ := strings.Cut(out, " ")
	said(t, "keys", "activate", id, "--keyring", ring)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); cookie() == old; {
		if time.Now().After(deadline) {
			t.Fatal("the cookie is still signed with the key of before")
		}
		if got := g.post(t, p.url+"/"+d.ID+"/explore", nil); got.Session != before.Session {
			t.Fatalf("got the session %+v after %+v", got.Session, before.Session)
		}
	}
}

// TestDamagedStoreIsSetAside: the program starts empty, says so, and checks
// the file in a process of its own that ends.
func TestDamagedStoreIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "playground.db")
	p := launchProgram(t, "--store", "bolt:"+path)
	g, d := newGuest(t), dialect.All()[0]
	g.post(t, p.url+"/"+d.ID+"/token", passwordForm(t, d, "Password1"))
	_ = p.cmd.Process.Kill()
	_ = p.ended()
	if _, complaint := said(t, checkStore, path); complaint != "" {
		t.Fatalf("a killed program's store: %s", complaint)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 2 * os.Getpagesize(); i < len(data); i++ {
		data[i] = 0xff
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// Some damage ends the process that meets it, so any status will do.
	if err := command(t, checkStore, path).Run(); err == nil {
		t.Error("the check finds nothing")
	}

	cmd := command(t, "--store", "bolt:"+path, "--listen", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewReader(stdout)
	ready, _ := lines.ReadString('\n')
	note, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(note, "corrupt") {
		t.Errorf("got the lines %q and %q", ready, note)
	}
	m := readyLine.FindStringSubmatch(strings.TrimSpace(ready))
	if m == nil {
		t.Fatalf("got the line %q", ready)
	}
	res, err := http.Get(m[1] + "/readyz")
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("got %v, %v", res, err)
	}
	res.Body.Close()
	if aside, err := filepath.Glob(path + ".corrupt-*"); err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}
