package dbtest

import (
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

func (s *suite) factor(id string, account int, kind enroll.ProofKind) enroll.Factor {
	return enroll.Factor{ID: id, Account: guid(account), Kind: kind, Secret: []byte("secret of " + id), Step: -1, Created: s.now}
}

// use takes a factor as a recovery code is: once.
func (s *suite) use(id, proof string, account int, kind enroll.ProofKind, session string) enroll.FactorUse {
	return enroll.FactorUse{
		ID: id,
		Fn: func(f *enroll.Factor) error {
			if !f.Used.IsZero() {
				return enroll.ErrWrongCode
			}
			f.Used, f.Step = s.now, 7
			return nil
		},
		Proof: enroll.Proof{
			ID: proof, Kind: kind, Account: guid(account), Session: session, At: s.now,
			Label: enroll.LabelRecover, Statement: enroll.RecoverStatement(guid(account), "reset"),
		},
	}
}

func (s *suite) way(id string) enroll.Ceremony {
	return enroll.Ceremony{ID: "spent " + id, Purpose: enroll.PurposeRecover, Created: s.now, Expires: s.now.Add(time.Hour)}
}

func (s *suite) codes(account int, names ...string) {
	s.Helper()
	var all []enroll.Factor
	for _, name := range names {
		all = append(all, s.factor(name, account, enroll.ProofRecoveryCode))
	}
	s.must(s.ReplaceFactors(s.ctx, guid(account), enroll.ProofRecoveryCode, all, s.event(audit.ProofMade, guid(account))))
}

func factorsAreReplacedByKind(s *suite) {
	s.codes(1, "a", "b")
	s.codes(2, "other")
	app := s.factor("app", 1, enroll.ProofTOTP)
	s.must(s.ReplaceFactors(s.ctx, guid(1), enroll.ProofTOTP, []enroll.Factor{app}))
	held, _, err := s.HeldProofs(s.ctx, ad.Account{GUID: guid(1)})
	s.must(err)
	s.same(held, []enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofTOTP})
	s.codes(1, "c")
	all, err := s.Factors(s.ctx, guid(1))
	s.must(err)
	s.same(len(all), 2)
	s.must(s.ReplaceFactors(s.ctx, guid(1), enroll.ProofRecoveryCode, nil, s.event(audit.ProofRemoved, guid(1))))
	before := s.events(guid(1))
	s.want(s.ReplaceFactors(s.ctx, guid(1), enroll.ProofRecoveryCode, nil, s.event(audit.ProofRemoved, guid(1))), enroll.ErrNoFactor)
	s.same(s.events(guid(1)), before)
	all, err = s.Factors(s.ctx, guid(1))
	s.must(err)
	s.same(all, []enroll.Factor{app})
	theirs, err := s.Factors(s.ctx, guid(2))
	s.must(err)
	s.same(len(theirs), 1)

	// What is somebody else's, or of another kind, takes no place.
	for _, foreign := range []enroll.Factor{s.factor("foreign", 2, enroll.ProofTOTP), s.factor("foreign", 1, enroll.ProofPIN)} {
		if s.ReplaceFactors(s.ctx, guid(1), enroll.ProofTOTP, []enroll.Factor{foreign}) == nil {
			s.Errorf("%s of %s in place of an app", foreign.Kind, foreign.Account)
		}
	}
	all, err = s.Factors(s.ctx, guid(1))
	s.must(err)
	s.same(all, []enroll.Factor{app})
}

func oneOf200UsesARecoveryCode(s *suite) {
	s.codes(1, "code")
	won := s.race(200, func(s *suite, i int) error {
		name := fmt.Sprint("s", i)
		return s.Recovered(s.ctx, s.way(name), []enroll.FactorUse{s.use("code", "p"+name, 1, enroll.ProofRecoveryCode, name)},
			s.session(name, guid(1), ""), s.event(audit.Recovered, guid(1)))
	}, enroll.ErrWrongCode)
	s.same(won, 1)
	sessions, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(sessions), 1)
	s.same(s.events(guid(1)), 2)
	held, _, err := s.HeldProofs(s.ctx, ad.Account{GUID: guid(1)})
	s.must(err)
	s.same(len(held), 0)
}

func oneOf200TakesAWayIn(s *suite) {
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprint("code", i)
	}
	s.codes(1, names...)
	won := s.race(200, func(s *suite, i int) error {
		name := fmt.Sprint("s", i)
		return s.Recovered(s.ctx, s.way("one"), []enroll.FactorUse{s.use(names[i], "p"+name, 1, enroll.ProofRecoveryCode, name)},
			s.session(name, guid(1), ""), s.event(audit.Recovered, guid(1)))
	}, enroll.ErrNoCeremony)
	s.same(won, 1)
}

func recoveryIsWholeOrNothing(s *suite) {
	s.codes(1, "code")
	s.codes(2, "theirs")
	before := s.events(guid(1))
	for _, second := range []enroll.FactorUse{
		s.use("gone", "p2", 1, enroll.ProofTOTP, "s"),
		s.use("theirs", "p2", 1, enroll.ProofRecoveryCode, "s"),
		s.use("code", "p2", 1, enroll.ProofTOTP, "s"),
	} {
		uses := []enroll.FactorUse{s.use("code", "p1", 1, enroll.ProofRecoveryCode, "s"), second}
		s.want(s.Recovered(s.ctx, s.way("w"), uses, s.session("s", guid(1), ""), s.event(audit.Recovered, guid(1))), enroll.ErrNoFactor)
	}
	s.same(s.events(guid(1)), before)
	all, err := s.Factors(s.ctx, guid(1))
	s.must(err)
	s.same(all[0].Used.IsZero(), true)
	proofs, err := s.RecoverProofs(s.ctx, "s")
	s.must(err)
	s.same(len(proofs), 0)
	use := s.use("code", "p1", 1, enroll.ProofRecoveryCode, "s")
	s.must(s.Recovered(s.ctx, s.way("w"), []enroll.FactorUse{use}, s.session("s", guid(1), ""), s.event(audit.Recovered, guid(1))))
	proofs, err = s.RecoverProofs(s.ctx, "s")
	s.must(err)
	s.same(len(proofs), 1)
	s.same(proofs[0].Statement, use.Proof.Statement)
	s.must(s.UseProof(s.ctx, "p1", "test"))
	proofs, err = s.RecoverProofs(s.ctx, "s")
	s.must(err)
	s.same(len(proofs), 0)
	_, err = s.SignInProof(s.ctx, "s") // it is none
	s.want(err, enroll.ErrNoProof)

	// New codes end what the old ones opened, with its proofs.
	s.must(s.AddSession(s.ctx, s.session("by passkey", guid(1), "one")))
	s.codes(1, "new")
	sessions, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(sessions), 1)
	s.same(sessions[0].ID, "by passkey")
}

// A way in that is used, added or taken away is told to its person.
func changesOfProofsAreTold(s *suite) {
	s.codes(1, "code")
	s.must(s.Recovered(s.ctx, s.way("w"), []enroll.FactorUse{s.use("code", "p1", 1, enroll.ProofRecoveryCode, "s")},
		s.session("s", guid(1), ""), s.event(audit.Recovered, guid(1))))
	s.must(s.AddCredential(s.ctx, s.credential("c", guid(1)), s.event(audit.PasskeyRegistered, guid(1))))
	used := s.event(audit.Answered, guid(1))
	used.Detail["proof_kinds"] = []string{string(enroll.ProofRecoveryCode)}
	s.must(s.Answered(s.ctx, s.way("x"), nil, used, s.event(audit.Answered, guid(1))))
	told, err := s.ClaimNotices(s.ctx, s.now, time.Minute, 10)
	s.must(err)
	var kinds []string
	for _, n := range told {
		s.same(n.Kind, enroll.NoticeProofs)
		kinds = append(kinds, n.Params["kind"])
	}
	s.same(kinds, []string{"recovered", "passkey", "code-used"})

	// A first passkey by invitation is no news to anybody; another one is to its person
	// and beside them, also where IT took the lost one away before.
	s.must(s.AddCredential(s.ctx, s.credential("lost", guid(4))))
	s.must(s.RemoveCredential(s.ctx, guid(4), []byte("lost"), "", true, enroll.Withdrawal{At: s.now}))
	both := fmt.Sprint([]string{enroll.NoticeReplaced, enroll.NoticeProofs})
	for account, want := range map[int]string{1: both, 3: "[]", 4: both} {
		id := fmt.Sprint("link", account)
		s.invite(id, account)
		beside := []enroll.Notice{{To: guid(9), Kind: enroll.NoticeReplaced, Params: map[string]string{"who": id}}}
		s.must(s.Enrol(s.ctx, id, s.now, s.credential("c"+id, guid(account)), s.session("s"+id, guid(account), "c"+id), beside, s.event(audit.PasskeyRegistered, guid(account))))
		told, err := s.ClaimNotices(s.ctx, s.now, time.Minute, 10)
		s.must(err)
		kinds = []string{}
		for _, n := range told {
			kinds = append(kinds, n.Kind)
			to := guid(account).String()
			if n.Kind == enroll.NoticeReplaced {
				to = guid(9).String()
				s.same(n.Params["who"], id)
			}
			s.same(n.To, to)
		}
		s.same(fmt.Sprint(kinds), want)
	}
}

// A request that lets somebody register a passkey keeps it in its own transaction,
// and with it goes what the lost phone could still do.
func aRequestRegistersAPasskey(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("old", guid(1))))
	s.must(s.AddSession(s.ctx, s.session("of the old", guid(1), "old")))
	s.must(s.AddSession(s.ctx, s.session("mine", guid(1), "")))
	s.must(s.AddSession(s.ctx, s.session("somebody who came in before", guid(1), "")))
	s.must(s.AddCredential(s.ctx, s.credential("theirs", guid(2))))
	r := s.request("r")
	s.must(s.Create(s.ctx, r, workflow.Change{}))
	register := func(id string) error {
		return s.Update(s.ctx, "r", func(r *workflow.Request) (workflow.Change, error) {
			r.State = workflow.Done
			return workflow.Change{Passkey: &enroll.Registered{
				Credential: s.credential(id, guid(1)), Alone: true, Keep: "mine",
				Event:   s.event(audit.PasskeyRegistered, guid(1)),
				Removed: func(enroll.Credential) audit.Event { return s.event(audit.PasskeyRemoved, guid(1)) },
				Links:   enroll.Withdrawal{At: s.now, Event: func(enroll.Invitation) audit.Event { return s.event(audit.InvitationRevoked, guid(1)) }},
			}}, nil
		})
	}
	s.want(register("theirs"), enroll.ErrDuplicate)
	got, err := s.Request(s.ctx, "r")
	s.must(err)
	s.same(got.State, r.State)
	s.same(s.events(guid(1)), 0)

	s.must(register("new"))
	held, err := s.Credentials(s.ctx, guid(1))
	s.must(err)
	s.same(len(held), 1)
	s.same(string(held[0].ID), "new")
	sessions, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(sessions), 1)
	s.same(sessions[0].ID, "mine")
	s.same(s.events(guid(1)), 2)
	other, err := s.Credentials(s.ctx, guid(2))
	s.must(err)
	s.same(len(other), 1)
}

// The others stay where whoever asked lost none of them.
func aPasskeyByRequestLeavesTheOthersWhereItMay(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("old", guid(1))))
	s.must(s.AddSession(s.ctx, s.session("by the old one", guid(1), "old")))
	s.must(s.Create(s.ctx, s.request("r"), workflow.Change{}))
	s.must(s.Update(s.ctx, "r", func(*workflow.Request) (workflow.Change, error) {
		return workflow.Change{Passkey: &enroll.Registered{Credential: s.credential("new", guid(1)), Event: s.event(audit.PasskeyRegistered, guid(1))}}, nil
	}))
	held, err := s.Credentials(s.ctx, guid(1))
	s.must(err)
	s.same(len(held), 2)
	sessions, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(sessions), 1)
}

func aFrozenAccountGetsNoPasskeyByRequest(s *suite) {
	s.must(s.Create(s.ctx, s.request("r"), workflow.Change{Freeze: &workflow.Freeze{Account: guid(1), By: guid(2), Request: "r", At: s.now}}))
	s.want(s.Update(s.ctx, "r", func(*workflow.Request) (workflow.Change, error) {
		return workflow.Change{Passkey: &enroll.Registered{Credential: s.credential("new", guid(1)), Event: s.event(audit.PasskeyRegistered, guid(1))}}, nil
	}), workflow.ErrFrozen)
	held, err := s.Credentials(s.ctx, guid(1))
	s.must(err)
	s.same(len(held), 0)
}
