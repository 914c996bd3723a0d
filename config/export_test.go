package config

import "github.com/latchkey/latchkey/workflow"

// What the fuzz test of the texts looks at.
var ReadNetwork = parseNetwork

// ReadHours is Hours.read.
func ReadHours(h Hours) (workflow.Hours, error) { return h.read() }

// ParseRoots reads certificates.
var ParseRoots = parseRoots

// ParseSpan and ParseDay read the times of a duty.
var (
	ParseSpan = parseSpan
	ParseDay  = parseDay
)
