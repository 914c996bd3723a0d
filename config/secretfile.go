package config

import (
	"errors"
	"fmt"
	"io"
	"os"
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
