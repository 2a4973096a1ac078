package sandbox

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"
)

// FuzzOpenKey: what a store holds in the place of the key is our key or none.
func FuzzOpenKey(f *testing.F) {
	const name = "sandbox/key/1"
	made, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		f.Fatal(err)
	}
	// Of each process its own, so that nothing in a corpus was sealed by it.
	root := make([]byte, 32)
	rand.Read(root)
	seal, err := gcm(root)
	if err != nil {
		f.Fatal(err)
	}
	sealed := func(der []byte) []byte {
		nonce := make([]byte, seal.NonceSize())
		rand.Read(nonce)
		return seal.Seal(nonce, nonce, der, []byte(name))
	}
	good := sealed(x509.MarshalPKCS1PrivateKey(made))
	f.Add([]byte{}, uint16(0))
	f.Add(bytes.Repeat([]byte{0}, 40), uint16(7))
	f.Add([]byte{0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x03}, uint16(20))
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		cut := int(at) % len(good)
		laid := bytes.Clone(good)
		copy(laid[cut:], data)
		for what, raw := range map[string][]byte{"the bytes alone": data, "a part of the record": good[:cut], "bytes laid over the record": laid, "bytes after the record": append(good[:len(good):len(good)], data...)} {
			key, err := openKey(seal, name, raw)
			if same := bytes.Equal(raw, good); same != (err == nil) || same != (key != nil) || same && !key.Equal(made) {
				t.Errorf("%s: opened: %v, %v", what, key != nil, err)
			}
		}
		if _, err := openKey(seal, name+"2", good); err == nil {
			t.Error("it opens in another place")
		}
		// Sealed as the key is, but none.
		if key, err := openKey(seal, name, sealed(data)); err == nil && key.Validate() != nil {
			t.Errorf("opened a key that is none: %v", key.Validate())
		}
	})
}
