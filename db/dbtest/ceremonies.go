package dbtest

import (
	"fmt"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

func (s *suite) ceremony(id string) enroll.Ceremony {
	return enroll.Ceremony{
		ID: id, Purpose: enroll.PurposeStepUp, Account: guid(1), Session: "session", Data: []byte(`{"challenge":"x"}`),
		Label: "label/v1", Nonce: []byte{0, 1, 255}, Statement: []byte(`{"a":1}`), Invitation: "invitation",
		Created: s.now, Expires: s.now.Add(5 * time.Minute),
	}
}

func aCeremonyIsTakenOnce(s *suite) {
	want := s.ceremony("one")
	s.must(s.SaveCeremony(s.ctx, want, 5))
	read, err := s.Ceremony(s.ctx, "one", want.Purpose, s.now)
	s.must(err)
	s.same(read, want)
	got, err := s.TakeCeremony(s.ctx, "one", want.Purpose, s.now)
	s.must(err)
	s.same(got, want)
	_, err = s.TakeCeremony(s.ctx, "one", want.Purpose, s.now)
	s.want(err, enroll.ErrNoCeremony)
	_, err = s.Ceremony(s.ctx, "one", want.Purpose, s.now)
	s.want(err, enroll.ErrNoCeremony)
}

func oneOf200TakesACeremony(s *suite) {
	s.must(s.SaveCeremony(s.ctx, s.ceremony("one"), 5))
	won := s.race(200, func(s *suite, _ int) error {
		_, err := s.TakeCeremony(s.ctx, "one", enroll.PurposeStepUp, s.now)
		return err
	}, enroll.ErrNoCeremony)
	s.same(won, 1)
}

func aCeremonyOfAnotherPurposeOrTimeIsGone(s *suite) {
	c := s.ceremony("purpose")
	s.must(s.SaveCeremony(s.ctx, c, 5))
	_, err := s.TakeCeremony(s.ctx, c.ID, enroll.PurposeEnrol, s.now)
	s.want(err, enroll.ErrNoCeremony)
	_, err = s.TakeCeremony(s.ctx, c.ID, c.Purpose, s.now)
	s.want(err, enroll.ErrNoCeremony)

	c.ID = "expired"
	s.must(s.SaveCeremony(s.ctx, c, 5))
	_, err = s.Ceremony(s.ctx, c.ID, c.Purpose, c.Expires)
	s.want(err, enroll.ErrNoCeremony)
	_, err = s.TakeCeremony(s.ctx, c.ID, c.Purpose, c.Expires)
	s.want(err, enroll.ErrNoCeremony)
	_, err = s.TakeCeremony(s.ctx, c.ID, c.Purpose, s.now)
	s.want(err, enroll.ErrNoCeremony)
}

func theOldestCeremoniesGiveWay(s *suite) {
	other := s.ceremony("other")
	other.Account = guid(2)
	s.must(s.SaveCeremony(s.ctx, other, 3))
	for i := range 5 {
		s.must(s.SaveCeremony(s.ctx, s.ceremony(fmt.Sprint(i)), 3))
	}
	for id, alive := range map[string]bool{"other": true, "0": false, "1": false, "2": true, "3": true, "4": true} {
		if _, err := s.Ceremony(s.ctx, id, enroll.PurposeStepUp, s.now); (err == nil) != alive {
			s.Errorf("%s: %v, want alive %t", id, err, alive)
		}
	}
}

func expiredCeremoniesArePurged(s *suite) {
	late := s.ceremony("late")
	late.Expires = late.Expires.Add(time.Minute)
	s.must(s.SaveCeremony(s.ctx, late, 5))
	s.must(s.SaveCeremony(s.ctx, s.ceremony("early"), 5))
	n, err := s.PurgeCeremonies(s.ctx, s.now.Add(5*time.Minute))
	s.must(err)
	s.same(n, 1)
	_, err = s.Ceremony(s.ctx, "late", late.Purpose, s.now)
	s.must(err)
}

func oneOf200SpendsACeremony(s *suite) {
	if s.SaveCeremony(s.ctx, s.ceremony("spent already"), 5) == nil {
		s.Error("one that was taken is begun")
	}
	c := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: s.now, Expires: s.now.Add(time.Minute)}
	won := s.race(200, func(s *suite, _ int) error { return s.SpendCeremony(s.ctx, c, nil) }, enroll.ErrNoCeremony)
	s.same(won, 1)
	n, err := s.PurgeCeremonies(s.ctx, s.now)
	s.must(err)
	s.same(n, 0)
	s.want(s.SpendCeremony(s.ctx, c, nil), enroll.ErrNoCeremony)
	n, err = s.PurgeCeremonies(s.ctx, c.Expires)
	s.must(err)
	s.same(n, 1)
}

func oneOf200ChangesAPasskeyWithACeremony(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	c := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: s.now, Expires: s.now.Add(time.Minute)}
	change := &enroll.PasskeyChange{ID: []byte("one"), Fn: func(c *enroll.Credential) ([]audit.Event, error) {
		c.Record.Authenticator.SignCount++
		return []audit.Event{s.event(audit.PasskeyCloneWarning, guid(1))}, nil
	}}
	refused := s.event(audit.SignInRefused, guid(1))
	won := s.race(200, func(s *suite, _ int) error { return s.SpendCeremony(s.ctx, c, change, refused) }, enroll.ErrNoCeremony)
	s.same(won, 1)
	one, err := s.passkey("one")
	s.must(err)
	s.same(one.Record.Authenticator.SignCount, 8)
	s.same(s.events(guid(1)), 2)

	// A change that fails takes nothing; one of a passkey that is gone stands in nobody's way.
	c.ID = "next"
	no := &enroll.PasskeyChange{ID: []byte("one"), Fn: func(*enroll.Credential) ([]audit.Event, error) { return nil, enroll.ErrRefused }}
	s.want(s.SpendCeremony(s.ctx, c, no, refused), enroll.ErrRefused)
	s.must(s.SpendCeremony(s.ctx, c, &enroll.PasskeyChange{ID: []byte("none"), Fn: change.Fn}, refused))
	s.want(s.SpendCeremony(s.ctx, c, change, refused), enroll.ErrNoCeremony)
	s.same(s.events(guid(1)), 3)
}
