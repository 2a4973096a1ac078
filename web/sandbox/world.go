package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
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

// MaxGrace is the longest time for which a refresh token may be used again.
const MaxGrace = time.Minute

// maxArmed bounds the faults that wait in a world.
const maxArmed = 16

// World is one as it is seen from outside.
type World struct {
	Name  string
	Now   time.Time     // its clock, in UTC
	Ahead time.Duration // of the real time
	// Strict says that requests are read strictly; see [Config.Strict].
	Strict bool
	// Grace is for how long a refresh token may be used again, as long as what
	// it was spent on has not been refreshed itself.
	Grace time.Duration
	// Armed faults befall the next calls that they fit.
	Armed []Armed
	// Chance in percent that a call meets a fault that its product documents;
	// 0 is never. Which calls and faults those are follows from Seed: the same
	// calls in the same order meet the same.
	Chance int
	Seed   uint64
	// People can sign in.
	People []Person
}

// Armed is a fault that waits for its call.
type Armed struct {
	Fault   string          `json:"fault"`             // a [Fault]'s ID
	Product string          `json:"product,omitempty"` // its ID; empty means every product
	Purpose dialect.Purpose `json:"purpose,omitempty"` // of the call; empty means every call that the fault fits
	Times   int             `json:"times,omitempty"`   // calls that meet it; 0 means all until it is taken away
}

// Setting is what [Server.Set] changes of a world. Nil members stay as they are.
type Setting struct {
	Strict *bool
	Grace  *time.Duration
	Armed  *[]Armed
	// Chance and Seed begin the sequence of faults anew.
	Chance *int
	Seed   *uint64
	// People replaces all; an empty list brings the server's own back.
	People *[]Person
}

// worldState is what a world remembers. A world that nobody changed has no
// record, and is the zero value.
type worldState struct {
	Ahead  time.Duration `json:"ahead,omitempty"` // of the real time, never negative
	Strict bool          `json:"strict,omitempty"`
	Grace  time.Duration `json:"grace,omitempty"`
	Armed  []Armed       `json:"armed,omitempty"`
	Chance int           `json:"chance,omitempty"`
	Seed   uint64        `json:"seed,omitempty"`
	Calls  uint64        `json:"calls,omitempty"` // that took their chance
	People []Person      `json:"people,omitempty"`
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

// World tells how a world is.
func (s *Server) World(ctx context.Context, name string) (World, error) {
	w, err := s.world(ctx, name)
	return s.seen(name, w), err
}

func (s *Server) seen(name string, w worldState) World {
	return World{
		Name: name, Now: s.now().UTC().Add(w.Ahead), Ahead: w.Ahead, Strict: s.strict || w.Strict, Grace: w.Grace,
		Armed: slices.Clone(w.Armed), Chance: w.Chance, Seed: w.Seed, People: slices.Clone(s.peopleOf(&w)),
	}
}

func (s *Server) peopleOf(w *worldState) []Person {
	if len(w.People) > 0 {
		return w.People
	}
	return s.people
}

// ErrSetting says that a world cannot be set so; the error that wraps it tells
// every value that is wrong, and its remedy.
var ErrSetting = errors.New("the world stays as it is")

// Set changes a world and returns it as it is then. The error wraps
// [ErrSetting], or is the store's.
func (s *Server) Set(ctx context.Context, name string, set Setting) (World, error) {
	if err := errors.Join(CheckWorld(name), set.check(s.played)); err != nil {
		return World{}, fmt.Errorf("%w: %w", ErrSetting, err)
	}
	var now worldState
	err := s.changeWorld(ctx, name, func(w *worldState) error {
		apply(&w.Strict, set.Strict)
		apply(&w.Grace, set.Grace)
		apply(&w.Armed, set.Armed)
		apply(&w.Chance, set.Chance)
		apply(&w.Seed, set.Seed)
		apply(&w.People, set.People)
		if set.Chance != nil || set.Seed != nil {
			w.Calls = 0
		}
		now = *w
		return nil
	})
	return s.seen(name, now), err
}

func apply[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (set *Setting) check(played *dialect.Catalog) error {
	var errs []error
	if g := set.Grace; g != nil && (*g < 0 || *g > MaxGrace) {
		errs = append(errs, fmt.Errorf("a grace of %v; use 0s to %v", *g, MaxGrace))
	}
	if c := set.Chance; c != nil && (*c < 0 || *c > 100) {
		errs = append(errs, fmt.Errorf("a chance of %d percent; use 0 to 100", *c))
	}
	if set.Armed != nil {
		if n := len(*set.Armed); n > maxArmed {
			errs = append(errs, fmt.Errorf("%d armed faults; use at most %d", n, maxArmed))
		}
		for _, a := range *set.Armed {
			errs = append(errs, a.check(played))
		}
	}
	if set.People != nil {
		if n := len(*set.People); n > MaxPeople {
			errs = append(errs, fmt.Errorf("%d people; use at most %d", n, MaxPeople))
		}
		errs = append(errs, checkPeople(*set.People))
		//nolint:gosec // passwords that are no secrets, see [Person]
		if raw, err := json.Marshal(*set.People); err != nil || len(raw) > maxPeopleSize {
			errs = append(errs, fmt.Errorf("the people take %d bytes of JSON; use at most %d, with shorter texts", len(raw), maxPeopleSize))
		}
	}
	return errors.Join(errs...)
}

// check holds an armed fault to what the played products can do.
func (a Armed) check(played *dialect.Catalog) error {
	var errs []error
	if a.Times < 0 || a.Times > maxTimes {
		errs = append(errs, fmt.Errorf("%s: %d times; use 1 to %d, or 0 until it is taken away", a.Fault, a.Times, maxTimes))
	}
	f, ok := findFault(a.Fault)
	if !ok {
		errs = append(errs, fmt.Errorf("%.40q is no fault; use one of %s", a.Fault, faultIDs(faults)))
	}
	d, known := played.Find(a.Product)
	switch befalls := func(d *dialect.Dialect) bool { return f.befalls(d, a.Purpose) }; {
	case a.Product != "" && !known:
		errs = append(errs, fmt.Errorf("%s: %.40q is no product here; leave it empty for all", a.Fault, a.Product))
	case !ok:
	case known && !f.shown(d):
		errs = append(errs, fmt.Errorf("%s cannot happen at %s; use one of %s", a.Fault, a.Product, faultIDs(Faults(d))))
	case a.Purpose == "":
	case known && !befalls(d):
		errs = append(errs, fmt.Errorf("%s cannot befall a call of %s for %.40q; leave the purpose empty for all that it can", a.Fault, a.Product, a.Purpose))
	case !known && !slices.ContainsFunc(played.All(), befalls):
		errs = append(errs, fmt.Errorf("%s cannot befall a call for %.40q; leave the purpose empty for all that it can", a.Fault, a.Purpose))
	}
	return errors.Join(errs...)
}

// maxTimes is more than any test counts.
const maxTimes = 1_000_000

// Clock tells a world's time, in UTC. If the store cannot say how far ahead
// the world is, it is the real time.
func (s *Server) Clock(ctx context.Context, world string) time.Time {
	_, now := s.clock(ctx, world)
	return now
}

func (s *Server) clock(ctx context.Context, world string) (worldState, time.Time) {
	w, err := s.world(ctx, world)
	if err != nil {
		s.log.Error("sandbox: a world's clock cannot be read; the real one is taken", "world", world, "err", err)
	}
	return w, s.now().UTC().Add(w.Ahead)
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

// MoveTo sets a world's clock to a time, which may be earlier than what it
// shows but not than the real time. Within a second, the real time is what is
// meant. The error is [ErrAhead], or the store's.
func (s *Server) MoveTo(ctx context.Context, world string, at time.Time) error {
	return s.changeWorld(ctx, world, func(w *worldState) error {
		ahead := at.Sub(s.now())
		if ahead < 0 && ahead > -time.Second {
			ahead = 0
		}
		if ahead < 0 || ahead > MaxAhead {
			return fmt.Errorf("%w: %s was asked for", ErrAhead, at.UTC().Format(time.RFC3339))
		}
		w.Ahead = ahead
		return nil
	})
}

// ErrToken says that a token is none that this sandbox issued for the product
// and world, or is from before the world's reset.
var ErrToken = errors.New("the token is none of this product's in this world; ask for a new one")

// Expiry tells when an access or refresh token of a product and world ends, in
// UTC, whether that is past and whether it has been ended before. The error is
// [ErrToken], or the store's.
func (s *Server) Expiry(ctx context.Context, d *dialect.Dialect, world, token string) (time.Time, error) {
	v, err := s.visit(ctx, d, world)
	if err != nil {
		return time.Time{}, err
	}
	for _, u := range []use{access, refresh} {
		t, err := v.decipher(ctx, u, token)
		if err != nil {
			return time.Time{}, err
		}
		if t != nil {
			return t.expires.UTC(), nil
		}
	}
	return time.Time{}, ErrToken
}

// SetStrict makes a world read requests strictly, or patiently again; see
// [Config.Strict], which cannot be undone here.
func (s *Server) SetStrict(ctx context.Context, world string, strict bool) error {
	_, err := s.Set(ctx, world, Setting{Strict: &strict})
	return err
}

// Reset makes a world as it was at first: the real time, patient, without
// faults, with the server's people, and no token valid that was issued before.
// Second factors stay, so that authenticators
// keep working.
func (s *Server) Reset(ctx context.Context, world string) error {
	era, err := s.random(8)
	if err != nil {
		return err
	}
	err = s.changeWorld(ctx, world, func(w *worldState) error {
		*w = worldState{Era: fmt.Sprintf("%x", era)}
		return nil
	})
	if err != nil || world == "" {
		return err
	}
	// No token names these families any more.
	return s.store.Delete(ctx, ledgerOf(world))
}

// visit is one call to one product in one world, at one time.
type visit struct {
	s     *Server
	d     *dialect.Dialect
	world string
	state worldState
	now   time.Time // the world's, in UTC

	// What the call is, as far as it is known yet.
	op      *dialect.Operation
	kind    dialect.Kind
	version string
	user    string // Name of the person that it is about
	asked   ask
	fate    fate
	ahead   time.Duration // of now: what a wrong clock says
	no      dialect.Fault // that was worded
}

func (s *Server) visit(ctx context.Context, d *dialect.Dialect, world string) (*visit, error) {
	w, err := s.world(ctx, world)
	if CheckWorld(world) != nil {
		err = refused(dialect.NotFound)
	}
	return &visit{s: s, d: d, world: world, state: w, now: s.now().UTC().Add(w.Ahead)}, err
}

// tells is the time that answers and new tokens tell; checks go by now.
func (v *visit) tells() time.Time { return v.now.Add(v.ahead) }

func (v *visit) people() []Person { return v.s.peopleOf(&v.state) }

func (v *visit) strict() bool { return v.s.strict || v.state.Strict || v.asked.strict }

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
