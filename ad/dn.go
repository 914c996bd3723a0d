package ad

import (
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// Under says whether the object named dn lies somewhere below ou, by whole
// relative names and without regard to case. It is false for ou itself. Text
// that is no DN (RFC 4514) is an error and never just "no": a rule that turns
// the answer round would let everybody in.
func Under(dn, ou string) (bool, error) {
	object, err := ldap.ParseDN(dn)
	if err != nil {
		return false, fmt.Errorf("parse DN of the object: %w", err)
	}
	above, err := ldap.ParseDN(ou)
	if err != nil {
		return false, fmt.Errorf("parse DN of the organisational unit: %w", err)
	}
	if len(object.RDNs) == 0 || len(above.RDNs) == 0 {
		return false, fmt.Errorf("parse DN: empty")
	}
	return above.AncestorOfFold(object), nil
}

// DomainOf is the DNS name of the domain that a DN lies in, as its DC= end says:
// "corp.example.test" for OU=Staff,DC=corp,DC=example,DC=test. "" for none.
func DomainOf(dn string) string { return dnsName(dn) }

// IsDomainName says whether a text can be the DNS name of a domain.
func IsDomainName(s string) bool { return len(s) <= 200 && isHostName(s) }

// IsSiteName says whether a text can be the name of a site.
func IsSiteName(s string) bool { return isLabel(s) }
