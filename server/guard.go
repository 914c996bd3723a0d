package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey/latchkey/enroll"
)

// guard says who may use a route. The zero value is none, and is refused when
// the table is built.
type guard int

const (
	unguarded  guard = iota
	asset            // files of the web app and health: for everybody, from anywhere
	public           // the API before a proof: for everybody, from our own page
	optional         // like public; a session is looked up when there is a cookie
	session          // the API after a passkey: a live session is needed
	anySession       // likewise, and one that was opened without a passkey will do
	unattended       // like session; the page asks by itself, which is no use of it
)

// protect is the first handler of every row. What it refuses, the row's handler
// never sees.
func (s *Server) protect(r route) fiber.Handler {
	return func(f *fiber.Ctx) error {
		c := f.Context().UserValue(callKey{}).(*call)
		c.route, c.file = r.path, r.guard == asset
		if r.guard == asset { // waits for nothing, but for what has a limit of its own
			f.SetUserContext(s.base)
			return f.Next()
		}
		ctx, cancel := context.WithTimeout(s.base, r.within())
		defer cancel()
		f.SetUserContext(ctx)
		if err := s.pass(ctx, c, r); err != nil {
			return err
		}
		return f.Next()
	}
}

// pass checks, in this order, where the request comes from, who sends it, how
// often, and in what form.
func (s *Server) pass(ctx context.Context, c *call, r route) error {
	if err := s.ownPage(c.http); err != nil {
		return err
	}
	if err := s.findSession(ctx, c, r.guard); err != nil {
		return err
	}
	for _, limit := range r.limits {
		if err := s.count(ctx, c, limit); err != nil {
			return err
		}
	}
	// There is one format; what the client would accept changes nothing.
	c.http.Request.Header.Del("Accept")
	if r.method == http.MethodGet {
		return nil
	}
	return jsonBody(c.http)
}

// findSession looks up the cookie where the guard asks for it.
func (s *Server) findSession(ctx context.Context, c *call, g guard) error {
	if g == public {
		return nil
	}
	cookie := c.cookie()
	if cookie.Empty() {
		if g == optional {
			return nil
		}
		return enroll.ErrNoSession
	}
	look := s.cfg.Passkeys.Session
	if g == unattended || c.byItself() {
		look = s.cfg.Passkeys.Look
	}
	found, err := look(ctx, cookie)
	switch {
	case errors.Is(err, enroll.ErrNoSession):
		if c.begins() {
			c.dropCookie()
		}
		if g == optional {
			return nil
		}
		return enroll.ErrNoSession
	case err != nil:
		return fmt.Errorf("find session: %w", err)
	case found.Account.IsZero():
		return fmt.Errorf("find session: %w", enroll.ErrNoSession)
	case g == session && found.Recovered():
		return enroll.ErrRecovered
	}
	c.session = &found
	return nil
}

// begins: a page asks whose it is. An unknown session's cookie is taken back there, so
// that the next document is that of Start, and nowhere else: whatever else was asked with
// the cookie of before, the stream that its end closed among it, may be answered behind a
// sign-in, and would take back the new one.
func (c *call) begins() bool { return c.route == "/api/me" && !c.byItself() }

// headerUnattended is on what a page does again with nobody at it: reading an inbox
// when something changed, renewing the options of a ceremony before they run out.
// Nothing else can be done so. It can only end a session sooner.
const headerUnattended = "X-Latchkey-Unattended"

func (c *call) byItself() bool {
	return (c.http.IsGet() || strings.HasSuffix(c.route, "/begin")) && len(c.http.Request.Header.Peek(headerUnattended)) > 0
}

// count spends the tokens of a limit of the table. An IPv6 client is counted with
// its neighbours as well: one site has 65,536 networks of its own to ask from.
func (s *Server) count(ctx context.Context, c *call, limit rate) error {
	if limit.by == byAccount && c.session != nil {
		return s.take(ctx, limit, c.session.Account.String())
	}
	if err := s.take(ctx, limit, network(c.address)); err != nil {
		return err
	}
	if site, ok := siteOf(c.address); ok {
		return s.take(ctx, limit.ofSite(), site)
	}
	return nil
}
