package rtp

import (
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"mediaserver/audio"
	"mediaserver/rtp/srtp"
)

// ErrConfig: an EndpointConfig that cannot be.
var ErrConfig = errors.New("rtp: bad endpoint configuration")

// JitterConfig bounds the delay of the jitter buffer.
type JitterConfig struct {
	// MinMS is the sound that waits at least when a frame is taken out, this
	// frame included [ms]: of 20 and less nothing need wait beyond the frame.
	// 0 = 20.
	MinMS int
	MaxMS int // delay that is never exceeded for long [ms]; 0 = 200
}

// Defaults and bounds of JitterConfig.
const (
	DefaultJitterMinMS = 20
	DefaultJitterMaxMS = 200
	maxJitterMS        = 300
)

// EndpointConfig is what an endpoint is made of. RTP and Params are needed.
type EndpointConfig struct {
	RTP    IO
	RTCP   IO // nil = no RTCP
	Params Params
	Jitter JitterConfig
	CNAME  string // RFC 3550 §6.5.1, at most 255 bytes; "" = random (RFC 7022)
	// OnEvent is called within Receive for each telephone-event packet that is
	// not a duplicate, in order of arrival: RTP timestamp, marker bit and
	// payload, valid during the call only. It must not wait.
	OnEvent func(ts uint32, marker bool, payload []byte, now time.Time)
	Aside   Aside    // takes STUN and DTLS; nil = they are dropped
	Metrics *Metrics // nil = not counted anywhere but in Stats
	Seed    uint64   // of SSRC, first sequence number and timestamp; 0 = random
}

// Endpoint is one end of one RTP stream in each direction. See the package
// documentation for what may be called from where.
type Endpoint struct {
	// What every frame needs lies together, up to far and from far.signalled to
	// reporter.last: the processor waits for each line of 64 bytes that it does not
	// have. The first line is looked at wherever the address of a field is taken.

	socket   *socket // rtp when it is a socket of our own, else nil
	part             // of a shared port
	counts   *counts
	next     atomic.Pointer[settings] // wanted, set by Update
	cur      current                  // in effect
	secure   srtp.Near                // of cur
	frame    int64                    // the last that Receive was called for
	rtcp     IO
	far      latch
	receiver receiver
	sender   sender
	reporter reporter

	rtp     IO
	onEvent func(ts uint32, marker bool, payload []byte, now time.Time)
	aside   Aside
	metrics *Metrics
	kernel  kernelDrops // nil if rtp cannot tell
	closed  atomic.Bool
	copies
}

// part is what an endpoint has of a shared port.
type part struct {
	share  *Share      // whose RTP the endpoint's is when it is shared, else nil
	port   *sharedPort // of share
	worker int         // whose batch takes what is sent; -1: none
}

// copies are of what is on the worker's stack and could not stay there if it were
// given to others.
type copies struct {
	buf    *[datagramSize]byte // for an IO that is not a socket; else nil
	beside *[datagramSize]byte // what aside is given; nil without it
	event  [maxEvent]byte      // payload handed to OnEvent
}

// satellites are what an endpoint points to that is made with it: neighbours, so
// that they share pages.
type satellites struct {
	counts counts
	memory memory
}

// NewEndpoint makes an endpoint. It starts nothing and sends nothing.
func NewEndpoint(cfg EndpointConfig) (*Endpoint, error) {
	if cfg.RTP == nil {
		return nil, errors.Join(ErrConfig, errors.New("no RTP IO"))
	}
	jitter, err := cfg.Jitter.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := newSettings(cfg.Params, nil)
	if err != nil {
		return nil, err
	}
	seed := cfg.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	rnd := rand.New(rand.NewPCG(seed, seed))
	if cfg.CNAME == "" {
		cfg.CNAME = strconv.FormatUint(rnd.Uint64(), 36) + strconv.FormatUint(rnd.Uint64(), 36)
	}
	e := &Endpoint{rtp: cfg.RTP, rtcp: cfg.RTCP, onEvent: cfg.OnEvent, aside: cfg.Aside, metrics: cfg.Metrics}
	if e.aside != nil {
		e.far.roams, e.beside = true, new([datagramSize]byte)
	}
	near := new(satellites)
	e.counts = &near.counts
	switch x := cfg.RTP.(type) {
	case pairedSocket:
		e.socket = x.socket
	case *shareIO:
		e.share, e.port = x.share, x.share.port
	}
	if e.worker = -1; e.socket == nil && e.share == nil {
		e.buf = new([datagramSize]byte)
	}
	e.kernel, _ = cfg.RTP.(kernelDrops)
	e.cur, e.secure = newCurrent(s), s.secure.Closely()
	e.sender.init(rnd)
	e.receiver.init(jitter, &e.cur, e.counts, &near.memory)
	e.reporter.init(rnd, cfg.CNAME, e.sender.ssrc)
	e.next.Store(s)
	e.far.update(s)
	e.metrics.add(e.counts)
	return e, nil
}

func (c JitterConfig) withDefaults() (JitterConfig, error) {
	if c.MinMS == 0 {
		c.MinMS = DefaultJitterMinMS
	}
	if c.MaxMS == 0 {
		c.MaxMS = max(DefaultJitterMaxMS, c.MinMS)
	}
	return c, c.validate()
}

func (c JitterConfig) validate() error {
	if c.MinMS < 0 || c.MinMS > c.MaxMS || c.MaxMS > maxJitterMS {
		return errors.Join(ErrConfig, errors.New("jitter bounds"))
	}
	return nil
}

// Update puts p into effect at the beginning of the next frame. On an error
// nothing changes. A changed Remote frees the endpoint from the source it
// was bound to. It may be called from any goroutine.
func (e *Endpoint) Update(p Params) error {
	for {
		old := e.next.Load()
		s, err := newSettings(p, old)
		if err != nil {
			return err
		}
		if s.rate != old.rate {
			return errors.Join(ErrParams, errors.New("the rate cannot change"))
		}
		if e.next.CompareAndSwap(old, s) {
			if e.share != nil {
				e.share.announce(s.Remote, s.RemoteRTCP)
			}
			return nil
		}
	}
}

// adopt puts the newest settings into effect.
func (e *Endpoint) adopt() {
	s := e.next.Load()
	if s == e.cur.settings {
		return
	}
	e.sender.update(e, s)
	e.far.update(s)
	e.receiver.update(s)
	e.cur, e.secure = newCurrent(s), s.secure.Closely()
}

// Codec is the codec in effect in this frame, in which Send wants its payload.
// Only the worker may ask, between Receive and Send of one frame.
func (e *Endpoint) Codec() audio.Codec { return e.cur.sends }

// Via says in whose batch Send and SendEvent leave their packets until the next
// Receive: the worker that calls them, of an engine whose Transport is the
// Shared that the endpoint's IO is a part of. Without a share it means nothing.
func (e *Endpoint) Via(worker int) { e.worker = worker }

// SSRC identifies what this endpoint sends. RFC 3550 §3.
func (e *Endpoint) SSRC() uint32 { return e.sender.ssrc }

// Delay is how much later than it came sound is heard, as it was lately. It may be
// called from any goroutine.
func (e *Endpoint) Delay() time.Duration {
	return time.Duration(max(e.counts.delay.Load(), e.counts.target.Load()))
}

// LastReceived is the frame time in which the last RTP packet of the far end
// came, or the zero time. It may be called from any goroutine.
func (e *Endpoint) LastReceived() time.Time {
	ns := e.counts.lastReceived.Load()
	if ns == 0 {
		return time.Time{}
	}
	return steadyTime(ns)
}

// Close says goodbye by RTCP BYE and closes the IOs that can be closed. Nothing
// but Stats and LastReceived may be called afterwards; a second Close does
// nothing. The worker must have let go of the endpoint.
func (e *Endpoint) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	e.reporter.bye(e)
	e.metrics.remove(e.counts)
	var errs []error
	if e.aside != nil {
		errs = append(errs, e.aside.Close())
	}
	for _, x := range []IO{e.rtp, e.rtcp} {
		if c, ok := x.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}
