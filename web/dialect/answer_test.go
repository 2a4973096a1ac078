package dialect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDecodeJunk(t *testing.T) {
	big := strings.Repeat("9", 400)
	tests := []struct {
		name   string
		status int
		body   string
		raw    bool
		left   []string
	}{
		{"nothing", 200, "", true, nil},
		{"white space", 200, " \r\n\t", true, nil},
		{"an array", 200, `[{"access_token":"x"}]`, true, nil},
		{"a string", 200, `"x"`, true, nil},
		{"null", 200, `null`, true, nil},
		{"a number", 200, big, true, nil},
		{"a page", 200, "<!doctype html><title>Sign in</title>", true, nil},
		{"half an object", 200, `{"access_token":"x"`, true, nil},
		{"two objects", 200, `{} {}`, true, nil},
		{"a comma too many", 200, `{"access_token":"x",}`, true, nil},
		{"an empty object", 200, `{}`, false, nil},
		{"a huge number", 200, `{"expires_in":` + big + `}`, false, []string{"expires_in"}},
		{"a nested value", 200, `{"access_token":{"value":["x"]}}`, false, []string{"access_token"}},
		{"an unknown member", 200, `{"odd":{"a":[1,2]},"":null,"x":null}`, false, []string{"odd", "", "x"}},
		{"a wrong type", 200, `{"access_token":1}`, false, []string{"access_token"}},
		{"a page that refuses", 502, "<h1>Bad Gateway</h1>", true, nil},
		{"nothing that refuses", 503, "", true, nil},
		{"a status out of bounds", 0, "{}", false, nil},
	}
	for _, test := range tests {
		for _, d := range All() {
			t.Run(d.ID+"/"+test.name, func(t *testing.T) {
				a := d.Decode(Obtain, "", test.status, []byte(test.body))
				var left []string
				for _, m := range a.Left {
					left = append(left, m.Name)
				}
				// A product without the member does not know it: left, too.
				if a.Raw != test.raw || !cmp.Equal(test.left, left) || len(a.Values) > 0 {
					t.Errorf("got raw %t, left %q, values %v", a.Raw, left, a.Values)
				}
			})
		}
	}
}

func TestDecodeTakesTheLastOfTwoMembers(t *testing.T) {
	for _, d := range All() {
		a := d.Decode(Obtain, "", 200, []byte(`{"access_token":"x","access_token":"y","refresh_token":null}`))
		if diff := cmp.Diff(Values{AccessToken: "y"}, a.Values); diff != "" {
			t.Errorf("%s: -want +got:\n%s", d.ID, diff)
		}
	}
}

func TestDecodeKeepsNestedMembersAsTheyCame(t *testing.T) {
	for _, d := range All() {
		a := d.Decode(Obtain, "", 400, []byte(`{"errors":{"Password":[ "required" ]}}`))
		if diff := cmp.Diff(Pairs{{"errors", `{"Password":[ "required" ]}`}}, a.Left); diff != "" {
			t.Errorf("%s: -want +got:\n%s", d.ID, diff)
		}
	}
}

func TestDecodeOfNoOperation(t *testing.T) {
	for _, d := range All() {
		if a := d.Decode("", "", 200, []byte("{}")); !a.Raw {
			t.Errorf("%s: understood an answer to nothing", d.ID)
		}
	}
}

func TestDecodeOfASentence(t *testing.T) {
	for _, d := range All() {
		for body, raw := range map[string]bool{`"You have been logged out."`: false, "You have been logged out.": true} {
			a := d.Decode(Logout, "", 200, []byte(body))
			if a.Values[Message] != "You have been logged out." || a.Raw != raw {
				t.Errorf("%s: %s: got %v, raw %t", d.ID, body, a.Values, a.Raw)
			}
		}
	}
}

func TestEveryRefusalIsWordedAndUnderstood(t *testing.T) {
	for _, d := range All() {
		for i := range d.Refusals {
			r := &d.Refusals[i]
			on := r.On
			if on == "" {
				on = Explore
			}
			reply, err := d.EncodeRefusal(r.Fault, on, "", Values{ErrorTrace: "00-1", ErrorInstance: "/x"})
			if err != nil {
				t.Errorf("%s: %s: %v", d.ID, r.Fault, err)
				continue
			}
			a := d.Decode(on, "", reply.Status, []byte(reply.Body))
			if !a.Refused || len(a.Left) > 0 || a.Raw && reply.Body != "" {
				t.Errorf("%s: %s: %s: left %v, raw %t", d.ID, r.Fault, reply.Body, a.Left, a.Raw)
			}
			// Refusals in the same words are read as the first of them.
			if got, ok := d.Refusal(a.Fault, on); reply.Body != "" && (!ok || got.Status != r.Status || !cmp.Equal(got.Says, r.Says)) {
				t.Errorf("%s: %s is read as %q", d.ID, r.Fault, a.Fault)
			}
		}
	}
}

func TestRefusalOfAnUnknownFault(t *testing.T) {
	for _, d := range All() {
		reply, err := d.EncodeRefusal("odd", Explore, "", nil)
		fault, _ := d.Refusal(ServerFault, Explore)
		if err != nil || reply.Status != fault.Status || fault.Status < 500 {
			t.Errorf("%s: got %v, %v, want the server's own fault", d.ID, reply, err)
		}
	}
}

func TestFirstCallsAnswerJSON(t *testing.T) {
	now := time.Date(2026, 2, 3, 4, 5, 6, 700, time.UTC)
	for _, d := range All() {
		for i := range d.Operations {
			op := &d.Operations[i]
			if op.Purpose == Obtain {
				continue
			}
			for _, v := range d.Versions.All {
				r, err := d.EncodeAnswer(op, v.ID, nil, now)
				if err != nil {
					t.Fatalf("%s %s: %v", d.ID, op.Path, err)
				}
				if r.Body != "" && !json.Valid([]byte(r.Body)) || strings.Contains(r.Body, "${") {
					t.Errorf("%s %s in %s: %s", d.ID, op.Path, v.ID, r.Body)
				}
				if strings.Contains(op.Body, "${now}") && !strings.Contains(r.Body, "2026-02-03T04:05:06.0000007Z") {
					t.Errorf("%s %s in %s does not know the time: %s", d.ID, op.Path, v.ID, r.Body)
				}
			}
		}
	}
}

func TestBodyFollowsTheVersion(t *testing.T) {
	d := &Dialect{Versions: Versions{All: []Version{{ID: "1"}, {ID: "2"}, {ID: "3"}, {ID: "4"}}, Default: "4"}}
	op := &Operation{Body: "now", Older: []OlderBody{{Until: "1", Body: "oldest"}, {Until: "3", Body: "old"}}}
	for version, want := range map[string]string{"1": "oldest", "2": "old", "3": "old", "4": "now", "": "now"} {
		if got := d.Body(op, version); got != want {
			t.Errorf("%q: got %q, want %q", version, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, d := range All() {
		for _, e := range readEvidence(f, d.ID) {
			f.Add(e.status, string(e.purpose), e.answer)
		}
	}
	f.Add(200, "token", `{"access_token":null,"expires_in":"3600",".issued":"0001-01-01T00:00:00"}`)
	f.Fuzz(func(t *testing.T, status int, purpose, body string) {
		for _, d := range All() {
			for _, version := range []string{"", d.Versions.All[0].ID} {
				a := d.Decode(Purpose(purpose), version, status, []byte(body))
				if a.Raw && len(a.Left) > 0 {
					t.Errorf("%s: raw, and left over: %v", d.ID, a.Left)
				}
				op := d.Operation(Purpose(purpose))
				if op == nil || a.Refused || len(op.Gives) == 0 {
					continue
				}
				// What was understood can be said again, and is understood again.
				r, err := d.EncodeAnswer(op, version, a.Values, time.Time{})
				if err != nil {
					t.Fatalf("%s: %v: %v", d.ID, a.Values, err)
				}
				b := d.Decode(op.Purpose, version, r.Status, []byte(r.Body))
				r2, err := d.EncodeAnswer(op, version, b.Values, time.Time{})
				if err != nil || r2.Body != r.Body {
					t.Errorf("%s: %s is said again as %s, %v", d.ID, r.Body, r2.Body, err)
				}
			}
		}
	})
}

// TestDecodeTraps: answers of the size that a target may have, made to cost
// whoever reads them.
func TestDecodeTraps(t *testing.T) { // H11
	const size = 1 << 20
	d := All()[0]
	many := strings.Builder{}
	for i := 0; many.Len() < size; i++ {
		fmt.Fprintf(&many, `"m%d":1,`, i)
	}
	for name, test := range map[string]struct {
		body string
		raw  bool
	}{
		"levels without end":       {`{"access_token":"x","a":` + strings.Repeat("[", size), true},
		"half a million levels":    {`{"access_token":"x","a":` + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + "}", true},
		"objects in objects":       {strings.Repeat(`{"a":`, size/6) + "1" + strings.Repeat("}", size/6), true},
		"as many members as fit":   {"{" + many.String() + `"access_token":"x"}`, false},
		"one member over and over": {"{" + strings.Repeat(`"access_token":"y",`, size/19) + `"access_token":"x"}`, false},
		"a number without end":     {`{"access_token":"x","expires_in":` + strings.Repeat("9", size) + "}", false},
		"a date after all dates":   {`{"access_token":"x",".expires":"99999-12-31T23:59:59Z"}`, false},
		"a lifetime in words":      {`{"access_token":"x","expires_in":"soon"}`, false},
		"a lifetime of ages":       {`{"access_token":"x","expires_in":1e308}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.Decode(Obtain, "", 200, []byte(test.body))
			// A lifetime that cannot be is unknown, not wrong.
			want := Values{AccessToken: "x"}
			if test.raw {
				want = nil
			}
			if diff := cmp.Diff(want, a.Values, cmpopts.EquateEmpty()); a.Raw != test.raw || diff != "" {
				t.Errorf("got raw %t, -want +got:\n%s", a.Raw, diff)
			}
		})
	}
}
