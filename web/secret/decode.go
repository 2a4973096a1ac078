package secret

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// layer is a text decoded from another, with where in the first of them each
// of its bytes comes from. Without from and to it is that text itself.
type layer struct {
	text     string
	from, to []int32
}

// source gives the place in the first text that bytes a to b were decoded
// from; a < b.
func (l layer) source(a, b int) (from, to int) {
	if l.from == nil {
		return a, b
	}
	return int(l.from[a]), int(l.to[b-1])
}

// below collects a layer that is decoded from l.
type below struct {
	l        layer
	text     []byte
	from, to []int32
}

// under makes room for as much as l holds.
func under(l layer) *below {
	n := len(l.text)
	return &below{l, make([]byte, 0, n), make([]int32, 0, n), make([]int32, 0, n)}
}

// add appends a byte that stands for start to end of the text above.
func (b *below) add(decoded byte, start, end int) {
	from, to := b.l.source(start, end)
	b.text = append(b.text, decoded)
	b.from = append(b.from, int32(from))
	b.to = append(b.to, int32(to))
}

func (b *below) layer() layer { return layer{string(b.text), b.from, b.to} }

// escapes are the ways to escape a single character, each with the sign that
// it begins with. read gives the character and the escape's length, 0 for none.
var escapes = []struct {
	sign byte
	read func(s string) (decoded string, n int)
}{
	{'\\', backslash},
	{'%', percent},
	{'&', entity},
}

// unescape undoes one way of escaping, once. It reports whether there was
// anything to undo.
func (l layer) unescape(sign byte, read func(string) (string, int)) (layer, bool) {
	if strings.IndexByte(l.text, sign) < 0 {
		return l, false
	}
	b := under(l)
	found := false
	for i := 0; i < len(l.text); {
		n := 0
		if l.text[i] == sign {
			var decoded string
			decoded, n = read(l.text[i:])
			for j := range len(decoded) {
				b.add(decoded[j], i, i+n)
			}
		}
		if n == 0 {
			b.add(l.text[i], i, i+1)
			n = 1
		} else {
			found = true
		}
		i += n
	}
	return b.layer(), found
}

// backslash reads what JSON and JavaScript write.
func backslash(s string) (decoded string, n int) {
	if len(s) < 2 {
		return "", 0
	}
	if i := strings.IndexByte(`"\/'bfnrt`, s[1]); i >= 0 {
		return "\"\\/'\b\f\n\r\t"[i : i+1], 2
	}
	if s[1] == 'x' {
		return hexByte(s, 2)
	}
	return utf16Escape(s, `\u`)
}

// percent reads what stands in URLs and forms, and what JavaScript's escape
// writes.
func percent(s string) (decoded string, n int) {
	if decoded, n = hexByte(s, 1); n == 0 {
		decoded, n = utf16Escape(s, `%u`)
	}
	return decoded, n
}

// longestEntity is the length of the longest name in HTML's list, with & and ;.
const longestEntity = 33

// entity reads what HTML writes, with its semicolon: browsers do without, but
// nothing writes it so.
func entity(s string) (decoded string, n int) {
	n = strings.IndexByte(s[:min(len(s), longestEntity)], ';') + 1
	if n == 0 {
		return "", 0
	}
	if decoded = html.UnescapeString(s[:n]); len(decoded) > 1 && strings.HasSuffix(decoded, ";") {
		return "", 0 // as it was, or only its beginning is an entity
	}
	return decoded, n
}

func hexByte(s string, at int) (string, int) {
	if len(s) < at+2 {
		return "", 0
	}
	v, err := strconv.ParseUint(s[at:at+2], 16, 8)
	if err != nil {
		return "", 0
	}
	return string([]byte{byte(v)}), at + 2
}

// utf16Escape reads prefix and four digits, and both halves of a pair.
func utf16Escape(s, prefix string) (string, int) {
	unit := func(s string) (rune, bool) {
		if len(s) < 6 || s[:2] != prefix {
			return 0, false
		}
		v, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(v), err == nil
	}
	one, ok := unit(s)
	if !ok {
		return "", 0
	}
	if !utf16.IsSurrogate(one) {
		return string(one), 6
	}
	if two, ok := unit(s[6:]); ok {
		if r := utf16.DecodeRune(one, two); r != utf8.RuneError {
			return string(r), 12
		}
	}
	return "", 0
}

// groups is how many characters base64 works on at a time.
const groups = 4

// unbase64 decodes every run of base64 characters, of either alphabet, with or
// without padding and line breaks, after leaving out its first skip
// characters. What is no base64 becomes one zero byte.
func (l layer) unbase64(skip int) layer {
	b := under(l)
	var bits, have uint
	run, last, begun := 0, 0, 0 // characters of this run, where the last one stood, what was decoded before
	for i := range len(l.text) {
		c := l.text[i]
		v := sextets[c]
		switch {
		case v < 64:
			if run == 0 {
				begun = len(b.text)
			}
			if run++; run <= skip {
				continue
			}
			bits, have = bits<<6|uint(v), have+6
			if have >= 8 {
				have -= 8
				b.add(byte(bits>>have), last, i+1)
			}
			last = i
			continue
		case c == '\r' || c == '\n':
			continue
		case c == '=' && len(b.text) > begun:
			_, to := l.source(i, i+1)
			b.to[len(b.to)-1] = int32(to)
		case run > 0:
			b.add(0, i, i+1)
			begun = len(b.text)
		}
		run, bits, have = 0, 0, 0
	}
	return b.layer()
}

// sextets are the six bits that a character stands for in either alphabet, and
// 64 for all others.
var sextets = func() (all [256]byte) {
	for i := range all {
		all[i] = 64
	}
	for _, last := range []string{"+/", "-_"} {
		for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last) {
			all[c] = byte(i)
		}
	}
	return all
}()
