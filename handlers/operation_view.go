package handlers

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
)

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

// groupsView draws the resources of the Swagger page.
func (p *Playground) groupsView(c echo.Context, d *dialect.Dialect, pg page, slot *session.Slot, now time.Time, next dialect.Purpose) []templates.GroupView {
	open := openOperation(pg)
	var out []templates.GroupView
	for _, g := range d.Groups {
		gv := templates.GroupView{ID: strings.ToLower(g.Name), Name: g.Name}
		for i := range d.Operations {
			op := &d.Operations[i]
			if op.Group != g.Name || !d.Speaks(pg.q.version, op.Since, op.Until) {
				continue
			}
			key := callKey(d, op)
			ov := p.operationView(c, d, pg, slot, op)
			ov.Open, ov.Next = key == open, key == next
			gv.Open = gv.Open || ov.Open
			if pg.record != nil && pg.record.Operation == key {
				ov.Answer = p.answerView(d, pg, slot, now)
			}
			gv.Operations = append(gv.Operations, ov)
		}
		if len(gv.Operations) == 0 {
			continue
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

func (p *Playground) operationView(c echo.Context, d *dialect.Dialect, pg page, slot *session.Slot, op *dialect.Operation) templates.OperationView {
	q := pg.q
	key := callKey(d, op)
	id, kind := string(key), shownGrant(d, pg, slot)
	v := templates.OperationView{
		ID: id, Method: op.Method, Path: d.Path(op, q.version), Summary: op.Summary, Intro: op.Help,
		Href:   q.address(d, func(q *query) { q.op, q.x, q.fill, q.reveal = key, 0, false, "" }) + "#op-" + id,
		Action: action(d, route(key), q),
		Tried:  q.try == key || pg.form != nil && op.Purpose == dialect.Obtain && pg.form.Product != "",
		Try: q.address(d, func(q *query) {
			q.op, q.try, q.x, q.view, q.reveal = key, key, 0, "", ""
			q.fill = key == dialect.Obtain && !pg.aim.Real && fillable(d, pg, kind)
		}) + "#op-" + id,
		Cancel: q.address(d, func(q *query) { q.op, q.try, q.x, q.fill, q.reveal = key, "", 0, false, "" }) + "#op-" + id,
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
	if !pg.aim.Real {
		v.Fault = faultView(d, q, op, kind, slot)
	}
	if op.Purpose != dialect.Obtain {
		for _, name := range segments(op) {
			v.Fields = append(v.Fields, templates.FieldView{Name: name, Wire: name, Label: "Which one", Type: "string", In: "path", Required: true, Value: firstSegment})
		}
		for _, f := range d.Fields(op.Takes, q.version) {
			if f.Term != dialect.UserID {
				v.Fields = append(v.Fields, p.fieldView(c.Request().Context(), d, op, pg, slot, kind, f))
			}
		}
		return v
	}
	v.Source = source(d, pg, kind)
	if !pg.aim.Real {
		v.Person = &templates.PersonHint{Username: administrator.Name, Password: administrator.Password, People: themed("/people", q.theme)}
		if fillable(d, pg, kind) && !q.fill {
			v.Person.FillText = fills[kind]
			v.Person.Fill = q.address(d, func(q *query) { q.op, q.try, q.fill, q.x, q.reveal = op.Purpose, op.Purpose, true, 0, "" }) + "#op-" + id
		}
	}
	grant, _ := d.Grant(kind)
	if v.Person != nil && !slices.ContainsFunc(grant.Takes, func(f dialect.Field) bool { return f.Term == dialect.Password }) {
		v.Person.Username, v.Person.Password = "", ""
	}
	gf := templates.FieldView{Name: op.GrantField.Wire, Wire: op.GrantField.Wire, Label: op.GrantField.Label, Type: "string", In: inBody(op),
		Required: op.GrantField.Required, Default: op.GrantField.Default, Control: templates.ControlGrant, Value: grant.Wire, Hint: grant.Help}
	for i := range op.Grants {
		g := &op.Grants[i]
		if g.Kind != kind && !d.Speaks(q.version, g.Since, g.Until) {
			continue
		}
		gf.Options = append(gf.Options, templates.Option{Value: g.Wire, Text: g.Label(), Selected: g.Kind == kind})
	}
	if pg.form == nil && pg.record != nil && pg.record.Operation == op.Purpose && pg.record.Grant == kind && !q.fill {
		// What was typed for the answer that is shown, so that a refused
		// sign-in can be corrected.
		pg.form = &Form{typed: keep(d, pg.record.fields(d)), encoding: pg.record.Encoding}
	}
	v.Change = "/" + d.ID
	v.ChangeHidden = hiddenQuery(d, q, func(q *query) {
		q.op, q.try, q.grant, q.x, q.view, q.reveal, q.fill = op.Purpose, op.Purpose, "", 0, "", "", false
	})
	v.Fields = append(v.Fields, gf)
	for _, f := range d.Fields(grant.Takes, q.version) {
		v.Fields = append(v.Fields, p.fieldView(c.Request().Context(), d, op, pg, slot, kind, f))
	}
	if list := op.Accepts(); len(list) > 1 {
		chosen := q.body
		if pg.form != nil {
			chosen = pg.form.encoding
		}
		v.Encoding = &templates.FieldView{Name: fieldEncoding, Label: "Body"}
		for _, one := range list {
			v.Encoding.Options = append(v.Encoding.Options, templates.Option{Value: string(one), Text: bodyWords[one], Selected: one == chosen})
		}
	}
	if pg.form != nil {
		for i := range v.Fields {
			if e := pg.form.problem[strings.ToLower(v.Fields[i].Name)]; e != "" {
				v.Fields[i].Error = e
				v.Errors = append(v.Errors, templates.FieldError{Name: v.Fields[i].Name, Text: e})
			}
		}
	}
	return v
}

// bodyWords name the ways to write a body.
var bodyWords = map[dialect.Encoding]string{dialect.Form: "form", dialect.JSON: "JSON", dialect.Multipart: "multipart"}

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
		f.Wire, f.Label, f.In, f.Required = vs.Header, "API revision", "header", !vs.Optional
	case strings.Contains(op.Path, "{version}"):
		f.Wire, f.Label, f.In, f.Required = "version", "API version", "path", true
	case op.Purpose == dialect.Obtain && vs.Field.Wire != "":
		f.Wire, f.Label, f.In, f.Hint = vs.Field.Wire, vs.Field.Label, inBody(op), vs.Field.Help
	default:
		return nil
	}
	for i := len(vs.All) - 1; i >= 0; i-- {
		v := vs.All[i]
		f.Options = append(f.Options, templates.Option{Value: v.ID, Text: v.ID + "  (" + v.Note + ")", Selected: v.ID == versionOf(d, q.version)})
	}
	return []templates.FieldView{f}
}

// inBody says where a field of an operation's body stands.
func inBody(op *dialect.Operation) string {
	if op.Accepts()[0] == dialect.JSON {
		return "JSON member"
	}
	return "form field"
}

func (p *Playground) fieldView(ctx context.Context, d *dialect.Dialect, op *dialect.Operation, pg page, slot *session.Slot, kind dialect.Kind, f dialect.Field) templates.FieldView {
	v := templates.FieldView{Name: f.Wire, Wire: f.Wire, Label: f.Label, Type: f.As.Type, In: inBody(op), Required: f.Required, Default: f.Default, Hint: f.Help}
	if pg.form != nil && !f.Secret {
		v.Value = pg.form.typed[strings.ToLower(f.Wire)]
	}
	known := kept(pg.state, d, pg.aim, f.Term)
	switch {
	case f.Term == dialect.Username:
		v.Autocomplete = "username"
	case f.Term == dialect.Password:
		v.Control, v.Autocomplete = templates.ControlPassword, "current-password"
	case f.Term == dialect.MFACode:
		v.Control = templates.ControlCode
	case f.Secret:
		v.Control = templates.ControlToken
		if known != "" {
			v.Placeholder = "the kept one, " + p.cfg.Masker.Mask(known)
			v.Required = false
			v.Hint += " Leave it empty to use the one that your session keeps."
		}
	case f.As == dialect.Boolean:
		v.Control = templates.ControlSelect
		v.Options = []templates.Option{{Value: "", Text: "not sent"}, {Value: "true", Text: "true", Selected: v.Value == "true"}, {Value: "false", Text: "false", Selected: v.Value == "false"}}
	case v.Value == "":
		v.Value = known
	}
	if pg.q.fill && !pg.aim.Real && pg.form == nil {
		v.Value = firstOf(p.fillText(ctx, d, pg, kind, f.Term), v.Value)
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
