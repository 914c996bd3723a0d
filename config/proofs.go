package config

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// Proofs are the ways to prove oneself, beside a passkey, that need to be described.
// Each counts only where a policy names it.
type Proofs struct {
	MailCode  *MailCode       `yaml:"mail_code"`
	SMSCode   *SMSCode        `yaml:"sms_code"`
	PIN       *PIN            `yaml:"pin"`
	Questions *Questions      `yaml:"questions"`
	Directory *DirectoryProof `yaml:"directory"`

	HardwareKey *HardwareKey `yaml:"hardware_key"`
}

// MailCode says where codes by mail go.
type MailCode struct {
	Attribute string `yaml:"attribute"`
	Verified  bool   `yaml:"verified"`
}

// SMSCode says where codes by SMS go, and what sends them.
type SMSCode struct {
	Attribute string   `yaml:"attribute"`
	Verified  bool     `yaml:"verified"`
	Countries []string `yaml:"countries"`
	Hourly    int      `yaml:"hourly"`
	Gateway   Gateway  `yaml:"gateway"`
}

// Gateway is one HTTP request.
type Gateway struct {
	Method     string         `yaml:"method"`
	URL        string         `yaml:"url"`
	Headers    []string       `yaml:"headers"`
	Body       string         `yaml:"body"`
	SecretFile string         `yaml:"secret_file"`
	SecretEnv  string         `yaml:"secret_env"`
	Success    GatewaySuccess `yaml:"success"`
	Timeout    time.Duration  `yaml:"timeout"`
}

// GatewaySuccess is the answer that means it was taken.
type GatewaySuccess struct {
	Status   []int  `yaml:"status"`
	Contains string `yaml:"contains"`
}

// Secret is empty where none is configured.
func (g Gateway) Secret() (secret.Text, error) {
	if g.SecretFile == "" && g.SecretEnv == "" {
		return secret.Text{}, nil
	}
	return Account{PasswordFile: g.SecretFile, PasswordEnv: g.SecretEnv}.Secret()
}

// PIN is what a PIN needs to be.
type PIN struct {
	Digits int `yaml:"digits"`
}

// Questions are those that people answer.
type Questions struct {
	Ask  int            `yaml:"ask"`
	List []QuestionText `yaml:"list"`
}

// QuestionText is one in both languages.
type QuestionText struct {
	ID      string `yaml:"id"`
	English string `yaml:"en"`
	German  string `yaml:"de"`
}

// Asked is how many are asked: 3 where nothing is said.
func (q Questions) Asked() int {
	if q.Ask == 0 {
		return 3
	}
	return q.Ask
}

// DirectoryProof is an attribute whose value its owner knows.
type DirectoryProof struct {
	Attribute string `yaml:"attribute"`
	English   string `yaml:"en"`
	German    string `yaml:"de"`
}

func (p Proofs) attributes() (names []string) {
	if p.MailCode != nil {
		names = append(names, p.MailCode.Attribute)
		names = append(names, enroll.MailboxAttributes...) // where no code is to go
	}
	if p.SMSCode != nil {
		names = append(names, p.SMSCode.Attribute)
	}
	if p.Directory != nil {
		names = append(names, p.Directory.Attribute)
	}
	return names
}

// lacksFor says what a proof still needs in the file; "" for nothing.
func (c Config) lacksFor(kind enroll.ProofKind) string {
	missing := map[enroll.ProofKind]struct {
		described bool
		text      string
	}{
		enroll.ProofMailCode:    {c.Proofs.MailCode != nil, "proofs.mail_code says where codes go, and is missing"},
		enroll.ProofSMSCode:     {c.Proofs.SMSCode != nil, "proofs.sms_code says what sends them and where, and is missing"},
		enroll.ProofQuestions:   {c.Proofs.Questions != nil, "proofs.questions lists what is asked, and is missing"},
		enroll.ProofDirectory:   {c.Proofs.Directory != nil, "proofs.directory names the attribute, and is missing"},
		enroll.ProofHardwareKey: {c.Proofs.HardwareKey != nil, "proofs.hardware_key names the makers' roots, and is missing"},
	}
	if m, needs := missing[kind]; needs && !m.described {
		return m.text
	}
	return ""
}

func (c Config) checkProofs(f *finder) {
	p := c.Proofs
	if m := p.MailCode; m != nil {
		checkAddress(f, "proofs.mail_code", m.Attribute, m.Verified)
		if c.Mail.Host == "" {
			f.add("proofs.mail_code", "has no way out: mail.host is not set")
		}
	}
	if m := p.SMSCode; m != nil {
		c.checkSMS(f, *m)
	}
	if p.PIN != nil && p.PIN.Digits != 0 && (p.PIN.Digits < 6 || p.PIN.Digits > 12) {
		f.add("proofs.pin.digits", "%d is out of range: 6 to 12", p.PIN.Digits)
	}
	if p.HardwareKey != nil {
		checkHardware(f, *p.HardwareKey)
	}
	if p.Questions != nil {
		checkQuestions(f, *p.Questions)
	}
	if d := p.Directory; d != nil {
		checkAttributeName(f, "proofs.directory.attribute", d.Attribute)
		if d.English == "" || d.German == "" {
			f.add("proofs.directory", "needs en and de: what the page calls it, such as en: Employee number")
		}
	}
}

// checkAddress: an address that its owner may write in the directory would let
// whoever has the account have the codes too.
func checkAddress(f *finder, key, attribute string, verified bool) {
	if attribute == "" && !verified {
		f.add(key, "says nowhere where codes go: name an attribute that only administrators write, or write verified: true")
	}
	if attribute != "" {
		checkAttributeName(f, key+".attribute", attribute)
	}
}

var countryCode = regexp.MustCompile(`^\+[1-9][0-9]{0,6}$`)

func (c Config) checkSMS(f *finder, m SMSCode) {
	const key = "proofs.sms_code"
	checkAddress(f, key, m.Attribute, m.Verified)
	if len(m.Countries) == 0 {
		f.add(key, `needs countries: those that codes go to, such as ["+49"], or somebody has them sent to numbers that cost`)
	}
	for i, code := range m.Countries {
		if !countryCode.MatchString(code) {
			f.add(fmt.Sprintf("%s.countries[%d]", key, i), `%q is no country's prefix, such as "+49"`, code)
		}
	}
	if m.Hourly < 0 || m.Hourly > 10000 {
		f.add(key+".hourly", "%d is out of range: 1 to 10000, or 0 for 60", m.Hourly)
	}
	g := m.Gateway
	if g.URL == "" {
		f.add(key, "needs gateway.url: what the gateway's own documentation says to call")
	}
	switch g.Method {
	case "", http.MethodPost, http.MethodGet, http.MethodPut:
	default:
		f.add(key+".gateway.method", "%q is not known; allowed: POST, PUT, GET", g.Method)
	}
	if g.SecretFile != "" && g.SecretEnv != "" {
		f.add(key+".gateway", "has both secret_file and secret_env: keep one")
	} else if _, err := g.Secret(); err != nil {
		f.add(key+".gateway", "%v", err)
	}
	if g.Timeout != 0 {
		between(f, key+".gateway.timeout", g.Timeout, time.Second, 9*time.Second)
	}
	for i, status := range g.Success.Status {
		if status < 200 || status > 299 {
			f.add(fmt.Sprintf("%s.gateway.success.status[%d]", key, i), "%d does not mean that it worked: 200 to 299", status)
		}
	}
}

// Everybody answers all of the list: five are enough, and more than ten a burden.
const leastQuestions, mostQuestions = 5, 10

var questionID = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

func checkQuestions(f *finder, q Questions) {
	const key = "proofs.questions"
	if len(q.List) < leastQuestions || len(q.List) > mostQuestions {
		f.add(key, "lists %d questions: %d to %d, of which each person answers all", len(q.List), leastQuestions, mostQuestions)
	}
	if ask := q.Asked(); ask < 3 || ask > 5 {
		f.add(key+".ask", "%d is out of range: 3 to 5", ask)
	}
	seen := map[string]bool{}
	for i, one := range q.List {
		at := fmt.Sprintf("%s.list[%d]", key, i)
		switch {
		case !questionID.MatchString(one.ID):
			f.add(at, "needs an id of small letters, digits and dashes: answers are kept under it")
		case seen[one.ID]:
			f.add(at+".id", "%q is used twice", one.ID)
		}
		seen[one.ID] = true
		if one.English == "" || one.German == "" {
			f.add(at, "needs en and de")
		}
	}
}

// toOwnMailbox says whether codes go to an address that mostly opens with the account itself.
func (m *MailCode) toOwnMailbox() bool { return m != nil && enroll.IsMailbox(m.Attribute) }

// Warnings are what is no mistake by itself, and mostly one: `latchkey config check`
// prints them, and the server logs them.
func (c Config) Warnings() (all []string) {
	used := map[enroll.ProofKind]string{}
	for _, p := range c.Policies {
		for kind, act := range p.acts() {
			if act == nil {
				continue
			}
			for _, set := range act.alternatives() {
				for _, proof := range set {
					used[proof] = fmt.Sprintf("policy %q, %s", p.Name, kind)
				}
				if w := c.alone(kind, *act, set); w != "" {
					all = append(all, fmt.Sprintf("policy %q, %s: %s", p.Name, kind, w))
				}
			}
		}
	}
	m := c.Proofs.MailCode
	if at := used[enroll.ProofMailCode]; at != "" && m.toOwnMailbox() {
		all = append(all, fmt.Sprintf("proofs.mail_code.attribute: %s is mostly the mailbox that the account itself opens: whoever is locked out can't read the code there (%s); name an attribute with a private address, or write verified: true in its place", m.Attribute, at))
	}
	if g := c.Proofs.SMSCode; g != nil && g.Gateway.Success.Contains == "" {
		all = append(all, "proofs.sms_code.gateway.success: contains is missing, so that any page counts as sent, a login page or a notice of maintenance too, and people wait for a code that never comes; write what the gateway's own documentation says a taken message is answered with, such as contains: '\"queued\"'")
	}
	for _, d := range []struct {
		kind      enroll.ProofKind
		described bool
		key       string
	}{
		{enroll.ProofMailCode, m != nil, "mail_code"}, {enroll.ProofSMSCode, c.Proofs.SMSCode != nil, "sms_code"},
		{enroll.ProofPIN, c.Proofs.PIN != nil, "pin"}, {enroll.ProofQuestions, c.Proofs.Questions != nil, "questions"},
		{enroll.ProofDirectory, c.Proofs.Directory != nil, "directory"}, {enroll.ProofHardwareKey, c.Proofs.HardwareKey != nil, "hardware_key"},
	} {
		if d.described && used[d.kind] == "" {
			all = append(all, fmt.Sprintf("proofs.%s has no effect: no policy takes %s", d.key, d.kind))
		}
	}
	all = append(all, c.fewWarnings()...)
	all = append(all, c.holdWarnings(time.Now())...)
	slices.Sort(all)
	return all
}

// alone is what is to be said of an alternative that is one weak proof, or none beyond what
// is asked for anyway; "" for nothing.
// What the directory knows is none beside it.
func (c Config) alone(kind workflow.Kind, act Act, set []enroll.ProofKind) string {
	if kind == workflow.KindChange && len(set) == 1 && set[0] == enroll.ProofPassword {
		return "password alone adds nothing: a change asks for the old password anyway, so that it is typed twice; write passkey in its place, or leave it out"
	}
	rest := slices.DeleteFunc(slices.Clone(set), func(k enroll.ProofKind) bool { return k == enroll.ProofDirectory })
	if len(rest) > 1 || len(set) == 0 {
		return ""
	}
	switch only := slices.Concat(rest, set)[0]; {
	case only == enroll.ProofVouching && kind.ChangesCredential() && len(act.Approve) == 1:
		return "one approver's word alone is enough: whoever approves could ask in somebody's name, vouch for it themselves and have the account; put another proof beside it: vouching + pin"
	case len(act.Approve) > 0:
	case only == enroll.ProofPIN:
		return fmt.Sprintf("a PIN alone is enough, and others can look on while it is typed; put another proof beside it: pin + %s, or approve: [{by: manager}]", c.second(kind, act, only))
	case only == enroll.ProofQuestions, only == enroll.ProofDirectory:
		return fmt.Sprintf("answers to questions alone are enough, and others can find them out; put another proof beside them: questions + %s, or approve: [{by: manager}]", c.second(kind, act, enroll.ProofQuestions))
	}
	return ""
}

// second is what to write beside a weak proof.
func (c Config) second(kind workflow.Kind, act Act, first enroll.ProofKind) enroll.ProofKind {
	if c.Proofs.MailCode == nil || c.outranked(kind, act, []enroll.ProofKind{first, enroll.ProofMailCode}) {
		return enroll.ProofRecoveryCode
	}
	return enroll.ProofMailCode
}
