package target

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzDescribe: a certificate is foreign text. What is told of it is short,
// can be seen, and is kept and read again as it was.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte{}, "srv.lab", 1)
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x01}, "a\x00b\u202ec\x1b[31m\"\\\xff", 60)
	f.Add(issue(f, nil, nil).Certificate[0], "<script>", 1000)
	f.Fuzz(func(t *testing.T, der []byte, name string, names int) {
		made := &x509.Certificate{Raw: der, Subject: pkix.Name{CommonName: name, Organization: []string{name, name}}, NotAfter: time.Unix(1e9, 0)}
		made.Issuer = made.Subject
		for range min(max(names, 0), 1000) {
			made.DNSNames = append(made.DNSNames, name)
		}
		all := []*x509.Certificate{made}
		if parsed, err := x509.ParseCertificate(der); err == nil {
			all = append(all, parsed)
		}
		for _, c := range all {
			got := describe(c)
			if n := len(c.DNSNames) + len(c.IPAddresses); len(got.Names) > maxNames || len(got.Names)+got.MoreNames != n {
				t.Errorf("got %d names and %d more of %d", len(got.Names), got.MoreNames, n)
			}
			if len(got.SHA256) != 64 || len(got.SHA1) != 40 || len(got.KeyPin) != len("sha256//")+44 {
				t.Errorf("got the fingerprints %q, %q, %q", got.SHA256, got.SHA1, got.KeyPin)
			}
			for _, text := range append([]string{got.Subject, got.Issuer}, got.Names...) {
				// An escape of a byte or a sign is at most ten bytes long.
				if len(text) > 10*260 || !utf8.ValidString(text) {
					t.Errorf("got %d bytes: %q", len(text), text)
				}
				for _, r := range text {
					if !strconv.IsGraphic(r) {
						t.Errorf("got %q in %q", r, text)
					}
				}
			}
			data, err := json.Marshal(got)
			var again Certificate
			if err != nil || json.Unmarshal(data, &again) != nil {
				t.Fatalf("%s cannot be kept: %v", data, err)
			}
			if diff := cmp.Diff(*got, again, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		}
	})
}
