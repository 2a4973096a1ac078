package standalone

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestCertificateIsGoodForItsNames(t *testing.T) {
	s := start(t, Config{Products: []string{"vbr"}, Names: []string{"backup.test", "*.lab.test", "198.51.100.7"}})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA())
	for name, good := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "backup.test": true, "a.lab.test": true, "198.51.100.7": true,
		"other.test": false, "a.b.lab.test": false, "198.51.100.8": false,
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL("vbr"), "https://"), &tls.Config{RootCAs: pool, ServerName: name})
			if err == nil {
				conn.Close()
			}
			if (err == nil) != good {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAuthorityIsConstrained(t *testing.T) {
	a, err := newAuthority([]string{"localhost", "backup.test"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, good := range map[string]bool{
		"localhost": true, "backup.test": true, "127.0.0.9": true, "192.168.1.2": true, "fd00::1": true,
		"www.example.com": false, "8.8.8.8": false, "2001:db8::1": false,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := a.issue([]string{name}, noon); (err == nil) != good {
				t.Errorf("got %v", err)
			}
		})
	}
	if cert, err := a.issue([]string{"localhost"}, noon); err != nil || cert.Leaf.IsCA {
		t.Errorf("the certificate is a CA's, or %v", err)
	}
}

func TestAuthorityInFiles(t *testing.T) {
	names := []string{"localhost", "127.0.0.1"}
	files := func(t *testing.T) (cert, key string) {
		dir := filepath.Join(t.TempDir(), "deeper")
		return filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	}
	mustOpen := func(t *testing.T, cert, key string, now time.Time) *authority {
		t.Helper()
		a, err := openAuthority(cert, key, names, now)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(cert)
		if err != nil || !bytes.Equal(text, a.pem()) {
			t.Errorf("the file does not hold the certificate: %v", err)
		}
		return a
	}

	t.Run("without a key file each start makes a new one", func(t *testing.T) {
		cert, _ := files(t)
		if one, two := mustOpen(t, cert, "", noon), mustOpen(t, cert, "", noon); one.cert.Equal(two.cert) {
			t.Error("both are the same")
		}
		entries, err := os.ReadDir(filepath.Dir(cert))
		if err != nil || len(entries) != 1 {
			t.Errorf("the folder has %v, %v; want the certificate alone", entries, err)
		}
		info, err := os.Stat(cert)
		if err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("other users cannot read the certificate: %v, %v", info, err)
		}
	})

	t.Run("with a key file it stays", func(t *testing.T) {
		cert, key := files(t)
		if one, two := mustOpen(t, cert, key, noon), mustOpen(t, cert, key, noon.Add(24*time.Hour)); !one.cert.Equal(two.cert) {
			t.Error("the second start made another")
		}
		info, err := os.Stat(key)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("other users can read the key: %v, %v", info, err)
		}
	})

	t.Run("a kept one is made anew before it ends", func(t *testing.T) {
		cert, key := files(t)
		if one, two := mustOpen(t, cert, key, noon), mustOpen(t, cert, key, noon.Add(authorityLife)); one.cert.Equal(two.cert) {
			t.Error("the old one is used on its last day")
		}
	})

	for name, tt := range map[string]struct {
		damage func(t *testing.T, cert, key string)
		names  []string
		key    bool
		want   string
	}{
		"a file that is not ours is left alone": {func(t *testing.T, cert, _ string) { writeText(t, cert, "my notes") }, names, false, "left alone"},
		"a certificate that is not ours too": {func(t *testing.T, cert, _ string) {
			text, _ := otherPEM(t)
			writeText(t, cert, text)
		}, names, false, "left alone"},
		"a key that does not fit":          {func(t *testing.T, _, key string) { _, k := otherPEM(t); writeText(t, key, k) }, names, true, "remove both"},
		"a key without its certificate":    {func(t *testing.T, cert, _ string) { os.Remove(cert) }, names, true, "remove both"},
		"a name that it does not cover":    {func(*testing.T, string, string) {}, []string{"elsewhere.test"}, true, "leave the name out"},
		"a certificate that is no CA's":    {func(t *testing.T, cert, key string) { c, k := otherPEM(t); writeText(t, cert, c); writeText(t, key, k) }, names, true, "none of a CA"},
		"a folder where the file would be": {func(t *testing.T, cert, _ string) { os.Remove(cert); os.Mkdir(cert, 0o700) }, names, false, "--ca"},
	} {
		t.Run(name, func(t *testing.T) {
			cert, key := files(t)
			mustOpen(t, cert, key, noon)
			tt.damage(t, cert, key)
			before, _ := os.ReadFile(cert)
			if !tt.key {
				key = ""
			}
			_, err := openAuthority(cert, key, tt.names, noon)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
			if after, _ := os.ReadFile(cert); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// otherPEM is a server's certificate and key, as somebody else would have them.
func otherPEM(t *testing.T) (cert, key string) {
	t.Helper()
	a, err := newAuthority([]string{"localhost"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.issue([]string{"localhost"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", leaf.Certificate[0]), block("PRIVATE KEY", der)
}

func TestTakenPorts(t *testing.T) {
	hold := func(t *testing.T) int {
		t.Helper()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		return ln.Addr().(*net.TCPAddr).Port
	}
	one, two, three := hold(t), hold(t), hold(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	_, err := Open(t.Context(), Config{
		Products: []string{"vbr", "vac", "vro"}, Ports: map[string]int{"vbr": one, "vac": two, "vro": 0},
		Control: net.JoinHostPort("127.0.0.1", strconv.Itoa(three)), CA: ca,
	})
	if err == nil {
		t.Fatal("three ports are taken, and nothing is said")
	}
	for _, want := range []string{"vbr: ", "vac: ", "--ports vbr=", "--ports vac=", "--control", ":" + strconv.Itoa(one), ":" + strconv.Itoa(two), ":" + strconv.Itoa(three)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "vro") {
		t.Errorf("a free port is complained of: %v", err)
	}
	if _, err := os.Stat(ca); err == nil {
		t.Error("the certificate of a sandbox that may be running was replaced")
	}
}
