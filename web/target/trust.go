package target

import (
	"crypto/sha1" //nolint:gosec // shown for comparison only: the product's consoles print it
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Trust says who may vouch for a certificate besides roots, CA and pin.
type Trust int

const (
	// TrustVisitors lets a visitor trust one leaf for one target, as ssh does.
	TrustVisitors Trust = iota
	// TrustOperator takes the operator's roots, CAs and pins only.
	TrustOperator
)

// Leaf is the one certificate that a visitor trusts for a target. The zero
// value is none.
type Leaf struct {
	// SHA256 is the hex SHA-256 of the whole certificate. It alone decides.
	SHA256 string
	// KeyPin is its public key as [Certificate.KeyPin] has it, or empty where
	// it is not known. It only tells a renewal from another key.
	KeyPin string
}

// Reason says why a certificate is not trusted. The strings are stable.
type Reason string

// The reasons.
const (
	SelfSigned       Reason = "self-signed"
	UnknownAuthority Reason = "unknown-authority"
	WrongName        Reason = "wrong-name"
	Expired          Reason = "expired"
	NotYetValid      Reason = "not-yet-valid"
	Invalid          Reason = "invalid"
)

func (r Reason) sentence(host string) string {
	switch r {
	case SelfSigned:
		return "is signed by itself and nobody here knows it"
	case UnknownAuthority:
		return "is signed by an authority that is not known here"
	case WrongName:
		return "is made out to another name than " + strconv.Quote(host)
	case Expired:
		return "has expired"
	case NotYetValid:
		return "is not valid yet"
	}
	return "does not follow the rules for server certificates"
}

// Certificate is the leaf that a target showed, for a person to compare. Text
// from the certificate is foreign: it is shortened, and what cannot be seen
// is escaped.
type Certificate struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// Names are its DNS names, then its addresses; at most 50.
	Names     []string  `json:"names,omitempty"`
	MoreNames int       `json:"more_names,omitempty"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// SHA256 and SHA1 are fingerprints of the whole certificate in lower-case
	// hex. Trust names the first; the second is what Windows consoles show.
	SHA256 string `json:"sha256"`
	SHA1   string `json:"sha1"`
	// KeyPin is the public key as curl's --pinnedpubkey takes it:
	// "sha256//" and base64. It stays when a certificate is renewed with
	// the same key.
	KeyPin     string `json:"key_pin"`
	SelfSigned bool   `json:"self_signed"`
	// Trusted says by what it passed: "roots", "ca", "pin", "visitor", or ""
	// where it did not.
	Trusted string `json:"trusted,omitempty"`
	// DER is the certificate itself, to save as a file.
	DER []byte `json:"der,omitempty"`
}

const maxNames = 50

func describe(c *x509.Certificate) *Certificate {
	sum256, sum1, key := sha256.Sum256(c.Raw), sha1.Sum(c.Raw), sha256.Sum256(c.RawSubjectPublicKeyInfo) //nolint:gosec // see import
	out := &Certificate{
		Subject: visible(c.Subject.String()), Issuer: visible(c.Issuer.String()),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		SHA256: hex.EncodeToString(sum256[:]), SHA1: hex.EncodeToString(sum1[:]),
		KeyPin:     "sha256//" + base64.StdEncoding.EncodeToString(key[:]),
		SelfSigned: selfSigned(c), DER: c.Raw,
	}
	for _, n := range c.DNSNames {
		out.Names = append(out.Names, visible(n))
	}
	for _, ip := range c.IPAddresses {
		out.Names = append(out.Names, ip.String())
	}
	if len(out.Names) > maxNames {
		out.MoreNames = len(out.Names) - maxNames
		out.Names = out.Names[:maxNames]
	}
	return out
}

// selfSigned goes by the signature, not by the names, which anybody can copy.
func selfSigned(c *x509.Certificate) bool {
	return string(c.RawSubject) == string(c.RawIssuer) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// visible shortens foreign text and escapes what has no shape.
func visible(s string) string {
	q := strconv.QuoteToGraphic(clip(s, 256))
	return strings.ReplaceAll(strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`), `\\`, `\`)
}

// tlsConfig makes a config whose VerifyConnection is the whole verification:
// it runs before any byte of the request, sees the leaf even when it is
// refused, and nothing else decides.
func (c *Client) tlsConfig(t Target, trusted Leaf, seen **Certificate) *tls.Config {
	return &tls.Config{
		ServerName: t.Host,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		Time:       c.now,
		// Not a way around verification: crypto/tls would stop before the
		// person could see which certificate it was. VerifyConnection decides.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection: func(state tls.ConnectionState) error {
			leaf := state.PeerCertificates[0]
			*seen = describe(leaf)
			by, err := c.verify(t, trusted, state.PeerCertificates, *seen)
			(*seen).Trusted = by
			return err
		},
	}
}

// verify accepts a chain and says by what. A pin is exact: where there is one,
// no root can replace it. A visitor's trust counts only where the roots say
// no.
func (c *Client) verify(t Target, trusted Leaf, chain []*x509.Certificate, seen *Certificate) (string, error) {
	if t.Pin != "" {
		if seen.SHA256 == t.Pin {
			c.pinnedKeys.Store(t.Pin, seen.KeyPin)
			return "pin", nil
		}
		old, _ := c.pinnedKeys.Load(t.Pin)
		oldKey, _ := old.(string)
		return "", &Changed{Old: t.Pin, New: seen.SHA256, Key: compareKeys(oldKey, seen.KeyPin), Pinned: true, Certificate: seen}
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: t.CA, Intermediates: between, DNSName: t.Host, CurrentTime: c.now(),
	})
	if err == nil {
		if t.CA != nil {
			return "ca", nil
		}
		return "roots", nil
	}
	if trusted.SHA256 != "" && c.Trust == TrustVisitors {
		if strings.EqualFold(seen.SHA256, trusted.SHA256) {
			return "visitor", nil
		}
		return "", &Changed{Old: strings.ToLower(trusted.SHA256), New: seen.SHA256, Key: compareKeys(trusted.KeyPin, seen.KeyPin), Certificate: seen}
	}
	return "", &Untrusted{Reason: reason(err, chain[0], c.now()), Certificate: seen, MayTrust: c.Trust == TrustVisitors}
}

// compareKeys works before the server has proved that it holds the new key.
// That is safe to say: only who holds the old key finishes a handshake with a
// certificate for it, whoever signed that.
func compareKeys(old, new string) KeyChange {
	switch old {
	case "":
		return KeyUnknown
	case new:
		return KeySame
	}
	return KeyOther
}

func reason(err error, leaf *x509.Certificate, now time.Time) Reason {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		noRoots x509.SystemRootsError
	)
	switch {
	case errors.As(err, &invalid):
		switch {
		case invalid.Reason != x509.Expired:
			return Invalid
		case now.Before(leaf.NotBefore):
			return NotYetValid
		}
		return Expired
	case errors.As(err, &name):
		return WrongName
	case errors.As(err, &unknown), errors.As(err, &noRoots):
		if selfSigned(leaf) {
			return SelfSigned
		}
		return UnknownAuthority
	}
	return Invalid
}
