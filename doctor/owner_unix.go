//go:build unix

package doctor

import (
	"io/fs"
	"syscall"
)

// Owner is the user id of a file's owner.
func Owner(info fs.FileInfo) (uid int, known bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}
