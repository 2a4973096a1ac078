package boltstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"tokenplayground/web/store"
	"tokenplayground/web/store/boltstore"
	"tokenplayground/web/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (store.Store, func(time.Duration)) {
		clock := storetest.NewClock()
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "new", "store"), boltstore.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s, clock.Advance
	})
}
