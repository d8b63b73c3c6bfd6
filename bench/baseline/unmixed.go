package baseline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/rtp/srtp"
)

// FarEnd is where a participant sends from, and how it is protected.
type FarEnd struct {
	Remote  netip.AddrPort `json:"remote"`
	Suite   string         `json:"suite,omitempty"`   // of SRTP; "" = in the clear
	Send    []byte         `json:"send,omitempty"`    // the key for what the server sends
	Receive []byte         `json:"receive,omitempty"` // the key for what it gets
}

// Protect makes new keys of a suite, and what protects the far end's packets.
func (f *FarEnd) Protect(suite srtp.Suite) (*srtp.Session, error) {
	in, out := srtp.NewKey(suite), srtp.NewKey(suite)
	f.Suite, f.Send, f.Receive = suite.String(), out.Bytes(), in.Bytes()
	return srtp.New(srtp.Keys{Suite: suite, Send: in, Receive: out})
}

// keys are those of SRTP; zero for none.
func (f *FarEnd) keys() srtp.Keys {
	suite, ok := srtp.ParseSuite(f.Suite)
	if !ok {
		return srtp.Keys{}
	}
	return srtp.Keys{Suite: suite, Send: srtp.KeyFrom(f.Send), Receive: srtp.KeyFrom(f.Receive)}
}

// The ports of an unmixed server, unless Config says otherwise: those of a media
// server that is measured.
const (
	firstPort = 20000
	lastPort  = 59999
)

// unmixed is the media server without mixing.
type unmixed struct {
	engine  *mixer.Engine
	own     *rtp.Ports  // nil: ports are shared
	shared  *rtp.Shared // nil: they are not
	mirrors []*mirror
}

// openUnmixed reads the far ends from stdin and opens what it takes to serve
// them, in rooms as the media server has them.
func openUnmixed(c *Config, stdin io.Reader) (serve func(context.Context), ports []int, err error) {
	var ends []FarEnd
	if err := json.NewDecoder(stdin).Decode(&ends); err != nil {
		return nil, nil, fmt.Errorf("bench: read the far ends: %w", err)
	}
	u, err := newUnmixed(c)
	if err != nil {
		return nil, nil, err
	}
	var room *mixer.Room
	for i := range ends {
		if room == nil || c.RoomSize > 0 && i%c.RoomSize == 0 {
			room = u.engine.NewRoom("")
		}
		m, port, err := u.open(&ends[i])
		if err != nil {
			return nil, nil, fmt.Errorf("bench: open port %d of %d: %w", i+1, len(ends), err) // the process ends
		}
		room.Add(mixer.MemberOptions{Port: m, Talk: true, Hear: true})
		u.mirrors, ports = append(u.mirrors, m), append(ports, port)
	}
	return u.serve, ports, nil
}

// newUnmixed makes an engine as the media server has it.
func newUnmixed(c *Config) (u *unmixed, err error) {
	u = &unmixed{}
	first := cmp.Or(c.FirstPort, firstPort)
	cfg := mixer.Config{Workers: c.Workers}
	if c.Kind == UnmixedShared {
		u.shared, err = rtp.NewShared(rtp.SharedConfig{First: first, Ports: c.Ports, Workers: c.Workers})
		cfg.Transport = u.shared
	} else {
		u.own, err = rtp.NewPorts(rtp.PortsConfig{Min: first, Max: lastPort})
	}
	if err != nil {
		return nil, err
	}
	u.engine, err = mixer.New(cfg)
	return u, err
}

// pair is what an endpoint sends and receives by.
type pair interface {
	RTP() rtp.IO
	RTCP() rtp.IO
	Port() int
}

// open makes the endpoint of a participant.
func (u *unmixed) open(f *FarEnd) (m *mirror, port int, err error) {
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	var s pair
	if u.shared != nil {
		s, err = u.shared.Open(local, rtp.Peer{Remote: f.Remote, Signalling: f.Remote.Addr()})
	} else {
		s, err = u.own.Open(local)
	}
	if err != nil {
		return nil, 0, err
	}
	m = &mirror{}
	m.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: s.RTP(), RTCP: s.RTCP(), Params: rtp.Params{
		Remote: f.Remote, Codec: &m.taken, Send: true, Receive: true, SRTP: f.keys(),
	}})
	return m, s.Port(), err
}

// serve serves until ctx ends.
func (u *unmixed) serve(ctx context.Context) {
	u.engine.Run(ctx) //nolint:errcheck // it says why ctx ended
	for _, m := range u.mirrors {
		m.endpoint.Close() //nolint:errcheck // the process ends
	}
	if u.shared != nil {
		u.shared.Close() //nolint:errcheck // the process ends
	}
}
