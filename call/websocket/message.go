package websocket

import (
	"encoding/json"

	"mediaserver/dtmf"
)

// Types of text messages.
const (
	typeStart  = "start"
	typeAnswer = "answer"
	typeDigit  = "digit"
	typeHangUp = "hang_up"
)

// message is a text message of the far end.
type message struct {
	kind  string // "" = to be ignored
	digit dtmf.Digit
}

// parseMessage reads a text message. What is not understood is ignored.
func parseMessage(b []byte) message {
	var m struct {
		Type  string `json:"type"`
		Digit string `json:"digit"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return message{}
	}
	switch m.Type {
	case typeAnswer, typeHangUp:
		return message{kind: m.Type}
	case typeDigit:
		if len(m.Digit) != 1 {
			return message{}
		}
		d, ok := dtmf.ParseDigit(m.Digit[0])
		if !ok {
			return message{}
		}
		return message{kind: typeDigit, digit: d}
	}
	return message{}
}

// startMessage is the first message we send.
func startMessage(callID string) []byte {
	b, _ := json.Marshal(struct { // of strings and numbers: never fails
		Type     string `json:"type"`
		CallID   string `json:"call_id"`
		Rate     int    `json:"sample_rate"`
		Encoding string `json:"encoding"`
	}{typeStart, callID, sampleRate, "linear16"})
	return b
}

func digitMessage(d dtmf.Digit) []byte { return []byte(`{"type":"digit","digit":"` + string(d) + `"}`) }

func hangUpMessage() []byte { return []byte(`{"type":"hang_up"}`) }
