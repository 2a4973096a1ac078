package web_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
)

// against alternates two ways of doing one thing and reports the first as a
// multiple of the second, so that a busy machine slows both.
func against(b *testing.B, ours, floor func()) {
	b.Helper()
	for range 20 { // connections, caches, keys
		ours()
		floor()
	}
	var mine, least time.Duration
	n := 0
	for b.Loop() {
		at := time.Now()
		ours()
		mid := time.Now()
		floor()
		mine, least = mine+mid.Sub(at), least+time.Since(mid)
		n++
	}
	b.ReportMetric(float64(mine)/float64(least), "x-floor")
	b.ReportMetric(float64(mine.Microseconds())/float64(n), "us/ours")
	b.ReportMetric(float64(least.Microseconds())/float64(n), "us/floor")
	b.ReportMetric(0, "ns/op") // of both together: it says nothing
}

// quietly is a site as it runs for people: the log takes warnings only.
func quietly(b *testing.B, args ...string) (*web.Server, string) {
	b.Helper()
	cfg := configure(b, b.TempDir(), args...)
	cfg.Log = slog.New(slog.DiscardHandler)
	s, err := web.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	serving(b, s)
	return s, s.URL()
}

func serving(b *testing.B, s *web.Server) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
	b.Cleanup(stop)
	return stop
}

// asked sends one request and reads the answer to its end.
func asked(b *testing.B, c *http.Client, method, address, body string, header ...string) *http.Response {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		b.Fatalf("%s %s: got %s", method, address, res.Status)
	}
	return res
}

// BenchmarkPage is a product's page with a session that holds tokens, against
// an Echo handler that answers nothing.
func BenchmarkPage(b *testing.B) {
	d := dialect.All()[0]
	e := echo.New()
	e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	empty := httptest.NewServer(e)
	b.Cleanup(empty.Close)
	for _, store := range []string{"memory", "bolt"} {
		var args []string
		if store == "memory" {
			args = []string{"--store", "memory:"}
		}
		_, base := quietly(b, args...)
		client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
		b.Cleanup(client.CloseIdleConnections)
		cookie := asked(b, client, "POST", base+"/"+d.ID+"/token", signIn(b, d, "administrator"), append(theForm, asJSON...)...).Header.Get("Set-Cookie")
		cookie, _, _ = strings.Cut(cookie, ";")
		for _, packed := range []string{"identity", "br"} {
			b.Run(store+"/"+packed, func(b *testing.B) {
				against(b,
					func() {
						asked(b, client, "GET", base+"/"+d.ID+"?op=token", "", "Accept", "text/html", "Accept-Encoding", packed, "Cookie", cookie)
					},
					func() {
						asked(b, client, "GET", empty.URL, "", "Accept", "text/html", "Accept-Encoding", packed, "Cookie", cookie)
					})
			})
		}
	}
}

// BenchmarkToken is a whole sign-in of a person: page's POST, sandbox, two
// RS512 signatures, session sealed and stored. The floor is a bare hop: an
// Echo handler that posts the form on to a handler which makes the same two
// signatures.
func BenchmarkToken(b *testing.B) {
	var d *dialect.Dialect
	for _, one := range dialect.All() {
		if one.Access.Alg == "RS512" && one.Refresh.Alg == "RS512" {
			d = one
			break
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	token := func() string {
		text := strings.Repeat("eyJ4", 60)
		sum := sha512.Sum512([]byte(text))
		sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA512, sum[:])
		if err != nil {
			b.Error(err)
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(sig)
	}
	far := echo.New()
	far.POST("/token", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]any{"access_token": token(), "refresh_token": token(), "token_type": "bearer", "expires_in": 900})
	})
	upstream := httptest.NewServer(far)
	b.Cleanup(upstream.Close)
	onward := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	near := echo.New()
	near.POST("/token", func(c echo.Context) error {
		form := url.Values{}
		for _, name := range []string{"grant_type", "username", "password"} {
			form.Set(name, c.FormValue(name))
		}
		req, err := http.NewRequestWithContext(c.Request().Context(), http.MethodPost, upstream.URL+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", theForm[1])
		res, err := onward.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		return c.Stream(res.StatusCode, "application/json", res.Body)
	})
	hop := httptest.NewServer(near)
	b.Cleanup(hop.Close)
	b.Cleanup(onward.CloseIdleConnections)

	header := append(append([]string{}, theForm...), asJSON...)
	form := signIn(b, d, "administrator")
	for _, store := range []string{"memory", "bolt"} {
		var args []string
		if store == "memory" {
			args = []string{"--store", "memory:"}
		}
		_, base := quietly(b, args...)
		client := &http.Client{Transport: &http.Transport{}}
		b.Cleanup(client.CloseIdleConnections)
		b.Run(store, func(b *testing.B) {
			against(b,
				func() { asked(b, client, "POST", base+"/"+d.ID+"/token", form, header...) },
				func() { asked(b, client, "POST", hop.URL+"/token", form, header...) })
		})
	}
}

// BenchmarkStart opens the program on an existing data directory and fetches
// the first page, with the tokens that it kept.
func BenchmarkStart(b *testing.B) {
	d := dialect.All()[1]
	dir := b.TempDir()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	cookie := ""
	once := func() time.Duration {
		cfg := configure(b, dir)
		began := time.Now()
		s, err := web.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		stop := serving(b, s)
		asked(b, client, "GET", s.URL()+"/"+d.ID, "", "Accept", "text/html", "Cookie", cookie)
		took := time.Since(began)
		if cookie == "" {
			set := asked(b, client, "POST", s.URL()+"/"+d.ID+"/token", signIn(b, d, "administrator"), append(theForm, asJSON...)...).Header.Get("Set-Cookie")
			cookie, _, _ = strings.Cut(set, ";")
		}
		stop()
		return took
	}
	once()
	var sum, most time.Duration
	n := 0
	for b.Loop() {
		took := once()
		sum, most, n = sum+took, max(most, took), n+1
	}
	b.ReportMetric(float64(sum.Microseconds())/float64(n)/1000, "ms/first-page")
	b.ReportMetric(float64(most.Microseconds())/1000, "ms/slowest")
}
