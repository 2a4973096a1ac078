package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

// A family is a sign-in and all pairs that came from it by refresh, generation
// after generation. Each token names its family and generation, so what is no
// longer true of all of them fits into a few bytes: which generation is the
// last, and from which on they are ended. A family of which nothing was
// refreshed and nothing ended has no record; its tokens say all.
//
// Records of several families share a ledger, which has room for so many. When
// it is full, the family that was idle longest is forgotten and its tokens are
// refused from then on; and because a sign-in leaves no record, so are those of
// all older families without one. Nothing that was spent or ended ever becomes
// good again, and memory stays level.
const (
	// ledgerRoom in families keeps a visitor's world, with everything else
	// that it may hold, below 8 KB.
	ledgerRoom = 100
	// sharedLedgers hold the families of one product in the shared world: load
	// tests go there, and they should not wait for one another either.
	sharedLedgers = 128
)

// family names one. No two sign-ins to one product in one world have the same.
type family struct {
	began uint64 // hundredths of a second of real time since 1970, 40 bits
	salt  uint32
}

// generation counts refreshes; it has 26 bits.
type generation uint32

const (
	maxGeneration generation = 1<<26 - 1
	// noneEnded is a family's ended while nothing is.
	noneEnded generation = 1<<32 - 1
)

func hundredths(t time.Time) uint64 { return uint64(t.UnixMilli()/10) & (1<<40 - 1) }

// newFamily takes its salt from random bytes.
func (v *visit) newFamily(random []byte) family {
	return family{hundredths(v.s.now()), binary.BigEndian.Uint32(random)}
}

// A pair is named by a random UUID (RFC 9562, 5.4) to look at. It has 60 free
// bits before and 62 behind: 40 of when the family began, 32 of its salt, 26 of
// the generation and 24 of chance, which hide the others and tell those pairs
// apart that a grace gave for one refresh token.

func (v *visit) pairID(f family, g generation, random []byte) uuid.UUID {
	chance := uint64(random[0])<<16 | uint64(random[1])<<8 | uint64(random[2])
	high := f.began<<20 | uint64(f.salt)>>12
	low := uint64(f.salt)&(1<<12-1)<<50 | uint64(g)<<24 | chance
	maskHigh, maskLow := v.pairMask(chance)
	high, low = high^maskHigh, low^maskLow
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], high>>12<<16|4<<12|high&(1<<12-1))
	binary.BigEndian.PutUint64(id[8:], 1<<63|low)
	return id
}

// lineage reads what pairID wrote.
func (v *visit) lineage(id uuid.UUID) (family, generation) {
	high, low := binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:])&(1<<62-1)
	high = high>>16<<12 | high&(1<<12-1)
	maskHigh, maskLow := v.pairMask(low & (1<<24 - 1))
	high, low = high^maskHigh, low^maskLow
	return family{high >> 20, uint32(high&(1<<20-1)<<12 | low>>50)}, generation(low>>24) & maxGeneration
}

// pairMask covers the bits around those of chance.
func (v *visit) pairMask(chance uint64) (high, low uint64) {
	mac := hmac.New(sha256.New, v.derive(32, "pair"))
	mac.Write(binary.BigEndian.AppendUint64(nil, chance))
	sum := mac.Sum(nil)
	return binary.BigEndian.Uint64(sum) >> 4, binary.BigEndian.Uint64(sum[8:]) >> 2 &^ (1<<24 - 1)
}

// record is what is no longer true of a family.
type record struct {
	family family
	last   generation // whose refresh token is not spent
	ended  generation // this one and later ones, or noneEnded
	spent  uint64     // when last began, in hundredths of a second of the world
	ends   uint32     // when all its tokens have expired, in seconds of the world since 1970
}

// shelf holds a product's families in a ledger.
type shelf struct {
	product string
	// horizon is the newest beginning of a forgotten family. Families without
	// a record that began no later are refused. until is when the tokens of
	// the forgotten have expired.
	horizon uint64
	until   uint32
	records []record // the one that was idle longest first
}

// ledger holds shelves; see [ledgerRoom].
type ledger []shelf

// recordSize in bytes of an encoded record.
const recordSize = 5 + 4 + 4 + 4 + 5 + 4

func appendHundredths(b []byte, n uint64) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(n>>8)), byte(n))
}

func (l ledger) encode() []byte {
	var b []byte
	for _, s := range l {
		b = append(b, byte(len(s.product)))
		b = append(b, s.product...)
		b = appendHundredths(b, s.horizon)
		b = binary.BigEndian.AppendUint32(b, s.until)
		b = binary.BigEndian.AppendUint16(b, uint16(len(s.records)))
		for _, r := range s.records {
			b = appendHundredths(b, r.family.began)
			b = binary.BigEndian.AppendUint32(b, r.family.salt)
			b = binary.BigEndian.AppendUint32(b, uint32(r.last))
			b = binary.BigEndian.AppendUint32(b, uint32(r.ended))
			b = appendHundredths(b, r.spent)
			b = binary.BigEndian.AppendUint32(b, r.ends)
		}
	}
	return b
}

var errLedger = errors.New("a ledger of token families cannot be read")

// reader takes numbers off the front of bytes until they run out.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) next(n int) []byte {
	if r.bad = r.bad || len(r.b) < n; r.bad {
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) number(n int) (out uint64) {
	for _, c := range r.next(n) {
		out = out<<8 | uint64(c)
	}
	return out
}

func readLedger(raw []byte) (ledger, error) {
	var l ledger
	r := reader{b: raw}
	for len(r.b) > 0 && !r.bad {
		s := shelf{product: string(r.next(int(r.number(1)))), horizon: r.number(5), until: uint32(r.number(4))}
		n := int(r.number(2))
		if n > len(r.b)/recordSize {
			return nil, errLedger
		}
		s.records = make([]record, n, n+1)
		for i := range s.records {
			s.records[i] = record{
				family: family{r.number(5), uint32(r.number(4))},
				last:   generation(r.number(4)), ended: generation(r.number(4)), spent: r.number(5), ends: uint32(r.number(4)),
			}
		}
		l = append(l, s)
	}
	if r.bad {
		return nil, errLedger
	}
	return l, nil
}

// shelf of a product, which is made if it has none.
func (l *ledger) shelf(product string) *shelf {
	i := slices.IndexFunc(*l, func(s shelf) bool { return s.product == product })
	if i < 0 {
		i = len(*l)
		*l = append(*l, shelf{product: product})
	}
	return &(*l)[i]
}

// find returns the record of a family for one of its tokens: a new one if
// nothing has changed since the sign-in; or ok is false if it was forgotten.
func (s *shelf) find(f family, g generation) (r record, ok bool) {
	if i := slices.IndexFunc(s.records, func(r record) bool { return r.family == f }); i >= 0 {
		return s.records[i], g <= s.records[i].last
	}
	return record{family: f, ended: noneEnded}, g == 0 && (s.until == 0 || f.began > s.horizon)
}

// put makes a record the last to be forgotten.
func (s *shelf) put(r record) {
	s.records = append(slices.DeleteFunc(s.records, func(old record) bool { return old.family == r.family }), r)
}

// tidy leaves out what has expired by a time, and forgets families until there
// is room. The product with the most loses first.
func (l *ledger) tidy(now uint32, room int) {
	n := 0
	for i := range *l {
		s := &(*l)[i]
		s.records = slices.DeleteFunc(s.records, func(r record) bool { return r.ends < now })
		if s.until < now {
			s.horizon, s.until = 0, 0
		}
		n += len(s.records)
	}
	for ; n > room; n-- {
		most := &(*l)[0]
		for i := range *l {
			if s := &(*l)[i]; len(s.records) > len(most.records) {
				most = s
			}
		}
		gone := most.records[0]
		most.records = slices.Delete(most.records, 0, 1)
		most.horizon, most.until = max(most.horizon, gone.family.began), max(most.until, gone.ends)
	}
	*l = slices.DeleteFunc(*l, func(s shelf) bool { return len(s.records) == 0 && s.until == 0 })
}

// ends is when the store may drop the ledger, by the world's time.
func (l ledger) ends() (at uint32) {
	for _, s := range l {
		at = max(at, s.until)
		for _, r := range s.records {
			at = max(at, r.ends)
		}
	}
	return at
}

func ledgerOf(world string) string { return worldKey(world) + "/f" }

// ledgerKey is the same for all products of a world, but for the shared one,
// which has more room.
func (v *visit) ledgerKey(f family) string {
	if v.world != "" {
		return ledgerOf(v.world)
	}
	return v.record("f", strconv.Itoa(int(f.salt%sharedLedgers)))
}

// family returns the record of a token's family. The error is the store's, or a
// [refused] for a token whose family is forgotten or whose pair has ended.
func (v *visit) family(ctx context.Context, t *ticket) (record, error) {
	f, g := v.lineage(t.pair)
	raw, _, err := v.s.store.Get(ctx, v.ledgerKey(f))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return record{}, err
	}
	l, err := readLedger(raw)
	if err != nil {
		return record{}, err
	}
	r, ok := l.shelf(v.d.ID).find(f, g)
	if !ok || g >= r.ended {
		return r, refused(dialect.RevokedToken)
	}
	return r, v.checkUser(ctx, t)
}

// changeFamily changes the record of a token's family, which may be forgotten
// when the latest of its tokens has expired; change returns when those expire
// of which it knows.
func (v *visit) changeFamily(ctx context.Context, t *ticket, change func(*record, generation) (ends time.Time, err error)) error {
	f, g := v.lineage(t.pair)
	if err := v.checkUser(ctx, t); err != nil {
		return err
	}
	key := v.ledgerKey(f)
	// Those who wait for one another here need not beat one another to the
	// store.
	turn, err := v.s.turns.Lease(ctx, key)
	if err != nil {
		return err
	}
	defer turn.Release()
	return v.s.change(ctx, key, func(old []byte) ([]byte, time.Duration, error) {
		l, err := readLedger(old)
		if err != nil {
			return nil, 0, err
		}
		r, ok := l.shelf(v.d.ID).find(f, g)
		if !ok || g >= r.ended {
			return nil, 0, refused(dialect.RevokedToken)
		}
		ends, err := change(&r, g)
		if err != nil {
			return nil, 0, err
		}
		r.ends = max(r.ends, uint32(ends.Unix()+1))
		l.shelf(v.d.ID).put(r)
		l.tidy(uint32(v.s.now().Unix()), v.s.room)
		return l.encode(), v.until(time.Unix(int64(l.ends()), 0)), nil
	})
}

// spend exchanges a refresh token for the next pair. Of several that try at
// once exactly one may, unless the world grants a grace; the others are
// refused.
func (v *visit) spend(ctx context.Context, t *ticket, next *draft) error {
	return v.changeFamily(ctx, t, func(r *record, g generation) (time.Time, error) {
		switch {
		case v.spent(*r, g):
			return time.Time{}, refused(dialect.SpentRefreshToken)
		case g == maxGeneration:
			return time.Time{}, refused(dialect.RevokedToken)
		case g == r.last:
			r.last, r.spent = g+1, hundredths(v.now)
		}
		return next.ends(), nil
	})
}

// spent says that a generation's refresh token is good no more. Within the
// grace the last one to be spent is as good as new; its pairs are siblings, and
// whichever is refreshed first spends the others. Once one of them has ended,
// the grace has, too.
func (v *visit) spent(r record, g generation) bool {
	if g == r.last {
		return false
	}
	since := time.Duration(int64(hundredths(v.now))-int64(r.spent)) * 10 * time.Millisecond
	return g+1 != r.last || r.ended <= r.last || since < 0 || since >= v.state.Grace
}

// end ends a pair and all that came from it. The error is a [refused] with
// RevokedToken if it has been ended already.
func (v *visit) end(ctx context.Context, t *ticket) error {
	return v.changeFamily(ctx, t, func(r *record, g generation) (time.Time, error) {
		r.ended = g
		return v.lastEnds(t), nil
	})
}

// lastEnds is when the tokens of a pair have expired at the latest: the access
// token does not say which term was asked for.
func (v *visit) lastEnds(t *ticket) time.Time { return t.notBefore.Add(v.longest()) }

// blank spells a pair's name in white space, two bits a character, for claims
// that do not name it: white space after the JSON means nothing to any reader.
func blank(id uuid.UUID) []byte {
	b := make([]byte, 0, 4*len(id))
	for _, c := range id {
		for range 4 {
			b = append(b, blanks[c>>6])
			c <<= 2
		}
	}
	return b
}

const blanks = " \t\n\r"

// readBlank reads what blank wrote at the end of claims.
func readBlank(claims []byte) (id uuid.UUID, err error) {
	at := len(claims) - 4*len(id)
	if at < 0 {
		return id, fmt.Errorf("claims of %d bytes name no pair", len(claims))
	}
	for i, c := range claims[at:] {
		n := slices.Index([]byte(blanks), c)
		if n < 0 {
			return id, errors.New("claims that do not name a pair")
		}
		id[i/4] = id[i/4]<<2 | byte(n)
	}
	return id, nil
}
