package faults

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// byManager are people who each have a manager of their own.
func byManager(t *testing.T, people int, act map[string]any) *world.World {
	t.Helper()
	return open(t, world.Options{People: people, Managers: people, Settings: map[string]any{"policies": world.ByManager(act)}})
}

// waiting is a reset that waits for the manager.
func waiting(t *testing.T, p *world.Person) phone.Request {
	t.Helper()
	world.Must(t, p.Phone.SignIn(t.Context()))
	r, err := p.Phone.Ask(t.Context(), "reset", "back from leave")
	world.Must(t, err)
	if r.State != "pending" {
		t.Fatalf("the request is %s", r.State)
	}
	return r
}

// touch is the manager's passkey over the request, to be sent later.
func touch(t *testing.T, p *world.Person, r phone.Request) phone.Fields {
	t.Helper()
	body, err := p.Manager.Phone.BeginApproval(t.Context(), r.ID, "")
	world.Must(t, err)
	return body
}

// A yes that comes too late, or from somebody who has none to give any more, is
// refused in words, and nothing happens.
func TestAnApprovalThatCantCountChangesNothing(t *testing.T) {
	t.Parallel()
	w := byManager(t, 8, nil)
	for i, c := range []struct {
		name   string
		before func(w *world.World, p *world.Person, r phone.Request) error
		status int
		code   string
	}{
		{"after a denial", func(_ *world.World, p *world.Person, r phone.Request) error {
			_, err := p.Manager.Phone.Deny(t.Context(), r.ID, "not-now", "")
			return err
		}, 409, "review.decided"},
		{"after a report", func(_ *world.World, p *world.Person, r phone.Request) error {
			_, err := p.Manager.Phone.Report(t.Context(), r.ID)
			return err
		}, 409, "review.decided"},
		{"after a cancellation", func(_ *world.World, p *world.Person, r phone.Request) error {
			_, err := p.Phone.Cancel(t.Context(), r.ID)
			return err
		}, 409, "request.cancelled"},
		{"no manager any more", func(w *world.World, p *world.Person, _ phone.Request) error {
			w.DC.Set(p.DN, "manager", w.People[0].DN)
			return nil
		}, 403, "review.not-approver"},
		{"the account is protected", func(w *world.World, p *world.Person, _ phone.Request) error {
			w.DC.Set(p.DN, "adminCount", "1")
			return nil
		}, 403, "account.protected"},
		{"the account is disabled", func(w *world.World, p *world.Person, _ phone.Request) error {
			w.DC.Set(p.DN, "userAccountControl", "514")
			return nil
		}, 409, "account.disabled"},
		{"the manager is disabled", func(w *world.World, p *world.Person, _ phone.Request) error {
			w.DC.Set(p.Manager.DN, "userAccountControl", "514")
			return nil
		}, 403, "review.not-approver"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.People[i+1]
			r := waiting(t, p)
			body := touch(t, p, r)
			world.Must(t, c.before(w, p, r))
			check := unchanged(t, w, p)
			_, err := p.Manager.Phone.FinishApproval(t.Context(), r.ID, body)
			refused(t, err, c.status, c.code)
			_, err = p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": "Harbour-Lantern-1"})
			var problem *phone.Problem
			if !errors.As(err, &problem) {
				t.Errorf("executed: %v", err)
			}
			check()
			all := actions(t, w.Export(), r.ID)
			wantNone(t, all, "review.approved")
			wantNone(t, all, "execution.intended")
		})
	}
}

// Two devices of one approver: the second is told that it is decided.
func TestOfTwoDevicesOfAnApproverOneCounts(t *testing.T) {
	t.Parallel()
	w := byManager(t, 1, nil)
	p := w.People[0]
	r := waiting(t, p)
	first, second := touch(t, p, r), touch(t, p, r)
	_, err := p.Manager.Phone.FinishApproval(t.Context(), r.ID, first)
	world.Must(t, err)
	_, err = p.Manager.Phone.Clone().FinishApproval(t.Context(), r.ID, second)
	refused(t, err, 409, "review.decided")
	_, err = p.Manager.Phone.Deny(t.Context(), r.ID, "not-now", "")
	refused(t, err, 409, "review.decided")
	n := 0
	for _, a := range actions(t, w.Export(), r.ID) {
		if a == "review.approved" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("approved %d times", n)
	}
}

// Whoever has no seat learns nothing, not even that there is a request; and nobody
// approves for themselves, or as their own manager.
func TestWhoHasNoSeatSeesNothing(t *testing.T) {
	t.Parallel()
	w := byManager(t, 2, nil)
	p, other := w.People[0], w.People[1]
	r := waiting(t, p)
	world.Must(t, other.Manager.Phone.SignIn(t.Context()))
	for name, who := range map[string]*phone.Phone{"another manager": other.Manager.Phone, "the requester": p.Phone} {
		for what, try := range map[string]func() error{
			"read":    func() error { _, err := who.Review(t.Context(), r.ID); return err },
			"approve": func() error { _, err := who.Approve(t.Context(), r.ID, ""); return err },
			"deny":    func() error { _, err := who.Deny(t.Context(), r.ID, "not-now", ""); return err },
			"report":  func() error { _, err := who.Report(t.Context(), r.ID); return err },
			"freeze":  func() error { _, err := who.Freeze(t.Context(), r.ID); return err },
		} {
			var problem *phone.Problem
			if err := try(); !errors.As(err, &problem) || problem.Status != 404 {
				t.Errorf("%s could %s: %v", name, what, err)
			}
		}
	}
	w.DC.Set(other.DN, "manager", other.DN)
	world.Must(t, other.Phone.SignIn(t.Context()))
	asked, err := other.Phone.Ask(t.Context(), "reset", "")
	if err == nil && asked.State == "pending" {
		t.Errorf("their own manager was asked: %+v", asked)
	}
}

// The passkey that was removed meanwhile approves nothing.
func TestARemovedPasskeyApprovesNothing(t *testing.T) {
	t.Parallel()
	w := byManager(t, 1, nil)
	p := w.People[0]
	r := waiting(t, p)
	m := p.Manager.Phone
	body := touch(t, p, r)
	proof, err := m.StepUp(t.Context(), "remove-passkey", m.CredentialID())
	world.Must(t, err)
	world.Must(t, m.Call(t.Context(), "POST", "/api/passkeys/"+m.CredentialID()+"/remove", phone.Fields{"proof": proof, "last": true}, nil))
	check := unchanged(t, w, p)
	_, err = m.FinishApproval(t.Context(), r.ID, body)
	var problem *phone.Problem
	if !errors.As(err, &problem) || problem.Status < 400 || problem.Status >= 500 {
		t.Errorf("approved: %v", err)
	}
	t.Log("refused with", err)
	check()
	wantNone(t, actions(t, w.Export(), r.ID), "review.approved")
}

func TestTheThirdWrongNumberEndsTheRequest(t *testing.T) {
	t.Parallel()
	w := byManager(t, 1, map[string]any{"number": "required"})
	p := w.People[0]
	r := waiting(t, p)
	right := r.Reviewed.Number
	if len(right) != 2 {
		t.Fatalf("number %q", right)
	}
	wrong := "11"
	if right == wrong {
		wrong = "12"
	}
	check := unchanged(t, w, p)
	m := p.Manager.Phone
	for _, c := range []struct {
		number string
		status int
		code   string
	}{
		{"", 422, "review.number"}, // none is no wrong one
		{wrong, 422, "review.number"}, {wrong, 422, "review.number"}, {wrong, 409, "review.number-cancelled"}, {right, 409, "request.cancelled"},
	} {
		_, err := m.Approve(t.Context(), r.ID, c.number)
		refused(t, err, c.status, c.code)
	}
	check()
	if r, err := p.Phone.Read(t.Context(), r.ID); err != nil || r.State != "cancelled" {
		t.Errorf("%+v, %v", r, err)
	}
}

// At the deadline of a request nobody's yes counts any more, and everybody was
// heard until then.
func TestAtTheDeadlineThereIsOneOutcome(t *testing.T) {
	everyday.Left(t, "the minute until the deadline passes by a clock of its own in workflow")
	t.Parallel()
	w := byManager(t, 8, map[string]any{"approve": []any{map[string]any{"by": "manager", "within": "1m"}}})
	type race struct {
		p    *world.Person
		r    phone.Request
		body phone.Fields
	}
	var races []race
	for _, p := range w.People {
		r := waiting(t, p)
		races = append(races, race{p, r, touch(t, p, r)})
	}
	end := time.Now().Add(time.Minute) // of the last one; the others are over some moments before
	answers := make(chan error, len(races))
	for i, c := range races {
		at := time.NewTimer(time.Until(end) - time.Duration(len(races)-i)*400*time.Millisecond)
		go func() {
			<-at.C
			_, err := c.p.Manager.Phone.FinishApproval(context.Background(), c.r.ID, c.body)
			answers <- err
		}()
	}
	for range races {
		var problem *phone.Problem
		if err := <-answers; err != nil && (!errors.As(err, &problem) || problem.Status >= 500) {
			t.Error(err)
		}
	}
	seen := map[string]int{}
	for _, c := range races {
		soon(t, 60*time.Second, "an end", func() bool {
			now, err := c.p.Phone.Read(t.Context(), c.r.ID)
			return err == nil && now.State != "pending"
		})
		now, err := c.p.Phone.Read(t.Context(), c.r.ID)
		world.Must(t, err)
		seen[now.State]++
		all := actions(t, w.Export(), c.r.ID)
		if now.State == "expired" {
			wantNone(t, all, "review.approved")
		} else {
			wantNone(t, all, "request.expired")
		}
	}
	t.Log("outcomes:", seen)
}
