package target

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// FileError is everything that is wrong with a list of targets.
type FileError struct {
	Path   string
	Faults []Fault
}

// Fault is one thing to correct in a list of targets.
type Fault struct {
	Line            int    // 1 is the first; 0 where the file could not be read
	Entry           string // the entry's name, or its number where it has none
	Problem, Remedy string
}

func (f Fault) String() string {
	s := f.Problem + "; " + f.Remedy
	if f.Entry != "" {
		s = f.Entry + ": " + s
	}
	return s
}

func (e *FileError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = e.Path + ": " + f.String()
		if f.Line > 0 {
			lines[i] = e.Path + ":" + strconv.Itoa(f.Line) + ": " + f.String()
		}
	}
	return strings.Join(lines, "\n")
}

const (
	maxFile = 1 << 20
	example = `start from {"targets":[{"name":"Lab","product":"…","host":"server.lab.local","port":9419}]}`
)

// LoadFile reads a list of targets:
//
//	{"targets":[{"name":"Lab server","product":"…","host":"srv.lab.local","port":9419,
//	             "ca":"lab-ca.pem","pin":"ab:cd:…"}]}
//
// ca and pin may be left out. ca is a file of PEM certificates, relative to
// the list itself; pin is the hex SHA-256 of the leaf certificate, with or
// without colons. Product ids are the caller's to check. The error is a
// *[FileError] with all faults at once.
func LoadFile(path string) ([]Target, error) {
	bad := &FileError{Path: path}
	data, err := readSome(path)
	if err != nil {
		bad.Faults = []Fault{{Problem: reading(err), Remedy: "check the path and who may read it"}}
		return nil, bad
	}
	p := &fileParser{data: bytes.TrimPrefix(data, []byte("\ufeff")), dir: filepath.Dir(path)}
	p.file()
	if len(p.faults) > 0 {
		bad.Faults = p.faults
		return nil, bad
	}
	return p.targets, nil
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return data, err
}

// reading says why a file could not be read, without repeating its path.
func reading(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return "the file cannot be read: " + err.Error()
}

type fileParser struct {
	data    []byte
	dir     string
	targets []Target
	faults  []Fault
}

func (p *fileParser) line(offset int64) int {
	return 1 + bytes.Count(p.data[:min(max(offset, 0), int64(len(p.data)))], []byte("\n"))
}

func (p *fileParser) fault(offset int64, entry, problem, remedy string) {
	p.faults = append(p.faults, Fault{p.line(offset), entry, problem, remedy})
}

func (p *fileParser) file() {
	var all any
	dec := json.NewDecoder(bytes.NewReader(p.data))
	err := dec.Decode(&all)
	if err == nil && len(bytes.TrimSpace(p.data[dec.InputOffset():])) > 0 {
		p.fault(dec.InputOffset()+1, "", "something follows the end of the list", "remove it")
		return
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		p.fault(syntax.Offset, "", "it is not JSON: "+syntax.Error(), "check commas, quotes and brackets near this line")
		return
	case err != nil:
		p.fault(int64(len(p.data)), "", "it is not JSON: it ends too early", example)
		return
	}

	fields, err := members(p.data)
	if err != nil {
		p.fault(0, "", "it is not an object with \"targets\"", example)
		return
	}
	found := false
	for _, f := range fields {
		switch {
		case f.name != "targets":
			p.fault(f.at, "", fmt.Sprintf("%q is not known", clip(f.name, 40)), `only "targets" stands at the top`)
		case found:
			p.fault(f.at, "", `"targets" is there twice`, "make one list of both")
		default:
			found = true
			p.list(f)
		}
	}
	if !found {
		p.fault(0, "", `"targets" is missing`, example)
	}
}

func (p *fileParser) list(field member) {
	dec := json.NewDecoder(bytes.NewReader(field.value))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		p.fault(field.at, "", `"targets" is not a list`, example)
		return
	}
	names, places := map[string]int{}, map[string]int{}
	n := 0
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return // cannot happen: the whole file is JSON
		}
		n++
		at := field.valueAt + dec.InputOffset() - int64(len(raw))
		t, entry, ok := p.entry(raw, at, n)
		if !ok {
			continue
		}
		if line := names[strings.ToLower(t.Name)]; line > 0 {
			p.fault(at, entry, fmt.Sprintf("the name is already used on line %d", line), "give each target a name of its own")
		} else {
			names[strings.ToLower(t.Name)] = p.line(at)
		}
		place := t.Product + " " + t.Address()
		if line := places[place]; line > 0 {
			p.fault(at, entry, fmt.Sprintf("the same product, host and port are already on line %d", line), "remove one of the two")
		} else {
			places[place] = p.line(at)
		}
		p.targets = append(p.targets, t)
	}
	if n == 0 {
		p.fault(field.at, "", "the list is empty", example)
	}
}

// entry reads one target; ok is false where the name or the place is not
// usable, because nothing more can be said about duplicates then.
func (p *fileParser) entry(raw []byte, at int64, number int) (t Target, entry string, ok bool) {
	entry = "target " + strconv.Itoa(number)
	fields, err := members(raw)
	if err != nil {
		p.fault(at, entry, "it is not an object", example)
		return t, entry, false
	}
	// The name first, so that every other fault can say whose it is.
	for _, f := range fields {
		if f.name == "name" && json.Unmarshal(f.value, &t.Name) == nil && strings.TrimSpace(t.Name) != "" {
			entry = strconv.Quote(clip(t.Name, 60))
			break
		}
	}

	var ca, pin, host string
	known := map[string]any{"name": &t.Name, "product": &t.Product, "host": &host, "port": &t.Port, "ca": &ca, "pin": &pin}
	where, faulty := map[string]int64{}, map[string]bool{}
	for _, f := range fields {
		to, isKnown := known[f.name]
		_, twice := where[f.name]
		switch {
		case !isKnown:
			p.fault(at+f.at, entry, fmt.Sprintf("%q is not known", clip(f.name, 40)), `use "name", "product", "host", "port", "ca" and "pin"`)
			continue
		case twice:
			p.fault(at+f.at, entry, fmt.Sprintf("%q is there twice", f.name), "remove one of the two")
			continue
		}
		where[f.name] = at + f.at
		if err := json.Unmarshal(f.value, to); err != nil || string(f.value) == "null" {
			want := "a text in quotes"
			if f.name == "port" {
				want = "a whole number without quotes"
			}
			faulty[f.name] = true
			p.fault(at+f.at, entry, fmt.Sprintf("%q is not %s", f.name, want), "write "+want)
		}
	}
	need := func(name, remedy string, empty bool) {
		if at2, there := where[name]; empty && !faulty[name] {
			faulty[name] = true
			if !there {
				at2 = at
			}
			p.fault(at2, entry, fmt.Sprintf("%q is missing or empty", name), remedy)
		}
	}
	need("name", "give it a name that people recognize", strings.TrimSpace(t.Name) == "")
	need("product", "say which product answers there", t.Product == "")
	need("host", "give the server's name or address", host == "")
	if _, there := where["port"]; there && !faulty["port"] && (t.Port < 1 || t.Port > 65535) {
		faulty["port"] = true
		p.fault(where["port"], entry, fmt.Sprintf("%d is not a port", t.Port), "use a number from 1 to 65535")
	}
	if !faulty["host"] {
		given, other := t.Port, 1 // 1 stands in for a port that was already complained about
		if !faulty["port"] {
			other = given
		}
		h, port, err := ParseAddress(host, other)
		var bad *AddressError
		switch {
		case errors.As(err, &bad):
			faulty["host"] = true
			p.fault(where["host"], entry, bad.Problem, bad.Remedy)
		case given != 0 && port != given && !faulty["port"]:
			faulty["host"] = true
			p.fault(where["host"], entry, `"host" names another port than "port"`, `leave the port out of "host"`)
		default:
			t.Host, t.Port = h, port
		}
	}
	p.trust(&t, entry, ca, pin, where, faulty)
	return t, entry, !faulty["name"] && !faulty["host"] && !faulty["port"]
}

func (p *fileParser) trust(t *Target, entry, ca, pin string, where map[string]int64, faulty map[string]bool) {
	if at, there := where["ca"]; there && !faulty["ca"] {
		if !filepath.IsAbs(ca) {
			ca = filepath.Join(p.dir, ca)
		}
		data, err := readSome(ca)
		t.CA = x509.NewCertPool()
		if err != nil {
			p.fault(at, entry, `"ca": `+reading(err), "give the path of a PEM file, relative to this list or absolute")
		} else if !t.CA.AppendCertsFromPEM(data) {
			p.fault(at, entry, `"ca" holds no certificate in PEM form`, `the file must have a part that starts with "-----BEGIN CERTIFICATE-----"`)
		}
	}
	if at, there := where["pin"]; there && !faulty["pin"] {
		clean := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(pin))
		raw, err := hex.DecodeString(clean)
		switch {
		case strings.HasPrefix(pin, "sha256//"):
			p.fault(at, entry, `"pin" is the fingerprint of a public key`, "give the SHA-256 of the whole certificate, 64 hex digits")
		case err == nil && len(raw) == 20:
			p.fault(at, entry, `"pin" is a SHA-1 fingerprint (40 digits)`, "give the SHA-256 of the certificate, 64 hex digits")
		case err != nil || len(raw) != 32:
			p.fault(at, entry, `"pin" is not a SHA-256 fingerprint`, "give 64 hex digits, with or without colons")
		default:
			t.Pin = clean
		}
	}
}

// member is one name and value of an object. at is where the name ends and
// valueAt where the value begins, both from the start of the object's text.
type member struct {
	name        string
	at, valueAt int64
	value       json.RawMessage
}

var errNoObject = errors.New("not an object")

// members reads an object in order and with duplicates, both of which a map
// would lose.
func members(raw []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	var out []member
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errNoObject
		}
		m := member{name: name, at: dec.InputOffset()}
		if err := dec.Decode(&m.value); err != nil {
			return nil, err
		}
		m.valueAt = dec.InputOffset() - int64(len(m.value))
		out = append(out, m)
	}
	return out, nil
}
