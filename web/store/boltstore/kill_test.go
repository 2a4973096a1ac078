package boltstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tokenplayground/web/store"
)

// childEnv names the store that a copy of this test program writes to until it is killed.
const childEnv = "BOLTSTORE_TEST_WRITE_UNTIL_KILLED"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
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

func TestNothingAnsweredIsLostToSIGKILL(t *testing.T) { // STO-1, D01 less often
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store")
	for round := range 5 {
		child := exec.Command(self)
		child.Env = append(os.Environ(), childEnv+"="+path)
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
			if _, err := fmt.Sscan(lines.Text(), &answered); err != nil {
				t.Errorf("the child says %q", lines.Text())
				break
			}
			if answered == 10+17*round {
				// It goes on writing while it is being killed, and what it has answered until then counts.
				if err := child.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
		}
		if err := child.Wait(); err == nil {
			t.Error("the child was not killed")
		}

		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range answered + 1 {
			value, _, err := s.Get(context.Background(), fmt.Sprintf("k%d", i))
			if errors.Is(err, store.ErrNotFound) || string(value) != fmt.Sprintf("%05000d", i) {
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
}
