package dbtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

var errRests = errors.New("rests")

func triesOfAProofAreCountedEachOnce(s *suite) {
	pin := s.factor("pin", 1, enroll.ProofPIN)
	s.must(s.ReplaceFactors(s.ctx, guid(1), enroll.ProofPIN, []enroll.Factor{pin}))
	won := s.race(200, func(s *suite, _ int) error {
		return s.UpdateFactor(s.ctx, "pin", func(f *enroll.Factor) error {
			if f.Fails >= 5 {
				return errRests
			}
			f.Fails++
			f.Failed = s.now
			return nil
		})
	}, errRests)
	s.same(won, 5)
	all, err := s.Factors(s.ctx, guid(1))
	s.must(err)
	pin.Fails, pin.Failed = 5, s.now
	s.same(all, []enroll.Factor{pin})
}

func aTryThatIsRefusedChangesNothing(s *suite) {
	pin := s.factor("pin", 1, enroll.ProofPIN)
	s.must(s.ReplaceFactors(s.ctx, guid(1), enroll.ProofPIN, []enroll.Factor{pin}))
	s.want(s.UpdateFactor(s.ctx, "pin", func(f *enroll.Factor) error {
		f.Fails, f.Used = 7, s.now
		return errRests
	}), errRests)
	s.want(s.UpdateFactor(s.ctx, "another", func(*enroll.Factor) error { return nil }), enroll.ErrNoFactor)
	all, err := s.Factors(s.ctx, guid(1))
	s.must(err)
	s.same(all, []enroll.Factor{pin})
}

func (s *suite) asking(id string) enroll.Ceremony {
	return enroll.Ceremony{ID: "spent " + id, Purpose: enroll.PurposeRecover, Created: s.now, Expires: s.now.Add(time.Hour)}
}

func proofsOfASessionAreWholeOrNothing(s *suite) {
	s.codes(1, "code")
	// A code to an address of the directory has no row.
	sent := s.use("", "p2", 1, enroll.ProofMailCode, "s")
	sent.Fn = nil
	wrong := s.use("gone", "p3", 1, enroll.ProofPIN, "s")
	code := s.use("code", "p1", 1, enroll.ProofRecoveryCode, "s")
	before := s.events(guid(1))
	s.want(s.Answered(s.ctx, s.asking("a"), []enroll.FactorUse{code, sent, wrong}, s.event(audit.Answered, guid(1))), enroll.ErrNoFactor)
	s.same(s.events(guid(1)), before)
	for _, id := range []string{"p1", "p2", "p3"} {
		_, err := s.Proof(s.ctx, id)
		s.want(err, enroll.ErrNoProof)
	}
	s.must(s.Answered(s.ctx, s.asking("a"), []enroll.FactorUse{code, sent}, s.event(audit.Answered, guid(1))))
	for _, id := range []string{"p1", "p2"} {
		p, err := s.Proof(s.ctx, id)
		s.must(err)
		s.same(p.Account, guid(1))
	}
	s.want(s.Answered(s.ctx, s.asking("a"), []enroll.FactorUse{sent}, s.event(audit.Answered, guid(1))), enroll.ErrNoCeremony)
	sessions, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(sessions), 0)
}

func oneOf200AnswersOneAsking(s *suite) {
	won := s.race(200, func(s *suite, i int) error {
		use := s.use("", fmt.Sprint("p", i), 1, enroll.ProofMailCode, "s")
		use.Fn = nil
		return s.Answered(s.ctx, s.asking("one"), []enroll.FactorUse{use}, s.event(audit.Answered, guid(1)))
	}, enroll.ErrNoCeremony)
	s.same(won, 1)
}
