// Clients lives the table of table.go with clients in Go that others wrote:
// golang.org/x/oauth2, and what oapi-codegen makes of each product's document.
//
//	clients TABLE CA-FILE
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"golang.org/x/oauth2"

	_ "github.com/oapi-codegen/runtime"       // for the generated files
	_ "github.com/oapi-codegen/runtime/types" // as above
)

type product struct {
	ID, URL string
	Headers map[string]string
	Life    []step
}

type step struct {
	Name, Method, Path, Bearer, Operation string
	Form, OAuth, Params                   map[string]string
	Status                                int
	Keeps                                 map[string][]string
}

// caller makes the call of a step, in which words stand no longer for what was
// kept. answer is the body's JSON, if the step keeps something of it.
type caller func(context.Context, step) (status int, answer any, err error)

// refusals are what a client does not get on with, and why. An entry that
// excuses nothing fails.
var refusals = map[string]map[string]string{
	"oauth2": {"vbahv": "the product's grant field is grantType, which no OAuth library sends"},
}

// made has a maker of the generated client of each product, which the
// generated files put in.
var made = map[string]func(url string, hc *http.Client) (any, error){}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "clients: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: clients TABLE CA-FILE")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var products []product
	if err := json.Unmarshal(raw, &products); err != nil {
		return err
	}
	pem, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	var bad []error
	for _, name := range []string{"oauth2", "oapi-codegen"} {
		for _, major := range []int{1, 2} {
			lived := 0
			for _, p := range products {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				call, err := connect(name, p, &http.Client{Transport: &dressed{p.Headers, major, transport(roots, major)}})
				if err == nil {
					err = live(ctx, p, call)
				}
				cancel()
				switch reason := refusals[name][p.ID]; {
				case err == nil && reason == "":
					lived++
				case err == nil:
					bad = append(bad, fmt.Errorf("%s: %s: gets on with it; remove it from the refusals", name, p.ID))
				case reason != "":
					fmt.Printf("%s: %s: refused as expected: %s\n", name, p.ID, reason)
				default:
					bad = append(bad, fmt.Errorf("%s, HTTP/%d: %s: %w", name, major, p.ID, err))
				}
			}
			fmt.Printf("%s, HTTP/%d: %d products\n", name, major, lived)
		}
	}
	return errors.Join(bad...)
}

func transport(roots *x509.CertPool, major int) *http.Transport {
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: major == 2}
	if major == 1 {
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return t
}

// dressed adds the headers that go with every call, and the bearer of the step.
type dressed struct {
	headers map[string]string
	major   int
	next    http.RoundTripper
}

type bearerKey struct{}

func (d *dressed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range d.headers {
		r.Header.Set(name, value)
	}
	if token, _ := r.Context().Value(bearerKey{}).(string); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := d.next.RoundTrip(r)
	if err == nil && resp.ProtoMajor != d.major {
		resp.Body.Close()
		return nil, fmt.Errorf("the server spoke %s", resp.Proto)
	}
	return resp, err
}

func live(ctx context.Context, p product, call caller) error {
	kept := map[string]string{}
	put := func(text string) string {
		for word, value := range kept {
			text = strings.ReplaceAll(text, word, value)
		}
		return text
	}
	all := func(m map[string]string) map[string]string {
		if m == nil {
			return nil
		}
		out := map[string]string{}
		for name, value := range m {
			out[name] = put(value)
		}
		return out
	}
	for _, s := range p.Life {
		s.Path, s.Bearer, s.Form, s.OAuth, s.Params = put(s.Path), put(s.Bearer), all(s.Form), all(s.OAuth), all(s.Params)
		status, answer, err := call(context.WithValue(ctx, bearerKey{}, s.Bearer), s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if status != s.Status {
			return fmt.Errorf("%s: got %d, want %d", s.Name, status, s.Status)
		}
		for word, members := range s.Keeps {
			value := answer
			for _, m := range members {
				object, _ := value.(map[string]any)
				value = object[m]
			}
			if kept[word], _ = value.(string); kept[word] == "" {
				return fmt.Errorf("%s: the answer has no %s", s.Name, strings.Join(members, "."))
			}
		}
	}
	return nil
}

func connect(name string, p product, hc *http.Client) (caller, error) {
	if name == "oauth2" {
		return oauth(p, hc), nil
	}
	if made[p.ID] == nil {
		return nil, errors.New("no client was made of its document")
	}
	client, err := made[p.ID](p.URL, hc)
	if err != nil {
		return nil, err
	}
	return generated(p, client), nil
}

// oauth calls with golang.org/x/oauth2.
func oauth(p product, hc *http.Client) caller {
	cfg := oauth2.Config{ClientID: "cli", Endpoint: oauth2.Endpoint{TokenURL: p.URL + p.Life[0].Path, AuthStyle: oauth2.AuthStyleInParams}}
	return func(ctx context.Context, s step) (int, any, error) {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, hc)
		if s.OAuth == nil {
			form := url.Values{}
			for name, value := range s.Form {
				form.Set(name, value)
			}
			r, err := http.NewRequestWithContext(ctx, s.Method, p.URL+s.Path, strings.NewReader(form.Encode()))
			if err != nil {
				return 0, nil, err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			resp, err := cfg.Client(ctx, &oauth2.Token{AccessToken: s.Bearer}).Do(r)
			if err != nil {
				return 0, nil, err
			}
			defer resp.Body.Close()
			var answer any
			if s.Keeps != nil {
				err = json.NewDecoder(resp.Body).Decode(&answer)
			}
			return resp.StatusCode, answer, err
		}
		var token *oauth2.Token
		var err error
		if old := s.OAuth["refresh_token"]; old != "" {
			token, err = cfg.TokenSource(ctx, &oauth2.Token{RefreshToken: old, Expiry: time.Now().Add(-time.Minute)}).Token()
		} else {
			token, err = cfg.PasswordCredentialsToken(ctx, s.OAuth["username"], s.OAuth["password"])
		}
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return refused.Response.StatusCode, nil, nil
		}
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, map[string]any{"access_token": token.AccessToken, "refresh_token": token.RefreshToken}, nil
	}
}

// generated calls with a client that oapi-codegen made. Its methods and types
// have names of the product's own, so they are looked up.
func generated(p product, client any) caller {
	return func(ctx context.Context, s step) (int, any, error) {
		name := strings.ToUpper(s.Operation[:1]) + s.Operation[1:]
		if s.Form != nil {
			name += "WithFormdataBody"
		}
		method := reflect.ValueOf(client).MethodByName(name + "WithResponse")
		if !method.IsValid() {
			return 0, nil, fmt.Errorf("the client has no method %sWithResponse", name)
		}
		in := []reflect.Value{reflect.ValueOf(ctx)}
		for i := 1; i < method.Type().NumIn()-1; i++ { // the last are editors of the request
			arg := reflect.New(method.Type().In(i))
			var from any = s.Form
			switch kind := arg.Elem().Kind(); {
			case kind == reflect.Pointer:
				from = p.Headers
			case kind != reflect.Struct:
				for _, value := range s.Params {
					from = value
				}
			}
			raw, err := json.Marshal(from)
			if err != nil {
				return 0, nil, err
			}
			if err := strictly(raw, arg.Interface()); err != nil {
				return 0, nil, fmt.Errorf("%s: %w", name, err)
			}
			in = append(in, arg.Elem())
		}
		out := method.Call(in)
		if err, _ := out[1].Interface().(error); err != nil {
			return 0, nil, err
		}
		answer := out[0].Elem()
		status := out[0].Interface().(interface{ StatusCode() int }).StatusCode()
		body := answer.FieldByName("Body").Bytes()
		if len(body) == 0 {
			return status, nil, nil
		}
		for i := range answer.NumField() {
			f := answer.Field(i)
			if f.Kind() != reflect.Pointer || f.IsNil() || answer.Type().Field(i).Name == "HTTPResponse" {
				continue
			}
			raw, err := json.Marshal(f.Interface())
			if err != nil {
				return 0, nil, err
			}
			var value any
			err = errors.Join(json.Unmarshal(raw, &value), whole(body, raw))
			return status, value, err
		}
		return status, nil, fmt.Errorf("the client knows no answer with status %d: %.200s", status, body)
	}
}

// strictly reads JSON into a type that must have all its members.
func strictly(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// whole says whether the type lost nothing of an answer but nulls.
func whole(body, typed []byte) error {
	var want, got any
	if err := errors.Join(json.Unmarshal(body, &want), json.Unmarshal(typed, &got)); err != nil {
		return err
	}
	if lost := lost(want, got); lost != "" {
		return fmt.Errorf("the client's type loses %s of %.200s", lost, body)
	}
	return nil
}

func lost(want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		other, _ := got.(map[string]any)
		for name, value := range want {
			if value == nil {
				continue
			}
			if l := lost(value, other[name]); l != "" {
				return name + " " + l
			}
		}
	case []any:
		other, _ := got.([]any)
		if len(other) != len(want) {
			return "items"
		}
		for i, value := range want {
			if l := lost(value, other[i]); l != "" {
				return l
			}
		}
	default:
		if got == nil {
			return "it"
		}
	}
	return ""
}
