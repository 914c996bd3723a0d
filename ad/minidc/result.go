package minidc

import (
	ber "github.com/go-asn1-ber/asn1-ber"
)

// Result codes of RFC 4511 that the controller answers with.
const (
	success               = 0
	operationsError       = 1
	protocolError         = 2
	compareFalse          = 5
	compareTrue           = 6
	authMethodUnsupported = 7
	strongAuthRequired    = 8
	referralCode          = 10
	unavailableCritical   = 12
	noSuchAttribute       = 16
	undefinedAttribute    = 17
	constraintViolation   = 19
	attributeExists       = 20
	invalidSyntax         = 21
	noSuchObject          = 32
	invalidDNSyntax       = 34
	invalidCredentials    = 49
	insufficientRights    = 50
	unwillingToPerform    = 53
	objectClassViolation  = 65
	notAllowedOnNonLeaf   = 66
	entryAlreadyExists    = 68
	otherError            = 80
)

// result is an LDAPResult.
type result struct {
	code     int
	text     string
	referral []string
}

func (r result) ok() bool { return r.code == success }

var done = result{}

// answer builds the protocol operation of a result.
func (r result) answer(tag ber.Tag) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, r.code, ""))
	p.AppendChild(octetString(""))
	p.AppendChild(octetString(r.text))
	if len(r.referral) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		for _, u := range r.referral {
			list.AppendChild(octetString(u))
		}
		p.AppendChild(list)
	}
	return p
}

// message wraps an operation for the wire.
func message(id int, op *ber.Packet, controls ...*ber.Packet) []byte {
	p := sequence(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""), op)
	if len(controls) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, c := range controls {
			list.AppendChild(c)
		}
		p.AppendChild(list)
	}
	return p.Bytes()
}
