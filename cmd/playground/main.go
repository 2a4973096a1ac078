// Playground is the Token Playground: a page for every product that gets,
// validates, refreshes and ends its tokens step by step.
//
//	playground [serve] [flags]   the web application
//	playground healthcheck       exit status 0 if a playground here is ready
//	playground version           which build this is
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

	"tokenplayground/web"
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
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop() // a second signal ends the process at once
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "playground: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nplayground: "))
		os.Exit(1)
	}
}

// run is the program, with its world as arguments.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		return serve(ctx, args, getenv, stdout, stderr)
	case "healthcheck":
		return healthcheck(ctx, args, getenv)
	case "version":
		_, err := fmt.Fprintln(stdout, version())
		return err
	}
	return fmt.Errorf("there is no command %.40q; use serve, healthcheck or version", command)
}

func serve(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	cfg, err := web.ParseConfig(args, getenv, stderr)
	if err != nil {
		return err
	}
	cfg.Log = slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if getenv("PLAYGROUND_LOG") == "info" {
		cfg.Log = slog.New(slog.NewJSONHandler(stderr, nil))
	}
	s, err := web.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	line := "Token Playground is ready: " + s.URL() + "/"
	if print := s.Fingerprint(); print != "" {
		line += " (certificate SHA-256 " + print + ")"
	}
	if _, err := fmt.Fprintln(stdout, line); err != nil {
		return err
	}
	return s.Serve(ctx)
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
