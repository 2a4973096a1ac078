//go:build unix

package storetest

import (
	"fmt"
	"os"
	"syscall"
)

// Hang stops the process without ending it: connections are accepted and never answered.
func (r *Redis) Hang() { r.signal(syscall.SIGSTOP) }

// Resume ends Hang.
func (r *Redis) Resume() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(fmt.Errorf("telling redis-server %v: %w", s, err))
	}
}
