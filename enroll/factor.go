package enroll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// Factor is one proof that a person holds beside passkeys: an authenticator app, or
// one recovery code.
type Factor struct {
	ID      string // random, hex
	Account ad.GUID
	Kind    ProofKind
	// Secret is what it is checked by: SHA-256 of a recovery code, or the seed of an
	// authenticator app. The store seals it, bound to its row.
	Secret []byte
	// Step is the last time step whose code was taken (RFC 6238 §5.2): none at or
	// before it is taken again.
	Step    int64
	Created time.Time
	Used    time.Time // zero for never; a recovery code that was used is no good any more
	// Fails counts tries since it was last right, Failed is when the last one was: of
	// what could be guessed, each wrong one makes the next wait longer.
	Fails  int
	Failed time.Time
	// OwnFails and OwnFailed are likewise of whoever is signed in: strangers, whose tries
	// the others are, make nobody wait there.
	OwnFails  int
	OwnFailed time.Time
}

// What a proof beside passkeys answers.
var (
	ErrNoFactor = errors.New("proof.not-held")
	// ErrWrongCode: it is not the code, or was used before.
	ErrWrongCode = errors.New("proof.wrong")
	// ErrClock: it would be the code, were the clock of the phone right. See ClockError.
	ErrClock = errors.New("proof.clock")
	// ErrFactorLocked: it was wrong so often that it rests for a while.
	ErrFactorLocked = errors.New("proof.locked")
	// ErrRecovered: a sign-in without a passkey can't do this.
	ErrRecovered = errors.New("session.recovered")
)

// FactorStore holds factors.
type FactorStore interface {
	// Factors lists an account's, oldest first, used ones among them.
	Factors(ctx context.Context, account ad.GUID) ([]Factor, error)
	// ReplaceFactors takes away all of the account's of a kind and puts these in their
	// place; none takes them away. ErrNoFactor where that changes nothing.
	ReplaceFactors(ctx context.Context, account ad.GUID, kind ProofKind, with []Factor, events ...audit.Event) error
	// UpdateFactor changes Step, Used and the tries through fn, in one transaction
	// in which nobody else changes it. fn does no I/O and may run again; an error from
	// it changes nothing and comes back. ErrNoFactor where there is none.
	UpdateFactor(ctx context.Context, id string, fn func(*Factor) error) error
	// Answered is Recovered for a session that there is: the uses alone.
	Answered(ctx context.Context, spent Ceremony, uses []FactorUse, events ...audit.Event) error
	// Recovered commits a sign-in without a passkey whole: the ceremony is put in as
	// taken (ErrNoCeremony where it was before), each factor goes through its fn as the
	// transaction sees it, the proofs and the session are put in, and the events
	// written. An error from a fn changes nothing and comes back; a factor that was
	// taken away meanwhile is ErrNoFactor.
	Recovered(ctx context.Context, spent Ceremony, uses []FactorUse, session Session, events ...audit.Event) error
}

// FactorUse is one factor that proves. Fn does no I/O and may run again. What no factor
// is kept of, such as a code to an address of the directory, has no ID and no Fn.
type FactorUse struct {
	ID    string
	Fn    func(*Factor) error
	Proof Proof
}

// Strength ranks proofs for docs/security.md, rule 3: a credential changes by a proof
// no weaker than the strongest that the person holds, or by approval.
//
// A recovery code ranks with the passkey that made it: it has 80 random bits, works
// once, and was typed nowhere before. It can be phished, as a passkey can't; so every
// channel of the person is told of its use.
//
// A hardware key ranks with other passkeys: it is one, of which more is known. If it
// ranked above, whoever holds both could use the other one no more, where the policy
// takes any passkey.
func Strength(kind ProofKind) int {
	switch kind {
	case ProofPasskey, ProofHardwareKey, ProofRecoveryCode:
		return 4
	case ProofTOTP:
		return 3
	case ProofMailCode, ProofSMSCode, ProofPIN, ProofPassword:
		return 2
	case ProofQuestions, ProofVouching: // a word counts only with the approval that it is
		return 1
	}
	return 0
}

// Carrier is the thing that a proof lies on or the channel that it travels: two
// proofs with one carrier are lost together. "" is of what proves nothing alone. Whether
// the mailbox is one that the password opens, the configuration's check looks at.
func Carrier(kind ProofKind) string {
	switch kind {
	case ProofPasskey, ProofTOTP, ProofSMSCode:
		return "phone"
	case ProofHardwareKey:
		return "key"
	case ProofRecoveryCode:
		return "paper"
	case ProofPassword, ProofPIN, ProofQuestions:
		return "memory"
	case ProofMailCode:
		return "mailbox"
	case ProofVouching:
		return "colleague"
	case ProofDirectory:
		return ""
	}
	return string(kind)
}

// Guessable says whether somebody could guess it who tries often enough: all but
// passkeys and the 80 bits of a recovery code.
func Guessable(kind ProofKind) bool { return !kind.IsPasskey() && kind != ProofRecoveryCode }

// Held says what proofs an account holds that count as things stand: see stale.
func (s *Service) Held(ctx context.Context, account ad.GUID) ([]ProofKind, error) {
	held, _, err := s.held(ctx, account, func() (ad.Account, error) { return s.whoever(ctx, account) })
	return held, err
}

// HeldBy is Held of an account that was read, and ranks what the strongest of it is measured
// by: an address that the account itself opens by now proves nothing, and ranks as before.
// Else whoever writes addresses in the directory would lower what somebody is asked for.
func (s *Service) HeldBy(ctx context.Context, a ad.Account) (held, ranks []ProofKind, err error) {
	return s.held(ctx, a.GUID, func() (ad.Account, error) { return a, nil })
}

// whoever is the account; nobody where it is gone, whose mailbox nothing opens.
func (s *Service) whoever(ctx context.Context, account ad.GUID) (ad.Account, error) {
	a, err := s.account(ctx, account)
	if errors.Is(err, ErrGone) {
		return ad.Account{}, nil
	}
	return a, err
}

func (s *Service) held(ctx context.Context, account ad.GUID, person func() (ad.Account, error)) (held, ranks []ProofKind, err error) {
	passkeys, err := s.store.Credentials(ctx, account)
	if err != nil {
		return nil, nil, fmt.Errorf("list passkeys: %w", err)
	}
	factors, err := s.store.Factors(ctx, account)
	if err != nil {
		return nil, nil, fmt.Errorf("list proofs: %w", err)
	}
	if len(passkeys) > 0 {
		held = append(held, ProofPasskey)
	}
	if slices.ContainsFunc(passkeys, s.IsHardware) {
		held = append(held, ProofHardwareKey)
	}
	ranks = slices.Clone(held)
	for _, f := range factors {
		if !f.good() || !s.settled(f) || slices.Contains(held, f.Kind) {
			continue
		}
		if !slices.Contains(ranks, f.Kind) {
			ranks = append(ranks, f.Kind)
		}
		stale, err := s.stale(f, person)
		if err != nil {
			return nil, nil, err
		}
		if !stale {
			held = append(held, f.Kind)
		}
	}
	return held, ranks, nil
}

// stale says whether what the person set up counts no more as things stand: answers to a
// list that has other questions since, an address that nobody may verify any more, or
// one that the account itself opens by now. person is asked only for a mail address.
func (s *Service) stale(f Factor, person func() (ad.Account, error)) (bool, error) {
	if !s.settled(f) {
		return true, nil
	}
	if f.Kind != ProofMailCode {
		return false, nil
	}
	a, err := person()
	return err == nil && opensMailbox(a, string(f.Secret)), err
}

// settled says whether it counts by the settings alone, whatever the directory has.
func (s *Service) settled(f Factor) bool {
	switch f.Kind {
	case ProofQuestions:
		return answersEach(f, s.settings().Proofs.Questions)
	case ProofMailCode, ProofSMSCode:
		return s.addressSource(f.Kind).Verified
	}
	return true
}

// inForce are those of the factors that count by the settings. On the way in the others
// are looked at as what nobody holds, and the directory is not asked.
func (s *Service) inForce(factors []Factor) []Factor {
	return slices.DeleteFunc(factors, func(f Factor) bool { return !s.settled(f) })
}

// Stale are the proofs that the person set up and that count no more as things stand,
// by kind: of an address where it is, else "".
func (s *Service) Stale(ctx context.Context, of Session) (map[ProofKind]string, error) {
	factors, err := s.store.Factors(ctx, of.Account)
	if err != nil {
		return nil, fmt.Errorf("list proofs: %w", err)
	}
	out := map[ProofKind]string{}
	for _, f := range factors {
		stale, err := s.stale(f, func() (ad.Account, error) { return s.whoever(ctx, of.Account) })
		if err != nil {
			return nil, err
		}
		if !stale {
			continue
		}
		out[f.Kind] = ""
		if sendable(f.Kind) {
			out[f.Kind] = string(f.Secret)
		}
	}
	return out, nil
}

// AtHand are those of the kinds that the person could give now: what they hold, what a
// code could go to, and what people know by heart. The directory is read only where it
// is what knows.
func (s *Service) AtHand(ctx context.Context, of Session, kinds []ProofKind) ([]ProofKind, error) {
	held, err := s.Held(ctx, of.Account)
	if err != nil {
		return nil, err
	}
	var person ad.Account
	var factors []Factor
	if slices.ContainsFunc(kinds, func(k ProofKind) bool { return sendable(k) || k == ProofDirectory }) {
		if person, err = s.account(ctx, of.Account); err != nil {
			return nil, err
		}
		if factors, err = s.store.Factors(ctx, of.Account); err != nil {
			return nil, fmt.Errorf("list proofs: %w", err)
		}
	}
	out := []ProofKind{}
	for _, kind := range kinds {
		has := slices.Contains(held, kind)
		switch kind {
		case ProofMailCode, ProofSMSCode:
			to, _ := s.addressOf(person, factors, kind)
			has = to != ""
		case ProofDirectory:
			name := strings.ToLower(s.settings().Proofs.Directory)
			has = name != "" && slices.ContainsFunc(person.Attributes[name], func(v string) bool { return normalised(v) != "" })
		case ProofPassword:
			has = true
		}
		if has {
			out = append(out, kind)
		}
	}
	return out, nil
}

// good says whether it still proves anything.
func (f Factor) good() bool { return f.Kind != ProofRecoveryCode || f.Used.IsZero() }

// Factors are what the person holds beside passkeys, without the secrets.
func (s *Service) Factors(ctx context.Context, of Session) ([]Factor, error) {
	all, err := s.store.Factors(ctx, of.Account)
	if err != nil {
		return nil, fmt.Errorf("list proofs: %w", err)
	}
	for i := range all {
		all[i].Secret = nil
	}
	return all, nil
}

// RemoveFactor takes away the person's factors of a kind. It consumes a proof of
// FinishStepUp with LabelRemoveProof over ProofStatement. Errors: ErrNoFactor, ErrFrozen,
// those of a proof.
func (s *Service) RemoveFactor(ctx context.Context, of Session, proof Proof, kind ProofKind) error {
	if err := s.unfrozen(ctx, of.Account); err != nil {
		return err
	}
	if err := s.spend(ctx, of, proof.ID, LabelRemoveProof, ProofStatement(of.Account, kind), "proof.remove"); err != nil {
		return err
	}
	e := s.factorEvent(audit.ProofRemoved, of.Account, kind)
	e.Detail["proof"] = proof.ID
	if err := s.store.ReplaceFactors(ctx, of.Account, kind, nil, withClient(e, Client{Device: of.Device, Address: of.Address})); err != nil {
		return fmt.Errorf("remove proof: %w", err)
	}
	return nil
}

// spendToHold spends the step-up that a new factor takes: the strongest proof that
// anybody holds is the passkey, and nobody sets one up without.
func (s *Service) spendToHold(ctx context.Context, of Session, proof Proof, label string, kind ProofKind) error {
	if _, err := s.enrollable(ctx, of.Account); err != nil {
		return err
	}
	return s.spend(ctx, of, proof.ID, label, ProofStatement(of.Account, kind), "proof."+string(kind))
}

func (s *Service) factorEvent(action audit.Action, account ad.GUID, kind ProofKind) audit.Event {
	e := s.event(action, account)
	e.Detail["proof_kind"] = string(kind)
	return e
}
