package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// Hold is what an entry's people have to hold, and what else they may.
type Hold struct {
	Must      []string `yaml:"must"`
	May       []string `yaml:"may"`
	Within    string   `yaml:"within"`
	By        string   `yaml:"by"`
	Otherwise string   `yaml:"otherwise"`
}

// What happens to people who do not hold what they must.
const (
	HoldRemind = "remind"
	HoldLimit  = "limit"
)

// hold of a checked file.
func (h *Hold) hold() *workflow.Hold {
	if h == nil {
		return nil
	}
	out := &workflow.Hold{Must: kinds(h.Must), May: kinds(h.May), Limit: h.Otherwise == HoldLimit}
	out.Within, _ = parseSpan(h.Within)
	out.By, _ = parseDay(h.By)
	return out
}

// kinds keeps an empty list apart from none.
func kinds(list []string) []enroll.ProofKind {
	if list == nil {
		return nil
	}
	out := make([]enroll.ProofKind, len(list))
	for i, word := range list {
		out[i] = enroll.ProofKind(word)
	}
	return out
}

const (
	leastSpan = time.Hour
	mostSpan  = 366 * 24 * time.Hour
)

// parseSpan reads 14d, and what a length of time is elsewhere in the file; "" is none.
func parseSpan(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	span, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		span = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || span < leastSpan || span > mostSpan {
		return 0, fmt.Errorf("%q is no time to set something up in, such as 14d or 48h (1h to 366d)", text)
	}
	return span, nil
}

// parseDay reads the beginning of a day in UTC; "" is none.
func parseDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no day, such as 2026-12-31", text)
	}
	return day, nil
}

func (c Config) checkHold(f *finder, at string, h Hold) {
	if len(h.Must) == 0 && h.May == nil {
		f.add(at, "says nothing: name what people must hold, such as must: [passkey, recovery-code], or what they may")
	}
	if h.Must != nil && len(h.Must) == 0 {
		f.add(at+".must", "is empty: name proofs, or remove it")
	}
	for key, list := range map[string][]string{"must": h.Must, "may": h.May} {
		for i, word := range list {
			here := fmt.Sprintf("%s.%s[%d]", at, key, i)
			if slices.Contains(list[:i], word) {
				f.add(here, "%s stands there twice", word)
			} else if why := c.notSetUp(enroll.ProofKind(word)); why != "" {
				f.add(here, "nobody can set up %s: %s", word, why)
			}
			if key == "may" && slices.Contains(h.Must, word) {
				f.add(here, "%s stands under must already", word)
			}
		}
	}
	if _, err := parseSpan(h.Within); err != nil {
		f.add(at+".within", "%v", err)
	}
	if _, err := parseDay(h.By); err != nil {
		f.add(at+".by", "%v", err)
	}
	if h.Within != "" && h.By != "" {
		f.add(at+".by", "can't stand beside within: keep one")
	}
	if len(h.Must) == 0 && (h.Within != "" || h.By != "" || h.Otherwise != "") {
		f.add(at, "has a time, or an otherwise, and no must that it is for")
	}
	if h.Otherwise != "" {
		oneOf(f, at+".otherwise", h.Otherwise, allowed["policies[].hold.otherwise"]...)
	}
}

// notSetUp is why nobody could come to hold a proof; "" where they can.
func (c Config) notSetUp(kind enroll.ProofKind) string {
	switch kind {
	case enroll.ProofDirectory, enroll.ProofPassword:
		return "the directory knows it"
	case enroll.ProofMailCode:
		if m := c.Proofs.MailCode; m != nil && !m.Verified {
			return "proofs.mail_code takes the address from the directory; write verified: true there"
		}
	case enroll.ProofSMSCode:
		if m := c.Proofs.SMSCode; m != nil && !m.Verified {
			return "proofs.sms_code takes the number from the directory; write verified: true there"
		}
	}
	if !slices.Contains(holdable, kind) {
		return "it is none of " + words(holdable)
	}
	if lacks := c.lacksFor(kind); lacks != "" {
		return lacks
	}
	if !kind.IsPasskey() && !c.takes(kind) {
		return "no policy takes it, so that it is not offered"
	}
	return ""
}

// holdable are the proofs that people set up.
var holdable = []enroll.ProofKind{
	enroll.ProofPasskey, enroll.ProofHardwareKey, enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofMailCode,
	enroll.ProofSMSCode, enroll.ProofPIN, enroll.ProofQuestions,
}

// takes says whether any policy takes the proof.
func (c Config) takes(kind enroll.ProofKind) bool {
	for _, p := range c.Policies {
		for _, act := range p.acts() {
			if act == nil {
				continue
			}
			for _, set := range act.alternatives() {
				if slices.Contains(set, kind) {
					return true
				}
			}
		}
	}
	return false
}

// holdWarnings are of days that are over.
func (c Config) holdWarnings(now time.Time) (all []string) {
	for _, p := range c.Policies {
		if p.Hold == nil {
			continue
		}
		if day, err := parseDay(p.Hold.By); err == nil && !day.IsZero() && !now.Before(day) {
			what := "whoever does not hold it is reminded, with a day that is over"
			if p.Hold.Otherwise == HoldLimit {
				what = "whoever does not hold it, people who come today among them, may unlock and no more at once"
			}
			all = append(all, fmt.Sprintf("policy %q, hold.by: %s is over: %s; write within: 14d in its place for people who are to come", p.Name, p.Hold.By, what))
		}
	}
	return all
}
