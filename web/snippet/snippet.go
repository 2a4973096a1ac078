// Package snippet writes a request as a command that a person can paste into
// a shell and run: what was sent, with every secret replaced by an
// environment variable.
package snippet

import (
	"encoding/json"
	"net/url"
	"sort"
	"strings"
)

// Request is what a snippet says, independent of who made it.
type Request struct {
	Method string // GET when empty
	URL    string
	Header [][2]string // in the order in which they are written
	Body   string
	// Secrets never appear in a snippet.
	Secrets []Secret
}

// Secret is a value that is written as a variable instead.
type Secret struct {
	Value string // empty is ignored
	Env   string // VEEAM_SECRET where it is no name for a variable
}

// Options say how the target's certificate is checked. A snippet never
// switches the check off.
type Options struct {
	// Untrusted is set when the certificate is not signed by an authority that
	// computers know. The snippet then names a CA file.
	Untrusted bool
	// CACert is the path of that file; "target.pem" where it is empty.
	// Setting it alone is enough, too.
	CACert string
	// KeyPin is the public key as curl takes it, "sha256//" and base64. It is
	// checked besides the CA, not instead of it.
	KeyPin string
}

// caPlaceholder is the file that a person saves the certificate to.
const caPlaceholder = "target.pem"

// Curl writes r as a command for curl and a POSIX shell, one option on each
// line. It carries the same method, URL, headers and body, except for what
// curl says by itself (Host, Content-Length, User-Agent, Accept-Encoding) and
// what belongs to one connection only.
//
// In a form and in JSON a secret is found as a whole value whatever its
// length; names are left alone, so that the password "password" does not
// hide its own field. Elsewhere, and inside longer values, it is found from four
// characters on: replacing every "a" because a password is "a" would tell
// more than it hides. A NUL byte cannot stand in a command and is left out.
func Curl(r Request, opt Options) string {
	s := newSecrets(r.Secrets)
	method := r.Method
	if method == "" {
		method = "GET"
	}
	first := "curl -sS"
	switch {
	case method == "HEAD" && r.Body == "":
		first += " --head"
	case method != "GET" || r.Body != "":
		first += " -X " + s.word(literal(method))
	}
	if strings.ContainsAny(r.URL, "[]{}") {
		first += " --globoff" // curl reads these as patterns
	}
	if strings.Contains(r.URL, "/./") || strings.Contains(r.URL, "/../") {
		first += " --path-as-is"
	}
	if strings.HasPrefix(r.URL, "-") {
		first += " --url"
	}
	lines := []string{first + " " + quoted(s.findURL(r.URL))}
	add := func(option string, parts []part) { lines = append(lines, option+" "+quoted(parts)) }

	ca := opt.CACert
	if ca == "" && opt.Untrusted {
		ca = caPlaceholder
	}
	if ca != "" {
		add("--cacert", literal(ca))
	}
	if opt.KeyPin != "" {
		add("--pinnedpubkey", literal(opt.KeyPin))
	}

	contentType := ""
	for _, h := range r.Header {
		name, value := oneLine(h[0]), oneLine(h[1])
		if strings.EqualFold(name, "Content-Type") {
			contentType = strings.ToLower(value)
		}
		switch {
		case automatic[strings.ToLower(name)]:
		case strings.TrimSpace(value) == "":
			add("-H", literal(name+";")) // curl's way to say an empty value
		default:
			add("-H", append(literal(name+": "), s.find(value)...))
		}
	}
	switch {
	case r.Body != "":
		if contentType == "" {
			add("-H", literal("Content-Type:")) // else curl would call it a form
		}
		lines = append(lines, s.body(r.Body, contentType)...)
	case method == "POST" || method == "PUT" || method == "PATCH":
		// Without a body curl says no length, which some servers refuse with 411.
		add("-H", literal("Content-Length: 0"))
	}
	return strings.Join(lines, " \\\n  ") + "\n"
}

// automatic headers are curl's own, or belong to one connection.
var automatic = map[string]bool{
	"host": true, "content-length": true, "user-agent": true, "accept-encoding": true,
	"connection": true, "keep-alive": true, "proxy-connection": true, "transfer-encoding": true,
	"te": true, "trailer": true, "upgrade": true, "expect": true,
}

// body writes one option for each pair of a form, so that it can be read, and
// a single one for everything else.
func (s secrets) body(body, contentType string) []string {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		var lines []string
		for _, pair := range strings.Split(body, "&") {
			lines = append(lines, s.pair(pair))
		}
		return lines
	}
	if strings.Contains(contentType, "json") {
		if parts, found := s.json(body); found {
			return []string{data(parts)}
		}
	}
	return []string{data(s.find(body))}
}

// pair keeps the bytes of a pair without a secret. One with a secret is
// encoded by curl, because nobody knows what the variable will hold.
func (s secrets) pair(pair string) string {
	name, raw, ok := strings.Cut(pair, "=")
	value, err := url.QueryUnescape(raw)
	if !ok || err != nil {
		return data(s.find(pair))
	}
	parts := s.whole(value)
	if !hasSecret(parts) {
		return data(literal(pair))
	}
	return "--data-urlencode " + quoted(append(literal(name+"="), parts...))
}

// data names the body. A leading @, now or in the variable, would make curl
// read a file.
func data(parts []part) string {
	if len(parts) > 0 && (parts[0].env != "" || strings.HasPrefix(parts[0].text, "@")) {
		return "--data-raw " + quoted(parts)
	}
	return "-d " + quoted(parts)
}

// part is text as it is, the value of a variable, or that value as a JSON
// text.
type part struct {
	text   string
	env    string
	asJSON bool
}

func literal(text string) []part { return []part{{text: text}} }

func hasSecret(parts []part) bool {
	for _, p := range parts {
		if p.env != "" {
			return true
		}
	}
	return false
}

// secrets are sorted from the longest to the shortest, so that one that holds
// another is found first.
type secrets []Secret

func newSecrets(list []Secret) secrets {
	var s secrets
	for _, x := range list {
		if x.Value == "" {
			continue
		}
		if !isName(x.Env) {
			x.Env = "VEEAM_SECRET"
		}
		s = append(s, x)
	}
	sort.SliceStable(s, func(i, j int) bool { return len(s[i].Value) > len(s[j].Value) })
	return s
}

// shortest is how long a secret must be to be looked for inside other text.
const shortest = 4

// find cuts the secrets out of text.
func (s secrets) find(text string) []part {
	for _, x := range s {
		if len(x.Value) < shortest {
			continue
		}
		if before, after, ok := strings.Cut(text, x.Value); ok {
			parts := append(s.find(before), part{env: x.Env})
			return append(parts, s.find(after)...)
		}
	}
	if text == "" {
		return nil
	}
	return literal(text)
}

// findURL also finds secrets in the spelling of a URL. None should ever stand
// there; hiding one matters more than encoding the variable's value.
func (s secrets) findURL(text string) []part {
	for _, x := range s {
		for _, spelling := range []string{url.QueryEscape(x.Value), url.PathEscape(x.Value)} {
			if len(x.Value) >= shortest {
				text = strings.ReplaceAll(text, spelling, x.Value)
			}
		}
	}
	return s.find(text)
}

// whole is find for a complete value, which may also be a short secret.
func (s secrets) whole(value string) []part {
	for _, x := range s {
		if value == x.Value {
			return []part{{env: x.Env}}
		}
	}
	return s.find(value)
}

// json looks into the texts of a JSON document. A variable stands between the
// quotes as it is where its present value needs no escapes; otherwise jq makes
// the text.
func (s secrets) json(body string) (parts []part, found bool) {
	rest := body
	for {
		start := strings.IndexByte(rest, '"')
		if start < 0 {
			return append(parts, s.find(rest)...), found
		}
		end := start + 1
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(rest) {
			return nil, false
		}
		var value string
		if json.Unmarshal([]byte(rest[start:end+1]), &value) != nil {
			return nil, false
		}
		parts = append(parts, s.find(rest[:start])...)
		inside := s.whole(value)
		if strings.HasPrefix(strings.TrimLeft(rest[end+1:], " \t\r\n"), ":") {
			inside = nil // a name
		}
		switch {
		case !hasSecret(inside):
			parts = append(parts, part{text: rest[start : end+1]})
		case len(inside) == 1 && plainJSON(value):
			parts = append(parts, part{text: `"`}, inside[0], part{text: `"`})
			found = true
		case len(inside) == 1:
			inside[0].asJSON = true
			parts = append(parts, inside[0])
			found = true
		default:
			// A secret inside a longer text: the rest of the text keeps its
			// JSON escapes.
			parts = append(parts, part{text: `"`})
			for _, p := range inside {
				if p.env == "" {
					p.text = escapeJSON(p.text)
				}
				parts = append(parts, p)
			}
			parts = append(parts, part{text: `"`})
			found = true
		}
		rest = rest[end+1:]
	}
}

func plainJSON(s string) bool { return escapeJSON(s) == s }

func escapeJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string cannot fail
	out := strings.TrimSuffix(b.String(), "\n")
	return out[1 : len(out)-1]
}

// quoted makes one argument of parts: text in single quotes, a variable in
// double quotes, and both together in double quotes where the text is so
// plain that no shell can read anything into it.
func quoted(parts []part) string {
	var joined []part
	for _, p := range parts {
		p.text = strings.ReplaceAll(p.text, "\x00", "")
		if n := len(joined); n > 0 && p.env == "" && joined[n-1].env == "" {
			joined[n-1].text += p.text
			continue
		}
		joined = append(joined, p)
	}
	if !hasSecret(joined) {
		text := ""
		for _, p := range joined {
			text += p.text
		}
		return single(text)
	}
	plain := true
	for _, p := range joined {
		plain = plain && isPlain(p.text) && !p.asJSON
	}
	var b strings.Builder
	if !plain {
		for _, p := range joined {
			switch {
			case p.asJSON:
				b.WriteString(`"$(printf %s "$` + p.env + `" | jq -Rs .)"`)
			case p.env != "":
				b.WriteString(`"$` + p.env + `"`)
			case p.text != "":
				b.WriteString(single(p.text))
			}
		}
		return b.String()
	}
	b.WriteByte('"')
	for i, p := range joined {
		switch {
		case p.env == "":
			b.WriteString(p.text)
		case i+1 < len(joined) && joined[i+1].text != "" && isNameByte(joined[i+1].text[0], 1):
			b.WriteString("${" + p.env + "}")
		default:
			b.WriteString("$" + p.env)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// word is quoted without the quotes where none are needed.
func (s secrets) word(parts []part) string {
	q := quoted(parts)
	if bare := strings.Trim(q, "'"); bare != "" && !strings.ContainsFunc(bare, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return bare
	}
	return q
}

func single(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// isPlain leaves out what means something inside double quotes, in an
// interactive shell too, where ! recalls the history.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" -_.,:;=/@+%&?", r))
	})
}

func isName(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i], i) {
			return false
		}
	}
	return s != ""
}

func isNameByte(c byte, at int) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || at > 0 && c >= '0' && c <= '9'
}

// oneLine keeps a header one header.
func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }
