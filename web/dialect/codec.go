package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Codec turns canonical text into a product's JSON and back. Reading is
// lenient wherever products differ among themselves; writing is exact.
type Codec struct {
	// Name is stable: descriptions kept as data refer to it.
	Name string
	// Type and Format are the OpenAPI words for the JSON.
	Type, Format string

	read  func(json.RawMessage) (string, error)
	write func(string) (json.RawMessage, error)
}

// Read returns the canonical text of a JSON value. JSON null is the caller's
// to handle: it means that the product did not say.
func (c *Codec) Read(raw json.RawMessage) (string, error) { return c.read(raw) }

// Write returns the product's JSON for canonical text.
func (c *Codec) Write(text string) (json.RawMessage, error) { return c.write(text) }

// The codecs.
var (
	Text    = &Codec{Name: "text", Type: "string", read: readString, write: writeString}
	UUID    = &Codec{Name: "uuid", Type: "string", Format: "uuid", read: readString, write: writeString}
	Integer = &Codec{Name: "integer", Type: "integer", Format: "int32", read: readInteger, write: writeInteger}
	Boolean = &Codec{Name: "boolean", Type: "boolean", read: readBoolean, write: writeBoolean}
	// BooleanText is "True" or "False" in quotes, as .NET writes a boolean
	// that was turned into a string.
	BooleanText = &Codec{Name: "boolean-text", Type: "string", read: readBoolean, write: writeBooleanText}
	// Null is null where there is nothing to say, and a string otherwise: the
	// member is always there.
	Null = &Codec{Name: "null", Type: "string", read: readString, write: writeNull}

	// TimeBare has neither fraction nor zone and means UTC.
	TimeBare = timeCodec("time-bare", "2006-01-02T15:04:05")
	// TimeZulu has no fraction, and Z.
	TimeZulu = timeCodec("time-zulu", "2006-01-02T15:04:05Z")
	// TimeTicks has the seven digits of a .NET tick, and Z; the zero date,
	// which stands for "never", is printed without a fraction.
	TimeTicks = timeCodec("time-ticks", "2006-01-02T15:04:05.0000000Z")
	// TimeUnix counts seconds since 1970, as JWT claims do (RFC 7519, 2).
	TimeUnix = &Codec{Name: "time-unix", Type: "integer", Format: "int64", read: readUnix, write: writeUnix}
)

func timeCodec(name, layout string) *Codec {
	return &Codec{Name: name, Type: "string", Format: "date-time", read: readTime,
		write: func(text string) (json.RawMessage, error) {
			t, err := ParseTime(text)
			if err != nil {
				return nil, err
			}
			l := layout
			if t.IsZero() {
				l = strings.Replace(l, ".0000000", "", 1)
			}
			return json.RawMessage(`"` + t.Format(l) + `"`), nil
		}}
}

// FormatTime is the canonical text of a time.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

var (
	errNotTime   = errors.New("not a date and time")
	errNotObject = errors.New("not one JSON object")

	errTooManyParts = errors.New("too many parts")
)

// ParseTime reads every shape of date that the products write: with none to
// nine digits of fraction, with Z, an offset, or no zone at all, which means
// UTC. The zero date of .NET, 0001-01-01T00:00:00Z, is Go's zero time.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		t, err := time.Parse(layout, text)
		// An offset can carry a date out of the years that it can be written in.
		if t = t.UTC(); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.40q", errNotTime, text)
}

func readTime(raw json.RawMessage) (string, error) {
	s, err := readString(raw)
	if err != nil {
		return "", err
	}
	t, err := ParseTime(s)
	if err != nil {
		return "", err
	}
	return FormatTime(t), nil
}

func readUnix(raw json.RawMessage) (string, error) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return "", fmt.Errorf("not a count of seconds: %.40q", raw)
	}
	if n < -62135596800 || n > 253402300799 { // the years 1 to 9999: what RFC 3339 can write
		return "", fmt.Errorf("no year from 1 to 9999 has second %d", n)
	}
	return FormatTime(time.Unix(n, 0)), nil
}

func writeUnix(text string) (json.RawMessage, error) {
	t, err := ParseTime(text)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(strconv.FormatInt(t.Unix(), 10)), nil
}

func readString(raw json.RawMessage) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("not a string: %.40q", raw)
	}
	return s, nil
}

func writeString(text string) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // products write & and < as they are
	if err := enc.Encode(text); err != nil {
		panic(err) // no string is beyond JSON
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// quote writes a JSON string.
func quote(text string) string {
	raw, _ := writeString(text) // has no error to give
	return string(raw)
}

func writeNull(text string) (json.RawMessage, error) {
	if text == "" {
		return json.RawMessage("null"), nil
	}
	return writeString(text)
}

// readInteger also takes a number in quotes, which some servers write.
func readInteger(raw json.RawMessage) (string, error) {
	s := strings.Trim(string(raw), `"`)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return "", fmt.Errorf("not a whole number: %.40q", raw)
	}
	return strconv.FormatInt(n, 10), nil
}

func writeInteger(text string) (json.RawMessage, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("not a whole number: %.40q", text)
	}
	return json.RawMessage(strconv.FormatInt(n, 10)), nil
}

func readBoolean(raw json.RawMessage) (string, error) {
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true":
		return "true", nil
	case "false":
		return "false", nil
	}
	return "", fmt.Errorf("neither true nor false: %.40q", raw)
}

func writeBoolean(text string) (json.RawMessage, error) {
	if text != "true" && text != "false" {
		return nil, fmt.Errorf("neither true nor false: %.40q", text)
	}
	return json.RawMessage(text), nil
}

func writeBooleanText(text string) (json.RawMessage, error) {
	switch text {
	case "true":
		return json.RawMessage(`"True"`), nil
	case "false":
		return json.RawMessage(`"False"`), nil
	}
	return nil, fmt.Errorf("neither true nor false: %.40q", text)
}
