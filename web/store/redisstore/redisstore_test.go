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
		return open(t, "redis://"+mr.Addr(), Options{}), mr.FastForward
	})
}
