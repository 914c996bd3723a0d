package faults

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/latchkey/latchkey/e2e/world"
)

// event is what these tests read of an exported one.
type event struct {
	Action  string `json:"action"`
	Target  string `json:"target"`
	Request string `json:"request"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
}

// events reads an exported log.
func events(t *testing.T, file string) (all []event) {
	t.Helper()
	f, err := os.Open(file)
	world.Must(t, err)
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var line struct {
			Event event `json:"event"`
		}
		world.Must(t, json.Unmarshal(s.Bytes(), &line))
		if line.Event.Action != "" { // the last line is the export's own
			all = append(all, line.Event)
		}
	}
	world.Must(t, s.Err())
	return all
}

// wantEvent fails unless the log tells of the refusal.
func wantEvent(t *testing.T, file, target, action, reason string) {
	t.Helper()
	for _, e := range events(t, file) {
		if e.Action == action && e.Reason == reason && e.Target == target {
			return
		}
	}
	t.Errorf("the log has no %s of %q with the reason %s", action, target, reason)
}
