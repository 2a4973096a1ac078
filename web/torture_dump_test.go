package web_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/session"
	"tokenplayground/web/store/storetest"
)

// keyringIn makes the keyring that replicas share.
func keyringIn(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "keyring")
	if _, _, err := session.LoadOrCreateKeyring(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDumpsHoldNothing makes a whole journey and reads what was stored as a
// thief would.
func TestDumpsHoldNothing(t *testing.T) { // S05, CRY-3
	t.Parallel()
	t.Run("the file", func(t *testing.T) {
		w := open(t)
		v := w.visitor(t)
		secrets := journey(t, v)
		// Another visitor forgets everything: freed pages are in the file still.
		other := w.visitor(t)
		d := dialect.All()[0]
		gone := other.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
		secrets["a forgotten token"] = gone.Session.AccessToken
		other.post("/forget", "", asJSON).want(200)
		w.stop()
		var all []byte
		for _, name := range []string{"playground.db"} {
			data, err := os.ReadFile(filepath.Join(w.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data...)
		}
		holdsNone(t, all, secrets)
	})
	t.Run("Redis", func(t *testing.T) {
		r := storetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always", "--rdbcompression", "no")
		dir := t.TempDir()
		w := start(t, dir, configure(t, dir, "--store", r.URL(), "--keyring", keyringIn(t, dir)))
		secrets := journey(t, w.visitor(t))
		c := redis.NewClient(&redis.Options{Addr: r.Addr})
		defer c.Close()
		if err := c.Save(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		w.stop()
		holdsNone(t, r.Files(), secrets)
	})
}

// journey is every step of every product; it returns what must stay secret.
func journey(t *testing.T, v *visitor) map[string]string {
	t.Helper()
	secrets := map[string]string{"the password": sandbox.People()[0].Password}
	keep := func(what string, s answer) {
		for name, token := range map[string]string{"access": s.Session.AccessToken, "refresh": s.Session.RefreshToken} {
			if token != "" {
				secrets[what+"'s "+name+" token "+token[max(0, len(token)-6):]] = token
			}
		}
		_, ticket, _ := strings.Cut(v.cookies(), "=")
		secrets["the cookie "+ticket[max(0, len(ticket)-6):]] = ticket
	}
	for _, d := range dialect.All() {
		base := "/" + d.ID
		keep(d.ID, v.call(base+"/token", signIn(t, d, "administrator")))
		v.call(base+"/explore", "")
		keep(d.ID, v.call(base+"/refresh", ""))
		keep(d.ID, v.call(base+"/token", signIn(t, d, "mfa")))
		if d.SecondFactor == dialect.Challenges {
			c := code(t, v, d)
			keep(d.ID, v.call(base+"/token", form(t, d, dialect.MFAGrant, dialect.Values{dialect.MFACode: c})))
		}
		v.call(base+"/token", form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: "administrator", dialect.Password: canaryPassword}))
		secrets["a mistyped password"] = canaryMark
		keep(d.ID, v.call(base+"/token", signIn(t, d, "administrator")))
	}
	// A server of the visitor's own, whose tokens the page shows when asked.
	d := dialect.All()[1]
	base := "/" + d.ID
	s := realServer(t, d)
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	v.call(base+"/target", "x.host="+host+"&x.port="+port)
	at := "x.target=" + url.QueryEscape(s.address)
	v.call(base+"/token", signIn(t, d, "administrator")+"&"+at) // not trusted yet
	v.call(base+"/trust", "x.fingerprint="+s.fingerprint()+"&"+at)
	for _, step := range []string{"/token", "/explore", "/refresh"} {
		body := at
		if step == "/token" {
			body = signIn(t, d, "administrator") + "&" + at
		}
		if got := v.call(base+step, body); got.Session.State != "valid" {
			t.Fatalf("%s of the server: got %s", step, got.raw)
		}
		for _, which := range []string{"access", "refresh"} {
			token := reveal(t, v, d, s.address, which)
			secrets["the server's "+which+" token "+token[len(token)-6:]] = token
		}
	}
	// A key that is pasted, tokens that end with the clock, and those of one
	// product forgotten.
	const pasted = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnlwYXN0ZWQ0ZDIxIn0.canarypasted4d21"
	secrets["a pasted key"] = pasted
	v.post(base+"/key", "x.key="+pasted, asJSON).want(200)
	last := dialect.All()[len(dialect.All())-1]
	v.post("/"+last.ID+"/clock", "move=expire-access", asJSON).want(200)
	v.post("/"+last.ID+"/explore", "", asJSON)
	v.post("/"+last.ID+"/clock", "move=now", asJSON).want(200)
	v.post("/"+dialect.All()[2].ID+"/forget", "", asJSON).want(200)
	// One product's tokens are ended, the others are still kept.
	v.call("/"+dialect.All()[0].ID+"/accounts/logout", "")
	if len(secrets) < 5*len(dialect.All()) {
		t.Fatalf("the journey has %d secrets only", len(secrets))
	}
	return secrets
}

// holdsNone looks for each secret and its inner parts in five spellings.
func holdsNone(t *testing.T, dump []byte, secrets map[string]string) {
	t.Helper()
	if len(dump) < 10_000 {
		t.Fatalf("the dump has %d bytes only", len(dump))
	}
	looked := 0
	for what, secret := range secrets {
		parts := [][]byte{[]byte(secret)}
		// What a cookie or a token wraps: the ticket, a payload.
		for part := range strings.FieldsFuncSeq(secret, func(r rune) bool { return r == '.' }) {
			if inner, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "=")); err == nil {
				for _, p := range bytes.Split(inner, []byte("|")) {
					if len(p) >= 32 {
						parts = append(parts, p)
						if deep, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(p), "=")); err == nil && len(deep) >= 32 {
							parts = append(parts, deep)
						}
					}
				}
			}
			if len(part) >= 64 && part != secret {
				parts = append(parts, []byte(part[len(part)-64:]))
			}
		}
		for _, p := range parts {
			if bytes.HasPrefix(p, []byte(`{"alg"`)) || bytes.HasPrefix(p, []byte(`{"typ"`)) {
				continue // the header of every token of the kind
			}
			backwards := slices.Clone(p)
			slices.Reverse(backwards)
			for how, spelt := range map[string]string{
				"as it is": string(p), "in base64": strings.TrimRight(base64.StdEncoding.EncodeToString(p), "="), "in base64 for URLs": base64.RawURLEncoding.EncodeToString(p),
				"in hexadecimal digits": hex.EncodeToString(p), "backwards": string(backwards),
			} {
				looked++
				if bytes.Contains(dump, []byte(spelt)) {
					t.Errorf("the dump has %s %s", what, how)
				}
			}
		}
	}
	t.Logf("bytes: %d, secrets: %d, spellings looked for: %d, found: 0", len(dump), len(secrets), looked)
}
