package samba

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"
)

// Person is a seeded account and the password it starts with.
type Person struct {
	Name     string `json:"name"`
	Account  string `json:"account"` // sAMAccountName
	UPN      string `json:"upn"`
	Password string `json:"password"`
	DN       string `json:"dn"`
	Note     string `json:"note,omitempty"` // what is special about the account
}

// seed is everything that is planted into the empty domain. It is data only,
// so that its hash names the snapshot.
type seed struct {
	Policy  map[string][]string // attributes of the domain object
	OUs     []string            // relative to the base DN, parents first
	Objects []object            // in this order: references need their target
	PSOs    []pso
	Later   []link // what names objects that come after it

	PasswordSet []moment // pwdLastSet as it shall be
	Locked      []string // who is locked, by bind name
}

type link struct {
	From, Attribute string
	To              []string
}

type moment struct {
	RDN string
	At  int64 // FILETIME
}

type object struct {
	RDN      string // relative to the base DN
	Class    string
	Password string
	Note     string              // what is special about the account
	Attrs    map[string][]string // a value that ends with ",BASE" names an object of the domain
}

type pso struct {
	Name    string
	Attrs   map[string][]string
	Applies []string // relative DNs
}

// key is the seed as text, maps in order and every byte of a photo in it.
func (s seed) key() string { return fmt.Sprintf("%#v", s) + delegation + readPSOs }

// delegation is what an administrator's "delegate control" writes on the OU
// for the service account: Reset-Password, lockoutTime and pwdLastSet of users.
const delegation = "(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;%[1]s)" +
	"(OA;CIIO;RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1;bf967aba-0de6-11d0-a285-00aa003049e2;%[1]s)" +
	"(OA;CIIO;RPWP;bf967a0a-0de6-11d0-a285-00aa003049e2;bf967aba-0de6-11d0-a285-00aa003049e2;%[1]s)"

// readPSOs lets the service account read fine-grained password policies.
const readPSOs = "(A;CI;RPLCLORC;;;%s)"

// sow plants the seed through LDAP; the delegation goes through samba-tool.
func (s seed) sow(dc *DC) error {
	c, err := dc.Dial(dc.AdminBind, dc.AdminPassword)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := s.makeOUs(dc, c); err != nil {
		return err
	}
	if err := s.makeService(dc, c); err != nil {
		return fmt.Errorf("service account: %w", err)
	}
	for _, o := range s.Objects {
		if err := o.add(dc, c); err != nil {
			return fmt.Errorf("%s: %w", o.RDN, err)
		}
	}
	for _, l := range s.Later {
		if err := l.add(dc, c); err != nil {
			return fmt.Errorf("%s of %s: %w", l.Attribute, l.From, err)
		}
	}
	for _, p := range s.PSOs {
		if err := p.add(dc, c); err != nil {
			return fmt.Errorf("policy %s: %w", p.Name, err)
		}
	}
	if err := s.setPolicy(dc, c); err != nil {
		return err
	}
	return s.spoil(dc, c)
}

// spoil brings accounts into the states that only time or mistakes bring.
func (s seed) spoil(dc *DC, c *ldap.Conn) error {
	for _, m := range s.PasswordSet {
		if err := setPasswordAge(dc, c, m); err != nil {
			return fmt.Errorf("age of %s's password: %w", m.RDN, err)
		}
	}
	for _, name := range s.Locked {
		if err := lockOut(dc, name); err != nil {
			return fmt.Errorf("lock %s: %w", name, err)
		}
	}
	return nil
}

func setPasswordAge(dc *DC, c *ldap.Conn, m moment) error {
	dn := m.RDN + "," + dc.BaseDN
	if m.At != 0 {
		return dc.Backdate(dn, m.At)
	}
	req := ldap.NewModifyRequest(dn, nil)
	req.Replace("pwdLastSet", []string{"0"})
	return c.Modify(req)
}

// lockOut tries wrong passwords until the directory calls the account locked.
func lockOut(dc *DC, name string) error {
	for range 20 {
		c, err := dc.Dial(name, "not the password")
		if err == nil {
			c.Close()
			return errors.New("a wrong password was right")
		}
		if strings.Contains(err.Error(), "data 775") {
			return nil
		}
	}
	return errors.New("twenty wrong passwords did not lock")
}

func (l link) add(dc *DC, c *ldap.Conn) error {
	req := ldap.NewModifyRequest(l.From+","+dc.BaseDN, nil)
	req.Add(l.Attribute, absolute(dc, l.To))
	return c.Modify(req)
}

// ownOUs are in every seed.
var ownOUs = []string{"OU=Service", "OU=Staff", "OU=Others"}

func (s seed) makeOUs(dc *DC, c *ldap.Conn) error {
	for _, ou := range slices.Concat(ownOUs, s.OUs) {
		req := ldap.NewAddRequest(ou+","+dc.BaseDN, nil)
		req.Attribute("objectClass", []string{"organizationalUnit"})
		if err := c.Add(req); err != nil {
			return fmt.Errorf("%s: %w", ou, err)
		}
	}
	return nil
}

// makeService adds the service account, whose password never expires, and
// delegates to it.
func (s seed) makeService(dc *DC, c *ldap.Conn) error {
	o := object{RDN: "CN=svc-latchkey,OU=Service", Class: "user", Password: dc.ServicePassword, Attrs: map[string][]string{
		"sAMAccountName": {"svc-latchkey"}, "userPrincipalName": {dc.ServiceBind}, "userAccountControl": {"66048"},
	}}
	if err := o.add(dc, c); err != nil {
		return err
	}
	sid, err := sidOf(c, dc.Service)
	if err != nil {
		return err
	}
	return errors.Join(
		dc.Tool("dsacl", "set", "--objectdn="+dc.StaffOU, "--sddl="+fmt.Sprintf(delegation, sid)),
		dc.Tool("dsacl", "set", "--objectdn="+container(dc), "--sddl="+fmt.Sprintf(readPSOs, sid)),
	)
}

func container(dc *DC) string { return "CN=Password Settings Container,CN=System," + dc.BaseDN }

func (o object) add(dc *DC, c *ldap.Conn) error {
	req := ldap.NewAddRequest(o.RDN+","+dc.BaseDN, nil)
	req.Attribute("objectClass", []string{o.Class})
	for name, values := range o.Attrs {
		req.Attribute(name, absolute(dc, values))
	}
	if o.Password != "" {
		req.Attribute("unicodePwd", []string{Quote(o.Password)})
	}
	return c.Add(req)
}

func (p pso) add(dc *DC, c *ldap.Conn) error {
	req := ldap.NewAddRequest("CN="+p.Name+","+container(dc), nil)
	req.Attribute("objectClass", []string{"msDS-PasswordSettings"})
	for name, values := range p.Attrs {
		req.Attribute(name, values)
	}
	req.Attribute("msDS-PSOAppliesTo", absolute(dc, p.Applies))
	return c.Add(req)
}

// setPolicy comes last: it must not refuse the seed's own passwords.
func (s seed) setPolicy(dc *DC, c *ldap.Conn) error {
	req := ldap.NewModifyRequest(dc.BaseDN, nil)
	for name, values := range s.Policy {
		req.Replace(name, values)
	}
	return c.Modify(req)
}

func absolute(dc *DC, values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		if rel, ok := strings.CutSuffix(v, ",BASE"); ok {
			v = rel + "," + dc.BaseDN
		}
		out[i] = v
	}
	return out
}

// Quote returns a password as unicodePwd wants it: in quotation marks, UTF-16
// little-endian (MS-ADTS 3.1.1.3.1.5).
func Quote(password string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func sidOf(c *ldap.Conn, dn string) (string, error) {
	res, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"objectSid"}, nil))
	if err != nil {
		return "", err
	}
	if len(res.Entries) != 1 {
		return "", fmt.Errorf("%s: %d entries", dn, len(res.Entries))
	}
	return sidText(res.Entries[0].GetRawAttributeValue("objectSid"))
}

// sidText writes a binary SID as S-1-… (MS-DTYP 2.4.2).
func sidText(b []byte) (string, error) {
	if len(b) < 8 || len(b) != 8+4*int(b[1]) {
		return "", fmt.Errorf("SID of %d bytes", len(b))
	}
	authority := uint64(0)
	for _, x := range b[2:8] {
		authority = authority<<8 | uint64(x)
	}
	s := fmt.Sprintf("S-%d-%d", b[0], authority)
	for i := range int(b[1]) {
		s += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(b[8+4*i:]))
	}
	return s, nil
}
