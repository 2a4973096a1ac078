package storetest

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Redis is a server that a test has started for itself, on the loopback address and with a directory of its
// own.
type Redis struct {
	// Addr is its host:port, the same after a restart.
	Addr string
	// Dir is where it keeps its files.
	Dir string

	t    testing.TB
	args []string
	cmd  *exec.Cmd
}

// StartRedis starts a server with these settings more, such as "--maxmemory", "2mb", and ends it with the
// test. Without the program the test is skipped.
func StartRedis(t testing.TB, settings ...string) *Redis {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		Lack(t, "install redis-server (Debian: apt-get install redis-server) to run this")
	}
	// A directory of the test's own is cleaned up while the server may still write to it.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{Dir: dir, t: t}
	t.Cleanup(func() {
		r.Kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for range 5 { // the port may be taken between its being found free and used
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r.Addr = l.Addr().String()
		l.Close()
		_, port, _ := net.SplitHostPort(r.Addr)
		r.args = append([]string{path, "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--daemonize", "no"}, settings...)
		if r.start() {
			return r
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

// start starts the server and reports whether it accepts connections.
func (r *Redis) start() bool {
	r.t.Helper()
	r.cmd = exec.Command(r.args[0], r.args[1:]...)
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.Contains(strings.ToLower(lines.Text()), "ready to accept connections") {
				ready <- true
			}
		}
		ready <- false
	}()
	select {
	case ok := <-ready:
		if !ok {
			r.wait()
		}
		return ok
	case <-time.After(10 * time.Second):
		r.Kill()
		return false
	}
}

// URL is its redis:// address.
func (r *Redis) URL() string { return "redis://" + r.Addr + "/0" }

// Kill ends the server at once, if it runs.
func (r *Redis) Kill() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		r.wait()
	}
}

// Restart starts a server that was killed again, with the same files.
func (r *Redis) Restart() {
	r.t.Helper()
	if !r.start() {
		r.t.Fatal("redis-server does not start again")
	}
}

// Files returns all that the server has written to its directory.
func (r *Redis) Files() []byte {
	r.t.Helper()
	var all []byte
	err := filepath.WalkDir(r.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *Redis) wait() {
	_ = r.cmd.Wait() // it was killed
	r.cmd = nil
}
