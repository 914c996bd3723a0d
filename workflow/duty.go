package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// Hold is what a rule's people have to hold, and what else they may.
type Hold struct {
	Must []enroll.ProofKind
	// May is what they may set up beside; nil for whatever any rule takes.
	May []enroll.ProofKind
	// Within counts from the person's first passkey, By is a moment. With neither they
	// have to hold it at once.
	Within time.Duration
	By     time.Time
	// Limit refuses, once it is overdue, every kind but an unlock and a new passkey. Else
	// it is only said.
	Limit bool
}

// Duty is what a person has to hold, and does not.
type Duty struct {
	Missing []enroll.ProofKind
	By      time.Time // zero: at once, or from the first passkey on, which there is not yet
	Overdue bool
	Limits  bool // once overdue
}

const foundDuty = "duty-missing"

// first is the number of the rule that decides; -1 where none matches. Beside an error
// it is the rule that is in error.
func (m *maker) first(p *Policy, on *subject, trace *Trace) (int, error) {
	for i := range m.tests {
		var step *Step
		if trace != nil {
			step = trace.rule(p.Rules[i].Name)
		}
		if match, err := m.tests[i].look(on, step); match || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// holdOf is what the rule that decides says; nil where it says nothing.
func (p Policy) holdOf(account ad.Account, at Circumstances) (*Hold, error) {
	made := p.made()
	if !made.holds {
		return nil, nil
	}
	i, err := made.first(&p, newSubject(&account, at, made), nil)
	if err != nil {
		return nil, errors.Join(ErrNotAllowed, errRule, err)
	}
	if i < 0 {
		return nil, nil
	}
	return p.Rules[i].Hold, nil
}

// duty is what of it is missing; nil for nothing.
func (e *Engine) duty(ctx context.Context, h *Hold, account ad.Account) (*Duty, error) {
	held, _, err := e.held(ctx, account)
	if err != nil {
		return nil, err
	}
	d := &Duty{Limits: h.Limit, By: h.By, Overdue: true}
	for _, kind := range h.Must {
		if !slices.ContainsFunc(held, func(k enroll.ProofKind) bool { return k.Counts(kind) }) {
			d.Missing = append(d.Missing, kind)
		}
	}
	if len(d.Missing) == 0 {
		return nil, nil
	}
	if h.Within > 0 {
		first, err := e.holders.FirstPasskey(ctx, account.GUID)
		if err != nil {
			return nil, fmt.Errorf("look when the first passkey was made: %w", err)
		}
		if first.IsZero() {
			d.Overdue = false
			return d, nil
		}
		d.By = first.Add(h.Within)
	}
	d.Overdue = d.By.IsZero() || !e.now().Before(d.By)
	return d, nil
}

// Duty says what the running policy wants the actor to hold, and the actor does not;
// nil for nothing. account is the actor's.
func (e *Engine) Duty(ctx context.Context, who Actor, account ad.Account) (*Duty, error) {
	h, err := e.runningPolicy().holdOf(account, e.circumstances(ctx, account.GUID, who.Address, who.Browser, e.now()))
	if err != nil || h == nil {
		return nil, err
	}
	return e.duty(ctx, h, account)
}

// dutiful denies what the rule refuses whoever does not hold what they must. It never
// stands against an unlock, nor against a new passkey, or who lost the phone could not
// come back to set up the rest. A store that can't say what is held denies.
func (e *Engine) dutiful(ctx context.Context, d Decision, h *Hold, account ad.Account, kind Kind) (Decision, error) {
	if h == nil || !h.Limit || kind == KindUnlock || kind == KindEnrol {
		return d, nil
	}
	duty, err := e.duty(ctx, h, account)
	if err != nil {
		return d.deny(d.Rule, foundDuty, ""), errors.Join(ErrNotAllowed, errRule, err)
	}
	if duty == nil || !duty.Overdue {
		return d, nil
	}
	missing := strings.Join(words(duty.Missing), " ")
	return d.deny(d.Rule, foundDuty, missing), &Detailed{Cause: ErrDuty, Params: map[string]string{"proofs": missing}}
}

// settable are the proofs that people set up beside passkeys.
var settable = []enroll.ProofKind{
	enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofMailCode, enroll.ProofSMSCode, enroll.ProofPIN, enroll.ProofQuestions,
}

// Offered are the proofs that the actor may set up beside passkeys: what the policy
// wants them to hold and lets them, or whatever any rule takes where it does not say.
func (e *Engine) Offered(ctx context.Context, who Actor) ([]enroll.ProofKind, error) {
	h, err := e.actorHold(ctx, who)
	if err != nil {
		return nil, err
	}
	return e.offeredBy(h), nil
}

func (e *Engine) offeredBy(h *Hold) (kinds []enroll.ProofKind) {
	for _, kind := range settable {
		left := h == nil || h.May == nil || slices.Contains(h.Must, kind) || slices.Contains(h.May, kind)
		if left && e.Offers(kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// actorHold reads the account only where some rule says what to hold.
func (e *Engine) actorHold(ctx context.Context, who Actor) (*Hold, error) {
	p := e.runningPolicy()
	if !p.made().holds {
		return nil, nil
	}
	account, err := e.account(ctx, who.Account)
	if err != nil {
		return nil, err
	}
	return p.holdOf(account, e.circumstances(ctx, account.GUID, who.Address, who.Browser, e.now()))
}

// MaySetUp refuses a proof that the actor's rule leaves out: ErrNotAllowed. Where no rule
// says what to hold nothing is refused.
func (e *Engine) MaySetUp(ctx context.Context, who Actor, kind enroll.ProofKind) error {
	h, err := e.actorHold(ctx, who)
	if err != nil || h == nil {
		return err
	}
	if !slices.Contains(e.offeredBy(h), kind) {
		return ErrNotAllowed
	}
	return nil
}

func words(kinds []enroll.ProofKind) []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = string(k)
	}
	return out
}

// InWords is the duty as the configuration says it.
func (h *Hold) InWords() string {
	if h == nil {
		return ""
	}
	text := "nothing in particular"
	if len(h.Must) > 0 {
		text = strings.Join(words(h.Must), ", ")
	}
	switch {
	case h.Within > 0:
		text += fmt.Sprintf(" within %g days of the first passkey", h.Within.Hours()/24)
	case !h.By.IsZero():
		text += " by " + h.By.UTC().Format(time.DateOnly)
	}
	if h.May != nil {
		text += "; may hold " + cmp.Or(strings.Join(words(h.May), ", "), "nothing else")
	}
	if h.Limit {
		return text + "; otherwise, once overdue, only unlock and enrol"
	}
	return text + "; otherwise they are reminded"
}
