package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
	"tokenplayground/web/store"
)

// callLimit bounds a whole POST: longer than the longest call of a target.
const callLimit = 30 * time.Second

// posted is a form that was sent to a product's route, understood as far as
// all of them are alike.
type posted struct {
	d    *dialect.Dialect
	form dialect.Pairs
	q    query // of the page to go back to
	// anchor is the part of the page that the form was in, where it changed
	// the sandbox and made no call.
	anchor  string
	version string
}

func (f *posted) own(name string) string {
	v, _ := f.form.Get(name)
	return v
}

// posted reads the form of a POST.
func (p *Playground) posted(c echo.Context) (*posted, error) {
	d, err := p.product(c)
	if err != nil {
		return nil, err
	}
	q, err := readQuery(c.QueryParams(), d)
	if err != nil {
		return nil, err
	}
	form, err := readBody(c.Request())
	if err != nil {
		return nil, err
	}
	f := &posted{d: d, form: form, q: q}
	if v := f.own(fieldTarget); v != "" {
		f.q.target = v
	}
	if v := f.own(fieldTheme); v == "light" || v == "dark" {
		f.q.theme = v
	}
	f.version = f.q.version
	if v := f.own(fieldVersion); v != "" {
		f.version = v
	}
	// A person who edits the header's own name instead of ours means the same.
	if h := d.Versions.Header; h != "" && f.own(fieldVersion) == "" {
		if v := f.own(h); v != "" {
			f.version = v
		}
	}
	v, ok := d.Version(f.version)
	if !ok {
		pr := unknownVersion(d)
		pr.Form = f.form422(pr)
		return nil, pr
	}
	f.version, f.q.version = v.ID, v.ID
	f.q.x, f.q.notice, f.q.reveal, f.q.fill, f.q.fault = 0, "", "", false, ""
	return f, nil
}

// form422 is the page that a problem of the form is shown on.
func (f *posted) form422(pr *Problem) *Form {
	out := &Form{Product: f.d.ID, query: f.q, typed: keep(f.d, f.form), problem: map[string]string{}, encoding: dialect.Encoding(f.own(fieldEncoding))}
	out.query.op, out.query.try = dialect.Obtain, dialect.Obtain
	if fault := f.own(fieldFault); fault != "" {
		if _, ok := askable(f.d, fault); ok {
			out.query.fault = fault
		}
	}
	if wire, ok := f.form.Get(f.d.Operation(dialect.Obtain).GrantField.Wire); ok {
		if g, ok := f.d.GrantByWire(wire); ok {
			out.query.grant = g.Kind
		}
	}
	for _, fp := range pr.Fields {
		out.problem[strings.ToLower(fp.Field)] = fp.Detail
	}
	return out
}

// result is what a POST came to: the exchange, if there was one, and the state
// of the session after it.
type result struct {
	record *record
	state  *session.State
	q      query
	anchor string // as in posted
	// shown is the exchange that the page goes on showing.
	shown *record
}

// change runs fn on the visitor's session, alone and to the end even if the
// browser goes away, and answers with what came of it.
func (p *Playground) change(c echo.Context, f *posted, fn func(ctx context.Context, s *session.Session) (*outcome, error)) error {
	var res result
	err := p.cfg.Sessions.Update(c.Response(), c.Request(), func(ctx context.Context, s *session.Session) error {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		out, err := fn(ctx, s)
		if err != nil {
			return err
		}
		res = result{state: s.State, q: f.q, anchor: f.anchor}
		if out != nil {
			if !out.kept {
				if err := p.keepRecord(ctx, s, out.record); err != nil {
					return err
				}
			}
			res.record = out.record
			res.q.op = out.record.Operation
			res.q.x = out.record.N
			return nil
		}
		if f.anchor != "" && IsFragment(c.Request()) {
			res.shown, err = p.shown(ctx, f.d, f.q, s)
		}
		return err
	})
	if err != nil {
		return sessionProblem(err)
	}
	return p.answer(c, f.d, res)
}

// sessionProblem words the errors of the session and its store.
func sessionProblem(err error) error {
	var pr *Problem
	switch {
	case errors.As(err, &pr):
		return pr
	case errors.Is(err, session.ErrRotated):
		return sessionRotated(err)
	case errors.Is(err, store.ErrConflict):
		return sessionConflict(err)
	case errors.Is(err, session.ErrCrowded):
		return sessionsFull(err)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFull):
		return storeUnavailable(err)
	}
	return err
}

// ResultJSON is what every POST of a product answers with.
type ResultJSON struct {
	// Exchange is null where no call was made.
	Exchange *ExchangeJSON `json:"exchange"`
	Session  SessionJSON   `json:"session"`
	// Clock is there after a change of the sandbox itself.
	Clock *ClockJSON `json:"clock,omitempty"`
	// World likewise.
	World *WorldJSON `json:"world,omitempty"`
}

// SessionJSON is the state of the product's tokens at the target.
type SessionJSON struct {
	State string `json:"state" enums:"none,mfa_pending,valid,expired_refreshable,dead" example:"valid"`
	// TokenType is as the product said it.
	TokenType *string `json:"token_type" example:"bearer" extensions:"x-nullable"`
	// AccessToken is whole for the sandbox and shortened for a real target.
	AccessToken *string `json:"access_token" extensions:"x-nullable"`
	// RefreshToken is whole for the sandbox and shortened for a real target.
	RefreshToken     *string `json:"refresh_token" extensions:"x-nullable"`
	ExpiresAt        *string `json:"expires_at" format:"date-time" extensions:"x-nullable"`
	RefreshExpiresAt *string `json:"refresh_expires_at" format:"date-time" extensions:"x-nullable"`
	Username         *string `json:"username" extensions:"x-nullable"`
}

func (p *Playground) sessionJSON(slot *session.Slot, a aim, now time.Time) SessionJSON {
	out := SessionJSON{State: string(status(slot, now))}
	if slot == nil {
		return out
	}
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	date := func(t time.Time) *string {
		if t.IsZero() {
			return nil
		}
		return text(t.UTC().Format(time.RFC3339))
	}
	show := func(token string) *string {
		if token != "" && a.Real {
			token = p.cfg.Masker.Mask(token)
		}
		return text(token)
	}
	out.TokenType = text(slot.TokenType)
	out.AccessToken, out.RefreshToken = show(slot.Access.Reveal()), show(slot.Refresh.Reveal())
	if slot.Access != "" {
		out.ExpiresAt = date(slot.AccessExpires)
	}
	if slot.Refresh != "" {
		out.RefreshExpiresAt = date(slot.RefreshExpires)
	}
	out.Username = text(slot.Username)
	return out
}

// answer gives the result in the representation that was asked for.
func (p *Playground) answer(c echo.Context, d *dialect.Dialect, res result) error {
	ctx := c.Request().Context()
	a, err := p.aimAt(d, res.q.target, res.state)
	if err != nil {
		return err
	}
	switch {
	case WantsJSON(c.Request()):
		out := ResultJSON{Session: p.sessionJSON(slotOf(res.state, d, a), a, p.clock(ctx, a, res.state))}
		if res.anchor != "" {
			out.Clock, out.World = clockJSON(p.readHands(ctx, d, a, res.state)), worldJSON(p.world(ctx, res.state))
		}
		if res.record != nil {
			out.Exchange = res.record.json()
		}
		return c.JSON(http.StatusOK, out)
	case IsFragment(c.Request()):
		return p.drawProduct(c, d, page{q: res.q, aim: a, state: res.state, record: cmp.Or(res.record, res.shown)}, http.StatusOK)
	}
	to := res.q.address(d, nil)
	if res.q.notice != "" {
		to = res.q.address(d, func(q *query) { q.notice = res.q.notice })
	}
	switch {
	case res.record != nil:
		to += "#answer"
	case res.anchor != "":
		to += "#" + res.anchor
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// WantsJSON says that a client prefers JSON to a page.
func WantsJSON(r *http.Request) bool {
	accept := strings.ToLower(r.Header.Get("Accept"))
	json, html := strings.Index(accept, "json"), strings.Index(accept, "text/html")
	return json >= 0 && (html < 0 || json < html)
}

// IsFragment says that htmx asks for a part of the page.
func IsFragment(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-History-Restore-Request") != "true"
}
