package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// releaseStart gives back what only the start has needed: memory, and the pages of
// the program's own file that were mapped for it. The kernel maps 16 pages around
// each that is touched, so that a start maps most of a program of which an idle
// server uses little. What is needed again comes from the page cache.
func releaseStart() {
	debug.FreeOSMemory()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if start, end, is := readOnlyPart(lines.Text(), self); is {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, end-start, syscall.MADV_DONTNEED)
		}
	}
}

// readOnlyPart reads a line of /proc/self/maps (proc_pid_maps(5)): the addresses of a
// part of the file that nobody can have written to, and that therefore is on the disk
// as it is in memory.
func readOnlyPart(line, file string) (start, end uintptr, is bool) {
	f := strings.Fields(line)
	if len(f) != 6 || f[5] != file || f[1] != "r-xp" && f[1] != "r--p" {
		return 0, 0, false
	}
	if _, err := fmt.Sscanf(f[0], "%x-%x", &start, &end); err != nil || end <= start {
		return 0, 0, false
	}
	return start, end, true
}
