package ad

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/doctor"
)

// More bits of userAccountControl (MS-ADTS 2.2.16).
const (
	uacNoPasswordNeeded = 0x20
	uacDelegation       = 0x80000 | 0x1000000 // trusted for delegation, and to authenticate for it
)

// servant is one service account as the directory knows it.
type servant struct {
	which        service
	bind         string
	sid, sam, dn string
	netBIOS      string
	token        token // nil where nothing is known of it
	powerful     []string
}

var servantAttrs = []string{"objectSid", "sAMAccountName", "pwdLastSet", "accountExpires", "logonHours", "userWorkstations",
	"servicePrincipalName", attrUAC, attrExpiry, attrResultantPSO, "tokenGroups"}

// reader is a connection that may read; the write account's where the read
// account was refused.
func (x *exam) reader() *conn {
	if on := x.on.conns[reading]; on != nil {
		return on
	}
	return x.on.conns[writing]
}

// checkServices looks at each service account.
func (x *exam) checkServices(ctx context.Context) {
	if len(x.services()) == 1 {
		x.r.Found(kindOwnSame, clean(x.c.gates[reading].account.Bind), "directory.write is not set",
			config("write: {bind: svc-latchkey-write@…, password_file: …} # below directory, docs/ad-rights.md")...)
	}
	for _, as := range x.services() {
		bind := x.c.gates[as].account.Bind
		subject := fmt.Sprintf("%s account %s", as, bind)
		var e entry
		x.check(ctx, "service", subject, func(ctx context.Context, out *result) (seen string, err error) {
			if e, err = x.identify(ctx, as, bind); err != nil || e.Entry == nil {
				if err == nil {
					out.found(kindOwnUnknown, "nothing leads from this name to an account", config("bind: svc-latchkey@… # a user principal name, DOMAIN\\name or DN"))
				}
				return "", err
			}
			return x.judgeServant(ctx, e, x.own[as], out)
		})
		if e.Entry == nil {
			continue
		}
		x.check(ctx, "privileges", subject, func(ctx context.Context, out *result) (string, error) {
			return x.judgePower(ctx, x.own[as], out)
		})
		if on := x.on.conns[as]; on != nil {
			x.check(ctx, "pso", subject, func(ctx context.Context, out *result) (string, error) { return x.judgePSOs(ctx, on, x.own[as], out) })
		}
	}
	if len(x.services()) == 1 {
		x.own[writing] = x.own[reading]
	}
}

// identify finds the account by its bind name, or else by its token.
func (x *exam) identify(ctx context.Context, as service, bind string) (e entry, err error) {
	on := x.reader()
	s := servant{which: as, bind: bind, sam: accountName(bind)}
	if s.netBIOS, err = x.c.netBIOS(ctx, on); err != nil {
		return entry{}, err
	}
	var held []string
	if mine := x.on.conns[as]; mine != nil {
		if held, err = mine.tokensOf(ctx); err != nil {
			return entry{}, err
		}
	}
	sids, err := x.c.sidOfBind(ctx, on, bind)
	if err != nil {
		return entry{}, err
	}
	for _, sid := range append(sids, accountSIDs(slices.Clone(held))...) {
		e, ok, err := on.object(ctx, "<SID="+sid+">", append([]string{"objectClass"}, servantAttrs...))
		if err != nil && refused(err) == nil {
			return entry{}, err
		}
		if err != nil || !ok || !isClass(e, "user") {
			continue
		}
		s.sid, s.dn = sid, e.DN
		if name := e.shown("sAMAccountName"); name != "" {
			s.sam = name
		}
		if len(held) == 0 {
			groups, err := e.sids("tokenGroups")
			if err == nil {
				held = append(groups, sid, sidEverybody, sidSignedIn)
			}
		}
		s.token = tokenOf(held)
		x.own[as] = s
		return e, nil
	}
	x.own[as] = s
	return entry{}, nil
}

// judgeServant looks at what may stop the account some day.
func (x *exam) judgeServant(ctx context.Context, e entry, s servant, out *result) (string, error) {
	var uac, set, ends, expires int64
	err := e.numbers(map[string]*int64{attrUAC: &uac, "pwdLastSet": &set, "accountExpires": &ends, attrExpiry: &expires})
	if err != nil {
		return "", err
	}
	now := x.c.now()
	switch at := fileTime(expires); {
	case at.IsZero() || at.Before(now): // never, or refused above
	case at.Sub(now) < passwordEnd:
		out.found(kindOwnSoon, fmt.Sprintf("%d days left, until %s", days(at.Sub(now)), at.Format(time.DateTime)), neverExpires(s.sam))
	default:
		out.found(kindOwnExpires, fmt.Sprintf("%d days left, until %s", days(at.Sub(now)), at.Format(time.DateTime)), neverExpires(s.sam))
	}
	if at := fileTime(set); !at.IsZero() && now.Sub(at) > oldPassword {
		out.found(kindOwnOld, fmt.Sprintf("set %d days ago", days(now.Sub(at))),
			power("Set-ADAccountPassword -Identity %s -Reset", s.sam), samba("user setpassword %s", s.sam))
	}
	if at := fileTime(ends); !at.IsZero() {
		out.found(kindOwnEnds, "ends on "+at.Format(time.DateTime),
			power("Clear-ADAccountExpiration -Identity %s", s.sam), samba("user setexpiry %s --noexpiry", s.sam))
	}
	judgeLimits(e, s, out)
	judgeFlags(e, uac, s, out)
	for _, ou := range x.units() {
		if inside, err := Under(e.DN, ou); err == nil && inside && !sameDN(ou, x.head) {
			out.found(kindOwnInOU, e.DN+" lies below "+ou,
				power("Move-ADObject -Identity %s -TargetPath %s", e.DN, "CN=Users,"+x.head), samba("user move %s %s", s.sam, "CN=Users,"+x.head))
		}
	}
	return x.judgeLockout(ctx, e, s, out)
}

// judgeLimits looks at when and from where the account may sign in.
func judgeLimits(e entry, s servant, out *result) {
	if hours := e.raw("logonHours"); len(hours) > 0 && !bytes.Equal(hours, bytes.Repeat([]byte{0xff}, hoursPerWeek/8)) {
		_, mend := refusalOf(s.sam, "data 530")
		out.found(kindOwnHours, "logonHours leave hours out", mend)
	}
	if from := e.shown("userWorkstations"); from != "" {
		_, mend := refusalOf(s.sam, "data 531")
		out.found(kindOwnStations, "only from "+from, mend)
	}
}

func judgeFlags(e entry, uac int64, s servant, out *result) {
	if uac&uacNoPasswordNeeded != 0 {
		out.found(kindOwnNoPassword, fmt.Sprintf("userAccountControl %#x", uac), power("Set-ADAccountControl -Identity %s -PasswordNotRequired $false", s.sam),
			samba("user edit %s # take 32 off userAccountControl", s.sam))
	}
	if uac&uacDelegation != 0 {
		out.found(kindOwnDelegates, fmt.Sprintf("userAccountControl %#x", uac),
			power("Set-ADAccountControl -Identity %s -TrustedForDelegation $false -TrustedToAuthForDelegation $false", s.sam),
			samba("delegation for-any-service %s off", s.sam))
	}
	if names := e.texts("servicePrincipalName"); len(names) > 0 {
		out.found(kindOwnSPN, some(names), power("setspn -D %s %s", names[0], s.sam), samba("spn delete %s %s", names[0], s.sam))
	}
}

// judgeLockout asks which policy locks the account. A policy of its own is taken
// as deliberate.
func (x *exam) judgeLockout(ctx context.Context, e entry, s servant, out *result) (string, error) {
	policy, err := x.c.policyOf(ctx, x.reader(), e.DN, e.text(attrResultantPSO))
	if err != nil {
		return "", err
	}
	if policy.Source == PolicyDomain && policy.LockoutThreshold > 0 {
		out.found(kindOwnLockout, fmt.Sprintf("%d wrong passwords lock it, as everybody", policy.LockoutThreshold),
			x.ownPolicy(s)...)
	}
	return "enabled, may sign in at any time, no end in sight", nil
}

// servicePSO is a fine-grained policy for service accounts alone.
const servicePSO = "latchkey-service"

// ownPolicy gives the account a policy that never locks; it is made once.
func (x *exam) ownPolicy(s servant) [][]doctor.Line {
	var made [][]doctor.Line
	if !x.hasPSO {
		x.hasPSO = true
		made = append(made,
			power("New-ADFineGrainedPasswordPolicy -Name %s -Precedence 1 -LockoutThreshold 0 -MinPasswordLength 24 -MaxPasswordAge 0 -ComplexityEnabled $true -ReversibleEncryptionEnabled $false", servicePSO),
			samba("domain passwordsettings pso create %s 1 --account-lockout-threshold=0 --min-pwd-length=24 --max-pwd-age=0", servicePSO))
	}
	return append(made, power("Add-ADFineGrainedPasswordPolicySubject -Identity %s -Subjects %s", servicePSO, s.sam),
		samba("domain passwordsettings pso apply %s %s", servicePSO, s.sam))
}

// judgePower looks for rights beyond the four.
func (x *exam) judgePower(ctx context.Context, s servant, out *result) (string, error) {
	names := map[string]string{}
	for sid := range s.token {
		if isProtectedSID(sid) {
			names[groupName(sid)] = sid
		}
	}
	if len(names) > 0 {
		s.powerful = slices.Sorted(maps.Keys(names))
		x.own[s.which] = s
		var mend [][]doctor.Line
		for _, name := range s.powerful {
			mend = append(mend, power("Remove-ADGroupMember -Identity %s -Members %s -Confirm:$false", names[name], s.sam),
				samba("group removemembers %s %s", name, s.sam))
		}
		out.found(kindPrivileged, "member of "+strings.Join(s.powerful, ", "), mend...)
		return "", nil
	}
	e, ok, err := x.reader().object(ctx, x.head, []string{"nTSecurityDescriptor"}, daclOnly)
	if err != nil {
		return "", err
	}
	list, err := readDACL(e.rawOf(ok, "nTSecurityDescriptor"))
	if err != nil {
		return "", fmt.Errorf("permissions of %s: %w", x.head, err)
	}
	x.judgeHead(list, s, out)
	return "no administrators' group, no right over the whole domain", nil
}

func (x *exam) judgeHead(list dacl, s servant, out *result) {
	if list.decides(s.token, rewriting) == granted || list.decides(s.token, taking) == granted {
		out.found(kindHeadControl, "may change permissions or the owner of "+x.head, s.bar(x.head))
	}
	everybody := slices.ContainsFunc(x.units(), func(ou string) bool { return sameDN(ou, x.head) })
	if !everybody && list.hands(s.token, resetting, classUser, classInetOrgPerson) {
		out.found(kindHeadReset, "Reset Password is inherited from "+x.head,
			line(doctor.DSACLs, "dsacls %s /R %s", x.head, s.account()),
			samba("dsacl set --objectdn=%s --sddl=%s", x.head, fmt.Sprintf("(OD;CIIO;CR;%s;%s;%s)", rightResetPassword, classUser, s.sid)))
	}
	if list.decides(s.token, replicates) == granted {
		out.found(kindReplicates, "holds DS-Replication-Get-Changes-All on "+x.head,
			line(doctor.DSACLs, "dsacls %s /D %s", x.head, s.account()+":CA;Replicating Directory Changes All"),
			samba("dsacl set --objectdn=%s --sddl=%s", x.head, fmt.Sprintf("(OD;;CR;%s;;%s)", rightGetAllChanges, s.sid)))
	}
}

// groupName is what a built-in group is called in English.
func groupName(sid string) string {
	if name, ok := protectedAliases[sid]; ok {
		return name
	}
	_, rid, _ := splitSID(sid)
	return protectedRIDs[rid]
}

// judgePSOs tries the container of the fine-grained policies. A policy that comes
// back proves the right; where there is none to try, the container's permissions
// tell what would be inherited.
func (x *exam) judgePSOs(ctx context.Context, on *conn, s servant, out *result) (string, error) {
	place := "CN=Password Settings Container,CN=System," + x.head
	found, _, err := on.search(ctx, query{base: place, scope: ldap.ScopeSingleLevel, filter: equal("objectClass", "msDS-PasswordSettings"),
		attrs: []string{finePolicy.threshold}})
	if err != nil && refused(err) == nil {
		return "", err
	}
	if err == nil && len(found) > 0 && found[0].has(finePolicy.threshold) {
		return "fine-grained policies can be read", nil
	}
	e, ok, err := on.object(ctx, place, []string{"nTSecurityDescriptor"}, daclOnly)
	if err != nil && refused(err) == nil {
		return "", err
	}
	if err == nil && ok {
		if list, broken := readDACL(e.raw("nTSecurityDescriptor")); broken == nil && list.hands(s.token, readsAll, classPSO) {
			return "fine-grained policies could be read; there is none", nil
		}
	}
	out.found(kindNoPSOs, place+" can't be read",
		line(doctor.DSACLs, "dsacls %s /I:T /G %s", place, s.account()+":GR"),
		samba("dsacl set --objectdn=%s --sddl=%s", place, "(A;CI;RPLCLORC;;;"+s.sid+")"))
	return "", nil
}
