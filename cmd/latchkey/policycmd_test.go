package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

const realmBase = "DC=corp,DC=example,DC=test"

// realm is a directory of made-up people, and a configuration for it.
type realm struct {
	dir, config, head string
	names             []string
	dc                *minidc.Server
	clock             atomic.Int64 // seconds
}

var (
	realmUnits  = []string{"OU=Staff," + realmBase, "OU=Sales,OU=Staff," + realmBase, "OU=Partners," + realmBase}
	realmGroups = []string{"Finance", "Helpdesk", "Executives"}
	realmPlaces = []string{"Berlin", "Hamburg", "Wien"}
)

// newRealm makes people whose every attribute is drawn from rnd. The clock of the
// directory and of everything in this process is the realm's.
func newRealm(t *testing.T, rnd *rand.Rand, people int) *realm {
	t.Helper()
	r := &realm{dir: t.TempDir()}
	r.config = filepath.Join(r.dir, "latchkey.yaml")
	r.clock.Store(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Unix())
	clock := func() time.Time { return time.Unix(r.clock.Load(), 0) }
	real := now
	now = clock
	t.Cleanup(func() { now = real })
	dc := minidc.New(minidc.Config{Now: clock})
	t.Cleanup(func() { dc.Close() })
	r.dc = dc
	dc.SetDomainPolicy(minidc.Policy{MinLength: 8, MaxAge: 90 * 24 * time.Hour, LockoutThreshold: 5}) // locked until unlocked
	for _, ou := range append([]string{"OU=Groups," + realmBase}, realmUnits...) {
		dc.AddOU(ou)
	}
	const password = "Service-Harbour-2026"
	dc.AddUser(minidc.User{Name: "svc", Account: "svc", Password: password, Attributes: map[string][]string{"userAccountControl": {"66048"}}})
	members := map[string][]string{}
	var before []string // DNs: managers
	for i := range people {
		u := realmPerson(rnd, i, clock())
		if i > 0 && rnd.IntN(2) == 0 {
			u.Attributes["manager"] = []string{before[rnd.IntN(i)]}
		}
		dc.AddUser(u)
		r.names, before = append(r.names, u.Account), append(before, "CN="+u.Name+","+u.Parent)
		for _, g := range realmGroups {
			if rnd.IntN(3) == 0 {
				members[g] = append(members[g], "CN="+u.Name+","+u.Parent)
			}
		}
	}
	for _, g := range realmGroups {
		dc.AddGroup(minidc.Group{Name: g, Parent: "OU=Groups," + realmBase, Members: members[g]})
	}
	dc.AddGroup(minidc.Group{Name: "Empty", Parent: "OU=Groups," + realmBase})
	at, err := dc.ListenLDAPS("127.0.0.1:0")
	must(t, err)
	must(t, os.WriteFile(r.dir+"/ca.pem", dc.CAPEM(), 0o600))
	must(t, os.WriteFile(r.dir+"/password", []byte(password), 0o600))
	must(t, os.Mkdir(r.dir+"/data", 0o700))
	r.head = fmt.Sprintf(`listen: 127.0.0.1:0
public_url: http://localhost:8080
organisation: Example
data: %q
support: {name: Desk, phone: "1"}
directory: {controllers: [%q], ca_file: %q, location_attribute: extensionAttribute3, read: {bind: "CN=svc,CN=Users,%s", password_file: %q}}
`, r.dir+"/data", at, r.dir+"/ca.pem", realmBase, r.dir+"/password")
	return r
}

// firstPerson is protected, frozen and without a passkey in no draw.
const firstPerson = 0

func realmPerson(rnd *rand.Rand, i int, at time.Time) minidc.User {
	name := fmt.Sprintf("p%03d", i)
	u := minidc.User{
		Name: name, Account: name, Parent: realmUnits[rnd.IntN(3)], Password: "Start-Value-001!", MustChange: rnd.IntN(5) == 0,
		Department: []string{"Finance", "Engineering", ""}[rnd.IntN(3)],
		Attributes: map[string][]string{"extensionAttribute3": {realmPlaces[rnd.IntN(3)]}},
	}
	if rnd.IntN(2) == 0 {
		u.Attributes["company"] = []string{[]string{"Example Ltd", "Partner GmbH"}[rnd.IntN(2)]}
	}
	if rnd.IntN(2) == 0 {
		u.Attributes["employeeType"] = []string{[]string{"contractor", "employee"}[rnd.IntN(2)]}
	}
	if rnd.IntN(2) == 0 {
		u.Attributes["lastLogonTimestamp"] = []string{strconv.FormatInt((at.Unix()+11644473600)*1e7, 10)}
	}
	if rnd.IntN(3) == 0 {
		u.Attributes["lockoutTime"] = []string{strconv.FormatInt((at.Unix()+11644473600)*1e7, 10)}
	}
	if rnd.IntN(12) == 0 && i != firstPerson {
		u.Attributes["adminCount"] = []string{"1"}
	}
	return u
}

// write makes a file of policies, given as JSON, which is YAML.
func (r *realm) write(t *testing.T, path string, policies []any) {
	t.Helper()
	must(t, os.WriteFile(path, r.file(t, policies), 0o600))
}

func (r *realm) file(t *testing.T, policies []any) []byte {
	t.Helper()
	text, err := json.Marshal(policies)
	must(t, err)
	return fmt.Appendf(nil, "%spolicies: %s\n", r.head, text)
}

// draw leaves out policies with an entry that happens to be never reached.
func (r *realm) draw(t *testing.T, rnd *rand.Rand) []any {
	t.Helper()
	for range 100 {
		drawn := drawPolicies(rnd)
		_, err := config.Parse("drawn.yaml", r.file(t, drawn))
		if err == nil {
			return drawn
		}
		if !strings.Contains(err.Error(), "is never reached") && !strings.Contains(err.Error(), "nobody can set up") {
			t.Fatal(err)
		}
	}
	t.Fatal("no policy of a hundred is right")
	return nil
}

type object = map[string]any

func drawPolicies(rnd *rand.Rand) (out []any) {
	for i := range 1 + rnd.IntN(4) {
		rule := object{"name": fmt.Sprintf("r%d", i), "who": drawWho(rnd, 2)}
		drawActs(rnd, rule)
		out = append(out, rule)
	}
	if rnd.IntN(2) == 0 {
		rest := object{"name": "rest", "who": object{"everyone": true}}
		drawActs(rnd, rest)
		out = append(out, rest)
	}
	return out
}

func drawActs(rnd *rand.Rand, rule object) {
	for _, kind := range workflow.Kinds {
		act := object{}
		switch rnd.IntN(4) {
		case 0:
			continue
		case 1:
			act["approve"] = []any{object{"by": "manager", "else": object{"group": "CN=Helpdesk,OU=Groups," + realmBase}}}
		case 2:
			act["approve"] = []any{object{"by": object{"group": drawGroup(rnd)}, "within": "15m"}}
			act["number"] = "required"
		default:
			if kind.ChangesCredential() && rnd.IntN(2) == 0 {
				act["cool_down"] = []string{"4h", "90h"}[rnd.IntN(2)]
			}
		}
		act["prove"] = drawProve(rnd, kind, act["approve"] != nil)
		rule[string(kind)] = act
	}
	if rnd.IntN(3) == 0 {
		rule["hold"] = drawHold(rnd)
	}
}

// drawHold may be overdue at once, from a day on that is over or to come, or by the age of
// a passkey.
func drawHold(rnd *rand.Rand) object {
	hold := object{
		"must":      [][]string{{"passkey"}, {"passkey", "recovery-code"}, {"totp"}, {"pin", "recovery-code"}}[rnd.IntN(4)],
		"otherwise": []string{"remind", "limit", "limit"}[rnd.IntN(3)],
	}
	switch rnd.IntN(4) {
	case 0:
		hold["within"] = []string{"14d", "30d"}[rnd.IntN(2)]
	case 1:
		hold["within"] = "1h"
	case 2:
		hold["by"] = now().AddDate(0, 0, rnd.IntN(61)-30).UTC().Format(time.DateOnly)
	}
	return hold
}

// drawProve is ways of one proof or two, with a passkey among them or without. By a
// passkey alone enrol would be a loop.
func drawProve(rnd *rand.Rand, kind workflow.Kind, approved bool) (ways []string) {
	others := []string{"recovery-code", "recovery-code + pin", "totp", "totp + recovery-code", "pin", "passkey + pin"}
	if approved && kind != workflow.KindChange {
		others = append(others, "vouching", "vouching + pin")
	}
	if kind == workflow.KindEnrol || rnd.IntN(3) > 0 {
		ways = append(ways, "passkey")
	}
	for _, i := range rnd.Perm(len(others)) {
		if rnd.IntN(4) == 0 {
			ways = append(ways, others[i])
		}
	}
	if len(ways) == 0 || kind == workflow.KindEnrol && len(ways) == 1 {
		ways = append(ways, []string{"totp", "recovery-code + totp"}[rnd.IntN(2)])
	}
	if len(ways) == 2 && ways[0] == ways[1] {
		ways = ways[:1]
	}
	return ways
}

// drawGroup is in one of twelve no group.
func drawGroup(rnd *rand.Rand) string {
	name := realmGroups[rnd.IntN(3)]
	if rnd.IntN(12) == 0 {
		name = "Gone"
	}
	return "CN=" + name + ",OU=Groups," + realmBase
}

func drawWho(rnd *rand.Rand, depth int) object {
	who := object{}
	for range 1 + rnd.IntN(2) {
		switch n := rnd.IntN(13); {
		case n == 12:
			who["new_device"] = rnd.IntN(2) == 0
		case n == 0:
			who["group"] = drawGroup(rnd)
		case n == 1:
			who["ou"] = realmUnits[rnd.IntN(3)]
		case n == 2:
			who["department"] = []string{"finance", "ENGINEERING"}[rnd.IntN(2)]
		case n == 3:
			who["company"] = "example ltd"
		case n == 4:
			who["location"] = realmPlaces[rnd.IntN(3)]
		case n == 5:
			who["attribute"] = object{"name": "employeeType", "value": "Contractor"}
		case n == 6:
			who["network"] = []string{[]string{"10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"}[rnd.IntN(3)]}
		case n == 7:
			who["hours"] = object{"days": []string{"mon-fri", "sat,sun", "fri-mon"}[rnd.IntN(3)], "from": "20:00", "to": []string{"06:00", "23:30"}[rnd.IntN(2)], "zone": "Europe/Berlin"}
		case n == 8:
			who["state"] = []string{[]string{"locked", "expired", "must-change", "never-used"}[rnd.IntN(4)]}
		case depth == 0:
			who["department"] = "finance"
		case n == 9:
			who["not"] = drawWho(rnd, depth-1)
		default:
			who[[]string{"any", "all"}[rnd.IntN(2)]] = []any{drawWho(rnd, depth-1), drawWho(rnd, depth-1)}
		}
	}
	return who
}

func TestExplainPrintsWhatDecided(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(1, 1)), 1)
	r.dc.AddOU("OU=No," + realmBase)
	must(t, os.WriteFile(r.config, []byte(r.head+`
policies:
  - name: nights
    who: {hours: {days: mon-fri, from: "22:00", to: "06:00", zone: Europe/Berlin}}
    unlock: {prove: [passkey, recovery-code]}
    hold: {must: [recovery-code], may: [], within: 14d, otherwise: limit}
  - name: office
    who: {any: [{network: [10.0.0.0/8]}, {location: Nowhere}], not: {ou: "OU=No,`+realmBase+`"}}
    reset: {prove: [passkey], approve: [{by: manager}]}
  - name: elsewhere
    who: {network: [10.0.0.0/8, 192.0.2.9], new_device: true}
    change: {prove: [passkey]}
`), 0o600))
	for _, c := range []struct {
		args string
		says []string
	}{
		{"--kind reset --from 10.1.2.3 --at 2026-12-24T12:00:00+01:00", []string{
			`rule "nights" does not match`, `hours mon,tue,wed,thu,fri 22:00-06:00 Europe/Berlin: no (2026-12-24T11:00:00Z)`,
			`rule "office" matches and decides`, "any: yes", "network 10.0.0.0/8: yes (10.1.2.3)", "location extensionAttribute3 = Nowhere: no",
			"not: yes", "proofs:    passkey", "approvals: manager (number: weak-proof)", "reset is shown",
		}},
		{"--kind reset --from 10.1.2.3 --at 2026-12-24T22:30:00+01:00", []string{`rule "nights" matches and decides`, "must hold: recovery-code within 14 days of the first passkey; may hold nothing else; otherwise, once overdue, only unlock and enrol", "reset is not shown; asked for all the same: The policy does not allow it (policy.not-allowed), kind-not-allowed"}},
		{"--kind change --from 192.0.2.9 --at 2026-12-24T12:00:00+01:00 --device new", []string{`rule "elsewhere" matches and decides`, "new_device true: yes (new)"}},
		{"--kind change --from 192.0.2.9 --at 2026-12-24T12:00:00+01:00 --device known", []string{"new_device true: no (known)", "no-rule-matched"}},
		{"--kind change --from 192.0.2.9 --at 2026-12-24T12:00:00+01:00", []string{`rule "elsewhere" is in error and denies: device-unknown`, "a browser that nobody looked at (see --device)"}},
		{"--kind reset --at 2026-12-24T12:00:00+01:00", []string{`rule "office" is in error and denies: address-unknown`, "see --from", "reset is refused, since a rule is in error"}},
		{"--kind reset --from 192.0.2.1 --at 2026-12-24T12:00:00+01:00 --device known", []string{`rule "office" does not match`, "no rule matches", "no-rule-matched"}},
	} {
		status, said := latchkey(t, append(strings.Fields("config explain --config "+r.config+" --person p000"), strings.Fields(c.args)...)...)
		for _, s := range c.says {
			if status != 0 || !strings.Contains(said, s) {
				t.Errorf("%s: %d, no %q in\n%s", c.args, status, s, said)
			}
		}
	}
	for args, says := range map[string]string{
		"--person nobody --kind reset":           "nobody: the directory knows nobody",
		"--person p000 --kind restet":            `"restet" is none of unlock, reset, change, one-time`,
		"--person p000 --kind reset --from here": `"here" is no address`,
		"--person p000 --kind reset --device x":  `"x" is neither new nor known`,
		"--person p000 --kind reset --at soon":   `"soon" is no moment`,
	} {
		status, said := latchkey(t, append([]string{"config", "explain", "--config", r.config}, strings.Fields(args)...)...)
		if status != 1 || !strings.Contains(said, says) {
			t.Errorf("%s: %d, %s", args, status, said)
		}
	}
}

// What somebody holds is supposed by a flag, read from the database, or said not to be known.
func TestExplainAnswersForWhatIsHeld(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(1, 1)), 1)
	must(t, os.WriteFile(r.config, []byte(r.head+`
approvers: [{name: empty, group: "CN=Empty,OU=Groups,`+realmBase+`"}]
policies:
  - name: all
    who: {everyone: true}
    hold: {must: [pin], otherwise: limit}
    unlock: {prove: [passkey]}
    reset: {prove: [totp, recovery-code + pin]}
    one-time: {prove: [vouching], approve: [{by: empty}]}
    enrol: {prove: [recovery-code + totp], approve: [{by: empty}]}
    change: {prove: [passkey, pin]}
`), 0o600))
	explain := func(args ...string) string {
		t.Helper()
		status, said := latchkey(t, append(strings.Fields("config explain --config "+r.config+" --person p000"), args...)...)
		if status != 0 {
			t.Fatal(said)
		}
		return said
	}
	says := func(said string, all ...string) {
		t.Helper()
		for _, one := range all {
			if !strings.Contains(said, one) {
				t.Errorf("no %q in\n%s", one, said)
			}
		}
	}
	says(explain("--kind", "reset"), "\nholds:     not known, see --holds: ", "sees:      reset is shown, as far as the policy goes\n")
	says(explain("--kind", "reset", "--holds", "passkey,pin,totp"),
		"holds:     passkey, pin, totp, as supposed\nproofs:    totp, or recovery-code + pin\napprovals: none\nsigned in: recovery-code + pin\nway in:    without a passkey: recovery-code + pin\nmust hold: pin; otherwise, once overdue, only unlock and enrol\nsees:      reset is shown\n")
	says(explain("--kind", "reset", "--holds", "passkey"), "way in:    without a passkey: none\n", "lacks:     pin, overdue\nsees:      reset is refused: ", "(duty.missing), pin\n")
	says(explain("--kind", "one-time", "--holds", "pin"), "way in:    without a passkey: vouching\n", "sees:      one-time is refused: ", "(proof.only-vouched)\n")
	says(explain("--kind", "reset", "--holds", "none"), "holds:     nothing, as supposed\n")
	for args, want := range map[string]string{"passkey,phone": `--holds: "phone" is none of passkey, hardware-key, recovery-code`, "none,totp": `"none" is none of`} {
		status, said := latchkey(t, "config", "explain", "--config", r.config, "--person", "p000", "--kind", "reset", "--holds", args)
		if status != 1 || !strings.Contains(said, want) {
			t.Errorf("%s: %d, %s", args, status, said)
		}
	}

	cfg, err := config.Load(r.config)
	must(t, err)
	a, err := openApp(t.Context(), cfg, streams{io.Discard, io.Discard})
	must(t, err)
	id, err := a.dir.Resolve(t.Context(), "p000")
	must(t, err)
	must(t, a.store.AddCredential(t.Context(), enroll.Credential{ID: []byte("one"), Account: id, Name: "phone", Created: now()}))
	says(explain("--kind", "reset"), "holds:     passkey\n", "lacks:     pin, overdue\n", "(duty.missing), pin\n")
	a.close()
	// No server runs, and what it left is read.
	says(explain("--kind", "reset"), "holds:     passkey\n")
	must(t, os.WriteFile(r.config, []byte(r.head+"\napprovers: [{name: empty, group: \"CN=Empty,OU=Groups,"+realmBase+"\"}]\npolicies:\n  - {name: all, who: {everyone: true}, unlock: {prove: [passkey]}, "+
		"reset: {prove: [passkey], cool_down: 24h}, one-time: {prove: [passkey], approve: [{by: empty}]}}\n"), 0o600))
	says(explain("--kind", "reset"), "(proof.cool-down), until 2026-03-02T00:00:00Z\n")
	says(explain("--kind", "one-time"), "asked:     nobody could approve now; asking is refused: ", "(review.no-approver)\nsees:      one-time is shown\n")
}

// What somebody set up and what counts no more is not held for explain either: answers to a
// list that has another question since, a mailbox that is the account's own by now, a number
// that nobody may verify any more.
func TestExplainLeavesOutWhatCountsNoMore(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(1, 1)), 1)
	file := func(questions int, sms string) {
		list := make([]string, questions)
		for i := range list {
			list[i] = fmt.Sprintf("{id: q%d, en: Which one, de: Welche}", i)
		}
		must(t, os.WriteFile(r.config, []byte(r.head+`
mail: {host: smtp.corp.example.test, from: latchkey@corp.example.test}
proofs:
  mail_code: {verified: true}
  sms_code: {`+sms+`, countries: ["+49"], gateway: {url: "https://sms.example.test/"}}
  questions: {list: [`+strings.Join(list, ", ")+`]}
policies:
  - name: all
    who: {everyone: true}
    hold: {must: [questions, mail-code]}
    unlock: {prove: [passkey, questions + mail-code, sms-code]}
`), 0o600))
	}
	explain := func() explained {
		t.Helper()
		return explainBy(t, r, "p000", workflow.KindUnlock, "")
	}
	file(5, "verified: true")
	cfg, err := config.Load(r.config)
	must(t, err)
	a, err := openApp(t.Context(), cfg, streams{io.Discard, io.Discard})
	must(t, err)
	id, err := a.dir.Resolve(t.Context(), "p000")
	must(t, err)
	keep := func(kind enroll.ProofKind, what string) {
		t.Helper()
		must(t, a.store.ReplaceFactors(t.Context(), id, kind, []enroll.Factor{{ID: "f-" + string(kind), Account: id, Kind: kind, Secret: []byte(what), Created: now()}}))
	}
	keep(enroll.ProofQuestions, `{"q0": {}, "q1": {}, "q2": {}, "q3": {}, "q4": {}}`)
	keep(enroll.ProofMailCode, "me@home.example")
	keep(enroll.ProofSMSCode, "+4915112345678")
	all := []enroll.ProofKind{enroll.ProofMailCode, enroll.ProofQuestions, enroll.ProofSMSCode}
	if x := explain(); !slices.Equal(x.Holds, all) || x.Void != nil || x.Lacks != nil {
		t.Errorf("all that was set up: %+v", x)
	}
	keep(enroll.ProofMailCode, "P000@corp.example.test")
	if x := explain(); !slices.Equal(x.Holds, all[1:]) || !slices.Equal(x.Void, all[:1]) || x.Lacks == nil || !slices.Equal(x.Lacks.Proofs, all[:1]) {
		t.Errorf("a mailbox of the account's own: %+v", x)
	}
	_, said := latchkey(t, "config", "explain", "--config", r.config, "--person", "p000", "--kind", "unlock")
	if !strings.Contains(said, "holds:     questions, sms-code; no more, but for its rank: mail-code\n") {
		t.Error(said)
	}
	file(6, "verified: true")
	if x := explain(); !slices.Equal(x.Holds, all[2:]) || x.Lacks == nil || len(x.Lacks.Proofs) != 2 {
		t.Errorf("another question: %+v", x)
	}
	file(6, "attribute: extensionAttribute4")
	if x := explain(); len(x.Holds) != 0 {
		t.Errorf("a number that nobody may verify: %+v", x)
	}
	a.close()
}

// The wait holds thieves up as an approval does, so that explain names it.
func TestExplainPrintsTheCoolDown(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(1, 1)), 1)
	must(t, os.WriteFile(r.config, []byte(r.head+"\npolicies:\n  - {name: all, who: {everyone: true}, unlock: {prove: [passkey]}, reset: {prove: [passkey], cool_down: 24h}, one-time: {prove: [passkey], cool_down: 90m}}\n"), 0o600))
	for kind, wait := range map[workflow.Kind]string{workflow.KindReset: "24h", workflow.KindOneTime: "1h30m", workflow.KindUnlock: ""} {
		status, said := latchkey(t, "config", "explain", "--config", r.config, "--person", "p000", "--kind", string(kind))
		line := "approvals: none\ncool-down: after a proof of theirs was added, replaced or removed, waits " + wait + "\nsees: "
		if status != 0 || strings.Contains(said, line) != (wait != "") || strings.Contains(said, "cool-down") != (wait != "") {
			t.Errorf("%s: %d\n%s", kind, status, said)
		}
		if x := explainBy(t, r, "p000", kind, ""); x.Terms == nil || x.Terms.CoolDown != wait {
			t.Errorf("%s: %+v", kind, x.Terms)
		}
	}
}

func TestDiffSaysWhoWaitsAnotherTime(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(2, 2)), 40)
	file := func(name, more string) string {
		path := filepath.Join(r.dir, name)
		must(t, os.WriteFile(path, []byte(r.head+"\npolicies:\n  - {name: all, who: {everyone: true}, unlock: {prove: [passkey]}"+more+"}\n"), 0o600))
		return path
	}
	day, hour := file("day.yaml", ", reset: {prove: [passkey], cool_down: 24h}"), file("hour.yaml", ", reset: {prove: [passkey], cool_down: 1h}")
	none, gone := file("none.yaml", ", reset: {prove: [passkey]}"), file("gone.yaml", "")
	manager := file("manager.yaml", ", reset: {prove: [passkey], approve: [{by: manager}]}")
	for _, c := range []struct{ from, to, says, counts string }{
		{day, none, `reset    changes  cool-down: 24h → none (rule "all")`, "0 gains, 0 losses, %d changes"},
		{none, day, `reset    changes  cool-down: none → 24h (rule "all")`, "0 gains, 0 losses, %d changes"},
		{day, hour, `reset    changes  cool-down: 24h → 1h (rule "all")`, "0 gains, 0 losses, %d changes"},
		{day, manager, `reset    changes  approvals: none → manager (number: weak-proof); cool-down: 24h → none (rule "all")`, "0 gains, 0 losses, %d changes"},
		{gone, day, `reset    gains    proofs: passkey; approvals: none; cool-down: 24h (rule "all")`, "%d gains, 0 losses, 0 changes"},
		{day, gone, `reset    loses    kind-not-allowed (rule "all"); had proofs: passkey; approvals: none; cool-down: 24h (rule "all")`, "0 gains, %d losses, 0 changes"},
	} {
		status, said := latchkey(t, "config", "diff", c.from, c.to, "--people", "p000,p001,p002")
		n := strings.Count(said, "  "+c.says+"\n")
		if status != 0 || n == 0 || !strings.Contains(said, fmt.Sprintf("%d of 3 people differ: "+c.counts+", 0 errors", n, n)) {
			t.Errorf("%d, %d times %q in\n%s", status, n, c.says, said)
		}
	}
	if status, said := latchkey(t, "config", "diff", day, day, "--people", "all"); status != 0 || !strings.HasPrefix(said, "0 of 42 people differ") {
		t.Errorf("%d %s", status, said)
	}
}

func TestDiffSaysWhoHasToHoldWhat(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(2, 2)), 40)
	plain, held, limited := r.config, filepath.Join(r.dir, "held.yaml"), filepath.Join(r.dir, "limited.yaml")
	for file, hold := range map[string]string{plain: "", held: ", hold: {must: [passkey], within: 14d}", limited: ", hold: {must: [passkey], within: 14d, otherwise: limit}"} {
		must(t, os.WriteFile(file, []byte(r.head+"\npolicies:\n  - {name: all, who: {everyone: true}, unlock: {prove: [passkey]}"+hold+"}\n"), 0o600))
	}
	const what = "passkey within 14 days of the first passkey; otherwise "
	for _, c := range []struct{ from, to, says string }{
		{plain, held, "  hold     begins   " + what + "they are reminded\n"},
		{held, plain, "  hold     ends     had to hold " + what + "they are reminded\n"},
		{held, limited, "  hold     changes  " + what + "they are reminded → passkey within 14 days of the first passkey; otherwise, once overdue, only unlock and enrol\n"},
	} {
		status, said := latchkey(t, "config", "diff", c.from, c.to, "--people", "p000,p001,p002")
		n := strings.Count(said, c.says)
		if status != 0 || n == 0 || !strings.Contains(said, fmt.Sprintf("%d of 3 people differ: 0 gains, 0 losses, 0 changes, 0 errors; %d have to hold something else; %d protected", n, n, 3-n)) {
			t.Errorf("%d, %d times %q in\n%s", status, n, c.says, said)
		}
	}
	if status, said := latchkey(t, "config", "diff", held, held, "--people", "all"); status != 0 || !strings.HasPrefix(said, "0 of 42 people differ") {
		t.Errorf("%d %s", status, said)
	}
}

func TestDiffCountsWhoGainsAndLoses(t *testing.T) {
	r := newRealm(t, rand.New(rand.NewPCG(2, 2)), 40)
	before, after := r.config, filepath.Join(r.dir, "new.yaml")
	must(t, os.WriteFile(before, []byte(r.head+`
policies:
  - {name: all, who: {everyone: true}, unlock: {prove: [passkey]}, reset: {prove: [passkey]}}
`), 0o600))
	must(t, os.WriteFile(after, []byte(r.head+`
policies:
  - {name: gone, who: {department: Finance, group: "CN=Gone,OU=Groups,`+realmBase+`"}, unlock: {prove: [passkey]}}
`), 0o600))
	// An error denies everybody that is not protected, of every kind.
	var all struct {
		People []turned
		Counts counted
	}
	diff := func(args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		line := append([]string{"config", "diff", before, after, "--json"}, args...)
		if status := run(t.Context(), line, streams{&out, &errs}); status != 0 {
			t.Fatalf("%d, %s", status, errs.String())
		}
		all.People, all.Counts = nil, counted{}
		must(t, json.Unmarshal(out.Bytes(), &all))
	}
	diff("--people", "all")
	// 40 people, the service account and Administrator; these and some others are protected.
	if c := all.Counts; c.People != 42 || c.Protected == 0 || c.Differ != 42-c.Protected || c.Errors != len(workflow.Kinds)*c.Differ || c.Gains+c.Loses+c.Changes != 0 {
		t.Errorf("%+v", c)
	}
	must(t, os.WriteFile(after, []byte(r.head+`
policies:
  - {name: berlin, who: {location: Berlin}, unlock: {prove: [passkey]}, change: {prove: [passkey]}}
  - {name: rest, who: {everyone: true}, unlock: {prove: [passkey]}, reset: {prove: [passkey], approve: [{by: manager}]}}
`), 0o600))
	diff("--people", "all")
	c := all.Counts
	if c.Gains == 0 || c.Gains != c.Loses || c.Changes == 0 || c.Gains+c.Changes != c.Differ || c.Differ+c.Protected != c.People || c.Errors != 0 || len(all.People) != c.Differ {
		t.Errorf("%+v", c)
	}
	named := all.People[0].Account
	diff("--people", named+","+all.People[1].Account)
	if len(all.People) != 2 || all.People[0].Account != named {
		t.Errorf("%+v", all)
	}
	status, said := latchkey(t, "config", "diff", before, after, "--people", "all")
	for _, s := range []string{"change   gains    proofs: passkey; approvals: none (rule \"berlin\")", "reset    loses    kind-not-allowed (rule \"berlin\"); had proofs: passkey",
		"reset    changes  approvals: none → manager (number: weak-proof)", fmt.Sprintf("%d of 42 people differ", c.Differ)} {
		if status != 0 || !strings.Contains(said, s) {
			t.Errorf("%d, no %q in\n%s", status, s, said)
		}
	}
	if status, said := latchkey(t, "config", "diff", before, before, "--people", "all"); status != 0 || !strings.HasPrefix(said, "0 of 42 people differ") {
		t.Errorf("%d %s", status, said)
	}
	if status, said := latchkey(t, "config", "diff", before, after, "--people", "all,p001"); status != 1 || !strings.Contains(said, "all stands alone") {
		t.Errorf("%d %s", status, said)
	}
}
