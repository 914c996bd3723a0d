package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// A freeze is lifted by two: its owner proves that it is them, and somebody who helps looks
// at what happened and lifts it: see lift.go. The proof is a passkey's over a statement about
// this very freeze, or what the owner came in by without one, for this and after the
// freeze. It alone lifts nothing: who made the owner say "this wasn't me" may hold a
// passkey of theirs, or a code.

// ActThaw is what a way in without a passkey is for where it asks for a thaw, beside Kinds.
const ActThaw = "thaw"

// ThawLabel names what the owner of a frozen account signs.
const ThawLabel = "latchkey/thaw/v1"

// alertAgain is how long an owner who proves it again and again alerts nobody, also where
// the freeze began anew in between.
const alertAgain = time.Hour

// OwnFreeze is the freeze of the actor's own account; nil where it is not frozen.
func (e *Engine) OwnFreeze(ctx context.Context, who Actor) (*Freeze, error) {
	if e.freezes == nil {
		return nil, errFreezes
	}
	f, err := e.freezes.Frozen(ctx, who.Account)
	if err != nil {
		return nil, fmt.Errorf("look for a freeze: %w", err)
	}
	return f, nil
}

// BeginThaw says what the owner of a frozen account signs to be let in again;
// ErrNotFrozen where it is not.
func (e *Engine) BeginThaw(ctx context.Context, who Actor) (string, []byte, error) {
	f, err := e.OwnFreeze(ctx, who)
	if err != nil {
		return "", nil, err
	}
	if f == nil {
		return "", nil, ErrNotFrozen
	}
	b, err := thawStatement(*f)
	return ThawLabel, b, err
}

// AskThaw takes the proof over that statement, and tells whoever runs the server, those
// who may lift it, and the owner, on every channel: somebody else may hold the passkey. The
// account stays frozen. Errors: ErrNotFrozen, ErrProofMismatch, ErrProofExpired,
// ErrProofUsed.
func (e *Engine) AskThaw(ctx context.Context, who Actor, p enroll.Proof) error {
	return e.askThaw(ctx, who, []enroll.Proof{p}, func(f Freeze, detail map[string]any) error {
		signed, err := thawStatement(f)
		if err != nil {
			return err
		}
		addReceipt(detail, p)
		return e.checkReviewProof(Request{}, who, p, ThawLabel, signed)
	})
}

// ThawSuffices says whether somebody who came in by these proofs, and by no passkey, may
// ask for a thaw of the account: nil, or enroll.ErrRecoverRefused, also where it is not
// frozen: whoever tries what they stole learns nothing by that which its owner is not told.
// It takes what the policy asks of them for a new password or passkey, or, where it gives
// them neither, for an unlock; and no less than the strongest that they hold beside
// passkeys, whoever approves: those are not whom a thaw is shown to. Somebody's word is no
// proof for it. Where the proofs are enough a protected account is told as it is. address
// is the client's.
func (e *Engine) ThawSuffices(ctx context.Context, person ad.Account, address string, proved []enroll.ProofKind) error {
	have := make([]ConsumedProof, len(proved))
	for i, kind := range proved {
		have[i].Kind = kind
	}
	at := e.circumstances(ctx, person.GUID, address, "", e.now())
	changes, enough := false, map[bool]bool{} // by whether a credential changes
	for _, kind := range Kinds {
		d := Evaluate(e.runningPolicy(), person, person, kind, at)
		if kind == KindChange || d.Verdict != Allow {
			continue
		}
		changes = changes || kind.ChangesCredential()
		d, err := e.strongEnough(ctx, d, person, kind, byProof)
		switch {
		case errors.Is(err, ErrProofTooWeak), errors.Is(err, ErrOnlyVouched):
		case err != nil:
			return err
		case len(missing(d.Prove, have)) == 0:
			enough[kind.ChangesCredential()] = true
		}
	}
	if !enough[changes] {
		return enroll.ErrRecoverRefused
	}
	_, ranks, err := e.held(ctx, person)
	if err != nil {
		return err
	}
	// What no rule takes any more is in nobody's hand.
	ranks = slices.DeleteFunc(slices.Clone(ranks), func(k enroll.ProofKind) bool { return k.IsPasskey() || !e.Offers(k) })
	if strength(proved) < strength(ranks) {
		return enroll.ErrRecoverRefused
	}
	frozen, err := e.isFrozen(ctx, person.GUID)
	if err != nil {
		return err
	}
	if !frozen {
		return enroll.ErrRecoverRefused
	}
	return unprotected(person)
}

// AskThawRecovered is AskThaw by what the actor's session was opened with, without a
// passkey and for this. Errors as AskThaw's, and ErrProofMismatch where that is not enough.
func (e *Engine) AskThawRecovered(ctx context.Context, who Actor) error {
	if e.proofs == nil {
		return ErrProofMismatch
	}
	proofs, err := e.proofs.RecoverProofs(ctx, who.Session)
	if err != nil {
		return fmt.Errorf("find proofs of the session: %w", err)
	}
	if frozen, err := e.isFrozen(ctx, who.Account); !frozen {
		return cmp.Or(err, error(ErrNotFrozen))
	}
	person, err := e.account(ctx, who.Account)
	if err != nil {
		return err
	}
	switch err := e.ThawSuffices(ctx, person, who.Address, kindsOf(proofs)); {
	case errors.Is(err, enroll.ErrRecoverRefused):
		return ErrProofMismatch
	case err != nil:
		return err
	}
	return e.askThaw(ctx, who, proofs, func(f Freeze, detail map[string]any) error {
		var ids, kinds []string
		for _, p := range proofs {
			if err := e.checkThawProof(f, who, p); err != nil {
				return err
			}
			ids, kinds = append(ids, p.ID), append(kinds, string(p.Kind))
		}
		detail["proofs"], detail["proof_kinds"] = ids, kinds
		return nil
	})
}

func kindsOf(proofs []enroll.Proof) (kinds []enroll.ProofKind) {
	for _, p := range proofs {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}

// askThaw uses the proofs once check, which runs on the freeze as it is then, lets them
// pass. It adds to what the log keeps.
func (e *Engine) askThaw(ctx context.Context, who Actor, proofs []enroll.Proof, check func(f Freeze, detail map[string]any) error) error {
	if e.freezes == nil {
		return errFreezes
	}
	// Whoever runs the server is told in any case.
	lifters, err := e.lifters(ctx, who.Account)
	if err != nil {
		e.log.Warn("those who may lift a freeze are not told of it", "error", err)
	}
	var ids []string
	for _, p := range proofs {
		ids = append(ids, p.ID)
	}
	err = e.freezes.AskThaw(ctx, who.Account, ids, func(f *Freeze) (Change, error) {
		detail := map[string]any{}
		if err := check(*f, detail); err != nil {
			return Change{}, err
		}
		f.Proved = kindsOf(proofs)
		return e.askedThaw(f, who, detail, lifters), nil
	})
	if err != nil {
		return fmt.Errorf("ask for a thaw: %w", err)
	}
	return nil
}

// checkThawProof holds a proof without a passkey to the person, the session, the purpose
// and the time. What was proved before the freeze, or before it began anew, is what it
// was about.
func (e *Engine) checkThawProof(f Freeze, who Actor, p enroll.Proof) error {
	switch {
	case p.ID == "" || who.Session == "" || p.Session != who.Session || p.Account != f.Account:
		return ErrProofMismatch
	case !p.Bound(enroll.LabelRecover, enroll.RecoverStatement(f.Account, ActThaw)):
		return ErrProofMismatch
	case !p.At.After(f.At):
		return ErrProofMismatch
	case !e.isFresh(p.At, e.now()):
		return ErrProofExpired
	}
	return nil
}

func (e *Engine) askedThaw(f *Freeze, who Actor, detail map[string]any, lifters []ad.GUID) Change {
	now := e.now()
	c := Change{Events: []audit.Event{{
		Time: now, Action: audit.AccountAskedFor, Actor: who.Account.String(), Target: f.Account.String(), Outcome: audit.OK,
		Detail: detail, Personal: personal("device", who.Device, "address", who.Address),
	}}}
	// Where it was no passkey the words are others.
	told := func(to ad.GUID, kind string, until time.Time, params map[string]string) {
		if !slices.ContainsFunc(f.Proved, enroll.ProofKind.IsPasskey) {
			params["by"] = "recovery"
		}
		c.Notices = append(c.Notices, Notice{To: to, Kind: kind, Until: until, Params: params})
	}
	if f.Asked.IsZero() || now.Sub(f.Told) >= alertAgain {
		f.Told = now
		told(f.Account, NoticeThawAsked, time.Time{}, map[string]string{})
	}
	f.Asked = now
	if now.Sub(f.Alerted) >= alertAgain {
		f.Alerted = now
		told(ad.GUID{}, NoticeThaw, now.Add(alertTime), map[string]string{"account": f.Account.String()})
		for _, to := range lifters {
			told(to, NoticeLift, now.Add(day), map[string]string{})
		}
	}
	return c
}

// thawStatement names the freeze by its moment: what was signed for an earlier one is
// worth nothing for this.
func thawStatement(f Freeze) ([]byte, error) {
	b, err := audit.Canonical(map[string]any{
		"v":       ThawLabel,
		"account": f.Account.String(),
		"frozen":  f.At.UnixMilli(),
	})
	if err != nil {
		return nil, fmt.Errorf("write thaw statement: %w", err)
	}
	return b, nil
}
