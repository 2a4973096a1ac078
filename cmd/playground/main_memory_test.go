package main

import "testing"

func TestMemoryLimit(t *testing.T) {
	for text, want := range map[string]int64{
		"268435460\n": 241591914, "max\n": 0, "9223372036854771712\n": 0, "": 0, "-1": 0, "0": 0,
	} {
		if got := memoryLimit(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
