package generator

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/bench/inject"
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
	control  []*socket        // RTCP: read so that nothing is refused
	injector *inject.Injector // nil: packets are sent by the sockets
	batches  [slots][]outbox  // one for each socket, or one in all that is injected
	streams  []*stream        // by participant; nil where there is none
	arrivals [batchSize]incoming
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
	if !cfg.ByMail {
		var err error
		if l.injector, err = inject.Open(slots * cfg.slotSize()); err != nil && !errors.Is(err, inject.ErrUnavailable) {
			return nil, errors.Join(err, l.close())
		}
	}
	for i := range l.batches {
		l.batches[i] = l.newOutboxes(i, cfg)
	}
	return l, nil
}

// newOutboxes makes the outboxes of a slot.
func (l *lane) newOutboxes(slot int, cfg *Config) (b []outbox) {
	if l.injector != nil {
		from := func(s *stream) netip.AddrPort {
			_, _, socket := place(s.number, max(cfg.Threads, 1), cfg.Sockets)
			return netip.AddrPortFrom(address(s.number), l.sockets[socket].port)
		}
		return []outbox{{post: &batch{injector: l.injector, from: from, first: slot * cfg.slotSize()}}}
	}
	for _, s := range l.sockets {
		b = append(b, outbox{post: newMail(s)})
	}
	return b
}

func (l *lane) close() error {
	var errs []error
	for _, s := range append(l.sockets, l.control...) {
		errs = append(errs, s.close())
	}
	if l.injector != nil {
		errs = append(errs, l.injector.Close())
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
	if l.injector != nil {
		socket = 0 // of all there is one outbox
	}
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
	l.window.Span, l.window.Priority, l.window.Injected = time.Since(l.opened), l.priority, l.injector != nil
	for _, s := range l.streams {
		if s != nil {
			l.window.WorstFaults = max(l.window.WorstFaults, s.in.faults)
		}
	}
	return &l.window
}

// run serves one slot each millisecond until ctx ends, the first at a time, then
// frees the sockets. It is lane i of n. Its thread ends with the goroutine, and so
// does what was asked for it.
func (l *lane) run(ctx context.Context, i, n int, first time.Time) {
	runtime.LockOSThread()
	l.priority = hurry()
	if n > 1 {
		settle(i, n)
	}
	c := newClock()
	next := first.Sub(c.base)
	c.sleepUntil(next)
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
		sent := b.post.send()
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
				l.open(s, i)
			}
			for i := range n {
				l.take(&l.arrivals[i])
			}
			if n < batchSize {
				break
			}
		}
	}
}

// incoming is a packet that has come.
type incoming struct {
	to   *stream // nil = nobody
	data []byte
	at   int64 // [ns of the wall clock]
}

// open says for whom message i of a socket is, and has what is known of that
// participant fetched, which is in no cache near the core: while one is waited
// for, the others come as well.
func (l *lane) open(s *socket, i int) {
	b, to, at := s.message(i)
	a := &l.arrivals[i]
	*a = incoming{data: b, at: at}
	if n, ok := participant(to); ok && n < len(l.streams) && l.streams[n] != nil {
		a.to = l.streams[n]
		a.to.fetch()
	}
}

// take examines a packet.
func (l *lane) take(a *incoming) {
	b := a.data
	if a.to != nil {
		b = a.to.open(b)
	}
	if a.to == nil || len(b) != headerSize+tone.Samples || b[0] != 2<<6 {
		l.window.Strange++
		return
	}
	payload := (*[tone.Samples]byte)(b[headerSize:])
	a.to.take(binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), payload, a.at, l)
}
