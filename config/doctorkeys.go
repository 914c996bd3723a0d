package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

// What the doctor takes for too much. The check of the file refuses only what can
// never be right.
const (
	longIdle       = 2 * time.Hour
	longAbsolute   = 24 * time.Hour
	longApproved   = 4 * time.Hour
	longInvitation = 7 * 24 * time.Hour
	largeFactor    = 500
	wideIPv4       = 24 // fewer bits are a network, and no proxies
	wideIPv6       = 64
)

// privateTops are the endings of names that the internet does not know (RFC 6762
// appendix G, RFC 8375, ICANN's reservation of internal).
var privateTops = []string{"local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain", "home.arpa"}

func line(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Config, Text: fmt.Sprintf(format, args...)}
}

// doctorAddress is about where the server listens and how it is reached.
func (c Config) doctorAddress(r *doctor.Report) {
	host := c.RPID()
	u, err := url.Parse(c.PublicURL)
	if err != nil || host == "" {
		return // reported as a mistake
	}
	good := true
	found := func(k doctor.Kind, seen string, mend ...doctor.Line) {
		good = false
		r.Found(k, c.PublicURL, seen, mend...)
	}
	if isLocal(host) {
		found(FoundLocalhost, "The public URL is this machine itself.", line("public_url: https://latchkey.your-domain.example"))
	}
	if port := u.Port(); port != "" && port != "443" && !isLocal(host) {
		found(FoundPort, "The public URL names port "+port+".", line("public_url: https://%s", host))
	}
	if i := slices.IndexFunc(privateTops, func(top string) bool { return strings.HasSuffix(host, "."+top) }); i >= 0 {
		found(FoundPrivateName, fmt.Sprintf("%s ends in .%s, which only the inner network knows.", host, privateTops[i]),
			line("public_url: https://latchkey.your-domain.example"))
	}
	if good {
		r.Good("config.public-url", c.PublicURL, "It is a whole host name on the usual port; "+host+" is what passkeys are bound to.")
	}
	c.doctorListen(r)
	c.doctorProxies(r)
}

// doctorListen: the server itself speaks no TLS.
func (c Config) doctorListen(r *doctor.Report) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return
	}
	addr, _ := netip.ParseAddr(host)
	if (host == "" || addr.IsValid() && addr.IsUnspecified()) && !c.TLS.On() {
		_, port, _ := net.SplitHostPort(c.Listen)
		r.Found(FoundListenOpen, c.Listen, "It listens on every address of the machine, without TLS.",
			line("listen: 127.0.0.1:%s", port))
		return
	}
	r.Good("config.listen", c.Listen, "It listens on one address only, or with TLS.")
}

func (c Config) doctorProxies(r *doctor.Report) {
	if len(c.TrustedProxies) == 0 && strings.HasPrefix(c.PublicURL, "https://") && !c.TLS.On() {
		r.Found(FoundNoProxy, "trusted_proxies", "The public URL is https, the server speaks no TLS, and no proxy is named.",
			line("trusted_proxies: [127.0.0.1]"))
		return
	}
	good := true
	for _, p := range c.Proxies() {
		least := wideIPv4
		if p.Addr().Is6() {
			least = wideIPv6
		}
		if p.Bits() < least {
			good = false
			r.Found(FoundProxyWide, "trusted_proxies", fmt.Sprintf("%s holds more machines than anybody has proxies.", p),
				line("trusted_proxies: [ADDRESS-OF-THE-PROXY]"))
		}
	}
	if good && len(c.TrustedProxies) > 0 {
		r.Good("config.trusted-proxies", "trusted_proxies", "Named narrowly: "+strings.Join(c.TrustedProxies, ", ")+".")
	}
}

func (c Config) doctorTimes(r *doctor.Report) {
	good, d := true, Default()
	found := func(k doctor.Kind, key, seen string, mend ...doctor.Line) {
		good = false
		r.Found(k, key, seen, mend...)
	}
	s := c.Sessions
	if s.Idle > longIdle || s.Absolute > longAbsolute {
		found(FoundSessionLong, "sessions", fmt.Sprintf("A sign-in lasts %s without a touch, %s in any case.", s.Idle, s.Absolute),
			line("sessions: {idle: %s, absolute: %s}", d.Sessions.Idle, d.Sessions.Absolute))
	}
	if s.Idle > s.Absolute || s.Short > s.Idle {
		found(FoundSessionOrder, "sessions", fmt.Sprintf("short is %s, idle is %s, absolute is %s.", s.Short, s.Idle, s.Absolute),
			line("sessions: {short: %s, idle: %s, absolute: %s}", d.Sessions.Short, d.Sessions.Idle, d.Sessions.Absolute))
	}
	if c.Requests.Approved > longApproved {
		found(FoundApproved, "requests.approved", fmt.Sprintf("It is %s.", c.Requests.Approved), line("requests: {approved: %s}", d.Requests.Approved))
	}
	if c.Requests.Watch == 0 {
		found(FoundWatch, "requests.watch", "Nobody looks at an account after it was unlocked.", line("requests: {watch: %s}", d.Requests.Watch))
	}
	if c.Enrolment.InvitationValid > longInvitation {
		found(FoundInviteLong, "enrolment.invitation_valid", fmt.Sprintf("It is %s.", c.Enrolment.InvitationValid),
			line("enrolment: {invitation_valid: %s}", d.Enrolment.InvitationValid))
	}
	if good {
		r.Good("config.times", "sessions, requests, enrolment", "No time is longer than needed.")
	}
}

// doctorWays is about what weakens, and what reaches nobody.
func (c Config) doctorWays(r *doctor.Report) {
	good := true
	found := func(k doctor.Kind, key, seen string, mend ...doctor.Line) {
		good = false
		r.Found(k, key, seen, mend...)
	}
	if !c.Enrolment.Password {
		found(FoundInvitation, "enrolment.password", "A link alone enrols.", line("enrolment: {password: true}"))
	}
	if c.Passwords.Strength == 0 {
		found(FoundStrength, "passwords.strength", "It is 0: no password is too weak beside the directory's own rules.", line("passwords: {strength: 2}"))
	}
	if c.LimitFactor >= largeFactor {
		found(FoundLimit, "limit_factor", fmt.Sprintf("It is %d.", c.LimitFactor), line("limit_factor: NUMBER-OF-PEOPLE-BEHIND-ONE-ADDRESS"))
	}
	if c.Log.Level == "debug" {
		found(FoundDebug, "log.level", "It is debug.", line("log: {level: info}"))
	}
	if c.Mail.Host == "" && c.asksApprovers() {
		found(FoundMailNone, "mail", "No mail server is named, and policies ask approvers.", line("mail: {host: smtp.your-domain.example, from: latchkey@your-domain.example}"))
	}
	if c.Mail.Host != "" && len(c.AlertMail()) == 0 {
		found(FoundAlertsNone, "alerts.mail", "Mail leaves by "+c.Mail.Host+", and neither alerts.mail nor support.mail says whom alerts go to.",
			line("alerts: {mail: [A-MAILBOX-THAT-SOMEBODY-WATCHES@your-domain.example]}"))
	}
	if good {
		r.Good("config.strength", "enrolment, passwords, limits, log", "Nothing is weaker than its default.")
	}
}

func (c Config) asksApprovers() bool {
	return slices.ContainsFunc(c.Policies, func(p Policy) bool {
		for _, act := range p.acts() {
			if act != nil && len(act.Approve) > 0 {
				return true
			}
		}
		return false
	})
}
