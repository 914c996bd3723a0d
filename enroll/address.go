package enroll

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

func (s *Service) addressSource(kind ProofKind) AddressSource {
	if kind == ProofMailCode {
		return s.settings().Proofs.Mail
	}
	return s.settings().Proofs.SMS
}

// Where an address comes from.
const (
	FromDirectory = "directory"
	FromVerified  = "verified"
)

// addressOf is where the person's codes go: to what they verified here, or to what
// the directory has. "" for nowhere: so is a mailbox that the account itself opens, unless
// the owner named it as such, and knows that whoever has the password reads it. One that
// was verified and is the account's by now has nothing in its place: whoever writes the
// directory would turn codes to themselves by it.
func (s *Service) addressOf(a ad.Account, factors []Factor, kind ProofKind) (to, from string) {
	if f, ok := one(factors, kind); ok && s.settled(f) {
		if opensMailbox(a, string(f.Secret)) {
			return "", ""
		}
		return string(f.Secret), FromVerified
	}
	to = s.inDirectory(a, kind)
	if to == "" || !IsMailbox(s.addressSource(kind).Attribute) && opensMailbox(a, to) {
		return "", ""
	}
	return to, FromDirectory
}

// inDirectory is the address of a kind that the directory has; "" for none.
func (s *Service) inDirectory(a ad.Account, kind ProofKind) string {
	name := s.addressSource(kind).Attribute
	if name == "" {
		return ""
	}
	// Of several values none is the person's for sure.
	if values := a.Attributes[strings.ToLower(name)]; len(values) == 1 {
		if to, ok := address(kind, values[0]); ok {
			return to
		}
	}
	return ""
}

// SendsToDirectory says whether codes of a kind go to an address of the directory, where
// none was verified here.
func (s *Service) SendsToDirectory(kind ProofKind) bool { return s.addressSource(kind).Attribute != "" }

// DirectoryAddress is what the directory has for codes of a kind, also where none goes
// there since the account itself opens it: it is for notices. "" for none. A fault of the
// directory is an error.
func (s *Service) DirectoryAddress(ctx context.Context, account ad.GUID, kind ProofKind) (string, error) {
	a, err := s.account(ctx, account)
	if errors.Is(err, ErrGone) {
		return "", nil
	}
	return s.inDirectory(a, kind), err
}

// SendsToVerified says whether codes of a kind go to what the account verified, or would:
// false where it counts no more.
func (s *Service) SendsToVerified(ctx context.Context, account ad.GUID, kind ProofKind) (bool, error) {
	factors, err := s.store.Factors(ctx, account)
	if err != nil {
		return false, fmt.Errorf("list proofs: %w", err)
	}
	f, ok := one(factors, kind)
	if !ok {
		return false, nil
	}
	stale, err := s.stale(f, func() (ad.Account, error) { return s.whoever(ctx, account) })
	return err == nil && !stale, err
}

var number = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`) // ITU-T E.164

// address tidies an address, or says that it is none.
func address(kind ProofKind, text string) (string, bool) {
	if kind == ProofSMSCode {
		digits := strings.NewReplacer(" ", "", "-", "", "/", "", "(0)", "", "(", "", ")", "", "\u00a0", "", ".", "").Replace(text)
		if after, ok := strings.CutPrefix(digits, "00"); ok {
			digits = "+" + after
		}
		return digits, number.MatchString(digits)
	}
	text = strings.TrimSpace(text)
	parsed, err := mail.ParseAddress(text)
	return text, err == nil && parsed.Address == text && len(text) <= 254
}

// MailboxAttributes are those that have further addresses of an account's own mailbox,
// beside mail and userPrincipalName, which are read of everybody.
var MailboxAttributes = []string{"proxyAddresses", "targetAddress"}

// IsMailbox says whether an attribute is by its name the mailbox that the account itself
// opens. The directory's names have no case.
func IsMailbox(attribute string) bool {
	own := append([]string{"mail", "userPrincipalName"}, MailboxAttributes...)
	return slices.ContainsFunc(own, func(name string) bool { return strings.EqualFold(name, attribute) })
}

// opensMailbox says whether the directory has the address as one of the account's own: a
// code there helps nobody who is locked out, and whoever has the password reads it. Letters'
// case and what stands behind a + make no other mailbox. An address that the directory does
// not have, or that was not read, is none of them.
func opensMailbox(a ad.Account, to string) bool {
	own := []string{a.Mail, a.UserPrincipalName}
	for _, name := range MailboxAttributes {
		own = append(own, a.Attributes[strings.ToLower(name)]...)
	}
	return slices.ContainsFunc(own, func(one string) bool { return mailbox(one) == mailbox(to) })
}

// mailbox is an address without what makes no difference: "SMTP:Dana+x@Corp.test" is
// dana@corp.test.
func mailbox(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	address = strings.TrimPrefix(address, "smtp:")
	local, domain, _ := strings.Cut(address, "@")
	if base, _, tagged := strings.Cut(local, "+"); tagged && base != "" {
		local = base
	}
	return local + "@" + domain
}

// Masked shows enough of an address to know one's own by it.
func Masked(kind ProofKind, to string) string {
	if kind == ProofSMSCode {
		if len(to) < 6 {
			return ""
		}
		return to[:3] + " ••• •••" + to[len(to)-2:]
	}
	local, domain, ok := strings.Cut(to, "@")
	if !ok || local == "" {
		return ""
	}
	return string([]rune(local)[:1]) + "•••@" + domain
}

// BeginAddress sends a code to an address that the person wants to verify. It
// consumes a proof of FinishStepUp with LabelProof over ProofStatement once the code
// is on its way: one proof sends one code, and what was not sent may be tried again by
// the same. Errors: ErrAddress, ErrOwnMailbox, those of Courier, those of a proof.
func (s *Service) BeginAddress(ctx context.Context, of Session, proof Proof, kind ProofKind, to string) (secret.Text, string, error) {
	none := secret.Text{}
	to, ok := address(kind, to)
	if !ok || !sendable(kind) || !s.addressSource(kind).Verified {
		return none, "", fmt.Errorf("verify address: %w", ErrAddress)
	}
	a, err := s.enrollable(ctx, of.Account)
	if err != nil {
		return none, "", err
	}
	// Looked at before anything goes out, and used up once it is on its way.
	unused, err := s.Proof(ctx, of, proof.ID)
	if err != nil {
		return none, "", err
	}
	if !unused.Bound(LabelProof, ProofStatement(of.Account, kind)) {
		return none, "", fmt.Errorf("verify address: %w", ErrWrongProof)
	}
	if s.now().Sub(unused.At) > ProofValid {
		return none, "", fmt.Errorf("verify address: %w", ErrOldProof)
	}
	if opensMailbox(a, to) { // a number is none
		return none, "", fmt.Errorf("verify address: %w", ErrOwnMailbox)
	}
	code, err := s.newCode()
	if err != nil {
		return none, "", err
	}
	token, id, err := s.token()
	if err != nil {
		return none, "", err
	}
	data, err := encodeSecret(verifying{Kind: kind, To: to, Hash: sentHash([]byte(id), kind, code)})
	if err != nil {
		return none, "", err
	}
	if err := s.sendOnce(ctx, of, unused, a, kind, to, code); err != nil {
		return none, "", err
	}
	now := s.now()
	if err := s.spendToHold(ctx, of, proof, LabelProof, kind); err != nil {
		return none, "", err
	}
	c := Ceremony{
		ID: id, Purpose: PurposeAddress, Account: of.Account, Session: of.ID,
		Data: s.cfg.Sealer.Seal(placeAddress+id, data), Created: now, Expires: now.Add(SentValid),
	}
	if err := s.store.SaveCeremony(ctx, c, s.cfg.MaxCeremonies); err != nil {
		return none, "", fmt.Errorf("save set-up: %w", err)
	}
	return token, to, nil
}

// sendOnce sends by a proof that stands for one code. Of many callers one may, and gives
// that back where nothing was sent; a crash between leaves a proof that sends no more.
func (s *Service) sendOnce(ctx context.Context, of Session, p Proof, a ad.Account, kind ProofKind, to, code string) error {
	may := Ceremony{
		ID: spentID("address/" + p.ID), Purpose: PurposeAddress, Account: of.Account, Session: of.ID,
		Created: s.now(), Expires: p.At.Add(ProofValid + spentKept).UTC(),
	}
	back := may // by a name of its own: that the other was taken is never taken back
	back.ID = tokenID(secret.New("address-back/" + p.ID))
	err := s.store.SpendCeremony(ctx, may, nil)
	if errors.Is(err, ErrNoCeremony) { // somebody did: unless they gave it back
		if _, err = s.store.TakeCeremony(ctx, back.ID, PurposeAddress, s.now()); errors.Is(err, ErrNoCeremony) {
			return fmt.Errorf("use proof: %w", ErrNoProof)
		}
	}
	if err != nil {
		return fmt.Errorf("use proof: %w", err)
	}
	sent := s.deliver(ctx, a, SentCode{Kind: kind, To: to}, code)
	err = s.recorded(ctx, of.Account, kind, of, sent)
	if sent == nil {
		return err
	}
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTime)
	defer cancel()
	if serr := s.store.SaveCeremony(saving, back, s.cfg.MaxCeremonies); serr != nil {
		s.log.Error("a proof sends no code any more, and sent none", slog.Any("error", serr))
	}
	return err
}

const placeAddress = "ceremony/address/v1\x00"

// verifying is an address whose code is on its way.
type verifying struct {
	Kind  ProofKind `json:"k"`
	To    string    `json:"t"`
	Hash  []byte    `json:"h"`
	Wrong int       `json:"w"` // codes so far
}

// FinishAddress keeps the address once its code was typed, where may lets that kind be
// set up still: the policy may have changed since. A wrong code is ErrWrongCode and may
// be tried again, five times; an error of may comes back as it is.
func (s *Service) FinishAddress(ctx context.Context, of Session, token secret.Text, code string, may func(ProofKind) error) error {
	// Taken first: of many tries at once each counts.
	c, err := s.store.TakeCeremony(ctx, tokenID(token), PurposeAddress, s.now())
	if err == nil && (c.Session != of.ID || c.Account != of.Account) {
		err = ErrNoCeremony
	}
	if err != nil {
		return fmt.Errorf("find set-up: %w", err)
	}
	v, err := s.openVerifying(c)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(v.Hash, sentHash([]byte(c.ID), v.Kind, bareDigits(code))) != 1 {
		return s.wrongAddress(ctx, c, v)
	}
	if err := may(v.Kind); err != nil {
		return err
	}
	if _, err := s.enrollable(ctx, of.Account); err != nil {
		return err
	}
	return s.hold(ctx, of, v.Kind, []byte(v.To))
}

func (s *Service) openVerifying(c Ceremony) (v verifying, err error) {
	plain, err := s.cfg.Sealer.Open(placeAddress+c.ID, c.Data)
	if err != nil {
		return v, fmt.Errorf("open set-up: %w", ErrNoCeremony)
	}
	if err := decodeSecret(plain, &v); err != nil {
		return v, fmt.Errorf("open set-up: %w", ErrNoCeremony)
	}
	return v, nil
}

func (s *Service) wrongAddress(ctx context.Context, c Ceremony, v verifying) error {
	if v.Wrong++; v.Wrong >= addressMost {
		return fmt.Errorf("verify address: %w", ErrNoCeremony)
	}
	data, err := encodeSecret(v)
	if err != nil {
		return err
	}
	c.Data = s.cfg.Sealer.Seal(placeAddress+c.ID, data)
	if err := s.store.SaveCeremony(ctx, c, s.cfg.MaxCeremonies); err != nil {
		return fmt.Errorf("save set-up: %w", err)
	}
	return fmt.Errorf("verify address: %w", ErrWrongCode)
}

// Address is where the person's codes go, FromDirectory or FromVerified; "" for nowhere.
func (s *Service) Address(ctx context.Context, of Session, kind ProofKind) (to, from string, err error) {
	a, err := s.account(ctx, of.Account)
	if err != nil {
		return "", "", err
	}
	factors, err := s.store.Factors(ctx, of.Account)
	if err != nil {
		return "", "", fmt.Errorf("list proofs: %w", err)
	}
	to, from = s.addressOf(a, factors, kind)
	return to, from, nil
}
