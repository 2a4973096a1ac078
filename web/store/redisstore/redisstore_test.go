package redisstore

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, func(time.Duration)) {
		mr := miniredis.RunT(t)
		clock := storetest.NewClock() // what the server's TIME says; its time to live is counted apart
		mr.SetTime(clock.Now())
		return open(t, "redis://"+mr.Addr(), Options{}), func(d time.Duration) {
			mr.FastForward(d)
			clock.Advance(d)
			mr.SetTime(clock.Now())
		}
	})
}
