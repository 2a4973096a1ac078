// Package boltstore owns the store of a single replica: one bbolt file that survives restarts and SIGKILL.
package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"tokenplayground/web/store"
)

const (
	// lockTimeout is how long Open waits for another process to let go of the file. bbolt's default is for ever.
	lockTimeout = 500 * time.Millisecond

	// sweepEvery is the pause between two rounds that take expired records out of the file.
	sweepEvery = 5 * time.Minute

	// sweepChunk bounds one delete transaction, so a round never holds up the visitors' writes for long.
	sweepChunk = 500

	// sweepLook bounds one read transaction of a round: a long one keeps freed pages from being used again.
	sweepLook = 10_000

	// groupMost bounds how many waiting writes share one transaction, hence one fsync.
	groupMost = 256

	// headerLen is what stands before each value: when it expires and its version, eight bytes each.
	headerLen = 16
)

var valuesBucket = []byte("values")

// Options adjust [Open]. The zero value is useful.
type Options struct {
	// Now tells the time; default time.Now.
	Now func() time.Time
	// Log receives what happens without anybody asking: a damaged file, a sweep that failed. Default: discarded.
	Log *slog.Logger
	// CheckArgs are arguments with which this program, started once more with the path after them, does
	// nothing but call CheckFile and end with a status other than 0 if that returns an error. Without them
	// the file is checked in this process, which some kinds of damage end.
	CheckArgs []string
	// CheckLimit is how long that may take until the file counts as damaged; default 10 seconds.
	CheckLimit time.Duration
}

// Store is a [store.Store] in a file. Only one process can have the file open.
//
// Its versions come from one counter of the file. Its leases live in the process, which suffices because no
// other process can open the file.
type Store struct {
	db     *bolt.DB
	path   string
	note   string
	now    func() time.Time
	log    *slog.Logger
	locks  store.Locks
	writes chan *write
	stop   chan struct{}
	once   sync.Once
	done   sync.WaitGroup
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Counter = (*Store)(nil)
	_ store.Purger  = (*Store)(nil)
)

// Open opens the store at path and creates it, and its directory, if there is none: directory 0700, file
// 0600. A file that others can read is refused, as is, within a second, one that another process has open.
//
// A file that was not closed in good order is checked first. One that is damaged is set aside as
// path.corrupt-<time>, with one line in the log and a Note, and an empty one takes its place. A file of which
// more than half holds nothing that lives is made smaller.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CheckLimit == 0 {
		o.CheckLimit = checkLimit
	}
	s := &Store{path: path, now: o.Now, log: o.Log, writes: make(chan *write), stop: make(chan struct{})}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the store: %w", err)
	}
	before, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("looking at the store: %w", err)
	case !before.Mode().IsRegular():
		return nil, fmt.Errorf("the store %q is not a file; name another path", path)
	case runtime.GOOS != "windows" && before.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("the store %q can be read by other users (mode %04o); run: chmod 600 %q", path, before.Mode().Perm(), path)
	}
	created := err != nil
	if !created && len(o.CheckArgs) > 0 && !sealed(path) {
		err := checkApart(path, o.CheckArgs, o.CheckLimit)
		if damage := (*damaged)(nil); errors.As(err, &damage) {
			if err := s.setAside(before, damage); err != nil {
				return nil, err
			}
			created = true
		} else if err != nil {
			o.Log.Warn("the store is checked in this process instead", "error", err)
		}
	}
	if err := os.Remove(sealPath(path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("beginning to use the store: %w", err)
	}

	db, dead, err := openFile(path, o.Now())
	if damage := (*damaged)(nil); errors.As(err, &damage) {
		if err := s.setAside(before, damage); err != nil {
			return nil, err
		}
		created = true
		db, dead, err = openFile(path, o.Now())
	}
	if err != nil {
		return nil, openError(path, err)
	}
	if created {
		// The file is synced by bbolt, its name is not.
		if err := syncDir(dir); err != nil {
			db.Close()
			return nil, fmt.Errorf("keeping the new store %q: %w", path, err)
		}
	}
	if s.db, err = s.shrink(db, dead); err != nil {
		return nil, openError(path, err)
	}
	s.done.Go(s.write)
	s.done.Go(s.sweepNowAndThen)
	return s, nil
}

// openError words why bbolt does not open the file.
func openError(path string, err error) error {
	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("another process holds the store %q; stop it or name another path: %w", path, store.ErrUnavailable)
	}
	return fmt.Errorf("opening the store %q: %w", path, err)
}

// setAside renames a damaged file, unless somebody else has put another in its place.
func (s *Store) setAside(checked os.FileInfo, damage *damaged) error {
	now, err := os.Stat(s.path)
	if err != nil || checked != nil && !os.SameFile(checked, now) {
		return nil
	}
	at := s.now().UTC()
	aside := s.path + ".corrupt-" + at.Format("20060102T150405.000")
	if err := os.Rename(s.path, aside); err != nil {
		return fmt.Errorf("setting the damaged store aside: %w", err)
	}
	s.log.Error("the store was damaged; it was set aside and an empty one started", "path", s.path, "aside", aside, "damage", damage.Error())
	s.note = fmt.Sprintf("the store was damaged; an empty one was started on %s, and the damaged one is %s", at.Format(time.RFC3339), filepath.Base(aside))
	return nil
}

// shrink returns the store's file made smaller if more than half of it holds nothing that lives.
func (s *Store) shrink(db *bolt.DB, dead int64) (*bolt.DB, error) {
	waste, size, err := wasted(db, dead)
	// Elsewhere a file that is open cannot be replaced, and it must be held until the new one is.
	if err != nil || size < compactLeast || waste <= size/2 || runtime.GOOS == "windows" {
		return db, nil // a file that cannot be measured is used as it is
	}
	if err := compact(db, s.now()); err != nil {
		s.log.Warn("the store could not be made smaller; it is used as it is", "path", s.path, "error", err)
		return db, nil
	}
	small, _, err := openFile(s.path, s.now())
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	if fi, err := os.Stat(s.path); err == nil {
		s.log.Info("the store was made smaller", "path", s.path, "from", size, "to", fi.Size())
	}
	return small, nil
}

// Note tells what an operator should know about how the store was opened, "" if there is nothing: that it
// was damaged, is empty now, and what the damaged file is called.
func (s *Store) Note() string { return s.note }

// Close ends the background work, lets a running write finish and closes the file. Later calls answer
// store.ErrUnavailable.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.stop)
		s.done.Wait()
		// While the file is still locked. Without the seal the next start just takes longer.
		if sum, sumErr := checksum(s.path); sumErr == nil {
			_ = os.WriteFile(sealPath(s.path), []byte(sum), 0o600)
		}
		err = s.db.Close()
	})
	return err
}

// Get implements [store.Store]. It never waits for a write.
func (s *Store) Get(ctx context.Context, key string) (value []byte, version uint64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, unavailable(err)
	}
	err = guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			expires, v, raw, ok := split(tx.Bucket(valuesBucket).Get([]byte(key)))
			if !ok || s.over(expires) {
				return store.ErrNotFound
			}
			// bbolt's bytes end with the transaction.
			value, version = append([]byte{}, raw...), v
			return nil
		})
	})
	if err != nil {
		return nil, 0, classify(err)
	}
	return value, version, nil
}

// Put implements [store.Store]. When it returns without an error, the value is on the disk.
func (s *Store) Put(ctx context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error) {
	if err := store.Check(key, ttl); err != nil {
		return 0, err
	}
	k := []byte(key)
	record := make([]byte, headerLen+len(value))
	copy(record[headerLen:], value)
	var next uint64
	err := s.do(ctx, func(b *bolt.Bucket) error {
		var have uint64
		if expires, v, _, ok := split(b.Get(k)); ok && !s.over(expires) {
			have = v
		}
		if version != store.Any && version != have {
			return store.ErrConflict
		}
		var err error
		if next, err = b.NextSequence(); err != nil {
			return fatal{err}
		}
		binary.BigEndian.PutUint64(record, uint64(s.now().Add(ttl).UnixNano()))
		binary.BigEndian.PutUint64(record[8:], next)
		if err := b.Put(k, record); err != nil {
			return fatal{err}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.do(ctx, func(b *bolt.Bucket) error {
		if err := b.Delete([]byte(key)); err != nil {
			return fatal{err}
		}
		return nil
	})
}

// Lease implements [store.Store]. The holder cannot outlive the process that has the file, so ttl is not needed.
func (s *Store) Lease(ctx context.Context, key string, _ time.Duration) (store.Lease, error) {
	return s.locks.Lease(ctx, key)
}

// Sweep takes all expired records out of the file and says how many there were. It runs by itself every
// five minutes.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	total := 0
	var from []byte
	for {
		dead, next, err := s.expired(from)
		if err != nil {
			return total, classify(err)
		}
		if len(dead) > 0 {
			removed := 0
			err := s.do(ctx, func(b *bolt.Bucket) error {
				removed = 0
				for _, k := range dead {
					// It may have been written anew since it was seen.
					if expires, _, _, ok := split(b.Get(k)); ok && !s.over(expires) {
						continue
					}
					if err := b.Delete(k); err != nil {
						return fatal{err}
					}
					removed++
				}
				return nil
			})
			if err != nil {
				return total, err
			}
			total += removed
		}
		if next == nil {
			return total, nil
		}
		from = next
	}
}

// Count implements [store.Counter]. It reads the keys, and of each value only when it ends.
func (s *Store) Count(ctx context.Context, prefix string) (int, error) {
	n := 0
	err := s.each(ctx, prefix, func(_ []byte, live bool) error {
		if live {
			n++
		}
		return nil
	})
	return n, err
}

// Purge implements [store.Purger].
func (s *Store) Purge(ctx context.Context, prefix string) (int, error) {
	n := 0
	var chunk [][]byte
	flush := func() error {
		keys, living := chunk, 0
		chunk = nil
		err := s.do(ctx, func(b *bolt.Bucket) error {
			living = 0
			for _, k := range keys {
				if expires, _, _, ok := split(b.Get(k)); ok && !s.over(expires) {
					living++
				}
				if err := b.Delete(k); err != nil {
					return fatal{err}
				}
			}
			return nil
		})
		if err == nil {
			n += living
		}
		return err
	}
	err := s.each(ctx, prefix, func(k []byte, _ bool) error {
		if chunk = append(chunk, bytes.Clone(k)); len(chunk) < sweepChunk {
			return nil
		}
		return flush()
	})
	if err == nil && len(chunk) > 0 {
		err = flush()
	}
	return n, err
}

// each calls do for every key that begins with prefix, outside any transaction, so it may write. Each reading
// takes some thousand keys: a long one would keep freed pages from being used again.
func (s *Store) each(ctx context.Context, prefix string, do func(key []byte, live bool) error) error {
	type found struct {
		key  []byte
		live bool
	}
	for from := []byte(prefix); from != nil; {
		if err := ctx.Err(); err != nil {
			return unavailable(err)
		}
		var batch []found
		var next []byte
		err := guard(func() error {
			return s.db.View(func(tx *bolt.Tx) error {
				batch, next = batch[:0], nil
				c := tx.Bucket(valuesBucket).Cursor()
				for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
					if len(batch) == sweepLook {
						next = bytes.Clone(k)
						return nil
					}
					expires, _, _, ok := split(v)
					batch = append(batch, found{bytes.Clone(k), ok && !s.over(expires)})
				}
				return nil
			})
		})
		if err != nil {
			return classify(err)
		}
		for _, f := range batch {
			if err := do(f.key, f.live); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// expired looks at the records from a key on and returns the keys of those that are over, and where to go
// on, nil at the end.
func (s *Store) expired(from []byte) (dead [][]byte, next []byte, err error) {
	err = guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			c := tx.Bucket(valuesBucket).Cursor()
			looked := 0
			for k, v := c.Seek(from); k != nil; k, v = c.Next() {
				if looked == sweepLook || len(dead) == sweepChunk {
					next = bytes.Clone(k)
					return nil
				}
				looked++
				if expires, _, _, ok := split(v); !ok || s.over(expires) {
					dead = append(dead, bytes.Clone(k))
				}
			}
			return nil
		})
	})
	return dead, next, err
}

func (s *Store) sweepNowAndThen() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			if _, err := s.Sweep(ctx); err != nil {
				s.log.Error("taking expired records out of the store failed; it is tried again", "error", err, "in", sweepEvery)
			}
		}
	}
}

// write is one change on its way to the disk.
type write struct {
	op   func(*bolt.Bucket) error
	err  error
	done chan struct{}
}

// fatal marks an error of the file itself. It undoes the whole transaction, unlike a conflict, which
// concerns only its own write.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// do has op run in a transaction and returns when it is on the disk. Once op has been handed over its
// outcome is awaited whatever becomes of ctx, so the answer is always true. op may run more than once.
func (s *Store) do(ctx context.Context, op func(*bolt.Bucket) error) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	w := &write{op: op, done: make(chan struct{})}
	select {
	case s.writes <- w:
	case <-s.stop:
		return unavailable(errors.New("it is closed"))
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	<-w.done
	return w.err
}

// write is the only writer. Writes that arrive while one transaction is being synced share the next, so a
// single visitor waits for one fsync and fifty do not wait for fifty. bbolt's own Batch would make the
// single one wait for company.
func (s *Store) write() {
	for {
		var group []*write
		select {
		case w := <-s.writes:
			group = append(group, w)
		case <-s.stop:
			return
		}
	gather:
		for len(group) < groupMost {
			select {
			case w := <-s.writes:
				group = append(group, w)
			default:
				break gather
			}
		}
		if err := s.commit(group); err != nil && len(group) > 1 {
			// One of them may be what does not fit; the others should not fail with it.
			for _, w := range group {
				_ = s.commit([]*write{w}) // each has its own outcome in it
			}
		}
		for _, w := range group {
			close(w.done)
		}
	}
}

// commit runs a group in one transaction and leaves each one's outcome with it. It returns an error if the
// transaction as a whole failed.
func (s *Store) commit(group []*write) error {
	err := guard(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(valuesBucket)
			for _, w := range group {
				w.err = w.op(b)
				if f := (fatal{}); errors.As(w.err, &f) {
					return f
				}
			}
			return nil
		})
	})
	if err != nil {
		err = classify(err)
		for _, w := range group {
			w.err = err
		}
	}
	return err
}

func (s *Store) over(expires int64) bool { return s.now().UnixNano() >= expires }

// split takes a stored record apart; value is part of record. Bytes without a version that the store gives
// out are none of its records.
func split(record []byte) (expires int64, version uint64, value []byte, ok bool) {
	if len(record) < headerLen {
		return 0, 0, nil, false
	}
	version = binary.BigEndian.Uint64(record[8:])
	if version == 0 || version == store.Any {
		return 0, 0, nil, false
	}
	return int64(binary.BigEndian.Uint64(record)), version, record[headerLen:], true
}

// damaged says that the file is not, or no longer, a store.
type damaged struct{ cause error }

func (d *damaged) Error() string { return d.cause.Error() }
func (d *damaged) Unwrap() error { return d.cause }

// openFile opens the file and walks once over all its keys, so that most damage is found now, while it can
// still be set aside, and not under a visitor's hands. Damage comes back as *damaged, a file that another
// process has as bbolt's ErrTimeout. dead is how many bytes belong to records that are over.
func openFile(path string, now time.Time) (db *bolt.DB, dead int64, err error) {
	var file *os.File
	err = guard(func() error {
		var err error
		db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout: lockTimeout, FreelistType: bolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				var err error
				file, err = os.OpenFile(name, flag, mode)
				return file, err
			},
		})
		if err != nil {
			return err
		}
		// Another process may have put a new file there while this one waited for the lock of the old.
		opened, err := file.Stat()
		if err != nil {
			return err
		}
		if there, err := os.Stat(path); err != nil || !os.SameFile(opened, there) {
			return berrors.ErrTimeout
		}
		return db.Update(func(tx *bolt.Tx) error {
			_, err := tx.CreateBucketIfNotExists(valuesBucket)
			return err
		})
	})
	if err == nil {
		err = guard(func() error {
			return db.View(func(tx *bolt.Tx) error {
				var err error
				dead, err = walk(tx, now.UnixNano())
				return err
			})
		})
	}
	if err == nil {
		return db, dead, nil
	}
	if db != nil {
		db.Close()
	} else if file != nil {
		file.Close() // and with it the lock, if it panicked on the way
	}
	var pathErr *os.PathError
	var errno syscall.Errno
	if errors.Is(err, berrors.ErrTimeout) || errors.As(err, &pathErr) || errors.As(err, &errno) {
		return nil, 0, err
	}
	return nil, 0, &damaged{err}
}

// walk reads every key and every record's header, and adds up the bytes of the records that are over at now.
func walk(tx *bolt.Tx, now int64) (dead int64, err error) {
	size := tx.Size()
	if fi, err := os.Stat(tx.DB().Path()); err != nil {
		return 0, err
	} else if fi.Size() < size {
		return 0, fmt.Errorf("the file has %d bytes and should have at least %d", fi.Size(), size)
	}
	// A file cannot hold more keys than bytes; damage that leads in a circle ends here.
	steps := int64(0)
	err = tx.Bucket(valuesBucket).ForEach(func(k, v []byte) error {
		if steps++; steps > size {
			return errors.New("the keys do not end")
		}
		expires, _, _, ok := split(v)
		if !ok {
			return errors.New("a record has no header")
		}
		if expires <= now {
			dead += int64(len(k) + len(v))
		}
		return nil
	})
	return dead, err
}

// guard turns a panic of bbolt, and a fault on a page that the file no longer has, into an error. Both
// happen on damaged files only, and neither may take the process down.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	return f()
}

// classify turns an error of bbolt or of the disk into one of the store's own.
func classify(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.ErrNotFound
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG),
		errors.Is(err, berrors.ErrMaxSizeReached),
		// bbolt words a file that cannot grow without wrapping the cause.
		strings.Contains(err.Error(), syscall.ENOSPC.Error()), strings.Contains(err.Error(), syscall.EDQUOT.Error()),
		strings.Contains(err.Error(), syscall.EFBIG.Error()):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return unavailable(err)
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", store.ErrUnavailable, err) }

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a directory cannot be opened for syncing there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
