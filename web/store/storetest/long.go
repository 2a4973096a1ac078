package storetest

import (
	"os"
	"testing"
)

// Long reports whether the tests may take minutes: PLAYGROUND_TEST_LONG=1 asks for the long variants of what
// kills, damages and fills, which run with smaller numbers otherwise.
func Long() bool { return os.Getenv("PLAYGROUND_TEST_LONG") == "1" }

// Times is long if the tests may take minutes and short otherwise.
func Times(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// Lack skips a test for want of what the hint tells how to get. PLAYGROUND_TEST_REQUIRE=1 makes it fail.
func Lack(t testing.TB, hint string) {
	t.Helper()
	if os.Getenv("PLAYGROUND_TEST_REQUIRE") == "1" {
		t.Fatal(hint)
	}
	t.Skip(hint)
}
