package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/config"
)

// Of each pair of proofs it is said here, apart from the code, what they lie on. Two on
// one thing are refused beside each other, unless somebody wrote that it is meant;
// one proof twice always.
func TestNoTwoProofsOfOneAlternativeLieOnOneThing(t *testing.T) {
	lies := map[string]string{
		"passkey": "phone", "totp": "phone", "sms-code": "phone", "hardware-key": "key", "recovery-code": "paper",
		"password": "head", "pin": "head", "questions": "head", "mail-code": "mailbox", "vouching": "colleague", "directory": "",
	}
	for one, thing := range lies {
		for other, its := range lies {
			for _, independent := range []string{"", ", independent: true", ", independent: false"} {
				act := fmt.Sprintf("enrol: {prove: [%s + %s]%s}", one, other, independent)
				text := strings.Replace(string(config.Example), "enrol: {prove: [passkey, recovery-code], independent: true}", act, 1)
				_, err := config.Parse("example.yaml", []byte(text))
				said := err != nil && (strings.Contains(err.Error(), "are both on the") || strings.Contains(err.Error(), "names "+one+" twice"))
				// A kind counts once, so that one proof twice is never meant.
				want := thing == its && thing != "" && (one == other || independent != ", independent: false")
				if said != want {
					t.Errorf("%s: %v", act, err)
				}
				if pair := one + other; (pair == "passkeyhardware-key" || pair == "hardware-keypasskey") && (err == nil || !strings.Contains(err.Error(), "one thing twice")) {
					t.Errorf("%s: %v", act, err)
				}
			}
		}
	}
}
