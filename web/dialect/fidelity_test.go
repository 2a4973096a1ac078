package dialect

import (
	"slices"
	"strings"
	"testing"
)

// Whatever a page says of a product, it says from where or why.
func TestFactsNameTheirBasis(t *testing.T) {
	for _, d := range All() {
		for _, f := range d.Facts() {
			if f.What == "" || f.Answer == "" || f.Basis == "" || f.Source == "" {
				t.Errorf("%s: a fact says nothing, or not from where: %+v", d.ID, f)
			}
		}
	}
}

func TestFactsTellChoiceFromDocument(t *testing.T) {
	find := func(id, what string) Fact {
		d, _ := Find(id)
		facts := d.Facts()
		i := slices.IndexFunc(facts, func(f Fact) bool { return f.What == what })
		if i < 0 {
			t.Fatalf("%s has no fact %q", id, what)
		}
		return facts[i]
	}
	for _, tt := range []struct {
		id, what string
		part     Part
		basis    Basis
		source   string
	}{
		{"vbr", "POST /api/oauth2/token", PartCall, Documented, ""},
		{"vbr", "refresh_token", PartGrant, Documented, ""},
		{"vbr", ".issued, POST /api/oauth2/token", PartMember, Documented, ""},
		{"vbr", "Refresh token", PartLifetime, Documented, ""},
		{"vac", "Refresh token", PartLifetime, Choice, "not documented"},
		{"vspc", "bad credentials, POST /api/v3/token", PartRefusal, Documented, "400, not 401"},
		{"vspc", "unsupported version", PartRefusal, Observed, "issue"},
	} {
		t.Run(tt.id+" "+tt.what, func(t *testing.T) {
			f := find(tt.id, tt.what)
			if f.Part != tt.part || f.Basis != tt.basis || f.Source == "" || !strings.Contains(f.Source, tt.source) {
				t.Errorf("got %+v", f)
			}
		})
	}
}

// Every file that a test reads is in the program, and says what it is.
func TestEvidenceIsInTheProgram(t *testing.T) {
	for _, d := range All() {
		if got, want := len(d.Evidence()), len(readEvidence(t, d.ID)); got != want {
			t.Errorf("%s: %d pieces of evidence in the program, %d in its folder", d.ID, got, want)
		}
		for _, e := range d.Evidence() {
			if e.Document == "" || e.Product == "" {
				t.Errorf("%s: evidence without a document: %+v", d.ID, e)
			}
		}
	}
}
