package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// route is one row of the table.
type route struct {
	method, path string
	guard        guard
	limits       []rate
	mount        mount
	summary      string
}

// mount puts a row's handler behind its guard.
type mount func(s *Server, r route)

const (
	get   = http.MethodGet
	post  = http.MethodPost
	patch = http.MethodPatch
)

// table is every route of the API. Those of the web app's files are in static.go
// and have the same form; there are no others.
func (s *Server) table() []route {
	return slices.Concat(s.ownRoutes(), s.proofRoutes(), s.reviewRoutes(), s.deviceRoutes())
}

// ownRoutes are those of somebody's own account, passkeys and requests.
func (s *Server) ownRoutes() []route {
	read, write := []rate{rateRead}, []rate{rateWrite}
	return []route{
		{get, pathHealth, asset, nil, plainly(s.health), "The process answers"},
		{get, pathReady, asset, nil, plainly(s.ready), "Store and directory can be reached"},
		{get, "/api/openapi.json", public, nil, plainly(s.openAPI), "This document"},
		{get, "/api/info", public, nil, typed(s.info), "Whose server this is"},

		{post, "/api/sign-in/begin", public, []rate{rateSignInBegin}, typed(s.beginSignIn), "Begin a sign-in; nobody is named"},
		{post, "/api/sign-in/finish", public, []rate{rateSignInFinish}, typed(s.finishSignIn), "Finish it: a session"},
		{post, "/api/sign-out", anySession, write, shaped(s.signOut), "End this session, or all"},
		{post, "/api/forget", optional, []rate{rateForget}, shaped(s.forget), "End the session, clear what the browser keeps"},

		{get, "/api/me", anySession, read, typed(s.getMe), "My account, what I may do, my requests"},
		{get, "/api/stored", session, read, typed(s.stored), "What is stored about me"},
		{get, "/api/activity", session, read, typed(s.activity), "What happened to my account here"},
		{get, "/api/password-rules", anySession, read, typed(s.passwordRules), "The rules for my next password"},

		{get, "/api/requests", anySession, read, typed(s.listRequests), "My requests"},
		{post, "/api/requests", anySession, []rate{rateSubmit}, shaped(s.submit), "Ask for something"},
		{get, "/api/requests/{id}", anySession, read, typed(s.getRequest), "One request of mine"},
		{post, "/api/requests/{id}/proof/begin", anySession, []rate{rateStepUp}, typed(s.beginProof), "Begin a proof bound to the request"},
		{post, "/api/requests/{id}/proof/finish", anySession, []rate{rateExecute}, typed(s.finishProof), "Finish it"},
		{post, "/api/requests/{id}/password/check", anySession, []rate{rateCheck}, typed(s.checkPassword), "Judge a password without trying it"},
		{post, "/api/requests/{id}/execute", anySession, []rate{rateExecute}, typed(s.execute), "Write the password"},
		{post, "/api/requests/{id}/seen", anySession, write, typed(s.seen), "The generated password was seen"},
		{post, "/api/requests/{id}/cancel", anySession, write, typed(s.cancel), "Take the request back"},

		{post, "/api/enrol/open", public, []rate{rateLookUp}, typed(s.openInvitation), "What an invitation is good for"},
		{post, "/api/enrol/password", public, []rate{rateADTry}, typed(s.provePassword), "Prove the current password"},
		{post, "/api/enrol/begin", public, []rate{rateLookUp}, typed(s.beginEnrol), "Begin the registration of a passkey"},
		{post, "/api/enrol/finish", public, []rate{rateSignInFinish}, typed(s.finishEnrol), "Finish it: a passkey and a session"},

		{get, "/api/passkeys", session, read, typed(s.listPasskeys), "My passkeys"},
		{post, "/api/passkeys/begin", session, []rate{rateStepUp}, typed(s.beginPasskey), "Begin another passkey on this device"},
		{post, "/api/passkeys/finish", session, []rate{rateStepUp}, typed(s.finishPasskey), "Finish it"},
		{post, "/api/passkeys/invite", session, []rate{rateStepUp}, typed(s.inviteDevice), "A link for another device"},
		{patch, "/api/passkeys/{id}", session, write, typed(s.renamePasskey), "Rename a passkey"},
		{post, "/api/passkeys/{id}/remove", session, []rate{rateStepUp}, shaped(s.removePasskey), "Remove a passkey"},
		{post, "/api/step-up/begin", session, []rate{rateStepUp}, typed(s.beginStepUp), "Begin a proof for my passkeys"},
		{post, "/api/step-up/finish", session, []rate{rateStepUp}, typed(s.finishStepUp), "Finish it"},

		{post, "/api/freeze", anySession, write, shaped(s.freezeSelf), "This wasn't me: freeze my own account here"},
		{get, "/api/freeze", anySession, read, typed(s.getFreeze), "Whether my account is frozen here, and since when"},
		{post, "/api/freeze/thaw/begin", session, []rate{rateStepUp}, typed(s.beginThaw), "It is me again: begin a proof about this freeze"},
		{post, "/api/freeze/thaw/finish", session, []rate{rateStepUp}, typed(s.finishThaw), "Finish it: whoever lifts freezes is told"},
		{post, "/api/freeze/thaw/recovered", anySession, []rate{rateStepUp}, typed(s.recoveredThaw), "The same by what let me in without a passkey"},
		{post, "/api/freeze/notice", public, []rate{rateFreeze}, shaped(s.freezeByNotice), "The same, by the link of a notice"},
	}
}

// proofRoutes are those of proofs beside passkeys, and of the way in by them.
func (s *Server) proofRoutes() []route {
	step := []rate{rateStepUp}
	return []route{
		{get, "/api/proofs", session, []rate{rateRead}, typed(s.getProofs), "What I can prove myself with beside passkeys"},
		{post, "/api/proofs/recovery-codes", session, step, typed(s.makeCodes), "Ten recovery codes, shown once"},
		{post, "/api/proofs/totp/begin", session, step, typed(s.beginTOTP), "Begin to set up an authenticator app"},
		{post, "/api/proofs/totp/finish", session, []rate{rateExecute}, typed(s.finishTOTP), "Finish it with a code"},
		{post, "/api/proofs/pin", session, step, typed(s.setPIN), "Set my PIN"},
		{post, "/api/proofs/questions", session, step, typed(s.setAnswers), "Answer security questions, in place of the answers before"},
		{post, "/api/proofs/address/begin", session, step, typed(s.beginAddress), "Send a code to a mail address or number that I want to verify"},
		{post, "/api/proofs/address/finish", session, []rate{rateExecute}, typed(s.finishAddress), "Finish it with that code"},
		{post, "/api/requests/{id}/ask", session, []rate{rateAsk}, typed(s.ask), "Send me codes, or ask my questions, for this request: it wants them beside the passkey"},
		{post, "/api/requests/{id}/answers", session, []rate{rateExecute}, typed(s.answerRequest), "Give them"},
		{post, "/api/proofs/remove", session, step, typed(s.removeProof), "Remove a proof of mine"},

		{post, "/api/recover/begin", public, []rate{rateRecoverBegin}, typed(s.beginRecovery), "Begin a way in without a passkey; answers alike for every name"},
		{post, "/api/recover/send", public, []rate{rateRecover}, typed(s.sendRecovery), "Send a code; answers alike for every name"},
		{post, "/api/recover/ask", public, []rate{rateRecover}, typed(s.askWord), "Ask others to vouch; answers alike for every name"},
		{post, "/api/recover/wait", public, []rate{rateWait}, typed(s.waitWord), "Whether somebody vouched: then a short session"},
		{post, "/api/recover/stop", public, []rate{rateStop}, shaped(s.stopWord), "Wait no longer: whoever was asked need not answer"},
		{post, "/api/recover/finish", public, []rate{rateRecover}, typed(s.finishRecovery), "Finish it: a short session"},

		{post, "/api/requests/{id}/passkey/begin", anySession, step, typed(s.beginReplacement), "Begin the new passkey that a request allows"},
		{post, "/api/requests/{id}/passkey/finish", anySession, []rate{rateExecute}, typed(s.finishReplacement), "Finish it"},
	}
}

// reviewRoutes are those of approvals, on the requester's side and the approver's.
func (s *Server) reviewRoutes() []route {
	read, begin, decide := []rate{rateRead}, []rate{rateApprove}, []rate{rateReview}
	return []route{
		{get, "/api/requests/{id}/asked", anySession, read, typed(s.asked), "Who was asked to review my request"},
		{post, "/api/requests/{id}/remind", anySession, []rate{rateRemind}, typed(s.remind), "Remind them, once"},
		{get, "/api/requests/{id}/photo/{account}", anySession, []rate{ratePhoto}, shaped(s.photo), "The photo of somebody in a request (JPEG)"},

		{get, "/api/inbox", session, read, typed(s.inbox), "What waits for my review, and what I decided"},
		{get, "/api/reviews/{id}", session, read, typed(s.getReview), "One request as its reviewer sees it"},
		{post, "/api/reviews/{id}/approve/begin", session, begin, typed(s.beginApproval), "Begin an approval: the number, where one is asked for"},
		{post, "/api/reviews/{id}/approve/finish", session, decide, typed(s.finishApproval), "Finish it: my passkey over this request"},
		{post, "/api/reviews/{id}/deny", session, decide, typed(s.deny), "Deny it"},
		{post, "/api/reviews/{id}/report", session, decide, typed(s.report), "This is not right: the request can't go on"},
		{post, "/api/reviews/{id}/freeze/begin", session, begin, typed(s.beginFreeze), "Begin to freeze the account"},
		{post, "/api/reviews/{id}/freeze/finish", session, decide, typed(s.finishFreeze), "Finish it"},
		{get, "/api/thaws", session, read, typed(s.thaws), "Frozen accounts that ask to be let in, which I may lift"},
		{post, "/api/thaws/{account}/begin", session, begin, typed(s.beginLift), "Begin to lift the freeze of one"},
		{post, "/api/thaws/{account}/finish", session, decide, typed(s.finishLift), "Finish it"},
	}
}

// deviceRoutes are those of whatever reaches a person by itself.
func (s *Server) deviceRoutes() []route {
	return []route{
		{get, "/api/live", unattended, []rate{rateLive}, shaped(s.live), "Server-sent events: which request changed"},
		{get, "/api/devices", session, []rate{rateRead}, typed(s.listDevices), "The browsers that take my notifications"},
		{post, "/api/devices", session, []rate{rateDevice}, typed(s.subscribe), "Add this browser, or renew it"},
		{post, "/api/devices/{id}/test", session, []rate{rateDeviceTest}, shaped(s.testDevice), "Send it a notification now"},
		{post, "/api/devices/{id}/remove", session, []rate{rateWrite}, shaped(s.removeDevice), "Remove it"},
	}
}

// within is how long a handler may take. A write waits for the directory; its
// own deadlines are shorter.
func (r route) within() time.Duration {
	if r.method == http.MethodGet {
		return 20 * time.Second
	}
	return time.Minute
}

var errNoGuard = errors.New("route without a guard")

// fits says whether a pattern means itself and nothing else to the router.
var fits = regexp.MustCompile(`^/(?:[A-Za-z0-9_~@-][A-Za-z0-9._~@-]*/?|\{[a-z]+\}/?)*$`)

// mountAll builds the router from the rows: the guard of each first, then its
// handler. What matches no row is not found.
func (s *Server) mountAll(rows []route) error {
	for _, r := range rows {
		if r.guard == unguarded || r.mount == nil {
			return fmt.Errorf("%s %s: %w", r.method, r.path, errNoGuard)
		}
		if !fits.MatchString(r.path) {
			return fmt.Errorf("%s %q: not a path of ours", r.method, r.path)
		}
		s.app.Add(r.method, fiberPath(r.path), s.protect(r))
		r.mount(s, r)
	}
	s.routes = rows
	return nil
}

func fiberPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// plainly mounts a handler that speaks no JSON.
func plainly(h fiber.Handler) mount {
	return func(s *Server, r route) { s.app.Add(r.method, fiberPath(r.path), h) }
}

// answered is every answer that has a body: huma makes some 20 kB of code for each pair
// of an input and an output.
type answered struct{ Body any }

// typed mounts a handler whose input and output huma checks and describes.
func typed[I, T any](h func(context.Context, *I) (*reply[T], error)) mount {
	return func(s *Server, r route) {
		o := operation(r)
		said := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, o.OperationID+"Response")
		o.Responses["200"] = &huma.Response{Content: map[string]*huma.MediaType{"application/json": {Schema: said}}}
		huma.Register(s.api, o, func(ctx context.Context, in *I) (*answered, error) {
			out, err := h(ctx, in)
			if err != nil {
				return nil, s.problem(callOf(ctx), err)
			}
			return &answered{out.Body}, nil
		})
	}
}

// shaped is typed for an answer that is more than a body, or less.
func shaped[I, O any](h func(context.Context, *I) (*O, error)) mount {
	return func(s *Server, r route) {
		huma.Register(s.api, operation(r), func(ctx context.Context, in *I) (*O, error) {
			out, err := h(ctx, in)
			if err != nil {
				return nil, s.problem(callOf(ctx), err)
			}
			return out, nil
		})
	}
}
