package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/workflow"
)

// withWho is a right file whose one policy has this condition.
func withWho(t *testing.T, who string) string {
	t.Helper()
	return strings.Replace(valid(t), "{everyone: true}", who, 1)
}

func TestEachMistakeOfAConditionIsNamedWithItsPlace(t *testing.T) {
	hours := func(days, from, to, zone string) string {
		return `{hours: {days: "` + days + `", from: "` + from + `", to: "` + to + `", zone: "` + zone + `"}}`
	}
	const editable = "an attribute used for routing that the person may edit"
	for name, c := range map[string]struct{ who, key, what string }{
		"everyone beside a network":  {"{everyone: true, network: [10.0.0.0/8]}", "", "beside anything but not"},
		"everyone beside any":        {"{everyone: true, any: [{everyone: true}]}", "", "beside anything but not"},
		"location without attribute": {"{location: Berlin}", ".location", "needs directory.location_attribute"},
		"phone number":               {"{attribute: {name: TelephoneNumber, value: x}}", ".attribute.name", editable},
		"mobile":                     {"{attribute: {name: mobile, value: x}}", ".attribute.name", editable},
		"office":                     {"{any: [{not: {attribute: {name: physicalDeliveryOfficeName, value: x}}}]}", ".any[0].not.attribute.name", editable},
		"city":                       {"{attribute: {name: l, value: Berlin}}", ".attribute.name", editable},
		"no name of an attribute":    {`{attribute: {name: "employee type", value: x}}`, ".attribute.name", "no name of a directory attribute"},
		"a filter for a name":        {`{attribute: {name: "a)(b=", value: x}}`, ".attribute.name", "no name of a directory attribute"},
		"a picture":                  {"{attribute: {name: jpegPhoto, value: x}}", ".attribute.name", "does not hold text"},
		"attribute without a value":  {`{attribute: {name: employeeType, value: ""}}`, ".attribute.value", "1 to 256"},
		"no network":                 {"{network: [office]}", ".network[0]", "no network"},
		"every network":              {`{network: [10.0.0.0/8, "0.0.0.0/0"]}`, ".network[1]", "every address"},
		"mapped network":             {`{network: ["::ffff:10.0.0.0/104"]}`, ".network[0]", "would never match"},
		"network with a zone":        {`{network: ["fe80::1%eth0"]}`, ".network[0]", "no network"},
		"no networks":                {"{network: []}", ".network", "is empty"},
		"no days":                    {hours("mon-fry", "07:00", "19:00", "UTC"), ".hours.days", "are no days"},
		"hour 25":                    {hours("", "07:00", "25:00", "UTC"), ".hours.to", "no time of the day"},
		"from 24:00":                 {hours("", "24:00", "07:00", "UTC"), ".hours.from", "00:00 to 23:59"},
		"7 o'clock":                  {hours("", "7:00", "19:00", "UTC"), ".hours.from", "07:00"},
		"no length":                  {hours("", "07:00", "07:00", "UTC"), ".hours", "are the same"},
		"no zone":                    {hours("", "07:00", "19:00", "Europe/Bärlin"), ".hours.zone", "no time zone"},
		"the machine's zone":         {hours("", "07:00", "19:00", "Local"), ".hours.zone", "no time zone"},
		"unknown state":              {"{state: [asleep]}", ".state[0]", "allowed: locked, expired, must-change, never-used"},
		"no states":                  {"{state: []}", ".state", "is empty"},
		"any of nothing":             {"{any: []}", ".any", "is empty"},
		"all of nothing":             {"{all: []}", ".all", "is empty"},
		"an empty one in all":        {"{all: [{everyone: true}, {}]}", ".all[1]", "matches nobody"},
		"deep inside":                {"{all: [{any: [{not: {ou: Staff}}]}]}", ".all[0].any[0].not.ou", "no distinguished name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("c.yaml", []byte(withWho(t, c.who)))
			var found config.Problems
			if !errors.As(err, &found) || !slices.ContainsFunc(found, func(p config.Problem) bool {
				return p.Key == "policies[0].who"+c.key && strings.Contains(p.What, c.what) && p.Line == 9
			}) {
				t.Errorf("want %s: %s, got %v", c.key, c.what, err)
			}
		})
	}
	for _, name := range []string{"l", "physicalDeliveryOfficeName", "st"} {
		_, err := config.Parse("c.yaml", []byte(strings.Replace(valid(t), "directory:\n", "directory:\n  location_attribute: "+name+"\n", 1)))
		if err == nil || !strings.Contains(err.Error(), editable) {
			t.Errorf("%s as location: %v", name, err)
		}
	}
}

func TestConditionsBecomeWhatWorkflowKnows(t *testing.T) {
	text := strings.Replace(withWho(t, `{company: Example, location: Berlin, attribute: {name: employeeType, value: x}, network: [10.1.2.3/8, "2001:db8::1"],
    hours: {days: "fri-mon, wed", from: "22:00", to: "06:00", zone: Europe/Berlin}, state: [locked], new_device: false, any: [{everyone: true}], all: [{department: A}]}`),
		"directory:\n", "directory:\n  location_attribute: extensionAttribute3\n", 1)
	c, err := config.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	who := c.Policy().Rules[0].Who
	if who.Network[0].String() != "10.0.0.0/8" || who.Network[1].String() != "2001:db8::1/128" {
		t.Errorf("networks %v", who.Network)
	}
	if *who.Location != (workflow.Attribute{Name: "extensionAttribute3", Value: "Berlin"}) || who.Company.Name != "company" || len(who.Any) != 1 || len(who.All) != 1 || who.NewDevice == nil || *who.NewDevice {
		t.Errorf("%+v", who)
	}
	if days := [7]bool{true, true, false, true, false, true, true}; who.Hours.Days != days || who.Hours.From != 1320 || who.Hours.To != 360 || who.Hours.Zone.String() != "Europe/Berlin" {
		t.Errorf("hours %+v", who.Hours)
	}
	names := c.Attributes()
	slices.Sort(names)
	if !slices.Equal(names, []string{"company", "employeeType", "extensionAttribute3"}) {
		t.Errorf("attributes %v", names)
	}
}

// Where codes go by mail, people's own mailboxes are read too, so that none goes there.
func TestTheMailboxesAreReadWhereACodeGoesByMail(t *testing.T) {
	for what, c := range map[string]struct {
		code *config.MailCode
		want bool
	}{
		"to what the directory has": {&config.MailCode{Attribute: "extensionAttribute3"}, true},
		"to that, or a verified":    {&config.MailCode{Attribute: "extensionAttribute3", Verified: true}, true},
		"to a verified":             {&config.MailCode{Verified: true}, true},
		"nowhere":                   {nil, false},
	} {
		names := config.Config{Proofs: config.Proofs{MailCode: c.code}}.Attributes()
		for _, name := range []string{"proxyAddresses", "targetAddress"} {
			if slices.Contains(names, name) != c.want {
				t.Errorf("%s: %v", what, names)
			}
		}
	}
}

// A rule that is for everyone in fact hides what stands behind it, and one that only
// looks like it does not.
func TestOnlyARuleForEveryoneHidesTheNext(t *testing.T) {
	for who, hides := range map[string]bool{
		"{everyone: true}": true, "{any: [{department: A}, {everyone: true}]}": true, "{all: [{everyone: true}]}": true,
		"{everyone: true, not: {department: A}}": false, "{all: [{everyone: true}, {department: A}]}": false, `{network: ["10.0.0.0/8"]}`: false,
		`{hours: {from: "00:00", to: "24:00", zone: UTC}}`: false, "{state: [locked, expired, must-change, never-used]}": false,
		"{new_device: true}": false, "{any: [{new_device: true}, {new_device: false}]}": false,
	} {
		_, err := config.Parse("c.yaml", []byte(withWho(t, who)+"  - name: late\n    who: {department: Sales}\n    unlock: {prove: [passkey]}\n"))
		if got := err != nil && strings.Contains(err.Error(), "never reached"); got != hides || !hides && err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
}

// Whatever the text, it is a mistake with a place, or hours and networks that an
// evaluation can use.
func FuzzHoursAndNetworks(f *testing.F) {
	for _, s := range [][5]string{
		{"mon-fri", "07:00", "19:00", "Europe/Berlin", "10.0.0.0/8"}, {"", "00:00", "24:00", "UTC", "2001:db8::/32"},
		{"sun-sun,mon", "23:59", "00:00", "America/St_Johns", "::ffff:1.2.3.4"}, {"mon-", "7:00", "٠٧:٠٠", "../../etc/passwd", "10.0.0.1/33"},
		{",", "24:01", "-1:00", "Local", "fe80::1%x"}, {"MON - FRI", "0x:00", "07.00", "", "0/0"},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4])
	}
	f.Fuzz(func(t *testing.T, days, from, to, zone, network string) {
		hours, err := config.ReadHours(config.Hours{Days: days, From: from, To: to, Zone: zone})
		if err != nil && !reflect.DeepEqual(hours, workflow.Hours{}) {
			t.Errorf("a mistake, and hours all the same: %+v", hours)
		}
		if err == nil {
			if hours.Days == [7]bool{} || hours.Zone == nil || hours.From < 0 || hours.From > 1439 || hours.To < 0 || hours.To > 1440 || hours.From == hours.To {
				t.Errorf("%+v", hours)
			}
			if strings.Contains(hours.String(), "no zone") {
				t.Error("no zone")
			}
			_ = time.Now().In(hours.Zone)
		}
		p, err := config.ReadNetwork(network)
		if (err == nil) != p.IsValid() || err == nil && (p.Bits() == 0 || p.Addr().Zone() != "" || p != p.Masked() || p.Addr().Is4In6()) {
			t.Errorf("%q: %v, %v", network, p, err)
		}
	})
}

// The ready policies are right files, but for the installation's own parts.
func TestTheReadyPoliciesAreRight(t *testing.T) {
	files, err := filepath.Glob("../docs/policies/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	head, _, _ := strings.Cut(valid(t), "policies:")
	head += "proofs: {hardware_key: {roots_file: " + rootsFile(t, 365*24*time.Hour) + "}}\n"
	page, err := os.ReadFile("../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse(file, []byte(head+string(text)))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		// The roots stand in the head for all of them.
		if w := slices.DeleteFunc(c.Warnings(), func(w string) bool { return strings.HasPrefix(w, "proofs.hardware_key has no effect") }); len(w) > 0 {
			t.Errorf("%s is warned of: %q", file, w)
		}
		for _, rule := range c.Policy().Rules {
			if len(rule.Acts) == 0 && !strings.HasSuffix(file, "contractors.yaml") {
				t.Errorf("%s: %s allows nothing", file, rule.Name)
			}
		}
		if lines := strings.Count(string(text), "\n"); lines > 40 || !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s has %d lines, or no comment: short and commented", file, lines)
		}
		if !strings.Contains(string(page), "policies/"+filepath.Base(file)) {
			t.Errorf("docs/policies.md does not name %s", file)
		}
	}
}
