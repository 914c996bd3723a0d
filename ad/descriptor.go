package ad

import (
	"bytes"
	"encoding/binary"
)

// Parts of a security descriptor (MS-DTYP 2.4.4, 2.4.5, 2.4.6).
const (
	aceDeniedObject       = 0x06 // ACCESS_DENIED_OBJECT_ACE
	aceDenied             = 0x01 // ACCESS_DENIED_ACE
	aceInheritOnly        = 0x08
	rightControlAccess    = 0x100
	objectTypePresent     = 0x1
	inheritedTypePresent  = 0x2
	descriptorHeader      = 20
	aclHeader             = 8
	sidSelf, sidEverybody = "S-1-5-10", "S-1-1-0"
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
	if len(sd) < descriptorHeader {
		return nil
	}
	at := uint64(binary.LittleEndian.Uint32(sd[16:]))
	if at == 0 || at+aclHeader > uint64(len(sd)) {
		return nil
	}
	acl := sd[at:]
	count, rest := int(binary.LittleEndian.Uint16(acl[4:])), acl[aclHeader:]
	var out []ace
	for range count {
		if len(rest) < 8 {
			break
		}
		size := int(binary.LittleEndian.Uint16(rest[2:]))
		if size < 8 || size > len(rest) {
			break
		}
		if a, ok := parseACE(rest[:size]); ok {
			out = append(out, a)
		}
		rest = rest[size:]
	}
	return out
}

func parseACE(b []byte) (ace, bool) {
	a := ace{kind: b[0], flags: b[1], mask: binary.LittleEndian.Uint32(b[4:])}
	body := b[8:]
	switch a.kind {
	case aceDenied:
	case aceDeniedObject:
		if len(body) < 4 {
			return a, false
		}
		present := binary.LittleEndian.Uint32(body)
		body = body[4:]
		if present&objectTypePresent != 0 {
			if len(body) < 16 {
				return a, false
			}
			a.object, body = body[:16], body[16:]
		}
		if present&inheritedTypePresent != 0 {
			if len(body) < 16 {
				return a, false
			}
			body = body[16:]
		}
	default:
		return a, false
	}
	if len(body) < 8 || len(body) < 8+4*int(body[1]) {
		return a, false
	}
	a.sid = body[:8+4*int(body[1])]
	return a, true
}
