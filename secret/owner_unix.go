//go:build unix

package secret

import (
	"os"
	"syscall"
)

// ours says whether this process's user, or root, owns a file. Root reads the
// files of the service's user, for commands.
func ours(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	me := uint32(os.Geteuid())
	return ok && (s.Uid == me || s.Uid == 0 || me == 0)
}

// ownedAs gives a file the owner of another one: a command of root must leave the
// key to the service.
func ownedAs(path string, info os.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, int(s.Uid), int(s.Gid))
}
