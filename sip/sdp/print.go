package sdp

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// refuseAll gives every stream port 0. One format has to stay, RFC 3264 §6.
func refuseAll(streams []stream) []*pion.MediaDescription {
	all := make([]*pion.MediaDescription, len(streams))
	for i, s := range streams {
		format := "0"
		if len(s.formats) > 0 {
			format = s.formats[0]
		}
		all[i] = &pion.MediaDescription{MediaName: pion.MediaName{
			Media: s.media, Protos: strings.Split(s.proto, "/"), Formats: []string{format},
		}}
	}
	return all
}

// audio is our side of the audio stream.
func (l Local) audio(proto string, t settled, dir direction) *pion.MediaDescription {
	m := &pion.MediaDescription{MediaName: pion.MediaName{
		Media: "audio", Port: pion.RangedPort{Value: l.Port}, Protos: strings.Split(proto, "/"),
	}}
	add := func(pt uint8, rtpmap string) {
		m.MediaName.Formats = append(m.MediaName.Formats, strconv.Itoa(int(pt)))
		m.Attributes = append(m.Attributes, pion.NewAttribute("rtpmap", strconv.Itoa(int(pt))+" "+rtpmap))
	}
	for _, pc := range t.codecs {
		add(pc.PayloadType, pc.Codec.rtpmap())
	}
	if t.event {
		add(t.eventPT, CodecSpec{Name: eventName, ClockRate: t.codecs[0].Codec.ClockRate}.rtpmap())
		m.Attributes = append(m.Attributes, pion.NewAttribute("fmtp", strconv.Itoa(int(t.eventPT))+" 0-15")) // RFC 4733 §3.2: DTMF
	}
	for _, c := range t.cryptos {
		m.Attributes = append(m.Attributes, c.print())
	}
	m.Attributes = append(m.Attributes, l.transport(t)...)
	m.Attributes = append(m.Attributes,
		pion.NewAttribute("ptime", strconv.Itoa(t.ptime)),
		pion.NewAttribute("maxptime", strconv.Itoa(MaxPtime)),
		pion.NewPropertyAttribute(dir.String()))
	return m
}

// transport are the attributes of how packets go: DTLS, ICE, RTCP.
func (l Local) transport(t settled) (attrs []pion.Attribute) {
	if t.mid != "" {
		attrs = append(attrs, pion.NewAttribute("mid", t.mid))
	}
	if t.dtls.Used() {
		attrs = append(attrs, t.dtls.print(l)...)
	}
	switch {
	case t.ice != (ICE{}):
		attrs = append(attrs, l.printICE(t.mux)...)
	case t.mismatch:
		attrs = append(attrs, pion.NewPropertyAttribute("ice-mismatch"))
	}
	if t.mux {
		attrs = append(attrs, pion.NewPropertyAttribute("rtcp-mux"))
	}
	return attrs
}

// print makes the whole description. Its version is that of Previous when
// nothing differs, else one more; see Local.
func (l Local) print(timing pion.Timing, streams []*pion.MediaDescription, ice ICE) []byte {
	version := l.Version
	if previous, ok := versionOf(l.Previous); ok {
		if same := l.printVersion(previous, timing, streams, ice); bytes.Equal(same, l.Previous) {
			return same
		}
		version = previous + 1
	}
	return l.printVersion(version, timing, streams, ice)
}

// printVersion makes the whole description with a given version.
func (l Local) printVersion(version uint64, timing pion.Timing, streams []*pion.MediaDescription, ice ICE) []byte {
	addr := l.Addr.Unmap().WithZone("")
	family := "IP4"
	if !addr.IsValid() {
		addr = netip.IPv4Unspecified()
	}
	if addr.Is6() {
		family = "IP6"
	}
	d := pion.SessionDescription{
		Origin: pion.Origin{
			Username: "-", SessionID: l.SessionID, SessionVersion: version,
			NetworkType: "IN", AddressType: family, UnicastAddress: addr.String(),
		},
		SessionName: "-",
		ConnectionInformation: &pion.ConnectionInformation{
			NetworkType: "IN", AddressType: family, Address: &pion.Address{Address: addr.String()},
		},
		TimeDescriptions:  []pion.TimeDescription{{Timing: timing}}, // as in the offer, RFC 3264 §6
		MediaDescriptions: streams,
	}
	if ice != (ICE{}) {
		d.Attributes = []pion.Attribute{pion.NewPropertyAttribute("ice-lite")}
	}
	body, err := d.Marshal()
	if err != nil {
		panic("sdp: print: " + err.Error()) // it has no way to fail
	}
	return body
}

// versionOf reads the version in the o= line of a description we sent.
func versionOf(body []byte) (uint64, bool) {
	_, rest, found := bytes.Cut(body, []byte("\no="))
	fields := bytes.Fields(rest)
	if !found || len(fields) < 3 {
		return 0, false
	}
	version, err := strconv.ParseUint(string(fields[2]), 10, 64)
	return version, err == nil
}

// sameFamily reports whether packets can go from one address to the other. An
// unspecified remote address is a hold, which goes with both; an unspecified
// local one has not been chosen yet.
func sameFamily(remote, local netip.Addr) bool {
	if !local.IsValid() || local.IsUnspecified() || remote.IsUnspecified() {
		return true
	}
	return remote.Is4() == local.Unmap().Is4()
}
