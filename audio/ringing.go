package audio

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrRinging is wrapped by every error of [ParseRinging].
var ErrRinging = errors.New("audio: not a ringing pattern")

// Limits of a ringing pattern.
const (
	ringingLevel       = -19.0 // [dBFS peak] per component, where none is given
	minRingingHz       = 50.0
	maxRingingHz       = 3400.0
	maxRingingTones    = 4
	minRingingLevel    = -60.0 // [dBFS peak]
	maxRingingCycle    = 60 * time.Second
	minRingingInterval = 10 * time.Millisecond
	ringingRamp        = 2 * time.Millisecond // at the end of a burst that does not end in a zero
)

// RingingPattern is the tone and the cadence that a waiting caller hears. The
// zero value is the British pattern, see [UKRinging]. A pattern may be shared.
type RingingPattern struct {
	Frequencies []float64 // of the components [Hz]
	Level       float64   // of each component [dBFS peak]
	Bursts      []Burst   // one cycle, begins with the first burst
}

// Burst is one sounding of the ringing tone and the pause after it.
type Burst struct{ On, Off time.Duration }

// UKRinging is the British ringing tone: 400 + 450 Hz, -19 dBFS peak each, 0.4 s
// on, 0.2 s off, 0.4 s on, 2.0 s off.
func UKRinging() RingingPattern {
	return RingingPattern{
		Frequencies: []float64{400, 450},
		Level:       ringingLevel,
		Bursts: []Burst{
			{On: 400 * time.Millisecond, Off: 200 * time.Millisecond},
			{On: 400 * time.Millisecond, Off: 2 * time.Second},
		},
	}
}

// USRinging is the North American ringing tone: 440 + 480 Hz, 2 s on, 4 s off.
func USRinging() RingingPattern {
	return RingingPattern{
		Frequencies: []float64{440, 480},
		Level:       ringingLevel,
		Bursts:      []Burst{{On: 2 * time.Second, Off: 4 * time.Second}},
	}
}

// EURinging is the ringing tone of most European networks (ETSI TR 101 041):
// 425 Hz, 1 s on, 4 s off.
func EURinging() RingingPattern {
	return RingingPattern{
		Frequencies: []float64{425},
		Level:       ringingLevel,
		Bursts:      []Burst{{On: time.Second, Off: 4 * time.Second}},
	}
}

// IsZero reports whether p is the zero value, which stands for [UKRinging].
func (p RingingPattern) IsZero() bool { return len(p.Frequencies) == 0 && len(p.Bursts) == 0 }

// String gives the pattern in the form that ParseRinging reads.
func (p RingingPattern) String() string {
	if p.IsZero() {
		p = UKRinging()
	}
	var b strings.Builder
	for i, f := range p.Frequencies {
		if i > 0 {
			b.WriteByte('+')
		}
		b.WriteString(strconv.FormatFloat(f, 'f', -1, 64))
	}
	fmt.Fprintf(&b, "@%s:", strconv.FormatFloat(p.Level, 'f', -1, 64))
	for _, t := range p.Bursts {
		b.WriteString(" " + strconv.FormatFloat(t.On.Seconds(), 'f', -1, 64) + " on")
		if t.Off > 0 {
			b.WriteString(" " + strconv.FormatFloat(t.Off.Seconds(), 'f', -1, 64) + " off")
		}
	}
	return b.String()
}

// Cycle is the time after which the pattern repeats.
func (p RingingPattern) Cycle() time.Duration {
	if p.IsZero() {
		p = UKRinging()
	}
	var sum time.Duration
	for _, t := range p.Bursts {
		sum += t.On + t.Off
	}
	return sum
}

// Clip is one cycle of the pattern. Every burst begins at phase zero. Make it
// once and share it: [LoopClip] of it is the endless ringing tone.
func (p RingingPattern) Clip(rate int) Clip {
	if p.IsZero() {
		p = UKRinging()
	}
	c := Clip{Rate: rate, Samples: make([]int16, samplesOf(p.Cycle(), rate))}
	at := time.Duration(0)
	for _, t := range p.Bursts {
		burst := c.Samples[samplesOf(at, rate):samplesOf(at+t.On, rate)]
		NewTone(rate, p.Frequencies, p.Level).Read(burst)
		if !p.endsInZero(t.On) {
			fadeOut(burst, samplesOf(ringingRamp, rate))
		}
		at += t.On + t.Off
	}
	return c
}

// endsInZero reports whether all components have made whole half cycles after d.
func (p RingingPattern) endsInZero(d time.Duration) bool {
	for _, f := range p.Frequencies {
		halves := 2 * f * d.Seconds()
		if math.Abs(halves-math.Round(halves)) > 0.01 {
			return false
		}
	}
	return true
}

// Ringing is the endless ringing tone of p at rate [Hz], beginning with the
// first burst. It makes a clip of one cycle; where many calls hear the same
// tone, share the clip instead.
func Ringing(rate int, p RingingPattern) Source { return LoopClip(p.Clip(rate)) }

// ParseRinging reads the name of a pattern, "uk", "us" or "eu", or a cadence:
//
//	pattern   = tones ":" intervals
//	tones     = frequency *( "+" frequency ) [ "@" level ]
//	intervals = 1*( seconds "on" [ seconds "off" ] )
//
// as in "400+450@-19: 0.4 on 0.2 off 0.4 on 2.0 off". Frequencies are in Hz
// (50 to 3400, at most 4), the level is the peak of each component in dBFS
// (default -19); white space is free between the elements. The interval begins
// with a burst, each lasts 0.01 s at least, and all of them 60 s at most. Errors
// wrap [ErrRinging] and say which element is wrong.
func ParseRinging(s string) (RingingPattern, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "uk":
		return UKRinging(), nil
	case "us":
		return USRinging(), nil
	case "eu":
		return EURinging(), nil
	}
	tones, intervals, ok := strings.Cut(s, ":")
	if !ok {
		return RingingPattern{}, ringingError(`%q is neither "uk", "us", "eu" nor a cadence such as %q`, s, UKRinging())
	}
	p := RingingPattern{Level: ringingLevel}
	if err := p.parseTones(tones); err != nil {
		return RingingPattern{}, err
	}
	if err := p.parseIntervals(intervals); err != nil {
		return RingingPattern{}, err
	}
	return p, nil
}

func ringingError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRinging, fmt.Sprintf(format, args...))
}

func (p *RingingPattern) parseTones(s string) error {
	frequencies, level, hasLevel := strings.Cut(s, "@")
	for text := range strings.SplitSeq(frequencies, "+") {
		text = strings.TrimSpace(text)
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return ringingError("frequency %q is not a number", text)
		}
		if !(f >= minRingingHz && f <= maxRingingHz) {
			return ringingError("frequency %s Hz is not within %v to %v", text, minRingingHz, maxRingingHz)
		}
		p.Frequencies = append(p.Frequencies, f)
	}
	if len(p.Frequencies) > maxRingingTones {
		return ringingError("%d frequencies, at most %d are possible", len(p.Frequencies), maxRingingTones)
	}
	if hasLevel {
		text := strings.TrimSpace(level)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return ringingError("level %q is not a number", text)
		}
		p.Level = v
	}
	if top := -20 * math.Log10(float64(len(p.Frequencies))); !(p.Level >= minRingingLevel && p.Level <= top) {
		return ringingError("level %v dBFS is not within %v to %.1f for %d frequencies",
			p.Level, minRingingLevel, math.Floor(10*top)/10, len(p.Frequencies))
	}
	return nil
}

func (p *RingingPattern) parseIntervals(s string) error {
	words := strings.Fields(s)
	if len(words) == 0 {
		return ringingError(`no intervals after the ":"`)
	}
	on := false // the state of the interval before
	for i := 0; i < len(words); i += 2 {
		d, err := ringingSeconds(words[i])
		if err != nil {
			return err
		}
		if i+1 == len(words) {
			return ringingError(`%q is not followed by "on" or "off"`, words[i])
		}
		switch word := words[i+1]; {
		case word == "on" && on:
			return ringingError(`two "on" in a row at %q`, words[i]+" on")
		case word == "on":
			p.Bursts = append(p.Bursts, Burst{On: d})
			on = true
		case word == "off" && len(p.Bursts) == 0:
			return ringingError(`it begins with "off"`)
		case word == "off" && !on:
			return ringingError(`two "off" in a row at %q`, words[i]+" off")
		case word == "off":
			p.Bursts[len(p.Bursts)-1].Off = d
			on = false
		default:
			return ringingError(`%q in place of "on" or "off"`, word)
		}
	}
	if p.Cycle() > maxRingingCycle {
		return ringingError("the cycle takes %v, at most %v is possible", p.Cycle(), maxRingingCycle)
	}
	return nil
}

func ringingSeconds(s string) (time.Duration, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, ringingError("%q is not a number of seconds", s)
	}
	if !(v >= minRingingInterval.Seconds() && v <= maxRingingCycle.Seconds()) {
		return 0, ringingError("%s s is not within %v to %v", s, minRingingInterval, maxRingingCycle)
	}
	return time.Duration(math.Round(v*1e6)) * time.Microsecond, nil
}
