package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"tokenplayground/web/store"
)

const (
	// checkLimit is how long a check may take by default. One of 64 MiB takes less than one second.
	checkLimit = 10 * time.Second

	// checkLock is how long a check waits for another process that has the file. That one has checked it.
	checkLock = 100 * time.Millisecond

	// saidMost bounds what is kept of the words in which a check fails, its stack traces being long.
	saidMost = 200
)

// CheckFile reads every page of the store at path, changes nothing and says what is wrong. It is for a process
// of its own, since some damage ends the process that meets it and some keeps it busy for ever: see
// Options.CheckArgs. A file that is empty, or that another process has open, passes.
func CheckFile(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("looking at the store: %w", err)
	}
	if fi.Size() == 0 {
		return nil
	}
	return guard(func() error {
		db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: checkLock, FreelistType: bolt.FreelistMapType})
		if errors.Is(err, berrors.ErrTimeout) {
			return nil
		}
		if err != nil {
			return err
		}
		err = db.View(func(tx *bolt.Tx) error {
			var first error
			for err := range tx.Check() {
				if first == nil {
					first = err
				}
			}
			if first != nil || tx.Bucket(valuesBucket) == nil {
				return first
			}
			return readAll(tx)
		})
		if err = errors.Join(err, db.Close()); err != nil {
			return err
		}
		return rehearse(path)
	})
}

// readAll finds every record the way a visitor's request does and reads it to its last byte.
func readAll(tx *bolt.Tx) error {
	if _, err := walk(tx, 0); err != nil {
		return err
	}
	b := tx.Bucket(valuesBucket)
	return b.ForEach(func(k, v []byte) error {
		if found := b.Get(k); !bytes.Equal(found, v) {
			return fmt.Errorf("the record of %d bytes under %.20q cannot be found", len(v), k)
		}
		return nil
	})
}

// rehearse does to a copy of the file what visitors will do to the file: it writes every record anew and then
// deletes it. bbolt's own check does not look at all that this relies on, such as the number that a page says
// it has. Without room for a copy there is no rehearsal.
func rehearse(path string) error {
	from, err := os.Open(path)
	if err != nil {
		return nil // it has just been read; this is about room, not about damage
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".check-*")
	if err != nil {
		return nil // as above
	}
	defer os.Remove(to.Name()) // where a file that is open cannot be removed
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return nil // as above
	}
	db, err := bolt.Open(to.Name(), 0o600, &bolt.Options{
		Timeout: checkLock, FreelistType: bolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			_ = os.Remove(name) // now, since this process may not see the end of this function
			return f, err
		},
	})
	if err != nil {
		return err
	}
	for _, change := range []func(b *bolt.Bucket, k, v []byte) error{
		func(b *bolt.Bucket, k, v []byte) error { return b.Put(k, bytes.Clone(v)) },
		func(b *bolt.Bucket, k, _ []byte) error { return b.Delete(k) },
	} {
		err = errors.Join(err, db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(valuesBucket)
			if b == nil {
				return nil
			}
			var keys, values [][]byte
			if err := b.ForEach(func(k, v []byte) error {
				keys, values = append(keys, bytes.Clone(k)), append(values, v)
				// One that is not there is looked for between those that are.
				b.Get(append(bytes.Clone(k), 0))
				return nil
			}); err != nil {
				return err
			}
			for i := range keys {
				if err := change(b, keys[i], values[i]); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	if err = errors.Join(err, db.Close()); err == nil {
		return nil
	}
	if errors.Is(classify(err), store.ErrFull) {
		return nil
	}
	return err
}

// errNoCheck: the other process could not be started, which says nothing about the file.
var errNoCheck = errors.New("the store cannot be checked in a process of its own")

// checkApart has a copy of this program check the file. Whatever else that ends with than success counts as
// damage and comes back as *damaged.
func checkApart(path string, args []string, limit time.Duration) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("%w: %w", errNoCheck, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	said := &head{most: 4 << 10}
	child := exec.CommandContext(ctx, self, append(slices.Clone(args), path)...) //nolint:gosec // this very program
	child.Stderr = said
	child.WaitDelay = time.Second
	if err := child.Start(); err != nil {
		return fmt.Errorf("%w: %w", errNoCheck, err)
	}
	err = child.Wait()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &damaged{fmt.Errorf("checking it was not over after %v", limit)}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
	return &damaged{fmt.Errorf("checking it ended with %w: %.*s", err, saidMost, line)}
}

// head keeps the beginning of what is written to it.
type head struct {
	strings.Builder
	most int
}

func (h *head) Write(p []byte) (int, error) {
	h.WriteString(string(p[:min(len(p), h.most-h.Len())]))
	return len(p), nil
}

// The seal is a small file beside the store's, written when that is closed in good order: its size and
// checksum. While both agree the file is as it was left, byte by byte, and need not be checked. It is taken
// away when the store is opened, so nothing that follows can be taken for a good end.
func sealPath(path string) string { return path + ".closed" }

func sealed(path string) bool {
	said, err := os.ReadFile(sealPath(path))
	if err != nil {
		return false
	}
	now, err := checksum(path)
	return err == nil && string(said) == now
}

func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	// Against accidents and not against people, and ten times as fast as what would do against those.
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %08x\n", n, sum.Sum32()), nil
}
