package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// A record is
//
//	ver(1) kid(4) gen(8) ‖ nonce(12) ‖ AES-256-GCM(key, nonce, plaintext, AAD = ver ‖ kid ‖ gen ‖ id ‖ name)
//
// with key = HKDF-SHA-256(K[kid] ‖ ticket) and id = SHA-256(label ‖ ticket). The ticket is only in the
// cookie, so neither the store, nor the keyring, nor both open anything; name is empty for the state and the
// attachment's otherwise, so no record passes for another.
const (
	recordVersion = 1
	headerLen     = 1 + kidLen + 8
	ticketLen     = 32
	idLabel       = "pg-sid-v1"
)

// tombstone stands for 60 seconds where a session was before it was given a new ticket.
var tombstone = []byte{0}

var (
	errUnknownKey = errors.New("the record was sealed under a key that is not in the keyring")
	errSeal       = errors.New("the record cannot be opened")
)

// sealer seals and opens the records of one session.
type sealer struct {
	keys   *Keyring
	ticket [ticketLen]byte
	id     [sha256.Size]byte
}

func newSealer(keys *Keyring, ticket [ticketLen]byte) sealer {
	return sealer{keys, ticket, sha256.Sum256(append([]byte(idLabel), ticket[:]...))}
}

// storeKey is where the state is stored; it says nothing about the ticket.
func (s *sealer) storeKey() string { return statePrefix + hex.EncodeToString(s.id[:]) }

// attachmentKey is where an attachment is stored. The handle makes each write of a name a place of its own.
func (s *sealer) attachmentKey(name, handle string) string {
	h := sha256.New()
	h.Write([]byte("pg-att-v1"))
	h.Write(s.id[:])
	h.Write([]byte(handle + "/" + name))
	return attachmentPrefix + hex.EncodeToString(h.Sum(nil))
}

// seal seals under the active key, which is also how records move to a new key after a rotation.
func (s *sealer) seal(plaintext []byte, gen uint64, name string) ([]byte, error) {
	root := &s.keys.keys[0]
	aead, err := s.aead(root)
	if err != nil {
		return nil, err
	}
	header := make([]byte, headerLen, headerLen+len(plaintext)+aead.Overhead())
	header[0] = recordVersion
	copy(header[1:], root.id[:])
	binary.BigEndian.PutUint64(header[1+kidLen:], gen)
	return aead.Seal(header, nil, plaintext, s.aad(header, name)), nil
}

// open opens a record and returns its generation. The errors are errUnknownKey and errSeal.
func (s *sealer) open(record []byte, name string) (plaintext []byte, gen uint64, err error) {
	if len(record) < headerLen || record[0] != recordVersion {
		return nil, 0, errSeal
	}
	header := record[:headerLen]
	root := s.keys.find([kidLen]byte(header[1:]))
	if root == nil {
		return nil, 0, errUnknownKey
	}
	aead, err := s.aead(root)
	if err != nil {
		return nil, 0, err
	}
	plaintext, err = aead.Open(nil, nil, record[headerLen:], s.aad(header, name))
	if err != nil {
		return nil, 0, errSeal
	}
	return plaintext, binary.BigEndian.Uint64(header[1+kidLen:]), nil
}

func (s *sealer) aad(header []byte, name string) []byte {
	aad := make([]byte, 0, headerLen+len(s.id)+len(name))
	aad = append(aad, header[:headerLen]...)
	aad = append(aad, s.id[:]...)
	return append(aad, name...)
}

func (s *sealer) aead(root *rootKey) (cipher.AEAD, error) {
	secret := make([]byte, 0, keyLen+ticketLen)
	secret = append(append(secret, root.secret[:]...), s.ticket[:]...)
	block, err := aes.NewCipher(derive(secret, labelRecord))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
