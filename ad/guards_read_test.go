package ad_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
)

// Everybody is in a primary group at least, so that none means that it is hidden.
func TestWhoseGroupsAreHiddenIsProtected(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	c := l.domainClient()
	for _, hidden := range []string{"tokenGroups", "primaryGroupID"} {
		p := l.person()
		if a := l.read(c, p.GUID); a.Protected != ad.NotProtected {
			t.Errorf("before %s is hidden: %q", hidden, a.Protected)
		}
		s.Deny(l.ServiceDN, p.DN, minidc.ReadProperty(hidden))
		l.refuses(c, p, ad.ProtectedUnknown)
	}
}

// What a controller shows in part, or in a form that nobody knows, is neither read as
// less nor taken for nothing: nobody is served by it.
func TestWhatProtectsIsNotReadInPart(t *testing.T) {
	for name, spoil := range map[string]func(*lab, *minidc.Server, string){
		"a protected group without its SID": func(l *lab, s *minidc.Server, group string) {
			s.Deny(l.ServiceDN, group, minidc.ReadProperty("objectSid"))
		},
		"a token with what is no SID": func(_ *lab, s *minidc.Server, _ string) { s.Answer("tokenGroups", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			s := domain(t, minidc.Config{})
			l := labOf(t, s)
			p, group := l.person(), l.group(globalSecurity)
			spoil(l, s, group)
			c := l.domainClient(func(c *ad.Config) { c.ProtectedGroups = []string{group} })
			if a, err := c.Account(ctxFor(t), p.GUID); !errors.Is(err, ad.ErrProtocol) {
				t.Errorf("%q, %v", a.Protected, err)
			}
		})
	}
}

// Who the service accounts are is not unknown where nobody could answer: no alarm
// sends its reader to look for an account that is there.
func TestALostConnectionDoesNotRaiseTheAlarmOfAMissingAccount(t *testing.T) {
	s := domain(t, minidc.Config{})
	l := labOf(t, s)
	p, reader := l.person(), l.person()
	for name, as := range binds(l, reader) {
		var log bytes.Buffer
		listen := func(c *ad.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
		n := eachSearch(t, s, minidc.CloseBefore(), func(int, func() bool) {
			c := l.domainClient(as, listen)
			defer c.Close()
			c.Account(ctxFor(t), p.GUID)
		})
		if strings.Contains(log.String(), "can't be identified") || n < 5 {
			t.Errorf("%s, %d searches: %s", name, n, log.String())
		}
	}
	s.Inject(noRight.On(minidc.OpSearch).For(l.ServiceDN))
	var log bytes.Buffer
	c := l.domainClient(binds(l, reader)["two, by DN"], func(c *ad.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	if l.read(c, p.GUID); !strings.Contains(log.String(), "can't be identified") {
		t.Error("no alarm where one may not be read")
	}
}

// A busy controller has not said that somebody is missing: the next one is asked.
func TestWhatABusyControllerDoesNotSayTheNextOneDoes(t *testing.T) {
	l, one, _ := two(t, minidc.Config{}, minidc.Config{})
	p, reader := l.person(), l.person()
	busy := minidc.RefuseWrites(51, "busy").For(l.Base)
	for _, name := range []string{"one, by name", "two, by name"} {
		n := eachSearch(t, one, busy, func(n int, tripped func() bool) {
			c := l.domainClient(both(l), binds(l, reader)[name])
			defer c.Close()
			if a, err := c.Account(ctxFor(t), p.GUID); err != nil || a.Protected != ad.NotProtected {
				t.Errorf("%s, search %d, busy %v: %q, %v", name, n, tripped(), a.Protected, err)
			}
		})
		if n < 4 {
			t.Errorf("%s: only %d searches", name, n)
		}
	}
}
