package call

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestALineOfTheLogNamesOneCall(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	takesTurns(t, func(cfg *Config) { cfg.Logger = log }, func(t *testing.T, m *Manager, _ *diary) {
		c := newVisitor().answered(t, m)
		c.SetLogger(log.With("application_instance_id", "i-1"))
		seat, err := c.enterRoom(ConferenceOptions{Name: "room"}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		for name, of := range map[string]*Call{
			"a room's":      seat,
			"a destination": m.newAttempt(Destination{Kind: ToSIP, Value: "sip:a@far.example"}, "", c).call,
			"a new far end": c.newcomer(newVisitor()),
		} {
			out.Reset()
			of.logger().Info("said")
			line := out.String()
			if n := strings.Count(line, "call_id="); n != 1 || !strings.Contains(line, "call_id="+of.base.ID) ||
				!strings.Contains(line, "application_instance_id=i-1") {
				t.Errorf("%s: %s", name, line)
			}
		}
	})
}
