package workflow

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/latchkey/latchkey/ad"
)

// Condition matches a target account under the circumstances of a request. All
// parts that are set must match; an empty one is an error.
type Condition struct {
	Everyone bool
	Group    *Group // nested membership, by SID
	OU       string // DN; the account lies under it
	// OUErr is why the unit could not be found: the rule then denies.
	OUErr      string
	Department string // case-insensitive, whole
	// Company, Location and Attribute compare a directory attribute; nil asks
	// nothing. They differ in the key that the configuration has for them.
	Company, Location, Attribute *Attribute

	Network []netip.Prefix // the client's address lies in one of them
	Hours   *Hours
	State   []AccountState // the account is in one of them
	// NewDevice: the browser is, or is not, new to the account; nil asks nothing.
	NewDevice *bool

	Any []Condition // at least one matches
	All []Condition // each matches
	Not *Condition
}

// Attribute is an attribute that one of its values must equal: whole, and without
// regard to case. The account must have been read with it (ad.Config.Attributes).
type Attribute struct {
	Name  string
	Value string
}

// Group is a group of the directory as the configuration names it.
type Group struct {
	DN  string
	SID string // resolved at load; "" when that failed
	// Err is why it could not be resolved: the rule then denies.
	Err string
}

// AccountState is a state that a condition may ask for.
type AccountState string

// The states.
const (
	StateLocked     AccountState = "locked"
	StateExpired    AccountState = "expired"     // the password has; must-change left out
	StateMustChange AccountState = "must-change" // the password, at the next logon
	StateNeverUsed  AccountState = "never-used"  // no logon that the directory tells of
)

// AccountStates lists them.
var AccountStates = []AccountState{StateLocked, StateExpired, StateMustChange, StateNeverUsed}

// Hours are times of the day by a wall clock. From is in, To is not; both are
// minutes since midnight, To at most 1440. A To that is not after From is on the
// next day, and Days name the day of From. Where daylight saving skips a time the
// window begins, or ends, with the first moment behind it; a time that comes twice
// counts twice.
type Hours struct {
	Days     [7]bool // by time.Weekday
	From, To int
	Zone     *time.Location
}

// wallTime is what a wall clock shows.
type wallTime struct {
	day    time.Weekday
	minute int // since midnight
}

func wallClock(at time.Time, zone *time.Location) wallTime {
	local := at.In(zone)
	hour, minute, _ := local.Clock()
	return wallTime{local.Weekday(), hour*60 + minute}
}

// contain says whether a time of the zone's clock lies in the hours.
func (h *Hours) contain(c wallTime) bool {
	if h.From < h.To {
		return h.Days[c.day] && c.minute >= h.From && c.minute < h.To
	}
	return h.Days[c.day] && c.minute >= h.From || h.Days[(c.day+6)%7] && c.minute < h.To
}

// readable: hours that nothing was read into are a mistake and no time at all.
func (h *Hours) readable() bool {
	return h.Zone != nil && h.Days != [7]bool{} &&
		h.From >= 0 && h.From < 24*60 && h.To >= 0 && h.To <= 24*60
}

// Circumstances are what a decision depends on beside the account: they come in as
// values, so that an evaluation stays pure.
type Circumstances struct {
	// Address of the client; the zero address where none is known, which is an
	// error of a rule that asks for a network.
	Address netip.Addr
	Now     time.Time
	// Device is "" where nobody could tell, which is an error of a rule that asks.
	Device Device
}

// Device says whether a browser is new to an account.
type Device string

// A browser is known once somebody signed in to the account with it by a passkey, a
// while ago and as on a device of their own.
const (
	DeviceNew   Device = "new"
	DeviceKnown Device = "known"
)

// knownAfter keeps a browser new for a while: whoever signs in with a stolen passkey is
// not known a minute later, and its owner has heard of it by then.
const knownAfter = 24 * time.Hour

// circumstances are those of a step of the account. A store that can't say leaves the
// device open.
func (e *Engine) circumstances(ctx context.Context, account ad.GUID, address, browser string, now time.Time) Circumstances {
	at := circumstances(address, now)
	if !e.runningPolicy().made().devices {
		return at
	}
	switch known, err := e.isKnown(ctx, account, browser, now); {
	case err != nil:
		e.log.Error("whether a browser is new is not known: rules that ask deny", "error", err)
	case known:
		at.Device = DeviceKnown
	default:
		at.Device = DeviceNew
	}
	return at
}

func (e *Engine) isKnown(ctx context.Context, account ad.GUID, browser string, now time.Time) (bool, error) {
	if browser == "" {
		return false, nil
	}
	if e.browsers == nil {
		return false, errors.New("nobody knows which browsers are new")
	}
	return e.browsers.KnownBrowser(ctx, account, browser, now.Add(-knownAfter))
}

// circumstances of a step, from the address as an Actor or a Request has it. A text
// that is no address is no address.
func circumstances(address string, now time.Time) Circumstances {
	a, err := netip.ParseAddr(address)
	if err != nil {
		a = netip.Addr{}
	}
	return Circumstances{Address: a.Unmap().WithZone(""), Now: now}
}

// from is the request as it is judged while a client acts: by where that client is.
// What executes by itself is judged by where it was submitted.
func (r Request) from(address, browser string) Request {
	if address != "" {
		r.Address, r.Browser = address, browser
	}
	return r
}
