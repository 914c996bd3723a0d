package server

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/workflow"
)

// Problem is an RFC 9457 problem document. Code is stable; the page has its texts
// by code. Title is English, for people who read logs. Nothing that was sent ever
// stands in it.
type Problem struct {
	Type       string            `json:"type" doc:"always /problems/ and the code"`
	Title      string            `json:"title"`
	Status     int               `json:"status"`
	Code       string            `json:"code" doc:"stable"`
	Detail     string            `json:"detail,omitempty"`
	Instance   string            `json:"instance,omitempty" doc:"correlation id, also in the server's log"`
	RetryAfter int               `json:"retryAfter,omitempty" doc:"seconds, with 429 and 503"`
	Params     map[string]string `json:"params,omitempty" doc:"values for the text"`
}

// Error, GetStatus, ContentType and GetHeaders are what huma asks of an answer
// that is an error.
func (p *Problem) Error() string { return p.Code }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the type of RFC 9457.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders returns Retry-After, where there is something to wait for.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	return h
}

const problemType = "application/problem+json"

// problem turns an error into what the client may know, and keeps the error for
// the log.
func (s *Server) problem(c *call, err error) *Problem {
	p := describe(err)
	p.Type = "/problems/" + p.Code
	p.Instance = c.id
	if wait := retryAfter(err); wait > 0 {
		p.RetryAfter = wait
	} else if p.Status == http.StatusServiceUnavailable {
		p.RetryAfter = 5
	}
	// Nobody is signed in on a way in, but what the rules say is told once the proofs were
	// right: with whether they are enough to ask for a thaw, and nothing else.
	var told ruled
	var own *workflow.Detailed
	if c.session != nil {
		p.Params = params(err)
	} else if errors.As(err, &told) && errors.As(told.error, &own) {
		if thaw := own.Params["thaw"]; thaw != "" {
			p.Params = map[string]string{"thaw": thaw}
		}
	}
	if c.cause == nil {
		c.cause = err
	}
	return p
}

// describe finds the row of the table that the error belongs to. What is in no
// row is nobody's business but the log's.
func describe(err error) *Problem {
	for _, known := range causes {
		if errors.Is(err, known.err) {
			return &Problem{Status: known.status, Code: known.code, Title: known.title, Detail: detail(err)}
		}
	}
	if code := workflow.CodeOf(err); code != "" {
		return &Problem{Status: http.StatusConflict, Code: code, Title: "Not possible now"}
	}
	var routed *fiber.Error
	if errors.As(err, &routed) {
		return byStatus(routed.Code)
	}
	var broken storeFault
	if errors.As(err, &broken) && broken.StoreFault() {
		return &Problem{Status: http.StatusServiceUnavailable, Code: "store.unavailable", Title: "Nothing can be stored right now"}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Problem{Status: http.StatusServiceUnavailable, Code: "server.busy", Title: "The server could not answer in time"}
	}
	return &Problem{Status: http.StatusInternalServerError, Code: "internal", Title: "Something went wrong in the server"}
}

// storeFault is an error of the store itself: a disk that is full, read-only or
// broken. Which one is for the log; people can only come back later.
type storeFault interface {
	error
	StoreFault() bool
}

// byStatus describes what Fiber, fasthttp and huma refuse by themselves. Their
// texts may quote the request and are never used.
func byStatus(status int) *Problem {
	if p, ok := statuses[status]; ok {
		return &Problem{Status: status, Code: p.code, Title: p.title}
	}
	if status >= 400 && status < 500 {
		return &Problem{Status: http.StatusBadRequest, Code: "request.malformed", Title: "The request could not be read"}
	}
	return &Problem{Status: http.StatusInternalServerError, Code: "internal", Title: "Something went wrong in the server"}
}

// invalid is a request that does not fit its schema; about names the rule, not
// the value.
type invalid struct{ about string }

func (e invalid) Error() string        { return "request.invalid" }
func (e invalid) Is(target error) bool { return target == errInvalid }

func detail(err error) string {
	var e invalid
	if errors.As(err, &e) {
		return e.about
	}
	return ""
}

// limited is a request that came too often.
type limited struct{ wait time.Duration }

func (e limited) Error() string        { return errLimited.Error() }
func (e limited) Is(target error) bool { return target == errLimited }

// RetryAfter is how long until the bucket has a token.
func (e limited) RetryAfter() time.Duration { return e.wait }

// retryAfter is whole seconds, rounded up; 0 for nothing to wait for.
func retryAfter(err error) int {
	var e interface{ RetryAfter() time.Duration }
	if !errors.As(err, &e) {
		return 0
	}
	return max(1, int((e.RetryAfter()+time.Second-1)/time.Second))
}

// ofRequest is why a step of a request did not get done, and the request as it
// stands, so that the page can say how many tries are left.
type ofRequest struct {
	err  error
	id   string
	left int
}

func (e ofRequest) Error() string { return e.err.Error() }
func (e ofRequest) Unwrap() error { return e.err }

// params are the values that the page's text needs, for the signed-in person
// only: an error may bring its own, a refused password its broken rules; the controller's diagnostic is shown under
// "Details".
func params(err error) map[string]string {
	out := map[string]string{}
	var own *workflow.Detailed
	if errors.As(err, &own) {
		maps.Copy(out, own.Params)
	}
	var of ofRequest
	if errors.As(err, &of) {
		out["request"], out["triesLeft"] = of.id, strconv.Itoa(of.left)
	}
	var answer *enroll.AnswerError
	if errors.As(err, &answer) {
		out["id"] = answer.ID
	}
	var clock *enroll.ClockError
	if errors.As(err, &clock) {
		out["minutes"], out["clock"] = strconv.Itoa(clock.Minutes), "behind"
		switch {
		case clock.Used:
			out["clock"] = "ahead-used"
		case clock.Ahead:
			out["clock"] = "ahead"
		}
	}
	var refused *workflow.PasswordRefused
	if errors.As(err, &refused) {
		out["rules"] = brokenRules(refused.Findings)
	}
	var directory *ad.Error
	if errors.As(err, &directory) && directory.Diagnostic != "" {
		out["diagnostic"] = directory.Diagnostic
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// brokenRules lists the codes of what a password broke, "length,classes".
func brokenRules(findings []password.Finding) string {
	var codes []string
	for _, f := range findings {
		if !f.OK {
			codes = append(codes, string(f.Code))
		}
	}
	return strings.Join(codes, ",")
}

// render writes the answer for an error outside huma.
func (s *Server) render(c *call, err error) {
	p := s.problem(c, err)
	body, _ := json.Marshal(p) // strings and numbers only
	r := &c.http.Response
	for k := range p.GetHeaders() {
		r.Header.Set(k, p.GetHeaders().Get(k))
	}
	r.Header.Set("Cache-Control", "no-store")
	r.Header.SetContentType(problemType)
	r.SetStatusCode(p.Status)
	r.SetBody(body)
	if s.lost(c, p) {
		r.Header.SetContentType(s.index.kind)
		r.Header.Set(policyHeader, s.index.policy)
		r.SetBodyRaw(s.index.variants[len(s.index.variants)-1].body)
	}
}

// fail is Fiber's error handler. Errors that fasthttp meets before there is a
// request come here too, without a call.
func (s *Server) fail(f *fiber.Ctx, err error) error {
	c, ok := f.Context().UserValue(callKey{}).(*call)
	if !ok {
		c = s.newCall(f.Context())
		s.harden(f.Context())
		defer s.logCall(c)
	}
	var routed *fiber.Error
	if errors.As(err, &routed) {
		err = &fiber.Error{Code: routed.Code, Message: http.StatusText(routed.Code)}
		if routed.Code == http.StatusRequestEntityTooLarge || routed.Code == http.StatusRequestHeaderFieldsTooLarge {
			linger(f.Context())
		}
	}
	s.render(c, err)
	return nil
}

// reshape is huma's transformer: its own error model, which quotes the refused
// value, becomes a problem without it.
func (s *Server) reshape(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	c := callOf(ctx.Context())
	if m.Status == http.StatusUnprocessableEntity {
		return s.problem(c, invalid{about: firstRule(m.Errors)}), nil
	}
	return s.problem(c, fiber.NewError(m.Status)), nil
}

// firstRule is huma's sentence about the first broken rule: "expected required
// property token to be present". It is made of the schema's words only; the
// location is left out, for it may hold a name that the client made up.
func firstRule(found []*huma.ErrorDetail) string {
	if len(found) == 0 {
		return ""
	}
	return found[0].Message
}
