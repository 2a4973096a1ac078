//go:build ignore

// Table writes what the life of a client is at each product, for runners in
// any language: the calls in order, in the product's own words, with the status
// that each must have. It reads the file that playground sandbox writes when it
// is ready.
//
//	go run .ci/clients/table.go READY-FILE
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"tokenplayground/openapi"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// product is one row of the table.
type product struct {
	ID  string `json:"id"`
	URL string `json:"url"` // without a slash at its end
	// Document is the product's description.
	Document json.RawMessage `json:"document"`
	// Headers go with every call.
	Headers map[string]string `json:"headers"`
	Life    []*step           `json:"life"`
}

// step is one call. Words like ACCESS1 in its path, form or bearer stand for
// what an earlier answer gave.
type step struct {
	Name   string            `json:"name"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Bearer string            `json:"bearer,omitempty"`
	Form   map[string]string `json:"form,omitempty"`
	// OAuth is the form in the words of RFC 6749, for libraries of OAuth.
	OAuth  map[string]string `json:"oauth,omitempty"`
	Status int               `json:"status"`
	// Keeps names members of the answer, outermost first.
	Keeps map[string][]string `json:"keeps,omitempty"`
	// Template, Params and Operation are for clients that were made of the
	// document: its path, what stands in it, and the operation's name.
	Template  string            `json:"template"`
	Params    map[string]string `json:"params,omitempty"`
	Operation string            `json:"operation"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "table: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: go run .ci/clients/table.go READY-FILE")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var ready struct{ Products map[string]string }
	if err := json.Unmarshal(raw, &ready); err != nil {
		return err
	}
	var out []*product
	for _, d := range dialect.All() {
		p, err := describe(d, ready.Products[d.ID])
		if err != nil {
			return fmt.Errorf("%s: %w", d.ID, err)
		}
		out = append(out, p)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", " ")
	return enc.Encode(out)
}

func describe(d *dialect.Dialect, url string) (*product, error) {
	doc, err := openapi.Product(d, "", url)
	if err != nil {
		return nil, err
	}
	p := &product{ID: d.ID, URL: url, Document: doc, Headers: map[string]string{}}
	person := sandbox.People()[0]
	obtain := func(name string, kind dialect.Kind, values dialect.Values, refused dialect.Fault, pair string) {
		s := p.add(d, name, dialect.Call{Purpose: dialect.Obtain, Kind: kind, Values: values}, refused)
		s.OAuth = map[string]string{}
		for _, t := range []dialect.Term{dialect.Username, dialect.Password, dialect.RefreshToken} {
			if v := values[t]; v != "" {
				s.OAuth[string(t)] = v // our names for these are OAuth's
			}
		}
		if refused == "" {
			s.Keeps = map[string][]string{}
			for _, f := range d.Operation(dialect.Obtain).Gives {
				switch f.Term {
				case dialect.AccessToken:
					s.Keeps["ACCESS"+pair] = []string{f.Wire}
				case dialect.RefreshToken:
					s.Keeps["REFRESH"+pair] = []string{f.Wire}
				}
			}
		}
	}
	signIn := func(name, password string, refused dialect.Fault) {
		obtain(name, dialect.PasswordGrant, dialect.Values{dialect.Username: person.Name, dialect.Password: password}, refused, "1")
	}
	refresh := func(name, token string, refused dialect.Fault) {
		obtain(name, dialect.RefreshGrant, dialect.Values{dialect.RefreshToken: token}, refused, "2")
	}
	explore := func(name, token string, refused dialect.Fault) {
		p.add(d, name, dialect.Call{Purpose: dialect.Explore, Bearer: token}, refused)
	}
	signIn("wrong password", "wrong", dialect.BadCredentials)
	signIn("sign in", person.Password, "")
	explore("first call", "ACCESS1", "")
	refresh("refresh", "REFRESH1", "")
	refresh("spent refresh token", "REFRESH1", dialect.SpentRefreshToken)
	explore("call with the new token", "ACCESS2", "")
	if who := d.Operation(dialect.WhoAmI); who != nil {
		s := p.add(d, "who am I", dialect.Call{Purpose: dialect.WhoAmI, Bearer: "ACCESS2"}, "")
		i := slices.IndexFunc(who.Tells, func(f dialect.Field) bool { return f.Term == dialect.UserID })
		s.Keeps = map[string][]string{"USER": append(slices.Clone(who.Within), who.Tells[i].Wire)}
	}
	p.add(d, "log out", dialect.Call{Purpose: dialect.Logout, Bearer: "ACCESS2", Values: dialect.Values{dialect.UserID: "USER"}}, "")
	explore("call after log-out", "ACCESS2", dialect.RevokedToken)
	refresh("refresh after log-out", "REFRESH2", dialect.RevokedToken)
	return p, p.name(d)
}

// add words a call; refused is why it must be refused, empty if it must not.
func (p *product) add(d *dialect.Dialect, name string, c dialect.Call, refused dialect.Fault) *step {
	op := d.Operation(c.Purpose)
	r, err := d.Encode(c)
	if err != nil {
		panic(err) // the call is ours
	}
	s := &step{Name: name, Method: r.Method, Path: r.Path, Bearer: c.Bearer, Status: d.Status(op, ""), Template: d.Path(op, ""), Params: map[string]string{}}
	if refused != "" {
		ref, _ := d.Refusal(refused, c.Purpose)
		s.Status = ref.Status
	}
	if media, _ := r.Header.Get("Content-Type"); media == string(dialect.Form) {
		s.Form = map[string]string{}
		for _, f := range dialect.ParsePairs(r.Body) {
			s.Form[f.Name] = f.Value
		}
	}
	for _, f := range op.Takes {
		if strings.Contains(s.Template, "{"+f.Wire+"}") {
			s.Params[f.Wire] = c.Values[f.Term]
		}
	}
	if h := d.Versions.Header; h != "" {
		p.Headers[h] = d.Versions.Default
	}
	p.Life = append(p.Life, s)
	return s
}

// name finds the operations in the document.
func (p *product) name(d *dialect.Dialect) error {
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(p.Document, &doc); err != nil {
		return err
	}
	for _, s := range p.Life {
		s.Operation = doc.Paths[s.Template][strings.ToLower(s.Method)].OperationID
		if s.Operation == "" {
			return fmt.Errorf("the document has no %s %s", s.Method, s.Template)
		}
	}
	return nil
}
