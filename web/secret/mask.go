package secret

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

const (
	// shownMost is how many characters of a token a mask may show. Every JWT begins with the same three.
	shownMost = 6

	// shownShare bounds that for short tokens: no more than one character in four.
	shownShare = 4

	// printBytes of the keyed hash are shown: one in 16 million tells two tokens of one person apart, and
	// says nothing about either to somebody without the key.
	printBytes = 3
)

// Masker shows tokens as a short beginning and a fingerprint, such as "eyJ…·a1b2c3". The fingerprint is a
// keyed hash, so nobody without the key can test whether a token that they guess or hold is the one shown.
// Make one with [NewMasker].
type Masker struct {
	key []byte
}

// NewMasker makes a masker whose fingerprints come from root, at least 16 random bytes. The hash key is
// derived from it under a label of its own, so root may be the root of other things too.
func NewMasker(root []byte) *Masker {
	key, err := hkdf.Key(sha256.New, root, nil, "pg-mask-v1", 32)
	if err != nil {
		panic("secret: " + err.Error()) // only for lengths that SHA-256 cannot give
	}
	return &Masker{key}
}

// Mask returns what may be shown of a token: "eyJ…·" and six hexadecimal digits for a JWT, up to six
// characters of its own instead of "eyJ" for an opaque one, and "" for "".
func (m *Masker) Mask(token string) string {
	if token == "" {
		return ""
	}
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(token))
	return beginning(token) + "…·" + hex.EncodeToString(h.Sum(nil)[:printBytes])
}

// Format keeps the key out of whatever prints a masker.
func (*Masker) Format(f fmt.State, _ rune) { io.WriteString(f, "secret.Masker") }

func beginning(token string) string {
	if strings.HasPrefix(token, "eyJ") {
		return "eyJ"
	}
	n := 0
	for n < min(shownMost, len(token)/shownShare) && readable(token[n]) {
		n++
	}
	return token[:n]
}

func readable(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_'
}
