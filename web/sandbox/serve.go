package sandbox

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"tokenplayground/web/dialect"
)

// maxBody of a request is many times the longest form.
const maxBody = 64 << 10

// door is one product in one world.
type door struct {
	s     *Server
	d     *dialect.Dialect
	world string
}

func (h *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	v, err := h.s.visit(ctx, h.d, h.world)
	var op *dialect.Operation
	var reply *dialect.Reply
	if err == nil {
		op, reply, err = v.serve(w, r)
	}
	if err != nil {
		reply = v.refuse(ctx, op, r, err)
	}
	head := w.Header()
	for _, p := range reply.Header {
		head.Set(p.Name, p.Value)
	}
	// The server's clock is the world's: a Date that disagrees with the dates
	// in the body would be seen as skew.
	head.Set("Date", v.now.Format(http.TimeFormat))
	head.Set("X-Sandbox", "Token Playground")
	if reply.Status != http.StatusNoContent {
		head.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(reply.Status)
	if r.Method != http.MethodHead {
		io.WriteString(w, reply.Body) // an error means that the client has gone
	}
}

// serve goes through the phases that all calls share. op is what was called,
// as soon as that is known.
func (v *visit) serve(w http.ResponseWriter, r *http.Request) (op *dialect.Operation, reply *dialect.Reply, err error) {
	method := r.Method
	switch method {
	case http.MethodHead:
		method = http.MethodGet
	case http.MethodOptions:
		if allow := v.allow(r.URL.Path); allow != "" {
			return nil, &dialect.Reply{Status: http.StatusNoContent, Header: dialect.Pairs{{Name: "Allow", Value: allow}}}, nil
		}
	}
	op, pathVersion, err := v.d.Match(method, r.URL.Path)
	if err != nil {
		return nil, nil, err
	}
	v.version = pathVersion
	var body []byte
	if op.HasBody() {
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			return op, nil, err
		}
	}
	call, err := v.d.ReadCall(op, pathVersion, r.Header, body, dialect.Reading{Strict: v.strict()})
	v.version = call.Version
	if err != nil {
		return op, nil, err
	}
	for t, text := range v.d.ReadPath(op, r.URL.Path) {
		call.Values[t] = text
	}
	ctx := r.Context()
	var said dialect.Values
	switch op.Purpose {
	case dialect.Obtain:
		grant, ok := grants[call.Kind]
		if !ok {
			return op, nil, refused(dialect.UnknownGrant)
		}
		said, err = grant(v, ctx, call)
	case dialect.Logout:
		err = v.logout(ctx, op, call)
	case dialect.MakeCode:
		said, err = v.makeCode(ctx, op, call)
	case dialect.MakeClient:
		said, err = v.makeClient(ctx, op, call)
	default:
		var t *ticket
		if t, err = v.enter(ctx, op, call); t != nil {
			said = v.about(t.who)
		}
	}
	if err != nil {
		return op, nil, err
	}
	reply, err = v.d.EncodeAnswer(op, call.Version, said, v.now)
	return op, reply, err
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
func (v *visit) refuse(ctx context.Context, op *dialect.Operation, r *http.Request, err error) *dialect.Reply {
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
	if op != nil {
		on = op.Purpose
	}
	v.s.log.Debug("sandbox: refused", "product", v.d.ID, "world", v.world, "on", on, "fault", fault)
	_, ok := v.d.Refusal(fault, on)
	for near, more := nearest[fault]; !ok && more; near, more = nearest[fault] {
		fault = near
		_, ok = v.d.Refusal(fault, on)
	}
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
