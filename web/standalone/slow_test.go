package standalone

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenplayground/web/store/storetest"
)

// TestSlowClients: who says half of something and waits is put out.
func TestSlowClients(t *testing.T) {
	if !storetest.Long() {
		t.Skip("takes 20 s; PLAYGROUND_TEST_LONG=1 asks for it")
	}
	s := start(t, Config{Products: []string{"vbr"}})
	addr := strings.TrimPrefix(s.URL("vbr"), "https://")
	var all sync.WaitGroup
	for name, say := range map[string]string{
		"no handshake": "", "half a handshake": "\x16\x03\x01", "no request": "-", "half a header": "-GET / HTTP/1.1\r\nHost: x\r\nX-",
		"half a body": "-POST /api/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ngrant",
	} {
		all.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if rest, ok := strings.CutPrefix(say, "-"); ok {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				say = rest
			}
			if _, err := io.WriteString(conn, say); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if c, ok := conn.(*tls.Conn); ok {
				if err := c.Handshake(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			// Long past every limit: only a server that waits for ever gets here.
			_ = conn.SetReadDeadline(time.Now().Add(4 * time.Minute))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: the connection is still open", name)
			}
		})
	}
	all.Wait()
}

// TestFaultsOverTLS: what faults do to a connection is seen by real clients,
// and by that call only.
func TestFaultsOverTLS(t *testing.T) {
	s := start(t, Config{Products: []string{"vbr"}})
	d := find(t, "vbr")
	for proto, http1 := range map[string]bool{"HTTP/2.0": false, "HTTP/1.1": true} {
		c := s.client(t, http1)
		for fault, broken := range map[string]bool{"lost-answer": true, "truncated-json": false, "html-error": false, "server-error": false, "too-many-requests": false} {
			t.Run(fault+" over "+proto, func(t *testing.T) {
				r, err := d.Encode(signIn)
				if err != nil {
					t.Fatal(err)
				}
				res, err := c.Post(s.URL("vbr")+r.Path+"?fault="+fault, "application/x-www-form-urlencoded", strings.NewReader(r.Body))
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				if (err != nil) != broken {
					t.Errorf("got %v", err)
				}
				if a := request(t, c, s.URL("vbr"), d, signIn); a.StatusCode != http.StatusOK || a.Proto != proto {
					t.Errorf("then: got %s over %s", a.Status, a.Proto)
				}
			})
		}
	}
	calls, _, _ := s.Calls().After(0, nil)
	asked := 0
	for _, c := range calls {
		asked += len(c.Asked)
	}
	if asked != 10 {
		t.Errorf("the journal has %d faults, want 10", asked)
	}
}
