package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

func page(t testing.TB, r *reply) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Everything that says something of time follows the clock.
func TestClockMovesEverything(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		base := "/" + d.ID
		signedIn := v.call(base+"/token", signIn(t, d, "administrator"))
		ends, err := time.Parse(time.RFC3339, signedIn.Session.ExpiresAt)
		if err != nil {
			t.Fatal(err)
		}

		got := v.call(base+"/clock", "move=5m")
		if got.Exchange != nil || got.Session.State != "valid" || got.Clock == nil || got.Clock.AheadSeconds != 300 {
			t.Fatalf("five minutes on: got %s", got.raw)
		}
		got = v.call(base+"/clock", "move=near")
		if left := ends.Sub(got.Clock.Now); got.Session.State != "valid" || left < 7*time.Second || left > 11*time.Second {
			t.Errorf("near the end: %v left: %s", left, got.raw)
		}
		if x := v.call(base+"/explore", ""); x.Exchange.Response.Status != http.StatusOK {
			t.Errorf("near the end: explore got %d", x.Exchange.Response.Status)
		}

		if text := page(t, v.get(base, asPage)).Find("#steps [aria-current]").Text(); !strings.Contains(text, "sandbox clock") {
			t.Errorf("the step that waits for the end names no clock: %q", text)
		}

		got = v.call(base+"/clock", "move=expire-access")
		if got.Session.State != "expired_refreshable" || !got.Clock.Now.After(ends) {
			t.Errorf("past the access token: got %s", got.raw)
		}
		p := page(t, v.get(base, asPage))
		if text := p.Find(".state strong").Text(); !strings.Contains(text, "expired") {
			t.Errorf("past the access token: the page says %q", text)
		}
		if text := p.Find(".state .btn.next").Text(); text != "Refresh" {
			t.Errorf("past the access token: the next button is %q", text)
		}
		if text := p.Find("#tokens .mark").Text(); !strings.HasPrefix(text, "Expired") {
			t.Errorf("past the access token: the meter says %q", text)
		}
		if x := v.call(base+"/explore", ""); x.Exchange.Response.Status != http.StatusUnauthorized {
			t.Errorf("past the access token: explore got %d", x.Exchange.Response.Status)
		}
		if x := v.call(base+"/refresh", ""); x.Session.State != "valid" {
			t.Errorf("past the access token: refresh got %s", x.raw)
		}

		got = v.call(base+"/clock", "move=expire-refresh")
		if got.Session.State != "dead" {
			t.Errorf("past the refresh token: got %s", got.raw)
		}
		if x := v.call(base+"/refresh", ""); x.Exchange.Response.Status < 400 {
			t.Errorf("past the refresh token: refresh got %d", x.Exchange.Response.Status)
		}

		v.call(base+"/token", signIn(t, d, "administrator"))
		got = v.call(base+"/clock", "move=now")
		if got.Session.State != "dead" || got.Clock.AheadSeconds != 0 {
			t.Errorf("back to now, with a pair of the future: got %s", got.raw)
		}
		page := page(t, v.get(base, asPage))
		if text := page.Find(".state strong").Text(); !strings.Contains(text, "Not valid yet") {
			t.Errorf("back to now, with a pair of the future: the page says %q", text)
		}
		if x := v.call(base+"/explore", ""); x.Exchange.Response.Status != http.StatusUnauthorized {
			t.Errorf("back to now, with a pair of the future: explore got %d", x.Exchange.Response.Status)
		}
	})
}

func TestClockOfOneVisitorIsNobodyElses(t *testing.T) {
	t.Parallel()
	w := open(t)
	one, other := w.visitor(t), w.visitor(t)
	d := dialect.All()[0]
	other.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	one.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	one.call("/"+d.ID+"/clock", "move=expire-refresh")
	if got := other.call("/"+d.ID+"/explore", ""); got.Exchange.Response.Status != http.StatusOK || got.Session.State != "valid" {
		t.Errorf("the other visitor: got %s", got.raw)
	}
}

func TestClockWithoutScript(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)

	first := page(t, v.get("/"+d.ID, asPage).want(http.StatusOK))
	reasons := map[string]string{}
	first.Find("#clock button[disabled]").Each(func(_ int, s *goquery.Selection) {
		why, _ := s.Attr("aria-describedby")
		reasons[s.Text()] = first.Find("#" + why).Text()
	})
	if diff := cmp.Diff(map[string]string{
		"10 s left": "There is no access token yet.", "Expire access": "There is no access token yet.",
		"Expire refresh": "There is no refresh token yet.", "Back to now": "The clock shows the real time.",
	}, reasons); diff != "" {
		t.Errorf("what a new visitor cannot press (-want +got):\n%s", diff)
	}

	v.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asPage).want(http.StatusSeeOther)
	shown := page(t, v.get("/"+d.ID+"?op=token&x=1&view=headers", asPage))
	action, _ := shown.Find("#move-expire-access").Closest("form").Attr("action")
	r := v.post(action, "move=expire-access", asPage).want(http.StatusSeeOther)
	to := r.header.Get("Location")
	if !strings.HasSuffix(to, "#clock") {
		t.Errorf("a move leads to %s, not to the clock", to)
	}
	path, _, _ := strings.Cut(to, "#")
	after := page(t, v.get(path, asPage).want(http.StatusOK))
	if said := after.Find("#said").Text(); !strings.Contains(said, "has expired") {
		t.Errorf("the clock says %q", said)
	}
	if after.Find("#answer .tabs [aria-current]").Text() != "Headers" {
		t.Error("a move took the answer off the page")
	}
	if fragment := page(t, v.post(action, "move=now", asFragment).want(http.StatusOK)); fragment.Find("#answer .tabs [aria-current]").Text() != "Headers" || fragment.Find("#said").Length() != 1 {
		t.Error("a move took the answer off the fragment, or says nothing")
	}
}

func TestImpossibleMovesAreRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	for _, tt := range []struct {
		name, before, move, kind, says string
	}{
		{"near the end of nothing", "", "near", "impossible-move", "There is no access token yet."},
		{"past the end of nothing", "", "expire-refresh", "impossible-move", "There is no refresh token yet."},
		{"back to the time that it is", "", "now", "impossible-move", "real time"},
		{"past an end twice", "expire-access", "expire-access", "impossible-move", "expired already"},
		{"a move that there is not", "", "backwards", "unknown-move", "expire-access, expire-refresh and now"},
		{"no move", "", "", "unknown-move", "5m, near"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := w.visitor(t)
			if tt.before != "" {
				v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
				v.call("/"+d.ID+"/clock", "move="+tt.before)
			}
			got := v.post("/"+d.ID+"/clock", "move="+tt.move, asJSON).problem(http.StatusUnprocessableEntity, tt.kind)
			if !strings.Contains(got.Detail, tt.says) || len(got.Errors) != 1 || got.Errors[0].Field != "move" {
				t.Errorf("got %+v", got)
			}
			if text := page(t, v.post("/"+d.ID+"/clock", "move="+tt.move, asPage).want(http.StatusUnprocessableEntity)).Find("#notice").Text(); !strings.Contains(text, tt.says) {
				t.Errorf("the page says %q", text)
			}
		})
	}
	t.Run("more than sixty days ahead", func(t *testing.T) {
		v := w.visitor(t)
		for range 5 { // 14 days each, and the fifth is too far
			v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
			r := v.post("/"+d.ID+"/clock", "move=expire-refresh", asJSON)
			if r.status == http.StatusUnprocessableEntity {
				r.problem(http.StatusUnprocessableEntity, "impossible-move")
				r.has("60 d ahead")
				return
			}
		}
		t.Error("the clock runs without an end")
	})
	t.Run("a real server's clock", func(t *testing.T) {
		v := w.visitor(t)
		v.post("/"+d.ID+"/clock", "move=5m&x.target=backup.example:443", asJSON).problem(http.StatusUnprocessableEntity, "sandbox-only")
	})
}
