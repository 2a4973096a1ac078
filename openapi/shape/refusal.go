package shape

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tokenplayground/web/dialect"
)

// class tells the refusals of the token call from all others.
func class(op *dialect.Operation) string {
	if op.Purpose == dialect.Obtain {
		return "TokenError"
	}
	return "Error"
}

// refusal is every refusal of one class with one status.
type refusal struct {
	status int
	body   *Shape
	all    []*dialect.Refusal
	faults []dialect.Fault
}

// of is the refusal as an answer to one call; nil if the call has none such.
func (r *refusal) of(p *Product, c *Call) *Answer {
	a := &Answer{Status: r.status, Body: r.body}
	may := p.faults(c.Op, c.Path)
	var texts []string
	for i, ref := range r.all {
		if !slices.Contains(may, r.faults[i]) {
			continue
		}
		a.Faults = append(a.Faults, r.faults[i])
		text := cmp.Or(ref.Says[dialect.ErrorDetail], ref.Says[dialect.ErrorTitle], ref.Says[dialect.ErrorCode], http.StatusText(r.status))
		text = strings.TrimRight(strings.NewReplacer("${versions}", "…", "${path}", "…").Replace(text), ".")
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		media := cmp.Or(ref.Type, "application/json")
		if len(ref.Shape) > 0 && !slices.Contains(a.Media, media) {
			a.Media = append(a.Media, media)
		}
	}
	if texts == nil {
		return nil
	}
	slices.Sort(a.Media)
	a.About = strings.Join(texts, " · ") + "."
	return a
}

// faults are the reasons for which the sandbox may refuse a call.
func (p *Product) faults(op *dialect.Operation, path string) []dialect.Fault {
	d := p.Dialect
	out := []dialect.Fault{dialect.ServerFault}
	if d.Versions.Header != "" && !d.Versions.Optional {
		out = append(out, dialect.UnsupportedVersion, dialect.MissingVersion)
	}
	// Whoever speaks one version does not ask for what it lacks.
	if len(p.versions) > 1 && strings.Contains(path, "{version}") || !p.always(op.Since, op.Until) {
		out = append(out, dialect.NotFound)
	}
	if op.Purpose == dialect.Obtain {
		if d.Versions.Field.Wire != "" {
			out = append(out, dialect.UnsupportedVersion)
		}
		for _, r := range d.Refusals {
			if r.On == dialect.Obtain {
				out = append(out, r.Fault)
			}
		}
		return out
	}
	if !op.Anonymous {
		out = append(out, dialect.NoToken, dialect.BadToken, dialect.ExpiredToken, dialect.RevokedToken)
	}
	if op.Admin || op.Purpose == dialect.MakeClient {
		out = append(out, dialect.TooFewRights)
	}
	for _, f := range op.Takes {
		switch f.Term {
		case dialect.AccessToken:
			out = append(out, dialect.MissingField)
		case dialect.UserID:
			out = append(out, dialect.NotFound)
		}
	}
	return out
}

// refusals gathers the refusals of all calls by class and status, and names
// their bodies: one name if all are alike, one for each class, or one for each
// status.
func (p *Product) refusals() (map[string]map[int]*refusal, error) {
	out := map[string]map[int]*refusal{}
	for op := range p.operations {
		of := out[class(op)]
		if of == nil {
			of = map[int]*refusal{}
			out[class(op)] = of
		}
		for _, path := range paths(op) {
			for _, fault := range p.faults(op, path) {
				ref, ok := p.Dialect.Refusal(fault, op.Purpose)
				if !ok {
					continue
				}
				r := of[ref.Status]
				if r == nil {
					r = &refusal{status: ref.Status}
					of[ref.Status] = r
				}
				if slices.Contains(r.faults, fault) {
					continue
				}
				s, err := p.worded(ref)
				if err != nil {
					return nil, err
				}
				r.body = merge(r.body, s)
				r.all, r.faults = append(r.all, ref), append(r.faults, fault)
			}
		}
	}
	var all []*refusal
	kinds := slices.Sorted(maps.Keys(out))
	for _, kind := range kinds {
		all = append(all, byStatus(out[kind])...)
	}
	if p.nameAlike(all, "Error") {
		return out, nil
	}
	for _, kind := range kinds {
		if p.nameAlike(byStatus(out[kind]), kind) {
			continue
		}
		for _, r := range byStatus(out[kind]) {
			p.nameAlike([]*refusal{r}, kind+strconv.Itoa(r.status))
		}
	}
	return out, nil
}

func byStatus(of map[int]*refusal) []*refusal {
	var out []*refusal
	for _, status := range slices.Sorted(maps.Keys(of)) {
		out = append(out, of[status])
	}
	return out
}

// nameAlike gives refusals whose bodies are alike one body and one name, and
// says whether they are.
func (p *Product) nameAlike(all []*refusal, name string) bool {
	var body *Shape
	for _, r := range all {
		if !equal(cmp.Or(body, r.body), r.body) {
			return false
		}
		body = merge(body, r.body)
	}
	if body == nil {
		return true
	}
	p.name(body, name)
	body.About = "is how the product words a refusal."
	for _, r := range all {
		r.body = body
	}
	return true
}

// worded is the body of a refusal. Members that it has no value for are left
// out on the wire.
func (p *Product) worded(r *dialect.Refusal) (*Shape, error) {
	if len(r.Shape) == 0 {
		return nil, nil
	}
	out := &Shape{Kind: "object"}
	for _, f := range r.Shape {
		if !p.ever(f.Since, f.Until) {
			continue
		}
		s, err := value(f)
		if err != nil {
			return nil, err
		}
		says, said := r.Says[f.Term]
		if said && f.Term == dialect.ErrorCode {
			s.Enum = []string{says}
		}
		switch f.Term {
		case dialect.ErrorStatus, dialect.ErrorInstance, dialect.ErrorTrace:
			said = true
		}
		if said || f.Fixed != "" || f.As == dialect.Null {
			out.Members = append(out.Members, &Member{Name: f.Wire, About: f.Term.Meaning(), Shape: s, Optional: !p.always(f.Since, f.Until)})
		}
	}
	return wrap(r.Within, out), nil
}
