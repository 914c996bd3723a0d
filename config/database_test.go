package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADatabaseIsNamedByAFileOrTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte("postgres://u:word@db.example.test/latchkey?sslmode=verify-full\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LATCHKEY_TEST_DSN", "postgresql:///latchkey?host=/run/postgresql")
	for name, d := range map[string]Database{"file": {DSNFile: file}, "environment": {DSNEnv: "LATCHKEY_TEST_DSN"}} {
		if dsn, err := d.DSN(); err != nil || !strings.Contains(dsn.Reveal(), "latchkey") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if dsn, err := (Database{}).DSN(); err != nil || !dsn.Empty() {
		t.Errorf("none: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (Database{DSNFile: file}).DSN(); !errors.Is(err, ErrWorldReadable) {
		t.Errorf("a file that others can read: %v", err)
	}
}

func TestADSNIsRefusedWithoutShowingIt(t *testing.T) {
	for dsn, want := range map[string]string{
		"mysql://u:word@h/d":                                    "is no DSN",
		"postgres://u:word@h:bad/d":                             "is no DSN",
		"host=h password=word":                                  "is no DSN",
		"postgres://u:word@h":                                   "names no database",
		"postgres://u:word@db.example.test/d":                   "sslmode",
		"postgres://u:word@db.example.test/d?sslmode=prefer":    "sslmode",
		"postgres://u:word@192.0.2.1/d?sslmode=allow":           "sslmode",
		"postgres://u:word@db.example.test/d?sslmode=require":   "",
		"postgres://u:word@127.0.0.1/d":                         "",
		"postgres://u:word@[::1]:5432/d":                        "",
		"postgres://u:word@db.example.test/d?sslmode=verify-ca": "",
	} {
		t.Setenv("LATCHKEY_TEST_DSN", dsn)
		_, err := (Database{DSNEnv: "LATCHKEY_TEST_DSN"}).DSN()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dsn, err)
		}
		if err != nil && strings.Contains(err.Error(), "word") {
			t.Errorf("%s is shown: %v", dsn, err)
		}
	}
}

// Who hands over the secret where its name belongs sees it in no message.
func TestWhatIsNoNameOfAVariableIsNotShown(t *testing.T) {
	for _, given := range []string{
		"postgres://u:word@db.example.test/d?sslmode=verify-full", "pass-word!", "1word", "wörd", "word word", "word=x", "word\n", " ",
	} {
		_, dsn := Database{DSNEnv: given}.DSN()
		_, password := Account{PasswordEnv: given}.Secret()
		for _, err := range []error{dsn, password} {
			if err == nil || strings.Contains(err.Error(), "word") || strings.Contains(err.Error(), given) && given != " " {
				t.Errorf("%q: %v", given, err)
			}
		}
	}
	for _, name := range []string{"LATCHKEY_TEST_NONE", "_x", "a1"} {
		if _, err := (Database{DSNEnv: name}).DSN(); err == nil || !strings.Contains(err.Error(), "environment variable "+name+" is empty") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
