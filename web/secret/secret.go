// Package secret owns how secrets travel and how they are shown: a type that does not print itself, masks
// that tell two tokens apart without showing them, and the one redaction function.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what stands in place of a secret.
const Redacted = "[redacted]"

// Text is a secret: a password, a code, a token. However it is printed, logged or marshalled it says
// "[redacted]"; [Text.Reveal] is the only way out. Keep it in exported fields and in variables, and
// never make it the key of a map: package fmt cannot call methods on a value in an unexported field, and
// encoding/json does not call any on the key of a map, so both show such a value as it is.
type Text string

// Reveal returns the secret itself.
func (t Text) Reveal() string { return string(t) }

// String implements [fmt.Stringer].
func (Text) String() string { return Redacted }

// GoString implements [fmt.GoStringer].
func (Text) GoString() string { return Redacted }

// Format implements [fmt.Formatter], for every verb and flag.
func (Text) Format(f fmt.State, _ rune) { io.WriteString(f, Redacted) }

// LogValue implements [slog.LogValuer].
func (Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON implements the interface of encoding/json.
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText implements [encoding.TextMarshaler].
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
