package crash

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

const approversDN = "CN=Approvers,CN=Users," + world.Base

// byGroup is a world in which any of so many people approves, an unlock too.
func byGroup(t *testing.T, approvers int) *world.World {
	t.Helper()
	act := map[string]any{"prove": []string{"passkey"}, "approve": []any{map[string]any{"by": map[string]any{"group": approversDN}}}}
	return world.New(t, world.Options{
		People: 1, Managers: approvers,
		Settings: map[string]any{"policies": []any{map[string]any{
			"name": "by group", "who": map[string]any{"everyone": true}, "unlock": act, "reset": act,
		}}},
		Fill: func(w *world.World) {
			var members []string
			for _, m := range w.Managers {
				members = append(members, m.DN)
			}
			w.DC.AddGroup(minidc.Group{Name: "Approvers", Members: members})
		},
	})
}

// asked locks the person and asks to be unlocked, which waits for an approval.
func asked(t *testing.T, w *world.World) phone.Request {
	t.Helper()
	p := w.People[0]
	w.DC.Set(p.DN, "lockoutTime", fmt.Sprint(filetime(time.Now())))
	world.Must(t, p.Phone.SignIn(t.Context()))
	r, err := p.Phone.Ask(t.Context(), "unlock", "back from leave")
	world.Must(t, err)
	if r.State != "pending" {
		t.Fatalf("the request is %s", r.State)
	}
	return r
}

// touched is every approver's passkey over the request, n times in all.
func touched(t *testing.T, w *world.World, id string, n int) []phone.Fields {
	t.Helper()
	bodies := make([]phone.Fields, n)
	for i := range bodies {
		var err error
		bodies[i], err = w.Managers[i%len(w.Managers)].Phone.BeginApproval(t.Context(), id, "")
		world.Must(t, err)
	}
	return bodies
}

// settled waits until the request goes on no more.
func settled(t *testing.T, w *world.World, id string) phone.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		r, err := w.People[0].Phone.Read(ctx, id)
		world.Must(t, err)
		switch r.State {
		case "done", "denied", "cancelled", "expired", "failed":
			return r
		}
		time.Sleep(20 * time.Millisecond) // another process: polled as a page does
	}
}

// events counts the actions about a request in the log.
func events(t *testing.T, w *world.World, id string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(w.Export())
	world.Must(t, err)
	n := map[string]int{}
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, `"request":"`+id+`"`) {
			continue
		}
		_, rest, _ := strings.Cut(line, `"action":"`)
		action, _, _ := strings.Cut(rest, `"`)
		n[action]++
	}
	return n
}

func TestOfTwoHundredApprovalsOneCounts(t *testing.T) {
	w := byGroup(t, 10) // each is limited to 30 in a row
	r := asked(t, w)
	before := w.Writes(w.People[0])
	bodies := touched(t, w, r.ID, crowd)
	all(t, func(i int) error {
		_, err := w.Managers[i%len(w.Managers)].Phone.Clone().FinishApproval(context.Background(), r.ID, bodies[i])
		return err
	})
	if r = settled(t, w, r.ID); r.State != "done" {
		t.Errorf("the request ended %s", r.State)
	}
	if wrote := w.Writes(w.People[0]) - before; wrote != 1 {
		t.Errorf("the directory counted %d writes", wrote)
	}
	if n := events(t, w, r.ID); n["review.approved"] != 1 || n["request.approved"] > 1 || n["execution.done"] != 1 {
		t.Errorf("the log says %v", n)
	}
}

func TestOfApproveDenyReportAndCancelOneCounts(t *testing.T) {
	w := byGroup(t, 20)
	rounds := 6
	if soaking() {
		rounds = 18
	}
	seen := map[string]int{}
	for round := range rounds {
		r := asked(t, w)
		before := w.Writes(w.People[0])
		bodies := touched(t, w, r.ID, len(w.Managers))
		atOnce(t, 2*len(w.Managers), func(i int) error {
			if i%2 != 0 { // an approval takes longer than a no: later rounds give it a start
				<-time.After(time.Duration(round) * 15 * time.Millisecond)
			}
			return decide(w, r.ID, i, bodies)
		})
		r = settled(t, w, r.ID)
		seen[r.State]++
		n := events(t, w, r.ID)
		if ends := n["review.denied"] + n["review.reported"] + n["request.cancelled"] + n["execution.done"]; ends != 1 || n["review.approved"] > 1 {
			t.Errorf("not one outcome: %v", n)
		}
		wrote := w.Writes(w.People[0]) - before
		if done := r.State == "done"; done != (wrote == 1) || wrote > 1 {
			t.Errorf("%s, and the directory counted %d writes", r.State, wrote)
		}
	}
	t.Log("outcomes:", seen)
}

// decide is what member i of the crowd does: each approver once sends the passkey
// over the request, and once denies or reports it; or the requester cancels.
func decide(w *world.World, id string, i int, bodies []phone.Fields) (err error) {
	ctx := context.Background()
	p := w.Managers[i%len(bodies)].Phone.Clone()
	switch {
	case i%2 == 0:
		_, err = p.FinishApproval(ctx, id, bodies[i%len(bodies)])
	case i%6 == 1:
		_, err = p.Deny(ctx, id, "unsure", "")
	case i%6 == 3:
		_, err = p.Report(ctx, id)
	default:
		_, err = w.People[0].Phone.Clone().Cancel(ctx, id)
	}
	return err
}
