// Package sandbox plays every product that package dialect describes, for
// people who have no such product and for clients that cannot tell.
//
// It issues without writing: a token carries everything, and the store keeps
// only what is no longer true: which refresh tokens were spent, and which
// sign-ins have ended. There is room for so many in each world; beyond it the
// oldest tokens are refused. So memory stays level however many tokens are
// given out and refreshed, tokens survive a crash, and any number of replicas
// over one store agree.
//
// Tokens, people's second factors and clocks belong to a world: a visitor's
// own, or the shared one with the empty name. Nothing of one world or product
// is known in another.
package sandbox

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

// Config is what a [Server] is made of.
type Config struct {
	// Store keeps the signing key, the worlds and the exceptions. Required.
	Store store.Store
	// Root is a secret of 32 bytes or more from which every other secret is
	// derived: whoever knows it can forge every sandbox token. Servers that
	// share a store share it. Required.
	Root []byte
	// Now tells the real time; nil means [time.Now]. A world's clock may be
	// ahead of it.
	Now func() time.Time
	// Rand is safe for concurrent use; nil means the system's.
	Rand io.Reader
	// Log takes failures of the store and, at debug level, every refusal. It
	// never sees a secret. Nil means none.
	Log *slog.Logger
	// Strict reads requests of every world strictly; see
	// [dialect.Reading.Strict]. It also makes the second use of a refresh
	// token end all pairs that came from the first.
	Strict bool
	// Products are those that are played; nil means the built-in ones. A fault
	// can be armed for these alone.
	Products *dialect.Catalog
	// People replaces [People].
	People []Person
	// After is for faults that wait; nil means [time.After].
	After func(time.Duration) <-chan time.Time
	// Journal, if not nil, is told of each call after its answer. It is called
	// by many goroutines at once.
	Journal func(Entry)
}

// Entry is one call, as [Config.Journal] is told of it. It holds no secret.
type Entry struct {
	Time     time.Time // by the world's clock, in UTC
	Duration time.Duration
	World    string
	Product  string
	// Purpose is empty for a call that the product does not have.
	Purpose dialect.Purpose
	Kind    dialect.Kind // of a token call
	Method  string
	// Path without the query; a long segment is cut to "…".
	Path    string
	Version string
	// Status is 0 if the connection was broken instead of an answer.
	Status int
	// Refused is why, if the product said no.
	Refused dialect.Fault
	// Asked lists the faults that befell the call on demand.
	Asked []string
	// User is the person, as the list of people has the name, if they are
	// known: whom the token names, or who tried to sign in.
	User string
}

// Server is the sandbox. It is safe for concurrent use.
type Server struct {
	store  store.Store
	now    func() time.Time
	rand   io.Reader
	log    *slog.Logger
	strict bool
	people []Person
	played *dialect.Catalog
	prk    []byte // of Root, for [Server.derive]
	keys   *keyring
	pool   *pool

	after   func(time.Duration) <-chan time.Time
	waiting chan struct{} // holds one for each call that waits
	release func()
	ended   <-chan struct{} // closed by release
	journal func(Entry)

	turns store.Locks // at ledgers
	room  int         // of a ledger, in families
}

// New returns a sandbox and begins to fetch, or make, its signing key. It does
// not wait for the key, nor for the store: the first token does. Call
// [Server.Close] before the store is closed.
func New(cfg Config) (*Server, error) {
	var errs []error
	if cfg.Store == nil {
		errs = append(errs, errors.New("sandbox: no store; give it one, store.NewMemory at the least"))
	}
	if len(cfg.Root) < 32 {
		errs = append(errs, fmt.Errorf("sandbox: the root secret has %d bytes; give it 32 random ones", len(cfg.Root)))
	}
	people := cfg.People
	if people == nil {
		people = People()
	}
	errs = append(errs, checkPeople(people))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	prk, err := hkdf.Extract(sha256.New, cfg.Root, []byte("tokenplayground sandbox 1"))
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s := &Server{
		store: cfg.Store, now: cfg.Now, rand: cfg.Rand, log: cfg.Log,
		strict: cfg.Strict, people: people, played: cfg.Products, prk: prk, pool: newPool(),
		after: cfg.After, waiting: make(chan struct{}, maxWaiting), journal: cfg.Journal, room: ledgerRoom,
	}
	if s.after == nil {
		s.after = time.After
	}
	ended := make(chan struct{})
	s.ended, s.release = ended, sync.OnceFunc(func() { close(ended) })
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.keys = newKeyring(s)
	s.keys.begin()
	return s, nil
}

// Ready waits until the first token can be signed, or until ctx ends. The
// error says why it cannot be; the next call tries again.
func (s *Server) Ready(ctx context.Context) error {
	_, err := s.keys.get(ctx)
	return err
}

// Release breaks off the calls that wait because a fault makes them, now and
// from now on, so that a server which shuts down need not wait for them.
func (s *Server) Release() { s.release() }

// Close ends the work in the background and waits for it. Calls that still run
// are the caller's to end first; see [Server.Release].
func (s *Server) Close() {
	s.release()
	s.keys.close()
}

// Handler plays one product in one world, with paths as the product has them,
// from "/". The empty world is the one that everybody shares; the name of any
// other must pass [CheckWorld].
func (s *Server) Handler(d *dialect.Dialect, world string) http.Handler {
	return &door{s, d, world}
}

// derive returns n secret bytes for a purpose. Names must not hold a zero
// byte; [CheckWorld] sees to it for worlds.
func (s *Server) derive(n int, purpose string, names ...string) []byte {
	key, err := hkdf.Expand(sha256.New, s.prk, purpose+"\x00"+strings.Join(names, "\x00"), n)
	if err != nil {
		panic(err) // more than 255 hashes long: no caller asks for that
	}
	return key
}

// random fills a new slice of n bytes.
func (s *Server) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return nil, fmt.Errorf("no random bytes: %w", err)
	}
	return b, nil
}

// tries is how often a compare-and-swap begins anew before the store counts as
// unavailable: more often than any number of clients that one machine serves
// could lose the race in turn.
const tries = 100

// change applies f to the record under key until nobody else wrote in between.
// f gets nil when there is none, and returns what to write and for how long;
// its error ends the change and is returned.
func (s *Server) change(ctx context.Context, key string, f func(old []byte) (value []byte, ttl time.Duration, err error)) error {
	for range tries {
		old, version, err := s.store.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			old, version, err = nil, 0, nil
		}
		if err != nil {
			return err
		}
		value, ttl, err := f(old)
		if err != nil {
			return err
		}
		_, err = s.store.Put(ctx, key, value, version, ttl)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("%w: %d writers in a row were faster", store.ErrUnavailable, tries)
}
