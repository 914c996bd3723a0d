package server

import (
	"context"
	"errors"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func (s *Server) beginSignIn(ctx context.Context, _ *empty) (*reply[Ceremony], error) {
	token, options, err := s.cfg.Passkeys.BeginSignIn(ctx)
	if err != nil {
		return nil, err
	}
	return assertion(token, options), nil
}

func (s *Server) finishSignIn(ctx context.Context, in *signInFinish) (*reply[Me], error) {
	c, own := callOf(ctx), ""
	from := c.client(in.Body.Remember)
	if from.Remember { // somebody else's device is not to be known again
		own, from.Browser = c.nameBrowser()
	}
	made, cookie, err := s.cfg.Passkeys.FinishSignIn(ctx, in.Body.Token, in.Body.Credential, from)
	if err != nil {
		return nil, err
	}
	me, err := s.welcome(ctx, made, cookie)
	if own != "" {
		c.keepBrowser(own)
	}
	return me, err
}

// welcome hands over the session. The cookie is set before more is read, so that
// what fails just then costs nobody a second sign-in.
func (s *Server) welcome(ctx context.Context, made enroll.Session, cookie secret.Text) (*reply[Me], error) {
	c := callOf(ctx)
	if c.cookie().Reveal() != cookie.Reveal() { // it is, where a lost answer is asked for again
		s.endPrevious(ctx, c)
	}
	c.session = &made
	c.setCookie(made, cookie, s.now())
	return s.me(ctx)
}

// endPrevious ends the session that the browser had: its cookie is replaced, so
// nobody could end it any more, and it may be somebody else's. A store that fails
// just now leaves it to its own end.
func (s *Server) endPrevious(ctx context.Context, c *call) {
	cookie := c.cookie()
	if cookie.Empty() {
		return
	}
	previous, err := s.cfg.Passkeys.Session(ctx, cookie)
	if err == nil {
		err = s.cfg.Passkeys.SignOut(ctx, previous, false)
	}
	if err != nil && !errors.Is(err, enroll.ErrNoSession) {
		s.log.Warn("previous session not ended", "id", c.id, "error", err)
	}
}

type signOut struct {
	Body struct {
		Everywhere bool `json:"everywhere"`
	}
}

func (s *Server) signOut(ctx context.Context, in *signOut) (*nothing, error) {
	if err := s.cfg.Passkeys.SignOut(ctx, signedIn(ctx), in.Body.Everywhere); err != nil {
		return nil, err
	}
	callOf(ctx).dropCookie()
	return &nothing{}, nil
}
