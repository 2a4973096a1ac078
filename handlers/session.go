package handlers

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tokenplayground/web/secret"
	"tokenplayground/web/session"
)

// Forget drops this product's tokens at one target, without a call.
//
//	@ID				forget
//	@Summary		Forget this product's tokens
//	@Description	Drops the kept tokens. Nothing is sent to the product: the tokens stay valid there until they expire.
//	@Tags			Session
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product		path		string	true	"Product"
//	@Param			x.target	formData	string	false	"Target"	default(sandbox)
//	@Success		200			{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/forget [post]
func (p *Playground) Forget(c echo.Context) error {
	f, err := p.posted(c)
	if err != nil {
		return err
	}
	s, err := p.cfg.Sessions.Load(c.Request())
	if err != nil {
		return sessionProblem(err)
	}
	f.q.notice = noticeForgotten
	if s.New { // nothing is kept, so nothing needs a session
		return p.answer(c, f.d, result{state: s.State, q: f.q})
	}
	return p.change(c, f, func(_ context.Context, s *session.Session) (*outcome, error) {
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return nil, err
		}
		delete(s.State.Slots, slotKey(f.d, a))
		delete(s.State.Carried, slotKey(f.d, a))
		s.EndOthers()
		return nil, nil
	})
}

// ForgetAll ends the visitor's session here.
//
//	@ID				forgetAll
//	@Summary		Forget everything
//	@Description	Deletes the session: tokens, history, trusted certificates. Nothing is sent to any product.
//	@Tags			Session
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Success		200	{object}	SessionJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		403,421,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/forget [post]
func (p *Playground) ForgetAll(c echo.Context) error {
	s, err := p.cfg.Sessions.Load(c.Request())
	if err != nil {
		return sessionProblem(err)
	}
	if !s.New {
		err := p.cfg.Sessions.Update(c.Response(), c.Request(), func(_ context.Context, s *session.Session) error {
			s.Forget()
			return nil
		})
		if err != nil {
			return sessionProblem(err)
		}
	}
	c.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	if WantsJSON(c.Request()) {
		return c.JSON(http.StatusOK, SessionJSON{State: string(session.None)})
	}
	return c.Redirect(http.StatusSeeOther, "/?done="+noticeForgotten)
}

// Key takes an access token that the person has from elsewhere.
//
//	@ID				key
//	@Summary		Put an access token into api_key
//	@Description	Keeps an access token that was issued elsewhere, so that Explore and log-out can use it.
//	@Tags			Session
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product		path		string	true	"Product"
//	@Param			x.key		formData	string	true	"Access token"
//	@Param			x.target	formData	string	false	"Target"	default(sandbox)
//	@Success		200			{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/key [post]
func (p *Playground) Key(c echo.Context) error {
	f, err := p.posted(c)
	if err != nil {
		return err
	}
	key := strings.TrimSpace(f.own(fieldKey))
	if rest, ok := strings.CutPrefix(key, "Bearer "); ok {
		key = strings.TrimSpace(rest)
	}
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		pr := &Problem{Kind: "bad-key", Status: http.StatusUnprocessableEntity, Title: "That is no access token",
			Detail: "An access token is one line of letters, digits and signs without spaces. What you pasted was not kept.",
			Fields: []FieldProblem{{fieldKey, "A token has no spaces or accents. Paste only the value, in one line."}}}
		pr.Form = &Form{Product: f.d.ID, query: f.q, problem: map[string]string{fieldKey: pr.Fields[0].Detail}}
		return pr
	}
	f.q.notice = noticePasted
	return p.change(c, f, func(ctx context.Context, s *session.Session) (*outcome, error) {
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return nil, err
		}
		if !s.New {
			s.Rotate()
		}
		slot := &session.Slot{Product: f.d.ID, Target: a.Name, Version: f.version, Access: secret.Text(key), Pasted: true}
		slot.AccessLife, slot.AccessExpires = claimedLife(f.d, key, p.clock(ctx, a, s.State))
		s.State.SetSlot(slot)
		return nil, nil
	})
}
