package interop

import (
	"encoding/json"
	"testing"
	"time"
)

// phonesOfTest are the further keys of sip: two phones, and nobody else may call.
const phonesOfTest = `, allow: ["192.0.2.0/24"], registrar: {domains: [phones.test]},
  phones: [{name: bert, password: "over the hills"}, {name: robot, password: far-away}]`

// phoneList is what GET /api/v1/phones tells.
type phoneList struct {
	Phones []struct {
		Name     string `json:"name"`
		Contacts []struct {
			URI       string `json:"uri"`
			UserAgent string `json:"user_agent"`
		} `json:"contacts"`
	} `json:"phones"`
}

// contacts is how many places a phone is registered at.
func (m *mediaserver) contacts(t *testing.T, name string) int {
	t.Helper()
	res, err := m.ask("/api/v1/phones")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var list phoneList
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Phones {
		if p.Name == name {
			return len(p.Contacts)
		}
	}
	t.Fatalf("%q is not listed", name)
	return 0
}

// TestPhonesRegisterAndAreCalled: baresip registers with its password; SIPp
// logs in and calls a service, whose page connects it to baresip by the name
// that baresip has registered.
func TestPhonesRegisterAndAreCalled(t *testing.T) {
	t.Parallel()
	app := connecting(t, "bert@phones.test")
	m := setup{app: app, services: meetingService(), sip: phonesOfTest}.run(t)
	bert := phoneSetup{name: "bert", freq: 620, codec: "PCMU"}.start(t)
	account := "<sip:bert@" + m.sip + ">;regint=60;audio_codecs=PCMU;answermode=auto;auth_pass="

	bert.command(t, "uanew", account+"\"wrong\"")
	eventually(t, "bert is refused", patience, func() bool { return bert.has("REGISTER_FAIL") })
	if n := m.contacts(t, "bert"); n != 0 {
		t.Fatalf("%d contacts with a wrong password", n)
	}
	bert.command(t, "uanew", account+"\"over the hills\"")
	eventually(t, "bert is registered", patience, func() bool { return m.contacts(t, "bert") == 1 })

	robot := sippCall{
		scenario: "login", user: "meeting", caller: "robot", length: time.Second,
		arguments: []string{"-au", "robot", "-ap", "far-away"},
	}.start(t, m)
	eventually(t, "bert is in a call", patience, func() bool { return bert.has("CALL_ESTABLISHED") })
	robot.succeed(t)
	bert.awaitEnd(t)
	if n := m.contacts(t, "robot"); n != 1 {
		t.Errorf("robot has %d contacts", n)
	}
	final := app.await(t, "/final", 1)[0]
	app.expectCourse(t, final.info.ID, "/first", "/callee-final", "/final")
	if c := app.asked("/callee-final")[0].info.Call; c.Cause == "" || c.Direction != "out" {
		t.Errorf("secondary final page is told %+v", c)
	}
	m.expectIdle(t)
}
