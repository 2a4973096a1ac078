package web

import (
	"context"
	"io"
	"log/slog"
	"net/netip"

	"tokenplayground/web/store/redisstore"
)

// CloseStore closes the store under a running server.
func (s *Server) CloseStore() {
	if c, ok := s.store.(io.Closer); ok {
		_ = c.Close() // it is closed again in the end
	}
}

// ParseProxies reads the setting --proxies.
func ParseProxies(text string) ([]netip.Prefix, error) { return parseProxies(text) }

// Neighbourhood is what the limits count as one address.
func Neighbourhood(ip string) string { return neighbourhood(ip) }

// WarnOfEviction does what a start does with the Redis at an address, and
// waits for it.
func WarnOfEviction(ctx context.Context, address string, log *slog.Logger) error {
	r, err := redisstore.Open(address, redisstore.Options{})
	if err != nil {
		return err
	}
	warnOfEviction(ctx, r, log)
	return r.Close()
}
