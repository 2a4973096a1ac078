package target

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func FuzzReadAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello", "HTTP/1.1 103 x\r\n\r\nHTTP/1.1 204 y\r\n\r\n", "SSH-2.0\r\n", "HTTP/1.1 200 OK\n c\n\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	const limit = 512
	f.Fuzz(func(t *testing.T, wire []byte) {
		br := bufio.NewReader(bytes.NewReader(wire))
		budget := limit
		raw, err := readHead(br, &budget)
		if len(raw) > limit {
			t.Fatalf("head of %d bytes", len(raw))
		}
		if err != nil {
			return
		}
		if !bytes.HasPrefix(wire, raw) {
			t.Fatal("the head is not what arrived")
		}
		var ex Exchange
		ex.setHead(raw)
		for _, h := range ex.ResponseHeader {
			if strings.ContainsAny(h[0]+h[1], "\n") {
				t.Fatalf("a line break in %q", h)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(raw), br)), nil)
		if err != nil {
			return
		}
		if ex.Status != resp.StatusCode {
			t.Fatalf("status %d, net/http says %d", ex.Status, resp.StatusCode)
		}
		_ = ex.readBody(resp.Body, resp.Header.Get("Content-Encoding"), limit)
		if len(ex.Body) > limit {
			t.Fatalf("body of %d bytes", len(ex.Body))
		}
	})
}
