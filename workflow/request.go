// Package workflow is the product's rules: requests, policies, execution. It
// knows no SQL, no LDAP and no HTTP; it declares the Store and the Directory
// that it needs, and cmd joins them.
//
// A request goes
//
//	draft → pending → approved → executing → done | failed | unknown
//	draft, pending, approved → expired | cancelled      pending → denied
//	draft → approved       no review is asked for, or those that were given count
//	pending → cancelled    too many wrong numbers, or the account was frozen
//	approved → cancelled   a reviewer reported it
//	executing → approved   the directory refused the value and wrote nothing
//	approved, executing → draft   the running policy asks for a proof or a review
//	                       that the stored decision did not; nothing was written
//	approved, done → draft   another session than the one that proved it is to
//	                       execute, or to replace: it proves first
//	approved → done        a new passkey was registered
//	approved → failed      the account or the policy no longer allows it
//	unknown → done | approved | failed   after reading on the same controller
//	done → executing       a generated password that was never confirmed as
//	                       seen is replaced under the same approval
//
// Reviews: seats.go finds who is asked, pending.go asks and reminds, approver.go
// says who still may decide, approve.go and deny.go take their answers,
// resolve.go says what the answers come to, freeze.go stops an account for an
// approver, stop.go for its owner, freezelink.go makes and reads the links for that.
//
// state.go holds the table. An execution (attempt.go) reads the account, commits
// the intent, writes on that same controller, and commits the outcome; when the
// answer is lost, settle.go reads, and nothing is ever written on a guess. The
// jobs (jobs.go) expire, take over, settle, and watch unlocked accounts; several
// servers may run them, since each step looks again inside Update.
//
// Every change goes through Store.Update: request, consumed proofs, audit events
// and notices commit together or not at all. The closure re-checks the state,
// does no I/O and may run again.
package workflow

import (
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// Kind is what a person asks for.
type Kind string

// The kinds.
const (
	KindUnlock  Kind = "unlock"
	KindReset   Kind = "reset"    // a new password, typed in the last step
	KindChange  Kind = "change"   // the old password is known
	KindOneTime Kind = "one-time" // generated, shown once, to be changed at next logon
	KindEnrol   Kind = "enrol"    // a new passkey: the old one is lost. Nothing is written to the directory
)

// Kinds lists them in the order in which a person reads them.
var Kinds = []Kind{KindUnlock, KindReset, KindChange, KindOneTime, KindEnrol}

// ChangesCredential says whether whoever did it could come in by it later
// (docs/security.md, rule 3). A change takes the old password besides.
func (k Kind) ChangesCredential() bool {
	return k == KindReset || k == KindOneTime || k == KindEnrol
}

// State is where a request stands.
type State string

// The states.
const (
	Draft     State = "draft"   // proofs are missing
	Pending   State = "pending" // reviews are missing
	Approved  State = "approved"
	Executing State = "executing"
	Done      State = "done"
	Failed    State = "failed"
	Unknown   State = "unknown"
	Denied    State = "denied"
	Expired   State = "expired"
	Cancelled State = "cancelled"
)

// Open says whether something may still happen.
func (s State) Open() bool {
	switch s {
	case Draft, Pending, Approved, Executing, Unknown:
		return true
	}
	return false
}

// Request is everything that a person can ask for.
type Request struct {
	ID        string   `json:"id"` // uuid v7
	Kind      Kind     `json:"kind"`
	State     State    `json:"state"`
	Requester ad.GUID  `json:"requester"`
	Target    ad.GUID  `json:"target"`
	Reason    string   `json:"reason,omitempty"` // free text; hostile, personal
	Decision  Decision `json:"decision"`
	// Proofs that this request consumed. The store's unique row per proof id
	// tells who won when two requests want the same.
	Proofs []ConsumedProof `json:"proofs,omitempty"`
	Intent *Intent         `json:"intent,omitempty"` // of the last execution
	Result *Result         `json:"result,omitempty"` // of the last execution
	// Tries counts values that the directory refused under this approval.
	Tries int `json:"tries,omitempty"`
	// Seen: the generated password was confirmed as seen by its owner.
	Seen bool `json:"seen,omitempty"`
	// Watch: a done unlock is watched until then.
	WatchUntil time.Time `json:"watch_until,omitzero"`
	Relocked   *Relock   `json:"relocked,omitempty"`
	// Observed are the looks of the watch that saw the bad tries change.
	Observed []Observation `json:"observed,omitempty"`

	// Asked are the seats of the tier that is reviewed, in the order in which
	// they were asked; kept when it is decided.
	Asked []Seat `json:"asked,omitempty"`
	// Reviews that were given, oldest first.
	Reviews []Review `json:"reviews,omitempty"`
	// Number is the two digits on the requester's screen; "" where none is
	// asked for. No approver ever gets it.
	Number       string `json:"number,omitempty"`
	WrongNumbers int    `json:"wrong_numbers,omitempty"`
	// Reminded is when the requester reminded, once; Nudged when a job did, at
	// half of the time.
	Reminded time.Time `json:"reminded,omitzero"`
	Nudged   time.Time `json:"nudged,omitzero"`
	// Salts hide the personal fields of a review's statement: one of 16 bytes
	// for each of "reason", "device", "address".
	Salts map[string][]byte `json:"salts,omitempty"`

	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	// Deadline of the present state. From the approval on it is the approval's:
	// it stays while the request is executed, and bounds a replacement.
	Deadline time.Time `json:"deadline"`
	// Wake is when a job must look at it next; zero for never. Indexed.
	Wake time.Time `json:"wake,omitzero"`
	// Version counts updates, so that a page knows that it is behind.
	Version int64 `json:"version"`
	// Session that submitted it, for the log; Device and Address are personal.
	Session string `json:"session,omitempty"`
	Device  string `json:"device,omitempty"`
	Address string `json:"address,omitempty"`
	// Browser that submitted it, as Actor's.
	Browser string `json:"browser,omitempty"`
	// AskedIn is the browser in which a word was asked for, likewise. Policies judge
	// such a request as of a browser that nobody knows.
	AskedIn string `json:"asked_in,omitempty"`
	// Waiting is how one sees that nobody waits for the word any more; zero where no
	// word is asked for.
	Waiting Waiting `json:"waiting,omitzero"`
}

// Waiting names the ceremony that a stop spends (Vouch.Over), by what finds it.
type Waiting struct {
	Over  string    `json:"over"`
	Until time.Time `json:"until"`
}

func (w Waiting) unspent() enroll.Ceremony {
	return enroll.Ceremony{ID: w.Over, Purpose: enroll.PurposeStop, Expires: w.Until}
}

// ConsumedProof is a proof as the request keeps it.
type ConsumedProof struct {
	ID      string           `json:"id"`
	Kind    enroll.ProofKind `json:"kind"`
	At      time.Time        `json:"at"`
	Receipt enroll.Receipt   `json:"receipt"`
	// Session that proved; only it executes what the proof approved.
	Session string `json:"session,omitempty"`
	// Void: another session came to execute, and the proof counts no more.
	Void bool `json:"void,omitempty"`
}

// Intent is committed before the directory is written.
type Intent struct {
	At         time.Time `json:"at"`
	Controller string    `json:"controller"`
	Before     ad.Marks  `json:"before"`
	WasLocked  bool      `json:"was_locked"`
	// WriteDeadline: no write is sent after it. Lease: nobody else settles
	// before it. Executor names the server process.
	WriteDeadline time.Time `json:"write_deadline"`
	Lease         time.Time `json:"lease"`
	Executor      string    `json:"executor"`
	MustChange    bool      `json:"must_change"`
	// Session that executes, which a new password leaves signed in.
	Session string `json:"session,omitempty"`
}

// Result is how an execution ended.
type Result struct {
	At         time.Time `json:"at"`
	Code       string    `json:"code,omitempty"` // cause when refused, failed or unknown
	Diagnostic string    `json:"diagnostic,omitempty"`
	Controller string    `json:"controller,omitempty"`
	Unlocked   bool      `json:"unlocked,omitempty"` // a locked account was unlocked
	Settled    bool      `json:"settled,omitempty"`  // known by reading, the answer was lost
	After      ad.Marks  `json:"after"`
}

// Observation is one look at an account that is watched.
type Observation struct {
	At           time.Time `json:"at"`
	BadPasswords int       `json:"bad_passwords"`
}

// Relock is a lockout seen within the watch after an unlock.
type Relock struct {
	At           time.Time   `json:"at"`
	BadPasswords int         `json:"bad_passwords"`
	Cause        RelockCause `json:"cause"`
}

// RelockCause is the likely cause of a new lockout.
type RelockCause string

// The causes.
const (
	// CauseDevice: the tries came within minutes and evenly: a device or
	// service still sends an old password.
	CauseDevice RelockCause = "device"
	// CauseTyping: somebody, perhaps the person, typed wrong passwords.
	CauseTyping RelockCause = "typing"
)
