package push

import "errors"

// Errors of devices beside those of a Store. Their text is the stable code.
var (
	// ErrEndpoint: this is no push service that Latchkey may speak to, or no
	// keys of a browser.
	ErrEndpoint = errors.New("device.endpoint")
	// ErrKey: the subscription was made with a key that is none of ours, so that
	// nothing could be sent to it.
	ErrKey = errors.New("device.key")
	// ErrGone: the push service does not know the subscription any more.
	ErrGone = errors.New("device.gone")
	// ErrUnreachable: the push service did not take the message.
	ErrUnreachable = errors.New("device.unreachable")
)

// The codes of failures as a store keeps them: of a delivery, and of the
// subscription that it was for.
const (
	codeGone        = "device.gone"         // 404, 410
	codeRefused     = "device.refused"      // 400, 401, 403, 3xx: ours to repair
	codeTooLarge    = "device.too-large"    // 413
	codeBusy        = "device.busy"         // 429
	codeUnreachable = "device.unreachable"  // 5xx, no answer
	codeEndpoint    = "device.endpoint"     // not allowed any more
	codeRemoved     = "device.removed"      // by its owner, meanwhile
	codeLate        = "notice.late"         // its time is over
	codeNobody      = "notice.nobody"       // no such account, or it is disabled
	codeNoWay       = "notice.no-way"       // neither device nor mail address
	codeCapped      = "notice.capped"       // waits: too many in a short time
	codeKind        = "notice.kind"         // no words for it
	codeMailRefused = "mail.refused"        // 5xx
	codeMailLater   = "mail.later"          // 4xx
	codeMailDown    = "mail.down"           // no connection, no TLS, no sign-in
	codeDirectory   = "directory.unreached" // no address without it
)
