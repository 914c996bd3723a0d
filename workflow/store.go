package workflow

import (
	"context"
	"errors"
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
	// ErrOpen: the requester has an open request of this kind for this account.
	ErrOpen Code = "request.open"
)

// ErrThawed is FreezeOwn's: the account was unfrozen since. No person ever sees it.
var ErrThawed = errors.New("account unfrozen since")

// Change is what one update commits beside the request.
type Change struct {
	Events  []audit.Event
	Notices []Notice
	// EndSessions is nil where none end.
	EndSessions *SessionsOf
	// Freeze is nil where no account is frozen. One that is frozen already
	// stays as it is, unless its owner asked since for a thaw: then At is that of this
	// one, and nobody asks any more.
	Freeze *Freeze
	// Passkey is nil where none is registered. One whose ID exists is
	// enroll.ErrDuplicate, and changes nothing.
	Passkey *enroll.Registered
	// Unspent is a ceremony that was never saved, or the zero one. Where it was spent for
	// its purpose, nothing is created or changed: enroll.ErrNoCeremony.
	Unspent enroll.Ceremony
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
// which words.
type Notice struct {
	To     ad.GUID
	Kind   string
	Params map[string]string
	// Until is when it is of no use any more (a request's deadline); zero for a
	// day.
	Until time.Time
}

// Store keeps requests.
type Store interface {
	// Create inserts a request and its change, as Update does. Its proofs are consumed.
	// Of two open ones of a kind, by one requester for one account, it takes one:
	// ErrOpen, until that one is no longer open.
	Create(ctx context.Context, r Request, c Change) error
	// Request is ErrNoRequest when unknown.
	Request(ctx context.Context, id string) (Request, error)
	// Update runs fn on the request as it is in a write transaction and commits
	// what fn made of it, the change's events and notices, the end of the sessions
	// that it orders, the freeze, and one row for each proof that is new in Proofs
	// or in Reviews, or nothing. An error from fn comes back as it is. fn does no I/O and may run again. The store adds one to Version.
	// Of two requests for one account one is executing or unknown: ErrExecuting.
	Update(ctx context.Context, id string, fn func(*Request) (Change, error)) error
	// Requests lists newest first.
	Requests(ctx context.Context, q Query) ([]Request, error)
	// Due lists ids of requests whose Wake is at or before now, oldest first.
	Due(ctx context.Context, now time.Time, limit int) ([]string, error)
}

// Query selects requests. Zero fields select all.
type Query struct {
	Requester ad.GUID
	Asked     ad.GUID // somebody with a seat, decided or not
	Target    ad.GUID
	Kind      Kind
	States    []State
	Vouched   string // the session that somebody is to vouch for
	Stopped   bool   // nobody waits for that session any more (enroll.PurposeStop)
	Limit     int    // 0 is 100
}

// Freezes keeps the accounts that Latchkey does nothing for until that is lifted.
// They are set by Change.Freeze, and by FreezeOwn.
type Freezes interface {
	// FreezeOwn runs fn, in one write transaction, on the account's requests that are
	// draft, pending or approved, and commits what fn made of them together with its
	// change, or nothing. fn does no I/O and may run again. Where the account is
	// frozen already it is not run, and that is no error: the freeze stays as it is.
	// Where Freeze.Again says so it is run, and the freeze begins anew, as Change.Freeze
	// does. made is when somebody was given the means; ErrThawed where a freeze was lifted
	// at that time or later, also where the account is frozen. A zero made was not given
	// to anybody.
	FreezeOwn(ctx context.Context, account ad.GUID, made time.Time, fn func(open []*Request) (Change, error)) error
	// Frozen is nil for an account that is not.
	Frozen(ctx context.Context, account ad.GUID) (*Freeze, error)
	// ThawsAsked lists those whose owner asked for a thaw, without one account's, the
	// last who asked first, and no more than most.
	ThawsAsked(ctx context.Context, except ad.GUID, most int) ([]Freeze, error)
	// AskThaw runs fn on the freeze of the account as it is in a write transaction and
	// commits Asked, Proved, Alerted and Told as fn left them, the events and notices of its
	// change, and that all the proofs are used, or nothing. ErrNotFrozen where there is
	// none, ErrProofUsed. fn does no I/O and may run again.
	AskThaw(ctx context.Context, account ad.GUID, proofs []string, fn func(*Freeze) (Change, error)) error
	// Lift is AskThaw by one proof that ends the freeze, and keeps that, as Unfreeze.
	Lift(ctx context.Context, account ad.GUID, proof string, fn func(*Freeze) (Change, error)) error
	// Unfreeze is Lift without a proof of whoever lifts. It keeps for a week that it
	// was lifted, for FreezeOwn.
	Unfreeze(ctx context.Context, account ad.GUID, fn func(*Freeze) (Change, error)) error
}

// Freeze is one account that is frozen.
type Freeze struct {
	Account ad.GUID
	By      ad.GUID // the approver who reported; the account itself where its owner said that it wasn't them
	Request string  // that was reported; "" where the owner froze
	At      time.Time
	// Asked is when its owner last proved that it is them; zero for never, and again from
	// the moment at which somebody freezes it once more. Proved is what with: a passkey,
	// or what they came in by without one.
	Asked  time.Time
	Proved []enroll.ProofKind
	// Alerted is when whoever runs the server was last told that the owner asks, and Told
	// when the owner was.
	Alerted, Told time.Time
}

// Again says whether a link that was made then begins the freeze anew: it is younger than
// the freeze, and so of an asking, or of somebody who came in to ask. (Or of the last asking
// that was told of: another server's clock may stand behind.) Each counts once, and one
// from before holds nobody frozen.
func (f Freeze) Again(made time.Time) bool {
	return !made.IsZero() && (made.After(f.At) || !f.Asked.IsZero() && !made.Before(f.Told))
}

// Holders knows who holds a passkey: nobody else can approve.
type Holders interface {
	HasPasskey(ctx context.Context, account ad.GUID) (bool, error)
	// HeldProofs are the kinds of proofs that the account holds, passkeys among them; and
	// ranks what the strongest of them is measured by: these, and what proves nothing any
	// more for what the directory has by now.
	HeldProofs(ctx context.Context, account ad.Account) (held, ranks []enroll.ProofKind, err error)
	// ProofsReplaced is when a proof was last added, replaced or taken away where one was
	// held; zero for never: an invitation's passkey alone is none.
	ProofsReplaced(ctx context.Context, account ad.GUID) (time.Time, error)
	// FirstPasskey is when the oldest passkey of those that the account holds was made;
	// zero for none.
	FirstPasskey(ctx context.Context, account ad.GUID) (time.Time, error)
}

// Browsers knows which browsers an account was signed in with.
type Browsers interface {
	// KnownBrowser says whether the account was signed in with that browser by a passkey,
	// as on a device of its own, at that moment or before.
	KnownBrowser(ctx context.Context, account ad.GUID, browser string, before time.Time) (bool, error)
}

// Reminders keeps which reminders went out, so that a job that runs again, or on
// another server, sends none twice.
type Reminders interface {
	// Remind puts the notice into the outbox unless one was put there for the
	// same account, expiry and number of days; it says whether it did.
	Remind(ctx context.Context, account ad.GUID, expires time.Time, days int, n Notice) (bool, error)
	// PurgeReminders forgets those of passwords that expired before.
	PurgeReminders(ctx context.Context, before time.Time) (int, error)
}

// People finds who reviews, and whose password expires. (The directory's.)
type People interface {
	// AccountByDN reads the account at a DN (a manager's), or ad.ErrNotFound.
	AccountByDN(ctx context.Context, dn string) (ad.Account, error)
	// Members reads the people in a group, nested ones too, at most limit. Those
	// whose primary group it is are not among them: the directory does not list
	// them (MS-ADTS 3.1.1.4.5.14 primaryGroupID).
	Members(ctx context.Context, groupSID string, limit int) ([]ad.Account, error)
	// Expiring goes through everybody, page by page, whose password expires
	// after now and within the time; fn's error ends it.
	Expiring(ctx context.Context, now time.Time, within time.Duration, fn func([]ad.Expiring) error) error
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
	// RecoverProofs are those of a sign-in without a passkey that nothing has
	// consumed; none is no error.
	RecoverProofs(ctx context.Context, session string) ([]enroll.Proof, error)
}

// Judge judges passwords beyond what the directory's rules say.
type Judge interface {
	// Judge returns one finding for each rule that it looked at. An error means
	// that it could not tell: the password is then not tried.
	Judge(ctx context.Context, rules password.Rules, value secret.Text) ([]password.Finding, error)
	// Demands says what it looks at.
	Demands() password.Demands
}
