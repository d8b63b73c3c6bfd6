package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// load says what to run.
type load struct {
	binary       string
	rooms        int
	participants int // of each room
	talkers      int // of each room; the others send silence
	seconds      int
	rate         int // calls per second
	sockets      int
	json         bool
}

func main() {
	var l load
	flag.StringVar(&l.binary, "server", "bin/mediaserver", "the server's binary")
	flag.IntVar(&l.rooms, "rooms", 125, "rooms")
	flag.IntVar(&l.participants, "participants", 4, "participants of each room")
	flag.IntVar(&l.talkers, "talkers", 3, "participants of each room that talk; the others send silence")
	flag.IntVar(&l.seconds, "seconds", 10, "length of the measurement [s]")
	flag.IntVar(&l.rate, "rate", 100, "calls placed per second")
	flag.IntVar(&l.sockets, "sockets", 16, "media sockets of the generator")
	flag.BoolVar(&l.json, "json", false, "print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, l); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// result is what was measured.
type result struct {
	Rooms                int     `json:"rooms"`
	Participants         int     `json:"participants"`
	Talkers              int     `json:"talkers"`
	Seconds              float64 `json:"seconds"`
	CPUMsPerParticipantS float64 `json:"cpu_ms_per_participant_second"`
	ParticipantsPerCore  float64 `json:"participants_per_core"`
	LatenessP50Ms        float64 `json:"slot_lateness_p50_ms"`
	LatenessP99Ms        float64 `json:"slot_lateness_p99_ms"`
	SentPerExpected      float64 `json:"generator_sent_per_expected"`
	ReceivedPerExpected  float64 `json:"generator_received_per_expected"`
	ConcealedPerFrame    float64 `json:"concealed_per_frame"`
	FramesSkipped        float64 `json:"frames_skipped"`
	GeneratorLateSlots   int64   `json:"generator_late_slots"`
	FailedCalls          int     `json:"failed_calls"`
	SetUpSeconds         float64 `json:"set_up_seconds"`
}

func run(ctx context.Context, l load) error {
	dir, err := os.MkdirTemp("", "mediaserver-load-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	app, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for pages: %w", err)
	}
	pages := &http.Server{Handler: http.HandlerFunc(l.firstPage), ReadHeaderTimeout: startTimeout}
	var tasks sync.WaitGroup
	tasks.Go(func() { pages.Serve(app) }) //nolint:errcheck // ends with Close
	defer tasks.Wait()
	defer pages.Close() //nolint:errcheck // ends the task
	srv, err := startServer(ctx, l.binary, dir, app.Addr().String())
	if err != nil {
		return err
	}
	res, err := l.measure(ctx, srv)
	if err := errors.Join(err, srv.stop()); err != nil {
		return err
	}
	return res.print(l.json)
}

// firstPage puts the caller, whose number is its index, into its room.
func (l load) firstPage(w http.ResponseWriter, r *http.Request) {
	var info struct {
		ThisCall struct {
			From string `json:"call_from"`
		} `json:"this_call"`
	}
	if err := json.NewDecoder(r.Body).Decode(&info); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n, err := strconv.Atoi(info.ThisCall.From)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, `{"actions":[{"connect_to_conference":{"name":"room-%d","conference_participant":{"beep_on_entry":false}}}]}`,
		n/l.participants)
}

func (l load) measure(ctx context.Context, srv *server) (result, error) {
	const toneLevel = -15
	tone := make([]byte, 8000)
	pcm := make([]int16, len(tone))
	audio.NewTone(len(pcm), []float64{440}, toneLevel).Read(pcm)
	g711.EncodeULaw(tone, pcm)
	m, err := newMedia(l.sockets, tone)
	if err != nil {
		return result{}, err
	}
	ua, err := sip.New(sip.Config{Listen: []string{"udp://127.0.0.1:0"}})
	if err != nil {
		return result{}, err
	}
	if err := ua.Listen(); err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	tasks.Go(func() { ua.Serve(ctx, func(context.Context, *sip.Dialog) {}) }) //nolint:errcheck // ends with ctx
	tasks.Go(func() { m.run(ctx) })
	begin := time.Now()
	calls, failed := l.place(ctx, ua, srv, m)
	setUp := time.Since(begin)
	defer l.hangUp(calls)
	return l.observe(ctx, srv, m, len(calls), failed, setUp)
}

// place dials every participant at the wanted rate.
func (l load) place(ctx context.Context, ua *sip.UA, srv *server, m *media) (calls []*sip.Dialog, failed int) {
	var mu sync.Mutex
	var tasks sync.WaitGroup
	pace := time.NewTicker(time.Second / time.Duration(l.rate))
	defer pace.Stop()
	for n := range l.rooms * l.participants {
		<-pace.C
		tasks.Go(func() {
			d, to, err := l.dial(ctx, ua, srv, m.port(n), n)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				fmt.Fprintln(os.Stderr, "load: call", n, ":", err)
				failed++
				return
			}
			calls = append(calls, d)
			m.add(n, to, n%l.participants < l.talkers)
		})
	}
	tasks.Wait()
	return calls, failed
}

func (l load) dial(ctx context.Context, ua *sip.UA, srv *server, port, n int) (*sip.Dialog, netip.AddrPort, error) {
	const answerTimeout = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	capability := sdp.Capability{Codecs: []sdp.CodecSpec{sdp.PCMU}, Events: true}
	offer := sdp.Offer(capability, sdp.Local{Addr: netip.MustParseAddr("127.0.0.1"), Port: port, SessionID: uint64(n + 1)})
	d, err := ua.Invite(ctx, sip.InviteRequest{To: "sip:load@" + srv.sip, From: strconv.Itoa(n), SDP: offer}, nil)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	answer, err := sdp.Parse(d.RemoteBody())
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	agreed, err := sdp.Accept(offer, answer, capability)
	return d, agreed.Remote, err
}

func (l load) hangUp(calls []*sip.Dialog) {
	const byeTimeout = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), byeTimeout)
	defer cancel()
	var tasks sync.WaitGroup
	for _, d := range calls {
		tasks.Go(func() { d.Bye(ctx) }) //nolint:errcheck // the server ends next
	}
	tasks.Wait()
}

// reading is everything counted at one instant.
type reading struct {
	at             time.Time
	cpu            time.Duration
	sent, received int64
	metrics        map[string]float64
}

func (l load) read(ctx context.Context, srv *server, m *media) (reading, error) {
	values, err := srv.metrics(ctx)
	if err != nil {
		return reading{}, err
	}
	cpu, err := srv.cpu()
	return reading{time.Now(), cpu, m.sent.Load(), m.received.Load(), values}, err
}

func (l load) observe(ctx context.Context, srv *server, m *media, calls, failed int, setUp time.Duration) (result, error) {
	const settle = 2 * time.Second
	time.Sleep(settle)
	a, err := l.read(ctx, srv, m)
	if err != nil {
		return result{}, err
	}
	time.Sleep(time.Duration(l.seconds) * time.Second)
	b, err := l.read(ctx, srv, m)
	if err != nil {
		return result{}, err
	}
	span := b.at.Sub(a.at).Seconds()
	expected := span * float64(calls) * float64(time.Second/frameTime)
	perParticipant := (b.cpu - a.cpu).Seconds() * 1000 / (span * float64(calls))
	return result{
		Rooms: l.rooms, Participants: calls, Talkers: l.rooms * l.talkers, Seconds: span,
		CPUMsPerParticipantS: perParticipant, ParticipantsPerCore: math.Round(1000 / perParticipant),
		LatenessP50Ms: quantile(a.metrics, b.metrics, 0.5) * 1000, LatenessP99Ms: quantile(a.metrics, b.metrics, 0.99) * 1000,
		SentPerExpected:     float64(b.sent-a.sent) / expected,
		ReceivedPerExpected: float64(b.received-a.received) / expected,
		ConcealedPerFrame:   grown(a, b, "mediaserver_frames_concealed_total") / expected,
		FramesSkipped:       grown(a, b, "mediaserver_frames_skipped_total"),
		GeneratorLateSlots:  m.late.Load(), FailedCalls: failed, SetUpSeconds: setUp.Seconds(),
	}, nil
}

// grown is how much all series of a counter grew between two readings.
func grown(a, b reading, name string) float64 {
	sum := 0.0
	for series, v := range b.metrics {
		if strings.HasPrefix(series, name) {
			sum += v - a.metrics[series]
		}
	}
	return sum
}

func (r result) print(asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	fmt.Printf("%d participants in %d rooms, %d talking, %.1f s (set-up %.1f s, %d failed)\n",
		r.Participants, r.Rooms, r.Talkers, r.Seconds, r.SetUpSeconds, r.FailedCalls)
	fmt.Printf("  server CPU        %.3f ms per participant-second = %.0f participants per core\n",
		r.CPUMsPerParticipantS, r.ParticipantsPerCore)
	fmt.Printf("  slot lateness     p50 ≤ %.2f ms, p99 ≤ %.2f ms; %.0f frames skipped\n", r.LatenessP50Ms, r.LatenessP99Ms, r.FramesSkipped)
	fmt.Printf("  generator         sent %.2f %%, received %.2f %% of what was due; %d late slots\n",
		100*r.SentPerExpected, 100*r.ReceivedPerExpected, r.GeneratorLateSlots)
	fmt.Printf("  concealed         %.3f %% of the frames\n", 100*r.ConcealedPerFrame)
	return nil
}
