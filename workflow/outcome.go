package workflow

import (
	"errors"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// outcome is how a write ended, as this process saw it.
type outcome struct {
	landed  ad.Account // as read back, when it is known
	written bool
	unknown bool
	cause   error // why not written, or why unknown
}

// told is what the person gets beside the request: nil where its state tells.
func (o outcome) told() error {
	if o.written || o.unknown {
		return nil
	}
	return o.cause
}

// outcomeOf reads the directory's answer. What it does not know to be refused, or
// never sent, is unknown.
func outcomeOf(landed ad.Account, refusal, err error) outcome {
	var fault *ad.Error
	switch {
	case err == nil && refusal == nil:
		return outcome{landed: landed, written: true}
	case err == nil:
		// The write went on against the guard: read what it left.
		return outcome{unknown: true, cause: refusal}
	case !errors.As(err, &fault):
		return outcome{unknown: true, cause: err}
	case fault.Outcome == ad.OutcomeWritten:
		return outcome{landed: landed, written: true}
	case fault.Outcome == ad.OutcomeNotWritten && refusal != nil:
		return outcome{cause: refusal}
	case fault.Outcome == ad.OutcomeNotWritten:
		return outcome{cause: err}
	}
	return outcome{unknown: true, cause: err}
}

// apply writes an outcome into an executing request.
func (e *Engine) apply(r *Request, by string, o outcome) (Change, error) {
	result := Result{At: e.now(), Controller: r.Intent.Controller}
	switch {
	case o.written:
		return e.finish(r, by, result, o.landed)
	case o.unknown:
		return e.doubt(r, by, o.cause, result)
	}
	return e.refuse(r, by, o.cause, result)
}

// finish: the write landed.
func (e *Engine) finish(r *Request, by string, result Result, landed ad.Account) (Change, error) {
	if err := r.to(Done); err != nil {
		return Change{}, err
	}
	result.Unlocked = r.Intent.WasLocked && r.Kind != KindChange
	if landed.GUID == r.Target {
		result.After = landed.Marks
	}
	r.Result, r.Wake = &result, time.Time{}
	if result.Unlocked && e.limits().Watch > 0 {
		r.WatchUntil = result.At.Add(e.limits().Watch)
		r.Wake = result.At.Add(e.limits().WatchEvery)
	}
	event := r.executed(result.At, by, audit.ExecutionDone, audit.OK, "")
	event.Detail["unlocked"] = result.Unlocked
	event.Detail["settled"] = result.Settled
	marks(event.Detail, "after_", result.After)
	return Change{
		Events:      []audit.Event{event},
		Notices:     []Notice{r.noticeTo(r.Target, NoticeChanged)},
		EndSessions: r.otherSessions(result.At, by),
	}, nil
}

// doubt: the answer was lost. A job reads, when nobody can be writing any more.
func (e *Engine) doubt(r *Request, by string, cause error, result Result) (Change, error) {
	if err := r.to(Unknown); err != nil {
		return Change{}, err
	}
	result.Code, result.Diagnostic = codeAndDiagnostic(cause)
	r.Result = &result
	r.Wake = r.Intent.settleFrom()
	return Change{
		Events:  []audit.Event{r.faulted(result, by, audit.ExecutionUnknown, audit.Unknown)},
		Notices: []Notice{r.notice(NoticeUnknown)},
	}, nil
}

// settleFrom is when nobody can be writing any more.
func (i *Intent) settleFrom() time.Time {
	if i.WriteDeadline.After(i.Lease) {
		return i.WriteDeadline
	}
	return i.Lease
}

// refuse: nothing was written, and the cause says what becomes of the approval.
func (e *Engine) refuse(r *Request, by string, cause error, result Result) (Change, error) {
	result.Code, result.Diagnostic = codeAndDiagnostic(cause)
	r.Result = &result
	next := after(cause)
	if next == counted {
		if r.Tries++; r.Tries >= e.limits().Tries {
			next = final
		}
	}
	var again *askAgain
	switch {
	case next == final:
		if err := r.to(Failed); err != nil {
			return Change{}, err
		}
		r.Wake = time.Time{}
		return Change{
			Events:  []audit.Event{r.faulted(result, by, audit.ExecutionFailed, audit.Failed)},
			Notices: r.undone(by),
		}, nil
	case errors.As(cause, &again):
		return e.askMore(r, by, again.running, result)
	}
	if r.State == Executing {
		if err := r.to(Approved); err != nil {
			return Change{}, err
		}
	}
	r.Wake = e.approvedWake(r, result.At)
	return Change{Events: []audit.Event{r.faulted(result, by, audit.ExecutionRefused, audit.Denied)}}, nil
}

// undone tells the requester that what was approved, and executes by itself, does
// not happen. Whoever executes sees it on the page.
func (r *Request) undone(by string) []Notice {
	if by != audit.ActorSystem || r.Kind != KindUnlock || len(r.Decision.Approve) == 0 {
		return nil
	}
	return []Notice{r.notice(NoticeFailed)}
}

// askMore takes the request back to a draft under the running decision.
func (e *Engine) askMore(r *Request, by string, running Decision, result Result) (Change, error) {
	if err := r.to(Draft); err != nil {
		return Change{}, err
	}
	told := r.undone(by) // before the decision that needed a review is replaced
	e.redraft(r, running, result.At)
	event := r.faulted(result, by, audit.ExecutionRefused, audit.Denied)
	event.Detail["rule"] = running.Rule
	event.Detail["policy"] = running.Policy
	event.Detail["prove"] = alternatives(running.Prove)
	if len(running.Approve) > 0 {
		event.Detail["approve"] = approvers(running.Approve)
	}
	return Change{Events: []audit.Event{event}, Notices: told}, nil
}

// redraft puts a decision in the place of the old one. Where it asks for reviews
// that were not given, those that were count no more, nor do the proofs: their
// statement named the old policy. Where they count, the draft lasts no longer
// than their approval.
func (e *Engine) redraft(r *Request, running Decision, now time.Time) {
	if !r.Decision.covers(running) {
		r.voidReviews()
		r.void("")
	}
	r.Decision = running
	r.Deadline = now.Add(e.limits().Draft)
	if until := e.approvedUntil(r); !until.IsZero() && until.Before(r.Deadline) {
		r.Deadline = until
	}
	r.Wake = r.Deadline
}

func (r *Request) faulted(result Result, by string, action audit.Action, outcome audit.Outcome) audit.Event {
	event := r.executed(result.At, by, action, outcome, result.Code)
	event.Detail["tries"] = r.Tries
	event.Personal = personal("diagnostic", result.Diagnostic)
	return event
}

// consequence is what a refusal means for the approval.
type consequence int

const (
	counted   consequence = iota // the directory refused: approved again, one try less
	uncounted                    // nothing was asked of the directory: approved again
	final                        // it will not be allowed: failed
)

// after reads a cause. What is not known counts as a try.
func after(cause error) consequence {
	if errors.Is(cause, errRule) || errors.Is(cause, errFreezes) || errors.Is(cause, errApprovers) || errors.Is(cause, errProtection) {
		return uncounted
	}
	for _, c := range []error{
		ErrFrozen, ErrApproverOut, ErrNotAllowed, ErrOtherOne, ErrNotLocked, ErrSmartcard, ErrNotChange, ErrNeverAges, ErrKind,
		ad.ErrProtected, ad.ErrDisabled, ad.ErrAccountExpired, ad.ErrNotFound, ad.ErrReferral,
	} {
		if errors.Is(cause, c) {
			return final
		}
	}
	for _, c := range []error{
		ErrProofMissing, ErrChanged, ErrTooLate, ErrNoTries, ad.ErrUnavailable,
	} {
		if errors.Is(cause, c) {
			return uncounted
		}
	}
	return counted
}

// codeAndDiagnostic is what is kept of a cause.
func codeAndDiagnostic(cause error) (code, diagnostic string) {
	code = CodeOf(cause)
	if code == "" {
		code = "internal"
	}
	var fault *ad.Error
	if errors.As(cause, &fault) {
		diagnostic = plain(strings.TrimSpace(fault.Diagnostic))
	}
	return code, diagnostic
}
