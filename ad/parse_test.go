package ad

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

func TestFileTimeKnowsItsSentinels(t *testing.T) {
	for _, c := range []struct {
		in   int64
		want time.Time
	}{
		{0, time.Time{}}, {-1, time.Time{}}, {math.MinInt64, time.Time{}}, {math.MaxInt64, time.Time{}}, {math.MaxInt64 - 1, time.Time{}},
		{116444736000000000, time.Unix(0, 0)}, {133500000000000001, time.Unix(1705526400, 100)}, {1, time.Date(1601, 1, 1, 0, 0, 0, 100, time.UTC)},
	} {
		if got := fileTime(c.in); !got.Equal(c.want) {
			t.Errorf("fileTime(%d) = %v, want %v", c.in, got, c.want)
		}
	}
}

func TestIntervalsWithoutEndAreZero(t *testing.T) {
	for in, want := range map[int64]time.Duration{0: 0, 5: 0, math.MinInt64: 0, math.MinInt64 + 1: 0, -10_000_000: time.Second, -18_000_000_000: 30 * time.Minute} {
		if got := interval(in); got != want {
			t.Errorf("interval(%d) = %v, want %v", in, got, want)
		}
	}
}

func FuzzTimes(f *testing.F) {
	f.Add(int64(133500000000000000))
	f.Fuzz(func(t *testing.T, v int64) {
		if _, err := fileTime(v).MarshalJSON(); err != nil {
			t.Error(err)
		}
		if interval(v) < 0 {
			t.Error("an interval is never negative")
		}
	})
}

func TestSIDsAreReadAndWritten(t *testing.T) {
	const text = "S-1-5-21-1004336348-1177238915-682003330-512"
	b, err := sidBytes(text)
	if err != nil || hex.EncodeToString(b) != "010500000000000515000000dcf4dc3b833d2b46828ba62800020000" {
		t.Fatalf("%x, %v", b, err)
	}
	if got, err := sidText(b); err != nil || got != text {
		t.Fatalf("%s, %v", got, err)
	}
	for _, bad := range [][]byte{nil, {1}, b[:len(b)-1], append(bytes.Clone(b), 0), {2, 0, 0, 0, 0, 0, 0, 5}, {1, 200, 0, 0, 0, 0, 0, 5}} {
		if got, err := sidText(bad); err == nil {
			t.Errorf("%x is %s", bad, got)
		}
	}
	for _, bad := range []string{"", "S-1", "S-2-5-1", "S-1-5-x", "S-1-5-4294967296", "s-1-5-18", text + "-", "S-1-281474976710656"} {
		if got, err := sidBytes(bad); err == nil {
			t.Errorf("%q is %x", bad, got)
		}
	}
}

func FuzzSID(f *testing.F) {
	f.Add([]byte{1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := sidText(b)
		if err != nil {
			return
		}
		if back, err := sidBytes(text); err != nil || !bytes.Equal(back, b) {
			t.Fatalf("%x: %s: %x, %v", b, text, back, err)
		}
		splitSID(text)
		isProtectedSID(text)
	})
}

func TestEveryGroupOfRuleFiveIsProtected(t *testing.T) {
	const domain = "S-1-5-21-1-2-3"
	for _, sid := range []string{"S-1-5-32-544", "S-1-5-32-548", "S-1-5-32-549", "S-1-5-32-550", "S-1-5-32-551", "S-1-5-32-552",
		domain + "-512", domain + "-516", domain + "-517", domain + "-518", domain + "-519", domain + "-520", domain + "-521",
		domain + "-526", domain + "-527", domain + "-498", "S-1-5-21-9-9-9-519"} {
		if !isProtectedSID(sid) {
			t.Errorf("%s is not protected", sid)
		}
	}
	for _, sid := range []string{"", "S-1-5-32-545", domain + "-513", domain + "-1512", "S-1-5-512", "S-1-5-21-512", "S-1-5-21-1-2-3-4-512", "S-1-1-0"} {
		if isProtectedSID(sid) {
			t.Errorf("%s is protected", sid)
		}
	}
}

func TestLogonHoursCountFromSundayUTC(t *testing.T) {
	hours := make([]byte, 21)
	hours[3+1] = 1 << 1 // Monday 09:00-10:00
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 30, 0, 0, time.UTC) }
	monday9 := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at      time.Time
		allowed bool
		next    time.Time
	}{
		{at(23, 9), true, time.Time{}},
		{at(23, 8), false, monday9},
		{at(22, 9), false, monday9},
		{at(23, 10), false, monday9.AddDate(0, 0, 7)},
		{at(23, 9).In(time.FixedZone("", 5*3600)), true, time.Time{}},
	} {
		if allowed, next := logonAllowed(hours, c.at); allowed != c.allowed || !next.Equal(c.next) {
			t.Errorf("%v: %v, %v; want %v, %v", c.at, allowed, next, c.allowed, c.next)
		}
	}
	for _, c := range []struct {
		hours []byte
		want  bool
	}{{nil, true}, {make([]byte, 21), false}, {bytes.Repeat([]byte{255}, 21), true}, {[]byte{1}, false}, {bytes.Repeat([]byte{255}, 100), true}} {
		if allowed, next := logonAllowed(c.hours, at(27, 12)); allowed != c.want || allowed && !next.IsZero() {
			t.Errorf("%x: %v, %v", c.hours, allowed, next)
		}
	}
}

func FuzzLogonHours(f *testing.F) {
	f.Add([]byte{255, 0, 1}, int64(1700000000))
	f.Fuzz(func(t *testing.T, hours []byte, unix int64) {
		at := time.Unix(unix%(1<<40), 0)
		allowed, next := logonAllowed(hours, at)
		if allowed && !next.IsZero() {
			t.Error("allowed now and later")
		}
		if !next.IsZero() {
			if now, _ := logonAllowed(hours, next); !now || !next.After(at) {
				t.Errorf("%v is not allowed, or not after %v", next, at)
			}
		}
	})
}

// descriptor builds a self-relative security descriptor around entries.
func descriptor(entries ...[]byte) []byte {
	body := bytes.Join(entries, nil)
	acl := append([]byte{4, 0, byte(8 + len(body)), byte((8 + len(body)) >> 8), byte(len(entries)), 0, 0, 0}, body...)
	return append([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0}, acl...)
}

func objectACE(kind, flags byte, right GUID, sid string) []byte {
	s, err := sidBytes(sid)
	if err != nil {
		panic(err)
	}
	size := byte(12 + 16 + len(s))
	return append(append([]byte{kind, flags, size, 0, 0, 1, 0, 0, 1, 0, 0, 0}, right[:]...), s...)
}

func TestCannotChangeIsADenialInTheDescriptor(t *testing.T) {
	other := changePassword
	other[0]++
	allow := objectACE(5, 0, changePassword, sidSelf)
	for _, c := range []struct {
		name string
		sd   []byte
		want bool
	}{
		{"self", descriptor(allow, objectACE(6, 0, changePassword, sidSelf)), true},
		{"everybody", descriptor(objectACE(6, 0, changePassword, sidEverybody), allow), true},
		{"somebody else", descriptor(objectACE(6, 0, changePassword, "S-1-5-18")), false},
		{"another right", descriptor(objectACE(6, 0, other, sidSelf)), false},
		{"for children", descriptor(objectACE(6, aceInheritOnly, changePassword, sidSelf)), false},
		{"allowed", descriptor(allow), false},
		{"nothing", descriptor(), false},
		{"absent", nil, false},
		{"cut", descriptor(objectACE(6, 0, changePassword, sidSelf))[:40], false},
	} {
		if got := deniesChange(c.sd); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func FuzzDescriptor(f *testing.F) {
	f.Add(descriptor(objectACE(6, 0, changePassword, sidSelf)))
	f.Add([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(_ *testing.T, sd []byte) { deniesChange(sd) })
}

func FuzzGUID(f *testing.F) {
	f.Add("efc818ee-a600-4d1b-9c0e-0123456789ab", []byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		if g, err := ParseGUID(text); err == nil && g.String() != strings.ToLower(text) {
			t.Errorf("%q is %v", text, g)
		}
		if g, err := GUIDFromBytes(b); err == nil {
			if back, err := ParseGUID(g.String()); err != nil || back != g {
				t.Errorf("%x: %v, %v", b, back, err)
			}
		}
	})
}

// shape is a filter without its values.
func shape(t *testing.T, text string) string {
	t.Helper()
	p, err := ldap.CompileFilter(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var walk func(*ber.Packet) string
	walk = func(p *ber.Packet) string {
		s := p.Description + "("
		if p.Tag == ldap.FilterEqualityMatch && len(p.Children) == 2 {
			return s + p.Children[0].Data.String() + ")"
		}
		for _, c := range p.Children {
			s += walk(c)
		}
		return s + ")"
	}
	return walk(p)
}

func FuzzFilterKeepsItsShape(f *testing.F) {
	for _, s := range []string{"ada", "*", ")(objectClass=*", `\2a`, "a\x00b", "(|(a=b", "\xff\xfe", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		build := func(v string) string {
			return and(equal("sAMAccountType", normalUser), givenName{sam: "x" + v, upn: "y" + v}.filter()).text
		}
		if got, want := shape(t, build(name)), shape(t, build("ada")); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	})
}

func TestAFilterOfNothingMatchesNothing(t *testing.T) {
	for _, f := range []filter{and(), or(), givenName{}.filter()} {
		if f.text != "(!(objectClass=*))" {
			t.Error(f.text)
		}
	}
}

func TestACriticalControlSaysTrueTheWayLDAPDoes(t *testing.T) {
	if got := hex.EncodeToString(policyHints(oidPolicyHints).Encode().Bytes()); !strings.Contains(got, "0101ff") || !strings.HasSuffix(got, "04053003020101") {
		t.Error(got)
	}
	if got := hex.EncodeToString(daclOnly.Encode().Bytes()); strings.Contains(got, "0101ff") || !strings.HasSuffix(got, "04053003020104") {
		t.Error(got)
	}
}

func TestThePasswordIsQuotedAndLittleEndian(t *testing.T) {
	if got := hex.EncodeToString([]byte(quoted(secretOf("a\"\U0001F511")))); got != "2200"+"6100"+"2200"+"3dd811dd"+"2200" {
		t.Error(got)
	}
}

func TestDomainHeadIsTheEndOfAName(t *testing.T) {
	for dn, want := range map[string]string{
		"CN=a,OU=b,DC=child,DC=corp,DC=test": "DC=child,DC=corp,DC=test", "DC=corp,DC=test": "DC=corp,DC=test",
		`CN=a\,DC=x,OU=b,dc=corp`: "dc=corp", "CN=a": "", "no dn": "", "": "",
	} {
		if got := domainHead(dn); !strings.EqualFold(got, want) {
			t.Errorf("%q: %q, want %q", dn, got, want)
		}
	}
}
