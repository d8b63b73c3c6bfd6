package interop

import (
	"net/http"
	"testing"
	"time"
)

// TestBurst places 50 calls a second for some seconds; the calls of half a
// second meet in rooms. None may fail, and nothing may be left of them.
func TestBurst(t *testing.T) {
	const (
		perSecond = 50
		calls     = 3 * perSecond
	)
	app := serve(t, map[string]page{
		"/first": func(w http.ResponseWriter, q request) {
			room := "room-" + q.info.ID[len(q.info.ID)-1:] // of the number of the instance: 10 rooms
			actions(join(room, nil, object{"secondary_call": object{"final_page": "/room-final"}}))(w, q)
		},
	})
	m := setup{app: app, services: meetingService()}.run(t)
	burst := sippCall{scenario: "burst", user: "meeting", calls: calls, rate: perSecond, length: time.Second / 2}.start(t, m)
	burst.succeed(t)
	if ok, failed := burst.statistic(t, "SuccessfulCall(C)"), burst.statistic(t, "FailedCall(C)"); ok != calls || failed != 0 {
		t.Errorf("%d calls succeeded and %d failed of %d", ok, failed, calls)
	}
	t.Logf("%d retransmissions by SIPp, page requests took %.1f ms on average", burst.statistic(t, "Retransmissions(C)"),
		1000*m.metric(t, "mediaserver_page_request_seconds_sum")/m.metric(t, "mediaserver_page_request_seconds_count"))
	for _, q := range app.await(t, "/final", calls) {
		if q.info.Call.Cause != "hung_up" {
			t.Errorf("final page is told %+v", q.info.Call)
		}
	}
	if first, final := len(app.asked("/first")), len(app.asked("/room-final")); first != calls || final != calls {
		t.Errorf("%d first pages and %d secondary final pages of %d calls", first, final, calls)
	}
	m.expectMetric(t, `mediaserver_calls_total{cause="hung_up",direction="in"}`, calls)
	m.expectIdle(t)
	m.expectAlive(t)
}
