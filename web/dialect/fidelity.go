package dialect

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/tools/txtar"
)

// Evidence is what one document prints, and a test holds the description to:
// an exchange, or a list of facts.
type Evidence struct {
	// Document and Product say where it is printed and for which releases.
	Document, Product string
	// Basis is [Documented] for the vendor's pages and specifications and
	// [Observed] for what a server or a public client showed.
	Basis Basis
	// Purpose, Kind and Fault are of the exchange; empty for facts.
	Purpose Purpose
	Kind    Kind
	Fault   Fault

	answer string
	facts  []string
}

//go:embed testdata/*/*.txtar
var evidenceFiles embed.FS

var readAllEvidence = sync.OnceValue(func() map[string][]Evidence {
	all := map[string][]Evidence{}
	files, err := fs.Glob(evidenceFiles, "testdata/*/*.txtar")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, name := range files {
		text, err := evidenceFiles.ReadFile(name)
		if err != nil {
			panic(err) // it was found in the program just now
		}
		id := path.Base(path.Dir(name))
		all[id] = append(all[id], readEvidenceFile(text))
	}
	return all
})

// readEvidenceFile keeps what the page shows of one file.
func readEvidenceFile(text []byte) Evidence {
	var e Evidence
	for _, f := range txtar.Parse(text).Files {
		data := string(f.Data)
		switch f.Name {
		case "source":
			e.Document, e.Product = strings.TrimSuffix(after(data, "document:"), "."), after(data, "product:")
			e.Basis = Documented
			if mark := after(data, "mark:"); strings.HasPrefix(mark, "R") || strings.HasPrefix(mark, "C") {
				e.Basis = Observed
			}
		case "meaning":
			e.Purpose, e.Kind, e.Fault = Purpose(after(data, "purpose ")), Kind(after(data, "kind ")), Fault(after(data, "fault "))
		case "answer":
			e.answer = data
		case "facts":
			e.facts = strings.Split(data, "\n")
		}
	}
	return e
}

// after returns the rest of the first line that begins with a prefix.
func after(text, prefix string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// Evidence lists what the description of a built-in product is held to.
func (d *Dialect) Evidence() []Evidence { return readAllEvidence()[d.ID] }

// cites is the document that a list of facts begins so in.
func (d *Dialect) cites(fact string) (Basis, string) {
	for _, e := range d.Evidence() {
		if slices.ContainsFunc(e.facts, func(line string) bool { return line == fact || strings.HasPrefix(line, fact+" ") }) {
			return e.Basis, e.Document
		}
	}
	return "", ""
}

// shown is the best evidence of an exchange: a document before an observation.
func (d *Dialect) shown(fits func(Evidence) bool) (Basis, string) {
	var basis Basis
	var document string
	for _, e := range d.Evidence() {
		if e.facts == nil && fits(e) && (basis == "" || basis == Observed && e.Basis == Documented) {
			basis, document = e.Basis, e.Document
		}
	}
	return basis, document
}

// Part is the kind of thing that a [Fact] is about.
type Part string

// The parts of a description, in the order of the page.
const (
	PartCall     Part = "Call"
	PartGrant    Part = "Grant"
	PartMember   Part = "Answer member"
	PartRefusal  Part = "Refusal"
	PartClaim    Part = "Token claim"
	PartLifetime Part = "Lifetime"
)

// Fact is one thing that a description says, and how well it is known.
type Fact struct {
	Part         Part
	What, Answer string
	// Basis is empty where neither the description nor its evidence names one.
	Basis Basis
	// Source is the document, the observation, or the reason of a choice.
	Source string
}

// Facts lists every operation, grant, member of an answer, refusal, claim and
// lifetime of the product.
func (d *Dialect) Facts() []Fact {
	var list []Fact
	for i := range d.Operations {
		list = append(list, d.callFact(&d.Operations[i]))
	}
	for _, g := range d.Operation(Obtain).Grants {
		list = append(list, d.grantFact(g))
	}
	for i := range d.Operations {
		list = append(list, d.memberFacts(&d.Operations[i])...)
	}
	for i := range d.Refusals {
		list = append(list, d.refusalFact(&d.Refusals[i]))
	}
	for _, t := range []struct {
		name string
		*Token
	}{{"access", &d.Access}, {"refresh", &d.Refresh}} {
		list = append(list, d.tokenFacts(t.name, t.Token)...)
	}
	return append(list, d.lifetimeFacts()...)
}

func (d *Dialect) callFact(op *Operation) Fact {
	f := Fact{Part: PartCall, What: op.Method + " " + op.Path, Answer: statusText(op.Status) + ". " + op.Summary, Basis: op.Basis, Source: op.Reason}
	basis, document := d.shown(func(e Evidence) bool { return e.Purpose == op.Purpose && e.Fault == "" && op.Purpose != FirstCall })
	if f.Basis == "" {
		f.Basis = basis
	}
	if f.Source == "" && f.Basis != Choice {
		f.Source = document
	}
	return f
}

func (d *Dialect) grantFact(g Grant) Fact {
	var takes []string
	for _, field := range g.Takes {
		takes = append(takes, field.Wire)
	}
	f := Fact{Part: PartGrant, What: g.Wire, Answer: "Takes " + strings.Join(takes, ", ")}
	if len(takes) == 0 {
		f.Answer = "Takes nothing"
	}
	f.Basis, f.Source = d.shown(func(e Evidence) bool { return e.Purpose == Obtain && e.Kind == g.Kind })
	if f.Basis == Documented {
		return f
	}
	for _, e := range d.Evidence() {
		for _, line := range e.facts {
			if names := strings.Fields(line); len(names) > 2 && names[0] == "grants" && slices.Contains(names[2:], g.Wire) {
				f.Basis, f.Source = e.Basis, e.Document
			}
		}
	}
	return f
}

func (d *Dialect) memberFacts(op *Operation) []Fact {
	var list []Fact
	for _, g := range slices.Concat(op.Gives, op.Challenge.Gives, op.Tells) {
		f := Fact{Part: PartMember, What: g.Wire + ", " + op.Method + " " + op.Path, Answer: g.As.Type + ". " + g.Term.Meaning()}
		if slices.ContainsFunc(list, func(have Fact) bool { return have.What == f.What }) {
			continue
		}
		f.Basis, f.Source = d.shown(func(e Evidence) bool {
			return e.Purpose == op.Purpose && e.Fault == "" && strings.Contains(e.answer, `"`+g.Wire+`"`)
		})
		if f.Basis == "" && op.Purpose == Obtain {
			f.Basis, f.Source = d.givenIn(g.Wire)
		}
		if f.Basis == "" {
			f.Basis, f.Source = cmp.Or(op.Members, op.Basis), op.Reason
		}
		list = append(list, f)
	}
	return list
}

// givenIn is the list of facts that names a member of the token call's answer.
func (d *Dialect) givenIn(wire string) (Basis, string) {
	for _, e := range d.Evidence() {
		for _, line := range e.facts {
			if names := strings.Fields(line); len(names) > 2 && names[0] == "gives" && slices.Contains(names[2:], wire) {
				return e.Basis, e.Document
			}
		}
	}
	return "", ""
}

func (d *Dialect) refusalFact(r *Refusal) Fact {
	f := Fact{Part: PartRefusal, What: strings.ReplaceAll(string(r.Fault), "_", " "), Basis: r.Basis, Source: r.Reason}
	if r.On != "" {
		if op := d.Operation(r.On); op != nil {
			f.What += ", " + op.Method + " " + op.Path
		}
	}
	var says []string
	for _, t := range []Term{ErrorCode, ErrorTitle, ErrorDetail} {
		if text := r.Says[t]; text != "" {
			says = append(says, text)
		}
	}
	f.Answer = strings.Join(append([]string{statusText(r.Status)}, says...), ": ")
	if f.Basis != Choice {
		basis, document := d.shown(func(e Evidence) bool {
			return e.Fault == r.Fault && (r.On == "" || e.Purpose == r.On)
		})
		f.Basis, f.Source = cmp.Or(f.Basis, basis), cmp.Or(f.Source, document)
	}
	return f
}

func (d *Dialect) tokenFacts(name string, t *Token) []Fact {
	what := "The " + name + " token"
	basis, document := d.shown(func(e Evidence) bool { return e.Purpose == Obtain && e.Fault == "" && e.answer != "" })
	if t.Basis == Choice {
		document = "No document shows one; the other token of the pair is the model."
	}
	if t.Opaque > 0 {
		return []Fact{{PartClaim, what, fmt.Sprintf("%d characters that say nothing", t.Opaque), cmp.Or(t.Basis, basis), document}}
	}
	list := []Fact{{PartClaim, what, "A JWT signed with " + t.Alg, cmp.Or(t.Basis, basis), document}}
	for _, c := range t.Claims {
		f := Fact{PartClaim, c.Wire + ", " + name + " token", c.Term.Meaning(), cmp.Or(t.Basis, basis), document}
		if f.Answer == "" {
			f.Answer = "Always " + c.Fixed
		}
		list = append(list, f)
	}
	return list
}

func (d *Dialect) lifetimeFacts() []Fact {
	var list []Fact
	l := d.Lifetimes
	for _, one := range []struct {
		what, fact string
		life       time.Duration
		basis      Basis
	}{
		{"Access token", "access", l.Access, ""},
		{"Refresh token", "refresh", l.Refresh, l.RefreshBasis},
		{"Refresh token, short", "short-refresh", l.ShortRefresh, ""},
		{"Refresh token, long", "long-refresh", l.LongRefresh, ""},
		{"One-time code", "code", l.Code, l.CodeBasis},
		{"expires_in", "reported", l.Reported, ""},
	} {
		if one.life == 0 {
			continue
		}
		f := Fact{Part: PartLifetime, What: one.what, Answer: lifeText(one.life), Basis: one.basis}
		basis, document := d.cites(one.fact)
		if f.Basis == Choice {
			document = l.Note
		}
		f.Basis, f.Source = cmp.Or(f.Basis, basis), document
		list = append(list, f)
	}
	return list
}

func lifeText(life time.Duration) string {
	switch {
	case life%(24*time.Hour) == 0:
		return count(int(life/(24*time.Hour)), "day")
	case life%time.Hour == 0:
		return count(int(life/time.Hour), "hour")
	case life%time.Minute == 0:
		return count(int(life/time.Minute), "minute")
	}
	return count(int(life/time.Second), "second")
}

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}
