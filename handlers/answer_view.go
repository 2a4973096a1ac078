package handlers

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/highlight"
	"tokenplayground/web/inspect"
	"tokenplayground/web/session"
	"tokenplayground/web/target"
)

// answerView draws the exchange that the page shows.
func (p *Playground) answerView(d *dialect.Dialect, pg page, slot *session.Slot, now time.Time) *templates.AnswerView {
	r, q := pg.record, pg.q
	v := p.answerHead(d, r, q, slot)
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

var viewNames = map[string]string{"body": "Body", "headers": "Headers", "request": "Raw request", "curl": "curl", "decoded": "Decoded"}

func hasToken(r *record) bool { return slices.Contains(r.Said, string(dialect.AccessToken)) }

// answerHead is what every view of an answer begins with.
func (p *Playground) answerHead(d *dialect.Dialect, r *record, q query, slot *session.Slot) *templates.AnswerView {
	v := &templates.AnswerView{
		Number: r.N, Href: exchangeHref(d, r.N, q), Status: r.status(), Good: r.Accepted, Sentence: meaning(d, r),
		Unknown: r.Left, Remarks: r.Remarks, Choice: r.Choice, Choices: fidelityHref(d.ID, true, q.theme),
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
				Title: "The certificate that the server showed", Text: "Nothing was sent yet.",
				Subject: cert.Subject, Issuer: cert.Issuer, Names: cert.Names,
				From: cert.NotBefore.Format("2 January 2006"), To: cert.NotAfter.Format("2 January 2006"),
				Fingerprint: colons(cert.SHA256), Value: cert.SHA256,
			}
			if r.Failure.Old != "" {
				v.Certificate.Title = "The certificate has changed"
				v.Certificate.Text = "Before, it was " + colons(r.Failure.Old) + changedKey[target.KeyChange(r.Failure.Key)] + "."
			}
			if r.Failure.MayTrust {
				v.Certificate.Action = action(d, "/trust", query{target: r.Target, theme: q.theme})
			}
		}
	case !r.Accepted:
		title, text := why(d, r)
		v.Why = &templates.WhyView{Title: title, Text: text, Action: p.remedy(d, r, q, slot)}
		// The sentence would say the title a second time.
		switch {
		case r.Status >= 500:
			v.Sentence = "The server failed."
		case r.Fault == dialect.TooFewRights:
			v.Sentence = "The server knows the token and refused the call."
		default:
			v.Sentence = "The server refused the call."
		}
	}
	if v.Asked = askedView(d, r); v.Asked != nil && v.Why != nil {
		// What was asked for needs no second reason.
		v.Asked.Action, v.Why = v.Why.Action, nil
	}
	return v
}

// changedKey says what the public key tells about a changed certificate.
var changedKey = map[target.KeyChange]string{
	target.KeySame:  ", with the same public key",
	target.KeyOther: ", with another public key",
}

// remedy is the next step after a refusal.
func (p *Playground) remedy(d *dialect.Dialect, r *record, q query, slot *session.Slot) *templates.ActionView {
	if r.Grant == dialect.RefreshGrant && slot != nil && slot.Refresh != "" && finishes(r.Fault) {
		return &templates.ActionView{Text: "Use the kept one", Post: action(d, "/refresh", q)}
	}
	switch r.Fault {
	case dialect.ExpiredToken:
		return &templates.ActionView{Text: "Refresh now", Post: action(d, "/refresh", q)}
	case dialect.SpentRefreshToken, dialect.ExpiredRefresh, dialect.BadRefreshToken, dialect.RevokedToken, dialect.BadToken, dialect.NoToken, dialect.BadMFAToken, dialect.TooFewRights:
		return formFor(d, q, "Sign in again", dialect.PasswordGrant)
	case dialect.BadMFACode:
		return formFor(d, q, "Enter the code again", dialect.MFAGrant)
	case dialect.BadCredentials, dialect.LockedOut, dialect.NeedsServiceLogin:
		return nil // the form is right above
	}
	return nil
}

// aftermath says what the page did with the answer.
func (p *Playground) aftermath(v *templates.AnswerView, d *dialect.Dialect, pg page, slot *session.Slot) {
	r := pg.record
	if r.Accepted && onward(v, d, pg) {
		return
	}
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
	text := highlight.JSON(r.Body, tokensIn(d, r))
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
	v := code("Raw request", highlight.HTTP(strings.ReplaceAll(r.Sent, "\r\n", "\n"), tokensIn(d, r)))
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
	v := code("curl", highlight.Plain(r.Curl, tokensIn(d, r)))
	v.Download = "/" + d.ID + "/exchanges/" + itoa(r.N) + "?part=curl"
	v.Note = "Set the variables first, so that no secret lands in your shell's history."
	switch {
	case !r.Sandbox && r.Certificate != nil && r.Certificate.Trusted != "roots":
		v.Note += " target.pem is the server's certificate: /" + d.ID + "/exchanges/" + itoa(r.N) + "?part=certificate gives it."
	case !r.Sandbox:
	case r.Operation == dialect.Logout && r.Accepted:
		v.Note = "For your own sandbox. The session has ended, so the same call is refused now."
	case r.Grant == dialect.RefreshGrant && r.Accepted:
		v.Note = "For your own sandbox. This refresh token is spent now: put the newest one in, or the call is refused."
	case r.Grant == dialect.MFAGrant:
		v.Note = "For your own sandbox. Put in the code that the authenticator shows, and the token of a new sign-in."
	default:
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
func tokensIn(d *dialect.Dialect, r *record) []string {
	if !r.Sandbox {
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
	for _, pair := range r.fields(d) {
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
		Answer: *p.answerHead(d, r, q, slot), Headers: headerRows(r.ResponseHeaders),
		Request: p.requestCode(d, r), Curl: curlCode(d, r),
	}
	if u, err := url.Parse(r.URL); err == nil {
		v.Path = u.Path
	}
	where := "the sandbox"
	if a.Real {
		where = a.Name
	}
	summary := string(r.Operation)
	if op := operation(d, r.Operation); op != nil {
		summary = op.Summary
	}
	v.Lead = summary + ", at " + where + ", " + fullTime(r.At)
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
