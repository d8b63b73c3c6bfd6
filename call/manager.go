package call

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/audio"
	"mediaserver/internal/apart"
	"mediaserver/internal/shorten"
	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// Dialer places calls by SIP.
type Dialer interface {
	// Dial sends an INVITE and waits for the final answer. onProgress is called
	// for each provisional one.
	Dial(ctx context.Context, r sip.InviteRequest, onProgress func(sip.Progress)) (OutboundDialog, error)
	// Route is our address of the route to a SIP address, for the offer.
	Route(ctx context.Context, address string) (netip.Addr, error)
}

// OutboundDialog is the signalling of a call we placed.
type OutboundDialog interface {
	Dialog
	RemoteBody() []byte // the SDP of the 2xx
}

// Config is what a Manager works with. Engine, Loader and OpenSockets are
// required.
type Config struct {
	Engine          *mixer.Engine
	Loader          Loader
	OpenSockets     func(SocketRequest) (Sockets, error)
	Recorder        Recorder            // nil: calls cannot be recorded
	Reservations    Keeper              // of reservations; nil: they end with the process
	Events          Sink                // told what happens; nil: nobody
	Dialer          Dialer              // nil: no call by SIP can be placed
	Outbound        Outbound            // where else calls go
	Placement       Placement           // nil: every room is here
	Capability      sdp.Capability      // zero: G.711 and telephone events
	Advertise       netip.Addr          // in our session descriptions; zero: the route to the peer
	Security        func(Info) Security // of an inbound call; nil: optional
	Transport       Transport           // how its packets go
	Jitter          rtp.JitterConfig
	RTPMetrics      *rtp.Metrics
	MediaTimeout    time.Duration // without RTP for so long a call ends; 0: never
	MaxParticipants int           // of a room; 0: unlimited
	Admission       Admission     // when calls are refused
	Logger          *slog.Logger
	Registerer      prometheus.Registerer
}

func (c Config) validate() error {
	if c.Engine == nil || c.Loader == nil || c.OpenSockets == nil {
		return errors.New("call: Config needs Engine, Loader and OpenSockets")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Placement == nil {
		c.Placement = Destinations(nil)
	}
	if len(c.Capability.Codecs) == 0 {
		c.Capability = sdp.DefaultCapability()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Events == nil {
		c.Events = noEvents{}
	}
	return c
}

// Handler runs the application of an inbound call; when it returns, the call
// is hung up.
type Handler func(ctx context.Context, c *Call)

// Manager knows every call and every room. Safe for concurrent use.
type Manager struct {
	cfg      Config
	metrics  *metrics
	beep     audio.Clip // announces an entry
	ringing  *ringing
	reserved *reservations
	watch    watch
	tasks    sync.WaitGroup // all that works for calls and rooms

	mu    sync.Mutex
	calls map[*Call]struct{}     // all but those to a room of this process
	rooms map[string]*Conference // in use
	idle  chan struct{}          // closed when calls is empty; nil: nobody waits for that
}

// NewManager makes a Manager; it starts nothing.
func NewManager(cfg Config) (*Manager, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	reserved := newReservations(cfg.Reservations)
	if err := reserved.load(time.Now()); err != nil {
		return nil, err
	}
	m := &Manager{
		reserved: reserved,
		cfg:      cfg.withDefaults(),
		beep:     audio.Beep(cfg.Engine.Format().Rate),
		ringing:  newRinging(cfg.Engine.Format().Rate),
		metrics:  newMetrics(cfg.Registerer),
		calls:    map[*Call]struct{}{},
		rooms:    map[string]*Conference{},
	}
	m.watch.run, m.watch.begun = m.tasks.Go, time.Now()
	m.registerHeadroom(cfg.Registerer)
	return m, nil
}

// rate is the sampling rate of everything that is played.
func (m *Manager) rate() int { return m.cfg.Engine.Format().Rate }

// newCallID makes an id: the second in which it is made, and 48 random bits. So the
// ids of calls that end together are near each other in an index: one that is kept on
// a disk is written in a few places, not in one for each call.
func newCallID() string {
	var b [10]byte
	binary.BigEndian.PutUint32(b[:4], uint32(time.Now().Unix()))
	rand.Read(b[4:]) //nolint:errcheck // never fails
	return "c-" + hex.EncodeToString(b[:])
}

// HandleInvite makes a call of an INVITE and runs its application; it returns
// when the call has ended. An offer without a codec of ours is refused with
// 488, a malformed one with 400.
func (m *Manager) HandleInvite(ctx context.Context, d Dialog, h Handler) {
	var c *Call
	apart.Run(func() { c = m.take(ctx, d) })
	if c == nil {
		<-d.Ended()
		return
	}
	h(ctx, c)
	c.HangUp(Completed)
}

// take makes a call of an INVITE and lets it be worked on; nil: it was refused, or
// takes the place of another call, which is over by then.
func (m *Manager) take(ctx context.Context, d Dialog) *Call {
	inv := d.Invitation()
	if inv.Replaces != nil {
		m.replace(ctx, d, inv.Replaces)
		return nil
	}
	if m.refuseBusy(d) {
		return nil
	}
	info := inboundInfo(inv)
	security, keying := m.inboundSecurity(d, info), m.inboundKeying(info)
	offer, code := m.offered(d, security, keying)
	if code != 0 {
		if err := d.Reject(code, ""); err != nil {
			m.cfg.Logger.Debug("reject", "error", err)
		}
		return nil
	}
	c := newCall(m, info, d)
	c.security, c.keying, c.offer = security, keying, offer
	local, within := d.(*localEnd)
	if within && !local.called {
		c.base.To, c.base.Target, c.base.Service = local.to, local.to, local.named
	}
	c.life.state = Inbound
	rings := within && local.taken || m.cfg.Admission.rings(c.Info())
	if rings {
		if err := d.Progress(codeRinging, "", nil); err != nil {
			c.logger().Debug("ringing", "error", err)
		}
	}
	m.begin(c)
	if rings {
		c.emit(Event{Type: CallRinging})
	}
	m.start(c, defaultMaxDuration)
	return c
}

// offered reads the offer of an INVITE, nil without one; code 0 means it can be
// answered. The log says why another cannot.
func (m *Manager) offered(d Dialog, security Security, keying Keying) (offer *sdp.Description, code int) {
	inv := d.Invitation()
	if inv.Offer == nil {
		return nil, 0
	}
	addr := m.mediaAddress(inv)
	if _, within := d.(*localEnd); within {
		addr = memoryHost()
	}
	local := sdp.Local{
		Addr: addr, Port: 2, Crypto: newCryptos(security, keying), Fingerprint: m.cfg.Transport.fingerprint(),
	}
	offer, err := sdp.Parse(inv.Offer)
	if err != nil {
		code = codeBadRequest
	} else if _, _, err = sdp.Answer(offer, m.capability(security, keying), local); err != nil {
		code = codeNotAcceptable
	}
	if err != nil {
		m.cfg.Logger.Info("call refused", "call_from", caller(inv), "call_to", party(inv.RequestURI), "sip_call_id", inv.CallID, "code", code, "error", shorten.Text(err.Error(), maxReason))
		return nil, code
	}
	return offer, 0
}

// maxReason is as much as an offer may write into the log [bytes].
const maxReason = 200

// begin takes note of a call that has a dialog, or is to get one.
func (m *Manager) begin(c *Call) {
	m.mu.Lock()
	m.calls[c] = struct{}{}
	m.mu.Unlock()
	if c.moves.counted = c.bySIP(); c.moves.counted {
		m.metrics.started(c.base.Direction)
	}
	c.emitStarted()
}

// start lets a call be worked on, and looks after it until it has ended.
func (m *Manager) start(c *Call, limit time.Duration) {
	m.watch.add(c)
	m.tasks.Go(func() {
		c.run()
		m.watch.remove(c)
	})
	c.open(limit) // last: from now on it may end, and nobody wait for what works for it
}

// ended forgets a call at its end.
func (m *Manager) ended(c *Call) {
	m.mu.Lock()
	delete(m.calls, c)
	if len(m.calls) == 0 && m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
	m.mu.Unlock()
	if c.moves.counted {
		m.metrics.ended(c.base.Direction, c.Info().Cause)
	}
}

// enter puts p into the room of that name, which comes into being with its
// first participant.
func (m *Manager) enter(name string, p *Participant) error {
	for {
		most, err := m.reserved.admits(name, time.Now())
		if err != nil {
			return err
		}
		f := m.conference(name)
		p.focus = f
		inside := m.metrics.participants.WithLabelValues(role(p))
		inside.Inc()
		err = f.enter(p, most, time.Now())
		if err != nil {
			inside.Dec()
		}
		if errors.Is(err, errConferenceGone) {
			m.forget(f)
			continue
		}
		return err
	}
}

func (m *Manager) conference(name string) *Conference {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.rooms[name]
	if f == nil {
		f = &Conference{
			name:   name,
			room:   m.cfg.Engine.NewRoom(name),
			max:    m.cfg.MaxParticipants,
			since:  time.Now(),
			run:    m.tasks.Go,
			gone:   make(chan struct{}),
			events: m.emit,
		}
		m.rooms[name] = f
		m.metrics.conferences.Inc()
	}
	return f
}

// forget takes a room that is out of use off the list; its name is free.
func (m *Manager) forget(f *Conference) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rooms[f.name] == f {
		delete(m.rooms, f.name)
		m.metrics.conferences.Dec()
	}
}

// leave takes p out of its room and hangs up those whom it takes along.
func (p *Participant) leave() {
	m := p.call.manager
	others := p.focus.exit(p, time.Now())
	if p.focus.isGone() {
		m.forget(p.focus)
	}
	m.metrics.participants.WithLabelValues(role(p)).Dec()
	for _, c := range others {
		c.requestEnd(HungUp)
	}
	p.focus.left()
}

// Active is the number of calls, but for those to a room of this process.
func (m *Manager) Active() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

// Idle is closed as soon as there is no call, as Active counts them.
func (m *Manager) Idle() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.idle == nil {
		m.idle = make(chan struct{})
	}
	idle := m.idle
	if len(m.calls) == 0 {
		close(idle)
		m.idle = nil
	}
	return idle
}

// HangUpAll ends every call with a cause and returns when all have ended.
func (m *Manager) HangUpAll(cause Cause) {
	m.mu.Lock()
	calls := make([]*Call, 0, len(m.calls))
	for c := range m.calls {
		if c.primary == nil { // a secondary call ends with its primary
			calls = append(calls, c)
		}
	}
	m.mu.Unlock()
	for _, c := range calls {
		c.requestEnd(cause)
	}
	for _, c := range calls {
		<-c.done
	}
}

// Wait returns when every call and all that works for it has ended.
func (m *Manager) Wait() { m.tasks.Wait() }
