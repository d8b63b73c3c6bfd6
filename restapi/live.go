package restapi

import (
	"context"

	"mediaserver/call"
)

// liveCall gives an instance the verbs of a real call.
func liveCall(c *call.Call) verbs {
	return verbs{life: c, media: c, answer: c, conference: liveConference{c}}
}

// liveConference joins a real call to conferences and to others.
type liveConference struct{ primary *call.Call }

// DialConference places the secondary call.
func (l liveConference) DialConference(ctx context.Context, o call.ConferenceOptions) (verbs, error) {
	secondary, err := l.primary.DialConference(ctx, o)
	if err != nil {
		return verbs{}, err
	}
	return verbs{life: secondary, media: secondary}, nil
}

// DialOut places the secondary call to somebody else.
func (l liveConference) DialOut(ctx context.Context, o call.DialOutOptions) (verbs, []call.Info, error) {
	secondary, dropped, err := l.primary.DialOut(ctx, o)
	if err != nil {
		return verbs{}, nil, err
	}
	return verbs{life: secondary, media: secondary}, dropped, nil
}

// Connect joins the two calls. The secondary is one of DialConference or
// DialOut.
func (l liveConference) Connect(ctx context.Context, secondary verbs) (call.Connection, error) {
	return l.primary.Connect(ctx, secondary.life.(*call.Call))
}
