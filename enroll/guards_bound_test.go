package enroll_test

import (
	"testing"

	"github.com/latchkey/latchkey/enroll"
)

// A hardware key is a passkey, and stands in for nothing else.
func TestAProofCountsForItsOwnKind(t *testing.T) {
	for proof, asked := range map[enroll.ProofKind]map[enroll.ProofKind]bool{
		enroll.ProofHardwareKey: {enroll.ProofHardwareKey: true, enroll.ProofPasskey: true, enroll.ProofTOTP: false, enroll.ProofVouching: false, "": false},
		enroll.ProofPasskey:     {enroll.ProofPasskey: true, enroll.ProofHardwareKey: false, enroll.ProofTOTP: false},
		enroll.ProofTOTP:        {enroll.ProofTOTP: true, enroll.ProofPasskey: false},
	} {
		for kind, want := range asked {
			if got := proof.Counts(kind); got != want {
				t.Errorf("%s for %q: %v", proof, kind, got)
			}
		}
	}
}

// A sign-in is bound to nothing: it proves no statement, not even an empty one.
func TestAProofIsBoundToOneStatementOfOneLabel(t *testing.T) {
	p := enroll.Proof{Label: "label/v1", Statement: []byte("statement")}
	for name, tc := range map[string]struct {
		p         enroll.Proof
		label     string
		statement string
		want      bool
	}{
		"its own":           {p, "label/v1", "statement", true},
		"another label":     {p, "label/v2", "statement", false},
		"another statement": {p, "label/v1", "statement ", false},
		"none":              {p, "label/v1", "", false},
		"of a sign-in":      {enroll.Proof{}, "", "", false},
	} {
		if got := tc.p.Bound(tc.label, []byte(tc.statement)); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
