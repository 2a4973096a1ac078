package wholefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "file")
	for i, text := range []string{"first", "second, and longer", "3"} {
		mode := []fs.FileMode{0o600, 0o644, 0o640}[i]
		if err := Replace(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("the file holds %q, %v; want %q", got, err, text)
		}
		if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != mode {
			t.Errorf("the file's mode is %v, %v; want %v", fi.Mode(), err, mode)
		}
	}
	alone(t, path)
}

func TestCreateLeavesWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "file")
	if err := Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second gave %v, want fs.ErrExist", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", fi.Mode(), err)
	}
	alone(t, path)
}

func TestOneOfManyCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() { errs[i] = Create(path, []byte{byte(i)}) })
	}
	wg.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 1 {
		t.Fatalf("the file holds %q, %v", got, err)
	}
	for i, err := range errs {
		switch won := i == int(got[0]); {
		case won && err != nil:
			t.Errorf("%d is in the file and was told %v", i, err)
		case !won && !errors.Is(err, fs.ErrExist):
			t.Errorf("%d is not in the file and was told %v", i, err)
		}
	}
}

// Whoever reads while another writes has one of the two texts, whole.
func TestReadersFindAllOfIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open cannot be replaced there")
	}
	path := filepath.Join(t.TempDir(), "file")
	texts := [][]byte{bytes.Repeat([]byte("a"), 1<<16), bytes.Repeat([]byte("b"), 1<<15)}
	if err := Replace(path, texts[0], 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range 50 {
			if err := Replace(path, texts[i%2], 0o600); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for {
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, texts[0]) && !bytes.Equal(got, texts[1]) {
			t.Errorf("a reader found %d bytes, %v", len(got), err)
			<-written
			return
		}
		select {
		case <-written:
			return
		default:
		}
	}
}

// What cannot be put in its place leaves nothing behind.
func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Replace": Replace(path, []byte("x"), 0o600), "Create": Create(path, []byte("x"))} {
		if err == nil {
			t.Errorf("%s wrote over a folder", name)
		}
	}
	alone(t, path)
	if err := Replace(filepath.Join(dir, "file", "x", "\x00"), nil, 0o600); err == nil {
		t.Error("a name that no file can have was taken")
	}
}

// alone fails if anything is beside the file.
func alone(t *testing.T, path string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(all) != 1 {
		t.Errorf("in the folder are %v, %v", all, err)
	}
}
