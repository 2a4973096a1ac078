package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tokenplayground/web/dialect"
)

// A call asks for faults, and for a strict reading, in the query of its URL:
// no product's token calls have one.
const (
	askFault  = "fault"
	askStrict = "strict"
)

// ask is what a call asks for.
type ask struct {
	faults []Fault
	strict bool
}

// badAsk is the error for a call that asks for what it cannot get. It is the
// sandbox's own refusal, never the product's.
type badAsk struct{ detail string }

func (e *badAsk) Error() string { return e.detail }

func readAsk(query string, d *dialect.Dialect) (ask, error) {
	var a ask
	if query == "" {
		return a, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil && (strings.Contains(query, askFault) || strings.Contains(query, askStrict)) {
		return a, &badAsk{"The query is not well-formed."}
	}
	for _, text := range values[askStrict] {
		if text != "1" {
			return a, &badAsk{"strict is 1, or left out."}
		}
		a.strict = true
	}
	for _, list := range values[askFault] {
		for id := range strings.SplitSeq(list, ",") {
			f, ok := findFault(id)
			switch {
			case !ok:
				return a, &badAsk{fmt.Sprintf("%.40q is no fault. Known here: %s.", id, known(d))}
			case f.Connection:
				return a, &badAsk{fmt.Sprintf("%s befalls a connection and not one call. Known here: %s.", id, known(d))}
			case !slices.ContainsFunc(a.faults, func(g Fault) bool { return g.ID == id }):
				a.faults = append(a.faults, f)
			}
		}
	}
	return a, nil
}

// known lists what a call to a product can ask for.
func known(d *dialect.Dialect) string {
	return faultIDs(slices.DeleteFunc(Faults(d), func(f Fault) bool { return f.Connection }))
}

func (e *badAsk) reply() *dialect.Reply {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"/problems/sandbox-fault", "The sandbox cannot go wrong like that", http.StatusBadRequest, e.detail})
	if err != nil {
		panic(err) // a few strings
	}
	return &dialect.Reply{Status: http.StatusBadRequest, Header: dialect.Pairs{{Name: "Content-Type", Value: "application/problem+json"}}, Body: string(body)}
}

// fate is what befalls one call: at most one fault of each stage, but for what
// answers say.
type fate []Fault

// add returns the reason if a fault cannot befall the call beside the others.
func (m *fate) add(f Fault) (conflict string) {
	for _, g := range *m {
		switch {
		case g.ID == f.ID, g.stage == f.stage && f.stage != says,
			g.omits != "" && f.stage == refuses, f.omits != "" && g.stage == refuses,
			g.ID == hanging, f.ID == hanging:
			return f.ID + " and " + g.ID + " cannot befall one call."
		}
	}
	*m = append(*m, f)
	return ""
}

func (m fate) has(id string) bool {
	return slices.ContainsFunc(m, func(f Fault) bool { return f.ID == id })
}

// at returns the fault of a stage that has at most one.
func (m fate) at(s stage) (Fault, bool) {
	i := slices.IndexFunc(m, func(f Fault) bool { return f.stage == s })
	if i < 0 {
		return Fault{}, false
	}
	return m[i], true
}

func (m fate) ids() []string {
	var ids []string
	for _, f := range m {
		ids = append(ids, f.ID)
	}
	return ids
}

// decide finds out what befalls the call: what it asks for itself, then what
// is armed in its world, then what chance has in store. The error is a [badAsk]
// or the store's.
func (v *visit) decide(ctx context.Context, asked ask) error {
	var fixed fate
	for _, f := range asked.faults {
		if !f.shown(v.d) || !f.Fits(v.op, v.kind) {
			return &badAsk{fmt.Sprintf("%s cannot befall this call. Known at this product: %s.", f.ID, known(v.d))}
		}
		if conflict := fixed.add(f); conflict != "" {
			return &badAsk{conflict}
		}
	}
	v.fate = fixed
	waiting := slices.ContainsFunc(v.state.Armed, v.fitsArmed)
	if !waiting && v.state.Chance == 0 {
		return nil
	}
	err := v.s.changeWorld(ctx, v.world, func(w *worldState) error {
		m := slices.Clone(fixed)
		changed := false
		w.Armed = take(w.Armed, func(a Armed) bool {
			if !v.fitsArmed(a) {
				return false
			}
			f, _ := findFault(a.Fault)
			met := m.add(f) == ""
			changed = changed || met && a.Times > 0
			return met
		})
		if w.Chance > 0 {
			if f, ok := v.chance(w); ok {
				m.add(f) // or not, if the call has met enough
			}
			w.Calls++
			changed = true
		}
		v.fate = m
		if !changed {
			return errNoChange
		}
		return nil
	})
	if errors.Is(err, errNoChange) {
		err = nil
	}
	return err
}

func (v *visit) fitsArmed(a Armed) bool {
	f, ok := findFault(a.Fault)
	return ok && !f.Connection && (a.Product == "" || a.Product == v.d.ID) && (a.Purpose == "" || a.Purpose == v.op.Purpose) &&
		f.shown(v.d) && f.Fits(v.op, v.kind)
}

// chance draws for a call. The draw depends on the seed and on how many calls
// drew before, so a run can be had again.
func (v *visit) chance(w *worldState) (Fault, bool) {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, w.Seed), w.Calls))
	if binary.BigEndian.Uint64(sum[:])%100 >= uint64(w.Chance) {
		return Fault{}, false
	}
	list := v.rehearsed()
	return list[binary.BigEndian.Uint64(sum[8:])%uint64(len(list))], true
}

// rehearsed lists the faults that chance can bring to a call: those that the
// product documents and a good client recovers from, or a server error if it
// documents none.
func (v *visit) rehearsed() []Fault {
	var list, last []Fault
	for _, f := range faults {
		if !f.rehearse || !f.Fits(v.op, v.kind) {
			continue
		}
		if ref, ok := v.d.Refusal(f.refusal, v.op.Purpose); ok && ref.Basis != dialect.Choice {
			list = append(list, f)
		}
		if f.refusal == dialect.ServerFault {
			last = []Fault{f}
		}
	}
	if list == nil {
		list = last
	}
	return list
}
