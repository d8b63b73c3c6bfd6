package rtp

import (
	"testing"
	"time"
	"unsafe"
)

// afterSetting is a time as it is read after the wall clock of the machine was set
// forward by whole seconds, or back. Package time cannot say that: the seconds of the
// wall clock are the bits from 30 on of the first word of a time.
func afterSetting(t time.Time, seconds int64) time.Time {
	*(*int64)(unsafe.Pointer(&t)) += seconds << 30
	return t
}

func TestSettingTheClockIsNotHeard(t *testing.T) {
	for _, seconds := range []int64{-3600, -10, 10, 3600} {
		s := newSim(t)
		s.now = time.Now()
		p := s.phone()
		p.talk(30*time.Second, onTime)
		s.run(30 * time.Second)
		before := s.stats()
		s.now = afterSetting(s.now, seconds)
		p.talk(30*time.Second, onTime)
		s.run(30 * time.Second)
		after := s.stats()
		if n := after.RTCPSent - before.RTCPSent; n < 4 || n > 12 {
			t.Errorf("clock set by %d s: %d reports in the next 30 s", seconds, n)
		}
		if after.TargetDelay > before.TargetDelay+5*ms || after.Delay > before.Delay+5*ms {
			t.Errorf("clock set by %d s: delay %v of %v wanted, before %v of %v", seconds,
				after.Delay, after.TargetDelay, before.Delay, before.TargetDelay)
		}
		if ago := s.now.Sub(after.LastReceived); ago < 0 || ago > 2*frameTime {
			t.Errorf("clock set by %d s: last received %v ago", seconds, ago)
		}
		s.wantNoConcealment()
	}
}

func TestSettingTheClockLetsAFarEndMove(t *testing.T) {
	s := newSim(t)
	s.now = time.Now()
	p := s.phone()
	p.talk(time.Second, onTime)
	s.run(2 * time.Second)
	s.now = afterSetting(s.now, -3600)
	p.from = port(phoneAddr, 5000)
	p.talk(time.Second, onTime)
	s.run(time.Second)
	if n := s.stats().SourceChanges; n != 1 {
		t.Errorf("%d changes of the source, want 1", n)
	}
}

func TestSettingTheClockLeavesSharedPortsOpen(t *testing.T) {
	for _, seconds := range []int64{-3600, 3600} {
		s := newSharedSimAt(t, 1, time.Now())
		c := s.mustOpen(phoneAddr, phoneAddr.Addr())
		talk := func(frames int) {
			for range frames {
				c.send(phoneAddr)
				s.tick()
			}
		}
		talk(50)
		s.now = afterSetting(s.now, seconds)
		talk(50)
		c.wantHeard(100)
		if err := c.e.Close(); err != nil {
			t.Fatal(err)
		}
		s.run(2 * DefaultDrain)
		if n := len(s.shared.homes[hereAddr].ports[0].shares); n != 0 {
			t.Errorf("clock set by %d s: %d calls are left at the port", seconds, n)
		}
		if n := s.shared.homes[hereAddr].ports[0].stats.backlog.Load(); n != 0 {
			t.Errorf("clock set by %d s: %d datagrams thrown away", seconds, n)
		}
	}
}
