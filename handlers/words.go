package handlers

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// span says a duration in two units, without a second one that is zero:
// "13 d 23 h", "52 min 18 s", "14 d", "9 s".
func span(d time.Duration) string {
	text := countdown(d)
	for _, zero := range []string{" 0 h", " 0 min", " 0 s"} {
		text = strings.TrimSuffix(text, zero)
	}
	return text
}

// countdown is span as the page's script goes on with it: always two units
// from a minute on.
func countdown(d time.Duration) string {
	s := int64(d.Round(time.Second).Abs() / time.Second)
	switch {
	case s >= 86400:
		return fmt.Sprintf("%d d %d h", s/86400, s%86400/3600)
	case s >= 3600:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	case s >= 60:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d s", s)
}

// took says how long a call took.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05") }

func fullTime(t time.Time) string { return t.UTC().Format("15:04:05 UTC, 2 January 2006") }

// until says a moment with its day only where it is not today.
func until(t, now time.Time) string {
	if t.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		return clockTime(t) + " UTC"
	}
	return t.UTC().Format("15:04 UTC on 2 January 2006")
}

func bytesSize(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f KB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	r, size := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(r)) + s[size:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") && !strings.HasSuffix(s, "!") {
		s += "."
	}
	return s
}

func hasPort(host string) bool {
	if strings.HasPrefix(host, "[") {
		return strings.Contains(host, "]:")
	}
	return strings.Count(host, ":") == 1
}

func withPort(host, port string) string {
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// colons writes a fingerprint the way that consoles show it.
func colons(hex string) string {
	hex = strings.ToUpper(hex)
	var b strings.Builder
	for i := 0; i < len(hex); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(hex[i:min(i+2, len(hex))])
	}
	return b.String()
}
