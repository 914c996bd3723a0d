package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// maxTarget bounds a request target; the longest of ours is under 300 bytes.
const maxTarget = 2048

// edge stands around the router: whatever happens inside, the answer has an id,
// the headers, a problem document and one line in the log.
func (s *Server) edge(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		c := s.newCall(ctx)
		s.harden(ctx)
		defer s.logCall(c)
		defer s.rescue(c)
		if err := s.admit(ctx); err != nil {
			s.render(c, err)
			return
		}
		next(ctx)
	}
}

// rescue answers for a handler that panicked.
func (s *Server) rescue(c *call) {
	if r := recover(); r != nil {
		s.log.Error("panic", "id", c.id, "route", c.route, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		s.render(c, fmt.Errorf("panic: %v", r))
	}
}

// admit refuses what no row of the table may see: an unknown Host, a target in
// another form than a plain path, an unknown method. The Host comes first: to
// another name no document is answered, of whatever path.
func (s *Server) admit(ctx *fasthttp.RequestCtx) error {
	target := string(ctx.Request.Header.RequestURI())
	path, ok := plainPath(target)
	if !s.knownHost(ctx) && path != pathHealth && path != pathReady {
		return errHost
	}
	if !ok {
		return errNotFound
	}
	if !slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
		return errMethod
	}
	return nil
}

// knownHost compares with the public URL. The Host header counts and nothing
// else: X-Forwarded-Host is anybody's to write.
func (s *Server) knownHost(ctx *fasthttp.RequestCtx) bool {
	all := ctx.Request.Header.PeekAll("Host")
	return len(all) == 1 && plainHost(s.origin.https, string(all[0])) == s.origin.host
}

// plain says whether a path needs no interpretation: no escapes, no empty or dot
// segments, nothing but unreserved characters.
func plain(path string) bool {
	if !strings.HasPrefix(path, "/") {
		return false
	}
	for i := 1; i < len(path); i++ {
		switch b := path[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '_', b == '~', b == '@', b == '-':
		case b == '.', b == '/':
			if path[i-1] == '/' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// plainPath returns the path of a target in origin form whose path is plain.
// Every name in the table is of this kind, so two spellings of one path never
// meet a guard and a handler that read them differently (docs/security.md, 4).
func plainPath(target string) (string, bool) {
	path, _, asks := strings.Cut(target, "?")
	if len(target) > maxTarget || strings.Contains(target, "#") || !plain(path) {
		return "", false
	}
	if !asks {
		return path, true
	}
	_, err := url.ParseRequestURI(target)
	return path, err == nil
}

// logCall writes the access line. The pattern of the route stands for the path:
// ids and whatever else was typed stay out. A file of the web app that was handed
// out is for those who debug: anybody may have it, and it is most of the traffic.
func (s *Server) logCall(c *call) {
	status, level := c.http.Response.StatusCode(), slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case c.file && status < http.StatusBadRequest:
		level = slog.LevelDebug
	}
	if !s.log.Enabled(s.base, level) {
		return
	}
	attrs := []any{
		slog.String("method", knownMethod(string(c.http.Method()))),
		slog.String("route", c.route),
		slog.Int("status", status),
		slog.Int64("ms", s.now().Sub(c.start).Milliseconds()),
		slog.String("id", c.id),
		slog.String("client", c.address.String()),
	}
	if c.cause != nil {
		attrs = append(attrs, slog.String("cause", c.cause.Error()))
	}
	s.log.Log(s.base, level, "request", attrs...)
}

func knownMethod(m string) string {
	if slices.Contains(fiber.DefaultMethods, m) {
		return m
	}
	return "other"
}
