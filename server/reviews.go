package server

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

// askedMax bounds how many approvers the requester's screen names.
const askedMax = 5

// headerKeep lets the browser keep the answer for reading it offline until the
// time that it names: on the person's own device, never on somebody else's, and no
// longer than the session lives unused.
const (
	headerKeep = "X-Latchkey-Keep"
	keepUnused = 24 * time.Hour // as enroll ends an idle session
)

func (s *Server) inbox(ctx context.Context, _ *struct{}) (*reply[Inbox], error) {
	who := actor(ctx)
	waiting, decided, err := s.cfg.Reviews.Inbox(ctx, who)
	if err != nil {
		return nil, err
	}
	if session := signedIn(ctx); session.Remember {
		until := session.LastSeen.Add(keepUnused)
		if session.Expires.Before(until) {
			until = session.Expires
		}
		callOf(ctx).http.Response.Header.Set(headerKeep, stamp(until))
	}
	encode := s.encodeReview(who.Account)
	return answer(Inbox{Waiting: each(waiting, encode), Decided: each(decided, encode), ReadAt: stamp(s.now())}), nil
}

// reviewed encodes what a step of a review returned.
func (s *Server) reviewed(ctx context.Context, r workflow.Reviewed, err error) (*reply[Review], error) {
	if err != nil {
		return nil, err
	}
	return answer(s.encodeReview(signedIn(ctx).Account)(r)), nil
}

func (s *Server) getReview(ctx context.Context, in *ByID) (*reply[Review], error) {
	r, err := s.cfg.Reviews.Review(ctx, actor(ctx), in.ID)
	return s.reviewed(ctx, r, err)
}

type approveBegin struct {
	ByID
	Body ApproveBegin
}

func (s *Server) beginApproval(ctx context.Context, in *approveBegin) (*reply[Ceremony], error) {
	label, statement, err := s.cfg.Reviews.BeginApproval(ctx, actor(ctx), in.ID, in.Body.Number)
	return s.sign(ctx, label, statement, err)
}

// sign begins the assertion over a statement that workflow made.
func (s *Server) sign(ctx context.Context, label string, statement []byte, err error) (*reply[Ceremony], error) {
	if err != nil {
		return nil, err
	}
	token, options, err := s.cfg.Passkeys.BeginStepUp(ctx, signedIn(ctx), label, statement)
	if err != nil {
		return nil, err
	}
	return assertion(token, options), nil
}

func (s *Server) finishApproval(ctx context.Context, in *finishByID) (*reply[Review], error) {
	proof, err := s.cfg.Passkeys.FinishStepUp(ctx, signedIn(ctx), in.Body.Token, in.Body.Credential)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Reviews.Approve(ctx, actor(ctx), in.ID, proof)
	return s.reviewed(ctx, r, err)
}

type denial struct {
	ByID
	Body Denial
}

func (s *Server) deny(ctx context.Context, in *denial) (*reply[Review], error) {
	r, err := s.cfg.Reviews.Deny(ctx, actor(ctx), in.ID, in.Body.Chip, in.Body.Reason)
	return s.reviewed(ctx, r, err)
}

func (s *Server) report(ctx context.Context, in *emptyByID) (*reply[Review], error) {
	r, err := s.cfg.Reviews.Report(ctx, actor(ctx), in.ID)
	return s.reviewed(ctx, r, err)
}

func (s *Server) beginFreeze(ctx context.Context, in *emptyByID) (*reply[Ceremony], error) {
	label, statement, err := s.cfg.Reviews.BeginFreeze(ctx, actor(ctx), in.ID)
	return s.sign(ctx, label, statement, err)
}

func (s *Server) finishFreeze(ctx context.Context, in *finishByID) (*reply[Review], error) {
	proof, err := s.cfg.Passkeys.FinishStepUp(ctx, signedIn(ctx), in.Body.Token, in.Body.Credential)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Reviews.Freeze(ctx, actor(ctx), in.ID, proof)
	return s.reviewed(ctx, r, err)
}

// asked names a few of those who were asked, in the order in which they were.
func (s *Server) asked(ctx context.Context, in *ByID) (*reply[AskedList], error) {
	who := actor(ctx)
	r, err := s.cfg.Requests.Request(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	accounts, err := s.cfg.Reviews.Asked(ctx, who, in.ID, askedMax)
	if err != nil {
		return nil, err
	}
	return answer(AskedList{
		Asked: each(accounts, s.encodeAsked(r)),
		Count: len(r.Asked), Group: groupName(r), Reachable: len(r.Asked) > askedMax || s.reachable(ctx, accounts),
	}), nil
}

// reachable says whether anybody of these can be told. What can't be found out
// is not claimed to be missing.
func (s *Server) reachable(ctx context.Context, accounts []ad.Account) bool {
	for _, a := range accounts {
		devices, err := s.cfg.Devices.Devices(ctx, a.GUID.String())
		if err != nil || len(devices) > 0 {
			return true
		}
		if hint, err := s.cfg.Devices.MailHint(ctx, a.GUID.String()); err != nil || hint != "" {
			return true
		}
	}
	return len(accounts) == 0
}

func (s *Server) remind(ctx context.Context, in *emptyByID) (*reply[Request], error) {
	r, err := s.cfg.Reviews.Remind(ctx, actor(ctx), in.ID)
	return s.one(ctx, r, err)
}
