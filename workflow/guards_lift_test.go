package workflow

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// ice keeps freezes. then is one as Lift finds it, where that is something else than
// what was seen.
type ice struct {
	Freezes
	of     map[ad.GUID]Freeze
	then   *Freeze
	lifted bool
	err    error // of a look at one
	allErr error // of the list
}

func (i *ice) Frozen(_ context.Context, account ad.GUID) (*Freeze, error) {
	if f, frozen := i.of[account]; frozen && i.err == nil {
		return &f, nil
	}
	return nil, i.err
}

func (i *ice) ThawsAsked(_ context.Context, except ad.GUID, _ int) (out []Freeze, err error) {
	for _, f := range i.of {
		if !f.Asked.IsZero() && f.Account != except {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b Freeze) int { return slices.Compare(a.Account[:], b.Account[:]) })
	return out, i.allErr
}

func (i *ice) Lift(_ context.Context, account ad.GUID, _ string, fn func(*Freeze) (Change, error)) error {
	f := i.of[account]
	if i.then != nil {
		f = *i.then
	}
	_, err := fn(&f)
	i.lifted = err == nil
	return err
}

// unreadable is a directory that fails for one account.
type unreadable struct {
	Directory
	at ad.GUID
}

func (u unreadable) Account(ctx context.Context, g ad.GUID) (ad.Account, error) {
	if g == u.at {
		return ad.Account{}, errGone
	}
	return u.Directory.Account(ctx, g)
}

// frozenAnn is an office where Ann is frozen and proved that it is her, and where the
// manager is asked about everybody.
func frozenAnn() (*Engine, *ice) {
	e, _ := office(waiting())
	act := Act{Prove: byPasskey.Prove, Approve: []Tier{{By: Approvers{Manager: true}}}}
	e.SetPolicy(Policy{Hash: "p", Rules: []Rule{{Name: "r", Who: Condition{Everyone: true}, Acts: map[Kind]Act{KindReset: act}}}})
	cold := &ice{of: map[ad.GUID]Freeze{annID: {Account: annID, By: annID, At: noon.Add(-2 * time.Hour), Asked: noon.Add(-time.Hour)}}}
	e.freezes = cold
	return e, cold
}

func TestEachPartOfWhoMayLiftIsLookedAt(t *testing.T) {
	asked := Freeze{Account: annID, At: noon.Add(-2 * time.Hour), Asked: noon.Add(-time.Hour)}
	set := func(g ad.GUID, fn func(*ad.Account)) func(*Engine, *Freeze) {
		return func(e *Engine, _ *Freeze) { e.directory.(*people).set(g, fn) }
	}
	for name, tc := range map[string]struct {
		who    ad.GUID
		change func(*Engine, *Freeze)
		want   error
	}{
		"the manager":                  {bossID, nil, nil},
		"its owner did not prove":      {bossID, func(_ *Engine, f *Freeze) { f.Asked = time.Time{} }, ErrNotFrozen},
		"its owner, their own manager": {annID, set(annID, func(a *ad.Account) { a.ManagerDN = a.DN }), ErrNotFrozen},
		"nobody":                       {ad.GUID{}, nil, ErrNotFrozen},
		"a colleague":                  {bobID, nil, ErrNotFrozen},
		"a manager who is frozen":      {bossID, func(e *Engine, _ *Freeze) { e.freezes.(*ice).of[bossID] = Freeze{} }, ErrFrozen},
		"a manager who is disabled":    {bossID, set(bossID, func(a *ad.Account) { a.Disabled = true }), ErrNotFrozen},
		"an owner who can't be read":   {bossID, func(e *Engine, _ *Freeze) { e.directory = unreadable{e.directory, annID} }, errGone},
		"a manager who can't be read":  {bossID, func(e *Engine, _ *Freeze) { e.directory = unreadable{e.directory, bossID} }, errGone},
		"nobody knows of managers":     {bossID, func(e *Engine, _ *Freeze) { e.people = nil }, ErrNotAllowed},
		"no rule":                      {bossID, func(e *Engine, _ *Freeze) { e.SetPolicy(Policy{}) }, ErrNotFrozen},
		"no store of freezes":          {bossID, func(e *Engine, _ *Freeze) { e.freezes = nil }, errFreezes},
	} {
		e, cold := frozenAnn()
		cold.of = map[ad.GUID]Freeze{} // what is looked at is the freeze that is given
		f := asked
		if tc.change != nil {
			tc.change(e, &f)
		}
		person, err := e.mayLift(t.Context(), Actor{Account: tc.who}, f)
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if err == nil && person.GUID != annID {
			t.Errorf("%s: %+v", name, person)
		}
	}
}

func TestAFreezeIsLiftedAsItIsFound(t *testing.T) {
	by := Actor{Account: bossID, Session: "s-2"}
	for name, tc := range map[string]struct {
		then func(*Freeze)
		want error
	}{
		"as it was":                   {nil, nil},
		"its owner takes it back":     {func(f *Freeze) { f.Asked = time.Time{} }, ErrNotFrozen},
		"its owner proved once more":  {func(f *Freeze) { f.Asked = noon }, ErrProofMismatch},
		"it is another freeze by now": {func(f *Freeze) { f.At = noon }, ErrProofMismatch},
	} {
		e, cold := frozenAnn()
		f := cold.of[annID]
		signs := f
		if tc.then != nil {
			tc.then(&f)
			cold.then = &f
		}
		if f.Asked.IsZero() { // the signature is right for what is found: it is not what refuses
			signs = f
		}
		signed, err := liftStatement(signs, bossID)
		if err != nil {
			t.Fatal(err)
		}
		p := enroll.Proof{ID: "p-6", Kind: enroll.ProofPasskey, Account: bossID, Session: "s-2", Label: LiftLabel, Statement: signed, At: noon}
		if err := e.Lift(t.Context(), by, annID, p); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || cold.lifted != (tc.want == nil) {
			t.Errorf("%s: %v, want %v; lifted %v", name, err, tc.want, cold.lifted)
		}
	}
}

func TestNoFreezeIsLiftedWithoutALookAtIt(t *testing.T) {
	by := Actor{Account: bossID, Session: "s-2"}
	for name, tc := range map[string]struct {
		change func(*Engine, *ice)
		want   error
	}{
		"no store of freezes": {func(e *Engine, _ *ice) { e.freezes = nil }, errFreezes},
		"the store is down":   {func(_ *Engine, i *ice) { i.err = errGone }, errGone},
		"it is not frozen":    {func(_ *Engine, i *ice) { i.of = nil }, ErrNotFrozen},
	} {
		e, cold := frozenAnn()
		tc.change(e, cold)
		label, b, err := e.BeginLift(t.Context(), by, annID, time.Time{})
		if !errors.Is(err, tc.want) || label != "" || b != nil {
			t.Errorf("begin, %s: %q %q %v, want %v", name, label, b, err, tc.want)
		}
		if err := e.Lift(t.Context(), by, annID, enroll.Proof{}); !errors.Is(err, tc.want) || cold.lifted {
			t.Errorf("lift, %s: %v, want %v", name, err, tc.want)
		}
	}
}

// One account that can't be looked at hides no other, and is told where there is none.
func TestWhatMayBeLiftedIsListed(t *testing.T) {
	e, cold := frozenAnn()
	e.directory.(*people).set(bobID, func(a *ad.Account) { a.ManagerDN = "CN=boss" })
	cold.of[bobID] = Freeze{Account: bobID, Asked: noon}
	boss := Actor{Account: bossID}
	list := func() (out []ad.GUID, err error) {
		thaws, err := e.Thaws(t.Context(), boss)
		for _, one := range thaws {
			out = append(out, one.Person.GUID)
		}
		return out, err
	}
	if got, err := list(); err != nil || !slices.Equal(got, []ad.GUID{annID, bobID}) {
		t.Errorf("both: %v, %v", got, err)
	}
	all := e.directory
	e.directory = unreadable{all, bobID}
	if got, err := list(); err != nil || !slices.Equal(got, []ad.GUID{annID}) {
		t.Errorf("one can't be read: %v, %v", got, err)
	}
	delete(cold.of, annID)
	if got, err := list(); !errors.Is(err, errGone) || got != nil {
		t.Errorf("the only one can't be read: %v, %v", got, err)
	}
	e.directory = all
	cold.allErr = errGone
	if got, err := list(); !errors.Is(err, errGone) || got != nil {
		t.Errorf("the list fails: %v, %v", got, err)
	}
}

func TestWhoIsToldOfAThawIsFoundOrTheErrorIs(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Engine)
		want   error
		told   []ad.GUID
	}{
		"the manager":                 {func(*Engine) {}, nil, []ad.GUID{bossID}},
		"no rule asks anybody":        {func(e *Engine) { e.SetPolicy(Policy{}) }, nil, nil},
		"its owner can't be read":     {func(e *Engine) { e.directory = unreadable{e.directory, annID} }, errGone, nil},
		"nobody knows of passkeys":    {func(e *Engine) { e.holders = nil }, ErrNotAllowed, nil},
		"nobody knows who is asked":   {func(e *Engine) { e.people = nil }, ErrNotAllowed, nil},
		"a manager who can't be read": {func(e *Engine) { e.people = managerless{e.people} }, errGone, nil},
	} {
		e, _ := frozenAnn()
		tc.change(e)
		told, err := e.lifters(t.Context(), annID)
		if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || !slices.Equal(told, tc.told) {
			t.Errorf("%s: %v, %v", name, told, err)
		}
	}
}

// managerless fails where a manager is looked for.
type managerless struct{ People }

func (managerless) AccountByDN(context.Context, string) (ad.Account, error) {
	return ad.Account{}, errGone
}

// unanswered is a directory that says nothing of one account until its caller gives up.
type unanswered struct {
	Directory
	at ad.GUID
}

func (u unanswered) Account(ctx context.Context, g ad.GUID) (ad.Account, error) {
	if g == u.at {
		<-ctx.Done()
		return ad.Account{}, context.Cause(ctx)
	}
	return u.Directory.Account(ctx, g)
}

// A count stands before everybody's first page: what can't be told is not in it, and is
// not waited for.
func TestACountOfFreezesWaitsForNobodyForLong(t *testing.T) {
	for name, tc := range map[string]struct {
		who    ad.GUID
		change func(*Engine, *ice)
		want   int
		took   time.Duration
	}{
		"both":                          {bossID, nil, 2, 0},
		"a colleague":                   {bobID, nil, 0, 0},
		"nobody":                        {ad.GUID{}, nil, 0, 0},
		"one can't be read":             {bossID, func(e *Engine, _ *ice) { e.directory = unreadable{e.directory, bobID} }, 1, 0},
		"the list fails":                {bossID, func(_ *Engine, i *ice) { i.allErr = errGone }, 0, 0},
		"no store of freezes":           {bossID, func(e *Engine, _ *ice) { e.freezes = nil }, 0, 0},
		"one is not answered":           {bossID, func(e *Engine, _ *ice) { e.directory = unanswered{e.directory, bobID} }, 1, countTime},
		"the lifter's is not answered":  {bossID, func(e *Engine, _ *ice) { e.directory = unanswered{e.directory, bossID} }, 0, countTime},
		"a manager who is frozen":       {bossID, func(_ *Engine, i *ice) { i.of[bossID] = Freeze{} }, 0, 0},
		"their owners have not asked":   {bossID, func(_ *Engine, i *ice) { i.of = map[ad.GUID]Freeze{annID: {Account: annID, At: noon}} }, 0, 0},
		"where the policy asks nobody":  {bossID, func(e *Engine, _ *ice) { e.SetPolicy(Policy{}) }, 0, 0},
		"a manager who may not come in": {bossID, func(e *Engine, _ *ice) { e.directory.(*people).set(bossID, func(a *ad.Account) { a.Disabled = true }) }, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			e, cold := frozenAnn()
			e.directory.(*people).set(bobID, func(a *ad.Account) { a.ManagerDN = "CN=boss" })
			cold.of[bobID] = Freeze{Account: bobID, Asked: noon}
			if tc.change != nil {
				tc.change(e, cold)
			}
			began := time.Now()
			if n := e.CountThaws(t.Context(), tc.who); n != tc.want || time.Since(began) != tc.took {
				t.Errorf("%s: %d after %v, want %d after %v", name, n, time.Since(began), tc.want, tc.took)
			}
		})
	}
}

// However many ask, whoever may lift them is read once.
func TestALifterIsReadOnceForAllWhoAsk(t *testing.T) {
	e, cold := frozenAnn()
	cold.of[bobID] = Freeze{Account: bobID, Asked: noon}
	read := &tally{Directory: e.directory, of: map[ad.GUID]int{}}
	e.directory = read
	if _, err := e.Thaws(t.Context(), Actor{Account: bossID}); err != nil || read.of[bossID] != 1 || read.of[annID] != 1 || read.of[bobID] != 1 {
		t.Errorf("%v, %v", read.of, err)
	}
	clear(cold.of)
	clear(read.of)
	if _, err := e.Thaws(t.Context(), Actor{Account: bossID}); err != nil || len(read.of) != 0 {
		t.Errorf("nobody asks: %v, %v", read.of, err)
	}
}

// tally counts reads.
type tally struct {
	Directory
	of map[ad.GUID]int
}

func (c *tally) Account(ctx context.Context, g ad.GUID) (ad.Account, error) {
	c.of[g]++
	return c.Directory.Account(ctx, g)
}
