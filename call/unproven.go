package call

import "mediaserver/rtp"

// prover is a Dialog that can tell whether who called has shown that it is he who
// did, as *sip.Dialog does. Others need no proof.
type prover interface{ Proven() bool }

// doubt has the endpoint send little to a far end that may not have called: its
// INVITE may be forged, and its media address somebody's who is to be flooded.
// What ICE or DTLS have found has shown itself.
func (s *session) doubt(p *rtp.Params) {
	d, ok := s.call.far().(prover)
	found := s.path != nil && (s.media.ICE.Used() || s.media.DTLS.Used())
	p.Unproven = ok && !found && !d.Proven()
	s.doubted = p.Unproven
}

// trust tells the endpoint when what doubt saw has changed. With mu.
func (s *session) trust() {
	if d, ok := s.call.far().(prover); ok && d.Proven() == s.doubted {
		s.enforce()
	}
}

// lookForProof is trust for proofs that are no ACK, and for the answer, from which
// on nothing else will do.
func (s *session) lookForProof() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trust()
}

// proof tells whether nothing can change any more in what doubt saw, and whether
// it has changed. Once a call is answered its ACK is the last proof.
func (s *session) proof(answered bool) (settled, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.call.far().(prover)
	if !ok {
		return true, false
	}
	proven := d.Proven()
	return answered && proven, proven == s.doubted
}
