package minidc_test

import (
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
)

// hints is the policy hints control, critical as the wire wants it.
type hints string

func (h hints) GetControlType() string { return string(h) }
func (h hints) String() string         { return string(h) }
func (h hints) Encode() *ber.Packet {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(h), ""))
	p.AppendChild(ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, ""))
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "\x30\x03\x02\x01\x01", ""))
	return p
}

func TestPolicyHintsHoldAResetToTheHistory(t *testing.T) {
	for _, oid := range []hints{ldap.ControlTypeMicrosoftPolicyHints, ldap.ControlTypeMicrosoftPolicyHintsDeprecated} {
		l := newLab(t, minidc.Config{PolicyHints: true})
		l.want(modify(l.svc, alice, reset("Second-Pass.2")), "")
		l.want(modify(l.svc, alice, reset(secret), with(oid)), "19 0000052D")
		l.want(modify(l.svc, alice, reset("Second-Pass.2"), with(oid)), "19 0000052D")
		l.binds("Second-Pass.2", "")
		l.want(modify(l.svc, alice, reset("Third-Pass.3"), with(oid)), "")
		l.want(modify(l.svc, alice, reset(secret)), "")
	}
}

func TestPolicyHintsAreRefusedWhereTheyAreNotOffered(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.want(modify(l.svc, alice, reset("Second-Pass.2"), with(hints(ldap.ControlTypeMicrosoftPolicyHints))), "12")
	l.binds(secret, "")
}

func TestARefusedPasswordLeavesTheWholeModifyUndone(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Lock(alice)
	before := l.Get(alice, "lockoutTime")
	l.want(modify(l.svc, alice, replace("lockoutTime", "0"), replace("pwdLastSet", "0"), reset("x")), "19 0000052D")
	l.has(alice, "lockoutTime", before[0])
	l.has(alice, "msDS-KeyVersionNumber", "1")
	l.has(alice, "msDS-User-Account-Control-Computed", "16")
}

func TestOneModifyResetsUnlocksAndAsksForAChange(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Lock(alice)
	l.want(modify(l.svc, alice, reset("Second-Pass.2"), replace("lockoutTime", "0"), replace("pwdLastSet", "0")), "")
	l.binds("Second-Pass.2", "773")
	l.has(alice, "msDS-KeyVersionNumber", "2")
	l.has(alice, "pwdLastSet", "0")
	c := l.Counters()
	if n := c.Writes[guidOf(l, alice)]; n != 1 || c.PasswordWrites != 1 {
		t.Errorf("%d writes, %d of a password", n, c.PasswordWrites)
	}
}

func guidOf(l *lab, dn string) minidc.GUID {
	return minidc.GUID([]byte(l.Get(dn, "objectGUID")[0]))
}

func TestSomebodyWhoCannotChangeIsRefusedAndStillReset(t *testing.T) {
	l := newLab(t, minidc.Config{})
	carol := "CN=Carol," + staff
	l.AddUser(minidc.User{Name: "Carol", Parent: staff, Account: "carol", Password: secret, CannotChange: true})
	self := l.dial(l.url)
	must(t, self.Bind(carol, secret))
	l.want(modify(self, carol, exchange(secret, "Second-Pass.2")), "50")
	l.want(modify(l.svc, carol, exchange(secret, "Second-Pass.2")), "50")
	l.want(modify(l.svc, carol, reset("Second-Pass.2")), "")
}

func TestADenialOnTheObjectBeatsADelegation(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Deny(service, alice, minidc.ResetPassword, minidc.WriteLockoutTime)
	l.want(modify(l.svc, alice, reset("Second-Pass.2")), "50")
	l.want(modify(l.svc, alice, replace("lockoutTime", "0")), "50")
	l.want(modify(l.svc, alice, replace("pwdLastSet", "0")), "")
}

func TestComplexityCountsClasses(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.SetDomainPolicy(minidc.Policy{MinLength: 7, Complexity: true})
	for password, want := range map[string]string{
		"simplesimple": "19", "Abc defghij ": "19", "pässwörd日本": "19",
		"abcdefgh日1": "", "abcdefghÄ1": "", "Ab1😀😀": "", "A1😀😀": "19", "Abcdef1": "", "abcdef-1": "",
	} {
		l.want(modify(l.svc, alice, reset(password)), want)
	}
}
