package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/push/pushtest"
	"github.com/latchkey/latchkey/secret"
)

func decoded(t *testing.T, r received) (subject, body string) {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(r.head.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	return subject, strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestMailGoesWhereThereIsNoDevice(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.notice(anna, kindReview)
	w.work()
	mails := m.mails()
	if len(mails) != 1 {
		t.Fatalf("%d mails; %s", len(mails), w.log)
	}
	got := mails[0]
	subject, body := decoded(t, got)
	if got.to != "anna@corp.example.test" || got.from != "latchkey@corp.example.test" || !m.secure[0] {
		t.Errorf("from %s to %s, TLS %v", got.from, got.to, m.secure)
	}
	if subject != "Ein Antrag wartet auf Ihre Entscheidung" || !strings.Contains(body, "https://latchkey.example.test/review/r1\n") {
		t.Errorf("%q: %s", subject, body)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "To": "<anna@corp.example.test>", "From": `"Corp" <latchkey@corp.example.test>`, "Bcc": "",
		"Date": "Tue, 24 Nov 2026 09:00:00 +0000", "Content-Type": "text/plain; charset=UTF-8",
	} {
		if v := got.head.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if id := got.head.Get("Message-Id"); !strings.HasSuffix(id, "@corp.example.test>") {
		t.Errorf("id %q", id)
	}
	if strings.Contains(strings.ToLower(got.raw), "html") || strings.Contains(got.raw, "Boss") {
		t.Errorf("%s", got.raw)
	}
	w.wantEvents(audit.NoticeFailed)
}

func TestMailGoesWhereNoDeviceWasReached(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.device(anna)
	w.device(anna)
	w.services.AnswerStatus(410)
	w.notice(anna, kindReview)
	w.work()
	w.later(2 * time.Minute)
	if n := len(m.mails()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestNoMailGoesWhereADeviceWasReached(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.device(anna)
	w.notice(anna, kindReview)
	w.work()
	w.later(20 * time.Minute)
	w.wantMessages(1)
	if n := len(m.mails()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestSomeKindsGoBothWays(t *testing.T) {
	for _, kind := range []string{kindReminder, kindChanged, kindRelocked, kindFrozen, kindExpiring} {
		w, m := mailWorld(t, "127.0.0.1", mailKind{})
		w.device(bert)
		w.notice(bert, kind, "days", "7", "expires", "1796083200000")
		w.work()
		w.wantMessages(1)
		if n := len(m.mails()); n != 1 {
			t.Errorf("%s: %d mails", kind, n)
		}
	}
}

// What a mail server can do, and what comes of it: at once, and when it is repaired.
func TestAMailServerThatFailsLosesNothing(t *testing.T) {
	services := pushtest.New(t, nil)
	stranger := pushtest.New(t, nil)
	good, err1 := services.Certificate("127.0.0.1")
	wrongName, err2 := services.Certificate("mail.other.test")
	unknown, err3 := stranger.Certificate("127.0.0.1")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		kind   mailKind
		config func(*MailConfig)
		server func(*mailServer)
		repair func(*world, *mailServer)
		code   string
		alarm  bool
		sent   int
		failed []string
	}{
		{name: "well", kind: mailKind{cert: good}, sent: 1},
		{name: "down", kind: mailKind{cert: good}, config: func(c *MailConfig) { c.Port = closedPort(t) }, code: codeMailDown, alarm: true,
			repair: func(w *world, m *mailServer) { w.mail.cfg.Port = m.port }, sent: 1},
		{name: "unknown authority", kind: mailKind{cert: unknown}, code: codeMailDown, alarm: true},
		{name: "another host's certificate", kind: mailKind{cert: wrongName}, code: codeMailDown, alarm: true},
		{name: "no TLS", kind: mailKind{}, code: codeMailDown, alarm: true},
		{name: "greylists", kind: mailKind{cert: good}, server: func(m *mailServer) { m.rcpt = &smtp.SMTPError{Code: 451, Message: "later"} }, code: codeMailLater,
			repair: func(_ *world, m *mailServer) { m.set(func(m *mailServer) { m.rcpt = nil }) }, sent: 1},
		{name: "no such mailbox", kind: mailKind{cert: good}, server: func(m *mailServer) { m.rcpt = &smtp.SMTPError{Code: 550, Message: "none"} }, code: "", alarm: true,
			failed: []string{codeMailRefused}},
		{name: "content refused", kind: mailKind{cert: good}, server: func(m *mailServer) { m.data = &smtp.SMTPError{Code: 554, Message: "spam"} }, code: "", alarm: true,
			failed: []string{codeMailRefused}},
		{name: "sender refused", kind: mailKind{cert: good}, server: func(m *mailServer) { m.from = &smtp.SMTPError{Code: 550, Message: "no relay"} }, code: codeMailDown, alarm: true,
			repair: func(_ *world, m *mailServer) { m.set(func(m *mailServer) { m.from = nil }) }, sent: 1},
		{name: "signs in", kind: mailKind{cert: good, login: "u:p"}, config: login("u", "p"), sent: 1},
		{name: "wrong password", kind: mailKind{cert: good, login: "u:p"}, config: login("u", "geheim-canary"), code: codeMailDown, alarm: true,
			repair: func(w *world, _ *mailServer) { w.mail.cfg.Password = secret.New("p") }, sent: 1},
		{name: "nobody signs in", kind: mailKind{cert: good, login: "u:p"}, code: codeMailDown, alarm: true},
		{name: "TLS from the first byte", kind: mailKind{cert: good, implicit: true, login: "u:p"}, config: func(c *MailConfig) { c.TLS = MailImplicit; login("u", "p")(c) }, sent: 1},
		{name: "unknown authority from the first byte", kind: mailKind{cert: unknown, implicit: true}, config: func(c *MailConfig) { c.TLS = MailImplicit }, code: codeMailDown, alarm: true},
		{name: "no TLS to this machine", kind: mailKind{}, config: func(c *MailConfig) { c.TLS = MailNoTLS }, sent: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.config == nil {
				c.config = func(*MailConfig) {}
			}
			w, m := mailWorld(t, "", c.kind, func(mc *MailConfig) { mc.RootCAs = services.Roots; c.config(mc) })
			if c.server != nil {
				m.set(c.server)
			}
			w.notice(bert, kindApproved)
			w.work()
			if alarmed := strings.Contains(w.log.String(), "level=ERROR"); alarmed != c.alarm {
				t.Errorf("alarm %v: %s", alarmed, w.log)
			}
			if c.code != "" && !strings.Contains(w.log.String(), "code="+c.code) {
				t.Errorf("want %s: %s", c.code, w.log)
			}
			if c.repair != nil {
				c.repair(w, m)
				w.later(12 * time.Minute)
			}
			if n := len(m.mails()); n != c.sent {
				t.Errorf("%d mails, want %d: %s", n, c.sent, w.log)
			}
			w.wantEvents(audit.NoticeFailed, c.failed...)
			if left := len(w.store.waiting()); c.sent == 0 && c.failed == nil && left != 1 {
				t.Errorf("%d deliveries wait, the mail is lost", left)
			}
			for _, private := range []string{"bert@corp", "geheim-canary", "u\x00p"} {
				if strings.Contains(w.log.String(), private) {
					t.Errorf("%q is in the log: %s", private, w.log)
				}
			}
		})
	}
}

func login(user, password string) func(*MailConfig) {
	return func(c *MailConfig) { c.User, c.Password = user, secret.New(password) }
}

func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestAMailThatIsSentTwiceIsOneToItsReader(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.store.losing = true
	w.notice(bert, kindApproved)
	w.work()
	w.store.losing = false
	w.clock.forward(lease + time.Second)
	w.work()
	mails := m.mails()
	if len(mails) != 2 || mails[0].head.Get("Message-Id") != mails[1].head.Get("Message-Id") {
		t.Errorf("%d mails", len(mails))
	}
}

func TestARefusedMailStillWaitsForTheDevices(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	m.set(func(m *mailServer) { m.rcpt = &smtp.SMTPError{Code: 550, Message: "none"} })
	w.device(bert)
	w.services.AnswerStatus(503)
	w.notice(bert, kindChanged)
	w.work()
	w.services.Answer(nil)
	w.later(10 * time.Minute)
	w.wantMessages(1)
	w.wantEvents(audit.NoticeFailed)
}

func TestARefusedMailAndSilentDevicesAreAnEvent(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	m.set(func(m *mailServer) { m.rcpt = &smtp.SMTPError{Code: 550, Message: "none"} })
	w.device(anna)
	w.services.AnswerStatus(503)
	w.notice(anna, kindReminder)
	w.work()
	w.wantEvents(audit.NoticeFailed)
	w.later(16 * time.Minute)
	w.wantEvents(audit.NoticeFailed, codeLate)
	if n := len(m.mails()); n != 0 || len(w.store.waiting()) != 0 {
		t.Errorf("%d mails, %d deliveries wait", n, len(w.store.waiting()))
	}
}

func TestMailAddressesOfTheDirectoryAreHostile(t *testing.T) {
	for text, want := range map[string]string{
		"anna@corp.example.test": "anna@corp.example.test", "Anna <anna@corp.example.test>": "anna@corp.example.test", "ä@corp.example.test": "ä@corp.example.test",
		"": "", "anna": "", "@corp.example.test": "", "anna@": "", "anna@localhost@x": "", "a@b.test, c@d.test": "", "a@b.test\r\nBcc: c@d.test": "",
		"a@b.test\nRCPT TO:<c@d.test>": "", "\"a b\"@b.test": "", "\"a@c.test\"@b.test": "", "<a@b.test>;c": "", "a@[127.0.0.1]": "", "a@127.0.0.1": "", "a@b..test": "",
		"a\x00@b.test": "", strings.Repeat("a", 300) + "@b.test": "", "group: a@b.test, c@d.test;": "",
	} {
		if got, ok := mailAddress(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAnOrganisationMayBeCalledAnything(t *testing.T) {
	for _, name := range []string{"", `Corp "North", Inc. <x@evil.test>`, "Größe & Söhne\r\nBcc: x@evil.test", "@", `\`} {
		w, m := mailWorld(t, "127.0.0.1", mailKind{})
		w.mail.name = shortened(name, 64)
		w.notice(bert, kindChanged)
		w.work()
		mails := m.mails()
		if len(mails) != 1 {
			t.Fatalf("%q: %d mails; %s", name, len(mails), w.log)
		}
		from, err := mails[0].head.AddressList("From")
		if err != nil || len(from) != 1 || from[0].Address != "latchkey@corp.example.test" || from[0].Name != w.mail.name || mails[0].head.Get("Bcc") != "" {
			t.Errorf("%q: %v, %v", name, from, err)
		}
	}
}

func TestAMailServerThatSaysNothingIsLeftAlone(t *testing.T) {
	for name, talk := range map[string]string{"silent": "", "drips": "2", "greets only": "220 here\r\n"} {
		w, m := mailWorld(t, "127.0.0.1", mailKind{})
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = silent.Close() })
		go func() {
			for {
				c, err := silent.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { _ = c.Close() })
				_, _ = io.WriteString(c, talk)
			}
		}()
		w.mail.cfg.Port = silent.Addr().(*net.TCPAddr).Port
		try, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		start := time.Now()
		v := w.mail.send(try, "bert@corp.example.test", "id", words{}, start)
		cancel()
		if took := time.Since(start); v.code != codeMailDown || !v.again || took > 3*time.Second {
			t.Errorf("%s: %+v after %v", name, v, took)
		}
		w.mail.cfg.Port = m.port
	}
}

func TestSomebodyWithoutAnAddressCannotBeReached(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.people.all[bert] = Person{Mail: "a@b.test\r\nBcc: c@d.test"}
	w.notice(bert, kindApproved)
	w.work()
	w.wantEvents(audit.NoticeFailed, codeNoWay)
	if n := len(m.mails()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestMailWaitsForTheDirectory(t *testing.T) {
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	w.people.err = errors.New("no controller answers")
	w.notice(bert, kindApproved)
	w.work()
	w.people.err = nil
	w.later(6 * time.Minute)
	if n := len(m.mails()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestMailSettingsAreChecked(t *testing.T) {
	good := MailConfig{Host: "mail.example.test", From: "a@b.test"}
	if m, err := newMailer(good, "Corp"); err != nil || m.cfg.Port != 587 || m.cfg.TLS != MailStartTLS {
		t.Fatalf("%+v, %v", m, err)
	}
	for name, change := range map[string]func(*MailConfig){
		"no host":          func(c *MailConfig) { c.Host = "" },
		"socket":           func(c *MailConfig) { c.Host = "unix:///run/x" },
		"no sender":        func(c *MailConfig) { c.From = "" },
		"named sender":     func(c *MailConfig) { c.From = "A <a@b.test>" },
		"opportunistic":    func(c *MailConfig) { c.TLS = "opportunistic" },
		"no TLS elsewhere": func(c *MailConfig) { c.TLS = MailNoTLS },
		"no such CA file":  func(c *MailConfig) { c.CAFile = "testdata/none.pem" },
	} {
		c := good
		change(&c)
		if _, err := newMailer(c, "Corp"); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if text := fmt.Sprintf("%v %+v", MailConfig{Password: secret.New("canary")}, MailConfig{Password: secret.New("canary")}); strings.Contains(text, "canary") {
		t.Error("the password prints")
	}
}

func TestMailHintShowsLittle(t *testing.T) {
	w, _ := mailWorld(t, "127.0.0.1", mailKind{})
	w.people.all["none"] = Person{}
	w.people.all["umlaut"] = Person{Mail: "ärger@corp.example.test"}
	for account, want := range map[string]string{anna: "a…@corp.example.test", "umlaut": "ä…@corp.example.test", "none": "", "gone": ""} {
		if got, err := w.MailHint(t.Context(), account); got != want || err != nil {
			t.Errorf("%s: %q, %v", account, got, err)
		}
	}
	if got, err := newWorld(t).MailHint(t.Context(), anna); got != "" || err != nil {
		t.Errorf("without mail: %q, %v", got, err)
	}
}
