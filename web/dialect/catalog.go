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
	taken := map[string]bool{}
	for _, d := range all {
		taken[d.ID] = true
	}
	for _, d := range own {
		var err error
		switch {
		case slices.Contains(reserved, d.ID):
			err = fmt.Errorf("id %q: the program has an address of that name; choose another", d.ID)
		case taken[d.ID]:
			err = fmt.Errorf("id %q is taken; choose another", d.ID)
		}
		taken[d.ID] = true
		if err = errors.Join(err, d.Validate()); err != nil {
			problems = append(problems, fmt.Errorf("product %q: %w", d.ID, err))
		}
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return &Catalog{own: slices.Clone(own)}, nil
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
