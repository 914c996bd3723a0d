package workflow

import (
	"math/rand/v2"
	"testing"

	"github.com/latchkey/latchkey/ad"
)

func TestReviewsResolve(t *testing.T) {
	a, b := ad.GUID{1}, ad.GUID{2}
	one := Decision{Verdict: Allow, Approve: []Tier{{By: Approvers{Manager: true}}}}
	two := Decision{Verdict: Allow, Approve: append(one.Approve, Tier{By: Approvers{Group: inStaff}})}
	yes := func(by ad.GUID, tier int) Review { return Review{By: by, Verdict: VerdictApprove, Tier: tier} }
	no, bad := Review{By: b, Verdict: VerdictDeny}, Review{By: b, Verdict: VerdictReport}
	void := yes(a, 0)
	void.Void = true
	for _, c := range []struct {
		name    string
		d       Decision
		reviews []Review
		want    resolution
	}{
		{"the zero decision", Decision{}, []Review{yes(a, 0)}, resolution{denied, 0}},
		{"none is asked for", Decision{Verdict: Allow}, nil, resolution{approved, 0}},
		{"none was given", one, nil, resolution{unreviewed, 0}},
		{"approved", one, []Review{yes(a, 0)}, resolution{approved, 1}},
		{"a void approval", one, []Review{void}, resolution{unreviewed, 0}},
		{"nobody's approval", one, []Review{yes(ad.GUID{}, 0)}, resolution{unreviewed, 0}},
		{"an unknown verdict", one, []Review{{By: a, Verdict: "Approve"}}, resolution{unreviewed, 0}},
		{"no verdict", one, []Review{{By: a}}, resolution{unreviewed, 0}},
		{"denied", one, []Review{no}, resolution{denied, 0}},
		{"denied where none is asked for", Decision{Verdict: Allow}, []Review{no}, resolution{denied, 0}},
		{"approved and denied", one, []Review{yes(a, 0), no}, resolution{denied, 0}},
		{"approved and reported", one, []Review{yes(b, 0), bad}, resolution{reported, 0}},
		{"denied and reported", one, []Review{no, bad}, resolution{reported, 0}},
		{"the first of two tiers", two, []Review{yes(a, 0)}, resolution{unreviewed, 1}},
		{"the second of two tiers", two, []Review{yes(a, 1)}, resolution{unreviewed, 0}},
		{"one person for both", two, []Review{yes(a, 0), yes(a, 1)}, resolution{unreviewed, 1}},
		{"both tiers", two, []Review{yes(b, 1), yes(a, 0)}, resolution{approved, 2}},
	} {
		if got := resolve(c.d, c.reviews); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Whatever the reviews: approved means that each tier has an approval that
// counts, of somebody else each, and nobody is against it; one more approval
// never turns an answer into a worse one, and one more report always ends it.
func FuzzNothingIsApprovedWithoutItsReviews(f *testing.F) {
	for seed := range uint64(500) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		d := Decision{Verdict: Verdict(rnd.IntN(2)), Approve: make([]Tier, rnd.IntN(3))}
		var reviews []Review
		for range rnd.IntN(5) {
			reviews = append(reviews, Review{
				By: ad.GUID{byte(rnd.IntN(4))}, Tier: rnd.IntN(3), Void: rnd.IntN(4) == 0,
				Verdict: []ReviewVerdict{VerdictApprove, VerdictApprove, VerdictApprove, VerdictDeny, VerdictReport, ""}[rnd.IntN(6)],
			})
		}
		got := resolve(d, reviews)
		against, approvals := false, map[int]map[ad.GUID]bool{}
		for _, r := range reviews {
			if r.Void || r.By.IsZero() {
				continue
			}
			against = against || r.Verdict == VerdictDeny || r.Verdict == VerdictReport
			if r.Verdict == VerdictApprove {
				if approvals[r.Tier] == nil {
					approvals[r.Tier] = map[ad.GUID]bool{}
				}
				approvals[r.Tier][r.By] = true
			}
		}
		if got.standing == approved {
			everybody := map[ad.GUID]bool{}
			for tier := range d.Approve {
				if len(approvals[tier]) == 0 {
					t.Fatalf("tier %d has no approval: %+v", tier, reviews)
				}
				for by := range approvals[tier] {
					everybody[by] = true
				}
			}
			if d.Verdict != Allow || against || len(everybody) < len(d.Approve) {
				t.Fatalf("%+v of %+v", got, reviews)
			}
		}
		more := resolve(d, append(reviews, Review{By: ad.GUID{9}, Verdict: VerdictApprove}))
		if got.standing == approved && more.standing != approved || against && more.standing == approved {
			t.Fatalf("%+v turned into %+v", got, more)
		}
		if end := resolve(d, append(reviews, Review{By: ad.GUID{9}, Verdict: VerdictReport})); end.standing == approved || end.standing == unreviewed {
			t.Fatalf("reported, and %+v", end)
		}
	})
}

func TestReviewsCoverWhatAsksForNoMore(t *testing.T) {
	manager, staff := Approvers{Manager: true}, Approvers{Group: inStaff}
	decision := func(n Number, tiers ...Tier) Decision { return Decision{Verdict: Allow, Approve: tiers, Number: n} }
	renamed := Approvers{Group: &Group{DN: "CN=Renamed", SID: inStaff.SID}}
	for _, c := range []struct {
		name            string
		stored, running Decision
		want            bool
	}{
		{"none and none", decision(""), decision(""), true},
		{"none any more", decision("", Tier{By: manager}), decision(""), true},
		{"one since", decision(""), decision("", Tier{By: manager}), false},
		{"the same", decision("", Tier{By: manager}), decision("", Tier{By: manager, Within: 5}), true},
		{"another", decision("", Tier{By: manager}), decision("", Tier{By: staff}), false},
		{"a group renamed", decision("", Tier{By: staff}), decision("", Tier{By: renamed}), true},
		{"a stand-in since", decision("", Tier{By: manager}), decision("", Tier{By: manager, Else: &staff}), false},
		{"another stand-in", decision("", Tier{By: manager, Else: &staff}), decision("", Tier{By: manager, Else: &Approvers{Group: inOther}}), false},
		{"a second tier", decision("", Tier{By: manager}), decision("", Tier{By: manager}, Tier{By: staff}), false},
		{"a number since", decision(NumberWeakProof, Tier{By: manager}), decision(NumberRequired, Tier{By: manager}), false},
		{"a number no more", decision(NumberRequired, Tier{By: manager}), decision(NumberOff, Tier{By: manager}), true},
	} {
		if got := c.stored.covers(c.running); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
