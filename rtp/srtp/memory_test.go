package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"reflect"
	"runtime"
	"testing"
	"unsafe"
)

// The parts of an AEAD that are fetched are those that crypto/cipher has.
func TestThePartsOfTheAEADAreWhereTheyAreFetched(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("nothing is fetched")
	}
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	g := reflect.TypeOf(aead).Elem()
	if g.Size() != aeadSize {
		t.Errorf("it has %d bytes", g.Size())
	}
	fetched := func(what string, from, size uintptr) {
		if to := from + size; to > aeadSchedule && from < aeadTable || to > aeadSize {
			t.Errorf("%s has bytes %d to %d, which are not fetched", what, from, to)
		}
	}
	var enc, rounds bool
	walk(g, 0, func(name string, f reflect.Type, at uintptr) {
		switch name {
		case "rounds":
			rounds = true
			fetched(name, at, f.Size())
		case "enc":
			enc = true
			fetched(name, at, 11*16) // of AES-128
		case "nonceSize", "tagSize", "productTable":
			fetched(name, at, f.Size())
		}
	})
	if !enc || !rounds {
		t.Error("no schedule of the key")
	}
}

// walk tells of all fields of a struct and those within them.
func walk(t reflect.Type, base uintptr, tell func(name string, f reflect.Type, at uintptr)) {
	for f := range t.Fields() {
		tell(f.Name, f.Type, base+f.Offset)
		if f.Type.Kind() == reflect.Struct {
			walk(f.Type, base+f.Offset, tell)
		}
	}
}

// The AEAD lies behind its context; all that is written for a packet is in one line.
func TestAContextIsOnePieceOfMemory(t *testing.T) {
	s := GCM128
	c, err := s.context(NewKey(s), nil)
	if err != nil {
		t.Fatal(err)
	}
	at, behind := uintptr(unsafe.Pointer(c)), reflect.ValueOf(c.aead).Pointer()
	if !c.beside || behind != at+unsafe.Sizeof(*c) {
		t.Errorf("the AEAD is %d bytes behind, beside is %v", behind-at, c.beside)
	}
	first, last := at+unsafe.Offsetof(c.streams), at+unsafe.Offsetof(c.nonce)+gcmSalt-1
	if first/64 != last/64 {
		t.Errorf("lines %#x to %#x are written", first/64, last/64)
	}
	if beside := besides(pointing{&first}); beside.beside || beside.aead != (pointing{&first}) {
		t.Error("an AEAD with pointers was copied")
	}
	if p := (&pointing{&first}); besides(p).aead != p {
		t.Error("an AEAD with pointers was copied")
	}
}

// pointing is an AEAD that cannot be copied.
type pointing struct{ to *uintptr }

func (pointing) NonceSize() int                         { return 12 }
func (pointing) Overhead() int                          { return 16 }
func (pointing) Seal(_, _, _, _ []byte) []byte          { return nil }
func (pointing) Open(_, _, _, _ []byte) ([]byte, error) { return nil, nil }
