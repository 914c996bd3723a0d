package enroll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
// keypad, and numbers that people know by heart.
const commonPINs = " 159263 147896 789632 123698 246810 314159 271828 142857 112358 235711 131452 201314 "

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
// list of what is common): a pattern, a date, one of the list.
func judgePIN(digits string, least int) error {
	if len(digits) < least || strings.Trim(digits, "0123456789") != "" {
		return ErrPINShort
	}
	if len(digits) > pinMost {
		return ErrPINLong
	}
	if isPattern(digits) || isDate(digits) || strings.Contains(commonPINs, " "+digits+" ") {
		return ErrPINTrivial
	}
	return nil
}

// isPattern: digits that whoever knows the pattern need not remember. They repeat, read
// alike from both ends, stand each beside its like, or are made of rows. Of six digits
// that are no date these are less than one in a hundred.
func isPattern(digits string) bool {
	return repeats(digits) || isMirrored(digits) || isDoubled(digits) || isRow(digits) || nearlyRow(digits) || inRows(digits)
}

// repeats: a part of at most half the length, again and again: 121212, 1231231.
func repeats(digits string) bool {
	for period := 1; period <= len(digits)/2; period++ {
		if digits[period:] == digits[:len(digits)-period] {
			return true
		}
	}
	return false
}

// isMirrored: 123321, 5840485.
func isMirrored(digits string) bool {
	for i := range len(digits) / 2 {
		if digits[i] != digits[len(digits)-1-i] {
			return false
		}
	}
	return true
}

// isDoubled: no digit stands alone: 222333, 11334488.
func isDoubled(digits string) bool {
	for i := range digits {
		before := i > 0 && digits[i-1] == digits[i]
		after := i+1 < len(digits) && digits[i+1] == digits[i]
		if !before && !after {
			return false
		}
	}
	return true
}

// isRow: each digit is as much more than the one before, round the ten: 246802, 369258.
func isRow(digits string) bool {
	return slices.ContainsFunc([]int{1, 2, 3, 4, 5, 6, 7, 8, 9}, func(step int) bool { return inRow(digits, step) })
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

// nearlyRow: all in a row but the first or the last: 123450, 100000, 135790.
func nearlyRow(digits string) bool {
	return isShortRow(digits[1:]) || isShortRow(digits[:len(digits)-1])
}

// isShortRow goes round the ten only step by step: of three digits in any steps, one in
// ten is a row. The columns and diagonals of a keypad are such rows: 147, 951.
func isShortRow(digits string) bool {
	return inRow(digits, 1) || inRow(digits, 9) || isStraight(digits)
}

func isStraight(digits string) bool {
	for i := 2; i < len(digits); i++ {
		if int(digits[i])-int(digits[i-1]) != int(digits[1])-int(digits[0]) {
			return false
		}
	}
	return true
}

// inRows: equal parts of three digits or more, each a row, one behind the other (147258,
// 159357, 12344321) or dealt out in turn (142536, 102030, 224466).
func inRows(digits string) bool {
	for size := 3; size <= len(digits)/2; size++ {
		if len(digits)%size == 0 && (allRows(digits, size) || allRows(dealt(digits, size), size)) {
			return true
		}
	}
	return false
}

func allRows(digits string, size int) bool {
	for ; digits != ""; digits = digits[size:] {
		if !isShortRow(digits[:size]) {
			return false
		}
	}
	return true
}

// dealt puts those that stand in turn behind each other, in parts of this size.
func dealt(digits string, size int) string {
	parts := len(digits) / size
	out := make([]byte, 0, len(digits))
	for i := range digits {
		out = append(out, digits[i%size*parts+i/size])
	}
	return string(out)
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
