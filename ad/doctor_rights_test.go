package ad_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// refuses makes the first controller refuse the account with a sub-code, as
// Windows words it.
func refuses(bind, code string) func(*ward) {
	return func(w *ward) {
		w.undo(w.one.Inject(minidc.RefuseWrites(49, "80090308: LdapErr: DSID-0C090516, comment: AcceptSecurityContext error, data "+code+", v4563").
			On(minidc.OpBind).For(bind)))
	}
}

func in(d time.Duration) string { return fmt.Sprint(minidc.Filetime(time.Now().Add(d))) }

// spoil sets an attribute of an account.
func spoil(dn, name string, values ...string) func(*ward) {
	return func(w *ward) { w.set(dn, name, values...) }
}

const day = 24 * time.Hour

var serviceIlls = []ill{
	{kind: "bind-password", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Write.Password = pw("wrong") })
	}},
	{kind: "bind-disabled", provoke: spoil(reader, "userAccountControl", "66050")},
	{kind: "bind-account-expired", provoke: spoil(writer, "accountExpires", "131000000000000000")},
	{kind: "bind-password-expired", provoke: func(w *ward) {
		w.set(writer, "userAccountControl", "512")
		w.set(pso, "msDS-MaximumPasswordAge", "-864000000000")
		w.set(writer, "pwdLastSet", in(-2*day))
		w.set(reader, "pwdLastSet", in(0))
	}},
	{kind: "bind-must-change", provoke: func(w *ward) {
		w.set(writer, "userAccountControl", "512")
		w.set(writer, "pwdLastSet", "0")
	}},
	{kind: "bind-locked", provoke: func(w *ward) { w.both(func() { w.one.Lock(writer) }, func() { w.one.Set(writer, "lockoutTime", "0") }) }},
	{kind: "bind-logon-hours", provoke: spoil(writer, "logonHours", strings.Repeat("\x00", 21))},
	{kind: "bind-workstation", provoke: spoil(writer, "userWorkstations", "PC7")},
	{kind: "bind-restricted", provoke: refuses(writeBind, "52f")},
	{kind: "bind-rejected", provoke: func(w *ward) {
		w.undo(w.one.Inject(minidc.RefuseWrites(8, "00002028: LdapErr: DSID-0C090276, comment: The server requires binds to turn on integrity checking").
			On(minidc.OpBind).For(writeBind)))
	}},
	{kind: "bind-differs", provoke: func(w *ward) {
		w.undo(w.other.Inject(minidc.RefuseWrites(49, "80090308: LdapErr: comment: AcceptSecurityContext error, data 52e, v4563").On(minidc.OpBind).For(readBind)))
	}},
	{kind: "service-unknown", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Write.Bind = "corp.example.test/Service/svc-write" })
		w.one.Answer("tokenGroups")
		w.undo(w.one.AnswerTruly)
	}},
	{kind: "service-password-expiring", provoke: func(w *ward) {
		w.set(writer, "userAccountControl", "512")
		w.set(pso, "msDS-MaximumPasswordAge", "-8640000000000") // ten days
	}},
	{kind: "service-password-expires", provoke: func(w *ward) {
		w.set(writer, "userAccountControl", "512")
		w.set(pso, "msDS-MaximumPasswordAge", "-51840000000000") // sixty days
	}},
	{kind: "service-password-old", provoke: spoil(writer, "pwdLastSet", in(-400*day))},
	{kind: "service-account-ends", provoke: spoil(reader, "accountExpires", in(90*day))},
	{kind: "service-lockout", provoke: spoil(pso, "msDS-PSOAppliesTo", reader)},
	{kind: "service-logon-hours", provoke: spoil(writer, "logonHours", strings.Repeat("\xff", 20)+"\x7f")},
	{kind: "service-workstations", provoke: spoil(writer, "userWorkstations", "PC7,PC8")},
	{kind: "service-same", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.Read, c.Write = c.Write, ad.Service{} })
	}},
	{kind: "service-password-not-required", provoke: spoil(writer, "userAccountControl", strconv.Itoa(66048|0x20))},
	{kind: "service-delegation", provoke: spoil(writer, "userAccountControl", strconv.Itoa(66048|0x80000))},
	{kind: "service-spn", provoke: spoil(writer, "servicePrincipalName", "HTTP/latchkey.corp.example.test")},
	{kind: "service-in-ou", provoke: func(w *ward) {
		w.setting(func(_ *ad.Config, d *ad.DoctorConfig) { d.OUs = append(d.OUs, "OU=Service,"+miniBase) })
	}},
}

// given grants rights to the write account on one object until the mending.
func given(dn string, rights ...minidc.Right) func(*ward) {
	return func(w *ward) {
		w.both(func() { w.one.Allow(writer, dn, rights...) }, func() { w.one.Revoke(writer, dn) })
	}
}

// without delegates all rights but one.
func without(right minidc.Right) func(*ward) {
	return func(w *ward) {
		w.one.Revoke(writer, miniStaff)
		for _, r := range []minidc.Right{minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet} {
			if r != right {
				w.one.Delegate(writer, miniStaff, r)
			}
		}
		w.undo(func() { w.one.Delegate(writer, miniStaff, right) })
	}
}

// hidden takes reading an attribute of Alice away from an account.
func hidden(who string, names ...string) func(*ward) {
	return func(w *ward) {
		for _, n := range names {
			w.one.Deny(who, alice, minidc.ReadProperty(n))
		}
		w.undo(func() { w.one.Revoke(who, alice) })
	}
}

// member joins an account to a group.
func member(dn, group string) func(*ward) {
	return func(w *ward) { w.set(group, "member", append(w.one.Get(group, "member"), dn)...) }
}

var (
	psoContainer = "CN=Password Settings Container,CN=System," + miniBase
	nowhere      = "OU=Nowhere," + miniBase
)

var rightsIlls = []ill{
	{kind: "right-reset", provoke: without(minidc.ResetPassword)},
	{kind: "right-reset-denied", provoke: func(w *ward) {
		w.both(func() { w.one.Deny(writer, alice, minidc.ResetPassword) }, func() { w.one.Revoke(writer, alice) })
	}},
	{kind: "right-lockout-time", provoke: without(minidc.WriteLockoutTime)},
	{kind: "right-pwd-last-set", provoke: without(minidc.WritePwdLastSet)},
	{kind: "inheritance-blocked", provoke: func(w *ward) {
		w.both(func() { w.one.Isolate(alice, true) }, func() { w.one.Isolate(alice, false) })
	}},
	{kind: "inetorgperson", provoke: func(w *ward) {
		w.one.AddUser(minidc.User{Name: "Ines Org", Parent: miniStaff, Account: "ines", Password: start, Class: "inetOrgPerson"})
	}, mend: func(w *ward) {
		w.one.DelegateClass(writer, miniStaff, "inetOrgPerson", minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet)
	}},
	{kind: "token-groups-unreadable", provoke: hidden(reader, "tokenGroups")},
	{kind: "state-unreadable", provoke: hidden(writer, "msDS-User-Account-Control-Computed")},
	{kind: "expiry-unreadable", provoke: hidden(reader, "msDS-UserPasswordExpiryTimeComputed")},
	{kind: "key-version-unreadable", provoke: hidden(reader, "msDS-KeyVersionNumber")},
	{kind: "descriptor-unreadable", provoke: hidden(writer, "nTSecurityDescriptor")},
	{kind: "pso-unreadable", provoke: func(w *ward) {
		w.both(func() { w.one.Revoke(writer, psoContainer) }, func() { w.one.Delegate(writer, miniStaff, minidc.ReadPSOs) })
	}},
	{kind: "reader-may-write", provoke: func(w *ward) {
		w.both(func() { w.one.Delegate(reader, miniStaff, minidc.WriteLockoutTime) }, func() { w.one.Revoke(reader, miniStaff) })
	}},
	{kind: "service-unit-control", provoke: fullControl},
	{kind: "service-privileged", provoke: member(writer, admins)},
	{kind: "service-domain-control", provoke: given(miniBase, minidc.WritePermissions)},
	{kind: "service-domain-reset", provoke: func(w *ward) {
		w.both(func() { w.one.Delegate(writer, miniBase, minidc.ResetPassword) }, func() { w.one.Revoke(writer, miniBase) })
	}},
	{kind: "service-replication", provoke: given(miniBase, minidc.ReplicateSecrets)},
	{kind: "protected-writable", provoke: given("CN=Administrator,CN=Users,"+miniBase, minidc.ResetPassword)},
	{kind: "krbtgt-writable", provoke: given("CN=krbtgt,CN=Users,"+miniBase, minidc.WriteProperty("pwdLastSet"))},
	{kind: "adminsdholder-writable", provoke: given("CN=AdminSDHolder,CN=System,"+miniBase, minidc.WritePermissions)},
	{kind: "protected-group-writable", provoke: given(admins, minidc.WriteProperty("member"))},
	{kind: "ou-protected-people", provoke: func(w *ward) {
		w.one.AddUser(minidc.User{Name: "Root Too", Parent: miniStaff, Account: "root2", Password: start})
		member("CN=Root Too,"+miniStaff, "CN=Account Operators,CN=Builtin,"+miniBase)(w)
	}},
	{kind: "ou-missing", provoke: func(w *ward) {
		w.setting(func(_ *ad.Config, d *ad.DoctorConfig) { d.OUs = append(d.OUs, nowhere) })
	}},
	{kind: "ou-outside", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, d *ad.DoctorConfig) {
			c.BaseDN, d.OUs = miniStaff, []string{miniStaff, miniOthers}
		})
	}},
	{kind: "ou-empty", provoke: func(w *ward) {
		w.setting(func(_ *ad.Config, d *ad.DoctorConfig) { d.OUs = append(d.OUs, miniOthers) })
	}},
	{kind: "base-missing", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.BaseDN = nowhere })
	}},
	{kind: "base-elsewhere", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.BaseDN = "DC=other,DC=test" })
	}},
	{kind: "head-unreadable", provoke: func(w *ward) {
		w.both(func() { w.one.Deny(reader, miniBase, minidc.ReadProperty("objectSid")) }, func() { w.one.Revoke(reader, miniBase) })
	}},
	{kind: "group-missing", provoke: func(w *ward) {
		w.setting(func(_ *ad.Config, d *ad.DoctorConfig) { d.Groups = []string{"CN=Nobody," + miniStaff} })
	}},
	{kind: "group-no-security", provoke: spoil(approvers, "groupType", "2")},
	{kind: "protected-group-missing", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.ProtectedGroups = []string{"CN=Nobody," + miniStaff} })
	}},
	{kind: "protected-ou-missing", provoke: func(w *ward) {
		w.setting(func(c *ad.Config, _ *ad.DoctorConfig) { c.ProtectedOUs = []string{nowhere} })
	}},
}

// rules changes the domain's policy until the mending.
func rules(change func(*minidc.Policy)) func(*ward) {
	return func(w *ward) { w.both(func() { w.policy(change) }, func() { w.policy(func(*minidc.Policy) {}) }) }
}

var policyIlls = []ill{
	{kind: "policy-unreadable", provoke: spoil(miniBase, "minPwdLength", "many")},
	{kind: "lockout-off", provoke: rules(func(p *minidc.Policy) { p.LockoutThreshold = 0 })},
	{kind: "lockout-threshold-low", provoke: rules(func(p *minidc.Policy) { p.LockoutThreshold = 3 })},
	{kind: "lockout-forever", provoke: rules(func(p *minidc.Policy) { p.LockoutDuration = 0 })},
	{kind: "lockout-window", provoke: rules(func(p *minidc.Policy) { p.ObservationWindow = time.Hour })},
	{kind: "password-short", provoke: rules(func(p *minidc.Policy) { p.MinLength = 7 })},
	{kind: "password-complexity-off", provoke: rules(func(p *minidc.Policy) { p.Complexity = false })},
	{kind: "password-min-age", provoke: rules(func(p *minidc.Policy) { p.MinAge = day })},
	{kind: "password-max-age", provoke: rules(func(p *minidc.Policy) { p.MaxAge = 14 * day })},
	{kind: "password-history-off", provoke: rules(func(p *minidc.Policy) { p.History = 0 })},
	{kind: "password-reversible", provoke: spoil(miniBase, "pwdProperties", "17")},
}

// A controller that refuses a question has not said that what it was asked for is missing.
func TestWhatTheControllerDoesNotTellIsNotMissing(t *testing.T) {
	for name, dn := range map[string]string{"a unit": miniStaff, "a group": approvers, "a protected group": admins, "a protected unit": miniOthers} {
		w := newWard(t)
		w.cfg.ProtectedGroups, w.cfg.ProtectedOUs = []string{admins}, []string{miniOthers}
		for _, dc := range []*minidc.Server{w.one, w.other} {
			dc.Inject(minidc.RefuseWrites(51, "00002024: SvcErr: DSID-0C090000, problem 5001 (BUSY), data 0").On(minidc.OpSearch).For(dn))
		}
		found := bad(w.run())
		if _, failed := has(found, "ad.check-failed"); !failed {
			t.Errorf("%s: no check failed%s", name, list(found))
		}
		for _, f := range found {
			if strings.HasSuffix(f.ID, "-missing") && f.Subject == dn {
				t.Errorf("%s: %s", name, list(found))
			}
		}
	}
}
