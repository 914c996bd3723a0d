package ad

import (
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// Under says whether the object named dn lies somewhere below ou, by whole
// relative names and without regard to case. It is false for ou itself. Text
// that is no DN (RFC 4514) is an error and never just "no": a rule that turns
// the answer round would let everybody in.
func Under(dn, ou string) (bool, error) {
	object, err := ParseName(dn)
	if err != nil {
		return false, fmt.Errorf("parse DN of the object: %w", err)
	}
	above, err := ParseName(ou)
	if err != nil {
		return false, fmt.Errorf("parse DN of the organisational unit: %w", err)
	}
	return object.Under(above), nil
}

// Name is a distinguished name that has been read, for who compares it often.
// The zero value is under nothing, and nothing is under it.
type Name struct{ dn *ldap.DN }

// ParseName reads a DN (RFC 4514); the empty one is an error.
func ParseName(dn string) (Name, error) {
	parsed, err := ldap.ParseDN(dn)
	switch {
	case err != nil:
		return Name{}, err
	case len(parsed.RDNs) == 0:
		return Name{}, errors.New("empty")
	}
	return Name{parsed}, nil
}

// Under is as the function Under.
func (n Name) Under(ou Name) bool {
	return n.dn != nil && ou.dn != nil && ou.dn.AncestorOfFold(n.dn)
}

// DomainOf is the DNS name of the domain that a DN lies in, as its DC= end says:
// "corp.example.test" for OU=Staff,DC=corp,DC=example,DC=test. "" for none.
func DomainOf(dn string) string { return dnsName(dn) }

// IsDomainName says whether a text can be the DNS name of a domain.
func IsDomainName(s string) bool { return len(s) <= 200 && isHostName(s) }

// IsSiteName says whether a text can be the name of a site.
func IsSiteName(s string) bool { return isLabel(s) }
