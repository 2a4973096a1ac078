package sandbox

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"

	"tokenplayground/web/dialect"
)

// A pass is what a product hands out besides a pair: a one-time code, or the
// secret of an application. It is sealed and carries everything; the store
// learns of a code only when it is used.

// clientLife is how long an application can sign in: longer than a class.
const clientLife = 60 * 24 * time.Hour

// pass is what one says.
type pass struct {
	id      uuid.UUID
	person  string
	expires time.Time
}

// newPass seals a pass for a purpose.
func (v *visit) newPass(purpose string, p *pass) (string, error) {
	seal, err := gcm(v.derive(32, "pass "+purpose))
	if err != nil {
		return "", err
	}
	raw, err := v.s.random(seal.NonceSize() + len(p.id))
	if err != nil {
		return "", err
	}
	nonce := raw[:seal.NonceSize():seal.NonceSize()]
	p.id = shape(raw[len(nonce):])
	plain := append([]byte(nil), p.id[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(p.expires.Unix()))
	plain = append(plain, p.person...)
	return base64.StdEncoding.EncodeToString(seal.Seal(nonce, nonce, plain, nil)), nil
}

// openPass reads a pass of a purpose; ok is false for one that is not good, or
// not any more.
func (v *visit) openPass(purpose, text string) (p pass, ok bool) {
	seal, err := gcm(v.derive(32, "pass "+purpose))
	if err != nil {
		return p, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if n := seal.NonceSize(); err != nil || len(raw) < n || strings.ContainsAny(text, "\r\n") {
		return p, false
	}
	plain, err := seal.Open(nil, raw[:seal.NonceSize()], raw[seal.NonceSize():], nil)
	const head = len(p.id) + 8
	if err != nil || len(plain) < head {
		return p, false
	}
	copy(p.id[:], plain)
	p.expires = time.Unix(int64(binary.BigEndian.Uint64(plain[len(p.id):])), 0)
	p.person = string(plain[head:])
	return p, v.now.Before(p.expires)
}

func (v *visit) makeCode(ctx context.Context, op *dialect.Operation, c dialect.Call) (dialect.Values, error) {
	t, err := v.enter(ctx, op, c)
	if err != nil {
		return nil, err
	}
	code, err := v.newCode(t.who)
	return dialect.Values{dialect.AuthorizationCode: code}, err
}

func (v *visit) newCode(p Person) (string, error) {
	return v.newPass("code", &pass{person: p.Name, expires: v.now.Add(v.d.Lifetimes.Code)})
}

// code takes a one-time code, once.
func (v *visit) code(ctx context.Context, c dialect.Call) (dialect.Values, error) {
	got, ok := v.openPass("code", c.Values[dialect.AuthorizationCode])
	p, known := v.person(got.person)
	if !ok || !known || p.Locked {
		return nil, refused(dialect.BadCode)
	}
	// A token that cannot be signed must not cost the code.
	if err := v.canSign(ctx); err != nil {
		return nil, err
	}
	err := v.s.change(ctx, v.record("c", got.id.String()), func(old []byte) ([]byte, time.Duration, error) {
		if old != nil {
			return nil, 0, refused(dialect.BadCode)
		}
		return []byte("{}"), v.until(got.expires), nil
	})
	if err != nil {
		return nil, err
	}
	return v.pair(ctx, p, c, "", nil)
}

// makeClient gives an account to an application. Applications cannot.
func (v *visit) makeClient(ctx context.Context, op *dialect.Operation, c dialect.Call) (dialect.Values, error) {
	t, err := v.enter(ctx, op, c)
	switch {
	case err != nil:
		return nil, err
	case t.flags.client != "":
		return nil, refused(dialect.TooFewRights)
	}
	client := pass{person: t.who.Name, expires: v.now.Add(clientLife)}
	secret, err := v.newPass("client", &client)
	return dialect.Values{dialect.ClientID: client.id.String(), dialect.ClientSecret: secret}, err
}

// client signs an application in, with the rights of whoever made it.
func (v *visit) client(ctx context.Context, c dialect.Call) (dialect.Values, error) {
	got, ok := v.openPass("client", c.Values[dialect.ClientSecret])
	p, known := v.person(got.person)
	if !ok || !known || p.Locked || !strings.EqualFold(got.id.String(), c.Values[dialect.ClientID]) {
		return nil, refused(dialect.BadClient)
	}
	return v.pair(ctx, p, c, "", nil)
}

// assertionLife is what [Server.Assertion] gives.
const assertionLife = 10 * time.Minute

// AssertionKey signs the assertions that a product's sandbox believes, in one
// world: JWTs with EdDSA, whose iss is the client_id of the call, sub a
// person's name, and exp a time to come. It stands for the key of a server
// that the sandbox has no part of, so anyone may have it.
func (s *Server) AssertionKey(world string, d *dialect.Dialect) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(s.derive(ed25519.SeedSize, "assertion", world, d.ID))
}

// Assertion signs one for a person, good for ten minutes by the world's clock.
func (s *Server) Assertion(ctx context.Context, world string, d *dialect.Dialect, clientID, person string) (string, error) {
	now := s.Clock(ctx, world)
	claims, err := json.Marshal(assertion{clientID, person, now.Unix(), now.Add(assertionLife).Unix()})
	if err != nil {
		return "", err
	}
	unsigned := b64.EncodeToString([]byte(`{"alg":"EdDSA","typ":"JWT"}`)) + "." + b64.EncodeToString(claims)
	return unsigned + "." + b64.EncodeToString(ed25519.Sign(s.AssertionKey(world, d), []byte(unsigned))), nil
}

type assertion struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
}

// assertion signs in whom it names, if they may.
func (v *visit) assertion(ctx context.Context, c dialect.Call, may func(Person) bool) (dialect.Values, error) {
	unsigned, claims, sig, ok := split(c.Values[dialect.Assertion])
	key := v.s.AssertionKey(v.world, v.d).Public().(ed25519.PublicKey)
	var a assertion
	if !ok || !ed25519.Verify(key, []byte(unsigned), sig) || json.Unmarshal(claims, &a) != nil ||
		a.Issuer != c.Values[dialect.ClientID] || v.now.Unix() >= a.Expires {
		return nil, refused(dialect.BadAssertion)
	}
	p, ok := v.person(a.Subject)
	if !ok || p.Locked || !may(p) {
		return nil, refused(dialect.BadAssertion)
	}
	// The application stands for a person, whose pair this is.
	delete(c.Values, dialect.ClientID)
	return v.pair(ctx, p, c, "", nil)
}

// publicKey gives the first of the people a code that only the holder of the
// private key can read. Any RSA key is taken to be theirs.
func (v *visit) publicKey(_ context.Context, c dialect.Call) (dialect.Values, error) {
	people := v.people()
	key, err := readPublicKey(c.Values[dialect.PublicKey])
	if err != nil || len(people) == 0 {
		return nil, refused(dialect.BadPublicKey)
	}
	code, err := v.newCode(people[0])
	if err != nil {
		return nil, err
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, []byte(code), nil)
	if err != nil { // the key is too short
		return nil, refused(dialect.BadPublicKey)
	}
	return dialect.Values{dialect.EncryptedCode: base64.StdEncoding.EncodeToString(sealed)}, nil
}

var errPublicKey = errors.New("not an RSA public key")

// readPublicKey takes base64 of DER, PEM, or the XML of .NET; and PEM or the XML
// as they stand. Encrypting with a key costs what its size says, so it is
// bounded.
func readPublicKey(text string) (*rsa.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		raw = []byte(text)
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	key := parsePublicKey(raw)
	if key == nil || key.N.BitLen() < 1024 || key.N.BitLen() > 4096 || key.N.Bit(0) == 0 || key.E < 3 || key.E > 1<<31-1 || key.E%2 == 0 {
		return nil, errPublicKey
	}
	return key, nil
}

// parsePublicKey returns nil for what is no RSA key.
func parsePublicKey(raw []byte) *rsa.PublicKey {
	var net struct{ Modulus, Exponent string }
	if xml.Unmarshal(raw, &net) == nil {
		n, err1 := base64.StdEncoding.DecodeString(net.Modulus)
		e, err2 := base64.StdEncoding.DecodeString(net.Exponent)
		if err1 != nil || err2 != nil || len(e) > 4 {
			return nil
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	if key, err := x509.ParsePKCS1PublicKey(raw); err == nil {
		return key
	}
	if key, err := x509.ParsePKIXPublicKey(raw); err == nil {
		key, _ := key.(*rsa.PublicKey)
		return key
	}
	return nil
}

// actAs gives the pair of another user to whoever may administer them. The
// refresh token is not spent: its own session goes on.
func (v *visit) actAs(ctx context.Context, c dialect.Call) (dialect.Values, error) {
	t, spent, err := v.refreshToken(ctx, c)
	switch {
	case err != nil:
		return nil, err
	case spent:
		return nil, refused(dialect.SpentRefreshToken)
	case t.who.Operator:
		return nil, refused(dialect.TooFewRights)
	}
	for _, p := range v.people() {
		if strings.EqualFold(v.userID(p), c.Values[dialect.UserID]) && !p.Locked {
			return v.pair(ctx, p, c, "", nil)
		}
	}
	return nil, refused(dialect.BadCredentials)
}

// guarded says that the product, in the version that is spoken, hands out
// antiforgery tokens.
func (v *visit) guarded() bool {
	a := v.d.Antiforgery
	return a.Cookie != "" && v.d.Speaks(v.version, a.Since, "")
}

func (v *visit) antiforgery(pair uuid.UUID) string {
	mac := hmac.New(crypto.SHA256.New, v.derive(32, "antiforgery"))
	mac.Write(pair[:])
	return b64.EncodeToString(mac.Sum(nil))
}

// checkAntiforgery demands the cookie of the token's pair. Public clients send
// none, so only strict worlds insist.
func (v *visit) checkAntiforgery(t *ticket, c dialect.Call) error {
	if !v.strict() || !v.guarded() || t.flags.bare || hmac.Equal([]byte(c.Values[dialect.AntiforgeryToken]), []byte(v.antiforgery(t.pair))) {
		return nil
	}
	return refused(dialect.MissingAntiforgery)
}
