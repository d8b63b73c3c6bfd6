package phone

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/rtp"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// Config of a Phone. The zero value is a silent phone on a free UDP port of
// the loopback interface.
type Config struct {
	User   string                      // user part of its address; "" = DefaultUser
	Listen []string                    // as sip.Config.Listen; nil = DefaultListen
	Can    sdp.Capability              // without codecs: those of sdp.DefaultCapability
	Ports  *rtp.Ports                  // where RTP ports come from; nil = a range of its own, see DefaultPorts
	Source func(rate int) audio.Source // what a call sends from the start; nil = silence
	Keep   time.Duration               // of what each call hears; 0 = DefaultKeep
	Jitter rtp.JitterConfig
	Dial   DialOptions
	Logger *slog.Logger // nil = discarded
}

// DialOptions are what every call out says beside its target.
type DialOptions struct {
	DisplayName string
	Proxy       string // as sip.InviteRequest.Proxy
	Username    string // digest credentials
	Password    string
	LateOffer   bool // leave the offer to the far end
}

// Defaults of Config.
const (
	DefaultUser   = "robot"
	DefaultListen = "udp://127.0.0.1:0"
)

// DefaultPorts is the range of RTP ports of a phone that is given none: outside
// that of the server.
func DefaultPorts() rtp.PortsConfig { return rtp.PortsConfig{Min: 40000, Max: 59999} }

// maxWaiting is how many incoming calls wait for Answer; more are refused.
const maxWaiting = 16

// Phone is a telephone with any number of calls.
type Phone struct {
	cfg      Config
	ua       *sip.UA
	ports    *rtp.Ports
	incoming chan *sip.Dialog
	over     chan struct{}  // closed by Close
	wg       sync.WaitGroup // the user agent and a loop for each call

	closeOnce sync.Once
	closeErr  error
}

// New makes a phone. It opens nothing and starts nothing.
func New(cfg Config) (*Phone, error) {
	if cfg.User == "" {
		cfg.User = DefaultUser
	}
	if cfg.Listen == nil {
		cfg.Listen = []string{DefaultListen}
	}
	if cfg.Can.Codecs == nil {
		security := cfg.Can.Security
		cfg.Can = sdp.DefaultCapability()
		cfg.Can.Security = security
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ports := cfg.Ports
	if ports == nil {
		var err error
		if ports, err = rtp.NewPorts(DefaultPorts()); err != nil {
			return nil, fmt.Errorf("phone: %w", err)
		}
	}
	ua, err := sip.New(sip.Config{Listen: cfg.Listen, Username: cfg.User, UserAgent: "mediaserver-phone", Logger: cfg.Logger, SourceRate: -1})
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	return &Phone{cfg: cfg, ua: ua, ports: ports, incoming: make(chan *sip.Dialog, maxWaiting), over: make(chan struct{})}, nil
}

// Open opens the phone's SIP listeners and begins to serve them, until Close.
// Call it once. The error is a *sip.ListenError.
func (p *Phone) Open() error {
	if err := p.ua.Listen(); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	p.wg.Go(func() {
		if err := p.ua.Serve(context.Background(), p.ring); err != nil {
			p.cfg.Logger.Error("phone: serve", "error", err)
		}
	})
	return nil
}

// Close hangs up all calls, closes the listeners and waits for everything
// that runs.
func (p *Phone) Close() error {
	p.closeOnce.Do(func() {
		close(p.over)
		p.closeErr = p.ua.Close()
		p.wg.Wait()
	})
	return p.closeErr
}

// URI is how the phone is reached at its first listener.
func (p *Phone) URI() string {
	addrs := p.ua.Addrs()
	if len(addrs) == 0 {
		return ""
	}
	uri := fmt.Sprintf("sip:%s@%s", p.cfg.User, addrs[0])
	if addrs[0].Network() == "tcp" {
		uri += ";transport=tcp"
	}
	return uri
}

// ring serves one incoming call: it waits for Answer or Refuse, and then for
// the end of the call.
func (p *Phone) ring(ctx context.Context, d *sip.Dialog) {
	select {
	case p.incoming <- d:
	default:
		p.log(d.Reject(sip486, ""), "refuse a call too many")
		return
	}
	p.log(d.Progress(180, "", nil), "ring")
	select {
	case <-d.Ended():
	case <-ctx.Done():
	}
}

// log notes an error that has nobody else to go to.
func (p *Phone) log(err error, what string) {
	if err != nil {
		p.cfg.Logger.Warn("phone: "+what, "error", err)
	}
}

// next waits for an incoming call that is still there.
func (p *Phone) next(ctx context.Context) (*sip.Dialog, error) {
	for {
		select {
		case d := <-p.incoming:
			select {
			case <-d.Ended():
			default:
				return d, nil
			}
		case <-p.over:
			return nil, ErrEnded
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
