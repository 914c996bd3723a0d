//go:build !linux

package main

import "runtime/debug"

// releaseStart gives back the memory that only the start has needed.
func releaseStart() { debug.FreeOSMemory() }
