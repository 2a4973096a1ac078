package handlers

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/inspect"
	"tokenplayground/web/limit"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/secret"
	"tokenplayground/web/session"
	"tokenplayground/web/snippet"
	"tokenplayground/web/target"
)

// slotOf finds the tokens of one product at one target. Tokens are kept by
// both, so that none can reach a server that it was not issued by.
func slotOf(s *session.State, d *dialect.Dialect, a aim) *session.Slot {
	if s == nil {
		return nil
	}
	return s.Slot(d.ID, a.Name)
}

func slotKey(d *dialect.Dialect, a aim) string { return session.SlotKey(d.ID, a.Name) }

// outcome is a call that was made, in full. Only its record outlives the
// request.
type outcome struct {
	record *record
	answer dialect.Answer
	// kept says that the record is in the session already.
	kept bool
}

type worldKey struct{}

// World names the sandbox world of the session that a call is made for; empty
// outside one. It is for telling sessions apart, and not for logs as it is.
func World(ctx context.Context) string {
	world, _ := ctx.Value(worldKey{}).(string)
	return world
}

// perform makes a call, keeps its exchange in the session, and puts what the
// answer said into the session's slot. It is the one way in which a call is
// made. The error is a [*Problem] for what was never sent; a target's refusal
// and a target's silence are outcomes.
func (p *Playground) perform(ctx context.Context, s *session.Session, d *dialect.Dialect, a aim, call dialect.Call, base string) (*outcome, error) {
	slot := slotOf(s.State, d, a)
	key := call.Purpose
	if call.Operation != nil {
		key = callKey(d, call.Operation)
	}
	carryCookie(slot, &call)
	req, err := d.Encode(call)
	if err != nil {
		return nil, mismatch(d, err)
	}
	if a.Fault != "" {
		req.Path += "?fault=" + a.Fault
	}
	if a.Target.Via == nil && !a.Real {
		via := target.NewMemory(p.cfg.Sandbox.Handler(d, s.State.World))
		defer via.Close()
		a.Target.Via = via
	}
	wire, err := toHTTP(ctx, a, req)
	if err != nil {
		return nil, err
	}
	settle, err := p.attempt(ctx, a, call, slot)
	if err != nil {
		return nil, err
	}
	came := limit.Unknown
	defer func() { settle(came) }()
	now := p.clock(ctx, a, s.State)
	refreshing := renews(&call, slot)
	var unheard time.Time
	if refreshing {
		// The token may be spent before anybody hears the answer, so whoever
		// finds the session after a crash has to know that it was sent.
		unheard, slot.InFlight = slot.InFlight, p.cfg.Now()
		if err := s.Checkpoint(ctx); err != nil {
			return nil, err
		}
	}
	ctx = context.WithValue(ctx, worldKey{}, s.State.World)
	trusted := target.Leaf{SHA256: s.State.Trust[a.Address()], KeyPin: s.State.TrustKeys[a.Address()]}
	ex, err := p.cfg.Client.Do(ctx, a.Target, trusted, wire)
	if c := ex.Certificate; c != nil && c.Trusted == "visitor" {
		if s.State.TrustKeys == nil {
			s.State.TrustKeys = map[string]string{}
		}
		s.State.TrustKeys[a.Address()] = c.KeyPin
	}
	if refreshing {
		// What an earlier refresh came to stays open until the target says
		// whether it knows the token.
		slot.InFlight = unheard
	}
	var fail *target.Failure
	if err != nil && !errors.As(err, &fail) {
		return nil, err
	}

	rec := &record{
		N: max(s.State.Next, 1), Product: d.ID, Target: a.Name, Version: versionOf(d, call.Version),
		Operation: key, Grant: call.Kind, Encoding: call.Encoding,
		Method: req.Method, URL: a.BaseURL() + req.Path, RequestHeaders: ex.RequestHeader,
		Status: ex.Status, Reason: ex.StatusText, ResponseHeaders: ex.ResponseHeader,
		Truncated: ex.Truncated, At: now, Took: ex.Took, Certificate: ex.Certificate, Sandbox: !a.Real, Asked: a.Fault,
	}
	if sent := firstOf(call.Bearer, call.Values[dialect.RefreshToken]); sent != "" {
		rec.TokenSent = p.cfg.Masker.Mask(sent)
	}
	out := &outcome{record: rec}
	header := http.Header{}
	if fail == nil {
		out.answer = d.Decode(call.Purpose, call.Version, ex.Status, ex.Body)
		if out.answer.Fault == dialect.NoToken && call.Bearer != "" {
			out.answer.Fault = refusedToken(slot, call.Bearer, now)
		}
		for _, h := range ex.ResponseHeader {
			header.Add(h[0], h[1])
		}
		maps.Copy(out.answer.Values, d.DecodeHeader(header))
	}
	clean := p.redactor(d, a, call, &out.answer, slot)
	if fail != nil {
		var refused *target.Certificate
		if rec.Failure, refused = explain(fail); refused != nil {
			rec.Certificate = refused
		}
		rec.Failure.MayTrust = rec.Failure.MayTrust && p.cfg.Trust
	} else {
		if clean != nil {
			// These are kept and shown beside the tokens. A name that was
			// typed is no secret, whatever it equals.
			for _, t := range []dialect.Term{dialect.Username, dialect.TokenType} {
				if v := out.answer.Values[t]; v != "" && v != call.Values[t] {
					out.answer.Values[t] = clean.Replace(v)
				}
			}
		}
		if met := header.Get(sandbox.FaultHeader); rec.Asked == "" && met != "" && !a.Real {
			rec.Asked, _, _ = strings.Cut(met, ",")
			rec.ByChance = true
		}
		rec.Accepted, rec.Fault, rec.Raw = !out.answer.Refused, out.answer.Fault, out.answer.Raw
		rec.Message = out.answer.Values[dialect.Message]
		for t := range out.answer.Values {
			rec.Said = append(rec.Said, string(t))
		}
		slices.Sort(rec.Said)
		for _, l := range out.answer.Left {
			rec.Left = append(rec.Left, l.Name)
		}
		rec.Choice = p.choice(d, a, call, &out.answer)
		if out.answer.Values[dialect.AccessToken] != "" {
			date, _ := http.ParseTime(header.Get("Date")) // zero if the server does not say
			rec.Remarks = inspect.Disagree(inspect.Answer{
				Values:  out.answer.Values,
				Access:  inspect.ReadFor(d, out.answer.Values[dialect.AccessToken]),
				Refresh: inspect.ReadFor(d, out.answer.Values[dialect.RefreshToken]),
				Date:    date,
			})
		}
		p.take(s, d, a, call, out, now)
		came = verdictOf(&out.answer)
	}
	p.redact(rec, clean, d, call, req, ex)
	rec.Curl = p.curl(d, a, call, req, base, s.State.World, rec.Certificate)
	return out, nil
}

// attempt spends one failure of the person's at a real target, in advance, or
// says that there is none left: a playground must not be what locks an account
// or finds a password. The sandbox may be tried at will.
func (p *Playground) attempt(ctx context.Context, a aim, call dialect.Call, slot *session.Slot) (settle func(limit.Result), err error) {
	name := call.Values[dialect.Username]
	if call.Kind == dialect.MFAGrant && name == "" && slot != nil {
		name = slot.Username
	}
	if !a.Real || call.Purpose != dialect.Obtain || call.Kind == dialect.RefreshGrant || name == "" {
		return func(limit.Result) {}, nil
	}
	settle, wait, err := p.cfg.Failures.Try(ctx, a.Address()+" "+strings.ToLower(name))
	if err != nil {
		return nil, storeUnavailable(err)
	}
	if settle == nil {
		return nil, &Problem{Kind: "too-many-failures", Status: http.StatusTooManyRequests, Title: "Too many sign-ins of this user have failed",
			Detail: "The server might lock the account, so nothing was sent. Try again in " + span(wait) + ", with the right password.", RetryAfter: wait}
	}
	return settle, nil
}

// verdictOf says what an answer tells about the credentials.
func verdictOf(ans *dialect.Answer) limit.Result {
	switch {
	case ans.Challenge():
		return limit.Unknown // codes can be guessed too
	case !ans.Refused:
		return limit.Passed
	case ans.Status >= 400 && ans.Status < 500 && ans.Status != http.StatusTooManyRequests:
		return limit.Failed
	}
	return limit.Unknown
}

// refusedToken says why a token was refused by a product that words every such
// refusal alike: only an expiry that is known here can be told.
func refusedToken(slot *session.Slot, bearer string, now time.Time) dialect.Fault {
	if slot != nil && slot.Access.Reveal() == bearer && !slot.AccessExpires.IsZero() && !now.Before(slot.AccessExpires) {
		return dialect.ExpiredToken
	}
	return ""
}

// carryCookie sends the antiforgery cookie with the pair that it came with.
func carryCookie(slot *session.Slot, call *dialect.Call) {
	if slot == nil || slot.Antiforgery == "" {
		return
	}
	pair := call.Bearer != "" && call.Bearer == slot.Access.Reveal() || call.Kind == dialect.RefreshGrant && call.Values[dialect.RefreshToken] == slot.Refresh.Reveal()
	if pair {
		call.Values = maps.Clone(call.Values)
		if call.Values == nil {
			call.Values = dialect.Values{}
		}
		call.Values[dialect.AntiforgeryToken] = slot.Antiforgery.Reveal()
	}
}

// identify asks the product who is signed in, if the call has to name them.
// What cannot be learned stays unknown: then the product refuses the call
// itself.
func (p *Playground) identify(ctx context.Context, s *session.Session, d *dialect.Dialect, a aim, call *dialect.Call, base string) error {
	op, me := cmp.Or(call.Operation, d.Operation(call.Purpose)), d.Operation(dialect.WhoAmI)
	if me == nil || !slices.ContainsFunc(op.Takes, func(f dialect.Field) bool { return f.Term == dialect.UserID }) {
		return nil
	}
	ask := dialect.Call{Purpose: dialect.WhoAmI, Version: call.Version, Bearer: call.Bearer}
	out, err := p.perform(ctx, s, d, a, ask, base)
	if err != nil {
		return err
	}
	id := out.answer.Values[dialect.UserID]
	if id == "" {
		id = nobody
	}
	call.Values = dialect.Values{dialect.UserID: id}
	return nil
}

// nobody is a user's UUID that no product gives out.
const nobody = "00000000-0000-0000-0000-000000000000"

func versionOf(d *dialect.Dialect, id string) string {
	v, _ := d.Version(id)
	return v.ID
}

// keepRecord attaches the exchange to the session and lists it in the history.
func (p *Playground) keepRecord(ctx context.Context, s *session.Session, rec *record) error {
	data, err := rec.encode()
	if err != nil {
		return err
	}
	if err := s.Attach(ctx, session.AttachmentName(rec.N), data); err != nil {
		return err
	}
	path := rec.URL
	if u, err := url.Parse(rec.URL); err == nil {
		path = u.RequestURI()
	}
	e := session.Entry{
		Product: rec.Product, Target: rec.Target, Operation: string(rec.Operation), Grant: string(rec.Grant),
		Method: rec.Method, Path: path, Version: rec.Version, Status: rec.Status, Reason: rec.Reason,
		At: rec.At, Took: rec.Took, TokenMask: rec.TokenSent, Said: rec.Said, Fault: string(rec.Fault),
	}
	if rec.Failure != nil {
		e.Failure = rec.Failure.Kind
	}
	s.State.Record(e)
	return nil
}

// kept finds an earlier exchange of the session again; nil if it is gone.
func (p *Playground) kept(ctx context.Context, s *session.Session, n int) (*outcome, error) {
	data, err := s.Attachment(ctx, session.AttachmentName(n))
	if errors.Is(err, session.ErrNoAttachment) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rec, err := decodeRecord(data)
	if err != nil {
		return nil, err
	}
	return &outcome{record: rec, kept: true}, nil
}

// toHTTP gives the request to a host. Names keep the spelling of the
// description.
func toHTTP(ctx context.Context, a aim, req *dialect.Request) (*http.Request, error) {
	out, err := http.NewRequestWithContext(ctx, req.Method, a.BaseURL()+req.Path, strings.NewReader(req.Body))
	if err != nil {
		return nil, err
	}
	for _, h := range req.Header {
		out.Header[h.Name] = append(out.Header[h.Name], h.Value)
	}
	return out, nil
}

// mismatch turns a description's complaint into a problem of the form.
func mismatch(d *dialect.Dialect, err error) error {
	var m *dialect.Mismatch
	if !errors.As(err, &m) {
		return err
	}
	switch m.Fault {
	case dialect.UnknownGrant:
		return unknownGrant(d, m.Name)
	case dialect.UnsupportedVersion:
		return unknownVersion(d)
	case dialect.NotFound:
		return &Problem{Kind: "no-such-call", Status: http.StatusUnprocessableEntity, Title: "This version has no such call",
			Detail: "The product has this call in other versions only. Nothing was sent: choose another version, or forget the tokens."}
	}
	return missing(m.Name)
}

func missing(names ...string) *Problem {
	pr := &Problem{Kind: "missing-field", Status: http.StatusUnprocessableEntity, Title: "Something is missing"}
	for _, n := range names {
		pr.Fields = append(pr.Fields, FieldProblem{n, "Fill in " + n + "."})
	}
	pr.Detail = "Fill in " + join(names) + ". Nothing was sent."
	return pr
}

func join(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// take puts what an answer said into the slot.
func (p *Playground) take(s *session.Session, d *dialect.Dialect, a aim, call dialect.Call, out *outcome, now time.Time) {
	ans, n := &out.answer, out.record.N
	slot := slotOf(s.State, d, a)
	if call.Kind == dialect.CodeGrant && out.record.Asked == "" {
		// A code works once, and one that was refused never will.
		delete(s.State.Carried[slotKey(d, a)], string(dialect.AuthorizationCode))
		delete(s.State.Carried[slotKey(d, a)], string(dialect.EncryptedCode))
	}
	if !ans.Refused {
		carry(s.State, d, a, ans)
	}
	switch {
	case ans.Refused && out.record.Asked != "":
		// It was asked for, so it says nothing of the tokens.
	case ans.Refused:
		if slot == nil {
			return
		}
		switch {
		case call.Bearer != "" && call.Bearer == slot.Access.Reveal() && ans.Status == http.StatusUnauthorized:
			slot.Refused = true
		case call.Kind == dialect.RefreshGrant && call.Values[dialect.RefreshToken] == slot.Refresh.Reveal() && finishes(ans.Fault):
			slot.Refresh, slot.RefreshExpires = "", time.Time{}
			if !slot.InFlight.IsZero() {
				// The refresh that nobody heard of did count: its answer is
				// lost, and products end the old access token with it.
				slot.InFlight, slot.Ended = time.Time{}, true
			}
		case call.Kind == dialect.MFAGrant && ans.Fault == dialect.BadMFAToken:
			slot.MFA, slot.MFAExpires = "", time.Time{}
		}
	case call.Purpose == dialect.Explore:
		if slot != nil && call.Bearer == slot.Access.Reveal() {
			slot.Refused = false
		}
	case call.Purpose == dialect.Logout:
		delete(s.State.Slots, slotKey(d, a))
	case ans.Challenge():
		s.State.SetSlot(&session.Slot{Product: d.ID, Target: a.Name, Version: call.Version,
			MFA: secret.Text(ans.Values[dialect.MFAToken]), Username: firstOf(ans.Values[dialect.Username], call.Values[dialect.Username])})
	case ans.Values[dialect.AccessToken] != "":
		p.takePair(s, d, a, call, ans, n, now)
	}
}

// finishes says that a refresh token will never work again. A fault that the
// description cannot tell, a rate limit or a server's trouble keep it.
func finishes(f dialect.Fault) bool {
	switch f {
	case dialect.SpentRefreshToken, dialect.ExpiredRefresh, dialect.BadRefreshToken, dialect.RevokedToken:
		return true
	}
	return false
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// takePair replaces both tokens at once.
func (p *Playground) takePair(s *session.Session, d *dialect.Dialect, a aim, call dialect.Call, ans *dialect.Answer, n int, now time.Time) {
	old := slotOf(s.State, d, a)
	slot := &session.Slot{
		Product: d.ID, Target: a.Name, Version: call.Version,
		TokenType: ans.Values[dialect.TokenType],
		Access:    secret.Text(ans.Values[dialect.AccessToken]),
		Refresh:   secret.Text(ans.Values[dialect.RefreshToken]),
		Issued:    now, From: n,
		Antiforgery: secret.Text(ans.Values[dialect.AntiforgeryToken]),
		Username:    firstOf(ans.Values[dialect.Username], call.Values[dialect.Username]),
	}
	if old != nil {
		slot.Refreshes = old.Refreshes
		if slot.Username == "" {
			slot.Username = old.Username
		}
		// A product that sends no new refresh token lets the old one live
		// (RFC 6749, 6).
		if call.Kind == dialect.RefreshGrant && slot.Refresh == "" {
			slot.Refresh, slot.RefreshExpires, slot.RefreshLife, slot.RefreshFrom = old.Refresh, old.RefreshExpires, old.RefreshLife, old.RefreshFrom
		}
	}
	if call.Kind == dialect.RefreshGrant {
		slot.Refreshes++
	}
	slot.AccessLife, slot.AccessExpires = accessLife(d, ans, slot.Access.Reveal(), now)
	if ans.Values[dialect.RefreshToken] != "" {
		slot.RefreshFrom = n
		slot.RefreshLife, slot.RefreshExpires = refreshLife(d, call, ans, slot.Refresh.Reveal(), now)
	}
	s.State.SetSlot(slot)
}

// redact fills in the texts of the record, without what must not be kept.
// Passwords and codes go everywhere; tokens are shortened for a real target
// and stay whole for the sandbox, whose tokens open nothing else and which
// repeats nothing.
func (p *Playground) redact(rec *record, r *secret.Redactor, d *dialect.Dialect, call dialect.Call, req *dialect.Request, ex *target.Exchange) {
	rec.RequestBody = redactBody(d, call, req.Body)
	rec.Body = string(ex.Body)
	head, _, _ := strings.Cut(string(ex.Sent), "\r\n\r\n")
	rec.Sent = head
	if rec.RequestBody != "" && head != "" {
		rec.Sent += "\r\n\r\n" + rec.RequestBody
	}
	if r == nil {
		return
	}
	for _, text := range []*string{&rec.Sent, &rec.Body, &rec.RequestBody, &rec.Message, &rec.Reason} {
		*text = r.Replace(*text)
	}
	for _, list := range [][]string{rec.Left, rec.Remarks} {
		for i := range list {
			list[i] = r.Replace(list[i])
		}
	}
	if rec.Failure != nil {
		rec.Failure.Text = r.Replace(rec.Failure.Text)
	}
	for _, list := range [][][2]string{rec.RequestHeaders, rec.ResponseHeaders} {
		for i := range list {
			if strings.EqualFold(list[i][0], "Set-Cookie") {
				list[i][1] = secret.Redacted
			}
			list[i] = [2]string{r.Replace(list[i][0]), r.Replace(list[i][1])}
		}
	}
}

// redactor knows what was sent to a real target, what came, and what is kept
// for it. It is nil for the sandbox.
func (p *Playground) redactor(d *dialect.Dialect, a aim, call dialect.Call, ans *dialect.Answer, slot *session.Slot) *secret.Redactor {
	if !a.Real {
		return nil
	}
	var tokens, others []secret.Text
	for _, f := range secretFields(d) {
		if v := secret.Text(call.Values[f.Term]); isToken(f.Term) {
			tokens = append(tokens, v)
		} else {
			others = append(others, v)
		}
	}
	tokens = append(tokens, secret.Text(call.Bearer), secret.Text(call.Values[dialect.AntiforgeryToken]))
	if slot != nil {
		tokens = append(tokens, slot.Access, slot.Refresh, slot.MFA, slot.Antiforgery)
	}
	for _, t := range []dialect.Term{dialect.AccessToken, dialect.RefreshToken, dialect.MFAToken, dialect.AntiforgeryToken,
		dialect.AuthorizationCode, dialect.EncryptedCode, dialect.ClientSecret} {
		tokens = append(tokens, secret.Text(ans.Values[t]))
	}
	return secret.NewRedactor(p.cfg.Masker, tokens, others)
}

// redactBody is the body that was sent with [redacted] in the place of
// passwords and codes, whatever its encoding.
func redactBody(d *dialect.Dialect, call dialect.Call, body string) string {
	if body == "" {
		return ""
	}
	call.Values = maps.Clone(call.Values)
	for _, f := range secretFields(d) {
		if !isToken(f.Term) && call.Values[f.Term] != "" {
			call.Values[f.Term] = secret.Redacted
		}
	}
	again, err := d.Encode(call)
	if err != nil { // it was encoded just now
		return secret.Redacted
	}
	return strings.ReplaceAll(again.Body, url.QueryEscape(secret.Redacted), secret.Redacted)
}

func secretFields(d *dialect.Dialect) []dialect.Field {
	var out []dialect.Field
	for _, g := range d.Operation(dialect.Obtain).Grants {
		for _, f := range g.Takes {
			if f.Secret {
				out = append(out, f)
			}
		}
	}
	return out
}

// isToken tells tokens, which have a mask, from passwords and codes, which
// have none.
func isToken(t dialect.Term) bool {
	return t == dialect.RefreshToken || t == dialect.MFAToken || t == dialect.AccessToken
}

// curl is the command that makes the same call. Against the sandbox it can be
// pasted as it is.
func (p *Playground) curl(d *dialect.Dialect, a aim, call dialect.Call, req *dialect.Request, base, world string, cert *target.Certificate) string {
	r := snippet.Request{Method: req.Method, URL: a.BaseURL() + req.Path, Body: req.Body}
	if !a.Real {
		r.URL = base + "/sandbox/w/" + world + "/" + d.ID + req.Path
	}
	for _, h := range req.Header {
		r.Header = append(r.Header, [2]string{h.Name, h.Value})
	}
	hide := func(value, env string) {
		if value != "" {
			r.Secrets = append(r.Secrets, snippet.Secret{Value: value, Env: env})
		}
	}
	for _, f := range secretFields(d) {
		if a.Real || !isToken(f.Term) {
			hide(call.Values[f.Term], environment[f.Term])
		}
	}
	if a.Real {
		hide(call.Bearer, environment[dialect.AccessToken])
		hide(call.Values[dialect.AntiforgeryToken], environment[dialect.AntiforgeryToken])
	}
	var options snippet.Options
	if a.Real && cert != nil && cert.Trusted != "roots" {
		options.Untrusted, options.KeyPin = true, cert.KeyPin
	}
	text := snippet.Curl(r, options)
	if !a.Real && call.Values[dialect.Password] != "" {
		// The password of every sandbox person is public.
		text = environment[dialect.Password] + "='" + administrator.Password + "'\n" + text
	}
	return text
}

// environment names the variables that stand for secrets in snippets.
var environment = map[dialect.Term]string{
	dialect.Password:          "VEEAM_PASSWORD",
	dialect.AccessToken:       "VEEAM_ACCESS_TOKEN",
	dialect.RefreshToken:      "VEEAM_REFRESH_TOKEN",
	dialect.MFAToken:          "VEEAM_MFA_TOKEN",
	dialect.MFACode:           "VEEAM_MFA_CODE",
	dialect.AuthorizationCode: "VEEAM_CODE",
	dialect.ComponentToken:    "VEEAM_COMPONENT_TOKEN",
	dialect.ClientSecret:      "VEEAM_CLIENT_SECRET",
	dialect.Assertion:         "VEEAM_ASSERTION",
	dialect.AntiforgeryToken:  "VEEAM_ANTIFORGERY_TOKEN",
}
