package workflow

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
)

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// detailed is somebody with everything that conditions look at.
func detailed() ad.Account {
	a := somebody
	a.Attributes = map[string][]string{"company": {"Example Ltd"}, "extensionattribute3": {"Berlin"}, "employeetype": {"intern", "Contractor"}, "division": {}}
	a.Locked, a.LastLogon = true, time.Unix(1_700_000_000, 0)
	return a
}

func TestEachConditionAndItsError(t *testing.T) {
	plain := detailed()
	fresh := plain
	fresh.Locked, fresh.LastLogon, fresh.MustChange = false, time.Time{}, true
	old := plain
	old.Locked, old.PasswordExpired = false, true
	attribute := func(name, value string) Condition { return Condition{Attribute: &Attribute{name, value}} }
	state := func(s ...AccountState) Condition { return Condition{State: s} }
	yes, no, bad := Condition{Everyone: true}, Condition{Group: inOther}, Condition{Group: unresolved}
	office := Circumstances{Address: netip.MustParseAddr("10.1.2.3"), Now: moment(t, "2026-11-26T10:00:00Z")}
	for _, c := range []struct {
		name    string
		account ad.Account
		who     Condition
		at      Circumstances
		want    string // "yes", "no" or the error
	}{
		{"company", plain, Condition{Company: &Attribute{"company", "EXAMPLE LTD"}}, office, "yes"},
		{"another company", plain, Condition{Company: &Attribute{"company", "Example"}}, office, "no"},
		{"location", plain, Condition{Location: &Attribute{"extensionAttribute3", "berlin"}}, office, "yes"},
		{"location without an attribute", plain, Condition{Location: &Attribute{"", "berlin"}}, office, "attribute-unread"},
		{"attribute, any of its values", plain, attribute("EmployeeType", "contractor"), office, "yes"},
		{"attribute without a value there", plain, attribute("division", "x"), office, "no"},
		{"attribute that was not read", plain, attribute("title", "x"), office, "attribute-unread"},
		{"attribute without a value to compare", plain, attribute("division", ""), office, "attribute-unread"},
		{"attribute that people may edit", func() ad.Account {
			a := plain
			a.Attributes = map[string][]string{"telephonenumber": {"1"}}
			return a
		}(), attribute("telephoneNumber", "1"), office, "attribute-unread"},
		{"not an attribute that was not read", plain, Condition{Not: &Condition{Attribute: &Attribute{"title", "x"}}}, office, "attribute-unread"},
		{"network", plain, Condition{Network: prefixes("192.0.2.0/24", "10.0.0.0/8")}, office, "yes"},
		{"another network", plain, Condition{Network: prefixes("192.0.2.0/24")}, office, "no"},
		{"network, mapped address", plain, Condition{Network: prefixes("10.0.0.0/8")}, Circumstances{Address: netip.MustParseAddr("::ffff:10.1.2.3")}, "yes"},
		{"network, IPv6", plain, Condition{Network: prefixes("2001:db8::/32")}, Circumstances{Address: netip.MustParseAddr("2001:db8::1%eth0")}, "yes"},
		{"network, no address", plain, Condition{Network: prefixes("10.0.0.0/8")}, Circumstances{}, "address-unknown"},
		{"not network, no address", plain, Condition{Not: &Condition{Network: prefixes("10.0.0.0/8")}}, Circumstances{}, "address-unknown"},
		{"no networks", plain, Condition{Network: []netip.Prefix{}}, office, "network-unreadable"},
		{"broken network", plain, Condition{Network: []netip.Prefix{{}}}, office, "network-unreadable"},
		{"hours without a zone", plain, Condition{Hours: &Hours{Days: [7]bool{4: true}, To: 60}}, office, "hours-unreadable"},
		{"hours without days", plain, Condition{Hours: &Hours{To: 60, Zone: time.UTC}}, office, "hours-unreadable"},
		{"hours without a time", plain, Condition{Hours: &Hours{Days: [7]bool{4: true}, To: 60, Zone: time.UTC}}, Circumstances{}, "hours-unreadable"},
		{"locked", plain, state(StateLocked), office, "yes"},
		{"not locked", old, state(StateLocked), office, "no"},
		{"expired", old, state(StateExpired), office, "yes"},
		{"must change", fresh, state(StateMustChange), office, "yes"},
		{"never used", fresh, state(StateNeverUsed), office, "yes"},
		{"used", plain, state(StateNeverUsed), office, "no"},
		{"one of two states", old, state(StateLocked, StateExpired), office, "yes"},
		{"no states", plain, Condition{State: []AccountState{}}, office, "state-unknown"},
		{"unknown state", plain, state("sleepy"), office, "state-unknown"},
		{"any", plain, Condition{Any: []Condition{no, yes}}, office, "yes"},
		{"any of none that match", plain, Condition{Any: []Condition{no, no}}, office, "no"},
		{"any, an error behind what matches", plain, Condition{Any: []Condition{yes, bad}}, office, "group-unresolved"},
		{"any of nothing", plain, Condition{Any: []Condition{}}, office, "condition-empty"},
		{"any of an empty one", plain, Condition{Any: []Condition{yes, {}}}, office, "condition-empty"},
		{"all", plain, Condition{All: []Condition{yes, yes}}, office, "yes"},
		{"all but one", plain, Condition{All: []Condition{yes, no}}, office, "no"},
		{"all, an error behind what does not match", plain, Condition{All: []Condition{no, bad}}, office, "group-unresolved"},
		{"all of nothing", plain, Condition{All: []Condition{}}, office, "condition-empty"},
		{"not any", plain, Condition{Not: &Condition{Any: []Condition{no, no}}}, office, "yes"},
		{"not any, in error", plain, Condition{Not: &Condition{Any: []Condition{yes, bad}}}, office, "group-unresolved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Policy{Rules: []Rule{{Name: "r", Who: c.who, Acts: map[Kind]Act{KindReset: byPasskey}}}}
			d := Evaluate(p, c.account, c.account, KindReset, c.at)
			got := map[Verdict]string{Allow: "yes", Deny: d.Findings[len(d.Findings)-1].Code}[d.Verdict]
			if got == foundNoMatch {
				got = "no"
			}
			if got != c.want {
				t.Fatalf("%s, want %s: %+v", got, c.want, d)
			}
			if d.faulty() != (c.want != "yes" && c.want != "no") {
				t.Errorf("faulty is %v", d.faulty())
			}
		})
	}
}

func TestHoursAreThoseOfAWallClock(t *testing.T) {
	weekdays := [7]bool{1: true, 2: true, 3: true, 4: true, 5: true}
	everyDay := [7]bool{true, true, true, true, true, true, true}
	berlin := zone(t, "Europe/Berlin")
	day := Hours{Days: weekdays, From: 7 * 60, To: 19 * 60, Zone: berlin}
	night := Hours{Days: weekdays, From: 22 * 60, To: 6 * 60, Zone: berlin}
	skipped := Hours{Days: everyDay, From: 2*60 + 30, To: 4 * 60, Zone: berlin} // 02:30 to 04:00
	twice := Hours{Days: everyDay, From: 2 * 60, To: 3 * 60, Zone: berlin}
	for _, c := range []struct {
		name  string
		hours Hours
		at    string
		want  bool
	}{
		{"just before", day, "2026-11-26T06:59:59+01:00", false},
		{"at the beginning", day, "2026-11-26T07:00:00+01:00", true},
		{"just before the end", day, "2026-11-26T18:59:59+01:00", true},
		{"at the end", day, "2026-11-26T19:00:00+01:00", false},
		{"another zone's time", day, "2026-11-26T06:30:00Z", true},
		{"in summer", day, "2026-07-01T05:00:00Z", true},
		{"in summer, a winter hour early", day, "2026-07-01T04:59:59Z", false},
		{"on a Saturday", day, "2026-11-28T12:00:00+01:00", false},
		{"Friday night", night, "2026-11-27T23:00:00+01:00", true},
		{"the morning after", night, "2026-11-28T05:59:00+01:00", true},
		{"the end of it", night, "2026-11-28T06:00:00+01:00", false},
		{"Saturday night", night, "2026-11-28T23:00:00+01:00", false},
		{"Sunday's morning after", night, "2026-11-29T03:00:00+01:00", false},
		{"Monday before its night", night, "2026-11-30T03:00:00+01:00", false},
		{"noon is no night", night, "2026-11-26T12:00:00+01:00", false},
		{"clocks forward, before the gap", skipped, "2026-03-29T00:59:59Z", false},
		{"clocks forward, the first moment behind it", skipped, "2026-03-29T01:00:00Z", true},
		{"clocks back, the first time", twice, "2026-10-25T00:30:00Z", true},
		{"clocks back, the second time", twice, "2026-10-25T01:30:00Z", true},
		{"clocks back, behind it", twice, "2026-10-25T02:00:00Z", false},
		{"whole day, last minute", Hours{Days: everyDay, To: 24 * 60, Zone: berlin}, "2026-11-26T23:59:59+01:00", true},
	} {
		if got := c.hours.contain(wallClock(moment(t, c.at), c.hours.Zone)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A condition made ready answers as it does when it is made on the fly, and a trace
// changes nothing.
func TestReadinessAndTracesChangeNoDecision(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 7))
	a := detailed()
	for range 2000 {
		p := generated(rnd)
		at := Circumstances{Address: netip.MustParseAddr("10.1.2.3"), Now: time.Unix(rnd.Int64N(2_000_000_000), 0)}
		for _, kind := range Kinds {
			plain := Evaluate(p, a, a, kind, at)
			trace := &Trace{}
			ready := evaluate(p.Ready(), a, a, kind, at, trace)
			if !reflect.DeepEqual(plain, ready) {
				t.Fatalf("%+v\n%+v", plain, ready)
			}
			if len(p.Rules) > 0 && len(trace.Rules) == 0 || len(trace.Rules) > len(p.Rules) {
				t.Fatalf("%d of %d rules traced", len(trace.Rules), len(p.Rules))
			}
		}
	}
}

// What covers says must hold: wherever the later one matches, the earlier one does,
// or is in error, which decides as well.
func TestARuleThatCoversAnotherDecidesForEverybodyOfIt(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 9))
	covered := 0
	for range 60_000 {
		earlier, later := richCondition(rnd, 2), richCondition(rnd, 2)
		if !earlier.covers(later) {
			continue
		}
		covered++
		for range 20 {
			a, at := richSubject(rnd)
			m := newMaker()
			first, second := earlier.test("who", m), later.test("who", m)
			match, err := first.look(newSubject(&a, at, m), nil)
			behind, errBehind := second.look(newSubject(&a, at, m), nil)
			if errBehind == nil && behind && err == nil && !match {
				t.Fatalf("%+v does not cover %+v: %+v %+v", earlier, later, a, at)
			}
		}
	}
	if covered < 100 {
		t.Fatalf("only %d pairs cover: the test tests nothing", covered)
	}
}

// richCondition has parts of every kind.
func richCondition(rnd *rand.Rand, depth int) Condition {
	var c Condition
	for range 1 + rnd.IntN(2) {
		switch n := rnd.IntN(11); {
		case n == 0:
			c.Everyone = true
		case n == 1:
			c.Group = []*Group{inStaff, inOther}[rnd.IntN(2)]
		case n == 2:
			c.OU = []string{"OU=Staff,DC=corp,DC=example,DC=test", "OU=Sales,OU=Staff,DC=corp,DC=example,DC=test"}[rnd.IntN(2)]
		case n == 3:
			c.Department = []string{"finance", "sales"}[rnd.IntN(2)]
		case n == 4:
			c.Company = &Attribute{"company", []string{"a", "b"}[rnd.IntN(2)]}
		case n == 5:
			c.Attribute = &Attribute{[]string{"company", "division"}[rnd.IntN(2)], []string{"a", "b"}[rnd.IntN(2)]}
		case n == 6:
			c.Network = prefixes([]string{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"}[rnd.IntN(3)])
		case n == 7:
			c.Hours = &Hours{Days: [7]bool{1: true, 2: rnd.IntN(2) == 0}, From: 7 * 60, To: 19 * 60, Zone: time.UTC}
		case n == 8:
			c.State = [][]AccountState{{StateLocked}, {StateLocked, StateExpired}, {StateNeverUsed}}[rnd.IntN(3)]
		case depth == 0:
			c.Everyone = true
		case n == 9:
			n := richCondition(rnd, depth-1)
			c.Not = &n
		default:
			list := []Condition{richCondition(rnd, depth-1), richCondition(rnd, depth-1)}
			if rnd.IntN(2) == 0 {
				c.Any = list
			} else {
				c.All = list
			}
		}
	}
	return c
}

func richSubject(rnd *rand.Rand) (ad.Account, Circumstances) {
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	a := ad.Account{
		GUID: ad.GUID{1}, DN: pick("CN=A,OU=Staff,DC=corp,DC=example,DC=test", "CN=A,OU=Sales,OU=Staff,DC=corp,DC=example,DC=test", "CN=A,DC=corp"),
		Department: pick("finance", "sales", ""), Groups: []string{pick(inStaff.SID, "S-1-5-21-1-2-3-513"), pick(inOther.SID, "S-1-5-21-1-2-3-514")},
		Locked: rnd.IntN(2) == 0, PasswordExpired: rnd.IntN(2) == 0,
		Attributes: map[string][]string{"company": {pick("a", "b", "c")}, "division": {pick("a", "b", "c")}},
	}
	if rnd.IntN(2) == 0 {
		a.LastLogon = time.Unix(1, 0)
	}
	at := Circumstances{
		Address: netip.MustParseAddr(pick("10.1.2.3", "10.2.2.3", "192.0.2.1", "2001:db8::1")),
		Now:     time.Date(2026, 11, 22+rnd.IntN(5), rnd.IntN(24), 0, 0, 0, time.UTC),
	}
	return a, at
}
