package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoCall: there is no such call, or it has ended.
var ErrNoCall = errors.New("call: no such call")

// LiveCall is a snapshot of a call that has not ended.
type LiveCall struct {
	Info
	Primary    string   // of a secondary call: its primary
	Secondary  string   // of a primary call: what was placed on its behalf
	Conference string   // the room a secondary call is in
	Media      *Quality // of a call by SIP that has media
}

// Calls are the calls that have not ended, secondary ones too, by id.
func (m *Manager) Calls() []LiveCall {
	var out []LiveCall
	for _, c := range m.live() {
		out = append(out, c.view())
	}
	slices.SortFunc(out, func(a, b LiveCall) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Call is one of Calls.
func (m *Manager) Call(id string) (LiveCall, bool) {
	for _, c := range m.live() {
		if c.base.ID == id {
			return c.view(), true
		}
	}
	return LiveCall{}, false
}

// HangUp asks a call to end with a cause and does not wait for it. It fails
// with ErrNoCall.
func (m *Manager) HangUp(id string, cause Cause) error {
	for _, c := range m.live() {
		if c.base.ID == id {
			c.requestEnd(cause)
			return nil
		}
	}
	return fmt.Errorf("%w: %q", ErrNoCall, id)
}

// live are all calls and what was placed on their behalf, each once.
func (m *Manager) live() []*Call {
	m.mu.Lock()
	calls := make([]*Call, 0, 2*len(m.calls))
	seen := make(map[*Call]bool, 2*len(m.calls))
	for c := range m.calls {
		calls, seen[c] = append(calls, c), true
	}
	m.mu.Unlock()
	for i := 0; i < len(calls); i++ { // it grows
		if s := calls[i].secondary(); s != nil && !seen[s] {
			calls, seen[s] = append(calls, s), true
		}
	}
	return calls
}

func (c *Call) secondary() *Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joined.secondary
}

func (c *Call) view() LiveCall {
	v := LiveCall{Info: c.Info()}
	if c.primary != nil {
		v.Primary = c.primary.base.ID
	}
	if s := c.secondary(); s != nil {
		v.Secondary = s.base.ID
	}
	if p, ok := c.seat.(*Participant); ok {
		v.Conference = p.focus.name
	}
	if m := c.audio(); m != nil {
		v.Media = qualityOf(m)
	}
	return v
}
