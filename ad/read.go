package ad

import (
	"context"
	"time"
)

// Bits of userAccountControl (MS-ADTS 2.2.16). It is read and never written.
const (
	uacDisabled      = 0x2
	uacCannotChange  = 0x40
	uacTrustAccount  = 0x800 | 0x1000 | 0x2000 // trust between domains, workstation, server
	uacNeverExpires  = 0x10000
	uacSmartcard     = 0x40000
	computedLockout  = 0x10     // of msDS-User-Account-Control-Computed
	computedExpired  = 0x800000 // likewise
	attrUAC          = "userAccountControl"
	attrUACComputed  = "msDS-User-Account-Control-Computed"
	attrExpiry       = "msDS-UserPasswordExpiryTimeComputed"
	attrKeyVersion   = "msDS-KeyVersionNumber"
	attrResultantPSO = "msDS-ResultantPSO"
	attrSecondaryKey = "msDS-SecondaryKrbTgtNumber"
)

// accountAttrs are asked by name, so that nothing large comes along, and the
// constructed ones come at all.
var accountAttrs = []string{
	"objectGUID", "objectSid", "objectClass", "sAMAccountType", "sAMAccountName", "userPrincipalName",
	"displayName", "givenName", "sn", "mail", "department", "title", "preferredLanguage", "manager",
	"tokenGroups", "primaryGroupID", "adminCount", attrSecondaryKey,
	attrUAC, attrUACComputed, attrExpiry, attrKeyVersion, attrResultantPSO,
	"lockoutTime", "badPwdCount", "badPasswordTime", "accountExpires", "logonHours", "pwdLastSet", "lastLogonTimestamp", "nTSecurityDescriptor",
}

// Account reads the account on the controller that a write would go to: a
// writable one, the PDC emulator where it answers.
func (c *Client) Account(ctx context.Context, account GUID) (Account, error) {
	var a Account
	err := c.try(ctx, "read account", reading, func(ctx context.Context, on *conn) (err error) {
		a, err = c.readAccount(ctx, on, account)
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

// AccountOn reads the account on one controller, by the name that an Account
// has, and on no other: this is how a lost answer is settled.
func (c *Client) AccountOn(ctx context.Context, controller string, account GUID) (Account, error) {
	const op = "read account"
	at, missing := c.named(op, controller)
	if missing != nil {
		return Account{}, missing
	}
	var a Account
	err := c.use(ctx, at, c.as(reading), func(ctx context.Context, on *conn) (err error) {
		a, err = c.readAccount(ctx, on, account)
		return err
	})
	if err != nil {
		return Account{}, fault(op, at, err)
	}
	return a, nil
}

// readAccount reads everything of one account on one connection.
func (c *Client) readAccount(ctx context.Context, on *conn, account GUID) (Account, error) {
	e, ok, err := on.object(ctx, "<GUID="+account.String()+">", c.accountAttrs(), daclOnly)
	if err != nil {
		return Account{}, err
	}
	if !ok || !c.inBase(on, e.DN) {
		return Account{}, &Error{Cause: ErrNotFound, Op: "read account", Controller: on.at.name, Outcome: OutcomeNotWritten}
	}
	a, raw, err := parseAccount(e, c.now())
	if err != nil {
		return Account{}, err
	}
	if a.GUID != account {
		return Account{}, misread("the controller answered with another account")
	}
	a.Controller = on.at.name
	if a.Attributes, err = c.readExtra(e); err != nil {
		return Account{}, err
	}
	if a.Protected, err = c.protection(ctx, on, a, raw); err != nil {
		return Account{}, err
	}
	if a.Locked {
		err = c.readLockEnd(ctx, on, &a, e.text(attrResultantPSO))
	}
	return a, err
}

// inBase keeps the configured base also for reads by objectGUID.
func (c *Client) inBase(on *conn, dn string) bool {
	base := c.base(on)
	inside, err := Under(dn, base)
	return err == nil && inside
}

// readLockEnd adds until when the account is locked. A policy that may not be
// read leaves that open.
func (c *Client) readLockEnd(ctx context.Context, on *conn, a *Account, pso string) error {
	policy, err := c.policyOf(ctx, on, a.DN, pso)
	if err != nil {
		return err
	}
	if policy.Source != PolicyUnreadable && policy.LockoutDuration > 0 && !a.LockedSince.IsZero() {
		a.LockedUntil = a.LockedSince.Add(policy.LockoutDuration)
	}
	return nil
}

// rawAccount is what the protection rules look at beside the account.
type rawAccount struct {
	place                                         Name // of the object
	class                                         entry
	kind, uac, primaryGroup, adminCount, krbtgtNo int64
	groupsBroken                                  bool
}

// parseAccount understands an entry. It does not decide on protection.
func parseAccount(e entry, now time.Time) (Account, rawAccount, error) {
	a := Account{
		DN: e.DN, SAMAccountName: e.shown("sAMAccountName"), UserPrincipalName: e.shown("userPrincipalName"),
		DisplayName: e.shown("displayName"), GivenName: e.shown("givenName"), Surname: e.shown("sn"), Mail: e.shown("mail"),
		Department: e.shown("department"), Title: e.shown("title"), Language: e.shown("preferredLanguage"), ManagerDN: e.text("manager"), ReadAt: now,
	}
	raw := rawAccount{class: e, kind: -1, uac: -1, primaryGroup: -1, krbtgtNo: -1}
	var err error
	if raw.place, err = ParseName(e.DN); err != nil {
		return a, raw, misread("name: %w", err)
	}
	if a.GUID, err = GUIDFromBytes(e.raw("objectGUID")); err != nil {
		return a, raw, misread("objectGUID: %w", err)
	}
	if sid := e.raw("objectSid"); sid != nil {
		if a.SID, err = sidText(sid); err != nil {
			return a, raw, misread("objectSid: %w", err)
		}
	}
	if a.Groups, err = e.sids("tokenGroups"); err != nil {
		raw.groupsBroken, a.Groups = true, nil
	}
	err = e.numbers(map[string]*int64{"sAMAccountType": &raw.kind, attrUAC: &raw.uac, "primaryGroupID": &raw.primaryGroup,
		"adminCount": &raw.adminCount, attrSecondaryKey: &raw.krbtgtNo})
	if err != nil {
		return a, raw, err
	}
	return a, raw, parseState(e, &a, raw.uac, now)
}

// parseState fills in what the account may do now.
func parseState(e entry, a *Account, uac int64, now time.Time) error {
	a.Marks.KeyVersion = -1
	computed := int64(-1)
	// badPwdCount is not replicated: where a controller lacks it, nobody failed
	// there yet, so that absent is 0 and no mark of a missing right.
	var bad, badTime, expires, passwordEnds, lastLogon int64
	err := e.numbers(map[string]*int64{
		attrUACComputed: &computed, attrExpiry: &passwordEnds, attrKeyVersion: &a.Marks.KeyVersion,
		"lockoutTime": &a.Marks.LockoutTime, "pwdLastSet": &a.Marks.PwdLastSet,
		"badPwdCount": &bad, "badPasswordTime": &badTime, "accountExpires": &expires,
		"lastLogonTimestamp": &lastLogon,
	})
	if err != nil {
		return err
	}
	if isClass(e, "user") && (uac < 0 || computed < 0) {
		// Neither is ever absent, so the service account may not read them; an
		// account whose state is unknown must not look healthy.
		return &Error{Cause: ErrRights, Op: "read account", Outcome: OutcomeNotWritten,
			Diagnostic: "no " + attrUAC + " or no " + attrUACComputed}
	}
	uac, computed = max(uac, 0), max(computed, 0)
	a.Disabled = uac&uacDisabled != 0
	a.Locked = computed&computedLockout != 0
	if a.Locked {
		a.LockedSince = fileTime(a.Marks.LockoutTime)
	}
	a.BadPasswords, a.LastBad = int(min(max(bad, -1), 1<<20)), fileTime(badTime)
	a.AccountExpires, a.LastLogon = fileTime(expires), fileTime(lastLogon)
	a.LogonAllowed, a.NextLogon = logonAllowed(e.raw("logonHours"), now)
	a.PasswordNeverExpires = uac&uacNeverExpires != 0
	a.SmartcardRequired = uac&uacSmartcard != 0
	a.CannotChange = uac&uacCannotChange != 0 || deniesChange(e.raw("nTSecurityDescriptor"))
	a.MustChange = a.Marks.PwdLastSet == 0 && computed&computedExpired != 0
	a.PasswordExpired = computed&computedExpired != 0 && !a.MustChange
	a.PasswordSet = fileTime(a.Marks.PwdLastSet)
	if !a.MustChange {
		a.PasswordExpires = fileTime(passwordEnds)
	}
	return nil
}
