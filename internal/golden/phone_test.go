package golden

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/dtmf"
	"mediaserver/mixer"
	"mediaserver/sip"
)

const (
	frame    = 20 * time.Millisecond
	samples  = 160
	eventPT  = 101
	rtpBytes = 12
)

// phone is a caller with a dialog and a media stream in memory. It is the
// call.Dialog of its own call.
type phone struct {
	t    *testing.T
	name string
	wire *wire
	inv  sip.Invitation

	mu       sync.Mutex
	voice    audio.Source // nil: silence
	keys     [][]byte     // telephone-event payloads to send, one a frame
	keyStart bool
	keyTS    uint32
	session  sip.Session
	headers  []sip.Header // of the answer
	endErr   error
	rejected int
	answered time.Time
	unproven bool          // it has not shown that it has called
	mute     bool          // it sends nothing
	early    time.Duration // when early media began, counted from start; 0 = never
	played   []int16       // everything heard, one frame every 20 ms from start
	start    time.Time
	got      string // digits received as telephone events
	gotTS    uint32 // of the last one

	answerOnce sync.Once
	endOnce    sync.Once
	up         chan struct{} // answered
	ended      chan struct{}
	served     chan struct{} // the server's application is done
	seq        uint16
	ts         uint32
}

type phoneOptions struct {
	to       string // called user, "" = "1000"
	noEvents bool   // no telephone-event in the offer
	unproven bool   // nobody knows whether it is he who calls; it sends no sound
}

func (p *phone) Invitation() sip.Invitation { return p.inv }

// Proven is as that of a *sip.Dialog.
func (p *phone) Proven() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.unproven
}

// acknowledge is the ACK of a caller who was not proven.
func (p *phone) acknowledge() {
	p.mu.Lock()
	p.unproven = false
	s := p.session
	p.mu.Unlock()
	s.Acknowledged(nil)
}

// Progress begins to send when there is early media.
func (p *phone) Progress(code int, _ string, body []byte) error {
	if body != nil {
		p.mu.Lock()
		p.early = time.Since(p.start)
		p.mu.Unlock()
		p.answerOnce.Do(func() { close(p.up) })
	}
	return nil
}

func (p *phone) Answer(_ []byte, h ...sip.Header) error {
	p.mu.Lock()
	p.headers = h
	p.answered = time.Now()
	p.mu.Unlock()
	p.answerOnce.Do(func() { close(p.up) })
	return nil
}

func (p *phone) Reject(code int, _ string, h ...sip.Header) error {
	p.mu.Lock()
	p.headers = h
	p.rejected = code
	p.mu.Unlock()
	p.end(sip.ErrRejected)
	return nil
}

func (p *phone) Bye(context.Context, ...sip.Header) error {
	p.end(sip.ErrLocalBye)
	return nil
}

func (p *phone) Ended() <-chan struct{} { return p.ended }

func (p *phone) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.endErr
}

func (p *phone) SetSession(s sip.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session = s
}

func (p *phone) end(err error) {
	p.endOnce.Do(func() {
		p.mu.Lock()
		p.endErr = err
		p.mu.Unlock()
		close(p.ended)
	})
}

// hangUp is the caller hanging up.
func (p *phone) hangUp() { p.end(sip.ErrRemoteBye) }

// say makes the phone send a tone; 0 is silence.
func (p *phone) say(freq float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.voice = nil
	if freq != 0 {
		p.voice = audio.NewTone(8000, []float64{freq}, -12)
	}
}

// murmur makes the phone send a tone at a level [dBov].
func (p *phone) murmur(freq, level float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.voice = audio.NewTone(8000, []float64{freq}, level+3.01) // NewTone has the peak
}

// dialling presses keys one after the other, a press and a pause of 100 ms
// each.
func (p *phone) dialling(digits string) {
	p.t.Helper()
	for _, d := range digits {
		p.press(string(d))
		time.Sleep(200 * time.Millisecond)
	}
}

// tones presses a key in band: 100 ms of its two tones.
func (p *phone) tones(digit string) {
	p.t.Helper()
	clip, err := audio.DTMFTones(8000, digit)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.voice = audio.PlayClip(clip)
}

// press presses a key for 100 ms.
func (p *phone) press(digit string) {
	p.t.Helper()
	p.hold(digit[0], 100*milli)
}

// hold presses a key for a while, as telephone events with three end packets.
func (p *phone) hold(digit byte, length time.Duration) {
	p.t.Helper()
	d, ok := dtmf.ParseDigit(digit)
	if !ok {
		p.t.Fatalf("hold %q", digit)
	}
	steps := int(length / frame)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 1; i <= steps+2; i++ {
		payload := []byte{d.Event(), 10, 0, 0}
		if i >= steps {
			payload[1] |= 0x80
		}
		binary.BigEndian.PutUint16(payload[2:], uint16(min(i, steps)*samples))
		p.keys = append(p.keys, payload)
	}
	p.keys = append(p.keys, nil)
}

// info presses a key by SIP INFO.
func (p *phone) info(cseq uint32, digit string) {
	p.t.Helper()
	p.mu.Lock()
	s := p.session
	p.mu.Unlock()
	if err := s.Info(cseq, "application/dtmf-relay", []byte("Signal="+digit+"\r\nDuration=100\r\n")); err != nil {
		p.t.Errorf("INFO: %v", err)
	}
}

// run sends a packet every 20 ms until the call ends.
func (p *phone) run() {
	<-p.either(p.up, p.ended)
	next := p.start.Add(time.Since(p.start).Truncate(frame/mixer.SlotsPerFrame) + packetPhase)
	for {
		time.Sleep(time.Until(next))
		select {
		case <-p.ended:
			return
		default:
		}
		if packet := p.packet(); !p.mute {
			p.wire.push(packet)
		}
		next = next.Add(frame)
	}
}

func (p *phone) either(a, b <-chan struct{}) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		select {
		case <-a:
		case <-b:
		}
	}()
	return c
}

// packet is the next packet, audio or a step of a key press.
func (p *phone) packet() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := make([]byte, rtpBytes, rtpBytes+samples)
	b[0] = 0x80
	p.seq++
	p.ts += samples
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[8:], 0x1000)
	if len(p.keys) > 0 {
		payload := p.keys[0]
		p.keys = p.keys[1:]
		if payload != nil {
			first := !p.keyStart
			if first {
				p.keyStart, p.keyTS = true, p.ts
				b[1] |= 0x80
			}
			b[1] |= eventPT
			binary.BigEndian.PutUint32(b[4:], p.keyTS)
			return append(b, payload...)
		}
		p.keyStart = false
	}
	binary.BigEndian.PutUint32(b[4:], p.ts)
	pcm := make([]int16, samples)
	if p.voice != nil {
		p.voice.Read(pcm)
	}
	b = b[:rtpBytes+samples]
	g711.EncodeULaw(b[rtpBytes:], pcm)
	return b
}

// hear records one packet of the server at the place of its arrival.
func (p *phone) hear(packet []byte, at time.Time) {
	if len(packet) > rtpBytes && packet[1]&0x7f == eventPT {
		p.event(packet)
		return
	}
	if len(packet) < rtpBytes || packet[1]&0x7f != 0 {
		return
	}
	pcm := make([]int16, len(packet)-rtpBytes)
	g711.DecodeULaw(pcm, packet[rtpBytes:])
	p.mu.Lock()
	defer p.mu.Unlock()
	i := int(at.Sub(p.start)/frame) * samples
	for len(p.played) < i+len(pcm) {
		p.played = append(p.played, make([]int16, samples)...)
	}
	copy(p.played[i:], pcm)
}

// between is what the phone heard from a to b, counted from the start of the
// world.
func (p *phone) between(a, b time.Duration) []int16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	from, to := int(a/frame)*samples, int(b/frame)*samples
	out := make([]int16, to-from)
	if from < len(p.played) {
		copy(out, p.played[from:])
	}
	return out
}

// hears asserts that from a to b the phone hears the tone, at its level.
func (p *phone) hears(freq float64, a, b time.Duration) {
	p.t.Helper()
	if level := audio.ToneLevel(p.between(a, b), 8000, freq); level < -25 {
		p.t.Errorf("%s hears %.0f Hz at %.1f dBov from %v to %v, want the tone", p.name, freq, level, a, b)
	}
}

// hearsNot asserts that the tone is not there.
func (p *phone) hearsNot(freq float64, a, b time.Duration) {
	p.t.Helper()
	if level := audio.ToneLevel(p.between(a, b), 8000, freq); level > -55 {
		p.t.Errorf("%s hears %.0f Hz at %.1f dBov from %v to %v, want nothing", p.name, freq, level, a, b)
	}
}

// hearsSilence asserts that there is nothing at all.
func (p *phone) hearsSilence(a, b time.Duration) {
	p.t.Helper()
	if level := audio.LevelDBov(p.between(a, b)); level > -60 {
		p.t.Errorf("%s hears %.1f dBov from %v to %v, want silence", p.name, level, a, b)
	}
}

// hearsRinging asserts that the ringing tone sounds, which is on for 0.8 s of
// every 3 s.
func (p *phone) hearsRinging(a, b time.Duration) {
	p.t.Helper()
	heard := p.between(a, b)
	for _, f := range []float64{400, 450} {
		if level := audio.ToneLevel(heard, 8000, f); level < -45 {
			p.t.Errorf("%s hears no ringing from %v to %v: %.0f Hz at %.1f dBov", p.name, a, b, f, level)
		}
	}
}

// spans are the times at which the phone heard the tone, rounded to 10 ms.
func (p *phone) spans(freq float64) []audio.Span {
	p.mu.Lock()
	heard := append([]int16(nil), p.played...)
	p.mu.Unlock()
	return audio.ToneSpans(audio.Clip{Rate: 8000, Samples: heard}, freq, -40, 40*time.Millisecond)
}

func offer(port int, events bool) []byte {
	formats, extra := "0", ""
	if events {
		formats += fmt.Sprintf(" %d", eventPT)
		extra = fmt.Sprintf("a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", eventPT, eventPT)
	}
	return []byte(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP %s\r\na=rtpmap:0 PCMU/8000\r\n%sa=ptime:20\r\na=sendrecv\r\n", port, formats, extra))
}
