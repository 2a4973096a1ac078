package standalone

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/dialect"
)

func parse(env map[string]string, args ...string) (Config, error) {
	if env == nil {
		env = map[string]string{"HOME": "/home/me"}
	}
	return ParseConfig(args, func(k string) string { return env[k] }, new(bytes.Buffer))
}

func TestParseConfig(t *testing.T) {
	t.Run("nothing is all products on their ports", func(t *testing.T) {
		got, err := parse(nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Config{CA: "/home/me/.local/state/tokenplayground/sandbox-ca.pem"}, got); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("flags go before their twins in the environment", func(t *testing.T) {
		got, err := parse(map[string]string{
			"PLAYGROUND_SANDBOX_PRODUCTS": "vbr, vac", "PLAYGROUND_SANDBOX_PORTS": "0", "PLAYGROUND_SANDBOX_CA": "env.pem",
			"PLAYGROUND_SANDBOX_STRICT": "true", "PLAYGROUND_SANDBOX_CONTROL": "[::1]:0", "PLAYGROUND_SANDBOX_CA_KEY": "env.key",
		}, "--ca", "flag.pem", "--names", "a.test,10.0.0.1", "--store", "bolt:x.db", "--host", "0.0.0.0", "--ready-file", "r.json")
		if err != nil {
			t.Fatal(err)
		}
		want := Config{
			Products: []string{"vbr", "vac"}, Ports: map[string]int{"vbr": 0, "vac": 0}, CA: "flag.pem", CAKey: "env.key", Strict: true, Control: "[::1]:0",
			Names: []string{"a.test", "10.0.0.1"}, Store: "bolt:x.db", Host: "0.0.0.0", ReadyFile: "r.json",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("every fault is told at once, with its remedy", func(t *testing.T) {
		_, err := parse(map[string]string{"PLAYGROUND_SANDBOX_STRICT": "maybe"},
			"--products", "vbr,nosuch", "--ports", "vac=1281,vbr=x,vbr=1", "--host", "my host", "--names", "a b", "--control", "0.0.0.0:9191", "--store", "redis://x", "extra")
		if err == nil {
			t.Fatal("all is well")
		}
		for _, want := range []string{
			`PLAYGROUND_SANDBOX_STRICT is "maybe"; set it`, `--products has "nosuch"; use some of`, `--ports has "vbr=x"; write id=port`, `--ports names "vbr" twice`,
			`--ports has "vac", which is not played`, `--host is "my host"; write`, `--names has "a b"; write`, `--control is "0.0.0.0:9191", which other machines`,
			`--store is "redis://x"; use`, `"extra" is no flag`, `no HOME; say where`,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing", want)
			}
		}
		if t.Failed() {
			t.Log(err)
		}
	})

	for name, args := range map[string][]string{
		"a control address without a port":  {"--control", "localhost"},
		"a control port that a product has": {"--control", "127.0.0.1:9419"},
		"two products that look alike":      {"--products", "vbr,vbazure", "--ports", "vbr=443"},
		"an address with a port":            {"--host", "127.0.0.1:80"},
		"a store without a path":            {"--store", "bolt:"},
		"a port past the last":              {"--ports", "vbr=65536"},
		"a port without a product":          {"--ports", "9419"},
		"a name with a scheme":              {"--names", "https://a.test"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if _, err := parse(nil, args...); err == nil {
				t.Error("all is well")
			}
		})
	}

	t.Run("help lists products, ports and every flag", func(t *testing.T) {
		var usage bytes.Buffer
		_, err := ParseConfig([]string{"--help"}, func(string) string { return "" }, &usage)
		if !errors.Is(err, flag.ErrHelp) {
			t.Errorf("got %v", err)
		}
		for _, want := range []string{"vbr", "9419", "-products", "-ports", "-host", "-names", "-ca ", "-ca-key", "-control", "-strict", "-store", "-ready-file", "/openapi.json", "PLAYGROUND_SANDBOX_"} {
			if !strings.Contains(usage.String(), want) {
				t.Errorf("%q is missing", want)
			}
		}
	})
}

func TestWhyAPortCannotBeHad(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want []string
	}{
		"rights are missing": {syscall.EACCES, []string{"x, y: ", "rights", "--ports x=8443,y=8443", "--ports x=0,y=0"}},
		"another has it":     {syscall.EADDRINUSE, []string{"another sandbox", "--ports x=10443,y=10443", "--ports x=0,y=0"}},
		"no such address":    {syscall.EADDRNOTAVAIL, []string{"--host", "--ports x=PORT,y=PORT"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := cannotListen([]*dialect.Dialect{{ID: "x"}, {ID: "y"}}, 443, fmt.Errorf("listen: %w", tt.err))
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in: %v", want, err)
				}
			}
		})
	}
}
