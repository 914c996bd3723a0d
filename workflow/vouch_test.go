package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

var byWord = [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofVouching}}

// vouching runs a test where a manager's word stands in for a passkey.
func vouching(t *testing.T, prove [][]enroll.ProofKind, test func(*world)) {
	t.Helper()
	underReview(t, byManager, "", func(w *world) {
		for kind, act := range w.policy.Rules[0].Acts {
			act.Prove = prove
			w.policy.Rules[0].Acts[kind] = act
		}
		w.engine.SetPolicy(w.policy)
		test(w)
	})
}

func word(kind workflow.Kind, session string) workflow.Vouch {
	return workflow.Vouch{
		Account: annGUID, Kind: kind, Session: session, Number: "47", Until: time.Now().Add(time.Hour),
		From: workflow.From{Device: "Phone", Address: "198.51.100.9"},
	}
}

var errNoCount = errors.New("the count fails")

// strangers is the browser that asks; it has no session before somebody vouched.
func strangers(session string) workflow.Actor {
	return workflow.Actor{Account: annGUID, Session: session, Address: "198.51.100.9"}
}

func (w *world) vouched(session string) bool {
	w.t.Helper()
	_, yes, err := w.engine.VouchedFor(w.ctx, annGUID, session)
	if err != nil {
		w.t.Fatal(err)
	}
	return yes
}

func TestAWordIsTheProofAndTheApproval(t *testing.T) {
	for _, kind := range []workflow.Kind{workflow.KindUnlock, workflow.KindReset, workflow.KindOneTime, workflow.KindEnrol} {
		t.Run(string(kind), func(t *testing.T) {
			vouching(t, byWord, func(w *world) {
				w.lock(annGUID)
				r, err := w.engine.Vouch(w.ctx, word(kind, "waits"))
				if err != nil {
					t.Fatal(err)
				}
				wantState(t, r, workflow.Pending)
				if r.Number != "47" || len(r.Asked) != 1 || r.Asked[0].Account != bossGUID || w.vouched("waits") || w.dir.written() != 0 {
					t.Fatalf("asked %+v", r)
				}
				if n := w.store.count(audit.RequestApproved); n != 0 {
					t.Fatal("approved by nobody")
				}
				if _, _, err := w.engine.BeginApproval(w.ctx, boss, r.ID, "48"); !errors.Is(err, workflow.ErrNumber) {
					t.Fatalf("another number: %v", err)
				}
				if _, err := w.approve(boss, r); err != nil {
					t.Fatal(err)
				}
				if !w.vouched("waits") || w.vouched("another") || w.vouched("") {
					t.Fatal("not the one session")
				}
				got := w.stored(r.ID)
				switch kind {
				case workflow.KindUnlock:
					wantState(t, got, workflow.Done)
				case workflow.KindEnrol:
					if _, err := w.engine.Enrollable(w.ctx, strangers("waits"), r.ID); err != nil {
						t.Fatal(err)
					}
				default:
					value, old := values(kind)
					done, _, err := w.engine.Execute(w.ctx, strangers("waits"), r.ID, value, old)
					if err != nil {
						t.Fatal(err)
					}
					wantState(t, done, workflow.Done)
				}
			})
		})
	}
}

// What leaves no request, and asks nobody.
func TestAWordIsNotAskedForWhatMayNotBe(t *testing.T) {
	for name, c := range map[string]struct {
		prove [][]enroll.ProofKind
		flip  func(*world)
		ask   func(*workflow.Vouch)
		want  error
	}{
		"no rule takes it":   {prove: passkey, want: workflow.ErrProofMissing},
		"asked beside a PIN": {prove: [][]enroll.ProofKind{{enroll.ProofVouching, enroll.ProofPIN}}, want: workflow.ErrProofMissing},
		"protected":          {flip: func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup }) }, want: ad.ErrProtected},
		"disabled":           {flip: func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.Disabled = true }) }, want: ad.ErrDisabled},
		"frozen":             {flip: func(w *world) { w.store.frozen[annGUID] = workflow.Freeze{} }, want: workflow.ErrFrozen},
		"no manager":         {flip: func(w *world) { w.dir.edit(annGUID, func(a *ad.Account) { a.ManagerDN = "" }) }, want: workflow.ErrNoApprover},
		"nobody left to ask": {ask: func(v *workflow.Vouch) { v.Spare = func(context.Context, ad.GUID) (bool, error) { return true, nil } }, want: workflow.ErrSpared},
		"the count fails": {ask: func(v *workflow.Vouch) {
			v.Spare = func(context.Context, ad.GUID) (bool, error) { return false, errNoCount }
		}, want: errNoCount},
		"no session":          {ask: func(v *workflow.Vouch) { v.Session = "" }, want: workflow.ErrKind},
		"no number":           {ask: func(v *workflow.Vouch) { v.Number = "4" }, want: workflow.ErrKind},
		"no kind":             {ask: func(v *workflow.Vouch) { v.Kind = "all" }, want: workflow.ErrKind},
		"nobody":              {ask: func(v *workflow.Vouch) { v.Account = ad.GUID{} }, want: ad.ErrNotFound},
		"a policy of nothing": {flip: func(w *world) { w.engine.SetPolicy(workflow.Policy{}) }, want: workflow.ErrNotAllowed},
		"approved by nobody": {flip: func(w *world) {
			w.engine.SetPolicy(everyone("h", [][]enroll.ProofKind{{enroll.ProofVouching}}))
		}, want: workflow.ErrOnlyVouched},
	} {
		t.Run(name, func(t *testing.T) {
			prove := c.prove
			if prove == nil {
				prove = byWord
			}
			vouching(t, prove, func(w *world) {
				if c.flip != nil {
					c.flip(w)
				}
				v := word(workflow.KindReset, "waits")
				if c.ask != nil {
					c.ask(&v)
				}
				_, err := w.engine.Vouch(w.ctx, v)
				wantErr(t, err, c.want)
				if len(w.store.requests) != 0 || len(w.store.notices) != 0 {
					t.Fatalf("left %d requests and %d notices", len(w.store.requests), len(w.store.notices))
				}
			})
		})
	}
}

// Whoever signs in goes before whoever only has the name: what was asked for by a
// word ends, and its number is worth nothing.
func TestWhatItsOwnerAsksForGoesBeforeAWord(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		asked, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		own := w.submit(workflow.KindReset)
		if own.ID == asked.ID || own.Vouched() {
			t.Fatalf("the owner took up %+v", own)
		}
		gone := w.stored(asked.ID)
		wantState(t, gone, workflow.Cancelled)
		if gone.Result.Code != string(workflow.ErrSuperseded) {
			t.Errorf("because %q", gone.Result.Code)
		}
		_, _, err = w.engine.BeginApproval(w.ctx, boss, asked.ID, "47")
		if !errors.Is(err, workflow.ErrCancelled) || w.vouched("waits") {
			t.Fatal("approved afterwards")
		}
		// And nothing that was proved makes way for a word.
		if own, err = w.engine.Prove(w.ctx, w.ann, own.ID, w.stepUp(w.ann, own.ID)); err != nil {
			t.Fatal(err)
		}
		_, err = w.engine.Vouch(w.ctx, word(workflow.KindReset, "later"))
		wantErr(t, err, workflow.ErrOpen)
		wantState(t, w.stored(own.ID), workflow.Pending)
	})
}

// Somebody begins, finds that the passkey is not at hand, and asks for a word.
func TestADraftOfNothingProvedGivesWayToAWord(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		own := w.submit(workflow.KindReset)
		wantState(t, own, workflow.Draft)
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, r, workflow.Pending)
		gone := w.stored(own.ID)
		wantState(t, gone, workflow.Cancelled)
		if gone.Result.Code != string(workflow.ErrSuperseded) || len(w.openOnes()) != 1 {
			t.Errorf("because %q, %d are open", gone.Result.Code, len(w.openOnes()))
		}
		w.vouchesFor(r)
	})
	// Half of what is asked for was proved: that is its owner's.
	vouching(t, [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPIN}, {enroll.ProofVouching}}, func(w *world) {
		own := w.submit(workflow.KindReset)
		own, err := w.engine.Prove(w.ctx, w.ann, own.ID, w.stepUp(w.ann, own.ID))
		if err != nil && !errors.Is(err, workflow.ErrProofMissing) {
			t.Fatal(err)
		}
		wantState(t, w.stored(own.ID), workflow.Draft)
		_, err = w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		wantErr(t, err, workflow.ErrOpen)
	})
}

func TestAnApprovedWordIsTakenUpByNoOtherSession(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.approve(boss, r); err != nil {
			t.Fatal(err)
		}
		own := w.submit(workflow.KindReset)
		if own.ID == r.ID {
			t.Fatal("taken up")
		}
		wantState(t, w.stored(r.ID), workflow.Cancelled)
		value, old := values(workflow.KindReset)
		if _, _, err := w.engine.Execute(w.ctx, strangers("waits"), r.ID, value, old); err == nil || w.dir.written() != 0 {
			t.Fatalf("executed: %v", err)
		}
		if w.vouched("waits") {
			t.Fatal("a session for what is over")
		}
	})
}

// The page was lost: whoever asks anew is asked for anew, and the same page gets the
// same request however often it asks.
func TestANewerWordTakesThePlaceOfAnOlder(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		ask := func(session string) workflow.Request {
			t.Helper()
			r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, session))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first := ask("one")
		if again := ask("one"); again.ID != first.ID {
			t.Fatal("asked twice for one page")
		}
		second := ask("two")
		wantState(t, w.stored(first.ID), workflow.Cancelled)
		wantState(t, second, workflow.Pending)
		if again := ask("one"); again.ID != first.ID {
			t.Fatal("an old page asks anew")
		}
		if open := len(w.openOnes()); open != 1 {
			t.Fatalf("%d are open", open)
		}
	})
}

// faultyAt fails for some browsers.
type faultyAt struct {
	*browsers
	down map[string]error
}

func (f *faultyAt) KnownBrowser(ctx context.Context, account ad.GUID, browser string, before time.Time) (bool, error) {
	if err := f.down[browser]; err != nil {
		return false, err
	}
	return f.browsers.KnownBrowser(ctx, account, browser, before)
}

func (w *world) engineWith(b workflow.Browsers) *workflow.Engine {
	return workflow.New(workflow.Config{
		Store: w.store, Directory: w.dir, Proofs: w.proofs, Judge: w.judge, Policy: w.policy,
		People: w.dir, Holders: w.store, Freezes: w.store, Reminders: w.store, Browsers: b, Executor: "one",
	})
}

// What its owner asked for in a browser that they are known by stays, whoever else has the
// name; what a stranger asked for makes way for it.
func TestAKnownBrowsersWordGivesWayToNoUnknownOne(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		known := &browsers{first: map[string]time.Time{
			annGUID.String() + "hers": time.Now(), annGUID.String() + "her other": time.Now(), bobGUID.String() + "bobs": time.Now(),
		}}
		w.engine = w.engineWith(known)
		ask := func(session, browser string) (workflow.Request, error) {
			v := word(workflow.KindReset, session)
			v.Browser = browser
			return w.engine.Vouch(w.ctx, v)
		}
		took := func(session, browser string, from workflow.Request) workflow.Request {
			t.Helper()
			r, err := ask(session, browser)
			if err != nil || from.ID != "" && w.stored(from.ID).State != workflow.Cancelled {
				t.Fatalf("%s: %v", session, err)
			}
			return r
		}
		first := took("a stranger", "strange", workflow.Request{})
		second := took("another", "bobs", first)
		hers := took("she", "hers", second)
		for _, browser := range []string{"strange", "bobs", ""} {
			_, err := ask("stranger in "+browser, browser)
			wantErr(t, err, workflow.ErrOpen)
			wantState(t, w.stored(hers.ID), workflow.Pending)
		}
		again := took("she again", "hers", hers)
		elsewhere := took("she elsewhere", "her other", again)
		for _, down := range []string{"her other", "hers"} {
			w.engine = w.engineWith(&faultyAt{known, map[string]error{down: errDown}})
			_, err := ask("with a fault", "hers")
			wantErr(t, err, errDown)
			wantState(t, w.stored(elsewhere.ID), workflow.Pending)
		}
		w.engine = w.engineWith(known)
		// Her session is over that a word was given for: it serves nobody any more.
		given := w.stored(elsewhere.ID)
		given.State = workflow.Approved
		text, err := json.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		w.store.mu.Lock()
		w.store.requests[given.ID] = text
		w.store.mu.Unlock()
		over := took("a stranger after that", "strange", elsewhere)
		elsewhere = took("she once more", "her other", over)
		known.first[annGUID.String()+"her other"] = time.Now().Add(time.Hour) // not yet when it was asked
		took("a stranger to what was none of hers", "strange", elsewhere)
	})
}

// Somebody was vouched for and types: a stranger's ask does not end it, until their
// session is over.
func TestWhatWasVouchedForGivesWayToNoStranger(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.approve(boss, r); err != nil {
			t.Fatal(err)
		}
		spent := 0
		v := word(workflow.KindReset, "stranger")
		v.Spare = func(context.Context, ad.GUID) (bool, error) { spent++; return false, nil }
		_, err = w.engine.Vouch(w.ctx, v)
		wantErr(t, err, workflow.ErrOpen)
		if !w.vouched("waits") || spent != 0 {
			t.Fatalf("taken away, or %d asked", spent)
		}
		time.Sleep(enroll.RecoveredValid)
		if _, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "later")); err != nil {
			t.Fatal(err)
		}
		wantState(t, w.stored(r.ID), workflow.Cancelled)
	})
}

// What is over lets its browser in for a short while, to see how it ended.
func TestAWordThatIsDoneLetsNobodyInLater(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		w.lock(annGUID)
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindUnlock, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.approve(boss, r); err != nil {
			t.Fatal(err)
		}
		wantState(t, w.stored(r.ID), workflow.Done)
		time.Sleep(enroll.RecoveredValid - time.Second)
		if !w.vouched("waits") {
			t.Fatal("not within the time")
		}
		time.Sleep(time.Second)
		if w.vouched("waits") {
			t.Fatal("let in later")
		}
	})
}

func (w *world) openOnes() (open []workflow.Request) {
	w.t.Helper()
	mine, err := w.engine.Mine(w.ctx, w.ann)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range mine {
		if r.State.Open() {
			open = append(open, r)
		}
	}
	return open
}

// What nobody proved is not the owner's act in the log, and its owner hears of it.
func TestNobodyIsNamedAsTheOneWhoAskedForAWord(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range w.store.events {
			if e.Request == r.ID && e.Actor != audit.ActorAnonymous {
				t.Errorf("%s by %s", e.Action, e.Actor)
			}
		}
		told := slices.IndexFunc(w.store.notices, func(n workflow.Notice) bool { return n.Kind == workflow.NoticeVouch && n.To == annGUID })
		if told < 0 {
			t.Errorf("its owner is not told: %+v", w.store.notices)
		}
		if r.Deadline.After(time.Now().Add(time.Hour)) {
			t.Errorf("open until %s", r.Deadline)
		}
	})
}

// Whoever gave a proof of its owner's with the asking has that: the notice says so.
func TestTheOwnerHearsWhatWasProvedBesideAWord(t *testing.T) {
	for name, c := range map[string]struct {
		given []enroll.ProofKind
		want  string
	}{
		"a word alone":    {nil, ""},
		"a PIN":           {[]enroll.ProofKind{enroll.ProofPIN}, "proof"},
		"a code by mail":  {[]enroll.ProofKind{enroll.ProofMailCode}, "proof"}, // no change of that: push names those so
		"a recovery code": {[]enroll.ProofKind{enroll.ProofRecoveryCode}, "recovery-code"},
		"both":            {[]enroll.ProofKind{enroll.ProofPIN, enroll.ProofRecoveryCode}, "recovery-code"},
		"what names them": {[]enroll.ProofKind{enroll.ProofDirectory}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			vouching(t, [][]enroll.ProofKind{{enroll.ProofPasskey}, append([]enroll.ProofKind{enroll.ProofVouching}, c.given...)}, func(w *world) {
				v := word(workflow.KindReset, "waits")
				for _, kind := range c.given {
					v.Proofs = append(v.Proofs, enroll.Proof{ID: "beside-" + string(kind), Kind: kind, Account: annGUID, Session: v.Session, At: time.Now()})
				}
				if _, err := w.engine.Vouch(w.ctx, v); err != nil {
					t.Fatal(err)
				}
				i := slices.IndexFunc(w.store.notices, func(n workflow.Notice) bool { return n.Kind == workflow.NoticeVouch })
				if i < 0 {
					t.Fatal("its owner is not told")
				}
				if got, named := w.store.notices[i].Params["beside"]; got != c.want || named != (c.want != "") {
					t.Errorf("beside %q, want %q", got, c.want)
				}
			})
		})
	}
}

// What was proved is looked at with the rules before it is used up; nothing is written.
func TestWhetherAWordWouldBeAskedForIsWhatVouchAnswers(t *testing.T) {
	pinned := [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofVouching, enroll.ProofPIN}}
	for name, c := range map[string]struct {
		bend func(w *world, v *workflow.Vouch)
		want error
	}{
		"as it should be": {func(*world, *workflow.Vouch) {}, nil},
		"nothing beside":  {func(_ *world, v *workflow.Vouch) { v.Proofs = nil }, workflow.ErrProofMissing},
		"another proof":   {func(_ *world, v *workflow.Vouch) { v.Proofs[0].Kind = enroll.ProofTOTP }, workflow.ErrProofMissing},
		"proved long ago": {func(_ *world, v *workflow.Vouch) { v.Proofs[0].At = time.Now().Add(-6 * time.Minute) }, workflow.ErrProofExpired},
		"frozen":          {func(w *world, _ *workflow.Vouch) { w.store.frozen[annGUID] = workflow.Freeze{Account: annGUID} }, workflow.ErrFrozen},
		"protected": {func(w *world, _ *workflow.Vouch) {
			w.dir.edit(annGUID, func(a *ad.Account) { a.Protected = ad.ProtectedGroup })
		}, ad.ErrProtected},
		"nobody who could": {func(w *world, _ *workflow.Vouch) { w.store.keyless[bossGUID] = true }, workflow.ErrNoApprover},
		"no such kind":     {func(_ *world, v *workflow.Vouch) { v.Kind = "thaw" }, workflow.ErrKind},
		"no session":       {func(_ *world, v *workflow.Vouch) { v.Session = "" }, workflow.ErrKind},
		"all are left in peace": {func(_ *world, v *workflow.Vouch) {
			v.Spare = func(context.Context, ad.GUID) (bool, error) { return true, nil }
		}, workflow.ErrSpared},
	} {
		t.Run(name, func(t *testing.T) {
			vouching(t, pinned, func(w *world) {
				v := word(workflow.KindReset, "waits")
				v.Proofs = []enroll.Proof{{ID: "beside", Kind: enroll.ProofPIN, Account: annGUID, Session: v.Session, At: time.Now()}}
				c.bend(w, &v)
				err := w.engine.MayVouch(w.ctx, v)
				if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Fatalf("%v, want %v", err, c.want)
				}
				if len(w.store.requests) != 0 || len(w.store.notices) != 0 || len(w.store.events) != 0 {
					t.Errorf("written: %+v", w.store.events)
				}
				r, asked := w.engine.Vouch(w.ctx, v)
				if !errors.Is(asked, c.want) || (asked == nil) != (c.want == nil) {
					t.Errorf("Vouch says %v, want %v", asked, c.want)
				}
				if asked == nil {
					v.Proofs = nil
					if err := w.engine.MayVouch(w.ctx, v); err != nil || len(w.store.requests) != 1 || r.State != workflow.Pending {
						t.Errorf("once it waits: %v", err)
					}
				}
			})
		})
	}
}

func TestADeniedWordOpensNothing(t *testing.T) {
	vouching(t, byWord, func(w *world) {
		r, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.engine.Deny(w.ctx, boss, r.ID, "other", "did not call"); err != nil {
			t.Fatal(err)
		}
		if w.vouched("waits") {
			t.Fatal("a session for a denial")
		}
		// The same page asks again: no second request.
		if again, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "waits")); err != nil || again.ID != r.ID {
			t.Fatalf("%+v, %v", again, err)
		}
		if _, err := w.engine.Vouch(w.ctx, word(workflow.KindReset, "other")); err != nil {
			t.Fatal(err)
		}
	})
}

// Signed in, a word is nothing that could be given: the rule's other proofs are asked
// for, and a rule without any says where a word is asked for.
func TestASignedInPersonIsAskedForNoWord(t *testing.T) {
	vouching(t, [][]enroll.ProofKind{{enroll.ProofPasskey, enroll.ProofPIN}, {enroll.ProofVouching}}, func(w *world) {
		r := w.submit(workflow.KindReset)
		if got := r.Needs(); !slices.Equal(got, []enroll.ProofKind{enroll.ProofPasskey, enroll.ProofPIN}) {
			t.Errorf("needs %v", got)
		}
	})
	vouching(t, [][]enroll.ProofKind{{enroll.ProofVouching}}, func(w *world) {
		_, err := w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
		wantErr(t, err, workflow.ErrOnlyVouched)
		for _, o := range w.engine.Options(w.ctx, w.ann, w.account(annGUID)) {
			if o.Kind == workflow.KindReset && (o.Allowed || o.Code != string(workflow.ErrOnlyVouched)) {
				t.Errorf("offered %+v", o)
			}
		}
	})
}
