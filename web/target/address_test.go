package target

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	long := strings.Repeat("a23456789.", 25) + "abc" // 253
	for _, c := range []struct {
		name, in string
		host     string
		port     int
	}{
		{"a name takes the product's port", "srv.lab.local", "srv.lab.local", 9419},
		{"a port that was typed wins", "srv.lab.local:443", "srv.lab.local", 443},
		{"a copied URL is fine", "https://srv.lab.local:9419/", "srv.lab.local", 9419},
		{"capitals are made small", "HTTPS://SRV.Lab.Local", "srv.lab.local", 9419},
		{"a trailing dot goes", "srv.lab.local.:1", "srv.lab.local", 1},
		{"Windows names may hold an underscore", "SRV_01", "srv_01", 9419},
		{"IPv4", "192.168.1.20:9419", "192.168.1.20", 9419},
		{"IPv6 in brackets", "[::1]:9419", "::1", 9419},
		{"IPv6 in brackets without a port", "[2001:DB8:0::1]", "2001:db8::1", 9419},
		{"IPv6 without brackets has no port", "2001:db8::1", "2001:db8::1", 9419},
		{"IPv4 inside IPv6 is unwrapped", "[::ffff:127.0.0.1]:80", "127.0.0.1", 80},
		{"253 characters fit", long, long, 9419},
		{"a name may start with a number", "1and1.example", "1and1.example", 9419},
		{"a port may have leading zeros", "a:0443", "a", 443},
	} {
		t.Run(c.name, func(t *testing.T) {
			host, port, err := ParseAddress(c.in, 9419)
			if err != nil || host != c.host || port != c.port {
				t.Errorf("ParseAddress(%q) = %q, %d, %v; want %q, %d", c.in, host, port, err, c.host, c.port)
			}
		})
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "no address"},
		{"admin:Password1@srv", "an @"},
		{"https://srv#@evil", "an @"},
		{"http://srv", "plain http"},
		{"ftp://srv", `"ftp" is not a scheme`},
		{"file:///etc/passwd", "not a scheme"},
		{"srv/api/oauth2/token", "a path"},
		{"https://srv//", "a path"},
		{"srv?access_token=canary", "a query"},
		{"srv#canary", "a #"},
		{"srv%2elocal", "a %"},
		{"[fe80::1%25lo]", "a %"},
		{"[fe80::1%lo]:9419", "a %"},
		{"fe80::1%eth0", "a %"},
		{"srv%00", "a %"},
		{"srv\x00", "invisible character U+0000"},
		{"srv\t", "invisible character U+0009"},
		{"srv\r\nHost: x", "invisible character U+000D"},
		{"srv\u200b", "invisible character U+200B"},
		{"srv\u202elocal", "invisible character U+202E"},
		{"srv local", "a space"},
		{" srv", "a space"},
		{"srv\u00a0", "a space"},
		{`srv\share`, "a backslash"},
		{"\xff", "not valid text"},
		{"１２７.0.0.1", "only looks like a digit"},
		{"srv:９４１９", "only looks like a digit"},
		{"münchen.local", "outside ASCII"},
		{"srv。local", "outside ASCII"},
		{"srv:", "nothing follows the colon"},
		{"srv:0", "not a port"},
		{"srv:65536", "not a port"},
		{"srv:+443", "not a port"},
		{"srv:-1", "not a port"},
		{"srv:1e3", "not a port"},
		{"srv:99999999999999999999", "not a port"},
		{":9419", "name is missing"},
		{".", "name is missing"},
		{"https://", "name is missing"},
		{"srv..local", "a dot too many"},
		{"..", "a dot too many"},
		{"-oProxyCommand=x", "hyphen"},
		{"a_b!", `'!'`},
		{"a,b", `','`},
		{strings.Repeat("a", 64), "longer than 63"},
		{strings.Repeat("a23456789.", 25) + "abcd", "longer than 253"},
		{strings.Repeat("a", 2000), "longer than 1024"},
		{"2130706433", "not an IPv4 address"},
		{"0x7f000001", "not an IPv4 address"},
		{"0177.0.0.1", "not an IPv4 address"},
		{"127.1", "not an IPv4 address"},
		{"127.0.0.0x1", "not an IPv4 address"},
		{"1.2.3.4.5", "not an IPv4 address"},
		{"256.1.1.1", "not an IPv4 address"},
		{"a.0x", "not an IPv4 address"},
		{"[::1", "never closed"},
		{"[::1]9419", "other than a port"},
		{"[127.0.0.1]:1", "not an IPv6 address"},
		{"[srv]:1", "not an IPv6 address"},
		{"::1::", "not an IPv6 address"},
		{"a:1:2", "not an IPv6 address"},
	} {
		t.Run(strconv.QuoteToASCII(clip(c.in, 40)), func(t *testing.T) {
			host, port, err := ParseAddress(c.in, 9419)
			var bad *AddressError
			if !errors.Is(err, ErrAddress) || !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %q, %d, error %v; want an error with %q", host, port, err, c.want)
			}
			if bad.Remedy == "" {
				t.Error("the error offers no remedy")
			}
			for _, secret := range []string{"Password1", "canary"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error %q repeats a secret", err)
				}
			}
		})
	}
	t.Run("a port must be typed where the product has none", func(t *testing.T) {
		if _, _, err := ParseAddress("srv", 0); err == nil || !strings.Contains(err.Error(), "no port") {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"srv.lab.local:9419", "https://a/", "[::1]:1", "::ffff:1.2.3.4", "1.2.3.4", "a.", "0x1", "A_b-c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, port, err := ParseAddress(s, 9419)
		if err != nil {
			if !errors.Is(err, ErrAddress) || len(err.Error()) > 400 {
				t.Fatalf("%q: odd error %v", s, err)
			}
			return
		}
		if strings.ContainsAny(host, "@/%?#\\[] ") || len(host) > maxHost || port < 1 || port > 65535 {
			t.Fatalf("%q became %q, %d", s, host, port)
		}
		for _, again := range []string{net.JoinHostPort(host, strconv.Itoa(port)), "https://" + net.JoinHostPort(host, strconv.Itoa(port))} {
			h, p, err := ParseAddress(again, 1)
			if err != nil || h != host || p != port {
				t.Fatalf("%q: %q became %q, %d, %v", s, again, h, p, err)
			}
		}
		if h, _, err := ParseAddress(host, 1); err != nil || h != host {
			t.Fatalf("%q: host %q became %q, %v", s, host, h, err)
		}
	})
}

func TestTargetURL(t *testing.T) {
	for _, c := range []struct {
		name string
		t    Target
		want string
	}{
		{"port shown", Target{Host: "a", Port: 9419}, "https://a:9419"},
		{"usual port hidden", Target{Host: "a", Port: 443}, "https://a"},
		{"IPv6", Target{Host: "::1", Port: 9419}, "https://[::1]:9419"},
		{"IPv6 with the usual port", Target{Host: "::1", Port: 443}, "https://[::1]"},
		{"plain", Target{Host: "a", Port: 80, Plain: true}, "http://a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.t.BaseURL(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
