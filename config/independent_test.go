package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/config"
)

// Of each pair of proofs it is said here, apart from the code, what they lie on. Two on
// one thing are refused beside each other, unless somebody wrote that it is meant;
// one proof twice always. A mailbox that the password opens is the password's.
func TestNoTwoProofsOfOneAlternativeLieOnOneThing(t *testing.T) {
	lies := map[string]string{
		"passkey": "phone", "totp": "phone", "sms-code": "phone", "hardware-key": "key", "recovery-code": "paper",
		"password": "head", "pin": "head", "questions": "head", "mail-code": "mailbox", "vouching": "colleague", "directory": "",
	}
	for where, own := range mailboxes {
		for one, thing := range lies {
			for other, its := range lies {
				if where != private && one != "mail-code" && other != "mail-code" {
					continue // what the address is no part of
				}
				for _, independent := range []string{"", ", independent: true", ", independent: false"} {
					act := fmt.Sprintf("enrol: {prove: [%s + %s]%s}", one, other, independent)
					err := parsedWith(t, where, act)
					said := err != nil && (strings.Contains(err.Error(), "are both on the") || strings.Contains(err.Error(), "names "+one+" twice"))
					pair := one + " " + other
					opened := own && (pair == "password mail-code" || pair == "mail-code password")
					// A kind counts once, so that one proof twice is never meant.
					want := (thing == its && thing != "" || opened) && (one == other || independent != ", independent: false")
					if said != want {
						t.Errorf("%s, %s: %v", where, act, err)
					}
					if reason := err != nil && strings.Contains(err.Error(), "which opens the mailbox"); reason != (opened && want) {
						t.Errorf("%s, %s: %v", where, act, err)
					}
					if (pair == "passkey hardware-key" || pair == "hardware-key passkey") && (err == nil || !strings.Contains(err.Error(), "one thing twice")) {
						t.Errorf("%s, %s: %v", where, act, err)
					}
				}
			}
		}
	}
}

// private is an address that another account opens.
const private = "attribute: extensionAttribute3"

// mailboxes are places where codes go, and whether the account's password opens them.
// An address that somebody may verify is no help to whoever verified none.
var mailboxes = map[string]bool{
	private: false, "attribute: extensionAttribute3, verified: true": false, "verified: true": false,
	"attribute: mail": true, "attribute: mail, verified: true": true, "attribute: PROXYaddresses": true,
}

// parsedWith is what the example with this description of mail-code, and this act, is refused for.
func parsedWith(t *testing.T, where, act string) error {
	t.Helper()
	text := string(config.Example)
	from, to := strings.Index(text, "  mail_code:\n"), strings.Index(text, "  # A code by SMS (sms-code)")
	if from < 0 || to < from {
		t.Fatal("the example describes no mail_code")
	}
	text = text[:from] + "  mail_code: {" + where + "}\n" + text[to:]
	with := strings.Replace(text, "enrol: {prove: [passkey, recovery-code], independent: true}", act, 1)
	if with == text {
		t.Fatal("the example has no such enrol")
	}
	_, err := config.Parse("example.yaml", []byte(with))
	return err
}

// Each name of the account's own mailbox counts, however it is written, and among more
// proofs too; the finding says why, and what to write.
func TestAPasswordAndTheMailboxThatItOpensAreOneThing(t *testing.T) {
	for _, name := range []string{"mail", "MAIL", "userPrincipalName", "userprincipalname", "proxyAddresses", "ProxyAddresses", "targetAddress"} {
		for set, pair := range map[string]string{
			"password + mail-code": "password and mail-code", "mail-code + password": "mail-code and password",
			"password + directory + mail-code": "password and mail-code", "passkey + password + mail-code": "password and mail-code",
		} {
			want := "enrol.prove[1]: " + pair + " are both on the password, which opens the mailbox that proofs.mail_code.attribute: " + name +
				" names, so whoever has it has both; name an attribute with a private address, write verified: true in its place, or write independent: false beside prove if that is meant"
			if err := parsedWith(t, "attribute: "+name, "enrol: {prove: [recovery-code, "+set+"]}"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v, want %q", name, set, err, want)
			}
		}
	}
	// As alternatives each of them is enough alone, and is meant to be.
	for _, act := range []string{"enrol: {prove: [password, mail-code]}", "enrol: {prove: [password + recovery-code, pin + mail-code]}"} {
		if err := parsedWith(t, "attribute: mail", act); strings.Contains(fmt.Sprint(err), "enrol.prove") {
			t.Errorf("%s: %v", act, err)
		}
	}
	for _, where := range []string{private, "verified: true"} {
		if err := parsedWith(t, where, "enrol: {prove: [recovery-code, password + mail-code]}"); strings.Contains(fmt.Sprint(err), "enrol.prove") {
			t.Errorf("%s: %v", where, err)
		}
	}
}
