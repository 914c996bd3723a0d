package workflow

import (
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/password"
)

// Actor is who acts, as a session proves it, and from where.
type Actor struct {
	Account ad.GUID
	Session string // enroll.Session.ID
	Device  string // hostile, personal
	Address string // personal
	Browser string // SHA-256 of the browser's own cookie, hex; "" for none
}

// Option is one kind that a person may, or may not, ask for now.
type Option struct {
	Kind    Kind
	Allowed bool
	// Approval: somebody has to review it first.
	Approval bool
	// Code says why not ("policy.not-allowed", "account.disabled",
	// "account.not-locked", "password.cannot-change", "account.smartcard" …).
	Code string
}

// PasswordRules are the rules that apply to one person's next password.
type PasswordRules struct {
	password.Rules
	Source         ad.PolicySource
	Policy         string // name of the PSO
	History        int
	HistoryOnReset bool
	MinAge         time.Duration
	// ChangeFrom is when the minimum age lets a change through; zero for now.
	ChangeFrom time.Time
	// ChangeTriesLeft before the old password's tries come within two of the
	// lockout threshold; -1 where nothing locks.
	ChangeTriesLeft int
	Strength        bool // strength is judged
	Banned          bool
	Breached        bool // a breached file is configured
}
