package web_test

import (
	"testing"

	"tokenplayground/web/dialect"
)

// TestFormWithoutOrigin: a form with a session says where it came from; tools
// need not.
func TestFormWithoutOrigin(t *testing.T) {
	t.Parallel()
	w := open(t)
	d := dialect.All()[0]
	path := "/" + d.ID + "/explore"
	v := w.visitor(t)
	v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
	before := v.state("/" + d.ID)
	browser := []string{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0"}
	for _, tc := range []struct {
		name    string
		headers [][]string
		status  int
	}{
		{"a form without both headers", [][]string{asPage, browser}, 403},
		{"a fragment without both", [][]string{asFragment, browser}, 403},
		{"a form with Origin", [][]string{asPage, browser, {"Origin", w.url}}, 303},
		{"a form with Sec-Fetch-Site", [][]string{asPage, browser, {"Sec-Fetch-Site", "same-origin"}}, 303},
		{"a form of another site", [][]string{asPage, browser, {"Origin", "https://evil.example"}}, 403},
		{"an old form that hides its site", [][]string{asPage, browser, {"Origin", "null"}}, 403},
		{"a script of the browser's person", [][]string{asJSON, browser}, 200},
		{"curl that asks for JSON", [][]string{asJSON}, 200},
		{"curl that asks for anything", [][]string{{"Accept", "*/*"}}, 303},
		{"curl that asks for a page", [][]string{asPage}, 303},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := v.post(path, "", tc.headers...).want(tc.status)
			if tc.status == 403 && v.state("/"+d.ID) != before {
				t.Error("the session changed")
			}
			before = v.state("/" + d.ID)
			if len(got.setter) > 0 {
				t.Errorf("got the cookies %v", got.setter)
			}
		})
	}
	t.Run("without a session there is nothing to act with", func(t *testing.T) {
		w.visitor(t).post("/"+d.ID+"/token", signIn(t, d, "administrator"), asPage, browser).want(303)
	})
}
