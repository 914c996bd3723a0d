package server

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// What caches may do. Vite names what lies in assets/ by its content.
const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheAsk     = "no-cache"
)

// kinds are the types of what a build holds.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml",
	".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

// file is one file of the build, in the encodings that the build made.
type file struct {
	kind, cache string
	vary        string
	policy      string    // of a document; "" is everything else's
	variants    []variant // best first; the last is not encoded
}

type variant struct {
	encoding string // "br", "gzip" or ""
	etag     string // strong, one for each encoding (RFC 9110 8.8.3.3)
	body     []byte
}

// fileRoutes reads the whole build into memory and makes one row for each file
// and each of the app's own routes: there is no path to resolve at run time.
func (s *Server) fileRoutes(build fs.FS) ([]route, error) {
	files, err := readBuild(build)
	if err != nil {
		return nil, fmt.Errorf("read web app: %w", err)
	}
	s.index = files[indexFile]
	made := pages(files)
	var rows []route
	add := func(at string, h fiber.Handler) {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			rows = append(rows, route{method: method, path: at, guard: asset, mount: plainly(h), summary: "The web app"})
		}
	}
	for _, r := range clientRoutes {
		if s.index == nil {
			add(r.path, notBuilt)
		} else {
			add(r.path, s.servePage(r, made))
		}
	}
	for name, f := range files {
		if !strings.HasPrefix(name, pagesFolder) {
			add("/"+name, f.serve)
		}
	}
	return rows, nil
}

// readBuild reads every file but hidden ones and those that only encode another.
func readBuild(build fs.FS) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(build, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || encodes(build, name) {
			return err
		}
		f, err := readFile(build, name)
		files[name] = f
		return err
	})
	return files, err
}

// encodes says whether name is the .br or .gz of a file beside it.
func encodes(build fs.FS, name string) bool {
	ext := path.Ext(name)
	if ext != ".br" && ext != ".gz" {
		return false
	}
	_, err := fs.Stat(build, strings.TrimSuffix(name, ext))
	return err == nil
}

// workerFile asks by the policy that it came with.
const workerFile = "sw.js"

func readFile(build fs.FS, name string) (*file, error) {
	f := &file{kind: kinds[path.Ext(name)], cache: cacheAsk, vary: "Accept-Encoding"}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if strings.HasPrefix(name, "assets/") {
		f.cache = cacheForever
	}
	for _, v := range []struct{ suffix, encoding string }{{".br", "br"}, {".gz", "gzip"}, {"", ""}} {
		b, err := fs.ReadFile(build, name+v.suffix)
		if errors.Is(err, fs.ErrNotExist) && v.suffix != "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		f.variants = append(f.variants, variant{encoding: v.encoding, etag: etag(b), body: b})
	}
	if path.Ext(name) == ".html" {
		f.vary, f.policy = pageVary, policyOf(f.variants[len(f.variants)-1].body)
	}
	if name == workerFile {
		f.policy = contentPolicy
	}
	return f, nil
}

func etag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// serve answers with the best encoding that the client takes, or 304.
func (f *file) serve(c *fiber.Ctx) error {
	asked, answer := &c.Request().Header, &c.Response().Header
	v := f.choose(string(asked.Peek("Accept-Encoding")))
	answer.Set("Vary", f.vary)
	answer.Set("Cache-Control", f.cache)
	answer.Set("ETag", v.etag)
	if f.policy != "" {
		answer.Set(policyHeader, f.policy)
	}
	if known := asked.Peek("If-None-Match"); len(known) > 0 && matches(string(known), v.etag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	if v.encoding != "" {
		answer.Set("Content-Encoding", v.encoding)
	}
	answer.SetContentType(f.kind)
	// The bytes are shared by all requests and nobody writes to them.
	c.Response().SetBodyRaw(v.body)
	return nil
}

func (f *file) choose(accept string) variant {
	for _, v := range f.variants[:len(f.variants)-1] {
		if accepts(accept, v.encoding) {
			return v
		}
	}
	return f.variants[len(f.variants)-1]
}

// accepts reads Accept-Encoding (RFC 9110 12.5.3): named, and not with q=0.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		_, q, weighted := strings.Cut(weight, "=")
		if !weighted {
			return true
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return err == nil && n > 0
	}
	return false
}

// matches compares If-None-Match weakly (RFC 9110 13.1.2).
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == tag {
			return true
		}
	}
	return false
}

// notBuilt is the page of a binary without a web app in it.
func notBuilt(c *fiber.Ctx) error {
	c.Set("Content-Type", "text/plain; charset=utf-8")
	return c.Status(http.StatusServiceUnavailable).SendString("The web app isn't built: run ./task build\n")
}
