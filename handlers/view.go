package handlers

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/highlight"
	"tokenplayground/web/inspect"
	"tokenplayground/web/lesson"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/session"
)

func itoa(n int) string { return strconv.Itoa(n) }

// shell is what every page shares.
func (p *Playground) shell(c echo.Context, title string, q query, self func(theme string) string) templates.Page {
	theme := q.theme
	if theme == "" {
		theme = "auto"
	}
	pg := templates.Page{
		Title: title, Theme: theme, Assets: p.cfg.Assets,
		Bar: templates.BarView{Caller: "Calls are made by this server"},
		Foot: templates.FootView{
			Profile: "Profile " + p.cfg.Profile + ".",
			Egress:  egressWords[p.cfg.Egress],
		},
	}
	for _, t := range themes {
		pg.Bar.Themes = append(pg.Bar.Themes, templates.Link{Text: strings.ToUpper(t[:1]) + t[1:], Href: self(t), Current: t == theme})
	}
	return pg
}

var egressWords = map[string]string{
	"sandbox":   "This server calls its own sandbox only.",
	"allowlist": "This server calls the sandbox and the targets that its operator listed.",
	"open":      "This server calls the sandbox and any server that you name.",
}

func themed(path, theme string) string {
	if theme == "auto" || theme == "" {
		return path
	}
	return path + "?theme=" + theme
}

func (p *Playground) homeView(c echo.Context, q query, s *session.Session) templates.HomeView {
	v := templates.HomeView{Page: p.shell(c, "Choose a product", q, func(t string) string { return themed("/", t) })}
	v.Page.Description = "Get tokens from Veeam REST APIs and see every byte: the documented procedure of each product, against a sandbox or a server of yours."
	for _, d := range dialect.All() {
		buttons, op := "Try it out", d.Operation(dialect.Obtain)
		if d.Ritual == dialect.Modern {
			buttons = "Try it out, Execute"
		}
		v.Products = append(v.Products, templates.ProductCard{
			Name: d.Name, Href: query{theme: q.theme}.address(d, nil), Call: op.Method + " " + op.Path,
			Port: itoa(d.Port), Buttons: buttons, Tokens: tokenWords(d),
		})
	}
	if text := notices[q.notice]; text != "" {
		v.Notice = &templates.NoticeView{Text: text}
	}
	if s.New {
		return v
	}
	v.ForgetAction = "/forget" + q.themeSuffix()
	ctx := c.Request().Context()
	for i := len(s.State.History) - 1; i >= 0; i-- {
		e := s.State.History[i]
		d, ok := dialect.Find(e.Product)
		if !ok || resumes(v.Resume, d, e.Target) {
			continue
		}
		a, err := p.aimAt(d, e.Target, s.State)
		if err != nil {
			continue
		}
		slot := slotOf(s.State, d, a)
		if slot == nil {
			continue
		}
		now := p.clock(ctx, a, s.State)
		st := stateView(d, slot, now)
		words := strings.TrimSuffix(st.Sentence, ".")
		if st.Left != "" {
			words += " " + st.Left
		}
		r := templates.ResumeView{Product: d.Short, Href: query{target: a.Name, theme: q.theme}.address(d, nil), State: st.State, Sentence: lower(words)}
		if a.Real {
			r.Product += " at " + a.Name
		}
		steps := progress(d, a, s.State)
		for i, step := range steps {
			if step.Current {
				r.Step = "Step " + itoa(i+1) + " of " + itoa(len(steps)) + ": " + step.Text
			}
		}
		v.Resume = append(v.Resume, r)
	}
	return v
}

func resumes(list []templates.ResumeView, d *dialect.Dialect, name string) bool {
	for _, r := range list {
		if r.Product == d.Short && name == sandboxName || r.Product == d.Short+" at "+name {
			return true
		}
	}
	return false
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func tokenWords(d *dialect.Dialect) string {
	kind := "JWT"
	if d.Access.Opaque > 0 {
		kind = "Opaque"
	}
	words := kind + ", " + span(d.Lifetimes.Access) + " and " + span(d.Lifetimes.Refresh)
	if d.Lifetimes.RefreshBasis == dialect.Choice {
		words = kind + ", " + span(d.Lifetimes.Access)
	}
	return words
}

// productView draws the page of one product.
func (p *Playground) productView(c echo.Context, d *dialect.Dialect, pg page) templates.ProductView {
	ctx := c.Request().Context()
	q, a := pg.q, pg.aim
	q.target = a.Name
	now := p.clock(ctx, a, pg.state)
	slot := slotOf(pg.state, d, a)
	status := slot.Status(now)
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
	v.Page.NoIndex = len(c.QueryParams()) > 0 || slot != nil
	if a.Real {
		v.Real = a.Address()
	}
	if text := notices[q.notice]; text != "" {
		v.Notice = &templates.NoticeView{Text: text}
	}
	p.productBar(&v.Page.Bar, d, pg)

	v.State = stateView(d, slot, now)
	v.Steps = p.stepsView(d, pg)
	v.Tokens = p.tokensView(d, pg, slot, now)
	v.Key = p.keyView(d, pg, slot)
	v.Notes = append(append(v.Notes, d.Notes...), d.Lifetimes.Note, passwordGrant)
	next := p.nextStep(d, pg, slot, now, &v)
	v.Groups = p.groupsView(c, d, pg, slot, now, next)
	if status == session.MFAPending && !a.Real && pg.state.World != "" {
		if code, _, _, left := p.cfg.Sandbox.Authenticator(ctx, pg.state.World, d); code != "" {
			v.Authenticator = &templates.AuthenticatorView{Code: code, Seconds: int(left / time.Second),
				Fill: q.address(d, func(q *query) {
					q.op, q.grant, q.try, q.fill, q.x = dialect.Obtain, dialect.MFAGrant, dialect.Obtain, true, 0
				}) + "#op-token"}
		}
	}
	for i := len(pg.history(d)) - 1; i >= 0; i-- {
		e := pg.history(d)[i]
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

// passwordGrant belongs on every page whose product signs in with a password.
const passwordGrant = "Current OAuth guidance (RFC 9700, 2.4) rejects the password grant, because the client sees the password. These products need it: use an account made for the purpose."

func (pg page) history(d *dialect.Dialect) []session.Entry { return ownHistory(pg.state, d, pg.aim) }

func exchangeHref(d *dialect.Dialect, n int, q query) string {
	return themed("/"+d.ID+"/exchanges/"+itoa(n), q.theme)
}

// action is the address of a form: the route, with what the page stands on.
func action(d *dialect.Dialect, route string, q query) string {
	q.op, q.grant, q.view, q.try, q.x = "", "", "", "", 0
	v := q.values(d)
	if len(v) == 0 {
		return "/" + d.ID + route
	}
	return "/" + d.ID + route + "?" + v.Encode()
}

func (p *Playground) productBar(bar *templates.BarView, d *dialect.Dialect, pg page) {
	q := pg.q
	bar.Product = d.Short
	for _, o := range dialect.All() {
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

// stateView says in words where the tokens stand.
func stateView(d *dialect.Dialect, slot *session.Slot, now time.Time) templates.StateView {
	v := templates.StateView{State: templates.State(slot.Status(now)), Now: now}
	switch slot.Status(now) {
	case session.None:
		v.Sentence, v.Detail = "No token yet.", "Sign in to get a pair."
	case session.MFAPending:
		v.Sentence, v.Detail = "Half way: enter the six-digit code.", "The password was right. The account has a second factor."
	case session.Valid:
		if slot.AccessExpires.IsZero() {
			v.Sentence, v.Detail = "Probably valid.", "Nothing says when the token expires. Explore finds out."
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
		if slot.Refresh == "" {
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
	form := func(text string, k dialect.Kind) *templates.ActionView {
		return &templates.ActionView{Text: text, Href: q.address(d, func(q *query) {
			q.op, q.grant, q.try, q.x, q.view, q.fill, q.reveal = dialect.Obtain, k, dialect.Obtain, 0, "", false, ""
		}) + "#op-token"}
	}
	refresh := &templates.ActionView{Text: "Refresh", Post: action(d, "/refresh", q)}
	switch slot.Status(now) {
	case session.None, session.Dead:
		if open == dialect.Obtain {
			return dialect.Obtain
		}
		v.State.Action = form("Get tokens", dialect.PasswordGrant)
		if slot.Status(now) == session.Dead {
			v.State.Action.Text = "Sign in again"
		}
		v.State.Action.Next = true
	case session.MFAPending:
		if open == dialect.Obtain && shownGrant(d, pg, slot) == dialect.MFAGrant {
			return dialect.Obtain
		}
		v.State.Action = form("Enter code", dialect.MFAGrant)
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

// shownGrant is the grant whose fields are shown: the one that was asked for,
// or the one that the session needs.
func shownGrant(d *dialect.Dialect, pg page, slot *session.Slot) dialect.Kind {
	if pg.q.grant != "" {
		return pg.q.grant
	}
	if slot != nil && slot.MFA != "" && slot.Access == "" {
		if _, ok := d.Grant(dialect.MFAGrant); ok {
			return dialect.MFAGrant
		}
	}
	return d.Operation(dialect.Obtain).Grants[0].Kind
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
		t := templates.TokenView{Name: name, Mask: p.cfg.Masker.Mask(token), Note: note}
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
	if slot := slotOf(s, d, a); slot != nil {
		kept.Saved = slot.Refresh != ""
		if slot.Access != "" {
			kept.Filled = slot.From
		}
	}
	return lesson.Progress(d, facts, kept)
}

// proofs say what ticks a step, or what ticked it.
var proofs = map[dialect.Proof]struct{ open, done string }{
	dialect.ProofPair:      {"Proven by a success with an access token.", "a pair of tokens"},
	dialect.ProofChallenge: {"Proven by an answer with an MFA token.", "an MFA token"},
	dialect.ProofMFA:       {"Proven by a success of the code.", "a pair of tokens for the code"},
	dialect.ProofSaved:     {"Proven by your session: it keeps the refresh token.", "your session keeps the refresh token"},
	dialect.ProofFilled:    {"Proven by api_key.", "api_key holds its access token"},
	dialect.ProofExplored:  {"Proven when a protected call accepts the token.", "a protected call accepted the token"},
	dialect.ProofRefreshed: {"Proven by a new pair for the refresh token.", "a new pair for the refresh token"},
	dialect.ProofLoggedOut: {"Proven when the server ends the session.", "the server ended the session"},
}

func (p *Playground) stepsView(d *dialect.Dialect, pg page) templates.StepsView {
	v := templates.StepsView{Title: "Procedure: get authorization tokens", Source: "After “" + d.Source + "”."}
	for _, s := range progress(d, pg.aim, pg.state) {
		if s.Skipped {
			continue
		}
		sv := templates.StepView{Title: strings.TrimSuffix(s.Text, "."), Done: s.Done, Current: s.Current}
		words := proofs[s.Proof]
		switch {
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
			sv.Link = p.stepLink(d, pg, s)
		}
		v.Steps = append(v.Steps, sv)
	}
	return v
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
		q.op, q.grant, q.try, q.x, q.view, q.fill, q.reveal = s.Shows, s.Grant, try, 0, "", false, ""
	})
	return &templates.Link{Text: "Show me the form", Href: href + "#op-" + string(s.Shows)}
}

// groupsView draws the resources of the Swagger page.
func (p *Playground) groupsView(c echo.Context, d *dialect.Dialect, pg page, slot *session.Slot, now time.Time, next dialect.Purpose) []templates.GroupView {
	open := openOperation(pg)
	var out []templates.GroupView
	for _, g := range d.Groups {
		gv := templates.GroupView{ID: strings.ToLower(g.Name), Name: g.Name}
		for i := range d.Operations {
			op := &d.Operations[i]
			if op.Group != g.Name || op.Purpose == dialect.FirstCall {
				continue
			}
			ov := p.operationView(c, d, pg, slot, op)
			ov.Open, ov.Next = op.Purpose == open, op.Purpose == next
			gv.Open = gv.Open || ov.Open
			if pg.record != nil && pg.record.Operation == op.Purpose {
				ov.Answer = p.answerView(d, pg, slot, now)
			}
			gv.Operations = append(gv.Operations, ov)
		}
		if len(gv.Operations) == 0 {
			continue // first calls are for clients; the page has no button for them
		}
		gv.Note = itoa(len(gv.Operations)) + " operations. " + g.About
		if len(gv.Operations) == 1 {
			gv.Note = "1 operation. " + g.About
		}
		// The first group is the one that the procedure begins with.
		gv.Open = gv.Open || len(out) == 0
		out = append(out, gv)
	}
	return out
}

var routes = map[dialect.Purpose]string{dialect.Obtain: "/token", dialect.Explore: "/explore", dialect.Logout: "/accounts/logout"}

func (p *Playground) operationView(c echo.Context, d *dialect.Dialect, pg page, slot *session.Slot, op *dialect.Operation) templates.OperationView {
	q := pg.q
	id := string(op.Purpose)
	v := templates.OperationView{
		ID: id, Method: op.Method, Path: d.Path(op, q.version), Summary: op.Summary, Intro: op.Help,
		Href:   q.address(d, func(q *query) { q.op, q.x, q.fill, q.reveal = op.Purpose, 0, false, "" }) + "#op-" + id,
		Action: action(d, routes[op.Purpose], q),
		Tried:  q.try == op.Purpose || pg.form != nil && op.Purpose == dialect.Obtain && pg.form.Product != "",
		Try: q.address(d, func(q *query) {
			q.op, q.try, q.x, q.view, q.reveal = op.Purpose, op.Purpose, 0, "", ""
			q.fill = op.Purpose == dialect.Obtain && !pg.aim.Real && shownGrant(d, pg, slot) == dialect.PasswordGrant
		}) + "#op-" + id,
		Cancel: q.address(d, func(q *query) { q.op, q.try, q.x, q.fill, q.reveal = op.Purpose, "", 0, false, "" }) + "#op-" + id,
		Gives:  givesView(d, op, q.version),
	}
	v.Fields = append(v.Fields, versionFields(d, q, op)...)
	if !op.Anonymous {
		value := "Bearer, with the access token of api_key"
		if slot != nil && slot.Access != "" {
			value = "Bearer " + p.cfg.Masker.Mask(slot.Access.Reveal())
		}
		v.Fields = append(v.Fields, templates.FieldView{Name: "authorization", Wire: "Authorization", Label: "Bearer token", Type: "string", In: "header",
			Required: true, Control: templates.ControlFixed, Value: value, Hint: "Comes from api_key by itself."})
	}
	if op.Purpose != dialect.Obtain {
		return v
	}
	kind := shownGrant(d, pg, slot)
	if !pg.aim.Real {
		v.Person = &templates.PersonHint{Username: administrator.Name, Password: administrator.Password, People: themed("/people", q.theme)}
		if kind == dialect.PasswordGrant && !q.fill {
			v.Person.Fill = q.address(d, func(q *query) { q.op, q.try, q.fill, q.x, q.reveal = op.Purpose, op.Purpose, true, 0, "" }) + "#op-" + id
		}
	}
	grant, _ := d.Grant(kind)
	gf := templates.FieldView{Name: op.GrantField.Wire, Wire: op.GrantField.Wire, Label: op.GrantField.Label, Type: "string", In: "form field",
		Required: op.GrantField.Required, Default: op.GrantField.Default, Control: templates.ControlGrant, Value: grant.Wire, Hint: grant.Help}
	for i := range op.Grants {
		g := &op.Grants[i]
		gf.Options = append(gf.Options, templates.Option{Value: g.Wire, Text: g.Label(), Selected: g.Kind == kind})
	}
	if pg.form == nil && pg.record != nil && pg.record.Operation == op.Purpose && pg.record.Grant == kind && !q.fill {
		// What was typed for the answer that is shown, so that a refused
		// sign-in can be corrected.
		pg.form = &Form{typed: keep(d, dialect.ParsePairs(pg.record.RequestBody))}
	}
	v.Change = "/" + d.ID
	v.ChangeHidden = hiddenQuery(d, q, func(q *query) {
		q.op, q.try, q.grant, q.x, q.view, q.reveal, q.fill = op.Purpose, op.Purpose, "", 0, "", "", false
	})
	v.Fields = append(v.Fields, gf)
	for _, f := range d.Fields(grant.Takes, q.version) {
		v.Fields = append(v.Fields, p.fieldView(c.Request().Context(), d, pg, slot, f))
	}
	if pg.form != nil {
		for i := range v.Fields {
			if e := pg.form.problem[strings.ToLower(v.Fields[i].Name)]; e != "" {
				v.Fields[i].Error = e
				v.Errors = append(v.Errors, templates.FieldError{Name: v.Fields[i].Name, Text: v.Fields[i].Wire + ": " + e})
			}
		}
	}
	return v
}

func hiddenQuery(d *dialect.Dialect, q query, change func(*query)) []templates.Hidden {
	q.notice = ""
	change(&q)
	return hiddens(q.values(d))
}

func hiddens(v url.Values) []templates.Hidden {
	var out []templates.Hidden
	for _, name := range []string{"op", "target", "version", "theme", "try"} {
		if s := v.Get(name); s != "" {
			out = append(out, templates.Hidden{Name: name, Value: s})
		}
	}
	return out
}

// versionFields are the parameters that say the version: the header, the field
// of the token call, or the path.
func versionFields(d *dialect.Dialect, q query, op *dialect.Operation) []templates.FieldView {
	vs := d.Versions
	if len(vs.All) < 2 {
		return nil
	}
	f := templates.FieldView{Name: fieldVersion, Type: "string", Control: templates.ControlSelect, Default: vs.Default}
	switch {
	case vs.Header != "":
		f.Wire, f.Label, f.In, f.Required = vs.Header, "API revision", "header", true
	case strings.Contains(op.Path, "{version}"):
		f.Wire, f.Label, f.In, f.Required = "version", "API version", "path", true
	case op.Purpose == dialect.Obtain && vs.Field.Wire != "":
		f.Wire, f.Label, f.In, f.Hint = vs.Field.Wire, vs.Field.Label, "form field", vs.Field.Help
	default:
		return nil
	}
	for i := len(vs.All) - 1; i >= 0; i-- {
		v := vs.All[i]
		f.Options = append(f.Options, templates.Option{Value: v.ID, Text: v.ID + "  (" + v.Note + ")", Selected: v.ID == versionOf(d, q.version)})
	}
	return []templates.FieldView{f}
}

func (p *Playground) fieldView(ctx context.Context, d *dialect.Dialect, pg page, slot *session.Slot, f dialect.Field) templates.FieldView {
	v := templates.FieldView{Name: f.Wire, Wire: f.Wire, Label: f.Label, Type: f.As.Type, In: "form field", Required: f.Required, Default: f.Default, Hint: f.Help}
	if pg.form != nil && !f.Secret {
		v.Value = pg.form.typed[strings.ToLower(f.Wire)]
	}
	fill := pg.q.fill && !pg.aim.Real && pg.form == nil
	keptAs := func(token string) {
		v.Control = templates.ControlToken
		if token != "" {
			v.Placeholder = "the kept one, " + p.cfg.Masker.Mask(token)
			v.Hint += " Leave it empty to use the one that your session keeps."
		}
	}
	var refresh, mfa string
	if slot != nil {
		refresh, mfa = slot.Refresh.Reveal(), slot.MFA.Reveal()
	}
	switch {
	case f.Term == dialect.Username:
		v.Autocomplete = "username"
		if fill {
			v.Value = administrator.Name
		}
	case f.Term == dialect.Password:
		v.Control, v.Autocomplete = templates.ControlPassword, "current-password"
		if fill {
			v.Value = administrator.Password
		}
	case f.Term == dialect.RefreshToken:
		keptAs(refresh)
	case f.Term == dialect.MFAToken:
		keptAs(mfa)
	case f.Term == dialect.MFACode:
		v.Control = templates.ControlCode
		if fill && pg.state != nil && pg.state.World != "" {
			v.Value, _, _, _ = p.cfg.Sandbox.Authenticator(ctx, pg.state.World, d)
		}
	case f.Secret:
		v.Control = templates.ControlToken
	case f.As == dialect.Boolean:
		v.Control = templates.ControlSelect
		v.Options = []templates.Option{{Value: "", Text: "not sent"}, {Value: "true", Text: "true", Selected: v.Value == "true"}, {Value: "false", Text: "false", Selected: v.Value == "false"}}
	}
	return v
}

func givesView(d *dialect.Dialect, op *dialect.Operation, version string) []templates.GivesView {
	g := templates.GivesView{Title: "What a " + itoa(op.Status) + " carries"}
	for _, f := range d.Fields(op.Gives, version) {
		if f.ReadOnly {
			continue
		}
		g.Fields = append(g.Fields, templates.GivesField{Name: f.Wire, Type: f.As.Type, Meaning: f.Term.Meaning()})
	}
	if len(g.Fields) == 0 {
		switch {
		case op.Body == "":
			g.Text = "Nothing: the answer has no body."
		case strings.HasPrefix(op.Body, `"`):
			g.Text = "The sentence " + strings.Trim(op.Body, `"`)
		case op.Body == "{}":
			g.Text = "An empty JSON object."
		case strings.HasPrefix(op.Body, "["):
			g.Text = "A JSON array."
		default:
			g.Text = "A JSON object."
		}
	}
	return []templates.GivesView{g}
}

// answerView draws the exchange that the page shows.
func (p *Playground) answerView(d *dialect.Dialect, pg page, slot *session.Slot, now time.Time) *templates.AnswerView {
	r, q := pg.record, pg.q
	v := p.answerHead(d, r, pg.aim, q)
	q.op, q.x = r.Operation, r.N
	view := q.view
	if view == "" {
		view = "body"
	}
	if view == "decoded" && !hasToken(r) {
		view = "body"
	}
	for _, name := range views {
		if name == "decoded" && !hasToken(r) || r.Failure != nil && (name == "body" || name == "headers") {
			continue
		}
		v.Views = append(v.Views, templates.Link{Text: viewNames[name], Current: name == view,
			Href: q.address(d, func(q *query) { q.view, q.fill, q.reveal = name, false, "" }) + "#answer"})
	}
	if r.Failure != nil && (view == "body" || view == "headers") {
		view = "request"
		for i := range v.Views {
			v.Views[i].Current = v.Views[i].Text == viewNames[view]
		}
	}
	switch view {
	case "headers":
		v.Headers = headerRows(r.ResponseHeaders)
	case "request":
		v.Code = p.requestCode(d, r)
	case "curl":
		v.Code = curlCode(d, r)
	case "decoded":
		v.Decoded = p.decodedViews(d, r, pg.aim, slot, now)
	default:
		v.Code = p.bodyCode(d, r)
	}
	p.aftermath(v, d, pg, slot)
	return v
}

var viewNames = map[string]string{"body": "Body", "headers": "Headers", "request": "Raw request", "curl": "curl", "decoded": "Tokens decoded"}

func hasToken(r *record) bool { return slices.Contains(r.Said, string(dialect.AccessToken)) }

// answerHead is what every view of an answer begins with.
func (p *Playground) answerHead(d *dialect.Dialect, r *record, a aim, q query) *templates.AnswerView {
	v := &templates.AnswerView{
		Number: r.N, Href: exchangeHref(d, r.N, q), Status: r.status(), Good: r.Accepted, Sentence: meaning(r),
		Unknown: r.Left, Remarks: r.Remarks, Choice: r.Choice,
	}
	v.Facts = append(v.Facts, took(r.Took), clockTime(r.At)+" UTC")
	if r.TokenSent == "" {
		v.Facts = append(v.Facts, "No token was sent")
	} else {
		v.Facts = append(v.Facts, "Sent "+r.TokenSent)
	}
	if r.Failure == nil {
		v.Facts = append(v.Facts, bytesSize(len(r.Body)))
	}
	for _, c := range r.Checks {
		cv := templates.CheckView{Title: checkTitles[c.Name], Text: c.Text, Verdict: templates.NotChecked}
		switch c.Verdict {
		case passed:
			cv.Verdict = templates.Passed
		case failed:
			cv.Verdict = templates.Failed
		}
		v.Checks = append(v.Checks, cv)
	}
	switch {
	case r.Failure != nil:
		v.Why = &templates.WhyView{Title: "What to do", Text: r.Failure.Remedy}
		if cert := r.Certificate; cert != nil {
			v.Certificate = &templates.CertificateView{
				Title: "The certificate that the server showed", Text: "Compare the fingerprint with the one on the server before you trust it. Nothing was sent yet.",
				Subject: cert.Subject, Issuer: cert.Issuer, Names: cert.Names,
				From: cert.NotBefore.Format("2 January 2006"), To: cert.NotAfter.Format("2 January 2006"),
				Fingerprint: colons(cert.SHA256), Value: cert.SHA256,
			}
			if r.Failure.Old != "" {
				v.Certificate.Title = "The certificate has changed"
				v.Certificate.Text = "Before, it was " + colons(r.Failure.Old) + ". Find out why before you trust the new one: it may be a renewal, or somebody between you and the server."
			}
			if r.Failure.MayTrust {
				v.Certificate.Action = action(d, "/trust", query{target: r.Target, theme: q.theme})
			}
		}
	case !r.Accepted:
		title, text := why(r)
		v.Why = &templates.WhyView{Title: title, Text: text, Action: p.remedy(d, r, q)}
		// The sentence would say the title a second time.
		v.Sentence = "The server refused the call."
	}
	return v
}

// remedy is the next step after a refusal.
func (p *Playground) remedy(d *dialect.Dialect, r *record, q query) *templates.ActionView {
	form := func(text string, k dialect.Kind) *templates.ActionView {
		return &templates.ActionView{Text: text, Href: q.address(d, func(q *query) {
			q.op, q.grant, q.try, q.x, q.view, q.fill, q.reveal = dialect.Obtain, k, dialect.Obtain, 0, "", false, ""
		}) + "#op-token"}
	}
	switch r.Fault {
	case dialect.ExpiredToken:
		return &templates.ActionView{Text: "Refresh now", Post: action(d, "/refresh", q)}
	case dialect.SpentRefreshToken, dialect.ExpiredRefresh, dialect.BadRefreshToken, dialect.RevokedToken, dialect.BadToken, dialect.NoToken, dialect.BadMFAToken, dialect.TooFewRights:
		return form("Sign in again", dialect.PasswordGrant)
	case dialect.BadMFACode:
		return form("Enter the code again", dialect.MFAGrant)
	case dialect.BadCredentials, dialect.LockedOut, dialect.NeedsServiceLogin:
		return nil // the form is right above
	}
	return nil
}

// aftermath says what the page did with the answer.
func (p *Playground) aftermath(v *templates.AnswerView, d *dialect.Dialect, pg page, slot *session.Slot) {
	r := pg.record
	if !r.Accepted || slot == nil || slot.From != r.N || slot.Access == "" {
		return
	}
	v.Did = "api_key filled from this answer."
	if slot.Refresh == "" {
		v.DidMore = "It carried no refresh token."
		return
	}
	v.DidMore = "The refresh token is kept in your session on this server."
	s := &templates.SaveView{
		Text:   "You need it when the access token expires. Your session keeps it until you log out or forget it. To use it in a script, put it in a secret store, not in a file.",
		Stores: stores,
	}
	if !pg.aim.Real || p.cfg.Reveal {
		if pg.q.reveal == "refresh" {
			s.Whole = slot.Refresh.Reveal()
			s.Hide = pg.q.address(d, func(q *query) { q.reveal, q.fill = "", false }) + "#answer"
		} else {
			s.Show = pg.q.address(d, func(q *query) { q.op, q.x, q.reveal, q.fill = r.Operation, r.N, "refresh", false }) + "#answer"
		}
	}
	v.Save = s
}

// stores keep a token on the reader's own machine. Each command asks for it,
// so that it stays out of the shell's history.
var stores = []templates.StoreView{
	{Name: "PowerShell SecretStore", Commands: []string{
		"Install-Module Microsoft.PowerShell.SecretManagement, Microsoft.PowerShell.SecretStore",
		"Register-SecretVault -Name Veeam -ModuleName Microsoft.PowerShell.SecretStore",
		"Set-Secret -Name RefreshToken -Vault Veeam -Secret (Read-Host -AsSecureString)",
		"$token = Get-Secret -Name RefreshToken -Vault Veeam -AsPlainText",
	}},
	{Name: "macOS Keychain", Commands: []string{
		"security add-generic-password -a \"$USER\" -s veeam-refresh-token -w",
		"TOKEN=$(security find-generic-password -a \"$USER\" -s veeam-refresh-token -w)",
	}},
	{Name: "Linux keyring", Commands: []string{
		"secret-tool store --label='Veeam refresh token' service veeam name refresh-token",
		"TOKEN=$(secret-tool lookup service veeam name refresh-token)",
	}},
}

func headerRows(list [][2]string) []templates.HeaderRow {
	var out []templates.HeaderRow
	for _, h := range list {
		out = append(out, templates.HeaderRow{Name: h[0], Value: h[1], Meaning: headerMeaning[strings.ToLower(h[0])]})
	}
	return out
}

var headerMeaning = map[string]string{
	"content-type":              "What the body is",
	"content-length":            "Its length in bytes",
	"cache-control":             "Who may keep a copy",
	"date":                      "The server's clock",
	"www-authenticate":          "How to sign in",
	"retry-after":               "How long to wait",
	"location":                  "Where it points; not followed",
	"strict-transport-security": "Only by TLS from now on",
	"x-sandbox":                 "The sandbox names itself; a product does not send it",
	"set-cookie":                "Redacted",
}

func (p *Playground) bodyCode(d *dialect.Dialect, r *record) *templates.CodeView {
	if r.Body == "" {
		return &templates.CodeView{Label: "Body", Note: "The answer has no body."}
	}
	text := highlight.JSON(r.Body, tokensIn(r))
	v := code("Body", text)
	v.Download = "/" + d.ID + "/exchanges/" + itoa(r.N) + "?part=body"
	if r.Truncated {
		v.Note = "The answer is longer than 1 MB; the rest was not read."
	} else if text.Cut {
		v.Note = "Cut here. The download has all of it."
	}
	return v
}

func (p *Playground) requestCode(d *dialect.Dialect, r *record) *templates.CodeView {
	if r.Sent == "" {
		return &templates.CodeView{Label: "Raw request", Note: "Nothing was sent."}
	}
	v := code("Raw request", highlight.HTTP(strings.ReplaceAll(r.Sent, "\r\n", "\n"), tokensIn(r)))
	v.Download = "/" + d.ID + "/exchanges/" + itoa(r.N) + "?part=request"
	v.Note = "Byte for byte as it was sent"
	if r.Operation == dialect.Obtain {
		v.Note += ", but for passwords and codes"
	}
	if !r.Sandbox {
		v.Note += "; tokens are shortened"
	}
	v.Note += "."
	return v
}

func curlCode(d *dialect.Dialect, r *record) *templates.CodeView {
	v := code("curl", highlight.Plain(r.Curl, tokensIn(r)))
	v.Download = "/" + d.ID + "/exchanges/" + itoa(r.N) + "?part=curl"
	v.Note = "Set the variables first, so that no secret lands in your shell's history."
	if r.Sandbox {
		v.Note = "Runs as it is, against your own sandbox. Its tokens open nothing else."
	}
	return v
}

func code(label string, text highlight.Text) *templates.CodeView {
	v := &templates.CodeView{Label: label}
	for _, l := range text.Lines {
		line := templates.CodeLine{}
		for _, s := range l.Spans {
			line.Spans = append(line.Spans, templates.Span{Class: s.Class, Text: s.Text})
		}
		v.Lines = append(v.Lines, line)
	}
	return v
}

// tokensIn finds the tokens that a record shows, so that they are marked.
func tokensIn(r *record) []string {
	d, ok := dialect.Find(r.Product)
	if !ok || !r.Sandbox {
		return nil
	}
	var out []string
	if r.Accepted {
		ans := d.Decode(r.Operation, r.Version, r.Status, []byte(r.Body))
		for _, t := range []dialect.Term{dialect.AccessToken, dialect.RefreshToken, dialect.MFAToken} {
			if v := ans.Values[t]; v != "" {
				out = append(out, v)
			}
		}
	}
	for _, h := range r.RequestHeaders {
		if v, ok := strings.CutPrefix(h[1], "Bearer "); ok && v != "" {
			out = append(out, v)
		}
	}
	for _, pair := range dialect.ParsePairs(r.RequestBody) {
		if len(pair.Value) > 60 {
			out = append(out, pair.Value, url.QueryEscape(pair.Value))
		}
	}
	return out
}

// decodedViews reads the tokens of an answer. Those of a real target are read
// from the session, as long as it keeps them: the record has them shortened.
func (p *Playground) decodedViews(d *dialect.Dialect, r *record, a aim, slot *session.Slot, now time.Time) []templates.DecodedView {
	var access, refresh string
	if r.Sandbox {
		ans := d.Decode(r.Operation, r.Version, r.Status, []byte(r.Body))
		access, refresh = ans.Values[dialect.AccessToken], ans.Values[dialect.RefreshToken]
	} else if slot != nil && slot.From == r.N {
		access, refresh = slot.Access.Reveal(), slot.Refresh.Reveal()
	}
	var out []templates.DecodedView
	for _, t := range []struct{ title, token string }{{"Access token", access}, {"Refresh token", refresh}} {
		if t.token != "" {
			out = append(out, decodedView(d, t.title, t.token, now))
		}
	}
	if out == nil {
		out = []templates.DecodedView{{Title: "Tokens", Opaque: true, Text: "The tokens of this answer are not kept any more, so they cannot be read."}}
	}
	return out
}

func decodedView(d *dialect.Dialect, title, token string, now time.Time) templates.DecodedView {
	t := inspect.ReadFor(d, token)
	v := templates.DecodedView{Title: title, Opaque: !t.JWT}
	if !t.JWT {
		v.Text = "Opaque: " + itoa(len(token)) + " characters that only the server can read. Nothing in it tells when it expires; the answer does."
		if t.Problem != "" && d.Access.Opaque == 0 {
			v.Text = sentence(t.Problem)
		}
		return v
	}
	v.Text = "Decoded, not verified: anybody can write such a token, only the server knows its own signature."
	switch {
	case t.Kind == inspect.Access:
		v.Text = "An access token, by its audience. " + v.Text
	case t.Kind == inspect.Refresh:
		v.Text = "A refresh token, by its audience. " + v.Text
	}
	if !t.Expires.IsZero() {
		if now.Before(t.Expires) {
			v.Text += " Good for " + span(t.Expires.Sub(now)) + " more."
		} else {
			v.Text += " It expired " + span(now.Sub(t.Expires)) + " ago."
		}
	}
	v.Header, v.Claims = claimRows(t.Header), claimRows(t.Claims)
	return v
}

func claimRows(list []inspect.Claim) []templates.ClaimRow {
	var out []templates.ClaimRow
	for _, c := range list {
		row := templates.ClaimRow{Name: c.Name, Value: c.Value, Meaning: c.Meaning}
		if !c.When.IsZero() {
			row.Date = fullTime(c.When)
		}
		out = append(out, row)
	}
	return out
}

func (p *Playground) exchangeView(c echo.Context, d *dialect.Dialect, q query, s *session.State, r *record) templates.ExchangeView {
	a, err := p.aimAt(d, r.Target, s)
	if err != nil {
		a = aim{Name: r.Target, Real: !r.Sandbox}
	}
	now := p.clock(c.Request().Context(), a, s)
	q.target = a.Name
	slot := slotOf(s, d, a)
	v := templates.ExchangeView{
		Page:    p.shell(c, "Exchange "+itoa(r.N)+", "+d.Short, q, func(t string) string { return themed("/"+d.ID+"/exchanges/"+itoa(r.N), t) }),
		Product: d.Short, Back: query{target: a.Name, theme: q.theme, op: r.Operation, x: r.N}.address(d, nil),
		Heading: "Exchange " + itoa(r.N), Method: r.Method,
		Answer: *p.answerHead(d, r, a, q), Headers: headerRows(r.ResponseHeaders),
		Request: p.requestCode(d, r), Curl: curlCode(d, r),
	}
	if u, err := url.Parse(r.URL); err == nil {
		v.Path = u.Path
	}
	where := "the sandbox"
	if a.Real {
		where = a.Name
	}
	v.Lead = d.Operation(r.Operation).Summary + ", at " + where + ", " + fullTime(r.At)
	v.Page.NoIndex = true
	p.productBar(&v.Page.Bar, d, page{q: q, aim: a, state: s})
	if r.Failure == nil {
		v.Body = p.bodyCode(d, r)
	}
	if hasToken(r) {
		v.Decoded = p.decodedViews(d, r, a, slot, now)
	}
	for _, e := range ownHistory(s, d, a) {
		switch {
		case e.N < r.N:
			v.Older = exchangeHref(d, e.N, q)
		case e.N > r.N && v.Newer == "":
			v.Newer = exchangeHref(d, e.N, q)
		}
	}
	return v
}

func (p *Playground) peopleView(c echo.Context, q query) templates.PeopleView {
	v := templates.PeopleView{Page: p.shell(c, "Sandbox people", q, func(t string) string { return themed("/people", t) })}
	for _, person := range sandbox.People() {
		v.People = append(v.People, templates.PersonRow{Name: person.Name, Password: person.Password, What: person.About})
	}
	for _, d := range dialect.All() {
		if d.Domain != "" {
			v.Notes = append(v.Notes, d.Name+" also takes "+d.Domain+`\`+administrator.Name+".")
		}
		g := templates.ChoiceGroup{ID: "choices-" + d.ID, Product: d.Name}
		for _, ch := range sandbox.Choices(d) {
			g.Rows = append(g.Rows, templates.ChoiceRow{Where: ch.What, What: ch.Answer, Why: ch.Reason})
		}
		v.Choices = append(v.Choices, g)
	}
	return v
}

func (p *Playground) problemView(c echo.Context, pr *Problem, reference string) templates.ProblemView {
	theme := c.QueryParam("theme")
	if theme != "light" && theme != "dark" {
		theme = ""
	}
	v := templates.ProblemView{
		Page:   p.shell(c, pr.Title, query{theme: theme}, func(t string) string { return themed("/", t) }),
		Status: pr.Status, Title: pr.Title, Text: pr.Detail, ListTitle: pr.OfferTitle, Reference: reference,
	}
	v.Page.NoIndex = true
	for _, o := range pr.Offer {
		v.List = append(v.List, templates.Link{Text: o.Text, Href: o.Href})
	}
	return v
}
