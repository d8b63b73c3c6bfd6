package sdp

import (
	"fmt"
	"strings"
)

// Answer makes our answer to an offer. The first stream that can be served is
// taken, all others are refused with port 0, in the order of the offer
// (RFC 3264 §6). The error is ErrNoCommonCodec when no stream is left; it
// says why for each.
func Answer(offer *Description, c Capability, local Local) ([]byte, Media, error) {
	var reasons []string
	for i := range offer.streams {
		s := &offer.streams[i]
		t, why := s.settle(c, true)
		if why == "" && !sameFamily(s.addr, local.Addr) {
			why = fmt.Sprintf("address %v cannot be reached from %v", s.addr, local.Addr)
		}
		if why != "" {
			reasons = append(reasons, why)
			continue
		}
		dir := s.dir.answer()
		streams := refuseAll(offer.streams)
		streams[i] = local.audio(s.proto, t, dir)
		return local.print(offer.timing, streams), s.result(t, dir), nil
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "no stream")
	}
	return nil, Media{}, fmt.Errorf("%w: %s", ErrNoCommonCodec, strings.Join(reasons, "; "))
}
