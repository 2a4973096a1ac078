package main

import (
	"errors"
	"net/http"
	"os/exec"
	"syscall"
	"testing"
)

// TestSecondSignal: the first lets the program end in order, the second ends
// it at once.
func TestSecondSignal(t *testing.T) {
	p := launchProgram(t, "--store", "memory:")
	g := newGuest(t)
	for {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			break
		}
		res, err := g.Get(p.url + "/readyz")
		if err != nil {
			break
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("got %s", res.Status)
		}
	}
	var exit *exec.ExitError
	if err := p.ended(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("got %v, want an end by the signal: %s", err, p.stderr.String())
	}
}
