package workflow

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
)

var errGone = errors.New("gone")

// What held when a step began is looked at again where it commits: here the request
// was changed in between.
func TestAStepLooksAgainWhereItCommits(t *testing.T) {
	boss, ann := Actor{Account: bossID, Session: "s-2"}, Actor{Account: annID, Session: "s-1"}
	approved := func(change func(*Request)) Request {
		r := waiting()
		r.State, r.Reviews = Approved, []Review{reviewedBy(bossID, VerdictApprove)}
		if change != nil {
			change(&r)
		}
		return r
	}
	intend := func(e *Engine, seen Request) error {
		_, err := e.intend(context.Background(), "ann", seen, order{session: "s-1"}, ad.Account{GUID: annID})
		return err
	}
	for name, tc := range map[string]struct {
		is   Request
		step func(e *Engine, seen Request) error
		want error
	}{
		"an intent":                     {approved(nil), intend, nil},
		"an intent, a proof gone":       {approved(func(r *Request) { r.Proofs = nil }), intend, ErrProofMissing},
		"an intent, a review gone":      {approved(func(r *Request) { r.Reviews = nil }), intend, ErrProofMissing},
		"an intent, proved elsewhere":   {approved(func(r *Request) { r.Proofs[0].Session = "s-9" }), intend, ErrProofMissing},
		"an intent, no longer approved": {approved(func(r *Request) { r.State = Cancelled }), intend, ErrCancelled},
		"a replacement, done by now": {approved(func(r *Request) { r.Kind, r.State, r.Version = KindOneTime, Done, 8 }), func(e *Engine, seen Request) error {
			seen.Version = 7
			return intend(e, seen)
		}, ErrExecuting},
		"a replacement, as it was seen": {approved(func(r *Request) { r.Kind, r.State, r.Version = KindOneTime, Done, 8 }), intend, nil},
		"an intent, changed beside": {approved(func(r *Request) { r.Version = 8 }), func(e *Engine, seen Request) error {
			seen.Version = 7
			return intend(e, seen)
		}, nil},
		"an intent to register": {approved(func(r *Request) { r.Kind = KindEnrol }), intend, ErrTransition},
		"an unlock needs no session": {approved(func(r *Request) { r.Kind, r.Proofs[0].Session = KindUnlock, "s-9" }), func(e *Engine, seen Request) error {
			_, err := e.intend(context.Background(), "ann", seen, order{}, ad.Account{GUID: annID})
			return err
		}, nil},
		"a withdrawal": {approved(nil), func(e *Engine, seen Request) error {
			r, err := e.withdraw(context.Background(), "ann", seen, ErrNotAllowed)
			if r.State != Failed {
				t.Errorf("withdrawn to %s", r.State)
			}
			return err
		}, ErrNotAllowed},
		"a withdrawal, executed by now": {approved(func(r *Request) { r.State = Executing }), func(e *Engine, seen Request) error {
			_, err := e.withdraw(context.Background(), "ann", seen, ErrNotAllowed)
			if e.store.(*single).r.State != Executing {
				t.Error("withdrawn from an execution")
			}
			return err
		}, ErrNotAllowed},
		"asked here": {approved(nil), func(e *Engine, seen Request) error {
			r, err := e.askHere(context.Background(), Actor{Account: annID, Session: "s-5"}, seen)
			if r.State != Draft {
				t.Errorf("asked in %s", r.State)
			}
			return err
		}, ErrProofMissing},
		"asked here, proved here by now": {approved(nil), func(e *Engine, seen Request) error {
			r, err := e.askHere(context.Background(), ann, seen)
			if r.State != Approved || r.Proofs[0].Void {
				t.Errorf("%+v", r)
			}
			return err
		}, ErrProofMissing},
		"asked here, over by now": {approved(func(r *Request) { r.State = Expired }), func(e *Engine, seen Request) error {
			_, err := e.askHere(context.Background(), Actor{Account: annID, Session: "s-5"}, seen)
			return err
		}, ErrExpired},
		"a policy that asks again": {approved(nil), func(e *Engine, seen Request) error {
			_, err := e.askAgainFor(context.Background(), ann, seen, Decision{Verdict: Allow, Prove: [][]enroll.ProofKind{{enroll.ProofTOTP}}})
			return err
		}, ErrProofMissing},
		"a policy that asks again, over by now": {approved(func(r *Request) { r.State = Cancelled }), func(e *Engine, seen Request) error {
			_, err := e.askAgainFor(context.Background(), ann, seen, Decision{Verdict: Allow, Prove: [][]enroll.ProofKind{{enroll.ProofTOTP}}})
			return err
		}, ErrCancelled},
		"an approval, others are asked by now": {waiting(), func(e *Engine, seen Request) error {
			r := seen
			seen.Asked = []Seat{{Account: bobID}}
			_, err := e.approve(&r, boss, seen, enroll.Proof{})
			return err
		}, ErrChanged},
		"an approval, decided by now": {approved(nil), func(e *Engine, r Request) error {
			_, err := e.approve(&r, boss, r, enroll.Proof{})
			return err
		}, ErrReviewed},
		"a report, over by now": {approved(func(r *Request) { r.State, r.Reviews = Done, nil }), func(e *Engine, r Request) error {
			_, err := e.report(&r, boss)
			return err
		}, ErrDone},
		"a wrong number, right by now": {waiting(), func(e *Engine, seen Request) error {
			err := e.wrongNumber(context.Background(), boss, seen.ID, "17")
			if e.store.(*single).r.WrongNumbers != 0 {
				t.Error("counted")
			}
			return err
		}, ErrChanged},
		"a wrong number, decided by now": {approved(nil), func(e *Engine, seen Request) error {
			return e.wrongNumber(context.Background(), boss, seen.ID, "18")
		}, ErrReviewed},
		"a nudge": {waiting(), func(e *Engine, seen Request) error { return e.nudge(context.Background(), seen.ID) }, nil},
		"a nudge, decided by now": {approved(nil), func(e *Engine, seen Request) error {
			return e.nudge(context.Background(), seen.ID)
		}, errTakenOver},
		"a nudge, past": {func() Request { r := waiting(); r.Deadline = noon; return r }(), func(e *Engine, seen Request) error {
			return e.nudge(context.Background(), seen.ID)
		}, errTakenOver},
		"a nudge, too early": {func() Request { r := waiting(); r.Wake = noon.Add(1); return r }(), func(e *Engine, seen Request) error {
			return e.nudge(context.Background(), seen.ID)
		}, errTakenOver},
	} {
		e, _ := office(tc.is)
		if err := tc.step(e, tc.is); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestAStepAgainstTheTableOfStatesIsRefused(t *testing.T) {
	done := func() *Request { r := waiting(); r.State = Done; return &r }
	e, _ := office(waiting())
	seats := panel{tiers: waiting().Decision.Approve, seats: []Seat{{Account: bossID}}}
	for name, step := range map[string]func() error{
		"grant": func() error { _, err := e.grant(done(), noon, "x"); return err },
		"turn down": func() error {
			r := done()
			_, err := r.turnDown(Denied, ErrDenied, r.event(noon, "x", "y", "z", ""), Notice{})
			return err
		},
		"cancel": func() error { _, err := e.cancelled(done(), "x", ErrFrozen); return err },
		"stop":   func() error { _, err := e.stopped(stop{account: annID}, []*Request{done()}); return err },
		"pend":   func() error { _, err := e.pend(done(), seats, noon, "x"); return err },
		"execute what registers a passkey": func() error {
			r := waiting()
			r.State, r.Kind = Approved, KindEnrol
			return r.to(Executing)
		},
		"finish what was not executed": func() error { r := waiting(); r.State = Approved; return r.to(Done) },
	} {
		if err := step(); !errors.Is(err, ErrTransition) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := waiting()
	if _, err := e.pend(&r, panel{tiers: r.Decision.Approve}, noon, "x"); !errors.Is(err, ErrChanged) {
		t.Errorf("pending before nobody: %v", err)
	}
	if _, err := e.pend(&r, panel{seats: seats.seats}, noon, "x"); !errors.Is(err, ErrChanged) {
		t.Errorf("pending before those of another decision: %v", err)
	}
	if _, err := approval(&Request{}, noon, Actor{}, enroll.Proof{}); err == nil {
		t.Error("an approval of what was shown without a salt")
	}
	if _, err := reviewStatement(Request{}, bossID); err == nil {
		t.Error("a statement of what is shown without a salt")
	}
}

func TestNoTwoExecutionsForOneAccount(t *testing.T) {
	r := waiting()
	r.State, r.Reviews = Approved, []Review{reviewedBy(bossID, VerdictApprove)}
	for name, tc := range map[string]struct {
		other Request
		want  error
	}{
		"an execution":      {Request{ID: "r-2", Target: annID, State: Executing}, ErrExecuting},
		"a lost answer":     {Request{ID: "r-2", Target: annID, State: Unknown}, ErrUnsettled},
		"for another":       {Request{ID: "r-2", Target: bobID, State: Executing}, nil},
		"this one itself":   {Request{ID: "r-1", Target: annID, State: Executing}, nil},
		"one that is over":  {Request{ID: "r-2", Target: annID, State: Done}, nil},
		"the store is down": {Request{}, errGone},
	} {
		e, store := office(r)
		store.others = []Request{tc.other}
		if tc.want == errGone {
			store.err = errGone
		}
		_, err := e.intendAlone(t.Context(), "ann", r, order{session: "s-1"}, ad.Account{GUID: annID})
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestAnIntentIsTheSameInEveryPart(t *testing.T) {
	one := Intent{At: noon, Lease: noon.Add(time.Minute), Executor: "a", Controller: "dc1", Before: ad.Marks{KeyVersion: 7}}
	two := one
	if !one.same(&two) || one.same(nil) || (*Intent)(nil).same(&one) || (*Intent)(nil).same(nil) {
		t.Error("same")
	}
	for name, change := range map[string]func(*Intent){
		"moment":     func(i *Intent) { i.At = i.At.Add(1) },
		"lease":      func(i *Intent) { i.Lease = i.Lease.Add(1) },
		"executor":   func(i *Intent) { i.Executor = "b" },
		"controller": func(i *Intent) { i.Controller = "dc2" },
		"marks":      func(i *Intent) { i.Before.KeyVersion++ },
	} {
		two := one
		change(&two)
		if one.same(&two) {
			t.Errorf("%s differs", name)
		}
	}
	a := Terms{Prove: []string{"passkey"}, Approve: []string{"manager"}, Number: NumberOff, CoolDown: "24h"}
	for name, b := range map[string]Terms{
		"proofs": {Prove: []string{"totp"}, Approve: a.Approve, Number: a.Number, CoolDown: a.CoolDown}, "approvals": {Prove: a.Prove, Number: a.Number, CoolDown: a.CoolDown},
		"number":    {Prove: a.Prove, Approve: a.Approve, Number: NumberRequired, CoolDown: a.CoolDown},
		"cool-down": {Prove: a.Prove, Approve: a.Approve, Number: a.Number},
	} {
		if a.same(&b) {
			t.Errorf("%s differ", name)
		}
	}
	if b := a; !a.same(&b) {
		t.Error("the same terms")
	}
}

func TestWhatIsSatisfiedNeedsEachPart(t *testing.T) {
	r := waiting()
	r.Reviews = []Review{reviewedBy(bossID, VerdictApprove)}
	unproved, unreviewed := r, r
	unproved.Decision.Prove, unreviewed.Reviews = [][]enroll.ProofKind{{enroll.ProofTOTP}}, nil
	more, others, running := r.Decision, r.Decision, r.Decision
	more.Prove, others.Approve = [][]enroll.ProofKind{{enroll.ProofTOTP}}, []Tier{{By: Approvers{Group: &Group{SID: "S-1"}}}}
	for name, tc := range map[string]struct {
		r       Request
		running Decision
		want    bool
	}{
		"all":                       {r, running, true},
		"a proof of its own":        {unproved, running, false},
		"a proof the policy wants":  {r, more, false},
		"a review":                  {unreviewed, running, false},
		"a review, none wanted now": {unreviewed, Decision{Prove: r.Decision.Prove}, false},
		"a review by others":        {r, others, false},
	} {
		if got := tc.r.satisfies(tc.running); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	before := ad.Marks{KeyVersion: 7, PwdLastSet: 8, LockoutTime: 9}
	for _, tc := range []struct {
		kind Kind
		now  ad.Marks
		want bool
	}{
		{KindReset, before, true}, {KindReset, ad.Marks{KeyVersion: 8, PwdLastSet: 8}, false}, {KindReset, ad.Marks{KeyVersion: 7, PwdLastSet: 9}, false},
		{KindReset, ad.Marks{KeyVersion: 7, PwdLastSet: 8}, true}, {KindUnlock, ad.Marks{LockoutTime: 9}, true}, {KindUnlock, ad.Marks{KeyVersion: 7, PwdLastSet: 8}, false},
	} {
		if unchanged(tc.kind, before, tc.now) != tc.want {
			t.Errorf("%s %+v", tc.kind, tc.now)
		}
	}
}

func TestStatesOfAProofAndAnExecution(t *testing.T) {
	for name, tc := range map[string]struct {
		r                Request
		provable, inTime error
	}{
		"draft":                  {Request{State: Draft, Deadline: noon.Add(1)}, nil, ErrProofMissing},
		"draft, past":            {Request{State: Draft, Deadline: noon}, ErrExpired, ErrProofMissing},
		"approved":               {Request{State: Approved, Deadline: noon.Add(1)}, ErrNotDraft, nil},
		"approved, past":         {Request{State: Approved, Deadline: noon}, ErrNotDraft, ErrExpired},
		"pending":                {Request{State: Pending, Deadline: noon}, ErrPending, ErrPending},
		"denied":                 {Request{State: Denied}, ErrDenied, ErrDenied},
		"shown, without outcome": {Request{State: Done, Kind: KindOneTime, Deadline: noon.Add(1)}, ErrDone, nil},
		"shown just now":         {Request{State: Done, Kind: KindOneTime, Deadline: noon.Add(time.Hour), Result: &Result{At: noon}}, ErrDone, ErrExecuting},
		"shown, and settled":     {Request{State: Done, Kind: KindOneTime, Deadline: noon.Add(time.Hour), Result: &Result{At: noon, Settled: true}}, ErrDone, nil},
		"seen":                   {Request{State: Done, Kind: KindOneTime, Seen: true, Deadline: noon.Add(1)}, ErrDone, ErrDone},
	} {
		for what, got := range map[string][2]error{"prove": {tc.r.provable(noon), tc.provable}, "execute": {tc.r.executable(noon), tc.inTime}} {
			if !errors.Is(got[0], got[1]) || (got[0] == nil) != (got[1] == nil) {
				t.Errorf("%s, %s: %v, want %v", name, what, got[0], got[1])
			}
		}
	}
	if (&Request{}).provedIn("") || !(&Request{}).provedIn("s") {
		t.Error("provedIn")
	}
}

func TestWithoutWhatItNeedsAnEngineDenies(t *testing.T) {
	r := waiting()
	r.State, r.Reviews = Approved, []Review{reviewedBy(bossID, VerdictApprove)}
	e, _ := office(r)
	e.freezes = nil
	for name, step := range map[string]func() error{
		"own freeze":      func() error { _, err := e.OwnFreeze(t.Context(), Actor{Account: annID}); return err },
		"ask for a thaw":  func() error { return e.AskThaw(t.Context(), Actor{Account: annID}, enroll.Proof{}) },
		"freeze oneself":  func() error { return e.FreezeSelf(t.Context(), Actor{Account: annID}) },
		"list thaws":      func() error { _, err := e.Thaws(t.Context(), Actor{Account: bossID}); return err },
		"thaw":            func() error { return e.Unfreeze(t.Context(), annID, Lifter{By: "x", WithoutProof: true}) },
		"is it frozen":    func() error { return e.unfrozen(t.Context(), annID) },
		"freeze, by link": func() error { return e.stop(t.Context(), stop{account: annID}) },
	} {
		if err := step(); !errors.Is(err, errFreezes) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e.proofs = nil
	if err := e.AskThawRecovered(t.Context(), Actor{Account: annID, Session: "s"}); !errors.Is(err, ErrProofMismatch) {
		t.Errorf("a thaw that nothing proves: %v", err)
	}
	e.holders = nil
	if held, ranks, err := e.held(t.Context(), ad.Account{GUID: annID}); err == nil || held != nil || ranks != nil {
		t.Errorf("held: %v %v", held, err)
	}
	if _, err := e.findings(t.Context(), password.Rules{}, secret.New("x")); !errors.Is(err, ErrPasswordNotJudged) {
		t.Errorf("judged by nobody: %v", err)
	}
}

func TestARefusalThatCantBeRecordedSaysSo(t *testing.T) {
	e, store := office(waiting())
	if err := e.refused(t.Context(), Actor{Account: bossID}, "r-1", ErrNotApprover); err != ErrNotApprover { //nolint:errorlint // nothing around it
		t.Errorf("%v", err)
	}
	store.err = errGone
	if err := e.refused(t.Context(), Actor{Account: bossID}, "r-1", ErrNotApprover); !errors.Is(err, errGone) || !errors.Is(err, ErrNotApprover) {
		t.Errorf("%v", err)
	}
	if err := e.refused(t.Context(), Actor{Account: bossID}, "r-1", ErrExpired); errors.Is(err, errGone) {
		t.Errorf("what is no refusal is recorded: %v", err)
	}
	if _, err := e.overtaken(t.Context(), waiting(), outcome{}); !errors.Is(err, errGone) {
		t.Errorf("overtaken: %v", err)
	}
}

func TestTheStateOfAnAccountDecidesByItself(t *testing.T) {
	old := time.Now().Add(-time.Hour)
	for name, tc := range map[string]struct {
		kind Kind
		a    ad.Account
		want error
	}{
		"a reset, never ages":    {KindReset, ad.Account{PasswordNeverExpires: true}, nil},
		"one time, never ages":   {KindOneTime, ad.Account{PasswordNeverExpires: true}, ErrNeverAges},
		"one time":               {KindOneTime, ad.Account{}, nil},
		"a change, locked":       {KindChange, ad.Account{Locked: true}, ad.ErrLocked},
		"a reset, locked":        {KindReset, ad.Account{Locked: true}, nil},
		"expired":                {KindReset, ad.Account{AccountExpires: old}, ad.ErrAccountExpired},
		"not locked":             {KindUnlock, ad.Account{}, ErrNotLocked},
		"smartcard, a new phone": {KindEnrol, ad.Account{SmartcardRequired: true}, nil},
	} {
		if err := fit(tc.a, tc.kind, time.Now()); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	long := noon.Add(-24 * time.Hour)
	for _, tc := range []struct {
		window time.Duration
		last   time.Time
		want   bool
	}{{time.Hour, long, true}, {0, long, false}, {-1, long, false}, {time.Hour, time.Time{}, false}, {time.Hour, noon.Add(-time.Hour), false}} {
		if got := windowOver(ad.PasswordPolicy{ObservationWindow: tc.window}, ad.Account{LastBad: tc.last}, noon); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

func TestOnlyATypedPasswordIsChecked(t *testing.T) {
	for _, kind := range Kinds {
		r := waiting()
		r.Kind, r.State, r.Reviews = kind, Approved, []Review{reviewedBy(bossID, VerdictApprove)}
		e, _ := office(r)
		e.directory = typing{e.directory}
		_, err := e.CheckPassword(t.Context(), Actor{Account: annID}, r.ID, secret.New("x"))
		if typed := kind == KindReset || kind == KindChange; errors.Is(err, ErrPasswordUnwanted) == typed {
			t.Errorf("%s: %v", kind, err)
		}
	}
	e, _ := office(waiting())
	if _, err := e.Submit(t.Context(), Actor{Account: annID}, KindReset, strings.Repeat("x", MaxReason+1)); !errors.Is(err, ErrReason) {
		t.Errorf("a reason that is too long: %v", err)
	}
}

type typing struct{ Directory }

func (typing) PasswordPolicy(context.Context, ad.Account) (ad.PasswordPolicy, error) {
	return ad.PasswordPolicy{}, nil
}

func TestAStepIsHeldToWhatItCommitsOver(t *testing.T) {
	change := func(r Request, fn func(*Request)) *Request { fn(&r); return &r }
	draft := waiting()
	draft.State, draft.Asked, draft.Proofs, draft.Decision.Approve = Draft, nil, nil, nil
	signed, err := statement(draft)
	if err != nil {
		t.Fatal(err)
	}
	p := enroll.Proof{ID: "p-3", Kind: enroll.ProofPasskey, Account: annID, Session: "s-1", Label: Label, Statement: signed, At: noon}
	ann := Actor{Account: annID, Session: "s-1"}
	policy := Policy{Hash: "p", Rules: []Rule{{Name: "r", Who: Condition{Everyone: true}, Acts: map[Kind]Act{KindReset: byPasskey, KindEnrol: byPasskey}}}}
	for name, tc := range map[string]struct {
		then *Request
		want error
	}{
		"as it was":     {nil, nil},
		"cancelled":     {change(draft, func(r *Request) { r.State = Cancelled }), ErrCancelled},
		"proved by now": {change(draft, func(r *Request) { r.Proofs = []ConsumedProof{{ID: "p-3"}} }), ErrProofUsed},
	} {
		e, store := office(draft)
		e.SetPolicy(policy)
		store.then = tc.then
		if _, err := e.prove(t.Context(), ann, draft.ID, []enroll.Proof{p}, boundProves); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("a proof, %s: %v, want %v", name, err, tc.want)
		}
	}
	enrol := draft
	enrol.Kind, enrol.State, enrol.Proofs = KindEnrol, Approved, []ConsumedProof{{ID: "p-1", Kind: enroll.ProofPasskey, Session: "s-1"}}
	for name, tc := range map[string]struct {
		then *Request
		want error
	}{
		"as it was":        {nil, nil},
		"cancelled":        {change(enrol, func(r *Request) { r.State = Cancelled }), ErrCancelled},
		"proved elsewhere": {change(enrol, func(r *Request) { r.Proofs = []ConsumedProof{{Session: "s-9"}} }), ErrProofMissing},
	} {
		e, store := office(enrol)
		e.SetPolicy(policy)
		store.then = tc.then
		_, err := e.Enrol(t.Context(), ann, enrol.ID, enroll.Registered{Credential: enroll.Credential{Account: annID}})
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("a passkey, %s: %v, want %v", name, err, tc.want)
		}
	}
	reported := waiting()
	reported.State, reported.Reviews = Denied, []Review{{By: bossID, Verdict: VerdictReport, At: noon}}
	e, store := office(reported)
	store.then = change(reported, func(r *Request) { r.Reviews = []Review{{By: bossID, Verdict: VerdictReport, At: noon, Proof: "p-9"}} })
	freeze, err := freezeStatement(reported, bossID)
	if err != nil {
		t.Fatal(err)
	}
	by := Actor{Account: bossID, Session: "s-2"}
	q := enroll.Proof{ID: "p-4", Kind: enroll.ProofPasskey, Account: bossID, Session: "s-2", Label: FreezeLabel, Statement: freeze, At: noon}
	if _, err := e.Freeze(t.Context(), by, reported.ID, q); !errors.Is(err, ErrReviewed) {
		t.Errorf("frozen twice by one report: %v", err)
	}
}

func TestWhatCantBeDrawnIsNotMadeUp(t *testing.T) {
	r := waiting()
	for n := range 5 {
		e, _ := office(r)
		e.random = &lame{left: n}
		_, err := e.panel(t.Context(), r.Decision, e.directory.(*people).by[annID], annID)
		if want := n < 4; errors.Is(err, errGone) != want { // a number and three salts
			t.Errorf("%d reads: %v", n, err)
		}
	}
	e, _ := office(r)
	e.directory, e.random = typing{e.directory}, &lame{}
	r.Kind = KindOneTime
	if o, err := e.prepare(t.Context(), r, secret.Text{}, secret.Text{}); !errors.Is(err, errGone) || !o.value.Empty() {
		t.Errorf("a password of nothing: %v", err)
	}
}

// lame is a source of randomness that fails once, after so many reads.
type lame struct{ left int }

func (r *lame) Read(b []byte) (int, error) {
	if r.left--; r.left == -1 {
		return 0, errGone
	}
	for i := range b {
		b[i] = 17
	}
	return len(b), nil
}

func TestWhoeverCantWaitExecutesNothing(t *testing.T) {
	r := waiting()
	e, _ := office(r)
	leave, err := e.turns.enter(t.Context(), annID)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.intendAlone(ctx, "ann", r, order{}, ad.Account{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestARefusalIsShownBesideWhatIsKnown(t *testing.T) {
	r := waiting()
	e, store := office(r)
	store.err = errGone
	seen, err := e.beside(t.Context(), Actor{Account: bossID}, r, ErrChip)
	if !errors.Is(err, ErrChip) || seen.Request.ID != r.ID || seen.Target.GUID != annID {
		t.Errorf("%v %+v", err, seen)
	}
	if got, err := e.withdraw(t.Context(), "ann", r, ErrNotAllowed); !errors.Is(err, errGone) || !errors.Is(err, ErrNotAllowed) || got.ID != r.ID {
		t.Errorf("withdrawn without a store: %v", err)
	}
	store.err = nil
	e.directory.(*people).err = errGone
	if seen, err := e.beside(t.Context(), Actor{Account: bossID}, r, ErrChip); !errors.Is(err, ErrChip) || seen.Request.ID != r.ID || seen.Request.Number != "" {
		t.Errorf("%v %+v", err, seen)
	}
	e.directory.(*people).err = nil
	r.Requester = ad.GUID{9}
	if _, err := e.viewOne(t.Context(), Actor{Account: bossID}, r); !errors.Is(err, ErrOtherOne) {
		t.Errorf("a requester whom the directory answers wrongly: %v", err)
	}
}

func TestWhatRanOutStandsInNobodysWay(t *testing.T) {
	old := waiting()
	old.Deadline = noon
	over := old
	over.State = Expired
	for name, tc := range map[string]struct {
		then *Request
		err  error
	}{"it is expired": {nil, nil}, "another server did": {&over, nil}, "the store is down": {nil, errGone}} {
		e, store := office(old)
		store.then, store.err = tc.then, tc.err
		if err := e.expirePast(t.Context(), []Request{old}, annID, old.Kind); !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// own are the proofs of a session without a passkey.
type own []enroll.Proof

func (own) SignInProof(context.Context, string) (enroll.Proof, error) {
	return enroll.Proof{}, enroll.ErrNoProof
}

func (o own) RecoverProofs(context.Context, string) ([]enroll.Proof, error) { return o, nil }

func TestAnApprovalIsTakenOverOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		kind   Kind
		proved string // in which session by now
		want   error
		state  State
	}{
		"proved here meanwhile": {KindReset, "s-5", ErrProofMissing, Approved},
		"an unlock stays":       {KindUnlock, "s-1", nil, Approved},
	} {
		r := waiting()
		r.Kind, r.State, r.Reviews, r.Decision.Prove = tc.kind, Approved, []Review{reviewedBy(bossID, VerdictApprove)}, [][]enroll.ProofKind{{enroll.ProofTOTP}}
		now := r
		now.Proofs = []ConsumedProof{{ID: "p-1", Kind: enroll.ProofTOTP, Session: tc.proved}}
		e, store := office(r)
		store.then = &now
		e.proofs = own{{
			ID: "p-5", Kind: enroll.ProofTOTP, Account: annID, Session: "s-5", At: noon,
			Label: enroll.LabelRecover, Statement: enroll.RecoverStatement(annID, string(tc.kind)),
		}}
		got, err := e.provenHere(t.Context(), Actor{Account: annID, Session: "s-5"}, r)
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || got.State != tc.state {
			t.Errorf("%s: %v, %s", name, err, got.State)
		}
	}
}
