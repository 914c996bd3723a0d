package workflow

import (
	"fmt"

	"github.com/latchkey/latchkey/audit"
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
