package sandbox

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
)

// refused is the error for a call that the product says no to.
type refused dialect.Fault

func (f refused) Error() string { return "refused: " + string(f) }

// grants holds one function for each kind. It returns what the product answers.
var grants = map[dialect.Kind]func(*visit, context.Context, dialect.Call) (dialect.Values, error){
	dialect.PasswordGrant: (*visit).password,
	dialect.MFAGrant:      (*visit).secondFactor,
	dialect.RefreshGrant:  (*visit).refresh,
	dialect.CodeGrant:     (*visit).code,
	dialect.ClientGrant:   (*visit).client,
	dialect.AssertionGrant: func(v *visit, ctx context.Context, c dialect.Call) (dialect.Values, error) {
		return v.assertion(ctx, c, func(Person) bool { return true })
	},
	dialect.OperatorGrant: func(v *visit, ctx context.Context, c dialect.Call) (dialect.Values, error) {
		return v.assertion(ctx, c, func(p Person) bool { return p.Operator })
	},
	dialect.PublicKeyGrant: (*visit).publicKey,
	dialect.ActAsGrant:     (*visit).actAs,
	// There is no other component.
	dialect.ComponentGrant: func(*visit, context.Context, dialect.Call) (dialect.Values, error) {
		return nil, refused(dialect.BadCredentials)
	},
}

func (v *visit) password(ctx context.Context, c dialect.Call) (dialect.Values, error) {
	p, ok := v.person(c.Values[dialect.Username])
	switch {
	case ok && p.Locked:
		return nil, refused(dialect.LockedOut)
	case !ok || !p.knows(c.Values[dialect.Password]):
		return nil, refused(dialect.BadCredentials)
	case p.SecondFactor && v.d.SecondFactor == dialect.Refuses:
		return nil, refused(dialect.NeedsServiceLogin)
	case p.SecondFactor && v.d.SecondFactor == dialect.Challenges:
		token, err := v.newChallenge(p)
		if err != nil {
			return nil, err
		}
		zero := dialect.FormatTime(time.Time{})
		said := v.about(p)
		_, short := asked(c.Values).life(v.d.Lifetimes)
		said[dialect.ExpiresIn] = "0"
		said[dialect.IssuedAt], said[dialect.ExpiresAt] = zero, zero
		said[dialect.MFAEnabled] = "true"
		said[dialect.MFAToken] = token
		said[dialect.ShortRefresh] = strconv.FormatBool(short)
		return said, nil
	}
	return v.pair(ctx, p, c, "", nil)
}

func (v *visit) secondFactor(ctx context.Context, c dialect.Call) (dialect.Values, error) {
	half, ok := v.challenge(c.Values[dialect.MFAToken])
	if !ok {
		return nil, refused(dialect.BadMFAToken)
	}
	// A token that cannot be signed must not cost the challenge.
	if err := v.canSign(ctx); err != nil {
		return nil, err
	}
	v.user = half.person.Name
	if err := v.answer(ctx, half, c.Values[dialect.MFACode]); err != nil {
		return nil, err
	}
	return v.pair(ctx, half.person, c, "", nil)
}

func (v *visit) refresh(ctx context.Context, c dialect.Call) (dialect.Values, error) {
	t, spent, err := v.refreshToken(ctx, c)
	if err != nil {
		return nil, err
	}
	var said dialect.Values
	// Most who come too late can be told so before anything is made for them.
	if err = refused(dialect.SpentRefreshToken); !spent {
		said, err = v.pair(ctx, t.who, c, t.session, t)
	}
	var no refused
	if v.strict() && errors.As(err, &no) && no == refused(dialect.SpentRefreshToken) {
		if err := v.end(ctx, t); err != nil && !errors.As(err, &no) {
			return nil, err
		}
	}
	return said, err
}

// refreshToken reads the refresh token of a call, whose pair has not ended, and
// says whether it is spent.
func (v *visit) refreshToken(ctx context.Context, c dialect.Call) (t *ticket, spent bool, err error) {
	t, err = v.read(ctx, refresh, c.Values[dialect.RefreshToken], dialect.BadRefreshToken, dialect.ExpiredRefresh)
	if err != nil {
		return nil, false, err
	}
	p, ok := v.person(t.person)
	if !ok || p.Locked {
		return nil, false, refused(dialect.BadRefreshToken)
	}
	if err := v.checkAntiforgery(t, c); err != nil {
		return nil, false, err
	}
	t.who = p
	r, err := v.family(ctx, t)
	_, g := v.lineage(t.pair)
	return t, v.spent(r, g), err
}

// pair gives out a new pair, for a refresh token or, if spent is nil, for a
// sign-in.
func (v *visit) pair(ctx context.Context, p Person, c dialect.Call, session string, spent *ticket) (dialect.Values, error) {
	dr, err := v.draft(p, c, session, spent)
	if err != nil {
		return nil, err
	}
	if spent != nil {
		if err := v.canSign(ctx); err != nil {
			return nil, err
		}
		if err := v.spend(ctx, spent, dr); err != nil {
			return nil, err
		}
	}
	if err := v.sign(ctx, dr); err != nil {
		return nil, err
	}
	l := v.d.Lifetimes
	reported := l.Reported
	if reported == 0 {
		reported = l.Access
	}
	said := v.about(p)
	said[dialect.AccessToken] = dr.tokens[access]
	said[dialect.RefreshToken] = dr.tokens[refresh]
	said[dialect.ExpiresIn] = strconv.FormatInt(int64(reported/time.Second), 10)
	said[dialect.IssuedAt] = dialect.FormatTime(v.tells().Add(l.IssuedLate))
	said[dialect.ExpiresAt] = dialect.FormatTime(dr.accessEnds)
	said[dialect.RefreshExpiresAt] = dialect.FormatTime(dr.refreshEnd)
	said[dialect.MFAEnabled] = "false"
	said[dialect.ShortRefresh] = strconv.FormatBool(dr.short)
	if v.guarded() && !dr.flags.bare {
		said[dialect.AntiforgeryToken] = v.antiforgery(dr.pair)
	}
	return said, nil
}

// about is what an answer says of a person.
func (v *visit) about(p Person) dialect.Values {
	return dialect.Values{
		dialect.TokenType: "bearer",
		dialect.Username:  p.Name,
		dialect.Account:   v.account(p),
		dialect.UserID:    v.userID(p),
		dialect.Role:      v.role(p),
	}
}

func (v *visit) account(p Person) string {
	if v.d.Domain == "" {
		return p.Name
	}
	return v.d.Domain + `\` + p.Name
}

// bearer reads the access token of a protected call.
func (v *visit) bearer(ctx context.Context, token string) (*ticket, error) {
	if token == "" {
		return nil, refused(dialect.NoToken)
	}
	t, err := v.read(ctx, access, token, dialect.BadToken, dialect.ExpiredToken)
	if err != nil {
		return nil, err
	}
	v.user = t.person
	return t, nil
}

// logout ends the pair of the access token that the call carries, or of
// another one that it names. A user whom it names must be its own.
func (v *visit) logout(ctx context.Context, op *dialect.Operation, c dialect.Call) error {
	t, err := v.bearer(ctx, c.Bearer)
	if err != nil {
		return err
	}
	if sid := c.Values[dialect.UserSID]; sid != "" && takes(op.Takes, dialect.UserSID) {
		return v.logoutUser(ctx, t, sid)
	}
	if takes(op.Takes, dialect.AccessToken) {
		named := c.Values[dialect.AccessToken]
		switch {
		case named == "":
			return refused(dialect.MissingField)
		case named != c.Bearer:
			if _, err := v.family(ctx, t); err != nil {
				return err
			}
			if t, err = v.bearer(ctx, named); err != nil {
				return err
			}
		}
	}
	if err := v.checkAntiforgery(t, c); err != nil {
		return err
	}
	if takes(op.Takes, dialect.UserID) {
		if _, err := v.family(ctx, t); err != nil {
			return err
		}
		p, ok := v.person(t.person)
		if !ok || !strings.EqualFold(v.userID(p), c.Values[dialect.UserID]) {
			return refused(dialect.NotFound)
		}
	}
	return v.end(ctx, t)
}

func takes(fields []dialect.Field, t dialect.Term) bool {
	return slices.ContainsFunc(fields, func(f dialect.Field) bool { return f.Term == t })
}

// enter checks the access token of any other call. The ticket is nil for a call
// that needs none.
func (v *visit) enter(ctx context.Context, op *dialect.Operation, c dialect.Call) (*ticket, error) {
	if op.Anonymous {
		return nil, nil
	}
	t, err := v.bearer(ctx, c.Bearer)
	if err != nil {
		return nil, err
	}
	if _, err := v.family(ctx, t); err != nil {
		return nil, err
	}
	p, ok := v.person(t.person)
	switch {
	case !ok:
		return nil, refused(dialect.BadToken)
	case op.Admin && p.Operator, t.flags.readOnly && op.Method != http.MethodGet:
		return nil, refused(dialect.TooFewRights)
	}
	t.who = p
	return t, v.checkAntiforgery(t, c)
}
