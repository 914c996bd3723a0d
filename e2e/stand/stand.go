// Package stand puts the outside world of a Latchkey on loopback: a push service
// with the proxy that leads to it, a desktop that shows notifications, a mail server
// with certificates of one authority of the test's own, and an SMS gateway. The
// product reaches all of them by its real configuration.
package stand

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey/latchkey/e2e/stand/authority"
	"github.com/latchkey/latchkey/e2e/stand/autopush"
	"github.com/latchkey/latchkey/e2e/stand/notifyd"
	"github.com/latchkey/latchkey/e2e/stand/smsd"
	"github.com/latchkey/latchkey/e2e/stand/smtpd"
)

// Stand is all of it.
type Stand struct {
	CAFile  string
	Push    *autopush.Server
	Mail    *smtpd.Server
	SMS     *smsd.Server
	Desktop *notifyd.Daemon // nil unless asked for

	control  *http.Server
	listener net.Listener
}

// Start starts the parts; their files are in dir. A desktop needs dbus-daemon.
func Start(ctx context.Context, dir string, desktop bool) (*Stand, error) {
	ca, err := authority.New()
	if err != nil {
		return nil, err
	}
	s := &Stand{CAFile: filepath.Join(dir, "stand-ca.pem")}
	if err := s.open(ctx, ca, dir, desktop); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stand) open(ctx context.Context, ca *authority.Authority, dir string, desktop bool) (err error) {
	if err := os.WriteFile(s.CAFile, ca.PEM(), 0o600); err != nil {
		return err
	}
	if s.Push, err = autopush.Start(ca); err != nil {
		return fmt.Errorf("start push service: %w", err)
	}
	if s.Mail, err = smtpd.Start(ca); err != nil {
		return fmt.Errorf("start mail server: %w", err)
	}
	if s.SMS, err = smsd.Start(); err != nil {
		return fmt.Errorf("start SMS gateway: %w", err)
	}
	if desktop {
		if s.Desktop, err = notifyd.Start(ctx, dir); err != nil {
			return fmt.Errorf("start desktop: %w", err)
		}
	}
	sends, err := newSender(s)
	if err != nil {
		return fmt.Errorf("start sender: %w", err)
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.control = &http.Server{Handler: s.handler(sends), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.control.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "stand:", err)
		}
	}()
	return nil
}

// handler is what tests in other languages ask: each part's under its name.
func (s *Stand) handler(sends http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/send", sends)
	mux.Handle("/push/", http.StripPrefix("/push", s.Push.Handler()))
	mux.Handle("/mail/", http.StripPrefix("/mail", s.Mail.Handler()))
	mux.Handle("/sms/", http.StripPrefix("/sms", s.SMS.Handler()))
	if s.Desktop != nil {
		mux.Handle("/desktop/", http.StripPrefix("/desktop", s.Desktop.Handler()))
	}
	return mux
}

// ControlURL is where the parts' handlers answer.
func (s *Stand) ControlURL() string { return "http://" + s.listener.Addr().String() }

// Close ends what runs.
func (s *Stand) Close() {
	if s.control != nil {
		s.control.Close()
	}
	if s.Desktop != nil {
		s.Desktop.Close()
	}
	if s.SMS != nil {
		s.SMS.Close()
	}
	if s.Mail != nil {
		s.Mail.Close()
	}
	if s.Push != nil {
		s.Push.Close()
	}
}
