package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

var somebody = ad.Account{
	GUID: ad.GUID{1}, DN: "CN=Ann,OU=Sales,OU=Staff,DC=corp,DC=example,DC=test", Department: "Finance",
	Groups: []string{"S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-1100"},
}

var (
	byPasskey  = Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}}
	inStaff    = &Group{DN: "CN=Staff", SID: "S-1-5-21-1-2-3-1100"}
	inOther    = &Group{DN: "CN=Other", SID: "S-1-5-21-1-2-3-1200"}
	unresolved = &Group{DN: "CN=Gone", Err: "no such object"}
)

func TestConditions(t *testing.T) {
	nobodyKnows := somebody
	nobodyKnows.Groups = nil
	hostile := somebody
	hostile.DN = "not a DN"
	for _, c := range []struct {
		name    string
		account ad.Account
		who     Condition
		want    Verdict
		finding string
	}{
		{"everyone", somebody, Condition{Everyone: true}, Allow, foundMatched},
		{"nothing named", somebody, Condition{}, Deny, "condition-empty"},
		{"group", somebody, Condition{Group: inStaff}, Allow, foundMatched},
		{"another group", somebody, Condition{Group: inOther}, Deny, foundNoMatch},
		{"unresolved group", somebody, Condition{Group: unresolved}, Deny, "group-unresolved"},
		{"group without a SID", somebody, Condition{Group: &Group{DN: "CN=Staff"}}, Deny, "group-unresolved"},
		{"memberships unknown", nobodyKnows, Condition{Group: inStaff}, Deny, "membership-unknown"},
		{"unit", somebody, Condition{OU: "ou=staff,dc=corp,dc=example,dc=test"}, Allow, foundMatched},
		{"another unit", somebody, Condition{OU: "OU=Admins,DC=corp,DC=example,DC=test"}, Deny, foundNoMatch},
		{"broken unit", somebody, Condition{OU: "staff"}, Deny, "dn-unreadable"},
		{"broken account", hostile, Condition{OU: "OU=Staff,DC=corp,DC=example,DC=test"}, Deny, "dn-unreadable"},
		{"department", somebody, Condition{Department: "FINANCE"}, Allow, foundMatched},
		{"part of a department", somebody, Condition{Department: "Fin"}, Deny, foundNoMatch},
		{"all must match", somebody, Condition{Group: inStaff, Department: "Sales"}, Deny, foundNoMatch},
		{"all match", somebody, Condition{Group: inStaff, Department: "Finance"}, Allow, foundMatched},
		{"not", somebody, Condition{Not: &Condition{Group: inOther}}, Allow, foundMatched},
		{"not, matching", somebody, Condition{Not: &Condition{Group: inStaff}}, Deny, foundNoMatch},
		{"not nothing", somebody, Condition{Not: &Condition{}}, Deny, "condition-empty"},
		{"unresolved unit", somebody, Condition{OU: "OU=Staff,DC=corp", OUErr: "gone"}, Deny, "unit-unresolved"},
		{"not an unresolved unit", somebody, Condition{Not: &Condition{OU: "OU=Staff,DC=corp", OUErr: "gone"}}, Deny, "unit-unresolved"},
		{"not unresolved", somebody, Condition{Not: &Condition{Group: unresolved}}, Deny, "group-unresolved"},
		{"not not unresolved", somebody, Condition{Not: &Condition{Not: &Condition{Group: unresolved}}}, Deny, "group-unresolved"},
		{"not unknown", nobodyKnows, Condition{Not: &Condition{Group: inStaff}}, Deny, "membership-unknown"},
		{"not broken", hostile, Condition{Not: &Condition{OU: "OU=Staff,DC=corp,DC=example,DC=test"}}, Deny, "dn-unreadable"},
		{"an error behind what does not match", somebody, Condition{OU: "OU=Admins,DC=corp", Group: unresolved}, Deny, "group-unresolved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Policy{Hash: "h", Rules: []Rule{{Name: "r", Who: c.who, Acts: map[Kind]Act{KindReset: byPasskey}}}}
			d := Evaluate(p, c.account, c.account, KindReset, Circumstances{})
			if last := d.Findings[len(d.Findings)-1]; d.Verdict != c.want || last.Code != c.finding || d.Policy != "h" {
				t.Fatalf("%+v", d)
			}
		})
	}
}

func TestFirstMatchWins(t *testing.T) {
	all := Condition{Everyone: true}
	reset := map[Kind]Act{KindReset: byPasskey}
	for _, c := range []struct {
		name  string
		rules []Rule
		want  Verdict
		rule  string
	}{
		{"none", nil, Deny, ""},
		{"a first one without the kind hides the second", []Rule{{Name: "1", Who: all}, {Name: "2", Who: all, Acts: reset}}, Deny, "1"},
		{"one that does not match is passed", []Rule{{Name: "1", Who: Condition{Group: inOther}}, {Name: "2", Who: all, Acts: reset}}, Allow, "2"},
		{"one in error denies before one that allows", []Rule{{Name: "1", Who: Condition{Group: unresolved}}, {Name: "2", Who: all, Acts: reset}}, Deny, ""},
		{"one in error behind one that allows is not reached", []Rule{{Name: "2", Who: all, Acts: reset}, {Name: "1", Who: Condition{Group: unresolved}}}, Allow, "2"},
		{"no proof at all", []Rule{{Name: "1", Who: all, Acts: map[Kind]Act{KindReset: {}}}}, Deny, "1"},
		{"an empty alternative", []Rule{{Name: "1", Who: all, Acts: map[Kind]Act{KindReset: {Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}, {}}}}}}, Deny, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Evaluate(Policy{Rules: c.rules}, somebody, somebody, KindReset, Circumstances{})
			if d.Verdict != c.want || d.Rule != c.rule {
				t.Fatalf("%+v", d)
			}
			if d.Verdict == Deny && d.Prove != nil {
				t.Fatal("a denial names proofs")
			}
		})
	}
}

func TestAnActWithReviews(t *testing.T) {
	manager, staff := Approvers{Manager: true}, Approvers{Group: inStaff}
	gone := Approvers{Group: unresolved}
	for _, c := range []struct {
		name    string
		number  Number
		tiers   []Tier
		want    Verdict
		finding string
	}{
		{"the manager", "", []Tier{{By: manager}}, Allow, foundMatched},
		{"a group", NumberRequired, []Tier{{By: staff}}, Allow, foundMatched},
		{"the manager or a group", NumberOff, []Tier{{By: manager, Else: &staff}}, Allow, foundMatched},
		{"two tiers", "", []Tier{{By: manager}, {By: staff}}, Deny, foundTiers},
		{"nobody", "", []Tier{{}}, Deny, foundApprovers},
		{"manager and group in one", "", []Tier{{By: Approvers{Manager: true, Group: inStaff}}}, Deny, foundApprovers},
		{"nobody stands in", "", []Tier{{By: manager, Else: &Approvers{}}}, Deny, foundApprovers},
		{"somebody stands in for a group", "", []Tier{{By: staff, Else: &manager}}, Deny, foundApprovers},
		{"an unresolved group", "", []Tier{{By: gone}}, Deny, "group-unresolved"},
		{"an unresolved stand-in", "", []Tier{{By: manager, Else: &gone}}, Deny, "group-unresolved"},
		{"a group without a SID", "", []Tier{{By: Approvers{Group: &Group{DN: "CN=Staff"}}}}, Deny, "group-unresolved"},
		{"an unknown number", "always", []Tier{{By: manager}}, Deny, foundNumber},
		{"an unknown number without reviews", "always", nil, Deny, foundNumber},
	} {
		t.Run(c.name, func(t *testing.T) {
			act := Act{Prove: byPasskey.Prove, Approve: c.tiers, Number: c.number}
			p := Policy{Rules: []Rule{{Name: "r", Who: Condition{Everyone: true}, Acts: map[Kind]Act{KindReset: act}}}}
			d := Evaluate(p, somebody, somebody, KindReset, Circumstances{})
			if last := d.Findings[len(d.Findings)-1]; d.Verdict != c.want || last.Code != c.finding || d.Rule != "r" {
				t.Fatalf("%+v", d)
			}
			if (d.Verdict == Allow) != (len(d.Approve) == 1) || (d.Verdict == Allow) != (d.Number != "") {
				t.Fatalf("%+v", d)
			}
			if d.faulty() != (c.finding == "group-unresolved") {
				t.Fatalf("faulty is %v", d.faulty())
			}
		})
	}
}

func TestNobodyIsServedForSomebodyElse(t *testing.T) {
	other := somebody
	other.GUID = ad.GUID{2}
	p := Policy{Rules: []Rule{{Who: Condition{Everyone: true}, Acts: map[Kind]Act{KindReset: byPasskey}}}}
	for _, who := range []ad.Account{other, {}} {
		if d := Evaluate(p, who, somebody, KindReset, Circumstances{}); d.Verdict != Deny {
			t.Fatalf("%+v", d)
		}
	}
	if d := Evaluate(p, ad.Account{}, ad.Account{}, KindReset, Circumstances{}); d.Verdict != Deny {
		t.Fatal("nobody was served")
	}
}

func TestTheZeroDecisionDenies(t *testing.T) {
	if (Decision{}).Verdict == Allow || len(Request{}.Needs()) == 0 {
		t.Fatal("a zero value allows")
	}
	var d Decision
	if err := json.Unmarshal([]byte(`{}`), &d); err != nil || d.Verdict != Deny {
		t.Fatal("an empty row allows")
	}
}

func TestNeedsNamesTheShortestWay(t *testing.T) {
	alternatives := [][]enroll.ProofKind{{"a", "b"}, {"c", "d", "e"}}
	have := func(kinds ...enroll.ProofKind) (out []ConsumedProof) {
		for _, k := range kinds {
			out = append(out, ConsumedProof{Kind: k})
		}
		return out
	}
	for _, c := range []struct {
		alternatives [][]enroll.ProofKind
		have         []ConsumedProof
		want         []enroll.ProofKind
	}{
		{alternatives, nil, []enroll.ProofKind{"a", "b"}},
		{alternatives, have("a"), []enroll.ProofKind{"b"}},
		{alternatives, have("c", "d"), []enroll.ProofKind{"e"}},
		{alternatives, have("b", "a"), nil},
		{[][]enroll.ProofKind{{"a", "a"}}, nil, []enroll.ProofKind{"a"}},
		{nil, have("a"), []enroll.ProofKind{""}},
		{[][]enroll.ProofKind{{}}, have("a"), []enroll.ProofKind{""}},
		{[][]enroll.ProofKind{{}, {"a"}}, nil, []enroll.ProofKind{"a"}},
		{[][]enroll.ProofKind{{"a", "b"}, {}}, nil, []enroll.ProofKind{"a", "b"}},
	} {
		if got := missing(c.alternatives, c.have); !slices.Equal(got, c.want) {
			t.Errorf("%v with %v: %v, want %v", c.alternatives, c.have, got, c.want)
		}
	}
}

// generated makes a policy out of a seed: nested, half of it in error.
func generated(rnd *rand.Rand) Policy {
	var p Policy
	for i := range rnd.IntN(5) {
		acts := map[Kind]Act{}
		for _, k := range Kinds {
			if rnd.IntN(2) == 0 {
				acts[k] = []Act{byPasskey, {}, {Prove: [][]enroll.ProofKind{{}}}, {Prove: byPasskey.Prove, Approve: generatedTiers(rnd)}}[rnd.IntN(4)]
			}
		}
		p.Rules = append(p.Rules, Rule{Name: fmt.Sprint(i), Who: generatedCondition(rnd, 3), Acts: acts})
	}
	return p
}

func generatedTiers(rnd *rand.Rand) []Tier {
	tiers := make([]Tier, 1+rnd.IntN(2))
	for i := range tiers {
		tiers[i].By = Approvers{Manager: rnd.IntN(2) == 0, Group: []*Group{nil, nil, inStaff, unresolved}[rnd.IntN(4)]}
	}
	return tiers
}

// reviewable says again, and otherwise, whether reviews of these tiers are possible.
func reviewable(tiers []Tier) bool {
	if len(tiers) == 0 {
		return true
	}
	by := tiers[0].By
	return len(tiers) == 1 && (by.Manager && by.Group == nil || !by.Manager && by.Group == inStaff)
}

func generatedCondition(rnd *rand.Rand, depth int) Condition {
	c := Condition{
		Everyone:   rnd.IntN(4) == 0,
		Group:      []*Group{nil, nil, inStaff, inOther, unresolved}[rnd.IntN(5)],
		OU:         []string{"", "", "OU=Staff,DC=corp,DC=example,DC=test", "OU=No,DC=corp", "broken"}[rnd.IntN(5)],
		Department: []string{"", "", "finance", "sales"}[rnd.IntN(4)],
	}
	if depth > 0 && rnd.IntN(3) == 0 {
		n := generatedCondition(rnd, depth-1)
		c.Not = &n
	}
	return c
}

// oracle says again, and otherwise, whether a condition holds: -1 is in error.
func oracle(c Condition) int {
	var votes []int
	if c.Everyone {
		votes = append(votes, 1)
	}
	if c.Group != nil {
		votes = append(votes, map[*Group]int{inStaff: 1, inOther: 0, unresolved: -1}[c.Group])
	}
	if c.OU != "" {
		votes = append(votes, map[string]int{"OU=Staff,DC=corp,DC=example,DC=test": 1, "OU=No,DC=corp": 0, "broken": -1}[c.OU])
	}
	if c.Department != "" {
		votes = append(votes, map[string]int{"finance": 1, "sales": 0}[c.Department])
	}
	if c.Not != nil {
		votes = append(votes, []int{-1, 1, 0}[oracle(*c.Not)+1])
	}
	if len(votes) == 0 {
		return -1
	}
	return slices.Min(votes)
}

func FuzzEvaluateAllowsByAMatchingRuleOnly(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		p := generated(rand.New(rand.NewPCG(seed, 2)))
		for _, kind := range Kinds {
			want := Deny
			for _, r := range p.Rules {
				holds := oracle(r.Who)
				if holds == 0 {
					continue
				}
				if act, named := r.Acts[kind]; holds == 1 && named && reviewable(act.Approve) && len(act.Prove) == 1 && len(act.Prove[0]) == 1 {
					want = Allow
				}
				break
			}
			d := Evaluate(p, somebody, somebody, kind, Circumstances{})
			if d.Verdict != want || (want == Allow) != (len(d.Prove) > 0) || len(d.Findings) == 0 {
				t.Fatalf("%s: %+v, want %v", kind, d, want)
			}
		}
	})
}

func TestTheTableOfStatesIsTheDesigns(t *testing.T) {
	states := []State{Draft, Pending, Approved, Executing, Done, Failed, Unknown, Denied, Expired, Cancelled}
	allowed := map[State]string{
		Draft: "pending approved expired cancelled", Pending: "approved denied expired cancelled",
		Approved: "executing draft failed expired cancelled", Executing: "done failed unknown approved draft",
		Unknown: "done approved failed",
	}
	for _, from := range states {
		for _, next := range states {
			r := Request{State: from, Kind: KindReset}
			want := slices.Contains(strings.Fields(allowed[from]), string(next))
			if err := r.to(next); (err == nil) != want {
				t.Errorf("%s to %s: %v", from, next, err)
			}
		}
		if from.Open() != (len(transitions[from]) > 0 && from != Done) {
			t.Errorf("%s: open is %v", from, from.Open())
		}
	}
	one := Request{State: Done, Kind: KindOneTime}
	if err := one.to(Executing); err != nil {
		t.Error(err)
	}
	seen := Request{State: Done, Kind: KindOneTime, Seen: true}
	if err := seen.to(Executing); err == nil {
		t.Error("a password that was seen is replaced")
	}
}

func TestMarksAreReadCarefully(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   Kind
		must   bool
		before ad.Marks
		now    ad.Marks
		want   reading
	}{
		{"unlock landed", KindUnlock, false, ad.Marks{LockoutTime: 5}, ad.Marks{}, landed},
		{"unlock missed", KindUnlock, false, ad.Marks{LockoutTime: 5}, ad.Marks{LockoutTime: 5}, missed},
		{"locked anew", KindUnlock, false, ad.Marks{LockoutTime: 5}, ad.Marks{LockoutTime: 6}, undecided},
		{"version grew", KindReset, false, ad.Marks{KeyVersion: 3, PwdLastSet: 9}, ad.Marks{KeyVersion: 4, PwdLastSet: 9}, landed},
		{"version stands", KindReset, false, ad.Marks{KeyVersion: 3, PwdLastSet: 9}, ad.Marks{KeyVersion: 3, PwdLastSet: 10}, missed},
		{"version fell", KindReset, false, ad.Marks{KeyVersion: 3}, ad.Marks{KeyVersion: 2}, undecided},
		{"second one-time password, by version", KindOneTime, true, ad.Marks{KeyVersion: 3}, ad.Marks{KeyVersion: 4}, landed},
		{"no version, set later", KindChange, false, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, ad.Marks{KeyVersion: -1, PwdLastSet: 10}, landed},
		{"no version, as before", KindChange, false, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, missed},
		{"version lost since", KindReset, false, ad.Marks{KeyVersion: 3, PwdLastSet: 9}, ad.Marks{KeyVersion: -1, PwdLastSet: 10}, landed},
		{"must change, landed", KindOneTime, true, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, ad.Marks{KeyVersion: -1}, landed},
		{"must change, missed", KindOneTime, true, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, missed},
		{"must change, set by another", KindOneTime, true, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, ad.Marks{KeyVersion: -1, PwdLastSet: 11}, undecided},
		{"must change before and after", KindOneTime, true, ad.Marks{KeyVersion: -1}, ad.Marks{KeyVersion: -1}, undecided},
		{"reset, must change by another", KindReset, false, ad.Marks{KeyVersion: -1, PwdLastSet: 9}, ad.Marks{KeyVersion: -1}, undecided},
	} {
		i := Intent{Before: c.before, MustChange: c.must}
		if got := i.read(c.kind, c.now); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestTheStatementIsCanonical(t *testing.T) {
	r := Request{
		ID: "0190-id", Kind: KindReset, Requester: ad.GUID{1}, Target: ad.GUID{2},
		Decision: Decision{Policy: "abc"}, Deadline: time.UnixMilli(1_900_000_000_123),
	}
	got, err := statement(r)
	const want = `{"deadline":1900000000123,"kind":"reset","policy":"abc","request":"0190-id",` +
		`"requester":"00000001-0000-0000-0000-000000000000","target":"00000002-0000-0000-0000-000000000000","v":"latchkey/request/v1"}`
	if err != nil || string(got) != want {
		t.Fatalf("%v\n%s\n%s", err, got, want)
	}
	// Each part counts.
	for i, bend := range []func(*Request){
		func(r *Request) { r.ID = "x" }, func(r *Request) { r.Kind = KindChange }, func(r *Request) { r.Requester = ad.GUID{9} },
		func(r *Request) { r.Target = ad.GUID{9} }, func(r *Request) { r.Decision.Policy = "x" },
		func(r *Request) { r.Deadline = r.Deadline.Add(time.Millisecond) },
	} {
		other := r
		bend(&other)
		if b, _ := statement(other); bytes.Equal(b, got) {
			t.Errorf("part %d does not count", i)
		}
	}
}

func TestEveryCodeIsFound(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{ErrNotAllowed, "policy.not-allowed"},
		{fmt.Errorf("wrapped: %w", ErrExpired), "request.expired"},
		{&ad.Error{Cause: ad.ErrPasswordHistory}, "password.history"},
		{&ad.Error{Cause: ad.ErrRefused, Err: ErrNotAllowed}, "policy.not-allowed"},
		{&PasswordRefused{}, "password.rules"},
		{&Detailed{Cause: ad.ErrPasswordTooYoung}, "password.too-young"},
		{&askAgain{}, "proof.missing"},
		{errOther, ""},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

var errOther = fmt.Errorf("disk I/O error")
