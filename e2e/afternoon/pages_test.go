//go:build linux

package afternoon

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is one Markdown file.
type page struct {
	name   string // "docs/install.md"
	blocks []block
	inline []inline
}

// block is a fenced block as it stands.
type block struct {
	page, section string
	line          int
	lang, text    string
}

func (b block) where() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// inline is a text in backticks.
type inline struct {
	page string
	line int
	text string
}

func (i inline) where() string { return fmt.Sprintf("%s:%d", i.page, i.line) }

// pages are README.md and docs/*.md, by name.
type pages map[string]*page

func readPages(t *testing.T) pages {
	t.Helper()
	names, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	all := pages{}
	for _, name := range append(names, "../../README.md") {
		text, err := os.ReadFile(name)
		must(t, err)
		p := parse(t, strings.TrimPrefix(filepath.ToSlash(name), "../../"), string(text))
		all[p.name] = p
	}
	return all
}

// code is a span of inline code, which may go over the end of a line.
var code = regexp.MustCompile("`[^`]+`")

func parse(t *testing.T, name, text string) *page {
	t.Helper()
	p := &page{name: name}
	section, prose, open := "", "", false
	for n, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open:
			open = false
		case isFence:
			open = true
			p.blocks = append(p.blocks, block{page: name, section: section, line: n + 1, lang: fence})
		case open:
			p.blocks[len(p.blocks)-1].text += line + "\n"
		case strings.HasPrefix(line, "#"):
			section = strings.TrimLeft(line, "# ")
		}
		if open || isFence {
			line = ""
		}
		prose += line + "\n"
	}
	if open {
		t.Errorf("%s: a block has no end", name)
	}
	for _, at := range code.FindAllStringIndex(prose, -1) {
		p.inline = append(p.inline, inline{name, 1 + strings.Count(prose[:at[0]], "\n"), strings.Join(strings.Fields(prose[at[0]+1:at[1]-1]), " ")})
	}
	return p
}

// in returns a page's blocks of a section and language. A section is named whole, or
// by its number ("1. "). None is a mistake here or there.
func (p pages) in(t *testing.T, name, section, lang string) (found []block) {
	t.Helper()
	if p[name] == nil {
		t.Fatalf("there is no %s", name)
	}
	for _, b := range p[name].blocks {
		numbered := strings.HasSuffix(section, ". ") && strings.HasPrefix(b.section, section)
		if (b.section == section || numbered) && b.lang == lang {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no block of %q below %q", name, lang, section)
	}
	return found
}

// shells are the languages of blocks that somebody types.
var shells = map[string]bool{"sh": true, "bat": true, "powershell": true}

// notTyped are the other languages.
var notTyped = map[string]bool{"yaml": true, "json": true, "jsonl": true, "sql": true, "nginx": true, "xml": true, "": true}

// commands takes a block of a shell apart: one entry for each line that is typed,
// without comments and without what a here-document holds.
func commands(text string) (all []string) {
	end, rest := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case end != "":
			if line == end {
				end = ""
			}
			continue
		case strings.HasPrefix(line, "#"), line == "":
			continue
		}
		if before, more := strings.CutSuffix(line, "\\"); more {
			rest += before
			continue
		}
		line, rest = rest+line, ""
		if _, word, here := strings.Cut(line, "<<'"); here {
			end, _, _ = strings.Cut(word, "'")
		}
		line, _, _ = strings.Cut(line, " # ")
		all = append(all, strings.Join(strings.Fields(line), " "))
	}
	return all
}

func TestPagesAreTakenApart(t *testing.T) {
	p := parse(t, "x.md", "# One\n`latchkey\nserve` and `b`\n```sh\ncat > f <<'EOF'\n# `no`\nEOF\na \\\n  b   # why\n\n# c\n```\n## Two\n```yaml\nk: v\n```\n")
	if len(p.blocks) != 2 || p.blocks[0].section != "One" || p.blocks[1].section != "Two" || p.blocks[1].lang != "yaml" || p.blocks[0].line != 4 {
		t.Errorf("blocks %+v", p.blocks)
	}
	if len(p.inline) != 2 || p.inline[0].text != "latchkey serve" || p.inline[0].line != 2 {
		t.Errorf("inline %+v", p.inline)
	}
	if got := fmt.Sprintf("%q", commands(p.blocks[0].text)); got != `["cat > f <<'EOF'" "a b"]` {
		t.Errorf("commands %s", got)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
