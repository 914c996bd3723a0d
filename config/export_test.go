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

// Mistakes say what goes wrong where a key is wrong or left out.
var Mistakes = mistakes

// Mistake is that of one key.
func Mistake(key string) string { return lookUp(mistakes, own(key)) }

// HasFurtherText: the example explains it together with others.
func HasFurtherText(key string) bool { return furtherTexts[key] != "" }
