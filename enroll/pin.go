package enroll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey/latchkey/secret"
)

// Why digits are no PIN.
var (
	ErrPINShort   = errors.New("proof.pin-short")
	ErrPINLong    = errors.New("proof.pin-long")
	ErrPINTrivial = errors.New("proof.pin-trivial")
)

const (
	pinLeast = 6
	pinMost  = 16
)

// LeastPIN is how many digits a new PIN has at least.
func (p ProofSettings) LeastPIN() int { return max(pinLeast, p.PINDigits) }

// commonPINs are six digits that many take and no pattern below finds: ways over the
// keypad, pairs in a row, and numbers that people know by heart.
const commonPINs = " 789456 789123 123789 456123 123654 321654 654987 987321 987456 456852 654123 789654 456987 321987 123987 " +
	"159753 159357 357159 357951 753951 951753 951357 753159 159263 147258 258147 258369 369258 147369 369147 147852 741852 852741 852456 258456 258852 741963 963741 963852 852963 963258 147896 147963 789632 123698 " +
	"123321 456654 456789 654456 223344 334455 445566 556677 667788 778899 998877 665544 443322 332211 " +
	"123450 123455 123454 123457 123888 124578 134679 135790 135791 235689 246810 024680 142536 100000 000001 100001 199999 192837 314159 271828 131452 201314 666888 888666 "

// SetPIN keeps a PIN in place of the one before. The digits are judged before the
// proof, which is of LabelProof over ProofStatement, is used up. Errors: ErrPINShort,
// ErrPINLong, ErrPINTrivial, those of a proof.
func (s *Service) SetPIN(ctx context.Context, of Session, proof Proof, pin secret.Text) error {
	digits := bareDigits(pin.Reveal())
	if err := judgePIN(digits, s.settings().Proofs.LeastPIN()); err != nil {
		return fmt.Errorf("set PIN: %w", err)
	}
	if err := s.spendToHold(ctx, of, proof, LabelProof, ProofPIN); err != nil {
		return err
	}
	r, err := s.remember(digits)
	if err != nil {
		return err
	}
	text, err := encodeSecret(r)
	if err != nil {
		return err
	}
	return s.hold(ctx, of, ProofPIN, text)
}

// judgePIN refuses what somebody would try first (NIST SP 800-63B 5.1.1.2 asks for a
// list of what is common): one digit, one or two or three that repeat, a row, a date, one of
// the list.
func judgePIN(digits string, least int) error {
	if len(digits) < least || strings.Trim(digits, "0123456789") != "" {
		return ErrPINShort
	}
	if len(digits) > pinMost {
		return ErrPINLong
	}
	for period := 1; period <= len(digits)/2; period++ {
		if digits[period:] == digits[:len(digits)-period] {
			return ErrPINTrivial
		}
	}
	if inRow(digits, 1) || inRow(digits, 9) || isDate(digits) || strings.Contains(commonPINs, " "+digits+" ") {
		return ErrPINTrivial
	}
	return nil
}

// inRow: each digit is the one before, and step more: 123456, 890123, 654321.
func inRow(digits string, step int) bool {
	for i := 1; i < len(digits); i++ {
		if int(digits[i]-'0') != (int(digits[i-1]-'0')+step)%10 {
			return false
		}
	}
	return true
}

// isDate: six or eight digits that people write for a day.
func isDate(digits string) bool {
	for _, layout := range []string{"020106", "060102", "010206", "02012006", "20060102", "01022006"} {
		if len(layout) != len(digits) {
			continue
		}
		at, err := time.Parse(layout, digits)
		if err == nil && (len(digits) == 6 || at.Year() >= 1900 && at.Year() < 2100) {
			return true
		}
	}
	return false
}

// usePIN checks a PIN. For whoever holds none the work is the same.
func (s *Service) usePIN(ctx context.Context, t attempt, factors []Factor, typed string) (FactorUse, error) {
	digits := bareDigits(typed)
	f, held := one(factors, ProofPIN)
	var r remembered
	if held {
		if err := s.begin(ctx, t, f); err != nil {
			_ = remembered{}.same(digits)
			return FactorUse{}, err
		}
		if err := json.Unmarshal(f.Secret, &r); err != nil {
			return FactorUse{}, fmt.Errorf("read PIN: %w", err)
		}
	}
	if !r.same(digits) {
		return FactorUse{}, ErrWrongCode
	}
	return FactorUse{ID: f.ID, Fn: done(ProofPIN, s.now())}, nil
}

// bareDigits are digits without what people put between them.
func bareDigits(typed string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' || r == '-' {
			return -1
		}
		return r
	}, typed)
}
