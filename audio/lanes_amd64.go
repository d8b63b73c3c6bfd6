//go:build !purego

package audio

// The loops that every frame of every participant goes through. See lanes_other.go
// for what they do, and which lengths they take.

//go:noescape
func energyOf(s []int16) uint64

//go:noescape
func setTo(acc []int32, s []int16)

//go:noescape
func addTo(acc []int32, s []int16)

//go:noescape
func narrowOf(dst []int16, acc []int32) bool

//go:noescape
func narrowMinusOf(dst []int16, acc []int32, own []int16) bool
