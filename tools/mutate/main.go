// Command mutate breaks the code that denies, one branch at a time, and says which
// breakage no test notices.
//
// It finds the branches that end in a refusal (an error, a false, a denying decision)
// in the files of targets.go, and makes mutants of each: the condition turned round,
// the branch never taken, one operand of the condition dropped. All mutants of a
// package are compiled into its tests at once, each asleep until it is named, by an
// overlay: no file of the tree is changed. Each mutant then meets the tests that come
// by it. One that a test fails, panics or hangs on is killed.
//
// Those that survive by right stand in survivors.txt with the reason. The exit status
// is 1 when fewer than 95 percent are killed, or when a reason fits no mutant any more.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// bar is the least percentage of mutants that the tests have to kill.
const bar = 95

//go:embed survivors.txt
var survivors string

type options struct {
	root   string
	list   bool
	file   string
	only   string
	shard  string
	sample int
	seed   uint64
	jobs   int
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", "", "the module's folder (default: the one that tools/ is in)")
	flag.BoolVar(&o.list, "list", false, "only list the mutants")
	flag.StringVar(&o.file, "file", "", "only files whose name has this in it, such as workflow/ or workflow/prove.go")
	flag.StringVar(&o.only, "only", "", "only mutants whose key has this in it")
	flag.StringVar(&o.shard, "shard", "", "i/n: only each nth mutant, from the ith (1 to n)")
	flag.IntVar(&o.sample, "n", 0, "a random sample of so many, of one package whose tests start quickly; none that is known to survive")
	flag.Uint64Var(&o.seed, "seed", 0, "of the sample (default: by the clock)")
	flag.IntVar(&o.jobs, "jobs", 2, "mutants at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// work is a target with what was found in it.
type work struct {
	target
	files   []*finder
	mutants []mutant // by id
	chosen  []int
}

func run(ctx context.Context, o options, out io.Writer) error {
	root, err := rootOf(o.root)
	if err != nil {
		return err
	}
	reasons, err := parseReasons(survivors)
	if err != nil {
		return fmt.Errorf("survivors.txt: %w", err)
	}
	all, err := findAll(root, o.file)
	if err != nil {
		return err
	}
	if err := choose(all, o, reasons, out); err != nil {
		return err
	}
	if o.list {
		list(all, out)
		return nil
	}
	r := report{out: out, reasons: reasons, whole: o.file == "" && o.only == "" && o.shard == "" && o.sample == 0}
	for _, w := range all {
		if err := w.test(ctx, root, o.jobs, &r); err != nil {
			return err
		}
	}
	return r.end(all)
}

// rootOf is the folder of the product's module: tools/ has one of its own.
func rootOf(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, targets[0].dir)); err == nil {
			return at, nil
		}
	}
	return "", errors.New("run it inside the module, or name its folder with -root")
}

// findAll reads every target; file narrows.
func findAll(root, file string) (all []*work, err error) {
	for _, t := range targets {
		w := &work{target: t}
		for _, name := range t.files {
			full := t.dir + "/" + name
			src, err := os.ReadFile(filepath.Join(root, t.dir, name))
			if err != nil {
				return nil, err
			}
			f, err := find(full, src, len(w.mutants))
			if err != nil {
				return nil, err
			}
			w.files = append(w.files, f)
			w.mutants = append(w.mutants, f.mutants...)
		}
		for _, m := range w.mutants {
			if strings.Contains(m.file, file) {
				w.chosen = append(w.chosen, m.id)
			}
		}
		all = append(all, w)
	}
	return all, nil
}

// choose narrows to what the options name.
func choose(all []*work, o options, reasons map[string]string, out io.Writer) error {
	i, n := 1, 1
	if o.shard != "" {
		if _, err := fmt.Sscanf(o.shard, "%d/%d", &i, &n); err != nil || i < 1 || i > n {
			return fmt.Errorf("-shard %s: i/n with i from 1 to n", o.shard)
		}
	}
	at := 0
	for _, w := range all {
		w.chosen = slices.DeleteFunc(w.chosen, func(id int) bool {
			at++
			key := w.mutants[id].key()
			return !strings.Contains(key, o.only) || at%n != i%n || o.sample > 0 && reasons[key] != ""
		})
	}
	if o.sample == 0 {
		return nil
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano()) % 1e9
	}
	return draw(all, o.sample, o.seed, out)
}

// draw keeps a random sample of one package. A package with a server of its own in
// its tests takes minutes before the first mutant.
func draw(all []*work, n int, seed uint64, out io.Writer) error {
	var able []*work
	for _, w := range all {
		if len(w.chosen) > 0 && w.suites[0].quick == "" {
			able = append(able, w)
		}
	}
	if len(able) == 0 {
		return errors.New("nothing to choose from")
	}
	random := rand.New(rand.NewPCG(seed, 0))
	kept := able[random.IntN(len(able))]
	for _, w := range all {
		if w != kept {
			w.chosen = nil
		}
	}
	random.Shuffle(len(kept.chosen), func(i, j int) { kept.chosen[i], kept.chosen[j] = kept.chosen[j], kept.chosen[i] })
	kept.chosen = kept.chosen[:min(n, len(kept.chosen))]
	fmt.Fprintf(out, "%d mutants of %s, -seed %d\n", len(kept.chosen), kept.dir, seed)
	return nil
}

func list(all []*work, out io.Writer) {
	for _, w := range all {
		for _, id := range w.chosen {
			fmt.Fprintf(out, "%s  (line %d)\n", w.mutants[id].key(), w.mutants[id].line)
		}
		for _, f := range w.files {
			for _, at := range f.left {
				fmt.Fprintf(out, "%s: a clause that is not broken: no way is known\n", at)
			}
		}
		fmt.Fprintf(out, "%s: %d mutants\n", w.dir, len(w.chosen))
	}
}

// test builds the tests with the mutants in them and wakes one after the other.
func (w *work) test(ctx context.Context, root string, jobs int, r *report) error {
	if len(w.chosen) == 0 {
		return nil
	}
	temp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	over, err := overlay(root, temp, w.target, w.files, len(w.mutants))
	if err != nil {
		return err
	}
	alive := w.chosen
	for _, s := range w.suites {
		p, err := build(ctx, root, temp, over, s)
		if err != nil {
			return err
		}
		mutants := slices.Clone(w.mutants)
		if err := p.reach(ctx, mutants); err != nil {
			return err
		}
		if s.quick != "" { // two servers of their own would get into each other's way
			jobs = 1
		}
		if alive, err = p.hunt(ctx, mutants, alive, jobs); err != nil {
			return err
		}
	}
	r.add(w, alive)
	return nil
}

// hunt returns those that live on.
func (p *program) hunt(ctx context.Context, mutants []mutant, alive []int, jobs int) (left []int, err error) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	next := make(chan int)
	for range max(jobs, 1) {
		wait.Go(func() {
			for id := range next {
				dead, e := p.killed(ctx, mutants[id])
				mu.Lock()
				switch {
				case e != nil:
					err = e
				case !dead:
					left = append(left, id)
				}
				mu.Unlock()
			}
		})
	}
	for _, id := range alive {
		next <- id
	}
	close(next)
	wait.Wait()
	slices.Sort(left)
	return left, err
}
