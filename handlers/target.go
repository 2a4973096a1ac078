package handlers

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tokenplayground/web/dialect"
	"tokenplayground/web/session"
	"tokenplayground/web/target"
)

// OwnTarget remembers a real server that the person typed.
//
//	@ID				target
//	@Summary		Add a real server
//	@Description	Remembers host and port in the session, where the profile allows it. Nothing is sent yet.
//	@Tags			Session
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product	path		string	true	"Product"
//	@Param			x.host	formData	string	true	"Host, with or without a port"
//	@Param			x.port	formData	string	false	"Port"
//	@Success		200		{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/target [post]
func (p *Playground) OwnTarget(c echo.Context) error {
	f, err := p.posted(c)
	if err != nil {
		return err
	}
	if !p.cfg.Own {
		return &Problem{Kind: "targets-are-listed", Status: http.StatusForbidden, Title: "Targets are chosen by the operator",
			Detail: "This playground calls only the sandbox and the targets that its operator listed. To call a server of yours, run the playground yourself."}
	}
	typedHost, typedPort := strings.TrimSpace(f.own(fieldHost)), strings.TrimSpace(f.own(fieldPort))
	address := typedHost
	if typedPort != "" && !strings.Contains(typedHost, "://") && !hasPort(typedHost) {
		address = withPort(typedHost, typedPort)
	}
	host, port, err := target.ParseAddress(address, f.d.Port)
	if err != nil {
		pr := &Problem{Kind: "bad-address", Status: http.StatusUnprocessableEntity, Title: "That is no address of a server",
			Detail: sentence(err.Error()), Fields: []FieldProblem{{fieldHost, sentence(err.Error())}}}
		pr.Form = &Form{Product: f.d.ID, query: f.q, typed: map[string]string{fieldHost: typedHost, fieldPort: typedPort},
			problem: map[string]string{fieldHost: sentence(err.Error())}}
		return pr
	}
	t := target.Target{Product: f.d.ID, Host: host, Port: port}
	f.q.target = t.Address()
	f.q.op, f.q.grant, f.q.try = "", "", ""
	return p.change(c, f, func(_ context.Context, s *session.Session) (*outcome, error) {
		remember(s.State, t)
		return nil, nil
	})
}

const maxOwnTargets = 20

// Trust remembers a certificate by its fingerprint.
//
//	@ID				trust
//	@Summary		Trust a certificate
//	@Description	Trusts exactly this certificate for the target's host and port, for this session only. Nothing was sent before, and nothing is sent now.
//	@Tags			Session
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product			path		string	true	"Product"
//	@Param			x.fingerprint	formData	string	true	"SHA-256 of the certificate, in hexadecimal"
//	@Param			x.target		formData	string	true	"Target"
//	@Success		200				{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/trust [post]
func (p *Playground) Trust(c echo.Context) error {
	f, err := p.posted(c)
	if err != nil {
		return err
	}
	if !p.cfg.Trust {
		return &Problem{Kind: "trust-is-pinned", Status: http.StatusForbidden, Title: "Certificates are trusted by the operator",
			Detail: "On this playground only the operator can trust a certificate. Ask for it to be pinned in the list of targets."}
	}
	print := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(f.own(fieldFingerprint)))
	if len(print) != 64 || strings.Trim(print, "0123456789abcdef") != "" {
		return &Problem{Kind: "bad-fingerprint", Status: http.StatusUnprocessableEntity, Title: "That is no fingerprint",
			Detail: "A SHA-256 fingerprint has 64 hexadecimal digits, with or without colons. Nothing was trusted.",
			Fields: []FieldProblem{{fieldFingerprint, "Give all 64 hexadecimal digits."}}}
	}
	f.q.notice, f.q.op, f.q.try = noticeTrusted, dialect.Obtain, dialect.Obtain
	return p.change(c, f, func(_ context.Context, s *session.Session) (*outcome, error) {
		a, err := p.aimFor(f, s.State)
		if err != nil {
			return nil, err
		}
		if !a.Real {
			return nil, unknownTarget(p.targetChoices(f.d))
		}
		if s.State.Trust == nil {
			s.State.Trust = map[string]string{}
		}
		if s.State.Trust[a.Address()] != print {
			delete(s.State.TrustKeys, a.Address())
		}
		s.State.Trust[a.Address()] = print
		return nil, nil
	})
}
