//go:build unix

package wholefile

import (
	"os"
	"syscall"
)

// keepOwner gives a file the owner of another, so that root, who writes it, does not lock out
// the server that owns it.
func keepOwner(f *os.File, was os.FileInfo) {
	if st, ok := was.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // who may not do it is the owner
	}
}
