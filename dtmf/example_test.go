package dtmf_test

import (
	"fmt"
	"time"

	"mediaserver/dtmf"
)

// Digits become packets, one step of 20 ms at a time, and presses again.
func Example() {
	sender := dtmf.NewSender(8000)
	if err := sender.Start("4#", 0, 0); err != nil {
		fmt.Println(err)
		return
	}
	var receiver dtmf.Receiver
	payload := make([]byte, dtmf.EventSize)
	now := time.Unix(0, 0)
	const samples = 160
	packets := 0
	for timestamp := uint32(0); ; timestamp += samples {
		step, more := sender.Next(payload, samples)
		if !more {
			break
		}
		if step.N > 0 {
			packets++
			digit, pressed, err := receiver.Receive(timestamp-step.Back, step.Marker, payload[:step.N], now)
			if err != nil {
				fmt.Println(err)
			}
			if pressed {
				fmt.Println("pressed", digit)
			}
		}
		now = now.Add(20 * time.Millisecond)
	}
	fmt.Println(packets, "packets")
	// Output:
	// pressed 4
	// pressed #
	// 14 packets
}

// ExampleParseInfo reads the body of a SIP INFO request.
func ExampleParseInfo() {
	digit, err := dtmf.ParseInfo("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	fmt.Println(digit, err)
	// Output: 5 <nil>
}
