package target

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrAddress is behind every error of [ParseAddress].
var ErrAddress = errors.New("not an address of a target")

// AddressError says what is wrong with an address and what to type instead.
// It never repeats the whole input: people paste passwords and tokens.
type AddressError struct {
	// Problem and Remedy are one plain sentence each.
	Problem, Remedy string
}

func (e *AddressError) Error() string { return e.Problem + "; " + e.Remedy }

// Unwrap makes errors.Is(err, ErrAddress) true.
func (e *AddressError) Unwrap() error { return ErrAddress }

const (
	// maxHost is the longest name that DNS can carry (RFC 1035 2.3.4, without
	// the root's own length byte).
	maxHost = 253
	// maxTyped is far above any honest input; longer text is not looked at.
	maxTyped = 1024
)

// ParseAddress reads what a person types as the place of a target: a name or
// an address, with or without a port, with or without "https://". It returns
// the canonical host (lower case, no brackets, no trailing dot, IPv4 inside
// IPv6 unwrapped) and the port, defaultPort where none was typed. A
// defaultPort of 0 means that a port must be typed.
//
// Parsing the canonical form again gives the same. Errors are *[AddressError].
func ParseAddress(s string, defaultPort int) (host string, port int, err error) {
	bad := func(problem, remedy string) (string, int, error) {
		return "", 0, &AddressError{Problem: problem, Remedy: remedy}
	}
	const example = `type a name and a port, for example "srv.lab.local:9419"`

	switch {
	case s == "":
		return bad("no address was given", example)
	case len(s) > maxTyped:
		return bad(fmt.Sprintf("the address is longer than %d characters", maxTyped), example)
	case !utf8.ValidString(s):
		return bad("the address is not valid text", example)
	// Before everything that quotes input: what stands before the @ may be a
	// password.
	case strings.Contains(s, "@"):
		return bad("the address holds an @, so it may carry a user name or a password",
			"leave them out; the form has fields of their own for them")
	}
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f || unicode.Is(unicode.Cf, r) || (r > 0x7f && unicode.IsControl(r)):
			return bad(fmt.Sprintf("the address holds the invisible character %U", r), "delete it, or type the address by hand")
		case unicode.IsSpace(r):
			return bad("the address holds a space", "remove it")
		case r == '\\':
			return bad("the address holds a backslash", "use / or leave it out")
		case r == '%':
			return bad("the address holds a %; neither percent-encoding nor a network zone is taken",
				"write the plain name or the plain address")
		case r > 0x7f && unicode.IsDigit(r):
			return bad(fmt.Sprintf("the address holds %q, which only looks like a digit", r), "type it with the keys 0 to 9")
		}
	}

	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		switch strings.ToLower(scheme) {
		case "https":
		case "http":
			return bad("plain http would send the password unprotected", "use https://, or leave the scheme out")
		default:
			return bad(fmt.Sprintf("%q is not a scheme that is spoken here", clip(scheme, 20)), "use https://, or leave the scheme out")
		}
		rest = after
	}
	if strings.Contains(rest, "#") {
		return bad("the address holds a #", "leave out everything from the # on")
	}
	if strings.Contains(rest, "?") {
		return bad("the address holds a query (everything from the ? on)", "leave it out")
	}
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		if rest[at:] != "/" {
			return bad("the address holds a path", "leave out everything after the port; the product decides the path")
		}
		rest = rest[:at]
	}

	name, digits, hasPort, err := splitPort(rest)
	if err != nil {
		return "", 0, err
	}
	host, err = canonicalHost(name, strings.HasPrefix(rest, "["))
	if err != nil {
		return "", 0, err
	}
	port = defaultPort
	if hasPort {
		port, err = parsePort(digits)
		if err != nil {
			return "", 0, err
		}
	}
	if port < 1 || port > 65535 {
		return bad("the address has no port", `add one, for example ":9419"`)
	}
	return host, port, nil
}

// splitPort takes rest apart; an address of several colons without brackets
// is IPv6 without a port.
func splitPort(rest string) (name, digits string, hasPort bool, err error) {
	if strings.HasPrefix(rest, "[") {
		inside, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return "", "", false, &AddressError{"the bracket [ is never closed", `write IPv6 as "[2001:db8::1]:9419"`}
		}
		if after == "" {
			return inside, "", false, nil
		}
		if after[0] != ':' {
			return "", "", false, &AddressError{"something other than a port follows the bracket ]", `write IPv6 as "[2001:db8::1]:9419"`}
		}
		return inside, after[1:], true, nil
	}
	switch strings.Count(rest, ":") {
	case 0:
		return rest, "", false, nil
	case 1:
		name, digits, _ = strings.Cut(rest, ":")
		return name, digits, true, nil
	}
	return rest, "", false, nil
}

func parsePort(digits string) (int, error) {
	remedy := "use a number from 1 to 65535"
	if digits == "" {
		return 0, &AddressError{"nothing follows the colon", remedy + ", or leave the colon out"}
	}
	// strconv takes a sign; people who type one mean something else.
	n, err := strconv.Atoi(digits)
	if err != nil || digits[0] < '0' || digits[0] > '9' || n < 1 || n > 65535 {
		return 0, &AddressError{fmt.Sprintf("%q is not a port", clip(digits, 20)), remedy}
	}
	return n, nil
}

func canonicalHost(name string, bracketed bool) (string, error) {
	if bracketed || strings.Contains(name, ":") {
		a, err := netip.ParseAddr(name)
		if err != nil || !strings.Contains(name, ":") {
			return "", &AddressError{fmt.Sprintf("%q is not an IPv6 address", clip(name, 50)), `write IPv6 as "[2001:db8::1]:9419"`}
		}
		return a.Unmap().String(), nil
	}
	if len(name) > maxHost+1 || len(strings.TrimSuffix(name, ".")) > maxHost {
		return "", &AddressError{fmt.Sprintf("the name is longer than %d characters", maxHost), "check that it is only a name"}
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" {
		return "", &AddressError{"the name is missing", `type a name and a port, for example "srv.lab.local:9419"`}
	}
	labels := strings.Split(name, ".")
	// Resolvers read "127.1", "0x7f000001" and "0177.0.0.1" as IPv4; a name
	// that ends in a number is therefore four plain numbers or nothing
	// (WHATWG URL, "ends in a number").
	if numeric(labels[len(labels)-1]) {
		a, err := netip.ParseAddr(name)
		if err != nil {
			return "", &AddressError{fmt.Sprintf("%q is not an IPv4 address", clip(name, 50)), `write four numbers from 0 to 255 without leading zeros, for example "192.168.1.20"`}
		}
		return a.String(), nil
	}
	for _, label := range labels {
		switch {
		case label == "":
			return "", &AddressError{"the name has a dot too many", "check the dots"}
		case len(label) > 63:
			return "", &AddressError{"a part of the name between two dots is longer than 63 characters", "check the name"}
		case label[0] == '-' || label[len(label)-1] == '-':
			return "", &AddressError{"a part of the name starts or ends with a hyphen", "check the name"}
		}
		for _, r := range label {
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			case r > 0x7f:
				return "", &AddressError{fmt.Sprintf("the name holds %q, a letter outside ASCII", r), "write the name in its xn-- form"}
			default:
				return "", &AddressError{fmt.Sprintf("the name holds %q", r), "use letters, digits, hyphens and dots"}
			}
		}
	}
	return name, nil
}

// numeric tells whether a resolver could read the label as a number.
func numeric(label string) bool {
	if label == "" {
		return false
	}
	hex, isHex := strings.CutPrefix(label, "0x")
	for _, r := range hex {
		if !(r >= '0' && r <= '9' || isHex && r >= 'a' && r <= 'f') {
			return false
		}
	}
	return true
}

// clip shortens s to at most n bytes for a message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
