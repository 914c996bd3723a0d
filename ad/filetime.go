package ad

import (
	"math"
	"time"
)

const (
	// unixEpoch is 1970-01-01 as FILETIME: 100 ns since 1601-01-01 (MS-DTYP 2.3.3).
	unixEpoch = 116444736000000000
	perSecond = 10_000_000
	// never is the sentinel of accountExpires and of expiry times
	// (MS-ADA1 2.1, MS-ADTS 3.1.1.4.5.40); 0 means the same or "at once".
	never = math.MaxInt64
	// forever is the sentinel of negative intervals such as lockoutDuration.
	forever = math.MinInt64
)

// fileTime returns the moment, or the zero time for 0, the sentinels and years
// that a JSON encoder refuses.
func fileTime(v int64) time.Time {
	if v <= 0 || v == never {
		return time.Time{}
	}
	seconds, rest := v/perSecond, v%perSecond
	t := time.Unix(seconds-unixEpoch/perSecond, rest*100).UTC()
	if t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// interval reads a negative count of 100 ns. 0, the sentinel and what a
// Duration can't hold (292 years) are 0: no interval, or no end to it.
func interval(v int64) time.Duration {
	if v >= 0 || v == forever || v < -math.MaxInt64/100 {
		return 0
	}
	return time.Duration(-v * 100)
}
