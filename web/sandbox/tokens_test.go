package sandbox

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

// names lists the members of a JSON object in order.
func names(t testing.TB, raw []byte) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, name.(string))
		var value any
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func segment(t testing.TB, token string, i int) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTokensAreAsDocumented(t *testing.T) {
	s := newServer(t, Config{})
	key, err := s.keys.get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, d *dialect.Dialect, version string) {
		c := client{t, d, version, s.Handler(d, "")}
		v, err := s.visit(context.Background(), d, "")
		if err != nil {
			t.Fatal(err)
		}
		r := c.call(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant,
			Values: dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"}})
		_, _ = c.pair(r)
		tokens := []string{r.Values[dialect.AccessToken], r.Values[dialect.RefreshToken]}
		var audiences []string
		for _, u := range []use{access, refresh} {
			token, shape := tokens[u], u.of(d)
			if shape.Opaque > 0 {
				if len(token) != shape.Opaque {
					t.Errorf("%s: %d characters, want %d", u, len(token), shape.Opaque)
				}
				if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
					t.Errorf("%s: not base64url: %s", u, token)
				}
				continue
			}
			head := []string{"alg", "typ"}
			if shape.KeyID {
				head = []string{"alg", "kid", "typ"}
			}
			if diff := cmp.Diff(head, names(t, segment(t, token, 0))); diff != "" {
				t.Errorf("%s header (-want +got):\n%s", u, diff)
			}
			var claims []string
			for _, f := range d.Fields(shape.Claims, version) {
				if f.Term != dialect.ClientID && f.Term != dialect.NoAntiforgery {
					claims = append(claims, f.Wire)
				}
			}
			if diff := cmp.Diff(claims, names(t, segment(t, token, 1))); diff != "" {
				t.Errorf("%s claims (-want +got):\n%s", u, diff)
			}

			life := d.Lifetimes.Access
			if u == refresh {
				life = d.Lifetimes.Refresh
			}
			issued := start.Truncate(time.Second)
			parsed, err := jwt.Parse(token, func(tok *jwt.Token) (any, error) {
				if strings.HasPrefix(shape.Alg, "RS") {
					return &key.PublicKey, nil
				}
				return v.derive(algorithms[shape.Alg].hash.Size(), "mac"), nil
			}, jwt.WithValidMethods([]string{shape.Alg}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return issued.Add(life - 1) }))
			if err != nil {
				t.Fatalf("%s: %v", u, err)
			}
			if kid, ok := parsed.Header["kid"].(string); shape.KeyID && (!ok || len(kid) != 40 || strings.Trim(kid, "0123456789ABCDEF") != "") {
				t.Errorf("%s: kid %q", u, kid)
			}
			said := parsed.Claims.(jwt.MapClaims)
			exp, _ := said.GetExpirationTime()
			iat, _ := said.GetIssuedAt()
			nbf, _ := said.GetNotBefore()
			// Which claims there are is compared above.
			if iat != nil && !iat.Equal(issued) || nbf != nil && !nbf.Equal(issued) || !exp.Equal(issued.Add(life)) {
				t.Errorf("%s: iat %v, nbf %v, exp %v", u, iat, nbf, exp)
			}
			aud, _ := said.GetAudience()
			audiences = append(audiences, aud...)
		}
		if len(audiences) == 2 && audiences[0] == audiences[1] {
			t.Errorf("both tokens are meant for %q", audiences[0])
		}

		var want []string
		for _, f := range d.Fields(d.Operation(dialect.Obtain).Gives, version) {
			switch f.Term {
			case dialect.MFAToken, dialect.RedirectTo, dialect.EncryptedCode:
			default:
				if !f.ReadOnly {
					want = append(want, f.Wire)
				}
			}
		}
		if diff := cmp.Diff(want, names(t, within(t, d.Operation(dialect.Obtain).Within, []byte(r.body)))); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		for term, want := range map[dialect.Term]time.Time{
			dialect.IssuedAt:         start.Add(d.Lifetimes.IssuedLate),
			dialect.ExpiresAt:        start.Add(d.Lifetimes.Access),
			dialect.RefreshExpiresAt: start.Add(d.Lifetimes.Refresh),
		} {
			for _, f := range d.Fields(d.Operation(dialect.Obtain).Gives, version) {
				if f.Term != term {
					continue
				}
				if f.As != dialect.TimeTicks {
					want = want.Truncate(time.Second)
				}
				if got, err := dialect.ParseTime(r.Values[term]); err != nil || !got.Equal(want) {
					t.Errorf("%s: got %v %v, want %v", f.Wire, got, err, want)
				}
			}
		}
	})
}

// A product may have given its roles other names since.
func TestRolesFollowTheVersion(t *testing.T) {
	each(t, func(t *testing.T, d *dialect.Dialect, version string) {
		c := client{t, d, version, newServer(t, Config{}).Handler(d, "")}
		admin, operator := d.Roles(version)
		for name, want := range map[string]string{"administrator": admin, "operator": operator} {
			r := c.signIn(name, "Password1")
			if got := r.Values[dialect.Role]; got != want && slices.ContainsFunc(d.Fields(d.Operation(dialect.Obtain).Gives, version), func(f dialect.Field) bool { return f.Term == dialect.Role }) {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
}

func TestRefreshTermsAreHonoured(t *testing.T) {
	each(t, func(t *testing.T, d *dialect.Dialect, version string) {
		grant, _ := d.Grant(dialect.PasswordGrant)
		for _, f := range d.Fields(grant.Takes, version) {
			life := map[dialect.Term]time.Duration{dialect.ShortRefresh: d.Lifetimes.ShortRefresh, dialect.LongRefresh: d.Lifetimes.LongRefresh}[f.Term]
			if life == 0 {
				continue
			}
			t.Run(string(f.Term), func(t *testing.T) {
				clk := &clock{now: start}
				s := newServer(t, Config{Now: clk.Now})
				c := client{t, d, version, s.Handler(d, "")}
				ask := func(kind dialect.Kind, values dialect.Values) string {
					values[f.Term] = "true"
					_, token := c.pair(c.call(dialect.Call{Purpose: dialect.Obtain, Kind: kind, Values: values}))
					return token
				}
				one := ask(dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"})
				other := ask(dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"})
				clk.Add(life - 2*time.Second)
				next := ask(dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: one})
				clk.Add(3 * time.Second)
				c.refused(c.refresh(other), dialect.ExpiredRefresh, dialect.Obtain)
				c.pair(c.refresh(next))
			})
		}
	})
}

func TestForgeries(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		token, _ := c.admin()
		bad := map[string]string{
			"cut short":        token[:len(token)-1],
			"made longer":      token + "A",
			"one bit changed":  flip(token, len(token)/2, 32),
			"last character":   flip(token, len(token)-1, 32),
			"unused bits":      flip(token, len(token)-1, 1),
			"a line break":     token[:20] + "\n" + token[20:],
			"one near the end": token[:len(token)-9] + "\n" + token[len(token)-9:],
		}
		if d.Access.Opaque == 0 {
			_, rest, _ := strings.Cut(token, ".")
			claims, _, _ := strings.Cut(rest, ".")
			enc := base64.RawURLEncoding.EncodeToString
			bad["alg none"] = enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + claims + "."
			key, err := s.keys.get(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			var said jwt.MapClaims
			if err := json.Unmarshal(segment(t, token, 1), &said); err != nil {
				t.Fatal(err)
			}
			// The old trick: the public key as the secret of an HMAC.
			forged, err := jwt.NewWithClaims(jwt.SigningMethodHS512, said).SignedString(key.N.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			bad["an HMAC with the public key"] = forged
		}
		for name, token := range bad {
			t.Run(name, func(t *testing.T) {
				c.refused(c.explore(token), dialect.BadToken, dialect.Explore)
			})
		}
	})
}

// flip changes one of the six bits of a base64url character.
func flip(token string, at, bit int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, token[at])
	if i < 0 {
		return flip(token, at+1, bit)
	}
	return token[:at] + string(alphabet[i^bit]) + token[at+1:]
}

func TestSignInsOfOneSecondAreTheirOwn(t *testing.T) {
	s := newServer(t, Config{}) // its clock stands still
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		a1, r1 := c.admin()
		a2, r2 := c.admin()
		if a1 == a2 || r1 == r2 {
			t.Fatal("two sign-ins gave the same token")
		}
		c.accepted(c.logout(a1), dialect.Logout)
		c.refused(c.refresh(r1), dialect.RevokedToken, dialect.Obtain)
		c.accepted(c.explore(a2), dialect.Explore)
		c.pair(c.refresh(r2))
	})
}

func FuzzReadTokens(f *testing.F) {
	s := newServer(f, Config{})
	for _, d := range dialect.All() {
		a, r := s.client(f, d, "").admin()
		f.Add(a)
		f.Add(r)
	}
	f.Add("..")
	f.Add("a.b")
	f.Fuzz(func(t *testing.T, token string) {
		for _, d := range dialect.All() {
			v, err := s.visit(context.Background(), d, "x")
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range []use{access, refresh} {
				if tk, err := v.read(context.Background(), u, token, dialect.BadToken, dialect.ExpiredToken); err == nil {
					t.Errorf("%q of another world is a token: %+v", token, tk)
				}
			}
			if _, ok := v.challenge(token); ok {
				t.Errorf("%q is an MFA token", token)
			}
		}
	})
}

// within is the object that stands in the named members.
func within(t *testing.T, path dialect.Within, body []byte) []byte {
	t.Helper()
	for _, name := range path {
		var around map[string]json.RawMessage
		if err := json.Unmarshal(body, &around); err != nil {
			t.Fatal(err)
		}
		body = around[name]
	}
	return body
}
