package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"tokenplayground/web/store"
)

const (
	// leaseFor is how long a session stays locked after its holder has died. It outlives the 15 seconds that
	// a call to a target may take, and the store renews it.
	leaseFor = 30 * time.Second

	// cookiesMost is how many cookies of our name are looked at. A browser sends several if somebody has
	// planted more for a longer path or the whole domain.
	cookiesMost = 8

	// cookieMost bounds the cookie's value; ours has about 150 bytes.
	cookieMost = 512
)

// Config is what a [Manager] is made of.
type Config struct {
	// Store keeps the sealed records. Required.
	Store store.Store
	// Keyring holds the server's keys. Required.
	Keyring *Keyring
	// Secure says that the pages are on HTTPS: the cookie then is "__Host-pg" with Secure, and otherwise "pg"
	// without, since not every browser takes a Secure cookie from plain http on a loopback address.
	Secure bool
	// Idle is how long a session lives after its last write; default 2 hours.
	Idle time.Duration
	// Absolute is how long a session lives at all; default 12 hours.
	Absolute time.Duration
	// EndWithTokens ends a session no later than its last token, or a minute after its last write, if the ends
	// of all its tokens are known. The history then goes with them; without it a token that is over is shown
	// as dead until Idle or Absolute.
	EndWithTokens bool
	// Most is how many sessions there may be at once, on all replicas together; default 20,000, below zero
	// any number. It is kept to within what replicas make in some seconds, and only with a store that can
	// count.
	Most int
	// Now tells the time; default time.Now.
	Now func() time.Time
	// Rand gives tickets; default crypto/rand.Reader.
	Rand io.Reader
	// Log receives what concerns no single request; default: discarded.
	Log *slog.Logger
}

// Manager finds, opens and saves sessions. It is safe for concurrent use.
type Manager struct {
	store    store.Store
	ring     atomic.Pointer[ring]
	name     string
	secure   bool
	idle     time.Duration
	absolute time.Duration
	bound    bool // to the tokens
	leaseFor time.Duration
	now      func() time.Time
	rand     io.Reader
	log      *slog.Logger
	crowd    crowd
	missed   missed
}

// ring is a keyring and what is made of it. Both are replaced together and never change.
type ring struct {
	keys   *Keyring
	codecs []*securecookie.SecureCookie // one per key, the active one first
}

var _ sessions.Store = (*Manager)(nil)

// New returns a manager, or what is wrong with its configuration.
func New(c Config) (*Manager, error) {
	if c.Store == nil {
		return nil, errors.New("sessions need a store")
	}
	if c.Keyring == nil || len(c.Keyring.keys) == 0 {
		return nil, errors.New("sessions need a keyring with at least one key")
	}
	if c.Idle < 0 || c.Absolute < 0 {
		return nil, fmt.Errorf("sessions cannot live %v idle and %v in all; give times above zero", c.Idle, c.Absolute)
	}
	m := &Manager{
		store: c.Store, name: "pg", secure: c.Secure, leaseFor: leaseFor,
		idle: c.Idle, absolute: c.Absolute, bound: c.EndWithTokens, now: c.Now, rand: c.Rand, log: c.Log,
	}
	m.crowd.most = c.Most
	if m.secure {
		m.name = "__Host-pg"
	}
	if m.idle == 0 {
		m.idle = 2 * time.Hour
	}
	if m.absolute == 0 {
		m.absolute = 12 * time.Hour
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.crowd.most == 0 {
		m.crowd.most = sessionsMost
	}
	if m.rand == nil {
		m.rand = rand.Reader
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	return m, m.Rekey(c.Keyring)
}

// Rekey has the manager use another keyring from now on. Requests that are under way end with the one that
// they began with. Sessions sealed under a key that the new one lacks end.
func (m *Manager) Rekey(k *Keyring) error {
	if k == nil || len(k.keys) == 0 {
		return errors.New("sessions need a keyring with at least one key")
	}
	r := &ring{keys: k}
	for _, key := range k.DeriveAll(LabelCookie) {
		sc := securecookie.New(key, nil).SetSerializer(securecookie.NopEncoder{}).MaxLength(cookieMost)
		// The record knows when the session ends; the cookie's own time stamp cannot be told the time.
		r.codecs = append(r.codecs, sc.MaxAge(0))
	}
	m.ring.Store(r)
	return nil
}

// sealer seals and opens with the keyring of now.
func (m *Manager) sealer(ticket [ticketLen]byte) sealer { return newSealer(m.ring.Load().keys, ticket) }

// CookieName is the name of the session cookie.
func (m *Manager) CookieName() string { return m.name }

// Load opens the visitor's session for reading: one read of the store and no write, but for the first time that
// a ticket which [Session.Rotate] made is presented, which ends the one before. Without a cookie, or with one
// that opens nothing, it is a new one. Errors: store.ErrUnavailable (answer 503), ErrRotated
// (answer 409); in both cases leave the cookie alone.
func (m *Manager) Load(r *http.Request) (*Session, error) {
	gs, err := m.New(r, m.name)
	if err != nil {
		return nil, err
	}
	return opened(gs)
}

// Update runs fn on the visitor's session, alone among all requests of this session on all replicas, and
// saves what fn has changed. Without a session it makes one. fn gets a context with the values of the
// request's that goes on when the browser goes away; its caller puts the time limit. fn must not write to w:
// the cookie is set after it.
//
// If fn returns an error nothing is saved, but for what [Session.Checkpoint] has saved, and Update returns the
// error, unless it went through [SaveAnd].
// Other errors: store.ErrUnavailable, store.ErrFull and ErrCrowded (answer 503), ErrRotated and store.ErrConflict
// (answer 409), the request's context error if it ended before fn could run. The cookie is left alone then.
func (m *Manager) Update(w http.ResponseWriter, r *http.Request, fn func(ctx context.Context, s *Session) error) error {
	ctx := context.WithoutCancel(r.Context())
	if ticket, _, ok := m.ticket(r); ok {
		id := m.sealer(ticket)
		lease, err := m.store.Lease(r.Context(), id.storeKey(), m.leaseFor)
		if err != nil {
			return fmt.Errorf("waiting for the session: %w", err)
		}
		defer lease.Release()
	}
	gs, err := m.find(ctx, r)
	if err != nil {
		return err
	}
	s, err := opened(gs)
	if err != nil {
		return err
	}
	if m.arriving(s) {
		return ErrRotated
	}
	if s.New {
		// Nobody can be waiting for it; but a store that is not there should be noticed before fn spends
		// credentials whose result could not be kept.
		lease, err := m.store.Lease(r.Context(), s.sealer.storeKey(), m.leaseFor)
		if err != nil {
			return fmt.Errorf("making a session: %w", err)
		}
		defer lease.Release()
		if err := m.enter(ctx); err != nil {
			return err
		}
		defer func() {
			if s.New {
				m.crowd.leave() // it was not kept
			}
		}()
	}

	err = fn(ctx, s)
	var keep *saveAnd
	if errors.As(err, &keep) {
		err = keep.err
	} else if err != nil {
		return err
	}
	if s.forget {
		gs.Options.MaxAge = -1
	}
	return errors.Join(err, m.Save(r.WithContext(ctx), w, gs))
}

// SaveAnd lets the function that is given to [Manager.Update] return err and have its changes saved.
func SaveAnd(err error) error { return &saveAnd{err} }

type saveAnd struct{ err error }

func (s *saveAnd) Error() string {
	if s.err == nil {
		return "saved"
	}
	return s.err.Error()
}

func (s *saveAnd) Unwrap() error { return s.err }

// valueKey is where the opened session is in gorilla's Values.
type valueKey struct{}

func opened(gs *sessions.Session) (*Session, error) {
	s, ok := gs.Values[valueKey{}].(*Session)
	if !ok {
		return nil, errors.New("this session was not opened by its manager")
	}
	return s, nil
}

// Get implements gorilla's sessions.Store: one session per request and name.
func (m *Manager) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(m, name)
}

// New implements gorilla's sessions.Store. What the cookie presents is opened or dropped, never adopted. The
// errors are those of Load; the session is not nil even then. All names mean the one session.
func (m *Manager) New(r *http.Request, _ string) (*sessions.Session, error) {
	return m.find(r.Context(), r)
}

// Save implements gorilla's sessions.Store: it saves, or deletes if Options.MaxAge is below zero, and sets
// the cookie if the visitor needs one.
func (m *Manager) Save(r *http.Request, w http.ResponseWriter, gs *sessions.Session) error {
	s, err := opened(gs)
	if err != nil {
		return err
	}
	if gs.Options.MaxAge < 0 {
		if err := m.erase(r.Context(), s); err != nil {
			return err
		}
		if len(r.CookiesNamed(m.name)) > 0 {
			m.setCookie(w, "", -1)
		}
		return nil
	}
	cookie, err := m.save(r.Context(), s)
	if err != nil || !cookie && !s.owed {
		return err
	}
	s.owed = false
	value, err := m.ring.Load().codecs[0].Encode(m.name, s.sealer.ticket[:])
	if err != nil {
		return fmt.Errorf("signing the cookie: %w", err)
	}
	m.setCookie(w, value, 0)
	gs.IsNew = false
	return nil
}

// find opens what the cookie presents, or begins anew.
func (m *Manager) find(ctx context.Context, r *http.Request) (*sessions.Session, error) {
	gs := sessions.NewSession(m, m.name)
	*gs.Options = sessions.Options{Path: "/", HttpOnly: true, Secure: m.secure, SameSite: http.SameSiteLaxMode}
	if ticket, resign, ok := m.ticket(r); ok {
		s, spoilt, err := m.open(ctx, ticket)
		switch {
		case err == nil:
			s.resign = s.resign || resign
			gs.Values[valueKey{}] = s
			return gs, nil
		case !errors.Is(err, errNone):
			return gs, err
		case spoilt && r.Method != http.MethodGet && r.Method != http.MethodHead:
			id := m.sealer(ticket)
			m.remove(ctx, id.storeKey())
		}
	}
	s, err := m.begin()
	if err != nil {
		return gs, err
	}
	gs.IsNew = true
	gs.Values[valueKey{}] = s
	return gs, nil
}

// ticket returns the ticket of the first cookie that we have signed, and whether with a key that is no
// longer the active one.
func (m *Manager) ticket(r *http.Request) (ticket [ticketLen]byte, resign, ok bool) {
	cookies := r.CookiesNamed(m.name)
	for _, c := range cookies[:min(len(cookies), cookiesMost)] {
		for i, codec := range m.ring.Load().codecs {
			var b []byte
			if err := codec.Decode(m.name, c.Value, &b); err == nil && len(b) == ticketLen {
				return [ticketLen]byte(b), i > 0, true
			}
		}
	}
	return ticket, false, false
}

// setCookie ends with the browser's session if maxAge is 0 and expires the cookie if it is below. All
// attributes are given: gorilla's defaults are SameSite=None and not HttpOnly.
func (m *Manager) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: m.name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: m.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
