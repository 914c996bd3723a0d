package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Problem is one mistake, and where it stands. Line and Column count from 1.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Key    string `json:"key,omitempty"` // "policies[0].reset.prove"
	What   string `json:"what"`          // what is wrong and what is allowed
}

// String is "file:line:column: key: what", as editors and CI understand it.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Key != "" {
		s += p.Key + ": "
	}
	return s + p.What
}

// Problems is every mistake of a file, in the file's order.
type Problems []Problem

// Error lists them, a line each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

func syntaxProblem(file string, err error) error {
	p := Problem{File: file, Line: 1, Column: 1, What: firstLine(err.Error())}
	var located yaml.Error
	if errors.As(err, &located) {
		p.What = located.GetMessage()
		if t := located.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	return Problems{p}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// finder knows where a key stands in the text.
type finder struct {
	name string
	file *ast.File
	out  Problems
}

func newFinder(name string, text []byte) *finder {
	f := &finder{name: name}
	f.file, _ = parser.ParseBytes(text, 0)
	return f
}

// add reports a problem at a key; a key that is not in the file is reported at
// the nearest one above it that is.
func (f *finder) add(key, format string, args ...any) {
	p := Problem{File: f.name, Line: 1, Column: 1, Key: key, What: fmt.Sprintf(format, args...)}
	for at := key; at != ""; at = parent(at) {
		if line, column, ok := f.position(at); ok {
			p.Line, p.Column = line, column
			break
		}
	}
	f.out = append(f.out, p)
}

func (f *finder) position(key string) (line, column int, ok bool) {
	if f.file == nil {
		return 0, 0, false
	}
	path, err := yaml.PathString("$." + key)
	if err != nil {
		return 0, 0, false
	}
	node, err := path.FilterFile(f.file)
	if err != nil || node == nil || node.GetToken() == nil {
		return 0, 0, false
	}
	at := node.GetToken().Position
	return at.Line, at.Column, true
}

// has says whether the key itself is in the file.
func (f *finder) has(key string) bool {
	_, _, ok := f.position(key)
	return ok
}

// parent cuts the last step off: "a.b[1]" → "a.b" → "a" → "".
func parent(key string) string {
	i := strings.LastIndexAny(key, ".[")
	if i < 0 {
		return ""
	}
	return key[:i]
}
