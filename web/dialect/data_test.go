package dialect

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var sameCodec = cmp.Comparer(func(a, b *Codec) bool { return a == b })

// TestEveryProductIsExpressible: what the table can say, a file can say.
func TestEveryProductIsExpressible(t *testing.T) {
	for _, d := range All() {
		t.Run(d.ID, func(t *testing.T) {
			data, err := Write(d)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Read(d.ID+".yaml", data)
			if err != nil {
				t.Fatalf("%v\n%.2000s", err, data)
			}
			if diff := cmp.Diff(d, got, sameCodec); diff != "" {
				t.Errorf("written and read back (-table +file):\n%s", diff)
			}
		})
	}
}

// TestEveryColumnIsExpressible goes where no product is: a value in each
// column of each struct.
func TestEveryColumnIsExpressible(t *testing.T) {
	var d Dialect
	n := 0
	fillAll(reflect.ValueOf(&d).Elem(), &n)
	data, err := Write(&d)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{file: "all.yaml", spots: map[string]spot{}}
	got := r.document(data)
	if err := r.err(); err != nil {
		t.Fatalf("%v\n%.2000s", err, data)
	}
	if diff := cmp.Diff(&d, got, sameCodec); diff != "" {
		t.Errorf("written and read back (-table +file):\n%s", diff)
	}
}

// fillAll gives every column a value; no two texts are the same, and they are
// hard for YAML.
func fillAll(v reflect.Value, n *int) {
	*n++
	if known, ok := enumerated[v.Type()]; ok {
		v.SetString(known[max(1, *n%len(known))])
		return
	}
	switch v.Interface().(type) {
	case *Codec:
		v.Set(reflect.ValueOf(codecs[*n%len(codecs)]))
		return
	case time.Duration:
		v.SetInt(int64(time.Duration(*n) * 7 * time.Minute))
		return
	case Values:
		v.Set(reflect.ValueOf(Values{Username: "null", Password: "~"}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillAll(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillAll(v.Index(i), n)
		}
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	default:
		hard := []string{"no %d", "%d", "1.%d0", "true %d: # x", "- %d", "\"%d\" 'x'", "line %d\nline\n", " %d ", "2026-01-%d", "=%d", "&a%d", "é%d"}
		v.SetString(fmt.Sprintf(hard[*n%len(hard)], *n))
	}
}

// TestFilesKnowEveryWord reads the package's own source.
func TestFilesKnowEveryWord(t *testing.T) {
	known := map[string]int{"Codec": len(codecs)}
	for typ, values := range enumerated {
		known[typ.Name()] = len(values)
		for i, v := range values {
			if slices.Contains(values[:i], v) {
				t.Errorf("%s %q stands twice", typ.Name(), v)
			}
		}
	}
	declared := map[string]int{}
	for _, name := range []string{"dialect.go", "term.go", "codec.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				v, ok := s.(*ast.ValueSpec)
				switch {
				case !ok:
				case gen.Tok == token.CONST && v.Type != nil:
					declared[fmt.Sprint(v.Type)] += len(v.Names)
				case gen.Tok == token.VAR && name == "codec.go" && ast.IsExported(v.Names[0].Name):
					declared["Codec"]++
				}
			}
		}
	}
	if diff := cmp.Diff(declared, known); diff != "" {
		t.Errorf("how many words there are of each kind (-declared +files):\n%s", diff)
	}
}

// examples are the files that the README names.
func examples(t *testing.T) map[string]*Dialect {
	t.Helper()
	list, err := Own("testdata/own")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*Dialect{}
	for _, d := range list {
		out[d.ID] = d
	}
	return out
}

func TestLike(t *testing.T) {
	t.Run("a variant differs in what its file says alone", func(t *testing.T) {
		got := examples(t)["lab"]
		want := clone(&vbr)
		want.ID, want.Name, want.Short, want.About, want.Port = got.ID, got.Name, got.Short, got.About, 443
		want.Operation(Obtain).Path = "/gate/token"
		want.Lifetimes.Access = 5 * time.Minute
		for i := range want.Refusals {
			if r := &want.Refusals[i]; r.Fault == LockedOut && r.On == Obtain {
				r.Status = 423
			}
		}
		if diff := cmp.Diff(want, got, sameCodec); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if vbr.Operation(Obtain).Path == "/gate/token" || vbr.Lifetimes.Access == 5*time.Minute {
			t.Error("the variant changed the built-in product")
		}
	})

	head := "like: vbazure\nid: lab\n"
	for _, tc := range []struct {
		name, file string
		change     func(d *Dialect)
	}{
		{"a mapping merges", "versions: {default: v8}\n", func(d *Dialect) { d.Versions.Default = "v8" }},
		{"a list replaces", "notes: [One.]\n", func(d *Dialect) { d.Notes = []string{"One."} }},
		{"null clears", "notes: null\nabout: ~\n", func(d *Dialect) { d.Notes, d.About = nil, "" }},
		{"+ adds", "groups:\n  +: [{name: More, about: More}]\n", func(d *Dialect) { d.Groups = append(d.Groups, Group{"More", "More"}) }},
		{"a call is named by its method and path", "operations:\n  GET /api/{version}/system/about: {summary: About}\n", func(d *Dialect) { d.Operation(Explore).Summary = "About" }},
		{"a grant is named by its kind", "operations:\n  token:\n    grants:\n      refresh: {wire: Renew}\n", func(d *Dialect) { d.Operation(Obtain).Grants[1].Wire = "Renew" }},
		{"a field is named by its word", "operations: {token: {gives: {roleName: {wire: role}}}}\n", func(d *Dialect) {
			for i := range d.Operation(Obtain).Gives {
				if f := &d.Operation(Obtain).Gives[i]; f.Wire == "roleName" {
					f.Wire = "role"
				}
			}
		}},
		{"null takes an element away", "second_factor: ignores\noperations: {token: {grants: {mfa: null}}}\nprocedure: [{text: Go., shows: token}]\n", func(d *Dialect) {
			op := d.Operation(Obtain)
			d.SecondFactor, op.Grants = Ignores, op.Grants[:2]
			d.Procedure = []Step{{Text: "Go.", Shows: Obtain}}
		}},
		{"a refusal of one call is not that of all", "refusals: {revoked_token: {status: 410}, revoked_token on token: {status: 409}}\n", func(d *Dialect) {
			for i := range d.Refusals {
				if r := &d.Refusals[i]; r.Fault == RevokedToken {
					r.Status = 410
					if r.On == Obtain {
						r.Status = 409
					}
				}
			}
		}},
		{"says merges", "refusals: {bad_credentials: {says: {error_detail: No.}}}\n", func(d *Dialect) {
			for i := range d.Refusals {
				if r := &d.Refusals[i]; r.Fault == BadCredentials {
					r.Says[ErrorDetail] = "No."
				}
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Read("lab.yaml", []byte(head+tc.file))
			if err != nil {
				t.Fatal(err)
			}
			want := clone(&vbazure)
			want.ID = "lab"
			tc.change(want)
			if diff := cmp.Diff(want, got, sameCodec); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadReports(t *testing.T) {
	head := "like: vbazure\nid: lab\n"
	for _, tc := range []struct{ name, file, want string }{
		{"an empty file", "", "lab.yaml:1: the file is empty; write a description, or take it away"},
		{"a file of comments", "# x\n", "lab.yaml:1: the file is empty; write a description, or take it away"},
		{"two documents", head + "---\nid: x\n", "lab.yaml:3: a second document begins; give each product a file of its own"},
		{"no YAML", "id: lab\n\tname: x\n", "lab.yaml:2: not YAML: found a tab character that violates indentation; indent with spaces, and put quotes around text with a colon or a hash"},
		{"a list for a description", "- x\n", "lab.yaml:1: a list stands here; write members, as name: value, one to a line"},
		{"an unknown member", head + "prot: 1\n", "lab.yaml:3: prot: there is no such member; the nearest are port, short, about, id, name"},
		{"an unknown member of a member", head + "versions:\n  al: []\n", "lab.yaml:4: versions.al: there is no such member; use header, optional, field, all, default"},
		{"an unknown member of an element", head + "operations:\n  token:\n    pth: /x\n", "lab.yaml:5: operations.token.pth: there is no such member; the nearest are path, method, also, help, body"},
		{"a member twice", head + "id: x\n", "lab.yaml:3: id: it stands here already, at line 2; keep one"},
		{"text for a number", head + "port: x\n", `lab.yaml:3: port: "x" is no whole number; write digits without quotes`},
		{"a number in quotes", head + "port: \"1\"\n", `lab.yaml:3: port: "1" is no whole number; write digits without quotes`},
		{"a number too large", head + "port: 99999999999999999999\n", `lab.yaml:3: port: "99999999999999999999" is no whole number; write digits without quotes`},
		{"text for a truth", head + "access: {key_id: yes}\n", `lab.yaml:3: access.key_id: "yes" is neither true nor false`},
		{"a mapping for text", head + "name: {a: b}\n", "lab.yaml:3: name: a mapping stands here; write a single value"},
		{"text for a list", head + "notes: x\n", "lab.yaml:3: notes: a single value stands here; write a list, each element after a hyphen"},
		{"keys for a list without names", head + "procedure: {a: b}\n", "lab.yaml:3: procedure: its elements have no names to change them by; write the whole list, each element after a hyphen"},
		{"keys for a list that is new", head + "headers: {a: b}\n", "lab.yaml:3: headers: a mapping stands here; write a list, each element after a hyphen"},
		{"an element that is not there", head + "groups: {Logon: null}\n", "lab.yaml:3: groups.Logon: what the file starts from has no such element; use Login, System, AzureServiceAccount, or add one below +"},
		{"a name that several have", head + "operations: {call: null}\n", "lab.yaml:3: operations.call: 3 elements have this name; use POST /api/oauth2/token, DELETE /api/oauth2/token, GET /api/{version}/system/about, GET /api/{version}/system/serverInfo, GET /api/{version}/system/time, GET /api/{version}/accounts/azure/service, or write the whole list"},
		{"a span without its unit", head + "lifetimes: {access: 5}\n", `lab.yaml:3: lifetimes.access: "5" is no span of time; write 14d, 1h30m or 36ms`},
		{"a span of broken days", head + "lifetimes: {access: xd}\n", `lab.yaml:3: lifetimes.access: "xd" is no span of time; write 14d, 1h30m or 36ms`},
		{"an unknown codec", head + "versions: {field: {as: txt}}\n", `lab.yaml:3: versions.field.as: there is no codec "txt"; use text, uuid, integer, boolean, boolean-text, null, time-bare, time-zulu, time-ticks, time-unix`},
		{"an unknown term", head + "versions: {field: {term: user}}\n", `lab.yaml:3: versions.field.term: there is no term "user"; the nearest are issuer, user_id, role, user_sid, username`},
		{"an unknown purpose", head + "operations: {token: {purpose: x}}\n", `lab.yaml:3: operations.token.purpose: there is no purpose "x"; use token, explore, logout, call, whoami, code, client`},
		{"an unknown kind", head + "operations: {token: {grants: {mfa: {kind: otp}}}}\n", `lab.yaml:3: operations.token.grants.mfa.kind: there is no kind "otp"; use password, refresh, mfa, code, component, client, assertion, operator, public_key, as`},
		{"an unknown fault", head + "refusals: [{fault: x}]\n", `lab.yaml:3: refusals[0].fault: there is no fault "x"; the nearest are bad_code, no_token, bad_token, not_found, locked_out`},
		{"an unknown basis", head + "access: {basis: sure}\n", `lab.yaml:3: access.basis: there is no basis "sure"; use documented, observed, choice`},
		{"an unknown second factor", head + "second_factor: x\n", `lab.yaml:3: second_factor: there is no second factor "x"; use challenges, refuses, ignores`},
		{"an unknown product to start from", "like: vbx\nid: lab\n", `lab.yaml:1: like: there is no built-in product "vbx"; use vac, vbr, vbazure, vbahv, vspc, vbaws, vbgcp, vb365, vone, vro`},
		{"a term that no refusal has", head + "refusals: {bad_method: {says: {odd: x}}}\n", `lab.yaml:3: refusals.bad_method.says: there is no term "odd"; the nearest are role, account, issuer, mfa_code, pair_id`},

		{"a variant without an id", "like: vbazure\n", `lab.yaml:1: id: id "": use lower-case letters and digits only, 32 at most`},
		{"a mistake in what the file changes", head + "operations:\n  token:\n    grants:\n      mfa:\n        takes:\n          mfa_code: {secret: false}\n",
			`lab.yaml:8: operations.token.grants.mfa.takes.mfa_code: field "mfa_code" opens something; mark it secret`},
		{"a mistake behind an element that went", head + "groups: {System: null, AzureServiceAccount: {name: ~}}\noperations: [{purpose: token}]\n",
			`lab.yaml:3: groups.AzureServiceAccount: group "": give every group a name of its own`},
		{"a mistake in what the file leaves out", head + "versions: {all: [{id: v1}]}\n", `lab.yaml:1: operations.POST /api/oauth2/token.gives.userId.since: version "v6" is not among the versions`},
		{"a mistake with aliases is told once", head + "refusals:\n- {fault: not_found, status: 404, basis: choice, reason: x, shape: &a [{term: message}]}\n- {fault: bad_method, status: 405, basis: choice, reason: x, shape: *a}\n",
			`lab.yaml:4: refusals[0].shape[0]: field "" needs a term, a word and a codec`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read("lab.yaml", []byte(tc.file))
			if err == nil {
				t.Fatal("got no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if !slices.Contains(lines, tc.want) {
				t.Errorf("got\n%s\nwant a line\n%s", err, tc.want)
			}
			seen := map[string]bool{}
			for _, l := range lines {
				if seen[l] {
					t.Errorf("%q is told twice", l)
				}
				seen[l] = true
			}
			var fe *FileError
			if !errors.As(err, &fe) || fe.File != "lab.yaml" {
				t.Errorf("got no FileError: %v", err)
			}
		})
	}

	t.Run("all mistakes at once, in the order of the file", func(t *testing.T) {
		_, err := Read("lab.yaml", []byte("like: vbazure\nid: lab\nport: x\nritual: odd\nversions: {defalt: v1}\n"))
		if err == nil {
			t.Fatal("got no error")
		}
		var got []string
		for _, l := range strings.Split(err.Error(), "\n") {
			got = append(got, strings.SplitN(l, " ", 2)[0])
		}
		if diff := cmp.Diff([]string{"lab.yaml:3:", "lab.yaml:4:", "lab.yaml:5:"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s\n%v", diff, err)
		}
	})
}

// TestHostileFiles: a small file must not say so much that reading it, or what
// is made of it, takes long.
func TestHostileFiles(t *testing.T) {
	head := "like: vbr\nid: lab\n"
	for _, tc := range []struct{ name, file, want string }{
		{"more bytes than a file may have", "# " + strings.Repeat("x", maxFile), "bytes are too many"},
		{"aliases of lists", head + "refusals: [{shape: &s [" + strings.Repeat("{},", 900) + "]}" + strings.Repeat(",{shape: *s}", 150) + "]\n", "too large"},
		{"a long text again and again", head + "about: &a \"" + strings.Repeat("x", 100_000) + "\"\nnotes: [" + strings.Repeat("*a,", 100) + "]\n", "too large"},
		{"an alias within itself", head + "groups: &g [*g]\n", "stands here"},
		{"a deep nest", head + "groups: " + strings.Repeat("[", 50_000), "not YAML"},
		{"a nest where text belongs", head + "name: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n", "write a single value"},
		{"many versions", head + "versions: {all: [" + strings.Repeat("{id: x},", 51) + "]}\n", "51 elements are too many; 50 are allowed"},
		{"a custom tag", head + "name: !!binary aGFsbG8=\nport: !go/type 3\n", `"3" is no whole number`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read("lab.yaml", []byte(tc.file))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %.400v, want %q", err, tc.want)
			}
		})
	}
}

func TestOwn(t *testing.T) {
	write := func(t *testing.T, dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("each file is a product, in the order of the names", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "2.yaml", "like: vac\nid: one\n")
		write(t, dir, "1.yaml", "like: vac\nid: two\n")
		write(t, dir, "README.md", "not a description")
		write(t, dir, ".1.yaml.swp", "not a description")
		got, err := Own(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].ID != "two" || got[1].ID != "one" {
			t.Errorf("got %d products", len(got))
		}
		if _, err := NewCatalog(got...); err != nil {
			t.Error(err)
		}
	})

	t.Run("all faults of all files are told", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "a.yaml", "like: vac\nid: lab\n")
		write(t, dir, "b.yaml", "like: vac\nid: lab\nport: x\n")
		write(t, dir, "c.yaml", "like: vac\nport: 0\n\nid: lab\n")
		write(t, dir, "d.yaml", "like: vac\nid: vbr\n")
		write(t, dir, "e.yaml", "like: vac\nid: people\n")
		write(t, dir, "f.yml", "like: vac\nid: f\n")
		write(t, dir, "g.json", "{}")
		write(t, dir, "i.YAML", "like: vac\nid: i\n")
		if err := os.Mkdir(filepath.Join(dir, "h.yaml"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(dir, "j.yaml"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("nowhere", filepath.Join(dir, "k.yaml")); err != nil {
			t.Fatal(err)
		}
		_, err := Own(dir)
		if err == nil {
			t.Fatal("got no error")
		}
		got := strings.Split(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""), "\n")
		want := []string{
			`b.yaml:3: port: "x" is no whole number; write digits without quotes`,
			`c.yaml:2: port: port 0: use 1 to 65535`,
			`c.yaml:4: id: id "lab" is taken by a.yaml; choose another`,
			`d.yaml:2: id: id "vbr" is taken by a built-in product; choose another`,
			`e.yaml:2: id: id "people": the program has an address of that name; choose another`,
			"f.yml: descriptions are YAML, in files that end in .yaml; rename it, or take it away",
			"g.json: descriptions are YAML, in files that end in .yaml; rename it, or take it away",
			"h.yaml: it is no file; take it away",
			"i.YAML: descriptions are YAML, in files that end in .yaml; rename it, or take it away",
			"j.yaml: it is no file; take it away",
			"k.yaml: no such file or directory; make it readable for the program",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("a folder that is empty or missing is a mistake", func(t *testing.T) {
		dir := t.TempDir()
		for _, dir := range []string{dir, filepath.Join(dir, "missing")} {
			if _, err := Own(dir); err == nil {
				t.Errorf("%s: got no error", dir)
			}
		}
	})
}

// FuzzRead: whatever stands in a file, it is read or refused with a place and
// without a panic; what is read says the same when it is written.
func FuzzRead(f *testing.F) {
	for _, d := range []*Dialect{&vac, &vbazure} {
		data, err := Write(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, name := range []string{"lab.yaml", "harbour.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", "own", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("like: vbr\nid: x\ngroups: &g [*g]\noperations: {token: null, +: [*g]}\n"))
	f.Add([]byte("like: vbazure\nid: lab\nsecond_factor: ignores\noperations: {token: {grants: {mfa: null}, gives: {+: [{term: x}]}}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Read("x.yaml", data)
		if err != nil {
			var fe *FileError
			if !errors.As(err, &fe) {
				t.Fatalf("an error without its file: %v", err)
			}
			return
		}
		again, err := Write(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read("y.yaml", again)
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		if diff := cmp.Diff(d, got, sameCodec, emptyIsNone); diff != "" {
			t.Errorf("written and read back (-first +second):\n%s", diff)
		}
	})
}

// emptyIsNone: a list without elements is written as none at all.
var emptyIsNone = cmp.FilterValues(func(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	return x.IsValid() && y.IsValid() && (x.Kind() == reflect.Slice || x.Kind() == reflect.Map) && x.Kind() == y.Kind() && x.Len() == 0 && y.Len() == 0
}, cmp.Comparer(func(a, b any) bool { return true }))
