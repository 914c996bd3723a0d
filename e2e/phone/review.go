package phone

import (
	"context"
	"fmt"
)

// Review is what a page sees of a request that somebody is asked to review.
type Review struct {
	ID          string `json:"id"`
	Kind        string `json:"kind"`
	State       string `json:"state"`
	Open        bool   `json:"open"`
	Code        string `json:"code"`
	Account     string `json:"account"`
	DisplayName string `json:"displayName"`
	Reason      string `json:"reason"`
	Number      bool   `json:"number"`
	NumbersLeft int    `json:"numbersLeft"`
	Frozen      bool   `json:"frozen"`
	Version     int64  `json:"version"`
}

// Inbox is what waits for a person's review, and what they decided.
type Inbox struct {
	Waiting []Review `json:"waiting"`
	Decided []Review `json:"decided"`
}

// SubmitFor asks for kind and says why.
func (p *Phone) SubmitFor(ctx context.Context, kind, reason string) (r Request, err error) {
	return r, p.Call(ctx, "POST", "/api/requests", Fields{"kind": kind, "reason": reason}, &r)
}

// Ask asks for kind and proves it: the request is pending where somebody else
// approves.
func (p *Phone) Ask(ctx context.Context, kind, reason string) (Request, error) {
	r, err := p.SubmitFor(ctx, kind, reason)
	if err != nil || r.State != "draft" {
		return r, err
	}
	return p.Prove(ctx, r.ID)
}

// Requests lists the person's own.
func (p *Phone) Requests(ctx context.Context) ([]Request, error) {
	var all struct {
		Requests []Request `json:"requests"`
	}
	err := p.Call(ctx, "GET", "/api/requests", nil, &all)
	return all.Requests, err
}

// Cancel takes a request back.
func (p *Phone) Cancel(ctx context.Context, id string) (r Request, err error) {
	return r, p.Call(ctx, "POST", "/api/requests/"+id+"/cancel", Fields{}, &r)
}

// Remind asks the approvers again.
func (p *Phone) Remind(ctx context.Context, id string) (r Request, err error) {
	return r, p.Call(ctx, "POST", "/api/requests/"+id+"/remind", Fields{}, &r)
}

// Inbox reads what waits.
func (p *Phone) Inbox(ctx context.Context) (in Inbox, err error) {
	return in, p.Call(ctx, "GET", "/api/inbox", nil, &in)
}

// Review reads a request as its approver.
func (p *Phone) Review(ctx context.Context, id string) (r Review, err error) {
	return r, p.Call(ctx, "GET", reviews(id), nil, &r)
}

func reviews(id string) string { return "/api/reviews/" + id }

// BeginApproval gives the number, "" where none is asked for, touches the passkey,
// and returns the body that finishes the approval.
func (p *Phone) BeginApproval(ctx context.Context, id, number string) (Fields, error) {
	body, err := p.SignWith(ctx, reviews(id)+"/approve/begin", Fields{"number": number}, nil)
	if err != nil {
		return nil, fmt.Errorf("begin approval: %w", err)
	}
	return body, nil
}

// FinishApproval sends it.
func (p *Phone) FinishApproval(ctx context.Context, id string, body Fields) (r Review, err error) {
	return r, p.Call(ctx, "POST", reviews(id)+"/approve/finish", body, &r)
}

// Approve touches the passkey over the request.
func (p *Phone) Approve(ctx context.Context, id, number string) (Review, error) {
	body, err := p.BeginApproval(ctx, id, number)
	if err != nil {
		return Review{}, err
	}
	return p.FinishApproval(ctx, id, body)
}

// Deny says no, with one of the reasons.
func (p *Phone) Deny(ctx context.Context, id, chip, reason string) (r Review, err error) {
	return r, p.Call(ctx, "POST", reviews(id)+"/deny", Fields{"chip": chip, "reason": reason}, &r)
}

// Report says that it is not right.
func (p *Phone) Report(ctx context.Context, id string) (r Review, err error) {
	return r, p.Call(ctx, "POST", reviews(id)+"/report", Fields{}, &r)
}

// Freeze freezes the account after a report, with the passkey.
func (p *Phone) Freeze(ctx context.Context, id string) (r Review, err error) {
	return r, p.Assert(ctx, reviews(id)+"/freeze/begin", reviews(id)+"/freeze/finish", nil, &r)
}

// AskThaw proves, with the passkey, that it is the owner of the frozen account again.
func (p *Phone) AskThaw(ctx context.Context) error {
	return p.Assert(ctx, "/api/freeze/thaw/begin", "/api/freeze/thaw/finish", nil, nil)
}

// Device is a browser that takes notifications.
type Device struct {
	ID      string `json:"id"`
	Reached string `json:"reached"`
	Failed  string `json:"failed"`
}

// Devices lists the person's, with the key that a new subscription is made for.
func (p *Phone) Devices(ctx context.Context) (key string, all []Device, err error) {
	var out struct {
		PublicKey string   `json:"publicKey"`
		Devices   []Device `json:"devices"`
	}
	err = p.Call(ctx, "GET", "/api/devices", nil, &out)
	return out.PublicKey, out.Devices, err
}

// Subscribe tells the server of a subscription.
func (p *Phone) Subscribe(ctx context.Context, endpoint, p256dh, auth string) (d Device, err error) {
	return d, p.Call(ctx, "POST", "/api/devices", Fields{"endpoint": endpoint, "p256dh": p256dh, "auth": auth}, &d)
}

// TestDevice has a notification sent at once.
func (p *Phone) TestDevice(ctx context.Context, id string) error {
	return p.Call(ctx, "POST", "/api/devices/"+id+"/test", Fields{}, nil)
}

// RemoveDevice ends it.
func (p *Phone) RemoveDevice(ctx context.Context, id string) error {
	return p.Call(ctx, "POST", "/api/devices/"+id+"/remove", Fields{}, nil)
}
