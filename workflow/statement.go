package workflow

import (
	"fmt"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// Label names what a proof for a request signs. It carries a version.
const Label = "latchkey/request/v1"

// statement is what a proof is bound to, in canonical JSON (RFC 8785): which
// request, of what kind, by whom and for which account (objectGUIDs), under which
// policy (hash), and until when (unix milliseconds). A proof for one account,
// kind, policy or moment is therefore worth nothing for another.
func statement(r Request) ([]byte, error) {
	b, err := audit.Canonical(map[string]any{
		"v":         Label,
		"request":   r.ID,
		"kind":      string(r.Kind),
		"requester": r.Requester.String(),
		"target":    r.Target.String(),
		"policy":    r.Decision.Policy,
		"deadline":  r.Deadline.UnixMilli(),
	})
	if err != nil {
		return nil, fmt.Errorf("write statement: %w", err)
	}
	return b, nil
}

// shown are the personal fields that a reviewer decides by. Their hashes stand in
// what the reviewer signs, and the values beside it can be erased.
var shown = []string{"reason", "device", "address"}

func (r *Request) shown(field string) (audit.Salted, error) {
	s := audit.Salted{Value: map[string]string{"reason": r.Reason, "device": r.Device, "address": r.Address}[field]}
	if copy(s.Salt[:], r.Salts[field]) != len(s.Salt) || len(r.Salts[field]) != len(s.Salt) {
		return audit.Salted{}, fmt.Errorf("%s has no salt", field)
	}
	return s, nil
}

// reviewStatement is what an approval is bound to, in canonical JSON: as the
// request's statement, and by whom, in which tier, with which number, whether the approver is the proof, and salted
// hashes of what was shown. The hashes are those of the log, base64url.
func reviewStatement(r Request, approver ad.GUID) ([]byte, error) {
	fields := map[string]any{
		"v":         ReviewLabel,
		"request":   r.ID,
		"kind":      string(r.Kind),
		"requester": r.Requester.String(),
		"target":    r.Target.String(),
		"approver":  approver.String(),
		"tier":      resolve(r.Decision, r.Reviews).tier,
		"verdict":   string(VerdictApprove),
		"policy":    r.Decision.Policy,
		"deadline":  r.Deadline.UnixMilli(),
	}
	if r.Number != "" {
		fields["number"] = r.Number
	}
	if r.Vouched() {
		fields["proof"] = string(enroll.ProofVouching)
	}
	for _, field := range shown {
		s, err := r.shown(field)
		if err != nil {
			return nil, fmt.Errorf("write review statement: %w", err)
		}
		hash := s.Hash()
		fields["shown_"+field] = audit.Base64(hash[:])
	}
	b, err := audit.Canonical(fields)
	if err != nil {
		return nil, fmt.Errorf("write review statement: %w", err)
	}
	return b, nil
}

// freezeStatement is what freezing an account is bound to.
func freezeStatement(r Request, approver ad.GUID) ([]byte, error) {
	b, err := audit.Canonical(map[string]any{
		"v":        FreezeLabel,
		"request":  r.ID,
		"target":   r.Target.String(),
		"approver": approver.String(),
		"verdict":  "freeze",
	})
	if err != nil {
		return nil, fmt.Errorf("write freeze statement: %w", err)
	}
	return b, nil
}
