package session

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokenplayground/web/wholefile"
)

// What cannot be done to a keyring.
var (
	// ErrNoKey: the keyring has no key of this id.
	ErrNoKey = errors.New("the keyring has no such key")

	// ErrKeyInUse: the key is the active one, or the only one, and cannot be removed.
	ErrKeyInUse = errors.New("this key is in use")
)

// Key is what may be shown of a key in a keyring.
type Key struct {
	// ID is its eight hexadecimal digits.
	ID string
	// Active says that new things are sealed with it.
	Active bool
}

// Keys returns the keys in the order of the file, the active one first.
func (k *Keyring) Keys() []Key {
	all := make([]Key, len(k.keys))
	for i := range k.keys {
		all[i] = Key{ID: hex.EncodeToString(k.keys[i].id[:]), Active: i == 0}
	}
	return all
}

// AddKey adds a random key to a keyring file, as the last one, and returns its id. It opens what other
// replicas seal with it once they have made it the active one, so add it everywhere first.
func AddKey(path string, rand io.Reader) (id string, err error) {
	err = edit(path, func(k *Keyring, lines []string) ([]string, error) {
		more, err := GenerateKeyring(rand)
		if err != nil {
			return nil, err
		}
		id = more.Keys()[0].ID
		if k.find(more.keys[0].id) != nil {
			return nil, errors.New("the new key happens to have the id of another; add one again")
		}
		return append(lines, strings.TrimSuffix(string(more.Encode()), "\n")), nil
	})
	return id, err
}

// ActivateKey makes a key of a keyring file the first, with which new things are sealed. Errors: ErrNoKey.
func ActivateKey(path, id string) error {
	return edit(path, func(k *Keyring, lines []string) ([]string, error) {
		at, err := lineOf(k, lines, id)
		if err != nil {
			return nil, err
		}
		first, err := lineOf(k, lines, k.Keys()[0].ID)
		if err != nil {
			return nil, err
		}
		line := lines[at]
		return slices.Insert(slices.Delete(lines, at, at+1), first, line), nil
	})
}

// RemoveKey takes a key out of a keyring file. The sessions that are still sealed under it end. Errors:
// ErrNoKey; ErrKeyInUse for the active key, which the only one always is.
func RemoveKey(path, id string) error {
	return edit(path, func(k *Keyring, lines []string) ([]string, error) {
		at, err := lineOf(k, lines, id)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(id, k.Keys()[0].ID) {
			if len(k.keys) == 1 {
				return nil, fmt.Errorf("%w: %s is the only one; add another and activate it first", ErrKeyInUse, id)
			}
			return nil, fmt.Errorf("%w: %s is the active one; activate another first", ErrKeyInUse, id)
		}
		return slices.Delete(lines, at, at+1), nil
	})
}

// lineOf finds the line of a key by its id.
func lineOf(k *Keyring, lines []string, id string) (int, error) {
	for i, line := range lines {
		word, _, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(line, "#") && word != "" && word != rootWord && strings.EqualFold(word, id) {
			return i, nil
		}
	}
	var have []string
	for _, key := range k.Keys() {
		have = append(have, key.ID)
	}
	return 0, fmt.Errorf("%w: %.20q; it has %s", ErrNoKey, id, strings.Join(have, ", "))
}

// edit changes the lines of a keyring file, comments included, and puts the new text in the place of the old
// whole or not at all, with the same permissions. A link is followed and stays.
func edit(path string, change func(k *Keyring, lines []string) ([]string, error)) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	k, err := LoadKeyring(path)
	if err != nil {
		return err
	}
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("looking at the keyring: %w", err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the keyring: %w", err)
	}
	lines, err := change(k, strings.Split(strings.TrimSuffix(string(before), "\n"), "\n"))
	if err != nil {
		return err
	}
	if k.root == nil {
		lines = append(lines, fmt.Sprintf("%s %x", rootWord, k.lastingRoot()))
	}
	after := []byte(strings.Join(lines, "\n") + "\n")
	if _, err := ParseKeyring(after); err != nil {
		return err
	}
	if err := wholefile.Replace(path, after, fi.Mode().Perm()); err != nil {
		return fmt.Errorf("writing the keyring: %w", err)
	}
	return nil
}

// Follow has the manager use what a keyring file holds whenever it changes, until ctx ends: it looks every
// five seconds, and at once when it is told to by look, which may be nil. A file that cannot be used is logged
// once and changes nothing.
func (m *Manager) Follow(ctx context.Context, path string, look <-chan struct{}) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	have := m.ring.Load().keys.Encode()
	complained := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-look:
		case <-tick.C:
		}
		k, err := LoadKeyring(path)
		if err == nil && bytes.Equal(k.Encode(), have) {
			complained = ""
			continue
		}
		if err == nil {
			err = m.Rekey(k)
		}
		switch {
		case err == nil:
			have, complained = k.Encode(), ""
			m.log.Info("the keyring has changed and is used from now on", "keys", k.String())
		case err.Error() != complained:
			complained = err.Error()
			m.log.Error("the keyring has changed and cannot be used; the one from before is kept", "error", err)
		}
	}
}

// followEvery is how often a keyring file is read: it is short, and its time of change tells less.
const followEvery = 5 * time.Second
