package workflow

import (
	"slices"

	"github.com/latchkey/latchkey/ad"
)

// standing is what the reviews say together.
type standing int

const (
	unreviewed standing = iota // reviews are missing
	approved
	denied
	reported
)

// resolution is where the reviews of a request stand, and which tier is asked.
type resolution struct {
	standing standing
	tier     int // the first one that has not approved
}

// resolve is a pure function of decision and reviews. A report outweighs a
// denial, and a denial every approval. Each tier takes one approval, of somebody
// who approved in no other.
func resolve(d Decision, reviews []Review) resolution {
	if d.Verdict != Allow {
		return resolution{standing: denied}
	}
	for _, against := range []struct {
		verdict ReviewVerdict
		standing
	}{{VerdictReport, reported}, {VerdictDeny, denied}} {
		if slices.ContainsFunc(reviews, func(r Review) bool { return r.counts() && r.Verdict == against.verdict }) {
			return resolution{standing: against.standing}
		}
	}
	var seated []ad.GUID
	for tier := range d.Approve {
		by := approverOf(tier, reviews, seated)
		if by.IsZero() {
			return resolution{standing: unreviewed, tier: tier}
		}
		seated = append(seated, by)
	}
	return resolution{standing: approved, tier: len(d.Approve)}
}

// approverOf finds who approved in a tier, and in none of the earlier ones.
func approverOf(tier int, reviews []Review, seated []ad.GUID) ad.GUID {
	for _, r := range reviews {
		if r.counts() && r.Verdict == VerdictApprove && r.Tier == tier && !slices.Contains(seated, r.By) {
			return r.By
		}
	}
	return ad.GUID{}
}

func (r Review) counts() bool { return !r.Void && !r.By.IsZero() }

// reviewed says whether no review is missing.
func (r *Request) reviewed() bool { return resolve(r.Decision, r.Reviews).standing == approved }

// reviewOf is the person's review that counts, or nil.
func (r *Request) reviewOf(account ad.GUID) *Review {
	for i := range r.Reviews {
		if r.Reviews[i].counts() && r.Reviews[i].By == account {
			return &r.Reviews[i]
		}
	}
	return nil
}

// reportOf is the person's report, or nil. It may stand beside an approval.
func (r *Request) reportOf(account ad.GUID) *Review {
	for i := range r.Reviews {
		if r.Reviews[i].counts() && r.Reviews[i].By == account && r.Reviews[i].Verdict == VerdictReport {
			return &r.Reviews[i]
		}
	}
	return nil
}

// covers says whether reviews under a decision are reviews under the running
// one, which may have come since: none is asked for, or the same people are, and
// no number where there was none.
func (d Decision) covers(running Decision) bool {
	if len(running.Approve) == 0 {
		return true
	}
	return sameTiers(d.Approve, running.Approve) && running.Number.rank() <= d.Number.rank()
}

func (n Number) rank() int {
	switch n {
	case NumberOff:
		return 0
	case NumberWeakProof, "":
		return 1
	}
	return 2
}

func sameTiers(a, b []Tier) bool {
	return slices.EqualFunc(a, b, func(a, b Tier) bool {
		if (a.Else == nil) != (b.Else == nil) || a.By.who() != b.By.who() {
			return false
		}
		return a.Else == nil || a.Else.who() == b.Else.who()
	})
}

// who names approvers in one word, for the log.
func (a Approvers) who() string {
	switch {
	case a.Manager:
		return "manager"
	case a.Group != nil:
		return "group:" + a.Group.SID
	}
	return ""
}

// who is the tier in words, for the log.
func (t Tier) who() string {
	if t.Else == nil {
		return t.By.who()
	}
	return t.By.who() + " else " + t.Else.who()
}
