package session

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func newKeyring(t testing.TB) *Keyring {
	t.Helper()
	k, err := GenerateKeyring(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// together makes one keyring of several, the active key first.
func together(all ...*Keyring) *Keyring {
	k := new(Keyring)
	for _, one := range all {
		k.keys = append(k.keys, one.keys...)
	}
	return k
}

func TestParseKeyring(t *testing.T) {
	good := strings.Repeat("5a", 31) + "5b"
	other := strings.Repeat("a5", 31) + "a6"
	cases := []struct{ name, text, want string }{
		{"an empty file is refused", "", "holds no key"},
		{"comments alone are refused", "# nothing\n\n", "holds no key"},
		{"a line of one word is refused", "5f1c09ae\n", "line 1"},
		{"a short id is refused", "5f1c " + good, "8 hexadecimal digits"},
		{"an id that is no hexadecimal is refused", "5f1c09ag " + good, "8 hexadecimal digits"},
		{"a short key is refused", "5f1c09ae 5a5a5a", "has 3 bytes instead of 32"},
		{"a long key is refused", "5f1c09ae " + good + "00", "has 33 bytes instead of 32"},
		{"a pass phrase is refused", "5f1c09ae correct-horse-battery-staple-1234", "not made of hexadecimal digits"},
		{"zeroes are refused", "5f1c09ae " + strings.Repeat("00", 32), "over and over"},
		{"one byte over and over is refused", "5f1c09ae " + strings.Repeat("ff", 32), "over and over"},
		{"the example is refused", "5f1c09ae " + ExampleKey, "example"},
		{"the example in capitals is refused", "5f1c09ae " + strings.ToUpper(ExampleKey), "example"},
		{"an id twice is refused", "5f1c09ae " + good + "\n5f1c09ae " + other, "is there already"},
		{"a key twice is refused", "5f1c09ae " + good + "\n5f1c09af " + good, "is there already"},
		{"Windows line ends are refused", "5f1c09ae " + good + "\r\n", "Windows line ends"},
		{"a byte order mark is refused", "\xef\xbb\xbf5f1c09ae " + good, "byte order mark"},
		{"a third word is refused", "5f1c09ae " + good + " x", "hexadecimal digits"},
		{"a root alone is refused", "root " + good, "holds no key"},
		{"a short root is refused", "5f1c09ae " + good + "\nroot 5a5a", "the root on line 2"},
		{"a root that is no hexadecimal is refused", "5f1c09ae " + good + "\nroot correct-horse", "the root on line 2"},
		{"a root of one byte over and over is refused", "5f1c09ae " + good + "\nroot " + strings.Repeat("00", 32), "the root on line 2"},
		{"a root twice is refused", "root " + good + "\n5f1c09ae " + good + "\nroot " + other, "line 3 of the keyring is a second root"},
		{"a root is taken", "root " + other + "\n5f1c09ae " + good, ""},
		{"one key is taken", "5f1c09ae " + good, ""},
		{"two keys and comments are taken", "# made today\n5f1c09ae " + good + "\n\n5f1c09af " + other + "\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k, err := ParseKeyring([]byte(c.text))
			if c.want == "" {
				if err != nil {
					t.Fatalf("got %v", err)
				}
				if got := fmt.Sprintf("%x", k.keys[0].id); got != "5f1c09ae" {
					t.Errorf("the active key is %s, want the first", got)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q in it", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "horse") {
				t.Errorf("not one sentence, or it shows the key: %q", err)
			}
		})
	}
}

func FuzzParseKeyring(f *testing.F) {
	f.Add([]byte("5f1c09ae " + strings.Repeat("5a", 31) + "5b\n# c\n"))
	f.Add([]byte("root " + strings.Repeat("5a", 31) + "5c\n5f1c09ae " + strings.Repeat("5a", 31) + "5b"))
	f.Add([]byte("\xef\xbb\xbf\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParseKeyring(text)
		if err != nil {
			return
		}
		again, err := ParseKeyring(k.Encode())
		if err != nil || !bytes.Equal(again.Encode(), k.Encode()) {
			t.Errorf("what was taken does not come back: %v", err)
		}
	})
}

func TestKeyringFile(t *testing.T) {
	t.Run("the first start makes one for the owner alone and the second finds it", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a", "keyring")
		k, created, err := LoadOrCreateKeyring(path, rand.Reader)
		if err != nil || !created {
			t.Fatalf("created %v, %v", created, err)
		}
		fi, err := os.Stat(path)
		if err != nil || fi.Mode() != 0o600 {
			t.Errorf("mode %v, %v; want 0600", fi.Mode(), err)
		}
		again, created, err := LoadOrCreateKeyring(path, rand.Reader)
		if err != nil || created || !bytes.Equal(again.Encode(), k.Encode()) {
			t.Errorf("second start: created %v, %v", created, err)
		}
		if left, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(left) != 1 {
			t.Errorf("files left: %q", left)
		}
	})
	t.Run("two first starts at once end with one keyring", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyring")
		var wg sync.WaitGroup
		var all [8][]byte
		for i := range all {
			wg.Go(func() {
				k, _, err := LoadOrCreateKeyring(path, rand.Reader)
				if err != nil {
					t.Error(err)
					return
				}
				all[i] = k.Encode()
			})
		}
		wg.Wait()
		for i := range all {
			if !bytes.Equal(all[i], all[0]) {
				t.Fatal("they have different keyrings")
			}
		}
	})
	t.Run("one that others can read is refused with the remedy", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyring")
		if err := os.WriteFile(path, newKeyring(t).Encode(), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadOrCreateKeyring(path, rand.Reader); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("got %v, want chmod 600 in it", err)
		}
	})
	t.Run("a spoilt one is refused and kept", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyring")
		if err := os.WriteFile(path, []byte("spoilt"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadOrCreateKeyring(path, rand.Reader); err == nil {
			t.Error("it was taken")
		}
		if b, _ := os.ReadFile(path); string(b) != "spoilt" {
			t.Errorf("it is now %q", b)
		}
	})
	t.Run("a missing one is told apart", func(t *testing.T) {
		if _, err := LoadKeyring(filepath.Join(t.TempDir(), "keyring")); !errors.Is(err, ErrNoKeyring) {
			t.Errorf("got %v, want ErrNoKeyring", err)
		}
	})
}

func TestDerivedKeysAreApart(t *testing.T) {
	a, b := newKeyring(t), newKeyring(t)
	both := together(a, b)
	seen := map[string]string{}
	for _, label := range []string{LabelCookie, LabelMask, LabelSandbox, labelRecord} {
		for i, key := range both.DeriveAll(label) {
			what := fmt.Sprintf("%s of key %d", label, i)
			if len(key) != 32 {
				t.Errorf("%s has %d bytes", what, len(key))
			}
			if other, ok := seen[string(key)]; ok {
				t.Errorf("%s equals %s", what, other)
			}
			seen[string(key)] = what
		}
		if !bytes.Equal(both.Derive(label), a.Derive(label)) {
			t.Errorf("%s does not come from the active key", label)
		}
	}
}

func TestNothingPrintsKeysOrTickets(t *testing.T) {
	k := newKeyring(t)
	m := manager(t, Config{Keyring: k})
	s, err := m.begin()
	if err != nil {
		t.Fatal(err)
	}
	s.State.SetSlot(&Slot{Product: "p", Username: "canary-user", Access: "canary-token"})
	secrets := []string{fmt.Sprintf("%x", k.keys[0].secret), fmt.Sprintf("%x", s.sealer.ticket), fmt.Sprint(s.sealer.ticket), fmt.Sprint(k.keys[0].secret), "canary", "63616e617279"}
	var out bytes.Buffer
	for _, v := range []any{k, *k, s, *s, s.State, *s.State, s.State.Slots, s.State.Slot("p", "")} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
	}
	if b, err := json.Marshal(k); err == nil {
		out.Write(b)
	}
	for _, secret := range secrets {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%.12s… is printed:\n%s", secret, out.String())
		}
	}
}
