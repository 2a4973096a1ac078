package certificate

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"testing"
	"time"
)

func TestSign(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key, serial, err := Key()
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "a CA"}, NotBefore: now, NotAfter: now.Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	server := Server{Subject: "a server", Names: []string{"backup.test", "*.lab.test", "10.0.0.5", "::1"}, From: now, To: now.Add(24 * time.Hour)}
	byItself, err := server.Sign(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	byCA, err := server.Sign(ca, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ leaf, root *x509.Certificate }{"by itself": {byItself.Leaf, byItself.Leaf}, "by a CA": {byCA.Leaf, ca}} {
		t.Run(name, func(t *testing.T) {
			roots := x509.NewCertPool()
			roots.AddCert(c.root)
			verify := func(host string, at time.Time) error {
				_, err := c.leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: at})
				return err
			}
			for _, host := range []string{"backup.test", "one.lab.test", "10.0.0.5", "::1"} {
				if err := verify(host, now.Add(time.Hour)); err != nil {
					t.Errorf("%s: %v", host, err)
				}
			}
			for _, host := range []string{"other.test", "10.0.0.6", "lab.test"} {
				if verify(host, now.Add(time.Hour)) == nil {
					t.Errorf("it is good for %s as well", host)
				}
			}
			if verify("backup.test", now.Add(25*time.Hour)) == nil {
				t.Error("it is good after its end")
			}
			if c.leaf.IsCA {
				t.Error("a server may sign for others")
			}
		})
	}
	if byItself.Leaf.SerialNumber.Cmp(byCA.Leaf.SerialNumber) == 0 {
		t.Error("two certificates have one serial number")
	}
	if serial.BitLen() > 8*20-1 {
		t.Errorf("a serial number of %d bits", serial.BitLen())
	}
}

// A certificate can carry every name that this machine has, once.
func TestNamesOfThisMachine(t *testing.T) {
	names := append(HostNames(), Addresses()...)
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			t.Errorf("%s is there twice", n)
		}
	}
	cert, err := Server{Names: names, To: time.Now().Add(time.Hour)}.Sign(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := cert.Leaf.VerifyHostname(n); err != nil {
			t.Error(err)
		}
	}
	if !slices.Contains(names, "localhost") || !slices.Contains(names, "127.0.0.1") {
		t.Errorf("loopback is not among %v", names)
	}
}
