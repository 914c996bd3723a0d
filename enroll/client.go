package enroll

import "time"

// Client is the browser that does something, as the edge sees it.
type Client struct {
	Device   string // "Chrome on Android"; hostile, personal
	Address  string // personal
	Remember bool   // the person's own device: the session outlives the browser
	Browser  string // SHA-256 of the browser's own cookie, hex; "" for none
	Network  string // that limits count as one; personal
	// Known: a passkey of whoever was named was used in this browser.
	Known bool
	// Waits says whether whoever asked has no answer yet, and from then on lets them wait
	// for the end; nil: they do. Nothing is used up for an answer that nobody gets.
	Waits func() bool
}

func (c Client) waits() bool { return c.Waits == nil || c.Waits() }

// Opened is what an open invitation tells before anything is proved: enough to
// see that it is for oneself, and no more.
type Opened struct {
	GivenName string
	Password  bool // the current AD password is asked for
	Expires   time.Time
}

// Labels of the statements that this package's own acts are bound to. Each
// carries a version.
const (
	LabelAddPasskey    = "latchkey/add-passkey/v1"
	LabelRemovePasskey = "latchkey/remove-passkey/v1"
	LabelRecoveryCodes = "latchkey/recovery-codes/v1"
	LabelTOTP          = "latchkey/totp/v1"
	LabelRemoveProof   = "latchkey/remove-proof/v1"
	// LabelProof is of what sets up a PIN, questions, or an address for codes.
	LabelProof = "latchkey/proof/v1"
	// LabelRecover is of proofs without a passkey, which no challenge covers: the
	// server bound them to what they were given for.
	LabelRecover = "latchkey/recover/v1"
)
