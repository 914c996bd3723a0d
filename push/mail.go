package push

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/latchkey/latchkey/secret"
)

// MailTLS is how the connection to a mail server is protected.
type MailTLS string

// The ways. There is none that takes what the server offers.
const (
	MailStartTLS MailTLS = "starttls" // the default: mandatory and verified (RFC 3207)
	MailImplicit MailTLS = "implicit" // TLS from the first byte (RFC 8314 3)
	MailNoTLS    MailTLS = "none"     // only to this very machine
)

// MailConfig says how mail leaves.
type MailConfig struct {
	Host     string
	Port     int     // 0 is 587, 465 or 25, as TLS says
	TLS      MailTLS // "" is MailStartTLS
	User     string  // "" signs in as nobody
	Password secret.Text
	From     string         // bare address
	CAFile   string         // PEM, trusted beside the system's; "" for none
	RootCAs  *x509.CertPool // in place of the system's; nil for those
}

const mailPhase = 8 * time.Second // of one step of the conversation

// mailer sends one mail at a time over a connection of its own.
type mailer struct {
	cfg  MailConfig
	name string // of the organisation
	tls  *tls.Config
}

func newMailer(c MailConfig, organisation string) (*mailer, error) {
	if c.TLS == "" {
		c.TLS = MailStartTLS
	}
	port, known := map[MailTLS]int{MailStartTLS: 587, MailImplicit: 465, MailNoTLS: 25}[c.TLS]
	switch {
	case !known:
		return nil, fmt.Errorf("%q is no way to protect mail: starttls, implicit or none", c.TLS)
	case c.Host == "" || strings.Contains(c.Host, "/"):
		return nil, errors.New("mail needs a host")
	case c.TLS == MailNoTLS && !local(c.Host):
		return nil, errors.New("mail without TLS goes to localhost only")
	}
	if from, ok := mailAddress(c.From); !ok || from != c.From {
		return nil, fmt.Errorf("mail sender %q is no bare address", c.From)
	}
	if c.Port == 0 {
		c.Port = port
	}
	roots, err := trusted(c.RootCAs, c.CAFile)
	if err != nil {
		return nil, err
	}
	m := &mailer{cfg: c, name: shortened(organisation, 64)}
	m.tls = &tls.Config{ServerName: c.Host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	return m, nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mailAddress takes the one bare address out of hostile text.
func mailAddress(text string) (string, bool) {
	if len(text) > 320 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return "", false
	}
	localPart, domain, ok := cutLast(a.Address, "@")
	if !ok || len(a.Address) > 254 || strings.ContainsAny(localPart, " \"\\<>(),:;@[]") || !plainHost(strings.ToLower(domain)) {
		return "", false
	}
	return a.Address, true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// messageID is the same for each try of one delivery, so that a mail that was
// sent twice is one to its reader.
func messageID(d Delivery) string {
	sum := sha256.Sum256([]byte("latchkey/mail/v1\x00" + d.To + "\x00" + d.Kind + "\x00" + d.Params["request"] + "\x00" +
		strconv.FormatInt(d.Created.UnixNano(), 10) + "\x00" + strconv.FormatInt(d.ID, 10)))
	return hex.EncodeToString(sum[:16])
}

// send hands one mail over to the mail server.
func (m *mailer) send(ctx context.Context, to, id string, text words, now time.Time) verdict {
	msg := m.message(to, id, text, now)
	client, err := m.client(ctx)
	if err != nil {
		return verdict{code: codeMailDown, again: true, alarm: true, err: err}
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return verdict{code: codeMailDown, again: true, alarm: true, err: fmt.Errorf("reach mail server: %w", err)}
	}
	defer func() { _ = client.CloseWithSMTPClient(conn) }()
	return answered(msg, client.SendWithSMTPClient(conn, msg))
}

// answered reads what the mail server said (RFC 5321 4.2.1). The error's text
// holds the address, so only its code is kept.
func answered(msg *mail.Msg, err error) verdict {
	if err == nil || msg.IsDelivered() {
		return verdict{}
	}
	code, ours := 0, false
	if e, ok := errors.AsType[*mail.SendError](err); ok {
		code, ours = e.ErrorCode(), e.Reason == mail.ErrSMTPMailFrom
	}
	err = fmt.Errorf("mail server answers %d", code)
	switch {
	case code >= 500 && ours: // it takes nothing from us, whomever it is for
		return verdict{code: codeMailDown, again: true, alarm: true, err: err}
	case code >= 500:
		return verdict{code: codeMailRefused, alarm: true, err: err}
	case code >= 400:
		return verdict{code: codeMailLater, again: true, err: err}
	}
	return verdict{code: codeMailDown, again: true, alarm: true, err: errors.New("connection to mail server broke")}
}

func (m *mailer) message(to, id string, text words, now time.Time) *mail.Msg {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	_, domain, _ := cutLast(m.cfg.From, "@")
	// Structs, not text: a name may hold quotes and commas.
	msg.FromMailAddress(&netmail.Address{Name: m.name, Address: m.cfg.From})
	msg.ToMailAddress(&netmail.Address{Address: to})
	msg.Subject(text.Subject)
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(id + "@" + domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 5
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(mail.TypeTextPlain, text.Text)
	return msg
}

func (m *mailer) client(ctx context.Context) (*mail.Client, error) {
	options := []mail.Option{
		mail.WithPort(m.cfg.Port), mail.WithTimeout(mailPhase), mail.WithTLSConfig(m.tls),
		mail.WithDialContextFunc(m.dial(ctx)),
	}
	if m.cfg.TLS == MailStartTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	} else {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.cfg.User != "" {
		options = append(options,
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin),
			mail.WithUsername(m.cfg.User), mail.WithPassword(m.cfg.Password.Reveal()))
	}
	return mail.NewClient(m.cfg.Host, options...)
}

// dial bounds the whole conversation by the context of the try: a server that
// answers one byte at a time does not hold it longer.
func (m *mailer) dial(try context.Context) mail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if until, ok := try.Deadline(); ok {
			conn = bounded{conn, until}
		}
		if m.cfg.TLS != MailImplicit {
			return conn, nil
		}
		secure := tls.Client(conn, m.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secure, nil
	}
}

// bounded is a connection whose deadlines are never later than until.
type bounded struct {
	net.Conn
	until time.Time
}

func (b bounded) SetDeadline(t time.Time) error      { return b.Conn.SetDeadline(b.cap(t)) }
func (b bounded) SetReadDeadline(t time.Time) error  { return b.Conn.SetReadDeadline(b.cap(t)) }
func (b bounded) SetWriteDeadline(t time.Time) error { return b.Conn.SetWriteDeadline(b.cap(t)) }

func (b bounded) cap(t time.Time) time.Time {
	if t.IsZero() {
		return b.until
	}
	return earlier(t, b.until)
}
