package dbtest

import (
	"errors"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// What looked at the account before the freeze finds it where it writes.
func aFrozenAccountsWaysInStayAsTheyAre(s *suite) {
	var seen []string
	app := s.factor("app", 1, enroll.ProofTOTP)
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	s.must(s.AddCredential(s.ctx, s.credential("other", guid(1))))
	s.must(s.ReplaceFactors(s.ctx, guid(1), enroll.ProofTOTP, []enroll.Factor{app}))
	s.invite("i", 1)
	s.must(s.FreezeOwn(s.ctx, guid(1), time.Now().Add(-time.Hour), s.stopping(&seen)))
	events := s.events(guid(1))
	acts := []func() error{
		func() error {
			return s.AddCredential(s.ctx, s.credential("new", guid(1)), s.event(audit.PasskeyRegistered, guid(1)))
		},
		func() error {
			return s.RemoveCredential(s.ctx, guid(1), []byte("other"), "", false, enroll.Withdrawal{}, s.event(audit.PasskeyRemoved, guid(1)))
		},
		func() error {
			pin := s.factor("pin", 1, enroll.ProofPIN)
			return s.ReplaceFactors(s.ctx, guid(1), enroll.ProofPIN, []enroll.Factor{pin}, s.event(audit.ProofMade, guid(1)))
		},
		func() error {
			return s.ReplaceFactors(s.ctx, guid(1), enroll.ProofTOTP, nil, s.event(audit.ProofRemoved, guid(1)))
		},
		func() error { return s.enrol("i", "invited", 1, s.now) },
	}
	for i, act := range acts {
		if err := act(); !errors.Is(err, enroll.ErrFrozen) {
			s.Fatalf("%d: %v", i, err)
		}
	}
	s.same(s.events(guid(1)), events)
	s.must(s.AddCredential(s.ctx, s.credential("of another", guid(2))))
	s.must(s.unfreeze(audit.AccountUnfrozen))
	for _, act := range acts {
		s.must(act())
	}
}
