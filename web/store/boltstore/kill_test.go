package boltstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

// childEnv names what a copy of this test program does instead of testing, and the store it does it to.
const childEnv = "BOLTSTORE_TEST_CHILD"

// What the copy does when it is started to check a store.
const (
	argCheck = "check-store"
	argHang  = "hang-instead"
	argCrash = "crash-instead"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch path := os.Args[2]; os.Args[1] {
		case argCheck:
			if err := CheckFile(path); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case argHang:
			<-time.After(time.Hour)
		case argCrash:
			panic("a crash while checking")
		}
	}
	if do, path, ok := strings.Cut(os.Getenv(childEnv), " "); ok {
		switch do {
		case "write-until-killed":
			writeUntilKilled(path)
		case "open":
			start := time.Now()
			_, err := Open(path, Options{CheckArgs: []string{argCheck}})
			fmt.Println(time.Since(start), err)
			os.Exit(0)
		}
		if full := children[do]; full != nil {
			if err := full(path); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	// A program with the race detector waits for a second before it ends, and so would every copy.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

// children are what a copy can do besides, where the platform has it.
var children = map[string]func(path string) error{}

func child(t testing.TB, do, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), childEnv+"="+do+" "+path)
	return c
}

// writeUntilKilled prints the number of each record when its write has been answered as saved.
func writeUntilKilled(path string) {
	s, err := Open(path, Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if _, err := s.Put(context.Background(), fmt.Sprintf("k%d", i), fmt.Appendf(nil, "%05000d", i), store.Any, time.Hour); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

func TestSTO1NothingAnsweredIsLostToSIGKILL(t *testing.T) { // D01
	path := filepath.Join(t.TempDir(), "store")
	kills, writes, lost := storetest.Times(8, 200), 0, 0
	for round := range kills {
		child := child(t, "write-until-killed", path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		answered := -1
		for lines.Scan() {
			first := answered < 0
			if _, err := fmt.Sscan(lines.Text(), &answered); err != nil {
				t.Errorf("the child says %q", lines.Text())
				break
			}
			if first {
				// It goes on writing while it is being killed, and what it has answered until then counts.
				time.AfterFunc(time.Duration(20+rand.N(180))*time.Millisecond, func() { child.Process.Kill() })
			}
		}
		if err := child.Wait(); err == nil {
			t.Error("the child was not killed")
		}
		writes += answered + 1

		if err := CheckFile(path); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range answered + 1 {
			value, _, err := s.Get(context.Background(), fmt.Sprintf("k%d", i))
			if errors.Is(err, store.ErrNotFound) || string(value) != fmt.Sprintf("%05000d", i) {
				lost++
				t.Errorf("round %d: record %d of %d is lost: %v", round, i, answered, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if aside, _ := filepath.Glob(path + ".corrupt-*"); len(aside) > 0 {
			t.Errorf("round %d: the file was damaged", round)
		}
	}
	t.Logf("kills survived: %d; acknowledged writes: %d, lost: %d", kills, writes, lost)
}

func TestREP2SecondProcess(t *testing.T) { // D07
	path := filepath.Join(t.TempDir(), "store")
	open(t, path, Options{})
	out, err := child(t, "open", path).Output()
	words := strings.Fields(string(out))
	if len(words) == 0 {
		t.Fatalf("the second process says nothing: %v", err)
	}
	took, parseErr := time.ParseDuration(words[0])
	if err != nil || parseErr != nil || !strings.Contains(string(out), "another process holds the store") {
		t.Errorf("the second process says %q, %v", out, err)
	}
	if took > time.Second {
		t.Errorf("it took %v, want at most a second", took)
	}
	if aside, _ := filepath.Glob(path + ".corrupt-*"); len(aside) > 0 {
		t.Error("it set the file of the first aside")
	}
	t.Logf("refused after %v", took.Round(time.Millisecond))
}

// small makes a store of a few hundred records and returns its bytes.
func small(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path, Options{})
	s.db.NoSync = true
	fill(t, s, 300, time.Hour)
	if err := s.db.Update(func(tx *bolt.Tx) error { // pages that are free, and records over several
		b := tx.Bucket(valuesBucket)
		for i := range 20 {
			if err := b.Put(fmt.Appendf(nil, "big%d", i), make([]byte, 9000)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		if err := s.Delete(context.Background(), fmt.Sprintf("k%05d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// spoil damages a copy of a file in one of the ways in which disks do.
func spoil(r *rand.Rand, file []byte) (spoilt []byte, how string) {
	f := append([]byte(nil), file...)
	page := os.Getpagesize()
	pages := len(f) / page
	at := r.IntN(pages)
	switch r.IntN(6) {
	case 0:
		n := r.IntN(len(f))
		return f[:n], fmt.Sprintf("cut after %d of %d bytes", n, len(f))
	case 1:
		n := 1 + r.IntN(8)
		for range n {
			f[r.IntN(len(f))] ^= byte(1 << r.IntN(8))
		}
		return f, fmt.Sprintf("%d bits flipped", n)
	case 2:
		clear(f[at*page : (at+1)*page])
		return f, fmt.Sprintf("page %d of %d zeroed", at, pages)
	case 3: // id, flags, count and overflow of a page
		f[at*page+r.IntN(16)] ^= byte(1 + r.IntN(255))
		return f, fmt.Sprintf("header of page %d of %d broken", at, pages)
	case 4: // positions and lengths of what is in a page
		for range 4 {
			f[at*page+16+r.IntN(200)] = byte(r.IntN(256))
		}
		return f, fmt.Sprintf("elements of page %d of %d broken", at, pages)
	default:
		from := r.IntN(pages)
		copy(f[at*page:(at+1)*page], f[from*page:(from+1)*page])
		return f, fmt.Sprintf("page %d of %d has what belongs to %d", at, pages, from)
	}
}

func TestSTO3DamagedFilesNeverKeepTheServerDown(t *testing.T) { // D02
	ctx := context.Background()
	file := small(t)
	files := storetest.Times(40, 400)
	aside, opened, slowest := 0, 0, time.Duration(0)
	dir := t.TempDir()
	for n := range files {
		spoilt, how := spoil(rand.New(rand.NewPCG(3, uint64(n))), file)
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		// A seal from when the file was whole must not help it.
		sum, err := checksum(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(sealPath(path), []byte("0"+sum), 0o600); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		s, err := Open(path, Options{CheckArgs: []string{argCheck}, CheckLimit: 5 * time.Second})
		if err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		slowest = max(slowest, time.Since(start))
		if s.Note() != "" {
			aside++
		} else {
			opened++
		}
		// What passes for whole must be usable as it is.
		for i := range 300 {
			if _, _, err := s.Get(ctx, fmt.Sprintf("k%05d", i)); err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: reading: %v", how, err)
				break
			}
		}
		if _, err := s.Put(ctx, "new", []byte("v"), store.Any, time.Hour); err != nil {
			t.Errorf("%s: writing: %v", how, err)
		}
		if _, err := s.Purge(ctx, ""); err != nil {
			t.Errorf("%s: deleting: %v", how, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: closing: %v", how, err)
		}
		_ = os.Remove(path)
	}
	t.Logf("damaged files: %d; set aside: %d, harmless: %d, server down: %d; slowest start %v", files, aside, opened, files-aside-opened, slowest.Round(time.Millisecond))
	if slowest > 10*time.Second {
		t.Errorf("a start took %v, want at most twice the limit of a check", slowest)
	}
}

func TestSTO3CheckInAProcessOfItsOwn(t *testing.T) {
	start := func(t *testing.T, sealed bool, check string) *Store {
		t.Helper()
		path := filepath.Join(t.TempDir(), "store")
		s := open(t, path, Options{})
		fill(t, s, 10, time.Hour)
		s.Close()
		if !sealed {
			if err := os.Remove(sealPath(path)); err != nil {
				t.Fatal(err)
			}
		}
		o := Options{CheckArgs: []string{check}}
		if check == argHang {
			o.CheckLimit = 300 * time.Millisecond
		}
		return open(t, path, o)
	}
	cases := []struct {
		name   string
		sealed bool
		check  string
		aside  bool
	}{
		{"a check that passes keeps the file", false, argCheck, false},
		{"a check that crashes sets it aside", false, argCrash, true},
		{"a check that hangs sets it aside", false, argHang, true},
		{"a file that was closed in good order is not checked", true, argCrash, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.sealed, c.check)
			want := 10
			if c.aside {
				want = 0
			}
			if n := keys(t, s); n != want {
				t.Errorf("%d records, want %d", n, want)
			}
			if got := s.Note(); strings.Contains(got, ".corrupt-") != c.aside {
				t.Errorf("note %q", got)
			}
		})
	}
	t.Run("one byte that changed since is checked", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store")
		s := open(t, path, Options{})
		fill(t, s, 10, time.Hour)
		s.Close()
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file[len(file)-1] ^= 1
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if s := open(t, path, Options{CheckArgs: []string{argCrash}}); s.Note() == "" {
			t.Error("it was not")
		}
	})
	t.Run("a start that did not end well is followed by a check", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store")
		open(t, path, Options{}).Close()
		open(t, path, Options{}).Close()
		s := open(t, path, Options{}) // still open, as if it had died here
		if sealed(path) {
			t.Error("a store in use counts as closed")
		}
		s.Close()
		if !sealed(path) {
			t.Error("a closed one does not")
		}
	})
	t.Run("a file that somebody else put there in the meantime is not set aside", func(t *testing.T) {
		dir := t.TempDir()
		old, path := filepath.Join(dir, "old"), filepath.Join(dir, "store")
		for _, p := range []string{old, path} {
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		fi, err := os.Stat(old)
		if err != nil {
			t.Fatal(err)
		}
		s := &Store{path: path, now: time.Now}
		if err := s.setAside(fi, &damaged{errors.New("x")}); err != nil || s.Note() != "" {
			t.Errorf("got %v and %q", err, s.Note())
		}
	})
}

func TestSTO3StartIsQuick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path, Options{})
	s.db.NoSync = true
	fill(t, s, 2000, time.Hour)
	if err := s.db.Sync(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	measure := func(o Options) time.Duration {
		least := time.Hour
		for range 5 {
			start := time.Now()
			s := open(t, path, o)
			least = min(least, time.Since(start))
			s.Close()
		}
		return least
	}
	without, with := measure(Options{}), measure(Options{CheckArgs: []string{argCheck}})
	if err := os.Remove(sealPath(path)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	open(t, path, Options{CheckArgs: []string{argCheck}}).Close()
	t.Logf("a start with %d KiB: %v without a check, %v after a good end, %v after a crash", fi.Size()>>10, without, with, time.Since(start))
	if with > without+30*time.Millisecond {
		t.Errorf("the check costs %v after a good end, want at most 30 ms", with-without)
	}
}
