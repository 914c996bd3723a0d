package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
)

// order is what one execution is to write, and what it was judged by. It is
// never stored.
type order struct {
	value, old secret.Text
	policy     ad.PasswordPolicy // for a change
	session    string            // that executes; empty for what executes by itself
	browser    string            // likewise
	address    string            // of the client that executes; likewise
}

// Execute writes. value is the new password of a reset or a change, old the
// present one of a change; an unlock and a one-time password take neither. The
// generated password comes back here and nowhere else.
//
// The session that executes is the one that proved (docs/security.md, rule 2).
// For another, the request goes back to a draft and comes with ErrProofMissing.
//
// Latchkey judges the value first: *PasswordRefused changes nothing and counts as
// no try. A value that the directory refuses comes back as its cause, beside the
// request, which stays approved for the tries that are left. Of many at once, one
// executes and the others get ErrExecuting. A nil error means done, or unknown:
// the request's State tells.
func (e *Engine) Execute(ctx context.Context, who Actor, id string, value, old secret.Text) (Request, secret.Text, error) {
	none := secret.Text{}
	r, err := e.Request(ctx, who, id)
	if err != nil {
		return Request{}, none, err
	}
	if err := r.executable(e.now()); err != nil {
		return r, none, err
	}
	if r.Kind == KindEnrol { // see Enrol
		return r, none, ErrKind
	}
	if err := fits(r.Kind, value, old); err != nil {
		return r, none, err
	}
	if err := e.unfrozen(ctx, r.Target); err != nil {
		return r, none, err
	}
	if !r.provedIn(who.Session) {
		r, err = e.askHere(ctx, who, r)
		return r, none, err
	}
	o, err := e.prepare(ctx, r, value, old)
	if err != nil {
		return r, none, err
	}
	o.session, o.address, o.browser = who.Session, who.Address, who.Browser
	done, err := e.attempt(ctx, who.Account.String(), r, o)
	if err != nil || r.Kind != KindOneTime || done.State != Done || done.Result.Settled {
		return done, none, err
	}
	return done, o.value, nil
}

// askHere takes the request back to a draft: the session that is to execute has
// not proved. It returns ErrProofMissing.
func (e *Engine) askHere(ctx context.Context, who Actor, seen Request) (Request, error) {
	r, err := e.update(ctx, seen.ID, func(r *Request) (Change, error) {
		now := e.now()
		if err := r.executable(now); err != nil {
			return Change{}, err
		}
		if r.provedIn(who.Session) {
			return Change{}, ErrProofMissing // proved meanwhile: the next try finds it so
		}
		r.void(who.Session)
		r.Result = &Result{At: now, Code: string(ErrProofMissing)}
		return e.askMore(r, who.Account.String(), r.Decision, *r.Result)
	})
	if err != nil {
		return seen, err
	}
	return r, ErrProofMissing
}

// fits says whether the values are those that the kind takes.
func fits(kind Kind, value, old secret.Text) error {
	typed := kind == KindReset || kind == KindChange
	switch {
	case typed && value.Empty():
		return ErrPasswordMissing
	case kind == KindChange && old.Empty():
		return ErrOldMissing
	case !typed && !value.Empty(), kind != KindChange && !old.Empty():
		return ErrPasswordUnwanted
	}
	return nil
}

// prepare judges a typed value, or generates one, outside of any transaction.
func (e *Engine) prepare(ctx context.Context, r Request, value, old secret.Text) (order, error) {
	if r.Kind == KindUnlock {
		return order{}, nil
	}
	account, err := e.account(ctx, r.Target)
	if err != nil {
		return order{}, err
	}
	policy, err := e.directory.PasswordPolicy(ctx, account)
	if err != nil {
		return order{}, err
	}
	rules := e.passwordRules(policy, account)
	if r.Kind == KindOneTime {
		generated, err := password.Generate(rules, e.random)
		if err != nil {
			return order{}, fmt.Errorf("generate password: %w", err)
		}
		return order{value: generated}, nil
	}
	if r.Kind == KindChange {
		if err := changeable(policy, account, e.now()); err != nil {
			return order{}, err
		}
	}
	if err := e.judged(ctx, rules, value); err != nil {
		return order{}, err
	}
	return order{value: value, old: old, policy: policy}, nil
}

// judged is *PasswordRefused when a rule is not kept.
func (e *Engine) judged(ctx context.Context, rules password.Rules, value secret.Text) error {
	findings, err := e.findings(ctx, rules, value)
	if err != nil {
		return err
	}
	if !password.OK(findings) {
		return &PasswordRefused{Findings: findings}
	}
	return nil
}

// findings are the directory's known rules first, then the judge's.
func (e *Engine) findings(ctx context.Context, rules password.Rules, value secret.Text) ([]password.Finding, error) {
	judge := e.judge()
	if judge == nil {
		return nil, ErrPasswordNotJudged
	}
	judged, err := judge.Judge(ctx, rules, value)
	if err != nil {
		return nil, errors.Join(ErrPasswordNotJudged, err)
	}
	findings := rules.Check(value.Reveal())
	for _, f := range judged {
		if !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	return findings, nil
}

// write sends the one directory write of a request.
func (e *Engine) write(ctx context.Context, r Request, w ad.Write, o order) (ad.Account, error) {
	switch r.Kind {
	case KindUnlock:
		return e.directory.Unlock(ctx, w)
	case KindReset, KindOneTime:
		return e.directory.ResetPassword(ctx, w, ad.NewPassword{Value: o.value, MustChange: r.Kind == KindOneTime})
	case KindChange:
		return e.directory.ChangePassword(ctx, w, o.old, o.value)
	}
	return ad.Account{}, ErrKind
}

// guard is Write.Check: the account as read on the write's own connection must
// still be the one of the intent, unprotected, and allowed by the stored decision
// and by the running policy, with every proof and review
// that either asks for, of people who still hold a passkey, and not frozen.
func (e *Engine) guard(ctx context.Context, r Request, o order, account ad.Account) error {
	if err := unprotected(account); err != nil {
		return err
	}
	if err := e.unfrozen(ctx, r.Target); err != nil {
		return err
	}
	running, err := e.judgeAccount(ctx, r.from(o.address, o.browser), account)
	if err != nil {
		return err
	}
	if !r.satisfies(running) {
		return &askAgain{running}
	}
	if err := e.approversStand(ctx, r); err != nil {
		return err
	}
	if !unchanged(r.Kind, r.Intent.Before, account.Marks) {
		return ErrChanged
	}
	if r.Kind == KindChange {
		if err := changeable(o.policy, account, e.now()); err != nil {
			return err
		}
	}
	if !e.now().Before(r.Intent.WriteDeadline) {
		return ErrTooLate
	}
	return nil
}

// satisfies says whether proofs and reviews are what the stored decision and the
// running policy's ask for.
func (r *Request) satisfies(running Decision) bool {
	return len(r.Needs()) == 0 && len(missing(running.Prove, r.Proofs)) == 0 &&
		r.reviewed() && r.Decision.covers(running)
}

// unchanged compares the marks by which a lost answer would be settled: with
// others than those of the intent, the reading could take somebody else's write
// for ours.
func unchanged(kind Kind, before, now ad.Marks) bool {
	if kind == KindUnlock {
		return before.LockoutTime == now.LockoutTime
	}
	return before.KeyVersion == now.KeyVersion && before.PwdLastSet == now.PwdLastSet
}

// askAgain is ErrProofMissing with the decision that asks.
type askAgain struct{ running Decision }

func (*askAgain) Error() string { return string(ErrProofMissing) }
func (*askAgain) Unwrap() error { return ErrProofMissing }

// writeContext ends with the write deadline, and not with the browser's patience.
func (e *Engine) writeContext(ctx context.Context, r Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), max(0, r.Intent.WriteDeadline.Sub(e.now())))
}

// storePatience is how long an outcome is carried to a store that fails.
const storePatience = time.Minute
