package workflow

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

func TestWhatOnlyNamesSomebodyIsNoProofOfAPolicy(t *testing.T) {
	names, passkey := []enroll.ProofKind{enroll.ProofDirectory}, []enroll.ProofKind{enroll.ProofPasskey}
	for name, tc := range map[string]struct {
		prove [][]enroll.ProofKind
		left  int
		want  error
	}{
		"a passkey":             {[][]enroll.ProofKind{passkey}, 1, nil},
		"a name, or a passkey":  {[][]enroll.ProofKind{names, passkey}, 1, nil},
		"a name with a passkey": {[][]enroll.ProofKind{{enroll.ProofDirectory, enroll.ProofPasskey}}, 1, nil},
		"a name":                {[][]enroll.ProofKind{names}, 0, ErrProofTooWeak},
	} {
		e, _ := office(waiting())
		d, err := e.strongEnough(t.Context(), Decision{Verdict: Allow, Prove: tc.prove}, ad.Account{GUID: annID}, KindUnlock, byProof)
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || len(d.Prove) != tc.left || (d.Verdict == Allow) != (tc.want == nil) {
			t.Errorf("%s: %v, %+v", name, err, d)
		}
	}
}

func TestACoolDownThatNobodyKnowsOfDenies(t *testing.T) {
	e, _ := office(waiting())
	e.holders = nil
	if _, err := e.cooled(t.Context(), Decision{Verdict: Allow}, annID); err != nil {
		t.Errorf("without one: %v", err)
	}
	d, err := e.cooled(t.Context(), Decision{Verdict: Allow, CoolDown: time.Hour}, annID)
	if !errors.Is(err, ErrNotAllowed) || d.Verdict != Deny {
		t.Errorf("%v, %+v", err, d)
	}
}

func TestAPasskeyIsNoHardwareKeyOnlyWhereOneIsAskedFor(t *testing.T) {
	for kind, want := range map[enroll.ProofKind]error{
		enroll.ProofPasskey: nil, enroll.ProofHardwareKey: ErrNotHardware, enroll.ProofTOTP: ErrProofMismatch,
	} {
		e, r, who, p, now := guarded(t)
		r.Decision.Prove = [][]enroll.ProofKind{{kind}}
		bound := func(Request, enroll.Proof) error { return nil }
		if err := e.checkProof(r, who, p, bound, now); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", kind, err, want)
		}
	}
}

func TestWhatIsOverIsTakenBackNoMore(t *testing.T) {
	for state, want := range map[State]error{Draft: nil, Pending: nil, Approved: nil, Executing: ErrTransition, Done: ErrTransition, Denied: ErrTransition} {
		r := waiting()
		r.State = state
		e, _ := office(r)
		c, err := e.takenBack(&r, audit.ActorAnonymous)
		if !errors.Is(err, want) || (err == nil) != (want == nil) || (len(c.Events) == 1) != (want == nil) {
			t.Errorf("%s: %v, want %v", state, err, want)
		}
	}
}

// Its owner is told nothing of a number that whoever asked by a word still has.
func TestNothingIsOpenedBesideAWordThatStays(t *testing.T) {
	r := vouchedFor(nil)
	e, store := counter(r)
	store.others = []Request{r}
	e.store = deaf{store}
	if _, err := e.Submit(t.Context(), Actor{Account: annID, Session: "s-1"}, KindReset, ""); !errors.Is(err, errGone) || len(store.created) != 0 {
		t.Errorf("%v, %d opened", err, len(store.created))
	}
}
