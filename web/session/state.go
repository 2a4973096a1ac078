package session

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"tokenplayground/web/secret"
)

// historyMost is how many exchanges a session remembers: enough for a lesson, little enough to load whole.
const historyMost = 50

// State is all that is kept of one visitor, sealed. Passwords and codes are not in it.
type State struct {
	// World names the visitor's sandbox world: 26 characters a-z2-7, made with the session.
	World   string
	Created time.Time
	// Seen is when the state was last written; the idle limit counts from here.
	Seen time.Time
	// Slots hold the tokens, by SlotKey.
	Slots map[string]*Slot
	// Next is the number of the next exchange, from 1.
	Next int
	// History holds the exchanges, the newest last, at most 50. Use Record to add one.
	History []Entry
	// Trust holds, by host:port, the SHA-256 (hexadecimal) of the leaf certificate that the visitor trusts.
	Trust map[string]string
	// TrustKeys holds, by host:port, the public key of that leaf as target.Certificate.KeyPin, once it was used. It
	// stands beside Trust so that a record without it still opens.
	TrustKeys map[string]string `json:",omitzero"`
	// Targets are those that the visitor typed.
	Targets []TypedTarget
	// Carried holds, by SlotKey and term, what an answer said and a later call asks for: one-time codes and the
	// credentials of applications. It outlives the tokens of its target.
	Carried map[string]map[string]secret.Text `json:",omitzero"`
}

// Carry keeps a value of a target for a later call.
func (st *State) Carry(slot, term string, value secret.Text) {
	if st.Carried == nil {
		st.Carried = map[string]map[string]secret.Text{}
	}
	if st.Carried[slot] == nil {
		st.Carried[slot] = map[string]secret.Text{}
	}
	st.Carried[slot][term] = value
}

// TypedTarget is a target that the visitor typed.
type TypedTarget struct {
	Product, Name, Host string
	Port                int
}

// Slot holds the tokens that one target of one product gave. Times that the target did not say are zero.
type Slot struct {
	Product, Target, Version, TokenType, Username     string
	Access, Refresh, MFA                              secret.Text
	Antiforgery                                       secret.Text   `json:",omitzero"` // the cookie beside the pair
	Issued, AccessExpires, RefreshExpires, MFAExpires time.Time     `json:",omitzero"`
	AccessLife, RefreshLife                           time.Duration `json:",omitzero"`
	From                                              int           `json:",omitzero"` // the exchange that filled api_key
	RefreshFrom                                       int           `json:",omitzero"` // the exchange that gave Refresh
	Saved                                             bool          `json:",omitzero"`
	Ended                                             bool          `json:",omitzero"` // logged out
	Pasted                                            bool          `json:",omitzero"` // typed in, not obtained
	Refused                                           bool          `json:",omitzero"` // the target refused Access
	Refreshes                                         int           `json:",omitzero"` // how often it was refreshed
	// InFlight is when Refresh was sent, while nobody has heard what became of it; zero otherwise. Set it and
	// call Session.Checkpoint before the call, clear it after the answer. One that is found set in a session
	// that is not locked is from a process that died on the way: try Refresh once more, and drop the tokens
	// if it is refused.
	InFlight time.Time `json:",omitzero"`
}

// Entry is one exchange in the history, without anything secret.
type Entry struct {
	N                                               int // its number, from 1
	Product, Target, Operation, Grant, Method, Path string
	Version                                         string `json:",omitzero"`
	Status                                          int    `json:",omitzero"` // HTTP status; 0 if no answer came
	Reason                                          string `json:",omitzero"`
	At                                              time.Time
	Took                                            time.Duration
	TokenMask                                       string   `json:",omitzero"`
	Said                                            []string `json:",omitzero"` // shared meanings that the answer carried
	Fault                                           string   `json:",omitzero"`
	Failure                                         string   `json:",omitzero"` // why no answer came
}

// Status says what a slot's tokens are good for. Its texts are part of the JSON interface.
type Status string

// The five states of a slot.
const (
	None               Status = "none"                // nothing yet, or forgotten
	MFAPending         Status = "mfa_pending"         // the code is asked for
	Valid              Status = "valid"               // the access token is thought to be good
	ExpiredRefreshable Status = "expired_refreshable" // it is not, and the refresh token may be
	Dead               Status = "dead"                // only signing in again helps
)

// SlotKey is the key of State.Slots for a target of a product.
func SlotKey(product, target string) string { return product + "\x00" + target }

// Slot returns the slot of a target of a product, nil if there is none.
func (st *State) Slot(product, target string) *Slot { return st.Slots[SlotKey(product, target)] }

// SetSlot puts a slot in its place, by its Product and Target.
func (st *State) SetSlot(s *Slot) {
	if st.Slots == nil {
		st.Slots = make(map[string]*Slot)
	}
	st.Slots[SlotKey(s.Product, s.Target)] = s
}

// Record gives an exchange the next number, appends it to the history, lets the oldest fall out and returns
// the number.
func (st *State) Record(e Entry) int {
	e.N = max(st.Next, 1)
	st.Next = e.N + 1
	st.History = append(st.History, e)
	st.trim()
	return e.N
}

func (st *State) trim() {
	if over := len(st.History) - historyMost; over > 0 {
		st.History = slices.Delete(st.History, 0, over)
	}
}

// Status says what the tokens are good for at now. A token whose end is not known counts as valid until the
// target refuses it. A nil slot is None.
func (s *Slot) Status(now time.Time) Status {
	live := func(t secret.Text, end time.Time) bool { return t != "" && (end.IsZero() || now.Before(end)) }
	switch {
	case s == nil, s.Access == "" && s.Refresh == "" && s.MFA == "":
		return None
	case s.Ended:
		return Dead
	case live(s.Access, s.AccessExpires) && !s.Refused:
		return Valid
	case s.Access == "" && live(s.MFA, s.MFAExpires):
		return MFAPending
	case live(s.Refresh, s.RefreshExpires):
		return ExpiredRefreshable
	}
	return Dead
}

// TokensEnd is when the last of the tokens is over, zero if there are none or one's end is not known.
func (st *State) TokensEnd() time.Time {
	var last time.Time
	for _, s := range st.Slots {
		if s == nil {
			continue
		}
		for _, token := range []struct {
			text secret.Text
			end  time.Time
		}{{s.Access, s.AccessExpires}, {s.Refresh, s.RefreshExpires}, {s.MFA, s.MFAExpires}} {
			if token.text == "" {
				continue
			}
			if token.end.IsZero() {
				return time.Time{}
			}
			if token.end.After(last) {
				last = token.end
			}
		}
	}
	return last
}

// String tells how much there is, not what: names of people are nobody's business in a log.
func (st State) String() string {
	return fmt.Sprintf("state with %d slots and %d exchanges", len(st.Slots), len(st.History))
}

// Format keeps the contents out of whatever prints a state.
func (st State) Format(f fmt.State, _ rune) { io.WriteString(f, st.String()) }

// LogValue keeps the contents out of logs.
func (st State) LogValue() slog.Value { return slog.StringValue(st.String()) }

// MarshalText keeps the contents out of JSON; what is sealed is encoded by itself.
func (st State) MarshalText() ([]byte, error) { return []byte(st.String()), nil }

// String names product and target only.
func (s Slot) String() string { return fmt.Sprintf("slot of %q at %q", s.Product, s.Target) }

// Format keeps the contents out of whatever prints a slot.
func (s Slot) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue keeps the contents out of logs.
func (s Slot) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps the contents out of JSON; what is sealed is encoded by itself.
func (s Slot) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// What is sealed: the state with its secrets in clear, and where its attachments are. The fields of the outer
// structs hide those of the same name further in.
type (
	plainState State
	plainSlot  Slot

	sealedState struct {
		plainState
		Slots   map[string]*sealedSlot
		Carried map[string]map[string]string `json:",omitzero"`
		ties
	}
	sealedSlot struct {
		plainSlot
		Access      string `json:",omitzero"`
		Refresh     string `json:",omitzero"`
		MFA         string `json:",omitzero"`
		Antiforgery string `json:",omitzero"`
	}
)

// ties are what a record is tied to: its attachments, and the record that was the session's under the ticket
// before or after. They are places in the store, which open nothing.
type ties struct {
	Attached map[string]string `json:",omitzero"` // name → handle
	// Before is where the session was until this ticket was made, and Left what was attached there. It is
	// ended when this ticket is first presented, and Before is empty once that is saved.
	Before string   `json:",omitzero"`
	Left   []string `json:",omitzero"`
	// After is where the session went on under another ticket, which nobody has presented yet, and Moved when;
	// Moved is zero if this one has been used to change something since.
	After string    `json:",omitzero"`
	Moved time.Time `json:",omitzero"`
}

func encodeState(st *State, t ties) ([]byte, error) {
	out := sealedState{plainState: plainState(*st), Slots: make(map[string]*sealedSlot, len(st.Slots)), ties: t}
	for k, s := range st.Slots {
		if s != nil {
			out.Slots[k] = &sealedSlot{plainSlot(*s), s.Access.Reveal(), s.Refresh.Reveal(), s.MFA.Reveal(), s.Antiforgery.Reveal()}
		}
	}
	for slot, values := range st.Carried {
		if out.Carried == nil {
			out.Carried = make(map[string]map[string]string, len(st.Carried))
		}
		out.Carried[slot] = make(map[string]string, len(values))
		for term, v := range values {
			out.Carried[slot][term] = v.Reveal()
		}
	}
	return json.Marshal(out)
}

func decodeState(data []byte) (*State, ties, error) {
	var in sealedState
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, ties{}, err
	}
	st := State(in.plainState)
	st.Slots = make(map[string]*Slot, len(in.Slots))
	for k, s := range in.Slots {
		if s == nil {
			continue
		}
		slot := Slot(s.plainSlot)
		slot.Access, slot.Refresh, slot.MFA = secret.Text(s.Access), secret.Text(s.Refresh), secret.Text(s.MFA)
		slot.Antiforgery = secret.Text(s.Antiforgery)
		st.Slots[k] = &slot
	}
	st.Carried = nil
	for slot, values := range in.Carried {
		for term, v := range values {
			st.Carry(slot, term, secret.Text(v))
		}
	}
	if st.Trust == nil {
		st.Trust = make(map[string]string)
	}
	return &st, in.ties, nil
}
