package ad

import "fmt"

// Cause is a documented reason for a failure: compare with errors.Is. Its text
// is stable, and is the code that a problem document carries.
type Cause string

// Error returns the code.
func (c Cause) Error() string { return string(c) }

// Causes of reading and reaching.
const (
	ErrNotFound    Cause = "directory.not-found"    // no such account, or more than one
	ErrUnavailable Cause = "directory.unavailable"  // no controller answered in time
	ErrServiceBind Cause = "directory.service-bind" // code 49 for the service account: stop, alarm
	ErrRights      Cause = "directory.rights"       // code 50, or 00000005: a right is missing
	ErrProtocol    Cause = "directory.protocol"     // an answer that can't be understood
)

// Causes of a bind with a person's password (code 49, "data XXX").
const (
	ErrWrongPassword      Cause = "bind.wrong-password"      // 52e, and 525 so that nobody is found out
	ErrAccountRestriction Cause = "bind.account-restriction" // 52f
	ErrLogonHours         Cause = "bind.logon-hours"         // 530
	ErrWorkstation        Cause = "bind.workstation"         // 531
	ErrPasswordExpired    Cause = "bind.password-expired"    // 532: the password was right
	ErrDisabled           Cause = "account.disabled"         // 533, and before a write
	ErrAccountExpired     Cause = "account.expired"          // 701
	ErrMustChange         Cause = "bind.must-change"         // 773: the password was right
	ErrLocked             Cause = "account.locked"           // 775
)

// Causes of a refused write. Nothing was written.
const (
	ErrProtected         Cause = "account.protected"
	ErrPasswordRules     Cause = "password.refused"    // 0000052D with no more to learn
	ErrPasswordShort     Cause = "password.too-short"  // only where the controller says so (Samba)
	ErrPasswordComplex   Cause = "password.complexity" // likewise
	ErrPasswordHistory   Cause = "password.history"    // likewise
	ErrPasswordTooYoung  Cause = "password.too-young"  // likewise, or known from minPwdAge
	ErrOldPassword       Cause = "password.old-wrong"  // 00000056; it counted for the lockout
	ErrPasswordMalformed Cause = "password.malformed"  // NUL or broken text: refused before it is sent
	ErrChannel           Cause = "directory.channel"   // 0000001F, 53: no TLS that the controller accepts
	ErrRefused           Cause = "directory.refused"   // any other refusal
	ErrReferral          Cause = "directory.referral"  // another domain's controller; never chased
)

// Outcome says what a failed write left in the directory.
type Outcome int

// The zero value is the careful one.
const (
	OutcomeUnknown    Outcome = iota // the answer was lost: settle by reading
	OutcomeNotWritten                // refused, or never sent
	OutcomeWritten
)

// Error is what every method of Client returns when it fails.
type Error struct {
	Cause      Cause
	Op         string // "unlock account", "read account" …
	Controller string // host, "" when none was reached
	Outcome    Outcome
	// Diagnostic is the controller's text, for the log and for "Details".
	// It never holds a value that was sent.
	Diagnostic string
	Err        error // what lies beneath; may be nil
}

// Error returns one line without secrets.
func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Cause)
	if e.Controller != "" {
		s += " on " + e.Controller
	}
	if e.Diagnostic != "" {
		s += fmt.Sprintf(" (%q)", e.Diagnostic)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap lets errors.Is find the cause and what lies beneath it.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Err}
}
