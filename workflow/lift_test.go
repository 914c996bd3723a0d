package workflow_test

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// askedThaw freezes Ann, who then proves that it is her.
func (w *world) askedThaw() {
	w.t.Helper()
	label, statement := w.frozenNow()
	if err := w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, label, statement)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) lift(who workflow.Actor) error {
	label, statement, err := w.engine.BeginLift(w.ctx, who, annGUID, time.Time{})
	if err != nil {
		return err
	}
	return w.engine.Lift(w.ctx, who, annGUID, signed(who, label, statement))
}

func (w *world) thaws(who workflow.Actor) int {
	w.t.Helper()
	list, err := w.engine.Thaws(w.ctx, who)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(list)
}

func TestWhomThePolicyAsksLiftsAFreeze(t *testing.T) {
	for name, c := range map[string]struct {
		tier workflow.Tier
		by   workflow.Actor
	}{"the manager": {byManager, boss}, "one of the group": {bySecurity, hal}} {
		t.Run(name, func(t *testing.T) {
			underReview(t, c.tier, "", func(w *world) {
				w.askedThaw()
				if w.thaws(c.by) != 1 {
					t.Fatal("not listed")
				}
				if err := w.lift(c.by); err != nil {
					t.Fatal(err)
				}
				w.wantFrozen(t, false)
				if w.store.count(audit.AccountUnfrozen) != 1 || w.store.told(annGUID, workflow.NoticeThawed) != 1 || w.thaws(c.by) != 0 {
					t.Error("not told, or listed still")
				}
				wantErr(t, w.lift(c.by), workflow.ErrNotFrozen)
			})
		})
	}
}

func TestNobodyElseLiftsAFreeze(t *testing.T) {
	for name, c := range map[string]struct {
		who  workflow.Actor
		flip func(*world)
		want error
	}{
		"its owner":                     {who: workflow.Actor{Account: annGUID, Session: "session-ann"}, want: workflow.ErrNotFrozen},
		"a colleague":                   {who: workflow.Actor{Account: bobGUID, Session: "session-bob"}, want: workflow.ErrNotFrozen},
		"nobody":                        {who: workflow.Actor{}, want: workflow.ErrNotFrozen},
		"a manager who is frozen":       {who: boss, flip: func(w *world) { w.store.frozen[bossGUID] = workflow.Freeze{} }, want: workflow.ErrFrozen},
		"a manager who is disabled":     {who: boss, flip: func(w *world) { w.dir.edit(bossGUID, func(a *ad.Account) { a.Disabled = true }) }, want: workflow.ErrNotFrozen},
		"a manager of before":           {who: boss, flip: func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "" }) }, want: workflow.ErrNotFrozen},
		"where no rule asks anybody":    {who: boss, flip: func(w *world) { w.engine.SetPolicy(everyone("h", passkey)) }, want: workflow.ErrNotFrozen},
		"where its owner did not prove": {who: boss, flip: func(w *world) { f := w.store.frozen[annGUID]; f.Asked = time.Time{}; w.store.frozen[annGUID] = f }, want: workflow.ErrNotFrozen},
		"where no store says": {who: boss, flip: func(w *world) {
			w.store.before = func(op string) error { return map[bool]error{true: errDown}[op == "frozen"] }
		}, want: errDown},
	} {
		t.Run(name, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				w.askedThaw()
				if c.flip != nil {
					c.flip(w)
				}
				wantErr(t, w.lift(c.who), c.want)
				// A signature does not help either.
				err := w.engine.Lift(w.ctx, c.who, annGUID, signed(c.who, workflow.LiftLabel, []byte("x")))
				wantErr(t, err, c.want)
				if w.store.count(audit.AccountUnfrozen) != 0 {
					t.Error("lifted")
				}
			})
		})
	}
}

// The signature is about this freeze, this proof of its owner, and this person.
func TestALiftTakesAProofAboutThisVeryFreeze(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.askedThaw()
		label, statement, err := w.engine.BeginLift(w.ctx, boss, annGUID, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		thaw, own, err := w.engine.BeginThaw(w.ctx, w.ann)
		if err != nil {
			t.Fatal(err)
		}
		for name, bend := range map[string]func(*enroll.Proof){
			"a thaw's label":    func(p *enroll.Proof) { p.Label = thaw },
			"a thaw's":          func(p *enroll.Proof) { p.Label, p.Statement = thaw, own },
			"another statement": func(p *enroll.Proof) { p.Statement = own },
			"another session's": func(p *enroll.Proof) { p.Session = "x" },
			"another person's":  func(p *enroll.Proof) { p.Account = halGUID },
			"a code":            func(p *enroll.Proof) { p.Kind = enroll.ProofTOTP },
			"none":              func(p *enroll.Proof) { *p = enroll.Proof{} },
		} {
			p := signed(boss, label, statement)
			bend(&p)
			if err := w.engine.Lift(w.ctx, boss, annGUID, p); err == nil {
				t.Fatalf("%s lifted", name)
			} else {
				wantErr(t, err, workflow.ErrProofMismatch)
			}
		}
		// Its owner proved anew: what was signed before is about the proof of before.
		if err := w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, thaw, own)); err != nil {
			t.Fatal(err)
		}
		wantErr(t, w.engine.Lift(w.ctx, boss, annGUID, signed(boss, label, statement)), workflow.ErrProofMismatch)
		if err := w.lift(boss); err != nil {
			t.Fatal(err)
		}
	})
}

// However many ask, one inbox looks at so many accounts, and at those who asked last.
func TestAnInboxLooksAtSoManyFrozenAccounts(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.askedThaw()
		if w.thaws(boss) != 1 {
			t.Fatal("not listed")
		}
		for i := range 20 {
			id := ad.GUID{0xee, byte(i)}
			w.store.frozen[id] = workflow.Freeze{Account: id, Asked: time.Now().Add(time.Minute)}
		}
		if w.thaws(boss) != 0 {
			t.Error("more were looked at")
		}
	})
}
