package ad

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/doctor"
)

// services are the accounts, each once.
func (x *exam) services() []service {
	if x.c.as(writing) == reading {
		return []service{reading}
	}
	return []service{reading, writing}
}

// bindAll signs the service accounts in, one controller after the other: after
// the first refusal an account is not tried again anywhere.
func (x *exam) bindAll(ctx context.Context) {
	for _, as := range x.services() {
		bind := x.c.gates[as].account.Bind
		var taken string // the controller that accepted
		for _, v := range x.visits {
			if !v.trust || !v.known {
				continue
			}
			refusal := false
			x.check(ctx, "bind", fmt.Sprintf("%s account %s on %s", as, bind, v.at.name), func(ctx context.Context, out *result) (string, error) {
				on, err := x.c.connect(ctx, v.at, as)
				var shut *bindRefused
				refusal = errors.As(err, &shut)
				switch {
				case refusal && taken != "":
					out.found(kindBindDiffers, fmt.Sprintf("%s took it, %s answers %q", taken, v.at.name, shut.diagnostic),
						power("repadmin /replsummary"), samba("drs showrepl"),
						power("repadmin /syncall %s /AeP", v.at.host), samba("drs replicate %s %s %s", v.at.host, taken, v.root.base))
				case refusal:
					k, mend := refusalOf(bind, shut.diagnostic)
					out.found(k, shut.diagnostic, mend)
				case err != nil && strings.HasPrefix(err.Error(), "bind: LDAP result"):
					out.found(kindBindRejected, err.Error(), config("bind: %s@… # a user principal name, DOMAIN\\name or DN", accountName(bind)))
				case err != nil:
					return "", err
				default:
					taken, v.conns[as] = v.at.name, on
				}
				return "accepted", nil
			})
			if refusal {
				break
			}
		}
	}
	for _, v := range x.visits {
		if v.conns[writing] == nil && x.c.as(writing) == reading {
			v.conns[writing] = v.conns[reading]
		}
		x.learn(ctx, v)
	}
}

// accountName is the account's short name, as far as a bind name shows it.
func accountName(bind string) string {
	if dn, err := ldap.ParseDN(bind); err == nil && len(dn.RDNs) > 0 && len(dn.RDNs[0].Attributes) > 0 {
		return dn.RDNs[0].Attributes[0].Value
	}
	if _, name, ok := strings.Cut(bind, `\`); ok {
		return name
	}
	name, _, _ := strings.Cut(bind, "@")
	return name
}

// refusalOf tells why the directory refused the account, and what helps.
func refusalOf(bind, diagnostic string) (doctor.Kind, []doctor.Line) {
	who := accountName(bind)
	setPassword := lines(
		power("Set-ADAccountPassword -Identity %s -Reset", who), samba("user setpassword %s", who),
		shell("install -m 0400 -o latchkey /dev/stdin /etc/latchkey/service-password"))
	switch bindCode(diagnostic) {
	case "52f":
		return kindBindRestricted, lines(power("Get-ADUser -Identity %s -Properties * | Format-List *Restrict*, AuthenticationPolicy*, LogonWorkstations, SmartcardLogonRequired", who),
			power("Set-ADUser -Identity %s -SmartcardLogonRequired $false -AuthenticationPolicy $null -AuthenticationPolicySilo $null", who))
	case "530":
		return kindBindHours, lines(power("Set-ADUser -Identity %s -Clear logonHours", who), samba("user edit %s # delete the line logonHours", who))
	case "531":
		return kindBindStation, lines(power("Set-ADUser -Identity %s -LogonWorkstations $null", who), samba("user edit %s # delete the line userWorkstations", who))
	case "532":
		return kindBindPwdExpired, lines(setPassword, neverExpires(who))
	case "533":
		return kindBindDisabled, lines(power("Enable-ADAccount -Identity %s", who), samba("user enable %s", who))
	case "701":
		return kindBindExpired, lines(power("Clear-ADAccountExpiration -Identity %s", who), samba("user setexpiry %s --noexpiry", who))
	case "773":
		return kindBindMustChange, lines(power("Set-ADUser -Identity %s -ChangePasswordAtLogon $false", who), setPassword)
	case "775":
		return kindBindLocked, lines(power("Unlock-ADAccount -Identity %s", who), samba("user unlock %s", who))
	}
	return kindBindPassword, setPassword
}

// neverExpires keeps a service account's password from ending by itself.
func neverExpires(who string) []doctor.Line {
	return lines(power("Set-ADUser -Identity %s -PasswordNeverExpires $true", who), samba("user setexpiry %s --noexpiry", who))
}

// pdcFacts is what one controller knows of the PDC emulator.
type pdcFacts struct {
	settings string // DN of its NTDS Settings
	host     string // dNSHostName of its server object
}

// learn reads what only somebody who is signed in may read of a controller.
func (x *exam) learn(ctx context.Context, v *visit) {
	on := v.conns[reading]
	if on == nil {
		on = v.conns[writing]
	}
	if on == nil {
		return
	}
	x.check(ctx, "roles", v.at.name, func(ctx context.Context, out *result) (string, error) {
		info, err := x.c.readRoot(ctx, on)
		if err != nil {
			v.conns = [2]*conn{}
			if errors.Is(err, errOtherDomain) {
				out.found(kindBaseElsewhere, "the controller serves "+v.root.base, config("base_dn: %s # below directory", v.root.base))
				return "", nil
			}
			return "", err
		}
		v.info = info
		v.at.setInfo(info)
		if v.pdc, err = readPDC(ctx, on, info.base); err != nil {
			return "", err
		}
		switch {
		case v.root.behind:
			out.found(kindNotSynced, "isSynchronized FALSE", power("repadmin /showrepl %s", v.at.host), samba("drs showrepl"),
				power("repadmin /syncall %s /AeP", v.at.host), samba("drs replicate %s %s %s", v.at.host, v.pdc.host, v.root.base))
		case !info.writable:
			out.found(kindReadOnly, info.host+" is read-only", config("controllers: [ldaps://%s]", v.pdc.host), power("Get-ADDomainController -Filter {IsReadOnly -eq $false}"))
		}
		return rolesOf(info), nil
	})
}

func rolesOf(info *rootInfo) string {
	if info.pdc {
		return "writable, PDC emulator"
	}
	return "writable"
}

func readPDC(ctx context.Context, on *conn, base string) (pdcFacts, error) {
	head, ok, err := on.object(ctx, base, []string{"fSMORoleOwner"})
	if err != nil && refused(err) == nil || err == nil && !ok {
		return pdcFacts{}, err
	}
	if refused(err) != nil {
		return pdcFacts{}, nil
	}
	facts := pdcFacts{settings: head.text("fSMORoleOwner")}
	dn, err := ldap.ParseDN(facts.settings)
	if err != nil || len(dn.RDNs) < 2 {
		return pdcFacts{}, nil
	}
	server, ok, err := on.object(ctx, (&ldap.DN{RDNs: dn.RDNs[1:]}).String(), []string{"dNSHostName"})
	if err != nil && refused(err) == nil {
		return facts, err
	}
	if refused(err) == nil && ok {
		facts.host = server.shown("dNSHostName")
	}
	return facts, nil
}

// together looks at the controllers side by side.
func (x *exam) together() {
	var bound []*visit
	for _, v := range x.visits {
		if v.info != nil {
			bound = append(bound, v)
		}
	}
	x.check(context.Background(), "controllers", "all controllers", func(_ context.Context, out *result) (string, error) {
		x.judgeCompany(out)
		if len(bound) > 0 {
			x.judgeRoles(bound, out)
		}
		return fmt.Sprintf("%d controllers of one domain, the PDC emulator among them", len(x.visits)), nil
	})
}

func (x *exam) judgeCompany(out *result) {
	list := power("Get-ADDomainController -Filter * | Format-Table HostName, Site, IsReadOnly, OperationMasterRoles")
	if len(x.visits) == 0 {
		out.about(x.c.dnsDomain, kindNoneKnown, "nothing was asked", list, config("controllers: [ldaps://dc1.%s] # below directory", x.c.dnsDomain))
	}
	if len(x.visits) == 1 {
		out.found(kindOneOnly, "only "+x.visits[0].at.name+" is known", list, config("controllers: [ldaps://%s, ldaps://ANOTHER-CONTROLLER] # below directory", x.visits[0].at.name))
	}
	var first *visit
	seen := map[string]*visit{}
	for _, v := range x.visits {
		if !v.known {
			continue
		}
		if first == nil {
			first = v
		} else if !equalFold(v.root.base, first.root.base) {
			out.about(v.at.name, kindOtherDomain, fmt.Sprintf("%s serves %s, %s serves %s", first.at.name, first.root.base, v.at.name, v.root.base),
				config("controllers: [ldaps://%s] # and others of %s only", first.at.addr, dnsName(first.root.base)))
		}
		key := strings.ToLower(v.root.settings)
		if twin := seen[key]; twin != nil && key != "" {
			out.about(v.at.name, kindSameTwice, fmt.Sprintf("%s and %s are both %s", twin.at.name, v.at.name, v.root.host), list,
				config("controllers: [ldaps://%s, ldaps://ANOTHER-CONTROLLER] # below directory", twin.at.name))
		}
		seen[key] = v
	}
}

func (x *exam) judgeRoles(bound []*visit, out *result) {
	writable, pdc := false, false
	var known pdcFacts
	for _, v := range bound {
		writable, pdc = writable || v.info.writable, pdc || v.info.pdc
		if known.settings == "" {
			known = v.pdc
		}
	}
	find := lines(power("(Get-ADDomain).PDCEmulator"), samba("fsmo show"))
	if !writable {
		out.found(kindNoWritable, fmt.Sprintf("%d answer, none is writable", len(bound)),
			config("controllers: [ldaps://%s]", known.host), power("Get-ADDomainController -Discover -Writable"))
	}
	switch {
	case pdc:
	case known.host == "":
		out.found(kindPDCUnknown, fmt.Sprintf("fSMORoleOwner %q leads to no server", known.settings), find, samba("fsmo seize --role=pdc"))
	case x.silent(known.host):
		out.found(kindPDCDown, known.host+" is configured and was not reached", power("Test-NetConnection %s -Port 636", known.host), power("Restart-Computer -ComputerName %s", known.host),
			power("Move-ADDirectoryServerOperationMasterRole -Identity ANOTHER-CONTROLLER -OperationMasterRole PDCEmulator # where it does not come back, with -Force"),
			samba("fsmo seize --role=pdc # likewise, on another controller"))
	default:
		out.found(kindPDCUnnamed, "the PDC emulator is "+known.host, config("controllers: [ldaps://%s, …]", known.host), find)
	}
}

// silent says whether a configured controller of that name was not reached.
func (x *exam) silent(host string) bool {
	for _, v := range x.visits {
		if v.info == nil && equalFold(v.at.host, host) {
			return true
		}
	}
	return false
}
