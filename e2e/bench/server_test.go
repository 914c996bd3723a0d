package bench

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/latchkey/latchkey/e2e/world"
)

// crowd is how many clients ask at once.
const crowd = 16

var quiet = map[string]any{"log": map[string]any{"level": "warn"}}

// together runs do n times in all, by so many goroutines, and returns how long
// each took.
func together(t *testing.T, workers, n int, do func(worker, i int) error) []time.Duration {
	t.Helper()
	var group sync.WaitGroup
	took, failed := make([][]time.Duration, workers), make(chan error, workers)
	for w := range workers {
		group.Go(func() {
			for i := w; i < n; i += workers {
				start := time.Now()
				if err := do(w, i); err != nil {
					failed <- err
					return
				}
				took[w] = append(took[w], time.Since(start))
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		t.Fatal(err)
	}
	var all []time.Duration
	for _, some := range took {
		all = append(all, some...)
	}
	return all
}

// TestSignInsOfACrowd is begin and finish through the whole server, on SQLite.
func TestSignInsOfACrowd(t *testing.T) {
	w := world.New(t, world.Options{People: crowd, Settings: quiet})
	sign := func(i, _ int) error { return w.People[i].Phone.SignIn(context.Background()) }
	together(t, crowd, crowd*2, sign)
	var p99, rate []float64
	for range Rounds() {
		n := Count(crowd*60, crowd)
		var took []time.Duration
		rate = append(rate, Rate(n, func() { took = together(t, crowd, n, sign) }))
		p99 = append(p99, float64(Percentile(took, 0.99).Microseconds())/1000)
	}
	note := fmt.Sprintf("%.0f a second, no error; signatures, server and directory on the same %d cores", Median(rate), runtime.NumCPU())
	Below("sign-in begin and finish, 16 clients, p99", Median(p99), "ms", 50, note).Add(t)
	Below("resident after sign-ins", Resident(t, w.PID()), "MB", 64, "").Add(t)
}

// TestAFloodOfBeginsLeavesNothing begins sign-ins from as many addresses, which
// nobody finishes.
func TestAFloodOfBeginsLeavesNothing(t *testing.T) {
	w := world.New(t, world.Options{People: 1, Settings: map[string]any{
		"log": quiet["log"], "trusted_proxies": []string{"127.0.0.1"},
	}})
	n := Count(200_000, 2000)
	flood := func(base int) []time.Duration {
		c := &fasthttp.Client{MaxConnsPerHost: crowd}
		return together(t, crowd, n, func(_, i int) error { return begins(c, w.URL, base+i) })
	}
	settle := func() (resident, kept float64) {
		time.Sleep(time.Duration(Count(20, 0)) * time.Second) // the collector gives memory back by itself
		return Resident(t, w.PID()), sizeOf(t, w.Data)
	}
	world.Must(t, w.People[0].Phone.SignIn(t.Context()))
	flood(0) // buckets and buffers as large as they ever get
	resident, kept := settle()
	var took []time.Duration
	rate := Rate(n, func() { took = flood(1 << 23) })
	after, keptAfter := settle()
	note := fmt.Sprintf("%d begins from as many addresses after as many before; %.0f a second, p99 %v; %.1f MB before, %.1f MB after", n, rate, Percentile(took, 0.99).Round(100*time.Microsecond), resident, after)
	Below("200,000 anonymous begins, growth of resident memory", after-resident, "MB", 4, note).Add(t)
	Below("200,000 anonymous begins, growth of the database", keptAfter-kept, "MB", 0.1, fmt.Sprintf("all files of the data directory: %.2f MB before, %.2f MB after", kept, keptAfter)).Add(t)
	Below("resident after the flood", after, "MB", 64, "").Add(t)
}

func begins(c *fasthttp.Client, url string, i int) error {
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(url + "/api/sign-in/begin")
	req.Header.SetMethod(http.MethodPost)
	req.Header.SetContentType("application/json")
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255))
	req.SetBodyString("{}")
	if err := c.Do(req, res); err != nil {
		return err
	}
	if res.StatusCode() != http.StatusOK {
		return fmt.Errorf("begin %d: %d %s", i, res.StatusCode(), res.Body())
	}
	return nil
}

// sizeOf is the size of all files below dir, in MB.
func sizeOf(t *testing.T, dir string) float64 {
	t.Helper()
	var n int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	world.Must(t, err)
	return float64(n) / 1e6
}

// TestStart takes the time from exec to the first answer of /readyz that says that
// the directory was bound and the database takes writes.
func TestStart(t *testing.T) {
	w := world.New(t, world.Options{People: 3, Settings: quiet})
	var took, idle []float64
	for range Count(20, 2) {
		world.Must(t, w.Terminate())
		start := time.Now()
		cmd := exec.Command(binary(t), "serve", "--config", w.Config)
		world.Must(t, cmd.Start())
		for !ready(w.URL) {
			if time.Since(start) > 30*time.Second {
				t.Fatal("no answer")
			}
			time.Sleep(500 * time.Microsecond) // another process: asking is the event
		}
		took = append(took, float64(time.Since(start).Microseconds())/1000)
		time.Sleep(time.Duration(Count(1000, 10)) * time.Millisecond)
		idle = append(idle, Resident(t, cmd.Process.Pid))
		world.Must(t, cmd.Process.Kill())
		_ = cmd.Wait()
		w.Start()
	}
	Below("exec to the first answer, directory bound", Median(took), "ms", 80, fmt.Sprintf("median of %d, with an existing database; %v", len(took), spread(took))).Add(t)
	Below("resident idle", Median(idle), "MB", 32, fmt.Sprintf("1 s after the start; %v", spread(idle))).Add(t)
	info, err := os.Stat(binary(t))
	world.Must(t, err)
	Below("binary", float64(info.Size())/1e6, "MB", 32, "CGO_ENABLED=0, -trimpath -s -w, when LATCHKEY_BINARY is what ./task build makes").Add(t)
}

func spread(all []float64) string {
	sorted := append([]float64(nil), all...)
	lo, hi := sorted[0], sorted[0]
	for _, v := range sorted {
		lo, hi = min(lo, v), max(hi, v)
	}
	return fmt.Sprintf("%.1f to %.1f", lo, hi)
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := world.Binary()
	world.Must(t, err)
	return path
}

var asks = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func ready(url string) bool {
	res, err := asks.Get(url + "/readyz")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}
