package enroll

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
)

// person is an account as the library wants to see it.
type person struct {
	handle      []byte
	name        string
	displayName string
	own         []Credential
	credentials []webauthn.Credential // the same, as the library knows them
}

func (p person) WebAuthnID() []byte                         { return p.handle }
func (p person) WebAuthnName() string                       { return p.name }
func (p person) WebAuthnDisplayName() string                { return p.displayName }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

// person gathers handle and passkeys. Names come from the directory and stay on
// the person's authenticator only.
func (s *Service) person(ctx context.Context, a ad.Account) (person, error) {
	handle, err := s.Handle(ctx, a.GUID)
	if err != nil {
		return person{}, err
	}
	own, err := s.store.Credentials(ctx, a.GUID)
	if err != nil {
		return person{}, fmt.Errorf("list passkeys: %w", err)
	}
	p := person{handle: handle, own: own, name: firstOf(a.UserPrincipalName, a.SAMAccountName)}
	p.displayName = firstOf(a.DisplayName, p.name)
	for _, c := range own {
		p.credentials = append(p.credentials, c.Record)
	}
	return p, nil
}

// account reads the directory; ErrGone when it knows the person no more. Locked,
// expired and disabled people exist: they sign in to see their state.
func (s *Service) account(ctx context.Context, id ad.GUID) (ad.Account, error) {
	a, err := s.directory.Account(ctx, id)
	if errors.Is(err, ad.ErrNotFound) {
		return ad.Account{}, fmt.Errorf("read account: %w", ErrGone)
	}
	if err != nil {
		return ad.Account{}, fmt.Errorf("read account: %w", err)
	}
	return a, nil
}

// invitable reads an account that a link may be made for. Somebody who starts
// next month is still disabled; somebody with special rights needs a passkey to
// see the state of the account, although Latchkey never writes to it.
func (s *Service) invitable(ctx context.Context, id ad.GUID) (ad.Account, error) {
	a, err := s.account(ctx, id)
	if err != nil {
		return ad.Account{}, err
	}
	switch a.Protected {
	case ad.ProtectedKrbtgt, ad.ProtectedNotPerson, ad.ProtectedService, ad.ProtectedUnknown:
		return ad.Account{}, fmt.Errorf("invite: %w", ad.ErrProtected)
	}
	return a, nil
}

// enrollable reads an account that may register a passkey now. Disabled and
// expired ones belong to people who left, or are to come; one that is frozen may
// be in other hands, and a passkey that these add would outlive the freeze.
func (s *Service) enrollable(ctx context.Context, id ad.GUID) (ad.Account, error) {
	a, err := s.present(ctx, id)
	if err == nil {
		err = s.unfrozen(ctx, id)
	}
	if err != nil {
		return ad.Account{}, err
	}
	return a, nil
}

// present reads an account whose person may be here: enrollable but for a freeze.
func (s *Service) present(ctx context.Context, id ad.GUID) (ad.Account, error) {
	a, err := s.invitable(ctx, id)
	if err == nil {
		err = s.employed(a)
	}
	return a, err
}

func (s *Service) unfrozen(ctx context.Context, id ad.GUID) error {
	frozen, err := s.cfg.Frozen(ctx, id)
	if err != nil {
		return fmt.Errorf("look for a freeze: %w", err)
	}
	if frozen {
		return fmt.Errorf("change a way in: %w", ErrFrozen)
	}
	return nil
}

func (s *Service) employed(a ad.Account) error {
	switch {
	case a.Disabled:
		return fmt.Errorf("enrol: %w", ad.ErrDisabled)
	case !a.AccountExpires.IsZero() && !s.now().Before(a.AccountExpires):
		return fmt.Errorf("enrol: %w", ad.ErrAccountExpired)
	}
	return nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return "account"
}

// maxName is the length of a passkey's name in characters (code points).
const maxName = 64

// checkName trims a passkey's name, or says ErrName. Format characters are
// refused as well, since they turn text around on other people's screens; the
// two joiners stay, which emoji and some scripts need.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > maxName || !utf8.ValidString(name) {
		return "", ErrName
	}
	for _, r := range name {
		joiner := r == '\u200c' || r == '\u200d'
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && !joiner {
			return "", ErrName
		}
	}
	return name, nil
}

// tidy makes a hostile text short and free of control characters, for places
// that only show it.
func tidy(text string, limit int) string {
	if len(text) <= limit && plainASCII(text) { // most are, and each sign-in asks four times
		return strings.TrimSpace(text)
	}
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, text)
	if r := []rune(text); len(r) > limit {
		text = string(r[:limit])
	}
	return strings.TrimSpace(text)
}

func plainASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
