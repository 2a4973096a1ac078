package dialect

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

var productID = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

// secretTerms open something. A field with one of them must be marked secret,
// or it would be echoed, stored in clear or logged.
var secretTerms = map[Term]bool{
	Password: true, RefreshToken: true, AccessToken: true,
	MFAToken: true, MFACode: true, AuthorizationCode: true, ComponentToken: true,
	ClientSecret: true, Assertion: true,
}

// Mistake is one thing that is wrong with a description.
type Mistake struct {
	// Place is the path of the member, as descriptions kept as data spell it:
	// operations[0].grants[1].wire. What names it for people, and may be empty.
	Place, What string
	Err         error
}

func (m *Mistake) Error() string {
	if m.What == "" {
		return m.Err.Error()
	}
	return m.What + ": " + m.Err.Error()
}

func (m *Mistake) Unwrap() error { return m.Err }

// Validate reports every mistake in a description at once, joined; each is a
// [*Mistake]. nil means that the rest of the program can rely on it. It cannot
// know whether a word is the product's: evidence can.
func (d *Dialect) Validate() error {
	var problems []error
	for _, m := range d.mistakes() {
		problems = append(problems, m)
	}
	return errors.Join(problems...)
}

func (d *Dialect) mistakes() []*Mistake {
	v := validator{d: d}
	v.identity()
	v.versions()
	v.operations()
	v.tokens()
	v.refusals()
	v.procedure()
	return v.found
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
	d     *Dialect
	found []*Mistake
}

// place is where a member stands, for files and for people.
type place struct{ path, what string }

// in is the place of a member.
func (p place) in(member string) place {
	if p.path != "" {
		member = p.path + "." + member
	}
	return place{member, p.what}
}

// item is the place of an element of a list, which people call what; if that
// is empty, its text names it.
func (p place) item(list string, i int, what string) place {
	switch {
	case what == "":
		what = p.what
	case p.what != "":
		what = p.what + ": " + what
	}
	return place{fmt.Sprintf("%s[%d]", p.in(list).path, i), what}
}

func (v *validator) addf(at place, format string, args ...any) {
	v.found = append(v.found, &Mistake{at.path, at.what, fmt.Errorf(format, args...)})
}

var root place

func (v *validator) identity() {
	d := v.d
	if !productID.MatchString(d.ID) {
		v.addf(root.in("id"), "id %.40q: use lower-case letters and digits only, 32 at most", d.ID)
	}
	for _, f := range []struct{ member, name, value string }{
		{"name", "name", d.Name}, {"short", "short", d.Short}, {"title", "title", d.Title}, {"source", "source", d.Source},
		{"admin_role", "admin role", d.AdminRole}, {"operator_role", "operator role", d.OperatorRole},
	} {
		if f.value == "" {
			v.addf(root.in(f.member), "%s is missing", f.name)
		}
	}
	for i, o := range d.OlderRoles {
		at := root.item("older_roles", i, "older roles")
		v.known(at.in("until"), o.Until)
		if o.Until == "" || o.Admin == "" || o.Operator == "" {
			v.addf(at, "write until, admin and operator")
		}
	}
	if d.Port < 1 || d.Port > 65535 {
		v.addf(root.in("port"), "port %d: use 1 to 65535", d.Port)
	}
	if d.Ritual != Classic && d.Ritual != Modern {
		v.addf(root.in("ritual"), "ritual %q: use %q or %q", d.Ritual, Classic, Modern)
	}
	switch d.SecondFactor {
	case Challenges, Refuses, Ignores:
	default:
		v.addf(root.in("second_factor"), "second factor %q: use %q, %q or %q", d.SecondFactor, Challenges, Refuses, Ignores)
	}
	seen := map[string]bool{}
	for i, g := range d.Groups {
		if g.Name == "" || seen[g.Name] {
			v.addf(root.item("groups", i, ""), "group %q: give every group a name of its own", g.Name)
		}
		seen[g.Name] = true
	}
	v.headers(root, "headers", d.Headers)
}

// nameForm is the grammar of names in HTTP (RFC 9110, 5.6.2).
var nameForm = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (v *validator) headers(at place, member string, headers Pairs) {
	for i, h := range headers {
		if !nameForm.MatchString(h.Name) || strings.ContainsFunc(h.Value, unicode.IsControl) {
			v.addf(at.item(member, i, ""), "header %q: a name has letters, digits and hyphens, and a value is one line", h.Name)
		}
	}
}

// headerName checks the name of a header or cookie that may be left out.
func (v *validator) headerName(at place, name string) {
	if name != "" && !nameForm.MatchString(name) {
		v.addf(at, "%q is no name for a header or a cookie; use letters, digits and hyphens", name)
	}
}

func (v *validator) versions() {
	vs := v.d.Versions
	at := root.in("versions")
	v.headerName(at.in("header"), vs.Header)
	if len(vs.All) == 0 {
		v.addf(at.in("all"), "versions are missing; give one at least")
		return
	}
	seen := map[string]bool{}
	for i, one := range vs.All {
		id := strings.ToLower(one.ID)
		if id == "" || seen[id] || !versionForm.MatchString(id) {
			v.addf(at.item("all", i, ""), "version %.40q: give every version an id of its own, of letters, digits, dots and hyphens", one.ID)
		}
		seen[id] = true
	}
	if !seen[strings.ToLower(vs.Default)] {
		v.addf(at.in("default"), "default version %q is not among the versions", vs.Default)
	}
	if vs.Field.Wire != "" {
		v.field(at.in("field"), vs.Field)
	}
}

var versionForm = regexp.MustCompile(`^[a-z0-9._-]+$`)

func (v *validator) known(at place, version string) {
	if version == "" {
		return
	}
	if _, ok := v.d.Version(version); !ok {
		v.addf(at, "version %q is not among the versions", version)
	}
}

func (v *validator) span(at place, since, until string) {
	v.known(at.in("since"), since)
	v.known(at.in("until"), until)
}

func (v *validator) operations() {
	d := v.d
	count := map[Purpose]int{}
	calls := map[string]bool{}
	for i := range d.Operations {
		op := &d.Operations[i]
		count[op.Purpose]++
		at := root.item("operations", i, fmt.Sprintf("operation %s %s", op.Method, op.Path))
		v.path(at.in("path"), op, op.Path)
		for j, path := range op.Also {
			v.path(at.item("also", j, ""), op, path)
		}
		for _, path := range append([]string{op.Path}, op.Also...) {
			call := op.Method + " " + strings.ToLower(path)
			if calls[call] {
				v.addf(at.in("path"), "another operation answers %s", call)
			}
			calls[call] = true
		}
		if !methodForm.MatchString(op.Method) {
			v.addf(at.in("method"), "write the method in capitals")
		}
		v.success(at.in("status"), op, op.Status)
		v.group(at.in("group"), op.Group)
		v.span(at, op.Since, op.Until)
		v.basis(at, "basis", op.Basis, op.Reason)
		if op.Members != "" {
			v.basis(at, "members", op.Members, op.Reason)
		}
		v.body(at.in("body"), op.Body)
		for j, o := range op.Older {
			older := at.item("older", j, "an older body")
			v.known(older.in("until"), o.Until)
			v.body(older.in("body"), o.Body)
			if o.Status != 0 {
				v.success(older.in("status"), op, o.Status)
			}
		}
		v.fields(at, "gives", op.Gives)
		v.fields(at, "tells", op.Tells)
		challenge := at.in("challenge")
		challenge.what += ": challenge"
		v.fields(challenge, "gives", op.Challenge.Gives)
		if op.Challenge.Status != 0 {
			v.success(challenge.in("status"), op, op.Challenge.Status)
		}
		v.takes(at, op)
		v.purpose(at, op)
	}
	for _, p := range []Purpose{Obtain, Explore, Logout} {
		if count[p] != 1 {
			v.addf(root.in("operations"), "%d operations with purpose %q; give exactly one", count[p], p)
		}
	}
	for _, p := range []Purpose{WhoAmI, MakeCode, MakeClient} {
		if count[p] > 1 {
			v.addf(root.in("operations"), "%d operations with purpose %q; give one at most", count[p], p)
		}
	}
	v.meets(MakeCode, AuthorizationCode)
	v.meets(MakeClient, ClientID, ClientSecret)
	if a := d.Antiforgery; a.Cookie != "" {
		at := place{"antiforgery", "antiforgery"}
		if a.Header == "" {
			v.addf(at.in("header"), "the header has no name")
		}
		v.headerName(at.in("cookie"), a.Cookie)
		v.headerName(at.in("header"), a.Header)
		v.known(at.in("since"), a.Since)
		v.basis(at, "basis", a.Basis, a.Reason)
	}
}

var (
	methodForm = regexp.MustCompile(`^[A-Z]+$`)
	pathForm   = regexp.MustCompile(`^(/[A-Za-z0-9._~!$&'()*+,;=:@-]*|/\{[A-Za-z0-9._~-]+\})+$`)
	pathHole   = regexp.MustCompile(`\{[^/]*\}`)
)

func (v *validator) path(at place, op *Operation, text string) {
	if !pathForm.MatchString(text) {
		v.addf(at, "path %.60q must begin with a slash and have nothing but what may stand in a URL, or {name} between two slashes", text)
	}
	if op.Purpose == FirstCall {
		return // whoever makes the call knows what to fill in
	}
	for _, h := range pathHole.FindAllString(text, -1) {
		if h != "{version}" && !slices.ContainsFunc(op.Takes, func(f Field) bool { return "{"+f.Wire+"}" == h }) {
			v.addf(at, "path %.60q: nothing fills %s; give a field with that word in takes", text, h)
		}
	}
}

func (v *validator) success(at place, op *Operation, status int) {
	if status < 200 || status > 299 {
		v.addf(at, "status %d is no success", status)
	}
	if (status == 204 || status == 205) && (len(op.Gives) > 0 || op.Body != "") {
		v.addf(at, "status %d has no body, but the operation gives one", status)
	}
}

// purpose checks what an operation needs for what it is for.
func (v *validator) purpose(at place, op *Operation) {
	switch op.Purpose {
	case Obtain:
		v.grants(at, op)
		return
	case Explore, Logout, WhoAmI, MakeCode, MakeClient:
		if op.Anonymous {
			v.addf(at.in("anonymous"), "a call with the purpose %q needs a token", op.Purpose)
		}
	case FirstCall:
		if len(op.Gives)+len(op.Tells) > 0 {
			v.addf(at.in("gives"), "an answer to a call with the purpose %q is shown and not read: write it as body, without gives and tells", op.Purpose)
		}
	default:
		v.addf(at.in("purpose"), "purpose %q is unknown", op.Purpose)
	}
	if len(op.Grants) > 0 {
		v.addf(at.in("grants"), "only %q takes grants", Obtain)
	}
}

// meets demands that an operation, if there is one, gives what it is for.
func (v *validator) meets(p Purpose, terms ...Term) {
	for i := range v.d.Operations {
		op := &v.d.Operations[i]
		if op.Purpose != p {
			continue
		}
		at := root.item("operations", i, fmt.Sprintf("operation %s %s", op.Method, op.Path))
		for _, t := range terms {
			if !hasTerm(op.Gives, t) {
				v.addf(at.in("gives"), "gives no %q", t)
			}
		}
		if p == MakeCode && v.d.Lifetimes.Code <= 0 {
			v.addf(root.in("lifetimes.code"), "lifetimes: the code needs one")
		}
	}
}

// takes checks the fields and encodings of a request.
func (v *validator) takes(at place, op *Operation) {
	v.fields(at, "takes", op.Takes)
	v.asked(at, "takes", op.Takes)
	for i, f := range op.Takes {
		one := at.item("takes", i, "")
		if strings.Contains(op.Path, "{"+f.Wire+"}") && !f.Required {
			v.addf(one, "field %q stands in the path; mark it required", f.Wire)
		}
		// Whoever makes the call has an access token and can ask who they are.
		known := f.Term == AccessToken
		if me := v.d.Operation(WhoAmI); me != nil {
			known = known || hasTerm(me.Tells, f.Term)
		}
		if f.Required && !known {
			v.addf(one, "no operation tells %q, which it requires", f.Term)
		}
	}
	for i, e := range op.Encodings {
		switch e {
		case Form, JSON, Multipart:
		default:
			one := at.item("encodings", i, "")
			v.addf(one, "encoding %q: use %q, %q or %q", e, Form, JSON, Multipart)
		}
	}
}

// asked checks the names of fields that people fill in.
func (v *validator) asked(at place, member string, fields []Field) {
	for i, f := range fields {
		if strings.HasPrefix(strings.ToLower(f.Wire), ownPrefix) {
			one := at.item(member, i, "")
			v.addf(one, "field %q: names that begin with %s are the program's own", f.Wire, ownPrefix)
		}
	}
}

// ownPrefix begins the names of the page's own inputs.
const ownPrefix = "x."

func (v *validator) group(at place, name string) {
	for _, g := range v.d.Groups {
		if g.Name == name {
			return
		}
	}
	v.addf(at, "group %q is not among the groups", name)
}

func (v *validator) basis(at place, member string, b Basis, reason string) {
	if at = at.in(member); member == "members" {
		at.what += ": members"
	}
	switch b {
	case Documented, Observed:
	case Choice:
		if reason == "" {
			v.addf(at, "a choice needs its reason")
		}
	default:
		v.addf(at, "basis %q: use %q, %q or %q", b, Documented, Observed, Choice)
	}
}

func (v *validator) body(at place, body string) {
	if body != "" && !json.Valid([]byte(body)) {
		v.addf(at, "body is not JSON: %.40q", body)
	}
	for _, hole := range placeholder.FindAllString(body, -1) {
		if t := Term(hole[2 : len(hole)-1]); t != "now" && t.Meaning() == "" {
			v.addf(at, "%s stands for nothing", hole)
		}
	}
}

// demands are the terms that a grant cannot do without.
var demands = map[Kind][]Term{
	PasswordGrant:  {Username, Password},
	RefreshGrant:   {RefreshToken},
	MFAGrant:       {MFAToken, MFACode},
	CodeGrant:      {AuthorizationCode},
	ComponentGrant: {ComponentToken},
	ClientGrant:    {ClientID, ClientSecret},
	AssertionGrant: {Assertion},
	OperatorGrant:  {Assertion},
	PublicKeyGrant: {PublicKey},
	ActAsGrant:     {RefreshToken},
}

func (v *validator) grants(at place, op *Operation) {
	if !op.Anonymous {
		v.addf(at.in("anonymous"), "whoever gets a token has none yet; mark it anonymous")
	}
	if op.GrantField.Wire == "" {
		v.addf(at.in("grant_field"), "the grant field has no name")
	} else {
		v.asked(at, "grant_field", []Field{op.GrantField})
	}
	if op.GrantField.As == nil {
		v.addf(at.in("grant_field"), "the grant field has no codec")
	}
	if len(op.Grants) == 0 {
		v.addf(at.in("grants"), "no grants; a product without one gives no tokens")
	}
	kinds := map[Kind]bool{}
	for i := range op.Grants {
		g := &op.Grants[i]
		one := at.item("grants", i, fmt.Sprintf("grant %q", g.Wire))
		if g.Wire == "" || g.Kind == "" || kinds[g.Kind] {
			v.addf(one, "give every grant a word and a kind of its own")
		}
		kinds[g.Kind] = true
		v.fields(one, "takes", g.Takes)
		v.asked(one, "takes", g.Takes)
		v.span(one, g.Since, g.Until)
		required := false
		for j, f := range g.Takes {
			required = required || f.Required
			if f.Label == "" {
				v.addf(one.item("takes", j, ""), "field %q has no label", f.Wire)
			}
		}
		if !required {
			v.addf(one.in("takes"), "mark the fields that it cannot do without as required")
		}
		for _, t := range demands[g.Kind] {
			if !hasTerm(g.Takes, t) {
				v.addf(one.in("takes"), "a grant of the kind %q takes %q", g.Kind, t)
			}
		}
	}
	for _, k := range []Kind{PasswordGrant, RefreshGrant} {
		if !kinds[k] {
			v.addf(at.in("grants"), "no %s grant", k)
		}
	}
	if kinds[MFAGrant] != (v.d.SecondFactor == Challenges) {
		v.addf(at.in("grants"), "a product with the mfa grant, and no other, challenges")
	}
	for _, version := range v.d.Versions.All {
		gives := v.d.Fields(op.Gives, version.ID)
		for _, t := range []Term{AccessToken, RefreshToken} {
			if !written(gives, t) {
				v.addf(at.in("gives"), "version %q gives no %q", version.ID, t)
			}
		}
		if op.Challenge.Gives != nil {
			gives = v.d.Fields(op.Challenge.Gives, version.ID)
		}
		if v.d.SecondFactor == Challenges && !written(gives, MFAToken) {
			v.addf(at.in("gives"), "version %q gives no %q for the second factor", version.ID, MFAToken)
		}
	}
}

// written says that a value of a term is written.
func written(fields []Field, t Term) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Term == t && f.Fixed == "" && !f.ReadOnly })
}

func (v *validator) field(at place, f Field) {
	if f.Wire == "" || f.Term == "" || f.As == nil {
		v.addf(at, "field %q needs a term, a word and a codec", f.Wire)
		return
	}
	if strings.ContainsFunc(f.Wire, func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '\\' }) {
		v.addf(at.in("wire"), "field %q: a word has printable characters, without quotes and backslashes", f.Wire)
	}
	if f.Term.Meaning() == "" {
		v.addf(at.in("term"), "field %q: term %q has no meaning", f.Wire, f.Term)
	}
	if secretTerms[f.Term] && !f.Secret {
		v.addf(at, "field %q opens something; mark it secret", f.Wire)
	}
	if f.Fixed != "" {
		if _, err := f.As.Write(f.Fixed); err != nil {
			v.addf(at.in("fixed"), "field %q: fixed value: %w", f.Wire, err)
		}
	} else if _, err := f.As.Write(v.sample(f.Term)); err != nil {
		v.addf(at.in("as"), "field %q: the codec %q cannot write %q: %w", f.Wire, f.As.Name, f.Term, err)
	}
	v.span(at, f.Since, f.Until)
}

// sample is canonical text that a term may have.
func (v *validator) sample(t Term) string {
	switch t {
	case IssuedAt, ExpiresAt, RefreshExpiresAt, NotBefore:
		return FormatTime(time.Unix(0, 0))
	case MFAEnabled, NewsShown, ShortRefresh, LongRefresh, ShortTerm, ReadOnlyToken, NoAntiforgery:
		return "true"
	case ExpiresIn, ErrorStatus, RetryAfter:
		return "1"
	case UserID:
		if !v.d.UserIDs() {
			return "1"
		}
	}
	return "x"
}

func (v *validator) fields(at place, member string, fields []Field) {
	for i, f := range fields {
		v.field(at.item(member, i, ""), f)
	}
	// A version must not have one word twice.
	for _, version := range v.d.Versions.All {
		seen := map[string]bool{}
		for i, f := range fields {
			word := strings.ToLower(f.Wire)
			if !v.d.Speaks(version.ID, f.Since, f.Until) {
				continue
			}
			if seen[word] {
				one := at.item(member, i, "")
				v.addf(one, "version %q has field %q twice", version.ID, f.Wire)
			}
			seen[word] = true
		}
	}
}

// longest is how long a token may live: a date after it can still be written.
const longest = 10 * 366 * 24 * time.Hour

// algorithms are those of RFC 7518, 3.1, that the sandbox signs with.
var algorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512"}

// Opaque tokens carry what the sandbox must know of them, sealed.
const leastOpaque, mostOpaque = 128, 4096

func (v *validator) tokens() {
	l := v.d.Lifetimes
	a, until := v.d.Authorize, place{"authorize.word_until", "authorize"}
	v.known(until, a.WordUntil)
	if a.WordUntil != "" && !a.Word {
		v.addf(until, "until %q there is no word to type", a.WordUntil)
	}
	if l.Access <= 0 || l.Refresh <= 0 {
		v.addf(root.in("lifetimes"), "lifetimes: both tokens need one")
	}
	for _, one := range []struct {
		member string
		life   time.Duration
	}{
		{"access", l.Access}, {"refresh", l.Refresh}, {"short_refresh", l.ShortRefresh}, {"long_refresh", l.LongRefresh},
		{"code", l.Code}, {"reported", l.Reported}, {"issued_late", l.IssuedLate},
	} {
		if one.life < 0 || one.life > longest {
			v.addf(root.in("lifetimes."+one.member), "lifetimes: %s is not between nothing and ten years", one.life)
		}
	}
	for _, one := range []struct {
		member string
		t      Token
	}{{"access", v.d.Access}, {"refresh", v.d.Refresh}} {
		at := place{one.member, one.member + " token"}
		v.basis(at, "basis", one.t.Basis, "-")
		switch {
		case one.t.Opaque != 0 && (one.t.Alg != "" || len(one.t.Claims) > 0):
			v.addf(at, "an opaque token carries nothing")
		case one.t.Opaque != 0 && (one.t.Opaque < leastOpaque || one.t.Opaque > mostOpaque || one.t.Opaque%4 == 1):
			v.addf(at.in("opaque"), "%d characters: use %d to %d, and none that leaves 1 when divided by 4, which base64 never has", one.t.Opaque, leastOpaque, mostOpaque)
		case one.t.Opaque == 0 && (one.t.Alg == "" || len(one.t.Claims) == 0):
			v.addf(at, "a JWT needs an algorithm and claims; opaque is the length of one without")
		case strings.HasPrefix(one.t.Alg, "RS") && !one.t.KeyID && !strings.Contains(one.t.Audience, "{installation}"):
			// All worlds of the sandbox share one RSA key.
			v.addf(at, "an RSA token needs a key id, or an audience that names the installation")
		}
		v.fields(at, "claims", one.t.Claims)
		if one.t.Opaque == 0 && one.t.Alg != "" && len(one.t.Claims) > 0 {
			v.claims(at, &one.t, one.member == "refresh")
		}
	}
	if a, r := v.d.Access, v.d.Refresh; a.Opaque == 0 && r.Opaque == 0 && a.Audience == r.Audience {
		v.addf(root.in("refresh.audience"), "refresh token: the audience is that of the access token, so nothing tells them apart")
	}
}

// claims checks that a JWT carries what the sandbox reads in it again.
func (v *validator) claims(at place, t *Token, refresh bool) {
	if !slices.Contains(algorithms, t.Alg) {
		v.addf(at.in("alg"), "algorithm %q: use one of %s", t.Alg, strings.Join(algorithms, ", "))
	}
	for _, version := range v.d.Versions.All {
		claims := v.d.Fields(t.Claims, version.ID)
		for _, term := range []Term{Username, ExpiresAt, Audience, PairID} {
			// An access token that does not name its pair is found by its text.
			if !written(claims, term) && (term != PairID || refresh) {
				v.addf(at.in("claims"), "version %q has no claim for %q, which the sandbox reads", version.ID, term)
			}
		}
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
			v.addf(root.in("refusals"), "no refusal words %q on %q", f, on)
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
		v.refusal(root.item("refusals", i, fmt.Sprintf("refusal %q", d.Refusals[i].Fault)), &d.Refusals[i])
	}
}

func (v *validator) refusal(at place, r *Refusal) {
	if r.Status < 400 || r.Status > 599 {
		v.addf(at.in("status"), "status %d is no refusal", r.Status)
	}
	if _, _, err := mime.ParseMediaType(r.Type); r.Type != "" && (err != nil || strings.ContainsFunc(r.Type, unicode.IsControl)) {
		v.addf(at.in("type"), "%.60q is no media type", r.Type)
	}
	v.headers(at, "header", r.Header)
	v.basis(at, "basis", r.Basis, r.Reason)
	v.fields(at, "shape", r.Shape)
	for _, term := range slices.Sorted(maps.Keys(r.Says)) {
		text := r.Says[term]
		i := slices.IndexFunc(r.Shape, func(f Field) bool { return f.Term == term })
		if i < 0 {
			v.addf(at.in("says."+string(term)), "says %q, which its shape has no member for", term)
			continue
		}
		// What depends on the call is text; anything else is fixed here.
		if as := r.Shape[i].As; as != nil && !strings.Contains(text, "${") {
			if _, err := as.Write(text); err != nil {
				v.addf(at.in("says."+string(term)), "says: %w", err)
			}
		}
	}
}

func hasTerm(fields []Field, t Term) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Term == t })
}

func (v *validator) procedure() {
	d := v.d
	if len(d.Procedure) == 0 {
		v.addf(root.in("procedure"), "the procedure is missing")
	}
	for i, s := range d.Procedure {
		at := root.item("procedure", i, fmt.Sprintf("step %d", i+1))
		if s.Text == "" {
			v.addf(at.in("text"), "has no text")
		}
		if d.Operation(s.Shows) == nil {
			v.addf(at.in("shows"), "shows %q, which is no operation", s.Shows)
			continue
		}
		if s.Grant != "" && d.Operation(Obtain) != nil {
			if _, ok := d.Grant(s.Grant); !ok {
				v.addf(at.in("grant"), "shows grant %q, which the product has not", s.Grant)
			}
		}
	}
}
