package workflow

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// unprotected is ad.ErrProtected for an account that Latchkey never acts for
// (docs/security.md, rule 5). It stands on its own, before everything else, at
// the request, at the approval and right before the write.
func unprotected(a ad.Account) error {
	switch a.Protected {
	case ad.NotProtected:
		return nil
	case ad.ProtectedUnknown:
		return fmt.Errorf("%s: %w", a.Protected, errors.Join(ad.ErrProtected, errProtection))
	}
	return fmt.Errorf("%s: %w", a.Protected, ad.ErrProtected)
}

// errProtection goes with ad.ErrProtected where it could not be found out: it
// denies, and ends no approval, since a domain that does not answer now may in a
// minute.
var errProtection = errors.New("protection could not be found out")

// fit says whether the account is in a state in which the kind makes sense.
func fit(a ad.Account, kind Kind, now time.Time) error {
	switch {
	case a.Disabled:
		return ad.ErrDisabled
	case !a.AccountExpires.IsZero() && !now.Before(a.AccountExpires):
		return ad.ErrAccountExpired
	case kind == KindUnlock:
		if !a.Locked {
			return ErrNotLocked
		}
		return nil
	case kind == KindEnrol:
		return nil
	case a.SmartcardRequired:
		return ErrSmartcard
	case a.CannotChange:
		// Whoever may not choose a password does not get one by another door.
		return ErrNotChange
	case kind == KindChange && a.Locked:
		return ad.ErrLocked
	case kind == KindOneTime && a.PasswordNeverExpires:
		return ErrNeverAges
	}
	return nil
}

// allowed is policy and state together. The decision is the policy's, with the
// account's finding behind it; an error is what the person is told.
func allowed(p Policy, requester, target ad.Account, kind Kind, now time.Time) (Decision, error) {
	d := Evaluate(p, requester, target, kind, now)
	switch {
	case d.Verdict == Allow:
	case d.faulty():
		return d, errors.Join(ErrNotAllowed, errRule)
	default:
		return d, ErrNotAllowed
	}
	if err := fit(target, kind, now); err != nil {
		return d.deny("", CodeOf(err), ""), err
	}
	return d, nil
}

// errRule goes with ErrNotAllowed where a rule is in error: it denies, and ends
// no approval, since a group that can't be resolved now may be in a minute.
var errRule = errors.New("a rule of the policy is in error")

// triesLeft counts the wrong old passwords that may still be tried: the last two
// before the lockout stay the person's own. -1 where nothing locks; a threshold
// or a count that is not known leaves none.
func triesLeft(p ad.PasswordPolicy, a ad.Account, now time.Time) int {
	switch {
	case p.Source == ad.PolicyUnreadable || p.LockoutThreshold < 0 || a.BadPasswords < 0:
		return 0
	case p.LockoutThreshold == 0:
		return -1
	}
	bad := a.BadPasswords
	if windowOver(p, a, now) {
		bad = 0
	}
	return max(0, p.LockoutThreshold-2-bad)
}

// clockMargin is how far our clock and a controller's may stand apart before
// Kerberos itself stops working.
const clockMargin = 5 * time.Minute

// windowOver: the next wrong password starts a new count.
func windowOver(p ad.PasswordPolicy, a ad.Account, now time.Time) bool {
	return p.ObservationWindow > 0 && !a.LastBad.IsZero() &&
		now.After(a.LastBad.Add(p.ObservationWindow+clockMargin))
}

// changeFrom is when the minimum age lets a change through; zero for now.
func changeFrom(p ad.PasswordPolicy, a ad.Account, now time.Time) time.Time {
	if a.PasswordSet.IsZero() || p.MinAge <= 0 || a.MustChange {
		return time.Time{}
	}
	if from := a.PasswordSet.Add(p.MinAge); now.Before(from) {
		return from
	}
	return time.Time{}
}

// changeable is what stands against a change before anything is tried.
func changeable(p ad.PasswordPolicy, a ad.Account, now time.Time) error {
	if from := changeFrom(p, a, now); !from.IsZero() {
		return &Detailed{ad.ErrPasswordTooYoung, map[string]string{"until": from.UTC().Format(time.RFC3339)}}
	}
	if triesLeft(p, a, now) == 0 {
		return &Detailed{ErrNoTries, map[string]string{"left": "0"}}
	}
	return nil
}
