package sandbox

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp"

	"tokenplayground/web/dialect"
)

// challenging runs a test for every product that asks for a second factor.
func challenging(t *testing.T, f func(t *testing.T, d *dialect.Dialect)) {
	product(t, func(t *testing.T, d *dialect.Dialect) {
		if d.SecondFactor != dialect.Challenges {
			t.Skip("asks for no second factor")
		}
		f(t, d)
	})
}

func (c client) challenge() (mfaToken string) {
	c.t.Helper()
	r := c.signIn("mfa", "Password1")
	c.accepted(r, dialect.Obtain)
	if !r.Challenge() {
		c.t.Fatalf("got no challenge: %s", r.body)
	}
	return r.Values[dialect.MFAToken]
}

func (c client) code(mfaToken, code string) result {
	c.t.Helper()
	return c.call(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.MFAGrant,
		Values: dialect.Values{dialect.MFAToken: mfaToken, dialect.MFACode: code}})
}

// other is a code that is wrong whatever the time.
func other(codes ...string) string {
	for _, try := range []string{"000000", "111111", "222222", "333333", "444444"} {
		wrong := true
		for _, c := range codes {
			wrong = wrong && c != try
		}
		if wrong {
			return try
		}
	}
	panic("unreachable: four codes at most")
}

func TestChallengeIsAsDocumented(t *testing.T) {
	s := newServer(t, Config{})
	challenging(t, func(t *testing.T, d *dialect.Dialect) {
		for _, v := range d.Versions.All {
			t.Run(v.ID, func(t *testing.T) {
				c := client{t, d, v.ID, s.Handler(d, "")}
				r := c.signIn("mfa", "Password1")
				var want []string
				op := d.Operation(dialect.Obtain)
				gives := op.Gives
				if op.Challenge.Gives != nil {
					gives = op.Challenge.Gives
				}
				there := map[dialect.Term]bool{}
				for _, f := range d.Fields(gives, v.ID) {
					switch f.Term {
					case dialect.AccessToken, dialect.RefreshToken, dialect.RedirectTo, dialect.EncryptedCode:
					default:
						want = append(want, f.Wire)
						there[f.Term] = true
					}
				}
				if status := max(op.Challenge.Status, op.Status); r.Status != status {
					t.Errorf("got %d, want %d", r.Status, status)
				}
				if diff := cmp.Diff(want, names(t, []byte(r.body))); diff != "" {
					t.Errorf("members (-want +got):\n%s", diff)
				}
				for term, want := range map[dialect.Term]string{
					dialect.ExpiresIn: "0", dialect.MFAEnabled: "true", dialect.TokenType: "bearer",
					dialect.IssuedAt: "0001-01-01T00:00:00Z", dialect.ExpiresAt: "0001-01-01T00:00:00Z",
				} {
					if got := r.Values[term]; there[term] && got != want {
						t.Errorf("%s: got %q, want %q", term, got, want)
					}
				}
				raw, err := base64.StdEncoding.DecodeString(r.Values[dialect.MFAToken])
				if err != nil || len(raw) != 64 {
					t.Fatalf("the MFA token is %d bytes of base64, %v; want 64", len(raw), err)
				}
				if _, err := hex.DecodeString(string(raw)); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

func TestSecondFactor(t *testing.T) {
	ctx := context.Background()
	challenging(t, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now})
		c := s.client(t, d, "w")
		now := func() string { code, _, _, _ := s.Authenticator(ctx, "w", d); return code }

		t.Run("the code of now completes the sign-in", func(t *testing.T) {
			r := c.code(c.challenge(), now())
			token, refresh := c.pair(r)
			if got := r.Values[dialect.MFAEnabled]; got != "" && got != "false" {
				t.Errorf("got %s", r.body)
			}
			c.accepted(c.explore(token), dialect.Explore)
			c.pair(c.refresh(refresh)) // asks for no second code
		})
		t.Run("one MFA token, one success", func(t *testing.T) {
			half := c.challenge()
			c.pair(c.code(half, now()))
			c.refused(c.code(half, now()), dialect.BadMFAToken, dialect.Obtain)
		})
		t.Run("one code, several MFA tokens", func(t *testing.T) {
			code := now()
			c.pair(c.code(c.challenge(), code))
			c.pair(c.code(c.challenge(), code))
		})
		t.Run("the fifth wrong code ends it", func(t *testing.T) {
			half := c.challenge()
			for range mfaTries - 1 {
				c.refused(c.code(half, other(now())), dialect.BadMFACode, dialect.Obtain)
			}
			again := c.challenge()
			c.pair(c.code(again, now())) // a neighbour is not disturbed
			c.refused(c.code(half, "12345"), dialect.BadMFACode, dialect.Obtain)
			c.refused(c.code(half, now()), dialect.BadMFAToken, dialect.Obtain)
		})
		t.Run("four wrong codes do not", func(t *testing.T) {
			half := c.challenge()
			for range mfaTries - 1 {
				c.refused(c.code(half, other(now())), dialect.BadMFACode, dialect.Obtain)
			}
			c.pair(c.code(half, now()))
		})
		t.Run("one step late is in time, two are not", func(t *testing.T) {
			half, code := c.challenge(), now()
			clk.Add(2 * codeLife)
			c.refused(c.code(half, code), dialect.BadMFACode, dialect.Obtain)
			code = now()
			clk.Add(codeLife)
			c.pair(c.code(half, code))
		})
		t.Run("an MFA token lives five minutes", func(t *testing.T) {
			one, other := c.challenge(), c.challenge()
			clk.Add(mfaLife - time.Second)
			c.pair(c.code(one, now()))
			clk.Add(time.Second)
			c.refused(c.code(other, now()), dialect.BadMFAToken, dialect.Obtain)
		})
		t.Run("another world's MFA token is none", func(t *testing.T) {
			c.refused(c.code(s.client(t, d, "v").challenge(), now()), dialect.BadMFAToken, dialect.Obtain)
		})
		t.Run("a made-up MFA token is none", func(t *testing.T) {
			c.refused(c.code(base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(make([]byte, 32)))), now()), dialect.BadMFAToken, dialect.Obtain)
			c.refused(c.code("x", now()), dialect.BadMFAToken, dialect.Obtain)
		})
		t.Run("the code follows the world's clock", func(t *testing.T) {
			before := now()
			if err := s.Advance(ctx, "w", time.Hour); err != nil {
				t.Fatal(err)
			}
			if now() == before {
				t.Error("the code stays")
			}
			c.pair(c.code(c.challenge(), now()))
		})
	})
}

func TestAuthenticator(t *testing.T) {
	ctx := context.Background()
	s := newServer(t, Config{})
	seeds := map[string]bool{}
	product(t, func(t *testing.T, d *dialect.Dialect) {
		for _, world := range []string{"", "w"} {
			code, secret, text, left := s.Authenticator(ctx, world, d)
			if len(code) != 6 || left != codeLife-7891234500*time.Nanosecond {
				t.Errorf("code %q for %v", code, left)
			}
			if seeds[secret] {
				t.Error("two worlds or products share a seed")
			}
			seeds[secret] = true
			if err := s.Reset(ctx, world); err != nil {
				t.Fatal(err)
			}
			if _, again, _, _ := s.Authenticator(ctx, world, d); again != secret {
				t.Error("a reset changes the seed")
			}
			key, err := otp.NewKeyFromURL(text) // as an app reads it
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if key.Secret() != secret || key.AccountName() != "mfa" || key.Issuer() != "Token Playground "+d.Short || u.Host != "totp" {
				t.Errorf("%s is read as %q %q %q", text, key.Secret(), key.AccountName(), key.Issuer())
			}
		}
	})
}
