package ad_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad"
)

func TestAnAdministratorOfOneDomainIsProtectedInEvery(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(f *family, p person)
	}{
		{"Enterprise Admins of the root", func(f *family, p person) { f.root.join("CN=Enterprise Admins,CN=Users,"+f.root.Base, p.DN) }},
		{"Administrators of the root", func(f *family, p person) { f.root.join("CN=Administrators,CN=Builtin,"+f.root.Base, p.DN) }},
		{"a local group within Account Operators of the root", func(f *family, p person) {
			f.root.join("CN=Account Operators,CN=Builtin,"+f.root.Base, f.root.group(localSecurity, p.DN))
		}},
		{"a group of one's own within Backup Operators of the root", func(f *family, p person) {
			inner := f.child.group(globalSecurity, p.DN)
			f.root.join("CN=Backup Operators,CN=Builtin,"+f.root.Base, f.child.group(universalSecurity, inner))
		}},
		{"a group of the root within Domain Admins of one's own", func(f *family, p person) {
			f.child.join("CN=Administrators,CN=Builtin,"+f.child.Base, f.root.group(universalSecurity, p.DN))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFamily(t)
			p, bystander := f.child.person(), f.child.person()
			tc.make(f, p)
			f.child.refuses(f.forest, p, ad.ProtectedGroup)
			if a := f.child.read(f.forest, bystander.GUID); a.Protected != ad.NotProtected {
				t.Errorf("a bystander: %q", a.Protected)
			}
		})
	}
}

func TestAConfiguredGroupProtectsInEveryDomain(t *testing.T) {
	f := newFamily(t)
	p := f.child.person()
	group := f.root.group(universalSecurity, p.DN)
	forest := f.open(func(root, child *ad.Config) { root.ProtectedGroups = []string{group} })
	f.child.refuses(forest, p, ad.ProtectedGroup)
}

func TestWhoIsNoAdministratorAnyMoreIsServedAgain(t *testing.T) {
	time := newClock()
	f := newFamily(t, func(root, child *ad.Config) { root.Now, child.Now = time.now, time.now })
	p := f.child.person()
	admins := "CN=Administrators,CN=Builtin," + f.root.Base
	f.root.join(admins, p.DN)
	f.child.refuses(f.forest, p, ad.ProtectedGroup)
	m := ldap.NewModifyRequest(admins, nil)
	m.Delete("member", []string{p.DN})
	if err := f.root.conn().Modify(m); err != nil {
		t.Fatal(err)
	}
	time.pass(2 * minute)
	until(t, "p is served again", func() bool { return f.child.read(f.forest, p.GUID).Protected == ad.NotProtected })
}

func TestADomainThatIsDownDeniesOnlyItsOwnPeople(t *testing.T) {
	var log lines
	f := newFamily(t, func(root, child *ad.Config) { child.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	p, q, admin := f.root.person(), f.child.person(), f.child.person()
	f.root.join("CN=Administrators,CN=Builtin,"+f.root.Base, admin.DN)
	if err := errors.Join(f.forest.Down(ctxFor(t))...); err != nil {
		t.Fatal(err)
	}
	f.root.read(f.forest, p.GUID)
	f.root.server.Close()
	if errors.Join(f.forest.Down(ctxFor(t))...) == nil || strings.Count(log.String(), "domain is not ready") != 1 {
		t.Errorf("%s", log.String())
	}
	for range 2 {
		if _, err := f.forest.ResetPassword(ctxFor(t), ad.Write{Target: q.GUID}, ad.NewPassword{Value: pw(fresh("Bett3r-Pass.word"))}); err != nil {
			t.Fatal(err)
		}
		f.root.causes(second(f.forest.Unlock(ctxFor(t), ad.Write{Target: p.GUID})), ad.ErrUnavailable, ad.OutcomeNotWritten)
	}
	if a := f.child.read(f.forest, admin.GUID); a.Protected != ad.ProtectedGroup {
		t.Errorf("what was known is forgotten: %q", a.Protected)
	}
	if err := f.forest.Ready(ctxFor(t)); err != nil {
		t.Error(err)
	}
	if down := f.forest.Down(ctxFor(t)); len(down) != 1 || !strings.Contains(down[0].Error(), "domain corp.example.test: ") {
		t.Error(down)
	}
	for _, name := range []string{`CHILD\` + q.SAM, q.UPN} {
		if got, err := f.forest.Resolve(ctxFor(t), name); err != nil || got != q.GUID {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{q.SAM, "nobody", `CORP\` + p.SAM, p.UPN} {
		if _, err := f.forest.Resolve(ctxFor(t), name); !errors.Is(err, ad.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.root.causes(second(f.forest.Account(ctxFor(t), ad.GUID{1})), ad.ErrUnavailable, ad.OutcomeNotWritten)
	f.child.server.Close()
	if err := f.forest.Ready(ctxFor(t)); !errors.Is(err, ad.ErrUnavailable) {
		t.Error(err)
	}
}

// Who is an administrator elsewhere is not known before that domain was asked
// once, and what can't be known protects.
func TestUntilADomainWasAskedOnceEverybodyIsProtected(t *testing.T) {
	f := newFamily(t)
	q := f.child.person()
	f.root.server.Close()
	f.child.refuses(f.open(), q, ad.ProtectedUnknown)
	if down := f.open().Down(ctxFor(t)); len(down) != 2 || !strings.Contains(errors.Join(down...).Error(), "not read yet") {
		t.Error(down)
	}
}

// lines is a log that goroutines write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
