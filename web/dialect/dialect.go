// Package dialect knows what each product says and how it spells it.
//
// Products of one family ask for the same things in different words:
// grant_type or grantType, POST .../logout or DELETE on the token path, seconds
// or dates, headers or paths for the version. A [Dialect] is the whole
// description of one product, as a plain Go value in a file of its own; the
// shared meanings are [Term]s. The form on the page, the encoded request, the
// decoded answer, the sandbox's behaviour, the snippets and the OpenAPI
// documents all come from it.
//
// A dialect describes flat objects, which may stand within others. A value
// that is nested deeper stays raw JSON.
package dialect

import (
	"slices"
	"strings"
	"time"
)

// Ritual is what a person clicks on the product's Swagger page.
type Ritual string

// Classic pages send with "Try it out". Modern ones open the fields with "Try
// it out" and send with "Execute".
const (
	Classic Ritual = "classic"
	Modern  Ritual = "modern"
)

// SecondFactor is what a product does with an account that has one.
type SecondFactor string

// An account with a second factor is challenged, refused like a wrong
// password, or signed in as if it had none.
const (
	Challenges SecondFactor = "challenges"
	Refuses    SecondFactor = "refuses"
	Ignores    SecondFactor = "ignores"
)

// Dialect describes one product. Values are shared and must not be written to.
type Dialect struct {
	ID    string // names the product in URLs: lower-case letters and digits
	Name  string // in full, as its vendor writes it
	Short string // without the vendor
	Title string // of its Swagger page
	About string // one sentence under the title
	Port  int    // of its HTTPS listener
	// Source is the document that the procedure follows.
	Source string

	Ritual   Ritual
	Versions Versions
	// Groups are the resources of the Swagger page, in order.
	Groups []Group
	// Operations: exactly one each of Obtain, Explore and Logout, at most one
	// of every other purpose, and any number of first calls.
	Operations []Operation

	SecondFactor SecondFactor
	// Domain may stand before a user name, as in DOMAIN\user; empty if the
	// product documents no such form.
	Domain string
	// AdminRole and OperatorRole are the product's names for an administrator
	// and for an account with too few rights; OlderRoles are those of before.
	AdminRole, OperatorRole string
	OlderRoles              []OlderRoles

	Authorize       Authorize
	Access, Refresh Token
	Lifetimes       Lifetimes
	Antiforgery     Antiforgery

	// Refusals in the order in which an answer is matched against them.
	Refusals []Refusal
	// Headers are sent with every answer.
	Headers Pairs

	// Procedure is the documented way to get, use, refresh and end tokens.
	Procedure []Step
	// Notes are facts about the product that surprise, shown on its page.
	Notes []string
}

// Group is a resource that the Swagger page expands.
type Group struct{ Name, About string }

// Versions says which revisions of the API there are and where a call says its
// own. With neither Header nor Path the product has one version only.
type Versions struct {
	// Header carries the version on every call, the token call too.
	Header string
	// Optional says that a call may leave the header out.
	Optional bool
	// Field is an optional parameter of the token call.
	Field Field
	// All, oldest first.
	All []Version
	// Default is the one that the page starts with and that a call without a
	// version is taken to speak.
	Default string
}

// Version is one revision of an API.
type Version struct {
	ID   string
	Note string
}

// Operation is one call.
type Operation struct {
	Purpose Purpose
	Group   string
	Method  string
	// Path is spelt as on the product's page. {version} stands for the
	// version's ID, any other {name} for one segment.
	Path string
	// Also lists further paths that answer the same.
	Also    []string
	Summary string
	Help    string
	// Anonymous calls need no bearer token.
	Anonymous bool
	// Admin calls are refused to an account with too few rights.
	Admin bool

	// GrantField and Grants describe the body of the token call.
	GrantField Field
	Grants     []Grant
	// Takes lists the fields of any other call: a field whose name stands in
	// the path in braces goes there, the rest make the body.
	Takes []Field
	// Encodings of the body, the one that is sent first; a form if empty.
	Encodings []Encoding

	// Status of success; its body is an object of the fields of Gives, or the
	// JSON text Body, in which ${now} stands for the time; with neither, the
	// answer has no body.
	Status int
	Gives  []Field
	Body   string
	// Tells lists the members of Body that mean something; ${term} in Body
	// stands for the value of a term.
	Tells []Field
	// Within is where the object of Gives or Tells stands; see [Within].
	Within Within
	// Older lists what earlier versions answer otherwise, oldest first.
	Older []OlderBody
	// Challenge is how an answer that asks for a second factor differs from a
	// success, beside its values.
	Challenge Challenge
	// Basis of the success answer, and the reason if it is a choice. Members is
	// that of Gives, if it is another.
	Basis, Members Basis
	Reason         string

	Since, Until string
}

// OlderRoles are the names of roles up to a version.
type OlderRoles struct{ Until, Admin, Operator string }

// OlderBody is what an operation answered up to a version.
type OlderBody struct {
	Until, Body string
	Status      int // 0 for the operation's
}

// Challenge is an answer that asks for a second factor.
type Challenge struct {
	Status int     // 0 for the operation's
	Gives  []Field // empty for the operation's
}

// Encoding is how a body is written: its media type.
type Encoding string

// The encodings.
const (
	Form      Encoding = "application/x-www-form-urlencoded"
	JSON      Encoding = "application/json"
	Multipart Encoding = "multipart/form-data"
)

// Within names the members that an object stands in, outermost first; the name
// "[]" is the first element of an array. Empty means the whole body.
type Within []string

// Antiforgery is a token that a product hands out in a cookie beside a pair,
// and wants back with that pair. Without Cookie it has none.
type Antiforgery struct {
	// Cookie carries it both ways; Header repeats it on a call.
	Cookie, Header string
	Since          string
	Basis          Basis
	Reason         string
}

// Grant is one way to get tokens.
type Grant struct {
	Kind Kind
	Wire string // the value of the grant field
	Name string // what the drop-down shows, if it is not Wire
	Help string
	// Takes lists its fields in the order in which they are sent.
	Takes []Field

	Since, Until string
}

// Label is what the drop-down shows.
func (g *Grant) Label() string {
	if g.Name != "" {
		return g.Name
	}
	return g.Wire
}

// Field is one meaning, spelt: a form field, a member of an answer, a claim.
type Field struct {
	Term Term
	Wire string
	// Also lists other spellings that are read and never written.
	Also []string
	As   *Codec

	Label    string // for people: "Account name"
	Help     string
	Required bool
	// Secret values are never echoed, stored in clear or logged.
	Secret bool
	// Default is the documented default, for people only.
	Default string
	// Fixed is written instead of a value; a claim or answer field without a
	// value and without Fixed is left out.
	Fixed string
	// ReadOnly members are understood when a product says them and never
	// written by the sandbox: the documents contradict each other.
	ReadOnly bool

	Since, Until string
}

// Authorize is how the dialog of that name on the Swagger page takes an access
// token.
type Authorize struct {
	// Scheme names it in the API's description; Bearer if empty.
	Scheme string
	// Word says that people type the word Bearer before the token, because the
	// description declares a key in a header; up to WordUntil, if that is set.
	Word      bool
	WordUntil string
}

// TypesWord says that people of a version type the word before the token.
func (d *Dialect) TypesWord(version string) bool {
	return d.Authorize.Word && d.Speaks(version, "", d.Authorize.WordUntil)
}

// Token describes how a product's tokens look.
type Token struct {
	// Opaque tokens have this many characters of base64url; 0 means JWT.
	Opaque int
	// Alg signs a JWT (RFC 7518, 3.1).
	Alg string
	// KeyID says that the header names a key: 40 upper-case hexadecimal
	// digits, as a certificate's thumbprint.
	KeyID bool
	// Claims in order.
	Claims []Field
	// Audience is the aud claim; {installation} stands for a UUID that is the
	// same for all tokens of this kind of one installation.
	Audience string
	// Basis of the claims.
	Basis Basis
}

// Lifetimes of tokens; zero means that the product has no such token.
type Lifetimes struct {
	Access, Refresh, ShortRefresh, LongRefresh time.Duration
	// Code is how long a one-time code is good.
	Code time.Duration
	// Reported is what expires_in says, where that is not Access.
	Reported time.Duration
	// IssuedLate is by how much the answer's time of issue lies after the
	// moment that its expiry is counted from.
	IssuedLate time.Duration
	// RefreshBasis and CodeBasis tell a documented life of a refresh token or
	// of a code from a chosen one.
	RefreshBasis, CodeBasis Basis
	Note                    string
}

// Refusal is how a product says no.
type Refusal struct {
	Fault Fault
	// On limits the refusal to one purpose; empty means any call.
	On     Purpose
	Status int
	// Type is the media type; application/json if empty.
	Type  string
	Shape []Field
	// Within is where the object of Shape stands; see [Within].
	Within Within
	Says   Values
	// Header travels with the refusal.
	Header Pairs
	Basis  Basis
	// Reason says why, for a choice; the document, otherwise.
	Reason string
}

// Proof is what ticks a step: a fact of the session's recorded exchanges.
type Proof string

// The proofs. A step with ProofNone is ticked by the step after it.
const (
	ProofNone      Proof = ""
	ProofPair      Proof = "pair"
	ProofChallenge Proof = "challenge"
	ProofMFA       Proof = "mfa"
	ProofSaved     Proof = "saved"
	ProofFilled    Proof = "filled"
	ProofExplored  Proof = "explored"
	ProofRefreshed Proof = "refreshed"
	ProofLoggedOut Proof = "logged_out"
)

// Step is one step of the documented procedure.
type Step struct {
	Text  string
	Proof Proof
	// Optional steps are for some accounts only and never block the rest.
	Optional bool
	// Shows is what the step's link opens.
	Shows Purpose
	Grant Kind
}

// The four that the project began with, then the rest of the family.
var all = []*Dialect{&vac, &vbr, &vbazure, &vbahv, &vspc, &vbaws, &vbgcp, &vb365, &vone, &vro}

// All returns every product, in the order of the home page.
func All() []*Dialect { return slices.Clone(all) }

// Find returns the product with an id.
func Find(id string) (*Dialect, bool) {
	for _, d := range all {
		if d.ID == id {
			return d, true
		}
	}
	return nil, false
}

// Operation returns the dialect's operation for a purpose.
func (d *Dialect) Operation(p Purpose) *Operation {
	for i := range d.Operations {
		if d.Operations[i].Purpose == p {
			return &d.Operations[i]
		}
	}
	return nil
}

// Grant returns the product's grant of a kind.
func (d *Dialect) Grant(k Kind) (*Grant, bool) {
	op := d.Operation(Obtain)
	for i := range op.Grants {
		if op.Grants[i].Kind == k {
			return &op.Grants[i], true
		}
	}
	return nil, false
}

// GrantByWire returns the grant that the product spells so, in any case.
func (d *Dialect) GrantByWire(wire string) (*Grant, bool) {
	op := d.Operation(Obtain)
	for i := range op.Grants {
		if strings.EqualFold(op.Grants[i].Wire, wire) {
			return &op.Grants[i], true
		}
	}
	return nil, false
}

// Version returns the version with an id; an empty id means the default.
func (d *Dialect) Version(id string) (Version, bool) {
	if id == "" {
		id = d.Versions.Default
	}
	for _, v := range d.Versions.All {
		if strings.EqualFold(v.ID, id) {
			return v, true
		}
	}
	return Version{}, false
}

// Speaks says whether something from one version to another exists in a
// version. Empty bounds are open; an empty version is the default.
func (d *Dialect) Speaks(version, since, until string) bool {
	at := d.rank(version)
	return (since == "" || at >= d.rank(since)) && (until == "" || at <= d.rank(until))
}

func (d *Dialect) rank(version string) int {
	if version == "" {
		version = d.Versions.Default
	}
	return slices.IndexFunc(d.Versions.All, func(v Version) bool { return strings.EqualFold(v.ID, version) })
}

// Fields keeps those fields that exist in a version. The result may be the
// list itself: it is to be read, and can be appended to.
func (d *Dialect) Fields(fields []Field, version string) []Field {
	if !slices.ContainsFunc(fields, func(f Field) bool { return f.Since != "" || f.Until != "" }) {
		return slices.Clip(fields)
	}
	out := make([]Field, 0, len(fields))
	for _, f := range fields {
		if d.Speaks(version, f.Since, f.Until) {
			out = append(out, f)
		}
	}
	return out
}

// Roles returns the product's names for an administrator and for an account
// with too few rights in a version.
func (d *Dialect) Roles(version string) (admin, operator string) {
	for _, o := range d.OlderRoles {
		if d.Speaks(version, "", o.Until) {
			return o.Admin, o.Operator
		}
	}
	return d.AdminRole, d.OperatorRole
}

// Path returns an operation's path in a version.
func (d *Dialect) Path(op *Operation, version string) string {
	if version == "" {
		version = d.Versions.Default
	}
	return strings.ReplaceAll(op.Path, "{version}", version)
}

// Body returns the JSON text that an operation answers in a version, with its
// placeholders.
func (d *Dialect) Body(op *Operation, version string) string {
	for _, o := range op.Older {
		if d.Speaks(version, "", o.Until) {
			return o.Body
		}
	}
	return op.Body
}

// Status returns the status of an operation's success in a version.
func (d *Dialect) Status(op *Operation, version string) int {
	for _, o := range op.Older {
		if o.Status != 0 && d.Speaks(version, "", o.Until) {
			return o.Status
		}
	}
	return op.Status
}

// HasBody says that the request carries one.
func (op *Operation) HasBody() bool {
	return op.Purpose == Obtain || slices.ContainsFunc(op.Takes, func(f Field) bool { return !strings.Contains(op.Path, "{"+f.Wire+"}") })
}

// Accepts lists the encodings of an operation's body, the first one as it is
// sent.
func (op *Operation) Accepts() []Encoding {
	if len(op.Encodings) == 0 {
		return []Encoding{Form}
	}
	return op.Encodings
}

// Refusal returns how the product says no for a reason, on a purpose.
func (d *Dialect) Refusal(f Fault, on Purpose) (*Refusal, bool) {
	for i := range d.Refusals {
		if r := &d.Refusals[i]; r.Fault == f && (r.On == "" || r.On == on) {
			return r, true
		}
	}
	return nil, false
}

// UserIDs says that the product names users by UUID, and not by number.
func (d *Dialect) UserIDs() bool {
	byUUID := func(fields []Field) bool {
		return slices.ContainsFunc(fields, func(f Field) bool { return f.Term == UserID && f.As == UUID })
	}
	return byUUID(d.Access.Claims) || byUUID(d.Refresh.Claims) ||
		slices.ContainsFunc(d.Operations, func(op Operation) bool { return byUUID(op.Gives) || byUUID(op.Takes) || byUUID(op.Tells) })
}
