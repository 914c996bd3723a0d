package ad

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/doctor"
)

const mine, theirs = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"

// entryOf writes an entry: object and below may be the zero GUID.
func entryOf(kind, flags byte, mask uint32, object, below GUID, sid string) []byte {
	s, err := sidBytes(sid)
	if err != nil {
		panic(err)
	}
	body := binary.LittleEndian.AppendUint32(nil, mask)
	if kind == aceAllowedObject || kind == aceDeniedObject {
		var present uint32
		var guids []byte
		if object != (GUID{}) {
			present, guids = present|objectTypePresent, append(guids, object[:]...)
		}
		if below != (GUID{}) {
			present, guids = present|inheritedTypePresent, append(guids, below[:]...)
		}
		body = append(binary.LittleEndian.AppendUint32(body, present), guids...)
	}
	body = append(body, s...)
	return append(binary.LittleEndian.AppendUint16([]byte{kind, flags}, uint16(4+len(body))), body...)
}

func listOf(t testing.TB, entries ...[]byte) dacl {
	t.Helper()
	sd := descriptor(entries...)
	binary.LittleEndian.PutUint16(sd[2:], daclPresent)
	list, err := readDACL(sd)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheFirstEntryAboutTheResetDecides(t *testing.T) {
	var none GUID
	other := rightGetAllChanges
	allow := entryOf(aceAllowedObject, 0, rightControlAccess, rightResetPassword, none, mine)
	for _, c := range []struct {
		name    string
		entries [][]byte
		want    access
	}{
		{"allowed", [][]byte{allow}, granted},
		{"every right", [][]byte{entryOf(aceAllowed, 0, rightControlAccess, none, none, mine)}, granted},
		{"everything", [][]byte{entryOf(aceAllowed, 0, rightGenericAll, none, none, mine)}, granted},
		{"through a group", [][]byte{entryOf(aceAllowedObject, 0, rightControlAccess, rightResetPassword, none, "S-1-5-11")}, granted},
		{"inherited", [][]byte{entryOf(aceAllowedObject, 0x12, rightControlAccess, rightResetPassword, classUser, mine)}, granted},
		{"denied first", [][]byte{entryOf(aceDeniedObject, 0, rightControlAccess, rightResetPassword, none, mine), allow}, denied},
		{"denied later", [][]byte{allow, entryOf(aceDenied, 0, rightControlAccess, none, none, mine)}, granted},
		{"everything denied", [][]byte{entryOf(aceDenied, 0, rightControlAccess, none, none, "S-1-5-11"), allow}, denied},
		{"somebody else", [][]byte{entryOf(aceAllowedObject, 0, rightControlAccess, rightResetPassword, none, theirs)}, notNamed},
		{"another right", [][]byte{entryOf(aceAllowedObject, 0, rightControlAccess, other, none, mine)}, notNamed},
		{"another bit", [][]byte{entryOf(aceAllowed, 0, rightReadProperty, none, none, mine)}, notNamed},
		{"waits to be inherited", [][]byte{entryOf(aceAllowedObject, aceInheritOnly|aceContainerInherit, rightControlAccess, rightResetPassword, classUser, mine)}, notNamed},
		{"another right denied", [][]byte{entryOf(aceDeniedObject, 0, rightControlAccess, other, none, mine), allow}, granted},
		{"an unknown kind", [][]byte{entryOf(9, 0, rightControlAccess, none, none, mine)}, notNamed},
		{"nothing", nil, notNamed},
	} {
		if got := listOf(t, c.entries...).decides(tokenOf([]string{mine, "S-1-5-11"}), resetting); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if (dacl{missing: true}).decides(tokenOf(nil), resetting) != granted {
		t.Error("no list at all must grant")
	}
}

func TestOnlyWhatUsersInheritIsHandedDown(t *testing.T) {
	ou := mustGUID("bf967aa5-0de6-11d0-a285-00aa003049e2") // organizationalUnit
	allow := func(flags byte, below GUID) []byte {
		return entryOf(aceAllowedObject, flags, rightControlAccess, rightResetPassword, below, mine)
	}
	for _, c := range []struct {
		name    string
		entries [][]byte
		want    bool
	}{
		{"to users", [][]byte{allow(aceContainerInherit|aceInheritOnly, classUser)}, true},
		{"to everything", [][]byte{allow(aceContainerInherit, GUID{})}, true},
		{"to units", [][]byte{allow(aceContainerInherit, ou)}, false},
		{"to nobody", [][]byte{allow(0, classUser)}, false},
		{"denied before", [][]byte{entryOf(aceDeniedObject, aceContainerInherit, rightControlAccess, rightResetPassword, classUser, mine), allow(aceContainerInherit, classUser)}, false},
	} {
		if got := listOf(t, c.entries...).hands(tokenOf([]string{mine}), resetting, classUser); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestABrokenDescriptorIsNoGrant(t *testing.T) {
	sd := descriptor(entryOf(aceAllowedObject, 0, rightControlAccess, rightResetPassword, GUID{}, mine))
	binary.LittleEndian.PutUint16(sd[2:], daclPresent)
	for n := range len(sd) {
		list, err := readDACL(sd[:n])
		if err == nil || list.decides(tokenOf([]string{mine}), resetting) == granted {
			t.Fatalf("%d of %d bytes: %v, %v", n, len(sd), list, err)
		}
	}
	if _, err := readDACL(sd); err != nil {
		t.Error(err)
	}
}

func FuzzDACL(f *testing.F) {
	f.Add(descriptor(entryOf(aceAllowedObject, 0, rightControlAccess, rightResetPassword, classUser, mine)))
	f.Add([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 8, 0, 0xff, 0xff, 0, 0})
	who := tokenOf([]string{mine, sidEverybody})
	f.Fuzz(func(t *testing.T, sd []byte) {
		list, err := readDACL(sd)
		list.decides(who, resetting)
		list.hands(who, resetting, classUser)
		if err != nil && list.missing {
			t.Error("broken, and grants everything")
		}
	})
}

func TestLinesQuoteForTheirShell(t *testing.T) {
	for _, c := range []struct {
		value, sh, ps, dsacls string
		tool                  doctor.Tool
	}{
		{"OU=Staff,DC=x", `'OU=Staff,DC=x'`, `'OU=Staff,DC=x'`, `"OU=Staff,DC=x"`, doctor.DSACLs},
		{"O'Neill", `'O'\''Neill'`, `'O''Neill'`, `"O'Neill"`, doctor.DSACLs},
		{"a’b", `'a’b'`, `'a’’b'`, `"a’b"`, doctor.DSACLs},
		{`$(reboot)`, `'$(reboot)'`, `'$(reboot)'`, `'$(reboot)'`, doctor.PowerShell},
		{`a" & del *`, `'a" & del *'`, `'a" & del *'`, `'a" & del *'`, doctor.PowerShell},
		{`%PATH%`, `'%PATH%'`, `'%PATH%'`, `'%PATH%'`, doctor.PowerShell},
	} {
		if got := samba("x %s", c.value); got[0].Text != "samba-tool x "+c.sh {
			t.Errorf("%q: %s", c.value, got[0].Text)
		}
		if got := power("x %s", c.value); got[0].Text != "x "+c.ps {
			t.Errorf("%q: %s", c.value, got[0].Text)
		}
		if got := line(doctor.DSACLs, "dsacls %s", c.value); got[0] != (doctor.Line{Tool: c.tool, Text: "dsacls " + c.dsacls}) {
			t.Errorf("%q: %v", c.value, got)
		}
	}
	for _, unfit := range []string{"", "a\nreboot", "a\x00", "a\x1b[2J", "\xff", "a\u202eb"} {
		if got := lines(samba("x %s", unfit), power("x %s", unfit), line(doctor.DSACLs, "x %s", unfit), config("x: %s", unfit)); got != nil {
			t.Errorf("%q: %v", unfit, got)
		}
	}
	if got := config("controllers: [ldaps://%s]", "dc1], x: [y"); got != nil {
		t.Errorf("a host that is none: %v", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\nb\x1b[31m\u202e\xff")
	f.Add(strings.Repeat("é", maxText))
	f.Fuzz(func(t *testing.T, s string) {
		if c := clean(s); unprintable(c) || len(c) > maxText {
			t.Errorf("%q", c)
		}
	})
}

func FuzzBindName(f *testing.F) {
	for _, s := range []string{`CORP\svc`, "svc@corp", "CN=svc,DC=corp", "", `\`, "@", "="} {
		f.Add(s, "data 775")
	}
	f.Fuzz(func(t *testing.T, bind, diagnostic string) {
		for _, l := range lines(func() []doctor.Line { _, m := refusalOf(bind, diagnostic); return m }()) {
			if strings.ContainsAny(l.Text, "\n\r\x00\x1b") {
				t.Errorf("%q", l.Text)
			}
		}
	})
}

func TestOnlyEntriesOverPeopleAndUnitsAreTooMuch(t *testing.T) {
	const mine = "S-1-5-21-1-2-3-1104"
	var none GUID
	computer, group := mustGUID("bf967a86-0de6-11d0-a285-00aa003049e2"), mustGUID("bf967a9c-0de6-11d0-a285-00aa003049e2")
	for _, c := range []struct {
		name          string
		kind          byte
		mask          uint32
		object, below GUID
		want          bool
	}{
		{"full control", aceAllowed, 0xf01ff, none, none, true},
		{"full control of people", aceAllowedObject, 0xf01ff, none, classUser, true},
		{"full control of computers", aceAllowedObject, 0xf01ff, none, computer, false},
		{"full control of groups", aceAllowedObject, 0xf01ff, none, group, false},
		{"permissions of units below", aceAllowedObject, rightWriteDACL, none, classUnit, true},
		{"joining computers", aceAllowedObject, rightCreateChild | rightDeleteChild, computer, none, false},
		{"creating people", aceAllowedObject, rightCreateChild, classUser, none, true},
		{"creating anything", aceAllowed, rightCreateChild, none, none, true},
		{"writing lockoutTime", aceAllowedObject, rightWriteProperty, attributeLockoutTime, classUser, false},
		{"writing everything", aceAllowedObject, rightWriteProperty, none, classUser, true},
		{"a denial", aceDenied, 0xf01ff, none, none, false},
	} {
		for _, a := range listOf(t, entryOf(c.kind, 0, c.mask, c.object, c.below, mine)).aces {
			if got := a.tooMuch(); got != c.want {
				t.Errorf("%s: %v", c.name, got)
			}
		}
	}
}
