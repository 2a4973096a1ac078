package shape

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tokenplayground/web/dialect"
)

// Product is what one product answers, in one version or in several together.
type Product struct {
	Dialect *dialect.Dialect
	Calls   []*Call
	// Types are named objects, in the order in which they were found.
	Types []*Shape

	versions []string
	named    map[string]bool
}

// Call is one method on one path.
type Call struct {
	Op      *dialect.Operation
	Name    string // unique within the product
	Path    string // as the dialect spells it, {version} and all
	Answers []*Answer
}

// Answer is what a call may answer with one status.
type Answer struct {
	Status int
	About  string
	Media  []string
	Body   *Shape // nil for none
	Sample any    // of the body; nil for none
	// Faults are the reasons of a refusal; empty for a success.
	Faults []dialect.Fault
}

// Of describes a product in versions of it, oldest first; all if none is named.
func Of(d *dialect.Dialect, versions ...string) (*Product, error) {
	if len(versions) == 0 {
		for _, v := range d.Versions.All {
			versions = append(versions, v.ID)
		}
	}
	p := &Product{Dialect: d, versions: versions, named: map[string]bool{}}
	refusals, err := p.refusals()
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for op := range p.operations {
		good, err := p.successes(op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Method, op.Path, err)
		}
		for _, path := range paths(op) {
			c := &Call{Op: op, Path: path, Name: Unique(names, callName(op)), Answers: slices.Clone(good)}
			for _, status := range slices.Sorted(maps.Keys(refusals[class(op)])) {
				if r := refusals[class(op)][status].of(p, c); r != nil {
					c.Answers = append(c.Answers, r)
				}
			}
			if op.HasBody() {
				c.Answers = append(c.Answers, &Answer{Status: http.StatusRequestEntityTooLarge, About: "The body has more than 64 KB."})
			}
			slices.SortStableFunc(c.Answers, func(a, b *Answer) int { return cmp.Compare(a.Status, b.Status) })
			p.Calls = append(p.Calls, c)
		}
	}
	return p, nil
}

// operations yields those that one of the versions has.
func (p *Product) operations(yield func(*dialect.Operation) bool) {
	for i := range p.Dialect.Operations {
		if op := &p.Dialect.Operations[i]; p.ever(op.Since, op.Until) && !yield(op) {
			return
		}
	}
}

// ever says whether one of the versions has something.
func (p *Product) ever(since, until string) bool {
	return slices.ContainsFunc(p.versions, func(v string) bool { return p.Dialect.Speaks(v, since, until) })
}

// always says whether all versions have something.
func (p *Product) always(since, until string) bool {
	return !slices.ContainsFunc(p.versions, func(v string) bool { return !p.Dialect.Speaks(v, since, until) })
}

func paths(op *dialect.Operation) []string { return append([]string{op.Path}, op.Also...) }

// Unique returns a name, with a number if it was seen before.
func Unique(seen map[string]bool, name string) string {
	out := name
	for n := 2; seen[out]; n++ {
		out = name + strconv.Itoa(n)
	}
	seen[out] = true
	return out
}

func callName(op *dialect.Operation) string {
	if op.Purpose != dialect.FirstCall {
		return string(op.Purpose)
	}
	return LastWord(op.Path)
}

// LastWord is the last segment of a path that is not a parameter.
func LastWord(path string) string {
	segments := strings.Split(path, "/")
	for i := len(segments) - 1; i >= 0; i-- {
		if !strings.HasPrefix(segments[i], "{") {
			return segments[i]
		}
	}
	return "root"
}

// successes are the answers of a call that was not refused: in most versions,
// in those that say it with another status, and half way.
func (p *Product) successes(op *dialect.Operation) ([]*Answer, error) {
	good, err := p.success(op)
	if err != nil {
		return nil, err
	}
	out := []*Answer{good}
	for _, older := range op.Older {
		if older.Status != 0 && older.Status != good.Status && p.ever("", older.Until) {
			other := *good
			other.Status, other.About = older.Status, "Done, up to "+older.Until+". "+op.Summary+"."
			out = append(out, &other)
		}
	}
	if c := op.Challenge; c.Status != 0 {
		half := *op
		if c.Gives != nil {
			half.Gives = c.Gives
		}
		body, err := p.said(&half)
		if err != nil {
			return nil, err
		}
		for _, m := range body.Members {
			m.Optional = false
		}
		a := &Answer{Status: c.Status, About: "The token of a sign-in that is half done.", Media: good.Media, Body: wrap(op.Within, body)}
		p.name(a.Body, Upper(LastWord(op.Path))+"Challenge")
		out = append(out, a)
	}
	return out, nil
}

// success is the answer of a call that was not refused.
func (p *Product) success(op *dialect.Operation) (*Answer, error) {
	a := &Answer{Status: op.Status, About: cmp.Or(op.Reason, op.Summary+".")}
	var bodies []string
	for _, v := range p.versions {
		if !p.Dialect.Speaks(v, op.Since, op.Until) {
			continue
		}
		a.Status = p.Dialect.Status(op, v)
		if b := p.Dialect.Body(op, v); b != "" && !slices.Contains(bodies, b) {
			bodies = append(bodies, b)
		}
	}
	if op.Basis == dialect.Choice {
		a.About = "The sandbox's choice. " + a.About
	}
	if op.Purpose == dialect.Obtain {
		a.About = "A new pair of tokens."
		if p.Dialect.SecondFactor == dialect.Challenges && op.Challenge.Status == 0 {
			a.About = "A new pair of tokens, or the token of a sign-in that is half done."
		}
	}
	switch {
	case len(op.Gives) > 0:
		body, err := p.said(op)
		if err != nil {
			return nil, err
		}
		a.Body = wrap(op.Within, body)
	case len(bodies) == 0:
		a.About = "Done; there is no body. " + a.About
		return a, nil
	default:
		for _, text := range bodies {
			s, sample, err := observe(text)
			if err != nil {
				return nil, err
			}
			a.Body, a.Sample = merge(a.Body, s), sample
		}
	}
	a.Media = []string{"application/json"}
	p.name(a.Body, Upper(LastWord(op.Path)))
	return a, nil
}

// said is the object of an answer's fields, in all versions together.
func (p *Product) said(op *dialect.Operation) (*Shape, error) {
	out := &Shape{Kind: "object", About: "is what " + op.Method + " " + op.Path + " answers."}
	var names []string
	for _, f := range op.Gives {
		if !f.ReadOnly && p.ever(f.Since, f.Until) && !slices.Contains(names, f.Wire) {
			names = append(names, f.Wire)
		}
	}
	for _, name := range names {
		m := &Member{Name: name}
		for _, f := range op.Gives {
			if f.Wire != name || f.ReadOnly || !p.ever(f.Since, f.Until) {
				continue
			}
			s, err := value(f)
			if err != nil {
				return nil, err
			}
			m.Shape = merge(m.Shape, s)
			m.About = f.Term.Meaning()
			m.Optional = m.Optional || p.sometimes(f.Term)
		}
		for _, v := range p.versions {
			if !slices.ContainsFunc(p.Dialect.Fields(op.Gives, v), func(f dialect.Field) bool { return f.Wire == name && !f.ReadOnly }) {
				m.Optional = true
			}
		}
		if since := onlySince(op.Gives, name); since != "" && !p.always(since, "") {
			m.About += " Since " + since + "."
		}
		out.Members = append(out.Members, m)
	}
	return out, nil
}

func onlySince(fields []dialect.Field, wire string) string {
	since := ""
	for _, f := range fields {
		if f.Wire == wire && f.Since == "" {
			return ""
		}
		if f.Wire == wire {
			since = f.Since
		}
	}
	return since
}

// sometimes says that not every answer has the meaning.
func (p *Product) sometimes(t dialect.Term) bool {
	switch t {
	case dialect.MFAToken, dialect.RedirectTo, dialect.EncryptedCode:
		return true
	case dialect.AccessToken, dialect.RefreshToken, dialect.RefreshExpiresAt:
		half := p.Dialect.SecondFactor == dialect.Challenges && p.Dialect.Operation(dialect.Obtain).Challenge.Gives == nil
		return half || p.encrypts()
	case dialect.TokenType, dialect.ExpiresIn:
		return p.encrypts()
	}
	return false
}

// encrypts says that the token call may answer with an encrypted code alone.
func (p *Product) encrypts() bool {
	_, ok := p.Dialect.Grant(dialect.PublicKeyGrant)
	return ok
}

// name gives every object in a shape a definition.
func (p *Product) name(s *Shape, name string) {
	switch {
	case s == nil || s.Name != "":
	case s.Kind == "array":
		p.name(s.Item, name)
	case s.Kind == "object":
		s.Name = Unique(p.named, name)
		s.About = cmp.Or(s.About, "is a part of what the sandbox answers.")
		p.Types = append(p.Types, s)
		for _, m := range s.Members {
			p.name(m.Shape, s.Name+Upper(m.Name))
		}
	}
}

// Upper returns a name with a capital.
func Upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
