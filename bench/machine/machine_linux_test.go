package machine

import (
	"math"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestCPUTimeGrowsWithWork(t *testing.T) {
	begin, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const work = 20 * time.Millisecond
	from, _ := CPU(0)
	for {
		if now, _ := CPU(0); now-from >= work {
			break
		}
	}
	end, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	u := end.Since(begin)
	if u.Server < work || u.Server > u.Own+time.Millisecond*50 || u.Others < 0 {
		t.Errorf("usage %+v", u)
	}
}

func TestOthersAreWhatIsLeft(t *testing.T) {
	const ms = time.Millisecond
	cores := time.Duration(runtime.NumCPU())
	at := time.Now()
	for _, tt := range []struct {
		name                string
		busy, stolen, exact time.Duration
		want                float64
	}{
		{"nothing else runs", 300 * ms, 0, 300 * ms, 0},
		{"ticks see less than there is", 250 * ms, 0, 300*ms + 100*ms*cores, 10},
		{"ticks see more than there is", 900 * ms, 0, 300 * ms, 0},
		{"only ticks are known", 300*ms + 200*ms*cores, 0, 0, 20},
		{"the machine below takes some", 300 * ms, 200 * ms * cores, 300 * ms, 20},
	} {
		begin := Load{at: at, busy: time.Hour, stolen: time.Minute}
		end := Load{
			at: at.Add(time.Second), busy: begin.busy + tt.busy, stolen: begin.stolen + tt.stolen,
			own: 100 * ms, other: 200 * ms,
		}
		if tt.exact > 0 {
			begin.exact = 2 * time.Hour
			end.exact = begin.exact + tt.exact
		}
		if u := end.Since(begin); math.Abs(u.Others-tt.want) > 0.01 {
			t.Errorf("%s: others %.2f %%, want %.0f", tt.name, u.Others, tt.want)
		}
	}
}

func TestTheMachineIsDescribed(t *testing.T) {
	m := Describe()
	if m.CPU == "" || m.Cores < 1 || m.Memory < 1 || m.Kernel == "" {
		t.Errorf("machine %+v", m)
	}
	if rss, err := RSS(os.Getpid()); err != nil || rss < 1<<20 {
		t.Errorf("RSS %d, %v", rss, err)
	}
}
