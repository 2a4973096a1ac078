package sandbox

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of [algorithms]
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"tokenplayground/web/dialect"
)

// b64 refuses the spellings of one token that differ in unused bits.
var b64 = base64.RawURLEncoding.Strict()

// algorithms are those of RFC 7518, 3.1 that a dialect may name. Which one a
// token has is the dialect's to say, never the token's.
var algorithms = map[string]struct {
	hash crypto.Hash
	rsa  bool
}{
	"HS256": {crypto.SHA256, false},
	"HS384": {crypto.SHA384, false},
	"HS512": {crypto.SHA512, false},
	"RS256": {crypto.SHA256, true},
	"RS384": {crypto.SHA384, true},
	"RS512": {crypto.SHA512, true},
}

// use tells an access token from a refresh token.
type use byte

const (
	access use = iota
	refresh
)

func (u use) of(d *dialect.Dialect) *dialect.Token {
	if u == access {
		return &d.Access
	}
	return &d.Refresh
}

func (u use) String() string { return [...]string{"access", "refresh"}[u] }

// ticket is what a token says.
type ticket struct {
	use       use
	pair      uuid.UUID
	person    string // Name
	session   string // SessionID, where the product has one
	notBefore time.Time
	expires   time.Time
	flags     flags
	who       Person // person, once looked up
}

// flags are what a client asked for that its tokens remember.
type flags struct {
	client   string // ClientID of the application that signed in
	readOnly bool
	bare     bool // without antiforgery cookie
}

func wished(c dialect.Call) flags {
	return flags{readOnly: yes(c.Values[dialect.ReadOnlyToken]), bare: yes(c.Values[dialect.NoAntiforgery])}
}

func yes(text string) bool { return strings.EqualFold(text, "true") }

// terms of a refresh token's life that a client may ask for.
type terms struct{ short, long bool }

func asked(values dialect.Values) terms {
	return terms{yes(values[dialect.ShortRefresh]), yes(values[dialect.LongRefresh])}
}

// life of the refresh token, and whether it is the short one.
func (t terms) life(l dialect.Lifetimes) (life time.Duration, short bool) {
	switch {
	case t.short && l.ShortRefresh > 0:
		return l.ShortRefresh, true
	case t.long && l.LongRefresh > 0:
		return l.LongRefresh, false
	}
	return l.Refresh, false
}

// draft is a pair of tokens that lacks its signatures.
type draft struct {
	pair                   uuid.UUID
	short                  bool
	flags                  flags
	accessEnds, refreshEnd time.Time
	tokens                 [2]string // by use: whole, or without the signature
}

// draft words a new pair. session continues one; if it is empty, a new one
// begins. What the pair before remembers stays, unless the call asks anew.
func (v *visit) draft(p Person, c dialect.Call, session string, before *ticket) (*draft, error) {
	life, short := asked(c.Values).life(v.d.Lifetimes)
	now := v.tells()
	issued := now.Truncate(time.Second) // what claims can say
	f := wished(c)
	f.client = c.Values[dialect.ClientID]
	if before != nil {
		f = flags{before.flags.client, f.readOnly || before.flags.readOnly, f.bare || before.flags.bare}
	}
	dr := &draft{short: short, flags: f, accessEnds: now.Add(v.d.Lifetimes.Access), refreshEnd: now.Add(life)}
	raw, err := v.s.random(7 + len(uuid.UUID{}))
	if err != nil {
		return nil, err
	}
	fam, gen := v.newFamily(raw), generation(0)
	if before != nil {
		fam, gen = v.lineage(before.pair)
		gen++
	}
	dr.pair = v.pairID(fam, gen, raw[4:])
	if session == "" {
		session = shape(raw[7:]).String()
	}
	values := dialect.Values{
		dialect.Username:  p.Name,
		dialect.UserID:    v.userID(p),
		dialect.Role:      v.role(p),
		dialect.UserSID:   v.userSID(p),
		dialect.SessionID: session,
		dialect.ShortTerm: strconv.FormatBool(short),
		dialect.ClientID:  f.client,
		dialect.IssuedAt:  dialect.FormatTime(issued),
		dialect.NotBefore: dialect.FormatTime(issued),
	}
	if f.readOnly {
		values[dialect.ReadOnlyToken] = "true"
	}
	if f.bare {
		values[dialect.NoAntiforgery] = "true"
	}
	for _, u := range []use{access, refresh} {
		ends := issued.Add(v.d.Lifetimes.Access)
		if u == refresh {
			ends = issued.Add(life)
		}
		if u.of(v.d).Opaque > 0 {
			dr.tokens[u], err = v.seal(&ticket{use: u, pair: dr.pair, person: p.Name, session: session, notBefore: issued, expires: ends, flags: f})
		} else {
			values[dialect.ExpiresAt] = dialect.FormatTime(ends)
			values[dialect.Audience] = v.audience(u)
			values[dialect.PairID] = dr.pair.String()
			dr.tokens[u], err = v.word(u, c.Version, values, dr.pair)
		}
		if err != nil {
			return nil, fmt.Errorf("%s token: %w", u, err)
		}
	}
	return dr, nil
}

// ends is when both tokens have expired.
func (dr *draft) ends() time.Time {
	if dr.accessEnds.After(dr.refreshEnd) {
		return dr.accessEnds
	}
	return dr.refreshEnd
}

// word writes header and claims.
func (v *visit) word(u use, version string, values dialect.Values, pair uuid.UUID) (unsigned string, err error) {
	b := make([]byte, 0, 768)
	named := false
	b = append(b, '{')
	for _, f := range v.d.Fields(u.of(v.d).Claims, version) {
		text := values[f.Term]
		if f.Fixed != "" {
			text = f.Fixed
		}
		if text == "" {
			continue
		}
		raw, err := f.As.Write(text)
		if err != nil {
			return "", fmt.Errorf("claim %s: %w", f.Wire, err)
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, f.Wire)
		b = append(b, ':')
		b = append(b, raw...)
		named = named || f.Term == dialect.PairID
	}
	b = append(b, '}')
	if !named {
		b = append(b, blank(pair)...)
	}
	return v.header(u) + "." + b64.EncodeToString(b), nil
}

// header is the same for all tokens of one use: whatever a token says in it is
// compared, never followed.
func (v *visit) header(u use) string {
	t := u.of(v.d)
	kid := ""
	if t.KeyID {
		kid = `","kid":"` + v.kid()
	}
	return b64.EncodeToString([]byte(`{"alg":"` + t.Alg + kid + `","typ":"JWT"}`))
}

// kid looks like a certificate's thumbprint. It is a name and no secret, so it
// tells nothing about the keys that are derived beside it.
func (v *visit) kid() string { return fmt.Sprintf("%X", v.derive(20, "kid")) }

func (v *visit) audience(u use) string {
	return strings.ReplaceAll(u.of(v.d).Audience, "{installation}", shape(v.derive(16, "installation of "+u.String())).String())
}

// shape makes a random UUID (RFC 9562, 5.4) of 16 bytes.
func shape(b []byte) uuid.UUID {
	var id uuid.UUID
	copy(id[:], b)
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// canSign waits until nothing stands in the way of [visit.sign].
func (v *visit) canSign(ctx context.Context) error {
	if algorithms[v.d.Access.Alg].rsa || algorithms[v.d.Refresh.Alg].rsa {
		return v.s.Ready(ctx)
	}
	return nil
}

// sign completes a pair, both tokens at once.
func (v *visit) sign(ctx context.Context, dr *draft) error {
	var errs [2]error
	var jobs []func()
	for _, u := range []use{access, refresh} {
		t := u.of(v.d)
		switch alg, ok := algorithms[t.Alg]; {
		case t.Opaque > 0:
		case !ok:
			return fmt.Errorf("the dialect names the algorithm %q, which is none of RFC 7518 that the sandbox has", t.Alg)
		case alg.rsa:
			key, err := v.s.keys.get(ctx)
			if err != nil {
				return err
			}
			jobs = append(jobs, func() {
				if errs[u] = ctx.Err(); errs[u] != nil {
					return // the client went away while it waited in line
				}
				var sig []byte
				sig, errs[u] = rsa.SignPKCS1v15(nil, key, alg.hash, digest(alg.hash, dr.tokens[u]))
				dr.tokens[u] += "." + b64.EncodeToString(sig)
			})
		default:
			dr.tokens[u] += "." + b64.EncodeToString(v.mac(alg.hash, dr.tokens[u]))
		}
	}
	if len(jobs) > 0 {
		v.s.pool.do(jobs...)
	}
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
	}
	return nil
}

func digest(h crypto.Hash, text string) []byte {
	sum := h.New()
	sum.Write([]byte(text))
	return sum.Sum(nil)
}

func (v *visit) mac(h crypto.Hash, text string) []byte {
	mac := hmac.New(h.New, v.derive(h.Size(), "mac"))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// read understands a token of this product and world that was issued for a
// use. The error is a [refused] with bad for what is none, or with expired; or
// the signing key cannot be had.
func (v *visit) read(ctx context.Context, u use, token string, bad, expired dialect.Fault) (*ticket, error) {
	t, err := v.decipher(ctx, u, token)
	switch {
	case err != nil:
		return nil, err
	case t == nil || v.now.Before(t.notBefore):
		return nil, refused(bad)
	case !v.now.Before(t.expires):
		return nil, refused(expired)
	}
	return t, nil
}

// decipher reads a token of this product and world that was issued for a use,
// whatever the time. It returns nil for one that is none.
func (v *visit) decipher(ctx context.Context, u use, token string) (*ticket, error) {
	if u.of(v.d).Opaque == 0 {
		return v.readJWT(ctx, u, token)
	}
	if t := v.open(token); t != nil && t.use == u {
		return t, nil
	}
	return nil, nil
}

// readJWT returns nil for a token that is none of ours.
func (v *visit) readJWT(ctx context.Context, u use, token string) (*ticket, error) {
	unsigned, claims, sig, ok := split(token)
	if !ok || !strings.HasPrefix(unsigned, v.header(u)+".") {
		return nil, nil
	}
	alg, ok := algorithms[u.of(v.d).Alg]
	switch {
	case !ok:
		return nil, nil
	case alg.rsa:
		key, err := v.s.keys.get(ctx)
		if err != nil {
			return nil, err
		}
		if rsa.VerifyPKCS1v15(&key.PublicKey, alg.hash, digest(alg.hash, unsigned), sig) != nil {
			return nil, nil
		}
	case !hmac.Equal(sig, v.mac(alg.hash, unsigned)):
		return nil, nil
	}
	said := v.claims(u, claims)
	t := &ticket{use: u, person: said[dialect.Username], session: said[dialect.SessionID],
		flags: flags{said[dialect.ClientID], yes(said[dialect.ReadOnlyToken]), yes(said[dialect.NoAntiforgery])}}
	var errNotBefore, errExpires, errPair error
	if text := said[dialect.NotBefore]; text != "" {
		t.notBefore, errNotBefore = dialect.ParseTime(text)
	}
	t.expires, errExpires = dialect.ParseTime(said[dialect.ExpiresAt])
	if id := said[dialect.PairID]; id != "" {
		t.pair, errPair = uuid.Parse(id)
	} else {
		t.pair, errPair = readBlank(claims)
	}
	if errNotBefore != nil || errExpires != nil || errPair != nil || said[dialect.Audience] != v.audience(u) {
		return nil, nil
	}
	return t, nil
}

// split takes a JWT apart; claims and sig are decoded.
func split(token string) (unsigned string, claims, sig []byte, ok bool) {
	end := strings.LastIndexByte(token, '.')
	if end < 0 {
		return "", nil, nil, false
	}
	unsigned = token[:end]
	_, middle, two := strings.Cut(unsigned, ".")
	claims, err1 := b64.DecodeString(middle)
	sig, err2 := b64.DecodeString(token[end+1:])
	// Line breaks mean nothing to the decoder.
	return unsigned, claims, sig, two && err1 == nil && err2 == nil && !strings.ContainsAny(token, "\r\n")
}

// claims reads what a token of ours says, whatever version it was issued in.
func (v *visit) claims(u use, raw []byte) dialect.Values {
	var members map[string]json.RawMessage
	said := dialect.Values{}
	if json.Unmarshal(raw, &members) != nil {
		return said
	}
	for _, f := range u.of(v.d).Claims {
		if m, ok := members[f.Wire]; ok {
			if text, err := f.As.Read(m); err == nil {
				said[f.Term] = text
			}
		}
	}
	return said
}

// An opaque token is its ticket, sealed, and filled up with random bytes to
// the length that the product's tokens have.

func (v *visit) opaqueSize(u use) int { return b64.DecodedLen(u.of(v.d).Opaque) }

func (v *visit) seal(t *ticket) (string, error) {
	seal, err := gcm(v.derive(32, "opaque "+t.use.String()))
	if err != nil {
		return "", err
	}
	plain := t.pack()
	size := v.opaqueSize(t.use) - seal.NonceSize() - seal.Overhead()
	if len(plain) > size {
		return "", fmt.Errorf("%d characters do not hold %d bytes; the name or the dialect's token is too short", v.d.Access.Opaque, len(plain))
	}
	raw, err := v.s.random(seal.NonceSize() + size - len(plain))
	if err != nil {
		return "", err
	}
	nonce, filling := raw[:seal.NonceSize()], raw[seal.NonceSize():]
	sealed := seal.Seal(nonce[:len(nonce):len(nonce)], nonce, append(plain, filling...), []byte(v.kid()))
	return b64.EncodeToString(sealed), nil
}

// open returns nil for a token that is none of ours.
func (v *visit) open(token string) *ticket {
	for _, u := range []use{access, refresh} {
		if len(token) != u.of(v.d).Opaque {
			continue
		}
		seal, err := gcm(v.derive(32, "opaque "+u.String()))
		if err != nil {
			return nil
		}
		raw, err := b64.DecodeString(token)
		if err != nil {
			return nil
		}
		n := seal.NonceSize()
		if plain, err := seal.Open(nil, raw[:n], raw[n:], []byte(v.kid())); err == nil {
			return unpack(u, plain)
		}
	}
	return nil
}

func (t *ticket) pack() []byte {
	b := append([]byte(nil), t.pair[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.notBefore.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.Unix()))
	var bits byte
	for i, on := range []bool{t.flags.readOnly, t.flags.bare} {
		if on {
			bits |= 1 << i
		}
	}
	b = append(b, bits, byte(len(t.person)))
	return append(b, t.person...)
}

func unpack(u use, b []byte) *ticket {
	const head = 16 + 8 + 8 + 1 + 1
	if len(b) < head || len(b) < head+int(b[head-1]) {
		return nil
	}
	bits := b[head-2]
	t := &ticket{use: u, person: string(b[head : head+int(b[head-1])]), flags: flags{readOnly: bits&1 != 0, bare: bits&2 != 0}}
	copy(t.pair[:], b)
	t.notBefore = time.Unix(int64(binary.BigEndian.Uint64(b[16:])), 0).UTC()
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(b[24:])), 0).UTC()
	return t
}

// userID is a UUID or a number, as the product writes it.
func (v *visit) userID(p Person) string {
	if v.d.UserIDs() {
		return shape(v.s.derive(16, "user", v.world, v.d.ID, p.Name)).String()
	}
	return strconv.Itoa(v.number(p))
}

func (v *visit) role(p Person) string {
	admin, operator := v.d.Roles(v.version)
	if p.Operator {
		return operator
	}
	return admin
}
