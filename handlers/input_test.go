package handlers

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

func TestLooksSecret(t *testing.T) {
	const jwt = "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiIxIn0.c2ln"
	for _, tc := range []struct {
		name, value string
		want        bool
	}{
		{"password", "x", true}, {"PassWord", "x", true}, {"pwd", "", false}, {"db_passwd", "x", true}, {"secret", "x", true},
		{"access_token", "x", true}, {"refreshToken", "x", true}, {"api_key", "x", true}, {"apikey", "x", true}, {"mfa_code", "1", true},
		{"otp", "123456", true}, {"code", "abc", true}, {"x.key", "abc", true}, {"authorization", "x", true}, {"id_token", "x", true},
		{"password", "", false},
		{"target", jwt, true}, {"op", jwt, true}, {jwt, "1", true}, {"ref", "see " + jwt, true}, {"ref", "Bearer abc", true}, {"ref", "bearer abc", true},
		{"ref", "q7Zp0LxV3mTnB8cYw1KdEu5RgHs2JfAo9QiC", true},
		{"ref", "https://example.com/?q=q7Zp0LxV3mTnB8cYw1KdEu5RgHs2JfAo9QiC", true},
		{"op", strings.Repeat("a", 61), true}, {"grant", "urn:ietf:params:oauth:grant-type:jwt-bearer", false},
		{"op", "token", false}, {"grant", "refresh_token", false}, {"grant", "Refresh_token", false}, {"reveal", "access", false}, {"view", "decoded", false},
		{"target", "sandbox", false}, {"target", "backup-server-01.lab.example.internal:9419", false}, {"target", "[fd00:1234:5678:9abc:def0:1234:5678:9abc]:9419", false},
		{"version", "1.3-rev2", false}, {"codec", "x", false}, {"postcode", "12345", false},
		{"utm_campaign", "getting-started-with-the-rest-api-of-backup", false},
		{"utm_campaign", "2026-11-21-release-notes-of-version-13-1-and-what-is-new", false},
		{"ref", "https://example.com/a-page-about-something/and-a-longer-name-of-it.html", false},
		{"ref", "GettingStartedWithTheRestApiOfBackupAndReplication", false},
		{"ref", strings.Repeat("a", 500), false},
	} {
		t.Run(tc.name[:min(len(tc.name), 20)]+"="+tc.value[:min(len(tc.value), 40)], func(t *testing.T) {
			if got := looksSecret(tc.name, tc.value); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestKeepHoldsNoSecret(t *testing.T) {
	for _, d := range dialect.All() {
		t.Run(d.ID, func(t *testing.T) {
			var pairs dialect.Pairs
			want := map[string]string{}
			for _, g := range d.Operation(dialect.Obtain).Grants {
				for _, f := range g.Takes {
					value := "value of " + f.Wire
					pairs = append(pairs, dialect.Pair{Name: strings.ToUpper(f.Wire), Value: value})
					if !f.Secret {
						want[strings.ToLower(f.Wire)] = value
					}
				}
			}
			pairs = append(pairs, dialect.Pair{Name: "passwort", Value: "a field that nobody knows"}, dialect.Pair{Name: "x.key", Value: "a token"})
			if diff := cmp.Diff(want, keep(d, pairs)); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWantsJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": true, "application/json, text/plain, */*": true, "application/problem+json": true,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false, "text/html, application/json": false,
		"application/json, text/html": true, "APPLICATION/JSON": true,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		if got := WantsJSON(r); got != want {
			t.Errorf("Accept: %q: got %v, want %v", accept, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", time.Second: "1 s", 59*time.Second + 499*time.Millisecond: "59 s", time.Minute: "1 min", 52*time.Minute + 18*time.Second: "52 min 18 s",
		time.Hour: "1 h", 61 * time.Minute: "1 h 1 min", 14 * 24 * time.Hour: "14 d", 13*24*time.Hour + 23*time.Hour: "13 d 23 h", -9 * time.Second: "9 s",
		15 * time.Minute: "15 min", 10 * time.Hour: "10 h", 20 * time.Second: "20 s", 10 * 24 * time.Hour: "10 d",
	} {
		if got := span(d); got != want {
			t.Errorf("span of %v: got %q, want %q", d, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "nothing listens": "Nothing listens.", "Done.": "Done.", "é": "É.", " why? ": "Why?"} {
		if got := sentence(in); got != want {
			t.Errorf("sentence of %q: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "ab": "AB", "abcd": "AB:CD", "abc": "AB:C"} {
		if got := colons(in); got != want {
			t.Errorf("colons of %q: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"host": "host:1", "fd00::1": "[fd00::1]:1", "[fd00::1]": "[fd00::1]:1"} {
		if got := withPort(in, "1"); got != want {
			t.Errorf("%q with a port: got %q, want %q", in, got, want)
		}
	}
	if got := quoteName("a\x00b\x7f" + strings.Repeat("é", 60)); !utf8.ValidString(got) || utf8.RuneCountInString(got) != 42 || strings.ContainsAny(got, "\x00\x7f") {
		t.Errorf("got the name %q", got)
	}
}

// sound fails the test unless an input was refused as a problem or read as
// what every handler may rely on.
func sound(t *testing.T, pairs dialect.Pairs, err error) bool {
	t.Helper()
	if err != nil {
		var pr *Problem
		if !errors.As(err, &pr) || pr.Status != http.StatusBadRequest || pr.Detail == "" || !utf8.ValidString(pr.Detail) {
			t.Errorf("got the error %v", err)
		}
		return false
	}
	if len(pairs) > maxFields {
		t.Errorf("got %d fields", len(pairs))
	}
	for _, p := range pairs {
		if !utf8.ValidString(p.Name+p.Value) || strings.ContainsRune(p.Name+p.Value, 0) {
			t.Errorf("got the field %q = %q", p.Name, p.Value)
		}
	}
	return true
}

func FuzzReadForm(f *testing.F) {
	for _, s := range []string{"", "a=b", "a=b&a=c", "grant_type=password&username=x%40y&password=p+w", "%zz", "%4", "a=%00", "a=%ff", "=&=&", "a;b=c", strings.Repeat("a&", 70), "\xff=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		pairs, err := readForm(body)
		if !sound(t, pairs, err) {
			return
		}
		// What the standard library understands too, we read alike.
		want, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		for name := range want {
			if got, _ := pairs.Get(name); got != want.Get(name) && name != "" && onlySpelling(pairs, name) {
				t.Errorf("%q: field %q is %q, want %q", body, name, got, want.Get(name))
			}
		}
	})
}

// onlySpelling says that no other case of a name is there, since ours are
// compared in any case.
func onlySpelling(pairs dialect.Pairs, name string) bool {
	for _, p := range pairs {
		if p.Name != name && strings.EqualFold(p.Name, name) {
			return false
		}
	}
	return true
}

func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{"", "{}", `{"a":"b"}`, `{"a":1,"b":true,"c":null}`, `{"a":{}}`, `[1]`, `{"a":"\u0000"}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1e999}`, `{"a":"b"}x`, `{"a":"b"`, `{"a"`, strings.Repeat("[", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		pairs, err := readJSON([]byte(body))
		if !sound(t, pairs, err) {
			return
		}
		if !utf8.ValidString(body) {
			t.Errorf("%q was read, but is not UTF-8", body)
		}
		var object map[string]any
		dec := json.NewDecoder(strings.NewReader(body))
		dec.UseNumber()
		if err := dec.Decode(&object); err != nil {
			t.Errorf("%q was read, but is no object: %v", body, err)
		}
		for _, p := range pairs {
			if v, ok := object[p.Name].(string); ok && v != p.Value && count(pairs, p.Name) == 1 {
				t.Errorf("%q: member %q is %q, want %q", body, p.Name, p.Value, v)
			}
		}
	})
}

func count(pairs dialect.Pairs, name string) (n int) {
	for _, p := range pairs {
		if p.Name == name {
			n++
		}
	}
	return n
}

func FuzzReadQuery(f *testing.F) {
	for _, s := range []string{"", "op=token&grant=password", "x=1&view=body&theme=dark", "grant_type=refresh_token", "op=nope", "version=9", "password=x", "done=forgotten&reveal=access&fill=1", "target=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for _, d := range dialect.All() {
			q, err := readQuery(values, d)
			var pr *Problem
			if err != nil && !errors.As(err, &pr) {
				t.Fatalf("got the error %v", err)
			}
			if err != nil {
				continue
			}
			// An address that we make is one that we read, as the same.
			u, err := url.Parse(q.address(d, nil))
			if err != nil || u.Host != "" || u.Path != "/"+d.ID {
				t.Fatalf("%q became the address %q: %v", text, q.address(d, nil), err)
			}
			again, err := readQuery(u.Query(), d)
			q.fill, q.reveal, q.notice = again.fill, again.reveal, again.notice
			if q.version == "" || q.version == d.Versions.Default {
				q.version = again.version
			}
			if q.target == sandboxName {
				q.target = again.target
			}
			if q.x < 0 {
				q.x = again.x
			}
			if err != nil || q != again {
				t.Fatalf("%q: address %q is read as %+v, %v, want %+v", text, u, again, err, q)
			}
		}
	})
}

// FuzzDecodeRecord: a kept exchange that can be read is shown without trouble,
// and is kept again as the same.
func FuzzDecodeRecord(f *testing.F) {
	for _, s := range []string{
		"", "{}", "null", "[]", `{"n":1,"product":"vbr","operation":"token","method":"POST","status":200,"reason":"OK","body":"{}"}`,
		`{"status":-1,"reason":"\u0000","failure":{"kind":"refused","old":"ab"},"certificate":{"not_before":"0000-01-01T00:00:00Z","names":null}}`,
		`{"failure":{},"status":999,"request_headers":[["a"],["b","c","d"],null],"checks":[{}],"at":"9999-12-31T23:59:59Z","took":-1}`,
		`{"n":1e3}`, `{"n":99999999999999999999}`, `{"certificate":{"der":"!"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			if r != nil || !strings.HasPrefix(err.Error(), "kept exchange: ") {
				t.Errorf("%q: got %v and the error %v", data, r, err)
			}
			return
		}
		if strings.TrimSpace(r.status()) == "" {
			t.Errorf("%q has no status", data)
		}
		shown, err := json.Marshal(r.json())
		if err != nil || !json.Valid(shown) {
			t.Errorf("%q cannot be shown: %v", data, err)
		}
		once, err := r.encode()
		if err != nil {
			t.Fatalf("%q cannot be kept: %v", data, err)
		}
		again, err := decodeRecord(once)
		if err != nil {
			t.Fatalf("%q is kept as %q, which cannot be read: %v", data, once, err)
		}
		if twice, err := again.encode(); err != nil || string(twice) != string(once) {
			t.Errorf("%q is kept as %q, then as %q, %v", data, once, twice, err)
		}
	})
}
