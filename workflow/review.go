package workflow

import (
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// ReviewLabel names what an approval signs, FreezeLabel what a freeze signs.
const (
	ReviewLabel = "latchkey/review/v1"
	FreezeLabel = "latchkey/freeze/v1"
)

// Seat is somebody who was asked to review.
type Seat struct {
	Account ad.GUID   `json:"account"`
	At      time.Time `json:"at"`
	// Group is the SID by which they are asked; "" for the manager.
	Group string `json:"group,omitempty"`
}

// ReviewVerdict is what a reviewer said. The empty one is none.
type ReviewVerdict string

// The verdicts.
const (
	VerdictApprove ReviewVerdict = "approve"
	VerdictDeny    ReviewVerdict = "deny"
	VerdictReport  ReviewVerdict = "report" // "this is not right"
)

// Review is one reviewer's answer.
type Review struct {
	By      ad.GUID       `json:"by"`
	Verdict ReviewVerdict `json:"verdict"`
	At      time.Time     `json:"at"`
	Tier    int           `json:"tier"`
	// Chip is a reason from the closed list DenyReasons, Reason free text of a
	// denial; hostile, personal.
	Chip   string `json:"chip,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Proof and Receipt of an approval: the assertion over the statement.
	Proof     string         `json:"proof,omitempty"`
	Statement []byte         `json:"statement,omitempty"`
	Receipt   enroll.Receipt `json:"receipt,omitzero"`
	// Void: the request went back for another proof under a policy that this
	// review does not satisfy; it counts no more.
	Void bool `json:"void,omitempty"`
}

// DenyReasons are the chips of a denial.
var DenyReasons = []string{"not-asked", "not-now", "not-mine", "unsure", "other"}

// Reviewed is a request as its reviewer sees it.
type Reviewed struct {
	Request   Request
	Target    ad.Account
	Requester ad.Account
	// Open: this person may decide it now; otherwise Code says why not.
	Open bool
	Code string
	// Number: the two digits are to be typed. They are in nothing that a
	// reviewer gets.
	Number bool
	// Signs are what is unusual: "often", "reported-before" and
	// "denied-before" with a count, "new-device", "weak-proof".
	Signs []Sign
	// Frozen: the target's account is frozen.
	Frozen bool
}

// Sign is one unusual thing about a request.
type Sign struct {
	Code  string
	Count int
}

// Audience are the accounts whose screens show the request.
func (r Request) Audience() []ad.GUID {
	out := []ad.GUID{r.Requester}
	if r.Target != r.Requester {
		out = append(out, r.Target)
	}
	for _, s := range r.Asked {
		out = append(out, s.Account)
	}
	return out
}

// The kinds of notices. The parameters of each: "request" and "kind" (of the
// request), and those named.
const (
	NoticeReview    = "review.asked"        // to an approver
	NoticeReminder  = "review.reminder"     // to an approver
	NoticeApproved  = "request.approved"    // to the requester
	NoticeDenied    = "request.denied"      // to the requester; "reported" = "true", "numbers" = "true" after the last wrong one
	NoticeLapsed    = "request.expired"     // to the requester: nobody reviewed in time
	NoticeFailed    = "request.failed"      // to the requester: what executes by itself was approved, and did not happen
	NoticeChanged   = "account.changed"     // to the target: an execution is done
	NoticeFrozen    = "account.frozen"      // to the target
	NoticeAlert     = "alert.frozen"        // to whoever runs this server (To is zero); "account", "way", "notice"
	NoticeThaw      = "alert.thaw"          // likewise; "account"; "by" is "recovery" where it was no passkey
	NoticeLift      = "thaw.asked"          // to whoever may lift a freeze; "by" as there
	NoticeThawAsked = "account.thaw-asked"  // to the account's owner: somebody proved that it is them; "by" as there
	NoticeThawed    = "account.thawed"      // to the account's owner: somebody lifted its freeze
	NoticeReplaced  = enroll.NoticeReplaced // to the target's manager; "who" is the target's name as the directory has it
	NoticeVouch     = "request.vouch"       // to the account's owner: somebody without a proof asks others to vouch for them; "beside" is what they proved with it
	NoticeExpiring  = "password.expiring"   // to the account's owner; "days", "expires" (unix ms); no request
)
