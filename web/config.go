package web

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/state"
	"tokenplayground/web/store/redisstore"
	"tokenplayground/web/target"
)

// Config is how the program is set up. [ParseConfig] makes one from flags and
// the environment; the zero value is not usable.
type Config struct {
	// Profile is "local", "class" or "demo". It carries the defaults of all
	// other fields.
	Profile string
	// Listen is the address of the listener, host:port; port 0 takes a free
	// one.
	Listen string
	// PublicURL is what people type: scheme, host and port. Empty means the
	// listener's own address. Its host is the one that requests must name.
	PublicURL string
	// Store is "bolt:PATH", "memory:", "redis://…" or "rediss://…".
	Store string
	// Keyring is the file of the server's keys. It is made once if it is
	// missing, unless replicas share a store.
	Keyring string
	// Targets is the file of the operator's targets; may be empty.
	Targets string
	// Dialects is the folder of the operator's own products; may be empty.
	Dialects string
	// Egress is "sandbox", "allowlist" or "open".
	Egress string
	// Metrics is the address of a second listener for Prometheus, on this
	// machine only; empty for none.
	Metrics string
	// Proxies are the addresses whose X-Forwarded-For says who a visitor is.
	Proxies []netip.Prefix
	// InsecureHTTP allows plain HTTP on an address that is not this machine's
	// own.
	InsecureHTTP bool
	// InsecureRedis allows a Redis on another machine without TLS.
	InsecureRedis bool
	// BehindLoopback is the operator's word that a listener on all addresses is
	// reached through this machine's loopback address alone, as a container's
	// is whose port is published at 127.0.0.1. PublicURL must then say so too.
	BehindLoopback bool

	// Limits bound each call to a target; zero fields mean the defaults.
	Limits target.Limits

	// Drain is how long the listener still takes connections after the end has
	// begun and /readyz says so, for balancers to notice; the program's is a
	// second.
	Drain time.Duration
	// Sessions is how many there may be at once; zero means 20,000.
	Sessions int
	// Visitors bounds what one visitor may have of the server; [ParseConfig] sets
	// those of the profile, and zero fields limit nothing.
	Visitors VisitorLimits
	// CheckArgs are the arguments with which this program, started once more,
	// does nothing but [CheckStore]. Without them a file that was not closed
	// in good order is checked in this process, which some damage ends.
	CheckArgs []string
	// LookAgain has the keyring's file read at once, and not only in its
	// turn; may be nil.
	LookAgain <-chan struct{}

	// Now and Log are for the program and its tests; nil means the real clock
	// and silence.
	Now func() time.Time
	Log *slog.Logger

	products *dialect.Catalog
	listed   []target.Target
	mode     target.Mode
	public   *url.URL
}

// The profiles.
const (
	Local = "local"
	Class = "class"
	Demo  = "demo"
)

// ParseConfig reads flags. Each has a twin in the environment, PLAYGROUND_ and
// its name in capitals, which counts where the flag is not given. The error
// holds every fault at once, each with its remedy.
func ParseConfig(args []string, getenv func(string) string, usage io.Writer) (Config, error) {
	var c Config
	fs := flag.NewFlagSet("playground serve", flag.ContinueOnError)
	fs.SetOutput(usage)
	env := func(name string) string {
		return getenv("PLAYGROUND_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	}
	text := func(p *string, name, help string) { fs.StringVar(p, name, env(name), help) }
	text(&c.Profile, "profile", "`local`, class or demo: who this is for; carries the other defaults (default local)")
	text(&c.Listen, "listen", "`address` to listen on (default 127.0.0.1:8080; class 0.0.0.0:8443)")
	text(&c.PublicURL, "public-url", "`URL` that people open, if it is not the listener's address")
	text(&c.Store, "store", "where sessions are kept: `bolt:PATH`, memory:, redis://… or rediss://… (default a file of this user's)")
	text(&c.Keyring, "keyring", "`file` of the server's keys (default beside the store's file, made once)")
	text(&c.Targets, "targets", "JSON `file` of the servers that may be called")
	text(&c.Dialects, "dialects", "`folder` of YAML files that describe products of your own")
	text(&c.Metrics, "metrics", "`address` on this machine for Prometheus to read /metrics at, for example 127.0.0.1:9464 (default none)")
	proxies := ""
	text(&proxies, "proxies", "`addresses` of the proxies in front, comma-separated, with or without /bits: theirs is the word on who a visitor is")
	text(&c.Egress, "egress", "how far calls may go: `sandbox`, allowlist or open (default local open, class allowlist, demo sandbox)")
	var bad []error
	flip := func(p *bool, name, help string) {
		set := false
		switch v := strings.ToLower(env(name)); v {
		case "", "0", "false":
		case "1", "true":
			set = true
		default:
			bad = append(bad, fmt.Errorf("PLAYGROUND_%s is %.20q; set it to true or false", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), v))
		}
		fs.BoolVar(p, name, set, help)
	}
	flip(&c.InsecureHTTP, "insecure-http", "allow plain http on an address that other machines reach")
	flip(&c.InsecureRedis, "insecure-redis", "allow redis:// without TLS to another machine, over a network that nobody else is on")
	flip(&c.BehindLoopback, "behind-loopback", "a listener on all addresses is reached at 127.0.0.1 only, as a container's port that is published there; then --egress open may be used")
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	if fs.NArg() > 0 {
		bad = append(bad, fmt.Errorf("%.40q is no flag; flags begin with --", fs.Arg(0)))
	}
	var err error
	if c.Proxies, err = parseProxies(proxies); err != nil {
		bad = append(bad, err)
	}
	bad = append(bad, c.setDefaults(getenv), c.Validate())
	c.Visitors = c.visitorLimits()
	return c, errors.Join(bad...)
}

// setDefaults fills what the profile carries.
func (c *Config) setDefaults(getenv func(string) string) error {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&c.Profile, Local)
	switch c.Profile {
	case Class:
		set(&c.Listen, "0.0.0.0:8443")
		set(&c.Egress, "allowlist")
	case Demo:
		set(&c.Listen, "127.0.0.1:8080")
		set(&c.Egress, "sandbox")
	default:
		set(&c.Listen, "127.0.0.1:8080")
		set(&c.Egress, "open")
	}
	if c.Store == "" || c.Keyring == "" {
		dir, err := state.Dir(getenv)
		if c.Store == "" {
			if err != nil {
				c.Store = "memory:" // so that the one fault is not reported twice
				return fmt.Errorf("%w; say where to keep sessions with --store bolt:PATH, or --store memory: to keep none", err)
			}
			c.Store = "bolt:" + filepath.Join(dir, "playground.db")
		}
		switch path, isBolt := strings.CutPrefix(c.Store, "bolt:"); {
		case c.Keyring != "":
		case isBolt && path != "":
			c.Keyring = filepath.Join(filepath.Dir(path), "keyring")
		}
	}
	return nil
}

// Validate checks everything that can be checked before anything listens, and
// names every fault with its remedy.
func (c *Config) Validate() error {
	var bad []error
	fault := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }

	if c.Profile != Local && c.Profile != Class && c.Profile != Demo {
		fault("--profile is %.20q; use local, class or demo", c.Profile)
	}
	mode, err := target.ParseMode(c.Egress)
	if err != nil {
		fault("--egress: %w", err)
	}
	c.mode = mode

	host, port, err := net.SplitHostPort(c.Listen)
	loopback := false
	switch {
	case err != nil:
		fault("--listen is %.60q; write host:port, for example 127.0.0.1:8080", c.Listen)
	default:
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			fault("--listen has the port %.20q; use a number from 0 to 65535", port)
		}
		if addr, err := netip.ParseAddr(host); err == nil {
			loopback = addr.IsLoopback()
		} else {
			loopback = host == "localhost"
		}
	}

	c.public = nil
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			fault("--public-url is %.80q; write http:// or https://, a host, and a port if it needs one", c.PublicURL)
		case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
			fault("--public-url has more than scheme, host and port; the playground lives at the root of its host")
		default:
			c.public = &url.URL{Scheme: u.Scheme, Host: u.Host}
		}
	}
	bad = append(bad, c.contradictions(loopback, err == nil)...)
	bad = append(bad, c.checkStore()...)

	if c.Metrics != "" {
		if err := checkMetrics(c.Metrics); err != nil {
			bad = append(bad, err)
		}
	}

	c.products = nil
	if c.Dialects != "" {
		own, err := dialect.Own(c.Dialects)
		if err == nil {
			c.products, err = dialect.NewCatalog(own...)
		}
		if err != nil {
			fault("--dialects: %w", err)
		}
	}

	c.listed = nil
	if c.Targets != "" {
		listed, err := target.LoadFile(c.Targets)
		if err != nil {
			fault("--targets: %w", err)
		}
		for _, t := range listed {
			if _, ok := c.products.Find(t.Product); !ok {
				fault("--targets %s: %q has the product %.20q; use one of %s", c.Targets, t.Name, t.Product, productIDs(c.products))
			}
		}
		if c.mode == target.Sandbox && err == nil {
			fault("--targets lists servers, but --egress sandbox calls none; use --egress allowlist")
		}
		c.listed = listed
	}
	return errors.Join(bad...)
}

func productIDs(products *dialect.Catalog) string {
	var ids []string
	for _, d := range products.All() {
		ids = append(ids, d.ID)
	}
	return strings.Join(ids, ", ")
}

// contradictions are what each setting alone would allow. loopback says that
// the listener is on this machine's own address, and listens that it could be
// read.
func (c *Config) contradictions(loopback, listens bool) (bad []error) {
	fault := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	known := c.Profile == Local || c.Profile == Class || c.Profile == Demo // or the defaults are nobody's wish
	publicLoopback := c.public != nil && isLoopbackHost(c.public.Hostname())
	elsewhere := c.public != nil && !publicLoopback

	if c.BehindLoopback && !publicLoopback {
		fault("--behind-loopback says that only this machine reaches the listener, but --public-url does not; set it to http://localhost:8080, or leave --behind-loopback out")
	}
	if c.mode == target.Open && known && listens {
		switch {
		case !loopback && !(c.BehindLoopback && publicLoopback):
			fault("--egress open lets everybody who reaches %s call any server from here; use --egress allowlist with --targets, or --listen 127.0.0.1:8080, or, where only this machine reaches the listener, --behind-loopback", c.Listen)
		case elsewhere:
			fault("--egress open lets everybody who reaches %s call any server from here; use --egress allowlist with --targets, or leave --public-url out", c.public)
		}
	}
	if c.Profile == Demo && c.mode != target.Sandbox {
		fault("--profile demo calls its sandbox only; leave --egress out, or use --profile local or class")
	}
	if !c.InsecureHTTP {
		switch {
		case elsewhere && c.public.Scheme == "http":
			fault("--public-url %s is plain http, which browsers and neighbours can read; use https behind a proxy that ends TLS, or add --insecure-http", c.public)
		case c.Profile == Class && publicLoopback && c.public.Scheme == "http" && listens && !loopback && !c.BehindLoopback:
			fault("--public-url %s makes a class room speak plain http to its network; write https://%s, or add --insecure-http", c.public, c.public.Host)
		case c.PublicURL == "" && listens && !loopback && known && c.Profile != Class: // a class room speaks TLS itself
			fault("--listen %s is plain http on a network; give the https address that people open with --public-url, or add --insecure-http", c.Listen)
		}
	}
	return bad
}

// checkStore looks at the store's name alone. Its errors show nothing of it
// that could be a password.
func (c *Config) checkStore() (bad []error) {
	fault := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	switch kind, rest, ok := strings.Cut(c.Store, ":"); {
	case ok && kind == "bolt" && rest != "":
	case ok && kind == "memory" && rest == "":
	case ok && (kind == "redis" || kind == "rediss"):
		host, err := redisstore.Host(c.Store)
		if err != nil {
			fault("--store: %w", err)
		} else if kind == "redis" && !isLoopbackHost(host) && !c.InsecureRedis {
			fault("--store redis: sends everything to %.60q in clear, its password too; use rediss://, or add --insecure-redis", host)
		}
		if c.Keyring == "" {
			fault("--store %s: shares sessions between replicas, so all need the same keys; give the file with --keyring", kind)
		}
	default:
		shown := c.Store
		if at := strings.LastIndexByte(shown, '@'); at >= 0 {
			shown = "…" + shown[at:]
		}
		fault("--store is %.60q; use bolt:PATH, memory:, redis://… or rediss://…", shown)
	}
	return bad
}

func isLoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
