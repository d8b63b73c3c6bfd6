package phone

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/rtp"
	"mediaserver/rtp/srtp"
)

// FrameTime is the length of a frame.
const FrameTime = 20 * time.Millisecond

// maxLate is how late a frame may be sent; later ones are left out.
const maxLate = 60 * time.Millisecond

// DefaultKeep is how much a stream keeps of what it hears.
const DefaultKeep = 10 * time.Minute

// StreamConfig is what a Stream is made of. RTP and Params.Codec are needed.
type StreamConfig struct {
	RTP    rtp.IO
	RTCP   rtp.IO // nil = no RTCP
	Params rtp.Params
	Jitter rtp.JitterConfig
	Source audio.Source  // sent from the first frame; nil = silence
	Keep   time.Duration // of what is heard, at least; 0 = DefaultKeep
	Seed   uint64        // of SSRC, sequence number and timestamp; 0 = random
}

// Stream is one media stream of a phone: it sends and keeps a frame at a time.
type Stream struct {
	endpoint *rtp.Endpoint
	samples  int // of a frame
	rec      *recorder
	keys     *keys
	presses  *presses
	events   atomic.Bool // telephone events may be sent
	suite    atomic.Uint32
	muted    atomic.Bool
	frame    atomic.Int64 // next
	leftOut  atomic.Int64 // frames that would have been too late
	closed   chan struct{}

	mu     sync.Mutex
	source audio.Source

	pcm     []int16 // Step's
	payload []byte  // Step's
}

// NewStream makes a stream. It starts nothing and sends nothing.
func NewStream(cfg StreamConfig) (*Stream, error) {
	if cfg.Params.Codec == nil {
		return nil, fmt.Errorf("phone: stream: %w: no codec", rtp.ErrParams)
	}
	format := audio.Format{Rate: cfg.Params.Codec.Rate(), Ptime: FrameTime}
	if cfg.Keep <= 0 {
		cfg.Keep = DefaultKeep
	}
	n := format.Samples()
	s := &Stream{
		samples: n,
		rec:     &recorder{rate: format.Rate, samples: n, keep: max(1, int64(cfg.Keep/FrameTime))},
		keys:    newKeys(format.Rate),
		presses: newPresses(format.Rate, n),
		source:  cfg.Source,
		closed:  make(chan struct{}),
		pcm:     make([]int16, n),
		payload: make([]byte, 2*n), // no codec makes more of a sample than two bytes
	}
	s.events.Store(cfg.Params.HasEvent)
	s.suite.Store(uint32(cfg.Params.SRTP.Suite))
	var err error
	s.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{
		RTP: cfg.RTP, RTCP: cfg.RTCP, Params: cfg.Params, Jitter: cfg.Jitter, Seed: cfg.Seed,
		OnEvent: func(ts uint32, marker bool, payload []byte, now time.Time) {
			s.presses.event(s.frame.Load(), ts, marker, payload, now)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("phone: stream: %w", err)
	}
	return s, nil
}

// Step hears and sends the next frame, at now.
func (s *Stream) Step(now time.Time) {
	frame := s.frame.Load()
	s.endpoint.Receive(frame, now, s.pcm)
	s.rec.add(frame, now, s.pcm)
	s.presses.audio(frame, s.pcm, now)
	s.read(s.pcm)
	if step := s.keys.event(s.payload, s.samples); step.N > 0 {
		s.endpoint.SendEvent(frame, now, step.Marker, step.Back, s.payload[:step.N])
	} else {
		s.keys.tone(s.pcm)
		n := s.endpoint.Codec().Encode(s.payload, s.pcm)
		s.endpoint.Send(frame, now, s.payload[:n])
	}
	s.frame.Store(frame + 1)
}

// read fills pcm with what the phone says. The source goes on while muted.
func (s *Stream) read(pcm []int16) {
	s.mu.Lock()
	source := s.source
	s.mu.Unlock()
	n := 0
	if source != nil {
		n = source.Read(pcm)
	}
	if s.muted.Load() {
		n = 0
	}
	clear(pcm[n:])
}

// Run steps once every 20 ms, by absolute deadlines from now on, until ctx
// ends. Frames that would be later than 60 ms are left out.
func (s *Stream) Run(ctx context.Context) { s.run(ctx.Done()) }

func (s *Stream) run(done <-chan struct{}) {
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
		}
		now := time.Now()
		if late := now.Sub(due); late > maxLate {
			skip := int64(late / FrameTime)
			s.frame.Add(skip)
			s.leftOut.Add(skip)
			due = due.Add(time.Duration(skip) * FrameTime)
		}
		s.Step(now)
		due = due.Add(FrameTime)
		timer.Reset(time.Until(due))
	}
}

// LeftOut is how many frames Run left out because it came too late to them.
func (s *Stream) LeftOut() int64 { return s.leftOut.Load() }

// Play sends another source from the next frame on; nil is silence. The
// source is read by the stream from then on and by nobody else.
func (s *Stream) Play(source audio.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source = source
}

// Tone sends a sine of freq [Hz] and level [dBFS peak] from the next frame on.
func (s *Stream) Tone(freq, level float64) {
	s.Play(audio.NewTone(s.rec.rate, []float64{freq}, level))
}

// Mute sends silence in place of the source, or no longer so.
func (s *Stream) Mute(on bool) { s.muted.Store(on) }

// Muted says whether Mute is in effect.
func (s *Stream) Muted() bool { return s.muted.Load() }

// Press presses keys, 100 ms each with 100 ms between them, and returns when
// the last one has been sent: by telephone events or as tones within the audio.
// Errors: ErrNoEvents, ErrNoSignalling for dtmf.Info, dtmf.ErrDigit,
// dtmf.ErrTooMany, ErrEnded, or that of ctx, after which the keys still go on.
func (s *Stream) Press(ctx context.Context, digits string, method dtmf.Method) error {
	switch {
	case method == dtmf.Info:
		return ErrNoSignalling
	case method == dtmf.RFC4733 && !s.events.Load():
		return ErrNoEvents
	}
	done, err := s.keys.press(digits, method)
	if err != nil {
		return fmt.Errorf("phone: press: %w", err)
	}
	select {
	case <-done:
		return nil
	case <-s.closed:
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Presses are the keys that were pressed at the far end, however they came, in
// order; the last thousand or so.
func (s *Stream) Presses() []Press { return s.presses.all() }

// Digits are the characters of Presses that came by method.
func (s *Stream) Digits(method dtmf.Method) string {
	var digits []byte
	for _, p := range s.presses.all() {
		if p.Method == method {
			digits = append(digits, byte(p.Digit))
		}
	}
	return string(digits)
}

// Frame is the number of the frame that comes next.
func (s *Stream) Frame() int64 {
	_, end := s.rec.span()
	return end
}

// TimeOf is the wall time at which a frame was heard, false if it is not kept.
func (s *Stream) TimeOf(frame int64) (time.Time, bool) { return s.rec.timeOf(frame) }

// Heard is what was heard from frame from up to, but without, frame to, as far
// as it is kept.
func (s *Stream) Heard(from, to int64) audio.Clip { return s.rec.clip(from, to) }

// HeardLast is the last stretch of what was heard, of length d or less.
func (s *Stream) HeardLast(d time.Duration) audio.Clip {
	_, end := s.rec.span()
	return s.rec.clip(end-int64(d/FrameTime), end)
}

// HeardAll is all that is kept.
func (s *Stream) HeardAll() audio.Clip { return s.rec.clip(s.rec.span()) }

// Listen is what is heard in the time d from now, less with an error: ErrEnded
// or that of ctx.
func (s *Stream) Listen(ctx context.Context, d time.Duration) (audio.Clip, error) {
	from := s.Frame()
	to := from + int64(d/FrameTime)
	for {
		more := s.rec.more(to - 1)
		if more == nil {
			return s.rec.clip(from, to), nil
		}
		select {
		case <-more:
		case <-s.closed:
			return s.rec.clip(from, to), ErrEnded
		case <-ctx.Done():
			return s.rec.clip(from, to), context.Cause(ctx)
		}
	}
}

// Level is the level of what was heard in the last time d [dBov].
func (s *Stream) Level(d time.Duration) float64 {
	return audio.LevelDBov(s.HeardLast(d).Samples)
}

// ToneLevel is the level of a frequency [Hz] in the last time d [dBov].
func (s *Stream) ToneLevel(freq float64, d time.Duration) float64 {
	return audio.ToneLevel(s.HeardLast(d).Samples, s.rec.rate, freq)
}

// ToneShare is the share of a frequency [Hz] in the energy of the last time d,
// 0 to 1.
func (s *Stream) ToneShare(freq float64, d time.Duration) float64 {
	return audio.ToneShare(s.HeardLast(d).Samples, s.rec.rate, freq)
}

// Stats are those of the RTP endpoint.
func (s *Stream) Stats() rtp.Stats { return s.endpoint.Stats() }

// Update puts what was negotiated anew into effect at the next frame.
func (s *Stream) Update(p rtp.Params) error {
	if err := s.endpoint.Update(p); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	s.events.Store(p.HasEvent)
	s.suite.Store(uint32(p.SRTP.Suite))
	return nil
}

// Suite is how the stream is protected; srtp.NoSuite: not at all.
func (s *Stream) Suite() srtp.Suite { return srtp.Suite(s.suite.Load()) }

// Close says goodbye by RTCP and closes the sockets. Nobody may step any more;
// what was heard remains. Call it once.
func (s *Stream) Close() error {
	close(s.closed)
	if err := s.endpoint.Close(); err != nil {
		return fmt.Errorf("phone: close stream: %w", err)
	}
	return nil
}
