package ad

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/latchkey/latchkey/doctor"
)

// lookUp asks DNS for the controllers and waits for what it says.
func (x *exam) lookUp(ctx context.Context) {
	d := x.c.cfg.Discovery
	if d == nil {
		return
	}
	x.check(ctx, "discovery", d.Domain, func(ctx context.Context, out *result) (string, error) {
		x.c.look(ctx)
		last, _ := x.c.Discovery()
		if last.At.IsZero() {
			_, _, all := d.questions()
			out.found(kindDNSSilent, "no answer in time", d.toName(all))
			return "", nil
		}
		d.judge(last, out)
		return fmt.Sprintf("DNS names %d controllers, the PDC emulator among them", len(last.Controllers)), nil
	})
}

// judge looks at each question. Where the domain's own has no answer, what the
// others lack needs no telling.
func (d *Discovery) judge(last Lookup, out *result) {
	pdc, site, all := d.questions()
	asked := map[string]Question{}
	var failed []string
	for _, q := range last.Questions {
		asked[q.Name] = q
		if q.failed() {
			failed = append(failed, q.Err.Error())
		}
		for _, srv := range q.Refused {
			out.about(q.Name, kindSRVRefused, fmt.Sprintf("it names %s, port %d, which is no host directly in %s", srv.Target, srv.Port, d.Domain),
				removeSRV(q.Name, srv))
		}
	}
	if len(failed) > 0 {
		out.found(kindDNSSilent, some(failed), d.toName(all))
	}
	useless := last.Err != nil && len(failed)+len(last.Refused) == 0
	if asked[all].silent() || useless {
		seen := all + " has no record"
		if useless {
			seen = last.Err.Error()
		}
		out.found(kindSRVMissing, seen, register(), d.asks("SRV", all))
		return
	}
	if asked[pdc].silent() {
		out.found(kindSRVNoPDC, pdc+" has no record", power("(Get-ADDomain).PDCEmulator"), samba("fsmo show"), register(), d.asks("SRV", pdc))
	}
	unknown := asked[site].silent()
	list := lines(power("Get-ADReplicationSite -Filter * | Format-Table Name"), samba("sites list"))
	if unknown {
		out.found(kindSiteUnknown, site+" has no record: the whole domain is asked, whatever is near",
			config("site: Default-First-Site-Name # below directory: one of the directory's sites, or no such line"), list, d.asks("SRV", site))
	}
	if last.Left > 0 && (d.Site == "" || unknown) {
		out.found(kindTooMany, fmt.Sprintf("%d of %d controllers are used", len(last.Controllers), len(last.Controllers)+last.Left),
			config("site: Default-First-Site-Name # below directory: the site of this server"), list)
	}
}

// failed: nobody knows whether there are records.
func (q Question) failed() bool {
	var e *net.DNSError
	return q.Records == 0 && q.Err != nil && !(errors.As(q.Err, &e) && e.IsNotFound)
}

// silent: it was asked, and there are no records.
func (q Question) silent() bool { return q.Name != "" && q.Records == 0 && !q.failed() }

// register makes a controller write its records anew; it is run on each.
func register() []doctor.Line {
	return lines(power("nltest /dsregdns"), shell("samba_dnsupdate --verbose # on a Samba controller"))
}

// removeSRV takes one record out of the domain's zone.
func removeSRV(question string, srv *net.SRV) []doctor.Line {
	name, domain, _ := strings.Cut(question, "._msdcs.")
	zone := "_msdcs." + domain
	return lines(
		power("Get-DnsServerResourceRecord -ZoneName %s -Name %s -RRType Srv | Where-Object { $_.RecordData.DomainName -eq %s } | Remove-DnsServerResourceRecord -ZoneName %s",
			zone, name, srv.Target+".", zone),
		samba("dns delete localhost %s %s SRV %s -U Administrator", zone, name, fmt.Sprintf("%s %d %d %d", srv.Target, srv.Port, srv.Priority, srv.Weight)))
}

// toName are lines that ask for records, and name other servers.
func (d *Discovery) toName(question string) []doctor.Line {
	return lines(d.asks("SRV", question), config("dns: [10.1.2.3] # below directory: a controller that serves DNS, or no such line"))
}

// asks puts a question to whom Latchkey puts it.
func (d *Discovery) asks(record, name string) (ask []doctor.Line) {
	if d == nil || len(d.Servers) == 0 {
		if record == "A" {
			ask = shell("getent hosts %s", name)
		} else {
			ask = shell("dig "+record+" %s", name)
		}
		return lines(ask, power("Resolve-DnsName -Type "+record+" %s", name))
	}
	for _, server := range d.Servers {
		host, port, err := net.SplitHostPort(server)
		if err != nil {
			host, port = server, "53"
		}
		ask = append(ask, shell("dig @%s -p %s "+record+" %s", host, port, name)...)
		if port == "53" {
			ask = append(ask, power("Resolve-DnsName -Server %s -Type "+record+" %s", host, name)...)
		}
	}
	return ask
}
