package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	robot "mediaserver/internal/phone"
	"mediaserver/sip"
)

// roomsApart are two services with a room each; policy is their transfer.
func roomsApart(t *testing.T, policy string) setup {
	t.Helper()
	app := serve(t, map[string]page{
		"/first": actions(join("meeting", nil, nil)),
		"/other": actions(join("other", nil, nil)),
	})
	return setup{app: app, services: []service{
		{match: "meeting", first: "/first", final: "/final", transfer: policy},
		{match: "other", first: "/other", final: "/final", transfer: policy},
	}}
}

// robotPhone is a phone of ours that sends a tone.
func robotPhone(t *testing.T, user string, freq float64) *robot.Phone {
	t.Helper()
	return robotAt(t, robot.DefaultListen, user, freq)
}

// robotAt is a robotPhone with that listener.
func robotAt(t *testing.T, listen, user string, freq float64) *robot.Phone {
	t.Helper()
	p, err := robot.New(robot.Config{
		User: user, Listen: []string{listen}, Source: func(rate int) audio.Source { return audio.NewTone(rate, []float64{freq}, toneLevel) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() }) //nolint:errcheck // the test is over
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	return p
}

// hears waits until a phone of ours hears a tone.
func hears(t *testing.T, who string, c *robot.Call, freq float64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s hears %v Hz", who, freq), patience, func() bool {
		return c.ToneLevel(freq, 400*time.Millisecond) > -35
	})
}

// gone waits until a call of a phone of ours has been hung up by the far end.
func gone(t *testing.T, who string, c *robot.Call) {
	t.Helper()
	select {
	case <-c.Ended():
	case <-time.After(patience):
		t.Fatalf("%s was not hung up", who)
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func dialRobot(t *testing.T, p *robot.Phone, to string) *robot.Call {
	t.Helper()
	c, err := p.Dial(within(t), to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBaresipTransfersItsPlace has a baresip in a room send its place to
// another baresip, and leave.
func TestBaresipTransfersItsPlace(t *testing.T) {
	t.Parallel()
	m := roomsApart(t, "any").run(t)
	carl := phoneSetup{name: "carl", freq: 620, codec: "PCMU"}.start(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	bert := robotPhone(t, "bert", 1160)
	anna.call(t, m, "meeting")
	listener := dialRobot(t, bert, "sip:meeting@"+m.sip)
	hears(t, "bert", listener, anna.freq)
	anna.command(t, "transfer", fmt.Sprintf("sip:carl@127.0.0.1:%d", carl.port))
	eventually(t, "carl is in a call", patience, func() bool { return carl.has("CALL_ESTABLISHED") })
	anna.awaitEnd(t)
	hears(t, "bert", listener, carl.freq)
	rest(t, 1500*time.Millisecond)
	carl.hangUp(t)
	expectHeard(t, carl, 1160, 300*time.Millisecond)
	if err := listener.HangUp(within(t)); err != nil {
		t.Error(err)
	}
	m.expectMetric(t, `mediaserver_transfers_total{by="far_end",outcome="done"}`, 1)
	m.expectIdle(t)
}

// TestBaresipIsRefusedAForeignTarget has a baresip ask for what only `any`
// allows: it stays, and nobody is called.
func TestBaresipIsRefusedAForeignTarget(t *testing.T) {
	t.Parallel()
	m := roomsApart(t, "local").run(t)
	carl := phoneSetup{name: "carl", freq: 620, codec: "PCMU"}.start(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	bert := robotPhone(t, "bert", 1160)
	anna.call(t, m, "meeting")
	listener := dialRobot(t, bert, "sip:meeting@"+m.sip)
	anna.command(t, "transfer", fmt.Sprintf("sip:carl@127.0.0.1:%d", carl.port))
	m.expectMetric(t, `mediaserver_transfers_total{by="far_end",outcome="refused"}`, 1)
	hears(t, "bert", listener, anna.freq)
	if carl.has("CALL_INCOMING") {
		t.Error("the foreign target was called")
	}
	anna.command(t, "hangup", "") // which it does without an event, after a refusal
	if err := listener.HangUp(within(t)); err != nil {
		t.Error(err)
	}
	m.expectIdle(t)
}

// TestServerSendsBaresipToBaresip transfers a call by the management API.
func TestServerSendsBaresipToBaresip(t *testing.T) {
	t.Parallel()
	s := roomsApart(t, "local")
	m := s.run(t)
	carl := phoneSetup{name: "carl", freq: 620, codec: "PCMU"}.start(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMU"}.start(t)
	anna.call(t, m, "meeting")
	primary, secondary := m.callWithSecondary(t)
	// The secondary call has no far end. It is asked first: it ends with the primary.
	for _, ask := range []struct {
		id   string
		want int
	}{{secondary, http.StatusConflict}, {primary, http.StatusOK}} {
		status, body := m.post(t, "/api/v1/calls/"+ask.id+"/transfer", fmt.Sprintf(`{"to":"sip:carl@127.0.0.1:%d"}`, carl.port))
		if status != ask.want {
			t.Errorf("call %s: %d %s, want %d", ask.id, status, body, ask.want)
		}
	}
	eventually(t, "carl is in a call", patience, func() bool { return carl.has("CALL_ESTABLISHED") })
	final := s.app.await(t, "/final", 1)[0]
	if c := final.info.Call; c.Cause != "completed" {
		t.Errorf("the final page is told %+v", c)
	}
	m.expectIdle(t) // they talk without us
	carl.hangUp(t)
}

// callWithSecondary waits until a call has a secondary call, and gives the ids
// of both.
func (m *mediaserver) callWithSecondary(t *testing.T) (primary, secondary string) {
	t.Helper()
	eventually(t, "a call is listed with its secondary call", patience, func() bool {
		var list struct {
			Calls []struct {
				ID        string `json:"call_id"`
				Secondary string `json:"secondary_call_id"`
			}
		}
		if err := json.Unmarshal([]byte(m.knows(t, "/calls")), &list); err != nil {
			t.Fatal(err)
		}
		for _, c := range list.Calls {
			if c.Secondary != "" {
				primary, secondary = c.ID, c.Secondary
			}
		}
		return primary != ""
	})
	return primary, secondary
}

// post asks the management API.
func (m *mediaserver) post(t *testing.T, path, body string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 2 * patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(m.http+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestAnotherPhoneTakesAPlace has a phone take the place of another in a room
// by an INVITE with Replaces; a baresip hears it.
func TestAnotherPhoneTakesAPlace(t *testing.T) {
	t.Parallel()
	m := roomsApart(t, "local").run(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	anna.call(t, m, "meeting")
	bert, carl := robotPhone(t, "bert", 1160), robotPhone(t, "carl", 620)
	first := dialRobot(t, bert, "sip:meeting@"+m.sip)
	hears(t, "bert", first, anna.freq)
	_, named := first.Named()
	second, err := carl.Replace(within(t), "sip:meeting@"+m.sip, named)
	if err != nil {
		t.Fatal(err)
	}
	gone(t, "bert", first)
	expectCarl(t, m, anna, second)
}

// expectCarl: carl, who says 620 Hz, and anna hear each other; then both leave.
func expectCarl(t *testing.T, m *mediaserver, anna *phone, carl *robot.Call) {
	t.Helper()
	hears(t, "carl", carl, anna.freq)
	rest(t, 1500*time.Millisecond)
	if err := carl.HangUp(within(t)); err != nil {
		t.Error(err)
	}
	anna.hangUp(t)
	expectHeard(t, anna, 620, 300*time.Millisecond)
	m.expectIdle(t)
}

// TestAttendedTransfers have an agent who has talked to a second party send
// its place in the room there: once to a phone, which the server calls with
// Replaces, once to another room of the server.
func TestAttendedTransfers(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"to a phone", "to another call with the server"} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			m := roomsApart(t, "any").run(t)
			anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
			anna.call(t, m, "meeting")
			agent, carl := robotPhone(t, "agent", 1160), robotPhone(t, "carl", 620)
			place := dialRobot(t, agent, "sip:meeting@"+m.sip)
			hears(t, "the agent", place, anna.freq)

			var end, asked *robot.Call // of carl; what the agent has with carl or with the room carl is in
			answered := make(chan *robot.Call, 2)
			if to == "to a phone" {
				go func() {
					for range 2 {
						c, err := carl.Answer(t.Context())
						if err != nil {
							break
						}
						answered <- c
					}
				}()
				asked = dialRobot(t, agent, carl.URI())
				<-answered
			} else {
				end = dialRobot(t, carl, "sip:other@"+m.sip)
				asked = dialRobot(t, agent, "sip:other@"+m.sip)
				hears(t, "the agent", asked, 620)
			}
			uri, named := asked.Named()
			code, err := place.Transfer(within(t), uri, &named)
			if err != nil || code != 200 {
				t.Fatalf("%d, %v", code, err)
			}
			if end == nil {
				end = <-answered
			}
			gone(t, "the agent", place)
			expectCarl(t, m, anna, end)
		})
	}
}

// TestAttendedTransfersAreRefused has a phone ask for the call of another phone, and
// for two applications to be put through to each other: everybody stays where they are.
func TestAttendedTransfersAreRefused(t *testing.T) {
	t.Parallel()
	refuses := func(t *testing.T, m *mediaserver, place, asked *robot.Call) {
		t.Helper()
		uri, named := asked.Named()
		_, err := place.Transfer(within(t), uri, &named)
		if status, ok := errors.AsType[*sip.StatusError](err); !ok || status.Code != http.StatusForbidden {
			t.Errorf("refused with %v", err)
		}
		m.expectMetric(t, `mediaserver_transfers_total{by="far_end",outcome="refused"}`, 1)
		for _, c := range []*robot.Call{place, asked} {
			if err := c.HangUp(within(t)); err != nil { // which a call that had been taken away could not
				t.Error(err)
			}
		}
	}
	t.Run("of another phone", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS != "linux" {
			t.Skip("there is one loopback address")
		}
		m := roomsApart(t, "any").run(t)
		anna, carl, thief := robotPhone(t, "anna", 880), robotPhone(t, "carl", 620), robotAt(t, "udp://127.0.0.2:0", "thief", 1160)
		place, theirs := dialRobot(t, thief, "sip:meeting@"+m.sip), dialRobot(t, carl, "sip:other@"+m.sip)
		other := dialRobot(t, anna, "sip:other@"+m.sip)
		hears(t, "anna", other, 620)
		refuses(t, m, place, theirs)
		if err := other.HangUp(within(t)); err != nil {
			t.Error(err)
		}
		m.expectIdle(t)
	})
	t.Run("of two applications", func(t *testing.T) {
		t.Parallel()
		app := serve(t, map[string]page{"/first": actions(object{"answer": object{}}, object{"sleep": object{"seconds": 60}})})
		m := setup{app: app, services: []service{{match: "menu", first: "/first", transfer: "any"}}}.run(t)
		agent := robotPhone(t, "agent", 1160)
		place, asked := dialRobot(t, agent, "sip:menu@"+m.sip), dialRobot(t, agent, "sip:menu@"+m.sip)
		refuses(t, m, place, asked)
		m.expectIdle(t)
	})
}
