package server

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// recent bounds the requests that the first page shows, activityMax the events.
const (
	recent      = 10
	activityMax = 50
)

func (s *Server) info(context.Context, *struct{}) (*reply[Info], error) {
	ways := s.cfg.Requests.Recoveries()
	return answer(Info{
		Organisation: s.settings().Organisation, Support: s.settings().Support, Version: s.cfg.Version, Demo: s.cfg.Demo,
		Languages: []string{"en", "de"}, Attribute: s.settings().Attribute,
		Recovery: each(ways, func(w workflow.Recovery) []string { return proofWords(w.Prove) }),
		RecoveryKinds: each(ways, func(w workflow.Recovery) []string {
			return each(w.Kinds, func(k workflow.Kind) string { return string(k) })
		}),
	}), nil
}

func proofWords(set []enroll.ProofKind) []string {
	return each(set, func(k enroll.ProofKind) string { return string(k) })
}

func (s *Server) getMe(ctx context.Context, _ *struct{}) (*reply[Me], error) { return s.me(ctx) }

// me gathers what the person sees first.
func (s *Server) me(ctx context.Context) (*reply[Me], error) {
	own, who := signedIn(ctx), actor(ctx)
	account, err := s.ownAccount(ctx)
	if err != nil {
		return nil, err
	}
	// By the store, and not by what is offered: a protected account, or one that no rule
	// gives anything, is frozen as any other is.
	freeze, err := s.cfg.Freezes.OwnFreeze(ctx, who)
	if err != nil {
		return nil, err
	}
	signal, err := s.signal(ctx, account)
	if err != nil {
		return nil, err
	}
	requests, err := s.cfg.Requests.Mine(ctx, who)
	if err != nil {
		return nil, err
	}
	waiting, reviewer, err := s.waiting(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	return answer(Me{
		Account:  encodeAccount(account, s.now()),
		Frozen:   freeze != nil,
		Options:  each(s.cfg.Requests.Options(ctx, who, account), encodeOption),
		Requests: each(requests[:min(len(requests), recent)], s.encodeMine(ctx)),
		Signal:   signal,
		Passkeys: len(signal.CredentialIDs),
		Session:  Session{SignedIn: stamp(own.SignedIn), Expires: stamp(own.Expires), Remember: own.Remember, Recovered: own.Recovered()},
		Waiting:  waiting,
		Reviewer: reviewer,
		Duty:     s.duty(ctx, account),
	}), nil
}

// duty is left out where it can't be told: what follows from it is decided elsewhere.
func (s *Server) duty(ctx context.Context, account ad.Account) *Duty {
	d, err := s.cfg.Requests.Duty(ctx, actor(ctx), account)
	if err != nil {
		s.log.Warn("what a person has to hold is not known", "error", err)
	}
	if err != nil || d == nil {
		return nil
	}
	return &Duty{Missing: proofWords(d.Missing), By: stamp(d.By), Overdue: d.Overdue, Limits: d.Limits}
}

// ownAccount reads the person's own, but for what a sign-in read a moment ago.
func (s *Server) ownAccount(ctx context.Context) (ad.Account, error) {
	own := signedIn(ctx)
	if own.Person != nil && own.Person.GUID == own.Account {
		return *own.Person, nil
	}
	return s.cfg.Requests.Account(ctx, actor(ctx))
}

// waiting counts what the inbox shows as waiting, requests and freezes to lift, and
// says whether anybody was ever asked for a review there.
func (s *Server) waiting(ctx context.Context, account ad.GUID) (n int, reviewer bool, err error) {
	n, err = s.cfg.Reviews.Waiting(ctx, account)
	if err != nil {
		return 0, false, err
	}
	if n += s.cfg.Freezes.CountThaws(ctx, account); n > 0 {
		return n, true, nil
	}
	reviewer, err = s.cfg.Reviews.Seated(ctx, account)
	return 0, reviewer, err
}

// signal tells the authenticator which passkeys still count, and the names.
func (s *Server) signal(ctx context.Context, a ad.Account) (Signal, error) {
	own := signedIn(ctx)
	passkeys, err := s.cfg.Passkeys.Credentials(ctx, own)
	if err != nil {
		return Signal{}, err
	}
	handle, err := s.cfg.Passkeys.Handle(ctx, own.Account)
	if err != nil {
		return Signal{}, err
	}
	shown := encodeAccount(a, s.now())
	out := Signal{RPID: s.cfg.RPID, UserID: base64url(handle), CredentialIDs: []string{}, Name: shown.Name, DisplayName: shown.DisplayName}
	for _, p := range passkeys {
		out.CredentialIDs = append(out.CredentialIDs, base64url(p.ID))
	}
	return out, nil
}

func (s *Server) passwordRules(ctx context.Context, _ *struct{}) (*reply[PasswordRules], error) {
	rules, err := s.cfg.Requests.Rules(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	return answer(encodeRules(rules)), nil
}

func (s *Server) stored(ctx context.Context, _ *struct{}) (*reply[Stored], error) {
	own := signedIn(ctx)
	passkeys, err := s.cfg.Passkeys.Credentials(ctx, own)
	if err != nil {
		return nil, err
	}
	sessions, err := s.cfg.Log.Sessions(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	requests, err := s.cfg.Log.CountRequests(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	reviews, err := s.cfg.Log.CountAsked(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	devices, err := s.cfg.Log.CountSubscriptions(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	browsers, err := s.cfg.Log.CountBrowsers(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	factors, err := s.cfg.Passkeys.Factors(ctx, own)
	if err != nil {
		return nil, err
	}
	frozen, err := s.cfg.Log.IsFrozen(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	events, err := s.cfg.Log.CountEvents(ctx, own.Account)
	if err != nil {
		return nil, err
	}
	return answer(Stored{
		ObjectGUID: own.Account.String(), Passkeys: each(passkeys, s.encodePasskey(own)), Sessions: each(sessions, encodeSession(own)),
		Requests: requests, Reviews: reviews, Devices: devices, Browsers: browsers, Frozen: frozen, Events: events, Retention: s.cfg.Retention,
		Codes: held(factors, enroll.ProofRecoveryCode), App: held(factors, enroll.ProofTOTP) > 0,
		PIN: held(factors, enroll.ProofPIN) > 0, Questions: held(factors, enroll.ProofQuestions) > 0,
		Mail: held(factors, enroll.ProofMailCode) > 0, Phone: held(factors, enroll.ProofSMSCode) > 0,
	}), nil
}

// held counts the factors of a kind.
func held(factors []enroll.Factor, kind enroll.ProofKind) (n int) {
	for _, f := range factors {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

func (s *Server) activity(ctx context.Context, _ *struct{}) (*reply[activityList], error) {
	events, err := s.cfg.Log.Events(ctx, signedIn(ctx).Account, activityMax)
	if err != nil {
		return nil, err
	}
	return answer(activityList{Events: each(events, encodeEvent)}), nil
}

// forget ends the session where there is one, and empties what the browser keeps
// for this origin. Our cookies are taken back by name: Clear-Site-Data "cookies"
// would clear those of every other host of the domain as well.
func (s *Server) forget(ctx context.Context, _ *empty) (*nothing, error) {
	c := callOf(ctx)
	if c.session != nil {
		if err := s.cfg.Passkeys.SignOut(ctx, *c.session, false); err != nil {
			return nil, err
		}
	}
	c.dropCookie()
	c.dropLanguage()
	c.http.Response.Header.Set(fiber.HeaderClearSiteData, `"cache", "storage"`)
	return &nothing{}, nil
}
