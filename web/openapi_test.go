package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"tokenplayground/openapi"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
)

// describedServer is the whole program on a free port, with nothing kept.
func describedServer(t *testing.T) (base string) {
	t.Helper()
	s := openServer(t)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		served.Wait()
	})
	return s.URL()
}

func openServer(t *testing.T) *Server {
	t.Helper()
	cfg, err := ParseConfig([]string{"--listen", "127.0.0.1:0", "--store", "memory:"}, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func description(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.OpenAPI3)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestRoutesAreDescribed(t *testing.T) {
	var described, routed []string
	for path, item := range description(t).Paths.Map() {
		if strings.HasPrefix(path, "/sandbox/") {
			continue
		}
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	for _, r := range openServer(t).routes() {
		routed = append(routed, r.method+" "+r.path)
	}
	slices.Sort(described)
	slices.Sort(routed)
	if diff := cmp.Diff(routed, described); diff != "" {
		t.Errorf("routes (-) and description (+) differ; add the swag comment and run go generate:\n%s", diff)
	}
}

// witness makes calls and holds each answer to the description.
type witness struct {
	t    *testing.T
	doc  *openapi3.T
	base string
	http *http.Client
	// seen counts the answers by operation and status.
	seen map[string]int
	// product and version are those of the document, if it describes no more
	// than one.
	product *dialect.Dialect
	version string
}

func newWitness(t *testing.T, base string, doc *openapi3.T) *witness {
	closeSchemas(doc)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &witness{t: t, doc: doc, base: base, seen: map[string]int{}, http: &http.Client{Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// closeSchemas forbids members that the description does not name.
func closeSchemas(doc *openapi3.T) {
	none := false
	for _, s := range doc.Components.Schemas {
		if s.Value.Type.Is("object") && len(s.Value.AllOf)+len(s.Value.AnyOf) == 0 {
			s.Value.AdditionalProperties.Has = &none
		}
	}
}

// call makes a call of the described operation. values replace the path's
// {names}; headers come in pairs.
func (w *witness) call(method, path string, values map[string]string, body string, headers ...string) (status int, answer []byte) {
	w.t.Helper()
	target := path
	for name, v := range values {
		target = strings.ReplaceAll(target, "{"+name+"}", url.PathEscape(v))
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.base+target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	if w.product != nil {
		if v, ok := values["version"]; ok && v != w.version && strings.Contains(path, "{version}") {
			return resp.StatusCode, answer
		}
		path = strings.ReplaceAll(strings.TrimPrefix(path, "/sandbox/"+w.product.ID), "{version}", w.version)
	}
	w.seen[method+" "+path+" "+strconv.Itoa(resp.StatusCode)]++
	if err := w.check(method, path, resp, answer); err != "" {
		w.t.Errorf("%s %s answered %d %s\n%.2000s\nwhich the description does not: %s", method, target, resp.StatusCode, resp.Header.Get("Content-Type"), answer, err)
	}
	return resp.StatusCode, answer
}

func (w *witness) check(method, path string, resp *http.Response, body []byte) string {
	item := w.doc.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil {
		return "there is no such operation"
	}
	ref := item.GetOperation(method).Responses.Value(strconv.Itoa(resp.StatusCode))
	if ref == nil {
		return "there is no such status"
	}
	for name := range ref.Value.Headers {
		if resp.Header.Get(name) == "" {
			return "the header " + name + " is missing"
		}
	}
	if len(ref.Value.Content) == 0 {
		if len(body) > 0 {
			return "there is no body"
		}
		return ""
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	content := ref.Value.Content[media]
	if content == nil {
		return "there is no body of this type"
	}
	var value any = string(body)
	if strings.HasSuffix(media, "json") {
		if err := json.Unmarshal(body, &value); err != nil {
			return err.Error()
		}
	}
	if err := content.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()); err != nil {
		return err.Error()
	}
	return ""
}

func fill(t *testing.T, d *dialect.Dialect, kind dialect.Kind, version string, values dialect.Values) string {
	t.Helper()
	req, err := d.Encode(dialect.Call{Purpose: dialect.Obtain, Kind: kind, Version: version, Values: values})
	if err != nil {
		t.Fatal(err)
	}
	return req.Body
}

// TestOwnAnswersAreDescribed walks through every route of the playground as a
// client that asks for JSON.
func TestOwnAnswersAreDescribed(t *testing.T) {
	t.Parallel()
	base, doc := describedServer(t), description(t)
	admin := sandbox.People()[0]
	for _, d := range dialect.All() {
		t.Run(d.ID, func(t *testing.T) {
			w := newWitness(t, base, doc)
			at := map[string]string{"product": d.ID}
			good := fill(t, d, dialect.PasswordGrant, "", dialect.Values{dialect.Username: admin.Name, dialect.Password: admin.Password})
			bad := fill(t, d, dialect.PasswordGrant, "", dialect.Values{dialect.Username: admin.Name, dialect.Password: "wrong"})
			further := "call1"
			if d.Operation(dialect.FirstCall) == nil {
				further = "client"
			}
			const token, explore, logout = "/{product}/token", "/{product}/explore", "/{product}/accounts/logout"

			w.want("GET", "/", 200, nil, "")
			w.want("GET", "/people", 200, nil, "")
			w.want("GET", "/fidelity", 200, nil, "")
			w.want("GET", "/readyz", 200, nil, "")
			w.want("GET", "/livez", 200, nil, "")
			w.want("GET", "/{product}", 200, at, "")
			w.want("POST", explore, 409, at, "")
			w.want("POST", "/{product}/refresh", 409, at, "")
			w.want("POST", logout, 409, at, "")
			w.want("POST", "/{product}/forget", 200, at, "")
			w.want("POST", "/forget", 200, nil, "")
			w.want("POST", token, 200, at, bad)
			w.want("POST", token, 200, at, good)
			w.want("POST", explore, 200, at, "")
			w.want("POST", "/{product}/refresh", 200, at, "")
			w.want("GET", "/{product}", 200, at, "")
			w.want("GET", "/{product}/exchanges/{n}", 200, map[string]string{"product": d.ID, "n": "1"}, "")
			w.want("GET", "/{product}/exchanges/{n}", 404, map[string]string{"product": d.ID, "n": "99"}, "")
			w.want("POST", "/{product}/calls/{call}", 200, map[string]string{"product": d.ID, "call": further}, "")
			w.want("POST", "/{product}/calls/{call}", 404, map[string]string{"product": d.ID, "call": "token"}, "")
			w.want("POST", "/{product}/clock", 200, at, "move=expire-access")
			w.want("POST", "/{product}/clock", 422, at, "move=near")
			w.want("POST", "/{product}/clock", 422, at, "move=backwards")
			w.want("POST", "/{product}/clock", 200, at, "move=now")
			w.want("POST", "/{product}/world", 200, at, "grace=30")
			w.want("POST", "/{product}/world", 422, at, "grace=x")
			w.want("POST", logout, 200, at, "")
			w.want("POST", "/{product}/key", 200, at, "x.key=abc")
			w.want("POST", "/{product}/key", 422, at, "x.key=a+b")
			w.want("POST", "/{product}/target", 200, at, "x.host=backup.example")
			w.want("POST", "/{product}/target", 422, at, "x.host=a+b")
			w.want("POST", "/{product}/trust", 422, at, "x.fingerprint=1&x.target=backup.example")
			w.want("POST", "/{product}/trust", 200, at, "x.fingerprint="+strings.Repeat("ab", 32)+"&x.target=backup.example:443")
			w.want("POST", "/{product}/forget", 200, at, "")

			w.want("POST", token, 422, at, d.Operation(dialect.Obtain).GrantField.Wire+"=nonsense")
			w.want("POST", token, 422, at, "x.version=nonsense&"+good)
			w.want("POST", token, 422, at, "x.target=nonsense&"+good)
			w.want("POST", token, 400, at, "%zz=1")
			w.want("POST", token, 413, at, "a="+strings.Repeat("a", 70_000))
			w.want("POST", token, 415, at, good, "Content-Type", "text/plain")
			w.want("POST", token, 403, at, good, "Sec-Fetch-Site", "cross-site")
			w.want("POST", token, 404, map[string]string{"product": "nonsense"}, good)
			w.want("GET", "/{product}", 404, map[string]string{"product": "nonsense"}, "")
			w.want("GET", "/{product}", 200, at, "", "Accept", "text/html")
			w.want("POST", token, 303, at, good, "Accept", "text/html")
			w.want("POST", token, 200, at, good, "Accept", "text/html", "HX-Request", "true")
			w.want("POST", token, 422, at, "x.version=nonsense", "Accept", "text/html")

			for path, item := range w.doc.Paths.Map() {
				for method := range item.Operations() {
					if !strings.HasPrefix(path, "/sandbox/") && !strings.HasSuffix(path, ".json") && w.seen[method+" "+path+" 200"] == 0 {
						t.Errorf("%s %s was not called with success", method, path)
					}
				}
			}
		})
	}
	t.Run("documents", func(t *testing.T) {
		w := newWitness(t, base, doc)
		for path, want := range map[string][]byte{"/openapi.json": openapi.OpenAPI3, "/swagger.json": openapi.Swagger2} {
			if _, got := w.call("GET", path, nil, ""); !bytes.Equal(got, want) {
				t.Errorf("%s is not the embedded document", path)
			}
		}
	})
}

func (w *witness) want(method, path string, status int, values map[string]string, body string, headers ...string) []byte {
	w.t.Helper()
	got, answer := w.call(method, path, values, body, headers...)
	if got != status {
		w.t.Errorf("%s %s %v: got %d, want %d: %.500s", method, path, values, got, status, answer)
	}
	return answer
}

// TestSandboxAnswersAreDescribed makes every call of every product in every
// version, granted and refused.
func TestSandboxAnswersAreDescribed(t *testing.T) {
	t.Parallel()
	base, doc := describedServer(t), description(t)
	for _, d := range dialect.All() {
		t.Run(d.ID, func(t *testing.T) {
			w := newWitness(t, base, doc)
			for _, v := range d.Versions.All {
				w.play(d, v.ID)
			}
			for path, item := range w.doc.Paths.Map() {
				for method, op := range item.Operations() {
					if !strings.HasPrefix(path, "/sandbox/"+d.ID+"/") {
						continue
					}
					for status := range op.Responses.Map() {
						// The sandbox does not fail on request, and is not strict here.
						if !strings.HasPrefix(status, "5") && status != "415" && w.seen[method+" "+path+" "+status] == 0 {
							t.Errorf("%s %s never answered %s", method, path, status)
						}
					}
				}
			}
		})
	}
}

// play is everything that one version of a product answers.
func (w *witness) play(d *dialect.Dialect, version string) {
	w.t.Helper()
	admin := sandbox.People()[0]
	op := d.Operation(dialect.Obtain)
	var headers []string
	if h := d.Versions.Header; h != "" {
		headers = []string{h, version}
	}
	at := map[string]string{"version": version, "id": "2"}
	every := func(op *dialect.Operation, f func(path string)) {
		for _, path := range append([]string{op.Path}, op.Also...) {
			f("/sandbox/" + d.ID + path)
		}
	}
	sign := func(path string, person sandbox.Person) []byte {
		return w.want(op.Method, path, 200, at, fill(w.t, d, dialect.PasswordGrant, version,
			dialect.Values{dialect.Username: person.Name, dialect.Password: person.Password}), headers...)
	}
	bearer := func(body []byte) []string {
		ans := d.Decode(dialect.Obtain, version, 200, body)
		return append(slices.Clone(headers), "Authorization", "Bearer "+ans.Values[dialect.AccessToken])
	}
	every(op, func(path string) {
		ans := d.Decode(dialect.Obtain, version, 200, sign(path, admin))
		w.want(op.Method, path, 200, at, fill(w.t, d, dialect.RefreshGrant, version, dialect.Values{dialect.RefreshToken: ans.Values[dialect.RefreshToken]}), headers...)
		w.call(op.Method, path, at, fill(w.t, d, dialect.RefreshGrant, version, dialect.Values{dialect.RefreshToken: ans.Values[dialect.RefreshToken]}), headers...)
		for _, e := range op.Accepts() {
			req, err := d.Encode(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Version: version, Encoding: e,
				Values: dialect.Values{dialect.Username: admin.Name, dialect.Password: admin.Password}})
			if err != nil {
				w.t.Fatal(err)
			}
			media, _ := req.Header.Get("Content-Type")
			w.want(op.Method, path, 200, at, req.Body, append(slices.Clone(headers), "Content-Type", media)...)
		}
		for _, g := range op.Grants {
			if !d.Speaks(version, g.Since, g.Until) {
				continue
			}
			values := dialect.Values{}
			for _, f := range g.Takes {
				if f.Required {
					values[f.Term] = "wrong"
				}
			}
			w.call(op.Method, path, at, fill(w.t, d, g.Kind, version, values), headers...)
		}
		for _, p := range sandbox.People()[1:] {
			w.call(op.Method, path, at, fill(w.t, d, dialect.PasswordGrant, version, dialect.Values{dialect.Username: p.Name, dialect.Password: p.Password}), headers...)
		}
		w.call(op.Method, path, at, op.GrantField.Wire+"=nonsense", headers...)
		w.call(op.Method, path, at, op.GrantField.Wire+"="+op.Grants[0].Wire, headers...)
		w.want(op.Method, path, 413, at, "a="+strings.Repeat("a", 70_000), headers...)
	})
	for i := range d.Operations {
		o := &d.Operations[i]
		if o.Purpose == dialect.Obtain {
			continue
		}
		if !d.Speaks(version, o.Since, o.Until) {
			if w.product != nil {
				continue // the document does not know it
			}
			every(o, func(path string) { w.call(o.Method, path, at, "", headers...) })
			continue
		}
		every(o, func(path string) {
			at := maps.Clone(at)
			for _, f := range o.Takes {
				at[f.Wire] = "00000000-0000-4000-8000-000000000000"
			}
			w.call(o.Method, path, at, "", headers...)
			w.call(o.Method, path, at, "", append(slices.Clone(headers), "Authorization", "Bearer nonsense")...)
			if strings.Contains(path, "{version}") {
				w.want(o.Method, path, 404, map[string]string{"version": "nonsense"}, "", headers...)
			}
			if d.Versions.Header != "" && !d.Versions.Optional {
				w.want(o.Method, path, 400, at, "", d.Versions.Header, "nonsense")
			}
			token := bearer(sign("/sandbox/"+d.ID+op.Path, admin))
			if o.Purpose == dialect.Logout && len(o.Takes) > 0 {
				w.call(o.Method, path, at, "", token...)
			}
			if me := d.Operation(dialect.WhoAmI); me != nil && len(o.Takes) > 0 {
				who := d.Decode(dialect.WhoAmI, version, 200, w.want(me.Method, "/sandbox/"+d.ID+me.Path, 200, at, "", token...))
				for _, f := range o.Takes {
					at[f.Wire] = who.Values[f.Term]
				}
			}
			body := ""
			if o.HasBody() {
				w.want(o.Method, path, 413, at, "a="+strings.Repeat("a", 70_000), token...)
				for _, f := range o.Takes {
					if f.Term == dialect.AccessToken {
						body += f.Wire + "=" + strings.TrimPrefix(token[len(token)-1], "Bearer ")
					}
				}
			}
			w.want(o.Method, path, d.Status(o, version), at, body, token...)
			if o.Purpose == dialect.Logout {
				w.call(o.Method, path, at, body, token...)
			}
			if o.Purpose == dialect.MakeClient {
				w.application(d, o, version, at, headers)
			}
			if o.Admin {
				w.want(o.Method, path, 403, at, "", bearer(sign("/sandbox/"+d.ID+op.Path, operator(w.t)))...)
			}
		})
	}
	every(op, func(path string) {
		if strings.Contains(path, "{version}") {
			w.want(op.Method, path, 404, map[string]string{"version": "nonsense"}, "a=b", headers...)
		}
	})
}

// application signs one in, which may do less than whoever made it.
func (w *witness) application(d *dialect.Dialect, o *dialect.Operation, version string, at map[string]string, headers []string) {
	w.t.Helper()
	op := d.Operation(dialect.Obtain)
	token, made := "/sandbox/"+d.ID+op.Path, "/sandbox/"+d.ID+o.Path
	bearer := func(body []byte) []string {
		return append(slices.Clone(headers), "Authorization", "Bearer "+d.Decode(dialect.Obtain, version, 200, body).Values[dialect.AccessToken])
	}
	person := bearer(w.want(op.Method, token, 200, at, fill(w.t, d, dialect.PasswordGrant, version,
		dialect.Values{dialect.Username: sandbox.People()[0].Name, dialect.Password: sandbox.People()[0].Password}), headers...))
	client := d.Decode(dialect.MakeClient, version, 200, w.want(o.Method, made, 200, at, "", person...)).Values
	w.want(o.Method, made, 403, at, "", bearer(w.want(op.Method, token, 200, at, fill(w.t, d, dialect.ClientGrant, version, client), headers...))...)
}

func operator(t *testing.T) sandbox.Person {
	t.Helper()
	i := slices.IndexFunc(sandbox.People(), func(p sandbox.Person) bool { return p.Operator })
	if i < 0 {
		t.Fatal("the sandbox has no operator")
	}
	return sandbox.People()[i]
}
