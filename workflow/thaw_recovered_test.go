package workflow_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// cameIn is Ann's session that these proofs opened, for an act.
func (w *world) cameIn(act string, kinds ...enroll.ProofKind) {
	all := make([]enroll.Proof, len(kinds))
	for i, kind := range kinds {
		proofNumber++
		all[i] = signed(w.ann, enroll.LabelRecover, enroll.RecoverStatement(annGUID, act))
		all[i].Kind, all[i].Receipt = kind, enroll.Receipt{}
	}
	w.proofs.recover[w.ann.Session] = all
}

// Whoever is frozen and has no passkey left asks by what let them in: that lifts nothing,
// and whoever lifts is told what it was.
func TestARecoveryAsksForTheThawAndLiftsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.engine.SetPolicy(everyone("p", [][]enroll.ProofKind{{enroll.ProofPIN, enroll.ProofTOTP}}))
		w.store.keyless[annGUID] = true
		if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.cameIn(workflow.ActThaw, enroll.ProofPIN, enroll.ProofTOTP)
		if err := w.engine.AskThawRecovered(w.ctx, w.ann); err != nil {
			t.Fatal(err)
		}
		f, err := w.engine.OwnFreeze(w.ctx, w.ann)
		if err != nil || !f.Asked.Equal(time.Now().UTC().Truncate(time.Millisecond)) ||
			!slices.Equal(f.Proved, []enroll.ProofKind{enroll.ProofPIN, enroll.ProofTOTP}) {
			t.Fatalf("%v, %+v", err, f)
		}
		w.wantFrozen(t, true)
		if w.store.told(ad.GUID{}, workflow.NoticeThaw) != 1 || w.store.told(annGUID, workflow.NoticeThawAsked) != 1 {
			t.Error("nobody is told")
		}
		for _, e := range w.store.events {
			if kinds, _ := e.Detail["proof_kinds"].([]string); e.Action == audit.AccountAskedFor && !slices.Equal(kinds, []string{"pin", "totp"}) {
				t.Errorf("%+v", e)
			}
		}
		wantErr(t, w.engine.AskThawRecovered(w.ctx, w.ann), workflow.ErrProofMismatch) // used
		_, err = w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrFrozen)
		if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator}); err != nil {
			t.Fatal(err)
		}
		if r := w.submit(workflow.KindReset); r.State != workflow.Draft {
			t.Errorf("what asked for the thaw proves a request: %s", r.State)
		}
	})
}

func TestARecoveryForAThawIsAboutThisFreezeAndNothingElse(t *testing.T) {
	code := enroll.ProofRecoveryCode
	for name, c := range map[string]struct {
		bend func(w *world, p *enroll.Proof)
		want error
	}{
		"for an unlock":        {func(_ *world, p *enroll.Proof) { p.Statement = enroll.RecoverStatement(annGUID, "unlock") }, workflow.ErrProofMismatch},
		"of another account's": {func(_ *world, p *enroll.Proof) { p.Statement = enroll.RecoverStatement(bobGUID, workflow.ActThaw) }, workflow.ErrProofMismatch},
		"of another label":     {func(_ *world, p *enroll.Proof) { p.Label = workflow.ThawLabel }, workflow.ErrProofMismatch},
		"another person's":     {func(_ *world, p *enroll.Proof) { p.Account = bobGUID }, workflow.ErrProofMismatch},
		"another session's":    {func(_ *world, p *enroll.Proof) { p.Session = "x" }, workflow.ErrProofMismatch},
		"no session's": {func(w *world, p *enroll.Proof) {
			p.Session, w.ann.Session = "", ""
			w.proofs.recover[""] = []enroll.Proof{*p}
		}, workflow.ErrProofMismatch},
		"with no number":    {func(_ *world, p *enroll.Proof) { p.ID = "" }, workflow.ErrProofMismatch},
		"too weak":          {func(_ *world, p *enroll.Proof) { p.Kind = enroll.ProofPIN }, workflow.ErrProofMismatch},
		"before the freeze": {func(w *world, p *enroll.Proof) { p.At = w.store.frozen[annGUID].At }, workflow.ErrProofMismatch},
		"six minutes ago":   {func(_ *world, _ *enroll.Proof) { time.Sleep(6 * time.Minute) }, workflow.ErrProofExpired},
		"used":              {func(w *world, p *enroll.Proof) { w.store.used[p.ID] = "request r" }, workflow.ErrProofMismatch},
		"used by another meanwhile": {func(w *world, p *enroll.Proof) {
			w.store.before = func(op string) error { return w.usedMeanwhile(op, p.ID) }
		}, workflow.ErrProofUsed},
		"none":                      {func(w *world, _ *enroll.Proof) { w.proofs.recover = nil }, workflow.ErrProofMismatch},
		"proofs that can't be read": {func(w *world, _ *enroll.Proof) { w.proofs.err = errDown }, errDown},
		"an account that can't be read": {func(w *world, _ *enroll.Proof) {
			w.dir.on(func(string) error { return errDown })
		}, errDown},
		"a freeze that can't be kept": {func(w *world, _ *enroll.Proof) { w.store.before = onOp("ask-thaw", errDown) }, errDown},
		"no freeze by then": {func(w *world, _ *enroll.Proof) {
			w.store.before = func(op string) error {
				if op == "ask-thaw" {
					delete(w.store.frozen, annGUID)
				}
				return nil
			}
		}, workflow.ErrNotFrozen},
		"no freeze": {func(w *world, _ *enroll.Proof) { delete(w.store.frozen, annGUID) }, workflow.ErrNotFrozen},
		"of a protected account": {func(w *world, _ *enroll.Proof) {
			w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup })
		}, ad.ErrProtected},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.engine.SetPolicy(everyone("p", [][]enroll.ProofKind{{code}}))
				if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				w.cameIn(workflow.ActThaw, code)
				c.bend(w, &w.proofs.recover[w.ann.Session][0])
				wantErr(t, w.engine.AskThawRecovered(w.ctx, w.ann), c.want)
				if w.store.count(audit.AccountAskedFor) != 0 || !w.store.frozen[annGUID].Asked.IsZero() {
					t.Error("asked for")
				}
			})
		})
	}
}

func (w *world) usedMeanwhile(op, proof string) error {
	if op == "ask-thaw" {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		w.store.used[proof] = "another"
	}
	return nil
}

// Each message about it takes it back by its link, once: also the one that says that somebody
// came in, before and after they asked.
func TestTheMessageThatSomebodyCameInTakesTheirAskingBack(t *testing.T) {
	for name, asked := range map[string]bool{"before they ask": false, "after": true} {
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(everyone("p", [][]enroll.ProofKind{{enroll.ProofTOTP}}))
			w.store.keyless[annGUID] = true
			earlier := w.link()
			if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			w.cameIn(workflow.ActThaw, enroll.ProofTOTP)
			time.Sleep(time.Second)
			link := w.link()
			time.Sleep(time.Second)
			ask := func() error { return w.engine.AskThawRecovered(w.ctx, w.ann) }
			if asked && ask() != nil {
				t.Fatal("not asked for")
			}
			stop := func(link secret.Text) (ended, alerts int) {
				t.Helper()
				if err := w.engine.FreezeByNotice(w.ctx, link, anywhere); err != nil {
					t.Fatal(err)
				}
				return len(w.store.ended), w.store.told(ad.GUID{}, workflow.NoticeAlert)
			}
			if ended, alerts := stop(earlier); ended != 1 || alerts != 1 || w.store.frozen[annGUID].Asked.IsZero() == asked {
				t.Errorf("%s: one from before: %d, %d", name, ended, alerts)
			}
			toIT := 1 // it was told of the freeze within the hour
			if asked {
				toIT = 2
			}
			for range 2 {
				if ended, alerts := stop(link); ended != 2 || alerts != toIT || !w.store.frozen[annGUID].Asked.IsZero() {
					t.Errorf("%s: %d, %d, %+v", name, ended, alerts, w.store.frozen[annGUID])
				}
			}
			if ask() == nil {
				t.Errorf("%s: asked for by what came in before", name)
			}
			time.Sleep(time.Hour)
			if ended, alerts := stop(w.link()); ended != 3 || alerts != toIT+1 {
				t.Errorf("%s: an hour later: %d, %d", name, ended, alerts)
			}
		})
	}
}

// Whoever lifts is told where a passkey is held and was not used, and where nobody can say.
func TestALiftTellsOfAPasskeyThatWasNotUsed(t *testing.T) {
	for name, c := range map[string]struct {
		proved  []enroll.ProofKind
		keyless bool
		down    error
		want    bool
	}{
		"a passkey":            {[]enroll.ProofKind{enroll.ProofPasskey}, false, nil, false},
		"of an earlier server": {nil, false, nil, false},
		"a code beside one":    {[]enroll.ProofKind{enroll.ProofRecoveryCode}, false, nil, true},
		"a code, and none":     {[]enroll.ProofKind{enroll.ProofRecoveryCode}, true, nil, false},
		"a code, and who says": {[]enroll.ProofKind{enroll.ProofRecoveryCode}, true, errDown, true},
	} {
		underReview(t, byManager, "", func(w *world) {
			w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID, By: annGUID, At: time.Now(), Asked: time.Now(), Proved: c.proved}
			w.store.keyless[annGUID] = c.keyless
			w.store.before = onOp("held-proofs", c.down)
			list, err := w.engine.Thaws(w.ctx, boss)
			if err != nil || len(list) != 1 || list[0].Unused != c.want {
				t.Errorf("%s: %v, %+v", name, err, list)
			}
		})
	}
}

// No asking takes the link of an earlier one away: whoever reads the mail in the morning
// takes back what stands by then.
func TestTheLinkOfAnEarlierAskingTakesBackALaterOne(t *testing.T) {
	for _, wait := range []time.Duration{time.Minute, 2 * time.Hour} {
		inWorld(t, func(w *world) {
			label, statement := w.frozenNow()
			time.Sleep(time.Minute)
			cameIn := w.link()
			time.Sleep(time.Second)
			for range 2 {
				if err := w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, label, statement)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(wait)
			}
			if err := w.engine.FreezeByNotice(w.ctx, cameIn, anywhere); err != nil {
				t.Fatal(err)
			}
			if f := w.store.frozen[annGUID]; !f.Asked.IsZero() {
				t.Errorf("%s apart: %+v", wait, f)
			}
		})
	}
}

// A link that the clock of another server made in the future counts once as well.
func TestALinkOfAServerAheadCountsOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.frozenNow()
		ahead := w.engine.FreezeLink(annGUID, workflow.NoticeChanged, 7, time.Now().Add(2*time.Minute))
		for range 3 {
			if err := w.engine.FreezeByNotice(w.ctx, ahead, anywhere); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := w.store.count(audit.AccountStopped); n != 2 {
			t.Errorf("frozen %d times", n)
		}
	})
}

// What a lifter signs is what they were shown.
func TestALiftIsOfWhatWasShown(t *testing.T) {
	underReview(t, byManager, "", func(w *world) {
		w.askedThaw()
		shown := w.store.frozen[annGUID].Asked
		if _, _, err := w.engine.BeginLift(w.ctx, boss, annGUID, shown); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		label, statement, err := w.engine.BeginThaw(w.ctx, w.ann)
		if err != nil || w.engine.AskThaw(w.ctx, w.ann, signed(w.ann, label, statement)) != nil {
			t.Fatal(err)
		}
		_, _, err = w.engine.BeginLift(w.ctx, boss, annGUID, shown)
		wantErr(t, err, workflow.ErrAskedAnew)
	})
}

// A thaw gives back what the policy gives: it takes the proofs of the strongest of that.
func TestAThawTakesWhatANewCredentialTakes(t *testing.T) {
	type sets = [][]enroll.ProofKind
	pin, app, code, word := enroll.ProofPIN, enroll.ProofTOTP, enroll.ProofRecoveryCode, enroll.ProofVouching
	manager := []workflow.Tier{{By: workflow.Approvers{Manager: true}}}
	for name, c := range map[string]struct {
		acts   map[workflow.Kind]workflow.Act
		held   []enroll.ProofKind
		proved []enroll.ProofKind
		want   error
	}{
		"what a reset takes":                      {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{app}}}}, []enroll.ProofKind{app}, []enroll.ProofKind{app}, nil},
		"what a new passkey takes":                {map[workflow.Kind]workflow.Act{workflow.KindEnrol: {Prove: sets{{code}}}}, []enroll.ProofKind{app}, []enroll.ProofKind{code}, nil},
		"half of it":                              {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{app, pin}}}}, []enroll.ProofKind{app}, []enroll.ProofKind{app}, enroll.ErrRecoverRefused},
		"nothing":                                 {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{app}}}}, []enroll.ProofKind{app}, nil, enroll.ErrRecoverRefused},
		"an unlock's, where it gives more":        {map[workflow.Kind]workflow.Act{workflow.KindUnlock: {Prove: sets{{pin}}}, workflow.KindReset: {Prove: sets{{code}}}}, nil, []enroll.ProofKind{pin}, enroll.ErrRecoverRefused},
		"an unlock's, where it gives no more":     {map[workflow.Kind]workflow.Act{workflow.KindUnlock: {Prove: sets{{pin}}}}, nil, []enroll.ProofKind{pin}, nil},
		"an unlock's, where a change is all else": {map[workflow.Kind]workflow.Act{workflow.KindUnlock: {Prove: sets{{pin}}}, workflow.KindChange: {Prove: sets{{app}}}}, nil, []enroll.ProofKind{pin}, nil},
		"a change's":                              {map[workflow.Kind]workflow.Act{workflow.KindChange: {Prove: sets{{app}}}}, nil, []enroll.ProofKind{app}, enroll.ErrRecoverRefused},
		"weaker than what is held":                {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{pin}, {code}}}}, []enroll.ProofKind{code}, []enroll.ProofKind{pin}, enroll.ErrRecoverRefused},
		"weaker, where somebody approves":         {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{pin}}, Approve: manager}, workflow.KindUnlock: {Prove: sets{{code}}}}, []enroll.ProofKind{pin, code}, []enroll.ProofKind{pin}, enroll.ErrRecoverRefused},
		"weaker than what no rule takes":          {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{pin}}, Approve: manager}}, []enroll.ProofKind{pin, code}, []enroll.ProofKind{pin}, nil},
		"weaker, of an unlock":                    {map[workflow.Kind]workflow.Act{workflow.KindUnlock: {Prove: sets{{pin}, {app}}}}, []enroll.ProofKind{pin, app}, []enroll.ProofKind{pin}, enroll.ErrRecoverRefused},
		"weaker than the passkey that is lost":    {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{enroll.ProofPasskey}, {pin}}, Approve: manager}}, []enroll.ProofKind{pin, enroll.ProofPasskey}, []enroll.ProofKind{pin}, nil},
		"somebody's word":                         {map[workflow.Kind]workflow.Act{workflow.KindReset: {Prove: sets{{word}}, Approve: manager}}, nil, []enroll.ProofKind{word}, enroll.ErrRecoverRefused},
		"where nothing is given":                  {nil, nil, []enroll.ProofKind{code}, enroll.ErrRecoverRefused},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
					t.Fatal(err)
				}
				w.store.keyless[annGUID], w.store.holds[annGUID] = true, c.held
				w.engine.SetPolicy(workflow.Policy{Rules: []workflow.Rule{{Name: "p", Who: workflow.Condition{Everyone: true}, Acts: c.acts}}})
				err := w.engine.ThawSuffices(w.ctx, w.account(annGUID), "192.0.2.7", c.proved)
				if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Errorf("%v, want %v", err, c.want)
				}
				// What proves nothing any more for what the directory has by now ranks as before.
				w.store.holds[annGUID], w.store.voided[annGUID] = nil, c.held
				if err := w.engine.ThawSuffices(w.ctx, w.account(annGUID), "192.0.2.7", c.proved); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Errorf("void: %v, want %v", err, c.want)
				}
			})
		})
	}
}

// Of an account that is not frozen right proofs are refused as wrong ones are.
func TestAThawOfWhatIsNotFrozenIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		byCode := []enroll.ProofKind{enroll.ProofRecoveryCode}
		w.engine.SetPolicy(everyone("p", [][]enroll.ProofKind{byCode}))
		w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup })
		wantErr(t, w.engine.ThawSuffices(w.ctx, w.account(annGUID), "", byCode), enroll.ErrRecoverRefused)
		w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.NotProtected })
		wantErr(t, w.engine.ThawSuffices(w.ctx, w.account(annGUID), "", byCode), enroll.ErrRecoverRefused)
	})
}

// Whoever proved enough hears that the account is frozen, and whether that is enough to
// ask for a thaw.
func TestAFrozenAccountIsToldWithWhatAsksForAThaw(t *testing.T) {
	pin, code := []enroll.ProofKind{enroll.ProofPIN}, []enroll.ProofKind{enroll.ProofRecoveryCode}
	for name, c := range map[string]struct {
		proved []enroll.ProofKind
		want   string
	}{"an unlock's proof": {pin, ""}, "a new credential's": {code, "suffices"}} {
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(workflow.Policy{Rules: []workflow.Rule{{Name: "p", Who: workflow.Condition{Everyone: true}, Acts: map[workflow.Kind]workflow.Act{
				workflow.KindUnlock: {Prove: [][]enroll.ProofKind{pin, code}}, workflow.KindReset: {Prove: [][]enroll.ProofKind{code}},
			}}}})
			w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID, By: annGUID}
			err := w.engine.Suffices(w.ctx, w.account(annGUID), workflow.KindUnlock, "", c.proved)
			var told *workflow.Detailed
			errors.As(err, &told)
			if !errors.Is(err, workflow.ErrFrozen) || (told != nil) != (c.want != "") || told != nil && told.Params["thaw"] != c.want {
				t.Errorf("%s: %v, %+v", name, err, told)
			}
		})
	}
}

func TestAThawIsDeniedWhereNobodyCanSayWhatItTakes(t *testing.T) {
	byApp := workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofTOTP}}}
	for _, c := range []struct {
		op   string
		kind workflow.Kind
	}{{"held-proofs", workflow.KindReset}, {"held-proofs", workflow.KindUnlock}, {"frozen", workflow.KindReset}} {
		op := c.op
		inWorld(t, func(w *world) {
			w.engine.SetPolicy(workflow.Policy{Rules: []workflow.Rule{{
				Name: "p", Who: workflow.Condition{Everyone: true}, Acts: map[workflow.Kind]workflow.Act{c.kind: byApp},
			}}})
			w.store.keyless[annGUID] = true
			w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID, By: annGUID}
			w.store.before = onOp(op, errDown)
			if err := w.engine.ThawSuffices(w.ctx, w.account(annGUID), "", []enroll.ProofKind{enroll.ProofTOTP}); !errors.Is(err, errDown) {
				t.Errorf("%s: %v", op, err)
			}
		})
	}
}
