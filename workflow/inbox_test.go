package workflow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

func TestAnInboxHoldsWhatWaitsAndWhatWasDecided(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		late := w.pending(workflow.KindReset)
		time.Sleep(time.Minute)
		soon := bySecurity
		soon.Within = 5 * time.Minute
		w.engine.SetPolicy(reviewedBy(soon, ""))
		early := w.pending(workflow.KindChange)
		waiting, decided, err := w.engine.Inbox(w.ctx, hal)
		if err != nil || len(waiting) != 2 || len(decided) != 0 {
			t.Fatalf("%v, %d wait, %d decided", err, len(waiting), len(decided))
		}
		if waiting[0].Request.ID != early.ID || waiting[0].Target.DisplayName != "Given ann" || !waiting[0].Open {
			t.Fatalf("%+v", waiting[0])
		}
		w.wantWaiting(t, hal, 2)
		if _, err := w.approve(hal, early); err != nil {
			t.Fatal(err)
		}
		w.wantWaiting(t, hal, 1)
		w.wantWaiting(t, ida, 1)
		w.wantWaiting(t, boss, 0)
		w.wantWaiting(t, workflow.Actor{}, 0)
		waiting, decided, err = w.engine.Inbox(w.ctx, ida)
		if err != nil || len(waiting) != 1 || waiting[0].Request.ID != late.ID || len(decided) != 1 || decided[0].Open {
			t.Fatalf("%v, %+v, %+v", err, waiting, decided)
		}
		// A deadline that no job has seen yet waits for nobody.
		time.Sleep(time.Hour)
		w.wantWaiting(t, ida, 0)
		if waiting, decided, err = w.engine.Inbox(w.ctx, ida); err != nil || len(waiting) != 0 || decided[1].Code != "request.expired" {
			t.Fatalf("%v, %+v, %+v", err, waiting, decided)
		}
		for _, who := range []workflow.Actor{boss, w.ann, {}} {
			if waiting, decided, err = w.engine.Inbox(w.ctx, who); err != nil || len(waiting)+len(decided) != 0 {
				t.Fatalf("%v, %+v, %+v", err, waiting, decided)
			}
		}
	})
}

// However much came in and was decided, what waits is shown.
func TestADecidedCrowdHidesNothingThatWaits(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		first := w.pending(workflow.KindReset)
		for i := range 120 {
			decided := w.stored(first.ID)
			decided.ID, decided.State, decided.Created = fmt.Sprintf("%s-%03d", first.ID, i), workflow.Denied, first.Created.Add(time.Second)
			decided.Proofs = nil
			if err := w.store.Create(w.ctx, decided, workflow.Change{}); err != nil {
				t.Fatal(err)
			}
		}
		waiting, decided, err := w.engine.Inbox(w.ctx, hal)
		if err != nil || len(waiting) != 1 || waiting[0].Request.ID != first.ID || len(decided) != 30 {
			t.Fatalf("%v, %d wait, %d decided", err, len(waiting), len(decided))
		}
		w.wantWaiting(t, hal, 1)
	})
}

func (w *world) wantWaiting(t *testing.T, who workflow.Actor, want int) {
	t.Helper()
	if n, err := w.engine.Waiting(w.ctx, who.Account); err != nil || n != want {
		t.Fatalf("%v, %d wait, want %d", err, n, want)
	}
}

func TestAReviewSaysWhyItIsNotOpen(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		for _, c := range []struct {
			flip func(*ad.Account)
			want string
		}{
			{func(a *ad.Account) { a.Protected = ad.ProtectedAdmin }, "account.protected"},
			{func(a *ad.Account) { a.Protected, a.Disabled = ad.NotProtected, true }, "account.disabled"},
			{func(a *ad.Account) { a.Disabled, a.ManagerDN = false, "CN=hal,"+staffOU }, "review.not-approver"},
			{func(a *ad.Account) { a.ManagerDN = "CN=boss," + staffOU }, ""},
		} {
			w.dir.edit(annGUID, c.flip)
			seen, err := w.engine.Review(w.ctx, boss, r.ID)
			if err != nil || seen.Code != c.want || seen.Open != (c.want == "") {
				t.Fatalf("%v, %+v, want %q", err, seen.Code, c.want)
			}
		}
		w.unchanged(t, r)
	})
}

func TestARequestOfSomebodyWhoIsGoneIsStillShown(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		delete(w.dir.accounts, annGUID)
		seen, err := w.engine.Review(w.ctx, boss, r.ID)
		if err != nil || seen.Target.GUID != annGUID || seen.Open || seen.Code != workflow.CodeOf(ad.ErrNotFound) {
			t.Fatalf("%v, %+v", err, seen)
		}
		if waiting, _, err := w.engine.Inbox(w.ctx, boss); err != nil || len(waiting) != 1 {
			t.Fatalf("%v, %+v", err, waiting)
		}
	})
}

func TestSignsOfWhatIsUnusual(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		signs := func(r workflow.Request) (codes []string, often int) {
			seen, err := w.engine.Review(w.ctx, boss, r.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range seen.Signs {
				codes = append(codes, s.Code)
				often += s.Count
			}
			return codes, often
		}
		next := func() workflow.Request { return w.pending(workflow.KindReset) }
		end := func(r workflow.Request) { _, _ = w.engine.Cancel(w.ctx, w.ann, r.ID); time.Sleep(time.Second) }

		r := next()
		if codes, _ := signs(r); len(codes) != 0 {
			t.Fatalf("the first request: %v", codes)
		}
		end(r)
		w.ann.Device = "Firefox on Linux"
		r = next()
		if codes, _ := signs(r); len(codes) != 1 || codes[0] != "new-device" {
			t.Fatalf("another device: %v", codes)
		}
		end(r)
		r = next()
		if codes, n := signs(r); len(codes) != 1 || codes[0] != "often" || n != 3 {
			t.Fatalf("the third: %v, %d", codes, n)
		}
		end(r)
		time.Sleep(8 * 24 * time.Hour)
		if codes, _ := signs(next()); len(codes) != 0 {
			t.Fatalf("a week later: %v", codes)
		}
	})
}

// Whoever is asked after a no reads of it: nobody shops for an approval.
func TestANoIsASignOnTheNextRequest(t *testing.T) {
	for _, c := range []struct {
		code string
		no   func(*world, workflow.Request) error
	}{
		{"denied-before", func(w *world, r workflow.Request) error {
			_, err := w.engine.Deny(w.ctx, hal, r.ID, "not-now", "")
			return err
		}},
		{"reported-before", func(w *world, r workflow.Request) error { _, err := w.engine.Report(w.ctx, hal, r.ID); return err }},
	} {
		t.Run(c.code, func(t *testing.T) {
			underReview(t, bySecurity, "", func(w *world) {
				if err := c.no(w, w.pending(workflow.KindReset)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				r := w.pending(workflow.KindReset)
				seen, err := w.engine.Review(w.ctx, ida, r.ID)
				if err != nil || len(seen.Signs) != 1 || seen.Signs[0] != (workflow.Sign{Code: c.code, Count: 1}) {
					t.Fatalf("%v, %+v", err, seen.Signs)
				}
			})
		})
	}
}

func TestPhotosAreSeenByRequesterAndReviewersOnly(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		bob := workflow.Actor{Account: bobGUID}
		for _, c := range []struct {
			who  workflow.Actor
			of   ad.GUID
			sees bool
		}{
			{boss, annGUID, true}, {w.ann, bossGUID, true},
			{boss, bobGUID, false}, {boss, bossGUID, false}, {w.ann, bobGUID, false}, {w.ann, annGUID, false},
			{bob, annGUID, false}, {bob, bossGUID, false}, {hal, annGUID, false},
			{workflow.Actor{}, annGUID, false}, {boss, ad.GUID{}, false}, {w.ann, ad.GUID{}, false},
		} {
			err := w.engine.MaySee(w.ctx, c.who, r.ID, c.of)
			if c.sees && err != nil || !c.sees && err == nil {
				t.Errorf("%s sees %s: %v", c.who.Account, c.of, err)
			}
			if !c.sees {
				wantErr(t, err, workflow.ErrNoRequest)
			}
		}
		wantErr(t, w.engine.MaySee(w.ctx, boss, "unknown", annGUID), workflow.ErrNoRequest)
	})
}

func TestTheRequesterReadsWhoWasAsked(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		delete(w.dir.accounts, idaGUID)
		list, err := w.engine.Asked(w.ctx, w.ann, r.ID, 5)
		if err != nil || len(list) != 2 || list[0].DisplayName != "Given hal" || list[1].GUID != idaGUID || list[1].DisplayName != "" {
			t.Fatalf("%v, %+v", err, list)
		}
		if list, err = w.engine.Asked(w.ctx, w.ann, r.ID, 1); err != nil || len(list) != 1 || list[0].GUID != halGUID {
			t.Fatalf("%v, %+v", err, list)
		}
		_, err = w.engine.Asked(w.ctx, hal, r.ID, 5)
		wantErr(t, err, workflow.ErrNoRequest)
	})
}

func TestARequesterRemindsOnce(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		r := w.pending(workflow.KindReset)
		_, err := w.engine.Remind(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrReminded)
		time.Sleep(2 * time.Minute)
		_, err = w.engine.Remind(w.ctx, hal, r.ID)
		wantErr(t, err, workflow.ErrNoRequest)
		got, err := w.engine.Remind(w.ctx, w.ann, r.ID)
		if err != nil || got.Reminded.IsZero() {
			t.Fatalf("%v, %+v", err, got)
		}
		got, err = w.engine.Remind(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrReminded)
		if got.ID != r.ID || w.store.told(halGUID, workflow.NoticeReminder) != 1 || w.store.told(idaGUID, workflow.NoticeReminder) != 1 {
			t.Fatal("reminded twice, or not")
		}
		for _, n := range w.store.notices {
			if n.Kind == workflow.NoticeReminder && !n.Until.Equal(r.Deadline) {
				t.Fatalf("%+v", n)
			}
		}
		if _, err := w.approve(hal, r); err != nil {
			t.Fatal(err)
		}
		_, err = w.engine.Remind(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrReviewed)
	})
}

func TestADeadlineAndADraftAreNotReminded(t *testing.T) {
	underReview(t, bySecurity, "", func(w *world) {
		draft := w.submit(workflow.KindChange)
		_, err := w.engine.Remind(w.ctx, w.ann, draft.ID)
		wantErr(t, err, workflow.ErrProofMissing)
		r := w.pending(workflow.KindReset)
		time.Sleep(time.Hour)
		_, err = w.engine.Remind(w.ctx, w.ann, r.ID)
		wantErr(t, err, workflow.ErrExpired)
	})
}
