package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

func keyringFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func ids(t *testing.T, path string) []string {
	t.Helper()
	k, err := LoadKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i, key := range k.Keys() {
		if key.Active != (i == 0) {
			t.Errorf("key %d is active: %v", i, key.Active)
		}
		all = append(all, key.ID)
	}
	return all
}

// lasting is what a keyring file gives for what must outlive every key.
func lasting(t *testing.T, path string) string {
	t.Helper()
	k, err := LoadKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(k.Lasting(LabelSandbox)) + string(k.Lasting(LabelMask))
}

func TestLasting(t *testing.T) {
	made := filepath.Join(t.TempDir(), "keyring")
	if _, _, err := LoadOrCreateKeyring(made, rand.Reader); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a keyring that the program made":             made,
		"one that was written by hand without a root": keyringFile(t, string(newKeyring(t).Encode())),
	} {
		t.Run(name+" gives the same after every key of it has been removed", func(t *testing.T) {
			before := lasting(t, path)
			first := ids(t, path)[0]
			id, err := AddKey(path, rand.Reader)
			// Replicas have the file of one step or the other.
			for _, step := range []func() error{
				func() error { return err },
				func() error { return ActivateKey(path, id) },
				func() error { return RemoveKey(path, first) },
				func() error { id, err = AddKey(path, rand.Reader); return err },
				func() error { first = ids(t, path)[0]; return ActivateKey(path, id) },
				func() error { return RemoveKey(path, first) },
			} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
				if lasting(t, path) != before {
					t.Fatalf("it changed; the keys are %v", ids(t, path))
				}
			}
		})
	}
	t.Run("a file from before that was made to hold another first key keeps it from then on", func(t *testing.T) {
		a, b := newKeyring(t), newKeyring(t)
		path := keyringFile(t, string(together(a, b).Encode()))
		before := lasting(t, path)
		if err := ActivateKey(path, b.Keys()[0].ID); err != nil {
			t.Fatal(err)
		}
		if lasting(t, path) != before {
			t.Error("it changed")
		}
	})
	t.Run("it is another for each label and keyring, and no key of the keyring", func(t *testing.T) {
		a, b := newKeyring(t), newKeyring(t)
		seen := map[string]bool{}
		for _, k := range []*Keyring{a, b} {
			for _, label := range []string{LabelSandbox, LabelMask} {
				seen[string(k.Lasting(label))], seen[string(k.Derive(label))] = true, true
			}
		}
		if len(seen) != 8 {
			t.Errorf("%d different ones of 8", len(seen))
		}
	})
	t.Run("the root is no key to be activated or removed", func(t *testing.T) {
		for _, err := range []error{ActivateKey(made, "root"), RemoveKey(made, "root")} {
			if !errors.Is(err, ErrNoKey) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestKeysAreManaged(t *testing.T) { // KEY-3
	old := newKeyring(t)
	oldID := old.Keys()[0].ID
	path := keyringFile(t, "# made for a test\n\n"+string(old.Encode())+"# the end\n")
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}

	added, err := AddKey(link, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{oldID, added}, ids(t, path)); diff != "" {
		t.Errorf("after adding -want +got:\n%s", diff)
	}
	if err := RemoveKey(path, oldID); !errors.Is(err, ErrKeyInUse) || !strings.Contains(err.Error(), "active one") {
		t.Errorf("removing the active one: got %v, want ErrKeyInUse", err)
	}
	if err := ActivateKey(link, strings.ToUpper(added)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{added, oldID}, ids(t, path)); diff != "" {
		t.Errorf("after activating -want +got:\n%s", diff)
	}
	for _, err := range []error{ActivateKey(path, "00000000"), RemoveKey(path, "#"), RemoveKey(path, "")} {
		if !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), added+", "+oldID) {
			t.Errorf("an unknown one: got %v, want ErrNoKey and those that there are", err)
		}
	}
	if err := RemoveKey(link, oldID); err != nil {
		t.Fatal(err)
	}
	if err := RemoveKey(path, added); !errors.Is(err, ErrKeyInUse) || !strings.Contains(err.Error(), "only one") {
		t.Errorf("removing the only one: got %v, want ErrKeyInUse", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(text), "\n"); len(lines) != 6 || lines[0] != "# made for a test" || !strings.HasPrefix(lines[2], added) || lines[3] != "# the end" || !strings.HasPrefix(lines[4], "root ") {
		t.Errorf("the comments are not where they were: %d lines", len(lines))
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o400 {
		t.Errorf("mode %v, %v; want 0400 as before", fi.Mode(), err)
	}
	if fi, err := os.Lstat(link); err != nil || fi.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", fi.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}

	t.Run("a spoilt file is left alone", func(t *testing.T) {
		path := keyringFile(t, "spoilt")
		if _, err := AddKey(path, rand.Reader); err == nil {
			t.Error("it was taken")
		}
		if b, _ := os.ReadFile(path); string(b) != "spoilt" {
			t.Errorf("it is now %q", b)
		}
	})
	t.Run("a missing file is told apart", func(t *testing.T) {
		if err := ActivateKey(filepath.Join(t.TempDir(), "keyring"), oldID); !errors.Is(err, ErrNoKeyring) {
			t.Errorf("got %v, want ErrNoKeyring", err)
		}
	})
}

func TestFollow(t *testing.T) { // KEY-3
	first := newKeyring(t)
	path := keyringFile(t, string(first.Encode()))
	var log bytes.Buffer
	m := manager(t, Config{Keyring: first, Store: store.NewMemory(storetest.NewClock().Now), Log: slog.New(slog.NewTextHandler(&log, nil))})
	v := &visitor{m: m}
	v.signIn(t, "one")

	ctx, cancel := context.WithCancel(context.Background())
	poke, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); m.Follow(ctx, path, poke) }()
	look := func() { poke <- struct{}{}; poke <- struct{}{} } // the second is taken when the first is through

	look()
	id, err := AddKey(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := ActivateKey(path, id); err != nil {
		t.Fatal(err)
	}
	look()
	if got := m.ring.Load().keys.Keys()[0].ID; got != id {
		t.Errorf("the active key is %s, want %s", got, id)
	}
	if set := v.signIn(t, "two"); set == "" || v.token(t) != "two" {
		t.Error("the session was not taken over to the new key")
	}
	if err := RemoveKey(path, first.Keys()[0].ID); err != nil {
		t.Fatal(err)
	}
	look()
	if v.token(t) != "two" {
		t.Error("the session is gone with the old key")
	}
	// At once, as AddKey does it: a look may still be under way, and half a file would be a complaint of its own.
	if err := os.Rename(keyringFile(t, "spoilt"), path); err != nil {
		t.Fatal(err)
	}
	look()
	look()
	if v.token(t) != "two" {
		t.Error("a spoilt file has ended the session")
	}
	cancel()
	<-ended
	got := log.String()
	if strings.Count(got, "has changed and is used") != 2 || strings.Count(got, "cannot be used") != 1 {
		t.Errorf("want two changes and one complaint in the log:\n%s", got)
	}
	for _, secret := range strings.Fields(string(first.Encode())) {
		if len(secret) == 2*keyLen && strings.Contains(got, secret) {
			t.Error("a key is in the log")
		}
	}
}
