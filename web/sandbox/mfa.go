package sandbox

import (
	"context"
	"crypto"
	"crypto/hmac"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"tokenplayground/web/dialect"
)

const (
	// mfaLife is how long a sign-in may stay half done.
	mfaLife = 5 * time.Minute
	// mfaTries is how many wrong codes one sign-in survives, the last of them
	// not.
	mfaTries = 5
	// codeLife is one step of RFC 6238.
	codeLife = 30 * time.Second
)

var codeShape = totp.ValidateOpts{Period: uint(codeLife / time.Second), Skew: 1, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// challenge is what an MFA token says: base64 of the hexadecimal digits of 32
// bytes, which are a body of 16 and its MAC. Nothing is stored until a code
// arrives.
type challenge struct {
	id      string // names it in the store
	person  Person
	expires time.Time
}

// half of the 32 bytes.
const half = 16

// newChallenge returns an MFA token for a person.
func (v *visit) newChallenge(p Person) (string, error) {
	nonce, err := v.s.random(5)
	if err != nil {
		return "", err
	}
	body := binary.BigEndian.AppendUint64(nil, uint64(v.now.Add(mfaLife).Unix()))[3:]
	body = append(body, nonce...)
	body = append(body, v.tag(p)...)
	return base64.StdEncoding.EncodeToString(hex.AppendEncode(nil, append(body, v.mfaMAC(body)...))), nil
}

// tag stands for a person in an MFA token: a name may be too long.
func (v *visit) tag(p Person) []byte { return v.s.derive(6, "mfa person", p.Name) }

func (v *visit) mfaMAC(body []byte) []byte {
	mac := hmac.New(crypto.SHA256.New, v.derive(32, "mfa token"))
	mac.Write(body)
	return mac.Sum(nil)[:half]
}

// challenge reads an MFA token; ok is false for one that is not good, or not
// any more.
func (v *visit) challenge(token string) (c challenge, ok bool) {
	digits, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(digits) != 4*half {
		return c, false
	}
	raw, err := hex.DecodeString(string(digits))
	if err != nil {
		return c, false
	}
	body, mac := raw[:half], raw[half:]
	if !hmac.Equal(mac, v.mfaMAC(body)) {
		return c, false
	}
	people := v.people()
	i := slices.IndexFunc(people, func(p Person) bool { return string(v.tag(p)) == string(body[10:]) })
	if i < 0 {
		return c, false
	}
	seconds := binary.BigEndian.Uint64(append([]byte{0, 0, 0}, body[:5]...))
	c = challenge{id: hex.EncodeToString(body), person: people[i], expires: time.Unix(int64(seconds), 0)}
	return c, v.now.Before(c.expires)
}

// answered is what the store remembers of a challenge that got an answer.
type answered struct {
	Wrong int  `json:"wrong,omitempty"`
	Done  bool `json:"done,omitempty"`
}

// answer checks a code. The right one ends the challenge, and so do too many
// wrong ones. The error is a [refused].
func (v *visit) answer(ctx context.Context, c challenge, code string) error {
	right, err := totp.ValidateCustom(strings.TrimSpace(code), v.seed(c.person), v.now, codeShape)
	if err != nil { // six digits were expected
		right = false
	}
	err = v.s.change(ctx, v.record("m", c.id), func(old []byte) ([]byte, time.Duration, error) {
		var a answered
		if old != nil {
			if err := json.Unmarshal(old, &a); err != nil {
				return nil, 0, fmt.Errorf("the record of an MFA token: %w", err)
			}
		}
		if a.Done || a.Wrong >= mfaTries {
			return nil, 0, refused(dialect.BadMFAToken)
		}
		a.Done = right
		if !right {
			a.Wrong++
		}
		raw, err := json.Marshal(a)
		return raw, v.until(c.expires), err
	})
	if err == nil && !right {
		return refused(dialect.BadMFACode)
	}
	return err
}

// seed is a person's secret, in base32 as authenticators want it. It outlives
// a reset of the world.
func (v *visit) seed(p Person) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(v.s.derive(20, "mfa seed", v.world, v.d.ID, p.Name))
}

// Authenticator shows what the authenticator of the person with a second
// factor shows: the code of now by the world's clock, and for how long; the
// secret, in base32, and an otpauth URL, to put it into an app. If the store
// cannot tell the world's clock, the real one counts. Empty if nobody has a
// second factor.
func (s *Server) Authenticator(ctx context.Context, world string, d *dialect.Dialect) (code, secret, otpauthURL string, left time.Duration) {
	v := &visit{s: s, d: d, world: world}
	v.state, v.now = s.clock(ctx, world)
	i := slices.IndexFunc(v.people(), func(p Person) bool { return p.SecondFactor })
	if i < 0 {
		return "", "", "", 0
	}
	person := v.people()[i]
	secret = v.seed(person)
	code, err := totp.GenerateCodeCustom(secret, v.now, codeShape)
	if err != nil {
		panic(err) // our own base32
	}
	// Apps take + for itself, so a space is %20 here.
	escape := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	issuer := escape("Token Playground " + d.Short)
	otpauthURL = "otpauth://totp/" + issuer + ":" + escape(person.Name) + "?secret=" + secret + "&issuer=" + issuer
	return code, secret, otpauthURL, codeLife - time.Duration(v.now.UnixNano())%codeLife
}
