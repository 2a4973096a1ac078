package dialect

import (
	"strings"
	"testing"
	"time"
)

func TestEveryProductIsValid(t *testing.T) {
	if err := ValidateAll(All()); err != nil {
		t.Error(err)
	}
}

func TestValidateReports(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*Dialect)
		want  []string
	}{
		{"an id with a capital", func(d *Dialect) { d.ID = "Vx" }, []string{`id "Vx"`}},
		{"a missing title", func(d *Dialect) { d.Title = "" }, []string{"title is missing"}},
		{"a port out of range", func(d *Dialect) { d.Port = 70000 }, []string{"port 70000"}},
		{"an unknown ritual", func(d *Dialect) { d.Ritual = "odd" }, []string{`ritual "odd"`}},
		{"an unknown second factor", func(d *Dialect) { d.SecondFactor = "odd" }, []string{`second factor "odd"`}},
		{"two groups of one name", func(d *Dialect) { d.Groups = append(d.Groups, d.Groups[0]) }, []string{"a name of its own"}},
		{"no versions", func(d *Dialect) { d.Versions.All = nil }, []string{"versions are missing"}},
		{"a version twice", func(d *Dialect) { d.Versions.All = append(d.Versions.All, d.Versions.All[0]) }, []string{"an id of its own"}},
		{"an unknown default version", func(d *Dialect) { d.Versions.Default = "v99" }, []string{`default version "v99"`}},
		{"no operation to log out", func(d *Dialect) { d.Operations = slicesWithout(d.Operations, Logout) }, []string{`0 operations with purpose "logout"`}},
		{"two operations to explore", func(d *Dialect) {
			op := *d.Operation(Explore)
			op.Path += "/x"
			d.Operations = append(d.Operations, op)
		}, []string{`2 operations with purpose "explore"`}},
		{"an unknown purpose", func(d *Dialect) { d.Operations[0].Purpose = "odd" }, []string{`purpose "odd"`}},
		{"two operations on one path", func(d *Dialect) { d.Operations = append(d.Operations, d.Operations[len(d.Operations)-1]) }, []string{"another operation answers"}},
		{"a path without its slash", func(d *Dialect) { d.Operations[1].Path = "x" }, []string{"begin with a slash"}},
		{"a method in lower case", func(d *Dialect) { d.Operations[1].Method = "post" }, []string{"in capitals"}},
		{"a success that is none", func(d *Dialect) { d.Operations[1].Status = 404 }, []string{"status 404 is no success"}},
		{"an unknown group", func(d *Dialect) { d.Operations[1].Group = "Odd" }, []string{`group "Odd"`}},
		{"a body that is no JSON", func(d *Dialect) { d.Operation(Explore).Body = "{" }, []string{"body is not JSON"}},
		{"an older body of an unknown version", func(d *Dialect) { d.Operation(Explore).Older = []OlderBody{{Until: "v99", Body: "x"}} }, []string{`version "v99"`, "body is not JSON"}},
		{"no grants", func(d *Dialect) { d.Operation(Obtain).Grants = nil }, []string{"no grants", "no password grant", "no refresh grant"}},
		{"a grant twice", func(d *Dialect) { d.Operation(Obtain).Grants[1].Kind = PasswordGrant }, []string{"a kind of its own", "no refresh grant"}},
		{"a grant that needs nothing", func(d *Dialect) { d.Operation(Obtain).Grants[1].Takes = nil }, []string{"cannot do without"}},
		{"a secret that is not marked", func(d *Dialect) { d.Operation(Obtain).Grants[0].Takes[1].Secret = false }, []string{"mark it secret"}},
		{"an answer's secret that is not marked", func(d *Dialect) { d.Operation(Obtain).Gives[0].Secret = false }, []string{"mark it secret"}},
		{"a field without a codec", func(d *Dialect) { d.Operation(Obtain).Gives[0].As = nil }, []string{"a codec"}},
		{"a term without a meaning", func(d *Dialect) { d.Operation(Obtain).Gives[0].Term = "odd" }, []string{`term "odd"`}},
		{"a fixed value that cannot be written", func(d *Dialect) {
			f := &d.Operation(Obtain).Gives[0]
			f.Fixed, f.As = "x", Integer
		}, []string{"fixed value"}},
		{"a field since an unknown version", func(d *Dialect) { d.Operation(Obtain).Gives[0].Since = "v99" }, []string{`version "v99"`}},
		{"a word twice in one version", func(d *Dialect) {
			op := d.Operation(Obtain)
			op.Gives = append(op.Gives, op.Gives[0])
		}, []string{"twice"}},
		{"a token without a life", func(d *Dialect) { d.Lifetimes = Lifetimes{Access: time.Hour} }, []string{"lifetimes"}},
		{"an opaque token with claims", func(d *Dialect) {
			d.Access.Opaque, d.Access.Claims = 9, []Field{{Term: Audience, Wire: "aud", As: Text}}
		}, []string{"carries nothing"}},
		{"a JWT without claims", func(d *Dialect) { d.Access = Token{Alg: "RS512", Basis: Choice} }, []string{"algorithm and claims"}},
		{"a fault that nothing words", func(d *Dialect) {
			var kept []Refusal
			for _, r := range d.Refusals {
				if r.Fault != LockedOut {
					kept = append(kept, r)
				}
			}
			d.Refusals = kept
		}, []string{`no refusal words "locked_out" on "token"`}},
		{"a refusal that succeeds", func(d *Dialect) { d.Refusals[0].Status = 200 }, []string{"status 200 is no refusal"}},
		{"a choice without a reason", func(d *Dialect) { d.Refusals[0].Basis, d.Refusals[0].Reason = Choice, "" }, []string{"needs its reason"}},
		{"an unknown basis", func(d *Dialect) { d.Refusals[0].Basis = "odd" }, []string{`basis "odd"`}},
		{"a refusal that says more than it can", func(d *Dialect) { d.Refusals[0].Says = Values{PairID: "x"} }, []string{"no member for"}},
		{"no procedure", func(d *Dialect) { d.Procedure = nil }, []string{"procedure is missing"}},
		{"a step to nowhere", func(d *Dialect) { d.Procedure[0].Shows = "odd" }, []string{"is no operation"}},
		{"a step with a foreign grant", func(d *Dialect) { d.Procedure[0].Grant = "odd" }, []string{`grant "odd"`}},
		{"an encoding that nobody knows", func(d *Dialect) { d.Operation(Obtain).Encodings = []Encoding{"odd"} }, []string{`encoding "odd"`}},
		{"two calls that tell who one is", func(d *Dialect) {
			op := *d.Operation(Explore)
			op.Purpose = WhoAmI
			for _, path := range []string{"/1", "/2", "/3"} {
				op.Path = path
				d.Operations = append(d.Operations, op)
			}
		}, []string{`with purpose "whoami"; give one at most`}},
		{"a call for codes that gives none", func(d *Dialect) {
			d.Lifetimes.Code = 0
			d.Operations = slicesWithout(d.Operations, MakeCode)
			d.Operation(Explore).Purpose = MakeCode
		}, []string{`gives no "authorization_code"`, "the code needs one"}},
		{"a call for clients that gives half of one", func(d *Dialect) {
			d.Operations = slicesWithout(d.Operations, MakeClient)
			op := d.Operation(Explore)
			op.Purpose, op.Gives = MakeClient, []Field{{Term: ClientID, Wire: "id", As: Text}}
		}, []string{`gives no "client_secret"`}},
		{"a field that nobody can fill in", func(d *Dialect) {
			d.Operation(Logout).Takes = []Field{{Term: PairID, Wire: "x", As: Text, Required: true}}
		}, []string{`no operation tells "pair_id"`}},
		{"a field in the path that may be missing", func(d *Dialect) {
			op := d.Operation(Logout)
			op.Path, op.Takes = "/x/{y}", []Field{{Term: AccessToken, Wire: "y", As: Text, Secret: true}}
		}, []string{"stands in the path"}},
		{"a placeholder for nothing", func(d *Dialect) { d.Operation(Explore).Body = `{"x":"${odd}"}` }, []string{"${odd} stands for nothing"}},
		{"an older body with a status of failure", func(d *Dialect) { d.Operation(Explore).Older = []OlderBody{{Status: 404}} }, []string{"status 404 is no success"}},
		{"a first call that is to be read", func(d *Dialect) {
			op := *d.Operation(Explore)
			op.Purpose, op.Path, op.Tells = FirstCall, "/y", []Field{{Term: Message, Wire: "x", As: Text}}
			d.Operations = append(d.Operations, op)
		}, []string{"is shown and not read"}},
		{"older roles that lack a name", func(d *Dialect) { d.OlderRoles = []OlderRoles{{Until: "v99", Admin: "x"}} }, []string{`version "v99"`, "write until, admin and operator"}},
		{"a challenge's secret that is not marked", func(d *Dialect) {
			d.Operation(Obtain).Challenge.Gives = []Field{{Term: MFAToken, Wire: "x", As: Text}}
		}, []string{"challenge: field \"x\" opens something"}},
		{"a word to type until an unknown version", func(d *Dialect) { d.Authorize = Authorize{WordUntil: "v99"} }, []string{`authorize: version "v99"`, `authorize: until "v99"`}},
		{"a cookie without its header and basis", func(d *Dialect) { d.Antiforgery = Antiforgery{Cookie: "x", Since: "v99"} }, []string{"the header has no name", `basis ""`, `version "v99"`}},
		{"a grant since an unknown version", func(d *Dialect) { d.Operation(Obtain).Grants[0].Since = "v99" }, []string{`version "v99"`}},
		{"an unknown basis of members", func(d *Dialect) { d.Operation(Obtain).Members = "odd" }, []string{`basis "odd"`}},
		{"an RSA token that is the same everywhere", func(d *Dialect) {
			d.Access = Token{Alg: "RS256", Audience: "access", Basis: Choice, Claims: []Field{{Term: Audience, Wire: "aud", As: Text}}}
		}, []string{"needs a key id"}},
		{"a header of two lines", func(d *Dialect) { d.Headers = Pairs{{"X", "a\r\nb"}} }, []string{`header "X"`}},
		{"a refusal's header with a colon", func(d *Dialect) { d.Refusals[0].Header = Pairs{{"X:", "a"}} }, []string{`header "X:"`}},
		{"a version with a slash", func(d *Dialect) { d.Versions.All[0].ID = "a/b" }, []string{`version "a/b"`}},
		{"a version's header with a space", func(d *Dialect) { d.Versions.Header = "x y" }, []string{`"x y" is no name`}},
		{"a path with a query", func(d *Dialect) { d.Operation(Explore).Path = "/x?y" }, []string{`path "/x?y" must begin`}},
		{"a path that nothing fills", func(d *Dialect) { d.Operation(Explore).Path = "/x/{y}" }, []string{"nothing fills {y}"}},
		{"a body with a status that has none", func(d *Dialect) { d.Operation(Explore).Status = 204 }, []string{"status 204 has no body"}},
		{"an explore call without a token", func(d *Dialect) { d.Operation(Explore).Anonymous = true }, []string{"needs a token"}},
		{"a token call that needs a token", func(d *Dialect) { d.Operation(Obtain).Anonymous = false }, []string{"mark it anonymous"}},
		{"a grant field without a codec", func(d *Dialect) { d.Operation(Obtain).GrantField.As = nil }, []string{"the grant field has no codec"}},
		{"a grant that takes something else", func(d *Dialect) { d.Operation(Obtain).Grants[1].Takes = d.Operation(Obtain).Grants[0].Takes }, []string{`"refresh" takes "refresh_token"`}},
		{"a field that is named like the page's own", func(d *Dialect) { d.Operation(Obtain).Grants[0].Takes[0].Wire = "X.target" }, []string{`field "X.target": names that begin with x.`}},
		{"an answer without its refresh token", func(d *Dialect) { d.Operation(Obtain).Gives = d.Operation(Obtain).Gives[:1] }, []string{`gives no "refresh_token"`}},
		{"a word with a line break", func(d *Dialect) { d.Operation(Obtain).Gives[0].Wire = "a\nb" }, []string{"printable characters"}},
		{"a codec that cannot write its term", func(d *Dialect) { d.Operation(Obtain).Gives[0].As = Boolean }, []string{`the codec "boolean" cannot write "access_token"`}},
		{"a life beyond all dates", func(d *Dialect) { d.Lifetimes.Refresh = 100 * 366 * 24 * time.Hour }, []string{"between nothing and ten years"}},
		{"a negative life", func(d *Dialect) { d.Lifetimes.IssuedLate = -1 }, []string{"between nothing and ten years"}},
		{"an opaque token that is too short", func(d *Dialect) { d.Access = Token{Opaque: 64, Basis: Choice} }, []string{"64 characters"}},
		{"an opaque token of a length that base64 has not", func(d *Dialect) { d.Access = Token{Opaque: 201, Basis: Choice} }, []string{"201 characters"}},
		{"an algorithm that nobody signs with", func(d *Dialect) {
			d.Access = Token{Alg: "none", Audience: "x", Basis: Choice, Claims: []Field{{Term: Username, Wire: "sub", As: Text}}}
		}, []string{`algorithm "none"`, `no claim for "expires_at"`, `no claim for "audience"`}},
		{"a refresh token without its pair", func(d *Dialect) {
			d.Refresh = Token{Alg: "HS256", Audience: "x", Basis: Choice, Claims: []Field{{Term: Username, Wire: "sub", As: Text}, {Term: ExpiresAt, Wire: "exp", As: TimeUnix}, {Term: Audience, Wire: "aud", As: Text}}}
		}, []string{`no claim for "pair_id"`}},
		{"two tokens for one audience", func(d *Dialect) {
			claims := []Field{{Term: Username, Wire: "sub", As: Text}, {Term: ExpiresAt, Wire: "exp", As: TimeUnix}, {Term: Audience, Wire: "aud", As: Text}, {Term: PairID, Wire: "jti", As: UUID}}
			d.Access = Token{Alg: "HS256", Audience: "x", Basis: Choice, Claims: claims}
			d.Refresh = d.Access
		}, []string{"nothing tells them apart"}},
		{"a refusal of no media type", func(d *Dialect) { d.Refusals[0].Type = "x y" }, []string{`"x y" is no media type`}},
		{"a refusal that says what its codec cannot", func(d *Dialect) {
			d.Refusals[0].Shape, d.Refusals[0].Says = []Field{{Term: ErrorStatus, Wire: "status", As: Integer}}, Values{ErrorStatus: "many"}
		}, []string{`says: not a whole number: "many"`}},
		{"a step with a grant where there is no token call", func(d *Dialect) {
			d.Operations = slicesWithout(d.Operations, Obtain)
			d.Procedure[0].Shows, d.Procedure[0].Grant = Explore, PasswordGrant
		}, []string{`0 operations with purpose "token"`}},
		{"everything at once", func(d *Dialect) { d.ID, d.Title, d.Port = "", "", 0 }, []string{`id ""`, "title is missing", "port 0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, product := range All() {
				d := clone(product)
				test.spoil(d)
				err := d.Validate()
				for _, want := range test.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: got %v, want a complaint with %q", product.ID, err, want)
					}
				}
			}
		})
	}
}

func TestValidateAllReportsAnIDTwice(t *testing.T) {
	err := ValidateAll([]*Dialect{All()[0], All()[0]})
	if err == nil || !strings.Contains(err.Error(), "id is taken") {
		t.Errorf("got %v, want a complaint about the id", err)
	}
}

func slicesWithout(ops []Operation, p Purpose) []Operation {
	var kept []Operation
	for _, op := range ops {
		if op.Purpose != p {
			kept = append(kept, op)
		}
	}
	return kept
}
