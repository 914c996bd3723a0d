package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is the tests of one package, compiled once with all mutants in them.
type program struct {
	suite
	binary, home, temp string
	tests              []test
}

type test struct {
	name string
	took time.Duration
	// narrow: of its subtests the quick ones run first; split: it has some, so that
	// the others are still to come.
	narrow, split bool
}

// overlay writes the instrumented sources beside the tree, and returns the file for
// go's -overlay: no file of the tree is changed.
func overlay(root, work string, t target, files []*finder, mutants int) (string, error) {
	replace := map[string]string{}
	put := func(name string, content []byte) error {
		at := filepath.Join(work, t.dir+"_"+name)
		replace[filepath.Join(root, t.dir, name)] = at
		return os.WriteFile(at, content, 0o600)
	}
	for _, f := range files {
		if err := put(filepath.Base(f.file), f.instrumented()); err != nil {
			return "", err
		}
	}
	if err := put(helperFile, helper(filepath.Base(t.dir), mutants)); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	at := filepath.Join(work, "overlay.json")
	return at, os.WriteFile(at, b, 0o600)
}

// build compiles the tests of a suite.
func build(ctx context.Context, root, work, overlay string, s suite) (*program, error) {
	p := &program{suite: s, binary: filepath.Join(work, filepath.Base(s.dir)+".test"), home: filepath.Join(root, s.dir), temp: work}
	c := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", p.binary, "./"+s.dir)
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the tests of %s: %w\n%s", s.dir, err, out)
	}
	out, err := p.run(ctx, time.Minute, nil, "-test.list", "^(Test|Fuzz|Example)")
	if err != nil {
		return nil, fmt.Errorf("list the tests of %s: %w\n%s", s.dir, err, out)
	}
	only, err := regexp.Compile(s.only)
	if err != nil {
		return nil, fmt.Errorf("tests of %s: %w", s.dir, err)
	}
	for name := range strings.Lines(out) {
		if name = strings.TrimSpace(name); only.MatchString(name) {
			p.tests = append(p.tests, test{name: name})
		}
	}
	return p, nil
}

// errSlow: the tests didn't end in their time.
var errSlow = errors.New("out of time")

// run starts the compiled tests in their own process group, and ends what is left of
// it after the time.
func (p *program) run(ctx context.Context, limit time.Duration, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := exec.CommandContext(ctx, p.binary, args...)
	c.Dir, c.Env = p.home, append(append(os.Environ(), "TMPDIR="+p.temp), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if ctx.Err() != nil {
		err = errSlow
	}
	return out.String(), err
}

// pattern is that of some tests, and of their quick subtests where narrow.
func (p *program) pattern(narrow bool, names ...string) string {
	pattern := "^(" + strings.Join(names, "|") + ")$"
	if narrow {
		pattern += "/" + p.quick
	}
	return pattern
}

// longest is how long one test may take while nothing is broken.
const longest = 5 * time.Minute

// reach runs each test by itself, and notes which mutants it comes by and how long it
// takes. A test that fails with nothing broken is an error.
func (p *program) reach(ctx context.Context, mutants []mutant) error {
	for i := range p.tests {
		narrow := p.quick != ""
		ids, took, split, err := p.comesBy(ctx, p.tests[i].name, narrow)
		if err == nil && narrow && !split { // its subtests are others, or it has none
			narrow = false
			ids, took, split, err = p.comesBy(ctx, p.tests[i].name, narrow)
		}
		if err != nil {
			return err
		}
		p.tests[i].took, p.tests[i].narrow, p.tests[i].split = took, narrow, split
		for _, id := range ids {
			if id < len(mutants) {
				mutants[id].reached = append(mutants[id].reached, i)
			}
		}
	}
	for i := range mutants {
		slices.SortStableFunc(mutants[i].reached, func(a, b int) int { return cmp.Compare(p.tests[a].took, p.tests[b].took) })
	}
	return nil
}

func (p *program) comesBy(ctx context.Context, name string, narrow bool) (ids []int, took time.Duration, split bool, err error) {
	record := filepath.Join(p.temp, "reached")
	if err := os.RemoveAll(record); err != nil {
		return nil, 0, false, err
	}
	start := time.Now()
	out, err := p.run(ctx, longest, []string{recordEnv + "=" + record}, "-test.v", "-test.run", p.pattern(narrow, name))
	if err != nil {
		return nil, 0, false, fmt.Errorf("%s of %s fails with nothing broken: %w\n%s", name, p.dir, err, out)
	}
	took, split = time.Since(start), strings.Contains(out, "=== RUN   "+name+"/")
	b, err := os.ReadFile(record)
	if errors.Is(err, os.ErrNotExist) {
		return nil, took, split, nil
	}
	for line := range strings.Lines(string(b)) {
		id, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return nil, took, split, fmt.Errorf("reached mutants: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, took, split, err
}

// batch is a few tests in one process.
type batch struct {
	narrow bool
	names  []string
	took   time.Duration
}

// batches puts the quick tests first: most mutants die there. What no quick subtest
// kills meets the whole test at last.
func (p *program) batches(m mutant) (all []batch) {
	var quick, slow, whole batch
	quick.narrow, slow.narrow = p.quick != "", p.quick != ""
	for _, i := range m.reached {
		t := p.tests[i]
		switch {
		case p.quick != "" && !t.narrow:
			whole.add(t)
		case quick.took < time.Second:
			quick.add(t)
		default:
			slow.add(t)
		}
	}
	for _, i := range m.reached {
		if t := p.tests[i]; t.narrow && t.split {
			whole.add(t)
			whole.took += longest / 20
		}
	}
	for _, b := range []batch{quick, slow, whole} {
		if len(b.names) > 0 {
			all = append(all, b)
		}
	}
	return all
}

func (b *batch) add(t test) {
	b.names = append(b.names, t.name)
	b.took += t.took
}

// killed wakes the mutant and runs what comes by it. A test that fails, panics or
// doesn't end kills.
func (p *program) killed(ctx context.Context, m mutant) (bool, error) {
	for _, b := range p.batches(m) {
		out, err := p.run(ctx, 4*b.took+30*time.Second, []string{activeEnv + "=" + strconv.Itoa(m.id)},
			"-test.failfast", "-test.run", p.pattern(b.narrow, b.names...))
		var exit *exec.ExitError
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return false, ctx.Err()
		case errors.As(err, &exit) && exit.ExitCode() == brokenExit:
			return false, fmt.Errorf("%s: %s", m.key(), out)
		case errors.As(err, &exit) || errors.Is(err, errSlow):
			return true, nil
		}
		return false, err
	}
	return false, nil
}
