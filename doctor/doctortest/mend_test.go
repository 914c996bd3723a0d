package doctortest

import (
	"testing"

	"github.com/latchkey/latchkey/doctor"
)

func TestALookMendsNothing(t *testing.T) {
	for line, mends := range map[string]bool{
		"ls -l /var/backups/latchkey":                        false,
		"dmesg | tail":                                       false,
		"curl -v https://a.example/healthz   # look here":    false,
		"runuser -u latchkey -- latchkey doctor --config F":  false,
		"Get-HotFix | Sort-Object InstalledOn":               false,
		"testparm -sv 2>/dev/null | grep -E 'a|b'":           false,
		"chmod 700 /var/lib/latchkey":                        true,
		"Get-ADUser ada | Set-ADUser -Clear logonHours":      true,
		"ls /var/backups && systemctl restart backup.timer":  true,
		"lsattr-and-mend":                                    true,
		"openssl req -new -nodes -keyout key.pem -out r.pem": true,
	} {
		if got := Mends([]doctor.Line{{Tool: doctor.Shell, Text: "df -h"}, {Tool: doctor.Shell, Text: line}}); got != mends {
			t.Errorf("%s: %v", line, got)
		}
	}
	if Mends(nil) {
		t.Error("nothing mends")
	}
}
