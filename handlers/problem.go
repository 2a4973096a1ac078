package handlers

import (
	"net/http"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
	"tokenplayground/web/target"
)

// Problem is a refusal of our own, as opposed to what a target answered. It
// becomes application/problem+json (RFC 9457) or the same content as a page.
type Problem struct {
	// Kind is the last segment of the problem's type and never changes.
	Kind   string
	Status int
	// Title is short; Detail says what was wrong, where, and what to do. Neither
	// holds anything that a person typed into a secret field.
	Title, Detail string
	// Fields are sentences about fields of the form.
	Fields []FieldProblem
	// Offer lists what there is instead, under a heading.
	OfferTitle string
	Offer      []Choice
	// Action is the way on; nil for none.
	Action *Action
	// Form, if set, is the page to show the problem on: the form again, with
	// everything that was typed but secrets.
	Form *Form
	// RetryAfter is when it is worth trying again; zero means the few seconds
	// that a store takes to come back, where the status is 503.
	RetryAfter time.Duration
	// Repeat is when a browser's request is to be repeated, once and without
	// asking; zero for never.
	Repeat time.Duration
	// Cause is for the log only.
	Cause error
}

// FieldProblem is a sentence about one field.
type FieldProblem struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Action is a form of one button.
type Action struct {
	Text, Post string
	Fields     []dialect.Pair
}

// Choice is one thing that exists.
type Choice struct{ Text, Href string }

func (p *Problem) Error() string { return p.Kind + ": " + p.Detail }

func (p *Problem) Unwrap() error { return p.Cause }

func (p *Problem) because(err error) *Problem { p.Cause = err; return p }

func unknownProduct(id string, offer []Choice) *Problem {
	return &Problem{Kind: "unknown-product", Status: http.StatusNotFound, Title: "No such product",
		Detail:     "This playground has no product of that name. Choose one of these.",
		OfferTitle: "Products", Offer: offer}
}

func unknownOperation(offer []Choice) *Problem {
	return &Problem{Kind: "unknown-operation", Status: http.StatusNotFound, Title: "No such operation",
		Detail:     "This product has no operation of that name. Choose one of these.",
		OfferTitle: "Operations", Offer: offer}
}

// NotFound is the problem for any other address that does not exist.
func NotFound(offer []Choice) *Problem {
	return &Problem{Kind: "not-found", Status: http.StatusNotFound, Title: "Nothing is here",
		Detail:     "There is no page at this address. These pages exist.",
		OfferTitle: "Products", Offer: offer}
}

func unknownExchange() *Problem {
	return &Problem{Kind: "unknown-exchange", Status: http.StatusNotFound, Title: "No such exchange",
		Detail: "Your session has no exchange of that number for this product. It may have been forgotten, or the session has ended. The history on the product's page lists what there is."}
}

func unknownTarget(offer []Choice) *Problem {
	return &Problem{Kind: "unknown-target", Status: http.StatusUnprocessableEntity, Title: "No such target",
		Detail:     "This playground knows no target of that name, so nothing was sent. Choose one of these.",
		OfferTitle: "Targets", Offer: offer}
}

const kindNewTarget = "new-target"

func newTarget(d *dialect.Dialect, t target.Target) *Problem {
	return &Problem{Kind: kindNewTarget, Status: http.StatusConflict, Title: "This link points to " + t.Address(),
		Detail:     "What you type on that page would go there, passwords too. Use it only if you know the server. A script names it in the field " + fieldTarget + ".",
		Action:     &Action{Text: "Use this server", Post: "/" + d.ID + "/target", Fields: dialect.Pairs{{Name: fieldHost, Value: t.Address()}}},
		OfferTitle: "Or", Offer: []Choice{{"Stay in the sandbox", query{}.address(d, nil)}}}
}

func secretInQuery(name string) *Problem {
	return &Problem{Kind: "secret-in-query", Status: http.StatusBadRequest, Title: "This link carries a secret",
		Detail: "The value of " + quoteName(name) + " looks like a password or a token, so it was not used. Addresses end up in histories and logs; links never carry secrets here. Open the page without it and type it into the form. If it was a real one, end it: log out, or change it."}
}

func brokenForm(what string) *Problem {
	return &Problem{Kind: "broken-form", Status: http.StatusBadRequest, Title: "The form could not be read",
		Detail: what + " Nothing was sent, and your session is as it was."}
}

func wrongMediaType() *Problem {
	return &Problem{Kind: "unsupported-media-type", Status: http.StatusUnsupportedMediaType, Title: "The body has the wrong type",
		Detail: "Send the fields as application/x-www-form-urlencoded, or as one flat JSON object with application/json. Nothing was sent on."}
}

// BodyTooLarge is the problem for a request over the limit.
func BodyTooLarge() *Problem {
	return &Problem{Kind: "body-too-large", Status: http.StatusRequestEntityTooLarge, Title: "The request is too large",
		Detail: "A form here may have 64 KB. Nothing was sent on, and your session is as it was."}
}

func noToken(what string) *Problem {
	return &Problem{Kind: "no-token", Status: http.StatusConflict, Title: "There is no token", Detail: what}
}

func storeUnavailable(err error) *Problem {
	return (&Problem{Kind: "store-unavailable", Status: http.StatusServiceUnavailable, Title: "The session store does not answer",
		Detail: "Your session is kept, but it cannot be read or changed at the moment. Try again in a few seconds."}).because(err)
}

func sessionsFull(err error) *Problem {
	return (&Problem{Kind: "sessions-full", Status: http.StatusServiceUnavailable, Title: "There are too many visitors at the moment",
		Detail: "This playground keeps as many sessions as it can, and ends nobody's for a new one. Nothing was sent. Try again in a minute.", RetryAfter: time.Minute}).because(err)
}

func sessionConflict(err error) *Problem {
	return (&Problem{Kind: "session-conflict", Status: http.StatusConflict, Title: "Another tab was faster",
		Detail: "Your session changed while this request was under way, so this change was not kept. Reload the page and try again."}).because(err)
}

func sessionRotated(err error) *Problem {
	return (&Problem{Kind: "session-rotated", Status: http.StatusConflict, Title: "Another tab has just signed in",
		Detail: "Your session got a new ticket while this request was under way, so nothing was done. Open the page again, or send the same request once more in a few seconds.",
		Repeat: session.RepeatAfter, RetryAfter: session.RepeatAfter}).because(err)
}

func quoteName(name string) string {
	const most = 40
	clean := make([]rune, 0, most)
	for _, r := range name {
		if len(clean) == most {
			break
		}
		if r < ' ' || r == 0x7f {
			r = '?'
		}
		clean = append(clean, r)
	}
	return "“" + string(clean) + "”"
}

// ProblemJSON is a refusal of our own (RFC 9457).
type ProblemJSON struct {
	// Type is stable and names the kind of problem.
	Type   string `json:"type" example:"/problems/missing-field"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Instance is the request's id, to quote to the operator.
	Instance string         `json:"instance,omitempty"`
	Errors   []FieldProblem `json:"errors,omitempty"`
	// Choices lists what there is instead.
	Choices []string `json:"choices,omitempty"`
}

// JSON is the problem as application/problem+json.
func (p *Problem) JSON(reference string) ProblemJSON {
	out := ProblemJSON{Type: "/problems/" + p.Kind, Title: p.Title, Status: p.Status, Detail: p.Detail, Instance: reference, Errors: p.Fields}
	for _, o := range p.Offer {
		out.Choices = append(out.Choices, o.Text)
	}
	return out
}
