package standalone

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"tokenplayground/web/certificate"
	"tokenplayground/web/wholefile"
)

const (
	// authorityLife and certificateLife are within what Apple's systems accept
	// of a certificate: 825 days, even from an authority that its user added.
	authorityLife   = 825 * 24 * time.Hour
	certificateLife = 397 * 24 * time.Hour
	// renewBefore is how much of a kept authority's life must be left.
	renewBefore = 30 * 24 * time.Hour
	// authorityName tells our own file from one that must not be overwritten.
	authorityName = "Token Playground sandbox CA"
)

// authority is a CA that signs the sandbox's certificate and nothing else: it
// is constrained to this machine's names and to private addresses.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// near are the addresses for which any authority may sign (RFC 1918, 6598,
// 4193, and loopback).
var near = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("fc00::/7"),
}

func newAuthority(names []string, now time.Time) (*authority, error) {
	key, serial, err := certificate.Key()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: authorityName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
	}
	for _, n := range near {
		template.PermittedIPRanges = append(template.PermittedIPRanges, ipNet(n))
	}
	for _, n := range names {
		if addr, err := netip.ParseAddr(n); err == nil {
			template.PermittedIPRanges = append(template.PermittedIPRanges, ipNet(netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())))
		} else {
			template.PermittedDNSDomains = append(template.PermittedDNSDomains, strings.TrimPrefix(n, "*."))
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// issue signs a new certificate for a server of these names.
func (a *authority) issue(names []string, now time.Time) (tls.Certificate, error) {
	server := certificate.Server{Subject: "Token Playground sandbox", Names: names, From: now.Add(-time.Hour), To: now.Add(certificateLife)}
	if server.To.After(a.cert.NotAfter) {
		server.To = a.cert.NotAfter
	}
	cert, err := server.Sign(a.cert, a.key)
	if err != nil {
		return cert, err
	}
	// An operator's own authority may be constrained otherwise.
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	if _, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now}); err != nil {
		return tls.Certificate{}, fmt.Errorf("the CA certificate does not cover the sandbox's names %s: %w", strings.Join(names, ", "), err)
	}
	return cert, nil
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// openAuthority makes an authority and writes its certificate to certPath. With
// keyPath it keeps the key there, and reads both the next time; without, the
// key is never on disk. Empty certPath writes nothing.
func openAuthority(certPath, keyPath string, names []string, now time.Time) (*authority, error) {
	if keyPath != "" {
		a, err := readAuthority(certPath, keyPath, names, now)
		if a != nil || err != nil {
			return a, err
		}
	}
	if err := mayReplace(certPath); err != nil {
		return nil, err
	}
	a, err := newAuthority(names, now)
	if err != nil {
		return nil, err
	}
	if certPath == "" {
		return a, nil
	}
	if keyPath != "" {
		der, err := x509.MarshalPKCS8PrivateKey(a.key)
		if err != nil {
			return nil, err
		}
		if err := wholefile.Replace(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			return nil, fmt.Errorf("the key of the CA cannot be kept: %w; name another file with --ca-key", err)
		}
	}
	if err := wholefile.Replace(certPath, a.pem(), 0o644); err != nil {
		return nil, fmt.Errorf("the CA certificate cannot be written: %w; name another file with --ca", err)
	}
	return a, nil
}

// readAuthority returns nil if there is none yet, or if it ends soon.
func readAuthority(certPath, keyPath string, names []string, now time.Time) (*authority, error) {
	if _, err := os.Stat(keyPath); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(certPath, keyPath)
	if err != nil {
		return nil, fmt.Errorf("the CA in %s and its key in %s cannot be read together (%w); remove both files to have a new one made", certPath, keyPath, err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("the certificate in %s is none of a CA; name one with --ca, or a file that does not exist yet to have one made", certPath)
	}
	if now.Before(pair.Leaf.NotBefore) || now.Add(renewBefore).After(pair.Leaf.NotAfter) {
		return nil, nil
	}
	a := &authority{pair.Leaf, key}
	if _, err := a.issue(names, now); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it and %s to have a new one made, or leave the name out", certPath, err, keyPath)
	}
	return a, nil
}

// mayReplace refuses to write over a file that the sandbox did not make.
func mayReplace(path string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the file of the CA certificate cannot be read: %w; name another with --ca", err)
	}
	if block, _ := pem.Decode(text); block != nil {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && cert.Subject.CommonName == authorityName {
			return nil
		}
	}
	return fmt.Errorf("%s exists and is no CA certificate of a sandbox, so it is left alone; name another file with --ca, or give its key with --ca-key", path)
}
