package mixer_test

import (
	"context"
	"fmt"
	"time"

	"mediaserver/audio"
	"mediaserver/mixer"
)

// speaker is the smallest port there is: it says nothing and counts the frames
// in which it hears something.
type speaker struct{ heard int }

func (s *speaker) Codec() audio.Codec                             { return nil }
func (s *speaker) Receive(int64, time.Time, []int16) mixer.Status { return 0 }

func (s *speaker) Send(_ int64, _ time.Time, out mixer.Output) {
	if !out.Silent {
		s.heard++
	}
}

// A beep that one member of a room injects is heard by the other one.
func Example() {
	engine, err := mixer.New(mixer.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- engine.Run(ctx) }()

	room := engine.NewRoom("weekly")
	alice := room.Add(mixer.MemberOptions{Talk: true})
	ears := &speaker{}
	bob := room.Add(mixer.MemberOptions{Port: ears, Hear: true})

	beep := alice.Inject(audio.PlayClip(audio.Beep(engine.Format().Rate)))
	<-beep.Done()
	<-bob.Remove()
	stop()
	fmt.Println(<-ended)
	fmt.Println("beep played to its end:", beep.Ended(), "bob heard it:", ears.heard >= 10)
	// Output:
	// context canceled
	// beep played to its end: true bob heard it: true
}
