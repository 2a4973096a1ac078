package dialect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// A description as data is one YAML document whose members are the fields of
// [Dialect], named like them in snake case; nothing else decides what a file
// may say, so a column that the table gets is in the files at once. YAML and
// not JSON, because each surprising word of a product deserves a comment with
// its source, and because the JSON bodies that products answer stand in it as
// they are.
//
//   - A codec stands by its name, a duration as 14d, 1h30m or 36ms.
//   - An anchor and its alias say the same thing twice.
//   - like names the built-in product that the file starts from. A mapping
//     changes what it names and a list replaces the whole list, unless a
//     mapping stands in its place: then each key names an element that
//     changes, + holds elements to add, and null takes one away.

// What a file may have. The largest built-in description has a tenth.
const (
	maxFile   = 256 << 10
	maxValues = 20_000
	maxText   = 1 << 20

	maxVersions, maxOperations, maxElements = 50, 200, 1000
)

// Read understands one description as data; name is for messages. The error
// joins one [*FileError] for every mistake in it. The description is validated.
func Read(name string, data []byte) (*Dialect, error) {
	r := &reader{file: name, spots: map[string]spot{}}
	d := r.description(data, func(string) error { return nil })
	if err := r.err(); err != nil {
		return nil, err
	}
	return d, nil
}

// description reads and validates; free says whether the id can be had.
func (r *reader) description(data []byte, free func(id string) error) *Dialect {
	d := r.document(data)
	if len(r.errs) > 0 {
		return nil
	}
	if err := free(d.ID); err != nil {
		r.mistake(&Mistake{Place: "id", Err: err}, d)
	}
	for _, m := range d.mistakes() {
		r.mistake(m, d)
	}
	return d
}

// err joins what was found, in the order of the file. What is wrong with
// something that has aliases is told once.
func (r *reader) err() error {
	slices.SortStableFunc(r.errs, func(a, b *FileError) int { return a.Line - b.Line })
	var out []error
	told := map[string]bool{}
	for _, e := range r.errs {
		about := strconv.Itoa(e.Line) + e.Err.Error()
		if !told[about] {
			out = append(out, e)
		}
		told[about] = true
	}
	return errors.Join(out...)
}

// FileError is one mistake in a file of descriptions.
type FileError struct {
	File string
	Line int // 0 if the file could not be read at all
	// Place is the path of the member, as the file spells it; may be empty.
	Place string
	Err   error
}

func (e *FileError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		b.WriteString(":" + strconv.Itoa(e.Line))
	}
	if e.Place != "" {
		b.WriteString(": " + e.Place)
	}
	return b.String() + ": " + e.Err.Error()
}

func (e *FileError) Unwrap() error { return e.Err }

// spot is where a file says something.
type spot struct {
	line  int
	words string
}

type reader struct {
	file string
	// spots by the path of the member in the description, which is not that in
	// the file where elements are named by key.
	spots        map[string]spot
	values, text int
	stopped      bool
	errs         []*FileError
}

func (r *reader) addf(n *yaml.Node, words, format string, args ...any) {
	if !r.stopped {
		r.errs = append(r.errs, &FileError{r.file, n.Line, words, fmt.Errorf(format, args...)})
	}
}

// mistake places what is wrong with the whole at the nearest thing that the
// file says.
func (r *reader) mistake(m *Mistake, d *Dialect) {
	near := m.Place
	for near != "" {
		if _, ok := r.spots[near]; ok {
			break
		}
		near = near[:max(strings.LastIndexAny(near, ".["), 0)]
	}
	s := r.spots[near]
	words := strings.TrimPrefix(s.words+keys(d, m.Place)[len(keys(d, near)):], ".")
	r.errs = append(r.errs, &FileError{r.file, s.line, words, m.Err})
}

// keys writes a path with the names of elements in the place of their numbers:
// whoever writes a variant does not see the lists that it starts from.
func keys(d *Dialect, path string) string {
	var b strings.Builder
	v := reflect.ValueOf(d).Elem()
	for path != "" {
		end := strings.IndexAny(path[1:], ".[") + 1
		if end == 0 {
			end = len(path)
		}
		part := path[:end]
		path = path[end:]
		switch name := strings.TrimPrefix(part, "."); {
		case part[0] == '[' && v.Kind() == reflect.Slice:
			i, err := strconv.Atoi(strings.Trim(part, "[]"))
			if err != nil || i >= v.Len() {
				return b.String() + part + path
			}
			if v = v.Index(i); named(v) {
				part = "." + names(v)[0]
			}
		case v.Kind() == reflect.Struct && slices.Contains(memberNames(v.Type()), name):
			v = v.Field(slices.Index(memberNames(v.Type()), name))
		default:
			return b.String() + part + path
		}
		b.WriteString(part)
	}
	return b.String()
}

func (r *reader) document(data []byte) *Dialect {
	broken := func(line int, err error) *Dialect {
		r.errs = append(r.errs, &FileError{r.file, line, "", err})
		return nil
	}
	if len(data) > maxFile {
		return broken(0, fmt.Errorf("%d bytes are too many; a description has %d at most", len(data), maxFile))
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return broken(1, errors.New("the file is empty; write a description, or take it away"))
	} else if err != nil {
		return broken(syntaxLine(err))
	}
	if err := dec.Decode(&more); err == nil {
		return broken(more.Line, errors.New("a second document begins; give each product a file of its own"))
	} else if !errors.Is(err, io.EOF) {
		return broken(syntaxLine(err))
	}
	top := doc.Content[0]
	r.spots[""] = spot{top.Line, ""}
	var d Dialect
	if top.Kind == yaml.MappingNode {
		d = r.base(top)
	}
	r.read(top, reflect.ValueOf(&d).Elem(), "", "")
	return &d
}

// syntaxLine takes the line out of the parser's message, which begins with
// "yaml: line 7: ".
func syntaxLine(err error) (int, error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, rest, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return line, fmt.Errorf("not YAML: %s; indent with spaces, and put quotes around text with a colon or a hash", rest)
		}
	}
	return 0, fmt.Errorf("not YAML: %s", text)
}

// like is the one member that a file has beside those of a [Dialect].
const like = "like"

// base is what the file starts from.
func (r *reader) base(top *yaml.Node) Dialect {
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value != like {
			continue
		}
		n := top.Content[i+1]
		if d, ok := Find(n.Value); ok {
			r.spots[""] = spot{n.Line, ""}
			out := deepCopy(reflect.ValueOf(*d)).Interface().(Dialect)
			out.ID = "" // or the file would only hide what it starts from
			return out
		}
		var ids []string
		for _, d := range all {
			ids = append(ids, d.ID)
		}
		r.addf(n, like, "there is no built-in product %.40q; %s", n.Value, offer(n.Value, ids))
	}
	return Dialect{}
}

// deepCopy copies a value so that nothing of it is shared but codecs.
func deepCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(deepCopy(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(deepCopy(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
			for _, key := range v.MapKeys() {
				out.SetMapIndex(key, deepCopy(v.MapIndex(key)))
			}
		}
	default:
		out.Set(v)
	}
	return out
}

// read puts what a node says into a value. path is its place in the
// description, words that in the file.
func (r *reader) read(n *yaml.Node, into reflect.Value, path, words string) {
	line := n.Line
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if !r.count(n) {
		return
	}
	if path != "" {
		r.spots[path] = spot{line, words}
	}
	switch {
	case into.Type() == reflect.TypeFor[*Codec](): // one is named null
		r.scalar(n, into, words)
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		into.SetZero()
	case into.Kind() == reflect.Struct:
		r.members(n, into, path, words)
	case into.Kind() == reflect.Slice:
		r.list(n, into, path, words)
	case into.Kind() == reflect.Map:
		r.mapping(n, into, path, words)
	default:
		r.scalar(n, into, words)
	}
}

// count stops a file that says too much: aliases let a small one say anything.
func (r *reader) count(n *yaml.Node) bool {
	r.values++
	r.text += len(n.Value)
	if r.values > maxValues || r.text > maxText {
		r.addf(n, "", "the description is too large: it may have %d values and %d characters in all, aliases counted each time", maxValues, maxText)
		r.stopped = true
	}
	return !r.stopped
}

// kinds of node, for people.
var nodeKinds = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}

// entries are the members of a mapping, each once.
func (r *reader) entries(n *yaml.Node, words string) func(func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Kind != yaml.ScalarNode || !r.count(key) {
				r.addf(key, words, "a member's name is a single word")
				continue
			}
			if first, twice := seen[key.Value]; twice {
				r.addf(key, join(words, key.Value), "it stands here already, at line %d; keep one", first)
				continue
			}
			seen[key.Value] = key.Line
			if !yield(key, value) {
				return
			}
		}
	}
}

func join(words, member string) string {
	if words == "" {
		return member
	}
	return words + "." + member
}

func (r *reader) members(n *yaml.Node, into reflect.Value, path, words string) {
	if n.Kind != yaml.MappingNode {
		r.addf(n, words, "%s stands here; write members, as name: value, one to a line", nodeKinds[n.Kind])
		return
	}
	names := memberNames(into.Type())
	for key, value := range r.entries(n, words) {
		if path == "" && key.Value == like {
			continue
		}
		i := slices.Index(names, key.Value)
		if i < 0 {
			r.addf(key, join(words, key.Value), "there is no such member; %s", offer(key.Value, names))
			continue
		}
		r.read(value, into.Field(i), join(path, key.Value), join(words, key.Value))
	}
}

// memberNames are the fields of a struct in snake case.
func memberNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = snake(t.Field(i).Name)
	}
	return names
}

// snake writes KeyID as key_id.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) && unicode.IsLower(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// listMax is how many elements a list of a type may have.
func listMax(t reflect.Type) int {
	switch t {
	case reflect.TypeFor[[]Version]():
		return maxVersions
	case reflect.TypeFor[[]Operation](), reflect.TypeFor[[]Refusal]():
		return maxOperations
	}
	return maxElements
}

func (r *reader) list(n *yaml.Node, into reflect.Value, path, words string) {
	if n.Kind == yaml.MappingNode && into.Len() > 0 {
		r.change(n, into, path, words)
	} else if n.Kind != yaml.SequenceNode {
		r.addf(n, words, "%s stands here; write a list, each element after a hyphen", nodeKinds[n.Kind])
		return
	} else {
		into.SetZero()
		r.extend(n, into, path, words)
	}
	if most := listMax(into.Type()); into.Len() > most {
		r.addf(n, words, "%d elements are too many; %d are allowed", into.Len(), most)
	}
}

// extend adds the elements of a sequence.
func (r *reader) extend(n *yaml.Node, into reflect.Value, path, words string) {
	for i, e := range n.Content {
		if r.stopped {
			return
		}
		at := into.Len()
		into.Set(reflect.Append(into, reflect.Zero(into.Type().Elem())))
		r.read(e, into.Index(at), fmt.Sprintf("%s[%d]", path, at), fmt.Sprintf("%s[%d]", words, i))
	}
}

// change overrides single elements of the list that the file started from.
func (r *reader) change(n *yaml.Node, into reflect.Value, path, words string) {
	if !named(into.Index(0)) {
		r.addf(n, words, "its elements have no names to change them by; write the whole list, each element after a hyphen")
		return
	}
	before := into.Len()
	gone := map[int]bool{}
	for key, value := range r.entries(n, words) {
		if key.Value == "+" {
			if value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			if value.Kind != yaml.SequenceNode {
				r.addf(value, join(words, "+"), "%s stands here; write the list of what to add", nodeKinds[value.Kind])
				continue
			}
			r.extend(value, into, path, join(words, "+"))
			continue
		}
		i, err := element(into, before, key.Value)
		switch {
		case err != nil:
			r.addf(key, join(words, key.Value), "%w", err)
		case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
			gone[i] = true
		default:
			r.read(value, into.Index(i), fmt.Sprintf("%s[%d]", path, i), join(words, key.Value))
		}
	}
	if len(gone) == 0 {
		return
	}
	kept := reflect.Zero(into.Type())
	for i := range into.Len() {
		if gone[i] {
			continue
		}
		r.move(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%s[%d]", path, kept.Len()))
		kept = reflect.Append(kept, into.Index(i))
	}
	into.Set(kept)
}

// move renames the spots of an element that others before it have left.
func (r *reader) move(from, to string) {
	if from == to {
		return
	}
	for _, path := range slices.Collect(maps.Keys(r.spots)) {
		if rest, ok := strings.CutPrefix(path, from); ok {
			r.spots[to+rest] = r.spots[path]
			delete(r.spots, path)
		}
	}
}

// names are what a file may call an element of a list: the first is the
// element's own, the others count where no other element has them too.
func names(e reflect.Value) []string {
	switch e := e.Interface().(type) {
	case Operation:
		return []string{e.Method + " " + e.Path, string(e.Purpose)}
	case Grant:
		return []string{string(e.Kind), e.Wire}
	case Field:
		return []string{e.Wire, string(e.Term)}
	case Refusal:
		if e.On != "" {
			return []string{string(e.Fault) + " on " + string(e.On), string(e.Fault)}
		}
		return []string{string(e.Fault)}
	case Version:
		return []string{e.ID}
	case Group:
		return []string{e.Name}
	case Pair:
		return []string{e.Name}
	}
	return nil
}

func named(e reflect.Value) bool { return names(e) != nil }

// element finds one of the first n elements of a list by name.
func element(list reflect.Value, n int, name string) (int, error) {
	var own []string
	for rank := range 2 {
		var found []int
		for i := range n {
			called := names(list.Index(i))
			if rank == 0 {
				own = append(own, called[0])
			}
			if rank < len(called) && called[rank] == name {
				found = append(found, i)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return 0, fmt.Errorf("%d elements have this name; %s, or write the whole list", len(found), offer(name, own))
		}
	}
	return 0, fmt.Errorf("what the file starts from has no such element; %s, or add one below +", offer(name, own))
}

func (r *reader) mapping(n *yaml.Node, into reflect.Value, path, words string) {
	if n.Kind != yaml.MappingNode {
		r.addf(n, words, "%s stands here; write members, as name: value, one to a line", nodeKinds[n.Kind])
		return
	}
	if into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}
	for key, value := range r.entries(n, words) {
		k, v := reflect.New(into.Type().Key()).Elem(), reflect.New(into.Type().Elem()).Elem()
		r.scalar(key, k, words)
		if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
			into.SetMapIndex(k, reflect.Value{})
			continue
		}
		r.read(value, v, join(path, key.Value), join(words, key.Value))
		into.SetMapIndex(k, v)
	}
}

// enumerated are the values of the small enumerations.
var enumerated = map[reflect.Type][]string{
	reflect.TypeFor[Ritual]():       list(Classic, Modern),
	reflect.TypeFor[SecondFactor](): list(Challenges, Refuses, Ignores),
	reflect.TypeFor[Encoding]():     list(Form, JSON, Multipart),
	reflect.TypeFor[Proof]():        list(ProofNone, ProofPair, ProofChallenge, ProofMFA, ProofSaved, ProofFilled, ProofExplored, ProofRefreshed, ProofLoggedOut),
	reflect.TypeFor[Kind](): list(PasswordGrant, RefreshGrant, MFAGrant, CodeGrant, ComponentGrant, ClientGrant, AssertionGrant, OperatorGrant,
		PublicKeyGrant, ActAsGrant),
	reflect.TypeFor[Purpose](): list(Obtain, Explore, Logout, FirstCall, WhoAmI, MakeCode, MakeClient),
	reflect.TypeFor[Fault](): list(BadCredentials, LockedOut, NeedsServiceLogin, UnknownGrant, MissingField, BadMFACode, BadMFAToken, BadRefreshToken,
		SpentRefreshToken, ExpiredRefresh, BadCode, BadAssertion, BadClient, BadPublicKey, MissingAntiforgery, NoToken, BadToken, ExpiredToken,
		RevokedToken, TooFewRights, UnsupportedVersion, MissingVersion, BadMediaType, NotFound, BadMethod,
		ServerFault, TooManyRequests, Unavailable),
	reflect.TypeFor[Basis](): list(Documented, Observed, Choice),
	reflect.TypeFor[Term]():  list(slices.Sorted(maps.Keys(meanings))...),
}

func list[T ~string](values ...T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// codecs are those that a file may name.
var codecs = []*Codec{Text, UUID, Integer, Boolean, BooleanText, Null, TimeBare, TimeZulu, TimeTicks, TimeUnix}

func (r *reader) scalar(n *yaml.Node, into reflect.Value, where string) {
	if n.Kind != yaml.ScalarNode {
		r.addf(n, where, "%s stands here; write a single value", nodeKinds[n.Kind])
		return
	}
	text := n.Value
	switch into.Interface().(type) {
	case *Codec:
		var known []string
		for _, c := range codecs {
			if known = append(known, c.Name); c.Name == text {
				into.Set(reflect.ValueOf(c))
				return
			}
		}
		r.addf(n, where, "there is no codec %.40q; %s", text, offer(text, known))
		return
	case time.Duration:
		d, err := parseSpan(text)
		if err != nil {
			r.addf(n, where, "%.40q is no span of time; write 14d, 1h30m or 36ms", text)
		}
		into.SetInt(int64(d))
		return
	}
	switch into.Kind() {
	case reflect.String:
		if known, ok := enumerated[into.Type()]; ok && !slices.Contains(known, text) {
			r.addf(n, where, "there is no %s %.40q; %s", strings.ReplaceAll(snake(into.Type().Name()), "_", " "), text, offer(text, known))
			return
		}
		into.SetString(text)
	case reflect.Int:
		i, err := strconv.Atoi(text)
		if err != nil || n.Tag != "!!int" {
			r.addf(n, where, "%.40q is no whole number; write digits without quotes", text)
			return
		}
		into.SetInt(int64(i))
	case reflect.Bool:
		if n.Tag != "!!bool" {
			r.addf(n, where, "%.40q is neither true nor false", text)
			return
		}
		into.SetBool(strings.EqualFold(text, "true"))
	default:
		panic("no description has a " + into.Type().String()) // a column of a new type
	}
}

// day is the unit that [time.ParseDuration] lacks.
const day = 24 * time.Hour

func parseSpan(text string) (time.Duration, error) {
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil || rest == "" {
		return time.Duration(n) * day, err
	}
	more, err := time.ParseDuration(rest)
	return time.Duration(n)*day + more, err
}

// offer is the remedy for a word that is none of those known: all of them if
// they are few, the nearest otherwise.
func offer(word string, known []string) string {
	few := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return k == "" })
	if len(few) > 12 {
		slices.SortStableFunc(few, func(a, b string) int { return distance(word, a) - distance(word, b) })
		few = few[:5]
		return "the nearest are " + strings.Join(few, ", ")
	}
	return "use " + strings.Join(few, ", ")
}

// distance is how many letters have to be added, taken away or changed.
func distance(a, b string) int {
	a, b = a[:min(len(a), 40)], b[:min(len(b), 40)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}
