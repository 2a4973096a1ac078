package web_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// quick are the faults that answer at once.
func quick(f sandbox.Fault) bool { return !f.Connection && f.ID != "slow" && f.ID != "hanging" }

// faultCase is one call that can ask for faults, made with a valid pair.
type faultCase struct {
	name, path, form string
	op               *dialect.Operation
	kind             dialect.Kind
}

func faultCases(t *testing.T, d *dialect.Dialect) []faultCase {
	obtain := d.Operation(dialect.Obtain)
	return []faultCase{
		{"sign-in", "/token", signIn(t, d, "administrator") + "&", obtain, dialect.PasswordGrant},
		{"refresh", "/refresh", "", obtain, dialect.RefreshGrant},
		{"explore", "/explore", "", d.Operation(dialect.Explore), ""},
		{"log-out", "/accounts/logout", "", d.Operation(dialect.Logout), ""},
	}
}

// Every fault of every call has a page that explains it, and takes nothing from
// the session that was there.
func TestFaultsAreExplainedAndLoseNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		for _, c := range faultCases(t, d) {
			for _, f := range sandbox.Faults(d) {
				if !quick(f) || !f.Fits(c.op, c.kind) {
					continue
				}
				t.Run(c.name+" "+f.ID, func(t *testing.T) {
					v := w.visitor(t)
					before := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")).Session
					got := v.call("/"+d.ID+c.path, c.form+"x.fault="+f.ID)
					x := got.Exchange
					if x == nil || x.AskedFault != f.ID || !strings.HasSuffix(x.Request.URL, "?fault="+f.ID) {
						t.Fatalf("got %s", got.raw)
					}
					// Whoever gets no usable answer has what they had before.
					if x.Failure != nil || x.Response.Status >= 400 {
						if got.Session != before {
							t.Errorf("the session had %+v and has %+v", before, got.Session)
						}
						if x := v.call("/"+d.ID+"/explore", ""); f.ID != "lost-answer" && x.Exchange.Response.Status != http.StatusOK {
							t.Errorf("the kept token is refused afterwards: %s", x.raw)
						}
					}
					p := page(t, v.get(fmt.Sprintf("/%s?op=%s&x=%d", d.ID, x.Operation, x.ID), asPage).want(http.StatusOK))
					asked := p.Find("#answer .asked")
					if text := asked.Text(); !strings.Contains(text, "You asked for this fault") || !strings.Contains(text, f.About) || len(asked.Find("p").Last().Text()) < 40 {
						t.Errorf("the page explains %q", text)
					}
					if curl := page(t, v.get(fmt.Sprintf("/%s?op=%s&x=%d&view=curl", d.ID, x.Operation, x.ID), asPage)).Find("#answer-code").Text(); !strings.Contains(curl, "?fault="+f.ID) {
						t.Errorf("the curl command asks for nothing: %s", curl)
					}
				})
			}
		}
	})
}

// The slow ones end within the time limits of the playground.
func TestSlowFaultsEnd(t *testing.T) {
	if os.Getenv("PLAYGROUND_TEST_LONG") != "1" {
		t.Skip("takes half a minute: PLAYGROUND_TEST_LONG=1 asks for it")
	}
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	for _, tt := range []struct {
		fault  string
		status int
	}{{"slow", http.StatusOK}, {"hanging", 0}} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			v := w.visitor(t)
			before := v.call("/"+d.ID+"/token", signIn(t, d, "administrator")).Session
			got := v.call("/"+d.ID+"/explore", "x.fault="+tt.fault)
			if got.Exchange.Response.Status != tt.status || (got.Exchange.Failure != nil) != (tt.status == 0) || got.Session != before {
				t.Errorf("got %s", got.raw)
			}
			v.get(fmt.Sprintf("/%s?op=explore&x=%d", d.ID, got.Exchange.ID), asPage).has("You asked for this fault")
		})
	}
}

func TestFaultLinks(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		for _, f := range sandbox.Faults(d) {
			if f.Connection {
				continue
			}
			v := w.visitor(t)
			for _, query := range []string{"?fault=" + f.ID, "?fault=" + f.ID + "&op=logout", "?fault=" + f.ID + "&op=token&try=token"} {
				p := page(t, v.get("/"+d.ID+query, asPage).want(http.StatusOK))
				opened := p.Find(".op[open]")
				if told := opened.Find(".told").Text(); !strings.Contains(told, f.About) {
					t.Errorf("%s: the page tells %q", query, told)
				}
				if at := opened.Find(".fault select"); at.Length() > 0 && at.Find("[selected]").AttrOr("value", "") != f.ID {
					t.Errorf("%s: chosen is %q", query, at.Find("[selected]").AttrOr("value", ""))
				}
			}
		}
	})
}

// A form that is drawn anew, filled in or for another grant, keeps the choices
// beside the button that sends.
func TestChoicesOutliveTheForm(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		p := page(t, v.get("/"+d.ID+"?op=token&try=token", asPage).want(http.StatusOK))
		for _, at := range []string{"#op-token .send", "#op-token select[hx-get]"} {
			if include, _ := p.Find(at).Attr("hx-include"); !strings.Contains(include, "#token-fault") || strings.Contains(include, "#token-encoding") != (p.Find("#token-encoding").Length() > 0) {
				t.Errorf("%s sends %q along", at, include)
			}
		}
		for _, address := range []string{"?op=token&try=token&fill=1&fault=slow", "?op=token&try=token&grant=" + d.Operation(dialect.Obtain).Grants[1].Wire} {
			accepts := d.Operation(dialect.Obtain).Accepts()
			p := page(t, v.get("/"+d.ID+address+"&x.fault=server-error&x.encoding="+string(accepts[len(accepts)-1]), asPage).want(http.StatusOK))
			if got := p.Find("#token-fault option[selected]").AttrOr("value", ""); got != "server-error" {
				t.Errorf("%s: the fault is %q", address, got)
			}
			if got := p.Find("#token-encoding option[selected]").AttrOr("value", ""); len(accepts) > 1 && got != string(accepts[len(accepts)-1]) {
				t.Errorf("%s: the body is %q", address, got)
			}
		}
	})
}

// The refresh token is what a refresh sends, so its answer and the history name
// it in its short form.
func TestRefreshSaysWhichTokenWasSent(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
		short := page(t, v.get("/"+d.ID, asPage)).Find("#tokens code").Eq(1).Text()
		v.call("/"+d.ID+"/refresh", "x.fault=spent-refresh")
		p := page(t, v.get("/"+d.ID+"?op=token&x=2", asPage))
		if short == "" || !strings.Contains(p.Find("#op-token").Text(), "Sent "+short) || !strings.Contains(p.Find(".history tbody tr").First().Text(), short) {
			t.Errorf("%q was sent; the page says %q", short, p.Find("#op-token .facts, .history tbody tr").Text())
		}
	})
}

func TestWrongFaultsAreRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		v := w.visitor(t)
		v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
		for name, tt := range map[string]struct{ path, form string }{
			"one that nobody knows": {"/explore", "x.fault=gremlin"},
			"one of another call":   {"/explore", "x.fault=wrong-password"},
			"one of a connection":   {"/refresh", "x.fault=certificate-changed"},
			"two at once":           {"/refresh", "x.fault=slow%2Cspent-refresh"},
		} {
			got := v.post("/"+d.ID+tt.path, tt.form, asJSON).problem(http.StatusUnprocessableEntity, "unknown-fault")
			if len(got.Choices) < 5 || !strings.Contains(got.Detail, "server-error") || slices.ContainsFunc(got.Choices, func(c string) bool { return strings.HasPrefix(c, "certificate-changed") }) {
				t.Errorf("%s: got %+v", name, got)
			}
		}
		v.get("/"+d.ID+"?fault=gremlin", asJSON).problem(http.StatusUnprocessableEntity, "unknown-fault")
		if got := v.call("/"+d.ID+"/explore", "x.fault=none"); got.Exchange.ID != 2 || got.Exchange.AskedFault != "" {
			t.Errorf("a refused fault made a call: %s", got.raw)
		}
	})
}

// A real server is never asked to fail, nor offered to.
func TestNoFaultAtARealServer(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	v := w.visitor(t)
	v.post("/"+d.ID+"/target", "x.host=backup.example", asPage).want(http.StatusSeeOther)
	at := fmt.Sprintf("backup.example:%d", d.Port)
	p := page(t, v.get("/"+d.ID+"?target="+at, asPage).want(http.StatusOK))
	if p.Find(".fault, #clock, #world").Length() > 0 {
		t.Error("the page of a real server offers what only the sandbox has")
	}
	v.get("/"+d.ID+"?fault=slow&target="+at, asJSON).problem(http.StatusUnprocessableEntity, "sandbox-only")
	v.post("/"+d.ID+"/token", signIn(t, d, "administrator")+"&x.fault=slow&x.target="+at, asJSON).problem(http.StatusUnprocessableEntity, "sandbox-only")
	v.post("/"+d.ID+"/world", "strict=1&x.target="+at, asJSON).problem(http.StatusUnprocessableEntity, "sandbox-only")
}

func TestSandboxSettings(t *testing.T) {
	t.Parallel()
	w := open(t)
	d, _ := dialect.Find("vbr")
	base := "/" + d.ID

	t.Run("a grace window lets a used refresh token work again", func(t *testing.T) {
		v := w.visitor(t)
		old := v.call(base+"/token", signIn(t, d, "administrator")).Session.RefreshToken
		v.call(base+"/refresh", "")
		again := form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: old})
		if got := v.call(base+"/token", again); got.Exchange.Response.Status < 400 {
			t.Fatalf("without grace: got %s", got.raw)
		}
		if got := v.call(base+"/world", "grace=30"); got.World == nil || got.World.GraceSeconds != 30 || got.World.Strict {
			t.Fatalf("setting it: got %s", got.raw)
		}
		old = v.call(base+"/token", signIn(t, d, "administrator")).Session.RefreshToken
		v.call(base+"/refresh", "")
		if got := v.call(base+"/token", form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: old})); got.Exchange.Response.Status != http.StatusOK {
			t.Errorf("within grace: got %s", got.raw)
		}
	})
	t.Run("strict ends every pair of a token that is used twice", func(t *testing.T) {
		v := w.visitor(t)
		if got := v.call(base+"/world", "strict=1"); !got.World.Strict {
			t.Fatalf("got %s", got.raw)
		}
		old := v.call(base+"/token", signIn(t, d, "administrator")).Session.RefreshToken
		v.call(base+"/refresh", "")
		v.call(base+"/token", form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: old}))
		if got := v.call(base+"/explore", ""); got.Exchange.Response.Status != http.StatusUnauthorized {
			t.Errorf("got %s", got.raw)
		}
	})
	t.Run("a reset drops the sandbox's tokens and settings", func(t *testing.T) {
		v := w.visitor(t)
		token := v.call(base+"/token", signIn(t, d, "administrator")).Session.AccessToken
		v.call(base+"/world", "strict=1&grace=60&chance=5&seed=7")
		v.call(base+"/clock", "move=5m")
		got := v.call(base+"/world", "reset=1")
		if got.Session.State != "none" || got.World.Strict || got.World.GraceSeconds != 0 || got.World.Chance != 0 || got.Clock.AheadSeconds != 0 {
			t.Errorf("got %s", got.raw)
		}
		v.call(base+"/key", "x.key="+token)
		if got := v.call(base+"/explore", ""); got.Exchange.Response.Status != http.StatusUnauthorized {
			t.Errorf("a token of before: got %s", got.raw)
		}
	})
	t.Run("the rehearsal explains the faults that it brings", func(t *testing.T) {
		v := w.visitor(t)
		v.call(base+"/token", signIn(t, d, "administrator"))
		v.call(base+"/world", "chance=100&seed=11")
		got := v.call(base+"/explore", "")
		if got.Exchange.AskedFault == "" || strings.Contains(got.Exchange.Request.URL, "fault=") {
			t.Fatalf("got %s", got.raw)
		}
		v.get(base+"?op=explore", asPage).has("settings brought this fault", "rehearsal with seed 11")
	})
	t.Run("without script", func(t *testing.T) {
		v := w.visitor(t)
		r := v.post(base+"/world?op=logout", "strict=1&grace=10&chance=0&seed=0", asPage).want(http.StatusSeeOther)
		path, anchor, _ := strings.Cut(r.header.Get("Location"), "#")
		p := page(t, v.get(path, asPage))
		if anchor != "world" || p.Find("#world[open] #world-said").Length() != 1 || !strings.Contains(p.Find("#world summary").Text(), "strict and grace 10 s") {
			t.Errorf("got #%s and %s", anchor, p.Find("#world").Text())
		}
	})
	t.Run("every wrong value is told at once", func(t *testing.T) {
		v := w.visitor(t)
		got := v.post(base+"/world", "strict=2&grace=61&chance=101&seed=-1", asJSON).problem(http.StatusUnprocessableEntity, "wrong-setting")
		if len(got.Errors) != 4 {
			t.Errorf("got %+v", got)
		}
	})
}
