package dbtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

func aBrowserIsKnownFromItsFirstSignInOn(s *suite) {
	from := func(id string, account int, browser string, at time.Time) {
		session := s.session(id, guid(account), "one")
		session.Browser, session.SignedIn = browser, at
		s.must(s.AddSession(s.ctx, session))
	}
	known := func(account int, browser string, before time.Time) bool {
		is, err := s.KnownBrowser(s.ctx, guid(account), browser, before)
		s.must(err)
		return is
	}
	count := func(account int) int {
		n, err := s.CountBrowsers(s.ctx, guid(account))
		s.must(err)
		return n
	}
	s.same(count(1), 0)
	from("a", 1, "mine", s.now)
	from("b", 1, "mine", s.now.Add(time.Hour)) // does not make it newer
	from("c", 1, "", s.now)
	from("d", 2, "hers", s.now)
	s.same(known(1, "mine", s.now), true)
	s.same(known(1, "mine", s.now.Add(-time.Millisecond)), false)
	s.same(known(1, "", s.now), false)
	s.same(known(2, "mine", s.now), false)
	s.same([]int{count(1), count(2)}, []int{1, 1})

	s.must(s.EndSession(s.ctx, "a"))
	s.same(known(1, "mine", s.now), true) // signing out is no farewell
	_, err := s.PurgeSessions(s.ctx, s.now.Add(400*24*time.Hour), time.Hour)
	s.must(err)
	s.same(known(1, "mine", s.now), true) // used an hour later
	s.same(known(2, "hers", s.now), false)
	from("e", 2, "hers", s.now)
	s.must(s.EndSessions(s.ctx, guid(1), "", s.withdrawal(1)))
	s.same(known(1, "mine", s.now), false)
	s.same(known(2, "hers", s.now), true)
	s.same([]int{count(1), count(2)}, []int{0, 1})

	// A passkey that goes may be a lost phone's, whose browser is its owner's no more.
	s.must(s.AddCredential(s.ctx, s.credential("lost", guid(1))))
	s.must(s.AddCredential(s.ctx, s.credential("kept", guid(1))))
	from("f", 1, "mine", s.now)
	s.must(s.RemoveCredential(s.ctx, guid(1), []byte("lost"), "", false, s.withdrawal(1)))
	s.same(known(1, "mine", s.now), false)
	for _, alone := range []bool{false, true} {
		id := fmt.Sprint("new ", alone)
		from("by "+id, 1, "mine", s.now)
		s.must(s.Create(s.ctx, s.request(id), workflow.Change{}))
		s.must(s.Update(s.ctx, id, func(r *workflow.Request) (workflow.Change, error) {
			r.State = workflow.Done
			return workflow.Change{Passkey: &enroll.Registered{
				Credential: s.credential(id, guid(1)), Alone: alone, Event: s.event(audit.PasskeyRegistered, guid(1)),
				Removed: func(enroll.Credential) audit.Event { return s.event(audit.PasskeyRemoved, guid(1)) }, Links: s.withdrawal(1),
			}}, nil
		}))
		s.same(known(1, "mine", s.now), !alone)
	}
	s.same(known(2, "hers", s.now), true)
}

func sessionsEnd(s *suite) {
	signedIn := s.event(audit.SignedIn, guid(1))
	for i, id := range []string{"a", "b", "c"} {
		session := s.session(id, guid(1), "one")
		session.SignedIn = s.now.Add(time.Duration(i) * time.Second)
		s.must(s.AddSession(s.ctx, session, signedIn))
	}
	s.must(s.AddSession(s.ctx, s.session("other", guid(2), "two")))
	all, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same([]string{all[0].ID, all[1].ID, all[2].ID}, []string{"c", "b", "a"})
	_, err = s.Session(s.ctx, "a", s.now.Add(time.Hour))
	s.want(err, enroll.ErrNoSession)

	s.must(s.TouchSession(s.ctx, "a", s.now.Add(time.Minute)))
	s.must(s.TouchSession(s.ctx, "a", s.now)) // never back
	a, err := s.Session(s.ctx, "a", s.now)
	s.must(err)
	s.same(a.LastSeen, s.now.Add(time.Minute))
	s.want(s.TouchSession(s.ctx, "none", s.now), enroll.ErrNoSession)

	s.must(s.EndSession(s.ctx, "b", s.event(audit.SignedOut, guid(1))))
	s.same(s.events(guid(1)), 4)
	s.must(s.EndSession(s.ctx, "b", s.event(audit.SignedOut, guid(1)))) // logs nothing
	s.same(s.events(guid(1)), 4)
	s.must(s.EndSessions(s.ctx, guid(1), "a", s.withdrawal(1), s.event(audit.SignedOut, guid(1))))
	s.same(s.events(guid(1)), 5)
	s.must(s.EndSessions(s.ctx, guid(1), "a", s.withdrawal(1), s.event(audit.SignedOut, guid(1)))) // ends none, logs nothing
	s.same(s.events(guid(1)), 5)
	for id, alive := range map[string]bool{"a": true, "b": false, "c": false, "other": true} {
		_, err := s.Session(s.ctx, id, s.now)
		if alive {
			s.must(err)
		} else {
			s.want(err, enroll.ErrNoSession)
		}
	}
	n, err := s.PurgeSessions(s.ctx, s.now.Add(30*time.Minute+time.Second), 30*time.Minute)
	s.must(err)
	s.same(n, 1) // "other", idle; "a" was seen a minute later
	n, err = s.PurgeSessions(s.ctx, s.now.Add(time.Hour), 24*time.Hour)
	s.must(err)
	s.same(n, 1) // "a", expired
}

// Whoever looks by less than a whole objectGUID finds somebody else's too.
func accountsThatBeginAlikeStayApart(s *suite) {
	mine, hers := ad.GUID{1, 2, 3, 4, 15: 1}, ad.GUID{1, 2, 3, 4, 15: 2}
	s.same(mine.String()[:8], hers.String()[:8])
	for i, account := range []ad.GUID{mine, hers} {
		s.must(s.AddSession(s.ctx, s.session(fmt.Sprint(i), account, "one"), s.event(audit.SignedIn, account)))
	}
	s.must(s.Record(s.ctx, s.event(audit.SignedOut, hers)))
	ids := func(account ad.GUID) (all []string) {
		sessions, err := s.Sessions(s.ctx, account)
		s.must(err)
		for _, session := range sessions {
			all = append(all, session.ID)
		}
		return all
	}
	s.same([][]string{ids(mine), ids(hers)}, [][]string{{"0"}, {"1"}})
	s.same([]int{s.events(mine), s.events(hers)}, []int{1, 2})
	all, err := s.Events(s.ctx, mine, 5)
	s.must(err)
	s.same(len(all), 1)
	s.same(all[0].Target, mine.String())

	s.must(s.EndSessions(s.ctx, hers, "", s.withdrawal(1)))
	s.same([][]string{ids(mine), ids(hers)}, [][]string{{"0"}, nil})
}

// sessionsAndEntriesOfAnAccountAreAllFound holds the store to lists that are kept beside it,
// in whatever order sessions and entries of several accounts come and go. Some sessions
// begin before there is any entry about their account.
func sessionsAndEntriesOfAnAccountAreAllFound(s *suite) {
	seed := rand.Uint64()
	s.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	accounts := []ad.GUID{guid(1), guid(2), {1, 2, 3, 4, 15: 1}, {1, 2, 3, 4, 15: 2}}
	sessions := map[ad.GUID][]string{} // newest first
	entries := map[ad.GUID][]int64{}   // likewise
	expires := map[string]time.Time{}
	var seq int64
	note := func(account ad.GUID) audit.Event {
		seq++
		entries[account] = append([]int64{seq}, entries[account]...)
		return s.event(audit.SignedIn, account)
	}
	drop := func(gone func(id string) bool) {
		for account, ids := range sessions {
			sessions[account] = slices.DeleteFunc(ids, gone)
		}
	}
	for step := range 150 {
		account := accounts[r.IntN(len(accounts))]
		begun := sessions[account]
		switch what := r.IntN(10); {
		case what < 4:
			one := s.session(fmt.Sprintf("%06d", step), account, "one")
			one.SignedIn = s.now.Add(time.Duration(step) * time.Second)
			one.Expires = one.SignedIn.Add(time.Duration(1+r.IntN(60)) * time.Minute)
			var events []audit.Event
			if r.IntN(3) > 0 {
				events = append(events, note(account))
			}
			s.must(s.AddSession(s.ctx, one, events...))
			sessions[account], expires[one.ID] = append([]string{one.ID}, begun...), one.Expires
		case what < 7:
			s.must(s.Record(s.ctx, note(account)))
		case what < 8 && len(begun) > 0:
			id := begun[r.IntN(len(begun))]
			s.must(s.EndSession(s.ctx, id))
			drop(func(other string) bool { return other == id })
		case what < 9 && len(begun) > 0:
			keep := begun[r.IntN(len(begun))]
			s.must(s.EndSessions(s.ctx, account, keep, s.withdrawal(1)))
			sessions[account] = []string{keep}
		default:
			at := s.now.Add(time.Duration(r.IntN(30)) * time.Minute)
			_, err := s.PurgeSessions(s.ctx, at, 24*time.Hour)
			s.must(err)
			drop(func(id string) bool { return !at.Before(expires[id]) })
		}
		for _, account := range accounts {
			ids, seqs := []string{}, []int64{}
			all, err := s.Sessions(s.ctx, account)
			s.must(err)
			for _, session := range all {
				ids = append(ids, session.ID)
			}
			limit := 1 + r.IntN(30)
			found, err := s.Events(s.ctx, account, limit)
			s.must(err)
			for _, entry := range found {
				seqs = append(seqs, entry.Seq)
			}
			about := entries[account]
			s.same(ids, append([]string{}, sessions[account]...))
			s.same(seqs, append([]int64{}, about[:min(limit, len(about))]...))
			s.same(s.events(account), len(about))
		}
	}
}

func (s *suite) signIn(session string, proofs ...enroll.Proof) {
	s.Helper()
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	s.comeIn(session, proofs...)
}

// comeIn is signIn where the passkey is there already.
func (s *suite) comeIn(session string, proofs ...enroll.Proof) {
	s.Helper()
	one := s.session(session, guid(1), "one")
	with := &one
	for _, p := range proofs {
		s.must(s.Asserted(s.ctx, []byte("one"), func(*enroll.Credential) ([]audit.Event, error) { return nil, nil }, p, with))
		with = nil
	}
}

func aSignInProofCountsOnce(s *suite) {
	bound := s.proof("bound", "s")
	bound.Label, bound.Statement = "label/v1", []byte("statement")
	s.signIn("s", s.proof("p", "s"), bound)
	p, err := s.SignInProof(s.ctx, "s")
	s.must(err)
	s.same(p, s.proof("p", "s"))
	got, err := s.Proof(s.ctx, "bound")
	s.must(err)
	s.same(got, bound)
	s.must(s.UseProof(s.ctx, "p", "test"))
	_, err = s.SignInProof(s.ctx, "s")
	s.want(err, enroll.ErrNoProof)
	_, err = s.Proof(s.ctx, "p")
	s.want(err, enroll.ErrNoProof)
	s.want(s.UseProof(s.ctx, "p", "test"), enroll.ErrNoProof)
	s.want(s.UseProof(s.ctx, "none", "test"), enroll.ErrNoProof)

	s.must(s.EndSession(s.ctx, "s"))
	_, err = s.Proof(s.ctx, "bound")
	s.want(err, enroll.ErrNoProof)
}

func oneOf200UsesAProof(s *suite) {
	s.signIn("s", s.proof("p", "s"))
	won := s.race(200, func(s *suite, _ int) error { return s.UseProof(s.ctx, "p", "test") }, enroll.ErrNoProof)
	s.same(won, 1)
}

func aUsedProofStaysUsedWhenPurged(s *suite) {
	s.signIn("s", s.proof("p", "s"))
	n, err := s.PurgeProofs(s.ctx, s.now)
	s.must(err)
	s.same(n, 0)
	s.must(s.UseProof(s.ctx, "p", "test"))
	n, err = s.PurgeProofs(s.ctx, s.now.Add(time.Millisecond))
	s.must(err)
	s.same(n, 1)
	s.must(s.Asserted(s.ctx, []byte("one"), func(*enroll.Credential) ([]audit.Event, error) { return nil, nil }, s.proof("p", "s"), nil))
	_, err = s.Proof(s.ctx, "p")
	s.want(err, enroll.ErrNoProof)
}

// Ids begin with the time. Those of earlier releases did not.
func oldProofsGoWhateverTheyAreCalled(s *suite) {
	id := func(at time.Time) string { return fmt.Sprintf("%012x%020x", at.UnixMilli(), 1) }
	ids := map[string]bool{ // whether a day is enough
		id(s.now): true, "00" + strings.Repeat("e", 30): true, strings.Repeat("f", 32): true, "7" + strings.Repeat("a", 31): true,
		id(s.now.Add(72 * time.Hour)): false,
	}
	s.signIn("s")
	for id := range ids {
		old, young := s.proof(id, "s"), s.proof(id[:31]+"x", "s")
		young.At = s.now.Add(time.Hour)
		for _, p := range []enroll.Proof{old, young} {
			s.must(s.Asserted(s.ctx, []byte("one"), func(*enroll.Credential) ([]audit.Event, error) { return nil, nil }, p, nil))
		}
	}
	purged := func(before time.Time, want int) {
		s.Helper()
		n, err := s.PurgeProofs(s.ctx, before)
		s.must(err)
		s.same(n, want)
	}
	purged(s.now, 0)
	purged(s.now.Add(time.Minute), 4)
	for id, gone := range ids {
		_, err := s.Proof(s.ctx, id)
		if gone {
			s.want(err, enroll.ErrNoProof)
		} else {
			s.must(err)
		}
		_, err = s.Proof(s.ctx, id[:31]+"x")
		s.must(err)
	}
	purged(s.now.Add(31*24*time.Hour), 1+len(ids))
}
