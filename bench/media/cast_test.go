package media

import (
	"slices"
	"testing"
	"time"

	"mediaserver/bench/generator"
	"mediaserver/bench/tone"
)

func TestCast(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		participants, size      int
		talkers, probes         int
		talking, probing, times int // in all
	}{
		{"one room of three talkers", 100, 0, AutoTalkers, 20, 3, 10, 11},
		{"rooms of four that all talk", 8, 4, AutoTalkers, 1, 7, 1, 3},
		{"rooms of four without probes", 8, 4, AutoTalkers, 0, 8, 0, 0},
		{"a last room of one", 5, 4, AutoTalkers, 20, 4, 1, 3},
		{"rooms of ten", 20, 10, AutoTalkers, 20, 6, 6, 14},
		{"a listener alone", 1, 0, 0, 20, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := Options{
				Participants: tt.participants, RoomSize: tt.size, Talkers: tt.talkers, Probes: tt.probes,
				Codec: "pcmu", SRTP: "off", Rate: 1, Duration: time.Second,
			}.complete()
			if err != nil {
				t.Fatal(err)
			}
			c := newCast(o)
			talking, probing, times := 0, 0, 0
			for n := range tt.participants {
				p := c.participant(n)
				switch p.Role {
				case generator.Talker:
					talking++
					if slices.Contains(p.Hears, p.Bin) {
						t.Errorf("participant %d should hear itself", n)
					}
				case generator.Prober:
					probing++
				}
				if len(p.Probes) > 0 {
					times++
				}
				r, _ := c.room(n)
				want := c.talkers(r)
				if p.Role == generator.Talker {
					want--
				}
				if len(p.Hears) != want {
					t.Errorf("participant %d hears %d, want %d", n, len(p.Hears), want)
				}
			}
			if talking != tt.talking || probing != tt.probing || times != tt.times {
				t.Errorf("%d talk, %d probe, %d time; want %d, %d, %d", talking, probing, times, tt.talking, tt.probing, tt.times)
			}
		})
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	good := Options{Participants: 4, Codec: "pcmu", SRTP: "off", Rate: 1, Duration: time.Second}
	for name, change := range map[string]func(*Options){
		"no participants":  func(o *Options) { o.Participants = 0 },
		"another codec":    func(o *Options) { o.Codec = "opus" },
		"SRTP":             func(o *Options) { o.SRTP = "dtls" },
		"too many talkers": func(o *Options) { o.Participants, o.Talkers = 100, tone.Bins },
		"no time":          func(o *Options) { o.Duration = 0 },
	} {
		o := good
		change(&o)
		if _, err := o.complete(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
