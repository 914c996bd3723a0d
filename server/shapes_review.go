package server

// Reviewing is the requester's half of a review.
type Reviewing struct {
	Since        string   `json:"since"`
	Number       string   `json:"number"`
	WrongNumbers int      `json:"wrongNumbers"`
	Reminded     string   `json:"reminded"`
	CanRemind    string   `json:"canRemind"`
	Decided      *Decided `json:"decided"`
}

// Decided is what a reviewer said.
type Decided struct {
	Verdict string `json:"verdict"`
	At      string `json:"at"`
	Chip    string `json:"chip"`
	Reason  string `json:"reason"`
}

// AskedList is who was asked to review.
type AskedList struct {
	Asked []Asked `json:"asked"`
	Count int     `json:"count"`
	Group string  `json:"group"`
	// Reachable: there is a device or a mail address of somebody who was asked.
	Reachable bool `json:"reachable"`
}

// Asked is one of them.
type Asked struct {
	Account     string `json:"account"`
	DisplayName string `json:"displayName"`
	Department  string `json:"department"`
	Photo       bool   `json:"photo"`
	At          string `json:"at"`
}

// Inbox is what waits for a reviewer, and what they decided.
type Inbox struct {
	Waiting []Review `json:"waiting"`
	Decided []Review `json:"decided"`
	ReadAt  string   `json:"readAt"`
}

// Review is a request as its reviewer sees it. It never holds the number.
type Review struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"`
	State       string   `json:"state"`
	Open        bool     `json:"open"`
	Code        string   `json:"code"`
	Account     string   `json:"account"`
	DisplayName string   `json:"displayName"`
	Department  string   `json:"department"`
	Title       string   `json:"title"`
	Name        string   `json:"name"`
	Photo       bool     `json:"photo"`
	Reason      string   `json:"reason"`
	Device      string   `json:"device"`
	Address     string   `json:"address"`
	Internal    bool     `json:"internal"`
	Proofs      []string `json:"proofs"`
	Created     string   `json:"created"`
	Asked       string   `json:"asked"`
	Deadline    string   `json:"deadline"`
	Number      bool     `json:"number"`
	NumbersLeft int      `json:"numbersLeft"`
	Signs       []Sign   `json:"signs"`
	Frozen      bool     `json:"frozen"`
	Mine        *Decided `json:"mine"`
	Version     int64    `json:"version"`
}

// Sign is one unusual thing about a request.
type Sign struct {
	Code  string `json:"code"`
	Count int    `json:"count"`
}

// ApproveBegin carries the two digits, or "".
type ApproveBegin struct {
	Number string `json:"number" maxLength:"16"`
}

// Denial is why not.
type Denial struct {
	Chip   string `json:"chip" maxLength:"32"`
	Reason string `json:"reason" maxLength:"2000"`
}

// DeviceList are the browsers that take notifications of a person.
type DeviceList struct {
	PublicKey string   `json:"publicKey"`
	Devices   []Device `json:"devices"`
	Mail      string   `json:"mail"`
}

// Device is one of them.
type Device struct {
	ID      string `json:"id"`
	Device  string `json:"device"`
	Created string `json:"created"`
	Renewed string `json:"renewed"`
	Reached string `json:"reached"`
	Failed  string `json:"failed"`
}

// SubscribeDevice is what the browser's subscription says, base64url. Key is the
// application server key that it was made with, where the browser says; Replaces
// the endpoint that it took the place of, where the browser changed it by itself.
type SubscribeDevice struct {
	Endpoint string `json:"endpoint" maxLength:"2000"`
	P256dh   string `json:"p256dh" maxLength:"200"`
	Auth     string `json:"auth" maxLength:"100"`
	Key      string `json:"key,omitempty" maxLength:"200"`
	Replaces string `json:"replaces,omitempty" maxLength:"2000"`
}

// LiveRequest says that a request changed.
type LiveRequest struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
}
