// Package metrics owns what the program counts about itself, in the text
// format of Prometheus (version 0.0.4). A library would bring a dozen modules
// for the sake of these few lines, and a registry that anything can write to;
// here every label has a value of the program's own, never a visitor's.
package metrics

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// seriesMost bounds the series of one counter: more than routes times
// statuses, so that a label which should not vary cannot fill the memory.
const seriesMost = 2000

// Counter counts events by the values of its labels. It is safe for
// concurrent use.
type Counter struct {
	name, help string
	labels     []string

	mu     sync.Mutex
	series map[string]*series
}

type series struct {
	values  []string
	n       uint64
	seconds float64
}

// NewCounter returns a counter of events and of the seconds that they took.
// name is without its ending: there will be name_total and
// name_seconds_total.
func NewCounter(name, help string, labels ...string) *Counter {
	return &Counter{name: name, help: help, labels: labels, series: make(map[string]*series)}
}

// Add counts one event. There must be a value for each label.
func (c *Counter) Add(took time.Duration, values ...string) {
	if len(values) != len(c.labels) {
		panic("metrics: " + c.name + " has " + strconv.Itoa(len(c.labels)) + " labels")
	}
	key := strings.Join(values, "\x00")
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.series[key]
	if s == nil {
		if len(c.series) >= seriesMost {
			return
		}
		s = &series{values: slices.Clone(values)}
		c.series[key] = s
	}
	s.n++
	s.seconds += took.Seconds()
}

// Write writes the counter.
func (c *Counter) Write(w io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]string, 0, len(c.series))
	for k := range c.series {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, part := range []struct {
		ending, help string
		value        func(*series) string
	}{
		{"_total", c.help, func(s *series) string { return strconv.FormatUint(s.n, 10) }},
		{"_seconds_total", c.help + ", in seconds.", func(s *series) string { return strconv.FormatFloat(s.seconds, 'g', -1, 64) }},
	} {
		fmt.Fprintf(w, "# HELP %s%s %s\n# TYPE %s%s counter\n", c.name, part.ending, part.help, c.name, part.ending)
		for _, k := range keys {
			s := c.series[k]
			fmt.Fprintf(w, "%s%s%s %s\n", c.name, part.ending, labelled(c.labels, s.values), part.value(s))
		}
	}
}

// Gauge writes one value of now.
func Gauge(w io.Writer, name, help string, value float64, labels ...string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s%s %s\n", name, help, name, name, labelled(names, values), strconv.FormatFloat(value, 'g', -1, 64))
}

// Process writes what every program has.
func Process(w io.Writer) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	Gauge(w, "go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine()))
	Gauge(w, "go_memstats_heap_alloc_bytes", "Bytes of the heap in use.", float64(m.HeapAlloc))
	Gauge(w, "go_memstats_sys_bytes", "Bytes taken from the system.", float64(m.Sys))
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labelled(names, values []string) string {
	if len(names) == 0 {
		return ""
	}
	var b strings.Builder
	for i, n := range names {
		b.WriteString([]string{"{", ","}[min(i, 1)] + n + `="` + escape.Replace(values[i]) + `"`)
	}
	return b.String() + "}"
}

// Handler serves what write writes, at /metrics and nowhere else.
func Handler(write func(io.Writer)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		write(w)
	})
	return mux
}
