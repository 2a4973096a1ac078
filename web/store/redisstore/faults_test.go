//go:build unix

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

// admin is a client for what the store itself never asks.
func admin(t *testing.T, r *storetest.Redis) *redis.Client {
	t.Helper()
	quieten()
	c := redis.NewClient(&redis.Options{Addr: r.Addr, DisableIdentity: true})
	t.Cleanup(func() { c.Close() })
	return c
}

func mustPut(t *testing.T, s *Store, key, value string) uint64 {
	t.Helper()
	v, err := s.Put(context.Background(), key, []byte(value), store.Any, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantUnavailable makes each call, all at once, and returns how long the slowest took.
func wantUnavailable(t *testing.T, s *Store) time.Duration {
	t.Helper()
	ctx := context.Background()
	var mu sync.Mutex
	var wg sync.WaitGroup
	slowest := time.Duration(0)
	for name, call := range map[string]func() error{
		"get":    func() error { _, _, err := s.Get(ctx, "s:1"); return err },
		"put":    func() error { _, err := s.Put(ctx, "s:1", nil, store.Any, time.Minute); return err },
		"delete": func() error { return s.Delete(ctx, "s:1") },
		"lease":  func() error { _, err := s.Lease(ctx, "s:1", time.Minute); return err },
		"count":  func() error { _, err := s.Count(ctx, "s:"); return err },
	} {
		wg.Go(func() {
			start := time.Now()
			err := call()
			took := time.Since(start)
			if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrUnavailable", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, took)
		})
	}
	wg.Wait()
	return slowest
}

// wantBack waits until the value is there and returns how long that took.
func wantBack(t *testing.T, s *Store, key, want string) time.Duration {
	t.Helper()
	start := time.Now()
	eventually(t, "the value is there again", func() bool {
		got, _, err := s.Get(context.Background(), key)
		return err == nil && string(got) == want
	})
	took := time.Since(start)
	if took > 2*time.Second {
		t.Errorf("back after %v, want at most 2 s", took)
	}
	return took
}

func TestRDS1RDS2HungRedis(t *testing.T) { // D06
	r := storetest.StartRedis(t)
	s := open(t, r.URL(), Options{})
	mustPut(t, s, "s:kept", "v")
	r.Hang()
	slowest := wantUnavailable(t, s)
	if slowest > time.Second { // once more, since a machine that is busy is no fault of the store's
		slowest = wantUnavailable(t, s)
	}
	if slowest > time.Second {
		t.Errorf("the slowest call took %v, want at most a second", slowest)
	}
	r.Resume()
	t.Logf("slowest call to a Redis that hangs: %v; back after %v", slowest.Round(time.Millisecond), wantBack(t, s, "s:kept", "v").Round(time.Millisecond))
}

func TestRDS1KilledAndRestartedRedis(t *testing.T) { // D06
	r := storetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := open(t, r.URL(), Options{})
	rounds, slowest := storetest.Times(3, 15), time.Duration(0)
	for i := range rounds {
		value := fmt.Sprint("round ", i)
		mustPut(t, s, "s:kept", value)
		r.Kill()
		if _, _, err := s.Get(context.Background(), "s:kept"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("while it is gone: got %v, want ErrUnavailable", err)
		}
		r.Restart()
		// After many failures the client looks for the server once a second.
		slowest = max(slowest, wantBack(t, s, "s:kept", value))
	}
	t.Logf("kills of Redis survived: %d; acknowledged writes lost: 0; back after at most %v", rounds, slowest.Round(time.Millisecond))
}

func TestRDS3ColdRedis(t *testing.T) { // D08
	r := storetest.StartRedis(t)
	r.Kill()
	s := open(t, r.URL(), Options{})
	wantUnavailable(t, s)
	r.Restart()
	start := time.Now()
	eventually(t, "a value can be written", func() bool {
		_, err := s.Put(context.Background(), "s:1", nil, store.Any, time.Minute)
		return err == nil
	})
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("usable %v after Redis was there, want at most 2 s", took)
	}
}

func TestRDS1ReadOnlyRedis(t *testing.T) { // D12
	ctx := context.Background()
	r := storetest.StartRedis(t)
	s := open(t, r.URL(), Options{})
	mustPut(t, s, "s:kept", "v")
	if err := admin(t, r).ReplicaOf(ctx, "127.0.0.1", "1").Err(); err != nil { // of nobody that answers
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"put":    func() error { _, err := s.Put(ctx, "s:1", nil, store.Any, time.Minute); return err },
		"delete": func() error { return s.Delete(ctx, "s:kept") },
		"lease":  func() error { _, err := s.Lease(ctx, "s:1", time.Minute); return err },
	} {
		if err := call(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", name, err)
		}
	}
	if got, _, err := s.Get(ctx, "s:kept"); string(got) != "v" {
		t.Errorf("reading: %q, %v", got, err)
	}
	if err := admin(t, r).ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a value can be written", func() bool {
		_, err := s.Put(ctx, "s:1", nil, store.Any, time.Minute)
		return err == nil
	})
}

func TestRDS1FullRedis(t *testing.T) { // D09
	ctx := context.Background()
	r := storetest.StartRedis(t, "--maxmemory", "3mb", "--maxmemory-policy", NoEviction)
	s := open(t, r.URL(), Options{})
	value := make([]byte, 10_000)
	n := 0
	for ; n < 2000; n++ {
		if _, err := s.Put(ctx, fmt.Sprintf("s:%d", n), value, 0, time.Minute); errors.Is(err, store.ErrFull) {
			break
		} else if err != nil {
			t.Fatalf("write %d: got %v, want ErrFull once it is full", n, err)
		}
	}
	if n == 0 || n == 2000 {
		t.Fatalf("it is full after %d writes", n)
	}
	lost := 0
	for i := range n {
		if got, _, err := s.Get(ctx, fmt.Sprintf("s:%d", i)); err != nil || len(got) != len(value) {
			lost++
			t.Errorf("reading %d while it is full: %v", i, err)
		}
	}
	if got, err := s.Count(ctx, "s:"); err != nil || got != n {
		t.Errorf("count %d, %v; want %d", got, err, n)
	}
	for i := range n / 2 {
		if err := s.Delete(ctx, fmt.Sprintf("s:%d", i)); err != nil {
			t.Fatalf("deleting while it is full: %v", err)
		}
	}
	eventually(t, "there is room after deletes", func() bool {
		_, err := s.Put(ctx, "s:new", value, store.Any, time.Minute)
		return err == nil
	})
	t.Logf("full after %d records; records lost: %d", n, lost)
}

func TestRDS4Policy(t *testing.T) {
	for _, want := range []string{NoEviction, "volatile-lru"} {
		r := storetest.StartRedis(t, "--maxmemory-policy", want)
		s := open(t, r.URL(), Options{})
		if got, err := s.Policy(context.Background()); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
		r.Kill()
		if _, err := s.Policy(context.Background()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("without Redis: got %v, want ErrUnavailable", err)
		}
	}
}

func TestRDS5FailoverThatLostTheLastWrite(t *testing.T) { // D10, R09
	ctx := context.Background()
	primary, replica := storetest.StartRedis(t, "--repl-diskless-sync-delay", "0"), storetest.StartRedis(t)
	a := open(t, primary.URL(), Options{})
	v1 := mustPut(t, a, "s:1", "one")
	host, port, _ := strings.Cut(primary.Addr, ":")
	other := admin(t, replica)
	if err := other.ReplicaOf(ctx, host, port).Err(); err != nil {
		t.Fatal(err)
	}
	b := open(t, replica.URL(), Options{})
	eventually(t, "the replica has the first write", func() bool { _, v, err := b.Get(ctx, "s:1"); return err == nil && v == v1 })
	if err := other.ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	v2, err := a.Put(ctx, "s:1", []byte("two"), v1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	primary.Kill()

	// Who has seen the lost write cannot write on top of what is there instead.
	if _, err := b.Put(ctx, "s:1", []byte("three"), v2, time.Minute); !errors.Is(err, store.ErrConflict) {
		t.Errorf("at the lost version: got %v, want ErrConflict", err)
	}
	if got, v, err := b.Get(ctx, "s:1"); string(got) != "one" || v != v1 {
		t.Errorf("after the failover: %q at %d, %v; want %q at %d", got, v, err, "one", v1)
	}
}

func TestRDS6LimitedUser(t *testing.T) {
	ctx := context.Background()
	r := storetest.StartRedis(t)
	c := admin(t, r)
	six := []string{"+get", "+set", "+del", "+getrange", "+eval", "+evalsha"}
	counting := []string{"+time", "+zadd", "+zrem", "+zcard", "+zremrangebyscore", "+pttl", "+pexpire"}
	user := func(name string, may ...string) *Store {
		t.Helper()
		args := []any{"acl", "setuser", name, "on", ">pw", "resetchannels", "~pg:*", "-@all"}
		for _, m := range may {
			args = append(args, m)
		}
		if err := c.Do(ctx, args...).Err(); err != nil {
			t.Fatal(err)
		}
		return open(t, "redis://"+name+":pw@"+r.Addr+"/0", Options{})
	}
	journey := func(t *testing.T, s *Store, key string) {
		t.Helper()
		v, err := s.Put(ctx, key, []byte("1"), 0, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(ctx, key, []byte("2"), v, time.Minute); err != nil {
			t.Error(err)
		}
		if _, err := s.Put(ctx, key, []byte("3"), v, time.Minute); !errors.Is(err, store.ErrConflict) {
			t.Errorf("got %v, want ErrConflict", err)
		}
		if got, _, err := s.Get(ctx, key); string(got) != "2" {
			t.Errorf("got %q, %v", got, err)
		}
		l, err := s.Lease(ctx, key, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		l.Release()
		if wait, err := s.Take(ctx, time.Now(), []store.Pace{{Key: key + "/pace", Every: time.Minute, Burst: 1}}); wait != 0 || err != nil {
			t.Errorf("pacing: %v, %v", wait, err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Error(err)
		}
	}
	t.Run("six commands suffice for sessions", func(t *testing.T) {
		s := user("six", six...)
		journey(t, s, "s:six")
		if _, err := s.Count(ctx, "s:"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("counting: got %v, want ErrUnavailable", err)
		}
	})
	t.Run("seven more for counting them", func(t *testing.T) {
		s := user("thirteen", append(counting, six...)...)
		journey(t, s, "s:thirteen")
		mustPut(t, s, "s:1", "v")
		if n, err := s.Count(ctx, "s:"); n != 1 || err != nil {
			t.Errorf("count %d, %v; want 1", n, err)
		}
	})
	t.Run("keys under another prefix are out of reach", func(t *testing.T) {
		user("elsewhere", six...)
		s := open(t, "redis://elsewhere:pw@"+r.Addr+"/0", Options{Prefix: "other:"})
		if _, err := s.Put(ctx, "k", nil, 0, time.Minute); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
	t.Run("a wrong password is unavailable and not shown", func(t *testing.T) {
		s := open(t, "redis://six:canary-pw@"+r.Addr+"/0", Options{})
		_, _, err := s.Get(ctx, "k")
		if !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v, want ErrUnavailable without the password", err)
		}
	})
}

func TestRDS7EveryKeyEndsAndNothingIsScanned(t *testing.T) { // D11
	ctx := context.Background()
	r := storetest.StartRedis(t)
	s := open(t, r.URL(), Options{})
	for i := range 500 {
		key := fmt.Sprintf("%s:%d", []string{"s", "a", "w"}[i%3], i)
		v := mustPut(t, s, key, "1")
		if _, err := s.Put(ctx, key, []byte("2"), v, time.Duration(1+i%12)*time.Hour); err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			if err := s.Delete(ctx, key); err != nil {
				t.Fatal(err)
			}
		}
	}
	defer func(l store.Lease, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		l.Release()
	}(s.Lease(ctx, "s:1", 30*time.Second))
	if _, err := s.Count(ctx, "s:"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(ctx, time.Now(), []store.Pace{{Key: "limit:1", Every: time.Minute, Burst: 9}, {Key: "limit:2", Every: time.Microsecond, Burst: 1}}); err != nil {
		t.Fatal(err)
	}

	c := admin(t, r)
	stats, err := c.Info(ctx, "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, slow := range []string{"scan", "keys"} {
		if strings.Contains(stats, "cmdstat_"+slow+":") {
			t.Errorf("a request used %s", strings.ToUpper(slow))
		}
	}
	keys, err := c.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	const never = -1 // what Redis says of a key without an end; of one that has just ended it says 0 or -2
	for _, k := range keys {
		if left, err := c.PTTL(ctx, k).Result(); err != nil || left == never || left > 12*time.Hour || !strings.HasPrefix(k, "pg:") {
			t.Errorf("%q lives %v, %v; want a pg: key of at most 12 h", k, left, err)
		}
	}
	t.Logf("%d keys, all with a time to live", len(keys))
}
