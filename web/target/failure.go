package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Kind names a failure for programs. The strings are stable: pages, problem
// types and logs use them.
type Kind string

// The ways in which a call can fail.
const (
	RefusedByPolicy Kind = "refused-by-policy" // nothing was looked up, or nothing was connected
	BadRequest      Kind = "bad-request"       // the request itself cannot be sent
	BadName         Kind = "bad-name"          // the name is not known
	ConnRefused     Kind = "refused"           // the machine is there, nothing listens
	TimedOut        Kind = "timed-out"         // see Failure.Phase
	Unreachable     Kind = "unreachable"       // no way to the machine
	TLSUntrusted    Kind = "tls-untrusted"     // wraps *Untrusted
	TLSChanged      Kind = "tls-changed"       // wraps *Changed
	TLSTooOld       Kind = "tls-too-old"       // nothing from TLS 1.2 on
	TLSFailed       Kind = "tls-failed"        // any other trouble of the handshake
	NotHTTP         Kind = "not-http"          // something answered, but not HTTP over TLS
	TooLargeHeader  Kind = "too-large-header"  // the head of the answer is over the limit
	BrokenOff       Kind = "broken-off"        // closed before the answer was complete
	Canceled        Kind = "canceled"          // the caller gave up
)

// Phase is the part of a call that was under way.
type Phase string

// The phases, in their order.
const (
	PhaseResolve Phase = "resolve"
	PhaseConnect Phase = "connect"
	PhaseTLS     Phase = "tls"
	PhaseAnswer  Phase = "answer" // sending, and waiting for the first byte
	PhaseRead    Phase = "read"   // reading head and body
)

// Failure is every error of [Client.Do]. Sentence and Remedy are for a
// person: one plain sentence each, without secrets.
type Failure struct {
	Kind     Kind
	Phase    Phase
	Address  string // host:port of the target
	Sentence string
	Remedy   string
	// Rule names what in the policy said no, for logs; empty otherwise.
	Rule string
	// Err is the cause, if there is one beyond the sentence.
	Err error
}

func (f *Failure) Error() string { return f.Sentence + "; " + f.Remedy }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Is makes two failures of one kind equal to errors.Is.
func (f *Failure) Is(other error) bool {
	o, ok := other.(*Failure)
	return ok && o.Kind == f.Kind && o.Sentence == "" && o.Address == ""
}

// Untrusted is the cause of a [TLSUntrusted] failure: a certificate that
// nobody vouched for. No byte of the request was sent.
type Untrusted struct {
	Reason Reason
	// Certificate is what a person compares before trusting it.
	Certificate *Certificate
	// MayTrust is false where the operator allows no trust by visitors.
	MayTrust bool
}

func (u *Untrusted) Error() string {
	return fmt.Sprintf("certificate %s is not trusted (%s)", u.Certificate.SHA256, u.Reason)
}

// KeyChange says whether a changed certificate still has the public key of
// the one before. The strings are stable.
type KeyChange string

// What is known of the key.
const (
	KeyUnknown KeyChange = ""      // the old key was never seen here
	KeySame    KeyChange = "same"  // a renewal that kept the key
	KeyOther   KeyChange = "other" // a renewal with a new key, another server, or somebody in between
)

// Changed is the cause of a [TLSChanged] failure: the target shows another
// leaf than the one that was pinned or trusted. No byte of the request was
// sent.
type Changed struct {
	// Old and New are lower-case hex SHA-256 of the two leaves.
	Old, New string
	// Key compares the public keys of the two.
	Key KeyChange
	// Pinned is true where the operator set Old; a visitor cannot change it.
	Pinned      bool
	Certificate *Certificate
}

func (c *Changed) Error() string {
	return fmt.Sprintf("certificate changed from %s to %s", c.Old, c.New)
}

// overLimit marks a head that is larger than Limits.Header.
var errOverLimit = errors.New("head over the limit")

// notHTTP carries the first bytes of what answered instead.
type notHTTP struct {
	first []byte
	noTLS bool
}

func (n *notHTTP) Error() string { return "first bytes " + quoteBytes(n.first) }

// maxQuoted is how many foreign bytes a message repeats.
const maxQuoted = 48

// quoteBytes makes foreign bytes fit for a message: ASCII only, escaped, short.
func quoteBytes(b []byte) string {
	more := ""
	if len(b) > maxQuoted {
		b, more = b[:maxQuoted], "…"
	}
	return strconv.QuoteToASCII(string(b)) + more
}

// windowsRefused is WSAECONNREFUSED, which the syscall package does not name.
const windowsRefused = syscall.Errno(10061)

// failure words what went wrong while t was called. ctx decides between a
// caller that gave up and a limit that ran out.
func failure(ctx context.Context, t Target, phase Phase, err error) *Failure {
	var done *Failure
	if errors.As(err, &done) {
		return done
	}
	f := &Failure{Phase: phase, Address: t.Address(), Err: err}
	say := func(kind Kind, sentence, remedy string) *Failure {
		f.Kind, f.Sentence, f.Remedy = kind, sentence, remedy
		return f
	}
	where := t.Address()

	var (
		untrusted *Untrusted
		changed   *Changed
		foreign   *notHTTP
		record    tls.RecordHeaderError
		alert     tls.AlertError
		dns       *net.DNSError
		timeout   interface{ Timeout() bool }
	)
	switch {
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		return say(Canceled, "the call to "+where+" was given up before it ended", "send it again if you still want the answer")
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return timedOut(f, where, phase)
	case errors.As(err, &untrusted):
		remedy := "compare the fingerprint with the one shown on the server, then trust exactly this certificate"
		if !untrusted.MayTrust {
			remedy = "ask the person who runs this playground to add its CA or its pin to the list of targets"
		}
		return say(TLSUntrusted, "the certificate of "+where+" "+untrusted.Reason.sentence(t.Host)+", so nothing was sent", remedy)
	case errors.As(err, &changed):
		whose, remedy := "the one you trusted", changedRemedies[changed.Key]
		if changed.Pinned {
			whose, remedy = "the pinned one", "if the certificate was renewed on purpose, the operator has to change the pin in the list of targets"
		}
		return say(TLSChanged, "the certificate of "+where+" is not "+whose+changedKeys[changed.Key]+", so nothing was sent", remedy)
	case errors.As(err, &record):
		f.Err = &notHTTP{first: record.RecordHeader[:], noTLS: true}
		return say(NotHTTP, "what answers at "+where+" does not speak TLS; it began with "+quoteBytes(record.RecordHeader[:]),
			"check the port: it must be the one where the product's REST API speaks HTTPS")
	case errors.As(err, &foreign):
		return say(NotHTTP, "what answers at "+where+" is not HTTP; it began with "+quoteBytes(foreign.first),
			"check the port: it must be the one of the product's REST API")
	case errors.Is(err, errOverLimit):
		return say(TooLargeHeader, "the answer of "+where+" has a head larger than is read here", "check that the address is the product's REST API")
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return say(BadName, "the name "+strconv.Quote(t.Host)+" is not known to the machine that runs this playground",
				"check the spelling, or use the address in numbers")
		}
		return say(BadName, "the name "+strconv.Quote(t.Host)+" could not be looked up", "check the DNS settings of the machine that runs this playground")
	case tooOld(err):
		return say(TLSTooOld, where+" offers no TLS from version 1.2 on, so nothing was sent", "switch TLS 1.2 or 1.3 on at the server; older versions are never used")
	case phase == PhaseTLS && (errors.As(err, &alert) || !brokeOff(err)),
		strings.HasPrefix(err.Error(), "remote error: tls:"):
		return say(TLSFailed, where+" and the playground could not agree on TLS", "check whether the server asks for a client certificate or only for unusual ciphers")
	case errors.Is(err, syscall.ECONNREFUSED), runtime.GOOS == "windows" && errors.Is(err, windowsRefused):
		if phase == PhaseConnect {
			return say(ConnRefused, "nothing listens at "+where, "check the port, and that the product's service is running")
		}
	case phase == PhaseResolve:
		return say(BadName, "the name "+strconv.Quote(t.Host)+" could not be looked up", "check the DNS settings of the machine that runs this playground")
	case phase == PhaseConnect:
		return say(Unreachable, "there is no way from the machine that runs this playground to "+where, "check the network, the firewall and the VPN")
	}
	switch phase {
	case PhaseTLS:
		return say(BrokenOff, where+" closed the connection during the TLS handshake, so nothing was sent", "check that the port is the one of the product's REST API")
	case PhaseAnswer:
		return say(BrokenOff, where+" closed the connection without answering", "look at the server's log, then send it again")
	default:
		return say(BrokenOff, where+" broke off in the middle of its answer", "what arrived is shown; send it again for the rest")
	}
}

var (
	changedKeys = map[KeyChange]string{
		KeySame:  ", but has the same public key",
		KeyOther: ", and has another public key",
	}
	changedRemedies = map[KeyChange]string{
		KeyUnknown: "find out why before you trust the new one; a renewed certificate is the harmless case",
		KeySame:    "it looks renewed: only a server that holds the old key can use it; compare the fingerprint with the one shown on the server, then trust it",
		KeyOther:   "a renewal can bring a new key, but so can another server or somebody in between: compare the fingerprint with the one shown on the server before you trust it",
	}
)

func timedOut(f *Failure, where string, phase Phase) *Failure {
	f.Kind = TimedOut
	switch phase {
	case PhaseResolve:
		f.Sentence, f.Remedy = "looking up the name of "+where+" took too long", "check the DNS settings of the machine that runs this playground"
	case PhaseConnect:
		f.Sentence, f.Remedy = where+" did not react to the attempt to connect", "check the address and whether a firewall drops the traffic"
	case PhaseTLS:
		f.Sentence, f.Remedy = where+" did not finish the TLS handshake in time, so nothing was sent", "check that the port is the one of the product's REST API"
	case PhaseAnswer:
		f.Sentence, f.Remedy = where+" took the request but did not answer in time", "look at the server's load and log, then send it again"
	default:
		f.Sentence, f.Remedy = where+" did not finish its answer in time", "what arrived is shown; look at the server's load and log"
	}
	return f
}

// brokeOff tells whether the other side simply went away.
func brokeOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// alertProtocolVersion is the TLS alert by which a server says that it speaks
// none of the offered versions (RFC 8446 6.2).
const alertProtocolVersion = 70

// tooOld also reads the error's words: crypto/tls has no type for an alert
// that was received, nor for a server that picks an old version by itself.
func tooOld(err error) bool {
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return alert == alertProtocolVersion
	}
	s := err.Error()
	return strings.Contains(s, "tls: protocol version not supported") ||
		strings.Contains(s, "tls: server selected unsupported protocol version")
}

// Limits bound one call. A zero field means its default.
type Limits struct {
	Dial      time.Duration // looking up and connecting together; 5 s
	TLS       time.Duration // handshake; 5 s
	FirstByte time.Duration // from the ready connection to the first byte of the answer; 15 s
	Whole     time.Duration // everything; 20 s
	Header    int           // bytes of all heads of the answer together; 64 KiB
	Body      int           // bytes of the body after decompression; 1 MiB
	Request   int           // bytes of the request's body; 64 KiB
}

// The defaults keep a hostile target at 1 MiB and 20 seconds.
var defaults = Limits{
	Dial: 5 * time.Second, TLS: 5 * time.Second, FirstByte: 15 * time.Second, Whole: 20 * time.Second,
	Header: 64 << 10, Body: 1 << 20, Request: 64 << 10,
}

func (l Limits) orDefaults() Limits {
	or := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	or(&l.Dial, defaults.Dial)
	or(&l.TLS, defaults.TLS)
	or(&l.FirstByte, defaults.FirstByte)
	or(&l.Whole, defaults.Whole)
	orInt := func(n *int, def int) {
		if *n <= 0 {
			*n = def
		}
	}
	orInt(&l.Header, defaults.Header)
	orInt(&l.Body, defaults.Body)
	orInt(&l.Request, defaults.Request)
	return l
}
