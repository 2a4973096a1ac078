package target

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestFloor(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "::": "unspecified",
		"::ffff:0.0.0.0":  "unspecified",
		"169.254.169.254": "metadata", "::ffff:169.254.169.254": "metadata", "fd00:ec2::254": "metadata",
		"100.100.100.200": "metadata", "168.63.129.16": "metadata", "192.0.0.192": "metadata", "fd20:ce::254": "metadata",
		"169.254.1.1": "link-local", "fe80::1": "link-local", "febf::1": "link-local", "fec0::1": "link-local",
		"224.0.0.1": "multicast", "ff02::1": "multicast", "240.0.0.1": "reserved", "255.255.255.255": "reserved",
		"::127.0.0.1": "ipv4-compatible", "::10.0.0.1": "ipv4-compatible", "::ffff:0:127.0.0.1": "ipv4-compatible",
		"64:ff9b::7f00:1": "nat64", "64:ff9b::a9fe:a9fe": "nat64", "64:ff9b:1::a00:1": "nat64",
		"2002:7f00:1::": "6to4", "2002:a9fe:a9fe::1": "6to4", "192.88.99.1": "6to4",
		"2001:0:53aa:64c:0:0:80ff:fffe": "teredo",
		"fe80::1%lo":                    "zone", "::1%lo": "zone", "fd00::1%eth0": "zone",

		"127.0.0.1": "", "127.9.9.9": "", "::1": "", "::ffff:127.0.0.1": "",
		"10.0.0.1": "", "172.16.5.5": "", "192.168.1.20": "", "100.64.0.1": "", "fd12:3456::1": "",
		"8.8.8.8": "", "2001:db8::1": "", "2606:4700::1111": "", "::2:0:0": "",
	} {
		t.Run(addr, func(t *testing.T) {
			if got := floor(netip.MustParseAddr(addr)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	if floor(netip.Addr{}) == "" {
		t.Error("the zero address passed")
	}
}

func TestPolicyAllow(t *testing.T) {
	listed := []Target{{Product: "p", Host: "srv.lab", Port: 9419}, {Host: "10.0.0.5", Port: 443}, {Host: "169.254.169.254", Port: 80}}
	mem := NewMemory(nil)
	for _, c := range []struct {
		name   string
		policy Policy
		t      Target
		want   string // rule
	}{
		{"the zero policy reaches the sandbox", Policy{}, Target{Via: mem, Plain: true}, ""},
		{"the zero policy reaches nothing else", Policy{}, Target{Host: "srv.lab", Port: 9419}, "sandbox-only"},
		{"an unknown mode is the sandbox", Policy{Mode: 7}, Target{Host: "srv.lab", Port: 9419}, "sandbox-only"},
		{"a listed name", Policy{Mode: Allowlist, Listed: listed}, Target{Product: "p", Host: "srv.lab", Port: 9419}, ""},
		{"a listed private address", Policy{Mode: Allowlist, Listed: listed}, Target{Product: "p", Host: "10.0.0.5", Port: 443}, ""},
		{"a listed name at another port", Policy{Mode: Allowlist, Listed: listed}, Target{Host: "srv.lab", Port: 443}, "not-listed"},
		{"a listed name for another product", Policy{Mode: Allowlist, Listed: listed}, Target{Product: "q", Host: "srv.lab", Port: 9419}, "not-listed"},
		{"an unlisted name", Policy{Mode: Allowlist, Listed: listed}, Target{Host: "evil.lab", Port: 9419}, "not-listed"},
		{"the floor holds for the listed too", Policy{Mode: Allowlist, Listed: listed}, Target{Host: "169.254.169.254", Port: 80}, "metadata"},
		{"the sandbox is reached in every mode", Policy{Mode: Allowlist}, Target{Via: mem}, ""},
		{"open takes names", Policy{Mode: Open}, Target{Host: "srv.lab", Port: 9419}, ""},
		{"open takes loopback", Policy{Mode: Open}, Target{Host: "127.0.0.1", Port: 9419}, ""},
		{"open keeps the floor", Policy{Mode: Open}, Target{Host: "fe80::1", Port: 9419}, "link-local"},
		{"plain is for the sandbox", Policy{Mode: Open}, Target{Host: "srv.lab", Port: 80, Plain: true}, "plain"},
	} {
		t.Run(c.name, func(t *testing.T) { wantRule(t, c.policy.Allow(c.t), c.want) })
	}
}

func TestPolicyCheck(t *testing.T) {
	at := netip.MustParseAddrPort
	own := []netip.AddrPort{at("127.0.0.1:6379"), at("[::]:8080")}
	open := Policy{Mode: Open, Own: own}
	list := Policy{Mode: Allowlist, Own: own}
	for _, c := range []struct {
		name   string
		policy Policy
		host   string
		at     string
		want   string
	}{
		{"the sandbox dials nothing", Policy{}, "a", "8.8.8.8:443", "sandbox-only"},
		{"private is fine", open, "a", "10.1.1.1:443", ""},
		{"the store", open, "a", "127.0.0.1:6379", "own-listener"},
		{"the store through IPv6", open, "a", "[::ffff:127.0.0.1]:6379", "own-listener"},
		{"the store's port elsewhere", open, "a", "10.1.1.1:6379", ""},
		{"our listener by loopback", open, "a", "127.0.0.1:8080", "own-listener"},
		{"our listener by other loopback", open, "a", "127.8.8.8:8080", "own-listener"},
		{"our listener by IPv6 loopback", open, "a", "[::1]:8080", "own-listener"},
		{"a listed name that flipped to loopback", list, "srv.lab", "127.0.0.1:443", "listed-name-is-loopback"},
		{"a listed name that flipped to mapped loopback", list, "srv.lab", "[::ffff:127.0.0.1]:443", "listed-name-is-loopback"},
		{"a listed localhost", list, "localhost", "127.0.0.1:443", ""},
		{"a listed loopback address", list, "127.0.0.1", "127.0.0.1:443", ""},
		{"a listed private machine", list, "srv.lab", "192.168.1.20:443", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantRule(t, c.policy.Check(Target{Host: c.host, Port: 443}, at(c.at)), c.want)
		})
	}
	t.Run("our listener by every address of this machine", func(t *testing.T) {
		all, err := net.InterfaceAddrs()
		if err != nil {
			t.Skip(err)
		}
		for _, a := range all {
			ip, _ := netip.AddrFromSlice(a.(*net.IPNet).IP)
			if err := open.Check(Target{}, netip.AddrPortFrom(ip.Unmap(), 8080)); err == nil {
				t.Errorf("%s was allowed", ip)
			}
		}
	})
}

func TestRefusalsDoNotTellRangesApart(t *testing.T) {
	p := Policy{Mode: Open, Own: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:6379")}}
	one := p.Check(Target{Host: "a", Port: 6379}, netip.MustParseAddrPort("127.0.0.1:6379"))
	two := p.Check(Target{Host: "a", Port: 6379}, netip.MustParseAddrPort("169.254.169.254:6379"))
	if one.Error() != two.Error() {
		t.Errorf("%q differs from %q", one, two)
	}
}

func TestParseMode(t *testing.T) {
	for _, m := range []Mode{Sandbox, Allowlist, Open} {
		if got, err := ParseMode(m.String()); err != nil || got != m {
			t.Errorf("%s became %s, %v", m, got, err)
		}
	}
	if _, err := ParseMode("wide-open"); err == nil {
		t.Error("an unknown mode was taken")
	}
}

func wantRule(t *testing.T, err error, rule string) {
	t.Helper()
	if rule == "" {
		if err != nil {
			t.Errorf("got %v", err)
		}
		return
	}
	var f *Failure
	if !errors.As(err, &f) || f.Kind != RefusedByPolicy || f.Rule != rule || f.Sentence == "" || f.Remedy == "" {
		t.Errorf("got %#v, want rule %q", err, rule)
	}
}
