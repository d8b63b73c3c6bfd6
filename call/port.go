package call

import (
	"sync/atomic"
	"time"
	"unsafe"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/internal/prefetch"
	"mediaserver/mixer"
	"mediaserver/rtp"
)

// port is the media side of a call by SIP as the mixer sees it: endpoint,
// digits in and digits out. Its methods run on one worker at a time and
// neither allocate nor wait.
type port struct {
	endpoint  *rtp.Endpoint
	params    atomic.Pointer[portParams]
	tones     atomic.Bool // digits can only come as tones, for which there is a detector
	receiver  dtmf.Receiver
	detector  *dtmf.Detector               // in-band digits; nil until they were settled
	lookAhead int                          // frames with sound that are still in detector
	wanted    atomic.Pointer[digitJob]     // to be sent; nil: nothing
	sending   *digitJob                    // being sent, or ended if another one is wanted; nil: none
	swap      atomic.Pointer[portExchange] // nil: the endpoint stays
	events    *eventTap                    // of the endpoint
	deliver   func(press)                  // never waits

	taps    taps
	meter   mediaMeter
	pending int // in heard

	heard *[maxPressesPerFrame]press // to be delivered after the slot; made with the first, once in the life of a port, if at all
}

const (
	maxPressesPerFrame = 8
	frameTime          = 20 * time.Millisecond // of the engine
)

// Lengths of a digit we send.
const (
	sentTone  = 100 * time.Millisecond
	sentPause = 100 * time.Millisecond
)

// portParams is what offer/answer settled for the port.
type portParams struct {
	codec    audio.Codec
	events   bool // telephone events negotiated
	messages bool // digits are messages beside the audio
}

// inBand says whether digits can only come as tones.
func (p *portParams) inBand() bool { return !p.events && !p.messages }

// settle puts into force what offer/answer settled. Tones are looked for, at
// rate [Hz], only where digits come in no other way: a detector is 4.6 KiB.
// One goroutine at a time.
func (p *port) settle(params *portParams, rate int) {
	if params.inBand() && p.detector == nil {
		p.detector = dtmf.NewDetector(rate)
	}
	p.put(params)
}

// put puts params into force; the detector that they need is there.
func (p *port) put(params *portParams) {
	p.params.Store(params)
	p.tones.Store(params.inBand())
}

// digitJob sends digits as telephone events. One that is no longer wanted ends the
// digit that it is sending, in the way of RFC 4733 §2.5.1.4, before another begins.
type digitJob struct {
	sender  *dtmf.Sender
	payload [dtmf.EventSize]byte
	taken   atomic.Bool   // by the worker, or withdrawn before that
	sent    bool          // to be told after the next slot
	done    chan struct{} // closed when the last digit has been sent, or will not be
}

// Codec is the codec we send in this frame.
func (p *port) Codec() audio.Codec { return p.endpoint.Codec() }

// Prefetch implements mixer.Prefetcher.
func (p *port) Prefetch(step int) {
	if step == 0 {
		prefetch.First(p, unsafe.Offsetof(p.heard))
		return
	}
	p.endpoint.Prefetch(step - 1)
}

// Receive takes one frame from the endpoint and keeps digits out of it.
func (p *port) Receive(frame int64, now time.Time, pcm []int16) mixer.Status {
	var status mixer.Status
	swap := p.swap.Load()
	if swap != nil && swap.becomes(exchangeTaken) {
		p.adopt(swap)
	}
	sound := p.endpoint.Receive(frame, now, pcm)
	p.meter.frame(frame, pcm, sound)
	p.taps.hear(pcm, sound)
	switch {
	case p.tones.Load():
		if d, ok := p.detector.Process(pcm); ok {
			p.hear(press{digit: d, method: byInBand, at: now})
		}
		sound = p.delayed(sound)
	case p.receiver.Active(now):
		clear(pcm)
		sound = false
	}
	if sound {
		status |= mixer.Sound
	}
	p.taps.hearClean(pcm, sound)
	if job := p.sending; p.pending > 0 || swap != nil || job != nil && job.sent {
		status |= mixer.Notice
	}
	return status
}

// delayed tells whether the frame that comes out of the detector may hold
// sound, given whether the one that went in does.
func (p *port) delayed(sound bool) bool {
	if sound {
		p.lookAhead = int(dtmf.Delay / frameTime)
		return true
	}
	p.lookAhead = max(p.lookAhead-1, -1)
	return p.lookAhead >= 0
}

// event is a telephone-event packet; the endpoint calls it within Receive.
func (p *port) event(ts uint32, marker bool, payload []byte, now time.Time) {
	if !p.params.Load().events {
		return
	}
	p.receiver.SetDelay(p.endpoint.Delay())
	d, pressed, err := p.receiver.Receive(ts, marker, payload, now)
	for ; err == nil && pressed; d, pressed = p.receiver.Queued() {
		p.hear(press{digit: d, method: byEvent, at: now})
	}
}

func (p *port) hear(x press) {
	if p.heard == nil {
		p.heard = new([maxPressesPerFrame]press)
	}
	if p.pending < len(p.heard) {
		p.heard[p.pending] = x
		p.pending++
	}
}

// Notify delivers the presses of the slot that has just ended, and the news
// that all digits have been sent or that the endpoint has been exchanged.
func (p *port) Notify() {
	for i := range p.pending {
		p.deliver(p.heard[i])
	}
	p.pending = 0
	if swap := p.swap.Load(); swap != nil && swap.state.Load() == exchangeTaken {
		p.swap.Store(nil)
		close(swap.done)
	}
	if job := p.sending; job != nil && job.sent {
		p.sending = nil
		p.wanted.CompareAndSwap(job, nil)
		close(job.done)
	}
}

// Send sends one frame, or in its place a digit that is being sent.
func (p *port) Send(frame int64, now time.Time, out mixer.Output) {
	p.taps.write(frame, out)
	p.endpoint.Via(out.Worker)
	wanted := p.wanted.Load()
	if p.sending == nil && wanted != nil && wanted.taken.CompareAndSwap(false, true) {
		p.sending = wanted
	}
	if job := p.sending; job != nil {
		if job != wanted {
			job.sender.Stop()
		}
		p.sendDigits(job, frame, now, out)
		return
	}
	p.endpoint.Send(frame, now, out.Payload)
}

// sendEvents has digits sent in place of audio, after the end of what else is
// being sent, which is cut short.
func (p *port) sendEvents(digits string) *digitJob {
	job := &digitJob{sender: dtmf.NewSender(p.params.Load().codec.Rate()), done: make(chan struct{})}
	if err := job.sender.Start(digits, sentTone, sentPause); err != nil {
		close(job.done)
		return job
	}
	p.withdraw(p.wanted.Swap(job))
	return job
}

// stopEvents ends a job of sendEvents, if it has not ended.
func (p *port) stopEvents(job *digitJob) {
	if p.wanted.CompareAndSwap(job, nil) {
		p.withdraw(job)
	}
}

// withdraw says of a job that is wanted no longer, nil for none, that it has ended,
// unless the worker has begun it: then the worker does.
func (p *port) withdraw(job *digitJob) {
	if job != nil && job.taken.CompareAndSwap(false, true) {
		close(job.done)
	}
}

// sendDigits sends the next step of a job.
func (p *port) sendDigits(job *digitJob, frame int64, now time.Time, out mixer.Output) {
	step, more := job.sender.Next(job.payload[:], len(out.PCM))
	if step.N > 0 {
		p.endpoint.SendEvent(frame, now, step.Marker, step.Back, job.payload[:step.N])
	} else {
		p.endpoint.Send(frame, now, out.Payload)
	}
	job.sent = job.sent || !more
}
