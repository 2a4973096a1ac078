package dialect

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestCodecs(t *testing.T) {
	tests := []struct {
		name  string
		codec *Codec
		raw   string // JSON read
		text  string // canonical; empty if raw cannot be read
		again string // JSON written; raw if empty
	}{
		{"text", Text, `"a b"`, "a b", ""},
		{"text with marks that HTML escapes", Text, `"a<b>&c"`, "a<b>&c", ""},
		{"text with a quote and a backslash", Text, `"a\"\\b"`, `a"\b`, ""},
		{"text with an escaped letter", Text, `"\u00e9"`, "é", `"é"`},
		{"text is no number", Text, `1`, "", ""},
		{"text is no object", Text, `{}`, "", ""},
		{"uuid", UUID, `"9d2c1e5a-0000-4000-8000-000000000001"`, "9d2c1e5a-0000-4000-8000-000000000001", ""},

		{"integer", Integer, `900`, "900", ""},
		{"integer in quotes", Integer, `"900"`, "900", `900`},
		{"negative integer", Integer, `-1`, "-1", ""},
		{"zero", Integer, `0`, "0", ""},
		{"largest integer", Integer, `9223372036854775807`, "9223372036854775807", ""},
		{"integer out of range", Integer, `9223372036854775808`, "", ""},
		{"fraction", Integer, `900.5`, "", ""},
		{"exponent", Integer, `9e2`, "", ""},
		{"word for an integer", Integer, `"soon"`, "", ""},
		{"nothing for an integer", Integer, `""`, "", ""},

		{"true", Boolean, `true`, "true", ""},
		{"false", Boolean, `false`, "false", ""},
		{"true in quotes", Boolean, `"True"`, "true", `true`},
		{"false in capitals", Boolean, `"FALSE"`, "false", `false`},
		{"number for a boolean", Boolean, `1`, "", ""},
		{"boolean text", BooleanText, `"False"`, "false", ""},
		{"boolean text, true", BooleanText, `"True"`, "true", ""},
		{"boolean text without quotes", BooleanText, `true`, "true", `"True"`},

		{"null with a text", Null, `"x"`, "x", ""},

		{"bare time", TimeBare, `"2020-04-07T10:36:23"`, "2020-04-07T10:36:23Z", ""},
		{"bare time read from ticks", TimeBare, `"2020-04-07T10:36:23.1234567Z"`, "2020-04-07T10:36:23.1234567Z", `"2020-04-07T10:36:23"`},
		{"zulu time", TimeZulu, `"2020-04-07T10:36:23Z"`, "2020-04-07T10:36:23Z", ""},
		{"zulu time read from an offset", TimeZulu, `"2025-04-24T15:24:18+02:00"`, "2025-04-24T13:24:18Z", `"2025-04-24T13:24:18Z"`},
		{"ticks", TimeTicks, `"2020-01-16T14:19:01.1224701Z"`, "2020-01-16T14:19:01.1224701Z", ""},
		{"ticks of a whole second", TimeTicks, `"2020-01-16T14:19:01Z"`, "2020-01-16T14:19:01Z", `"2020-01-16T14:19:01.0000000Z"`},
		{"ticks of the zero date", TimeTicks, `"0001-01-01T00:00:00Z"`, "0001-01-01T00:00:00Z", ""},
		{"number for a time", TimeZulu, `1586255783`, "", ""},
		{"date of HTTP", TimeZulu, `"Tue, 07 Apr 2020 10:36:23 GMT"`, "", ""},

		{"seconds", TimeUnix, `1586255783`, "2020-04-07T10:36:23Z", ""},
		{"seconds before 1970", TimeUnix, `-1`, "1969-12-31T23:59:59Z", ""},
		{"seconds of year 1", TimeUnix, `-62135596800`, "0001-01-01T00:00:00Z", ""},
		{"seconds before year 1", TimeUnix, `-62135596801`, "", ""},
		{"seconds after year 9999", TimeUnix, `253402300800`, "", ""},
		{"seconds in quotes", TimeUnix, `"1586255783"`, "", ""},
		{"seconds with a fraction", TimeUnix, `1586255783.5`, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, err := test.codec.Read(json.RawMessage(test.raw))
			if test.text == "" {
				if err == nil {
					t.Fatalf("read %s as %q, want an error", test.raw, text)
				}
				return
			}
			if err != nil || text != test.text {
				t.Fatalf("read %s: got %q, %v, want %q", test.raw, text, err, test.text)
			}
			want := test.again
			if want == "" {
				want = test.raw
			}
			raw, err := test.codec.Write(text)
			if err != nil || string(raw) != want {
				t.Errorf("write %q: got %s, %v, want %s", text, raw, err, want)
			}
		})
	}
}

func TestCodecsRefuseToWriteWhatTheyAreNotFor(t *testing.T) {
	for _, codec := range []*Codec{Integer, Boolean, BooleanText, TimeBare, TimeZulu, TimeTicks, TimeUnix} {
		for _, text := range []string{"", "soon", "True", "1.5"} {
			if raw, err := codec.Write(text); err == nil {
				t.Errorf("%s wrote %q as %s", codec.Name, text, raw)
			}
		}
	}
}

func TestNullIsWrittenWhereNothingIsSaid(t *testing.T) {
	raw, err := Null.Write("")
	if err != nil || string(raw) != "null" {
		t.Errorf("got %s, %v", raw, err)
	}
}

func TestParseTime(t *testing.T) {
	second := time.Date(2020, 4, 7, 10, 36, 23, 0, time.UTC)
	tests := []struct {
		name, text string
		want       time.Time
	}{
		{"no fraction, Z", "2020-04-07T10:36:23Z", second},
		{"no zone", "2020-04-07T10:36:23", second},
		{"no zone, fraction", "2020-04-07T10:36:23.5", second.Add(500 * time.Millisecond)},
		{"1 digit", "2020-04-07T10:36:23.1Z", second.Add(100 * time.Millisecond)},
		{"2 digits", "2020-04-07T10:36:23.12Z", second.Add(120 * time.Millisecond)},
		{"3 digits", "2020-04-07T10:36:23.123Z", second.Add(123 * time.Millisecond)},
		{"4 digits", "2020-04-07T10:36:23.1234Z", second.Add(123400 * time.Microsecond)},
		{"5 digits", "2020-04-07T10:36:23.12345Z", second.Add(123450 * time.Microsecond)},
		{"6 digits", "2020-04-07T10:36:23.123456Z", second.Add(123456 * time.Microsecond)},
		{"7 digits", "2020-04-07T10:36:23.1234567Z", second.Add(123456700)},
		{"8 digits", "2020-04-07T10:36:23.12345678Z", second.Add(123456780)},
		{"9 digits", "2020-04-07T10:36:23.123456789Z", second.Add(123456789)},
		{"east", "2020-04-07T12:36:23+02:00", second},
		{"west, fraction", "2020-04-07T05:36:23.5-05:00", second.Add(500 * time.Millisecond)},
		{"half an hour", "2020-04-07T16:06:23+05:30", second},
		{"zero date", "0001-01-01T00:00:00Z", time.Time{}},
		{"zero date without a zone", "0001-01-01T00:00:00", time.Time{}},
		{"last second", "9999-12-31T23:59:59Z", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseTime(test.text)
			if err != nil || !got.Equal(test.want) || got.Location() != time.UTC {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
	for _, text := range []string{
		"", "now", "2020-04-07", "10:36:23", "2020-04-07 10:36:23", "2020-13-01T00:00:00Z", "2020-02-30T00:00:00Z",
		"2020-04-07T25:00:00Z", "2020-04-07T10:36:23+0200", "2020-04-07T10:36:23ZZ", "1586255783",
		"0000-06-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "10000-01-01T00:00:00Z",
	} {
		t.Run("not "+text, func(t *testing.T) {
			if got, err := ParseTime(text); !errors.Is(err, errNotTime) {
				t.Errorf("got %v, %v, want errNotTime", got, err)
			}
		})
	}
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2020-01-16T14:19:01.1224701Z", "2020-04-07T10:36:23", "2025-04-24T15:24:18+02:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseTime(text)
		if err != nil {
			return
		}
		again, err := ParseTime(FormatTime(at))
		if err != nil || !again.Equal(at) {
			t.Errorf("%q is %v, and again %v, %v", text, at, again, err)
		}
		for _, codec := range []*Codec{TimeBare, TimeZulu, TimeTicks, TimeUnix} {
			raw, err := codec.Write(FormatTime(at))
			if err != nil {
				t.Fatalf("%s: write %v: %v", codec.Name, at, err)
			}
			once, err := codec.Read(raw)
			if err != nil {
				t.Fatalf("%s: read %s: %v", codec.Name, raw, err)
			}
			rewritten, err := codec.Write(once)
			if err != nil || string(rewritten) != string(raw) {
				t.Errorf("%s: %s is written again as %s, %v", codec.Name, raw, rewritten, err)
			}
		}
	})
}
