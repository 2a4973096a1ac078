package web_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"tokenplayground/web/dialect"
)

// breakouts end every context that a text can stand in. What follows them
// names an element and an attribute that no page of ours has.
func breakouts() []string {
	const element = `<xzelement xzattribute=1 onerror=xz()>`
	var all []string
	for _, end := range []string{
		"", `"`, `'`, "`", `">`, `'>`, `">'>`, `" `, `' `, `"/>`, `-->`, `--!>`, `]]>`, `</script>`, `</style>`, `</title>`, `</textarea>`, `</pre>`, `</code>`, `</select>`, `</option>`,
		`</template>`, `</noscript>`, `</svg>`, `</math>`, `</button>`, `</form>`, `</main>`, `</body></html>`, `\"`, `\\">`, `&quot;>`, `&#34;>`, `&lt;`, "\u2028", "\u202e", "\ufeff", "%22%3e", `{{`, `${`,
	} {
		all = append(all, end+element, end+` xzattribute="1" onfocus=xz() autofocus x="`)
	}
	return append(all, `javascript:xz()`, `JaVaScRiPt:xz()`, "java\tscript:xz()", ` javascript:xz()`, `data:text/html,<script>xz()</script>`, `vbscript:xz()`, `//evil.test/xz`, `\\evil.test\xz`,
		`<svg onload=xz()>`, `<img src=x onerror=xz()>`, `<iframe srcdoc="<xzelement>">`, `<a href="javascript:xz()">x</a>`, `<base href="//evil.test/">`, `<meta http-equiv=refresh content="0;url=//evil.test">`,
		`<math><mi//xlink:href="data:x,<script>xz()</script>">`, `<form action=//evil.test><input name=xz>`, `<div hx-get="//evil.test/xz" hx-trigger=load>`, `<div hx-on:click="xz()">`)
}

// harmless parses a page as a browser does and fails the test if a text became
// anything but text.
func harmless(t *testing.T, res *reply) {
	t.Helper()
	if res.body == "" {
		return // a redirect of ours
	}
	if kind := res.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		if strings.Contains(kind, "xml") || strings.Contains(kind, "script") || kind == "" {
			t.Errorf("%s: got the type %q", res.call, kind)
		}
		return
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(res.body))
	if err != nil {
		t.Fatal(err)
	}
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		n := s.Nodes[0]
		switch n.Data {
		case "xzelement", "iframe", "object", "embed", "base", "math", "img", "style", "applet", "frame":
			t.Errorf("%s: a text became <%s>", res.call, n.Data)
		case "script":
			if !strings.HasPrefix(s.AttrOr("src", ""), "/static/") || s.Text() != "" {
				t.Errorf("%s: a text became a script: %s %q", res.call, s.AttrOr("src", ""), s.Text())
			}
		case "meta":
			if strings.EqualFold(s.AttrOr("http-equiv", ""), "refresh") {
				t.Errorf("%s: a text became a refresh", res.call)
			}
		}
		for _, a := range n.Attr {
			key, value := strings.ToLower(a.Key), strings.ToLower(strings.TrimSpace(a.Val))
			if key == "xzattribute" || key == "srcdoc" || key == "autofocus" && strings.Contains(value, "xz") || strings.HasPrefix(key, "on") || strings.HasPrefix(key, "hx-on") {
				t.Errorf("%s: <%s> has %s=%q", res.call, n.Data, a.Key, a.Val)
			}
			if slices.Contains([]string{"href", "src", "action", "formaction", "xlink:href", "hx-get", "hx-post", "poster", "data"}, key) {
				u, err := url.Parse(value)
				if err != nil || u.Scheme != "" || u.Host != "" || strings.HasPrefix(value, `\`) || strings.HasPrefix(value, "/\\") {
					t.Errorf("%s: <%s> leads to %s=%q", res.call, n.Data, a.Key, a.Val)
				}
			}
		}
	})
}

// TestTextStaysText lets a target, a visitor and a link say everything that
// could become a part of a page.
func TestTextStaysText(t *testing.T) { // X09, H12, T12, TPL-2, ERR-2
	t.Parallel()
	w := open(t)
	d := dialect.All()[1]
	var says string // the payload, set before each call
	status := http.StatusOK
	s := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		h := rw.Header()
		h.Set("Content-Type", "text/html")
		clean := strings.NewReplacer("\r", "", "\n", "", "\u2028", "", "\u202e", "", "\ufeff", "").Replace(says)
		h["X-Said"], h["Location"], h["Set-Cookie"], h["Www-Authenticate"] = []string{clean}, []string{clean}, []string{clean}, []string{clean}
		rw.WriteHeader(status)
		if status != http.StatusOK {
			_, _ = fmt.Fprintf(rw, `{"errorCode":%s,"message":%s,"error":%s,"error_description":%s,%s:1}`, jsonText(says), jsonText(says), jsonText(says), jsonText(says), jsonText(says))
			return
		}
		_, _ = fmt.Fprintf(rw, `{"access_token":%s,"token_type":%s,"refresh_token":%s,"expires_in":%s,".issued":%s,".expires":%s,"username":%s,"roleName":%s,"mfa_enabled":%s,%s:%s}`,
			jsonText("a"+says), jsonText(says), jsonText("r"+says), jsonText(says), jsonText(says), jsonText(says), jsonText(says), jsonText(says), jsonText(says), jsonText(says), jsonText(says))
	}))
	base, at := "/"+d.ID, url.QueryEscape(s.address)
	pages := 0
	look := func(res *reply) {
		pages++
		harmless(t, res)
	}
	for i, text := range breakouts() {
		if i%12 == 0 {
			status = []int{200, 400, 302, 500}[i/12%4]
		}
		v := w.visitor(t)
		says = text
		q := url.QueryEscape(text)
		v.call(base+"/trust", "x.fingerprint="+s.fingerprint()+"&x.target="+at)
		typed := form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: text, dialect.Password: "x"})
		look(v.post(base+"/token", typed+"&x.target="+at, asFragment))
		look(v.get(base+"?op=token&view="+[]string{"body", "headers", "request", "curl", "decoded"}[i%5]+"&target="+at, asPage))
		look(v.get(base+"/exchanges/1", asPage))
		look(v.get(base+"/exchanges/1?part="+[]string{"body", "headers", "request", "curl"}[i%4], asPage))
		look(v.post(base+"/token", typed+"&x.change=nope&x.target="+q, asPage))
		look(v.post(base+"/target", "x.host="+q, asPage))
		look(v.post(base+"/token", form(t, d, dialect.PasswordGrant, dialect.Values{dialect.Username: text}), asPage))
		look(v.get(base+"?"+[]string{"op", "grant", "target", "version", "view", "theme", "done", "x", "try", "fill", "reveal"}[i%11]+"="+q, asPage))
		look(v.get("/"+url.PathEscape(text), asPage))
	}
	t.Logf("payloads: %d, pages parsed: %d, elements and attributes made by a text: 0", len(breakouts()), pages)
}

// TestNothingPassesTheTemplatesUnescaped reads the sources: what templ has to
// switch its escaping off stands nowhere.
func TestNothingPassesTheTemplatesUnescaped(t *testing.T) { // TPL-1, TPL-2
	t.Parallel()
	never := regexp.MustCompile(`\btempl\.(Raw|SafeURL|SafeCSS|SafeCSSProperty|JSUnsafeFuncCall|SafeScript|SafeScriptInline|JSExpression|ComponentScript|FromGoHTML|Unsanitized\w*)\b|@templ\.Raw|\btemplate\.(HTML|JS|CSS|URL)\(`)
	if !never.MatchString("templ.Raw(x)") || !never.MatchString("templ.SafeURL(x)") {
		t.Fatal("the rule finds nothing")
	}
	looked := 0
	err := filepath.WalkDir(root(t), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if name != "." && strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") || !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".templ") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		if m := never.Find(data); m != nil {
			t.Errorf("%s has %s", path, m)
		}
		return nil
	})
	if err != nil || looked < 50 {
		t.Fatalf("%d files were read: %v", looked, err)
	}
}

// TestNoSecretInAnAddress reads what a browser would send by GET, from every
// page of a session.
func TestNoSecretInAnAddress(t *testing.T) { // C02, SCR-4
	t.Parallel()
	w := open(t)
	for _, d := range dialect.All() {
		v := w.visitor(t)
		got := v.call("/"+d.ID+"/token", signIn(t, d, "administrator"))
		v.call("/"+d.ID+"/explore", "")
		res := v.post("/"+d.ID+"/refresh", "", asPage).want(http.StatusSeeOther)
		_, ticket, _ := strings.Cut(v.cookies(), "=")
		secrets := []string{got.Session.AccessToken, got.Session.RefreshToken, ticket, "Password1"}
		addresses := []string{res.header.Get("Location")}
		for _, path := range []string{"/", "/" + d.ID, "/" + d.ID + "?op=token&try=token&fill=1", "/" + d.ID + "?op=explore&reveal=access", "/" + d.ID + "/exchanges/1", "/people"} {
			doc, err := goquery.NewDocumentFromReader(strings.NewReader(v.get(path, asPage).want(200).body))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"href", "src", "action", "formaction", "hx-get", "hx-post", "hx-push-url", "hx-replace-url"} {
				doc.Find("[" + name + "]").Each(func(_ int, s *goquery.Selection) { addresses = append(addresses, s.AttrOr(name, "")) })
			}
			doc.Find("form").Each(func(_ int, s *goquery.Selection) {
				if strings.EqualFold(s.AttrOr("method", "get"), "post") {
					return
				}
				s.Find("input, textarea, select").Each(func(_ int, f *goquery.Selection) {
					if kind := f.AttrOr("type", "text"); kind == "password" || slices.Contains(secrets, f.AttrOr("value", "")) && f.AttrOr("value", "") != "" {
						t.Errorf("%s: a form that travels in the address has the field %q", path, f.AttrOr("name", ""))
					}
				})
			})
		}
		if len(addresses) < 40 {
			t.Errorf("%s: %d addresses were found only", d.ID, len(addresses))
		}
		for _, a := range addresses {
			for _, secret := range secrets {
				if strings.Contains(a, secret) {
					t.Errorf("%s: an address has a secret: %.60q", d.ID, a)
				}
			}
		}
	}
}

// TestBoltIsNeverToldToHurry reads the source of the file's store.
func TestBoltIsNeverToldToHurry(t *testing.T) { // STO-2
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(root(t), "web", "store", "boltstore", "*.go"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("got the files %q, %v", paths, err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && slices.Contains([]string{"NoSync", "NoGrowSync", "NoFreelistSync"}, id.Name) {
				t.Errorf("%s has %s", path, id.Name)
			}
			return true
		})
	}
}
