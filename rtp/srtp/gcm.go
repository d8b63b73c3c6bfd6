package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

const (
	gcmTag  = 16
	gcmSalt = 12
	// reportHeader and reportIndex are the parts of an SRTCP packet that are not
	// encrypted: the first header, and the index behind the tag [bytes].
	reportHeader = 8
	reportIndex  = 4
	// encryptedFlag is the E bit of the index. RFC 3711 §3.4.
	encryptedFlag = 1 << 31
	// maxIndex and maxReportIndex are where a key is used up. RFC 3711 §9.2.
	maxIndex       = 1<<48 - 1
	maxReportIndex = 1<<31 - 1
)

// Labels of what is derived from a master key, of RTP; those of RTCP are three
// more. RFC 3711 §4.3.
const (
	labelKey     = 0
	labelSalt    = 2
	labelReports = 3
)

// gcm is one direction of AEAD_AES_128_GCM, RFC 7714. What a packet needs lies
// together.
type gcm struct {
	rtp     sealing
	streams streams
	reports reports
}

// reports is the same for RTCP, which is rare.
type reports struct {
	rtcp    sealing
	streams streams
	aad     []byte // memory for what is authenticated but not encrypted; made when needed
}

// sealing is a session key with its salt.
type sealing struct {
	aead  cipher.AEAD
	salt  [gcmSalt]byte
	nonce [gcmSalt]byte // of the packet at work
}

func newGCM(master, salt []byte) (*gcm, error) {
	g := &gcm{}
	var err error
	if g.rtp, err = newSealing(master, salt, 0); err != nil {
		return nil, err
	}
	g.reports.rtcp, err = newSealing(master, salt, labelReports)
	return g, err
}

func newSealing(master, salt []byte, labels byte) (s sealing, err error) {
	prf, err := aes.NewCipher(master)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrKey, err)
	}
	var key [16]byte
	derive(key[:], prf, salt, labels+labelKey)
	derive(s.salt[:], prf, salt, labels+labelSalt)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return s, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return s, nil
}

// derive fills out, a block at most, with what the label has in the key
// derivation. RFC 3711 §4.3.3, RFC 7714 §11.
func derive(out []byte, prf cipher.Block, salt []byte, label byte) {
	var block [aes.BlockSize]byte
	copy(block[:], salt)
	block[7] ^= label
	prf.Encrypt(block[:], block[:])
	copy(out, block[:])
}

// number makes the nonce of a packet: the SSRC, and behind it the index, of 48
// bits for RTP and 31 for RTCP. RFC 7714 §8.1, §9.1.
func (s *sealing) number(ssrc uint32, index uint64) []byte {
	high := uint64(ssrc)<<16 | index>>32
	binary.BigEndian.PutUint64(s.nonce[:8], binary.BigEndian.Uint64(s.salt[:8])^high)
	binary.BigEndian.PutUint32(s.nonce[8:], binary.BigEndian.Uint32(s.salt[8:])^uint32(index))
	return s.nonce[:]
}

// protect implements direction.
func (g *gcm) protect(b []byte) ([]byte, error) {
	n := headerOf(b)
	if n == 0 || cap(b) < len(b)+gcmTag {
		return nil, errPacket
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	s := g.streams.get(ssrc)
	index := s.guess(binary.BigEndian.Uint16(b[2:]))
	if s.index = max(s.index, index); index > maxIndex || !g.streams.put(s) {
		return nil, errUsedUp
	}
	g.rtp.aead.Seal(b[n:n], g.rtp.number(ssrc, index), b[n:], b[:n])
	return b[:len(b)+gcmTag], nil
}

// unprotect implements direction.
func (g *gcm) unprotect(b []byte) ([]byte, error) { return g.unprotectIn(b, false) }

// rollOver implements direction.
func (g *gcm) rollOver(b []byte) ([]byte, error) { return g.unprotectIn(b, true) }

// unprotectIn unprotects a packet: of the index that is nearest to those before,
// or of the next index that has its sequence number.
func (g *gcm) unprotectIn(b []byte, ahead bool) ([]byte, error) {
	n := headerOf(b)
	if n == 0 || len(b) < n+gcmTag {
		return nil, ErrForged
	}
	ssrc, seq := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])
	s := g.streams.get(ssrc)
	index := s.guess(seq)
	if ahead {
		index = s.ahead(seq)
	}
	if !s.fresh(index) {
		return nil, ErrReplayed
	}
	if _, err := g.rtp.aead.Open(b[n:n], g.rtp.number(ssrc, index), b[n:], b[:n]); err != nil || index > maxIndex {
		return nil, ErrForged
	}
	s.accept(index)
	if !g.streams.put(s) {
		return nil, ErrForged
	}
	return b[:len(b)-gcmTag], nil
}

// protectRTCP implements direction.
func (g *gcm) protectRTCP(b []byte) ([]byte, error) {
	r := &g.reports
	if len(b) < reportHeader || cap(b) < len(b)+gcmTag+reportIndex {
		return nil, errPacket
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	s := r.streams.get(ssrc)
	if s.index++; s.index >= maxReportIndex || !r.streams.put(s) {
		return nil, errUsedUp
	}
	word := uint32(s.index) | encryptedFlag
	r.aad = binary.BigEndian.AppendUint32(append(r.aad[:0], b[:reportHeader]...), word)
	r.rtcp.aead.Seal(b[reportHeader:reportHeader], r.rtcp.number(ssrc, s.index), b[reportHeader:], r.aad)
	b = b[:len(b)+gcmTag+reportIndex]
	binary.BigEndian.PutUint32(b[len(b)-reportIndex:], word)
	return b, nil
}

// unprotectRTCP implements direction.
func (g *gcm) unprotectRTCP(b []byte) ([]byte, error) {
	r := &g.reports
	if len(b) < reportHeader+gcmTag+reportIndex {
		return nil, ErrForged
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	end := len(b) - reportIndex
	word := binary.BigEndian.Uint32(b[end:])
	index := uint64(word &^ encryptedFlag)
	s := r.streams.get(ssrc)
	if !s.fresh(index) {
		return nil, ErrReplayed
	}
	// What is not encrypted is authenticated: RFC 7714 §9.2, §9.3.
	clear := reportHeader
	if word&encryptedFlag == 0 {
		clear = end - gcmTag
	}
	r.aad = append(append(r.aad[:0], b[:clear]...), b[end:]...)
	if _, err := r.rtcp.aead.Open(b[clear:clear], r.rtcp.number(ssrc, index), b[clear:end], r.aad); err != nil {
		return nil, ErrForged
	}
	s.accept(index)
	if !r.streams.put(s) {
		return nil, ErrForged
	}
	return b[:end-gcmTag], nil
}

// headerOf is the length of the header of an RTP packet, with sources and
// extension; 0 if there is none. RFC 3550 §5.1, §5.3.1.
func headerOf(b []byte) int {
	if len(b) < minRTP || b[0]>>6 != 2 {
		return 0
	}
	n := minRTP + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return 0
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if n > len(b) {
		return 0
	}
	return n
}
