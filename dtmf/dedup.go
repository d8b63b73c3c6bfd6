package dtmf

import "time"

// JoinWindow is how far apart a SIP INFO and a tone of the same digit may be
// to count as one press.
const JoinWindow = 200 * time.Millisecond

// Sizes of a Dedup's memory.
const (
	maxUnmatched = 8  // presses that may still meet their second report
	maxCSeqs     = 16 // INFO requests remembered
)

// report is a press that only one method has told of so far.
type report struct {
	by    Method
	digit Digit
	at    time.Time
}

// Dedup joins what SIP INFO and the in-band Detector tell of the same key
// press, and drops repeated INFO requests. The zero value is ready. One
// goroutine at a time.
type Dedup struct {
	reports [maxUnmatched]report // oldest first
	n       int
	cseqs   [maxCSeqs]uint32 // ring
	nCSeqs  int              // ever
}

// Info takes a digit from the INFO request with the sequence number cseq,
// received at now, and says whether it counts as a press. A request seen
// before does not, nor does one whose tone was reported within JoinWindow.
func (d *Dedup) Info(cseq uint32, digit Digit, now time.Time) bool {
	for i := range min(d.nCSeqs, maxCSeqs) {
		if d.cseqs[i] == cseq {
			return false
		}
	}
	d.cseqs[d.nCSeqs%maxCSeqs] = cseq
	d.nCSeqs++
	if d.nCSeqs == 2*maxCSeqs {
		d.nCSeqs = maxCSeqs
	}
	return d.report(Info, digit, now)
}

// InBand takes a digit from the Detector, found at now, and says whether it
// counts as a press: not if an INFO reported it within JoinWindow.
func (d *Dedup) InBand(digit Digit, now time.Time) bool {
	return d.report(InBand, digit, now)
}

// report notes a press, or takes away the other method's report of it. Each
// report meets at most one other, so that a key pressed twice within the
// window counts twice.
func (d *Dedup) report(by Method, digit Digit, now time.Time) bool {
	d.expire(now)
	for i, r := range d.reports[:d.n] {
		if r.by != by && r.digit == digit {
			d.remove(i)
			return false
		}
	}
	if d.n == maxUnmatched {
		d.remove(0)
	}
	d.reports[d.n] = report{by: by, digit: digit, at: now}
	d.n++
	return true
}

// expire forgets the reports outside the window.
func (d *Dedup) expire(now time.Time) {
	for d.n > 0 && now.Sub(d.reports[0].at) > JoinWindow {
		d.remove(0)
	}
}

func (d *Dedup) remove(i int) {
	copy(d.reports[i:], d.reports[i+1:d.n])
	d.n--
}
