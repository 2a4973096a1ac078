package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"

	"tokenplayground/handlers"
)

// labelLog derives the key of the names that sessions have in the log. It
// opens nothing, and what it makes cannot be found in cookies or the store.
const labelLog = "pg-log-pseudonym-v1"

// traced adds to each line which request it belongs to and whose session that
// is: the same name for the same session, which leads to nobody.
type traced struct {
	slog.Handler
	key []byte
}

func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if id := requestID(ctx); id != "" {
		r.AddAttrs(slog.String("id", id))
	}
	if world := handlers.World(ctx); world != "" {
		mac := hmac.New(sha256.New, h.key)
		mac.Write([]byte(world))
		r.AddAttrs(slog.String("session", hex.EncodeToString(mac.Sum(nil)[:6])))
	}
	return h.Handler.Handle(ctx, r)
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{h.Handler.WithAttrs(attrs), h.key}
}

func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name), h.key} }
