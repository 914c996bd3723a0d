package push

import (
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	backoffFirst  = 2 * time.Second
	backoffMost   = 5 * time.Minute
	backoffLeast  = 250 * time.Millisecond
	retryAfterMax = time.Hour
	slowRetry     = 15 * time.Minute
)

// backoff is a random time below one that doubles with each attempt, so that what
// failed together does not come back together.
func backoff(attempts int, random io.Reader) time.Duration {
	most := backoffMost
	if attempts = max(attempts, 0); attempts < 16 {
		most = min(most, backoffFirst<<attempts)
	}
	return max(backoffLeast, time.Duration(float64(most)*fraction(random)))
}

// fraction is a random number in [0, 1); 1/2 where there is no randomness.
func fraction(random io.Reader) float64 {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0.5
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
}

// retryAfter reads the header (RFC 9110 10.2.3): seconds or a date. It is between
// 0 and an hour, and 0 for what is neither.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 32)
		if err != nil { // more than fits
			return retryAfterMax
		}
		return min(time.Duration(seconds)*time.Second, retryAfterMax)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), retryAfterMax)
}
