// Playground is the Token Playground: a page for every product that gets,
// validates, refreshes and ends its tokens step by step.
//
//	playground [serve] [flags]   the web application
//	playground sandbox [flags]   the products over HTTPS on their real ports
//	playground healthcheck       exit status 0 if a playground here is ready
//	playground keys …            the keys that seal sessions
//	playground sessions …        how many there are, and ending them
//	playground dialect …         descriptions of products, to begin one's own with
//	playground version           which build this is
//	playground help              all of these
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"tokenplayground/web"
	"tokenplayground/web/dialect"
	"tokenplayground/web/standalone"
)

// @title			Token Playground
// @version		1.0
// @description	Gets, validates, refreshes and ends the tokens of Veeam REST APIs, against a sandbox or a real server. Not affiliated with Veeam.
// @license.name	Apache-2.0
// @license.url	https://www.apache.org/licenses/LICENSE-2.0
// @BasePath		/
//
// @tag.name					Playground
// @tag.description			What the buttons of a product's page do
// @tag.name					Session
// @tag.description			What is kept for a visitor
// @tag.name					Pages
// @tag.description			What is shown, as a page or as JSON
// @tag.name					Health
// @tag.description			For whatever watches the process
// @tag.name					Description
// @tag.description			These documents
//
// @securityDefinitions.apikey	Session
// @in							header
// @name						Cookie
// @description				The ticket of a session. It comes with the first answer that keeps something.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "playground: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nplayground: "))
		os.Exit(1)
	}
}

// help is what the commands do. The flags are listed by serve --help.
const help = `Token Playground gets, validates, refreshes and ends the tokens of Veeam REST APIs.

playground [serve] [flags]             the web application
playground sandbox [flags]             the products alone, over HTTPS on their real ports, as a test double
playground healthcheck [flags]         exit status 0 if the playground that runs with these flags is ready
playground keys list [flags]           the ids of the keys that seal sessions, the active one first
playground keys add [flags]            a new key at the end; makes the keyring if there is none
playground keys activate ID [flags]    seal with this key from now on
playground keys remove ID [flags]      take a key out; what is still sealed with it ends
playground sessions count [flags]      how many sessions the store holds
playground sessions purge [flags]      end them all
playground dialect [NAME]              a product's description, to begin your own with; without a name, the list
playground dialect check DIR           whether the descriptions in a folder are right, and what is wrong
playground version                     which build this is
playground help                        this text

All flags are those of serve, but for sandbox; playground serve --help and playground sandbox --help list them. keys needs --keyring FILE, or the flags that the
playground runs with. A running playground reads a changed keyring within seconds, and at once on SIGHUP.
`

// run is the program, with its world as arguments.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		return serve(ctx, args, getenv, stdout, stderr)
	case "sandbox":
		return playAlone(ctx, args, getenv, stdout, stderr)
	case "healthcheck":
		return healthcheck(ctx, args, getenv)
	case "keys":
		words, flags := split(args)
		if len(words) == 0 {
			return errors.New("keys needs to know what to do; use list, add, activate ID or remove ID")
		}
		cfg, err := web.ParseConfig(flags, getenv, stderr)
		if err != nil {
			return err
		}
		return web.ManageKeys(cfg, words[0], words[1:], stdout)
	case "sessions":
		words, flags := split(args)
		if len(words) != 1 {
			return errors.New("sessions needs to know what to do; use count or purge")
		}
		cfg, err := web.ParseConfig(flags, getenv, stderr)
		if err != nil {
			return err
		}
		cfg.CheckArgs = []string{checkStore}
		cfg.Log = slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		return web.ManageSessions(ctx, cfg, words[0], stdout)
	case "dialect":
		return describe(args, stdout)
	case "version":
		_, err := fmt.Fprintln(stdout, version())
		return err
	case "help":
		_, err := fmt.Fprint(stdout, help)
		return err
	case checkStore:
		if len(args) != 1 {
			return fmt.Errorf("%s takes the path of a store", checkStore)
		}
		return web.CheckStore(args[0])
	}
	return fmt.Errorf("there is no command %.40q; use serve, sandbox, healthcheck or version, or see playground help", command)
}

// describe helps to write descriptions for --dialects.
func describe(args []string, stdout io.Writer) error {
	switch {
	case len(args) == 0:
		var lines strings.Builder
		for _, name := range dialect.Examples() {
			fmt.Fprintf(&lines, "%-10s an example\n", name)
		}
		for _, d := range dialect.All() {
			fmt.Fprintf(&lines, "%-10s %s\n", d.ID, d.Name)
		}
		_, err := io.WriteString(stdout, lines.String())
		return err
	case args[0] == "check" && len(args) == 2:
		own, err := dialect.Own(args[1])
		if err != nil {
			return err
		}
		for _, d := range own {
			if _, err := fmt.Fprintf(stdout, "%-10s %s: right\n", d.ID, d.Name); err != nil {
				return err
			}
		}
		return nil
	case len(args) == 1 && args[0] != "check":
		text, err := dialect.Example(args[0])
		if err != nil {
			return err
		}
		_, err = stdout.Write(text)
		return err
	}
	return errors.New("dialect takes one name, or check and a folder; playground dialect lists the names")
}

// checkStore is the command with which the program checks the file of a store
// in a process of its own. It is not for people, so help does not name it.
const checkStore = "check-store"

// split parts the words of a command from the flags behind them.
func split(args []string) (words, flags []string) {
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			return args[:i], args[i:]
		}
	}
	return args, nil
}

func serve(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	cfg, err := web.ParseConfig(args, getenv, stderr)
	if err != nil {
		return err
	}
	cfg.Log = logger(getenv, stderr)
	keepMemory(getenv)
	cfg.CheckArgs, cfg.Drain = []string{checkStore}, time.Second
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	look := make(chan struct{})
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
			}
			select {
			case <-ctx.Done():
				return
			case look <- struct{}{}:
			}
		}
	}()
	cfg.LookAgain = look
	s, err := web.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	line := "Token Playground is ready: " + s.URL() + "/"
	if print := s.Fingerprint(); print != "" {
		line += " (certificate SHA-256 " + print + ")"
	}
	if note := s.Note(); note != "" {
		line += "\n" + note
	}
	if _, err := fmt.Fprintln(stdout, line); err != nil {
		return err
	}
	return s.Serve(ctx)
}

// playAlone is the sandbox by itself.
func playAlone(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	cfg, err := standalone.ParseConfig(args, getenv, stderr)
	if err != nil {
		return err
	}
	cfg.Log = logger(getenv, stderr)
	keepMemory(getenv)
	cfg.CheckArgs = []string{checkStore}
	s, err := standalone.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Print(stdout); err != nil {
		return err
	}
	return s.Serve(ctx)
}

func logger(getenv func(string) string, stderr io.Writer) *slog.Logger {
	level := slog.LevelWarn
	if getenv("PLAYGROUND_LOG") == "info" {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level}))
}

// healthcheck asks the playground that runs with the same settings whether it
// is ready, for images that have no shell.
func healthcheck(ctx context.Context, args []string, getenv func(string) string) error {
	cfg, err := web.ParseConfig(args, getenv, io.Discard)
	if err != nil {
		return err
	}
	return web.CheckHealth(ctx, cfg)
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "playground, unknown build"
	}
	text := "playground " + info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " " + s.Value
		}
	}
	return text + " " + info.GoVersion
}
