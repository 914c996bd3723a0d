package ad

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// How long a controller that failed is asked last.
const (
	firstPause = 5 * time.Second
	longPause  = time.Minute
)

// controller is one domain controller and its open connections.
type controller struct {
	name     string // host, with the port where it isn't the usual one
	host     string // the name in its certificate
	addr     string
	startTLS bool
	slots    chan struct{} // one value for each borrowed connection

	mu    sync.Mutex
	kept  [2][]*conn // by service, the newest last
	gone  bool       // not named any more: no connection is kept
	ip    string     // address and port of the last verified connection
	info  *rootInfo
	pause time.Duration
	until time.Time // of the pause
}

// parseController reads "ldaps://host[:port]" or "ldap://host[:port]".
func parseController(address string, size int) (*controller, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		return nil, fmt.Errorf("controller %q: not ldaps://host[:port] or ldap://host[:port]", address)
	}
	usual := map[string]string{"ldaps": "636", "ldap": "389"}[u.Scheme]
	if usual == "" {
		return nil, fmt.Errorf("controller %q: the scheme is ldaps, or ldap for StartTLS", address)
	}
	port := u.Port()
	if port == "" {
		port = usual
	}
	at := &controller{host: u.Hostname(), addr: net.JoinHostPort(u.Hostname(), port), startTLS: u.Scheme == "ldap",
		slots: make(chan struct{}, size)}
	at.name = at.host
	if port != usual {
		at.name = at.addr
	}
	return at, nil
}

// enter waits for a free slot.
func (at *controller) enter(ctx context.Context) error {
	select {
	case at.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &lostError{err: fmt.Errorf("wait for a connection: %w", ctx.Err())}
	}
}

func (at *controller) leave() { <-at.slots }

// take returns a kept connection of the service, or nil.
func (at *controller) take(as service) *conn {
	at.mu.Lock()
	defer at.mu.Unlock()
	kept := at.kept[as]
	if len(kept) == 0 {
		return nil
	}
	at.kept[as] = kept[:len(kept)-1]
	return kept[len(kept)-1]
}

func (at *controller) keep(c *conn) {
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.gone {
		c.close()
		return
	}
	at.kept[c.as] = append(at.kept[c.as], c)
}

// makeRoom closes kept connections that a new one would push past the bound.
// The caller has a slot already.
func (at *controller) makeRoom() {
	at.mu.Lock()
	defer at.mu.Unlock()
	for as := range at.kept {
		for len(at.kept[as]) > 0 && len(at.slots)+len(at.kept[reading])+len(at.kept[writing]) > cap(at.slots) {
			at.kept[as][0].close()
			at.kept[as] = at.kept[as][1:]
		}
	}
}

// setRetired says whether connections are kept.
func (at *controller) setRetired(gone bool) {
	at.mu.Lock()
	at.gone = gone
	at.mu.Unlock()
	if gone {
		at.drop()
	}
}

// drop closes every kept connection.
func (at *controller) drop() {
	at.mu.Lock()
	defer at.mu.Unlock()
	for as := range at.kept {
		for _, c := range at.kept[as] {
			c.close()
		}
		at.kept[as] = nil
	}
}

// reached remembers where the controller was; where says it.
func (at *controller) reached(address string) {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.ip = address
}

func (at *controller) where() string {
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.ip
}

// down starts, or lengthens, the pause. It says whether this is news.
func (at *controller) down(now time.Time) (news bool) {
	at.mu.Lock()
	defer at.mu.Unlock()
	news = at.pause == 0
	at.pause = min(max(2*at.pause, firstPause), longPause)
	at.until = now.Add(at.pause)
	return news
}

// up ends the pause. It says whether there was one.
func (at *controller) up() (news bool) {
	at.mu.Lock()
	defer at.mu.Unlock()
	news = at.pause != 0
	at.pause, at.until = 0, time.Time{}
	return news
}

// state returns what is known: the rootDSE or nil, and whether it pauses.
func (at *controller) state(now time.Time) (info *rootInfo, paused bool) {
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.info, now.Before(at.until)
}

func (at *controller) setInfo(info *rootInfo) {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.info = info
}
