package workflow

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// A condition that is said to cover another makes that one's rule unreachable: each
// part of it has to.
func TestAConditionCoversOnlyWhatEveryPartOfItCovers(t *testing.T) {
	nets := func(all ...string) (out []netip.Prefix) {
		for _, one := range all {
			out = append(out, netip.MustParsePrefix(one))
		}
		return out
	}
	sales, finance := Condition{Department: "Sales"}, Condition{Department: "Finance"}
	at := func(a string) Condition { return Condition{Location: &Attribute{Name: "l", Value: a}} }
	company := Condition{Company: &Attribute{Name: "company", Value: "North"}}
	day := func(from int) Condition {
		return Condition{Hours: &Hours{Days: [7]bool{1: true}, From: from, To: 1000, Zone: time.UTC}}
	}
	state := func(s ...AccountState) Condition { return Condition{State: s} }
	both := Condition{Department: "Sales", Group: inStaff}
	device := func(isNew bool) Condition { return Condition{NewDevice: &isNew} }
	for name, tc := range map[string]struct {
		c, later Condition
		want     bool
	}{
		"everybody":                   {Condition{Everyone: true}, sales, true},
		"the same":                    {sales, sales, true},
		"another":                     {sales, finance, false},
		"an empty one covers nobody":  {Condition{}, sales, false},
		"an empty one is not covered": {Condition{Everyone: true}, Condition{}, false},
		"one part of more":            {sales, both, true},
		"no department asked":         {Condition{Group: inStaff}, both, true},
		"more than the later":         {both, sales, false},
		"a unit":                      {Condition{OU: "OU=a,DC=b"}, Condition{OU: "OU=c,OU=a,DC=b"}, true},
		"a unit, of none":             {Condition{OU: "OU=a,DC=b"}, sales, false},
		"a unit beside":               {Condition{OU: "OU=a,DC=b"}, Condition{OU: "OU=c,DC=b"}, false},
		"a location":                  {at("Oslo"), at("oslo"), true},
		"another location":            {at("Oslo"), at("Bern"), false},
		"a location, of none":         {at("Oslo"), sales, false},
		"a company":                   {company, company, true},
		"a company, of none":          {company, sales, false},
		"a network":                   {Condition{Network: nets("10.0.0.0/8")}, Condition{Network: nets("10.1.0.0/16")}, true},
		"a network beside":            {Condition{Network: nets("10.0.0.0/8")}, Condition{Network: nets("192.0.2.0/24")}, false},
		"a wider network":             {Condition{Network: nets("10.0.0.0/16")}, Condition{Network: nets("10.0.0.0/8")}, false},
		"a network, of none":          {Condition{Network: nets("10.0.0.0/8")}, sales, false},
		"hours":                       {day(60), day(60), true},
		"other hours":                 {day(60), day(61), false},
		"hours, of none":              {day(60), sales, false},
		"a state":                     {state(StateLocked, StateExpired), state(StateLocked), true},
		"another state":               {state(StateLocked), state(StateLocked, StateExpired), false},
		"a state, of none":            {state(StateLocked), sales, false},
		"a new device":                {device(true), device(true), true},
		"a known device":              {device(true), device(false), false},
		"a device, of none":           {device(false), sales, false},
		"any of":                      {Condition{Any: []Condition{sales, finance}}, sales, true},
		"any of others":               {Condition{Any: []Condition{finance}}, sales, false},
		"all of":                      {Condition{All: []Condition{sales, {Group: inStaff}}}, both, true},
		"all of more":                 {Condition{All: []Condition{sales, {Group: inStaff}}}, sales, false},
		"within all":                  {sales, Condition{All: []Condition{finance, sales}}, true},
		"within all, of others":       {sales, Condition{All: []Condition{finance}}, false},
		"within any":                  {sales, Condition{Any: []Condition{sales, both}}, true},
		"within any, of one other":    {sales, Condition{Any: []Condition{sales, finance}}, false},
		"not":                         {Condition{Not: &both}, Condition{Not: &sales}, true},
		"not, of more":                {Condition{Not: &sales}, Condition{Not: &both}, false},
		"not, of none":                {Condition{Not: &sales}, sales, false},
	} {
		if got := tc.c.covers(tc.later); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestHoursThatNothingWasReadIntoAreAnError(t *testing.T) {
	good := Hours{Days: [7]bool{1: true}, From: 0, To: 24 * 60, Zone: time.UTC}
	if !good.readable() {
		t.Error("good hours")
	}
	for name, change := range map[string]func(*Hours){
		"no zone": func(h *Hours) { h.Zone = nil }, "no day": func(h *Hours) { h.Days = [7]bool{} },
		"from before midnight": func(h *Hours) { h.From = -1 }, "from after the day": func(h *Hours) { h.From = 24 * 60 },
		"to before midnight": func(h *Hours) { h.To = -1 }, "to after the day": func(h *Hours) { h.To = 24*60 + 1 },
	} {
		h := good
		change(&h)
		if h.readable() {
			t.Errorf("%s passes", name)
		}
	}
}

func TestAnActIsDeniedForEachMistakeInIt(t *testing.T) {
	manager, group := Approvers{Manager: true}, Approvers{Group: &Group{DN: "CN=a", SID: "S-1"}}
	unresolved := Approvers{Group: &Group{DN: "CN=a", SID: "S-1", Err: "gone"}}
	unknown := Approvers{Group: &Group{DN: "CN=a"}}
	neither, twice := Approvers{}, Approvers{Manager: true, Group: group.Group}
	prove := byPasskey.Prove
	for name, tc := range map[string]struct {
		act  Act
		code string
	}{
		"as it should be":                {Act{Prove: prove, Approve: []Tier{{By: manager, Else: &group}}, Number: NumberOff}, foundMatched},
		"no proof":                       {Act{}, foundNoProof},
		"an empty alternative":           {Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}, {}}}, foundNoProof},
		"a nameless proof":               {Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey, ""}}}, foundNoProof},
		"two tiers":                      {Act{Prove: prove, Approve: []Tier{{By: manager}, {By: group}}}, foundTiers},
		"a number nobody knows":          {Act{Prove: prove, Number: "maybe"}, foundNumber},
		"nobody approves":                {Act{Prove: prove, Approve: []Tier{{By: neither}}}, foundApprovers},
		"manager and group":              {Act{Prove: prove, Approve: []Tier{{By: twice}}}, foundApprovers},
		"an unresolved group":            {Act{Prove: prove, Approve: []Tier{{By: unresolved}}}, errGroup.Error()},
		"a group without SID":            {Act{Prove: prove, Approve: []Tier{{By: unknown}}}, errGroup.Error()},
		"nobody else":                    {Act{Prove: prove, Approve: []Tier{{By: manager, Else: &neither}}}, foundApprovers},
		"an unresolved group else":       {Act{Prove: prove, Approve: []Tier{{By: manager, Else: &unresolved}}}, errGroup.Error()},
		"somebody in place of the group": {Act{Prove: prove, Approve: []Tier{{By: group, Else: &manager}}}, foundApprovers},
	} {
		p := Policy{Rules: []Rule{{Name: "r", Who: Condition{Everyone: true}, Acts: map[Kind]Act{KindReset: tc.act}}}}
		d := Evaluate(p, somebody, somebody, KindReset, Circumstances{Now: noon})
		if got := d.Findings[len(d.Findings)-1].Code; got != tc.code || (d.Verdict == Allow) != (tc.code == foundMatched) {
			t.Errorf("%s: %s, verdict %v", name, got, d.Verdict)
		}
		other := Evaluate(p, somebody, somebody, KindUnlock, Circumstances{Now: noon})
		if got := other.Findings[len(other.Findings)-1].Code; got != foundNoKind || other.Verdict != Deny {
			t.Errorf("%s, another kind: %s", name, got)
		}
	}
	if !(Decision{}).faulty() {
		t.Error("a decision that found nothing is no answer")
	}
}

func TestProofsSufficeForWhatThePolicyGivesAndNothingElse(t *testing.T) {
	prove := [][]enroll.ProofKind{{enroll.ProofRecoveryCode, enroll.ProofTOTP}}
	policy := func(kind Kind) Policy {
		return Policy{Rules: []Rule{{Name: "r", Who: Condition{Department: "Finance"}, Acts: map[Kind]Act{kind: {Prove: prove}}}}}
	}
	both := prove[0]
	for name, tc := range map[string]struct {
		kind   Kind
		policy Policy
		proved []enroll.ProofKind
		change func(*ad.Account)
		want   error
	}{
		"both":                {KindUnlock, policy(KindUnlock), both, nil, nil},
		"one of two":          {KindUnlock, policy(KindUnlock), both[:1], nil, enroll.ErrRecoverRefused},
		"none":                {KindUnlock, policy(KindUnlock), nil, nil, enroll.ErrRecoverRefused},
		"a kind there is not": {"dance", policy("dance"), both, nil, enroll.ErrRecoverRefused},
		"another kind":        {KindReset, policy(KindUnlock), both, nil, enroll.ErrRecoverRefused},
		"another department":  {KindUnlock, policy(KindUnlock), both, func(a *ad.Account) { a.Department = "Sales" }, enroll.ErrRecoverRefused},
		"a protected account": {KindUnlock, policy(KindUnlock), both, func(a *ad.Account) { a.Protected = ad.ProtectedGroup }, ad.ErrProtected},
		"an unknown one":      {KindUnlock, policy(KindUnlock), both, func(a *ad.Account) { a.Protected = ad.ProtectedUnknown }, ad.ErrProtected},
	} {
		e, _ := office(Request{})
		e.SetPolicy(tc.policy)
		a := somebody
		if tc.change != nil {
			tc.change(&a)
		}
		if err := e.Suffices(t.Context(), a, tc.kind, "", tc.proved); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
