package workflow_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

const (
	base   = "DC=corp,DC=example,DC=test"
	groups = "OU=Groups," + base
	people = "OU=Staff," + base
)

func groupDN(name string) string { return "CN=" + name + "," + groups }

// office is a directory with groups of all kinds, and a right policy.
type office struct {
	dc      *minidc.Server
	client  *ad.Client
	policy  workflow.Policy
	holders holders
	named   []workflow.Setting
	units   []workflow.Setting
}

type holders struct{ all bool }

func (h holders) HasPasskey(context.Context, ad.GUID) (bool, error) { return h.all, nil }

func (h holders) FirstPasskey(context.Context, ad.GUID) (time.Time, error) { return time.Time{}, nil }

func (h holders) ProofsReplaced(context.Context, ad.GUID) (time.Time, error) { return time.Time{}, nil }

func (h holders) HeldProofs(context.Context, ad.Account) (_, _ []enroll.ProofKind, _ error) {
	held := []enroll.ProofKind{enroll.ProofPasskey}
	return held, held, nil
}

func newOffice(t *testing.T) *office {
	t.Helper()
	dc := minidc.New(minidc.Config{})
	t.Cleanup(func() { dc.Close() })
	dc.AddOU(groups)
	dc.AddOU(people)
	dc.AddOU("OU=Sales," + people)
	const password = "Svc-Pass.word-26"
	dc.AddUser(minidc.User{Name: "svc", Parent: people, Account: "svc", Password: password})
	var all []string
	for i := range 30 {
		name := fmt.Sprintf("p%02d", i)
		dc.AddUser(minidc.User{Name: name, Parent: people, Account: name, Password: "Start-Value-1!"})
		all = append(all, "CN="+name+","+people)
	}
	for name, members := range map[string][]string{"finance": all[:3], "helpdesk": all[3:6], "one": all[:1], "none": nil, "many": all} {
		dc.AddGroup(minidc.Group{Name: name, Parent: groups, Members: members})
	}
	const mailingList = 2 // a global group without the security bit (MS-ADTS 2.2.12)
	dc.AddGroup(minidc.Group{Name: "list", Parent: groups, Type: mailingList, Members: all})
	o := &office{dc: dc, policy: rightPolicy(), holders: holders{true}}
	o.client = openClient(t, dc, password)
	return o
}

func openClient(t *testing.T, dc *minidc.Server, password string) *ad.Client {
	t.Helper()
	url, err := dc.ListenLDAPS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := dc.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, err := ad.Open(ad.Config{Controllers: []string{url}, CAFile: ca, Read: ad.Service{Bind: "svc@corp.example.test", Password: secret.New(password)}, OpTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func act(tiers ...workflow.Tier) workflow.Act {
	return workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}, Approve: tiers}
}

func byGroup(name string) workflow.Approvers {
	return workflow.Approvers{Group: &workflow.Group{DN: groupDN(name)}}
}

func rightPolicy() workflow.Policy {
	helpdesk := byGroup("helpdesk")
	manager := workflow.Tier{By: workflow.Approvers{Manager: true}, Else: &helpdesk, Within: 15 * time.Minute}
	return workflow.Policy{Rules: []workflow.Rule{
		{Name: "finance", Who: workflow.Condition{Group: &workflow.Group{DN: groupDN("finance")}}, Acts: map[workflow.Kind]workflow.Act{
			workflow.KindUnlock: act(), workflow.KindReset: act(manager), workflow.KindChange: act(),
		}},
		{Name: "staff", Who: workflow.Condition{OU: people}, Acts: map[workflow.Kind]workflow.Act{
			workflow.KindUnlock: act(), workflow.KindReset: act(), workflow.KindChange: act(),
		}},
	}}
}

func (o *office) examine(t *testing.T) *doctor.Report {
	r := &doctor.Report{}
	workflow.Doctor(t.Context(), o.policy, workflow.DoctorConfig{Directory: o.client, Holders: o.holders, Units: o.units, Attributes: o.named}, r)
	return r
}

// rule changes one of the policy's rules.
func rule(i int, fn func(*workflow.Rule)) func(*testing.T, *office) {
	return func(_ *testing.T, o *office) { fn(&o.policy.Rules[i]) }
}

// tier replaces the tier of finance's reset.
func tier(t workflow.Tier) func(*testing.T, *office) {
	return rule(0, func(r *workflow.Rule) { r.Acts[workflow.KindReset] = act(t) })
}

func who(c workflow.Condition) func(*testing.T, *office) {
	return rule(0, func(r *workflow.Rule) { r.Who = c })
}

func inGroup(name string) workflow.Condition {
	return workflow.Condition{Group: &workflow.Group{DN: groupDN(name)}}
}

var doctored = map[string]func(*testing.T, *office){
	workflow.FoundNoRules.ID:  func(_ *testing.T, o *office) { o.policy.Rules = nil },
	workflow.FoundSameName.ID: rule(1, func(r *workflow.Rule) { r.Name = "finance" }),
	workflow.FoundHidden.ID: func(_ *testing.T, o *office) {
		o.policy.Rules = append(o.policy.Rules, workflow.Rule{Name: "below", Who: workflow.Condition{OU: "OU=Sales," + people}, Acts: o.policy.Rules[1].Acts})
	},
	workflow.FoundDropped.ID: func(_ *testing.T, o *office) {
		o.policy.Rules[1].Who = workflow.Condition{Everyone: true}
		delete(o.policy.Rules[0].Acts, workflow.KindChange)
	},
	workflow.FoundNobody.ID: func(_ *testing.T, o *office) {
		for _, r := range o.policy.Rules {
			delete(r.Acts, workflow.KindUnlock)
		}
	},
	workflow.FoundEverybody.ID: func(_ *testing.T, o *office) {
		o.policy.Rules = o.policy.Rules[1:]
		o.policy.Rules[0].Who = workflow.Condition{Everyone: true}
	},
	workflow.FoundWeakProof.ID: rule(1, func(r *workflow.Rule) {
		r.Acts[workflow.KindReset] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}, {enroll.ProofPassword}}}
	}),
	workflow.FoundUnlockWaits.ID:  rule(0, func(r *workflow.Rule) { r.Acts[workflow.KindUnlock] = act(workflow.Tier{By: byGroup("helpdesk")}) }),
	workflow.FoundGroupMissing.ID: who(inGroup("nowhere")),
	workflow.FoundGroupList.ID:    who(inGroup("list")),
	workflow.FoundGroupsUnread.ID: func(_ *testing.T, o *office) { o.dc.Close() },
	workflow.FoundUnitMissing.ID:  rule(1, func(r *workflow.Rule) { r.Who.Not = &workflow.Condition{OU: "OU=Slaes," + people} }),
	workflow.FoundUnitSetting.ID: func(_ *testing.T, o *office) {
		o.units = []workflow.Setting{{Key: "directory.protected_ous[0]", Name: "OU=Borad," + base}}
	},
	workflow.FoundAttributeMissing.ID: who(workflow.Condition{Attribute: &workflow.Attribute{Name: "employType", Value: "x"}}),
	workflow.FoundAttributeSetting.ID: func(_ *testing.T, o *office) {
		o.named = []workflow.Setting{{Key: "proofs.directory.attribute", Name: "employeNumber"}}
	},
	workflow.FoundNamesUnread.ID: func(_ *testing.T, o *office) {
		o.policy.Rules = o.policy.Rules[1:]
		o.dc.Close()
	},
	workflow.FoundGroupEmpty.ID:    who(inGroup("none")),
	workflow.FoundNoApprovers.ID:   tier(workflow.Tier{By: byGroup("none")}),
	workflow.FoundOneApprover.ID:   tier(workflow.Tier{By: byGroup("one")}),
	workflow.FoundManyApprovers.ID: tier(workflow.Tier{By: byGroup("many")}),
	workflow.FoundNoPasskey.ID:     func(_ *testing.T, o *office) { o.holders.all = false },
	workflow.FoundManagerAlone.ID:  tier(workflow.Tier{By: workflow.Approvers{Manager: true}}),
	workflow.FoundWithinShort.ID:   tier(workflow.Tier{By: byGroup("helpdesk"), Within: time.Minute}),
	workflow.FoundWithinLong.ID:    tier(workflow.Tier{By: byGroup("helpdesk"), Within: 48 * time.Hour}),
}

func TestDoctorFindsEachKindOfPolicyFault(t *testing.T) {
	if r := newOffice(t).examine(t); r.Worst() != doctor.OK || len(r.Findings()) != 3 {
		t.Fatalf("a right policy: %+v", r.Findings())
	}
	for _, k := range workflow.FoundKinds {
		t.Run(k.ID, func(t *testing.T) {
			provoke := doctored[k.ID]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			o := newOffice(t)
			provoke(t, o)
			r := o.examine(t)
			got := r.Of(k)
			if len(got) != 1 || got[0].Subject == "" || got[0].Seen == "" || !doctortest.Mends(got[0].Mend) {
				t.Fatalf("got %+v", r.Findings())
			}
			for _, f := range r.Findings() {
				if f.Severity != doctor.OK && f.ID != k.ID && f.ID != workflow.FoundHidden.ID {
					t.Errorf("found besides: %+v", f)
				}
			}
		})
	}
}

// A rule that is reached by one person only is not called unreachable.
func TestOnlyWhatIsWhollyCoveredIsUnreachable(t *testing.T) {
	ou := func(dn string) workflow.Condition { return workflow.Condition{OU: dn} }
	both := workflow.Condition{OU: people, Group: &workflow.Group{DN: groupDN("finance")}}
	not := func(c, inner workflow.Condition) workflow.Condition { c.Not = &inner; return c }
	everyone := workflow.Condition{Everyone: true}
	for _, tc := range []struct {
		name           string
		earlier, later workflow.Condition
		hidden         bool
	}{
		{"everyone before a unit", everyone, ou(people), true},
		{"a unit before everyone", ou(people), everyone, false},
		{"the same unit, otherwise written", ou(people), ou("ou=staff,dc=CORP,dc=example,dc=test"), true},
		{"a unit before one below it", ou(people), ou("OU=Sales," + people), true},
		{"a unit before one above it", ou("OU=Sales," + people), ou(people), false},
		{"less before more conditions", ou(people), both, true},
		{"more before less conditions", both, ou(people), false},
		{"another group", inGroup("finance"), inGroup("helpdesk"), false},
		{"all but a group before that group", not(everyone, inGroup("finance")), inGroup("finance"), false},
		{"all but a group before the same", not(everyone, inGroup("finance")), not(ou(people), inGroup("finance")), true},
		{"all but less before all but more", not(everyone, both), not(everyone, ou(people)), true},
		{"all but more before all but less", not(everyone, ou(people)), not(everyone, both), false},
		{"a department before the same", workflow.Condition{Department: "Sales"}, workflow.Condition{Department: "SALES"}, true},
	} {
		p := rightPolicy()
		p.Rules[0].Who, p.Rules[1].Who = tc.earlier, tc.later
		r := &doctor.Report{}
		workflow.Doctor(t.Context(), p, workflow.DoctorConfig{}, r)
		if got := len(r.Of(workflow.FoundHidden)) == 1; got != tc.hidden {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// Several rules hide one that none of them hides alone, and only those are named.
func TestSeveralRulesTogetherHideAnother(t *testing.T) {
	finance, helpdesk, many := inGroup("finance"), inGroup("helpdesk"), inGroup("many")
	any := func(all ...workflow.Condition) workflow.Condition { return workflow.Condition{Any: all} }
	for _, c := range []struct {
		name    string
		earlier []workflow.Condition
		later   workflow.Condition
		want    []int
	}{
		{"each of an any", []workflow.Condition{finance, helpdesk}, any(helpdesk, finance), []int{0, 1}},
		{"not the one between", []workflow.Condition{finance, many, helpdesk}, any(helpdesk, finance), []int{0, 2}},
		{"one of them alone", []workflow.Condition{finance, any(finance, helpdesk)}, any(helpdesk, finance), []int{1}},
		{"one is missing", []workflow.Condition{finance, many}, any(helpdesk, finance), nil},
		{"within an all", []workflow.Condition{finance, helpdesk}, workflow.Condition{All: []workflow.Condition{any(helpdesk, finance), many}}, []int{0, 1}},
		{"nothing before it", nil, any(helpdesk, finance), nil},
	} {
		var p workflow.Policy
		for _, who := range append(c.earlier, c.later) {
			p.Rules = append(p.Rules, workflow.Rule{Who: who})
		}
		if got := p.HiddenBy(len(c.earlier)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// However deep conditions nest, it is said in time whether one covers another: each step
// deeper would double the work, and more.
func TestDeeplyNestedConditionsAreComparedInTime(t *testing.T) {
	const depth = 60
	nested := func(department string) workflow.Rule {
		any, all := workflow.Condition{Department: department}, workflow.Condition{Department: department}
		for range depth {
			any, all = workflow.Condition{Any: []workflow.Condition{any}}, workflow.Condition{All: []workflow.Condition{all}}
		}
		return workflow.Rule{Who: workflow.Condition{Any: []workflow.Condition{any}, All: []workflow.Condition{all}}}
	}
	p := workflow.Policy{Rules: []workflow.Rule{nested("a"), nested("b"), nested("A")}}
	if other, same := p.HiddenBy(1), p.HiddenBy(2); other != nil || !slices.Equal(same, []int{0}) {
		t.Errorf("%v, %v", other, same)
	}
}

// A new passkey is a credential like a new password.
func TestAWeakWayToANewPasskeyIsFound(t *testing.T) {
	for prove, weak := range map[enroll.ProofKind]bool{enroll.ProofMailCode: true, enroll.ProofTOTP: true, enroll.ProofRecoveryCode: false} {
		for _, approved := range []bool{false, true} {
			p := rightPolicy()
			a := workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofRecoveryCode}, {prove}}}
			if approved {
				a.Approve = []workflow.Tier{{By: byGroup("helpdesk")}}
			}
			p.Rules[1].Acts[workflow.KindEnrol] = a
			r := &doctor.Report{}
			workflow.Doctor(t.Context(), p, workflow.DoctorConfig{}, r)
			if got := r.Of(workflow.FoundWeakProof); len(got) == 1 != (weak && !approved) || len(got) > 0 && got[0].Mend[0].Text != "enrol: {prove: [recovery-code]}" {
				t.Errorf("%s, approved %t: %+v", prove, approved, got)
			}
		}
	}
}

// Nobody's list of members shows primary groups, so those are not called empty.
func TestDomainUsersAreNotEmpty(t *testing.T) {
	o := newOffice(t)
	o.policy.Rules[0].Who.Group.DN = "CN=Domain Users,CN=Users," + base
	if r := o.examine(t); slices.ContainsFunc(r.Findings(), func(f doctor.Finding) bool { return f.Severity != doctor.OK }) {
		t.Errorf("got %+v", r.Findings())
	}
}
