package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func fill(t testing.TB, s *Store, n int, ttl time.Duration) {
	t.Helper()
	for i := range n {
		if _, err := s.Put(context.Background(), fmt.Sprintf("k%05d", i), bytes.Repeat([]byte("v"), 300), store.Any, ttl); err != nil {
			t.Fatal(err)
		}
	}
}

func keys(t testing.TB, s *Store) int {
	t.Helper()
	n := 0
	if err := s.db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket(valuesBucket).Stats().KeyN
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFile(t *testing.T) {
	ctx := context.Background()

	t.Run("directory and file are the owner's alone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a", "b", "store")
		open(t, path, Options{})
		for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
			fi, err := os.Stat(p)
			if err != nil {
				t.Fatal(err)
			}
			if fi.Mode() != want {
				t.Errorf("%s has mode %v, want %v", filepath.Base(p), fi.Mode(), want)
			}
		}
	})
	t.Run("a file that others can read is refused with the remedy", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store")
		open(t, path, Options{}).Close()
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("got %v, want a refusal that says chmod 600", err)
		}
	})
	t.Run("a second holder is refused within a second", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store")
		open(t, path, Options{})
		start := time.Now()
		_, err := Open(path, Options{})
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "another process holds") {
			t.Errorf("got %v, want another process holds it", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("what was put is there after a reopen, at the same version", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store")
		s := open(t, path, Options{})
		v, err := s.Put(ctx, "k", []byte("1"), 0, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = open(t, path, Options{})
		got, v2, err := s.Get(ctx, "k")
		if err != nil || string(got) != "1" || v2 != v {
			t.Errorf("got %q at %d, %v; want %q at %d", got, v2, err, "1", v)
		}
	})
	t.Run("a closed store is unavailable", func(t *testing.T) {
		s := open(t, filepath.Join(t.TempDir(), "store"), Options{})
		s.Close()
		_, _, err := s.Get(ctx, "k")
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("get: got %v, want ErrUnavailable", err)
		}
		if _, err := s.Put(ctx, "k", nil, 0, time.Hour); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("put: got %v, want ErrUnavailable", err)
		}
		if err := s.Delete(ctx, "k"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("delete: got %v, want ErrUnavailable", err)
		}
	})
	t.Run("a full file refuses writes, reads and deletes go on, and it recovers", func(t *testing.T) {
		s := open(t, filepath.Join(t.TempDir(), "store"), Options{})
		fill(t, s, 100, time.Hour)
		fi, err := os.Stat(s.db.Path())
		if err != nil {
			t.Fatal(err)
		}
		s.db.MaxSize = int(fi.Size())
		if _, err := s.Put(ctx, "big", make([]byte, 1<<20), 0, time.Hour); !errors.Is(err, store.ErrFull) {
			t.Errorf("put: got %v, want ErrFull", err)
		}
		if _, _, err := s.Get(ctx, "k00001"); err != nil {
			t.Errorf("get: %v", err)
		}
		if err := s.Delete(ctx, "k00001"); err != nil {
			t.Errorf("delete: %v", err)
		}
		if _, err := s.Put(ctx, "small", []byte("1"), 0, time.Hour); err != nil {
			t.Errorf("small put: %v", err)
		}
	})
}

func TestSweep(t *testing.T) {
	clock := storetest.NewClock()
	s := open(t, filepath.Join(t.TempDir(), "store"), Options{Now: clock.Now})
	s.db.NoSync = true // 1,200 records by hand; what is tested is not the disk
	fill(t, s, 1200, time.Minute)
	if _, err := s.Put(context.Background(), "k00007", []byte("alive"), store.Any, time.Hour); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Minute)

	removed, err := s.Sweep(context.Background())
	if err != nil || removed != 1199 {
		t.Errorf("sweep removed %d, %v; want 1199", removed, err)
	}
	if n := keys(t, s); n != 1 {
		t.Errorf("%d keys left, want 1", n)
	}
	if got, _, err := s.Get(context.Background(), "k00007"); string(got) != "alive" {
		t.Errorf("the living one: %q, %v", got, err)
	}
}

func TestDamage(t *testing.T) {
	cases := []struct {
		name   string
		damage func(file []byte) []byte
		want   string // what the store starts with: "empty" and the file set aside, or "whole"
	}{
		{"an untouched file is kept", func(f []byte) []byte { return f }, "whole"},
		{"an empty file is a new store", func([]byte) []byte { return nil }, "empty"},
		{"a text file is set aside", func([]byte) []byte { return []byte(strings.Repeat("not a store\n", 2000)) }, "aside"},
		{"a short file is set aside", func(f []byte) []byte { return f[:100] }, "aside"},
		{"a file cut in half is set aside", func(f []byte) []byte { return f[:len(f)/2] }, "aside"},
		{"two spoilt meta pages are set aside", func(f []byte) []byte {
			for _, page := range []int{0, os.Getpagesize()} {
				for i := 16; i < 80; i++ {
					f[page+i] ^= 0xff
				}
			}
			return f
		}, "aside"},
		{"pages of zeroes are set aside", func(f []byte) []byte {
			clear(f[2*os.Getpagesize():])
			return f
		}, "aside"},
		{"pages of noise are set aside", func(f []byte) []byte {
			for i := 2 * os.Getpagesize(); i < len(f); i++ {
				f[i] = byte(i * 7)
			}
			return f
		}, "aside"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store")
			s := open(t, path, Options{})
			s.db.NoSync = true
			fill(t, s, 500, time.Hour)
			s.Close()
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(whole), 0o600); err != nil {
				t.Fatal(err)
			}

			var log bytes.Buffer
			s = open(t, path, Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
			aside, err := filepath.Glob(path + ".corrupt-*")
			if err != nil {
				t.Fatal(err)
			}
			wantKeys, wantAside := 0, 0
			switch c.want {
			case "whole":
				wantKeys = 500
			case "aside":
				wantAside = 1
			}
			if n := keys(t, s); n != wantKeys {
				t.Errorf("%d records, want %d", n, wantKeys)
			}
			if len(aside) != wantAside || strings.Count(log.String(), "\n") != wantAside {
				t.Errorf("%d files set aside, want %d; log:\n%s", len(aside), wantAside, log.String())
			}
			fill(t, s, 3, time.Hour)
		})
	}
}

func TestSTO6Compaction(t *testing.T) {
	ctx := context.Background()
	clock := storetest.NewClock()
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path, Options{Now: clock.Now})
	s.db.NoSync = true
	// Some go by being deleted, some by their time, and a fifth stays.
	value := bytes.Repeat([]byte("v"), 1500)
	for i := range 2500 {
		ttl := time.Minute
		if i%5 == 0 {
			ttl = time.Hour
		}
		if _, err := s.Put(ctx, fmt.Sprintf("k%05d", i), value, store.Any, ttl); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < 2500; i += 5 {
		if err := s.Delete(ctx, fmt.Sprintf("k%05d", i)); err != nil {
			t.Fatal(err)
		}
	}
	last, err := s.Put(ctx, "k00000", value, store.Any, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Sync(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("a file that is in use stays as it is", func(t *testing.T) {
		open(t, path, Options{Now: clock.Now}).Close()
		if fi, err := os.Stat(path); err != nil || fi.Size() != before.Size() {
			t.Errorf("%d bytes, %v; want %d", fi.Size(), err, before.Size())
		}
	})
	t.Run("one of which more than half is over or free gets smaller", func(t *testing.T) {
		clock.Advance(2 * time.Minute)
		if err := os.WriteFile(path+".compact", []byte("of one that was interrupted"), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s := open(t, path, Options{Now: clock.Now, Log: slog.New(slog.NewJSONHandler(&log, nil))})
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Size() > before.Size()/2 || fi.Mode().Perm() != 0o600 || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("from %d to %d bytes, mode %v, log: %s", before.Size(), fi.Size(), fi.Mode(), log.String())
		}
		t.Logf("from %d to %d KiB", before.Size()>>10, fi.Size()>>10)
		if n := keys(t, s); n != 500 {
			t.Errorf("%d records, want 500", n)
		}
		if got, v, err := s.Get(ctx, "k00000"); err != nil || !bytes.Equal(got, value) || v != last {
			t.Errorf("%d bytes at %d, %v; want %d at %d", len(got), v, err, len(value), last)
		}
		if next, err := s.Put(ctx, "k00001", value, 0, time.Hour); err != nil || next <= last {
			t.Errorf("the next version is %d, %v; want more than %d", next, err, last)
		}
		if _, err := Open(path, Options{}); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a second holder of the new file: %v", err)
		}
		s.Close()
		if left, _ := filepath.Glob(path + ".c*"); len(left) != 1 {
			t.Errorf("left: %q, want the seal alone", left)
		}
	})
}

func TestSTO6Growth(t *testing.T) { // D05
	ctx := context.Background()
	clock := storetest.NewClock()
	s := open(t, filepath.Join(t.TempDir(), "store"), Options{Now: clock.Now})
	s.db.NoSync = true
	wave := storetest.Times(500, 20_000)
	var peak, slowest int64
	for n := range 5 {
		for i := range wave {
			if _, err := s.Put(ctx, fmt.Sprintf("%x-%d-%d", i*7919, n, i), make([]byte, 1000), 0, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if n == 0 {
			fi, err := os.Stat(s.path)
			if err != nil {
				t.Fatal(err)
			}
			peak = fi.Size()
		}
		clock.Advance(2 * time.Minute)
		swept := make(chan error, 1)
		go func() { _, err := s.Sweep(ctx); swept <- err }()
		for waiting := true; waiting; {
			start := time.Now()
			if _, err := s.Put(ctx, "visitor", nil, store.Any, time.Minute); err != nil {
				t.Fatal(err)
			}
			slowest = max(slowest, int64(time.Since(start)))
			select {
			case err := <-swept:
				if err != nil {
					t.Fatal(err)
				}
				waiting = false
			default:
			}
		}
	}
	fi, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d records came and went; file %d KiB, %d KiB with a fifth of them alive; slowest write beside a sweep %v", 5*wave, fi.Size()>>10, peak>>10, time.Duration(slowest).Round(time.Millisecond))
	if fi.Size() > 2*peak {
		t.Errorf("the file has %d bytes, want at most twice the %d of the first wave", fi.Size(), peak)
	}
}

func TestSTO7NoTransactionStaysOpen(t *testing.T) {
	ctx := context.Background()
	s := open(t, filepath.Join(t.TempDir(), "store"), Options{})
	fill(t, s, 10, time.Hour)
	// What a handler may hold while a target does not answer: a value and a lease.
	if _, _, err := s.Get(ctx, "k00001"); err != nil {
		t.Fatal(err)
	}
	l, err := s.Lease(ctx, "k00001", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if _, err := s.Count(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if n := s.db.Stats().OpenTxN; n != 0 {
		t.Errorf("%d transactions are open, want none", n)
	}
}

func BenchmarkPutAlone(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store"), Options{})
	value := make([]byte, 12<<10)
	for b.Loop() {
		if _, err := s.Put(context.Background(), "k", value, store.Any, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutTogether(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store"), Options{})
	value := make([]byte, 12<<10)
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		key := fmt.Sprintf("k%d", n.Add(1))
		for pb.Next() {
			if _, err := s.Put(context.Background(), key, value, store.Any, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store"), Options{})
	if _, err := s.Put(context.Background(), "k", make([]byte, 12<<10), store.Any, time.Hour); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Get(context.Background(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}
