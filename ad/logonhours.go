package ad

import "time"

// hoursPerWeek is the number of bits of logonHours: one for each hour from
// Sunday 00:00 UTC, the lowest bit of each byte first (MS-SAMR 2.2.6.5).
const hoursPerWeek = 7 * 24

// logonAllowed says whether the hours allow a logon at t, and otherwise when
// they next do: the zero time means never. Absent hours allow every one; bits
// that are missing from a short value allow none.
func logonAllowed(hours []byte, t time.Time) (allowed bool, next time.Time) {
	if len(hours) == 0 {
		return true, time.Time{}
	}
	t = t.UTC()
	start := t.Truncate(time.Hour)
	for i := range hoursPerWeek {
		at := start.Add(time.Duration(i) * time.Hour)
		bit := int(at.Weekday())*24 + at.Hour()
		if bit/8 >= len(hours) || hours[bit/8]&(1<<(bit%8)) == 0 {
			continue
		}
		if i == 0 {
			return true, time.Time{}
		}
		return false, at
	}
	return false, time.Time{}
}
