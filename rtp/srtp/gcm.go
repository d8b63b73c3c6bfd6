package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"unsafe"
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

// reports is the state of one direction for RTCP, which is rare.
type reports struct {
	aead    cipher.AEAD
	streams streams
	salt    [gcmSalt]byte
	nonce   [gcmSalt]byte // of the packet at work
	aad     []byte        // memory for what is authenticated but not encrypted; made when needed
}

// newGCM makes one direction of AEAD_AES_128_GCM, RFC 7714.
func newGCM(master, salt []byte) (*context, error) {
	prf, err := aes.NewCipher(master)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	var r reports
	if r.aead, err = sealing(prf, salt, labelReports); err != nil {
		return nil, err
	}
	aead, err := sealing(prf, salt, 0)
	if err != nil {
		return nil, err
	}
	c := besides(aead)
	c.tag, c.reports = gcmTag, &r
	derive(c.salt[:], prf, salt, labelSalt)
	derive(r.salt[:], prf, salt, labelReports+labelSalt)
	return c, nil
}

// sealing makes the AEAD of the session key that is derived with these labels.
func sealing(prf cipher.Block, salt []byte, labels byte) (cipher.AEAD, error) {
	var key [16]byte
	derive(key[:], prf, salt, labels+labelKey)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return aead, nil
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
func number(nonce, salt *[gcmSalt]byte, ssrc uint32, index uint64) *[gcmSalt]byte {
	high := uint64(ssrc)<<16 | index>>32
	binary.BigEndian.PutUint64(nonce[:8], binary.BigEndian.Uint64(salt[:8])^high)
	binary.BigEndian.PutUint32(nonce[8:], binary.BigEndian.Uint32(salt[8:])^uint32(index))
	return nonce
}

// seal encrypts text in place, authenticates it and what is clear, and puts the tag behind it,
// for which there must be room. Both may be on the stack.
//
//go:noinline
func seal(aead cipher.AEAD, nonce *[gcmSalt]byte, text, clear []byte) {
	inner := hide(text)
	aead.Seal(inner[:0], nonce[:], inner, hide(clear))
}

// open takes back what seal has done; false: it is not authentic.
//
//go:noinline
func open(aead cipher.AEAD, nonce *[gcmSalt]byte, text, clear []byte) bool {
	inner := hide(text)
	_, err := aead.Open(inner[:0], nonce[:], inner, hide(clear))
	return err == nil
}

// hide lets a packet stay on the stack of the caller, though a method of an
// interface gets it: which must not keep it, and those of AEADs do not. It is what
// abi.NoEscape is within the standard library. The number is a pointer again before
// anything else can happen, and where a stack moves, the slices in use move with
// it. Who calls it must not be inlined, so that the compiler has seen no more of
// the memory than that it was handed to a function, which returned.
func hide(b []byte) []byte {
	p := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), cap(b))[:len(b)]
}

// protectGCM is protect of AEAD_AES_128_GCM.
func (c *context) protectGCM(b []byte) ([]byte, error) {
	n := headerOf(b)
	if n == 0 || cap(b) < len(b)+gcmTag {
		return nil, errPacket
	}
	var memory stream
	ssrc := binary.BigEndian.Uint32(b[8:])
	s := c.streams.get(ssrc, &memory)
	index := s.guess(binary.BigEndian.Uint16(b[2:]))
	if index > maxIndex {
		return nil, errUsedUp
	}
	if s.index = max(s.index, index); !c.streams.keep(s) {
		return nil, errUsedUp
	}
	seal(c.aead, number(&c.nonce, &c.salt, ssrc, index), b[n:], b[:n])
	return b[:len(b)+gcmTag], nil
}

// unprotectGCM unprotects a packet whose rollover counter is known, or is nearest.
func (c *context) unprotectGCM(b []byte, rollover int64) ([]byte, error) {
	n := headerOf(b)
	if n == 0 || len(b) < n+gcmTag {
		return nil, ErrForged
	}
	ssrc, seq := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])
	var memory stream
	s := c.streams.get(ssrc, &memory)
	index := s.guess(seq)
	if rollover != nearest {
		index = uint64(rollover)<<16 | uint64(seq)
	}
	if !s.fresh(index) {
		return nil, ErrReplayed
	}
	if !open(c.aead, number(&c.nonce, &c.salt, ssrc, index), b[n:], b[:n]) || index > maxIndex {
		return nil, ErrForged
	}
	s.accept(index)
	if !c.streams.keep(s) {
		return nil, ErrForged
	}
	return b[:len(b)-gcmTag], nil
}

// protect protects a report.
func (r *reports) protect(b []byte) ([]byte, error) {
	if len(b) < reportHeader || cap(b) < len(b)+gcmTag+reportIndex {
		return nil, errPacket
	}
	var memory stream
	ssrc := binary.BigEndian.Uint32(b[4:])
	s := r.streams.get(ssrc, &memory)
	if s.index+1 >= maxReportIndex {
		return nil, errUsedUp
	}
	if s.index++; !r.streams.keep(s) {
		return nil, errUsedUp
	}
	word := uint32(s.index) | encryptedFlag
	r.aad = binary.BigEndian.AppendUint32(append(r.aad[:0], b[:reportHeader]...), word)
	seal(r.aead, number(&r.nonce, &r.salt, ssrc, s.index), b[reportHeader:], r.aad)
	b = b[:len(b)+gcmTag+reportIndex]
	binary.BigEndian.PutUint32(b[len(b)-reportIndex:], word)
	return b, nil
}

// unprotect unprotects a report.
func (r *reports) unprotect(b []byte) ([]byte, error) {
	if len(b) < reportHeader+gcmTag+reportIndex {
		return nil, ErrForged
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	end := len(b) - reportIndex
	word := binary.BigEndian.Uint32(b[end:])
	index := uint64(word &^ encryptedFlag)
	var memory stream
	s := r.streams.get(ssrc, &memory)
	if !s.fresh(index) {
		return nil, ErrReplayed
	}
	// What is not encrypted is authenticated: RFC 7714 §9.2, §9.3.
	clear := reportHeader
	if word&encryptedFlag == 0 {
		clear = end - gcmTag
	}
	r.aad = append(append(r.aad[:0], b[:clear]...), b[end:]...)
	if !open(r.aead, number(&r.nonce, &r.salt, ssrc, index), b[clear:end], r.aad) {
		return nil, ErrForged
	}
	s.accept(index)
	if !r.streams.keep(s) {
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
