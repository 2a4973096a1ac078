package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

const (
	// MaxAhead is how far a world's clock may be moved: several times the life
	// of the longest token.
	MaxAhead = 60 * 24 * time.Hour
	// worldLife outlives every token that the world has issued: one issued
	// MaxAhead in the future must not come back to life because the record
	// that ended it is gone.
	worldLife = MaxAhead + 30*24*time.Hour
)

// ErrAhead says that a clock cannot be moved so far.
var ErrAhead = fmt.Errorf("a world's clock runs from now to %d days ahead", MaxAhead/(24*time.Hour))

// worldState is what a world remembers. A world that nobody changed has no
// record, and is the zero value.
type worldState struct {
	Ahead  time.Duration `json:"ahead,omitempty"` // of the real time, never negative
	Strict bool          `json:"strict,omitempty"`
	// Era is new after each reset. All keys are derived from it, so the tokens
	// of an earlier era are unknown.
	Era string `json:"era,omitempty"`
	// Kept is when the record was last written, in real time.
	Kept time.Time `json:"kept"`
}

// keepEvery is how old a record becomes before a visit writes it anew, so that
// a world that is in use never ends.
const keepEvery = 24 * time.Hour

var worldName = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

// CheckWorld says what is wrong with the name of a world.
func CheckWorld(name string) error {
	if !worldName.MatchString(name) {
		return fmt.Errorf("%.40q names no world; use at most 64 letters, digits, _ and -", name)
	}
	return nil
}

func worldKey(world string) string { return "w/" + world }

func (s *Server) world(ctx context.Context, name string) (worldState, error) {
	var w worldState
	if err := CheckWorld(name); err != nil {
		return w, err
	}
	raw, _, err := s.store.Get(ctx, worldKey(name))
	if errors.Is(err, store.ErrNotFound) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	if err := w.read(name, raw); err != nil {
		return w, err
	}
	if s.now().Sub(w.Kept) > keepEvery {
		return w, s.changeWorld(ctx, name, func(*worldState) error { return nil })
	}
	return w, nil
}

func (w *worldState) read(name string, raw []byte) error {
	if err := json.Unmarshal(raw, w); err != nil {
		return fmt.Errorf("the record of world %q: %w", name, err)
	}
	return nil
}

func (s *Server) changeWorld(ctx context.Context, name string, f func(*worldState) error) error {
	if err := CheckWorld(name); err != nil {
		return err
	}
	return s.change(ctx, worldKey(name), func(old []byte) ([]byte, time.Duration, error) {
		var w worldState
		if old != nil {
			if err := w.read(name, old); err != nil {
				return nil, 0, err
			}
		}
		if err := f(&w); err != nil {
			return nil, 0, err
		}
		w.Kept = s.now().UTC()
		raw, err := json.Marshal(w)
		return raw, worldLife, err
	})
}

// Clock tells a world's time, in UTC. If the store cannot say how far ahead
// the world is, it is the real time.
func (s *Server) Clock(ctx context.Context, world string) time.Time {
	w, err := s.world(ctx, world)
	if err != nil {
		s.log.Error("sandbox: a world's clock cannot be read; the real one is taken", "world", world, "err", err)
	}
	return s.now().UTC().Add(w.Ahead)
}

// Advance moves a world's clock by d, which may be negative: back to the real
// time, but not behind it. Tokens issued ahead of the clock are then not yet
// valid. The error is [ErrAhead], or the store's.
func (s *Server) Advance(ctx context.Context, world string, d time.Duration) error {
	return s.changeWorld(ctx, world, func(w *worldState) error {
		if d > MaxAhead || w.Ahead+d < 0 || w.Ahead+d > MaxAhead {
			return fmt.Errorf("%w: it is %v ahead, and %v more were asked for", ErrAhead, w.Ahead, d)
		}
		w.Ahead += d
		return nil
	})
}

// SetStrict makes a world read requests strictly, or patiently again; see
// [Config.Strict], which cannot be undone here.
func (s *Server) SetStrict(ctx context.Context, world string, strict bool) error {
	return s.changeWorld(ctx, world, func(w *worldState) error {
		w.Strict = strict
		return nil
	})
}

// Reset makes a world as it was at first: the real time, patient, and no token
// valid that was issued before. Second factors stay, so that authenticators
// keep working.
func (s *Server) Reset(ctx context.Context, world string) error {
	era, err := s.random(8)
	if err != nil {
		return err
	}
	return s.changeWorld(ctx, world, func(w *worldState) error {
		*w = worldState{Era: fmt.Sprintf("%x", era)}
		return nil
	})
}

// visit is one call to one product in one world, at one time.
type visit struct {
	s     *Server
	d     *dialect.Dialect
	world string
	state worldState
	now   time.Time // the world's, in UTC
	// version that the call speaks; empty until it is known.
	version string
}

func (s *Server) visit(ctx context.Context, d *dialect.Dialect, world string) (*visit, error) {
	w, err := s.world(ctx, world)
	if CheckWorld(world) != nil {
		err = refused(dialect.NotFound)
	}
	return &visit{s: s, d: d, world: world, state: w, now: s.now().UTC().Add(w.Ahead)}, err
}

func (v *visit) strict() bool { return v.s.strict || v.state.Strict }

// derive returns n secret bytes of this product in this world.
func (v *visit) derive(n int, purpose string) []byte {
	return v.s.derive(n, purpose, v.world, v.d.ID, v.state.Era)
}

// record is the key in the store of something of this product in this world.
func (v *visit) record(kind, id string) string {
	return worldKey(v.world) + "/" + v.d.ID + "/" + kind + "/" + id
}

// until is how long the store must keep what is about something that ends at a
// time of the world. A clock that is ahead can be set back, so the real time
// counts; and it is never ahead of the world's.
func (v *visit) until(end time.Time) time.Duration {
	return max(end.Sub(v.s.now()), 0) + time.Minute
}
