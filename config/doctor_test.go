package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
)

// installation is a directory with a file that is right in every respect.
type installation struct{ dir, file, text string }

func installed(t *testing.T) *installation {
	t.Helper()
	dir := t.TempDir()
	i := &installation{dir: dir, file: filepath.Join(dir, "latchkey.yaml")}
	i.text = `public_url: https://latchkey.corp.example.test
organisation: Example Corp
support: {name: Desk, phone: "100", mail: desk@corp.example.test}
trusted_proxies: [127.0.0.1]
directory:
  controllers: [ldaps://dc1.corp.example.test]
  read: {bind: svc, password_file: ` + filepath.Join(dir, "password") + `}
mail: {host: smtp.corp.example.test, from: latchkey@corp.example.test}
policies:
  - name: all
    who: {everyone: true}
    unlock: {prove: [passkey]}
    reset: {prove: [passkey], approve: [{by: manager}]}
`
	for path, mode := range map[string]os.FileMode{i.file: 0o644, filepath.Join(dir, "password"): 0o600} {
		if err := os.WriteFile(path, []byte(i.text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *installation) replace(t *testing.T, old, new string) {
	t.Helper()
	if !strings.Contains(i.text, old) {
		t.Fatalf("%q is not in the file", old)
	}
	if err := os.WriteFile(i.file, []byte(strings.Replace(i.text, old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (i *installation) examine() *doctor.Report {
	r := &doctor.Report{}
	config.Doctor(i.file, r)
	return r
}

const first = "organisation: Example Corp"

func provocations() map[string]func(*testing.T, *installation) {
	swap := func(old, new string) func(*testing.T, *installation) {
		return func(t *testing.T, i *installation) { t.Helper(); i.replace(t, old, new) }
	}
	more := func(text string) func(*testing.T, *installation) { return swap(first, first+"\n"+text) }
	mode := func(what func(*installation) string, m os.FileMode) func(*testing.T, *installation) {
		return func(t *testing.T, i *installation) {
			t.Helper()
			if err := os.Chmod(what(i), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	return map[string]func(*testing.T, *installation){
		config.FoundUnreadable.ID: func(t *testing.T, i *installation) {
			if err := os.Remove(i.file); err != nil {
				t.Fatal(err)
			}
		},
		config.FoundProblem.ID:    more("organization: x"),
		config.FoundOrg.ID:        swap(first, `organisation: " "`),
		config.FoundSupport.ID:    swap("name: Desk, ", ""),
		config.FoundPublicURL.ID:  swap("https://latchkey.corp.example.test", "https://10.0.0.5"),
		config.FoundSecretFile.ID: mode(func(i *installation) string { return filepath.Join(i.dir, "password") }, 0o604),
		config.FoundSubject.ID:    more("push: {subject: desk@localhost}"),
		config.FoundMailClear.ID:  swap("mail: {", "mail: {tls: none, "),
		config.FoundNoPolicies.ID: func(t *testing.T, i *installation) {
			i.replace(t, i.text[strings.Index(i.text, "policies:"):], "policies: []\n")
		},
		config.FoundWritable.ID:     mode(func(i *installation) string { return i.file }, 0o664),
		config.FoundDirWritable.ID:  mode(func(i *installation) string { return i.dir }, 0o777),
		config.FoundLocalhost.ID:    swap("https://latchkey.corp.example.test", "http://localhost:8080"),
		config.FoundPort.ID:         swap("https://latchkey.corp.example.test", "https://latchkey.corp.example.test:8443"),
		config.FoundPrivateName.ID:  swap("https://latchkey.corp.example.test", "https://latchkey.corp.local"),
		config.FoundListenOpen.ID:   more(`listen: ":8080"`),
		config.FoundNoProxy.ID:      swap("trusted_proxies: [127.0.0.1]\n", ""),
		config.FoundProxyWide.ID:    swap("[127.0.0.1]", "[10.0.0.0/8]"),
		config.FoundLimit.ID:        more("limit_factor: 1000"),
		config.FoundSessionLong.ID:  more("sessions: {absolute: 168h}"),
		config.FoundSessionOrder.ID: more("sessions: {idle: 1h, absolute: 30m}"),
		config.FoundApproved.ID:     more("requests: {approved: 24h}"),
		config.FoundWatch.ID:        more("requests: {watch: 0s}"),
		config.FoundInvitation.ID:   more("enrolment: {password: false}"),
		config.FoundInviteLong.ID:   more("enrolment: {invitation_valid: 720h}"),
		config.FoundStrength.ID:     more("passwords: {strength: 0}"),
		config.FoundDebug.ID:        more("log: {level: debug}"),
		config.FoundRoots.ID:        more("proofs: {hardware_key: {roots_file: /nowhere/security-keys.pem}}"),
		config.FoundRootEnds.ID: func(t *testing.T, i *installation) {
			i.replace(t, first, first+"\nproofs: {hardware_key: {roots_file: "+rootsFile(t, 29*24*time.Hour)+"}}")
		},
		config.FoundMailNone.ID:   swap("mail: {host: smtp.corp.example.test, from: latchkey@corp.example.test}", ""),
		config.FoundAlertsNone.ID: swap(", mail: desk@corp.example.test", ""),
	}
}

func TestDoctorFindsNothingInARightFile(t *testing.T) {
	if r := installed(t).examine(); r.Worst() != doctor.OK || len(r.Findings()) < 6 {
		t.Errorf("got %+v", r.Findings())
	}
}

// Each kind is provoked by one change of a right installation, says how it is
// mended, and is gone when the change is.
func TestDoctorFindsEachKind(t *testing.T) {
	all := provocations()
	for _, k := range config.Kinds {
		t.Run(k.ID, func(t *testing.T) {
			provoke := all[k.ID]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			i := installed(t)
			provoke(t, i)
			got := i.examine().Of(k)
			if len(got) != 1 || got[0].Seen == "" || got[0].Subject == "" || !doctortest.Mends(got[0].Mend) || got[0].Severity != k.Severity {
				t.Fatalf("got %+v of %+v", got, i.examine().Findings())
			}
			if err := os.WriteFile(i.file, []byte(i.text), 0o644); err != nil {
				t.Fatal(err)
			}
			for path, mode := range map[string]os.FileMode{i.file: 0o644, i.dir: 0o755, filepath.Join(i.dir, "password"): 0o600} {
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			if got := i.examine(); got.Worst() != doctor.OK {
				t.Errorf("mended, and still %+v", got.Findings())
			}
		})
	}
}

// The other checks go on with what the file says, mistakes and all.
func TestDoctorReadsOnAfterAMistake(t *testing.T) {
	i := installed(t)
	i.replace(t, first, `organisation: " "`)
	c, ok := config.Doctor(i.file, &doctor.Report{})
	if !ok || c.RPID() != "latchkey.corp.example.test" || c.Hash() == "" {
		t.Errorf("%v, %q", ok, c.RPID())
	}
	i.replace(t, first, "organisation: [")
	if _, ok := config.Doctor(i.file, &doctor.Report{}); ok {
		t.Error("no YAML, and still read")
	}
}
