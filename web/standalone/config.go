package standalone

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/state"
)

// DefaultControl is where the control API listens if nobody says otherwise.
const DefaultControl = "127.0.0.1:9191"

// Config is how the sandbox is set up. [ParseConfig] makes one from flags and
// the environment.
type Config struct {
	// Catalog has the products that may be played; nil means the built-in
	// ones.
	Catalog *dialect.Catalog
	// Products are the ids of those that are played; empty means all.
	Products []string
	// Ports by product, 0 for any free one; a product that is not named has its
	// own. Products may share a port if their calls can be told apart.
	Ports map[string]int
	// Host is the address to listen on; empty means 127.0.0.1.
	Host string
	// Names are further names and addresses of the certificate.
	Names []string
	// CA is the file for the certificate that clients trust; empty writes
	// none. With CAKey its key is kept there, and both are read at the next
	// start; without, each start makes a new one.
	CA, CAKey string
	// Control is the loopback address of the control API; port 0 takes a free
	// one. Empty means [DefaultControl].
	Control string
	// Strict reads all requests as the documents print them; see
	// [sandbox.Config].
	Strict bool
	// Store is "memory:" or "bolt:PATH"; empty means memory. A file keeps
	// keys, tokens and worlds from one start to the next.
	Store string
	// ReadyFile is written when everything listens and removed in the end, for
	// scripts; empty writes none. It holds a [Ready] as JSON.
	ReadyFile string
	// CheckArgs are those of the program that checks a store's file; see
	// [boltstore.Options].
	CheckArgs []string

	// Now and Log are for the program and its tests; nil means the real clock
	// and silence.
	Now func() time.Time
	Log *slog.Logger
}

// Ready says what listens where.
type Ready struct {
	// Control is the address of the control API, and CA the file of the
	// certificate to trust.
	Control string `json:"control"`
	CA      string `json:"ca,omitempty"`
	// Products has the address of each product by its id.
	Products map[string]string `json:"products"`
}

const usageHead = `playground sandbox plays the products over HTTPS on their real ports, as a test double for clients.

  playground sandbox --ca sandbox-ca.pem &
  curl --retry 20 --retry-connrefused http://127.0.0.1:9191/readyz
  curl --cacert sandbox-ca.pem https://127.0.0.1:PORT/…

The products sign in with administrator / Password1. /w/NAME before a product's path leads to a world of that name,
with tokens, faults and a clock of its own. The control API moves clocks, arms faults and lists the calls that came;
it describes itself at /openapi.json. SIGINT or SIGTERM ends the sandbox.

Each flag has a twin in the environment, PLAYGROUND_SANDBOX_ and its name in capitals. The products and their ports:

`

// ParseConfig reads flags. Each has a twin in the environment,
// PLAYGROUND_SANDBOX_ and its name in capitals, which counts where the flag is
// not given. The error holds every fault at once, each with its remedy.
func ParseConfig(args []string, getenv func(string) string, usage io.Writer) (Config, error) {
	var c Config
	var bad []error
	fs := flag.NewFlagSet("playground sandbox", flag.ContinueOnError)
	fs.SetOutput(usage)
	env := func(name string) string {
		return getenv("PLAYGROUND_SANDBOX_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	}
	text := func(p *string, name, help string) { fs.StringVar(p, name, env(name), help) }
	var products, ports, names, own string
	text(&products, "products", "`ids` of the products to play, comma-separated (default all)")
	text(&ports, "ports", "`id=port`, comma-separated, for products that shall not have their own port; 0 is any free port, and 0 alone gives every product one")
	text(&c.Host, "host", "`address` to listen on (default 127.0.0.1, which only this machine reaches)")
	text(&names, "names", "further `names` and addresses that the certificate is good for, comma-separated")
	text(&c.CA, "ca", "`file` to write the CA certificate to, which clients must trust (default sandbox-ca.pem in this user's state folder)")
	text(&c.CAKey, "ca-key", "`file` of the CA's key: keeps the CA from one start to the next, or uses yours (default none: each start makes a new one)")
	text(&c.Control, "control", "loopback `address` of the control API (default "+DefaultControl+")")
	text(&c.Store, "store", "what is kept from one start to the next: `memory:` for nothing, bolt:PATH for keys, tokens and worlds (default memory:)")
	text(&own, "dialects", "`folder` of YAML files that describe products of your own")
	text(&c.ReadyFile, "ready-file", "`file` to write addresses to as JSON when everything listens")
	strict := false
	switch v := strings.ToLower(env("strict")); v {
	case "", "0", "false":
	case "1", "true":
		strict = true
	default:
		bad = append(bad, fmt.Errorf("PLAYGROUND_SANDBOX_STRICT is %.20q; set it to true or false", v))
	}
	fs.BoolVar(&c.Strict, "strict", strict, "read requests only as the documents print them")
	fs.Usage = func() {
		io.WriteString(usage, usageHead) //nolint:errcheck // help that cannot be written has no reader
		for _, d := range c.Catalog.All() {
			fmt.Fprintf(usage, "  %-8s %5d  %s\n", d.ID, d.Port, d.Name)
		}
		io.WriteString(usage, "\n") //nolint:errcheck // as above
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	if fs.NArg() > 0 {
		bad = append(bad, fmt.Errorf("%.40q is no flag; flags begin with --", fs.Arg(0)))
	}
	c.Products, c.Names = list(products), list(names)
	var err error
	if own != "" {
		if c.Catalog, err = ownProducts(own); err != nil {
			bad = append(bad, fmt.Errorf("--dialects: %w", err))
		}
	}
	if c.Ports, err = parsePorts(ports, c.played()); err != nil {
		bad = append(bad, err)
	}
	if c.CA == "" {
		dir, err := state.Dir(getenv)
		if err != nil {
			bad = append(bad, fmt.Errorf("%w; say where to write the CA certificate with --ca FILE", err))
		}
		c.CA = filepath.Join(dir, "sandbox-ca.pem")
	}
	return c, errors.Join(append(bad, c.Validate())...)
}

func ownProducts(dir string) (*dialect.Catalog, error) {
	own, err := dialect.Own(dir)
	if err != nil {
		return nil, err
	}
	return dialect.NewCatalog(own...)
}

// list reads comma-separated words.
func list(text string) []string {
	var out []string
	for w := range strings.SplitSeq(text, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func parsePorts(text string, played []*dialect.Dialect) (map[string]int, error) {
	if text == "" {
		return nil, nil
	}
	ports := map[string]int{}
	if strings.TrimSpace(text) == "0" {
		for _, d := range played {
			ports[d.ID] = 0
		}
		return ports, nil
	}
	var bad []error
	for _, w := range list(text) {
		id, number, ok := strings.Cut(w, "=")
		port, err := strconv.ParseUint(number, 10, 16)
		_, twice := ports[id]
		switch {
		case !ok || id == "" || err != nil:
			bad = append(bad, fmt.Errorf("--ports has %.40q; write id=port with a port from 0 to 65535, or 0 alone for free ports everywhere", w))
		case twice:
			bad = append(bad, fmt.Errorf("--ports names %.40q twice; leave one out", id))
		}
		ports[id] = int(port)
	}
	return ports, errors.Join(bad...)
}

// played are the products that the configuration names, as far as there are
// such.
func (c *Config) played() []*dialect.Dialect {
	if len(c.Products) == 0 {
		return c.Catalog.All()
	}
	var out []*dialect.Dialect
	for _, d := range c.Catalog.All() {
		if slices.Contains(c.Products, d.ID) {
			out = append(out, d)
		}
	}
	return out
}

// port that a product is to have.
func (c *Config) port(d *dialect.Dialect) int {
	if p, ok := c.Ports[d.ID]; ok {
		return p
	}
	return d.Port
}

func (c *Config) host() string {
	switch c.Host {
	case "", "localhost":
		return "127.0.0.1"
	}
	return c.Host
}

func (c *Config) control() string {
	if c.Control == "" {
		return DefaultControl
	}
	return c.Control
}

// hostName is a name that a certificate can carry (RFC 1123, 2.1), with a
// wildcard for its first label.
var hostName = regexp.MustCompile(`^(\*\.)?[a-zA-Z0-9]([a-zA-Z0-9-]{0,62}\.)*[a-zA-Z0-9-]{1,63}$`)

// Validate checks everything that can be checked before anything listens, and
// names every fault with its remedy.
func (c *Config) Validate() error {
	var bad []error
	fault := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	var ids []string
	for _, d := range c.Catalog.All() {
		ids = append(ids, d.ID)
	}
	played := c.played()
	for _, id := range c.Products {
		if !slices.Contains(ids, id) {
			fault("--products has %.40q; use some of %s", id, strings.Join(ids, ", "))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Ports)) {
		if !slices.ContainsFunc(played, func(d *dialect.Dialect) bool { return d.ID == id }) {
			fault("--ports has %.40q, which is not played; use products out of %s", id, idsOf(played))
		}
	}
	bad = append(bad, c.checkShared(played))
	if _, err := netip.ParseAddr(c.host()); err != nil {
		fault("--host is %.60q; write an address of this machine, like 127.0.0.1, or 0.0.0.0 for all", c.Host)
	}
	for _, n := range c.Names {
		if _, err := netip.ParseAddr(n); err != nil && !hostName.MatchString(n) {
			fault("--names has %.60q; write names like backup.test and addresses like 10.0.0.5", n)
		}
	}
	host, port, err := net.SplitHostPort(c.control())
	number, numErr := strconv.ParseUint(port, 10, 16)
	addr, addrErr := netip.ParseAddr(host)
	switch {
	case err != nil || numErr != nil:
		fault("--control is %.60q; write host:port, for example %s", c.Control, DefaultControl)
	case host != "localhost" && (addrErr != nil || !addr.IsLoopback()):
		fault("--control is %.60q, which other machines may reach; use an address of this machine alone, for example %s", c.Control, DefaultControl)
	default:
		for _, d := range played {
			if number != 0 && c.port(d) == int(number) {
				fault("--control has port %d, which %s has too; choose another with --control or --ports", number, d.ID)
			}
		}
	}
	if kind, path, ok := strings.Cut(c.Store, ":"); c.Store != "" && !(ok && (kind == "memory" && path == "" || kind == "bolt" && path != "")) {
		fault("--store is %.60q; use memory: or bolt:PATH", c.Store)
	}
	if c.CAKey != "" && c.CA == "" {
		fault("--ca-key needs --ca: name the file of the certificate too")
	}
	return errors.Join(bad...)
}

func idsOf(all []*dialect.Dialect) string {
	var ids []string
	for _, d := range all {
		ids = append(ids, d.ID)
	}
	return strings.Join(ids, ", ")
}
