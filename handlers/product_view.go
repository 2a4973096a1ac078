package handlers

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/lesson"
	"tokenplayground/web/session"
)

// productView draws the page of one product.
func (p *Playground) productView(c echo.Context, d *dialect.Dialect, pg page) templates.ProductView {
	ctx := c.Request().Context()
	q, a := pg.q, pg.aim
	q.target = a.Name
	now := p.clock(ctx, a, pg.state)
	slot := slotOf(pg.state, d, a)
	state := status(slot, now)
	self := q
	self.fill, self.reveal = false, ""

	v := templates.ProductView{
		Page: p.shell(c, d.Short, q, func(t string) string {
			return self.address(d, func(q *query) {
				if q.theme = t; t == "auto" {
					q.theme = ""
				}
			})
		}),
		ID: d.ID, Self: self.address(d, nil), Heading: d.Title, Lead: d.About, Modern: d.Ritual == dialect.Modern,
	}
	v.Page.Description = d.Name + ": get a pair of tokens, validate it, refresh it, log out, step by step, against a sandbox."
	v.Page.Foot.Product, v.Page.Foot.Swagger, v.Page.Foot.Document = d.Name, swaggerHref(d), documentHref(d, q.version)
	v.Page.NoIndex = len(c.QueryParams()) > 0 || slot != nil
	if a.Real {
		v.Real = a.Address()
	}
	if text := notices[q.notice]; text != "" {
		v.Notice = &templates.NoticeView{Text: text}
	}
	if pg.form != nil && pg.form.notice != "" {
		v.Notice = &templates.NoticeView{Text: pg.form.notice, Bad: true}
	}
	p.productBar(&v.Page.Bar, d, pg)

	v.State = stateView(d, slot, now)
	if loggedOut(pg.state, d, a) {
		v.State.Sentence, v.State.Detail = "Logged out.", "Both tokens are finished. Sign in to get a new pair."
	}
	if p.unheard(slot) {
		v.State.Detail = "A refresh was under way when the server stopped, so nobody knows whether it counted. Refresh tries the old token once; if it is refused, sign in again."
	}
	v.Steps = p.stepsView(d, pg)
	v.Tokens = p.tokensView(d, pg, slot, now)
	v.Key = p.keyView(d, pg, slot)
	if !a.Real {
		v.Clock = p.clockView(d, q, p.readHands(ctx, d, a, pg.state))
		v.World = worldView(d, q, p.world(ctx, pg.state))
	}
	if p.cfg.Products.IsOwn(d) {
		v.Notes = append(v.Notes, "The operator of this server described this product; it did not come with the program.")
	}
	v.Notes = append(v.Notes, d.Notes...)
	if d.Lifetimes.Note != "" {
		v.Notes = append(v.Notes, d.Lifetimes.Note)
	}
	v.Notes = append(v.Notes, grantAdvice)
	next := p.nextStep(d, pg, slot, now, &v)
	v.Groups = p.groupsView(c, d, pg, slot, now, next)
	if state == session.MFAPending && !a.Real && pg.state.World != "" {
		if code, _, _, left := p.cfg.Sandbox.Authenticator(ctx, pg.state.World, d); code != "" {
			v.Authenticator = &templates.AuthenticatorView{Code: code, Seconds: int(left / time.Second),
				Fill: q.address(d, func(q *query) {
					q.op, q.grant, q.try, q.fill, q.x = dialect.Obtain, dialect.MFAGrant, dialect.Obtain, true, 0
				}) + "#op-token"}
		}
	}
	for _, e := range slices.Backward(pg.history(d)) {
		row := templates.HistoryRow{Number: e.N, Href: exchangeHref(d, e.N, q), Time: clockTime(e.At), Method: e.Method, Path: e.Path,
			Status: statusWords(e.Status, e.Reason, e.Failure != ""), Good: e.Failure == "" && e.Status >= 200 && e.Status < 300,
			Sent: e.TokenMask, Took: took(e.Took)}
		if row.Sent == "" {
			row.Sent = "none"
		}
		v.History = append(v.History, row)
	}
	return v
}

// grantAdvice belongs on every page whose product signs in with a password.
const grantAdvice = "Current OAuth guidance (RFC 9700, 2.4) rejects the password grant, because the client sees the password. These products need it: use an account made for the purpose."

func (pg page) history(d *dialect.Dialect) []session.Entry { return ownHistory(pg.state, d, pg.aim) }

func exchangeHref(d *dialect.Dialect, n int, q query) string {
	return themed("/"+d.ID+"/exchanges/"+itoa(n), q.theme)
}

// swaggerHref leads to the product's API in Swagger UI, which knows documents
// by their names.
func swaggerHref(d *dialect.Dialect) string {
	return "/swagger/?urls.primaryName=" + url.QueryEscape(d.Name)
}

func documentHref(d *dialect.Dialect, version string) string {
	href := "/sandbox/" + d.ID + "/openapi.json"
	if version != "" {
		href += "?version=" + url.QueryEscape(version)
	}
	return href
}

// formFor leads to the token form of a grant, ready to be typed in.
func formFor(d *dialect.Dialect, q query, text string, k dialect.Kind) *templates.ActionView {
	return &templates.ActionView{Text: text, Href: q.address(d, func(q *query) {
		q.op, q.grant, q.try, q.x, q.view, q.fill, q.reveal, q.fault = dialect.Obtain, k, dialect.Obtain, 0, "", false, "", ""
	}) + "#op-token"}
}

// action is the address of a form: the route, with what the page stands on.
func action(d *dialect.Dialect, route string, q query) string {
	q.op, q.grant, q.view, q.try, q.fault, q.x = "", "", "", "", "", 0
	v := q.values(d)
	if len(v) == 0 {
		return "/" + d.ID + route
	}
	return "/" + d.ID + route + "?" + v.Encode()
}

func (p *Playground) productBar(bar *templates.BarView, d *dialect.Dialect, pg page) {
	q := pg.q
	bar.Product = d.Short
	for _, o := range p.cfg.Products.All() {
		bar.Products = append(bar.Products, templates.Link{Text: o.Short, Href: query{theme: q.theme}.address(o, nil), Current: o == d})
	}
	bar.Products = append(bar.Products, templates.Link{Text: "All products", Href: themed("/", q.theme)})
	at := func(name string) string { return query{target: name, theme: q.theme}.address(d, nil) }
	bar.Target = "Sandbox"
	if pg.aim.Real {
		bar.Target = pg.aim.Name
	}
	bar.Targets = append(bar.Targets, templates.Link{Text: "Sandbox", Href: at(""), Current: !pg.aim.Real})
	listed := pg.aim.Real
	for _, t := range p.cfg.Targets {
		if t.Product == d.ID {
			bar.Targets = append(bar.Targets, templates.Link{Text: t.Name, Href: at(t.Name), Current: pg.aim.Name == t.Name})
			listed = listed && pg.aim.Name != t.Name
		}
	}
	if pg.state != nil {
		for _, t := range pg.state.Targets {
			if t.Product == d.ID {
				bar.Targets = append(bar.Targets, templates.Link{Text: t.Name, Href: at(t.Name), Current: pg.aim.Name == t.Name})
				listed = listed && pg.aim.Name != t.Name
			}
		}
	}
	if listed {
		bar.Targets = append(bar.Targets, templates.Link{Text: pg.aim.Name, Href: at(pg.aim.Name), Current: true})
	}
	if p.cfg.Own {
		bar.OwnTarget = &templates.TargetForm{Action: action(d, "/target", query{theme: q.theme}), Port: itoa(d.Port)}
		if pg.form != nil && pg.form.problem[fieldHost] != "" {
			bar.OwnTarget.Host, bar.OwnTarget.Error = pg.form.typed[fieldHost], pg.form.problem[fieldHost]
			if port := pg.form.typed[fieldPort]; port != "" {
				bar.OwnTarget.Port = port
			}
		}
	}
}

func (p *Playground) keyView(d *dialect.Dialect, pg page, slot *session.Slot) templates.KeyView {
	q := pg.q
	v := templates.KeyView{Paste: action(d, "/key", q)}
	if pg.form != nil {
		v.PasteError = pg.form.problem[fieldKey]
	}
	if slot == nil || slot.Access == "" {
		return v
	}
	v.Mask = p.cfg.Masker.Mask(slot.Access.Reveal())
	if !slot.Pasted {
		v.Exchange, v.ExchangeHref = slot.From, exchangeHref(d, slot.From, q)
	}
	v.Explore = action(d, "/explore", q)
	if !pg.aim.Real || p.cfg.Reveal {
		if q.reveal == "access" {
			v.Whole, v.Hide = slot.Access.Reveal(), q.address(d, func(q *query) { q.reveal, q.fill = "", false })
		} else {
			v.Show = q.address(d, func(q *query) { q.reveal, q.fill = "access", false })
		}
	}
	return v
}

// unheard says that a refresh token was sent by a process that died before it
// heard the answer. One that was sent by another process a moment ago may
// still be under way.
func (p *Playground) unheard(slot *session.Slot) bool {
	if slot == nil || slot.InFlight.IsZero() || slot.Refresh == "" {
		return false
	}
	return slot.InFlight.Before(p.started) || p.cfg.Now().Sub(slot.InFlight) > callLimit
}

// stateView says in words where the tokens stand.
func stateView(d *dialect.Dialect, slot *session.Slot, now time.Time) templates.StateView {
	v := templates.StateView{State: templates.State(status(slot, now)), Now: now}
	switch status(slot, now) {
	case session.None:
		v.Sentence, v.Detail = "No token yet.", "Sign in to get a pair."
	case session.MFAPending:
		v.Sentence, v.Detail = "Half way: enter the six-digit code.", "The password was right. The account has a second factor."
	case session.Valid:
		if slot.AccessExpires.IsZero() {
			v.Sentence, v.Detail = "Not tested yet.", "Nothing says when the token expires. Explore finds out."
			break
		}
		v.Sentence, v.Until, v.Left = "Valid for", slot.AccessExpires, countdown(slot.AccessExpires.Sub(now))
		v.Detail = "until " + until(slot.AccessExpires, now)
	case session.ExpiredRefreshable:
		v.Sentence = "The server refused the access token."
		if !slot.AccessExpires.IsZero() && now.After(slot.AccessExpires) {
			v.Sentence = "Access token expired " + span(now.Sub(slot.AccessExpires)) + " ago."
		}
		v.Detail = "A refresh token is kept."
		if !slot.RefreshExpires.IsZero() {
			v.Detail = "A refresh token is still good for " + span(slot.RefreshExpires.Sub(now)) + "."
		}
	case session.Dead:
		v.Sentence, v.Detail = "Both tokens are finished.", "Sign in again."
		switch {
		case early(slot, now):
			v.Sentence, v.Detail = "Not valid yet.", "The pair was issued at "+until(slot.Issued, now)+", and the sandbox clock was set back since. Move it on, or sign in again."
		case slot.Ended:
			v.Detail = "The refresh that was under way when the server stopped did count, and its answer is lost. Sign in again."
		case slot.Pasted && slot.Refused:
			v.Sentence = "The server refused this token."
		case slot.Refresh == "":
			v.Sentence = "The access token is finished."
		}
	}
	return v
}

// nextStep decides which one button of the page is filled: it sets the
// state's action, or Explore's, or names the operation whose button it is.
func (p *Playground) nextStep(d *dialect.Dialect, pg page, slot *session.Slot, now time.Time, v *templates.ProductView) dialect.Purpose {
	q := pg.q
	open := openOperation(pg)
	refresh := &templates.ActionView{Text: "Refresh", Post: action(d, "/refresh", q)}
	switch status(slot, now) {
	case session.None, session.Dead:
		if open == dialect.Obtain {
			return dialect.Obtain
		}
		v.State.Action = formFor(d, q, "Get tokens", dialect.PasswordGrant)
		if status(slot, now) == session.Dead {
			v.State.Action.Text = "Sign in again"
		}
		v.State.Action.Next = true
	case session.MFAPending:
		if open == dialect.Obtain && shownGrant(d, pg, slot) == dialect.MFAGrant {
			return dialect.Obtain
		}
		v.State.Action = formFor(d, q, "Enter code", dialect.MFAGrant)
		if !pg.aim.Real {
			// The authenticator stands above the form that asks for its code.
			v.State.Action.Href = strings.TrimSuffix(v.State.Action.Href, "#op-token") + "#authenticator"
		}
		v.State.Action.Next = true
	case session.ExpiredRefreshable:
		refresh.Next = true
		v.State.Action = refresh
	case session.Valid:
		if slot.Refresh != "" {
			v.State.Action = refresh
		}
		if !explored(d, pg, slot) {
			v.Key.ExploreNext = true
			v.State.Narrow = &templates.ActionView{Text: "Explore", Post: v.Key.Explore}
		}
	}
	return ""
}

// explored says that the newest token has passed Explore already.
func explored(d *dialect.Dialect, pg page, slot *session.Slot) bool {
	for _, e := range pg.history(d) {
		if e.N > slot.From && e.Operation == string(dialect.Explore) && e.Failure == "" {
			return true
		}
	}
	return false
}

// openOperation is the operation that the page opens.
func openOperation(pg page) dialect.Purpose {
	switch {
	case pg.q.op != "":
		return pg.q.op
	case pg.record != nil:
		return pg.record.Operation
	}
	return dialect.Obtain
}

func (p *Playground) tokensView(d *dialect.Dialect, pg page, slot *session.Slot, now time.Time) templates.TokensView {
	var v templates.TokensView
	if slot == nil || slot.Access == "" && slot.Refresh == "" {
		return v
	}
	q := pg.q
	v.Forget = action(d, "/forget", q)
	if slot.From > 0 {
		v.Decode = q.address(d, func(q *query) {
			q.op, q.x, q.view, q.fill, q.reveal = dialect.Obtain, slot.From, "decoded", false, ""
		}) + "#answer"
	}
	add := func(name, token string, expires time.Time, life time.Duration, note string) {
		if token == "" {
			return
		}
		t := templates.TokenView{Name: name, Mask: p.cfg.Masker.Mask(token), Note: note, Choices: fidelityHref(d.ID, true, q.theme)}
		switch {
		case expires.IsZero():
			t.Of = "Nothing says when it expires"
		case now.Before(expires):
			t.Left, t.Until, t.Now = countdown(expires.Sub(now)), expires, now
			t.Seconds = int64(expires.Sub(now) / time.Second)
		default:
			t.Expired, t.Left = true, "Expired "+span(now.Sub(expires))+" ago"
		}
		if life > 0 {
			t.Of, t.Life = "of "+span(life), int64(life/time.Second)
		}
		v.Tokens = append(v.Tokens, t)
	}
	add("Access", slot.Access.Reveal(), slot.AccessExpires, slot.AccessLife, "")
	note := ""
	if !pg.aim.Real && d.Lifetimes.RefreshBasis == dialect.Choice {
		note = "our choice"
	}
	add("Refresh", slot.Refresh.Reveal(), slot.RefreshExpires, slot.RefreshLife, note)
	return v
}

// progress ticks the documented procedure.
func progress(d *dialect.Dialect, a aim, s *session.State) []lesson.Step {
	var facts []lesson.Fact
	for _, e := range ownHistory(s, d, a) {
		f := lesson.Fact{N: e.N, Purpose: dialect.Purpose(e.Operation), Kind: dialect.Kind(e.Grant), Status: e.Status, Fault: dialect.Fault(e.Fault), At: e.At}
		for _, t := range e.Said {
			f.Said = append(f.Said, dialect.Term(t))
		}
		facts = append(facts, f)
	}
	var kept lesson.Kept
	// What an answer brought was kept at once, whatever became of it later.
	for _, f := range facts {
		if f.Purpose == dialect.Obtain && f.Status >= 200 && f.Status < 300 {
			kept.Saved = slices.Contains(f.Said, dialect.RefreshToken)
		}
	}
	if slot := slotOf(s, d, a); slot != nil && slot.Access != "" {
		kept.Filled = slot.From
	}
	return lesson.Progress(d, facts, kept)
}

// proofs say what ticks a step, or what ticked it.
var proofs = map[dialect.Proof]struct{ open, done string }{
	dialect.ProofPair:      {"Proven by a success with an access token.", "a pair of tokens"},
	dialect.ProofChallenge: {"Proven by an answer with an MFA token.", "an MFA token"},
	dialect.ProofMFA:       {"Proven by a success of the code.", "a pair of tokens for the code"},
	dialect.ProofSaved:     {"Proven by an answer with a refresh token: your session keeps it.", "its refresh token was kept for you in your session on this server"},
	dialect.ProofFilled:    {"Proven by api_key.", "its access token filled api_key"},
	dialect.ProofExplored:  {"Proven when a protected call accepts the token.", "a protected call accepted the token"},
	dialect.ProofRefreshed: {"Proven by a new pair for the refresh token.", "a new pair for the refresh token"},
	dialect.ProofLoggedOut: {"Proven when the server ends the session.", "the server ended the session"},
}

func (p *Playground) stepsView(d *dialect.Dialect, pg page) templates.StepsView {
	v := templates.StepsView{Title: "Procedure: get authorization tokens", Source: "Adapted from “" + d.Source + "”."}
	before := 0 // the exchange that proved the step before
	for _, s := range p.pageProgress(d, pg) {
		if s.Done && s.By == 0 && s.Proof == dialect.ProofSaved {
			s.By = before // what brought the tokens had them kept
		}
		before = max(before, s.By)
		sv := templates.StepView{Title: strings.TrimSuffix(s.Text, "."), Done: s.Done, Current: s.Current}
		words := proofs[s.Proof]
		switch {
		case s.Skipped:
			sv.Done, sv.Proof = true, "Not needed for this account."
		case s.Done && s.By > 0:
			sv.Exchange, sv.ExchangeHref, sv.Proof = s.By, exchangeHref(d, s.By, pg.q), words.done
			if s.Proof == dialect.ProofPair && halfWay(pg.state, s.By) {
				sv.Proof = proofs[dialect.ProofChallenge].done
			}
		case s.Done && words.done != "":
			sv.Proof = sentence(words.done)
		default:
			sv.Proof = words.open
		}
		if s.Current {
			if s.Proof == dialect.ProofRefreshed && !pg.aim.Real {
				sv.Proof += " No need to wait: the sandbox clock can end the access token now."
			}
			sv.Link = p.stepLink(d, pg, s)
		}
		v.Steps = append(v.Steps, sv)
	}
	return v
}

// pageProgress also ticks the steps that only open something, once the page
// shows it open: the operation first, then its fields.
func (p *Playground) pageProgress(d *dialect.Dialect, pg page) []lesson.Step {
	steps := progress(d, pg.aim, pg.state)
	for i := 0; i+1 < len(steps); i++ {
		if !steps[i].Current || steps[i].Proof != dialect.ProofNone {
			continue
		}
		fields := i > 0 && steps[i-1].Proof == dialect.ProofNone
		if steps[i].Shows != openOperation(pg) || fields && d.Ritual == dialect.Modern && pg.q.try != steps[i].Shows {
			break
		}
		steps[i].Done, steps[i].Current, steps[i+1].Current = true, false, true
	}
	return steps
}

// halfWay says that an exchange asked for a second factor.
func halfWay(s *session.State, n int) bool {
	for _, e := range s.History {
		if e.N == n {
			return slices.Contains(e.Said, string(dialect.MFAToken)) && !slices.Contains(e.Said, string(dialect.AccessToken))
		}
	}
	return false
}

// stepLink leads to the control of a step.
func (p *Playground) stepLink(d *dialect.Dialect, pg page, s lesson.Step) *templates.Link {
	if s.Shows == dialect.Explore {
		return &templates.Link{Text: "Show me api_key", Href: "#api_key"}
	}
	try := s.Shows
	if s.Proof == dialect.ProofNone {
		try = ""
	}
	href := pg.q.address(d, func(q *query) {
		q.op, q.grant, q.try, q.x, q.view, q.fill, q.reveal, q.fault = s.Shows, s.Grant, try, 0, "", false, "", ""
	})
	return &templates.Link{Text: "Show me the form", Href: href + "#op-" + string(s.Shows)}
}
