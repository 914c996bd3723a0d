package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// "This wasn't me" freezes one's own account, without a proof: whoever has just lost
// their phone has none, and every minute counts. It only takes away. What gives back
// is Unfreeze.

// ErrFreezeLink: the link is no link of ours, names another purpose, is too old, or
// what it told of was cleared since. Which of these is not said.
const ErrFreezeLink Code = "freeze.link"

// The ways in which an account gets frozen, as the log and the alert say.
const (
	wayAccount = "account" // its owner, signed in
	wayNotice  = "notice"  // its owner, by the link of a notice
	wayReport  = "report"  // an approver
)

// From is where somebody who has proved nothing asks from.
type From struct {
	Device  string // hostile, personal
	Address string // personal
}

// FreezeSelf freezes the actor's own account: its sessions end, the one that asks
// too, its open requests are cancelled, the person is told on every channel and
// whoever runs the server is alerted; all of it is committed together or nothing is.
// An account that is frozen stays as it is, and that is no error.
func (e *Engine) FreezeSelf(ctx context.Context, who Actor) error {
	if who.Account.IsZero() {
		return ErrNotAllowed
	}
	return e.stop(ctx, stop{
		account: who.Account, way: wayAccount, by: who.Account.String(), from: From{who.Device, who.Address},
	})
}

// FreezeByNotice does so by the link of a notice: see FreezeLink. Where the owner has
// asked for a thaw, and the link came with that or later, the freeze begins anew.
// ErrFreezeLink for
// everything that is no good link; nothing changes then, and nothing tells one cause
// from another.
func (e *Engine) FreezeByNotice(ctx context.Context, token secret.Text, from From) error {
	link, err := e.openFreezeLink(token)
	if err != nil {
		return err
	}
	err = e.stop(ctx, stop{
		account: link.Account, way: wayNotice, notice: link.Kind, made: link.Made,
		by: audit.ActorAnonymous, from: from,
	})
	if errors.Is(err, ErrThawed) {
		return ErrFreezeLink
	}
	return err
}

// stop is one "this wasn't me".
type stop struct {
	account ad.GUID
	way     string
	notice  string    // kind; "" for none
	made    time.Time // of the link; zero for none
	by      string    // actor of the events
	from    From
	quiet   bool // nobody but the owner is told
}

func (e *Engine) stop(ctx context.Context, s stop) error {
	if e.freezes == nil {
		return errFreezes
	}
	was, err := e.freezes.Frozen(ctx, s.account)
	if err != nil {
		return fmt.Errorf("look for a freeze: %w", err)
	}
	switch {
	case was == nil:
	case was.Asked.IsZero(): // whoever came in has not asked yet
		s.quiet = e.now().Sub(was.At) < alertAgain
	default: // what takes back an asking that alerted nobody alerts nobody either
		s.quiet = was.Alerted.Before(was.At) && !was.Alerted.IsZero()
	}
	err = e.freezes.FreezeOwn(ctx, s.account, s.made, func(open []*Request) (Change, error) {
		return e.stopped(s, open)
	})
	if err != nil {
		return fmt.Errorf("freeze account: %w", err)
	}
	return nil
}

// stopped cancels what is open and makes the change that goes with it.
func (e *Engine) stopped(s stop, open []*Request) (Change, error) {
	now := e.now()
	frozen := audit.Event{
		Time: now, Action: audit.AccountStopped, Actor: s.by, Target: s.account.String(), Outcome: audit.OK,
		Detail:   map[string]any{"way": s.way, "requests": len(open)},
		Personal: personal("device", s.from.Device, "address", s.from.Address),
	}
	if s.notice != "" {
		frozen.Detail["notice"] = s.notice
	}
	c := Change{Events: []audit.Event{frozen}}
	for _, r := range open {
		one, err := e.cancelled(r, audit.ActorSystem, ErrFrozen)
		if err != nil {
			return Change{}, err
		}
		r.Updated = now
		c.Events = append(c.Events, one.Events...)
	}
	c.Notices = []Notice{{To: s.account, Kind: NoticeFrozen, Params: map[string]string{"way": s.way}}}
	if !s.quiet {
		c.Notices = append(c.Notices, alertOf(s.account, s.way, s.notice, now))
	}
	c.EndSessions = endOf(s.account, "", audit.Event{
		Time: now, Action: audit.SignedOut, Actor: s.by, Target: s.account.String(), Outcome: audit.OK, Reason: string(ErrFrozen),
		Detail: map[string]any{},
	})
	c.Freeze = &Freeze{Account: s.account, By: s.account, At: now}
	if s.made.After(now) { // by the clock of another server: the link counts once all the same
		c.Freeze.At = s.made
	}
	return c, nil
}

// alertTime is how long an alert is tried: over a weekend without a mail server.
const alertTime = 7 * day

// alertOf tells whoever runs the server that an account was frozen.
func alertOf(account ad.GUID, way, notice string, now time.Time) Notice {
	return Notice{Kind: NoticeAlert, Until: now.Add(alertTime), Params: map[string]string{"account": account.String(), "way": way, "notice": notice}}
}
