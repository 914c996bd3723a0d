package config

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// checkShape holds the text to the structs before it is decoded, so that every
// unknown key and every value of the wrong kind is found at once, at its place
// and with what is allowed there. Syntax is the decoder's matter.
func (f *finder) checkShape() Problems {
	if f.file == nil {
		return nil
	}
	var bodies []ast.Node
	for _, doc := range f.file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		f.at(nil, "", "the file is empty; latchkey config example prints one to start from")
	case 1:
		f.shape(bodies[0], reflect.TypeFor[Config](), "")
	default:
		f.at(bodies[1], "", "a second document would not be read: keep one, without a line ---")
	}
	sort.SliceStable(f.out, func(i, j int) bool { return f.out[i].Line < f.out[j].Line })
	return f.out
}

var (
	durationType  = reflect.TypeFor[time.Duration]()
	approversType = reflect.TypeFor[Approvers]()
	tierType      = reflect.TypeFor[Tier]()
)

// shape checks one value of the file against the type that it is decoded into.
func (f *finder) shape(n ast.Node, t reflect.Type, key string) {
	switch named := n.(type) {
	case *ast.AnchorNode:
		f.shape(named.Value, t, key)
		return
	case *ast.AliasNode: // checked where it was named
		return
	case *ast.TagNode: // its kind is not its value's
		f.at(n, key, "has a tag, which means nothing here: remove %s", named.Start.Value)
		return
	case *ast.NullNode:
		f.at(n, key, "is empty: give it a value, or remove the line")
		return
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		f.duration(n, key)
	case t == approversType:
		f.approvers(n, key)
	case t.Kind() == reflect.Struct:
		f.keys(n, t, key)
	case t.Kind() == reflect.Slice:
		f.items(n, t, key)
	default:
		f.scalar(n, t.Kind(), key)
	}
}

func (f *finder) keys(n ast.Node, t reflect.Type, key string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		f.at(n, key, "must hold keys; allowed: %s", strings.Join(keysOf(t), ", "))
		return
	}
	for i := m.MapRange(); i.Next(); {
		if i.Key().IsMergeKey() {
			continue
		}
		name := i.Key().GetToken().Value
		field, known := fieldOf(t, name)
		if !known {
			f.at(i.Key(), key, "%q is no key here; allowed: %s", name, strings.Join(keysOf(t), ", "))
			continue
		}
		f.shape(i.Value(), field.Type, below(key, name))
	}
}

func (f *finder) items(n ast.Node, t reflect.Type, key string) {
	list, ok := n.(ast.ArrayNode)
	if !ok {
		f.at(n, key, "must be a list, such as %s", sample(t.Elem()))
		return
	}
	at := 0
	for i := list.ArrayRange(); i.Next(); at++ {
		f.shape(i.Value(), t.Elem(), fmt.Sprintf("%s[%d]", key, at))
	}
}

// sample is what a list of such items looks like.
func sample(t reflect.Type) string {
	switch {
	case t == tierType:
		return "[{by: manager, within: 15m}]"
	case t.Kind() == reflect.Int:
		return "[14, 7, 1]"
	case t.Kind() == reflect.Struct:
		return "[{" + keysOf(t)[0] + ": …}]"
	}
	return "[a, b]"
}

func (f *finder) duration(n ast.Node, key string) {
	text := n.GetToken().Value
	if s, ok := n.(*ast.StringNode); ok {
		if _, err := time.ParseDuration(s.Value); err == nil {
			return
		}
	}
	f.at(n, key, "%q is no length of time; write a number and s, m or h, such as 30m or 72h", text)
}

func (f *finder) scalar(n ast.Node, kind reflect.Kind, key string) {
	_, plain := n.(ast.ScalarNode)
	switch {
	case kind == reflect.Bool && n.Type() != ast.BoolType:
		f.at(n, key, "must be true or false")
	case kind == reflect.Int && n.Type() != ast.IntegerType:
		f.at(n, key, "must be a whole number")
	case !plain:
		f.at(n, key, "must be one value")
	}
}

// at reports a problem at a node; nil is the beginning of the file.
func (f *finder) at(n ast.Node, key, format string, args ...any) {
	f.add("", format, args...)
	p := &f.out[len(f.out)-1]
	p.Key = key
	if n != nil && n.GetToken() != nil {
		p.Line, p.Column = n.GetToken().Position.Line, n.GetToken().Position.Column
	}
}

func below(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == name && name != "" {
			return t.Field(i), true
		}
	}
	return reflect.StructField{}, false
}

func keysOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			names = append(names, name)
		}
	}
	return names
}
