package samba

import (
	"errors"
	"fmt"
	"net"

	"github.com/go-ldap/ldap/v3"
)

// Register puts the controller's own address into its DNS zone, in the place of
// the one that the snapshot was made with.
func (dc *DC) Register() error {
	c, err := dc.Dial(dc.AdminBind, dc.AdminPassword)
	if err != nil {
		return err
	}
	defer c.Close()
	dn := fmt.Sprintf("DC=%s,DC=%s,CN=MicrosoftDNS,DC=DomainDnsZones,%s", hostName, dc.Domain, dc.BaseDN)
	found, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"dnsRecord"}, nil))
	if err != nil || len(found.Entries) != 1 {
		return errors.Join(fmt.Errorf("read DNS record of %s", hostName), err)
	}
	var records []string
	for _, r := range found.Entries[0].GetRawAttributeValues("dnsRecord") {
		// MS-DNSP 2.3.2.2: length and type, 24 bytes in front of the data.
		if len(r) == 24+4 && r[2] == 1 && r[3] == 0 {
			r = append(append([]byte{}, r[:24]...), net.ParseIP(dc.Address).To4()...)
		}
		records = append(records, string(r))
	}
	change := ldap.NewModifyRequest(dn, nil)
	change.Replace("dnsRecord", records)
	return c.Modify(change)
}
