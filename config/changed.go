package config

import (
	"reflect"
	"time"
)

// Changed lists the keys that differ, as "sessions.idle", in the order of the
// structs. A list, and whatever stands in one, is one key.
func Changed(before, after Config) []string {
	return changed(reflect.ValueOf(before), reflect.ValueOf(after), "", nil)
}

func changed(before, after reflect.Value, key string, out []string) []string {
	t := before.Type()
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		if !reflect.DeepEqual(before.Interface(), after.Interface()) {
			out = append(out, key)
		}
		return out
	}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			out = changed(before.Field(i), after.Field(i), below(key, name), out)
		}
	}
	return out
}
