package enroll

import (
	"slices"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// Notice says that somebody is to be told, and of what.
type Notice struct {
	To     ad.GUID
	Kind   string
	Params map[string]string
}

// NoticeProofs is the kind of every notice of this package; the parameter "kind" says
// what happened.
const NoticeProofs = "proof.changed"

// NoticeReplaced goes to the manager of somebody who made a passkey without one; "who"
// is the person's name as the directory has it.
const NoticeReplaced = "passkey.replaced"

// NoticeBrake goes to whoever runs the server: To is zero.
const NoticeBrake = "alert.brake"

// NoticeWords likewise: words were asked for too often.
const NoticeWords = "alert.words"

// NoticeCodes likewise: a country's codes by SMS are used up.
const NoticeCodes = "alert.codes"

// Tells is whom an event of this package is told to: the person, on every channel,
// when a way in was added, taken away, or used without a passkey, and when a recovery code
// was used (docs/security.md, rule 3). The store puts the notice in with the event.
func Tells(e audit.Event) (Notice, bool) {
	if e.Outcome != audit.OK {
		return Notice{}, false
	}
	what := ""
	switch e.Action {
	case audit.RecoverBraked:
		return Notice{Kind: NoticeBrake}, true
	case audit.WordsBraked:
		return Notice{Kind: NoticeWords}, true
	case audit.CodesUsedUp:
		return Notice{Kind: NoticeCodes}, true
	case audit.PasskeyRegistered:
		what = "passkey"
	case audit.PasskeyRemoved:
		what = "passkey-removed"
	case audit.ProofMade:
		what, _ = e.Detail["proof_kind"].(string)
	case audit.ProofRemoved:
		what = "removed"
	case audit.Recovered:
		what = "recovered"
	case audit.Answered: // also beside a colleague's word, of which no text message tells
		if kinds, _ := e.Detail["proof_kinds"].([]string); slices.Contains(kinds, string(ProofRecoveryCode)) {
			what = "code-used"
		}
	}
	if what == "" {
		return Notice{}, false
	}
	to, err := ad.ParseGUID(e.Target)
	if err != nil {
		return Notice{}, false
	}
	return Notice{To: to, Kind: NoticeProofs, Params: map[string]string{"kind": what}}, true
}
