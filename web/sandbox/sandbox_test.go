package sandbox

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenplayground/web/dialect"
	"tokenplayground/web/store"
)

var (
	testRoot = bytes.Repeat([]byte{7}, 32)
	start    = time.Date(2026, 3, 4, 5, 6, 7, 891234500, time.UTC)
)

// clock is a real time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// madeKey is the record of one signing key, so that not every test makes one.
var madeKey = sync.OnceValues(func() (name string, sealed []byte) {
	mem := &spy{Store: store.NewMemory(time.Now)}
	s, err := New(Config{Store: mem, Root: testRoot})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	if err := s.Ready(context.Background()); err != nil {
		panic(err)
	}
	return mem.key, mem.value
})

// spy remembers the last Put.
type spy struct {
	store.Store
	mu    sync.Mutex
	puts  int
	key   string
	value []byte
}

func (s *spy) Put(ctx context.Context, key string, value []byte, version uint64, ttl time.Duration) (uint64, error) {
	s.mu.Lock()
	s.puts, s.key, s.value = s.puts+1, key, bytes.Clone(value)
	s.mu.Unlock()
	return s.Store.Put(ctx, key, value, version, ttl)
}

func (s *spy) Puts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts
}

// newStore has a signing key already.
func newStore(t testing.TB, now func() time.Time) *spy {
	t.Helper()
	name, sealed := madeKey()
	mem := store.NewMemory(now)
	if _, err := mem.Put(context.Background(), name, sealed, 0, keyLife); err != nil {
		t.Fatal(err)
	}
	return &spy{Store: mem}
}

func newServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = (&clock{now: start}).Now
	}
	if cfg.Store == nil {
		cfg.Store = newStore(t, cfg.Now)
	}
	if cfg.Products == nil {
		cfg.Products = catalog(t)
	}
	cfg.Root = testRoot
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// client speaks one version of one product to a handler.
type client struct {
	t       testing.TB
	d       *dialect.Dialect
	version string
	h       http.Handler
}

func (s *Server) client(t testing.TB, d *dialect.Dialect, world string) client {
	return client{t, d, "", s.Handler(d, world)}
}

type result struct {
	dialect.Answer
	header http.Header
	body   string
}

func (c client) do(r *http.Request, p dialect.Purpose) result {
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	return result{c.d.Decode(p, c.version, rec.Code, rec.Body.Bytes()), rec.Header(), rec.Body.String()}
}

func (c client) call(call dialect.Call) result {
	c.t.Helper()
	call.Version = c.version
	req, err := c.d.Encode(call)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequest(req.Method, req.Path, strings.NewReader(req.Body))
	for _, p := range req.Header {
		r.Header.Set(p.Name, p.Value)
	}
	return c.do(r, call.Purpose)
}

func (c client) signIn(name, password string) result {
	c.t.Helper()
	values := dialect.Values{dialect.Username: name, dialect.Password: password}
	if c.d.Antiforgery.Cookie != "" {
		values[dialect.NoAntiforgery] = "true"
	}
	return c.call(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.PasswordGrant, Values: values})
}

func (c client) refresh(token string) result {
	c.t.Helper()
	return c.call(dialect.Call{Purpose: dialect.Obtain, Kind: dialect.RefreshGrant,
		Values: dialect.Values{dialect.RefreshToken: token}})
}

func (c client) explore(token string) result {
	c.t.Helper()
	return c.call(dialect.Call{Purpose: dialect.Explore, Bearer: token})
}

func (c client) logout(token string) result {
	c.t.Helper()
	return c.call(dialect.Call{Purpose: dialect.Logout, Bearer: token, Values: c.whoami(token)})
}

// whoami asks what logging out may have to name: who is signed in. Somebody
// who is nobody gets an id that nobody has.
func (c client) whoami(token string) dialect.Values {
	c.t.Helper()
	if c.d.Operation(dialect.WhoAmI) == nil {
		return nil
	}
	r := c.call(dialect.Call{Purpose: dialect.WhoAmI, Bearer: token})
	if r.Values[dialect.UserID] == "" {
		return dialect.Values{dialect.UserID: "00000000-0000-4000-8000-000000000000"}
	}
	return r.Values
}

// logsOut says that there is a call for it in the version.
func (c client) logsOut() bool {
	op := c.d.Operation(dialect.Logout)
	return c.d.Speaks(c.version, op.Since, op.Until)
}

// admin signs the administrator in, who must get a pair.
func (c client) admin() (access, refresh string) {
	c.t.Helper()
	return c.pair(c.signIn("administrator", "Password1"))
}

func (c client) pair(r result) (access, refresh string) {
	c.t.Helper()
	c.accepted(r, dialect.Obtain)
	access, refresh = r.Values[dialect.AccessToken], r.Values[dialect.RefreshToken]
	if access == "" || refresh == "" {
		c.t.Fatalf("got no pair: %s", r.body)
	}
	return access, refresh
}

// accepted checks status, headers and that the dialect understands everything.
func (c client) accepted(r result, p dialect.Purpose) {
	c.t.Helper()
	op := c.d.Operation(p)
	want := c.d.Status(op, c.version)
	if r.Challenge() && op.Challenge.Status != 0 {
		want = op.Challenge.Status
	}
	if r.Status != want || r.Raw || len(r.Left) > 0 {
		c.t.Fatalf("got %d %q (raw %v, left %v), want %d", r.Status, r.body, r.Raw, r.Left, want)
	}
	c.named(r)
}

func (c client) named(r result) {
	c.t.Helper()
	if got := r.header.Get("X-Sandbox"); got != "Token Playground" {
		c.t.Errorf("got X-Sandbox %q", got)
	}
	for _, p := range c.d.Headers {
		if got := r.header.Get(p.Name); got != p.Value {
			c.t.Errorf("got %s %q, want %q", p.Name, got, p.Value)
		}
	}
}

// refused checks that the answer is the product's refusal for a fault.
func (c client) refused(r result, f dialect.Fault, on dialect.Purpose) {
	c.t.Helper()
	ref, ok := c.d.Refusal(f, on)
	if !ok {
		c.t.Fatalf("the product does not word %s", f)
	}
	if r.Status != ref.Status {
		c.t.Fatalf("got %d %s, want %d for %s", r.Status, r.body, ref.Status, f)
	}
	for _, m := range c.d.Fields(ref.Shape, c.version) {
		term := m.Term
		want, says := ref.Says[term]
		if !says {
			continue
		}
		if got := r.Values[term]; got != want && !strings.Contains(want, "${") {
			c.t.Errorf("%s: got %s %q, want %q", f, term, got, want)
		}
	}
	if strings.Contains(r.body, "${") {
		c.t.Errorf("a placeholder is left in %s", r.body)
	}
	c.named(r)
}

// played has the built-in products and those that an operator might add.
var played = sync.OnceValues(func() (*dialect.Catalog, error) {
	own, err := dialect.Own("../dialect/testdata/own")
	if err != nil {
		return nil, err
	}
	return dialect.NewCatalog(own...)
})

func catalog(t testing.TB) *dialect.Catalog {
	t.Helper()
	c, err := played()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func products(t testing.TB) []*dialect.Dialect {
	t.Helper()
	return catalog(t).All()
}

// beginsLater says that the product's tokens tell from when on they are good.
func beginsLater(d *dialect.Dialect) bool {
	return d.Access.Opaque > 0 || takes(d.Access.Claims, dialect.NotBefore)
}

// each runs a test for every product and version.
func each(t *testing.T, f func(t *testing.T, d *dialect.Dialect, version string)) {
	for _, d := range products(t) {
		for _, v := range d.Versions.All {
			t.Run(d.ID+" "+v.ID, func(t *testing.T) { f(t, d, v.ID) })
		}
	}
}

// product runs a test for every product.
func product(t *testing.T, f func(t *testing.T, d *dialect.Dialect)) {
	for _, d := range products(t) {
		t.Run(d.ID, func(t *testing.T) { f(t, d) })
	}
}

func TestLife(t *testing.T) {
	s := newServer(t, Config{})
	each(t, func(t *testing.T, d *dialect.Dialect, version string) {
		c := client{t, d, version, s.Handler(d, "")}

		first := c.signIn("Administrator", "Password1")
		access1, refresh1 := c.pair(first)
		c.accepted(c.explore(access1), dialect.Explore)

		access2, refresh2 := c.pair(c.refresh(refresh1))
		if access2 == access1 || refresh2 == refresh1 {
			t.Error("a refresh gave back an old token")
		}
		c.accepted(c.explore(access2), dialect.Explore)
		c.refused(c.refresh(refresh1), dialect.SpentRefreshToken, dialect.Obtain)
		c.accepted(c.explore(access2), dialect.Explore) // re-use kills nothing
		c.accepted(c.explore(access1), dialect.Explore) // good until it expires

		if !c.logsOut() {
			return
		}
		out := c.logout(access2)
		c.accepted(out, dialect.Logout)
		if want := d.Operation(dialect.Logout).Body; out.body != want {
			t.Errorf("log-out answers %q, want %q", out.body, want)
		}
		c.refused(c.explore(access2), dialect.RevokedToken, dialect.Explore)
		c.refused(c.logout(access2), dialect.RevokedToken, dialect.Logout)
		c.refused(c.refresh(refresh2), dialect.RevokedToken, dialect.Obtain)
	})
}

func TestWhatEachPersonMeets(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		t.Run("a wrong password is refused", func(t *testing.T) {
			c.refused(c.signIn("administrator", "password1"), dialect.BadCredentials, dialect.Obtain)
		})
		t.Run("an unknown name is refused alike", func(t *testing.T) {
			c.refused(c.signIn("nobody", "Password1"), dialect.BadCredentials, dialect.Obtain)
		})
		t.Run("the locked one is locked out whatever the password", func(t *testing.T) {
			c.refused(c.signIn("locked", "Password1"), dialect.LockedOut, dialect.Obtain)
			c.refused(c.signIn("locked", "x"), dialect.LockedOut, dialect.Obtain)
		})
		t.Run("the operator signs in and may not explore, but log out", func(t *testing.T) {
			token, _ := c.pair(c.signIn("OPERATOR", "Password1"))
			c.refused(c.explore(token), dialect.TooFewRights, dialect.Explore)
			c.accepted(c.logout(token), dialect.Logout)
		})
		t.Run("the domain counts where the product has one", func(t *testing.T) {
			r := c.signIn(`SOME\administrator`, "Password1")
			c.refused(r, dialect.BadCredentials, dialect.Obtain)
			if d.Domain != "" {
				c.pair(c.signIn(d.Domain+`\administrator`, "Password1"))
				c.pair(c.signIn(strings.ToUpper(d.Domain)+`\administrator`, "Password1"))
			}
		})
		t.Run("a second factor is asked for, refused or not known", func(t *testing.T) {
			r := c.signIn("mfa", "Password1")
			switch d.SecondFactor {
			case dialect.Challenges:
				if !r.Challenge() {
					t.Errorf("got %s", r.body)
				}
			case dialect.Refuses:
				c.refused(r, dialect.NeedsServiceLogin, dialect.Obtain)
			default:
				c.pair(r)
			}
		})
		t.Run("no token, no access", func(t *testing.T) {
			c.refused(c.explore(""), dialect.NoToken, dialect.Explore)
			c.refused(c.explore("x"), dialect.BadToken, dialect.Explore)
			c.refused(c.logout(""), dialect.NoToken, dialect.Logout)
		})
		t.Run("each token has its own use", func(t *testing.T) {
			access, refresh := c.admin()
			c.refused(c.explore(refresh), dialect.BadToken, dialect.Explore)
			c.refused(c.refresh(access), dialect.BadRefreshToken, dialect.Obtain)
		})
		t.Run("there are no codes and no components", func(t *testing.T) {
			for kind, takes := range map[dialect.Kind]dialect.Term{dialect.CodeGrant: dialect.AuthorizationCode, dialect.ComponentGrant: dialect.ComponentToken} {
				if g, ok := d.Grant(kind); ok && d.Speaks("", g.Since, g.Until) {
					r := c.call(dialect.Call{Purpose: dialect.Obtain, Kind: kind, Values: dialect.Values{takes: "x"}})
					if r.Status != 401 && r.Status != 400 {
						t.Errorf("%s: got %d %s", kind, r.Status, r.body)
					}
				}
			}
		})
	})
}

func TestFirstCalls(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		token, _ := c.admin()
		for i := range d.Operations {
			op := &d.Operations[i]
			if op.Purpose != dialect.FirstCall {
				continue
			}
			version := d.Versions.Default
			for _, v := range d.Versions.All {
				if d.Speaks(v.ID, op.Since, op.Until) {
					version = v.ID
				}
			}
			path := d.Path(op, version)
			if before, _, ok := strings.Cut(path, "{"); ok {
				path = before + "2"
			}
			t.Run(op.Method+" "+path, func(t *testing.T) {
				r := httptest.NewRequest(op.Method, path, nil)
				if d.Versions.Header != "" {
					r.Header.Set(d.Versions.Header, version)
				}
				rec := httptest.NewRecorder()
				c.h.ServeHTTP(rec, r)
				if op.Anonymous != (rec.Code == op.Status) {
					t.Errorf("without a token: got %d", rec.Code)
				}
				r.Header.Set("Authorization", "Bearer "+token)
				rec = httptest.NewRecorder()
				c.h.ServeHTTP(rec, r)
				if rec.Code != op.Status || strings.Contains(rec.Body.String(), "${") {
					t.Errorf("got %d %s", rec.Code, rec.Body)
				}
			})
		}
	})
}

func TestHTTP(t *testing.T) {
	s := newServer(t, Config{})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		token, _ := c.admin()
		explore := d.Path(d.Operation(dialect.Explore), "")
		obtain := d.Path(d.Operation(dialect.Obtain), "")
		call := func(method, path, body string) (int, http.Header, string) {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token)
			rec := httptest.NewRecorder()
			c.h.ServeHTTP(rec, r)
			return rec.Code, rec.Header(), rec.Body.String()
		}
		t.Run("HEAD is GET without a body", func(t *testing.T) {
			get, head, _ := call("GET", explore, "")
			code, header, body := call("HEAD", explore, "")
			if code != get || body != "" || header.Get("Content-Length") != head.Get("Content-Length") {
				t.Errorf("got %d %q %v", code, body, header)
			}
		})
		t.Run("OPTIONS names the methods", func(t *testing.T) {
			code, header, _ := call("OPTIONS", explore, "")
			if code != 204 || header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("got %d %v", code, header)
			}
			if code, _, _ := call("OPTIONS", "/nothing", ""); code != 404 {
				t.Errorf("unknown path: got %d", code)
			}
		})
		t.Run("a wrong method names the right ones", func(t *testing.T) {
			code, header, _ := call("PUT", obtain, "")
			if code != 405 || !strings.Contains(header.Get("Allow"), "POST") {
				t.Errorf("got %d %v", code, header)
			}
		})
		t.Run("an unknown path is not found", func(t *testing.T) {
			if code, _, _ := call("GET", "/api/nothing", ""); code != 404 {
				t.Errorf("got %d", code)
			}
		})
		t.Run("a body over 64 KiB is too large", func(t *testing.T) {
			if code, _, _ := call("POST", obtain, strings.Repeat("a", maxBody+1)); code != 413 {
				t.Errorf("got %d", code)
			}
		})
		t.Run("Date follows the world's clock", func(t *testing.T) {
			if _, header, _ := call("GET", explore, ""); header.Get("Date") != "Wed, 04 Mar 2026 05:06:07 GMT" {
				t.Errorf("got %q", header.Get("Date"))
			}
		})
		t.Run("a world that cannot be named is not found", func(t *testing.T) {
			rec := httptest.NewRecorder()
			s.Handler(d, "a/b").ServeHTTP(rec, httptest.NewRequest("GET", explore, nil))
			if rec.Code != 404 {
				t.Errorf("got %d", rec.Code)
			}
		})
	})
}

// failing is a store that is down.
type failing struct{ store.Store }

func (failing) Get(context.Context, string) ([]byte, uint64, error) {
	return nil, 0, store.ErrUnavailable
}

func TestStoreDown(t *testing.T) {
	var log bytes.Buffer
	s, err := New(Config{Store: failing{}, Root: testRoot, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal("a store that is down must not keep the program from starting:", err)
	}
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "")
		c.refused(c.signIn("administrator", "Password1"), dialect.ServerFault, dialect.Obtain)
	})
	s.Close()
	if strings.Contains(log.String(), "Password1") {
		t.Error("the password is in the log")
	}
}

func TestIssuingWritesNothing(t *testing.T) {
	clk := &clock{now: start}
	mem := newStore(t, clk.Now)
	s := newServer(t, Config{Store: mem, Now: clk.Now})
	product(t, func(t *testing.T, d *dialect.Dialect) {
		c := s.client(t, d, "w")
		for range 3 {
			token, _ := c.admin()
			c.accepted(c.explore(token), dialect.Explore)
		}
		if n := mem.Puts(); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestNewSaysAllThatIsWrong(t *testing.T) {
	_, err := New(Config{Root: []byte("short"), People: []Person{{Name: "a"}, {Name: "A"}, {}}})
	for _, want := range []string{"no store", "5 bytes", `named "A"`, "0 bytes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestChoices(t *testing.T) {
	product(t, func(t *testing.T, d *dialect.Dialect) {
		seen := map[string]bool{}
		for _, r := range Choices(d) {
			if r.What == "" || r.Answer == "" || r.Reason == "" {
				t.Errorf("a choice is not explained: %+v", r)
			}
			if seen[r.What] {
				t.Errorf("%q is chosen twice", r.What)
			}
			seen[r.What] = true
		}
		if len(seen) < 10 {
			t.Errorf("only %d choices", len(seen))
		}
	})
}
