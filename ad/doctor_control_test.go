package ad_test

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/doctor"
)

// fullControl is the commonest mistake, and its mending as the doctor says it:
// every entry off, then the rights of the manual.
func fullControl(w *ward) {
	w.both(func() { w.one.Allow(writer, miniStaff, minidc.FullControl) }, func() { w.one.Revoke(writer, miniStaff); w.rights() })
}

func (w *ward) control() (doctor.Finding, bool) {
	w.Helper()
	return has(w.run(), "ad.service-unit-control")
}

func TestTooMuchBelowAUnitIsNamed(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*ward)
		seen  []string
	}{
		{"full control on the unit", fullControl, []string{alice, "change permissions or the owner, delete", "userAccountControl", "create people", "delete people"}},
		{"permissions of the unit alone", given(miniStaff, minidc.WritePermissions), []string{"to the unit it may change permissions"}},
		{"one attribute too many", func(w *ward) { w.one.Delegate(writer, miniStaff, minidc.WriteProperty("description")) }, []string{"write description"}},
		{"the account's flags", func(w *ward) { w.one.Delegate(writer, miniStaff, minidc.WriteProperty("userAccountControl")) }, []string{"write userAccountControl"}},
		{"permissions of one person", given(alice, minidc.WritePermissions), []string{"to " + alice + " it may change permissions"}},
		{"full control from above the unit", given(miniBase, minidc.FullControl), []string{alice}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			tc.spoil(w)
			f, ok := w.control()
			if !ok || f.Severity != doctor.Warning || !strings.Contains(f.Subject, miniStaff) || !strings.HasPrefix(f.Subject, "write account") {
				t.Fatalf("found %+v", f)
			}
			for _, want := range tc.seen {
				if !strings.Contains(f.Seen, want) {
					t.Errorf("%q is not in %s", want, f.Seen)
				}
			}
		})
	}
}

// What is inherited goes only where it was given.
func TestLinesTakeTooMuchAwayWhereItWasGiven(t *testing.T) {
	sid := func(w *ward, dn string) string {
		text, err := ad.SIDText([]byte(w.one.Get(dn, "objectSid")[0]))
		if err != nil {
			w.Fatal(err)
		}
		return text
	}
	grants := []string{`dsacls "` + miniStaff + `" /I:S /G "CORP\svc-write:GR;;user"`, `dsacls "` + miniStaff + `" /I:S /G "CORP\svc-write:CA;Reset Password;user"`, `:RPWP;lockoutTime;user"`, `:RPWP;pwdLastSet;user"`}
	for _, tc := range []struct {
		name  string
		spoil func(*ward)
		want  func(*ward) []string
	}{
		{"on the unit", fullControl, func(w *ward) []string {
			return append(grants, `dsacls "`+miniStaff+`" /R "CORP\svc-write"`,
				"samba-tool dsacl delete --objectdn='"+miniStaff+"' --sddl='(A;CI;0xf01ff;;;"+sid(w, writer)+")' # Samba 4.18 and later")
		}},
		{"at the head of the domain", given(miniBase, minidc.FullControl), func(w *ward) []string {
			return append(grants, `dsacls "`+miniBase+`" /R "CORP\svc-write"`)
		}},
		{"on a person", given(alice, minidc.WritePermissions), func(w *ward) []string {
			return append(grants, `dsacls "`+alice+`" /R "CORP\svc-write"`)
		}},
		{"by a group", func(w *ward) {
			w.one.Allow(approvers, miniStaff, minidc.FullControl)
			member(writer, approvers)(w)
		}, func(w *ward) []string {
			return []string{"Remove-ADGroupMember -Identity '" + sid(w, approvers) + "' -Members 'svc-write' -Confirm:$false",
				"samba-tool group removemembers 'Approvers' 'svc-write'"}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			tc.spoil(w)
			f, ok := w.control()
			said := strings.Join(texts(f.Mend), "\n")
			for _, want := range tc.want(w) {
				if !ok || !strings.Contains(said, want) {
					t.Errorf("no line says %s in\n%s", want, said)
				}
			}
		})
	}
}

// Everybody's default right to read, which people and group policy need, is an entry
// of the same group: only what is too much may go.
func TestLinesLeaveEverybodyTheirReading(t *testing.T) {
	for _, tc := range []struct {
		name, sid string
		spoil     func(*ward)
	}{
		{"Authenticated Users", "S-1-5-11", func(w *ward) { w.one.AllowEverybody(miniStaff, minidc.FullControl) }},
		{"Domain Users", "-513", func(w *ward) { w.one.Allow("CN=Domain Users,CN=Users,"+miniBase, miniStaff, minidc.FullControl) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			tc.spoil(w)
			f, ok := w.control()
			said := strings.Join(texts(f.Mend), "\n")
			if !ok || strings.Contains(said, "/R ") || strings.Contains(said, "Remove-ADGroupMember") || strings.Contains(said, "removemembers") {
				t.Errorf("found %+v", f)
			}
			for _, want := range []string{"In the security tab of " + miniStaff, "of " + tc.name + " what changes", "dsacl delete --objectdn='" + miniStaff + "' --sddl='(A;CI;0xf01ff;;;S-1-", tc.sid + ")' #"} {
				if !strings.Contains(said, want) {
					t.Errorf("no line says %s in\n%s", want, said)
				}
			}
		})
	}
}

// Who joins computers below the unit is left alone.
func TestLinesTakeNothingAwayThatIsAboutComputers(t *testing.T) {
	const computer = "bf967a86-0de6-11d0-a285-00aa003049e2"
	w := newWard(t)
	fullControl(w)
	w.one.DelegateClass(writer, miniStaff, "computer", minidc.WriteProperty("description"))
	f, ok := w.control()
	if said := strings.Join(texts(f.Mend), "\n"); !ok || !strings.Contains(said, "0xf01ff") || strings.Contains(said, computer) {
		t.Errorf("found %+v", f)
	}
}

func TestTheReadAccountMayRuleNoUnitEither(t *testing.T) {
	w := newWard(t)
	w.one.Allow(reader, miniStaff, minidc.FullControl)
	f, ok := w.control()
	if said := strings.Join(texts(f.Mend), "\n"); !ok || !strings.HasPrefix(f.Subject, "read account") || strings.Contains(said, "Reset Password") || strings.Contains(said, "RPWP") ||
		!strings.Contains(said, `dsacls "`+miniStaff+`" /R "CORP\svc-read"`) || !strings.Contains(said, `dsacls "`+miniStaff+`" /I:S /G "CORP\svc-read:GR;;user"`) {
		t.Errorf("found %+v", f)
	}
}

func TestOneAccountForBothIsGreenWithItsRights(t *testing.T) {
	w := newWard(t)
	w.cfg.Read, w.cfg.Write = w.cfg.Write, ad.Service{}
	if f, ok := w.control(); ok {
		t.Errorf("found %s", f.Seen)
	}
	fullControl(w)
	if f, ok := w.control(); !ok || !strings.Contains(strings.Join(texts(f.Mend), "\n"), "/G ") {
		t.Errorf("found %+v", f)
	}
}

// The head of the domain has findings of its own.
func TestTheHeadOfTheDomainIsNoUnit(t *testing.T) {
	w := newWard(t)
	w.doc.OUs = nil
	given(miniBase, minidc.WritePermissions)(w)
	findings := w.run()
	if f, ok := has(findings, "ad.service-unit-control"); ok {
		t.Errorf("found %s", f.Seen)
	}
	if _, ok := has(findings, "ad.service-domain-control"); !ok {
		t.Errorf("found%s", list(bad(findings)))
	}
}
