package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// A freeze is lifted by two: its owner proves with a passkey that it is them, over a
// statement about this very freeze, and somebody who helps looks at what happened and
// lifts it: see lift.go. The proof alone lifts nothing: who made the owner say "this wasn't me" may
// hold a passkey of theirs.

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
	if e.freezes == nil {
		return errFreezes
	}
	// Whoever runs the server is told in any case.
	lifters, err := e.lifters(ctx, who.Account)
	if err != nil {
		e.log.Warn("those who may lift a freeze are not told of it", "error", err)
	}
	err = e.freezes.AskThaw(ctx, who.Account, p.ID, func(f *Freeze) (Change, error) {
		signed, err := thawStatement(*f)
		if err != nil {
			return Change{}, err
		}
		if err := e.checkReviewProof(Request{}, who, p, ThawLabel, signed); err != nil {
			return Change{}, err
		}
		return e.askedThaw(f, who, p, lifters), nil
	})
	if err != nil {
		return fmt.Errorf("ask for a thaw: %w", err)
	}
	return nil
}

func (e *Engine) askedThaw(f *Freeze, who Actor, p enroll.Proof, lifters []ad.GUID) Change {
	now := e.now()
	event := audit.Event{
		Time: now, Action: audit.AccountAskedFor, Actor: who.Account.String(), Target: f.Account.String(), Outcome: audit.OK,
		Detail: map[string]any{}, Personal: personal("device", who.Device, "address", who.Address),
	}
	addReceipt(event.Detail, p)
	c := Change{Events: []audit.Event{event}}
	if f.Asked.IsZero() || now.Sub(f.Told) >= alertAgain {
		f.Told = now
		c.Notices = append(c.Notices, Notice{To: f.Account, Kind: NoticeThawAsked, Params: map[string]string{}})
	}
	f.Asked = now
	if now.Sub(f.Alerted) >= alertAgain {
		f.Alerted = now
		c.Notices = append(c.Notices, Notice{Kind: NoticeThaw, Until: now.Add(alertTime), Params: map[string]string{"account": f.Account.String()}})
		for _, to := range lifters {
			c.Notices = append(c.Notices, Notice{To: to, Kind: NoticeLift, Until: now.Add(day), Params: map[string]string{}})
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
