// Package world starts the real parts that journeys outside a browser go through:
// a directory in memory, the built `latchkey serve` as a process of its own with
// its SQLite file, and people with phones who were invited and enrolled. Tests
// break the directory (DC), the process (Kill, Terminate) or the disk, and read
// what is left in the directory's own numbers and in the exported log.
//
//	world.go    a world and its people
//	settings.go the configuration that the server gets
//	process.go  the binary, built once for a test process, and the server
package world
