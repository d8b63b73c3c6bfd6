//go:build !purego

package g711

// The loops that every frame of every participant goes through, for as many
// whole lanes as src has. dst is not shorter. See lanes_other.go for what they do.

//go:noescape
func encodeULaw(dst []byte, src []int16)

//go:noescape
func encodeALaw(dst []byte, src []int16)

//go:noescape
func decodeULaw(dst []int16, src []byte)

//go:noescape
func decodeALaw(dst []int16, src []byte)
