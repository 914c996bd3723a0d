package dbtest

import (
	"fmt"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

func (s *suite) invite(id string, account int) enroll.Invitation {
	s.Helper()
	i := enroll.Invitation{
		ID: id, Account: guid(account), By: audit.ActorOperator, Password: true, Created: s.now, Expires: s.now.Add(time.Hour),
	}
	s.must(s.AddInvitation(s.ctx, i, s.event(audit.InvitationCreated, i.Account)))
	return i
}

func (s *suite) enrol(invitation, credential string, account int, at time.Time) error {
	return s.Enrol(s.ctx, invitation, at, s.credential(credential, guid(account)),
		s.session("session of "+credential, guid(account), credential), nil, s.event(audit.InvitationUsed, guid(account)))
}

func oneOf200EnrolsAnInvitation(s *suite) {
	want := s.invite("one", 1)
	got, err := s.Invitation(s.ctx, "one")
	s.must(err)
	s.same(got, want)
	won := s.race(200, func(s *suite, i int) error {
		return s.enrol("one", fmt.Sprintf("credential %d", i), 1, s.now)
	}, enroll.ErrInvitationUsed)
	s.same(won, 1)
	all, err := s.Credentials(s.ctx, guid(1))
	s.must(err)
	s.same(len(all), 1)
	sessions, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(sessions), 1)
	s.same(s.events(guid(1)), 2)
	got, err = s.Invitation(s.ctx, "one")
	s.must(err)
	s.same(got.Used, s.now)
}

func aClosedInvitationEnrolsNobody(s *suite) {
	_, err := s.Invitation(s.ctx, "none")
	s.want(err, enroll.ErrNoInvitation)
	s.want(s.enrol("none", "c", 1, s.now), enroll.ErrNoInvitation)
	i := s.invite("expired", 1)
	s.want(s.enrol("expired", "c", 1, i.Expires), enroll.ErrInvitationUsed)
	s.want(s.enrol("expired", "c", 2, s.now), enroll.ErrNoInvitation) // another's
	s.want(s.RevokeInvitation(s.ctx, "expired", i.Expires), enroll.ErrNoInvitation)

	s.invite("revoked", 1)
	revoked := s.event(audit.InvitationRevoked, guid(1))
	s.must(s.RevokeInvitation(s.ctx, "revoked", s.now, revoked))
	s.want(s.RevokeInvitation(s.ctx, "revoked", s.now, revoked), enroll.ErrNoInvitation)
	s.want(s.RevokeInvitation(s.ctx, "none", s.now, revoked), enroll.ErrNoInvitation)
	s.want(s.enrol("revoked", "c", 1, s.now), enroll.ErrInvitationUsed)
	s.same(s.events(guid(1)), 3)

	s.invite("used", 1)
	s.must(s.enrol("used", "c", 1, s.now))
	s.want(s.RevokeInvitation(s.ctx, "used", s.now, revoked), enroll.ErrNoInvitation)
}

func (s *suite) withdrawal(account int) enroll.Withdrawal {
	return enroll.Withdrawal{At: s.now, Event: func(i enroll.Invitation) audit.Event {
		e := s.event(audit.InvitationRevoked, guid(account))
		e.Detail["invitation"] = i.ID
		return e
	}}
}

func ownLinksEndWithSessionsAndPasskeys(s *suite) {
	for name, end := range map[string]func() error{
		"sessions": func() error { return s.EndSessions(s.ctx, guid(1), "", s.withdrawal(1)) },
		"passkey": func() error {
			s.must(s.AddCredential(s.ctx, s.credential("c", guid(1))))
			return s.RemoveCredential(s.ctx, guid(1), []byte("c"), "", true, s.withdrawal(1))
		},
	} {
		add := func(id string, account int, by string, expires time.Time) {
			s.must(s.AddInvitation(s.ctx, enroll.Invitation{
				ID: name + id, Account: guid(account), By: by, Created: s.now.Add(-time.Hour), Expires: expires,
			}))
		}
		later := s.now.Add(time.Minute)
		add("own", 1, guid(1).String(), later)
		add("own too", 1, guid(1).String(), later)
		add("expired", 1, guid(1).String(), s.now)
		add("operator's", 1, audit.ActorOperator, later)
		add("helper's", 1, guid(2).String(), later)
		add("other's", 2, guid(2).String(), later)
		before := s.events(guid(1))
		s.must(end())
		s.same(s.events(guid(1)), before+2)
		for id, gone := range map[string]bool{"own": true, "own too": true, "expired": false, "operator's": false, "helper's": false, "other's": false} {
			i, err := s.Invitation(s.ctx, name+id)
			s.must(err)
			if i.Revoked.IsZero() == gone {
				s.Errorf("%s of %s: revoked %v", id, name, i.Revoked)
			}
		}
		s.must(end()) // logs nothing more
		s.same(s.events(guid(1)), before+2)
	}
}

func enrolmentIsKeptWholeOrNotAtAll(s *suite) {
	s.invite("one", 1)
	grant := s.ceremony("grant")
	grant.Purpose, grant.Invitation = enroll.PurposeEnrolGrant, "one"
	s.must(s.SaveCeremony(s.ctx, grant, 5))
	s.must(s.SaveCeremony(s.ctx, s.ceremony("other"), 5))
	s.must(s.AddCredential(s.ctx, s.credential("taken", guid(2))))
	s.want(s.enrol("one", "taken", 1, s.now), enroll.ErrDuplicate)
	got, err := s.Invitation(s.ctx, "one")
	s.must(err)
	s.same(got.Used.IsZero(), true)
	_, err = s.Ceremony(s.ctx, "grant", grant.Purpose, s.now)
	s.must(err)
	s.same(s.events(guid(1)), 1)

	s.must(s.enrol("one", "free", 1, s.now))
	_, err = s.Ceremony(s.ctx, "grant", grant.Purpose, s.now)
	s.want(err, enroll.ErrNoCeremony)
	_, err = s.Ceremony(s.ctx, "other", enroll.PurposeStepUp, s.now)
	s.must(err)
	_, err = s.Session(s.ctx, "session of free", s.now)
	s.must(err)
}

func triesOfAnInvitationAreCounted(s *suite) {
	s.invite("one", 1)
	won := s.race(200, func(s *suite, _ int) error { return s.TryInvitation(s.ctx, "one", 5) }, enroll.ErrInvitationTries)
	s.same(won, 5)
	s.must(s.ForgiveTry(s.ctx, "one"))
	s.must(s.TryInvitation(s.ctx, "one", 5))
	s.want(s.TryInvitation(s.ctx, "one", 5), enroll.ErrInvitationTries)
	s.want(s.TryInvitation(s.ctx, "none", 5), enroll.ErrNoInvitation)
	for range 7 {
		s.must(s.ForgiveTry(s.ctx, "one"))
	}
	i, err := s.Invitation(s.ctx, "one")
	s.must(err)
	s.same(i.Tries, 0)
}
