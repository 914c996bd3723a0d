package workflow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// told are the clashes of a rule for these people, "" for none.
func told(who Condition) string {
	var out []string
	for _, one := range (Policy{Rules: []Rule{{Who: who}}}).Contradiction(0) {
		out = append(out, strings.Join(one, " and "))
	}
	return strings.Join(out, "; ")
}

func TestARuleThatNobodyMatchesIsFound(t *testing.T) {
	const staff, sales, admins = "OU=Staff,DC=corp,DC=example,DC=test", "ou=sales,OU=Staff,DC=corp,DC=example,DC=test", "OU=Admins,DC=corp,DC=example,DC=test"
	not := func(c Condition) Condition { return Condition{Not: &c} }
	all := func(list ...Condition) Condition { return Condition{All: list} }
	any := func(list ...Condition) Condition { return Condition{Any: list} }
	ou := func(dn string) Condition { return Condition{OU: dn} }
	department := func(s string) Condition { return Condition{Department: s} }
	group := func(dn string) Condition { return Condition{Group: &Group{DN: dn}} }
	attribute := func(name, value string) Condition { return Condition{Attribute: &Attribute{name, value}} }
	network := func(texts ...string) Condition { return Condition{Network: prefixes(texts...)} }
	state := func(s ...AccountState) Condition { return Condition{State: s} }
	device := func(is bool) Condition { return Condition{NewDevice: &is} }
	weekdays := [7]bool{1: true, 2: true, 3: true, 4: true, 5: true}
	hours := func(days [7]bool, from, to int, zone *time.Location) Condition {
		return Condition{Hours: &Hours{Days: days, From: from * 60, To: to * 60, Zone: zone}}
	}
	berlin := zone(t, "Europe/Berlin")
	with := func(c, more Condition) Condition { c.Not = &more; return c }
	for _, c := range []struct {
		name string
		who  Condition
		want string
	}{
		{"not everyone", not(Condition{Everyone: true}), "who.not.everyone"},
		{"everyone but everyone", with(Condition{Everyone: true}, Condition{Everyone: true}), "who.not.everyone"},
		{"one of two that are nobody", any(not(Condition{Everyone: true}), not(Condition{Everyone: true})), "who.any[0].not.everyone; who.any[1].not.everyone"},
		{"everyone but some", with(Condition{Everyone: true}, department("x")), ""},
		{"a unit, and not that unit", with(ou(staff), ou(strings.ToLower(staff))), "who.ou and who.not.ou"},
		{"a unit, and not the one above", with(ou(sales), ou(staff)), "who.ou and who.not.ou"},
		{"a unit, and not one in it", with(ou(staff), ou(sales)), ""},
		{"two units apart", all(ou(sales), ou(admins)), "who.all[0].ou and who.all[1].ou"},
		{"a unit in another", all(ou(sales), ou(staff)), ""},
		{"a unit twice", all(ou(sales), ou(strings.ToUpper(sales))), ""},
		{"a unit that can't be read", with(ou("staff"), ou("staff")), ""},
		{"two departments", all(department("x"), department("y")), "who.all[0].department and who.all[1].department"},
		{"a department in another case", all(department("x"), department("X")), ""},
		{"a department, and not it", with(department("x"), department("X")), "who.department and who.not.department"},
		{"neither of two departments", all(not(department("x")), not(department("y"))), ""},
		{"a group, and not it", with(group("CN=A,DC=c"), group("cn=a,dc=C")), "who.group and who.not.group"},
		{"two groups", all(group("CN=A,DC=c"), group("CN=B,DC=c")), ""},
		{"two companies", all(Condition{Company: &Attribute{"company", "a"}}, attribute("Company", "b")), "who.all[0].company and who.all[1].attribute"},
		{"two values of an attribute that may have both", all(attribute("description", "a"), attribute("description", "b")), ""},
		{"a value, and not it", all(attribute("description", "a"), not(attribute("Description", "A"))), "who.all[0].attribute and who.all[1].not.attribute"},
		{"an attribute without a value", all(attribute("description", ""), not(attribute("description", ""))), ""},
		{"an attribute without a name", all(attribute("", "a"), not(attribute("", "a"))), ""},
		{"two networks", all(network("10.0.0.0/8"), network("192.0.2.0/24", "2001:db8::/32")), "who.all[0].network and who.all[1].network"},
		{"networks that share some", all(network("10.0.0.0/8", "192.0.2.0/25"), network("192.0.2.0/24")), ""},
		{"a network, and not a wider one", with(network("10.1.0.0/16"), network("10.0.0.0/8")), "who.network and who.not.network"},
		{"a network, and not a narrower one", with(network("10.0.0.0/8"), network("10.1.0.0/16")), ""},
		{"networks, and neither of them", all(network("10.0.0.0/8", "192.0.2.0/24"), not(network("192.0.2.0/24")), not(network("10.0.0.0/8"))), "who.all[2].not.network and who.all[0].network; who.all[1].not.network and who.all[0].network"},
		{"a network that can't be read", Condition{Network: []netip.Prefix{{}}, Not: &Condition{Network: []netip.Prefix{{}}}}, ""},
		{"a network that can't be read beside another", all(Condition{Network: []netip.Prefix{{}}}, network("10.0.0.0/8")), ""},
		{"no networks", all(Condition{Network: []netip.Prefix{}}, network("10.0.0.0/8")), ""},
		{"hours that never meet", all(hours(weekdays, 7, 12, berlin), hours(weekdays, 12, 19, berlin)), "who.all[0].hours and who.all[1].hours"},
		{"days that never meet", all(hours(weekdays, 7, 12, berlin), hours([7]bool{6: true}, 7, 12, berlin)), "who.all[0].hours and who.all[1].hours"},
		{"a night that ends on another's day", all(hours([7]bool{5: true}, 22, 6, berlin), hours([7]bool{6: true}, 5, 12, berlin)), ""},
		{"a night that ends before", all(hours([7]bool{5: true}, 22, 6, berlin), hours([7]bool{6: true}, 6, 12, berlin)), "who.all[0].hours and who.all[1].hours"},
		{"hours of two zones", all(hours(weekdays, 7, 12, berlin), hours(weekdays, 12, 19, time.UTC)), ""},
		{"hours, and not longer ones", with(hours(weekdays, 8, 12, berlin), hours(weekdays, 7, 12, berlin)), "who.hours and who.not.hours"},
		{"hours, and not longer ones of another zone", with(hours(weekdays, 8, 12, berlin), hours(weekdays, 7, 12, time.UTC)), ""},
		{"hours, and not shorter ones", with(hours(weekdays, 7, 12, berlin), hours(weekdays, 8, 12, berlin)), ""},
		{"hours that can't be read", with(Condition{Hours: &Hours{}}, Condition{Hours: &Hours{}}), ""},
		{"states that exclude each other", all(state(StateExpired), state(StateMustChange)), "who.all[0].state and who.all[1].state"},
		{"states that exclude each other, the other way", all(state(StateMustChange), state(StateExpired)), "who.all[0].state and who.all[1].state"},
		{"no states", all(Condition{State: []AccountState{}}, state(StateLocked)), ""},
		{"states that come together", all(state(StateLocked), state(StateExpired)), ""},
		{"a state beside one that may come with it", all(state(StateExpired), state(StateMustChange, StateNeverUsed)), ""},
		{"states, and each of them not", all(state(StateLocked, StateExpired), not(state(StateLocked)), not(state(StateExpired))), "who.all[1].not.state and who.all[0].state; who.all[2].not.state and who.all[0].state"},
		{"a state that there is not", with(state("sleepy"), state("sleepy")), ""},
		{"devices", all(device(true), device(false)), "who.all[0].new_device and who.all[1].new_device"},
		{"neither device", all(not(device(true)), not(device(false))), "who.all[0].not.new_device and who.all[1].not.new_device"},
		{"a device, and not the other", with(device(true), device(false)), ""},

		{"nothing asked", Condition{}, ""},
		{"not nothing", not(Condition{}), ""},
		{"an empty any", Condition{Any: []Condition{}}, ""},
		{"a unit, and not an empty all", with(ou(staff), Condition{All: []Condition{}}), ""},
		{"a unit, and not an empty any", with(ou(staff), Condition{Any: []Condition{}}), ""},
		{"not an empty all", not(Condition{All: []Condition{}}), ""},
		{"not not", with(ou(staff), not(not(ou(staff)))), "who.ou and who.not.not.not.ou"},
		{"a contradiction within an any", any(all(department("x"), department("y")), department("x")), ""},
		{"contradictions within all of an any", any(all(department("x"), department("y")), with(ou(sales), ou(staff))),
			"who.any[0].all[0].department and who.any[0].all[1].department; who.any[1].ou and who.any[1].not.ou"},
		{"one of an any at most", Condition{Department: "z", Any: []Condition{department("x"), department("y")}}, "who.department and who.any[0].department; who.department and who.any[1].department"},
		{"one of an any that remains", Condition{Department: "z", Any: []Condition{department("x"), department("Z")}}, ""},
		{"two anys without anything in both", all(any(department("a"), department("b")), any(department("c"), department("d"))),
			"who.all[0].any[0].department and who.all[1].any[0].department; who.all[0].any[0].department and who.all[1].any[1].department; " +
				"who.all[0].any[1].department and who.all[1].any[0].department; who.all[0].any[1].department and who.all[1].any[1].department"},
		{"not one of an any", with(group("CN=A"), any(group("CN=B"), group("CN=A"))), "who.group and who.not.any[1].group"},
		{"not both of an all", with(group("CN=A"), all(group("CN=B"), group("CN=A"))), ""},
		{"both, and not both", with(Condition{OU: sales, Department: "x"}, Condition{OU: staff, Department: "X"}), "who.ou and who.not.ou; who.department and who.not.department"},
		{"one, and not both", with(department("x"), Condition{OU: staff, Department: "x"}), ""},
		{"an error beside what is excluded", with(department("x"), Condition{OU: "broken", Department: "x"}), ""},
		{"not everyone with a unit", with(ou(sales), Condition{Everyone: true, OU: staff}), "who.ou and who.not.ou"},
	} {
		if got := told(c.who); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// However many ways lead through a rule, it is said in time that nothing is found.
func TestAManifoldRuleIsLookedAtInTime(t *testing.T) {
	var who Condition
	for i := range 60 {
		var ways []Condition
		for j := range 2 {
			ways = append(ways, Condition{Group: &Group{DN: fmt.Sprintf("CN=G%d-%d", i, j)}})
		}
		who.All = append(who.All, Condition{Any: ways})
	}
	who.All = append(who.All, Condition{Any: []Condition{{Department: "x"}, {Department: "x", OU: "OU=x"}}}, Condition{Any: []Condition{{Department: "y"}, {Department: "z"}}})
	if got := told(who); got != "" {
		t.Error(got)
	}
	nested := Condition{Department: "x"}
	for range 2000 {
		nested = Condition{All: []Condition{{Not: &Condition{Any: []Condition{{Not: &nested}}}}}}
	}
	if got := told(nested); got != "" {
		t.Error(got)
	}
}

// Whoever matches a rule proves that it does not contradict itself.
func TestNoRuleThatSomebodyMatchesIsFoundContradictory(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 11))
	found, matched := 0, 0
	for range 60_000 {
		who := manifoldCondition(rnd, 3)
		clash := told(who)
		if clash != "" {
			found++
		}
		for range 20 {
			a, at := manifoldSubject(rnd)
			m := newMaker()
			test := who.test("who", m)
			if match, err := test.look(newSubject(&a, at, m), nil); err == nil && match {
				matched++
				if clash != "" {
					t.Fatalf("%s: %+v matches %+v, %+v", clash, a, at, who)
				}
				break
			}
		}
	}
	if found < 1000 || matched < 1000 {
		t.Fatalf("%d contradictions, %d rules that somebody matches: the test tests nothing", found, matched)
	}
}

// manifoldCondition is a rich one, and at times one that contradicts it.
func manifoldCondition(rnd *rand.Rand, depth int) Condition {
	if depth > 0 && rnd.IntN(3) == 0 {
		list := []Condition{manifoldCondition(rnd, depth-1), manifoldCondition(rnd, depth-1)}
		switch rnd.IntN(3) {
		case 0:
			return Condition{All: list}
		case 1:
			return Condition{Any: list}
		}
		list[0].Not = &list[1]
		return list[0]
	}
	switch rnd.IntN(8) {
	case 0:
		is := rnd.IntN(2) == 0
		return Condition{NewDevice: &is}
	case 1:
		return Condition{State: [][]AccountState{{StateExpired}, {StateMustChange}, {StateMustChange, StateExpired}, {StateExpired, StateLocked}}[rnd.IntN(4)]}
	case 2:
		return Condition{Attribute: &Attribute{[]string{"description", "Division"}[rnd.IntN(2)], []string{"a", "B"}[rnd.IntN(2)]}}
	case 3:
		from, days := rnd.IntN(24), [7]bool{}
		days[rnd.IntN(7)], days[rnd.IntN(7)] = true, true
		return Condition{Hours: &Hours{
			Days: days, From: from * 60, To: (from + 1 + rnd.IntN(20)) % 24 * 60,
			Zone: []*time.Location{time.UTC, time.FixedZone("east", 3*60*60)}[rnd.IntN(2)],
		}}
	case 4:
		return Condition{Network: prefixes([]string{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "2001:db8::/32"}[rnd.IntN(4)], []string{"10.2.0.0/16", "192.0.2.1/32"}[rnd.IntN(2)])}
	}
	return richCondition(rnd, depth)
}

// manifoldSubject is a rich one as a directory has it: what must be changed has not expired,
// and some attributes have several values.
func manifoldSubject(rnd *rand.Rand) (ad.Account, Circumstances) {
	a, at := richSubject(rnd)
	at.Device = []Device{DeviceNew, DeviceKnown}[rnd.IntN(2)]
	a.MustChange = rnd.IntN(2) == 0
	a.PasswordExpired = a.PasswordExpired && !a.MustChange
	a.Attributes["description"] = [][]string{nil, {"A"}, {"a", "b"}, {"B"}}[rnd.IntN(4)]
	return a, at
}

func TestHoursLieWithinOthersWhereEachMinuteDoes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 12))
	draw := func() *Hours {
		h := Hours{From: rnd.IntN(1440), To: 1 + rnd.IntN(1440), Zone: time.UTC}
		for day := range h.Days {
			h.Days[day] = rnd.IntN(3) > 0
		}
		h.Days[rnd.IntN(7)] = true
		return &h
	}
	inside := 0
	for range 300 {
		a, b := draw(), draw()
		if rnd.IntN(2) == 0 {
			b.From, b.To = a.From+rnd.IntN(2)*rnd.IntN(1440-a.From), a.To
		}
		within, meet := true, false
		for i := range 7 * 1440 {
			at := wallTime{time.Weekday(i / 1440), i % 1440}
			within = within && (!a.contain(at) || b.contain(at))
			meet = meet || a.contain(at) && b.contain(at)
		}
		if a.within(b) != within || (&Condition{Hours: a}).excludes(&Condition{Hours: b}) == meet {
			t.Fatalf("%v and %v: within %t, meet %t", a, b, within, meet)
		}
		if within {
			inside++
		}
	}
	if inside == 0 {
		t.Error("none within: the test tests nothing")
	}
}
