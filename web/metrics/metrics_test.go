package metrics

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	c := NewCounter("x", "Things", "route", "status")
	c.Add(time.Second, "/b", "200")
	c.Add(500*time.Millisecond, "/b", "200")
	c.Add(0, "/a\"\\\n", "404")
	var b strings.Builder
	c.Write(&b)
	Gauge(&b, "y", "Now.", 1, "version", "v1")
	want := `# HELP x_total Things
# TYPE x_total counter
x_total{route="/a\"\\\n",status="404"} 1
x_total{route="/b",status="200"} 2
# HELP x_seconds_total Things, in seconds.
# TYPE x_seconds_total counter
x_seconds_total{route="/a\"\\\n",status="404"} 0
x_seconds_total{route="/b",status="200"} 1.5
# HELP y Now.
# TYPE y gauge
y{version="v1"} 1
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	c := NewCounter("x", "Things", "name")
	for i := range 3 * seriesMost {
		c.Add(0, strconv.Itoa(i))
	}
	if len(c.series) != seriesMost {
		t.Errorf("got %d series", len(c.series))
	}
}
