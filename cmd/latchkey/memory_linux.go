package main

import (
	"bufio"
	"fmt"
	"io"
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
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	for _, part := range unwritten(maps, self) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, part.start, part.end-part.start, syscall.MADV_DONTNEED)
	}
}

// part is a range of addresses.
type part struct{ start, end uintptr }

// unwritten reads /proc/self/smaps (proc_pid_smaps(5)) for the parts of the file that
// are in memory as they are on the disk: only read, and without a page of their own.
// A part that is only read by now may have such pages, of the time when it was
// written: a loader relocates and then protects (RELRO).
func unwritten(smaps io.Reader, file string) (all []part) {
	var now *part
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 0:
		case !strings.HasSuffix(f[0], ":"): // the first line of a part
			now = readOnlyPart(f, file)
		case now != nil && f[0] == "Anonymous:":
			if len(f) == 3 && f[1] == "0" {
				all = append(all, *now)
			}
			now = nil
		}
	}
	return all
}

func readOnlyPart(f []string, file string) *part {
	if len(f) != 6 || f[5] != file || f[1] != "r-xp" && f[1] != "r--p" {
		return nil
	}
	var p part
	if _, err := fmt.Sscanf(f[0], "%x-%x", &p.start, &p.end); err != nil || p.end <= p.start {
		return nil
	}
	return &p
}
