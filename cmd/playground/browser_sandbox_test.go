package main

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"tokenplayground/web/dialect"
)

// testSandbox moves the clock, asks for faults and sets the sandbox, as a
// person does it.
func testSandbox(t *testing.T, browser context.Context) {
	site := start(t)
	d := dialect.All()[0]
	for _, at := range []device{desk, desk.withoutScript(), phoneDark} {
		t.Run("clock "+at.name, func(t *testing.T) {
			v := visit(t, browser, site, at)
			v.open("/" + d.ID)
			v.see("reasons beside what cannot be pressed", `$('#clock .btn[disabled]').length === 4 && $('#clock form .dim').every((e) => text(e).endsWith('.'))`)
			v.signIn(d)
			v.click("#clock .btn", "+5 min")
			v.see("five minutes gone", `/^Valid for 54 min/.test(text($('.state strong')[0])) && text($('#said')[0]) === 'Five minutes have passed in your sandbox.'`)
			v.click("#clock .btn", "10 s left")
			v.see("the last seconds", `/^Valid for \d+ s$/.test(text($('.state strong')[0]))`)
			v.click("#clock .btn", "Expire access")
			v.see("the end", `text($('.state strong')[0]).startsWith('Access token expired') && text($('.btn.next')[0]) === 'Refresh'`)
			v.look("clock moved")
			v.click(".key button", "Explore")
			v.answered(2, "401 Unauthorized")
			v.click(".state .btn.next", "Refresh")
			v.answered(3, success(d.Operation(dialect.Obtain)))
			v.click("#clock .btn", "Back to now")
			v.see("a pair of the future", `text($('.state strong')[0]).startsWith('Not valid yet')`)
			v.look("clock set back")
		})
		t.Run("fault "+at.name, func(t *testing.T) {
			v := visit(t, browser, site, at)
			v.signIn(d)
			v.open("/" + d.ID + "?fault=too-many-requests&op=explore")
			v.see("what will happen", `text($('#op-explore .told')[0]).startsWith('What will happen:')`)
			v.look("fault chosen")
			v.click("#send-explore", "")
			v.see("the explanation", `text($('#answer .asked b')[0]).startsWith('You asked for this fault: too many requests') && $('.state.is-valid').length`)
			v.look("fault met")
			v.see("no fault the next time", `$('#explore-fault')[0].value === 'none'`)
			v.open("/" + d.ID + "?fault=lost-answer")
			v.click(".send .btn", "Fill in the sandbox account")
			v.see("the filled form", "field('token', "+quoteJS(v.password(d))+")?.value && $('#token-fault')[0].value === 'lost-answer'")
			v.click("#send-token", "")
			v.answered(3, "No answer")
			v.see("the explanation", `text($('#answer .asked')[0]).includes('A sign-in can simply be sent again.') && $('.state.is-valid').length`)
			v.look("lost answer")
		})
		t.Run("settings "+at.name, func(t *testing.T) {
			v := visit(t, browser, site, at)
			v.signIn(d)
			v.click("#world summary", "")
			v.click("#set-strict", "")
			v.press("s" + kb.Enter)
			v.click("#world .btn", "Set")
			v.see("the new setting", `text($('#world summary')[0]).endsWith('strict') && $('#world-said').length`)
			v.look("settings")
			v.click("#world .btn", "Reset this sandbox")
			v.see("a new sandbox", `text($('#world-said')[0]).startsWith('Your sandbox is new') && $('.state.is-none').length`)
		})
	}
	t.Run("the clock by keyboard", func(t *testing.T) {
		v := visit(t, browser, site, desk)
		v.signIn(d)
		v.tabTo("e.id === 'move-5m'")
		for _, left := range []string{"54", "49"} {
			v.press(kb.Enter)
			v.see("the focus where it was", `/^Valid for `+left+` min/.test(text($('.state strong')[0])) && document.activeElement.id === 'move-5m'`)
		}
		v.tabTo("e.id === 'move-expire-refresh'")
		v.press(kb.Enter)
		v.see("the focus on what happened", `$('.state.is-dead').length && document.activeElement.id === 'said'`)
	})
	t.Run("a clock that runs", func(t *testing.T) {
		v := visit(t, browser, site, desk)
		v.open("/" + d.ID)
		began := read[string](v, "text($('#clock time')[0])")
		v.see("a later time", "text($('#clock time')[0]) !== "+quoteJS(began))
	})
	t.Run("a pasted key has the cursor", func(t *testing.T) {
		v := visit(t, browser, site, desk)
		v.open("/" + d.ID)
		v.click(".paste summary", "")
		v.see("the field", "document.activeElement.id === 'x-key'")
	})
	t.Run("fidelity without script", func(t *testing.T) {
		v := visit(t, browser, site, phoneDark.withoutScript())
		v.open("/fidelity")
		v.look("fidelity")
		v.click(".filter a", "Choices only")
		v.click(".filter a", d.Short)
		v.see("one product's choices", `location.search.includes('product=`+d.ID+`') && $('.facts-of[open]').length === 1 && $('.facts-of td .basis').every((e) => text(e) === 'choice')`)
		v.look("choices of one product")
	})
}

// sandboxStates are the states that only the sandbox has.
func (a *auditor) sandboxStates(d *dialect.Dialect) {
	a.signIn(d)
	a.click("#clock .btn", "Expire access")
	a.see("what happened", "$('#said').length")
	a.check("expired by the clock")
	a.open("/" + d.ID + "?fault=server-error&op=explore")
	a.see("what will happen", "$('#op-explore .told').length")
	a.check("fault chosen")
	a.click("#send-explore", "")
	a.see("the explanation", "$('#answer .asked').length")
	a.check("fault met")
	a.click("#world summary", "")
	a.click("#world .btn", "Set")
	a.see("what happened", "$('#world-said').length")
	a.check("settings")
	a.open("/fidelity")
	a.check("fidelity")
	a.checkUnfoldedOn("fidelity", deskDark, phone) // of its thousands of cells; folded it was seen on the other two
	a.expect("422")
	a.open("/" + d.ID + "?fault=gremlin")
	a.see("the list", "$('#h-problem').length")
	a.check("unknown fault")
}
