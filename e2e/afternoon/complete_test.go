//go:build linux

package afternoon

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// elsewhere are the commands of the pages that this machine does not run, and why.
var elsewhere = []struct {
	command string // how it begins
	why     string
	holds   func(t *testing.T, command string) // proves what can be proved of the reason
}{
	{"./task ", "it builds, tests or measures the product itself, this test among it: `.ci/run` runs `./task test`; what `./task demo` starts is run here", isTask},
	{".ci/run", "it is what runs this test", nil},
	{"go test ", "a test of its own, of which this would be a copy; it exists", isTest},
	{"npx playwright test", "likewise, in the browsers", isJourney},
	{"npm run ", "a part of `./task check`", isScript},
	{"adb ", "it takes an Android phone on a cable", nil},
	{"nltest ", "a Windows program", nil},
	{"journalctl ", "no journal without systemd; the machine's services write into the test's log", nil},
	{"dsacls ", "a Windows program; the part of this test about both systems holds it to the lines for Samba", nil},
	{"set ", "the same lines", nil},
	{"New-AD", "PowerShell's module for Active Directory is Windows only; the part of this test about both systems holds it to the lines for Samba", nil},
	{"Add-AD", "likewise", nil},
	{"Import-Module WebAdministration", "IIS is Windows only; the page says that it is not run", nil},
	{"$arr = ", "likewise", nil},
	{"Set-WebConfigurationProperty ", "likewise", nil},
}

// programs begin a command that stands in a line of text.
var programs = regexp.MustCompile(`^(\w+=\S+ )*(latchkey|bin/latchkey|\./task|\.ci/run|go|npx|npm|adb|host|nltest|pg_dump|pg_restore|systemctl|journalctl|kill|runuser|useradd|install|curl|caddy|samba-tool|ldapsearch|openssl|certbot)( |$)`)

var assignments = regexp.MustCompile(`^(\w+=\S+ )*`)

// complete fails on whatever somebody could type and nothing here has run.
func (s *site) complete(t *testing.T, all pages) {
	ran := append(slices.Clone(s.lines), s.services.ran...)
	uses := newUses(t, ran)
	used := map[string]bool{}
	typed, inText, passed := 0, 0, 0
	excused := func(command string) bool {
		for _, e := range elsewhere {
			if strings.HasPrefix(assignments.ReplaceAllString(command, ""), e.command) || command == strings.TrimSpace(e.command) {
				if e.holds != nil {
					e.holds(t, command)
				}
				used[e.command] = true
				passed++
				return true
			}
		}
		return false
	}
	for _, p := range all {
		for _, b := range p.blocks {
			if s.ran[b.where()] {
				typed += len(commands(b.text))
			}
			switch {
			case !shells[b.lang] && !notTyped[b.lang]:
				t.Errorf("%s: is a block of %q typed or not?", b.where(), b.lang)
			case b.lang == "":
				for _, c := range commands(b.text) {
					if programs.MatchString(c) {
						t.Errorf("%s: a block of no language holds a command: %s", b.where(), c)
					}
				}
			case shells[b.lang] && !s.ran[b.where()]:
				for _, c := range commands(b.text) {
					if !excused(c) {
						t.Errorf("%s: nothing runs %s", b.where(), c)
					}
				}
			}
		}
		for _, i := range p.inline {
			command := strings.Replace(i.text, "bin/latchkey ", "latchkey ", 1)
			if !programs.MatchString(command) || !strings.Contains(command, " ") && command != ".ci/run" {
				continue
			}
			inText++
			if !uses.covers(command) && !s.typedSo(command) && !excused(command) {
				t.Errorf("%s: nothing runs `%s`", i.where(), i.text)
			}
		}
	}
	t.Logf("%d lines of blocks typed, %d commands in the text; %d of all run elsewhere, for %d reasons", typed, inText, passed, len(used))
	for _, e := range elsewhere {
		if !used[e.command] {
			t.Errorf("no page says %q any more", e.command)
		}
	}
	for _, r := range s.replaced {
		if !r.used {
			t.Errorf("%s does not say %q any more (%s)", r.page, r.old, r.why)
		}
	}
	for key := range s.typed {
		t.Errorf("nothing asked for what is typed at %q", key)
	}
	for leaf := range uses.help {
		if !slices.ContainsFunc(ran, func(c string) bool { leafOf, _ := uses.parse(c); return leafOf == leaf }) {
			t.Errorf("nothing runs `latchkey %s`", leaf)
		}
	}
}

// typedSo says whether these very words were typed, alone or in a longer line.
func (s *site) typedSo(command string) bool {
	return slices.ContainsFunc(s.lines, func(line string) bool {
		return strings.Contains(" "+line+" ", " "+strings.TrimSuffix(command, "…"))
	})
}

func isTask(t *testing.T, command string) {
	t.Helper()
	name := strings.Fields(command)[1]
	if !strings.Contains(read(t, "../../Taskfile.yml"), "\n  "+name+":\n") {
		t.Errorf("there is no %s", command)
	}
}

func isScript(t *testing.T, command string) {
	t.Helper()
	if name := strings.Fields(command)[2]; !strings.Contains(read(t, "../../pwa/package.json"), `"`+name+`":`) {
		t.Errorf("there is no %s", command)
	}
}

func isJourney(t *testing.T, command string) {
	t.Helper()
	for _, name := range strings.Fields(assignments.ReplaceAllString(command, ""))[3:] {
		if found, _ := filepath.Glob("../" + name + "*"); len(found) == 0 {
			t.Errorf("%s: there is no %s", command, name)
		}
	}
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)\w*)\(`)

// isTest: each package is there, and each name that -run gives is a test's in one of
// them.
func isTest(t *testing.T, command string) {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(assignments.ReplaceAllString(command, ""), "'", ""))
	var names []string
	pattern := ""
	for i, w := range words {
		if dir, isPackage := strings.CutPrefix(w, "./"); isPackage {
			files, _ := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
			if len(files) == 0 {
				t.Errorf("%s: %s has no tests", command, w)
			}
			for _, f := range files {
				for _, m := range testFunc.FindAllStringSubmatch(read(t, f), -1) {
					names = append(names, m[1])
				}
			}
		}
		if w == "-run" {
			pattern = words[i+1]
		}
	}
	for part := range strings.SplitSeq(pattern, "|") {
		re, err := regexp.Compile(part)
		must(t, err)
		if !slices.ContainsFunc(names, re.MatchString) {
			t.Errorf("%s: no test is called %s", command, part)
		}
	}
}

// uses knows the product's subcommands by its own help, and which flags of them were
// used.
type uses struct {
	help map[string]string          // by subcommand: "audit export"
	ran  map[string]map[string]bool // flags that were used
}

var flagWord = regexp.MustCompile(`--?[a-z][a-z-]*`)

func newUses(t *testing.T, ran []string) uses {
	t.Helper()
	u := uses{readHelp(t), map[string]map[string]bool{}}
	for _, c := range ran {
		leaf, flags := u.parse(c)
		if u.ran[leaf] == nil {
			u.ran[leaf] = map[string]bool{}
		}
		for _, f := range flags {
			u.ran[leaf][f] = true
		}
	}
	return u
}

// parse takes a command line of the product apart; "" is none, or a group of
// subcommands.
func (u uses) parse(line string) (leaf string, flags []string) {
	_, after, found := strings.Cut(" "+strings.TrimPrefix(line, "runuser -u latchkey -- "), " latchkey ")
	if !found {
		if _, after, found = strings.Cut(line, "/latchkey "); !found {
			return "", nil
		}
	}
	words := strings.Fields(after)
	for n := min(2, len(words)); n > 0 && leaf == ""; n-- {
		if name := strings.Join(words[:n], " "); u.help[name] != "" {
			leaf = name
		}
	}
	for _, w := range words {
		if strings.HasPrefix(w, "-") {
			flag, _, _ := strings.Cut(w, "=")
			flags = append(flags, flag)
		}
	}
	return leaf, flags
}

// covers: the subcommand ran, with each of these flags.
func (u uses) covers(line string) bool {
	leaf, flags := u.parse(line)
	if leaf == "" || u.ran[leaf] == nil {
		return false
	}
	return !slices.ContainsFunc(flags, func(f string) bool { return !u.ran[leaf][f] })
}

// What is of the product runs here, and is excused by nothing.
func TestNoCommandOfTheProductIsExcused(t *testing.T) {
	for _, e := range elsewhere {
		if strings.HasPrefix("latchkey ", e.command) || strings.Contains(e.command, "latchkey") || e.why == "" {
			t.Errorf("%q is excused by %q", e.command, e.why)
		}
	}
}
