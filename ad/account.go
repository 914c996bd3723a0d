package ad

import (
	"time"

	"github.com/latchkey/latchkey/secret"
)

// Account is what Latchkey reads of a person's account, at one moment, on one
// domain controller. It is never stored. Every text in it is hostile.
type Account struct {
	GUID              GUID
	SID               string // S-1-5-21-…
	DN                string
	SAMAccountName    string
	UserPrincipalName string
	DisplayName       string
	GivenName         string
	Surname           string
	Mail              string
	Department        string
	Title             string
	Language          string // preferredLanguage, a BCP 47 tag, or ""
	ManagerDN         string // "" when nobody is named

	// Groups are SIDs: tokenGroups (nested, with the primary group), lower
	// half of every membership rule. Compare with SIDs, never with names.
	Groups []string

	// Attributes are those of Config.Attributes, by their names in lower case. One
	// that was asked for is always there; the account may have no value of it.
	Attributes map[string][]string

	// Protected is why Latchkey never acts for this account; "" when it may.
	Protected Protection

	Disabled       bool
	Locked         bool      // msDS-User-Account-Control-Computed & 0x10, not lockoutTime
	LockedSince    time.Time // zero when not locked
	LockedUntil    time.Time // zero when not locked, or until somebody unlocks it
	BadPasswords   int       // badPwdCount of this controller
	LastBad        time.Time // badPasswordTime of this controller; zero for never
	AccountExpires time.Time // zero for never
	LogonAllowed   bool      // logonHours allow a logon at ReadAt
	NextLogon      time.Time // when logonHours next allow one; zero when allowed now or never

	MustChange           bool      // pwdLastSet is 0 and the password can expire
	PasswordSet          time.Time // zero when never or must-change
	PasswordExpired      bool      // computed flag 0x800000, must-change left out
	PasswordExpires      time.Time // zero for never or must-change
	PasswordNeverExpires bool
	CannotChange         bool
	SmartcardRequired    bool // a password is of no use to this person

	// LastLogon is lastLogonTimestamp: replicated, and up to 14 days late. Zero where
	// the account never logged on, and also where it may not be read.
	LastLogon time.Time

	Marks      Marks
	Controller string // host name of the controller that answered
	ReadAt     time.Time
}

// Marks are the values that tell afterwards, on the same controller, whether a
// write landed. FILETIME values are as in the directory (100 ns since 1601).
type Marks struct {
	KeyVersion  int64 `json:"key_version"`  // msDS-KeyVersionNumber; -1 when it can't be read
	PwdLastSet  int64 `json:"pwd_last_set"` // FILETIME, 0 = must change
	LockoutTime int64 `json:"lockout_time"` // FILETIME, 0 or absent = 0
}

// Protection says why an account is protected (docs/security.md, rule 5).
type Protection string

// The reasons, from the strongest.
const (
	NotProtected       Protection = ""
	ProtectedKrbtgt    Protection = "krbtgt"
	ProtectedNotPerson Protection = "not-a-person" // computer, gMSA, trust, contact
	ProtectedService   Protection = "service-account"
	ProtectedGroup     Protection = "protected-group"
	ProtectedAdmin     Protection = "admin-count"
	ProtectedOU        Protection = "protected-ou"
	// ProtectedUnknown: group membership could not be read. Fails closed.
	ProtectedUnknown Protection = "unknown"
)

// PasswordPolicy is what the directory demands of one person's password.
type PasswordPolicy struct {
	Source            PolicySource
	Name              string // name of the PSO; "" for the domain's
	MinLength         int
	Complexity        bool
	History           int // passwords remembered
	MinAge            time.Duration
	MaxAge            time.Duration // 0 for never
	LockoutThreshold  int           // 0 = never locks; -1 = unknown
	LockoutDuration   time.Duration // 0 = until somebody unlocks
	ObservationWindow time.Duration
	// HistoryOnReset says that the controller offers the policy hints control,
	// so that a reset is held to the history too.
	HistoryOnReset bool
}

// PolicySource says where a password policy comes from.
type PolicySource string

// The sources. With PolicyUnreadable every number is unknown, and the
// person is told so: the domain's values are never shown in its place.
const (
	PolicyDomain     PolicySource = "domain"
	PolicyPSO        PolicySource = "pso"
	PolicyUnreadable PolicySource = "unreadable"
)

// Write names the account of one directory write and what must hold for it.
type Write struct {
	Target GUID
	// Controller is the host that answered the read with the marks; the write
	// goes there and nowhere else.
	Controller string
	// Check sees the account as read on the same connection right before the
	// write. An error stops the write and comes back wrapped, with
	// OutcomeNotWritten. Protection and Disabled are checked by this package
	// as well, before Check.
	Check func(Account) error
}

// NewPassword is the value of a reset.
type NewPassword struct {
	Value secret.Text
	// MustChange writes pwdLastSet 0 in the same modify (one-time password).
	MustChange bool
}

// Expiring is a person whose password expires soon.
type Expiring struct {
	GUID    GUID
	Expires time.Time
}
