package ad

import (
	"bytes"
	"slices"
)

// Bits of an access mask on directory objects (MS-ADTS 5.1.3.2).
const (
	rightCreateChild   = 0x1
	rightDeleteChild   = 0x2
	rightReadProperty  = 0x10
	rightWriteProperty = 0x20
	rightDeleteTree    = 0x40
	rightDelete        = 0x10000
	rightWriteDACL     = 0x40000
	rightWriteOwner    = 0x80000
	rightGenericAll    = 0x10000000
	rightGenericWrite  = 0x40000000
)

// Rights and classes that the doctor looks for, in the order of the directory
// (MS-ADTS 5.1.3.2.1, MS-ADSC).
var (
	rightResetPassword   = mustGUID("00299570-246d-11d0-a768-00aa006e0529") // User-Force-Change-Password
	rightGetAllChanges   = mustGUID("1131f6ad-9c07-11d1-f79f-00c04fc2dcd2") // DS-Replication-Get-Changes-All
	attributeLockoutTime = mustGUID("28630ebf-41d5-11d1-a9c1-0000f80367c1")
	attributePwdLastSet  = mustGUID("bf967a0a-0de6-11d0-a285-00aa003049e2")
	classUser            = mustGUID("bf967aba-0de6-11d0-a285-00aa003049e2")
	classPerson          = mustGUID("bf967aa7-0de6-11d0-a285-00aa003049e2")
	classOrgPerson       = mustGUID("bf967aa4-0de6-11d0-a285-00aa003049e2")
	classUnit            = mustGUID("bf967aa5-0de6-11d0-a285-00aa003049e2")
	classContainer       = mustGUID("bf967a8b-0de6-11d0-a285-00aa003049e2")
	classPSO             = mustGUID("3bcd9db8-f84b-451c-952f-6c52b81f9ec6") // msDS-PasswordSettings
	classInetOrgPerson   = mustGUID("4828cc14-1437-45bc-9b07-ad6f015e5f28")
)

// mustGUID reads a constant.
func mustGUID(text string) GUID {
	g, err := ParseGUID(text)
	if err != nil {
		panic(err)
	}
	return g
}

// token is the SIDs that somebody is known by.
type token map[string]bool

func tokenOf(sids []string) token {
	t := token{}
	for _, sid := range sids {
		t[sid] = true
	}
	return t
}

// access is what a list says to one access.
type access int

// notNamed: no entry is about it, which refuses as well.
const (
	notNamed access = iota
	granted
	denied
)

// asks is one access to one object: some bits of the mask, and the right or
// attribute that they are about; the zero GUID is the whole object.
type asks struct {
	mask   uint32
	object GUID
}

var (
	resetting  = asks{rightControlAccess, rightResetPassword}
	replicates = asks{rightControlAccess, rightGetAllChanges}
	rewriting  = asks{rightWriteDACL, GUID{}}
	taking     = asks{rightWriteOwner, GUID{}}
	readsAll   = asks{rightReadProperty, GUID{}}
	deleting   = asks{rightDelete, GUID{}}
	felling    = asks{rightDeleteTree, GUID{}}
	creating   = asks{rightCreateChild, classUser} // on the container
	removing   = asks{rightDeleteChild, classUser} // likewise
)

// decides says what the list answers: the first entry of the token that is about
// the access wins (MS-ADTS 5.1.3.3.4). Entries that only wait to be inherited
// don't count.
func (d dacl) decides(who token, a asks) access {
	if d.missing {
		return granted
	}
	for _, e := range d.aces {
		if e.flags&aceInheritOnly == 0 && e.about(a) && e.of(who) {
			return e.says()
		}
	}
	return notNamed
}

// hands says whether the list gives the access to objects of the classes further
// down, whatever it says of its own object.
func (d dacl) hands(who token, a asks, classes ...GUID) bool {
	if d.missing {
		return false
	}
	for _, e := range d.aces {
		if e.flags&aceContainerInherit == 0 || !e.about(a) || !e.of(who) {
			continue
		}
		if e.below == nil || slices.ContainsFunc(classes, func(c GUID) bool { return bytes.Equal(e.below, c[:]) }) {
			return e.says() == granted
		}
	}
	return false
}

func (a ace) of(who token) bool {
	sid, err := sidText(a.sid)
	return err == nil && who[sid]
}

func (a ace) about(what asks) bool {
	if a.mask&(what.mask|rightGenericAll) == 0 {
		return false
	}
	return a.object == nil || what.object != (GUID{}) && bytes.Equal(a.object, what.object[:])
}

func (a ace) says() access {
	if a.kind == aceAllowed || a.kind == aceAllowedObject {
		return granted
	}
	return denied
}
