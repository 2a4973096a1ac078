package handlers

import (
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
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
		Bar: templates.BarView{Caller: "Calls are made by this server", Home: themed("/", theme)},
		Foot: templates.FootView{
			Profile: "Profile " + p.cfg.Profile + ".",
			Egress:  egressWords[p.cfg.Egress],
			People:  themed("/people", theme), Choices: fidelityHref("", true, q.theme),
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
	for _, d := range p.cfg.Products.All() {
		buttons, op := "Try it out", d.Operation(dialect.Obtain)
		if d.Ritual == dialect.Modern {
			buttons = "Try it out, Execute"
		}
		card := templates.ProductCard{
			Name: d.Name, Href: query{theme: q.theme}.address(d, nil), Call: op.Method + " " + d.Path(op, ""),
			Port: itoa(d.Port), Buttons: buttons, Tokens: tokenWords(d),
		}
		if p.cfg.Products.IsOwn(d) {
			card.By = "this server's operator"
		}
		v.Products = append(v.Products, card)
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
		d, ok := p.cfg.Products.Find(e.Product)
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
	words := kind + ", " + span(d.Lifetimes.Access) + "; refresh " + span(d.Lifetimes.Refresh)
	if d.Lifetimes.RefreshBasis == dialect.Choice {
		words = kind + ", " + span(d.Lifetimes.Access)
	}
	return words
}

func (p *Playground) peopleView(c echo.Context, q query) templates.PeopleView {
	v := templates.PeopleView{Page: p.shell(c, "Sandbox people", q, func(t string) string { return themed("/people", t) }), Choices: fidelityHref("", true, q.theme)}
	for _, person := range sandbox.People() {
		v.People = append(v.People, templates.PersonRow{Name: person.Name, Password: person.Password, What: person.About})
	}
	for _, d := range p.cfg.Products.All() {
		if d.Domain != "" {
			v.Notes = append(v.Notes, d.Name+" also takes "+d.Domain+`\`+administrator.Name+".")
		}
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
	if pr.Action != nil {
		v.Action = &templates.ActionView{Text: pr.Action.Text, Post: pr.Action.Post}
		for _, f := range pr.Action.Fields {
			v.Action.Hidden = append(v.Action.Hidden, templates.Hidden{Name: f.Name, Value: f.Value})
		}
	}
	for _, o := range pr.Offer {
		v.List = append(v.List, templates.Link{Text: o.Text, Href: o.Href})
	}
	return v
}
