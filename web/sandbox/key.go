package sandbox

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"tokenplayground/web/store"
)

const (
	// keyBits is what the documented signatures of 256 bytes ask for.
	keyBits = 2048
	// keyLife is longer than anything lives that the key signs. The store
	// keeps nothing for ever.
	keyLife = 10 * 365 * 24 * time.Hour
)

var errClosed = errors.New("the sandbox is closed")

// keyring holds the RSA key once it is there. All servers over one store and
// root come to hold the same one.
type keyring struct {
	s      *Server
	ctx    context.Context // of the work in the background
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	last   *attempt
	made   *rsa.PrivateKey // kept for the next attempt if the store failed
}

type attempt struct {
	done chan struct{}
	key  *rsa.PrivateKey
	err  error
}

func newKeyring(s *Server) *keyring {
	k := &keyring{s: s}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// begin returns the attempt to wait for: the one that runs or succeeded, or a
// new one after a failure.
func (k *keyring) begin() *attempt {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last != nil {
		select {
		case <-k.last.done:
			if k.last.err == nil {
				return k.last
			}
		default:
			return k.last
		}
	}
	a := &attempt{done: make(chan struct{})}
	if k.closed {
		a.err = errClosed
		close(a.done)
		return a
	}
	k.last = a
	k.wg.Go(func() {
		defer close(a.done)
		if a.key, a.err = k.fetch(); a.err != nil && k.ctx.Err() == nil {
			k.s.log.Error("sandbox: no signing key", "err", a.err)
		}
	})
	return a
}

func (k *keyring) get(ctx context.Context) (*rsa.PrivateKey, error) {
	a := k.begin()
	select {
	case <-a.done:
		return a.key, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *keyring) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.cancel()
	k.wg.Wait()
}

// fetch reads the key from the store, or makes it. Of several that make one at
// once the first to write wins, and the others take what it wrote.
func (k *keyring) fetch() (*rsa.PrivateKey, error) {
	// The name tells roots apart, so that two of them in one store neither
	// read nor replace each other's key.
	name := "sandbox/key/" + hex.EncodeToString(k.s.derive(8, "name of the key"))
	seal, err := gcm(k.s.derive(32, "seal of the key"))
	if err != nil {
		return nil, err
	}
	for range tries {
		sealed, version, err := k.s.store.Get(k.ctx, name)
		switch {
		case err == nil:
			key, err := openKey(seal, name, sealed)
			if err == nil {
				return key, nil
			}
			k.s.log.Warn("sandbox: the signing key in the store is damaged; a new one replaces it and all RSA tokens end", "err", err)
		case errors.Is(err, store.ErrNotFound):
			version = 0
		default:
			return nil, fmt.Errorf("read the signing key: %w", err)
		}
		if k.made == nil {
			if k.made, err = rsa.GenerateKey(k.s.rand, keyBits); err != nil {
				return nil, fmt.Errorf("make the signing key: %w", err)
			}
		}
		nonce, err := k.s.random(seal.NonceSize())
		if err != nil {
			return nil, err
		}
		sealed = seal.Seal(nonce, nonce, x509.MarshalPKCS1PrivateKey(k.made), []byte(name))
		_, err = k.s.store.Put(k.ctx, name, sealed, version, keyLife)
		switch {
		case err == nil:
			return k.made, nil
		case !errors.Is(err, store.ErrConflict):
			return nil, fmt.Errorf("keep the signing key: %w", err)
		}
	}
	return nil, fmt.Errorf("keep the signing key: %w", store.ErrUnavailable)
}

func openKey(seal cipher.AEAD, name string, sealed []byte) (*rsa.PrivateKey, error) {
	n := seal.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("too short")
	}
	der, err := seal.Open(nil, sealed[:n], sealed[n:], []byte(name))
	if err != nil {
		return nil, err
	}
	return x509.ParsePKCS1PrivateKey(der)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
