package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

func open(t testing.TB, address string, o Options) *Store {
	t.Helper()
	s, err := Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRealRedis(t *testing.T) {
	address := os.Getenv("PLAYGROUND_TEST_REDIS") // a server that is there already, such as a Valkey
	if address == "" {
		address = storetest.StartRedis(t).URL()
	}
	storetest.Run(t, func(t *testing.T) (store.Store, func(time.Duration)) {
		return open(t, address, Options{Prefix: "pg:test-" + rand.Text() + ":"}), nil
	})
}

func TestOpen(t *testing.T) {
	cases := []struct{ name, address, want string }{
		{"another scheme is refused", "http://127.0.0.1:6379", "another scheme"},
		{"no host is refused", "redis:///0", "names no host"},
		{"settings in the query are refused", "rediss://127.0.0.1:6379/0?skip_verify=true", "settings"},
		{"a database that is no number is refused", "redis://127.0.0.1:6379/main", "number of a database"},
		{"nonsense is refused", "redis://user:canary-pw@[::1:6379", "cannot be read"},
		{"a plain address is taken", "redis://127.0.0.1:6379/2", ""},
		{"an address with TLS is taken", "rediss://user:canary-pw@127.0.0.1:6379", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(c.address, Options{})
			if err == nil {
				s.Close()
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
			if strings.Contains(got, "canary") {
				t.Errorf("the error shows the password: %q", got)
			}
		})
	}
}

func TestServer(t *testing.T) {
	ctx := context.Background()

	t.Run("every key has a prefix and a time to live", func(t *testing.T) {
		mr := miniredis.RunT(t)
		s := open(t, "redis://"+mr.Addr(), Options{})
		if _, err := s.Put(ctx, "s:1", []byte("v"), 0, time.Minute); err != nil {
			t.Fatal(err)
		}
		l, err := s.Lease(ctx, "s:1", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
		keys := mr.Keys()
		if len(keys) != 3 {
			t.Errorf("keys %q, want three: the value, the lease, the index", keys)
		}
		for _, k := range keys {
			if !strings.HasPrefix(k, "pg:") || mr.TTL(k) != time.Minute {
				t.Errorf("key %q lives %v, want a pg: key of one minute", k, mr.TTL(k))
			}
		}
	})
	t.Run("an unreachable server is unavailable, never not found, and comes back", func(t *testing.T) {
		mr := miniredis.RunT(t)
		s := open(t, "redis://"+mr.Addr(), Options{})
		if _, err := s.Put(ctx, "k", []byte("v"), 0, time.Minute); err != nil {
			t.Fatal(err)
		}
		mr.Close()
		unavailable(t, s)
		if err := mr.Restart(); err != nil {
			t.Fatal(err)
		}
		if got, _, err := s.Get(ctx, "k"); string(got) != "v" {
			t.Errorf("after the return: %q, %v", got, err)
		}
	})
	t.Run("a server that says no is unavailable", func(t *testing.T) {
		for _, says := range []string{"LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.", "NOAUTH Authentication required.", "MISCONF errors writing to disk"} {
			mr := miniredis.RunT(t)
			s := open(t, "redis://"+mr.Addr(), Options{})
			mr.SetError(says)
			unavailable(t, s)
		}
	})
	t.Run("a server without room is full", func(t *testing.T) {
		mr := miniredis.RunT(t)
		s := open(t, "redis://"+mr.Addr(), Options{})
		mr.SetError("OOM command not allowed when used memory > 'maxmemory'.")
		if _, err := s.Put(ctx, "k", nil, 0, time.Minute); !errors.Is(err, store.ErrFull) {
			t.Errorf("got %v, want ErrFull", err)
		}
	})
	t.Run("a server that hangs costs at most a second", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel and never answers
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := open(t, "redis://"+l.Addr().String(), Options{})
		start := time.Now()
		if _, _, err := s.Get(ctx, "k"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}

		// A caller in a hurry waits no longer than it wants to.
		hurry, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		start = time.Now()
		if _, err := s.Put(hurry, "k", nil, 0, time.Minute); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if took := time.Since(start); took > 300*time.Millisecond {
			t.Errorf("in a hurry it took %v", took)
		}
	})
	t.Run("a script that the server has forgotten is sent again", func(t *testing.T) {
		mr := miniredis.RunT(t)
		s := open(t, "redis://"+mr.Addr(), Options{})
		v, err := s.Put(ctx, "k", []byte("1"), 0, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.client.ScriptFlush(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(ctx, "k", []byte("2"), v, time.Minute); err != nil {
			t.Error(err)
		}
	})
}

func unavailable(t *testing.T, s *Store) {
	t.Helper()
	ctx := context.Background()
	if _, _, err := s.Get(ctx, "k"); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
		t.Errorf("get: got %v, want ErrUnavailable", err)
	}
	if _, err := s.Put(ctx, "k", nil, 0, time.Minute); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("put: got %v, want ErrUnavailable", err)
	}
	if err := s.Delete(ctx, "k"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("delete: got %v, want ErrUnavailable", err)
	}
	if _, err := s.Lease(ctx, "k", time.Minute); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("lease: got %v, want ErrUnavailable", err)
	}
}

func TestLease(t *testing.T) {
	ctx := context.Background()

	t.Run("it renews itself while it is held", func(t *testing.T) {
		mr := miniredis.RunT(t)
		s := open(t, "redis://"+mr.Addr(), Options{})
		const ttl = 90 * time.Millisecond
		l, err := s.Lease(ctx, "k", ttl)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			mr.FastForward(60 * time.Millisecond)
			eventually(t, "the lease is renewed", func() bool { return mr.TTL("pg:lease:k") == ttl })
		}
		l.Release()
		if mr.Exists("pg:lease:k") {
			t.Error("it is still there after its release")
		}
	})
	t.Run("another replica waits and then gets it", func(t *testing.T) {
		mr := miniredis.RunT(t)
		a, b := open(t, "redis://"+mr.Addr(), Options{}), open(t, "redis://"+mr.Addr(), Options{})
		l, err := a.Lease(ctx, "k", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		if _, err := b.Lease(short, "k", time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while it is held: got %v, want context.DeadlineExceeded", err)
		}
		l.Release()
		l2, err := b.Lease(ctx, "k", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		l2.Release()
	})
	t.Run("a holder that died frees it after its time", func(t *testing.T) {
		mr := miniredis.RunT(t)
		s := open(t, "redis://"+mr.Addr(), Options{})
		if err := mr.Set("pg:lease:k", "the token of a process that is gone"); err != nil {
			t.Fatal(err)
		}
		mr.SetTTL("pg:lease:k", 30*time.Second)
		mr.FastForward(30 * time.Second)
		l, err := s.Lease(ctx, "k", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		l.Release()
	})
	t.Run("releasing a lost lease leaves the new holder's alone", func(t *testing.T) {
		mr := miniredis.RunT(t)
		a, b := open(t, "redis://"+mr.Addr(), Options{}), open(t, "redis://"+mr.Addr(), Options{})
		l, err := a.Lease(ctx, "k", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		mr.FastForward(time.Minute)
		l2, err := b.Lease(ctx, "k", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		defer l2.Release()
		l.Release()
		if !mr.Exists("pg:lease:k") {
			t.Error("the late release freed the new holder's lease")
		}
	})
}

// eventually waits for what happens in the background, at most five seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(5 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within five seconds: %s", what)
		}
	}
}

func TestTLS(t *testing.T) {
	server, roots := certificate(t)
	mr, err := miniredis.RunTLS(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mr.Close)

	t.Run("a server that a root vouches for is used", func(t *testing.T) {
		s := open(t, "rediss://"+mr.Addr(), Options{RootCAs: roots})
		if _, err := s.Put(context.Background(), "k", []byte("v"), 0, time.Minute); err != nil {
			t.Error(err)
		}
	})
	t.Run("one that nobody vouches for is not", func(t *testing.T) {
		s := open(t, "rediss://"+mr.Addr(), Options{})
		if _, err := s.Put(context.Background(), "k", []byte("v"), 0, time.Minute); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}
