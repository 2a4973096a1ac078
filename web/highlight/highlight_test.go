package highlight

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// marked writes spans as <class text>, so that a table stays readable.
func marked(t Text) string {
	var b strings.Builder
	for i, line := range t.Lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, s := range line.Spans {
			if s.Class == "" {
				b.WriteString(s.Text)
				continue
			}
			b.WriteString("<" + s.Class + " " + s.Text + ">")
		}
	}
	return b.String()
}

func TestJSON(t *testing.T) {
	for _, test := range []struct {
		name, body string
		tokens     []string
		want       string
	}{
		{
			name:   "an answer is laid out and its token marked",
			body:   `{"access_token":"eyJhbGci.e30.c2ln","expires_in":900,"mfa_enabled":false,"left":null}`,
			tokens: []string{"eyJhbGci.e30.c2ln"},
			want: `<p {>
  <nt "access_token"><p :> <s2 "><tok eyJhbGci.e30.c2ln><s2 "><p ,>
  <nt "expires_in"><p :> <mi 900><p ,>
  <nt "mfa_enabled"><p :> <kc false><p ,>
  <nt "left"><p :> <kc null>
<p }>`,
		},
		{
			name: "the order of members, doubles too, stays",
			body: `{"z":1,"a":2,"z":3}`,
			want: "<p {>\n  <nt \"z\"><p :> <mi 1><p ,>\n  <nt \"a\"><p :> <mi 2><p ,>\n  <nt \"z\"><p :> <mi 3>\n<p }>",
		},
		{
			name: "the digits of numbers stay",
			body: `[1.0,1e5,-0.00,12345678901234567890]`,
			want: "<p [>\n  <mi 1.0><p ,>\n  <mi 1e5><p ,>\n  <mi -0.00><p ,>\n  <mi 12345678901234567890>\n<p ]>",
		},
		{
			name: "what is empty stays on its line",
			body: "{\"a\":{ },\"b\":[\n]}",
			want: "<p {>\n  <nt \"a\"><p :> <p {},>\n  <nt \"b\"><p :> <p []>\n<p }>",
		},
		{
			name: "what is nested is set in and out",
			body: `{"a":[1],"b":2}`,
			want: "<p {>\n  <nt \"a\"><p :> <p [>\n    <mi 1>\n  <p ],>\n  <nt \"b\"><p :> <mi 2>\n<p }>",
		},
		{
			name: "quotes and colons within strings are text",
			body: `["a\\\"b: {c}"]`,
			want: "<p [>\n  <s2 \"a\\\\\\\"b: {c}\">\n<p ]>",
		},
		{
			name:   "a token whose escapes hide it is marked",
			body:   `"a\u002Bb\/c"`,
			tokens: []string{"a+b/c"},
			want:   `<s2 "><tok a\u002Bb\/c><s2 ">`,
		},
		{
			name:   "a token that contains another is marked whole",
			body:   `"abcdef abc"`,
			tokens: []string{"abc", "", "abcdef"},
			want:   `<s2 "><tok abcdef><s2  ><tok abc><s2 ">`,
		},
		{name: "a sentence alone is JSON", body: `"You have been logged out."`, want: `<s2 "You have been logged out.">`},
		{name: "what is not JSON is shown as it is", body: "<html>\n {\"a\":1", want: "<html>\n {\"a\":1"},
		{name: "two texts are not one JSON", body: `{} {}`, want: `{} {}`},
		{name: "nothing is one empty line", body: "", want: ""},
		{name: "bytes that are not UTF-8 stay", body: "{\"a\xff\":\"\xc3(\u00e9\"}", want: "<p {>\n  <nt \"a\xff\"><p :> <s2 \"\xc3(\u00e9\">\n<p }>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, marked(JSON(test.body, test.tokens))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHTTP(t *testing.T) {
	for _, test := range []struct {
		name, message string
		tokens        []string
		want          string
	}{
		{
			name:    "a form keeps its order and encoding",
			message: "POST /token HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type=refresh_token&refresh_token=abc%2F",
			tokens:  []string{"abc%2F"},
			want:    "POST /token HTTP/1.1\r\n<nt Host><p :> sandbox\r\n<nt Content-Type><p :> application/x-www-form-urlencoded\r\n\r\n<nt grant_type><p =>refresh_token<p &><nt refresh_token><p =><tok abc%2F>",
		},
		{
			name:    "a bearer token is marked",
			message: "GET /v2/tenants HTTP/1.1\nAuthorization: Bearer a.b.c\n\n",
			tokens:  []string{"a.b.c"},
			want:    "GET /v2/tenants HTTP/1.1\n<nt Authorization><p :> Bearer <tok a.b.c>\n\n",
		},
		{
			name:    "a JSON body is coloured and not laid out",
			message: "HTTP/1.1 200 OK\nContent-Type: application/problem+json; charset=utf-8\n\n{\"a\":1}",
			want:    "HTTP/1.1 200 OK\n<nt Content-Type><p :> application/problem+json; charset=utf-8\n\n<p {><nt \"a\"><p :><mi 1><p }>",
		},
		{
			name:    "a body that is not the JSON it says stays plain",
			message: "HTTP/1.1 200 OK\nContent-Type: application/json\n\n{\"a\":",
			want:    "HTTP/1.1 200 OK\n<nt Content-Type><p :> application/json\n\n{\"a\":",
		},
		{name: "a head without an end is a head", message: "GET / HTTP/1.1\nA: b", want: "GET / HTTP/1.1\n<nt A><p :> b"},
		{name: "a header without a colon is text", message: "GET / HTTP/1.1\nodd line\nA: b:c\n\nbody", want: "GET / HTTP/1.1\nodd line\n<nt A><p :> b:c\n\nbody"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := HTTP(test.message, test.tokens)
			if diff := cmp.Diff(test.want, marked(got)); diff != "" {
				t.Error(diff)
			}
			if got.String() != test.message {
				t.Errorf("the text changed: got %q", got.String())
			}
		})
	}
}

func TestForm(t *testing.T) {
	got := marked(Form("a=b=c&&d&e=", nil))
	if want := "<nt a><p =>b=c<p &&>d<p &><nt e><p =>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLimit(t *testing.T) {
	many := "[" + strings.Repeat(`"`+strings.Repeat("1", 1000)+`",`, Max/900) + "1]"
	for name, got := range map[string]Text{
		"a long array":                 JSON(many, nil),
		"one long string":              JSON(`"`+strings.Repeat("é", Max)+`"`, nil),
		"brackets within brackets":     JSON(strings.Repeat("[", 9000)+strings.Repeat("]", 9000), nil),
		"a long text":                  Plain(strings.Repeat("日本", Max), nil),
		"a long message":               HTTP("HTTP/1.1 200 OK\nContent-Type: application/json\n\n"+many, nil),
		"a long text that is not UTF8": Plain(strings.Repeat("\x80", 2*Max), nil),
		"a long form":                  Form(strings.Repeat("a="+strings.Repeat("b", 1000)+"&", Max/900), nil),
	} {
		t.Run(name, func(t *testing.T) {
			s := got.String()
			if !got.Cut || len(s) > Max || len(s) < Max/2 {
				t.Errorf("got %d bytes, cut %v; want at most %d and cut", len(s), got.Cut, Max)
			}
			if !strings.Contains(name, "not UTF8") && !utf8.ValidString(s) {
				t.Error("a character was cut in half")
			}
		})
	}
	t.Run("what fits is not cut", func(t *testing.T) {
		s := strings.Repeat("a", Max)
		if got := Plain(s, nil); got.Cut || got.String() != s {
			t.Errorf("cut %v, %d bytes", got.Cut, len(got.String()))
		}
	})
}

// squeeze takes away the white space that laying JSON out may move.
func squeeze(s string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inString && c == '\\' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
		case c == '"':
			inString = !inString
			b.WriteByte(c)
		case inString || strings.IndexByte(" \t\r\n", c) < 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,true,null,"x"]}`, `"\\\""`, "[\xff]", `{"a" :1}`, `[[],{}]`, `{`, "[ ]", "1e5", "\"\xed\xa0\x80\""} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, body, token string) {
		got := JSON(body, []string{token})
		if got.Cut {
			return
		}
		if squeeze(got.String()) != squeeze(body) {
			t.Errorf("%q became %q", body, got.String())
		}
		check(t, got)
	})
}

func FuzzHTTP(f *testing.F) {
	f.Add("POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=b&c", "b")
	f.Add("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{\"a\":1}", "a")
	f.Add("\n\n:\n\xff", "\xff")
	f.Fuzz(func(t *testing.T, message, token string) {
		for _, got := range []Text{HTTP(message, []string{token}), Form(message, []string{token}), Plain(message, []string{token})} {
			if !got.Cut && got.String() != message {
				t.Errorf("%q became %q", message, got.String())
			}
			check(t, got)
		}
	})
}

func check(t *testing.T, got Text) {
	t.Helper()
	for _, line := range got.Lines {
		for _, s := range line.Spans {
			if s.Text == "" || strings.Contains(s.Text, "\n") {
				t.Errorf("span %q is empty or longer than its line", s)
			}
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	for name, body := range map[string]string{
		"answer":  `{"access_token":"` + strings.Repeat("e", 600) + `","token_type":"bearer","refresh_token":"` + strings.Repeat("e", 600) + `","expires_in":900}`,
		"largest": "[" + strings.Repeat(`{"id":11,"name":"Daily backup","isEnabled":true},`, 4000) + "1]",
		"spoof":   `"` + strings.Repeat(`\\`, Max/2-8) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				JSON(body, []string{"token"})
			}
		})
	}
}
