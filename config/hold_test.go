package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

func TestWhatHasToBeHeldIsChecked(t *testing.T) {
	with := func(hold string) string {
		return strings.Replace(valid(t), "[passkey]}", "[passkey, recovery-code, totp]}\n    hold: {"+hold+"}", 1)
	}
	for _, c := range []struct{ hold, want string }{
		{"must: [passkey, recovery-code]", ""},
		{"must: [passkey, recovery-code], may: [totp], within: 14d, otherwise: limit", ""},
		{"must: [recovery-code], may: [], by: 2099-12-31, otherwise: remind", ""},
		{"may: []", ""},
		{"must: [recovery-code], within: 48h", ""},
		{"otherwise: limit", "says nothing"},
		{"must: [], may: [totp]", "hold.must: is empty"},
		{"may: [totp], within: 14d", "no must that it is for"},
		{"must: [pin]", "nobody can set up pin: no policy takes it"},
		{"must: [hardware-key]", "nobody can set up hardware-key: proofs.hardware_key names"},
		{"must: [mail-code]", "nobody can set up mail-code: proofs.mail_code says where"},
		{"must: [questions]", "nobody can set up questions: proofs.questions lists"},
		{"must: [directory]", "nobody can set up directory: the directory knows it"},
		{"must: [password]", "nobody can set up password: the directory knows it"},
		{"must: [vouching]", "nobody can set up vouching: it is none of"},
		{"must: [recovery-code], may: [pin]", "hold.may[0]: nobody can set up pin"},
		{"must: [recovery-code], may: [recovery-code]", "stands under must already"},
		{"must: [totp, totp]", "stands there twice"},
		{"must: [totp], within: 14d, by: 2099-12-31", "can't stand beside within"},
		{"must: [totp], within: 14 days", "is no time to set something up in"},
		{"must: [totp], within: 400d", "is no time to set something up in"},
		{"must: [totp], within: 10m", "is no time to set something up in"},
		{"must: [totp], by: 31.12.2026", "is no day"},
		{"must: [totp], otherwise: block", "is not known; allowed: remind, limit"},
		{"must: [totp], until: x", "is no key here"},
	} {
		_, err := config.Parse("c.yaml", []byte(with(c.hold)))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.hold, err, c.want)
		}
	}
}

// A code whose address only the directory has is nothing that anybody sets up.
func TestAnAddressOfTheDirectoryCantBeADuty(t *testing.T) {
	for _, verified := range []string{"true", "false"} {
		text := strings.Replace(string(config.Example), "    verified: true\n  # A code by SMS", "    verified: "+verified+"\n  # A code by SMS", 1)
		text = strings.Replace(text, "    hold: {must: [passkey, recovery-code]", "    hold: {must: [passkey, mail-code]", 1)
		text = strings.Replace(text, "prove: [passkey, recovery-code], independent", "prove: [passkey, mail-code], independent", 1)
		_, err := config.Parse("example.yaml", []byte(text))
		if found := err != nil && strings.Contains(err.Error(), "nobody can set up mail-code: proofs.mail_code takes"); found != (verified == "false") {
			t.Errorf("verified %s: %v", verified, err)
		}
	}
}

func TestWhatHasToBeHeldReachesTheRule(t *testing.T) {
	text := strings.Replace(valid(t), "[passkey]}", "[passkey, recovery-code]}\n    hold: {must: [recovery-code], may: [], within: 14d, otherwise: limit}", 1)
	c, err := config.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	h := c.Policy().Rules[0].Hold
	if h == nil || len(h.Must) != 1 || h.Must[0] != enroll.ProofRecoveryCode || h.May == nil || len(h.May) != 0 || h.Within != 14*24*time.Hour || !h.By.IsZero() || !h.Limit {
		t.Errorf("%+v", h)
	}
	plain, err := config.Parse("c.yaml", []byte(valid(t)))
	if err != nil || plain.Policy().Rules[0].Hold != (*workflow.Hold)(nil) {
		t.Errorf("%v, %+v", err, plain.Policy().Rules[0].Hold)
	}
}

func TestADayThatIsOverIsWarnedOf(t *testing.T) {
	for by, want := range map[string]bool{"2020-01-01": true, "2099-01-01": false} {
		c, err := config.Parse("c.yaml", []byte(strings.Replace(valid(t), "[passkey]}", "[passkey, totp]}\n    hold: {must: [totp], by: "+by+", otherwise: limit}", 1)))
		if err != nil {
			t.Fatal(err)
		}
		warned := strings.Contains(strings.Join(c.Warnings(), "\n"), by+" is over: whoever does not hold it, people who come today")
		if warned != want {
			t.Errorf("%s: %q", by, c.Warnings())
		}
	}
}

func FuzzSpansAndDays(f *testing.F) {
	f.Add("14d")
	f.Add("2026-12-31")
	f.Fuzz(func(t *testing.T, text string) {
		if span, err := config.ParseSpan(text); err == nil && text != "" && (span < time.Hour || span > 366*24*time.Hour) {
			t.Errorf("%q is %v", text, span)
		}
		if day, err := config.ParseDay(text); err == nil && text != "" && day.Format(time.DateOnly) != text {
			t.Errorf("%q is %v", text, day)
		}
	})
}
