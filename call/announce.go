package call

import (
	"context"
	"log/slog"
	"time"

	"mediaserver/audio"
)

// Bounds of the announcements of a room.
const (
	announcementReadyWithin = 5 * time.Second  // from the event; what is not there by then is left out
	announcementStartWithin = 30 * time.Second // from the event; a later group is dropped
	announcementMaxDuration = 60 * time.Second // then it is cut
	newcomerArrivesWithin   = 60 * time.Millisecond
)

// announcementParts are the media of one participant's announcements,
// prepared from the start of the action on.
type announcementParts struct {
	name, joined, left *prepared // nil: not set
	beep               audio.Clip
}

// group is what is announced for one event, never mixed up with another.
type group struct {
	event   time.Time
	arrived <-chan struct{} // entry: the newcomer's own port is in the room
	parts   []part
	play    *roomPlay // asked for by room control; nil: an announcement
	log     *slog.Logger
}

type part struct {
	what  string
	media *prepared
}

// entryGroup is beep, name and joined message, as far as set.
func (p *Participant) entryGroup(now time.Time) *group {
	g := &group{event: now, arrived: p.arrived, log: p.call.logger()}
	if p.opts.BeepOnEntry {
		g.add("beep_on_entry", preparedClip(p.parts.beep))
	}
	g.add("name", p.parts.name)
	g.add("has_joined_message", p.parts.joined)
	return g
}

// exitGroup is name and left message, as far as set.
func (p *Participant) exitGroup(now time.Time) *group {
	g := &group{event: now, log: p.call.logger()}
	g.add("name", p.parts.name)
	g.add("has_left_message", p.parts.left)
	return g
}

func (g *group) add(what string, media *prepared) {
	if media != nil {
		g.parts = append(g.parts, part{what, media})
	}
}

// announce queues g and sees to it that somebody plays the queue.
func (f *Conference) announce(g *group) {
	if len(g.parts) == 0 {
		return
	}
	f.queue = append(f.queue, g)
	if !f.announcing {
		f.announcing = true
		f.run(f.playQueue)
	}
}

// playQueue plays groups in event order until none is left or the room is
// gone.
func (f *Conference) playQueue() {
	for g := f.head(); g != nil; g = f.next() {
		if clips, ok := g.wait(f.gone); ok {
			f.playGroup(g, clips)
		}
	}
}

// head is the group to play now, nil when the queue is at its end.
func (f *Conference) head() *group {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.headLocked()
}

// next takes the group that was played off the queue.
func (f *Conference) next() *group {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = f.queue[1:]
	return f.headLocked()
}

func (f *Conference) headLocked() *group {
	if len(f.queue) > 0 && !f.isGone() {
		return f.queue[0]
	}
	f.queue, f.announcing = nil, false
	f.apply()
	return nil
}

// wait returns the audio of g once all its parts are prepared, at the latest
// announcementReadyWithin after the event; ok is false when the room is gone
// or it has become too late to start.
func (g *group) wait(gone <-chan struct{}) (clips []audio.Clip, ok bool) {
	late, cancel := context.WithDeadline(context.Background(), g.event.Add(announcementReadyWithin))
	defer cancel()
	for _, p := range g.parts {
		select {
		case <-p.media.done:
		case <-gone:
			return nil, false
		case <-late.Done():
		}
		if !p.media.ready() {
			g.log.Warn("announcement: media not there in time, left out", "part", p.what)
			continue
		}
		clips = append(clips, p.media.clips...)
	}
	if limit := g.startsWithin(); time.Since(g.event) > limit {
		g.log.Warn("announcement dropped: it could not start in time", "limit", limit)
		return nil, false
	}
	return clips, len(clips) > 0
}

// playGroup plays clips to the room; an entry waits a moment for the
// newcomer, who is to hear it whole.
func (f *Conference) playGroup(g *group, clips []audio.Clip) {
	if g.arrived != nil {
		arrival := time.NewTimer(time.Until(g.event.Add(newcomerArrivesWithin)))
		defer arrival.Stop()
		select {
		case <-g.arrived:
		case <-arrival.C:
		case <-f.gone:
			return
		}
	}
	limit := g.maxDuration()
	cut := time.NewTimer(limit)
	defer cut.Stop()
	playback := f.room.Announce(audio.Sequence(clips, false))
	g.play.begins()
	outcome := OutcomeStopped
	select {
	case <-playback.Done():
		outcome = OutcomeComplete
	case <-f.gone:
	case <-cut.C:
		g.log.Warn("announcement cut", "limit", limit)
	}
	playback.Stop()
	g.play.ends(outcome)
}
