package enroll

import (
	"time"

	"github.com/go-webauthn/webauthn/protocol"
)

// ReadCode is readCode, for its fuzz test.
var ReadCode = readCode

// JudgePIN is judgePIN, and CommonPINs its list.
var JudgePIN = judgePIN

const CommonPINs = commonPINs

// AttestedOf is what a registration proves whose attestation statement was verified.
func AttestedOf(k *HardwareKeys, object protocol.AttestationObject, now time.Time) Attested {
	return k.attested(object, now)
}
