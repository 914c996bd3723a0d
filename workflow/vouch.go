package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// Vouching: somebody who has no proof of their own asks, and whoever approves is the
// proof. The request is that of any other person who waits for a review, but that
// nobody has proved yet who it is that asks: so the two digits are always asked for,
// the log names nobody as its actor, its owner is told, and what the owner asks for
// themselves goes before it.

// ErrSpared: all who could vouch were asked too often.
const ErrSpared Code = "review.spared"

// ErrSameBrowser: whoever vouches does it where it was asked. Somebody may ask in
// another's name on their own device, and nobody else would have been there.
const ErrSameBrowser Code = "review.same-browser"

// Vouch is what is asked for, by whoever has a browser and a name.
type Vouch struct {
	Account ad.GUID
	Kind    Kind
	// Session is the id of the session that the browser gets once somebody vouched.
	Session string
	// Number is the two digits that the browser shows.
	Number string
	// Until is when the browser stops waiting.
	Until time.Time
	From  From
	// Browser in which it is asked, as Actor's; "" where it has no name.
	Browser string
	// Proofs are others that were given beside the word.
	Proofs []enroll.Proof
	// Over is the ceremony that is spent once the browser waits no longer.
	Over enroll.Ceremony
	// Spare leaves out approvers who were asked too often; nil asks all.
	Spare func(ctx context.Context, approver ad.GUID) (bool, error)
}

// Vouched says whether a colleague's word is, or is to be, the proof of it.
func (r *Request) Vouched() bool {
	return slices.ContainsFunc(r.Proofs, func(p ConsumedProof) bool { return p.Kind == enroll.ProofVouching })
}

// here: the actor's browser is the one in which it was asked.
func (r *Request) here(who Actor) bool {
	return r.Vouched() && r.AskedIn != "" && r.AskedIn == who.Browser
}

// elsewhere: it was asked for without a proof, in another browser than this session's.
func (r *Request) elsewhere(session string) bool {
	return r.Vouched() && (session == "" || r.Session != session)
}

// Vouch opens the request and asks those who may vouch. With the same session it
// returns the request that there is. A newer one takes the place of an older that was
// asked for in the same way, since its owner may have lost the page, and of a draft; of
// nothing that was proved. Errors leave no request: whoever asks is told of none of them.
func (e *Engine) Vouch(ctx context.Context, v Vouch) (Request, error) {
	account, err := e.vouchedAbout(ctx, v)
	if err != nil {
		return Request{}, err
	}
	leave, err := e.turns.enter(ctx, v.Account)
	if err != nil {
		return Request{}, fmt.Errorf("wait for other submissions: %w", err)
	}
	defer leave()
	r, p, mine, err := e.vouching(ctx, v, account)
	if err != nil || p.number == "" {
		return r, err
	}
	if err := e.makeWay(ctx, mine, v); err != nil {
		return Request{}, err
	}
	return e.insertVouched(ctx, v, r, p)
}

// MayVouch is what Vouch would answer, as things stand. It writes nothing: what is given
// beside the word is used up only where somebody would be asked.
func (e *Engine) MayVouch(ctx context.Context, v Vouch) error {
	account, err := e.vouchedAbout(ctx, v)
	if err == nil {
		_, _, _, err = e.vouching(ctx, v, account)
	}
	return err
}

// vouchedAbout is whom it is about.
func (e *Engine) vouchedAbout(ctx context.Context, v Vouch) (ad.Account, error) {
	if !slices.Contains(Kinds, v.Kind) || v.Session == "" || !isNumber(v.Number) {
		return ad.Account{}, ErrKind
	}
	account, err := e.account(ctx, v.Account)
	if err != nil {
		return ad.Account{}, err
	}
	return account, e.barred(ctx, account)
}

// vouching is the request as it would be, who is asked, and the others of its owner. Where
// the session has one it is that, and nobody is asked.
func (e *Engine) vouching(ctx context.Context, v Vouch, account ad.Account) (r Request, p panel, mine []Request, err error) {
	mine, err = e.store.Requests(ctx, Query{Requester: v.Account})
	if err != nil {
		return Request{}, panel{}, nil, fmt.Errorf("list requests: %w", err)
	}
	if i := slices.IndexFunc(mine, func(r Request) bool { return r.Session == v.Session }); i >= 0 {
		return mine[i], panel{}, nil, nil
	}
	if e.tooMany(mine, false) {
		return Request{}, panel{}, nil, ErrTooMany
	}
	open, found := unfinished(mine, v.Account, v.Kind, e.now())
	if found && !open.givesWay(e.now()) {
		return Request{}, panel{}, nil, ErrOpen
	}
	if err := e.leftAlone(ctx, open, v); err != nil {
		return Request{}, panel{}, nil, err
	}
	r, p, err = e.vouchable(ctx, v, account)
	return r, p, mine, err
}

// vouchable is the request as it would be, and who is asked.
func (e *Engine) vouchable(ctx context.Context, v Vouch, account ad.Account) (Request, panel, error) {
	who := Actor{Account: v.Account, Session: v.Session, Device: v.From.Device, Address: v.From.Address}
	r := e.fresh(who, account, v.Kind, "")
	r.AskedIn, r.Waiting = v.Browser, Waiting{Over: v.Over.ID, Until: v.Over.Expires}
	for _, p := range v.Proofs {
		if !e.isFresh(p.At, r.Created) { // it was kept while nobody could be asked
			return Request{}, panel{}, ErrProofExpired
		}
		consume(&r, p)
	}
	consume(&r, enroll.Proof{ID: e.newID(), Kind: enroll.ProofVouching, At: r.Created, Session: v.Session})
	d, err := e.worded(ctx, account, v.Kind, e.circumstances(ctx, v.Account, r.Address, "", r.Created), r.Proofs)
	if err != nil {
		return Request{}, panel{}, err
	}
	r.Decision = d
	p, err := e.panel(ctx, d, account, r.Requester)
	if err != nil {
		return Request{}, panel{}, err
	}
	p.number = v.Number
	p.seats, err = spared(ctx, p.seats, v.Spare)
	return r, p, err
}

// worded is the decision where a word is asked for, and given says what is given with it.
func (e *Engine) worded(ctx context.Context, account ad.Account, kind Kind, at Circumstances, given []ConsumedProof) (Decision, error) {
	d, err := e.decide(ctx, account, kind, at, byWord)
	if err == nil && len(missing(d.Prove, given)) > 0 {
		return d, ErrProofMissing
	}
	return d, err
}

func spared(ctx context.Context, seats []Seat, spare func(context.Context, ad.GUID) (bool, error)) ([]Seat, error) {
	if spare == nil {
		return seats, nil
	}
	left := make([]Seat, 0, len(seats))
	for _, s := range seats {
		out, err := spare(ctx, s.Account)
		if err != nil {
			return nil, fmt.Errorf("count what an approver is asked: %w", err)
		}
		if !out {
			left = append(left, s)
		}
	}
	if len(left) == 0 {
		return nil, ErrSpared
	}
	return left, nil
}

// insertVouched stores it, and tells its owner, who can say "this wasn't me".
func (e *Engine) insertVouched(ctx context.Context, v Vouch, r Request, p panel) (Request, error) {
	event := submitted(&r, audit.RequestSubmitted, audit.OK, "")
	event.Actor = audit.ActorAnonymous
	events := []audit.Event{event}
	for _, x := range r.Proofs {
		events = append(events, proved(&r, r.Created, audit.ActorAnonymous, enroll.Proof{ID: x.ID, Kind: x.Kind}))
	}
	c, err := e.advance(&r, p, r.Created, audit.ActorAnonymous)
	if err != nil {
		return Request{}, err
	}
	if r.State != Pending {
		return Request{}, ErrNotAllowed // a word that nobody gave yet approves nothing
	}
	if !v.Until.IsZero() && v.Until.Before(r.Deadline) {
		r.Deadline = v.Until
		r.Wake = r.Created.Add(v.Until.Sub(r.Created) / 2)
	}
	for i := range c.Notices {
		c.Notices[i].Until = r.Deadline
	}
	told := r.notice(NoticeVouch)
	told.Until = r.Created.Add(day)
	if b := beside(v.Proofs); b != "" {
		told.Params["beside"] = b
	}
	c.Events, c.Notices = append(events, c.Events...), append(c.Notices, told)
	c.Unspent = v.Over // or a stop that came first would find nothing to take back
	if err := e.store.Create(ctx, r, c); err != nil {
		return Request{}, fmt.Errorf("create request: %w", err)
	}
	return r, nil
}

// beside says in NoticeVouch what was given with the asking: a recovery code, which its
// owner may look for, or any other proof. What only names them is none.
func beside(given []enroll.Proof) (what string) {
	for _, p := range given {
		switch {
		case p.Kind == enroll.ProofRecoveryCode:
			return string(p.Kind)
		case enroll.Strength(p.Kind) > 0:
			what = "proof"
		}
	}
	return what
}

// waitsFor finds the request that a browser waits on, by the session it would get.
func (e *Engine) waitsFor(ctx context.Context, account ad.GUID, session string) (Request, bool, error) {
	if session == "" || account.IsZero() {
		return Request{}, false, nil
	}
	list, err := e.store.Requests(ctx, Query{Requester: account, Vouched: session, Limit: 1})
	if err != nil {
		return Request{}, false, fmt.Errorf("find what is waited for: %w", err)
	}
	if len(list) == 0 {
		return Request{}, false, nil
	}
	return list[0], true, nil
}

// StopVouching takes back what is waited for in the browser that would get the session,
// unless it is executed or over; idempotent. Who pressed the button nobody has proved.
func (e *Engine) StopVouching(ctx context.Context, account ad.GUID, session string) error {
	leave, err := e.turns.enter(ctx, account) // it may be about to be opened
	if err != nil {
		return fmt.Errorf("wait for other submissions: %w", err)
	}
	defer leave()
	r, found, err := e.waitsFor(ctx, account, session)
	if err != nil || !found {
		return err
	}
	return e.stopWaiting(ctx, r.ID)
}

func (e *Engine) stopWaiting(ctx context.Context, id string) error {
	_, err := e.update(ctx, id, func(r *Request) (Change, error) {
		switch r.State {
		case Draft, Pending, Approved:
		default:
			return Change{}, errTakenOver
		}
		return e.takenBack(r, audit.ActorAnonymous)
	})
	if err != nil && !errors.Is(err, errTakenOver) {
		return fmt.Errorf("stop waiting: %w", err)
	}
	return nil
}

// stopLeft takes back what StopVouching was to, but for a crash or for want of a place.
func (e *Engine) stopLeft(ctx context.Context) {
	left, err := e.store.Requests(ctx, Query{Stopped: true, States: []State{Draft, Pending, Approved}, Limit: batch})
	if err != nil {
		if ctx.Err() == nil {
			e.log.Error("list what nobody waits for", "error", err)
		}
		return
	}
	for _, r := range left {
		if err := e.stopWaiting(ctx, r.ID); err != nil {
			e.log.Error("what nobody waits for is not taken back", "request", r.ID, "error", err)
		}
	}
}

// VouchedFor says which request the session was to be made for, and whether somebody
// vouched: then the session may be made. A request that was denied, cancelled or never
// opened is one that nobody vouched for.
func (e *Engine) VouchedFor(ctx context.Context, account ad.GUID, session string) (id string, yes bool, err error) {
	r, found, err := e.waitsFor(ctx, account, session)
	if err != nil || !found {
		return "", false, err
	}
	switch r.State {
	case Approved, Executing, Unknown, Done, Failed:
	default:
		return r.ID, false, nil
	}
	// What is over is told for a short while, to the browser that asked.
	if (r.State == Done || r.State == Failed) && (r.Result == nil || !e.now().Before(r.Result.At.Add(enroll.RecoveredValid))) {
		return r.ID, false, nil
	}
	if len(r.Needs()) > 0 || !r.reviewed() || !r.provedIn(session) || r.State == Approved && r.past(e.now()) {
		return r.ID, false, nil
	}
	if err := e.unfrozen(ctx, account); err != nil {
		return r.ID, false, err
	}
	return r.ID, true, nil
}
