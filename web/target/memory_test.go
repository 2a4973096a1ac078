package target

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header()["X-Host"] = []string{r.Host}
	w.Header()["x-lower"] = []string{r.RemoteAddr}
	_, _ = w.Write(append([]byte(r.Method+" "+r.URL.Path+" "), body...))
}

func sandbox(t testing.TB, h http.HandlerFunc) (Target, *Memory) {
	t.Helper()
	m := NewMemory(h)
	t.Cleanup(func() { _ = m.Close() })
	return Target{Host: "srv.lab.local", Port: 9419, Via: m}, m
}

func TestMemoryCarriesRealBytes(t *testing.T) {
	target, m := sandbox(t, echo)
	c := &Client{}
	for range 3 { // the second and third on a kept connection
		ex, err := call(t, c, target, "")
		if err != nil {
			t.Fatal(err)
		}
		want := "POST /api/oauth2/token HTTP/1.1\r\nHost: srv.lab.local:9419\r\nUser-Agent: token-playground\r\nContent-Length: 61\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\nx-api-version: 1.1-rev1\r\n\r\n" + form
		if diff := cmp.Diff(want, string(ex.Sent)); diff != "" {
			t.Error(diff)
		}
		if ex.URL != "https://srv.lab.local:9419/api/oauth2/token" || string(ex.Body) != "POST /api/oauth2/token "+form || ex.Status != 200 || ex.Certificate != nil {
			t.Errorf("got %+v", *ex)
		}
		if diff := cmp.Diff([][2]string{{"X-Host", "srv.lab.local:9419"}, {"x-lower", "memory:0"}}, ex.ResponseHeader[:2]); diff != "" {
			t.Error(diff)
		}
	}
	if len(m.idle) != 1 {
		t.Errorf("%d connections kept, want 1", len(m.idle))
	}
}

func TestMemoryUnderTrouble(t *testing.T) {
	c := &Client{}
	t.Run("a handler that panics breaks off, the next call works", func(t *testing.T) {
		var calls atomic.Int32
		target, _ := sandbox(t, func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) == 2 {
				panic("boom")
			}
			echo(w, r)
		})
		for i := range 3 {
			_, err := call(t, c, target, "")
			if i == 1 {
				wantKind(t, err, BrokenOff, PhaseAnswer)
			} else if err != nil {
				t.Error(err)
			}
		}
		if calls.Load() != 3 {
			t.Errorf("%d calls reached the handler; a request that was taken must not be sent twice", calls.Load())
		}
	})
	t.Run("an answer before the request is read", func(t *testing.T) {
		target, _ := sandbox(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 10))
			var big *http.MaxBytesError
			if errors.As(err, &big) {
				http.Error(w, "no", http.StatusRequestEntityTooLarge)
			}
		})
		req, _ := http.NewRequest("POST", target.BaseURL()+"/", strings.NewReader(strings.Repeat("x", 60<<10)))
		if ex, err := c.Do(context.Background(), target, Leaf{}, req); err != nil || ex.Status != 413 {
			t.Errorf("got %v, %v", ex, err)
		}
	})
	t.Run("a connection that the server ended is not a failure", func(t *testing.T) {
		target, m := sandbox(t, echo)
		if _, err := call(t, c, target, ""); err != nil {
			t.Fatal(err)
		}
		l := m.take()
		m.server.SetKeepAlivesEnabled(false)
		if _, err := l.br.Peek(1); !errors.Is(err, io.EOF) { // waits for the server to end it
			t.Fatal(err)
		}
		m.give(l)
		if _, err := call(t, c, target, ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("an endless body is cut", func(t *testing.T) {
		target, _ := sandbox(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		})
		c := &Client{Limits: short}
		if ex, err := call(t, c, target, ""); err != nil || !ex.Truncated || len(ex.Body) != short.Body {
			t.Errorf("got %v, %v", ex, err)
		}
	})
	t.Run("a handler that hangs is given up", func(t *testing.T) {
		quit := make(chan struct{})
		target, _ := sandbox(t, func(http.ResponseWriter, *http.Request) { <-quit })
		defer close(quit)
		c := &Client{Limits: Limits{FirstByte: 30 * time.Millisecond}}
		_, err := call(t, c, target, "")
		wantKind(t, err, TimedOut, PhaseAnswer)
	})
	t.Run("nothing is called after Close", func(t *testing.T) {
		for _, used := range []bool{false, true} {
			target, m := sandbox(t, echo)
			if used {
				if _, err := call(t, c, target, ""); err != nil {
					t.Fatal(err)
				}
			}
			_ = m.Close()
			_ = m.Close()
			if _, err := call(t, c, target, ""); err == nil {
				t.Error("Do went through")
			}
			if _, err := m.RoundTrip(httptest.NewRequest("GET", "http://a/", nil)); err == nil {
				t.Error("RoundTrip went through")
			}
		}
	})
}

func TestMemoryServesManyAtOnce(t *testing.T) {
	target, m := sandbox(t, echo)
	c := &Client{}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range 5 {
				if ex, err := call(t, c, target, ""); err != nil || !strings.HasSuffix(string(ex.Body), form) {
					t.Errorf("got %v, %v", ex, err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(m.idle); n > maxIdle {
		t.Errorf("%d connections kept", n)
	}
}

func TestMemoryIsARoundTripper(t *testing.T) {
	target, m := sandbox(t, echo)
	client := &http.Client{Transport: m}
	resp, err := client.Post("https://anything.example/x", "text/plain", strings.NewReader("hi"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if string(body) != "POST /x hi" || resp.Header.Get("X-Host") != "anything.example" || resp.Request.URL.Scheme != "https" {
		t.Errorf("got %q, %v", body, resp.Header)
	}
	t.Run("a strange RoundTripper works too", func(t *testing.T) {
		target.Via = roundTripper(m.RoundTrip)
		ex, err := call(t, &Client{}, target, "")
		if err != nil || string(ex.Body) != "POST /api/oauth2/token "+form || ex.Status != 200 || ex.StatusText != "OK" || len(ex.Sent) == 0 {
			t.Errorf("got %+v, %v", ex, err)
		}
	})
	t.Run("its errors are failures", func(t *testing.T) {
		target.Via = roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.EOF })
		_, err := call(t, &Client{}, target, "")
		wantKind(t, err, BrokenOff, PhaseAnswer)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The difference between these two is what real bytes cost.
func BenchmarkMemory(b *testing.B) {
	target, _ := sandbox(b, echo)
	c := &Client{}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := call(b, c, target, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandler(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		echo(httptest.NewRecorder(), tokenRequest(b, "https://srv.lab.local:9419"))
	}
}

func TestMemoryReadsAnAnswerThatEndsTheConnection(t *testing.T) {
	target, _ := sandbox(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		echo(w, r)
	})
	c := &Client{}
	for range 200 {
		if ex, err := call(t, c, target, ""); err != nil || !strings.HasSuffix(string(ex.Body), form) {
			t.Fatalf("got %v, %v", ex, err)
		}
	}
}

func TestConnectionThatSaysMoreIsNotKept(t *testing.T) {
	for more, want := range map[string]bool{"": true, "HTTP/1.1 200 OK\r\n\r\n": false} {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			br := bufio.NewReader(server)
			if _, err := http.ReadRequest(br); err == nil {
				_, _ = io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"+more)
				_, _ = io.Copy(io.Discard, br)
			}
		}()
		clean, _, err := talk(context.Background(), defaults, client, bufio.NewReader(client), client.Close, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &Exchange{})
		if err != nil || clean != want {
			t.Errorf("after %q: got %v, %v; want %v", more, clean, err, want)
		}
		_ = client.Close()
	}
}
