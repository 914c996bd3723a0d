//go:build unix

package db

import (
	"errors"
	"io/fs"
	"syscall"
)

// sentinelOfFile knows the errors of the file system itself.
func sentinelOfFile(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return ErrReadOnly
	}
	return nil
}
