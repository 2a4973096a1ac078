package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// showChoices is the value of the query's show that leaves out what is known.
const showChoices = "choices"

// FactJSON is one thing that the sandbox does, with how well it is known.
type FactJSON struct {
	Product string `json:"product"`
	Part    string `json:"part" example:"Refusal"`
	What    string `json:"what"`
	Answer  string `json:"answer"`
	// Basis is left out where no document is named.
	Basis string `json:"basis,omitempty" enums:"documented,observed,choice"`
	// Source is the document, or the reason of a choice.
	Source string `json:"source"`
}

// Fidelity tells what of the sandbox is documented, observed or its own choice.
//
//	@ID				fidelity
//	@Summary		What the sandbox knows, and what it chose
//	@Description	Every operation, grant, answer member, refusal, token claim and lifetime of the products, each with its basis and its source or reason.
//	@Tags			Sandbox
//	@Produce		json,html
//	@Param			product	query		string	false	"One product only"
//	@Param			show	query		string	false	"choices: only what no document says"	Enums(choices)
//	@Param			theme	query		string	false	"Theme"	Enums(auto, light, dark)
//	@Success		200		{array}		FactJSON
//	@Failure		400,404,421,500	{object}	ProblemJSON
//	@Router			/fidelity [get]
func (p *Playground) Fidelity(c echo.Context) error {
	q, err := readQuery(c.QueryParams(), nil)
	if err != nil {
		return err
	}
	id, choices := c.QueryParam("product"), c.QueryParam("show") == showChoices
	products := p.cfg.Products.All()
	if id != "" {
		d, ok := p.cfg.Products.Find(id)
		if !ok {
			return unknownProduct(id, fidelityChoices(products))
		}
		products = []*dialect.Dialect{d}
	}
	if WantsJSON(c.Request()) {
		out := []FactJSON{}
		for _, d := range products {
			for _, f := range facts(d, choices) {
				out = append(out, FactJSON{d.ID, string(f.Part), f.What, f.Answer, string(f.Basis), f.Source})
			}
		}
		return c.JSON(http.StatusOK, out)
	}
	return p.Render(c, http.StatusOK, templates.Fidelity(p.fidelityView(c, q, id, choices, products)))
}

// partBehaviour is what the sandbox does that is no word of a description.
const partBehaviour = "Choice of the sandbox"

// facts are what is known of a product, then what the sandbox chose.
func facts(d *dialect.Dialect, choices bool) []dialect.Fact {
	var out []dialect.Fact
	for _, f := range d.Facts() {
		if !choices && f.Basis != dialect.Choice {
			out = append(out, f)
		}
	}
	for _, r := range sandbox.Choices(d) {
		out = append(out, dialect.Fact{Part: partBehaviour, What: r.What, Answer: r.Answer, Basis: dialect.Choice, Source: r.Reason})
	}
	return out
}

func fidelityChoices(products []*dialect.Dialect) []Choice {
	var out []Choice
	for _, d := range products {
		out = append(out, Choice{d.Name, fidelityHref(d.ID, false, "")})
	}
	return out
}

func fidelityHref(product string, choices bool, theme string) string {
	v := url.Values{}
	if product != "" {
		v.Set("product", product)
	}
	if choices {
		v.Set("show", showChoices)
	}
	if theme != "" {
		v.Set("theme", theme)
	}
	if len(v) == 0 {
		return "/fidelity"
	}
	return "/fidelity?" + v.Encode()
}

func (p *Playground) fidelityView(c echo.Context, q query, id string, choices bool, products []*dialect.Dialect) templates.FidelityView {
	v := templates.FidelityView{Page: p.shell(c, "What is documented, what is chosen", q, func(t string) string {
		if t == "auto" {
			t = ""
		}
		return fidelityHref(id, choices, t)
	})}
	v.Products = append(v.Products, templates.Link{Text: "All products", Href: fidelityHref("", choices, q.theme), Current: id == ""})
	for _, d := range p.cfg.Products.All() {
		v.Products = append(v.Products, templates.Link{Text: d.Short, Href: fidelityHref(d.ID, choices, q.theme), Current: id == d.ID})
	}
	v.Shows = []templates.Link{
		{Text: "Everything", Href: fidelityHref(id, false, q.theme), Current: !choices},
		{Text: "Choices only", Href: fidelityHref(id, true, q.theme), Current: choices},
	}
	for _, d := range products {
		g := templates.FactGroup{ID: "facts-" + d.ID, Product: d.Name, Open: id != "", Href: query{theme: q.theme}.address(d, nil)}
		count := map[dialect.Basis]int{}
		for _, f := range facts(d, choices) {
			count[f.Basis]++
			row := templates.FactRow{Part: string(f.Part), What: f.What, Answer: f.Answer, Basis: templates.Basis(f.Basis), Source: f.Source}
			if row.Source == "" {
				row.Source = "Its document is not named."
			}
			g.Rows = append(g.Rows, row)
		}
		for _, b := range []dialect.Basis{dialect.Documented, dialect.Observed, dialect.Choice, ""} {
			if count[b] > 0 {
				g.Counts = append(g.Counts, templates.FactCount{Basis: templates.Basis(b), Number: count[b]})
			}
		}
		v.Open = v.Open || count[""] > 0
		v.Groups = append(v.Groups, g)
	}
	return v
}
