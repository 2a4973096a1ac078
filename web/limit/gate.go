package limit

import (
	"context"
	"net"
	"sync"
)

// Gate lets so many in at once, in all and per key. The zero value lets
// everybody in. It is safe for concurrent use.
type Gate struct {
	// All and Each are how many may be inside at once; zero means any number.
	All, Each int

	mu     sync.Mutex
	inside int
	keys   map[string]int // only those that are inside
	moved  chan struct{}  // closed when somebody leaves
}

// Enter waits for a turn until ctx ends, whose error it returns. leave must be
// called once.
func (g *Gate) Enter(ctx context.Context, key string) (leave func(), err error) {
	for {
		g.mu.Lock()
		if (g.All <= 0 || g.inside < g.All) && (g.Each <= 0 || g.keys[key] < g.Each) {
			if g.keys == nil {
				g.keys = make(map[string]int)
			}
			g.inside++
			g.keys[key]++
			g.mu.Unlock()
			return func() { g.leave(key) }, nil
		}
		if g.moved == nil {
			g.moved = make(chan struct{})
		}
		moved := g.moved
		g.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (g *Gate) leave(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.keys[key]--; g.keys[key] == 0 {
		delete(g.keys, key)
	}
	if g.moved != nil {
		close(g.moved)
		g.moved = nil
	}
}

// Listener accepts at most so many connections at once; the next wait in the
// system's queue until one of them is closed.
func Listener(ln net.Listener, most int) net.Listener {
	return &listener{Listener: ln, free: make(chan struct{}, most), closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	free   chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &conn{Conn: c, release: sync.OnceFunc(func() { <-l.free })}, nil
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type conn struct {
	net.Conn
	release func()
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}

// CloseWrite ends what is sent, so that a last answer is read before the
// connection goes: the server looks for this method.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
