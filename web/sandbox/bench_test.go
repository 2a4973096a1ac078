package sandbox

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenplayground/web/dialect"
)

func writePEM(path string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

// signed is the first product whose tokens both take an RSA signature.
func signed(b *testing.B) *dialect.Dialect {
	for _, d := range dialect.All() {
		if algorithms[d.Access.Alg].rsa && algorithms[d.Refresh.Alg].rsa {
			return d
		}
	}
	b.Skip("no product signs with RSA")
	return nil
}

// BenchmarkBarePair is the least that a pair can cost: two signatures. Its
// second figure makes them at once, as the sandbox does.
func BenchmarkBarePair(b *testing.B) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha512.Sum512([]byte("claims"))
	sign := func() {
		if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA512, sum[:]); err != nil {
			b.Error(err)
		}
	}
	b.Run("one after the other", func(b *testing.B) {
		for b.Loop() {
			sign()
			sign()
		}
	})
	b.Run("both at once", func(b *testing.B) {
		for b.Loop() {
			var wg sync.WaitGroup
			wg.Go(sign)
			sign()
			wg.Wait()
		}
	})
	b.Run("64 clients", func(b *testing.B) {
		parallel(b, 64, func() { sign(); sign() })
	})
	b.Run("64 clients, pooled", func(b *testing.B) {
		p := newPool()
		parallel(b, 64, func() { p.do(sign, sign) })
	})
}

// BenchmarkToken is the whole call: request in, pair out.
func BenchmarkToken(b *testing.B) {
	d := signed(b)
	s := newServer(b, Config{Now: time.Now})
	h := s.Handler(d, "")
	token := func() {
		q := documented(d)
		r := httptest.NewRequest("POST", q.path, strings.NewReader(q.body))
		r.Header = q.header
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != 200 {
			b.Errorf("got %d %s", rec.Code, rec.Body)
		}
	}
	b.Run("one client", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			token()
		}
	})
	b.Run("64 clients", func(b *testing.B) { parallel(b, 64, token) })
}

// parallel shares b.N calls among clients and reports the tail.
func parallel(b *testing.B, clients int, f func()) {
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	took := make([][]time.Duration, clients)
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range clients {
		wg.Go(func() {
			for range work {
				begin := time.Now()
				f()
				took[i] = append(took[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}
