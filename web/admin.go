package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"tokenplayground/web/session"
	"tokenplayground/web/store/boltstore"
)

// CheckStore reads the whole store at path and says what is wrong with it. It
// is for a process of its own; see Config.CheckArgs.
func CheckStore(path string) error { return boltstore.CheckFile(path) }

// ManageKeys does what an operator asks of the keyring that cfg names, and
// says on out what it did: list, add, activate ID or remove ID. A running
// playground takes the change over by itself within seconds.
func ManageKeys(cfg Config, action string, ids []string, out io.Writer) error {
	const actions = "use list, add, activate ID or remove ID"
	wants := 0
	switch action {
	case "list", "add":
	case "activate", "remove":
		wants = 1
	default:
		return fmt.Errorf("keys cannot do %.40q; %s", action, actions)
	}
	if len(ids) != wants {
		return fmt.Errorf("keys %s takes %d ids, not %d; %s", action, wants, len(ids), actions)
	}
	if cfg.Keyring == "" {
		return errors.New("sessions in memory have a key of their own that is kept nowhere; name a file with --keyring")
	}
	switch action {
	case "add":
		return addKey(cfg.Keyring, out)
	case "activate":
		if err := session.ActivateKey(cfg.Keyring, ids[0]); err != nil {
			return err
		}
		return say(out, "%s is active now. Do the same on every replica; remove the old key when 12 hours have passed.", ids[0])
	case "remove":
		if err := session.RemoveKey(cfg.Keyring, ids[0]); err != nil {
			return err
		}
		return say(out, "%s is gone, and the sessions that were still sealed with it have ended.", ids[0])
	}
	keys, err := session.LoadKeyring(cfg.Keyring)
	if err != nil {
		return err
	}
	for _, k := range keys.Keys() {
		state := "opens what it sealed before"
		if k.Active {
			state = "active"
		}
		if err := say(out, "%s  %s", k.ID, state); err != nil {
			return err
		}
	}
	return nil
}

func addKey(path string, out io.Writer) error {
	id, err := session.AddKey(path, rand.Reader)
	if errors.Is(err, session.ErrNoKeyring) {
		keys, created, err := session.LoadOrCreateKeyring(path, rand.Reader)
		if err != nil {
			return err
		}
		if created {
			return say(out, "%s is the first key of the new keyring %s. Copy the file to every replica.", keys.Keys()[0].ID, path)
		}
		id, err = session.AddKey(path, rand.Reader) // somebody else was first
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return say(out, "%s is added. Copy the file to every replica, then: playground keys activate %s", id, id)
}

func say(out io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(out, format+"\n", args...)
	return err
}

// ManageSessions counts or purges the sessions of the store that cfg names,
// without reading one. A bolt file can be opened only while no playground
// runs on it.
func ManageSessions(ctx context.Context, cfg Config, action string, out io.Writer) (err error) {
	if action != "count" && action != "purge" {
		return fmt.Errorf("sessions cannot do %.40q; use count or purge", action)
	}
	kind, path, _ := strings.Cut(cfg.Store, ":")
	switch kind {
	case "memory":
		return errors.New("sessions in memory belong to the running playground alone; end it to end them")
	case "bolt":
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no store at %q; name another with --store", path)
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	st, err := openStore(&cfg, cfg.Log) //nolint:contextcheck // its check has a limit of its own
	if err != nil {
		return err
	}
	if c, ok := st.(io.Closer); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	if action == "purge" {
		n, err := session.Purge(ctx, st)
		if err != nil {
			return err
		}
		return say(out, "%d sessions ended", n)
	}
	n, err := session.Count(ctx, st)
	if err != nil {
		return err
	}
	return say(out, "%d sessions", n)
}
