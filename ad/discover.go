package ad

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Discovery finds controllers by the SRV records that they register (MS-ADTS
// 6.3.2.3, RFC 2782). DNS is not trusted: whoever answers is a controller only
// with a verified certificate for a name directly in the domain.
type Discovery struct {
	// Domain is the DNS name of the domain, "corp.example.test".
	Domain string
	// Site is asked first; "" asks the whole domain.
	Site string
	// StartTLS demands StartTLS on the port of the record, which is 389.
	// Otherwise LDAPS on 636: it has no record of its own.
	StartTLS bool
	// Resolver also finds the controllers' addresses; nil is the machine's.
	Resolver *net.Resolver
	// Servers are whom Resolver asks, for people who are to ask them too.
	Servers []string
}

// resolver is the machine's where no other is configured.
func (d *Discovery) resolver() *net.Resolver {
	if d == nil || d.Resolver == nil {
		return net.DefaultResolver
	}
	return d.Resolver
}

// Bounds of looking controllers up.
const (
	lookupTime  = 5 * time.Second // of all questions together
	maxFound    = 16              // controllers that are used
	leastFresh  = 5 * time.Minute // Go's resolver does not tell the records' TTL
	mostFresh   = 15 * time.Minute
	againAfter  = 10 * time.Second // when no controller answers
	longestRest = 5 * time.Minute  // after lookups that failed
)

// Lookup is what one look at DNS brought.
type Lookup struct {
	At          time.Time // zero: there was none yet
	Questions   []Question
	Controllers []string  // in use from now on, as Account.Controller has them
	Refused     []string  // targets that are no controllers of the domain
	Left        int       // more than are used
	Next        time.Time // when DNS is asked again
	// Err is why nothing was learnt; what was known before stays.
	Err error
}

// Question is one SRV question and its answer.
type Question struct {
	Name    string // "_ldap._tcp.dc._msdcs.corp.example.test"
	Records int
	Refused []*net.SRV // targets that are no controllers of the domain
	Err     error
}

// target is a record that may be a controller.
type target struct{ host, port string }

// name is what a controller at the target is called.
func (t target) name(d *Discovery) string {
	if d.StartTLS && t.port != "389" {
		return net.JoinHostPort(t.host, t.port)
	}
	return t.host
}

func (d *Discovery) url(name string) string {
	if d.StartTLS {
		return "ldap://" + name
	}
	return "ldaps://" + name
}

// questions are, in this order: the PDC emulator, the site's controllers and
// the domain's.
func (d *Discovery) questions() (pdc, site, all string) {
	if d.Site != "" {
		site = "_ldap._tcp." + d.Site + "._sites.dc._msdcs." + d.Domain
	}
	return "_ldap._tcp.pdc._msdcs." + d.Domain, site, "_ldap._tcp.dc._msdcs." + d.Domain
}

// check names every mistake.
func (d *Discovery) check() (errs []error) {
	if len(d.Domain) > 200 || !isHostName(d.Domain) {
		errs = append(errs, fmt.Errorf("domain %q is no DNS name, such as corp.example.test", d.Domain))
	}
	if d.Site != "" && !isLabel(d.Site) {
		errs = append(errs, fmt.Errorf("site %q is no name of a site", d.Site))
	}
	return errs
}

// look asks all questions at once. complete says that the domain's list was
// among the answers, so that who is not found is gone.
func (d *Discovery) look(ctx context.Context) (found []target, complete bool, l Lookup) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	pdc, site, all := d.questions()
	type answer struct {
		Question
		targets []target
	}
	answers := make([]chan answer, 0, 3)
	for _, name := range []string{pdc, site, all} {
		if name == "" {
			continue
		}
		got := make(chan answer, 1)
		answers = append(answers, got)
		go func() {
			a := answer{Question: Question{Name: name}}
			a.targets, a.Refused, a.Records, a.Err = d.ask(ctx, name)
			got <- a
		}()
	}
	var errs []error
	for _, got := range answers {
		a := <-got
		l.Questions = append(l.Questions, a.Question)
		for _, srv := range a.Refused {
			l.Refused = append(l.Refused, srv.Target)
		}
		found = append(found, a.targets...)
		if a.Err != nil {
			errs = append(errs, a.Err)
		}
		complete = complete || a.Name == all && len(a.targets) > 0
	}
	found = distinct(found)
	slices.Sort(l.Refused)
	l.Refused = slices.Compact(l.Refused)
	if len(found) == 0 {
		l.Err = fmt.Errorf("look up the controllers of %s: %w", d.Domain, errors.Join(append(errs, errNoTarget)...))
	}
	return found, complete, l
}

var errNoTarget = errors.New("no record names a controller of the domain")

// ask puts one SRV question. The resolver orders by priority and weight.
func (d *Discovery) ask(ctx context.Context, name string) (targets []target, refused []*net.SRV, records int, err error) {
	_, answers, err := d.resolver().LookupSRV(ctx, "", "", name+".")
	for _, srv := range answers {
		host := strings.ToLower(strings.TrimSuffix(srv.Target, "."))
		switch {
		case host == "": // RFC 2782: decidedly not available here
		case !d.holds(host) || srv.Port == 0:
			if len(refused) < maxFound {
				srv.Target = cut(host, 253)
				refused = append(refused, srv)
			}
		default:
			targets = append(targets, target{host, strconv.Itoa(int(srv.Port))})
		}
	}
	if len(targets) > 0 {
		err = nil // malformed records beside good ones say nothing about these
	}
	return targets, refused, len(answers), err
}

// holds says whether a host lies directly in the domain. A name further below
// may be of another domain of the forest, whose controllers hold good
// certificates too.
func (d *Discovery) holds(host string) bool {
	label, ok := strings.CutSuffix(host, "."+strings.ToLower(d.Domain))
	return ok && isLabel(label)
}

func distinct(all []target) (out []target) {
	for _, t := range all {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

func isHostName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s != "" && len(s) <= 63 && strings.Trim(s, letters) == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// freshness is how long an answer is believed: not the same on every server,
// so that they do not ask at once.
func freshness() time.Duration { return leastFresh + rand.N(mostFresh-leastFresh) }

// NameServers is a resolver that asks these servers in turn, and no other. Each
// is an address, or an address and a port.
func NameServers(servers ...string) (*net.Resolver, error) {
	if len(servers) == 0 {
		return nil, errors.New("no name server is named")
	}
	var addresses []string
	for _, s := range servers {
		address := s
		if net.ParseIP(s) != nil {
			address = net.JoinHostPort(s, "53")
		}
		host, port, err := net.SplitHostPort(address)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || net.ParseIP(host) == nil {
			return nil, fmt.Errorf("name server %q is no address, such as 10.1.2.3 or 10.1.2.3:53", s)
		}
		addresses = append(addresses, address)
	}
	var next atomic.Uint32
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		i := int(next.Add(1)-1) % len(addresses)
		return new(net.Dialer).DialContext(ctx, network, addresses[i])
	}}, nil
}
