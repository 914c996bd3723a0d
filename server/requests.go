package server

import (
	"context"
	"net/http"
	"time"

	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

func (s *Server) listRequests(ctx context.Context, _ *struct{}) (*reply[requestList], error) {
	mine, err := s.cfg.Requests.Mine(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	return answer(requestList{Requests: each(mine, s.encodeMine(ctx))}), nil
}

type submit struct {
	Body struct {
		Kind   string `json:"kind" enum:"unlock,reset,change,one-time,enrol"`
		Reason string `json:"reason,omitempty" maxLength:"2000"`
	}
}

// submitted is 201 for a new request, 200 for an open one that came back.
type submitted struct {
	Status int
	Body   Request
}

func (s *Server) submit(ctx context.Context, in *submit) (*submitted, error) {
	start := s.now().Truncate(time.Millisecond)
	who := actor(ctx)
	r, err := s.cfg.Requests.Submit(ctx, who, workflow.Kind(in.Body.Kind), in.Body.Reason)
	if err != nil {
		return nil, s.about(r, err)
	}
	out := &submitted{Status: http.StatusCreated, Body: s.encodeMine(ctx)(r)}
	if r.Created.Before(start) {
		out.Status = http.StatusOK
	}
	return out, nil
}

// one encodes what a step of a request returned.
func (s *Server) one(ctx context.Context, r workflow.Request, err error) (*reply[Request], error) {
	if err != nil {
		return nil, s.about(r, err)
	}
	return answer(s.encodeMine(ctx)(r)), nil
}

// about joins an error with the request that workflow returned beside it.
func (s *Server) about(r workflow.Request, err error) error {
	if r.ID == "" {
		return err
	}
	return ofRequest{err: err, id: r.ID, left: s.triesLeft(r)}
}

func (s *Server) getRequest(ctx context.Context, in *ByID) (*reply[Request], error) {
	r, err := s.cfg.Requests.Request(ctx, actor(ctx), in.ID)
	return s.one(ctx, r, err)
}

func (s *Server) beginProof(ctx context.Context, in *emptyByID) (*reply[Ceremony], error) {
	label, statement, err := s.cfg.Requests.Statement(ctx, actor(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	token, options, err := s.cfg.Passkeys.BeginStepUp(ctx, signedIn(ctx), label, statement)
	if err != nil {
		return nil, err
	}
	return assertion(token, options), nil
}

type finishByID struct {
	ByID
	Body ceremonyFinish
}

func (s *Server) finishProof(ctx context.Context, in *finishByID) (*reply[Request], error) {
	proof, err := s.cfg.Passkeys.FinishStepUp(ctx, signedIn(ctx), in.Body.Token, in.Body.Credential)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Requests.Prove(ctx, actor(ctx), in.ID, proof)
	return s.one(ctx, r, err)
}

type check struct {
	ByID
	Body struct {
		Password secret.Text `json:"password" maxLength:"1024" format:"password" writeOnly:"true"`
	}
}

func (s *Server) checkPassword(ctx context.Context, in *check) (*reply[PasswordCheck], error) {
	found, err := s.cfg.Requests.CheckPassword(ctx, actor(ctx), in.ID, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return answer(encodeCheck(found)), nil
}

type execute struct {
	ByID
	Body struct {
		Password secret.Text `json:"password,omitempty" maxLength:"1024" format:"password" writeOnly:"true"`
		Old      secret.Text `json:"old,omitempty" maxLength:"1024" format:"password" writeOnly:"true"`
	}
}

// execute counts each try of the old password, in a bucket that nobody but its
// owner reaches.
func (s *Server) execute(ctx context.Context, in *execute) (*reply[Executed], error) {
	who := actor(ctx)
	if !in.Body.Old.Empty() {
		if err := s.take(ctx, rateOldTry, who.Account.String()); err != nil {
			return nil, err
		}
	}
	r, generated, err := s.cfg.Requests.Execute(ctx, who, in.ID, in.Body.Password, in.Body.Old)
	if err != nil {
		return nil, s.about(r, err)
	}
	return answer(Executed{Request: s.encodeMine(ctx)(r), Generated: generated.Reveal()}), nil
}

func (s *Server) seen(ctx context.Context, in *emptyByID) (*reply[Request], error) {
	r, err := s.cfg.Requests.Seen(ctx, actor(ctx), in.ID)
	return s.one(ctx, r, err)
}

func (s *Server) cancel(ctx context.Context, in *emptyByID) (*reply[Request], error) {
	r, err := s.cfg.Requests.Cancel(ctx, actor(ctx), in.ID)
	return s.one(ctx, r, err)
}
