package call

import (
	"context"
	"fmt"

	"mediaserver/audio"
)

// Loader turns an element of a playlist into audio at the engine's rate. Its
// errors wrap ErrMediaNotFound, ErrMediaInvalid or ErrSpeech; one that wraps
// ErrTruncated comes with the audio there is. A Loader is safe for concurrent
// use.
type Loader interface {
	Load(ctx context.Context, item MediaItem) (audio.Clip, error)
}

// Sources is a Loader that hands each element to the Loader for its kind.
// Files is required; without the others addresses and text are refused.
type Sources struct {
	Files  Loader // of elements with File
	Web    Loader // of elements with URL
	Speech Loader // of elements with Text
}

// Load loads one element.
func (s Sources) Load(ctx context.Context, item MediaItem) (audio.Clip, error) {
	switch {
	case item.Text != "" && s.Speech == nil:
		return audio.Clip{}, fmt.Errorf("%w: no speech engine is configured", ErrSpeech)
	case item.Text != "":
		return s.Speech.Load(ctx, item)
	case item.URL != "" && s.Web == nil:
		return audio.Clip{}, fmt.Errorf("%w: media from an address is not configured", ErrMediaInvalid)
	case item.URL != "":
		return s.Web.Load(ctx, item)
	default:
		return s.Files.Load(ctx, item)
	}
}
