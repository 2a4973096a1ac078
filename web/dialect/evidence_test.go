package dialect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// The client and the sandbox share the descriptions, so a wrong word would be
// wrong on both sides and no round trip would notice. The files under testdata
// hold what others print: one exchange each, or a list of facts.
//
// The section "source" says where the exchange comes from, how it is known
// (D document, S specification, R observed on a server, C public client) and
// which of the checks its document does not allow, with the reason. The
// section "meaning" says what the exchange means:
//
//	purpose, version, kind, bearer    of the call
//	encoding                          of its body, if it is not the first
//	asks TERM VALUE                   what the call carries
//	answer-version                    spoken by the answer, if not by the call
//	says TERM VALUE                   what the answer carries
//	challenge                         the answer asks for a second factor
//	omits NAME                        read, and never written by the sandbox
//	adds NAME                         written as null, and not printed here
//	left NAME                         not understood, and kept
//	fault                             why the call is refused
//	reads-as                          what the refusal alone lets one conclude
//	knows VERSION                     the only versions of that server
func TestEvidence(t *testing.T) {
	for _, d := range All() {
		files := readEvidence(t, d.ID)
		if len(files) == 0 {
			t.Errorf("%s has no evidence", d.ID)
		}
		for _, e := range files {
			t.Run(d.ID+"/"+e.name, func(t *testing.T) {
				if err := e.check(d); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestEvidenceSaysWhereItComesFrom(t *testing.T) {
	mark := regexp.MustCompile(`\b[DSRC]\b`)
	for _, d := range All() {
		for _, e := range readEvidence(t, d.ID) {
			if e.source["document"] == "" || e.source["product"] == "" || !mark.MatchString(e.source["mark"]) {
				t.Errorf("%s/%s: document, product and mark are required", d.ID, e.name)
			}
			for key, value := range e.source {
				switch key {
				case "document", "product", "mark", "note", "shortened", "artefact":
				case "encode", "answer", "strict", "tokens", "texts", "shape", "dates", "life":
					if !regexp.MustCompile(`^\w+ \(.+\)$`).MatchString(value) {
						t.Errorf("%s/%s: %s: %q needs its reason in parentheses", d.ID, e.name, key, value)
					}
				default:
					t.Errorf("%s/%s: unknown key %q", d.ID, e.name, key)
				}
			}
		}
	}
}

func TestEvidenceHoldsTheExchangesOfThePages(t *testing.T) {
	// The three pages that print an exchange. Nothing is excused for them.
	for _, path := range []string{"vbr/refresh", "vbazure/password", "vbahv/refresh"} {
		id, name, _ := strings.Cut(path, "/")
		t.Run(path, func(t *testing.T) {
			i := slices.IndexFunc(readEvidence(t, id), func(e *evidence) bool { return e.name == name })
			if i < 0 {
				t.Fatal("the file is missing")
			}
			e := readEvidence(t, id)[i]
			for _, key := range []string{"encode", "answer", "strict", "texts", "shape", "dates"} {
				if e.source[key] != "" {
					t.Errorf("%s: %s", key, e.source[key])
				}
			}
			if len(e.left) > 0 || len(e.omits) > 0 {
				t.Errorf("left over: %v, omitted: %v", e.left, e.omits)
			}
		})
	}
}

// evidence is one file.
type evidence struct {
	name   string
	source map[string]string
	facts  [][2]string // instead of an exchange

	method, path string
	header       Pairs
	body         string

	status       int // 0 if no answer is printed
	answerHeader Pairs
	answer       string

	purpose                Purpose
	version, answerVersion string
	kind                   Kind
	bearer                 string
	encoding               Encoding
	asks, says             Values
	challenge              bool
	omits, adds            []string
	left, knows            []string
	fault, readsAs         Fault
}

func readEvidence(t testing.TB, id string) []*evidence {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", id, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*evidence
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e, err := parseEvidence(raw)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		e.name = strings.TrimSuffix(filepath.Base(path), ".txtar")
		out = append(out, e)
	}
	return out
}

func parseEvidence(raw []byte) (*evidence, error) {
	e := &evidence{source: map[string]string{}, asks: Values{}, says: Values{}}
	for _, f := range txtar.Parse(raw).Files {
		text := string(f.Data)
		var err error
		switch f.Name {
		case "source":
			for line := range strings.Lines(text) {
				key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				e.source[key] = value
			}
		case "request":
			err = e.parseRequest(text)
		case "answer":
			err = e.parseAnswer(text)
		case "meaning":
			err = e.parseMeaning(text)
		case "facts":
			for line := range strings.Lines(text) {
				key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				e.facts = append(e.facts, [2]string{key, value})
			}
		default:
			err = fmt.Errorf("unknown section %q", f.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	if e.answerVersion == "" {
		e.answerVersion = e.version
	}
	if e.readsAs == "" {
		e.readsAs = e.fault
	}
	return e, nil
}

func (e *evidence) parseRequest(text string) error {
	first, rest, _ := strings.Cut(text, "\n")
	method, target, ok := strings.Cut(first, " ")
	if !ok {
		return fmt.Errorf("request line %q", first)
	}
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	e.method, e.path = method, u.RequestURI()
	e.header, e.body = parseHead(rest)
	e.body = strings.TrimSuffix(e.body, "\n")
	return nil
}

func (e *evidence) parseAnswer(text string) error {
	first, rest, _ := strings.Cut(text, "\n")
	status, _, _ := strings.Cut(first, " ")
	var err error
	e.status, err = strconv.Atoi(status)
	e.answerHeader, e.answer = parseHead(rest)
	e.answer = strings.TrimSpace(e.answer)
	return err
}

func parseHead(text string) (header Pairs, body string) {
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		header = append(header, Pair{name, strings.TrimSpace(value)})
	}
	return header, text
}

func (e *evidence) parseMeaning(text string) error {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "purpose":
			e.purpose = Purpose(value)
		case "version":
			e.version = value
		case "answer-version":
			e.answerVersion = value
		case "kind":
			e.kind = Kind(value)
		case "bearer":
			e.bearer = value
		case "encoding":
			e.encoding = Encoding(value)
		case "challenge":
			e.challenge = true
		case "omits":
			e.omits = append(e.omits, value)
		case "adds":
			e.adds = append(e.adds, value)
		case "left":
			e.left = append(e.left, value)
		case "knows":
			e.knows = append(e.knows, value)
		case "fault":
			e.fault = Fault(value)
		case "reads-as":
			e.readsAs = Fault(value)
		case "asks", "says":
			term, text, _ := strings.Cut(value, " ")
			if Term(term).Meaning() == "" {
				return fmt.Errorf("unknown term %q", term)
			}
			if key == "asks" {
				e.asks[Term(term)] = text
			} else {
				e.says[Term(term)] = text
			}
		default:
			return fmt.Errorf("meaning: unknown key %q", key)
		}
	}
	return nil
}

// option is the value of a key of the source, without its reason.
func (e *evidence) option(key string) string {
	word, _, _ := strings.Cut(e.source[key], " ")
	return word
}

// check holds the description to everything that the file says.
func (e *evidence) check(d *Dialect) error {
	if e.facts != nil {
		return e.checkFacts(d)
	}
	if e.knows != nil {
		narrow := *d
		narrow.Versions.All = slices.DeleteFunc(slices.Clone(d.Versions.All), func(v Version) bool { return !slices.Contains(e.knows, v.ID) })
		d = &narrow
	}
	return errors.Join(e.checkRead(d), e.checkEncode(d), e.checkDecode(d), e.checkSuccess(d), e.checkRefusal(d), e.checkTokens(d))
}

// beforeCredentials are the faults that reading a request finds.
var beforeCredentials = []Fault{NotFound, BadMethod, UnsupportedVersion, MissingVersion, MissingField, UnknownGrant, BadMediaType}

// checkRead: request to meaning.
func (e *evidence) checkRead(d *Dialect) error {
	header := http.Header{}
	for _, h := range e.header {
		header.Add(h.Name, h.Value)
	}
	ways := []Reading{{}, {Strict: true}}
	if e.option("strict") == "no" {
		ways = ways[:1]
	}
	for _, how := range ways {
		// Not every page prints the media type.
		if how.Strict && header.Get("Content-Type") == "" {
			header.Set("Content-Type", string(Form))
		}
		op, version, err := d.Match(e.method, e.path)
		var call Call
		if err == nil {
			call, err = d.ReadCall(op, version, header, []byte(e.body), how)
			for t, v := range d.ReadPath(op, e.path) {
				call.Values[t] = v
			}
		}
		var m *Mismatch
		if errors.As(err, &m) {
			if m.Fault != e.fault {
				return fmt.Errorf("reading (strict %t): %w", how.Strict, err)
			}
			continue
		}
		if slices.Contains(beforeCredentials, e.fault) {
			// A version that nobody needs to say is not insisted on.
			if d.Versions.Optional && e.fault == UnsupportedVersion && !how.Strict {
				continue
			}
			return fmt.Errorf("reading (strict %t): nothing wrong, want %q", how.Strict, e.fault)
		}
		want := Call{Purpose: e.purpose, Version: e.version, Kind: e.kind, Values: e.asks, Bearer: e.bearer, Encoding: e.encoding}
		if diff := cmp.Diff(want, call); diff != "" {
			return fmt.Errorf("reading (strict %t): -want +got:\n%s", how.Strict, diff)
		}
		if !slices.ContainsFunc(append([]string{op.Path}, op.Also...), func(p string) bool { return samePath(p, version, e.path) }) {
			return fmt.Errorf("path %q: got %q or %q", e.path, op.Path, op.Also)
		}
		if want := anonymous(e); op.Anonymous != want {
			return fmt.Errorf("%s %s: anonymous %t, want %t", e.method, e.path, op.Anonymous, want)
		}
	}
	return nil
}

// anonymous calls succeed without a bearer.
func anonymous(e *evidence) bool { return e.purpose == Obtain || e.bearer == "" && e.fault != NoToken }

func samePath(pattern, version, path string) bool {
	want := strings.Split(strings.ReplaceAll(pattern, "{version}", version), "/")
	got := strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && strings.HasSuffix(w, "}") && g != ""
	})
}

// checkEncode: meaning to the same bytes.
func (e *evidence) checkEncode(d *Dialect) error {
	if e.option("encode") == "no" || e.purpose == FirstCall || e.purpose == "" || slices.Contains(beforeCredentials, e.fault) || e.fault == NoToken {
		return nil
	}
	call := Call{Purpose: e.purpose, Version: e.version, Kind: e.kind, Values: e.asks, Bearer: e.bearer, Encoding: e.encoding}
	r, err := d.Encode(call)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	if r.Method != e.method || r.Path != e.path {
		return fmt.Errorf("encoding: got %s %s, want %s %s", r.Method, r.Path, e.method, e.path)
	}
	for _, want := range e.header {
		if e.source["artefact"] != "" && want.Name != d.Versions.Header {
			continue
		}
		if !slices.Contains(r.Header, want) && !sameMedia(want, r.Header) {
			return fmt.Errorf("encoding: got headers %v, want %v among them", r.Header, want)
		}
	}
	for _, got := range r.Header {
		if strings.HasPrefix(strings.ToLower(got.Name), "x-") && !slices.Contains(e.header, got) {
			return fmt.Errorf("encoding: header %v is not in %v", got, e.header)
		}
	}
	if e.option("encode") == "pairs" {
		op := d.Operation(e.purpose)
		want, err1 := fieldsOf(&call, op, e.header, e.body)
		got, err2 := fieldsOf(&call, op, r.Header, r.Body)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("encoding: -want +got:\n%s", diff)
		}
	} else if r.Body != e.body {
		return fmt.Errorf("encoding: got  %s\nwant %s", r.Body, e.body)
	}
	return nil
}

// sameMedia compares media types without their parameters: a boundary is
// anybody's choice.
func sameMedia(want Pair, header Pairs) bool {
	media, _, _ := strings.Cut(want.Value, ";")
	return want.Name == "Content-Type" && slices.ContainsFunc(header, func(h Pair) bool {
		got, _, found := strings.Cut(h.Value, ";")
		return h.Name == want.Name && found && got == media
	})
}

// fieldsOf splits a body as its header says.
func fieldsOf(c *Call, op *Operation, header Pairs, body string) (Pairs, error) {
	h := http.Header{}
	for _, p := range header {
		h.Add(p.Name, p.Value)
	}
	return c.readBody(op, h, []byte(body), Reading{})
}

// checkDecode: answer to meaning, with nothing left over.
func (e *evidence) checkDecode(d *Dialect) error {
	if e.status == 0 {
		return nil
	}
	a := d.Decode(e.purpose, e.answerVersion, e.status, []byte(e.answer))
	var left []string
	for _, m := range a.Left {
		left = append(left, m.Name)
	}
	readsAs := e.readsAs
	if readsAs == "none" {
		readsAs = ""
	}
	switch {
	case a.Raw:
		return fmt.Errorf("decoding: raw: %s", e.answer)
	case a.Challenge() != e.challenge:
		return fmt.Errorf("decoding: challenge %t, want %t", a.Challenge(), e.challenge)
	case a.Refused != (e.fault != "") || a.Fault != readsAs:
		return fmt.Errorf("decoding: refused %t with %q, want %q", a.Refused, a.Fault, readsAs)
	}
	if diff := cmp.Diff(e.says, a.Values); diff != "" {
		return fmt.Errorf("decoding: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(e.left, left); diff != "" {
		return fmt.Errorf("decoding: left over: -want +got:\n%s", diff)
	}
	return nil
}

// checkSuccess: the sandbox writes the same answer.
func (e *evidence) checkSuccess(d *Dialect) error {
	if e.status == 0 || e.fault != "" || e.option("answer") == "no" {
		return nil
	}
	op, _, err := d.Match(e.method, e.path)
	if err != nil {
		return err
	}
	r, err := d.EncodeAnswer(op, e.answerVersion, e.says, time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC))
	if err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	if r.Status != e.status {
		return fmt.Errorf("answering: got %d, want %d", r.Status, e.status)
	}
	if err := e.checkHeader(r); err != nil {
		return err
	}
	if len(op.Gives) == 0 {
		// Reading is patient about case; the page is not.
		members, _, err := op.Within.open([]byte(e.answer))
		for _, f := range op.Tells {
			if _, ok := members.getExact(f.Wire); !ok || err != nil {
				return fmt.Errorf("answering: the page has no member %q within %q: %w", f.Wire, op.Within, err)
			}
		}
		return e.sameShape(r.Body)
	}
	want, err := object([]byte(e.answer))
	if err != nil {
		return err
	}
	got, err := object([]byte(r.Body))
	if err != nil {
		return err
	}
	for _, name := range e.omits {
		if !slices.ContainsFunc(op.Gives, func(f Field) bool { return f.Wire == name && f.ReadOnly }) {
			return fmt.Errorf("answering: %q is not described", name)
		}
		want = slices.DeleteFunc(want, func(m Pair) bool { return m.Name == name })
	}
	if e.option("dates") == "zulu" {
		for i := range want {
			want[i].Value = zulu(want[i].Value)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("answering: -want +got:\n%s", diff)
	}
	return nil
}

// zulu moves a date with an offset to UTC.
func zulu(raw string) string {
	t, err := time.Parse(`"2006-01-02T15:04:05-07:00"`, raw)
	if err != nil {
		return raw
	}
	return t.UTC().Format(`"2006-01-02T15:04:05Z"`)
}

func (e *evidence) checkHeader(r *Reply) error {
	for _, want := range e.answerHeader {
		if !slices.Contains(r.Header, want) {
			return fmt.Errorf("answering: got headers %v, want %v among them", r.Header, want)
		}
	}
	return nil
}

// checkRefusal: the sandbox refuses in the same words.
func (e *evidence) checkRefusal(d *Dialect) error {
	if e.status == 0 || e.fault == "" {
		return nil
	}
	values := maps.Clone(e.says)
	if values[ErrorInstance] == "" {
		values[ErrorInstance] = e.path
	}
	r, err := d.EncodeRefusal(e.fault, e.purpose, e.answerVersion, values)
	if err != nil {
		return fmt.Errorf("refusing: %w", err)
	}
	if r.Status != e.status {
		return fmt.Errorf("refusing: got %d, want %d", r.Status, e.status)
	}
	if err := e.checkHeader(r); err != nil {
		return err
	}
	ref, _ := d.Refusal(e.fault, e.purpose)
	got, _, err := ref.Within.open([]byte(r.Body))
	if err != nil {
		return err
	}
	want, beside, err := ref.Within.open([]byte(e.answer))
	if err != nil || len(beside) > 0 {
		return fmt.Errorf("refusing: the answer does not stand within %q: %v, %w", ref.Within, beside, err)
	}
	want = slices.DeleteFunc(want, func(m Pair) bool { return slices.Contains(e.left, m.Name) })
	if e.option("texts") == "no" {
		for _, pairs := range []Pairs{got, want} {
			for i := range pairs {
				if pairs[i].Value[0] == '"' {
					pairs[i].Value = "a text"
				}
			}
		}
	}
	// A member that is null says nothing, and pages leave it out.
	for _, name := range e.adds {
		want = append(want, Pair{name, "null"})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("refusing: -want +got:\n%s", diff)
	}
	return nil
}

// checkTokens: header members, claims and life of every JWT in the exchange,
// and the length of an opaque token.
func (e *evidence) checkTokens(d *Dialect) error {
	if e.option("tokens") == "no" {
		return nil
	}
	for _, one := range []struct {
		token string
		want  *Token
		life  time.Duration
	}{
		{e.says[AccessToken], &d.Access, d.Lifetimes.Access},
		{e.says[RefreshToken], &d.Refresh, d.Lifetimes.Refresh},
		{e.asks[RefreshToken], &d.Refresh, d.Lifetimes.Refresh},
	} {
		if life, err := time.ParseDuration(e.option("life")); err == nil {
			one.life = life
		}
		if err := e.checkToken(d, one.token, one.want, one.life); err != nil {
			return fmt.Errorf("token %.20s: %w", one.token, err)
		}
	}
	// expires_in of an answer with a token is the access token's life.
	reported := d.Lifetimes.Reported
	if reported == 0 {
		reported = d.Lifetimes.Access
	}
	if said := e.says[ExpiresIn]; said != "" && e.says[AccessToken] != "" && said != fmt.Sprint(reported.Seconds()) {
		return fmt.Errorf("expires in %s, want %v", said, reported)
	}
	return nil
}

func (e *evidence) checkToken(d *Dialect, token string, want *Token, life time.Duration) error {
	parts := strings.Split(token, ".")
	switch {
	case want.Opaque > 0:
		if token != "" && want.Basis != Choice && (len(token) != want.Opaque || !regexp.MustCompile(`^[\w-]+$`).MatchString(token)) {
			return fmt.Errorf("%d characters, want %d of base64url", len(token), want.Opaque)
		}
		return nil
	case len(parts) != 3:
		return nil // not a token, but a word that stands for one
	}
	head, err := tokenPart(parts[0])
	if err != nil {
		return err
	}
	wantHead := Pairs{{"alg", strconv.Quote(want.Alg)}}
	if want.KeyID {
		kid, _ := head.Get("kid")
		if !regexp.MustCompile(`^"[0-9A-F]{40}"$`).MatchString(kid) {
			return fmt.Errorf("key id %s", kid)
		}
		wantHead = append(wantHead, Pair{"kid", kid})
	}
	wantHead = append(wantHead, Pair{"typ", `"JWT"`})
	if diff := cmp.Diff(wantHead, head); diff != "" {
		return fmt.Errorf("header: -want +got:\n%s", diff)
	}
	claims, err := tokenPart(parts[1])
	if err != nil {
		return err
	}
	fields := d.Fields(want.Claims, e.answerVersion)
	got := Values{}
	for i, c := range claims {
		if i >= len(fields) {
			return fmt.Errorf("claim %q is not described", c.Name)
		}
		f := fields[i]
		if f.Wire != c.Name {
			return fmt.Errorf("claim %d: got %q, want %q", i, f.Wire, c.Name)
		}
		text, err := f.As.Read(json.RawMessage(c.Value))
		if err != nil {
			return fmt.Errorf("claim %q: %w", c.Name, err)
		}
		if f.Fixed != "" && f.Fixed != text {
			return fmt.Errorf("claim %q: got %q, want %q", c.Name, f.Fixed, text)
		}
		raw, err := f.As.Write(text)
		if err != nil {
			return fmt.Errorf("claim %q: %w", c.Name, err)
		}
		if string(raw) != c.Value {
			return fmt.Errorf("claim %q: got %s, want %s", c.Name, raw, c.Value)
		}
		got[f.Term] = text
	}
	if len(claims) < len(fields) {
		return fmt.Errorf("claim %q is described and not there", fields[len(claims)].Wire)
	}
	aud := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(want.Audience), `\{installation\}`, `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`) + "$")
	if !aud.MatchString(got[Audience]) {
		return fmt.Errorf("audience %q, want %q", got[Audience], want.Audience)
	}
	issued, err1 := ParseTime(got[IssuedAt])
	expires, err2 := ParseTime(got[ExpiresAt])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if lived := expires.Sub(issued); lived != life || got[NotBefore] != got[IssuedAt] {
		return fmt.Errorf("lives %v from %s, want %v from %s", lived, got[NotBefore], life, got[IssuedAt])
	}
	return nil
}

func tokenPart(part string) (Pairs, error) {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, err
	}
	return object(raw)
}

// sameShape compares names, order and types, not values: those are the
// sandbox's own. A sentence must be the same.
func (e *evidence) sameShape(body string) error {
	if strings.HasPrefix(e.answer, `"`) || e.answer == "" || body == "" {
		if body != e.answer {
			return fmt.Errorf("answering: got %q, want %q", body, e.answer)
		}
		return nil
	}
	want, err := shape("", json.RawMessage(e.answer), nil)
	if err != nil {
		return err
	}
	got, err := shape("", json.RawMessage(body), nil)
	if err != nil {
		return err
	}
	switch e.option("shape") {
	case "less":
		want = among(want, got)
	case "more":
		got = among(got, want)
	}
	if !sameTypes(want, got) {
		return fmt.Errorf("answering: shape: -want +got:\n%s", cmp.Diff(want, got))
	}
	return nil
}

// sameTypes compares two shapes; null goes with any type.
func sameTypes(a, b Pairs) bool {
	return slices.EqualFunc(a, b, func(a, b Pair) bool {
		return a.Name == b.Name && (a.Value == b.Value || a.Value == "null" || b.Value == "null")
	})
}

// among keeps what is named in some.
func among(all, some Pairs) Pairs {
	return slices.DeleteFunc(slices.Clone(all), func(p Pair) bool {
		return !slices.ContainsFunc(some, func(s Pair) bool { return s.Name == p.Name })
	})
}

// shape lists the paths of all members with their JSON types. The elements of
// an array must be alike, and are listed once.
func shape(path string, raw json.RawMessage, out Pairs) (Pairs, error) {
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case '{':
		out = append(out, Pair{path, "object"})
		members, err := object(raw)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if out, err = shape(path+"."+m.Name, json.RawMessage(m.Value), out); err != nil {
				return nil, err
			}
		}
		return out, nil
	case '[':
		out = append(out, Pair{path, "array"})
		var elements []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil {
			return nil, err
		}
		for i, element := range elements {
			one, err := shape(path+"[]", element, nil)
			if err != nil {
				return nil, err
			}
			if i > 0 && !sameTypes(one, out[max(0, len(out)-len(one)):]) {
				return nil, fmt.Errorf("%s: element %d is unlike the one before", path, i)
			}
			if i == 0 {
				out = append(out, one...)
			}
		}
		return out, nil
	case '"':
		return append(out, Pair{path, "string"}), nil
	case 't', 'f':
		return append(out, Pair{path, "boolean"}), nil
	case 'n':
		return append(out, Pair{path, "null"}), nil
	}
	return append(out, Pair{path, "number"}), nil
}

// checkFacts holds the description to what documents say in prose.
func (e *evidence) checkFacts(d *Dialect) error {
	var versions, groups []string
	for _, v := range d.Versions.All {
		versions = append(versions, v.ID+" "+v.Note)
	}
	for _, g := range d.Groups {
		groups = append(groups, g.Name)
	}
	have := map[string]string{
		"status": strconv.Itoa(d.Operation(Obtain).Status), "name": d.Name, "title": d.Title, "port": strconv.Itoa(d.Port), "ritual": string(d.Ritual),
		"second-factor": string(d.SecondFactor), "domain": d.Domain,
		"admin-role": d.AdminRole, "operator-role": d.OperatorRole, "default-version": d.Versions.Default,
	}
	lives := map[string]time.Duration{
		"access": d.Lifetimes.Access, "refresh": d.Lifetimes.Refresh, "reported": d.Lifetimes.Reported,
		"short-refresh": d.Lifetimes.ShortRefresh, "long-refresh": d.Lifetimes.LongRefresh, "code": d.Lifetimes.Code,
	}
	var printed []string
	for _, fact := range e.facts {
		key, want := fact[0], fact[1]
		switch {
		case key == "version":
			printed = append(printed, want)
		case key == "group":
			if !slices.Contains(groups, want) {
				return fmt.Errorf("got groups %q, want %q among them", groups, want)
			}
		case key == "roles":
			version, names, _ := strings.Cut(want, " ")
			admin, operator := d.Roles(version)
			if got := admin + ", " + operator; got != names {
				return fmt.Errorf("%s %s: got %q, want %q", key, version, got, names)
			}
		case key == "takes" || key == "gives":
			version, names, _ := strings.Cut(want, " ")
			if diff := cmp.Diff(strings.Fields(names), tokenFields(d, key, version)); diff != "" {
				return fmt.Errorf("%s %s: -want +got:\n%s", key, version, diff)
			}
		case key == "grants" || key == "encodings":
			version, names, _ := strings.Cut(want, " ")
			if key == "encodings" {
				names = want
			}
			if diff := cmp.Diff(strings.Fields(names), tokenWords(d, key, version)); diff != "" {
				return fmt.Errorf("%s %s: -want +got:\n%s", key, version, diff)
			}
		case lives[key] != 0:
			life, err := time.ParseDuration(want)
			if err != nil {
				return err
			}
			if lives[key] != life {
				return fmt.Errorf("%s: got %v, want %v", key, lives[key], life)
			}
		default:
			if have[key] != want {
				return fmt.Errorf("%s: got %q, want %q", key, have[key], want)
			}
		}
	}
	if printed != nil {
		if diff := cmp.Diff(printed, versions); diff != "" {
			return fmt.Errorf("versions: -want +got:\n%s", diff)
		}
	}
	return nil
}

// tokenWords lists the grants of a version, or the encodings of the token call.
func tokenWords(d *Dialect, key, version string) []string {
	op := d.Operation(Obtain)
	var out []string
	if key == "encodings" {
		for _, e := range op.Accepts() {
			out = append(out, string(e))
		}
		return out
	}
	for _, g := range op.Grants {
		if d.Speaks(version, g.Since, g.Until) {
			out = append(out, g.Wire)
		}
	}
	return out
}

// tokenFields names all fields of the token call in a version, sorted, or those
// of its answer, in order.
func tokenFields(d *Dialect, key, version string) []string {
	op := d.Operation(Obtain)
	var out []string
	if key == "gives" {
		for _, f := range d.Fields(op.Gives, version) {
			out = append(out, f.Wire)
		}
		return out
	}
	out = append(out, op.GrantField.Wire)
	if d.Versions.Field.Wire != "" {
		out = append(out, d.Versions.Field.Wire)
	}
	for _, g := range op.Grants {
		for _, f := range d.Fields(g.Takes, version) {
			out = append(out, f.Wire)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
