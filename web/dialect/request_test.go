package dialect

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func product(t testing.TB, id string) *Dialect {
	t.Helper()
	d, ok := Find(id)
	if !ok {
		t.Fatalf("no product %q", id)
	}
	return d
}

func TestMatch(t *testing.T) {
	tests := []struct {
		id, method, path string
		purpose          Purpose
		version          string
		fault            Fault
	}{
		{"vbr", "POST", "/api/oauth2/token", Obtain, "", ""},
		{"vbr", "POST", "/API/OAuth2/Token", Obtain, "", ""},
		{"vbr", "POST", "/api/oauth2/token/", Obtain, "", ""},
		{"vbr", "GET", "/api/oauth2/token", "", "", BadMethod},
		{"vbr", "post", "/api/oauth2/token", "", "", BadMethod},
		{"vbr", "POST", "/api/oauth2", "", "", NotFound},
		{"vbr", "POST", "/api/oauth2/token/x", "", "", NotFound},
		{"vbr", "POST", "/api//oauth2/token", "", "", NotFound},
		{"vbr", "POST", "", "", "", NotFound},
		{"vbr", "POST", "/", "", "", NotFound},
		{"vbr", "GET", "/api/v1/serverInfo", Explore, "", ""},
		{"vbr", "GET", "/api/v1/serverinfo", Explore, "", ""},
		{"vbr", "GET", "/api/v2/serverInfo", "", "", NotFound},

		{"vbazure", "DELETE", "/api/oauth2/token", Logout, "", ""},
		{"vbazure", "PUT", "/api/oauth2/token", "", "", BadMethod},
		{"vbazure", "GET", "/api/v8.1/system/about", Explore, "v8.1", ""},
		{"vbazure", "GET", "/api/V8.1/System/About", Explore, "v8.1", ""},
		{"vbazure", "GET", "/api/v99/system/about", "", "", NotFound},
		{"vbazure", "GET", "/api//system/about", "", "", NotFound},
		{"vbazure", "GET", "/api/{version}/system/about", "", "", NotFound},

		{"vbahv", "POST", "/api/v6/token", Obtain, "v6", ""},
		{"vbahv", "DELETE", "/api/v6/token", Logout, "v6", ""},
		{"vbahv", "POST", "/api/v3/token", "", "", NotFound},

		{"vb365", "POST", "/V8/Token", Obtain, "v8", ""},
		{"vb365", "PUT", "/v6/token", "", "v6", BadMethod},
		{"vb365", "GET", "/v6/nowhere", "", "v6", NotFound},
		{"vb365", "POST", "/v6/token/logout", "", "v6", NotFound},
		{"vb365", "GET", "/v9/Jobs", "", "", NotFound},
		{"vbahv", "GET", "/api/v5/nowhere/else", "", "v5", NotFound},

		{"vac", "POST", "/token", Obtain, "", ""},
		{"vac", "POST", "/v2/token", "", "", NotFound},
		{"vac", "POST", "/v2/Accounts/Logout", Logout, "", ""},
		{"vac", "GET", "/v2/Users/7", FirstCall, "", ""},
		{"vac", "GET", "/v2/Users/", "", "", NotFound},
		{"vac", "GET", "/v2/Users/7/x", "", "", NotFound},
	}
	for _, test := range tests {
		t.Run(test.id+" "+test.method+" "+test.path, func(t *testing.T) {
			op, version, err := product(t, test.id).Match(test.method, test.path)
			var m *Mismatch
			if errors.As(err, &m) {
				if m.Fault != test.fault || op != nil || version != test.version {
					t.Fatalf("got %q in %q, want %q in %q", m.Fault, version, test.fault, test.version)
				}
				return
			}
			if err != nil || test.fault != "" {
				t.Fatalf("got %v, want %q", err, test.fault)
			}
			if op.Purpose != test.purpose || version != test.version {
				t.Errorf("got %q in %q, want %q in %q", op.Purpose, version, test.purpose, test.version)
			}
		})
	}
}

// obtain reads a token request as the sandbox does.
func obtain(d *Dialect, header http.Header, body string, how Reading) (Call, error) {
	return d.ReadCall(d.Operation(Obtain), "", header, []byte(body), how)
}

const form = "application/x-www-form-urlencoded"

// What public clients really send.
func TestReadCallIsAsPatientAsClientsNeed(t *testing.T) {
	bare := http.Header{"Content-Type": {form}}
	password := Values{Username: "a", Password: "b"}
	tests := []struct {
		name, id string
		header   http.Header
		body     string
		kind     Kind
		want     Values
	}{
		{"grants and fields in capitals", "vbr", bare, "Grant_Type=Password&Username=a&PASSWORD=b", PasswordGrant, password},
		{"a refresh in capitals", "vbr", bare, "grant_type=Refresh_token&Refresh_Token=x", RefreshGrant, Values{RefreshToken: "x"}},
		{"lower case where capitals are documented", "vbazure", bare, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"a second factor in lower case", "vbazure", bare, "grant_type=mfa&mfa_token=x&mfa_code=1", MFAGrant, Values{MFAToken: "x", MFACode: "1"}},
		{"no grant where it is optional", "vbazure", bare, "username=a&password=b", PasswordGrant, password},
		{"no grant and a refresh token", "vbazure", bare, "username=a&password=b&refresh_token=x", RefreshGrant, Values{RefreshToken: "x"}},
		{"an empty grant where it is optional", "vbazure", bare, "grant_type=&username=a&password=b", PasswordGrant, password},
		{"fields of a later version", "vbazure", bare, "grant_type=Refresh_token&refresh_token=x&short_lived_refresh_token=true", RefreshGrant, Values{RefreshToken: "x", ShortRefresh: "true"}},
		{"quote marks for another grant", "vbr", bare, "grant_type=password&username=a&password=b&refresh_token=''", PasswordGrant, password},
		{"samples for other grants", "vbr", bare, "grant_type=password&username=a&password=b&refresh_token=string&code=string&vbr_token=string", PasswordGrant, password},
		{"empty fields of other grants", "vbr", bare, "grant_type=password&username=a&password=b&refresh_token=&code=&vbr_token=&use_short_term_refresh=", PasswordGrant, password},
		{"an empty second factor", "vbazure", bare, "grant_type=Password&username=a&password=b&mfa_token=&mfa_code=", PasswordGrant, password},
		{"fields of no grant", "vac", bare, "grant_type=password&username=a&password=b&rememberMe=&asCurrentUser=&client_id=cli&disable_antiforgery_token=true", PasswordGrant, password},
		{"an old bearer", "vbr", http.Header{"Content-Type": {form}, "Authorization": {"Bearer old"}}, "grant_type=refresh_token&refresh_token=x", RefreshGrant, Values{RefreshToken: "x"}},
		{"an empty bearer", "vac", http.Header{"Content-Type": {form}, "Authorization": {"Bearer"}}, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"a basic scheme", "vac", http.Header{"Content-Type": {form}, "Authorization": {"Basic Og=="}}, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"no media type", "vbr", http.Header{}, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"another media type", "vac", http.Header{"Content-Type": {"application/json"}}, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"a media type twice", "vbr", http.Header{"Content-Type": {form, form}}, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"a media type with a charset", "vbr", http.Header{"Content-Type": {form + ";charset=UTF-8"}}, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"no version", "vbr", bare, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"an empty version", "vbr", http.Header{"X-Api-Version": {""}}, "grant_type=password&username=a&password=b", PasswordGrant, password},
		{"a raw semicolon", "vbr", bare, "grant_type=password&username=a&password=pa;ss", PasswordGrant, Values{Username: "a", Password: "pa;ss"}},
		{"a raw backslash", "vac", bare, `grant_type=password&username=vac\a&password=b`, PasswordGrant, Values{Username: `vac\a`, Password: "b"}},
		{"marks that are escaped", "vbr", bare, "grant_type=password&username=a&password=%20%2B%40%26%252B%3D%C3%A9%3F%3B%5C", PasswordGrant, Values{Username: "a", Password: ` +@&%2B=é?;\`}},
	}
	for _, test := range tests {
		t.Run(test.id+" "+test.name, func(t *testing.T) {
			c, err := obtain(product(t, test.id), test.header, test.body, Reading{})
			if err != nil || c.Kind != test.kind {
				t.Fatalf("got %q, %v, want %q", c.Kind, err, test.kind)
			}
			if diff := cmp.Diff(test.want, c.Values); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if c.Bearer != "" {
				t.Errorf("the token call read a bearer: %q", c.Bearer)
			}
		})
	}
}

func TestReadCallRefuses(t *testing.T) {
	versioned := http.Header{"Content-Type": {form}, "X-Api-Version": {"1.3-rev2"}}
	bare := http.Header{"Content-Type": {form}}
	tests := []struct {
		name, id string
		header   http.Header
		body     string
		how      Reading
		fault    Fault
		at       string
	}{
		{"an unknown version", "vbr", http.Header{"X-Api-Version": {"9.9-rev9"}}, "", Reading{}, UnsupportedVersion, "9.9-rev9"},
		{"a version with a v", "vbr", http.Header{"X-Api-Version": {"v1.3-rev2"}}, "", Reading{}, UnsupportedVersion, "v1.3-rev2"},
		{"an unknown version in a field", "vbazure", bare, "api-version=v99", Reading{}, UnsupportedVersion, "v99"},
		{"no grant", "vbr", versioned, "username=a&password=b", Reading{}, MissingField, "grant_type"},
		{"an empty grant", "vbr", versioned, "grant_type=", Reading{}, MissingField, "grant_type"},
		{"an unknown grant", "vbr", versioned, "grant_type=odd", Reading{}, UnknownGrant, "odd"},
		{"a grant of a relative", "vbahv", bare, "grantType=refresh_token&refreshToken=x", Reading{}, UnknownGrant, "refresh_token"},
		{"no password", "vbr", versioned, "grant_type=password&username=a", Reading{}, MissingField, "password"},
		{"an empty password", "vbr", versioned, "grant_type=password&username=a&password=", Reading{}, MissingField, "password"},
		{"nothing at all", "vac", http.Header{}, "", Reading{}, MissingField, "grant_type"},
		{"strictly, no version", "vbr", bare, "grant_type=password&username=a&password=b", Reading{Strict: true}, MissingVersion, "x-api-version"},
		{"strictly, a version in capitals", "vbr", http.Header{"X-Api-Version": {"1.3-REV2"}}, "", Reading{Strict: true}, UnsupportedVersion, "1.3-REV2"},
		{"strictly, no media type", "vac", http.Header{}, "grant_type=password&username=a&password=b", Reading{Strict: true}, BadMediaType, ""},
		{"strictly, another media type", "vac", http.Header{"Content-Type": {"application/json"}}, "grant_type=password&username=a&password=b", Reading{Strict: true}, BadMediaType, "application/json"},
		{"strictly, a grant in capitals", "vbr", versioned, "grant_type=Password&username=a&password=b", Reading{Strict: true}, UnknownGrant, "Password"},
		{"strictly, a field in capitals", "vbr", versioned, "grant_type=password&Username=a&password=b", Reading{Strict: true}, MissingField, "username"},
		{"strictly, a grant field in capitals", "vbr", versioned, "Grant_type=password&username=a&password=b", Reading{Strict: true}, MissingField, "grant_type"},
	}
	for _, test := range tests {
		t.Run(test.id+" "+test.name, func(t *testing.T) {
			_, err := obtain(product(t, test.id), test.header, test.body, test.how)
			var m *Mismatch
			if !errors.As(err, &m) || m.Fault != test.fault || m.Name != test.at {
				t.Errorf("got %v, want %s at %q", err, test.fault, test.at)
			}
		})
	}
}

func TestReadCallOfOtherOperationsReadsTheBearer(t *testing.T) {
	for authorization, want := range map[string]string{
		"Bearer x": "x", "bearer x": "x", "BEARER  x ": "x", "Bearer": "", "Bearer ": "", "": "", "Basic Og==": "", "x": "",
	} {
		for _, d := range All() {
			for _, p := range []Purpose{Explore, Logout} {
				c, err := d.ReadCall(d.Operation(p), "", http.Header{"Authorization": {authorization}}, []byte("ignored"), Reading{})
				if err != nil || c.Bearer != want || c.Purpose != p {
					t.Errorf("%s %s %q: got %q, %v, want %q", d.ID, p, authorization, c.Bearer, err, want)
				}
			}
		}
	}
}

func TestEncodeRefusesWhatShouldNotBeSent(t *testing.T) {
	for _, d := range All() {
		for name, test := range map[string]struct {
			call  Call
			fault Fault
		}{
			"an unknown version": {Call{Purpose: Obtain, Version: "v99"}, UnsupportedVersion},
			"an unknown grant":   {Call{Purpose: Obtain, Kind: "odd"}, UnknownGrant},
			"a missing field":    {Call{Purpose: Obtain, Kind: PasswordGrant, Values: Values{Username: "a"}}, MissingField},
		} {
			_, err := d.Encode(test.call)
			var m *Mismatch
			if !errors.As(err, &m) || m.Fault != test.fault {
				t.Errorf("%s: %s: got %v, want %s", d.ID, name, err, test.fault)
			}
		}
	}
}

func TestMismatchNamesNoSecret(t *testing.T) {
	for _, d := range All() {
		for _, g := range d.Operation(Obtain).Grants {
			for _, how := range []Reading{{}, {Strict: true}} {
				form := Pairs{{d.Operation(Obtain).GrantField.Wire, g.Wire}}
				for _, f := range g.Takes[:1] {
					form = append(form, Pair{f.Wire, "hush"})
				}
				if _, err := obtain(d, http.Header{}, form.Encode(), how); err != nil && strings.Contains(err.Error(), "hush") {
					t.Errorf("%s: %v", d.ID, err)
				}
			}
		}
	}
}

// What is encoded is read back, strictly, in every version and grant.
func TestEncodedCallsAreRead(t *testing.T) {
	for _, d := range All() {
		for _, v := range d.Versions.All {
			for _, g := range d.Operation(Obtain).Grants {
				if !d.Speaks(v.ID, g.Since, g.Until) {
					continue
				}
				values := Values{}
				for _, f := range d.Fields(g.Takes, v.ID) {
					values[f.Term] = `a\;+ %2B&=é` + f.Wire
				}
				r, err := d.Encode(Call{Purpose: Obtain, Version: v.ID, Kind: g.Kind, Values: values})
				if err != nil {
					t.Fatalf("%s %s %s: %v", d.ID, v.ID, g.Wire, err)
				}
				header := http.Header{}
				for _, h := range r.Header {
					header.Add(h.Name, h.Value)
				}
				op, version, err := d.Match(r.Method, r.Path)
				if err != nil {
					t.Fatalf("%s: %v", d.ID, err)
				}
				c, err := d.ReadCall(op, version, header, []byte(r.Body), Reading{Strict: true})
				if err != nil || c.Kind != g.Kind {
					t.Fatalf("%s %s %s: got %q, %v", d.ID, v.ID, g.Wire, c.Kind, err)
				}
				if diff := cmp.Diff(values, c.Values); diff != "" {
					t.Errorf("%s %s %s: -want +got:\n%s", d.ID, v.ID, g.Wire, diff)
				}
			}
		}
	}
}

func FuzzReadCall(f *testing.F) {
	for _, d := range All() {
		for _, e := range readEvidence(f, d.ID) {
			if e.facts == nil {
				media, _ := e.header.Get("Content-Type")
				version, _ := e.header.Get("x-api-version")
				f.Add(e.method, e.path, media, version, "Bearer x", e.body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, method, path, media, version, authorization, body string) {
		header := http.Header{"Content-Type": {media}, "X-Api-Version": {version}, "Authorization": {authorization}}
		for _, d := range All() {
			op, pathVersion, err := d.Match(method, path)
			if err != nil {
				continue
			}
			strict, strictErr := d.ReadCall(op, pathVersion, header, []byte(body), Reading{Strict: true})
			c, err := d.ReadCall(op, pathVersion, header, []byte(body), Reading{})
			// A field in another case means something to the patient only.
			form, _ := c.readBody(op, header, []byte(body), Reading{})
			if strictErr == nil && exactNames(op, form) && (err != nil || c.Kind != strict.Kind) {
				t.Errorf("%s: strictly %q, patiently %q, %v", d.ID, strict.Kind, c.Kind, err)
			}
			if err != nil || op.Purpose != Obtain {
				continue
			}
			// What was read can be sent, and is read again.
			if g, _ := d.Grant(c.Kind); !d.Speaks(c.Version, g.Since, g.Until) {
				continue
			}
			r, err := d.Encode(c)
			if err != nil {
				t.Fatalf("%s: %v", d.ID, err)
			}
			sent, err := fieldsOf(&Call{}, op, r.Header, r.Body)
			if err != nil {
				t.Fatalf("%s: %v", d.ID, err)
			}
			again, err := d.ReadForm(c.Version, sent)
			if err != nil || again.Kind != c.Kind {
				t.Fatalf("%s: %s: got %q, %v, want %q", d.ID, r.Body, again.Kind, err, c.Kind)
			}
			for term, v := range again.Values {
				if c.Values[term] != v {
					t.Errorf("%s: %s is %q, and again %q", d.ID, term, c.Values[term], v)
				}
			}
		}
	})
}

// exactNames says that no name differs from a field's by its case alone.
func exactNames(op *Operation, form Pairs) bool {
	for _, p := range form {
		if p.Name != op.GrantField.Wire && strings.EqualFold(p.Name, op.GrantField.Wire) {
			return false
		}
		for _, g := range op.Grants {
			for _, f := range g.Takes {
				if p.Name != f.Wire && strings.EqualFold(p.Name, f.Wire) {
					return false
				}
			}
		}
	}
	return true
}
