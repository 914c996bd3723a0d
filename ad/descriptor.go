package ad

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Parts of a security descriptor (MS-DTYP 2.4.4, 2.4.5, 2.4.6).
const (
	aceAllowed            = 0x00 // ACCESS_ALLOWED_ACE
	aceDenied             = 0x01 // ACCESS_DENIED_ACE
	aceAllowedObject      = 0x05 // ACCESS_ALLOWED_OBJECT_ACE
	aceDeniedObject       = 0x06 // ACCESS_DENIED_OBJECT_ACE
	aceContainerInherit   = 0x02
	aceInheritOnly        = 0x08
	aceInherited          = 0x10
	rightControlAccess    = 0x100
	objectTypePresent     = 0x1
	inheritedTypePresent  = 0x2
	daclPresent           = 0x4    // SE_DACL_PRESENT
	daclProtected         = 0x1000 // SE_DACL_PROTECTED
	descriptorHeader      = 20
	aclHeader             = 8
	sidSelf, sidEverybody = "S-1-5-10", "S-1-1-0"
	sidSignedIn           = "S-1-5-11" // Authenticated Users
)

// changePassword is the extended right User-Change-Password,
// ab721a53-1e2f-11d0-9819-00aa0040529b (MS-ADTS 5.1.3.2.1).
var changePassword = GUID{0x53, 0x1a, 0x72, 0xab, 0x2f, 0x1e, 0xd0, 0x11, 0x98, 0x19, 0x00, 0xaa, 0x00, 0x40, 0x52, 0x9b}

// deniesChange says whether the descriptor takes the right to change the
// password away from its owner or from everybody: this, and no bit of
// userAccountControl, is "user cannot change password". A broken descriptor
// denies nothing.
func deniesChange(sd []byte) bool {
	for _, ace := range aces(sd) {
		if !ace.denies(changePassword) {
			continue
		}
		if sid, err := sidText(ace.sid); err == nil && (sid == sidSelf || sid == sidEverybody) {
			return true
		}
	}
	return false
}

type ace struct {
	kind, flags byte
	mask        uint32
	object      []byte // 16 bytes, or nil for every right
	below       []byte // 16 bytes of the class that inherits it, or nil for every one
	sid         []byte
}

func (a ace) denies(right GUID) bool {
	if a.flags&aceInheritOnly != 0 || a.mask&rightControlAccess == 0 {
		return false
	}
	return a.kind == aceDenied || a.kind == aceDeniedObject && (a.object == nil || bytes.Equal(a.object, right[:]))
}

// aces returns the entries of the discretionary list that can be read.
func aces(sd []byte) []ace {
	list, _ := readDACL(sd)
	return list.aces
}

var errDescriptor = errors.New("not a security descriptor")

// dacl is the discretionary list of a descriptor.
type dacl struct {
	aces []ace
	// missing: there is no list, which grants everything to everybody.
	missing bool
	// closed: SE_DACL_PROTECTED, nothing is inherited from above.
	closed bool
}

// readDACL reads a self-relative descriptor. The error says that something of it
// could not be read; the entries before it come back all the same. Kinds of
// entries that are not known grant nothing and are left out.
func readDACL(sd []byte) (list dacl, err error) {
	if len(sd) < descriptorHeader {
		return list, errDescriptor
	}
	control := binary.LittleEndian.Uint16(sd[2:])
	list.closed = control&daclProtected != 0
	at := uint64(binary.LittleEndian.Uint32(sd[16:]))
	if at == 0 || control&daclPresent == 0 {
		list.missing = true
		return list, nil
	}
	if at+aclHeader > uint64(len(sd)) {
		return list, errDescriptor
	}
	acl := sd[at:]
	count, rest := int(binary.LittleEndian.Uint16(acl[4:])), acl[aclHeader:]
	for range count {
		if len(rest) < 8 {
			return list, errDescriptor
		}
		size := int(binary.LittleEndian.Uint16(rest[2:]))
		if size < 8 || size > len(rest) {
			return list, errDescriptor
		}
		a, known, whole := parseACE(rest[:size])
		switch {
		case !known:
		case !whole:
			err = errDescriptor
		default:
			list.aces = append(list.aces, a)
		}
		rest = rest[size:]
	}
	return list, err
}

func parseACE(b []byte) (a ace, known, whole bool) {
	a = ace{kind: b[0], flags: b[1], mask: binary.LittleEndian.Uint32(b[4:])}
	body := b[8:]
	switch a.kind {
	case aceAllowed, aceDenied:
	case aceAllowedObject, aceDeniedObject:
		if len(body) < 4 {
			return a, true, false
		}
		present := binary.LittleEndian.Uint32(body)
		body = body[4:]
		for _, part := range []struct {
			bit  uint32
			into *[]byte
		}{{objectTypePresent, &a.object}, {inheritedTypePresent, &a.below}} {
			if present&part.bit == 0 {
				continue
			}
			if len(body) < 16 {
				return a, true, false
			}
			*part.into, body = body[:16], body[16:]
		}
	default:
		return a, false, false
	}
	if len(body) < 8 || len(body) < 8+4*int(body[1]) {
		return a, true, false
	}
	a.sid = body[:8+4*int(body[1])]
	return a, true, true
}
