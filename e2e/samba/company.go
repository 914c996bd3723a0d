package samba

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
)

// companySeed is the demo's company, read over LDAP out of the in-memory
// controller that the demo runs, so that the two never differ. It is of the
// day: passwords in it are so many days old.
var companySeed = sync.OnceValues(func() (seed, error) {
	now := time.Now().UTC().Truncate(24 * time.Hour)
	dc, company := minidc.NewCompany(func() time.Time { return now })
	defer dc.Close()
	url, err := dc.ListenLDAPS("127.0.0.1:0")
	if err != nil {
		return seed{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(dc.CAPEM())
	c, err := ldap.DialURL(url, ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}))
	if err != nil {
		return seed{}, err
	}
	defer c.Close()
	if err := c.Bind(company.AdminBind, company.AdminPassword); err != nil {
		return seed{}, err
	}
	return mirror{c: c, company: company, out: &seed{}}.all()
})

// mirror copies a company into a seed.
type mirror struct {
	c       *ldap.Conn
	company minidc.Company
	out     *seed
}

var (
	personAttributes = []string{"sAMAccountName", "userPrincipalName", "displayName", "givenName", "sn", "mail", "department", "title",
		"preferredLanguage", "userAccountControl", "manager", "thumbnailPhoto", "jpegPhoto"}
	groupAttributes = []string{"sAMAccountName", "groupType"}
	psoAttributes   = []string{"msDS-PasswordSettingsPrecedence", "msDS-MinimumPasswordLength", "msDS-PasswordHistoryLength",
		"msDS-PasswordComplexityEnabled", "msDS-PasswordReversibleEncryptionEnabled", "msDS-MinimumPasswordAge", "msDS-MaximumPasswordAge",
		"msDS-LockoutThreshold", "msDS-LockoutDuration", "msDS-LockoutObservationWindow"}
	policyAttributes = []string{"minPwdLength", "pwdProperties", "pwdHistoryLength", "minPwdAge", "maxPwdAge", "lockoutThreshold",
		"lockoutDuration", "lockOutObservationWindow"}
)

func (m mirror) all() (seed, error) {
	for _, step := range []func() error{m.places, m.groups, m.people, m.members, m.policies} {
		if err := step(); err != nil {
			return seed{}, fmt.Errorf("read company: %w", err)
		}
	}
	return *m.out, nil
}

// find returns objects below a place, parents first.
func (m mirror) find(place, filter string, attrs ...string) ([]*ldap.Entry, error) {
	res, err := m.c.Search(ldap.NewSearchRequest(place+m.company.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		filter, attrs, []ldap.Control{ldap.NewControlPaging(1000)}))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(res.Entries, func(a, b *ldap.Entry) int { return len(a.DN) - len(b.DN) })
	return res.Entries, nil
}

func (m mirror) relative(dn string) string { return strings.TrimSuffix(dn, ","+m.company.BaseDN) }

func (m mirror) places() error {
	found, err := m.find("", "(objectClass=organizationalUnit)", "ou")
	for _, e := range found {
		rel := m.relative(e.DN)
		if rel != "OU=Domain Controllers" && !slices.Contains(ownOUs, rel) {
			m.out.OUs = append(m.out.OUs, rel)
		}
	}
	return err
}

func (m mirror) groups() error {
	found, err := m.find("OU=Groups,", "(objectClass=group)", groupAttributes...)
	for _, e := range found {
		m.out.Objects = append(m.out.Objects, object{RDN: m.relative(e.DN), Class: "group", Attrs: m.attributes(e)})
	}
	return err
}

func (m mirror) people() error {
	for _, p := range m.company.People {
		found, err := m.find(m.relative(p.DN)+",", "(objectClass=user)", append(personAttributes, "pwdLastSet", "lockoutTime")...)
		if err != nil {
			return err
		}
		attrs := m.attributes(found[0])
		rel := m.relative(p.DN)
		if boss := attrs["manager"]; boss != nil {
			m.out.Later = append(m.out.Later, link{From: rel, Attribute: "manager", To: boss})
		}
		if set, _ := strconv.ParseInt(attrs["pwdLastSet"][0], 10, 64); set >= 0 {
			m.out.PasswordSet = append(m.out.PasswordSet, moment{rel, set})
		}
		if at := attrs["lockoutTime"]; at != nil && at[0] != "0" {
			m.out.Locked = append(m.out.Locked, p.UPN)
		}
		for _, later := range []string{"manager", "pwdLastSet", "lockoutTime"} {
			delete(attrs, later)
		}
		m.out.Objects = append(m.out.Objects, object{RDN: rel, Class: "user", Password: p.Password, Note: p.Note, Attrs: attrs})
	}
	return nil
}

// members come last; the administrator's own memberships exist already.
func (m mirror) members() error {
	found, err := m.find("", "(&(objectClass=group)(member=*))", "member")
	for _, e := range found {
		members := slices.DeleteFunc(m.attributes(e)["member"], func(dn string) bool {
			return !strings.HasSuffix(dn, ",OU=Groups,BASE") && !strings.Contains(dn, ",OU=Staff,")
		})
		if len(members) > 0 {
			m.out.Later = append(m.out.Later, link{From: m.relative(e.DN), Attribute: "member", To: members})
		}
	}
	return err
}

func (m mirror) policies() error {
	found, err := m.find("CN=Password Settings Container,CN=System,", "(objectClass=msDS-PasswordSettings)", append(psoAttributes, "cn", "msDS-PSOAppliesTo")...)
	if err != nil {
		return err
	}
	for _, e := range found {
		attrs := m.attributes(e)
		p := pso{Name: attrs["cn"][0], Applies: attrs["msDS-PSOAppliesTo"], Attrs: attrs}
		delete(attrs, "cn")
		delete(attrs, "msDS-PSOAppliesTo")
		m.out.PSOs = append(m.out.PSOs, p)
	}
	head, err := m.c.Search(ldap.NewSearchRequest(m.company.BaseDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", policyAttributes, nil))
	if err == nil {
		m.out.Policy = m.attributes(head.Entries[0])
	}
	return err
}

// attributes makes names of the company relative to any base.
func (m mirror) attributes(e *ldap.Entry) map[string][]string {
	out := map[string][]string{}
	for _, a := range e.Attributes {
		for _, v := range a.Values {
			if rel, ok := strings.CutSuffix(v, ","+m.company.BaseDN); ok {
				v = rel + ",BASE"
			}
			out[a.Name] = append(out[a.Name], v)
		}
	}
	return out
}
