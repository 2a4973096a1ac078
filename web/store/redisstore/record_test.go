package redisstore

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tokenplayground/web/store"
	"tokenplayground/web/store/storetest"
)

// FuzzRecord: whatever stands in the place of a record is read as one or as
// none, and gives way to a write.
func FuzzRecord(f *testing.F) {
	for _, raw := range [][]byte{nil, {0}, []byte("text"), make([]byte, versionLen), bytes.Repeat([]byte{0xff}, versionLen+3), []byte("versionsvalue"), []byte("versions")} {
		f.Add(raw)
	}
	r := storetest.StartRedis(f)
	s, err := Open(r.URL(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	other := redis.NewClient(&redis.Options{Addr: r.Addr, DisableIdentity: true})
	f.Cleanup(func() { other.Close() })
	f.Fuzz(func(t *testing.T, raw []byte) {
		const key = "fuzz"
		ctx := t.Context()
		if err := other.Set(ctx, "pg:"+key, raw, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		value, version, err := s.Get(ctx, key)
		live := len(raw) >= versionLen
		if live {
			given := binary.BigEndian.Uint64(raw)
			live = given != 0 && given != store.Any
		}
		if live != (err == nil) || live && (!bytes.Equal(value, raw[versionLen:]) || version != binary.BigEndian.Uint64(raw)) {
			t.Errorf("%x: got %x at %d, %v", raw, value, version, err)
		}
		// By the version that was read, or as if there were nothing.
		if _, err := s.Put(ctx, key, []byte("new"), version, time.Minute); err != nil {
			t.Fatalf("%x: cannot be replaced: %v", raw, err)
		}
		if value, _, err := s.Get(ctx, key); err != nil || string(value) != "new" {
			t.Errorf("%x: after the write: got %q, %v", raw, value, err)
		}
	})
}
