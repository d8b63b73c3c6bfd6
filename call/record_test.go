package call

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/recording"

	"filippo.io/age"
)

// late is a Recorder: when the file is there something happens.
type late struct {
	store  *recording.Store
	opened func(*recording.Recording)
}

func (l *late) Open(ctx context.Context, o recording.Options) (*recording.Recording, error) {
	file, err := l.store.Open(ctx, o)
	if err == nil {
		l.opened(file)
	}
	return file, err
}

// records runs test with a manager whose recordings are in directory.
func records(t *testing.T, directory string, l *late, test func(t *testing.T, m *Manager, d *diary)) {
	t.Helper()
	begin := func(cfg *Config) {
		var err error
		if l.store, err = recording.NewStore(recording.Config{Directory: directory}); err != nil {
			t.Fatal(err)
		}
		cfg.Recorder = l
	}
	takesTurns(t, begin, func(t *testing.T, m *Manager, d *diary) {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = l.store.Run(ctx) })
		test(t, m, d)
		stop()
		running.Wait()
	})
}

func TestCallThatEndsWhenItsFileIsOpenLeavesNone(t *testing.T) {
	l, directory := &late{}, t.TempDir()
	records(t, directory, l, func(t *testing.T, m *Manager, d *diary) {
		c := newVisitor().answered(t, m)
		l.opened = func(*recording.Recording) { c.HangUp(Completed) }
		r, err := c.Record(t.Context(), RecordOptions{InstanceID: "a", MaxDuration: time.Second})
		if !errors.Is(err, ErrEnded) || r != (Recorded{}) {
			t.Errorf("%+v, %v", r, err)
		}
		d.want(t, CallStarted, CallRinging, CallAnswered, CallEnded)
		synctest.Wait()
	})
	if files := filesIn(t, directory); len(files) != 0 {
		t.Errorf("files %v are left", files)
	}
}

// A file for age that cannot be completed stays under another name, see
// docs/recording.md: no page is told of one that is not there.
func TestRecordingWithoutItsNameIsNotTold(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoilt := range map[string]bool{"complete": false, "not complete": true} {
		t.Run(name, func(t *testing.T) {
			l, directory := &late{}, t.TempDir()
			l.opened = func(r *recording.Recording) {
				if spoilt { // the name of the age file is taken
					if err := os.Mkdir(filepath.Join(directory, r.Filename()+".age.part"), 0o750); err != nil {
						t.Error(err)
					}
				}
			}
			records(t, directory, l, func(t *testing.T, m *Manager, _ *diary) {
				c := newVisitor().answered(t, m)
				cipher := &Cipher{Recipient: identity.Recipient().String()}
				if err := c.SetRecording(t.Context(), RecordingOptions{InstanceID: "a", Number: 1, Cipher: cipher}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				c.HangUp(Completed)
				told := c.Info().Recording
				if (told == "") != spoilt {
					t.Errorf("told of %q", told)
				}
				for _, f := range filesIn(t, directory) {
					if strings.HasSuffix(f, ".wav") == spoilt {
						t.Errorf("file %s", f)
					}
				}
			})
		})
	}
}

func TestRoomsRecordingThatIsTooLateLeavesNoFile(t *testing.T) {
	l, directory := &late{}, t.TempDir()
	records(t, directory, l, func(t *testing.T, m *Manager, _ *diary) {
		s, err := newVisitor().answered(t, m).enterRoom(ConferenceOptions{Name: "room", MaxDuration: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		l.opened = func(*recording.Recording) { s.HangUp(Completed) }
		if _, err := m.RecordRoom(t.Context(), "room", "a"); !errors.Is(err, ErrNoConference) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
	})
	if files := filesIn(t, directory); len(files) != 0 {
		t.Errorf("files %v are left", files)
	}
}

// TestEndOfARecordingTellsWhatIsThere: no file that is not, and what is missing in it.
func TestEndOfARecordingTellsWhatIsThere(t *testing.T) {
	failed := errors.New("disk full")
	for _, tt := range []struct {
		result recording.Result
		err    error
		want   SoundEvent
	}{
		{
			recording.Result{Filename: "/r.wav", Duration: time.Minute},
			nil,
			SoundEvent{File: "/r.wav", Outcome: OutcomeComplete, DurationMS: 60000},
		},
		{
			recording.Result{Filename: "/r.wav", Duration: time.Minute, Lost: 100, Missing: 2 * time.Second},
			nil,
			SoundEvent{File: "/r.wav", Outcome: OutcomeComplete, DurationMS: 60000, LostMS: 2000},
		},
		{
			recording.Result{Filename: "/r.wav", Duration: time.Minute},
			failed,
			SoundEvent{File: "/r.wav", Outcome: OutcomeFailed, DurationMS: 60000},
		},
		{
			recording.Result{Filename: "/r.wav", Duration: time.Minute, Unnamed: true},
			failed,
			SoundEvent{Outcome: OutcomeFailed, DurationMS: 60000},
		},
	} {
		if got := recordingEnded("", tt.result, tt.err); *got.Sound != tt.want {
			t.Errorf("%+v, %v: got %+v", tt.result, tt.err, *got.Sound)
		}
	}
}

func TestRoomThatCannotBeRecordedIsTold(t *testing.T) {
	directory := t.TempDir()
	records(t, directory, &late{opened: func(*recording.Recording) {}}, func(t *testing.T, m *Manager, _ *diary) {
		if _, err := newVisitor().answered(t, m).enterRoom(ConferenceOptions{Name: "room", MaxDuration: time.Minute}); err != nil {
			t.Fatal(err)
		}
		there := filepath.Join(directory, "rest_api")
		if err := errors.Join(os.RemoveAll(there), os.WriteFile(there, nil, 0o600)); err != nil { // where a directory should be
			t.Error(err)
		}
		if _, err := m.RecordRoom(t.Context(), "room", "a"); !errors.Is(err, ErrRecording) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTransferNamesTheCallThatCannotBeReplaced(t *testing.T) {
	takesTurns(t, func(*Config) {}, func(t *testing.T, m *Manager, _ *diary) {
		if _, _, err := m.referTo(nil, TransferOptions{Replaces: "c-9"}); !errors.Is(err, ErrReplaces) || !errors.Is(err, ErrNoCall) {
			t.Errorf("error %v", err)
		}
	})
}
