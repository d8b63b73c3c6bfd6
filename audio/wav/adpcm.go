package wav

import "encoding/binary"

// imaHeader is the size of the header of an IMA ADPCM block with one channel:
// first sample (16 bit), step index (8 bit), reserved (8 bit).
const imaHeader = 4

// imaSteps is the table of step sizes, IMA Recommended Practices §6.
var imaSteps = [89]int32{
	7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31,
	34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143,
	157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658,
	724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024,
	3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899,
	15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
}

// okiSteps is the table of step sizes of OKI/Dialogic ADPCM (Dialogic ADPCM
// Algorithm, 00-1366-001), for samples of 12 bits.
var okiSteps = [49]int32{
	16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66,
	73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307,
	337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411,
	1552,
}

// stepChange is the change of the step index by the three magnitude bits of a
// code; the same for both.
var stepChange = [8]int32{-1, -1, -1, -1, 2, 4, 6, 8}

// decodeIMA decodes blocks of align bytes that hold perBlock samples each (0 if
// the file does not say). The last block may be shorter.
func decodeIMA(data []byte, align, perBlock int) []int16 {
	whole := 1 + 2*(align-imaHeader)
	if perBlock <= 0 || perBlock > whole {
		perBlock = whole
	}
	out := make([]int16, 0, (len(data)/align+1)*perBlock)
	for len(data) >= imaHeader {
		n := min(align, len(data))
		out = appendIMABlock(out, data[:n], perBlock)
		data = data[n:]
	}
	return out
}

// appendIMABlock decodes one block, at most limit samples of it.
func appendIMABlock(out []int16, block []byte, limit int) []int16 {
	value := int32(int16(binary.LittleEndian.Uint16(block)))
	index := min(int32(block[2]), int32(len(imaSteps)-1))
	out = append(out, int16(value))
	n := min(limit-1, 2*(len(block)-imaHeader))
	for i := range n {
		code := block[imaHeader+i/2] >> (4 * (i & 1)) & 15 // low half first
		step := imaSteps[index]
		diff := step >> 3
		if code&4 != 0 {
			diff += step
		}
		if code&2 != 0 {
			diff += step >> 1
		}
		if code&1 != 0 {
			diff += step >> 2
		}
		if code&8 != 0 {
			diff = -diff
		}
		value = max(-32768, min(32767, value+diff))
		index = max(0, min(int32(len(imaSteps)-1), index+stepChange[code&7]))
		out = append(out, int16(value))
	}
	return out
}

// decodeOKI decodes a stream of codes, high half of a byte first. Samples have
// 12 bits and are moved up to 16.
func decodeOKI(data []byte) []int16 {
	out := make([]int16, 0, 2*len(data))
	var value, index int32
	for _, b := range data {
		for _, code := range [2]byte{b >> 4, b & 15} {
			diff := (2*int32(code&7) + 1) * okiSteps[index] >> 3
			if code&8 != 0 {
				diff = -diff
			}
			value = max(-2048, min(2047, value+diff))
			index = max(0, min(int32(len(okiSteps)-1), index+stepChange[code&7]))
			out = append(out, int16(value<<4))
		}
	}
	return out
}
