package enroll

import (
	"cmp"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Settings are what may change while a Service runs. Zero takes the defaults that
// Config names.
type Settings struct {
	RPName          string
	SessionIdle     time.Duration
	SessionAbsolute time.Duration
	SessionShort    time.Duration
	InvitationValid time.Duration
	Proofs          ProofSettings
}

// ProofSettings say how people may prove who they are beside passkeys.
type ProofSettings struct {
	// Mail and SMS are where codes go.
	Mail, SMS AddressSource
	PINDigits int // the least; 6 where less
	// Questions are what people answer, all of them; AskCount are asked. None switches
	// it off.
	Questions []Question
	AskCount  int
	// Hardware says which passkeys are hardware keys; nil: none.
	Hardware *HardwareKeys
	// Directory is the attribute whose value somebody may know; "" for none.
	Directory string
}

// AddressSource is where the address of a code comes from.
type AddressSource struct {
	Attribute string // of the directory, which the person can't write; "" for none
	Verified  bool   // or one that the person verified here
}

// running is what one set of settings makes.
type running struct {
	Settings
	rp *webauthn.WebAuthn
}

// Set replaces the settings, or returns an error and changes nothing. Sessions and
// invitations that exist keep the end that they have; how long a session may be idle
// counts for all.
func (s *Service) Set(n Settings) error {
	n = Settings{
		RPName:          cmp.Or(n.RPName, s.cfg.RPID),
		SessionIdle:     positive(n.SessionIdle, 24*time.Hour),
		SessionAbsolute: positive(n.SessionAbsolute, 30*24*time.Hour),
		SessionShort:    positive(n.SessionShort, time.Hour),
		InvitationValid: positive(n.InvitationValid, 72*time.Hour),
		Proofs:          n.Proofs,
	}
	rp, err := relyingParty(s.cfg, n)
	if err != nil {
		return err
	}
	s.running.Store(&running{n, rp})
	return nil
}

func positive(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

func (s *Service) settings() Settings     { return s.running.Load().Settings }
func (s *Service) rp() *webauthn.WebAuthn { return s.running.Load().rp }

func relyingParty(cfg Config, n Settings) (*webauthn.WebAuthn, error) {
	attestation := protocol.PreferNoAttestation
	if n.Proofs.Hardware != nil {
		attestation = protocol.PreferDirectAttestation
	}
	timeout := webauthn.TimeoutConfig{Enforce: true, Timeout: cfg.CeremonyTimeout, TimeoutUVD: cfg.CeremonyTimeout}
	rp, err := webauthn.New(&webauthn.Config{
		RPID:                  cfg.RPID,
		RPDisplayName:         n.RPName,
		RPOrigins:             cfg.Origins,
		AttestationPreference: attestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(),
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			UserVerification:   protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// WebKit returns appid:false for security keys unasked.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	return rp, nil
}
