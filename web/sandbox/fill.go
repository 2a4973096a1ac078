package sandbox

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"tokenplayground/web/dialect"
)

// UserID is what a product calls one of the people in a world; empty if there
// is no such person, or the store cannot tell.
func (s *Server) UserID(ctx context.Context, world string, d *dialect.Dialect, person string) string {
	v, err := s.visit(ctx, d, world)
	if err != nil {
		return ""
	}
	p, ok := v.person(person)
	if !ok {
		return ""
	}
	return v.userID(p)
}

// PublicKey is an RSA key in base64 that [Server.ReadCode] has the other half
// of, for a page that signs in with a key and has none of its own. It is the
// sandbox's signing key: all servers over one store have it already.
func (s *Server) PublicKey(ctx context.Context) (string, error) {
	key, err := s.keys.get(ctx)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	return base64.StdEncoding.EncodeToString(der), nil
}

// ReadCode decrypts a code that was encrypted with [Server.PublicKey].
func (s *Server) ReadCode(ctx context.Context, encrypted string) (string, error) {
	key, err := s.keys.get(ctx)
	if err != nil {
		return "", err
	}
	sealed, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return "", fmt.Errorf("the encrypted code is not base64: %w", err)
	}
	code, err := rsa.DecryptOAEP(sha256.New(), nil, key, sealed, nil)
	if err != nil {
		return "", fmt.Errorf("the code was encrypted with another key: %w", err)
	}
	return string(code), nil
}
