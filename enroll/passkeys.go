package enroll

import (
	"context"
	"fmt"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// HandleLen is the length of a user handle in bytes (WebAuthn 5.4.3: 64 at most,
// random throughout, so that it tells nothing about anybody).
const HandleLen = 64

// Handle is the account's user handle, made at first need.
func (s *Service) Handle(ctx context.Context, account ad.GUID) ([]byte, error) {
	candidate, err := s.random(HandleLen)
	if err != nil {
		return nil, err
	}
	handle, err := s.store.Handle(ctx, account, candidate)
	if err != nil {
		return nil, fmt.Errorf("find user handle: %w", err)
	}
	return handle, nil
}

// Credentials lists the person's passkeys, oldest first.
func (s *Service) Credentials(ctx context.Context, of Session) ([]Credential, error) {
	own, err := s.store.Credentials(ctx, of.Account)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return own, nil
}

// Rename gives one of the person's passkeys another name. Errors: ErrName,
// ErrNoCredential (also for somebody else's).
func (s *Service) Rename(ctx context.Context, of Session, id []byte, name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	rename := func(c *Credential) ([]audit.Event, error) {
		if c.Account != of.Account {
			return nil, ErrNoCredential
		}
		if c.Name == name {
			return nil, nil
		}
		c.Name = name
		e := s.passkeyEvent(audit.PasskeyRenamed, of.Account, id)
		e.Personal["name"] = name
		return []audit.Event{e}, nil
	}
	if err := s.store.UpdateCredential(ctx, id, rename); err != nil {
		return fmt.Errorf("rename passkey: %w", err)
	}
	return nil
}

// Remove deletes one of the person's passkeys, ends every session that it signed
// in but this one, and withdraws the links of InviteSelf. It consumes a proof of FinishStepUp with
// LabelRemovePasskey over RemovePasskeyStatement. The only passkey goes only
// with last true, else ErrLastPasskey, before the proof is spent. Errors beside:
// ErrNoCredential, ErrNoProof, ErrWrongProof, ErrOldProof, ErrFrozen.
func (s *Service) Remove(ctx context.Context, of Session, id []byte, proof Proof, last bool) error {
	if err := s.unfrozen(ctx, of.Account); err != nil {
		return err
	}
	own, err := s.store.Credentials(ctx, of.Account)
	if err != nil {
		return fmt.Errorf("list passkeys: %w", err)
	}
	i := indexOf(own, id)
	if i < 0 {
		return fmt.Errorf("remove passkey: %w", ErrNoCredential)
	}
	if len(own) == 1 && !last {
		return fmt.Errorf("remove passkey: %w", ErrLastPasskey)
	}
	if err := s.spend(ctx, of, proof.ID, LabelRemovePasskey, RemovePasskeyStatement(id), "passkey.remove"); err != nil {
		return err
	}
	e := s.passkeyEvent(audit.PasskeyRemoved, of.Account, id)
	e.Detail["proof"], e.Detail["last"] = proof.ID, len(own) == 1
	e.Personal["name"] = own[i].Name
	if err := s.store.RemoveCredential(ctx, of.Account, id, of.ID, last, s.withdrawal(of.Account.String()), e); err != nil {
		return fmt.Errorf("remove passkey: %w", err)
	}
	return nil
}

func indexOf(all []Credential, id []byte) int {
	for i, c := range all {
		if string(c.ID) == string(id) {
			return i
		}
	}
	return -1
}
