package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/target"
)

// record is one exchange as it is kept: redacted, complete otherwise.
type record struct {
	N         int              `json:"n"`
	Product   string           `json:"product"`
	Target    string           `json:"target"`
	Version   string           `json:"version"`
	Operation dialect.Purpose  `json:"operation"`
	Grant     dialect.Kind     `json:"grant,omitempty"`
	Encoding  dialect.Encoding `json:"encoding,omitempty"` // of the body, if it is not the first

	Method         string      `json:"method"`
	URL            string      `json:"url"`
	RequestHeaders [][2]string `json:"request_headers"`
	RequestBody    string      `json:"request_body"`
	Sent           string      `json:"sent"`
	Curl           string      `json:"curl"`
	// TokenSent is the shortened bearer token, or the refresh token that stands in
	// the body; empty without either.
	TokenSent string `json:"token_sent,omitempty"`

	Status          int         `json:"status"`
	Reason          string      `json:"reason"`
	ResponseHeaders [][2]string `json:"response_headers"`
	Body            string      `json:"body"`
	Truncated       bool        `json:"truncated,omitempty"`

	Failure *failure `json:"failure,omitempty"`

	// Accepted says that the product said yes; Fault why it said no.
	Accepted bool          `json:"accepted"`
	Fault    dialect.Fault `json:"fault,omitempty"`
	Said     []string      `json:"said,omitempty"`
	Left     []string      `json:"left,omitempty"`
	Raw      bool          `json:"raw,omitempty"`
	Message  string        `json:"message,omitempty"`
	// Remarks are contradictions between the answer and its tokens.
	Remarks []string `json:"remarks,omitempty"`
	Checks  []check  `json:"checks,omitempty"`
	// Sandbox says that the body may be shown whole.
	Sandbox bool `json:"sandbox"`
	// Basis of a sandbox answer that is a choice.
	Choice string `json:"choice,omitempty"`
	// Asked is the fault that the call met on demand.
	Asked string `json:"asked,omitempty"`
	// ByChance says that the call did not ask: the fault was armed, or is the
	// rehearsal's.
	ByChance bool `json:"by_chance,omitempty"`

	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`

	Certificate *target.Certificate `json:"certificate,omitempty"`
}

// failure is why there was no answer.
type failure struct {
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
	// MayTrust says that the certificate may be trusted by its fingerprint.
	MayTrust bool   `json:"may_trust,omitempty"`
	Old      string `json:"old,omitempty"`
	// Key compares the public keys of a changed certificate; see
	// target.KeyChange.
	Key string `json:"key,omitempty"`
}

// verdict of one of Explore's checks.
type verdict string

const (
	passed     verdict = "passed"
	failed     verdict = "failed"
	notChecked verdict = "not_checked"
)

// check is one of the four questions that Explore answers.
type check struct {
	Name    string  `json:"name"`
	Verdict verdict `json:"verdict"`
	Text    string  `json:"text"`
}

// fields are those of the body that was sent, as far as they may be shown.
func (r *record) fields(d *dialect.Dialect) dialect.Pairs {
	op := operation(d, r.Operation)
	if op == nil { // of a product that has changed since
		return nil
	}
	var media string
	for _, h := range r.RequestHeaders {
		if strings.EqualFold(h[0], "Content-Type") {
			media = h[1]
		}
	}
	return op.Fields(media, r.RequestBody)
}

func (r *record) encode() ([]byte, error) { return json.Marshal(r) }

func decodeRecord(data []byte) (*record, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("kept exchange: %w", err)
	}
	return &r, nil
}

// status in words, as the page and the history show it: "200 OK".
func (r *record) status() string { return statusWords(r.Status, r.Reason, r.Failure != nil) }

func statusWords(status int, reason string, failed bool) string {
	if failed || status == 0 {
		return "No answer"
	}
	words := http.StatusText(status)
	if status == http.StatusOK {
		words = "Success" // as the products' own pages call it
	}
	if words == "" {
		words = reason
	}
	return strings.TrimSpace(strconv.Itoa(status) + " " + words)
}

// ExchangeJSON is one exchange, as the API answers it.
type ExchangeJSON struct {
	// ID numbers the exchanges of one session, from 1.
	ID int `json:"id" example:"1"`
	// Operation is token, explore, logout, or the name of another call.
	Operation string `json:"operation" example:"token"`
	// Target is its name: sandbox, a listed one, or host:port.
	Target     string       `json:"target" example:"sandbox"`
	Request    RequestJSON  `json:"request"`
	Response   ResponseJSON `json:"response"`
	DurationMS float64      `json:"duration_ms" example:"3.2"`
	// Failure says why no answer came; absent when one did.
	Failure *FailureJSON `json:"failure,omitempty"`
	// Fault says why the product refused, in words that all products share;
	// absent when it did not, or when the refusal is unknown.
	Fault string `json:"fault,omitempty" example:"bad_credentials"`
	// AskedFault is the sandbox's fault that the call met, because it or the
	// sandbox's settings asked for one; absent otherwise.
	AskedFault string `json:"asked_fault,omitempty" example:"spent-refresh"`
	// Checks are the four of Explore, and rights where the account has too few;
	// absent otherwise.
	Checks []CheckJSON `json:"checks,omitempty"`
}

// RequestJSON is the request as it was sent. Passwords and codes are redacted.
type RequestJSON struct {
	Method string `json:"method" example:"POST"`
	URL    string `json:"url" example:"http://sandbox:1281/token"`
	// Headers are pairs of name and value, in the order of the wire.
	Headers [][2]string `json:"headers" swaggertype:"array,array,string"`
	Body    string      `json:"body" example:"grant_type=password&username=administrator&password=[redacted]"`
}

// ResponseJSON is the answer as it came. Its status is the target's; 0 means
// that none came.
type ResponseJSON struct {
	Status int `json:"status" example:"200"`
	// Headers are pairs of name and value, in the order of the wire.
	Headers [][2]string `json:"headers" swaggertype:"array,array,string"`
	// Body is the text of the answer. Tokens of a real target are shortened.
	Body string `json:"body"`
}

// FailureJSON is why no answer came.
type FailureJSON struct {
	Kind   string `json:"kind" example:"refused"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
	// Certificate is what an untrusted target showed.
	Certificate *CertificateJSON `json:"certificate,omitempty"`
}

// CertificateJSON is the certificate of a target.
type CertificateJSON struct {
	Subject   string   `json:"subject"`
	Issuer    string   `json:"issuer"`
	Names     []string `json:"names"`
	NotBefore string   `json:"not_before" format:"date-time"`
	NotAfter  string   `json:"not_after" format:"date-time"`
	SHA256    string   `json:"sha256"`
	// Before is the SHA-256 of the certificate that was trusted or pinned;
	// absent unless it has changed.
	Before string `json:"before,omitempty"`
	// Key compares its public key with the one before: same is a renewal that
	// kept it. Absent unless it has changed and the old key is known.
	Key string `json:"key,omitempty" enums:"same,other"`
}

// CheckJSON is one of Explore's four checks.
type CheckJSON struct {
	Name    string `json:"name" enums:"well_formed,in_time,meant_for_this,accepted,rights"`
	Verdict string `json:"verdict" enums:"passed,failed,not_checked"`
	Text    string `json:"text"`
}

func (r *record) json() *ExchangeJSON {
	out := &ExchangeJSON{
		ID: r.N, Operation: string(r.Operation), Target: r.Target,
		Request:    RequestJSON{r.Method, r.URL, pairs(r.RequestHeaders), r.RequestBody},
		Response:   ResponseJSON{r.Status, pairs(r.ResponseHeaders), r.Body},
		DurationMS: float64(r.Took.Microseconds()) / 1000,
		Fault:      string(r.Fault), AskedFault: r.Asked,
	}
	for _, c := range r.Checks {
		out.Checks = append(out.Checks, CheckJSON{c.Name, string(c.Verdict), c.Text})
	}
	if f := r.Failure; f != nil {
		out.Failure = &FailureJSON{Kind: f.Kind, Detail: f.Text, Remedy: f.Remedy}
		if cert := r.Certificate; cert != nil {
			out.Failure.Certificate = &CertificateJSON{
				Subject: cert.Subject, Issuer: cert.Issuer, Names: append([]string{}, cert.Names...), SHA256: cert.SHA256,
				NotBefore: cert.NotBefore.Format(time.RFC3339), NotAfter: cert.NotAfter.Format(time.RFC3339),
				Before: f.Old, Key: f.Key,
			}
		}
	}
	return out
}

func pairs(p [][2]string) [][2]string {
	if p == nil {
		return [][2]string{}
	}
	return p
}
