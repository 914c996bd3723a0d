package conformance

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"
)

// suite is one run: the connections and the places that all cases share.
type suite struct {
	Target
	admin, service, binder *ldap.Conn
	ou                     string // below StaffOU, of this run
	outside                string // below OthersOU, of this run
	run                    string // makes names unique between runs
	n                      int
}

// C is one running case.
type C struct {
	*testing.T
	*suite
}

// standard is the domain policy during the run. Cases that need another one
// use a fine-grained policy, or C.policy.
var standard = map[string]string{
	"minPwdLength": "7", "pwdHistoryLength": "3", "pwdProperties": "1",
	"minPwdAge": "0", "maxPwdAge": "-36288000000000", // 42 days
	"lockoutThreshold": "3", "lockoutDuration": "-18000000000", "lockOutObservationWindow": "-18000000000", // 30 minutes
}

func open(t *testing.T, target Target) *suite {
	t.Helper()
	s := &suite{Target: target, run: strings.ToLower(rand.Text()[:5])}
	c := &C{T: t, suite: s}
	c.connect()
	t.Cleanup(s.disconnect)
	before := c.read(c.admin, c.BaseDN, keys(standard)...)
	t.Cleanup(func() { c.setPolicy(values(before)) })
	c.setPolicy(standard)
	s.ou, s.outside = "OU=Conformance "+s.run+","+s.StaffOU, "OU=Conformance "+s.run+","+s.OthersOU
	c.must(c.add(s.ou, attrs{"objectClass": {"organizationalUnit"}}))
	c.must(c.add(s.outside, attrs{"objectClass": {"organizationalUnit"}}))
	return s
}

func (c *C) connect() {
	c.Helper()
	c.suite.admin = c.dial(c.AdminBind, c.AdminPassword)
	c.suite.service = c.dial(c.ServiceBind, c.ServicePassword)
	c.suite.binder = c.dial("", "")
}

func (s *suite) disconnect() {
	for _, conn := range []*ldap.Conn{s.admin, s.service, s.binder} {
		conn.Close()
	}
}

// dial opens LDAPS; an empty name stays anonymous.
func (c *C) dial(bind, password string) *ldap.Conn {
	c.Helper()
	conn, err := ldap.DialURL(c.LDAPSURL, ldap.DialWithTLSConfig(c.TLS))
	c.must(err)
	conn.SetTimeout(20 * time.Second)
	if bind != "" {
		c.must(conn.Bind(bind, password))
	}
	return conn
}

// dialed is dial with the close left to the case.
func (c *C) dialed(bind, password string) *ldap.Conn {
	c.Helper()
	conn := c.dial(bind, password)
	c.Cleanup(func() { conn.Close() })
	return conn
}

func (c *C) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

var (
	subCode = regexp.MustCompile(`data ([0-9a-f]+)`)
	hexCode = regexp.MustCompile(`^([0-9A-Fa-f]{8}):`)
)

// answer is a result in short: "" for success, "49 532" for a refused bind,
// "19 0000052D" where the diagnostic begins with a code, else "32".
func answer(err error) string {
	if err == nil {
		return ""
	}
	var e *ldap.Error
	if !errors.As(err, &e) {
		return "no result: " + err.Error()
	}
	code := strconv.Itoa(int(e.ResultCode))
	if e.Err == nil {
		return code
	}
	if m := subCode.FindStringSubmatch(e.Err.Error()); m != nil && e.ResultCode == ldap.LDAPResultInvalidCredentials {
		return code + " " + m[1]
	}
	if m := hexCode.FindStringSubmatch(e.Err.Error()); m != nil {
		return code + " " + strings.ToUpper(m[1])
	}
	return code
}

// want compares a result. Without a code after the number only the number counts.
func (c *C) want(err error, want string) {
	c.Helper()
	got := answer(err)
	if got == want || want != "" && !strings.Contains(want, " ") && strings.HasPrefix(got+" ", want+" ") {
		return
	}
	c.Errorf("answer %q, want %q (%v)", got, want, err)
}

// same compares two texts.
func (c *C) same(what, got, want string) {
	c.Helper()
	if got != want {
		c.Errorf("%s is %q, want %q", what, got, want)
	}
}

type attrs map[string][]string

func (c *C) add(dn string, a attrs) error { return addAs(c.admin, dn, a) }

func addAs(conn *ldap.Conn, dn string, a attrs) error {
	req := ldap.NewAddRequest(dn, nil)
	for name, v := range a {
		req.Attribute(name, v)
	}
	return conn.Add(req)
}

// change is one part of a modify.
type change func(*ldap.ModifyRequest)

func replace(name string, v ...string) change {
	return func(r *ldap.ModifyRequest) { r.Replace(name, v) }
}

func addValue(name string, v ...string) change {
	return func(r *ldap.ModifyRequest) { r.Add(name, v) }
}

func remove(name string, v ...string) change {
	return func(r *ldap.ModifyRequest) { r.Delete(name, v) }
}

func reset(password string) change { return replace("unicodePwd", quote(password)) }

// exchange is a change of password: the old value is the proof.
func exchange(old, new string) change {
	return func(r *ldap.ModifyRequest) {
		r.Delete("unicodePwd", []string{quote(old)})
		r.Add("unicodePwd", []string{quote(new)})
	}
}

func control(x ldap.Control) change {
	return func(r *ldap.ModifyRequest) { r.Controls = append(r.Controls, x) }
}

func modify(conn *ldap.Conn, dn string, changes ...change) error {
	req := ldap.NewModifyRequest(dn, nil)
	for _, ch := range changes {
		ch(req)
	}
	return conn.Modify(req)
}

func utf16le(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// quote is a password as unicodePwd wants it.
func quote(password string) string { return utf16le(`"` + password + `"`) }

// read returns the object named dn, which must be there.
func (c *C) read(conn *ldap.Conn, dn string, names ...string) *ldap.Entry {
	c.Helper()
	res, err := conn.Search(query(dn, ldap.ScopeBaseObject, "(objectClass=*)", names...))
	c.must(err)
	if len(res.Entries) != 1 {
		c.Fatalf("%s: %d entries", dn, len(res.Entries))
	}
	return res.Entries[0]
}

func query(base string, scope int, filter string, names ...string) *ldap.SearchRequest {
	return ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, names, nil)
}

// find returns the sAMAccountNames below base that the filter matches.
func (c *C) find(base, filter string) []string {
	c.Helper()
	res, err := c.service.Search(query(base, ldap.ScopeWholeSubtree, filter, "sAMAccountName"))
	c.must(err)
	var found []string
	for _, e := range res.Entries {
		found = append(found, e.GetAttributeValue("sAMAccountName"))
	}
	return found
}

// setPolicy writes attributes of the domain object.
func (c *C) setPolicy(p map[string]string) {
	c.Helper()
	var changes []change
	for name, v := range p {
		changes = append(changes, replace(name, v))
	}
	c.must(modify(c.admin, c.BaseDN, changes...))
}

// policy changes the domain's policy for this case only.
func (c *C) policy(p map[string]string) {
	c.Helper()
	c.Cleanup(func() { c.setPolicy(standard) })
	c.setPolicy(p)
}

// keys are sorted: cases made from a table always run in one order.
func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func values(e *ldap.Entry) map[string]string {
	m := map[string]string{}
	for _, a := range e.Attributes {
		m[a.Name] = a.Values[0]
	}
	return m
}

// name returns a name that no other case has.
func (c *C) name(kind string) string {
	c.suite.n++
	return fmt.Sprintf("%s-%s-%03d", kind, c.run, c.suite.n)
}

// until asks again until ok, for things that the controller's clock does.
func (c *C) until(what string, ok func() bool) {
	c.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(15 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			c.Fatalf("%s: not within 15 s", what)
		}
	}
}
