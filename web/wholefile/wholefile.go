// Package wholefile puts files in their place in one step: who reads one, also
// after a crash, finds all of it or what was there before.
package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Replace writes data to path, with these permissions, and makes its folder if
// there is none (for its owner alone). A file that is there is replaced and its
// owner kept, where that is allowed; a link is replaced as well, not followed.
func Replace(path string, data []byte, mode fs.FileMode) error {
	return write(path, data, func(f *os.File) error {
		if was, err := os.Stat(path); err == nil {
			keepOwner(f, was)
		}
		return f.Chmod(mode)
	}, os.Rename)
}

// Create is Replace for a file that only its owner may read and that must not
// be there yet: if it is, the error is [fs.ErrExist] and the file is left alone.
func Create(path string, data []byte) error {
	return write(path, data, func(*os.File) error { return nil }, os.Link)
}

func write(path string, data []byte, prepare func(*os.File) error, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // not there any more after a rename
	err = prepare(f)
	if err == nil {
		_, err = f.Write(data)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // a directory cannot be opened for syncing there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
