package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/latchkey/latchkey/config"
)

type node = map[string]any

func schema(t *testing.T) (node, *jsonschema.Schema) {
	t.Helper()
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler() // checks it against the draft that it names
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return doc.(node), compiled
}

// validate reads the text as an editor does.
func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// properties lists what the schema knows, as "policies[].who.group".
func properties(n node, key string, each func(key string, n node, required bool)) {
	required, _ := n["required"].([]any)
	all, _ := n["properties"].(node)
	for name, v := range all {
		at := strings.TrimPrefix(key+"."+name, ".")
		one := v.(node)
		each(at, one, slices.Contains(required, any(name)))
		properties(one, at, each)
		if items, ok := one["items"].(node); ok {
			properties(items, at+"[]", each)
		}
		forms, _ := one["anyOf"].([]any)
		for _, form := range forms {
			properties(form.(node), at, each)
		}
	}
}

// paths lists what the structs know, likewise; Who holds itself.
func paths(t reflect.Type, key string, out map[string]bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice {
		paths(t.Elem(), key+"[]", out)
		return
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[config.Who]() && key != "who" && key != "" {
		return
	}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			at := strings.TrimPrefix(key+"."+name, ".")
			out[at] = true
			paths(t.Field(i).Type, at, out)
		}
	}
}

// Every key of the structs is in the schema, no other is, and each has a text that
// says its default and what goes wrong otherwise, and, where it may be left out, a
// default. Nothing beside the keys is allowed.
func TestTheSchemaIsThatOfTheStructs(t *testing.T) {
	doc, _ := schema(t)
	want := map[string]bool{}
	paths(reflect.TypeFor[config.Config](), "", want)
	look := func(key string, n node, required bool) {
		if !want[key] {
			t.Errorf("%s is no key", key)
		}
		delete(want, key)
		if text, _ := n["description"].(string); len(text) < 20 {
			t.Errorf("%s has no text: %q", key, text)
		}
		section := n["type"] == "object"
		if text, _ := n["description"].(string); !section && !strings.Contains(text, "Default") && !strings.Contains(text, "Required") {
			t.Errorf("%s says neither its default nor that it is required: %q", key, text)
		} else if mistake := config.Mistake(key); !section && (len(mistake) < 20 || !strings.HasSuffix(mistake, ".") || !strings.Contains(text, mistake)) {
			t.Errorf("%s does not say what goes wrong: %q", key, mistake)
		}
		closed(t, key, n)
		_, standard := n["default"]
		single := n["type"] != "object" && n["anyOf"] == nil && n["$ref"] == nil
		if required == standard && single {
			t.Errorf("%s: required %v, default %v", key, required, standard)
		}
	}
	closed(t, "", doc)
	properties(doc, "", look)
	for key := range want {
		t.Errorf("%s is not in the schema", key)
	}
	paths(reflect.TypeFor[config.Who](), "who", want)
	properties(doc["$defs"].(node)["who"].(node), "who", look)
	if len(want) > 0 {
		t.Errorf("not in the schema: %v", want)
	}
}

// The example says of each key that it explains what goes wrong, and no mistake is of
// a key that is gone.
func TestTheExampleSaysWhatGoesWrong(t *testing.T) {
	comments := regexp.MustCompile(`\s*\n\s*# ?|\s+`).ReplaceAllString(string(config.Example), " ")
	for key, mistake := range config.Mistakes {
		if !config.HasFurtherText(key) && !strings.Contains(comments, mistake) {
			t.Errorf("%s: example.yaml does not say %q", key, mistake)
		}
	}
	doc, _ := schema(t)
	used := map[string]bool{}
	look := func(key string, _ node, _ bool) { used[config.Mistake(key)] = true }
	properties(doc, "", look)
	properties(doc["$defs"].(node)["who"].(node), "who", look)
	for key, mistake := range config.Mistakes {
		if !used[mistake] {
			t.Errorf("%s is no key", key)
		}
	}
}

func closed(t *testing.T, key string, n node) {
	t.Helper()
	if n["type"] == "object" && n["additionalProperties"] != false {
		t.Errorf("%q takes unknown keys", key)
	}
	if items, ok := n["items"].(node); ok {
		closed(t, key+"[]", items)
	}
}

func TestTheExampleIsValidBySchema(t *testing.T) {
	_, s := schema(t)
	if err := validate(t, s, string(config.Example)); err != nil {
		t.Error(err)
	}
	if err := validate(t, s, valid(t)); err != nil {
		t.Error(err)
	}
	if err := validate(t, s, valid(t)+"tls: {acme: {terms_accepted: true}}\n"); err != nil {
		t.Error(err)
	}
}

// What an editor can see it shows as a mistake, and so does the program.
func TestTheSchemaRefusesWhatTheProgramRefuses(t *testing.T) {
	_, s := schema(t)
	for name, c := range map[string][2]string{
		"unknown key":          {"organisation:", "organization:"},
		"unknown key below":    {"bind: svc", "binds: svc"},
		"time without a unit":  {"organisation:", "sessions: {idle: 30}\norganisation:"},
		"time in words":        {"organisation:", "sessions: {idle: half}\norganisation:"},
		"number in words":      {"organisation:", "limit_factor: many\norganisation:"},
		"number too large":     {"organisation:", "limit_factor: 1001\norganisation:"},
		"day out of range":     {"organisation:", "reminders: {password_expiry: [91]}\norganisation:"},
		"yes for true":         {"everyone: true", `everyone: "yes"`},
		"list for one value":   {"organisation: Example Corp", "organisation: [Example, Corp]"},
		"value for keys":       {`{name: Desk, phone: "100"}`, "Desk"},
		"value for a list":     {"[ldaps://dc1.corp.example.test]", "7"},
		"no support":           {`support: {name: Desk, phone: "100"}`, ""},
		"no account":           {"bind: svc, ", ""},
		"unknown proof":        {"prove: [passkey]", "prove: [passkeys]"},
		"unknown act key":      {"prove: [passkey]", "prove: [passkey], approved: []"},
		"unknown level":        {"organisation:", "log: {level: loud}\norganisation:"},
		"unknown number":       {"prove: [passkey]", "prove: [passkey], approve: [{by: manager}], number: never"},
		"tier without by":      {"prove: [passkey]", "prove: [passkey], approve: [{within: 15m}]"},
		"unknown in by":        {"prove: [passkey]", "prove: [passkey], approve: [{by: {grup: x}}]"},
		"unknown in not":       {"{everyone: true}", "{everyone: true, not: {not: {every: true}}}"},
		"attribute, no value":  {"{everyone: true}", "{attribute: {name: employeeType}}"},
		"hours without a zone": {"{everyone: true}", `{hours: {from: "07:00", to: "19:00"}}`},
		"unknown state":        {"{everyone: true}", "{state: [asleep]}"},
		"unknown in any":       {"{everyone: true}", "{any: [{grup: x}]}"},
		"terms not named":      {"organisation:", "tls: {acme: {}}\norganisation:"},
	} {
		text := strings.Replace(valid(t), c[0], c[1], 1)
		if err := validate(t, s, text); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		var found config.Problems
		if _, err := config.Parse("c.yaml", []byte(text)); !errors.As(err, &found) {
			t.Errorf("%s: the program takes it: %v", name, err)
		}
	}
}

// Words and ranges are those of the program, at both ends.
func TestWordsAndRangesOfTheSchemaAreTheProgramsOwn(t *testing.T) {
	doc, _ := schema(t)
	properties(doc, "", func(key string, n node, _ bool) {
		section, name, ok := strings.Cut(key, ".")
		if strings.Contains(key, "[]") || strings.Count(key, ".") > 1 {
			return // lists have cases of their own above
		}
		line := func(v any) string {
			if ok {
				return fmt.Sprintf("%s: {%s: %v}\n", section, name, v)
			}
			return fmt.Sprintf("%s: %v\n", key, v)
		}
		refused := func(v any) bool {
			_, err := config.Parse("c.yaml", []byte(valid(t)+line(v)))
			var found config.Problems
			errors.As(err, &found)
			return slices.ContainsFunc(found, func(p config.Problem) bool {
				return p.Key == key && (strings.Contains(p.What, "out of range") || strings.Contains(p.What, "is not known"))
			})
		}
		words, _ := n["enum"].([]any)
		for _, w := range words {
			if key != "mail.tls" && refused(w) { // which is looked at only where mail is on
				t.Errorf("%s: %v is refused", key, w)
			}
		}
		if len(words) > 0 && key != "mail.tls" && !refused("nonsense") {
			t.Errorf("%s takes nonsense", key)
		}
		if least, ok := n["minimum"].(json.Number); ok && key != "mail.port" {
			low, _ := least.Int64()
			high, _ := n["maximum"].(json.Number).Int64()
			for v, want := range map[int64]bool{low: false, high: false, low - 1: true, high + 1: true} {
				if refused(v) != want {
					t.Errorf("%s: %d refused: %v", key, v, !want)
				}
			}
		}
	})
}

// A default of the schema, written down, changes nothing.
func TestDefaultsOfTheSchemaAreTheProgramsOwn(t *testing.T) {
	doc, _ := schema(t)
	standard, err := config.Parse("c.yaml", []byte(valid(t)))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	properties(doc, "", func(key string, n node, _ bool) {
		section, name, nested := strings.Cut(key, ".")
		v, ok := n["default"]
		if !ok || strings.Contains(key, "[]") || strings.Count(key, ".") > 1 || slices.Contains([]string{"support", "directory"}, section) ||
			section == "backup" || v == "" && !nested { // backup's make sense together only
			return
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s: %s\n", key, text)
		if nested {
			line = fmt.Sprintf("%s: {%s: %s}\n", section, name, text)
		}
		c, err := config.Parse("c.yaml", []byte(valid(t)+line))
		if err != nil {
			t.Errorf("%s: %v", key, err)
			return
		}
		changed := slices.DeleteFunc(config.Changed(standard, c), func(k string) bool {
			return strings.HasSuffix(k, "password_file") || string(text) == "[]" // another temporary file; nil and empty are one
		})
		if len(changed) > 0 {
			t.Errorf("%s: %s changes %v", key, text, changed)
		}
		tried++
	})
	if tried < 20 {
		t.Errorf("only %d defaults were tried", tried)
	}
}
