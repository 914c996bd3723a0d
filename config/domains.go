package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// Domain is one of several domains of a forest. Its keys are those of directory.
type Domain struct {
	Domain          string   `yaml:"domain"`
	Site            string   `yaml:"site"`
	TLS             string   `yaml:"tls"`
	DNS             []string `yaml:"dns"`
	Controllers     []string `yaml:"controllers"`
	CAFile          string   `yaml:"ca_file"`
	BaseDN          string   `yaml:"base_dn"`
	Read            Account  `yaml:"read"`
	Write           Account  `yaml:"write"`
	ProtectedGroups []string `yaml:"protected_groups"`
	ProtectedOUs    []string `yaml:"protected_ous"`
}

// How controllers that DNS names are spoken to.
const (
	DirectoryLDAPS    = "ldaps" // the default
	DirectoryStartTLS = "starttls"
)

// All are the domains: those of the list, or the one that directory is itself.
func (d Directory) All() []Domain {
	if len(d.Domains) > 0 {
		return d.Domains
	}
	return []Domain{d.own()}
}

func (d Directory) own() Domain {
	return Domain{
		Domain: d.Domain, Site: d.Site, TLS: d.TLS, DNS: d.DNS, Controllers: d.Controllers, CAFile: d.CAFile, BaseDN: d.BaseDN,
		Read: d.Read, Write: d.Write, ProtectedGroups: d.ProtectedGroups, ProtectedOUs: d.ProtectedOUs,
	}
}

// dnsName is the domain's name, as far as the file says it.
func (d Domain) dnsName() string {
	if d.Domain != "" {
		return strings.ToLower(d.Domain)
	}
	return strings.ToLower(ad.DomainOf(d.BaseDN))
}

func (c Config) checkDirectory(f *finder) {
	d := c.Directory
	between(f, "directory.timeout", d.Timeout, time.Second, time.Minute)
	if d.LocationAttribute != "" {
		checkAttributeName(f, "directory.location_attribute", d.LocationAttribute)
	}
	if !f.has("directory.domains") {
		checkDomain(f, "directory", d.own())
		return
	}
	if len(d.Domains) == 0 {
		f.add("directory.domains", "is empty: name the domains, or write the keys of the one domain below directory")
	}
	for _, key := range []string{"domain", "site", "tls", "dns", "controllers", "ca_file", "base_dn", "read", "write", "protected_groups", "protected_ous"} {
		if f.has("directory." + key) {
			f.add("directory."+key, "can't stand beside domains: write it into the domain that it is for")
		}
	}
	names, controllers := map[string]int{}, map[string]int{}
	for i, one := range d.Domains {
		key := fmt.Sprintf("directory.domains[%d]", i)
		checkDomain(f, key, one)
		switch name := one.dnsName(); {
		case name == "" && len(d.Domains) > 1:
			f.add(key, "needs domain or base_dn: of several domains, each must say which it is")
		case name != "":
			if first, twice := names[name]; twice {
				f.add(key, "%q is domains[%d] already", name, first)
			} else {
				names[name] = i
			}
		}
		for j, s := range one.Controllers {
			if first, twice := controllers[strings.ToLower(s)]; twice && first != i {
				f.add(fmt.Sprintf("%s.controllers[%d]", key, j), "%q is a controller of domains[%d] already", s, first)
			} else {
				controllers[strings.ToLower(s)] = i
			}
		}
	}
}

func checkDomain(f *finder, key string, d Domain) {
	if len(d.Controllers) == 0 && d.Domain == "" {
		f.add(key+".controllers", "is empty: name at least one, such as ldaps://dc1.corp.example.test, or write domain: to find them by DNS")
	}
	for i, s := range d.Controllers {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.Scheme != "ldaps" && u.Scheme != "ldap" {
			f.add(fmt.Sprintf("%s.controllers[%d]", key, i), "%q is neither ldaps://host nor ldap://host (with StartTLS)", s)
		}
	}
	checkDiscovery(f, key, d)
	checkFile(f, key+".ca_file", d.CAFile)
	checkWithin(f, key+".base_dn", d.BaseDN, d.Domain)
	for i, dn := range d.ProtectedGroups {
		checkWithin(f, fmt.Sprintf("%s.protected_groups[%d]", key, i), dn, d.dnsName())
	}
	for i, dn := range d.ProtectedOUs {
		checkWithin(f, fmt.Sprintf("%s.protected_ous[%d]", key, i), dn, d.dnsName())
	}
	checkAccount(f, key+".read", d.Read)
	if d.Write != (Account{}) {
		checkAccount(f, key+".write", d.Write)
	}
}

func checkDiscovery(f *finder, key string, d Domain) {
	if d.Domain == "" {
		for name, set := range map[string]bool{"site": d.Site != "", "tls": d.TLS != "", "dns": len(d.DNS) > 0} {
			if set {
				f.add(key+"."+name, "means nothing without domain: it is for controllers that DNS names")
			}
		}
		return
	}
	if !ad.IsDomainName(d.Domain) {
		f.add(key+".domain", "%q is no DNS name of a domain, such as corp.example.test", d.Domain)
	}
	if d.Site != "" && !ad.IsSiteName(d.Site) {
		f.add(key+".site", "%q is no name of a site, such as Default-First-Site-Name", d.Site)
	}
	if d.TLS != "" {
		oneOf(f, key+".tls", d.TLS, DirectoryLDAPS, DirectoryStartTLS)
	}
	for i, s := range d.DNS {
		if _, err := ad.NameServers(s); err != nil {
			f.add(fmt.Sprintf("%s.dns[%d]", key, i), "%q is no address, such as 10.1.2.3 or 10.1.2.3:53", s)
		}
	}
}

// checkWithin holds a DN to the domain, where that is known.
func checkWithin(f *finder, key, dn, domain string) {
	if dn == "" && strings.HasSuffix(key, "base_dn") {
		return
	}
	checkDN(f, key, dn)
	if within := ad.DomainOf(dn); domain != "" && dn != "" && !strings.EqualFold(within, domain) {
		f.add(key, "%q lies outside of the domain %s", dn, domain)
	}
}
