// Package password judges passwords before the directory does: the rules that
// can be known (length, classes, names), strength, banned words and breached
// passwords, and it generates one-time passwords. The directory stays the judge;
// a third-party filter on a controller can always refuse more.
//
// testdata/rules.json is the table that the web app's own checks are held to.
package password

// Rules are what one person's password must keep to, as far as it can be known.
type Rules struct {
	MinLength  int  `json:"min_length"`
	Complexity bool `json:"complexity"` // three of five classes (MS-SAMR 3.1.1.7.2)
	// Names are lower-cased parts of the account's names that a password must
	// not contain; only where Complexity holds.
	Names []string `json:"names"`
	// MinScore is the least zxcvbn score (0–4) that the organisation accepts.
	MinScore int `json:"min_score"`
	// Known is false when the policy can't be read: nothing ticks then.
	Known bool `json:"known"`
}

// Code names a rule; it is stable and is translated in the web app.
type Code string

// The codes.
const (
	CodeLength    Code = "length"
	CodeClasses   Code = "classes"
	CodeNames     Code = "names"
	CodeStrength  Code = "strength"
	CodeBanned    Code = "banned"
	CodeBreached  Code = "breached"
	CodeMalformed Code = "malformed" // NUL or broken UTF-8; named only when broken
	CodeTooLong   Code = "too-long"  // over MaxLength; named only when broken
)

// Finding is one rule and whether the password keeps to it.
type Finding struct {
	Code Code   `json:"code"`
	OK   bool   `json:"ok"`
	Have string `json:"have,omitempty"` // "9" characters, "2" classes: never part of the password
	Want string `json:"want,omitempty"`
}

// OK says whether a password broke none of the rules that were looked at.
func OK(findings []Finding) bool {
	for _, f := range findings {
		if !f.OK {
			return false
		}
	}
	return true
}

// Demands says what a Judge looks at.
type Demands struct {
	MinScore int // least zxcvbn score, 0 to 4; 0 judges no strength
	Banned   bool
	Breached bool
}
