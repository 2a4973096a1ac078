package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokenplayground/web/store"
)

func init() {
	children["fill-limited"] = fillLimited
	children["fill-tmpfs"] = fillTmpfs
}

// fillLimited fills a store up to the size that the system allows a file of this process, then is allowed more.
func fillLimited(path string) error {
	signal.Ignore(syscall.SIGXFSZ) // Go programs end on it otherwise
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	most := limit
	limit.Cur = 2 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	return fillUp(path, func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &most) })
}

// fillTmpfs fills a store on a disk of two megabytes beside a file that is then removed. The disk is this
// process's alone and ends with it.
func fillTmpfs(path string) error {
	dir := filepath.Dir(path)
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		return err
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		return err
	}
	return fillUp(path, func() error { return os.Remove(ballast) })
}

// fillUp is what a store must do on a disk that is full until relieve is called.
func fillUp(path string, relieve func() error) error {
	ctx := context.Background()
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	value := make([]byte, 10_000)
	n := 0
	for ; ; n++ {
		_, err := s.Put(ctx, fmt.Sprintf("k%04d", n), value, 0, time.Hour)
		if errors.Is(err, store.ErrFull) {
			break
		}
		if err != nil {
			return fmt.Errorf("write %d: %w; want ErrFull once the disk is full", n, err)
		}
		if n > 1000 {
			return errors.New("the disk does not get full")
		}
	}
	for i := range n {
		if _, _, err := s.Get(ctx, fmt.Sprintf("k%04d", i)); err != nil {
			return fmt.Errorf("reading %d of %d while it is full: %w", i, n, err)
		}
	}
	if _, err := s.Put(ctx, "one more", value, 0, time.Hour); !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("another write while it is full: %w; want ErrFull", err)
	}
	// Logging out makes room for others at once.
	for i := range 10 {
		if err := s.Delete(ctx, fmt.Sprintf("k%04d", i)); err != nil {
			return fmt.Errorf("deleting while it is full: %w", err)
		}
	}
	if _, err := s.Put(ctx, "in its place", value, 0, time.Hour); err != nil {
		return fmt.Errorf("a write after deletes: %w", err)
	}
	if err := relieve(); err != nil {
		return err
	}
	for i := range 50 {
		if _, err := s.Put(ctx, fmt.Sprintf("later%d", i), value, 0, time.Hour); err != nil {
			return fmt.Errorf("a write after there is room again: %w", err)
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	if err := CheckFile(path); err != nil {
		return err
	}
	fmt.Println("full after", n, "records")
	return nil
}

func TestSTO4FullDisk(t *testing.T) { // D03
	t.Run("a file at its greatest size", func(t *testing.T) {
		out, err := child(t, "fill-limited", filepath.Join(t.TempDir(), "store")).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%s", out)
	})
	t.Run("a disk without space", func(t *testing.T) {
		c := child(t, "fill-tmpfs", filepath.Join(t.TempDir(), "store"))
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		out, err := c.Output()
		if errors.Is(err, syscall.EPERM) || strings.Contains(string(out), syscall.EPERM.Error()) {
			t.Skip("only root may mount a small disk; the case above stands for it")
		}
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%s", out)
	})
}
