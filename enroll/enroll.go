// Package enroll is the relying party: passkeys and every other proof that a
// person registers ahead of time, the ceremonies that register and assert them,
// invitations, and sessions (who proved what, when).
//
// It holds rules and values. It knows no SQL, no LDAP and no HTTP: it declares
// the Store and the Directory that it needs. It never learns what a proof is
// for: other packages hand it opaque bytes to bind into a challenge.
//
// A ceremony is taken in the store, in one statement that tells who won and that
// is committed, before anything is verified; a failed attempt never brings it
// back.
package enroll

import (
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
)

// Credential is a registered passkey.
type Credential struct {
	ID      []byte // credential ID, unique
	Account ad.GUID
	Name    string // as the person named it; hostile
	// Record is the library's whole credential: public key, AAGUID, transports,
	// sign count, clone warning, backup flags. What was attested, a Store keeps and
	// does not give back.
	Record   webauthn.Credential
	Attested Attested
	Created  time.Time
	LastUsed time.Time // zero for never
}

// Purpose of a ceremony. One row serves one purpose.
type Purpose string

// The purposes.
const (
	PurposeSignIn     Purpose = "sign-in"     // discoverable assertion, nobody named
	PurposeStepUp     Purpose = "step-up"     // assertion of a signed-in person, bound to a statement
	PurposeRegister   Purpose = "register"    // creation, of a signed-in person
	PurposeEnrol      Purpose = "enrol"       // creation, by invitation
	PurposeEnrolGrant Purpose = "enrol-grant" // the AD password was proved for an invitation
	PurposeTOTP       Purpose = "totp"        // an authenticator app that is being set up
	PurposeReplace    Purpose = "replace"     // creation, allowed by one request
	PurposeAddress    Purpose = "address"     // a mail address or number that is being verified
	PurposeRecover    Purpose = "recover"     // a way in without a passkey, kept only once it was taken
	PurposeStop       Purpose = "stop"        // a colleague's word that nobody waits for any more
)

// Ceremony is the server's half of a WebAuthn ceremony, or of a grant. Of a
// sign-in it is kept only once it was taken.
type Ceremony struct {
	ID      string // SHA-256 of the browser's token, hex
	Purpose Purpose
	Account ad.GUID // zero for a sign-in
	Session string  // id of the session that began it; "" for none
	// Data is the library's session data, as one JSON blob that comes back whole.
	Data []byte
	// Label, Nonce and Statement make the challenge of a step-up:
	// SHA-256(label ‖ nonce ‖ statement). Statement is opaque here.
	Label     string
	Nonce     []byte
	Statement []byte
	// Invitation is the hash of the invitation that an enrolment uses.
	Invitation string
	Created    time.Time
	Expires    time.Time
}

// ProofKind names what was proved.
type ProofKind string

// The kinds, in the words of the policy.
const (
	ProofPasskey      ProofKind = "passkey"
	ProofHardwareKey  ProofKind = "hardware-key"  // a passkey on one attested security key: a passkey as well
	ProofPassword     ProofKind = "password"      // the current AD password
	ProofRecoveryCode ProofKind = "recovery-code" // one of ten, once
	ProofTOTP         ProofKind = "totp"          // an authenticator app (RFC 6238)
	ProofMailCode     ProofKind = "mail-code"     // a code by mail
	ProofSMSCode      ProofKind = "sms-code"      // a code by SMS
	ProofPIN          ProofKind = "pin"           // chosen digits
	ProofQuestions    ProofKind = "questions"     // answers to some of several questions
	ProofVouching     ProofKind = "vouching"      // a colleague's word: a review of workflow's
	ProofDirectory    ProofKind = "directory"     // something that the directory knows: it names, and proves nothing alone
)

// Counts says whether a proof of this kind is one of the kind that is asked for.
func (k ProofKind) Counts(asked ProofKind) bool {
	return k == asked || k == ProofHardwareKey && asked == ProofPasskey
}

// IsPasskey says whether it is one, of whatever quality.
func (k ProofKind) IsPasskey() bool { return k.Counts(ProofPasskey) }

// Proof is one thing that a person proved once. It is consumed by at most one
// request: the store's unique row tells who won.
type Proof struct {
	ID      string
	Kind    ProofKind
	Account ad.GUID
	Session string
	// Label and Statement are what the proof was bound to; both empty for a
	// sign-in, which counts for at most one unlock of the signer's own account.
	// Without a passkey it is LabelRecover over RecoverStatement.
	Label     string
	Statement []byte
	At        time.Time
	// Receipt keeps what anyone needs to verify the assertion later.
	Receipt Receipt
}

// Bound says whether the proof covers exactly this statement.
func (p Proof) Bound(label string, statement []byte) bool {
	return p.Label == label && len(statement) > 0 && string(p.Statement) == string(statement)
}

// Receipt is an assertion as it was signed. Public keys and the log are enough
// to check it: challenge = SHA-256(label ‖ nonce ‖ statement).
type Receipt struct {
	CredentialID      []byte `json:"credential_id"`
	ClientDataJSON    []byte `json:"client_data_json"`
	AuthenticatorData []byte `json:"authenticator_data"`
	Signature         []byte `json:"signature"`
	Nonce             []byte `json:"nonce"`
}

// Session is a signed-in browser. A new id is made at each gain of assurance.
type Session struct {
	ID      string // SHA-256 of the cookie, hex
	Account ad.GUID
	// Credential is the passkey that signed in; nil for a sign-in without one.
	Credential []byte
	SignedIn   time.Time
	LastSeen   time.Time
	Expires    time.Time // absolute
	Remember   bool      // false: a session cookie, on somebody else's device
	Device     string    // short words for the person ("Chrome on Android"); hostile
	Address    string    // client address at sign-in
	// Browser that a passkey signed in with just now, as Client's; no store keeps it with
	// the session. "" where it is not to become known.
	Browser string
	// Person is who signed in just now, as the directory had it then. Nil in a
	// session that was looked up: no store keeps it.
	Person *ad.Account
}

// Recovered says that no passkey opened it. Such a session sees the account and
// asks for what it was opened for; it reviews nothing and manages no proof.
func (s Session) Recovered() bool { return len(s.Credential) == 0 }

// Invitation lets one person register a passkey, once.
type Invitation struct {
	ID      string // SHA-256 of the link's token, hex
	Account ad.GUID
	By      string // actor: "operator", or the objectGUID of the person
	// Password asks for the current AD password once.
	Password bool
	Created  time.Time
	Expires  time.Time
	Used     time.Time // zero while open
	Revoked  time.Time // zero while open
	Tries    int       // wrong passwords so far
}
