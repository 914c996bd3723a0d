package push

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/latchkey/latchkey/doctor"
)

// What Doctor finds about mail.
var (
	FoundMailConfig   = doctor.Kind{ID: "mail.config", Severity: doctor.Failure, Why: "The server does not start with such a mail account."}
	FoundMailDown     = doctor.Kind{ID: "mail.unreachable", Severity: doctor.Failure, Why: "No mail leaves: people whose devices take no notification hear of nothing."}
	FoundMailRefuses  = doctor.Kind{ID: "mail.refuses", Severity: doctor.Failure, Why: "What answers there does not talk to this server as a mail server."}
	FoundMailNoTLS    = doctor.Kind{ID: "mail.no-starttls", Severity: doctor.Failure, Why: "Names and links never travel in clear, so no mail leaves."}
	FoundMailTrust    = doctor.Kind{ID: "mail.tls-chain", Severity: doctor.Failure, Why: "The mail server could be anybody: its certificate leads to no authority that is trusted here, so no mail leaves."}
	FoundMailName     = doctor.Kind{ID: "mail.tls-name", Severity: doctor.Failure, Why: "The certificate is another machine's, so no mail leaves."}
	FoundMailExpired  = doctor.Kind{ID: "mail.tls-expired", Severity: doctor.Failure, Why: "A certificate past its time is refused, so no mail leaves."}
	FoundMailDays     = doctor.Kind{ID: "mail.tls-days", Severity: doctor.Warning, Why: "When the certificate ends, no mail leaves any more."}
	FoundMailOld      = doctor.Kind{ID: "mail.tls-old", Severity: doctor.Failure, Why: "The mail server speaks no TLS 1.2, so no mail leaves."}
	FoundMailNoLogin  = doctor.Kind{ID: "mail.no-login", Severity: doctor.Failure, Why: "The mail server takes no sign-in in a way that is known here, so none of the account's mail leaves."}
	FoundMailLogin    = doctor.Kind{ID: "mail.login", Severity: doctor.Failure, Why: "The mail server refuses account or password, so no mail leaves."}
	FoundMailSender   = doctor.Kind{ID: "mail.sender", Severity: doctor.Failure, Why: "The mail server takes nothing from this sender."}
	FoundMailAlert    = doctor.Kind{ID: "mail.alert-refused", Severity: doctor.Failure, Why: "The mail server takes nothing for this address: nobody hears that an account was frozen."}
	FoundMailFromMade = doctor.Kind{ID: "mail.sender-private", Severity: doctor.Warning, Why: "Other mail servers refuse a sender whose domain the internet does not know, or file it as junk."}
)

var mailKinds = []doctor.Kind{
	FoundMailConfig, FoundMailDown, FoundMailRefuses, FoundMailNoTLS, FoundMailTrust, FoundMailName, FoundMailExpired, FoundMailDays,
	FoundMailOld, FoundMailNoLogin, FoundMailLogin, FoundMailSender, FoundMailAlert, FoundMailFromMade,
}

// mailVisit is one conversation with the mail server; every step that fails
// reports and ends it.
type mailVisit struct {
	*mailer
	r      *doctor.Report
	at     string   // host:port
	alerts []string // addresses
}

// doctorMail goes as far as naming the sender and whom alerts go to, and then takes
// it back: no mail is sent.
func doctorMail(ctx context.Context, cfg Config, r *doctor.Report) {
	if cfg.Mail == nil {
		return
	}
	m, err := newMailer(*cfg.Mail, cfg.Organisation)
	if err != nil {
		r.Found(FoundMailConfig, "mail", err.Error(), configLine("mail: {host: smtp.your-domain.example, from: latchkey@your-domain.example}"))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*mailPhase)
	defer cancel()
	v := mailVisit{m, r, net.JoinHostPort(m.cfg.Host, strconv.Itoa(m.cfg.Port)), cfg.Alerts}
	if v.greets(ctx) && v.takes(ctx) {
		r.Good("mail.server", v.at, "It takes mail from "+m.cfg.From+".")
	}
	if _, domain, _ := cutLast(m.cfg.From, "@"); domain != "" {
		if top, made := madeUp(domain); made {
			r.Found(FoundMailFromMade, "mail.from", fmt.Sprintf("%s ends in .%s.", m.cfg.From, top), configLine("mail: {from: latchkey@your-domain.example}"))
		}
	}
}

// greets goes up to the certificate.
func (v mailVisit) greets(ctx context.Context) bool {
	conn, err := v.dial(ctx)(ctx, "tcp", v.at)
	if err != nil {
		v.unreached(err)
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(mailPhase))
	c, err := smtp.NewClient(conn, v.cfg.Host)
	if err == nil {
		err = c.Hello("latchkey.localdomain")
	}
	if err != nil {
		v.r.Found(FoundMailRefuses, v.at, err.Error(), shellLine("nc %s %d", v.cfg.Host, v.cfg.Port), v.takeFromHere())
		return false
	}
	defer func() { _ = c.Quit() }()
	if v.cfg.TLS == MailStartTLS {
		if offered, _ := c.Extension("STARTTLS"); !offered {
			v.r.Found(FoundMailNoTLS, v.at, "It does not offer STARTTLS.", shellLine("openssl s_client -starttls smtp -connect %s", v.at),
				configLine("mail: {tls: implicit, port: 465}"), shellLine("postconf -e smtpd_tls_security_level=may && postfix reload   # on the mail server, where it is Postfix"))
			return false
		}
		if err := c.StartTLS(v.tls); err != nil {
			v.untrusted(err)
			return false
		}
	}
	state, ok := tls.ConnectionState{}, false
	if secure, implicit := conn.(*tls.Conn); implicit {
		state, ok = secure.ConnectionState(), true
	} else {
		state, ok = c.TLSConnectionState()
	}
	if ok {
		v.daysLeft(state)
	}
	return v.offersLogin(c)
}

var renewMail = shellLine("certbot renew   # on the mail server, or whatever renews it there; then reload it")

func (v mailVisit) takeFromHere() doctor.Line {
	return doctor.Do("Have the mail server take mail from this machine at %s, and mail.port and mail.tls be what it speaks there.", v.at)
}

func (v mailVisit) openssl() doctor.Line {
	if v.cfg.TLS == MailImplicit {
		return shellLine("openssl s_client -connect %s", v.at)
	}
	return shellLine("openssl s_client -starttls smtp -connect %s", v.at)
}

func (v mailVisit) unreached(err error) {
	if _, ok := errors.AsType[*net.OpError](err); ok || doctor.TLSFaultOf(err) == doctor.TLSOther {
		v.r.Found(FoundMailDown, v.at, lastError(err), shellLine("nc -vz %s %d", v.cfg.Host, v.cfg.Port),
			configLine("mail: {host: smtp.your-domain.example, port: 587}"), doctor.Do("Or let this machine out to %s.", v.at))
		return
	}
	v.untrusted(err)
}

func (v mailVisit) untrusted(err error) {
	ca := configLine("mail: {ca_file: /etc/latchkey/ca.pem}")
	switch doctor.TLSFaultOf(err) {
	case doctor.TLSName:
		v.r.Found(FoundMailName, v.at, err.Error(), v.openssl(), configLine("mail: {host: NAME-IN-THE-CERTIFICATE}"))
	case doctor.TLSExpired:
		v.r.Found(FoundMailExpired, v.at, err.Error(), v.openssl(), renewMail)
	case doctor.TLSOld:
		v.r.Found(FoundMailOld, v.at, err.Error(), v.openssl(),
			shellLine("postconf -e 'smtpd_tls_protocols = >=TLSv1.2' && postfix reload   # on the mail server, where it is Postfix"))
	case doctor.TLSOther:
		v.r.Found(FoundMailRefuses, v.at, "The TLS handshake broke: "+err.Error(), v.openssl(), v.takeFromHere())
	default:
		v.r.Found(FoundMailTrust, v.at, err.Error(), v.openssl(), ca)
	}
}

func (v mailVisit) daysLeft(state tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	left, bad := doctor.TLSLeft(leaf, time.Now())
	if bad >= doctor.Warning {
		v.r.Found(FoundMailDays, v.at, fmt.Sprintf("The certificate ends in %d days, on %s.", int(left.Hours()/24), leaf.NotAfter.Format(time.DateOnly)), v.openssl(), renewMail)
		return
	}
	v.r.Good("mail.tls", v.at, fmt.Sprintf("%s; the certificate is trusted and good until %s.", tls.VersionName(state.Version), leaf.NotAfter.Format(time.DateOnly)))
}

// offersLogin: go-mail says no more than that it failed.
func (v mailVisit) offersLogin(c *smtp.Client) bool {
	if v.cfg.User == "" {
		return true
	}
	_, offered := c.Extension("AUTH")
	known := strings.Fields(offered)
	for _, way := range []string{"SCRAM-SHA-256", "PLAIN", "LOGIN"} {
		if slices.Contains(known, way) {
			return true
		}
	}
	v.r.Found(FoundMailNoLogin, v.at, fmt.Sprintf("It offers %q; SCRAM-SHA-256, PLAIN or LOGIN is needed.", offered), v.openssl(),
		shellLine("postconf -e smtpd_sasl_auth_enable=yes && postfix reload   # on the mail server, where it is Postfix"),
		doctor.Do("Or leave mail.user and its password out, where the mail server takes mail from this machine without."))
	return false
}

// takes signs in and names the sender, as a mail would.
func (v mailVisit) takes(ctx context.Context) bool {
	client, err := v.client(ctx)
	if err != nil {
		v.r.Found(FoundMailConfig, "mail", err.Error(), configLine("mail: {host: smtp.your-domain.example}"))
		return false
	}
	c, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		v.r.Found(FoundMailLogin, v.at, fmt.Sprintf("It refuses %s: %v", v.cfg.User, err), shellLine("install -m 600 /dev/stdin /etc/latchkey/mail.password   # the account's password"))
		return false
	}
	defer func() { _ = client.CloseWithSMTPClient(c) }()
	if err := c.Mail(v.cfg.From); err != nil {
		v.r.Found(FoundMailSender, v.at, fmt.Sprintf("It refuses %s: %v", v.cfg.From, err), configLine("mail: {from: ADDRESS-THAT-THE-ACCOUNT-MAY-USE}"))
		return false
	}
	v.alertsTo(c)
	_ = c.Reset()
	return true
}

// alertsTo names whom alerts go to. Only a lasting refusal counts: many servers put
// off whom they meet for the first time (RFC 6647).
func (v mailVisit) alertsTo(c *smtp.Client) {
	good := len(v.alerts) > 0
	for _, to := range v.alerts {
		err := c.Rcpt(to)
		if e, ok := errors.AsType[*textproto.Error](err); ok && e.Code >= 500 {
			good = false
			v.r.Found(FoundMailAlert, to, fmt.Sprintf("%s refuses it: %v", v.at, err), configLine("alerts: {mail: [A-MAILBOX-THAT-SOMEBODY-WATCHES@your-domain.example]}"))
		}
	}
	if good {
		v.r.Good("mail.alerts", v.at, fmt.Sprintf("Nothing is refused for the %d address(es) that alerts go to.", len(v.alerts)))
	}
}
