// Package redisstore owns the store that several replicas share: one Redis or Valkey.
package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"tokenplayground/web/store"
)

const (
	// callLimit is what one call may cost a visitor when Redis hangs, its retry included.
	callLimit = 800 * time.Millisecond

	dialTimeout = time.Second
	ioTimeout   = 500 * time.Millisecond

	// pollLeast and pollMost bound the pause between two looks at a lease that another replica holds. Inside
	// a replica the waiters queue, so this is one poller per replica and key.
	pollLeast = 5 * time.Millisecond
	pollMost  = 40 * time.Millisecond

	versionLen = 8

	// scanCount is how many keys one step of a scan looks at: some tenths of a millisecond for Redis.
	scanCount = 1000
)

// globEscaper keeps a key that holds signs of a pattern from being one.
var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// swap writes a value if the version before it is the wanted one. A value starts with its version, so the
// check costs eight bytes whatever the value's size; no version at all reads as the empty string. That the
// new version is already there means that the answer to the first attempt was lost. What has no version that
// the store gives out is none of its values, and counts as nothing.
//
// If there is an index to count by, the key is entered with the time at which it ends. That is done on a best
// effort: a user who may not do it still has sessions, and is told when they are to be counted.
//
//	KEYS     the key; the index, if the key is counted
//	ARGV     wanted version, '' for none, '*' for any; new version; version and value; milliseconds
var swap = redis.NewScript(`
local have = redis.call('GETRANGE', KEYS[1], 0, 7)
if have == ARGV[2] then return 1 end
if #have < 8 or have == string.rep('\0', 8) or have == string.rep('\255', 8) then have = '' end
if ARGV[1] ~= '*' and have ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
if KEYS[2] then
	local now = redis.pcall('TIME')
	if not now.err then
		redis.pcall('ZADD', KEYS[2], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[4], KEYS[1])
		local left = redis.pcall('PTTL', KEYS[2])
		if type(left) == 'number' and left < tonumber(ARGV[4]) then redis.pcall('PEXPIRE', KEYS[2], ARGV[4]) end
	end
end
return 1`)

// remove deletes a key that is counted.
//
//	KEYS  the key; the index
var remove = redis.NewScript(`
redis.call('DEL', KEYS[1])
redis.pcall('ZREM', KEYS[2], KEYS[1])
return 1`)

// count says how many entries of an index have not ended and drops the others.
//
//	KEYS[1]  the index
var count = redis.NewScript(`
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now[1] * 1000 + math.floor(now[2] / 1000))
return redis.call('ZCARD', KEYS[1])`)

// hold takes a lease that is free, and renews one that is ours.
//
//	KEYS[1]  the lease
//	ARGV     the holder's token; milliseconds
var hold = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// release gives a lease back if it is still ours.
var release = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)

// take moves the moment at which each key may do all at once again, which is all that is kept of a pace.
//
//	KEYS  one for each pace
//	ARGV  now; then for each pace the time between two and the most at once; all times in microseconds
var take = redis.NewScript(`
local now = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
	local every, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
	local full = redis.call('GET', key)
	local after = math.max(full and tonumber(full) or 0, now) + every
	local over = after - now - burst * every
	if over > 0 then return over end
	redis.call('SET', key, string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
end
return 0`)

// Options adjust [Open]. The zero value is useful.
type Options struct {
	// Prefix stands before every key; default "pg:". Installations that share a Redis need different ones.
	Prefix string
	// RootCAs are who may vouch for the server of a rediss:// URL; default: the system's.
	RootCAs *x509.CertPool
	// Counted are the beginnings of keys that Count knows the number of without looking for them; default
	// "s:", the sessions. Each costs one entry of an index for every key.
	Counted []string
	// Log receives what happens without anybody asking, such as a lost lease. Default: discarded.
	Log *slog.Logger
}

// Store is a [store.Store] in Redis. Every key has a time to live.
//
// Its versions are random, so they need neither a counter nor a trace of what was deleted. A user limited to
// the keys under the prefix and to GET, SET, DEL, GETRANGE, EVAL and EVALSHA suffices for everything but
// Count, which needs TIME, ZADD, ZREM, ZCARD, ZREMRANGEBYSCORE, PTTL and PEXPIRE as well, Purge, which needs
// SCAN, and Policy, which needs INFO.
type Store struct {
	client  *redis.Client
	prefix  string
	counted []string
	log     *slog.Logger
	locks   store.Locks
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Counter = (*Store)(nil)
	_ store.Purger  = (*Store)(nil)
	_ store.Pacer   = (*Store)(nil)
)

// Open prepares a store at a redis:// or rediss:// URL of the form redis://user:password@host:port/db. It
// does not wait for Redis: while there is none, every call answers store.ErrUnavailable.
func Open(address string, o Options) (*Store, error) {
	opt, err := parse(address)
	if err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = "pg:"
	}
	if o.Counted == nil {
		o.Counted = []string{"s:"}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if opt.TLSConfig != nil {
		opt.TLSConfig.RootCAs = o.RootCAs
	}
	// By default a call to a Redis that hangs takes five seconds and ignores its context.
	opt.ContextTimeoutEnabled = true
	opt.DialTimeout = dialTimeout
	opt.DialerRetries = 1
	opt.ReadTimeout = ioTimeout
	opt.WriteTimeout = ioTimeout
	opt.PoolTimeout = ioTimeout
	opt.MaxRetries = 1
	opt.MaxRetryBackoff = 50 * time.Millisecond
	// Neither is needed, and each is one more command to permit.
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	quieten()
	return &Store{client: redis.NewClient(opt), prefix: o.Prefix, counted: o.Counted, log: o.Log}, nil
}

// parse reads the address. Its errors do not quote it, because it may hold a password.
func parse(address string) (*redis.Options, error) {
	const form = "write it as redis://user:password@host:6379/0, or rediss:// for TLS"
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("the address of Redis cannot be read; " + form)
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return nil, errors.New("the address of Redis has another scheme than redis or rediss; " + form)
	case u.Hostname() == "":
		return nil, errors.New("the address of Redis names no host; " + form)
	case u.RawQuery != "" || u.Fragment != "":
		// go-redis would take any of its settings from here, skip_verify among them.
		return nil, errors.New("the address of Redis has settings behind its path; " + form)
	}
	opt, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("the path of the address of Redis is not the number of a database; " + form)
	}
	if opt.TLSConfig != nil {
		opt.TLSConfig.MinVersion = tls.VersionTLS12
	}
	return opt, nil
}

// Host is the host that a redis:// or rediss:// URL names. Its errors are those of [Open] and do not quote it.
func Host(address string) (string, error) {
	opt, err := parse(address)
	if err != nil {
		return "", err
	}
	host, _, err := net.SplitHostPort(opt.Addr)
	return host, err
}

// quieten stops go-redis from writing to standard error: every failure that it reports there also comes back
// as an error, which is logged once where it is handled. The library has one logger for the whole process.
var quieten = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// Close closes the connections.
func (s *Store) Close() error { return s.client.Close() }

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	raw, err := s.client.Get(ctx, s.prefix+key).Bytes()
	if err != nil {
		return nil, 0, classify(err)
	}
	if len(raw) < versionLen {
		return nil, 0, store.ErrNotFound // not written by us
	}
	version := binary.BigEndian.Uint64(raw)
	if version == 0 || version == store.Any {
		return nil, 0, store.ErrNotFound
	}
	return raw[versionLen:], version, nil
}

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error) {
	if err := store.Check(key, ttl); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()

	want := ""
	switch version {
	case 0:
	case store.Any:
		want = "*"
	default:
		want = string(binary.BigEndian.AppendUint64(nil, version))
	}
	next := newVersion()
	record := make([]byte, versionLen+len(value))
	binary.BigEndian.PutUint64(record, next)
	copy(record[versionLen:], value)

	done, err := swap.Run(ctx, s.client, s.places(key), want, record[:versionLen], record, millis(ttl)).Bool()
	switch {
	case err != nil:
		return 0, classify(err)
	case !done:
		return 0, store.ErrConflict
	}
	return next, nil
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var err error
	if places := s.places(key); len(places) > 1 {
		err = remove.Run(ctx, s.client, places).Err()
	} else {
		err = s.client.Del(ctx, places[0]).Err()
	}
	if err != nil {
		return classify(err)
	}
	return nil
}

// Take implements [store.Pacer].
func (s *Store) Take(ctx context.Context, now time.Time, paces []store.Pace) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	keys, args := make([]string, 0, len(paces)), []any{now.UnixMicro()}
	for _, p := range paces {
		if err := store.Check(p.Key, p.Every); err != nil {
			return 0, err
		}
		keys = append(keys, s.prefix+p.Key)
		args = append(args, p.Every.Microseconds(), p.Burst)
	}
	wait, err := take.Run(ctx, s.client, keys, args...).Int64()
	if err != nil {
		return 0, classify(err)
	}
	return time.Duration(wait) * time.Microsecond, nil
}

// Count implements [store.Counter]. For what is not among Options.Counted it looks through all keys.
func (s *Store) Count(ctx context.Context, prefix string) (int, error) {
	if slices.Contains(s.counted, prefix) {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		n, err := count.Run(ctx, s.client, []string{s.index(prefix)}).Int()
		if err != nil {
			return 0, classify(err)
		}
		return n, nil
	}
	n := 0
	err := s.scan(ctx, prefix, func(keys []string) error { n += len(keys); return nil })
	return n, err
}

// Purge implements [store.Purger].
func (s *Store) Purge(ctx context.Context, prefix string) (int, error) {
	n := 0
	err := s.scan(ctx, prefix, func(keys []string) error {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		gone, err := s.client.Del(ctx, keys...).Result()
		n += int(gone)
		return err
	})
	if err != nil {
		return n, err
	}
	for _, counted := range s.counted {
		if !strings.HasPrefix(counted, prefix) {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		if err := s.client.Del(ctx, s.index(counted)).Err(); err != nil {
			return n, classify(err)
		}
	}
	return n, nil
}

// scan hands out the keys of values that begin with prefix, some at a time and perhaps twice.
func (s *Store) scan(ctx context.Context, prefix string, each func(keys []string) error) error {
	match := globEscaper.Replace(s.prefix+prefix) + "*"
	for cursor := uint64(0); ; {
		once, cancel := context.WithTimeout(ctx, callLimit)
		keys, next, err := s.client.Scan(once, cursor, match, scanCount).Result()
		cancel()
		if err != nil {
			return classify(err)
		}
		keys = slices.DeleteFunc(keys, func(k string) bool { return store.Check(k[len(s.prefix):], time.Hour) != nil })
		if len(keys) > 0 {
			if err := each(keys); err != nil {
				return classify(err)
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// places is where key is kept: under its own name, and in an index if it is counted.
func (s *Store) places(key string) []string {
	places := []string{s.prefix + key}
	for _, counted := range s.counted {
		if strings.HasPrefix(key, counted) {
			return append(places, s.index(counted))
		}
	}
	return places
}

func (s *Store) index(counted string) string { return s.prefix + "count:" + counted }

// NoEviction is the policy under which Redis keeps what it has accepted.
const NoEviction = "noeviction"

// Policy says what Redis does when its memory is full. Under any other than [NoEviction] it silently drops
// what lives, so visitors are signed out. Errors: store.ErrUnavailable, also if the user may not ask.
func (s *Store) Policy(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	info, err := s.client.Info(ctx, "memory").Result()
	if err != nil {
		return "", classify(err)
	}
	_, rest, ok := strings.Cut(info, "maxmemory_policy:")
	if !ok {
		return "", fmt.Errorf("%w: it does not tell its policy", store.ErrUnavailable)
	}
	policy, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(policy), nil
}

// Lease implements [store.Store].
func (s *Store) Lease(ctx context.Context, key string, ttl time.Duration) (store.Lease, error) {
	if err := store.Check(key, ttl); err != nil {
		return nil, err
	}
	local, err := s.locks.Lease(ctx, key)
	if err != nil {
		return nil, err
	}
	l := &lease{
		store: s, local: local, name: s.prefix + "lease:" + key, token: rand.Text(), ttl: ttl,
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	for pause := pollLeast; ; pause = min(2*pause, pollMost) {
		got, err := l.hold(ctx)
		if got {
			go l.renew()
			return l, nil
		}
		if err != nil && !over(ctx) {
			// It may have been taken all the same, with the answer lost. Nobody has to wait for its return.
			go l.give()
			local.Release()
			return nil, err
		}
		wait := time.NewTimer(pause/2 + mrand.N(pause/2))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			if err != nil {
				go l.give()
			}
			local.Release()
			return nil, fmt.Errorf("waiting for the lease: %w", ctx.Err())
		}
	}
}

// over reports whether ctx has ended, or will before anybody can tell: the deadline on a connection, which is
// the context's, may fire a moment earlier.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

type lease struct {
	store   *Store
	local   store.Lease
	name    string
	token   string
	ttl     time.Duration
	once    sync.Once
	stop    chan struct{}
	stopped chan struct{}
}

// Release implements [store.Lease].
func (l *lease) Release() {
	l.once.Do(func() {
		close(l.stop)
		<-l.stopped
		l.give()
		l.local.Release()
	})
}

// renew keeps the lease until it is released, through any time without Redis that is shorter than the ttl.
// Should it be lost nevertheless, the versions of the values still let only one of the holders write.
func (l *lease) renew() {
	defer close(l.stopped)
	tick := time.NewTicker(max(l.ttl/3, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			if ours, err := l.hold(context.Background()); err == nil && !ours {
				l.store.log.Warn("a lease was lost to another replica while it was held", "ttl", l.ttl)
				return
			}
		}
	}
}

func (l *lease) hold(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	ours, err := hold.Run(ctx, l.store.client, []string{l.name}, l.token, millis(l.ttl)).Bool()
	if err != nil {
		return false, classify(err)
	}
	return ours, nil
}

// give gives the lease back. If Redis cannot be told, the ttl does it.
func (l *lease) give() {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	release.Run(ctx, l.store.client, []string{l.name}, l.token)
}

// newVersion returns a random version that is neither 0 nor store.Any.
func newVersion() uint64 {
	for {
		var b [8]byte
		rand.Read(b[:])
		if v := binary.BigEndian.Uint64(b[:]); v != 0 && v != store.Any {
			return v
		}
	}
}

// millis rounds up: Redis refuses a time to live of zero.
func millis(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// classify turns an error of go-redis into one of the store's own.
func classify(err error) error {
	switch {
	case errors.Is(err, redis.Nil):
		return store.ErrNotFound
	case strings.Contains(err.Error(), "OOM command not allowed"):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}
