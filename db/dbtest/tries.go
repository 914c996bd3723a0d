package dbtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/workflow"
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
			f.Failed, f.OwnFails, f.OwnFailed = s.now, 2*f.Fails, s.now.Add(time.Second)
			return nil
		})
	}, errRests)
	s.same(won, 5)
	all, err := s.Factors(s.ctx, guid(1))
	s.must(err)
	pin.Fails, pin.Failed, pin.OwnFails, pin.OwnFailed = 5, s.now, 10, s.now.Add(time.Second)
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

// An address that is replaced or removed is told of it, so its notice keeps it, sealed;
// one that stays is not.
func anOldAddressIsTold(s *suite) {
	to := func(address string, kind enroll.ProofKind) []enroll.Factor {
		f := s.factor("to "+address, 1, kind)
		f.Secret = []byte(address)
		return []enroll.Factor{f}
	}
	change := func(action audit.Action, kind enroll.ProofKind, with []enroll.Factor) map[string]string {
		s.Helper()
		e := s.event(action, guid(1))
		e.Detail["proof_kind"] = string(kind)
		s.must(s.ReplaceFactors(s.ctx, guid(1), kind, with, e))
		all := s.claim(10)
		s.same(len(all), 1)
		s.must(s.Fan(s.ctx, all[0].ID, nil))
		return all[0].Params
	}
	made, gone := audit.ProofMade, audit.ProofRemoved
	s.same(change(made, enroll.ProofMailCode, to("a@home.example", enroll.ProofMailCode)), map[string]string{"kind": "mail-code"})
	s.same(change(made, enroll.ProofMailCode, to("a@home.example", enroll.ProofMailCode)), map[string]string{"kind": "mail-code"})
	s.same(change(made, enroll.ProofSMSCode, to("+491", enroll.ProofSMSCode)), map[string]string{"kind": "sms-code"})
	s.same(change(made, enroll.ProofPIN, []enroll.Factor{s.factor("pin", 1, enroll.ProofPIN)}), map[string]string{"kind": "pin"})
	mail, sms, err := s.HasVerified(s.ctx, guid(1).String())
	s.must(err)
	s.same([]bool{mail, sms}, []bool{true, true})
	address, err := s.Verified(s.ctx, guid(1).String(), false)
	s.must(err)
	s.same(address, "a@home.example")
	s.same(change(made, enroll.ProofMailCode, to("b@home.example", enroll.ProofMailCode)), map[string]string{"kind": "mail-code", push.ParamOldMail: "a@home.example"})
	s.same(change(gone, enroll.ProofSMSCode, nil), map[string]string{"kind": "removed", push.ParamOldSMS: "+491"})
	mail, sms, err = s.HasVerified(s.ctx, guid(1).String())
	s.must(err)
	s.same([]bool{mail, sms}, []bool{true, false})
	address, err = s.Verified(s.ctx, guid(1).String(), true)
	s.must(err)
	s.same(address, "")
}

// What happened before an address went away is told there all the same, whether it waits,
// is held by a server, or is on its way. Whoever holds it loses it: they know nothing of
// the address.
func whatHappenedBeforeAnAddressWentIsToldThere(s *suite) {
	keep := func(kind enroll.ProofKind, address string) {
		s.Helper()
		f := s.factor(address, 1, kind)
		f.Secret = []byte(address)
		e := s.event(audit.ProofMade, guid(1))
		e.Detail["proof_kind"] = string(kind)
		s.must(s.ReplaceFactors(s.ctx, guid(1), kind, []enroll.Factor{f}, e))
	}
	told := func(kind enroll.ProofKind) {
		s.Helper()
		e := s.event(audit.ProofMade, guid(1))
		e.Detail["proof_kind"] = string(kind)
		s.must(s.ReplaceFactors(s.ctx, guid(1), kind, []enroll.Factor{s.factor("of "+string(kind), 1, kind)}, e))
	}
	keep(enroll.ProofMailCode, "a@home.example")
	keep(enroll.ProofSMSCode, "+491")
	for _, n := range s.claim(10) {
		s.must(s.Fan(s.ctx, n.ID, nil))
	}
	told(enroll.ProofPIN) // fanned out: on its way
	fanned := s.claim(10)
	s.same(len(fanned), 1)
	way := func(by push.Channel, marks ...string) push.Delivery {
		d := s.delivery(1)
		d.Channel, d.Kind, d.Params = by, fanned[0].Kind, map[string]string{"kind": "pin"}
		for i := 0; i+1 < len(marks); i += 2 {
			d.Params[marks[i]] = marks[i+1]
		}
		return d
	}
	other := way(push.ChannelMail, "_verified", "true")
	other.To = guid(2).String()
	onTheWay := []push.Delivery{
		way(push.ChannelMail), way(push.ChannelMail, "_verified", "true"), way(push.ChannelSMS, "_verified", "true"),
		way(push.ChannelMail, "_verified", "true", "_to", "before@home.example"), other,
	}
	s.must(s.Fan(s.ctx, fanned[0].ID, onTheWay))
	trying, err := s.ClaimDeliveries(s.ctx, s.now, lease, 10, 0)
	s.must(err)
	s.same(len(trying), len(onTheWay))
	told(enroll.ProofTOTP) // held by a server
	held := s.claim(10)
	s.same(len(held), 1)
	s.must(s.Create(s.ctx, s.request("beside"), workflow.Change{Notices: []workflow.Notice{
		{To: guid(1), Kind: workflow.NoticeReview, Params: map[string]string{"n": "1"}},
		{To: guid(2), Kind: workflow.NoticeFrozen, Params: map[string]string{"n": "2"}},
	}}))
	told(enroll.ProofQuestions) // waiting

	keep(enroll.ProofMailCode, "b@home.example")
	with := func(kind string) map[string]string {
		return map[string]string{"kind": kind, push.ParamOldMail: "a@home.example"}
	}
	s.want(s.Fan(s.ctx, held[0].ID, nil), push.ErrNoDelivery)
	waiting := map[string][]map[string]string{}
	for _, n := range s.claim(10) {
		waiting[n.To+" "+n.Kind] = append(waiting[n.To+" "+n.Kind], n.Params)
	}
	mine := guid(1).String() + " " + fanned[0].Kind
	s.same(waiting[mine], []map[string]string{with("totp"), with("questions"), with("mail-code")})
	s.same(waiting[guid(1).String()+" "+workflow.NoticeReview], []map[string]string{{"n": "1"}})
	s.same(waiting[guid(2).String()+" "+workflow.NoticeFrozen], []map[string]string{{"n": "2"}})

	for i, d := range trying {
		want := error(nil)
		if i == 1 { // the one that was on its way to the address
			want = push.ErrNoDelivery
		}
		s.want(s.Delivered(s.ctx, d.ID, s.now), want)
	}
	again, err := s.ClaimDeliveries(s.ctx, s.now, lease, 10, 0)
	s.must(err)
	s.same(len(again), 1)
	s.same(again[0].ID, trying[1].ID)
	s.same(again[0].Params, map[string]string{"kind": "pin", "_verified": "true", "_to": "a@home.example"})
	// It stays the one of that time when the next goes.
	keep(enroll.ProofMailCode, "c@home.example")
	s.must(s.Delivered(s.ctx, again[0].ID, s.now))
}

// What counts as replaced: whatever is added, put in place of another or taken away
// where something is held. The very first proof does not.
func replacedProofsAreNoted(s *suite) {
	passkey := func(id string, account int) func() {
		return func() {
			s.must(s.AddCredential(s.ctx, s.credential(id, guid(account)), s.event(audit.PasskeyRegistered, guid(account))))
		}
	}
	invited := func(id string, account int) func() {
		return func() {
			s.must(s.enrol(s.invite("link "+id, account).ID, id, account, s.now))
		}
	}
	factor := func(id string, account int, kind enroll.ProofKind) func() {
		return func() {
			s.must(s.ReplaceFactors(s.ctx, guid(account), kind, []enroll.Factor{s.factor(id, account, kind)}))
		}
	}
	removed := func(account int, kind enroll.ProofKind) func() {
		return func() { s.must(s.ReplaceFactors(s.ctx, guid(account), kind, nil)) }
	}
	gone := func(id string, account int) func() {
		return func() {
			s.must(s.RemoveCredential(s.ctx, guid(account), []byte(id), "", true, s.withdrawal(account), s.event(audit.PasskeyRemoved, guid(account))))
		}
	}
	for i, c := range []struct {
		what   string
		before func(account int)
		act    func(account int) func()
		want   bool
	}{
		{"the first passkey", nil, func(a int) func() { return invited(fmt.Sprint("k", a), a) }, false},
		{"the first factor of somebody with nothing", nil, func(a int) func() { return factor(fmt.Sprint("f", a), a, enroll.ProofPIN) }, false},
		{"a passkey by invitation beside a factor", func(a int) { factor(fmt.Sprint("f", a), a, enroll.ProofPIN)() },
			func(a int) func() { return invited(fmt.Sprint("k", a), a) }, true},
		{"another passkey", func(a int) { invited(fmt.Sprint("k", a), a)() }, func(a int) func() { return passkey(fmt.Sprint("l", a), a) }, true},
		{"the first factor beside a passkey", func(a int) { invited(fmt.Sprint("k", a), a)() },
			func(a int) func() { return factor(fmt.Sprint("f", a), a, enroll.ProofTOTP) }, true},
		{"a factor of another kind", func(a int) { factor(fmt.Sprint("f", a), a, enroll.ProofPIN)() },
			func(a int) func() { return factor(fmt.Sprint("g", a), a, enroll.ProofTOTP) }, true},
		{"one in place of another", func(a int) { factor(fmt.Sprint("f", a), a, enroll.ProofPIN)() },
			func(a int) func() { return factor(fmt.Sprint("g", a), a, enroll.ProofPIN) }, true},
		{"the only factor taken away", func(a int) { factor(fmt.Sprint("f", a), a, enroll.ProofTOTP)() },
			func(a int) func() { return removed(a, enroll.ProofTOTP) }, true},
		{"the only passkey taken away", func(a int) { invited(fmt.Sprint("k", a), a)() }, func(a int) func() { return gone(fmt.Sprint("k", a), a) }, true},
	} {
		account := i + 1
		if c.before != nil {
			c.before(account)
		}
		before, err := s.ProofsReplaced(s.ctx, guid(account))
		s.must(err)
		if !before.IsZero() {
			s.Errorf("%s: noted before", c.what)
		}
		c.act(account)()
		at, err := s.ProofsReplaced(s.ctx, guid(account))
		s.must(err)
		if at.IsZero() == c.want {
			s.Errorf("%s: noted at %v", c.what, at)
		}
	}

	// In two steps it is the same: IT takes the lost one away, and sends a link.
	const account = 90
	invited("first", account)()
	gone("first", account)()
	taken, err := s.ProofsReplaced(s.ctx, guid(account))
	s.must(err)
	for !time.Now().Truncate(time.Millisecond).After(taken) { // the store has its own clock, in milliseconds
	}
	invited("second", account)()
	at, err := s.ProofsReplaced(s.ctx, guid(account))
	s.must(err)
	if taken.IsZero() || !at.After(taken) {
		s.Errorf("taken away at %v, another one noted at %v", taken, at)
	}
}
