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
