package workflow

import (
	"context"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
)

// Rules are the rules that apply to the actor's own password now.
func (e *Engine) Rules(ctx context.Context, who Actor) (PasswordRules, error) {
	account, err := e.account(ctx, who.Account)
	if err != nil {
		return PasswordRules{}, err
	}
	policy, err := e.directory.PasswordPolicy(ctx, account)
	if err != nil {
		return PasswordRules{}, err
	}
	demands := e.demands()
	now := e.now()
	return PasswordRules{
		Rules: e.passwordRules(policy, account), Source: policy.Source, Policy: policy.Name,
		History: policy.History, HistoryOnReset: policy.HistoryOnReset, MinAge: policy.MinAge,
		ChangeFrom: changeFrom(policy, account, now), ChangeTriesLeft: triesLeft(policy, account, now),
		Strength: demands.MinScore > 0, Banned: demands.Banned, Breached: demands.Breached,
	}, nil
}

// CheckPassword judges a value without trying it. The request must be approved,
// and of a kind that takes a typed password.
func (e *Engine) CheckPassword(ctx context.Context, who Actor, id string, value secret.Text) ([]password.Finding, error) {
	r, err := e.Request(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if r.Kind != KindReset && r.Kind != KindChange {
		return nil, ErrPasswordUnwanted
	}
	if err := r.executable(e.now()); err != nil {
		return nil, err
	}
	if err := e.unfrozen(ctx, r.Target); err != nil {
		return nil, err
	}
	account, err := e.account(ctx, r.Target)
	if err != nil {
		return nil, err
	}
	policy, err := e.directory.PasswordPolicy(ctx, account)
	if err != nil {
		return nil, err
	}
	return e.findings(ctx, e.passwordRules(policy, account), value)
}

// passwordRules: of a policy that can't be read nothing is claimed.
func (e *Engine) passwordRules(p ad.PasswordPolicy, a ad.Account) password.Rules {
	rules := password.Rules{MinScore: e.demands().MinScore}
	if p.Source == ad.PolicyUnreadable || p.Source == "" {
		return rules
	}
	rules.Known, rules.MinLength, rules.Complexity = true, p.MinLength, p.Complexity
	rules.Names = password.NameTokens(a.SAMAccountName, a.DisplayName)
	return rules
}

func (e *Engine) demands() password.Demands {
	if judge := e.judge(); judge != nil {
		return judge.Demands()
	}
	return password.Demands{}
}
