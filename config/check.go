package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// check finds every mistake that can be found without the network.
func (c Config) check(name string, text []byte) Problems {
	f := newFinder(name, text)
	c.checkServer(f)
	c.checkTLS(f)
	c.checkDatabase(f)
	c.checkDirectory(f)
	c.checkTimes(f)
	c.checkPasswords(f)
	c.checkPush(f)
	c.checkMail(f)
	c.checkAlerts(f)
	c.checkProofs(f)
	c.checkReminders(f)
	c.checkKeyFile(f)
	c.checkBackup(f)
	c.checkApprovers(f)
	c.checkPolicies(f)
	sort.SliceStable(f.out, func(i, j int) bool { return f.out[i].Line < f.out[j].Line })
	return f.out
}

func (c Config) checkServer(f *finder) {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		f.add("listen", "%q is no host:port, such as 127.0.0.1:8080", c.Listen)
	}
	checkPublicURL(f, c.PublicURL)
	if strings.TrimSpace(c.Organisation) == "" {
		f.add("organisation", "is missing: people see this name on the first screen")
	}
	if c.Data == "" {
		f.add("data", "is empty: name a directory that only the service may read")
	}
	if strings.TrimSpace(c.Support.Name) == "" || c.Support.Phone == "" && c.Support.Mail == "" {
		f.add("support", "needs a name and a phone or mail: every error says whom to ask")
	}
	for i, s := range c.TrustedProxies {
		key := fmt.Sprintf("trusted_proxies[%d]", i)
		switch p, err := parsePrefix(s); {
		case err != nil:
			f.add(key, "%q is no address or network, such as 10.1.2.3 or 10.1.2.0/24", s)
		case p.Bits() == 0:
			f.add(key, "%q is everybody: anybody could forge the address that limits count by", s)
		}
	}
	if c.LimitFactor < 1 || c.LimitFactor > 1000 {
		f.add("limit_factor", "%d is out of range: 1 to 1000", c.LimitFactor)
	}
	oneOf(f, "log.level", c.Log.Level, allowed["log.level"]...)
	oneOf(f, "log.format", c.Log.Format, allowed["log.format"]...)
}

// checkPublicURL: a relying party ID must be a domain (WebAuthn 5.1.2), so an
// address or a single label can never work, and only https or localhost is a
// secure context.
func checkPublicURL(f *finder, s string) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		f.add("public_url", "%q is no URL, such as https://latchkey.corp.example.test", s)
		return
	}
	host := u.Hostname()
	local := isLocal(host)
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && local):
		f.add("public_url", "must begin with https:// (http:// only for localhost): passkeys need a secure origin")
	case net.ParseIP(host) != nil:
		f.add("public_url", "%q is an address: passkeys need a host name", host)
	case !local && !strings.Contains(host, "."):
		f.add("public_url", "%q has no dot: passkeys need a whole host name, such as latchkey.corp.example.test", host)
	case host != strings.ToLower(host):
		f.add("public_url", "%q has capital letters: write the host name in lower case", host)
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		f.add("public_url", "must end after the host: Latchkey lives at the root of its own name")
	}
}

func checkAccount(f *finder, key string, a Account) {
	if a.Bind == "" {
		f.add(key+".bind", "is missing: name the service account, such as svc-latchkey@corp.example.test")
	}
	if (a.PasswordFile == "") == (a.PasswordEnv == "") {
		f.add(key, "needs either password_file or password_env")
		return
	}
	if _, err := a.Secret(); err != nil {
		at := key + ".password_file"
		if a.PasswordEnv != "" {
			at = key + ".password_env"
		}
		f.add(at, "%v", err)
	}
}

func (c Config) checkTimes(f *finder) {
	between(f, "enrolment.invitation_valid", c.Enrolment.InvitationValid, 5*time.Minute, 30*24*time.Hour)
	between(f, "sessions.idle", c.Sessions.Idle, time.Minute, 24*time.Hour)
	between(f, "sessions.absolute", c.Sessions.Absolute, 5*time.Minute, 7*24*time.Hour)
	between(f, "sessions.short", c.Sessions.Short, time.Minute, time.Hour)
	between(f, "requests.approved", c.Requests.Approved, 5*time.Minute, 24*time.Hour)
	between(f, "requests.watch", c.Requests.Watch, 0, 24*time.Hour)
	between(f, "requests.review", c.Requests.Review, minReview, maxReview)
}

func (c Config) checkPasswords(f *finder) {
	if c.Passwords.Strength < 0 || c.Passwords.Strength > 4 {
		f.add("passwords.strength", "%d is out of range: 0 (off) to 4 (very strong)", c.Passwords.Strength)
	}
	for i, word := range c.Passwords.Banned {
		if len([]rune(strings.TrimSpace(word))) < 3 {
			f.add(fmt.Sprintf("passwords.banned[%d]", i), "%q is shorter than 3 characters and would refuse nearly everything", word)
		}
	}
	checkFile(f, "passwords.banned_file", c.Passwords.BannedFile)
	checkFile(f, "passwords.breached_file", c.Passwords.BreachedFile)
}

func (c Config) checkPolicies(f *finder) {
	if len(c.Policies) == 0 {
		f.add("policies", "is empty: no match means no, so nobody could do anything")
	}
	seen := map[string]bool{}
	rules := c.conditions()
	for i, p := range c.Policies {
		key := fmt.Sprintf("policies[%d]", i)
		if p.Name == "" {
			f.add(key, "needs a name: it stands in every decision and in the log")
		}
		if seen[p.Name] && p.Name != "" {
			f.add(key+".name", "%q is used twice", p.Name)
		}
		seen[p.Name] = true
		if never := rules.Contradiction(i); len(never) > 0 {
			f.add(key, "is never reached: nobody matches %s; change one of them, or remove the entry", clashes(never))
		} else if by := rules.HiddenBy(i); len(by) > 0 {
			f.add(key, "is never reached: %s before it decides for everybody that it matches; move it up, or remove it", entries(by))
		}
		c.checkWho(f, key+".who", p.Who)
		c.checkActs(f, key, i)
		if p.Hold != nil {
			c.checkHold(f, key+".hold", *p.Hold)
		}
	}
}

// conditions are the policies as far as it counts which of them is reached.
func (c Config) conditions() (p workflow.Policy) {
	for _, one := range c.Policies {
		p.Rules = append(p.Rules, workflow.Rule{Who: one.Who.condition(c.Directory.LocationAttribute)})
	}
	return p
}

// clashes names conditions that nobody matches at once: of many the first ones, which show
// what is meant.
func clashes(all [][]string) string {
	const most = 3
	var words []string
	for _, one := range all[:min(len(all), most)] {
		words = append(words, strings.Join(one, " and "))
	}
	text := strings.Join(words, " at once, nor ")
	if len(all[0]) > 1 {
		text += " at once"
	}
	if len(all) > most {
		text += ", and so on"
	}
	return text
}

func entries(numbers []int) string {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = fmt.Sprintf("policies[%d]", n)
	}
	return strings.Join(names, " or ")
}

func (c Config) checkActs(f *finder, key string, number int) {
	acts := c.Policies[number].acts()
	for _, kind := range workflow.Kinds {
		act := acts[kind]
		if act == nil {
			continue
		}
		at := fmt.Sprintf("%s.%s", key, kind)
		switch {
		case len(act.Prove) > 0:
		case len(act.Approve) > 0:
			f.add(at, "needs prove beside approve: an approval does not show that it is this person who asks")
		default:
			f.add(at, "needs prove: without a proof anybody could act as this person")
		}
		c.checkReview(f, at, *act)
		checkCoolDown(f, at, kind, *act)
		checkVouching(f, at, *act)
		for i, alternative := range act.alternatives() {
			for _, proof := range alternative {
				if !slices.Contains(proofs, proof) {
					f.add(fmt.Sprintf("%s.prove[%d]", at, i), "%q is no proof; allowed: %s", proof, words(proofs))
				} else if lacks := c.lacksFor(proof); lacks != "" {
					f.add(fmt.Sprintf("%s.prove[%d]", at, i), "nobody can give %s: %s", proof, lacks)
				}
			}
			c.checkIndependent(f, fmt.Sprintf("%s.prove[%d]", at, i), *act, alternative)
		}
		c.checkGivable(f, at, number, kind)
	}
}

// checkVouching: a word is given by whoever approves, who has to know whose.
func checkVouching(f *finder, at string, act Act) {
	for i, set := range act.alternatives() {
		if !slices.Contains(set, enroll.ProofVouching) {
			continue
		}
		key := fmt.Sprintf("%s.prove[%d]", at, i)
		switch {
		case len(act.Approve) == 0:
			f.add(key, "vouching needs approve beside prove: it is those people's word that counts, such as approve: [{by: manager, else: helpdesk}]")
		case act.Number == string(workflow.NumberOff):
			f.add(key, "vouching and number: off would let somebody vouch whom nobody spoke with: remove number")
		case slices.ContainsFunc(set, enroll.ProofKind.IsPasskey):
			f.add(key, "vouching stands in for a passkey: write passkey alone, which approve asks others about too")
		}
	}
}

// checkCoolDown: where it has no effect it would only look safe.
func checkCoolDown(f *finder, at string, kind workflow.Kind, act Act) {
	if act.CoolDown == 0 {
		return
	}
	key := at + ".cool_down"
	between(f, key, act.CoolDown, time.Minute, 30*24*time.Hour)
	if kind == workflow.KindUnlock || kind == workflow.KindChange {
		f.add(key, "has no effect: %s gives nobody a new credential", kind)
	} else if len(act.Approve) > 0 {
		f.add(key, "has no effect beside approve: somebody looks at each of these")
	}
}

// checkIndependent finds two proofs of one alternative that lie on the same thing:
// whoever has it has both.
func (c Config) checkIndependent(f *finder, key string, act Act, alternative []enroll.ProofKind) {
	if !slices.ContainsFunc(alternative, func(k enroll.ProofKind) bool { return enroll.Carrier(k) != "" }) && alternative[0] == enroll.ProofDirectory {
		f.add(key, "names somebody and proves nothing: directory stands beside a proof, such as recovery-code + directory")
		return
	}
	if checkHardwareTwice(f, key, alternative) {
		return
	}
	dependent := act.Independent != nil && !*act.Independent
	for i, one := range alternative {
		for _, other := range alternative[i+1:] {
			if one == other { // each counts once, so that the second could never be given
				f.add(key, "names %s twice", one)
			} else if !dependent && slices.Contains(proofs, one) && slices.Contains(proofs, other) && enroll.Carrier(one) == enroll.Carrier(other) {
				f.add(key, "%s and %s are both on the %s, so whoever has it has both; write independent: false beside prove if that is meant",
					one, other, enroll.Carrier(one))
			} else if !dependent && c.opens(one, other) {
				f.add(key, "%s and %s are both on the password, which opens the mailbox that proofs.mail_code.attribute: %s names, so whoever has it has both; name an attribute with a private address, write verified: true in its place, or write independent: false beside prove if that is meant",
					one, other, c.Proofs.MailCode.Attribute)
			}
		}
	}
}

// opens says whether of two proofs one is the account's password and the other a code to
// the mailbox that it opens. Where people may verify an address beside, the code of
// whoever verified none still goes there.
func (c Config) opens(one, other enroll.ProofKind) bool {
	pair := []enroll.ProofKind{one, other}
	return slices.Contains(pair, enroll.ProofPassword) && slices.Contains(pair, enroll.ProofMailCode) && c.Proofs.MailCode.toOwnMailbox()
}

func words(kinds []enroll.ProofKind) string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = string(k)
	}
	return strings.Join(out, ", ")
}

func between(f *finder, key string, v, least, most time.Duration) {
	if v < least || v > most {
		f.add(key, "%s is out of range: %s to %s", v, least, most)
	}
}

func oneOf(f *finder, key, v string, allowed ...string) {
	if !slices.Contains(allowed, v) {
		f.add(key, "%q is not known; allowed: %s", v, strings.Join(allowed, ", "))
	}
}

func checkFile(f *finder, key, path string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); err != nil {
		f.add(key, "%v", err)
	}
}

func checkDN(f *finder, key, dn string) {
	if dn == "" {
		return
	}
	if parsed, err := ldap.ParseDN(dn); err != nil || len(parsed.RDNs) == 0 {
		f.add(key, "%q is no distinguished name, such as OU=Staff,DC=corp,DC=example,DC=test", dn)
	}
}

func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("parse network %q: %w", s, err)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
