package web

import "io"

// CloseStore closes the store under a running server.
func (s *Server) CloseStore() {
	if c, ok := s.store.(io.Closer); ok {
		_ = c.Close() // it is closed again in the end
	}
}

// Neighbourhood is what the limits count as one address.
func Neighbourhood(ip string) string { return neighbourhood(ip) }
