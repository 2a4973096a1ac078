package dialect

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var productID = regexp.MustCompile(`^[a-z0-9]+$`)

// secretTerms open something. A field with one of them must be marked secret,
// or it would be echoed, stored in clear or logged.
var secretTerms = map[Term]bool{
	Password: true, RefreshToken: true, AccessToken: true,
	MFAToken: true, MFACode: true, AuthorizationCode: true, ComponentToken: true,
	ClientSecret: true, Assertion: true,
}

// Validate reports every mistake in a description at once, joined; nil means
// that the rest of the program can rely on it. It cannot know whether a word
// is the product's: evidence can.
func (d *Dialect) Validate() error {
	v := validator{d: d}
	v.identity()
	v.versions()
	v.operations()
	v.tokens()
	v.refusals()
	v.procedure()
	return errors.Join(v.problems...)
}

// ValidateAll validates every description and that no two share an id.
func ValidateAll(dialects []*Dialect) error {
	var problems []error
	seen := map[string]bool{}
	for _, d := range dialects {
		if seen[d.ID] {
			problems = append(problems, fmt.Errorf("product %q: id is taken; choose another", d.ID))
		}
		seen[d.ID] = true
		if err := d.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("product %q: %w", d.ID, err))
		}
	}
	return errors.Join(problems...)
}

type validator struct {
	d        *Dialect
	problems []error
}

func (v *validator) addf(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf(format, args...))
}

func (v *validator) identity() {
	d := v.d
	if !productID.MatchString(d.ID) {
		v.addf("id %q: use lower-case letters and digits only", d.ID)
	}
	for _, f := range []struct{ name, value string }{
		{"name", d.Name}, {"short", d.Short}, {"title", d.Title}, {"source", d.Source},
		{"admin role", d.AdminRole}, {"operator role", d.OperatorRole},
	} {
		if f.value == "" {
			v.addf("%s is missing", f.name)
		}
	}
	if d.Port < 1 || d.Port > 65535 {
		v.addf("port %d: use 1 to 65535", d.Port)
	}
	if d.Ritual != Classic && d.Ritual != Modern {
		v.addf("ritual %q: use %q or %q", d.Ritual, Classic, Modern)
	}
	switch d.SecondFactor {
	case Challenges, Refuses, Ignores:
	default:
		v.addf("second factor %q: use %q, %q or %q", d.SecondFactor, Challenges, Refuses, Ignores)
	}
	seen := map[string]bool{}
	for _, g := range d.Groups {
		if g.Name == "" || seen[g.Name] {
			v.addf("group %q: give every group a name of its own", g.Name)
		}
		seen[g.Name] = true
	}
}

func (v *validator) versions() {
	vs := v.d.Versions
	if len(vs.All) == 0 {
		v.addf("versions are missing; give one at least")
		return
	}
	seen := map[string]bool{}
	for _, one := range vs.All {
		id := strings.ToLower(one.ID)
		if id == "" || seen[id] || strings.ContainsAny(id, "/ ") {
			v.addf("version %q: give every version an id of its own, without slash or space", one.ID)
		}
		seen[id] = true
	}
	if !seen[strings.ToLower(vs.Default)] {
		v.addf("default version %q is not among the versions", vs.Default)
	}
}

func (v *validator) known(what, version string) {
	if version == "" {
		return
	}
	if _, ok := v.d.Version(version); !ok {
		v.addf("%s: version %q is not among the versions", what, version)
	}
}

func (v *validator) operations() {
	d := v.d
	count := map[Purpose]int{}
	calls := map[string]bool{}
	for i := range d.Operations {
		op := &d.Operations[i]
		count[op.Purpose]++
		what := fmt.Sprintf("operation %s %s", op.Method, op.Path)
		for _, path := range append([]string{op.Path}, op.Also...) {
			if !strings.HasPrefix(path, "/") {
				v.addf("%s: path %q must begin with a slash", what, path)
			}
			call := op.Method + " " + strings.ToLower(path)
			if calls[call] {
				v.addf("%s: another operation answers %s", what, call)
			}
			calls[call] = true
		}
		if op.Method == "" || op.Method != strings.ToUpper(op.Method) {
			v.addf("%s: write the method in capitals", what)
		}
		if op.Status < 200 || op.Status > 299 {
			v.addf("%s: status %d is no success", what, op.Status)
		}
		v.group(what, op.Group)
		v.known(what, op.Since)
		v.known(what, op.Until)
		v.basis(what, op.Basis, op.Reason)
		if op.Members != "" {
			v.basis(what+": members", op.Members, op.Reason)
		}
		v.body(what, op.Body)
		for _, o := range op.Older {
			v.known(what+": an older body", o.Until)
			v.body(what, o.Body)
			if o.Status != 0 && (o.Status < 200 || o.Status > 299) {
				v.addf("%s: an older body: status %d is no success", what, o.Status)
			}
		}
		v.fields(what, op.Gives)
		v.fields(what, op.Tells)
		v.fields(what+": challenge", op.Challenge.Gives)
		v.takes(what, op)
		switch op.Purpose {
		case Obtain:
			v.grants(what, op)
		case Explore, Logout, FirstCall, WhoAmI, MakeCode, MakeClient:
			if len(op.Grants) > 0 {
				v.addf("%s: only %q takes grants", what, Obtain)
			}
		default:
			v.addf("%s: purpose %q is unknown", what, op.Purpose)
		}
	}
	for _, p := range []Purpose{Obtain, Explore, Logout} {
		if count[p] != 1 {
			v.addf("%d operations with purpose %q; give exactly one", count[p], p)
		}
	}
	for _, p := range []Purpose{WhoAmI, MakeCode, MakeClient} {
		if count[p] > 1 {
			v.addf("%d operations with purpose %q; give one at most", count[p], p)
		}
	}
	v.meets(MakeCode, AuthorizationCode)
	v.meets(MakeClient, ClientID, ClientSecret)
	if a := d.Antiforgery; a.Cookie != "" {
		if a.Header == "" {
			v.addf("antiforgery: the header has no name")
		}
		v.known("antiforgery", a.Since)
		v.basis("antiforgery", a.Basis, a.Reason)
	}
}

// meets demands that an operation, if there is one, gives what it is for.
func (v *validator) meets(p Purpose, terms ...Term) {
	op := v.d.Operation(p)
	if op == nil {
		return
	}
	for _, t := range terms {
		if !hasTerm(op.Gives, t) {
			v.addf("operation %s %s: gives no %q", op.Method, op.Path, t)
		}
	}
	if p == MakeCode && v.d.Lifetimes.Code <= 0 {
		v.addf("lifetimes: the code needs one")
	}
}

// takes checks the fields and encodings of a request.
func (v *validator) takes(what string, op *Operation) {
	v.fields(what, op.Takes)
	for _, f := range op.Takes {
		if strings.Contains(op.Path, "{"+f.Wire+"}") && !f.Required {
			v.addf("%s: field %q stands in the path; mark it required", what, f.Wire)
		}
		// Whoever makes the call has an access token and can ask who they are.
		known := f.Term == AccessToken
		if me := v.d.Operation(WhoAmI); me != nil {
			known = known || hasTerm(me.Tells, f.Term)
		}
		if f.Required && !known {
			v.addf("%s: no operation tells %q, which it requires", what, f.Term)
		}
	}
	for _, e := range op.Encodings {
		switch e {
		case Form, JSON, Multipart:
		default:
			v.addf("%s: encoding %q: use %q, %q or %q", what, e, Form, JSON, Multipart)
		}
	}
	for _, hole := range placeholder.FindAllString(op.Body, -1) {
		if t := Term(hole[2 : len(hole)-1]); t != "now" && t.Meaning() == "" {
			v.addf("%s: %s stands for nothing", what, hole)
		}
	}
}

func (v *validator) group(what, name string) {
	for _, g := range v.d.Groups {
		if g.Name == name {
			return
		}
	}
	v.addf("%s: group %q is not among the groups", what, name)
}

func (v *validator) basis(what string, b Basis, reason string) {
	switch b {
	case Documented, Observed:
	case Choice:
		if reason == "" {
			v.addf("%s: a choice needs its reason", what)
		}
	default:
		v.addf("%s: basis %q: use %q, %q or %q", what, b, Documented, Observed, Choice)
	}
}

func (v *validator) body(what, body string) {
	if body != "" && !json.Valid([]byte(body)) {
		v.addf("%s: body is not JSON: %.40q", what, body)
	}
}

func (v *validator) grants(what string, op *Operation) {
	if op.GrantField.Wire == "" {
		v.addf("%s: the grant field has no name", what)
	}
	if len(op.Grants) == 0 {
		v.addf("%s: no grants; a product without one gives no tokens", what)
	}
	kinds := map[Kind]bool{}
	for i := range op.Grants {
		g := &op.Grants[i]
		one := fmt.Sprintf("%s: grant %q", what, g.Wire)
		if g.Wire == "" || g.Kind == "" || kinds[g.Kind] {
			v.addf("%s: give every grant a word and a kind of its own", one)
		}
		kinds[g.Kind] = true
		v.fields(one, g.Takes)
		v.known(one, g.Since)
		v.known(one, g.Until)
		required := false
		for _, f := range g.Takes {
			required = required || f.Required
			if f.Label == "" {
				v.addf("%s: field %q has no label", one, f.Wire)
			}
		}
		if !required {
			v.addf("%s: mark the fields that it cannot do without", one)
		}
	}
	for _, k := range []Kind{PasswordGrant, RefreshGrant} {
		if !kinds[k] {
			v.addf("%s: no %s grant", what, k)
		}
	}
	if kinds[MFAGrant] != (v.d.SecondFactor == Challenges) {
		v.addf("%s: a product with the mfa grant, and no other, challenges", what)
	}
}

func (v *validator) fields(what string, fields []Field) {
	for _, f := range fields {
		if f.Wire == "" || f.Term == "" || f.As == nil {
			v.addf("%s: field %q needs a term, a word and a codec", what, f.Wire)
			continue
		}
		if f.Term.Meaning() == "" {
			v.addf("%s: field %q: term %q has no meaning", what, f.Wire, f.Term)
		}
		if secretTerms[f.Term] && !f.Secret {
			v.addf("%s: field %q opens something; mark it secret", what, f.Wire)
		}
		if f.Fixed != "" {
			if _, err := f.As.Write(f.Fixed); err != nil {
				v.addf("%s: field %q: fixed value: %w", what, f.Wire, err)
			}
		}
		v.known(fmt.Sprintf("%s: field %q", what, f.Wire), f.Since)
		v.known(fmt.Sprintf("%s: field %q", what, f.Wire), f.Until)
	}
	// A version must not have one word twice.
	for _, version := range v.d.Versions.All {
		seen := map[string]bool{}
		for _, f := range v.d.Fields(fields, version.ID) {
			if seen[strings.ToLower(f.Wire)] {
				v.addf("%s: version %q has field %q twice", what, version.ID, f.Wire)
			}
			seen[strings.ToLower(f.Wire)] = true
		}
	}
}

func (v *validator) tokens() {
	l := v.d.Lifetimes
	a := v.d.Authorize
	v.known("authorize", a.WordUntil)
	if a.WordUntil != "" && !a.Word {
		v.addf("authorize: until %q there is no word to type", a.WordUntil)
	}
	if l.Access <= 0 || l.Refresh <= 0 {
		v.addf("lifetimes: both tokens need one")
	}
	for _, one := range []struct {
		what string
		t    Token
	}{{"access token", v.d.Access}, {"refresh token", v.d.Refresh}} {
		v.basis(one.what, one.t.Basis, "-")
		switch {
		case one.t.Opaque > 0 && (one.t.Alg != "" || len(one.t.Claims) > 0):
			v.addf("%s: an opaque token carries nothing", one.what)
		case one.t.Opaque == 0 && (one.t.Alg == "" || len(one.t.Claims) == 0):
			v.addf("%s: a JWT needs an algorithm and claims", one.what)
		case strings.HasPrefix(one.t.Alg, "RS") && !one.t.KeyID && !strings.Contains(one.t.Audience, "{installation}"):
			// All worlds of the sandbox share one RSA key.
			v.addf("%s: an RSA token needs a key id, or an audience that names the installation", one.what)
		}
		v.fields(one.what, one.t.Claims)
	}
}

// alwaysRaised are the faults that the sandbox can raise for every product,
// and on which purpose.
var alwaysRaised = []struct {
	fault Fault
	on    Purpose
}{
	{BadCredentials, Obtain}, {LockedOut, Obtain}, {UnknownGrant, Obtain}, {MissingField, Obtain},
	{BadMediaType, Obtain}, {BadRefreshToken, Obtain}, {SpentRefreshToken, Obtain}, {ExpiredRefresh, Obtain},
	{RevokedToken, Obtain}, {NotFound, Obtain}, {BadMethod, Obtain}, {ServerFault, Obtain},
	{NoToken, Explore}, {BadToken, Explore}, {ExpiredToken, Explore}, {RevokedToken, Explore},
	{TooFewRights, Explore}, {ServerFault, Explore},
	{NoToken, Logout}, {BadToken, Logout}, {ExpiredToken, Logout}, {RevokedToken, Logout}, {ServerFault, Logout},
}

func (v *validator) refusals() {
	d := v.d
	need := func(f Fault, on Purpose) {
		if _, ok := d.Refusal(f, on); !ok {
			v.addf("no refusal words %q on %q", f, on)
		}
	}
	for _, one := range alwaysRaised {
		need(one.fault, one.on)
	}
	if d.SecondFactor == Challenges {
		need(BadMFACode, Obtain)
		need(BadMFAToken, Obtain)
	}
	if d.SecondFactor == Refuses {
		need(NeedsServiceLogin, Obtain)
	}
	if d.Versions.Header != "" || d.Versions.Field.Wire != "" {
		need(UnsupportedVersion, Obtain)
	}
	if d.Versions.Header != "" {
		need(UnsupportedVersion, Explore)
		if !d.Versions.Optional {
			need(MissingVersion, Obtain)
		}
	}
	if op := d.Operation(Obtain); op != nil {
		if _, ok := d.Grant(CodeGrant); ok {
			need(BadCode, Obtain)
		}
	}
	for i := range d.Refusals {
		r := &d.Refusals[i]
		what := fmt.Sprintf("refusal %q", r.Fault)
		if r.Status < 400 || r.Status > 599 {
			v.addf("%s: status %d is no refusal", what, r.Status)
		}
		v.basis(what, r.Basis, r.Reason)
		v.fields(what, r.Shape)
		for term := range r.Says {
			if !hasTerm(r.Shape, term) {
				v.addf("%s: says %q, which its shape has no member for", what, term)
			}
		}
	}
}

func hasTerm(fields []Field, t Term) bool {
	for _, f := range fields {
		if f.Term == t {
			return true
		}
	}
	return false
}

func (v *validator) procedure() {
	d := v.d
	if len(d.Procedure) == 0 {
		v.addf("the procedure is missing")
	}
	for i, s := range d.Procedure {
		what := fmt.Sprintf("step %d", i+1)
		if s.Text == "" {
			v.addf("%s has no text", what)
		}
		if d.Operation(s.Shows) == nil {
			v.addf("%s: shows %q, which is no operation", what, s.Shows)
			continue
		}
		if s.Grant != "" {
			if _, ok := d.Grant(s.Grant); !ok {
				v.addf("%s: shows grant %q, which the product has not", what, s.Grant)
			}
		}
	}
}
