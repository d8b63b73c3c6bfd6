package mixer

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// diary is a transport that notes when it is called.
type diary struct{ lines []string }

func (d *diary) Gather(worker int, now time.Time) {
	d.lines = append(d.lines, fmt.Sprintf("gather %d at %v", worker, now.Sub(epoch)))
}

func (d *diary) Scatter(worker int, now time.Time) {
	d.lines = append(d.lines, fmt.Sprintf("scatter %d at %v", worker, now.Sub(epoch)))
}

// noted is a port that notes when it is called.
type noted struct {
	memPort
	diary *diary
}

func (p *noted) Receive(frame int64, now time.Time, pcm []int16) Status {
	p.diary.lines = append(p.diary.lines, "receive")
	return p.memPort.Receive(frame, now, pcm)
}

func (p *noted) Send(frame int64, now time.Time, out Output) {
	p.diary.lines = append(p.diary.lines, fmt.Sprintf("send of %d", out.Worker))
	p.memPort.Send(frame, now, out)
}

func TestTransportIsCalledAroundThePortsOfEachSlot(t *testing.T) {
	d := &diary{}
	e := newTestEngine(t, Config{Workers: 2, Transport: d})
	e.NewRoom("at worker 0")
	e.NewRoom("at worker 1").Add(MemberOptions{Port: &noted{diary: d}, Hear: true})
	st := stepper{e: e}
	st.slots(2)
	want := []string{
		"gather 0 at 0s", "scatter 0 at 0s",
		"gather 1 at 0s", "receive", "send of 1", "scatter 1 at 0s",
		"gather 0 at 5ms", "scatter 0 at 5ms",
		"gather 1 at 5ms", "scatter 1 at 5ms",
	}
	if !slices.Equal(d.lines, want) {
		t.Fatalf("got %q", d.lines)
	}
}

func TestWorkersOfATransportParkOnlyWhenThereIsNoRoom(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2, Transport: &diary{}})
	if !e.workers[1].idle() {
		t.Fatal("busy without rooms")
	}
	r := e.NewRoom("at worker 0")
	if e.workers[1].idle() {
		t.Fatal("idle with a room elsewhere")
	}
	r.Close()
	if !e.workers[1].idle() {
		t.Fatal("busy after the last room was closed")
	}
}
