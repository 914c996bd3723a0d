package ad

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// errSID is returned for bytes or text that are no SID.
var errSID = errors.New("not a SID")

// sidText writes a binary SID as S-1-… (MS-DTYP 2.4.2).
func sidText(b []byte) (string, error) {
	if len(b) < 8 || b[0] != 1 || b[1] > 15 || len(b) != 8+4*int(b[1]) {
		return "", errSID
	}
	var authority uint64
	for _, x := range b[2:8] {
		authority = authority<<8 | uint64(x)
	}
	var s strings.Builder
	s.WriteString("S-1-" + strconv.FormatUint(authority, 10))
	for i := range int(b[1]) {
		s.WriteString("-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(b[8+4*i:])), 10))
	}
	return s.String(), nil
}

// sidBytes is the inverse of sidText.
func sidBytes(s string) ([]byte, error) {
	parts := strings.Split(s, "-")
	if len(parts) < 3 || len(parts) > 18 || parts[0] != "S" || parts[1] != "1" {
		return nil, errSID
	}
	authority, err := strconv.ParseUint(parts[2], 10, 48)
	if err != nil {
		return nil, errSID
	}
	b := binary.BigEndian.AppendUint64(nil, authority)
	b[0], b[1] = 1, byte(len(parts)-3)
	for _, p := range parts[3:] {
		sub, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, errSID
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(sub))
	}
	return b, nil
}

// splitSID cuts the relative identifier off; ok is false where there is none.
func splitSID(sid string) (domain string, rid uint32, ok bool) {
	i := strings.LastIndexByte(sid, '-')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(sid[i+1:], 10, 32)
	if err != nil {
		return "", 0, false
	}
	return sid[:i], uint32(n), true
}

// inDomain builds the SID of a relative identifier.
func inDomain(domain string, rid uint32) string {
	return domain + "-" + strconv.FormatUint(uint64(rid), 10)
}
