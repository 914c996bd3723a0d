package ad_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
)

func ctxFor(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (l *lab) read(c directory, g ad.GUID) ad.Account {
	l.Helper()
	a, err := c.Account(ctxFor(l), g)
	if err != nil {
		l.Fatal(err)
	}
	return a
}

func TestNamesResolveInEveryForm(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		for _, name := range []string{p.SAM, strings.ToUpper(p.SAM), p.UPN, strings.ToUpper(p.UPN), `CORP\` + p.SAM, `corp\` + p.SAM} {
			if got, err := c.Resolve(ctxFor(l), name); err != nil || got != p.GUID {
				l.Errorf("Resolve(%q) = %v, %v; want %v", name, got, err, p.GUID)
			}
		}
	})
}

func TestNamesThatMeanNobodyAreNotFound(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		for _, name := range []string{"", "nobody-here", "*", p.SAM + "*", `OTHER\` + p.SAM, `CORP\`, p.SAM + "@other.test", "a\x00b",
			"\xff", strings.Repeat("x", 2000), "(objectClass=*)", p.SAM + ")(objectClass=*", p.DN, "DC1$", p.GUID.String()} {
			if got, err := c.Resolve(ctxFor(l), name); !errors.Is(err, ad.ErrNotFound) {
				l.Errorf("Resolve(%.40q) = %v, %v; want ErrNotFound", name, got, err)
			}
		}
	})
}

func TestANameOfTwoPeopleIsNotFound(t *testing.T) {
	everywhere(t, func(l *lab) {
		name := fresh("n") + "@o.test" // one person's UPN, the other's sAMAccountName
		a, b := l.person(attrs{"userPrincipalName": {name}}), l.person(attrs{"sAMAccountName": {name}})
		if got, err := l.client().Resolve(ctxFor(l), name); !errors.Is(err, ad.ErrNotFound) {
			l.Fatalf("resolved to %v (%v, %v), %v", got, a.GUID, b.GUID, err)
		}
	})
}

func TestAccountReadsAHealthyPerson(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person(attrs{"givenName": {"Ada"}, "sn": {"Stone"}, "mail": {"ada@example.test"}, "department": {"Works"}, "preferredLanguage": {"de"}})
		boss := l.person()
		l.set(p.DN, "manager", boss.DN)
		a := l.read(l.client(), p.GUID)
		want := ad.Account{GUID: p.GUID, SID: a.SID, DN: p.DN, SAMAccountName: p.SAM, UserPrincipalName: p.UPN, DisplayName: "Person " + p.SAM,
			GivenName: "Ada", Surname: "Stone", Mail: "ada@example.test", Department: "Works", Language: "de", ManagerDN: boss.DN,
			LogonAllowed: true}
		got := a
		got.Groups, got.Marks, got.Controller, got.ReadAt, got.PasswordSet, got.PasswordExpires = nil, ad.Marks{}, "", time.Time{}, time.Time{}, time.Time{}
		if !same(got, want) {
			l.Errorf("got  %+v\nwant %+v", got, want)
		}
		if time.Since(a.PasswordSet).Abs() > 2*time.Minute || !a.PasswordExpires.After(a.PasswordSet) {
			l.Errorf("password set %v, expires %v", a.PasswordSet, a.PasswordExpires)
		}
		if a.Marks.KeyVersion < 1 || a.Marks.PwdLastSet == 0 || a.Marks.LockoutTime != 0 || len(a.Groups) == 0 {
			l.Errorf("marks %+v, groups %v", a.Marks, a.Groups)
		}
		if !strings.Contains(l.URL, a.Controller) {
			l.Errorf("controller %q of %q", a.Controller, l.URL)
		}
	})
}

func same(a, b ad.Account) bool {
	if !slices.Equal(a.Groups, b.Groups) {
		return false
	}
	a.Groups, b.Groups = nil, nil
	return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b)
}

func TestAccountTellsTheStatesApart(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for _, s := range []struct {
			name string
			set  func(person)
			want func(ad.Account) bool
		}{
			{"locked", person.lock, func(a ad.Account) bool {
				return a.Locked && a.BadPasswords >= 3 && time.Since(a.LockedSince).Abs() < time.Minute &&
					a.LockedUntil.Sub(a.LockedSince) == 30*time.Minute && !a.LastBad.IsZero()
			}},
			{"disabled", func(p person) { l.set(p.DN, "userAccountControl", "514") }, func(a ad.Account) bool { return a.Disabled && !a.Locked }},
			{"account expired", func(p person) { l.set(p.DN, "accountExpires", "132000000000000000") },
				func(a ad.Account) bool { return a.AccountExpires.Year() == 2019 }},
			{"must change", func(p person) { l.set(p.DN, "pwdLastSet", "0") },
				func(a ad.Account) bool {
					return a.MustChange && !a.PasswordExpired && a.PasswordSet.IsZero() && a.PasswordExpires.IsZero()
				}},
			{"must change without effect", func(p person) {
				l.set(p.DN, "userAccountControl", "66048")
				l.set(p.DN, "pwdLastSet", "0")
			}, func(a ad.Account) bool { return !a.MustChange && a.PasswordNeverExpires && !a.PasswordExpired }},
			{"password expired", func(p person) {
				if err := l.Backdate(p.DN, 133000000000000000); err != nil {
					l.Fatal(err)
				}
			}, func(a ad.Account) bool {
				return a.PasswordExpired && !a.MustChange && a.PasswordExpires.Before(a.ReadAt)
			}},
			{"never expires", func(p person) { l.set(p.DN, "userAccountControl", "66048") },
				func(a ad.Account) bool { return a.PasswordNeverExpires && a.PasswordExpires.IsZero() }},
			{"smart card", func(p person) { l.set(p.DN, "userAccountControl", "262656") }, func(a ad.Account) bool { return a.SmartcardRequired }},
			{"no logon hours", func(p person) { l.set(p.DN, "logonHours", strings.Repeat("\x00", 21)) },
				func(a ad.Account) bool { return !a.LogonAllowed && a.NextLogon.IsZero() }},
		} {
			p := l.person()
			s.set(p)
			if a := l.read(c, p.GUID); !s.want(a) {
				l.Errorf("%s: %+v", s.name, a)
			}
		}
	})
}

func TestALockThatRanOutIsNoLock(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person()
		l.pso(p, attrs{"msDS-LockoutDuration": {"-10000000"}, "msDS-LockoutObservationWindow": {"-10000000"}})
		p.lock()
		c := l.client()
		for deadline := time.Now().Add(10 * time.Second); ; {
			a := l.read(c, p.GUID)
			if !a.Locked && a.Marks.LockoutTime != 0 && a.LockedSince.IsZero() && a.LockedUntil.IsZero() {
				return
			}
			if time.Now().After(deadline) {
				l.Fatalf("still %+v", a)
			}
		}
	})
}

func TestALockWithoutEndHasNoEnd(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person()
		l.pso(p, attrs{"msDS-LockoutDuration": {"-9223372036854775808"}})
		p.lock()
		if a := l.read(l.client(), p.GUID); !a.Locked || !a.LockedUntil.IsZero() || a.LockedSince.IsZero() {
			l.Fatalf("%+v", a)
		}
	})
}

func TestHostileTextsAreReadAsTheyAre(t *testing.T) {
	everywhere(t, func(l *lab) {
		name := "x\x00<script>\r\n\u202e=cmd"
		p := l.person(attrs{"displayName": {name}, "jpegPhoto": {strings.Repeat("\xff", 1<<20)}})
		if a := l.read(l.client(), p.GUID); a.DisplayName != name {
			l.Fatalf("%q", a.DisplayName)
		}
	})
}

func TestAccountOfNobodyIsNotFound(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		if _, err := c.Account(ctxFor(l), ad.GUID{1, 2, 3}); !errors.Is(err, ad.ErrNotFound) {
			l.Error(err)
		}
		p := l.person()
		if _, err := l.client(func(c *ad.Config) { c.BaseDN = l.Ot }).Account(ctxFor(l), p.GUID); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("outside the base: %v", err)
		}
		if _, err := c.AccountOn(ctxFor(l), "elsewhere.test", p.GUID); !errors.Is(err, ad.ErrUnavailable) {
			l.Errorf("unknown controller: %v", err)
		}
		a := l.read(c, p.GUID)
		if on, err := c.AccountOn(ctxFor(l), a.Controller, p.GUID); err != nil || on.Marks != a.Marks {
			l.Errorf("%+v, %v", on, err)
		}
	})
}

func TestPolicyIsTheDomainsOrTheResultantOne(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, plain, fine := l.client(), l.person(), l.person()
		name := l.pso(fine, attrs{"msDS-MinimumPasswordLength": {"16"}, "msDS-PasswordHistoryLength": {"9"}, "msDS-PasswordComplexityEnabled": {"FALSE"},
			"msDS-LockoutThreshold": {"4"}, "msDS-MinimumPasswordAge": {"-864000000000"}, "msDS-MaximumPasswordAge": {"-9223372036854775808"}})
		got, err := c.PasswordPolicy(ctxFor(l), l.read(c, plain.GUID))
		if err != nil || got.Source != ad.PolicyDomain || got.MinLength != int(l.number(l.Base, "minPwdLength")) ||
			got.LockoutThreshold != int(l.number(l.Base, "lockoutThreshold")) || got.LockoutDuration != 30*time.Minute {
			l.Errorf("domain: %+v, %v", got, err)
		}
		got, err = c.PasswordPolicy(ctxFor(l), l.read(c, fine.GUID))
		want := ad.PasswordPolicy{Source: ad.PolicyPSO, Name: name, MinLength: 16, History: 9, LockoutThreshold: 4, MinAge: 24 * time.Hour,
			LockoutDuration: 30 * time.Minute, ObservationWindow: 30 * time.Minute, HistoryOnReset: got.HistoryOnReset}
		if err != nil || got != want {
			l.Errorf("pso:\ngot  %+v, %v\nwant %+v", got, err, want)
		}
	})
}

func TestAPolicyThatMayNotBeReadIsNeverGuessed(t *testing.T) {
	everywhere(t, func(l *lab) {
		blind, p := l.person(), l.person()
		l.pso(p, nil)
		c := l.client(func(c *ad.Config) { c.Read = ad.Service{Bind: blind.UPN, Password: pw(start)} })
		got, err := c.PasswordPolicy(ctxFor(l), l.read(c, p.GUID))
		if want := (ad.PasswordPolicy{Source: ad.PolicyUnreadable, LockoutThreshold: -1, HistoryOnReset: got.HistoryOnReset}); err != nil || got != want {
			l.Errorf("%+v, %v", got, err)
		}
		p.lock()
		if a := l.read(c, p.GUID); !a.Locked || !a.LockedUntil.IsZero() {
			l.Errorf("%+v", a)
		}
	})
}

// pso applies a fine-grained policy to one person and returns its name.
func (l *lab) pso(p person, extra attrs) string {
	l.Helper()
	name := fresh("pso")
	a := attrs{"objectClass": {"msDS-PasswordSettings"}, "msDS-PSOAppliesTo": {p.DN}, "msDS-PasswordSettingsPrecedence": {"5"},
		"msDS-MinimumPasswordLength": {"7"}, "msDS-PasswordHistoryLength": {"3"}, "msDS-PasswordComplexityEnabled": {"TRUE"},
		"msDS-PasswordReversibleEncryptionEnabled": {"FALSE"}, "msDS-MinimumPasswordAge": {"0"}, "msDS-MaximumPasswordAge": {"-36288000000000"},
		"msDS-LockoutThreshold": {"3"}, "msDS-LockoutDuration": {"-18000000000"}, "msDS-LockoutObservationWindow": {"-18000000000"}}
	for k, v := range extra {
		a[k] = v
	}
	l.add("CN="+name+",CN=Password Settings Container,CN=System,"+l.Base, a)
	return name
}

func TestGroupsResolveToTheirSID(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		inner := l.group(globalSecurity, p.DN)
		outer := l.group(globalSecurity, inner)
		sid, err := c.ResolveGroup(ctxFor(l), strings.ToUpper(outer))
		if err != nil || !slices.Contains(l.read(c, p.GUID).Groups, sid) {
			l.Errorf("%s, %v", sid, err)
		}
		for _, dn := range []string{p.DN, "CN=nobody," + l.Base, "no dn", ""} {
			if _, err := c.ResolveGroup(ctxFor(l), dn); !errors.Is(err, ad.ErrNotFound) {
				l.Errorf("%q: %v", dn, err)
			}
		}
	})
}

func TestCapabilitiesTellWhatEachControllerOffers(t *testing.T) {
	everywhere(t, func(l *lab) {
		dead := "ldaps://127.0.0.1:1"
		got, err := l.client(func(c *ad.Config) { c.Controllers = append(c.Controllers, dead) }).Capabilities(ctxFor(l))
		got = got[max(0, len(got)-2):] // before them are other domains'
		if err != nil || len(got) != 2 {
			l.Fatalf("%+v, %v", got, err)
		}
		one := got[0]
		if !one.Writable || !one.PDCEmulator || one.NamingContext != l.Base || one.ClockSkew.Abs() > 5*time.Second || one.Err != nil {
			l.Errorf("%+v", one)
		}
		if !errors.Is(got[1].Err, ad.ErrUnavailable) {
			l.Errorf("%+v", got[1])
		}
	})
}
