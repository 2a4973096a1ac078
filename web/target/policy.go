package target

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Mode says how far calls may go.
type Mode int

// The modes. The zero value is the safest.
const (
	// Sandbox opens no socket at all; only targets with Via are called.
	Sandbox Mode = iota
	// Allowlist calls the listed targets only.
	Allowlist
	// Open calls any address above the floor, private and loopback ones too.
	Open
)

var modeNames = [...]string{"sandbox", "allowlist", "open"}

// ParseMode reads "sandbox", "allowlist" or "open".
func ParseMode(s string) (Mode, error) {
	for i, name := range modeNames {
		if s == name {
			return Mode(i), nil
		}
	}
	return Sandbox, fmt.Errorf("%q is not an egress mode; use %s", clip(s, 20), strings.Join(modeNames[:], ", "))
}

func (m Mode) String() string {
	if m < 0 || int(m) >= len(modeNames) {
		return fmt.Sprintf("mode(%d)", int(m))
	}
	return modeNames[m]
}

// Policy decides which targets may be called. The zero value allows the
// sandbox only.
type Policy struct {
	Mode Mode
	// Listed are the operator's targets. Their CA and Pin apply in every mode
	// to whoever calls the same host, port and product.
	Listed []Target
	// Own are our listeners and the store. An unspecified address stands for
	// every address of this machine.
	Own []netip.AddrPort
}

// Allow says whether t may be called at all, before anything is looked up. A
// refusal is a *[Failure] of kind [RefusedByPolicy] and does not depend on
// whether the host exists.
func (p Policy) Allow(t Target) error {
	if t.Via != nil {
		return nil
	}
	if t.Plain {
		return refusal(t, "plain", "plain http would send the password unprotected", "call the target by https")
	}
	switch p.Mode {
	case Allowlist:
		if _, ok := p.listed(t); !ok {
			return refusal(t, "not-listed", "this playground calls only the targets that its operator listed",
				"choose one of them or the sandbox, or ask the operator to add yours")
		}
	case Open:
	default:
		return refusal(t, "sandbox-only", "this playground calls its own sandbox only", "choose the sandbox; to call a machine of yours, run the playground yourself")
	}
	if a, err := netip.ParseAddr(t.Host); err == nil {
		return p.Check(t, netip.AddrPortFrom(a, uint16(t.Port)))
	}
	return nil
}

// Check says whether the address that t's name led to may be connected. It is
// asked for every address, at the moment of dialling. Refusals are like those
// of Allow.
func (p Policy) Check(t Target, at netip.AddrPort) error {
	if p.Mode != Allowlist && p.Mode != Open {
		return refusal(t, "sandbox-only", "this playground calls its own sandbox only", "choose the sandbox; to call a machine of yours, run the playground yourself")
	}
	no := func(rule string) error {
		return refusal(t, rule, "the address behind "+t.Address()+" is one that a playground never calls", "use the address of the product's own server")
	}
	if rule := floor(at.Addr()); rule != "" {
		return no(rule)
	}
	addr := at.Addr().Unmap()
	if p.own(addr, at.Port()) {
		return no("own-listener")
	}
	// A listed name is meant for a machine in the network. When it leads to
	// this one, its DNS entry is wrong or hostile, unless the operator wrote
	// loopback down.
	if p.Mode == Allowlist && addr.IsLoopback() && !saysLoopback(t.Host) {
		return no("listed-name-is-loopback")
	}
	return nil
}

func refusal(t Target, rule, sentence, remedy string) error {
	return &Failure{Kind: RefusedByPolicy, Phase: PhaseResolve, Address: t.Address(), Rule: rule, Sentence: sentence, Remedy: remedy}
}

// listed finds the operator's entry for t. An entry or a call without a
// product fits every product.
func (p Policy) listed(t Target) (Target, bool) {
	for _, l := range p.Listed {
		if l.Host == t.Host && l.Port == t.Port && (l.Product == t.Product || l.Product == "" || t.Product == "") {
			return l, true
		}
	}
	return Target{}, false
}

func saysLoopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func (p Policy) own(addr netip.Addr, port uint16) bool {
	for _, o := range p.Own {
		if o.Port() != port {
			continue
		}
		own := o.Addr().Unmap()
		if own == addr || own.IsUnspecified() && (addr.IsLoopback() || onThisMachine(addr)) {
			return true
		}
	}
	return false
}

// onThisMachine says yes when the interfaces cannot be read: the question is
// asked only about a port of ours.
func onThisMachine(addr netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == addr {
				return true
			}
		}
	}
	return false
}

// forbidden is the floor that nothing overrides. Sources: the IANA
// special-purpose address registries (IPv4, IPv6) and the metadata addresses
// that cloud vendors document.
var forbidden = []struct {
	rule     string
	prefixes []netip.Prefix
}{
	{"metadata", prefixes(
		"169.254.169.254/32", "fd00:ec2::254/128", // AWS, and most others by the first
		"100.100.100.200/32", // Alibaba
		"168.63.129.16/32",   // Azure's host channel
		"192.0.0.192/32",     // Oracle
		"fd20:ce::254/128",   // Google
		"fd00:42::42/128",    // Scaleway
	)},
	{"unspecified", prefixes("0.0.0.0/8", "::/128")},
	{"link-local", prefixes("169.254.0.0/16", "fe80::/10", "fec0::/10")},
	{"multicast", prefixes("224.0.0.0/4", "ff00::/8")},
	{"reserved", prefixes("240.0.0.0/4", "100::/64")},
	// Each of these wraps an IPv4 address that the checks above would miss.
	{"ipv4-compatible", prefixes("::/96", "::ffff:0:0:0/96")},
	{"nat64", prefixes("64:ff9b::/96", "64:ff9b:1::/48")},
	{"6to4", prefixes("2002::/16", "192.88.99.0/24")},
	{"teredo", prefixes("2001::/32")},
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// floor names the rule that forbids a, or is empty. netip's Contains is false
// for zoned and for IPv4-in-IPv6 addresses, so both are dealt with first.
func floor(a netip.Addr) string {
	if !a.IsValid() {
		return "not-an-address"
	}
	if a.Zone() != "" {
		return "zone"
	}
	a = a.Unmap()
	if a == netip.IPv6Loopback() { // inside ::/96, but an address in its own right
		return ""
	}
	for _, f := range forbidden {
		for _, p := range f.prefixes {
			if p.Contains(a) {
				return f.rule
			}
		}
	}
	return ""
}
