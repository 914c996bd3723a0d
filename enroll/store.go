package enroll

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// What a Store answers. Anything else is a fault of the store, and denies.
var (
	ErrNoCeremony   = errors.New("ceremony.unknown")           // unknown, taken before, or expired
	ErrNoCredential = errors.New("passkey.unknown")            // unknown or removed
	ErrDuplicate    = errors.New("passkey.already-registered") // this credential ID exists
	ErrNoSession    = errors.New("session.unknown")            // unknown or ended
	ErrNoInvitation = errors.New("invitation.unknown")         // unknown
	// ErrLastPasskey: the only passkey is removed only when that is meant.
	ErrLastPasskey = errors.New("passkey.last")
)

// Store keeps what this package owns. Every method that takes events commits
// them with its change, or neither. Times are unix milliseconds in the store.
type Store interface {
	CeremonyStore
	CredentialStore
	SessionStore
	ProofStore
	InvitationStore
	FactorStore
	// Record commits events that no change goes with (a refusal, say).
	Record(ctx context.Context, events ...audit.Event) error
}

// CeremonyStore holds ceremonies until they are taken or purged.
type CeremonyStore interface {
	// SaveCeremony keeps at most limit ceremonies of one purpose and account:
	// the oldest go first.
	SaveCeremony(ctx context.Context, c Ceremony, limit int) error
	// TakeCeremony deletes and returns in one committed statement; of many
	// callers one wins, the rest get ErrNoCeremony. An expired one, and one of
	// another purpose, is ErrNoCeremony (and is gone).
	TakeCeremony(ctx context.Context, id string, purpose Purpose, now time.Time) (Ceremony, error)
	// SpendCeremony puts in that a ceremony was taken which was never saved, with
	// what came of it, the change of a passkey (nil for none; none is made to one
	// that was removed meanwhile) and the events; of many callers one wins, the rest
	// change nothing and get ErrNoCeremony. It is known by its ID and its Expires, and
	// purged like the others.
	SpendCeremony(ctx context.Context, c Ceremony, change *PasskeyChange, events ...audit.Event) error
	// Ceremony reads without taking (for an enrol-grant). It knows no spent ones.
	Ceremony(ctx context.Context, id string, purpose Purpose, now time.Time) (Ceremony, error)
	// PurgeCeremonies deletes what expired and returns how many.
	PurgeCeremonies(ctx context.Context, now time.Time) (int, error)
}

// PasskeyChange is for UpdateCredential, within another transaction.
type PasskeyChange struct {
	ID []byte
	Fn func(*Credential) ([]audit.Event, error)
}

// Signer is the passkey that a browser says it signed in with.
type Signer struct {
	Credential
	Owns  bool // the passkey's account has the user handle
	Spent bool // the ceremony was taken, and stands so in the store
}

// CredentialStore holds passkeys and user handles.
type CredentialStore interface {
	// Handle returns the account's random user handle, storing candidate when
	// there is none yet.
	Handle(ctx context.Context, account ad.GUID, candidate []byte) ([]byte, error)
	// Credentials lists an account's passkeys, oldest first.
	Credentials(ctx context.Context, account ad.GUID) ([]Credential, error)
	// Signer reads what a sign-in is held to, as of one moment. It is ErrNoCredential
	// when no passkey has this id.
	Signer(ctx context.Context, spent Ceremony, id, handle []byte) (Signer, error)
	// LastSigner is what Signer found last for this id and handle, where they belong
	// together and that is remembered, without reading: another server may have
	// changed or removed the passkey since, or taken the ceremony. It has nothing to
	// say of a ceremony that this server took just now.
	LastSigner(spent Ceremony, id, handle []byte) (Signer, bool)
	// AddCredential is ErrDuplicate when the ID exists.
	AddCredential(ctx context.Context, c Credential, events ...audit.Event) error
	// UpdateCredential changes one passkey through a closure, which does no I/O
	// and may run again; an error from it changes nothing and comes back.
	UpdateCredential(ctx context.Context, id []byte, fn func(*Credential) ([]audit.Event, error)) error
	// RemoveCredential deletes it, ends every session that it signed in but not
	// the one named keep, and withdraws the account's own links. In the same
	// transaction it looks whether it is the account's only one: then last must
	// be true, or ErrLastPasskey. One of another account is ErrNoCredential.
	RemoveCredential(ctx context.Context, account ad.GUID, id []byte, keep string, last bool, links Withdrawal, events ...audit.Event) error
	// Asserted commits one assertion whole: the passkey's counters through fn,
	// the proof, the new session when there is one, and the events. The passkey
	// is ErrNoCredential when it was removed meanwhile; an error from fn changes
	// nothing and comes back.
	Asserted(ctx context.Context, id []byte, fn func(*Credential) ([]audit.Event, error), proof Proof, session *Session) error
	// SignedIn is Asserted behind SpendCeremony, in one transaction: of many
	// callers with one ceremony one signs in, the rest get ErrNoCeremony.
	SignedIn(ctx context.Context, spent Ceremony, id []byte, fn func(*Credential) ([]audit.Event, error), proof Proof, session Session) error
}

// SessionStore holds sessions.
type SessionStore interface {
	AddSession(ctx context.Context, s Session, events ...audit.Event) error
	// Session is ErrNoSession when unknown or past Expires.
	Session(ctx context.Context, id string, now time.Time) (Session, error)
	TouchSession(ctx context.Context, id string, seen time.Time) error
	// EndSession deletes one; ending an unknown one is no error and logs nothing.
	EndSession(ctx context.Context, id string, events ...audit.Event) error
	// EndSessions deletes all of an account's, but not the one named keep, and
	// withdraws the account's own links. Its events are recorded only where a
	// session ended.
	EndSessions(ctx context.Context, account ad.GUID, keep string, links Withdrawal, events ...audit.Event) error
	Sessions(ctx context.Context, account ad.GUID) ([]Session, error)
	PurgeSessions(ctx context.Context, now time.Time, idle time.Duration) (int, error)
	// SignInProof returns the session's sign-in proof while no request has
	// consumed it, or ErrNoProof.
	SignInProof(ctx context.Context, session string) (Proof, error)
	// RecoverProofs are those of a sign-in without a passkey that nothing consumed;
	// none is no error.
	RecoverProofs(ctx context.Context, session string) ([]Proof, error)
}

// ErrNoProof is returned where no unused proof is left.
var ErrNoProof = errors.New("proof.unknown")

// ProofStore holds proofs. A proof is consumed once, by a request or by an act
// of this package: both put a row into the same place, whose key is the proof.
type ProofStore interface {
	// Proof is ErrNoProof when unknown or consumed.
	Proof(ctx context.Context, id string) (Proof, error)
	// UseProof consumes it for use ("passkey.add"), in one committed statement;
	// ErrNoProof when it is unknown or another won.
	UseProof(ctx context.Context, id, use string) error
	// PurgeProofs deletes what nobody consumed and is older, and returns how many.
	PurgeProofs(ctx context.Context, before time.Time) (int, error)
}

// InvitationStore holds invitations.
type InvitationStore interface {
	AddInvitation(ctx context.Context, i Invitation, events ...audit.Event) error
	// Invitation is ErrNoInvitation when unknown. Used, revoked and expired
	// ones come back: the caller says which.
	Invitation(ctx context.Context, id string) (Invitation, error)
	// TryInvitation adds one to Tries while it is below limit, in one committed
	// statement; at limit it is ErrInvitationTries. Called before each try, so
	// that no crowd of tries gets past the limit.
	TryInvitation(ctx context.Context, id string, limit int) error
	// ForgiveTry takes one back, not below zero: it was no wrong password.
	ForgiveTry(ctx context.Context, id string) error
	// Enrol commits an enrolment whole: the invitation is marked used (one
	// statement; ErrInvitationUsed when it is no longer open, unrevoked and
	// unexpired), the passkey added (ErrDuplicate), every ceremony and grant of
	// the invitation deleted, the session made, and the events written. Where the
	// account holds a proof already, or held one, its person is told, and others by
	// beside.
	Enrol(ctx context.Context, invitation string, now time.Time, c Credential, session Session, beside []Notice, events ...audit.Event) error
	// RevokeInvitation closes an open one; ErrNoInvitation when there is none.
	RevokeInvitation(ctx context.Context, id string, now time.Time, events ...audit.Event) error
}

// Withdrawal revokes the open invitations that an account made for itself: they
// are as good as a session, and end with the sessions.
type Withdrawal struct {
	At time.Time
	// Event makes the event of one revoked invitation. It does no I/O, and may
	// run again.
	Event func(Invitation) audit.Event
}

// What an invitation can no longer do.
var (
	ErrInvitationUsed    = errors.New("invitation.used")
	ErrInvitationExpired = errors.New("invitation.expired")
	ErrInvitationRevoked = errors.New("invitation.revoked")
	ErrInvitationTries   = errors.New("invitation.too-many-tries") // wrong passwords: it is dead
)

// Directory is what this package needs of Active Directory.
type Directory interface {
	Account(ctx context.Context, account ad.GUID) (ad.Account, error)
	// CheckPassword binds with the person's password on a connection of its
	// own. nil, ad.ErrMustChange and ad.ErrPasswordExpired prove it.
	CheckPassword(ctx context.Context, account ad.GUID, password secret.Text) error
}
