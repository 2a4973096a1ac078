package handlers

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// query is what an address may say about a page. It never holds a secret.
type query struct {
	op      dialect.Purpose
	grant   dialect.Kind
	target  string
	version string
	view    string
	theme   string
	try     dialect.Purpose
	x       int
	fill    bool
	reveal  string
	notice  string
	fault   string           // that the form has chosen
	body    dialect.Encoding // that the form has chosen; no address carries it
}

var (
	// purposes that a link to a fault looks at, in order.
	purposes = []dialect.Purpose{dialect.Obtain, dialect.Explore, dialect.Logout}
	views    = []string{"body", "headers", "request", "curl", "decoded"}
	themes   = []string{"auto", "light", "dark"}
)

// readQuery takes what it knows, refuses what looks like a secret, and ignores
// the rest, so that a link with a campaign's parameters still opens. An
// operation, grant or version that the product does not have is a problem; d
// may be nil where the page is no product's.
func readQuery(values url.Values, d *dialect.Dialect) (query, error) {
	for name, vs := range values {
		for _, v := range vs {
			if looksSecret(name, v) {
				return query{}, secretInQuery(name)
			}
		}
	}
	q := query{
		target:  values.Get("target"),
		version: values.Get("version"),
		view:    values.Get("view"),
		theme:   values.Get("theme"),
		reveal:  values.Get("reveal"),
		notice:  values.Get("done"),
		fault:   firstOf(values.Get(fieldFault), values.Get("fault")), // a form that is drawn anew sends its choice
		body:    dialect.Encoding(values.Get(fieldEncoding)),
		fill:    values.Get("fill") == "1",
	}
	q.x, _ = strconv.Atoi(values.Get("x"))
	if !slices.Contains(views, q.view) {
		q.view = ""
	}
	if !slices.Contains(themes, q.theme) || q.theme == "auto" {
		q.theme = ""
	}
	if d == nil {
		return q, nil
	}
	q.op, q.try = dialect.Purpose(values.Get("op")), dialect.Purpose(values.Get("try"))
	for _, p := range []dialect.Purpose{q.op, q.try} {
		if p != "" && operation(d, p) == nil {
			return q, unknownOperation(operationChoices(d))
		}
	}
	wire := values.Get("grant")
	if wire == "" { // the drop-down has the product's own name
		wire = values.Get(d.Operation(dialect.Obtain).GrantField.Wire)
	}
	if wire != "" {
		g, ok := d.GrantByWire(wire)
		if !ok {
			return q, unknownGrant(d, wire)
		}
		q.grant = g.Kind
	}
	if _, ok := d.Version(q.version); !ok {
		return q, unknownVersion(d)
	}
	if _, ok := askable(d, q.fault); !ok && q.fault != "" && q.fault != noFault {
		return q, unknownFault(d, sandbox.Faults(d), "The sandbox of this product has no such fault.")
	}
	return q, nil
}

// values is the query of an address that shows q. Defaults are left out, so
// that addresses stay short; fill and reveal are never carried on.
func (q query) values(d *dialect.Dialect) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("op", string(q.op))
	if g, ok := d.Grant(q.grant); ok {
		set("grant", g.Wire)
	}
	if q.target != sandboxName {
		set("target", q.target)
	}
	if q.version != d.Versions.Default {
		set("version", q.version)
	}
	set("view", q.view)
	set("theme", q.theme)
	set("try", string(q.try))
	if q.fault != noFault {
		set("fault", q.fault)
	}
	if q.x > 0 {
		set("x", strconv.Itoa(q.x))
	}
	return v
}

// address is a page of a product. change adjusts a copy of the query.
func (q query) address(d *dialect.Dialect, change func(*query)) string {
	q.notice = ""
	if change != nil {
		change(&q)
	}
	v := q.values(d)
	if q.fill {
		v.Set("fill", "1")
	}
	if q.reveal != "" {
		v.Set("reveal", q.reveal)
	}
	if q.notice != "" {
		v.Set("done", q.notice)
	}
	if len(v) == 0 {
		return "/" + d.ID
	}
	return "/" + d.ID + "?" + v.Encode()
}

func (q query) themeSuffix() string {
	if q.theme == "" {
		return ""
	}
	return "?theme=" + q.theme
}

var (
	secretName = regexp.MustCompile(`(?i)(pass(word|wd)?|secret|token|api[_-]?key|mfa|otp|bearer|credential|authorization|assertion|^code$|^x\.key$|jwt)`)
	jwtShape   = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.`)
	denseText  = regexp.MustCompile(`[A-Za-z0-9+/_=-]{32,}`)
)

// looksSecret says that a query's value must not be used: its name is a
// secret's, it has the shape of a JWT, or it holds a long run of letters and
// digits without pattern.
func looksSecret(name, value string) bool {
	if value == "" {
		return false
	}
	if jwtShape.MatchString(value) || jwtShape.MatchString(name) {
		return true
	}
	// The names of our own parameters and their values are known and harmless.
	if name == "op" || name == "try" || name == "grant" || name == "view" || name == "reveal" || name == "fault" {
		return len(value) > 60 // the longest grant, a URN, has 43
	}
	if secretName.MatchString(name) {
		return true
	}
	for _, run := range denseText.FindAllString(value, -1) {
		if entropy(run) > 3.8 && mixed(run) {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(value), "bearer ")
}

// mixed says that letters and digits, or small letters and capitals, follow
// each other at one character in five or more. In words that are joined by
// dashes they hardly do; in base64 they do at two in five.
func mixed(s string) bool {
	class := func(c byte) int {
		switch {
		case '0' <= c && c <= '9':
			return 1
		case 'a' <= c && c <= 'z':
			return 2
		case 'A' <= c && c <= 'Z':
			return 3
		}
		return 0
	}
	changes := 0
	for i := 1; i < len(s); i++ {
		before, after := class(s[i-1]), class(s[i])
		// A capital before a small letter begins a word.
		if before != after && before != 0 && after != 0 && (before != 3 || after != 2) {
			changes++
		}
	}
	return changes*5 >= len(s)
}

// entropy is Shannon's, in bits a character: 32 characters of base64 seldom
// have less than 3.8.
func entropy(s string) float64 {
	count := map[rune]int{}
	n := 0
	for _, r := range s {
		count[r]++
		n++
	}
	var bits float64
	for _, c := range count {
		p := float64(c) / float64(n)
		bits -= p * math.Log2(p)
	}
	return bits
}
