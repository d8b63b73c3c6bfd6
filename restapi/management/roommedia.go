package management

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"mediaserver/call"
)

// PlayItem is an element of a playlist: exactly one of its properties.
type PlayItem struct {
	File string `json:"file_to_play,omitempty" maxLength:"255" doc:"name in the media store"`
	URL  string `json:"url_to_play,omitempty" maxLength:"2048" doc:"http or https address of an audio file"`
	Text string `json:"text_to_say,omitempty" maxLength:"5000"`
}

// playRequest plays to a room.
type playRequest struct {
	Name string `path:"conference" maxLength:"128"`
	Body struct {
		PlayList []PlayItem `json:"play_list" minItems:"1" maxItems:"100"`
	}
}

// playAnswer names a play.
type playAnswer struct {
	Body struct {
		ID string `json:"play_id" doc:"sound.id of its events"`
	}
}

// recordingAnswer names the file of a recording.
type recordingAnswer struct {
	Body struct {
		Filename   string `json:"filename" doc:"in the media store"`
		DurationMS int64  `json:"duration_ms,omitempty" doc:"when it has ended"`
	}
}

func (a *API) registerRoomMedia() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "play-to-conference", Method: http.MethodPost, Path: Prefix + "/conferences/{conference}/plays", Tags: []string{"conferences"},
		Summary: "Play to everybody in a started room", DefaultStatus: http.StatusAccepted,
		Errors:      []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		Description: "The media are loaded first; the play then waits for its turn behind announcements and other plays. The events play.started and play.ended tell of it.",
	}, func(ctx context.Context, in *playRequest) (*playAnswer, error) {
		list, err := playlistOf(in.Body.PlayList)
		if err != nil {
			return nil, err
		}
		out := &playAnswer{}
		if out.Body.ID, err = a.cfg.Media.PlayToRoom(ctx, in.Name, list); err != nil {
			return nil, a.domainProblem(err)
		}
		return out, nil
	})
	path := Prefix + "/conferences/{conference}/recording"
	huma.Register(a.huma, huma.Operation{
		OperationID: "record-conference", Method: http.MethodPost, Path: path, Tags: []string{"conferences"},
		Summary: "Record a room", DefaultStatus: http.StatusCreated,
		Errors:      []int{http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable},
		Description: "Everything that a participant without a voice hears is recorded, announcements included, until the recording is stopped or the room ends.",
	}, func(ctx context.Context, in *oneConference) (*recordingAnswer, error) {
		out := &recordingAnswer{}
		var err error
		if out.Body.Filename, err = a.cfg.Media.RecordRoom(ctx, in.Name, recordingID(in.Name)); err != nil {
			return nil, a.domainProblem(err)
		}
		return out, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "stop-recording-conference", Method: http.MethodDelete, Path: path, Tags: []string{"conferences"},
		Summary: "Stop recording a room", Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		Description: "The answer comes when the file is complete.",
	}, func(ctx context.Context, in *oneConference) (*recordingAnswer, error) {
		r, err := a.cfg.Media.StopRoomRecording(ctx, in.Name)
		if err != nil {
			return nil, a.domainProblem(err)
		}
		out := &recordingAnswer{}
		out.Body.Filename, out.Body.DurationMS = r.Filename, r.Duration.Milliseconds()
		return out, nil
	})
}

// playlistOf checks a playlist and hands it on.
func playlistOf(items []PlayItem) (call.Playlist, error) {
	var list call.Playlist
	for i, x := range items {
		given := 0
		for _, s := range []string{x.File, x.URL, x.Text} {
			if s != "" {
				given++
			}
		}
		where := fmt.Sprintf("body.play_list[%d]", i)
		switch {
		case given != 1:
			return nil, problemOf(http.StatusUnprocessableEntity, "validation failed",
				detail(where, "%d properties given; exactly one of file_to_play, url_to_play, text_to_say is allowed", given))
		case x.URL != "" && !strings.HasPrefix(x.URL, "http://") && !strings.HasPrefix(x.URL, "https://"):
			return nil, problemOf(http.StatusUnprocessableEntity, "validation failed",
				detail(where+".url_to_play", "an http or https address is allowed"))
		}
		list = append(list, call.MediaItem{File: strings.TrimPrefix(x.File, "/"), URL: x.URL, Text: x.Text})
	}
	return list, nil
}

// recordingID makes a part of a file's name of a room's name.
func recordingID(name string) string {
	const longest = 48
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		default:
			return '-'
		}
	}, name)
	return "room-" + clean[:min(len(clean), longest)]
}
