package sandbox

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tokenplayground/web/dialect"
)

// Fault is one way in which a call can go wrong on demand.
type Fault struct {
	ID    string // stable: lower-case letters and hyphens
	Name  string // a few words for a list
	About string // one sentence about what happens
	// Connection faults befall the connection before any call, so they can be
	// armed and not asked for by one call. Whoever serves the connections asks
	// [Server.TakeConnection].
	Connection bool

	on       calls
	stage    stage
	refusal  dialect.Fault // that the product words, for a [refuses]
	omits    dialect.Term  // that the answer lacks, for a [says]
	rehearse bool          // a good client recovers from it
}

// calls are those that a fault can befall.
type calls struct {
	all    bool           // every call
	body   bool           // whose answer has a body
	bearer bool           // with an access token
	grants []dialect.Kind // for tokens with one of these
}

// stage of a call at which a fault strikes. One call meets at most one fault of
// each, except that any number can change what an answer says.
type stage int

const (
	waits   stage = iota // before the call is done
	refuses              // instead of doing it
	says                 // in what is answered
	sends                // in how the answer is sent
)

var (
	allCalls    = calls{all: true}
	bodyCalls   = calls{body: true}
	bearerCalls = calls{bearer: true}
	pairs       = []dialect.Kind{
		dialect.PasswordGrant, dialect.MFAGrant, dialect.RefreshGrant, dialect.CodeGrant, dialect.ClientGrant,
		dialect.AssertionGrant, dialect.OperatorGrant, dialect.ActAsGrant,
	}
)

func grant(kinds ...dialect.Kind) calls { return calls{grants: kinds} }

// Identifiers that code names.
const (
	CertificateChanged = "certificate-changed"

	slow          = "slow"
	hanging       = "hanging"
	lostAnswer    = "lost-answer"
	truncatedJSON = "truncated-json"
	htmlError     = "html-error"
	clockAhead    = "clock-ahead"
)

var faults = []Fault{
	{ID: "wrong-password", Name: "Wrong password", About: "The sign-in is refused, as for a wrong password.",
		on: grant(dialect.PasswordGrant), stage: refuses, refusal: dialect.BadCredentials},
	{ID: "locked-account", Name: "Locked account", About: "The sign-in is refused, as for an account that is locked out.",
		on: grant(dialect.PasswordGrant), stage: refuses, refusal: dialect.LockedOut},
	{ID: "expired-access", Name: "Expired access token", About: "The call is refused, as if its access token had just expired.",
		on: bearerCalls, stage: refuses, refusal: dialect.ExpiredToken, rehearse: true},
	{ID: "spent-refresh", Name: "Spent refresh token", About: "The refresh is refused, as if its token had been used before.",
		on: grant(dialect.RefreshGrant), stage: refuses, refusal: dialect.SpentRefreshToken, rehearse: true},
	{ID: "revoked", Name: "Revoked token", About: "The call is refused, as if its token's session had been ended.",
		on: calls{bearer: true, grants: []dialect.Kind{dialect.RefreshGrant}}, stage: refuses, refusal: dialect.RevokedToken, rehearse: true},
	{ID: "mfa-late", Name: "Late MFA code", About: "The second step is refused, as if it came too long after the first.",
		on: grant(dialect.MFAGrant), stage: refuses, refusal: dialect.BadMFAToken},
	{ID: "mfa-wrong", Name: "Wrong MFA code", About: "The second step is refused, as for a wrong code.",
		on: grant(dialect.MFAGrant), stage: refuses, refusal: dialect.BadMFACode},
	{ID: "too-many-requests", Name: "Too many requests", About: "The call is refused for now; Retry-After says how long to wait.",
		on: allCalls, stage: refuses, refusal: dialect.TooManyRequests, rehearse: true},
	{ID: "server-error", Name: "Server error", About: "The server fails and does nothing.",
		on: allCalls, stage: refuses, refusal: dialect.ServerFault, rehearse: true},
	{ID: "unavailable", Name: "Unavailable", About: "The server does not take calls for now; Retry-After says how long to wait.",
		on: allCalls, stage: refuses, refusal: dialect.Unavailable, rehearse: true},
	{ID: slow, Name: "Slow, 10 seconds", About: "The answer is right, and ten seconds late.",
		on: allCalls, stage: waits},
	{ID: hanging, Name: "Hanging", About: "No answer comes; after a minute the connection breaks.",
		on: allCalls, stage: waits},
	{ID: lostAnswer, Name: "Lost answer", About: "The server does the work and the connection breaks before the answer: a refresh token is spent and its new pair never seen.",
		on: allCalls, stage: sends},
	{ID: truncatedJSON, Name: "Truncated JSON", About: "The server does the work, and the answer ends in the middle.",
		on: bodyCalls, stage: sends},
	{ID: htmlError, Name: "HTML error page (502)", About: "A gateway in front of the server answers with a page for browsers.",
		on: allCalls, stage: refuses},
	{ID: "missing-refresh-token", Name: "No refresh token", About: "The answer lacks the refresh token.",
		on: grant(pairs...), stage: says, omits: dialect.RefreshToken},
	{ID: "missing-expires-in", Name: "No lifetime", About: "The answer does not say how many seconds the access token lives.",
		on: grant(pairs...), stage: says, omits: dialect.ExpiresIn},
	{ID: clockAhead, Name: "Clock 7 minutes ahead", About: "A server answers whose clock is seven minutes ahead: its dates and claims are, and tokens that it issues are not valid here until then.",
		on: allCalls, stage: says},
	{ID: CertificateChanged, Name: "Changed certificate", About: "The next connection meets another certificate, which nobody vouches for.",
		on: allCalls, stage: waits, Connection: true},
	{ID: "unsupported-version", Name: "Unsupported version", About: "The call is refused, as if the server did not know its version of the API.",
		on: allCalls, stage: refuses, refusal: dialect.UnsupportedVersion},
}

// Faults lists those that a product can show, or all for a nil product.
func Faults(d *dialect.Dialect) []Fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f Fault) bool { return d != nil && !f.shown(d) })
}

func findFault(id string) (Fault, bool) {
	i := slices.IndexFunc(faults, func(f Fault) bool { return f.ID == id })
	if i < 0 {
		return Fault{}, false
	}
	return faults[i], true
}

// Fits says that the fault can befall a call to an operation; kind is the grant
// of a token call.
func (f Fault) Fits(op *dialect.Operation, kind dialect.Kind) bool {
	switch {
	case f.on.all:
		return true
	case f.on.body:
		return len(op.Gives) > 0 || op.Body != ""
	case op.Purpose == dialect.Obtain:
		return slices.Contains(f.on.grants, kind)
	}
	return f.on.bearer && !op.Anonymous
}

// shown says that a product has a call that the fault fits and words for it.
func (f Fault) shown(d *dialect.Dialect) bool {
	if f.refusal == dialect.UnsupportedVersion && len(d.Versions.All) == 0 {
		return false
	}
	return slices.ContainsFunc(d.Operations, func(op dialect.Operation) bool {
		if f.omits != "" && !takes(op.Gives, f.omits) {
			return false
		}
		if f.refusal == dialect.UnsupportedVersion {
			if _, ok := d.Refusal(f.refusal, op.Purpose); !ok {
				return false
			}
		}
		if op.Purpose != dialect.Obtain {
			return f.Fits(&op, "")
		}
		return slices.ContainsFunc(op.Grants, func(g dialect.Grant) bool { return f.Fits(&op, g.Kind) })
	})
}

// befalls says that the fault can befall a product's calls for a purpose.
func (f Fault) befalls(d *dialect.Dialect, p dialect.Purpose) bool {
	return slices.ContainsFunc(d.Operations, func(op dialect.Operation) bool {
		if op.Purpose != p {
			return false
		}
		return f.Fits(&op, "") || slices.ContainsFunc(op.Grants, func(g dialect.Grant) bool { return f.Fits(&op, g.Kind) })
	})
}

func faultIDs(list []Fault) string {
	ids := make([]string, len(list))
	for i, f := range list {
		ids[i] = f.ID
	}
	return strings.Join(ids, ", ")
}

// TakeConnection tells which connection faults the next connection to a product
// in a world meets, and counts them down. The error is the store's.
func (s *Server) TakeConnection(ctx context.Context, d *dialect.Dialect, world string) ([]string, error) {
	w, err := s.world(ctx, world)
	if err != nil || len(w.Armed) == 0 {
		return nil, err
	}
	var met []string
	err = s.changeWorld(ctx, world, func(w *worldState) error {
		met = nil
		w.Armed = take(w.Armed, func(a Armed) bool {
			f, _ := findFault(a.Fault)
			if !f.Connection || a.Product != "" && a.Product != d.ID || slices.Contains(met, a.Fault) {
				return false
			}
			met = append(met, a.Fault)
			return true
		})
		if met == nil {
			return errNoChange
		}
		return nil
	})
	if errors.Is(err, errNoChange) {
		err = nil
	}
	return met, err
}

// errNoChange leaves a record as it is.
var errNoChange = errors.New("nothing has changed")

// take counts those down that are taken, and leaves out what has ended.
func take(armed []Armed, taken func(Armed) bool) []Armed {
	left := make([]Armed, 0, len(armed))
	for _, a := range armed {
		if taken(a) && a.Times > 0 {
			if a.Times--; a.Times == 0 {
				continue
			}
		}
		left = append(left, a)
	}
	return left
}
