package ad_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad"
)

// builtin are the groups of rule 5, by the end of their SID; those without a
// primary are below CN=Builtin, and can't be anybody's primary group.
var builtin = []struct {
	name    string
	rid     int
	primary bool
	engine  string // "" where every engine has it
}{
	{"Administrators", 544, false, ""}, {"Account Operators", 548, false, ""}, {"Server Operators", 549, false, ""},
	{"Print Operators", 550, false, ""}, {"Backup Operators", 551, false, ""}, {"Replicator", 552, false, ""},
	{"Domain Admins", 512, true, ""}, {"Domain Controllers", 516, true, ""}, {"Cert Publishers", 517, false, ""}, {"Schema Admins", 518, true, ""},
	{"Enterprise Admins", 519, true, ""}, {"Group Policy Creator Owners", 520, true, ""}, {"Read-only Domain Controllers", 521, true, ""},
	{"Enterprise Read-only Domain Controllers", 498, true, "samba"},
	// Made by the functional level 2016, which Samba's is below.
	{"Key Admins", 526, true, "minidc"}, {"Enterprise Key Admins", 527, true, "minidc"},
}

// builtinDN finds a group by its SID, as names are translated.
func (l *lab) builtinDN(rid int) string {
	l.Helper()
	sid := "S-1-5-32-" + strconv.Itoa(rid)
	if rid < 544 {
		sid = fmt.Sprintf("%s-%d", l.domainSID(), rid)
	}
	res, err := l.conn().Search(ldap.NewSearchRequest("<SID="+sid+">", ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=group)", []string{"1.1"}, nil))
	if err != nil || len(res.Entries) != 1 {
		l.Fatalf("group %s: %v", sid, err)
	}
	return res.Entries[0].DN
}

func (l *lab) domainSID() string {
	l.Helper()
	b := l.get(l.Base, "objectSid").GetRawAttributeValue("objectSid")
	s := "S-1-5"
	for i := 8; i+4 <= len(b); i += 4 {
		s += fmt.Sprintf("-%d", uint32(b[i])|uint32(b[i+1])<<8|uint32(b[i+2])<<16|uint32(b[i+3])<<24)
	}
	return s
}

// refuses says that every door is shut, and that nothing was written.
func (l *lab) refuses(c directory, p person, want ad.Protection) {
	l.Helper()
	if a := l.read(c, p.GUID); a.Protected != want {
		l.Errorf("%s: protected %q, want %q", p.DN, a.Protected, want)
	}
	l.refusesWrites(c, p)
	switch want {
	case ad.ProtectedGroup, ad.ProtectedAdmin, ad.ProtectedOU: // people, who may enrol: a bind writes nothing
		if p.UPN != "" {
			l.causes(c.CheckPassword(ctxFor(l), p.GUID, pw("wrong")), ad.ErrWrongPassword, ad.OutcomeNotWritten)
			if err := c.CheckPassword(ctxFor(l), p.GUID, pw(start)); err != nil {
				l.Errorf("password of %s: %v", p.DN, err)
			}
		}
	default:
		l.causes(c.CheckPassword(ctxFor(l), p.GUID, pw(start)), ad.ErrProtected, ad.OutcomeNotWritten)
	}
}

func (l *lab) refusesWrites(c directory, p person) {
	l.Helper()
	before := l.marks(p)
	w := ad.Write{Target: p.GUID}
	for op, err := range map[string]error{
		"unlock": second(c.Unlock(ctxFor(l), w)),
		"reset":  second(c.ResetPassword(ctxFor(l), w, ad.NewPassword{Value: pw("An0ther-Pass.word")})),
		"change": second(c.ChangePassword(ctxFor(l), w, pw(start), pw("An0ther-Pass.word"))),
	} {
		var e *ad.Error
		if !errors.Is(err, ad.ErrProtected) || !errors.As(err, &e) || e.Outcome != ad.OutcomeNotWritten {
			l.Errorf("%s of %s: %v", op, p.DN, err)
		}
	}
	if after := l.marks(p); after != before {
		l.Errorf("%s was written: %v, then %v", p.DN, before, after)
	}
}

func second[T any](_ T, err error) error { return err }

// marks are read by the administrator.
func (l *lab) marks(p person) [3]int64 {
	l.Helper()
	return [3]int64{l.number(p.DN, "msDS-KeyVersionNumber"), l.number(p.DN, "pwdLastSet"), l.number(p.DN, "lockoutTime")}
}

func TestMembersOfProtectedGroupsAreRefused(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for _, g := range builtin {
			if g.engine != "" && g.engine != l.Engine {
				continue
			}
			dn := l.builtinDN(g.rid)
			direct := l.person()
			l.join(dn, direct.DN)
			l.refuses(c, direct, ad.ProtectedGroup)

			deep := l.person()
			outer := l.group(globalSecurity, l.group(globalSecurity, deep.DN))
			l.join(dn, outer)
			l.refuses(c, deep, ad.ProtectedGroup)

			if g.primary {
				primary := l.person()
				l.join(dn, primary.DN)
				l.set(primary.DN, "primaryGroupID", strconv.Itoa(g.rid))
				l.refuses(c, primary, ad.ProtectedGroup)
			}
		}
	})
}

func TestMembersOfListsInProtectedGroupsAreRefused(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p, q := l.client(), l.person(), l.person()
		list := l.group(globalList, p.DN)
		l.join(l.builtinDN(512), list)
		l.refuses(c, p, ad.ProtectedGroup)

		// The way to the list leads through the primary group.
		primary := l.group(globalSecurity, q.DN)
		l.set(q.DN, "primaryGroupID", strconv.Itoa(int(l.rid(primary))))
		universal := l.group(universalList, primary)
		l.join(l.builtinDN(544), universal)
		l.refuses(c, q, ad.ProtectedGroup)
	})
}

func (l *lab) rid(dn string) uint32 {
	l.Helper()
	b := l.get(dn, "objectSid").GetRawAttributeValue("objectSid")
	b = b[len(b)-4:]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func TestWhoBecomesProtectedAfterTheReadIsNotWritten(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		p.lock()
		a := l.read(c, p.GUID)
		if a.Protected != ad.NotProtected || !a.Locked {
			l.Fatalf("%+v", a)
		}
		l.join(l.builtinDN(512), p.DN)
		_, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID, Controller: a.Controller, Check: func(ad.Account) error {
			l.Error("Check was asked about a protected account")
			return nil
		}})
		if !errors.Is(err, ad.ErrProtected) || l.number(p.DN, "lockoutTime") == 0 {
			l.Errorf("%v, lockoutTime %d", err, l.number(p.DN, "lockoutTime"))
		}
		l.refusesWrites(c, p)
	})
}

func TestAdminCountProtects(t *testing.T) {
	everywhere(t, func(l *lab) {
		p := l.person()
		l.set(p.DN, "adminCount", "1")
		l.refuses(l.client(), p, ad.ProtectedAdmin)
		l.set(p.DN, "adminCount", "0")
		if a := l.read(l.client(), p.GUID); a.Protected != ad.NotProtected {
			l.Error(a.Protected)
		}
	})
}

func TestAccountsThatAreNobodysAreRefused(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		at := func(dn string) person { return person{lab: l, DN: dn, GUID: l.guid(dn)} }
		l.refuses(c, at("CN=krbtgt,CN=Users,"+l.Base), ad.ProtectedKrbtgt)
		l.refuses(c, at("CN=Guest,CN=Users,"+l.Base), ad.ProtectedNotPerson)
		l.refuses(c, at("CN=Administrator,CN=Users,"+l.Base), ad.ProtectedGroup)
		l.refuses(c, at(l.ServiceDN), ad.ProtectedService)

		sam := fresh("pc")
		machine := "CN=" + sam + "," + l.Staff
		l.add(machine, attrs{"objectClass": {"computer"}, "sAMAccountName": {sam + "$"}, "userAccountControl": {"4096"}})
		l.refuses(c, at(machine), ad.ProtectedNotPerson)

		contact := "CN=" + fresh("c") + "," + l.Staff
		l.add(contact, attrs{"objectClass": {"contact"}})
		l.refuses(c, at(contact), ad.ProtectedNotPerson)
		l.refuses(c, at(l.group(globalSecurity)), ad.ProtectedNotPerson)
	})
}

func TestBothServiceAccountsAreRefused(t *testing.T) {
	everywhere(t, func(l *lab) {
		reader := l.person()
		c := l.client(func(c *ad.Config) {
			c.Read, c.Write = ad.Service{Bind: reader.DN, Password: pw(start)}, l.Service
		})
		l.refuses(c, reader, ad.ProtectedService)
		l.refuses(c, person{lab: l, DN: l.ServiceDN, GUID: l.guid(l.ServiceDN)}, ad.ProtectedService)
	})
}

func TestConfiguredGroupsAndUnitsAreRefused(t *testing.T) {
	everywhere(t, func(l *lab) {
		direct, nested, listed, placed, free := l.person(), l.person(), l.person(), l.personIn(l.Ot), l.person()
		group := l.group(globalSecurity, direct.DN, l.group(globalSecurity, nested.DN), l.group(globalList, listed.DN))
		c := l.client(func(c *ad.Config) { c.ProtectedGroups, c.ProtectedOUs = []string{group}, []string{l.Ot} })
		l.refuses(c, direct, ad.ProtectedGroup)
		l.refuses(c, nested, ad.ProtectedGroup)
		l.refuses(c, listed, ad.ProtectedGroup)
		l.refuses(c, placed, ad.ProtectedOU)
		if a := l.read(c, free.GUID); a.Protected != ad.NotProtected {
			l.Error(a.Protected)
		}
	})
}

func TestAProtectedGroupThatCantBeResolvedProtectsEverybody(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client(func(c *ad.Config) { c.ProtectedGroups = []string{"CN=gone," + l.Base} })
		l.refuses(c, l.person(), ad.ProtectedUnknown)
		if err := c.Ready(ctxFor(l)); !errors.Is(err, ad.ErrNotFound) {
			l.Errorf("Ready: %v", err)
		}
	})
}
