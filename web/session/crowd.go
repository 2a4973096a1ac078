package session

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"tokenplayground/web/store"
)

const (
	// sessionsMost is how many sessions there may be by default: of 12 KiB each they take 240 MiB.
	sessionsMost = 20_000

	// countEvery is how old a count may be while there is room, and countAgain when there is none.
	countEvery = 10 * time.Second
	countAgain = time.Second

	// missedFor is how long the sessions of a key that is gone are counted before that is logged.
	missedFor = time.Minute
)

// ErrCrowded: there are as many sessions as are allowed, and nobody is put out for a new one. Answer 503.
var ErrCrowded = errors.New("there are as many visitors as this playground can keep; try again in a few minutes")

// Prefixes of the keys under which sessions and their attachments are stored.
const (
	statePrefix      = "s:"
	attachmentPrefix = "a:"
)

// Count says how many sessions a store holds, without reading them. One whose new ticket
// has not been presented counts twice, and so does one for a minute after it has. Errors: store.ErrUnavailable.
func Count(ctx context.Context, s store.Store) (int, error) {
	c, ok := s.(store.Counter)
	if !ok {
		return 0, errors.New("this store cannot count")
	}
	n, err := c.Count(ctx, statePrefix)
	if err != nil {
		return 0, fmt.Errorf("counting the sessions: %w", err)
	}
	return n, nil
}

// Purge ends all sessions and says how many there were. A request that is under way cannot bring one back.
// Errors: store.ErrUnavailable.
func Purge(ctx context.Context, s store.Store) (int, error) {
	p, ok := s.(store.Purger)
	if !ok {
		return 0, errors.New("this store cannot be emptied")
	}
	n, err := p.Purge(ctx, statePrefix)
	if err == nil {
		_, err = p.Purge(ctx, attachmentPrefix)
	}
	if err != nil {
		return n, fmt.Errorf("ending the sessions: %w", err)
	}
	return n, nil
}

// crowd knows how many sessions there are: what the store counted some time ago, and what this process has
// made and ended since.
type crowd struct {
	most int

	mu       sync.Mutex
	counted  int
	at       time.Time // when; zero for never
	since    int
	counting bool // by somebody, so that the others need not wait
	told     bool // that it cannot be counted
}

// enter makes room for one session more, to be given back with leave, or returns ErrCrowded.
func (m *Manager) enter(ctx context.Context) error {
	c := &m.crowd
	counter, ok := m.store.(store.Counter)
	if c.most < 0 || !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := m.now()
	age := now.Sub(c.at)
	if !c.counting && (c.at.IsZero() || age < 0 || age >= countEvery || c.full() && age >= countAgain) {
		c.counting = true
		before := c.since
		c.mu.Unlock()
		n, err := counter.Count(ctx, statePrefix)
		c.mu.Lock()
		c.counting = false
		c.at = now // also after a failure, so that a store in trouble is not asked by everybody
		if err == nil {
			// What was made while it was counted may or may not be among them: too many is the safe side.
			c.counted, c.since = n, c.since-before
		} else if !c.told {
			c.told = true
			m.log.Warn("the sessions cannot be counted, so their number is limited by what this process makes", "error", err)
		}
	}
	if c.full() {
		return ErrCrowded
	}
	c.since++
	return nil
}

func (c *crowd) full() bool { return c.counted+c.since >= c.most }

// leave says that there is one session less.
func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since--
}

// missed counts the sessions that need a key which is not in the keyring, and tells once per key.
type missed struct {
	mu   sync.Mutex
	keys map[[kidLen]byte]*missedKey
}

type missedKey struct {
	sessions map[[32]byte]struct{} // bounded by sessionsMost; nil once it is told
	told     bool
}

// note counts the session of a record. The first of a key starts the minute after which their number is logged.
func (c *missed) note(m *Manager, record []byte, id [32]byte) {
	kid := [kidLen]byte(record[1:])
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keys[kid]
	if k == nil {
		if c.keys == nil {
			c.keys = make(map[[kidLen]byte]*missedKey)
		}
		k = &missedKey{sessions: make(map[[32]byte]struct{})}
		c.keys[kid] = k
		time.AfterFunc(missedFor, func() { c.tell(m) })
	}
	if !k.told && len(k.sessions) < sessionsMost {
		k.sessions[id] = struct{}{}
	}
}

// tell logs what was counted.
func (c *missed) tell(m *Manager) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for kid, k := range c.keys {
		if k.told {
			continue
		}
		m.log.Warn("sessions were sealed under a key that is not in the keyring; their visitors start anew",
			"kid", hex.EncodeToString(kid[:]), "sessions", len(k.sessions))
		k.told, k.sessions = true, nil
	}
}

// Close logs what has been counted and not been logged yet. The manager goes on working.
func (m *Manager) Close() error {
	m.missed.tell(m)
	return nil
}
