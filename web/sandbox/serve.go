package sandbox

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
)

// maxBody of a request is many times the longest form.
const maxBody = 64 << 10

// FaultHeader of an answer names the faults that its call met.
const FaultHeader = "X-Sandbox-Fault"

// door is one product in one world.
type door struct {
	s     *Server
	d     *dialect.Dialect
	world string
}

func (h *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	began := h.s.now()
	v, err := h.s.visit(ctx, h.d, h.world)
	var reply *dialect.Reply
	if err == nil {
		reply, err = v.serve(w, r)
	}
	broken := errors.Is(err, errBroken)
	if err != nil && !broken {
		reply = v.refuse(ctx, r, err)
	}
	broken = broken || v.fate.has(lostAnswer)
	if h.s.journal != nil {
		status := 0
		if !broken {
			status = reply.Status
		}
		defer func() { h.s.journal(v.entry(r, h.s.now().Sub(began), status)) }()
	}
	if broken {
		panic(http.ErrAbortHandler)
	}
	if v.fate.has(truncatedJSON) {
		reply.Body = reply.Body[:len(reply.Body)/2]
	}
	head := w.Header()
	for _, p := range reply.Header {
		head.Set(p.Name, p.Value)
	}
	// The server's clock is the world's: a Date that disagrees with the dates
	// in the body would be seen as skew.
	head.Set("Date", v.tells().Format(http.TimeFormat))
	head.Set("X-Sandbox", "Token Playground")
	if len(v.fate) > 0 {
		head.Set(FaultHeader, faultIDs(v.fate))
	}
	if reply.Status != http.StatusNoContent {
		head.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(reply.Status)
	if r.Method != http.MethodHead {
		io.WriteString(w, reply.Body) // an error means that the client has gone
	}
}

// serve goes through the phases that all calls share. The error is a refusal,
// or errBroken for a call that gets no answer.
func (v *visit) serve(w http.ResponseWriter, r *http.Request) (*dialect.Reply, error) {
	var err error
	if v.asked, err = readAsk(r.URL.RawQuery, v.d); err != nil {
		return nil, err
	}
	method := r.Method
	switch method {
	case http.MethodHead:
		method = http.MethodGet
	case http.MethodOptions:
		if allow := v.allow(r.URL.Path); allow != "" {
			return &dialect.Reply{Status: http.StatusNoContent, Header: dialect.Pairs{{Name: "Allow", Value: allow}}}, nil
		}
	}
	op, pathVersion, err := v.d.Match(method, r.URL.Path)
	v.op, v.version = op, pathVersion
	if err != nil {
		return nil, err
	}
	var body []byte
	if op.HasBody() {
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			return nil, err
		}
	}
	call, misread := v.d.ReadCall(op, pathVersion, r.Header, body, dialect.Reading{Strict: v.strict()})
	v.version, v.kind = call.Version, call.Kind
	for t, text := range v.d.ReadPath(op, r.URL.Path) {
		call.Values[t] = text
	}
	ctx := r.Context()
	if err := v.meet(ctx, misread); err != nil {
		return nil, err
	}
	if v.fate.has(htmlError) {
		return badGateway(), nil
	}
	if misread != nil {
		return nil, misread
	}
	said, err := v.do(ctx, call)
	if err != nil {
		return nil, err
	}
	for _, f := range v.fate {
		delete(said, f.omits)
	}
	return v.d.EncodeAnswer(op, v.version, said, v.tells())
}

// do does what the call is for, and returns what the product answers.
func (v *visit) do(ctx context.Context, call dialect.Call) (dialect.Values, error) {
	switch v.op.Purpose {
	case dialect.Obtain:
		grant, ok := grants[call.Kind]
		if !ok {
			return nil, refused(dialect.UnknownGrant)
		}
		return grant(v, ctx, call)
	case dialect.Logout:
		return nil, v.logout(ctx, v.op, call)
	case dialect.MakeCode:
		return v.makeCode(ctx, v.op, call)
	case dialect.MakeClient:
		return v.makeClient(ctx, v.op, call)
	}
	t, err := v.enter(ctx, v.op, call)
	if t == nil || err != nil {
		return nil, err
	}
	return v.about(t.who), nil
}

const (
	slowBy     = 10 * time.Second
	hangFor    = time.Minute
	skew       = 7 * time.Minute
	maxWaiting = 128 // calls: a waiting one costs memory and a connection
)

// errBroken ends a call without an answer.
var errBroken = errors.New("the connection breaks")

// meet lets those faults strike that come before the work. misread is what is
// wrong with the call already.
func (v *visit) meet(ctx context.Context, misread error) error {
	if misread != nil && v.op.Purpose == dialect.Obtain && v.kind == "" && !slices.ContainsFunc(v.asked.faults, func(f Fault) bool { return f.on.all || f.on.body }) {
		// Which faults fit depends on the grant that cannot be read.
		return misread
	}
	if err := v.decide(ctx, v.asked); err != nil {
		return err
	}
	if f, ok := v.fate.at(waits); ok {
		if err := v.wait(ctx, f); err != nil {
			return err
		}
	}
	if v.fate.has(clockAhead) {
		v.ahead = skew
	}
	if f, ok := v.fate.at(refuses); ok && f.refusal != "" {
		return refused(f.refusal)
	}
	return nil
}

// wait until a slow server answers, or a hanging one breaks the connection.
// More than may wait at once are refused.
func (v *visit) wait(ctx context.Context, f Fault) error {
	select {
	case v.s.waiting <- struct{}{}:
		defer func() { <-v.s.waiting }()
	default:
		return refused(dialect.Unavailable)
	}
	d, end := slowBy, error(nil)
	if f.ID == hanging {
		d, end = hangFor, errBroken
	}
	select {
	case <-v.s.after(d):
		return end
	case <-ctx.Done():
		return errBroken
	case <-v.s.ended:
		return errBroken
	}
}

// badGateway is what a gateway says that got no answer.
func badGateway() *dialect.Reply {
	return &dialect.Reply{Status: http.StatusBadGateway, Header: dialect.Pairs{{Name: "Content-Type", Value: "text/html"}}, Body: "<html>\r\n" +
		"<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n"}
}

// entry tells the journal of the call. A path can hold anything, a token by
// mistake too; names and identifiers are short.
func (v *visit) entry(r *http.Request, took time.Duration, status int) Entry {
	e := Entry{
		Time: v.now, Duration: took, World: v.world, Product: v.d.ID, Kind: v.kind, Method: r.Method, Version: v.version,
		Status: status, Refused: v.no, Asked: v.fate.ids(), User: v.user,
	}
	if v.op != nil {
		e.Purpose = v.op.Purpose
	}
	segments := strings.Split(r.URL.Path, "/")
	for i, s := range segments {
		if len(s) > 40 {
			segments[i] = "…"
		}
	}
	e.Path = strings.Join(segments[:min(len(segments), 16)], "/")
	return e
}

// allow lists the methods of a path, or is empty if there is no such path.
func (v *visit) allow(path string) string {
	var methods []string
	for _, m := range []string{http.MethodDelete, http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch} {
		if _, _, err := v.d.Match(m, path); err == nil {
			methods = append(methods, m)
			if m == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	if methods == nil {
		return ""
	}
	return strings.Join(append(methods, http.MethodOptions), ", ")
}

// nearest is the fault that a product is asked to word if it has no words for
// the first.
var nearest = map[dialect.Fault]dialect.Fault{
	dialect.NeedsServiceLogin:  dialect.BadCredentials,
	dialect.LockedOut:          dialect.BadCredentials,
	dialect.BadCode:            dialect.BadCredentials,
	dialect.BadAssertion:       dialect.BadCredentials,
	dialect.BadClient:          dialect.BadCredentials,
	dialect.BadPublicKey:       dialect.BadCredentials,
	dialect.BadMFAToken:        dialect.BadCredentials,
	dialect.BadMFACode:         dialect.BadCredentials,
	dialect.SpentRefreshToken:  dialect.BadRefreshToken,
	dialect.ExpiredRefresh:     dialect.BadRefreshToken,
	dialect.ExpiredToken:       dialect.BadToken,
	dialect.RevokedToken:       dialect.BadToken,
	dialect.NoToken:            dialect.BadToken,
	dialect.MissingAntiforgery: dialect.NoToken,
	dialect.MissingVersion:     dialect.UnsupportedVersion,
}

// refuse words an error as the product does.
func (v *visit) refuse(ctx context.Context, r *http.Request, err error) *dialect.Reply {
	var ask *badAsk
	if errors.As(err, &ask) {
		return ask.reply()
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &dialect.Reply{Status: http.StatusRequestEntityTooLarge}
	}
	fault := dialect.ServerFault
	var no refused
	var mismatch *dialect.Mismatch
	switch {
	case errors.As(err, &no):
		fault = dialect.Fault(no)
	case errors.As(err, &mismatch):
		fault = mismatch.Fault
	case ctx.Err() != nil: // the client has gone
	default:
		v.s.log.Error("sandbox: a call failed", "product", v.d.ID, "world", v.world, "err", err)
	}
	var on dialect.Purpose
	if v.op != nil {
		on = v.op.Purpose
	}
	v.s.log.Debug("sandbox: refused", "product", v.d.ID, "world", v.world, "on", on, "fault", fault)
	_, ok := v.d.Refusal(fault, on)
	for near, more := nearest[fault]; !ok && more; near, more = nearest[fault] {
		fault = near
		_, ok = v.d.Refusal(fault, on)
	}
	v.no = fault
	said := dialect.Values{dialect.ErrorInstance: r.URL.Path, dialect.ErrorTrace: v.trace()}
	reply, err := v.d.EncodeRefusal(fault, on, v.version, said)
	if err != nil {
		v.s.log.Error("sandbox: a refusal cannot be worded", "product", v.d.ID, "fault", fault, "err", err)
		return &dialect.Reply{Status: http.StatusInternalServerError}
	}
	if fault == dialect.BadMethod {
		// RFC 9110, 15.5.6 asks for it, whether a product's document does or not.
		reply.Header = append(reply.Header, dialect.Pair{Name: "Allow", Value: v.allow(r.URL.Path)})
	}
	return reply
}

// trace names a call as W3C trace context does, not sampled.
func (v *visit) trace() string {
	b, err := v.s.random(24)
	if err != nil {
		b = make([]byte, 24)
	}
	return "00-" + hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:]) + "-00"
}
