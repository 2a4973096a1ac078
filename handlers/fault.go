package handlers

import (
	"net/http"
	"slices"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/session"
)

// faultsFor lists those that one call can ask for; kind is the grant of a
// token call.
func faultsFor(d *dialect.Dialect, op *dialect.Operation, kind dialect.Kind) []sandbox.Fault {
	return slices.DeleteFunc(sandbox.Faults(d), func(f sandbox.Fault) bool { return f.Connection || !f.Fits(op, kind) })
}

// askable finds a fault that some call of the product can ask for.
func askable(d *dialect.Dialect, id string) (sandbox.Fault, bool) {
	list := sandbox.Faults(d)
	i := slices.IndexFunc(list, func(f sandbox.Fault) bool { return f.ID == id && !f.Connection })
	if i < 0 {
		return sandbox.Fault{}, false
	}
	return list[i], true
}

// unknownFault lists the faults that there are instead.
func unknownFault(d *dialect.Dialect, list []sandbox.Fault, detail string) *Problem {
	pr := &Problem{Kind: "unknown-fault", Status: http.StatusUnprocessableEntity, Title: "The sandbox cannot do that", OfferTitle: "Faults"}
	var ids []string
	for _, f := range list {
		if f.Connection {
			continue
		}
		ids = append(ids, f.ID)
		pr.Offer = append(pr.Offer, Choice{f.ID + ": " + f.Name, query{fault: f.ID, op: faultOperation(d, f, "")}.address(d, nil)})
	}
	pr.Detail = detail + " The faults are " + join(ids) + ". Nothing was sent."
	pr.Fields = []FieldProblem{{fieldFault, "Choose one of " + join(ids) + "."}}
	return pr
}

func faultAtRealServer() *Problem {
	return &Problem{Kind: "sandbox-only", Status: http.StatusUnprocessableEntity, Title: "Only the sandbox can do that",
		Detail: "A fault is asked of the sandbox; a real server is never made to fail. Nothing was sent."}
}

// faulty is an aim at which a call meets the fault that the form asks for.
func (f *posted) faulty(a aim, op *dialect.Operation, kind dialect.Kind) (aim, error) {
	id := f.own(fieldFault)
	if id == "" || id == noFault {
		return a, nil
	}
	if a.Real {
		return a, faultAtRealServer()
	}
	list := faultsFor(f.d, op, kind)
	if !slices.ContainsFunc(list, func(one sandbox.Fault) bool { return one.ID == id }) {
		return a, unknownFault(f.d, list, "This call has no such fault.")
	}
	a.Fault = id
	return a, nil
}

// noFault is the choice of the drop-down that asks for none.
const noFault = "none"

// faultOperation is what a link to a fault opens: the operation that it names,
// if the fault fits, or else the first that it fits.
func faultOperation(d *dialect.Dialect, f sandbox.Fault, named dialect.Purpose) dialect.Purpose {
	for _, p := range append([]dialect.Purpose{named}, purposes...) {
		if op := operation(d, p); op != nil && (op.Purpose != dialect.Obtain && f.Fits(op, "") || faultGrant(d, f, op, "") != "") {
			return p
		}
	}
	return dialect.Obtain
}

// faultGrant is the grant that a link to a fault shows: the one that it names,
// if the fault fits, or else the first that it fits.
func faultGrant(d *dialect.Dialect, f sandbox.Fault, op *dialect.Operation, named dialect.Kind) dialect.Kind {
	if named != "" && f.Fits(op, named) {
		return named
	}
	for i := range op.Grants {
		if f.Fits(op, op.Grants[i].Kind) {
			return op.Grants[i].Kind
		}
	}
	return ""
}

// openFault opens what a link to a fault is about.
func openFault(d *dialect.Dialect, q query) query {
	f, ok := askable(d, q.fault)
	if !ok || q.x > 0 || q.grant != "" {
		return q
	}
	q.op = faultOperation(d, f, q.op)
	if op := d.Operation(q.op); q.op == dialect.Obtain {
		q.grant = faultGrant(d, f, op, d.Operation(dialect.Obtain).Grants[0].Kind)
	}
	return q
}

func faultView(d *dialect.Dialect, q query, op *dialect.Operation, kind dialect.Kind, slot *session.Slot) *templates.FaultView {
	list := faultsFor(d, op, kind)
	if len(list) == 0 {
		return nil
	}
	v := &templates.FaultView{Name: fieldFault, Options: []templates.Option{{Value: noFault, Text: "none"}}}
	for _, f := range list {
		chosen := f.ID == q.fault
		v.Options = append(v.Options, templates.Option{Value: f.ID, Text: f.Name, Selected: chosen})
		if chosen {
			v.Told = f.About
			refreshes := op.Purpose == dialect.Obtain && kind == dialect.RefreshGrant
			if !op.Anonymous && (slot == nil || slot.Access == "") || refreshes && (slot == nil || slot.Refresh == "") {
				v.Told += " The call needs a token: sign in first."
			}
		}
	}
	return v
}

// askedView explains a fault that was asked for.
func askedView(d *dialect.Dialect, r *record) *templates.AskedView {
	f, ok := askable(d, r.Asked)
	if !ok {
		return nil
	}
	v := &templates.AskedView{Title: "You asked for this fault: " + lower(f.Name), Text: f.About, Advice: advice(r)}
	if r.ByChance {
		v.Title = "Your sandbox’s settings brought this fault: " + lower(f.Name)
	}
	return v
}

// advices say what a good client does about a fault.
var advices = map[string]string{
	"wrong-password":        "Ask the person, or read the secret anew. Never send the same password again by itself: each try may count towards a lock.",
	"locked-account":        "Stop trying, since each try may prolong the lock. Say which account it is, and wait or have it unlocked.",
	"expired-access":        "Refresh once and repeat the call once. Refreshing a minute before the end avoids it.",
	"spent-refresh":         "Look whether you keep a newer refresh token. If this is the newest, sign in again; the same call will never work.",
	"revoked":               "Drop both tokens and sign in again. Refreshing does not help: a log-out or an administrator ended the session.",
	"mfa-late":              "Begin again with user name and password. The MFA token is finished, whatever the code.",
	"mfa-wrong":             "Ask for the code that the authenticator shows now and send it with the same MFA token.",
	"too-many-requests":     "Wait as long as Retry-After says, then send the same call again. Keep your tokens, and do not sign in anew.",
	"unavailable":           "Wait as long as Retry-After says, then send the same call again. Your tokens stay good.",
	"server-error":          "Try again a little later, wait longer each time, and give up after a few tries. Your tokens stay good.",
	"slow":                  "Give calls a time limit that is longer than this, and never send a second refresh while the first is under way.",
	"html-error":            "Look at status and Content-Type before reading JSON: a gateway answered, not the product. Keep your tokens and try later.",
	"missing-refresh-token": "Keep using the access token. Without a new refresh token the old one may still be good (RFC 6749, 6); be ready to sign in again.",
	"missing-expires-in":    "Read exp where the token is a JWT, or take the documented lifetime, and be ready for a 401 at any time.",
	"clock-ahead":           "Count the lifetime in seconds from the moment of the answer; do not compare the server’s dates with your own clock. Allow for a few minutes.",
	"unsupported-version":   "Set a version that the server speaks. Repeating the call does not help.",
}

// unheardAdvice is for faults that leave open what became of the call.
var unheardAdvice = map[dialect.Purpose]string{
	dialect.Obtain:  "A sign-in can simply be sent again.",
	dialect.Explore: "A call that changes nothing can simply be sent again.",
	dialect.Logout:  "Log out again: a 401 then means that the first one counted.",
}

func advice(r *record) string {
	if text := advices[r.Asked]; text != "" {
		return text
	}
	text := unheardAdvice[r.Operation]
	if r.Grant == dialect.RefreshGrant {
		text = "Send the same refresh token once more: within a grace window it works. If it is refused, sign in again, since it is spent and its new pair is lost."
	}
	switch r.Asked {
	case "hanging":
		return "Every call needs a time limit; the playground’s own has ended this one. " + text
	case "truncated-json":
		return "Never use half an answer: Content-Length and the JSON itself show that the end is missing. " + text
	}
	return text
}
