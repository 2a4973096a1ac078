package store

import (
	"context"
	"fmt"
	"sync"
)

// Locks hands out leases inside one process, first come, first served. It serves the stores that only one
// process can hold, where a holder cannot die alone, and orders the waiters of one replica for the others.
// The zero value is ready.
type Locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	turn  chan struct{} // holds one value while somebody has the lease; waiting senders queue in order
	users int           // holder and waiters, guarded by Locks.mu; the last one takes the entry away
}

// Lease waits until key is free or ctx ends; the error then wraps ctx.Err().
func (l *Locks) Lease(ctx context.Context, key string) (Lease, error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = make(map[string]*lock)
	}
	k := l.held[key]
	if k == nil {
		k = &lock{turn: make(chan struct{}, 1)}
		l.held[key] = k
	}
	k.users++
	l.mu.Unlock()

	select {
	case k.turn <- struct{}{}:
		return &localLease{locks: l, key: key, lock: k}, nil
	case <-ctx.Done():
		l.leave(key, k)
		return nil, fmt.Errorf("waiting for the lease: %w", ctx.Err())
	}
}

func (l *Locks) leave(key string, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.held, key)
	}
}

type localLease struct {
	locks *Locks
	key   string
	lock  *lock
	once  sync.Once
}

func (l *localLease) Release() {
	l.once.Do(func() {
		<-l.lock.turn
		l.locks.leave(l.key, l.lock)
	})
}
