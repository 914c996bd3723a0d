package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// RecoveryCodes is how many a person gets.
const RecoveryCodes = 10

const (
	codeBytes = 10 // 80 bits, 16 characters
	codeGroup = 4
	labelCode = "latchkey/recovery-code/v1\x00"
)

// codeText is Crockford's alphabet: no I, L, O and U, so that what was written by
// hand is read back in one way (https://www.crockford.com/base32.html).
var codeText = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// MakeRecoveryCodes makes ten codes and voids those before. They are kept as hashes
// only: this is the one time that they can be seen. It consumes a proof of
// FinishStepUp with LabelRecoveryCodes over ProofStatement.
func (s *Service) MakeRecoveryCodes(ctx context.Context, of Session, proof Proof) ([]secret.Text, error) {
	if err := s.spendToHold(ctx, of, proof, LabelRecoveryCodes, ProofRecoveryCode); err != nil {
		return nil, err
	}
	codes := make([]secret.Text, 0, RecoveryCodes)
	factors := make([]Factor, 0, RecoveryCodes)
	for range RecoveryCodes {
		random, err := s.random(codeBytes)
		if err != nil {
			return nil, err
		}
		id, err := s.random(16)
		if err != nil {
			return nil, err
		}
		text := codeText.EncodeToString(random)
		codes = append(codes, secret.New(grouped(text, codeGroup, "-")))
		factors = append(factors, Factor{
			ID: hex.EncodeToString(id), Account: of.Account, Kind: ProofRecoveryCode,
			Secret: codeHash(of.Account, text), Step: -1, Created: s.now(),
		})
	}
	e := s.factorEvent(audit.ProofMade, of.Account, ProofRecoveryCode)
	e.Detail["proof"] = proof.ID
	e = withClient(e, Client{Device: of.Device, Address: of.Address})
	if err := s.store.ReplaceFactors(ctx, of.Account, ProofRecoveryCode, factors, e); err != nil {
		return nil, fmt.Errorf("keep recovery codes: %w", err)
	}
	return codes, nil
}

// codeHash covers the account: a code is good for nobody else.
func codeHash(account ad.GUID, text string) []byte {
	h := sha256.New()
	h.Write([]byte(labelCode))
	h.Write(account[:])
	h.Write([]byte(text))
	return h.Sum(nil)
}

// readCode undoes what people do when they write a code down: spaces, dashes, small
// letters, and the letters that the alphabet leaves out because they look like others.
func readCode(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '–' || r == ' ' || r == '\u00a0':
			return -1
		case r == 'o' || r == 'O':
			return '0'
		case r == 'i' || r == 'I' || r == 'l' || r == 'L':
			return '1'
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, typed)
}

// useCode finds which of the factors the code is, and how it is used up. Every
// factor is compared, whichever it is.
func (s *Service) useCode(account ad.GUID, factors []Factor, typed string) (Factor, func(*Factor) error, bool) {
	want := codeHash(account, readCode(typed))
	now := s.now()
	var found Factor
	hit := false
	for _, f := range factors {
		if f.Kind == ProofRecoveryCode && f.Used.IsZero() && subtle.ConstantTimeCompare(f.Secret, want) == 1 {
			found, hit = f, true
		}
	}
	return found, func(f *Factor) error {
		if f.Kind != ProofRecoveryCode || !f.Used.IsZero() {
			return ErrWrongCode
		}
		f.Used = now
		return nil
	}, hit
}

// grouped puts a sign between every n characters of ASCII text.
func grouped(text string, n int, between string) string {
	var b strings.Builder
	for i := 0; i < len(text); i += n {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(text[i:min(i+n, len(text))])
	}
	return b.String()
}
