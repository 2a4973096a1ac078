package target

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Exchange is one call, as it went over the wire. It holds whatever the
// request held, passwords and tokens too: redact before it is shown or kept.
// Its String, %v and log value say neither.
type Exchange struct {
	// Sent is the head and the body of the request, byte for byte, as far as
	// they were written; inside TLS, if there was any. Empty when the call
	// failed before.
	Sent []byte

	Method string
	URL    string // as the caller gave it, never with a password
	// Proto is the protocol of the answer, "HTTP/1.1"; of the request while
	// there is no answer.
	Proto string
	// RequestHeader is in wire order and spelling, read back from Sent.
	RequestHeader [][2]string
	RequestBody   []byte

	Status     int // 0 without an answer
	StatusText string
	// ResponseHeader is in wire order and spelling. Values are foreign text.
	ResponseHeader [][2]string
	// Body is decompressed and at most Limits.Body long.
	Body []byte
	// Truncated says that there was, or should have been, more than Body.
	Truncated bool
	// Encoding names a Content-Encoding that Body is still in; empty when
	// Body is plain.
	Encoding string

	Started time.Time     // by Client.Now
	Took    time.Duration // measured, the same as Timing.Total
	Timing  Timing
	// Certificate is what the target showed; nil without TLS.
	Certificate *Certificate
}

// Timing is how long each part took; zero for parts that did not happen.
type Timing struct {
	Resolve, Connect, TLS time.Duration
	// FirstByte runs from the ready connection to the first byte of the answer.
	FirstByte time.Duration
	Total     time.Duration
}

// String names the call without anything that was said in it.
func (e Exchange) String() string {
	return fmt.Sprintf("%s %s: %d in %s", e.Method, e.host(), e.Status, e.Took)
}

// GoString is String, so that %#v tells no secret either.
func (e Exchange) GoString() string { return e.String() }

// LogValue is the call without anything that was said in it.
func (e Exchange) LogValue() slog.Value {
	return slog.GroupValue(slog.String("method", e.Method), slog.String("host", e.host()),
		slog.Int("status", e.Status), slog.Duration("took", e.Took))
}

// host leaves path and query out: a product may be asked with a token there.
func (e Exchange) host() string {
	_, rest, _ := strings.Cut(e.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	return host
}

// parseHead reads the lines of a head in their order: the first line, then
// name and value of each field, spelt as they arrived. A folded value is
// joined by a space. Lines that are no field are left out.
func parseHead(raw []byte) (first string, fields [][2]string) {
	for i, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if i == 0 {
			first = line
			continue
		}
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(fields); n > 0 {
				fields[n-1][1] += " " + strings.Trim(line, " \t")
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if ok {
			fields = append(fields, [2]string{name, strings.Trim(value, " \t")})
		}
	}
	return first, fields
}

// setSent records what was written.
func (e *Exchange) setSent(wire []byte) {
	e.Sent = wire
	if len(wire) == 0 {
		return
	}
	head, body, _ := bytes.Cut(wire, []byte("\r\n\r\n"))
	_, e.RequestHeader = parseHead(head)
	if len(body) > 0 {
		e.RequestBody = body
	}
}

// setHead records the head of the answer.
func (e *Exchange) setHead(raw []byte) {
	first, fields := parseHead(raw)
	e.ResponseHeader = fields
	proto, rest, _ := strings.Cut(first, " ")
	code, text, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	e.Proto, e.StatusText = proto, text
	e.Status, _ = strconv.Atoi(code)
}

// setResponse is setHead for an answer that never was on a wire; the order of
// the names is lost there, so they are sorted.
func (e *Exchange) setResponse(resp *http.Response) {
	e.Proto, e.Status = resp.Proto, resp.StatusCode
	e.StatusText = strings.TrimPrefix(strings.TrimPrefix(resp.Status, strconv.Itoa(resp.StatusCode)), " ")
	for name, values := range resp.Header {
		for _, v := range values {
			e.ResponseHeader = append(e.ResponseHeader, [2]string{name, v})
		}
	}
	sort.SliceStable(e.ResponseHeader, func(i, j int) bool { return e.ResponseHeader[i][0] < e.ResponseHeader[j][0] })
}

// readHead reads one head including its empty line. The budget is what all
// heads of one answer may use together. What is not HTTP is found at the
// first bytes, not at the end of a line that may never come.
func readHead(br *bufio.Reader, budget *int) ([]byte, error) {
	const magic = "HTTP/"
	start, err := br.Peek(len(magic))
	if !strings.HasPrefix(magic, string(start)) || (err == nil && string(start) != magic) {
		more, _ := br.Peek(br.Buffered())
		return nil, &notHTTP{first: bytes.Clone(more[:min(len(more), maxQuoted+1)])}
	}
	if err != nil {
		return nil, err
	}
	var raw []byte
	for lineStart := 0; ; {
		part, err := br.ReadSlice('\n')
		if *budget -= len(part); *budget < 0 {
			return raw, errOverLimit
		}
		raw = append(raw, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return raw, err
		}
		if line := raw[lineStart:]; len(line) == 1 || len(line) == 2 && line[0] == '\r' {
			return raw, nil
		}
		lineStart = len(raw)
	}
}

// interim tells whether the head is one that only announces another (RFC 9110
// 15.2). 101 is not: what follows it is no HTTP.
func interim(raw []byte) bool {
	_, rest, _ := bytes.Cut(raw[:min(len(raw), 16)], []byte(" "))
	return len(rest) >= 3 && rest[0] == '1' && string(rest[:3]) != "101"
}

// source remembers how reading the connection ended, so that trouble of the
// connection and of a decoder inside can be told apart.
type source struct {
	r    io.Reader
	keep *bytes.Buffer // the first bytes as they came
	room int           // what keep and the decoder may still take
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	if s.room <= 0 {
		return 0, errRoom
	}
	n, err := s.r.Read(p[:min(len(p), s.room)])
	s.room -= n
	s.keep.Write(p[:n])
	if err != nil {
		s.err = err
	}
	return n, err
}

var errRoom = errors.New("more compressed bytes than the whole body may have")

// readBody reads at most limit bytes, undoing gzip and deflate. What cannot be
// undone is kept as it came, and encoding says in what.
func (e *Exchange) readBody(r io.Reader, encoding string, limit int) error {
	encoding = strings.ToLower(strings.TrimSpace(encoding))
	if encoding == "identity" {
		encoding = ""
	}
	compressed := encoding == "gzip" || encoding == "x-gzip" || encoding == "deflate"
	if !compressed {
		body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
		e.setBody(body, limit, err)
		if len(body) > 0 {
			e.Encoding = encoding
		}
		return err
	}

	src := &source{r: r, keep: new(bytes.Buffer), room: limit + 1}
	var plain io.Reader
	var err error
	if encoding == "deflate" {
		plain, err = zlib.NewReader(src)
	} else {
		plain, err = gzip.NewReader(src)
	}
	var body []byte
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(plain, int64(limit)+1))
	}
	broken := src.err
	if errors.Is(broken, io.EOF) {
		broken = nil
	}
	switch {
	case err == nil && len(body) > limit:
		e.setBody(body, limit, nil)
		return nil
	case err == nil, len(body) > 0:
		e.setBody(body, limit, err)
		if err == nil && broken == nil {
			// The decoder stops at its own end; the connection may say more.
			_, broken = io.Copy(io.Discard, io.LimitReader(r, int64(limit)))
		}
		return broken
	}
	// Not what the header says: show the bytes themselves.
	var rest []byte
	if broken == nil && src.err == nil {
		rest, broken = io.ReadAll(io.LimitReader(r, int64(src.room)))
	}
	body = append(src.keep.Bytes(), rest...)
	e.setBody(body, limit, broken)
	if len(body) > 0 {
		e.Encoding = encoding
	}
	return broken
}

func (e *Exchange) setBody(body []byte, limit int, err error) {
	e.Truncated = err != nil || len(body) > limit
	if len(body) > limit {
		body = body[:limit:limit]
	}
	e.Body = body
}
