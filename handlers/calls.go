package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/secret"
	"tokenplayground/web/session"
)

// callKey names an operation in addresses: its purpose, and for the first
// calls, which share one, their number as well.
func callKey(d *dialect.Dialect, op *dialect.Operation) dialect.Purpose {
	if op.Purpose != dialect.FirstCall {
		return op.Purpose
	}
	n := 0
	for i := range d.Operations {
		if d.Operations[i].Purpose == dialect.FirstCall {
			n++
		}
		if d.Operations[i].Method == op.Method && d.Operations[i].Path == op.Path {
			break
		}
	}
	return op.Purpose + dialect.Purpose(strconv.Itoa(n))
}

// operation finds the one of a key; nil if there is none.
func operation(d *dialect.Dialect, key dialect.Purpose) *dialect.Operation {
	for i := range d.Operations {
		if callKey(d, &d.Operations[i]) == key {
			return &d.Operations[i]
		}
	}
	return nil
}

// route is where the form of an operation posts to.
func route(key dialect.Purpose) string {
	switch key {
	case dialect.Obtain:
		return "/token"
	case dialect.Explore:
		return "/explore"
	case dialect.Logout:
		return "/accounts/logout"
	}
	return "/calls/" + string(key)
}

// segments are the {names} of a path that stand for no field and no version.
func segments(op *dialect.Operation) []string {
	var names []string
	for rest := op.Path; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return names
		}
		name, more, _ := strings.Cut(after, "}")
		rest = more
		if name != "version" && !slices.ContainsFunc(op.Takes, func(f dialect.Field) bool { return f.Wire == name }) {
			names = append(names, name)
		}
	}
}

// Call makes one of the product's further calls.
//
//	@ID				call
//	@Summary		Make another call of the product
//	@Description	Sends one of the calls that clients make beside signing in, validating and logging out: whoami, code (a one-time code), client (an account for an application), and call1, call2 and so on in the order of the product's page. Fields carry the product's own wire names.
//	@Tags			Playground
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product		path		string	true	"Product"
//	@Param			call		path		string	true	"Call, for example call1"
//	@Param			x.target	formData	string	false	"Target"	default(sandbox)
//	@Param			x.version	formData	string	false	"API version"
//	@Param			x.fault		formData	string	false	"Fault that the sandbox is asked for"
//	@Success		200			{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/calls/{call} [post]
func (p *Playground) Call(c echo.Context) error {
	d, err := p.product(c)
	if err != nil {
		return err
	}
	key := dialect.Purpose(c.Param("call"))
	op := operation(d, key)
	if op == nil || route(key) != "/calls/"+string(key) {
		return unknownOperation(operationChoices(d))
	}
	return p.withBearer(c, key)
}

// carried are the terms that an answer may say and a later call may ask for,
// beside tokens, which have a slot.
var carried = []dialect.Term{dialect.AuthorizationCode, dialect.EncryptedCode, dialect.ClientID, dialect.ClientSecret}

// carry keeps what an answer said for a later call.
func carry(s *session.State, d *dialect.Dialect, a aim, ans *dialect.Answer) {
	for _, t := range carried {
		if v := ans.Values[t]; v != "" {
			s.Carry(slotKey(d, a), string(t), secret.Text(v))
		}
	}
}

func carriedText(s *session.State, d *dialect.Dialect, a aim, t dialect.Term) string {
	if s == nil || !slices.Contains(carried, t) {
		return ""
	}
	return s.Carried[slotKey(d, a)][string(t)].Reveal()
}

// fills are the buttons that fill in a grant's form in the sandbox.
var fills = map[dialect.Kind]string{
	dialect.PasswordGrant:  "Fill in the sandbox account",
	dialect.AssertionGrant: "Fill in an assertion",
	dialect.OperatorGrant:  "Fill in an assertion",
	dialect.ActAsGrant:     "Fill in the operator",
	dialect.PublicKeyGrant: "Fill in a key of the sandbox",
	dialect.CodeGrant:      "Fill in the decrypted code",
}

// fillable says that the sandbox can fill in a grant's form.
func fillable(d *dialect.Dialect, pg page, kind dialect.Kind) bool {
	if kind == dialect.CodeGrant {
		return carriedText(pg.state, d, pg.aim, dialect.EncryptedCode) != ""
	}
	return fills[kind] != ""
}

// sandboxClient is the client_id that the sandbox's assertions are made for.
const sandboxClient = "playground"

// fillText is what the sandbox fills into a field of a grant.
func (p *Playground) fillText(ctx context.Context, d *dialect.Dialect, pg page, kind dialect.Kind, t dialect.Term) string {
	world := ""
	if pg.state != nil {
		world = pg.state.World
	}
	text, err := "", error(nil)
	switch {
	case t == dialect.Username:
		text = administrator.Name
	case t == dialect.Password:
		text = administrator.Password
	case world == "":
	case t == dialect.MFACode:
		text, _, _, _ = p.cfg.Sandbox.Authenticator(ctx, world, d)
	case t == dialect.ClientID && (kind == dialect.AssertionGrant || kind == dialect.OperatorGrant):
		text = sandboxClient
	case t == dialect.Assertion:
		who := administrator.Name
		if kind == dialect.OperatorGrant {
			who = operator.Name
		}
		text, err = p.cfg.Sandbox.Assertion(ctx, world, d, sandboxClient, who)
	case t == dialect.UserID:
		text = p.cfg.Sandbox.UserID(ctx, world, d, operator.Name)
	case t == dialect.PublicKey:
		text, err = p.cfg.Sandbox.PublicKey(ctx)
	case t == dialect.AuthorizationCode:
		if sealed := carriedText(pg.state, d, pg.aim, dialect.EncryptedCode); sealed != "" {
			text, err = p.cfg.Sandbox.ReadCode(ctx, sealed)
		}
	}
	if err != nil {
		p.cfg.Log.WarnContext(ctx, "handlers: the sandbox cannot fill a field in", "term", t, "err", err)
		return ""
	}
	return text
}

// firstSegment stands in a path for what nobody typed: products number from 1.
const firstSegment = "1"

func unknownEncoding(d *dialect.Dialect) *Problem {
	var words []string
	for _, e := range d.Operation(dialect.Obtain).Accepts() {
		words = append(words, string(e))
	}
	says := "This product takes " + join(words) + "."
	return &Problem{Kind: "unknown-encoding", Status: http.StatusUnprocessableEntity, Title: "The product takes no such body",
		Detail: says + " Nothing was sent.", Fields: []FieldProblem{{fieldEncoding, says}}}
}

// source leads to the call or the form whose answer a grant asks for; nil if
// the grant needs none, or the session keeps it already. A call that the
// version lacks is shown in the newest that has it.
func source(d *dialect.Dialect, pg page, kind dialect.Kind) *templates.SourceView {
	var made []dialect.Term
	var maker dialect.Purpose
	switch kind {
	case dialect.CodeGrant:
		made, maker = []dialect.Term{dialect.AuthorizationCode, dialect.EncryptedCode}, dialect.MakeCode
	case dialect.ClientGrant:
		made, maker = []dialect.Term{dialect.ClientSecret}, dialect.MakeClient
	default:
		return nil
	}
	if slices.ContainsFunc(made, func(t dialect.Term) bool { return carriedText(pg.state, d, pg.aim, t) != "" }) {
		return nil
	}
	q := pg.q
	q.x, q.view, q.fill, q.reveal, q.fault = 0, "", false, "", ""
	op := d.Operation(maker)
	if op == nil {
		g, ok := d.Grant(dialect.PublicKeyGrant)
		if kind != dialect.CodeGrant || !ok {
			return nil
		}
		q.op, q.try, q.grant = dialect.Obtain, "", g.Kind
		return &templates.SourceView{Text: g.Label(), Href: q.address(d, nil) + "#op-token"}
	}
	slot, note := slotOf(pg.state, d, pg.aim), ""
	for i := len(d.Versions.All) - 1; i >= 0 && !d.Speaks(q.version, op.Since, op.Until); i-- {
		q.version = d.Versions.All[i].ID
		note = ", version " + q.version
	}
	q.op, q.try, q.grant = maker, "", ""
	return &templates.SourceView{Text: op.Method + " " + d.Path(op, q.version) + note, Href: q.address(d, nil) + "#op-" + string(maker), SignIn: !op.Anonymous && (slot == nil || slot.Access == "")}
}

// onward says that what an answer brought is kept, and leads to where it is
// used; false if it brought nothing of that kind.
func onward(v *templates.AnswerView, d *dialect.Dialect, pg page) bool {
	said := func(t dialect.Term) bool { return slices.Contains(pg.record.Said, string(t)) }
	var kind dialect.Kind
	var text string
	switch {
	case said(dialect.AccessToken):
		return false
	case said(dialect.EncryptedCode):
		v.Did, kind, text = "The encrypted code is kept in your session.", dialect.CodeGrant, "Sign in with it"
	case said(dialect.AuthorizationCode):
		v.Did, kind, text = "The code is kept in your session.", dialect.CodeGrant, "Sign in with it"
	case said(dialect.ClientSecret):
		v.Did, kind, text = "ID and secret are kept in your session.", dialect.ClientGrant, "Sign in with them"
	default:
		return false
	}
	if g, ok := d.Grant(kind); ok && d.Speaks(pg.q.version, g.Since, g.Until) {
		v.Onward = formFor(d, pg.q, text, kind)
		if !pg.aim.Real && said(dialect.EncryptedCode) {
			q := pg.q
			q.op, q.grant, q.try, q.x, q.view, q.fill = dialect.Obtain, kind, dialect.Obtain, 0, "", true
			v.Onward.Href = q.address(d, nil) + "#op-token"
		}
	}
	return true
}
