package secret

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/doctor"
)

// leastPassword is what a machine's password should have at least: it takes no
// more effort, and guessing it from a captured ticket stays out of reach.
const leastPassword = 16

// known are passwords of this product's own demo and tests, and what manuals
// write where a password belongs; lower case.
var known = []string{
	"harbour-gate-keeper-7", "service-account-9!", "password", "password1", "passw0rd", "p@ssw0rd", "p@ssw0rd!", "p@ssword", "pa$$w0rd",
	"changeme", "change-me", "change_me", "changeit", "change-this", "secret", "s3cret", "letmein", "welcome1", "welcome123", "admin", "administrator",
	"latchkey", "latchkey123", "example", "test", "test123", "qwerty123", "secret-password", "your-password", "service-password", "type-the-password-here",
}

func (c DoctorConfig) doctorPassword(p Password, r *doctor.Report) {
	good, at := true, p.Path
	if at == "" {
		at = "the environment"
	}
	found := func(k doctor.Kind, seen string, mend ...doctor.Line) {
		good = false
		r.Found(k, p.Key, seen, mend...)
	}
	fresh := shell("install -m 600 /dev/stdin FILE-OF-THE-PASSWORD   # after the account was given a new one")
	if p.Path == "" {
		found(FoundPasswordEnv, "It comes from the environment.", shell("install -m 600 /dev/stdin /etc/latchkey/%s.password", p.Key),
			doctor.Line{Tool: doctor.Config, Text: "password_file: /etc/latchkey/" + p.Key + ".password"})
	} else {
		fresh = shell("install -m 600 /dev/stdin %s   # after the account was given a new one", p.Path)
		good = c.doctorPasswordFile(p, r)
	}
	value := p.Value.Reveal()
	switch {
	case slices.Contains(known, strings.ToLower(value)):
		found(FoundPasswordDefault, "The password in "+at+" is a known one.", fresh)
	case len([]rune(value)) < leastPassword:
		found(FoundPasswordShort, fmt.Sprintf("The password in %s has fewer than %d characters.", at, leastPassword), fresh)
	}
	if strings.TrimSpace(value) != value {
		found(FoundPasswordSpace, "The password in "+at+" begins or ends with a space.", fresh)
	}
	if good {
		r.Good("secret.password", p.Key, "The password in "+at+" is long, and in the service's hands only.")
	}
}

// doctorPasswordFile: a group may read it, which is how root gives it to the
// service. config refuses what everybody may read.
func (c DoctorConfig) doctorPasswordFile(p Password, r *doctor.Report) (good bool) {
	info, err := os.Stat(p.Path)
	if err != nil || !info.Mode().IsRegular() {
		return true // the configuration's check says it
	}
	good = true
	if info.Mode().Perm()&0o022 != 0 {
		good = false
		r.Found(FoundPasswordWritable, p.Key, fmt.Sprintf("Others may write %s (mode %v).", p.Path, info.Mode().Perm()), shell("chmod go-w %s", p.Path))
	}
	data, err := os.Stat(c.Data)
	if uid, known := doctor.Owner(info); known && uid != 0 && err == nil && !sameOwner(info, data) {
		good = false
		r.Found(FoundPasswordOwner, p.Key, fmt.Sprintf("%s belongs to user %d.", p.Path, uid), shell("chown --reference=%s %s", c.Data, p.Path))
	}
	return good
}

func (c DoctorConfig) doctorShared(r *doctor.Report) {
	for i, p := range c.Passwords {
		for _, q := range c.Passwords[:i] {
			if p.Value.Reveal() != "" && p.Value.Reveal() == q.Value.Reveal() && p.Path != q.Path {
				r.Found(FoundPasswordShared, p.Key, "It has the password of "+q.Key+".", shell("install -m 600 /dev/stdin %s   # after one account was given a new one", p.Path))
			}
		}
	}
}
