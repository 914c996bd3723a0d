package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/config"
)

// What can't be satisfied, or is less than it looks, is said at the start.
func TestAlternativesOfProofsAreChecked(t *testing.T) {
	for prove, want := range map[string]string{
		"[passkey]":                            "",
		"[passkey, recovery-code + totp]":      "",
		"[recovery-code, totp]":                "",
		"[recovery-code + recovery-code]":      "twice",
		"[totp + totp], independent: false":    "twice",
		"[passkey + recovery-code]":            "",
		"[passkey + mail-code]":                "",
		"[passkey + pin, totp + questions]":    "",
		"[passkey + totp]":                     "both on the phone",
		"[passkey + sms-code]":                 "both on the phone",
		"[pin + password]":                     "both on the memory",
		"[pin + questions]":                    "both on the memory",
		"[directory]":                          "proves nothing",
		"[directory + recovery-code]":          "",
		"[directory + directory]":              "proves nothing",
		"[mail]":                               "is no proof",
		"[\"\"]":                               "is no proof",
		"[recovery-code + ]":                   "is no proof",
		"[passkey], independent: false":        "",
		"[vouching]":                           "vouching needs approve",
		"[vouching], approve: [{by: manager}]": "",
		"[passkey, vouching + pin], approve: [{by: manager}]":    "",
		"[passkey + vouching], approve: [{by: manager}]":         "stands in for a passkey",
		"[vouching], approve: [{by: manager}], number: off":      "nobody spoke with",
		"[vouching], approve: [{by: manager}], number: required": "",
		"[passkey + totp], independent: false":                   "",
		"[recovery-code + totp], independent: true":              "",
	} {
		text := strings.Replace(string(config.Example), "    one-time: {prove: [passkey]}", "    one-time: {prove: "+prove+"}", 1)
		_, err := config.Parse("example.yaml", []byte(text))
		found := err != nil && strings.Contains(err.Error(), "one-time")
		if found != (want != "") || found && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", prove, err, want)
		}
	}
}

// Each mistake in how a proof is described is found at its key.
func TestDescriptionsOfProofsAreChecked(t *testing.T) {
	for _, one := range []struct{ line, instead, want string }{
		{"attribute: extensionAttribute3\n    # Whether", "attribute: mobile\n    # Whether", "proofs.mail_code.attribute: \"mobile\" is an attribute used for routing that the person may edit"},
		{"attribute: extensionAttribute4", "attribute: telephoneNumber", "proofs.sms_code.attribute"},
		{"attribute: extensionAttribute4\n    verified: true", "verified: false", "proofs.sms_code: says nowhere where codes go"},
		{`countries: ["+49", "+43"]`, "countries: []", "proofs.sms_code: needs countries"},
		{`countries: ["+49", "+43"]`, `countries: ["49"]`, "proofs.sms_code.countries[0]"},
		{"hourly: 60", "hourly: 20000", "proofs.sms_code.hourly"},
		{"url: https://sms.example.test/v1/send", `url: ""`, "proofs.sms_code: needs gateway.url"},
		{"method: POST", "method: DELETE", "proofs.sms_code.gateway.method"},
		{"# secret_env: LATCHKEY_SMS_SECRET", "secret_env: LATCHKEY_SMS_SECRET", "proofs.sms_code.gateway: has both"},
		{"status: [200, 202]", "status: [200, 500]", "proofs.sms_code.gateway.success.status[1]"},
		{"timeout: 5s\n  # Digits", "timeout: 20s\n  # Digits", "proofs.sms_code.gateway.timeout"},
		{"digits: 6", "digits: 4", "proofs.pin.digits"},
		{"ask: 3", "ask: 1", "proofs.questions.ask"},
		{"      - {id: soft-toy,", "      # {id: soft-toy,", "proofs.questions: lists 4 questions"},
		{"{id: soft-toy,", "{id: first-trip,", "\"first-trip\" is used twice"},
		{"{id: soft-toy,", "{id: Soft toy,", "needs an id"},
		{"attribute: employeeNumber", "attribute: thumbnailPhoto", "proofs.directory.attribute"},
		{"de: Personalnummer", `de: ""`, "proofs.directory: needs en and de"},
		{"host: smtp.corp.example.test", `host: ""`, "proofs.mail_code: has no way out"},
	} {
		text := strings.Replace(string(config.Example), one.line, one.instead, 1)
		if text == string(config.Example) {
			t.Errorf("%q is not in the example", one.line)
		}
		if _, err := config.Parse("example.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: %v, want %q", one.instead, err, one.want)
		}
	}
}

// A policy can't ask for what nothing describes.
func TestAProofThatNothingDescribesIsRefused(t *testing.T) {
	text := string(config.Example)
	from, to := strings.Index(text, "# Ways to prove oneself that"), strings.Index(text, "# Groups of approvers")
	for _, kind := range []string{"mail-code", "sms-code", "questions", "recovery-code + directory"} {
		without := strings.Replace(text[:from]+text[to:], "prove: [passkey, recovery-code], independent", "prove: [passkey, "+kind+"], independent", 1)
		if _, err := config.Parse("example.yaml", []byte(without)); err == nil || !strings.Contains(err.Error(), "nobody can give") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What is no mistake by itself is warned of.
func TestWhatIsMostlyAMistakeIsWarnedOf(t *testing.T) {
	act := func(prove ...string) config.Config {
		c := config.Config{Policies: []config.Policy{{Name: "staff", Reset: &config.Act{Prove: prove}}}}
		c.Proofs.MailCode = &config.MailCode{Attribute: "mail"}
		return c
	}
	for _, one := range []struct {
		of   config.Config
		want []string
	}{
		{act("passkey", "mail-code"), []string{"proofs.mail_code.attribute: mail is mostly the mailbox that the account itself opens"}},
		{act("passkey"), []string{"proofs.mail_code has no effect"}},
		{act("questions", "mail-code"), []string{"policy \"staff\", reset: answers to questions alone", "proofs.mail_code.attribute"}},
		{act("questions + mail-code"), []string{"proofs.mail_code.attribute", "policy \"staff\", reset: only for somebody whose passkeys were all removed"}},
	} {
		got := one.of.Warnings()
		if len(got) != len(one.want) {
			t.Errorf("%q, want %q", got, one.want)
			continue
		}
		for i, w := range one.want {
			if !strings.Contains(strings.Join(got, "\n"), w) {
				t.Errorf("%q lacks %q", got, one.want[i])
			}
		}
	}
}

func TestACoolDownWithoutEffectIsRefused(t *testing.T) {
	for line, want := range map[string]string{
		"reset: {prove: [passkey], cool_down: 24h}":                           "",
		"reset: {prove: [passkey], cool_down: 30s}":                           "out of range",
		"reset: {prove: [passkey], cool_down: 24h, approve: [{by: manager}]}": "no effect beside approve",
	} {
		text := strings.Replace(string(config.Example), "reset: {prove: [passkey], cool_down: 24h}", line, 1)
		_, err := config.Parse("example.yaml", []byte(text))
		if found := err != nil && strings.Contains(err.Error(), "cool_down"); found != (want != "") || found && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	text := strings.Replace(string(config.Example), "change: {prove: [passkey]}", "change: {prove: [passkey], cool_down: 24h}", 1)
	if _, err := config.Parse("example.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "change gives nobody a new credential") {
		t.Errorf("change: %v", err)
	}
}

// One approver who asks in somebody's name, and vouches, has the account.
func TestOneWeakProofAloneIsWarnedOf(t *testing.T) {
	manager, helpdesk := config.Tier{By: &config.Approvers{Word: "manager"}}, config.Tier{By: &config.Approvers{Group: "CN=Helpdesk"}}
	const word, pin, questions = "one approver's word alone is enough", "a PIN alone is enough", "answers to questions alone"
	for _, c := range []struct {
		kind    string
		prove   string
		approve []config.Tier
		want    string
	}{
		{"reset", "vouching", []config.Tier{manager}, word},
		{"one-time", "vouching", []config.Tier{manager}, word},
		{"enrol", "vouching", []config.Tier{manager}, word},
		{"enrol", "vouching + directory", []config.Tier{manager}, word},
		{"reset", "vouching", []config.Tier{manager, helpdesk}, ""},
		{"reset", "vouching + pin", []config.Tier{manager}, ""},
		{"unlock", "vouching", []config.Tier{manager}, ""}, // changes nothing that one comes in by
		{"unlock", "pin", nil, pin},
		{"reset", "pin", nil, pin},
		{"reset", "pin + directory", nil, pin},
		{"reset", "pin", []config.Tier{manager}, ""},
		{"reset", "pin + mail-code", nil, ""},
		{"reset", "questions + directory", nil, questions},
		{"reset", "directory", nil, questions},
		{"reset", "questions", []config.Tier{manager}, ""},
		{"reset", "passkey", nil, ""},
		{"reset", "passkey", []config.Tier{manager}, ""},
	} {
		act := &config.Act{Prove: []string{"passkey", c.prove}, Approve: c.approve}
		p := config.Policy{Name: "staff"}
		switch c.kind {
		case "unlock":
			p.Unlock = act
		case "reset":
			p.Reset = act
		case "one-time":
			p.OneTime = act
		case "enrol":
			p.Enrol = act
		}
		got := config.Config{Policies: []config.Policy{p}}.Warnings()
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], `policy "staff", `+c.kind+": "+c.want)) {
			t.Errorf("%s by %s, approved by %d: %q, want %q", c.kind, c.prove, len(c.approve), got, c.want)
		}
	}
}

// Without words that a taken message is answered with, a login page counts as sent.
// A change asks for the old password in any case: the password as its proof is typed twice.
func TestAPasswordAloneForAChangeIsWarnedOf(t *testing.T) {
	const says = `policy "p0", change: password alone adds nothing: a change asks for the old password anyway, so that it is typed twice; write passkey in its place, or leave it out`
	for act, warned := range map[string]bool{
		"change: {prove: [password]}": true, "change: {prove: [passkey, password]}": true,
		"change: {prove: [password], approve: [{by: manager}]}": true,
		"change: {prove: [passkey + password]}":                 false, "change: {prove: [password + directory]}": false, "change: {prove: [passkey]}": false,
		"reset: {prove: [passkey, password]}": false, "enrol: {prove: [password]}": false,
	} {
		c, err := config.Parse("c.yaml", []byte(entries(t, "who: {everyone: true}; "+act)+described))
		if err != nil {
			t.Errorf("%s: %v", act, err)
			continue
		}
		if got := slices.Contains(c.Warnings(), says); got != warned {
			t.Errorf("%s: %q", act, c.Warnings())
		}
	}
}

func TestAGatewayThatTakesAnyPageForSentIsWarnedOf(t *testing.T) {
	const says = "proofs.sms_code.gateway.success: contains is missing"
	docs, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(docs), "\n## Codes by SMS\n")
	blocks := strings.Split(section, "```yaml\n")[1:3]
	for name, gateway := range map[string]string{
		"the first of the docs":  blocks[0],
		"the second of the docs": blocks[1],
		"without contains":       "gateway: {url: https://sms.example.test, success: {status: [200]}}",
		"without success":        "gateway: {url: https://sms.example.test}",
	} {
		gateway, _, _ = strings.Cut(gateway, "```")
		gateway = strings.ReplaceAll(gateway, "  secret_file: /etc/latchkey/sms.secret\n", "")
		text := entries(t, "who: {everyone: true}; unlock: {prove: [passkey, sms-code]}") + "proofs:\n  sms_code:\n    verified: true\n    countries: [\"+49\"]\n    " +
			strings.ReplaceAll(gateway, "\n", "\n    ")
		c, err := config.Parse("c.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		warnings := strings.Join(c.Warnings(), "\n")
		if want := strings.HasPrefix(name, "without"); strings.Contains(warnings, says) != want || !want && warnings != "" {
			t.Errorf("%s: %q", name, warnings)
		}
	}
	if _, sms, _ := strings.Cut(string(config.Example), "\n  sms_code:\n"); !strings.Contains(sms, "\n        contains: '\"queued\"'\n") {
		t.Error("the example is warned of")
	}
}
