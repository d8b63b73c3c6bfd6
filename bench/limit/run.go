package limit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"mediaserver/bench/baseline"
	"mediaserver/bench/generator"
	"mediaserver/bench/machine"
	"mediaserver/bench/measure"
	"mediaserver/bench/process"
	"mediaserver/bench/tone"
	"mediaserver/rtp/srtp"
)

const (
	settle    = 500 * time.Millisecond
	perSecond = 50   // packets of a participant, each way
	micro     = 1e-3 // of ns
)

// Options of a baseline run.
type Options struct {
	Kind         baseline.Kind
	Participants int
	RoomSize     int           // of baseline.Naive and the unmixed; 0 = all in one room
	Talkers      int           // participants of each room that talk; the others send silence
	Ports        int           // of the shared
	Workers      int           // of all but baseline.Naive
	SRTP         srtp.Suite    // of the unmixed
	Threads      int           // of the generator
	ByMail       bool          // see generator.Config
	Settle       time.Duration // before the measurement; 0 = half a second
	Duration     time.Duration // of the measurement
}

// Cost is what a baseline used.
type Cost struct {
	Kind         string  `json:"kind"`
	Participants int     `json:"participants"`
	Seconds      float64 `json:"seconds"`
	CPU          float64 `json:"cpu_us_per_participant_second"`
	PerPacket    float64 `json:"cold_ns_per_packet"`
	PerCore      float64 `json:"participants_per_core"`
	Sent         float64 `json:"sent_of_expected"`
	Received     float64 `json:"received_of_expected"`

	Lateness      measure.Spread `json:"packet_lateness"`
	GeneratorCPU  float64        `json:"generator_cpu_percent"`
	Priority      string         `json:"generator_priority"`
	Sends         string         `json:"generator_sends"` // how packets went to the server: "injected", "sendmmsg"
	GeneratorLate measure.Spread `json:"generator_slot_lateness"`
	Others        float64        `json:"other_cpu_percent"`
	Quiet         bool           `json:"quiet"`
}

// Run measures a baseline.
func Run(ctx context.Context, p process.Program, o Options) (c Cost, err error) {
	g, err := generator.New(generator.Config{Threads: o.Threads, Capacity: o.Participants, Amplitude: tone.Amplitude(o.Talkers), ByMail: o.ByMail})
	if err != nil {
		return c, err
	}
	run, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { g.Run(run) })
	defer tasks.Wait()
	defer cancel()
	child, err := o.begin(ctx, p, g)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, child.Stop()) }()
	if err := sleep(ctx, cmp.Or(o.Settle, settle)); err != nil {
		return c, err
	}
	debug.FreeOSMemory() // so that no garbage is collected during the measurement
	begin, err := machine.Read(child.PID())
	if err != nil {
		return c, err
	}
	g.Begin()
	if err := sleep(ctx, o.Duration); err != nil {
		return c, err
	}
	w := g.End()
	end, err := machine.Read(child.PID())
	if err != nil {
		return c, err
	}
	return o.cost(w, end.Since(begin)), nil
}

// begin starts the baseline and its participants.
func (o Options) begin(ctx context.Context, p process.Program, g *generator.Generator) (*process.Child, error) {
	ends, sessions := make([]baseline.FarEnd, o.Participants), make([]*srtp.Session, o.Participants)
	for i := range ends {
		ends[i].Remote = g.Address(i)
		if o.SRTP == srtp.NoSuite || !o.Kind.Unmixed() {
			continue
		}
		var err error
		if sessions[i], err = ends[i].Protect(o.SRTP); err != nil {
			return nil, err
		}
	}
	var ready baseline.Ready
	child, err := p.StartBaseline(ctx, ends, &ready, "bench", "baseline", "--kind", string(o.Kind), "--participants", strconv.Itoa(o.Participants),
		"--room-size", strconv.Itoa(o.RoomSize), "--ports", strconv.Itoa(o.Ports), "--workers", strconv.Itoa(o.Workers))
	if err != nil {
		return nil, err
	}
	for i := range ends {
		far := o.participant(i, ready.Ports)
		far.SRTP = sessions[i]
		g.Add(i, far)
	}
	return child, nil
}

// participant is what number i sends, and where.
func (o Options) participant(i int, ports []int) generator.Participant {
	p := generator.Participant{
		To: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(ports[i%len(ports)])),
	}
	inRoom := i
	if o.RoomSize > 0 {
		inRoom = i % o.RoomSize
	}
	if inRoom < o.Talkers {
		p.Role, p.Bin = generator.Talker, tone.Bin(inRoom)
	}
	return p
}

func (o Options) cost(w *generator.Window, u machine.Usage) Cost {
	seconds := u.Span.Seconds()
	expected := w.Span.Seconds() * float64(o.Participants) * perSecond
	perSecondOf := float64(u.Server) * micro / (seconds * float64(o.Participants))
	return Cost{
		Kind: string(o.Kind), Participants: o.Participants, Seconds: seconds,
		CPU: perSecondOf, PerPacket: float64(u.Server) / max(1, float64(w.Sent+w.Received)),
		PerCore: 1e6 / perSecondOf, Sent: float64(w.Sent) / expected, Received: float64(w.Received) / expected,
		Lateness: w.Lateness.Spread(), GeneratorCPU: 100 * u.Own.Seconds() / seconds,
		Priority: w.Priority.String(), Sends: w.Sends(), GeneratorLate: w.SlotLateness.Spread(),
		Others: u.Others, Quiet: u.Others < machine.Quiet,
	}
}

// sleep waits, or fails with the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("bench: stopped: %w", context.Cause(ctx))
	case <-time.After(d):
		return nil
	}
}
