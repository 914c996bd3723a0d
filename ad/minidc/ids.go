package minidc

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// GUID is an objectGUID in the byte order of the directory (MS-DTYP 2.3.4.2);
// it converts to ad.GUID.
type GUID [16]byte

// guidOrder maps the bytes of the text to the stored bytes (MS-DTYP 2.3.4.3).
var guidOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// String returns the lower-case text form.
func (g GUID) String() string {
	var b [16]byte
	for i, j := range guidOrder {
		b[i] = g[j]
	}
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// newGUID makes a random one (RFC 9562, version 4).
func newGUID() GUID {
	var g GUID
	rand.Read(g[:])
	g[7] = g[7]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// namedGUID makes one from a name, for schema attributes whose real number
// nobody asks for.
func namedGUID(name string) GUID { return GUID(md5.Sum([]byte(strings.ToLower(name)))) }

// parseGUID reads the text form, with or without braces, or 32 hex digits in
// stored order.
func parseGUID(s string) (GUID, bool) {
	var g GUID
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) == 32 {
		b, err := hex.DecodeString(s)
		if err != nil {
			return g, false
		}
		return GUID(b), true
	}
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return g, false
	}
	for i, j := range guidOrder {
		g[j] = b[i]
	}
	return g, true
}

// mustGUID reads a constant.
func mustGUID(s string) GUID {
	g, ok := parseGUID(s)
	if !ok {
		panic("minidc: not a GUID: " + s)
	}
	return g
}

// sid is a security identifier in its binary form (MS-DTYP 2.4.2.2).
type sid string

func newSID(authority byte, sub ...uint32) sid {
	b := []byte{1, byte(len(sub)), 0, 0, 0, 0, 0, authority}
	for _, v := range sub {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return sid(b)
}

// child appends a relative identifier.
func (s sid) child(rid uint32) sid {
	b := binary.LittleEndian.AppendUint32([]byte(s), rid)
	b[1]++
	return sid(b)
}

// rid is the last sub-authority, 0 when there is none.
func (s sid) rid() uint32 {
	if len(s) < 12 {
		return 0
	}
	return binary.LittleEndian.Uint32([]byte(s[len(s)-4:]))
}

// String returns the S-1-… form.
func (s sid) String() string {
	if len(s) < 8 || len(s) != 8+4*int(s[1]) {
		return ""
	}
	out := "S-1-" + strconv.Itoa(int(s[7]))
	for i := 8; i < len(s); i += 4 {
		out += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32([]byte(s[i:i+4]))), 10)
	}
	return out
}

// parseSID reads the S-1-… form, or the binary form in hex.
func parseSID(s string) (sid, bool) {
	if b, err := hex.DecodeString(s); err == nil && len(b) >= 8 && len(b) == 8+4*int(b[1]) {
		return sid(b), true
	}
	parts := strings.Split(s, "-")
	if len(parts) < 3 || len(parts) > 18 || !strings.EqualFold(parts[0], "S") || parts[1] != "1" {
		return "", false
	}
	authority, err := strconv.ParseUint(parts[2], 10, 8)
	if err != nil {
		return "", false
	}
	var sub []uint32
	for _, p := range parts[3:] {
		v, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return "", false
		}
		sub = append(sub, uint32(v))
	}
	return newSID(byte(authority), sub...), true
}

// Well-known identifiers (MS-DTYP 2.4.2.4).
var (
	sidEveryone      = newSID(1, 0)
	sidNetwork       = newSID(5, 2)
	sidSelf          = newSID(5, 10)
	sidAuthenticated = newSID(5, 11)
	sidSystem        = newSID(5, 18)
	sidBuiltin       = newSID(5, 32)
	sidAdmins        = sidBuiltin.child(544)
)

// filetimeEpoch is the distance from 1601 to 1970 in 100 ns.
const filetimeEpoch = 116444736000000000

// Filetime is a moment as the directory writes it: 100 ns since 1601 UTC.
func Filetime(t time.Time) int64 {
	return t.Unix()*10_000_000 + int64(t.Nanosecond())/100 + filetimeEpoch
}

func filetimeText(t time.Time) string { return strconv.FormatInt(Filetime(t), 10) }

// generalized is a moment as whenCreated writes it.
func generalized(t time.Time) string { return t.UTC().Format("20060102150405") + ".0Z" }

// neverExpires is the directory's word for no end.
const neverExpires = 1<<63 - 1
