package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// everyDevice is each size and theme with script, and each size without.
var everyDevice = []device{desk, deskDark, phone, phoneDark, desk.withoutScript(), phone.withoutScript()}

// pair is what a person reads off an answer of the token call.
type pair struct{ access, refresh string }

// answered waits for an exchange on the page and checks its status.
func (v *visitor) answered(exchange int, status string) {
	v.t.Helper()
	v.seeText("#h-answer", "Response of exchange "+strconv.Itoa(exchange))
	v.seeText("#answer .verdict strong", status)
}

// body is the answer's body as the page shows it.
func (v *visitor) body() string {
	v.t.Helper()
	return read[string](v, "$('#answer-code .line').map((l) => l.textContent.trimEnd()).join('\\n')")
}

// tokens reads both tokens from the answer's body.
func (v *visitor) tokens(d *dialect.Dialect) pair {
	v.t.Helper()
	var members map[string]any
	body := v.body()
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		v.t.Fatalf("%s: the body on the page is no JSON: %v\n%s", v.at.name, err, body)
	}
	wire := func(term dialect.Term) string {
		for _, f := range d.Operation(dialect.Obtain).Gives {
			if f.Term == term {
				s, _ := members[f.Wire].(string)
				return s
			}
		}
		return ""
	}
	p := pair{wire(dialect.AccessToken), wire(dialect.RefreshToken)}
	if p.access == "" || p.refresh == "" || p.access == p.refresh {
		v.t.Fatalf("%s: the body has no pair of tokens:\n%s", v.at.name, body)
	}
	return p
}

// explored checks that the four questions of Explore are answered and that the
// protected call took the token. An opaque token leaves the others open.
func (v *visitor) explored(t *testing.T) {
	t.Helper()
	got := read[[]string](v, "$('#answer .checks .rank').map(text)")
	if len(got) != 4 || slices.Contains(got, "Failed") || got[3] != "Passed" {
		t.Errorf("Explore answers %q; want four verdicts, none Failed, the last Passed", got)
	}
}

// expand opens an operation by its heading, unless it is open.
func (v *visitor) expand(op *dialect.Operation, version string, d *dialect.Dialect) {
	v.t.Helper()
	id := string(op.Purpose)
	if !read[bool](v, "document.getElementById('group-"+groupID(op)+"').open") {
		v.click("#group-"+groupID(op)+" > summary", "")
	}
	if !read[bool](v, "document.getElementById('op-"+id+"').open") {
		v.clickOn("$('#op-"+id+" > summary').filter((e) => text(e.querySelector('h3')) === "+quoteJS(op.Method+" "+d.Path(op, version))+")", op.Method+" "+op.Path)
	}
	v.see("the open operation "+id, "$('#op-"+id+" .send .btn').length")
}

func groupID(op *dialect.Operation) string { return strings.ToLower(op.Group) }

// step is one step of the procedure as the panel shows it.
type step struct {
	Done     bool
	Exchange string
}

func (v *visitor) steps() []step {
	v.t.Helper()
	return read[[]step](v, "$('#steps li').map((l) => ({ Done: l.className === 'done', Exchange: l.querySelector('.proof a')?.textContent ?? '' }))")
}

// testDocumentedProcedure follows "Getting Authorization Tokens" word for word
// on the page that it is about.
func testDocumentedProcedure(t *testing.T, browser context.Context) {
	const title = "Veeam.Portal.WebAPI"
	i := slices.IndexFunc(dialect.All(), func(d *dialect.Dialect) bool { return d.Title == title })
	if i < 0 {
		t.Fatalf("no product has the page %s", title)
	}
	d, site := dialect.All()[i], start(t)
	for _, at := range everyDevice {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			followDocument(t, visit(t, browser, site, at), d, title)
		})
	}
}

func followDocument(t *testing.T, v *visitor, d *dialect.Dialect, title string) {
	token, logout := d.Operation(dialect.Obtain), d.Operation(dialect.Logout)
	v.open("/")
	v.look("home")
	v.click("#products h3 a", d.Name)

	// "On the Veeam.Portal.WebAPI page, expand the Accounts resource and click POST /token."
	v.seeText("h1", title)
	v.look("new")
	v.click("#group-accounts > summary", "")
	v.see("Accounts folded", "!$('#op-token').length")
	v.click("#group-accounts > summary", "")
	v.see("Accounts expanded", "text($('#group-accounts > summary h2')[0]) === 'Accounts' && $('#op-token').length")
	v.click("#op-token > summary", "")
	v.see("POST /token folded", "!$('#op-token form').length")
	v.expand(token, "", d)

	// "In the grant_type drop-down list, make sure that password (default) is selected."
	if got := v.chosen("token", "grant_type"); got != "password (default)" {
		t.Errorf("grant_type shows %q", got)
	}

	// "In the username and password fields, specify the credentials of a user with the … Portal Administrator privileges."
	admin := sandbox.People()[0]
	v.fill("token", "username", admin.Name)
	v.fill("token", "password", admin.Password)
	v.look("filled in")

	// "Click Try it out."
	v.click("#op-token .send .btn", "Try it out")

	// "A successfully completed operation returns the 200 Success response code and an access and a refresh token in the response body."
	v.answered(1, "200 Success")
	first := v.tokens(d)
	v.look("first pair")

	// "Save the refresh token locally for further use."
	v.click("#save .btn", "Show to copy")
	v.seeText("#whole-refresh", first.refresh)
	v.look("refresh token to save")

	// "Make sure that the access key is automatically inserted in the api_key field at the top of the page."
	v.see("the exchange that filled api_key", "text($('#api_key')[0]).endsWith('from exchange 1')")
	v.click(".key a", "Show the whole token")
	v.seeText("#whole-key", first.access)
	v.click(".key a", "Hide it again")
	v.see("the key hidden", "!$('#whole-key').length")

	// "To validate the access token, click Explore."
	v.click(".key button", "Explore")
	v.answered(2, "200 Success")
	v.explored(t)
	v.look("explored")

	// "When the access token expires, use the refresh token: … expand the Accounts resource and click POST /token."
	v.expand(token, "", d)

	// "From the grant_type drop-down list, select refresh_token."
	v.choose("token", "grant_type", "refresh_token")
	v.see("the field refresh_token", "field('token', 'refresh_token')")

	// "In the refresh_token field, insert the refresh token saved locally."
	v.fill("token", "refresh_token", first.refresh)
	v.look("refresh token inserted")

	// "Click Try it out."
	v.click("#op-token .send .btn", "Try it out")

	// "A successfully completed operation returns the 200 Success response code and a new pair of tokens in the response body."
	v.answered(3, "200 Success")
	second := v.tokens(d)
	if second.access == first.access || second.refresh == first.refresh {
		t.Error("the second pair is not new")
	}
	v.see("the exchange that filled api_key", "text($('#api_key')[0]).endsWith('from exchange 3')")
	v.look("second pair")

	// "On the Veeam.Portal.WebAPI page, expand the Accounts resource and click POST /accounts/logout."
	v.expand(logout, "", d)

	// "Click Try it out."
	v.click("#op-logout .send .btn", "Try it out")

	// "A successfully completed operation returns the 200 Success response code and the “You have been logged out.” message in the response body."
	v.answered(4, "200 Success")
	if got := v.body(); got != `"You have been logged out."` {
		t.Errorf("the body says %s", got)
	}
	v.see("an empty api_key", "text($('#api_key')[0]).startsWith('Empty')")
	v.look("logged out")

	// The answer that brought the refresh token had it kept.
	want := []step{{true, ""}, {true, ""}, {true, "exchange 1"}, {true, "exchange 1"}, {true, "exchange 1"}, {true, "exchange 2"}, {true, "exchange 3"}, {true, "exchange 4"}}
	if diff := cmp.Diff(want, v.steps()); diff != "" {
		t.Errorf("the steps of the procedure (-want +got):\n%s", diff)
	}
}

// testLives goes through the life of a pair on every product, with and without
// script, by the buttons of its own Swagger page.
func testLives(t *testing.T, browser context.Context) {
	site := start(t)
	for _, d := range dialect.All() {
		for _, at := range []device{desk, phone.withoutScript()} {
			t.Run(d.ID+" "+at.name, func(t *testing.T) {
				t.Parallel()
				live(t, visit(t, browser, site, at), d)
			})
		}
	}
}

// send clicks what the product's page calls for.
func (v *visitor) send(d *dialect.Dialect, op *dialect.Operation) {
	v.t.Helper()
	id := string(op.Purpose)
	if d.Ritual == dialect.Classic {
		v.click("#op-"+id+" .send .btn", "Try it out")
		return
	}
	if read[bool](v, "$('#op-"+id+" .send .btn').some((b) => text(b) === 'Try it out')") {
		v.click("#op-"+id+" .send .btn", "Try it out")
	}
	v.click("#op-"+id+" .send .btn", "Execute")
}

func live(t *testing.T, v *visitor, d *dialect.Dialect) {
	var (
		token, explore, logout = d.Operation(dialect.Obtain), d.Operation(dialect.Explore), d.Operation(dialect.Logout)
		password, refresh      = grant(t, d, dialect.PasswordGrant), grant(t, d, dialect.RefreshGrant)
		name, word             = wire(password, dialect.Username), wire(password, dialect.Password)
		choice                 = token.GrantField.Wire
		admin                  = sandbox.People()[0]
		ok                     = success(token)
		n                      = 0
	)
	v.open("/" + d.ID)
	v.seeText("h1", d.Title)
	if got := v.chosen("token", choice); got != password.Label() {
		t.Errorf("%s shows %q, want %q", choice, got, password.Label())
	}
	if d.Ritual == dialect.Modern {
		locked := "$('#op-token .fields :is(input, select)').every((e) => e.disabled)"
		v.see("locked fields", locked)
		v.look("locked")
		v.click("#op-token .send .btn", "Try it out")
		v.see("open fields", "$('#op-token .fields :is(input, select)').every((e) => !e.disabled)")
		v.fill("token", name, "somebody")
		v.click("#op-token .send .btn", "Cancel")
		v.see("locked fields without what was typed", locked+" && field('token', "+quoteJS(name)+").value !== 'somebody'")
		v.click("#op-token .send .btn", "Try it out")
		v.see("open fields", "$('#op-token .fields :is(input, select)').every((e) => !e.disabled)")
	}
	v.fill("token", name, admin.Name)
	v.fill("token", word, admin.Password)
	v.send(d, token)
	n++
	v.answered(n, ok)
	first := v.tokens(d)
	v.look("first pair")

	v.click(".key button", "Explore")
	n++
	v.answered(n, success(explore))
	v.explored(t)

	v.click(".state button", "Refresh")
	n++
	v.answered(n, ok)
	second := v.tokens(d)
	if second.access == first.access || second.refresh == first.refresh {
		t.Error("the pair of one click is not new")
	}

	v.expand(token, "", d)
	if d.Ritual == dialect.Modern && read[bool](v, "$('#op-token .send .btn').some((b) => text(b) === 'Try it out')") {
		v.click("#op-token .send .btn", "Try it out")
		v.see("open fields", "!field('token', "+quoteJS(choice)+").disabled")
	}
	if v.chosen("token", choice) != refresh.Label() {
		v.choose("token", choice, refresh.Label())
	}
	insert := wire(refresh, dialect.RefreshToken)
	v.see("the field "+insert, "field('token', "+quoteJS(insert)+")")
	v.fill("token", insert, second.refresh)
	v.send(d, token)
	n++
	v.answered(n, ok)
	if third := v.tokens(d); third.access == second.access || third.refresh == second.refresh {
		t.Error("the pair of the inserted token is not new")
	}

	v.expand(logout, "", d)
	v.send(d, logout)
	n++
	v.answered(n, success(logout))
	v.see("an empty api_key", "text($('#api_key')[0]).startsWith('Empty')")
	for i, s := range v.steps() {
		if !s.Done {
			t.Errorf("step %d of the procedure is not ticked", i+1)
		}
	}
	v.look("logged out")

	if d.SecondFactor == dialect.Challenges {
		v.secondFactor(t, d, n)
	}
}

// secondFactor signs in as the person who has one, with the authenticator on
// the page.
func (v *visitor) secondFactor(t *testing.T, d *dialect.Dialect, n int) {
	token := d.Operation(dialect.Obtain)
	v.click(".state .btn", "Get tokens")
	v.secondFactorUntil(d, n+1)
	v.look("half way")
	v.click("#authenticator .btn", "Use this code")
	code := wire(grant(t, d, dialect.MFAGrant), dialect.MFACode)
	v.see("the code in the form", "/^\\d{6}$/.test(field('token', "+quoteJS(code)+")?.value)")
	if v.at.noScript {
		v.see("the form, not the top of the page", "location.hash === '#op-token'")
	}
	v.look("code filled in")
	v.send(d, token)
	v.answered(n+2, success(token))
	v.tokens(d)
	v.see("a valid state", "$('.state.is-valid').length")
}

func grant(t *testing.T, d *dialect.Dialect, k dialect.Kind) *dialect.Grant {
	t.Helper()
	g, ok := d.Grant(k)
	if !ok {
		t.Fatalf("%s has no %s grant", d.Name, k)
	}
	return g
}

// wire is how the product spells a field of a grant.
func wire(g *dialect.Grant, term dialect.Term) string {
	for _, f := range g.Takes {
		if f.Term == term {
			return f.Wire
		}
	}
	return fmt.Sprintf("(no field for %s)", term)
}

// challenged is how the page says the status of an answer that asks for a
// second factor.
func challenged(op *dialect.Operation) string {
	if status := op.Challenge.Status; status != 0 {
		return strconv.Itoa(status) + " " + http.StatusText(status)
	}
	return success(op)
}

// success is how the page says the status of an operation that went well.
func success(op *dialect.Operation) string {
	switch op.Status {
	case 201:
		return "201 Created"
	case 204:
		return "204 No Content"
	}
	return strconv.Itoa(op.Status) + " Success"
}
