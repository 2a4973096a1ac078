// Package state says where the program keeps what it remembers for a user.
package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Dir is the program's folder for this user; it may not exist yet. The error
// says why there is none, and leaves the remedy to the caller, who knows the
// flag.
func Dir(getenv func(string) string) (string, error) {
	const name = "tokenplayground"
	if dir := getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, name), nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("this user has no folder for settings (%w)", err)
		}
		return filepath.Join(dir, name), nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", errors.New("the environment has no HOME")
	}
	return filepath.Join(home, ".local", "state", name), nil
}
