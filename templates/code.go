package templates

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// lines writes highlighted code by hand: within <pre> every blank that a
// template would add is text.
func lines(code []CodeLine) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		for _, line := range code {
			b.WriteString(`<span class="line">`)
			for _, s := range line.Spans {
				if s.Class == "" {
					b.WriteString(templ.EscapeString(s.Text))
					continue
				}
				b.WriteString(`<span class="` + templ.EscapeString(s.Class) + `">` + templ.EscapeString(s.Text) + `</span>`)
			}
			// The line feed makes a copied text the text of the wire; at the end
			// of a block it draws nothing.
			b.WriteString("\n</span>")
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// plainLines are lines without highlighting.
func plainLines(text []string) []CodeLine {
	out := make([]CodeLine, len(text))
	for i, s := range text {
		out[i] = CodeLine{Spans: []Span{{Text: s}}}
	}
	return out
}

// getForm splits an address into what a GET form needs, since a browser
// replaces the query of a GET form's action; it keeps the place on the page.
// Names come sorted.
func getForm(href string) (action string, fields []Hidden) {
	action, query, _ := strings.Cut(href, "?")
	query, place, found := strings.Cut(query, "#")
	if found {
		action += "#" + place
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return href, nil
	}
	for name, list := range values {
		for _, v := range list {
			fields = append(fields, Hidden{Name: name, Value: v})
		}
	}
	slices.SortStableFunc(fields, func(a, b Hidden) int { return strings.Compare(a.Name, b.Name) })
	return action, fields
}

// millis is a time as the script reads it, milliseconds of Unix time.
func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// ids of a field and of what describes it.
func fieldID(op string, f FieldView) string { return op + "-" + strings.ReplaceAll(f.Name, ".", "-") }

// describedBy joins the ids of a field's sentences.
func describedBy(id string, f FieldView) string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, id+"-e")
	}
	if f.Hint != "" {
		ids = append(ids, id+"-h")
	}
	return strings.Join(ids, " ")
}

// fieldMeta is the quiet line of a field: what it is in words, then its type,
// its place and its default.
func fieldMeta(f FieldView) string {
	var words []string
	for _, w := range []string{f.Type, f.In} {
		if w != "" {
			words = append(words, w)
		}
	}
	if f.Default != "" {
		words = append(words, "default "+f.Default)
	}
	if meta := strings.Join(words, ", "); f.Label == "" {
		return meta
	} else if meta != "" {
		return f.Label + " · " + meta
	}
	return f.Label
}

// linkTo is the href of a field that the summary of errors names.
func linkTo(op string, e FieldError) string {
	return "#" + fieldID(op, FieldView{Name: e.Name})
}

func autocomplete(f FieldView) string {
	if f.Autocomplete == "" {
		return "off"
	}
	return f.Autocomplete
}

func number(n int) string     { return strconv.Itoa(n) }
func number64(n int64) string { return strconv.FormatInt(n, 10) }

// class names of the five states.
var stateClass = map[State]string{
	StateNone:    "is-none",
	StateMFA:     "is-mfa",
	StateValid:   "is-valid",
	StateExpired: "is-expired",
	StateDead:    "is-dead",
}

func verdictClass(v Verdict) string {
	switch v {
	case Passed:
		return "is-passed"
	case Failed:
		return "is-failed"
	}
	return "is-open"
}

func methodClass(method string) string { return "method m-" + strings.ToLower(method) }

func outcome(good bool) string {
	if good {
		return "good"
	}
	return "fail"
}

// answered reports whether the page shows an answer.
func (v ProductView) answered() bool {
	for _, g := range v.Groups {
		for _, o := range g.Operations {
			if o.Answer != nil {
				return true
			}
		}
	}
	return false
}

// openOperation is the id of the first open operation.
func (v ProductView) openOperation() string {
	for _, g := range v.Groups {
		for _, o := range g.Operations {
			if o.Open {
				return o.ID
			}
		}
	}
	return ""
}
