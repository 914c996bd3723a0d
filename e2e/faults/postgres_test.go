package faults

import (
	"testing"

	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/e2e/world"
)

// departures are how a PostgreSQL server goes: stopped by an administrator, or at once.
var departures = map[string]func(*postgres.Cluster){"stopped": (*postgres.Cluster).Halt, "killed": (*postgres.Cluster).Kill}

// Taken away between the approval and the execution: nothing is written in the
// directory while it is gone, and whoever taps again is served once.
func TestPostgreSQLThatIsGoneStopsEveryActBeforeTheDirectory(t *testing.T) {
	t.Parallel()
	for name, leave := range departures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := postgres.Start(t)
			w := open(t, world.Options{People: 2, Managers: 2, Cluster: cluster, Settings: map[string]any{"policies": world.ByManager(nil)}})
			typed, locked := w.People[0], w.People[1]
			r := waiting(t, typed)
			world.Must(t, typed.Manager.Phone.SignIn(t.Context()))
			_, err := typed.Manager.Phone.Approve(t.Context(), r.ID, "")
			world.Must(t, err)
			stopsBeforeTheDirectory(t, w, typed, locked, r, func() func() {
				leave(cluster)
				return func() { world.Must(t, cluster.Run()) }
			})
		})
	}
}

// Taken away while the controller writes: the outcome waits for it, and the act goes on
// by itself, without a second write.
func TestPostgreSQLThatGoesDuringAWriteLosesNoOutcome(t *testing.T) {
	t.Parallel()
	for name, leave := range departures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := postgres.Start(t)
			w := open(t, world.Options{People: 1, Cluster: cluster})
			losesNoOutcome(t, w, func() func() {
				leave(cluster)
				return func() { world.Must(t, cluster.Run()) }
			})
		})
	}
}
