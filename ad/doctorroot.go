package ad

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

// capActiveDirectory is LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS 3.1.1.3.4.3).
const capActiveDirectory = "1.2.840.113556.1.4.800"

// rootFacts is what a controller says of itself to anybody.
type rootFacts struct {
	base      string // defaultNamingContext
	host      string // dnsHostName
	settings  string // dsServiceName
	vendor    string
	levels    map[string]string // domain, forest and controller functionality
	controls  []string
	contexts  []string
	time      time.Time // the zero time where it can't be read
	asked     time.Time // our time in the middle of the question
	took      time.Duration
	directory bool // it claims to be Active Directory
	behind    bool // it says that it is not synchronized
}

var factAttrs = []string{"defaultNamingContext", "dnsHostName", "dsServiceName", "vendorName", "supportedControl", "supportedCapabilities",
	"namingContexts", "currentTime", "isSynchronized", "domainFunctionality", "forestFunctionality", "domainControllerFunctionality"}

// questions is how often the rootDSE is read: the middle one counts, since a moment
// in which either side is busy says nothing of the way.
const questions = 9

// readFacts reads the rootDSE without a bind, as everybody may.
func (x *exam) readFacts(ctx context.Context, v *visit, out *result) (string, error) {
	on, err := x.c.dial(ctx, v.at)
	if err != nil {
		return "", err
	}
	defer on.close()
	var took []time.Duration
	for range questions {
		before := x.c.now()
		root, ok, err := on.object(ctx, "", factAttrs)
		if lost(err) && ctx.Err() != nil {
			out.found(kindSilent, "the root of the directory is not answered", power("Get-Service NTDS -ComputerName %s", v.at.host),
				shell("systemctl status samba-ad-dc"))
			return "", nil
		}
		if err != nil {
			return "", err
		}
		d := x.c.now().Sub(before)
		took = append(took, d)
		v.root = parseFacts(root, ok, before.Add(d/2))
	}
	slices.Sort(took)
	v.root.took = took[len(took)/2]
	if !v.root.directory || v.root.base == "" {
		out.found(kindNoController, fmt.Sprintf("rootDSE of %q: defaultNamingContext %q", v.root.vendor, v.root.base),
			power("Get-ADDomainController -Filter * | Format-Table HostName, Site, OperationMasterRoles"),
			config("controllers: [ldaps://ONE-OF-THESE] # below directory"))
		return "", nil
	}
	v.known = true
	return fmt.Sprintf("%s of %s, %d naming contexts", v.root.host, v.root.base, len(v.root.contexts)), nil
}

// parseFacts believes nothing: what can't be read is left empty.
func parseFacts(e entry, ok bool, asked time.Time) rootFacts {
	f := rootFacts{asked: asked, levels: map[string]string{}}
	if !ok {
		return f
	}
	f.base, f.host, f.settings, f.vendor = e.shown("defaultNamingContext"), e.shown("dnsHostName"), e.text("dsServiceName"), e.shown("vendorName")
	for _, name := range []string{"domainFunctionality", "forestFunctionality", "domainControllerFunctionality"} {
		f.levels[name] = e.shown(name)
	}
	f.controls, f.contexts = e.texts("supportedControl"), e.texts("namingContexts")
	f.directory = slices.Contains(e.texts("supportedCapabilities"), capActiveDirectory)
	f.behind = equalFold(e.text("isSynchronized"), "FALSE")
	f.time, _ = time.Parse("20060102150405.0Z", e.text("currentTime"))
	return f
}

func (f rootFacts) samba() bool { return strings.HasPrefix(f.vendor, "Samba") }

func (f rootFacts) judgeClock(out *result) string {
	mend := [][]doctor.Line{power("w32tm /resync /rediscover"), shell("chronyc makestep")}
	if f.time.IsZero() {
		out.found(kindClockUnknown, "no currentTime that can be read", power("w32tm /query /status"),
			power("Restart-Service NTDS -Force # on the controller"), shell("systemctl restart samba-ad-dc"))
		return ""
	}
	// currentTime counts whole seconds.
	skew := f.time.Sub(f.asked.Truncate(time.Second))
	switch seen := fmt.Sprintf("the controller's clock is %s ahead of ours", skew.Round(time.Second)); {
	case skew.Abs() > clockSkew:
		out.found(kindClockSkew, seen, mend...)
	case skew.Abs() > clockDrift:
		out.found(kindClockDrift, seen, mend...)
	}
	return fmt.Sprintf("apart by %s", skew.Abs().Round(time.Second))
}

func (f rootFacts) judgeLatency(out *result) string {
	seen := f.took.Round(100*time.Microsecond).String() + " for one answer"
	if f.took > slowAnswer {
		out.found(kindLatency, seen, power("Get-ADDomainController -Discover -NextClosestSite | Format-Table HostName, Site"), samba("drs showrepl"),
			config("site: SITE-OF-THIS-MACHINE # below directory"), config("controllers: [ldaps://THE-NEAREST-ONE] # below directory"))
	}
	return seen
}

// levelNames are what behaviour versions are called (MS-ADTS 6.1.4.4).
var levelNames = map[int]string{0: "2000", 1: "2003 interim", 2: "2003", 3: "2008", 4: "2008 R2", 5: "2012", 6: "2012 R2", 7: "2016", 10: "2025"}

func (f rootFacts) judgeLevel(out *result) string {
	text := f.levels["domainFunctionality"]
	level, err := strconv.Atoi(text)
	name := levelNames[level]
	if err != nil || name == "" {
		name = text
	}
	if err != nil || level < levelWithPSOs {
		out.found(kindLevel, fmt.Sprintf("domain functional level %q", name),
			power("Set-ADDomainMode -Identity %s -DomainMode Windows2016Domain", dnsName(f.base)), samba("domain level raise --domain-level=2008_R2"))
	}
	return "domain functional level " + name
}

func (f rootFacts) judgeHints(out *result) string {
	update := lines(power("Get-HotFix | Sort-Object InstalledOn | Select-Object -Last 5"),
		[]doctor.Line{doctor.Do("Install what Windows Update offers on this controller, by sconfig or as your updates come, and restart it.")})
	switch {
	case slices.Contains(f.controls, oidPolicyHints):
	case slices.Contains(f.controls, oidPolicyHintsDeprecated):
		out.found(kindOldHints, "offers "+oidPolicyHintsDeprecated+" only", update)
	case f.samba():
		out.found(kindSambaHints, f.vendor)
	default:
		out.found(kindNoHints, "offers neither "+oidPolicyHints+" nor "+oidPolicyHintsDeprecated, update)
	}
	return "a reset is held to the history"
}
