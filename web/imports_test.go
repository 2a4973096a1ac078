package web_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/standalone"
)

const module = "tokenplayground/"

// mayImport lists, for every package of ours, those of ours that it may know.
// A package that is not here has no place in the plan yet: give it one.
var mayImport = map[string][]string{
	"cmd/playground": {"web", "web/dialect", "web/standalone"},
	"web": {"handlers", "openapi", "static", "templates", "web/certificate", "web/dialect", "web/limit", "web/metrics", "web/sandbox", "web/sandbox/control", "web/secret", "web/session", "web/state", "web/store",
		"web/store/boltstore", "web/store/redisstore", "web/target", "web/wholefile"},
	"handlers": {"templates", "web/dialect", "web/highlight", "web/inspect", "web/lesson", "web/limit", "web/sandbox", "web/secret", "web/session",
		"web/snippet", "web/store", "web/target"},
	"openapi":             {"openapi/shape", "web/dialect"},
	"openapi/shape":       {"web/dialect"},
	"static":              {},
	"templates":           {},
	"web/certificate":     {},
	"web/dialect":         {},
	"web/highlight":       {},
	"web/inspect":         {"web/dialect"},
	"web/lesson":          {"web/dialect"},
	"web/limit":           {"web/store"},
	"web/metrics":         {},
	"web/sandbox":         {"web/dialect", "web/store"},
	"web/sandbox/control": {"web/dialect", "web/sandbox", "web/store"},
	"web/sandboxtest":     {"web/dialect", "web/sandbox", "web/sandbox/control", "web/standalone"},
	"web/secret":          {},
	"web/session":         {"web/secret", "web/store", "web/wholefile"},
	"web/snippet":         {},
	"web/standalone": {"openapi", "web/certificate", "web/dialect", "web/limit", "web/sandbox", "web/sandbox/control", "web/session", "web/state", "web/store",
		"web/store/boltstore", "web/wholefile"},
	"web/state":            {},
	"web/store":            {},
	"web/store/boltstore":  {"web/store"},
	"web/store/redisstore": {"web/store"},
	"web/store/storetest":  {"web/store"},
	"web/target":           {},
	"web/wholefile":        {},
}

// keepers say which packages alone may know a library, by the beginning of its
// path. All other libraries belong to tests.
var keepers = map[string][]string{
	"github.com/labstack/echo/":      {"web", "handlers"},
	"github.com/gorilla/":            {"web/session"},
	"github.com/a-h/templ":           {"templates", "handlers"},
	"go.etcd.io/bbolt":               {"web/store/boltstore"},
	"go.yaml.in/yaml/":               {"web/dialect"},
	"github.com/redis/":              {"web/store/redisstore"},
	"github.com/golang-jwt/":         {"web/sandbox"},
	"github.com/pquerna/otp":         {"web/sandbox"},
	"github.com/alecthomas/chroma/":  {"web/highlight"},
	"github.com/andybalholm/brotli":  {"web", "static"},
	"github.com/google/uuid":         {"web/sandbox"},
	"github.com/swaggest/swgui/":     {"openapi"},
	"golang.org/x/sync/singleflight": {"web/sandbox"},
	"golang.org/x/tools/txtar":       {"web/dialect"},
}

// listed is what go list says of one package.
type listed struct {
	ImportPath, Dir  string
	Imports, GoFiles []string
}

func goList(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Imports,GoFiles"}, args...)...)
	cmd.Dir = root(t)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, complaints.String())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// root is the folder of the repository.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWhoMayImportWhom(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range goList(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module)
		may, planned := mayImport[name]
		if !planned {
			t.Errorf("package %s is not in the plan", name)
		}
		seen[name] = true
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, module); ok {
				if !slices.Contains(may, ours) {
					t.Errorf("%s imports %s", name, ours)
				}
				continue
			}
			if !strings.Contains(i, ".") {
				continue // the standard library
			}
			kept := false
			for prefix, keeper := range keepers {
				if strings.HasPrefix(i, prefix) {
					kept = true
					if !slices.Contains(keeper, name) {
						t.Errorf("%s imports %s, which is for %v", name, i, keeper)
					}
				}
			}
			if !kept && name != "web/store/storetest" {
				t.Errorf("%s imports %s, which nobody may", name, i)
			}
		}
	}
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("there is no package %s any more", name)
		}
	}
}

func TestTheProgramCarriesNoTestCode(t *testing.T) {
	for _, p := range goList(t, "-deps", "./cmd/playground") {
		for _, never := range []string{"testing", "net/http/httptest", "net/http/pprof", "expvar", "github.com/swaggo/", "github.com/chromedp/",
			"golang.org/x/oauth2", "github.com/getkin/", "github.com/google/go-cmp", module + "web/store/storetest", module + "web/sandboxtest"} {
			if strings.HasPrefix(p.ImportPath, never) {
				t.Errorf("the program contains %s", p.ImportPath)
			}
		}
	}
}

// dials are the ways in which Go code opens a connection by itself.
var dials = map[string]*regexp.Regexp{
	"net":           regexp.MustCompile(`^(Dial.*|Dialer|Resolver|DefaultResolver|Lookup[^P].*)$`),
	"net/http":      regexp.MustCompile(`^(Get|Head|Post|PostForm|Client|DefaultClient|Transport|DefaultTransport)$`),
	"crypto/tls":    regexp.MustCompile(`^(Dial.*|Dialer)$`),
	"net/smtp":      regexp.MustCompile(`.`),
	"net/rpc":       regexp.MustCompile(`.`),
	"syscall":       regexp.MustCompile(`^(Connect|Socket)$`),
	"net/textproto": regexp.MustCompile(`^Dial$`),
}

// TestOnePackageDials: whatever leaves this machine passes the guard of
// web/target. The health check calls this machine's own playground, and the
// configured store's addresses are looked up so that no target leads there.
func TestOnePackageDials(t *testing.T) {
	found := false
	for _, p := range goList(t, "./...") {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			known := map[string]*regexp.Regexp{}
			for _, i := range file.Imports {
				imported, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				as := imported[strings.LastIndex(imported, "/")+1:]
				if i.Name != nil {
					as = i.Name.Name
				}
				if re := dials[imported]; re != nil {
					known[as] = re
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if pkg, ok := sel.X.(*ast.Ident); ok && known[pkg.Name] != nil && known[pkg.Name].MatchString(sel.Sel.Name) {
					switch {
					case p.ImportPath == module+"web/target":
						found = true
					case p.ImportPath == module+"web" && name == "health.go":
					case p.ImportPath == module+"web" && name == "web.go" && sel.Sel.Name == "DefaultResolver":
					case p.ImportPath == module+"web/sandboxtest": // the client of a test
					default:
						t.Errorf("%s uses %s.%s", path, pkg.Name, sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if !found {
		t.Error("web/target does not dial, so this test sees nothing")
	}
}

// TestProductWordsStayHome: no product's id or name stands outside its own
// file. Code that needs one lacks a column in the table.
func TestProductWordsStayHome(t *testing.T) {
	t.Parallel()
	var words, plain []string
	for _, d := range dialect.All() {
		plain = append(plain, strings.ToLower(d.ID), strings.ToLower(d.Name), strings.ToLower(d.Short), strings.ToLower(d.Title))
		words = append(words, `\b`+d.ID+`\b`, regexp.QuoteMeta(d.Name), regexp.QuoteMeta(d.Short), regexp.QuoteMeta(d.Title))
	}
	word := regexp.MustCompile(`(?i)` + strings.Join(words, "|"))
	table := regexp.MustCompile(`^var all = \[\]\*Dialect\{`)
	files := 0
	err := filepath.WalkDir(root(t), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && name != "." && path != root(t) {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root(t), path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch filepath.Ext(name) {
		case ".go", ".templ", ".js", ".mjs", ".css", ".html":
		default:
			return nil
		}
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(rel, "openapi/") && (strings.HasSuffix(name, "_swag.go") || strings.HasPrefix(rel, "openapi/ui/")) {
			return nil
		}
		for _, d := range dialect.All() {
			if name == d.ID+".go" || strings.HasPrefix(name, d.ID+"_") {
				if strings.HasPrefix(rel, "web/dialect/") {
					return nil
				}
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		lower := strings.ToLower(string(data))
		if !slices.ContainsFunc(plain, func(w string) bool { return strings.Contains(lower, w) }) {
			return nil // most files; the expression is slow
		}
		for i, line := range strings.Split(string(data), "\n") {
			if m := word.FindString(line); m != "" && !(rel == "web/dialect/dialect.go" && table.MatchString(line)) {
				t.Errorf("%s:%d says %q", rel, i+1, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were read", files)
	}
}

// TestGeneratedPagesAreCurrent runs templ on a copy of the templates.
func TestGeneratedPagesAreCurrent(t *testing.T) {
	from := filepath.Join(root(t), "templates")
	dir := t.TempDir()
	sources, err := filepath.Glob(filepath.Join(from, "*.templ"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("there are no templates: %v", err)
	}
	for _, path := range sources {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, filepath.Base(path)), data)
	}
	cmd := exec.Command("go", "tool", "templ", "generate", "-path", dir)
	cmd.Dir = root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("templ: %v: %s", err, out)
	}
	committed, err := filepath.Glob(filepath.Join(from, "*_templ.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(committed) != len(sources) {
		t.Errorf("there are %d templates and %d generated files", len(sources), len(committed))
	}
	for _, path := range committed {
		fresh, err := os.ReadFile(filepath.Join(dir, filepath.Base(path)))
		if err != nil {
			t.Error(err)
			continue
		}
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fresh, old) {
			t.Errorf("%s is not what its template generates; run: cd templates && go tool templ generate", filepath.Base(path))
		}
	}
}

// TestREADME holds what the README tells people to type: files that exist,
// commands and flags that the program has, addresses that answer.
func TestREADME(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)

	t.Run("its files exist", func(t *testing.T) {
		for _, re := range []*regexp.Regexp{
			regexp.MustCompile(`\bgo run (\./\S+)`), regexp.MustCompile(`\bbash (\.ci/\w+)`), regexp.MustCompile(`\]\((\.?\w[\w./-]*)\)`),
		} {
			for _, m := range re.FindAllStringSubmatch(readme, -1) {
				if _, err := os.Stat(filepath.Join(root(t), strings.TrimRight(m[1], "`.,"))); err != nil {
					t.Errorf("%q: %v", m[0], err)
				}
			}
		}
	})

	t.Run("its flags are the program's", func(t *testing.T) {
		var usage bytes.Buffer
		none := func(string) string { return "" }
		_, serve := web.ParseConfig([]string{"-h"}, none, &usage)
		_, alone := standalone.ParseConfig([]string{"-h"}, none, &usage)
		if serve == nil || alone == nil {
			t.Fatal("-h is no error")
		}
		var want []string
		for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(usage.String(), -1) {
			want = append(want, m[1])
		}
		var got []string
		for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\|").FindAllStringSubmatch(readme, -1) {
			got = append(got, m[1])
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("flags of the program and of the table (-program +README):\n%s", diff)
		}
	})

	t.Run("its first minute works by curl", func(t *testing.T) {
		for _, tool := range []string{"sh", "curl"} {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("%s is not installed", tool)
			}
		}
		_, rest, ok := strings.Cut(readme, "The same by curl:\n\n")
		if !ok {
			t.Fatal("the README has no curl")
		}
		script, _, _ := strings.Cut(rest, "\n\n")
		if n := strings.Count(script, "curl "); n != 4 {
			t.Errorf("the README has %d calls by curl, want 4", n)
		}
		w := open(t)
		script = strings.ReplaceAll(script, "http://127.0.0.1:8080", w.url)
		script = strings.ReplaceAll(script, "curl -s", "curl -q -sS --noproxy '*' --max-time 30")
		script = strings.ReplaceAll(script, "$(mktemp)", filepath.Join(t.TempDir(), "jar"))
		out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var states []string
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var a struct {
				Exchange struct{ Response struct{ Status int } }
				Session  struct{ State string }
			}
			if err := dec.Decode(&a); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			states = append(states, strconv.Itoa(a.Exchange.Response.Status)+" "+a.Session.State)
		}
		if diff := cmp.Diff([]string{"200 valid", "200 valid", "200 valid", "200 none"}, states); diff != "" {
			t.Errorf("what came of the calls (-want +got):\n%s", diff)
		}
	})

	t.Run("its description of a product is right", func(t *testing.T) {
		_, rest, ok := strings.Cut(readme, "A variant says what differs:\n\n")
		if !ok {
			t.Fatal("the README describes no product")
		}
		text, _, _ := strings.Cut(rest, "\n\n")
		if _, err := dialect.Read("README.md", []byte(text)); err != nil {
			t.Error(err)
		}
	})

	t.Run("its sandbox answers curl", func(t *testing.T) {
		v := open(t).visitor(t)
		for _, m := range regexp.MustCompile(`http://127\.0\.0\.1:8080(/[\w./-]*)`).FindAllStringSubmatch(readme, -1) {
			if got := v.do("POST", strings.TrimRight(m[1], "."), ""); got.status == 404 {
				t.Errorf("%s: got 404", m[1])
			}
		}
		for _, m := range regexp.MustCompile("`(/[a-z.]+/?)`").FindAllStringSubmatch(readme, -1) {
			if m[1] == "/token" {
				continue // the product's own path
			}
			if got := v.get(m[1], asPage); got.status != 200 {
				t.Errorf("%s: got %d", m[1], got.status)
			}
		}
	})
}
