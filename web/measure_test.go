package web_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := open(t, "--metrics", "127.0.0.1:0")
	d := dialect.All()[0]
	v := w.visitor(t)
	got := v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	v.get("/no/such/canary-path").want(404)
	v.do("CANARY", "/", "")
	v.get("/metrics").want(404)

	read := func(path string) (int, string) {
		t.Helper()
		res, err := http.Get("http://" + w.s.MetricsAddress() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	if status, _ := read("/debug/pprof/"); status != 404 {
		t.Errorf("another path: got %d", status)
	}
	status, text := read("/metrics")
	if status != 200 {
		t.Fatalf("got %d", status)
	}
	for _, want := range []string{
		`playground_requests_total{method="POST",route="/{product}/token",status="200"} 1`,
		`playground_requests_total{method="GET",route="-",status="404"}`,
		`playground_requests_total{method="other",`,
		`playground_target_calls_total{kind="sandbox",outcome="answered"} 1`,
		"playground_sessions 1\n", "playground_build_info{", "go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q in\n%s", want, text)
		}
	}
	for _, never := range []string{got.Session.AccessToken, got.Session.RefreshToken, "administrator", "canary", "CANARY", d.ID} {
		if strings.Contains(text, never) {
			t.Errorf("it holds %q", never)
		}
	}
	line := regexp.MustCompile(`^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? [0-9.e+-]+)$`)
	for l := range strings.Lines(text) {
		if !line.MatchString(strings.TrimSuffix(l, "\n")) {
			t.Errorf("got the line %q", l)
		}
	}
}

func TestMetricsStayOnThisMachine(t *testing.T) {
	for _, address := range []string{"0.0.0.0:9464", ":9464", "192.0.2.1:9464", "localhost", "127.0.0.1"} {
		_, err := web.ParseConfig([]string{"--store", "memory:", "--metrics", address}, environment(nil), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "--metrics") || !strings.Contains(err.Error(), "127.0.0.1:9464") {
			t.Errorf("%s: got %v", address, err)
		}
	}
}
