package control

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// remembered is how many calls the journal holds.
const remembered = 1000

// Calls is the journal: the last 1,000 calls that clients made. It is safe for
// concurrent use.
type Calls struct {
	mu   sync.Mutex
	ring [remembered]Call
	next int64 // number of the next call; the first is 1
	from int64 // the oldest that is still there
	gone int64 // the newest that was forgotten on request
}

// Call is one call with its number. Numbers rise by one, and go on after
// [Calls.Forget].
type Call struct {
	N int64
	sandbox.Entry
}

// NewCalls returns an empty journal.
func NewCalls() *Calls { return &Calls{next: 1, from: 1} }

// Add writes down a call.
func (c *Calls) Add(e sandbox.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring[c.next%remembered] = Call{c.next, e}
	c.next++
	c.from = max(c.from, c.next-remembered)
}

// After returns the calls behind a number that fit, the oldest first, the
// number of the newest call of all, and how many behind the number made room
// for newer ones. fits may be nil.
func (c *Calls) After(n int64, fits func(sandbox.Entry) bool) (calls []Call, last, missed int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls = []Call{}
	for i := max(n+1, c.from); i < c.next; i++ {
		if call := c.ring[i%remembered]; fits == nil || fits(call.Entry) {
			calls = append(calls, call)
		}
	}
	return calls, c.next - 1, max(c.from-1-max(n, c.gone), 0)
}

// Forget empties the journal.
func (c *Calls) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring = [remembered]Call{}
	c.from, c.gone = c.next, c.next-1
}

// CallJSON is a call as the API shows it. It holds no secret.
type CallJSON struct {
	N int64 `json:"n"`
	// Time by the world's clock.
	Time    time.Time `json:"time"`
	World   string    `json:"world"`
	Product string    `json:"product"`
	// Purpose is empty for a call that the product does not have.
	Purpose dialect.Purpose `json:"purpose,omitempty"`
	Grant   dialect.Kind    `json:"grant,omitempty"`
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Version string          `json:"version,omitempty"`
	// Status is 0 if the connection was broken instead of an answer.
	Status int `json:"status"`
	// Refused is why the product said no, Faults are what befell the call on
	// demand.
	Refused    dialect.Fault `json:"refused,omitempty"`
	Faults     []string      `json:"faults,omitempty"`
	User       string        `json:"user,omitempty"`
	DurationMS float64       `json:"duration_ms"`
}

func (c *Call) json() CallJSON {
	out := CallJSON{
		N: c.N, Time: c.Time, World: c.World, Product: c.Product, Purpose: c.Purpose, Grant: c.Kind, Method: c.Method, Path: c.Path,
		Version: c.Version, Status: c.Status, Refused: c.Refused, Faults: c.Asked, User: c.User,
		DurationMS: float64(c.Duration.Microseconds()) / 1000,
	}
	if out.World == "" {
		out.World = Shared
	}
	return out
}

func (a *api) calls(_ http.ResponseWriter, r *http.Request) (any, error) {
	query := r.URL.Query()
	var bad []error
	for name := range query {
		if name != "world" && name != "product" && name != "after" {
			bad = append(bad, fmt.Errorf("the query has %.40q; use world, product and after", name))
		}
	}
	var after int64
	if text := query.Get("after"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			bad = append(bad, fmt.Errorf("after is %.40q; use the number n of a call", text))
		}
		after = n
	}
	product := query.Get("product")
	if product != "" {
		_, err := a.product(product)
		bad = append(bad, err)
	}
	world, anyWorld := query.Get("world"), !query.Has("world")
	if world == Shared {
		world = ""
	} else {
		bad = append(bad, sandbox.CheckWorld(world))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, wrong(err)
	}
	out := struct {
		Calls []CallJSON `json:"calls"`
		// Last is the number of the newest call of all, to ask after.
		Last int64 `json:"last"`
		// Missed calls made room for newer ones.
		Missed int64 `json:"missed"`
	}{Calls: []CallJSON{}}
	var calls []Call
	calls, out.Last, out.Missed = a.Calls.After(after, func(e sandbox.Entry) bool {
		return (anyWorld || e.World == world) && (product == "" || e.Product == product)
	})
	for _, c := range calls {
		out.Calls = append(out.Calls, c.json())
	}
	return out, nil
}

func (a *api) forgetCalls(w http.ResponseWriter, _ *http.Request) (any, error) {
	a.Calls.Forget()
	w.WriteHeader(http.StatusNoContent)
	return nil, nil
}
