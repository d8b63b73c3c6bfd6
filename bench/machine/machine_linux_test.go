package machine

import (
	"os"
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

func TestTheMachineIsDescribed(t *testing.T) {
	m := Describe()
	if m.CPU == "" || m.Cores < 1 || m.Memory < 1 || m.Kernel == "" {
		t.Errorf("machine %+v", m)
	}
	if rss, err := RSS(os.Getpid()); err != nil || rss < 1<<20 {
		t.Errorf("RSS %d, %v", rss, err)
	}
}
