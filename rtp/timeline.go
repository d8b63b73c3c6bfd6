package rtp

// timeline extends the timestamps of a stream to numbers that neither wrap nor
// jump. When a sender changes the base of its timestamps in mid-stream, which
// shows because neither the sequence numbers nor the clock agree with the step,
// the extended ones go on as if nothing had happened.
type timeline struct {
	rate int
	set  bool
	ts   uint32 // of the newest packet
	ext  int64  // the same, extended
	seq  int64  // its sequence number, extended
	at   int64  // its arrival [ns]
}

// extend gives the extended timestamp of a packet of so many samples.
// jumped says that the base has changed.
func (t *timeline) extend(ts uint32, seq, at int64, samples int) (ext int64, jumped bool) {
	if !t.set {
		t.set = true
		t.ext += int64(t.rate) // anything later than before
		t.ts, t.seq, t.at = ts, seq, at
		return t.ext, false
	}
	ext = t.ext + int64(int32(ts-t.ts))
	limit := jumpLimit * int64(t.rate) / 1e9
	expected := t.ext + (seq-t.seq)*int64(samples)
	if seq < t.seq {
		if beyond(ext, expected, limit) {
			ext = expected // from before a jump
		}
		return ext, false
	}
	byClock := t.ext + samplesSince(at-t.at, t.rate)
	if beyond(ext, expected, limit) && beyond(ext, byClock, limit) {
		ext, jumped = expected, true
		if beyond(expected, byClock, limit) {
			ext = byClock
		}
	}
	t.ts, t.ext, t.seq, t.at = ts, ext, seq, at
	return ext, jumped
}

// repeats tells whether a packet that comes at a time [ns] is one of before once more: its
// timestamp is the one that its number has had, if all since had so many samples and there
// was no pause, and the newest has come a moment ago. A far end may also play the same
// packets again and again.
func (t *timeline) repeats(ts uint32, seq, at int64, samples int) bool {
	return t.set && ts == t.ts-uint32(t.seq-seq)*uint32(samples) && at-t.at < int64(stopAfter)
}

func beyond(a, b, limit int64) bool { return a-b > limit || b-a > limit }

// samplesSince is the number of samples in ns nanoseconds.
func samplesSince(ns int64, rate int) int64 {
	r := int64(rate)
	return ns/1e9*r + ns%1e9*r/1e9
}
