package boltstore

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"tokenplayground/web/store"

	bolt "go.etcd.io/bbolt"
)

// FuzzRecord: whatever stands in the place of a record is read as one or as
// none, is counted as it is read, and gives way to a sweep and to a write.
func FuzzRecord(f *testing.F) {
	now := time.Unix(1e9, 0)
	record := func(expires time.Time, version uint64, value string) []byte {
		raw := binary.BigEndian.AppendUint64(nil, uint64(expires.UnixNano()))
		return append(binary.BigEndian.AppendUint64(raw, version), value...)
	}
	for _, raw := range [][]byte{nil, {0}, make([]byte, headerLen-1), make([]byte, headerLen), record(now.Add(time.Hour), 3, "value"), record(now.Add(-time.Hour), 3, "value"), record(now, 3, ""), record(now.Add(time.Hour), 0, "value"), record(now.Add(time.Hour), store.Any, "value"), bytes.Repeat([]byte{0xff}, 20)} {
		f.Add(raw)
	}
	s, err := Open(f.TempDir()+"/store", Options{Now: func() time.Time { return now }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, raw []byte) {
		const key = "s:fuzz"
		ctx := t.Context()
		if err := s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(valuesBucket).Put([]byte(key), raw) }); err != nil {
			t.Fatal(err)
		}
		value, version, err := s.Get(ctx, key)
		live := len(raw) >= headerLen && int64(binary.BigEndian.Uint64(raw)) > now.UnixNano()
		if live {
			given := binary.BigEndian.Uint64(raw[8:])
			live = given != 0 && given != store.Any
		}
		if live != (err == nil) || live && (!bytes.Equal(value, raw[headerLen:]) || version != binary.BigEndian.Uint64(raw[8:])) {
			t.Errorf("%x: got %x at %d, %v", raw, value, version, err)
		}
		n, err := s.Count(ctx, "s:")
		if err != nil || (n == 1) != live {
			t.Errorf("%x: counted %d, %v", raw, n, err)
		}
		// By the version that was read, or as if there were nothing.
		if _, err := s.Put(ctx, key, []byte("new"), version, time.Hour); err != nil {
			t.Fatalf("%x: cannot be replaced: %v", raw, err)
		}
		if value, _, err := s.Get(ctx, key); err != nil || string(value) != "new" {
			t.Errorf("%x: after the write: got %q, %v", raw, value, err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Error(err)
		}
	})
}
