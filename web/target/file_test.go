package target

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t)
	write(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})))
	pin := strings.Repeat("AB:", 31) + "ab"
	path := write(t, dir, "targets.json", "\ufeff"+`{"targets":[
	{"name":"Lab","product":"p","host":"Lab.Local","port":9419,"ca":"ca.pem"},
	{"name":"Pinned","product":"p","host":"[::1]:443","pin":"`+pin+`"},
	{"name":"Absolute","product":"q","host":"lab.local","port":9419,"ca":"`+filepath.ToSlash(filepath.Join(dir, "ca.pem"))+`"}
]}
`)
	got, err := LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].CA == nil || got[1].CA != nil || got[2].CA == nil {
		t.Error("a CA is missing or too many")
	}
	for i := range got {
		got[i].CA = nil
	}
	want := []Target{
		{Name: "Lab", Product: "p", Host: "lab.local", Port: 9419},
		{Name: "Pinned", Product: "p", Host: "::1", Port: 443, Pin: strings.Repeat("ab", 32)},
		{Name: "Absolute", Product: "q", Host: "lab.local", Port: 9419},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadFileSaysAllFaultsAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "empty.pem", "nothing")
	path := write(t, dir, "targets.json", `{
  "version": 2,
  "targets": [
    {"name":"A","product":"p","host":"a","port":1,
     "colour":"red",
     "prot":2},
    {"name":"B","product":"p","host":"b/x","port":0,"ca":"missing.pem","pin":"12"},
    {"product":"p","host":"c","port":"9"},
    {"name":"a","product":"p","host":"A.","port":1},
    7,
    {"name":"D","name":"E","product":"","host":"d:5","port":6,"ca":"empty.pem",
     "pin":"sha256//abc="},
    {"name":"F","product":"p","host":"f","pin":"`+strings.Repeat("0", 40)+`"}
  ]
}`)
	_, err := LoadFile(path)
	var bad *FileError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, line := range strings.Split(err.Error(), "\n") {
		line = strings.TrimPrefix(line, path+":")
		problem, remedy, _ := strings.Cut(line, "; ")
		if remedy == "" {
			t.Errorf("no remedy in %q", line)
		}
		got = append(got, problem)
	}
	want := []string{
		`2: "version" is not known`,
		`5: "A": "colour" is not known`,
		`6: "A": "prot" is not known`,
		`7: "B": 0 is not a port`,
		`7: "B": the address holds a path`,
		`7: "B": "ca": the file cannot be read: no such file or directory`,
		`7: "B": "pin" is not a SHA-256 fingerprint`,
		`8: target 3: "port" is not a whole number without quotes`,
		`8: target 3: "name" is missing or empty`,
		`9: "a": the name is already used on line 4`,
		`9: "a": the same product, host and port are already on line 4`,
		`10: target 5: it is not an object`,
		`11: "D": "name" is there twice`,
		`11: "D": "product" is missing or empty`,
		`11: "D": "host" names another port than "port"`,
		`11: "D": "ca" holds no certificate in PEM form`,
		`12: "D": "pin" is the fingerprint of a public key`,
		`13: "F": the address has no port`,
		`13: "F": "pin" is a SHA-1 fingerprint (40 digits)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadFileRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ":1: it is not JSON"},
		{"a half", "{\n\"targets\":[", ":2: it is not JSON"},
		{"a comma too many", "{\"targets\":[\n{},\n]}", ":3: it is not JSON"},
		{"a list at the top", "[]", "not an object"},
		{"no targets", "{}", `"targets" is missing`},
		{"targets that are no list", `{"targets":{}}`, "not a list"},
		{"an empty list", `{"targets":[]}`, "the list is empty"},
		{"two lists", `{"targets":[{"name":"a","product":"p","host":"a","port":1}],"targets":[]}`, "there twice"},
		{"more after the end", "{\"targets\":[]}\n{}", ":2: something follows"},
		{"null values", `{"targets":[{"name":null,"product":"p","host":"a","port":1}]}`, `"name" is not a text`},
		{"a fraction of a port", `{"targets":[{"name":"a","product":"p","host":"a","port":1.5}]}`, `"port" is not a whole number`},
		{"a megabyte", strings.Repeat(" ", maxFile+1), "larger than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadFile(write(t, t.TempDir(), "t.json", c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		_, err := LoadFile(filepath.Join(t.TempDir(), "none.json"))
		if err == nil || strings.Count(err.Error(), "none.json") != 1 {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzLoadFile(f *testing.F) {
	f.Add(`{"targets":[{"name":"A","product":"p","host":"a","port":1,"pin":"00"}]}`)
	f.Add(`{"targets":[{"name":"A","product":"p","host":"[::1]:443","pin":"` + strings.Repeat("AB:", 31) + `ab"},{"name":"b","product":"p","host":"B.lab.","port":1}]}`)
	f.Add(`{"targets":[7,{},null,[{"name":1}]],"x":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), `ca"`) || strings.Contains(text, `\u`) {
			return // would read files of this machine
		}
		p := &fileParser{data: []byte(text), dir: ""}
		p.file()
		if len(p.faults) == 0 && len(p.targets) == 0 {
			t.Error("neither a target nor a fault")
		}
		for _, fault := range p.faults {
			if fault.Line < 1 || fault.Line > 1+strings.Count(text, "\n") {
				t.Errorf("fault on line %d", fault.Line)
			}
			if fault.Problem == "" || fault.Remedy == "" || len(fault.String()) > 1000 || strings.ContainsAny(fault.String(), "\r\n\x1b") {
				t.Errorf("got the fault %q", fault)
			}
		}
		if len(p.faults) > 0 {
			return
		}
		// What was taken is taken again from a list that is made of it.
		type entry struct {
			Name    string `json:"name"`
			Product string `json:"product"`
			Host    string `json:"host"`
			Port    int    `json:"port"`
			Pin     string `json:"pin,omitempty"`
		}
		var list struct {
			Targets []entry `json:"targets"`
		}
		for _, x := range p.targets {
			if x.Port < 1 || x.Port > 65535 || x.Host == "" || strings.TrimSpace(x.Name) == "" || x.Product == "" {
				t.Errorf("took %+v", x)
			}
			list.Targets = append(list.Targets, entry{x.Name, x.Product, x.Host, x.Port, x.Pin})
		}
		data, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		again := &fileParser{data: data, dir: ""}
		again.file()
		if diff := cmp.Diff(p.targets, again.targets); diff != "" || len(again.faults) > 0 {
			t.Errorf("%s: %v\n%s", data, again.faults, diff)
		}
	})
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
