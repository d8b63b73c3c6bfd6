package call

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// What a participant would have been announced with is loaded as long as it can be
// announced: 5 s after it has left a started room at the most.
func TestMediaOfAParticipantAreLoadedWhileTheyAreWanted(t *testing.T) {
	for name, test := range map[string]struct {
		others int
		full   bool
		loads  time.Duration // after the end of the call
	}{
		"who was alone":         {others: 0, loads: 0},
		"who leaves others":     {others: 2, loads: announcementReadyWithin + time.Second},
		"who was not let in":    {others: 2, full: true, loads: 0},
		"who destroys the room": {others: -2, loads: 0},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var ended []time.Time
			var texts []string
			loader := &mediaNever{ended: func(i MediaItem) {
				mu.Lock()
				defer mu.Unlock()
				ended, texts = append(ended, time.Now()), append(texts, i.File)
			}}
			change := func(cfg *Config) {
				cfg.Loader = loader
				if test.full {
					cfg.MaxParticipants = test.others
				}
			}
			takesTurns(t, change, func(t *testing.T, m *Manager, _ *diary) {
				others := test.others
				options := DefaultParticipant()
				options.DestroyOnExit = others < 0
				for range max(others, -others) {
					if _, err := newVisitor().answered(t, m).enterRoom(ConferenceOptions{Name: "room", Participant: DefaultParticipant()}.withDefaults()); err != nil {
						t.Fatal(err)
					}
				}
				file := func(name string) Playlist { return Playlist{{File: name}} }
				options.Name, options.HasJoined, options.HasLeft, options.WhileStopped = file("name"), file("joined"), file("left"), file("stopped")
				s, err := newVisitor().answered(t, m).enterRoom(ConferenceOptions{Name: "room", Participant: options}.withDefaults())
				if errors.Is(err, ErrConferenceFull) != test.full {
					t.Fatal(err)
				}
				end := time.Now()
				if err == nil {
					time.Sleep(time.Second)
					end = time.Now()
					s.HangUp(Completed)
				}
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				slices.Sort(texts)
				if !slices.Equal(texts, []string{"joined", "left", "name", "stopped"}) {
					t.Errorf("loaded %v", texts)
				}
				for _, at := range ended {
					if after := at.Sub(end); after < test.loads || after > test.loads+100*time.Millisecond {
						t.Errorf("loading ended %v after the end, want %v", after, test.loads)
					}
				}
			})
		})
	}
}
