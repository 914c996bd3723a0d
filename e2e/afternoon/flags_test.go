//go:build linux

package afternoon

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/e2e/world"
)

var subcommand = regexp.MustCompile(`(?m)^  ([a-z]+)  +\S`)

// helps is what readHelp has read: the product starts for each subcommand.
var helps map[string]string

// readHelp asks the product for its subcommands and for the help of each.
func readHelp(t *testing.T) map[string]string {
	t.Helper()
	if helps != nil {
		return helps
	}
	product, err := world.Binary()
	must(t, err)
	ask := func(words ...string) string {
		t.Helper()
		out, err := exec.Command(product, append(words, "--help")...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v --help: %v\n%s", words, err, out)
		}
		return string(out)
	}
	help := map[string]string{}
	var read func(words ...string)
	read = func(words ...string) {
		text := ask(words...)
		_, list, group := strings.Cut(text, "Available Commands:\n")
		if name := strings.Join(words, " "); !group || name == "demo" { // which does something alone, too
			help[name] = text
		}
		list, _, _ = strings.Cut(list, "\n\n")
		for _, m := range subcommand.FindAllStringSubmatch(list, -1) {
			if m[1] != "help" {
				read(append(words[:len(words):len(words)], m[1])...)
			}
		}
	}
	read()
	if len(help) < 10 {
		t.Fatalf("only %d subcommands were read", len(help))
	}
	helps = help
	return help
}

// TestEverySubcommandAndFlagOfThePagesExists, and every subcommand stands in a page.
func TestEverySubcommandAndFlagOfThePagesExists(t *testing.T) {
	u := uses{help: readHelp(t)}
	named := map[string]bool{}
	var every strings.Builder
	for _, text := range u.help {
		every.WriteString(text)
	}
	flags := flagsOf(every.String())
	look := func(where, line string) {
		leaf, of := u.parse(line)
		if leaf == "" {
			words := strings.Fields(line)
			if len(words) > 1 && words[0] == "latchkey" && regexp.MustCompile(`^[a-z]+$`).MatchString(words[1]) {
				t.Errorf("%s: there is no `%s`", where, line)
			}
			return
		}
		named[leaf] = true
		known := flagsOf(u.help[leaf])
		for _, f := range of {
			if !known[f] {
				t.Errorf("%s: `%s` has no %s", where, leaf, f)
			}
		}
	}
	for _, p := range readPages(t) {
		for _, b := range p.blocks {
			if shells[b.lang] {
				for line := range strings.Lines(b.text) { // a unit's within a here-document, too
					line, _, _ = strings.Cut(strings.TrimSpace(line), " # ")
					look(b.where(), line)
				}
			}
		}
		for _, i := range p.inline {
			look(i.where(), strings.Replace(i.text, "./task demo -- ", "latchkey demo ", 1))
			if word := strings.Fields(i.text)[0]; strings.HasPrefix(word, "--") && !flags[word] {
				t.Errorf("%s: no subcommand has %s", i.where(), word)
			}
		}
	}
	for leaf := range u.help {
		if !named[leaf] {
			t.Errorf("no page says `latchkey %s`", leaf)
		}
	}
}

func flagsOf(help string) map[string]bool {
	all := map[string]bool{}
	for _, f := range flagWord.FindAllString(help, -1) {
		all[f] = true
	}
	return all
}
