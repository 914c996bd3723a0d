package minidc_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
)

func TestTwoControllersShareObjectsButNotBadPasswords(t *testing.T) {
	l := newLab(t, minidc.Config{})
	second := l.Join(minidc.Config{Host: "dc2.corp.example.test"})
	url2 := serve(t, second)
	l.binds("wrong", "52e")
	l.binds("wrong", "52e")
	if got := l.bindOn(url2, "wrong"); got != "52e" {
		t.Errorf("on the second: %s", got)
	}
	l.has(alice, "badPwdCount", "2")
	if got := second.Get(alice, "badPwdCount"); got[0] != "1" {
		t.Errorf("the second counted %v", got)
	}
	l.binds("wrong", "52e") // locks, everywhere
	if got := l.bindOn(url2, secret); got != "775" {
		t.Errorf("on the second: %q", got)
	}
	svc2 := l.dial(url2)
	must(t, svc2.Bind(service, secret))
	l.want(modify(svc2, alice, reset("Second-Pass.2"), replace("lockoutTime", "0")), "")
	l.binds("Second-Pass.2", "")
}

func TestAReadOnlyControllerRefersEveryWrite(t *testing.T) {
	l := newLab(t, minidc.Config{})
	url := serve(t, l.Join(minidc.Config{Host: "rodc.corp.example.test", ReadOnly: true}))
	conn := l.dial(url)
	must(t, conn.Bind("administrator@corp.example.test", minidc.AdminPassword))
	l.want(modify(conn, alice, reset("Second-Pass.2")), "10 0000202B")
	l.want(conn.Del(ldap.NewDelRequest(alice, nil)), "10")
	l.want(conn.ModifyDN(ldap.NewModifyDNRequest(alice, "CN=New", true, "")), "10")
	add := ldap.NewAddRequest("OU=New,"+base, nil)
	add.Attribute("objectClass", []string{"organizationalUnit"})
	l.want(conn.Add(add), "10")
	root := read(l, conn, "", "supportedCapabilities", "dsServiceName")
	if !slices.Contains(root.GetAttributeValues("supportedCapabilities"), "1.2.840.113556.1.4.1920") {
		t.Error("the root does not say that it is read-only")
	}
	if v := read(l, conn, root.GetAttributeValue("dsServiceName"), "msDS-isRODC").GetAttributeValue("msDS-isRODC"); v != "TRUE" {
		t.Errorf("msDS-isRODC %q", v)
	}
	l.binds(secret, "")
}

func TestTheDomainNamesItsPDCEmulator(t *testing.T) {
	l := newLab(t, minidc.Config{})
	url := serve(t, l.Join(minidc.Config{Host: "dc2.corp.example.test", PDC: true}))
	second := l.dial(url)
	must(t, second.Bind(service, secret))
	owner := read(l, l.svc, base, "fSMORoleOwner").GetAttributeValue("fSMORoleOwner")
	if own := read(l, second, "", "dsServiceName").GetAttributeValue("dsServiceName"); own != owner {
		t.Errorf("owner %s, second is %s", owner, own)
	}
	server := owner[strings.IndexByte(owner, ',')+1:]
	if host := read(l, l.svc, server, "dNSHostName").GetAttributeValue("dNSHostName"); host != "dc2.corp.example.test" {
		t.Errorf("host %q", host)
	}
}

func read(l *lab, c *ldap.Conn, dn string, names ...string) *ldap.Entry {
	l.Helper()
	res, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", names, nil))
	must(l, err)
	if len(res.Entries) != 1 {
		l.Fatalf("%s: %d entries", dn, len(res.Entries))
	}
	return res.Entries[0]
}

func TestAWatchedOrganizationalUnitReportsALockout(t *testing.T) {
	l := newLab(t, minidc.Config{})
	req := ldap.NewSearchRequest(staff, ldap.ScopeSingleLevel, 0, 0, 0, false, "(objectClass=*)",
		[]string{"lockoutTime"}, []ldap.Control{ldap.NewControlMicrosoftNotification()})
	changes := l.svc.SearchAsync(t.Context(), req, 8)
	seen := make(chan *ldap.Entry, 8)
	go func() {
		for changes.Next() {
			seen <- changes.Entry()
		}
		close(seen)
	}()
	for {
		l.bind("wrong")
		select {
		case e := <-seen:
			if e == nil {
				t.Fatal(changes.Err())
			}
			if e.DN == alice && e.GetAttributeValue("lockoutTime") != "" {
				return
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
}
