package web

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"tokenplayground/web/certificate"
	"tokenplayground/web/wholefile"
)

// certificateLife is longer than any course and shorter than what browsers
// refuse.
const certificateLife = 180 * 24 * time.Hour

// speakTLS puts TLS on the listener, with a certificate that the program makes
// itself and keeps beside the store, so that a class that trusted it once is
// not asked again.
func (s *Server) speakTLS() error {
	var path string
	if file, ok := strings.CutPrefix(s.cfg.Store, "bolt:"); ok {
		path = filepath.Join(filepath.Dir(file), "tls.pem")
	}
	names := append(certificate.HostNames(), certificate.Addresses()...)
	if s.cfg.public != nil {
		names = append(names, s.cfg.public.Hostname())
	}
	cert, err := keptCertificate(path, names, s.cfg.Now())
	if err != nil {
		return err
	}
	sum := sha256.Sum256(cert.Leaf.Raw)
	s.log.Info("certificate", "sha256", hex.EncodeToString(sum[:]), "names", strings.Join(names, ", "))
	s.fingerprint = hex.EncodeToString(sum[:])
	s.ln = tls.NewListener(s.ln, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	return nil
}

// keptCertificate loads the certificate at path, or makes a new one if there
// is none, it has run out, or this machine has a new name. An empty path keeps
// nothing.
func keptCertificate(path string, names []string, now time.Time) (tls.Certificate, error) {
	if path != "" {
		cert, err := tls.LoadX509KeyPair(path, path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return cert, fmt.Errorf("the certificate in %s cannot be read (%w); remove the file to have a new one made", path, err)
		case fits(cert.Leaf, names, now):
			return cert, nil
		}
	}
	text, err := newCertificate(names, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	if path != "" {
		if err := wholefile.Replace(path, text, 0o600); err != nil {
			return tls.Certificate{}, fmt.Errorf("the certificate cannot be kept: %w", err)
		}
	}
	return tls.X509KeyPair(text, text)
}

func fits(leaf *x509.Certificate, names []string, now time.Time) bool {
	if leaf == nil || now.Before(leaf.NotBefore) || now.Add(24*time.Hour).After(leaf.NotAfter) {
		return false
	}
	for _, n := range names {
		if leaf.VerifyHostname(n) != nil {
			return false
		}
	}
	return true
}

// newCertificate returns a certificate that vouches for itself, and its key, as
// PEM.
func newCertificate(names []string, now time.Time) ([]byte, error) {
	cert, err := certificate.Server{
		Subject: "Token Playground", Names: names, From: now.Add(-time.Hour), To: now.Add(certificateLife),
	}.Sign(nil, nil)
	if err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Leaf.Raw})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}
