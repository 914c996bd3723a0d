package workflow

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
)

// What a Store answers.
const (
	ErrNoRequest Code = "request.unknown"
	// ErrProofUsed: a proof in the change was consumed by another request.
	ErrProofUsed Code = "proof.used"
)

// Change is what one update commits beside the request.
type Change struct {
	Events  []audit.Event
	Notices []Notice
	// EndSessions is nil where none end.
	EndSessions *SessionsOf
}

// SessionsOf are the sessions of an account but one: a new password ends them
// (docs/security.md, rule 22).
type SessionsOf struct {
	Account ad.GUID
	Keep    string // session id; empty keeps none
	// Event makes the one event of n ended sessions; it is recorded only where
	// one ended. It does no I/O, and may run again.
	Event func(n int) audit.Event
}

// Notice says that somebody is to be told, and of what; push owns how and in
// which words. (Kept with the change from the start; sent from the next part on.)
type Notice struct {
	To     ad.GUID
	Kind   string
	Params map[string]string
}

// Store keeps requests.
type Store interface {
	// Create inserts a request and its change, as Update does. Its proofs are consumed.
	Create(ctx context.Context, r Request, c Change) error
	// Request is ErrNoRequest when unknown.
	Request(ctx context.Context, id string) (Request, error)
	// Update runs fn on the request as it is in a write transaction and commits
	// what fn made of it, the change's events and notices, the end of the sessions
	// that it orders, and one row for each proof that is new in Proofs, or nothing. An error from fn comes back as it
	// is. fn does no I/O and may run again. The store adds one to Version.
	Update(ctx context.Context, id string, fn func(*Request) (Change, error)) error
	// Requests lists newest first.
	Requests(ctx context.Context, q Query) ([]Request, error)
	// Due lists ids of requests whose Wake is at or before now, oldest first.
	Due(ctx context.Context, now time.Time, limit int) ([]string, error)
}

// Query selects requests. Zero fields select all.
type Query struct {
	Requester ad.GUID
	Target    ad.GUID
	Kind      Kind
	States    []State
	Limit     int // 0 is 100
}

// Directory is what this package needs of Active Directory.
type Directory interface {
	// Account reads on the controller that writes would go to.
	Account(ctx context.Context, account ad.GUID) (ad.Account, error)
	// AccountOn reads on one named controller, and on no other.
	AccountOn(ctx context.Context, controller string, account ad.GUID) (ad.Account, error)
	PasswordPolicy(ctx context.Context, a ad.Account) (ad.PasswordPolicy, error)
	Unlock(ctx context.Context, w ad.Write) (ad.Account, error)
	// ResetPassword writes unicodePwd, pwdLastSet 0 where MustChange says so,
	// and lockoutTime 0 where the account is locked, in one modify.
	ResetPassword(ctx context.Context, w ad.Write, p ad.NewPassword) (ad.Account, error)
	ChangePassword(ctx context.Context, w ad.Write, old, new secret.Text) (ad.Account, error)
}

// Proofs finds the proof that a sign-in left.
type Proofs interface {
	// SignInProof returns the session's sign-in proof while nothing has consumed
	// it, or enroll.ErrNoProof.
	SignInProof(ctx context.Context, session string) (enroll.Proof, error)
}

// Judge judges passwords beyond what the directory's rules say.
type Judge interface {
	// Judge returns one finding for each rule that it looked at. An error means
	// that it could not tell: the password is then not tried.
	Judge(ctx context.Context, rules password.Rules, value secret.Text) ([]password.Finding, error)
	// Demands says what it looks at.
	Demands() password.Demands
}
