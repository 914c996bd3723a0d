package workflow

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
)

// Decisions share what was found on the way: none may change another's.
func TestFindingsAreNobodysToChange(t *testing.T) {
	p, a, at := twoHundred(t)
	want := fmt.Sprint(Evaluate(p, a, a, KindReset, at).Findings)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				d := Evaluate(p, a, a, KindReset, at).deny("rest", foundTooWeak, "")
				if len(d.Findings) != 201 || d.Findings[200].Code != foundTooWeak || d.Findings[199].Code != foundMatched {
					t.Errorf("%d findings, the last ones %v", len(d.Findings), d.Findings[199:])
				}
				if none := Evaluate(p, a, a, KindUnlock, at); len(none.Findings) != 200 || none.Findings[199].Code != foundNoKind {
					t.Errorf("%v", none.Findings[199:])
				}
				d.Findings = append(d.Findings[:100], Finding{Code: "mine"})
			}
		})
	}
	all.Wait()
	if got := fmt.Sprint(Evaluate(p, a, a, KindReset, at).Findings); got != want {
		t.Error("the findings are others than before")
	}
}

// What is kept is bounded, and a policy beyond it decides as it would below.
func TestAVeryLongPolicyKeepsNoMoreThanItMay(t *testing.T) {
	_, a, at := twoHundred(t)
	var p Policy
	for i := range 600 {
		p.Rules = append(p.Rules, Rule{
			Name: fmt.Sprint("rule ", i), Who: Condition{Department: fmt.Sprint("D", i)}, Acts: map[Kind]Act{KindReset: byPasskey},
		})
	}
	p = p.Ready()
	for i := range p.Rules {
		a.Department = fmt.Sprint("D", i)
		first, again := Evaluate(p, a, a, KindReset, at), Evaluate(p, a, a, KindReset, at)
		if len(first.Findings) != i+1 || first.Findings[i] != (Finding{Rule: p.Rules[i].Name, Code: foundMatched, Detail: "reset"}) || !reflect.DeepEqual(first, again) {
			t.Fatalf("rule %d: %+v", i, first.Findings[i:])
		}
	}
	if kept := p.made().kept.Load(); kept > maxKept || kept < maxKept/2 {
		t.Errorf("%d findings are kept", kept)
	}
}

// More zones, attributes and groups than a subject has room for at once.
func TestManyZonesAttributesAndGroupsAreToldApart(t *testing.T) {
	p, a, at := twoHundred(t)
	rules := p.Rules[:0:0]
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"}
	for i := range 300 {
		name := fmt.Sprint("attr", i%9)
		rules = append(rules, Rule{Name: fmt.Sprint(i), Who: Condition{
			Group: &Group{DN: "CN=x", SID: fmt.Sprint("S-1-", i)}, Attribute: &Attribute{name, "yes"},
			Hours: &Hours{Days: [7]bool{true, true, true, true, true, true, true}, From: 0, To: 24 * 60, Zone: zone(t, zones[i%4])},
		}, Acts: map[Kind]Act{KindReset: byPasskey}})
	}
	p = Policy{Rules: rules}.Ready()
	a.Attributes = map[string][]string{}
	for i := range 9 {
		a.Attributes[fmt.Sprint("attr", i)] = []string{"no"}
	}
	for i := range 300 {
		a.Groups = []string{"S-0", fmt.Sprint("S-1-", i)}
		name := fmt.Sprint("attr", i%9)
		a.Attributes[name] = []string{"Yes"}
		if d := Evaluate(p, a, a, KindReset, at); d.Rule != fmt.Sprint(i) {
			t.Fatalf("rule %d: %q, %v", i, d.Rule, d.Findings[len(d.Findings)-1])
		}
		a.Attributes[name] = []string{"no"}
	}
}
