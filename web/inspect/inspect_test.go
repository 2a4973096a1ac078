package inspect

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

// made is a product that no one sells.
var made = &dialect.Dialect{
	Access: dialect.Token{Audience: "api/{installation}", Claims: []dialect.Field{
		{Term: dialect.Username, Wire: "who", Also: []string{"whom"}},
		{Term: dialect.ExpiresAt, Wire: "until"},
		{Term: dialect.Role, Wire: "rank", Help: "The rank."},
	}},
	Refresh: dialect.Token{Audience: "again"},
}

// token puts a JWT together. The signature is no signature.
func token(header, payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(payload)) + "." + enc([]byte("signature"))
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

func TestRead(t *testing.T) {
	got := ReadFor(made, token(
		`{"alg":"RS512","kid":"0A"}`,
		`{"who":"anna","until":1773312683,"rank":"chief","nbf":1773311783.5,"iat":1773311783,"aud":["x","api/6f1c0e5a"],"extra":{ "a": [1.0, 2] },"on":true}`,
	))
	want := Token{
		JWT: true,
		Header: []Claim{
			{Name: "alg", Value: "RS512", Meaning: headers["alg"]},
			{Name: "kid", Value: "0A", Meaning: headers["kid"]},
		},
		Claims: []Claim{
			{Name: "who", Value: "anna", Term: dialect.Username, Meaning: dialect.Username.Meaning()},
			{Name: "until", Value: "1773312683", Term: dialect.ExpiresAt, Meaning: dialect.ExpiresAt.Meaning(), When: at(1773312683)},
			{Name: "rank", Value: "chief", Term: dialect.Role, Meaning: "The rank."},
			{Name: "nbf", Value: "1773311783.5", Term: dialect.NotBefore, Meaning: dialect.NotBefore.Meaning(), When: at(1773311783).Add(500 * time.Millisecond)},
			{Name: "iat", Value: "1773311783", Term: dialect.IssuedAt, Meaning: dialect.IssuedAt.Meaning(), When: at(1773311783)},
			{Name: "aud", Value: `["x","api/6f1c0e5a"]`, Term: dialect.Audience, Meaning: dialect.Audience.Meaning()},
			{Name: "extra", Value: `{"a":[1.0,2]}`},
			{Name: "on", Value: "true"},
		},
		Kind:    Access,
		Fits:    true,
		Issued:  at(1773311783),
		Expires: at(1773312683),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Life() != 15*time.Minute {
		t.Errorf("life: got %s, want 15m", got.Life())
	}
}

func TestReadIsLenient(t *testing.T) {
	// The claims need both characters in which the alphabets differ.
	header, payload := `{"alg":"HS256"}`, `{"sub":"??>>ÿÿ"}`
	for name, enc := range map[string]*base64.Encoding{
		"base64url":              base64.RawURLEncoding,
		"base64url with padding": base64.URLEncoding,
		"plain base64":           base64.StdEncoding,
		"plain without padding":  base64.RawStdEncoding,
	} {
		t.Run(name, func(t *testing.T) {
			got := Read(dialect.All(), " \n"+enc.EncodeToString([]byte(header))+"."+enc.EncodeToString([]byte(payload))+".c2ln\n")
			if !got.JWT || got.Problem != "" || len(got.Claims) != 1 || got.Claims[0].Value != "??>>ÿÿ" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	good := token(`{"alg":"RS512"}`, `{"sub":"a"}`)
	head, rest, _ := strings.Cut(good, ".")
	enc := base64.RawURLEncoding.EncodeToString
	for _, test := range []struct {
		name, token string
		jwt         bool
		problem     string // begins so
	}{
		{"a good token", good, true, ""},
		{"an opaque token", "YCDmyh2VTorfdBzu5RZZ-a1XGsMx3TmC", false, ""},
		{"an opaque token with dots", "a.b.c", false, ""},
		{"nothing", " ", false, "There is no token."},
		{"a very long text", strings.Repeat("a", limit+1), false, "The token is longer"},
		{"an encrypted token", head + ".a.b.c.d", false, "The token is encrypted"},
		{"five words with dots", "a.b.c.d.e", false, ""},
		{"an unreadable header", "x" + good, false, "The token has the three parts of a JWT, but its header"},
		{"unreadable claims", head + ".!" + rest, false, "The token has the three parts of a JWT, but its claims"},
		{"claims that are a list", head + "." + enc([]byte("[1]")) + ".c2ln", false, "The token has the three parts of a JWT, but its claims"},
		{"claims that go on after their end", head + "." + enc([]byte(`{"a":1} {}`)) + ".c2ln", false, "The token has the three parts of a JWT, but its claims"},
		{"no signature", strings.TrimSuffix(good, enc([]byte("signature"))), true, "The token is not signed"},
		{"the algorithm none", token(`{"alg":"None"}`, `{}`), true, "The token is not signed"},
		{"a claim that is there twice", token(`{"alg":"RS512"}`, `{"exp":1,"exp":2}`), true, "The token says one thing twice"},
		{"an expiry in words", token(`{"alg":"RS512"}`, `{"exp":"tomorrow"}`), true, "The token's time of expiry is not a date"},
		{"an expiry in milliseconds", token(`{"alg":"RS512"}`, `{"exp":1773312683000}`), true, "The token's time of expiry is not a date"},
		{"an endless number", token(`{"alg":"RS512"}`, `{"iat":1e400}`), true, "The token's time of issue is not a date"},
		{"an expiry before the issue", token(`{"alg":"RS512"}`, `{"iat":2,"exp":1}`), true, "The token expires before"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Read(dialect.All(), test.token)
			if got.JWT != test.jwt || !strings.HasPrefix(got.Problem, test.problem) || (test.problem == "") != (got.Problem == "") {
				t.Errorf("got JWT %v, problem %q; want %v, %q …", got.JWT, got.Problem, test.jwt, test.problem)
			}
		})
	}
}

func TestKind(t *testing.T) {
	for _, test := range []struct {
		name, header, payload string
		kind                  Kind
		fits                  bool
	}{
		{"an audience with an installation", `{}`, `{"aud":"api/6F1C0E5A-11aa"}`, Access, true},
		{"a bare audience", `{}`, `{"aud":"again"}`, Refresh, true},
		{"an audience without its installation", `{}`, `{"aud":"api/"}`, "", false},
		{"an audience that goes on", `{}`, `{"aud":"api/6f1c/more"}`, "", false},
		{"an audience that is no text", `{}`, `{"aud":7}`, "", false},
		{"nothing that says", `{}`, `{"sub":"a"}`, "", false},
		{"another issuer's audience", `{}`, `{"aud":"refresh-service"}`, Refresh, false},
		{"the typ of RFC 9068", `{"typ":"at+JWT"}`, `{}`, Access, false},
		{"a plain typ", `{"typ":"JWT"}`, `{}`, "", false},
		{"token_use", `{}`, `{"token_use":"access"}`, Access, false},
		{"typ Refresh", `{}`, `{"typ":"Refresh"}`, Refresh, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ReadFor(made, token(test.header, test.payload))
			if got.Kind != test.kind || got.Fits != test.fits {
				t.Errorf("got %q, fits %v; want %q, %v", got.Kind, got.Fits, test.kind, test.fits)
			}
		})
	}
}

func TestMeaningWithoutAProduct(t *testing.T) {
	got := Read(dialect.All(), token(`{"alg":"RS512","typ":"JWT","kid":"1"}`, `{"iss":1,"sub":1,"aud":1,"exp":1,"nbf":1,"iat":1,"jti":1,"unique_name":1,"nameid":1,"role":1,"sid":1,"typ":1}`))
	for _, c := range append(got.Header, got.Claims...) {
		if c.Meaning == "" {
			t.Errorf("claim %q has no meaning", c.Name)
		}
	}
}

// TestEveryProduct writes each product's documented claims and reads them back.
func TestEveryProduct(t *testing.T) {
	const installation = "3b2f0f4e-5bd0-4f0a-9c4e-0123456789ab"
	for _, d := range dialect.All() {
		for kind, form := range map[Kind]dialect.Token{Access: d.Access, Refresh: d.Refresh} {
			if form.Opaque > 0 {
				continue
			}
			t.Run(d.ID+"/"+string(kind), func(t *testing.T) {
				payload := claimsOf(t, form, installation)
				for reader, got := range map[string]Token{"for the product": ReadFor(d, token(`{"alg":"RS512"}`, payload)), "for any": Read(dialect.All(), token(`{"alg":"RS512"}`, payload))} {
					if got.Kind != kind || !got.Fits || got.Life() != time.Hour {
						t.Errorf("%s: got %q, fits %v, life %s", reader, got.Kind, got.Fits, got.Life())
					}
				}
				for _, c := range ReadFor(d, token(`{"alg":"RS512"}`, payload)).Claims {
					if c.Term == "" || c.Meaning == "" {
						t.Errorf("claim %q has no meaning", c.Name)
					}
				}
			})
		}
	}
}

func claimsOf(t *testing.T, form dialect.Token, installation string) string {
	t.Helper()
	members := []string{}
	seen := map[string]bool{}
	for _, f := range form.Claims {
		value := "x"
		switch f.Term {
		case dialect.Audience:
			value = strings.ReplaceAll(form.Audience, "{installation}", installation)
		case dialect.ExpiresAt:
			value = dialect.FormatTime(at(1773315383))
		case dialect.IssuedAt, dialect.NotBefore:
			value = dialect.FormatTime(at(1773311783))
		case dialect.ShortTerm, dialect.NoAntiforgery:
			value = "false"
		}
		raw, err := f.As.Write(value)
		if err != nil {
			t.Fatal(err)
		}
		if !seen[f.Wire] {
			members = append(members, `"`+f.Wire+`":`+string(raw))
		}
		seen[f.Wire] = true
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestDisagree(t *testing.T) {
	access := ReadFor(made, token(`{"alg":"RS512"}`, `{"who":"anna","until":1773312683,"iat":1773311783,"aud":"api/0"}`))
	refresh := Token{Kind: Refresh, Expires: at(1774521383)}
	for _, test := range []struct {
		name string
		in   Answer
		want []string
	}{
		{
			name: "an answer that says the same",
			in: Answer{Access: access, Refresh: refresh, Date: at(1773311783), Values: dialect.Values{
				dialect.ExpiresIn: "900", dialect.IssuedAt: "2026-03-12T10:36:23Z", dialect.ExpiresAt: "2026-03-12T10:51:23.0864Z",
				dialect.RefreshExpiresAt: "2026-03-26T10:36:23Z", dialect.Username: `HOME\Anna`,
			}},
		},
		{name: "a second less is how servers count", in: Answer{Access: access, Values: dialect.Values{dialect.ExpiresIn: "899"}}},
		{name: "an opaque token contradicts nothing", in: Answer{Date: at(1), Values: dialect.Values{dialect.ExpiresIn: "900", dialect.ExpiresAt: "2026-03-12T10:51:23Z", dialect.Username: "anna"}}},
		{name: "an answer that says nothing", in: Answer{Access: access, Refresh: refresh}},
		{
			name: "another life",
			in:   Answer{Access: access, Values: dialect.Values{dialect.ExpiresIn: "3600"}},
			want: []string{"The answer says that the access token lives 3600 s, its claims say 900 s."},
		},
		{
			name: "other dates",
			in: Answer{Access: access, Refresh: refresh, Values: dialect.Values{
				dialect.IssuedAt: "2026-03-12T11:36:23Z", dialect.ExpiresAt: "2026-03-12T11:51:23Z", dialect.RefreshExpiresAt: "2026-03-26T10:36:25Z",
			}},
			want: []string{
				"The answer says that the access token was issued at 11:36:23 UTC, 12 March 2026, its claims say 10:36:23 UTC, 12 March 2026.",
				"The answer says that the access token expires at 11:51:23 UTC, 12 March 2026, its claims say 10:51:23 UTC, 12 March 2026.",
				"The answer says that the refresh token expires at 10:36:25 UTC, 26 March 2026, its claims say 10:36:23 UTC, 26 March 2026.",
			},
		},
		{name: "a zero date says nothing", in: Answer{Access: access, Values: dialect.Values{dialect.ExpiresAt: "0001-01-01T00:00:00Z"}}},
		{
			name: "another account",
			in:   Answer{Access: access, Values: dialect.Values{dialect.Username: "bert"}},
			want: []string{`The answer is for the account "bert", the access token for "anna".`},
		},
		{
			name: "tokens in each other's place",
			in:   Answer{Access: Token{Kind: Refresh}, Refresh: Token{Kind: Access}},
			want: []string{
				"The answer calls it the access token, but its claims are those of a refresh token.",
				"The answer calls it the refresh token, but its claims are those of an access token.",
			},
		},
		{
			name: "a clock that is behind",
			in:   Answer{Access: access, Date: at(1773311783 - 420)},
			want: []string{"The token's time of issue is 7 min ahead of the server's own clock."},
		},
		{
			name: "a clock that is hours ahead",
			in:   Answer{Access: access, Date: at(1773311783 + 3*3600 + 60)},
			want: []string{"The token's time of issue is 3 h behind the server's own clock."},
		},
		{name: "an absurd life", in: Answer{Access: access, Values: dialect.Values{dialect.ExpiresIn: "9223372036854775807"}},
			want: []string{"The answer says that the access token lives 9223372036854775807 s, its claims say 900 s."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Disagree(test.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("two domains are two accounts", func(t *testing.T) {
		if sameName(`A\anna`, `B\anna`) || !sameName(`a\anna`, `A\Anna`) || sameName("anna", "bert") {
			t.Error("names are not told apart by their domain")
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"", "a.b.c", token(`{"alg":"none"}`, `{"exp":1e9,"aud":["a",null]}`), token(`{}`, `{"exp":253402300799.9999}`),
		token(`{"a":{"a":[]}}`, `{"a":"\ud800"}`), "e30.e30.", "e30.e30.e30.e30.e30", token(`{}`, `{"iat":-62135596800.5,"nbf":null}`),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range append([]Token{Read(dialect.All(), s), ReadFor(made, s)}, readAll(s)...) {
			if !got.JWT && got.Claims != nil {
				t.Errorf("an opaque token has claims: %q", s)
			}
			for _, c := range got.Claims {
				if _, err := c.When.MarshalJSON(); err != nil {
					t.Errorf("claim %q has a time that nobody can write: %v", c.Name, err)
				}
				if !json.Valid([]byte(c.Value)) && c.Value != strings.ToValidUTF8(c.Value, "") {
					t.Errorf("claim %q has the value %q", c.Name, c.Value)
				}
			}
			Disagree(Answer{Values: dialect.Values{dialect.ExpiresIn: "1", dialect.ExpiresAt: s, dialect.Username: s}, Access: got, Refresh: got, Date: at(0)})
		}
	})
}

func readAll(s string) []Token {
	var out []Token
	for _, d := range dialect.All() {
		out = append(out, ReadFor(d, s))
	}
	return out
}
