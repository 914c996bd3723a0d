package audit

import (
	"fmt"
	"slices"
)

// sealed is an event as its stored bytes tell it.
type sealed struct {
	seq, time int64
	prev      [32]byte
	action    Action
	actor     string
	target    string
	request   string
	outcome   Outcome
	reason    string
	detail    map[string]any
	personal  map[string][32]byte
	version   string
}

// eventFields are all there, in every event, in this order.
var eventFields = []string{
	"action", "actor", "detail", "outcome", "personal", "prev",
	"reason", "request", "seq", "target", "time", "v",
}

// event reads an event's object.
func (p *parser) event(e *sealed) error {
	var fields []string
	err := p.object(func(key string) error {
		fields = append(fields, key)
		return p.eventField(key, e)
	})
	if err == nil && !slices.Equal(fields, eventFields) {
		err = ErrShape
	}
	return err
}

// otherVersion says whether a line that is not ours (cause) claims to hold an
// event of another version: then that is what is wrong with it.
func otherVersion(line []byte, cause error) error {
	if cause == nil {
		return nil
	}
	object, err := Parse(line)
	event, _ := object["event"].(map[string]any)
	if v, ok := event["v"].(string); err == nil && ok && v != LabelEvent {
		return fmt.Errorf("%q: %w", v, ErrVersion)
	}
	return nil
}

// eventField reads one field.
func (p *parser) eventField(key string, e *sealed) (err error) {
	switch key {
	case "action":
		return readText(p, &e.action)
	case "actor":
		return readText(p, &e.actor)
	case "detail":
		e.detail, err = p.values()
	case "outcome":
		return readText(p, &e.outcome)
	case "personal":
		e.personal, err = p.digests()
	case "prev":
		return p.digest(e.prev[:])
	case "reason":
		return readText(p, &e.reason)
	case "request":
		return readText(p, &e.request)
	case "seq":
		e.seq, err = p.integer()
	case "target":
		return readText(p, &e.target)
	case "time":
		e.time, err = p.integer()
	case "v":
		return readText(p, &e.version)
	default:
		return ErrShape
	}
	return err
}

func readText[T ~string](p *parser, to *T) error {
	s, err := p.text()
	*to = T(s)
	return err
}

func (p *parser) digests() (map[string][32]byte, error) {
	values := map[string][32]byte{}
	err := p.object(func(key string) error {
		var h [32]byte
		err := p.digest(h[:])
		values[key] = h
		return err
	})
	return values, err
}

// check holds the rules that Seal keeps to, except the list of actions: a log
// may be newer than the program that verifies it.
func (e sealed) check() error {
	if e.version != LabelEvent {
		return ErrVersion
	}
	known := isCode(string(e.action)) && e.action != "" && knownOutcome(e.outcome) &&
		isActor(e.actor) && (e.target == "" || isGUID(e.target)) &&
		isCode(e.request) && isCode(e.reason) && e.time >= 0
	for k, v := range e.detail {
		known = known && isKey(k) && isFlat(v)
	}
	for k := range e.personal {
		known = known && isKey(k)
	}
	if !known {
		return ErrShape
	}
	return nil
}

// isFlat knows the values that a detail may have.
func isFlat(v any) bool {
	switch v.(type) {
	case string, bool, int, int64, []string:
		return true
	}
	return false
}
