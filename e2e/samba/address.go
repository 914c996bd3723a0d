package samba

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// errNoAddress is returned when two hundred controllers run already.
var errNoAddress = errors.New("no free address in 127.0.77.0/24")

// freeAddress picks a loopback address on which no controller listens. LDAP's
// ports are fixed in Samba, so parallel controllers differ by address. A lock
// on a file keeps parallel test programs apart; the kernel drops it with the
// program. The ports are probed as well: a controller outlives its program by
// a moment, and others may use the address without our lock.
func freeAddress() (address string, unlock func(), err error) {
	dir := filepath.Join(os.TempDir(), "latchkey-samba-addresses")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	for i := 1; i <= 200; i++ {
		address := fmt.Sprintf("127.0.77.%d", i)
		unlock, err := lockFile(filepath.Join(dir, address), syscall.LOCK_NB)
		if err != nil {
			continue
		}
		if portsFree(address) {
			return address, unlock, nil
		}
		unlock()
	}
	return "", nil, errNoAddress
}

func portsFree(address string) bool {
	for _, port := range []string{"389", "636", "3268", "3269"} {
		l, err := net.Listen("tcp", net.JoinHostPort(address, port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// lockFile takes an exclusive lock, waiting for it unless how is LOCK_NB.
func lockFile(name string, how int) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|how)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
