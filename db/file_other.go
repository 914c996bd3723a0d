//go:build !unix

package db

import (
	"errors"
	"io/fs"
)

// sentinelOfFile knows the errors of the file system itself.
func sentinelOfFile(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return ErrReadOnly
	}
	return nil
}
