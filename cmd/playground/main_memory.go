package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryFiles say how much memory a container may have, in cgroup versions 2
// and 1.
var memoryFiles = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// keepMemory has the garbage collector stay within nine tenths of what the
// container may have, so that it works harder instead of being killed. The
// rest is for what the collector does not see. A person's own GOMEMLIMIT
// counts more.
func keepMemory(getenv func(string) string) {
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	for _, path := range memoryFiles {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if n := memoryLimit(string(text)); n > 0 {
			debug.SetMemoryLimit(n)
		}
		return
	}
}

// memoryLimit is nine tenths of the limit that a file holds, zero for none.
func memoryLimit(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	// Version 1 says "none" by a number that no machine has.
	if err != nil || n <= 0 || n > 1<<50 {
		return 0
	}
	return n / 10 * 9
}
