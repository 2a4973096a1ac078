//go:build unix

package session

import (
	"os"
	"syscall"
)

// keepOwner gives a file the owner of another, so that an operator who is root does not lock the server out of
// its own keyring.
func keepOwner(f *os.File, was os.FileInfo) {
	if st, ok := was.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // who may not do it is the owner
	}
}
