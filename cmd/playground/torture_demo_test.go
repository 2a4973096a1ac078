package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokenplayground/web/dialect"
)

// aloneEnv tells a copy of this test program that it runs in a network of its
// own, with nothing but the loopback interface.
const aloneEnv = "PLAYGROUND_TEST_ALONE"

// TestDemoNeedsNoNetwork lets a demo run every journey in an empty network, and
// reads from the kernel that nothing tried to leave it.
func TestDemoNeedsNoNetwork(t *testing.T) { // E01, EGR-1
	if os.Getenv(aloneEnv) == "1" {
		alone(t)
		return
	}
	for _, program := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("a network of its own needs %s (Debian: util-linux, iproute2): %v", program, err)
		}
	}
	if err := exec.CommandContext(t.Context(), "unshare", "--net", "true").Run(); err != nil {
		t.Skipf("a network of its own needs root: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", `ip link set lo up && exec "$0" -test.run '^TestDemoNeedsNoNetwork$' -test.v`, self)
	cmd.Env = append(os.Environ(), aloneEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("calls to the sandbox")) {
		t.Fatalf("got %v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "calls to the sandbox") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// alone is the test in the empty network.
func alone(t *testing.T) {
	started, err := os.ReadFile("/proc/net/route")
	if err != nil || strings.Count(string(started), "\n") > 1 {
		t.Fatalf("the network is not empty: %s, %v", started, err)
	}
	p := launchProgram(t, "--profile", "demo", "--store", "memory:")
	g := newGuest(t)
	calls := 0
	before := attempts(t)
	for _, d := range dialect.All() {
		base := p.url + "/" + d.ID
		if got := g.post(t, base+"/token", passwordForm(t, d, "Password1")); got.Session.State != "valid" {
			t.Errorf("%s: got %+v", d.ID, got)
		}
		for _, step := range []string{"/explore", "/refresh", "/explore", "/accounts/logout"} {
			if got := g.post(t, base+step, nil); got.Exchange.Response.Status >= 400 {
				t.Errorf("%s%s: got %+v", d.ID, step, got)
			}
		}
		calls += 5
	}
	if after := attempts(t); after != before {
		t.Errorf("the kernel counts %v after %v: something tried to leave", after, before)
	}
	// The counters notice: these two may not be missed.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", "192.0.2.1:80"); err == nil {
		conn.Close()
		t.Error("there is a way out")
	}
	if after := attempts(t); after == before {
		t.Errorf("the kernel does not count attempts: %v", after)
	}
	t.Logf("calls to the sandbox: %d, attempts to leave: 0", calls)
}

// attempts are what the kernel counted of packets without a way, and of
// datagrams, which a lookup of a name would be.
func attempts(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	names := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		family, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		fields := strings.Fields(rest)
		if names[family] == nil {
			names[family] = fields
			continue
		}
		for i, name := range names[family] {
			if n, err := strconv.Atoi(fields[i]); err == nil {
				found[family+name] = n
			}
		}
	}
	return fmt.Sprintf("%d without a route, %d datagrams", found["IpOutNoRoutes"], found["UdpOutDatagrams"])
}
