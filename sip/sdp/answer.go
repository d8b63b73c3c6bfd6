package sdp

import (
	"fmt"
	"slices"
	"strings"
)

// inOrder are the streams in the order in which they are tried: where a peer
// offers one with keys and one without, the one with keys comes first.
func (d *Description) inOrder(mode Security) []int {
	order := make([]int, len(d.streams))
	for i := range order {
		order[i] = i
	}
	if mode == SecurityOff {
		return order
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return d.streams[a].exposure() - d.streams[b].exposure()
	})
	return order
}

// exposure is 0 for a stream with keys, else 1.
func (s *stream) exposure() int {
	if len(s.cryptos) > 0 || len(s.dtls.fingerprints) > 0 {
		return 0
	}
	return 1
}

// Answer makes our answer to an offer. The first stream that can be served is
// taken, all others are refused with port 0, in the order of the offer
// (RFC 3264 §6). The error is ErrNoCommonCodec when no stream is left; it
// says why for each.
func Answer(offer *Description, c Capability, local Local) ([]byte, Media, error) {
	var reasons []string
	mode := c.security(local)
	for _, i := range offer.inOrder(mode) {
		s := &offer.streams[i]
		t, why := s.settle(c, true)
		var agreed agreedCrypto
		t.ice, t.mismatch = s.agreedICE(local)
		if why == "" {
			agreed, why = s.secure(c, local, t.ice.Used())
		}
		if why == "" && !sameFamily(s.addr, local.Addr) {
			why = fmt.Sprintf("address %v cannot be reached from %v", s.addr, local.Addr)
		}
		if why != "" {
			reasons = append(reasons, why)
			continue
		}
		if agreed.line.tag != "" {
			t.cryptos = []cryptoLine{agreed.line}
		}
		t.dtls, t.mux, t.mid = agreed.dtls, s.mux, s.mid
		dir := s.dir.answer()
		streams := refuseAll(offer.streams)
		streams[i] = local.audio(s.proto, t, dir)
		m := s.result(t, dir)
		m.Keys = agreed.keys
		return local.print(offer.timing, streams, t.ice), m, nil
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "no stream")
	}
	return nil, Media{}, fmt.Errorf("%w: %s", ErrNoCommonCodec, strings.Join(reasons, "; "))
}
