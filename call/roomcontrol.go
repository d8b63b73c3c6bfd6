package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mediaserver/audio"
	"mediaserver/mixer"
	"mediaserver/recording"
)

// What room control may return; test with errors.Is.
var (
	// ErrNoConference: there is no room of that name.
	ErrNoConference = errors.New("call: no such conference")
	// ErrNotStarted: the room is stopped, so that nobody would hear it.
	ErrNotStarted = errors.New("call: conference is not started")
	// ErrRecorded: the room is being recorded.
	ErrRecorded = errors.New("call: conference is being recorded")
	// ErrNotRecorded: the room is not being recorded.
	ErrNotRecorded = errors.New("call: conference is not being recorded")
	// ErrNoRecorder: this server has no place for recordings.
	ErrNoRecorder = errors.New("call: recording is not configured")
	// ErrRoomQueueFull: too many plays and announcements wait for their turn.
	ErrRoomQueueFull = errors.New("call: too much to be played to the conference")
)

const (
	maxRoomQueue    = 100       // groups that may wait
	maxRoomPlay     = time.Hour // then it is cut
	roomPlayStarts  = time.Hour // from the request; a later play is dropped
	roomPlayLoading = 15 * time.Second
)

// RoomRecording is a recording of a room.
type RoomRecording struct {
	Filename string // in the media store
	Duration time.Duration
}

// PlayToRoom queues a playlist to be heard by everybody in a started room,
// after what is queued before it, and returns the id of the play in events.
// The media are loaded first: a *MediaError says what cannot be played, and
// nothing is. The end of the room ends the loading. Other errors: ErrNoConference,
// ErrNotStarted, ErrRoomQueueFull.
func (m *Manager) PlayToRoom(ctx context.Context, conference string, list Playlist) (string, error) {
	f, err := m.room(conference)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, roomPlayLoading)
	defer cancel()
	m.tasks.Go(func() {
		select {
		case <-f.gone:
			cancel()
		case <-ctx.Done():
		}
	})
	clips, failed := loadAll(ctx, m.cfg.Loader, list, m.cfg.Logger, m.rate())
	if failed != nil && !f.isGone() {
		return "", failed
	}
	return f.queuePlay(clips, m)
}

// queuePlay puts clips into the queue of announcements, as one group.
func (f *Conference) queuePlay(clips []audio.Clip, m *Manager) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.isGone():
		return "", ErrNoConference
	case !f.started:
		return "", ErrNotStarted
	case len(f.queue) >= maxRoomQueue:
		return "", ErrRoomQueueFull
	}
	g := &group{event: time.Now(), log: m.cfg.Logger.With("conference", f.name), play: &roomPlay{id: newCallID(), focus: f}}
	g.add("play", preparedClips(clips))
	f.announce(g)
	return g.play.id, nil
}

// roomPlay is what a group has that room control asked for.
type roomPlay struct {
	id    string
	focus *Conference
	since time.Time // zero: not begun
}

// begins tells that the play is heard from now on. A nil roomPlay tells
// nothing.
func (p *roomPlay) begins() {
	if p != nil {
		p.since = time.Now()
		p.focus.tell(Event{Type: PlayStarted, Sound: &SoundEvent{ID: p.id}})
	}
}

// ends tells that it is over.
func (p *roomPlay) ends(outcome string) {
	if p == nil || p.since.IsZero() {
		return
	}
	took := time.Since(p.since)
	p.focus.tell(Event{Type: PlayEnded, Sound: &SoundEvent{ID: p.id, Outcome: outcome, DurationMS: took.Milliseconds()}})
}

// tell is emit for events of the room that do not change it.
func (f *Conference) tell(e Event) {
	e.Conference = f.name
	f.events(e)
}

// Lock closes or opens a room for newcomers: a locked one answers
// ErrConferenceBusy. The lock goes with the room. It fails with
// ErrNoConference.
func (m *Manager) Lock(conference string, locked bool) error {
	f, err := m.room(conference)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isGone() {
		return ErrNoConference
	}
	if f.locked == locked {
		return nil
	}
	f.locked = locked
	t := ConferenceUnlocked
	if locked {
		t = ConferenceLocked
	}
	f.emit(t)
	return nil
}

// RecordRoom begins to record what is heard in a room, announcements
// included, and returns the name of the file; id is a part of it. The
// recording ends with StopRoomRecording or the room. Errors: ErrNoConference,
// ErrRecorded, ErrNoRecorder, ErrRecording.
func (m *Manager) RecordRoom(ctx context.Context, conference, id string) (string, error) {
	f, err := m.room(conference)
	if err != nil {
		return "", err
	}
	if m.cfg.Recorder == nil {
		return "", ErrNoRecorder
	}
	if f.info().Recorded { // and no file is made in vain
		return "", ErrRecorded
	}
	file, err := m.cfg.Recorder.Open(ctx, recording.Options{InstanceID: id})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRecording, err)
	}
	t := &roomTape{id: newCallID(), file: file, focus: f}
	if err := f.startRecording(t); err != nil {
		file.Discard()
		return "", err
	}
	m.tasks.Go(func() { // the room may end without anybody stopping it
		<-t.removed
		t.close(m)
	})
	return file.Filename(), nil
}

// startRecording makes the tape a silent listener of the room.
func (f *Conference) startRecording(t *roomTape) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.isGone():
		return ErrNoConference
	case f.tape != nil:
		return ErrRecorded
	}
	t.member = f.room.Add(mixer.MemberOptions{Port: t, Hear: true})
	t.removed, t.done = make(chan struct{}), make(chan struct{})
	f.tape = t
	f.tell(Event{Type: RecordingStarted, Sound: &SoundEvent{ID: t.id, File: t.file.Filename()}})
	return nil
}

// stopRecording takes the tape out of the room, nil when there is none. It is
// called with f.mu held.
func (f *Conference) stopRecording() *roomTape {
	t := f.tape
	f.tape = nil
	if t != nil {
		t.gone = t.member.Remove()
		close(t.removed)
	}
	return t
}

// StopRoomRecording ends the recording of a room and returns when the file is
// complete. Errors: ErrNoConference, ErrNotRecorded, ErrRecording, and why ctx
// ended.
func (m *Manager) StopRoomRecording(ctx context.Context, conference string) (RoomRecording, error) {
	f, err := m.room(conference)
	if err != nil {
		return RoomRecording{}, err
	}
	f.mu.Lock()
	t := f.stopRecording()
	f.mu.Unlock()
	if t == nil {
		return RoomRecording{}, ErrNotRecorded
	}
	select {
	case <-t.done:
		return RoomRecording{Filename: t.result.Filename, Duration: t.result.Duration}, t.err
	case <-ctx.Done():
		return RoomRecording{}, context.Cause(ctx)
	}
}

// room is the room of that name, or ErrNoConference.
func (m *Manager) room(name string) (*Conference, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.rooms[name]; f != nil && !f.isGone() {
		return f, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrNoConference, name)
}

// startsWithin is how long after its event a group may start.
func (g *group) startsWithin() time.Duration {
	if g.play != nil {
		return roomPlayStarts
	}
	return announcementStartWithin
}

// maxDuration is the longest a group is heard.
func (g *group) maxDuration() time.Duration {
	if g.play != nil {
		return maxRoomPlay
	}
	return announcementMaxDuration
}
