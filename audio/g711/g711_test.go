package g711

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"

	zaf "github.com/zaf/g711"
)

// law is one of the two laws as ITU-T G.711 gives it in its tables: for the
// positive half, the decision values x(1) to x(128) and the values y between
// them at the decoder, in units of a linear code of 14 (µ-law) or 13 (A-law)
// bits. The code words of the tables count up from the value nearest to zero.
type law struct {
	decision [129]int // decision[n] is the lower end of interval n; [128] the overload point
	output   [128]int
	shift    int                  // from 16 bits to those of the law
	code     func(n int) (c byte) // code word of interval n of the positive half
}

// muLaw makes tables 2a and 2b of the Recommendation: segment 1 has a first
// interval of width 1 and 15 of width 2, and each of the others has 16 intervals,
// twice as wide as those of the one before. Decision values 1, 3, 5, …, 31, 35,
// …, 95, 103, …, 8159.
func muLaw() law {
	l := law{shift: 2, code: func(n int) byte { return 0xFF - byte(n) }}
	at, width := 1, 2
	l.decision[0], l.output[0] = 0, 0
	for n := 1; n < 128; n++ {
		if n%16 == 0 {
			width *= 2
		}
		l.decision[n], l.output[n] = at, at+width/2
		at += width
	}
	l.decision[128] = at
	return l
}

// aLaw makes tables 1a and 1b: 32 intervals of width 2, then six segments of 16
// intervals, each twice as wide as those of the one before. Decision values 0, 2,
// 4, …, 64, 68, …, 128, 136, …, 4096. The code words have their even bits
// inverted.
func aLaw() law {
	l := law{shift: 3, code: func(n int) byte { return (0x80 | byte(n)) ^ 0x55 }}
	at, width := 0, 2
	for n := range 128 {
		if n >= 32 && n%16 == 0 {
			width *= 2
		}
		l.decision[n], l.output[n] = at, at+width/2
		at += width
	}
	l.decision[128] = at
	return l
}

// encode finds the interval of a sample of 16 bits. G.191 cuts negative samples
// by one's complement, so that the two halves are mirrored bit by bit.
func (l law) encode(s int16) byte {
	magnitude, sign := int(s), byte(0)
	if s < 0 {
		magnitude, sign = int(^s), 0x80
	}
	magnitude >>= l.shift
	n := 127
	for n > 0 && magnitude < l.decision[n] {
		n--
	}
	return l.code(n) ^ sign
}

func TestTablesHaveTheEndsOfTheRecommendation(t *testing.T) {
	mu, a := muLaw(), aLaw()
	if mu.decision[128] != 8159 || mu.output[127] != 8031 || mu.decision[112] != 4063 || mu.output[16] != 33 {
		t.Errorf("µ-law: overload at %d, last output %d, decision 112 %d, output 16 %d",
			mu.decision[128], mu.output[127], mu.decision[112], mu.output[16])
	}
	if a.decision[128] != 4096 || a.output[127] != 4032 || a.decision[112] != 2048 || a.output[32] != 66 {
		t.Errorf("A-law: overload at %d, last output %d, decision 112 %d, output 32 %d",
			a.decision[128], a.output[127], a.decision[112], a.output[32])
	}
}

func TestEverySampleEncodesAsTheRecommendationSays(t *testing.T) {
	tests := map[string]struct {
		law    law
		encode func([]byte, []int16) int
	}{
		"µ-law": {muLaw(), EncodeULaw},
		"A-law": {aLaw(), EncodeALaw},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wrong := 0
			for s := math.MinInt16; s <= math.MaxInt16; s++ {
				var got [1]byte
				tt.encode(got[:], []int16{int16(s)})
				if want := tt.law.encode(int16(s)); got[0] != want {
					if wrong++; wrong < 10 {
						t.Errorf("sample %d: %#02x, want %#02x", s, got[0], want)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%d samples are wrong", wrong)
			}
		})
	}
}

func TestEveryCodeDecodesAsTheRecommendationSays(t *testing.T) {
	tests := map[string]struct {
		law    law
		decode func([]int16, []byte) int
	}{
		"µ-law": {muLaw(), DecodeULaw},
		"A-law": {aLaw(), DecodeALaw},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			seen := map[byte]bool{}
			for n, y := range tt.law.output {
				for _, sign := range []int{1, -1} {
					c := tt.law.code(n)
					if sign < 0 {
						c ^= 0x80
					}
					seen[c] = true
					var got [1]int16
					tt.decode(got[:], []byte{c})
					if want := sign * y << tt.law.shift; int(got[0]) != want {
						t.Errorf("code %#02x: %d, want %d", c, got[0], want)
					}
				}
			}
			if len(seen) != 256 {
				t.Errorf("%d codes tried, want all 256", len(seen))
			}
		})
	}
}

// g191MuLaw and g191ALaw follow the text of ulaw_compress and alaw_compress in
// the ITU-T software tool library, G.191, step by step.
func g191MuLaw(s int16) byte {
	absno := int(s)
	if s < 0 {
		absno = int(^s)
	}
	absno = min(absno>>2+33, 0x1FFF)
	segno := 1
	for i := absno >> 6; i != 0; i >>= 1 {
		segno++
	}
	high, low := 8-segno, 15-(absno>>segno)&15
	code := byte(high<<4 | low)
	if s >= 0 {
		code |= 0x80
	}
	return code
}

func g191ALaw(s int16) byte {
	ix := int(s)
	if s < 0 {
		ix = int(^s)
	}
	ix >>= 4
	if ix > 15 {
		iexp := 1
		for ix > 16+15 {
			ix >>= 1
			iexp++
		}
		ix += iexp<<4 - 16
	}
	if s >= 0 {
		ix |= 0x80
	}
	return byte(ix ^ 0x55)
}

func TestEverySampleEncodesAsTheSoftwareToolsDo(t *testing.T) {
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		var mu, a [1]byte
		EncodeULaw(mu[:], []int16{int16(s)})
		EncodeALaw(a[:], []int16{int16(s)})
		if want := g191MuLaw(int16(s)); mu[0] != want {
			t.Fatalf("µ-law of %d: %#02x, want %#02x", s, mu[0], want)
		}
		if want := g191ALaw(int16(s)); a[0] != want {
			t.Fatalf("A-law of %d: %#02x, want %#02x", s, a[0], want)
		}
	}
}

// TestAnEncoderOfSixteenBitsDiffersAtNegativeDecisionValues pins down which of
// two mappings in use this one is. An encoder that adds its bias of 132 to the
// magnitude in 16 bits and never cuts to 14 puts a negative sample that lies
// exactly on a decision value into the outer interval, G.191 into the inner one.
func TestAnEncoderOfSixteenBitsDiffersAtNegativeDecisionValues(t *testing.T) {
	biased := func(s int16) byte {
		magnitude, sign := int(s), byte(0)
		if s < 0 {
			magnitude, sign = -magnitude, 0x80
		}
		magnitude = min(magnitude, 32635) + 132
		segment := 7
		for mask := 0x4000; segment > 0 && magnitude&mask == 0; mask >>= 1 {
			segment--
		}
		return ^(sign | byte(segment<<4) | byte(magnitude>>(segment+3)&15))
	}
	edges := map[int16]bool{}
	mu := muLaw()
	for _, x := range mu.decision[1:128] {
		edges[int16(-4*x)] = true
	}
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		differs := biased(int16(s)) != g191MuLaw(int16(s))
		if differs != edges[int16(s)] {
			t.Fatalf("sample %d: differs %v, a decision value %v", s, differs, edges[int16(s)])
		}
	}
	if len(edges) != 127 {
		t.Errorf("%d decision values, want 127", len(edges))
	}
}

// TestSamplesWhoseCodeIsNotTheNearest shows that the samples for which the code
// is not the nearest one lie where the interval width changes: there the
// Recommendation's decision value is not half way between the two outputs.
func TestSamplesWhoseCodeIsNotTheNearest(t *testing.T) {
	mu := muLaw()
	count, worst := 0, 0
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		c := mu.encode(int16(s))
		var v [1]int16
		DecodeULaw(v[:], []byte{c})
		distance := func(d int) int { return max(d, -d) }
		got := distance(s - int(v[0]))
		nearest := got
		for _, y := range mu.output {
			nearest = min(nearest, distance(s-4*y), distance(s+4*y))
		}
		if got == nearest {
			continue
		}
		count++
		worst = max(worst, got-nearest)
		segmentEdge := false
		for n := 16; n < 128; n += 16 {
			segmentEdge = segmentEdge || c&0x7F == mu.code(n)&0x7F
		}
		if !segmentEdge {
			t.Fatalf("sample %d has code %#02x, which is neither the nearest nor the first of a segment", s, c)
		}
	}
	if share := float64(count) / 65536; share > 0.008 || worst > 256 {
		t.Errorf("%d samples (%.2f %%), worst by %d", count, 100*share, worst)
	}
}

func TestRoundTripKeepsEveryCode(t *testing.T) {
	for c := range 256 {
		var s [1]int16
		var back [1]byte
		DecodeALaw(s[:], []byte{byte(c)})
		EncodeALaw(back[:], s[:])
		if back[0] != byte(c) {
			t.Errorf("A-law %#02x comes back as %#02x", c, back[0])
		}
		DecodeULaw(s[:], []byte{byte(c)})
		EncodeULaw(back[:], s[:])
		want := byte(c)
		if c == 0x7F { // negative zero is zero
			want = SilenceULaw
		}
		if back[0] != want {
			t.Errorf("µ-law %#02x comes back as %#02x, want %#02x", c, back[0], want)
		}
	}
}

func TestSilenceIsTheCodeOfZero(t *testing.T) {
	var c [2]byte
	EncodeULaw(c[:1], []int16{0})
	EncodeALaw(c[1:], []int16{0})
	if c != [2]byte{SilenceULaw, SilenceALaw} {
		t.Errorf("zero is %#02x and %#02x", c[0], c[1])
	}
}

func TestAllIsAsInTheLibrary(t *testing.T) {
	tests := map[string]struct {
		codec  audio.Codec
		encode func(int16) byte
		decode func(byte) int16
	}{
		"µ-law": {PCMU(), zaf.EncodeUlawFrame, zaf.DecodeUlawFrame},
		"A-law": {PCMA(), zaf.EncodeAlawFrame, zaf.DecodeAlawFrame},
	}
	samples, codes := make([]int16, 1<<16), make([]byte, 1<<16)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for i := range samples {
				samples[i] = int16(uint16(i))
			}
			if n := tt.codec.Encode(codes, samples); n != 1<<16 {
				t.Fatalf("%d codes", n)
			}
			for i, c := range codes {
				if want := tt.encode(samples[i]); c != want {
					t.Fatalf("sample %d: %#02x, want %#02x", samples[i], c, want)
				}
				codes[i] = byte(i)
			}
			if n := tt.codec.Decode(samples, codes); n != 1<<16 {
				t.Fatalf("%d samples", n)
			}
			for i, s := range samples {
				if want := tt.decode(codes[i]); s != want {
					t.Fatalf("code %#02x: %d, want %d", codes[i], s, want)
				}
			}
		})
	}
}

// TestLanesDoWhatIsDoneToOneSample compares what works on several samples at a
// time with what does on one: all lengths, no alignment, and nothing behind the end.
func TestLanesDoWhatIsDoneToOneSample(t *testing.T) {
	tests := map[string]struct {
		codec  audio.Codec
		code   func(int16) byte
		sample func(byte) int16
	}{
		"µ-law": {PCMU(), codeULaw, sampleULaw},
		"A-law": {PCMA(), codeALaw, sampleALaw},
	}
	const most = 4*lanes + 3
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			for n := range most {
				from := rnd.IntN(4)
				samples, codes := make([]int16, from+n)[from:], make([]byte, from+n)[from:]
				for i := range samples {
					samples[i], codes[i] = int16(rnd.Uint32()), byte(rnd.Uint32())
				}
				gotCodes, wantCodes := make([]byte, most), make([]byte, most)
				gotSamples, wantSamples := make([]int16, most), make([]int16, most)
				for i := range n {
					wantCodes[i], wantSamples[i] = tt.code(samples[i]), tt.sample(codes[i])
				}
				tt.codec.Encode(gotCodes, samples)
				tt.codec.Decode(gotSamples, codes)
				if !slices.Equal(gotCodes, wantCodes) {
					t.Fatalf("%d samples %v: %x, want %x", n, samples, gotCodes, wantCodes)
				}
				if !slices.Equal(gotSamples, wantSamples) {
					t.Fatalf("%d codes %x: %v, want %v", n, codes, gotSamples, wantSamples)
				}
			}
		})
	}
}

func TestCodecsHandleEveryLength(t *testing.T) {
	for _, c := range []audio.Codec{PCMU(), PCMA()} {
		for n := range 40 {
			in := make([]int16, n)
			for i := range in {
				in[i] = int16(1000*i - 15000)
			}
			code, out := make([]byte, n), make([]int16, n+3)
			if got := c.Encode(code, in); got != n {
				t.Fatalf("%v: %d samples give %d bytes", c.Encoding(), n, got)
			}
			if got := c.Decode(out, code); got != n {
				t.Fatalf("%v: %d bytes give %d samples", c.Encoding(), n, got)
			}
			for i := range in {
				if d := int(in[i]) - int(out[i]); d > 512 || d < -512 {
					t.Fatalf("%v: sample %d of %d goes in as %d and comes out as %d", c.Encoding(), i, n, in[i], out[i])
				}
			}
			if got := c.Encode(code[:n/2], in); got != n/2 {
				t.Fatalf("%v: room for %d bytes gives %d", c.Encoding(), n/2, got)
			}
		}
		if c.Rate() != 8000 {
			t.Errorf("%v: rate %d", c.Encoding(), c.Rate())
		}
	}
	if PCMU().Encoding() != audio.PCMU || PCMA().Encoding() != audio.PCMA || PCMU() != PCMU() || PCMU() == PCMA() {
		t.Error("the codecs are not two different values")
	}
}

func TestCodecsDoNotAllocate(t *testing.T) {
	samples, codes := make([]int16, 160), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() {
		PCMU().Encode(codes, samples)
		PCMU().Decode(samples, codes)
		PCMA().Encode(codes, samples)
		PCMA().Decode(samples, codes)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func speech() []int16 {
	s := make([]int16, 160)
	audio.NewTone(8000, []float64{310, 1730}, -9).Read(s)
	return s
}

func BenchmarkEncode(b *testing.B) {
	in, out := speech(), make([]byte, 160)
	raw := make([]byte, 320)
	for i, v := range in {
		raw[2*i], raw[2*i+1] = byte(v), byte(v>>8)
	}
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("ulaw", func() { EncodeULaw(out, in) })
	run("alaw", func() { EncodeALaw(out, in) })
	run("ulaw-zaf-frame", func() {
		for i, v := range in {
			out[i] = zaf.EncodeUlawFrame(v)
		}
	})
	run("alaw-zaf-frame", func() {
		for i, v := range in {
			out[i] = zaf.EncodeAlawFrame(v)
		}
	})
	run("ulaw-zaf-slice", func() { zaf.EncodeUlaw(raw) })
}

func BenchmarkDecode(b *testing.B) {
	in, out := make([]byte, 160), make([]int16, 160)
	EncodeULaw(in, speech())
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("ulaw", func() { DecodeULaw(out, in) })
	run("alaw", func() { DecodeALaw(out, in) })
	run("ulaw-zaf-frame", func() {
		for i, v := range in {
			out[i] = zaf.DecodeUlawFrame(v)
		}
	})
	run("ulaw-zaf-slice", func() { zaf.DecodeUlaw(in) })
}

// BenchmarkCold is a frame between which and the one before 64 KiB of other memory
// are used: about what the rest of a participant's frame touches, the system's
// part of it included. Each has sound of its own.
func BenchmarkCold(b *testing.B) {
	const between = 64 << 10
	memory := make([]uint64, 16<<20/8)
	rnd := rand.New(rand.NewPCG(1, 2))
	samples, codes := make([][160]int16, 256), make([][160]byte, 256)
	for k := range samples {
		level := float64(uint(200) << rnd.IntN(6))
		for i := range samples[k] {
			samples[k][i] = int16(rnd.NormFloat64() * level)
		}
		EncodeULaw(codes[k][:], samples[k][:])
	}
	pcm, payload := make([]int16, 160), make([]byte, 160)
	run := func(name string, f func(k int)) {
		b.Run(name, func(b *testing.B) {
			spent, at := make([]time.Duration, b.N), 0
			for i := range spent {
				for range between / 64 {
					memory[at]++
					at = (at + 8) % len(memory)
				}
				k := i % len(samples)
				copy(pcm, samples[k][:])
				copy(payload, codes[k][:])
				began := time.Now()
				f(k)
				spent[i] = time.Since(began)
			}
			slices.Sort(spent)
			spent = spent[:len(spent)-len(spent)/10] // not what was interrupted
			sum := time.Duration(0)
			for _, d := range spent {
				sum += d
			}
			b.ReportMetric(float64(sum)/float64(len(spent)), "ns/frame")
			b.ReportMetric(0, "ns/op")
		})
	}
	run("clock", func(int) {})
	run("encode", func(k int) { EncodeULaw(payload, samples[k][:]) })
	run("decode", func(k int) { DecodeULaw(pcm, codes[k][:]) })
	sum, out, limiters := make([]int32, 160), make([]int16, 160), make([]audio.Limiter, len(samples))
	for k := range limiters {
		limiters[k].CopyFrom(audio.NewLimiter(8000))
	}
	run("talker", func(k int) {
		DecodeULaw(pcm, codes[k][:])
		audio.Energy(pcm)
		audio.Set(sum, samples[k][:])
		audio.Add(sum, pcm)
		limiters[k].ProcessMinus(out, sum, pcm)
		EncodeULaw(payload, out)
	})
}

// BenchmarkTalker is the whole work for a talking participant and a frame of 20
// ms: decode, measure, add to the sum, take out of it, limit, encode.
func BenchmarkTalker(b *testing.B) {
	codec := PCMU()
	in, pcm := make([]byte, 160), make([]int16, 160)
	codec.Encode(in, speech())
	sum, out, payload := make([]int32, 160), make([]int16, 160), make([]byte, 160)
	l := audio.NewLimiter(8000)
	b.ReportAllocs()
	for b.Loop() {
		codec.Decode(pcm, in)
		audio.Energy(pcm)
		audio.Add(sum, pcm)
		l.ProcessMinus(out, sum, pcm)
		codec.Encode(payload, out)
		audio.Sub(sum, pcm) // keep the sum from growing; not part of a real frame
	}
}

func Example() {
	codec := PCMU()
	frame := make([]int16, audio.Narrowband().Samples())
	audio.NewTone(codec.Rate(), []float64{1000}, -12).Read(frame)

	payload := make([]byte, 160)
	n := codec.Encode(payload, frame)
	m := codec.Decode(frame, payload[:n])
	fmt.Printf("%d samples, %d bytes, %v, %.0f dBov\n", m, n, codec.Encoding(), audio.LevelDBov(frame))
	// Output: 160 samples, 160 bytes, PCMU, -15 dBov
}
