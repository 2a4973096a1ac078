package dialect

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// made is a product that nobody sells, with everything that a description can
// say about bodies, paths and answers.
func made() *Dialect {
	return &Dialect{
		ID: "made", Versions: Versions{Header: "v", Optional: true, All: []Version{{ID: "1"}, {ID: "2"}}, Default: "2"},
		Operations: []Operation{
			{
				Purpose: Obtain, Method: "POST", Path: "/token", Anonymous: true, Status: 200, GrantField: Field{Wire: "grant", As: Text, Required: true},
				Encodings: []Encoding{JSON, Form, Multipart},
				Grants: []Grant{
					{Kind: PasswordGrant, Wire: "password", Takes: []Field{
						{Term: Username, Wire: "name", As: Text, Required: true}, {Term: Password, Wire: "word", As: Text, Required: true, Secret: true},
						{Term: ShortRefresh, Wire: "short", As: Boolean}}},
					{Kind: RefreshGrant, Wire: "refresh", Until: "1", Takes: []Field{{Term: RefreshToken, Wire: "token", As: Text, Required: true, Secret: true}}},
				},
				Gives:     []Field{{Term: AccessToken, Wire: "t", As: Text, Secret: true}},
				Within:    Within{"data", "[]"},
				Challenge: Challenge{Status: 202, Gives: []Field{{Term: MFAToken, Wire: "half", As: Text, Secret: true}}},
			},
			{Purpose: WhoAmI, Method: "GET", Path: "/me", Status: 200, Body: `{"data":{"id":"${user_id}","at":"${now}"},"more":1}`, Within: Within{"data"},
				Tells: []Field{{Term: UserID, Wire: "id", As: Text}}},
			{Purpose: Logout, Method: "DELETE", Path: "/users/{id}/tokens", Status: 204, Older: []OlderBody{{Until: "1", Status: 200}},
				Takes: []Field{{Term: UserID, Wire: "id", As: Text, Required: true}, {Term: AccessToken, Wire: "token", As: Text, Secret: true}}},
			{Purpose: Explore, Method: "GET", Path: "/old", Status: 200, Body: `{}`, Until: "1"},
		},
		Antiforgery: Antiforgery{Cookie: "guard", Header: "X-Guard", Since: "2"},
		Refusals: []Refusal{
			{Fault: BadToken, Status: 400, Shape: []Field{{Term: ErrorCode, Wire: "error", As: Text}}, Says: Values{ErrorCode: "flat"}},
			{Fault: NoToken, Status: 400, Within: Within{"errors", "[]"}, Shape: []Field{{Term: ErrorCode, Wire: "code", As: Text}}, Says: Values{ErrorCode: "deep"}},
			{Fault: NotFound, Status: 404, Within: Within{"error"}, Shape: []Field{{Term: ErrorDetail, Wire: "text", As: Text}, {Term: ErrorStack, Wire: "stack", As: Null, Since: "2"}},
				Says: Values{ErrorDetail: "no ${path} in ${versions}"}},
		},
	}
}

func TestBodiesAreWrittenAndRead(t *testing.T) {
	values := Values{Username: `a\;+ %2B&="é` + "\n", Password: "--b\r\n--", ShortRefresh: "true"}
	tests := []struct {
		encoding    Encoding
		media, body string
	}{
		{"", "application/json", `{"grant":"password","name":"a\\;+ %2B&=\"é\n","word":"--b\r\n--","short":true}`},
		{Form, "application/x-www-form-urlencoded", "grant=password&name=a%5C%3B%2B+%252B%26%3D%22%C3%A9%0A&word=--b%0D%0A--&short=true"},
		{Multipart, "multipart/form-data; boundary=----TokenPlayground", ""},
	}
	for _, test := range tests {
		t.Run("as "+string(test.encoding), func(t *testing.T) {
			d := made()
			call := Call{Purpose: Obtain, Kind: PasswordGrant, Version: "2", Encoding: test.encoding, Values: values}
			r, err := d.Encode(call)
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			for _, h := range r.Header {
				header.Add(h.Name, h.Value)
			}
			if got := header.Get("Content-Type"); got != test.media || test.body != "" && r.Body != test.body {
				t.Errorf("got %s\n%s", got, r.Body)
			}
			for _, how := range []Reading{{}, {Strict: true}} {
				got, err := d.ReadCall(&d.Operations[0], "", header, []byte(r.Body), how)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(call, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
	t.Run("a boundary stands in no value", func(t *testing.T) {
		d := made()
		r, err := d.Encode(Call{Purpose: Obtain, Kind: PasswordGrant, Encoding: Multipart, Values: Values{Username: "----TokenPlayground1", Password: "x"}})
		if err != nil || !strings.HasPrefix(r.Body, "------TokenPlayground2\r\n") {
			t.Errorf("got %v %.40q", err, r.Body)
		}
	})
	t.Run("what is typed and is no boolean is left to the product", func(t *testing.T) {
		d := made()
		r, err := d.Encode(Call{Purpose: Obtain, Kind: PasswordGrant, Values: Values{Username: "a", Password: "b", ShortRefresh: "maybe"}})
		if err != nil || !strings.HasSuffix(r.Body, `"short":"maybe"}`) {
			t.Errorf("got %v %s", err, r.Body)
		}
	})
}

func TestBodiesThatAreNotWhatTheySay(t *testing.T) {
	tests := []struct {
		name, media, body string
		strict            Fault // empty if it is good there too
	}{
		{"JSON with null and numbers", "application/json", `{"grant":"password","name":"a","word":"b","short":null,"other":1,"deep":{}}`, ""},
		{"a form that is called JSON", "application/json", "grant=password&name=a&word=b", BadMediaType},
		{"a form that is called multipart", "multipart/form-data; boundary=x", "grant=password&name=a&word=b", BadMediaType},
		{"multipart without its boundary", "multipart/form-data", "grant=password&name=a&word=b", BadMediaType},
		{"a form that is called nothing", "", "grant=password&name=a&word=b", BadMediaType},
		{"a form that is called text", "text/plain", "grant=password&name=a&word=b", BadMediaType},
		{"multipart with bare line feeds", "multipart/form-data; boundary=x", "--x\nContent-Disposition: form-data; name=grant\n\npassword\n--x\nContent-Disposition: form-data; name=name\n\na\n--x\nContent-Disposition: form-data; name=word\n\nb\n--x--\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := made()
			header := http.Header{"Content-Type": {test.media}}
			c, err := d.ReadCall(&d.Operations[0], "", header, []byte(test.body), Reading{})
			if err != nil || c.Values[Username] != "a" || c.Values[Password] != "b" {
				t.Errorf("patiently: got %v, %v", c.Values, err)
			}
			_, err = d.ReadCall(&d.Operations[0], "", header, []byte(test.body), Reading{Strict: true})
			var m *Mismatch
			if errors.As(err, &m) && m.Fault != test.strict || err == nil && test.strict != "" {
				t.Errorf("strictly: got %v, want %q", err, test.strict)
			}
		})
	}
	t.Run("more parts than any product has", func(t *testing.T) {
		body := strings.Repeat("--x\nContent-Disposition: form-data; name=a\n\nb\n", maxParts+1) + "--x--\n"
		if _, err := readMultipart([]byte(body), "x"); !errors.Is(err, errTooManyParts) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFieldsInPathAndBody(t *testing.T) {
	d := made()
	r, err := d.Encode(Call{Purpose: Logout, Version: "2", Bearer: "tok", Values: Values{UserID: "a/b c", AntiforgeryToken: "g"}})
	if err != nil {
		t.Fatal(err)
	}
	want := &Request{Method: "DELETE", Path: "/users/a%2Fb%20c/tokens", Body: "token=tok", Header: Pairs{
		{"Accept", "application/json"}, {"v", "2"}, {"Authorization", "Bearer tok"}, {"Cookie", "guard=g"}, {"X-Guard", "g"}, {"Content-Type", "application/x-www-form-urlencoded"}}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	header := http.Header{"Authorization": {"Bearer tok"}, "Cookie": {"other=1; guard=g"}, "Content-Type": {string(Form)}}
	op, version, err := d.Match("DELETE", "/Users/7/Tokens/")
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.ReadCall(op, version, header, []byte("token=other"), Reading{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Values{AccessToken: "other", AntiforgeryToken: "g"}, c.Values); diff != "" || c.Bearer != "tok" {
		t.Errorf("bearer %q, -want +got:\n%s", c.Bearer, diff)
	}
	if diff := cmp.Diff(Values{UserID: "7"}, d.ReadPath(op, "/Users/7/Tokens/")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, call := range map[string]Call{
		"a user who is not named":       {Purpose: Logout},
		"a grant of another version":    {Purpose: Obtain, Kind: RefreshGrant, Version: "2", Values: Values{RefreshToken: "x"}},
		"a call of another version":     {Purpose: Explore, Version: "2"},
		"a call that the product lacks": {Purpose: MakeCode},
	} {
		var m *Mismatch
		if r, err := d.Encode(call); !errors.As(err, &m) {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
	if r, err := d.Encode(Call{Purpose: WhoAmI, Version: "1", Values: Values{AntiforgeryToken: "g"}}); err != nil || len(r.Header) != 3 {
		t.Errorf("a cookie before its version: got %v, %v", r, err)
	}
}

func TestAnswersWithinAnswers(t *testing.T) {
	d := made()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	reply := func(p Purpose, version string, values Values) *Reply {
		t.Helper()
		r, err := d.EncodeAnswer(d.Operation(p), version, values, now)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Run("an object in the first element", func(t *testing.T) {
		r := reply(Obtain, "2", Values{AccessToken: "x", AntiforgeryToken: "g"})
		if r.Status != 200 || r.Body != `{"data":[{"t":"x"}]}` || r.Header[0] != (Pair{"Set-Cookie", "guard=g; path=/; secure; samesite=strict"}) {
			t.Errorf("got %+v", r)
		}
		a := d.Decode(Obtain, "2", 200, []byte(`{"before":1,"data":[{"t":"x","u":2},{"t":"y"}],"after":3}`))
		want := Pairs{{"before", "1"}, {"1", `{"t":"y"}`}, {"after", "3"}, {"u", "2"}}
		if diff := cmp.Diff(want, a.Left); diff != "" || a.Values[AccessToken] != "x" || a.Raw {
			t.Errorf("got %+v, left: -want +got:\n%s", a, diff)
		}
	})
	t.Run("no cookie before its version", func(t *testing.T) {
		if r := reply(Obtain, "1", Values{AccessToken: "x", AntiforgeryToken: "g"}); len(r.Header) != 1 {
			t.Errorf("got %v", r.Header)
		}
	})
	t.Run("a challenge has a status and members of its own", func(t *testing.T) {
		r := reply(Obtain, "2", Values{MFAToken: "m", Username: "a"})
		if r.Status != 202 || r.Body != `{"data":[{"half":"m"}]}` {
			t.Errorf("got %+v", r)
		}
		if a := d.Decode(Obtain, "2", 202, []byte(r.Body)); !a.Challenge() || a.Refused {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("a body tells, and is filled without breaking out", func(t *testing.T) {
		r := reply(WhoAmI, "2", Values{UserID: `"},"x":{"`})
		a := d.Decode(WhoAmI, "2", 200, []byte(r.Body))
		if a.Values[UserID] != `"},"x":{"` || len(a.Left) > 0 || !strings.Contains(r.Body, `"at":"2026-01-02T03:04:05`) {
			t.Errorf("got %s, %+v", r.Body, a)
		}
	})
	t.Run("an earlier version succeeds with another status", func(t *testing.T) {
		if one, two := reply(Logout, "1", nil), reply(Logout, "2", nil); one.Status != 200 || two.Status != 204 {
			t.Errorf("got %d and %d", one.Status, two.Status)
		}
	})
	for name, body := range map[string]string{"no object": `[]`, "nothing in the array": `{"data":[]}`, "no array": `{"data":{}}`, "a string": `{"data":["x"]}`, "another member": `{"date":[{}]}`, "twice": `{"data":[{"t":"x"}]}}`} {
		t.Run("raw: "+name, func(t *testing.T) {
			if a := d.Decode(Obtain, "2", 200, []byte(body)); !a.Raw {
				t.Errorf("got %+v", a)
			}
		})
	}
}

func TestRefusalsWithinRefusals(t *testing.T) {
	d := made()
	for body, want := range map[string]Fault{
		`{"error":"flat"}`:                         BadToken,
		`{"errors":[{"code":"deep"}]}`:             NoToken,
		`{"error":"flat","errors":[]}`:             BadToken,
		`{"errors":[{"code":"deep"}],"more":true}`: NoToken,
		`{"errors":{"code":"deep"}}`:               "",
	} {
		if a := d.Decode(Explore, "", 400, []byte(body)); a.Fault != want || !a.Refused || a.Raw {
			t.Errorf("%s: got %+v, want %q", body, a, want)
		}
	}
	for version, want := range map[string]string{"1": `{"error":{"text":"no /x in v1, v2"}}`, "2": `{"error":{"text":"no /x in v1, v2","stack":null}}`} {
		r, err := d.EncodeRefusal(NotFound, Explore, version, Values{ErrorInstance: "/x"})
		if err != nil || r.Body != want {
			t.Errorf("%s: got %+v, %v", version, r, err)
		}
	}
}

func TestDecodeHeader(t *testing.T) {
	d := made()
	header := http.Header{"Set-Cookie": {"other=1; path=/", "guard=g; path=/; secure", "guard=; max-age=0"}}
	if diff := cmp.Diff(Values{AntiforgeryToken: "g"}, d.DecodeHeader(header)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	d.Antiforgery = Antiforgery{}
	if got := d.DecodeHeader(header); len(got) > 0 {
		t.Errorf("a product without: got %v", got)
	}
}

func TestOptionalVersions(t *testing.T) {
	d := made()
	for _, test := range []struct {
		sent            string
		patient, strict string
		fault           Fault
	}{{"", "", "", ""}, {"1", "1", "1", ""}, {"9", "2", "", UnsupportedVersion}} {
		header := http.Header{}
		if test.sent != "" {
			header.Set("v", test.sent)
		}
		if c, err := d.ReadCall(d.Operation(WhoAmI), "", header, nil, Reading{}); err != nil || c.Version != test.patient {
			t.Errorf("%q patiently: got %q, %v", test.sent, c.Version, err)
		}
		c, err := d.ReadCall(d.Operation(WhoAmI), "", header, nil, Reading{Strict: true})
		var m *Mismatch
		if c.Version != test.strict || errors.As(err, &m) && m.Fault != test.fault || err == nil && test.fault != "" {
			t.Errorf("%q strictly: got %q, %v", test.sent, c.Version, err)
		}
	}
}

func FuzzReadBodies(f *testing.F) {
	f.Add("application/json", `{"grant":"password","name":"a","word":null}`)
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"grant\"\r\n\r\npassword\r\n--x--\r\n")
	f.Add("multipart/form-data", "")
	f.Fuzz(func(t *testing.T, media, body string) {
		d := made()
		var c Call
		// A body is split or refused, never both, and patience always splits.
		if _, err := c.readBody(&d.Operations[0], http.Header{"Content-Type": {media}}, []byte(body), Reading{}); err != nil {
			t.Errorf("%q %q: %v", media, body, err)
		}
		fields, err := c.readBody(&d.Operations[0], http.Header{"Content-Type": {media}}, []byte(body), Reading{Strict: true})
		if err != nil && fields != nil {
			t.Errorf("%q %q: got %v and %v", media, body, fields, err)
		}
	})
}
