package db

import (
	"slices"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

// told is what Config's hooks are told once the open transaction is committed. A
// closure that fails takes its part back.
type told struct {
	changed []changed
	outbox  bool
	keys    bool // are to be read again, by other servers
}

type changed struct {
	id       string
	version  int64
	audience []ad.GUID
}

// tell keeps the change for the hook. Who saw the request before is told too:
// it may be gone from their screen.
func (t *tx) tell(before, r workflow.Request) {
	audience := r.Audience()
	if before.ID != "" {
		audience = append(audience, before.Audience()...)
	}
	var once []ad.GUID
	for _, account := range audience {
		if !account.IsZero() && !slices.Contains(once, account) {
			once = append(once, account)
		}
	}
	t.told.changed = append(t.told.changed, changed{r.ID, r.Version, once})
}

// runHooks runs after the commit. A hook that panics is logged; what is committed
// is committed.
func (s *Store) runHooks() {
	of := s.tx.told
	s.tx.told = told{}
	if s.changed != nil {
		for _, c := range of.changed {
			_ = s.call(func(*tx) error { s.changed(c.id, c.version, c.audience); return nil })
		}
	}
	if s.outbox != nil && of.outbox {
		_ = s.call(func(*tx) error { s.outbox(); return nil })
	}
}
