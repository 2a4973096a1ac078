package session

import (
	"bytes"
	"crypto/rand"
	"testing"
)

func newTestSealer(t testing.TB, k *Keyring) sealer {
	t.Helper()
	var ticket [ticketLen]byte
	rand.Read(ticket[:])
	return newSealer(k, ticket)
}

func TestSeal(t *testing.T) {
	k := newKeyring(t)
	s := newTestSealer(t, k)
	plain := []byte("the state with canary-token in it")
	record, err := s.seal(plain, 7, "")
	if err != nil {
		t.Fatal(err)
	}

	t.Run("what was sealed opens, with its generation", func(t *testing.T) {
		got, gen, err := s.open(record, "")
		if err != nil || gen != 7 || !bytes.Equal(got, plain) {
			t.Errorf("got %q at %d, %v", got, gen, err)
		}
	})
	t.Run("the same state is sealed differently each time", func(t *testing.T) {
		again, err := s.seal(plain, 7, "")
		if err != nil || bytes.Equal(again[headerLen:], record[headerLen:]) {
			t.Errorf("equal records, or %v", err)
		}
	})
	refused := func(name string, s sealer, record []byte, as string) {
		t.Helper()
		if got, _, err := s.open(record, as); err == nil {
			t.Errorf("%s: opened as %q", name, got)
		}
	}
	t.Run("each changed byte is noticed", func(t *testing.T) {
		for i := range record {
			for _, bit := range []byte{1, 0x80} {
				bad := bytes.Clone(record)
				bad[i] ^= bit
				refused("byte", s, bad, "")
			}
		}
	})
	t.Run("each truncation is noticed", func(t *testing.T) {
		for n := range record {
			refused("cut", s, record[:n], "")
		}
	})
	t.Run("a record does not open for another ticket, key or name", func(t *testing.T) {
		refused("ticket", newTestSealer(t, k), record, "")
		refused("key", newSealer(newKeyring(t), s.ticket), record, "")
		refused("name", s, record, "exchange/1")
		same := newKeyring(t)
		same.keys[0].id = k.keys[0].id
		refused("key of the same id", newSealer(same, s.ticket), record, "")
	})
	t.Run("a rotated keyring opens and seals under its first key", func(t *testing.T) {
		rotated := newSealer(together(newKeyring(t), k), s.ticket)
		if _, _, err := rotated.open(record, ""); err != nil {
			t.Error(err)
		}
		again, err := rotated.seal(plain, 8, "")
		if err != nil || bytes.Equal(again[1:1+kidLen], record[1:1+kidLen]) {
			t.Errorf("sealed under the old key, or %v", err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	k, err := GenerateKeyring(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	s := newTestSealer(f, k)
	plain := []byte(`{"World":"w"}`)
	f.Add([]byte{})
	f.Add(tombstone)
	f.Add(append([]byte{recordVersion}, append(k.keys[0].id[:], make([]byte, 60)...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := s.open(data, ""); err == nil {
			t.Error("arbitrary bytes opened")
		}
		// Bytes laid over a good record open to nothing but what was sealed.
		good, err := s.seal(plain, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(good)
		copy(bad, data)
		if got, _, err := s.open(bad, ""); err == nil && !bytes.Equal(got, plain) {
			t.Errorf("opened as %q", got)
		}
	})
}

func benchState(b *testing.B) []byte {
	b.Helper()
	return bytes.Repeat([]byte("x"), 12<<10)
}

func BenchmarkSeal(b *testing.B) {
	s, plain := newTestSealer(b, newKeyring(b)), benchState(b)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		if _, err := s.seal(plain, 1, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	s, plain := newTestSealer(b, newKeyring(b)), benchState(b)
	record, err := s.seal(plain, 1, "")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		if _, _, err := s.open(record, ""); err != nil {
			b.Fatal(err)
		}
	}
}
