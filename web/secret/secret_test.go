package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"tokenplayground/web/secret"
)

func TestTextNeverShowsItself(t *testing.T) {
	const canary = "canary-4711"
	type holder struct {
		Name string
		Pw   secret.Text
		List []secret.Text
		Map  map[string]secret.Text
	}
	h := holder{"n", canary, []secret.Text{canary}, map[string]secret.Text{"k": canary}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s", "%T %v"} {
		for _, v := range []any{secret.Text(canary), &h, h, []any{secret.Text(canary)}} {
			got := fmt.Sprintf(verb, v)
			if verb == "%T %v" {
				got = fmt.Sprintf(verb, v, v)
			}
			if strings.Contains(got, "canary") || strings.Contains(strings.ToLower(got), fmt.Sprintf("%x", "canary")) {
				t.Errorf("%s of %T shows it: %s", verb, v, got)
			}
		}
	}
	t.Run("in logs", func(t *testing.T) {
		var b bytes.Buffer
		for _, h := range []slog.Handler{slog.NewJSONHandler(&b, nil), slog.NewTextHandler(&b, nil)} {
			slog.New(h).Info("m", "pw", secret.Text(canary), "holder", holder{Pw: canary}, slog.Group("g", "pw", secret.Text(canary)))
		}
		if strings.Contains(b.String(), canary) || !strings.Contains(b.String(), secret.Redacted) {
			t.Errorf("got %s", b.String())
		}
	})
	t.Run("in JSON", func(t *testing.T) {
		b, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("canary")) {
			t.Errorf("got %s", b)
		}
	})
	t.Run("reveal is the way out", func(t *testing.T) {
		if got := secret.Text(canary).Reveal(); got != canary {
			t.Errorf("got %q", got)
		}
	})
}

func TestMask(t *testing.T) {
	m := secret.NewMasker([]byte("a root of thirty-two random bytes"))
	cases := []struct{ name, token, begins string }{
		{"a JWT shows what all JWTs begin with", "eyJhbGciOiJSUzUxMiJ9.e30.c2ln", "eyJ…·"},
		{"an opaque token shows six", "Aq3_x-9ZkfL0PpQrStUvWxYz", "Aq3_x-…·"},
		{"a short one shows a quarter", "abcdefghi", "ab…·"},
		{"a tiny one shows nothing", "abc", "…·"},
		{"unreadable characters end what is shown", "ab\ncdefghijklmnopqrstuvwxyz", "ab…·"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := m.Mask(c.token)
			if !strings.HasPrefix(got, c.begins) || len(got) != len(c.begins)+6 {
				t.Errorf("got %q, want %q and six digits", got, c.begins)
			}
			if got != m.Mask(c.token) {
				t.Error("the mask of one token changes")
			}
		})
	}
	t.Run("nothing has no mask", func(t *testing.T) {
		if got := m.Mask(""); got != "" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("other tokens and other keys give other fingerprints", func(t *testing.T) {
		a := m.Mask("eyJ.one")
		if a == m.Mask("eyJ.two") {
			t.Error("two tokens share a mask")
		}
		if a == secret.NewMasker([]byte("another root")).Mask("eyJ.one") {
			t.Error("two keys give one mask")
		}
	})
	t.Run("a masker does not print its key", func(t *testing.T) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x"} {
			if got := fmt.Sprintf(verb, m); got != "secret.Masker" {
				t.Errorf("%s: got %s", verb, got)
			}
		}
	})
}
