package server

import (
	"encoding/json"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/secret"
)

// The JSON of the API. pwa/src/api-types.ts says what each field means; a test
// holds the names to it.

// reply is an answer with status 200.
type reply[T any] struct{ Body T }

func answer[T any](v T) *reply[T] { return &reply[T]{Body: v} }

// nothing is an answer with status 204.
type nothing struct{}

// empty is the body {}.
type empty struct {
	Body struct{}
}

// ByID names a request or a passkey in the path. (Exported, or huma does not see
// it where it is embedded.)
type ByID struct {
	ID string `path:"id" maxLength:"1400"`
}

// emptyByID is the body {} about one of them.
type emptyByID struct {
	ByID
	Body struct{}
}

// stamp writes a time as the page reads it: RFC 3339 in UTC, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Info tells whose server this is.
type Info struct {
	Organisation string   `json:"organisation"`
	Support      Support  `json:"support"`
	Version      string   `json:"version"`
	Demo         bool     `json:"demo"`
	Languages    []string `json:"languages"`
	// Recovery lists the proofs, all of one entry together, that do without a passkey.
	Recovery [][]string `json:"recovery"`
	// RecoveryKinds lists, for each entry of Recovery, the kinds that some rule does for it.
	RecoveryKinds [][]string `json:"recoveryKinds"`
	// Attribute is what people are asked for that the directory knows; null for nothing.
	Attribute *Words `json:"attribute"`
}

// Ceremony is the browser's half of a WebAuthn ceremony.
type Ceremony struct {
	Token     string `json:"token" doc:"names the ceremony in the finish call; single use"`
	PublicKey any    `json:"publicKey" doc:"for PublicKeyCredential.parse…OptionsFromJSON"`
	TimeoutMS int    `json:"timeoutMs"`
}

func assertion(token secret.Text, o *protocol.CredentialAssertion) *reply[Ceremony] {
	return answer(Ceremony{Token: token.Reveal(), PublicKey: o.Response, TimeoutMS: o.Response.Timeout})
}

func creation(token secret.Text, o *protocol.CredentialCreation) *reply[Ceremony] {
	return answer(Ceremony{Token: token.Reveal(), PublicKey: o.Response, TimeoutMS: o.Response.Timeout})
}

// signInFinish ends a sign-in.
type signInFinish struct {
	Body struct {
		Token      secret.Text     `json:"token" maxLength:"128"`
		Credential json.RawMessage `json:"credential" doc:"credential.toJSON()"`
		Remember   bool            `json:"remember"`
	}
}

// finish ends any other ceremony of a signed-in person.
type finish struct {
	Body ceremonyFinish
}

type ceremonyFinish struct {
	Token      secret.Text     `json:"token" maxLength:"128"`
	Credential json.RawMessage `json:"credential" doc:"credential.toJSON()"`
}

// Me is the start of everything after a sign-in.
type Me struct {
	Account  Account   `json:"account"`
	Frozen   bool      `json:"frozen" doc:"my account is frozen here, whatever the options say"`
	Options  []Option  `json:"options"`
	Requests []Request `json:"requests"`
	Signal   Signal    `json:"signal"`
	Passkeys int       `json:"passkeys"`
	Session  Session   `json:"session"`
	Waiting  int       `json:"waiting" doc:"requests for my review, and freezes that I may lift"`
	Reviewer bool      `json:"reviewer"`
	// Duty is what the person has to hold and does not; null for nothing.
	Duty *Duty `json:"duty"`
}

// Duty is what the person has to set up.
type Duty struct {
	Missing []string `json:"missing"`
	By      string   `json:"by"`
	Overdue bool     `json:"overdue"`
	Limits  bool     `json:"limits"`
}

// Signal is what the WebAuthn signal methods need.
type Signal struct {
	RPID          string   `json:"rpId"`
	UserID        string   `json:"userId"`
	CredentialIDs []string `json:"credentialIds"`
	Name          string   `json:"name"`
	DisplayName   string   `json:"displayName"`
}

// Session is how long this sign-in lasts.
type Session struct {
	SignedIn string `json:"signedIn"`
	Expires  string `json:"expires"`
	Remember bool   `json:"remember"`
	// Recovered: signed in without a passkey.
	Recovered bool `json:"recovered"`
}

// Account is one person's account as they see it.
type Account struct {
	DisplayName     string   `json:"displayName"`
	GivenName       string   `json:"givenName"`
	Name            string   `json:"name"`
	Department      string   `json:"department"`
	State           []string `json:"state"`
	LockedSince     string   `json:"lockedSince"`
	LockedUntil     string   `json:"lockedUntil"`
	BadPasswords    int      `json:"badPasswords"`
	LastBad         string   `json:"lastBad"`
	PasswordSet     string   `json:"passwordSet"`
	PasswordExpires string   `json:"passwordExpires"`
	AccountExpires  string   `json:"accountExpires"`
	NextLogon       string   `json:"nextLogon"`
	ReadAt          string   `json:"readAt"`
}

// Option is one kind of request, and why not.
type Option struct {
	Kind     string `json:"kind"`
	Allowed  bool   `json:"allowed"`
	Code     string `json:"code"`
	Approval bool   `json:"approval"`
}

// RequestWay is what is left of one alternative of a draft. The first is preferred.
type RequestWay struct {
	Needs []string `json:"needs"`
	Lacks []string `json:"lacks" doc:"of these, what the person has not set up or has no address for"`
}

// Request is one request as its owner sees it.
type Request struct {
	ID         string            `json:"id"`
	Kind       string            `json:"kind"`
	State      string            `json:"state"`
	Needs      []string          `json:"needs" doc:"of the first way"`
	Ways       []RequestWay      `json:"ways"`
	Created    string            `json:"created"`
	Updated    string            `json:"updated"`
	Deadline   string            `json:"deadline"`
	Code       string            `json:"code"`
	Params     map[string]string `json:"params"`
	TriesLeft  int               `json:"triesLeft"`
	Vouched    bool              `json:"vouched" doc:"asked for without a proof: a colleague's word is it"`
	Unseen     bool              `json:"unseen"`
	Unlocked   bool              `json:"unlocked"`
	WatchUntil string            `json:"watchUntil"`
	Relocked   *Relocked         `json:"relocked"`
	Version    int64             `json:"version"`
	Review     *Reviewing        `json:"review"`
}

// Relocked is a lockout soon after an unlock.
type Relocked struct {
	At           string `json:"at"`
	BadPasswords int    `json:"badPasswords"`
	Cause        string `json:"cause"`
}

// PasswordRules are those that apply to the person.
type PasswordRules struct {
	Known           bool     `json:"known"`
	Source          string   `json:"source"`
	Policy          string   `json:"policy"`
	MinLength       int      `json:"min_length"`
	Complexity      bool     `json:"complexity"`
	Names           []string `json:"names"`
	MinScore        int      `json:"min_score"`
	History         int      `json:"history"`
	HistoryOnReset  bool     `json:"history_on_reset"`
	MinAgeDays      float64  `json:"min_age_days"`
	ChangeFrom      string   `json:"change_from"`
	ChangeTriesLeft int      `json:"change_tries_left"`
	Strength        bool     `json:"strength"`
	Banned          bool     `json:"banned"`
	Breached        bool     `json:"breached"`
}

// PasswordCheck is what was found about a password.
type PasswordCheck struct {
	Findings []Finding `json:"findings"`
	Score    int       `json:"score" doc:"0 to 4; -1 when strength was not judged"`
}

// Finding is one rule.
type Finding struct {
	Code string `json:"code"`
	OK   bool   `json:"ok"`
	Have string `json:"have,omitempty"`
	Want string `json:"want,omitempty"`
}

// Executed is a request after a write.
type Executed struct {
	Request   Request `json:"request"`
	Generated string  `json:"generated" doc:"one-time only, once; empty otherwise"`
}

// EnrolOpen is what an invitation tells before anything is proved.
type EnrolOpen struct {
	GivenName string `json:"givenName"`
	Password  bool   `json:"password"`
	Expires   string `json:"expires"`
	Link      string `json:"link"`
	QR        string `json:"qr" doc:"SVG path data"`
	QRSize    int    `json:"qrSize"`
}

// Grant says that the password was proved.
type Grant struct {
	Grant string `json:"grant"`
}

// Passkey is one of the person's own.
type Passkey struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Created  string `json:"created"`
	LastUsed string `json:"lastUsed"`
	Synced   bool   `json:"synced"`
	Current  bool   `json:"current"`
	Hardware bool   `json:"hardware"`
	Computer bool   `json:"computer" doc:"hardware, and kept by a computer's own chip: no security key"`
}

// Invite is a link for another device.
type Invite struct {
	Link    string `json:"link"`
	QR      string `json:"qr"`
	QRSize  int    `json:"qrSize"`
	Expires string `json:"expires"`
}

// ProofID names an unconsumed proof of this session.
type ProofID struct {
	Proof string `json:"proof"`
}

// Stored is what is kept about the person.
type Stored struct {
	ObjectGUID string          `json:"objectGUID"`
	Passkeys   []Passkey       `json:"passkeys"`
	Sessions   []StoredSession `json:"sessions"`
	Requests   int             `json:"requests"`
	Reviews    int             `json:"reviews"`  // requests that the person was asked to decide
	Devices    int             `json:"devices"`  // browsers that take their notifications
	Browsers   int             `json:"browsers"` // that they signed in with, as on a device of their own
	Frozen     bool            `json:"frozen"`
	Codes      int             `json:"codes"` // recovery codes, used ones among them
	App        bool            `json:"app"`   // an authenticator app
	PIN        bool            `json:"pin"`
	Questions  bool            `json:"questions"` // answers to them
	Mail       bool            `json:"mail"`      // an address of their own, for codes
	Phone      bool            `json:"phone"`     // and a number
	Events     int             `json:"events"`
	Retention  string          `json:"retention"`
}

// StoredSession is one sign-in of the person.
type StoredSession struct {
	Device   string `json:"device"`
	SignedIn string `json:"signedIn"`
	LastSeen string `json:"lastSeen"`
	Current  bool   `json:"current"`
}

// Activity is one event about the person's account.
type Activity struct {
	Time    string `json:"time"`
	Action  string `json:"action"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Kind    string `json:"kind"` // of the request it belongs to; "" for none
	Device  string `json:"device"`
}

// requestList, passkeyList and activityList wrap lists, so that fields can join.
type requestList struct {
	Requests []Request `json:"requests"`
}

type passkeyList struct {
	Passkeys []Passkey `json:"passkeys"`
}

type activityList struct {
	Events []Activity `json:"events"`
}
