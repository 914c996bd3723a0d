package enroll

import (
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// ReadCode is readCode, for its fuzz test.
var ReadCode = readCode

// JudgePIN is judgePIN, IsPattern, IsDate and CommonPINs its parts.
var (
	JudgePIN  = judgePIN
	IsPattern = isPattern
	IsDate    = isDate
)

const CommonPINs = commonPINs

const MaxStopping = maxStopping

// ChallengeHolds says whether a step-up's challenge is that of its row.
func ChallengeHolds(c Ceremony, challenge string) bool {
	return challengeHolds(c, webauthn.SessionData{Challenge: challenge})
}

// AttestedOf is what a registration proves whose attestation statement was verified.
func AttestedOf(k *HardwareKeys, object protocol.AttestationObject, now time.Time) Attested {
	return k.attested(object, now)
}

// FullCost is what a guess of a PIN or an answer costs outside of tests: KiB and passes.
var FullCost = argonCost

func init() { argonCost = cost{memory: 64, time: 1} }

// WithFullCost sets it for one test, and returns what sets it back.
func WithFullCost() func() {
	cheap := argonCost
	argonCost = FullCost
	return func() { argonCost = cheap }
}

// Memory and Time are what they are in a cost.
func (c cost) Memory() uint32 { return c.memory }
func (c cost) Time() uint32   { return c.time }

// ParseResponse is parseResponse, IsPlain whether it decodes the response itself.
var ParseResponse = parseResponse

func IsPlain(body []byte) bool {
	_, ok := plainResponse(body)
	return ok
}
