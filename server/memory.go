package server

import (
	"os"
	"runtime/debug"
)

// collectAt is how much the heap grows before it is collected, in percent of what is in
// use. That is a few megabytes here: a server that is busy would collect ten times a second
// by Go's own 100, for memory that it has anyway.
const collectAt = 150

// CollectLess is for the process that serves. It leaves an owner's GOGC as it is.
func CollectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}
