package calls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mediaserver/bench/generator"
	"mediaserver/bench/machine"
	"mediaserver/bench/measure"
	"mediaserver/bench/media"
	"mediaserver/bench/process"
	"mediaserver/bench/tone"
)

// Options of a run.
type Options struct {
	Rate        int           `json:"rate"`  // calls per second
	Duration    time.Duration `json:"-"`     // for which calls are placed
	Hold        time.Duration `json:"-"`     // from the INVITE to the BYE
	Alone       time.Duration `json:"-"`     // for which the cost of the media by themselves is measured; 0 = DefaultAlone
	Pages       string        `json:"pages"` // "none": conference.direct_dial; "local": a web application of this process
	IO          string        `json:"io"`
	SharedPorts int           `json:"shared_ports,omitempty"`
}

// Result is what was measured.
type Result struct {
	Options        Options        `json:"options"`
	Seconds        float64        `json:"seconds"`      // first INVITE to last BYE
	HoldSeconds    float64        `json:"hold_seconds"` //
	Calls          int            `json:"calls"`
	AtOnce         int            `json:"calls_at_once"`
	Failed         int            `json:"failed"`
	Causes         map[string]int `json:"failures,omitempty"`
	Dropped        int            `json:"hung_up_by_server"`
	Unheard        uint64         `json:"calls_without_rtp"`
	RepeatedOK     int            `json:"answers_repeated"` // 200 sent again: its ACK was late or lost
	RepeatedINVITE int            `json:"invites_repeated"`
	RepeatedBYE    int            `json:"byes_repeated"`
	SetUp          measure.Spread `json:"set_up"`
	CPU            Cost           `json:"cpu"`
	Others         float64        `json:"other_cpu_percent"`
	Quiet          bool           `json:"quiet"`
	Pass           bool           `json:"pass"`
	Why            []string       `json:"why_not,omitempty"`
}

// Cost is the CPU time of the server.
type Cost struct {
	Signalling   float64 `json:"signalling_ms_per_call"`              // Total without Media
	OutsideSlots float64 `json:"outside_slots_ms_per_call,omitempty"` // Total without what media slots used in the run; 0 = not known
	Total        float64 `json:"total_ms_per_call"`
	Media        float64 `json:"media_ms_per_call"`
	PerMedia     float64 `json:"media_us_per_participant_second"` // measured before the run
	ServerCores  float64 `json:"server_cores"`
	GeneratorCPU float64 `json:"generator_cpu_percent"`
}

// DefaultAlone is Options.Alone when nothing is said. It passes as well before
// that measurement, and after it.
const DefaultAlone = 3 * time.Second

// Check tells what is wrong with options.
func (o Options) Check() error {
	switch {
	case o.Rate < 1 || o.Duration <= 0 || o.Hold <= 0:
		return errors.New("bench: rate, seconds and hold must be at least 1")
	case o.Pages != "none" && o.Pages != "local":
		return fmt.Errorf("bench: pages %q is not one of none, local", o.Pages)
	}
	return nil
}

// Ports of the server's RTP.
const (
	portMin = 20000
	portMax = 59999
)

// Run makes one run.
func Run(ctx context.Context, p process.Program, o Options) (r Result, err error) {
	if err := o.Check(); err != nil {
		return r, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	config := process.ServerConfig{SharedPorts: o.SharedPorts, PortMin: portMin, PortMax: portMax, DirectDial: o.Pages == "none"}
	if o.IO != "sockets" {
		config.IO = o.IO
	}
	if o.Pages == "local" {
		app, err := media.StartApplication(ctx, room)
		if err != nil {
			return r, err
		}
		defer app.Close() //nolint:errcheck // nothing is lost
		config.Application = app.URL()
	}
	srv, err := p.StartServer(context.WithoutCancel(ctx), config)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	const slack = 2 // times the calls that are up at once if all goes well
	capacity := (slack*o.Rate*int(o.Hold.Seconds()+1) + roomSize - 1) / roomSize * roomSize
	gen, err := generator.New(generator.Config{Capacity: capacity, Amplitude: tone.Amplitude(talkers)})
	if err != nil {
		return r, err
	}
	tasks.Go(func() { gen.Run(ctx) })
	c, err := newCaller(srv.SIP, gen, capacity, o.uri(srv.SIP))
	if err != nil {
		return r, err
	}
	defer c.socket.close() //nolint:errcheck // nothing is lost
	return o.measure(ctx, srv, c)
}

// room is where a call goes.
func room(number int) string { return fmt.Sprintf("room-%d", number/roomSize) }

// uri is what a call calls.
func (o Options) uri(server string) func(int) string {
	if o.Pages == "none" {
		return func(number int) string { return "sip:conf-" + room(number) + "@" + server }
	}
	return func(int) string { return "sip:load@" + server }
}

// measure finds the cost of the media, then places the calls.
func (o Options) measure(ctx context.Context, srv *process.Server, c *caller) (r Result, err error) {
	perSecond, err := o.mediaCost(ctx, srv, c)
	if err != nil {
		return r, err
	}
	c.reset()
	c.gen.Begin()
	before, err := srv.Metrics(ctx)
	if err != nil {
		return r, err
	}
	a, err := machine.Read(srv.PID())
	if err != nil {
		return r, err
	}
	if err := c.place(ctx, o.Rate*int(o.Duration.Seconds()), o.Rate, o.Hold); err != nil {
		return r, err
	}
	if err := c.finish(ctx, false, o.Rate); err != nil {
		return r, err
	}
	b, err := machine.Read(srv.PID())
	if err != nil {
		return r, err
	}
	after, err := srv.Metrics(ctx)
	if err != nil {
		return r, err
	}
	slots := time.Duration(after.Grown(before, "mediaserver_slot_cpu_seconds_total") * float64(time.Second))
	r = o.result(&c.tally, c.gen.End(), b.Since(a), perSecond, slots)
	r.judge()
	return r, nil
}

// mediaCost places as many calls as will be up at once and leaves them alone
// for a while: CPU time per call and second.
func (o Options) mediaCost(ctx context.Context, srv *process.Server, c *caller) (perSecond time.Duration, err error) {
	if o.Alone == 0 {
		o.Alone = DefaultAlone
	}
	count := o.Rate * int(max(1, o.Hold.Seconds()))
	if err := c.place(ctx, count, o.Rate, 0); err != nil {
		return 0, err
	}
	if c.up == 0 {
		return 0, fmt.Errorf("bench: no call was answered: %v", c.tally.causes)
	}
	if err := c.idle(ctx, o.Alone); err != nil {
		return 0, err
	}
	a, err := machine.Read(srv.PID())
	if err != nil {
		return 0, err
	}
	if err := c.idle(ctx, o.Alone); err != nil {
		return 0, err
	}
	b, err := machine.Read(srv.PID())
	if err != nil {
		return 0, err
	}
	u := b.Since(a)
	perSecond = time.Duration(float64(u.Server) / u.Span.Seconds() / float64(c.up))
	if err := c.finish(ctx, true, o.Rate); err != nil {
		return 0, err
	}
	return perSecond, c.idle(ctx, o.Alone)
}

// result is that of a run in which media slots used some of the server's time.
func (o Options) result(t *tally, w *generator.Window, u machine.Usage, perSecond, slots time.Duration) Result {
	calls := max(1, t.placed)
	total := u.Server.Seconds() * 1000 / float64(calls)
	outside := (u.Server - slots).Seconds() * 1000 / float64(calls)
	ofMedia := perSecond.Seconds() * t.upTime.Seconds() * 1000 / float64(calls)
	slices.Sort(t.setUp)
	at := func(q float64) float64 { return measure.Milliseconds(measure.Percentile(t.setUp, q)) }
	return Result{
		Options: o, Seconds: u.Span.Seconds(), HoldSeconds: o.Hold.Seconds(), Calls: t.placed, AtOnce: t.most, Failed: t.failed, Causes: t.causes,
		Dropped: t.dropped, Unheard: w.Unheard, RepeatedOK: t.repeatedOK, RepeatedINVITE: t.repeatedINVITE, RepeatedBYE: t.repeatedBYE,
		SetUp: measure.Spread{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)},
		CPU: Cost{
			Signalling: total - ofMedia, OutsideSlots: outside, Total: total, Media: ofMedia, PerMedia: float64(perSecond.Nanoseconds()) / 1000,
			ServerCores: u.Server.Seconds() / u.Span.Seconds(), GeneratorCPU: 100 * u.Own.Seconds() / u.Span.Seconds(),
		},
		Others: u.Others, Quiet: u.Others < machine.Quiet,
	}
}

// setUpMax is the p99 of the set-up time of a run that passes [ms].
const setUpMax = 100.0

// judge applies the rule: no failure, no ACK lost, RTP in each call, set-up
// p99 below 100 ms.
func (r *Result) judge() {
	broken := func(is bool, format string, args ...any) {
		if is {
			r.Why = append(r.Why, fmt.Sprintf(format, args...))
		}
	}
	broken(r.Failed > 0, "%d calls failed %v", r.Failed, r.Causes)
	broken(r.RepeatedOK > 0, "%d answers were repeated", r.RepeatedOK)
	broken(r.Unheard > 0, "%d calls got no RTP", r.Unheard)
	broken(r.SetUp.P99 >= setUpMax, "set-up p99 %.0f ms", r.SetUp.P99)
	r.Pass = len(r.Why) == 0
}
