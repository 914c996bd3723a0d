package bench

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/latchkey/latchkey/e2e/world"
	"github.com/latchkey/latchkey/pwa"
)

// bareEnv makes this binary the limit: Fiber with one handler, in a process of its
// own as the product is.
const bareEnv = "LATCHKEY_BENCH_BARE"

func serveBare() bool {
	address := os.Getenv(bareEnv)
	if address == "" {
		return false
	}
	body := start()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", func(c *fiber.Ctx) error {
		c.Set("Content-Type", "text/html; charset=utf-8")
		c.Set("Content-Encoding", "br")
		return c.Send(body)
	})
	if err := app.Listen(address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// start is the page as the build compressed it.
func start() []byte {
	b, err := fs.ReadFile(pwa.Files(), "pages/start.en.html.br")
	if err != nil {
		return []byte("the web app isn't built")
	}
	return b
}

// TestStartPageBesideBareFiber has both return the same bytes to 16 clients.
func TestStartPageBesideBareFiber(t *testing.T) {
	if len(start()) < 100 {
		t.Fatal("the web app isn't built: run ./task pwa")
	}
	w := world.New(t, world.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	world.Must(t, err)
	address := l.Addr().String()
	world.Must(t, l.Close())
	self, err := os.Executable()
	world.Must(t, err)
	bare := exec.Command(self)
	bare.Env, bare.Stderr = append(os.Environ(), bareEnv+"="+address), os.Stderr
	world.Must(t, bare.Start())
	t.Cleanup(func() { bare.Process.Kill(); bare.Wait() })
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		}
	}
	n := Count(30_000, 200)
	perCPU := func(url string, pid int) (rate, cpuRate float64) {
		before := Processor(t, pid)
		rate = loads(t, url, n)
		return rate, float64(n) / max((Processor(t, pid)-before).Seconds(), 0.001)
	}
	var product, limit []float64
	c := Alternate(Rounds(), func() float64 {
		rate, cpu := perCPU(w.URL+"/", w.PID())
		product = append(product, cpu)
		return rate
	}, func() float64 {
		rate, cpu := perCPU("http://"+address+"/", bare.Process.Pid)
		limit = append(limit, cpu)
		return rate
	})
	note := fmt.Sprintf("%d bytes, brotli; by the servers' own processor time %.0f and %.0f a second; the product with all its headers", len(start()), Median(product), Median(limit))
	c.AtLeast("Start, 16 clients", "/s", 0.7, note).Add(t)
}

func loads(t *testing.T, url string, n int) float64 {
	t.Helper()
	c := &fasthttp.Client{MaxConnsPerHost: crowd}
	want := len(start())
	return Rate(n, func() {
		together(t, crowd, n, func(_, _ int) error {
			req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			defer fasthttp.ReleaseRequest(req)
			defer fasthttp.ReleaseResponse(res)
			req.SetRequestURI(url)
			req.Header.Set("Accept-Encoding", "br")
			if err := c.Do(req, res); err != nil {
				return err
			}
			if res.StatusCode() != http.StatusOK || len(res.Body()) != want {
				return fmt.Errorf("%d, %d bytes", res.StatusCode(), len(res.Body()))
			}
			return nil
		})
	})
}

// TestEverythingIsCompressedAtBuildTime: what compression makes smaller lies beside
// its file, and the server compresses nothing.
func TestEverythingIsCompressedAtBuildTime(t *testing.T) {
	for _, name := range textFiles(t) {
		plain, err := fs.Stat(pwa.Files(), name)
		world.Must(t, err)
		for _, suffix := range []string{".br", ".gz"} {
			small, err := fs.Stat(pwa.Files(), name+suffix)
			if err != nil || small.Size() >= plain.Size() {
				t.Errorf("%s%s: %v", name, suffix, err)
			}
		}
	}
}

func textFiles(t *testing.T) (all []string) {
	t.Helper()
	err := fs.WalkDir(pwa.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		switch path.Ext(name) {
		case ".html", ".js", ".css", ".webmanifest", ".svg", ".json":
			if info, e := d.Info(); e == nil && info.Size() > 512 && !strings.HasPrefix(d.Name(), ".") {
				all = append(all, name)
			}
		}
		return err
	})
	world.Must(t, err)
	if len(all) == 0 {
		t.Fatal("the web app isn't built: run ./task pwa")
	}
	return all
}
