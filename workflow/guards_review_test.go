package workflow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// single is a store of one request that is as it is set, whatever was seen before.
type single struct {
	Store
	r      Request
	then   *Request // as Update finds it, where that is something else
	others []Request
	err    error
}

func (s *single) Request(context.Context, string) (Request, error) { return s.r, s.err }

func (s *single) Requests(context.Context, Query) ([]Request, error) { return s.others, s.err }

func (s *single) Update(_ context.Context, _ string, fn func(*Request) (Change, error)) error {
	if s.err != nil {
		return s.err
	}
	r := s.r
	if s.then != nil {
		r = *s.then
	}
	_, err := fn(&r)
	if err == nil {
		s.r = r
	}
	return err
}

// people are a directory of a few accounts, of whom none is frozen and all hold a
// passkey.
type people struct {
	Directory
	People
	Freezes
	by  map[ad.GUID]ad.Account
	err error
}

func (p *people) Account(_ context.Context, g ad.GUID) (ad.Account, error) { return p.by[g], p.err }

func (p *people) AccountByDN(_ context.Context, dn string) (ad.Account, error) {
	for _, a := range p.by {
		if a.DN == dn {
			return a, nil
		}
	}
	return ad.Account{}, ad.ErrNotFound
}

func (p *people) Members(context.Context, string, int) ([]ad.Account, error) { return nil, nil }

func (p *people) Frozen(context.Context, ad.GUID) (*Freeze, error) { return nil, nil }

func (p *people) HasPasskey(context.Context, ad.GUID) (bool, error) { return true, nil }

func (*people) FirstPasskey(context.Context, ad.GUID) (time.Time, error) { return time.Time{}, nil }

func (*people) ProofsReplaced(context.Context, ad.GUID) (time.Time, error) { return time.Time{}, nil }

func (p *people) HeldProofs(context.Context, ad.Account) (_, _ []enroll.ProofKind, _ error) {
	return nil, nil, nil
}

var (
	annID, bobID, bossID = ad.GUID{1}, ad.GUID{2}, ad.GUID{3}
	noon                 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// office is an engine over one request and a few people.
func office(r Request) (*Engine, *single) {
	store := &single{r: r}
	dir := &people{by: map[ad.GUID]ad.Account{
		annID: {GUID: annID, DN: "CN=ann", ManagerDN: "CN=boss"}, bobID: {GUID: bobID, DN: "CN=bob"}, bossID: {GUID: bossID, DN: "CN=boss"},
	}}
	return New(Config{Store: store, Directory: dir, Holders: dir, Freezes: dir, Now: func() time.Time { return noon }}), store
}

// waiting is Ann's request before her boss.
func waiting() Request {
	return Request{
		ID: "r-1", Kind: KindReset, State: Pending, Requester: annID, Target: annID, Deadline: noon.Add(time.Hour), Number: "17",
		Decision: Decision{Verdict: Allow, Policy: "p", Prove: byPasskey.Prove, Approve: []Tier{{By: Approvers{Manager: true}}}},
		Asked:    []Seat{{Account: bossID}}, Salts: map[string][]byte{"reason": make([]byte, 16), "device": make([]byte, 16), "address": make([]byte, 16)},
		Proofs: []ConsumedProof{{ID: "p-1", Kind: enroll.ProofPasskey, Session: "s-1"}},
	}
}

func reviewedBy(by ad.GUID, verdict ReviewVerdict) Review { return Review{By: by, Verdict: verdict} }

func TestNobodyHasASeatOverThemselves(t *testing.T) {
	r := waiting()
	r.Target = bobID
	r.Asked = []Seat{{}, {Account: annID}, {Account: bobID}, {Account: bossID}}
	for by, want := range map[ad.GUID]bool{{}: false, annID: false, bobID: false, bossID: true, {9}: false} {
		if _, found := r.seat(by); found != want {
			t.Errorf("%v: %v", by, found)
		}
	}
}

func TestWhoMayStillDecideAndReport(t *testing.T) {
	for name, tc := range map[string]struct {
		change           func(*Request)
		by               ad.GUID
		decides, reports error
	}{
		"who was asked":             {func(*Request) {}, bossID, nil, nil},
		"who was not":               {func(*Request) {}, bobID, ErrNoRequest, ErrNoRequest},
		"not asked, and past":       {func(r *Request) { r.Deadline = noon }, bobID, ErrNoRequest, ErrNoRequest},
		"who answered":              {func(r *Request) { r.Reviews = []Review{reviewedBy(bossID, VerdictApprove)} }, bossID, ErrReviewed, nil},
		"who reported":              {func(r *Request) { r.Reviews = []Review{reviewedBy(bossID, VerdictReport)} }, bossID, ErrReviewed, errReportedBefore},
		"an answer that is void":    {func(r *Request) { r.Reviews = []Review{{By: bossID, Verdict: VerdictApprove, Void: true}} }, bossID, nil, nil},
		"too late":                  {func(r *Request) { r.Deadline = noon }, bossID, ErrExpired, ErrExpired},
		"approved, and past":        {func(r *Request) { r.State, r.Deadline = Approved, noon }, bossID, ErrReviewed, ErrExpired},
		"back to a draft":           {func(r *Request) { r.State = Draft }, bossID, ErrReviewed, nil},
		"expired":                   {func(r *Request) { r.State = Expired }, bossID, ErrExpired, ErrExpired},
		"expired, with an answer":   {func(r *Request) { r.State, r.Reviews = Expired, []Review{reviewedBy(bobID, VerdictApprove)} }, bossID, ErrReviewed, ErrExpired},
		"denied by another":         {func(r *Request) { r.State, r.Reviews = Denied, []Review{reviewedBy(bobID, VerdictDeny)} }, bossID, ErrReviewed, ErrReviewed},
		"executed":                  {func(r *Request) { r.State = Done }, bossID, ErrReviewed, ErrDone},
		"nobody's answer is no one": {func(r *Request) { r.Reviews = []Review{{Verdict: VerdictApprove}} }, bossID, nil, nil},
	} {
		r := waiting()
		tc.change(&r)
		for what, got := range map[string][2]error{"decide": {r.decidable(tc.by, noon), tc.decides}, "report": {r.reportable(tc.by, noon), tc.reports}} {
			if !errors.Is(got[0], got[1]) || (got[0] == nil) != (got[1] == nil) {
				t.Errorf("%s, %s: %v, want %v", name, what, got[0], got[1])
			}
		}
	}
}

func TestReviewsThatDoNotCountDecideNothing(t *testing.T) {
	d := waiting().Decision
	for name, tc := range map[string]struct {
		reviews []Review
		want    standing
	}{
		"none":             {nil, unreviewed},
		"an approval":      {[]Review{reviewedBy(bossID, VerdictApprove)}, approved},
		"a void one":       {[]Review{{By: bossID, Verdict: VerdictApprove, Void: true}}, unreviewed},
		"nobody's":         {[]Review{{Verdict: VerdictApprove}}, unreviewed},
		"a denial":         {[]Review{reviewedBy(bossID, VerdictApprove), reviewedBy(bobID, VerdictDeny)}, denied},
		"a void denial":    {[]Review{reviewedBy(bossID, VerdictApprove), {By: bobID, Verdict: VerdictDeny, Void: true}}, approved},
		"nobody's denial":  {[]Review{reviewedBy(bossID, VerdictApprove), {Verdict: VerdictDeny}}, approved},
		"of another tier":  {[]Review{{By: bossID, Verdict: VerdictApprove, Tier: 1}}, unreviewed},
		"a report outdoes": {[]Review{reviewedBy(bossID, VerdictDeny), reviewedBy(bobID, VerdictReport)}, reported},
	} {
		if got := resolve(d, tc.reviews).standing; got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	d.Verdict = Deny
	if resolve(d, []Review{reviewedBy(bossID, VerdictApprove)}).standing != denied {
		t.Error("what the policy denies is approved")
	}
}

func TestEachPartOfAReviewersProofIsLookedAt(t *testing.T) {
	good := enroll.Proof{ID: "p-2", Kind: enroll.ProofPasskey, Account: bossID, Session: "s-2", Label: ReviewLabel, Statement: []byte("x"), At: noon}
	for name, tc := range map[string]struct {
		change func(r *Request, who *Actor, p *enroll.Proof)
		want   error
	}{
		"as it should be":       {func(*Request, *Actor, *enroll.Proof) {}, nil},
		"used by the requester": {func(_ *Request, _ *Actor, p *enroll.Proof) { p.ID = "p-1" }, ErrProofUsed},
		"used by a reviewer":    {func(r *Request, _ *Actor, p *enroll.Proof) { r.Reviews = []Review{{Proof: p.ID}} }, ErrProofUsed},
		"without an identity":   {func(r *Request, _ *Actor, p *enroll.Proof) { p.ID = ""; r.Reviews = []Review{{}} }, ErrProofMismatch},
		"no passkey":            {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Kind = enroll.ProofTOTP }, ErrProofMismatch},
		"of no session":         {func(_ *Request, who *Actor, p *enroll.Proof) { who.Session, p.Session = "", "" }, ErrProofMismatch},
		"of another session":    {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Session = "s-3" }, ErrProofMismatch},
		"of another person":     {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Account = bobID }, ErrProofMismatch},
		"for a freeze":          {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Label = FreezeLabel }, ErrProofMismatch},
		"over something else":   {func(_ *Request, _ *Actor, p *enroll.Proof) { p.Statement = []byte("y") }, ErrProofMismatch},
		"of long ago":           {func(_ *Request, _ *Actor, p *enroll.Proof) { p.At = noon.Add(-time.Hour) }, ErrProofExpired},
	} {
		r, who, p := waiting(), Actor{Account: bossID, Session: "s-2"}, good
		e, _ := office(r)
		tc.change(&r, &who, &p)
		if err := e.checkReviewProof(r, who, p, ReviewLabel, []byte("x")); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestOnlyTheSeatThatTheDecisionNamesIsOne(t *testing.T) {
	group := &Group{DN: "CN=a", SID: "S-1"}
	or := Decision{Approve: []Tier{{By: Approvers{Manager: true}, Else: &Approvers{Group: group}}}}
	byGroup := Decision{Approve: []Tier{{By: Approvers{Group: group}}}}
	for _, tc := range []struct {
		d    Decision
		seat string
		want bool
	}{
		{or, "", true}, {or, "S-1", true}, {or, "S-2", false}, {byGroup, "S-1", true}, {byGroup, "S-2", false}, {byGroup, "", false},
		{Decision{}, "S-2", true},
		{Decision{Approve: []Tier{{By: Approvers{Manager: true}}}}, "S-1", false},
	} {
		if got := tc.d.names(Seat{Account: bossID, Group: tc.seat}); got != tc.want {
			t.Errorf("%+v, seat %q: %v", tc.d, tc.seat, got)
		}
	}
}

func TestAnApproverIsAbleAndIsNotTheTarget(t *testing.T) {
	d := waiting().Decision
	for name, tc := range map[string]struct {
		who    ad.GUID
		change func(*people)
		want   error
	}{
		"the manager":           {bossID, func(*people) {}, nil},
		"somebody":              {bobID, func(*people) {}, ErrNotApprover},
		"disabled":              {bossID, func(p *people) { p.set(bossID, func(a *ad.Account) { a.Disabled = true }) }, ErrNotApprover},
		"expired":               {bossID, func(p *people) { p.set(bossID, func(a *ad.Account) { a.AccountExpires = noon }) }, ErrNotApprover},
		"not expired yet":       {bossID, func(p *people) { p.set(bossID, func(a *ad.Account) { a.AccountExpires = noon.Add(1) }) }, nil},
		"one's own manager":     {annID, func(p *people) { p.set(annID, func(a *ad.Account) { a.ManagerDN = a.DN }) }, ErrNotApprover},
		"without any directory": {bossID, nil, ErrNotAllowed},
	} {
		e, _ := office(waiting())
		dir := e.directory.(*people)
		if tc.change == nil {
			e.people = nil
		} else {
			tc.change(dir)
		}
		if err := e.entitled(t.Context(), Actor{Account: tc.who}, Seat{Account: tc.who}, dir.by[annID], d); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func (p *people) set(g ad.GUID, fn func(*ad.Account)) {
	a := p.by[g]
	fn(&a)
	p.by[g] = a
}

func TestAnApprovalHoldsOnlyWithASeatAndAPasskey(t *testing.T) {
	r := waiting()
	r.Reviews = []Review{reviewedBy(bossID, VerdictApprove)}
	unseated := r
	unseated.Asked = nil
	for name, tc := range map[string]struct {
		r       Request
		holders bool
		want    error
	}{"with both": {r, true, nil}, "without a seat": {unseated, true, ErrApproverOut}, "where nobody knows of passkeys": {r, false, errApprovers}} {
		e, _ := office(tc.r)
		if !tc.holders {
			e.holders = nil
		}
		ann := e.directory.(*people).by[annID]
		if err := e.approvalsHold(t.Context(), tc.r, ann, r.Decision); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestNoSeatsWithoutTheMeansToFindThem(t *testing.T) {
	group := Approvers{Group: &Group{DN: "CN=a", SID: "S-1"}}
	for name, tc := range map[string]struct {
		tier  Tier
		spoil func(*Engine)
		fails bool
		seats int
	}{
		"the manager":                     {Tier{By: Approvers{Manager: true}}, func(*Engine) {}, false, 1},
		"no directory of people":          {Tier{By: Approvers{Manager: true}}, func(e *Engine) { e.people = nil }, true, 0},
		"nobody knows of passkeys":        {Tier{By: Approvers{Manager: true}}, func(e *Engine) { e.holders = nil }, true, 0},
		"an empty group takes no other":   {Tier{By: group, Else: &Approvers{Manager: true}}, func(*Engine) {}, false, 0},
		"a missing manager takes a group": {Tier{By: Approvers{Manager: true}, Else: &group}, func(e *Engine) { delete(e.directory.(*people).by, bossID) }, false, 0},
	} {
		e, _ := office(waiting())
		tc.spoil(e)
		seats, err := e.seats(t.Context(), tc.tier, e.directory.(*people).by[annID], annID)
		if (err != nil) != tc.fails || tc.fails && !errors.Is(err, ErrNotAllowed) || len(seats) != tc.seats {
			t.Errorf("%s: %v, %v", name, seats, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]bool{"00": true, "99": true, "17": true, "": false, "1": false, "123": false, "/0": false, ":0": false, "0/": false, "0:": false, "x1": false, "1x": false} {
		if isNumber(text) != want {
			t.Errorf("%q", text)
		}
	}
	if !(&Request{}).fitsNumber("17") || !(&Request{Number: "17"}).fitsNumber("17") || (&Request{Number: "17"}).fitsNumber("71") || (&Request{Number: "17"}).fitsNumber("") {
		t.Error("fitsNumber")
	}
}

func TestAReviewedDeviceIsNewOnlyWhereThereWasAnother(t *testing.T) {
	r := Request{ID: "2", Device: "Phone", Created: noon, Target: annID}
	unnamed := r
	unnamed.Device = ""
	before := []Request{{ID: "1", Device: "Tablet", Created: noon.Add(-time.Hour)}}
	if !newDevice(before, r) || newDevice(before, unnamed) || newDevice(nil, r) {
		t.Error("new device")
	}
	nobody := []Request{{ID: "1", Target: annID, Created: noon, Reviews: []Review{{Verdict: VerdictDeny}}}}
	somebody := []Request{{ID: "1", Target: annID, Created: noon, Reviews: []Review{reviewedBy(bossID, VerdictDeny)}}}
	if turnedDown(nobody, r, VerdictDeny, noon) != 0 || turnedDown(somebody, r, VerdictDeny, noon) != 1 {
		t.Error("turned down")
	}
}

func TestPhotosAreForThoseWhoReviewAndTheirRequester(t *testing.T) {
	r := waiting()
	r.Target = bobID
	e, store := office(r)
	for _, tc := range []struct {
		who, of ad.GUID
		want    bool
	}{
		{bossID, annID, true}, {bossID, bobID, true}, {annID, bossID, true}, {bobID, bossID, true},
		{annID, bobID, false}, {bossID, ad.GUID{9}, false}, {ad.GUID{9}, bossID, false}, {ad.GUID{}, bossID, false}, {bossID, ad.GUID{}, false},
	} {
		if err := e.MaySee(t.Context(), Actor{Account: tc.who}, r.ID, tc.of); (err == nil) != tc.want {
			t.Errorf("%v of %v: %v", tc.who, tc.of, err)
		}
	}
	store.r.Requester, store.r.Target = ad.GUID{}, annID
	if err := e.MaySee(t.Context(), Actor{}, r.ID, bossID); err == nil {
		t.Error("nobody sees a reviewer of nobody's request")
	}
	if _, err := e.Request(t.Context(), Actor{}, r.ID); !errors.Is(err, ErrNoRequest) {
		t.Errorf("nobody reads nobody's request: %v", err)
	}
}

// That it was decided meanwhile is told to whoever is refused because of that, and to
// nobody who is refused for another reason, or who can't be told.
func TestWhoeverIsRefusedForAnotherReasonReadsThatOne(t *testing.T) {
	decided := waiting()
	decided.State = Cancelled
	down := errors.New("down")
	for name, c := range map[string]struct {
		cause, store, want error
	}{
		"no longer locked": {cause: ErrNotLocked, want: ErrCancelled},
		"frozen":           {cause: ErrFrozen, want: ErrFrozen},
		"no longer locked, and nothing can be read": {cause: ErrNotLocked, store: down, want: ErrNotLocked},
	} {
		t.Run(name, func(t *testing.T) {
			e, store := office(decided)
			store.err = c.store
			if err := e.tooLate(t.Context(), Actor{Account: bossID}, decided.ID, c.cause); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}
