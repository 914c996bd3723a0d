package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/doctor"
)

// What Doctor finds at the key and at the service passwords.
var (
	FoundKeyMissing  = doctor.Kind{ID: "secret.key-missing", Severity: doctor.Failure, Why: "The database holds what only this key opens. The next start would make another key and then refuse to run with it."}
	FoundKeyReadable = doctor.Kind{ID: "secret.key-readable", Severity: doctor.Failure, Why: "The key protects nothing from those who can read it, and the server does not start."}
	FoundKeyBroken   = doctor.Kind{ID: "secret.key-broken", Severity: doctor.Failure, Why: "The server does not start with a key file that it can't read."}
	FoundKeyWeak     = doctor.Kind{ID: "secret.key-weak", Severity: doctor.Failure, Why: "A key that was typed and not drawn at random can be guessed; the server does not start with it."}
	FoundKeyOwner    = doctor.Kind{ID: "secret.key-owner", Severity: doctor.Failure, Why: "The service can't read a key that belongs to somebody else, and its owner can replace it."}
	FoundKeyDir      = doctor.Kind{ID: "secret.key-directory", Severity: doctor.Failure, Why: "Whoever may write the directory can take the key away or lay another in its place."}
	FoundKeyBeside   = doctor.Kind{ID: "secret.key-beside", Severity: doctor.Note, Why: "A backup of the data directory then holds the database and the key that opens it. Apart they protect each other."}

	FoundPasswordOwner    = doctor.Kind{ID: "secret.password-owner", Severity: doctor.Warning, Why: "Its owner may read and replace it, and is neither root nor the service."}
	FoundPasswordWritable = doctor.Kind{ID: "secret.password-writable", Severity: doctor.Failure, Why: "Others may replace the password; wrong ones lock the service account, and then nobody is helped."}
	FoundPasswordDefault  = doctor.Kind{ID: "secret.password-default", Severity: doctor.Failure, Why: "This password stands in documentation, in the demo or in every attacker's list, and the account may reset people's passwords."}
	FoundPasswordShort    = doctor.Kind{ID: "secret.password-short", Severity: doctor.Warning, Why: "Nobody types it, so it can be long. A short one can be guessed off line from a captured ticket."}
	FoundPasswordShared   = doctor.Kind{ID: "secret.password-shared", Severity: doctor.Warning, Why: "Two accounts with one password are one account to whoever learns it."}
	FoundPasswordSpace    = doctor.Kind{ID: "secret.password-space", Severity: doctor.Warning, Why: "A space at an end is part of the password. It usually comes from an editor, and the account is refused without any visible cause."}
	FoundPasswordEnv      = doctor.Kind{ID: "secret.password-environment", Severity: doctor.Note, Why: "What the environment holds is passed on to child processes and shows in the service's definition."}
)

// Kinds are all that Doctor finds.
var Kinds = []doctor.Kind{
	FoundKeyMissing, FoundKeyReadable, FoundKeyBroken, FoundKeyWeak, FoundKeyOwner, FoundKeyDir, FoundKeyBeside,
	FoundPasswordOwner, FoundPasswordWritable, FoundPasswordDefault, FoundPasswordShort, FoundPasswordShared, FoundPasswordSpace, FoundPasswordEnv,
}

// Password is one service password: Key names it in the configuration, Path is
// its file or "" where it came from the environment.
type Password struct {
	Key, Path string
	Value     Text
}

// DoctorConfig says what to look at.
type DoctorConfig struct {
	KeyFile     string
	Data        string // the data directory; its owner is the service's user
	HasDatabase bool
	Unasked     bool // whether there is a database; its own check says why
	Passwords   []Password
}

// Doctor looks at the key file and the service passwords. No value is reported.
func Doctor(c DoctorConfig, r *doctor.Report) {
	c.doctorKey(r)
	for _, p := range c.Passwords {
		c.doctorPassword(p, r)
	}
	c.doctorShared(r)
}

func shell(format string, args ...any) doctor.Line {
	return doctor.Line{Tool: doctor.Shell, Text: fmt.Sprintf(format, args...)}
}

func (c DoctorConfig) doctorKey(r *doctor.Report) {
	info, err := os.Stat(c.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.HasDatabase:
		r.Found(FoundKeyMissing, c.KeyFile, "There is no key, and there is a database.", shell("install -m 600 BACKUP-OF-THE-KEY %s", c.KeyFile))
		return
	case errors.Is(err, fs.ErrNotExist) && c.Unasked:
		return
	case errors.Is(err, fs.ErrNotExist):
		r.Good("secret.key", c.KeyFile, "It is made at the first start.")
		return
	case err != nil:
		r.Found(FoundKeyBroken, c.KeyFile, err.Error(), shell("ls -l %s", c.KeyFile))
		return
	}
	before := r.Worst()
	c.doctorKeyAccess(info, r)
	text, err := os.ReadFile(c.KeyFile)
	if err == nil {
		_, err = parseKeys(string(text))
	}
	switch {
	case errors.Is(err, errWeak):
		r.Found(FoundKeyWeak, c.KeyFile, "It holds a key that is not random.", shell("install -m 600 BACKUP-OF-A-RANDOM-KEY %s", c.KeyFile))
	case err != nil || !holdsKey(string(text)):
		r.Found(FoundKeyBroken, c.KeyFile, "It holds no key: "+reason(err), shell("install -m 600 BACKUP-OF-THE-KEY %s", c.KeyFile))
	case r.Worst() == before:
		r.Good("secret.key", c.KeyFile, "It holds a random key that nobody else can read.")
	}
	if rel, err := filepath.Rel(c.Data, c.KeyFile); err == nil && !strings.HasPrefix(rel, "..") {
		r.Found(FoundKeyBeside, c.KeyFile, "It lies in the data directory.",
			shell("mv %s /etc/latchkey/secret.key", c.KeyFile), doctor.Line{Tool: doctor.Config, Text: "secrets: {key_file: /etc/latchkey/secret.key}"})
	}
}

func holdsKey(text string) bool {
	lines, err := parseKeys(text)
	return err == nil && slices.ContainsFunc(lines, func(l keyLine) bool { return l.key != nil })
}

func reason(err error) string {
	if err == nil {
		return "only empty lines and comments."
	}
	return err.Error()
}

func (c DoctorConfig) doctorKeyAccess(info fs.FileInfo, r *doctor.Report) {
	if info.Mode().Perm()&0o077 != 0 {
		r.Found(FoundKeyReadable, c.KeyFile, fmt.Sprintf("Others may use it (mode %v).", info.Mode().Perm()), shell("chmod 600 %s", c.KeyFile))
	}
	data, err := os.Stat(c.Data)
	if err == nil && !sameOwner(info, data) {
		uid, _ := doctor.Owner(info)
		service, _ := doctor.Owner(data)
		r.Found(FoundKeyOwner, c.KeyFile, fmt.Sprintf("It belongs to user %d, the data directory to user %d.", uid, service), shell("chown --reference=%s %s", c.Data, c.KeyFile))
	}
	dir := filepath.Dir(c.KeyFile)
	if at, err := os.Stat(dir); err == nil && at.Mode().Perm()&0o022 != 0 {
		r.Found(FoundKeyDir, dir, fmt.Sprintf("Others may write it (mode %v).", at.Mode().Perm()), shell("chmod go-w %s", dir))
	}
}

func sameOwner(a, b fs.FileInfo) bool {
	one, known := doctor.Owner(a)
	other, also := doctor.Owner(b)
	return !known || !also || one == other
}
