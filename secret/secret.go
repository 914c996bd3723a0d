// Package secret holds the one type that carries passwords, codes and tokens
// through the program. A secret never prints: every formatting verb, JSON
// encoder and structured logger sees "[redacted]" (docs/security.md, rule 15).
package secret

import "log/slog"

// Redacted is what every printed secret looks like.
const Redacted = "[redacted]"

// Text is a secret string. The zero value is the empty secret.
type Text struct{ value string }

// New wraps a value.
func New(value string) Text { return Text{value: value} }

// Reveal returns the value. Call it only where the value leaves the program:
// the LDAP packet, the hash, the one screen that shows a one-time password.
func (t Text) Reveal() string { return t.value }

// Empty says whether there is no secret at all.
func (t Text) Empty() bool { return t.value == "" }

// String returns "[redacted]".
func (Text) String() string { return Redacted }

// GoString returns "[redacted]", so that %#v does not look inside.
func (Text) GoString() string { return Redacted }

// LogValue returns "[redacted]" for log/slog.
func (Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON returns "[redacted]": a secret is sent to a browser only by an
// explicit Reveal.
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// UnmarshalText reads a secret from JSON, YAML or the environment.
func (t *Text) UnmarshalText(b []byte) error { t.value = string(b); return nil }
