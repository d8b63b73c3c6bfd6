package dtmf

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

// packet is one telephone-event packet of a script.
type packet struct {
	after    time.Duration // since the packet before
	ts       uint32
	marker   bool
	code     uint8
	end      bool
	duration uint16
}

func (p packet) payload() []byte {
	b := make([]byte, EventSize)
	if _, err := (Event{Code: p.code, End: p.end, Volume: 10, Duration: p.duration}).MarshalTo(b); err != nil {
		panic(err)
	}
	return b
}

// play gives the packets to a Receiver and returns the presses.
func play(t *testing.T, r *Receiver, packets []packet) string {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var got []byte
	for _, p := range packets {
		now = now.Add(p.after)
		d, pressed, err := r.Receive(p.ts, p.marker, p.payload(), now)
		if err != nil {
			t.Fatalf("packet at %d: %v", p.ts, err)
		}
		if pressed {
			got = append(got, byte(d))
		}
	}
	return string(got)
}

const step = 20 * time.Millisecond

// event is a whole event as a good sender makes it: five packets and two more
// ends.
func event(ts uint32, code uint8) []packet {
	var p []packet
	for i := range 7 {
		p = append(p, packet{step, ts, i == 0, code, i >= 4, uint16(160 * min(i+1, 5))})
	}
	return p
}

// moving is an event of a sender that moves the timestamp on with each packet.
func moving(ts uint32, code uint8, duration func(i int) uint16) []packet {
	p := event(ts, code)
	for i := range p {
		p[i].ts = ts + uint32(160*i)
		p[i].duration = duration(i)
	}
	return p
}

func TestReceiverCountsOnePressPerTimestamp(t *testing.T) {
	join := func(parts ...[]packet) (all []packet) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	wait := func(d time.Duration, p []packet) []packet {
		p[0].after = d
		return p
	}
	growing := func(i int) uint16 { return uint16(160 * (i + 1)) }
	same := func(int) uint16 { return 160 }
	none := func(int) uint16 { return 0 }
	tests := []struct {
		name    string
		packets []packet
		want    string
	}{
		{"updates and repeated ends are one press", event(1000, 5), "5"},
		{"lost start, recovered from an update", event(1000, 5)[1:], "5"},
		{"lost start, recovered from the first end", event(1000, 5)[4:], "5"},
		{"lost start, recovered from the last end", event(1000, 5)[6:], "5"},
		{"lost ends", event(1000, 5)[:3], "5"},
		{"the same key twice", join(event(1000, 5), event(3000, 5)), "55"},
		{"the same key twice, the clock hardly moves in between, and the marker is lost", join(event(1000, 5), wait(1500*time.Millisecond, event(1160, 5)[1:])), "55"},
		{"the same key twice, all ends and the marker lost", join(event(1000, 5)[:2], event(3000, 5)[1:]), "55"},
		{"all keys", join(event(0, 0), event(1600, 1), event(3200, 9), event(4800, 10), event(6400, 11), event(8000, 12), event(9600, 15)), "019*#AD"},
		{"late packets of an older event", join(event(1000, 5)[:4], event(3000, 6)[:2], event(1000, 5)[4:], event(3000, 6)[2:]), "56"},
		{"late update behind the end", join(event(1000, 5), event(1000, 5)[1:3]), "5"},
		{"timestamp wraps", join(event(0xFFFFFF00, 1), event(0x00000800, 2)), "12"},
		{"zero duration is a press", []packet{{step, 77, true, 3, false, 0}}, "3"},
		{"codes that are no digit", join(event(1000, 16), event(3000, 32), event(5000, 255)), ""},
		{"hook flash between digits", join(event(1000, 1), event(3000, 16), event(5000, 2)), "12"},
		{"the source starts afresh at the same timestamps", join(event(1000, 5), wait(3*time.Second, event(1000, 5))), "55"},
		{"the source starts afresh far below", join(event(0x40000000, 5), event(1000, 6)), "56"},
		{"two sources 2 s apart, the second a little below", join(event(9000, 5), wait(2*time.Second, event(1000, 6))), "56"},
		{"the timestamp moves with each packet", join(moving(1000, 5, growing), moving(3000, 5, growing), moving(5000, 6, growing)), "556"},
		{"the timestamp moves, each packet says its own length", join(moving(1000, 5, same), moving(3000, 5, same)), "55"},
		{"the timestamp moves, no packet says a length", join(moving(1000, 5, none), moving(2600, 5, none)), "55"},
		{"the timestamp moves, two packets lost", join(moving(1000, 5, none)[:1], moving(1000, 5, none)[3:]), "5"},
		{"the timestamp moves, the marker lost", join(moving(1000, 5, none)[1:], moving(3000, 5, none)[1:]), "55"},
		{"the timestamp stands still between keys", join(event(1000, 5), event(1000, 6), event(1000, 5)), "565"},
		{"held for long without updates", []packet{{step, 1000, true, 4, false, 160}, {5 * time.Second, 1000, false, 4, true, 40160}}, "4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Receiver
			if got := play(t, &r, tt.packets); got != tt.want {
				t.Errorf("presses %q, want %q", got, tt.want)
			}
		})
	}
}

// RFC 4733 §2.5.1.3: an event beyond 0xFFFF units goes on in a segment that
// begins where the one before ended, without marker.
func TestReceiverTakesSegmentsOfALongEventAsOnePress(t *testing.T) {
	whole := []packet{
		{step, 1000, true, 7, false, 160},
		{8 * time.Second, 1000, false, 7, false, 0xFFFF},
		{step, 1000 + 0xFFFF, false, 7, false, 160},
		{8 * time.Second, 1000 + 0xFFFF, false, 7, false, 0xFFFF},
		{step, 1000 + 2*0xFFFF, false, 7, true, 800},
	}
	tests := []struct {
		name    string
		packets []packet
		want    string
	}{
		{"three segments", whole, "7"},
		{"the last packet of a segment lost", []packet{whole[0], whole[2], whole[4]}, "7"},
		{"a whole segment lost", []packet{whole[0], whole[1], whole[4]}, "7"},
		{"segments cut at a whole packet", []packet{
			{step, 1000, true, 7, false, 65440}, {step, 1000 + 65440, false, 7, true, 160},
		}, "7"},
		{"another key right behind is a press", []packet{whole[0], whole[1], {step, 1000 + 0xFFFF, true, 8, false, 160}}, "78"},
		{"another key without marker is a press", []packet{whole[0], whole[1], {step, 1000 + 0xFFFF, false, 8, false, 160}}, "78"},
		{"the same key after the end is a press", []packet{
			whole[0], {step, 1000, false, 7, true, 0xFFFF}, {step, 1000 + 0xFFFF, false, 7, false, 160},
		}, "77"},
		{"the same key with the marker is a press", []packet{whole[0], {step, 1000 + 0xFFFF, true, 7, false, 160}}, "77"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Receiver
			if got := play(t, &r, tt.packets); got != tt.want {
				t.Errorf("presses %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReceiverTakesSeveralEventsOfOnePayload(t *testing.T) {
	var payload []byte
	for i, code := range []uint8{1, 16, 2, 2} {
		payload = append(payload, packet{code: code, end: i < 3, duration: 400}.payload()...)
	}
	var r Receiver
	now := time.Now()
	var got []byte
	for range 3 { // the packet comes three times
		d, pressed, err := r.Receive(5000, true, payload, now)
		if err != nil {
			t.Fatal(err)
		}
		for ; pressed; d, pressed = r.Queued() {
			got = append(got, byte(d))
		}
		now = now.Add(step)
	}
	if string(got) != "122" {
		t.Errorf("presses %q, want 122", got)
	}
}

func TestReceiverRefusesMalformedPayloads(t *testing.T) {
	for _, n := range []int{0, 1, 3, 5, 7, 68, 1500} {
		var r Receiver
		now := time.Now()
		if _, _, err := r.Receive(1, true, packet{code: 1}.payload(), now); err != nil {
			t.Fatal(err)
		}
		before := r
		d, pressed, err := r.Receive(2000, true, make([]byte, n), now)
		var pe PayloadError
		if !errors.Is(err, ErrPayload) || !errors.As(err, &pe) || int(pe) != n {
			t.Errorf("%d bytes: error %v", n, err)
		}
		if pressed || d != 0 || r != before {
			t.Errorf("%d bytes: something changed", n)
		}
	}
}

func TestReceiverIsActiveWhileAnEventSounds(t *testing.T) {
	var r Receiver
	now := time.Now()
	receive := func(end bool) {
		t.Helper()
		if _, _, err := r.Receive(1000, false, packet{code: 1, end: end, duration: 160}.payload(), now); err != nil {
			t.Fatal(err)
		}
	}
	check := func(after time.Duration, want bool) {
		t.Helper()
		if got := r.Active(now.Add(after)); got != want {
			t.Errorf("active after %v: %v, want %v", after, got, want)
		}
	}
	check(0, false)
	receive(false)
	check(0, true)
	check(updateTimeout-1, true)
	check(updateTimeout, false)
	now = now.Add(150 * time.Millisecond)
	receive(true)
	check(eventTail-1, true)
	check(eventTail, false)
	now = now.Add(step)
	receive(true) // a repeated end does not prolong it
	check(eventTail-step, false)
	r.Reset()
	check(0, false)
	r.SetDelay(60 * time.Millisecond)
	receive(false)
	check(updateTimeout+60*time.Millisecond-1, true)
	receive(true)
	check(eventTail+60*time.Millisecond-1, true)
	check(eventTail+60*time.Millisecond, false)
	r.Reset()
	check(0, false)
}

func TestDigitsAndEventsCorrespond(t *testing.T) {
	for code := range uint8(NumDigits) {
		d, ok := FromEvent(code)
		if !ok || d.Event() != code || !d.Valid() {
			t.Errorf("code %d: %v", code, d)
		}
		p, ok := ParseDigit(d.String()[0])
		if !ok || p != d {
			t.Errorf("%v parses as %v", d, p)
		}
	}
	for c := range 256 {
		d, ok := ParseDigit(byte(c))
		if ok != d.Valid() {
			t.Errorf("%d: %v, %v", c, d, ok)
		}
	}
	if d, ok := ParseDigit('b'); !ok || d != 'B' {
		t.Error("lower case is not taken")
	}
	if _, ok := FromEvent(16); ok {
		t.Error("hook flash is a digit")
	}
	if Digit(0).String() != "" || Digit('x').String() == "x" || Digit(0).Valid() {
		t.Error("no digit looks like one")
	}
}

func TestMethodsHaveNames(t *testing.T) {
	for m, want := range map[Method]string{RFC4733: "rfc4733", Info: "info", InBand: "inband", 9: "Method(9)"} {
		if m.String() != want {
			t.Errorf("got %q, want %q", m, want)
		}
	}
}

func TestEventRoundTrip(t *testing.T) {
	want := Event{Code: 11, End: true, Volume: 63, Duration: 0xABCD}
	b := make([]byte, EventSize)
	if _, err := want.MarshalTo(b); err != nil {
		t.Fatal(err)
	}
	if b[1] != 0xBF || binary.BigEndian.Uint16(b[2:]) != 0xABCD {
		t.Errorf("wire %x", b)
	}
	b[1] |= 0x40 // the reserved bit is ignored. RFC 4733 §2.3.2
	got, err := ParseEvent(b)
	if err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := want.MarshalTo(b[:3]); !errors.Is(err, ErrPayload) {
		t.Errorf("short buffer: %v", err)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(uint32(1000), true, packet{code: 5, duration: 160}.payload(), packet{code: 5, end: true, duration: 320}.payload(), int64(20))
	f.Add(uint32(0xFFFFFFFF), false, packet{code: 16}.payload(), []byte{1, 2, 3}, int64(0))
	f.Add(uint32(0), false, make([]byte, 64), []byte{}, int64(-5))
	f.Fuzz(func(t *testing.T, ts uint32, marker bool, first, second []byte, ms int64) {
		var r Receiver
		now := time.Unix(1_000_000, 0)
		presses := 0
		for i, payload := range [][]byte{first, second, first} {
			d, pressed, err := r.Receive(ts, marker, payload, now)
			if (err != nil) != (len(payload) == 0 || len(payload)%EventSize != 0 || len(payload) > maxPayload) {
				t.Fatalf("%d bytes: %v", len(payload), err)
			}
			for ; pressed; d, pressed = r.Queued() {
				if !d.Valid() {
					t.Fatalf("pressed %v", d)
				}
				presses++
			}
			_ = r.Active(now)
			if i == 0 {
				now = now.Add(time.Duration(ms%1000) * time.Millisecond)
			}
		}
		if presses > 3*maxPayload/EventSize {
			t.Fatalf("%d presses", presses)
		}
	})
}

func BenchmarkReceive(b *testing.B) {
	b.ReportAllocs()
	payload := packet{code: 5, duration: 160}.payload()
	now := time.Now()
	var r Receiver
	ts := uint32(0)
	for b.Loop() {
		ts += 40
		_, _, _ = r.Receive(ts&^0xFFF, false, payload, now)
	}
}
