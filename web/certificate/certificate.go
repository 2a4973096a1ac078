// Package certificate makes certificates for TLS servers on this machine.
package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"regexp"
	"strings"
	"time"
)

// hostName is a name that a certificate can carry and that clients look for
// (RFC 1123, 2.1, and the underscore that Windows lets into it).
var hostName = regexp.MustCompile(`^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$`)

// HostNames returns what this machine calls itself: localhost, the loopback
// addresses, and its name, if it has one.
func HostNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	host, _ := os.Hostname() // a machine that does not tell has none
	if host = strings.ToLower(host); hostName.MatchString(host) && host != "localhost" {
		names = append(names, host)
	}
	return names
}

// Addresses returns those under which others reach this machine: of all its
// interfaces, except what is good for one link only (fe80::/10, 169.254/16).
func Addresses() []string {
	var out []string
	all, _ := net.InterfaceAddrs() // a machine that tells none is reached by its name
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() && !n.IP.IsLoopback() {
			out = append(out, n.IP.String())
		}
	}
	return out
}

// Key returns a new key and a serial number for the certificate that will carry
// it: 120 random bits, within the 20 octets of RFC 5280, 4.1.2.2.
func Key() (*ecdsa.PrivateKey, *big.Int, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return key, serial, err
}

// Server is what a certificate says of a TLS server.
type Server struct {
	Subject string // its common name, for people
	// Names are those it is good for: host names, also with a wildcard for the
	// first label, and addresses.
	Names    []string
	From, To time.Time
}

// Sign makes a key and a certificate for it. The issuer's key signs; without an
// issuer the certificate vouches for itself.
func (s Server) Sign(issuer *x509.Certificate, issuerKey crypto.Signer) (tls.Certificate, error) {
	key, serial, err := Key()
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: s.Subject}, NotBefore: s.From, NotAfter: s.To,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, n := range s.Names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	if issuer == nil {
		issuer, issuerKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
