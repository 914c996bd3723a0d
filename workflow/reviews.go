package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// maxDecided bounds what an inbox shows of the past, and maxWaiting what it shows
// of what waits: more than come in a bad hour, since those that are left out would
// be the oldest.
const (
	maxDecided = 30
	maxWaiting = 500
)

// Inbox lists the requests with a seat of the actor's: those that wait, the
// nearest deadline first, and those that do not any more, newest first.
func (e *Engine) Inbox(ctx context.Context, who Actor) (waiting, decided []Reviewed, err error) {
	list, err := e.inbox(ctx, who.Account)
	if err != nil {
		return nil, nil, err
	}
	v, now := e.viewer(), e.now()
	for _, r := range list {
		waits := r.decidable(who.Account, now) == nil
		if !waits && len(decided) == maxDecided {
			continue
		}
		seen, err := v.view(ctx, who, r)
		if err != nil {
			return nil, nil, err
		}
		if waits {
			waiting = append(waiting, seen)
		} else {
			decided = append(decided, seen)
		}
	}
	slices.SortStableFunc(waiting, func(a, b Reviewed) int {
		return cmp.Compare(a.Request.Deadline.UnixMilli(), b.Request.Deadline.UnixMilli())
	})
	return waiting, decided, nil
}

// inbox lists what is pending and what is not, each by itself, so that however
// many were decided hides none that waits. Newest first.
func (e *Engine) inbox(ctx context.Context, account ad.GUID) ([]Request, error) {
	list, err := e.asked(ctx, account, maxWaiting, Pending)
	if err != nil {
		return nil, err
	}
	rest, err := e.asked(ctx, account, maxDecided, Draft, Approved, Executing, Done, Failed, Unknown, Denied, Expired, Cancelled)
	if err != nil {
		return nil, err
	}
	for _, r := range rest {
		if !slices.ContainsFunc(list, func(p Request) bool { return p.ID == r.ID }) { // decided in between
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Request) int { return b.Created.Compare(a.Created) })
	return list, nil
}

// asked lists the requests with a seat of the account's, newest first.
func (e *Engine) asked(ctx context.Context, account ad.GUID, limit int, states ...State) ([]Request, error) {
	if account.IsZero() {
		return nil, nil
	}
	list, err := e.store.Requests(ctx, Query{Asked: account, States: states, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list reviews: %w", err)
	}
	return slices.DeleteFunc(list, func(r Request) bool {
		_, found := r.seat(account)
		return !found
	}), nil
}

// Waiting counts what waits for somebody, for the badge.
func (e *Engine) Waiting(ctx context.Context, account ad.GUID) (int, error) {
	list, err := e.asked(ctx, account, maxWaiting, Pending)
	if err != nil {
		return 0, err
	}
	n, now := 0, e.now()
	for _, r := range list {
		if r.decidable(account, now) == nil {
			n++
		}
	}
	return n, nil
}

// Review reads one request for its reviewer. Open and Code say whether an
// approval would go through now.
func (e *Engine) Review(ctx context.Context, who Actor, id string) (Reviewed, error) {
	r, seat, err := e.seated(ctx, who, id)
	if err != nil {
		return Reviewed{}, err
	}
	out, err := e.viewOne(ctx, who, r)
	if err != nil || !out.Open {
		return out, err
	}
	if err := e.mayApprove(ctx, who, r, seat); err != nil {
		out.Open, out.Code = false, CodeOf(err)
		if out.Code == "" {
			return Reviewed{}, err
		}
	}
	return out, nil
}

// MaySee says whether the actor may see the photo of an account because of this
// request: requester and target are shown to who has a seat, and the other way
// round.
func (e *Engine) MaySee(ctx context.Context, who Actor, id string, account ad.GUID) error {
	r, err := e.store.Request(ctx, id)
	if err != nil {
		return err
	}
	subject := func(g ad.GUID) bool { return !g.IsZero() && (g == r.Requester || g == r.Target) }
	_, reviews := r.seat(who.Account)
	_, reviewed := r.seat(account)
	if reviews && subject(account) || subject(who.Account) && reviewed {
		return nil
	}
	return ErrNoRequest
}

// viewer reads each person once for a list of requests.
type viewer struct {
	*Engine
	read    func(context.Context, ad.GUID) (ad.Account, error)
	earlier map[ad.GUID][]Request
}

func (e *Engine) viewer() *viewer {
	return &viewer{Engine: e, read: e.reader(), earlier: map[ad.GUID][]Request{}}
}

// reader reads each account once. Of one that is gone it knows the objectGUID.
func (e *Engine) reader() func(context.Context, ad.GUID) (ad.Account, error) {
	known := map[ad.GUID]ad.Account{}
	return func(ctx context.Context, g ad.GUID) (ad.Account, error) {
		if a, found := known[g]; found {
			return a, nil
		}
		a, err := e.account(ctx, g)
		if errors.Is(err, ad.ErrNotFound) {
			a, err = ad.Account{GUID: g}, nil
		}
		if err == nil {
			known[g] = a
		}
		return a, err
	}
}

func (e *Engine) viewOne(ctx context.Context, who Actor, r Request) (Reviewed, error) {
	return e.viewer().view(ctx, who, r)
}

// decided shows what a step has committed. That people can't be read at the
// moment makes no error of it.
func (e *Engine) decided(ctx context.Context, who Actor, r Request) (Reviewed, error) {
	out, err := e.viewOne(ctx, who, r)
	if err != nil {
		e.log.Warn("decided request is shown without names", "request", r.ID, "error", err)
		return unread(r), nil
	}
	return out, nil
}

// unread is a request whose people could not be read.
func unread(r Request) Reviewed {
	return Reviewed{
		Request: r.withoutSecrets(), Number: r.Number != "",
		Target: ad.Account{GUID: r.Target}, Requester: ad.Account{GUID: r.Requester},
	}
}

// beside returns an error with the request as it stands now. A request that
// can't be shown never hides why the step was refused.
func (e *Engine) beside(ctx context.Context, who Actor, seen Request, cause error) (Reviewed, error) {
	if now, err := e.store.Request(ctx, seen.ID); err == nil {
		seen = now
	}
	out, err := e.viewOne(ctx, who, seen)
	if err != nil {
		return unread(seen), cause
	}
	return out, cause
}

// view is the request as this reviewer sees it.
func (v *viewer) view(ctx context.Context, who Actor, r Request) (Reviewed, error) {
	out := Reviewed{Request: r.withoutSecrets(), Number: r.Number != ""}
	var err error
	if out.Target, err = v.read(ctx, r.Target); err != nil {
		return Reviewed{}, err
	}
	if out.Requester, err = v.read(ctx, r.Requester); err != nil {
		return Reviewed{}, err
	}
	if out.Frozen, err = v.isFrozen(ctx, r.Target); err != nil {
		return Reviewed{}, err
	}
	if closed := r.decidable(who.Account, v.now()); closed != nil {
		out.Code = CodeOf(closed)
		return out, nil
	}
	out.Open = true
	out.Signs, err = v.signs(ctx, r)
	return out, err
}

// withoutSecrets is what a reviewer may hold in hand: neither the number nor what
// tells it.
func (r Request) withoutSecrets() Request {
	r.Number, r.Salts = "", nil
	r.Reviews = slices.Clone(r.Reviews)
	for i := range r.Reviews {
		r.Reviews[i].Statement = nil
	}
	return r
}

// What makes a request unusual.
const (
	oftenFrom   = 3
	oftenWithin = 7 * 24 * time.Hour
)

// signs are what is unusual about a request that waits.
func (v *viewer) signs(ctx context.Context, r Request) ([]Sign, error) {
	list, err := v.requestsOf(ctx, r.Requester)
	if err != nil {
		return nil, err
	}
	var out []Sign
	since := v.now().Add(-oftenWithin)
	if n := recent(list, since); n >= oftenFrom {
		out = append(out, Sign{Code: "often", Count: n})
	}
	for _, said := range []struct {
		verdict ReviewVerdict
		code    string
	}{{VerdictReport, "reported-before"}, {VerdictDeny, "denied-before"}} {
		if n := turnedDown(list, r, said.verdict, since); n > 0 {
			out = append(out, Sign{Code: said.code, Count: n})
		}
	}
	if newDevice(list, r) {
		out = append(out, Sign{Code: "new-device"})
	}
	if r.weaklyProved() {
		out = append(out, Sign{Code: "weak-proof"})
	}
	return out, nil
}

func (v *viewer) requestsOf(ctx context.Context, requester ad.GUID) ([]Request, error) {
	if list, known := v.earlier[requester]; known {
		return list, nil
	}
	list, err := v.store.Requests(ctx, Query{Requester: requester})
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	v.earlier[requester] = list
	return list, nil
}

// turnedDown counts the requests for the same account that somebody said no to:
// whoever is asked next must not be the only one who does not know.
func turnedDown(list []Request, r Request, verdict ReviewVerdict, since time.Time) (n int) {
	for _, other := range list {
		if other.ID == r.ID || other.Target != r.Target || other.Created.Before(since) {
			continue
		}
		if slices.ContainsFunc(other.Reviews, func(v Review) bool { return v.Verdict == verdict && !v.By.IsZero() }) {
			n++
		}
	}
	return n
}

// newDevice: there were requests before, and none of this device.
func newDevice(list []Request, r Request) bool {
	before := false
	for _, other := range list {
		if other.ID == r.ID || other.Created.After(r.Created) || other.Device == "" {
			continue
		}
		if other.Device == r.Device {
			return false
		}
		before = true
	}
	return before && r.Device != ""
}
