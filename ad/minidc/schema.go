package minidc

import (
	"strings"
)

// syntax says how the values of an attribute compare.
type syntax int

const (
	text    syntax = iota // case doesn't matter, runs of blanks are one
	octets                // bytes
	integer               // decimal digits, also INTEGER8
	boolean               // TRUE or FALSE
	moment                // GeneralizedTime
	link                  // a name of another object, kept as a reference
	guidSyntax
	sidSyntax
	category // a class's name in the schema
)

// How an attribute may be used.
const (
	multi       = 1 << iota // several values
	constructed             // computed when asked for by name
	systemOnly              // not for writing by LDAP
	secret                  // never read
	local                   // kept per controller, not replicated
	backLink                // shown from the other end of a link
	personal                // one may write one's own (property set personal information)
	onAdd                   // refused in an add request
)

// attribute is one entry of the schema.
type attribute struct {
	name   string
	syntax syntax
	flags  int
	guid   GUID // schemaIDGUID: the object of an access control entry
}

func (a *attribute) is(flag int) bool { return a.flags&flag != 0 }

var attributes = map[string]*attribute{}

func attr(syn syntax, flags int, names string) {
	for _, n := range strings.Fields(names) {
		attributes[strings.ToLower(n)] = &attribute{n, syn, flags, namedGUID(n)}
	}
}

func init() {
	attr(text, 0, `adminDescription adminDisplayName cn company comment co dNSHostName department description
		displayName displayNamePrintable division dc dnsRoot employeeID employeeNumber employeeType generationQualifier
		givenName gPLink homeDirectory homeDrive initials lDAPDisplayName ldapServiceName legacyExchangeDN location mail mailNickname middleName
		nETBIOSName oEMInformation operatingSystem operatingSystemVersion ou preferredLanguage profilePath roomNumber
		sAMAccountName scriptPath sn title uid userPrincipalName userWorkstations vendorName`)
	attr(text, multi, `servicePrincipalName proxyAddresses o carLicense departmentNumber altSecurityIdentities
		wellKnownObjects otherWellKnownObjects msDS-HasInstantiatedNCs
		extensionAttribute1 extensionAttribute2 extensionAttribute3 extensionAttribute4 extensionAttribute5`)
	attr(text, personal, `assistant c facsimileTelephoneNumber homePhone homePostalAddress info ipPhone l mobile pager
		msDS-cloudExtensionAttribute3 personalTitle physicalDeliveryOfficeName postalCode st street streetAddress telephoneNumber wWWHomePage`)
	attr(text, multi|personal, `otherHomePhone otherIpPhone otherMobile otherPager otherTelephone postalAddress postOfficeBox url`)
	attr(octets, 0, `logonHours userParameters auditingPolicy invocationId`)
	attr(octets, multi, `jpegPhoto thumbnailLogo userPassword audio photo`)
	attr(octets, multi|personal, `userCertificate userSMIMECertificate`)
	attr(octets, personal, `thumbnailPhoto`)
	attr(octets, secret, `unicodePwd`)
	attr(octets, secret|systemOnly, `dBCSPwd lmPwdHistory ntPwdHistory supplementalCredentials`)
	attr(integer, 0, `accountExpires adminCount codePage countryCode gidNumber groupType instanceType
		lastLogonTimestamp lockoutTime localPolicyFlags maxPwdAge minPwdAge minPwdLength msDS-Behavior-Version
		msDS-LockoutDuration msDS-LockoutObservationWindow msDS-LockoutThreshold msDS-ManagedPasswordInterval msDS-MaximumPasswordAge
		msDS-MinimumPasswordAge msDS-MinimumPasswordLength msDS-PasswordHistoryLength msDS-PasswordSettingsPrecedence
		lockOutObservationWindow lockoutDuration lockoutThreshold forceLogoff creationTime modifiedCount nTMixedDomain options
		primaryGroupID pwdHistoryLength pwdLastSet pwdProperties systemFlags uidNumber userAccountControl
		ms-DS-MachineAccountQuota msDS-SupportedEncryptionTypes uASCompat serverState`)
	attr(integer, local, `badPasswordTime badPwdCount lastLogoff lastLogon logonCount`)
	attr(integer, systemOnly, `sAMAccountType uSNChanged uSNCreated`)
	attr(boolean, 0, `isCriticalSystemObject isDefunct isDeleted msDS-PasswordComplexityEnabled
		msDS-PasswordReversibleEncryptionEnabled showInAdvancedViewOnly`)
	attr(moment, systemOnly, `whenChanged whenCreated`)
	attr(link, multi, `member msDS-PSOAppliesTo msDS-NeverRevealGroup msDS-RevealOnDemandGroup hasMasterNCs msDS-hasMasterNCs msDS-HasDomainNCs`)
	attr(link, 0, `manager managedBy secretary fSMORoleOwner serverReference nCName`)
	attr(link, multi|systemOnly|backLink, `memberOf directReports managedObjects msDS-PSOApplied serverReferenceBL msDs-masteredBy`)
	attr(guidSyntax, systemOnly|onAdd, `objectGUID`)
	attr(sidSyntax, systemOnly|onAdd, `objectSid`)
	attr(category, 0, `objectCategory`)
	attr(text, multi, `objectClass`)
	attr(text, 0, `name distinguishedName`)
	attr(octets, 0, `nTSecurityDescriptor`)
	attr(text, constructed|multi, `allowedAttributes allowedAttributesEffective allowedChildClasses
		allowedChildClassesEffective canonicalName structuralObjectClass subSchemaSubEntry`)
	attr(integer, constructed, `msDS-KeyVersionNumber msDS-User-Account-Control-Computed
		msDS-UserPasswordExpiryTimeComputed primaryGroupToken sDRightsEffective`)
	attr(boolean, constructed, `msDS-isRODC msDS-isGC`)
	attr(moment, constructed, `createTimeStamp modifyTimeStamp`)
	attr(link, constructed, `msDS-ResultantPSO`)
	attr(guidSyntax, constructed, `parentGUID`)
	attr(sidSyntax, constructed|multi, `tokenGroups tokenGroupsGlobalAndUniversal tokenGroupsNoGCAcceptable`)
	for name, g := range schemaGUIDs {
		attributes[strings.ToLower(name)].guid = mustGUID(g)
	}
}

// schemaGUIDs are the numbers of the attributes that an administrator
// delegates (MS-ADA1 to MS-ADA3, schemaIDGUID).
var schemaGUIDs = map[string]string{
	"lockoutTime":    "28630ebf-41d5-11d1-a9c1-0000f80367c1",
	"pwdLastSet":     "bf967a0a-0de6-11d0-a285-00aa003049e2",
	"thumbnailPhoto": "8d3bca50-1d7e-11d0-a081-00aa006c33ed",
}

// Extended rights (MS-ADTS 5.1.3.2.1).
var (
	rightResetPassword  = mustGUID("00299570-246d-11d0-a768-00aa006e0529")
	rightChangePassword = mustGUID("ab721a53-1e2f-11d0-9819-00aa0040529b")
	// rightReplicateSecrets is DS-Replication-Get-Changes-All.
	rightReplicateSecrets = mustGUID("1131f6ad-9c07-11d1-f79f-00c04fc2dcd2")
)

// backLinks says which forward link an attribute shows from the other end.
var backLinks = map[string]string{
	"memberof":          "member",
	"directreports":     "manager",
	"managedobjects":    "managedby",
	"msds-psoapplied":   "msds-psoappliesto",
	"serverreferencebl": "serverreference",
	"msds-masteredby":   "msds-hasmasterncs",
}

// class is one object class: its chain from the most general, the type of its
// RDN, its default category and its schemaIDGUID.
type class struct {
	name     string
	chain    []string
	rdn      string
	category string
	guid     GUID
}

var classes = map[string]*class{}

func defineClass(chain, rdn, category, guid string) {
	c := strings.Fields(chain)
	name := c[len(c)-1]
	g := namedGUID("class " + name)
	if guid != "" {
		g = mustGUID(guid)
	}
	classes[strings.ToLower(name)] = &class{name, c, rdn, category, g}
}

func init() {
	person := "top person organizationalPerson "
	defineClass("top", "CN", "Top", "")
	defineClass("top person", "CN", "Person", "")
	defineClass("top person organizationalPerson", "CN", "Person", "")
	defineClass(person+"user", "CN", "Person", "bf967aba-0de6-11d0-a285-00aa003049e2")
	defineClass(person+"user inetOrgPerson", "CN", "Person", "4828cc14-1437-45bc-9b07-ad6f015e5f28")
	defineClass(person+"user computer", "CN", "Computer", "bf967a86-0de6-11d0-a285-00aa003049e2")
	defineClass(person+"user computer msDS-GroupManagedServiceAccount", "CN", "ms-DS-Group-Managed-Service-Account", "")
	defineClass(person+"user computer msDS-ManagedServiceAccount", "CN", "ms-DS-Managed-Service-Account", "")
	defineClass(person+"contact", "CN", "Person", "5cb41ed0-0e4c-11d0-a286-00aa003049e2")
	defineClass("top group", "CN", "Group", "bf967a9c-0de6-11d0-a285-00aa003049e2")
	defineClass("top organizationalUnit", "OU", "Organizational-Unit", "bf967aa5-0de6-11d0-a285-00aa003049e2")
	defineClass("top container", "CN", "Container", "")
	defineClass("top builtinDomain", "CN", "Builtin-Domain", "")
	defineClass("top domain domainDNS", "DC", "Domain-DNS", "")
	defineClass("top configuration", "CN", "Configuration", "")
	defineClass("top dMD", "CN", "DMD", "")
	defineClass("top attributeSchema", "CN", "Attribute-Schema", "")
	defineClass("top crossRefContainer", "CN", "Cross-Ref-Container", "")
	defineClass("top crossRef", "CN", "Cross-Ref", "")
	defineClass("top foreignSecurityPrincipal", "CN", "Foreign-Security-Principal", "")
	defineClass("top msDS-PasswordSettingsContainer", "CN", "ms-DS-Password-Settings-Container", "")
	defineClass("top msDS-PasswordSettings", "CN", "ms-DS-Password-Settings", "")
	defineClass("top sitesContainer", "CN", "Sites-Container", "")
	defineClass("top site", "CN", "Site", "")
	defineClass("top serversContainer", "CN", "Servers-Container", "")
	defineClass("top server", "CN", "Server", "")
	defineClass("top applicationSettings nTDSDSA", "CN", "NTDS-DSA", "")
	defineClass("top applicationSettings nTDSDSARO", "CN", "NTDS-DSA-RO", "")
}

// Bits of userAccountControl (MS-ADTS 2.2.16) and groupType (2.2.12).
const (
	uacDisabled      = 0x2
	uacLockout       = 0x10
	uacNotRequired   = 0x20
	uacCannotChange  = 0x40
	uacNormal        = 0x200
	uacInterdomain   = 0x800
	uacWorkstation   = 0x1000
	uacServer        = 0x2000
	uacNeverExpires  = 0x10000
	uacSmartcard     = 0x40000
	uacExpired       = 0x800000
	uacPartialSecret = 0x4000000

	groupGlobal    = 0x2
	groupLocal     = 0x4
	groupUniversal = 0x8
	groupSecurity  = -0x80000000
)
