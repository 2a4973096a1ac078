package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/session"
)

// fieldMove names the move of the sandbox's clock.
const fieldMove = "move"

// near is what the move of that name leaves of the access token: enough to see
// it end, too little to wait for.
const near = 10 * time.Second

// past is how far behind an end a clock is put: dates on the wire have whole
// seconds.
const past = time.Second

// hands is a sandbox's clock and what it can be moved to.
type hands struct {
	now, real time.Time
	// access and refresh are the ends of the kept tokens; zero without one.
	access, refresh time.Time
	slot            *session.Slot
}

// move is one button of the clock. to gives the time that it leads to, or the
// reason why it cannot be pressed now.
type move struct {
	id, text, done string
	to             func(hands) (to time.Time, why string)
}

var moves = []move{
	{"5m", "+5 min", "Five minutes have passed in your sandbox.", func(h hands) (time.Time, string) {
		return h.now.Add(5 * time.Minute), ""
	}},
	{"near", "10 s left", "The access token ends in ten seconds.", func(h hands) (time.Time, string) {
		if why := h.lacks("access", h.access); why != "" {
			return h.now, why
		}
		if h.access.Sub(h.now) <= near {
			return h.now, "The access token has no more than ten seconds left."
		}
		return h.access.Add(-near), ""
	}},
	{"expire-access", "Expire access", "The access token has expired. Explore shows how the product refuses it.", func(h hands) (time.Time, string) {
		return h.access.Add(past), h.lacks("access", h.access)
	}},
	{"expire-refresh", "Expire refresh", "The refresh token has expired too. Only signing in again helps.", func(h hands) (time.Time, string) {
		return h.refresh.Add(past), h.lacks("refresh", h.refresh)
	}},
	{"now", "Back to now", "The clock shows the real time again.", func(h hands) (time.Time, string) {
		if h.now.Sub(h.real) < past {
			return h.real, "The clock shows the real time."
		}
		return h.real, ""
	}},
}

// lacks says why a token's end cannot be moved to; empty if it can.
func (h hands) lacks(name string, end time.Time) string {
	kept := h.slot != nil && (name == "access" && h.slot.Access != "" || name == "refresh" && h.slot.Refresh != "")
	switch {
	case !kept:
		return "There is no " + name + " token yet."
	case end.IsZero():
		return "Nothing says when the " + name + " token ends."
	case !h.now.Before(end):
		return "The " + name + " token has expired already."
	}
	return ""
}

// reach is where a move leads, or why it is impossible.
func (m *move) reach(h hands) (to time.Time, why string) {
	to, why = m.to(h)
	if why == "" && to.Sub(h.real) > sandbox.MaxAhead {
		why = "That is more than " + span(sandbox.MaxAhead) + " ahead."
	}
	return to, why
}

// readHands looks at the clock of the visitor's sandbox.
func (p *Playground) readHands(ctx context.Context, d *dialect.Dialect, a aim, s *session.State) hands {
	h := hands{now: p.clock(ctx, a, s), real: p.cfg.Now().UTC(), slot: slotOf(s, d, a)}
	if h.slot == nil {
		return h
	}
	// What an answer says of its tokens may be a second off. The later end
	// counts, so that it has passed for both.
	end := func(token string, kept time.Time) time.Time {
		if token == "" {
			return time.Time{}
		}
		if at, err := p.cfg.Sandbox.Expiry(ctx, d, s.World, token); err == nil && at.After(kept) {
			return at
		}
		return kept
	}
	h.access, h.refresh = end(h.slot.Access.Reveal(), h.slot.AccessExpires), end(h.slot.Refresh.Reveal(), h.slot.RefreshExpires)
	return h
}

// early says that a pair was issued by a clock that has been set back since:
// the sandbox will not know it before that time comes again.
func early(slot *session.Slot, now time.Time) bool {
	return slot != nil && slot.Target == sandboxName && !slot.Pasted && slot.Access != "" && slot.Issued.Sub(now) >= past
}

// status is the state of a slot by the clock that its tokens live by.
func status(slot *session.Slot, now time.Time) session.Status {
	if early(slot, now) {
		return session.Dead
	}
	return slot.Status(now)
}

// Clock moves the clock of the visitor's sandbox.
//
//	@ID				clock
//	@Summary		Move the sandbox's clock
//	@Description	Moves the clock of the visitor's own sandbox world, or sets it back to the real time. Expiry, countdown and refusals follow. Nothing is sent to any product.
//	@Tags			Sandbox
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product	path		string	true	"Product whose tokens the move is about"
//	@Param			move	formData	string	true	"5m: five minutes on. near: ten seconds before the access token ends. expire-access, expire-refresh: past the end of that token. now: back to the real time"	Enums(5m, near, expire-access, expire-refresh, now)
//	@Success		200		{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/clock [post]
func (p *Playground) Clock(c echo.Context) error {
	f, err := p.worldPosted(c, "The clock")
	if err != nil {
		return err
	}
	var m *move
	var ids []string
	for i := range moves {
		if ids = append(ids, moves[i].id); moves[i].id == f.own(fieldMove) {
			m = &moves[i]
		}
	}
	if m == nil {
		return f.standing(&Problem{Kind: "unknown-move", Status: http.StatusUnprocessableEntity, Title: "The clock has no such move",
			Detail: fieldMove + " is one of " + join(ids) + ". The clock stands as before.",
			Fields: []FieldProblem{{fieldMove, "Choose one of " + join(ids) + "."}}})
	}
	f.q.notice, f.anchor = "clock-"+m.id, "clock"
	return p.change(c, f, func(ctx context.Context, s *session.Session) (*outcome, error) {
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return nil, err
		}
		to, why := m.reach(p.readHands(ctx, f.d, a, s.State))
		if why != "" {
			return nil, f.standing(&Problem{Kind: "impossible-move", Status: http.StatusUnprocessableEntity, Title: "The clock cannot do that now",
				Detail: why + " The clock stands as before.", Fields: []FieldProblem{{fieldMove, why}}})
		}
		if err := p.cfg.Sandbox.MoveTo(ctx, s.State.World, to); err != nil {
			return nil, err
		}
		for _, slot := range s.State.Slots {
			if slot.Target == sandboxName {
				slot.Refused = false // it was refused at another time
			}
		}
		return nil, nil
	})
}

// worldPosted is posted for what only the sandbox has.
func (p *Playground) worldPosted(c echo.Context, what string) (*posted, error) {
	f, err := p.posted(c)
	if err != nil {
		return nil, err
	}
	if t := f.q.target; t != "" && !strings.EqualFold(t, sandboxName) {
		return nil, &Problem{Kind: "sandbox-only", Status: http.StatusUnprocessableEntity, Title: "Only the sandbox can do that",
			Detail:     what + " belongs to the sandbox; a real server is as it is. Nothing was changed.",
			OfferTitle: "Or", Offer: []Choice{{"Go to the sandbox", query{}.address(f.d, nil)}}}
	}
	// The page stays as it is, with the answer that it shows.
	if q, err := readQuery(c.QueryParams(), f.d); err == nil {
		f.q.x = q.x
	}
	return f, nil
}

// standing shows a problem on the page that the form was on.
func (f *posted) standing(pr *Problem) *Problem {
	pr.Form = &Form{Product: f.d.ID, query: f.q, notice: pr.Detail}
	pr.Form.query.notice = ""
	return pr
}

// ClockJSON is the clock of the visitor's sandbox.
type ClockJSON struct {
	Now string `json:"now" format:"date-time"`
	// AheadSeconds is how far it is ahead of the real time.
	AheadSeconds int64 `json:"ahead_seconds"`
}

func clockJSON(h hands) *ClockJSON {
	return &ClockJSON{Now: h.now.UTC().Format(time.RFC3339), AheadSeconds: int64(h.now.Sub(h.real).Round(time.Second) / time.Second)}
}

func (p *Playground) clockView(d *dialect.Dialect, q query, h hands) *templates.ClockView {
	v := &templates.ClockView{Now: h.now, Time: clockTime(h.now), Date: h.now.UTC().Format("2 January 2006")}
	if ahead := h.now.Sub(h.real).Round(time.Second); ahead > 0 {
		v.Ahead = span(ahead) + " ahead of the real time"
	}
	post := here(d, "/clock", q)
	for i := range moves {
		m := &moves[i]
		_, why := m.reach(h)
		v.Moves = append(v.Moves, templates.MoveView{ID: m.id, Text: m.text, Why: why, Post: post,
			Hidden: []templates.Hidden{{Name: fieldMove, Value: m.id}}})
		if q.notice == "clock-"+m.id {
			v.Said = m.done
		}
	}
	if early(h.slot, h.now) {
		v.Said += " Tokens that were issued ahead of it are not valid yet."
	}
	return v
}

// here is the address of a form that leaves the page as it is: the route, with
// all that the page shows.
func here(d *dialect.Dialect, route string, q query) string {
	q.notice, q.fill, q.reveal = "", false, ""
	return strings.Replace(q.address(d, nil), "/"+d.ID, "/"+d.ID+route, 1)
}
