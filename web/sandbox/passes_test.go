package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

// with runs a test for every product that has an operation, in the last
// version that has it.
func with(t *testing.T, p dialect.Purpose, f func(t *testing.T, d *dialect.Dialect, version string)) {
	ran := 0
	for _, d := range dialect.All() {
		op := d.Operation(p)
		if op == nil {
			continue
		}
		version := ""
		for _, v := range d.Versions.All {
			if d.Speaks(v.ID, op.Since, op.Until) {
				version = v.ID
			}
		}
		ran++
		t.Run(d.ID, func(t *testing.T) { f(t, d, version) })
	}
	if ran == 0 {
		t.Errorf("no product has %q", p)
	}
}

// granting runs a test for every product that has a grant.
func granting(t *testing.T, k dialect.Kind, f func(t *testing.T, d *dialect.Dialect)) {
	ran := 0
	for _, d := range dialect.All() {
		if _, ok := d.Grant(k); ok {
			ran++
			t.Run(d.ID, func(t *testing.T) { f(t, d) })
		}
	}
	if ran == 0 {
		t.Errorf("no product has %q", k)
	}
}

func (c client) obtain(k dialect.Kind, values dialect.Values) result {
	c.t.Helper()
	return c.call(dialect.Call{Purpose: dialect.Obtain, Kind: k, Values: values})
}

func (c client) newCode(token string) string {
	c.t.Helper()
	r := c.call(dialect.Call{Purpose: dialect.MakeCode, Bearer: token})
	c.accepted(r, dialect.MakeCode)
	return r.Values[dialect.AuthorizationCode]
}

func TestCodes(t *testing.T) {
	with(t, dialect.MakeCode, func(t *testing.T, d *dialect.Dialect, version string) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now})
		c := client{t, d, version, s.Handler(d, "")}
		token, _ := c.admin()
		c.refused(c.call(dialect.Call{Purpose: dialect.MakeCode}), dialect.NoToken, dialect.MakeCode)
		code := c.newCode(token)
		if _, ok := d.Grant(dialect.CodeGrant); !ok {
			return // the code is for something else
		}
		use := func(c client, code string) result {
			return c.obtain(dialect.CodeGrant, dialect.Values{dialect.AuthorizationCode: code})
		}
		t.Run("a code is good once", func(t *testing.T) {
			a, r := c.pair(use(c, code))
			c.accepted(c.explore(a), dialect.Explore)
			c.pair(c.refresh(r))
			c.refused(use(c, code), dialect.BadCode, dialect.Obtain)
		})
		t.Run("a code is good in its world", func(t *testing.T) {
			other := client{t, d, version, s.Handler(d, "elsewhere")}
			other.refused(use(other, c.newCode(token)), dialect.BadCode, dialect.Obtain)
		})
		t.Run("a code ends", func(t *testing.T) {
			code := c.newCode(token)
			clk.Add(d.Lifetimes.Code)
			c.refused(use(c, code), dialect.BadCode, dialect.Obtain)
		})
		t.Run("a code is none when a letter is changed", func(t *testing.T) {
			code := []byte(c.newCode(token))
			code[20] ^= 1
			c.refused(use(c, string(code)), dialect.BadCode, dialect.Obtain)
		})
	})
}

// A strictly typed client of an older version must be able to read the refusal
// of a call that no version has.
func TestARefusalSpeaksTheVersionOfItsPath(t *testing.T) {
	s := newServer(t, Config{})
	each(t, func(t *testing.T, d *dialect.Dialect, version string) {
		op := d.Operation(dialect.Explore)
		before, _, ok := strings.Cut(op.Path, "{version}")
		if !ok {
			t.Skip("the paths name no version")
		}
		for fault, r := range map[dialect.Fault]*http.Request{
			dialect.NotFound:  httptest.NewRequest(http.MethodGet, before+version+"/nowhere", nil),
			dialect.BadMethod: httptest.NewRequest(http.MethodPatch, d.Path(op, version), nil),
		} {
			want, err := d.EncodeRefusal(fault, "", version, dialect.Values{})
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			s.Handler(d, "").ServeHTTP(w, r)
			if diff := cmp.Diff(members(want.Body), members(w.Body.String())); w.Code != want.Status || diff != "" {
				t.Errorf("%s: got %d, want %d; members -want +got:\n%s", fault, w.Code, want.Status, diff)
			}
		}
	})
}

// members are the names in a JSON object, sorted; none for anything else.
func members(text string) []string {
	var m map[string]json.RawMessage
	_ = json.Unmarshal([]byte(text), &m)
	return slices.Sorted(maps.Keys(m))
}

func TestCallsOfOtherVersionsAreNotFound(t *testing.T) {
	s := newServer(t, Config{})
	each(t, func(t *testing.T, d *dialect.Dialect, version string) {
		c := client{t, d, version, s.Handler(d, "")}
		for i := range d.Operations {
			op := &d.Operations[i]
			if d.Speaks(version, op.Since, op.Until) {
				continue
			}
			r := httptest.NewRequest(op.Method, d.Path(op, version), nil)
			if h := d.Versions.Header; h != "" {
				r.Header.Set(h, version)
			}
			c.refused(c.do(r, op.Purpose), dialect.NotFound, op.Purpose)
		}
	})
}

func TestApplicationsSignIn(t *testing.T) {
	with(t, dialect.MakeClient, func(t *testing.T, d *dialect.Dialect, version string) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now})
		c := client{t, d, version, s.Handler(d, "")}
		token, _ := c.admin()
		made := c.call(dialect.Call{Purpose: dialect.MakeClient, Bearer: token})
		c.accepted(made, dialect.MakeClient)
		id, secret := made.Values[dialect.ClientID], made.Values[dialect.ClientSecret]
		signIn := func(id, secret string) result {
			return c.obtain(dialect.ClientGrant, dialect.Values{dialect.ClientID: id, dialect.ClientSecret: secret})
		}
		t.Run("a client lives like a person", func(t *testing.T) {
			a, r := c.pair(signIn(id, secret))
			c.accepted(c.explore(a), dialect.Explore)
			a, _ = c.pair(c.refresh(r))
			c.accepted(c.logout(a), dialect.Logout)
			c.refused(c.explore(a), dialect.RevokedToken, dialect.Explore)
		})
		t.Run("a client cannot make clients, before and after a refresh", func(t *testing.T) {
			a, r := c.pair(signIn(id, secret))
			c.refused(c.call(dialect.Call{Purpose: dialect.MakeClient, Bearer: a}), dialect.TooFewRights, dialect.MakeClient)
			a, _ = c.pair(c.refresh(r))
			c.refused(c.call(dialect.Call{Purpose: dialect.MakeClient, Bearer: a}), dialect.TooFewRights, dialect.MakeClient)
		})
		t.Run("another id, another secret, nothing", func(t *testing.T) {
			other := c.call(dialect.Call{Purpose: dialect.MakeClient, Bearer: token})
			c.refused(signIn(other.Values[dialect.ClientID], secret), dialect.BadClient, dialect.Obtain)
			c.refused(signIn(id, "x"), dialect.BadClient, dialect.Obtain)
		})
		t.Run("a client ends", func(t *testing.T) {
			clk.Add(clientLife)
			c.refused(signIn(id, secret), dialect.BadClient, dialect.Obtain)
		})
	})
}

func TestAssertions(t *testing.T) {
	ctx := t.Context()
	granting(t, dialect.AssertionGrant, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now})
		c := s.client(t, d, "w")
		say := func(k dialect.Kind, world, issuer, id, person string) result {
			text, err := s.Assertion(ctx, world, d, issuer, person)
			if err != nil {
				t.Fatal(err)
			}
			return c.obtain(k, dialect.Values{dialect.ClientID: id, dialect.Assertion: text})
		}
		t.Run("a person whom the key vouches for", func(t *testing.T) {
			a, r := c.pair(say(dialect.AssertionGrant, "w", "app", "app", "administrator"))
			c.accepted(c.explore(a), dialect.Explore)
			c.pair(c.refresh(r))
		})
		t.Run("an operator only, where the grant is theirs", func(t *testing.T) {
			a, _ := c.pair(say(dialect.OperatorGrant, "w", "app", "app", "operator"))
			c.refused(c.explore(a), dialect.TooFewRights, dialect.Explore)
			c.refused(say(dialect.OperatorGrant, "w", "app", "app", "administrator"), dialect.BadAssertion, dialect.Obtain)
		})
		for name, r := range map[string]result{
			"of another world":    say(dialect.AssertionGrant, "v", "app", "app", "administrator"),
			"for another client":  say(dialect.AssertionGrant, "w", "app", "other", "administrator"),
			"about nobody":        say(dialect.AssertionGrant, "w", "app", "app", "nobody"),
			"about who is locked": say(dialect.AssertionGrant, "w", "app", "app", "locked"),
			"that is no JWT":      c.obtain(dialect.AssertionGrant, dialect.Values{dialect.ClientID: "app", dialect.Assertion: "x"}),
			"with alg none":       c.obtain(dialect.AssertionGrant, dialect.Values{dialect.ClientID: "app", dialect.Assertion: "eyJhbGciOiJub25lIn0.e30."}),
			"that is an access token": func() result {
				a, _ := c.admin()
				return c.obtain(dialect.AssertionGrant, dialect.Values{dialect.ClientID: "app", dialect.Assertion: a})
			}(),
		} {
			t.Run("not one "+name, func(t *testing.T) { c.refused(r, dialect.BadAssertion, dialect.Obtain) })
		}
		t.Run("not one that has ended", func(t *testing.T) {
			text, err := s.Assertion(ctx, "w", d, "app", "administrator")
			if err != nil {
				t.Fatal(err)
			}
			clk.Add(assertionLife)
			c.refused(c.obtain(dialect.AssertionGrant, dialect.Values{dialect.ClientID: "app", dialect.Assertion: text}), dialect.BadAssertion, dialect.Obtain)
		})
	})
}

func TestPublicKeys(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	xml := "<RSAKeyValue><Modulus>" + b64(key.N.Bytes()) + "</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>"
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	granting(t, dialect.PublicKeyGrant, func(t *testing.T, d *dialect.Dialect) {
		clk := &clock{now: start}
		s := newServer(t, Config{Now: clk.Now})
		c := s.client(t, d, "")
		for name, text := range map[string]string{
			"base64 of DER":                 b64(pkix),
			"base64 of PKCS #1":             b64(x509.MarshalPKCS1PublicKey(&key.PublicKey)),
			"PEM":                           string(asPEM),
			"base64 of PEM":                 b64(asPEM),
			"the XML of .NET, in base64":    b64([]byte(xml)),
			"the XML of .NET, as it stands": xml,
		} {
			t.Run(name, func(t *testing.T) {
				r := c.obtain(dialect.PublicKeyGrant, dialect.Values{dialect.PublicKey: text})
				c.accepted(r, dialect.Obtain)
				if r.Values[dialect.AccessToken] != "" {
					t.Error("a public key alone got a token")
				}
				sealed, err := base64.StdEncoding.DecodeString(r.Values[dialect.EncryptedCode])
				if err != nil {
					t.Fatal(err)
				}
				code, err := rsa.DecryptOAEP(sha256.New(), nil, key, sealed, nil)
				if err != nil {
					t.Fatal(err)
				}
				a, _ := c.pair(c.obtain(dialect.CodeGrant, dialect.Values{dialect.AuthorizationCode: string(code)}))
				c.accepted(c.explore(a), dialect.Explore)
			})
		}
		for _, bad := range []string{"x", b64([]byte("<RSAKeyValue><Modulus>AA==</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>")), b64(asPEM[:60])} {
			c.refused(c.obtain(dialect.PublicKeyGrant, dialect.Values{dialect.PublicKey: bad}), dialect.BadPublicKey, dialect.Obtain)
		}
	})
}

func TestActingAsAnother(t *testing.T) {
	granting(t, dialect.ActAsGrant, func(t *testing.T, d *dialect.Dialect) {
		s := newServer(t, Config{})
		c := s.client(t, d, "")
		_, mine := c.admin()
		theirs, theirRefresh := c.pair(c.signIn("operator", "Password1"))
		uid := c.whoami(theirs)[dialect.UserID]
		as := func(refresh, uid string) result {
			return c.obtain(dialect.ActAsGrant, dialect.Values{dialect.RefreshToken: refresh, dialect.UserID: uid})
		}
		t.Run("an administrator may, and keeps the refresh token", func(t *testing.T) {
			a, _ := c.pair(as(mine, uid))
			if got := c.call(dialect.Call{Purpose: dialect.WhoAmI, Bearer: a}).Values[dialect.Username]; got != "operator" {
				t.Errorf("got %q", got)
			}
			c.pair(as(mine, uid))
			c.pair(c.refresh(mine))
			c.refused(as(mine, uid), dialect.SpentRefreshToken, dialect.Obtain)
		})
		t.Run("an operator may not", func(t *testing.T) {
			c.refused(as(theirRefresh, uid), dialect.TooFewRights, dialect.Obtain)
		})
		t.Run("nobody can be nobody", func(t *testing.T) {
			_, fresh := c.admin()
			c.refused(as(fresh, "00000000-0000-4000-8000-000000000000"), dialect.BadCredentials, dialect.Obtain)
		})
	})
}

func TestReadOnlyTokensChangeNothing(t *testing.T) {
	s := newServer(t, Config{})
	ran := false
	product(t, func(t *testing.T, d *dialect.Dialect) {
		grant, _ := d.Grant(dialect.PasswordGrant)
		if !takes(grant.Takes, dialect.ReadOnlyToken) {
			t.Skip("knows none")
		}
		ran = true
		c := s.client(t, d, "")
		v, err := s.visit(t.Context(), d, "")
		if err != nil {
			t.Fatal(err)
		}
		_, r := c.pair(c.obtain(dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1", dialect.ReadOnlyToken: "true"}))
		a, _ := c.pair(c.refresh(r)) // and its heirs
		c.accepted(c.explore(a), dialect.Explore)
		for method, want := range map[string]error{"GET": nil, "POST": refused(dialect.TooFewRights), "DELETE": refused(dialect.TooFewRights)} {
			if _, err := v.enter(t.Context(), &dialect.Operation{Method: method}, dialect.Call{Bearer: a}); err != want {
				t.Errorf("%s: got %v, want %v", method, err, want)
			}
		}
		c.accepted(c.logout(a), dialect.Logout)
	})
	if !ran {
		t.Error("no product knows a read-only token")
	}
}

func TestAntiforgery(t *testing.T) {
	for _, d := range dialect.All() {
		name := d.Antiforgery.Cookie
		if name == "" {
			continue
		}
		password := dialect.Values{dialect.Username: "administrator", dialect.Password: "Password1"}
		t.Run(d.ID, func(t *testing.T) {
			s, strict := newServer(t, Config{}), newServer(t, Config{Strict: true})
			t.Run("a patient world sets the cookie and does not insist", func(t *testing.T) {
				c := s.client(t, d, "")
				r := c.obtain(dialect.PasswordGrant, password)
				if d.DecodeHeader(r.header)[dialect.AntiforgeryToken] == "" {
					t.Errorf("got no cookie: %v", r.header)
				}
				a, f := c.pair(r)
				c.accepted(c.explore(a), dialect.Explore)
				c.pair(c.refresh(f))
			})
			t.Run("a strict world insists, on calls, refreshes and log-out", func(t *testing.T) {
				c := strict.client(t, d, "")
				r := c.obtain(dialect.PasswordGrant, password)
				a, f := c.pair(r)
				cookie := d.DecodeHeader(r.header)
				c.refused(c.explore(a), dialect.MissingAntiforgery, dialect.Explore)
				c.refused(c.refresh(f), dialect.MissingAntiforgery, dialect.Obtain)
				c.refused(c.logout(a), dialect.MissingAntiforgery, dialect.Logout)
				other := d.DecodeHeader(c.obtain(dialect.PasswordGrant, password).header)
				c.refused(c.call(dialect.Call{Purpose: dialect.Explore, Bearer: a, Values: other}), dialect.MissingAntiforgery, dialect.Explore)

				c.accepted(c.call(dialect.Call{Purpose: dialect.Explore, Bearer: a, Values: cookie}), dialect.Explore)
				next := c.obtain(dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: f, dialect.AntiforgeryToken: cookie[dialect.AntiforgeryToken]})
				a, _ = c.pair(next)
				c.accepted(c.call(dialect.Call{Purpose: dialect.Logout, Bearer: a, Values: d.DecodeHeader(next.header)}), dialect.Logout)
			})
			t.Run("a pair without needs none, and its heirs neither", func(t *testing.T) {
				c := strict.client(t, d, "")
				r := c.signIn("administrator", "Password1")
				if got := r.header.Get("Set-Cookie"); got != "" {
					t.Errorf("got cookie %q", got)
				}
				_, f := c.pair(r)
				a, _ := c.pair(c.refresh(f))
				c.accepted(c.explore(a), dialect.Explore)
			})
			t.Run("versions before it have none", func(t *testing.T) {
				for _, v := range d.Versions.All {
					if d.Speaks(v.ID, d.Antiforgery.Since, "") {
						continue
					}
					c := client{t, d, v.ID, strict.Handler(d, "")}
					r := c.obtain(dialect.PasswordGrant, password)
					if got := r.header.Get("Set-Cookie"); got != "" {
						t.Errorf("%s: got cookie %q", v.ID, got)
					}
					a, _ := c.pair(r)
					c.accepted(c.explore(a), dialect.Explore)
				}
			})
		})
	}
}

func TestEveryEncodingIsUnderstood(t *testing.T) {
	people := append(People(), odd)
	s, strict := newServer(t, Config{People: people}), newServer(t, Config{People: people, Strict: true})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		for _, e := range d.Operation(dialect.Obtain).Encodings {
			for _, c := range []client{s.client(t, d, ""), strict.client(t, d, "")} {
				c.version = d.Versions.Default
				c.pair(c.call(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Encoding: e,
					Values: dialect.Values{dialect.Username: odd.Name, dialect.Password: odd.Password, dialect.NoAntiforgery: "true"}}))
				r := c.call(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Encoding: e,
					Values: dialect.Values{dialect.Username: odd.Name, dialect.Password: "x"}})
				c.refused(r, dialect.BadCredentials, dialect.Obtain)
			}
		}
	})
}

func TestLogoutNamesWhatEnds(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		op := d.Operation(dialect.Logout)
		c := s.client(t, d, "")
		a1, _ := c.admin()
		a2, _ := c.admin()
		switch {
		case takes(op.Takes, dialect.AccessToken):
			c.accepted(c.call(dialect.Call{Purpose: dialect.Logout, Bearer: a1, Values: dialect.Values{dialect.AccessToken: a2}}), dialect.Logout)
			c.refused(c.explore(a2), dialect.RevokedToken, dialect.Explore)
			c.accepted(c.explore(a1), dialect.Explore)
			r := httptest.NewRequest(op.Method, d.Path(op, ""), strings.NewReader(""))
			r.Header.Set("Authorization", "Bearer "+a1)
			c.refused(c.do(r, dialect.Logout), dialect.MissingField, dialect.Logout)
			c.accepted(c.logout(a1), dialect.Logout)
			a3, _ := c.admin()
			c.refused(c.call(dialect.Call{Purpose: dialect.Logout, Bearer: a1, Values: dialect.Values{dialect.AccessToken: a3}}), dialect.RevokedToken, dialect.Logout)
		case takes(op.Takes, dialect.UserID):
			other, _ := c.pair(c.signIn("operator", "Password1"))
			c.refused(c.call(dialect.Call{Purpose: dialect.Logout, Bearer: a1, Values: c.whoami(other)}), dialect.NotFound, dialect.Logout)
			c.accepted(c.explore(a1), dialect.Explore)
			c.accepted(c.logout(a1), dialect.Logout)
			c.accepted(c.explore(a2), dialect.Explore)
		default:
			t.Skip("the bearer says it all")
		}
	})
}

func TestPassesOfOnePurposeAreNoneOfAnother(t *testing.T) {
	s := newServer(t, Config{})
	v, err := s.visit(t.Context(), dialect.All()[0], "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := v.newPass("code", &pass{person: "administrator", expires: start.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := v.openPass("code", text); !ok || p.person != "administrator" {
		t.Errorf("got %+v, %v", p, ok)
	}
	for purpose, text := range map[string]string{"client": text, "code": text + "\n", "code ": text} {
		if _, ok := v.openPass(purpose, text); ok {
			t.Errorf("%q is a pass for %q", text, purpose)
		}
	}
}

func FuzzReadPublicKey(f *testing.F) {
	for _, text := range []string{"", "x", "PFJTQUtleVZhbHVlPjwvUlNBS2V5VmFsdWU+", "<RSAKeyValue><Modulus>AA==</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := readPublicKey(text)
		if err != nil {
			return
		}
		// Whatever is a key can be tried; it may be too short or nonsense.
		_, _ = rsa.EncryptOAEP(sha256.New(), rand.Reader, key, []byte("code"), nil)
	})
}
