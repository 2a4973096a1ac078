// Package session owns what is kept of one visitor: a typed state, sealed so that neither the store nor the
// server's keys open it without the visitor's cookie.
//
// A handler reads with [Manager.Load] and changes with [Manager.Update]. Underneath, [Manager] is a
// sessions.Store of gorilla, which is known to this package alone.
package session

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/store"
)

const (
	// seenEvery is how often a state that does not change is written to say that its visitor is still there.
	seenEvery = time.Minute

	// skew is how far in the future a record's times may lie, for replicas whose clocks differ. Beyond it the
	// clock has jumped, and ending the session is the safe reading.
	skew = 5 * time.Minute

	// tombstoneFor is how long a request that was under way with the old ticket is told that there is a new
	// one: longer than any request lives.
	tombstoneFor = time.Minute

	// arriving is how long the answer with a new ticket is given to reach the browser. Whoever changes
	// something with the old one meanwhile is sent away, because it would be lost when the new one is
	// presented.
	arriving = 2 * time.Second

	// graceFor is how long after it the old ticket still opens the session as it was before, for a browser
	// that the answer with the new one never reached.
	graceFor = 5 * time.Minute
)

var (
	// ErrRotated: the visitor has just signed in and this request still carries the ticket from before.
	// Answer 409 and leave the cookie alone; repeating the request after [RepeatAfter] helps.
	ErrRotated = errors.New("this session has just been renewed; send the request again")

	// ErrNoAttachment: there is none of this name, or it is gone with its exchange.
	ErrNoAttachment = errors.New("nothing is kept under this name")
)

// RepeatAfter is when a request that met ErrRotated is worth repeating: by then the browser has the new ticket,
// or its answer is lost and the old one counts.
const RepeatAfter = arriving

// Session is one visitor's session, open for the length of a request. It is not safe for concurrent use.
type Session struct {
	// State is never nil. What is written to it is kept if this is inside Manager.Update, and lost otherwise.
	State *State
	// New says that nothing is stored yet, so nobody holds a ticket for it. The sandbox world of a session
	// that stays new is used by nobody again.
	New bool

	m       *Manager
	sealer  sealer
	version uint64 // of the record in the store; 0 for none
	gen     uint64 // of the record, counted up with every save
	plain   []byte // what was sealed in it
	ties    ties
	pending map[string][]byte // attachments that wait for the save
	resign  bool              // cookie or record were made with a key that is no longer the active one
	rotate  bool
	forget  bool
	alone   bool // what another ticket of the session opens is to end
	owed    bool // a checkpoint has made a cookie necessary
}

// Rotate has the session saved under a new ticket. Call it when new credentials have come, so that nobody who
// planted or saw the old ticket gets to what they open; not on a refresh, nor for credentials that were refused.
//
// What this update changes is under the new ticket alone. The old one opens what was there before, until the
// new one is first presented, whichever way and to whichever replica, or for five minutes: so an answer that
// never arrives costs nobody their session. Of several tickets that were made from one and never presented only
// the last counts.
func (s *Session) Rotate() { s.rotate = true }

// Forget has record and attachments deleted and the cookie expired when the update ends, and what another
// ticket of the session opens.
func (s *Session) Forget() { s.forget = true }

// EndOthers has what another ticket of this session opens deleted when the update ends: one that was made by a
// sign-in whose answer never arrived. Call it where what ends here must not live on there.
func (s *Session) EndOthers() { s.alone = true }

// Checkpoint saves the state as it is now, in the middle of an update, and lets the update go on: for what must
// be known afterwards even if this process does not live to see its end, such as Slot.InFlight before a
// refresh token is sent. It stays saved if the update returns an error. A session that is new, or to be
// forgotten, is not saved, because nobody will come back for it, and one to be rotated keeps its old ticket
// until the update ends. Errors: store.ErrConflict, store.ErrFull, store.ErrUnavailable; then do not go on
// with what was to be noted.
func (s *Session) Checkpoint(ctx context.Context) error {
	if s.New || s.forget {
		return nil
	}
	rotate := s.rotate
	s.rotate = false
	cookie, err := s.m.save(ctx, s)
	s.rotate = rotate
	s.owed = s.owed || cookie
	return err
}

// AttachmentName is the name under which the details of exchange n are attached. An attachment whose name is
// the number of an exchange, or ends with a slash and the number, goes when that falls out of the history.
func AttachmentName(n int) string { return "exchange/" + strconv.Itoa(n) }

// Attach keeps data beside the state, sealed like it, for what is too big to be loaded with every page. It is
// written when the update ends and lives as long as the session. Outside Manager.Update it is lost.
func (s *Session) Attach(_ context.Context, name string, data []byte) error {
	if name == "" || len(name) > 100 {
		return fmt.Errorf("the name of an attachment has 1 to 100 bytes, not %d", len(name))
	}
	if s.pending == nil {
		s.pending = make(map[string][]byte)
	}
	s.pending[name] = bytes.Clone(data)
	return nil
}

// Attachment returns what was attached under a name. Errors: ErrNoAttachment, store.ErrUnavailable.
func (s *Session) Attachment(ctx context.Context, name string) ([]byte, error) {
	if data, ok := s.pending[name]; ok {
		return bytes.Clone(data), nil
	}
	handle, ok := s.ties.Attached[name]
	if !ok {
		return nil, ErrNoAttachment
	}
	record, _, err := s.m.store.Get(ctx, s.sealer.attachmentKey(name, handle))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoAttachment
	} else if err != nil {
		return nil, fmt.Errorf("loading an attachment: %w", err)
	}
	data, _, err := s.sealer.open(record, name)
	if err != nil {
		return nil, ErrNoAttachment
	}
	return data, nil
}

// Format keeps ticket and contents out of whatever prints a session.
func (s Session) Format(f fmt.State, _ rune) { io.WriteString(f, "session") }

// LogValue keeps ticket and contents out of logs.
func (s Session) LogValue() slog.Value { return slog.StringValue("session") }

// begin makes a session that is stored nowhere.
func (m *Manager) begin() (*Session, error) {
	var ticket [ticketLen]byte
	var world [16]byte
	for _, b := range [][]byte{ticket[:], world[:]} {
		if _, err := io.ReadFull(m.rand, b); err != nil {
			return nil, fmt.Errorf("making a session: %w", err)
		}
	}
	now := m.now()
	return &Session{
		State: &State{
			World:   strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(world[:])),
			Created: now, Seen: now, Next: 1,
			Slots: make(map[string]*Slot), Trust: make(map[string]string),
		},
		New: true, m: m, sealer: m.sealer(ticket),
	}, nil
}

// errNone: there is no session for the ticket.
var errNone = errors.New("no session")

// open loads the session of a ticket with one read, or two if the ticket is new or has a successor, and ends
// what the ticket before a new one opens. Errors: errNone, ErrRotated, store.ErrUnavailable. spoilt says that
// there is a record which will never open.
func (m *Manager) open(ctx context.Context, ticket [ticketLen]byte) (s *Session, spoilt bool, err error) {
	s = &Session{m: m, sealer: m.sealer(ticket)}
	record, version, err := m.store.Get(ctx, s.sealer.storeKey())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, false, errNone
	case err != nil:
		return nil, false, fmt.Errorf("loading the session: %w", err)
	case bytes.Equal(record, tombstone):
		return nil, false, ErrRotated
	}
	s.version = version
	s.plain, s.gen, err = s.sealer.open(record, "")
	if errors.Is(err, errUnknownKey) {
		// Perhaps only this replica lacks the key, so the record stays.
		m.missed.note(m, record, s.sealer.id)
		return nil, false, errNone
	}
	if err == nil {
		s.State, s.ties, err = decodeState(s.plain)
	}
	if err != nil {
		return nil, true, errNone
	}
	if m.left(s.State) <= 0 {
		return nil, true, errNone
	}
	if over, err := m.succeeded(ctx, s); over || err != nil {
		return nil, over, cmp.Or(err, errNone)
	}
	if err := m.bury(ctx, s.ties.Before); err != nil {
		return nil, false, err
	}
	s.resign = !bytes.Equal(record[1:1+kidLen], s.sealer.keys.keys[0].id[:])
	return s, false, nil
}

// succeeded says that the grace of a ticket which has a successor is over. A successor that is not there was
// never finished, or has ended without being presented.
func (m *Manager) succeeded(ctx context.Context, s *Session) (bool, error) {
	if s.ties.Moved.IsZero() || m.now().Before(s.ties.Moved.Add(graceFor)) {
		return false, nil
	}
	_, _, err := m.store.Get(ctx, s.ties.After)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("looking for the session's new ticket: %w", err)
	}
	return true, nil
}

// arriving says that the answer with a new ticket may still be on its way. Replicas' clocks may differ by as much.
func (m *Manager) arriving(s *Session) bool {
	return !s.ties.Moved.IsZero() && m.now().Sub(s.ties.Moved).Abs() < arriving
}

// bury ends what the ticket before opens, for good, and has whoever still presents it told so for a minute.
func (m *Manager) bury(ctx context.Context, before string) error {
	if before == "" {
		return nil
	}
	record, _, err := m.store.Get(ctx, before)
	if errors.Is(err, store.ErrNotFound) || bytes.Equal(record, tombstone) {
		return nil
	}
	if err == nil {
		_, err = m.store.Put(ctx, before, tombstone, store.Any, tombstoneFor)
	}
	if errors.Is(err, store.ErrFull) {
		err = m.store.Delete(ctx, before)
	}
	if err != nil {
		return fmt.Errorf("ending the session's old ticket: %w", err)
	}
	return nil
}

// left is how long a state still lives: to the idle limit or the absolute one, or to the end of its last token
// if it is bound to that, whichever comes first.
func (m *Manager) left(st *State) time.Duration {
	now := m.now()
	if st.Created.After(now.Add(skew)) || st.Seen.After(now.Add(skew)) {
		return 0
	}
	left := min(st.Seen.Add(m.idle).Sub(now), st.Created.Add(m.absolute).Sub(now))
	if end := st.TokensEnd(); m.bound && !end.IsZero() {
		// What has just been written is kept for a moment even if all its tokens are over, to be shown.
		if moment := st.Seen.Add(seenEvery); moment.After(end) {
			end = moment
		}
		left = min(left, end.Sub(now))
	}
	return left
}

// save writes what has changed. It reports whether the visitor needs a cookie. Errors: store.ErrConflict if
// somebody else has saved or deleted the session since it was loaded, store.ErrFull, store.ErrUnavailable.
func (m *Manager) save(ctx context.Context, s *Session) (cookie bool, err error) {
	now := m.now()
	s.State.trim()
	dropped := s.dropped()

	// The ticket before is ended by now, because this one has been presented. One that is still used though it
	// has a successor is its visitor's only one, so it goes on beyond its grace.
	stale := s.ties.Left
	s.ties.Before, s.ties.Left, s.ties.Moved = "", nil, time.Time{}
	if s.alone && s.ties.After != "" {
		stale = append(stale, s.ties.After)
		s.ties.After = ""
	}
	plain, err := encodeState(s.State, s.ties)
	if err != nil {
		return false, fmt.Errorf("encoding the session: %w", err)
	}
	if !s.New && !s.rotate && !s.resign && len(s.pending) == 0 && bytes.Equal(plain, s.plain) && now.Sub(s.State.Seen) < seenEvery {
		return false, nil
	}

	next := *s
	next.ties.Attached = maps.Clone(s.ties.Attached)
	for name := range dropped {
		delete(next.ties.Attached, name)
	}
	st := *s.State
	st.Seen = now
	next.State = &st
	ttl := m.left(&st)
	if ttl <= 0 {
		return false, fmt.Errorf("the session is over: %w", store.ErrConflict)
	}
	if s.rotate && !s.New {
		if err := next.move(ctx, s, dropped); err != nil {
			return false, err
		}
	}
	written, err := next.writeAttachments(ctx, s.pending, dropped, ttl)
	if err == nil {
		err = next.writeState(ctx, ttl)
	}
	if err == nil && next.ties.Before != "" {
		// Only now, and only if the old record still is what was loaded, does it get a successor.
		if err = s.point(ctx, next.sealer.storeKey()); err != nil {
			m.remove(ctx, next.sealer.storeKey())
		}
	}
	if err != nil {
		m.remove(ctx, written...)
		return false, fmt.Errorf("saving the session: %w", err)
	}

	// What nothing points to any more. It would go by itself in time.
	if next.ties.Before != "" {
		stale = append(stale, s.ties.After) // another that was never presented
	} else {
		for name, handle := range s.ties.Attached {
			if next.ties.Attached[name] != handle {
				stale = append(stale, s.sealer.attachmentKey(name, handle))
			}
		}
	}
	m.remove(ctx, stale...)

	cookie = s.New || s.resign || next.ties.Before != ""
	next.New, next.resign, next.rotate, next.pending = false, false, false, nil
	*s.State = st
	next.State = s.State
	*s = next
	return cookie, nil
}

// dropped returns the names of the attachments whose exchange is not in the history.
func (s *Session) dropped() map[string]bool {
	kept := make(map[string]bool, len(s.State.History))
	for i := range s.State.History {
		kept[strconv.Itoa(s.State.History[i].N)] = true
	}
	gone := make(map[string]bool)
	look := func(name string) {
		last := name[strings.LastIndexByte(name, '/')+1:]
		if _, err := strconv.Atoi(last); err == nil && !kept[last] {
			gone[name] = true
		}
	}
	for name := range s.ties.Attached {
		look(name)
	}
	for name := range s.pending {
		look(name)
	}
	return gone
}

// move gives the session a new ticket and takes its attachments along: they become pending, because they
// have to be sealed anew.
func (s *Session) move(ctx context.Context, old *Session, dropped map[string]bool) error {
	var ticket [ticketLen]byte
	if _, err := io.ReadFull(s.m.rand, ticket[:]); err != nil {
		return fmt.Errorf("making a ticket: %w", err)
	}
	for name := range old.ties.Attached {
		if _, ok := old.pending[name]; ok || dropped[name] {
			continue
		}
		data, err := old.Attachment(ctx, name)
		if errors.Is(err, ErrNoAttachment) {
			continue
		} else if err != nil {
			return err
		}
		if err := old.Attach(ctx, name, data); err != nil {
			return err
		}
	}
	s.sealer = s.m.sealer(ticket)
	s.ties = ties{Before: old.sealer.storeKey()}
	for name, handle := range old.ties.Attached {
		s.ties.Left = append(s.ties.Left, old.sealer.attachmentKey(name, handle))
	}
	s.version, s.gen = 0, 0
	return nil
}

// point writes the session once more as it was loaded, with the place where it goes on.
func (s *Session) point(ctx context.Context, after string) error {
	old := *s
	var err error
	if old.State, old.ties, err = decodeState(s.plain); err != nil {
		return err
	}
	old.ties.Before, old.ties.Left = "", nil
	old.ties.After, old.ties.Moved = after, s.m.now()
	old.State.Seen = s.m.now()
	return old.writeState(ctx, s.m.left(old.State))
}

// writeAttachments stores what is pending, before the state that points to it, and returns where.
func (s *Session) writeAttachments(ctx context.Context, pending map[string][]byte, dropped map[string]bool, ttl time.Duration) (written []string, err error) {
	for name, data := range pending {
		if dropped[name] {
			continue
		}
		var h [8]byte
		if _, err := io.ReadFull(s.m.rand, h[:]); err != nil {
			return written, err
		}
		handle := hex.EncodeToString(h[:])
		record, err := s.sealer.seal(data, s.gen+1, name)
		if err != nil {
			return written, err
		}
		key := s.sealer.attachmentKey(name, handle)
		// A session may go on long after the exchange, so an attachment is kept to the absolute limit.
		life := max(ttl, s.State.Created.Add(s.m.absolute).Sub(s.m.now()))
		if _, err := s.m.store.Put(ctx, key, record, store.Any, life); err != nil {
			return written, err
		}
		written = append(written, key)
		if s.ties.Attached == nil {
			s.ties.Attached = make(map[string]string)
		}
		s.ties.Attached[name] = handle
	}
	return written, nil
}

func (s *Session) writeState(ctx context.Context, ttl time.Duration) error {
	plain, err := encodeState(s.State, s.ties)
	if err != nil {
		return err
	}
	record, err := s.sealer.seal(plain, s.gen+1, "")
	if err != nil {
		return err
	}
	version, err := s.m.store.Put(ctx, s.sealer.storeKey(), record, s.version, ttl)
	if err != nil {
		return err
	}
	s.version, s.plain = version, plain
	s.gen++
	return nil
}

// erase deletes the session from the store.
func (m *Manager) erase(ctx context.Context, s *Session) error {
	if s.New {
		return nil
	}
	if err := m.store.Delete(ctx, s.sealer.storeKey()); err != nil {
		return fmt.Errorf("forgetting the session: %w", err)
	}
	keys := s.ties.Left
	if s.ties.After != "" {
		keys = append(keys, s.ties.After)
	}
	for name, handle := range s.ties.Attached {
		keys = append(keys, s.sealer.attachmentKey(name, handle))
	}
	m.remove(ctx, keys...)
	m.crowd.leave()
	return nil
}

// remove deletes what nothing points to. Failing costs only room, until its time is over.
func (m *Manager) remove(ctx context.Context, keys ...string) {
	for _, key := range keys {
		if key == "" {
			continue
		}
		if err := m.store.Delete(ctx, key); err != nil {
			m.log.Warn("a sealed record that is not needed any more could not be deleted; it goes when its time is over", "error", err)
			return
		}
	}
}
