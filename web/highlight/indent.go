package highlight

import "strings"

// indent lays out valid JSON with two spaces and stops after Max bytes, which
// [encoding/json.Indent] cannot: a few kilobytes of brackets within brackets
// have an indented form of a hundred megabytes.
func indent(valid string) (shown string, cut bool) {
	var b strings.Builder
	depth := 0
	feed := func() {
		b.WriteByte('\n')
		for range depth {
			b.WriteString("  ")
		}
	}
	for i := 0; i < len(valid); i++ {
		if b.Len() > Max {
			return wholeLines(b.String()), true
		}
		switch c := valid[i]; c {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			b.WriteByte(c)
			if next := skipSpace(valid, i+1); valid[next] == '}' || valid[next] == ']' {
				b.WriteByte(valid[next])
				i = next
				continue
			}
			depth++
			feed()
		case '}', ']':
			depth--
			feed()
			b.WriteByte(c)
		case ',':
			b.WriteByte(c)
			feed()
		case ':':
			b.WriteString(": ")
		case '"':
			end := endOfString(valid, i)
			b.WriteString(valid[i:end])
			i = end - 1
		default:
			b.WriteByte(c)
		}
	}
	if b.Len() > Max {
		return wholeLines(b.String()), true
	}
	return b.String(), false
}

// wholeLines keeps what fits within Max bytes, up to the end of a line if there
// is one.
func wholeLines(s string) string {
	s, _ = limit(s)
	if at := strings.LastIndexByte(s, '\n'); at > 0 {
		return s[:at]
	}
	return s
}

func skipSpace(s string, at int) int {
	for strings.IndexByte(" \t\r\n", s[at]) >= 0 {
		at++
	}
	return at
}

// endOfString returns where the string that begins at a position ends.
func endOfString(s string, at int) int {
	for i := at + 1; ; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}
