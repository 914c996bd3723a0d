package workflow

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// guarded is a request that one proof approves, and that proof.
func guarded(t *testing.T) (*Engine, Request, Actor, enroll.Proof, time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := New(Config{Now: func() time.Time { return now }})
	ann := ad.GUID{1}
	r := Request{
		ID: "r-1", Kind: KindReset, State: Draft, Requester: ann, Target: ann, Deadline: now.Add(time.Hour),
		Decision: Decision{Verdict: Allow, Policy: "p", Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofTOTP}}},
	}
	signed, err := statement(r)
	if err != nil {
		t.Fatal(err)
	}
	return e, r, Actor{Account: ann, Session: "s-1"}, enroll.Proof{
		ID: "p-1", Kind: enroll.ProofPasskey, Account: ann, Session: "s-1", Label: Label, Statement: signed, At: now,
	}, now
}

// Each of what makes a proof count is looked at by itself: that something else
// catches the same today is no reason to leave it out.
func TestEachPartOfAProofIsLookedAt(t *testing.T) {
	other := ad.GUID{2}
	for name, tc := range map[string]struct {
		change func(r *Request, who *Actor, p *enroll.Proof)
		want   error
	}{
		"as it should be":             {func(*Request, *Actor, *enroll.Proof) {}, nil},
		"consumed before":             {func(r *Request, _ *Actor, p *enroll.Proof) { r.Proofs = []ConsumedProof{{ID: p.ID}} }, ErrProofUsed},
		"without an identity":         {func(_ *Request, _ *Actor, p *enroll.Proof) { p.ID = "" }, ErrProofMismatch},
		"of no kind, and none wanted": {func(r *Request, _ *Actor, p *enroll.Proof) { p.Kind, r.Decision.Prove = "", [][]enroll.ProofKind{{""}} }, ErrProofMismatch},
		"of a kind that is unwanted":  {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Kind = "pigeon" }, ErrProofMismatch},
		"of another session":          {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Session = "s-2" }, ErrProofMismatch},
		"of no session by nobody":     {func(_ *Request, who *Actor, p *enroll.Proof) { p.Session, who.Session = "", "" }, ErrProofMismatch},
		"of the requester by another": {func(_ *Request, who *Actor, _ *enroll.Proof) { who.Account = other }, ErrProofMismatch},
		"of another's request":        {func(r *Request, _ *Actor, _ *enroll.Proof) { r.Requester = other }, ErrProofMismatch},
		"of another person":           {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Account = other }, ErrProofMismatch},
		"over something else":         {func(r *Request, _ *Actor, _ *enroll.Proof) { r.Deadline = r.Deadline.Add(time.Second) }, ErrProofMismatch},
		"of long ago":                 {func(_ *Request, _ *Actor, p *enroll.Proof) { p.At = p.At.Add(-24 * time.Hour) }, ErrProofExpired},
		"of a clock that is ahead":    {func(_ *Request, _ *Actor, p *enroll.Proof) { p.At = p.At.Add(clockSkew + time.Second) }, ErrProofExpired},
	} {
		t.Run(name, func(t *testing.T) {
			e, r, who, p, now := guarded(t)
			tc.change(&r, &who, &p)
			// What the statement names is signed as it is, but where the change is to show there.
			binds := boundProves
			if r.Requester != p.Account {
				binds = func(Request, enroll.Proof) error { return nil }
			}
			if err := e.checkProof(r, who, p, binds, now); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
		})
	}
}

func TestASignInProvesOneUnlockOfTheSignerAndNothingElse(t *testing.T) {
	ann, bob := ad.GUID{1}, ad.GUID{2}
	unlock := Request{Kind: KindUnlock, Requester: ann, Target: ann}
	signIn := enroll.Proof{Kind: enroll.ProofPasskey, Account: ann}
	reset, ofBob := unlock, unlock
	reset.Kind, ofBob.Target = KindReset, bob
	labelled, stated, byCode := signIn, signIn, signIn
	labelled.Label, stated.Statement, byCode.Kind = Label, []byte("x"), enroll.ProofTOTP
	for name, tc := range map[string]struct {
		r     Request
		p     enroll.Proof
		fails bool
	}{
		"an unlock":           {unlock, signIn, false},
		"a reset":             {reset, signIn, true},
		"another's account":   {ofBob, signIn, true},
		"with a label":        {unlock, labelled, true},
		"over a statement":    {unlock, stated, true},
		"of another kind":     {unlock, byCode, true},
		"a code, for a reset": {reset, byCode, true},
	} {
		for _, binds := range []binding{signInProves, sessionProves} {
			if err := binds(tc.r, tc.p); (err != nil) != tc.fails || tc.fails && !errors.Is(err, ErrProofMismatch) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestASessionWithoutAPasskeyProvesItsOwnAccountAndKind(t *testing.T) {
	ann, bob := ad.GUID{1}, ad.GUID{2}
	recovered := func(of ad.GUID, kind Kind) enroll.Proof {
		return enroll.Proof{Kind: enroll.ProofTOTP, Account: of, Label: enroll.LabelRecover, Statement: enroll.RecoverStatement(of, string(kind))}
	}
	claimed := recovered(ann, KindReset)
	claimed.Account = bob
	for name, tc := range map[string]struct {
		p     enroll.Proof
		fails bool
	}{
		"its own":                      {recovered(ann, KindReset), false},
		"for another kind":             {recovered(ann, KindUnlock), true},
		"of another person":            {recovered(bob, KindReset), true},
		"for this one, of another one": {claimed, true},
	} {
		if err := sessionProves(Request{Kind: KindReset, Requester: ann, Target: ann}, tc.p); (err != nil) != tc.fails || tc.fails && !errors.Is(err, ErrProofMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAccountIsHeldToTheRequestThatItIsFor(t *testing.T) {
	ann, bob := ad.GUID{1}, ad.GUID{2}
	e := New(Config{Policy: Policy{Hash: "p", Rules: []Rule{{
		Name: "all", Who: Condition{Everyone: true}, Acts: map[Kind]Act{KindUnlock: byPasskey},
	}}}})
	good := Request{Kind: KindUnlock, Requester: ann, Target: ann, Decision: Decision{Verdict: Allow}}
	denied, forBob, byBob := good, good, good
	denied.Decision.Verdict, forBob.Target, byBob.Requester = Deny, bob, bob
	for name, tc := range map[string]struct {
		r    Request
		want error
	}{
		"the same": {good, nil}, "that was denied": {denied, ErrNotAllowed}, "of no verdict": {Request{Kind: KindUnlock, Requester: ann, Target: ann}, ErrNotAllowed},
		"for another": {forBob, ErrOtherOne}, "by another": {byBob, ErrOtherOne},
	} {
		if _, err := e.judgeAccount(t.Context(), tc.r, ad.Account{GUID: ann, Locked: true, LogonAllowed: true}); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
