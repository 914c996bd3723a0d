package ad

import (
	"regexp"
	"slices"
	"strings"
)

// attributeName is a short name of RFC 4512 1.4 (keystring), as AD writes it in
// lDAPDisplayName.
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

// IsAttributeName says whether a text can be an attribute's name.
func IsAttributeName(name string) bool { return attributeName.MatchString(name) }

// selfWritten are the attributes that everybody may write of their own account
// where nobody has changed it: the property sets Personal-Information
// (77b5b886-944a-11d1-aebd-0000f80367c1) and Web-Information
// (e45795b3-9455-11d1-aebd-0000f80367c1), which the class user grants to SELF
// (MS-ADTS 6.1.1.2.3.3; defaultSecurityDescriptor in MS-ADSC, class user).
var selfWritten = strings.Fields(`assistant c facsimileTelephoneNumber homePhone homePostalAddress info
	internationalISDNNumber ipPhone l mSMQDigests mSMQSignCertificates mobile msDS-ExternalDirectoryObjectId
	msDS-FailedInteractiveLogonCount
	msDS-FailedInteractiveLogonCountAtLastSuccessfulLogon msDS-GeoCoordinatesAltitude msDS-GeoCoordinatesLatitude
	msDS-GeoCoordinatesLongitude msDS-HostServiceAccount msDS-LastFailedInteractiveLogonTime
	msDS-LastSuccessfulInteractiveLogonTime msDS-SupportedEncryptionTypes otherFacsimileTelephoneNumber otherHomePhone
	otherIpPhone otherMobile otherPager otherTelephone pager personalTitle physicalDeliveryOfficeName postOfficeBox
	postalAddress postalCode preferredDeliveryMethod primaryInternationalISDNNumber primaryTelexNumber registeredAddress
	st street streetAddress telephoneNumber teletexTerminalIdentifier telexNumber thumbnailPhoto userCert userCertificate
	userSMIMECertificate userSharedFolder userSharedFolderOther x121Address
	msDS-cloudExtensionAttribute1 msDS-cloudExtensionAttribute2 msDS-cloudExtensionAttribute3
	msDS-cloudExtensionAttribute4 msDS-cloudExtensionAttribute5 msDS-cloudExtensionAttribute6
	msDS-cloudExtensionAttribute7 msDS-cloudExtensionAttribute8 msDS-cloudExtensionAttribute9
	msDS-cloudExtensionAttribute10 msDS-cloudExtensionAttribute11 msDS-cloudExtensionAttribute12
	msDS-cloudExtensionAttribute13 msDS-cloudExtensionAttribute14 msDS-cloudExtensionAttribute15
	msDS-cloudExtensionAttribute16 msDS-cloudExtensionAttribute17 msDS-cloudExtensionAttribute18
	msDS-cloudExtensionAttribute19 msDS-cloudExtensionAttribute20
	url wWWHomePage`)

// SelfWritten says whether AD lets people write this attribute of their own
// account unless somebody took that right away. Nothing may be decided by one.
func SelfWritten(name string) bool {
	return slices.ContainsFunc(selfWritten, func(s string) bool { return strings.EqualFold(s, name) })
}

// IsText says whether the values of an attribute can be compared as text: it is
// false for pictures, certificates, keys and the like, some of which would make
// each reading of an account megabytes long.
func IsText(name string) bool {
	return !slices.ContainsFunc(notText, func(s string) bool { return strings.EqualFold(s, name) })
}

var notText = strings.Fields(`audio auditingPolicy dBCSPwd jpegPhoto lmPwdHistory logonHours msExchMailboxGuid nTSecurityDescriptor
	ntPwdHistory objectGUID objectSid photo sIDHistory supplementalCredentials thumbnailLogo thumbnailPhoto tokenGroups
	tokenGroupsGlobalAndUniversal tokenGroupsNoGCAcceptable unicodePwd userParameters userPassword userCertificate userPKCS12`)

// SingleValued says whether the directory keeps at most one value of an attribute: of the
// base schema that can't be changed (isSingleValued in MS-ADA1 to MS-ADA3). False for
// whatever is not known.
func SingleValued(name string) bool {
	return slices.ContainsFunc(singleValued, func(s string) bool { return strings.EqualFold(s, name) })
}

var singleValued = strings.Fields(`co company department division employeeID employeeNumber employeeType title`)

// accountAttrs are what an account is read with: what is always looked at, and
// what the configuration asks for.
func (c *Client) accountAttrs() []string {
	if len(c.cfg.Attributes) == 0 {
		return accountAttrs
	}
	names := slices.Clone(accountAttrs)
	for _, name := range c.cfg.Attributes {
		if !slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) }) {
			names = append(names, name)
		}
	}
	return names
}

// readExtra keeps what the configuration asks for. Each name that was asked for is
// a key, with or without values, so that a rule can tell "not there" from "not
// read".
func (c *Client) readExtra(e entry) (map[string][]string, error) {
	if len(c.cfg.Attributes) == 0 {
		return nil, nil
	}
	out := make(map[string][]string, len(c.cfg.Attributes))
	for _, name := range c.cfg.Attributes {
		values := e.texts(name)
		if len(values) > maxValues {
			return nil, misread("%s has %d values", name, len(values))
		}
		kept := make([]string, 0, len(values))
		for _, v := range values {
			kept = append(kept, cut(strings.ToValidUTF8(v, "\uFFFD"), maxText))
		}
		out[strings.ToLower(name)] = kept
	}
	return out, nil
}
