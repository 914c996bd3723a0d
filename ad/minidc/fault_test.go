package minidc_test

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
)

func TestALostAnswerLeavesTheWriteDone(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Inject(minidc.LoseAnswer().Times(1))
	l.want(modify(l.svc, alice, reset("Second-Pass.2")), "lost")
	l.binds("Second-Pass.2", "")
	l.has(alice, "msDS-KeyVersionNumber", "2")
}

func TestAConnectionClosedBeforeTheWriteLeavesItUndone(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Inject(minidc.CloseBefore().On(minidc.OpModify).Times(1))
	l.want(modify(l.svc, alice, reset("Second-Pass.2")), "lost")
	l.binds(secret, "")
	l.has(alice, "msDS-KeyVersionNumber", "1")
}

func TestRefusedWritesAnswerWhatTheTestSays(t *testing.T) {
	l := newLab(t, minidc.Config{})
	clear := l.Inject(minidc.RefuseWrites(51, "00002095: busy"))
	l.want(modify(l.svc, alice, reset("Second-Pass.2")), "51 00002095: busy")
	read(l, l.svc, alice, "cn") // reading goes on
	clear()
	l.want(modify(l.svc, alice, reset("Second-Pass.2")), "")
}

func TestAFaultIsOnlyForWhatItNames(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Inject(minidc.RefuseWrites(80, "broken").For(alice))
	l.want(modify(l.svc, strings.ToLower(alice), replace("lockoutTime", "0")), "80")
	l.want(modify(l.admin(), service, replace("description", "x")), "")
}

func TestAFaultEndsAfterItsTimes(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Inject(minidc.RefuseWrites(80, "broken").Times(2))
	for _, want := range []string{"80", "80", ""} {
		l.want(modify(l.svc, alice, replace("lockoutTime", "0")), want)
	}
}

func TestAHeldWriteHappensOnceItIsLetGo(t *testing.T) {
	l := newLab(t, minidc.Config{})
	letGo := make(chan struct{})
	l.Inject(minidc.Held(letGo).On(minidc.OpModify).Times(1))
	answered := make(chan error, 1)
	go func() { answered <- modify(l.svc, alice, reset("Second-Pass.2")) }()
	for l.Counters().Faults == 0 {
		runtime.Gosched()
	}
	l.binds(secret, "")
	close(letGo)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	l.binds("Second-Pass.2", "")
}

func TestASilentControllerNeitherAnswersNorWrites(t *testing.T) {
	l := newLab(t, minidc.Config{})
	clear := l.Inject(minidc.Silent().On(minidc.OpModify))
	l.svc.SetTimeout(100 * time.Millisecond)
	l.want(modify(l.svc, alice, reset("Second-Pass.2")), "lost")
	clear()
	l.binds(secret, "")
}

func TestASlowControllerAnswersLate(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Inject(minidc.Slow(50 * time.Millisecond).On(minidc.OpSearch))
	began := time.Now()
	read(l, l.svc, alice, "cn")
	if d := time.Since(began); d < 50*time.Millisecond {
		t.Errorf("answered after %v", d)
	}
}

func TestASilentListenerNeverShakesHands(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.Inject(minidc.Silent().On(minidc.OpConnect))
	d := ldap.DialWithDialer(&net.Dialer{Timeout: 100 * time.Millisecond})
	if c, err := ldap.DialURL(l.url, d, ldap.DialWithTLSConfig(l.tls())); err == nil {
		c.Close()
		t.Error("connected")
	}
}

// A client that waits on its socket must not be able to hold Close up.
func TestCloseEndsEveryFaultAtOnce(t *testing.T) {
	l := newLab(t, minidc.Config{})
	for i, f := range []minidc.Fault{minidc.Slow(time.Hour), minidc.Silent(), minidc.StopReading()} {
		clear := l.Inject(f.On(minidc.OpModify))
		c := l.dial(l.url)
		must(t, c.Bind(service, secret))
		lost := make(chan error, 1)
		go func() { lost <- modify(c, alice, reset("Second-Pass.2")) }()
		for l.Counters().Faults == i {
			runtime.Gosched()
		}
		must(t, l.Close())
		l.want(<-lost, "lost")
		clear()
		_, err := l.ListenLDAPS(strings.TrimPrefix(l.url, "ldaps://"))
		must(t, err)
	}
	l.has(alice, "msDS-KeyVersionNumber", "1")
}

func TestAClosedControllerListensAgainWithItsDirectory(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.want(modify(l.svc, alice, reset("Second-Pass.2")), "")
	must(t, l.Close())
	l.want(modify(l.svc, alice, replace("lockoutTime", "0")), "lost")
	_, err := l.ListenLDAPS(strings.TrimPrefix(l.url, "ldaps://"))
	must(t, err)
	l.binds("Second-Pass.2", "")
}

func TestCountersTellWhatWasDone(t *testing.T) {
	l := newLab(t, minidc.Config{})
	before := l.Counters()
	l.binds("wrong", "52e")
	read(l, l.svc, alice, "cn")
	l.want(modify(l.svc, alice, reset("x")), "19")
	l.want(modify(l.svc, alice, replace("lockoutTime", "0")), "")
	now := l.Counters()
	got := [6]int{now.Connections - before.Connections, now.Binds - before.Binds, now.BadBinds - before.BadBinds,
		now.Searches - before.Searches, now.Modifies - before.Modifies, now.Writes[guidOf(l, alice)]}
	if got != [6]int{1, 1, 1, 1, 2, 1} {
		t.Errorf("%v", got)
	}
}
