package dialect

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Write returns a description as data, as [Read] understands it. What is not
// said is left out; fields that stand in several places stand there once and
// have an alias elsewhere.
func Write(d *Dialect) ([]byte, error) {
	w := &writer{}
	n := w.write(reflect.ValueOf(*d), "")
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("product %q: %w", d.ID, err)
	}
	return b.Bytes(), enc.Close()
}

type writer struct{ shared []sharedFields }

// sharedFields is a list of fields that has been written.
type sharedFields struct {
	fields []Field
	node   *yaml.Node
}

// oneLine are the types whose values stand on one line each.
var oneLine = []reflect.Type{reflect.TypeFor[Field](), reflect.TypeFor[Version](), reflect.TypeFor[Pair](), reflect.TypeFor[Within](), reflect.TypeFor[[]Encoding]()}

func (w *writer) write(v reflect.Value, member string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	if slices.Contains(oneLine, v.Type()) {
		n.Style = yaml.FlowStyle
	}
	switch x := v.Interface().(type) {
	case *Codec:
		n.Value = x.Name
		return n
	case time.Duration:
		n.Value = formatSpan(x)
		return n
	case []Field:
		return w.fields(x, member)
	}
	switch v.Kind() {
	case reflect.Struct:
		n.Kind = yaml.MappingNode
		for i, name := range memberNames(v.Type()) {
			if !v.Field(i).IsZero() {
				n.Content = append(n.Content, word(name), w.write(v.Field(i), name))
			}
		}
	case reflect.Slice:
		n.Kind = yaml.SequenceNode
		for i := range v.Len() {
			n.Content = append(n.Content, w.write(v.Index(i), member))
		}
	case reflect.Map:
		n.Kind = yaml.MappingNode
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			n.Content = append(n.Content, word(k.String()), w.write(v.MapIndex(k), k.String()))
		}
	case reflect.Int:
		n.Value = strconv.FormatInt(v.Int(), 10)
	case reflect.Bool:
		n.Value = strconv.FormatBool(v.Bool())
	default:
		return word(v.String())
	}
	return n
}

// fields writes a list of fields, or the alias of one that says the same.
func (w *writer) fields(list []Field, member string) *yaml.Node {
	for _, s := range w.shared {
		if reflect.DeepEqual(s.fields, list) {
			if s.node.Anchor == "" {
				s.node.Anchor = member + "_" + strconv.Itoa(w.anchors())
			}
			return &yaml.Node{Kind: yaml.AliasNode, Value: s.node.Anchor, Alias: s.node}
		}
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, f := range list {
		n.Content = append(n.Content, w.write(reflect.ValueOf(f), ""))
	}
	w.shared = append(w.shared, sharedFields{list, n})
	return n
}

func (w *writer) anchors() int {
	n := 1
	for _, s := range w.shared {
		if s.node.Anchor != "" {
			n++
		}
	}
	return n
}

// word is text, in quotes where YAML would take it for something else.
func word(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}

// formatSpan is what [parseSpan] reads.
func formatSpan(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
