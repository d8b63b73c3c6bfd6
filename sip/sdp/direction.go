package sdp

// direction is what a description says of one stream, seen from its author:
// bits. RFC 3264 §5.1.
type direction uint8

const (
	sendOnly direction = 1 << iota
	recvOnly
	inactive // said, and neither; never together with the others
	sendRecv = sendOnly | recvOnly
)

// directionOf reads an attribute's name.
func directionOf(key string) (direction, bool) {
	switch key {
	case "sendrecv":
		return sendRecv, true
	case "sendonly":
		return sendOnly, true
	case "recvonly":
		return recvOnly, true
	case "inactive":
		return inactive, true
	default:
		return 0, false
	}
}

// String is the attribute's name.
func (d direction) String() string {
	switch d {
	case sendRecv:
		return "sendrecv"
	case sendOnly:
		return "sendonly"
	case recvOnly:
		return "recvonly"
	default:
		return "inactive"
	}
}

// sends and receives say what the author does.
func (d direction) sends() bool    { return d&sendOnly != 0 }
func (d direction) receives() bool { return d&recvOnly != 0 }

// answer is the direction of one who goes along with all of d, RFC 3264 §6.1.
func (d direction) answer() direction {
	switch d {
	case sendOnly:
		return recvOnly
	case recvOnly:
		return sendOnly
	default:
		return d
	}
}

// held is d of an author who cannot receive.
func (d direction) held() direction {
	if d.sends() {
		return sendOnly
	}
	return inactive
}
