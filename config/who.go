package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

// Who selects accounts. All keys that are set must match.
type Who struct {
	Everyone   bool       `yaml:"everyone"`
	Group      string     `yaml:"group"`
	OU         string     `yaml:"ou"`
	Department string     `yaml:"department"`
	Company    string     `yaml:"company"`
	Location   string     `yaml:"location"`
	Attribute  *Attribute `yaml:"attribute"`
	Network    []string   `yaml:"network"`
	Hours      *Hours     `yaml:"hours"`
	State      []string   `yaml:"state"`
	NewDevice  *bool      `yaml:"new_device"`
	Any        []Who      `yaml:"any"`
	All        []Who      `yaml:"all"`
	Not        *Who       `yaml:"not"`
}

// Attribute is one of the directory, by its name there.
type Attribute struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

// Hours are times of the day: days "mon-fri" or "mon,wed", from and to "07:00".
type Hours struct {
	Days string `yaml:"days"`
	From string `yaml:"from"`
	To   string `yaml:"to"`
	Zone string `yaml:"zone"`
}

// companyAttribute is company in the directory. Nobody may write their own by
// default (property set Public-Information).
const companyAttribute = "company"

// condition turns a checked Who into what workflow knows. location is the attribute
// that says where somebody works.
func (w Who) condition(location string) workflow.Condition {
	c := workflow.Condition{Everyone: w.Everyone, OU: w.OU, Department: w.Department}
	if w.Group != "" {
		c.Group = &workflow.Group{DN: w.Group}
	}
	if w.Company != "" {
		c.Company = &workflow.Attribute{Name: companyAttribute, Value: w.Company}
	}
	if w.Location != "" {
		c.Location = &workflow.Attribute{Name: location, Value: w.Location}
	}
	if w.Attribute != nil {
		c.Attribute = &workflow.Attribute{Name: w.Attribute.Name, Value: w.Attribute.Value}
	}
	if w.Network != nil {
		c.Network = make([]netip.Prefix, len(w.Network))
		for i, s := range w.Network {
			c.Network[i], _ = parseNetwork(s) // one that is none is an error of the rule
		}
	}
	if w.Hours != nil {
		hours, _ := w.Hours.read() // likewise
		c.Hours = &hours
	}
	if w.State != nil {
		c.State = make([]workflow.AccountState, len(w.State))
		for i, s := range w.State {
			c.State[i] = workflow.AccountState(s)
		}
	}
	c.NewDevice = w.NewDevice
	c.Any, c.All = conditions(w.Any, location), conditions(w.All, location)
	if w.Not != nil {
		n := w.Not.condition(location)
		c.Not = &n
	}
	return c
}

// conditions keeps an empty list apart from none.
func conditions(list []Who, location string) []workflow.Condition {
	if list == nil {
		return nil
	}
	out := make([]workflow.Condition, len(list))
	for i, w := range list {
		out[i] = w.condition(location)
	}
	return out
}

// Attributes are those of the directory that policies and proofs compare, each once.
func (c Config) Attributes() (names []string) {
	add := func(name string) {
		if name != "" && !slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) }) {
			names = append(names, name)
		}
	}
	for _, rule := range c.Policy().Rules {
		for _, name := range rule.Who.Attributes() {
			add(name)
		}
	}
	for _, name := range c.Proofs.attributes() {
		add(name)
	}
	return names
}

// AttributeSettings are the attributes that settings name beside the policies.
func (c Config) AttributeSettings() (out []workflow.Setting) {
	add := func(key, name string) {
		if name != "" {
			out = append(out, workflow.Setting{Key: key, Name: name})
		}
	}
	add("directory.location_attribute", c.Directory.LocationAttribute)
	if m := c.Proofs.MailCode; m != nil {
		add("proofs.mail_code.attribute", m.Attribute)
	}
	if m := c.Proofs.SMSCode; m != nil {
		add("proofs.sms_code.attribute", m.Attribute)
	}
	if d := c.Proofs.Directory; d != nil {
		add("proofs.directory.attribute", d.Attribute)
	}
	return out
}

// UnitSettings are the units that settings name: who is found, and who is protected.
func (c Config) UnitSettings() (out []workflow.Setting) {
	for i, d := range c.Directory.All() {
		key := "directory"
		if len(c.Directory.Domains) > 0 {
			key = fmt.Sprintf("directory.domains[%d]", i)
		}
		if d.BaseDN != "" {
			out = append(out, workflow.Setting{Key: key + ".base_dn", Name: d.BaseDN})
		}
		for j, dn := range d.ProtectedOUs {
			out = append(out, workflow.Setting{Key: fmt.Sprintf("%s.protected_ous[%d]", key, j), Name: dn})
		}
	}
	return out
}

// named says how many keys are set beside everyone.
func (w Who) named() (n int) {
	for _, set := range []bool{
		w.Group != "", w.OU != "", w.Department != "", w.Company != "", w.Location != "", w.Attribute != nil,
		w.Network != nil, w.Hours != nil, w.State != nil, w.NewDevice != nil, w.Any != nil, w.All != nil, w.Not != nil,
	} {
		if set {
			n++
		}
	}
	return n
}

func (c Config) checkWho(f *finder, key string, w Who) {
	switch {
	case w.named() == 0 && !w.Everyone:
		f.add(key, "matches nobody: write everyone: true, or one of group, ou, department, company, location, attribute, network, hours, state, new_device, any, all, not")
	case w.Everyone && (w.named() > 1 || w.named() == 1 && w.Not == nil):
		f.add(key, "everyone: true can't stand beside anything but not")
	}
	checkDN(f, key+".group", w.Group)
	checkDN(f, key+".ou", w.OU)
	c.checkAttributes(f, key, w)
	checkCircumstances(f, key, w)
	c.checkConditions(f, key+".any", w.Any)
	c.checkConditions(f, key+".all", w.All)
	if w.Not != nil {
		c.checkWho(f, key+".not", *w.Not)
	}
}

func (c Config) checkConditions(f *finder, key string, list []Who) {
	if list != nil && len(list) == 0 {
		f.add(key, "is empty: name conditions, such as [{group: DN}, {ou: DN}], or remove it")
	}
	for i, one := range list {
		c.checkWho(f, fmt.Sprintf("%s[%d]", key, i), one)
	}
}

func (c Config) checkAttributes(f *finder, key string, w Who) {
	if w.Location != "" && c.Directory.LocationAttribute == "" {
		f.add(key+".location", "needs directory.location_attribute: the attribute that says where somebody works, and that they can't edit")
	}
	if w.Attribute == nil {
		return
	}
	checkAttributeName(f, key+".attribute.name", w.Attribute.Name)
	if w.Attribute.Value == "" || len(w.Attribute.Value) > maxValue {
		f.add(key+".attribute.value", "must be 1 to %d characters: the whole value, in any case of letters", maxValue)
	}
}

// maxValue of an attribute to compare: far less than what is read of one.
const maxValue = 256

func checkAttributeName(f *finder, key, name string) {
	switch {
	case !ad.IsAttributeName(name):
		f.add(key, "%q is no name of a directory attribute, such as employeeType or extensionAttribute3", name)
	case ad.SelfWritten(name):
		f.add(key, "%q is an attribute used for routing that the person may edit: by AD's defaults everybody may write their own; take one that only administrators write, such as extensionAttribute3", name)
	case !ad.IsText(name):
		f.add(key, "%q does not hold text, so nothing can be compared", name)
	}
}

func checkCircumstances(f *finder, key string, w Who) {
	if w.Network != nil && len(w.Network) == 0 {
		f.add(key+".network", "is empty: name networks, such as [10.0.0.0/8], or remove it")
	}
	for i, s := range w.Network {
		if _, err := parseNetwork(s); err != nil {
			f.add(fmt.Sprintf("%s.network[%d]", key, i), "%v", err)
		}
	}
	if w.Hours != nil {
		if _, at, err := w.Hours.parse(); err != nil {
			f.add(key+".hours"+at, "%v", err)
		}
	}
	if w.State != nil && len(w.State) == 0 {
		f.add(key+".state", "is empty: name states, such as [locked], or remove it")
	}
	for i, s := range w.State {
		oneOf(f, fmt.Sprintf("%s.state[%d]", key, i), s, allowed["who.state[]"]...)
	}
}

// parseNetwork reads a network, or an address alone.
func parseNetwork(s string) (netip.Prefix, error) {
	p, err := parsePrefix(s)
	switch {
	case err != nil || strings.Contains(s, "%"):
		return netip.Prefix{}, fmt.Errorf("%q is no network, such as 10.1.2.0/24 or 2001:db8::/32", s)
	case p.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is every address: remove it", s)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q would never match: write the IPv4 network itself, such as 10.1.2.0/24", s)
	}
	return p, nil
}

func (h Hours) read() (workflow.Hours, error) {
	out, _, err := h.parse()
	return out, err
}

// parse also says at which key, as ".from", a mistake stands.
func (h Hours) parse() (out workflow.Hours, at string, err error) {
	none := workflow.Hours{}
	if out.Days, err = parseDays(h.Days); err != nil {
		return none, ".days", err
	}
	if out.From, err = parseClock(h.From); err != nil || out.From == 24*60 {
		return none, ".from", fmt.Errorf("%q is no time of the day, such as 07:00 (00:00 to 23:59, in quotation marks)", h.From)
	}
	if out.To, err = parseClock(h.To); err != nil {
		return none, ".to", fmt.Errorf("%q is no time of the day, such as 19:00 (00:00 to 24:00, in quotation marks)", h.To)
	}
	if out.From == out.To {
		return none, "", fmt.Errorf("from and to are the same: for whole days write from: \"00:00\", to: \"24:00\"")
	}
	// "Local" would be whatever the machine is set to, and so would none.
	if h.Zone == "" || strings.EqualFold(h.Zone, "local") {
		return none, ".zone", fmt.Errorf("%q is no time zone that this machine knows, such as Europe/Berlin (package tzdata) or UTC", h.Zone)
	}
	if out.Zone, err = time.LoadLocation(h.Zone); err != nil {
		return none, ".zone", fmt.Errorf("%q is no time zone that this machine knows, such as Europe/Berlin (package tzdata) or UTC", h.Zone)
	}
	return out, "", nil
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseDays reads "mon-fri", "mon,wed" or "fri-mon,wed"; "" is every day.
func parseDays(text string) (days [7]bool, err error) {
	if text == "" {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for span := range strings.SplitSeq(strings.ToLower(text), ",") {
		first, last, ranged := strings.Cut(span, "-")
		from := slices.Index(dayNames, strings.TrimSpace(first))
		to := from
		if ranged {
			to = slices.Index(dayNames, strings.TrimSpace(last))
		}
		if from < 0 || to < 0 {
			return [7]bool{}, fmt.Errorf("%q are no days, such as mon-fri or mon,wed (mon, tue, wed, thu, fri, sat, sun)", text)
		}
		for day := from; ; day = (day + 1) % 7 {
			days[day] = true
			if day == to {
				break
			}
		}
	}
	return days, nil
}

// parseClock reads "07:00" as minutes since midnight; "24:00" is the day's end.
func parseClock(text string) (int, error) {
	if len(text) != 5 || text[2] != ':' {
		return 0, fmt.Errorf("%q is no time of the day", text)
	}
	var digits [4]int
	for i, at := range []int{0, 1, 3, 4} {
		if text[at] < '0' || text[at] > '9' {
			return 0, fmt.Errorf("%q is no time of the day", text)
		}
		digits[i] = int(text[at] - '0')
	}
	hour, minute := digits[0]*10+digits[1], digits[2]*10+digits[3]
	if minute > 59 || hour*60+minute > 24*60 {
		return 0, fmt.Errorf("%q is no time of the day", text)
	}
	return hour*60 + minute, nil
}
