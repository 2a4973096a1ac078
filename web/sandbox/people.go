package sandbox

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tokenplayground/web/dialect"
)

// Person can sign in to every product. The passwords are no secrets: they are
// printed on the page.
type Person struct {
	Name     string `json:"name"`     // compared in any case
	Password string `json:"password"` // compared exactly
	// SecondFactor: a code is asked for, where the product knows one.
	SecondFactor bool `json:"second_factor,omitempty"`
	// Operator has too few rights for administrators' calls.
	Operator bool `json:"operator,omitempty"`
	// Locked out, whatever the password.
	Locked bool `json:"locked,omitempty"`
	// About is one sentence for the page.
	About string `json:"about,omitempty"`
}

const (
	// maxName in bytes fits every documented opaque token.
	maxName = 64
	// MaxPeople of one world.
	MaxPeople = 50
	// maxPeopleSize bounds their record, in bytes of JSON: all of them with
	// names and passwords of usual length.
	maxPeopleSize = 3 << 10
)

// People are the accounts of every world.
func People() []Person {
	return []Person{
		{Name: "administrator", Password: "Password1", About: "Signs in and may do everything."},
		{Name: "mfa", Password: "Password1", SecondFactor: true, About: "Has a second factor: products that know one ask for its code."},
		{Name: "operator", Password: "Password1", Operator: true, About: "Signs in, but has too few rights to explore: the token is good, the answer is 403."},
		{Name: "locked", Password: "Password1", Locked: true, About: "Is locked out, whatever the password."},
	}
}

// Expect says in a sentence what happens when the person signs in to a
// product.
func (p Person) Expect(d *dialect.Dialect) string {
	if !p.SecondFactor {
		return p.About
	}
	switch d.SecondFactor {
	case dialect.Challenges:
		return "Has a second factor: signing in takes the code of the authenticator as well."
	case dialect.Refuses:
		return "Has a second factor, which this product refuses like a wrong password."
	}
	return "Has a second factor elsewhere; this product does not ask for it."
}

// PersonIn finds the account that a product knows under a name, in any case
// and with the product's domain before it or not.
func PersonIn(d *dialect.Dialect, name string) (Person, bool) { return personIn(People(), d, name) }

func personIn(people []Person, d *dialect.Dialect, name string) (Person, bool) {
	if domain, rest, ok := strings.Cut(name, `\`); ok && d.Domain != "" && strings.EqualFold(domain, d.Domain) {
		if p, ok := personIn(people, d, rest); ok {
			return p, true
		}
	}
	i := slices.IndexFunc(people, func(p Person) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return Person{}, false
	}
	return people[i], true
}

// person finds whom a call is about.
func (v *visit) person(name string) (Person, bool) {
	p, ok := personIn(v.people(), v.d, name)
	if ok {
		v.user = p.Name
	}
	return p, ok
}

func (p Person) knows(password string) bool {
	return subtle.ConstantTimeCompare([]byte(p.Password), []byte(password)) == 1
}

// number is the account's identifier where a product counts its users.
func (v *visit) number(p Person) int {
	return 1000 + slices.IndexFunc(v.people(), func(q Person) bool { return q.Name == p.Name })
}

func checkPeople(people []Person) error {
	var errs []error
	for i, p := range people {
		if p.Name == "" || len(p.Name) > maxName {
			errs = append(errs, fmt.Errorf("sandbox: the name %.40q has %d bytes; use 1 to %d", p.Name, len(p.Name), maxName))
		}
		if slices.ContainsFunc(people[:i], func(q Person) bool { return strings.EqualFold(q.Name, p.Name) }) {
			errs = append(errs, fmt.Errorf("sandbox: two people are named %q; leave one out", p.Name))
		}
	}
	return errors.Join(errs...)
}
