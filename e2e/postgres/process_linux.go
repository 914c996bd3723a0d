package postgres

import "syscall"

// unprivileged lets the process die with ours. PostgreSQL refuses to run as root.
func unprivileged() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	if uid, gid, err := somebody(); err == nil {
		a.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return a
}
