// Package target makes one bounded, guarded call to a machine that a person
// or an operator named, and reports exactly what went over the wire.
//
// A call has three gates, in this order: [Policy.Allow] before anything is
// looked up, [Policy.Check] on the very address that is dialled, and the
// certificate before a single byte of the request is written. Nothing follows
// a redirect, nothing asks the environment for a proxy, and no connection
// outlives its call, so that one visitor's trust never serves another.
package target

import (
	"crypto/x509"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// Target is one machine that may be called.
type Target struct {
	// Name is what people see, for example "Lab server".
	Name string
	// Product is the id of the product it runs; opaque here.
	Product string
	// Host is a name or an address as [ParseAddress] returns it: lower case,
	// without brackets, zone or trailing dot.
	Host string
	// Port is the TCP port, 1 to 65535.
	Port int
	// CA holds the roots that may have signed its certificate. Nil means the
	// system's roots.
	CA *x509.CertPool
	// Pin is the lower-case hex SHA-256 of the only leaf certificate that is
	// accepted, whatever any root says. Empty means none.
	Pin string
	// Via carries the call instead of the network: the sandbox inside this
	// process. Nothing is looked up or dialled then, and no policy applies.
	Via http.RoundTripper
	// Plain makes BaseURL say http. Only a target with Via may be plain.
	Plain bool
}

// BaseURL is scheme, host and port without a trailing slash, the port left
// out where it is the scheme's own: "https://srv.lab.local:9419".
func (t Target) BaseURL() string {
	scheme, usual := "https", 443
	if t.Plain {
		scheme, usual = "http", 80
	}
	if t.Port != 0 && t.Port != usual {
		return scheme + "://" + t.Address()
	}
	if strings.Contains(t.Host, ":") {
		return scheme + "://[" + t.Host + "]"
	}
	return scheme + "://" + t.Host
}

// Address is host and port as net.Dial takes them, IPv6 in brackets.
func (t Target) Address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }
