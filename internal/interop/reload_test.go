package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// rewrite puts a text in the place of another in the server's configuration,
// and has it read that.
func (m *mediaserver) rewrite(t *testing.T, from, to string) {
	t.Helper()
	file := filepath.Join(m.dir, "mediaserver.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		t.Fatalf("%q is not in the configuration", from)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(b), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// says waits until the log has a text so often.
func (m *mediaserver) says(t *testing.T, text string, times int) {
	t.Helper()
	eventually(t, "the log says "+text, patience, func() bool { return strings.Count(m.output(), text) >= times })
}

// knows is what the management API answers to a path.
func (m *mediaserver) knows(t *testing.T, path string) string {
	t.Helper()
	res, err := m.ask("/api/v1" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !json.Valid(b) {
		t.Fatalf("%s: %d %s %v", path, res.StatusCode, b, err)
	}
	return string(b)
}

// TestReload changes services and trunks of the program while a call runs.
func TestReload(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService(), sip: ", trunks: [{name: old, address: \"sip:127.0.0.1:9\"}]"}.run(t)
	r := record(t, "127.0.0.1")
	stays := sippCall{scenario: "stay", user: "meeting", keys: map[string]string{"recorder": r.port()}}.start(t, m)
	m.expectMetric(t, `mediaserver_calls_active{direction="in"}`, 1)

	m.rewrite(t, `match: ["meeting"]`, `match: ["desk"]`)
	m.says(t, "configuration reloaded", 1)
	if list := m.knows(t, "/services"); !strings.Contains(list, "desk") {
		t.Error("services after the reload:", list)
	}
	refused("meeting", "0 101", 404).start(t, m).succeed(t)

	m.rewrite(t, "name: old, address: \"sip:127.0.0.1:9\"", "name: new, address: \"sip:127.0.0.1:9\", max_calls: 7")
	m.says(t, "configuration reloaded", 2)
	if list := m.knows(t, "/trunks"); strings.Contains(list, `"old"`) || !strings.Contains(list, `"max_calls":7`) || !strings.Contains(list, `"state":"up"`) {
		t.Error("trunks after the reload:", list)
	}

	m.rewrite(t, "max_calls: 7", "max_calls: many")
	m.says(t, "the configuration stays as it was", 1)
	m.says(t, "mediaserver.yaml:1:", 1)
	if list := m.knows(t, "/trunks"); !strings.Contains(list, `"max_calls":7`) {
		t.Error("an error has changed something:", list)
	}

	m.rewrite(t, "max_calls: many", "max_calls: 8")
	m.says(t, "configuration reloaded", 3)
	m.rewrite(t, "rtp: {", "rtp: {timeout_seconds: 50, ")
	m.says(t, "rtp.timeout_seconds", 1)
	m.expectMetric(t, `mediaserver_calls_active{direction="in"}`, 1)
	m.hangUpAll(t)
	stays.succeed(t)
	m.expectIdle(t)
}

// hangUpAll ends all calls by the management API.
func (m *mediaserver) hangUpAll(t *testing.T) {
	t.Helper()
	var list struct {
		Calls []struct {
			ID      string `json:"call_id"`
			Primary string `json:"primary_call_id"`
		} `json:"calls"`
	}
	if err := json.Unmarshal([]byte(m.knows(t, "/calls")), &list); err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Calls {
		if c.Primary != "" {
			continue
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, m.http+"/api/v1/calls/"+c.ID, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
}
