package dtmf

import "fmt"

// Method is how a digit travels.
type Method uint8

// The methods.
const (
	RFC4733 Method = iota // telephone events in RTP
	Info                  // SIP INFO
	InBand                // tones within the audio
)

// String is the method as metrics and logs name it: "rfc4733", "info" or
// "inband".
func (m Method) String() string {
	switch m {
	case RFC4733:
		return "rfc4733"
	case Info:
		return "info"
	case InBand:
		return "inband"
	}
	return fmt.Sprintf("Method(%d)", uint8(m))
}
