package server

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

var errStoreGone = errors.New("the store is gone")

// uncounted are limits of which one count fails, and browsers of which nobody knows.
type uncounted struct {
	Limits
	Browsers
	at, n   atomic.Int64
	unknown bool
}

func (u *uncounted) Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error) {
	if u.n.Add(1) == u.at.Load() {
		return 0, errStoreGone
	}
	return u.Limits.Take(ctx, key, burst, refill, now)
}

func (u *uncounted) KnownBrowser(ctx context.Context, account ad.GUID, browser string, now time.Time) (bool, error) {
	if u.unknown {
		return false, errStoreGone
	}
	return u.Browsers.KnownBrowser(ctx, account, browser, now)
}

// What can't be counted is not let in: a store that fails would make guesses free.
func TestTriesThatCantBeCountedLetNobodyIn(t *testing.T) {
	h := networks(t, bySeveral)
	own, _, _ := h.owner()
	own.signIn()
	u := &uncounted{Limits: h.store, Browsers: h.store}
	h.Server.cfg.Limits, h.Server.cfg.Browsers = u, u
	stranger := h.guest("192.0.2.7")
	tries := func(p *phone, at int64) *http.Response {
		h.later(7 * time.Hour)
		u.at.Store(0)
		begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": h.company.login(), "kind": "unlock"})
		u.n.Store(0)
		u.at.Store(at)
		return p.call("POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": []fields{{"kind": "pin", "value": rightPIN}}})
	}
	for who, p := range map[string]*phone{"a known browser": own, "a stranger": stranger} {
		for at := int64(1); ; at++ {
			res := tries(p, at)
			if u.n.Load() < at {
				if res.StatusCode != http.StatusOK || at < 2 {
					t.Errorf("%s, where all is counted (%d): %d", who, at, res.StatusCode)
				}
				break
			}
			if res.StatusCode < 500 {
				t.Errorf("%s, count %d fails: %d", who, at, res.StatusCode)
			}
		}
	}
	u.unknown = true
	if res := tries(own, 0); res.StatusCode < 500 {
		t.Errorf("whose browser it is can't be known: %d", res.StatusCode)
	}
}

// anybody is a relying party whose sessions are as a test says.
type anybody struct {
	*relyingParty
	is enroll.Session
}

func (a anybody) Session(context.Context, secret.Text) (enroll.Session, error) { return a.is, nil }

func (a anybody) Look(context.Context, secret.Text) (enroll.Session, error) { return a.is, nil }

// A session of nobody is none, and one without a passkey opens only what it is for.
func TestASessionOpensWhatItIsForOnly(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*enroll.Session)
		status int
	}{
		"with a passkey":    {func(*enroll.Session) {}, http.StatusOK},
		"without a passkey": {func(s *enroll.Session) { s.Credential = nil }, http.StatusForbidden},
		"of nobody":         {func(s *enroll.Session) { s.Account = ad.GUID{} }, http.StatusUnauthorized},
	} {
		is := (&relyingParty{}).session()
		c.change(&is)
		st := newStage(t, func(cfg *Config) { cfg.Passkeys = anybody{cfg.Passkeys.(*relyingParty), is} })
		if res := st.in("GET", "/api/passkeys", ""); res.StatusCode != c.status {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// Whatever the relying party refuses is refused: no page goes on with nothing.
func TestARefusedWayInIsNoWayIn(t *testing.T) {
	st := newStage(t)
	st.party.err = enroll.ErrRefused
	for path, body := range map[string]string{
		"/api/recover/begin":  `{"name":"ann","kind":"unlock"}`,
		"/api/recover/finish": `{"token":"t","proofs":[{"kind":"pin","value":"739201"}]}`,
		"/api/recover/ask":    `{"token":"t","proofs":[]}`,
	} {
		if res := st.ask("POST", path, body); res.StatusCode < 400 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}
