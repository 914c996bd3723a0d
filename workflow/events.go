package workflow

import (
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// event begins an event about a request. by is the actor's objectGUID, or
// audit.ActorSystem.
func (r *Request) event(at time.Time, by string, action audit.Action, outcome audit.Outcome, reason string) audit.Event {
	return audit.Event{
		Time: at, Action: action, Actor: by, Target: r.Target.String(), Request: r.ID,
		Outcome: outcome, Reason: reason,
		Detail: map[string]any{"kind": string(r.Kind)},
	}
}

// submitted carries the policy's decision: it is itself an event.
func submitted(r *Request, action audit.Action, outcome audit.Outcome, reason string) audit.Event {
	e := r.event(r.Created, r.Requester.String(), action, outcome, reason)
	e.Detail["rule"] = r.Decision.Rule
	e.Detail["policy"] = r.Decision.Policy
	e.Detail["prove"] = alternatives(r.Decision.Prove)
	if len(r.Decision.Approve) > 0 {
		e.Detail["approve"] = approvers(r.Decision.Approve)
		e.Detail["number"] = string(r.Decision.Number)
	}
	e.Detail["findings"] = findings(r.Decision.Findings)
	e.Personal = personal("reason", r.Reason, "device", r.Device, "address", r.Address)
	return e
}

func alternatives(prove [][]enroll.ProofKind) []string {
	out := make([]string, 0, len(prove))
	for _, set := range prove {
		words := make([]string, 0, len(set))
		for _, kind := range set {
			words = append(words, string(kind))
		}
		out = append(out, strings.Join(words, "+"))
	}
	return out
}

// approvers are "manager", "group:SID", or one of them " else " the other.
func approvers(tiers []Tier) []string {
	out := make([]string, 0, len(tiers))
	for _, t := range tiers {
		out = append(out, t.who())
	}
	return out
}

// findings are codes and names of rules only: a finding's detail may name a
// group, and stays with the request.
func findings(list []Finding) []string {
	out := make([]string, 0, len(list))
	for _, f := range list {
		if f.Rule == "" {
			out = append(out, f.Code)
			continue
		}
		out = append(out, f.Rule+": "+f.Code)
	}
	return out
}

// proved names the proof. Its receipt stands in the event session.stepped-up
// with the same proof, where the log's verifier checks it.
func proved(r *Request, at time.Time, by string, p enroll.Proof) audit.Event {
	e := r.event(at, by, audit.RequestProved, audit.OK, "")
	e.Detail["proof"] = p.ID
	e.Detail["proof_kind"] = string(p.Kind)
	return e
}

// otherSessions end when a password was written: whoever holds one may have had
// the old password.
func (r *Request) otherSessions(at time.Time, by string) *SessionsOf {
	if r.Kind == KindUnlock {
		return nil
	}
	return endOf(r.Target, r.Intent.Session, r.event(at, by, audit.SignedOut, audit.OK, "password.written"))
}

// endOf ends an account's sessions but one, with an event that counts them.
func endOf(account ad.GUID, keep string, event audit.Event) *SessionsOf {
	return &SessionsOf{Account: account, Keep: keep, Event: func(n int) audit.Event {
		ended := event
		ended.Detail = maps.Clone(event.Detail)
		ended.Detail["sessions"] = n
		return ended
	}}
}

// executed adds where, and the marks from before.
func (r *Request) executed(at time.Time, by string, action audit.Action, outcome audit.Outcome, reason string) audit.Event {
	e := r.event(at, by, action, outcome, reason)
	if r.Intent == nil {
		return e
	}
	e.Detail["controller"] = r.Intent.Controller
	e.Detail["executor"] = r.Intent.Executor
	marks(e.Detail, "before_", r.Intent.Before)
	return e
}

// marks writes FILETIMEs as text: they are beyond 2^53.
func marks(detail map[string]any, prefix string, m ad.Marks) {
	detail[prefix+"key_version"] = m.KeyVersion
	detail[prefix+"pwd_last_set"] = strconv.FormatInt(m.PwdLastSet, 10)
	detail[prefix+"lockout_time"] = strconv.FormatInt(m.LockoutTime, 10)
}

// personal takes pairs of key and value and leaves the empty ones out.
func personal(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := plain(pairs[i+1]); v != "" {
			out[pairs[i]] = v
		}
	}
	return out
}

// maxText bounds a hostile text in bytes.
const maxText = 2048

// plain makes a hostile text fit to be stored: whole UTF-8, no NUL, not long. A
// diagnostic that the log refuses must never lose an outcome.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// The kinds of notices.
const (
	NoticeUnknown  = "execution.unknown"
	NoticeSettled  = "execution.settled"
	NoticeRelocked = "account.relocked"
)

func (r *Request) notice(kind string) Notice {
	return r.noticeTo(r.Requester, kind)
}

func (r *Request) noticeTo(to ad.GUID, kind string) Notice {
	return Notice{To: to, Kind: kind, Params: map[string]string{"request": r.ID, "kind": string(r.Kind)}}
}
