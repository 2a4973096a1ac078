package templates

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func render(t *testing.T, c templ.Component) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parse(t *testing.T, c templ.Component) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(render(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// eachSample runs f for every sample page.
func eachSample(t *testing.T, f func(t *testing.T, name string, c templ.Component)) {
	t.Helper()
	all := samples()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) { f(t, name, all[name]) })
	}
}

func TestPagesAreTheirGoldenFiles(t *testing.T) {
	eachSample(t, func(t *testing.T, name string, c templ.Component) {
		file := filepath.Join("testdata", name+".html")
		// One element a line, so that a change reads as one.
		got := strings.ReplaceAll(string(render(t, c)), "><", ">\n<") + "\n"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s differs (-want +got); if the change is meant, run go test ./templates -update:\n%s", file, diff)
		}
	})
}

// The policy of the page forbids anything inline, and a browser would drop it
// without a word.
func TestNothingIsInline(t *testing.T) {
	eachSample(t, func(t *testing.T, _ string, c templ.Component) {
		doc := parse(t, c)
		doc.Find("*").Each(func(_ int, s *goquery.Selection) {
			for _, a := range s.Nodes[0].Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") || a.Key == "hx-vals" || a.Key == "hx-headers" {
					t.Errorf("<%s> has %s=%q", s.Nodes[0].Data, a.Key, a.Val)
				}
				if strings.Contains(a.Val, "//") && (a.Key == "href" || a.Key == "src" || a.Key == "action") {
					t.Errorf("<%s> leads away: %s=%q", s.Nodes[0].Data, a.Key, a.Val)
				}
			}
		})
		doc.Find("script").Each(func(_ int, s *goquery.Selection) {
			if s.Text() != "" || s.AttrOr("src", "") == "" {
				t.Error("a script is inline")
			}
		})
		if doc.Find("style, iframe").Length() > 0 {
			t.Error("a style or frame is inline")
		}
	})
}

func TestIdsAreUniqueAndEveryReferenceHasOne(t *testing.T) {
	eachSample(t, func(t *testing.T, name string, c templ.Component) {
		doc := parse(t, c)
		ids := map[string]int{}
		doc.Find("[id]").Each(func(_ int, s *goquery.Selection) { ids[s.AttrOr("id", "")]++ })
		for id, n := range ids {
			if n > 1 {
				t.Errorf("id %q is there %d times", id, n)
			}
			if strings.ContainsAny(id, " \t") || id == "" {
				t.Errorf("id %q is empty or has a blank", id)
			}
		}
		for _, attr := range []string{"for", "form", "aria-labelledby", "aria-describedby", "data-copy", "data-show", "href"} {
			doc.Find("[" + attr + "]").Each(func(_ int, s *goquery.Selection) {
				for _, id := range strings.Fields(s.AttrOr(attr, "")) {
					local, isLocal := strings.CutPrefix(id, "#")
					if attr == "href" && !isLocal || name == "problem-fragment" {
						continue
					}
					if ids[local] == 0 {
						t.Errorf("%s=%q of <%s> leads nowhere", attr, id, s.Nodes[0].Data)
					}
				}
			})
		}
	})
}

func TestAPageHasAtMostOneFilledButton(t *testing.T) {
	eachSample(t, func(t *testing.T, _ string, c templ.Component) {
		if n := parse(t, c).Find(".btn.next").Length(); n > 1 {
			t.Errorf("%d filled buttons", n)
		}
	})
}

func TestAPageHasOneHeadingOfTheFirstLevel(t *testing.T) {
	eachSample(t, func(t *testing.T, _ string, c templ.Component) {
		if n := parse(t, c).Find("h1").Length(); n != 1 {
			t.Errorf("%d h1", n)
		}
	})
}

func TestRitualWords(t *testing.T) {
	buttons := func(v ProductView) []string {
		return parse(t, Product(v)).Find("#op-token .send button").Map(func(_ int, s *goquery.Selection) string { return strings.TrimSpace(s.Text()) })
	}
	for _, c := range []struct {
		name string
		view ProductView
		want []string
	}{
		{"classic has one button that sends", sampleClassic(), []string{"Try it out", "Fill in the sandbox account"}},
		{"modern begins with Try it out", sampleModern(), []string{"Try it out"}},
		{"modern goes on with Execute and Cancel", sampleTried(), []string{"Execute", "Cancel"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, buttons(c.view)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingCanBeSentBeforeTryItOut(t *testing.T) {
	op := parse(t, Product(sampleModern())).Find("#op-token")
	if n := op.Find("form[method=post]").Length(); n != 0 {
		t.Errorf("%d forms post", n)
	}
	if n := op.Find(".fields input:not([disabled])").Length(); n != 0 {
		t.Errorf("%d inputs can be typed in", n)
	}
}

// A whole page must not swap parts of itself, a fragment must.
func TestAFragmentBringsTheBarAlong(t *testing.T) {
	outOfBand := func(c templ.Component) []string {
		return parse(t, c).Find("[hx-swap-oob=true]").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("id", "") })
	}
	if diff := cmp.Diff([]string{"skip", "bar"}, outOfBand(ProductFragment(sampleValid()))); diff != "" {
		t.Error(diff)
	}
	if got := outOfBand(Product(sampleValid())); len(got) != 0 {
		t.Errorf("the whole page swaps %v", got)
	}
}

// Forms and links that htmx takes over need the part that they swap.
func TestBoostedElementsHaveSomethingToSwap(t *testing.T) {
	eachSample(t, func(t *testing.T, _ string, c templ.Component) {
		doc := parse(t, c)
		boosted := doc.Find("[hx-boost], [hx-get]")
		if n := boosted.Length() - boosted.Filter("#play *, [hx-disable] *").Length(); n != 0 {
			t.Errorf("%d elements would swap the whole page", n)
		}
	})
}

// Enter sends: the first submit button of the form, wherever it stands, must
// be the one that sends.
func TestEnterSends(t *testing.T) {
	for name, v := range map[string]ProductView{"classic": sampleClassic(), "modern": sampleTried()} {
		t.Run(name, func(t *testing.T) {
			form := parse(t, Product(v)).Find("#form-token")
			first := form.Find("button:not([type=button])").First()
			if name, ok := first.Attr("name"); ok || !first.HasClass("hide") {
				t.Errorf("the first submit button carries %q, want the unseen one that just sends", name)
			}
			if got := form.Find(".noscript").AttrOr("name", ""); got != "x.change" {
				t.Errorf("Change carries %q, want x.change", got)
			}
		})
	}
}

func TestTheGrantIsAFieldOfTheForm(t *testing.T) {
	if got := parse(t, Product(sampleClassic())).Find(`#form-token select[name=grant_type] option[selected]`).Text(); got != "password (default)" {
		t.Errorf("the list shows %q, want password (default)", got)
	}
}

func TestCodeCopiesAsTheWireHadIt(t *testing.T) {
	want := "POST /token HTTP/1.1\nHost: <a&b>\n\nx=1\n"
	got := parse(t, lines(plainLines([]string{"POST /token HTTP/1.1", "Host: <a&b>", "", "x=1"}))).Text()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGetFormKeepsQueryAndPlace(t *testing.T) {
	for _, c := range []struct {
		href, action string
		fields       []Hidden
	}{
		{"/p", "/p", nil},
		{"/p?b=2&a=1&a=3", "/p", []Hidden{{"a", "1"}, {"a", "3"}, {"b", "2"}}},
		{"/p?a=x%26y#op", "/p#op", []Hidden{{"a", "x&y"}}},
	} {
		t.Run(c.href, func(t *testing.T) {
			action, fields := getForm(c.href)
			if action != c.action {
				t.Errorf("action: got %q, want %q", action, c.action)
			}
			if diff := cmp.Diff(c.fields, fields); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A hostile target writes names, headers and bodies; all of it is text.
func TestWhatATargetSaysIsText(t *testing.T) {
	evil := `"><img src=x onerror=alert(1)><script>1</script>`
	v := sampleShown()
	v.Key.Mask, v.Real = evil, evil
	a := v.Groups[0].Operations[0].Answer
	a.Status, a.Sentence, a.Unknown, a.Facts = evil, evil, []string{evil}, []string{evil}
	a.Headers = []HeaderRow{{evil, evil, evil}}
	a.Code = &CodeView{Label: evil, Lines: []CodeLine{line(evil, evil)}}
	a.Why = &WhyView{Title: evil, Text: evil, Action: &ActionView{Text: evil, Href: "javascript:alert(1)"}}
	doc := parse(t, Product(v))
	if n := doc.Find("img, main script, [onerror]").Length(); n != 0 {
		t.Errorf("%d elements came out of a target's words", n)
	}
	if n := doc.Find(`[href^="javascript"]`).Length(); n != 0 {
		t.Errorf("%d links run script", n)
	}
}

func TestAPageWithAnAnswerIsSmall(t *testing.T) {
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, 5)
	if _, err := w.Write(render(t, Product(sampleValid()))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes with brotli 5", b.Len())
	if b.Len() > 9000 {
		t.Errorf("%d bytes with brotli, more than 9000", b.Len())
	}
}

func BenchmarkProduct(b *testing.B) {
	v := sampleValid()
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		if err := Product(v).Render(b.Context(), &out); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(out.Len()))
}
