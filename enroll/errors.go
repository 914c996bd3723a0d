package enroll

import "errors"

// What a ceremony or an act answers beside the store's sentinels and the
// directory's causes (ad.ErrUnavailable, ad.ErrWrongPassword, ad.ErrProtected,
// ad.ErrDisabled and so on pass through wrapped). The text is the stable code.
var (
	// ErrMalformed: the browser's JSON is no credential, or too long.
	ErrMalformed = errors.New("passkey.malformed")
	// ErrRefused: the response does not verify, and none of the below says why.
	ErrRefused = errors.New("passkey.refused")
	// ErrOrigin: the response was made for another site.
	ErrOrigin = errors.New("passkey.wrong-origin")
	// ErrNotVerified: the authenticator did not verify the user (UV=0).
	ErrNotVerified = errors.New("passkey.not-verified")
	// ErrCloned: the sign count did not advance, so that two authenticators may
	// hold this key. The act is refused; the passkey stays, with its warning.
	ErrCloned = errors.New("passkey.cloned")
	// ErrNotDiscoverable: the browser says that the new credential is no
	// passkey: it could never sign in without a name.
	ErrNotDiscoverable = errors.New("passkey.not-discoverable")
	// ErrTooMany: the account holds as many passkeys as it may.
	ErrTooMany = errors.New("passkey.too-many")
	// ErrName: a passkey's name is 1 to 64 characters, none of them control.
	ErrName = errors.New("passkey.name")

	// ErrGone: the directory knows no such account any more.
	ErrGone = errors.New("account.gone")
	// ErrFrozen: an approver froze the account; it gets no passkey until IT
	// lifts that.
	ErrFrozen = errors.New("account.frozen")

	// ErrStatement: a label or statement that nothing may be bound to.
	ErrStatement = errors.New("proof.statement")
	// ErrWrongProof: the proof is of another session, label or statement.
	ErrWrongProof = errors.New("proof.mismatch")
	// ErrOldProof: the proof is older than five minutes.
	ErrOldProof = errors.New("proof.expired")

	// ErrRecoverRefused: the way in without a passkey stays shut. It is one answer for
	// a name that nobody has, a proof that is wrong, used or not held, and proofs that
	// are not enough: which of them, only the log says.
	ErrRecoverRefused = errors.New("recover.refused")

	// ErrNoGrant: the invitation asks for the password, and it was not proved
	// within the last ten minutes.
	ErrNoGrant = errors.New("invitation.password-needed")
	// ErrPasswordNotAsked: this invitation takes no password.
	ErrPasswordNotAsked = errors.New("invitation.password-not-asked")
	// ErrNotNow: the invitation is open, and does nothing for its account as it
	// is. Holding a link proves nothing, so that why stands in the log only.
	ErrNotNow = errors.New("invitation.not-now")
	// ErrNoTries: one more wrong password would come within two of the
	// directory's lockout threshold, so none is tried.
	ErrNoTries = errors.New("password.no-tries-left")
)
