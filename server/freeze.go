package server

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// freezeSelf ends the session that asks, with all others of the account.
func (s *Server) freezeSelf(ctx context.Context, _ *empty) (*nothing, error) {
	if err := s.cfg.Freezes.FreezeSelf(ctx, actor(ctx)); err != nil {
		return nil, err
	}
	callOf(ctx).dropCookie()
	return &nothing{}, nil
}

// OwnFreeze says how a person's own account stands here.
type OwnFreeze struct {
	Frozen bool   `json:"frozen"`
	At     string `json:"at" doc:"since when; empty where it is not"`
	Own    bool   `json:"own" doc:"by “this wasn't me”, not by an approver"`
	Asked  string `json:"asked" doc:"when I proved that it is me; empty for never"`
}

type freezeByNotice struct {
	Body struct {
		Token secret.Text `json:"token" maxLength:"256" doc:"from behind the # of the link"`
	}
}

// freezeByNotice says nothing about the account, before or after: not whose it is,
// and not whether it was frozen already. A cookie of the browser's is nobody's proof
// here and stays as it is: it may be somebody else's.
func (s *Server) freezeByNotice(ctx context.Context, in *freezeByNotice) (*nothing, error) {
	from := callOf(ctx).client(false)
	err := s.cfg.Freezes.FreezeByNotice(ctx, in.Body.Token, workflow.From{Device: from.Device, Address: from.Address})
	if err != nil {
		return nil, err
	}
	return &nothing{}, nil
}

// getFreeze reads the freeze of the person's own account.
func (s *Server) getFreeze(ctx context.Context, _ *struct{}) (*reply[OwnFreeze], error) {
	f, err := s.cfg.Freezes.OwnFreeze(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	if f == nil {
		return answer(OwnFreeze{}), nil
	}
	return answer(OwnFreeze{Frozen: true, At: stamp(f.At), Own: f.By == f.Account && f.Request == "", Asked: stamp(f.Asked)}), nil
}

func (s *Server) beginThaw(ctx context.Context, _ *empty) (*reply[Ceremony], error) {
	label, statement, err := s.cfg.Freezes.BeginThaw(ctx, actor(ctx))
	return s.sign(ctx, label, statement, err)
}

func (s *Server) finishThaw(ctx context.Context, in *finish) (*reply[OwnFreeze], error) {
	proof, err := s.cfg.Passkeys.FinishStepUp(ctx, signedIn(ctx), in.Body.Token, in.Body.Credential)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Freezes.AskThaw(ctx, actor(ctx), proof); err != nil {
		return nil, err
	}
	return s.getFreeze(ctx, nil)
}

// recoveredThaw asks by what the session was opened with: no passkey.
func (s *Server) recoveredThaw(ctx context.Context, _ *empty) (*reply[OwnFreeze], error) {
	if err := s.cfg.Freezes.AskThawRecovered(ctx, actor(ctx)); err != nil {
		return nil, err
	}
	return s.getFreeze(ctx, nil)
}

// ThawList are those whom I may let in again.
type ThawList struct {
	Thaws []Thaw `json:"thaws"`
}

// Thaw is somebody whose account is frozen, and who proved that it is them.
type Thaw struct {
	Account     string `json:"account"`
	DisplayName string `json:"displayName"`
	Department  string `json:"department"`
	Title       string `json:"title"`
	Frozen      string `json:"frozen" doc:"since when"`
	Asked       string `json:"asked" doc:"when they proved that it is them"`
	Own         bool   `json:"own" doc:"frozen by “this wasn't me”, not by an approver"`

	Proved []string `json:"proved" doc:"what with: a passkey, or what they came in by without one"`
	Unused bool     `json:"unused" doc:"they hold a passkey, and proved it without one"`
}

func (s *Server) thaws(ctx context.Context, _ *struct{}) (*reply[ThawList], error) {
	list, err := s.cfg.Freezes.Thaws(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	return answer(ThawList{Thaws: each(list, s.encodeThaw)}), nil
}

func (s *Server) encodeThaw(t workflow.Thaw) Thaw {
	a := encodeAccount(t.Person, s.now())
	return Thaw{
		Account: t.Account.String(), DisplayName: a.DisplayName, Department: a.Department, Title: t.Person.Title,
		Frozen: stamp(t.At), Asked: stamp(t.Asked), Own: t.By == t.Account && t.Request == "",
		Proved: proofWords(t.Proved), Unused: t.Unused,
	}
}

// ByAccount names an account in the path. (Exported as ByID is.)
type ByAccount struct {
	Account string `path:"account" maxLength:"64"`
}

// guid is workflow.ErrNotFrozen for what is no objectGUID.
func (b ByAccount) guid() (ad.GUID, error) {
	id, err := ad.ParseGUID(b.Account)
	if err != nil {
		return ad.GUID{}, workflow.ErrNotFrozen
	}
	return id, nil
}

type beginLift struct {
	ByAccount
	Body struct {
		Asked string `json:"asked,omitempty" maxLength:"64" doc:"as it was shown: refused where they asked anew since; empty for what an earlier page doesn't say"`
	}
}

func (s *Server) beginLift(ctx context.Context, in *beginLift) (*reply[Ceremony], error) {
	id, err := in.guid()
	if err != nil {
		return nil, err
	}
	var seen time.Time
	if in.Body.Asked != "" {
		if seen, err = time.Parse(time.RFC3339, in.Body.Asked); err != nil {
			return nil, workflow.ErrAskedAnew // it was never shown
		}
	}
	label, statement, err := s.cfg.Freezes.BeginLift(ctx, actor(ctx), id, seen)
	return s.sign(ctx, label, statement, err)
}

type finishLift struct {
	ByAccount
	Body ceremonyFinish
}

func (s *Server) finishLift(ctx context.Context, in *finishLift) (*reply[ThawList], error) {
	id, err := in.guid()
	if err != nil {
		return nil, err
	}
	proof, err := s.cfg.Passkeys.FinishStepUp(ctx, signedIn(ctx), in.Body.Token, in.Body.Credential)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Freezes.Lift(ctx, actor(ctx), id, proof); err != nil {
		return nil, err
	}
	return s.thaws(ctx, nil)
}
