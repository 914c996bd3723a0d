package ad_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

const (
	miniBase    = "DC=corp,DC=example,DC=test"
	miniStaff   = "OU=Staff," + miniBase
	miniOthers  = "OU=Others," + miniBase
	miniService = "CN=svc-latchkey,OU=Service," + miniBase
	svcPassword = "Svc-Pass.word-26"
)

// domain makes the in-memory domain that is seeded as the Samba harness is.
func domain(t testing.TB, cfg minidc.Config) *minidc.Server {
	t.Helper()
	s := minidc.New(cfg)
	for _, ou := range []string{miniStaff, miniOthers, "OU=Service," + miniBase} {
		s.AddOU(ou)
	}
	s.AddUser(minidc.User{Name: "svc-latchkey", Parent: "OU=Service," + miniBase, Account: "svc-latchkey", Password: svcPassword})
	s.Delegate(miniService, miniStaff, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet, minidc.ReadPSOs)
	s.SetDomainPolicy(minidc.Policy{MinLength: 8, Complexity: true, History: 5, MaxAge: 42 * 24 * time.Hour, LockoutThreshold: 5,
		LockoutDuration: 30 * time.Minute, ObservationWindow: 30 * time.Minute})
	t.Cleanup(func() { s.Close() })
	return s
}

// labOf is a lab around one in-memory controller.
func labOf(t testing.TB, s *minidc.Server) *lab {
	t.Helper()
	secure, err := s.ListenLDAPS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clear, err := s.ListenLDAP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CAPEM())
	return &lab{
		TB: t, Engine: "minidc", URL: secure, StartTLSURL: clear, CAFile: file, TLS: &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"},
		Base: miniBase, Domain: "corp.example.test", Staff: miniStaff, Ot: miniOthers, ServiceDN: miniService,
		Admin:   ad.Service{Bind: "administrator@corp.example.test", Password: pw(minidc.AdminPassword)},
		Service: ad.Service{Bind: "svc-latchkey@corp.example.test", Password: pw(svcPassword)},
		Backdate: func(dn string, pwdLastSet int64) error {
			s.Set(dn, "pwdLastSet", strconv.FormatInt(pwdLastSet, 10))
			return nil
		},
	}
}

func minidcLab(t testing.TB) *lab { return labOf(t, domain(t, minidc.Config{})) }

// two makes two controllers of one domain, and a client of both in the order
// in which they are given.
func two(t *testing.T, first, second minidc.Config) (l *lab, one, other *minidc.Server) {
	t.Helper()
	one = domain(t, first)
	second.Host = "dc2.corp.example.test"
	other = one.Join(second)
	t.Cleanup(func() { other.Close() })
	l = labOf(t, one)
	l.second = labOf(t, other)
	return l, one, other
}

func both(l *lab) func(*ad.Config) {
	return func(c *ad.Config) { c.Controllers = []string{l.URL, l.second.URL} }
}

func TestThePDCEmulatorIsAskedAndWrittenFirst(t *testing.T) {
	l, plain, pdc := two(t, minidc.Config{}, minidc.Config{PDC: true})
	p := l.person()
	p.lock()
	l.second.person() // opens the administrator's connection before counting
	c := l.client(both(l))
	plainWrites := plain.Counters().Modifies
	if err := errors.Join(
		second(c.Account(ctxFor(t), p.GUID)),
		second(c.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)})),
		c.CheckPassword(ctxFor(t), p.GUID, pw(better)),
	); err != nil {
		t.Fatal(err)
	}
	if a := l.read(c, p.GUID); "ldaps://"+a.Controller != l.second.URL {
		t.Errorf("read on %s", a.Controller)
	}
	if plain.Counters().Modifies != plainWrites || pdc.Counters().PasswordWrites != 1 {
		t.Errorf("written: %+v, %+v", plain.Counters(), pdc.Counters())
	}
	infos, err := c.Capabilities(ctxFor(t))
	if err != nil || infos[0].PDCEmulator || !infos[1].PDCEmulator || infos[1].Host != "dc2.corp.example.test" {
		t.Errorf("%+v, %v", infos, err)
	}
	pdc.Close()
	if a := l.read(c, p.GUID); "ldaps://"+a.Controller != l.URL {
		t.Errorf("without the PDC emulator read on %s", a.Controller)
	}
}

func TestAReadOnlyControllerIsNotUsed(t *testing.T) {
	l, _, rodc := two(t, minidc.Config{}, minidc.Config{ReadOnly: true})
	p := l.person()
	c := l.client(func(c *ad.Config) { c.Controllers = []string{l.second.URL, l.URL} })
	if _, err := c.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)}); err != nil {
		t.Fatal(err)
	}
	if a := l.read(c, p.GUID); "ldaps://"+a.Controller != l.URL || rodc.Counters().Modifies != 0 {
		t.Errorf("read on %s; %+v", a.Controller, rodc.Counters())
	}
	infos, err := c.Capabilities(ctxFor(t))
	if err != nil || infos[0].Writable || !infos[1].Writable {
		t.Errorf("%+v, %v", infos, err)
	}
	alone := l.client(func(c *ad.Config) { c.Controllers = []string{l.second.URL} })
	if err := alone.Ready(ctxFor(t)); !errors.Is(err, ad.ErrUnavailable) {
		t.Error(err)
	}
}

func TestPolicyHintsHoldAResetToTheHistory(t *testing.T) {
	for _, offered := range []bool{true, false} {
		l := labOf(t, domain(t, minidc.Config{PolicyHints: offered}))
		c, p := l.client(), l.person()
		_, err := c.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(start)})
		if offered {
			l.causes(err, ad.ErrPasswordHistory, ad.OutcomeNotWritten)
		} else if err != nil {
			t.Error(err)
		}
		infos, err := c.Capabilities(ctxFor(t))
		if err != nil || (infos[0].PolicyHints != "") != offered {
			t.Errorf("%+v, %v", infos, err)
		}
		policy, err := c.PasswordPolicy(ctxFor(t), l.read(c, p.GUID))
		if err != nil || policy.HistoryOnReset != offered {
			t.Errorf("%+v, %v", policy, err)
		}
	}
}

func TestRefusedWritesAreNotWrittenAndNotRepeated(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	c := l.client()
	for _, r := range []struct {
		code int
		text string
		want ad.Cause
	}{
		{10, "0000202B: RefErr: DSID-031007F3, data 0, 1 access points", ad.ErrReferral},
		{12, "00000057: LdapErr: DSID-0C090B96", ad.ErrRefused},
		{19, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", ad.ErrPasswordRules},
		{19, "00000005: SecErr: DSID-031A1190", ad.ErrRights},
		{50, "00002098: SecErr: DSID-03150F94", ad.ErrRights},
		{51, "busy", ad.ErrUnavailable},
		{53, "0000001F: SvcErr: DSID-031A12D2", ad.ErrChannel},
		{80, "", ad.ErrRefused},
	} {
		p := l.person()
		before := l.marks(p)
		clear := s.Inject(minidc.RefuseWrites(r.code, r.text).Times(1)) // a second one would land
		_, err := c.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)})
		clear()
		l.causes(err, r.want, ad.OutcomeNotWritten)
		if l.marks(p) != before {
			t.Errorf("%d %q: written", r.code, r.text)
		}
	}
}

func TestWindowsWordsStillTellTheMinimumAge(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	c, young, free := l.client(), l.person(), l.person()
	l.pso(young, attrs{"msDS-MinimumPasswordAge": {"-864000000000"}})
	defer s.Inject(minidc.RefuseWrites(19, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"))()
	change := func(p person) error {
		return second(c.ChangePassword(ctxFor(t), ad.Write{Target: p.GUID}, pw(start), pw(better)))
	}
	l.causes(change(young), ad.ErrPasswordTooYoung, ad.OutcomeNotWritten)
	l.causes(change(free), ad.ErrPasswordRules, ad.OutcomeNotWritten)
}

func TestAWriteThatFailsMidwayIsUnknownAndNotRepeated(t *testing.T) {
	for _, f := range []struct {
		name  string
		fault minidc.Fault
		lands bool
	}{
		{"answer lost", minidc.LoseAnswer(), true},
		{"silent", minidc.Silent().On(minidc.OpModify), false},
		{"closed", minidc.CloseBefore().On(minidc.OpModify), false},
		{"stops reading", minidc.StopReading().On(minidc.OpModify), false},
	} {
		l, one, _ := two(t, minidc.Config{}, minidc.Config{})
		p := l.person()
		c := l.client(both(l), func(c *ad.Config) { c.OpTimeout = 500 * time.Millisecond })
		before := l.marks(p)
		one.Inject(f.fault.Times(1)) // a second one would land
		_, err := c.ResetPassword(ctxFor(t), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)})
		l.causes(err, ad.ErrUnavailable, ad.OutcomeUnknown)
		want := before[0]
		if f.lands {
			want++
		}
		if got := l.marks(p)[0]; got != want {
			t.Errorf("%s: key version %d, want %d", f.name, got, want)
		}
	}
}

func TestTheRootIsReadOnceAndConnectionsAreKept(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	p := l.person()
	c := l.client()
	l.read(c, p.GUID)
	before := s.Counters()
	for range 10 {
		l.read(c, p.GUID)
	}
	after := s.Counters()
	if after.Connections != before.Connections || after.Binds != before.Binds || after.Searches-before.Searches > 20 {
		t.Errorf("%+v, then %+v", before, after)
	}
}

func TestTheDemosCompanyCanBeServed(t *testing.T) {
	s, company := minidc.NewCompany(time.Now)
	t.Cleanup(func() { s.Close() })
	l := labOf(t, s)
	c := l.client(func(c *ad.Config) {
		c.Read = ad.Service{Bind: company.ServiceBind, Password: pw(company.ServicePassword)}
	})
	if err := c.Ready(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	protected := 0
	for _, p := range company.People {
		g, err := c.Resolve(ctxFor(t), p.Account)
		if err != nil || g != ad.GUID(p.GUID) {
			t.Errorf("%s: %v, %v", p.Account, g, err)
			continue
		}
		if a := l.read(c, g); a.Protected != ad.NotProtected {
			protected++
		}
	}
	if protected == 0 || protected == len(company.People) {
		t.Errorf("%d of %d are protected", protected, len(company.People))
	}
}

// Whoever counts tries has to know whether a controller may still count this one.
func TestAPasswordWhoseAnswerIsLostMayStillCount(t *testing.T) {
	for _, f := range []struct {
		name  string
		fault minidc.Fault
		want  ad.Outcome
	}{
		{"silent", minidc.Silent().On(minidc.OpBind), ad.OutcomeUnknown},
		{"closed", minidc.CloseBefore().On(minidc.OpBind), ad.OutcomeUnknown},
		{"not even a connection", minidc.Silent().On(minidc.OpConnect), ad.OutcomeNotWritten},
	} {
		l, one, _ := two(t, minidc.Config{}, minidc.Config{})
		p := l.person()
		c := l.client(both(l), func(c *ad.Config) { c.OpTimeout = 500 * time.Millisecond })
		if _, err := c.Account(ctxFor(t), p.GUID); err != nil { // the service's own connections stand
			t.Fatal(err)
		}
		one.Inject(f.fault)
		err := c.CheckPassword(ctxFor(t), p.GUID, pw(start))
		l.causes(err, ad.ErrUnavailable, f.want)
	}
}
