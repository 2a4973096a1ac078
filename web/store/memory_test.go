package store_test

import (
	"testing"
	"time"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, func(time.Duration)) {
		clock := storetest.NewClock()
		return store.NewMemory(clock.Now), clock.Advance
	})
}
