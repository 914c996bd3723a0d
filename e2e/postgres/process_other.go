//go:build unix && !linux

package postgres

import "syscall"

// unprivileged is for another user than root. PostgreSQL refuses to run as root.
func unprivileged() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, err := somebody(); err == nil {
		a.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return a
}
