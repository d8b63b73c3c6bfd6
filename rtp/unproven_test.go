package rtp

import (
	"testing"
	"time"
)

func unproven(c *EndpointConfig) { c.Params.Unproven = true }

// play sends and receives for d, and gives the packets and their bytes that have
// gone out by RTP and RTCP.
func (s *sim) play(d time.Duration) (packets, bytes int) {
	s.t.Helper()
	payload := make([]byte, 160)
	before, control := len(s.rtp.out), len(s.rtcp.out)
	for range d / (20 * ms) {
		s.tick()
		s.e.Send(s.frame, s.now, payload)
	}
	for _, p := range append(s.rtp.out[before:], s.rtcp.out[control:]...) {
		packets++
		bytes += len(p.b)
	}
	return packets, bytes
}

func TestNobodyIsSentMuchWhoHasNotShownThatHeCalls(t *testing.T) {
	s := newSim(t, unproven)
	s.keep = false
	packets, bytes := s.play(32 * time.Second)
	t.Logf("%d packets, %d bytes in 32 s", packets, bytes)
	if packets > 52 || bytes > 9000 || packets < 48 {
		t.Errorf("%d packets, %d bytes were sent", packets, bytes)
	}
	p := s.e.next.Load().Params
	p.Ptime = 40 * ms // a new session changes nothing in it
	if err := s.e.Update(p); err != nil {
		t.Fatal(err)
	}
	if n, _ := s.play(5 * time.Second); n != 0 {
		t.Errorf("%d packets after an update", n)
	}
}

func TestAProofLetsTheSoundGoOnWithTheNextFrame(t *testing.T) {
	s := newSim(t, unproven)
	s.keep = false
	s.play(3 * time.Second)
	p := s.e.next.Load().Params
	p.Unproven = false
	if err := s.e.Update(p); err != nil {
		t.Fatal(err)
	}
	if n, _ := s.play(time.Second); n < 50 {
		t.Errorf("%d packets in the second after the proof", n)
	}
}

func TestSoundGoesToAnUnprovenFarEndWhileItSends(t *testing.T) {
	s := newSim(t, unproven)
	s.keep = false
	s.play(3 * time.Second)
	f := s.phone()
	f.from = phoneAddr
	f.talk(5*time.Second, onTime)
	if n, _ := s.play(5 * time.Second); n < 245 {
		t.Errorf("%d packets while the far end sends", n)
	}
	// One packet in its name does not open the gate for long.
	if n, _ := s.play(30 * time.Second); n > 55 {
		t.Errorf("%d packets after it has fallen silent", n)
	}
}
