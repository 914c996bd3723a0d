package minidc

import (
	"strconv"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// pages are the paged searches that a connection has begun: the results that
// were not sent yet, by cookie.
type pages struct {
	next int
	open map[string][]*ber.Packet
	age  []string
}

// maxPages is how many paged searches one connection may have open.
const maxPages = 10

// searchPage serves a search with the paging control (RFC 2696).
func (c *conn) searchPage(req *request, q *searchRequest, ctl *control, end func(result, ...*ber.Packet) bool) bool {
	size, cookie, err := parsePaging(ctl.value)
	if err != nil {
		return false
	}
	if size == 0 {
		return end(result{code: operationsError, text: "error in module dsdb_paged_results: Operations error during LDB_SEARCH (1)"})
	}
	rest, total := c.pages.take(cookie), 0
	if cookie == "" {
		found, refs, res := c.srv.find(c.user, q)
		if !res.ok() {
			return end(res)
		}
		rest, total = append(found, refs...), len(found)
	} else if rest == nil {
		return end(result{code: unwillingToPerform, text: "error in module dsdb_paged_results: Unwilling to perform during LDB_SEARCH (53)"})
	}
	n := min(size, len(rest))
	for _, op := range rest[:n] {
		if !c.send(message(req.id, op)) {
			return false
		}
	}
	if rest = rest[n:]; len(rest) == 0 {
		total = 0
	}
	return end(done, pagingControl(total, c.pages.keep(rest)))
}

// take removes a begun search; nil when there is none.
func (p *pages) take(cookie string) []*ber.Packet {
	rest := p.open[cookie]
	delete(p.open, cookie)
	return rest
}

// keep stores what is left and returns its cookie; "" for nothing left.
func (p *pages) keep(rest []*ber.Packet) string {
	if len(rest) == 0 {
		return ""
	}
	if p.open == nil {
		p.open = map[string][]*ber.Packet{}
	}
	p.next++
	cookie := strconv.Itoa(p.next)
	p.open[cookie] = rest
	p.age = append(p.age, cookie)
	if len(p.age) > maxPages {
		delete(p.open, p.age[0])
		p.age = p.age[1:]
	}
	return cookie
}

func parsePaging(v string) (size int, cookie string, err error) {
	p, err := decode([]byte(v))
	if err != nil || len(p.Children) != 2 {
		return 0, "", errMessage
	}
	size, ok1 := num(p.Children[0])
	cookie, ok2 := str(p.Children[1])
	return size, cookie, whole(ok1 && ok2)
}

func pagingControl(size int, cookie string) *ber.Packet {
	v := sequence(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, size, ""), octetString(cookie))
	return sequence(octetString(oidPaging), octetString(string(v.Bytes())))
}
