package server

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/png"
	"sync"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// theNumber is on the requester's screen and nowhere else. It has more digits
// than two so that it is found wherever it stands.
const theNumber = "4771904771"

var (
	bob = ad.GUID{2} // asks
	eve = ad.GUID{3} // has nothing to do with it
)

// seats is a double of workflow's reviews: alice sits in the seats of bob's
// request r1. It is the photos as well: bob has one.
type seats struct {
	mu    sync.Mutex
	err   error
	ice   error  // of OwnFreeze only
	none  bool   // there is no photo
	raw   []byte // the photo; nil for a good one
	reads int
	calls []string
	proof enroll.Proof
	chip  string
	said  string
	typed string
}

func (v *seats) request() workflow.Request {
	at := time.Date(2026, 11, 24, 7, 58, 0, 0, time.UTC)
	return workflow.Request{
		ID: "r1", Kind: workflow.KindReset, State: workflow.Pending, Requester: bob, Target: bob, Reason: "forgot <b>it</b>",
		Asked: []workflow.Seat{{Account: alice, At: at}}, Number: theNumber, Created: at, Deadline: at.Add(time.Hour),
		Device: "Firefox on Linux", Address: "10.1.2.3", Salts: map[string][]byte{"reason": []byte("salt")},
		Proofs: []workflow.ConsumedProof{{ID: "p0", Kind: enroll.ProofPasskey}}, Version: 3,
	}
}

func (v *seats) reviewed(id, call string) (workflow.Reviewed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, call)
	if id != "r1" {
		return workflow.Reviewed{}, workflow.ErrNoRequest
	}
	who := ad.Account{GUID: bob, SAMAccountName: "bob", DisplayName: "Bob", Department: "Cash", Title: "Teller"}
	return workflow.Reviewed{
		Request: v.request(), Target: who, Requester: who, Open: true, Number: true,
		Signs: []workflow.Sign{{Code: "often", Count: 3}},
	}, v.err
}

func (v *seats) Inbox(context.Context, Actor) (waiting, decided []workflow.Reviewed, err error) {
	one, err := v.reviewed("r1", "inbox")
	return []workflow.Reviewed{one}, nil, err
}
func (v *seats) Waiting(context.Context, ad.GUID) (int, error) { return 1, v.err }
func (v *seats) Seated(context.Context, ad.GUID) (bool, error) { return true, v.err }
func (v *seats) Review(_ context.Context, _ Actor, id string) (workflow.Reviewed, error) {
	return v.reviewed(id, "review")
}
func (v *seats) BeginApproval(_ context.Context, _ Actor, id, number string) (string, []byte, error) {
	v.typed = number
	_, err := v.reviewed(id, "begin approval")
	return workflow.ReviewLabel, []byte("statement"), err
}
func (v *seats) Approve(_ context.Context, _ Actor, id string, p enroll.Proof) (workflow.Reviewed, error) {
	v.proof = p
	return v.reviewed(id, "approve")
}

// FreezeSelf and FreezeByNotice take every token but "bad".
func (v *seats) FreezeSelf(context.Context, Actor) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, "freeze self")
	return v.err
}
func (v *seats) FreezeByNotice(_ context.Context, token secret.Text, _ workflow.From) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, "freeze by notice")
	if token.Reveal() == "bad" {
		return workflow.ErrFreezeLink
	}
	return v.err
}
func (v *seats) OwnFreeze(context.Context, Actor) (*workflow.Freeze, error) {
	return &workflow.Freeze{Account: alice, By: alice}, cmp.Or(v.ice, v.err)
}
func (v *seats) BeginThaw(context.Context, Actor) (string, []byte, error) {
	return workflow.ThawLabel, []byte("statement"), v.err
}
func (v *seats) AskThaw(_ context.Context, _ Actor, p enroll.Proof) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.proof, v.calls = p, append(v.calls, "ask thaw")
	return v.err
}
func (v *seats) ThawSuffices(context.Context, ad.Account, string, []enroll.ProofKind) error {
	return v.err
}
func (v *seats) AskThawRecovered(context.Context, Actor) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, "ask thaw")
	return v.err
}
func (v *seats) Thaws(context.Context, Actor) ([]workflow.Thaw, error) {
	return []workflow.Thaw{{Freeze: workflow.Freeze{Account: alice, By: alice}, Person: ad.Account{GUID: alice}}}, v.err
}
func (v *seats) CountThaws(context.Context, ad.GUID) int { return 1 }
func (v *seats) BeginLift(context.Context, Actor, ad.GUID, time.Time) (string, []byte, error) {
	return workflow.LiftLabel, []byte("statement"), v.err
}
func (v *seats) Lift(_ context.Context, _ Actor, _ ad.GUID, p enroll.Proof) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.proof, v.calls = p, append(v.calls, "lift")
	return v.err
}
func (v *seats) Deny(_ context.Context, _ Actor, id, chip, reason string) (workflow.Reviewed, error) {
	v.chip, v.said = chip, reason
	return v.reviewed(id, "deny")
}
func (v *seats) Report(_ context.Context, _ Actor, id string) (workflow.Reviewed, error) {
	return v.reviewed(id, "report")
}
func (v *seats) BeginFreeze(_ context.Context, _ Actor, id string) (string, []byte, error) {
	_, err := v.reviewed(id, "begin freeze")
	return workflow.FreezeLabel, []byte("statement"), err
}
func (v *seats) Freeze(_ context.Context, _ Actor, id string, p enroll.Proof) (workflow.Reviewed, error) {
	v.proof = p
	return v.reviewed(id, "freeze")
}
func (v *seats) Remind(_ context.Context, _ Actor, id string) (workflow.Request, error) {
	got, err := v.reviewed(id, "remind")
	return got.Request, err
}
func (v *seats) Asked(_ context.Context, _ Actor, id string, _ int) ([]ad.Account, error) {
	_, err := v.reviewed(id, "asked")
	return []ad.Account{{GUID: alice, SAMAccountName: "alice"}}, err
}
func (v *seats) MaySee(_ context.Context, _ Actor, id string, of ad.GUID) error {
	if id != "r1" || of == eve {
		return workflow.ErrNoRequest
	}
	return v.err
}

func (v *seats) Photo(_ context.Context, of ad.GUID) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reads++
	switch {
	case v.none:
		return nil, ad.ErrNotFound
	case v.raw != nil:
		return v.raw, nil
	}
	return paintedPNG(300, 200), nil
}

// paintedPNG is green in the middle square and red at both sides.
func paintedPNG(w, h int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{R: 255, A: 255}
			if x >= (w-h)/2 && x < (w+h)/2 {
				c = color.RGBA{G: 255, A: 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

// phones is a double of push.
type phones struct {
	replaced string
	err      error
	mailErr  error
	got      push.Subscription
	gone     []string
	none     bool // neither a device nor an address
}

func (p *phones) PublicKey() string { return "BPublic" }
func (p *phones) Subscribe(_ context.Context, s push.Subscription) (push.Subscription, error) {
	p.got = s
	s.ID = "d1"
	return s, p.err
}
func (p *phones) Replace(ctx context.Context, s push.Subscription, old string) (push.Subscription, error) {
	p.replaced = old
	return p.Subscribe(ctx, s)
}
func (p *phones) Devices(context.Context, string) ([]push.Subscription, error) {
	if p.none {
		return nil, p.err
	}
	return []push.Subscription{{ID: "d1", Endpoint: "https://push.example.test/secret", P256dh: []byte("key"), Auth: []byte("auth"), Device: "Chrome on Android"}}, p.err
}
func (p *phones) Remove(_ context.Context, account, id string) error {
	p.gone = append(p.gone, account+" "+id)
	return p.err
}
func (p *phones) MailHint(context.Context, string) (string, error) {
	if p.none {
		return "", p.mailErr
	}
	return "a…@example.test", p.mailErr
}
func (p *phones) Test(context.Context, string, string) error { return p.err }
