package secret

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
)

// safe is a right installation: a key of its own directory, two passwords.
func safe(t *testing.T) DoctorConfig {
	t.Helper()
	dir := t.TempDir()
	c := DoctorConfig{KeyFile: filepath.Join(dir, "etc", "key"), Data: filepath.Join(dir, "data"), HasDatabase: true}
	for _, d := range []string{"etc", "data"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o700))
	}
	if _, err := LoadBox(c.KeyFile, true); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"read", "write"} {
		p := Password{Key: "directory." + name, Path: filepath.Join(dir, "etc", name), Value: New("a-long-password-of-" + name)}
		must(t, os.WriteFile(p.Path, []byte(p.Value.Reveal()), 0o600))
		c.Passwords = append(c.Passwords, p)
	}
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func examine(c DoctorConfig) *doctor.Report {
	r := &doctor.Report{}
	Doctor(c, r)
	return r
}

const stranger = 65534

var provocations = map[string]func(*testing.T, *DoctorConfig){
	FoundKeyMissing.ID:  func(t *testing.T, c *DoctorConfig) { must(t, os.Remove(c.KeyFile)) },
	FoundKeyReadable.ID: func(t *testing.T, c *DoctorConfig) { must(t, os.Chmod(c.KeyFile, 0o640)) },
	FoundKeyBroken.ID:   func(t *testing.T, c *DoctorConfig) { must(t, os.WriteFile(c.KeyFile, []byte("# nothing\n"), 0o600)) },
	FoundKeyWeak.ID: func(t *testing.T, c *DoctorConfig) {
		must(t, os.WriteFile(c.KeyFile, []byte(strings.Repeat("A", 43)+"="), 0o600))
	},
	FoundKeyOwner.ID:         func(t *testing.T, c *DoctorConfig) { giveAway(t, c.KeyFile) },
	FoundKeyDir.ID:           func(t *testing.T, c *DoctorConfig) { must(t, os.Chmod(filepath.Dir(c.KeyFile), 0o770)) },
	FoundKeyBeside.ID:        func(t *testing.T, c *DoctorConfig) { c.Data = filepath.Dir(c.KeyFile) },
	FoundPasswordOwner.ID:    func(t *testing.T, c *DoctorConfig) { giveAway(t, c.Passwords[0].Path) },
	FoundPasswordWritable.ID: func(t *testing.T, c *DoctorConfig) { must(t, os.Chmod(c.Passwords[0].Path, 0o620)) },
	FoundPasswordDefault.ID:  func(t *testing.T, c *DoctorConfig) { c.Passwords[0].Value = New("ChangeMe") },
	FoundPasswordShort.ID:    func(t *testing.T, c *DoctorConfig) { c.Passwords[0].Value = New("fifteen-letters") },
	FoundPasswordShared.ID:   func(t *testing.T, c *DoctorConfig) { c.Passwords[1].Value = c.Passwords[0].Value },
	FoundPasswordSpace.ID:    func(t *testing.T, c *DoctorConfig) { c.Passwords[0].Value = New("a-long-password-and-space ") },
	FoundPasswordEnv.ID:      func(t *testing.T, c *DoctorConfig) { c.Passwords[0].Path = "" },
}

func giveAway(t *testing.T, path string) {
	t.Helper()
	if err := os.Chown(path, stranger, -1); errors.Is(err, os.ErrPermission) {
		t.Skip("only root gives files away")
	} else if err != nil {
		t.Fatal(err)
	}
}

func TestDoctorFindsEachKind(t *testing.T) {
	if r := examine(safe(t)); r.Worst() != doctor.OK || len(r.Findings()) != 3 {
		t.Fatalf("a right installation: %+v", r.Findings())
	}
	for _, k := range Kinds {
		t.Run(k.ID, func(t *testing.T) {
			provoke := provocations[k.ID]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			c := safe(t)
			provoke(t, &c)
			r := examine(c)
			got := r.Of(k)
			if len(got) != 1 || got[0].Seen == "" || !doctortest.Mends(got[0].Mend) || len(r.Findings())-len(r.Of(k)) > 3 || r.Worst() != k.Severity {
				t.Fatalf("got %+v", r.Findings())
			}
		})
	}
}

func TestDoctorSaysNoSecret(t *testing.T) {
	c := safe(t)
	c.Passwords[0].Value, c.Passwords[1].Value = New("hunter-2 "), New("hunter-2 ")
	must(t, os.WriteFile(c.KeyFile, []byte("hunter-2\n"), 0o644))
	b, err := json.Marshal(examine(c).Findings())
	if err != nil || strings.Contains(string(b), "hunter") {
		t.Errorf("%v: %s", err, b)
	}
}

func TestAKeyIsNotMissedBeforeTheFirstStart(t *testing.T) {
	c := safe(t)
	must(t, os.Remove(c.KeyFile))
	c.HasDatabase = false
	if r := examine(c); r.Worst() != doctor.OK {
		t.Errorf("got %+v", r.Findings())
	}
}
