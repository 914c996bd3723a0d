package ad

import (
	"context"
	"fmt"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/doctor"
)

// pwdProperties bit DOMAIN_PASSWORD_STORE_CLEARTEXT (MS-SAMR 2.2.1.2).
const cleartextBit = 16

// sameDN compares names by their parts, without regard to case.
func sameDN(a, b string) bool {
	first, err := ldap.ParseDN(a)
	if err != nil || len(first.RDNs) == 0 {
		return false
	}
	second, err := ldap.ParseDN(b)
	return err == nil && first.EqualFold(second)
}

// checkBase reads the head of the domain, and the configured base.
func (x *exam) checkBase(ctx context.Context) {
	x.check(ctx, "base", x.base, func(ctx context.Context, out *result) (string, error) {
		inside, broken := Under(x.base, x.head)
		if broken != nil || !inside && !sameDN(x.base, x.head) {
			out.found(kindBaseElsewhere, "the controllers serve "+x.head, config("base_dn: %s # below directory", x.head))
			return "", nil
		}
		_, ok, err := x.reader().object(ctx, x.base, []string{"objectClass"})
		if err != nil && refused(err) == nil {
			return "", err
		}
		if err != nil || !ok {
			out.found(kindBaseMissing, "there is no such object", config("base_dn: %s # below directory", x.head))
		}
		return "exists", nil
	})
}

// checkPolicy looks at the domain's password policy and at the fine-grained ones.
func (x *exam) checkPolicy(ctx context.Context) {
	x.check(ctx, "password-policy", x.head, func(ctx context.Context, out *result) (string, error) {
		e, ok, err := x.reader().object(ctx, x.head, append(domainPolicy.names(), "objectSid"))
		if err != nil && refused(err) == nil {
			return "", err
		}
		if err != nil || !ok || !e.has("objectSid") {
			out.found(kindHeadUnread, "no objectSid of "+x.head, line(doctor.DSACLs, "dsacls %s /G %s", x.head, `NT AUTHORITY\Authenticated Users:GR`),
				samba("dsacl set --objectdn=%s --sddl=%s", x.head, "(A;;RPLCLORC;;;AU)"))
			return "", nil
		}
		policy, ok := parsePolicy(e, domainPolicy, PolicyDomain)
		if !ok {
			out.found(kindPolicyUnread, "a number of the policy is missing or broken", power("Get-ADDefaultDomainPasswordPolicy"),
				samba("domain passwordsettings show"), setAgain(),
				line(doctor.DSACLs, "dsacls %s /G %s", x.head, `NT AUTHORITY\Authenticated Users:GR`))
			return "", nil
		}
		bits, _, _ := e.number(domainPolicy.complexity)
		judgePolicy(policy, bits&cleartextBit != 0, policyTools{
			power: "Set-ADDefaultDomainPasswordPolicy -Identity %s", name: dnsName(x.head), samba: "domain passwordsettings set"}, out)
		judgeDomainPolicy(policy, dnsName(x.head), out)
		return fmt.Sprintf("%d characters, lockout after %d for %s", policy.MinLength, policy.LockoutThreshold, policy.LockoutDuration), nil
	})
	x.checkFinePolicies(ctx)
}

func (x *exam) checkFinePolicies(ctx context.Context) {
	place := "CN=Password Settings Container,CN=System," + x.head
	var found []entry
	x.check(ctx, "fine-policies", place, func(ctx context.Context, _ *result) (seen string, err error) {
		q := query{base: place, scope: ldap.ScopeSingleLevel, filter: equal("objectClass", "msDS-PasswordSettings"), limit: 500,
			attrs: append(finePolicy.names(), "msDS-PasswordReversibleEncryptionEnabled")}
		if found, _, err = x.reader().search(ctx, q); refused(err) != nil {
			err = nil // reported with the service account's rights
		}
		return fmt.Sprintf("%d that can be read", len(found)), err
	})
	for _, e := range found {
		policy, ok := parsePolicy(e, finePolicy, PolicyPSO)
		x.hasPSO = x.hasPSO || policy.Name == servicePSO
		x.check(ctx, "fine-policy", e.DN, func(_ context.Context, out *result) (string, error) {
			if !ok {
				out.found(kindPolicyUnread, "a number of the policy is missing or broken",
					power("Get-ADFineGrainedPasswordPolicy -Identity %s", e.DN), samba("domain passwordsettings pso show %s", policy.Name), setAgain())
				return "", nil
			}
			judgePolicy(policy, equalFold(e.text("msDS-PasswordReversibleEncryptionEnabled"), "TRUE"), policyTools{
				power: "Set-ADFineGrainedPasswordPolicy -Identity %s", name: policy.Name, samba: "domain passwordsettings pso set %s"}, out)
			return fmt.Sprintf("%d characters, lockout after %d", policy.MinLength, policy.LockoutThreshold), nil
		})
	}
}

// policyTools is how one policy is set. A %s takes its name.
type policyTools struct{ power, samba, name string }

func (t policyTools) set(forPower, forSamba string) []doctor.Line {
	named := func(make func(string, ...string) []doctor.Line, format, rest string) []doctor.Line {
		if format == "domain passwordsettings set" {
			return make(format + " " + rest)
		}
		return make(format+" "+rest, t.name)
	}
	return lines(named(power, t.power, forPower), named(samba, t.samba, forSamba))
}

// judgePolicy looks at what is true of every policy.
func judgePolicy(p PasswordPolicy, reversible bool, t policyTools, out *result) {
	if p.LockoutThreshold > 0 && p.LockoutThreshold < lowThreshold {
		out.found(kindLowThreshold, fmt.Sprintf("locks after %d wrong passwords", p.LockoutThreshold),
			t.set("-LockoutThreshold 10", "--account-lockout-threshold=10"))
	}
	if p.LockoutThreshold > 0 && p.LockoutDuration > 0 && p.ObservationWindow > p.LockoutDuration {
		out.found(kindLockWindow, fmt.Sprintf("window %s, lockout %s", p.ObservationWindow, p.LockoutDuration),
			t.set("-LockoutDuration 0:30:0 -LockoutObservationWindow 0:30:0", "--account-lockout-duration=30 --reset-account-lockout-after=30"))
	}
	if p.MinLength < shortPassword {
		out.found(kindShortPassword, fmt.Sprintf("at least %d characters", p.MinLength), t.set("-MinPasswordLength 12", "--min-pwd-length=12"))
	}
	if !p.Complexity {
		out.found(kindSimplePassword, "complexity is off", t.set("-ComplexityEnabled $true", "--complexity=on"))
	}
	if p.MaxAge > 0 && p.MaxAge < shortMaxAge {
		out.found(kindMaxAge, fmt.Sprintf("expires after %d days", days(p.MaxAge)), t.set("-MaxPasswordAge 365.0:0:0", "--max-pwd-age=365"))
	}
	if p.History == 0 {
		out.found(kindNoHistory, "0 passwords are remembered", t.set("-PasswordHistoryCount 24", "--history-length=24"))
	}
	if reversible {
		out.found(kindReversible, "reversible encryption is on", t.set("-ReversibleEncryptionEnabled $false", "--store-plaintext=off"))
	}
}

// judgeDomainPolicy looks at what a fine-grained policy may do on purpose.
func judgeDomainPolicy(p PasswordPolicy, domain string, out *result) {
	t := policyTools{power: "Set-ADDefaultDomainPasswordPolicy -Identity %s", name: domain, samba: "domain passwordsettings set"}
	if p.LockoutThreshold == 0 {
		out.found(kindNoLockout, "lockoutThreshold 0", t.set("-LockoutThreshold 10", "--account-lockout-threshold=10"))
	} else if p.LockoutDuration == 0 {
		out.found(kindLockForever, "lockoutDuration without end",
			t.set("-LockoutDuration 0:30:0 -LockoutObservationWindow 0:30:0", "--account-lockout-duration=30 --reset-account-lockout-after=30"))
	}
	if p.MinAge >= 24*time.Hour {
		out.found(kindMinAge, fmt.Sprintf("%d days until the next change", days(p.MinAge)), t.set("-MinPasswordAge 0", "--min-pwd-age=0"))
	}
}

// setAgain names no numbers: those are the company's to choose.
func setAgain() []doctor.Line {
	return []doctor.Line{doctor.Do("Set again, with the tool's set, each number that is empty there; where none is, let the service account read them.")}
}
