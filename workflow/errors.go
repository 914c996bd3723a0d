package workflow

import (
	"errors"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/password"
)

// Code is an error that a person may see: its text is stable, and is the code of
// the problem document. Compare with errors.Is. The directory's own causes
// (ad.Cause: "account.protected", "account.disabled", "password.history",
// "directory.unavailable" …) pass through wrapped and read the same way.
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// What the policy and the account stand against. (ad.ErrProtected,
// ad.ErrDisabled, ad.ErrAccountExpired and ad.ErrLocked join them.)
const (
	ErrNotAllowed Code = "policy.not-allowed"     // no rule, a rule without this kind, or a rule in error
	ErrNotLocked  Code = "account.not-locked"     // nothing to unlock
	ErrSmartcard  Code = "account.smartcard"      // a password is of no use to this person
	ErrChanged    Code = "account.changed"        // the account changed between the read and the write: try again
	ErrOtherOne   Code = "account.other"          // the directory answered with another account
	ErrNotChange  Code = "password.cannot-change" // the directory does not let this person have a password of their own
	ErrNeverAges  Code = "password.never-expires" // "must change at next logon" has no effect here
)

// What a request can no longer, or not yet, do.
const (
	ErrKind       Code = "request.kind"      // no such kind
	ErrReason     Code = "request.reason"    // longer than MaxReason, or no text
	ErrTooMany    Code = "request.too-many"  // Limits.PerHour is used up
	ErrExecuting  Code = "request.executing" // somebody is at it
	ErrUnsettled  Code = "request.unsettled" // the answer was lost and is still to be read
	ErrPending    Code = "request.pending"   // reviews are missing
	ErrDone       Code = "request.done"
	ErrFailed     Code = "request.failed"
	ErrDenied     Code = "request.denied"
	ErrExpired    Code = "request.expired"
	ErrCancelled  Code = "request.cancelled"
	ErrNotDraft   Code = "request.not-draft"     // no proof is missing
	ErrTransition Code = "request.transition"    // the table of states forbids it
	ErrTooLate    Code = "request.too-late"      // the write deadline passed before the write was sent
	ErrTries      Code = "request.no-tries-left" // Limits.Tries values were refused
)

// What stands against a review.
const (
	ErrNoApprover  Code = "review.no-approver"      // nobody could be asked
	ErrNotApprover Code = "review.not-approver"     // no longer the manager, no longer in the group
	ErrApproverOut Code = "review.approver-gone"    // whoever approved it could not approve it any more
	ErrReviewed    Code = "review.decided"          // decided before, by this person or another
	ErrNumber      Code = "review.number"           // the wrong number; Detailed has "left"
	ErrNumberUsed  Code = "review.number-cancelled" // the last wrong number cancelled the request
	ErrChip        Code = "review.reason"           // no such reason, or too long
	ErrReported    Code = "review.reported"         // a reviewer said that this is not right
	ErrSuperseded  Code = "request.superseded"      // its owner, or another browser of theirs, asked anew
	ErrReminded    Code = "review.reminded"         // one reminder, and not at once
	ErrFrozen      Code = "account.frozen"          // Latchkey does nothing for this account until that is lifted
	ErrNotFrozen   Code = "account.not-frozen"
	ErrAskedAnew   Code = "account.asked-anew" // "It is me again" was said once more since the lifter looked
)

// What is wrong with a proof.
const (
	ErrProofMissing  Code = "proof.missing"      // a proof is asked for first
	ErrNotHardware   Code = "proof.not-hardware" // a passkey, where one on an attested security key or computer is asked for
	ErrProofMismatch Code = "proof.mismatch"     // of another person, session, purpose or statement
	ErrProofExpired  Code = "proof.expired"      // older than Limits.SignInProof
	ErrProofTooWeak  Code = "proof.too-weak"     // the person holds a stronger one than any that the policy takes
	ErrDuty          Code = "duty.missing"       // a proof that the person has to hold is not set up; Detailed has "proofs"
	ErrOnlyVouched   Code = "proof.only-vouched" // the policy takes a colleague's word alone, and that is asked for before a sign-in
	ErrCoolDown      Code = "proof.cool-down"    // one was replaced a short time ago; Detailed has "until"
)

// What is wrong with a password before the directory sees it. (PasswordRefused
// and ad.ErrPasswordTooYoung join them.)
const (
	ErrPasswordRules     Code = "password.rules"         // a *PasswordRefused has the findings
	ErrPasswordMissing   Code = "password.missing"       // a value is needed
	ErrPasswordUnwanted  Code = "password.unwanted"      // this kind takes no value
	ErrOldMissing        Code = "password.old-missing"   // change needs the old one
	ErrNoTries           Code = "password.no-tries-left" // one more wrong one comes within two of the lockout
	ErrPasswordNotJudged Code = "password.not-judged"    // a judge failed, so nothing was tried
)

// PasswordRefused is a password that Latchkey itself refused. Nothing was
// written, and no try was counted.
type PasswordRefused struct{ Findings []password.Finding }

// Error returns "password.rules".
func (*PasswordRefused) Error() string { return string(ErrPasswordRules) }

// Is lets errors.Is find ErrPasswordRules.
func (*PasswordRefused) Is(target error) bool { return target == ErrPasswordRules }

// Detailed adds the values of the person's text to a code: "until" (RFC 3339),
// "left".
type Detailed struct {
	Cause  error
	Params map[string]string
}

// Error returns the cause's text.
func (d *Detailed) Error() string { return d.Cause.Error() }

// Unwrap returns the cause.
func (d *Detailed) Unwrap() error { return d.Cause }

// CodeOf returns the stable code of an error of this package or of the
// directory, or "" for a fault that has none.
func CodeOf(err error) string {
	var refused *PasswordRefused
	if errors.As(err, &refused) {
		return string(ErrPasswordRules)
	}
	var code Code
	if errors.As(err, &code) {
		return string(code)
	}
	var cause ad.Cause
	if errors.As(err, &cause) {
		return string(cause)
	}
	return ""
}

// ended says why a request in this state takes no further step.
var ended = map[State]Code{
	Draft: ErrProofMissing, Pending: ErrPending, Executing: ErrExecuting, Unknown: ErrUnsettled,
	Done: ErrDone, Failed: ErrFailed, Denied: ErrDenied, Expired: ErrExpired, Cancelled: ErrCancelled,
}
