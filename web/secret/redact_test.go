package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"tokenplayground/web/secret"
)

const (
	jwt    = "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl_-"
	opaque = "Zk9+x/Qa==7Yt&lM3<n"
	pw     = `P@ss "w0rd"/é+1`
)

func redactor() (*secret.Masker, *secret.Redactor) {
	m := secret.NewMasker([]byte("a root of thirty-two random bytes"))
	return m, secret.NewRedactor(m, []secret.Text{jwt, opaque}, []secret.Text{pw, "123456", "abc"})
}

func TestReplace(t *testing.T) {
	m, r := redactor()
	asJSON := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	cases := []struct{ name, in, want string }{
		{"text without secrets stays", "expires_in=900&token_type=bearer", "expires_in=900&token_type=bearer"},
		{"a token becomes its mask", "Authorization: Bearer " + jwt, "Authorization: Bearer " + m.Mask(jwt)},
		{"an opaque token too", "t=" + opaque + ";", "t=" + m.Mask(opaque) + ";"},
		{"a password is redacted", "pw " + pw, "pw [redacted]"},
		{"a code is redacted", "code=123456", "code=[redacted]"},
		{"in a form", "password=" + url.QueryEscape(pw) + "&x=1", "password=[redacted]&x=1"},
		{"in a form with lower-case escapes", strings.ToLower("t=") + "Zk9%2bx%2fQa%3d%3d7Yt%26lM3%3cn", "t=" + m.Mask(opaque)},
		{"in a path", "/a/" + url.PathEscape(pw), "/a/[redacted]"},
		{"in JSON", `{"p":` + asJSON(pw) + `}`, `{"p":"[redacted]"}`},
		{"in JSON of .NET", `{"t":"Zk9\u002Bx/Qa==7Yt\u0026lM3\u003Cn"}`, `{"t":"` + m.Mask(opaque) + `"}`},
		{"in HTML", "<b>" + html.EscapeString(pw) + "</b>", "<b>[redacted]</b>"},
		{"in base64", base64.StdEncoding.EncodeToString([]byte(pw)), "[redacted]"},
		{"a token that nobody named is masked by its shape", "x eyJhbGciOi.eyJzdWIi.abc y", "x " + m.Mask("eyJhbGciOi.eyJzdWIi.abc") + " y"},
		{"one with five parts too", "eyJhbGciOi.a.b.c.d", m.Mask("eyJhbGciOi.a.b.c.d")},
		{"a short value is left alone", "abcdef", "abcdef"},
		{"an empty text stays empty", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := r.Replace(c.in); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}

	t.Run("inside base64 at every offset", func(t *testing.T) {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 7 {
				for after := range 4 {
					in := enc.EncodeToString([]byte(strings.Repeat("u", before) + pw + strings.Repeat("v", after)))
					got := r.Replace(in)
					if !strings.Contains(got, secret.Redacted) {
						t.Errorf("%d before, %d after: %q stays %q", before, after, in, got)
					}
				}
			}
		}
	})
	t.Run("a secret that its replacement would spell again does not survive", func(t *testing.T) {
		for _, s := range []secret.Text{"redacted", "[red", "acted]", "][re", "]xyz"} {
			r := secret.NewRedactor(m, nil, []secret.Text{s, "canary"})
			for _, in := range []string{"canary", "canarycanary", "canaryxyz", s.Reveal()} {
				if got := r.Replace(in); strings.Contains(got, s.Reveal()) || strings.Contains(got, "canary") {
					t.Errorf("%q with secret %q: %q", in, s.Reveal(), got)
				}
			}
		}
	})
	t.Run("the longer of two values wins", func(t *testing.T) {
		r := secret.NewRedactor(m, []secret.Text{"pass-token-1"}, []secret.Text{"pass"})
		if got, want := r.Replace("pass-token-1"), secret.NewRedactor(m, nil, []secret.Text{"pass"}).Replace(m.Mask("pass-token-1")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("a redactor does not print what it knows", func(t *testing.T) {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if got := fmt.Sprintf(verb, r); got != "secret.Redactor" {
				t.Errorf("%s: got %s", verb, got)
			}
		}
	})
}

func FuzzReplace(f *testing.F) {
	f.Add("Bearer "+jwt, jwt, pw)
	f.Add(`{"access_token":"`+opaque+`"}`, opaque, "123456")
	f.Add("[redacted]xyz", "]xyz", "redacted")
	f.Add("eyJhbGciOi.a.b", "eyJh", "…·")
	f.Add("\xff\xfe\x00aaaa", "\xff\xfe\x00", "aaaa")
	f.Fuzz(func(t *testing.T, text, token, other string) {
		m := secret.NewMasker([]byte("root"))
		r := secret.NewRedactor(m, []secret.Text{secret.Text(token)}, []secret.Text{secret.Text(other)})
		asJSON, err := json.Marshal(token)
		if err != nil {
			t.Fatal(err)
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(text + token + text))
		// What of each text must not be left. The signs around an encoding
		// keep what stands beside it from being read as a part of it.
		cases := []struct{ in, gone, of string }{
			{text, token, token},
			{text, other, other},
			{text + token + text, token, token},
			{"=" + url.QueryEscape(other) + "&" + text, "=" + url.QueryEscape(other) + "&", other},
			{"=" + url.QueryEscape(url.QueryEscape(other)) + "&" + text, "=" + url.QueryEscape(url.QueryEscape(other)) + "&", other},
			{"<" + html.EscapeString(other) + "<" + text, "<" + html.EscapeString(other) + "<", other},
			{encoded, encoded, token},
		}
		if utf8.ValidString(token) { // JSON has no way to say anything else
			cases = append(cases, struct{ in, gone, of string }{string(asJSON) + text, string(asJSON), token})
		}
		for _, c := range cases {
			got := r.Replace(c.in)
			if len(c.of) >= secret.MinLength && strings.Contains(got, c.gone) {
				t.Errorf("%q survives in %q, made from %q", c.gone, got, c.in)
			}
			if again := r.Replace(got); again != got {
				t.Errorf("not idempotent: %q, then %q", got, again)
			}
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	_, r := redactor()
	text := strings.Repeat(`{"name":"Backup Job 1","id":"0f8fad5b-d9cb-469f-a165-70867728950e"},`, 150)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Replace(text)
	}
}

// BenchmarkHostile has a body of the largest size that makes the most work.
func BenchmarkHostile(b *testing.B) {
	m := secret.NewMasker([]byte("root"))
	for name, text := range map[string]string{
		"almost the token":    strings.Repeat("a", 1<<20),
		"thirty layers":       "%" + strings.Repeat("25", 29) + "41" + strings.Repeat("a", 1<<20),
		"nothing but escapes": strings.Repeat(`\u0026#37;41`, 1<<20/12),
	} {
		b.Run(name, func(b *testing.B) {
			r := secret.NewRedactor(m, []secret.Text{secret.Text(strings.Repeat("a", 6000) + "b")}, []secret.Text{pw})
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.Replace(text)
			}
		})
	}
}

func BenchmarkNewRedactor(b *testing.B) {
	m := secret.NewMasker([]byte("root"))
	tokens := []secret.Text{secret.Text(jwt + strings.Repeat("a", 6000)), secret.Text(opaque + strings.Repeat("b", 6000))}
	for b.Loop() {
		secret.NewRedactor(m, tokens, []secret.Text{pw}).Replace("short")
	}
}
