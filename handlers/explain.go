package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/inspect"
	"tokenplayground/web/session"
	"tokenplayground/web/target"
)

// explain turns a failed call into what is kept of it, and gives the
// certificate that was not accepted, if that is why.
func explain(f *target.Failure) (*failure, *target.Certificate) {
	out := &failure{Kind: string(f.Kind), Text: sentence(f.Sentence), Remedy: sentence(f.Remedy)}
	var untrusted *target.Untrusted
	var changed *target.Changed
	switch {
	case errors.As(f, &untrusted):
		out.MayTrust = untrusted.MayTrust
		return out, untrusted.Certificate
	case errors.As(f, &changed):
		out.MayTrust, out.Old, out.Key = !changed.Pinned, changed.Old, string(changed.Key)
		return out, changed.Certificate
	}
	return out, nil
}

// reasons say in a sentence why a product refused, and what to do.
var reasons = map[dialect.Fault]struct{ title, text string }{
	dialect.BadCredentials:     {"The user name or the password is wrong", "Check both and send them again."},
	dialect.NeedsServiceLogin:  {"The account may need a second factor", "This product answers a second factor like a wrong password. Use a service account."},
	dialect.LockedOut:          {"The account is locked", "Wait, or ask an administrator to unlock it. Trying again may prolong the lock."},
	dialect.UnknownGrant:       {"The product has no such grant", "Choose one from the list."},
	dialect.MissingField:       {"The product misses a field", "Compare the request with the fields of the grant."},
	dialect.BadMFACode:         {"The code is wrong or too old", "A code is good for half a minute. Take the one that the authenticator shows now."},
	dialect.BadMFAToken:        {"The MFA token is finished", "It is good for a few minutes and for one sign-in. Sign in again to get a new one."},
	dialect.BadRefreshToken:    {"The refresh token is not known", "It may belong to another server, or it is an access token. Sign in again."},
	dialect.SpentRefreshToken:  {"The refresh token has been used already", "A refresh token works once. Use the one of the newest answer, or sign in again."},
	dialect.ExpiredRefresh:     {"The refresh token has expired", "Nothing refreshes it any more. Sign in again."},
	dialect.BadCode:            {"The code is not valid", "Codes work once and for a minute. Ask for a new one."},
	dialect.NoToken:            {"The call carried no token", "Get a pair of tokens first."},
	dialect.BadToken:           {"The server does not know this token", "It may belong to another server, or be a refresh token. Sign in again."},
	dialect.ExpiredToken:       {"The access token has expired", "Get a new pair with the refresh token."},
	dialect.RevokedToken:       {"The session has been ended", "A log-out ended both tokens. Sign in again."},
	dialect.TooFewRights:       {"The account has too few rights for this call", "The token itself is good: the server knew it and said no to the account. Use an account with more rights."},
	dialect.UnsupportedVersion: {"The server does not speak this version", "Choose one of the versions that its answer lists."},
	dialect.MissingVersion:     {"The call named no version", "Choose a version."},
	dialect.BadMediaType:       {"The body has the wrong type", "This endpoint wants a form."},
	dialect.NotFound:           {"The server has nothing at this path", "Check product, version and port of the target."},
	dialect.BadMethod:          {"The path does not take this method", "Check product and version of the target."},
	dialect.ServerFault:        {"The server has a fault of its own", "Try again later, and look into the server's log."},
}

// why explains a refusal, also one that the description does not know.
func why(d *dialect.Dialect, r *record) (title, text string) {
	if reason, ok := reasons[r.Fault]; ok {
		if r.Fault == dialect.BadCredentials && d.SecondFactor == dialect.Refuses {
			reason.text += " This product gives the same answer for a locked account, and for one that has a second factor."
		}
		return reason.title, reason.text
	}
	switch {
	case r.Status >= 300 && r.Status < 400:
		return "The server points elsewhere", "Redirects are never followed, since the password would follow too. Check host and port of the target; the Location header says where it points."
	case r.Status == http.StatusUnauthorized && r.Operation != dialect.Obtain:
		return "The server refused the token", "It may have expired, been ended by a log-out, or belong to another server."
	case r.Status == http.StatusUnauthorized:
		return "The server refused the sign-in", "Check what you sent. The answer's own words are below."
	case r.Status == http.StatusForbidden:
		return reasons[dialect.TooFewRights].title, reasons[dialect.TooFewRights].text
	case r.Status == http.StatusTooManyRequests:
		return "The server asks for a pause", "Wait as long as its Retry-After header says, then try again."
	case r.Status >= 500:
		return reasons[dialect.ServerFault].title, reasons[dialect.ServerFault].text
	case r.Status == http.StatusNotFound:
		return reasons[dialect.NotFound].title, reasons[dialect.NotFound].text
	}
	return "The server refused the call", "The answer's own words are below; nothing of them was dropped."
}

// meaning says in a sentence what a call came to.
func meaning(d *dialect.Dialect, r *record) string {
	said := func(t dialect.Term) bool { return slices.Contains(r.Said, string(t)) }
	switch {
	case r.Failure != nil:
		return r.Failure.Text
	case !r.Accepted:
		title, _ := why(d, r)
		return title + "."
	case r.Operation == dialect.Explore:
		return "The server accepted the access token."
	case r.Operation == dialect.Logout:
		if r.Message != "" {
			return r.Message
		}
		return "The server ended the session. Both tokens are invalid now."
	case r.Operation == dialect.MakeCode:
		return "The server gave a one-time code."
	case r.Operation == dialect.MakeClient:
		return "The server made an account for an application."
	case r.Operation == dialect.WhoAmI:
		return "The server said who is signed in."
	case r.Operation != dialect.Obtain:
		return "The server answered."
	case said(dialect.EncryptedCode) && !said(dialect.AccessToken):
		return "Half way: the server gave a code that only the holder of the private key can read."
	case said(dialect.MFAToken) && !said(dialect.AccessToken):
		return "Half way: the server asks for the code of the second factor."
	case said(dialect.AccessToken) && r.Grant == dialect.RefreshGrant:
		return "The server issued a new pair of tokens."
	case said(dialect.AccessToken):
		return "The server issued a pair of tokens."
	case r.Raw:
		return "The server agreed, but its answer is not the JSON that the product's documents print. It is shown as it came."
	}
	return "The server agreed, but its answer carries no token. It is shown as it came."
}

// checks are Explore's four questions about the access token, and a fifth row
// where it is the account that was refused. slot is as it
// was before the call.
func checks(d *dialect.Dialect, a aim, slot *session.Slot, out *outcome, now time.Time) []check {
	token := slot.Access.Reveal()
	t := inspect.ReadFor(d, token)
	var list []check
	add := func(name string, v verdict, format string, args ...any) {
		list = append(list, check{name, v, fmt.Sprintf(format, args...)})
	}
	switch {
	case d.Access.Opaque > 0 && t.JWT:
		add("well_formed", failed, "It is a JWT; this product's tokens are opaque.")
	case d.Access.Opaque > 0:
		add("well_formed", passed, "It is opaque, as this product's tokens are: %d characters that say nothing.", len(token))
	case !t.JWT && t.Problem != "":
		add("well_formed", failed, "%s", sentence(t.Problem))
	case !t.JWT:
		add("well_formed", failed, "It is no JWT; this product's access tokens are.")
	default:
		add("well_formed", passed, "It is a JWT of three parts. Its signature was not verified here.")
	}

	expires, source := slot.AccessExpires, "the answer of exchange "+fmt.Sprint(slot.From)
	if slot.Pasted {
		source = "its exp claim"
	}
	switch {
	case expires.IsZero():
		add("in_time", notChecked, "Nothing says when it expires.")
	case now.After(expires):
		add("in_time", failed, "It expired %s ago, by %s.", span(now.Sub(expires)), source)
	default:
		add("in_time", passed, "It is good for %s more, by %s.", span(expires.Sub(now)), source)
	}

	where := "this server"
	if !a.Real {
		where = "this sandbox"
	}
	switch {
	case t.Kind == inspect.Refresh:
		add("meant_for_this", failed, "It is a refresh token: its audience is %s. This call needs an access token.", audience(t))
	case slot.Pasted && t.Kind == inspect.Access:
		add("meant_for_this", passed, "Its audience is %s. You pasted it, so nothing shows which server issued it.", audience(t))
	case slot.Pasted:
		add("meant_for_this", notChecked, "You pasted it, and it does not say whom it is for.")
	case t.Kind == inspect.Access:
		add("meant_for_this", passed, "Its audience is %s, and %s issued it.", audience(t), where)
	default:
		add("meant_for_this", passed, "%s issued it in exchange %d.", strings.ToUpper(where[:1])+where[1:], slot.From)
	}

	r := out.record
	call := r.Method + " " + d.Path(d.Operation(dialect.Explore), r.Version)
	switch {
	case r.Failure != nil:
		add("accepted", notChecked, "%s gave no answer: %s", call, r.Failure.Text)
	case r.Accepted:
		add("accepted", passed, "%s answered %s.", call, r.status())
	case r.Status == http.StatusForbidden:
		add("accepted", passed, "%s answered %s: the token is alive, its account has too few rights.", call, r.status())
	case r.Status == http.StatusUnauthorized:
		add("accepted", failed, "%s answered %s.", call, r.status())
	default:
		add("accepted", notChecked, "%s answered %s, which says nothing about the token.", call, r.status())
	}
	if r.Status == http.StatusForbidden {
		add("rights", failed, "Too few: the account may not make this call. Its token is good for others.")
	}
	return list
}

func audience(t inspect.Token) string {
	for _, c := range t.Claims {
		if c.Name == "aud" {
			return c.Value
		}
	}
	return "not named"
}

// checkTitles are the checks in the page's words.
var checkTitles = map[string]string{
	"well_formed":    "Well-formed",
	"in_time":        "In time",
	"meant_for_this": "Meant for this",
	"accepted":       "Known to the server",
	"rights":         "Rights",
}

// choice says that no document speaks about what the sandbox answered; empty
// where one does, and for real targets.
func (p *Playground) choice(d *dialect.Dialect, a aim, call dialect.Call, ans *dialect.Answer) string {
	if a.Real {
		return ""
	}
	if ans.Refused {
		for i := range d.Refusals {
			r := &d.Refusals[i]
			if r.Fault == ans.Fault && (r.On == "" || r.On == call.Purpose) {
				if r.Basis == dialect.Choice {
					return "No document prints this refusal, so its wording is the sandbox's choice. " + r.Reason
				}
				return ""
			}
		}
		return ""
	}
	if op := cmp.Or(call.Operation, d.Operation(call.Purpose)); op.Basis == dialect.Choice {
		return "No document prints this answer, so it is the sandbox's choice. " + op.Reason
	}
	return ""
}
