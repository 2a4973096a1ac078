package web_test

import (
	"net/http"
	"slices"
	"testing"

	"tokenplayground/web/dialect"
)

// TestAntiforgeryCookieComesBack: a product's cookie travels with its own pair
// and with nothing else.
func TestAntiforgeryCookieComesBack(t *testing.T) {
	w := open(t)
	ran := false
	everyProduct(t, func(t *testing.T, d *dialect.Dialect) {
		guard := d.Antiforgery
		if guard.Cookie == "" {
			t.Skip("sets no cookie")
		}
		ran = true
		v := w.visitor(t)
		base := "/" + d.ID
		given := func(got answer) string {
			t.Helper()
			header := http.Header{}
			for _, h := range got.Exchange.Response.Headers {
				header.Add(h[0], h[1])
			}
			return d.DecodeHeader(header)[dialect.AntiforgeryToken]
		}
		carries := func(got answer, token string) {
			t.Helper()
			for name, value := range map[string]string{"Cookie": guard.Cookie + "=" + token, guard.Header: token} {
				if has := slices.Contains(got.Exchange.Request.Headers, [2]string{name, value}); has != (token != "") {
					t.Errorf("%s: got %v, want %q", name, got.Exchange.Request.Headers, value)
				}
			}
		}
		first := v.call(base+"/token", signIn(t, d, "administrator"))
		carries(first, "")
		one := given(first)
		if one == "" {
			t.Fatalf("got no cookie: %s", first.raw)
		}
		carries(v.call(base+"/explore", ""), one)
		next := v.call(base+"/refresh", "")
		carries(next, one)
		two := given(next)
		if two == "" || two == one {
			t.Errorf("the refresh gave %q", two)
		}
		carries(v.call(base+"/explore", ""), two)
		carries(v.call(base+"/token", form(t, d, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: first.Session.RefreshToken})), "")
		carries(v.call(base+"/accounts/logout", ""), two)
	})
	if !ran {
		t.Error("no product sets a cookie")
	}
}
