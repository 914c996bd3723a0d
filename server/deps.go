package server

import (
	"context"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// Actor is who asks, as the edge knows it: the signed-in session and where it
// comes from.
type Actor = workflow.Actor

// Passkeys is what the edge needs of enroll.
type Passkeys interface {
	// BeginSignIn returns the browser's token for the ceremony and the options.
	BeginSignIn(ctx context.Context) (token secret.Text, options *protocol.CredentialAssertion, err error)
	// FinishSignIn verifies the assertion and makes a session; cookie is its
	// secret. body is the credential's JSON as the browser's toJSON gave it.
	FinishSignIn(ctx context.Context, token secret.Text, body []byte, from enroll.Client) (enroll.Session, secret.Text, error)
	// Session finds a live session by its cookie, or enroll.ErrNoSession.
	Session(ctx context.Context, cookie secret.Text) (enroll.Session, error)
	// Look finds it too, and Alive by its id; neither counts as use of it.
	Look(ctx context.Context, cookie secret.Text) (enroll.Session, error)
	Alive(ctx context.Context, id string) error
	SignOut(ctx context.Context, s enroll.Session, everywhere bool) error

	// BeginStepUp binds label and statement (opaque) into the challenge.
	BeginStepUp(ctx context.Context, s enroll.Session, label string, statement []byte) (secret.Text, *protocol.CredentialAssertion, error)
	// FinishStepUp returns the unconsumed proof, bound to label and statement.
	FinishStepUp(ctx context.Context, s enroll.Session, token secret.Text, body []byte) (enroll.Proof, error)
	// Proof finds an unconsumed proof of this very session, or enroll.ErrNoProof.
	Proof(ctx context.Context, s enroll.Session, id string) (enroll.Proof, error)

	// OpenInvitation says what an invitation is good for; it consumes nothing.
	OpenInvitation(ctx context.Context, token secret.Text) (enroll.Opened, error)
	// ProvePassword checks the AD password for an invitation and returns a
	// grant, good for ten minutes.
	ProvePassword(ctx context.Context, token, password secret.Text, from enroll.Client) (grant secret.Text, err error)
	// BeginEnrol needs a grant where the invitation asks for the password.
	BeginEnrol(ctx context.Context, token, grant secret.Text) (ceremony secret.Text, options *protocol.CredentialCreation, err error)
	// FinishEnrol uses the invitation up, adds the passkey and signs in.
	FinishEnrol(ctx context.Context, ceremony secret.Text, name string, body []byte, from enroll.Client) (enroll.Session, secret.Text, error)
	// Invite makes a link for another device of the signed-in person. It needs
	// a proof from FinishStepUp with enroll.LabelAddPasskey.
	InviteSelf(ctx context.Context, s enroll.Session, proof enroll.Proof) (token secret.Text, expires time.Time, err error)

	// BeginRegister and FinishRegister add a passkey on this device. They need
	// the same proof.
	BeginRegister(ctx context.Context, s enroll.Session, proof enroll.Proof) (secret.Text, *protocol.CredentialCreation, error)
	FinishRegister(ctx context.Context, s enroll.Session, token secret.Text, name string, body []byte) (enroll.Credential, error)
	Credentials(ctx context.Context, s enroll.Session) ([]enroll.Credential, error)
	// IsHardware says whether it counts as a hardware key now.
	IsHardware(c enroll.Credential) bool
	// IsComputer says whether what keeps that is a computer's own chip, and no security key.
	IsComputer(c enroll.Credential) bool
	Rename(ctx context.Context, s enroll.Session, id []byte, name string) error
	// Remove needs a proof with enroll.LabelRemovePasskey over the credential
	// id. Removing the last one needs last to be true, or enroll.ErrLastPasskey.
	Remove(ctx context.Context, s enroll.Session, id []byte, proof enroll.Proof, last bool) error
	// Factors are the proofs beside passkeys that the person holds, without secrets.
	Factors(ctx context.Context, s enroll.Session) ([]enroll.Factor, error)
	// Stale are the proofs that the person set up and that count no more: of an address
	// where it is.
	Stale(ctx context.Context, s enroll.Session) (map[enroll.ProofKind]string, error)
	// AtHand are those of the kinds that the person could give now.
	AtHand(ctx context.Context, s enroll.Session, kinds []enroll.ProofKind) ([]enroll.ProofKind, error)
	// MakeRecoveryCodes, BeginTOTP and RemoveFactor need a proof from FinishStepUp
	// with enroll's label for it over enroll.ProofStatement.
	MakeRecoveryCodes(ctx context.Context, s enroll.Session, proof enroll.Proof) ([]secret.Text, error)
	BeginTOTP(ctx context.Context, s enroll.Session, proof enroll.Proof) (enroll.TOTPSetup, error)
	FinishTOTP(ctx context.Context, s enroll.Session, token secret.Text, code string) error
	RemoveFactor(ctx context.Context, s enroll.Session, proof enroll.Proof, kind enroll.ProofKind) error

	// ProofSettings say what there is to set up.
	ProofSettings() enroll.ProofSettings
	// Address is where the person's codes go, and who keeps it; "" for nowhere.
	Address(ctx context.Context, s enroll.Session, kind enroll.ProofKind) (to, from string, err error)
	// SetPIN, SetAnswers and BeginAddress need a proof with enroll.LabelProof.
	SetPIN(ctx context.Context, s enroll.Session, proof enroll.Proof, pin secret.Text) error
	SetAnswers(ctx context.Context, s enroll.Session, proof enroll.Proof, given []enroll.GivenAnswer) error
	BeginAddress(ctx context.Context, s enroll.Session, proof enroll.Proof, kind enroll.ProofKind, to string) (token secret.Text, address string, err error)
	FinishAddress(ctx context.Context, s enroll.Session, token secret.Text, code string, may func(enroll.ProofKind) error) error
	// Ask sends codes and draws questions for proofs that Answer returns, bound to label
	// and statement, all or none.
	Ask(ctx context.Context, s enroll.Session, label string, statement []byte, kinds []enroll.ProofKind) (enroll.Asking, error)
	Answer(ctx context.Context, s enroll.Session, token secret.Text, label string, statement []byte, answers []enroll.Answer) ([]enroll.Proof, error)

	// BeginRecovery answers alike whether anybody has the name.
	BeginRecovery(ctx context.Context, name, act string) (secret.Text, []enroll.Question, error)
	// SendRecovery sends a code behind the answer, where one is wanted, and returns the
	// token that takes it.
	SendRecovery(ctx context.Context, token secret.Text, kind enroll.ProofKind, wanted bool, from enroll.Client) (secret.Text, error)
	RecoveryOf(token secret.Text) (enroll.Recovery, error)
	// FinishRecovery uses the proofs up, all or none, and makes a short session.
	FinishRecovery(ctx context.Context, token secret.Text, answers []enroll.Answer, from enroll.Client, suffices enroll.Suffices) (enroll.Session, secret.Text, error)
	// Braked records that the way in by what could be guessed is closed for everybody, or
	// that words were asked for too often, and tells whoever runs the server.
	Braked(ctx context.Context, what audit.Action) error
	// RefuseRecovery records a try that is not looked at, and returns its refusal.
	RefuseRecovery(ctx context.Context, of enroll.Recovery, from enroll.Client, why string) error
	// AskWord asks others to vouch, behind the answer; TakeWord makes the session once
	// somebody did, and nil before.
	AskWord(ctx context.Context, token secret.Text, answers []enroll.Answer, from enroll.Client, ask enroll.Words) (enroll.Waiting, error)
	TakeWord(ctx context.Context, token secret.Text, from enroll.Client, given enroll.Given) (*enroll.Session, secret.Text, string, error)
	// StopWord ends the waiting, behind the answer too.
	StopWord(ctx context.Context, token secret.Text, stop func(ctx context.Context, account ad.GUID, session string) error) error
	// BeginReplacement and FinishReplacement register the passkey that a request
	// allows; by is its id.
	BeginReplacement(ctx context.Context, s enroll.Session, by string) (secret.Text, *protocol.CredentialCreation, error)
	FinishReplacement(ctx context.Context, s enroll.Session, by string, token secret.Text, name string, body []byte, alone bool) (enroll.Registered, error)
	// Handle is the user handle, for the browser's signal methods.
	Handle(ctx context.Context, account ad.GUID) ([]byte, error)
}

// Freezes is what the edge needs of workflow for "this wasn't me".
type Freezes interface {
	// FreezeSelf freezes the actor's own account and ends all its sessions;
	// idempotent.
	FreezeSelf(ctx context.Context, who Actor) error
	// FreezeByNotice does so by the link of a notice; workflow.ErrFreezeLink for
	// every link that is not good, whatever is wrong with it.
	FreezeByNotice(ctx context.Context, token secret.Text, from workflow.From) error
	// OwnFreeze is nil where the actor's account is not frozen.
	OwnFreeze(ctx context.Context, who Actor) (*workflow.Freeze, error)
	// BeginThaw says what the owner of a frozen account signs to be let in again.
	BeginThaw(ctx context.Context, who Actor) (label string, statement []byte, err error)
	// AskThaw takes the proof over that statement. The account stays frozen until
	// somebody lifts it.
	AskThaw(ctx context.Context, who Actor, p enroll.Proof) error
	// ThawSuffices is Suffices for a way in that is for workflow.ActThaw, and
	// AskThawRecovered is AskThaw by what it proved.
	ThawSuffices(ctx context.Context, person ad.Account, address string, proved []enroll.ProofKind) error
	AskThawRecovered(ctx context.Context, who Actor) error
	// Thaws are frozen accounts of others that the actor may lift; BeginLift says what
	// they sign, and Lift takes that.
	Thaws(ctx context.Context, who Actor) ([]workflow.Thaw, error)
	// CountThaws counts them for the first page; one that can't be told now is not counted.
	CountThaws(ctx context.Context, account ad.GUID) int
	BeginLift(ctx context.Context, who Actor, account ad.GUID, seen time.Time) (label string, statement []byte, err error)
	Lift(ctx context.Context, who Actor, account ad.GUID, p enroll.Proof) error
}

// Requests is what the edge needs of workflow.
type Requests interface {
	// Options says what the policy lets the person do now, and why not.
	Options(ctx context.Context, who Actor, account ad.Account) []workflow.Option
	// Account reads the actor's own account.
	Account(ctx context.Context, who Actor) (ad.Account, error)
	// Rules are the rules that apply to the actor's own password now.
	Rules(ctx context.Context, who Actor) (workflow.PasswordRules, error)

	// Submit opens a request for the actor's own account. An open request of the
	// same kind is returned instead of a second one. An unlock that the session's
	// sign-in proves is executed before Submit returns.
	Submit(ctx context.Context, who Actor, kind workflow.Kind, reason string) (workflow.Request, error)
	Request(ctx context.Context, who Actor, id string) (workflow.Request, error)
	Mine(ctx context.Context, who Actor) ([]workflow.Request, error)
	// Statement is what a proof for this request is bound to.
	Statement(ctx context.Context, who Actor, id string) (label string, statement []byte, err error)
	// Prove consumes a proof; when none is missing any more the request is
	// approved, and an unlock is executed.
	Prove(ctx context.Context, who Actor, id string, p enroll.Proof) (workflow.Request, error)
	// ProveAll is Prove for several at once, all or none.
	ProveAll(ctx context.Context, who Actor, id string, ps []enroll.Proof) (workflow.Request, error)
	// CheckPassword judges without trying: strength, banned, breached and the
	// known rules. The request must be approved.
	CheckPassword(ctx context.Context, who Actor, id string, value secret.Text) ([]password.Finding, error)
	// Execute writes. value is empty for one-time, old only for change. The
	// generated password comes back once, for the owner's screen.
	Execute(ctx context.Context, who Actor, id string, value, old secret.Text) (workflow.Request, secret.Text, error)
	// Seen confirms the generated password as seen; idempotent.
	Seen(ctx context.Context, who Actor, id string) (workflow.Request, error)
	Cancel(ctx context.Context, who Actor, id string) (workflow.Request, error)

	// Vouch asks others for somebody who has no proof; VouchedFor says whether one of
	// them vouched, and the session may be made.
	Vouch(ctx context.Context, v workflow.Vouch) (workflow.Request, error)
	MayVouch(ctx context.Context, v workflow.Vouch) error
	VouchedFor(ctx context.Context, account ad.GUID, session string) (id string, yes bool, err error)
	// StopVouching takes back what the session would be made for; idempotent.
	StopVouching(ctx context.Context, account ad.GUID, session string) error
	// Suffices says whether proofs without a passkey are all that the policy asks.
	Suffices(ctx context.Context, account ad.Account, kind workflow.Kind, address string, proved []enroll.ProofKind) error
	// Recoveries are the alternatives without a passkey that any rule names, with what
	// they lead to; Offers says whether any rule takes this kind of proof.
	Recoveries() []workflow.Recovery
	Offers(kind enroll.ProofKind) bool
	// Offered are the proofs that the actor may set up, MaySetUp refuses any other, and
	// Duty is what the actor has to hold and does not; nil for nothing.
	Offered(ctx context.Context, who Actor) ([]enroll.ProofKind, error)
	MaySetUp(ctx context.Context, who Actor, kind enroll.ProofKind) error
	Duty(ctx context.Context, who Actor, account ad.Account) (*workflow.Duty, error)
	// Enrollable and Enrol are of a request for a new passkey.
	Enrollable(ctx context.Context, who Actor, id string) (workflow.Request, error)
	Enrol(ctx context.Context, who Actor, id string, made enroll.Registered) (workflow.Request, error)
}

// Reviews is what the edge needs of workflow for approvals. A request that the
// actor has no seat in is workflow.ErrNoRequest, like one that does not exist.
type Reviews interface {
	// Inbox lists the requests with a seat of the actor's: those that wait,
	// the nearest deadline first, and those that are decided, newest first.
	Inbox(ctx context.Context, who Actor) (waiting, decided []workflow.Reviewed, err error)
	// Waiting counts what waits, for the badge.
	Waiting(ctx context.Context, account ad.GUID) (int, error)
	// Seated says whether there is any request, old ones too, with a seat of the
	// account's.
	Seated(ctx context.Context, account ad.GUID) (bool, error)
	Review(ctx context.Context, who Actor, id string) (workflow.Reviewed, error)
	// BeginApproval checks the number, where one is asked for, and says what the
	// approver signs. A wrong number is workflow.ErrNumber with "left"; the last
	// one cancels the request: workflow.ErrNumberUsed.
	BeginApproval(ctx context.Context, who Actor, id, number string) (label string, statement []byte, err error)
	// Approve takes the proof over that statement.
	Approve(ctx context.Context, who Actor, id string, p enroll.Proof) (workflow.Reviewed, error)
	// Deny takes a chip of workflow.DenyReasons and a free text, which may be "".
	Deny(ctx context.Context, who Actor, id, chip, reason string) (workflow.Reviewed, error)
	// Report says that this is not right: the request can't go on.
	Report(ctx context.Context, who Actor, id string) (workflow.Reviewed, error)
	// BeginFreeze and Freeze freeze the target's account, after a Report.
	BeginFreeze(ctx context.Context, who Actor, id string) (label string, statement []byte, err error)
	Freeze(ctx context.Context, who Actor, id string, p enroll.Proof) (workflow.Reviewed, error)

	// Remind asks the approvers again, once; the actor is the requester.
	Remind(ctx context.Context, who Actor, id string) (workflow.Request, error)
	// Asked reads who sits in the request's seats, at most limit, for the
	// requester's screen.
	Asked(ctx context.Context, who Actor, id string, limit int) ([]ad.Account, error)
	// MaySee says whether the actor may see the photo of an account because of
	// this request: requester and target to reviewers, and the other way round.
	MaySee(ctx context.Context, who Actor, id string, account ad.GUID) error
}

// Photos reads a person's photo as the directory has it: hostile bytes.
type Photos interface {
	// Photo is ad.ErrNotFound where there is none.
	Photo(ctx context.Context, account ad.GUID) ([]byte, error)
}

// Devices is what the edge needs of push. account is an objectGUID's text.
type Devices interface {
	// PublicKey is the VAPID key for new subscriptions, base64url.
	PublicKey() string
	// Subscribe saves or renews a subscription of the signed-in person.
	Subscribe(ctx context.Context, s push.Subscription) (push.Subscription, error)
	// Replace does so in the place of their own one with the endpoint old.
	Replace(ctx context.Context, s push.Subscription, old string) (push.Subscription, error)
	Devices(ctx context.Context, account string) ([]push.Subscription, error)
	Remove(ctx context.Context, account, id string) error
	// MailHint is the masked address that mails go to, or "".
	MailHint(ctx context.Context, account string) (string, error)
	// Test sends a message to one device at once and says how that went.
	Test(ctx context.Context, account, id string) error
}

// Log reads what is kept about one person. (The store's.)
type Log interface {
	// Events lists entries about the account, newest first, with their personal
	// values.
	Events(ctx context.Context, account ad.GUID, limit int) ([]audit.Entry, error)
	CountEvents(ctx context.Context, account ad.GUID) (int, error)
	CountRequests(ctx context.Context, account ad.GUID) (int, error)
	// CountAsked counts the requests that the account was asked to review.
	CountAsked(ctx context.Context, account ad.GUID) (int, error)
	// CountSubscriptions counts the browsers that take the account's notifications.
	CountSubscriptions(ctx context.Context, account ad.GUID) (int, error)
	// CountBrowsers counts those that the account was signed in with and is known by.
	CountBrowsers(ctx context.Context, account ad.GUID) (int, error)
	IsFrozen(ctx context.Context, account ad.GUID) (bool, error)
	Sessions(ctx context.Context, account ad.GUID) ([]enroll.Session, error)
}

// Browsers knows which browsers an account was signed in with.
type Browsers interface {
	// KnownBrowser says whether a passkey of the account was used in the browser at that
	// moment or before.
	KnownBrowser(ctx context.Context, account ad.GUID, browser string, before time.Time) (bool, error)
}

// Limits are token buckets that outlive the process and that all servers share.
type Limits interface {
	// Take takes one token from the bucket named key, which holds burst tokens
	// when full, gains one each refill, and is full when it is unknown. It
	// returns 0 when there was a token; otherwise nothing was taken, and the
	// answer is how long until there is one. One statement, so that of two
	// callers only one gets the last token. A full bucket may be forgotten.
	Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (wait time.Duration, err error)
}
