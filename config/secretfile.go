package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/latchkey/latchkey/secret"
)

// What is wrong with a secret's file.
var (
	ErrWorldReadable = errors.New("others may read this file: chmod 600 it")
	ErrEmptySecret   = errors.New("the file is empty")
)

// secretFile reads one line. A file that everybody may read is refused: that is
// how service passwords end up in backups and home directories.
func secretFile(path string) (secret.Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return secret.Text{}, fmt.Errorf("read secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return secret.Text{}, fmt.Errorf("read secret: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		return secret.Text{}, fmt.Errorf("read secret %s: %w", path, ErrWorldReadable)
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return secret.Text{}, fmt.Errorf("read secret: %w", err)
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return secret.Text{}, fmt.Errorf("read secret %s: %w", path, ErrEmptySecret)
	}
	return secret.New(v), nil
}

// variable is a name as shells take it (POSIX.1-2024, 3.216).
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secretEnv reads a secret from the environment. What is no name is not shown: it
// may well be the secret itself.
func secretEnv(name string) (secret.Text, error) {
	if !variable.MatchString(name) {
		return secret.Text{}, errors.New("takes the name of an environment variable (letters, digits and _): what it was given is not shown, in case it is the secret itself")
	}
	v := os.Getenv(name)
	if v == "" {
		return secret.Text{}, fmt.Errorf("environment variable %s is empty", name)
	}
	return secret.New(v), nil
}
