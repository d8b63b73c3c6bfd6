package restapi

import (
	"context"
	"errors"
	"time"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// Limits and defaults of record.
const (
	defaultRecordSeconds = 60
	maxRecordSeconds     = 14400
	defaultSilenceMillis = 3000
	maxSilenceMillis     = maxRecordSeconds * 1000

	formatALaw = "alaw"
	formatULaw = "ulaw"
)

// record records the caller.
type record struct {
	beep          bool
	stop          dtmf.Set
	seconds       int
	silence       int    // [ms]; 0 = never ends it
	initial       int    // [ms]; 0 = silence
	format        string // "" = automatic
	cipher        *cipher
	nextPage      Page
	id            string
	availablePage Page
}

var recordProperties = properties[record]{
	boolProperty("beep_on_start", func(a *record) *bool { return &a.beep }),
	property[record]{name: "barge_in_digits", read: func(r *reader, n *node, a *record) {
		if set, ok := r.digits(n); ok {
			a.stop = set
		}
	}},
	intProperty("seconds_max_duration", 1, maxRecordSeconds, func(a *record) *int { return &a.seconds }),
	intProperty("milliseconds_max_silence", 0, maxSilenceMillis, func(a *record) *int { return &a.silence }),
	intProperty("milliseconds_max_initial_silence", 0, maxSilenceMillis, func(a *record) *int { return &a.initial }).in(v2),
	choiceProperty("format", func(a *record) *string { return &a.format }, formatALaw, formatULaw),
	cipherProperty("encryption_cipher", true, func(a *record) **cipher { return &a.cipher }),
	pageProperty("next_page", func(a *record) *Page { return &a.nextPage }).must(v2),
	stringProperty("id", func(a *record) *string { return &a.id }).in(v2),
	pageProperty("recording_available_page", func(a *record) *Page { return &a.availablePage }).in(v2),
}

func readRecord(r *reader, n *node) action {
	a := &record{stop: dtmf.NewSet('#'), seconds: defaultRecordSeconds, silence: defaultSilenceMillis}
	readObject(r, n, recordProperties, a)
	return a
}

// options are the action as the verb of a call wants it.
func (a *record) options(s *step) call.RecordOptions {
	o := call.RecordOptions{
		InstanceID: s.in.id, Beep: a.beep, Stop: a.stop,
		MaxDuration:       time.Duration(a.seconds) * time.Second,
		MaxSilence:        time.Duration(a.silence) * time.Millisecond,
		MaxInitialSilence: time.Duration(a.initial) * time.Millisecond,
		Format: map[string]call.RecordingFormat{
			formatALaw: call.ALawFormat, formatULaw: call.ULawFormat,
		}[a.format],
	}
	if a.cipher != nil {
		o.Cipher = a.cipher.forCall()
	}
	return o
}

// run records. What was recorded when the call or ctx ends is kept: its
// notification is sent, but no next page is asked.
func (a *record) run(ctx context.Context, s *step) (turn, error) {
	if err := s.openAudio(ctx); err != nil {
		return turn{}, err
	}
	recorded, err := s.course.verbs.media.Record(ctx, a.options(s))
	if errors.Is(err, call.ErrRecording) {
		return turn{}, failure(CodeRecordingFailed, err, "%s: %s", s.action.path, plain(err))
	}
	if recorded.Filename == "" {
		return turn{}, err
	}
	s.in.log.Info("recorded", "filename", recorded.Filename, "duration_ms", recorded.Duration.Milliseconds())
	result := a.result(s, recorded)
	s.in.notify(ctx, a.availablePage, s.base, &actionResult{Action: s.action.name, Result: result})
	if err != nil {
		return turn{}, err
	}
	return s.turnTo(a.nextPage, result), nil
}

// result is what the next page is told.
func (a *record) result(s *step, recorded call.Recorded) map[string]any {
	v := s.in.service.version()
	result := map[string]any{
		"filename": recorded.Filename, "contains_sound": recorded.ContainsSound,
		"seconds_duration": seconds{recorded.Duration, v},
	}
	if v == v2 {
		result["id"] = a.id
	}
	return result
}
