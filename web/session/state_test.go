package session

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokenplayground/web/secret"
)

func TestStatus(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	past, future := now.Add(-time.Second), now.Add(time.Second)
	cases := []struct {
		name string
		slot *Slot
		want Status
	}{
		{"no slot", nil, None},
		{"an empty slot", &Slot{Product: "p"}, None},
		{"tokens forgotten after logging out", &Slot{Ended: true}, None},
		{"an access token without an end", &Slot{Access: "a"}, Valid},
		{"an access token in time", &Slot{Access: "a", AccessExpires: future}, Valid},
		{"an access token at its very end", &Slot{Access: "a", AccessExpires: now}, Dead},
		{"an expired one with a refresh token", &Slot{Access: "a", AccessExpires: past, Refresh: "r"}, ExpiredRefreshable},
		{"an expired one with a refresh token in time", &Slot{Access: "a", AccessExpires: past, Refresh: "r", RefreshExpires: future}, ExpiredRefreshable},
		{"both expired", &Slot{Access: "a", AccessExpires: past, Refresh: "r", RefreshExpires: past}, Dead},
		{"a refused one with a refresh token", &Slot{Access: "a", AccessExpires: future, Refused: true, Refresh: "r"}, ExpiredRefreshable},
		{"a refused one without", &Slot{Access: "a", Refused: true}, Dead},
		{"a refresh token alone", &Slot{Refresh: "r"}, ExpiredRefreshable},
		{"an MFA token in time", &Slot{MFA: "m", MFAExpires: future}, MFAPending},
		{"an MFA token without an end", &Slot{MFA: "m"}, MFAPending},
		{"an expired MFA token", &Slot{MFA: "m", MFAExpires: past}, Dead},
		{"an MFA token beside a valid access token", &Slot{MFA: "m", Access: "a"}, Valid},
		{"logged out", &Slot{Access: "a", Refresh: "r", Ended: true}, Dead},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.slot.Status(now); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestEveryFieldIsSealed fills each field of the state by reflection, so that one which is added later and
// not encoded, or a secret that is encoded as "[redacted]", is noticed.
func TestEveryFieldIsSealed(t *testing.T) {
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.String:
			v.SetString("text-" + time.Duration(n).String())
		case reflect.Int, reflect.Int64:
			v.SetInt(int64(n))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0))
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key)
			fill(value)
			v.SetMapIndex(key, value)
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				v.Set(reflect.ValueOf(time.Unix(int64(n), 0).UTC()))
				return
			}
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		default:
			t.Fatalf("the state has a %v; teach this test", v.Kind())
		}
	}
	want := new(State)
	fill(reflect.ValueOf(want).Elem())
	tied := ties{Attached: map[string]string{"exchange/1": "handle"}, Before: "s:1", Left: []string{"a:1"}, After: "s:2", Moved: time.Unix(1, 0).UTC()}

	data, err := encodeState(want, tied)
	if err != nil {
		t.Fatal(err)
	}
	got, gotTied, err := decodeState(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for key, slot := range want.Slots { // cmp may print a secret as redacted, so look at the real ones
		for _, pair := range [][2]secret.Text{{slot.Access, got.Slots[key].Access}, {slot.Refresh, got.Slots[key].Refresh}, {slot.MFA, got.Slots[key].MFA}} {
			if pair[0].Reveal() != pair[1].Reveal() {
				t.Error("a secret changed")
			}
		}
	}
	if diff := cmp.Diff(tied, gotTied); diff != "" {
		t.Errorf("what it is tied to, -want +got:\n%s", diff)
	}
}

func TestRecord(t *testing.T) {
	var st State
	for i := range 60 {
		if n := st.Record(Entry{Operation: "op"}); n != i+1 {
			t.Fatalf("exchange %d got number %d", i+1, n)
		}
	}
	if got := len(st.History); got != 50 {
		t.Errorf("%d exchanges kept, want 50", got)
	}
	if first, last := st.History[0].N, st.History[49].N; first != 11 || last != 60 {
		t.Errorf("kept %d to %d, want 11 to 60", first, last)
	}
}

func TestRecordsFromBeforeKeysWereKept(t *testing.T) {
	st, _, err := decodeState([]byte(`{"World":"w","Slots":{},"Next":1,"Trust":{"vbr.lab:9419":"ab12"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if st.Trust["vbr.lab:9419"] != "ab12" || len(st.TrustKeys) != 0 {
		t.Errorf("got the trust %q with the keys %q", st.Trust, st.TrustKeys)
	}
}

// FuzzDecodeState: what opens is whole, and is read again as it was written.
func FuzzDecodeState(f *testing.F) {
	for _, s := range []string{
		"", "{}", "null", `{"World":"w","Next":3,"Slots":{"p\u0000t":{"Product":"p","Access":"a","AccessExpires":"2026-03-01T12:00:00Z"},"q":null}}`,
		`{"Slots":{"p":{"access":"a","ACCESS":"b"}},"Carried":{"p":{"code":"1"},"q":{}}}`, `{"History":[{"N":1,"Said":null}],"Trust":null,"Attached":{"exchange/1":"h"}}`,
		`{"Before":"s:1","Left":["a:1"],"After":"s:2","Moved":"2026-03-01T12:00:00+23:59"}`, `{"Slots":{"p":{"Access":7}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		st, tied, err := decodeState(data)
		if err != nil {
			if st != nil {
				t.Errorf("%q: a state beside the error %v", data, err)
			}
			return
		}
		if st.Trust == nil || st.Slots == nil {
			t.Errorf("%q: nothing can be kept in what was read", data)
		}
		for key, slot := range st.Slots {
			if slot == nil {
				t.Errorf("%q: slot %q is nil", data, key)
			}
		}
		st.TokensEnd()
		st.Record(Entry{})
		if len(st.History) > historyMost {
			t.Errorf("%q: a history of %d", data, len(st.History))
		}
		once, err := encodeState(st, tied)
		if err != nil {
			t.Fatalf("%q: what was read cannot be written: %v", data, err)
		}
		again, tied, err := decodeState(once)
		if err != nil {
			t.Fatalf("%q: what was written cannot be read: %v", data, err)
		}
		if twice, err := encodeState(again, tied); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q is written as %q, then as %q, %v", data, once, twice, err)
		}
	})
}
