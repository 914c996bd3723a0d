package config_test

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/config"
)

// What can't be satisfied, or is less than it looks, is said at the start.
func TestAlternativesOfProofsAreChecked(t *testing.T) {
	for prove, want := range map[string]string{
		"[passkey]":                                 "",
		"[passkey, recovery-code + totp]":           "",
		"[recovery-code, totp]":                     "",
		"[recovery-code + recovery-code]":           "twice",
		"[passkey + recovery-code]":                 "passkey stands alone",
		"[passkey + totp]":                          "passkey stands alone",
		"[mail]":                                    "is no proof",
		"[\"\"]":                                    "is no proof",
		"[recovery-code + ]":                        "is no proof",
		"[passkey], independent: false":             "",
		"[passkey + totp], independent: false":      "passkey stands alone",
		"[recovery-code + totp], independent: true": "",
	} {
		text := strings.Replace(string(config.Example), "enrol: {prove: [passkey, recovery-code], independent: true}", "enrol: {prove: "+prove+"}", 1)
		_, err := config.Parse("example.yaml", []byte(text))
		found := err != nil && strings.Contains(err.Error(), "enrol")
		if found != (want != "") || found && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", prove, err, want)
		}
	}
}
