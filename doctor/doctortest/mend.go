package doctortest

import (
	"regexp"
	"strings"

	"github.com/latchkey/latchkey/doctor"
)

// looks are how commands begin that show something and change nothing.
var looks = []string{
	"certutil -verify", "curl", "df", "dmesg", "findmnt", "getent", "host", "journalctl", "latchkey --version", "latchkey audit export",
	"latchkey audit verify", "latchkey config check", "latchkey doctor", "ls", "lsof", "nc", "nltest", "openssl crl2pkcs7", "openssl pkcs7",
	"openssl s_client", "openssl x509", "psql", "repadmin /replsummary", "repadmin /showrepl", "samba-tool domain level show",
	"samba-tool domain passwordsettings show", "samba-tool drs showrepl", "samba-tool group list", "samba-tool group listmembers",
	"samba-tool user list", "samba-tool user show", "stat", "systemctl status", "testparm", "timedatectl status", "w32tm /query",
	// PowerShell's verbs.
	"Compare-", "Format-", "Get-", "Resolve-", "Select-", "Sort-", "Test-", "Where-",
	// What a look is piped into.
	"grep", "head", "sort", "tail",
}

// Mends says whether following the lines changes anything: one of them is more than
// a look.
func Mends(lines []doctor.Line) bool {
	for _, l := range lines {
		if !isLook(l.Text) {
			return true
		}
	}
	return false
}

// isLook: every part of the pipe only shows something.
func isLook(line string) bool {
	line, _, _ = strings.Cut(line, " #")
	line = strings.TrimPrefix(line, "runuser -u latchkey -- ")
	for part := range strings.SplitSeq(strings.ReplaceAll(quoted.ReplaceAllString(line, ""), "&&", "|"), "|") {
		if part = strings.TrimSpace(part); part != "" && !begins(part) {
			return false
		}
	}
	return true
}

var quoted = regexp.MustCompile(`'[^']*'`)

func begins(command string) bool {
	for _, l := range looks {
		if command == l || strings.HasPrefix(command, l+" ") || strings.HasSuffix(l, "-") && strings.HasPrefix(command, l) {
			return true
		}
	}
	return false
}
