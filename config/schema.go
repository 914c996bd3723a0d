package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/workflow"
)

// schemaID names the schema; nothing is fetched from there.
const schemaID = "https://github.com/latchkey/latchkey/config.schema.json"

// whoType is the one type that holds itself.
var whoType = reflect.TypeFor[Who]()

// needed are the keys that must be there where the object above them is.
var needed = map[string][]string{
	"":                    {"public_url", "organisation", "support", "directory", "policies"},
	"support":             {"name"},
	"directory.domains[]": {"read"},
	"tls.acme":            {"terms_accepted"},
	"approvers[]":         {"name", "group"},
	"policies[]":          {"name", "who"},
	"*.unlock":            {"prove"},
	"*.reset":             {"prove"},
	"*.change":            {"prove"},
	"*.one-time":          {"prove"},
	"*.enrol":             {"prove"},
	"*.read":              {"bind"},
	"*.write":             {"bind"},
	"*.approve[]":         {"by"},
	"who.attribute":       {"name", "value"},
	"who.hours":           {"from", "to", "zone"},
	"*.approvers{":        {"group"},
}

// allowed are the words that a key takes. The checks use them, too.
var allowed = map[string][]string{
	"log.level":                 {"debug", "info", "warn", "error"},
	"log.format":                {"text", "json"},
	"mail.tls":                  {MailStartTLS, MailImplicit, MailNone},
	"reminders.to":              {RemindEnrolled, RemindEverybody},
	"who.state[]":               stateWords(),
	"policies[].hold.otherwise": {HoldRemind, HoldLimit},
	"*.number":                  {string(workflow.NumberRequired), string(workflow.NumberWeakProof), string(workflow.NumberOff)},
}

func stateWords() (words []string) {
	for _, s := range workflow.AccountStates {
		words = append(words, string(s))
	}
	return words
}

// bounds are the least and the most of a number.
var bounds = map[string][2]int{
	"limit_factor":                {1, 1000},
	"passwords.strength":          {0, 4},
	"mail.port":                   {0, 65535},
	"reminders.password_expiry[]": {1, 90},
}

// Schema is the JSON Schema (draft 2020-12) of a configuration file, made of the
// structs, with the texts of example.yaml. It knows keys, kinds of values, words and
// ranges; what takes more (files, names, rules that are never reached) is for Parse.
func Schema() ([]byte, error) {
	m := schemaMaker{texts: exampleTexts()}
	out := m.object(reflect.TypeFor[Config](), reflect.ValueOf(Default()), "")
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["$id"] = schemaID
	out["title"] = "Latchkey's configuration"
	out["$defs"] = map[string]any{"who": m.object(whoType, reflect.Zero(whoType), "who")}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(b, '\n'), nil
}

type schemaMaker struct{ texts map[string]string }

// object describes a struct; standard holds its defaults.
func (m schemaMaker) object(t reflect.Type, standard reflect.Value, key string) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("yaml")
		if name == "" {
			continue
		}
		at := below(key, name)
		one := m.value(t.Field(i).Type, standard.Field(i), at)
		if text := lookUp(m.texts, at); text != "" {
			one["description"] = withMistake(text, at)
		}
		if slices.Contains(lookUp(needed, key), name) {
			delete(one, "default")
		}
		properties[name] = one
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if names := lookUp(needed, key); len(names) > 0 {
		out["required"] = names
	}
	return out
}

// value describes one value, with its default where it is none of objects.
func (m schemaMaker) value(t reflect.Type, standard reflect.Value, key string) map[string]any {
	if t.Kind() == reflect.Pointer {
		t, standard = t.Elem(), reflect.Zero(t.Elem())
	}
	switch {
	case t == whoType:
		return map[string]any{"$ref": "#/$defs/who"}
	case t == approversType:
		group := m.object(t, standard, below(key, "approvers{"))
		group["properties"].(map[string]any)["group"].(map[string]any)["description"] = withMistake(m.texts["*.by.group"], "*.by.group")
		return map[string]any{"anyOf": []any{map[string]any{"type": "string"}, group}}
	case t == durationType:
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, "default": workflow.ShortDuration(standard.Interface().(time.Duration))}
	case t.Kind() == reflect.Struct:
		return m.object(t, standard, key)
	case t.Kind() == reflect.Slice:
		return m.list(t, standard, key)
	}
	return m.scalar(t, standard, key)
}

func (m schemaMaker) list(t reflect.Type, standard reflect.Value, key string) map[string]any {
	one := m.value(t.Elem(), reflect.Zero(t.Elem()), key+"[]")
	delete(one, "default")
	out := map[string]any{"type": "array", "items": one, "default": []any{}}
	if standard.Len() > 0 {
		out["default"] = standard.Interface()
	}
	return out
}

func (m schemaMaker) scalar(t reflect.Type, standard reflect.Value, key string) map[string]any {
	kinds := map[reflect.Kind]string{reflect.Bool: "boolean", reflect.Int: "integer", reflect.String: "string"}
	out := map[string]any{"type": kinds[t.Kind()], "default": standard.Interface()}
	if words := lookUp(allowed, key); words != nil {
		out["enum"] = words
		if standard.Kind() == reflect.String && standard.Len() == 0 {
			out["default"] = defaultWord(key)
		}
	}
	if b, ok := bounds[key]; ok {
		out["minimum"], out["maximum"] = b[0], b[1]
	}
	if strings.HasSuffix(key, ".prove[]") {
		word := "(" + strings.ReplaceAll(words(proofs), ", ", "|") + ")"
		out["pattern"] = "^ *" + word + " *(\\+ *" + word + " *)*$"
	}
	return out
}

// defaultWord is of a key that stands in a list, where Default has no place for it.
func defaultWord(key string) string {
	switch {
	case strings.HasSuffix(key, ".number"):
		return string(workflow.NumberWeakProof)
	case strings.HasSuffix(key, ".otherwise"):
		return HoldRemind
	}
	return ""
}

// lookUp finds a key itself, or "*.last" for its last step wherever it stands.
func lookUp[T any](in map[string]T, key string) T {
	if v, ok := in[key]; ok {
		return v
	}
	return in["*."+key[strings.LastIndexByte(key, '.')+1:]]
}
