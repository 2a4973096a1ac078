package web_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// Canaries: each holds letters that stand nowhere else and that every
// escaping leaves as they are.
const (
	canaryName     = "canaryname4d21"
	canaryFactor   = "canaryfactor4d21"
	canaryPassword = `p+w"&<é%>canarypass8c07\`
	canaryMark     = "canarypass8c07"
	canaryCode     = "canarycode55"
)

// TestCanaries types secrets through the whole program, also wrong ones and at
// the wrong place, and then looks for them in everything that is written or
// answered.
func TestCanaries(t *testing.T) {
	t.Parallel()
	people := []sandbox.Person{{Name: canaryName, Password: canaryPassword}, {Name: canaryFactor, Password: canaryPassword, SecondFactor: true}}
	w := open(t)
	v := w.visitor(t)
	var heard []string
	quiet := false
	v.heard = func(r *reply) {
		if !quiet {
			heard = append(heard, fmt.Sprint(r.call, r.header, r.body))
		}
	}
	secrets := map[string]string{} // of real servers: what it is → the token
	for _, d := range dialect.All() {
		box := realSandbox(t, people)
		real := serve(t, box.Handler(d, ""))
		// parrot repeats what it was sent, in every spelling that servers use.
		parrot := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			form, err := url.ParseQuery(string(body))
			if err != nil {
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Echo", string(body))
			w.Header().Set("Set-Cookie", "echo="+url.QueryEscape(canaryPassword))
			w.WriteHeader(400)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"refused","form":%q,"bearer":%q`, body, r.Header.Get("Authorization"))
			for name := range form {
				_, _ = fmt.Fprintf(w, `,%q:%s`, name, jsonText(form.Get(name)))
			}
			_, _ = io.WriteString(w, "}")
		}))
		base := "/" + d.ID
		for _, s := range []*server{real, parrot} {
			v.call(base+"/trust", "x.fingerprint="+s.fingerprint()+"&x.target="+url.QueryEscape(s.address))
		}
		typed := dialect.Values{dialect.Username: canaryName, dialect.Password: canaryPassword}
		for _, address := range []string{"", real.address, parrot.address, "127.0.0.1:1"} {
			at := "&x.target=" + url.QueryEscape(address)
			for i, accept := range [][]string{asJSON, asPage, asFragment} {
				if address != "" && i > 0 {
					break // every kind of answer once is enough, and each is written to disk
				}
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed)+at, accept)
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: canaryName, dialect.Password: canaryPassword + "wrong"})+at, accept)
				if address != "" {
					continue // what follows is never sent
				}
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Password: canaryPassword})+at, accept)
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed)+at+"&x.change=1", accept)
				v.post(base+"/token", strings.Replace(form(t, d, dialect.PasswordGrant, typed), "=", "=nope", 1)+at, accept)
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed)+at+"&x.version=nope", accept)
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed)+"&x.target=nowhere", accept)
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed)+"&a=%zz", accept)
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed)+"&a="+strings.Repeat("x", 70<<10), accept)
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed), accept, []string{"Sec-Fetch-Site", "cross-site"})
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed), accept, []string{"Host", "evil.example"})
				v.post(base+"/token", form(t, d, dialect.PasswordGrant, typed), accept, []string{"Content-Type", "text/plain"})
				v.post(base+"/key", "x.key="+url.QueryEscape(canaryPassword+"\n")+at, accept)
				v.post(base+"/nowhere", form(t, d, dialect.PasswordGrant, typed), accept)
			}
			if d.SecondFactor == dialect.Challenges {
				v.call(base+"/token", form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: canaryFactor, dialect.Password: canaryPassword})+at)
				v.post(base+"/token", form(t, d, dialect.MFAGrant, dialect.Values{dialect.MFACode: canaryCode}), asPage)
				v.post(base+"/token", form(t, d, dialect.MFAGrant, dialect.Values{dialect.MFACode: canaryCode})+at, asJSON)
				v.post(base+"/token", form(t, d, dialect.MFAGrant, dialect.Values{dialect.MFACode: canaryCode, dialect.MFAToken: ""})+at, asPage)
			}
		}
		// A secret in an address is refused; the answer must not repeat it. The
		// call itself is the test's own text.
		v.heard(&reply{body: v.getQuiet(&quiet, base+"?password="+canaryMark).body})

		at := "x.target=" + url.QueryEscape(real.address)
		if got := v.call(base+"/token", form(t, d, dialect.PasswordGrant, typed)+"&"+at); got.Session.State != "valid" {
			t.Fatalf("%s: got %s", d.ID, got.raw)
		}
		keep := func(name string) {
			quiet = true
			for _, which := range []string{"access", "refresh"} {
				secrets[d.ID+" "+name+" "+which] = reveal(t, v, d, real.address, which)
			}
			quiet = false
		}
		keep("first")
		v.call(base+"/explore", at)
		v.call(base+"/refresh", at)
		keep("second")
		// A token typed by hand, to a server that repeats it.
		v.call(base+"/token", form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: secrets[d.ID+" second refresh"]})+"&x.target="+url.QueryEscape(parrot.address))
		v.post(base+"/key", "x.key="+url.QueryEscape(secrets[d.ID+" second access"])+"&x.target="+url.QueryEscape(parrot.address), asPage)
		v.call(base+"/explore", "x.target="+url.QueryEscape(parrot.address))
		v.call(base+"/accounts/logout", at)
		for _, address := range []string{"", real.address, parrot.address} {
			everywhere(v, d, address)
		}
	}
	w.stop()

	secrets["the password"], secrets["the code"] = canaryMark, canaryCode
	secrets["the password in base64"] = base64.StdEncoding.EncodeToString([]byte(canaryPassword))
	secrets["the password in hex"] = hex.EncodeToString([]byte(canaryPassword))
	sinks := map[string]string{"the log": w.log.String()}
	err := filepath.WalkDir(w.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		sinks["the file "+e.Name()] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sinks) < 3 || len(sinks["the log"]) < 1000 || len(heard) < 150 {
		t.Fatalf("there is too little to look through: %d sinks, %d answers", len(sinks), len(heard))
	}
	for sink, text := range sinks {
		for _, name := range []string{canaryName, canaryFactor} {
			if strings.Contains(text, name) {
				t.Errorf("%s has a person's name", sink)
			}
		}
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %s", sink, what)
			}
		}
	}
	told := map[string]bool{}
	for _, text := range heard {
		for what, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 && !told[what] {
				told[what] = true
				t.Errorf("an answer has %s: %.80s … %s", what, text, text[max(0, i-200):min(len(text), i+40)])
			}
		}
	}
}

// getQuiet fetches a page without telling heard.
func (v *visitor) getQuiet(quiet *bool, path string) *reply {
	*quiet = true
	defer func() { *quiet = false }()
	return v.get(path, asPage)
}

// jsonText writes a string as JSON as .NET does by default: what means
// something to HTML, and what is not ASCII, as \uXXXX.
func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r < ' ' || r > '~' || strings.ContainsRune("\"&'+<>`", r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
