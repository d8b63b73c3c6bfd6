package limit

import (
	"slices"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// Kernels are the costs of the smallest parts [ns]: the lower quartile of many
// short stretches, which a busy machine disturbs least.
type Kernels struct {
	RawSyscall   float64 `json:"raw_syscall_ns"`
	UDPPair      float64 `json:"udp_pair_ns"`       // sendto and recvfrom, hot
	UDPPairBatch float64 `json:"udp_pair_batch_ns"` // a packet by sendmmsg and recvmmsg of 64, hot
	Memcpy172    float64 `json:"memcpy172_ns"`
	Decode       float64 `json:"g711_decode_ns"` // a frame of 160 samples, as all below
	Mix          float64 `json:"mix_ns"`         // one talker added to the sum
	Minus        float64 `json:"mix_minus_ns"`   // one talker's own mix out of the sum
	Encode       float64 `json:"encode_ns"`
}

const (
	stretch     = 100 * time.Microsecond
	stretches   = 300
	calibration = 64 // runs by which the length of a stretch is found
	samples     = 160
	packetSize  = 172
)

// time one run takes, per unit of which a run does so many.
func cost(units int, run func()) float64 {
	begin := time.Now()
	for range calibration {
		run()
	}
	n := max(1, int(stretch*calibration/max(1, time.Since(begin))))
	took := make([]float64, 0, stretches)
	for range stretches {
		begin := time.Now()
		for range n {
			run()
		}
		took = append(took, float64(time.Since(begin))/float64(n*units))
	}
	slices.Sort(took)
	return took[stretches/4]
}

// MeasureKernels takes about half a second.
func MeasureKernels() (Kernels, error) {
	k := Kernels{}
	if err := k.systemCalls(); err != nil {
		return k, err
	}
	var from, to [packetSize]byte
	k.Memcpy172 = cost(1, func() { copy(to[:], from[:]) })
	pcm, sum, code := make([]int16, samples), make([]int32, samples), make([]byte, samples)
	for i := range code {
		code[i] = byte(i)
	}
	k.Decode = cost(1, func() { g711.DecodeULaw(pcm, code) })
	k.Mix = cost(1, func() { audio.Add(sum, pcm) })
	clear(sum)
	audio.Add(sum, pcm)
	out := make([]int32, samples)
	k.Minus = cost(1, func() { audio.Minus(out, sum, pcm) })
	k.Encode = cost(1, func() { g711.EncodeULaw(code, pcm) })
	return k, nil
}
