package generator

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/bench/tone"
)

const (
	// behindMax is how late a thread may be and still catch up slot by slot.
	behindMax = 2 * frameTime
	// looks is how often a socket is read at most in one slot.
	looks = 16
	// controlEvery is how many slots lie between two looks at the RTCP sockets.
	controlEvery = 50
)

// lane is one thread with its sockets and participants. All its fields but
// those of the queue belong to the thread.
type lane struct {
	sockets  []*socket
	control  []*socket // RTCP: read so that nothing is refused
	batches  [slots][]outbox
	streams  []*stream // by participant; nil where there is none
	window   Window
	opened   time.Time // begin of window
	priority Priority
	detector *tone.Detector

	amplitude float64
	law       tone.Law
	silence   [tone.Samples]byte
	payloads  [tone.FirstBin + tone.Bins]*[tone.Samples]byte // of probes, when first needed

	mu      sync.Mutex
	queue   []func(*lane) // to be done by the thread
	waiting atomic.Bool   // queue is not empty
	ended   bool
}

func newLane(cfg *Config) (*lane, error) {
	l := &lane{
		streams: make([]*stream, cfg.Capacity), detector: tone.NewDetector(cfg.Law),
		amplitude: cfg.Amplitude, law: cfg.Law, silence: tone.Silence(cfg.Law),
	}
	for range cfg.Sockets {
		rtp, control, err := openPair()
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.sockets, l.control = append(l.sockets, rtp), append(l.control, control)
	}
	for i := range l.batches {
		l.batches[i] = make([]outbox, cfg.Sockets)
	}
	return l, nil
}

func (l *lane) close() error {
	var errs []error
	for _, s := range append(l.sockets, l.control...) {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// do has the thread do something between two slots, and waits for it. When the
// thread has ended it is done at once.
func (l *lane) do(f func(*lane)) {
	done := make(chan struct{})
	if l.later(func(l *lane) { f(l); close(done) }) {
		<-done
		return
	}
	f(l)
}

// later has the thread do something between two slots; false when it has
// ended.
func (l *lane) later(f func(*lane)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.queue = append(l.queue, f)
	l.waiting.Store(true)
	return true
}

// obey does what is queued.
func (l *lane) obey() {
	l.mu.Lock()
	queue := l.queue
	l.queue = nil
	l.waiting.Store(false)
	l.mu.Unlock()
	for _, f := range queue {
		f(l)
	}
}

// payload is the packet of a tone.
func (l *lane) payload(bin int) []byte {
	if l.payloads[bin] == nil {
		b := tone.Payload(l.law, bin, l.amplitude)
		l.payloads[bin] = &b
	}
	return l.payloads[bin][:]
}

func (l *lane) add(s *stream, slot, socket int) {
	l.remove(s.number)
	l.batches[slot][socket].add(s)
	l.streams[s.number] = s
	if s.Role == Prober {
		l.payload(s.Probe.bin)
	}
}

func (l *lane) remove(n int) {
	if s := l.streams[n]; s != nil {
		if !s.in.begun {
			l.window.Unheard++
		}
		s.batch.remove(s.place)
		l.streams[n] = nil
	}
}

func (l *lane) begin() {
	l.window, l.opened = Window{}, time.Now()
	for _, s := range l.streams {
		if s != nil {
			s.in.open()
		}
	}
}

// end is what was counted so far.
func (l *lane) end() *Window {
	l.window.Span, l.window.Priority = time.Since(l.opened), l.priority
	for _, s := range l.streams {
		if s != nil {
			l.window.WorstFaults = max(l.window.WorstFaults, s.in.faults)
		}
	}
	return &l.window
}

// run serves one slot each millisecond until ctx ends, then frees the sockets.
func (l *lane) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.priority = hurry()
	defer relax()
	c := newClock()
	next := c.now()
	for tick := 0; ctx.Err() == nil; tick++ {
		begin := c.now()
		if begin-next > behindMax {
			l.window.Stalls++
			next = begin
		}
		l.send(tick % slots)
		l.window.SlotLateness.Add(c.now() - next)
		l.receive()
		if tick%controlEvery == 0 {
			for _, s := range l.control {
				s.receive()
			}
		}
		if l.waiting.Load() {
			l.obey()
		}
		l.window.WorkPerSlot.Add(c.now() - begin)
		next += slotTime
		c.sleepUntil(next)
	}
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.obey()
	l.close() //nolint:errcheck // the run is over
}

// send sends what is due in a slot.
func (l *lane) send(slot int) {
	for i := range l.batches[slot] {
		b := &l.batches[slot][i]
		if len(b.streams) == 0 {
			continue
		}
		b.prepare(time.Now().UnixNano(), l)
		sent := l.sockets[i].send(b)
		l.window.Sent += uint64(sent)
		l.window.SendErrors += uint64(len(b.streams) - sent)
	}
}

// receive examines all that has come.
func (l *lane) receive() {
	for _, s := range l.sockets {
		for range looks {
			n := s.receive()
			for i := range n {
				l.take(s, i)
			}
			if n < batchSize {
				break
			}
		}
	}
}

// take examines message i of a socket.
func (l *lane) take(s *socket, i int) {
	b, to, at := s.message(i)
	n, ok := participant(to)
	if ok = ok && n < len(l.streams) && l.streams[n] != nil; ok {
		b = l.streams[n].open(b)
	}
	if !ok || len(b) != headerSize+tone.Samples || b[0] != 2<<6 {
		l.window.Strange++
		return
	}
	payload := (*[tone.Samples]byte)(b[headerSize:])
	l.streams[n].take(binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), payload, at, l)
}
