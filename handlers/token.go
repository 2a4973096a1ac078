package handlers

import (
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
)

// Token obtains or refreshes a pair of tokens.
//
//	@ID				token
//	@Summary		Obtain or refresh a pair of tokens
//	@Description	Sends the product's own token call. The fields carry the product's own wire names, as the product's page and the description of its sandbox list them. A refresh_token or mfa_token that is left out is filled in with the kept one.
//	@Tags			Playground
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product			path		string	true	"Product"
//	@Param			grant_type		formData	string	false	"Grant, in the product's own spelling; some products call the field grantType"
//	@Param			username		formData	string	false	"User name, under the product's own name"
//	@Param			password		formData	string	false	"Password, under the product's own name"	format(password)
//	@Param			refresh_token	formData	string	false	"Refresh token, under the product's own name"
//	@Param			x.target		formData	string	false	"Target: sandbox, a listed name, or host:port"	default(sandbox)
//	@Param			x.version		formData	string	false	"API version"
//	@Success		200				{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/token [post]
func (p *Playground) Token(c echo.Context) error {
	f, err := p.posted(c)
	if err != nil {
		return err
	}
	if f.own(fieldChange) != "" {
		return p.changeGrant(c, f)
	}
	call, err := f.d.ReadForm(f.version, f.form)
	if call.Encoding = dialect.Encoding(f.own(fieldEncoding)); call.Encoding != "" && !slices.Contains(f.d.Operation(dialect.Obtain).Accepts(), call.Encoding) {
		return unknownEncoding(f.d)
	}
	if m, ok := err.(*dialect.Mismatch); ok && m.Fault == dialect.UnknownGrant { //nolint:errorlint // ReadForm says so
		pr := unknownGrant(f.d, m.Name)
		pr.Form = f.form422(pr)
		return pr
	}
	f.q.grant, f.q.try = call.Kind, dialect.Obtain
	return p.change(c, f, func(ctx context.Context, s *session.Session) (*outcome, error) {
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return nil, err
		}
		fillKept(&call, s.State, f.d, a)
		if pr := incomplete(f.d, call); pr != nil {
			pr.Form = f.form422(pr)
			return nil, pr
		}
		if a, err = f.faulty(a, f.d.Operation(dialect.Obtain), call.Kind); err != nil {
			return nil, err
		}
		renews := renews(&call, slotOf(s.State, f.d, a))
		out, err := p.perform(ctx, s, f.d, a, call, p.base(c))
		if err == nil && !renews && !s.New && (out.answer.Challenge() || out.answer.Values[dialect.AccessToken] != "") {
			s.Rotate()
		}
		return out, err
	})
}

// renews says that a call spends the refresh token that is kept. Any other
// brings new credentials, a pasted refresh token among them.
func renews(call *dialect.Call, slot *session.Slot) bool {
	return call.Kind == dialect.RefreshGrant && slot != nil && call.Values[dialect.RefreshToken] == slot.Refresh.Reveal()
}

// changeGrant shows the form of another grant. The button that asks for it is
// in the form that sends, so what was typed comes with it; none of it goes
// into the address.
func (p *Playground) changeGrant(c echo.Context, f *posted) error {
	wire, _ := f.form.Get(f.d.Operation(dialect.Obtain).GrantField.Wire)
	g, ok := f.d.GrantByWire(wire)
	if !ok {
		return unknownGrant(f.d, wire)
	}
	f.q.op, f.q.grant, f.q.try = dialect.Obtain, g.Kind, dialect.Obtain
	if IsFragment(c.Request()) {
		s, err := p.cfg.Sessions.Load(c.Request())
		if err != nil {
			return sessionProblem(err)
		}
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return err
		}
		form := &Form{Product: f.d.ID, query: f.q, typed: keep(f.d, f.form)}
		return p.drawProduct(c, f.d, page{q: f.q, aim: a, state: s.State, form: form}, http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, f.q.address(f.d, nil)+"#op-token")
}

// fillKept answers a field that asks for what an earlier answer said.
func fillKept(call *dialect.Call, s *session.State, d *dialect.Dialect, a aim) {
	g, ok := d.Grant(call.Kind)
	if !ok {
		return
	}
	for _, f := range g.Takes {
		if call.Values[f.Term] == "" {
			if text := kept(s, d, a, f.Term); text != "" {
				call.Values[f.Term] = text
			}
		}
	}
}

// kept is what the session keeps of a term; empty for nothing.
func kept(s *session.State, d *dialect.Dialect, a aim, t dialect.Term) string {
	slot := slotOf(s, d, a)
	switch {
	case slot != nil && t == dialect.RefreshToken:
		return slot.Refresh.Reveal()
	case slot != nil && t == dialect.MFAToken:
		return slot.MFA.Reveal()
	}
	return carriedText(s, d, a, t)
}

// incomplete lists every missing field at once.
func incomplete(d *dialect.Dialect, call dialect.Call) *Problem {
	g, ok := d.Grant(call.Kind)
	if !ok {
		return unknownGrant(d, "")
	}
	var names []string
	for _, f := range d.Fields(g.Takes, call.Version) {
		if f.Required && call.Values[f.Term] == "" {
			names = append(names, f.Wire)
		}
	}
	if names == nil {
		return nil
	}
	pr := missing(names...)
	if call.Kind == dialect.RefreshGrant {
		pr.Fields[0].Detail = "No refresh token is kept here yet. Insert the one that you saved, or sign in first."
	}
	return pr
}

// Refresh gets a new pair with the kept refresh token.
//
//	@ID				refresh
//	@Summary		Refresh with the kept refresh token
//	@Description	Sends the product's own refresh call with the refresh token that the session keeps. Parallel requests cause one call.
//	@Tags			Playground
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product		path		string	true	"Product"
//	@Param			x.target	formData	string	false	"Target"	default(sandbox)
//	@Param			x.version	formData	string	false	"API version"
//	@Param			x.fault		formData	string	false	"Fault that the sandbox is asked for, such as spent-refresh; a wrong one is answered with the list"
//	@Param			x.encoding	formData	string	false	"Media type of the body, where the product takes more than one"
//	@Success		200			{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/refresh [post]
func (p *Playground) Refresh(c echo.Context) error {
	f, err := p.posted(c)
	if err != nil {
		return err
	}
	f.q.grant, f.q.try = dialect.RefreshGrant, ""
	// A second tab, a second click, a retry: whoever finds that the pair has
	// been replaced since they asked gets the new one, without a call.
	seen := -1
	if s, err := p.cfg.Sessions.Load(c.Request()); err == nil {
		if a, err := p.aimAt(f.d, f.q.target, s.State); err == nil {
			if slot := slotOf(s.State, f.d, a); slot != nil {
				seen = slot.Refreshes
			}
		}
	}
	return p.change(c, f, func(ctx context.Context, s *session.Session) (*outcome, error) {
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return nil, err
		}
		slot := slotOf(s.State, f.d, a)
		if slot == nil || slot.Refresh == "" {
			return nil, f.noToken("No refresh token of this product is kept, so nothing was sent. Get tokens first.")
		}
		if a, err = f.faulty(a, f.d.Operation(dialect.Obtain), dialect.RefreshGrant); err != nil {
			return nil, err
		}
		if seen >= 0 && slot.Refreshes > seen {
			return p.kept(ctx, s, slot.From)
		}
		call := dialect.Call{Purpose: dialect.Obtain, Kind: dialect.RefreshGrant, Version: pick(f, slot),
			Values: dialect.Values{dialect.RefreshToken: slot.Refresh.Reveal()}}
		return p.perform(ctx, s, f.d, a, call, p.base(c))
	})
}

// noToken shows the product's page with what is missing.
func (f *posted) noToken(what string) *Problem {
	pr := noToken(what)
	pr.Form = &Form{Product: f.d.ID, query: f.q, notice: what}
	pr.Form.query.op, pr.Form.query.try, pr.Form.query.grant = dialect.Obtain, "", ""
	return pr
}

// loggedOut says that the last thing that happened was a log-out.
func loggedOut(s *session.State, d *dialect.Dialect, a aim) bool {
	list := ownHistory(s, d, a)
	if len(list) == 0 || slotOf(s, d, a) != nil {
		return false
	}
	last := list[len(list)-1]
	return last.Operation == string(dialect.Logout) && last.Status >= 200 && last.Status < 300
}

// pick prefers the version that was asked for, then the one that the tokens
// came by.
func pick(f *posted, slot *session.Slot) string {
	if f.own(fieldVersion) == "" && slot != nil && slot.Version != "" {
		return slot.Version
	}
	return f.version
}

// Logout ends the session at the product, then forgets the pair.
//
//	@ID				logout
//	@Summary		Log out
//	@Description	Sends the product's own log-out call with the access token. When the product agrees, the pair is forgotten here too.
//	@Tags			Playground
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product		path		string	true	"Product"
//	@Param			x.target	formData	string	false	"Target"	default(sandbox)
//	@Param			x.version	formData	string	false	"API version"
//	@Param			x.fault		formData	string	false	"Fault that the sandbox is asked for, such as spent-refresh; a wrong one is answered with the list"
//	@Success		200			{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/accounts/logout [post]
func (p *Playground) Logout(c echo.Context) error {
	return p.withBearer(c, dialect.Logout)
}

// Explore validates the access token.
//
//	@ID				explore
//	@Summary		Validate the access token
//	@Description	Answers four questions: is the token well-formed, in time, meant for this product and target, and accepted by a harmless protected call.
//	@Tags			Playground
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product		path		string	true	"Product"
//	@Param			x.target	formData	string	false	"Target"	default(sandbox)
//	@Param			x.version	formData	string	false	"API version"
//	@Param			x.fault		formData	string	false	"Fault that the sandbox is asked for, such as spent-refresh; a wrong one is answered with the list"
//	@Success		200			{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/explore [post]
func (p *Playground) Explore(c echo.Context) error {
	return p.withBearer(c, dialect.Explore)
}

func (p *Playground) withBearer(c echo.Context, purpose dialect.Purpose) error {
	f, err := p.posted(c)
	if err != nil {
		return err
	}
	f.q.op, f.q.grant, f.q.try = purpose, "", purpose
	op := operation(f.d, purpose)
	return p.change(c, f, func(ctx context.Context, s *session.Session) (*outcome, error) {
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return nil, err
		}
		slot := slotOf(s.State, f.d, a)
		if (slot == nil || slot.Access == "") && !op.Anonymous {
			what := "No access token of this product is kept, so nothing was sent. Get tokens first."
			if loggedOut(s.State, f.d, a) {
				what = "You are logged out already, so nothing was sent."
			}
			if slot != nil && slot.MFA != "" {
				what = "The sign-in is half done: enter the code first. Nothing was sent."
			}
			return nil, f.noToken(what)
		}
		call := dialect.Call{Purpose: op.Purpose, Operation: op, Version: pick(f, slot), Values: dialect.Values{}, Segments: map[string]string{}}
		var before session.Slot
		if slot != nil {
			call.Bearer, before = slot.Access.Reveal(), *slot
		}
		for _, field := range op.Takes {
			if v := f.own(field.Wire); v != "" {
				call.Values[field.Term] = v
			}
		}
		for _, name := range segments(op) {
			call.Segments[name] = firstOf(f.own(name), firstSegment)
		}
		faulty, err := f.faulty(a, op, "")
		if err != nil {
			return nil, err
		}
		if err := p.identify(ctx, s, f.d, a, &call, p.base(c)); err != nil {
			return nil, err
		}
		out, err := p.perform(ctx, s, f.d, faulty, call, p.base(c))
		if err == nil && purpose == dialect.Logout && !out.answer.Refused && out.record.Failure == nil {
			s.EndOthers()
		}
		if err == nil && purpose == dialect.Explore {
			out.record.Checks = checks(f.d, a, &before, out, p.clock(ctx, a, s.State))
		}
		return out, err
	})
}
