package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
	"tokenplayground/web/store/storetest"
)

// patient is somebody who remembers what was answered. The program may be
// taken away under them at any moment.
type patient struct {
	guest
	d    *dialect.Dialect
	site string // address of the program
	last result // of the last answer
	// sent is the step that was sent and not answered; empty if all were.
	sent string
}

// try sends a step, and once more if it is told that another sign-in may be
// about to arrive; an error means that no answer came.
func (p *patient) try(ctx context.Context, step string, form url.Values) (result, int, error) {
	r, status, err := p.once(ctx, step, form)
	if err == nil && status == http.StatusConflict {
		select {
		case <-time.After(session.RepeatAfter):
		case <-ctx.Done():
		}
		return p.once(ctx, step, form)
	}
	return r, status, err
}

func (p *patient) once(ctx context.Context, step string, form url.Values) (result, int, error) {
	var r result
	p.sent = step
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.site+"/"+p.d.ID+step, strings.NewReader(form.Encode()))
	if err != nil {
		return r, 0, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.Do(req)
	if err != nil {
		return r, 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return r, res.StatusCode, err
	}
	p.sent = ""
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, &r); err != nil {
			return r, res.StatusCode, fmt.Errorf("%w: %.200s", err, body)
		}
		p.last = r
	}
	return r, res.StatusCode, nil
}

// seen is what the program still knows of somebody.
type seen struct {
	Session struct {
		State       string
		AccessToken string `json:"access_token"`
	}
	History []struct{ ID int }
}

func (p *patient) look(t *testing.T) seen {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.site+"/"+p.d.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := p.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var s seen
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(body, &s) != nil {
		t.Fatalf("got %s, %v: %.300s", res.Status, err, body)
	}
	return s
}

// newest is the number of the last exchange that is kept.
func (s seen) newest() int {
	n := 0
	for _, x := range s.History {
		n = max(n, x.ID)
	}
	return n
}

func patients(t *testing.T, n int, site string) []*patient {
	t.Helper()
	all := make([]*patient, n)
	for i := range all {
		all[i] = &patient{guest: newGuest(t), d: dialect.All()[i%len(dialect.All())], site: site}
		// Who a test ends under gets no answer at all.
		all[i].Timeout = 30 * time.Second
		if _, status, err := all[i].try(t.Context(), "/token", passwordForm(t, all[i].d, "Password1")); err != nil || status != http.StatusOK {
			t.Fatalf("sign-in: got %d, %v", status, err)
		}
	}
	return all
}

// raced says whether this test was built with the race detector, which takes
// several times the memory.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// TestKilledAtAnyMoment kills the whole program while visitors sign in, explore
// and refresh, again and again over one file.
func TestKilledAtAnyMoment(t *testing.T) { // D01, R05
	if !storetest.Long() {
		t.Skip("it takes a minute; PLAYGROUND_TEST_LONG=1 runs it")
	}
	store := "bolt:" + filepath.Join(t.TempDir(), "state", "playground.db")
	const kills = 60
	p := launchProgram(t, "--store", store)
	crowd := patients(t, 6, p.url)
	answered, lost, behind, dead, caught := 0, 0, 0, 0, 0
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var answers atomic.Int64
		for _, c := range crowd {
			all.Go(func() {
				steps := []string{"/explore", "/token", "/refresh", "/token"}
				for i := 0; ; i++ {
					step := steps[i%len(steps)]
					var form url.Values
					if step == "/token" || c.last.Session.State != "valid" {
						step, form = "/token", passwordForm(t, c.d, "Password1")
					}
					_, status, err := c.try(ctx, step, form)
					if err != nil {
						return
					}
					if status != http.StatusOK && status != http.StatusTooManyRequests {
						t.Errorf("%s %s: got %d", c.d.ID, step, status)
						return
					}
					answers.Add(1)
				}
			})
		}
		n, err := rand.Int(rand.Reader, big.NewInt(180))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(20*time.Millisecond + time.Duration(n.Int64())*time.Millisecond)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = p.ended() // it was killed
		all.Wait()
		cancel()
		answered += int(answers.Load())

		p = launchProgram(t, "--store", store)
		for i, c := range crowd {
			c.CloseIdleConnections()
			// The cookies are for a host, whatever its port.
			c.site = p.url
			now := c.look(t)
			if c.sent == "/token" {
				caught++
			}
			if len(now.History) == 0 {
				lost++
				t.Errorf("%s: the session is gone: it held %+v, %q was under way, now it holds %+v", c.d.ID, c.last, c.sent, now)
				crowd[i] = patients(t, 1, p.url)[0]
				continue
			}
			if now.newest() < c.last.Exchange.ID {
				behind++
				t.Errorf("%s: exchange %d was answered, %d is the newest", c.d.ID, c.last.Exchange.ID, now.newest())
			}
			if c.sent == "" && now.Session.AccessToken != c.last.Session.AccessToken {
				behind++
				t.Errorf("%s: another token than the one that was answered", c.d.ID)
			}
			// A refresh that was under way may have spent its token. Then the
			// next one says so, and the visitor signs in again.
			if _, status, err := c.try(t.Context(), "/refresh", nil); err != nil || status >= 500 {
				t.Errorf("%s: refresh after the kill: got %d, %v", c.d.ID, status, err)
			}
			if c.last.Session.State != "valid" {
				dead++
				if c.sent == "" && now.Session.State != "valid" {
					t.Logf("%s: state %s after a kill", c.d.ID, now.Session.State)
				}
				if _, status, err := c.try(t.Context(), "/token", passwordForm(t, c.d, "Password1")); err != nil || status != http.StatusOK {
					t.Errorf("%s: sign-in after the kill: got %d, %v", c.d.ID, status, err)
				}
			}
		}
	}
	if answered < kills || caught == 0 {
		t.Errorf("%d answers came in all and %d sign-ins were cut off, too few to prove anything", answered, caught)
	}
	t.Logf("kills survived: %d; answers: %d; sessions lost: %d; answered and not kept: %d; sign-ins cut off: %d; pairs that a refresh under way had spent: %d", kills, answered, lost, behind, caught, dead)
}

// keyringFile makes a keyring for replicas.
func keyringFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring")
	if _, _, err := session.LoadOrCreateKeyring(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReplicasTakeTurns: two programs that share a Redis and a keyring serve
// one browser alternately, through the whole of HTTP.
func TestReplicasTakeTurns(t *testing.T) { // R07, REP-1
	r := storetest.StartRedis(t)
	shared := []string{"--store", r.URL(), "--keyring", keyringFile(t)}
	sites := []string{launchProgram(t, shared...).url, launchProgram(t, shared...).url}
	requests, refreshes := storetest.Times(100, 1000), 10
	v := patients(t, 1, sites[0])[0]
	first, refreshed, missing := v.last.Exchange.ID, 0, 0
	for i := range requests {
		v.site = sites[i%2]
		if i%2 == 1 && i%5 != 0 { // reading and acting take turns too
			got := v.look(t)
			if got.Session.State != "valid" || got.Session.AccessToken != v.last.Session.AccessToken || got.newest() != v.last.Exchange.ID {
				missing++
				t.Errorf("request %d: got %s and exchange %d, want exchange %d", i, got.Session.State, got.newest(), v.last.Exchange.ID)
			}
			continue
		}
		before, step := v.last, "/explore"
		if i%(requests/refreshes) == 0 {
			step = "/refresh"
			refreshed++
		}
		got, status, err := v.try(t.Context(), step, nil)
		if err != nil || status != http.StatusOK || got.Session.State != "valid" || got.Exchange.Response.Status != http.StatusOK || got.Exchange.ID != before.Exchange.ID+1 ||
			(got.Session.AccessToken != before.Session.AccessToken) != (step == "/refresh") {
			t.Fatalf("request %d, %s: got %d, %v: %+v after %+v", i, step, status, err, got, before)
		}
	}
	t.Logf("alternating requests: %d, refreshes: %d, exchanges: %d, lost: %d", requests, refreshed, v.last.Exchange.ID-first, missing)
}

// balancer sends each request to a replica that says it is ready, as what
// stands before replicas does. Nothing is sent twice.
type balancer struct {
	mu    sync.Mutex
	ready []*url.URL
	next  int
}

func (b *balancer) set(all []*url.URL) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = all
}

func (b *balancer) pick() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		return nil
	}
	b.next++
	return b.ready[b.next%len(b.ready)]
}

// TestRollingRestart ends two replicas in turns, with the signal that operators
// send, under visitors who never stop.
func TestRollingRestart(t *testing.T) { // G03, SHD-2
	if !storetest.Long() {
		t.Skip("it takes half a minute; PLAYGROUND_TEST_LONG=1 runs it")
	}
	r := storetest.StartRedis(t)
	shared := []string{"--store", r.URL(), "--keyring", keyringFile(t)}
	replicas := []*process{launchProgram(t, shared...), launchProgram(t, shared...)}
	var lb balancer
	watch := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var mu sync.Mutex // of replicas
	check := func() {
		mu.Lock()
		now := slices.Clone(replicas)
		mu.Unlock()
		var ready []*url.URL
		for _, p := range now {
			u, err := url.Parse(p.url)
			if err != nil {
				t.Error(err)
				return
			}
			res, err := watch.Get(p.url + "/readyz")
			if err != nil {
				continue
			}
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				ready = append(ready, u)
			}
		}
		lb.set(ready)
	}
	check()
	// A connection that is kept may be one that the replica is closing, so a
	// new one is made each time; what is sent is never sent twice.
	proxy := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			if u := lb.pick(); u != nil {
				pr.SetURL(u)
				pr.Out.Host = "localhost"
			}
		},
		Transport: &http.Transport{DisableKeepAlives: true},
	}
	front := startFront(t, proxy)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				check()
			}
		}
	})
	crowd := patients(t, 30, front)
	var requests, failed, slowed atomic.Int64
	for i, c := range crowd {
		all.Go(func() {
			tick := time.NewTicker(250 * time.Millisecond)
			defer tick.Stop()
			for n := i; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				step := "/explore"
				if n%20 == 0 {
					step = "/refresh"
				}
				got, status, err := c.try(context.WithoutCancel(ctx), step, nil)
				requests.Add(1)
				switch {
				case status == http.StatusTooManyRequests:
					slowed.Add(1)
				case err != nil || status != http.StatusOK || got.Session.State != "valid":
					failed.Add(1)
					t.Errorf("%s: got %d, %v, state %q", step, status, err, got.Session.State)
				}
			}
		})
	}
	const restarts = 6
	for i := range restarts {
		old := replicas[i%2]
		if err := old.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := old.ended(); err != nil {
			t.Errorf("a replica ended with %v: %s", err, old.stderr.String())
		}
		fresh := launchProgram(t, shared...)
		mu.Lock()
		replicas[i%2] = fresh
		mu.Unlock()
		until(t, "both replicas are ready", func() bool {
			lb.mu.Lock()
			defer lb.mu.Unlock()
			return len(lb.ready) == 2
		})
	}
	cancel()
	all.Wait()
	lost := 0
	for _, c := range crowd {
		if got := c.look(t); got.Session.State != "valid" || got.newest() != c.last.Exchange.ID {
			lost++
			t.Errorf("got %s and exchange %d, want %d", got.Session.State, got.newest(), c.last.Exchange.ID)
		}
	}
	t.Logf("restarts: %d; requests of 30 visitors: %d; failed: %d; asked to slow down: %d; sessions lost: %d", restarts, requests.Load(), failed.Load(), slowed.Load(), lost)
}

// startFront serves a handler on the loopback address.
func startFront(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// until asks again and again for ten seconds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// memory is the resident memory of a process in KB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("this system does not tell a process's memory")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatalf("no memory is told: %s", data)
	}
	kb, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// TestSoak is a class of thirty, faster than people are.
func TestSoak(t *testing.T) { // M01, LIM-11, B08
	if !storetest.Long() {
		t.Skip("it takes two minutes; PLAYGROUND_TEST_LONG=1 runs it")
	}
	const visitors, pause, length = 30, 250 * time.Millisecond, 2 * time.Minute
	dir := t.TempDir()
	file := filepath.Join(dir, "playground.db")
	p := launchProgram(t, "--store", "bolt:"+file)
	crowd := patients(t, visitors, p.url)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	var waits []time.Duration
	statuses := map[int]int{}
	for i, c := range crowd {
		all.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for n := i; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				step := "/explore"
				var form url.Values
				switch {
				case n%40 == 0 || c.last.Session.State != "valid":
					step, form = "/token", passwordForm(t, c.d, "Password1")
				case n%20 == 0:
					step = "/refresh"
				}
				start := time.Now()
				got, status, err := c.try(t.Context(), step, form)
				mu.Lock()
				waits = append(waits, time.Since(start))
				statuses[status]++
				mu.Unlock()
				if err != nil || status != http.StatusOK && status != http.StatusTooManyRequests || status == http.StatusOK && got.Session.State != "valid" {
					t.Errorf("%s %s: got %d, %v, state %q", c.d.ID, step, status, err, got.Session.State)
				}
			}
		})
	}
	var kilobytes, files []int
	tick := time.NewTicker(length / 60)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			kilobytes = append(kilobytes, memory(t, p.cmd.Process.Pid))
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, int(info.Size()>>10))
		}
	}
	all.Wait()
	lost := 0
	for _, c := range crowd {
		if got := c.look(t); got.Session.State != "valid" || got.newest() != c.last.Exchange.ID {
			lost++
			t.Errorf("got %s and exchange %d, want %d", got.Session.State, got.newest(), c.last.Exchange.ID)
		}
	}
	if len(kilobytes) < 40 {
		t.Fatalf("%d samples only", len(kilobytes))
	}
	mean := func(all []int) int {
		sum := 0
		for _, n := range all {
			sum += n
		}
		return sum / len(all)
	}
	// The first quarter fills what is kept for reuse, so the second is where a
	// trend would begin.
	quarter := len(kilobytes) / 4
	second, last := mean(kilobytes[quarter:2*quarter]), mean(kilobytes[3*quarter:])
	if last > second+second/5+4096 {
		t.Errorf("memory grows: %d KB in the second quarter, %d KB in the last", second, last)
	}
	if f2, f4 := mean(files[quarter:2*quarter]), mean(files[3*quarter:]); f4 > f2+f2/4+1024 {
		t.Errorf("the file grows: %d KB in the second quarter, %d KB in the last", f2, f4)
	}
	most := slices.Max(kilobytes)
	if !raced() && most > 150<<10 {
		t.Errorf("the program took %d KB of memory, want 150 MB at the most", most)
	}
	if biggest := slices.Max(files); biggest > 64<<10 {
		t.Errorf("the store took %d KB, want 64 MB at the most", biggest)
	}
	slices.Sort(waits)
	at := func(p int) time.Duration { return waits[min(len(waits)-1, len(waits)*p/100)].Round(time.Millisecond) }
	t.Logf("visitors: %d for %v, requests: %d, by status: %v, p50 %v, p95 %v, p99 %v; memory: %d KB in the second quarter, %d KB in the last, %d KB at most; file: %d KB; sessions lost: %d",
		visitors, length, len(waits), statuses, at(50), at(95), at(99), second, last, most, files[len(files)-1], lost)
}
