package inject

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestHeaderIsThatOfADatagram(t *testing.T) {
	record := bytes.Repeat([]byte{0xff}, RecordSize)
	Header(record, netip.MustParseAddrPort("127.16.1.2:30000"), netip.MustParseAddrPort("127.0.0.1:20002"), 172)
	want := []byte{
		0x45, 0, 0, 200, 0, 0, 0x40, 0, 64, 17, 0, 0, 127, 16, 1, 2, 127, 0, 0, 1,
		0x75, 0x30, 0x4e, 0x22, 0, 180, 0, 0,
	}
	got := bytes.Clone(record[:HeaderSize])
	if sum := checksum(got[:ipSize]); sum != 0 {
		t.Errorf("the checksum does not fit: %x", sum)
	}
	got[10], got[11] = 0, 0
	if !bytes.Equal(got, want) {
		t.Errorf("% x\nwant\n% x", got, want)
	}
	if record[HeaderSize] != 0xff {
		t.Error("the payload was written to")
	}
}
