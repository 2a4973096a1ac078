package boltstore

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	// compactLeast is the size from which a file is worth being made smaller.
	compactLeast = 1 << 20

	// compactChunk is how many bytes of records one transaction of a compaction holds in memory.
	compactChunk = 4 << 20
)

// wasted says how many bytes of the file hold nothing that lives: free pages, what is behind the last page,
// and the records that are over.
func wasted(db *bolt.DB, dead int64) (waste, size int64, err error) {
	fi, err := os.Stat(db.Path())
	if err != nil {
		return 0, 0, err
	}
	stats := db.Stats()
	free := int64(stats.FreePageN+stats.PendingPageN) * int64(db.Info().PageSize)
	err = db.View(func(tx *bolt.Tx) error {
		waste = fi.Size() - tx.Size() + free + dead
		return nil
	})
	return waste, fi.Size(), err
}

// compact writes the records that live into a new file and puts that in the place of the old one. bbolt's own
// Compact would take the dead along. Whatever fails leaves the old file as it is.
func compact(src *bolt.DB, now time.Time) (err error) {
	path := src.Path() + ".compact"
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err // of a compaction that was interrupted
	}
	dst, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = guard(func() error { return src.View(func(tx *bolt.Tx) error { return copyLiving(dst, tx, now.UnixNano()) }) })
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(path, src.Path())
	}
	if err != nil {
		_ = os.Remove(path) // the next compaction does it otherwise
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("keeping the name: %w", err)
	}
	return nil
}

func copyLiving(dst *bolt.DB, src *bolt.Tx, now int64) error {
	in := src.Bucket(valuesBucket)
	c := in.Cursor()
	k, v := c.First()
	for first := true; first || k != nil; first = false {
		err := dst.Update(func(tx *bolt.Tx) error {
			out, err := tx.CreateBucketIfNotExists(valuesBucket)
			if err != nil {
				return err
			}
			out.FillPercent = 0.9 // they come in order
			for n := 0; k != nil && n < compactChunk; k, v = c.Next() {
				if expires, _, _, ok := split(v); !ok || expires <= now {
					continue
				}
				if err := out.Put(k, v); err != nil {
					return err
				}
				n += len(k) + len(v)
			}
			// No version may be given out again.
			return out.SetSequence(in.Sequence())
		})
		if err != nil {
			return err
		}
	}
	return nil
}
