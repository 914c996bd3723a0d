package server

import (
	"errors"
	"net/http"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/workflow"
)

// The edge's own refusals.
var (
	errNotFound    = errors.New("route.unknown")
	errMethod      = errors.New("route.method")
	errHost        = errors.New("host.unknown")
	errCrossSite   = errors.New("request.cross-site")
	errContentType = errors.New("request.content-type")
	errMalformed   = errors.New("request.malformed")
	errInvalid     = errors.New("request.invalid")
	errLimited     = errors.New("limit.reached")
	errNotReady    = errors.New("server.not-ready")
)

// cause is one error that has an answer of its own.
type cause struct {
	err    error
	code   string
	status int
	title  string
}

// causes is the one table of answers. The text of each sentinel is its code.
var causes = []cause{
	own(errNotFound, http.StatusNotFound, "There is nothing here"),
	own(errMethod, http.StatusMethodNotAllowed, "This address does not take that method"),
	own(errHost, http.StatusMisdirectedRequest, "This server does not answer for that host name"),
	own(errCrossSite, http.StatusForbidden, "The request came from another site"),
	own(errContentType, http.StatusUnsupportedMediaType, "The body must be application/json, not encoded"),
	own(errMalformed, http.StatusBadRequest, "The request could not be read"),
	own(errInvalid, http.StatusUnprocessableEntity, "The request does not fit its description"),
	own(errLimited, http.StatusTooManyRequests, "Too many requests"),
	own(errNotReady, http.StatusServiceUnavailable, "The server is not ready"),

	own(enroll.ErrNoSession, http.StatusUnauthorized, "Not signed in"),
	own(enroll.ErrNoCeremony, http.StatusGone, "The ceremony is unknown, used or too old"),
	own(enroll.ErrNoCredential, http.StatusNotFound, "The passkey is not known here"),
	own(enroll.ErrDuplicate, http.StatusConflict, "This authenticator is registered already"),
	own(enroll.ErrLastPasskey, http.StatusConflict, "It is the last passkey"),
	own(enroll.ErrNoProof, http.StatusForbidden, "A fresh proof is needed"),
	own(enroll.ErrMalformed, http.StatusBadRequest, "The browser's answer is no credential"),
	own(enroll.ErrRefused, http.StatusForbidden, "The passkey's answer does not verify"),
	own(enroll.ErrOrigin, http.StatusForbidden, "The passkey answered for another site"),
	own(enroll.ErrNotVerified, http.StatusForbidden, "The device did not verify its user"),
	own(enroll.ErrCloned, http.StatusForbidden, "The passkey may have been copied"),
	own(enroll.ErrNotDiscoverable, http.StatusUnprocessableEntity, "The authenticator made no passkey"),
	own(enroll.ErrNotHardware, http.StatusUnprocessableEntity, "The passkey is not on a security key or computer that is accepted"),
	own(enroll.ErrTooMany, http.StatusConflict, "There are too many passkeys"),
	own(enroll.ErrName, http.StatusUnprocessableEntity, "A name has 1 to 64 characters"),
	own(enroll.ErrFrozen, http.StatusForbidden, "The account is frozen here"),
	own(enroll.ErrGone, http.StatusForbidden, "The account is gone from the directory"),
	own(enroll.ErrStatement, http.StatusUnprocessableEntity, "There is nothing to prove"),
	own(enroll.ErrWrongProof, http.StatusForbidden, "The proof is of something else"),
	own(enroll.ErrOldProof, http.StatusForbidden, "The proof is too old"),
	own(enroll.ErrNoGrant, http.StatusForbidden, "The password must be proved first"),
	own(enroll.ErrPasswordNotAsked, http.StatusConflict, "The invitation takes no password"),
	own(enroll.ErrNotNow, http.StatusConflict, "The invitation can't be used now"),
	own(enroll.ErrNoTries, http.StatusConflict, "Too few tries are left before the account locks"),
	own(enroll.ErrNoFactor, http.StatusNotFound, "There is no such proof"),
	own(enroll.ErrFactorLocked, http.StatusTooManyRequests, "It was wrong too often: it rests for a while"),
	own(enroll.ErrPINShort, http.StatusUnprocessableEntity, "The PIN has too few digits"),
	own(enroll.ErrPINLong, http.StatusUnprocessableEntity, "The PIN has too many digits"),
	own(enroll.ErrPINTrivial, http.StatusUnprocessableEntity, "The PIN is one that many would try first"),
	own(enroll.ErrAnswerShort, http.StatusUnprocessableEntity, "The answer is too short"),
	own(enroll.ErrAnswerInQuestion, http.StatusUnprocessableEntity, "The answer stands in the question"),
	own(enroll.ErrAnswerRepeats, http.StatusUnprocessableEntity, "Two answers are the same"),
	own(enroll.ErrAnswerCommon, http.StatusUnprocessableEntity, "The answer is one that many give"),
	own(enroll.ErrAnswers, http.StatusUnprocessableEntity, "These are not the answers that are asked for"),
	own(enroll.ErrOwnMailbox, http.StatusUnprocessableEntity, "The account itself opens this mailbox"),
	own(enroll.ErrAddress, http.StatusUnprocessableEntity, "It is no mail address, or no number with its country"),
	own(enroll.ErrCountry, http.StatusUnprocessableEntity, "No codes go to that country"),
	own(enroll.ErrNoAddress, http.StatusConflict, "There is no address for a code"),
	own(enroll.ErrSentOften, http.StatusTooManyRequests, "Too many codes went there"),
	own(enroll.ErrNotSent, http.StatusBadGateway, "The code could not be sent"),
	own(enroll.ErrClock, http.StatusUnprocessableEntity, "The clock of the phone is wrong"), // a wrong code as well
	own(enroll.ErrWrongCode, http.StatusUnprocessableEntity, "The code is wrong"),
	own(enroll.ErrRecovered, http.StatusForbidden, "This takes a sign-in with a passkey"),
	own(enroll.ErrRecoverRefused, http.StatusForbidden, "The name or the proof is wrong"),
	own(enroll.ErrNoInvitation, http.StatusNotFound, "The invitation is not known"),
	own(enroll.ErrInvitationUsed, http.StatusGone, "The invitation has been used"),
	own(enroll.ErrInvitationExpired, http.StatusGone, "The invitation has expired"),
	own(enroll.ErrInvitationRevoked, http.StatusGone, "The invitation has been revoked"),
	own(enroll.ErrInvitationTries, http.StatusGone, "Too many wrong passwords for this invitation"),

	own(workflow.ErrNoRequest, http.StatusNotFound, "The request is not known"),
	own(workflow.ErrProofUsed, http.StatusConflict, "The proof has been used"),
	own(workflow.ErrNotAllowed, http.StatusForbidden, "The policy does not allow it"),
	own(workflow.ErrKind, http.StatusUnprocessableEntity, "There is no such kind of request"),
	own(workflow.ErrReason, http.StatusUnprocessableEntity, "The reason is too long or no text"),
	own(workflow.ErrTooMany, http.StatusTooManyRequests, "Too many requests of this person"),
	own(workflow.ErrProofMissing, http.StatusForbidden, "A proof is needed first"),
	own(workflow.ErrProofMismatch, http.StatusForbidden, "The proof is of something else"),
	own(workflow.ErrNotHardware, http.StatusUnprocessableEntity, "That passkey is not on a security key or computer that is accepted"),
	own(workflow.ErrProofTooWeak, http.StatusForbidden, "This takes a stronger proof, or an approval"),
	own(workflow.ErrOnlyVouched, http.StatusForbidden, "This takes a colleague's word, asked for before a sign-in"),
	own(workflow.ErrDuty, http.StatusConflict, "A proof that has to be held is not set up"),
	own(workflow.ErrCoolDown, http.StatusForbidden, "A proof was replaced a short time ago"),
	own(workflow.ErrProofExpired, http.StatusForbidden, "The proof is too old"),
	own(workflow.ErrPasswordRules, http.StatusUnprocessableEntity, "The password breaks a rule"),
	own(workflow.ErrPasswordMissing, http.StatusUnprocessableEntity, "A password is needed"),
	own(workflow.ErrPasswordUnwanted, http.StatusUnprocessableEntity, "This request takes no password"),
	own(workflow.ErrOldMissing, http.StatusUnprocessableEntity, "The old password is needed"),
	own(workflow.ErrPasswordNotJudged, http.StatusServiceUnavailable, "The password could not be judged"),

	own(workflow.ErrNotApprover, http.StatusForbidden, "Somebody else decides this"),
	own(workflow.ErrSameBrowser, http.StatusForbidden, "It was asked for in this very browser"),
	own(workflow.ErrApproverOut, http.StatusConflict, "Whoever approved it could not approve it any more"),
	own(workflow.ErrNumber, http.StatusUnprocessableEntity, "It is another number"),
	own(workflow.ErrSuperseded, http.StatusConflict, "It was asked for anew"),
	own(workflow.ErrNumberUsed, http.StatusConflict, "The last wrong number cancelled the request"),
	own(workflow.ErrChip, http.StatusUnprocessableEntity, "There is no such reason, or it is too long"),
	own(workflow.ErrFreezeLink, http.StatusNotFound, "The link is not known, or too old"),
	own(workflow.ErrAskedAnew, http.StatusConflict, "They asked anew since you looked"),
	own(workflow.ErrFrozen, http.StatusForbidden, "The account is frozen here"),

	own(push.ErrEndpoint, http.StatusUnprocessableEntity, "This is no subscription of a push service that may be used"),
	own(push.ErrKey, http.StatusConflict, "The subscription was made with a key that is not ours"),
	own(push.ErrNoSubscription, http.StatusNotFound, "The device is not known here"),
	own(push.ErrAnothers, http.StatusConflict, "The subscription is somebody else's"),
	own(push.ErrTooManyDevices, http.StatusConflict, "There are too many devices"),
	own(push.ErrGone, http.StatusGone, "The push service does not know the device any more"),
	own(push.ErrUnreachable, http.StatusBadGateway, "The push service did not take the message"),

	own(ad.ErrNotFound, http.StatusNotFound, "The account was not found in the directory"),
	own(ad.ErrUnavailable, http.StatusServiceUnavailable, "No domain controller answered in time"),
	own(ad.ErrServiceBind, http.StatusBadGateway, "The directory refused Latchkey's service account"),
	own(ad.ErrRights, http.StatusBadGateway, "Latchkey's service account lacks a right"),
	own(ad.ErrProtocol, http.StatusBadGateway, "The directory's answer was not understood"),
	own(ad.ErrChannel, http.StatusBadGateway, "The controller does not accept the connection's protection"),
	own(ad.ErrRefused, http.StatusBadGateway, "The directory refused"),
	own(ad.ErrReferral, http.StatusBadGateway, "The account lies in another domain"),

	own(ad.ErrWrongPassword, http.StatusUnprocessableEntity, "The password is wrong"),
	own(ad.ErrAccountRestriction, http.StatusConflict, "The account is restricted"),
	own(ad.ErrLogonHours, http.StatusConflict, "Outside the account's logon hours"),
	own(ad.ErrWorkstation, http.StatusConflict, "The account may not log on from here"),
	own(ad.ErrPasswordExpired, http.StatusConflict, "The password has expired"),
	own(ad.ErrMustChange, http.StatusConflict, "The password must be changed"),
	own(ad.ErrDisabled, http.StatusConflict, "The account is disabled"),
	own(ad.ErrAccountExpired, http.StatusConflict, "The account has expired"),
	own(ad.ErrLocked, http.StatusConflict, "The account is locked"),
	own(ad.ErrProtected, http.StatusForbidden, "The account is protected"),

	own(ad.ErrPasswordRules, http.StatusUnprocessableEntity, "The directory refused the password"),
	own(ad.ErrPasswordShort, http.StatusUnprocessableEntity, "The password is too short"),
	own(ad.ErrPasswordComplex, http.StatusUnprocessableEntity, "The password is not complex enough"),
	own(ad.ErrPasswordHistory, http.StatusUnprocessableEntity, "The password was used before"),
	own(ad.ErrPasswordTooYoung, http.StatusConflict, "The password was changed too recently"),
	own(ad.ErrOldPassword, http.StatusUnprocessableEntity, "The old password is wrong"),
	own(ad.ErrPasswordMalformed, http.StatusUnprocessableEntity, "The password holds characters that can't be sent"),
}

func own(err error, status int, title string) cause {
	return cause{err: err, code: err.Error(), status: status, title: title}
}

// statuses describes refusals that are known by their status alone.
var statuses = map[int]struct{ code, title string }{
	http.StatusNotFound:                    {"route.unknown", "There is nothing here"},
	http.StatusMethodNotAllowed:            {"route.method", "This address does not take that method"},
	http.StatusRequestTimeout:              {"request.timeout", "The request took too long to arrive"},
	http.StatusRequestEntityTooLarge:       {"request.too-large", "The body is too large"},
	http.StatusUnsupportedMediaType:        {"request.content-type", "The body must be application/json, not encoded"},
	http.StatusRequestHeaderFieldsTooLarge: {"request.headers", "The headers are too large"},
}
