package web

import (
	"io"
	"net/netip"
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
