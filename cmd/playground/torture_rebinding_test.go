package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestReboundName opens the program in a browser by a name that somebody else
// has pointed at this machine, as a page that wants to drive it would.
func TestReboundName(t *testing.T) { // X01
	ctx, cancel := context.WithTimeout(launch(t), time.Minute)
	t.Cleanup(cancel)

	site := launchProgram(t, "--store", "memory:").url
	evil := strings.Replace(site, "127.0.0.1", "evil.test", 1)
	for _, at := range []struct {
		site   string
		status int64
		posted int
	}{{site, 200, 200}, {evil, 421, 421}} {
		res, err := chromedp.RunResponse(ctx, chromedp.Navigate(at.site+"/"))
		if err != nil {
			t.Fatalf("%s: %v", at.site, err)
		}
		if res.Status != at.status {
			t.Errorf("%s: the page came with %d, want %d", at.site, res.Status, at.status)
		}
		// The page's own policy lets it fetch from its own origin, which is
		// what makes rebinding worth while.
		posted, err := chromedp.Run(ctx, chromedp.Evaluate[int](`fetch("/forget", {method: "POST", headers: {"Accept": "application/json"}}).then(r => r.status)`, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", at.site, err)
		}
		if posted != at.posted {
			t.Errorf("%s: a fetch was answered with %d, want %d", at.site, posted, at.posted)
		}
	}
}
