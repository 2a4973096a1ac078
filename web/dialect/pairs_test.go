package dialect

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePairs(t *testing.T) {
	tests := []struct {
		name, body string
		want       Pairs
	}{
		{"nothing", "", nil},
		{"only separators", "&&&", nil},
		{"a pair", "a=b", Pairs{{"a", "b"}}},
		{"order is kept", "b=1&a=2&b=3", Pairs{{"b", "1"}, {"a", "2"}, {"b", "3"}}},
		{"a name alone", "a", Pairs{{"a", ""}}},
		{"an empty value", "a=&b=1", Pairs{{"a", ""}, {"b", "1"}}},
		{"an empty name", "=b", Pairs{{"", "b"}}},
		{"an equals sign in a value", "a=b=c==", Pairs{{"a", "b=c=="}}},
		{"a raw semicolon", "password=pa;ss&b=1", Pairs{{"password", "pa;ss"}, {"b", "1"}}},
		{"a raw backslash", `username=vac\administrator`, Pairs{{"username", `vac\administrator`}}},
		{"an escaped backslash", `username=vac%5Cadministrator`, Pairs{{"username", `vac\administrator`}}},
		{"a plus is a space", "a=b+c", Pairs{{"a", "b c"}}},
		{"an escaped plus", "a=b%2Bc", Pairs{{"a", "b+c"}}},
		{"an escape of an escape", "a=%252B", Pairs{{"a", "%2B"}}},
		{"small hexadecimal digits", "a=%c3%a9", Pairs{{"a", "é"}}},
		{"raw letters beyond ASCII", "a=é", Pairs{{"a", "é"}}},
		{"a lone percent", "a=100%", Pairs{{"a", "100%"}}},
		{"a percent and one digit", "a=%4", Pairs{{"a", "%4"}}},
		{"an escape that is none", "a=%zz&b=%4z", Pairs{{"a", "%zz"}, {"b", "%4z"}}},
		{"a percent before an escape", "a=%%41", Pairs{{"a", "%A"}}},
		{"an escaped ampersand", "a=b%26c", Pairs{{"a", "b&c"}}},
		{"an escaped name", "a%20b=c", Pairs{{"a b", "c"}}},
		{"marks of a password", "p=%40%3D%3F%3B+%C3%A9", Pairs{{"p", "@=?; é"}}},
		{"braces of a page", "{a=b}", Pairs{{"{a", "b}"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, ParsePairs(test.body)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPairsGetTakesTheFirstInAnyCase(t *testing.T) {
	p := Pairs{{"Username", "a"}, {"username", "b"}}
	if v, ok := p.Get("userName"); !ok || v != "a" {
		t.Errorf("got %q, %t", v, ok)
	}
	if _, ok := p.Get("user"); ok {
		t.Error("found what is not there")
	}
}

// agree compares with the standard library wherever both must read the same.
func agree(t *testing.T, body string) {
	t.Helper()
	want, err := url.ParseQuery(body)
	if err != nil {
		return // a raw semicolon or a broken escape: we read on, it does not
	}
	got := url.Values{}
	for _, p := range ParsePairs(body) {
		got.Add(p.Name, p.Value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q: -url.ParseQuery +ParsePairs:\n%s", body, diff)
	}
}

func TestParsePairsAgreesWithTheStandardLibrary(t *testing.T) {
	parts := []string{"a=1", "a", "=", "", "b=%20+x", "c=%25", "d=é", "a%3Db=c", "%41=%41", `e=\`, "f=a=b"}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				agree(t, strings.Join([]string{a, b, c}, "&"))
			}
		}
	}
}

func FuzzParsePairs(f *testing.F) {
	for _, seed := range []string{"grant_type=password&username=vac\\administrator&password=pa;ss", "a=%zz&b=%", "a=b+c&a=d&&=", "\xff=%FF"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		agree(t, body)
		pairs := ParsePairs(body)
		if diff := cmp.Diff(pairs, ParsePairs(pairs.Encode())); diff != "" {
			t.Errorf("%q: -once +again:\n%s", body, diff)
		}
	})
}
