// Package shape knows what each call of a product may answer: its statuses,
// and the JSON of each as names and types, all read off a dialect. Both the
// program's own description and those of the single products are written from
// it.
package shape

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tokenplayground/web/dialect"
)

// Shape is a JSON value.
type Shape struct {
	// Kind is a JSON Schema type; empty where only null was seen.
	Kind     string
	Format   string
	Nullable bool
	Enum     []string // all texts that it may be; empty if there is no such list
	Name     string   // of an object's definition
	About    string
	Members  []*Member // of an object
	Item     *Shape    // of an array; nil if only empty ones were seen
}

// Member is one name of an object.
type Member struct {
	Name     string
	About    string
	Optional bool
	*Shape
}

// Member returns the object's member with a name, or nil.
func (s *Shape) Member(name string) *Member {
	for _, m := range s.Members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Moment is any time, to see how a codec writes it.
const Moment = "2026-01-02T03:04:05.0067Z"

// value is the JSON of a field. A format is promised only if the codec keeps
// it: not every date has the zone that RFC 3339 asks for.
func value(f dialect.Field) (*Shape, error) {
	s := &Shape{Kind: f.As.Type, Format: f.As.Format, Nullable: f.As == dialect.Null}
	if s.Format != "date-time" {
		return s, nil
	}
	raw, err := f.As.Write(Moment)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Wire, err)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Wire, err)
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		s.Format = ""
	}
	return s, nil
}

// observe reads the shape of a JSON text.
func observe(body string) (*Shape, any, error) {
	text := strings.ReplaceAll(body, "${now}", Moment)
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	s, err := read(dec)
	if err != nil {
		return nil, nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("something follows the JSON of %.40q", body)
	}
	var sample any
	return s, sample, json.Unmarshal([]byte(text), &sample)
}

// read keeps the order of members, which a map would lose.
func read(dec *json.Decoder) (*Shape, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case nil:
		return &Shape{Nullable: true}, nil
	case bool:
		return &Shape{Kind: "boolean"}, nil
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return &Shape{Kind: "number", Format: "double"}, nil
		}
		return &Shape{Kind: "integer", Format: "int32"}, nil
	case string:
		if v == Moment {
			return &Shape{Kind: "string", Format: "date-time"}, nil
		}
		return &Shape{Kind: "string"}, nil
	case json.Delim:
		if v == '[' {
			return readArray(dec)
		}
	}
	s := &Shape{Kind: "object"}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m, err := read(dec)
		if err != nil {
			return nil, err
		}
		s.Members = append(s.Members, &Member{Name: name.(string), Shape: m})
	}
	_, err = dec.Token()
	return s, err
}

func readArray(dec *json.Decoder) (*Shape, error) {
	s := &Shape{Kind: "array"}
	for dec.More() {
		item, err := read(dec)
		if err != nil {
			return nil, err
		}
		s.Item = merge(s.Item, item)
	}
	_, err := dec.Token()
	return s, err
}

// merge is the shape of a value that has one of two shapes. Either may be nil.
func merge(a, b *Shape) *Shape {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.Kind == "":
		a, b = b, a
	}
	out := *a
	out.Nullable = a.Nullable || b.Nullable
	if b.Kind == "" {
		return &out
	}
	if a.Kind != b.Kind {
		out.Kind = "number" // of all pairs only integer and number meet here; checks of live answers would find others
	}
	if a.Format != b.Format {
		out.Format = ""
	}
	out.Enum = nil
	if len(a.Enum) > 0 && len(b.Enum) > 0 {
		out.Enum = slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Enum, b.Enum))))
	}
	out.Item = merge(a.Item, b.Item)
	out.Members = nil
	for _, m := range a.Members {
		both := *m
		if other := b.Member(m.Name); other != nil {
			both.Shape, both.Optional = merge(m.Shape, other.Shape), m.Optional || other.Optional
		} else {
			both.Optional = true
		}
		out.Members = append(out.Members, &both)
	}
	for _, m := range b.Members {
		if a.Member(m.Name) == nil {
			one := *m
			one.Optional = true
			out.Members = append(out.Members, &one)
		}
	}
	return &out
}

// equal compares all but the texts that a value may be.
func equal(a, b *Shape) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Format != b.Format || a.Nullable != b.Nullable || len(a.Members) != len(b.Members) || !equal(a.Item, b.Item) {
		return false
	}
	for i, m := range a.Members {
		o := b.Members[i]
		if m.Name != o.Name || m.Optional != o.Optional || !equal(m.Shape, o.Shape) {
			return false
		}
	}
	return true
}

// wrap puts an object where it stands.
func wrap(within dialect.Within, s *Shape) *Shape {
	for i := len(within) - 1; i >= 0; i-- {
		if within[i] == "[]" {
			s = &Shape{Kind: "array", Item: s}
		} else {
			s = &Shape{Kind: "object", Members: []*Member{{Name: within[i], Shape: s}}}
		}
	}
	return s
}
