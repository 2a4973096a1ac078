package dialect

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

// unprinted lists the words that no evidence can hold, and why. An entry that
// excuses nothing fails the test.
var unprinted = []struct{ product, path, reason string }{
	{"vac", `Operations\[1\]\.Also\[0\]`, "all other resources carry /v2; no page shows this path"},
	{"(vac|vbahv|vb365|vone|vro)", `SecondFactor`, "no document speaks of a second factor"},
	{"(vbr|vbahv|vbgcp|vb365)", `(Admin|Operator)Role`, "no call of the product carries a role"},
	{"vbazure", `Operations\[0\]\.Gives\[13\]\.(As|ReadOnly)`, "redirectTo is declared, and in no example"},
	{"(vbaws|vb365)", `Operations\[0\]\.Gives\[\d\]\.As`, "a date with Z and without a fraction is the same as plain text"},
	{"(vbazure|vbahv)", `Operations\[0\]\.Gives\[\d\]\.As`, "no printed fraction ends in zero, where a tick and plain text would part"},
}

// A wrong word must turn the evidence red. Every documented word of every
// description is spoiled, one at a time, and the files are checked again.
func TestEvidenceNoticesEveryWrongWord(t *testing.T) {
	excuses := make([]*regexp.Regexp, len(unprinted))
	used := make([]bool, len(unprinted))
	for i, u := range unprinted {
		excuses[i] = regexp.MustCompile("^" + u.product + ": " + u.path + "$")
	}
	for _, product := range All() {
		files := readEvidence(t, product.ID)
		d := clone(product)
		changed, noticed, excused, choices := 0, 0, 0, 0
		spoil(reflect.ValueOf(d).Elem(), "", true, func(path, change string, documented bool) {
			if !documented {
				choices++
				return
			}
			changed++
			if slices.ContainsFunc(files, func(e *evidence) bool { return e.check(d) != nil }) {
				noticed++
				return
			}
			whole := product.ID + ": " + path
			for i, excuse := range excuses {
				if excuse.MatchString(whole) {
					used[i] = true
					excused++
					return
				}
			}
			t.Errorf("%s %s: nothing notices", whole, change)
		})
		if err := files[0].check(d); err != nil {
			t.Fatalf("%s: the description was not restored: %v", product.ID, err)
		}
		t.Logf("%s: %d words changed, %d noticed, %d excused; %d words are the sandbox's own choice", product.ID, changed, noticed, excused, choices)
	}
	for i, u := range unprinted {
		if !used[i] {
			t.Errorf("%s: %s is noticed by now: delete its excuse", u.product, u.path)
		}
	}
}

// spoil walks a description, changes one wire word at a time, calls visit, and
// restores the word.
func spoil(v reflect.Value, path string, documented bool, visit func(path, change string, documented bool)) {
	s := spoiler{visit: visit}
	s.walk(v, path, documented)
}

type spoiler struct {
	visit func(path, change string, documented bool)
}

// words are the fields whose content travels or is documented.
var words = map[string][]string{
	"Dialect":     {"Name", "Title", "Port", "Ritual", "SecondFactor", "Domain", "AdminRole", "OperatorRole"},
	"Versions":    {"Header", "Optional", "Default"},
	"Version":     {"ID", "Note"},
	"Group":       {"Name"},
	"Operation":   {"Method", "Path", "Also", "Status", "Anonymous", "Body", "Encodings", "Within", "Since", "Until"},
	"OlderRoles":  {"Until", "Admin", "Operator"},
	"OlderBody":   {"Body", "Status"},
	"Challenge":   {"Status"},
	"Grant":       {"Wire", "Since", "Until"},
	"Field":       {"Wire", "Also", "As", "Fixed", "ReadOnly", "Since", "Until"},
	"Token":       {"Opaque", "Alg", "KeyID", "Audience"},
	"Lifetimes":   {"Access", "Refresh", "ShortRefresh", "LongRefresh", "Reported", "Code"},
	"Refusal":     {"Status", "Type", "Says", "Within"},
	"Antiforgery": {"Cookie", "Header", "Since"},
	"Pair":        {"Name", "Value"},
}

// notWords are fields whose content is ours.
var notWords = []string{"Procedure", "Notes"}

func (s *spoiler) walk(v reflect.Value, path string, documented bool) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			s.walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), documented)
		}
	case reflect.Struct:
		name := v.Type().Name()
		if basis := v.FieldByName("Basis"); basis.IsValid() {
			documented = documented && Basis(basis.String()) != Choice
		}
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if slices.Contains(notWords, field) {
				continue
			}
			at := strings.TrimPrefix(path+"."+field, ".")
			if name == "Token" && field != "Opaque" && v.FieldByName("Opaque").Int() > 0 {
				continue
			}
			if slices.Contains(words[name], field) {
				known := documented
				if name == "Lifetimes" && field != "Access" && field != "Reported" {
					basis := "RefreshBasis"
					if field == "Code" {
						basis = "CodeBasis"
					}
					known = Basis(v.FieldByName(basis).String()) != Choice
				}
				s.word(v.Field(i), at, known)
				continue
			}
			members := v.FieldByName("Members")
			known := documented
			if members.IsValid() && field == "Gives" {
				known = known && Basis(members.String()) != Choice
			}
			s.walk(v.Field(i), at, known)
		}
	}
}

func (s *spoiler) word(v reflect.Value, path string, documented bool) {
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	try := func(now reflect.Value, change string) {
		v.Set(now)
		s.visit(path, change, documented)
		v.Set(was)
	}
	switch now := v.Interface().(type) {
	case *Codec:
		if strings.Contains(path, ".Takes") || strings.Contains(path, "GrantField") || strings.HasPrefix(path, "Versions.") {
			return // forms carry text, whatever it means
		}
		for _, c := range otherCodecs(now) {
			try(reflect.ValueOf(c), now.Name+" -> "+c.Name)
		}
	case time.Duration:
		if now != 0 {
			try(reflect.ValueOf(now+time.Second), "a second more")
		}
	case int:
		if now != 0 {
			try(reflect.ValueOf(now+1), strconv.Itoa(now)+" + 1")
		}
	case bool:
		if strings.HasSuffix(path, "Optional") && !now {
			return // nothing is said of products that insist
		}
		if strings.HasSuffix(path, "ReadOnly") && !strings.Contains(path, ".Gives[") {
			return // only answers have such members
		}
		try(reflect.ValueOf(!now), fmt.Sprintf("%t -> %t", now, !now))
	case Values:
		for term, text := range now {
			for _, other := range otherTexts(text) {
				now[term] = other
				s.visit(path+"["+string(term)+"]", fmt.Sprintf("%q -> %q", text, other), documented)
			}
			now[term] = text
		}
	case []string, Within, []Encoding:
		for i := range v.Len() {
			s.word(v.Index(i), fmt.Sprintf("%s[%d]", path, i), documented)
		}
	default:
		text := v.String()
		texts := otherTexts(text)
		if bound := strings.HasSuffix(path, "Since") || strings.HasSuffix(path, "Until"); bound && text != "" {
			texts = []string{""}
		}
		if strings.HasSuffix(path, "Body") && len(text) > 2 {
			texts = otherBodies(text)
		}
		for _, other := range texts {
			at := path
			if strings.HasSuffix(path, "Body") && text != "" {
				at += " " + difference(text, other)
			}
			now := reflect.New(v.Type()).Elem()
			now.SetString(other)
			v.Set(now)
			s.visit(at, fmt.Sprintf("%.40q -> %.40q", text, other), documented)
			v.Set(was)
		}
	}
}

// otherTexts are the subtlest mistakes: another case, a letter too many.
func otherTexts(text string) []string {
	if text == "" {
		return nil
	}
	out := []string{text + "x"}
	for i, r := range text {
		switch {
		case unicode.IsUpper(r):
			return append(out, text[:i]+string(unicode.ToLower(r))+text[i+1:])
		case unicode.IsLower(r):
			return append(out, text[:i]+string(unicode.ToUpper(r))+text[i+1:])
		}
	}
	return out
}

var (
	memberName = regexp.MustCompile(`"\w+":`)
	bareValue  = regexp.MustCompile(`:(\d+(\.\d+)?|true|false)\b`)
)

// otherBodies misspell one member at a time, and put one value in quotes.
func otherBodies(body string) []string {
	var out []string
	for _, at := range memberName.FindAllStringIndex(body, -1) {
		out = append(out, body[:at[1]-2]+"X"+body[at[1]-2:])
	}
	for _, at := range bareValue.FindAllStringIndex(body, -1) {
		out = append(out, body[:at[0]+1]+`"`+body[at[0]+1:at[1]]+`"`+body[at[1]:])
	}
	if out == nil {
		out = append(out, otherTexts(body)...)
	}
	return out
}

// difference is the member at which two bodies part.
func difference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	names := memberName.FindAllString(a[:min(len(a), i+2)], -1)
	if len(names) == 0 {
		return ""
	}
	return strings.Trim(names[len(names)-1], `":`)
}

// otherCodecs are those that write something else for the same meaning.
func otherCodecs(c *Codec) []*Codec {
	switch c {
	case Text, UUID: // the same on the wire
		return []*Codec{Integer, Boolean}
	case Null:
		return []*Codec{Text, Integer}
	case Integer:
		return []*Codec{Text, Boolean}
	case Boolean:
		return []*Codec{BooleanText, Text, Integer}
	case BooleanText:
		return []*Codec{Boolean, Integer}
	case TimeUnix:
		return []*Codec{Integer, TimeZulu}
	}
	var out []*Codec
	for _, other := range []*Codec{TimeBare, TimeZulu, TimeTicks, TimeUnix} {
		if other != c {
			out = append(out, other)
		}
	}
	return append(out, Text)
}
