package state

import (
	"path/filepath"
	"runtime"
	"testing"
)

func TestDir(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("these systems have folders of their own")
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"the folder that the user named":      {map[string]string{"XDG_STATE_HOME": "/var/x", "HOME": "/home/me"}, "/var/x/tokenplayground"},
		"the usual one":                       {map[string]string{"HOME": "/home/me"}, "/home/me/.local/state/tokenplayground"},
		"none for a process without any home": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Dir(func(k string) string { return tt.env[k] })
			if got != filepath.FromSlash(tt.want) || (err != nil) != (tt.want == "") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
