package session

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"tokenplayground/web/wholefile"
)

const (
	kidLen = 4  // bytes of a key's id, eight hexadecimal digits in the file
	keyLen = 32 // bytes of a key, 64 hexadecimal digits in the file
)

// Labels under which keys are derived from the keyring. Each purpose has its own, so none can be had from
// another.
const (
	LabelCookie  = "pg-cookie-hmac-v1"  // HMAC over the session cookie
	LabelMask    = "pg-mask-root-v1"    // fingerprints of tokens on pages and in logs; lasting
	LabelSandbox = "pg-sandbox-root-v1" // what sandbox worlds sign with; lasting

	labelRecord = "pg-session-enc-v1"  // one key per session, from the ticket as well
	labelRoot   = "pg-lasting-root-v1" // where a keyring without a root line takes it from
)

// rootWord begins the line of the root.
const rootWord = "root"

// ExampleKey is the key that documentation shows. A keyring with it is refused.
const ExampleKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// ErrNoKeyring: there is no keyring file.
var ErrNoKeyring = errors.New("there is no keyring file")

// Keyring holds the server's root keys. The first is the active one, with which new things are sealed; the
// others still open what was sealed before a rotation. The file has one key a line, its id and the key in
// hexadecimal digits with one space between them; lines that begin with # and empty ones are skipped:
//
//	# made 2026-03-01
//	5f1c09ae 64 hexadecimal digits
//	root 64 hexadecimal digits
//
// To rotate: add the new key as the second line everywhere, make it the first everywhere, and take the old
// one out when the longest session (12 hours by default) is over.
//
// The root is for what must be the same after any rotation; see [Keyring.Lasting]. A file without it means one
// that comes from the active key. AddKey, ActivateKey and RemoveKey write that down before the active key
// changes, so replicas agree whichever of them has the older file.
type Keyring struct {
	keys []rootKey
	root []byte // nil if the file has none
}

type rootKey struct {
	id     [kidLen]byte
	secret [keyLen]byte
}

// ParseKeyring reads the text of a keyring file. Its errors name the line and what to do, never the key.
func ParseKeyring(text []byte) (*Keyring, error) {
	const make = "; write an id of 8 hexadecimal digits, a space and a key of 64 (openssl rand -hex 32 makes one)"
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return nil, errors.New("the keyring begins with a byte order mark; save it as plain UTF-8 without one")
	}
	if bytes.ContainsRune(text, '\r') {
		return nil, errors.New("the keyring has Windows line ends; save it with plain line feeds")
	}
	k := new(Keyring)
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		n := i + 1
		id, key, ok := strings.Cut(line, " ")
		if id == rootWord {
			b, err := hex.DecodeString(key)
			switch {
			case err != nil || len(b) != keyLen || bytes.Count(b, b[:1]) == keyLen:
				return nil, fmt.Errorf("the root on line %d of the keyring is not 64 random hexadecimal digits; bring the line back, or leave it out: then sandbox tokens end and the short forms of tokens change", n)
			case k.root != nil:
				return nil, fmt.Errorf("line %d of the keyring is a second root; leave the first", n)
			}
			k.root = b
			continue
		}
		if !ok {
			return nil, fmt.Errorf("line %d of the keyring is not an id and a key"+make, n)
		}
		var r rootKey
		if b, err := hex.DecodeString(id); err != nil || len(b) != kidLen {
			return nil, fmt.Errorf("the id on line %d of the keyring is not 8 hexadecimal digits"+make, n)
		} else {
			copy(r.id[:], b)
		}
		b, err := hex.DecodeString(key)
		switch {
		case err != nil:
			return nil, fmt.Errorf("the key on line %d of the keyring is not made of hexadecimal digits"+make, n)
		case len(b) != keyLen:
			return nil, fmt.Errorf("the key on line %d of the keyring has %d bytes instead of %d"+make, n, len(b), keyLen)
		case bytes.Count(b, b[:1]) == keyLen:
			return nil, fmt.Errorf("the key on line %d of the keyring is one byte over and over; make a random one with openssl rand -hex 32", n)
		case hex.EncodeToString(b) == ExampleKey:
			return nil, fmt.Errorf("the key on line %d of the keyring is the example from the documentation; make your own with openssl rand -hex 32", n)
		}
		copy(r.secret[:], b)
		for _, other := range k.keys {
			if other.id == r.id {
				return nil, fmt.Errorf("the id %x on line %d of the keyring is there already; give each key its own", r.id, n)
			}
			if other.secret == r.secret {
				return nil, fmt.Errorf("the key on line %d of the keyring is there already under the id %x; make a new one with openssl rand -hex 32", n, other.id)
			}
		}
		k.keys = append(k.keys, r)
	}
	if len(k.keys) == 0 {
		return nil, errors.New("the keyring holds no key" + make)
	}
	return k, nil
}

// GenerateKeyring makes a keyring of one key from rand, crypto/rand.Reader outside tests.
func GenerateKeyring(rand io.Reader) (*Keyring, error) {
	var r rootKey
	for _, b := range [][]byte{r.id[:], r.secret[:]} {
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, fmt.Errorf("making a key: %w", err)
		}
	}
	return &Keyring{keys: []rootKey{r}}, nil
}

// LoadKeyring reads a keyring file. One that others can read is refused. If there is none the error is
// ErrNoKeyring.
func LoadKeyring(path string) (*Keyring, error) {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w at %q; name another with --keyring", ErrNoKeyring, path)
	case err != nil:
		return nil, fmt.Errorf("looking at the keyring: %w", err)
	case !fi.Mode().IsRegular():
		return nil, fmt.Errorf("the keyring %q is not a file", path)
	case runtime.GOOS != "windows" && fi.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("the keyring %q can be read by other users (mode %04o); run: chmod 600 %q", path, fi.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the keyring: %w", err)
	}
	k, err := ParseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return k, nil
}

// LoadOrCreateKeyring reads a keyring file, and makes one of one random key (mode 0600, in a directory of
// mode 0700) if there is none; created then is true. Of two processes that do so at once one creates and
// both end with the same keyring.
func LoadOrCreateKeyring(path string, rand io.Reader) (k *Keyring, created bool, err error) {
	k, err = LoadKeyring(path)
	if !errors.Is(err, ErrNoKeyring) {
		return k, false, err
	}
	if k, err = GenerateKeyring(rand); err != nil {
		return nil, false, err
	}
	k.root = k.lastingRoot()
	if err := wholefile.Create(path, k.Encode()); errors.Is(err, fs.ErrExist) {
		k, err = LoadKeyring(path)
		return k, false, err
	} else if err != nil {
		return nil, false, fmt.Errorf("writing a new keyring: %w", err)
	}
	return k, true, nil
}

// Encode returns the text of the keyring file, keys and all.
func (k *Keyring) Encode() []byte {
	var b bytes.Buffer
	for _, r := range k.keys {
		fmt.Fprintf(&b, "%x %x\n", r.id, r.secret)
	}
	if k.root != nil {
		fmt.Fprintf(&b, "%s %x\n", rootWord, k.root)
	}
	return b.Bytes()
}

// Derive returns the 32-byte key of the active root key for a label. What must outlive a rotation is
// checked against DeriveAll.
func (k *Keyring) Derive(label string) []byte { return k.keys[0].derive(label) }

// DeriveAll returns the 32-byte keys of all root keys for a label, the active one first.
func (k *Keyring) DeriveAll(label string) [][]byte {
	all := make([][]byte, len(k.keys))
	for i := range k.keys {
		all[i] = k.keys[i].derive(label)
	}
	return all
}

// Lasting returns the 32-byte key for a label that no rotation changes: what it signs or names is still known
// when every key of today has been removed.
func (k *Keyring) Lasting(label string) []byte { return derive(k.lastingRoot(), label) }

func (k *Keyring) lastingRoot() []byte {
	if k.root != nil {
		return k.root
	}
	return k.Derive(labelRoot)
}

func (r *rootKey) derive(label string) []byte { return derive(r.secret[:], label) }

func (k *Keyring) find(id [kidLen]byte) *rootKey {
	for i := range k.keys {
		if k.keys[i].id == id {
			return &k.keys[i]
		}
	}
	return nil
}

// derive is HKDF-SHA-256 without salt, 32 bytes long.
func derive(secret []byte, label string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, label, 32)
	if err != nil {
		panic("session: " + err.Error()) // only for lengths that SHA-256 cannot give
	}
	return key
}

// String tells how many keys there are and the id of the active one.
func (k Keyring) String() string {
	if len(k.keys) == 0 {
		return "empty keyring"
	}
	return fmt.Sprintf("keyring of %d, active %x", len(k.keys), k.keys[0].id)
}

// Format keeps the keys out of whatever prints a keyring.
func (k Keyring) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue keeps the keys out of logs.
func (k Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }
