package web_test

import (
	"testing"

	"tokenplayground/web/dialect"
)

func TestNobodyIsPutOutForANewVisitor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := configure(t, dir)
	cfg.Sessions = 1
	w := start(t, dir, cfg)
	d := dialect.All()[0]
	first, second := w.visitor(t), w.visitor(t)
	before := first.call("/"+d.ID+"/token", signIn(t, d, "administrator")).Session

	got := second.post("/"+d.ID+"/token", signIn(t, d, "administrator"), asJSON)
	got.problem(503, "sessions-full")
	if got.header.Get("Retry-After") != "60" || len(got.setter) > 0 {
		t.Errorf("got Retry-After %q and the cookies %v", got.header.Get("Retry-After"), got.setter)
	}
	if after := first.call("/"+d.ID+"/explore", "").Session; after != before {
		t.Errorf("the first visitor got %+v after %+v", after, before)
	}
}
