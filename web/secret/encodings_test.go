package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"tokenplayground/web/secret"
)

// each writes every character of s in its own way.
func each(s string, write func(c rune) string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteString(write(c))
	}
	return b.String()
}

func utf16Escape(c rune, format string) string {
	out := ""
	for _, u := range utf16.Encode([]rune{c}) {
		out += fmt.Sprintf(format, u)
	}
	return out
}

func percent(c rune, format string) string {
	out := ""
	for _, b := range []byte(string(c)) {
		out += fmt.Sprintf(format, b)
	}
	return out
}

// encoders are what servers and the tools between may do to a text. The ones
// that have a choice take it for each character anew.
var encoders = map[string]func(t *rapid.T, s string) string{
	"JSON": func(t *rapid.T, s string) string {
		return each(s, func(c rune) string {
			// The bare character must be one that JSON allows.
			must := c == '"' || c == '\\' || c < ' '
			switch n := rapid.IntRange(0, 3).Draw(t, "JSON"); {
			case n == 0:
				return utf16Escape(c, `\u%04x`)
			case n == 1:
				return utf16Escape(c, `\u%04X`)
			case n == 2 && c == '/':
				return `\/`
			case must:
				b, _ := json.Marshal(string(c))
				return string(b[1 : len(b)-1])
			}
			return string(c)
		})
	},
	"JavaScript": func(t *rapid.T, s string) string {
		return each(s, func(c rune) string {
			if c < 0x80 && rapid.Bool().Draw(t, "JavaScript") {
				return fmt.Sprintf(`\x%02x`, c)
			}
			return utf16Escape(c, `\u%04x`)
		})
	},
	"HTML": func(t *rapid.T, s string) string {
		return each(s, func(c rune) string {
			switch rapid.IntRange(0, 4).Draw(t, "HTML") {
			case 0:
				return fmt.Sprintf("&#%d;", c)
			case 1:
				return fmt.Sprintf("&#x%x;", c)
			case 2:
				return fmt.Sprintf("&#X%04X;", c)
			}
			return html.EscapeString(string(c))
		})
	},
	"URL": func(t *rapid.T, s string) string {
		return each(s, func(c rune) string {
			switch rapid.IntRange(0, 4).Draw(t, "URL") {
			case 0:
				return percent(c, "%%%02x")
			case 1:
				return percent(c, "%%%02X")
			case 2:
				return url.PathEscape(string(c))
			}
			return url.QueryEscape(string(c))
		})
	},
	"old URL": func(_ *rapid.T, s string) string {
		return each(s, func(c rune) string { return utf16Escape(c, "%%u%04X") })
	},
	"base64":              func(_ *rapid.T, s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64url":           func(_ *rapid.T, s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64url, unpadded": func(_ *rapid.T, s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64 in lines": func(_ *rapid.T, s string) string {
		s = base64.StdEncoding.EncodeToString([]byte(s))
		return s[:len(s)/2] + "\r\n" + s[len(s)/2:]
	},
}

// TestNoEncodingHidesASecret: whatever a server does to a password before it
// echoes it, up to three times over, the page does not show it.
func TestNoEncodingHidesASecret(t *testing.T) {
	names := []string{"JSON", "JavaScript", "HTML", "URL", "old URL", "base64", "base64url", "base64url, unpadded", "base64 in lines"}
	m := secret.NewMasker([]byte("a root of thirty-two random bytes"))
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringOfN(rapid.RuneFrom([]rune(`abXY019%%&&\\"';;#+/=<>ux é😀`)), secret.MinLength, 20, -1).Draw(t, "password")
		echo, base64s := password, 0
		for range rapid.IntRange(0, 3).Draw(t, "times") {
			name := rapid.SampledFrom(names).Draw(t, "encoding")
			if strings.HasPrefix(name, "base64") {
				if base64s++; base64s > 1 {
					continue
				}
			}
			echo = encoders[name](t, echo)
		}
		r := secret.NewRedactor(m, nil, []secret.Text{secret.Text(password)})
		in := `{"echo":"` + echo + `"}`
		// A text with too many layers may be withheld; one in many thousands is.
		if got, want := r.Replace(in), `{"echo":"[redacted]"}`; got != want && got != "***" {
			t.Fatalf("password %q: %q became %q", password, in, got)
		}
	})
}

func TestPlausibleEchoes(t *testing.T) {
	m := secret.NewMasker([]byte("a root of thirty-two random bytes"))
	const pw = `a&b"ü1\`
	r := secret.NewRedactor(m, []secret.Text{jwt}, []secret.Text{pw})
	inJSON := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[1 : len(b)-1])
	}
	all := func(s, format string) string {
		return each(s, func(c rune) string { return utf16Escape(c, format) })
	}
	b64 := base64.StdEncoding
	for _, c := range []struct{ name, in, want string }{
		{"every character as \\u", `{"e":"` + all(pw, `\u%04X`) + `"}`, `{"e":"[redacted]"}`},
		{"every second one", `{"e":"a\u0026b\u0022ü\u0031\\"}`, `{"e":"[redacted]"}`},
		{"a string of JSON in JSON", `{"e":"` + inJSON(`{"p":"`+inJSON(pw)+`"}`) + `"}`, `{"e":"{\"p\":\"[redacted]\"}"}`},
		{"numbers of HTML", "<p>" + each(pw, func(c rune) string { return fmt.Sprintf("&#%d;", c) }) + "</p>", "<p>[redacted]</p>"},
		{"an attribute that ends in a backslash", `value="` + html.EscapeString(pw) + `"`, `value="[redacted]"`},
		{"percent twice", "/x?p=" + url.QueryEscape(url.QueryEscape(pw)) + "&q", "/x?p=[redacted]&q"},
		{"percent small and large", "p=a%26b%22%c3%BC1%5c", "p=[redacted]"},
		{"base64 with its padding", "x " + b64.EncodeToString([]byte(pw)) + " y", "x [redacted] y"},
		{"base64 without", "x " + b64.WithPadding(base64.NoPadding).EncodeToString([]byte(pw)) + " y", "x [redacted] y"},
		{"base64 whose signs are escaped", "x=" + url.QueryEscape(b64.EncodeToString([]byte("??>"+pw))) + "&y", "x=Pz8%2B[redacted]&y"},
		{"base64 of JSON that escapes it", b64.EncodeToString([]byte(`{"p":"` + all(pw, `\u%04x`) + `"}`)), "eyJwIjoi[redacted]In0="},
		{"hexadecimal digits", fmt.Sprintf("%x, %X", pw, pw), "[redacted], [redacted]"},
		{"a token as \\u", all(jwt, `\u%04x`), m.Mask(jwt)},
		{"a token that nobody named, its dots escaped", "eyJhbGciOi%2EeyJzdWIi%2Eabc", m.Mask("eyJhbGciOi.eyJzdWIi.abc")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.Replace(c.in); got != c.want {
				t.Errorf("%q became\n%q, want\n%q", c.in, got, c.want)
			}
		})
	}
	t.Run("what has more layers than are undone is withheld", func(t *testing.T) {
		in := "/" + strings.Repeat("%25", 1) + strings.Repeat("25", 100) + "41"
		if got := r.Replace(in); got != "***" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("five layers are shown", func(t *testing.T) {
		const in = "100 %252525252541"
		if got := r.Replace(in); got != in {
			t.Errorf("got %q", got)
		}
	})
}
