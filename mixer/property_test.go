package mixer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"mediaserver/audio"

	"pgregory.net/rapid"
)

// A play of random changes is given to engines with different numbers of
// workers and to a model that adds plain numbers. What each port hears must be
// the model's sum, whatever the workers do to share and hand over.

const (
	scriptFrames = 40
	scriptRooms  = 3
	scriptPeak   = 150 // of the noise of each port: no sum needs the limiter
)

// change is one thing that happens before a frame.
type change struct {
	frame  int
	kind   int
	room   int
	target int // index into the members or rooms there are
	talk   bool
	hear   bool
	length int // samples of a clip
}

const (
	joins = iota
	leaves
	sets
	movesPort
	plays
	injects
	announces
)

func drawScript(t *rapid.T) []change {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
		return change{
			frame:  rapid.IntRange(0, scriptFrames-5).Draw(t, "frame"),
			kind:   rapid.SampledFrom([]int{joins, joins, joins, leaves, sets, sets, movesPort, movesPort, plays, injects, announces}).Draw(t, "kind"),
			room:   rapid.IntRange(0, scriptRooms-1).Draw(t, "room"),
			target: rapid.IntRange(0, 1000).Draw(t, "target"),
			talk:   rapid.Bool().Draw(t, "talk"),
			hear:   rapid.Bool().Draw(t, "hear"),
			length: rapid.IntRange(1, 700).Draw(t, "length"),
		}
	}), 10, 60).Draw(t, "script")
}

// player is a port with its input, and what the model says of it.
type player struct {
	memPort
	noise     [][]int16
	quietTill int // first frame in which it speaks again after a move
	want      []int16
	doubt     []bool // samples for which the model has no say
	first     int    // frame of its first service
}

func newPlayer(seed uint64, first int) *player {
	p := &player{noise: randomFrames(seed, scriptFrames, 160, scriptPeak), first: first}
	p.keep = true
	p.input = func(frame int64, pcm []int16) Status {
		if frame >= scriptFrames || int(frame) < p.quietTill {
			return 0
		}
		copy(pcm, p.noise[frame])
		return Sound
	}
	return p
}

// place of the model: a member.
type actor struct {
	real       *Member
	room       int
	player     *player // nil: none
	talk, hear bool
	play       *cue
	inject     *cue
	first      int          // frame
	own        [][160]int16 // what it has put in, from that frame on
}

// age is how many frames it takes from one place to another.
func (th *theatre) age(from, to *section) int {
	if from == to {
		return 0
	}
	return int(th.e.age(from.slot, to.slot))
}

// gave is what the actor has put in in a frame.
func (a *actor) gave(frame int) (own [160]int16) {
	if k := frame - a.first; k >= 0 && k < len(a.own) {
		own = a.own[k]
	}
	return own
}

// cue is a clip of the model.
type cue struct {
	value int16
	left  int
}

func (c *cue) next() (pcm []int16) {
	if c == nil {
		return nil
	}
	n := min(160, c.left)
	c.left -= n
	pcm = make([]int16, n)
	for i := range pcm {
		pcm[i] = c.value
	}
	return pcm
}

type theatre struct {
	e         *Engine
	rooms     []*Room
	actors    []*actor
	announced [scriptRooms]*cue
	players   []*player
	ghosts    []*actor // removed: their last frame may be on its way

	announcements [scriptRooms][][160]int16 // of each frame
}

func (th *theatre) apply(c change, frame int) {
	if c.kind != joins && c.kind != announces && len(th.actors) == 0 {
		return
	}
	var a *actor
	if len(th.actors) > 0 {
		a = th.actors[c.target%len(th.actors)]
	}
	switch c.kind {
	case joins:
		p := newPlayer(uint64(len(th.players)), frame)
		th.players = append(th.players, p)
		th.actors = append(th.actors, &actor{
			real: th.rooms[c.room].Add(MemberOptions{Port: p, Talk: c.talk, Hear: c.hear}),
			room: c.room, player: p, talk: c.talk, hear: c.hear, first: frame,
		})
		if a := th.actors[len(th.actors)-1]; a.real.section != th.rooms[c.room].home {
			a.doubtFrom(frame, 2*160+20) // of a section that has begun as well
		}
	case leaves:
		a.real.Remove()
		th.forget(c.target % len(th.actors))
	case sets:
		a.real.Set(c.talk, c.hear)
		if a.hear != c.hear {
			a.doubtFrom(frame, 20)
		}
		a.talk, a.hear = c.talk, c.hear
	case movesPort:
		to := &actor{
			real: th.rooms[c.room].Add(MemberOptions{Talk: c.talk, Hear: c.hear}),
			room: c.room, talk: c.talk, hear: c.hear, player: a.player, first: frame,
		}
		a.real.MovePort(to.real)
		to.doubtFrom(frame, 3*160+20)
		if to.player != nil {
			to.player.quietTill = max(to.player.quietTill, frame+3)
		}
		a.player = nil
		th.actors = append(th.actors, to)
	case plays:
		a.real.Play(clip(11, c.length))
		a.play = &cue{11, c.length}
	case injects:
		a.real.Inject(clip(500, c.length))
		a.inject = &cue{500, c.length}
	case announces:
		th.rooms[c.room].Announce(clip(7, c.length))
		th.announced[c.room] = &cue{7, c.length}
	}
}

func (th *theatre) forget(i int) {
	th.ghosts = append(th.ghosts, th.actors[i])
	th.actors = append(th.actors[:i], th.actors[i+1:]...)
}

// doubtFrom excuses what the actor's port hears in the first n samples of frame.
func (a *actor) doubtFrom(frame, n int) {
	if a.player == nil {
		return
	}
	for i := range n {
		a.player.excuse(frame*160 + i)
	}
}

func (p *player) excuse(sample int) {
	if p.doubt == nil {
		p.doubt = make([]bool, (scriptFrames+4)*160)
	}
	p.doubt[sample] = true
}

// model adds up a frame.
func (th *theatre) model(frame int) {
	add := func(sum *[160]int16, pcm []int16, sign int16) {
		for i, v := range pcm {
			sum[i] += sign * v
		}
	}
	for _, a := range th.actors {
		var own [160]int16
		injected := a.inject.next()
		if a.talk {
			add(&own, injected, 1)
			if a.player != nil && frame >= a.player.quietTill {
				add(&own, a.player.noise[frame], 1)
			}
		}
		a.own = append(a.own, own)
	}
	for r, c := range th.announced {
		var announced [160]int16
		add(&announced, c.next(), 1)
		th.announcements[r] = append(th.announcements[r], announced)
	}
	for _, a := range th.actors {
		hears := th.sum(a, frame)
		add(&hears, a.play.next(), 1)
		if a.player != nil {
			a.player.want = append(a.player.want, hears[:]...)
		}
	}
}

// sum is what the actor hears of its room in a frame.
func (th *theatre) sum(a *actor, frame int) (sum [160]int16) {
	if !a.hear {
		return sum
	}
	add := func(pcm [160]int16) {
		for i, v := range pcm {
			sum[i] += v
		}
	}
	at := a.real.section
	for _, o := range slices.Concat(th.actors, th.ghosts) {
		if o != a && o.room == a.room {
			add(o.gave(frame - th.age(o.real.section, at)))
		}
	}
	if f := frame - th.age(th.rooms[a.room].home, at); f >= 0 {
		add(th.announcements[a.room][f])
	}
	return sum
}

func (th *theatre) check(t *rapid.T, where string) {
	delay := audio.NewLimiter(8000).Delay()
	for i, p := range th.players {
		if len(p.heard) != len(p.sent)*160 || len(p.sent) > 0 && p.sent[0] != int64(p.first) {
			t.Fatalf("%s, player %d: first served in frame %v", where, i, p.sent)
		}
		for k := 1; k < len(p.sent); k++ {
			if p.sent[k] != p.sent[k-1]+1 {
				t.Fatalf("%s, player %d: served in frames %v", where, i, p.sent)
			}
		}
		for k := delay; k < min(len(p.heard), len(p.want)); k++ {
			at := p.first*160 + k
			if p.doubt != nil && (p.doubt[at] || p.doubt[at-delay]) {
				continue
			}
			if p.heard[k] != p.want[k-delay] {
				t.Fatalf("%s, player %d, frame %d, sample %d: heard %d, want %d",
					where, i, at/160, at%160, p.heard[k], p.want[k-delay])
			}
		}
	}
}

func TestAnyPlayOfChangesGivesTheSameSums(t *testing.T) {
	stages := []struct{ workers, wide int }{{1, -1}, {1, 1}, {2, -1}, {2, 1}, {2, 2}, {3, -1}, {3, 1}, {7, -1}, {7, 1}}
	if raceEnabled {
		stages = stages[1:4] // all is one goroutine: there is nothing to detect
	}
	rapid.Check(t, func(rt *rapid.T) {
		changes := drawScript(rt)
		for _, stage := range stages {
			th := &theatre{e: newTestEngine(t, Config{Workers: stage.workers, WideRoom: stage.wide})}
			rnd := rand.New(rand.NewPCG(uint64(stage.workers), 1))
			for range scriptRooms {
				for range rnd.IntN(5) {
					th.e.NewRoom("elsewhere") // other places for the rooms
				}
				th.rooms = append(th.rooms, th.e.NewRoom("r"))
			}
			st := stepper{e: th.e}
			for f := range scriptFrames {
				for _, c := range changes {
					if c.frame == f {
						th.apply(c, f)
					}
				}
				th.model(f)
				st.frames(1)
			}
			th.check(rt, fmt.Sprintf("%d workers, a room wide above %d", stage.workers, stage.wide))
		}
	})
}
