package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// Server is the HTTP edge.
type Server struct {
	cfg       Config
	origin    origin
	app       *fiber.App
	api       huma.API
	routes    []route
	spec      func() ([]byte, error) // the OpenAPI document
	index     *file                  // index.html; nil without a build
	crossSite *http.CrossOriginProtection
	buckets   buckets
	pictures  pictures
	readiness readiness
	witness   witness
	log       *slog.Logger
	now       func() time.Time
	running   atomic.Pointer[Settings]

	base     context.Context // of every handler; ends after the last one, or when Shutdown gives up
	giveUp   context.CancelFunc
	stopping atomic.Bool
	behind   sync.WaitGroup // of what goes on after a refusal
}

// Times and sizes of a connection. A header of 16 KiB leaves room for what single
// sign-on in front of us adds.
const (
	readBuffer   = 16 << 10
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = time.Minute
	connections  = 8192
)

// New checks the configuration, reads the web app's files and builds the routes.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	at, err := parseOrigin(cfg.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{
		cfg: cfg, origin: at, crossSite: http.NewCrossOriginProtection(),
		readiness: readiness{check: cfg.Ready}, log: cfg.Logger, now: cfg.Now,
		pictures: newPictures(),
	}
	s.Set(Settings{
		Organisation: cfg.Organisation, Support: cfg.Support, TrustedProxies: cfg.TrustedProxies, LimitFactor: cfg.LimitFactor,
		Attribute: cfg.Attribute,
	})
	s.base, s.giveUp = context.WithCancel(context.Background())
	s.app = fiber.New(s.fiberConfig())
	s.wrap()
	s.api = s.newAPI()
	files, err := s.fileRoutes(cfg.Static)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if err := s.mountAll(append(s.table(), files...)); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s.document()
	return s, nil
}

// fiberConfig: no value of a request outlives it by accident (Immutable), paths
// mean what they say, and forwarded headers are not Fiber's to read.
func (s *Server) fiberConfig() fiber.Config {
	return fiber.Config{
		Immutable:                    true,
		CaseSensitive:                true,
		StrictRouting:                true,
		EnableTrustedProxyCheck:      true, // with no proxy named: nobody
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true,
		ErrorHandler:                 s.fail,
		BodyLimit:                    s.cfg.BodyLimit,
		ReadBufferSize:               readBuffer,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		Concurrency:                  connections,
	}
}

// wrap puts the edge around the router, so that it sees what Fiber answers by
// itself too.
func (s *Server) wrap() {
	inner := s.app.Server()
	inner.Handler = s.edge(inner.Handler)
	inner.CloseOnShutdown = true
	inner.SecureErrorLogMessage = true
}

// App is the router, for tests.
func (s *Server) App() *fiber.App { return s.app }

// Serve answers until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	if err := s.app.Listener(l); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Shutdown takes no new connection, ends the live streams, lets the requests that are under way finish,
// and closes idle connections. When ctx ends first, their contexts end, and what
// they were writing is settled at the next start.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.cfg.Live.close()
	defer s.giveUp()
	if err := s.app.ShutdownWithContext(ctx); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	// What goes on behind a refusal is recorded, and no bind of it is cut off.
	ended := make(chan struct{})
	go func() { s.behind.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("shut down: %w", ctx.Err())
	}
}
