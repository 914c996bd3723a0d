package workflow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// opening is a store that also takes new requests.
type opening struct {
	*single
	created []Request
	refuse  error
}

func (o *opening) Create(_ context.Context, r Request, _ Change) error {
	if o.refuse == nil {
		o.created = append(o.created, r)
	}
	return o.refuse
}

func aWord() ConsumedProof {
	return ConsumedProof{ID: "w-1", Kind: enroll.ProofVouching, Session: "waits"}
}

// vouchedFor is Ann's request that a colleague's word is to prove.
func vouchedFor(change func(*Request)) Request {
	r := waiting()
	r.Session, r.Proofs = "waits", []ConsumedProof{aWord()}
	r.Decision.Prove = [][]enroll.ProofKind{{enroll.ProofVouching}}
	if change != nil {
		change(&r)
	}
	return r
}

// unproved is Ann's draft in which nothing was proved, and nothing is to be vouched for.
func unproved(change func(*Request)) Request {
	r := waiting()
	r.State, r.Proofs = Draft, nil
	if change != nil {
		change(&r)
	}
	return r
}

// counter is an office where a manager's word is a proof of everything.
func counter(r Request) (*Engine, *opening) {
	e, store := office(r)
	o := &opening{single: store}
	e.store = o
	act := Act{Prove: [][]enroll.ProofKind{{enroll.ProofVouching}}, Approve: []Tier{{By: Approvers{Manager: true}}}}
	e.SetPolicy(Policy{Hash: "p", Rules: []Rule{{Name: "r", Who: Condition{Everyone: true}, Acts: map[Kind]Act{KindReset: act}}}})
	return e, o
}

func TestARequestIsElsewhereOnlyWhereNobodyProvedItHere(t *testing.T) {
	proved := waiting()
	proved.Session = "waits"
	for _, tc := range []struct {
		r       Request
		session string
		want    bool
	}{
		{vouchedFor(nil), "waits", false}, {vouchedFor(nil), "other", true}, {vouchedFor(nil), "", true},
		{vouchedFor(func(r *Request) { r.Session = "" }), "", true}, {proved, "other", false}, {proved, "", false},
	} {
		if got := tc.r.elsewhere(tc.session); got != tc.want {
			t.Errorf("%v in %q: %v", tc.r.Proofs, tc.session, got)
		}
	}
}

func TestARequestIsAskedHereOnlyWhereAWordIsAskedForInThisBrowser(t *testing.T) {
	in := func(browser string) func(*Request) { return func(r *Request) { r.AskedIn = browser } }
	proved := waiting()
	proved.AskedIn = "b-1"
	for name, tc := range map[string]struct {
		r       Request
		browser string
		want    bool
	}{
		"this browser":       {vouchedFor(in("b-1")), "b-1", true},
		"another":            {vouchedFor(in("b-1")), "b-2", false},
		"neither has a name": {vouchedFor(in("")), "", false},
		"it was proved":      {proved, "b-1", false},
	} {
		if got := tc.r.here(Actor{Browser: tc.browser}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAWordGivesWayUntilSomebodyGaveIt(t *testing.T) {
	given := func(v Review) func(*Request) {
		return func(r *Request) { r.State, r.Reviews = Approved, []Review{v} }
	}
	for name, tc := range map[string]struct {
		r    Request
		want bool
	}{
		"nobody answered":           {vouchedFor(nil), true},
		"it was proved":             {waiting(), false},
		"it waits without a proof":  {unproved(func(r *Request) { r.State = Pending }), false},
		"a draft":                   {unproved(nil), true},
		"a draft that was reviewed": {unproved(func(r *Request) { r.Reviews = []Review{{By: bossID, Verdict: VerdictDeny, At: noon}} }), false},
		"it is written":             {vouchedFor(func(r *Request) { r.State = Executing }), false},
		"how it went is not known":  {vouchedFor(func(r *Request) { r.State = Unknown }), false},
		"somebody vouched":          {vouchedFor(given(Review{By: bossID, Verdict: VerdictApprove, At: noon})), false},
		"somebody vouched long ago": {vouchedFor(given(Review{By: bossID, Verdict: VerdictApprove, At: noon.Add(-enroll.RecoveredValid)})), true},
		"a word that is void":       {vouchedFor(given(Review{By: bossID, Verdict: VerdictApprove, At: noon, Void: true})), true},
		"nobody's word":             {vouchedFor(given(Review{Verdict: VerdictApprove, At: noon})), true},
		"somebody denied":           {vouchedFor(given(Review{By: bossID, Verdict: VerdictDeny, At: noon})), true},
	} {
		if got := tc.r.givesWay(noon); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAWordMakesWayAsItIsFound(t *testing.T) {
	in := func(s State) Request { return vouchedFor(func(r *Request) { r.State = s }) }
	given := vouchedFor(func(r *Request) {
		r.State, r.Reviews = Approved, []Review{{By: bossID, Verdict: VerdictApprove, At: noon}}
	})
	for name, tc := range map[string]struct {
		by    string
		is    Request
		err   error
		want  error
		state State
	}{
		"nobody answered":                   {audit.ActorAnonymous, in(Pending), nil, nil, Cancelled},
		"somebody vouched, and another":     {audit.ActorAnonymous, given, nil, ErrOpen, Approved},
		"somebody vouched, and the owner":   {annID.String(), given, nil, nil, Cancelled},
		"it is written":                     {audit.ActorAnonymous, in(Executing), nil, ErrOpen, Executing},
		"it is written, and the owner":      {annID.String(), in(Executing), nil, ErrOpen, Executing},
		"not known, and the owner":          {annID.String(), in(Unknown), nil, ErrOpen, Unknown},
		"it is over by now":                 {audit.ActorAnonymous, in(Done), nil, nil, Done},
		"it was taken back, and the owner":  {annID.String(), in(Cancelled), nil, nil, Cancelled},
		"it was proved, and a stranger":     {audit.ActorAnonymous, waiting(), nil, ErrOpen, Pending},
		"the store is down, and a stranger": {audit.ActorAnonymous, in(Pending), errGone, errGone, Pending},
	} {
		e, store := counter(tc.is)
		store.err = tc.err
		err := e.supersede(t.Context(), tc.is.ID, tc.by, enroll.Ceremony{})
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || store.r.State != tc.state {
			t.Errorf("%s: %v, want %v; %s", name, err, tc.want, store.r.State)
		}
	}
}

func TestNoWordIsAskedForBehindAnError(t *testing.T) {
	held := func(t *testing.T, e *Engine) context.Context {
		leave, err := e.turns.enter(t.Context(), annID)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(leave)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}
	mine := func(n int) (all []Request) {
		for range n {
			all = append(all, Request{Kind: KindUnlock, State: Done, Created: noon, Session: "s-9"})
		}
		return all
	}
	for name, tc := range map[string]struct {
		change func(*Engine, *opening)
		ctx    func(*testing.T, *Engine) context.Context
		want   error
	}{
		"as it should be":            {nil, nil, nil},
		"its turn does not come":     {nil, held, context.Canceled},
		"the list fails":             {func(_ *Engine, o *opening) { o.err = errGone }, nil, errGone},
		"one less than too many":     {func(e *Engine, o *opening) { o.others = mine(e.limits().PerHour - 1) }, nil, nil},
		"too many this hour":         {func(e *Engine, o *opening) { o.others = mine(e.limits().PerHour) }, nil, ErrTooMany},
		"an older one makes no way":  {func(_ *Engine, o *opening) { o.others, o.r.State = []Request{vouchedFor(nil)}, Executing }, nil, ErrOpen},
		"an older one makes way":     {func(_ *Engine, o *opening) { o.others = []Request{vouchedFor(nil)} }, nil, nil},
		"nobody knows who is frozen": {func(e *Engine, _ *opening) { e.freezes = nil }, nil, errFreezes},
		"it can't be stored":         {func(_ *Engine, o *opening) { o.refuse = errGone }, nil, errGone},
		"it is asked for twice":      {func(_ *Engine, o *opening) { o.refuse = ErrOpen }, nil, ErrOpen},
	} {
		t.Run(name, func(t *testing.T) {
			e, store := counter(vouchedFor(nil))
			if tc.change != nil {
				tc.change(e, store)
			}
			ctx := t.Context()
			if tc.ctx != nil {
				ctx = tc.ctx(t, e)
			}
			r, err := e.Vouch(ctx, Vouch{Account: annID, Kind: KindReset, Session: "new", Number: "47"})
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			if made := tc.want == nil; (len(store.created) == 1) != made || (r.ID != "") != made {
				t.Errorf("stored %d, answered %+v", len(store.created), r)
			}
		})
	}
}

// What a job has not closed yet stands in the way, and whoever can't close it asks nobody.
func TestNoWayIsMadeWhereWhatRanOutCantBeClosed(t *testing.T) {
	old := vouchedFor(func(r *Request) { r.Deadline = noon })
	e, store := counter(old)
	store.err = errGone
	v := Vouch{Account: annID, Kind: KindReset}
	if err := e.makeWay(t.Context(), []Request{old}, v); !errors.Is(err, errGone) {
		t.Errorf("%v", err)
	}
	store.err = nil
	if err := e.makeWay(t.Context(), []Request{old}, v); err != nil || store.r.State != Expired {
		t.Errorf("%v, %s", err, store.r.State)
	}
}

func TestAWordIsStoredOnlyWhileItIsToBeGiven(t *testing.T) {
	seats := panel{tiers: waiting().Decision.Approve, seats: []Seat{{Account: bossID}}, number: "47"}
	for name, tc := range map[string]struct {
		change func(*Request)
		want   error
	}{
		"as it should be":          {func(*Request) {}, nil},
		"nobody is to give it":     {func(r *Request) { r.Decision.Approve = nil }, ErrNotAllowed},
		"something else is missed": {func(r *Request) { r.Decision.Prove = [][]enroll.ProofKind{{enroll.ProofPIN}} }, ErrNotAllowed},
		"what is over":             {func(r *Request) { r.State = Done }, ErrTransition},
		"others are to give it":    {func(r *Request) { r.Decision.Approve = []Tier{{By: Approvers{Group: &Group{DN: "CN=a", SID: "S-1"}}}} }, ErrChanged},
	} {
		r := vouchedFor(func(r *Request) { r.State = "" })
		tc.change(&r)
		e, store := counter(r)
		_, err := e.insertVouched(t.Context(), Vouch{}, r, seats)
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || (len(store.created) == 1) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v; %d stored", name, err, tc.want, len(store.created))
		}
	}
}

func TestWhatIsWaitedForIsStoppedOrTheErrorIsTold(t *testing.T) {
	r := vouchedFor(nil)
	e, store := counter(r)
	store.others = []Request{r}
	leave, err := e.turns.enter(t.Context(), annID)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.StopVouching(ctx, annID, "waits"); !errors.Is(err, context.Canceled) || store.r.State != Pending {
		t.Errorf("its turn does not come: %v, %s", err, store.r.State)
	}
	leave()
	store.err = errGone
	if err := e.StopVouching(t.Context(), annID, "waits"); !errors.Is(err, errGone) {
		t.Errorf("the list fails: %v", err)
	}
	store.err = nil
	e.store = deaf{store}
	if err := e.StopVouching(t.Context(), annID, "waits"); !errors.Is(err, errGone) || store.r.State != Pending {
		t.Errorf("it can't be changed: %v, %s", err, store.r.State)
	}
	e.store = store
	if err := e.StopVouching(t.Context(), annID, "waits"); err != nil || store.r.State != Cancelled {
		t.Errorf("%v, %s", err, store.r.State)
	}
}

// deaf is a store that changes nothing.
type deaf struct{ Store }

func (deaf) Update(context.Context, string, func(*Request) (Change, error)) error { return errGone }

func TestEachPartOfWhatLetsAVouchedSessionInIsLookedAt(t *testing.T) {
	good := func(change func(*Request)) Request {
		return vouchedFor(func(r *Request) {
			r.State, r.Reviews = Approved, []Review{reviewedBy(bossID, VerdictApprove)}
			if change != nil {
				change(r)
			}
		})
	}
	over := func(s State, at time.Time) func(*Request) {
		return func(r *Request) { r.State, r.Result = s, &Result{At: at} }
	}
	for name, tc := range map[string]struct {
		r      Request
		change func(*Engine, *opening)
		yes    bool
		want   error
	}{
		"somebody vouched":          {good(nil), nil, true, nil},
		"it is written":             {good(func(r *Request) { r.State = Executing }), nil, true, nil},
		"nobody answered":           {vouchedFor(nil), nil, false, nil},
		"denied":                    {good(func(r *Request) { r.State = Denied }), nil, false, nil},
		"taken back":                {good(func(r *Request) { r.State = Cancelled }), nil, false, nil},
		"ran out":                   {good(func(r *Request) { r.State = Expired }), nil, false, nil},
		"back to a draft":           {good(func(r *Request) { r.State = Draft }), nil, false, nil},
		"approved, and past":        {good(func(r *Request) { r.Deadline = noon }), nil, false, nil},
		"done just now":             {good(over(Done, noon)), nil, true, nil},
		"failed just now":           {good(over(Failed, noon)), nil, true, nil},
		"done long ago":             {good(over(Done, noon.Add(-enroll.RecoveredValid))), nil, false, nil},
		"failed long ago":           {good(over(Failed, noon.Add(-enroll.RecoveredValid))), nil, false, nil},
		"done, nobody knows when":   {good(func(r *Request) { r.State = Done }), nil, false, nil},
		"another proof is missing":  {good(func(r *Request) { r.Decision.Prove[0] = append(r.Decision.Prove[0], enroll.ProofPIN) }), nil, false, nil},
		"nobody's word":             {good(func(r *Request) { r.Reviews[0].By = ad.GUID{} }), nil, false, nil},
		"a word that is void":       {good(func(r *Request) { r.Reviews[0].Void = true }), nil, false, nil},
		"proved in another session": {good(func(r *Request) { r.Proofs[0].Session = "s-9" }), nil, false, nil},
		"frozen meanwhile": {good(nil), func(e *Engine, _ *opening) {
			e.freezes = &ice{of: map[ad.GUID]Freeze{annID: {Account: annID}}}
		}, false, ErrFrozen},
		"nobody knows who is frozen": {good(nil), func(e *Engine, _ *opening) { e.freezes = nil }, false, errFreezes},
		"the store is down":          {good(nil), func(_ *Engine, o *opening) { o.err = errGone }, false, errGone},
		"nothing is waited for":      {good(nil), func(_ *Engine, o *opening) { o.others = nil }, false, nil},
	} {
		e, store := counter(tc.r)
		store.others = []Request{tc.r}
		if tc.change != nil {
			tc.change(e, store)
		}
		_, yes, err := e.VouchedFor(t.Context(), annID, "waits")
		if yes != tc.yes || !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, %v, want %v", name, yes, err, tc.want)
		}
	}
}

// A rule says what is offered: where its person can't be read nothing is.
func TestNothingIsSetUpByWhoCantBeRead(t *testing.T) {
	e, _ := office(waiting())
	e.SetPolicy(Policy{Hash: "p", Rules: []Rule{{
		Name: "r", Who: Condition{Everyone: true}, Hold: &Hold{Must: []enroll.ProofKind{enroll.ProofTOTP}},
		Acts: map[Kind]Act{KindReset: {Prove: [][]enroll.ProofKind{{enroll.ProofTOTP}}}},
	}}})
	who := Actor{Account: annID}
	if kinds, err := e.Offered(t.Context(), who); err != nil || len(kinds) != 1 || e.MaySetUp(t.Context(), who, enroll.ProofTOTP) != nil {
		t.Errorf("offered %v, %v", kinds, err)
	}
	e.directory = unreadable{e.directory, annID}
	if kinds, err := e.Offered(t.Context(), who); !errors.Is(err, errGone) || kinds != nil {
		t.Errorf("offered %v, %v", kinds, err)
	}
	if err := e.MaySetUp(t.Context(), who, enroll.ProofTOTP); !errors.Is(err, errGone) {
		t.Errorf("set up: %v", err)
	}
}
