package ad

import (
	"fmt"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Controls and capabilities, by their numbers in MS-ADTS 3.1.1.3.4.
const (
	oidPolicyHints           = "1.2.840.113556.1.4.2239" // LDAP_SERVER_POLICY_HINTS_OID
	oidPolicyHintsDeprecated = "1.2.840.113556.1.4.2066"
	oidSDFlags               = "1.2.840.113556.1.4.801"
	// oidPartialSecrets is the capability that a read-only controller has and a
	// writable one has not.
	oidPartialSecrets = "1.2.840.113556.1.4.1920"
	oidStartTLS       = "1.3.6.1.4.1.1466.20037" // RFC 4511 4.14
)

// control is a request control with a raw value. The library's own encodes
// TRUE as 1, which Samba reads as FALSE: a critical control would silently
// become one that may be ignored. RFC 4511 5.1 demands 0xFF.
type control struct {
	oid      string
	critical bool
	value    []byte
}

var _ ldap.Control = control{}

// policyHints holds a reset to the password history (MS-ADTS 3.1.1.3.4.1.27):
// SEQUENCE { INTEGER 1 }.
func policyHints(oid string) control {
	return control{oid: oid, critical: true, value: []byte{0x30, 0x03, 0x02, 0x01, 0x01}}
}

// daclOnly asks for the part of nTSecurityDescriptor that needs no privilege:
// SEQUENCE { INTEGER 4 }.
var daclOnly = control{oid: oidSDFlags, value: []byte{0x30, 0x03, 0x02, 0x01, 0x04}}

// GetControlType returns the OID.
func (c control) GetControlType() string { return c.oid }

// Encode returns the control as RFC 4511 4.1.11 has it.
func (c control) Encode() *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "Control")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, c.oid, "Type"))
	if c.critical {
		p.AppendChild(ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, "Criticality"))
	}
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(c.value), "Value"))
	return p
}

// String names the control.
func (c control) String() string { return fmt.Sprintf("control %s, critical %v", c.oid, c.critical) }

// oidExtendedDN makes names carry GUID and SID (LDAP_SERVER_EXTENDED_DN_OID,
// MS-ADTS 3.1.1.3.4.1.5); 1 asks for the string form.
const oidExtendedDN = "1.2.840.113556.1.4.529"

var extendedNames = control{oid: oidExtendedDN, critical: true, value: []byte{0x30, 0x03, 0x02, 0x01, 0x01}}
