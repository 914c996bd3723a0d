package ad

import (
	"context"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// pwdProperties bit DOMAIN_PASSWORD_COMPLEX (MS-SAMR 2.2.1.2).
const complexBit = 1

// policyAttrs are the names of one policy's numbers, on the domain's head and
// on a fine-grained policy (PSO, MS-ADTS 3.1.1.4.5.36).
type policyAttrs struct {
	minLength, complexity, history, minAge, maxAge, threshold, duration, window string
}

var (
	domainPolicy = policyAttrs{"minPwdLength", "pwdProperties", "pwdHistoryLength", "minPwdAge", "maxPwdAge",
		"lockoutThreshold", "lockoutDuration", "lockOutObservationWindow"}
	finePolicy = policyAttrs{"msDS-MinimumPasswordLength", "msDS-PasswordComplexityEnabled", "msDS-PasswordHistoryLength",
		"msDS-MinimumPasswordAge", "msDS-MaximumPasswordAge", "msDS-LockoutThreshold", "msDS-LockoutDuration",
		"msDS-LockoutObservationWindow"}
)

func (p policyAttrs) names() []string {
	return []string{"cn", p.minLength, p.complexity, p.history, p.minAge, p.maxAge, p.threshold, p.duration, p.window}
}

// PasswordPolicy reads the policy that the directory holds this person to: the
// fine-grained one that the directory itself names, or that of the account's
// own domain. Where it may not be read, the source says PolicyUnreadable and
// nothing else is known. It asks the controller that the account was read on,
// and others when that one does not answer.
func (c *Client) PasswordPolicy(ctx context.Context, a Account) (PasswordPolicy, error) {
	const op = "read password policy"
	var policy PasswordPolicy
	read := func(ctx context.Context, on *conn) error {
		e, ok, err := on.object(ctx, "<GUID="+a.GUID.String()+">", []string{attrResultantPSO})
		if err != nil {
			return err
		}
		if !ok {
			return notFound
		}
		policy, err = c.policyOf(ctx, on, e.DN, e.text(attrResultantPSO))
		return err
	}
	if at, missing := c.named(op, a.Controller); missing == nil {
		err := c.use(ctx, at, c.as(reading), read)
		if err == nil {
			return policy, nil
		}
		if e := fault(op, at, err); !passing(e.Cause) || ctx.Err() != nil {
			return PasswordPolicy{}, e
		}
	}
	if err := c.try(ctx, op, reading, read); err != nil {
		return PasswordPolicy{}, err
	}
	return policy, nil
}

// unreadable is a policy of which nothing is known.
func unreadable(hints bool) PasswordPolicy {
	return PasswordPolicy{Source: PolicyUnreadable, LockoutThreshold: -1, HistoryOnReset: hints}
}

// policyOf reads the PSO, or the head of the domain that the account lies in.
func (c *Client) policyOf(ctx context.Context, on *conn, dn, pso string) (PasswordPolicy, error) {
	info, _ := on.at.state(c.now())
	source, base, attrs := PolicyDomain, domainHead(dn), domainPolicy
	if pso != "" {
		source, base, attrs = PolicyPSO, pso, finePolicy
	}
	e, ok, err := on.object(ctx, base, attrs.names())
	if r := refused(err); r != nil && r.ResultCode == ldap.LDAPResultInsufficientAccessRights {
		ok, err = false, nil
	}
	if err != nil {
		return PasswordPolicy{}, err
	}
	hints := info.hints != ""
	if !ok {
		return unreadable(hints), nil
	}
	policy, ok := parsePolicy(e, attrs, source)
	if !ok {
		return unreadable(hints), nil
	}
	policy.HistoryOnReset = hints
	return policy, nil
}

// parsePolicy is false when one number is missing or broken: half a policy
// would be shown as if it were the whole.
func parsePolicy(e entry, attrs policyAttrs, source PolicySource) (PasswordPolicy, bool) {
	p := PasswordPolicy{Source: source}
	if source == PolicyPSO {
		p.Name = e.shown("cn")
	}
	complexity, ok := parseComplexity(e, attrs.complexity)
	if !ok {
		return p, false
	}
	p.Complexity = complexity
	for _, count := range []struct {
		name string
		into *int
	}{{attrs.minLength, &p.MinLength}, {attrs.history, &p.History}, {attrs.threshold, &p.LockoutThreshold}} {
		v, ok, err := e.number(count.name)
		if err != nil || !ok || v < 0 || v > 1<<16 {
			return p, false
		}
		*count.into = int(v)
	}
	for _, span := range []struct {
		name string
		into *time.Duration
	}{{attrs.minAge, &p.MinAge}, {attrs.maxAge, &p.MaxAge}, {attrs.duration, &p.LockoutDuration}, {attrs.window, &p.ObservationWindow}} {
		v, ok, err := e.number(span.name)
		if err != nil || !ok {
			return p, false
		}
		*span.into = interval(v)
	}
	return p, true
}

// parseComplexity reads the bit of the domain, or the boolean of a PSO.
func parseComplexity(e entry, name string) (complexity, ok bool) {
	switch strings.ToUpper(e.text(name)) {
	case "TRUE":
		return true, true
	case "FALSE":
		return false, true
	}
	v, ok, err := e.number(name)
	return v&complexBit != 0, ok && err == nil
}
