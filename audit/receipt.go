package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Keys in the detail of an event that registers a passkey. With them the log
// alone is enough to check every later receipt of it.
const (
	DetailCredential = "credential_id" // base64url
	DetailPublicKey  = "public_key"    // COSE_Key (RFC 9052 7), base64url
)

// Receipt is a WebAuthn assertion over a statement, as it was signed: its
// challenge is SHA-256(label ‖ nonce ‖ statement). It holds nothing personal; a
// statement names people by objectGUID and everything else by salted hash.
type Receipt struct {
	Label             string
	Nonce             []byte
	Statement         []byte
	CredentialID      []byte
	ClientDataJSON    []byte
	AuthenticatorData []byte
	Signature         []byte
}

const detailLabel = "receipt_label"

// fields names the binary parts as the detail of an event does.
func (r *Receipt) fields() map[string]*[]byte {
	return map[string]*[]byte{
		"receipt_nonce":              &r.Nonce,
		"receipt_statement":          &r.Statement,
		"receipt_credential_id":      &r.CredentialID,
		"receipt_client_data":        &r.ClientDataJSON,
		"receipt_authenticator_data": &r.AuthenticatorData,
		"receipt_signature":          &r.Signature,
	}
}

// AddTo puts the receipt into an event's detail.
func (r Receipt) AddTo(detail map[string]any) {
	detail[detailLabel] = r.Label
	for key, value := range r.fields() {
		detail[key] = Base64(*value)
	}
}

// Base64 is base64url without padding, as everywhere in the log.
func Base64(b []byte) string {
	var few [512]byte // most values are short
	return string(base64.RawURLEncoding.AppendEncode(few[:0], b))
}

// receiptFrom returns nil where the detail holds no receipt.
func receiptFrom(detail map[string]any) (*Receipt, error) {
	label, ok := detail[detailLabel].(string)
	if !ok {
		return nil, nil
	}
	r := &Receipt{Label: label}
	for key, value := range r.fields() {
		b, err := decodeDetail(detail, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, ErrReceipt)
		}
		*value = b
	}
	return r, nil
}

// Flags of the authenticator data (WebAuthn 6.1).
const (
	flagUserPresent  = 1 << 0
	flagUserVerified = 1 << 2
	flagsAt          = 32
	minAuthData      = 37
)

// Check verifies the receipt with the passkey's public key (COSE_Key): the
// challenge is that of the statement, the person was verified, the signature
// fits. It says nothing about the site; compare Origin with your own.
func (r Receipt) Check(publicKey []byte) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	challenge := sha256.Sum256(bytes.Join([][]byte{[]byte(r.Label), r.Nonce, r.Statement}, nil))
	const need = flagUserPresent | flagUserVerified
	switch {
	case client.Type != "webauthn.get":
		return fmt.Errorf("type: %w", ErrReceipt)
	case client.Challenge != Base64(challenge[:]):
		return fmt.Errorf("challenge: %w", ErrReceipt)
	case len(r.AuthenticatorData) < minAuthData || r.AuthenticatorData[flagsAt]&need != need:
		return fmt.Errorf("user verification: %w", ErrReceipt)
	}
	return r.checkSignature(publicKey)
}

// Origin is the site that asked for the assertion.
func (r Receipt) Origin() (string, error) {
	client, err := r.client()
	return client.Origin, err
}

type clientData struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"`
	Origin    string `json:"origin"`
}

func (r Receipt) client() (c clientData, err error) {
	if err := json.Unmarshal(r.ClientDataJSON, &c); err != nil {
		return c, fmt.Errorf("client data: %w", ErrReceipt)
	}
	return c, nil
}

func (r Receipt) checkSignature(publicKey []byte) error {
	key, err := webauthncose.ParsePublicKey(publicKey)
	if err != nil {
		return fmt.Errorf("public key: %w", ErrReceipt)
	}
	client := sha256.Sum256(r.ClientDataJSON)
	ok, err := webauthncose.VerifySignature(key, append(bytes.Clone(r.AuthenticatorData), client[:]...), r.Signature)
	if err != nil || !ok {
		return fmt.Errorf("signature: %w", ErrReceipt)
	}
	return nil
}

// Labels of the receipts that an event must carry to count.
const (
	LabelReview = "latchkey/review/v1" // in review.approved
	LabelFreeze = "latchkey/freeze/v1" // in account.frozen
)

// binding is what a receipt's label and the verdict in its statement must be.
type binding struct{ label, verdict string }

var bindings = map[Action]binding{
	ReviewApproved: {LabelReview, "approve"},
	AccountFrozen:  {LabelFreeze, "freeze"},
}

// enrolled is a passkey as its registration in the log tells it.
type enrolled struct {
	key     []byte // COSE_Key
	account string
}

// receipt checks the event's receipt, if it has one, with the key that an
// earlier event registered, and remembers the key of a registration. An event
// that says that somebody decided must carry a receipt of that person over that
// very decision, by a passkey that was registered before.
func (v *verifier) receipt(e sealed) error {
	if e.action == PasskeyRegistered {
		v.remember(e)
	}
	r, err := receiptFrom(e.detail)
	if err != nil {
		return err
	}
	if err := r.decides(e); err != nil || r == nil {
		return err
	}
	known, ok := v.keys[string(r.CredentialID)]
	if _, decides := bindings[e.action]; !ok && decides {
		return fmt.Errorf("no such passkey at that time: %w", ErrReceipt)
	}
	if !ok {
		v.report.Unchecked++
		return nil
	}
	if known.account != e.actor {
		return fmt.Errorf("passkey of somebody else: %w", ErrReceipt)
	}
	v.report.Receipts++
	return r.Check(known.key)
}

// decides holds a decision's receipt to its event: the statement that was signed
// names the request, the account, the person and the verdict.
func (r *Receipt) decides(e sealed) error {
	want, ok := bindings[e.action]
	if !ok {
		return nil
	}
	if r == nil || r.Label != want.label {
		return fmt.Errorf("no receipt of the decision: %w", ErrReceipt)
	}
	statement, err := Parse(r.Statement)
	if err != nil {
		return fmt.Errorf("statement: %w", ErrReceipt)
	}
	for field, value := range map[string]string{
		"v": want.label, "verdict": want.verdict, "request": e.request, "target": e.target, "approver": e.actor,
	} {
		if statement[field] != value {
			return fmt.Errorf("statement of another %s: %w", field, ErrReceipt)
		}
	}
	return nil
}

func (v *verifier) remember(e sealed) {
	id, idErr := decodeDetail(e.detail, DetailCredential)
	key, keyErr := decodeDetail(e.detail, DetailPublicKey)
	if idErr == nil && keyErr == nil {
		v.keys[string(id)] = enrolled{key: key, account: e.target}
	}
}

func decodeDetail(detail map[string]any, key string) ([]byte, error) {
	text, _ := detail[key].(string)
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, ErrShape
	}
	return b, nil
}
