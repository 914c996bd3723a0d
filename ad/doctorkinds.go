package ad

import (
	"slices"

	"github.com/latchkey/latchkey/doctor"
)

// doctorKinds is every Kind of this package, in the order of its making.
var doctorKinds []doctor.Kind

// DoctorKinds lists everything that Doctor can find.
func DoctorKinds() []doctor.Kind { return slices.Clone(doctorKinds) }

func kind(id string, severity doctor.Severity, why string) doctor.Kind {
	k := doctor.Kind{ID: "ad." + id, Severity: severity, Why: why}
	doctorKinds = append(doctorKinds, k)
	return k
}

// How bad a finding is, for short lines below.
const (
	note    = doctor.Note
	warning = doctor.Warning
	failure = doctor.Failure
)

// Reaching a controller.
var (
	kindUnresolved   = kind("address-unresolved", failure, "The name leads to no address, so that this controller can't be asked.")
	kindUnreachable  = kind("unreachable", failure, "No connection comes about: a firewall or a route stands between, or the machine is off.")
	kindRefused      = kind("refused", failure, "The machine answers, but nothing listens on the port: LDAPS needs a certificate on the controller before it listens.")
	kindSilent       = kind("silent", failure, "The controller takes the connection and then says nothing: every act waits out the time-out before the next controller is asked.")
	kindLatency      = kind("latency", warning, "Each act asks the controller several times: people wait in front of a spinning wheel.")
	kindNotTLS       = kind("plain-port", failure, "The port speaks plain LDAP. Latchkey sends no password without TLS, so it does not use the controller.")
	kindStartTLS     = kind("starttls-refused", failure, "The controller refuses StartTLS, and without it Latchkey does not use it.")
	kindStartOnTLS   = kind("starttls-on-tls-port", failure, "The port speaks TLS from the first byte, where the address asks for StartTLS.")
	kindNoLDAPS      = kind("starttls-needless", note, "StartTLS begins in clear text; the LDAPS port of the same controller is open and begins with TLS.")
	kindTLSFailed    = kind("tls-failed", failure, "The TLS handshake fails, so the controller is not used. A Windows controller without a certificate ends it like this.")
	kindNoController = kind("not-a-controller", failure, "What answers there is no domain controller of Active Directory.")
	kindDNSSilent    = kind("dns-unanswered", failure, "The name servers do not say who the controllers are: new ones are never found, and at a start nobody can be helped.")
	kindSRVMissing   = kind("srv-missing", failure, "DNS does not name the domain's controllers: they are not found, and those that are gone stay known.")
	kindSRVNoPDC     = kind("srv-pdc-missing", warning, "DNS does not name the PDC emulator: where there are many controllers it may not be among those asked, and lockouts are seen late.")
	kindSRVRefused   = kind("srv-refused", warning, "A record calls a host outside of the domain its controller. Latchkey asks no such host; other programs send it names and passwords.")
	kindSiteUnknown  = kind("site-unknown", warning, "DNS knows no controllers of the configured site: those far away are asked like those nearby, and people wait.")
	kindTooMany      = kind("controllers-left", note, "Only 16 controllers are used, and without a site nothing says that they are the near ones.")
	kindNoneKnown    = kind("no-controllers", failure, "No controller is known, neither by its name nor by DNS: nobody can sign in or be helped.")
	kindPlainBind    = kind("plain-bind-taken", warning, "The controller takes a password over plain LDAP: Latchkey never sends one there, other programs may, and anybody on the way reads it.")
)

// The controller's certificate and its TLS.
var (
	kindCertName       = kind("tls-name", failure, "The certificate is of another name than the configuration's, so that the controller can't be told from an impostor.")
	kindCertNoNames    = kind("tls-no-names", failure, "The certificate names the controller in its common name only, which is not believed any more (RFC 9525 6.4.4).")
	kindCertAuthority  = kind("tls-authority", failure, "The certificate was signed by an authority that is not trusted here, so that the controller can't be told from an impostor.")
	kindCertExpired    = kind("tls-expired", failure, "The certificate is past its last day: the controller is not used.")
	kindCertEarly      = kind("tls-not-yet-valid", failure, "The certificate is not valid yet, or this machine's clock is behind.")
	kindCertSoon       = kind("tls-expiring", warning, "On the certificate's last day Latchkey stops using the controller.")
	kindIssuerExpired  = kind("tls-authority-expired", failure, "An authority above the certificate is past its last day, and with it every certificate below.")
	kindIssuerSoon     = kind("tls-authority-expiring", warning, "On the authority's last day every certificate below it stops being believed, all controllers at once.")
	kindCertUnreadable = kind("tls-unreadable", failure, "The certificate breaks the rules of its format (a negative serial number, as in a self-made one, say): no handshake is possible.")
	kindCertUsage      = kind("tls-usage", failure, "The certificate is not meant for servers (no server authentication among its uses).")
	kindCertKey        = kind("tls-weak-key", warning, "An RSA key below 2048 bits can be broken with means that exist.")
	kindCertSignature  = kind("tls-weak-signature", failure, "A signature over SHA-1 or MD5 can be forged, and is not believed.")
	kindTLSOld         = kind("tls-too-old", failure, "The controller speaks TLS below 1.2 only, which Latchkey refuses.")
	kindTLSOldToo      = kind("tls-old-offered", warning, "The controller takes TLS 1.0 or 1.1 too: Latchkey asks for 1.2, other programs may be talked down.")
)

// What a controller says of itself, and all of them together.
var (
	kindClockDrift   = kind("clock-drift", warning, "The clocks are over a minute apart: times that people read (locked until, expires at) are off.")
	kindClockSkew    = kind("clock-skew", failure, "The clocks are over five minutes apart: Kerberos fails, and proofs, deadlines and lockouts are judged by the wrong time.")
	kindClockUnknown = kind("clock-unknown", warning, "The controller does not say its time, so that nobody knows whether the clocks agree.")
	kindReadOnly     = kind("read-only", warning, "A read-only controller is never written to, so it helps nobody who is locked out.")
	kindNoWritable   = kind("no-writable", failure, "No configured controller can be written to: nobody can be unlocked and no password reset.")
	kindNotSynced    = kind("not-synchronized", warning, "The controller has not finished its first replication: it is not written to, and what it says may be old.")
	kindPDCUnnamed   = kind("pdc-unconfigured", warning, "The PDC emulator is not configured: it hears of bad passwords and new ones first, so others may call somebody locked who is not, and count fewer wrong passwords than it does: the tries that Latchkey stops at may then be the ones that lock.")
	kindPDCUnknown   = kind("pdc-unknown", warning, "No controller says who the PDC emulator is: another one is written to, and lockouts are seen late.")
	kindPDCDown      = kind("pdc-down", warning, "The PDC emulator is configured and does not answer: others are used, which may see lockouts late.")
	kindLevel        = kind("functional-level", warning, "Below Windows Server 2008 there are no fine-grained password policies, and a reset can't be held to the history.")
	kindNoHints      = kind("policy-hints-missing", warning, "Without the policy hints control a reset takes a password that was used before. Windows has it since Server 2012, and by update since 2008 R2.")
	kindOldHints     = kind("policy-hints-old", note, "Only the older number of the policy hints control (2066) is offered. It works; the controller lacks updates.")
	kindSambaHints   = kind("policy-hints-samba", note, "Samba has no policy hints: a reset takes a password that was used before. Nothing can be set for it.")
	kindOneOnly      = kind("single-controller", note, "When the one controller is down nobody can be helped.")
	kindSameTwice    = kind("same-controller", warning, "Two addresses lead to the same controller: one machine down takes both away.")
	kindOtherDomain  = kind("other-domain", failure, "The controllers are of different domains: who is found would depend on which one answers.")
	kindCheckFailed  = kind("check-failed", failure, "The check itself failed, so that nothing is known about what it looks at.")
)

// The base and what the configuration names.
var (
	kindBaseMissing    = kind("base-missing", failure, "base_dn names nothing, so that nobody is found.")
	kindBaseElsewhere  = kind("base-elsewhere", failure, "base_dn is not of the domain that the controllers serve, so that nobody is found.")
	kindHeadUnread     = kind("head-unreadable", failure, "The head of the domain can't be read: neither roles nor the password policy are known.")
	kindOUMissing      = kind("ou-missing", failure, "A policy names a unit that can't be found: its rule is an error and denies.")
	kindOUOutside      = kind("ou-outside", failure, "A policy names a unit outside of base_dn, where nobody exists for Latchkey.")
	kindOUEmpty        = kind("ou-empty", note, "No person lies below the unit, so that no right could be tried on anybody.")
	kindGroupMissing   = kind("group-missing", failure, "A policy names a group that can't be found: its rule is an error and denies.")
	kindGroupMail      = kind("group-no-security", failure, "A policy names a mailing list. No token holds it, so its rule is an error and denies.")
	kindProtectedGroup = kind("protected-group-missing", failure, "A group of protected_groups can't be found. Until it is, everybody counts as protected and nobody is helped.")
	kindProtectedOU    = kind("protected-ou-missing", failure, "A unit of protected_ous does not exist: whoever it was to protect is not protected.")
)

// Service accounts.
var (
	kindBindPassword   = kind("bind-password", failure, "The directory refuses the service account's name or password. It is not tried again, so that it does not get locked.")
	kindBindDisabled   = kind("bind-disabled", failure, "The service account is disabled: nothing works.")
	kindBindExpired    = kind("bind-account-expired", failure, "The service account's last day is over: nothing works.")
	kindBindPwdExpired = kind("bind-password-expired", failure, "The service account's password has expired: nothing works.")
	kindBindMustChange = kind("bind-must-change", failure, "The service account must change its password at the next logon, which it can't: nothing works.")
	kindBindLocked     = kind("bind-locked", failure, "The service account is locked: nothing works. Somebody, or something, used a wrong password for it.")
	kindBindHours      = kind("bind-logon-hours", failure, "The service account may not sign in at this hour: nothing works until it may.")
	kindBindStation    = kind("bind-workstation", failure, "The service account may not sign in from this machine: nothing works.")
	kindBindRestricted = kind("bind-restricted", failure, "A restriction on the service account keeps it out: nothing works.")
	kindBindRejected   = kind("bind-rejected", failure, "The controller did not take the bind, for a reason that is no wrong password.")
	kindBindDiffers    = kind("bind-differs", warning, "One controller takes the service account and another refuses it: the password, or the account, has not reached that one.")
	kindOwnUnknown     = kind("service-unknown", failure, "The service account can't be found by the name it binds with. Latchkey must know itself: until then everybody is protected.")
	kindOwnSoon        = kind("service-password-expiring", warning, "On that day the service account is refused, and nobody can be helped.")
	kindOwnExpires     = kind("service-password-expires", note, "The service account's password has a last day. Set a new one before, here and in Latchkey.")
	kindOwnOld         = kind("service-password-old", note, "The service account's password is over a year old: whoever saw it since can still use it.")
	kindOwnEnds        = kind("service-account-ends", warning, "The service account has a last day. After it nobody can be helped.")
	kindOwnLockout     = kind("service-lockout", warning, "Wrong passwords lock the service account like anybody: whoever knows its name can stop Latchkey. A policy of its own without a lockout prevents it.")
	kindOwnHours       = kind("service-logon-hours", warning, "The service account may sign in at some hours only; at the others nobody can be helped.")
	kindOwnStations    = kind("service-workstations", warning, "The service account may sign in from some machines only: a move, or a second server, stops it.")
	kindOwnSame        = kind("service-same", note, "One account reads and writes, so that every read carries the right to reset. Two accounts keep rights where they are used.")
	kindOwnNoPassword  = kind("service-password-not-required", warning, "The flag PASSWD_NOTREQD lets somebody give the service account an empty password.")
	kindOwnDelegates   = kind("service-delegation", warning, "The service account is trusted for delegation: it could act as whoever signs in to it.")
	kindOwnSPN         = kind("service-spn", warning, "An account with a service principal name can have its password guessed offline by anybody in the domain.")
	kindOwnInOU        = kind("service-in-ou", warning, "The service account lies below a unit that it may reset: it could set its own password, or that of its twin.")
)

// Rights: what is missing, and what is too much.
var (
	kindNoReset        = kind("right-reset", failure, "Without the right Reset Password nobody here gets a new password.")
	kindResetDenied    = kind("right-reset-denied", failure, "An entry denies Reset Password, whatever else grants it: nobody here gets a new password.")
	kindNoUnlock       = kind("right-lockout-time", failure, "Without writing lockoutTime nobody here can be unlocked.")
	kindNoMustChange   = kind("right-pwd-last-set", failure, "Without writing pwdLastSet no one-time password can be given.")
	kindBlocked        = kind("inheritance-blocked", warning, "Accounts that inherit nothing lack the delegated rights: these people can't be helped.")
	kindInetOrg        = kind("inetorgperson", warning, "inetOrgPerson objects do not inherit a right for the class user: these people can't be helped.")
	kindNoTokenGroups  = kind("token-groups-unreadable", failure, "Without tokenGroups nobody's groups are known, so everybody counts as protected and nobody is helped.")
	kindNoComputed     = kind("state-unreadable", failure, "Without userAccountControl and its computed form nobody knows who is locked: every read fails.")
	kindNoExpiry       = kind("expiry-unreadable", warning, "Without msDS-UserPasswordExpiryTimeComputed nobody is reminded before a password expires.")
	kindNoKeyVersion   = kind("key-version-unreadable", warning, "Without msDS-KeyVersionNumber a write whose answer was lost may stay unknown.")
	kindNoDescriptor   = kind("descriptor-unreadable", warning, "Without the permissions of accounts nobody sees whether a reset is allowed, or who may not change a password.")
	kindNoPSOs         = kind("pso-unreadable", warning, "Without reading fine-grained policies people are told that a policy applies which Latchkey may not read.")
	kindReaderWrites   = kind("reader-may-write", warning, "The read account holds rights to write, although another account is there for it.")
	kindUnitControl    = kind("service-unit-control", warning, "The service account may do more to these people than help them: whoever gets its password can rewrite, rename or delete them.")
	kindPrivileged     = kind("service-privileged", warning, "The service account is in an administrators' group: a mistake, or a thief, reaches every account.")
	kindHeadControl    = kind("service-domain-control", warning, "The service account may rewrite the permissions of the whole domain: it is an administrator in all but name.")
	kindHeadReset      = kind("service-domain-reset", warning, "Reset Password is given at the head of the domain and reaches every account below, not only the people of the policies.")
	kindReplicates     = kind("service-replication", failure, "The service account may read all secrets of the domain by replication (DCSync).")
	kindAdminWritable  = kind("protected-writable", failure, "The service account could reset or unlock administrators. Latchkey refuses to, a thief of its password would not.")
	kindKrbtgtWritable = kind("krbtgt-writable", failure, "The service account could reset krbtgt, and with it forge any ticket.")
	kindHolderWritable = kind("adminsdholder-writable", failure, "What holds on AdminSDHolder is copied to every administrator within the hour: the service account could reset them all.")
	kindGroupWritable  = kind("protected-group-writable", failure, "The service account could write an administrators' group, and join it.")
	kindOUProtected    = kind("ou-protected-people", warning, "Protected people lie below a delegated unit. Latchkey never acts for them, and on Samba nothing else keeps the service account from it.")
)

// Password and lockout policy.
var (
	kindPolicyUnread   = kind("policy-unreadable", warning, "The password policy can't be read, so nobody is told which passwords are taken.")
	kindNoLockout      = kind("lockout-off", note, "Nobody is ever locked, so nobody needs unlocking, and passwords can be guessed without end.")
	kindLowThreshold   = kind("lockout-threshold-low", warning, "Latchkey stops two wrong passwords before the lockout, so that below five there is hardly a try left for a change.")
	kindLockForever    = kind("lockout-forever", note, "A lockout lasts until somebody unlocks. Latchkey does that; without it, only the helpdesk.")
	kindLockWindow     = kind("lockout-window", warning, "The observation window is longer than the lockout: the count outlives it, and the next mistake locks again.")
	kindShortPassword  = kind("password-short", warning, "Passwords below eight characters can be tried out.")
	kindSimplePassword = kind("password-complexity-off", warning, "The directory takes passwords such as \"aaaaaaaa\"; only Latchkey's own strength check stands against them.")
	kindMinAge         = kind("password-min-age", note, "Who changed the password today can't change it again: tell people, or set the age to 0. A reset is not held to it.")
	kindMaxAge         = kind("password-max-age", warning, "Passwords expire within a month: people choose weaker ones and forget them.")
	kindNoHistory      = kind("password-history-off", warning, "No password is remembered: an expired one can be set again.")
	kindReversible     = kind("password-reversible", warning, "Passwords are kept so that they can be read back: who copies the directory has them all.")
)
