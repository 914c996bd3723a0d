package main

import (
	"context"
	"fmt"
	"time"

	"rsc.io/qr"
)

type inviteCmd struct {
	where
	Valid      time.Duration
	NoPassword bool
	QR         bool
	Account    string
}

// inviteCall asks for an invitation.
type inviteCall struct {
	Account  string        `json:"account"` // UPN, DOMAIN\name or sAMAccountName
	Valid    time.Duration `json:"valid"`   // 0 takes the configured time
	Password *bool         `json:"password,omitempty"`
}

// inviteAnswer is the link, for the person and for nobody else.
type inviteAnswer struct {
	Link    string    `json:"link"`
	Name    string    `json:"name"`
	Expires time.Time `json:"expires"`
}

var callInvite = control[inviteCall, inviteAnswer]{"/invite", (*app).invite}

// Run makes the link.
func (c inviteCmd) Run(ctx context.Context, s streams) error {
	call := inviteCall{Account: c.Account, Valid: c.Valid}
	if c.NoPassword {
		no := false
		call.Password = &no
	}
	answer, err := carryOut(ctx, c.where, s, callInvite, call)
	if err != nil {
		return fmt.Errorf("invite %s: %w", c.Account, err)
	}
	fmt.Fprintf(s.out, "For %s, once, until %s:\n%s\n", answer.Name, answer.Expires.Local().Format("Mon 2 Jan 15:04"), answer.Link)
	if c.QR {
		return drawQR(s, answer.Link)
	}
	return nil
}

// drawQR draws two rows of modules with each line of half blocks, dark on light
// as scanners want it.
func drawQR(s streams, text string) error {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("draw QR code: %w", err)
	}
	const quiet = 4
	light := func(x, y int) bool { return !code.Black(x, y) }
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			fmt.Fprint(s.out, halfBlock(light(x, y), light(x, y+1)))
		}
		fmt.Fprintln(s.out)
	}
	return nil
}

func halfBlock(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
