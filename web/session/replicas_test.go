package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tokenplayground/web/store"
	"tokenplayground/web/store/redisstore"
	"tokenplayground/web/store/storetest"
)

// replicas makes managers that share a Redis and a keyring and nothing else.
func replicas(t *testing.T, r *storetest.Redis, keys *Keyring, n int) []*Manager {
	t.Helper()
	var all []*Manager
	for range n {
		s, err := redisstore.Open(r.URL(), redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		m := manager(t, Config{Store: s, Keyring: keys, Now: time.Now})
		m.leaseFor = leaseInTests
		all = append(all, m)
	}
	return all
}

func TestREP1TwoReplicas(t *testing.T) { // R07
	two := replicas(t, storetest.StartRedis(t), newKeyring(t), 2)
	v := &visitor{m: two[0]}
	v.mustUpdate(t, func(*Session) {})
	const updates = 1000
	lost := 0
	for i := range updates {
		v.m = two[i%2]
		v.mustUpdate(t, func(s *Session) {
			if s.New || s.State.Next != i+1 {
				lost++
				t.Errorf("update %d sees exchange %d, new %v", i, s.State.Next, s.New)
			}
			if i%100 == 99 {
				s.Rotate() // a sign-in
			}
			s.State.Record(Entry{Product: fmt.Sprint(i)})
		})
	}
	s := v.load(t)
	if s.State.Next != updates+1 || len(s.State.History) != historyMost || s.State.History[historyMost-1].Product != fmt.Sprint(updates-1) {
		t.Errorf("next exchange %d, want %d", s.State.Next, updates+1)
	}
	t.Logf("alternating updates on two replicas: %d, lost: %d", updates, lost)
}

func TestREF1FiftyTabsOnTwoReplicas(t *testing.T) { // R01 across replicas
	two := replicas(t, storetest.StartRedis(t), newKeyring(t), 2)
	v := &visitor{m: two[0]}
	v.mustUpdate(t, signedIn)
	var upstream atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := (&visitor{m: two[i%2], cookie: v.cookie}).update(func(_ context.Context, s *Session) error {
				if slot := s.State.Slot("p", "t"); slot.Refresh == "old refresh" {
					upstream.Add(1)
					slot.Access, slot.Refresh = "new access", "new refresh"
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := upstream.Load(); n != 1 {
		t.Errorf("%d calls to the target, want 1", n)
	}
	for _, m := range two {
		if got := (&visitor{m: m, cookie: v.cookie}).token(t); got != "new access" {
			t.Errorf("got %q", got)
		}
	}
}

func TestREF2LeaseOutlivesASlowTarget(t *testing.T) { // R02, with a shorter lease
	r := storetest.StartRedis(t)
	two := replicas(t, r, newKeyring(t), 2)
	v := &visitor{m: two[0]}
	v.mustUpdate(t, signedIn)
	key := "pg:lease:" + v.load(t).sealer.storeKey()
	look := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer look.Close()

	var upstream atomic.Int32
	refresh := func(m *Manager, during func()) error {
		_, err := (&visitor{m: m, cookie: v.cookie}).update(func(_ context.Context, s *Session) error {
			slot := s.State.Slot("p", "t")
			if slot.Refresh == "old refresh" {
				upstream.Add(1)
				during()
				slot.Refresh = "new refresh"
			}
			return nil
		})
		return err
	}
	var waiting sync.WaitGroup
	start := time.Now()
	err := refresh(two[0], func() {
		// The target takes three lives of the lease, and each is seen to be renewed; others ask all the while.
		left, renewed := leaseInTests, 0
		for time.Since(start) < 3*leaseInTests || renewed < 6 {
			now, err := look.PTTL(context.Background(), key).Result()
			if err != nil || now <= 0 {
				t.Fatalf("the lease is gone after %v: %v, %v", time.Since(start), now, err)
			}
			if now > left {
				renewed++
				if renewed%2 == 1 {
					waiting.Go(func() {
						if err := refresh(two[1], func() {}); err != nil {
							t.Error(err)
						}
					})
				}
			}
			left = now
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	waiting.Wait()
	if n := upstream.Load(); n != 1 {
		t.Errorf("%d calls to the target, want 1", n)
	}
	t.Logf("lease of %v held for %v; calls to the target: %d", leaseInTests, took.Round(time.Millisecond), upstream.Load())
}

func TestR08HolderDies(t *testing.T) { // with REF-6: the next one is told
	r, keys := storetest.StartRedis(t), newKeyring(t)
	v := &visitor{m: replicas(t, r, keys, 1)[0]}
	v.mustUpdate(t, signedIn)
	kills, slowest := storetest.Times(2, 10), time.Duration(0)
	for range kills {
		killInFlight(t, aRefresh, r.URL(), keys, v)
		start := time.Now()
		told(t, v) // waits for the dead one's lease
		slowest = max(slowest, time.Since(start))
	}
	if most := leaseInTests + 2*time.Second; slowest > most {
		t.Errorf("the session was locked for %v after its holder's death, want at most %v", slowest, most)
	}
	t.Logf("holders killed: %d; sessions locked for good: 0; longest wait %v for a lease of %v", kills, slowest.Round(time.Millisecond), leaseInTests)
}

func TestDumpOfRedis(t *testing.T) { // S05, CRY-3
	ctx := context.Background()
	r := storetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	m := replicas(t, r, newKeyring(t), 1)[0]
	v := &visitor{m: m}
	canaries := [][]byte{[]byte("canary-access"), []byte("canary-refresh"), []byte("canary-mfa"), []byte("canary-user"), []byte("canary-body"), []byte("canary.host")}
	var tickets [][]byte
	for range 3 {
		v.mustUpdate(t, func(s *Session) {
			s.Rotate()
			s.State.SetSlot(&Slot{Product: "p", Username: "canary-user", Access: "canary-access", Refresh: "canary-refresh", MFA: "canary-mfa"})
			s.State.Targets = []TypedTarget{{Host: "canary.host"}}
			n := s.State.Record(Entry{})
			if err := s.Attach(ctx, AttachmentName(n), []byte("canary-body")); err != nil {
				t.Fatal(err)
			}
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		})
		ticket, _, _ := m.ticket(v.request("GET"))
		tickets = append(tickets, ticket[:], []byte(v.cookie.Value))
	}
	c := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer c.Close()
	if err := c.ConfigSet(ctx, "rdbcompression", "no").Err(); err != nil { // so that what is searched is what was stored
		t.Fatal(err)
	}
	if err := c.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	dump := r.Files()
	if !bytes.Contains(dump, []byte("REDIS0")) || !bytes.Contains(dump, []byte("pg:s:")) || !bytes.Contains(dump, []byte("GETRANGE")) && !bytes.Contains(dump, []byte("PXAT")) {
		t.Fatal("this is not the snapshot and the log of Redis")
	}
	for _, secret := range append(canaries, tickets...) {
		backwards := bytes.Clone(secret)
		slices.Reverse(backwards)
		for _, form := range [][]byte{
			secret, backwards, []byte(hex.EncodeToString(secret)),
			[]byte(base64.RawStdEncoding.EncodeToString(secret)), []byte(base64.RawURLEncoding.EncodeToString(secret)),
		} {
			if bytes.Contains(dump, form) {
				t.Errorf("%q is in what Redis keeps", form)
			}
		}
	}
	t.Logf("bytes of Redis searched: %d; canaries and tickets found: 0", len(dump))
}

func TestRDS1SessionsOutliveRedisTrouble(t *testing.T) {
	r := storetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	m := replicas(t, r, newKeyring(t), 1)[0]
	v := &visitor{m: m}
	v.signIn(t, "one")
	before := v.cookie.Value
	r.Kill()
	set, err := v.update(func(context.Context, *Session) error { t.Error("it ran without a store"); return nil })
	if !errors.Is(err, store.ErrUnavailable) || set != "" || v.cookie.Value != before {
		t.Errorf("got %v and cookie %q, want ErrUnavailable and none", err, set)
	}
	if _, err := m.Load(v.request("GET")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("loading: got %v, want ErrUnavailable", err)
	}
	r.Restart()
	if got := v.token(t); got != "one" {
		t.Errorf("after its return: %q", got)
	}
}
