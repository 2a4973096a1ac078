package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
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

// TestCrashTellsNoSecret ends the program as a crash would, with the trace of
// everything that it was doing, while it holds a password.
func TestCrashTellsNoSecret(t *testing.T) { // C06, SCR-1
	const password = "Canary-5d1e-crash"
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := launchProgram(t, "--store", "memory:")
	g := newGuest(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err := g.PostForm(p.url+"/vbr/token", url.Values{"grant_type": {"password"}, "username": {"administrator"}, "password": {password}, "x.target": {ln.Addr().String()}})
		if err == nil {
			res.Body.Close()
			t.Errorf("got %s before the end", res.Status)
		}
	}()
	conn, err := ln.Accept() // the call waits for a handshake that does not come
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := p.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	if err := p.ended(); err == nil {
		t.Error("the program ended as if nothing had happened")
	}
	<-done
	trace := p.stderr.String()
	if !strings.Contains(trace, "SIGQUIT") || !strings.Contains(trace, "tokenplayground/web/target.(*Client)") {
		t.Fatalf("got no trace of the call: %.2000s", trace)
	}
	for _, form := range []string{password, url.QueryEscape(password), base64.StdEncoding.EncodeToString([]byte(password)), hex.EncodeToString([]byte(password))} {
		if strings.Contains(trace, form) {
			t.Errorf("the trace holds the password as %q", form)
		}
	}
}
