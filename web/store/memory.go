package store

import (
	"bytes"
	"container/heap"
	"context"
	"strings"
	"sync"
	"time"
)

// memoryLimit bounds what a [Memory] holds: 20,000 sessions of 12 KiB, the most that one process admits.
const memoryLimit = 256 << 20

// memorySweep is how many dead entries one Put may take away: more than the one that it adds, so the dead
// never outnumber the living for long, and few enough that no request pays for all the others.
const memorySweep = 16

// Memory is a [Store] in the memory of this process; what it holds ends with it. Make one with [NewMemory].
type Memory struct {
	now   func() time.Time
	locks Locks
	limit int // bytes of keys and values

	mu      sync.Mutex
	version uint64
	size    int
	items   map[string]*memoryItem
	queue   expiryQueue
}

type memoryItem struct {
	key     string
	value   []byte
	version uint64
	expires time.Time
	at      int // place in the expiry queue
}

// NewMemory returns an empty store that tells the time by now.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, limit: memoryLimit, items: make(map[string]*memoryItem)}
}

// Get implements [Store].
func (m *Memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.live(key)
	if it == nil {
		return nil, 0, ErrNotFound
	}
	return bytes.Clone(it.value), it.version, nil
}

// Put implements [Store].
func (m *Memory) Put(_ context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error) {
	if err := Check(key, ttl); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()

	var have uint64
	if it := m.live(key); it != nil {
		have = it.version
	}
	if version != Any && version != have {
		return 0, ErrConflict
	}
	m.sweep(memorySweep)
	more := len(key) + len(value)
	if it := m.items[key]; it != nil {
		more -= it.size()
	}
	if more > 0 && m.size+more > m.limit {
		m.sweep(len(m.items))
		if m.size+more > m.limit {
			return 0, ErrFull
		}
	}
	it := m.items[key]
	if it == nil {
		it = &memoryItem{key: key}
		m.items[key] = it
		heap.Push(&m.queue, it)
	} else {
		m.size -= it.size()
	}
	m.version++
	it.value = append(make([]byte, 0, len(value)), value...)
	it.version = m.version
	it.expires = m.now().Add(ttl)
	heap.Fix(&m.queue, it.at)
	m.size += it.size()
	return it.version, nil
}

// Delete implements [Store].
func (m *Memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if it := m.items[key]; it != nil {
		m.remove(it)
	}
	return nil
}

// Lease implements [Store]. The holder cannot outlive its process and neither can the lease, so ttl is not
// needed.
func (m *Memory) Lease(ctx context.Context, key string, _ time.Duration) (Lease, error) {
	return m.locks.Lease(ctx, key)
}

// Count implements [Counter].
func (m *Memory) Count(_ context.Context, prefix string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for key := range m.items {
		if strings.HasPrefix(key, prefix) && m.live(key) != nil {
			n++
		}
	}
	return n, nil
}

// Purge implements [Purger].
func (m *Memory) Purge(_ context.Context, prefix string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for key, it := range m.items {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if m.live(key) != nil {
			n++
		}
		m.remove(it)
	}
	return n, nil
}

// live returns the entry under key unless its time is over.
func (m *Memory) live(key string) *memoryItem {
	it := m.items[key]
	if it == nil || !m.now().Before(it.expires) {
		return nil
	}
	return it
}

func (m *Memory) sweep(most int) {
	now := m.now()
	for ; most > 0 && len(m.queue) > 0 && !now.Before(m.queue[0].expires); most-- {
		m.remove(m.queue[0])
	}
}

func (m *Memory) remove(it *memoryItem) {
	heap.Remove(&m.queue, it.at)
	delete(m.items, it.key)
	m.size -= it.size()
}

func (it *memoryItem) size() int { return len(it.key) + len(it.value) }

// expiryQueue is a heap with the entry that ends first on top.
type expiryQueue []*memoryItem

func (q expiryQueue) Len() int           { return len(q) }
func (q expiryQueue) Less(i, j int) bool { return q[i].expires.Before(q[j].expires) }
func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}
func (q *expiryQueue) Push(x any) {
	it := x.(*memoryItem)
	it.at = len(*q)
	*q = append(*q, it)
}
func (q *expiryQueue) Pop() any {
	old := *q
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return it
}
