package server

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// fullOrBroken has no room, or fails, for what is counted under a name that begins so.
type fullOrBroken struct {
	Limits
	name string
	err  error
}

func (f *fullOrBroken) Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error) {
	if f.name != "" && strings.Contains(key, f.name) {
		return time.Hour, f.err
	}
	return f.Limits.Take(ctx, key, burst, refill, now)
}

// What can't be counted, or is over, asks nobody; the log has which.
func TestAWordThatIsNotCountedAsksNobody(t *testing.T) {
	for name, c := range map[string]struct {
		full  string
		err   error
		asked bool
		log   string
	}{
		"all in order":                        {"", nil, true, ""},
		"no more about the account from here": {rateWordNear.name, nil, false, "nobody was asked to vouch: limit.reached"},
		"no more about the account":           {rateWordOne.name, nil, false, "nobody was asked to vouch: limit.reached"},
		"an account that can't be counted":    {rateWordOne.name, errStoreGone, false, "nobody was asked to vouch: "},
		"an approver asked too often":         {rateWordFrom.name, nil, false, "nobody was asked to vouch: review.spared"},
		"an approver who can't be counted":    {rateWordFrom.name, errStoreGone, false, "nobody was asked to vouch: "},
		"by all together likewise":            {rateWordApprover.name, errStoreGone, false, "nobody was asked to vouch: "},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, byAWord)
			h.heard("kwame.mensah")
			h.Server.cfg.Limits = &fullOrBroken{h.store, c.full, c.err}
			q := h.phone().asks(h.requester().Account, "reset")
			if q.state().State != "waiting" {
				t.Error("told")
			}
			mine, err := h.store.Requests(t.Context(), workflow.Query{Requester: ad.GUID(h.requester().GUID)})
			if err != nil || (len(mine) == 1) != c.asked {
				t.Errorf("asked %+v, %v", mine, err)
			}
			var log strings.Builder
			if err := h.store.Export(t.Context(), &log); err != nil || !strings.Contains(log.String(), c.log) {
				t.Errorf("%v: no %q in the log", err, c.log)
			}
		})
	}
}

// countsOf is how often each limit was counted.
type countsOf struct {
	Limits
	mu sync.Mutex
	n  map[string]int
}

func (c *countsOf) Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error) {
	c.mu.Lock()
	name, _, _ := strings.Cut(key, ":")
	c.n[name]++
	c.mu.Unlock()
	return c.Limits.Take(ctx, key, burst, refill, now)
}

// What is proved beside a word is looked at before it is asked for, and counted once.
func TestAnAskingIsCountedOnce(t *testing.T) {
	h := newHouse(t, byAWord, alsoBy([]enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofVouching}))
	_, next := h.heard("kwame.mensah")
	who := h.requester()
	owner := h.phone()
	owner.enrol(h.invitation(ad.GUID(who.GUID)), who.Password)
	code := owner.codes()[0]
	counts := &countsOf{Limits: h.store, n: map[string]int{}}
	h.Server.cfg.Limits = counts
	h.phone().asks(who.Account, "reset", fields{"kind": "recovery-code", "value": code})
	next()
	for _, r := range []rate{rateWordNear, rateWordOne, rateWordFrom, rateWordApprover} {
		if counts.n[r.name] != 1 {
			t.Errorf("%s is counted %d times: %v", r.name, counts.n[r.name], counts.n)
		}
	}
}
