package enroll

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

const (
	totpPeriod = 30 // seconds of a time step
	totpSkew   = 1  // steps that a clock may be off, each way
	totpSeed   = 20 // bytes: RFC 4226 §4 R6 recommends 160 bits
	// totpFar is how many steps a clock may be off to be told so. None of them is taken.
	totpFar = 20
	// totpSetUp is how long somebody may take to open the app.
	totpSetUp = 10 * time.Minute
)

var seedText = base32.StdEncoding.WithPadding(base32.NoPadding)

// TOTPSetup is an authenticator app that is being set up.
type TOTPSetup struct {
	Token  secret.Text
	Secret secret.Text // base32, in groups of four
	URI    secret.Text // otpauth://, for the QR code
}

// BeginTOTP makes a seed for the person's authenticator app. Nothing counts before a
// code of it was typed. It consumes a proof of FinishStepUp with LabelTOTP over
// ProofStatement.
func (s *Service) BeginTOTP(ctx context.Context, of Session, proof Proof) (TOTPSetup, error) {
	if err := s.spendToHold(ctx, of, proof, LabelTOTP, ProofTOTP); err != nil {
		return TOTPSetup{}, err
	}
	a, err := s.account(ctx, of.Account)
	if err != nil {
		return TOTPSetup{}, err
	}
	seed, err := s.random(totpSeed)
	if err != nil {
		return TOTPSetup{}, err
	}
	token, id, err := s.token()
	if err != nil {
		return TOTPSetup{}, err
	}
	now := s.now()
	c := Ceremony{
		ID: id, Purpose: PurposeTOTP, Account: of.Account, Session: of.ID,
		Data: s.cfg.Sealer.Seal(placeTOTP+id, seed), Created: now, Expires: now.Add(totpSetUp),
	}
	if err := s.store.SaveCeremony(ctx, c, s.cfg.MaxCeremonies); err != nil {
		return TOTPSetup{}, fmt.Errorf("save set-up: %w", err)
	}
	text := seedText.EncodeToString(seed)
	return TOTPSetup{
		Token: token, Secret: secret.New(grouped(text, 4, " ")),
		URI: secret.New(totpURI(s.settings().RPName, firstOf(a.UserPrincipalName, a.SAMAccountName), text)),
	}, nil
}

const placeTOTP = "ceremony/totp/v1\x00"

// FinishTOTP takes the app over, in place of the one before, once it showed a right
// code. A wrong one is ErrWrongCode and may be tried again while the set-up lives; one
// of a clock that is minutes off is a ClockError: there is nothing to guess for whoever
// was shown the seed.
func (s *Service) FinishTOTP(ctx context.Context, of Session, token secret.Text, code string) error {
	c, err := s.store.Ceremony(ctx, tokenID(token), PurposeTOTP, s.now())
	if err == nil && (c.Session != of.ID || c.Account != of.Account) {
		err = ErrNoCeremony
	}
	if err != nil {
		return fmt.Errorf("find set-up: %w", err)
	}
	seed, err := s.cfg.Sealer.Open(placeTOTP+c.ID, c.Data)
	if err != nil {
		return fmt.Errorf("open set-up: %w", ErrNoCeremony)
	}
	step, ok := totpStep(seed, code, s.now(), -1)
	if !ok {
		_, err := wrongTOTP(seed, code, s.now(), -1)
		return fmt.Errorf("set up authenticator app: %w", err)
	}
	if _, err := s.enrollable(ctx, of.Account); err != nil {
		return err
	}
	if _, err := s.store.TakeCeremony(ctx, c.ID, PurposeTOTP, s.now()); err != nil {
		return fmt.Errorf("take set-up: %w", err)
	}
	id, err := s.random(16)
	if err != nil {
		return err
	}
	f := Factor{
		ID: hex.EncodeToString(id), Account: of.Account, Kind: ProofTOTP,
		Secret: seed, Step: step, Created: s.now(),
	}
	e := withClient(s.factorEvent(audit.ProofMade, of.Account, ProofTOTP), Client{Device: of.Device, Address: of.Address})
	if err := s.store.ReplaceFactors(ctx, of.Account, ProofTOTP, []Factor{f}, e); err != nil {
		return fmt.Errorf("keep authenticator app: %w", err)
	}
	return nil
}

// totpURI is what authenticator apps read
// (https://github.com/google/google-authenticator/wiki/Key-Uri-Format).
func totpURI(issuer, account, seed string) string {
	issuer = strings.ReplaceAll(issuer, ":", " ")
	label := url.PathEscape(issuer) + ":" + url.PathEscape(account)
	// The form's "+" for a space is shown as it is by some apps.
	query := "secret=" + seed + "&issuer=" + url.PathEscape(issuer) + "&algorithm=SHA1&digits=6&period=30"
	return "otpauth://totp/" + label + "?" + query
}

// totpStep is the time step whose code it is: the present one, or one beside it, and
// later than after (RFC 6238 §5.2: a code is taken once).
func totpStep(seed []byte, typed string, now time.Time, after int64) (step int64, ok bool) {
	return totpWithin(seed, typed, now.Unix()/totpPeriod, totpSkew, after)
}

func totpWithin(seed []byte, typed string, current, steps, after int64) (step int64, ok bool) {
	typed = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' {
			return -1
		}
		return r
	}, typed)
	text := seedText.EncodeToString(seed)
	for at := current - steps; at <= current+steps; at++ {
		code, err := hotp.GenerateCode(text, uint64(at)) // RFC 4226 §5.3, HMAC-SHA-1, six digits
		same := err == nil && subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1
		if same && at > after {
			step, ok = at, true
		}
	}
	return step, ok
}

// ClockError is a code that is right on a phone whose clock is minutes off. It is a
// wrong code as well.
type ClockError struct {
	Ahead   bool
	Minutes int  // about so many
	Used    bool // with all codes up to it
}

func (e *ClockError) Error() string   { return ErrClock.Error() }
func (e *ClockError) Unwrap() []error { return []error{ErrClock, ErrWrongCode} }

// wrongTOTP says why a code is wrong: a ClockError with the step that it is of, or
// ErrWrongCode.
func wrongTOTP(seed []byte, typed string, now time.Time, after int64) (step int64, err error) {
	current := now.Unix() / totpPeriod
	step, ok := totpWithin(seed, typed, current, totpFar, after)
	if !ok {
		return 0, ErrWrongCode
	}
	off := max(step-current, current-step)
	return step, &ClockError{Ahead: step > current, Minutes: int((off*totpPeriod + 59) / 60)}
}

// tellClock is wrongTOTP for somebody signed in who answers with the app that they
// hold. It must be of no use to whoever has their session and guesses. A code of the
// past is taken no more, so that to know it is worth nothing. One of the future would be
// good later: it is used up here, with all before it, which a phone that is ahead has
// shown already. The try was counted by the edge like any other. Strangers are told
// nothing of it.
func (s *Service) tellClock(ctx context.Context, f Factor, typed string, now time.Time) error {
	step, err := wrongTOTP(f.Secret, typed, now, f.Step)
	var clock *ClockError
	if !errors.As(err, &clock) || !clock.Ahead {
		return err
	}
	used := s.store.UpdateFactor(ctx, f.ID, func(f *Factor) error {
		f.Step = max(f.Step, step)
		return nil
	})
	if used != nil {
		return fmt.Errorf("use code up: %w", used)
	}
	clock.Used = true
	return clock
}

// useTOTP checks a code against the person's app. It rests after wrong ones, as a PIN.
func (s *Service) useTOTP(ctx context.Context, t attempt, factors []Factor, typed string) (FactorUse, error) {
	f, held := one(factors, ProofTOTP)
	if !held {
		return FactorUse{}, ErrWrongCode
	}
	if err := s.begin(ctx, t, f); err != nil {
		return FactorUse{}, err
	}
	now := s.now()
	if _, ok := totpStep(f.Secret, typed, now, f.Step); !ok {
		if t.own {
			return FactorUse{}, s.tellClock(ctx, f, typed, now)
		}
		return FactorUse{}, ErrWrongCode
	}
	return FactorUse{ID: f.ID, Fn: func(f *Factor) error {
		step, ok := totpStep(f.Secret, typed, now, f.Step)
		if f.Kind != ProofTOTP || !ok {
			return ErrWrongCode
		}
		f.Step, f.Used, f.Fails = step, now, 0
		return nil
	}}, nil
}
