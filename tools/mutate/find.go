package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// The ways to break a guard.
const (
	invert = "invert" // the condition is turned round
	remove = "delete" // the branch is never taken
	drop   = "drop"   // one operand of a conjunction counts as true, of a disjunction as false
)

// mutant is one change of one branch.
type mutant struct {
	id       int
	file     string // below the root
	function string
	way      string
	text     string // of the condition or operand, on one line
	nth      int    // of several that are alike in the function, from 1
	line     int
	reached  []int // the tests that come by, by index
}

// key names the mutant wherever the function moves to.
func (m mutant) key() string {
	k := fmt.Sprintf("%s %s %s `%s`", m.file, m.function, m.way, m.text)
	if m.nth > 1 {
		k += fmt.Sprintf(" #%d", m.nth)
	}
	return k
}

// wrap puts text around a part of a source file: [from, to) in bytes.
type wrap struct {
	from, to int
	before   string
}

// finder collects the mutants of one file.
type finder struct {
	set     *token.FileSet
	src     []byte
	file    string
	next    int
	mutants []mutant
	wraps   []wrap
	alike   map[string]int
	// left are the clauses that it knows no way to break, for the report.
	left []string
}

// find parses src, the file of that name, and numbers its mutants from first.
func find(file string, src []byte, first int) (*finder, error) {
	f := &finder{set: token.NewFileSet(), src: src, file: file, next: first, alike: map[string]int{}}
	tree, err := parser.ParseFile(f.set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f.function(fn.Name.Name, fn.Type, fn.Body)
		}
	}
	return f, nil
}

// function looks at the guards that answer for this function; a literal inside it
// answers for itself.
func (f *finder) function(name string, typ *ast.FuncType, body *ast.BlockStmt) {
	g := guards{finder: f, name: name, typ: typ}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.function(name, n.Type, n.Body)
			return false
		case *ast.IfStmt:
			if g.denies(n.Body.List) {
				g.guard(n.Cond)
			}
		case *ast.SwitchStmt:
			g.cases(n)
		case *ast.TypeSwitchStmt:
			for _, c := range n.Body.List {
				if g.denies(c.(*ast.CaseClause).Body) {
					f.left = append(f.left, f.at(c))
				}
			}
		case *ast.ReturnStmt:
			if last := g.lastResult(); last == "bool" && len(n.Results) > 0 {
				g.operands(n.Results[len(n.Results)-1])
			}
		}
		return true
	})
}

type guards struct {
	*finder
	name string
	typ  *ast.FuncType
}

// guard breaks a condition as a whole, and each operand of it.
func (g guards) guard(cond ast.Expr) {
	g.add(invert, cond, "mutantInvert(%d, ", cond)
	g.add(remove, cond, "mutantFalse(%d, ", cond)
	g.operands(cond)
}

// operands drops each operand of a conjunction or disjunction, at any depth.
func (g guards) operands(e ast.Expr) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		g.operands(e.X)
	case *ast.UnaryExpr:
		g.operands(e.X)
	case *ast.BinaryExpr:
		call := map[token.Token]string{token.LAND: "mutantTrue(%d, ", token.LOR: "mutantFalse(%d, "}[e.Op]
		if call == "" {
			return
		}
		for _, side := range []ast.Expr{e.X, e.Y} {
			// A chain of the same operator is one list of operands.
			if inner, ok := side.(*ast.BinaryExpr); !ok || inner.Op != e.Op {
				g.add(drop, side, call, side)
			}
			g.operands(side)
		}
	}
}

// cases breaks the clauses of a switch that deny.
func (g guards) cases(s *ast.SwitchStmt) {
	for _, stmt := range s.Body.List {
		c := stmt.(*ast.CaseClause)
		if !g.denies(c.Body) || c.List == nil {
			continue
		}
		switch {
		case s.Tag == nil && len(c.List) == 1:
			g.guard(c.List[0])
		case s.Tag == nil:
			g.add(remove, c.List[0], "mutantFalse(%d, ", c.List...)
		case plainTag(s.Tag):
			tag := g.textOf(s.Tag)
			g.add(remove, c.List[0], "mutantNever(%d, "+strings.ReplaceAll(tag, "%", "%%")+", ", c.List...)
		default:
			g.left = append(g.left, g.at(c))
		}
	}
}

// plainTag says whether reading the tag once more changes nothing.
func plainTag(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return plainTag(e.X)
	}
	return false
}

// add notes one mutant of that name: a call of helper around each of the expressions.
func (g guards) add(way string, named ast.Expr, helper string, around ...ast.Expr) {
	f := g.finder
	m := mutant{id: f.next, file: f.file, function: g.name, way: way, text: f.textOf(named), line: f.set.Position(named.Pos()).Line}
	f.next++
	f.alike[m.key()]++
	m.nth = f.alike[m.key()]
	f.mutants = append(f.mutants, m)
	for _, e := range around {
		f.wraps = append(f.wraps, wrap{from: f.offset(e.Pos()), to: f.offset(e.End()), before: fmt.Sprintf(helper, m.id)})
	}
}

func (f *finder) offset(p token.Pos) int { return f.set.Position(p).Offset }

func (f *finder) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.file, f.set.Position(n.Pos()).Line)
}

var spaces = regexp.MustCompile(`\s+`)

func (f *finder) textOf(n ast.Node) string {
	return spaces.ReplaceAllString(string(f.src[f.offset(n.Pos()):f.offset(n.End())]), " ")
}

// lastResult is the type of the function's last result, as it is written.
func (g guards) lastResult() string {
	if g.typ.Results == nil || len(g.typ.Results.List) == 0 {
		return ""
	}
	last := g.typ.Results.List[len(g.typ.Results.List)-1].Type
	return g.textOf(last)
}

// denies says whether the statements end in a refusal.
func (g guards) denies(body []ast.Stmt) bool {
	if len(body) == 0 {
		return false
	}
	if slices.ContainsFunc(body, g.reports) {
		return true
	}
	ret, ok := body[len(body)-1].(*ast.ReturnStmt)
	if !ok || len(ret.Results) == 0 {
		return false
	}
	last := ret.Results[len(ret.Results)-1]
	switch g.lastResult() {
	case "error":
		if isNamed(last, "nil") {
			return g.refusal(ret.Results[:len(ret.Results)-1]...)
		}
		call, ok := last.(*ast.CallExpr)
		return !ok || g.refusal(call)
	case "bool":
		if refusing.MatchString(g.name) {
			return isNamed(last, "true")
		}
		return isNamed(last, "false")
	}
	return g.refusal(ret.Results...)
}

// reports says whether a statement tells of a mistake that a file is refused for.
func (g guards) reports(s ast.Stmt) bool {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	return ok && g.textOf(call.Fun) == "f.add"
}

// refusal words in what is returned: a call that makes or passes on an error or a
// denial, or the name of one.
var refusal = regexp.MustCompile(`(?i)(^|\.)(deny|denied|refuse|refused|fault|beside|misread|unmapped|Errorf|errors\.New|errors\.Join)$|(^|\.)(err|Err[A-Z]\w*|err[A-Z]\w*|found[A-Z]\w*|Protected[A-Z]\w*|fault)$`)

func (g guards) refusal(results ...ast.Expr) (found bool) {
	for _, r := range results {
		ast.Inspect(r, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.Ident:
				found = found || refusal.MatchString(n.Name)
			case *ast.SelectorExpr:
				found = found || refusal.MatchString(g.textOf(n))
			}
			return true
		})
	}
	return found
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// instrumented is the source with every mutant of the file in it, asleep.
func (f *finder) instrumented() []byte {
	before, after := map[int][]string{}, map[int]int{}
	for _, w := range f.wraps { // the outer ones stand first
		before[w.from] = append(before[w.from], w.before)
		after[w.to]++
	}
	var out bytes.Buffer
	for i := 0; i <= len(f.src); i++ {
		out.WriteString(strings.Repeat(")", after[i]))
		for _, text := range before[i] {
			out.WriteString(text)
		}
		if i < len(f.src) {
			out.WriteByte(f.src[i])
		}
	}
	return out.Bytes()
}
