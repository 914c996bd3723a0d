package ad

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/latchkey/latchkey/doctor"
)

// Names in the lines of a remedy come from the directory or the configuration,
// and somebody pastes the lines into a shell. So every value is quoted for the
// shell that it is typed into, and a line that can't be quoted is left out.

// unprintable says whether a value must not be in a line at all: a line break
// would start a second command, and what is unseen, or far too long, can't be
// checked by whoever pastes it.
func unprintable(s string) bool {
	return len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.ToValidUTF8(s, "") != s
}

// sh quotes for a POSIX shell.
func sh(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// ps quotes for PowerShell, which takes four more characters for a single
// quotation mark (about_Quoting_Rules).
func ps(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("'‘’‚‛", r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	return "'" + b.String() + "'"
}

// cmdSafe says whether a value means itself between double quotation marks, in
// cmd as in PowerShell.
func cmdSafe(s string) bool { return !strings.ContainsAny(s, "\"%!^`$“”„") }

// plainValue is a host, an address or a name that YAML takes as it stands.
var plainValue = regexp.MustCompile(`^[A-Za-z0-9._:@\[\]-]+$`)

// line makes a line of a tool; each %s takes a value, quoted.
func line(tool doctor.Tool, format string, values ...string) []doctor.Line {
	quoted := make([]any, len(values))
	for i, v := range values {
		if unprintable(v) || v == "" {
			return nil
		}
		switch tool {
		case doctor.SambaTool, doctor.Shell:
			quoted[i] = sh(v)
		case doctor.DSACLs:
			if !cmdSafe(v) {
				return lineInPowerShell(format, values)
			}
			quoted[i] = `"` + v + `"`
		case doctor.PowerShell:
			quoted[i] = ps(v)
		default:
			if quoted[i] = v; !plainValue.MatchString(v) {
				if strings.Contains(format, "//%s") {
					return nil // no host name
				}
				quoted[i] = strconv.Quote(v)
			}
		}
	}
	return []doctor.Line{{Tool: tool, Text: fmt.Sprintf(format, quoted...)}}
}

// lineInPowerShell is a dsacls line for names that cmd would misread.
func lineInPowerShell(format string, values []string) []doctor.Line {
	return line(doctor.PowerShell, format, values...)
}

func lines(parts ...[]doctor.Line) (out []doctor.Line) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func power(format string, values ...string) []doctor.Line {
	return line(doctor.PowerShell, format, values...)
}

func samba(format string, values ...string) []doctor.Line {
	return line(doctor.SambaTool, "samba-tool "+format, values...)
}

func shell(format string, values ...string) []doctor.Line {
	return line(doctor.Shell, format, values...)
}

func config(format string, values ...string) []doctor.Line {
	return line(doctor.Config, format, values...)
}

// smbConf puts a line into a Samba controller's configuration.
func smbConf(setting string) []doctor.Line {
	return shell(`sed -i '/^\[global\]/a '%s /etc/samba/smb.conf && systemctl restart samba-ad-dc`, setting)
}

// grants is one right on users below a unit, as docs/ad-rights.md has it.
type grants struct {
	dsacls string // "CA;Reset Password"
	sddl   string // "CR;00299570-…"
}

var (
	grantReset      = grants{"CA;Reset Password", "CR;00299570-246d-11d0-a768-00aa006e0529"}
	grantUnlock     = grants{"RPWP;lockoutTime", "RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1"}
	grantMustChange = grants{"RPWP;pwdLastSet", "RPWP;bf967a0a-0de6-11d0-a285-00aa003049e2"}
)

// delegate gives the right on the users below a unit; class is the name and
// schemaIDGUID of whom it is for.
func (s servant) delegate(ou string, g grants, class string, id GUID) []doctor.Line {
	return lines(
		line(doctor.DSACLs, "dsacls %s /I:S /G %s", ou, s.account()+":"+g.dsacls+";"+class),
		samba("dsacl set --objectdn=%s --sddl=%s", ou, fmt.Sprintf("(OA;CIIO;%s;%s;%s)", g.sddl, id, s.sid)),
	)
}

// bar denies the account everything that would let it take an object over. A
// denial on the object itself comes before whatever it inherits.
func (s servant) bar(dn string) []doctor.Line {
	return lines(
		line(doctor.DSACLs, "dsacls %s /D %s", dn, s.account()+":CAWPWDWO"),
		samba("dsacl set --objectdn=%s --sddl=%s", dn, "(D;;CRWPWDWO;;;"+s.sid+")"),
	)
}

// undeny takes denials off an object. On Windows that takes every entry of the
// account off, so that what was granted there is to be given again.
func (s servant) undeny(dn, sddl string) []doctor.Line {
	return lines(
		line(doctor.DSACLs, "dsacls %s /R %s", dn, s.account()),
		samba("dsacl delete --objectdn=%s --sddl=%s # Samba 4.18 and later", dn, sddl),
	)
}

// account is how dsacls names the account.
func (s servant) account() string { return s.netBIOS + `\` + s.sam }

// nameIt puts a controller's name into DNS, or asks a server that knows it.
func nameIt(name string) []doctor.Line {
	host, zone, _ := strings.Cut(name, ".")
	return lines(
		power("Add-DnsServerResourceRecordA -ZoneName %s -Name %s -IPv4Address ADDRESS", zone, host), samba("dns add CONTROLLER %s %s A ADDRESS", zone, host),
		config("dns: [ADDRESS-OF-A-DNS-SERVER-OF-THE-DOMAIN] # below directory"),
	)
}
