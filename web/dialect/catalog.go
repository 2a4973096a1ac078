package dialect

import (
	"errors"
	"fmt"
	"slices"
)

// Catalog is the products that a program offers: the built-in ones, and those
// that its operator described. A nil Catalog has the built-in ones alone.
type Catalog struct{ own []*Dialect }

// reserved are ids that would hide an address of the program: the first
// segments of its own paths, and what may stand in a product's place below
// /sandbox. A test of the program holds its routes to this list.
var reserved = []string{
	"class", "control", "demo", "dialects", "docs", "fidelity", "forget", "livez", "lessons", "metrics", "openapi", "people",
	"readyz", "rooms", "sandbox", "shared", "static", "swagger", "w", "worlds",
}

// NewCatalog adds own products behind the built-in ones. The error holds every
// fault of every description at once, and every id that is taken or reserved.
func NewCatalog(own ...*Dialect) (*Catalog, error) {
	var problems []error
	taken := map[string]string{}
	for _, d := range own {
		err := free(d.ID, taken)
		taken[d.ID] = "another product"
		if err = errors.Join(err, d.Validate()); err != nil {
			problems = append(problems, fmt.Errorf("product %q: %w", d.ID, err))
		}
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return &Catalog{own: slices.Clone(own)}, nil
}

// free says that an id can be had; taken tells who has the others.
func free(id string, taken map[string]string) error {
	if slices.Contains(reserved, id) {
		return fmt.Errorf("id %q: the program has an address of that name; choose another", id)
	}
	by, ok := taken[id]
	if _, builtIn := Find(id); builtIn {
		by, ok = "a built-in product", true
	}
	if ok {
		return fmt.Errorf("id %q is taken by %s; choose another", id, by)
	}
	return nil
}

// All returns every product in the order of the home page.
func (c *Catalog) All() []*Dialect {
	if c == nil {
		return All()
	}
	return slices.Concat(all, c.own)
}

// Find returns the product with an id.
func (c *Catalog) Find(id string) (*Dialect, bool) {
	for _, d := range c.All() {
		if d.ID == id {
			return d, true
		}
	}
	return nil, false
}

// IsOwn says that the operator described the product.
func (c *Catalog) IsOwn(d *Dialect) bool { return c != nil && slices.Contains(c.own, d) }
