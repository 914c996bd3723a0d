// Package audit is the append-only, hash-chained log: the closed list of
// events, their canonical form, the chain, verification and export. It knows no
// database; the store asks Seal for the next entry inside its transaction.
//
// docs/audit-format.md describes the bytes for whoever verifies without us.
package audit

import (
	"maps"
	"slices"
	"time"
)

// Event is what happened, before it is sealed into the chain.
type Event struct {
	Time    time.Time // kept in unix milliseconds, UTC
	Action  Action
	Actor   string // objectGUID, or one of the Actor… words
	Target  string // objectGUID of the account that it is about, or ""
	Request string // request id, or ""
	Outcome Outcome
	Reason  string // stable code ("password.history"), or ""
	// Detail holds values that name nobody: strings, bools, int64 below 2^53,
	// and []string. Keys are lower_snake.
	Detail map[string]any
	// Personal holds names as shown, reasons, addresses, devices. Each enters
	// the chain as SHA-256 over a 16-byte salt and the value; value and salt
	// stand beside and can be erased without breaking anything.
	Personal map[string]string
}

// Actors that are no account.
const (
	ActorSystem    = "system"    // a job of the server
	ActorOperator  = "operator"  // the command line on the server's machine
	ActorAnonymous = "anonymous" // nobody has proved who they are yet
)

// Outcome is how it ended.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Denied  Outcome = "denied"
	Failed  Outcome = "failed"
	Unknown Outcome = "unknown"
)

// Action is one of the closed list below; Seal refuses any other.
type Action string

// The actions.
const (
	ServerStarted Action = "server.started"
	ServerStopped Action = "server.stopped"

	ConfigurationReloaded Action = "configuration.reloaded" // with both hashes, before it counts
	KeysRotated           Action = "keys.rotated"           // nothing is sealed under an older key any more

	InvitationCreated Action = "invitation.created"
	InvitationUsed    Action = "invitation.used"
	InvitationRefused Action = "invitation.refused"
	InvitationRevoked Action = "invitation.revoked"
	PasswordProved    Action = "password.proved"  // the AD password, at enrolment
	PasswordDisproved Action = "password.refused" // likewise, wrong

	PasskeyRegistered   Action = "passkey.registered"
	PasskeyRefused      Action = "passkey.refused" // a registration that was not taken
	PasskeyRenamed      Action = "passkey.renamed"
	PasskeyRemoved      Action = "passkey.removed"
	PasskeyCloneWarning Action = "passkey.clone-warning"
	PasskeyBackupFlip   Action = "passkey.backup-eligible-flip"

	ProofMade     Action = "proof.made"    // recovery codes, an authenticator app: in place of those before
	ProofRemoved  Action = "proof.removed" // likewise
	Answered      Action = "proof.answered"
	AnswerRefused Action = "proof.refused"
	CodeSent      Action = "proof.code-sent"     // by mail or SMS, to whoever asked for it in whatever way
	CodesUsedUp   Action = "proof.codes-used-up" // for a while no more go to a country

	Recovered      Action = "session.recovered"       // signed in without a passkey, with the proofs
	RecoverRefused Action = "session.recover-refused" // why, which the person is not told
	RecoverBraked  Action = "session.recover-braked"  // too many tries: by what could be guessed nobody comes in for a while
	WordsBraked    Action = "session.words-braked"    // too many words were asked for: some are not asked for a while

	SignedIn      Action = "session.signed-in"
	SignInRefused Action = "session.refused"
	SignedOut     Action = "session.signed-out"
	SteppedUp     Action = "session.stepped-up" // an assertion bound to one statement
	StepUpRefused Action = "session.step-up-refused"

	RequestSubmitted Action = "request.submitted" // with the policy's decision
	RequestDenied    Action = "request.denied"    // the policy said no
	RequestProved    Action = "request.proved"    // a proof was consumed by it
	RequestApproved  Action = "request.approved"
	RequestCancelled Action = "request.cancelled"
	RequestExpired   Action = "request.expired"

	ExecutionIntended Action = "execution.intended" // before the directory is written
	ExecutionDone     Action = "execution.done"
	ExecutionRefused  Action = "execution.refused" // the directory or a check refused: nothing written
	ExecutionFailed   Action = "execution.failed"  // refused for good
	ExecutionUnknown  Action = "execution.unknown" // the answer was lost
	ExecutionSettled  Action = "execution.settled" // an unknown outcome, by reading
	GeneratedSeen     Action = "execution.seen"    // the one-time password was confirmed as seen

	ReviewAsked    Action = "review.asked"    // who has a seat
	ReviewReminded Action = "review.reminded" // by the requester, or a job
	ReviewApproved Action = "review.approved" // with the receipt
	ReviewDenied   Action = "review.denied"
	ReviewReported Action = "review.reported" // "this is not right"
	ReviewRefused  Action = "review.refused"  // not the approver any more, a wrong number …

	AccountRelocked Action = "account.relocked" // within 30 minutes of an unlock
	AccountFrozen   Action = "account.frozen"   // with the receipt
	AccountUnfrozen Action = "account.unfrozen"
	AccountAskedFor Action = "account.asked-for" // its owner, frozen, proved with a passkey that it is them; with the receipt
	AccountStopped  Action = "account.stopped"   // frozen by "this wasn't me": no receipt, for no proof is asked

	DeviceAdded   Action = "device.added"   // notifications were switched on
	DeviceRemoved Action = "device.removed" // by its owner, or because the push service said so
	NoticeFailed  Action = "notice.failed"  // nobody could be reached on any way
	PushKeysMade  Action = "push.keys-made"

	PersonalErased Action = "personal.erased" // personal values of the log, on request
)

// actions is the closed list.
var actions = map[Action]bool{
	ServerStarted: true,
	ServerStopped: true,

	ConfigurationReloaded: true,
	KeysRotated:           true,

	InvitationCreated:   true,
	InvitationUsed:      true,
	InvitationRefused:   true,
	InvitationRevoked:   true,
	PasswordProved:      true,
	PasswordDisproved:   true,
	PasskeyRegistered:   true,
	PasskeyRefused:      true,
	PasskeyRenamed:      true,
	PasskeyRemoved:      true,
	PasskeyCloneWarning: true,
	PasskeyBackupFlip:   true,
	ProofMade:           true,
	ProofRemoved:        true,
	Answered:            true,
	AnswerRefused:       true,
	CodeSent:            true,
	CodesUsedUp:         true,
	Recovered:           true,
	RecoverRefused:      true,
	RecoverBraked:       true,
	WordsBraked:         true,
	SignedIn:            true,
	SignInRefused:       true,
	SignedOut:           true,
	SteppedUp:           true,
	StepUpRefused:       true,
	RequestSubmitted:    true,
	RequestDenied:       true,
	RequestProved:       true,
	RequestApproved:     true,
	RequestCancelled:    true,
	RequestExpired:      true,
	ExecutionIntended:   true,
	ExecutionDone:       true,
	ExecutionRefused:    true,
	ExecutionFailed:     true,
	ExecutionUnknown:    true,
	ExecutionSettled:    true,
	GeneratedSeen:       true,
	ReviewAsked:         true,
	ReviewReminded:      true,
	ReviewApproved:      true,
	ReviewDenied:        true,
	ReviewReported:      true,
	ReviewRefused:       true,
	AccountRelocked:     true,
	AccountFrozen:       true,
	AccountUnfrozen:     true,
	AccountStopped:      true,
	AccountAskedFor:     true,
	DeviceAdded:         true,
	DeviceRemoved:       true,
	NoticeFailed:        true,
	PushKeysMade:        true,
	PersonalErased:      true,
}

// Known says whether the action is one of the closed list.
func Known(a Action) bool { return actions[a] }

// Actions lists them in alphabetical order.
func Actions() []Action { return slices.Sorted(maps.Keys(actions)) }
