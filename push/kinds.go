package push

import (
	"net/url"
	"strings"
	"time"
)

// The kinds of notices, as workflow writes them.
const (
	kindReview   = "review.asked"
	kindReminder = "review.reminder"
	kindApproved = "request.approved"
	kindDenied   = "request.denied"
	kindLapsed   = "request.expired"
	kindFailed   = "request.failed"
	kindUnknown  = "execution.unknown"
	kindSettled  = "execution.settled"
	kindChanged  = "account.changed"
	kindRelocked = "account.relocked"
	kindFrozen   = "account.frozen"
	kindAlert    = "alert.frozen" // to whoever runs this server: To is ""
	kindThaw     = "alert.thaw"   // likewise
	kindBrake    = "alert.brake"  // likewise, about nobody
	kindWords    = "alert.words"  // likewise
	kindCodes    = "alert.codes"  // likewise
	kindExpiring = "password.expiring"
	kindProofs   = "proof.changed"      // enroll's: a way in was added, taken away, or used without a passkey
	kindLift     = "thaw.asked"         // to whoever may lift somebody's freeze
	kindProved   = "account.thaw-asked" // somebody proved with a passkey of the reader's that it is them, to be let in again
	kindThawed   = "account.thawed"     // the reader's account is let in again
	kindVouch    = "request.vouch"      // somebody without a passkey asks others to vouch for the reader
	kindReplaced = "passkey.replaced"   // to the manager of whoever made a passkey without a passkey
	kindSeveral  = "review.several"     // in place of all that waited for the cap; never in the outbox
	kindTest     = "test"               // from the page "Notifications"; never in the outbox
)

// A plan says how a kind travels.
type plan struct {
	class  string // what one message replaces: those of its class about the same request
	page   string // where it leads; "/" at its end takes the request's id
	review bool   // to a reviewer: no name, no detail, and a cap
	urgent bool
	both   bool // by push and by mail; otherwise mail only where push does not reach
	bulk   bool // to many at once, and in no hurry
	own    bool // of the reader's own account: it offers "this wasn't me"
	alert  bool // by mail to the addresses for alerts
	wide   bool // also to the mail address and the number that its reader verified here; see Notice.wide
	free   bool // of those, to none that costs: whoever knows a name can cause it
}

var plans = map[string]plan{
	kindReview:   {class: "review", page: "/review/", review: true, urgent: true},
	kindReminder: {class: "review", page: "/review/", review: true, both: true},
	kindApproved: {class: "request", page: "/request/", own: true, urgent: true},
	kindDenied:   {class: "request", page: "/request/", own: true},
	kindLapsed:   {class: "request", page: "/request/", own: true},
	kindFailed:   {class: "request", page: "/request/", own: true},
	kindUnknown:  {class: "request", page: "/request/", own: true},
	kindSettled:  {class: "request", page: "/request/", own: true},
	kindChanged:  {class: "account", page: "/account", own: true, both: true},
	kindRelocked: {class: "relocked", page: "/account", own: true, both: true},
	kindFrozen:   {class: "frozen", page: "/account", both: true, wide: true},
	kindReplaced: {class: "replaced", page: "/", both: true},
	kindProofs:   {class: "proof", page: "/account", own: true, both: true, urgent: true, wide: true},
	kindLift:     {class: "thaw", page: "/inbox", urgent: true},
	kindProved:   {class: "frozen", page: "/account", own: true, both: true, urgent: true, wide: true},
	kindThawed:   {class: "frozen", page: "/account", own: true, both: true, wide: true},
	kindVouch:    {class: "vouch", page: "/request/", own: true, both: true, urgent: true, wide: true, free: true},
	kindAlert:    {class: "alert", page: "/", alert: true},
	kindThaw:     {class: "alert", page: "/", alert: true},
	kindBrake:    {class: "alert", page: "/", alert: true},
	kindWords:    {class: "alert", page: "/", alert: true},
	kindCodes:    {class: "alert", page: "/", alert: true},
	kindExpiring: {class: "password", page: "/account", own: true, both: true, bulk: true},
	kindSeveral:  {class: "review", page: "/inbox", urgent: true},
	kindTest:     {class: "test", page: "/devices"},
}

// Bulk says whether everything else goes before messages of this kind.
func Bulk(kind string) bool { return plans[kind].bulk }

// reviewKinds are those under the cap.
var reviewKinds = []string{kindReview, kindReminder}

// path is where a message leads, below the public URL.
func (p plan) path(params map[string]string) string {
	if !strings.HasSuffix(p.page, "/") {
		return p.page
	}
	if params["request"] == "" {
		return "/"
	}
	return p.page + url.PathEscape(params["request"])
}

// tag names what a message replaces on the screen.
func (p plan) tag(params map[string]string) string {
	if params["request"] == "" {
		return p.class
	}
	return p.class + "-" + params["request"]
}

const usefulFor = 24 * time.Hour

// until is when a notice is of no use any more.
func (n Notice) until() time.Time {
	if n.Until.IsZero() {
		return n.Created.Add(usefulFor)
	}
	return n.Until
}
