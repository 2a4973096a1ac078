package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// TestPanicsEndOneRequestOnly adds a route that no visitor has, since ours do
// not panic.
func TestPanicsEndOneRequestOnly(t *testing.T) { // ERR-3, G04
	const canary = "canary-in-a-panic"
	var log bytes.Buffer
	cfg, err := ParseConfig([]string{"--listen", "127.0.0.1:0", "--store", "memory:"}, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var value any
	s.echo.GET("/test/panic", func(echo.Context) error { panic(value) })
	s.echo.GET("/test/error", func(echo.Context) error { return errors.New(canary) })
	ask := func(path, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = "localhost"
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	for _, tc := range []struct {
		name, path string
		value      any
	}{
		{"a text", "/test/panic", canary},
		{"an error", "/test/panic", errors.New(canary)},
		{"a value of a type", "/test/panic", struct{ Password string }{canary}},
		{"an error that nobody knows", "/test/error", nil},
	} {
		for _, accept := range []string{"application/json", "text/html"} {
			t.Run(tc.name+" for "+accept, func(t *testing.T) {
				value = tc.value
				log.Reset()
				w := ask(tc.path, accept)
				if w.Code != http.StatusInternalServerError {
					t.Errorf("got the status %d", w.Code)
				}
				for _, text := range []string{canary, "goroutine", ".go:", "torture_panic"} {
					if strings.Contains(w.Body.String(), text) {
						t.Errorf("the answer has %q: %s", text, w.Body)
					}
				}
				if accept == "application/json" && (w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), w.Header().Get("X-Request-Id"))) {
					t.Errorf("got %s: %s", w.Header(), w.Body)
				}
				if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
					t.Errorf("got the headers %v", w.Header())
				}
				if tc.value != nil && strings.Contains(log.String(), canary) {
					t.Errorf("the log has the panic's value: %s", log.String())
				}
				level := 0
				for line := range strings.Lines(log.String()) {
					var got struct{ Level, ID string }
					if err := json.Unmarshal([]byte(line), &got); err != nil || got.ID != w.Header().Get("X-Request-Id") && got.Level != "INFO" {
						t.Errorf("got the line %s, %v", line, err)
					}
					if got.Level == "ERROR" {
						level++
					}
				}
				if level != 1 {
					t.Errorf("got %d lines of an error, want one: %s", level, log.String())
				}
			})
		}
	}
	if w := ask("/livez", "*/*"); w.Code != http.StatusOK {
		t.Errorf("after it all: got %d", w.Code)
	}
}
