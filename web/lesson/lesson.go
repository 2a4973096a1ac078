// Package lesson ticks the steps of a product's documented procedure, from
// what the session's exchanges prove and not from what was clicked. A learner
// who uses curl is seen as well as one who uses the form.
package lesson

import (
	"slices"
	"time"

	"tokenplayground/web/dialect"
)

// Fact is what one recorded exchange shows. It holds no values.
type Fact struct {
	// N is the number of the exchange in its session; later ones are larger.
	N       int
	Purpose dialect.Purpose
	// Kind is the grant of a token call.
	Kind dialect.Kind
	// Status is the HTTP status; 0 if no answer came.
	Status int
	// Said are the meanings that the answer carried a value for.
	Said []dialect.Term
	// Fault is why the product refused, if it did and the reason is known.
	Fault dialect.Fault
	At    time.Time
}

// Kept is what the session did with the tokens.
type Kept struct {
	// Saved says that the person saved the refresh token.
	Saved bool
	// Filled is the exchange that filled api_key, or 0.
	Filled int
}

// Step is one step of the procedure with its state.
type Step struct {
	dialect.Step
	Done bool
	// By is the exchange that proves the step; 0 if it is open, or done
	// without traffic.
	By int
	// Current marks the step to do next. At most one step has it; none has
	// after a log-out, when the next sign-in starts over.
	Current bool
	// Skipped says that the account turned out not to need the step.
	Skipped bool
}

// Progress gives every step of the product's procedure its state. The facts
// come in the order in which they happened. Those before the last log-out no
// longer count once there is a sign-in after it.
func Progress(d *dialect.Dialect, facts []Fact, kept Kept) []Step {
	r := follow(d, facts)
	steps := make([]Step, len(d.Procedure))
	for i, s := range d.Procedure {
		steps[i] = Step{Step: s}
		steps[i].Done, steps[i].By = r.proves(s.Proof, kept)
	}
	if r.waits != 0 {
		r.tickHalfWay(steps)
	}
	settle(steps, r)
	return steps
}

// settle decides, from the last step to the first, what follows from the steps
// after it, then which step is next.
func settle(steps []Step, r run) {
	later := false
	for i, s := range slices.Backward(steps) {
		if s.Proof == dialect.ProofNone {
			steps[i].Done = later && (!s.Optional || leadsToOptional(steps[i+1:]))
		}
		passed := later || r.pair != 0 && (s.Proof == dialect.ProofMFA || s.Proof == dialect.ProofChallenge)
		steps[i].Skipped = s.Optional && !steps[i].Done && passed && r.waits == 0
		later = later || steps[i].Done
	}
	if r.loggedOut != 0 {
		return
	}
	for i, s := range steps {
		if !s.Done && (!s.Optional || r.waits != 0) {
			steps[i].Current = true
			return
		}
	}
}

// leadsToOptional says whether the next step that leaves a proof is an optional
// one that was done: then the quiet steps before it were needed too.
func leadsToOptional(after []Step) bool {
	for _, s := range after {
		if s.Proof != dialect.ProofNone {
			return s.Optional && s.Done
		}
	}
	return false
}

// run is one pass through the procedure: for each proof, the number of the
// first exchange that gives it.
type run struct {
	first                                           int
	pair, filled, challenge, mfa, explored, renewed int
	loggedOut                                       int
	// answered is the challenge that the pair's second factor answered.
	answered int
	// waits is the challenge that no token has followed yet.
	waits int
}

func follow(d *dialect.Dialect, facts []Fact) run {
	var r run
	for _, f := range facts {
		if f.Status < 200 || f.Status > 299 || f.Fault != "" {
			continue
		}
		access := slices.Contains(f.Said, dialect.AccessToken)
		challenged := !access && slices.Contains(f.Said, dialect.MFAToken)
		if r.loggedOut != 0 && f.Purpose == dialect.Obtain && f.Kind != dialect.RefreshGrant && (access || challenged) {
			r = run{}
		}
		note(&r.first, f.N)
		switch f.Purpose {
		case dialect.Obtain:
			switch {
			case challenged:
				note(&r.challenge, f.N)
				r.waits = f.N
			case access:
				r.take(d, f)
			}
		case dialect.Explore:
			note(&r.explored, f.N)
		case dialect.Logout:
			note(&r.loggedOut, f.N)
			r.waits = 0
		}
	}
	return r
}

// take notes an answer with an access token.
func (r *run) take(d *dialect.Dialect, f Fact) {
	note(&r.filled, f.N)
	whole := d.Lifetimes.Refresh == 0 || slices.Contains(f.Said, dialect.RefreshToken)
	switch {
	case f.Kind == dialect.RefreshGrant:
		// Not a sign-in, so a challenge still waits for its code.
		note(&r.renewed, f.N)
		return
	case f.Kind == dialect.MFAGrant:
		note(&r.mfa, f.N)
	}
	if whole && r.pair == 0 {
		r.pair = f.N
		if f.Kind == dialect.MFAGrant {
			r.answered = r.waits
		}
	}
	r.waits = 0
}

func note(at *int, n int) {
	if *at == 0 {
		*at = n
	}
}

// proves says whether a proof was given, and by which exchange.
func (r run) proves(p dialect.Proof, kept Kept) (bool, int) {
	by := 0
	switch p {
	case dialect.ProofPair:
		by = r.pair
		if r.answered != 0 {
			by = r.answered
		}
	case dialect.ProofFilled:
		by = r.filled
		if by != 0 && kept.Filled >= r.first {
			by = kept.Filled
		}
	case dialect.ProofSaved:
		// A refresh proves that the token had been kept somewhere.
		if kept.Saved {
			return true, 0
		}
		by = r.renewed
	case dialect.ProofChallenge:
		by = r.challenge
	case dialect.ProofMFA:
		by = r.mfa
	case dialect.ProofExplored:
		by = r.explored
	case dialect.ProofRefreshed:
		by = r.renewed
	case dialect.ProofLoggedOut:
		by = r.loggedOut
	}
	return by != 0, by
}

// tickHalfWay ticks the sign-in that a challenge answered, if the procedure has
// a step for the code: the pair is then that step's business.
func (r run) tickHalfWay(steps []Step) {
	at := slices.IndexFunc(steps, func(s Step) bool { return s.Proof == dialect.ProofMFA })
	for i := range steps[:max(at, 0)] {
		if s := &steps[i]; s.Proof == dialect.ProofPair && !s.Done {
			s.Done, s.By = true, r.waits
		}
	}
}
